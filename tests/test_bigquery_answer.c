/* SPDX-License-Identifier: Apache-2.0 */
/* test_bigquery_answer.c - every kind of answer leads to what the table says, and waits grow as they should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "../user/ship/bigquery_answer.c"

#define ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))
#define BODY(reason, message) "{\"error\":{\"code\":403,\"message\":\"" message "\",\"errors\":[{\"reason\":\"" reason "\"}]}}"

static struct http_answer answer_of(enum http_fate fate, int status, const char *body)
{
	return (struct http_answer){ .fate = fate, .status = status, .body = (char *)body, .len = strlen(body) };
}

static void every_answer_has_its_action(void **state)
{
	static const struct { enum http_fate fate; int status; const char *body; enum answer_action action; bool is_in_doubt; uint32_t longest_s; } rows[] = {
		{ HTTP_ANSWERED, 200, "{}", ANSWER_DONE, false, 60 },
		{ HTTP_ANSWERED, 204, "", ANSWER_DONE, false, 60 },
		{ HTTP_ANSWERED, 400, "{}", ANSWER_HALVE, false, 300 },
		{ HTTP_ANSWERED, 401, "", ANSWER_TOKEN, false, 60 },
		{ HTTP_ANSWERED, 403, BODY("rateLimitExceeded", "x"), ANSWER_AGAIN, false, 60 },
		{ HTTP_ANSWERED, 403, BODY("quotaExceeded", "x"), ANSWER_QUOTA, false, 600 },
		{ HTTP_ANSWERED, 403, BODY("accessDenied", "x"), ANSWER_HOLD, false, 300 },
		{ HTTP_ANSWERED, 403, BODY("accessDenied", "Streaming insert is not allowed in the free tier"), ANSWER_FREE_TIER, false, 300 },
		{ HTTP_ANSWERED, 403, BODY("billingNotEnabled", "x"), ANSWER_HOLD, false, 300 },
		{ HTTP_ANSWERED, 403, "<html>", ANSWER_HOLD, false, 300 },
		{ HTTP_ANSWERED, 404, "{}", ANSWER_NOT_THERE, false, 60 },
		{ HTTP_ANSWERED, 408, "{}", ANSWER_AGAIN, true, 60 },
		{ HTTP_ANSWERED, 409, "{}", ANSWER_TAKEN, false, 60 },
		{ HTTP_ANSWERED, 413, "{}", ANSWER_HALVE, false, 300 },
		{ HTTP_ANSWERED, 429, "{}", ANSWER_AGAIN, false, 60 },
		{ HTTP_ANSWERED, 500, "{}", ANSWER_AGAIN, true, 60 },
		{ HTTP_ANSWERED, 502, "<html>", ANSWER_AGAIN, true, 60 },
		{ HTTP_ANSWERED, 503, "", ANSWER_AGAIN, true, 60 },
		{ HTTP_ANSWERED, 504, "", ANSWER_AGAIN, true, 60 },
		{ HTTP_ANSWERED, 302, "", ANSWER_HOLD, false, 300 },
		{ HTTP_ANSWERED, 407, "", ANSWER_HOLD, false, 300 },
		{ HTTP_LOST, 0, "", ANSWER_AGAIN, true, 60 },
		{ HTTP_LOST, 200, "{\"kin", ANSWER_AGAIN, true, 60 },
		{ HTTP_STOPPED, 0, "", ANSWER_STOPPED, true, 60 },
		{ HTTP_NOT_SENT, 0, "", ANSWER_AGAIN, false, 60 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct http_answer answer = answer_of(rows[i].fate, rows[i].status, rows[i].body);
		const struct answer_rule *rule = answer_read(&answer);

		if (rule->action != rows[i].action || rule->is_in_doubt != rows[i].is_in_doubt || rule->backoff_max_s != rows[i].longest_s)
			fail_msg("fate %d, status %d, %s: action %d", rows[i].fate, rows[i].status, rows[i].body, rule->action);
	}
}

static void a_certificate_or_proxy_that_refuses_is_a_matter_of_configuration(void **state)
{
	struct http_answer answer = { .fate = HTTP_NOT_SENT, .is_refused = true };

	(void)state;
	assert_int_equal(answer_read(&answer)->action, ANSWER_HOLD);
}

static void an_answer_that_was_too_long_leaves_doubt(void **state)
{
	struct http_answer answer = answer_of(HTTP_LOST, 200, "{}");

	(void)state;
	answer.is_cut = true;
	assert_ptr_equal(answer_read(&answer), &answer_garbled);
	assert_true(answer_garbled.is_in_doubt);
}

static void errors_of_rows_and_jobs_have_their_meaning(void **state)
{
	static const struct { const char *reason, *message; enum answer_reason expected; } rows[] = {
		{ "invalid", "Cannot convert value to integer", REASON_ROW }, { "invalid", "no such field: vlan.", REASON_TABLE },
		{ "stopped", "", REASON_STOPPED }, { "timeout", "", REASON_TRANSIENT }, { "backendError", "", REASON_TRANSIENT },
		{ "internalError", "", REASON_TRANSIENT }, { "rateLimitExceeded", "", REASON_TRANSIENT }, { "quotaExceeded", "", REASON_QUOTA },
		{ "notFound", "", REASON_TABLE }, { "accessDenied", "", REASON_HOLD }, { "something new", "", REASON_ROW }, { "", "", REASON_ROW },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_int_equal(answer_reason(rows[i].reason, rows[i].message), rows[i].expected);
}

static void waits_double_up_to_their_limit_with_full_jitter(void **state)
{
	static const struct { int status; const char *body; uint32_t failures; uint64_t longest_ns; } rows[] = {
		{ 503, "", 1, 1 * NS_PER_S }, { 503, "", 2, 2 * NS_PER_S }, { 503, "", 6, 32 * NS_PER_S }, { 503, "", 7, 60 * NS_PER_S },
		{ 503, "", UINT32_MAX, 60 * NS_PER_S }, { 403, BODY("quotaExceeded", ""), 1, 60 * NS_PER_S },
		{ 403, BODY("quotaExceeded", ""), 5, 600 * NS_PER_S },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct http_answer answer = answer_of(HTTP_ANSWERED, rows[i].status, rows[i].body);
		const struct answer_rule *rule = answer_read(&answer);
		uint64_t longest_ns = answer_backoff_ns(rule, rows[i].failures, 0, UINT32_MAX);

		assert_in_range(longest_ns, rows[i].longest_ns - 1000, rows[i].longest_ns);
		assert_in_range(answer_backoff_ns(rule, rows[i].failures, 0, UINT32_MAX / 2), rows[i].longest_ns / 2 - 1000, rows[i].longest_ns / 2);
		assert_int_equal(answer_backoff_ns(rule, rows[i].failures, 0, 0), 0);
	}
}

static void a_held_configuration_is_looked_at_every_five_minutes(void **state)
{
	(void)state;
	for (uint32_t failures = 1; failures < 10; failures++)
		assert_int_equal(answer_backoff_ns(&answer_hold, failures, 0, failures * 12345), 300 * NS_PER_S);
}

static void retry_after_is_honoured_up_to_an_hour(void **state)
{
	(void)state;
	assert_int_equal(answer_backoff_ns(&answer_garbled, 1, 17, 0), 17 * NS_PER_S);
	assert_int_equal(answer_backoff_ns(&answer_garbled, 1, UINT32_MAX, 0), 3600 * NS_PER_S);
	assert_true(answer_backoff_ns(&answer_garbled, 7, 1, UINT32_MAX) > 59 * NS_PER_S);
}

static void the_text_says_what_the_server_says(void **state)
{
	struct http_answer denied = answer_of(HTTP_ANSWERED, 403, BODY("accessDenied", "no right")), lost = { .fate = HTTP_LOST, .why = "cut off" };
	struct http_answer html = answer_of(HTTP_ANSWERED, 502, "<html>"), good = answer_of(HTTP_ANSWERED, 200, "<html>");
	char text[ANSWER_TEXT_SIZE];

	(void)state;
	answer_text(&denied, text);
	assert_string_equal(text, "HTTP 403 accessDenied: no right");
	answer_text(&lost, text);
	assert_string_equal(text, "cut off");
	answer_text(&html, text);
	assert_string_equal(text, "HTTP 502");
	answer_text(&good, text);
	assert_string_equal(text, "HTTP 200 with a body that is not understood");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_answer_has_its_action),
		cmocka_unit_test(a_certificate_or_proxy_that_refuses_is_a_matter_of_configuration),
		cmocka_unit_test(an_answer_that_was_too_long_leaves_doubt),
		cmocka_unit_test(errors_of_rows_and_jobs_have_their_meaning),
		cmocka_unit_test(waits_double_up_to_their_limit_with_full_jitter),
		cmocka_unit_test(a_held_configuration_is_looked_at_every_five_minutes),
		cmocka_unit_test(retry_after_is_honoured_up_to_an_hour),
		cmocka_unit_test(the_text_says_what_the_server_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
