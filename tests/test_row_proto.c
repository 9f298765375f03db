/* SPDX-License-Identifier: Apache-2.0 */
/* test_row_proto.c - a row as a protocol buffer: a decoder of the test's own finds what the row's JSON says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>
#include <jansson.h>
#include "../user/ship/row_proto.c"
#include "record_random.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define ALL (~(row_columns_t)0)

/* ---- a decoder ---- */

struct message { const uint8_t *at, *end; };
struct field { unsigned number, type; uint64_t value; const uint8_t *octets; };

static uint64_t decode_varint(struct message *m)
{
	uint64_t value = 0;
	unsigned shift = 0;

	do {
		assert_true(m->at < m->end && shift < 70);
		value |= (uint64_t)(*m->at & 0x7f) << shift;
		shift += 7;
	} while (*m->at++ & 0x80);
	return value;
}

static bool decode(struct message *m, struct field *out)
{
	uint64_t tag;

	if (m->at == m->end)
		return false;
	tag = decode_varint(m);
	*out = (struct field){ .number = (unsigned)(tag >> 3), .type = tag & 7, .value = decode_varint(m) };
	if (out->type == 0)
		return true;
	assert_int_equal(out->type, 2);
	assert_true(out->value <= (uint64_t)(m->end - m->at));
	out->octets = m->at;
	m->at += out->value;
	return true;
}

/* ---- rows ---- */

static uint64_t microseconds_of(const char *text)
{
	struct tm tm = { 0 };
	char fraction[8] = "000000";
	int end = 0;

	assert_int_equal(sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &end), 6);
	tm.tm_year -= 1900;
	tm.tm_mon--;
	if (text[end] == '.')
		memcpy(fraction, text + end + 1, strcspn(text + end + 1, "Z"));
	return (uint64_t)timegm(&tm) * 1000000 + (uint64_t)atoi(fraction);
}

static bool is_text(const struct field *field, json_t *expected)
{
	return field->type == 2 && json_is_string(expected) && field->value == json_string_length(expected) &&
	       !memcmp(field->octets, json_string_value(expected), field->value);
}

/* Takes what the field says out of `row`. */
static void take_out(json_t *row, const struct field *field)
{
	const struct record_member *member = row_column(field->number - 1);
	json_t *expected;

	assert_non_null(member);
	expected = json_object_get(row, member->column);
	assert_non_null(expected);
	switch (row_kind(member)) {
	case ROW_STRINGS:
		assert_true(is_text(field, json_array_get(expected, 0)));
		json_array_remove(expected, 0);
		return;
	case ROW_STRING:
		assert_true(is_text(field, expected));
		break;
	case ROW_INTEGER:
		assert_true(field->type == 0 && field->value == (json_is_string(expected) ? strtoull(json_string_value(expected), NULL, 10) :
											   (uint64_t)json_integer_value(expected)));
		break;
	case ROW_TIMESTAMP:
		assert_true(field->type == 0 && field->value == microseconds_of(json_string_value(expected)));
		break;
	case ROW_BOOLEAN:
		assert_true(field->type == 0 && field->value == json_is_true(expected));
		break;
	}
	json_object_del(row, member->column);
}

static void check_line(const char *line, size_t len, row_columns_t columns)
{
	static uint8_t octets[ROW_SIZE_MAX(RECORD_JSON_MAX)];
	static char text[ROW_SIZE_MAX(RECORD_JSON_MAX)];
	struct message m = { octets, octets };
	struct field field;
	struct row cells;
	const char *key;
	json_t *row, *value;

	assert_int_equal(row_scan(&cells, line, len), 0);
	row = json_loadb(text, row_json(text, &cells, columns), 0, NULL);
	m.end += row_proto(octets, &cells, columns);
	assert_true(m.end - m.at <= (ptrdiff_t)ROW_SIZE_MAX(len));
	while (decode(&m, &field))
		take_out(row, &field);
	json_object_foreach(row, key, value)       /* an empty list is no field at all */
		assert_true(json_is_array(value) && !json_array_size(value));
	json_decref(row);
}

