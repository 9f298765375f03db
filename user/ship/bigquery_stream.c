/* SPDX-License-Identifier: Apache-2.0 */
/* bigquery_stream.c - the calls of the Storage Write API, and their errors in the words of the REST API. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "../base/time.h"
#include "bigquery_stream.h"
#include "google.h"

#define SERVICE "google.cloud.bigquery.storage.v1.BigQueryWrite/"
#define UNARY_TIMEOUT_NS (30 * NS_PER_S)
#define APPEND_TIMEOUT_NS (60 * NS_PER_S)
#define DESCRIPTOR_SIZE 6144                      /* 48 columns of at most 128 octets */
#define PARAMS_SIZE (3 * STREAM_NAME_SIZE + 64)

int append_stream_open(struct stream *stream, struct bigquery *bq)
{
	struct grpc_options options = { .url = bq->write_endpoint, .stop = bq->stop, .now_ns = bq->clock.boot_ns };

	stream->bq = bq;
	return grpc_new(&stream->grpc, &options, bq->http);
}

void append_stream_close(struct stream *stream)
{
	grpc_free(stream->grpc);
	stream->grpc = NULL;
}

void stream_idle(struct stream *stream)
{
	(void)grpc_is_open(stream->grpc);
}

void stream_rest(struct stream *stream)
{
	grpc_close(stream->grpc);
}

/* ---- codes ---- */

/* google/rpc/code.proto: each code with its HTTP status, and a name that REST answers have as `reason`. A method that is not there is a
 * wrong endpoint, for somebody to mend: 405. */
static const struct code { int code, http_status; const char *name; } codes[] = {
	{ GRPC_CANCELLED, 500, "cancelled" },     /* by the server: 499, which stands for us, would be our configuration */
	{ GRPC_UNKNOWN, 500, "unknown" },
	{ GRPC_INVALID_ARGUMENT, 400, "invalid" },
	{ GRPC_DEADLINE_EXCEEDED, 504, "timeout" },
	{ GRPC_NOT_FOUND, 404, "notFound" },
	{ GRPC_ALREADY_EXISTS, 409, "duplicate" },
	{ GRPC_PERMISSION_DENIED, 403, "accessDenied" },
	{ GRPC_RESOURCE_EXHAUSTED, 429, "rateLimitExceeded" },
	{ GRPC_FAILED_PRECONDITION, 400, "failedPrecondition" },
	{ GRPC_ABORTED, 503, "aborted" },
	{ GRPC_OUT_OF_RANGE, 400, "outOfRange" },
	{ GRPC_UNIMPLEMENTED, 405, "unimplemented" },
	{ GRPC_INTERNAL, 500, "internalError" },
	{ GRPC_UNAVAILABLE, 503, "backendError" },
	{ GRPC_DATA_LOSS, 500, "dataLoss" },
	{ GRPC_UNAUTHENTICATED, 401, "authError" },
};

static const struct code *find_code(int code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == code)
			return &codes[i];
	return &codes[1];
}

/* The code that counts: of the call, or of the error within the answer to an append. */
static int last_code(const struct stream *stream)
{
	return stream->grpc_answer.code ? stream->grpc_answer.code : stream->append.code;
}

/* What the connection did, not the server. */
static bool is_lost(const struct grpc_answer *answer)
{
	return answer->code && !answer->is_of_server &&
	       (answer->code == GRPC_UNAVAILABLE || answer->code == GRPC_DEADLINE_EXCEEDED || answer->code == GRPC_INTERNAL);
}

/* For counting: 0 without an answer. */
static int http_status(const struct stream *stream)
{
	if (is_lost(&stream->grpc_answer) || stream->grpc_answer.is_stopped)
		return 0;
	return last_code(stream) ? find_code(last_code(stream))->http_status : 200;
}

static enum stream_said said_by(const struct stream *stream)
{
	static const struct { int code; enum stream_said said; } rows[] = {
		{ GRPC_OK, STREAM_DONE }, { GRPC_ALREADY_EXISTS, STREAM_EXISTS }, { GRPC_OUT_OF_RANGE, STREAM_BEYOND },
		{ GRPC_INVALID_ARGUMENT, STREAM_REFUSED }, { GRPC_NOT_FOUND, STREAM_GONE }, { GRPC_FAILED_PRECONDITION, STREAM_GONE },
	};

	if (stream->is_garbled)
		return STREAM_FAILED;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].code == last_code(stream))
			return rows[i].said;
	return STREAM_FAILED;
}

/* ---- calls ---- */

static void begin(struct stream *stream)
{
	memset(&stream->append, 0, sizeof(stream->append));
	stream->text[0] = 0;
	stream->is_garbled = stream->is_again = false;
}

static void garbled(struct stream *stream, const char *text)
{
	stream->is_garbled = true;
	snprintf(stream->text, sizeof(stream->text), "%s", text);
}

