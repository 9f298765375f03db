/* SPDX-License-Identifier: Apache-2.0 */
/* test_http_tls.c - whom TLS trusts, and the ways through and past a proxy. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <curl/curl.h>
#include <cmocka.h>
#include "../user/base/log.h"
#include "../user/base/time.h"
#include "../user/ship/http.h"
#include "../user/ship/http_ca.h"
#include "http_server.h"
#include "private_ca.h"

#define TOKEN "ya29.MARKER-of-a-token"
#define ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))
#define DAY PRIVATE_CA_DAY_S

struct world {
	struct private_ca ca;
	struct server server, proxy;
	struct http_answer answer;
	char dir[64], ca_file[128], log[128];
};

static void forget_proxies(void)
{
	static const char *const variables[] = { "http_proxy", "https_proxy", "all_proxy", "no_proxy",
						 "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY" };

	for (size_t i = 0; i < ROWS(variables); i++)
		unsetenv(variables[i]);
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	forget_proxies();
	signal(SIGPIPE, SIG_IGN);
	strcpy(w->dir, "/tmp/test_http_tls.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->ca_file, sizeof(w->ca_file), "%s/ca.pem", w->dir);
	snprintf(w->log, sizeof(w->log), "%s/log", w->dir);
	assert_int_equal(log_open(LOG_DEBUG, LOG_CONSOLE, w->log), 0);
	private_ca_make(&w->ca);
	assert_int_equal(private_ca_write(&w->ca, w->ca_file), 0);
	assert_int_equal(server_start(&w->proxy, &(struct server_options){ .is_proxy = true }), 0);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	forget_proxies();
	server_free(&w->proxy);
	if (w->server.shared)
		server_free(&w->server);
	private_ca_free(&w->ca);
	log_close();
	unlink(w->ca_file);
	unlink(w->log);
	assert_int_equal(rmdir(w->dir), 0);
	free(w);
	return 0;
}

static void start_tls(struct world *w, const char *names, long from_s, long to_s)
{
	SSL_CTX *tls = private_ca_server(&w->ca, names, from_s, to_s);

	if (w->server.shared)
		server_free(&w->server);
	assert_int_equal(server_start(&w->server, &(struct server_options){ .tls = tls }), 0);
	SERVER_SCRIPT(&w->server, { .status = 200, .body = "secret" });
	SSL_CTX_free(tls);
}

/* One request by a client of its own. */
static void ask(struct world *w, const char *url, const char *ca_file, const char *proxy, bool is_direct)
{
	const struct http_options options = { .ca_file = ca_file, .proxy = proxy, .connect_timeout_ns = 2 * NS_PER_S,
					      .timeout_ns = 5 * NS_PER_S };
	struct http_request request = { .method = "GET", .url = url, .bearer = TOKEN, .is_direct = is_direct };
	struct http *http;

	assert_int_equal(http_new(&http, &options), 0);
	http_do(http, &request, &w->answer);
	w->answer.body = NULL;
	http_free(http);
}

