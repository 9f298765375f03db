/* SPDX-License-Identifier: Apache-2.0 */
/* names_stream.h - TCP streams put together by sequence number, as far as a name needs it.
 *
 * Segments may come in any order, twice and overlapping; of what comes twice the first copy counts. A stream grows as
 * needed up to a window. All together have a bound in number and in octets; the one without a segment for longest goes.
 */
#ifndef DEVOURER_NAMES_STREAM_H
#define DEVOURER_NAMES_STREAM_H
#include <stdbool.h>
#include "names_table.h"

#define STREAM_RANGES 8                           /* pieces with gaps between them */

struct stream {
	struct table_item item;
	uint64_t id;
	uint8_t *data;
	uint32_t size;                            /* allocated */
	uint32_t base_seq;                        /* of data[0] */
	uint32_t number;                          /* in the table */
	uint8_t range_count;
	bool is_dead;                             /* what comes is ignored */
	struct { uint32_t from, to; } ranges[STREAM_RANGES]; /* what is there, in order, never touching each other */
};

struct streams {
	struct table table;
	uint64_t seed[2];
	size_t octets, max_octets;                /* of data */
	uint64_t evicted;                         /* that held data */
};

/* `budget`: of the table; `max_octets`: of the data. 0 or -ENOMEM. */
int streams_init(struct streams *streams, struct budget *budget, const uint64_t seed[2], size_t max, size_t max_octets);
void streams_free(struct streams *streams);

uint64_t stream_id_of(const struct streams *streams, const void *key, size_t len); /* for keys longer than an id */
struct stream *stream_find(struct streams *streams, uint64_t id); /* NULL: none */
struct stream *stream_open(struct streams *streams, uint64_t id, uint32_t base_seq); /* NULL: out of memory */
void stream_close(struct streams *streams, struct stream *stream); /* NULL is fine */

/* Keep a segment. false: it lies past the window, has too many gaps before it, or there is no room. */
bool stream_put(struct streams *streams, struct stream *stream, uint32_t seq, const uint8_t *segment, size_t len,
		size_t window);
size_t stream_ready(const struct stream *stream); /* octets without a gap from data[0] on */
void stream_consume(struct stream *stream, size_t len); /* the first `len` of the ready octets are done with */
void stream_kill(struct streams *streams, struct stream *stream); /* is_dead, and its data is freed */
#endif
