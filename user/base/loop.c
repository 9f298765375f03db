/* SPDX-License-Identifier: Apache-2.0 */
/* loop.c - waits in poll(2); a signal handler only leaves a mark and wakes it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "log.h"
#include "loop.h"
#include "time.h"

#define MAX_WATCHED 64
#define REPEAT_NS (250 * NS_PER_MS)               /* a signal so soon after the first is the same one, sent twice */

enum mark { MARK_STOP, MARK_HANGUP, MARK_REPORT, MARKS };

static const struct {
	int signal;
	enum mark mark;
	int flags;                                /* reads go on after a signal that does not end the run */
} signals[] = {
	{ SIGINT, MARK_STOP, 0 },
	{ SIGTERM, MARK_STOP, 0 },
	{ SIGHUP, MARK_HANGUP, SA_RESTART },
	{ SIGUSR1, MARK_REPORT, SA_RESTART },
#ifdef SIGINFO
	{ SIGINFO, MARK_REPORT, SA_RESTART },
#endif
};
#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

struct loop {
	struct loop_handlers handlers;
	void *ctx;
	uint64_t tick_ns, next_tick_ns;           /* monotonic clock */
	int wake_fd;
	size_t count;                             /* of `polls`; the first is wake_fd */
	struct pollfd polls[1 + MAX_WATCHED];     /* fd -1: a hole, which poll(2) passes over */
	void (*ready[1 + MAX_WATCHED])(void *ctx);
	size_t handled;                           /* signals whose `old` is to be restored */
	struct sigaction old[SIGNALS];
};

/* A signal handler gets no argument, so what it needs is at file scope. */
static volatile sig_atomic_t marks[MARKS], any_mark, stop_seen;
static volatile sig_atomic_t signal_fd = -1;      /* write end of the self-pipe; -1: no loop */
static volatile uint64_t first_stop_ns;           /* written before stop_seen, and only read after it */

static void note_stop(void)
{
	uint64_t now_ns = time_monotonic_ns();

	if (stop_seen && now_ns - first_stop_ns >= REPEAT_NS)
		_exit(130);
	if (stop_seen)
		return;
	first_stop_ns = now_ns;
	stop_seen = 1;
	marks[MARK_STOP] = 1;
}

bool loop_stop_seen(void)
{
	return stop_seen;
}

/* Everything here is async-signal-safe: clock_gettime, write and _exit are in the list of POSIX.1-2008 2.4.3. */
static void on_signal(int number)
{
	int saved_errno = errno;
	ssize_t written;

	for (size_t i = 0; i < SIGNALS; i++) {
		if (signals[i].signal != number)
			continue;
		if (signals[i].mark == MARK_STOP)
			note_stop();
		else
			marks[signals[i].mark] = 1;
	}
	any_mark = 1;
	written = write(signal_fd, "", 1);
	(void)written;                            /* full: the loop wakes anyway */
	errno = saved_errno;
}

static int handle_signals(struct loop *loop)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < SIGNALS; i++)
		sigaddset(&action.sa_mask, signals[i].signal);
	for (; loop->handled < SIGNALS; loop->handled++) {
		action.sa_flags = signals[loop->handled].flags;
		if (sigaction(signals[loop->handled].signal, &action, &loop->old[loop->handled]))
			return -errno;
	}
	return 0;
}

static int open_wake_pipe(struct loop *loop)
{
	int ends[2];

	if (pipe(ends))
		return -errno;
	loop->wake_fd = ends[0];
	signal_fd = ends[1];
	for (int i = 0; i < 2; i++) {
		if (fcntl(ends[i], F_SETFD, FD_CLOEXEC) || fcntl(ends[i], F_SETFL, O_NONBLOCK))
			return -errno;
	}
	return 0;
}

