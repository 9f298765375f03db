/* SPDX-License-Identifier: Apache-2.0 */
/* test_grpc_frame.c - messages in pieces of any size, both ways, and the header lines of a call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "../user/ship/grpc_frame.c"

#define ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

static int set_up(void **state)
{
	static struct grpc_receiving in;

	memset(&in, 0, sizeof(in));
	assert_int_equal(grpc_receive_init(&in), 0);
	grpc_receive_call(&in);
	*state = &in;
	return 0;
}

static int tear_down(void **state)
{
	grpc_receive_end(*state);
	return 0;
}

static const char *line(struct grpc_receiving *in, const char *text)
{
	return grpc_receive_line(in, text, strlen(text));
}

static void a_message_is_sent_with_its_length_in_pieces_of_any_size(void **state)
{
	static const char message[] = "\0\0\0\1\3";

	(void)state;
	for (size_t piece = 1; piece < 300; piece++) {
		struct grpc_sending out;
		char octets[300], sent[600];
		size_t len = 0, part;

		memset(octets, 'm', sizeof(octets));
		grpc_send_set(&out, octets, 259, false);
		while ((part = grpc_send(&out, sent + len, piece))) {
			assert_true(part <= piece);
			len += part;
		}
		assert_int_equal(len, 5 + 259);
		assert_memory_equal(sent, message, 5);
		assert_memory_equal(sent + 5, octets, 259);
	}
}

static void a_message_without_octets_has_a_head(void **state)
{
	struct grpc_sending out;
	char sent[16];

	(void)state;
	grpc_send_set(&out, NULL, 0, true);
	assert_int_equal(grpc_send(&out, sent, sizeof(sent)), 5);
	assert_memory_equal(sent, "\0\0\0\0\0", 5);
	assert_int_equal(grpc_send(&out, sent, sizeof(sent)), 0);
}

static void a_message_is_received_in_pieces_of_any_size(void **state)
{
	struct grpc_receiving *in = *state;
	char octets[5 + 3000] = { 0, 0, 0, 0x0b, (char)0xb8 };

	memset(octets + 5, 'r', 3000);
	assert_null(line(in, "content-type: application/grpc\r\n"));
	for (size_t piece = 1; piece < sizeof(octets); piece += 7) {
		grpc_receive_message(in);
		for (size_t at = 0; at < sizeof(octets); at += piece) {
			assert_false(in->is_whole);
			assert_null(grpc_receive(in, octets + at, sizeof(octets) - at < piece ? sizeof(octets) - at : piece));
		}
		assert_true(in->is_whole);
		assert_int_equal(in->len, 3000);
		assert_memory_equal(in->octets, octets + 5, 3000);
	}
}

static void what_is_not_one_message_ends_the_call(void **state)
{
	static const struct { const char *octets; size_t len; const char *why; } rows[] = {
		{ "\1\0\0\0\1x", 6, "compressed" },
		{ "\0\0\x10\0\1", 5, "too long" },
		{ "\0\xff\xff\xff\xff", 5, "too long" },
		{ "\0\0\0\0\1xy", 7, "without being asked" },
		{ "\0\0\0\0\0\0", 6, "without being asked" },
		{ "\0\0\x10\0\0", 5, NULL },
		{ "\0\0\0\0\0", 5, NULL },
		{ "\0\0\0\0\2x", 6, NULL },
	};
	struct grpc_receiving *in = *state;

	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *why;

		grpc_receive_call(in);
		assert_null(line(in, "Content-Type: application/grpc+proto"));
		why = grpc_receive(in, rows[i].octets, rows[i].len);
		if (!why != !rows[i].why || (why && !strstr(why, rows[i].why)))
			fail_msg("row %zu: %s", i, why ? why : "taken");
	}
}

/* A length that is a lie gets memory only for what comes. */
static void memory_grows_with_what_is_there(void **state)
{
	struct grpc_receiving *in = *state;

	assert_null(line(in, "content-type: application/grpc"));
	assert_null(grpc_receive(in, "\0\0\x0f\xff\xff" "abc", 8));
	assert_true(in->size <= FIRST_SIZE);
	assert_int_equal(in->len, 3);
}

static void the_header_lines_that_matter_are_read(void **state)
{
	static const struct { const char *line; bool is_grpc; int code; const char *message; } rows[] = {
		{ "content-type: application/grpc\r\n", true, -1, "" },
		{ "Content-Type:application/grpc+proto", true, -1, "" },
		{ "content-type: text/html\r\n", false, -1, "" },
		{ "content-type: application/grp", false, -1, "" },
		{ "content-type:", false, -1, "" },
		{ "grpc-status: 0\r\n", false, 0, "" },
		{ "GRPC-Status: 16 \r\n", false, 16, "" },
		{ "grpc-status:\r\n", false, GRPC_UNKNOWN, "" },
		{ "grpc-status: -1\r\n", false, GRPC_UNKNOWN, "" },
		{ "grpc-status: 4294967296\r\n", false, GRPC_UNKNOWN, "" },
		{ "grpc-status: 1x\r\n", false, GRPC_UNKNOWN, "" },
		{ "grpc-status-details-bin: 5\r\n", false, -1, "" },
		{ "grpc-message: no such stream\r\n", false, -1, "no such stream" },
		{ "HTTP/2 200\r\n", false, -1, "" },
		{ "\r\n", false, -1, "" },
		{ "", false, -1, "" },
	};
	struct grpc_receiving *in = *state;

	for (size_t i = 0; i < ROWS(rows); i++) {
		grpc_receive_call(in);
		assert_null(line(in, rows[i].line));
		if (in->is_grpc != rows[i].is_grpc || in->code != rows[i].code || strcmp(in->message, rows[i].message) != 0)
			fail_msg("%s: %d, %d, %s", rows[i].line, in->is_grpc, in->code, in->message);
	}
}

static void a_long_message_is_cut_and_too_many_headers_end_the_call(void **state)
{
	struct grpc_receiving *in = *state;
	char text[1000] = "grpc-message: ";

	memset(text + 14, 'x', sizeof(text) - 15);
	for (size_t total = 0; total + 999 <= HTTP_HEADERS_MAX; total += 999)
		assert_null(line(in, text));
	assert_int_equal(strlen(in->message), 255);
	assert_non_null(line(in, text));
	grpc_receive_call(in);
	assert_null(line(in, text));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_message_is_sent_with_its_length_in_pieces_of_any_size),
		TEST(a_message_without_octets_has_a_head),
		TEST(a_message_is_received_in_pieces_of_any_size),
		TEST(what_is_not_one_message_ends_the_call),
		TEST(memory_grows_with_what_is_there),
		TEST(the_header_lines_that_matter_are_read),
		TEST(a_long_message_is_cut_and_too_many_headers_end_the_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
