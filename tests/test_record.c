/* SPDX-License-Identifier: Apache-2.0 */
/* test_record.c - a record as JSON: every member in its place, any octet in a name, any address, any number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <cmocka.h>
#include <jansson.h>
#include "../user/flow/flow.h"
#include "../user/flow/record.c"
#include "../user/name/dissect.h"
#include "../user/name/text.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static const uint8_t mapped_1[16] = { [10] = 0xff, 0xff, 192, 168, 1, 10 }, mapped_2[16] = { [10] = 0xff, 0xff, 93, 184, 216, 34 };
static const uint8_t mac_1[6] = { 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xf0 }, mac_2[6] = { 0, 1, 2, 3, 4, 5 };

/* The example of the README. */
static struct record example(void)
{
	return (struct record){
		.id = { 0xf4, 0x7a, 0xc1, 0x0b, 0x58, 0xcc, 0x83, 0x72, 0xa5, 0x67, 0x0e, 0x02, 0xb2, 0xc3, 0xd4, 0x79 },
		.src = { .addr = mapped_1, .port = 52431, .mac = mac_1, .octets = 12340, .packets = 42, .name_count = 1,
			 .names = { { "my-laptop.local", "mdns", 15 } } },
		.dst = { .addr = mapped_2, .port = 443, .octets = 98210, .packets = 65, .name_count = 2,
			 .names = { { "example.com", "sni", 11 }, { "www.example.com", "dns", 15 } } },
		.first_ns = 1736937000000000000, .last_ns = 1736937072250000000, .protocol = "tcp", .end_reason = "idle", .interface = "",
		.rtt_us = RECORD_UNKNOWN, .vlan = RECORD_UNKNOWN, .icmp_type = RECORD_UNKNOWN, .icmp_code = RECORD_UNKNOWN,
		.protocol_number = 6, .ip_version = 4, .is_established = true,
	};
}

static const char *line_of(const struct record *record, bool extended)
{
	static char line[RECORD_JSON_MAX + 1];
	size_t len = record_json(line, record, extended);

	assert_true(len > 0 && len <= RECORD_JSON_MAX && line[len - 1] == '\n');
	line[len] = 0;
	for (size_t i = 0; i + 1 < len; i++)
		assert_true(line[i] >= 0x20 && line[i] < 0x7f);
	return line;
}

static json_t *parsed(const struct record *record, bool extended)
{
	json_error_t error;
	json_t *json = json_loads(line_of(record, extended), JSON_REJECT_DUPLICATES, &error);

	if (!json)
		fail_msg("%s at %d: %s", error.text, error.position, line_of(record, extended));
	return json;
}

/* ---- golden lines ---- */

#define HEAD "{\"id\":\"f47ac10b-58cc-8372-a567-0e02b2c3d479\",\"protocol\":\"tcp\"," \
	"\"src\":{\"addr\":\"192.168.1.10\",\"port\":52431,\"hw_addr\":\"aa:bb:cc:dd:ee:f0\",\"names\":[\"my-laptop.local\"]}," \
	"\"dst\":{\"addr\":\"93.184.216.34\",\"port\":443,\"names\":[\"example.com\",\"www.example.com\"]}," \
	"\"first_seen_at\":\"2025-01-15T10:30:00Z\",\"last_seen_at\":\"2025-01-15T10:31:12.25Z\"," \
	"\"src_stat\":{\"bytes\":12340,\"packets\":42},\"dst_stat\":{\"bytes\":98210,\"packets\":65},\"status\":\"established\""

static void members_come_in_their_order(void **state)
{
	struct record record = example();

	(void)state;
	assert_string_equal(line_of(&record, false), HEAD "}\n");
	assert_string_equal(line_of(&record, true), HEAD ",\"tcp_flags\":{\"src\":0,\"dst\":0},\"end_reason\":\"idle\",\"self\":false,"
			    "\"name_sources\":{\"src\":[\"mdns\"],\"dst\":[\"sni\",\"dns\"]},"
			    "\"community_id\":\"1:ZA4BmuJ+gSsZhrl6YDoChxzOxqU=\",\"part\":0}\n");
}

static void extended_members_are_left_out_when_not_known(void **state)
{
	struct record record = example();

	(void)state;
	record.interface = "eth0";
	record.vlan = 4095;
	record.rtt_us = 0;
	record.icmp_type = 3;
	record.icmp_code = 255;
	record.part = 7;
	record.is_self = true;
	record.src.tcp_flags = 0x1f;
	record.dst.tcp_flags = 255;
	record.dst.name_count = 0;
	assert_non_null(strstr(line_of(&record, true), "\"status\":\"established\",\"vlan\":4095,\"interface\":\"eth0\","
			       "\"tcp_flags\":{\"src\":31,\"dst\":255},\"end_reason\":\"idle\",\"rtt_us\":0,\"icmp_type\":3,\"icmp_code\":255,"
			       "\"self\":true,\"name_sources\":{\"src\":[\"mdns\"]},\"community_id\":"));
	assert_non_null(strstr(line_of(&record, true), ",\"part\":7}\n"));
	record.protocol_number = 17;
	record.src.name_count = 0;
	assert_null(strstr(line_of(&record, true), "tcp_flags"));
	assert_null(strstr(line_of(&record, true), "name"));
}

