/* SPDX-License-Identifier: Apache-2.0 */
/* shipper.c - one loop of steps and pauses, and what signals change in it. */
#include "shipper.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "../base/log.h"
#include "../base/options.h"
#include "../base/time.h"
#include "ship.h"
#include "spool.h"

#define PAUSE_FIRST_NS NS_PER_S                   /* between two tries to reach a destination that is away */
#define PAUSE_MOST_NS (60 * NS_PER_S)
#define HOLD_NS (300 * NS_PER_S)                  /* before a configuration that stopped working is tried again */
#define SLICE_NS (200 * NS_PER_MS)                /* between two looks at the signals and the parent */
#define PATIENCE_NS (600 * NS_PER_S)              /* for a destination that answers and has not finished: a load job */

enum asked { ASKED_NOTHING, ASKED_LAST, ASKED_HURRY };

struct shipper {
	const struct options *options;
	const char *output;
	const struct ship_ops *ops;
	struct ship *ship;
	struct spool_reader *reader;
	int report_fd;
	pid_t parent;
	uint64_t pause_ns;
	uint64_t progress_ns;                     /* monotonic: when a record was last acknowledged, or the end was asked for */
	uint64_t acknowledged;                    /* sequence */
	bool is_away;
	bool has_begun;                           /* a configuration that does not work now did once, or may have */
};

/* A signal handler gets no argument, so what it needs is at file scope. */
static volatile sig_atomic_t asked;
static volatile int stop;                         /* ends a running request */
static unsigned timeout_s;

/* alarm(2) is async-signal-safe (POSIX.1-2008 2.4.3). */
static void on_hurry(int number)
{
	(void)number;
	if (asked == ASKED_HURRY || !timeout_s)
		stop = 1;
	else
		alarm(timeout_s);
	asked = ASKED_HURRY;
}

static void on_last(int number)
{
	(void)number;
	if (asked == ASKED_NOTHING)
		asked = ASKED_LAST;
}

static void on_alarm(int number)
{
	(void)number;
	stop = 1;
}

