/* SPDX-License-Identifier: Apache-2.0 */
/* test_grpc.c - calls of one answer and of many against a server on loopback that keeps the rules, breaks them, or is not there. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "h2_server.h"
#include "../user/base/time.h"
#include "../user/ship/grpc.c"

#define TIMEOUT_NS (3 * NS_PER_S)

/* What the server does with each message. */
enum habit {
	ECHO,                                     /* the same octets back, OK at the end */
	STATUS,                                   /* `status` in trailers without a message */
	ECHO_THEN_STATUS,                         /* both, a little later */
	ECHO_LATE,                                /* when the client has closed its side */
	PAGE, COMPRESSED, TOO_LONG, CUT, TWICE, KILL, SILENT, NO_STATUS,
};

struct fixture {
	struct h2_server server;
	enum habit habit;
	bool is_at_end;                           /* misbehave only when the client has closed its side */
	int status;
	const char *http_status;
	unsigned connections, messages, garbled;
	size_t octets;
	struct h2_stream *to_end;
	struct h2_stream seen;                    /* a copy: its header lines */
	struct http *http;
	struct grpc *grpc;
	volatile int stop;
	char url[64];
};

/* Each place has its own octet, so that nothing can be missing or twice. */
static void fill_pattern(uint8_t *octets, size_t len)
{
	for (size_t i = 0; i < len; i++)
		octets[i] = (uint8_t)(i ^ i >> 8 ^ i >> 16);
}

static bool is_pattern(const uint8_t *octets, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (octets[i] != (uint8_t)(i ^ i >> 8 ^ i >> 16))
			return false;
	return true;
}

static void misbehave(struct fixture *f, struct h2_stream *stream)
{
	switch (f->habit) {
	case PAGE:
		h2_page(stream, f->http_status, "<html>no</html>");
		break;
	case COMPRESSED:
		h2_octets(stream, "\1\0\0\0\1x", 6);
		break;
	case TOO_LONG:
		h2_octets(stream, "\0\x7f\xff\xff\xff", 5);
		break;
	case CUT:
		h2_octets(stream, "\0\0\0\0\7abc", 8);
		h2_end(stream, GRPC_OK, "");
		break;
	case KILL:
		h2_kill(stream);
		break;
	case NO_STATUS:
		h2_end(stream, -1, "");
		break;
	default:
		break;
	}
}

static void on_message(void *ctx, struct h2_stream *stream, const uint8_t *octets, size_t len)
{
	struct fixture *f = ctx;

	if (!octets) {
		if (f->habit == ECHO_LATE)
			h2_answer(stream, "late", 4);
		if (f->habit == ECHO || f->habit == ECHO_LATE)
			h2_end(stream, GRPC_OK, "");
		if (f->is_at_end)
			misbehave(f, stream);
		return;
	}
	f->messages++;
	f->octets += len;
	f->garbled += len > 1000 && !is_pattern(octets, len);
	f->seen = *stream;
	if (f->habit == ECHO || f->habit == ECHO_THEN_STATUS || f->habit == TWICE)
		h2_answer(stream, octets, len > 1000 ? 1000 : len);
	if (f->habit == TWICE)
		h2_answer(stream, octets, 1);
	if (f->habit == STATUS)
		h2_end(stream, f->status, "because of it");
	if (f->habit == ECHO_THEN_STATUS)
		f->to_end = stream;
	if (!f->is_at_end)
		misbehave(f, stream);
}

static void on_tick(void *ctx)
{
	struct fixture *f = ctx;

	if (f->to_end)
		h2_end(f->to_end, f->status, "because of it");
	f->to_end = NULL;
}

static void on_connected(void *ctx)
{
	((struct fixture *)ctx)->connections++;
}

