/* SPDX-License-Identifier: Apache-2.0 */
/* test_bigquery_proto.c - the octets of the messages that we send, and reading what strangers send. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "../user/ship/bigquery_proto.c"

#define ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))
#define OCTETS(text) (const uint8_t *)(text), sizeof(text) - 1

static void varints_are_those_of_the_documentation(void **state)
{
	static const struct { uint64_t value; const char *octets; size_t len; } rows[] = {
		{ 0, "\0", 1 }, { 1, "\1", 1 }, { 127, "\x7f", 1 }, { 128, "\x80\1", 2 }, { 150, "\x96\1", 2 }, { 300, "\xac\2", 2 },
		{ UINT64_MAX, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 10 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct proto_reader reader;
		uint8_t out[10];
		uint64_t value;

		assert_int_equal(proto_varint(out, rows[i].value), rows[i].len);
		assert_int_equal(varint_len(rows[i].value), rows[i].len);
		assert_memory_equal(out, rows[i].octets, rows[i].len);
		reader = (struct proto_reader){ out, out + rows[i].len };
		assert_int_equal(varint_read(&reader, &value), 0);
		assert_true(value == rows[i].value && reader.at == reader.end);
	}
}

static void fields_of_every_type_are_read_and_nothing_else(void **state)
{
	static const struct { const char *octets; size_t len; int result; uint32_t number; uint64_t value; size_t field_len; } rows[] = {
		{ "", 0, 0, 0, 0, 0 },
		{ "\x08\x96\x01", 3, 1, 1, 150, 0 },
		{ "\x12\x07testing", 9, 1, 2, 0, 7 },
		{ "\x12\x00", 2, 1, 2, 0, 0 },
		{ "\x1d\1\2\3\4", 5, 1, 3, 0x04030201, 0 },
		{ "\x19\1\2\3\4\5\6\7\x08", 9, 1, 3, 0x0807060504030201, 0 },
		{ "\xf8\xff\xff\xff\x0f\1", 6, 1, 0x1fffffff, 1, 0 },
		{ "\x08", 1, -EBADMSG, 0, 0, 0 },                         /* no value */
		{ "\x08\x80", 2, -EBADMSG, 0, 0, 0 },                     /* cut in the value */
		{ "\x80", 1, -EBADMSG, 0, 0, 0 },                         /* cut in the tag */
		{ "\x12\x08testing", 9, -EBADMSG, 0, 0, 0 },              /* longer than what is there */
		{ "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, -EBADMSG, 0, 0, 0 },
		{ "\x1d\1\2\3", 4, -EBADMSG, 0, 0, 0 },
		{ "\x19\1\2\3\4\5\6\7", 8, -EBADMSG, 0, 0, 0 },
		{ "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11, -EBADMSG, 0, 0, 0 }, /* 65 bits */
		{ "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, -EBADMSG, 0, 0, 0 },
		{ "\x00\x01", 2, -EBADMSG, 0, 0, 0 },                     /* field 0 */
		{ "\xf8\xff\xff\xff\x1f\1", 6, -EBADMSG, 0, 0, 0 },       /* over 29 bits */
		{ "\x0b\x0c", 2, -EBADMSG, 0, 0, 0 },                     /* a group */
		{ "\x0e\x01", 2, -EBADMSG, 0, 0, 0 },                     /* type 6 */
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		uint8_t *octets = test_malloc(rows[i].len ? rows[i].len : 1); /* so that reading past the end is seen */
		struct proto_reader reader = { octets, octets + rows[i].len };
		struct proto_field field;

		memcpy(octets, rows[i].octets, rows[i].len);
		if (proto_read(&reader, &field) != rows[i].result)
			fail_msg("row %zu", i);
		if (rows[i].result == 1) {
			assert_int_equal(field.number, rows[i].number);
			assert_int_equal(field.value, rows[i].value);
			assert_int_equal(field.len, rows[i].field_len);
			assert_int_equal(proto_read(&reader, &field), 0);
		}
		test_free(octets);
	}
}

/* ---- AppendRowsRequest ---- */

static void add_row(struct append_request *request, const char *octets)
{
	uint8_t *out = append_request_row(request, strlen(octets));

	assert_non_null(out);
	memcpy(out, octets, strlen(octets));
	append_request_add(request, strlen(octets));
}

static void an_append_is_stream_offset_schema_and_rows(void **state)
{
	static const char first[] = "\x0a\x03s/1" "\x12\x03\x08\xac\x02" "\x22\x10" "\x0a\x05" "\x0a\x03" "def" "\x12\x07" "\x0a\x02r1" "\x0a\x01r";
	static const char second[] = "\x0a\x03s/1" "\x12\x02\x08\x00" "\x22\x09" "\x12\x07" "\x0a\x02r1" "\x0a\x01r";
	struct append_request request;
	const uint8_t *message;
	size_t len;

	(void)state;
	assert_int_equal(append_request_new(&request, 1000), 0);
	add_row(&request, "r1");
	add_row(&request, "r");
	assert_int_equal(append_request_octets(&request), 7);
	message = append_request_finish(&request, "s/1", 300, (const uint8_t *)"def", 3, &len);
	assert_int_equal(len, sizeof(first) - 1);
	assert_memory_equal(message, first, len);
	message = append_request_finish(&request, "s/1", 0, NULL, 0, &len); /* again, over the same rows */
	assert_int_equal(len, sizeof(second) - 1);
	assert_memory_equal(message, second, len);
	append_request_clear(&request);
	assert_int_equal(append_request_octets(&request), 0);
	append_request_free(&request);
}

static void a_long_row_has_a_long_length(void **state)
{
	struct append_request request;
	struct proto_reader reader;
	struct proto_field field;
	uint8_t *out;

	(void)state;
	assert_int_equal(append_request_new(&request, 100000), 0);
	out = append_request_row(&request, 70000);
	assert_non_null(out);
	for (int i = 0; i < 70000; i++)
		out[i] = (uint8_t)i;
	append_request_add(&request, 70000);
	reader = (struct proto_reader){ request.octets + APPEND_HEAD_MAX, request.octets + request.end };
	assert_int_equal(proto_read(&reader, &field), 1);
	assert_int_equal(field.len, 70000);
	for (int i = 0; i < 70000; i++)
		assert_int_equal(field.octets[i], (uint8_t)i);
	assert_int_equal(proto_read(&reader, &field), 0);
	append_request_free(&request);
}

static void what_has_no_room_is_refused(void **state)
{
	char name[APPEND_HEAD_MAX];
	struct append_request request;
	uint8_t out[64];
	size_t len;

	(void)state;
	assert_int_equal(append_request_new(&request, 100), 0);
	assert_null(append_request_row(&request, 100 - APPEND_ROW_HEAD_MAX + 1));
	assert_non_null(append_request_row(&request, 100 - APPEND_ROW_HEAD_MAX));
	assert_null(append_request_row(&request, SIZE_MAX));
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = 0;
	assert_null(append_request_finish(&request, name, 0, NULL, 0, &len));
	name[70] = 0;
	assert_int_equal(create_stream_write(out, sizeof(out), name), 0);
	assert_int_equal(stream_name_write(out, sizeof(out), name), 0);
	name[62] = 0;
	assert_int_equal(create_stream_write(out, sizeof(out), name), 0);
	assert_int_equal(stream_name_write(out, sizeof(out), name), 64);
	append_request_free(&request);
}

/* ---- AppendRowsResponse ---- */

static void answers_to_an_append_are_read(void **state)
{
	static const struct {
		const char *octets;
		size_t len;
		int result;
		bool is_accepted, has_offset;
		int64_t offset;
		int32_t code;
		uint32_t errors;
	} rows[] = {
		{ "\x0a\x00", 2, 0, true, false, 0, 0, 0 },
		{ "\x0a\x02\x0a\x00", 4, 0, true, true, 0, 0, 0 },
		{ "\x0a\x05\x0a\x03\x08\xac\x02", 7, 0, true, true, 300, 0, 0 },
		{ "\x0a\x00\x2a\x03s/1", 7, 0, true, false, 0, 0, 0 },
		{ "\x12\x05\x08\x06\x12\x01x", 7, 0, false, false, 0, 6, 0 },
		{ "\x0a\x00\x12\x02\x08\x06", 6, 0, false, false, 0, 6, 0 },      /* both: the error counts */
		{ "\x12\x02\x08\x03\x22\x02\x08\x01\x22\x00", 10, 0, false, false, 0, 3, 2 },
		{ "\x0a\x00\x22\x02\x08\x01", 6, 0, false, false, 0, 0, 1 },
		{ "", 0, 0, false, false, 0, 0, 0 },
		{ "\x0a\x02\x0a\x05", 4, -EBADMSG, false, false, 0, 0, 0 },
		{ "\x12\x01\x08", 3, -EBADMSG, false, false, 0, 0, 0 },
		{ "\x12\x09\x08", 3, -EBADMSG, false, false, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		uint8_t *octets = test_malloc(rows[i].len ? rows[i].len : 1);
		struct append_answer answer;

		memcpy(octets, rows[i].octets, rows[i].len);
		if (append_answer_read(&answer, octets, rows[i].len) != rows[i].result)
			fail_msg("row %zu", i);
		if (!rows[i].result && (answer.is_accepted != rows[i].is_accepted || answer.has_offset != rows[i].has_offset ||
					answer.offset != rows[i].offset ||
					answer.code != rows[i].code || answer.row_errors != rows[i].errors))
			fail_msg("row %zu", i);
		test_free(octets);
	}
}

static void the_storage_error_is_found_among_the_details(void **state)
{
	static const char type[] = "type.googleapis.com/google.cloud.bigquery.storage.v1.StorageError";
	struct append_answer answer;
	uint8_t any[256], status[256], message[256];
	size_t len;

	(void)state;
	for (int is_other = 0; is_other < 2; is_other++) {
		len = octets_write(any, 1, type, sizeof(type) - 1 - (size_t)is_other);
		len += octets_write(any + len, 2, "\x08\x06\x12\x01x", 5);
		memcpy(status, "\x08\x03", 2);
		len = 2 + octets_write(status + 2, 3, any, len);
		len = octets_write(message, 2, status, len);
		assert_int_equal(append_answer_read(&answer, message, len), 0);
		assert_int_equal(answer.code, 3);
		assert_int_equal(answer.storage_error, is_other ? 0 : STORAGE_STREAM_FINALIZED);
	}
}

static void row_errors_are_told_one_after_the_other(void **state)
{
	static const char octets[] = "\x12\x02\x08\x03" "\x22\x07\x08\x02\x1a\x03" "bad" "\x2a\x01s" "\x22\x02\x1a\x00"
				     "\x22\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
	static const struct { int64_t index; const char *message; } rows[] = { { 2, "bad" }, { 0, "" }, { -1, "" } };
	struct append_row_error error;
	struct append_answer answer;
	const uint8_t *at = NULL;

	(void)state;
	assert_int_equal(append_answer_read(&answer, OCTETS(octets)), 0);
	assert_int_equal(answer.row_errors, 3);
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_true(append_row_error(&answer, &at, &error));
		assert_int_equal(error.index, rows[i].index);
		assert_string_equal(error.message, rows[i].message);
	}
	assert_false(append_row_error(&answer, &at, &error));
}

static void long_texts_are_cut(void **state)
{
	uint8_t status[600], message[700];
	struct append_answer answer;
	char text[500];
	size_t len;

	(void)state;
	memset(text, 'x', sizeof(text));
	len = octets_write(status, 2, text, sizeof(text));
	len = octets_write(message, 2, status, len);
	assert_int_equal(append_answer_read(&answer, message, len), 0);
	assert_int_equal(strlen(answer.message), sizeof(answer.message) - 1);
}

/* Every truncation and thousands of changed octets: the sanitizers watch. */
static void hostile_answers_do_no_harm(void **state)
{
	static const char good[] = "\x0a\x05\x0a\x03\x08\xac\x02\x12\x0d\x08\x03\x12\x01x\x1a\x06\x0a\x01t\x12\x01\x08\x22\x07\x08\x02\x1a\x03" "bad\x2a\x01s";
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t len = (size_t)round < sizeof(good) ? (size_t)round : sizeof(good) - 1;
		uint8_t *octets = malloc(len ? len : 1);
		char name[STREAM_NAME_SIZE];
		struct append_row_error error;
		struct append_answer answer;
		const uint8_t *at = NULL;
		int64_t count;
		int errors = 0;

		memcpy(octets, good, len);
		for (int i = 0; round >= 100 && i < 3; i++) {
			seed = seed * 1103515245u + 12345u;
			octets[(seed >> 8) % len] = (uint8_t)(seed >> 24);
		}
		(void)append_answer_read(&answer, octets, len);
		while (append_row_error(&answer, &at, &error))
			errors++;
		assert_true(errors <= (int)len);
		(void)finalize_read(&count, octets, len);
		if (!write_stream_read(name, octets, len))
			assert_true(strlen(name) < len);
		free(octets);
	}
}

