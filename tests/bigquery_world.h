/* SPDX-License-Identifier: Apache-2.0 */
/* bigquery_world.h - the output bigquery with a real spool, a clock that the test moves, and a service of the test's own behind http_do():
 * it keeps a table, insertIds, load jobs and uploads in memory, and fails as the test says. Include after cmocka.h.
 */
#ifndef DEVOURER_TESTS_BIGQUERY_WORLD_H
#define DEVOURER_TESTS_BIGQUERY_WORLD_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <jansson.h>
#include "../user/ship/bigquery.c"

#define ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))
#define BAD_PORT 666                              /* a record with this port is refused by the service */
#define WALL_NS (1764000000 * NS_PER_S)
#define BOOT_NS (5000 * NS_PER_S)
#define ASKED_MAX 4096
#define FAULTS_MAX 8
#define TABLES "/bigquery/v2/projects/p1/datasets/d1/tables"

/* What happens to requests whose "METHOD URL" holds `match`, `times` times after the first `skip`. */
struct fault {
	const char *match;
	unsigned times, skip;
	enum http_fate fate;
	int status;
	const char *body;
	bool is_done;                             /* the service does what was asked, only the answer is lost */
	bool is_cut, is_refused;
	uint32_t retry_after_s;
};

struct asked { char method[8], url[256], range[96]; size_t rows, len; const char *bearer; };

struct world {
	char dir[64], spool_dir[80], log[80];
	struct options options;
	struct ship *ship;
	struct bigquery *bq;
	struct spool *spool;
	struct spool_reader *reader;
	uint64_t wall_ns, boot_ns, wait_ns;
	unsigned lines;                           /* put so far */
	/* the service */
	bool has_dataset, has_project, is_forbidden;
	json_t *table;                            /* NULL: missing */
	json_t *stored;                           /* id: how often */
	json_t *window;                           /* insertIds; NULL: none is recognized */
	json_t *jobs;                             /* id: resource */
	bool answers_400;                         /* to a request with a bad row, as to one that it cannot parse */
	unsigned job_polls;                       /* answers of jobs.get before a job is done */
	json_t *upload;                           /* description of the resumable one */
	char *uploaded;
	size_t uploaded_len, keeps;               /* octets that a piece keeps at most, 0: all */
	struct fault faults[FAULTS_MAX];
	size_t fault_count;
	struct asked asked[ASKED_MAX];
	size_t asked_count;
	char *answer;                             /* body of the last answer */
	/* credentials */
	const char *token;
	int token_err;
	unsigned tokens_forgotten;
	uint64_t noted_date_s;
	const char *quota_project;
};

static struct world *the_world;

static uint64_t test_wall_ns(void) { return the_world->wall_ns; }
static uint64_t test_boot_ns(void) { return the_world->boot_ns; }

/* ---- stand-ins for google.h ---- */

int google_open(struct google **out, const struct google_options *options, struct http *http)
{
	(void)options, (void)http;
	*out = NULL;
	return 0;
}
void google_close(struct google *google) { (void)google; }
const char *google_source(const struct google *google) { (void)google; return "of the test"; }
const char *google_quota_project(const struct google *google) { (void)google; return the_world->quota_project; }
void google_forget_token(struct google *google) { (void)google; the_world->tokens_forgotten++; }
void google_note_date(struct google *google, uint64_t date_s, uint64_t wall_ns) { (void)google, (void)wall_ns; the_world->noted_date_s = date_s; }
void google_stats(const struct google *google, struct google_stats *out) { (void)google; *out = (struct google_stats){ 3, 1, -7 }; }
int google_token(struct google *google, uint64_t boot_ns, uint64_t wall_ns, const char **token)
{
	(void)google, (void)boot_ns, (void)wall_ns;
	*token = the_world->token;
	return the_world->token_err;
}

/* ---- the mode that has its own tests ---- */

static int write_step(struct bigquery *bq, struct spool_reader *reader, int is_last, uint64_t *wait_ns)
{
	(void)bq, (void)reader, (void)is_last, (void)wait_ns;
	return -ENOSYS;
}
static bool write_let_go(struct bigquery *bq, struct spool_reader *reader) { (void)bq, (void)reader; return true; }
const struct bigquery_mode bigquery_write = { "write", NULL, write_step, write_let_go, NULL, NULL };

