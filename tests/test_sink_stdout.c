/* SPDX-License-Identifier: Apache-2.0 */
/* test_sink_stdout.c - records on stdout: when they come, in what pieces, and what a reader that leaves does. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "../user/base/log.h"
#include "../user/ship/sink.h"

struct fixture {
	int saved_stdout, read_fd;
	struct sink *sink;
	char log[40], text[300000];
};

/* Stdout is a pipe that the test reads. cmocka prints to the real one again after each test. */
static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int ends[2];

	strcpy(f->log, "/tmp/test_sink_stdout.XXXXXX");
	close(mkstemp(f->log));
	assert_int_equal(log_open(LOG_INFO, LOG_CONSOLE, f->log), 0);
	signal(SIGPIPE, SIG_IGN);
	fflush(stdout);
	f->saved_stdout = dup(STDOUT_FILENO);
	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDOUT_FILENO);
	close(ends[1]);
	f->read_fd = ends[0];
	fcntl(f->read_fd, F_SETFL, O_NONBLOCK);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	sink_stdout.close(&f->sink);
	dup2(f->saved_stdout, STDOUT_FILENO);
	close(f->saved_stdout);
	close(f->read_fd);
	log_close();
	unlink(f->log);
	free(f);
	return 0;
}

static int put(struct fixture *f, const char *line)
{
	return sink_stdout.put(f->sink, line, strlen(line));
}

/* What came since the last time. */
static const char *arrived(struct fixture *f)
{
	ssize_t len = read(f->read_fd, f->text, sizeof(f->text) - 1);

	f->text[len < 0 ? 0 : len] = 0;
	return f->text;
}

static struct sink_stats stats_of(const struct fixture *f)
{
	struct sink_stats stats;

	sink_stdout.stats(f->sink, &stats);
	assert_int_equal(stats.put, stats.delivered + stats.dropped + stats.waiting);
	return stats;
}

static size_t logged(const struct fixture *f, const char *what)
{
	char text[4096], *p = text;
	int fd = open(f->log, O_RDONLY);
	ssize_t len = read(fd, text, sizeof(text) - 1);
	size_t count = 0;

	close(fd);
	text[len < 0 ? 0 : len] = 0;
	for (; (p = strstr(p, what)); p++)
		count++;
	return count;
}

static void records_come_at_the_tick_the_flush_and_the_end(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(sink_stdout.open(&f->sink, NULL, 0), 0);
	assert_int_equal(put(f, "a\n"), 0);
	assert_string_equal(arrived(f), "");
	assert_int_equal(stats_of(f).waiting, 1);
	assert_int_equal(sink_stdout.tick(f->sink, 1), 0);
	assert_string_equal(arrived(f), "a\n");
	assert_int_equal(put(f, "b\n"), 0);
	assert_int_equal(sink_stdout.flush(f->sink), 0);
	assert_string_equal(arrived(f), "b\n");
	assert_int_equal(put(f, "c\n"), 0);
	assert_int_equal(sink_stdout.reopen(f->sink), 0);
	assert_string_equal(arrived(f), "c\n");
	assert_int_equal(stats_of(f).delivered, 3);
	assert_int_equal(stats_of(f).octets, 6);
	assert_int_equal(put(f, "d\n"), 0);
	assert_int_equal(sink_stdout.close(&f->sink), 0);
	assert_null(f->sink);
	assert_string_equal(arrived(f), "d\n");
}

static void a_full_buffer_is_written_in_whole_lines(void **state)
{
	static const char line[] = "{\"a record of thirty octets\"}\n";
	struct fixture *f = *state;
	size_t count = 0, len;

	assert_int_equal(sink_stdout.open(&f->sink, NULL, 0), 0);
	while (!stats_of(f).delivered) {
		assert_int_equal(put(f, line), 0);
		count++;
	}
	len = strlen(arrived(f));
	assert_in_range(count, 2000, 2500);               /* 64 KiB */
	assert_int_equal(len, (count - 1) * (sizeof(line) - 1));
	assert_int_equal(f->text[len - 1], '\n');
}

