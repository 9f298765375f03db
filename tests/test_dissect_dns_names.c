/* SPDX-License-Identifier: Apache-2.0 */
/* test_dissect_dns_names.c - the question and its name, and the bounds of names, pointers, counts and work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "dns_message.h"

#define WWW "www.example.com"

static int head_of(const void *octets, size_t len, struct dns_head *head)
{
	uint8_t *exact = malloc(len);
	int status;

	memcpy(exact, octets, len);
	status = dns_head(exact, len, head);
	free(exact);
	return status;
}

static void the_head_says_what_was_asked(void **state)
{
	static struct message m;
	struct dns_head head;

	(void)state;
	put_header(&m, 0xab53, 2, 3);
	put_question(&m, "WWW.example.com", AAAA, 0x8001);
	put_question(&m, "other@16", A, IN);
	assert_int_equal(head_of(m.octets, m.len, &head), DISSECT_OK);
	assert_int_equal(head.id, 0x1234);
	assert_true(head.is_response);
	assert_true(head.is_truncated);
	assert_int_equal(head.opcode, 5);
	assert_int_equal(head.rcode, 3);
	assert_int_equal(head.question_count, 2);
	assert_int_equal(head.answer_count, 3);
	assert_int_equal(head.authority_count, 0);
	assert_int_equal(head.additional_count, 0);
	assert_int_equal(head.question_type, AAAA);
	assert_int_equal(head.question_class, 0x8001);
	assert_string_equal(head.question, WWW);
	assert_int_equal(head.question_len, strlen(WWW));
	assert_int_equal(head.answers_at, m.len);
	for (size_t len = 0; len < m.len; len++)
		assert_int_equal(head_of(m.octets, len, &head), DISSECT_SHORT);
}

static void hash_of(const char *name, struct dns_head *head)
{
	static struct message m;

	put_header(&m, QUERY, 1, 0);
	put_question(&m, name, A, IN);
	assert_int_equal(head_of(m.octets, m.len, head), DISSECT_OK);
	assert_true(head->question_hash && head->question_folded_hash);
}

static void only_the_hash_as_sent_knows_letter_case(void **state)
{
	static const struct { const char *one, *other; bool same_as_sent, same_folded; } rows[] = {
		{ "www.example.com", "www.example.com", true, true },
		{ "www.example.com", "WwW.eXample.cOm", false, true },
		{ "www.example.com", "ww.wexample.com", false, false },
		{ "www.example.com", "wwwexample.com", false, false },
		{ "[.com", "{.com", false, false },       /* 0x5b and 0x7b differ like letters do, and are none */
		{ "", "a", false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dns_head one, other;

		hash_of(rows[i].one, &one);
		hash_of(rows[i].other, &other);
		assert_int_equal(one.question_hash == other.question_hash, rows[i].same_as_sent);
		assert_int_equal(one.question_folded_hash == other.question_folded_hash, rows[i].same_folded);
	}
}

static void without_a_question_there_is_no_hash(void **state)
{
	static struct message m;
	struct dns_head head;

	(void)state;
	put_header(&m, RESPONSE, 0, 0);
	assert_int_equal(head_of(m.octets, m.len, &head), DISSECT_OK);
	assert_int_equal(head.question_hash, 0);
	assert_int_equal(head.question_folded_hash, 0);
	assert_int_equal(head.question_len, 0);
	assert_string_equal(head.question, "");
	assert_int_equal(head.answers_at, 12);
}

static void every_octet_of_a_label_has_a_text(void **state)
{
	static struct message m;
	struct dns_head head;

	(void)state;
	for (unsigned octet = 0; octet < 256; octet++) {
		char expected[8];

		put_header(&m, QUERY, 1, 0);
		put(&m, (uint8_t[]){ 1, (uint8_t)octet, 0, 0, 1, 0, 1 }, 7);
		if (octet == '.' || octet == '\\')
			sprintf(expected, "\\%c", octet);
		else if (octet >= 'A' && octet <= 'Z')
			sprintf(expected, "%c", octet + 32);
		else if (octet > 0x20 && octet < 0x7f)
			sprintf(expected, "%c", octet);
		else
			sprintf(expected, "\\%03u", octet);
		assert_int_equal(head_of(m.octets, m.len, &head), DISSECT_OK);
		assert_string_equal(head.question, expected);
		assert_int_equal(head.question_len, strlen(expected));
	}
}

