/* SPDX-License-Identifier: Apache-2.0 */
/* test_names_limits.c - floods: what is bounded, who pays for it, and how much memory it takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "names_world.h"

#define MIB (1u << 20)
#define MOST_OCTETS (64 * MIB)

/* A made-up name of a made-up address, both of this number. */
static void resolve_number(struct world *w, const char *client, unsigned number, unsigned name_number)
{
	char name[64], addr[32];

	snprintf(name, sizeof(name), "host-%u.example.com", name_number);
	snprintf(addr, sizeof(addr), "100.%u.%u.%u", number >> 16 & 255, number >> 8 & 255, number & 255);
	resolve(w, client, name, addr, 3600);
	wait_ns(w, 1000);
}

static void a_client_with_too_many_names_pushes_out_its_own(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	resolve(&w, "10.0.0.5", "www.example.com", "198.51.100.80", 86400);
	for (unsigned i = 0; i < 10000; i++)
		resolve_number(&w, "10.0.0.66", i, i);
	assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.80"), "www.example.com/dns");
	assert_int_equal(names_counter(w.names, NAMES_PER_CLIENT_LIMIT), 10000 - 4096);
	assert_string_equal(names_for(&w, "10.0.0.66", "100.0.39.15"), "host-9999.example.com/dns");
	assert_string_equal(names_for(&w, "10.0.0.66", "100.0.0.0"), "");
	world_close(&w);
}

static void names_of_one_address_count_for_the_client_as_well(void **state)
{
	size_t known = 0;
	char addr[32];
	struct world w;

	(void)state;
	world_open(&w);
	resolve(&w, "10.0.0.5", "www.example.com", "198.51.100.80", 86400);
	for (unsigned i = 0; i < 10000; i++)
		resolve_number(&w, "10.0.0.66", i % 600, i);
	assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.80"), "www.example.com/dns");
	for (unsigned i = 0; i < 600; i++) {
		struct name_peer client = peer("10.0.0.66"), named = client;
		struct name_view views[NAMES_PER_SIDE];
		name_list list;

		snprintf(addr, sizeof(addr), "100.0.%u.%u", i >> 8, i & 255);
		named.addr = address(addr);
		list = names_at(w.names, &client, &named, w.now_ns);
		known += name_list_view(w.names, list, views);
		name_list_put(w.names, list);
	}
	assert_in_range(known, 3000, 4096);
	assert_true(names_counter(w.names, NAMES_PER_CLIENT_LIMIT) > 0);
	world_close(&w);
}

static void full_of_links_the_expired_ones_go_first(void **state)
{
	struct world w;

	(void)state;
	world_open_with(&w, (struct names_options){ .max_links = 100 });
	for (unsigned i = 0; i < 98; i++)
		resolve_number(&w, "10.0.0.5", i, i);
	resolve(&w, "10.0.0.6", "old.example.com", "198.51.100.80", 10);
	resolve(&w, "10.0.0.6", "older.example.com", "198.51.100.81", 10);
	assert_int_equal(names_counter(w.names, NAMES_EVICTED_LINKS), 0);
	wait_s(&w, 130);
	for (unsigned i = 0; i < 95; i++)
		resolve_number(&w, "10.0.0.5", i, i);  /* so that the two are among the oldest */
	resolve(&w, "10.0.0.7", "new.example.com", "198.51.100.82", 300);
	resolve(&w, "10.0.0.7", "new.example.com", "198.51.100.83", 300);
	assert_int_equal(names_counter(w.names, NAMES_EVICTED_LINKS), 0);
	resolve(&w, "10.0.0.7", "new.example.com", "198.51.100.84", 300);
	assert_int_equal(names_counter(w.names, NAMES_EVICTED_LINKS), 1);
	assert_string_equal(names_for(&w, "10.0.0.5", "100.0.0.95"), "");
	assert_string_equal(names_for(&w, "10.0.0.5", "100.0.0.96"), "host-96.example.com/dns");
	world_close(&w);
}

