/* SPDX-License-Identifier: Apache-2.0 */
/* test_dissect_dns.c - what DNS, mDNS and LLMNR messages teach, one message a row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "dns_message.h"

/* A whole message, and what is learned from it. */
struct message_row {
	const char *question;
	unsigned type;
	struct rr answers[8], authority[2], additional[3];
	int status;
	const char *told;
	unsigned flags, class;                    /* 0: RESPONSE, IN */
};

static void put_section(struct message *m, const struct rr *rrs, size_t max, size_t count_at)
{
	for (size_t i = 0; i < max && rrs[i].owner; i++) {
		put_rr(m, &rrs[i]);
		m->octets[count_at + 1]++;
	}
}

static void put_row(struct message *m, const struct message_row *row)
{
	put_header(m, row->flags ? row->flags : RESPONSE, row->question ? 1 : 0, 0);
	if (row->question)
		put_question(m, row->question, row->type, row->class ? row->class : IN);
	put_section(m, row->answers, 8, 6);
	put_section(m, row->authority, 2, 8);
	put_section(m, row->additional, 3, 10);
}

/* A message that ends early teaches what stands before its end, and nothing else. */
static void learn_prefixes(answers_fn *answers, const struct message *m, const struct facts *whole)
{
	static struct facts facts;

	for (size_t len = 0; len < m->len; len++) {
		learn(answers, m->octets, len, &facts);
		assert_true(facts.len <= whole->len);
		assert_memory_equal(facts.text, whole->text, facts.len);
	}
}

static void check_rows(answers_fn *answers, const struct message_row *rows, size_t count)
{
	static struct message m;
	static struct facts facts;

	for (size_t i = 0; i < count; i++) {
		int status;

		put_row(&m, &rows[i]);
		status = learn(answers, m.octets, m.len, &facts);
		if (status != rows[i].status || strcmp(facts.text, rows[i].told))
			fail_msg("row %zu: status %d, told \"%s\"", i, status, facts.text);
		learn_prefixes(answers, &m, &facts);
	}
}
#define CHECK_ROWS(answers, rows) check_rows(answers, rows, sizeof(rows) / sizeof((rows)[0]))

#define WWW "www.example.com"

static void an_address_is_told_under_the_name_that_was_asked(void **state)
{
	static const struct message_row rows[] = {
		{ WWW, A, .answers = { { WWW, A, 300, "192.0.2.1" } }, .told = WWW " 192.0.2.1 300 A" },
		{ WWW, A, .answers = { { "@12", A, 300, "192.0.2.1" }, { "@12", A, 60, "192.0.2.2" } },
		  .told = WWW " 192.0.2.1 300 A, " WWW " 192.0.2.2 60 A" },
		{ WWW, AAAA, .answers = { { "@12", AAAA, 9, "2001:db8::1" } }, .told = WWW " 2001:db8::1 9 A" },
		{ "WWW.Example.COM", A, .answers = { { "www.EXAMPLE.com", A, 1, "192.0.2.1" } }, .told = WWW " 192.0.2.1 1 A" },
		{ WWW, A, .answers = { { "www@16", A, 1, "192.0.2.1" } }, .told = WWW " 192.0.2.1 1 A" },
		{ WWW, A, .answers = { { WWW, A, 0x7fffffff, "192.0.2.1" } }, .told = WWW " 192.0.2.1 2147483647 A" },
		{ WWW, A, .answers = { { WWW, A, 0x80000000, "192.0.2.1" } }, .told = WWW " 192.0.2.1 0 A" },
		{ WWW, A, .answers = { { WWW, A, 1, "192.0.2.1" } }, .told = WWW " 192.0.2.1 1 A", .flags = RESPONSE | TRUNCATED },
		{ WWW, A, .answers = { { WWW, RAW | TXT, 1, "00" }, { WWW, A, 1, "192.0.2.1" } }, .told = WWW " 192.0.2.1 1 A" },
	};

	(void)state;
	CHECK_ROWS(dns_answers, rows);
}

