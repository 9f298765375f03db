/* SPDX-License-Identifier: Apache-2.0 */
/* test_google.c - where credentials are looked for, how long a token is kept, and what a wrong clock does. */
#include "google_world.h"

#define USER "{\"type\":\"authorized_user\",\"client_id\":\"%s\",\"client_secret\":\"MARKER-s\",\"refresh_token\":\"MARKER-r\"%s}"
#define TOKEN(life) "{\"access_token\":\"ya29.MARKER\",\"expires_in\":" #life "}"
#define DAY_MS 86400000ull
#define BAD_GRANT "{\"error\":\"invalid_grant\",\"error_description\":\"Invalid JWT\"}"

enum { FLAG_FILE = 1, FLAG_DATA = 2, VARIABLE = 4, GCLOUD_CONFIG = 8, GCLOUD_HOME = 16, NO_GCE = 32, EMULATOR = 64 };

static const char *user_file(const struct world *w, const char *name, const char *more)
{
	char text[512];

	snprintf(text, sizeof(text), USER, name, more);
	return write_file(w, name, text, 0600);
}

/* What `bits` say is there; the text of the source that was taken, or "" with `*err`. */
static void arrange(struct world *w, unsigned bits, const char *variable_file, int *err)
{
	const struct google_options options = { .scope = SCOPE, .key_file = bits & FLAG_FILE ? user_file(w, "key.json", "") : NULL,
						.key_data = bits & FLAG_DATA ? service_account(w) : NULL, .is_emulator = bits & EMULATOR };

	forget_environment();
	if (bits & VARIABLE)
		setenv("GOOGLE_APPLICATION_CREDENTIALS", variable_file, 1);
	if (bits & GCLOUD_CONFIG)
		setenv("CLOUDSDK_CONFIG", in(w, "gcloud"), 1);
	if (bits & GCLOUD_HOME)
		setenv("HOME", w->dir, 1);
	if (bits & NO_GCE)
		setenv("NO_GCE_CHECK", "true", 1);
	google_close(w->google);
	w->google = NULL;
	*err = google_open(&w->google, &options, w->http);
}

static void credentials_are_looked_for_in_order(void **state)
{
	static const struct {
		unsigned bits;
		const char *file;                 /* in the variable */
		int err;
		const char *source;               /* holds this */
	} rows[] = {
		{ FLAG_FILE | FLAG_DATA | VARIABLE | GCLOUD_CONFIG, "subject", 0, "/key.json)" },
		{ FLAG_DATA | VARIABLE | GCLOUD_CONFIG, "subject", 0, "(key data)" },
		{ FLAG_FILE | EMULATOR, NULL, 0, "/key.json)" },
		{ FLAG_DATA | EMULATOR, NULL, 0, "(key data)" },
		{ EMULATOR | VARIABLE | GCLOUD_HOME, "subject", 0, "none (emulator)" },
		{ VARIABLE | GCLOUD_CONFIG | GCLOUD_HOME, "subject", 0, "/subject)" },
		{ VARIABLE | GCLOUD_CONFIG, "missing", -ENOENT, NULL },
		{ GCLOUD_CONFIG | GCLOUD_HOME, NULL, 0, "/gcloud/application_default_credentials.json)" },
		{ GCLOUD_HOME, NULL, 0, "/.config/gcloud/application_default_credentials.json)" },
		{ 0, NULL, 0, "metadata server (metadata.google.internal)" },
		{ NO_GCE, NULL, -ENOENT, NULL },
		{ NO_GCE | GCLOUD_HOME, NULL, 0, "/.config/gcloud/application_default_credentials.json)" },
	};
	struct world *w = *state;
	int err;

	mkdir(in(w, "gcloud"), 0700);
	mkdir(in(w, ".config"), 0700);
	mkdir(in(w, ".config/gcloud"), 0700);
	user_file(w, "gcloud/application_default_credentials.json", "");
	user_file(w, ".config/gcloud/application_default_credentials.json", "");
	user_file(w, "subject", "");
	for (size_t i = 0; i < ROWS(rows); i++) {
		arrange(w, rows[i].bits, rows[i].file ? in(w, rows[i].file) : "", &err);
		assert_int_equal(err, rows[i].err);
		if (!err && !strstr(google_source(w->google), rows[i].source))
			fail_msg("row %zu: %s", i, google_source(w->google));
		assert_int_equal(w->server.shared->connections, 0);
	}
	arrange(w, EMULATOR, NULL, &err);
	assert_int_equal(token(w, 0), 0);
	assert_null(w->token);
	assert_int_equal(log_count(w, "/missing: No such file or directory"), 1);
	assert_int_equal(log_count(w, "NO_GCE_CHECK forbids the metadata server"), 1);
}

