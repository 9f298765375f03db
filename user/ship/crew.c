/* SPDX-License-Identifier: Apache-2.0 */
/* crew.c - the meter's side: makes the keeper, waits for the start of outputs, tells of the end. */
#include "crew.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../base/log.h"
#include "../base/options.h"
#include "../base/time.h"
#include "keeper.h"
#include "ship.h"
#include "shipper.h"

#define START_NS (3 * NS_PER_S)                   /* packets wait for a destination no longer; it may be refused later */

struct crew {
	const struct options *options;
	char *dir;
	bool is_memory, had_key_data, is_started;
	pid_t keeper;                             /* 0: none */
	int fd;                                   /* to the keeper, and from its shippers */
};

static unsigned count_outputs(const struct options *options)
{
	unsigned count = 0;

	for (size_t i = 0; i < options->outputs.count; i++)
		count += ship_find(options->outputs.items[i]) != NULL;
	return count;
}

bool crew_is_needed(const struct options *options)
{
	return count_outputs(options) > 0;
}

/* Of a keeper that is made while the meter has everything open. The log's own are opened anew. */
static void close_others(const struct options *options, int keep)
{
	long most = sysconf(_SC_OPEN_MAX);

	log_close();
	for (int fd = STDERR_FILENO + 1; fd < (most > 0 && most < 65536 ? (int)most : 65536); fd++)
		if (fd != keep)
			close(fd);
	options_open_log(options);
}

static int fork_keeper(struct crew *c, bool is_first)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return -errno;
	c->keeper = fork();
	if (!c->keeper) {
		close(pair[0]);
		if (!is_first)
			close_others(c->options, pair[1]);
		_exit(keeper_run(c->options, c->dir, pair[1], c->is_memory));
	}
	close(pair[1]);
	c->fd = pair[0];
	if (c->keeper > 0)
		return 0;
	c->keeper = 0;
	close(c->fd);
	c->fd = -1;
	return -errno;
}

/* The text is in the environment or among the arguments, and in no other place. */
static void forget_key(struct crew *c)
{
	volatile char *octet = (char *)(uintptr_t)c->options->bigquery_sa_key_data;

	c->had_key_data = octet != NULL;
	while (octet && *octet)
		*octet++ = '\0';
}

int crew_new(struct crew **out, const struct options *options, const char *dir, bool is_memory)
{
	struct crew *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;

	if (!c)
		return err;
	*c = (struct crew){ .options = options, .dir = strdup(dir), .is_memory = is_memory, .fd = -1 };
	if (c->dir)
		err = fork_keeper(c, true);
	forget_key(c);
	if (err) {
		log_error("cannot start a process for outputs: %s", strerror(-err));
		crew_free(c);
		return err;
	}
	*out = c;
	return 0;
}

static void tell(struct crew *c, enum keeper_word word)
{
	char octet = (char)word;

	if (c->fd >= 0 && send(c->fd, &octet, 1, MSG_NOSIGNAL) < 0)
		log_debug("the process for outputs does not listen: %s", strerror(errno));
}

/* The next word of a shipper; 0 when none came in time or the keeper is gone. */
static char hear(struct crew *c, uint64_t until_ns)
{
	uint64_t now_ns = time_monotonic_ns();
	struct pollfd fd = { .fd = c->fd, .events = POLLIN };
	char word = 0;

	if (now_ns >= until_ns || poll(&fd, 1, (int)((until_ns - now_ns) / NS_PER_MS) + 1) <= 0 || read(c->fd, &word, 1) != 1)
		return 0;
	return word;
}

int crew_start(struct crew *c)
{
	uint64_t until_ns = time_monotonic_ns() + START_NS;

	tell(c, KEEPER_BEGIN);
	c->is_started = true;
	for (unsigned left = count_outputs(c->options); left; left--) {
		switch (hear(c, until_ns)) {
		case SHIPPER_REFUSED: return -EINVAL;
		case SHIPPER_FORBIDDEN: return -EACCES;
		case 0: return 0;
		default: break;
		}
	}
	return 0;
}

void crew_look(struct crew *c)
{
	int status, err;

	if (!c->keeper || waitpid(c->keeper, &status, WNOHANG) != c->keeper)
		return;
	c->keeper = 0;
	close(c->fd);
	c->fd = -1;
	if (c->had_key_data) {
		log_error("the process for outputs has died, and the key that it was given is known to nobody else: records are kept in the spool "
			  "until the next start");
		return;
	}
	log_error("the process for outputs has died; it is started again");
	err = fork_keeper(c, false);
	if (err)
		log_error("cannot start a process for outputs: %s; records are kept in the spool", strerror(-err));
	else
		tell(c, KEEPER_BEGIN);
}

/* The keeper sees to it that this ends. */
void crew_end(struct crew *c, bool hurry)
{
	int status;

	if (!c || !c->keeper)
		return;
	tell(c, hurry ? KEEPER_HURRY : KEEPER_LAST);
	while (waitpid(c->keeper, &status, 0) < 0 && errno == EINTR)
		tell(c, KEEPER_HURRY);
	c->keeper = 0;
}

void crew_free(struct crew *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	free(c->dir);
	free(c);
}