/* What every call has: the token, who pays, and the routing header (google.aip.dev/client-libraries/4222). 0 or as bigquery_token(). */
static int make_call(struct stream *stream, struct grpc_call *call, const char *method, const char *key, const char *name,
		     char params[PARAMS_SIZE])
{
	int len = snprintf(params, PARAMS_SIZE, "x-goog-request-params: %s=", key);

	memset(call, 0, sizeof(*call));
	call->method = method;
	if (http_escape(params + len, PARAMS_SIZE - (size_t)len, name))
		return -EINVAL;
	call->lines[0] = params;
	if (*stream->bq->user_project)
		call->lines[1] = stream->bq->user_project;
	return bigquery_token(stream->bq, &call->bearer);
}

/* Nothing was asked: as an answer that says why. -EACCES and -EAGAIN are those of the token. */
static void not_asked(struct stream *stream, int err)
{
	const char *why = err == -EACCES ? "no access token for these credentials" : err == -EAGAIN ? "no access token now" : strerror(-err);

	memset(&stream->grpc_answer, 0, sizeof(stream->grpc_answer));
	stream->grpc_answer.code = err == -EACCES ? GRPC_PERMISSION_DENIED : GRPC_UNAVAILABLE;
	snprintf(stream->grpc_answer.message, sizeof(stream->grpc_answer.message), "%s", why);
}

/* A token that was refused is got anew, once. */
static bool is_token_refused(struct stream *stream, int try)
{
	if (last_code(stream) != GRPC_UNAUTHENTICATED || try)
		return false;
	google_forget_token(stream->bq->google);
	return true;
}

static void unary(struct stream *stream, const char *method, const char *key, const char *name, const uint8_t *message, size_t len)
{
	char params[PARAMS_SIZE];
	struct grpc_call call;

	begin(stream);
	for (int try = 0;; try++) {
		uint64_t begun_ns = stream->bq->clock.boot_ns();
		int err = make_call(stream, &call, method, key, name, params);

		if (err) {
			not_asked(stream, err);
			return;
		}
		grpc_unary(stream->grpc, &call, message, len, UNARY_TIMEOUT_NS, &stream->grpc_answer);
		bigquery_count(stream->bq, http_status(stream), begun_ns);
		if (!is_token_refused(stream, try))
			return;
	}
}

enum stream_said stream_create(struct stream *stream, char name[STREAM_NAME_SIZE])
{
	uint8_t message[sizeof(stream->bq->table_path) + 64];
	size_t len = create_stream_write(message, sizeof(message), stream->bq->table_path);
	enum stream_said said;

	unary(stream, SERVICE "CreateWriteStream", "parent", stream->bq->table_path, message, len);
	said = said_by(stream);
	if (stream->grpc_answer.code == GRPC_NOT_FOUND)
		return STREAM_NO_TABLE;
	if (said != STREAM_DONE)
		return said == STREAM_FAILED ? said : STREAM_REFUSED;
	if (!write_stream_read(name, stream->grpc_answer.octets, stream->grpc_answer.len))
		return STREAM_DONE;
	garbled(stream, "the answer has no name of a stream");
	return STREAM_FAILED;
}

/* One that the server does not know is refused by some as a bad argument. */
enum stream_said stream_finalize(struct stream *stream, const char *name, uint64_t *rows)
{
	uint8_t message[STREAM_NAME_SIZE + 16];
	size_t len = stream_name_write(message, sizeof(message), name);
	enum stream_said said;
	int64_t count;

	unary(stream, SERVICE "FinalizeWriteStream", "name", name, message, len);
	said = said_by(stream);
	if (said != STREAM_DONE)
		return said == STREAM_FAILED ? said : STREAM_GONE;
	if (finalize_read(&count, stream->grpc_answer.octets, stream->grpc_answer.len)) {
		garbled(stream, "the answer has no row count");
		return STREAM_FAILED;
	}
	*rows = (uint64_t)count;
	return STREAM_DONE;
}

/* ---- append ---- */

static bool is_open_for(struct stream *stream, const char *name)
{
	return grpc_is_open(stream->grpc) && !strcmp(stream->open_name, name) && stream->open_columns == stream->bq->columns;
}

static int open_append(struct stream *stream, const struct grpc_call *call, const char *name)
{
	snprintf(stream->open_name, sizeof(stream->open_name), "%s", name);
	stream->open_columns = stream->bq->columns;
	return grpc_open(stream->grpc, call);
}

/* The first message of a call brings the schema. 0 or -errno: nothing was sent. */
static int send_rows(struct stream *stream, const char *name, uint64_t offset, struct append_request *request)
{
	uint8_t descriptor[DESCRIPTOR_SIZE];
	size_t descriptor_len = 0, len = 0;
	bool is_first = stream->is_careful || !is_open_for(stream, name);
	char params[PARAMS_SIZE];
	struct grpc_call call;
	const uint8_t *message;
	int err = is_first ? make_call(stream, &call, SERVICE "AppendRows", "write_stream", name, params) : 0;

	if (!err && is_first && !stream->is_careful)
		err = open_append(stream, &call, name);
	if (err)
		return err;
	if (is_first)
		descriptor_len = row_descriptor(descriptor, sizeof(descriptor), stream->bq->columns);
	message = append_request_finish(request, name, offset, is_first ? descriptor : NULL, descriptor_len, &len);
	if (!message)
		return -EINVAL;
	if (stream->is_careful)
		grpc_unary(stream->grpc, &call, message, len, APPEND_TIMEOUT_NS, &stream->grpc_answer);
	else
		grpc_ask(stream->grpc, message, len, APPEND_TIMEOUT_NS, &stream->grpc_answer);
	return 0;
}

