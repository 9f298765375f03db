/* SPDX-License-Identifier: Apache-2.0 */
/* flow_table.h - merges deltas into bidirectional flows and ends them: idle, active timeout, overflow, shutdown.
 *
 * Bounded: at most `max_flows` entries of 132 octets and their index; memory grows with use and a full table makes room
 * by ending a flow early, one-packet half-open flows first, so that a flood costs long flows nothing.
 * Time is that of the packets: a flow is only swept against the largest time seen, and a time further off than the idle
 * timeout moves the clock only when it has lasted for that long itself. The gap rule is checked for each delta besides.
 */
#ifndef DEVOURER_FLOW_TABLE_H
#define DEVOURER_FLOW_TABLE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "flow.h"

struct flow_table;

struct flow_table_options {
	uint64_t idle_timeout_ns;                 /* more than this since the last packet ends a flow */
	uint64_t active_timeout_ns;               /* a part record after this long; 0: off */
	size_t max_flows;
	uint64_t seed[2];                         /* of the hash */
};

struct flow_table_handlers {
	/* A flow begins; its counters are still 0. May attach names. */
	void (*begin)(void *ctx, struct flow *flow, const struct flow_delta *delta);
	/* A record is due. `is_over`: the flow ends with it, so what begin() attached is given back. Without a packet in the
	 * part (packets[0] + packets[1] == 0) there is nothing to record. */
	void (*end)(void *ctx, struct flow *flow, enum end_reason reason, bool is_over);
	void *ctx;
};

struct flow_table_stats {
	uint64_t recorded_packets;                /* in records, parts included */
	uint64_t live_packets;                    /* in live flows */
	uint64_t other_interface_packets;         /* of flows that another interface saw first */
	uint64_t flows_begun, ended[END_REASONS]; /* records by reason */
	size_t live_flows;
	size_t octets;                            /* memory held */
};

/* NULL: out of memory. */
struct flow_table *flow_table_new(const struct flow_table_options *options, const struct flow_table_handlers *handlers);
void flow_table_free(struct flow_table *table);   /* ends nothing: flush first; NULL is fine */

/* Count `delta`. The flow it belongs to, lent until the next call; NULL when it was counted as other_interface. Out of
 * memory is the same as a full table: another flow makes room. */
struct flow *flow_table_add(struct flow_table *table, const struct flow_delta *delta);

/* A hint: these will be added, so fetch what they need from memory meanwhile. At most FLOW_TABLE_SOON of them. */
#define FLOW_TABLE_SOON 16
void flow_table_soon(const struct flow_table *table, struct flow_delta *deltas, size_t count);

/* The live flow of `key`, lent until the next call; NULL: none. */
struct flow *flow_table_find(const struct flow_table *table, const struct flow_key *key);

/* The clock says `now_ns`: end what is idle, report what is active. */
void flow_table_advance(struct flow_table *table, uint64_t now_ns);

/* End every flow, the oldest entry first. */
void flow_table_flush(struct flow_table *table, enum end_reason reason);

void flow_table_stats(const struct flow_table *table, struct flow_table_stats *out);

/* Octets that `flows` flows take at most: for the bound by memory and the line at start. */
uint64_t flow_table_octets(uint64_t flows);
#endif
