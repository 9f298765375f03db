/* SPDX-License-Identifier: Apache-2.0 */
/* names_table.c - chunks of items, buckets that double, and a list in order of use. */
#include "names_table.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool budget_take(struct budget *budget, size_t octets)
{
	if (octets > budget->max || budget->octets > budget->max - octets)
		return false;
	budget->octets += octets;
	return true;
}

int pool_init(struct pool *pool, struct budget *budget, size_t item_size, size_t max)
{
	size_t chunks = max / TABLE_CHUNK + 1;    /* item 0 is never handed out */

	*pool = (struct pool){ .budget = budget, .item_size = item_size, .max = (uint32_t)max };
	pool->chunks = calloc(chunks, sizeof(*pool->chunks));
	if (!pool->chunks)
		return -ENOMEM;
	budget->octets += chunks * sizeof(*pool->chunks);
	return 0;
}

void pool_free(struct pool *pool)
{
	if (!pool->chunks)
		return;
	for (uint32_t i = 0; i <= pool->max / TABLE_CHUNK; i++)
		free(pool->chunks[i]);
	free(pool->chunks);
	*pool = (struct pool){ 0 };
}

/* An item that was never used; its chunk may have to be made. */
static uint32_t take_fresh(struct pool *pool)
{
	uint32_t item = pool->used + 1;
	uint8_t **chunk = &pool->chunks[item / TABLE_CHUNK];

	if (!*chunk) {
		if (!budget_take(pool->budget, TABLE_CHUNK * pool->item_size))
			return 0;
		*chunk = calloc(TABLE_CHUNK, pool->item_size);
		if (!*chunk) {
			pool->budget->octets -= TABLE_CHUNK * pool->item_size;
			return 0;
		}
	}
	pool->used = item;
	return item;
}

bool pool_is_full(const struct pool *pool)
{
	const struct budget *budget = pool->budget;

	if (pool->count >= pool->max)
		return true;
	if (pool->free || pool->chunks[(pool->used + 1) / TABLE_CHUNK])
		return false;
	return budget->octets + TABLE_CHUNK * pool->item_size > budget->max;
}

uint32_t pool_take(struct pool *pool)
{
	uint32_t item = pool->free;

	if (pool->count >= pool->max)
		return 0;
	if (item)                                 /* a free item holds the number of the next free one */
		memcpy(&pool->free, pool_at(pool, item), sizeof(pool->free));
	else
		item = take_fresh(pool);
	if (!item)
		return 0;
	memset(pool_at(pool, item), 0, pool->item_size);
	pool->count++;
	return item;
}

void pool_give(struct pool *pool, uint32_t item)
{
	memcpy(pool_at(pool, item), &pool->free, sizeof(pool->free));
	pool->free = item;
	pool->count--;
}

int table_init(struct table *table, struct budget *budget, size_t item_size, size_t max)
{
	*table = (struct table){ 0 };
	return pool_init(&table->pool, budget, item_size, max);
}

void table_free(struct table *table)
{
	pool_free(&table->pool);
	free(table->buckets);
	*table = (struct table){ 0 };
}

static void bucket_put(struct table *table, uint32_t item)
{
	struct table_item *it = table_at(table, item);
	uint32_t *bucket = &table->buckets[it->hash & table->mask];

	it->next = *bucket;
	*bucket = item;
}

/* Twice as many buckets. Without memory for them the chains only become longer. */
static void grow(struct table *table)
{
	size_t old = table->buckets ? table->mask + 1ul : 0, count = old ? 2 * old : TABLE_CHUNK;
	uint32_t *buckets = calloc(count, sizeof(*buckets));

	if (!buckets)
		return;
	table->pool.budget->octets += (count - old) * sizeof(*buckets);
	free(table->buckets);
	table->buckets = buckets;
	table->mask = (uint32_t)count - 1;
	for (uint32_t item = table->oldest; item; item = table_at(table, item)->newer)
		bucket_put(table, item);
}

static void order_put(struct table *table, uint32_t item)
{
	struct table_item *it = table_at(table, item);

	it->older = table->newest;
	it->newer = 0;
	if (table->newest)
		table_at(table, table->newest)->newer = item;
	else
		table->oldest = item;
	table->newest = item;
}

static void order_drop(struct table *table, const struct table_item *it)
{
	if (it->older)
		table_at(table, it->older)->newer = it->newer;
	else
		table->oldest = it->newer;
	if (it->newer)
		table_at(table, it->newer)->older = it->older;
	else
		table->newest = it->older;
}

uint32_t table_add(struct table *table, uint32_t hash)
{
	uint32_t item;

	if (!table->buckets || table->pool.count > table->mask)
		grow(table);
	if (!table->buckets)
		return 0;
	item = pool_take(&table->pool);
	if (!item)
		return 0;
	table_at(table, item)->hash = hash;
	bucket_put(table, item);
	order_put(table, item);
	return item;
}

void table_remove(struct table *table, uint32_t item)
{
	struct table_item *it = table_at(table, item);
	uint32_t *link = &table->buckets[it->hash & table->mask];

	while (*link != item)
		link = &table_at(table, *link)->next;
	*link = it->next;
	order_drop(table, it);
	pool_give(&table->pool, item);
}

void table_touch(struct table *table, uint32_t item)
{
	if (table->newest == item)
		return;
	order_drop(table, table_at(table, item));
	order_put(table, item);
}
