/* SPDX-License-Identifier: Apache-2.0 */
/* test_names.c - which answers of DNS are believed, and what they teach. */
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

/* ---- who is believed ---- */

/* Each lie differs from the answer to `www` in one thing; the honest answer to the same question then teaches exactly one name. */
static void an_answer_that_differs_from_its_question_teaches_nothing(void **state)
{
	static const struct { const char *what; struct dns lie; struct place from; enum names_counter counter; } rows[] = {
		{ "wrong id", { "10.0.0.5", "9.9.9.9", "www.example.com", A, 8, 40000, { { "@12", A, 300, "198.51.100.66" } }, { { 0 } } },
		  { "9.9.9.9", 53 }, NAMES_UNMATCHED },
		{ "wrong question", { "10.0.0.5", "9.9.9.9", "bank.example.com", A, 7, 40000, { { "@12", A, 300, "198.51.100.66" } }, { { 0 } } },
		  { "9.9.9.9", 53 }, NAMES_UNMATCHED },
		{ "wrong type", { "10.0.0.5", "9.9.9.9", "www.example.com", AAAA, 7, 40000, { { "@12", AAAA, 300, "2001:db8:6::6" } }, { { 0 } } },
		  { "9.9.9.9", 53 }, NAMES_UNMATCHED },
		{ "wrong server", { "10.0.0.5", "9.9.9.8", "www.example.com", A, 7, 40000, { { "@12", A, 300, "198.51.100.66" } }, { { 0 } } },
		  { "9.9.9.8", 53 }, NAMES_UNMATCHED },
		{ "wrong client port", { "10.0.0.5", "9.9.9.9", "www.example.com", A, 7, 40001, { { "@12", A, 300, "198.51.100.66" } }, { { 0 } } },
		  { "9.9.9.9", 53 }, NAMES_UNMATCHED },
		{ "wrong client", { "10.0.0.6", "9.9.9.9", "www.example.com", A, 7, 40000, { { "@12", A, 300, "198.51.100.66" } }, { { 0 } } },
		  { "9.9.9.9", 53 }, NAMES_UNMATCHED },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct world w;

		world_open(&w);
		ask(&w, &www);
		answer_from(&w, &rows[i].lie, rows[i].from);
		assert_int_equal(learned(&w), 0);
		assert_int_equal(names_counter(w.names, rows[i].counter), 1);
		assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.66"), "");
		answer(&w, &www);
		assert_int_equal(learned(&w), 1);
		assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.80"), "www.example.com/dns");
		world_close(&w);
	}
}

static void an_answer_from_another_port_than_53_teaches_nothing(void **state)
{
	static const struct { uint16_t server_port, client_port; } rows[] = {
		{ 1024, 40000 }, { 5353, 40000 }, { 5355, 40000 }, { 137, 40000 }, { 443, 40000 }, { 1024, 53 },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct dns d = www;
		struct world w;

		d.client_port = rows[i].client_port;
		world_open(&w);
		ask(&w, &d);
		answer_from(&w, &d, (struct place){ "9.9.9.9", rows[i].server_port });
		assert_int_equal(learned(&w), 0);
		answer(&w, &d);
		assert_int_equal(learned(&w), 1);
		world_close(&w);
	}
}

static void an_answer_that_nobody_asked_for_teaches_nothing(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	answer(&w, &www);
	assert_int_equal(learned(&w), 0);
	assert_int_equal(names_counter(w.names, NAMES_UNMATCHED), 1);
	assert_int_equal(names_counter(w.names, NAMES_ONE_SIDED), 1); /* this client never asked anything yet */
	ask(&w, &www);
	answer(&w, &www);
	assert_int_equal(learned(&w), 1);
	world_close(&w);
}

static void with_learn_unmatched_an_answer_needs_no_question(void **state)
{
	struct world w;

	(void)state;
	world_open_with(&w, (struct names_options){ .learn_unmatched = true });
	answer(&w, &www);
	assert_int_equal(learned(&w), 1);
	assert_int_equal(names_counter(w.names, NAMES_UNMATCHED), 1);
	assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.80"), "www.example.com/dns");
	world_close(&w);
}