/* ---- unary calls ---- */

static void the_other_requests_are_right(void **state)
{
	uint8_t out[64];

	(void)state;
	assert_int_equal(create_stream_write(out, sizeof(out), "t"), 7);
	assert_memory_equal(out, "\x0a\x01t\x12\x02\x10\x01", 7);
	assert_int_equal(stream_name_write(out, sizeof(out), "s"), 3);
	assert_memory_equal(out, "\x0a\x01s", 3);
}

static void names_of_streams_are_printable_and_not_too_long(void **state)
{
	char name[STREAM_NAME_SIZE], text[STREAM_NAME_SIZE + 1];
	uint8_t message[STREAM_NAME_SIZE + 16];

	(void)state;
	assert_int_equal(write_stream_read(name, OCTETS("\x0a\x03s/1\x10\x01\x42\x02us")), 0);
	assert_string_equal(name, "s/1");
	assert_int_equal(write_stream_read(name, OCTETS("\x10\x01")), -EBADMSG);
	assert_int_equal(write_stream_read(name, OCTETS("\x0a\x00")), -EBADMSG);
	assert_int_equal(write_stream_read(name, OCTETS("\x0a\x03s\r\n")), -EBADMSG);
	assert_int_equal(write_stream_read(name, OCTETS("\x0a\x03s\0x")), -EBADMSG);
	assert_int_equal(write_stream_read(name, OCTETS("\x0a\x03s/")), -EBADMSG);
	memset(text, 'x', sizeof(text));
	assert_int_equal(write_stream_read(name, message, octets_write(message, 1, text, STREAM_NAME_SIZE)), -EBADMSG);
	assert_int_equal(write_stream_read(name, message, octets_write(message, 1, text, STREAM_NAME_SIZE - 1)), 0);
}

