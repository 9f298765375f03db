/* SPDX-License-Identifier: Apache-2.0 */
/* test_http.c - what reaches a server, what is made of its answers, and how far it got when there is none. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>
#include "../user/base/log.h"
#include "../user/base/time.h"
#include "../user/ship/http.h"
#include "http_server.h"

#define TOKEN "ya29.MARKER-of-a-token"
#define ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

struct world {
	struct http *http;
	struct server server;
	struct http_answer answer;
	char dir[64], log[128];
};

static const struct http_options usual = { .connect_timeout_ns = 2 * NS_PER_S, .timeout_ns = 5 * NS_PER_S };

static int set_up(void **state)
{
	static const char *const variables[] = { "http_proxy", "https_proxy", "all_proxy", "no_proxy",
						 "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY" };
	struct world *w = calloc(1, sizeof(*w));

	for (size_t i = 0; i < ROWS(variables); i++)
		unsetenv(variables[i]);
	signal(SIGPIPE, SIG_IGN);
	strcpy(w->dir, "/tmp/test_http.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->log, sizeof(w->log), "%s/log", w->dir);
	assert_int_equal(log_open(LOG_DEBUG, LOG_CONSOLE, w->log), 0);
	assert_int_equal(server_start(&w->server, NULL), 0);
	assert_int_equal(http_new(&w->http, &usual), 0);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	http_free(w->http);
	server_free(&w->server);
	log_close();
	unlink(w->log);
	assert_int_equal(rmdir(w->dir), 0);
	free(w);
	return 0;
}

static const struct http_answer *ask(struct world *w, const char *path)
{
	struct http_request request = { .method = "GET", .url = server_url(&w->server, "127.0.0.1", path) };

	http_do(w->http, &request, &w->answer);
	return &w->answer;
}

static bool log_has(const struct world *w, const char *text)
{
	static char octets[1 << 20];
	FILE *file = fopen(w->log, "r");
	size_t len = file ? fread(octets, 1, sizeof(octets) - 1, file) : 0;

	assert_non_null(file);
	fclose(file);
	octets[len] = '\0';
	return strstr(octets, text);
}

static void an_answer_is_given_whole(void **state)
{
	struct world *w = *state;
	struct http_stats stats;

	SERVER_SCRIPT(&w->server, { .path = "/a", .status = 200, .body = "{\"a\":1}" }, { .status = 503, .body = "later" });
	ask(w, "/a");
	assert_int_equal(w->answer.fate, HTTP_ANSWERED);
	assert_int_equal(w->answer.status, 200);
	assert_string_equal(w->answer.body, "{\"a\":1}");
	assert_int_equal(w->answer.len, 7);
	assert_string_equal(w->answer.why, "");
	ask(w, "/b");
	assert_int_equal(w->answer.fate, HTTP_ANSWERED);
	assert_int_equal(w->answer.status, 503);
	assert_string_equal(w->answer.body, "later");
	http_stats(w->http, &stats);
	assert_int_equal(stats.requests, 2);
	assert_int_equal(stats.by_class[2], 1);
	assert_int_equal(stats.by_class[5], 1);
}

static void a_request_carries_its_lines_token_and_body(void **state)
{
	struct world *w = *state;
	static char body[2000000];                /* from 1 MB on libcurl would say Expect */
	struct http_request request = { .method = "PUT", .url = server_url(&w->server, "127.0.0.1", "/up?id=1"), .bearer = TOKEN,
					.lines = { "Content-Type: application/json", "Content-Range: bytes 0-9/10" },
					.body = body, .len = sizeof(body) };
	const struct server_request *got;
	struct http_stats stats;

	memset(body, 'b', sizeof(body));
	SERVER_SCRIPT(&w->server, { .status = 200 });
	http_do(w->http, &request, &w->answer);
	got = server_last(&w->server);
	assert_int_equal(w->answer.status, 200);
	assert_memory_equal(got->head, "PUT /up?id=1 HTTP/1.1\r\n", 23);
	assert_non_null(strstr(got->head, "\r\nAuthorization: Bearer " TOKEN "\r\n"));
	assert_non_null(strstr(got->head, "\r\nContent-Type: application/json\r\n"));
	assert_non_null(strstr(got->head, "\r\nContent-Range: bytes 0-9/10\r\n"));
	assert_non_null(strstr(got->head, "\r\nUser-Agent: devourer/" DEVOURER_VERSION "\r\n"));
	assert_null(strstr(got->head, "Expect"));
	assert_int_equal(got->len, sizeof(body));
	assert_memory_equal(got->body, body, SERVER_BODY_KEPT - 1);
	http_stats(w->http, &stats);
	assert_int_equal(stats.octets_sent, sizeof(body));
}