static void a_message_says_what_the_json_says(void **state)
{
	static char line[RECORD_JSON_MAX];
	struct record_random r = { .seed = 3 };

	(void)state;
	for (int i = 0; i < 5000; i++) {
		struct record record = random_record(&r);
		size_t len = record_json(line, &record, i & 1);

		check_line(line, len, i % 3 ? ALL : random_next(&r));
	}
}

static void times_are_exact_over_six_centuries(void **state)
{
	(void)state;
	for (int64_t second = 0; second < 18400000000; second += 86400 * 3 + 12345) {
		time_t t = (time_t)second;
		struct tm tm;
		char text[48];
		struct row_cell cell = { text, 0 };

		gmtime_r(&t, &tm);
		cell.len = strftime(text, sizeof(text), "\"%Y-%m-%dT%H:%M:%S.0000079Z\"", &tm);
		assert_true(microseconds(&cell) == second * 1000000 + 7);
	}
}

/* ---- the descriptor ---- */

struct described { char name[64]; uint64_t number, label, type; };

static void read_field(const struct field *outer, struct described *out)
{
	struct message m = { outer->octets, outer->octets + outer->value };
	struct field field;

	memset(out, 0, sizeof(*out));
	while (decode(&m, &field))
		switch (field.number) {
		case 1: memcpy(out->name, field.octets, field.value); break;
		case 3: out->number = field.value; break;
		case 4: out->label = field.value; break;
		case 5: out->type = field.value; break;
		default: fail_msg("field %u", field.number);
		}
}

static void the_descriptor_names_every_column_with_its_type(void **state)
{
	static const struct described expected[] = {
		{ "id", 1, 2, 9 }, { "src_port", 5, 2, 3 }, { "src_names", 9, 3, 9 }, { "first_seen_at", 11, 2, 3 }, { "status", 17, 2, 9 },
		{ "vlan", 18, 1, 3 }, { "self", 26, 1, 8 }, { "dst_name_sources", 28, 3, 9 },
	};
	uint8_t octets[4096];
	struct message m = { octets, octets + row_descriptor(octets, sizeof(octets), ALL) };
	struct field field;
	struct described got;
	size_t columns = 0, seen = 0;

	(void)state;
	assert_true(decode(&m, &field) && field.number == 1 && field.value == 8);
	for (; decode(&m, &field); columns++) {
		assert_int_equal(field.number, 2);
		read_field(&field, &got);
		assert_string_equal(got.name, row_column(columns)->column);
		assert_int_equal(got.number, columns + 1);
		if (seen < COUNT(expected) && got.number == expected[seen].number)
			assert_memory_equal(&got, &expected[seen++], sizeof(got));
	}
	assert_int_equal(seen, COUNT(expected));
	assert_null(row_column(columns));
}

static void the_descriptor_has_only_the_columns_that_are_sent(void **state)
{
	uint8_t octets[4096];
	struct message m = { octets, octets + row_descriptor(octets, sizeof(octets), 1 << 4 | 1 << 16) };
	struct field field;
	struct described got;

	(void)state;
	assert_true(decode(&m, &field) && field.number == 1);
	assert_true(decode(&m, &field));
	read_field(&field, &got);
	assert_string_equal(got.name, "src_port");
	assert_true(decode(&m, &field));
	read_field(&field, &got);
	assert_string_equal(got.name, "status");
	assert_false(decode(&m, &field));
}

static void a_descriptor_without_room_is_none(void **state)
{
	uint8_t octets[4096];
	size_t whole = row_descriptor(octets, sizeof(octets), ALL);

	(void)state;
	assert_true(whole > 0);
	for (size_t size = 0; size <= whole; size++) {
		uint8_t *exact = malloc(size ? size : 1);

		assert_int_equal(row_descriptor(exact, size, ALL), 0);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_says_what_the_json_says),
		cmocka_unit_test(times_are_exact_over_six_centuries),
		cmocka_unit_test(the_descriptor_names_every_column_with_its_type),
		cmocka_unit_test(the_descriptor_has_only_the_columns_that_are_sent),
		cmocka_unit_test(a_descriptor_without_room_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
