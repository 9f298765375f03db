/* SPDX-License-Identifier: Apache-2.0 */
/* test_text.c - names as printable ASCII, for every octet and for every form that they arrive in. */
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
#include "../user/name/text.h"

/* The text of one octet within a label, told another way than text.c does it. */
static void expect_octet(char *out, unsigned octet)
{
	if (octet == '.' || octet == '\\')
		sprintf(out, "\\%c", octet);
	else if (octet >= 0x21 && octet <= 0x7e)
		sprintf(out, "%c", octet);
	else
		sprintf(out, "\\%03u", octet);
}

static void every_octet_is_printable_in_a_label(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		char text[NAME_TEXT_MAX + 1], expected[8];
		uint8_t octet = (uint8_t)i;

		expect_octet(expected, i);
		assert_int_equal(text_from_label(text, &octet, 1), strlen(expected));
		assert_string_equal(text, expected);
	}
}

static void lower_case_changes_letters_only(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		unsigned lower = i >= 'A' && i <= 'Z' ? i + 32 : i;
		bool is_plain = i >= 0x21 && i <= 0x7e && i != '.' && i != '\\';

		assert_int_equal(text_fold((uint8_t)i), lower);
		assert_int_equal(text_lower[i], is_plain ? lower : 0);
	}
}

static void a_text_is_put_in_lower_case_in_place(void **state)
{
	char text[] = "Ab\\200\\.Z[{@";

	(void)state;
	text_to_lower(text, 9);
	assert_string_equal(text, "ab\\200\\.z[{@");
}

/* The octets are copied into a block of exactly their size, so that ASan sees a read behind them. */
static int64_t text_of(const char *form, const char *octets, size_t len, char *text)
{
	uint8_t *exact = malloc(len);
	int64_t text_len;

	memcpy(exact, octets, len);
	if (!strcmp(form, "wire"))
		text_len = text_from_wire(text, exact, len);
	else if (!strcmp(form, "host"))
		text_len = (int64_t)text_from_host(text, exact, len);
	else
		text_len = (int64_t)text_from_label(text, exact, len);
	free(exact);
	return text_len;
}