static void open_grpc(struct fixture *f)
{
	struct http_options http = { .connect_timeout_ns = TIMEOUT_NS, .timeout_ns = TIMEOUT_NS };
	struct grpc_options options = { .url = f->url, .stop = &f->stop, .now_ns = time_monotonic_ns };

	snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%d/", f->server.port);
	assert_int_equal(http_new(&f->http, &http), 0);
	assert_int_equal(grpc_new(&f->grpc, &options, f->http), 0);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->server.message = on_message;
	f->server.connected = on_connected;
	f->server.tick = on_tick;
	f->server.ctx = f;
	h2_server_start(&f->server);
	open_grpc(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	grpc_free(f->grpc);
	http_free(f->http);
	h2_server_stop(&f->server);
	free(f);
	return 0;
}

static const struct grpc_call call = { .method = "test.Service/Method", .lines = { "x-goog-request-params: write_stream=a%2Fb" }, .bearer = "ya29.token" };

static struct grpc_answer unary(struct fixture *f, const char *text)
{
	struct grpc_answer answer;

	grpc_unary(f->grpc, &call, text, strlen(text), TIMEOUT_NS, &answer);
	return answer;
}

static struct grpc_answer asked(struct fixture *f, const char *text)
{
	struct grpc_answer answer;

	grpc_ask(f->grpc, text, strlen(text), TIMEOUT_NS, &answer);
	return answer;
}

/* ---- honest servers ---- */

static void a_whole_call_sends_one_message_and_brings_one_back(void **state)
{
	struct fixture *f = *state;
	struct grpc_answer answer;

	for (int i = 0; i < 3; i++) {
		answer = unary(f, "question");
		assert_int_equal(answer.code, GRPC_OK);
		assert_true(answer.is_of_server);
		assert_int_equal(answer.len, 8);
		assert_memory_equal(answer.octets, "question", 8);
	}
	assert_string_equal(f->seen.path, "/test.Service/Method");
	assert_string_equal(f->seen.type, "application/grpc");
	assert_string_equal(f->seen.authorization, "Bearer ya29.token");
	assert_string_equal(f->seen.params, "write_stream=a%2Fb");
	assert_true(f->seen.is_half_closed);      /* by the last octet of the message */
}

static void a_message_without_octets_is_an_answer(void **state)
{
	struct fixture *f = *state;
	struct grpc_answer answer = unary(f, "");

	assert_int_equal(answer.code, GRPC_OK);
	assert_int_equal(answer.len, 0);
	assert_non_null(answer.octets);
}

static void a_call_that_stays_open_answers_each_message_before_the_next(void **state)
{
	struct fixture *f = *state;
	struct grpc_answer answer;
	char text[32];

	assert_int_equal(grpc_open(f->grpc, &call), 0);
	for (int i = 0; i < 200; i++) {
		snprintf(text, sizeof(text), "message %d", i);
		assert_true(grpc_is_open(f->grpc));
		answer = asked(f, text);
		assert_int_equal(answer.code, GRPC_OK);
		assert_int_equal(answer.len, strlen(text));
		assert_memory_equal(answer.octets, text, strlen(text));
	}
	grpc_close(f->grpc);
	assert_false(grpc_is_open(f->grpc));
	assert_int_equal(f->messages, 200);
	assert_int_equal(f->connections, 1);
}

static void send_large(struct fixture *f, size_t len, unsigned count)
{
	uint8_t *large = test_malloc(len);
	struct grpc_answer answer;

	fill_pattern(large, len);
	assert_int_equal(grpc_open(f->grpc, &call), 0);
	if (f->server.is_slow) {
		assert_true(grpc_is_open(f->grpc));
		assert_int_equal(setsockopt(waiting_for(f->grpc), SOL_SOCKET, SO_SNDBUF, &(int){ 20000 }, sizeof(int)), 0);
	}
	for (unsigned i = 0; i < count; i++) {
		grpc_ask(f->grpc, large, len - i, 2 * TIMEOUT_NS, &answer);
		if (answer.code)
			fail_msg("message %u: %d, %s", i, answer.code, answer.message);
		assert_int_equal(answer.len, 1000);
	}
	test_free(large);
	assert_int_equal(f->messages, count);
	assert_int_equal(f->garbled, 0);
}

static void a_message_larger_than_every_buffer_arrives_whole(void **state)
{
	send_large(*state, 5 << 20, 3);
}

/* The sockets are full all the time, and the server wants answers of HTTP/2 itself. */
static void a_message_to_a_server_that_reads_slowly_arrives_whole(void **state)
{
	struct fixture *f = *state;

	f->server.is_slow = true;
	send_large(f, 1 << 20, 5);
}

static void a_status_is_the_answer_to_a_whole_call(void **state)
{
	struct fixture *f = *state;
	struct grpc_answer answer;

	f->habit = STATUS;
	for (f->status = 0; f->status <= 17; f->status++) {
		answer = unary(f, "x");
		assert_int_equal(answer.code, f->status ? f->status : GRPC_UNAVAILABLE);
		assert_true(answer.is_of_server);
		assert_string_equal(answer.message, f->status ? "because of it" : "the server ended the call");
	}
}

/* libcurl may lose it; what it must not do is to take long or to make it a success. */
static void a_status_ends_a_call_that_is_open(void **state)
{
	struct fixture *f = *state;
	uint64_t begun_ns = time_monotonic_ns();
	struct grpc_answer answer;

	f->habit = STATUS;
	for (f->status = 0; f->status <= 17; f->status++) {
		assert_int_equal(grpc_open(f->grpc, &call), 0);
		answer = asked(f, "x");
		assert_true(answer.code == GRPC_UNAVAILABLE || (answer.is_of_server && answer.code == f->status && answer.code));
		assert_false(grpc_is_open(f->grpc));
	}
	assert_true(time_monotonic_ns() - begun_ns < TIMEOUT_NS / 3);
}

static void a_whole_call_with_a_message_and_a_bad_status_has_failed(void **state)
{
	struct fixture *f = *state;
	struct grpc_answer answer;

	f->habit = ECHO_THEN_STATUS;
	f->status = GRPC_ABORTED;
	answer = unary(f, "x");
	assert_int_equal(answer.code, GRPC_ABORTED);
	assert_null(answer.octets);
}

static void a_call_that_ended_while_nobody_looked_is_not_open(void **state)
{
	struct fixture *f = *state;

	f->habit = ECHO_THEN_STATUS;
	f->status = GRPC_ABORTED;
	assert_int_equal(grpc_open(f->grpc, &call), 0);
	assert_int_equal(asked(f, "x").code, GRPC_OK);
	for (int i = 0; i < 100 && grpc_is_open(f->grpc); i++)
		usleep(10000);
	assert_false(grpc_is_open(f->grpc));
	assert_int_equal(asked(f, "y").code, GRPC_ABORTED);
	assert_int_equal(f->messages, 1);
}

static void a_call_that_the_server_ended_without_a_reset_tells_its_status_before_the_time_is_over(void **state)
{
	struct fixture *f = *state;
	uint64_t begun_ns = time_monotonic_ns();

	f->server.is_without_reset = true;
	f->habit = STATUS;
	f->status = GRPC_ABORTED;
	assert_int_equal(grpc_open(f->grpc, &call), 0);
	assert_int_equal(asked(f, "x").code, GRPC_ABORTED);
	assert_true(time_monotonic_ns() - begun_ns < TIMEOUT_NS * 3 / 4);
}

static void an_answer_that_comes_after_our_side_was_closed_is_taken_and_ends_the_call(void **state)
{
	struct fixture *f = *state;
	struct grpc_answer answer;

	f->habit = ECHO_LATE;
	assert_int_equal(grpc_open(f->grpc, &call), 0);
	answer = asked(f, "late");
	assert_int_equal(answer.code, GRPC_OK);
	assert_memory_equal(answer.octets, "late", 4);
	assert_false(grpc_is_open(f->grpc));
	f->habit = ECHO;
	assert_int_equal(unary(f, "x").code, GRPC_OK);
}

static void a_server_that_went_away_and_came_back_is_found_again(void **state)
{
	struct fixture *f = *state;
	struct grpc_answer answer;

	assert_int_equal(grpc_open(f->grpc, &call), 0);
	assert_int_equal(asked(f, "x").code, GRPC_OK);
	h2_server_stop(&f->server);
	for (int i = 0; i < 100 && grpc_is_open(f->grpc); i++)
		usleep(10000);
	assert_false(grpc_is_open(f->grpc));
	answer = unary(f, "x");
	assert_int_equal(answer.code, GRPC_UNAVAILABLE);
	assert_false(answer.is_of_server);
	h2_server_start(&f->server);
	assert_int_equal(unary(f, "x").code, GRPC_OK);
}

/* ---- others ---- */

static const struct { enum habit habit; const char *http_status; int code; const char *why; } endings[] = {
	{ COMPRESSED, NULL, GRPC_INTERNAL, "compressed" },
	{ TOO_LONG, NULL, GRPC_INTERNAL, "too long" },
	{ KILL, NULL, GRPC_UNAVAILABLE, "" },
	{ NO_STATUS, NULL, GRPC_UNAVAILABLE, "without a status" },
	{ CUT, NULL, GRPC_UNAVAILABLE, "ended the call" },
	{ PAGE, "200", GRPC_INTERNAL, "does not speak gRPC" },
	{ PAGE, "400", GRPC_INTERNAL, "HTTP status 400" },
	{ PAGE, "401", GRPC_UNAUTHENTICATED, "HTTP status 401" },
	{ PAGE, "403", GRPC_PERMISSION_DENIED, "HTTP status 403" },
	{ PAGE, "404", GRPC_UNIMPLEMENTED, "HTTP status 404" },
	{ PAGE, "429", GRPC_UNAVAILABLE, "HTTP status 429" },
	{ PAGE, "503", GRPC_UNAVAILABLE, "HTTP status 503" },
	{ PAGE, "302", GRPC_UNKNOWN, "HTTP status 302" },
};

static void a_whole_call_tells_what_the_server_did_wrong(void **state)
{
	struct fixture *f = *state;
	struct grpc_answer answer;

	f->is_at_end = true;
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		f->habit = endings[i].habit;
		f->http_status = endings[i].http_status;
		answer = unary(f, "x");
		if (answer.code != endings[i].code || !strstr(answer.message, endings[i].why))
			fail_msg("row %zu: %d, %s", i, answer.code, answer.message);
		assert_null(answer.octets);
		f->habit = ECHO;
		assert_int_equal(unary(f, "x").code, GRPC_OK);
	}
}