static void a_body_without_octets_has_the_length_0(void **state)
{
	static const char *const methods[] = { "POST", "PUT", "PATCH" };
	struct world *w = *state;

	SERVER_SCRIPT(&w->server, { .status = 200 });
	for (size_t i = 0; i < ROWS(methods); i++) {
		struct http_request request = { .method = methods[i], .url = server_url(&w->server, "127.0.0.1", "/") };

		http_do(w->http, &request, &w->answer);
		assert_memory_equal(server_last(&w->server)->method, methods[i], strlen(methods[i]) + 1);
		assert_non_null(strstr(server_last(&w->server)->head, "\r\nContent-Length: 0\r\n"));
	}
}

static void a_packed_body_unpacks_to_what_was_given(void **state)
{
	static const size_t lengths[] = { 0, 1, 1000000, 5 };
	static char body[1000000], out[1000001];
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (char)("{\"id\":123}"[i % 10] + (i % 977 == 0));
	SERVER_SCRIPT(&w->server, { .status = 200 });
	for (size_t i = 0; i < ROWS(lengths); i++) {
		struct http_request request = { .method = "POST", .url = server_url(&w->server, "127.0.0.1", "/"), .is_gzip = true,
						.body = body, .len = lengths[i] };
		z_stream z = { .next_out = (Bytef *)out, .avail_out = sizeof(out) };
		const struct server_request *got;

		http_do(w->http, &request, &w->answer);
		got = server_last(&w->server);
		assert_non_null(strstr(got->head, "\r\nContent-Encoding: gzip\r\n"));
		z.next_in = (Bytef *)(uintptr_t)got->body;
		z.avail_in = (uInt)got->len;
		assert_in_range(got->len, 1, SERVER_BODY_KEPT - 1);
		assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
		assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
		assert_int_equal(z.total_out, lengths[i]);
		assert_memory_equal(out, body, lengths[i]);
		inflateEnd(&z);
	}
}

static void the_header_fields_of_an_answer_are_read(void **state)
{
	static const struct {
		const char *lines;
		uint64_t date_s;
		uint32_t retry_after_s;
		const char *range, *location;
	} rows[] = {
		{ "Date: Fri, 02 Jan 2026 03:03:04 GMT\r\n", 1767322984, 0, "", "" },
		{ "dAtE:\tFri, 02 Jan 2026 03:03:04 GMT \t\r\nRetry-After: 120\r\n", 1767322984, 120, "", "" },
		{ "Date: yesterday\r\n", 0, 0, "", "" },
		{ "Retry-After: Fri, 02 Jan 2026 03:04:04 GMT\r\nDate: Fri, 02 Jan 2026 03:03:04 GMT\r\n", 1767322984, 60, "", "" },
		{ "Retry-After: Fri, 02 Jan 2026 03:03:04 GMT\r\nDate: Fri, 02 Jan 2026 03:04:04 GMT\r\n", 1767323044, 0, "", "" },
		{ "Retry-After: Fri, 02 Jan 2026 03:04:04 GMT\r\n", 0, 0, "", "" },
		{ "Retry-After: 99999999999999999999\r\n", 0, UINT32_MAX, "", "" },
		{ "Retry-After: soon\r\n", 0, 0, "", "" },
		{ "Range: bytes=0-262143\r\nLocation: /up?upload_id=x\r\n", 0, 0, "bytes=0-262143", "/up?upload_id=x" },
		{ "Range: 0123456789012345678901234567890123456789012345678901234567890123\r\nX-Date: x\r\n", 0, 0, "", "" },
		{ "Location:\r\n", 0, 0, "", "" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < ROWS(rows); i++) {
		SERVER_SCRIPT(&w->server, { .status = 308, .lines = rows[i].lines });
		ask(w, "/");
		assert_int_equal(w->answer.status, 308);
		assert_int_equal(w->answer.date_s, rows[i].date_s);
		assert_int_equal(w->answer.retry_after_s, rows[i].retry_after_s);
		assert_string_equal(w->answer.range, rows[i].range);
		assert_string_equal(w->answer.location, rows[i].location);
	}
}

static void early_answers_are_not_the_answer(void **state)
{
	struct world *w = *state;

	SERVER_SCRIPT(&w->server, { .status = 200, .body = "done", .trick = SERVER_CONTINUE });
	ask(w, "/");
	assert_int_equal(w->answer.status, 200);
	assert_string_equal(w->answer.body, "done");
	assert_int_equal(w->answer.retry_after_s, 0);
	assert_string_equal(w->answer.location, "");
}

static void a_connection_is_used_again(void **state)
{
	struct world *w = *state;

	SERVER_SCRIPT(&w->server, { .status = 200, .body = "x" });
	for (int i = 0; i < 5; i++)
		assert_int_equal(ask(w, "/")->status, 200);
	assert_int_equal(w->server.shared->requests, 5);
	assert_int_equal(w->server.shared->connections, 1);
}

static void a_kept_connection_that_was_closed_costs_nothing(void **state)
{
	struct world *w = *state;

	SERVER_SCRIPT(&w->server, { .status = 200, .body = "x", .trick = SERVER_LAST });
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask(w, "/")->status, 200);
		poll(NULL, 0, 50);
	}
	assert_int_equal(w->server.shared->connections, 3);
}

