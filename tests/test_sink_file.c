/* SPDX-License-Identifier: Apache-2.0 */
/* test_sink_file.c - no record is lost, split or written twice: appending, rotation, reopening. */
#include <errno.h>
#include "sink_file_fixture.h"

/* ---- appending ---- */

static void records_are_appended_and_the_books_balance(void **state)
{
	struct fixture *f = *state;

	for (int run = 0; run < 2; run++) {
		open_sink(f);
		put_lines(f, 100);
		assert_int_equal(stats_of(f).waiting, 100);
		tick(f, NS_PER_S);
		assert_int_equal(stats_of(f).delivered, 100);
		put_lines(f, 5);
		assert_int_equal(sink_file.flush(f->sink), 0);
		put_lines(f, 5);
		close_sink(f);
	}
	read_plain(f, f->path);
	assert_lines(f, 0, 220);
}

static void the_octets_of_a_buffer_that_fills_are_written_in_whole_lines(void **state)
{
	struct fixture *f = *state;

	open_sink(f);
	put_lines(f, 5000);
	assert_in_range(stats_of(f).delivered, 1, 4999);
	read_plain(f, f->path);
	assert_int_equal(f->text[f->len - 1], '\n');
	assert_int_equal(f->len, stats_of(f).octets);
	assert_lines(f, 0, (unsigned)stats_of(f).delivered);
}

static void a_target_that_is_not_our_own_file_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(symlink("/etc/passwd", f->path), 0);
	assert_int_equal(sink_file.open(&f->sink, &f->options, f->now_ns), -ELOOP);
	assert_null(f->sink);
	unlink(f->path);
	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_int_equal(sink_file.open(&f->sink, &f->options, f->now_ns), -EINVAL);
	assert_true(was_logged(f, "is a FIFO"));
}