/* ---- the service ---- */

static json_t *error_body(int status, const char *reason, const char *message)
{
	return json_pack("{s:{s:i, s:s, s:[{s:s}]}}", "error", "code", status, "message", message, "errors", "reason", reason);
}

static int refuse(json_t **out, int status, const char *reason, const char *message)
{
	*out = error_body(status, reason, message);
	return status;
}

static int not_found(struct world *w, json_t **out)
{
	if (!w->has_project)
		return refuse(out, 404, "notFound", "Not found: Project p1");
	return refuse(out, 404, "notFound", w->has_dataset ? "Not found: Table p1:d1.flow_logs" : "Not found: Dataset p1:d1");
}

static json_t *fields_of(struct world *w) { return json_object_get(json_object_get(w->table, "schema"), "fields"); }

static json_t *field_named(struct world *w, const char *name)
{
	json_t *field;
	size_t i;

	json_array_foreach(fields_of(w), i, field)
		if (!strcmp(json_string_value(json_object_get(field, "name")), name))
			return field;
	return NULL;
}

/* Why the service does not take the row, or NULL. */
static const char *row_error(struct world *w, json_t *row)
{
	static char why[128];
	const char *name;
	json_t *value, *field;
	size_t i;

	json_object_foreach(row, name, value)
		if (!field_named(w, name))
			return snprintf(why, sizeof(why), "no such field: %s.", name), why;
	json_array_foreach(fields_of(w), i, field) {
		const char *mode = json_string_value(json_object_get(field, "mode"));

		name = json_string_value(json_object_get(field, "name"));
		if (mode && !strcmp(mode, "REQUIRED") && !json_object_get(row, name))
			return snprintf(why, sizeof(why), "Missing required field: %s.", name), why;
	}
	return json_integer_value(json_object_get(row, "src_port")) == BAD_PORT ? "Cannot convert value to integer: src_port" : NULL;
}

static void store_row(struct world *w, json_t *row)
{
	const char *id = json_string_value(json_object_get(row, "id"));

	assert_non_null(id);
	json_object_set_new(w->stored, id, json_integer(json_integer_value(json_object_get(w->stored, id)) + 1));
}

static json_t *row_errors(struct world *w, json_t *rows)
{
	json_t *errors = json_array(), *entry;
	size_t i, bad = 0;

	json_array_foreach(rows, i, entry) {
		const char *why = row_error(w, json_object_get(entry, "json"));

		bad += why != NULL;
		json_array_append_new(errors, json_pack("{s:I, s:[{s:s, s:s}]}", "index", (json_int_t)i, "errors", "reason", why ? "invalid" : "stopped",
							"message", why ? why : ""));
	}
	if (!bad)
		json_array_clear(errors);
	return errors;
}

static int insert_all(struct world *w, const struct http_request *request, json_t **out)
{
	json_t *body = json_loadb(request->body, request->len, JSON_REJECT_DUPLICATES, NULL), *rows = json_object_get(body, "rows"), *entry, *errors;
	size_t i;

	assert_non_null(body);
	assert_true(json_array_size(rows) > 0 && json_array_size(rows) <= 50000 && request->len <= 10000000);
	assert_true(json_is_false(json_object_get(body, "skipInvalidRows")) && json_is_false(json_object_get(body, "ignoreUnknownValues")));
	w->asked[w->asked_count - 1].rows = json_array_size(rows);
	errors = row_errors(w, rows);
	if (json_array_size(errors) && w->answers_400) {
		json_decref(errors);
		json_decref(body);
		return refuse(out, 400, "parseError", "Parse Error");
	}
	if (!json_array_size(errors))
		json_array_foreach(rows, i, entry) {
			const char *insert_id = json_string_value(json_object_get(entry, "insertId"));

			assert_string_equal(insert_id, json_string_value(json_object_get(json_object_get(entry, "json"), "id")));
			if (w->window && json_object_get(w->window, insert_id))
				continue;
			store_row(w, json_object_get(entry, "json"));
			if (w->window)
				json_object_set_new(w->window, insert_id, json_true());
		}
	*out = json_pack("{s:s}", "kind", "bigquery#tableDataInsertAllResponse");
	if (json_array_size(errors))
		json_object_set(*out, "insertErrors", errors);
	json_decref(errors);
	json_decref(body);
	return 200;
}

