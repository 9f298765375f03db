/* SPDX-License-Identifier: Apache-2.0 */
/* write_world.h - mode write with a real spool, and a Storage Write API of the test's own over real HTTP/2: it keeps streams, offsets and rows
 * as the service does, and fails as the test says. Include after cmocka.h.
 */
#ifndef DEVOURER_TESTS_WRITE_WORLD_H
#define DEVOURER_TESTS_WRITE_WORLD_H
#include "h2_server.h"
#include "../user/base/log.h"
#include "../user/base/options.h"
#include "../user/base/time.h"
#include "../user/ship/bigquery.h"
#include "../user/ship/bigquery_proto.h"
#include "../user/ship/dead_letter.h"
#include "../user/ship/google.h"
#include "../user/ship/grpc.h"

#define BAD_PORT 666                              /* a record with this port is refused by the service */
#define STREAMS_MAX 512
#define IDS_MAX 20000
#define APPENDS_MAX 4096
#define FAULTS_MAX 8
#define TABLE "projects/p1/datasets/d1/tables/flow_logs"
#define ALL_COLUMNS (~0ull >> (64 - 17))          /* of the record without --extended */

enum wrong {
	IN_TRAILERS,                              /* `code` ends the call */
	IN_ANSWER,                                /* `code` and maybe `detail` in the answer, the call goes on */
	KILL,                                     /* the connection is reset */
	MUTE,                                     /* no answer at all */
	OCTETS,                                   /* `octets` is the answer */
	OTHER_OFFSET,                             /* accepted, somewhere else */
	PAGE,                                     /* HTTP status `text` */
};

/* What goes wrong with calls of `method`, `times` times after the first `skip`. */
struct fault {
	const char *method;
	enum wrong wrong;
	int code, detail;
	bool is_done;                             /* the service does what was asked before */
	unsigned times, skip;
	const char *octets;
	size_t len;
};

struct served_append { uint64_t offset; size_t rows, octets; bool has_schema; int stream; };

struct service {
	struct { uint64_t rows; bool is_finalized, is_lost; } streams[STREAMS_MAX];
	int stream_count;
	uint8_t times[IDS_MAX];                   /* how often the record of that number is stored */
	uint64_t stored;
	bool is_terse;                            /* says nothing about which row is bad */
	bool has_no_code;                         /* row errors alone */
	bool refuses_all, has_no_table;
	bool knows_streams_by_argument;           /* a stream that it does not know is INVALID_ARGUMENT */
	struct served_append appends[APPENDS_MAX];
	unsigned append_count, finalize_count;
	struct fault faults[FAULTS_MAX];
	size_t fault_count;
	char authorization[256], params[512];     /* of the last append */
	size_t schema_len;
};

struct world {
	char dir[64], spool_dir[80], log[80];
	struct options options;
	struct bigquery bq;
	struct spool *spool;
	struct spool_reader *reader;
	unsigned lines;                           /* put so far */
	uint64_t wait_ns;
	struct h2_server server;
	struct service service;
	volatile int stop;
	const char *token;
	unsigned tokens_forgotten, table_checks;
	row_columns_t table_columns;              /* what a check finds */
	int table_err;
};

static struct world *the_world;

/* ---- stand-ins for the credentials and for the table ---- */

int google_open(struct google **out, const struct google_options *options, struct http *http)
{
	(void)out, (void)options, (void)http;
	return -ENOSYS;
}
void google_close(struct google *google) { (void)google; }
const char *google_source(const struct google *google) { (void)google; return ""; }
const char *google_quota_project(const struct google *google) { (void)google; return NULL; }
void google_note_date(struct google *google, uint64_t date_s, uint64_t wall_ns) { (void)google, (void)date_s, (void)wall_ns; }
void google_stats(const struct google *google, struct google_stats *out) { (void)google; memset(out, 0, sizeof(*out)); }
void google_forget_token(struct google *google)
{
	(void)google;
	the_world->tokens_forgotten++;
	the_world->token = "second";
}
int google_token(struct google *google, uint64_t boot_ns, uint64_t wall_ns, const char **token)
{
	(void)google, (void)boot_ns, (void)wall_ns;
	*token = the_world->token;
	return 0;
}

int bigquery_table_check(struct bigquery *bq)
{
	the_world->table_checks++;
	bq->looked_boot_ns = bq->clock.boot_ns();
	if (!the_world->table_err)
		bq->columns = the_world->table_columns;
	return the_world->table_err;
}
row_columns_t bigquery_wanted_columns(const struct bigquery *bq) { (void)bq; return ALL_COLUMNS; }

