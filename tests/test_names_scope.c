/* SPDX-License-Identifier: Apache-2.0 */
/* test_names_scope.c - for whom a name is known, from when, and for how long. */
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

static const struct dns www = { "10.0.0.5", "9.9.9.9", "www.example.com", A, 7, 40000, { { "@12", A, 300, "198.51.100.80" } }, { { 0 } } };

/* ---- for how long ---- */

static void a_name_lives_for_its_ttl_but_at_least_two_minutes_and_at_most_a_day(void **state)
{
	static const struct { uint32_t ttl_s; double wait_s; bool is_known; } rows[] = {
		{ 0, 119, true }, { 0, 120, true }, { 0, 120.001, false }, { 60, 120, true }, { 60, 121, false }, { 300, 300, true },
		{ 300, 300.001, false }, { 86400, 86400, true }, { 604800, 86400, true }, { 604800, 86401, false }, { INT32_MAX, 86401, false },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct world w;

		world_open(&w);
		resolve(&w, "10.0.0.5", "www.example.com", "198.51.100.80", rows[i].ttl_s);
		wait_s(&w, rows[i].wait_s);
		assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.80"), rows[i].is_known ? "www.example.com/dns" : "");
		world_close(&w);
	}
}

static void a_shorter_ttl_does_not_shorten_what_was_promised_before(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	resolve(&w, "10.0.0.5", "www.example.com", "198.51.100.80", 1000);
	wait_s(&w, 10);
	resolve(&w, "10.0.0.5", "www.example.com", "198.51.100.80", 5);
	wait_s(&w, 990);
	assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.80"), "www.example.com/dns");
	wait_s(&w, 1);
	assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.80"), "");
	world_close(&w);
}

/* ---- from when ---- */

static void a_flow_has_the_names_that_were_known_when_it_began(void **state)
{
	struct name_peer client = peer("10.0.0.5"), server = peer("198.51.100.80");
	uint64_t before_ns, between_ns;
	struct world w;

	(void)state;
	world_open(&w);
	before_ns = w.now_ns;
	wait_s(&w, 1);
	resolve(&w, "10.0.0.5", "first.example.com", "198.51.100.80", 300);
	wait_s(&w, 1);
	between_ns = w.now_ns;
	wait_s(&w, 1);
	resolve(&w, "10.0.0.5", "second.example.com", "198.51.100.80", 300);
	assert_string_equal(list_text(&w, names_at(w.names, &client, &server, before_ns)), "");
	assert_string_equal(list_text(&w, names_at(w.names, &client, &server, between_ns)), "first.example.com/dns");
	assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.80"), "second.example.com/dns first.example.com/dns");
	world_close(&w);
}

static void an_answer_at_the_very_moment_of_the_first_packet_was_before_it(void **state)
{
	static const struct { uint64_t slack_ns, after_ns; bool is_known; } rows[] = {
		{ 0, 0, true }, { 0, 1, false }, { 50 * NS_PER_MS, 50 * NS_PER_MS, true }, { 50 * NS_PER_MS, 50 * NS_PER_MS + 1, false },
	};
	struct name_peer client = peer("10.0.0.5"), server = peer("198.51.100.80");

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		uint64_t first_ns;
		struct world w;

		world_open_with(&w, (struct names_options){ .slack_ns = rows[i].slack_ns });
		first_ns = w.now_ns;
		wait_ns(&w, rows[i].after_ns);
		resolve(&w, "10.0.0.5", "www.example.com", "198.51.100.80", 300);
		assert_string_equal(list_text(&w, names_at(w.names, &client, &server, first_ns)), rows[i].is_known ? "www.example.com/dns" : "");
		world_close(&w);
	}
}

static void what_was_asked_last_comes_first(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	resolve(&w, "10.0.0.5", "a.example.com", "198.51.100.80", 300);
	wait_s(&w, 1);
	resolve(&w, "10.0.0.5", "b.example.com", "198.51.100.80", 300);
	wait_s(&w, 1);
	resolve(&w, "10.0.0.5", "A.example.com", "198.51.100.80", 300);
	assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.80"), "a.example.com/dns b.example.com/dns");
	world_close(&w);
}

