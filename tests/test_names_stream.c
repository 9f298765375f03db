/* SPDX-License-Identifier: Apache-2.0 */
/* test_names_stream.c - reassembly against a model that marks every octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "../user/name/names_stream.h"

#define WINDOW 300u

static const uint64_t seed[2] = { 1, 2 };

static void open_streams(struct streams *streams, struct budget *budget, size_t max, size_t max_octets)
{
	*budget = (struct budget){ .max = 1 << 20 };
	assert_int_equal(streams_init(streams, budget, seed, max, max_octets), 0);
}

/* The same numbers in every run. */
static uint32_t next_number(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

struct model { bool is_there[2 * WINDOW]; uint8_t octets[2 * WINDOW]; };

static unsigned gaps_of(const struct model *m)
{
	unsigned ranges = 0;

	for (unsigned i = 0; i < WINDOW; i++)
		ranges += m->is_there[i] && (!i || !m->is_there[i - 1]);
	return ranges;
}

static size_t ready_of(const struct model *m)
{
	size_t ready = 0;

	while (ready < WINDOW && m->is_there[ready])
		ready++;
	return ready;
}

static void model_put(struct model *m, unsigned at, const uint8_t *octets, unsigned len)
{
	for (unsigned i = 0; i < len; i++) {
		if (!m->is_there[at + i])
			m->octets[at + i] = octets[i];
		m->is_there[at + i] = true;
	}
}

static void model_consume(struct model *m, size_t len)
{
	memmove(m->is_there, m->is_there + len, sizeof(m->is_there) - len);
	memmove(m->octets, m->octets + len, sizeof(m->octets) - len);
}

/* Segments at random: each octet is that of its first copy, and what is ready is what has no gap. */
static void random_segments_give_the_first_copy_of_each_octet(void **state)
{
	uint32_t random = 7;

	(void)state;
	for (unsigned run = 0; run < 300; run++) {
		struct model model = { .is_there = { false } };
		uint32_t base = 0u - 150 - run;
		struct streams streams;
		struct budget budget;
		struct stream *s;

		open_streams(&streams, &budget, 4, 1 << 16);
		s = stream_open(&streams, 5, base);
		for (unsigned step = 0; step < 200; step++) {
			unsigned at = next_number(&random) % WINDOW, len = next_number(&random) % 40;
			struct model after = model;
			uint8_t octets[40];

			for (unsigned i = 0; i < sizeof(octets); i++)
				octets[i] = (uint8_t)next_number(&random);
			model_put(&after, at, octets, len);
			if (at + len > WINDOW || gaps_of(&after) > STREAM_RANGES) {
				assert_true(at + len <= WINDOW || !stream_put(&streams, s, base + at, octets, len, WINDOW));
				continue;
			}
			model = after;
			assert_true(stream_put(&streams, s, base + at, octets, len, WINDOW));
			assert_int_equal(stream_ready(s), ready_of(&model));
			assert_memory_equal(s->data ? s->data : octets, model.octets, stream_ready(s));
			if (stream_ready(s) && next_number(&random) % 8 == 0) {
				size_t used = next_number(&random) % stream_ready(s) + 1;

				stream_consume(s, used);
				model_consume(&model, used);
				base += (uint32_t)used;
				assert_int_equal(stream_ready(s), ready_of(&model));
			}
		}
		streams_free(&streams);
	}
}

static void what_lies_before_the_stream_is_left_out(void **state)
{
	struct streams streams;
	struct budget budget;
	struct stream *s;

	(void)state;
	open_streams(&streams, &budget, 4, 1 << 16);
	s = stream_open(&streams, 5, 100);
	assert_true(stream_put(&streams, s, 90, (const uint8_t *)"0123456789abcd", 14, WINDOW));
	assert_int_equal(stream_ready(s), 4);
	assert_memory_equal(s->data, "abcd", 4);
	assert_true(stream_put(&streams, s, 99, (const uint8_t *)"x", 1, WINDOW));
	assert_int_equal(stream_ready(s), 4);
	streams_free(&streams);
}

static void the_stream_without_a_segment_for_longest_makes_room(void **state)
{
	static const struct { size_t max, max_octets; } rows[] = { { 3, 1 << 16 }, { 100, 3 * 1024 } };
	static const uint8_t octets[10];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct streams streams;
		struct budget budget;

		open_streams(&streams, &budget, rows[i].max, rows[i].max_octets);
		for (uint64_t id = 1; id <= 4; id++) {
			if (id == 4)
				assert_non_null(stream_find(&streams, 1)); /* 1 is used, so 2 is the oldest */
			assert_true(stream_put(&streams, stream_open(&streams, id, 0), 0, octets, 10, WINDOW * 10));
		}
		assert_non_null(stream_find(&streams, 1));
		assert_null(stream_find(&streams, 2));
		assert_non_null(stream_find(&streams, 3));
		assert_non_null(stream_find(&streams, 4));
		assert_int_equal(streams.evicted, 1);
		assert_true(streams.octets <= rows[i].max_octets);
		streams_free(&streams);
	}
}

static void a_stream_larger_than_all_room_is_refused(void **state)
{
	struct streams streams;
	struct budget budget;
	static const uint8_t octets[3000];

	(void)state;
	open_streams(&streams, &budget, 4, 2048);
	assert_false(stream_put(&streams, stream_open(&streams, 1, 0), 0, octets, 3000, 65536));
	assert_int_equal(streams.octets, 0);
	streams_free(&streams);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_segments_give_the_first_copy_of_each_octet),
		cmocka_unit_test(what_lies_before_the_stream_is_left_out),
		cmocka_unit_test(the_stream_without_a_segment_for_longest_makes_room),
		cmocka_unit_test(a_stream_larger_than_all_room_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