static void only_a_good_answer_to_one_question_teaches(void **state)
{
	static const struct message_row rows[] = {
		{ WWW, A, .answers = { { WWW, A, 1, "192.0.2.1" } }, .status = DISSECT_OTHER, .told = "", .flags = QUERY },
		{ WWW, A, .answers = { { WWW, A, 1, "192.0.2.1" } }, .status = DISSECT_OTHER, .told = "", .flags = RESPONSE | 3 },
		{ WWW, A, .answers = { { WWW, A, 1, "192.0.2.1" } }, .status = DISSECT_OTHER, .told = "", .flags = 0xa180 },
		{ WWW, A, .answers = { { WWW, A, 1, "192.0.2.1" } }, .status = DISSECT_OTHER, .told = "", .class = CHAOS },
		{ WWW, A, .answers = { { WWW, A | IN_CHAOS, 1, "192.0.2.1" } }, .status = DISSECT_OTHER, .told = "" },
		{ NULL, A, .answers = { { WWW, A, 1, "192.0.2.1" } }, .status = DISSECT_OTHER, .told = "" },
		{ "", A, .answers = { { "", A, 1, "192.0.2.1" } }, .status = DISSECT_OTHER, .told = "" },
		{ WWW, A, .status = DISSECT_OTHER, .told = "" },
	};

	(void)state;
	CHECK_ROWS(dns_answers, rows);
}

static void a_record_off_the_chain_is_ignored(void **state)
{
	static const struct message_row rows[] = {
		{ WWW, A, .answers = { { "bank.example", A, 1, "192.0.2.9" } }, .status = DISSECT_OTHER, .told = "" },
		{ WWW, A, .answers = { { "bank.example", A, 1, "192.0.2.9" }, { "@12", A, 1, "192.0.2.1" } },
		  .told = WWW " 192.0.2.1 1 A" },
		{ WWW, A, .answers = { { "x.example", CNAME, 1, "bank.example" }, { "bank.example", A, 1, "192.0.2.9" } },
		  .status = DISSECT_OTHER, .told = "" },
		{ WWW, A, .answers = { { "@12", CNAME, 1, "cdn.example" } }, .additional = { { "cdn.example", A, 1, "192.0.2.9" } },
		  .status = DISSECT_OTHER, .told = "" },
		{ WWW, A, .authority = { { WWW, A, 1, "192.0.2.9" } }, .additional = { { WWW, A, 1, "192.0.2.9" } },
		  .status = DISSECT_OTHER, .told = "" },
	};

	(void)state;
	CHECK_ROWS(dns_answers, rows);
}

static void aliases_are_followed_in_any_order(void **state)
{
	static const struct message_row rows[] = {
		{ WWW, A, .answers = { { "@12", CNAME, 1, "a.net" }, { "a.net", A, 7, "192.0.2.1" } }, .told = WWW " 192.0.2.1 7 A" },
		/* The target is at offset 45. */
		{ WWW, A, .answers = { { "@12", CNAME, 1, "a@16" }, { "@45", A, 7, "192.0.2.1" }, { "@45", A, 8, "192.0.2.2" } },
		  .told = WWW " 192.0.2.1 7 A, " WWW " 192.0.2.2 8 A" },
		{ WWW, A, .answers = { { "a.net", A, 7, "192.0.2.1" }, { "@12", CNAME, 1, "a.net" } }, .told = WWW " 192.0.2.1 7 A" },
		{ WWW, A, .answers = { { "c.net", A, 7, "192.0.2.1" }, { "b.net", CNAME, 1, "c.net" }, { "a.net", CNAME, 1, "b.net" },
				       { WWW, CNAME, 1, "A.NET" } }, .told = WWW " 192.0.2.1 7 A" },
		{ WWW, A, .answers = { { "b.net", CNAME, 1, "c.net" }, { "c.net", A, 7, "192.0.2.1" }, { WWW, CNAME, 1, "b.net" },
				       { WWW, A, 1, "192.0.2.3" } }, .told = WWW " 192.0.2.1 7 A, " WWW " 192.0.2.3 1 A" },
		{ WWW, A, .answers = { { WWW, CNAME, 1, "b.net" }, { "b.net", CNAME, 1, WWW }, { "b.net", A, 1, "192.0.2.1" } },
		  .told = WWW " 192.0.2.1 1 A" },
		{ WWW, A, .answers = { { WWW, CNAME, 1, WWW } }, .status = DISSECT_OTHER, .told = "" },
		{ WWW, A, .answers = { { WWW, CNAME, 1, "b.net" }, { WWW, CNAME, 1, "c.net" }, { "c.net", A, 1, "192.0.2.1" } },
		  .told = WWW " 192.0.2.1 1 A" },
		/* The round that finds one alias finds the others again. */
		{ WWW, A, .answers = { { "h", A, 1, "192.0.2.1" }, { "g", CNAME, 1, "h" }, { "f", CNAME, 1, "g" }, { "e", CNAME, 1, "f" },
				       { "d", CNAME, 1, "e" }, { "c", CNAME, 1, "d" }, { "b", CNAME, 1, "c" }, { WWW, CNAME, 1, "b" } },
		  .told = WWW " 192.0.2.1 1 A" },
	};

	(void)state;
	CHECK_ROWS(dns_answers, rows);
}