/* Whether a repeat does harm depends on nothing but this. */
static void a_request_without_an_answer_is_lost_once_it_was_sent(void **state)
{
	static const struct {
		enum server_trick trick;
		int status;
		bool is_cut;
		const char *why;
	} rows[] = {
		{ SERVER_SILENT, 0, false, "timed out" }, { SERVER_RESET, 0, false, "" }, { SERVER_CLOSE, 0, false, "" },
		{ SERVER_CUT, 200, false, "" }, { SERVER_SLOW, 0, false, "timed out" }, { SERVER_GARBAGE, 0, false, "" },
		{ SERVER_HUGE, 200, true, "the answer is longer than 1048576 octets" },
		{ SERVER_ENDLESS, 200, true, "the answer is longer than 1048576 octets" },
		{ SERVER_HEADERS, 200, false, "the headers are longer than 65536 octets" },
	};
	struct world *w = *state;
	struct http_stats stats;

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct http_request request = { .method = "POST", .url = server_url(&w->server, "127.0.0.1", "/"), .body = "b", .len = 1,
						.timeout_ns = (rows[i].trick == SERVER_SILENT || rows[i].trick == SERVER_SLOW) * 300 * NS_PER_MS };
		unsigned before = w->server.shared->requests;

		SERVER_SCRIPT(&w->server, { .status = 200, .body = "0123456789", .trick = rows[i].trick });
		http_do(w->http, &request, &w->answer);
		assert_int_equal(w->answer.fate, HTTP_LOST);
		assert_int_equal(w->answer.status, rows[i].status);
		assert_int_equal(w->answer.is_cut, rows[i].is_cut);
		assert_false(w->answer.is_refused);
		assert_string_not_equal(w->answer.why, "");
		assert_non_null(strstr(w->answer.why, rows[i].why));
		assert_int_equal(w->server.shared->requests, before + 1);
		assert_int_equal(strlen(w->answer.body), w->answer.len);
	}
	http_stats(w->http, &stats);
	assert_int_equal(stats.lost, ROWS(rows));
}

static void a_request_on_a_kept_connection_is_sent_once_unless_a_repeat_does_no_harm(void **state)
{
	static const struct {
		const char *method;
		bool is_idempotent;
		unsigned sent;
	} rows[] = { { "POST", false, 1 }, { "PUT", false, 1 }, { "POST", true, 2 }, { "GET", false, 2 } };
	static const enum server_trick tricks[] = { SERVER_RESET, SERVER_CLOSE };
	struct world *w = *state;

	for (size_t i = 0; i < 2 * ROWS(rows); i++) {
		struct http_request request = { .method = rows[i / 2].method, .url = server_url(&w->server, "127.0.0.1", "/x"),
						.is_idempotent = rows[i / 2].is_idempotent };
		unsigned before;

		SERVER_SCRIPT(&w->server, { .path = "/keep", .status = 200 }, { .path = "/x", .times = 1, .trick = tricks[i % 2] },
			      { .path = "/x", .status = 201 });
		assert_int_equal(ask(w, "/keep")->status, 200);
		before = w->server.shared->requests;
		http_do(w->http, &request, &w->answer);
		assert_int_equal(w->server.shared->requests - before, rows[i / 2].sent);
		assert_int_equal(w->answer.fate, rows[i / 2].sent == 1 ? HTTP_LOST : HTTP_ANSWERED);
	}
}