/* ---- the service; runs in the server's thread ---- */

static bool read_field(const uint8_t *octets, size_t len, uint32_t number, struct proto_field *out)
{
	struct proto_reader reader = { octets, octets + len };

	while (proto_read(&reader, out) > 0)
		if (out->number == number)
			return true;
	memset(out, 0, sizeof(*out));
	return false;
}

static size_t put_field(uint8_t *out, uint32_t number, const void *octets, size_t len)
{
	size_t at = proto_varint(out, number << 3 | PROTO_LEN);

	at += proto_varint(out + at, len);
	memcpy(out + at, octets, len);
	return at + len;
}

static size_t put_number(uint8_t *out, uint32_t number, uint64_t value)
{
	size_t at = proto_varint(out, number << 3 | PROTO_VARINT);

	return at + proto_varint(out + at, value);
}

static void answer_result(struct h2_stream *call, uint64_t offset)
{
	uint8_t number[16], result[32], message[64];
	size_t len = put_field(result, 1, number, put_number(number, 1, offset));

	h2_answer(call, message, put_field(message, 1, result, len));
}

/* AppendRowsResponse.error; `rows`: row_errors that are written already. */
static void answer_error(struct h2_stream *call, int code, int detail, const char *text, const uint8_t *rows, size_t rows_len)
{
	static const char type[] = "type.googleapis.com/google.cloud.bigquery.storage.v1.StorageError";
	uint8_t storage[16], any[128], status[512], *message = malloc(1024 + rows_len);
	size_t len, at = put_number(status, 1, (uint64_t)code);

	h2_need(message);
	at += put_field(status + at, 2, text, strlen(text));
	if (detail) {
		len = put_field(any, 1, type, sizeof(type) - 1);
		len += put_field(any + len, 2, storage, put_number(storage, 1, (uint64_t)detail));
		at += put_field(status + at, 3, any, len);
	}
	len = put_field(message, 2, status, at);
	if (rows_len)
		memcpy(message + len, rows, rows_len);
	h2_answer(call, message, len + rows_len);
	free(message);
}

static struct fault *find_fault(struct service *s, const char *method)
{
	for (size_t i = 0; i < s->fault_count; i++) {
		struct fault *fault = &s->faults[i];

		if (!fault->times || !strstr(method, fault->method))
			continue;
		if (fault->skip) {
			fault->skip--;
			continue;
		}
		fault->times--;
		return fault;
	}
	return NULL;
}

static void go_wrong(struct h2_stream *call, const struct fault *fault)
{
	switch (fault->wrong) {
	case IN_TRAILERS: h2_end(call, fault->code, "injected"); break;
	case IN_ANSWER: answer_error(call, fault->code, fault->detail, "injected", NULL, 0); break;
	case KILL: h2_kill(call); break;
	case MUTE: break;
	case OCTETS: h2_answer(call, fault->octets, fault->len); break;
	case OTHER_OFFSET: answer_result(call, 1u << 30); break;
	case PAGE: h2_page(call, fault->octets, "<html>"); break;
	}
}

/* -1: not known. */
static int stream_number(const struct service *s, const uint8_t *name, size_t len)
{
	static const char before[] = TABLE "/streams/s";
	char digits[8];
	int number;

	if (len <= sizeof(before) - 1 || memcmp(name, before, sizeof(before) - 1))
		return -1;
	snprintf(digits, sizeof(digits), "%.*s", (int)(len - (sizeof(before) - 1)), (const char *)name + sizeof(before) - 1);
	number = atoi(digits);
	return number < s->stream_count && !s->streams[number].is_lost ? number : -1;
}

static unsigned record_number(const uint8_t *row, size_t len)
{
	struct proto_field id;
	char text[16] = "";

	h2_need(read_field(row, len, 1, &id) && id.len >= 8);
	memcpy(text, id.octets, 8);
	return (unsigned)strtoul(text, NULL, 16);
}

static bool is_bad_row(const struct service *s, const uint8_t *row, size_t len)
{
	struct proto_field port;

	return s->refuses_all || (read_field(row, len, 5, &port) && port.value == BAD_PORT);
}

