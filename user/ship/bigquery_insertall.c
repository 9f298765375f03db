/* SPDX-License-Identifier: Apache-2.0 */
/* bigquery_insertall.c - rows by tabledata.insertAll: seconds of delay; a repeat within the service's window is recognized by its insertId.
 *
 * Whole batches are read into `work`; its rows are sent in their order until each is delivered or set aside, and then the batches are
 * acknowledged together. A request takes the rows that are still pending, as many as the limit allows: the limit is halved when a request
 * is refused as a whole and doubled when one is taken. A row that is refused alone is a suspect: it is set aside as soon as another row
 * has been taken, for then the fault is its own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include "bigquery_work.h"

/* Quotas of insertAll: 10 MB and 50,000 rows a request, 500 rows advised (cloud.google.com/bigquery/quotas); a backlog takes more. */
#define BODY_SIZE (8u << 20)
#define LINE_MAX_OCTETS (BODY_SIZE / 2)
#define INSERT_ID_MAX (128 + 2)                   /* octets, and its quotes (rest/v2/tabledata/insertAll) */
#define SUSPECTS_MAX 8                            /* refused alone, none taken: it is not the rows' fault */
#define RETRY_STORE_NS 5000000000ull
#define REASON_SIZE 256

struct insertall {
	struct work work;
	char *body;
	size_t body_len;
	uint32_t sent[WORK_ROWS_MAX];             /* rows of the last request, by index */
	size_t sent_count;
	size_t limit;                             /* rows of a request */
	bool has_started, is_after_crash;         /* a former process may have sent the first work */
	bool has_taken;                           /* a row was taken since one was last refused */
	bool wants_more;                          /* rows, to see whether they are refused too */
	char reason[REASON_SIZE];                 /* of the last suspect */
};

static struct work_row *sent_row(struct insertall *in, size_t i)
{
	return &in->work.rows[in->sent[i]];
}

/* ---- the request ---- */

static const char head[] = "{\"kind\":\"bigquery#tableDataInsertAllRequest\",\"skipInvalidRows\":false,\"ignoreUnknownValues\":false,\"rows\":[";
static const char tail[] = "]}";
#define AROUND_ROW 64                             /* {"insertId":ID,"json":…}, and a comma */

static char *put(char *out, const char *text, size_t len)
{
	memcpy(out, text, len);
	return out + len;
}

static void add_row(struct insertall *in, const struct row *row, row_columns_t columns)
{
	char *at = in->body + in->body_len;

	if (in->sent_count)
		*at++ = ',';
	at = put(at, "{\"insertId\":", 12);
	at = put(at, row->cells[ROW_ID].text, row->cells[ROW_ID].len);
	at = put(at, ",\"json\":", 8);
	at += row_json(at, row, columns);
	*at++ = '}';
	in->body_len = (size_t)(at - in->body);
}

/* 1: a row to send, in `cells`; 0: it is settled, or set aside now; or -errno. */
static int read_row(struct bigquery *bq, struct work_row *row, struct row *cells)
{
	const char *why = NULL;
	int err;

	if (row->status != ROW_PENDING)
		return 0;
	if (row->len > LINE_MAX_OCTETS)
		why = "too long";
	else if (row_scan(cells, row->line, row->len) || cells->cells[ROW_ID].len > INSERT_ID_MAX)
		why = "not a record";
	if (!why)
		return 1;
	err = work_set_aside(bq, &bq->insertall->work, row, why);
	return err < 0 ? err : 0;
}

static bool has_room(const struct insertall *in, const struct work_row *row)
{
	return in->body_len + ROW_SIZE_MAX(row->len) + INSERT_ID_MAX + AROUND_ROW + sizeof(tail) <= BODY_SIZE;
}

/* The pending rows, in their order, that fit a request. 0 or -errno. */
static int build(struct bigquery *bq)
{
	struct insertall *in = bq->insertall;
	struct row cells;

	in->body_len = (size_t)(put(in->body, head, sizeof(head) - 1) - in->body);
	in->sent_count = 0;
	for (size_t i = 0; i < in->work.row_count && in->sent_count < in->limit; i++) {
		int result = read_row(bq, &in->work.rows[i], &cells);

		if (result < 0)
			return result;
		if (!result)
			continue;
		if (!has_room(in, &in->work.rows[i]))
			break;
		add_row(in, &cells, bq->columns);
		in->sent[in->sent_count++] = (uint32_t)i;
	}
	in->body_len = (size_t)(put(in->body + in->body_len, tail, sizeof(tail) - 1) - in->body);
	return 0;
}

