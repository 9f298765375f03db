/* SPDX-License-Identifier: Apache-2.0 */
/* test_dissect_dhcp.c - DHCPv4 and DHCPv6 messages, one a row: which names and addresses they bind. */
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

#define OCTETS(s) s, sizeof(s) - 1

/* Octets with their length, as a string literal gives them. */
struct octets { const char *at; size_t len; };
#define LITERAL(s) { s, sizeof(s) - 1 }

/* DHCPv4 */

#define TYPE(n) "\65\1" n                         /* option 53 */
#define END "\377"
#define COOKIE "\x63\x82\x53\x63"

/* The fixed part of a client's message: Ethernet, xid 0x01020304, ciaddr 192.0.2.1, yiaddr 192.0.2.2. */
static size_t dhcp4_build(uint8_t *msg, const struct octets *options, const struct octets *sname, const struct octets *file)
{
	static const uint8_t head[] = { 1, 1, 6, 0, 1, 2, 3, 4, 0, 0, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0,
					2, 0, 0, 0, 0, 9 };

	memset(msg, 0, 240);
	memcpy(msg, head, sizeof(head));
	if (sname->at)
		memcpy(msg + 44, sname->at, sname->len);
	if (file->at)
		memcpy(msg + 108, file->at, file->len);
	memcpy(msg + 236, COOKIE, 4);
	memcpy(msg + 240, options->at, options->len);
	return 240 + options->len;
}

/* The octets are given in a block of exactly their size, so that ASan sees a read behind them. */
static int dhcp4_of(const uint8_t *msg, size_t len, struct dhcp4 *out)
{
	uint8_t *exact = malloc(len);
	int status;

	memcpy(exact, msg, len);
	memset(out, 0x55, sizeof(*out));
	status = dhcp4_parse(exact, len, out);
	free(exact);
	assert_int_equal(strlen(out->hostname), out->hostname_len);
	assert_int_equal(strlen(out->fqdn), out->fqdn_len);
	return status;
}