/* Row errors of the bad ones; how many octets. */
static size_t check_rows(const struct service *s, const struct proto_field *rows, uint8_t *out)
{
	struct proto_reader reader = { rows->octets, rows->octets + rows->len };
	struct proto_field row;
	uint8_t error[64];
	size_t at = 0, len;

	for (uint64_t i = 0; proto_read(&reader, &row) > 0; i++) {
		if (!is_bad_row(s, row.octets, row.len))
			continue;
		len = put_number(error, 1, i);
		len += put_field(error + len, 3, "no such port", 12);
		at += put_field(out + at, 4, error, len);
	}
	return at;
}

static size_t store_rows(struct service *s, const struct proto_field *rows)
{
	struct proto_reader reader = { rows->octets, rows->octets + rows->len };
	struct proto_field row;
	size_t count = 0;

	for (; proto_read(&reader, &row) > 0; count++) {
		unsigned number = record_number(row.octets, row.len);

		h2_need(number < IDS_MAX);
		s->times[number]++;
	}
	return count;
}

static size_t count_rows(const struct proto_field *rows)
{
	struct proto_reader reader = { rows->octets, rows->octets + rows->len };
	struct proto_field row;
	size_t count = 0;

	while (proto_read(&reader, &row) > 0)
		count++;
	return count;
}

/* Answers, unless `call` is NULL: then it is only done. */
static void append(struct service *s, struct h2_stream *call, int stream, uint64_t offset, const struct proto_field *rows)
{
	uint8_t *errors = malloc(64 * (count_rows(rows) + 1));
	size_t len = check_rows(s, rows, errors);
	uint64_t at = stream >= 0 ? s->streams[stream].rows : 0;
	int code = 0;

	h2_need(errors);
	if (stream < 0)
		code = s->knows_streams_by_argument ? GRPC_INVALID_ARGUMENT : GRPC_NOT_FOUND;
	else if (s->streams[stream].is_finalized)
		code = GRPC_INVALID_ARGUMENT;
	else if (offset != at)
		code = offset < at ? GRPC_ALREADY_EXISTS : GRPC_OUT_OF_RANGE;
	if (code && call)
		answer_error(call, code, stream >= 0 && s->streams[stream].is_finalized ? STORAGE_STREAM_FINALIZED : 0, "the stream", NULL, 0);
	else if (!code && len && call && s->has_no_code)
		h2_answer(call, errors, len);
	else if (!code && len && call)
		answer_error(call, GRPC_INVALID_ARGUMENT, 0, "rows are invalid", errors, s->is_terse ? 0 : len);
	if (!code && !len) {
		s->streams[stream].rows += store_rows(s, rows);
		if (call)
			answer_result(call, offset);
	}
	free(errors);
}

static void on_append(struct service *s, struct h2_stream *call, const uint8_t *octets, size_t len)
{
	struct served_append *seen = &s->appends[s->append_count++];
	struct proto_field name, offset, data, rows, schema;
	struct fault *fault = find_fault(s, call->path);
	int stream;

	h2_need(s->append_count < APPENDS_MAX && len < 10000000);
	h2_need(read_field(octets, len, 1, &name) && read_field(octets, len, 2, &offset) && read_field(octets, len, 4, &data));
	h2_need(read_field(data.octets, data.len, 2, &rows));
	read_field(offset.octets, offset.len, 1, &offset);
	seen->has_schema = read_field(data.octets, data.len, 1, &schema);
	s->schema_len = seen->has_schema ? schema.len : s->schema_len;
	stream = stream_number(s, name.octets, name.len);
	seen->stream = stream;
	seen->offset = offset.value;
	seen->octets = len;
	seen->rows = count_rows(&rows);
	snprintf(s->authorization, sizeof(s->authorization), "%s", call->authorization);
	snprintf(s->params, sizeof(s->params), "%s", call->params);
	if (!fault || fault->is_done)
		append(s, fault ? NULL : call, stream, offset.value, &rows);
	if (fault)
		go_wrong(call, fault);
}

static void on_create(struct service *s, struct h2_stream *call, const uint8_t *octets, size_t len)
{
	struct proto_field parent, stream, type;
	char name[128];
	uint8_t message[256];

	h2_need(read_field(octets, len, 1, &parent) && parent.len == strlen(TABLE) && !memcmp(parent.octets, TABLE, parent.len));
	h2_need(read_field(octets, len, 2, &stream) && read_field(stream.octets, stream.len, 2, &type) && type.value == 1);
	if (s->has_no_table) {
		h2_end(call, GRPC_NOT_FOUND, "no such table");
		return;
	}
	h2_need(s->stream_count < STREAMS_MAX);
	snprintf(name, sizeof(name), TABLE "/streams/s%d", s->stream_count++);
	h2_answer(call, message, put_field(message, 1, name, strlen(name)));
	h2_end(call, GRPC_OK, "");
}

