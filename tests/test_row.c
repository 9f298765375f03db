/* SPDX-License-Identifier: Apache-2.0 */
/* test_row.c - a record's line as a flat row: the same values as an independent JSON reader finds, and nothing else is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <jansson.h>
#include "../user/ship/row.c"
#include "record_random.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define ALL (~(row_columns_t)0)
#define BASIC (((row_columns_t)1 << 17) - 1)

#define LINE "{\"id\":\"f47ac10b-58cc-8372-a567-0e02b2c3d479\",\"protocol\":\"tcp\"," \
	"\"src\":{\"addr\":\"192.168.1.10\",\"port\":52431,\"hw_addr\":\"aa:bb:cc:dd:ee:f0\",\"names\":[\"my-laptop.local\"]}," \
	"\"dst\":{\"addr\":\"93.184.216.34\",\"port\":443},\"first_seen_at\":\"2025-01-15T10:30:00.123456789Z\"," \
	"\"last_seen_at\":\"2025-01-15T10:31:12.25Z\",\"src_stat\":{\"bytes\":9007199254740993,\"packets\":9007199254740992}," \
	"\"dst_stat\":{\"bytes\":98210,\"packets\":65},\"status\":\"established\"}\n"

static const char *json_of(const char *line, size_t len, row_columns_t columns)
{
	static char out[ROW_SIZE_MAX(RECORD_JSON_MAX) + 1];
	struct row row;
	size_t n;

	assert_int_equal(row_scan(&row, line, len), 0);
	n = row_json(out, &row, columns);
	assert_true(n <= ROW_SIZE_MAX(len));
	out[n] = 0;
	return out;
}

static void a_row_has_every_basic_column_in_its_form(void **state)
{
	(void)state;
	assert_string_equal(json_of(LINE, strlen(LINE), BASIC),
			    "{\"id\":\"f47ac10b-58cc-8372-a567-0e02b2c3d479\",\"protocol\":\"tcp\",\"src_addr\":\"192.168.1.10\","
			    "\"src_port\":52431,\"src_hw_addr\":\"aa:bb:cc:dd:ee:f0\",\"src_names\":[\"my-laptop.local\"],"
			    "\"dst_addr\":\"93.184.216.34\",\"dst_port\":443,\"dst_hw_addr\":\"\",\"dst_names\":[],"
			    "\"first_seen_at\":\"2025-01-15T10:30:00.123456Z\",\"last_seen_at\":\"2025-01-15T10:31:12.25Z\","
			    "\"src_bytes\":\"9007199254740993\",\"src_packets\":9007199254740992,\"dst_bytes\":98210,\"dst_packets\":65,"
			    "\"status\":\"established\"}");
}

static void columns_that_the_table_lacks_are_left_out(void **state)
{
	(void)state;
	assert_string_equal(json_of(LINE, strlen(LINE), 1 | 1 << 5 | 1 << 9),
			    "{\"id\":\"f47ac10b-58cc-8372-a567-0e02b2c3d479\",\"dst_port\":443,\"dst_names\":[]}");
	assert_string_equal(json_of(LINE, strlen(LINE), 0), "{}");
}

static void the_columns_are_those_of_the_table_in_its_order(void **state)
{
	static const char *const names[] = {
		"id", "protocol", "src_addr", "dst_addr", "src_port", "dst_port", "src_hw_addr", "dst_hw_addr", "src_names", "dst_names",
		"first_seen_at", "last_seen_at", "src_bytes", "dst_bytes", "src_packets", "dst_packets", "status",
	};
	const struct record_member *member;
	size_t i;

	(void)state;
	for (i = 0; (member = row_column(i)); i++) {
		assert_int_equal(member->is_extended, i >= COUNT(names));
		if (i < COUNT(names))
			assert_string_equal(member->column, names[i]);
		else
			assert_false(row_is_required(member));
	}
	assert_true(i > COUNT(names) && i <= ROW_COLUMNS_MAX);
}

/* ---- against jansson ---- */

static json_t *value_in(json_t *record, const struct record_member *member)
{
	return json_object_get(member->group ? json_object_get(record, member->group) : record, member->name);
}

static void check_time(const char *cut, const char *full)
{
	const char *dot = strchr(full, '.');
	size_t kept = dot && strlen(dot) > 8 ? (size_t)(dot - full) + 7 : strlen(full) - 1;

	assert_int_equal(strlen(cut), kept + 1);
	assert_memory_equal(cut, full, kept);
	assert_int_equal(cut[kept], 'Z');
}

static void check_integer(json_t *got, json_t *expected)
{
	json_int_t value = json_integer_value(expected);

	assert_int_equal(json_is_string(got), value > 9007199254740992);
	assert_true((json_is_string(got) ? atoll(json_string_value(got)) : json_integer_value(got)) == value);
}

