/* SPDX-License-Identifier: Apache-2.0 */
/* bigquery_load.c - rows by load jobs: free, a minute or two of delay, exactly once because a job's name can be taken only once.
 *
 * What a job covers is stored with the cursor before it is sent, so that a restart asks for the same name. A job is atomic. One that
 * failed is never sent again under its name; when its rows are the reason, half of them is tried, and half of that, until it is one row.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../base/log.h"
#include "../base/options.h"
#include "bigquery_job.h"

#define MAX_ROWS 1000000
#define MAX_OCTETS (256ull << 20)                 /* of lines */
#define MIN_OCTETS (1ull << 20)                   /* after "too large" again and again */
#define LOAD_MAGIC 0x6c6f6164                     /* other modes leave other octets */
#define RETRY_STORE_NS 5000000000ull
#define LOOK_NS 10000000000ull                    /* while waiting for the interval */
#define POLL_MIN_NS 1000000000ull
#define POLL_MAX_NS 30000000000ull

/* Sending goes from PHASE_BUILD over PHASE_PIECES, when it is large, to PHASE_ASK; an unknown end too. */
enum load_phase { PHASE_IDLE, PHASE_BUILD, PHASE_PIECES, PHASE_ASK };

struct load {
	enum load_phase phase;
	struct bigquery_state state;              /* as it is stored */
	char id[JOB_ID_SIZE];
	char *memory;                             /* head, buffer of `range`, tail */
	struct range range;
	char session[JOB_SESSION_SIZE];
	bool is_unsure;                           /* how far the upload came */
	bool is_taken;                            /* the server says that it has the job */
	bool is_in_doubt;                         /* a former upload may still make the job */
	uint32_t polls;
	uint64_t max_octets;
};

static int later(uint64_t *wait_ns)
{
	*wait_ns = RETRY_STORE_NS;
	return -EAGAIN;
}

/* ---- the stored state ---- */

/* Store it with the cursor as it is. 0 or -errno. */
static int store(struct bigquery *bq, struct spool_reader *reader)
{
	struct load_state *job = &bq->load->state.load;
	struct spool_cursor cursor = *spool_reader_cursor(reader);

	bq->load->state.owner = job->is_planned || job->settled_delivered || job->settled_dead ? OWNER_LOAD : OWNER_NONE;
	return bigquery_store(bq, reader, &cursor, &bq->load->state);
}

/* There is no job of this name, or it has failed. */
static int unplan(struct bigquery *bq, struct spool_reader *reader)
{
	struct load *load = bq->load;

	load->state.load.is_planned = 0;
	load->phase = PHASE_IDLE;
	range_end(&load->range);
	return store(bq, reader);
}

static int next_attempt(struct bigquery *bq, struct spool_reader *reader)
{
	bq->load->state.load.attempt++;
	return unplan(bq, reader);
}

/* A part of the first frame is settled: the cursor stays before it. */
static int settle_part(struct bigquery *bq, struct spool_reader *reader)
{
	struct load_state *job = &bq->load->state.load;

	job->settled_delivered += job->rows;
	job->settled_dead += job->dead;
	job->first = job->end.sequence;
	job->attempt = 0;
	return unplan(bq, reader);
}

static int settle_frames(struct bigquery *bq, struct spool_reader *reader)
{
	struct load *load = bq->load;
	struct load_state job = load->state.load;
	struct spool_cursor cursor = *spool_reader_cursor(reader);
	struct bigquery_state next = load->state;
	int err;

	cursor.at = job.end;
	cursor.counts.delivered += job.rows + job.settled_delivered;
	cursor.counts.dead += job.dead + job.settled_dead;
	cursor.counts.dropped_full += job.lost_full;
	cursor.counts.dropped_damaged += job.lost_damaged;
	next.owner = OWNER_NONE;
	next.load = (struct load_state){ .magic = LOAD_MAGIC, .bad_end = job.bad_end };
	err = bigquery_store(bq, reader, &cursor, &next);
	if (err)
		return err;
	load->state = next;
	load->phase = PHASE_IDLE;
	range_end(&load->range);
	return 0;
}

