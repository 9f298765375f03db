/* SPDX-License-Identifier: Apache-2.0 */
/* sink_null.c - counts records and forgets them: to measure, or for the statistics alone. */
#include <errno.h>
#include <stdlib.h>
#include "sink.h"

struct sink {
	uint64_t records, octets;
};

static int null_open(struct sink **out, const struct options *o, uint64_t now_ns)
{
	struct sink *s = calloc(1, sizeof(*s));

	(void)o;
	(void)now_ns;
	if (!s)
		return -ENOMEM;
	*out = s;
	return 0;
}

static int null_put(struct sink *s, const char *line, size_t len)
{
	(void)line;
	s->records++;
	s->octets += len;
	return 0;
}

static int null_nothing(struct sink *s)
{
	(void)s;
	return 0;
}

static int null_tick(struct sink *s, uint64_t now_ns)
{
	(void)s;
	(void)now_ns;
	return 0;
}

static void null_stats(const struct sink *s, struct sink_stats *out)
{
	*out = (struct sink_stats){ .put = s->records, .delivered = s->records, .octets = s->octets };
}

static int null_close(struct sink **s)
{
	free(*s);
	*s = NULL;
	return 0;
}

const struct sink_ops sink_null = {
	.name = "null",
	.open = null_open,
	.put = null_put,
	.flush = null_nothing,
	.tick = null_tick,
	.reopen = null_nothing,
	.stats = null_stats,
	.close = null_close,
};