static void a_call_that_stays_open_ends_with_what_the_server_did_wrong(void **state)
{
	struct fixture *f = *state;
	struct grpc_answer answer;
	uint64_t begun_ns;

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		f->habit = endings[i].habit;
		f->http_status = endings[i].http_status;
		begun_ns = time_monotonic_ns();
		assert_int_equal(grpc_open(f->grpc, &call), 0);
		answer = asked(f, "x");
		assert_true(time_monotonic_ns() - begun_ns < TIMEOUT_NS / 3);
		assert_int_not_equal(answer.code, GRPC_OK);
		assert_int_not_equal(answer.code, GRPC_DEADLINE_EXCEEDED);
		assert_null(answer.octets);
		assert_false(grpc_is_open(f->grpc));
		f->habit = ECHO;
		assert_int_equal(unary(f, "x").code, GRPC_OK);
	}
}

static void a_second_answer_to_one_question_is_never_taken_for_the_next(void **state)
{
	struct fixture *f = *state;
	struct grpc_answer answer;
	int good = 0;

	f->habit = TWICE;
	assert_int_equal(grpc_open(f->grpc, &call), 0);
	for (int i = 0; i < 3; i++) {
		answer = asked(f, "question");
		good += answer.code == GRPC_OK;
		if (answer.code)
			assert_non_null(strstr(answer.message, "without being asked"));
		for (int j = 0; j < 100 && grpc_is_open(f->grpc); j++)
			usleep(10000);
	}
	assert_true(good <= 1);
	assert_int_equal(f->messages, 1);
}

