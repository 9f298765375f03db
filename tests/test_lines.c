/* SPDX-License-Identifier: Apache-2.0 */
/* test_lines.c - the books of the line buffer when its writer fails in every way. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>
#include "../user/base/log.h"
#include "../user/ship/lines.h"

/* A writer that takes up to `room` octets, and then fails with `err`. */
struct writer {
	char text[4096];
	size_t len, room;
	int err, calls;
};

struct fixture {
	struct writer writer;
	struct lines *lines;
	char log[32];
};

static int take(void *ctx, const char *octets, size_t len, size_t *done)
{
	struct writer *w = ctx;

	w->calls++;
	*done = len < w->room ? len : w->room;
	memcpy(w->text + w->len, octets, *done);
	w->len += *done;
	w->text[w->len] = 0;
	w->room -= *done;
	return *done < len ? w->err : 0;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->log, "/tmp/test_lines.XXXXXX");
	close(mkstemp(f->log));
	log_open(LOG_INFO, LOG_CONSOLE, f->log);
	f->writer.room = 4000;
	f->writer.err = -ENOSPC;
	f->lines = lines_new("sink", 16, take, &f->writer);
	assert_non_null(f->lines);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	lines_free(f->lines);
	log_close();
	unlink(f->log);
	free(f);
	return 0;
}

static int put(struct fixture *f, const char *line)
{
	return lines_put(f->lines, line, strlen(line));
}

static void assert_books(const struct fixture *f, uint64_t delivered, uint64_t dropped, uint64_t waiting)
{
	struct sink_stats stats;

	lines_stats(f->lines, &stats);
	assert_int_equal(stats.delivered, delivered);
	assert_int_equal(stats.dropped, dropped);
	assert_int_equal(stats.waiting, waiting);
	assert_int_equal(stats.put, delivered + dropped + waiting);
	assert_int_equal(stats.octets, f->writer.len);
}

static size_t logged(const struct fixture *f, const char *what)
{
	char text[4096], *p = text;
	int fd = open(f->log, O_RDONLY);
	ssize_t len = read(fd, text, sizeof(text) - 1);
	size_t count = 0;

	close(fd);
	assert_true(len >= 0);
	text[len] = 0;
	for (; (p = strstr(p, what)); p++)
		count++;
	return count;
}

static void lines_wait_until_the_buffer_is_full_or_flushed(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(put(f, "aaaaaa\n"), 0);
	assert_int_equal(put(f, "bbbbbb\n"), 0);
	assert_books(f, 0, 0, 2);
	assert_int_equal(lines_waiting_octets(f->lines), 14);
	assert_int_equal(put(f, "cc\n"), 0);
	assert_string_equal(f->writer.text, "aaaaaa\nbbbbbb\n");
	assert_books(f, 2, 0, 1);
	assert_int_equal(lines_flush(f->lines), 0);
	assert_string_equal(f->writer.text, "aaaaaa\nbbbbbb\ncc\n");
	assert_books(f, 3, 0, 0);
	assert_int_equal(lines_flush(f->lines), 0);
	assert_int_equal(f->writer.calls, 2);
}

static void a_line_longer_than_the_buffer_gets_through(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(put(f, "aa\n"), 0);
	assert_int_equal(put(f, "a line that is longer than sixteen octets\n"), 0);
	assert_int_equal(put(f, "bb\n"), 0);
	assert_int_equal(lines_flush(f->lines), 0);
	assert_string_equal(f->writer.text, "aa\na line that is longer than sixteen octets\nbb\n");
	assert_books(f, 3, 0, 0);
}

static void lines_that_cannot_be_written_are_dropped_counted_and_logged_once(void **state)
{
	struct fixture *f = *state;

	f->writer.room = 0;
	assert_int_equal(put(f, "aaaaaaaaaaaaa\n"), 0);
	assert_int_equal(put(f, "bbbbbbbbbbbbb\n"), -ENOSPC);     /* a is lost, b waits */
	assert_books(f, 0, 1, 1);
	assert_int_equal(put(f, "ccccccccccccc\n"), -ENOSPC);
	assert_int_equal(lines_flush(f->lines), -ENOSPC);
	assert_books(f, 0, 3, 0);
	assert_int_equal(logged(f, "sink: No space left on device"), 1);
	f->writer.room = 100;
	assert_int_equal(put(f, "dd\n"), 0);
	assert_int_equal(lines_flush(f->lines), 0);
	assert_string_equal(f->writer.text, "dd\n");
	assert_books(f, 1, 3, 0);
	assert_int_equal(logged(f, "sink: works again; 3 records were dropped"), 1);
	f->writer.room = 0;
	assert_int_equal(put(f, "ee\n"), 0);
	assert_int_equal(lines_flush(f->lines), -ENOSPC);
	assert_int_equal(logged(f, "sink: No space left on device"), 2);
	f->writer.room = 100;
	assert_int_equal(put(f, "ff\n"), 0);
	assert_int_equal(lines_flush(f->lines), 0);
	assert_int_equal(logged(f, "sink: works again; 1 records were dropped"), 1);
	assert_books(f, 2, 4, 0);
}