/* Question names given octet by octet, from offset 12 on; what is too long for a row is made in the tests below. */
static void a_wrong_name_is_an_error(void **state)
{
	static const struct { const char *octets; size_t len; int status; } rows[] = {
		{ "\xc0\x0c\0\1\0\1", 6, DISSECT_BAD },                 /* to itself */
		{ "\xc0\x0e\0\1\0\1", 6, DISSECT_BAD },                 /* ahead */
		{ "\1a\xc0\x0c\0\1\0\1", 8, DISSECT_BAD },              /* into itself */
		{ "\xff\xff\0\1\0\1", 6, DISSECT_BAD },
		{ "\x40\0\0\1\0\1", 6, DISSECT_BAD },                   /* reserved label types */
		{ "\x80\0\0\1\0\1", 6, DISSECT_BAD },
		{ "\x41\0\0\1\0\1", 6, DISSECT_BAD },
		{ "\xc0", 1, DISSECT_SHORT },
		{ "\5ab", 3, DISSECT_SHORT },
		{ "\2ab", 3, DISSECT_SHORT },
		{ "\0\0\1\0", 4, DISSECT_SHORT },
		{ "", 0, DISSECT_SHORT },
		{ "\0\0\1\0\1", 5, DISSECT_OK },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static struct message m;
		struct dns_head head;

		put_header(&m, QUERY, 1, 0);
		put(&m, rows[i].octets, rows[i].len);
		assert_int_equal(head_of(m.octets, m.len, &head), rows[i].status);
	}
}

/* A question of `labels` labels of one octet and one of `last` octets. */
static int head_of_labels(unsigned labels, unsigned last, struct dns_head *head)
{
	static struct message m;

	put_header(&m, QUERY, 1, 0);
	while (labels--)
		put(&m, "\1\xff", 2);
	if (last) {
		put(&m, (uint8_t[]){ (uint8_t)last }, 1);
		while (last--)
			put(&m, "\xff", 1);
	}
	put(&m, "\0\0\1\0\1", 5);
	return head_of(m.octets, m.len, head);
}

static void a_name_has_at_most_255_octets(void **state)
{
	static const struct { unsigned labels, last; int status; unsigned len; } rows[] = {
		{ 127, 0, DISSECT_OK, 127 * 4 + 126 },          /* 255 octets, 127 labels */
		{ 128, 0, DISSECT_BAD, 0 },
		{ 126, 2, DISSECT_BAD, 0 },                     /* 256 octets */
		{ 95, 63, DISSECT_OK, 95 * 5 + 63 * 4 },        /* 255 octets */
		{ 95, 64, DISSECT_BAD, 0 },                     /* a reserved label type */
		{ 96, 62, DISSECT_BAD, 0 },                     /* 256 octets */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dns_head head;

		assert_int_equal(head_of_labels(rows[i].labels, rows[i].last, &head), rows[i].status);
		assert_int_equal(head.question_len, rows[i].len);
		assert_int_equal(strlen(head.question), rows[i].len);
	}
}

static void the_longest_text_fits(void **state)
{
	static struct message m;
	struct dns_head head;
	const uint8_t lens[] = { 63, 63, 63, 61 };

	(void)state;
	put_header(&m, QUERY, 1, 0);
	for (int i = 0; i < 4; i++) {
		put(&m, &lens[i], 1);
		for (int j = 0; j < lens[i]; j++)
			put(&m, "\xfe", 1);
	}
	put(&m, "\0\0\1\0\1", 5);
	assert_int_equal(head_of(m.octets, m.len, &head), DISSECT_OK);
	assert_int_equal(head.question_len, 250 * 4 + 3);
	assert_int_equal(strlen(head.question), head.question_len);
}

/* An answer of `count` pointers in TXT rdata, each to the one before it and the first to the question, and then a record
 * whose owner is the last of them. */
