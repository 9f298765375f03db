/* SPDX-License-Identifier: Apache-2.0 */
/* bigquery_write.c - rows by the Storage Write API: each is stored exactly once, by its offset in a stream that only we append to.
 *
 * A batch is sent in parts, one at a time. What part goes where is stored with the cursor before it is sent; so after a crash the same rows
 * are sent to the same offset, and the server says when it has them already. When a stream is lost, its row count tells whether it has the
 * part; only when nobody can tell, the part is sent again and counted as possible duplicates.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../base/log.h"
#include "../base/options.h"
#include "../base/siphash.h"
#include "../base/time.h"
#include "bigquery_stream.h"
#include "dead_letter.h"

/* The service takes 10 MB (cloud.google.com/bigquery/quotas), servers of gRPC 4 MiB unless they are told otherwise. A part that is sent
 * again may have more columns than before, so there is room for them. */
#define PART_OCTETS (1u << 20)
#define PART_ROOM (4u << 20)
#define LINE_MAX_OCTETS (256u << 10)
#define RETRY_STORE_NS 5000000000ull

#define STATE_MAGIC 0x57                          /* other modes leave other octets */
#define STATE_STREAM_SIZE 82

/* In the cursor. Rows [from, until) of the batch go to `offset`; those before `from` are settled. */
struct write_state {
	uint64_t offset;
	uint64_t digest;                          /* of the batch, so that no other one is taken for it */
	uint32_t from, until;
	uint32_t dead;                            /* rows before `from` that were set aside */
	uint32_t part_dead;                       /* rows in the part that were set aside, so they are not sent */
	uint32_t pad;
	uint8_t magic;
	char stream[STATE_STREAM_SIZE + 1];       /* what follows "…/streams/", or when it is another table's name the whole name; "": none */
};
_Static_assert(sizeof(struct write_state) == BIGQUERY_WRITE_STATE, "state fits its place");

struct write {
	struct stream stream;
	struct append_request request;
	struct write_state state;
	struct spool_batch batch;
	const char *at;                           /* the line of row state.from */

	uint64_t digest;                          /* which batch `bad` is about; 0: none */
	uint8_t *bad;                             /* of each row: set aside */
	uint32_t *sent;                           /* row of each row in the request */
	uint32_t sent_count;
	uint32_t limit;                           /* rows of a part; 0: as many as fit */
	char why[256];                            /* the last row was set aside */

	bool is_in_doubt;                         /* the part may be stored: it was sent and not refused */
	bool is_sent;                             /* once, by us or a former process */
	bool is_fresh;                            /* the stream is ours since now and has no rows */
	bool has_taken;                           /* the stream took rows of this batch */
	bool is_proven;                           /* rows were taken since one was last set aside without a reason of its own */
	uint64_t streams_made;
};

static int later(uint64_t *wait_ns)
{
	*wait_ns = RETRY_STORE_NS;
	return -EAGAIN;
}

/* ---- the state ---- */

static int store(struct bigquery *bq, struct spool_reader *reader, struct spool_cursor *cursor, enum bigquery_owner owner)
{
	struct bigquery_state state;

	bigquery_state_get(bq, reader, &state);
	state.owner = (uint8_t)owner;
	memcpy(state.write, &bq->write->state, sizeof(state.write));
	return bigquery_store(bq, reader, cursor, &state);
}

/* Before a part is sent. A second sync for the same words would tell nothing new. */
static int store_part(struct bigquery *bq, struct spool_reader *reader)
{
	struct spool_cursor cursor = *spool_reader_cursor(reader);
	struct bigquery_state state;

	bigquery_state_get(bq, reader, &state);
	if (state.owner == OWNER_WRITE && !memcmp(state.write, &bq->write->state, sizeof(state.write)))
		return 0;
	return store(bq, reader, &cursor, OWNER_WRITE);
}

static void begin_part(struct write_state *state, uint32_t from)
{
	state->from = state->until = from;
	state->part_dead = 0;
}

static void begin_batch_state(struct write_state *state, uint64_t digest)
{
	state->digest = digest;
	state->dead = 0;
	begin_part(state, 0);
}

static void forget_stream(struct write *w)
{
	memset(w->state.stream, 0, sizeof(w->state.stream));
	w->state.offset = 0;
}