static void a_reader_that_leaves_is_epipe_for_good(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(sink_stdout.open(&f->sink, NULL, 0), 0);
	assert_int_equal(put(f, "a\n"), 0);
	close(f->read_fd);
	f->read_fd = open("/dev/null", O_RDONLY);
	assert_int_equal(put(f, "b\n"), 0);
	assert_int_equal(sink_stdout.tick(f->sink, 1), -EPIPE);
	assert_int_equal(put(f, "c\n"), -EPIPE);
	assert_int_equal(sink_stdout.flush(f->sink), -EPIPE);
	assert_int_equal(stats_of(f).dropped, 3);
	assert_int_equal(stats_of(f).waiting, 0);
	assert_int_equal(logged(f, "info stdout: the reader went away"), 1);
	assert_int_equal(sink_stdout.close(&f->sink), -EPIPE);
	assert_null(f->sink);
}

#ifdef __linux__
static void a_full_device_is_said_once_and_counted(void **state)
{
	struct fixture *f = *state;
	int full = open("/dev/full", O_WRONLY), back = dup(STDOUT_FILENO);

	dup2(full, STDOUT_FILENO);
	assert_int_equal(sink_stdout.open(&f->sink, NULL, 0), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(put(f, "a\n"), 0);
		assert_int_equal(sink_stdout.tick(f->sink, 1), -ENOSPC);
	}
	assert_int_equal(stats_of(f).dropped, 3);
	assert_int_equal(logged(f, "error stdout: No space left on device"), 1);
	dup2(back, STDOUT_FILENO);
	assert_int_equal(put(f, "b\n"), 0);
	assert_int_equal(sink_stdout.tick(f->sink, 1), 0);
	assert_string_equal(arrived(f), "b\n");
	assert_int_equal(logged(f, "warn stdout: works again; 3 records were dropped"), 1);
	close(full);
	close(back);
}
#endif

static void a_closed_stdout_is_refused_at_the_start(void **state)
{
	struct fixture *f = *state;
	int back = dup(STDOUT_FILENO), read_only = open("/dev/null", O_RDONLY);

	close(STDOUT_FILENO);
	assert_int_equal(sink_stdout.open(&f->sink, NULL, 0), -EBADF);
	dup2(read_only, STDOUT_FILENO);                   /* the stand-in of main.c */
	assert_int_equal(sink_stdout.open(&f->sink, NULL, 0), -EBADF);
	dup2(back, STDOUT_FILENO);
	assert_null(f->sink);
	assert_int_equal(logged(f, "error stdout: is not open for writing"), 2);
	close(back);
	close(read_only);
}

/* The reader takes its time and the pipe does not block: all of it arrives. */
static void a_slow_reader_of_a_pipe_that_does_not_block_gets_everything(void **state)
{
	struct fixture *f = *state;
	size_t lines = 20000, total = 0;
	char line[64];
	int status;
	pid_t pid;

	fcntl(f->read_fd, F_SETFL, 0);
	fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK);
	pid = fork();
	if (!pid) {
		close(STDOUT_FILENO);
		for (ssize_t n; (n = read(f->read_fd, f->text, 32768)) > 0; total += (size_t)n)
			usleep(500);
		_exit(total == lines * 40 ? 0 : 1);
	}
	assert_int_equal(sink_stdout.open(&f->sink, NULL, 0), 0);
	for (size_t i = 0; i < lines; i++) {
		snprintf(line, sizeof(line), "%039zu\n", i);
		assert_int_equal(put(f, line), 0);
	}
	assert_int_equal(sink_stdout.close(&f->sink), 0);
	close(STDOUT_FILENO);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_come_at_the_tick_the_flush_and_the_end),
		TEST(a_full_buffer_is_written_in_whole_lines),
		TEST(a_reader_that_leaves_is_epipe_for_good),
#ifdef __linux__
		TEST(a_full_device_is_said_once_and_counted),
#endif
		TEST(a_closed_stdout_is_refused_at_the_start),
		TEST(a_slow_reader_of_a_pipe_that_does_not_block_gets_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