static void a_late_name_is_the_first_one_that_came_while_the_flow_lasted(void **state)
{
	struct name_peer client = peer("10.0.0.5"), server = peer("198.51.100.80");
	uint64_t first_ns, last_ns;
	struct world w;

	(void)state;
	world_open(&w);
	first_ns = w.now_ns;
	wait_s(&w, 0.5);
	resolve(&w, "10.0.0.5", "one.example.com", "198.51.100.80", 300);
	wait_s(&w, 0.7);
	resolve(&w, "10.0.0.5", "two.example.com", "198.51.100.80", 300);
	wait_s(&w, 0.9);
	resolve(&w, "10.0.0.5", "one.example.com", "198.51.100.80", 300); /* told again, but not known for the first time */
	last_ns = first_ns + NS_PER_S;
	assert_string_equal(list_text(&w, names_late(w.names, &client, &server, first_ns, last_ns)), "one.example.com/dns-late");
	last_ns = first_ns + NS_PER_S / 2 - 1;
	assert_string_equal(list_text(&w, names_late(w.names, &client, &server, first_ns, last_ns)), "");
	assert_string_equal(names_later(&w, "10.0.0.5", "198.51.100.80", first_ns + NS_PER_S), "two.example.com/dns-late");
	world_close(&w);
}

/* ---- for whom ---- */

static void two_clients_of_one_address_each_have_their_own_name(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	resolve(&w, "10.0.0.5", "shop.example.com", "198.51.100.80", 300);
	resolve(&w, "10.0.0.6", "news.example.org", "198.51.100.80", 300);
	assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.80"), "shop.example.com/dns");
	assert_string_equal(names_for(&w, "10.0.0.6", "198.51.100.80"), "news.example.org/dns");
	world_close(&w);
}

static void who_was_never_told_gets_what_others_were_told(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	resolve(&w, "10.0.0.5", "shop.example.com", "198.51.100.80", 300);
	wait_s(&w, 1);
	resolve(&w, "10.0.0.6", "news.example.org", "198.51.100.80", 300);
	assert_string_equal(names_for(&w, "10.0.0.7", "198.51.100.80"), "news.example.org/dns-other shop.example.com/dns-other");
	world_close(&w);
}

static void of_many_others_those_told_last_count(void **state)
{
	char client[32], name[32];
	struct world w;

	(void)state;
	world_open(&w);
	for (int i = 0; i < 100; i++) {
		snprintf(client, sizeof(client), "10.0.0.%d", 100 + i);
		snprintf(name, sizeof(name), "n%x.example.com", i);
		resolve(&w, client, name, "198.51.100.80", 300);
		wait_s(&w, 0.1);
	}
	resolve(&w, "10.0.0.100", "last.example.com", "198.51.100.80", 300);
	assert_int_equal(strncmp(names_for(&w, "10.0.0.7", "198.51.100.80"),
				 "last.example.com/dns-other n63.example.com/dns-other n62.example.com/dns-other ", 78), 0);
	world_close(&w);
}

static void who_was_told_once_gets_no_other_clients_names_even_when_its_own_has_expired(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	resolve(&w, "10.0.0.5", "shop.example.com", "198.51.100.80", 60);
	wait_s(&w, 200);
	resolve(&w, "10.0.0.6", "news.example.org", "198.51.100.80", 300);
	assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.80"), "");
	world_close(&w);
}

static void who_waits_for_an_answer_gets_no_other_clients_names(void **state)
{
	uint64_t first_ns;
	struct world w;

	(void)state;
	world_open(&w);
	resolve(&w, "10.0.0.6", "news.example.org", "198.51.100.80", 300);
	ask(&w, &www);
	wait_s(&w, 0.01);
	first_ns = w.now_ns;
	assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.80"), "");
	wait_s(&w, 0.01);
	answer(&w, &www);
	assert_string_equal(names_later(&w, "10.0.0.5", "198.51.100.80", first_ns), "www.example.com/dns-late");
	world_close(&w);
}

static void an_unanswered_question_is_forgotten(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	resolve(&w, "10.0.0.6", "news.example.org", "198.51.100.80", 300);
	ask(&w, &www);
	wait_s(&w, 12);
	assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.80"), "news.example.org/dns-other");
	world_close(&w);
}

static void a_machine_that_asks_over_ipv4_has_the_name_when_it_connects_over_ipv6(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	resolve(&w, "10.0.0.5", "www.example.com", "2001:db8:9::80", 300);
	seen(&w, "2001:db8::5");
	resolve(&w, "10.0.0.6", "other.example.org", "2001:db8:9::80", 300);
	assert_string_equal(names_for(&w, "2001:db8::5", "2001:db8:9::80"), "www.example.com/dns");
	assert_string_equal(names_for(&w, "2001:db8::6", "2001:db8:9::80"), "other.example.org/dns");
	world_close(&w);
}

