/* SPDX-License-Identifier: Apache-2.0 */
/* sink_stdout.c - records to stdout, in pieces of whole lines, at least once a tick. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../base/log.h"
#include "lines.h"

#define BUFFER_SIZE (64u << 10)                   /* what a pipe takes at once on Linux, pipe(7) */

struct sink {
	struct lines *lines;
};

static int write_stdout(void *ctx, const char *octets, size_t len, size_t *done)
{
	(void)ctx;
	return lines_write_fd(STDOUT_FILENO, octets, len, done);
}

static int stdout_close(struct sink **s)
{
	int err = 0;

	if (!*s)
		return 0;
	if ((*s)->lines)
		err = lines_flush((*s)->lines);
	lines_free((*s)->lines);
	free(*s);
	*s = NULL;
	return err;
}

/* main.c puts a read-only stand-in where stdout was closed. */
static int check_stdout(void)
{
	int flags = fcntl(STDOUT_FILENO, F_GETFL), err = 0;

	if (flags < 0)
		err = -errno;
	else if ((flags & O_ACCMODE) == O_RDONLY)
		err = -EBADF;
	if (err)
		log_error("stdout: is not open for writing");
	return err;
}

static int stdout_open(struct sink **out, const struct options *o, uint64_t now_ns)
{
	struct sink *s;
	int err = check_stdout();

	(void)o;
	(void)now_ns;
	if (err)
		return err;
	s = calloc(1, sizeof(*s));
	if (s)
		s->lines = lines_new("stdout", BUFFER_SIZE, write_stdout, NULL);
	if (!s || !s->lines) {
		log_error("stdout: %s", strerror(ENOMEM));
		stdout_close(&s);
		return -ENOMEM;
	}
	*out = s;
	return 0;
}

static int stdout_put(struct sink *s, const char *line, size_t len)
{
	return lines_put(s->lines, line, len);
}

static int stdout_flush(struct sink *s)
{
	return lines_flush(s->lines);
}

static int stdout_tick(struct sink *s, uint64_t now_ns)
{
	(void)now_ns;
	return lines_flush(s->lines);
}

static void stdout_stats(const struct sink *s, struct sink_stats *out)
{
	lines_stats(s->lines, out);
}

const struct sink_ops sink_stdout = {
	.name = "stdout",
	.open = stdout_open,
	.put = stdout_put,
	.flush = stdout_flush,
	.tick = stdout_tick,
	.reopen = stdout_flush,                   /* there is no name to open again */
	.stats = stdout_stats,
	.close = stdout_close,
};