/* The server's process is another one, so this one's memory tells. */
static void a_hostile_server_does_not_cost_memory(void **state)
{
	static const enum server_trick tricks[] = { SERVER_HUGE, SERVER_ENDLESS, SERVER_HEADERS };
	struct world *w = *state;
	struct rusage before, after;

	getrusage(RUSAGE_SELF, &before);
	for (size_t i = 0; i < 3 * ROWS(tricks); i++) {
		SERVER_SCRIPT(&w->server, { .status = 200, .trick = tricks[i % 3] });
		assert_int_equal(ask(w, "/")->fate, HTTP_LOST);
		assert_in_range(w->answer.len, 0, HTTP_ANSWER_MAX);
	}
	getrusage(RUSAGE_SELF, &after);
	assert_in_range(after.ru_maxrss - before.ru_maxrss, 0, 8192);
}

static void an_answer_of_the_greatest_length_is_whole(void **state)
{
	static char body[HTTP_ANSWER_MAX + 2];
	struct world *w = *state;
	struct server server;

	for (size_t len = HTTP_ANSWER_MAX; len <= HTTP_ANSWER_MAX + 1; len++) {
		memset(body, 'x', len);
		assert_int_equal(server_start(&server, NULL), 0);
		SERVER_SCRIPT(&server, { .status = 200, .body = body });
		struct http_request request = { .method = "GET", .url = server_url(&server, "127.0.0.1", "/") };
		http_do(w->http, &request, &w->answer);
		assert_int_equal(w->answer.fate, len > HTTP_ANSWER_MAX ? HTTP_LOST : HTTP_ANSWERED);
		assert_int_equal(w->answer.is_cut, len > HTTP_ANSWER_MAX);
		assert_int_equal(w->answer.len, HTTP_ANSWER_MAX);
		server_free(&server);
	}
}

static void headers_of_the_greatest_length_are_taken(void **state)
{
	static const struct {
		unsigned lines;                   /* of 1000 octets */
		enum http_fate fate;
	} rows[] = { { 65, HTTP_ANSWERED }, { 66, HTTP_LOST } };
	static char lines[67000];
	struct world *w = *state;

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct server server;
		struct http_request request = { .method = "GET", .url = "" };

		for (unsigned n = 0; n < rows[i].lines; n++)
			snprintf(lines + 1000 * n, 1001, "X-Line: %0990d\r\n", 7);
		assert_int_equal(server_start(&server, NULL), 0);
		SERVER_SCRIPT(&server, { .status = 200, .lines = lines, .body = "x" });
		request.url = server_url(&server, "127.0.0.1", "/");
		http_do(w->http, &request, &w->answer);
		assert_int_equal(w->answer.fate, rows[i].fate);
		server_free(&server);
	}
}

static void a_redirect_is_not_followed(void **state)
{
	struct world *w = *state;
	struct server other;
	char lines[128];

	assert_int_equal(server_start(&other, NULL), 0);
	snprintf(lines, sizeof(lines), "Location: http://127.0.0.1:%u/steal\r\n", other.port);
	server_free(&w->server);
	assert_int_equal(server_start(&w->server, NULL), 0);
	for (int status = 301; status <= 308; status++) {
		struct http_request request = { .method = "GET", .url = server_url(&w->server, "127.0.0.1", "/"), .bearer = TOKEN };

		SERVER_SCRIPT(&w->server, { .status = status, .lines = lines });
		http_do(w->http, &request, &w->answer);
		assert_int_equal(w->answer.status, status);
		assert_non_null(strstr(w->answer.location, "/steal"));
	}
	assert_int_equal(w->server.shared->requests, 8);
	assert_int_equal(other.shared->connections, 0);
	server_free(&other);
}

static void what_never_left_is_not_sent(void **state)
{
	static const struct {
		const char *url;
		bool is_refused;
	} rows[] = {
		{ "http://127.0.0.1:1/", false },                 /* tcpmux: nobody listens */
		{ "http://nobody.invalid/", false },              /* RFC 6761 6.4 */
		{ "ftp://127.0.0.1/", true }, { "file:///etc/passwd", true }, { "http://", true }, { "", true },
		{ "http://127.0.0.1:99999/", true }, { "http://127.0.0.1/a b", true },
	};
	struct world *w = *state;
	struct http_stats stats;

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct http_request request = { .method = "GET", .url = rows[i].url };

		http_do(w->http, &request, &w->answer);
		assert_int_equal(w->answer.fate, HTTP_NOT_SENT);
		assert_int_equal(w->answer.is_refused, rows[i].is_refused);
		assert_int_equal(w->answer.status, 0);
		assert_int_equal(w->answer.len, 0);
		assert_string_not_equal(w->answer.why, "");
	}
	http_stats(w->http, &stats);
	assert_int_equal(stats.not_sent, ROWS(rows));
}