/* All of the job is delivered or set aside. */
static int settle(struct bigquery *bq, struct spool_reader *reader, uint64_t *wait_ns)
{
	return (bq->load->state.load.is_inside ? settle_part(bq, reader) : settle_frames(bq, reader)) ? later(wait_ns) : 0;
}

/* ---- planning ---- */

/* When the wall clock was set back, some wait for up to two intervals. */
static uint64_t interval_left_ns(const struct bigquery *bq)
{
	uint64_t now_ns = bq->clock.wall_ns(), last_ns = bq->load->state.last_load_ns, interval_ns = bq->options->bigquery_load_interval_ns;
	uint64_t since_ns = now_ns > last_ns ? now_ns - last_ns : last_ns - now_ns;

	return since_ns < interval_ns ? interval_ns - since_ns : 0;
}

static int begin_job(struct bigquery *bq, struct spool_reader *reader, uint64_t *wait_ns)
{
	struct load *load = bq->load;

	load->state.load.is_planned = 1;
	load->state.last_load_ns = bq->clock.wall_ns();
	if (store(bq, reader)) {
		load->state.load.is_planned = 0;
		return later(wait_ns);
	}
	job_id(load->id, bq, reader, &load->state.load);
	load->is_taken = load->is_in_doubt = false;
	load->phase = PHASE_BUILD;
	return 0;
}

static int plan(struct bigquery *bq, struct spool_reader *reader, int is_last, uint64_t *wait_ns)
{
	struct load *load = bq->load;
	uint64_t left_ns = is_last ? 0 : interval_left_ns(bq);
	int result;

	if (left_ns) {
		*wait_ns = left_ns < LOOK_NS ? left_ns : LOOK_NS;
		return 0;
	}
	result = range_plan(reader, &load->state.load, MAX_ROWS, load->max_octets);
	if (result < 0)
		return later(wait_ns);
	if (!result) {
		*wait_ns = BIGQUERY_POLL_NS;
		return 0;
	}
	return load->state.load.rows ? begin_job(bq, reader, wait_ns) : settle(bq, reader, wait_ns);
}

/* ---- what went wrong ---- */

/* Asked for again when this cannot be stored. */
static int set_row_aside(struct bigquery *bq, struct spool_reader *reader, const char *why, uint64_t *wait_ns)
{
	struct load_state *job = &bq->load->state.load, before = *job;
	int result;

	if (range_set_aside(&bq->load->range, bq, reader, job, why))
		return later(wait_ns);
	log_warn("bigquery %s: a record was refused and set aside: %s", bq->options->bigquery_table_id, why);
	job->dead++;
	job->rows = 0;
	result = settle(bq, reader, wait_ns);
	if (result)
		*job = before;
	return result;
}

/* The rows are bad. Mode auto lets insertAll find which; else halves of the range do. */
static int handle_bad_rows(struct bigquery *bq, struct spool_reader *reader, const char *why, uint64_t *wait_ns)
{
	struct load *load = bq->load;
	struct load_state *job = &load->state.load;

	if (job->rows == 1)
		return set_row_aside(bq, reader, why, wait_ns);
	log_warn("bigquery %s: load job %s failed, looking for the bad record: %s", bq->options->bigquery_table_id, load->id, why);
	job->bad_end = job->end.sequence;
	(void)bigquery_avoid_load(bq, BIGQUERY_QUOTA_NS);
	return next_attempt(bq, reader) ? later(wait_ns) : 0;
}