static int learn_pointers(unsigned count, struct facts *facts)
{
	static struct message m;

	put_header(&m, RESPONSE, 1, 2);
	put_question(&m, "a", A, IN);
	put(&m, "\0\0\x10\0\1\0\0\0\0", 9);
	put_be16(&m, 2 * count);
	for (unsigned i = 0; i < count; i++)
		put_be16(&m, 0xc000 | (unsigned)(i ? m.len - 2 : 12));
	put_rr(&m, RR("@0", A, 1, "192.0.2.1"));
	m.octets[m.len - 16] = (uint8_t)(0xc0 | (m.len - 18) >> 8);
	m.octets[m.len - 15] = (uint8_t)(m.len - 18);
	return learn(dns_answers, m.octets, m.len, facts);
}

static void a_name_is_led_by_at_most_127_pointers(void **state)
{
	static const struct { unsigned pointers; int status; } rows[] = {
		{ 1, DISSECT_OK }, { 126, DISSECT_OK }, { 127, DISSECT_BAD }, { 8000, DISSECT_BAD },
	};
	static struct facts facts;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(learn_pointers(rows[i].pointers, &facts), rows[i].status);
		assert_string_equal(facts.text, rows[i].status ? "" : "a 192.0.2.1 1 A");
	}
}

static void each_pointer_leads_before_the_one_that_led_to_it(void **state)
{
	/* The question "a" is at 12, the rdata begins at 30. */
	static const struct { const char *rdata, *owner; int status; } rows[] = {
		{ "016100c01e", "@33", DISSECT_OK },
		{ "c020016100", "@30", DISSECT_BAD },     /* ahead, though before the owner */
		{ "c01e016100", "@30", DISSECT_BAD },
		{ "c00cc01e", "@32", DISSECT_OK },
	};
	static struct message m;
	static struct facts facts;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put_header(&m, RESPONSE, 1, 2);
		put_question(&m, "a", A, IN);
		put_rr(&m, RR("", RAW | TXT, 1, rows[i].rdata));
		put_rr(&m, RR(rows[i].owner, A, 1, "192.0.2.1"));
		assert_int_equal(learn(dns_answers, m.octets, m.len, &facts), rows[i].status);
		assert_int_equal(facts.count, rows[i].status ? 0 : 1);
	}
}

static void a_message_of_pointers_teaches_nothing(void **state)
{
	static struct message m;
	static struct facts facts;
	static answers_fn *const answers[] = { dns_answers, mdns_answers, llmnr_answers };

	(void)state;
	for (unsigned questions = 0; questions <= 1; questions++) {
		put_header(&m, RESPONSE, questions, 65535);
		while (m.len < 65534)
			put_be16(&m, 0xc000 | (m.len - 2 < 0x3fff ? (unsigned)m.len - 2 : 12));
		for (int i = 0; i < 3; i++) {
			learn(answers[i], m.octets, m.len, &facts);
			assert_int_equal(facts.count, 0);
		}
	}
}

static void a_count_of_65535_is_no_more_than_what_is_there(void **state)
{
	static struct message m;
	static struct facts facts;

	(void)state;
	put_header(&m, RESPONSE, 1, 65535);
	put_question(&m, WWW, A, IN);
	put_rr(&m, RR("@12", A, 1, "192.0.2.1"));
	put_rr(&m, RR("@12", A, 1, "192.0.2.2"));
	memset(m.octets + 8, 0xff, 4);
	assert_int_equal(learn(dns_answers, m.octets, m.len, &facts), DISSECT_SHORT);
	assert_int_equal(facts.count, 2);
	assert_int_equal(learn(mdns_answers, m.octets, m.len, &facts), DISSECT_SHORT);
	assert_int_equal(facts.count, 2);
}

static void more_than_one_question_is_no_answer(void **state)
{
	static struct message m;
	static struct facts facts;

	(void)state;
	put_header(&m, RESPONSE, 2, 1);
	put_question(&m, WWW, A, IN);
	put_question(&m, WWW, A, IN);
	put_rr(&m, RR("@12", A, 1, "192.0.2.1"));
	assert_int_equal(learn(dns_answers, m.octets, m.len, &facts), DISSECT_BAD);
	assert_int_equal(facts.count, 0);
	assert_int_equal(learn(mdns_answers, m.octets, m.len, &facts), DISSECT_OK);
	assert_int_equal(facts.count, 1);
}