static void a_dname_renames_what_is_below_it(void **state)
{
	static const struct message_row rows[] = {
		{ WWW, A, .answers = { { "example.com", DNAME, 1, "b.net" }, { "www.b.net", A, 7, "192.0.2.1" } },
		  .told = WWW " 192.0.2.1 7 A" },
		{ WWW, A, .answers = { { "example.com", DNAME, 1, "b.net" }, { WWW, CNAME, 1, "www.b.net" },
				       { "www.b.net", A, 7, "192.0.2.1" } }, .told = WWW " 192.0.2.1 7 A" },
		{ "a.b.Example.com", A, .answers = { { "a.b.x.y", A, 7, "192.0.2.1" }, { "x", DNAME, 1, "x.y" },
						     { "EXAMPLE.com", DNAME, 1, "x" }, { "a.b.x.y", CNAME, 1, "z" },
						     { "z", A, 7, "192.0.2.2" } },
		  .told = "a.b.example.com 192.0.2.1 7 A, a.b.example.com 192.0.2.2 7 A" },
		{ "a.b.Example.com", A, .answers = { { "a.b.z.y", A, 7, "192.0.2.1" }, { "x.y", DNAME, 1, "y" },
						     { "EXAMPLE.com", DNAME, 1, "z.x.y" } }, .told = "a.b.example.com 192.0.2.1 7 A" },
		{ "example.com", A, .answers = { { "example.com", DNAME, 1, "b.net" }, { "b.net", A, 7, "192.0.2.1" } },
		  .status = DISSECT_OTHER, .told = "" },
		{ "www.anexample.com", A, .answers = { { "example.com", DNAME, 1, "b.net" }, { "www.b.net", A, 7, "192.0.2.1" },
						       { "www.anb.net", A, 7, "192.0.2.1" } },
		  .status = DISSECT_OTHER, .told = "" },
		{ WWW, A, .answers = { { WWW, CNAME, 1, "q.b.net" }, { "b.net", DNAME, 1, "c.org" }, { "q.c.org", A, 7, "192.0.2.1" } },
		  .told = WWW " 192.0.2.1 7 A" },
		{ WWW, A, .answers = { { "", DNAME, 1, "org" }, { "www.example.com.org", A, 7, "192.0.2.1" } },
		  .told = WWW " 192.0.2.1 7 A" },
		{ WWW, A, .answers = { { "com", DNAME, 1, "com.com" }, { "www.example.com.com", A, 7, "192.0.2.1" } },
		  .told = WWW " 192.0.2.1 7 A" },
	};

	(void)state;
	CHECK_ROWS(dns_answers, rows);
}

static void a_dname_makes_no_name_over_255_octets(void **state)
{
	static struct message m;
	static struct facts facts;
	char label[64], target[256];

	(void)state;
	memset(label, 'x', 63);
	label[63] = 0;
	/* 12 + 248 octets: in the low eight bits of that, the name would end behind "www". */
	sprintf(target, "%s.%s.%s.%.55s", label, label, label, label);
	put_header(&m, RESPONSE, 1, 3);
	put_question(&m, WWW, A, IN);
	put_rr(&m, RR("com", DNAME, 1, target));
	put_rr(&m, RR("www", A, 1, "192.0.2.9"));
	put_rr(&m, RR(WWW, A, 1, "192.0.2.1"));
	assert_int_equal(learn(dns_answers, m.octets, m.len, &facts), DISSECT_OK);
	assert_string_equal(facts.text, WWW " 192.0.2.1 1 A");
}

static void a_chain_has_at_most_16_links(void **state)
{
	static struct message m;
	static struct facts facts;

	(void)state;
	for (unsigned links = 15; links <= 17; links++) {
		char owner[16], target[16];

		put_header(&m, RESPONSE, 1, links + 1);
		put_question(&m, "n0", A, IN);
		for (unsigned i = 0; i < links; i++) {
			sprintf(owner, "n%u", i);
			sprintf(target, "n%u", i + 1);
			put_rr(&m, RR(owner, CNAME, 1, target));
		}
		put_rr(&m, RR(target, A, 1, "192.0.2.1"));
		learn(dns_answers, m.octets, m.len, &facts);
		assert_string_equal(facts.text, links <= 16 ? "n0 192.0.2.1 1 A" : "");
	}
}