static void what_is_empty_is_left_out_and_nothing_else(void **state)
{
	static const uint8_t zeros[16] = { 0 };
	struct record record = { .src = { .addr = zeros }, .dst = { .addr = zeros }, .protocol = "icmp6", .end_reason = "eof", .interface = "",
				 .ip_version = 6 };

	(void)state;
	assert_string_equal(line_of(&record, false), "{\"id\":\"00000000-0000-0000-0000-000000000000\",\"protocol\":\"icmp6\","
			    "\"src\":{\"addr\":\"::\",\"port\":0},\"dst\":{\"addr\":\"::\",\"port\":0},"
			    "\"first_seen_at\":\"1970-01-01T00:00:00Z\",\"last_seen_at\":\"1970-01-01T00:00:00Z\","
			    "\"src_stat\":{\"bytes\":0,\"packets\":0},\"dst_stat\":{\"bytes\":0,\"packets\":0},\"status\":\"init\"}\n");
}

static void the_second_end_has_a_mac_of_its_own(void **state)
{
	struct record record = example();

	(void)state;
	record.src.mac = NULL;
	record.dst.mac = mac_2;
	assert_non_null(strstr(line_of(&record, false), "\"port\":52431,\"names\""));
	assert_non_null(strstr(line_of(&record, false), "\"port\":443,\"hw_addr\":\"00:01:02:03:04:05\","));
}

/* ---- numbers ---- */

