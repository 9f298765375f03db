/* SPDX-License-Identifier: Apache-2.0 */
/* test_names_hello.c - the server name that a TCP stream opens with, however it is cut into segments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "names_world.h"

#define ROWS(t) (sizeof(t) / sizeof((t)[0]))
#define BASE 0xffffff00u                          /* the sequence number wraps within the hello */

/* Octets [from, to) of the hello as a segment, in a block of exactly its size. */
static enum names_hello segment(struct world *w, const struct hello *h, size_t from, size_t to, name_list *list)
{
	uint8_t *exact = malloc(to - from);
	enum names_hello result;

	memcpy(exact, h->octets + from, to - from);
	result = names_hello(w->names, 9, false, BASE, BASE + (uint32_t)from, exact, to - from, false, w->now_ns, list);
	free(exact);
	return result;
}

static void a_whole_hello_gives_its_name_and_keeps_nothing(void **state)
{
	struct hello h;
	struct world w;
	size_t octets;
	name_list list = 0;

	(void)state;
	world_open(&w);
	octets = names_octets(w.names);
	hello_make(&h, "www.example.com", false, 0);
	assert_int_equal(segment(&w, &h, 0, h.len, &list), NAMES_HELLO_NAME);
	assert_string_equal(list_text(&w, list), "www.example.com/sni");
	assert_true(names_octets(w.names) - octets < 32768); /* the first chunk of names and the buckets */
	assert_int_equal(names_counter(w.names, NAMES_HELLOS), 1);
	world_close(&w);
}

static void a_hello_in_segments_of_any_size_gives_its_name(void **state)
{
	static const size_t sizes[] = { 1, 2, 3, 5, 7, 60, 100, 1400 };

	(void)state;
	for (size_t i = 0; i < ROWS(sizes); i++) {
		struct hello h;
		struct world w;
		name_list list = 0;
		size_t at = 0;

		world_open(&w);
		hello_make(&h, "www.example.com", false, 1500);
		for (; at + sizes[i] < h.len; at += sizes[i])
			assert_int_equal(segment(&w, &h, at, at + sizes[i], &list), NAMES_HELLO_MORE);
		assert_int_equal(segment(&w, &h, at, h.len, &list), NAMES_HELLO_NAME);
		assert_string_equal(list_text(&w, list), "www.example.com/sni");
		world_close(&w);
	}
}

/* Segments as pairs of first and end octet; 0, 0 ends the row. The hello is 1,580 octets long. */
static void order_and_repetition_of_segments_do_not_matter(void **state)
{
	static const struct { size_t parts[8][2]; } rows[] = {
		{ { { 0, 1000 }, { 1000, 1580 } } },
		{ { { 1000, 1580 }, { 0, 1000 } } },
		{ { { 1000, 1300 }, { 1300, 1580 }, { 500, 1000 }, { 0, 500 } } },
		{ { { 0, 10 }, { 0, 10 }, { 5, 700 }, { 600, 1500 }, { 1490, 1580 } } },
		{ { { 0, 10 }, { 400, 500 }, { 200, 300 }, { 250, 450 }, { 100, 600 }, { 10, 100 }, { 550, 1580 } } },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct hello h;
		struct world w;
		name_list list = 0;
		size_t last = 0;

		world_open(&w);
		hello_make(&h, "www.example.com", false, 1500);
		assert_int_equal(h.len, 1580);
		while (rows[i].parts[last + 1][1])
			last++;
		for (size_t p = 0; p <= last; p++) {
			enum names_hello got = segment(&w, &h, rows[i].parts[p][0], rows[i].parts[p][1], &list);

			assert_int_equal(got, p < last ? NAMES_HELLO_MORE : NAMES_HELLO_NAME);
		}
		assert_string_equal(list_text(&w, list), "www.example.com/sni");
		world_close(&w);
	}
}

static void of_octets_that_come_twice_the_first_copy_counts(void **state)
{
	struct hello h, other;
	struct world w;
	name_list list = 0;

	(void)state;
	world_open(&w);
	hello_make(&h, "www.example.com", false, 1500);
	hello_make(&other, "bad.example.net", false, 1500);
	assert_int_equal(segment(&w, &h, 1000, h.len, &list), NAMES_HELLO_MORE);
	assert_int_equal(segment(&w, &other, 500, other.len, &list), NAMES_HELLO_MORE);
	assert_int_equal(segment(&w, &other, 0, 500, &list), NAMES_HELLO_NAME);
	assert_string_equal(list_text(&w, list), "www.example.com/sni");
	world_close(&w);
}

