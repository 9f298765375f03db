/* SPDX-License-Identifier: Apache-2.0 */
/* bigquery_work.h - the batches that insertAll has in hand: each row is delivered or set aside, then all are acknowledged together. */
#ifndef DEVOURER_BIGQUERY_WORK_H
#define DEVOURER_BIGQUERY_WORK_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bigquery.h"

#define WORK_ROWS_MAX 5000                        /* unless one batch has more */
#define WORK_BATCHES_MAX 64

enum row_status { ROW_PENDING, ROW_SUSPECT, ROW_DELIVERED, ROW_DEAD };

struct work_row {
	const char *line;                         /* with its newline */
	uint32_t len;
	uint8_t status;                           /* enum row_status */
	bool was_sent;
};

struct work {
	struct work_row *rows;
	size_t row_count, row_room;
	struct spool_batch batches[WORK_BATCHES_MAX];
	size_t batch_count, octets;
	uint64_t lost_full, lost_damaged;
	size_t pending, suspects;                 /* rows in these states */
	bool is_begun;                            /* a row is stored, set aside or in doubt */
	char why[256];                            /* the last one was set aside */
};

/* What is in the spool, behind what is in hand already, as far as there is room. 0 or -errno. */
int work_gather(struct work *work, struct spool_reader *reader);

void work_settle(struct work *work, struct work_row *row, enum row_status status);

/* Into the dead letters. 0, or -errno: it is still to be settled then. */
int work_set_aside(struct bigquery *bq, struct work *work, struct work_row *row, const char *reason);
int work_set_suspects_aside(struct bigquery *bq, struct work *work, const char *reason);

/* Suspects are pending again. */
void work_trust_suspects(struct work *work);

/* Store the cursor behind the last batch and forget them. 0 or -errno. */
int work_acknowledge(struct bigquery *bq, struct work *work, struct spool_reader *reader);

void work_forget(struct work *work);
void work_free(struct work *work);
#endif
