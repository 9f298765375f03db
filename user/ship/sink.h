/* SPDX-License-Identifier: Apache-2.0 */
/* sink.h - where records go. A sink differs from its neighbours only behind this table.
 *
 * A record reaches a sink as one JSON line, encoded once for all of them.
 */
#ifndef DEVOURER_SINK_H
#define DEVOURER_SINK_H
#include <stddef.h>
#include <stdint.h>

struct options;
struct sink;

/* The identity of every sink at every moment: put = delivered + dropped + waiting (records). */
struct sink_stats {
	uint64_t put;
	uint64_t delivered;                       /* handed to the kernel in whole lines */
	uint64_t dropped;                         /* could not be written; the reason was logged */
	uint64_t waiting;                         /* in the buffer */
	uint64_t octets;                          /* delivered, before compression */
};

struct sink_ops {
	const char *name;                                        /* as in --output NAME */
	int (*open)(struct sink **out, const struct options *o, uint64_t now_ns); /* 0 or -errno, logged */
	/* One line with its newline; lent. 0, -EPIPE when the reader went away for good, else -errno (counted, logged once). */
	int (*put)(struct sink *s, const char *line, size_t len);
	int (*flush)(struct sink *s);                            /* hand over what waits; 0 or -errno */
	int (*tick)(struct sink *s, uint64_t now_ns);            /* about once a second: flush, rotation by time */
	int (*reopen)(struct sink *s);                           /* SIGHUP */
	void (*stats)(const struct sink *s, struct sink_stats *out);
	int (*close)(struct sink **s);                           /* flushes; *s NULL is fine; 0 or the first -errno */
};

extern const struct sink_ops sink_stdout, sink_file, sink_null;

/* The ops of `--output NAME`, or NULL. */
const struct sink_ops *sink_find(const char *name);
#endif