static int handle_failed_job(struct bigquery *bq, struct spool_reader *reader, enum answer_reason reason, const char *why, uint64_t *wait_ns)
{
	char what[JOB_WHY_SIZE + 32];
	int err = 0;

	if (reason == REASON_ROW)
		return handle_bad_rows(bq, reader, why, wait_ns);
	snprintf(what, sizeof(what), "load job failed: %s", why);
	if (next_attempt(bq, reader))
		return later(wait_ns);
	if (reason == REASON_QUOTA && bigquery_avoid_load(bq, BIGQUERY_QUOTA_NS))
		return 0;
	if (reason == REASON_TABLE)
		err = bigquery_look_again(bq);
	if (err || reason == REASON_HOLD) {
		int result = bigquery_delay(bq, &answer_hold, NULL, what, wait_ns);

		return err ? err : result;
	}
	return bigquery_delay(bq, &answer_garbled, NULL, what, wait_ns);
}

static int handle_too_large(struct bigquery *bq, struct spool_reader *reader, const struct http_answer *answer, uint64_t *wait_ns)
{
	struct load *load = bq->load;

	if (load->max_octets < 2 * MIN_OCTETS)
		return bigquery_delay(bq, &answer_hold, answer, "load job", wait_ns);
	load->max_octets /= 2;
	return unplan(bq, reader) ? later(wait_ns) : 0;
}

static int handle_missing(struct bigquery *bq, const struct answer_rule *rule, const char *what, uint64_t *wait_ns)
{
	int err = bigquery_look_again(bq);

	if (err)
		bigquery_delay(bq, &answer_hold, NULL, "load job: the table does not fit", wait_ns);
	return err ? err : bigquery_delay(bq, rule, NULL, what, wait_ns);
}

/* The upload did not go through: ask for the job when nobody knows, else send it again under its name. */
static int handle_failed_upload(struct bigquery *bq, struct spool_reader *reader, const struct answer_rule *rule, const struct http_answer *answer,
				uint64_t *wait_ns)
{
	struct load *load = bq->load;
	char text[ANSWER_TEXT_SIZE];

	load->phase = rule->is_in_doubt ? PHASE_ASK : PHASE_BUILD;
	load->is_in_doubt = load->is_in_doubt || rule->is_in_doubt;
	answer_text(answer, text);
	if (rule->action == ANSWER_TAKEN) {
		load->is_taken = true;
		load->phase = PHASE_ASK;
		return 0;
	}
	if (answer->status == 413)
		return handle_too_large(bq, reader, answer, wait_ns);
	if ((rule->action == ANSWER_QUOTA || rule->action == ANSWER_HALVE) && bigquery_avoid_load(bq, BIGQUERY_QUOTA_NS) && !load->is_in_doubt)
		return unplan(bq, reader) ? later(wait_ns) : 0;
	if (rule->action == ANSWER_HALVE)
		return bigquery_delay(bq, &answer_hold, answer, "load job", wait_ns);
	if (rule->action == ANSWER_NOT_THERE)
		return handle_missing(bq, rule, text, wait_ns);
	return bigquery_delay(bq, rule, answer, "load job", wait_ns);
}

/* ---- phases ---- */

static int wait_for_job(struct bigquery *bq, uint64_t *wait_ns)
{
	uint32_t polls = bq->load->polls++;

	bq->load->phase = PHASE_ASK;
	*wait_ns = polls < 5 ? POLL_MIN_NS << polls : POLL_MAX_NS;
	return 0;
}

/* `answer` holds the job. */
static int judge(struct bigquery *bq, struct spool_reader *reader, const struct http_answer *answer, uint64_t *wait_ns)
{
	enum answer_reason reason = REASON_ROW;
	char why[JOB_WHY_SIZE] = "";

	switch (job_read(answer, &reason, why)) {
	case JOB_RUNNING:
		bigquery_recover(bq);
		return wait_for_job(bq, wait_ns);
	case JOB_DONE:
		bigquery_recover(bq);
		return settle(bq, reader, wait_ns);
	case JOB_FAILED:
		return handle_failed_job(bq, reader, reason, why, wait_ns);
	default:
		bq->load->phase = PHASE_ASK;
		return bigquery_delay(bq, &answer_garbled, answer, "load job", wait_ns);
	}
}