int loop_new(struct loop **out, const struct loop_handlers *handlers, void *ctx, uint64_t tick_ns)
{
	struct loop *loop;
	int err;

	if (signal_fd >= 0)
		return -EBUSY;
	loop = calloc(1, sizeof(*loop));
	if (!loop)
		return -ENOMEM;
	loop->handlers = *handlers;
	loop->ctx = ctx;
	loop->tick_ns = tick_ns;
	loop->next_tick_ns = time_monotonic_ns() + tick_ns;
	loop->wake_fd = -1;
	any_mark = stop_seen = 0;
	memset((void *)marks, 0, sizeof(marks));
	err = open_wake_pipe(loop);
	if (!err)
		err = handle_signals(loop);
	if (err) {
		log_error("signals: %s", strerror(-err));
		loop_free(loop);
		return err;
	}
	loop->polls[loop->count++] = (struct pollfd){ .fd = loop->wake_fd, .events = POLLIN };
	*out = loop;
	return 0;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	while (loop->handled-- > 0)
		sigaction(signals[loop->handled].signal, &loop->old[loop->handled], NULL);
	if (signal_fd >= 0)
		close(signal_fd);
	signal_fd = -1;
	if (loop->wake_fd >= 0)
		close(loop->wake_fd);
	free(loop);
}

/* A removed one leaves a hole, since a `ready` may remove while we walk over the array; a new one fills it. */
int loop_add(struct loop *loop, int fd, void (*ready)(void *ctx))
{
	size_t i = 1;

	while (i < loop->count && loop->polls[i].fd >= 0)
		i++;
	if (i > MAX_WATCHED)
		return -ENOSPC;
	loop->polls[i] = (struct pollfd){ .fd = fd, .events = POLLIN };
	loop->ready[i] = ready;
	if (i == loop->count)
		loop->count++;
	return 0;
}

void loop_remove(struct loop *loop, int fd)
{
	for (size_t i = 1; i < loop->count; i++) {
		if (loop->polls[i].fd == fd)
			loop->polls[i].fd = -1;
	}
}

/* Rounded up, so that poll does not return a little early and spin. */
static int wait_ms(const struct loop *loop)
{
	uint64_t now_ns = time_monotonic_ns();
	uint64_t ms;

	if (now_ns >= loop->next_tick_ns)
		return 0;
	ms = (loop->next_tick_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
	return ms < 60000 ? (int)ms : 60000;
}

static int poll_once(struct loop *loop, bool busy)
{
	while (loop->count > 1 && loop->polls[loop->count - 1].fd < 0)
		loop->count--;
	if (busy && loop->count == 1)
		return 0;
	if (poll(loop->polls, (nfds_t)loop->count, busy || any_mark ? 0 : wait_ms(loop)) < 0) {
		if (errno == EINTR)
			return 0;
		log_error("poll: %s", strerror(errno));
		return -errno;
	}
	for (size_t i = 1; i < loop->count; i++) {
		if (loop->polls[i].fd >= 0 && loop->polls[i].revents)
			loop->ready[i](loop->ctx);
	}
	return 0;
}

/* Cleared only when it was seen set, so that a signal in between is not lost. */
static bool take(enum mark mark)
{
	if (!marks[mark])
		return false;
	marks[mark] = 0;
	return true;
}

/* The pipe first, then the marks: a signal in between leaves both for the next turn. */
static void call_marked(struct loop *loop)
{
	char octets[64];

	while (read(loop->wake_fd, octets, sizeof(octets)) > 0)
		;
	any_mark = 0;
	if (take(MARK_STOP))
		loop->handlers.stop(loop->ctx);
	if (take(MARK_HANGUP))
		loop->handlers.hangup(loop->ctx);
	if (take(MARK_REPORT))
		loop->handlers.report(loop->ctx);
}

static void call_tick(struct loop *loop)
{
	uint64_t now_ns = time_monotonic_ns();

	if (now_ns < loop->next_tick_ns)
		return;
	loop->next_tick_ns += loop->tick_ns;
	if (loop->next_tick_ns <= now_ns)
		loop->next_tick_ns = now_ns + loop->tick_ns;
	loop->handlers.tick(loop->ctx, time_wall_ns());
}

int loop_turn(struct loop *loop, bool busy)
{
	int err = poll_once(loop, busy);

	if (err)
		return err;
	if (any_mark)
		call_marked(loop);
	call_tick(loop);
	return 0;
}