static int table_request(struct world *w, const struct http_request *request, json_t **out)
{
	json_t *body = request->body ? json_loadb(request->body, request->len, 0, NULL) : NULL;
	int status = 200;

	if (w->is_forbidden)
		status = refuse(out, 403, "accessDenied", "Access Denied: Permission bigquery.tables.get denied");
	else if (!w->has_project || !w->has_dataset || (!w->table && strcmp(request->method, "POST")))
		status = not_found(w, out);
	else if (!strcmp(request->method, "POST") && w->table)
		status = refuse(out, 409, "duplicate", "Already Exists: Table p1:d1.flow_logs");
	else if (!strcmp(request->method, "POST"))
		w->table = json_incref(body);
	else if (!strcmp(request->method, "PATCH"))
		json_object_update(w->table, body);
	if (status == 200) {
		json_object_set_new(w->table, "location", json_string("EU"));
		*out = json_incref(w->table);
	}
	json_decref(body);
	return status;
}

/* A file of rows: all of them or none. */
static void run_job(struct world *w, json_t *job, const char *file, size_t len)
{
	const char *id = json_string_value(json_object_get(json_object_get(job, "jobReference"), "jobId")), *why = NULL, *line, *end;
	json_t *rows = json_array(), *row, *status = json_pack("{s:s}", "state", "DONE");
	size_t i;

	for (line = file; line < file + len && !why; line = end + 1) {
		end = memchr(line, '\n', len - (size_t)(line - file));
		assert_non_null(end);
		row = json_loadb(line, (size_t)(end - line), 0, NULL);
		assert_non_null(row);
		why = row_error(w, row);
		json_array_append_new(rows, row);
	}
	if (why)
		json_object_set_new(status, "errorResult", json_pack("{s:s, s:s}", "reason", "invalid", "message", why));
	else
		json_array_foreach(rows, i, row)
			store_row(w, row);
	w->asked[w->asked_count - 1].rows = json_array_size(rows);
	json_object_set_new(w->jobs, id, json_pack("{s:O, s:o, s:i}", "jobReference", json_object_get(job, "jobReference"), "status", status,
						    "polls", (int)w->job_polls));
	json_decref(rows);
}

static int job_answer(struct world *w, const char *id, json_t **out)
{
	json_t *job = json_object_get(w->jobs, id);
	json_int_t polls = json_integer_value(json_object_get(job, "polls"));

	if (!job)
		return refuse(out, 404, "notFound", "Not found: Job");
	*out = json_copy(job);
	if (polls) {
		json_object_set_new(job, "polls", json_integer(polls - 1));
		json_object_set_new(*out, "status", json_pack("{s:s}", "state", "RUNNING"));
	}
	return 200;
}

static int new_job(struct world *w, json_t *job, const char *file, size_t len, json_t **out)
{
	const char *id = json_string_value(json_object_get(json_object_get(job, "jobReference"), "jobId"));

	assert_non_null(id);
	if (json_object_get(w->jobs, id))
		return refuse(out, 409, "duplicate", "Already Exists: Job");
	run_job(w, job, file, len);
	return job_answer(w, id, out);
}

static char *text_of(const void *octets, size_t len)
{
	char *text = calloc(1, len + 1);

	assert_non_null(text);
	return memcpy(text, octets, len);
}

static int multipart(struct world *w, const struct http_request *request, json_t **out)
{
	char *copy = text_of(request->body, request->len), *job_at = strstr(copy, "\r\n\r\n") + 4, *file = strstr(job_at, "\r\n\r\n") + 4;
	json_t *job = json_loads(job_at, JSON_DISABLE_EOF_CHECK, NULL);
	int status;

	assert_non_null(job);
	assert_int_equal(strlen(copy), request->len);
	status = new_job(w, job, file, (size_t)(strstr(file, "\r\n--") - file), out);
	json_decref(job);
	free(copy);
	return status;
}

