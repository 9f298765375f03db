/* SPDX-License-Identifier: Apache-2.0 */
/* bigquery_job.c - load jobs over REST: jobs.insert with an upload (cloud.google.com/bigquery/docs/reference/api-uploads), jobs.get. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include <openssl/sha.h>
#include "../base/options.h"
#include "bigquery_job.h"

static uint8_t *put_be64(uint8_t *out, uint64_t value)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		*out++ = (uint8_t)(value >> shift);
	return out;
}

void job_id(char out[JOB_ID_SIZE], const struct bigquery *bq, const struct spool_reader *reader, const struct load_state *load)
{
	uint8_t name[32 + sizeof(bq->table_path)], digest[SHA256_DIGEST_LENGTH];
	size_t path_len = strlen(bq->table_path);
	int len = snprintf(out, JOB_ID_SIZE, "devourer_");

	spool_reader_uuid(reader, name);
	put_be64(put_be64(name + 16, load->first), load->end.sequence);
	memcpy(name + 32, bq->table_path, path_len);
	SHA256(name, 32 + path_len, digest);
	for (int i = 0; i < 16; i++)
		len += snprintf(out + len, (size_t)(JOB_ID_SIZE - len), "%02x", digest[i]);
	snprintf(out + len, (size_t)(JOB_ID_SIZE - len), "_%" PRIu32, load->attempt);
}

/* The description of the job; free() it. NULL: out of memory. */
static char *describe(const struct bigquery *bq, const char *id)
{
	const struct options *options = bq->options;
	json_t *job = json_pack("{s:{s:s, s:s}, s:{s:{s:{s:s, s:s, s:s}, s:s, s:s, s:s, s:i, s:b}}}",
				"jobReference", "projectId", options->bigquery_project_id, "jobId", id,
				"configuration", "load", "destinationTable", "projectId", options->bigquery_project_id,
				"datasetId", options->bigquery_dataset_id, "tableId", options->bigquery_table_id,
				"sourceFormat", "NEWLINE_DELIMITED_JSON", "writeDisposition", "WRITE_APPEND",
				"createDisposition", "CREATE_NEVER", "maxBadRecords", 0, "ignoreUnknownValues", 0);
	char *text;

	if (*bq->location)
		json_object_set_new(json_object_get(job, "jobReference"), "location", json_string(bq->location));
	text = json_dumps(job, JSON_COMPACT);
	json_decref(job);
	return text;
}

const struct answer_rule *job_get(struct bigquery *bq, const char *id, struct http_answer *answer)
{
	char url[BIGQUERY_URL_SIZE], location[3 * sizeof(bq->location)] = "";
	struct http_request request = { .method = "GET", .url = url, .is_idempotent = true };

	http_escape(location, sizeof(location), bq->location);
	snprintf(url, sizeof(url), "%s%s/jobs/%s%s%s", bq->endpoint, bq->project_path, id, *location ? "?location=" : "", location);
	return bigquery_ask(bq, &request, answer);
}

static void upload_url(char out[BIGQUERY_URL_SIZE], const struct bigquery *bq, const char *type)
{
	snprintf(out, BIGQUERY_URL_SIZE, "%s/upload%s/jobs?uploadType=%s", bq->endpoint, bq->project_path, type);
}

/* RFC 2046 5.1: two parts. The boundary is the job's id; the file has a newline before each `{` and nowhere else, so it holds none. */
const struct answer_rule *job_send_whole(struct bigquery *bq, const char *id, char *file, size_t len, struct http_answer *answer)
{
	char url[BIGQUERY_URL_SIZE], type[128], head[JOB_HEAD_SIZE];
	struct http_request request = { .method = "POST", .url = url, .lines = { type }, .is_idempotent = true };
	char *job = describe(bq, id);
	int head_len = snprintf(head, sizeof(head), "--%s\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n%s\r\n"
				"--%s\r\nContent-Type: application/octet-stream\r\n\r\n", id, job ? job : "", id);
	int tail_len = snprintf(file + len, JOB_TAIL_SIZE, "\r\n--%s--\r\n", id);

	free(job);
	assert(head_len < JOB_HEAD_SIZE);         /* names have at most 256 octets each */
	memcpy(file - head_len, head, (size_t)head_len);
	request.body = file - head_len;
	request.len = (size_t)head_len + len + (size_t)tail_len;
	upload_url(url, bq, "multipart");
	snprintf(type, sizeof(type), "Content-Type: multipart/related; boundary=%s", id);
	return bigquery_ask(bq, &request, answer);
}

/* The server says where to upload to: not from TLS to plain text. Only our own endpoint gets a token there (bigquery_ask). */
static bool is_acceptable(const struct bigquery *bq, const char *url)
{
	return !strncmp(url, "https://", 8) || (!strncmp(url, "http://", 7) && !strncmp(bq->endpoint, "http://", 7));
}

const struct answer_rule *job_open_session(struct bigquery *bq, const char *id, char session[JOB_SESSION_SIZE], struct http_answer *answer)
{
	char url[BIGQUERY_URL_SIZE], *job = describe(bq, id);
	struct http_request request = {
		.method = "POST", .url = url, .body = job, .len = job ? strlen(job) : 0, .is_idempotent = true,
		.lines = { "Content-Type: application/json; charset=UTF-8", "X-Upload-Content-Type: application/octet-stream" },
	};
	const struct answer_rule *rule;

	upload_url(url, bq, "resumable");
	rule = bigquery_ask(bq, &request, answer);
	free(job);
	snprintf(session, JOB_SESSION_SIZE, "%s", rule->action == ANSWER_DONE && is_acceptable(bq, answer->location) ? answer->location : "");
	return rule;
}

const struct answer_rule *job_send_piece(struct bigquery *bq, const char *session, const char *octets, uint64_t start, size_t len, bool is_last,
					 struct http_answer *answer)
{
	char range[96], total[24] = "*";
	struct http_request request = {
		.method = "PUT", .url = session, .lines = { range, "Content-Type: application/octet-stream" }, .body = octets, .len = len,
		.is_idempotent = true,
	};

	if (is_last)
		snprintf(total, sizeof(total), "%" PRIu64, start + len);
	if (len)
		snprintf(range, sizeof(range), "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%s", start, start + len - 1, total);
	else
		snprintf(range, sizeof(range), "Content-Range: bytes */%s", total);
	return bigquery_ask(bq, &request, answer);
}

/* "bytes=0-524287"; without the header nothing is there yet. */
uint64_t job_octets_there(const struct http_answer *answer)
{
	const char *dash = strchr(answer->range, '-');

	return dash ? strtoull(dash + 1, NULL, 10) + 1 : 0;
}

static const char *text_of(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

enum job_state job_read(const struct http_answer *answer, enum answer_reason *reason, char why[JOB_WHY_SIZE])
{
	json_t *job = json_loadb(answer->body, answer->len, 0, NULL), *status = json_object_get(job, "status");
	json_t *error = json_object_get(status, "errorResult");
	enum job_state state = JOB_RUNNING;

	if (!*text_of(status, "state"))
		state = JOB_GARBLED;
	else if (!strcmp(text_of(status, "state"), "DONE"))
		state = error ? JOB_FAILED : JOB_DONE;
	if (state == JOB_FAILED) {
		*reason = answer_reason(text_of(error, "reason"), text_of(error, "message"));
		snprintf(why, JOB_WHY_SIZE, "%s: %s", text_of(error, "reason"), text_of(error, "message"));
	}
	json_decref(job);
	return state;
}