/* It is there, so it was meant: the next place is not looked at. */
static void a_bad_file_is_not_passed_over(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		int err;
	} rows[] = { { "{", 0600, -EINVAL },
		    { "{\"type\":\"authorized_user\",\"client_id\":\"a\",\"client_secret\":\"b\",\"refresh_token\":\"c\"}", 0644, -EACCES },
		    { "{\"type\":\"external_account_authorized_user\"}", 0600, -EINVAL } };
	struct world *w = *state;
	int err;

	mkdir(in(w, "gcloud"), 0700);
	for (size_t i = 0; i < ROWS(rows); i++) {
		write_file(w, "subject", rows[i].text, rows[i].mode);
		write_file(w, "gcloud/application_default_credentials.json", rows[i].text, rows[i].mode);
		arrange(w, VARIABLE, in(w, "subject"), &err);
		assert_int_equal(err, rows[i].err);
		arrange(w, GCLOUD_CONFIG, NULL, &err);
		assert_int_equal(err, rows[i].err);
	}
}

static void an_odd_metadata_host_is_refused(void **state)
{
	static const struct google_options options = { .scope = SCOPE };
	static const char *const hosts[] = { "evil.example/x?", "a b", "user@host", "a\r\nb" };
	struct world *w = *state;

	for (size_t i = 0; i < ROWS(hosts); i++) {
		setenv("GCE_METADATA_HOST", hosts[i], 1);
		assert_int_equal(google_open(&w->google, &options, w->http), -EINVAL);
	}
}

static void a_token_is_asked_for_as_often_as_its_life_demands(void **state)
{
	static const struct {
		const char *body;
		uint64_t step_ms, end_ms;
		unsigned asked;
	} rows[] = {
		{ TOKEN(5), 500, 29900, 12 },                     /* at 0, 2.5, 5 … 27.5 s */
		{ TOKEN(3600), 1000, 3359999, 1 }, { TOKEN(3600), 1000, 3360000, 2 }, { TOKEN(3600), 60000, 86399999, 26 },
		{ TOKEN(480), 1000, 239999, 1 }, { TOKEN(480), 1000, 240000, 2 }, { TOKEN(1), 250, 1900, 4 },
		{ TOKEN(999999999999), DAY_MS, 6 * DAY_MS, 1 }, { TOKEN(999999999999), DAY_MS, 7 * DAY_MS, 2 },
	};
	struct world *w = *state;
	struct google_stats stats;

	for (size_t i = 0; i < ROWS(rows); i++) {
		unsigned before = w->server.shared->requests;

		SERVER_SCRIPT(&w->server, { .path = "/token", .status = 200, .body = rows[i].body });
		assert_int_equal(open_data(w, service_account(w)), 0);
		for (uint64_t ms = 0; ms <= rows[i].end_ms; ms += rows[i].step_ms) {
			assert_int_equal(token(w, ms), 0);
			assert_string_equal(w->token, "ya29.MARKER");
		}
		assert_int_equal(w->server.shared->requests - before, rows[i].asked);
		google_stats(w->google, &stats);
		assert_int_equal(stats.refreshed, rows[i].asked);
		assert_int_equal(stats.failed, 0);
	}
}

static void a_forgotten_token_is_asked_for_anew(void **state)
{
	struct world *w = *state;

	SERVER_SCRIPT(&w->server, { .times = 1, .status = 200, .body = "{\"access_token\":\"first.MARKER\",\"expires_in\":3600}" },
		      { .status = 200, .body = TOKEN(3600) });
	assert_int_equal(open_data(w, service_account(w)), 0);
	assert_int_equal(token(w, 0), 0);
	assert_string_equal(w->token, "first.MARKER");
	google_forget_token(w->google);
	assert_int_equal(token(w, 1000), 0);
	assert_string_equal(w->token, "ya29.MARKER");
	assert_int_equal(w->server.shared->requests, 2);
}