static void row_counts_are_read(void **state)
{
	int64_t rows;

	(void)state;
	assert_int_equal(finalize_read(&rows, OCTETS("\x08\xac\x02")), 0);
	assert_int_equal(rows, 300);
	assert_int_equal(finalize_read(&rows, OCTETS("")), 0);
	assert_int_equal(rows, 0);
	assert_int_equal(finalize_read(&rows, OCTETS("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")), -EBADMSG);
	assert_int_equal(finalize_read(&rows, OCTETS("\x08")), -EBADMSG);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(varints_are_those_of_the_documentation),
		cmocka_unit_test(fields_of_every_type_are_read_and_nothing_else),
		cmocka_unit_test(an_append_is_stream_offset_schema_and_rows),
		cmocka_unit_test(a_long_row_has_a_long_length),
		cmocka_unit_test(what_has_no_room_is_refused),
		cmocka_unit_test(answers_to_an_append_are_read),
		cmocka_unit_test(the_storage_error_is_found_among_the_details),
		cmocka_unit_test(row_errors_are_told_one_after_the_other),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(hostile_answers_do_no_harm),
		cmocka_unit_test(the_other_requests_are_right),
		cmocka_unit_test(names_of_streams_are_printable_and_not_too_long),
		cmocka_unit_test(row_counts_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
