/* SPDX-License-Identifier: Apache-2.0 */
/* test_google_grant.c - what each kind of credentials asks, and what is made of good and bad answers. */
#include "google_world.h"
#include "../user/ship/google_file.h"
#include "../user/ship/google_grant.h"

#define GOOD "{\"access_token\":\"ya29.MARKER\",\"expires_in\":3599,\"token_type\":\"Bearer\"}"
#define CLOUD "https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform"

/* Credentials with the server's address in the place of each %s. */
static int open_text(struct world *w, const char *format)
{
	const char *server = server_url(&w->server, "127.0.0.1", "");
	char text[16384] = "";

	for (const char *p = format, *at; *p; p = at + 2 * !!*at) {
		at = strstr(p, "%s");
		at = at ? at : p + strlen(p);
		strncat(text, p, (size_t)(at - p));
		strcat(text, *at ? server : "");
	}
	return open_data(w, text);
}

static const struct server_request *request(const struct world *w, unsigned number)
{
	assert_in_range(w->server.shared->requests, number, SERVER_KEPT);
	return &w->server.shared->kept[number - 1];
}

#define USER "\"type\":\"authorized_user\",\"client_id\":\"id&1\",\"client_secret\":\"MARKER-s\",\"refresh_token\":\"1//MARKER-r\"," \
	     "\"token_uri\":\"%s/token\""

static void a_service_account_sends_a_signed_statement_to_its_token_uri(void **state)
{
	struct world *w = *state;
	static const char start[] = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=ey";

	SERVER_SCRIPT(&w->server, { .method = "POST", .path = "/token", .status = 200, .body = GOOD });
	assert_int_equal(open_data(w, service_account(w)), 0);
	assert_string_equal(google_source(w->google), "service account " ACCOUNT " (key data)");
	assert_int_equal(token(w, 0), 0);
	assert_string_equal(w->token, "ya29.MARKER");
	assert_memory_equal(request(w, 1)->body, start, strlen(start));
	assert_non_null(strstr(request(w, 1)->head, "Content-Type: application/x-www-form-urlencoded\r\n"));
}

static void a_user_sends_the_refresh_token(void **state)
{
	struct world *w = *state;

	SERVER_SCRIPT(&w->server, { .method = "POST", .path = "/token", .status = 200, .body = GOOD });
	assert_int_equal(open_text(w, "{" USER ",\"quota_project_id\":\"payer\"}"), 0);
	assert_string_equal(google_source(w->google), "authorized user (key data)");
	assert_string_equal(google_quota_project(w->google), "payer");
	assert_int_equal(token(w, 0), 0);
	assert_string_equal(w->token, "ya29.MARKER");
	assert_string_equal(request(w, 1)->body, "grant_type=refresh_token&client_id=id%261&client_secret=MARKER-s&refresh_token=1%2F%2FMARKER-r");
}

#define EXTERNAL "\"type\":\"external_account\",\"audience\":\"//iam/pool\",\"subject_token_type\":\"urn:ietf:params:oauth:token-type:jwt\"," \
		 "\"token_url\":\"%s/sts\""
#define EXCHANGE(scope, subject) "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&audience=%2F%2Fiam%2Fpool&scope=" scope \
	"&requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token&subject_token=" subject \
	"&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt"

static void an_external_account_exchanges_the_token_of_a_file(void **state)
{
	static const struct {
		const char *subject, *format, *sent;
	} rows[] = {
		{ "MARKER.subject\n", "", EXCHANGE("https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fbigquery", "MARKER.subject") },
		{ "{\"a\":1,\"id_token\":\"MARKER/2\"}", ",\"format\":{\"type\":\"json\",\"subject_token_field_name\":\"id_token\"}",
		  EXCHANGE("https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fbigquery", "MARKER%2F2") },
	};
	struct world *w = *state;
	char text[2048];

	SERVER_SCRIPT(&w->server, { .method = "POST", .path = "/sts", .status = 200, .body = GOOD });
	for (size_t i = 0; i < ROWS(rows); i++) {
		write_file(w, "subject", rows[i].subject, 0644);
		snprintf(text, sizeof(text), "{" EXTERNAL ",\"credential_source\":{\"file\":\"%s\"%s}}", "%s", in(w, "subject"), rows[i].format);
		assert_int_equal(open_text(w, text), 0);
		assert_int_equal(token(w, 0), 0);
		assert_string_equal(w->token, "ya29.MARKER");
		assert_string_equal(request(w, (unsigned)i + 1)->body, rows[i].sent);
		assert_null(strstr(request(w, (unsigned)i + 1)->head, "Authorization"));
	}
}

