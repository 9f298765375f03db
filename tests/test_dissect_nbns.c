/* SPDX-License-Identifier: Apache-2.0 */
/* test_dissect_nbns.c - NetBIOS name service messages, one a row. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "../user/name/dissect.h"

enum { NB = 0x20, NBSTAT = 0x21 };

/* A message with at most one question and one record; a name is 15 characters and its suffix. */
struct message_row {
	unsigned flags;                           /* R, opcode, NM_FLAGS, RCODE: RFC 1002 4.2.1.1 */
	const char *question;
	uint8_t question_suffix;
	const char *owner;                        /* NULL: a pointer to the question */
	uint8_t suffix;
	unsigned type;
	const char *rdata;                        /* hexadecimal; NULL: no record */
	int status;
	const char *told;                         /* "name suffix kind address ttl", kind A, R, N and G for a group */
};

struct message { size_t len; uint8_t octets[70000]; };
struct facts { unsigned count; size_t len; char text[40000]; };

static void put(struct message *m, const void *octets, size_t len)
{
	assert_true(m->len + len <= sizeof(m->octets));
	memcpy(m->octets + m->len, octets, len);
	m->len += len;
}

static void put_be16(struct message *m, unsigned value)
{
	put(m, (uint8_t[]){ (uint8_t)(value >> 8), (uint8_t)value }, 2);
}

static void put_hex(struct message *m, const char *hex)
{
	unsigned octet;

	for (; *hex; hex += 2) {
		assert_int_equal(sscanf(hex, "%2x", &octet), 1);
		put(m, (uint8_t[]){ (uint8_t)octet }, 1);
	}
}

/* 32 letters, then the root. */
static void put_name(struct message *m, const char *name, uint8_t suffix)
{
	char padded[17];

	sprintf(padded, "%-15.15s%c", name, suffix);
	put(m, "\x20", 1);
	for (int i = 0; i < 16; i++)
		put(m, (char[]){ (char)('A' + ((uint8_t)padded[i] >> 4)), (char)('A' + (padded[i] & 15)) }, 2);
	put(m, "", 1);
}

static void put_header(struct message *m, unsigned flags, unsigned questions, unsigned answers, unsigned additional)
{
	m->len = 0;
	put_be16(m, 0x1234);
	put_be16(m, flags);
	put_be16(m, questions);
	put_be16(m, answers);
	put_be16(m, 0);
	put_be16(m, additional);
}

static void put_row(struct message *m, const struct message_row *row)
{
	bool is_response = row->flags & 0x8000;
	unsigned records = row->rdata ? 1 : 0;

	put_header(m, row->flags, row->question ? 1 : 0, is_response ? records : 0, is_response ? 0 : records);
	if (row->question) {
		put_name(m, row->question, row->question_suffix);
		put_hex(m, "00200001");
	}
	if (!row->rdata)
		return;
	if (row->owner)
		put_name(m, row->owner, row->suffix);
	else
		put_hex(m, "c00c");
	put_be16(m, row->type);
	put_hex(m, "0001" "000493e0");            /* 300,000 s */
	put_be16(m, (unsigned)strlen(row->rdata) / 2);
	put_hex(m, row->rdata);
}

static void note(void *ctx, const struct nbns_name *name)
{
	struct facts *facts = ctx;
	char addr[INET6_ADDRSTRLEN] = "-";

	assert_int_equal(strlen(name->text), name->len);
	assert_int_equal(name->has_addr, name->kind != NBNS_NODE_STATUS);
	if (name->has_addr)
		inet_ntop(AF_INET, name->addr.s6_addr + 12, addr, sizeof(addr));
	facts->count++;
	facts->len += (size_t)sprintf(facts->text + facts->len, "%s%s %02x %c%s %s %u", facts->len ? ", " : "", name->text,
				      name->suffix, "ARN"[name->kind], name->is_group ? "G" : "", addr, name->ttl_s);
}