static void an_address_that_went_to_another_machine_is_no_longer_shared(void **state)
{
	struct name_peer moved = peer("10.0.0.5");
	struct world w;

	(void)state;
	moved.mac[5] = 6;
	world_open(&w);
	resolve(&w, "10.0.0.5", "www.example.com", "2001:db8:9::80", 3600);
	wait_s(&w, 301);
	names_saw(w.names, &moved, w.now_ns);
	seen(&w, "2001:db8::5");
	seen(&w, "2001:db8::6");
	assert_string_equal(names_for(&w, "2001:db8::5", "2001:db8:9::80"), "www.example.com/dns-other");
	assert_string_equal(names_for(&w, "2001:db8::6", "2001:db8:9::80"), "www.example.com/dns");
	world_close(&w);
}

/* Behind a router each client has its own names: three addresses of one MAC share nothing. */
static void clients_behind_a_router_share_nothing(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	resolve(&w, "172.16.1.5", "five.example.com", "198.51.100.80", 300);
	resolve(&w, "172.16.1.6", "six.example.com", "198.51.100.80", 300);
	assert_string_equal(names_for(&w, "172.16.1.5", "198.51.100.80"), "five.example.com/dns");
	assert_string_equal(names_for(&w, "172.16.1.6", "198.51.100.80"), "six.example.com/dns");
	resolve(&w, "172.16.1.7", "seven.example.com", "198.51.100.81", 300);
	assert_string_equal(names_for(&w, "172.16.1.5", "198.51.100.81"), "seven.example.com/dns-other");
	world_close(&w);
}

static void many_addresses_of_one_mac_are_a_router(void **state)
{
	char addr[64];
	struct world w;

	(void)state;
	world_open(&w);
	resolve(&w, "2001:db8::5", "www.example.com", "2001:db8:9::80", 300);
	seen(&w, "2001:db8::1:0:0:5");
	assert_string_equal(names_for(&w, "2001:db8::1:0:0:5", "2001:db8:9::80"), "www.example.com/dns");
	for (unsigned i = 1; i <= 8; i++) {
		snprintf(addr, sizeof(addr), "2001:db8::%x:5", i);
		seen(&w, addr);
	}
	assert_string_equal(names_for(&w, "2001:db8::1:0:0:5", "2001:db8:9::80"), "www.example.com/dns-other");
	world_close(&w);
}

static void a_change_of_address_does_not_make_a_router(void **state)
{
	struct name_peer old = peer("10.0.0.5"), new = peer("10.0.0.6");
	struct world w;

	(void)state;
	memcpy(new.mac, old.mac, 6);
	world_open(&w);
	resolve(&w, "2001:db8::5", "www.example.com", "2001:db8:9::80", 3000);
	names_saw(w.names, &old, w.now_ns);
	wait_s(&w, 1);
	names_saw(w.names, &new, w.now_ns);
	assert_string_equal(names_for(&w, "10.0.0.5", "2001:db8:9::80"), "www.example.com/dns-other"); /* in doubt: nothing is shared */
	wait_s(&w, 301);
	names_saw(w.names, &new, w.now_ns);
	assert_string_equal(names_for(&w, "10.0.0.5", "2001:db8:9::80"), "www.example.com/dns");
	names_saw(w.names, &old, w.now_ns);
	wait_s(&w, 1);
	names_saw(w.names, &new, w.now_ns);
	wait_s(&w, 301);                          /* old and new took turns, so these are two machines behind a router */
	assert_string_equal(names_for(&w, "10.0.0.5", "2001:db8:9::80"), "www.example.com/dns-other");
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_lives_for_its_ttl_but_at_least_two_minutes_and_at_most_a_day),
		cmocka_unit_test(a_shorter_ttl_does_not_shorten_what_was_promised_before),
		cmocka_unit_test(a_flow_has_the_names_that_were_known_when_it_began),
		cmocka_unit_test(an_answer_at_the_very_moment_of_the_first_packet_was_before_it),
		cmocka_unit_test(what_was_asked_last_comes_first),
		cmocka_unit_test(a_late_name_is_the_first_one_that_came_while_the_flow_lasted),
		cmocka_unit_test(two_clients_of_one_address_each_have_their_own_name),
		cmocka_unit_test(who_was_never_told_gets_what_others_were_told),
		cmocka_unit_test(of_many_others_those_told_last_count),
		cmocka_unit_test(who_was_told_once_gets_no_other_clients_names_even_when_its_own_has_expired),
		cmocka_unit_test(who_waits_for_an_answer_gets_no_other_clients_names),
		cmocka_unit_test(an_unanswered_question_is_forgotten),
		cmocka_unit_test(a_machine_that_asks_over_ipv4_has_the_name_when_it_connects_over_ipv6),
		cmocka_unit_test(an_address_that_went_to_another_machine_is_no_longer_shared),
		cmocka_unit_test(clients_behind_a_router_share_nothing),
		cmocka_unit_test(many_addresses_of_one_mac_are_a_router),
		cmocka_unit_test(a_change_of_address_does_not_make_a_router),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