static void take_signals(const struct options *options)
{
	static const struct { int number; void (*handler)(int); } rows[] = {
		{ SHIPPER_HURRY, on_hurry }, { SHIPPER_LAST, on_last }, { SIGALRM, on_alarm }, { SIGINT, SIG_IGN }, { SIGHUP, SIG_IGN }, { SIGUSR1, SIG_IGN },
	};
	sigset_t none;

	asked = ASKED_NOTHING;
	stop = 0;
	timeout_s = (unsigned)((options->shutdown_timeout_ns + NS_PER_S - 1) / NS_PER_S);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sigaction action = { .sa_handler = rows[i].handler };

		sigemptyset(&action.sa_mask);
		sigaction(rows[i].number, &action, NULL);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Once. */
static void tell(struct shipper *s, enum shipper_word word)
{
	char octet = (char)word;

	if (s->report_fd >= 0 && write(s->report_fd, &octet, 1) < 0)
		log_debug("%s: nobody waits for its start: %s", s->output, strerror(errno));
	s->report_fd = -1;
}

/* Is there nothing to wait for any more? */
static bool is_over(struct shipper *s)
{
	uint64_t patience_ns = s->is_away ? s->options->shutdown_timeout_ns : PATIENCE_NS;

	if (stop)
		return true;
	if (asked == ASKED_NOTHING) {
		s->progress_ns = time_monotonic_ns();
		return false;
	}
	return time_monotonic_ns() - s->progress_ns > patience_ns;
}

static void rest(struct shipper *s, uint64_t wait_ns)
{
	uint64_t end_ns = time_monotonic_ns() + wait_ns, now_ns;
	sig_atomic_t before = asked;

	while (!is_over(s) && asked == before && (now_ns = time_monotonic_ns()) < end_ns) {
		uint64_t slice_ns = end_ns - now_ns < SLICE_NS ? end_ns - now_ns : SLICE_NS;

		poll(NULL, 0, (int)(slice_ns / NS_PER_MS) + 1);
		if (getppid() != s->parent && asked != ASKED_HURRY)
			on_hurry(SHIPPER_HURRY);
	}
}

static uint64_t backlog(struct shipper *s)
{
	uint64_t records = 0, oldest_ns;

	spool_reader_backlog(s->reader, time_wall_ns(), &records, &oldest_ns);
	return records;
}

/* A longer pause after each failure. */
static void rest_longer(struct shipper *s)
{
	s->pause_ns = !s->pause_ns ? PAUSE_FIRST_NS : s->pause_ns * 2 < PAUSE_MOST_NS ? s->pause_ns * 2 : PAUSE_MOST_NS;
	rest(s, s->pause_ns);
}

/* 0 when the destination takes records, -EINTR when the end came first, else what is wrong with the configuration. */
static int check(struct shipper *s)
{
	for (;;) {
		int err = s->ops->check(s->ship);

		if (!err) {
			s->has_begun = true;
			s->is_away = false;
			s->pause_ns = 0;
			tell(s, SHIPPER_READY);
			return 0;
		}
		if (err != -EAGAIN && !s->has_begun)
			return err;
		s->has_begun = true;
		s->is_away = true;
		tell(s, SHIPPER_AWAY);
		if (is_over(s))
			return -EINTR;
		if (err == -EAGAIN)
			rest_longer(s);
		else
			rest(s, HOLD_NS);
		if (is_over(s))
			return -EINTR;
	}
}

static void note_progress(struct shipper *s)
{
	uint64_t sequence = spool_reader_cursor(s->reader)->at.sequence;

	if (sequence == s->acknowledged)
		return;
	s->acknowledged = sequence;
	s->progress_ns = time_monotonic_ns();
}

/* 0 at the end, else what is wrong with the configuration. */
static int ship_all(struct shipper *s)
{
	for (;;) {
		uint64_t wait_ns = 0;
		bool is_last = asked != ASKED_NOTHING;  /* what was written before that is there now */
		int err = s->ops->step(s->ship, s->reader, is_last, &wait_ns);

		note_progress(s);
		s->is_away = err == -EAGAIN;
		if (err && err != -EAGAIN)
			return err;
		if (is_over(s) || (is_last && !backlog(s)))
			return 0;
		if (wait_ns)
			rest(s, wait_ns);
	}
}

static int open_reader(struct shipper *s, const char *dir)
{
	int err;

	while ((err = spool_reader_open(&s->reader, dir, s->output)) == -EBUSY && !is_over(s))
		rest_longer(s);
	return err;
}

static void say_end(struct shipper *s)
{
	uint64_t left = s->reader ? backlog(s) : 0;

	if (left)
		log_warn("output %s: %llu records are not delivered yet and stay in the spool", s->output, (unsigned long long)left);
}

static int work(struct shipper *s, const char *dir)
{
	const struct ship_context context = { s->options, dir, &stop };
	int err = s->ops->open(&s->ship, &context);

	if (!err)
		err = open_reader(s, dir);
	if (!err)
		s->acknowledged = spool_reader_cursor(s->reader)->at.sequence;
	while (!err) {
		err = check(s);
		if (!err)
			err = ship_all(s);
		if (!err || err == -EINTR || stop || !s->has_begun)
			break;
		log_error("output %s: records are kept in the spool; the next try is in %u s", s->output, (unsigned)(HOLD_NS / NS_PER_S));
		s->is_away = true;
		rest(s, HOLD_NS);
		err = is_over(s) ? -EINTR : 0;
	}
	return err == -EINTR ? 0 : err;
}

int shipper_run(const struct options *options, const char *output, const char *dir, int report_fd, bool is_again)
{
	struct shipper s = { .options = options, .output = output, .ops = ship_find(output), .report_fd = report_fd, .parent = getppid(),
			     .has_begun = is_again };
	bool is_permission;
	int err;

	take_signals(options);
	s.progress_ns = time_monotonic_ns();
	err = work(&s, dir);
	is_permission = err == -EACCES || err == -EPERM;
	if (err)
		tell(&s, is_permission ? SHIPPER_FORBIDDEN : SHIPPER_REFUSED);
	say_end(&s);
	if (s.ship)
		s.ops->close(s.ship);
	spool_reader_close(s.reader);
	return is_permission ? EXIT_PERMISSION : err ? EXIT_FAILED : EXIT_DONE;
}