/* What the file holds in the end is stored before the request that makes the job. 0 or -errno. */
static int store_counts(struct bigquery *bq, struct spool_reader *reader)
{
	struct load_state *job = &bq->load->state.load, planned = *job;
	int err;

	range_counts(&bq->load->range, reader, job);
	if (job->rows == planned.rows && job->dead == planned.dead && job->lost_damaged == planned.lost_damaged)
		return 0;
	err = store(bq, reader);
	if (err)
		*job = planned;
	return err;
}

static int send_whole(struct bigquery *bq, struct spool_reader *reader, uint64_t *wait_ns)
{
	struct load *load = bq->load;
	struct http_answer answer;
	const struct answer_rule *rule;

	if (store_counts(bq, reader))
		return later(wait_ns);
	if (!load->range.rows)
		return settle(bq, reader, wait_ns);
	rule = job_send_whole(bq, load->id, load->range.buffer, load->range.len, &answer);
	return rule->action == ANSWER_DONE ? judge(bq, reader, &answer, wait_ns) : handle_failed_upload(bq, reader, rule, &answer, wait_ns);
}

static int open_session(struct bigquery *bq, struct spool_reader *reader, uint64_t *wait_ns)
{
	struct load *load = bq->load;
	struct http_answer answer;
	const struct answer_rule *rule = job_open_session(bq, load->id, load->session, &answer);

	if (rule->action != ANSWER_DONE)
		return handle_failed_upload(bq, reader, rule, &answer, wait_ns);
	if (!*load->session)
		return bigquery_delay(bq, &answer_garbled, NULL, "load job: no place to upload to", wait_ns);
	load->is_unsure = false;
	load->phase = PHASE_PIECES;
	return 0;
}

static int build(struct bigquery *bq, struct spool_reader *reader, uint64_t *wait_ns)
{
	struct load *load = bq->load;

	load->phase = PHASE_BUILD;
	load->polls = 0;
	range_begin(&load->range, reader);
	if (range_fill(&load->range, bq, reader, &load->state.load))
		return later(wait_ns);
	return load->range.is_whole ? send_whole(bq, reader, wait_ns) : open_session(bq, reader, wait_ns);
}

static int ask(struct bigquery *bq, struct spool_reader *reader, uint64_t *wait_ns)
{
	struct load *load = bq->load;
	struct http_answer answer;
	const struct answer_rule *rule = job_get(bq, load->id, &answer);

	if (rule->action == ANSWER_DONE)
		return judge(bq, reader, &answer, wait_ns);
	if (rule->action == ANSWER_NOT_THERE && !load->is_taken)
		return build(bq, reader, wait_ns);
	return bigquery_delay(bq, rule, &answer, "load job: asking for it", wait_ns);
}

/* 308: a part of the upload is there. What it has not is sent again from memory, or all from the start. */
static int handle_progress(struct bigquery *bq, const struct http_answer *answer, uint64_t *wait_ns)
{
	struct load *load = bq->load;
	uint64_t there = job_octets_there(answer);
	bool was_question = load->is_unsure;

	load->is_unsure = false;
	if (there < load->range.start || there > load->range.start + load->range.len) {
		load->phase = PHASE_BUILD;
		return bigquery_delay(bq, &answer_garbled, NULL, "load job: the upload begins again", wait_ns);
	}
	if (there == load->range.start && !was_question)
		return bigquery_delay(bq, &answer_garbled, NULL, "load job: the upload does not go on", wait_ns);
	if (there > load->range.start)
		bigquery_recover(bq);
	range_drop(&load->range, (size_t)(there - load->range.start));
	return 0;
}

/* The session ends after a week, or when the server says so. */
static bool is_session_gone(const struct http_answer *answer)
{
	return answer->fate == HTTP_ANSWERED && (answer->status == 404 || answer->status == 410 || answer->status == 400);
}

