/* SPDX-License-Identifier: Apache-2.0 */
/* bigquery_range.h - the rows of a load job: which ones of the spool, and their file, newline-delimited JSON, a piece at a time. */
#ifndef DEVOURER_BIGQUERY_RANGE_H
#define DEVOURER_BIGQUERY_RANGE_H
#include "bigquery.h"

#define RANGE_CHUNK (256u << 10)                  /* pieces of a resumable upload are multiples of this (upload protocol) */
#define RANGE_BUFFER (8u << 20)                   /* octets of the file in memory; what is smaller goes in one request */

struct range {
	char *buffer;                             /* RANGE_BUFFER octets, lent */
	uint64_t start;                           /* of buffer[0] in the file */
	size_t len;
	bool is_whole;                            /* the end of the file is in the buffer */
	uint32_t rows, dead;                      /* so far: in the file, and set aside */
	uint64_t lost_damaged;
	uint64_t dead_below;                      /* rows before this sequence are in the dead letters already */
	/* where the reader is */
	struct spool_batch batch;
	const char *at;                           /* in the batch's lines */
	uint64_t sequence;                        /* of the record there */
	const char *line;                         /* read, and not in the buffer yet; NULL: none */
	size_t line_len;
};

/* Plan a job from the cursor on: whole frames up to `max_octets` of lines and `max_rows`; with load->bad_end only a half of what is known
 * to be bad. Fills `first`, `end`, rows and losses. 1: planned, rows may be 0; 0: nothing is there; or -errno. */
int range_plan(struct spool_reader *reader, struct load_state *load, uint32_t max_rows, uint64_t max_octets);

/* From the first row of the job on. */
void range_begin(struct range *range, struct spool_reader *reader);

/* Fill the buffer as far as it goes. Lines that are no records go to the dead letters. 0 or -errno. */
int range_fill(struct range *range, struct bigquery *bq, struct spool_reader *reader, const struct load_state *load);

/* The first `octets` of the buffer are not needed any more. */
void range_drop(struct range *range, size_t octets);

/* When the whole file was read: what it had in the end, which is less when the spool lost some in the meantime. */
void range_counts(const struct range *range, const struct spool_reader *reader, struct load_state *load);

/* The only row that a job sent, into the dead letters. 0 or -errno. */
int range_set_aside(struct range *range, struct bigquery *bq, struct spool_reader *reader, const struct load_state *load, const char *reason);

void range_end(struct range *range);
#endif