static void what_is_looked_up_stays(void **state)
{
	struct world w;

	(void)state;
	world_open_with(&w, (struct names_options){ .max_links = 100 });
	resolve(&w, "10.0.0.5", "www.example.com", "198.51.100.80", 86400);
	for (unsigned i = 0; i < 1000; i++) {
		resolve_number(&w, "10.0.0.6", i, i);
		assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.80"), "www.example.com/dns");
	}
	world_close(&w);
}

static void full_of_names_the_oldest_make_room(void **state)
{
	struct world w;

	(void)state;
	world_open_with(&w, (struct names_options){ .max_names = 50 });
	for (unsigned i = 0; i < 200; i++)
		resolve_number(&w, "10.0.0.5", i, i);
	assert_string_equal(names_for(&w, "10.0.0.5", "100.0.0.199"), "host-199.example.com/dns");
	assert_string_equal(names_for(&w, "10.0.0.5", "100.0.0.150"), "host-150.example.com/dns");
	assert_string_equal(names_for(&w, "10.0.0.5", "100.0.0.149"), "");
	assert_int_equal(names_counter(w.names, NAMES_NO_ROOM), 0);
	world_close(&w);
}

static __attribute__((format(printf, 1, 0)))
void flood_with_announcements(const char *format)
{
	struct world w;

	world_open_with(&w, (struct names_options){ .max_links = 2000, .max_names = 1000 });
	resolve(&w, "10.0.0.5", "www.example.com", "198.51.100.80", 86400);
	for (unsigned i = 0; i < 50000; i++) {
		struct rr rr = { NULL, AAAA, 4500, NULL };
		char name[32], addr[64];

		snprintf(name, sizeof(name), format, i);
		snprintf(addr, sizeof(addr), "fe80::%x:1:66", i);
		rr.owner = name;
		rr.rdata = addr;
		put_header(&w.message, 0x8400, 0, 0);
		dns_records(&w, &rr, 1, 6);
		send_udp(&w, (struct place){ "fe80::66", 5353 }, (struct place){ "ff02::fb", 5353 });
		wait_ns(&w, 1000);
	}
	assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.80"), "www.example.com/dns");
	assert_int_equal(names_counter(w.names, NAMES_EVICTED_LINKS), 0);
	resolve(&w, "10.0.0.5", "ftp.example.com", "198.51.100.81", 86400);
	assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.81"), "ftp.example.com/dns");
	world_close(&w);
}

/* Many names, or one name of many addresses. */
static void announcements_do_not_push_out_dns(void **state)
{
	static const char *const formats[] = { "host-%u.local", "host.local" };

	(void)state;
	for (size_t i = 0; i < 2; i++)
		flood_with_announcements(formats[i]);
}

static void too_many_open_questions_push_out_the_oldest(void **state)
{
	static const struct dns first = { "10.0.0.5", "9.9.9.9", "www.example.com", A, 7, 40000, { { "@12", A, 300, "198.51.100.80" } }, { { 0 } } };
	static const struct { unsigned more; unsigned learned; } rows[] = { { 99, 1 }, { 100, 0 } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct dns d = first;
		struct world w;

		world_open_with(&w, (struct names_options){ .max_requests = 100 });
		ask(&w, &first);
		for (unsigned n = 0; n < rows[i].more; n++) {
			d.id++;
			ask(&w, &d);
		}
		answer(&w, &first);
		assert_int_equal(learned(&w), rows[i].learned);
		assert_int_equal(names_counter(w.names, NAMES_EVICTED_REQUESTS), !rows[i].learned);
		world_close(&w);
	}
}

