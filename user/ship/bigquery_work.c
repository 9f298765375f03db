/* SPDX-License-Identifier: Apache-2.0 */
/* bigquery_work.c - batches in hand, row by row, from the spool to the cursor that acknowledges them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../base/log.h"
#include "../base/options.h"
#include "bigquery_work.h"
#include "dead_letter.h"

#define GATHER_OCTETS (4u << 20)                  /* no further batch above this; one has at most as much */

void work_forget(struct work *work)
{
	for (size_t i = 0; i < work->batch_count; i++)
		spool_batch_free(&work->batches[i]);
	work->batch_count = work->row_count = work->octets = work->pending = work->suspects = 0;
	work->lost_full = work->lost_damaged = 0;
	work->is_begun = false;
}

void work_free(struct work *work)
{
	work_forget(work);
	free(work->rows);
}

static int make_room(struct work *work, size_t rows)
{
	struct work_row *more;

	if (rows < WORK_ROWS_MAX)
		rows = WORK_ROWS_MAX;
	if (rows <= work->row_room)
		return 0;
	more = realloc(work->rows, rows * sizeof(*more));
	if (!more)
		return -ENOMEM;
	work->rows = more;
	work->row_room = rows;
	return 0;
}

static void index_rows(struct work *work, const struct spool_batch *batch)
{
	const char *line = batch->lines, *end = batch->lines + batch->len;

	for (uint32_t i = 0; i < batch->rows; i++) {
		const char *newline = line < end ? memchr(line, '\n', (size_t)(end - line)) : NULL;
		const char *next = newline ? newline + 1 : end;

		work->rows[work->row_count++] = (struct work_row){ .line = line, .len = (uint32_t)(next - line) };
		line = next;
	}
	work->pending += batch->rows;
}

/* 1: one more batch is in hand; 0: there is none; or -errno. */
static int take_batch(struct work *work, struct spool_reader *reader)
{
	struct spool_batch *batch = &work->batches[work->batch_count];
	int result = spool_reader_next(reader, batch);

	if (result != 1)
		return result;
	if (make_room(work, work->row_count + batch->rows)) {
		spool_batch_free(batch);
		work_forget(work);
		spool_reader_rewind(reader);
		return -ENOMEM;
	}
	work->batch_count++;
	work->octets += batch->len;
	work->lost_full += batch->lost_full;
	work->lost_damaged += batch->lost_damaged;
	index_rows(work, batch);
	return 1;
}

static bool has_room(const struct work *work)
{
	return work->batch_count < WORK_BATCHES_MAX && work->octets <= GATHER_OCTETS && work->row_count + SPOOL_BATCH_ROWS <= WORK_ROWS_MAX;
}

int work_gather(struct work *work, struct spool_reader *reader)
{
	int result = 1;

	while (result == 1 && has_room(work))
		result = take_batch(work, reader);
	return result < 0 ? result : 0;
}

void work_settle(struct work *work, struct work_row *row, enum row_status status)
{
	work->pending -= row->status == ROW_PENDING;
	work->suspects -= row->status == ROW_SUSPECT;
	work->pending += status == ROW_PENDING;
	work->suspects += status == ROW_SUSPECT;
	row->status = (uint8_t)status;
}

int work_set_aside(struct bigquery *bq, struct work *work, struct work_row *row, const char *reason)
{
	int err = dead_letter_add(bq->letters, row->line, row->len, reason);

	if (err)
		return err;
	snprintf(work->why, sizeof(work->why), "%s", reason);
	work->is_begun = true;
	work_settle(work, row, ROW_DEAD);
	return 0;
}

int work_set_suspects_aside(struct bigquery *bq, struct work *work, const char *reason)
{
	int err = 0;

	for (size_t i = 0; i < work->row_count && work->suspects && !err; i++)
		if (work->rows[i].status == ROW_SUSPECT)
			err = work_set_aside(bq, work, &work->rows[i], reason);
	return err;
}

void work_trust_suspects(struct work *work)
{
	for (size_t i = 0; i < work->row_count && work->suspects; i++)
		if (work->rows[i].status == ROW_SUSPECT)
			work_settle(work, &work->rows[i], ROW_PENDING);
}

int work_acknowledge(struct bigquery *bq, struct work *work, struct spool_reader *reader)
{
	struct spool_cursor cursor = *spool_reader_cursor(reader);
	struct bigquery_state state;
	uint64_t dead = cursor.counts.dead;
	int err;

	for (size_t i = 0; i < work->row_count; i++) {
		cursor.counts.delivered += work->rows[i].status == ROW_DELIVERED;
		cursor.counts.dead += work->rows[i].status == ROW_DEAD;
	}
	cursor.counts.dropped_full += work->lost_full;
	cursor.counts.dropped_damaged += work->lost_damaged;
	cursor.at = work->batches[work->batch_count - 1].next;
	bigquery_state_get(bq, reader, &state);
	err = bigquery_store(bq, reader, &cursor, &state);
	if (err)
		return err;
	if (cursor.counts.dead > dead)
		log_warn("bigquery %s: %llu records were refused and set aside; the last one: %s", bq->options->bigquery_table_id,
			 (unsigned long long)(cursor.counts.dead - dead), work->why);
	work_forget(work);
	return 0;
}
