/* SPDX-License-Identifier: Apache-2.0 */
/* test_fragments.c - later fragments find the ports of their first one, within 60 s, in bounded memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "../user/source/fragments.c"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define NOW_NS (1000 * NS_PER_S)

static const uint64_t seed[2] = { 1, 2 };

static struct packet fragment(uint32_t id, unsigned flag)
{
	struct packet p = { .src_addr = { [15] = 1 }, .dst_addr = { [15] = 2 }, .protocol = PKT_UDP, .ip_version = 4,
			    .flags = (uint8_t)flag, .fragment_id = id };

	if (flag == PKT_FIRST_FRAGMENT) {
		p.src_port = (uint16_t)(1000 + id);
		p.dst_port = 443;
	}
	return p;
}

static int make(void **state)
{
	*state = fragments_new(seed);
	return *state ? 0 : -1;
}

static int drop(void **state)
{
	fragments_free(*state);
	return 0;
}

static void a_later_fragment_gets_the_ports_of_its_first_one(void **state)
{
	struct packet first = fragment(7, PKT_FIRST_FRAGMENT), later = fragment(7, PKT_LATER_FRAGMENT);

	assert_false(fragments_join(*state, &later, NOW_NS));
	assert_int_equal(later.src_port, 0);
	fragments_add(*state, &first, NOW_NS);
	for (int i = 0; i < 3; i++) {             /* a datagram has many */
		later = fragment(7, PKT_LATER_FRAGMENT);
		assert_true(fragments_join(*state, &later, NOW_NS));
		assert_int_equal(later.src_port, 1007);
		assert_int_equal(later.dst_port, 443);
	}
}

static void a_fragment_of_another_datagram_is_not_joined(void **state)
{
	static const struct { size_t offset; uint8_t value; } rows[] = {
		{ offsetof(struct packet, src_addr) + 15, 9 }, { offsetof(struct packet, src_addr), 9 },
		{ offsetof(struct packet, dst_addr) + 15, 9 }, { offsetof(struct packet, protocol), PKT_TCP },
		{ offsetof(struct packet, ip_version), 6 }, { offsetof(struct packet, fragment_id), 8 },
		{ offsetof(struct packet, fragment_id) + 3, 8 },
	};
	struct packet first = fragment(7, PKT_FIRST_FRAGMENT);

	fragments_add(*state, &first, NOW_NS);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct packet later = fragment(7, PKT_LATER_FRAGMENT);

		((uint8_t *)&later)[rows[i].offset] = rows[i].value;
		if (fragments_join(*state, &later, NOW_NS))
			fail_msg("row %zu was joined", i);
		assert_int_equal(later.src_port, 0);
	}
}

static void fragments_are_joined_for_sixty_seconds_in_either_direction(void **state)
{
	static const struct { int64_t after_ns; bool joined; } rows[] = {
		{ 0, true }, { 60 * NS_PER_S - 1, true }, { 60 * NS_PER_S, true }, { 60 * NS_PER_S + 1, false }, { 86400 * NS_PER_S, false },
		{ -1, true }, { -60 * (int64_t)NS_PER_S, true }, { -60 * (int64_t)NS_PER_S - 1, false }, { -(int64_t)NOW_NS, false },
	};
	struct packet first = fragment(7, PKT_FIRST_FRAGMENT);

	fragments_add(*state, &first, NOW_NS);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct packet later = fragment(7, PKT_LATER_FRAGMENT);

		if (fragments_join(*state, &later, NOW_NS + (uint64_t)rows[i].after_ns) != rows[i].joined)
			fail_msg("row %zu", i);
	}
}

static void the_newest_first_fragment_of_an_id_counts(void **state)
{
	struct packet first = fragment(7, PKT_FIRST_FRAGMENT), again = fragment(7, PKT_FIRST_FRAGMENT), later = fragment(7, PKT_LATER_FRAGMENT);

	again.src_port = 5;
	fragments_add(*state, &first, NOW_NS);
	fragments_add(*state, &again, NOW_NS + 100 * NS_PER_S);
	assert_true(fragments_join(*state, &later, NOW_NS + 160 * NS_PER_S));
	assert_int_equal(later.src_port, 5);
}

static void the_oldest_of_a_set_makes_room(void **state)
{
	struct packet first = fragment(0, PKT_FIRST_FRAGMENT), later;
	struct datagram datagram = datagram_of(&first);
	struct entry *set = set_of(*state, &datagram);
	uint32_t ids[WAYS + 1] = { 0 };

	for (uint32_t id = 1, n = 1; n <= WAYS; id++) { /* ids that fall into the same set */
		datagram.id = id;
		if (set_of(*state, &datagram) == set)
			ids[n++] = id;
	}
	for (size_t i = 0; i <= WAYS; i++) {
		first = fragment(ids[i], PKT_FIRST_FRAGMENT);
		fragments_add(*state, &first, NOW_NS + i);
	}
	for (size_t i = 0; i <= WAYS; i++) {
		later = fragment(ids[i], PKT_LATER_FRAGMENT);
		assert_int_equal(fragments_join(*state, &later, NOW_NS), i > 0);
		assert_int_equal(later.src_port, i ? (uint16_t)(1000 + ids[i]) : 0);
	}
}

static void a_quarter_of_the_table_in_flight_is_joined_nearly_whole(void **state)
{
	unsigned joined = 0, count = SETS * WAYS / 4;

	for (uint32_t id = 0; id < count; id++) {
		struct packet first = fragment(id, PKT_FIRST_FRAGMENT);

		fragments_add(*state, &first, NOW_NS);
	}
	for (uint32_t id = 0; id < count; id++) {
		struct packet later = fragment(id, PKT_LATER_FRAGMENT);

		joined += fragments_join(*state, &later, NOW_NS);
	}
	/* Poisson with one datagram a set: 0.4 % are beyond the fourth way. */
	assert_true(joined > count / 100 * 99 && joined <= count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_later_fragment_gets_the_ports_of_its_first_one, make, drop),
		cmocka_unit_test_setup_teardown(a_fragment_of_another_datagram_is_not_joined, make, drop),
		cmocka_unit_test_setup_teardown(fragments_are_joined_for_sixty_seconds_in_either_direction, make, drop),
		cmocka_unit_test_setup_teardown(the_newest_first_fragment_of_an_id_counts, make, drop),
		cmocka_unit_test_setup_teardown(the_oldest_of_a_set_makes_room, make, drop),
		cmocka_unit_test_setup_teardown(a_quarter_of_the_table_in_flight_is_joined_nearly_whole, make, drop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
