/* SPDX-License-Identifier: Apache-2.0 */
/* names_table.h - a bounded pool of equal items, named by a small number, found by their hash and kept in order of use.
 *
 * Items never move: memory grows by chunks, up to `max` items and the octets of a budget that several tables share, and
 * is used again. An item starts with a struct table_item; the number 0 is no item. Which key an item has is the caller's
 * business; so is making room when the table is full.
 */
#ifndef DEVOURER_NAMES_TABLE_H
#define DEVOURER_NAMES_TABLE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TABLE_CHUNK 256u                          /* items that are allocated together */

struct budget {
	size_t octets, max;                       /* taken and allowed, of all that share it */
};

struct pool {
	struct budget *budget;                    /* lent */
	uint8_t **chunks;
	size_t item_size;
	uint32_t max, used, free, count;          /* ever used, head of the free ones, in use now */
};

struct table_item {
	uint32_t hash, next;                      /* the next item of the bucket */
	uint32_t older, newer;                    /* neighbours in order of use */
};

struct table {
	struct pool pool;
	uint32_t *buckets, mask;
	uint32_t oldest, newest;
};

/* A pool without hash and order. 0 or -ENOMEM; pool_free() and table_free() accept what failed or never was. */
int pool_init(struct pool *pool, struct budget *budget, size_t item_size, size_t max);
void pool_free(struct pool *pool);
uint32_t pool_take(struct pool *pool);            /* an item of zeros; 0: it is full, or out of memory */
void pool_give(struct pool *pool, uint32_t item);
bool pool_is_full(const struct pool *pool);       /* `max` are in use, or the budget is */

static inline void *pool_at(const struct pool *pool, uint32_t item)
{
	return pool->chunks[item / TABLE_CHUNK] + item % TABLE_CHUNK * pool->item_size;
}

int table_init(struct table *table, struct budget *budget, size_t item_size, size_t max);
void table_free(struct table *table);
uint32_t table_add(struct table *table, uint32_t hash); /* as pool_take(), and the newest */
void table_remove(struct table *table, uint32_t item);
void table_touch(struct table *table, uint32_t item); /* it is the newest now */

static inline struct table_item *table_at(const struct table *table, uint32_t item)
{
	return pool_at(&table->pool, item);
}

/* The first item from `item` on along its bucket that has this hash. */
static inline uint32_t table_scan(const struct table *table, uint32_t item, uint32_t hash)
{
	while (item && table_at(table, item)->hash != hash)
		item = table_at(table, item)->next;
	return item;
}

static inline uint32_t table_first(const struct table *table, uint32_t hash)
{
	return table->buckets ? table_scan(table, table->buckets[hash & table->mask], hash) : 0;
}

static inline uint32_t table_next(const struct table *table, uint32_t item, uint32_t hash)
{
	return table_scan(table, table_at(table, item)->next, hash);
}
#endif
