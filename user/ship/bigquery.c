/* SPDX-License-Identifier: Apache-2.0 */
/* bigquery.c - the output `bigquery`: opens it, chooses the way to deliver, asks with a token, keeps the cursor's state. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/sha.h>
#include "../base/log.h"
#include "../base/options.h"
#include "../base/random.h"
#include "../base/time.h"
#include "bigquery.h"
#include "dead_letter.h"
#include "google.h"

#define SCOPE "https://www.googleapis.com/auth/bigquery"
#define CONNECT_TIMEOUT_NS (10 * NS_PER_S)
#define REQUEST_TIMEOUT_NS (60 * NS_PER_S)
#define SLOWEST_UPLOAD (32u << 10)                /* octets a second, beyond that time */
#define LOOK_AGAIN_NS (60 * NS_PER_S)
#define CREATION_SPREADS_NS (600 * NS_PER_S)
#define HOLD_NS (300 * NS_PER_S)

/* Mode auto loads a backlog that is both old and large. */
#define BACKLOG_OLD_NS (60 * NS_PER_S)
#define BACKLOG_LARGE 50000

static const struct bigquery_mode *const modes[] = { &bigquery_insertall, &bigquery_load, &bigquery_write };
#define MODES (sizeof(modes) / sizeof(modes[0]))

/* ---- addresses ---- */

/* "host:port" is plain HTTP, as in other clients of the emulators. 0, or -EINVAL. */
static int set_endpoint(char out[BIGQUERY_NAME_SIZE], const char *what, const char *url)
{
	bool has_scheme = !strncmp(url, "http://", 7) || !strncmp(url, "https://", 8);
	int len = snprintf(out, BIGQUERY_NAME_SIZE, "%s%s", has_scheme ? "" : "http://", url);

	if (len >= BIGQUERY_NAME_SIZE || (!has_scheme && strstr(url, "://"))) {
		log_error("%s %s: not an http:// or https:// URL", what, url);
		return -EINVAL;
	}
	while (len > 0 && out[len - 1] == '/')
		out[--len] = 0;
	return 0;
}

static int set_endpoints(struct bigquery *bq)
{
	const struct options *options = bq->options;
	const char *emulator = getenv("BIGQUERY_EMULATOR_HOST"), *rest = options->bigquery_endpoint;
	const char *write_url = options->bigquery_write_endpoint;
	int err;

	if (!rest && emulator && *emulator)
		rest = emulator;
	err = set_endpoint(bq->endpoint, "BigQuery endpoint", rest ? rest : "https://bigquery.googleapis.com");
	if (!err)
		err = set_endpoint(bq->write_endpoint, "BigQuery write endpoint", write_url ? write_url : "https://bigquerystorage.googleapis.com");
	/* A token that was not asked for never goes over plain HTTP. */
	bq->is_emulator = !options->bigquery_endpoint ? rest != NULL : !strncmp(bq->endpoint, "http://", 7);
	return err;
}

static int set_paths(struct bigquery *bq)
{
	const struct options *options = bq->options;
	char project[BIGQUERY_NAME_SIZE], dataset[BIGQUERY_NAME_SIZE];
	uint8_t digest[SHA256_DIGEST_LENGTH];
	int len;

	if (!options->bigquery_project_id || !options->bigquery_dataset_id) {
		log_error("bigquery: the project and the dataset are needed");
		return -EINVAL;
	}
	if (http_escape(project, sizeof(project), options->bigquery_project_id) || http_escape(dataset, sizeof(dataset), options->bigquery_dataset_id) ||
	    http_escape(bq->table_id, sizeof(bq->table_id), options->bigquery_table_id)) {
		log_error("bigquery: the name of the project, dataset or table is too long");
		return -EINVAL;
	}
	snprintf(bq->project_path, sizeof(bq->project_path), "/bigquery/v2/projects/%s", project);
	snprintf(bq->tables_path, sizeof(bq->tables_path), "%s/datasets/%s/tables", bq->project_path, dataset);
	len = snprintf(bq->table_path, sizeof(bq->table_path), "projects/%s/datasets/%s/tables/%s", options->bigquery_project_id,
		       options->bigquery_dataset_id, options->bigquery_table_id);
	SHA256((const uint8_t *)bq->table_path, (size_t)len, digest);
	memcpy(&bq->table_hash, digest, sizeof(bq->table_hash));
	return 0;
}

static void set_user_project(struct bigquery *bq)
{
	const char *project = google_quota_project(bq->google);

	if (project)
		snprintf(bq->user_project, sizeof(bq->user_project), "x-goog-user-project: %s", project);
}