static void dhcp4_options_give_type_lease_and_names(void **state)
{
	static const struct {
		struct octets options, sname, file;
		int status;
		uint8_t type;
		uint32_t lease_s;
		const char *hostname, *fqdn;
	} rows[] = {
		{ .options = LITERAL(TYPE("\3") "\14\4MyPC" END), .type = 3, .hostname = "MyPC", .fqdn = "" },
		{ .options = LITERAL("\0\0" TYPE("\5") "\0" "\63\4\0\1\x51\x80" END "\14\1x"), .type = 5, .lease_s = 86400,
		  .hostname = "", .fqdn = "" },
		/* Trailing NULs, a final dot, both; an empty name; escapes. */
		{ .options = LITERAL("\14\6MyPC\0\0" END), .hostname = "MyPC", .fqdn = "" },
		{ .options = LITERAL("\14\5a.b.\0" END), .hostname = "a.b", .fqdn = "" },
		{ .options = LITERAL("\14\2\0\0" END), .hostname = "", .fqdn = "" },
		{ .options = LITERAL("\14\0" END), .hostname = "", .fqdn = "" },
		{ .options = LITERAL("\14\10my pc\xe2\x80\x99" END), .hostname = "my\\032pc\\226\\128\\153", .fqdn = "" },
		{ .options = LITERAL("\14\3a\0b" END), .hostname = "a\\000b", .fqdn = "" },
		/* Option 81 in ASCII and in wire form, whole and partial. */
		{ .options = LITERAL("\121\13\0\0\0Pc.local" END), .hostname = "", .fqdn = "Pc.local" },
		{ .options = LITERAL("\121\14\1\0\0Pc.local\0" END), .hostname = "", .fqdn = "Pc.local" },
		{ .options = LITERAL("\121\15\4\0\0\2Pc\5local\0" END), .hostname = "", .fqdn = "Pc.local" },
		{ .options = LITERAL("\121\6\5\xff\xff\2Pc" END), .hostname = "", .fqdn = "Pc" },
		{ .options = LITERAL("\121\3\4\0\0" END), .hostname = "", .fqdn = "" },
		{ .options = LITERAL("\121\3\0\0\0" END), .hostname = "", .fqdn = "" },
		{ .options = LITERAL("\121\0" END), .hostname = "", .fqdn = "" },
		{ .options = LITERAL("\121\6\4\0\0\7Pc" "\14\1h" END), .status = DISSECT_BAD, .hostname = "h", .fqdn = "" },
		{ .options = LITERAL("\121\2\4\0" "\14\1h" END), .status = DISSECT_BAD, .hostname = "h", .fqdn = "" },
		{ .options = LITERAL("\121\1\0" "\14\1h" END), .status = DISSECT_BAD, .hostname = "h", .fqdn = "" },
		{ .options = LITERAL("\14\1h" "\121\15\4\0\0\2Pc\5local\0" END), .hostname = "h", .fqdn = "Pc.local" },
		/* RFC 3396: parts are joined, wherever they are. */
		{ .options = LITERAL("\14\2My" TYPE("\1") "\14\2PC" END), .type = 1, .hostname = "MyPC", .fqdn = "" },
		{ .options = LITERAL("\121\5\4\0\0\2P" "\121\2c\0" END), .hostname = "", .fqdn = "Pc" },
		/* Option 52: file, then sname. */
		{ .options = LITERAL("\64\1\1" "\14\1a" END), .file = LITERAL("\14\1b" END), .sname = LITERAL("\14\1c" END),
		  .hostname = "ab", .fqdn = "" },
		{ .options = LITERAL("\64\1\2" "\14\1a" END), .file = LITERAL("\14\1b" END), .sname = LITERAL("\14\1c" END),
		  .hostname = "ac", .fqdn = "" },
		{ .options = LITERAL("\64\1\3" "\14\1a" END), .file = LITERAL("\14\1b" END), .sname = LITERAL("\14\1c" END),
		  .hostname = "abc", .fqdn = "" },
		{ .options = LITERAL("\14\1a" END), .file = LITERAL("\14\1b" END), .sname = LITERAL("\14\1c" END),
		  .hostname = "a", .fqdn = "" },
		{ .options = LITERAL("\64\1\1" END), .file = LITERAL("\64\1\3" TYPE("\5") END), .sname = LITERAL("\14\1c" END),
		  .type = 5, .hostname = "", .fqdn = "" },
		{ .options = LITERAL("\64\1\1" "\14\1a" END), .file = LITERAL("\14\200b"), .status = DISSECT_BAD,
		  .hostname = "a", .fqdn = "" },
		/* No end mark, a cut option; lengths that the options do not have. */
		{ .options = LITERAL("\14\1a"), .status = DISSECT_SHORT, .hostname = "a", .fqdn = "" },
		{ .options = LITERAL("\14\1a\14"), .status = DISSECT_SHORT, .hostname = "a", .fqdn = "" },
		{ .options = LITERAL("\14\1a\14\5b"), .status = DISSECT_SHORT, .hostname = "a", .fqdn = "" },
		{ .options = LITERAL(""), .status = DISSECT_SHORT, .hostname = "", .fqdn = "" },
		{ .options = LITERAL("\65\2\3\3" "\63\3\0\0\1" "\64\0" "\14\1a" END), .status = DISSECT_BAD, .hostname = "a", .fqdn = "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t msg[512];
		size_t len = dhcp4_build(msg, &rows[i].options, &rows[i].sname, &rows[i].file);
		struct dhcp4 out;

		if (dhcp4_of(msg, len, &out) != rows[i].status || strcmp(out.hostname, rows[i].hostname) || strcmp(out.fqdn, rows[i].fqdn))
			fail_msg("row %zu: hostname \"%s\", fqdn \"%s\"", i, out.hostname, out.fqdn);
		assert_int_equal(out.type, rows[i].type);
		assert_int_equal(out.lease_s, rows[i].lease_s);
		while (len--) {
			int status = dhcp4_of(msg, len, &out);

			assert_true(status == DISSECT_SHORT || len >= 240);
		}
	}
}

static void dhcp4_fixed_fields_are_read(void **state)
{
	static const struct octets options = LITERAL(TYPE("\2") END), none = { NULL, 0 };
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 };
	uint8_t msg[512];
	size_t len = dhcp4_build(msg, &options, &none, &none);
	struct dhcp4 out;

	(void)state;
	assert_int_equal(dhcp4_of(msg, len, &out), DISSECT_OK);
	assert_false(out.is_reply);
	assert_int_equal(out.xid, 0x01020304);
	assert_int_equal(out.ciaddr, 0xc0000201);
	assert_int_equal(out.yiaddr, 0xc0000202);
	assert_memory_equal(out.chaddr, mac, 6);
	msg[0] = 2;
	assert_int_equal(dhcp4_of(msg, len, &out), DISSECT_OK);
	assert_true(out.is_reply);
}

