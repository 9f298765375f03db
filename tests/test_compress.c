/* SPDX-License-Identifier: Apache-2.0 */
/* test_compress.c - what the zstd library reads of a file made of our pieces, also when some were not written. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>
#include <cmocka.h>
#include "../user/ship/compress.h"

struct file {
	struct compress *c;
	char packed[65536], text[1 << 20];
	size_t len;                               /* of `packed` */
	size_t text_len;
	bool is_whole;                            /* the last frame has its end */
};

static int set_up(void **state)
{
	struct file *f = calloc(1, sizeof(*f));

	f->c = compress_new();
	assert_non_null(f->c);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct file *f = *state;

	compress_free(f->c);
	free(f);
	return 0;
}

static void add(struct file *f, const char *octets, size_t len)
{
	assert_true(f->len + len <= sizeof(f->packed));
	memcpy(f->packed + f->len, octets, len);
	f->len += len;
}

/* A piece that is written, or one that the disk has no room for. */
static void piece(struct file *f, const char *text, bool is_written)
{
	const char *out;
	size_t len;

	assert_int_equal(compress_piece(f->c, text, strlen(text), &out, &len), 0);
	if (is_written)
		add(f, out, len);
	else
		compress_undo(f->c);
}

static void end(struct file *f, bool is_written)
{
	const char *out;
	size_t len;

	assert_int_equal(compress_end(f->c, &out, &len), 0);
	if (is_written)
		add(f, out, len);
	else
		compress_undo(f->c);
}

/* All that a reader gets; fails on anything that is not zstd. */
static const char *unpacked(struct file *f)
{
	ZSTD_DStream *stream = ZSTD_createDStream();
	ZSTD_inBuffer in = { f->packed, f->len, 0 };
	ZSTD_outBuffer out = { f->text, sizeof(f->text) - 1, 0 };
	size_t left = 0;

	while (in.pos < in.size) {
		left = ZSTD_decompressStream(stream, &out, &in);
		assert_false(ZSTD_isError(left));
	}
	ZSTD_freeDStream(stream);
	f->is_whole = left == 0;
	f->text_len = out.pos;
	f->text[out.pos] = 0;
	return f->text;
}

static void every_piece_can_be_read_before_the_frame_ends(void **state)
{
	struct file *f = *state;

	piece(f, "one\n", true);
	assert_string_equal(unpacked(f), "one\n");
	assert_false(f->is_whole);
	piece(f, "two\n", true);
	assert_string_equal(unpacked(f), "one\ntwo\n");
	end(f, true);
	assert_string_equal(unpacked(f), "one\ntwo\n");
	assert_true(f->is_whole);
	end(f, true);
	assert_string_equal(unpacked(f), "one\ntwo\n");
	piece(f, "three\n", true);
	end(f, true);
	assert_string_equal(unpacked(f), "one\ntwo\nthree\n");
	assert_true(f->is_whole);
}

static void an_end_without_a_frame_is_nothing(void **state)
{
	struct file *f = *state;

	end(f, true);
	assert_int_equal(f->len, 0);
}

/* Each letter is a step: upper case is written, lower case is not. E ends the frame; others are a piece of text. */
static void a_piece_that_was_not_written_is_missing_and_nothing_else_is(void **state)
{
	static const char *const rows[] = {
		"aB", "AbC", "AbcD", "AbE", "AbeE", "AeE", "AeB", "aEB", "AEbC", "aeB", "AbCdE", "AbCdeFE", "eA", "AebcDeFgE",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char expected[32] = "";
		struct file *f;

		assert_int_equal(set_up(state), 0);
		f = *state;
		for (const char *step = rows[i]; *step; step++) {
			char text[2] = { *step, 0 };
			bool is_written = *step < 'a';

			if (*step == 'E' || *step == 'e') {
				end(f, is_written);
				continue;
			}
			piece(f, text, is_written);
			if (is_written)
				strcat(expected, text);
			assert_string_equal(unpacked(f), expected);
		}
		end(f, true);
		assert_string_equal(unpacked(f), expected);
		assert_true(f->is_whole);
		assert_int_equal(tear_down(state), 0);
	}
}

static void large_and_empty_pieces_come_back_as_they_were(void **state)
{
	static char text[700000];
	struct file *f = *state;
	uint32_t random = 1;

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		random = random * 1664525 + 1013904223;
		text[i] = (char)(i < 40000 ? 'a' + (random >> 24) % 26 : 'x');
	}
	piece(f, "", true);
	piece(f, text, true);
	piece(f, "", true);
	end(f, true);
	assert_string_equal(unpacked(f), text);
}

static void after_a_restart_nothing_of_the_old_file_is_left(void **state)
{
	struct file *f = *state;

	piece(f, "old", true);
	compress_restart(f->c);
	f->len = 0;
	piece(f, "new", true);
	end(f, true);
	assert_string_equal(unpacked(f), "new");
	assert_true(f->is_whole);
}

static bool is_whole_on_disk(const char *octets, size_t len)
{
	char path[] = "/tmp/test_compress.XXXXXX";
	int fd = mkstemp(path);
	bool is_whole;

	assert_int_equal(write(fd, octets, len), len);
	is_whole = compress_is_whole(fd, len);
	close(fd);
	unlink(path);
	return is_whole;
}

static void a_file_is_whole_only_at_the_end_of_a_frame(void **state)
{
	struct file *f = *state;
	size_t first_len;

	piece(f, "one\n", true);
	end(f, true);
	first_len = f->len;
	piece(f, "two\n", true);
	end(f, true);
	for (size_t len = 0; len <= f->len; len++)
		assert_int_equal(is_whole_on_disk(f->packed, len), len == 0 || len == first_len || len == f->len);
	assert_false(is_whole_on_disk("plain text\n", 11));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_piece_can_be_read_before_the_frame_ends),
		TEST(an_end_without_a_frame_is_nothing),
		cmocka_unit_test(a_piece_that_was_not_written_is_missing_and_nothing_else_is),
		TEST(large_and_empty_pieces_come_back_as_they_were),
		TEST(after_a_restart_nothing_of_the_old_file_is_left),
		TEST(a_file_is_whole_only_at_the_end_of_a_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