/* ---- requests ---- */

int bigquery_token(struct bigquery *bq, const char **token)
{
	return google_token(bq->google, bq->clock.boot_ns(), bq->clock.wall_ns(), token);
}

void bigquery_count(struct bigquery *bq, int code, uint64_t begun_boot_ns)
{
	uint64_t now_ns = bq->clock.boot_ns();

	bq->unstored.requests++;
	bq->request_count++;
	bq->request_ns += now_ns > begun_boot_ns ? now_ns - begun_boot_ns : 0;
	for (size_t i = 0; i < BIGQUERY_CODES; i++)
		if (bq->codes[i].code == code || !bq->codes[i].count) {
			bq->codes[i].code = code;
			bq->codes[i].count++;
			return;
		}
}

/* Credentials that are refused for good are a missing permission, as 403 is. */
static void no_token(struct http_answer *answer, int err)
{
	memset(answer, 0, sizeof(*answer));
	answer->fate = HTTP_NOT_SENT;
	answer->is_refused = err != -EAGAIN;
	answer->status = err == -EAGAIN ? 0 : 403;
	snprintf(answer->why, sizeof(answer->why), "%s", err == -EAGAIN ? "no access token now" : "no access token for these credentials");
}

static bool is_at_endpoint(const struct bigquery *bq, const char *url)
{
	size_t len = strlen(bq->endpoint);

	return !strncmp(url, bq->endpoint, len) && url[len] == '/';
}

static void add_line(struct http_request *request, const char *line)
{
	for (size_t i = 0; i < HTTP_LINES_MAX; i++)
		if (!request->lines[i] || request->lines[i] == line) {
			request->lines[i] = line;
			return;
		}
}

const struct answer_rule *bigquery_ask(struct bigquery *bq, struct http_request *request, struct http_answer *answer)
{
	bool has_token = is_at_endpoint(bq, request->url);

	if (has_token && *bq->user_project)
		add_line(request, bq->user_project);
	request->timeout_ns = REQUEST_TIMEOUT_NS + request->len * NS_PER_S / SLOWEST_UPLOAD;
	for (int try = 0;; try++) {
		const struct answer_rule *rule;
		uint64_t begun_ns = bq->clock.boot_ns();
		int err = has_token ? bigquery_token(bq, &request->bearer) : 0;

		if (err) {
			no_token(answer, err);
			return answer_read(answer);
		}
		http_do(bq->http, request, answer);
		bigquery_count(bq, answer->fate == HTTP_ANSWERED ? answer->status : 0, begun_ns);
		if (answer->date_s && has_token)
			google_note_date(bq->google, answer->date_s, bq->clock.wall_ns());
		rule = answer_read(answer);
		if (rule->action != ANSWER_TOKEN || try)
			return rule;
		google_forget_token(bq->google);
	}
}

static int delay_result(const struct answer_rule *rule, const struct http_answer *answer)
{
	if (rule->action == ANSWER_HOLD || rule->action == ANSWER_FREE_TIER)
		return answer && answer->status == 403 ? -EACCES : -EINVAL;
	return -EAGAIN;
}

/* An outage is one line when it begins and one now and then while it lasts; what somebody has to mend is said each time. */
static enum log_level delay_level(const struct bigquery *bq, int result)
{
	if (result != -EAGAIN)
		return LOG_ERROR;
	return bq->failures % 10 == 1 ? LOG_INFO : LOG_DEBUG;
}

int bigquery_delay(struct bigquery *bq, const struct answer_rule *rule, const struct http_answer *answer, const char *what, uint64_t *wait_ns)
{
	char text[ANSWER_TEXT_SIZE] = "";
	int result = delay_result(rule, answer);
	uint32_t random = UINT32_MAX;

	*wait_ns = 0;
	if (rule->action == ANSWER_STOPPED)
		return -EAGAIN;
	bq->failures++;
	(void)random_fill(&random, sizeof(random)); /* without it the wait is the whole one */
	*wait_ns = answer_backoff_ns(rule, bq->failures, answer ? answer->retry_after_s : 0, random);
	if (answer)
		answer_text(answer, text);
	if (log_level() >= delay_level(bq, result))
		log_write(delay_level(bq, result), "bigquery %s: %s%s%s, trying again in %.1fs", bq->options->bigquery_table_id, what, *text ? ": " : "",
			  text, (double)*wait_ns / (double)NS_PER_S);
	return result;
}