static void a_line_with_a_control_character_is_not_sent(void **state)
{
	struct world *w = *state;
	const char *url = server_url(&w->server, "127.0.0.1", "/");
	const struct http_request requests[] = {
		{ .method = "GET", .url = url, .bearer = "a\r\nX-Evil: 1" },
		{ .method = "GET", .url = url, .lines = { "X-Name: a\nX-Evil: 1" } },
	};

	for (size_t i = 0; i < ROWS(requests); i++) {
		http_do(w->http, &requests[i], &w->answer);
		assert_int_equal(w->answer.fate, HTTP_NOT_SENT);
		assert_true(w->answer.is_refused);
	}
	assert_int_equal(w->server.shared->connections, 0);
}

static volatile int stop;

static void on_alarm(int signal)
{
	(void)signal;
	stop = 1;
}

static void a_signal_ends_the_running_request_and_all_that_follow(void **state)
{
	struct world *w = *state;
	struct itimerval soon = { .it_value.tv_usec = 200000 };
	uint64_t start_ns = time_monotonic_ns();
	struct sigaction action = { .sa_handler = on_alarm };

	SERVER_SCRIPT(&w->server, { .trick = SERVER_SILENT });
	stop = 0;
	http_watch(w->http, &stop);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	assert_int_equal(ask(w, "/")->fate, HTTP_STOPPED);
	assert_in_range((time_monotonic_ns() - start_ns) / NS_PER_MS, 150, 1500);
	assert_int_equal(ask(w, "/")->fate, HTTP_STOPPED);
	assert_int_equal(w->server.shared->requests, 1);
	stop = 0;
	SERVER_SCRIPT(&w->server, { .status = 204 });
	assert_int_equal(ask(w, "/")->status, 204);
}

static void neither_token_nor_body_nor_query_is_logged(void **state)
{
	struct world *w = *state;
	char url[256];
	struct http_request request = { .method = "POST", .url = url, .bearer = TOKEN, .body = "MARKER-body", .len = 11,
					.lines = { "X-Key: MARKER-line" } };

	SERVER_SCRIPT(&w->server, { .times = 1, .status = 200, .body = "MARKER-answer", .lines = "X-A: MARKER-header\r\n" },
		      { .trick = SERVER_RESET });
	snprintf(url, sizeof(url), "http://user:MARKER-pass@127.0.0.1:%u/path?key=MARKER-query#MARKER", w->server.port);
	for (int i = 0; i < 2; i++)
		http_do(w->http, &request, &w->answer);
	assert_int_equal(w->server.shared->requests, 2);
	assert_true(log_has(w, "/path: 200"));
	assert_false(log_has(w, "MARKER"));
}

static void an_answer_is_overwritten_before_the_next(void **state)
{
	struct world *w = *state;
	const char *body;

	SERVER_SCRIPT(&w->server, { .times = 1, .status = 200, .body = "short and MARKER" }, { .status = 200, .body = "new" });
	body = ask(w, "/")->body;
	assert_string_equal(body, "short and MARKER");
	assert_ptr_equal(ask(w, "/")->body, body);
	assert_memory_equal(body, "new\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
}

static void text_is_escaped(void **state)
{
	static const struct {
		const char *text, *escaped;
	} rows[] = {
		{ "", "" }, { "aZ09-._~", "aZ09-._~" }, { "a b/c?d&e=f+g%", "a%20b%2Fc%3Fd%26e%3Df%2Bg%25" }, { "\x7f\xff", "%7F%FF" },
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		size_t len = strlen(rows[i].escaped);

		assert_int_equal(http_escape(out, len + 1, rows[i].text), 0);
		assert_string_equal(out, rows[i].escaped);
		assert_int_equal(http_escape(out, len, rows[i].text), -ENOSPC);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_answer_is_given_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_request_carries_its_lines_token_and_body, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_body_without_octets_has_the_length_0, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_packed_body_unpacks_to_what_was_given, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_header_fields_of_an_answer_are_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(early_answers_are_not_the_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_connection_is_used_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_kept_connection_that_was_closed_costs_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_request_without_an_answer_is_lost_once_it_was_sent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_request_on_a_kept_connection_is_sent_once_unless_a_repeat_does_no_harm, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_hostile_server_does_not_cost_memory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_answer_of_the_greatest_length_is_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(headers_of_the_greatest_length_are_taken, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_redirect_is_not_followed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_never_left_is_not_sent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_line_with_a_control_character_is_not_sent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_signal_ends_the_running_request_and_all_that_follow, set_up, tear_down),
		cmocka_unit_test_setup_teardown(neither_token_nor_body_nor_query_is_logged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_answer_is_overwritten_before_the_next, set_up, tear_down),
		cmocka_unit_test(text_is_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