/* 0, or -ENAMETOOLONG. */
static int remember_stream(struct bigquery *bq, const char *name)
{
	struct write *w = bq->write;
	size_t path = strlen(bq->table_path), len;

	if (!strncmp(name, bq->table_path, path) && !strncmp(name + path, "/streams/", 9) && !strchr(name + path + 9, '/'))
		name += path + 9;
	len = strlen(name);
	if (len > STATE_STREAM_SIZE)
		return -ENAMETOOLONG;
	forget_stream(w);
	memcpy(w->state.stream, name, len);
	return 0;
}

static const char *stream_name(const struct bigquery *bq, char out[STREAM_NAME_SIZE])
{
	const char *stream = bq->write->state.stream;
	bool is_whole = strchr(stream, '/');

	snprintf(out, STREAM_NAME_SIZE, "%.900s%s%s", is_whole ? "" : bq->table_path, is_whole ? "" : "/streams/", stream);
	return out;
}

/* ---- a batch begins ---- */

static int make_room(struct write *w, uint32_t rows)
{
	free(w->bad);
	free(w->sent);
	w->bad = calloc(rows, sizeof(*w->bad));
	w->sent = calloc(rows, sizeof(*w->sent));
	return w->bad && w->sent ? 0 : -ENOMEM;
}

/* What was learnt of the rows stays when the same batch comes again. */
static int begin_rows(struct write *w, uint64_t digest)
{
	if (w->digest == digest)
		return 0;
	w->digest = 0;
	w->limit = 0;
	w->has_taken = false;
	if (make_room(w, w->batch.rows))
		return -ENOMEM;
	w->digest = digest;
	return 0;
}

static uint64_t batch_digest(const struct spool_batch *batch)
{
	static const uint64_t key[2] = { 0, 0 };  /* an identity, not a defence */
	uint64_t digest = siphash13(batch->lines, batch->len, key);

	return digest ? digest : 1;
}

/* Returns who owns the stored state. */
static enum bigquery_owner load_state(struct bigquery *bq, struct spool_reader *reader)
{
	struct write_state *own = &bq->write->state;
	struct bigquery_state state;

	bigquery_state_get(bq, reader, &state);
	memcpy(own, state.write, sizeof(*own));
	own->stream[STATE_STREAM_SIZE] = 0;
	if (own->magic == STATE_MAGIC)
		return state.owner;
	memset(own, 0, sizeof(*own));
	own->magic = STATE_MAGIC;
	return OWNER_NONE;
}

static const char *line_end(const struct spool_batch *batch, const char *line)
{
	const char *end = batch->lines + batch->len, *newline = line < end ? memchr(line, '\n', (size_t)(end - line)) : NULL;

	return newline ? newline + 1 : end;
}

/* Where the state says that another batch was on its way, that one is not in the spool any more, and where the stream ends now is not
 * known: another stream is begun. */
static int begin_batch(struct bigquery *bq, struct spool_reader *reader)
{
	struct write *w = bq->write;
	uint64_t digest = batch_digest(&w->batch);
	bool is_ours = load_state(bq, reader) == OWNER_WRITE;
	bool is_same = is_ours && w->state.digest == digest && w->state.from <= w->state.until && w->state.until <= w->batch.rows;

	if (is_ours && !is_same)
		forget_stream(w);
	if (!is_same)
		begin_batch_state(&w->state, digest);
	w->is_in_doubt = w->is_sent = is_same && *w->state.stream;
	w->at = w->batch.lines;
	for (uint32_t i = 0; i < w->state.from; i++)
		w->at = line_end(&w->batch, w->at);
	return begin_rows(w, digest);
}

/* ---- a part ---- */

static int set_aside(struct bigquery *bq, uint32_t row, const char *line, size_t len, const char *reason)
{
	struct write *w = bq->write;
	int err = dead_letter_add(bq->letters, line, len, reason);

	if (err)
		return err;
	w->bad[row] = true;
	snprintf(w->why, sizeof(w->why), "%s", reason);
	return 0;
}

/* 0 (also when the row is bad), -ENOSPC: no room, or -errno. */
static int add_row(struct bigquery *bq, uint32_t row, const char *line, size_t len)
{
	struct write *w = bq->write;
	struct row cells;
	uint8_t *out;

	if (w->bad[row])
		return 0;
	if (len > LINE_MAX_OCTETS)
		return set_aside(bq, row, line, len, "too long");
	if (row_scan(&cells, line, len))
		return set_aside(bq, row, line, len, "not a record");
	out = append_request_row(&w->request, ROW_SIZE_MAX(len));
	if (!out)
		return -ENOSPC;
	append_request_add(&w->request, row_proto(out, &cells, bq->columns));
	w->sent[w->sent_count++] = row;
	return 0;
}