static void dhcp4_other_messages_bind_nothing(void **state)
{
	static const struct { size_t at; uint8_t octet; int status; } rows[] = {
		{ 0, 0, DISSECT_BAD }, { 0, 3, DISSECT_BAD },
		{ 1, 6, DISSECT_OTHER }, { 2, 16, DISSECT_OTHER }, { 2, 0, DISSECT_OTHER }, { 236, 0, DISSECT_OTHER },
	};
	static const struct octets options = LITERAL(TYPE("\3") "\14\4MyPC" END), none = { NULL, 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t msg[512];
		size_t len = dhcp4_build(msg, &options, &none, &none);
		struct dhcp4 out;

		msg[rows[i].at] = rows[i].octet;
		assert_int_equal(dhcp4_of(msg, len, &out), rows[i].status);
		assert_int_equal(out.type, 0);
		assert_int_equal(out.hostname_len, 0);
	}
}

/* A host name of `len` octets in parts of at most 255. */
static int dhcp4_of_long(size_t len, struct dhcp4 *out)
{
	static const struct octets none = { NULL, 0 };
	uint8_t options[2048], msg[2300];
	size_t at = 0;

	while (len) {
		size_t part = len < 255 ? len : 255;

		options[at++] = 12;
		options[at++] = (uint8_t)part;
		memset(options + at, 0xff, part);
		at += part;
		len -= part;
	}
	options[at++] = 255;
	return dhcp4_of(msg, dhcp4_build(msg, &(struct octets){ (const char *)options, at }, &none, &none), out);
}