static void a_server_that_says_nothing_is_left_in_time_and_its_connection_too(void **state)
{
	struct fixture *f = *state;
	struct grpc_answer answer;
	uint64_t begun_ns = time_monotonic_ns();

	f->habit = SILENT;
	assert_int_equal(grpc_open(f->grpc, &call), 0);
	grpc_ask(f->grpc, "x", 1, NS_PER_S / 4, &answer);
	assert_int_equal(answer.code, GRPC_DEADLINE_EXCEEDED);
	assert_false(answer.is_of_server);
	assert_true(time_monotonic_ns() - begun_ns < 2 * NS_PER_S);
	f->habit = ECHO;
	assert_int_equal(unary(f, "x").code, GRPC_OK);
	assert_int_equal(f->connections, 2);
}

static void *stop_soon(void *stop)
{
	usleep(100000);
	*(volatile int *)stop = 1;
	return NULL;
}

static void a_stop_ends_the_wait(void **state)
{
	struct fixture *f = *state;
	uint64_t begun_ns = time_monotonic_ns();
	struct grpc_answer answer;
	pthread_t thread;

	f->habit = SILENT;
	assert_int_equal(pthread_create(&thread, NULL, stop_soon, (void *)(uintptr_t)&f->stop), 0);
	answer = unary(f, "x");
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(answer.code, GRPC_CANCELLED);
	assert_true(answer.is_stopped);
	assert_true(time_monotonic_ns() - begun_ns < 2 * NS_PER_S);
}