/* The octets are given in a block of exactly their size, so that ASan sees a read behind them. */
static int learn(const uint8_t *octets, size_t len, struct facts *facts)
{
	uint8_t *exact = malloc(len);
	int status;

	facts->count = 0;
	facts->len = 0;
	facts->text[0] = 0;
	memcpy(exact, octets, len);
	status = nbns_names(exact, len, note, facts);
	free(exact);
	return status;
}

static void check_rows(const struct message_row *rows, size_t count)
{
	static struct message m;
	static struct facts facts, part;

	for (size_t i = 0; i < count; i++) {
		int status;

		put_row(&m, &rows[i]);
		status = learn(m.octets, m.len, &facts);
		if (status != rows[i].status || strcmp(facts.text, rows[i].told))
			fail_msg("row %zu: status %d, told \"%s\"", i, status, facts.text);
		for (size_t len = 0; len < m.len; len++) {
			status = learn(m.octets, len, &part);
			assert_true(status == DISSECT_SHORT || status == DISSECT_OTHER || status == DISSECT_BAD);
			assert_int_equal(part.count, 0);
		}
	}
}
#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void a_registration_tells_its_name_and_address(void **state)
{
	static const struct message_row rows[] = {
		{ 0x2910, "MYPC", 0, NULL, 0, NB, "0000c0000201", DISSECT_OK, "MYPC 00 R 192.0.2.1 300000" },
		{ 0x2910, "MYPC", 0x20, NULL, 0, NB, "6000c0000201", DISSECT_OK, "MYPC 20 R 192.0.2.1 300000" },
		{ 0x2910, "MYPC", 0, "OTHER", 0x1d, NB, "0000c0000201", DISSECT_OK, "OTHER 1d R 192.0.2.1 300000" },
		{ 0x2910, "WORKGROUP", 0, NULL, 0, NB, "8000c0000201", DISSECT_OK, "WORKGROUP 00 RG 192.0.2.1 300000" },
		{ 0x4000, "MYPC", 0, NULL, 0, NB, "0000c0000201", DISSECT_OK, "MYPC 00 R 192.0.2.1 300000" },       /* refresh */
		{ 0x4800, "MYPC", 0, NULL, 0, NB, "0000c0000201", DISSECT_OK, "MYPC 00 R 192.0.2.1 300000" },
		{ 0x7800, "MYPC", 0, NULL, 0, NB, "0000c0000201" "0000c0000202", DISSECT_OK,
		  "MYPC 00 R 192.0.2.1 300000, MYPC 00 R 192.0.2.2 300000" },
		{ 0x2910, "lower.pc", 0, NULL, 0, NB, "0000c0000201", DISSECT_OK, "lower\\.pc 00 R 192.0.2.1 300000" },
		{ 0x2910, "A  B\x84", 0, NULL, 0, NB, "0000c0000201", DISSECT_OK, "A\\032\\032B\\132 00 R 192.0.2.1 300000" },
		{ 0x2910, "FIFTEEN-OCTETS-", 0, NULL, 0, NB, "0000c0000201", DISSECT_OK, "FIFTEEN-OCTETS- 00 R 192.0.2.1 300000" },
	};

	(void)state;
	CHECK_ROWS(rows);
}

static void a_positive_answer_tells_its_name_and_addresses(void **state)
{
	static const struct message_row rows[] = {
		{ 0x8500, NULL, 0, "SERVER", 0x20, NB, "0000c0000201", DISSECT_OK, "SERVER 20 A 192.0.2.1 300000" },
		{ 0x8500, NULL, 0, "GROUP", 0x1c, NB, "8000c0000201" "8000c0000202", DISSECT_OK,
		  "GROUP 1c AG 192.0.2.1 300000, GROUP 1c AG 192.0.2.2 300000" },
	};

	(void)state;
	CHECK_ROWS(rows);
}