static void an_outage_of_the_token_server_is_not_seen_while_the_token_is_good(void **state)
{
	struct world *w = *state;
	struct google_stats stats;
	uint64_t ms;

	SERVER_SCRIPT(&w->server, { .times = 1, .status = 200, .body = TOKEN(3600) }, { .status = 503 });
	assert_int_equal(open_data(w, service_account(w)), 0);
	assert_int_equal(token(w, 0), 0);
	for (ms = 3360000; ms < 3380000; ms += 1000) {
		assert_int_equal(token(w, ms), 0);
		assert_string_equal(w->token, "ya29.MARKER");
	}
	google_stats(w->google, &stats);
	assert_in_range(stats.failed, 4, 20);
	assert_in_range(log_count(w, "HTTP 503"), 4, 20);
	assert_in_range(log_count(w, "the last one is still good"), 4, 20);
	SERVER_SCRIPT(&w->server, { .status = 200, .body = "{\"access_token\":\"new.MARKER\",\"expires_in\":3600}" });
	for (; ms <= 3440000; ms += 1000)
		assert_int_equal(token(w, ms), 0);
	assert_string_equal(w->token, "new.MARKER");
	assert_int_equal(log_count(w, "a token again"), 1);
}

static void a_token_is_lent_to_its_last_moment_and_not_after(void **state)
{
	struct world *w = *state;

	SERVER_SCRIPT(&w->server, { .times = 1, .status = 200, .body = TOKEN(3600) }, { .status = 503 });
	assert_int_equal(open_data(w, service_account(w)), 0);
	assert_int_equal(token(w, 0), 0);
	assert_int_equal(token(w, 3599999), 0);
	assert_int_equal(token(w, 3600000), -EAGAIN);
	assert_null(w->token);
}

static void failures_are_repeated_ever_less_often(void **state)
{
	static const struct {
		int status;
		const char *body;
		int err;
	} rows[] = { { 503, "", -EAGAIN }, { 400, BAD_GRANT, -EACCES } };
	struct world *w = *state;

	for (size_t i = 0; i < ROWS(rows); i++) {
		unsigned before = w->server.shared->requests, asked;

		SERVER_SCRIPT(&w->server, { .status = rows[i].status, .body = rows[i].body });
		assert_int_equal(open_data(w, service_account(w)), 0);
		for (uint64_t ms = 0; ms < 600000; ms += 100)
			assert_int_equal(token(w, ms), rows[i].err);
		/* 14 when every wait is the longest; the shorter ones are a matter of luck. */
		asked = w->server.shared->requests - before;
		assert_in_range(asked, 14, 80);
		assert_int_equal(log_count(w, rows[i].err == -EAGAIN ? "no token, asking again in" : "no token: http"), asked);
	}
}

static void a_key_that_was_exchanged_is_used_at_once(void **state)
{
	struct world *w = *state;
	struct google_options options = { .scope = SCOPE };
	const char *good = service_account(w);
	char uri[128];

	snprintf(uri, sizeof(uri), ",\"token_uri\":\"%s\"", server_url(&w->server, "127.0.0.1", "/revoked"));
	options.key_file = user_file(w, "key.json", uri);
	SERVER_SCRIPT(&w->server, { .path = "/revoked", .status = 400, .body = BAD_GRANT }, { .path = "/token", .status = 200, .body = TOKEN(3600) });
	assert_int_equal(google_open(&w->google, &options, w->http), 0);
	assert_int_equal(token(w, 0), -EACCES);
	write_file(w, "key.json", "{\"type\":\"half wri", 0600);
	assert_int_equal(token(w, 0), -EACCES);
	assert_int_equal(token(w, 0), -EACCES);
	assert_int_equal(log_count(w, "not JSON"), 1);
	write_file(w, "key.json", good, 0600);
	assert_int_equal(token(w, 0), 0);
	assert_string_equal(w->token, "ya29.MARKER");
	assert_memory_equal(google_source(w->google), "service account " ACCOUNT " (", 16 + strlen(ACCOUNT) + 2);
}

/* The token endpoint of a world where it is WALL_S. */
static void check_time(void *ctx, const struct server_request *r, const char *body, struct server_row *out)
{
	static unsigned char padded[4096], claims[4096];
	const char *assertion = strstr(body, "&assertion=");
	const char *start = assertion ? strchr(assertion, '.') + 1 : "";
	size_t len = strcspn(start, ".");
	long long iat = 0;
	const char *at;

	(void)ctx, (void)r;
	memset(padded, '=', sizeof(padded));
	for (size_t i = 0; i < len && i < sizeof(padded) - 4; i++)
		padded[i] = (unsigned char)(start[i] == '-' ? '+' : start[i] == '_' ? '/' : start[i]);
	EVP_DecodeBlock(claims, padded, (int)((len + 3) / 4 * 4));
	at = strstr((char *)claims, "\"iat\":");
	sscanf(at ? at : "", "\"iat\":%lld", &iat);
	out->status = llabs(iat - (long long)WALL_S) < 300 ? 200 : 400;
	out->body = out->status == 200 ? TOKEN(3600) : BAD_GRANT;
	out->lines = WALL_DATE;
}

