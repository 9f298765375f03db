/* SPDX-License-Identifier: Apache-2.0 */
/* test_names_table.c - the table of the name cache against a list that a child would write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "../user/name/names_table.h"

struct item {
	struct table_item item;
	uint32_t key;
};

static struct item *item_at(const struct table *t, uint32_t i)
{
	return pool_at(&t->pool, i);
}

/* Few hashes, so that most keys share one. */
static uint32_t hash_of(uint32_t key)
{
	return key % 7 * 0x01000193u;
}

static uint32_t find(const struct table *t, uint32_t key)
{
	uint32_t i = table_first(t, hash_of(key));

	while (i && item_at(t, i)->key != key)
		i = table_next(t, i, hash_of(key));
	return i;
}

static uint32_t put(struct table *t, uint32_t key)
{
	uint32_t i = table_add(t, hash_of(key));

	if (i)
		item_at(t, i)->key = key;
	return i;
}

/* The keys in order of use, the oldest first. */
struct model { uint32_t keys[2000]; size_t count; };

static void model_remove(struct model *m, uint32_t key)
{
	size_t i = 0;

	while (m->keys[i] != key)
		i++;
	m->count--;
	memmove(&m->keys[i], &m->keys[i + 1], (m->count - i) * sizeof(m->keys[0]));
}

static void same(const struct table *t, const struct model *m)
{
	uint32_t item = t->oldest;

	assert_int_equal(t->pool.count, m->count);
	for (size_t i = 0; i < m->count; i++, item = table_at(t, item)->newer) {
		assert_int_equal(item_at(t, item)->key, m->keys[i]);
		assert_int_equal(find(t, m->keys[i]), item);
	}
	assert_int_equal(item, 0);
}

static void a_random_life_keeps_order_and_contents(void **state)
{
	struct budget budget = { .max = 1 << 20 };
	struct model *m = calloc(1, sizeof(*m));
	uint32_t random = 3, next_key = 1;
	struct table t;

	(void)state;
	assert_non_null(m);
	assert_int_equal(table_init(&t, &budget, sizeof(struct item), 1000), 0);
	for (unsigned step = 0; step < 20000; step++) {
		random = random * 1664525u + 1013904223u;
		if (random >> 30 < 2 && m->count < 1000) {
			assert_true(put(&t, next_key));
			m->keys[m->count++] = next_key++;
		} else if (m->count) {
			uint32_t key = m->keys[(random >> 8) % m->count];

			model_remove(m, key);
			if (random >> 30 == 2)
				table_touch(&t, find(&t, key));
			else
				table_remove(&t, find(&t, key));
			if (random >> 30 == 2)
				m->keys[m->count++] = key;
			else
				assert_int_equal(find(&t, key), 0);
		}
		if (step % 100 == 0)
			same(&t, m);
	}
	same(&t, m);
	table_free(&t);
	free(m);
}

static void a_table_is_full_at_its_bound(void **state)
{
	struct budget budget = { .max = 1 << 20 };
	struct table t;

	(void)state;
	assert_int_equal(table_init(&t, &budget, sizeof(struct item), 600), 0);
	for (uint32_t key = 1; key <= 600; key++) {
		assert_false(pool_is_full(&t.pool));
		assert_true(put(&t, key));
	}
	assert_true(pool_is_full(&t.pool));
	assert_int_equal(put(&t, 601), 0);
	table_remove(&t, t.oldest);
	assert_false(pool_is_full(&t.pool));
	assert_true(put(&t, 601));
	table_free(&t);
}

static void tables_that_share_a_budget_are_full_when_it_is_spent(void **state)
{
	struct budget budget = { .max = 64 * 1024 };
	struct table a, b;
	uint32_t key = 0;

	(void)state;
	assert_int_equal(table_init(&a, &budget, sizeof(struct item), 100000), 0);
	assert_int_equal(table_init(&b, &budget, sizeof(struct item), 100000), 0);
	while (put(&a, ++key))
		;
	assert_true(key > 1000 && key < 64 * 1024 / sizeof(struct item));
	assert_true(budget.octets <= budget.max + 8192); /* buckets may double once more */
	assert_true(pool_is_full(&a.pool));
	assert_int_equal(put(&b, 1), 0);
	table_remove(&a, a.oldest);
	assert_true(put(&a, key));
	table_free(&a);
	table_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_random_life_keeps_order_and_contents),
		cmocka_unit_test(a_table_is_full_at_its_bound),
		cmocka_unit_test(tables_that_share_a_budget_are_full_when_it_is_spent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