static void whole_lines_before_a_failure_count_as_delivered(void **state)
{
	struct fixture *f = *state;

	f->writer.room = 6;
	assert_int_equal(put(f, "aa\n"), 0);
	assert_int_equal(put(f, "bb\n"), 0);
	assert_int_equal(put(f, "cc\n"), 0);
	assert_int_equal(lines_flush(f->lines), -ENOSPC);
	assert_books(f, 2, 1, 0);
}

static void the_rest_of_a_torn_line_goes_first_so_that_no_line_is_split(void **state)
{
	struct fixture *f = *state;

	f->writer.room = 4;
	assert_int_equal(put(f, "aa\n"), 0);
	assert_int_equal(put(f, "bbb\n"), 0);
	assert_int_equal(put(f, "cc\n"), 0);
	assert_int_equal(lines_flush(f->lines), -ENOSPC);
	assert_string_equal(f->writer.text, "aa\nb");
	assert_books(f, 1, 1, 1);
	assert_int_equal(put(f, "dd\n"), 0);
	assert_int_equal(lines_flush(f->lines), -ENOSPC);         /* still no room */
	assert_books(f, 1, 2, 1);
	f->writer.room = 1;
	assert_int_equal(lines_flush(f->lines), -ENOSPC);
	assert_string_equal(f->writer.text, "aa\nbb");
	f->writer.room = 100;
	assert_int_equal(put(f, "ee\n"), 0);
	assert_int_equal(lines_flush(f->lines), 0);
	assert_string_equal(f->writer.text, "aa\nbbb\nee\n");
	assert_books(f, 3, 2, 0);
}

static void after_epipe_everything_is_refused_for_good(void **state)
{
	struct fixture *f = *state;

	f->writer.room = 3;
	f->writer.err = -EPIPE;
	put(f, "aa\n");
	put(f, "bb\n");
	assert_int_equal(lines_flush(f->lines), -EPIPE);
	assert_books(f, 1, 1, 0);
	f->writer.room = 100;
	assert_int_equal(put(f, "cc\n"), -EPIPE);
	assert_int_equal(lines_flush(f->lines), -EPIPE);
	assert_string_equal(f->writer.text, "aa\n");
	assert_books(f, 1, 2, 0);
	assert_int_equal(logged(f, "info sink: the reader went away"), 1);
	assert_int_equal(logged(f, "error"), 0);
}

static void epipe_on_a_full_buffer_refuses_the_line_that_was_put(void **state)
{
	struct fixture *f = *state;

	f->writer.room = 0;
	f->writer.err = -EPIPE;
	assert_int_equal(put(f, "aaaaaaaaaaaaa\n"), 0);
	assert_int_equal(put(f, "bbbbbbbbbbbbb\n"), -EPIPE);
	assert_books(f, 0, 2, 0);
}

static void the_beginning_of_a_line_is_taken_back_from_a_file_that_cannot_grow(void **state)
{
	char path[] = "/tmp/test_lines.XXXXXX", text[64];
	int fd = mkstemp(path);
	struct rlimit before, limit;
	size_t done;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 10;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(lines_write_fd(fd, "aaa\nbbb\nccc\n", 12, &done), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(done, 8);
	assert_int_equal(lines_write_fd(fd, "ddd\n", 4, &done), 0);
	assert_int_equal(done, 4);
	assert_int_equal(pread(fd, text, sizeof(text), 0), 12);
	assert_memory_equal(text, "aaa\nbbb\nddd\n", 12);
	close(fd);
	unlink(path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_wait_until_the_buffer_is_full_or_flushed),
		TEST(a_line_longer_than_the_buffer_gets_through),
		TEST(lines_that_cannot_be_written_are_dropped_counted_and_logged_once),
		TEST(whole_lines_before_a_failure_count_as_delivered),
		TEST(the_rest_of_a_torn_line_goes_first_so_that_no_line_is_split),
		TEST(after_epipe_everything_is_refused_for_good),
		TEST(epipe_on_a_full_buffer_refuses_the_line_that_was_put),
		cmocka_unit_test(the_beginning_of_a_line_is_taken_back_from_a_file_that_cannot_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
