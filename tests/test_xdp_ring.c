/* SPDX-License-Identifier: Apache-2.0 */
/* test_xdp_ring.c - records of a ring: those that are being written, given up, or cut in two by its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "../user/source/xdp.h"

#define SIZE 16384

/* A ring in our own memory, which the test fills as the kernel does. */
struct fixture {
	struct xdp_ring ring;
	uint64_t consumer, producer;
	uint32_t data[SIZE / 4];
};

static struct fixture *new_fixture(uint64_t at)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->consumer = f->producer = at;
	f->ring = (struct xdp_ring){ .consumer = &f->consumer, .producer = &f->producer, .data = (const uint8_t *)f->data, .size = SIZE,
				     .whole = malloc(XDP_RING_RECORD_MAX) };
	assert_non_null(f->ring.whole);
	return f;
}

static void free_fixture(struct fixture *f)
{
	free(f->ring.whole);
	free(f);
}

/* `len` octets that count up from `first`. */
static void write_record(struct fixture *f, uint32_t len, uint8_t first, uint32_t bits)
{
	f->data[f->producer % SIZE / 4] = len | bits;
	for (uint32_t i = 0; i < len; i++)
		((uint8_t *)f->data)[(f->producer + 8 + i) % SIZE] = (uint8_t)(first + i);
	f->producer += (8 + len + 7) / 8 * 8;
}

static void expect_record(const struct fixture *f, uint64_t *at, uint32_t len, uint8_t first)
{
	uint32_t got = 0;
	const uint8_t *octets = xdp_ring_next(&f->ring, at, &got);

	assert_non_null(octets);
	assert_int_equal(got, len);
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(octets[i], (uint8_t)(first + i));
}

static void records_come_whole_wherever_the_ring_ends(void **state)
{
	static const uint32_t lens[] = { 88, 1, 7, 8, 9, 544, XDP_RING_RECORD_MAX };

	(void)state;
	for (uint64_t before = 0; before <= 96; before += 8)
		for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
			struct fixture *f = new_fixture(5ull * SIZE - before);
			uint64_t at = xdp_ring_start(&f->ring);

			write_record(f, lens[i], 3, 0);
			write_record(f, 88, 200, 0);
			expect_record(f, &at, lens[i], 3);
			expect_record(f, &at, 88, 200);
			assert_null(xdp_ring_next(&f->ring, &at, &(uint32_t){ 0 }));
			assert_int_equal(at, f->producer);
			xdp_ring_release(&f->ring, at);
			assert_int_equal(xdp_ring_start(&f->ring), f->producer);
			free_fixture(f);
		}
}

static void one_that_was_given_up_is_stepped_over_and_one_being_written_is_waited_for(void **state)
{
	struct fixture *f = new_fixture(0);
	uint64_t at = 0, busy;

	(void)state;
	write_record(f, 100, 1, BPF_RINGBUF_DISCARD_BIT);
	write_record(f, 88, 2, 0);
	busy = f->producer;
	write_record(f, 88, 3, BPF_RINGBUF_BUSY_BIT);
	write_record(f, 88, 4, 0);
	expect_record(f, &at, 88, 2);
	assert_null(xdp_ring_next(&f->ring, &at, &(uint32_t){ 0 }));
	assert_int_equal(at, busy);
	f->data[busy / 4] = 88;
	expect_record(f, &at, 88, 3);
	expect_record(f, &at, 88, 4);
	free_fixture(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_whole_wherever_the_ring_ends),
		cmocka_unit_test(one_that_was_given_up_is_stepped_over_and_one_being_written_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