void bigquery_recover(struct bigquery *bq)
{
	if (bq->failures)
		log_info("bigquery %s: works again after %u failed tries", bq->options->bigquery_table_id, bq->failures);
	bq->failures = 0;
}

int bigquery_look_again(struct bigquery *bq)
{
	uint64_t now_ns = bq->clock.boot_ns();
	int err;

	if (bq->created_boot_ns && now_ns - bq->created_boot_ns < CREATION_SPREADS_NS)
		return 0;
	if (bq->looked_boot_ns && now_ns - bq->looked_boot_ns < LOOK_AGAIN_NS)
		return 0;
	err = bigquery_table_check(bq);
	return err == -EAGAIN ? 0 : err;
}

/* ---- the cursor's state ---- */

void bigquery_state_get(const struct bigquery *bq, const struct spool_reader *reader, struct bigquery_state *out)
{
	memcpy(out, spool_reader_cursor(reader)->state, sizeof(*out));
	if (out->version == BIGQUERY_STATE_VERSION && out->table == bq->table_hash)
		return;
	memset(out, 0, sizeof(*out));
	out->version = BIGQUERY_STATE_VERSION;
	out->table = bq->table_hash;
}

int bigquery_store(struct bigquery *bq, struct spool_reader *reader, struct spool_cursor *cursor, const struct bigquery_state *state)
{
	struct spool_counts *counts = &cursor->counts;
	int err;

	counts->retried += bq->unstored.retried;
	counts->duplicates_possible += bq->unstored.duplicates_possible;
	counts->requests += bq->unstored.requests;
	memset(cursor->state, 0, sizeof(cursor->state));
	memcpy(cursor->state, state, sizeof(*state));
	err = spool_reader_store(reader, cursor);
	if (!err)
		memset(&bq->unstored, 0, sizeof(bq->unstored));
	return err;
}

/* ---- which way ---- */

static bool is_auto(const struct bigquery *bq)
{
	return !strcmp(bq->options->bigquery_mode, "auto");
}

static bool avoid(struct bigquery *bq, uint64_t *until_ns, uint64_t other_until_ns, uint64_t ns)
{
	uint64_t now_ns = bq->clock.boot_ns();

	*until_ns = ns == UINT64_MAX ? ns : now_ns + ns;
	return is_auto(bq) && other_until_ns <= now_ns;
}

bool bigquery_avoid_stream(struct bigquery *bq, uint64_t ns)
{
	return avoid(bq, &bq->avoid_stream_until, bq->avoid_load_until, ns);
}

bool bigquery_avoid_load(struct bigquery *bq, uint64_t ns)
{
	return avoid(bq, &bq->avoid_load_until, bq->avoid_stream_until, ns);
}

static const struct bigquery_mode *pick(struct bigquery *bq, struct spool_reader *reader)
{
	uint64_t now_ns = bq->clock.boot_ns(), records, oldest_ns;

	if (bq->avoid_stream_until > now_ns && bq->avoid_load_until <= now_ns)
		return &bigquery_load;
	if (bq->avoid_load_until > now_ns && bq->avoid_stream_until <= now_ns)
		return &bigquery_insertall;
	spool_reader_backlog(reader, bq->clock.wall_ns(), &records, &oldest_ns);
	return records >= BACKLOG_LARGE && oldest_ns >= BACKLOG_OLD_NS ? &bigquery_load : &bigquery_insertall;
}

static const struct bigquery_mode *wanted_mode(struct bigquery *bq, struct spool_reader *reader)
{
	if (is_auto(bq))
		return pick(bq, reader);
	for (size_t i = 0; i < MODES; i++)
		if (!strcmp(modes[i]->name, bq->options->bigquery_mode))
			return modes[i];
	return &bigquery_insertall;
}

/* What a former process, maybe in another mode, may have on the way is settled first. */
static const struct bigquery_mode *first_mode(struct bigquery *bq, struct spool_reader *reader)
{
	struct bigquery_state state;

	bigquery_state_get(bq, reader, &state);
	if (state.owner == OWNER_LOAD)
		return &bigquery_load;
	return state.owner == OWNER_WRITE ? &bigquery_write : wanted_mode(bq, reader);
}

static int open_mode(struct bigquery *bq, const struct bigquery_mode *mode)
{
	for (size_t i = 0; i < MODES; i++)
		if (modes[i] == mode && !(bq->opened >> i & 1)) {
			bq->opened |= 1u << i;
			return mode->open ? mode->open(bq) : 0;
		}
	return 0;
}