/* From a URL with its header line, with a client's password, and on to the account it stands for. */
static void an_external_account_exchanges_the_token_of_a_url_and_impersonates(void **state)
{
	struct world *w = *state;

	SERVER_SCRIPT(&w->server, { .method = "GET", .path = "/subject?a=b", .status = 200, .body = "{\"value\":\"MARKER-subject\"}" },
		      { .method = "POST", .path = "/sts", .status = 200, .body = "{\"access_token\":\"federated.MARKER\",\"expires_in\":3600}" },
		      { .method = "POST", .path = "/iam:generateAccessToken", .status = 200, .lines = WALL_DATE,
			.body = "{\"accessToken\":\"ya29.MARKER\",\"expireTime\":\"2026-01-02T03:33:04Z\"}" });
	assert_int_equal(open_text(w, "{" EXTERNAL ",\"client_id\":\"id\",\"client_secret\":\"MARKER-s\",\"credential_source\":{\"url\":"
				   "\"%s/subject?a=b\",\"headers\":{\"Authorization\":\"bearer MARKER-h\"},\"format\":{\"type\":\"json\","
				   "\"subject_token_field_name\":\"value\"}},\"service_account_impersonation_url\":\"%s/iam:generateAccessToken\"}"), 0);
	assert_int_equal(token(w, 0), 0);
	assert_string_equal(w->token, "ya29.MARKER");
	assert_non_null(strstr(request(w, 1)->head, "\r\nAuthorization: bearer MARKER-h\r\n"));
	assert_string_equal(request(w, 2)->body, EXCHANGE(CLOUD, "MARKER-subject"));
	assert_non_null(strstr(request(w, 2)->head, "\r\nAuthorization: Basic aWQ6TUFSS0VSLXM=\r\n"));
	assert_non_null(strstr(request(w, 3)->head, "\r\nAuthorization: Bearer federated.MARKER\r\n"));
	assert_string_equal(request(w, 3)->body, "{\"lifetime\":\"3600s\",\"scope\":[\"" SCOPE "\"],\"delegates\":[]}");
	assert_int_equal(token(w, 1559999), 0);              /* the half hour of expireTime, less four minutes */
	assert_int_equal(w->server.shared->requests, 3);
	assert_int_equal(token(w, 1560000), 0);
	assert_int_equal(w->server.shared->requests, 6);
}

static void an_impersonated_account_asks_with_the_token_of_its_source(void **state)
{
	struct world *w = *state;

	SERVER_SCRIPT(&w->server, { .path = "/token", .status = 200, .body = "{\"access_token\":\"source.MARKER\",\"expires_in\":3600}" },
		      { .path = "/iam", .status = 200, .body = "{\"accessToken\":\"ya29.MARKER\",\"expireTime\":\"2026-01-02T04:03:04.5Z\"}" });
	assert_int_equal(open_text(w, "{\"type\":\"impersonated_service_account\",\"delegates\":[\"d1\",\"d2\"],"
				   "\"service_account_impersonation_url\":\"%s/iam\",\"source_credentials\":{" USER "}}"), 0);
	assert_int_equal(token(w, 0), 0);
	assert_string_equal(w->token, "ya29.MARKER");
	assert_non_null(strstr(request(w, 2)->head, "\r\nAuthorization: Bearer source.MARKER\r\n"));
	assert_string_equal(request(w, 2)->body, "{\"lifetime\":\"3600s\",\"scope\":[\"" SCOPE "\"],\"delegates\":[\"d1\",\"d2\"]}");
}