static void on_finalize(struct service *s, struct h2_stream *call, const uint8_t *octets, size_t len)
{
	struct proto_field name;
	uint8_t message[32];
	int stream;

	h2_need(read_field(octets, len, 1, &name));
	stream = stream_number(s, name.octets, name.len);
	s->finalize_count++;
	if (stream < 0) {
		h2_end(call, s->knows_streams_by_argument ? GRPC_INVALID_ARGUMENT : GRPC_NOT_FOUND, "no such stream");
		return;
	}
	s->streams[stream].is_finalized = true;
	h2_answer(call, message, s->streams[stream].rows ? put_number(message, 1, s->streams[stream].rows) : 0);
	h2_end(call, GRPC_OK, "");
}

/* Whole calls are answered when the client has closed its side; what it sent is kept until then. */
static void on_message(void *ctx, struct h2_stream *call, const uint8_t *octets, size_t len)
{
	static const char *const methods[] = { "/CreateWriteStream", "/FinalizeWriteStream", "/AppendRows" };
	void (*const does[])(struct service *, struct h2_stream *, const uint8_t *, size_t) = { on_create, on_finalize, on_append };
	struct service *s = &((struct world *)ctx)->service;
	struct fault *fault;

	if (!octets) {
		if (strstr(call->path, methods[2]) && !call->is_ended)
			h2_end(call, GRPC_OK, "");
		return;
	}
	if (strstr(call->path, methods[2])) {
		on_append(s, call, octets, len);
		return;
	}
	fault = find_fault(s, call->path);
	if (fault) {
		go_wrong(call, fault);
		return;
	}
	for (int i = 0; i < 2; i++)
		if (strstr(call->path, methods[i]))
			does[i](s, call, octets, len);
}

/* ---- the world ---- */

static void open_mode(struct world *w)
{
	struct http_options http = { .connect_timeout_ns = 5 * NS_PER_S, .timeout_ns = 5 * NS_PER_S };
	struct bigquery *bq = &w->bq;

	memset(bq, 0, sizeof(*bq));
	bq->options = &w->options;
	bq->stop = &w->stop;
	bq->clock = (struct bigquery_clock){ time_wall_ns, time_boot_ns };
	snprintf(bq->write_endpoint, sizeof(bq->write_endpoint), "http://127.0.0.1:%d", w->server.port);
	snprintf(bq->table_path, sizeof(bq->table_path), TABLE);
	bq->table_hash = 4711;
	bq->columns = ALL_COLUMNS;
	assert_int_equal(http_new(&bq->http, &http), 0);
	assert_int_equal(dead_letter_open(&bq->letters, w->dir, "bigquery"), 0);
	assert_int_equal(bigquery_write.open(bq), 0);
	assert_int_equal(spool_reader_open(&w->reader, w->spool_dir, "bigquery"), 0);
}

static void close_mode(struct world *w)
{
	bigquery_write.close(&w->bq);
	dead_letter_close(w->bq.letters);
	http_free(w->bq.http);
	spool_reader_close(w->reader);
}