#define ENTRY(name, suffix, flags) name suffix flags
#define MYPC "4d5950432020202020202020202020"
#define GROUP "47524f555020202020202020202020"
#define BROWSE "01025f5f4d5342524f5753455f5f02"
#define UNIT_ID "02000000000100000000"

static void a_node_status_tells_the_senders_names(void **state)
{
	static const struct message_row rows[] = {
		{ 0x8400, NULL, 0, "*", 0, NBSTAT, "04" ENTRY(MYPC, "00", "0400") ENTRY(GROUP, "00", "8400") ENTRY(MYPC, "20", "0400")
		  ENTRY(BROWSE, "01", "8400") UNIT_ID, DISSECT_OK, "MYPC 00 N - 300000, GROUP 00 NG - 300000, MYPC 20 N - 300000" },
		/* Given up, and lost in a conflict. */
		{ 0x8400, NULL, 0, "*", 0, NBSTAT, "03" ENTRY(MYPC, "00", "1400") ENTRY(GROUP, "00", "0c00") ENTRY(MYPC, "20", "0400"),
		  DISSECT_OK, "MYPC 20 N - 300000" },
		{ 0x8400, NULL, 0, "*", 0, NBSTAT, "02" ENTRY(MYPC, "00", "0400") "4d59", DISSECT_BAD, "MYPC 00 N - 300000" },
		{ 0x8400, NULL, 0, "*", 0, NBSTAT, "00", DISSECT_OTHER, "" },
		{ 0x8400, NULL, 0, "*", 0, NBSTAT, "", DISSECT_BAD, "" },
		{ 0x2910, NULL, 0, "*", 0, NBSTAT, "01" ENTRY(MYPC, "00", "0400"), DISSECT_OTHER, "" },
	};

	(void)state;
	CHECK_ROWS(rows);
}

static void what_is_no_host_name_is_left_out(void **state)
{
	static const struct message_row rows[] = {
		{ 0x2910, "*", 0, NULL, 0, NB, "0000c0000201", DISSECT_OTHER, "" },
		{ 0x2910, "", 0, NULL, 0, NB, "0000c0000201", DISSECT_OTHER, "" },
		{ 0x2910, "\1\2__MSBROWSE__\2", 1, NULL, 0, NB, "8000c0000201", DISSECT_OTHER, "" },
		{ 0x2910, "A\37", 0, NULL, 0, NB, "0000c0000201", DISSECT_OTHER, "" },
	};

	(void)state;
	CHECK_ROWS(rows);
}

static void other_messages_teach_nothing(void **state)
{
	static const struct message_row rows[] = {
		{ 0x0110, "MYPC", 0, NULL, 0, 0, NULL, DISSECT_OTHER, "" },                                 /* query */
		{ 0x3000, "MYPC", 0, NULL, 0, NB, "0000c0000201", DISSECT_OTHER, "" },                       /* release */
		{ 0xbc07, NULL, 0, "MYPC", 0, NB, "0000c0000201", DISSECT_OTHER, "" },                       /* WACK */
		{ 0x8583, NULL, 0, "MYPC", 0, NB, "0000c0000201", DISSECT_OTHER, "" },                       /* negative answer */
		{ 0xad86, NULL, 0, "MYPC", 0, NB, "0000c0000201", DISSECT_OTHER, "" },                       /* refused registration */
		{ 0xad80, NULL, 0, "MYPC", 0, NB, "0000c0000201", DISSECT_OTHER, "" },
		{ 0x8500, NULL, 0, "MYPC", 0, 2, "c00c", DISSECT_OTHER, "" },                                /* redirect */
		{ 0x2910, "MYPC", 0, NULL, 0, 0, NULL, DISSECT_OTHER, "" },
	};

	(void)state;
	CHECK_ROWS(rows);
}