/* As many links and names as there may be, twice over, from as many clients as that takes; and as many open questions. */
static void a_full_cache_stays_within_its_memory(void **state)
{
	char client[32];
	size_t empty;
	struct world w;

	(void)state;
	world_open(&w);
	empty = names_octets(w.names);
	assert_true(empty < MIB);                 /* memory comes with use */
	for (unsigned i = 0; i < 2 * 262144; i++) {
		snprintf(client, sizeof(client), "10.0.%u.%u", i >> 11 & 255, i & 1 ? 1u : 2u);
		resolve_number(&w, client, i, i & 65535);
		if (i == 1000)
			assert_true(names_octets(w.names) < 2 * MIB);
	}
	assert_true(names_octets(w.names) > 40 * MIB);
	assert_true(names_octets(w.names) <= MOST_OCTETS);
	assert_string_equal(names_for(&w, client, "100.7.255.255"), "host-65535.example.com/dns");
	for (unsigned i = 0; i < 70000; i++) {
		struct dns d = { "10.0.0.5", "9.9.9.9", "www.example.com", A, (uint16_t)i, (uint16_t)(1024 + i / 60000), { { 0 } }, { { 0 } } };

		ask(&w, &d);
	}
	assert_true(names_octets(w.names) <= MOST_OCTETS);
	assert_int_equal(names_counter(w.names, NAMES_NO_ROOM), 0);
	world_close(&w);
}

/* Names as long as can be take their room from the names, not from the machine. */
static void long_names_are_bounded_by_their_octets(void **state)
{
	char name[256], addr[32];
	struct world w;

	(void)state;
	world_open(&w);
	for (unsigned i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "%061u.%061u.%061u.%05u.com", i, i, i, i);
		snprintf(addr, sizeof(addr), "100.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		resolve(&w, i & 1 ? "10.0.0.5" : "10.0.0.6", name, addr, 3600);
	}
	assert_true(names_octets(w.names) <= MOST_OCTETS);
	snprintf(addr, sizeof(addr), "100.1.134.159");
	assert_string_not_equal(names_for(&w, "10.0.0.5", addr), "");
	world_close(&w);
}

/* `count` flows that each say another name and live. */
static __attribute__((format(printf, 2, 0)))
void say_names(struct world *w, const char *format, name_list *lists, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct hello hello;
		char name[256];

		snprintf(name, sizeof(name), format, i, i, i, i);
		hello_make(&hello, name, false, 0);
		lists[i] = 0;
		names_hello(w->names, i, false, 1, 1, hello.octets, hello.len, false, w->now_ns, &lists[i]);
	}
}

/* First short names and then long ones, so that the room of the former does not count for the latter. */
static void names_that_flows_say_are_bounded(void **state)
{
	static const struct { const char *format; bool fits; } rows[] = {
		{ "host-%u.example.com", true }, { "%060u.%060u.%060u.%017u.com", false },
	};
	const unsigned count = 80000;
	name_list *lists = calloc(count, sizeof(*lists));
	struct world w;

	(void)state;
	assert_non_null(lists);
	world_open_with(&w, (struct names_options){ .flow_names = true });
	for (size_t row = 0; row < 2; row++) {
		say_names(&w, rows[row].format, lists, count);
		assert_int_equal(names_counter(w.names, NAMES_NO_ROOM) == 0, rows[row].fits);
		assert_true(names_octets(w.names) < 16 * MIB);
		for (unsigned i = 0; i < count; i++)
			name_list_put(w.names, lists[i]);
		assert_true(names_octets(w.names) < 8 * MIB);
	}
	world_close(&w);
	free(lists);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_with_too_many_names_pushes_out_its_own),
		cmocka_unit_test(names_of_one_address_count_for_the_client_as_well),
		cmocka_unit_test(full_of_links_the_expired_ones_go_first),
		cmocka_unit_test(what_is_looked_up_stays),
		cmocka_unit_test(full_of_names_the_oldest_make_room),
		cmocka_unit_test(announcements_do_not_push_out_dns),
		cmocka_unit_test(too_many_open_questions_push_out_the_oldest),
		cmocka_unit_test(a_full_cache_stays_within_its_memory),
		cmocka_unit_test(names_that_flows_say_are_bounded),
		cmocka_unit_test(long_names_are_bounded_by_their_octets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