static void open_world(struct world *w, uint32_t batch_rows)
{
	const char *outputs[] = { "bigquery" };
	struct spool_options options = {
		.outputs = outputs, .output_count = 1, .max_octets = 64 << 20, .segment_octets = 8 << 20, .batch_rows = batch_rows,
		.batch_octets = SPOOL_BATCH_OCTETS, .sync_interval_ns = 3600 * NS_PER_S, .memory_octets = 8 << 20,
	};

	memset(w, 0, sizeof(*w));
	the_world = w;
	snprintf(w->dir, sizeof(w->dir), "/tmp/devourer-test-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->spool_dir, sizeof(w->spool_dir), "%s/spool", w->dir);
	snprintf(w->log, sizeof(w->log), "%s/log", w->dir);
	options.dir = w->spool_dir;
	assert_int_equal(log_open(LOG_DEBUG, LOG_CONSOLE, w->log), 0);
	w->options = (struct options){ .bigquery_project_id = "p1", .bigquery_dataset_id = "d1", .bigquery_table_id = "flow_logs",
				       .bigquery_mode = "write" };
	w->token = "first";
	w->table_columns = ALL_COLUMNS;
	w->server.message = on_message;
	w->server.ctx = w;
	h2_server_start(&w->server);
	assert_int_equal(spool_open(&w->spool, &options, 1), 0);
	open_mode(w);
}

static void close_world(struct world *w)
{
	char command[128];

	close_mode(w);
	h2_server_stop(&w->server);
	spool_close(w->spool, 1);
	log_close();
	snprintf(command, sizeof(command), "rm -r %s", w->dir);
	assert_int_equal(system(command), 0); /* a path of mkdtemp(3) */
}

/* As after a crash: nothing is told to anybody. */
static inline void restart(struct world *w)
{
	close_mode(w);
	open_mode(w);
}

static inline void put_line(struct world *w, unsigned port, size_t name_len)
{
	static char line[64 << 10];
	int len;

	len = snprintf(line, sizeof(line), "{\"id\":\"%08x-0000-8000-8000-000000000000\",\"protocol\":\"udp\",\"src\":{\"addr\":\"10.0.0.1\",\"port\":%u%s",
		       w->lines++, port, name_len ? ",\"names\":[\"" : "");
	memset(line + len, 'x', name_len);
	len += (int)name_len;
	len += snprintf(line + len, sizeof(line) - (size_t)len, "%s},\"dst\":{\"addr\":\"10.0.0.2\",\"port\":53},\"first_seen_at\":\"2025-01-15T10:30:00Z\","
			"\"last_seen_at\":\"2025-01-15T10:30:01Z\",\"src_stat\":{\"bytes\":100,\"packets\":1},\"dst_stat\":{\"bytes\":0,\"packets\":0},"
			"\"status\":\"init\"}\n", name_len ? "\"]" : "");
	assert_int_equal(spool_put(w->spool, line, (size_t)len, 1), 0);
}

static inline void put_lines(struct world *w, unsigned count)
{
	while (count--)
		put_line(w, 1000, 0);
}

static inline void add_fault(struct world *w, struct fault fault)
{
	assert_true(w->service.fault_count < FAULTS_MAX);
	w->service.faults[w->service.fault_count++] = fault;
}

static inline const struct spool_counts *counts(const struct world *w) { return &spool_reader_cursor(w->reader)->counts; }

static inline int step(struct world *w)
{
	int result = spool_flush(w->spool, 1) ? -EIO : bigquery_write.step(&w->bq, w->reader, 0, &w->wait_ns);
	const struct spool_cursor *cursor = spool_reader_cursor(w->reader);

	assert_int_equal(cursor->at.sequence - cursor->begun_at,
			 counts(w)->delivered + counts(w)->dead + counts(w)->dropped_full + counts(w)->dropped_damaged);
	return result;
}

/* Of the records that are flushed. */
static inline uint64_t backlog(const struct world *w)
{
	uint64_t records, oldest_ns;

	spool_reader_backlog(w->reader, 1, &records, &oldest_ns);
	return records;
}

/* Until the spool is empty, without waiting; how many steps. */
static inline unsigned run(struct world *w)
{
	unsigned steps = 0;

	assert_int_equal(spool_flush(w->spool, 1), 0);
	for (; backlog(w) && steps < 2000; steps++)
		step(w);
	return steps;
}

static inline unsigned repeated(const struct world *w)
{
	unsigned count = 0;

	for (int i = 0; i < IDS_MAX; i++)
		count += w->service.times[i] > 1 ? w->service.times[i] - 1u : 0;
	return count;
}

static inline unsigned stored(const struct world *w)
{
	unsigned count = 0;

	for (int i = 0; i < IDS_MAX; i++)
		count += w->service.times[i] > 0;
	return count;
}

static inline void assert_exact(const struct world *w)
{
	assert_int_equal(backlog(w), 0);
	assert_int_equal(counts(w)->delivered + counts(w)->dead, w->lines);
	assert_int_equal(stored(w), counts(w)->delivered);
	assert_int_equal(repeated(w), 0);
}

static inline bool log_says(const struct world *w, const char *text)
{
	char line[4096];
	bool is_there = false;
	FILE *file = fopen(w->log, "r");

	assert_non_null(file);
	while (!is_there && fgets(line, sizeof(line), file))
		is_there = strstr(line, text) != NULL;
	fclose(file);
	return is_there;
}

static inline unsigned count_letters(const struct world *w)
{
	char path[128];
	unsigned count = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/dead.bigquery.jsonl", w->dir);
	file = fopen(path, "r");
	if (!file)
		return 0;
	for (int c; (c = getc(file)) != EOF;)
		count += c == '\n';
	fclose(file);
	return count;
}
#endif