static void count_sent(struct bigquery *bq)
{
	for (size_t i = 0; i < bq->insertall->sent_count; i++) {
		struct work_row *row = sent_row(bq->insertall, i);

		bq->unstored.retried += row->was_sent;
		row->was_sent = true;
	}
}

/* Nobody knows whether they were stored. Each such answer may mean one more copy. */
static void note_doubt(struct bigquery *bq)
{
	bq->unstored.duplicates_possible += bq->insertall->sent_count;
	bq->insertall->work.is_begun = true;
}

static const struct answer_rule *ask(struct bigquery *bq, struct http_answer *answer)
{
	char url[BIGQUERY_URL_SIZE];
	struct http_request request = {
		.method = "POST", .url = url, .lines = { "Content-Type: application/json; charset=UTF-8" },
		.body = bq->insertall->body, .len = bq->insertall->body_len,
	};

	snprintf(url, sizeof(url), "%s%s/%s/insertAll", bq->endpoint, bq->tables_path, bq->table_id);
	count_sent(bq);
	return bigquery_ask(bq, &request, answer);
}

/* ---- the answer ---- */

static void halve(struct insertall *in)
{
	in->limit = in->sent_count > 1 ? in->sent_count / 2 : 1;
}

static int later(uint64_t *wait_ns)
{
	*wait_ns = RETRY_STORE_NS;
	return -EAGAIN;
}

/* The table is not what it was, or its new columns are not known everywhere yet. Asks, so the last answer is gone. */
static int handle_table(struct bigquery *bq, const struct answer_rule *rule, const char *what, uint64_t *wait_ns)
{
	row_columns_t columns = bq->columns;
	int err = bigquery_look_again(bq);

	if (err)
		bigquery_delay(bq, &answer_hold, NULL, "insertAll: the table does not fit", wait_ns);
	if (err || columns != bq->columns)
		return err;
	return bigquery_delay(bq, rule, NULL, what, wait_ns);
}

static void suspect(struct insertall *in, const char *reason)
{
	snprintf(in->reason, sizeof(in->reason), "%s", reason);
	work_settle(&in->work, sent_row(in, 0), ROW_SUSPECT);
}

/* The request is refused as a whole. One row alone may be the reason, or not: others show. */
static int handle_refusal(struct bigquery *bq, const char *reason, uint64_t *wait_ns)
{
	struct insertall *in = bq->insertall;
	bool has_taken = in->has_taken;
	char what[REASON_SIZE + 64];

	in->has_taken = false;
	if (in->sent_count > 1) {
		halve(in);
		return 0;
	}
	suspect(in, reason);
	if (has_taken)
		return work_set_suspects_aside(bq, &in->work, in->reason) ? later(wait_ns) : 0;
	if (in->work.suspects < SUSPECTS_MAX && in->work.pending)
		return 0;
	work_trust_suspects(&in->work);
	in->wants_more = true;
	snprintf(what, sizeof(what), "insertAll: every row is refused: %s", in->reason);
	return handle_table(bq, &answer_hold, what, wait_ns);
}

static int handle_taken(struct bigquery *bq, uint64_t *wait_ns)
{
	struct insertall *in = bq->insertall;

	bigquery_recover(bq);
	in->has_taken = true;
	in->limit = in->limit * 2 < WORK_ROWS_MAX ? in->limit * 2 : WORK_ROWS_MAX;
	return work_set_suspects_aside(bq, &in->work, in->reason) ? later(wait_ns) : 0;
}

/* What insertErrors says of one row. */
struct verdict { enum answer_reason what; const char *reason, *message; };