static int piece(struct world *w, const struct http_request *request, struct http_answer *answer, json_t **out)
{
	unsigned long long from = 0, to = 0, total = 0;
	bool has_total = strncmp(strchr(request->lines[0], '/'), "/*", 2) != 0;
	size_t kept = w->keeps && request->len > w->keeps ? w->keeps : request->len;

	if (!w->upload)
		return refuse(out, 410, "gone", "no such upload");
	if (request->len) {
		assert_true(sscanf(request->lines[0], "Content-Range: bytes %llu-%llu/%llu", &from, &to, &total) >= 2);
		assert_true(from == w->uploaded_len && to - from + 1 == request->len && (has_total || request->len % (256 << 10) == 0));
		w->uploaded = realloc(w->uploaded, w->uploaded_len + kept + 1);
		memcpy(w->uploaded + w->uploaded_len, request->body, kept);
		w->uploaded_len += kept;
		w->uploaded[w->uploaded_len] = 0;
	} else if (has_total) {
		sscanf(request->lines[0], "Content-Range: bytes */%llu", &total);
	}
	if (has_total && w->uploaded_len == total)
		return new_job(w, w->upload, w->uploaded, w->uploaded_len, out);
	if (w->uploaded_len)
		snprintf(answer->range, sizeof(answer->range), "bytes=0-%zu", w->uploaded_len - 1);
	return 308;
}

static int upload(struct world *w, const struct http_request *request, struct http_answer *answer, json_t **out)
{
	if (!strcmp(request->method, "PUT"))
		return piece(w, request, answer, out);
	if (strstr(request->url, "uploadType=multipart"))
		return multipart(w, request, out);
	json_decref(w->upload);
	w->upload = json_loadb(request->body, request->len, 0, NULL);
	w->uploaded_len = 0;
	snprintf(answer->location, sizeof(answer->location), "https://bigquery.googleapis.com/upload/session");
	return 200;
}

static int serve(struct world *w, const struct http_request *request, struct http_answer *answer, json_t **out)
{
	const char *job = strstr(request->url, "/jobs/");
	char id[128];

	if (strstr(request->url, "/upload/"))
		return upload(w, request, answer, out);
	if (job) {
		snprintf(id, sizeof(id), "%.*s", (int)strcspn(job + 6, "?"), job + 6);
		return job_answer(w, id, out);
	}
	if (!strstr(request->url, "/insertAll"))
		return table_request(w, request, out);
	return w->table ? insert_all(w, request, out) : not_found(w, out);
}

static struct fault *find_fault(struct world *w, const struct http_request *request)
{
	char what[300];

