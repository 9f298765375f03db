/* SPDX-License-Identifier: Apache-2.0 */
/* ship.h - an output that goes over the network: what it does with the batches of its spool.
 *
 * Each runs in a process of its own (shipper.c), one step at a time; blocking is fine, http.h bounds it. What differs from its
 * neighbours is behind this table.
 */
#ifndef DEVOURER_SHIP_H
#define DEVOURER_SHIP_H
#include <stdint.h>
#include <stdio.h>

struct options;
struct spool_reader;
struct ship;

struct ship_context {
	const struct options *options;
	const char *dir;                          /* of the spool, and of the dead-letter file dead.OUTPUT.jsonl */
	const volatile int *stop;                 /* set: end the running request */
};

struct ship_ops {
	const char *name;                         /* as in --output NAME */
	/* Options and credentials only, no network. 0, -EINVAL (usage or configuration), -EACCES, -errno; logged. */
	int (*open)(struct ship **out, const struct ship_context *context);
	/* Can it work at all? 0: yes. -EAGAIN: cannot be said now (server away), try later. Else a configuration that must be mended, logged:
	 * -EINVAL, -EACCES, -ENOENT. Called first, and again after -EAGAIN. */
	int (*check)(struct ship *ship);
	/* Deliver what the reader has, acknowledge it with spool_reader_store(). `is_last`: nothing more will come, do not wait for fuller
	 * batches or intervals. Returns 0 when all goes as it should: some were acknowledged, nothing is there, or the destination is at it;
	 * -EAGAIN: it does not take them now; other -errno: the configuration does not work any more, logged. `*wait_ns` is how long to wait
	 * before the next step. */
	int (*step)(struct ship *ship, struct spool_reader *reader, int is_last, uint64_t *wait_ns);
	/* Counters beyond the cursor's, as lines "name value" for metrics. */
	void (*print_stats)(const struct ship *ship, FILE *out);
	void (*close)(struct ship *ship);         /* NULL is fine */
};

extern const struct ship_ops ship_bigquery;

/* The ops of `--output NAME`, or NULL: not one that goes over the network. */
const struct ship_ops *ship_find(const char *name);
#endif