static void what_an_answer_means(void **state)
{
	static const struct {
		int status;
		const char *body;
		int err;
		const char *logged;               /* NULL: nothing */
		enum server_trick trick;
	} rows[] = {
		{ 200, GOOD, 0, NULL, SERVER_PLAIN },
		{ 200, "{\"access_token\":\"ya29.MARKER\"}", 0, NULL, SERVER_PLAIN },
		{ 200, "", -EAGAIN, "holds no token", SERVER_PLAIN },
		{ 200, "{\"access_token\":\"ya29.MARKER", -EAGAIN, "holds no token", SERVER_PLAIN },
		{ 200, "{\"access_token\":7}", -EAGAIN, "holds no token", SERVER_PLAIN },
		{ 200, "{\"access_token\":\"\"}", -EAGAIN, "holds no token", SERVER_PLAIN },
		{ 200, "{\"access_token\":\"a\\r\\nX-Evil: MARKER\"}", -EAGAIN, "holds no token", SERVER_PLAIN },
		{ 200, "{\"access_token\":\"MARKER\",\"expires_in\":0}", -EAGAIN, "was over when it came", SERVER_PLAIN },
		{ 200, "{\"access_token\":\"MARKER\",\"expires_in\":-9}", -EAGAIN, "was over when it came", SERVER_PLAIN },
		{ 200, "{\"access_token\":\"MARKER\",\"expireTime\":\"2026-01-02T03:03:04Z\"}", -EAGAIN, "was over when it came", SERVER_PLAIN },
		{ 400, "{\"error\":\"invalid_grant\",\"error_description\":\"Account not found\"}", -EACCES, "HTTP 400 invalid_grant: Account not found", SERVER_PLAIN },
		{ 400, "{\"error\":\"invalid_grant\",\"error_description\":\"bad token 1//MARKER-r\"}", -EACCES, "/token: HTTP 400", SERVER_PLAIN },
		{ 401, "{\"error\":\"MARKER-s\"}", -EACCES, "/token: HTTP 401", SERVER_PLAIN },
		{ 403, "{\"error\":{\"code\":403,\"status\":\"PERMISSION_DENIED\",\"message\":\"no right\"}}", -EACCES, "HTTP 403 PERMISSION_DENIED: no right", SERVER_PLAIN },
		{ 404, "<html>MARKER</html>", -EACCES, "/token: HTTP 404", SERVER_PLAIN },
		{ 302, "", -EACCES, "/token: HTTP 302", SERVER_PLAIN },
		{ 400, "{\"error\":\"internal_failure\"}", -EAGAIN, "HTTP 400 internal_failure", SERVER_PLAIN },
		{ 500, "MARKER", -EAGAIN, "HTTP 500", SERVER_PLAIN }, { 503, "", -EAGAIN, "HTTP 503", SERVER_PLAIN },
		{ 429, "", -EAGAIN, "HTTP 429", SERVER_PLAIN }, { 408, "", -EAGAIN, "HTTP 408", SERVER_PLAIN },
		{ 200, GOOD, -EAGAIN, "/token: ", SERVER_RESET }, { 200, GOOD, -EAGAIN, "/token: ", SERVER_CUT },
		{ 200, GOOD, -EAGAIN, "the answer is longer", SERVER_HUGE }, { 200, GOOD, -EAGAIN, "the headers are longer", SERVER_HEADERS },
	};
	struct world *w = *state;

	for (size_t i = 0; i < ROWS(rows); i++) {
		unsigned before = rows[i].logged ? log_count(w, rows[i].logged) : 0;

		SERVER_SCRIPT(&w->server, { .status = rows[i].status, .body = rows[i].body, .trick = rows[i].trick, .lines = WALL_DATE });
		assert_int_equal(open_text(w, "{" USER "}"), 0);
		assert_int_equal(token(w, 0), rows[i].err);
		assert_true(!w->token == !!rows[i].err);
		if (rows[i].logged && log_count(w, rows[i].logged) <= before)
			fail_msg("row %zu: not in the log: %s", i, rows[i].logged);
	}
}