static void check_cell(const struct record_member *member, json_t *got, json_t *expected)
{
	if (!expected && row_kind(member) == ROW_STRINGS)
		assert_true(json_is_array(got) && !json_array_size(got));
	else if (!expected && row_is_required(member))
		assert_string_equal(json_string_value(got), "");
	else if (!expected)
		assert_null(got);
	else if (row_kind(member) == ROW_TIMESTAMP)
		check_time(json_string_value(got), json_string_value(expected));
	else if (row_kind(member) == ROW_INTEGER)
		check_integer(got, expected);
	else
		assert_true(json_equal(got, expected));
}

static void check_line(const char *line, size_t len)
{
	json_t *record = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	json_t *row = json_loads(json_of(line, len, ALL), JSON_REJECT_DUPLICATES, NULL);
	const struct record_member *member;

	assert_non_null(record);
	assert_non_null(row);
	for (size_t i = 0; (member = row_column(i)); i++) {
		check_cell(member, json_object_get(row, member->column), value_in(record, member));
		json_object_del(row, member->column);
	}
	assert_int_equal(json_object_size(row), 0);
	json_decref(record);
	json_decref(row);
}

static void a_row_says_what_an_independent_reader_finds_in_the_line(void **state)
{
	static char line[RECORD_JSON_MAX];
	struct record_random r = { .seed = 1 };

	(void)state;
	for (int i = 0; i < 5000; i++) {
		struct record record = random_record(&r);

		check_line(line, record_json(line, &record, i & 1));
	}
}

/* ---- what is refused ---- */

/* `text` in exactly its octets, so that ASan sees a read behind them. */
static int scan(const char *text, size_t len)
{
	char *exact = malloc(len ? len : 1);
	struct row row;
	int result;

	assert_non_null(exact);
	memcpy(exact, text, len);
	result = row_scan(&row, exact, len);
	free(exact);
	return result;
}

static void every_cut_line_is_refused(void **state)
{
	size_t len = strlen(LINE);

	(void)state;
	for (size_t i = 0; i < len - 1; i++)
		assert_int_equal(scan(LINE, i), -EINVAL);
	assert_int_equal(scan(LINE, len - 1), 0);
	assert_int_equal(scan(LINE, len), 0);
}

#define TIMES "\"first_seen_at\":\"2025-01-15T10:30:00Z\",\"last_seen_at\":\"2025-01-15T10:31:12Z\","
#define ENDS "\"src\":{\"port\":1},\"dst\":{\"port\":2},"
#define STATS "\"src_stat\":{\"bytes\":1,\"packets\":1},\"dst_stat\":{\"bytes\":1,\"packets\":1}"

