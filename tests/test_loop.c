/* SPDX-License-Identifier: Apache-2.0 */
/* test_loop.c - signals, ticks and descriptors reach their handlers, once. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "../user/base/loop.h"
#include "../user/base/time.h"

#define HOUR_NS (3600 * NS_PER_S)

struct seen {
	struct loop *loop;
	int stops, hangups, reports, ticks, ready;
	uint64_t tick_wall_ns;
	int ends[2];                              /* a pipe whose read end is watched */
};

static void on_stop(void *ctx)
{
	((struct seen *)ctx)->stops++;
}

static void on_hangup(void *ctx)
{
	((struct seen *)ctx)->hangups++;
}

static void on_report(void *ctx)
{
	((struct seen *)ctx)->reports++;
}

static void on_tick(void *ctx, uint64_t wall_ns)
{
	((struct seen *)ctx)->ticks++;
	((struct seen *)ctx)->tick_wall_ns = wall_ns;
}

static void on_ready(void *ctx)
{
	struct seen *seen = ctx;
	char c;

	assert_int_equal(read(seen->ends[0], &c, 1), 1);
	seen->ready++;
}

static const struct loop_handlers handlers = {
	.stop = on_stop, .hangup = on_hangup, .report = on_report, .tick = on_tick,
};

static void start(uint64_t tick_ns, struct seen *seen)
{
	memset(seen, 0, sizeof(*seen));
	assert_int_equal(loop_new(&seen->loop, &handlers, seen, tick_ns), 0);
}

static void each_signal_reaches_its_handler_once(void **state)
{
	static const struct { int signal, stops, hangups, reports; } rows[] = {
		{ SIGINT, 1, 0, 0 }, { SIGTERM, 1, 0, 0 }, { SIGHUP, 0, 1, 0 }, { SIGUSR1, 0, 0, 1 },
	};
	struct seen seen;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int busy = 0; busy < 2; busy++) {
			start(HOUR_NS, &seen);
			raise(rows[i].signal);
			assert_int_equal(seen.stops + seen.hangups + seen.reports, 0);
			assert_int_equal(loop_turn(seen.loop, busy), 0);
			assert_int_equal(loop_turn(seen.loop, true), 0);
			assert_int_equal(seen.stops, rows[i].stops);
			assert_int_equal(seen.hangups, rows[i].hangups);
			assert_int_equal(seen.reports, rows[i].reports);
			assert_int_equal(seen.ticks, 0);
			loop_free(seen.loop);
		}
	}
}

static void signals_that_come_together_are_all_handled(void **state)
{
	struct seen seen;

	(void)state;
	start(HOUR_NS, &seen);
	raise(SIGHUP);
	raise(SIGUSR1);
	raise(SIGUSR1);
	raise(SIGTERM);
	assert_int_equal(loop_turn(seen.loop, false), 0);
	assert_int_equal(seen.stops, 1);
	assert_int_equal(seen.hangups, 1);
	assert_int_equal(seen.reports, 1);
	loop_free(seen.loop);
}

static void more_signals_than_the_pipe_holds_block_nothing(void **state)
{
	struct seen seen;

	(void)state;
	start(HOUR_NS, &seen);
	for (int i = 0; i < 100000; i++)
		raise(SIGUSR1);
	assert_int_equal(loop_turn(seen.loop, false), 0);
	assert_int_equal(seen.reports, 1);
	raise(SIGUSR1);
	assert_int_equal(loop_turn(seen.loop, false), 0);
	assert_int_equal(seen.reports, 2);
	loop_free(seen.loop);
}