static bool is_full(const struct write *w)
{
	return append_request_octets(&w->request) >= PART_OCTETS || (w->limit && w->sent_count >= w->limit);
}

/* The rows from state.from on: a part that was sent once keeps its end, for what the server may have is that. 0 or -errno. */
static int build_part(struct bigquery *bq)
{
	struct write *w = bq->write;
	bool is_fixed = w->state.until > w->state.from;
	uint32_t end = is_fixed ? w->state.until : w->batch.rows, row, dead;
	const char *line = w->at;
	int err = 0;

	append_request_clear(&w->request);
	w->sent_count = 0;
	for (row = w->state.from; row < end && (is_fixed || !is_full(w)); row++) {
		const char *next = line_end(&w->batch, line);

		err = add_row(bq, row, line, (size_t)(next - line));
		if (err)
			break;
		line = next;
	}
	if (err && (err != -ENOSPC || is_fixed))
		return err;
	dead = row - w->state.from - w->sent_count;
	w->state.until = row;
	if (!w->is_in_doubt || dead > w->state.part_dead)
		w->state.part_dead = dead;
	return 0;
}

/* The part is stored, or all of it is set aside. */
static void settle_part(struct write *w)
{
	struct write_state *state = &w->state;

	for (uint32_t i = state->from; i < state->until; i++)
		w->at = line_end(&w->batch, w->at);
	state->offset += state->until - state->from - state->part_dead;
	state->dead += state->part_dead;
	begin_part(state, state->until);
	w->is_in_doubt = w->is_sent = false;
}

/* ---- streams ---- */

/* The table is gone, or lacks a column that it had. */
static int handle_table(struct bigquery *bq, const char *what, bool hold, uint64_t *wait_ns)
{
	row_columns_t columns = bq->columns;
	int err = bigquery_look_again(bq);

	stream_rest(&bq->write->stream);
	if (err)
		bigquery_delay(bq, &answer_hold, NULL, "the table does not fit", wait_ns);
	if (err || columns != bq->columns)
		return err ? err : -EAGAIN;
	return stream_delay(&bq->write->stream, what, hold, wait_ns);
}

/* Stored with the next part; until then nothing is in it. */
static int make_stream(struct bigquery *bq, uint64_t *wait_ns)
{
	struct write *w = bq->write;
	char name[STREAM_NAME_SIZE];
	enum stream_said said = stream_create(&w->stream, name);

	if (said == STREAM_NO_TABLE)
		return handle_table(bq, "CreateWriteStream", false, wait_ns);
	if (said != STREAM_DONE)
		return stream_delay(&w->stream, "CreateWriteStream", said == STREAM_REFUSED, wait_ns);
	if (remember_stream(bq, name))
		return bigquery_delay(bq, &answer_hold, NULL, "CreateWriteStream: the stream's name is too long", wait_ns);
	w->is_fresh = true;
	w->streams_made++;
	log_debug("bigquery %s: stream %s", bq->options->bigquery_table_id, name);
	return 0;
}

static void note_doubt(struct bigquery *bq, uint64_t rows)
{
	if (!bq->write->is_in_doubt)
		return;
	bq->unstored.duplicates_possible += rows;
	log_warn("bigquery %s: the stream is gone and does not tell whether it has the last %llu records; they are sent again and may be doubled",
		 bq->options->bigquery_table_id, (unsigned long long)rows);
}

/* The stream has ended with `rows`: appends are stored whole or not at all. */
static void judge_part(struct bigquery *bq, uint64_t rows)
{
	struct write *w = bq->write;
	uint64_t offset = w->state.offset, count = w->state.until - w->state.from - w->state.part_dead;

	if (rows < offset)
		log_warn("bigquery %s: the stream has %llu records where %llu were acknowledged", bq->options->bigquery_table_id,
			 (unsigned long long)rows, (unsigned long long)offset);
	if (w->is_in_doubt && rows >= offset + count)
		settle_part(w);
	else if (rows > offset)
		note_doubt(bq, rows - offset);
}