#define V4HINT "00040008c0000201c0000202"
#define V6HINT "0006001020010db8000000000000000000000001"
#define ALPN "00010003026832"

static void hints_name_what_was_asked(void **state)
{
	static const struct message_row rows[] = {
		{ WWW, HTTPS, .answers = { { "@12", RAW | HTTPS, 5, "000100" ALPN V4HINT V6HINT } },
		  .told = WWW " 192.0.2.1 5 H, " WWW " 192.0.2.2 5 H, " WWW " 2001:db8::1 5 H" },
		/* With a TargetName of its own, and behind a CNAME. */
		{ WWW, HTTPS, .answers = { { "@12", RAW | HTTPS, 5, "00010173036e657400" V6HINT } }, .told = WWW " 2001:db8::1 5 H" },
		{ WWW, HTTPS, .answers = { { "@12", CNAME, 5, "c.net" }, { "c.net", RAW | HTTPS, 5, "000100" V6HINT } },
		  .told = WWW " 2001:db8::1 5 H" },
		{ WWW, HTTPS, .answers = { { "c.net", RAW | HTTPS, 5, "000100" V6HINT } }, .status = DISSECT_OTHER, .told = "" },
		/* AliasMode leads to another name; its own parameters are ignored. */
		{ WWW, HTTPS, .answers = { { "@12", RAW | HTTPS, 5, "00000173036e657400" V6HINT } }, .status = DISSECT_OTHER, .told = "" },
		{ WWW, HTTPS, .answers = { { "@12", RAW | HTTPS, 5, "00000173036e657400" }, { "s.net", RAW | HTTPS, 5, "000100" V6HINT },
					   { "s.net", A, 5, "192.0.2.7" } },
		  .told = WWW " 2001:db8::1 5 H, " WWW " 192.0.2.7 5 A" },
		{ WWW, HTTPS, .answers = { { "@12", RAW | HTTPS, 5, "000000" }, { "", A, 5, "192.0.2.9" } },
		  .status = DISSECT_OTHER, .told = "" },
		/* Keys out of order, lengths that are no number of addresses, values that run over the end. */
		{ WWW, HTTPS, .answers = { { "@12", RAW | HTTPS, 5, "000100" V6HINT V4HINT } }, .status = DISSECT_BAD,
		  .told = WWW " 2001:db8::1 5 H" },
		{ WWW, HTTPS, .answers = { { "@12", RAW | HTTPS, 5, "000100" V4HINT V4HINT } }, .status = DISSECT_BAD,
		  .told = WWW " 192.0.2.1 5 H, " WWW " 192.0.2.2 5 H" },
		{ WWW, HTTPS, .answers = { { "@12", RAW | HTTPS, 5, "00010000040003c00002" } }, .status = DISSECT_BAD, .told = "" },
		{ WWW, HTTPS, .answers = { { "@12", RAW | HTTPS, 5, "00010000040000" } }, .status = DISSECT_BAD, .told = "" },
		{ WWW, HTTPS, .answers = { { "@12", RAW | HTTPS, 5, "00010000040008c0000201" } }, .status = DISSECT_BAD, .told = "" },
		{ WWW, HTTPS, .answers = { { "@12", RAW | HTTPS, 5, "00010000" } }, .status = DISSECT_BAD, .told = "" },
		{ WWW, HTTPS, .answers = { { "@12", RAW | HTTPS, 5, "0001" } }, .status = DISSECT_BAD, .told = "" },
		{ WWW, HTTPS, .answers = { { "@12", RAW | HTTPS, 5, "00" } }, .status = DISSECT_BAD, .told = "" },
	};

	(void)state;
	CHECK_ROWS(dns_answers, rows);
}

#define REVERSE4 "1.2.0.192.in-addr.arpa"
#define REVERSE6 "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"

