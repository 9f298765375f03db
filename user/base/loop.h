/* SPDX-License-Identifier: Apache-2.0 */
/* loop.h - one poll(2) loop: descriptors, one periodic timer, signals by self-pipe. */
#ifndef DEVOURER_LOOP_H
#define DEVOURER_LOOP_H
#include <stdbool.h>
#include <stdint.h>

struct loop;

/* Has SIGINT or SIGTERM come to the loop there is, handled or not? For who waits outside of it. */
bool loop_stop_seen(void);

/* What the loop calls, outside of any signal handler; each gets `ctx`. None may be NULL. */
struct loop_handlers {
	void (*stop)(void *ctx);                  /* SIGINT or SIGTERM, once */
	void (*hangup)(void *ctx);                /* SIGHUP */
	void (*report)(void *ctx);                /* SIGUSR1, and SIGINFO where there is one */
	void (*tick)(void *ctx, uint64_t wall_ns);
};

/* One loop at a time: signals belong to the process. Ticks come every `tick_ns` (over 0); late ones are not made up for.
 * A second SIGINT or SIGTERM ends the process at once with status 130; within a quarter of a second it counts as the
 * first one sent twice, as timeout(1) does. A blocking read is interrupted (EINTR) by these two only.
 * 0 or -errno, logged; -EBUSY when there is a loop already. */
int loop_new(struct loop **out, const struct loop_handlers *handlers, void *ctx, uint64_t tick_ns);
void loop_free(struct loop *loop);                /* restores the signals; NULL is fine */

/* Watch `fd` for input: `ready` is called when poll says so. At most 64. 0, -ENOSPC. */
int loop_add(struct loop *loop, int fd, void (*ready)(void *ctx));
void loop_remove(struct loop *loop, int fd);      /* before it is closed */

/* One turn: wait for input, signal or tick (at most until the next tick; not at all when `busy`), call the handlers.
 * A busy turn without descriptors costs one look at the clock. 0 or -errno, logged. */
int loop_turn(struct loop *loop, bool busy);
#endif