/* The exit status of a child that gets SIGINT, waits, and gets `second`. */
static int status_after_two_signals(unsigned wait_ms, int second)
{
	pid_t pid = fork();
	struct seen seen;
	int status;

	if (!pid) {
		memset(&seen, 0, sizeof(seen));
		if (loop_new(&seen.loop, &handlers, &seen, HOUR_NS))
			_exit(1);
		raise(SIGINT);
		usleep(wait_ms * 1000);
		raise(second);
		loop_turn(seen.loop, true);
		loop_turn(seen.loop, true);
		_exit(seen.stops == 1 ? 42 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void a_second_stop_signal_ends_the_process_unless_it_is_the_first_sent_twice(void **state)
{
	(void)state;
	assert_int_equal(status_after_two_signals(300, SIGINT), 130);
	assert_int_equal(status_after_two_signals(300, SIGTERM), 130);
	assert_int_equal(status_after_two_signals(0, SIGINT), 42);
	assert_int_equal(status_after_two_signals(0, SIGTERM), 42);
	assert_int_equal(status_after_two_signals(300, SIGHUP), 42);
}

static void ticks_come_at_their_interval_with_the_wall_clock(void **state)
{
	uint64_t before_ns = time_monotonic_ns();
	struct seen seen;

	(void)state;
	start(20 * NS_PER_MS, &seen);
	while (seen.ticks < 5)
		assert_int_equal(loop_turn(seen.loop, false), 0);
	assert_true(time_monotonic_ns() - before_ns >= 100 * NS_PER_MS);
	assert_true(time_wall_ns() - seen.tick_wall_ns < 10 * NS_PER_S);
	loop_free(seen.loop);
}

static void a_waiting_turn_sleeps_until_the_tick(void **state)
{
	struct seen seen;
	int turns = 0;

	(void)state;
	start(50 * NS_PER_MS, &seen);
	for (; !seen.ticks; turns++)
		assert_int_equal(loop_turn(seen.loop, false), 0);
	assert_in_range(turns, 1, 3);
	loop_free(seen.loop);
}

static void a_busy_turn_does_not_wait_and_still_ticks(void **state)
{
	struct seen seen;

	(void)state;
	start(HOUR_NS, &seen);
	for (int i = 0; i < 1000; i++)                    /* one that waits takes a minute */
		assert_int_equal(loop_turn(seen.loop, true), 0);
	assert_int_equal(seen.ticks, 0);
	loop_free(seen.loop);
	start(NS_PER_MS, &seen);
	usleep(2000);
	assert_int_equal(loop_turn(seen.loop, true), 0);
	assert_int_equal(seen.ticks, 1);
	loop_free(seen.loop);
}

static void ticks_that_were_missed_are_not_made_up_for(void **state)
{
	struct seen seen;

	(void)state;
	start(50 * NS_PER_MS, &seen);
	usleep(210000);
	for (int i = 0; i < 3; i++)
		assert_int_equal(loop_turn(seen.loop, true), 0);
	assert_int_equal(seen.ticks, 1);
	loop_free(seen.loop);
}

static void a_descriptor_is_ready_when_it_has_input(void **state)
{
	struct seen seen;

	(void)state;
	for (int busy = 0; busy < 2; busy++) {
		start(HOUR_NS, &seen);
		assert_int_equal(pipe(seen.ends), 0);
		assert_int_equal(loop_add(seen.loop, seen.ends[0], on_ready), 0);
		assert_int_equal(loop_turn(seen.loop, true), 0);
		assert_int_equal(seen.ready, 0);
		assert_int_equal(write(seen.ends[1], "xy", 2), 2);
		assert_int_equal(loop_turn(seen.loop, busy), 0);
		assert_int_equal(loop_turn(seen.loop, busy), 0);
		assert_int_equal(seen.ready, 2);
		loop_remove(seen.loop, seen.ends[0]);
		assert_int_equal(write(seen.ends[1], "z", 1), 1);
		assert_int_equal(loop_turn(seen.loop, true), 0);
		assert_int_equal(seen.ready, 2);
		close(seen.ends[0]);
		close(seen.ends[1]);
		loop_free(seen.loop);
	}
}

/* Takes all descriptors away, and adds its own one again, while the loop walks over them. */
static void on_ready_replace(void *ctx)
{
	struct seen *seen = ctx;

	on_ready(ctx);
	loop_remove(seen->loop, seen->ends[0]);
	assert_int_equal(loop_add(seen->loop, seen->ends[0], on_ready_replace), 0);
}

static void a_handler_may_remove_and_add_descriptors(void **state)
{
	struct seen seen;

	(void)state;
	start(HOUR_NS, &seen);
	assert_int_equal(pipe(seen.ends), 0);
	assert_int_equal(loop_add(seen.loop, seen.ends[0], on_ready_replace), 0);
	assert_int_equal(write(seen.ends[1], "xyz", 3), 3);
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(loop_turn(seen.loop, false), 0);
		assert_int_equal(seen.ready, i);
	}
	close(seen.ends[0]);
	close(seen.ends[1]);
	loop_free(seen.loop);
}

static void at_most_64_descriptors_are_watched_and_removed_ones_make_room(void **state)
{
	struct seen seen;

	(void)state;
	start(HOUR_NS, &seen);
	assert_int_equal(pipe(seen.ends), 0);
	for (int i = 0; i < 64; i++)
		assert_int_equal(loop_add(seen.loop, seen.ends[0], on_ready), 0);
	assert_int_equal(loop_add(seen.loop, seen.ends[0], on_ready), -ENOSPC);
	for (int i = 0; i < 200; i++) {
		loop_remove(seen.loop, seen.ends[0]);
		assert_int_equal(loop_add(seen.loop, seen.ends[0], on_ready), 0);
	}
	assert_int_equal(write(seen.ends[1], "x", 1), 1);
	assert_int_equal(loop_turn(seen.loop, false), 0);
	assert_int_equal(seen.ready, 1);
	close(seen.ends[0]);
	close(seen.ends[1]);
	loop_free(seen.loop);
}

static void there_is_one_loop_at_a_time_and_the_signals_come_back(void **state)
{
	struct sigaction before, after;
	struct seen seen;
	struct loop *second;

	(void)state;
	signal(SIGHUP, SIG_IGN);
	sigaction(SIGINT, NULL, &before);
	start(HOUR_NS, &seen);
	assert_int_equal(loop_new(&second, &handlers, &seen, HOUR_NS), -EBUSY);
	loop_free(seen.loop);
	sigaction(SIGINT, NULL, &after);
	assert_true(before.sa_handler == after.sa_handler);
	sigaction(SIGHUP, NULL, &after);
	assert_true(after.sa_handler == SIG_IGN);
	signal(SIGHUP, SIG_DFL);
	start(HOUR_NS, &seen);
	loop_free(seen.loop);
	loop_free(NULL);
}

/* A child waits in read(2) when `number` comes: 1 when that interrupts it, 0 when it reads the octet sent later. */
static int interrupts_a_read(int number)
{
	struct seen seen = { 0 };
	int ends[2], status;
	pid_t pid;
	char c;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(loop_new(&seen.loop, &handlers, &seen, HOUR_NS), 0);
	pid = fork();
	if (!pid)
		_exit(read(ends[0], &c, 1) < 0 && errno == EINTR);
	loop_free(seen.loop);
	usleep(100000);
	assert_int_equal(kill(pid, number), 0);
	usleep(100000);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	close(ends[0]);
	close(ends[1]);
	return WEXITSTATUS(status);
}

static void only_a_stop_signal_interrupts_a_blocking_read(void **state)
{
	(void)state;
	assert_int_equal(interrupts_a_read(SIGINT), 1);
	assert_int_equal(interrupts_a_read(SIGTERM), 1);
	assert_int_equal(interrupts_a_read(SIGHUP), 0);
	assert_int_equal(interrupts_a_read(SIGUSR1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_signal_reaches_its_handler_once),
		cmocka_unit_test(signals_that_come_together_are_all_handled),
		cmocka_unit_test(more_signals_than_the_pipe_holds_block_nothing),
		cmocka_unit_test(a_second_stop_signal_ends_the_process_unless_it_is_the_first_sent_twice),
		cmocka_unit_test(ticks_come_at_their_interval_with_the_wall_clock),
		cmocka_unit_test(a_waiting_turn_sleeps_until_the_tick),
		cmocka_unit_test(a_busy_turn_does_not_wait_and_still_ticks),
		cmocka_unit_test(ticks_that_were_missed_are_not_made_up_for),
		cmocka_unit_test(a_descriptor_is_ready_when_it_has_input),
		cmocka_unit_test(a_handler_may_remove_and_add_descriptors),
		cmocka_unit_test(at_most_64_descriptors_are_watched_and_removed_ones_make_room),
		cmocka_unit_test(only_a_stop_signal_interrupts_a_blocking_read),
		cmocka_unit_test(there_is_one_loop_at_a_time_and_the_signals_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