static void addresses_come_in_whole_entries(void **state)
{
	static const struct message_row rows[] = {
		{ 0x2910, "MYPC", 0, NULL, 0, NB, "0000c00002", DISSECT_BAD, "" },
		{ 0x2910, "MYPC", 0, NULL, 0, NB, "0000c0000201" "00", DISSECT_BAD, "MYPC 00 R 192.0.2.1 300000" },
		{ 0x2910, "MYPC", 0, NULL, 0, NB, "", DISSECT_OTHER, "" },
	};

	(void)state;
	CHECK_ROWS(rows);
}

/* A registration whose only record is owned by `owner`, octet by octet. */
static int learn_owner(const char *owner, size_t len, struct facts *facts)
{
	static struct message m;

	put_header(&m, 0x2910, 0, 0, 1);
	put(&m, owner, len);
	put_hex(&m, "00200001" "00000001" "0006" "0000c0000201");
	return learn(m.octets, m.len, facts);
}

#define ENCODED "EN" "FJ" "FA" "ED" "CACACACACACACACACACACA" "AA"

static void a_name_is_32_letters_from_a_to_p(void **state)
{
#define OCTETS(s) s, sizeof(s) - 1
	static const struct { const char *owner; size_t len; int status; } rows[] = {
		{ OCTETS("\x20" ENCODED "\0"), DISSECT_OK },
		{ OCTETS("\x20" ENCODED "\5scope\3org\0"), DISSECT_OK },
		{ OCTETS("\x20" "QN" "FJFAEDCACACACACACACACACACACAAA" "\0"), DISSECT_BAD },
		{ OCTETS("\x20" "E@" "FJFAEDCACACACACACACACACACACAAA" "\0"), DISSECT_BAD },
		{ OCTETS("\x20" "en" "FJFAEDCACACACACACACACACACACAAA" "\0"), DISSECT_BAD },
		{ OCTETS("\x1f" "NFJFAEDCACACACACACACACACACACAAA" "\0"), DISSECT_BAD },
		{ OCTETS("\x21" ENCODED "A" "\0"), DISSECT_BAD },
		{ OCTETS("\0"), DISSECT_BAD },
		{ OCTETS("\x20" ENCODED "\xc0\x0c"), DISSECT_BAD },        /* a scope that leads to its own name */
		{ OCTETS("\xc0\x0c"), DISSECT_BAD },
		{ OCTETS("\x40"), DISSECT_BAD },
	};
	static struct facts facts;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(learn_owner(rows[i].owner, rows[i].len, &facts), rows[i].status);
		assert_string_equal(facts.text, rows[i].status ? "" : "MYPC 00 R 192.0.2.1 1");
	}
}

static void one_message_teaches_a_bounded_number_of_facts(void **state)
{
	static struct message m;
	static struct facts facts;

	(void)state;
	put_header(&m, 0x8500, 0, 65535, 65535);
	put_name(&m, "MYPC", 0);
	put_hex(&m, "00200001" "00000001" "1800");
	for (unsigned i = 0; i < 1024; i++)
		put_hex(&m, "0000c0000201");
	assert_int_equal(learn(m.octets, m.len, &facts), DISSECT_BAD);
	assert_int_equal(facts.count, 256);

	put_header(&m, 0x2910, 65535, 0, 0);
	while (m.len < 65000)
		put_hex(&m, "c00c00200001");
	assert_int_equal(learn(m.octets, m.len, &facts), DISSECT_BAD);
	assert_int_equal(facts.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_registration_tells_its_name_and_address),
		cmocka_unit_test(a_positive_answer_tells_its_name_and_addresses),
		cmocka_unit_test(a_node_status_tells_the_senders_names),
		cmocka_unit_test(what_is_no_host_name_is_left_out),
		cmocka_unit_test(other_messages_teach_nothing),
		cmocka_unit_test(addresses_come_in_whole_entries),
		cmocka_unit_test(a_name_is_32_letters_from_a_to_p),
		cmocka_unit_test(one_message_teaches_a_bounded_number_of_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