static void a_file_that_others_left_unfit_is_renamed_not_appended_to(void **state)
{
	static const struct { const char *compress, *before; size_t len; const char *reason; } rows[] = {
		{ "none", "{\"cut\":", 7, "whole line" },
		{ "none", "\x28\xb5\x2f\xfd\n", 5, "whole line" },
		{ "zstd", "{}\n", 3, "whole zstd frame" },
		{ "zstd", "\x28\xb5\x2f\xfd\x04\x00\x11\x00", 8, "whole zstd frame" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture *f;
		int fd;

		assert_int_equal(set_up(state), 0);
		f = *state;
		fd = open(f->path, O_WRONLY | O_CREAT, 0600);
		assert_int_equal(write(fd, rows[i].before, rows[i].len), rows[i].len);
		close(fd);
		f->options.compress = rows[i].compress;
		open_sink(f);
		put_lines(f, 10);
		close_sink(f);
		if (*rows[i].compress == 'z')
			read_zstd(f, f->path, true);
		else
			read_plain(f, f->path);
		assert_lines(f, 0, 10);
		read_plain(f, in(f, "out.20260102T030304Z"));
		assert_int_equal(f->len, rows[i].len);
		assert_memory_equal(f->text, rows[i].before, rows[i].len);
		assert_true(was_logged(f, rows[i].reason));
		assert_int_equal(tear_down(state), 0);
	}
}

/* ---- rotation ---- */

static void rotation_by_size_loses_and_splits_nothing(void **state)
{
	struct fixture *f = *state;
	struct names names;

	f->options.rotate_size = 8192;
	open_sink(f);
	for (unsigned i = 0; i < 1000; i++) {
		put_lines(f, 8);
		if (i % 50 == 49)
			tick(f, NS_PER_S);                /* so that some share a second and others do not */
	}
	assert_int_equal(stats_of(f).dropped, 0);
	close_sink(f);
	list_rotated(f, &names);
	assert_in_range(names.count, 100, 200);
	read_rotated(f, &names, false, 8192);
	read_plain(f, f->path);
	assert_lines(f, 0, 8000);
}

static void a_line_longer_than_the_rotation_size_has_a_file_of_its_own(void **state)
{
	static char line[6000];
	struct fixture *f = *state;
	struct names names;

	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	f->options.rotate_size = 4096;
	open_sink(f);
	for (int i = 0; i < 3; i++)
		assert_int_equal(sink_file.put(f->sink, line, sizeof(line)), 0);
	close_sink(f);
	list_rotated(f, &names);
	assert_int_equal(names.count, 2);
	read_rotated(f, &names, false, sizeof(line));
	read_plain(f, f->path);
	assert_int_equal(f->len, 3 * sizeof(line));
}

static void rotation_by_time_that_fails_is_tried_again_after_a_minute(void **state)
{
	struct fixture *f = *state;

	f->options.rotate_interval_ns = 3600 * NS_PER_S;
	open_sink(f);
	put_lines(f, 1);
	assert_int_equal(rename(f->path, in(f, "moved")), 0);
	assert_int_equal(symlink("elsewhere", f->path), 0);
	f->now_ns += 3600 * NS_PER_S;
	assert_int_equal(sink_file.tick(f->sink, f->now_ns), -ELOOP);
	assert_int_equal(unlink(f->path), 0);
	tick(f, 59 * NS_PER_S);
	put_lines(f, 1);
	tick(f, NS_PER_S);
	put_lines(f, 1);
	close_sink(f);
	read_plain(f, in(f, "moved"));
	assert_lines(f, 0, 2);
	read_plain(f, f->path);
	assert_lines(f, 2, 3);
}

static void rotation_by_time_is_at_multiples_of_the_interval(void **state)
{
	struct fixture *f = *state;
	struct names names;

	f->options.rotate_interval_ns = 60 * NS_PER_S;
	open_sink(f);
	put_lines(f, 3);
	tick(f, 55 * NS_PER_S);                           /* 03:03:59 */
	list_rotated(f, &names);
	assert_int_equal(names.count, 0);
	tick(f, NS_PER_S);                                /* 03:04:00 */
	list_rotated(f, &names);
	assert_int_equal(names.count, 1);
	assert_string_equal(names.name[0], "out.20260102T030400Z");
	tick(f, 600 * NS_PER_S);                          /* nothing was put: no empty files */
	put_lines(f, 3);
	tick(f, 59 * NS_PER_S);
	list_rotated(f, &names);
	assert_int_equal(names.count, 1);
	tick(f, NS_PER_S);
	list_rotated(f, &names);
	assert_int_equal(names.count, 2);
	assert_string_equal(names.name[1], "out.20260102T031500Z");
	for (int i = 0; i < 100; i++) {
		put_lines(f, 3);
		tick(f, 60 * NS_PER_S);
	}
	put_lines(f, 1);
	close_sink(f);
	list_rotated(f, &names);
	assert_int_equal(names.count, 102);
	read_rotated(f, &names, false, 8192);
	read_plain(f, f->path);
	assert_lines(f, 0, f->next);
}

static void a_file_that_has_the_rotated_name_is_not_overwritten(void **state)
{
	struct fixture *f = *state;
	int fd = open(in(f, "out.20260102T030304Z"), O_WRONLY | O_CREAT, 0600);

	assert_int_equal(write(fd, "theirs\n", 7), 7);
	close(fd);
	f->options.rotate_size = 4096;
	open_sink(f);
	put_lines(f, 50);                                 /* 4 to 8 KiB: rotates once */
	close_sink(f);
	read_plain(f, in(f, "out.20260102T030304Z"));
	assert_string_equal(f->text, "theirs\n");
	f->len = 0;
	read_plain(f, in(f, "out.20260102T030304Z.1"));
	read_plain(f, f->path);
	assert_lines(f, 0, 50);
}

static void rotation_that_fails_goes_on_in_the_old_file_and_is_tried_again_after_a_minute(void **state)
{
	struct fixture *f = *state;

	f->options.rotate_size = 4096;
	open_sink(f);
	assert_int_equal(rename(f->path, in(f, "moved")), 0);
	assert_int_equal(symlink("elsewhere", f->path), 0);
	for (int i = 0; i < 200; i++)
		put_line(f);
	assert_int_equal(unlink(f->path), 0);
	put_lines(f, 5);
	tick(f, 59 * NS_PER_S);
	put_lines(f, 5);
	assert_int_equal(access(f->path, F_OK), -1);
	tick(f, NS_PER_S);
	put_lines(f, 1);
	assert_int_equal(stats_of(f).dropped, 0);
	close_sink(f);
	read_plain(f, in(f, "moved"));
	assert_lines(f, 0, 210);
	read_plain(f, f->path);
	assert_lines(f, 210, 211);
}

/* ---- SIGHUP ---- */

static void reopening_finishes_the_old_file_and_goes_on_in_the_new_one(void **state)
{
	struct fixture *f = *state;

	for (int is_packed = 0; is_packed < 2; is_packed++) {
		f->options.compress = is_packed ? "zstd" : "none";
		f->next = 0;
		open_sink(f);
		put_lines(f, 10);
		assert_int_equal(rename(f->path, in(f, "moved")), 0);
		put_lines(f, 10);
		assert_int_equal(sink_file.reopen(f->sink), 0);
		put_lines(f, 10);
		assert_int_equal(sink_file.reopen(f->sink), 0);   /* nobody renamed it: the same file goes on */
		put_lines(f, 10);
		close_sink(f);
		if (is_packed)
			read_zstd(f, in(f, "moved"), true);
		else
			read_plain(f, in(f, "moved"));
		assert_lines(f, 0, 20);
		if (is_packed)
			read_zstd(f, f->path, true);
		else
			read_plain(f, f->path);
		assert_lines(f, 20, 40);
		unlink(f->path);
	}
}

static void when_reopening_fails_the_old_file_goes_on(void **state)
{
	struct fixture *f = *state;

	f->options.compress = "zstd";
	open_sink(f);
	put_lines(f, 10);
	assert_int_equal(rename(f->path, in(f, "moved")), 0);
	assert_int_equal(symlink("elsewhere", f->path), 0);
	assert_int_equal(sink_file.reopen(f->sink), -ELOOP);
	put_lines(f, 10);
	close_sink(f);
	read_zstd(f, in(f, "moved"), true);
	assert_lines(f, 0, 20);
}

static void a_file_that_was_deleted_is_begun_again(void **state)
{
	struct fixture *f = *state;

	open_sink(f);
	put_lines(f, 10);
	tick(f, NS_PER_S);
	assert_int_equal(unlink(f->path), 0);
	tick(f, NS_PER_S);
	assert_true(was_logged(f, "warn output file"));
	put_lines(f, 10);
	close_sink(f);
	read_plain(f, f->path);
	assert_lines(f, 10, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_are_appended_and_the_books_balance),
		TEST(the_octets_of_a_buffer_that_fills_are_written_in_whole_lines),
		TEST(a_target_that_is_not_our_own_file_is_refused),
		cmocka_unit_test(a_file_that_others_left_unfit_is_renamed_not_appended_to),
		TEST(rotation_by_size_loses_and_splits_nothing),
		TEST(a_line_longer_than_the_rotation_size_has_a_file_of_its_own),
		TEST(rotation_by_time_is_at_multiples_of_the_interval),
		TEST(rotation_by_time_that_fails_is_tried_again_after_a_minute),
		TEST(a_file_that_has_the_rotated_name_is_not_overwritten),
		TEST(rotation_that_fails_goes_on_in_the_old_file_and_is_tried_again_after_a_minute),
		TEST(reopening_finishes_the_old_file_and_goes_on_in_the_new_one),
		TEST(when_reopening_fails_the_old_file_goes_on),
		TEST(a_file_that_was_deleted_is_begun_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