static void tls_trusts_the_ca_file_for_the_right_name_in_its_time(void **state)
{
	static const struct {
		const char *names;
		long from_s, to_s;
		bool has_ca;
		const char *why;                  /* NULL: it works */
	} rows[] = {
		{ "DNS:localhost", -DAY, DAY, true, NULL },
		{ "DNS:localhost", -DAY, DAY, false, "issuer certificate" },
		{ "DNS:other.example", -DAY, DAY, true, "no alternative certificate subject name matches" },
		{ "IP:127.0.0.1", -DAY, DAY, true, "no alternative certificate subject name matches" },
		{ "DNS:localhost", -DAY, -3600, true, "expired" },
		{ "DNS:localhost", 3600, DAY, true, "not yet valid" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < ROWS(rows); i++) {
		start_tls(w, rows[i].names, rows[i].from_s, rows[i].to_s);
		ask(w, server_url(&w->server, "localhost", "/"), rows[i].has_ca ? w->ca_file : NULL, NULL, false);
		if (!rows[i].why) {
			assert_int_equal(w->answer.fate, HTTP_ANSWERED);
			assert_int_equal(w->answer.status, 200);
			continue;
		}
		assert_int_equal(w->answer.fate, HTTP_NOT_SENT);
		assert_true(w->answer.is_refused);
		assert_non_null(strstr(w->answer.why, rows[i].why));
		assert_int_equal(w->server.shared->requests, 0);
	}
}

static void tls_older_than_1_2_is_refused(void **state)
{
	static const struct {
		int version;
		enum http_fate fate;
	} rows[] = { { TLS1_1_VERSION, HTTP_NOT_SENT }, { TLS1_2_VERSION, HTTP_ANSWERED }, { TLS1_3_VERSION, HTTP_ANSWERED } };
	struct world *w = *state;

	for (size_t i = 0; i < ROWS(rows); i++) {
		SSL_CTX *tls = private_ca_server(&w->ca, "DNS:localhost", -DAY, DAY);

		SSL_CTX_set_cipher_list(tls, "ALL:@SECLEVEL=0");
		SSL_CTX_set_min_proto_version(tls, rows[i].version);
		SSL_CTX_set_max_proto_version(tls, rows[i].version);
		if (w->server.shared)
			server_free(&w->server);
		assert_int_equal(server_start(&w->server, &(struct server_options){ .tls = tls }), 0);
		SSL_CTX_free(tls);
		SERVER_SCRIPT(&w->server, { .status = 200 });
		ask(w, server_url(&w->server, "localhost", "/"), w->ca_file, NULL, false);
		assert_int_equal(w->answer.fate, rows[i].fate);
	}
}

static void a_server_without_tls_gets_nothing(void **state)
{
	struct world *w = *state;
	char url[64];

	snprintf(url, sizeof(url), "https://localhost:%u/", w->proxy.port);
	ask(w, url, w->ca_file, NULL, false);
	assert_int_equal(w->answer.fate, HTTP_NOT_SENT);
	assert_int_equal(w->proxy.shared->requests, 0);
}

static void the_ca_file_is_added_to_the_systems_store(void **state)
{
	const char *system = curl_version_info(CURLVERSION_NOW)->cainfo;
	struct world *w = *state;
	struct stat st;
	size_t len;
	char *pem;

	if (!system || stat(system, &st))
		skip();
	assert_int_equal(http_ca_read(&pem, &len, w->ca_file), 0);
	assert_in_range(len, (size_t)st.st_size + 400, (size_t)st.st_size + 4000);
	assert_memory_equal(pem, "-----BEGIN CERTIFICATE-----\n", 28);
	free(pem);
}

static void a_ca_file_that_cannot_be_used_is_refused(void **state)
{
	const struct http_options options = { .ca_file = ((struct world *)*state)->ca_file };
	struct world *w = *state;
	struct http *http;
	FILE *file = fopen(w->ca_file, "w");

	fputs("-----BEGIN CERTIFICATE-----\nnot base64\n-----END CERTIFICATE-----\n", file);
	fclose(file);
	assert_int_equal(http_new(&http, &options), -EINVAL);
	unlink(w->ca_file);
	assert_int_equal(http_new(&http, &options), -ENOENT);
}

static char *proxy_url(const struct world *w)
{
	static char url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u", w->proxy.port);
	return url;
}

/* The host is one that only the proxy knows the way to. */
static void https_goes_through_the_proxy_by_connect(void **state)
{
	static const struct {
		const char *variable, *no_proxy;
		bool is_option, is_direct;
		unsigned tunnels;
	} rows[] = {
		{ "HTTPS_PROXY", NULL, false, false, 1 },
		{ "https_proxy", NULL, false, false, 1 },
		{ "HTTP_PROXY", NULL, false, false, 0 },
		{ NULL, NULL, true, false, 1 },
		{ "HTTPS_PROXY", "bigquery.test", false, false, 0 },
		{ NULL, ".test", true, false, 0 },
		{ "HTTPS_PROXY", "other.test", false, false, 1 },
		{ "HTTPS_PROXY", "*", false, false, 0 },
		{ "HTTPS_PROXY", NULL, false, true, 0 },
		{ NULL, NULL, true, true, 0 },
	};
	struct world *w = *state;
	const struct server_request *connect;
	char head[64];

	for (size_t i = 0; i < ROWS(rows); i++) {
		unsigned before = w->proxy.shared->tunnels;

		start_tls(w, "DNS:bigquery.test", -DAY, DAY);
		if (rows[i].variable)
			setenv(rows[i].variable, proxy_url(w), 1);
		if (rows[i].no_proxy)
			setenv("NO_PROXY", rows[i].no_proxy, 1);
		ask(w, server_url(&w->server, "bigquery.test", "/"), w->ca_file, rows[i].is_option ? proxy_url(w) : NULL,
		    rows[i].is_direct);
		forget_proxies();
		assert_int_equal(w->proxy.shared->tunnels - before, rows[i].tunnels);
		assert_int_equal(w->server.shared->requests, rows[i].tunnels);
		assert_int_equal(w->answer.fate, rows[i].tunnels ? HTTP_ANSWERED : HTTP_NOT_SENT);
		assert_false(w->answer.is_refused);
	}
	connect = server_last(&w->proxy);
	snprintf(head, sizeof(head), "CONNECT bigquery.test:");
	assert_memory_equal(connect->head, head, strlen(head));
	assert_null(strstr(connect->head, "MARKER"));
	assert_null(strstr(connect->head, "Authorization"));
}

static void http_goes_through_the_proxy_by_its_whole_url(void **state)
{
	static const char *const variables[] = { "http_proxy", "HTTP_PROXY", "ALL_PROXY" };
	struct world *w = *state;

	SERVER_SCRIPT(&w->proxy, { .path = "http://bigquery.test/", .status = 200 });
	for (size_t i = 0; i < ROWS(variables); i++) {
		setenv(variables[i], proxy_url(w), 1);
		ask(w, "http://bigquery.test/", NULL, NULL, false);
		forget_proxies();
		assert_int_equal(w->answer.status, 200);
	}
}

static void what_a_proxy_refuses_was_not_sent(void **state)
{
	static const struct {
		int status;
		bool is_https, is_refused;
	} rows[] = {
		{ 407, true, true }, { 407, false, true }, { 403, true, true }, { 429, true, false }, { 502, true, false }, { 503, true, false },
	};
	struct world *w = *state;

	for (size_t i = 0; i < ROWS(rows); i++) {
		SERVER_SCRIPT(&w->proxy, { .status = rows[i].status, .lines = "Proxy-Authenticate: Basic realm=\"x\"\r\n" });
		ask(w, rows[i].is_https ? "https://bigquery.test/" : "http://bigquery.test/", NULL, proxy_url(w), false);
		assert_int_equal(w->answer.fate, HTTP_NOT_SENT);
		assert_int_equal(w->answer.is_refused, rows[i].is_refused);
		assert_int_equal(w->answer.status, 0);
	}
}

static void a_proxy_that_misbehaves_sees_no_token(void **state)
{
	static const enum server_trick tricks[] = { SERVER_RESET, SERVER_CLOSE, SERVER_HEADERS, SERVER_GARBAGE };
	struct world *w = *state;

	for (size_t i = 0; i < ROWS(tricks); i++) {
		SERVER_SCRIPT(&w->proxy, { .status = 200, .trick = tricks[i] });
		ask(w, "https://bigquery.test/", NULL, proxy_url(w), false);
		assert_int_equal(w->answer.fate, HTTP_NOT_SENT);
		assert_null(strstr(server_last(&w->proxy)->head, "MARKER"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tls_trusts_the_ca_file_for_the_right_name_in_its_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tls_older_than_1_2_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_server_without_tls_gets_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_ca_file_is_added_to_the_systems_store, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_ca_file_that_cannot_be_used_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(https_goes_through_the_proxy_by_connect, set_up, tear_down),
		cmocka_unit_test_setup_teardown(http_goes_through_the_proxy_by_its_whole_url, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_a_proxy_refuses_was_not_sent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_proxy_that_misbehaves_sees_no_token, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