static void a_second_answer_teaches_nothing_unless_the_question_is_asked_again(void **state)
{
	struct dns second = www;
	struct world w;

	(void)state;
	second.answers[0].rdata = "198.51.100.66";
	world_open(&w);
	ask(&w, &www);
	answer(&w, &www);
	answer(&w, &second);
	assert_int_equal(learned(&w), 1);
	assert_int_equal(names_counter(w.names, NAMES_CONFLICT), 1);
	ask(&w, &www);
	answer(&w, &second);
	assert_int_equal(learned(&w), 2);
	world_close(&w);
}

static void a_question_waits_ten_seconds_for_its_answer(void **state)
{
	static const struct { uint64_t wait_ns; unsigned learned; } rows[] = {
		{ 0, 1 }, { 10 * NS_PER_S, 1 }, { 10 * NS_PER_S + 1, 0 }, { 86400 * NS_PER_S, 0 },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct world w;

		world_open(&w);
		ask(&w, &www);
		wait_ns(&w, rows[i].wait_ns);
		answer(&w, &www);
		assert_int_equal(learned(&w), rows[i].learned);
		world_close(&w);
	}
}

static void letter_case_of_the_echo_decides_between_two_questions_but_is_not_needed(void **state)
{
	static const struct { const char *asked, *echoed; unsigned learned; } rows[] = {
		{ "wWw.eXample.com", "wWw.eXample.com", 1 }, { "wWw.eXample.com", "www.example.com", 1 },
		{ "www.example.com", "WWW.EXAMPLE.COM", 1 }, { "www.example.com", "www.example.org", 0 },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct dns asked = www, echoed = www;
		struct world w;

		asked.name = rows[i].asked;
		echoed.name = rows[i].echoed;
		world_open(&w);
		ask(&w, &asked);
		answer(&w, &echoed);
		assert_int_equal(learned(&w), rows[i].learned);
		if (rows[i].learned)
			assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.80"), "www.example.com/dns");
		world_close(&w);
	}
}

static void records_outside_the_chain_of_the_question_teach_nothing(void **state)
{
	static const struct { const char *what; struct dns answer; const char *named; } rows[] = {
		{ "answer of another owner", { "10.0.0.5", "9.9.9.9", "www.example.com", A, 7, 40000,
		  { { "@12", A, 300, "198.51.100.80" }, { "bank.example.com", A, 300, "198.51.100.66" } }, { { 0 } } }, "198.51.100.66" },
		{ "additional record", { "10.0.0.5", "9.9.9.9", "www.example.com", A, 7, 40000,
		  { { "@12", A, 300, "198.51.100.80" } }, { { "bank.example.com", A, 300, "198.51.100.66" } } }, "198.51.100.66" },
		{ "additional of the question itself", { "10.0.0.5", "9.9.9.9", "www.example.com", A, 7, 40000,
		  { { "@12", A, 300, "198.51.100.80" } }, { { "@12", A, 300, "198.51.100.66" } } }, "198.51.100.66" },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct world w;

		world_open(&w);
		ask(&w, &rows[i].answer);
		answer(&w, &rows[i].answer);
		assert_int_equal(learned(&w), 1);
		assert_string_equal(names_for(&w, "10.0.0.5", rows[i].named), "");
		assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.80"), "www.example.com/dns");
		world_close(&w);
	}
}

static void fragments_teach_nothing(void **state)
{
	static const struct { uint8_t flags; unsigned learned, counted; } rows[] = {
		{ PKT_FIRST_FRAGMENT, 0, 1 }, { PKT_LATER_FRAGMENT, 0, 0 }, { 0, 1, 0 },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct world w;

		world_open(&w);
		ask(&w, &www);
		w.next_flags = rows[i].flags;
		answer(&w, &www);
		assert_int_equal(learned(&w), rows[i].learned);
		assert_int_equal(names_counter(w.names, NAMES_FRAGMENTED), rows[i].counted);
		world_close(&w);
	}
}

/* What an ICMP error quotes is not handed over; a packet that says it is ICMP teaches nothing in any case. */
static void an_icmp_packet_teaches_nothing(void **state)
{
	static const uint8_t protocols[] = { PKT_ICMP4, PKT_ICMP6 };
	struct packet p;
	struct world w;

	(void)state;
	world_open(&w);
	ask(&w, &www);
	for (size_t i = 0; i < ROWS(protocols); i++) {
		dns_start(&w, &www, RESPONSE);
		dns_records(&w, www.answers, 7, 6);
		p = packet_of(&w, (struct place){ www.server, 53 }, (struct place){ www.client, www.client_port }, protocols[i], 8, w.message.len);
		give(&w, &p, w.message.octets, w.message.len);
		assert_int_equal(learned(&w), 0);
	}
	answer(&w, &www);
	assert_int_equal(learned(&w), 1);
	world_close(&w);
}