	snprintf(what, sizeof(what), "%s %s", request->method, request->url);
	for (size_t i = 0; i < w->fault_count; i++) {
		struct fault *fault = &w->faults[i];

		if (!fault->times || !strstr(what, fault->match))
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

static void fail_answer(struct world *w, const struct fault *fault, struct http_answer *answer)
{
	answer->fate = fault->fate;
	answer->status = fault->status;
	answer->is_cut = fault->is_cut;
	answer->is_refused = fault->is_refused;
	answer->retry_after_s = fault->retry_after_s;
	free(w->answer);
	w->answer = strdup(fault->body ? fault->body : "{\"error\":{\"message\":\"injected\",\"errors\":[{\"reason\":\"backendError\"}]}}");
}

void http_do(struct http *http, const struct http_request *request, struct http_answer *answer)
{
	struct world *w = the_world;
	struct fault *fault = find_fault(w, request);
	struct asked *asked = &w->asked[w->asked_count];
	json_t *body = NULL;

	(void)http;
	assert_true(w->asked_count < ASKED_MAX);
	w->asked_count++;
	snprintf(asked->method, sizeof(asked->method), "%s", request->method);
	snprintf(asked->url, sizeof(asked->url), "%s", request->url);
	snprintf(asked->range, sizeof(asked->range), "%s", request->lines[0] ? request->lines[0] : "");
	asked->bearer = request->bearer;
	asked->len = request->len;
	memset(answer, 0, sizeof(*answer));
	answer->fate = HTTP_ANSWERED;
	answer->date_s = w->wall_ns / NS_PER_S;
	free(w->answer);
	w->answer = NULL;
	if (!fault || fault->is_done)
		answer->status = serve(w, request, answer, &body);
	w->answer = body ? json_dumps(body, JSON_COMPACT) : strdup("");
	json_decref(body);
	if (fault)
		fail_answer(w, fault, answer);
	answer->body = w->answer;
	answer->len = strlen(w->answer);
	w->boot_ns += 10 * NS_PER_MS;
	w->wall_ns += 10 * NS_PER_MS;
}

int http_new(struct http **out, const struct http_options *options) { (void)options; *out = NULL; return 0; }
void http_free(struct http *http) { (void)http; }
void http_watch(struct http *http, const volatile int *stop) { (void)http, (void)stop; }
int http_prepare(struct http *http, void *curl) { (void)http, (void)curl; return -ENOTSUP; }
void http_stats(const struct http *http, struct http_stats *out) { (void)http; memset(out, 0, sizeof(*out)); }
int http_escape(char *out, size_t size, const char *text) { return snprintf(out, size, "%s", text) < (int)size ? 0 : -ENOSPC; }

/* ---- the world ---- */

static void open_output(struct world *w)
{
	static const volatile int stop = 0;
	struct ship_context context = { &w->options, w->dir, &stop };

	assert_int_equal(ship_bigquery.open(&w->ship, &context), 0);
	w->bq = &w->ship->bq;
	w->bq->clock = (struct bigquery_clock){ test_wall_ns, test_boot_ns };
}

static inline void open_world_sized(struct world *w, uint32_t batch_rows, uint32_t batch_octets)
{
	const char *outputs[] = { "bigquery" };
	struct spool_options options = {
		.dir = w->spool_dir, .outputs = outputs, .output_count = 1, .max_octets = 64 << 20, .segment_octets = 16 << 20,
		.batch_rows = batch_rows, .batch_octets = batch_octets, .sync_interval_ns = 3600 * NS_PER_S, .memory_octets = 8 << 20,
	};

	memset(w, 0, sizeof(*w));
	the_world = w;
	unsetenv("BIGQUERY_EMULATOR_HOST");
	snprintf(w->dir, sizeof(w->dir), "/tmp/devourer-bigquery-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->spool_dir, sizeof(w->spool_dir), "%s/spool", w->dir);
	snprintf(w->log, sizeof(w->log), "%s/log", w->dir);
	options.dir = w->spool_dir;
	assert_int_equal(log_open(LOG_DEBUG, LOG_CONSOLE, w->log), 0);
	w->options = (struct options){ .bigquery_project_id = "p1", .bigquery_dataset_id = "d1", .bigquery_table_id = "flow_logs",
				       .bigquery_mode = "insertall", .bigquery_load_interval_ns = 120 * NS_PER_S };
	w->wall_ns = WALL_NS;
	w->boot_ns = BOOT_NS;
	w->has_project = w->has_dataset = true;
	w->stored = json_object();
	w->window = json_object();
	w->jobs = json_object();
	w->token = "secret";
	assert_int_equal(spool_open(&w->spool, &options, 1), 0);
	assert_int_equal(spool_reader_open(&w->reader, w->spool_dir, "bigquery"), 0);
}

static inline void open_world_with(struct world *w, uint32_t batch_rows)
{
	open_world_sized(w, batch_rows, SPOOL_BATCH_OCTETS);
}

static inline void open_world(struct world *w, const char *mode)
{
	open_world_with(w, 10);
	w->options.bigquery_mode = mode;
	open_output(w);
}

static void close_world(struct world *w)
{
	char command[128];

	ship_bigquery.close(w->ship);
	spool_reader_close(w->reader);
	spool_close(w->spool, 1);
	json_decref(w->table);
	json_decref(w->stored);
	json_decref(w->window);
	json_decref(w->jobs);
	json_decref(w->upload);
	free(w->uploaded);
	free(w->answer);
	log_close();
	snprintf(command, sizeof(command), "rm -r %s", w->dir);
	assert_int_equal(system(command), 0); /* a path of mkdtemp(3) */
}

/* As after a crash: nothing is told to the output. */
static inline void restart(struct world *w)
{
	ship_bigquery.close(w->ship);
	spool_reader_close(w->reader);
	assert_int_equal(spool_reader_open(&w->reader, w->spool_dir, "bigquery"), 0);
	open_output(w);
}

static inline void put_text(struct world *w, const char *line)
{
	assert_int_equal(spool_put(w->spool, line, strlen(line), 1), 0);
	w->lines++;
}

static inline void put_line(struct world *w, unsigned port)
{
	char line[512];

	snprintf(line, sizeof(line), "{\"id\":\"%08x-0000-8000-8000-000000000000\",\"protocol\":\"udp\",\"src\":{\"addr\":\"10.0.0.1\",\"port\":%u},"
		 "\"dst\":{\"addr\":\"10.0.0.2\",\"port\":53},\"first_seen_at\":\"2025-01-15T10:30:00Z\",\"last_seen_at\":\"2025-01-15T10:30:01Z\","
		 "\"src_stat\":{\"bytes\":100,\"packets\":1},\"dst_stat\":{\"bytes\":0,\"packets\":0},\"status\":\"init\"}\n", w->lines, port);
	put_text(w, line);
}

static inline void put_lines(struct world *w, unsigned count)
{
	while (count--)
		put_line(w, 1000);
	assert_int_equal(spool_flush(w->spool, 1), 0);
}

/* Records of 4 KiB, so that few of them are many octets. */
static inline void put_fat_lines(struct world *w, unsigned count)
{
	char line[4096 + 512];

	while (count--) {
		int len = sprintf(line, "{\"id\":\"%08x\",\"src\":{\"port\":1,\"names\":[\"", w->lines);

		memset(line + len, 'x', 4096);
		strcpy(line + len + 4096, "\"]},\"dst\":{\"port\":1},\"first_seen_at\":\"2025-01-15T10:30:00Z\",\"last_seen_at\":\"2025-01-15T10:30:01Z\","
		       "\"src_stat\":{\"bytes\":100,\"packets\":1},\"dst_stat\":{\"bytes\":0,\"packets\":0}}\n");
		put_text(w, line);
	}
	assert_int_equal(spool_flush(w->spool, 1), 0);
}

static inline void add_fault(struct world *w, struct fault fault)
{
	assert_true(w->fault_count < FAULTS_MAX);
	w->faults[w->fault_count++] = fault;
}

static inline const struct spool_counts *counts(const struct world *w) { return &spool_reader_cursor(w->reader)->counts; }

static inline void check_identity(const struct world *w)
{
	const struct spool_cursor *cursor = spool_reader_cursor(w->reader);
	const struct spool_counts *c = &cursor->counts;

	assert_int_equal(cursor->at.sequence - cursor->begun_at, c->delivered + c->dead + c->dropped_full + c->dropped_damaged);
}

static inline int step(struct world *w, int is_last)
{
	int result = ship_bigquery.step(w->ship, w->reader, is_last, &w->wait_ns);

	check_identity(w);
	return result;
}

static inline uint64_t backlog(const struct world *w)
{
	uint64_t records, oldest_ns;

	spool_reader_backlog(w->reader, w->wall_ns, &records, &oldest_ns);
	return records;
}

static inline void pass_time(struct world *w, uint64_t ns)
{
	w->wall_ns += ns;
	w->boot_ns += ns;
}

/* Until the spool is empty; how many steps. */
static inline unsigned run(struct world *w, int is_last)
{
	unsigned steps = 0;

	for (; backlog(w) && steps < 500; steps++) {
		step(w, is_last);
		pass_time(w, w->wait_ns);
	}
	return steps;
}

static inline size_t count_asked(const struct world *w, const char *part)
{
	size_t count = 0;

	for (size_t i = 0; i < w->asked_count; i++)
		count += strstr(w->asked[i].url, part) != NULL;
	return count;
}

/* COUNT(*) - COUNT(DISTINCT id). */
static inline uint64_t repeated(const struct world *w)
{
	uint64_t count = 0;
	const char *id;
	json_t *times;

	json_object_foreach(w->stored, id, times)
		count += (uint64_t)json_integer_value(times) - 1;
	return count;
}

static inline void assert_exact(const struct world *w)
{
	assert_int_equal(json_object_size(w->stored), counts(w)->delivered);
	assert_int_equal(counts(w)->delivered + counts(w)->dead, w->lines);
	assert_int_equal(repeated(w), 0);
	assert_int_equal(backlog(w), 0);
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

/* The dead letters in one string; free() it. */
static inline char *dead_letters(const struct world *w)
{
	char path[128], *text = calloc(1, 1 << 20);
	FILE *file;

	snprintf(path, sizeof(path), "%s/dead.bigquery.jsonl", w->dir);
	file = fopen(path, "r");
	if (file) {
		assert_true(fread(text, 1, (1 << 20) - 1, file) < (1 << 20) - 1);
		fclose(file);
	}
	return text;
}
#endif
