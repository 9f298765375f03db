/* SPDX-License-Identifier: Apache-2.0 */
/* test_xdp_sort.c - the order of a harvest: by stamps that may wrap, and on a tie by who spoke first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "../user/source/xdp.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define MANY 5000

/* xorshift64 of Marsaglia, 2003. */
static uint32_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 32);
}

static bool is_in_order(const struct victim *a, const struct victim *b)
{
	int a_syn = (a->cold.tcp_flags & 0x12) == 2, b_syn = (b->cold.tcp_flags & 0x12) == 2;

	if (a->slot.first != b->slot.first)
		return (int32_t)(b->slot.first - a->slot.first) > 0;
	if (a_syn != b_syn)
		return a_syn;
	return a->slot.key.src_port >= b->slot.key.src_port;
}

static void check_order(const struct victim *records, size_t count)
{
	const struct victim **order = calloc(count, sizeof(const struct victim *));
	uint64_t *room = calloc(2 * count, sizeof(*room));
	bool *was_seen = calloc(count, sizeof(*was_seen));

	assert_true(order && room && was_seen);
	xdp_sort(order, records, count, room);
	for (size_t i = 0; i < count; i++) {
		assert_false(was_seen[order[i] - records]);
		was_seen[order[i] - records] = true;
		assert_true(!i || is_in_order(order[i - 1], order[i]));
	}
	free(order);
	free(room);
	free(was_seen);
}

static void every_record_stands_once_behind_those_before_it(void **state)
{
	static const struct { size_t count; uint32_t first, range; } rows[] = {
		{ 1, 7, 1 }, { 2, 7, 2 }, { 64, 100, 1000 }, { 65, 100, 1000 }, { MANY, 0, 1 }, { MANY, 0, 16 }, { MANY, 0, 1 << 11 },
		{ MANY, 1, 1 << 20 }, { MANY, UINT32_MAX - 500, 1000 }, { MANY, UINT32_MAX - 5, 1 << 30 }, { MANY, 1u << 31, 1 << 30 },
	};
	static struct victim records[MANY];
	uint64_t seed = 88172645463325252u;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t k = 0; k < rows[i].count; k++) {
			records[k].slot.first = rows[i].first + next_random(&seed) % rows[i].range;
			records[k].slot.key.src_port = (uint16_t)next_random(&seed);
			records[k].cold.tcp_flags = (uint8_t)(next_random(&seed) & 0x12);
		}
		check_order(records, rows[i].count);
	}
}

static void nothing_is_sorted_without_any_memory(void **state)
{
	(void)state;
	xdp_sort(NULL, NULL, 0, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_record_stands_once_behind_those_before_it),
		cmocka_unit_test(nothing_is_sorted_without_any_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