static void a_wrong_clock_is_corrected_and_warned_of_once(void **state)
{
	static const struct {
		int64_t offset_s;
		unsigned asked, warned;
		const char *logged;
	} rows[] = {
		{ 0, 1, 0, "" }, { 59, 1, 0, "" }, { 7200, 2, 1, "the clock is off by 7200 s: it is fast" },
		{ -7200, 2, 1, "the clock is off by 7200 s: it is slow" }, { -1767322984, 2, 1, "the clock is off by 1767322984 s: it is slow" },
	};
	struct world *w = *state;

	server_free(&w->server);
	assert_int_equal(server_start(&w->server, &(struct server_options){ .handler = check_time }), 0);
	for (size_t i = 0; i < ROWS(rows); i++) {
		uint64_t wall_ns = (uint64_t)((int64_t)WALL_S + rows[i].offset_s) * NS_PER_S;
		unsigned before = w->server.shared->requests, warned = log_count(w, "the clock is off");
		struct google_stats stats;

		assert_int_equal(open_data(w, service_account(w)), 0);
		assert_int_equal(google_token(w->google, BOOT_NS, wall_ns, &w->token), 0);
		assert_string_equal(w->token, "ya29.MARKER");
		assert_int_equal(w->server.shared->requests - before, rows[i].asked);
		google_stats(w->google, &stats);
		assert_int_equal(stats.clock_offset_s, rows[i].warned ? -rows[i].offset_s : 0);
		google_forget_token(w->google);
		assert_int_equal(google_token(w->google, BOOT_NS, wall_ns, &w->token), 0);
		assert_int_equal(w->server.shared->requests - before, rows[i].asked + 1);
		assert_int_equal(log_count(w, "the clock is off") - warned, rows[i].warned);
		assert_non_null(strstr(log_text(w), rows[i].logged));
	}
}

/* A collector whose clock is set while it runs: the next answer of any server tells. */
static void any_answer_tells_the_time(void **state)
{
	struct world *w = *state;
	struct google_stats stats;
	static const struct {
		uint64_t date_s;
		int64_t offset_s;
	} rows[] = { { WALL_S + 60, 0 }, { WALL_S - 60, 0 }, { WALL_S + 61, 61 }, { 0, 61 }, { WALL_S - 61, -61 }, { WALL_S, 0 }, { WALL_S + 99, 99 } };

	assert_int_equal(open_data(w, service_account(w)), 0);
	for (size_t i = 0; i < ROWS(rows); i++) {
		google_note_date(w->google, rows[i].date_s, WALL_NS);
		google_stats(w->google, &stats);
		assert_int_equal(stats.clock_offset_s, rows[i].offset_s);
	}
	assert_int_equal(log_count(w, "the clock is off"), 1);
}

static void a_refused_grant_is_asked_again_only_when_the_clock_explains_it(void **state)
{
	static const char *const lines[] = { NULL, WALL_DATE };
	struct world *w = *state;

	for (size_t i = 0; i < ROWS(lines); i++) {
		unsigned before = w->server.shared->requests;

		SERVER_SCRIPT(&w->server, { .status = 400, .lines = lines[i], .body = BAD_GRANT });
		assert_int_equal(open_data(w, service_account(w)), 0);
		assert_int_equal(token(w, 0), -EACCES);
		assert_int_equal(w->server.shared->requests - before, 1);
	}
}

static void an_end_of_the_program_is_no_failure(void **state)
{
	static volatile int stop = 1;
	struct world *w = *state;
	struct google_stats stats;

	http_watch(w->http, &stop);
	assert_int_equal(open_data(w, service_account(w)), 0);
	assert_int_equal(token(w, 0), -EAGAIN);
	google_stats(w->google, &stats);
	assert_int_equal(stats.failed, 0);
	assert_int_equal(log_count(w, "no token"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(credentials_are_looked_for_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_bad_file_is_not_passed_over, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_odd_metadata_host_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_token_is_asked_for_as_often_as_its_life_demands, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_forgotten_token_is_asked_for_anew, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_outage_of_the_token_server_is_not_seen_while_the_token_is_good, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_token_is_lent_to_its_last_moment_and_not_after, set_up, tear_down),
		cmocka_unit_test_setup_teardown(failures_are_repeated_ever_less_often, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_key_that_was_exchanged_is_used_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_wrong_clock_is_corrected_and_warned_of_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(any_answer_tells_the_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_refused_grant_is_asked_again_only_when_the_clock_explains_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_end_of_the_program_is_no_failure, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