/* Go on with another stream. One that was made just now and is refused too is no reason to hurry. */
static int replace_stream(struct bigquery *bq, struct spool_reader *reader, uint64_t *wait_ns)
{
	struct write *w = bq->write;
	struct spool_cursor cursor = *spool_reader_cursor(reader);
	char name[STREAM_NAME_SIZE];
	bool was_fresh = w->is_fresh;
	uint64_t rows;
	enum stream_said said = stream_finalize(&w->stream, stream_name(bq, name), &rows);

	if (said == STREAM_FAILED)
		return stream_delay(&w->stream, "FinalizeWriteStream", false, wait_ns);
	log_info("bigquery %s: the stream is left, another one is made", bq->options->bigquery_table_id);
	if (said == STREAM_DONE)
		judge_part(bq, rows);
	else
		note_doubt(bq, w->sent_count);
	forget_stream(w);
	w->is_in_doubt = w->is_fresh = false;
	if (store(bq, reader, &cursor, OWNER_WRITE))
		return later(wait_ns);
	return was_fresh ? bigquery_delay(bq, &answer_garbled, NULL, "a new stream is not usable", wait_ns) : 0;
}

/* ---- what the server says ---- */

static const char *row_line(const struct write *w, uint32_t row)
{
	const char *line = w->at;

	for (uint32_t i = w->state.from; i < row; i++)
		line = line_end(&w->batch, line);
	return line;
}

static int set_row_aside(struct bigquery *bq, uint32_t row, const char *reason)
{
	const char *line = row_line(bq->write, row);

	return set_aside(bq, row, line, (size_t)(line_end(&bq->write->batch, line) - line), reason);
}

/* How many rows are new among the bad ones, or -errno. Indexes are those of the request. */
static int set_bad_rows_aside(struct bigquery *bq)
{
	struct write *w = bq->write;
	struct append_row_error error;
	const uint8_t *at = NULL;
	int count = 0, err;

	while (append_row_error(&w->stream.append, &at, &error)) {
		if (error.index < 0 || error.index >= w->sent_count || w->bad[w->sent[error.index]])
			continue;
		err = set_row_aside(bq, w->sent[error.index], error.message);
		if (err)
			return err;
		count++;
	}
	return count;
}

/* Nothing says which row it is, or whether it is a row at all. Streams come first, then halves; one row alone that a new stream refuses too
 * is set aside if others were taken since the last such one, else the fault is not in the rows. */
static int handle_refusal(struct bigquery *bq, struct spool_reader *reader, uint64_t *wait_ns)
{
	struct write *w = bq->write;
	bool was_proven = w->is_proven;
	char reason[ANSWER_TEXT_SIZE];

	if (!w->is_fresh && (w->sent_count == 1 || !w->has_taken || w->is_in_doubt))
		return replace_stream(bq, reader, wait_ns);
	w->is_in_doubt = false;
	if (w->sent_count > 1) {
		w->limit = w->sent_count / 2;
		begin_part(&w->state, w->state.from);
		return 0;
	}
	if (!was_proven)
		return stream_delay(&w->stream, "AppendRows: every row is refused", true, wait_ns);
	w->is_proven = false;
	w->limit = 0;
	stream_text(&w->stream, reason);
	return set_row_aside(bq, w->sent[0], reason) ? later(wait_ns) : 0;
}

static int handle_rows(struct bigquery *bq, struct spool_reader *reader, uint64_t *wait_ns)
{
	int bad = set_bad_rows_aside(bq);

	if (bad < 0)
		return later(wait_ns);
	return bad ? 0 : handle_refusal(bq, reader, wait_ns);
}

static void handle_taken(struct bigquery *bq)
{
	struct write *w = bq->write;

	bigquery_recover(bq);
	w->has_taken = w->is_proven = true;
	w->is_fresh = false;
	settle_part(w);
}

/* What is there already is ours only if we may have sent it. */
static int handle(struct bigquery *bq, struct spool_reader *reader, enum stream_said said, bool was_in_doubt, uint64_t *wait_ns)
{
	struct write *w = bq->write;

	if (said == STREAM_DONE || (said == STREAM_EXISTS && was_in_doubt)) {
		handle_taken(bq);
		return 0;
	}
	if (said == STREAM_FAILED)
		return w->stream.is_again ? 0 : stream_delay(&w->stream, "AppendRows", false, wait_ns);
	w->is_in_doubt = was_in_doubt;            /* this time nothing was stored */
	if (said == STREAM_REFUSED)
		return handle_rows(bq, reader, wait_ns);
	if (said == STREAM_NO_TABLE)
		return handle_table(bq, "AppendRows", w->stream.append.storage_error == STORAGE_EXTRA_FIELDS, wait_ns);
	return replace_stream(bq, reader, wait_ns);
}

