/* SPDX-License-Identifier: Apache-2.0 */
/* sink.h - where records go. A sink differs from its neighbours only behind this table.
 *
 * A record reaches a sink as one JSON line, encoded once for all of them.
 */
#ifndef DEVOURER_SINK_H
#define DEVOURER_SINK_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct options;
struct sink;

/* The identity of every sink at every moment: put = delivered + dropped + waiting (records). */
struct sink_stats {
	uint64_t put;
	uint64_t delivered;                       /* handed to the kernel in whole lines */
	uint64_t dropped;                         /* could not be written, or were refused at the destination; the reason was logged */
	uint64_t waiting;                         /* in the buffer or the spool */
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
	void (*report)(struct sink *s);                          /* log lines of its own beside the statistics; NULL: none */
	/* No record follows: deliver what waits elsewhere, `hurry`: within --shutdown-timeout. What is lost is in stats then. NULL: nothing to do. */
	void (*end)(struct sink *s, bool hurry);
	int (*close)(struct sink **s);                           /* flushes; *s NULL is fine; 0 or the first -errno */
};

/* sink_spool is the one for all outputs that go over the network (ship.h). */
extern const struct sink_ops sink_stdout, sink_file, sink_null, sink_spool;

/* The ops of `--output NAME`, or NULL. */
const struct sink_ops *sink_find(const char *name);
#endif