static void only_lines_of_record_json_are_taken(void **state)
{
	static const struct { const char *line; int expected; } rows[] = {
		{ "{\"id\":\"x\"," ENDS TIMES STATS "}", 0 },
		{ "{\"id\":\"x\"," ENDS TIMES STATS "}\n\n", -EINVAL },
		{ "{\"id\":\"x\"," ENDS TIMES STATS "} ", -EINVAL },
		{ "{\"id\":\"x\"," ENDS TIMES STATS ",}", -EINVAL },
		{ "{\"id\":\"x\"," ENDS TIMES STATS ",\"other\":1}", -EINVAL },
		{ "{ \"id\":\"x\"," ENDS TIMES STATS "}", -EINVAL },
		{ "{" ENDS TIMES STATS "}", -EINVAL },                          /* no id */
		{ "{\"id\":\"x\"," ENDS STATS "}", -EINVAL },                   /* no times */
		{ "{\"id\":\"x\"," ENDS TIMES "\"status\":\"init\"}", -EINVAL }, /* no numbers */
		{ "{\"id\":\"x\"," TIMES ENDS STATS "}", -EINVAL },             /* another order */
		{ "{\"id\":\"x\",\"id\":\"x\"," ENDS TIMES STATS "}", -EINVAL },
		{ "{\"id\":\"x\",\"src\":{},\"dst\":{\"port\":2}," TIMES STATS "}", -EINVAL },
		{ "{\"id\":\"x\",\"src\":{\"port\":\"abc\"},\"dst\":{\"port\":2}," TIMES STATS "}", -EINVAL },
		{ "{\"id\":\"x\",\"src\":{\"port\":01},\"dst\":{\"port\":2}," TIMES STATS "}", -EINVAL },
		{ "{\"id\":\"x\",\"src\":{\"port\":-1},\"dst\":{\"port\":2}," TIMES STATS "}", -EINVAL },
		{ "{\"id\":\"x\",\"src\":{\"port\":1.5},\"dst\":{\"port\":2}," TIMES STATS "}", -EINVAL },
		{ "{\"id\":\"x\",\"src\":{\"port\":9223372036854775807},\"dst\":{\"port\":2}," TIMES STATS "}", 0 },
		{ "{\"id\":\"x\",\"src\":{\"port\":9223372036854775808},\"dst\":{\"port\":2}," TIMES STATS "}", -EINVAL },
		{ "{\"id\":\"x\",\"src\":{\"port\":10000000000000000000},\"dst\":{\"port\":2}," TIMES STATS "}", -EINVAL },
		{ "{\"id\":\"x\",\"src\":{\"port\":1,\"names\":[]},\"dst\":{\"port\":2}," TIMES STATS "}", -EINVAL },
		{ "{\"id\":\"x\",\"src\":{\"port\":1,\"names\":[\"a\",]},\"dst\":{\"port\":2}," TIMES STATS "}", -EINVAL },
		{ "{\"id\":\"x\",\"src\":{\"port\":1,\"names\":[\"a\",\"b\"]},\"dst\":{\"port\":2}," TIMES STATS "}", 0 },
		{ "{\"id\":\"a\\u0041\"," ENDS TIMES STATS "}", -EINVAL },
		{ "{\"id\":\"a\\\\\\\"\"," ENDS TIMES STATS "}", 0 },
		{ "{\"id\":\"a\x01\"," ENDS TIMES STATS "}", -EINVAL },
		{ "{\"id\":\"a\x7f\"," ENDS TIMES STATS "}", -EINVAL },
		{ "{\"id\":\"\xc3\xa4\"," ENDS TIMES STATS "}", -EINVAL },
		{ "{\"id\":7," ENDS TIMES STATS "}", -EINVAL },
		{ "[]", -EINVAL },
		{ "", -EINVAL },
		{ "\n", -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (scan(rows[i].line, strlen(rows[i].line)) != rows[i].expected)
			fail_msg("%s", rows[i].line);
}

static void only_whole_times_in_utc_are_taken(void **state)
{
	static const struct { const char *time; int expected; } rows[] = {
		{ "2025-01-15T10:30:00Z", 0 }, { "2554-12-31T23:59:59.999999999Z", 0 }, { "2025-01-15T10:30:00.1Z", 0 },
		{ "2025-01-15T10:30:00.1234567890Z", -EINVAL }, { "2025-01-15T10:30:00.Z", -EINVAL }, { "2025-13-15T10:30:00Z", -EINVAL },
		{ "2025-00-15T10:30:00Z", -EINVAL }, { "2025-01-32T10:30:00Z", -EINVAL }, { "2025-01-15T24:30:00Z", -EINVAL },
		{ "2025-01-15T10:60:00Z", -EINVAL }, { "2025-01-15T10:30:60Z", -EINVAL }, { "2025-01-15 10:30:00Z", -EINVAL },
		{ "2025-01-15T10:30:00", -EINVAL }, { "2025-01-15T10:30:00+01:00", -EINVAL }, { "1736937000", -EINVAL }, { "", -EINVAL },
	};
	char line[512];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int len = snprintf(line, sizeof(line), "{\"id\":\"x\"," ENDS "\"first_seen_at\":\"%s\",\"last_seen_at\":\"2025-01-15T10:31:12Z\"," STATS "}",
				   rows[i].time);

		if (scan(line, (size_t)len) != rows[i].expected)
			fail_msg("%s", rows[i].time);
	}
}

/* Octets exchanged at random: whatever is still taken is still JSON, which an independent reader agrees with. */
static void a_damaged_line_is_refused_or_still_good_json(void **state)
{
	static char line[RECORD_JSON_MAX];
	struct record_random r = { .seed = 2 };
	unsigned taken = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct record record = random_record(&r);
		size_t len = record_json(line, &record, i & 1);

		line[random_below(&r, len - 1)] = (char)random_next(&r);
		if (scan(line, len))
			continue;
		check_line(line, len);
		taken++;
	}
	assert_true(taken > 0 && taken < 19000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_has_every_basic_column_in_its_form),
		cmocka_unit_test(columns_that_the_table_lacks_are_left_out),
		cmocka_unit_test(the_columns_are_those_of_the_table_in_its_order),
		cmocka_unit_test(a_row_says_what_an_independent_reader_finds_in_the_line),
		cmocka_unit_test(every_cut_line_is_refused),
		cmocka_unit_test(only_lines_of_record_json_are_taken),
		cmocka_unit_test(only_whole_times_in_utc_are_taken),
		cmocka_unit_test(a_damaged_line_is_refused_or_still_good_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