/* 0: the part is settled or another one is to be tried; else what step() returns. */
static int send_part(struct bigquery *bq, struct spool_reader *reader, uint64_t *wait_ns)
{
	struct write *w = bq->write;
	char name[STREAM_NAME_SIZE];
	bool was_in_doubt = w->is_in_doubt;
	int err = 0;

	if (build_part(bq))
		return later(wait_ns);
	if (!w->sent_count) {
		settle_part(w);
		return 0;
	}
	if (!*w->state.stream)
		err = make_stream(bq, wait_ns);
	if (err)
		return err;
	if (store_part(bq, reader))
		return later(wait_ns);
	bq->unstored.retried += w->is_sent ? w->sent_count : 0;
	w->is_in_doubt = w->is_sent = true;
	return handle(bq, reader, stream_append(&w->stream, stream_name(bq, name), w->state.offset, &w->request), was_in_doubt, wait_ns);
}

/* ---- the mode ---- */

static int acknowledge(struct bigquery *bq, struct spool_reader *reader, uint64_t *wait_ns)
{
	struct write *w = bq->write;
	struct spool_cursor cursor = *spool_reader_cursor(reader);
	uint32_t dead = w->state.dead;

	spool_cursor_pass(&cursor, &w->batch, w->batch.rows - dead, dead);
	begin_batch_state(&w->state, 0);
	if (store(bq, reader, &cursor, OWNER_NONE))
		return later(wait_ns);
	if (dead)
		log_warn("bigquery %s: %u records were refused and set aside; the last one: %s", bq->options->bigquery_table_id, dead, w->why);
	return 0;
}

/* Damage alone: what is on its way stays so. */
static int pass_damage(struct bigquery *bq, struct spool_reader *reader, uint64_t *wait_ns)
{
	struct spool_cursor cursor = *spool_reader_cursor(reader);
	struct bigquery_state state;

	bigquery_state_get(bq, reader, &state);
	spool_cursor_pass(&cursor, &bq->write->batch, 0, 0);
	return bigquery_store(bq, reader, &cursor, &state) ? later(wait_ns) : 0;
}

static int deliver(struct bigquery *bq, struct spool_reader *reader, uint64_t *wait_ns)
{
	struct write *w = bq->write;
	int err;

	if (!w->batch.rows)
		return pass_damage(bq, reader, wait_ns);
	if (begin_batch(bq, reader))
		return later(wait_ns);
	while (w->state.from < w->batch.rows) {
		err = send_part(bq, reader, wait_ns);
		if (err)
			return err;
	}
	return acknowledge(bq, reader, wait_ns);
}

static int write_step(struct bigquery *bq, struct spool_reader *reader, int is_last, uint64_t *wait_ns)
{
	struct write *w = bq->write;
	int more = spool_reader_next(reader, &w->batch), err;

	(void)is_last;
	*wait_ns = 0;
	if (more < 0)
		return later(wait_ns);
	if (!more) {
		stream_idle(&w->stream);
		*wait_ns = BIGQUERY_POLL_NS;
		return 0;
	}
	err = deliver(bq, reader, wait_ns);
	spool_batch_free(&w->batch);
	if (err)
		spool_reader_rewind(reader);
	return err;
}

/* Between two steps nothing is in hand; what is in doubt is so by the cursor. */
static bool write_let_go(struct bigquery *bq, struct spool_reader *reader)
{
	struct bigquery_state state;

	bigquery_state_get(bq, reader, &state);
	if (state.owner == OWNER_WRITE)
		return false;
	stream_rest(&bq->write->stream);
	return true;
}

static int write_open(struct bigquery *bq)
{
	int err;

	bq->write = calloc(1, sizeof(*bq->write));
	if (!bq->write)
		return -ENOMEM;
	err = append_request_new(&bq->write->request, PART_ROOM);
	return err ? err : append_stream_open(&bq->write->stream, bq);
}

static void write_close(struct bigquery *bq)
{
	if (!bq->write)
		return;
	append_stream_close(&bq->write->stream);
	append_request_free(&bq->write->request);
	free(bq->write->bad);
	free(bq->write->sent);
	free(bq->write);
	bq->write = NULL;
}

static void write_print_stats(const struct bigquery *bq, FILE *out)
{
	fprintf(out, "write_streams %llu\n", (unsigned long long)bq->write->streams_made);
}

const struct bigquery_mode bigquery_write = {
	"write", write_open, write_step, write_let_go, write_print_stats, write_close,
};