static void dhcp4_names_have_at_most_253_octets(void **state)
{
	static const struct { size_t len, text_len; } rows[] = {
		{ 253, NAME_TEXT_MAX }, { 254, 0 }, { 255, 0 }, { 256, 0 }, { 260, 0 }, { 1500, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dhcp4 out;

		assert_int_equal(dhcp4_of_long(rows[i].len, &out), DISSECT_OK);
		assert_int_equal(out.hostname_len, rows[i].text_len);
	}
}

/* DHCPv6 */

static int dhcp6_of(const char *msg, size_t len, struct dhcp6 *out)
{
	uint8_t *exact = malloc(len);
	int status;

	memcpy(exact, msg, len);
	memset(out, 0x55, sizeof(*out));
	status = dhcp6_parse(exact, len, out);
	free(exact);
	assert_int_equal(strlen(out->fqdn), out->fqdn_len);
	assert_true(out->addr_count <= DHCP6_ADDRS_MAX);
	return status;
}

#define SOLICIT "\1\xab\xcd\xef"
#define REPLY "\7\xab\xcd\xef"
#define DUID_LLT "\0\1\0\16\0\1\0\1\x11\x22\x33\x44\2\0\0\0\0\x9"
#define DUID_LL "\0\1\0\12\0\3\0\1\2\0\0\0\0\x9"
#define DUID_UUID "\0\1\0\6\0\4wxyz"
#define FQDN "\0\x27\0\13\1\3Pc1\5local"          /* partial: no root */
#define FQDN_WHOLE "\0\x27\0\14\0\3Pc1\5local\0"
#define ADDR(n) "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0" n
#define IAADDR(n) "\0\5\0\30" ADDR(n) "\0\0\0\1" "\0\0\1\0"
#define IA_NA(n) "\0\3\0\50" "iaid" "\0\0\0\1" "\0\0\0\2" IAADDR(n)
#define IA_TA(n) "\0\4\0\40" "iaid" IAADDR(n)
#define RELAY "\14\0" ADDR("\1") ADDR("\2")

static void dhcp6_messages_give_duid_name_and_addresses(void **state)
{
	static const struct {
		struct octets msg;
		int status;
		uint8_t type;
		uint16_t duid_len;
		bool has_mac;
		const char *fqdn;
		unsigned addr_count;
	} rows[] = {
		{ LITERAL(SOLICIT DUID_LLT FQDN), DISSECT_OK, 1, 14, true, "Pc1.local", 0 },
		{ LITERAL(SOLICIT DUID_LL FQDN_WHOLE), DISSECT_OK, 1, 10, true, "Pc1.local", 0 },
		{ LITERAL(SOLICIT FQDN DUID_UUID), DISSECT_OK, 1, 6, false, "Pc1.local", 0 },
		{ LITERAL(REPLY DUID_LL IA_NA("\1")), DISSECT_OK, 7, 10, true, "", 1 },
		{ LITERAL(REPLY DUID_LL IA_TA("\1") IA_NA("\2") FQDN), DISSECT_OK, 7, 10, true, "Pc1.local", 2 },
		{ LITERAL(REPLY IA_NA("\1") IA_NA("\2") IA_NA("\3") IA_NA("\4") IA_NA("\5") IA_NA("\6") IA_NA("\7") IA_NA("\10") IA_NA("\11")),
		  DISSECT_OK, 7, 0, false, "", 8 },
		{ LITERAL(SOLICIT), DISSECT_OK, 1, 0, false, "", 0 },
		/* The first of each counts. */
		{ LITERAL(SOLICIT DUID_LL DUID_UUID FQDN "\0\x27\0\3\0\1x"), DISSECT_OK, 1, 10, true, "Pc1.local", 0 },
		/* Not of Ethernet; a hardware address of another length. */
		{ LITERAL(SOLICIT "\0\1\0\12\0\3\0\6\2\0\0\0\0\x9"), DISSECT_OK, 1, 10, false, "", 0 },
		{ LITERAL(SOLICIT "\0\1\0\14\0\3\0\1\2\0\0\0\0\x9\0\0"), DISSECT_OK, 1, 12, false, "", 0 },
		/* Relayed, once and twice. */
		{ LITERAL(RELAY "\0\x12\0\1i" "\0\x9\0\41" SOLICIT DUID_LL FQDN), DISSECT_OK, 1, 10, true, "Pc1.local", 0 },
		{ LITERAL("\15" "\0" ADDR("\1") ADDR("\2") "\0\x9\0\76" REPLY DUID_LL IA_NA("\1")), DISSECT_OK, 7, 10, true, "", 1 },
		{ LITERAL(RELAY "\0\x9\0\52" RELAY "\0\x9\0\4" SOLICIT), DISSECT_OTHER, 0, 0, false, "", 0 },
		{ LITERAL(RELAY "\0\x12\0\1i"), DISSECT_OTHER, 0, 0, false, "", 0 },
		{ LITERAL(RELAY "\0\x9\0\2\1\1"), DISSECT_BAD, 0, 0, false, "", 0 },
		{ LITERAL(RELAY "\0\x9\0\6" SOLICIT "\0\1"), DISSECT_BAD, 1, 0, false, "", 0 },
		{ LITERAL(RELAY "\0\x9\0\100" SOLICIT DUID_LL), DISSECT_SHORT, 1, 10, true, "", 0 },
		/* Faults stand alone: the options behind them are read. */
		{ LITERAL(SOLICIT "\0\1\0\2\0\1" FQDN), DISSECT_BAD, 1, 0, false, "Pc1.local", 0 },
		{ LITERAL(SOLICIT "\0\x27\0\0" DUID_LL), DISSECT_BAD, 1, 10, true, "", 0 },
		{ LITERAL(SOLICIT "\0\x27\0\4\0\7Pc" DUID_LL), DISSECT_BAD, 1, 10, true, "", 0 },
		{ LITERAL(SOLICIT "\0\x27\0\1\0" DUID_LL), DISSECT_OK, 1, 10, true, "", 0 },
		{ LITERAL(REPLY "\0\3\0\4iaid" DUID_LL), DISSECT_BAD, 7, 10, true, "", 0 },
		{ LITERAL(REPLY "\0\3\0\20iaid" "\0\0\0\1" "\0\0\0\2" "\0\5\0\30" DUID_LL), DISSECT_BAD, 7, 10, true, "", 0 },
		{ LITERAL(REPLY "\0\4\0\11iaid" "\0\5\0\1x" DUID_LL), DISSECT_BAD, 7, 10, true, "", 0 },
		{ LITERAL(SOLICIT DUID_LL "\0\x27\0\40\1\2Pc"), DISSECT_SHORT, 1, 10, true, "", 0 },
		{ LITERAL("\0\1\2\3" DUID_LL), DISSECT_OTHER, 0, 0, false, "", 0 },
		{ LITERAL("\16\1\2\3" DUID_LL), DISSECT_OTHER, 0, 0, false, "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 };
		struct dhcp6 out;
		int status = dhcp6_of(rows[i].msg.at, rows[i].msg.len, &out);

		if (status != rows[i].status || out.duid_len != rows[i].duid_len || strcmp(out.fqdn, rows[i].fqdn))
			fail_msg("row %zu: status %d, DUID of %u, fqdn \"%s\"", i, status, out.duid_len, out.fqdn);
		assert_int_equal(out.type, rows[i].type);
		assert_int_equal(out.has_mac, rows[i].has_mac);
		assert_int_equal(out.addr_count, rows[i].addr_count);
		if (out.has_mac)
			assert_memory_equal(out.mac, mac, 6);
		for (size_t len = 0; len < rows[i].msg.len; len++)
			dhcp6_of(rows[i].msg.at, len, &out);
	}
}

static void dhcp6_addresses_come_with_their_lifetime(void **state)
{
	static const char msg[] = REPLY IA_NA("\x42");
	struct in6_addr expected;
	struct dhcp6 out;

	(void)state;
	assert_int_equal(dhcp6_of(OCTETS(msg), &out), DISSECT_OK);
	assert_int_equal(out.xid, 0xabcdef);
	assert_int_equal(out.addr_count, 1);
	assert_int_equal(inet_pton(AF_INET6, "2001:db8::42", &expected), 1);
	assert_memory_equal(&out.addrs[0].addr, &expected, 16);
	assert_int_equal(out.addrs[0].valid_s, 256);
}

static void a_duid_has_at_most_130_octets(void **state)
{
	static const struct { uint8_t len; int status; } rows[] = { { 3, DISSECT_OK }, { 130, DISSECT_OK }, { 131, DISSECT_BAD } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char msg[8 + 255] = SOLICIT "\0\1\0";
		struct dhcp6 out;

		msg[7] = (char)rows[i].len;
		assert_int_equal(dhcp6_of(msg, 8u + rows[i].len, &out), rows[i].status);
		assert_int_equal(out.duid_len, rows[i].status ? 0 : rows[i].len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dhcp4_options_give_type_lease_and_names),
		cmocka_unit_test(dhcp4_fixed_fields_are_read),
		cmocka_unit_test(dhcp4_other_messages_bind_nothing),
		cmocka_unit_test(dhcp4_names_have_at_most_253_octets),
		cmocka_unit_test(dhcp6_messages_give_duid_name_and_addresses),
		cmocka_unit_test(dhcp6_addresses_come_with_their_lifetime),
		cmocka_unit_test(a_duid_has_at_most_130_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