static void counters_are_clamped_to_signed_64_bits(void **state)
{
	static const struct { uint64_t value; json_int_t written; } rows[] = {
		{ 0, 0 }, { 9, 9 }, { 10, 10 }, { 1ull << 53, 1ll << 53 }, { INT64_MAX, INT64_MAX }, { (uint64_t)INT64_MAX + 1, INT64_MAX },
		{ UINT64_MAX, INT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct record record = example();
		json_t *json;

		record.src.octets = record.src.packets = record.dst.octets = record.dst.packets = rows[i].value;
		json = parsed(&record, true);
		assert_true(json_integer_value(json_object_get(json_object_get(json, "src_stat"), "bytes")) == rows[i].written);
		assert_true(json_integer_value(json_object_get(json_object_get(json, "src_stat"), "packets")) == rows[i].written);
		assert_true(json_integer_value(json_object_get(json_object_get(json, "dst_stat"), "bytes")) == rows[i].written);
		assert_true(json_integer_value(json_object_get(json_object_get(json, "dst_stat"), "packets")) == rows[i].written);
		json_decref(json);
	}
}

/* ---- addresses ---- */

static const char *written_address(const uint8_t *addr, uint8_t version)
{
	static char text[64];
	struct record record = example();
	json_t *json;

	record.src.addr = addr;
	record.ip_version = version;
	json = parsed(&record, false);
	snprintf(text, sizeof(text), "%s", json_string_value(json_object_get(json_object_get(json, "src"), "addr")));
	json_decref(json);
	return text;
}

static void addresses_are_written_as_rfc_5952_says(void **state)
{
	static const char *const rows[] = {
		"::", "::1", "1::", "2001:db8::1", "2001:db8:0:1:1:1:1:1", "2001:0:0:1::1", "2001:db8::1:0:0:1", "1:0:0:2::3", "1::2:0:0:3:4",
		"fe80::1:0:0:0", "::ffff:192.0.2.1", "::ffff:0.0.0.0", "::fffe:c000:201", "0:1::", "1:2:3:4:5:6:7:8", "ff02::fb",
		"a:b:c:d:e:f::", "::b:c:d:e:f:1", "1:0:3:0:5:0:7:0", "64:ff9b::c000:201", "::1:0:0:0", "10:100:1000:0:f:ff:fff:ffff",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t addr[16];

		if (inet_pton(AF_INET6, rows[i], addr) != 1)
			fail_msg("%s is no address", rows[i]);
		if (strcmp(written_address(addr, 6), rows[i]))
			fail_msg("%s was written as %s", rows[i], written_address(addr, 6));
	}
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* inet_ntop writes ::a.b.c.d too, for a prefix that RFC 4291 2.5.5.1 took out of use. */
static bool is_v4_compatible(const uint8_t *addr)
{
	static const uint8_t zeros[12] = { 0 };

	return !memcmp(addr, zeros, 12) && (addr[12] || addr[13]);
}

static void any_address_is_written_as_inet_ntop_does(void **state)
{
	uint64_t random = 88172645463325252;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint64_t zero_groups = next_random(&random), small_groups = next_random(&random);
		char expected[INET6_ADDRSTRLEN], text[64];
		uint8_t addr[16];

		for (int octet = 0; octet < 16; octet++) {
			bool is_zero = zero_groups >> octet / 2 & 1 || (octet % 2 == 0 && small_groups >> octet / 2 & 1);

			addr[octet] = is_zero ? 0 : (uint8_t)(next_random(&random) >> 56 >> (small_groups >> 32 & 7));
		}
		if (i % 16 == 0)
			memcpy(addr, mapped_1, 12);
		if (is_v4_compatible(addr))
			continue;
		inet_ntop(AF_INET6, addr, expected, sizeof(expected));
		*put_ip6(text, addr) = 0;
		assert_string_equal(text, expected);
		inet_ntop(AF_INET, addr + 12, expected, sizeof(expected));
		*put_ip4(text, addr + 12) = 0;
		assert_string_equal(text, expected);
	}
}

static void a_mapped_address_on_the_wire_stays_ipv6(void **state)
{
	(void)state;
	assert_string_equal(written_address(mapped_1, 4), "192.168.1.10");
	assert_string_equal(written_address(mapped_1, 6), "::ffff:192.168.1.10");
}

/* ---- names ---- */

static void set_name(struct record *record, const char *text, size_t len)
{
	record->dst.name_count = 1;
	record->dst.names[0] = (struct record_name){ text, "dns", (uint16_t)len };
}

static void every_octet_of_a_name_comes_back(void **state)
{
	(void)state;
	for (unsigned octet = 0; octet < 256; octet++) {
		const uint8_t label[3] = { 'a', (uint8_t)octet, 'z' };
		char text[NAME_TEXT_MAX + 1];
		size_t len = text_from_label(text, label, sizeof(label));
		struct record record = example();
		json_t *json, *name;

		set_name(&record, text, len);
		json = parsed(&record, true);
		name = json_array_get(json_object_get(json_object_get(json, "dst"), "names"), 0);
		assert_string_equal(json_string_value(name), text);
		assert_int_equal(json_string_length(name), len);
		json_decref(json);
	}
}

static void octets_that_ought_not_to_be_in_a_name_do_no_harm(void **state)
{
	struct record record = example();
	char all[256];
	json_t *json;

	(void)state;
	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	set_name(&record, all, sizeof(all));
	record.interface = "\x1b]52;\"\\\n\xff";
	json = parsed(&record, true);
	assert_string_equal(json_string_value(json_object_get(json, "interface")), "?]52;\"\\??");
	json_decref(json);
}

static void the_longest_record_fits(void **state)
{
	struct record record = example();
	char name[NAME_TEXT_MAX];
	json_t *json;

	(void)state;
	memset(name, '\\', sizeof(name));
	for (int i = 0; i < RECORD_NAMES; i++)
		record.src.names[i] = record.dst.names[i] = (struct record_name){ name, "dns_other", sizeof(name) };
	record.src.name_count = record.dst.name_count = RECORD_NAMES;
	record.src.octets = record.dst.octets = record.src.packets = record.dst.packets = UINT64_MAX;
	record.interface = "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"";
	record.last_ns = UINT64_MAX;
	record.vlan = record.rtt_us = record.icmp_type = record.icmp_code = record.part = UINT32_MAX - 1;
	record.src.mac = record.dst.mac = mac_1;
	json = parsed(&record, true);
	assert_int_equal(json_array_size(json_object_get(json_object_get(json, "dst"), "names")), RECORD_NAMES);
	assert_int_equal(json_string_length(json_array_get(json_object_get(json_object_get(json, "src"), "names"), 7)), NAME_TEXT_MAX);
	json_decref(json);
}

/* ---- from a flow ---- */

static void a_record_begins_with_who_spoke_first(void **state)
{
	(void)state;
	for (unsigned from_high = 0; from_high < 2; from_high++) {
		struct flow flow = { .key = { .low_port = 10, .high_port = 20, .protocol = PKT_TCP, .ip_version = 4 }, .packets = { 1, 2 },
				     .octets = { 100, 200 }, .first_ns = 5, .last_ns = 9, .has_mac = 2, .tcp_flags = { 3, 4 }, .rtt_us = FLOW_RTT_UNKNOWN,
				     .vlan = FLOW_VLAN_NONE, .from_high = from_high };
		struct record r;
		const struct record_side *low = from_high ? &r.dst : &r.src, *high = from_high ? &r.src : &r.dst;

		flow_record(&r, &flow, END_SHUTDOWN);
		assert_ptr_equal(low->addr, flow.key.low_addr);
		assert_ptr_equal(high->addr, flow.key.high_addr);
		assert_true(low->port == 10 && low->packets == 1 && low->octets == 100 && low->tcp_flags == 3 && !low->mac);
		assert_true(high->port == 20 && high->packets == 2 && high->octets == 200 && high->tcp_flags == 4);
		assert_ptr_equal(high->mac, flow.mac[1]);
		assert_true(r.first_ns == 5 && r.last_ns == 9 && r.is_established && !r.part && !r.is_self);
		assert_true(r.rtt_us == RECORD_UNKNOWN && r.vlan == RECORD_UNKNOWN && r.icmp_type == RECORD_UNKNOWN && r.icmp_code == RECORD_UNKNOWN);
		assert_string_equal(r.protocol, "tcp");
		assert_string_equal(r.end_reason, "shutdown");
	}
}

static void protocols_and_reasons_have_their_names(void **state)
{
	static const struct { uint8_t number; const char *text; } rows[] = {
		{ PKT_TCP, "tcp" }, { PKT_UDP, "udp" }, { PKT_ICMP4, "icmp4" }, { PKT_ICMP6, "icmp6" },
	};
	static const char *const reasons[END_REASONS] = { "idle", "active", "shutdown", "overflow", "eof" };
	struct record record;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct flow flow = { .key.protocol = rows[i].number, .has_icmp = 1, .icmp_type = 8, .icmp_code = 1, .vlan = 0, .rtt_us = 0 };

		flow_record(&record, &flow, END_IDLE);
		assert_string_equal(record.protocol, rows[i].text);
		assert_true(record.icmp_type == 8 && record.icmp_code == 1 && record.vlan == 0 && record.rtt_us == 0 && !record.is_established);
	}
	for (int i = 0; i < END_REASONS; i++)
		assert_string_equal(end_reason_text[i], reasons[i]);
}