static void what_is_no_hello_is_done_at_once(void **state)
{
	static const struct { const char *octets; size_t len; } rows[] = {
		{ "GET / HTTP/1.1\r\n", 16 }, { "\x17\3\3\0\x10", 5 }, { "\x16\3\1\0\x40\2", 6 }, { "\x80\x2e\1\0\2", 5 }, { "\0", 1 },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct world w;
		name_list list = 0;

		world_open(&w);
		assert_int_equal(names_hello(w.names, 1, true, 5, 5, (const uint8_t *)rows[i].octets, rows[i].len, false, w.now_ns, &list),
				 NAMES_HELLO_DONE);
		assert_int_equal(list, 0);
		world_close(&w);
	}
}

static void a_hello_without_a_name_is_counted(void **state)
{
	struct hello h;
	struct world w;
	name_list list = 0;

	(void)state;
	world_open(&w);
	hello_make(&h, NULL, false, 20);
	assert_int_equal(segment(&w, &h, 0, h.len, &list), NAMES_HELLO_DONE);
	assert_int_equal(names_counter(w.names, NAMES_HELLOS_WITHOUT_SNI), 1);
	world_close(&w);
}

static void a_cut_hello_gives_the_name_if_it_is_in_what_was_captured(void **state)
{
	static const struct { size_t padding, missing; const char *names; } rows[] = {
		{ 0, 1, "www.example.com/sni" }, { 0, 7, "www.example.com/sni" }, { 0, 8, "" }, { 0, 60, "" }, { 200, 150, "" },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct hello h;
		struct world w;
		name_list list = 0;

		world_open(&w);
		hello_make(&h, "www.example.com", true, rows[i].padding); /* 7 octets follow the name */
		assert_int_equal(names_hello(w.names, 9, false, 5, 5, h.octets, h.len - rows[i].missing, true, w.now_ns, &list),
				 *rows[i].names ? NAMES_HELLO_NAME : NAMES_HELLO_DONE);
		assert_string_equal(list_text(&w, list), rows[i].names);
		world_close(&w);
	}
}

static void without_flow_names_no_hello_is_read(void **state)
{
	struct hello h;
	struct world w;
	name_list list = 0;

	(void)state;
	world_open_with(&w, (struct names_options){ .flow_names = false });
	hello_make(&h, "www.example.com", false, 0);
	assert_int_equal(segment(&w, &h, 0, h.len, &list), NAMES_HELLO_DONE);
	assert_int_equal(names_counter(w.names, NAMES_HELLOS), 0);
	world_close(&w);
}

static void the_flows_own_name_comes_first_but_a_front_behind_what_was_asked(void **state)
{
	static const struct { const char *sni; bool has_ech; const char *asked, *names, *asked_next; } rows[] = {
		{ "www.example.com", false, "shop.example.com", "www.example.com/sni shop.example.com/dns", NULL },
		{ "shop.example.com", false, "shop.example.com", "shop.example.com/sni", NULL },
		{ "front.example.net", true, "shop.example.com", "shop.example.com/dns front.example.net/sni", NULL },
		{ "shop.example.com", true, "shop.example.com", "shop.example.com/sni", NULL },
		{ "front.example.net", true, NULL, "front.example.net/sni", NULL },
		{ "SHOP.example.com", false, "shop.example.com", "shop.example.com/sni", NULL },
		{ "shop.example.com", true, "shop.example.com", "shop.example.com/sni news.example.com/dns", "news.example.com" },
		{ "front.example.net", true, "shop.example.com", "news.example.com/dns shop.example.com/dns front.example.net/sni", "news.example.com" },
	};
	struct name_peer client = peer("10.0.0.5"), server = peer("198.51.100.80");

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct hello h;
		struct world w;
		name_list list;

		world_open(&w);
		if (rows[i].asked)
			resolve(&w, "10.0.0.5", rows[i].asked, "198.51.100.80", 300);
		wait_s(&w, 1);
		if (rows[i].asked_next)
			resolve(&w, "10.0.0.5", rows[i].asked_next, "198.51.100.80", 300);
		list = names_at(w.names, &client, &server, w.now_ns);
		hello_make(&h, rows[i].sni, rows[i].has_ech, 0);
		assert_int_equal(segment(&w, &h, 0, h.len, &list), NAMES_HELLO_NAME);
		assert_string_equal(list_text(&w, list), rows[i].names);
		world_close(&w);
	}
}