static void a_pointer_names_the_address_of_the_question(void **state)
{
	static const struct message_row rows[] = {
		{ REVERSE4, PTR, .answers = { { "@12", PTR, 5, "Host.example" } }, .told = "host.example 192.0.2.1 5 P" },
		{ REVERSE6, PTR, .answers = { { "@12", PTR, 5, "host@80" } }, .told = "host.arpa 2001:db8::1 5 P" },
		/* RFC 2317 */
		{ REVERSE4, PTR, .answers = { { "@12", CNAME, 5, "1.0/25.2.0.192.in-addr.arpa" },
					      { "1.0/25.2.0.192.in-addr.arpa", PTR, 5, "h.example" } }, .told = "h.example 192.0.2.1 5 P" },
		{ REVERSE4, PTR, .answers = { { "2.2.0.192.in-addr.arpa", PTR, 5, "h.example" } }, .status = DISSECT_OTHER, .told = "" },
		{ WWW, PTR, .answers = { { "@12", PTR, 5, "h.example" } }, .status = DISSECT_OTHER, .told = "" },
		{ "256.2.0.192.in-addr.arpa", PTR, .answers = { { "@12", PTR, 5, "h.example" } }, .status = DISSECT_OTHER, .told = "" },
		{ "2.0.192.in-addr.arpa", PTR, .answers = { { "@12", PTR, 5, "h.example" } }, .status = DISSECT_OTHER, .told = "" },
		{ "in-addr.arpa", PTR, .answers = { { "@12", PTR, 5, "h.example" } }, .status = DISSECT_OTHER, .told = "" },
		{ REVERSE4, PTR, .answers = { { "@12", PTR, 5, "" } }, .status = DISSECT_OTHER, .told = "" },
		{ REVERSE4, PTR, .answers = { { "@12", RAW | PTR, 5, "016100ff" } }, .status = DISSECT_BAD, .told = "" },
	};

	(void)state;
	CHECK_ROWS(dns_answers, rows);
}

static void what_stands_before_a_fault_is_told(void **state)
{
	static const struct message_row rows[] = {
		{ WWW, A, .answers = { { "@12", A, 1, "192.0.2.1" }, { "@12", RAW | A, 1, "c00002" }, { "@12", A, 1, "192.0.2.3" } },
		  .status = DISSECT_BAD, .told = WWW " 192.0.2.1 1 A" },
		{ WWW, A, .answers = { { "@12", A, 1, "192.0.2.1" }, { "@12", RAW | AAAA, 1, "c0000201" } },
		  .status = DISSECT_BAD, .told = WWW " 192.0.2.1 1 A" },
		{ WWW, A, .answers = { { "@12", A, 1, "192.0.2.1" }, { "@12", RAW | CNAME, 1, "c0ff" }, { "@12", A, 1, "192.0.2.3" } },
		  .status = DISSECT_BAD, .told = WWW " 192.0.2.1 1 A" },
		{ WWW, A, .answers = { { "@12", A, 1, "192.0.2.1" }, { "@12", RAW | CNAME, 1, "016100ff" }, { "@12", A, 1, "192.0.2.3" } },
		  .status = DISSECT_BAD, .told = WWW " 192.0.2.1 1 A" },
		{ WWW, A, .answers = { { "@12", A, 1, "192.0.2.1" }, { "@12", RAW | CNAME, 1, "0261" } },
		  .status = DISSECT_BAD, .told = WWW " 192.0.2.1 1 A" },
		{ WWW, A, .answers = { { "@12", A, 1, "192.0.2.1" }, { "@999", A, 1, "192.0.2.3" } },
		  .status = DISSECT_BAD, .told = WWW " 192.0.2.1 1 A" },
		{ WWW, A, .answers = { { "@12", A, 1, "192.0.2.1" }, { "@12", RAW | A | IN_CHAOS, 1, "c00002" }, { "@12", A, 1, "192.0.2.3" } },
		  .told = WWW " 192.0.2.1 1 A, " WWW " 192.0.2.3 1 A" },
	};

	(void)state;
	CHECK_ROWS(dns_answers, rows);
}

static void a_pointer_does_not_lead_ahead_to_a_known_name(void **state)
{
	/* The owner at 33 points to the CNAME's target at 62, whose hash is known by the time the addresses are told. */
	static const struct message_row rows[] = {
		{ WWW, A, .answers = { { "@61", A, 1, "192.0.2.1" }, { "@12", CNAME, 1, "a.net" } }, .status = DISSECT_BAD, .told = "" },
	};

	(void)state;
	CHECK_ROWS(dns_answers, rows);
}