/* ---- the table ---- */

static void columns_are_numbered_once_each_and_basic_ones_first(void **state)
{
	bool seen[MEMBERS] = { false };

	(void)state;
	for (size_t i = 0; i < MEMBERS; i++) {
		assert_true(members[i].column_order >= 0 && (size_t)members[i].column_order < MEMBERS);
		assert_false(seen[members[i].column_order]);
		seen[members[i].column_order] = true;
		if (i)
			assert_true(members[i].is_extended >= members[i - 1].is_extended);
		assert_int_equal(members[i].is_extended, members[i].column_order >= 17);
		assert_string_equal(members[i].mode, !strcmp(members[i].json_type, "array") ? "REPEATED" :
				    members[i].is_extended ? "NULLABLE" : "REQUIRED");
	}
}

static void the_table_is_printed_in_the_order_of_the_columns(void **state)
{
	static const char *const columns[] = {
		"id", "protocol", "src_addr", "dst_addr", "src_port", "dst_port", "src_hw_addr", "dst_hw_addr", "src_names", "dst_names",
		"first_seen_at", "last_seen_at", "src_bytes", "dst_bytes", "src_packets", "dst_packets", "status",
	};
	char *text = NULL, *line, *next;
	size_t size, i = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	record_print_table(out);
	fclose(out);
	for (line = text; (next = strchr(line, '\n')); line = next + 1, i++) {
		char path[64], json_type[16], kind[16], column[32];

		*next = 0;
		assert_int_equal(sscanf(line, "%63s %15s %15s %31s", path, json_type, kind, column), 4);
		assert_string_equal(kind, i < COUNT(columns) ? "basic" : "extended");
		if (i < COUNT(columns))
			assert_string_equal(column, columns[i]);
	}
	assert_int_equal(i, MEMBERS);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_come_in_their_order),
		cmocka_unit_test(extended_members_are_left_out_when_not_known),
		cmocka_unit_test(what_is_empty_is_left_out_and_nothing_else),
		cmocka_unit_test(the_second_end_has_a_mac_of_its_own),
		cmocka_unit_test(counters_are_clamped_to_signed_64_bits),
		cmocka_unit_test(addresses_are_written_as_rfc_5952_says),
		cmocka_unit_test(any_address_is_written_as_inet_ntop_does),
		cmocka_unit_test(a_mapped_address_on_the_wire_stays_ipv6),
		cmocka_unit_test(every_octet_of_a_name_comes_back),
		cmocka_unit_test(octets_that_ought_not_to_be_in_a_name_do_no_harm),
		cmocka_unit_test(the_longest_record_fits),
		cmocka_unit_test(a_record_begins_with_who_spoke_first),
		cmocka_unit_test(protocols_and_reasons_have_their_names),
		cmocka_unit_test(columns_are_numbered_once_each_and_basic_ones_first),
		cmocka_unit_test(the_table_is_printed_in_the_order_of_the_columns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