static void what_does_not_speak_http2_is_unavailable(void **state)
{
	static const char *const rows[] = { "HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\n\r\n\0\0\0\0\1x", "\0\0\0\0\0\0", "" };
	struct fixture *f = *state;

	h2_server_stop(&f->server);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)f->server.port) };
		int listener = socket(AF_INET, SOCK_STREAM, 0), fd;
		struct grpc_answer answer;

		assert_int_equal(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)), 0);
		assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
		assert_int_equal(listen(listener, 1), 0);
		assert_int_equal(grpc_open(f->grpc, &call), 0);
		for (int turn = 0; turn < 20; turn++) {
			assert_true(grpc_is_open(f->grpc));
			usleep(1000);
		}
		fd = accept(listener, NULL, NULL);
		assert_true(fd >= 0);
		assert_true(write(fd, rows[i], i == 1 ? 6 : strlen(rows[i])) >= 0);
		assert_int_equal(shutdown(fd, SHUT_WR), 0);
		grpc_ask(f->grpc, "x", 1, NS_PER_S, &answer);
		assert_int_equal(answer.code, GRPC_UNAVAILABLE);
		close(fd);
		close(listener);
	}
	h2_server_start(&f->server);
}

static void a_control_character_in_a_header_line_is_refused(void **state)
{
	struct fixture *f = *state;
	struct grpc_call bad = call;

	bad.lines[1] = "x-a: b\r\nx-c: d";
	assert_int_equal(grpc_open(f->grpc, &bad), -EINVAL);
	bad.lines[1] = NULL;
	bad.bearer = "a\nb";
	assert_int_equal(grpc_open(f->grpc, &bad), -EINVAL);
	assert_int_equal(asked(f, "x").code, GRPC_UNAVAILABLE);
	assert_int_equal(f->messages, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define WITH_SERVER(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		WITH_SERVER(a_whole_call_sends_one_message_and_brings_one_back),
		WITH_SERVER(a_message_without_octets_is_an_answer),
		WITH_SERVER(a_call_that_stays_open_answers_each_message_before_the_next),
		WITH_SERVER(a_message_larger_than_every_buffer_arrives_whole),
		WITH_SERVER(a_message_to_a_server_that_reads_slowly_arrives_whole),
		WITH_SERVER(a_status_is_the_answer_to_a_whole_call),
		WITH_SERVER(a_status_ends_a_call_that_is_open),
		WITH_SERVER(a_whole_call_with_a_message_and_a_bad_status_has_failed),
		WITH_SERVER(a_call_that_ended_while_nobody_looked_is_not_open),
		WITH_SERVER(a_call_that_the_server_ended_without_a_reset_tells_its_status_before_the_time_is_over),
		WITH_SERVER(an_answer_that_comes_after_our_side_was_closed_is_taken_and_ends_the_call),
		WITH_SERVER(a_server_that_went_away_and_came_back_is_found_again),
		WITH_SERVER(a_whole_call_tells_what_the_server_did_wrong),
		WITH_SERVER(a_call_that_stays_open_ends_with_what_the_server_did_wrong),
		WITH_SERVER(a_second_answer_to_one_question_is_never_taken_for_the_next),
		WITH_SERVER(a_server_that_says_nothing_is_left_in_time_and_its_connection_too),
		WITH_SERVER(a_stop_ends_the_wait),
		WITH_SERVER(what_does_not_speak_http2_is_unavailable),
		WITH_SERVER(a_control_character_in_a_header_line_is_refused),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