static void a_subject_token_that_is_missing_is_an_outage(void **state)
{
	static const struct {
		const char *source, *logged;
	} rows[] = {
		{ "{\"file\":\"/nonexistent/MARK\"}", "subject token /nonexistent/MARK: No such file or directory" },
		{ "{\"file\":\"/\"}", "subject token /: not a regular file" },
		{ "{\"file\":\"/dev/null\"}", "subject token /dev/null: not a regular file" },
		{ "{\"url\":\"%s/x\",\"format\":{\"type\":\"json\",\"subject_token_field_name\":\"value\"}}", "not JSON with the member" },
		{ "{\"url\":\"%s/503\"}", "/503: HTTP 503" },
	};
	struct world *w = *state;
	char text[2048];

	SERVER_SCRIPT(&w->server, { .path = "/503", .status = 503 }, { .method = "GET", .status = 200, .body = "MARKER" });
	for (size_t i = 0; i < ROWS(rows); i++) {
		snprintf(text, sizeof(text), "{" EXTERNAL ",\"credential_source\":%s}", "%s", rows[i].source);
		assert_int_equal(open_text(w, text), 0);
		assert_int_equal(token(w, 0), -EAGAIN);
		assert_in_range(log_count(w, rows[i].logged), 1, 2);
	}
}

static void the_metadata_server_is_asked_with_its_header_line_and_past_the_proxy(void **state)
{
	static const struct google_options options = { .scope = SCOPE };
	struct world *w = *state;

	setenv("GCE_METADATA_HOST", strstr(server_url(&w->server, "127.0.0.1", ""), "127"), 1);
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	SERVER_SCRIPT(&w->server, { .path = "/computeMetadata/v1/instance/service-accounts/default/token", .status = 200, .body = GOOD });
	assert_int_equal(google_open(&w->google, &options, w->http), 0);
	assert_int_equal(w->server.shared->connections, 0);       /* opening asks nobody */
	assert_memory_equal(google_source(w->google), "metadata server (127.0.0.1:", 27);
	assert_int_equal(token(w, 0), 0);
	assert_string_equal(w->token, "ya29.MARKER");
	assert_non_null(strstr(request(w, 1)->head, "\r\nMetadata-Flavor: Google\r\n"));
}

static void the_metadata_server_is_asked_three_times(void **state)
{
	static const struct {
		struct server_row row;
		int err;
		unsigned asked;
	} rows[] = {
		{ { .status = 503 }, -EAGAIN, 3 }, { { .times = 2, .status = 500 }, -EACCES, 3 }, { { .status = 404 }, -EACCES, 1 },
		{ { .status = 200, .body = GOOD }, 0, 1 },
	};
	static const struct google_options options = { .scope = SCOPE };
	struct world *w = *state;

	setenv("GCE_METADATA_HOST", strstr(server_url(&w->server, "127.0.0.1", ""), "127"), 1);
	for (size_t i = 0; i < ROWS(rows); i++) {
		unsigned before = w->server.shared->requests;

		server_script(&w->server, &rows[i].row, 1);
		google_close(w->google);
		assert_int_equal(google_open(&w->google, &options, w->http), 0);
		assert_int_equal(token(w, 0), rows[i].err);
		assert_int_equal(w->server.shared->requests - before, rows[i].asked);
	}
}

static void without_a_metadata_server_there_are_no_credentials(void **state)
{
	static const struct google_options options = { .scope = SCOPE };
	struct world *w = *state;

	setenv("GCE_METADATA_HOST", "127.0.0.1:1", 1);
	assert_int_equal(google_open(&w->google, &options, w->http), 0);
	assert_int_equal(token(w, 0), -ENOENT);
	assert_int_equal(log_count(w, "credentials: there are none: no key file or key data"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_service_account_sends_a_signed_statement_to_its_token_uri, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_user_sends_the_refresh_token, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_external_account_exchanges_the_token_of_a_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_external_account_exchanges_the_token_of_a_url_and_impersonates, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_impersonated_account_asks_with_the_token_of_its_source, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_an_answer_means, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_subject_token_that_is_missing_is_an_outage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_metadata_server_is_asked_with_its_header_line_and_past_the_proxy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_metadata_server_is_asked_three_times, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_a_metadata_server_there_are_no_credentials, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