static void a_list_that_is_put_leaves_nothing_behind(void **state)
{
	struct name_peer client = peer("10.0.0.5"), server = peer("198.51.100.80");
	size_t octets = 0;
	struct world w;

	(void)state;
	world_open_with(&w, (struct names_options){ .flow_names = true, .max_names = 1 });
	for (unsigned i = 0; i < 1000; i++) {
		char asked[64], sni[64];
		struct hello h;
		name_list list;

		snprintf(asked, sizeof(asked), "asked-%u.example.com", i);
		snprintf(sni, sizeof(sni), "said-%u.example.com", i);
		resolve(&w, "10.0.0.5", asked, "198.51.100.80", 300);
		list = names_at(w.names, &client, &server, w.now_ns);
		hello_make(&h, sni, false, 0);
		assert_int_equal(segment(&w, &h, 0, h.len, &list), NAMES_HELLO_NAME);
		name_list_put(w.names, list);
		wait_s(&w, 1);
		if (i == 20)
			octets = names_octets(w.names);
	}
	assert_in_range(names_octets(w.names), octets, octets + 64); /* the last names are a little longer */
	world_close(&w);
}

static void a_flows_own_name_is_not_the_name_of_the_address(void **state)
{
	struct hello h;
	struct world w;
	name_list list = 0;

	(void)state;
	world_open(&w);
	hello_make(&h, "www.example.com", false, 0);
	assert_int_equal(segment(&w, &h, 0, h.len, &list), NAMES_HELLO_NAME);
	assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.80"), "");
	name_list_put(w.names, list);
	world_close(&w);
}

/* Many flows that begin like a hello and never go on: the oldest go, and the memory has a bound. */
static void streams_that_never_end_are_bounded(void **state)
{
	struct hello h;
	struct world w;
	name_list list = 0;

	(void)state;
	world_open_with(&w, (struct names_options){ .flow_names = true, .max_streams = 500 });
	hello_make(&h, "www.example.com", false, 15000);
	for (uint64_t flow = 0; flow < 3000; flow++)
		assert_int_equal(names_hello(w.names, flow, false, 1, 1, h.octets, 9000, false, w.now_ns, &list), NAMES_HELLO_MORE);
	assert_true(names_octets(w.names) < 4 << 20);
	assert_true(names_counter(w.names, NAMES_EVICTED_STREAMS) >= 2500);
	for (uint64_t flow = 0; flow < 3000; flow++)
		names_hello_forget(w.names, flow);
	assert_true(names_octets(w.names) < 1 << 20);
	assert_int_equal(names_hello(w.names, 2999, false, 1, 9001, h.octets + 9000, 100, false, w.now_ns, &list), NAMES_HELLO_MORE);
	world_close(&w);
}

static void a_segment_beyond_the_longest_hello_ends_the_search(void **state)
{
	static const struct { uint32_t offset; size_t len; enum names_hello result; } rows[] = {
		{ TLS_HELLO_MAX - 100, 100, NAMES_HELLO_MORE }, { TLS_HELLO_MAX - 100, 101, NAMES_HELLO_DONE },
		{ 1u << 31, 1, NAMES_HELLO_MORE }, { 0x7fffffff, 1, NAMES_HELLO_DONE }, { UINT32_MAX, 1, NAMES_HELLO_MORE },
	};
	static const uint8_t octets[200];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct world w;
		name_list list = 0;

		world_open(&w);
		assert_int_equal(names_hello(w.names, 1, true, BASE, BASE + rows[i].offset, octets, rows[i].len, false, w.now_ns, &list),
				 rows[i].result);
		world_close(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_hello_gives_its_name_and_keeps_nothing),
		cmocka_unit_test(a_hello_in_segments_of_any_size_gives_its_name),
		cmocka_unit_test(order_and_repetition_of_segments_do_not_matter),
		cmocka_unit_test(of_octets_that_come_twice_the_first_copy_counts),
		cmocka_unit_test(what_is_no_hello_is_done_at_once),
		cmocka_unit_test(a_hello_without_a_name_is_counted),
		cmocka_unit_test(a_cut_hello_gives_the_name_if_it_is_in_what_was_captured),
		cmocka_unit_test(without_flow_names_no_hello_is_read),
		cmocka_unit_test(the_flows_own_name_comes_first_but_a_front_behind_what_was_asked),
		cmocka_unit_test(a_list_that_is_put_leaves_nothing_behind),
		cmocka_unit_test(a_flows_own_name_is_not_the_name_of_the_address),
		cmocka_unit_test(streams_that_never_end_are_bounded),
		cmocka_unit_test(a_segment_beyond_the_longest_hello_ends_the_search),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