static int handle_piece(struct bigquery *bq, struct spool_reader *reader, const struct answer_rule *rule, const struct http_answer *answer,
			uint64_t *wait_ns)
{
	struct load *load = bq->load;

	if (answer->fate == HTTP_ANSWERED && answer->status == 308)
		return handle_progress(bq, answer, wait_ns);
	if (rule->action == ANSWER_DONE)
		return judge(bq, reader, answer, wait_ns);
	if (rule->action == ANSWER_TAKEN)
		return handle_failed_upload(bq, reader, rule, answer, wait_ns);
	load->is_unsure = true;
	load->phase = is_session_gone(answer) ? PHASE_ASK : PHASE_PIECES;
	return bigquery_delay(bq, is_session_gone(answer) ? &answer_garbled : rule, answer, "load job: upload", wait_ns);
}

/* All but the last piece are multiples of RANGE_CHUNK, and something is kept back for the last one. */
static const struct answer_rule *ask_piece(struct bigquery *bq, struct http_answer *answer)
{
	struct load *load = bq->load;
	struct range *range = &load->range;
	size_t len = range->is_whole ? range->len : (range->len - 1) / RANGE_CHUNK * RANGE_CHUNK;

	if (load->is_unsure)
		return job_send_piece(bq, load->session, NULL, range->start + range->len, 0, range->is_whole, answer);
	return job_send_piece(bq, load->session, range->buffer, range->start, len, range->is_whole, answer);
}

static int send_piece(struct bigquery *bq, struct spool_reader *reader, uint64_t *wait_ns)
{
	struct load *load = bq->load;
	struct http_answer answer;
	const struct answer_rule *rule;

	if (!load->is_unsure && range_fill(&load->range, bq, reader, &load->state.load))
		return later(wait_ns);
	if (load->range.is_whole && store_counts(bq, reader))
		return later(wait_ns);
	rule = ask_piece(bq, &answer);
	return handle_piece(bq, reader, rule, &answer, wait_ns);
}

/* ---- the mode ---- */

static int load_open(struct bigquery *bq)
{
	struct load *load = calloc(1, sizeof(*load));

	bq->load = load;
	if (!load)
		return -ENOMEM;
	load->max_octets = MAX_OCTETS;
	load->memory = malloc(JOB_HEAD_SIZE + RANGE_BUFFER + JOB_TAIL_SIZE);
	if (!load->memory)
		return -ENOMEM;
	load->range.buffer = load->memory + JOB_HEAD_SIZE;
	return 0;
}

static void load_close(struct bigquery *bq)
{
	if (!bq->load)
		return;
	range_end(&bq->load->range);
	free(bq->load->memory);
	free(bq->load);
	bq->load = NULL;
}

/* Another mode may have moved the cursor; a former process may have sent the job that is planned. */
static void resume(struct bigquery *bq, struct spool_reader *reader)
{
	struct load *load = bq->load;

	bigquery_state_get(bq, reader, &load->state);
	if (load->state.load.magic != LOAD_MAGIC)
		load->state.load = (struct load_state){ .magic = LOAD_MAGIC };
	if (!load->state.load.is_planned)
		return;
	job_id(load->id, bq, reader, &load->state.load);
	load->is_taken = false;
	load->is_in_doubt = true;
	load->polls = 0;
	load->phase = PHASE_ASK;
}

static int load_step(struct bigquery *bq, struct spool_reader *reader, int is_last, uint64_t *wait_ns)
{
	*wait_ns = 0;
	if (bq->load->phase == PHASE_IDLE)
		resume(bq, reader);
	switch (bq->load->phase) {
	case PHASE_BUILD:
		return build(bq, reader, wait_ns);
	case PHASE_PIECES:
		return send_piece(bq, reader, wait_ns);
	case PHASE_ASK:
		return ask(bq, reader, wait_ns);
	default:
		return plan(bq, reader, is_last, wait_ns);
	}
}

static bool load_let_go(struct bigquery *bq, struct spool_reader *reader)
{
	struct bigquery_state state;

	bigquery_state_get(bq, reader, &state);
	if (bq->load->phase != PHASE_IDLE || state.owner == OWNER_LOAD)
		return false;
	spool_reader_rewind(reader);
	return true;
}

const struct bigquery_mode bigquery_load = {
	"load", load_open, load_step, load_let_go, NULL, load_close,
};