static void answers_without_success_teach_nothing(void **state)
{
	static const unsigned flags[] = { RESPONSE | 3, RESPONSE | 2, RESPONSE | 5, RESPONSE | 1 << 11, RESPONSE | 5 << 11 };

	(void)state;
	for (size_t i = 0; i < ROWS(flags); i++) {
		struct world w;

		world_open(&w);
		ask(&w, &www);
		dns_start(&w, &www, flags[i]);
		dns_records(&w, www.answers, 7, 6);
		send_udp(&w, (struct place){ www.server, 53 }, (struct place){ www.client, www.client_port });
		assert_int_equal(learned(&w), 0);
		world_close(&w);
	}
}

static void special_addresses_are_never_named(void **state)
{
	static const struct { const char *addr; unsigned learned; } rows[] = {
		{ "0.0.0.0", 0 }, { "0.1.2.3", 0 }, { "127.0.0.1", 0 }, { "127.255.0.9", 0 }, { "224.0.0.251", 0 }, { "239.255.255.250", 0 },
		{ "255.255.255.255", 0 }, { "::", 0 }, { "::1", 0 }, { "ff02::fb", 0 }, { "223.255.255.255", 1 }, { "240.0.0.1", 1 },
		{ "1.0.0.1", 1 }, { "128.0.0.1", 1 }, { "fe80::1", 1 }, { "2001:db8:9::1", 1 },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct world w;

		world_open(&w);
		resolve(&w, "10.0.0.5", "www.example.com", rows[i].addr, 300);
		assert_int_equal(learned(&w), rows[i].learned);
		assert_int_equal(names_counter(w.names, NAMES_REFUSED_ADDR), !rows[i].learned);
		assert_string_equal(names_for(&w, "10.0.0.5", rows[i].addr), rows[i].learned ? "www.example.com/dns" : "");
		world_close(&w);
	}
}

static void an_address_is_not_a_name(void **state)
{
	static const struct { const char *name, *known; } rows[] = {
		{ "192.0.2.1", "" }, { "192.0.2.256", "192.0.2.256/dns" }, { "host7", "host7/dns" }, { "1", "1/dns" },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct world w;

		world_open(&w);
		resolve(&w, "10.0.0.5", rows[i].name, "198.51.100.80", 300);
		assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.80"), rows[i].known);
		world_close(&w);
	}
}

/* ---- what else DNS teaches ---- */

static void the_asked_name_counts_and_not_the_end_of_its_aliases(void **state)
{
	struct dns d = { "10.0.0.5", "9.9.9.9", "www.example.com", A, 7, 40000,
			 { { "@12", CNAME, 300, "edge.cdn.example" }, { "edge.cdn.example", A, 300, "198.51.100.80" } }, { { 0 } } };
	struct world w;

	(void)state;
	world_open(&w);
	ask(&w, &d);
	answer(&w, &d);
	assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.80"), "www.example.com/dns");
	world_close(&w);
}

static void a_reverse_name_comes_last_and_does_not_stand_for_an_own_answer(void **state)
{
	struct dns d = { "10.0.0.5", "9.9.9.9", "80.100.51.198.in-addr.arpa", PTR, 7, 40000,
			 { { "@12", PTR, 300, "host.provider.example" } }, { { 0 } } };
	struct world w;

	(void)state;
	world_open(&w);
	ask(&w, &d);
	answer(&w, &d);
	assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.80"), "host.provider.example/ptr");
	assert_string_equal(names_for(&w, "10.0.0.6", "198.51.100.80"), "");
	resolve(&w, "10.0.0.6", "news.example.org", "198.51.100.80", 300);
	assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.80"), "news.example.org/dns-other host.provider.example/ptr");
	resolve(&w, "10.0.0.5", "www.example.com", "198.51.100.80", 300);
	assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.80"), "www.example.com/dns host.provider.example/ptr");
	world_close(&w);
}