static void mdns_tells_the_owners_of_answer_and_additional(void **state)
{
	static const struct message_row rows[] = {
		{ .answers = { { "Mac.local", A | FLUSH, 120, "192.0.2.1" } }, .told = "mac.local 192.0.2.1 120 A!", .flags = 0x8400 },
		{ .answers = { { "mac.local", A, 0, "192.0.2.1" } }, .told = "mac.local 192.0.2.1 0 A", .flags = 0x8400 },
		{ .answers = { { "_nfs._tcp.local", PTR, 9, "Some Mac._nfs._tcp.local" } },
		  .authority = { { "no.local", A, 9, "192.0.2.9" } },
		  .additional = { { "Some Mac._nfs._tcp.local", RAW | SRV, 9, "0000000008010161056c6f63616c00" },
				  { "a.local", AAAA | FLUSH, 9, "fe80::1" }, { "a.local", A | FLUSH, 9, "192.0.2.1" } },
		  .told = "a.local fe80::1 9 A!, a.local 192.0.2.1 9 A!", .flags = 0x8400 },
		{ .answers = { { REVERSE4, PTR | FLUSH, 9, "mac.local" }, { REVERSE6, PTR, 9, "mac.local" } },
		  .told = "mac.local 192.0.2.1 9 P!, mac.local 2001:db8::1 9 P", .flags = 0x8400 },
		{ "mac.local", A, .answers = { { "@12", A, 9, "192.0.2.1" }, { "other.local", A, 9, "192.0.2.2" } },
		  .told = "mac.local 192.0.2.1 9 A, other.local 192.0.2.2 9 A", .flags = 0x8400 },
		{ .answers = { { "my mac.local", A, 9, "192.0.2.1" } }, .told = "my\\032mac.local 192.0.2.1 9 A", .flags = 0x8400 },
		{ .answers = { { "mac.local", A | IN_CHAOS, 9, "192.0.2.1" } }, .status = DISSECT_OTHER, .told = "", .flags = 0x8400 },
		{ .answers = { { "mac.local", A, 9, "192.0.2.1" } }, .status = DISSECT_OTHER, .told = "", .flags = 0x8403 },
		{ .answers = { { "mac.local", A, 9, "192.0.2.1" } }, .status = DISSECT_OTHER, .told = "", .flags = 0x0001 },
		{ .answers = { { "mac.local", A, 9, "192.0.2.1" }, { "mac.local", RAW | A | FLUSH, 9, "c00002" } },
		  .status = DISSECT_BAD, .told = "mac.local 192.0.2.1 9 A", .flags = 0x8400 },
	};

	(void)state;
	CHECK_ROWS(mdns_answers, rows);
}

static void llmnr_tells_the_owners_of_the_answer_section(void **state)
{
	static const struct message_row rows[] = {
		{ "Host", A, .answers = { { "@12", A, 30, "192.0.2.1" }, { "HOST", AAAA, 30, "fe80::1" } },
		  .additional = { { "host", A, 30, "192.0.2.2" } },
		  .told = "host 192.0.2.1 30 A, host fe80::1 30 A", .flags = 0x8000 },
		{ REVERSE4, PTR, .answers = { { "@12", PTR, 5, "h.example" } }, .status = DISSECT_OTHER, .told = "", .flags = 0x8000 },
		{ "host", A, .answers = { { "@12", A, 30, "192.0.2.1" } }, .status = DISSECT_OTHER, .told = "", .flags = 0x0001 },
		{ "host", A, .answers = { { "@12", A | FLUSH, 30, "192.0.2.1" } }, .status = DISSECT_OTHER, .told = "", .flags = 0x8000 },
	};

	(void)state;
	CHECK_ROWS(llmnr_answers, rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_told_under_the_name_that_was_asked),
		cmocka_unit_test(only_a_good_answer_to_one_question_teaches),
		cmocka_unit_test(a_record_off_the_chain_is_ignored),
		cmocka_unit_test(aliases_are_followed_in_any_order),
		cmocka_unit_test(a_dname_renames_what_is_below_it),
		cmocka_unit_test(a_dname_makes_no_name_over_255_octets),
		cmocka_unit_test(a_chain_has_at_most_16_links),
		cmocka_unit_test(hints_name_what_was_asked),
		cmocka_unit_test(a_pointer_names_the_address_of_the_question),
		cmocka_unit_test(what_stands_before_a_fault_is_told),
		cmocka_unit_test(a_pointer_does_not_lead_ahead_to_a_known_name),
		cmocka_unit_test(mdns_tells_the_owners_of_answer_and_additional),
		cmocka_unit_test(llmnr_tells_the_owners_of_the_answer_section),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
