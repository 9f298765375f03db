/* SPDX-License-Identifier: Apache-2.0 */
/* bigquery_range.c - cuts load jobs out of the spool, and reads them again as often as they are sent. */
#include <errno.h>
#include <string.h>
#include "bigquery_range.h"
#include "dead_letter.h"

/* ---- planning ---- */

/* Records between the cursor and the end that are neither in the job nor settled before are lost; those that are not damaged were
 * dropped for want of room. */
static void count_losses(struct load_state *load, const struct spool_reader *reader, uint64_t damaged)
{
	uint64_t all = load->end.sequence - spool_reader_cursor(reader)->at.sequence;
	uint64_t known = (uint64_t)load->rows + load->dead + load->settled_delivered + load->settled_dead;
	uint64_t lost = all > known ? all - known : 0;

	load->lost_damaged = damaged < lost ? damaged : lost;
	load->lost_full = lost - load->lost_damaged;
}

static void begin_plan(struct load_state *load, const struct spool_batch *batch)
{
	if (load->first < batch->at.sequence)
		load->first = batch->at.sequence;
	if (load->bad_end <= load->first)
		load->bad_end = 0;
	load->is_inside = 0;
	load->rows = load->dead = 0;
}

/* The sequence that the job must not reach: half of the range that is known to be bad. */
static uint64_t plan_limit(const struct load_state *load)
{
	uint64_t half = load->bad_end ? (load->bad_end - load->first) / 2 : 0;

	return load->bad_end ? load->first + (half ? half : 1) : UINT64_MAX;
}

/* The first frame may be cut. False: it is the last one, or not a part of the job. */
static bool plan_batch(struct load_state *load, const struct spool_batch *batch, bool is_first)
{
	uint64_t from = is_first ? load->first : batch->at.sequence, to = batch->at.sequence + batch->rows, limit = plan_limit(load);

	if (to > limit && is_first) {
		load->is_inside = 1;
		load->end.sequence = limit;
		load->rows = (uint32_t)(limit - from);
	}
	if (to > limit)
		return false;
	load->rows += (uint32_t)(to - from);
	load->end = batch->next;
	return true;
}

int range_plan(struct spool_reader *reader, struct load_state *load, uint32_t max_rows, uint64_t max_octets)
{
	uint64_t octets = 0, damaged = 0;
	bool is_first = true, goes_on = true;
	struct spool_batch batch;
	int result = 0;

	spool_reader_rewind(reader);
	while (goes_on && (result = spool_reader_next(reader, &batch)) == 1) {
		octets += batch.len;
		if (is_first)
			begin_plan(load, &batch);
		goes_on = is_first || (load->rows + batch.rows <= max_rows && octets <= max_octets);
		goes_on = goes_on && plan_batch(load, &batch, is_first);
		damaged += goes_on || is_first ? batch.lost_damaged : 0;
		is_first = false;
		spool_batch_free(&batch);
	}
	spool_reader_rewind(reader);
	if (result < 0 || is_first)
		return result < 0 ? result : 0;
	if (!load->is_inside)
		count_losses(load, reader, damaged);
	return 1;
}

/* ---- reading ---- */

void range_begin(struct range *range, struct spool_reader *reader)
{
	range_end(range);
	range->start = range->len = range->lost_damaged = range->sequence = 0;
	range->rows = range->dead = 0;
	range->is_whole = false;
	spool_reader_rewind(reader);
}

void range_end(struct range *range)
{
	spool_batch_free(&range->batch);
	range->at = range->line = NULL;
}

static int read_batch(struct range *range, struct spool_reader *reader)
{
	int result;

	spool_batch_free(&range->batch);
	result = spool_reader_next(reader, &range->batch);
	range->at = range->batch.lines;
	if (result != 1)
		return result;
	range->sequence = range->batch.at.sequence;
	range->lost_damaged += range->batch.lost_damaged;
	return 1;
}

static void split_line(struct range *range)
{
	const char *end = range->batch.lines + range->batch.len, *newline = memchr(range->at, '\n', (size_t)(end - range->at));

	range->line = range->at;
	range->at = newline ? newline + 1 : end;
	range->line_len = (size_t)(range->at - range->line);
	range->sequence++;
}

/* The next line of the job into range->line: 1; 0: there is none; or -errno. */
static int read_line(struct range *range, struct spool_reader *reader, const struct load_state *load)
{
	range->line = NULL;
	while (range->sequence < load->end.sequence) {
		int result;

		if (range->at && range->at < range->batch.lines + range->batch.len) {
			split_line(range);
			if (range->sequence > load->first)
				return 1;
			range->line = NULL;
			continue;
		}
		result = read_batch(range, reader);
		if (result != 1)
			return result;
	}
	return 0;
}

/* After a failed upload the same line comes again; it is set aside once. */
static int set_line_aside(struct range *range, struct bigquery *bq, const char *reason)
{
	int err = range->sequence > range->dead_below ? dead_letter_add(bq->letters, range->line, range->line_len, reason) : 0;

	if (err)
		return err;
	range->dead_below = range->sequence;
	range->dead++;
	return 0;
}

static int add_line(struct range *range, struct bigquery *bq)
{
	struct row row;

	if (range->line_len > RANGE_BUFFER / 2 || row_scan(&row, range->line, range->line_len))
		return set_line_aside(range, bq, "not a record");
	range->len += row_json(range->buffer + range->len, &row, bq->columns);
	range->buffer[range->len++] = '\n';
	range->rows++;
	return 0;
}

int range_fill(struct range *range, struct bigquery *bq, struct spool_reader *reader, const struct load_state *load)
{
	while (!range->is_whole) {
		int result = range->line ? 1 : read_line(range, reader, load);

		if (result < 0)
			return result;
		if (!result) {
			range->is_whole = true;
			return 0;
		}
		if (range->len + ROW_SIZE_MAX(range->line_len) + 1 > RANGE_BUFFER)
			return 0;
		result = add_line(range, bq);
		if (result)
			return result;
		range->line = NULL;
	}
	return 0;
}

void range_drop(struct range *range, size_t octets)
{
	memmove(range->buffer, range->buffer + octets, range->len - octets);
	range->len -= octets;
	range->start += octets;
}

void range_counts(const struct range *range, const struct spool_reader *reader, struct load_state *load)
{
	load->rows = range->rows;
	load->dead = range->dead;
	if (!load->is_inside)
		count_losses(load, reader, range->lost_damaged);
}

int range_set_aside(struct range *range, struct bigquery *bq, struct spool_reader *reader, const struct load_state *load, const char *reason)
{
	struct row row;
	int result;

	range_begin(range, reader);
	do
		result = read_line(range, reader, load);
	while (result == 1 && row_scan(&row, range->line, range->line_len));
	return result == 1 ? dead_letter_add(bq->letters, range->line, range->line_len, reason) : result;
}