static void a_cut_datagram_teaches_what_is_left_of_it(void **state)
{
	struct dns d = { "10.0.0.5", "9.9.9.9", "www.example.com", A, 7, 40000,
			 { { "@12", A, 300, "198.51.100.80" }, { "@12", A, 300, "198.51.100.81" } }, { { 0 } } };
	struct packet p;
	struct world w;

	(void)state;
	world_open(&w);
	ask(&w, &d);
	dns_start(&w, &d, RESPONSE);
	dns_records(&w, d.answers, 7, 6);
	p = packet_of(&w, (struct place){ d.server, 53 }, (struct place){ d.client, d.client_port }, PKT_UDP, 8, w.message.len);
	give(&w, &p, w.message.octets, w.message.len - 16); /* without its second record */
	assert_int_equal(learned(&w), 1);
	assert_int_equal(names_counter(w.names, NAMES_MALFORMED), 0);
	world_close(&w);
}

static void padding_behind_the_packet_is_not_read(void **state)
{
	struct packet p;
	struct world w;

	(void)state;
	world_open(&w);
	ask(&w, &www);
	dns_start(&w, &www, RESPONSE);
	dns_records(&w, www.answers, 7, 6);
	p = packet_of(&w, (struct place){ www.server, 53 }, (struct place){ www.client, www.client_port }, PKT_UDP, 8, 12);
	give(&w, &p, w.message.octets, w.message.len); /* by its length the packet ends behind the header */
	assert_int_equal(learned(&w), 0);
	assert_int_equal(names_counter(w.names, NAMES_MALFORMED), 1);
	world_close(&w);
}

static void a_list_holds_eight_names_at_most(void **state)
{
	char name[32];
	struct world w;

	(void)state;
	world_open(&w);
	for (int i = 0; i < 12; i++) {
		wait_s(&w, 1);
		snprintf(name, sizeof(name), "n%x.example.com", i);
		resolve(&w, "10.0.0.5", name, "198.51.100.80", 300);
	}
	assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.80"),
			    "nb.example.com/dns na.example.com/dns n9.example.com/dns n8.example.com/dns n7.example.com/dns "
			    "n6.example.com/dns n5.example.com/dns n4.example.com/dns");
	world_close(&w);
}

static void of_more_names_than_fit_an_expired_one_goes_first(void **state)
{
	char name[32];
	struct world w;

	(void)state;
	world_open(&w);
	resolve(&w, "10.0.0.5", "lasting.example.com", "198.51.100.80", 3600);
	for (int i = 0; i < 7; i++) {
		wait_s(&w, 1);
		snprintf(name, sizeof(name), "n%x.example.com", i);
		resolve(&w, "10.0.0.5", name, "198.51.100.80", 0);
	}
	wait_s(&w, 200);
	resolve(&w, "10.0.0.5", "new.example.com", "198.51.100.80", 0);
	assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.80"), "new.example.com/dns lasting.example.com/dns");
	world_close(&w);
}

static void an_early_capture_time_does_no_harm(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	w.now_ns = 0;
	resolve(&w, "10.0.0.5", "www.example.com", "198.51.100.80", 300);
	assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.80"), "www.example.com/dns");
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_that_differs_from_its_question_teaches_nothing),
		cmocka_unit_test(an_answer_from_another_port_than_53_teaches_nothing),
		cmocka_unit_test(an_answer_that_nobody_asked_for_teaches_nothing),
		cmocka_unit_test(with_learn_unmatched_an_answer_needs_no_question),
		cmocka_unit_test(a_second_answer_teaches_nothing_unless_the_question_is_asked_again),
		cmocka_unit_test(a_question_waits_ten_seconds_for_its_answer),
		cmocka_unit_test(letter_case_of_the_echo_decides_between_two_questions_but_is_not_needed),
		cmocka_unit_test(records_outside_the_chain_of_the_question_teach_nothing),
		cmocka_unit_test(fragments_teach_nothing),
		cmocka_unit_test(an_icmp_packet_teaches_nothing),
		cmocka_unit_test(answers_without_success_teach_nothing),
		cmocka_unit_test(special_addresses_are_never_named),
		cmocka_unit_test(an_address_is_not_a_name),
		cmocka_unit_test(the_asked_name_counts_and_not_the_end_of_its_aliases),
		cmocka_unit_test(a_reverse_name_comes_last_and_does_not_stand_for_an_own_answer),
		cmocka_unit_test(a_cut_datagram_teaches_what_is_left_of_it),
		cmocka_unit_test(padding_behind_the_packet_is_not_read),
		cmocka_unit_test(a_list_holds_eight_names_at_most),
		cmocka_unit_test(of_more_names_than_fit_an_expired_one_goes_first),
		cmocka_unit_test(an_early_capture_time_does_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