static void a_name_becomes_text(void **state)
{
#define OCTETS(s) s, sizeof(s) - 1
	static const struct { const char *form, *octets; size_t len; int64_t text_len; const char *text; } rows[] = {
		{ "label", OCTETS(""), 0, "" },
		{ "label", OCTETS("My PC.1"), 11, "My\\032PC\\.1" },
		{ "label", OCTETS("\0\xff\\"), 10, "\\000\\255\\\\" },
		{ "host", OCTETS("Host"), 4, "Host" },
		{ "host", OCTETS("a.B.c"), 5, "a.B.c" },
		{ "host", OCTETS("a.b."), 3, "a.b" },
		{ "host", OCTETS("a b\\"), 8, "a\\032b\\\\" },
		{ "host", OCTETS("\xc3\xa9.fr"), 11, "\\195\\169.fr" },
		{ "host", OCTETS(""), 0, "" },
		{ "host", OCTETS("."), 0, "" },
		{ "host", OCTETS(".."), 0, "" },
		{ "host", OCTETS(".a"), 0, "" },
		{ "host", OCTETS("a..b"), 0, "" },
		{ "host", OCTETS("a.."), 0, "" },
		{ "wire", OCTETS("\3Www\2eX\0"), 6, "Www.eX" },
		{ "wire", OCTETS("\3www\2ex"), 6, "www.ex" },          /* RFC 4702: without root, a partial name */
		{ "wire", OCTETS("\3w.w\1\\"), 7, "w\\.w.\\\\" },
		{ "wire", OCTETS(""), 0, "" },
		{ "wire", OCTETS("\0"), 0, "" },
		{ "wire", OCTETS("\0rest"), 0, "" },
		{ "wire", OCTETS("\3ww"), DISSECT_BAD, "" },
		{ "wire", OCTETS("\3www\5"), DISSECT_BAD, "" },
		{ "wire", OCTETS("\3www\xc0\0"), DISSECT_BAD, "" },       /* no compression */
		{ "wire", OCTETS("\3www\xc0"), DISSECT_BAD, "" },
		{ "wire", OCTETS("\xc0\0"), DISSECT_BAD, "" },
		{ "wire", OCTETS("\3www\x40"), DISSECT_BAD, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[NAME_TEXT_MAX + 1];

		assert_int_equal(text_of(rows[i].form, rows[i].octets, rows[i].len, text), rows[i].text_len);
		assert_string_equal(text, rows[i].text);
	}
}

static void a_host_name_has_at_most_253_octets(void **state)
{
	static const struct { size_t len; char octet, last; size_t text_len; } rows[] = {
		{ 253, 'a', 'a', 253 }, { 254, 'a', '.', 253 }, { 254, 'a', 'a', 0 }, { 255, 'a', '.', 0 },
		{ 253, '\xff', '\xff', NAME_TEXT_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char octets[256], text[NAME_TEXT_MAX + 1];

		memset(octets, rows[i].octet, rows[i].len);
		octets[rows[i].len - 1] = rows[i].last;
		assert_int_equal(text_of("host", octets, rows[i].len, text), rows[i].text_len);
		assert_int_equal(strlen(text), rows[i].text_len);
	}
}

static void a_wire_name_has_at_most_255_octets(void **state)
{
	static const struct { unsigned labels; bool has_root; int text_len; } rows[] = {
		{ 127, true, 127 * 5 - 1 }, { 127, false, 127 * 5 - 1 }, { 128, true, DISSECT_BAD }, { 128, false, DISSECT_BAD },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char octets[300], text[NAME_TEXT_MAX + 1];

		for (unsigned j = 0; j < rows[i].labels; j++)
			memcpy(octets + 2 * j, "\1\xff", 2);
		octets[2 * rows[i].labels] = 0;
		assert_int_equal(text_of("wire", octets, 2 * rows[i].labels + rows[i].has_root, text), rows[i].text_len);
	}
}

static void an_address_is_known_from_a_name(void **state)
{
	static const struct { const char *text; bool is_address; } rows[] = {
		{ "192.0.2.1", true }, { "255.255.255.255", true }, { "2001:db8::1", true }, { "::", true }, { "::ffff:1.2.3.4", true },
		{ "[2001:db8::1]", true }, { "fe80::1%eth0", true }, { "[fe80::1%25eth0]", true },
		{ "", false }, { "192.0.2", false }, { "192.0.2.1.example", false }, { "256.0.2.1", false }, { "[]", false },
		{ "[192.0.2.1]", false }, { "[::1", false }, { "::1]", false }, { "a", false }, { "dead.beef", false }, { "1", false },
		{ "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111", false }, { "%", false }, { "[%]", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(text_is_address(rows[i].text), rows[i].is_address);
}

#define NIBBLES "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"

static void a_reverse_name_stands_for_an_address(void **state)
{
	static const struct { const char *text, *addr; } rows[] = {
		{ "1.2.0.192.in-addr.arpa", "::ffff:192.0.2.1" }, { "255.0.0.1.in-addr.arpa", "::ffff:1.0.0.255" },
		{ NIBBLES ".ip6.arpa", "2001:db8::1" },
		{ "in-addr.arpa", NULL }, { ".in-addr.arpa", NULL }, { "ip6.arpa", NULL }, { "", NULL }, { "arpa", NULL },
		{ "2.0.192.in-addr.arpa", NULL }, { "1.1.2.0.192.in-addr.arpa", NULL }, { "256.2.0.192.in-addr.arpa", NULL },
		{ "01.2.0.192.in-addr.arpa", NULL }, { "a.2.0.192.in-addr.arpa", NULL }, { "1.2.0.192xin-addr.arpa", NULL },
		{ "1.2.0.192.in-addr.arpa.example", NULL }, { "1.2.0.192", NULL }, { "1.2.0.192.ip6.arpa", NULL },
		{ "0." NIBBLES ".ip6.arpa", NULL }, { NIBBLES ".in-addr.arpa", NULL },
		{ "g.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", NULL },
		{ "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.00.ip6.arpa", NULL },
		{ "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.008.b.d.0.1.0.0.2.ip6.arpa", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct in6_addr addr, expected;

		assert_int_equal(text_to_reverse_addr(rows[i].text, strlen(rows[i].text), &addr), rows[i].addr != NULL);
		if (!rows[i].addr)
			continue;
		assert_int_equal(inet_pton(AF_INET6, rows[i].addr, &expected), 1);
		assert_memory_equal(&addr, &expected, sizeof(addr));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_octet_is_printable_in_a_label),
		cmocka_unit_test(lower_case_changes_letters_only),
		cmocka_unit_test(a_text_is_put_in_lower_case_in_place),
		cmocka_unit_test(a_name_becomes_text),
		cmocka_unit_test(a_host_name_has_at_most_253_octets),
		cmocka_unit_test(a_wire_name_has_at_most_255_octets),
		cmocka_unit_test(an_address_is_known_from_a_name),
		cmocka_unit_test(a_reverse_name_stands_for_an_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