/* Stored, but elsewhere than asked for: the answer belongs to something else. The offset is left out when it is unknown. */
static void read_append(struct stream *stream, uint64_t offset)
{
	struct append_answer *append = &stream->append;

	if (stream->grpc_answer.code)
		return;
	if (append_answer_read(append, stream->grpc_answer.octets, stream->grpc_answer.len))
		garbled(stream, "the answer to an append is not understood");
	else if (append->is_accepted && append->has_offset && (uint64_t)append->offset != offset)
		garbled(stream, "the answer to an append has another offset");
	else if (!append->is_accepted && !append->code && !append->row_errors)
		garbled(stream, "the answer to an append is empty");
	if (stream->is_garbled)
		grpc_close(stream->grpc);
}

static enum stream_said append_said(const struct stream *stream)
{
	const struct append_answer *append = &stream->append;

	if (!stream->grpc_answer.code && !stream->is_garbled) {
		if (append->storage_error == STORAGE_TABLE_NOT_FOUND || append->storage_error == STORAGE_EXTRA_FIELDS)
			return STREAM_NO_TABLE;
		if (append->storage_error == STORAGE_STREAM_NOT_FOUND || append->storage_error == STORAGE_STREAM_FINALIZED)
			return STREAM_GONE;
		if (append->row_errors)
			return STREAM_REFUSED;
	}
	return said_by(stream);
}

static void append(struct stream *stream, const char *name, uint64_t offset, struct append_request *request)
{
	uint64_t begun_ns = stream->bq->clock.boot_ns();
	bool was_careful = stream->is_careful;
	int err;

	begin(stream);
	err = send_rows(stream, name, offset, request);
	if (err) {
		not_asked(stream, err);
		return;
	}
	read_append(stream, offset);
	bigquery_count(stream->bq, http_status(stream), begun_ns);
	stream->is_careful = is_lost(&stream->grpc_answer);
	stream->is_again = stream->is_careful && !was_careful && stream->grpc_answer.code == GRPC_UNAVAILABLE;
}

enum stream_said stream_append(struct stream *stream, const char *name, uint64_t offset, struct append_request *request)
{
	append(stream, name, offset, request);
	if (is_token_refused(stream, 0)) {
		grpc_close(stream->grpc);
		append(stream, name, offset, request);
	}
	return append_said(stream);
}

/* ---- what to do about it ---- */

/* Text of a server, for a JSON body. */
static void write_quoted(char *out, size_t size, const char *text)
{
	size_t at = 0;

	for (; *text && at + 3 < size; text++) {
		bool is_plain = *text >= ' ' && *text <= '~';

		if (*text == '"' || *text == '\\')
			out[at++] = '\\';
		out[at++] = is_plain ? *text : '?';
	}
	out[at] = 0;
}

static const char *last_text(const struct stream *stream)
{
	if (*stream->text)
		return stream->text;
	return stream->grpc_answer.code ? stream->grpc_answer.message : stream->append.message;
}

void stream_text(const struct stream *stream, char out[ANSWER_TEXT_SIZE])
{
	snprintf(out, ANSWER_TEXT_SIZE, "%s: %.200s", find_code(last_code(stream))->name, last_text(stream));
}

static void as_http(struct stream *stream, struct http_answer *out, char *body, size_t size)
{
	const struct code *code = find_code(last_code(stream));
	char message[2 * ANSWER_TEXT_SIZE];

	memset(out, 0, sizeof(*out));
	snprintf(out->why, sizeof(out->why), "%s", last_text(stream));
	if (stream->grpc_answer.is_stopped) {
		out->fate = HTTP_STOPPED;
	} else if (stream->is_garbled || is_lost(&stream->grpc_answer)) {
		out->fate = HTTP_LOST;
	} else {
		write_quoted(message, sizeof(message), last_text(stream));
		out->fate = HTTP_ANSWERED;
		out->status = code->http_status;
		out->body = body;
		out->len = (size_t)snprintf(body, size, "{\"error\":{\"message\":\"%s\",\"errors\":[{\"reason\":\"%s\"}]}}", message, code->name);
	}
}

int stream_delay(struct stream *stream, const char *what, bool hold, uint64_t *wait_ns)
{
	struct http_answer answer;
	char body[4 * ANSWER_TEXT_SIZE];

	as_http(stream, &answer, body, sizeof(body));
	return bigquery_delay(stream->bq, hold ? &answer_hold : answer_read(&answer), &answer, what, wait_ns);
}