static int choose_mode(struct bigquery *bq, struct spool_reader *reader)
{
	const struct bigquery_mode *mode = bq->mode ? wanted_mode(bq, reader) : first_mode(bq, reader);
	int err;

	if (mode == bq->mode || (bq->mode && !bq->mode->let_go(bq, reader)))
		return 0;
	err = open_mode(bq, mode);
	if (err)
		return err;
	if (bq->mode)
		log_info("bigquery %s: %s from now on", bq->options->bigquery_table_id, mode->name);
	bq->mode = mode;
	return 0;
}

/* ---- the output ---- */

struct ship { struct bigquery bq; };

static void bigquery_close(struct ship *ship)
{
	struct bigquery *bq;

	if (!ship)
		return;
	bq = &ship->bq;
	for (size_t i = 0; i < MODES; i++)
		if ((bq->opened >> i & 1) && modes[i]->close)
			modes[i]->close(bq);
	dead_letter_close(bq->letters);
	google_close(bq->google);
	http_free(bq->http);
	free(ship);
}

static int open_services(struct bigquery *bq, const struct ship_context *context)
{
	const struct options *options = context->options;
	struct http_options http = { options->ca_file, options->proxy, CONNECT_TIMEOUT_NS, REQUEST_TIMEOUT_NS };
	struct google_options google = { options->bigquery_sa_key_file, options->bigquery_sa_key_data, SCOPE, bq->is_emulator };
	int err = http_new(&bq->http, &http);

	if (err)
		return err;
	http_watch(bq->http, context->stop);
	err = google_open(&bq->google, &google, bq->http);
	if (err)
		return err;
	set_user_project(bq);
	return dead_letter_open(&bq->letters, context->dir, ship_bigquery.name);
}

static int bigquery_open(struct ship **out, const struct ship_context *context)
{
	struct ship *ship = calloc(1, sizeof(*ship));
	struct bigquery *bq;
	int err;

	if (!ship)
		return -ENOMEM;
	bq = &ship->bq;
	bq->options = context->options;
	bq->stop = context->stop;
	bq->clock = (struct bigquery_clock){ time_wall_ns, time_boot_ns };
	err = set_endpoints(bq);
	if (!err)
		err = set_paths(bq);
	if (!err)
		err = open_services(bq, context);
	if (err) {
		bigquery_close(ship);
		return err;
	}
	log_info("bigquery %s: %s, credentials: %s", bq->table_path, bq->endpoint, google_source(bq->google));
	*out = ship;
	return 0;
}

static int bigquery_check(struct ship *ship)
{
	int err = bigquery_table_check(&ship->bq);

	ship->bq.is_checked = !err;
	return err;
}

static int bigquery_step(struct ship *ship, struct spool_reader *reader, int is_last, uint64_t *wait_ns)
{
	struct bigquery *bq = &ship->bq;
	int err = bq->is_checked ? 0 : bigquery_check(ship);

	if (err == -EAGAIN)
		return bigquery_delay(bq, &answer_garbled, NULL, "the table cannot be asked for", wait_ns);
	if (!err)
		err = choose_mode(bq, reader);
	*wait_ns = err ? HOLD_NS : 0;
	return err ? err : bq->mode->step(bq, reader, is_last, wait_ns);
}

static void bigquery_print_stats(const struct ship *ship, FILE *out)
{
	const struct bigquery *bq = &ship->bq;
	struct google_stats google;

	google_stats(bq->google, &google);
	for (size_t i = 0; i < BIGQUERY_CODES && bq->codes[i].count; i++)
		fprintf(out, "requests{code=\"%d\"} %llu\n", bq->codes[i].code, (unsigned long long)bq->codes[i].count);
	fprintf(out, "request_seconds_sum %.6f\n", (double)bq->request_ns / (double)NS_PER_S);
	fprintf(out, "request_seconds_count %llu\n", (unsigned long long)bq->request_count);
	fprintf(out, "token_refresh{result=\"ok\"} %llu\n", (unsigned long long)google.refreshed);
	fprintf(out, "token_refresh{result=\"fail\"} %llu\n", (unsigned long long)google.failed);
	fprintf(out, "clock_offset_seconds %lld\n", (long long)google.clock_offset_s);
	fprintf(out, "columns_left_out %u\n", bq->columns_left_out);
	for (size_t i = 0; i < MODES; i++)
		if ((bq->opened >> i & 1) && modes[i]->print_stats)
			modes[i]->print_stats(bq, out);
}

const struct ship_ops ship_bigquery = {
	"bigquery", bigquery_open, bigquery_check, bigquery_step, bigquery_print_stats, bigquery_close,
};