static void one_message_teaches_a_bounded_number_of_facts(void **state)
{
	static const struct { unsigned records; const char *owner; int status; unsigned facts; } rows[] = {
		{ 256, "@12", DISSECT_OK, 256 },
		{ 257, "@12", DISSECT_BAD, 256 },
		/* 17 octets of each name are expanded, 4,096 in all. */
		{ 240, WWW, DISSECT_OK, 240 },
		{ 256, WWW, DISSECT_OK, 256 },
		{ 257, WWW, DISSECT_BAD, 256 },
		{ 256, "ww.w.example.com@12", DISSECT_BAD, 0 },
	};
	static struct message m;
	static struct facts facts;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put_header(&m, RESPONSE, 1, rows[i].records);
		put_question(&m, WWW, A, IN);
		for (unsigned j = 0; j < rows[i].records; j++)
			put_rr(&m, RR(rows[i].owner, A, 1, "192.0.2.1"));
		assert_int_equal(learn(dns_answers, m.octets, m.len, &facts), rows[i].status);
		assert_int_equal(facts.count, rows[i].facts);
	}
}

static void at_most_256_records_and_questions_are_read(void **state)
{
	static struct message m;
	static struct facts facts;
	struct dns_head head;

	(void)state;
	for (unsigned records = 256; records <= 257; records++) {
		put_header(&m, RESPONSE, 1, records);
		put_question(&m, WWW, A, IN);
		for (unsigned i = 1; i < records; i++)
			put_rr(&m, RR("@12", RAW | TXT, 1, ""));
		put_rr(&m, RR("@12", A, 1, "192.0.2.1"));
		assert_int_equal(learn(dns_answers, m.octets, m.len, &facts), records > 256 ? DISSECT_BAD : DISSECT_OK);
		assert_int_equal(facts.count, records > 256 ? 0 : 1);

		put_header(&m, QUERY, records, 0);
		for (unsigned i = 0; i < records; i++)
			put_question(&m, "a", A, IN);
		assert_int_equal(head_of(m.octets, m.len, &head), records > 256 ? DISSECT_BAD : DISSECT_OK);
	}
}

static void one_message_expands_at_most_4_kib_of_names(void **state)
{
	static struct message m;
	static struct facts facts;
	char owner[256];

	(void)state;
	memset(owner, 'x', sizeof(owner));
	owner[63] = owner[127] = owner[191] = '.';
	owner[253] = 0;
	put_header(&m, 0x8400, 0, 30);
	for (unsigned i = 0; i < 30; i++)
		put_rr(&m, RR(owner, A, 1, "192.0.2.1"));
	assert_int_equal(learn(mdns_answers, m.octets, m.len, &facts), DISSECT_BAD);
	assert_int_equal(facts.count, 4096 / 254);
}

static void hints_of_one_message_are_at_most_256(void **state)
{
	static struct message m;
	static struct facts facts;

	(void)state;
	put_header(&m, RESPONSE, 1, 1);
	put_question(&m, WWW, HTTPS, IN);
	put_hex(&m, "c00c" "0041" "0001" "00000001" "0807" "0001" "00" "0004" "0800");
	for (unsigned i = 0; i < 512; i++)
		put_hex(&m, "c0000201");
	assert_int_equal(learn(dns_answers, m.octets, m.len, &facts), DISSECT_BAD);
	assert_int_equal(facts.count, 256);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_head_says_what_was_asked),
		cmocka_unit_test(only_the_hash_as_sent_knows_letter_case),
		cmocka_unit_test(without_a_question_there_is_no_hash),
		cmocka_unit_test(every_octet_of_a_label_has_a_text),
		cmocka_unit_test(a_wrong_name_is_an_error),
		cmocka_unit_test(a_name_has_at_most_255_octets),
		cmocka_unit_test(the_longest_text_fits),
		cmocka_unit_test(a_name_is_led_by_at_most_127_pointers),
		cmocka_unit_test(each_pointer_leads_before_the_one_that_led_to_it),
		cmocka_unit_test(a_message_of_pointers_teaches_nothing),
		cmocka_unit_test(a_count_of_65535_is_no_more_than_what_is_there),
		cmocka_unit_test(more_than_one_question_is_no_answer),
		cmocka_unit_test(one_message_teaches_a_bounded_number_of_facts),
		cmocka_unit_test(at_most_256_records_and_questions_are_read),
		cmocka_unit_test(one_message_expands_at_most_4_kib_of_names),
		cmocka_unit_test(hints_of_one_message_are_at_most_256),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
