/* SPDX-License-Identifier: Apache-2.0 */
/* keeper.c - one poll(2) loop over the meter's words, the children and the clock. */
#include "keeper.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../base/log.h"
#include "../base/options.h"
#include "../base/time.h"
#include "crew.h"
#include "ship.h"
#include "shipper.h"
#include "spool.h"
#include "spool_place.h"

#define TURN_MS 100
#define PAUSE_FIRST_NS NS_PER_S
#define PAUSE_MOST_NS (60 * NS_PER_S)
#define GOOD_NS (60 * NS_PER_S)                   /* one that has lived so long begins with the first pause again */
#define GRACE_NS (2 * NS_PER_S)                   /* beyond the shutdown timeout */

struct child {
	const char *output;
	pid_t pid;                                /* 0: not running */
	uint64_t started_ns, start_at_ns, pause_ns;
	bool is_done;                             /* it ended as it should */
	bool is_refused;                          /* its configuration did not work, which may be mended where it is delivered to */
	int status;
};

struct keeper {
	const struct options *options;
	const char *dir;
	int fd;
	struct child children[SPOOL_OUTPUTS_MAX];
	size_t count;
	bool has_begun, is_last, is_hurry;
	uint64_t kill_at_ns;                      /* monotonic; 0: not yet */
};

static volatile sig_atomic_t interrupted;         /* SIGINT or SIGTERM, without a meter */

static void on_interrupt(int number)
{
	(void)number;
	interrupted++;
}

static void hold_signals(sigset_t *old)
{
	sigset_t held;

	sigemptyset(&held);
	sigaddset(&held, SHIPPER_HURRY);
	sigaddset(&held, SHIPPER_LAST);
	sigprocmask(SIG_BLOCK, &held, old);
}

/* Signals are held until the child has its handlers, so that none of ours kills it. */
static void start_child(struct keeper *k, struct child *child)
{
	sigset_t old;
	bool is_again = child->started_ns;

	hold_signals(&old);
	child->started_ns = time_monotonic_ns();
	child->pid = fork();
	if (!child->pid)
		_exit(shipper_run(k->options, child->output, k->dir, is_again ? -1 : k->fd, is_again));
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (child->pid < 0) {
		log_error("output %s: cannot start its process: %s", child->output, strerror(errno));
		child->pid = 0;
		child->start_at_ns = child->started_ns + PAUSE_MOST_NS;
		return;
	}
	if (k->is_hurry || k->is_last)
		kill(child->pid, k->is_hurry ? SHIPPER_HURRY : SHIPPER_LAST);
}

/* One that waits to be started again is not waited for any longer. */
static void tell_all(struct keeper *k, int signal)
{
	for (size_t i = 0; i < k->count; i++) {
		k->children[i].start_at_ns = 0;
		if (k->children[i].pid)
			kill(k->children[i].pid, signal);
	}
}

/* An end that nobody asked for is a fault of the program or somebody's kill; the records are still in the spool. */
static void note_end(struct child *child, int status)
{
	uint64_t now_ns = time_monotonic_ns();

	child->pid = 0;
	child->status = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
	child->is_done = WIFEXITED(status) && !child->status;
	child->is_refused = WIFEXITED(status) && child->status;
	child->start_at_ns = now_ns + PAUSE_MOST_NS;
	if (child->is_done || child->is_refused)
		return;
	if (now_ns - child->started_ns >= GOOD_NS || !child->pause_ns)
		child->pause_ns = PAUSE_FIRST_NS;
	else
		child->pause_ns = child->pause_ns * 2 < PAUSE_MOST_NS ? child->pause_ns * 2 : PAUSE_MOST_NS;
	child->start_at_ns = now_ns + child->pause_ns;
	log_error("output %s: its process has died (signal %d); it is started again in %u s", child->output, WTERMSIG(status),
		  (unsigned)(child->pause_ns / NS_PER_S));
}

static void reap(struct keeper *k)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < k->count; i++)
			if (k->children[i].pid == pid)
				note_end(&k->children[i], status);
}

static void hurry(struct keeper *k)
{
	if (!k->is_hurry)
		k->kill_at_ns = time_monotonic_ns() + k->options->shutdown_timeout_ns + GRACE_NS;
	k->is_hurry = k->is_last = true;
	tell_all(k, SHIPPER_HURRY);               /* asked twice, they end at once */
}

static void take_word(struct keeper *k, int word)
{
	switch (word) {
	case KEEPER_BEGIN:
		k->has_begun = true;
		break;
	case KEEPER_LAST:
		k->is_last = true;
		tell_all(k, SHIPPER_LAST);
		break;
	default:
		hurry(k);
	}
}

/* True: the meter has gone. */
static bool listen_for(struct keeper *k)
{
	struct pollfd fd = { .fd = k->fd, .events = POLLIN };
	char word;

	if (poll(&fd, k->fd >= 0, TURN_MS) > 0) {
		if (read(k->fd, &word, 1) == 1) {
			take_word(k, word);
		} else {
			close(k->fd);
			k->fd = -1;
			hurry(k);
			return true;
		}
	}
	if (interrupted) {
		interrupted = 0;
		hurry(k);
	}
	return false;
}

/* False: all have ended for good. */
static bool look_after(struct keeper *k)
{
	uint64_t now_ns = time_monotonic_ns();
	bool is_late = k->kill_at_ns && now_ns > k->kill_at_ns, is_any = false;

	for (size_t i = 0; i < k->count; i++) {
		struct child *child = &k->children[i];
		bool is_done = child->is_done || (child->is_refused && k->is_last);

		if (child->pid && is_late)
			kill(child->pid, SIGKILL);
		if (!child->pid && !is_done && k->has_begun && !is_late && now_ns >= child->start_at_ns)
			start_child(k, child);
		is_any |= child->pid || (!is_done && !is_late && (k->has_begun || !k->is_hurry));
	}
	return is_any;
}

static void take_signals(const struct keeper *k)
{
	struct sigaction action = { .sa_handler = k->fd >= 0 ? SIG_IGN : on_interrupt };

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);         /* of a terminal it goes to the meter too, which tells us */
	action.sa_handler = on_interrupt;
	sigaction(SIGTERM, &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGHUP, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	interrupted = 0;
}

int keeper_run(const struct options *options, const char *dir, int fd, bool is_memory)
{
	struct keeper k = { .options = options, .dir = dir, .fd = fd, .has_begun = fd < 0, .is_last = fd < 0 };
	bool is_alone = false;
	int status = EXIT_DONE;

	for (size_t i = 0; i < options->outputs.count && k.count < SPOOL_OUTPUTS_MAX; i++)
		if (ship_find(options->outputs.items[i]))
			k.children[k.count++].output = options->outputs.items[i];
	take_signals(&k);
	while (look_after(&k)) {
		is_alone |= listen_for(&k);
		reap(&k);
	}
	for (size_t i = 0; i < k.count; i++)
		status = k.children[i].status > status ? k.children[i].status : status;
	if (is_alone && is_memory)
		spool_place_remove(dir);
	return status;
}

int crew_run(const struct options *options, const char *dir)
{
	return keeper_run(options, dir, -1, false);
}