static const char *text_of(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* The gravest of the row's errors: a bad row stays bad when it also timed out. */
static struct verdict judge_row(json_t *entry)
{
	static const uint8_t gravity[] = { [REASON_STOPPED] = 0, [REASON_TRANSIENT] = 1, [REASON_QUOTA] = 2, [REASON_HOLD] = 3, [REASON_TABLE] = 4,
					   [REASON_ROW] = 5 };
	struct verdict gravest = { REASON_STOPPED, "", "" };
	json_t *error;
	size_t i;

	json_array_foreach(json_object_get(entry, "errors"), i, error) {
		struct verdict v = { .reason = text_of(error, "reason"), .message = text_of(error, "message") };

		v.what = answer_reason(v.reason, v.message);
		if (gravity[v.what] > gravity[gravest.what])
			gravest = v;
	}
	return gravest;
}

/* The row of the request that an entry is about, or NULL. */
static struct work_row *row_of(struct insertall *in, json_t *entry)
{
	json_t *index = json_object_get(entry, "index");
	json_int_t i = json_is_integer(index) ? json_integer_value(index) : 0; /* protocol buffers as JSON leave out a zero */

	return i >= 0 && (uint64_t)i < in->sent_count ? sent_row(in, (size_t)i) : NULL;
}

struct summary { size_t by_reason[REASON_HOLD + 1]; char text[REASON_SIZE]; };

static void summarize(struct insertall *in, json_t *errors, struct summary *out)
{
	json_t *entry;
	size_t i;

	memset(out, 0, sizeof(*out));
	json_array_foreach(errors, i, entry) {
		struct verdict v = judge_row(entry);

		if (!row_of(in, entry))
			continue;
		out->by_reason[v.what]++;
		if (v.what != REASON_STOPPED && !*out->text)
			snprintf(out->text, sizeof(out->text), "%s: %s", v.reason, v.message);
	}
}

static int set_bad_rows_aside(struct bigquery *bq, json_t *errors)
{
	char reason[REASON_SIZE];
	json_t *entry;
	size_t i;

	json_array_foreach(errors, i, entry) {
		struct verdict v = judge_row(entry);
		struct work_row *row = row_of(bq->insertall, entry);

		if (!row || v.what != REASON_ROW || row->status != ROW_PENDING)
			continue;
		snprintf(reason, sizeof(reason), "%s: %s", v.reason, v.message);
		if (work_set_aside(bq, &bq->insertall->work, row, reason))
			return -EIO;
	}
	return 0;
}

/* Without a bad row, those that are not named were stored. */
static void deliver_unnamed(struct insertall *in, json_t *errors)
{
	json_t *entry;
	size_t i;

	for (i = 0; i < in->sent_count; i++)
		work_settle(&in->work, sent_row(in, i), ROW_DELIVERED);
	json_array_foreach(errors, i, entry)
		if (row_of(in, entry))
			work_settle(&in->work, row_of(in, entry), ROW_PENDING);
	in->work.is_begun = true;
}

/* With skipInvalidRows false nothing is stored when one row is bad: those that are only `stopped` are sent again at once. */
static int handle_row_errors(struct bigquery *bq, json_t *errors, uint64_t *wait_ns)
{
	struct insertall *in = bq->insertall;
	struct summary summary;
	char what[REASON_SIZE + 16];

	summarize(in, errors, &summary);
	snprintf(what, sizeof(what), "insertAll: %s", summary.text);
	if (summary.by_reason[REASON_TABLE] && !summary.by_reason[REASON_ROW])
		return handle_table(bq, &answer_garbled, what, wait_ns);
	if (summary.by_reason[REASON_ROW] == in->sent_count)
		return handle_refusal(bq, summary.text, wait_ns);
	if (summary.by_reason[REASON_ROW])
		return set_bad_rows_aside(bq, errors) ? later(wait_ns) : 0;
	deliver_unnamed(in, errors);
	return bigquery_delay(bq, summary.by_reason[REASON_HOLD] ? &answer_hold : &answer_garbled, NULL, what, wait_ns);
}

static int handle_garbled(struct bigquery *bq, const struct answer_rule *rule, const struct http_answer *answer, uint64_t *wait_ns)
{
	note_doubt(bq);
	if (answer->is_cut)                       /* errors of so many rows do not fit an answer */
		halve(bq->insertall);
	return bigquery_delay(bq, rule, answer, "insertAll", wait_ns);
}

/* 200 is not success: insertErrors says which rows were not stored. */
static int handle_body(struct bigquery *bq, const struct http_answer *answer, uint64_t *wait_ns)
{
	struct insertall *in = bq->insertall;
	json_t *body = json_loadb(answer->body, answer->len, 0, NULL), *errors = json_object_get(body, "insertErrors");
	int result;

	if (!json_is_object(body) || (errors && !json_is_array(errors)))
		result = handle_garbled(bq, &answer_garbled, answer, wait_ns);
	else if (json_array_size(errors))
		result = handle_row_errors(bq, errors, wait_ns);
	else {
		deliver_unnamed(in, NULL);
		result = handle_taken(bq, wait_ns);
	}
	json_decref(body);
	return result;
}

/* Mode auto loads instead, when nothing of the work is stored or in doubt. */
static bool goes_other_way(struct bigquery *bq, uint64_t ns)
{
	return bigquery_avoid_stream(bq, ns) && !bq->insertall->work.is_begun;
}

static int handle(struct bigquery *bq, const struct answer_rule *rule, const struct http_answer *answer, uint64_t *wait_ns)
{
	char text[ANSWER_TEXT_SIZE];

	if (rule->action == ANSWER_DONE)
		return handle_body(bq, answer, wait_ns);
	answer_text(answer, text);
	switch (rule->action) {
	case ANSWER_HALVE:
		return handle_refusal(bq, text, wait_ns);
	case ANSWER_NOT_THERE:
		return handle_table(bq, rule, text, wait_ns);
	case ANSWER_QUOTA:
	case ANSWER_FREE_TIER:
		if (goes_other_way(bq, rule->action == ANSWER_QUOTA ? BIGQUERY_QUOTA_NS : UINT64_MAX))
			return 0;
		return bigquery_delay(bq, rule, answer, "insertAll", wait_ns);
	default:
		if (rule->is_in_doubt)
			return handle_garbled(bq, rule, answer, wait_ns);
		return bigquery_delay(bq, rule, answer, "insertAll", wait_ns);
	}
}

/* ---- the mode ---- */

static int insertall_open(struct bigquery *bq)
{
	struct insertall *in = calloc(1, sizeof(*in));

	bq->insertall = in;
	if (!in)
		return -ENOMEM;
	in->limit = WORK_ROWS_MAX;
	in->body = malloc(BODY_SIZE);
	return in->body ? 0 : -ENOMEM;
}

static void insertall_close(struct bigquery *bq)
{
	if (!bq->insertall)
		return;
	work_free(&bq->insertall->work);
	free(bq->insertall->body);
	free(bq->insertall);
	bq->insertall = NULL;
}

/* The state says that requests may be on the way, from before the first one until the spool is empty at the end: so rows that a killed
 * process may have sent are counted as in doubt. */
static int mark_streaming(struct bigquery *bq, struct spool_reader *reader, bool is_streaming)
{
	struct spool_cursor cursor = *spool_reader_cursor(reader);
	struct bigquery_state state;

	bigquery_state_get(bq, reader, &state);
	if (state.is_streaming == is_streaming)
		return 0;
	state.is_streaming = is_streaming;
	return bigquery_store(bq, reader, &cursor, &state);
}

static void start(struct bigquery *bq, struct spool_reader *reader)
{
	struct bigquery_state state;

	if (bq->insertall->has_started)
		return;
	bigquery_state_get(bq, reader, &state);
	bq->insertall->is_after_crash = state.is_streaming;
	bq->insertall->has_started = true;
}

/* More into the work when all of it is settled, or when only other rows can tell what is wrong. 0 or -errno. */
static int gather(struct bigquery *bq, struct spool_reader *reader)
{
	struct insertall *in = bq->insertall;
	int err;

	if (in->work.pending && !in->wants_more)
		return 0;
	in->wants_more = false;
	err = work_gather(&in->work, reader);
	if (in->is_after_crash && in->work.batch_count) {
		bq->unstored.duplicates_possible += in->work.row_count;
		in->is_after_crash = false;
		in->work.is_begun = true;
	}
	return err;
}

static int deliver(struct bigquery *bq, struct spool_reader *reader, uint64_t *wait_ns)
{
	struct http_answer answer;
	const struct answer_rule *rule;

	if (build(bq))
		return later(wait_ns);
	if (!bq->insertall->sent_count)
		return 0;
	if (mark_streaming(bq, reader, true))
		return later(wait_ns);
	rule = ask(bq, &answer);
	return handle(bq, rule, &answer, wait_ns);
}

static int insertall_step(struct bigquery *bq, struct spool_reader *reader, int is_last, uint64_t *wait_ns)
{
	struct insertall *in = bq->insertall;
	int result = 0;

	*wait_ns = 0;
	start(bq, reader);
	if (gather(bq, reader))
		return later(wait_ns);
	if (!in->work.batch_count) {
		*wait_ns = BIGQUERY_POLL_NS;
		return is_last && mark_streaming(bq, reader, false) ? later(wait_ns) : 0;
	}
	if (in->work.pending)
		result = deliver(bq, reader, wait_ns);
	else if (work_set_suspects_aside(bq, &in->work, in->reason))
		return later(wait_ns);
	if (in->work.pending || in->work.suspects)
		return result;
	return work_acknowledge(bq, &in->work, reader) ? later(wait_ns) : 0;
}

static bool insertall_let_go(struct bigquery *bq, struct spool_reader *reader)
{
	if (bq->insertall->work.is_begun)
		return false;
	work_forget(&bq->insertall->work);
	spool_reader_rewind(reader);
	return true;
}

const struct bigquery_mode bigquery_insertall = {
	"insertall", insertall_open, insertall_step, insertall_let_go, NULL, insertall_close,
};
