/* SPDX-License-Identifier: Apache-2.0 */
/* bigquery_answer.c - the table of answers (cloud.google.com/bigquery/docs/error-messages), and how long to wait. */
#include <stdio.h>
#include <string.h>
#include <jansson.h>
#include "../base/time.h"
#include "bigquery_answer.h"

/* Seconds. A quota is counted over hours, so hurrying is of no use; a configuration is mended by a person. */
#define SOON 1, 60
#define LATE 60, 600
#define HELD 300, 300
#define RETRY_AFTER_MAX_S 3600

static const struct answer_rule rules[] = {
	/* fate          status      reason                 text         what to do        in doubt, wait */
	{ HTTP_ANSWERED, 200, 299,   NULL,                  NULL,        ANSWER_DONE,      false, SOON },
	{ HTTP_ANSWERED, 400, 400,   NULL,                  NULL,        ANSWER_HALVE,     false, HELD },
	{ HTTP_ANSWERED, 401, 401,   NULL,                  NULL,        ANSWER_TOKEN,     false, SOON },
	{ HTTP_ANSWERED, 403, 403,   "rateLimitExceeded",   NULL,        ANSWER_AGAIN,     false, SOON },
	{ HTTP_ANSWERED, 403, 403,   "quotaExceeded",       NULL,        ANSWER_QUOTA,     false, LATE },
	{ HTTP_ANSWERED, 403, 403,   NULL,                  "free tier", ANSWER_FREE_TIER, false, HELD },
	{ HTTP_ANSWERED, 403, 403,   NULL,                  NULL,        ANSWER_HOLD,      false, HELD },
	{ HTTP_ANSWERED, 404, 404,   NULL,                  NULL,        ANSWER_NOT_THERE, false, SOON },
	{ HTTP_ANSWERED, 408, 408,   NULL,                  NULL,        ANSWER_AGAIN,     true,  SOON },
	{ HTTP_ANSWERED, 409, 409,   NULL,                  NULL,        ANSWER_TAKEN,     false, SOON },
	{ HTTP_ANSWERED, 413, 413,   NULL,                  NULL,        ANSWER_HALVE,     false, HELD },
	{ HTTP_ANSWERED, 429, 429,   NULL,                  NULL,        ANSWER_AGAIN,     false, SOON },
	{ HTTP_ANSWERED, 500, 599,   NULL,                  NULL,        ANSWER_AGAIN,     true,  SOON },
	{ HTTP_ANSWERED, 0,   999,   NULL,                  NULL,        ANSWER_HOLD,      false, HELD }, /* redirects, other 4xx */
	{ HTTP_NOT_SENT, 0,   0,     NULL,                  NULL,        ANSWER_AGAIN,     false, SOON },
	{ HTTP_NOT_SENT, 1,   1,     NULL,                  NULL,        ANSWER_HOLD,      false, HELD }, /* is_refused */
	{ HTTP_LOST,     0,   999,   NULL,                  NULL,        ANSWER_AGAIN,     true,  SOON },
	{ HTTP_STOPPED,  0,   999,   NULL,                  NULL,        ANSWER_STOPPED,   true,  SOON },
};
#define RULES (sizeof(rules) / sizeof(rules[0]))

const struct answer_rule answer_garbled = { HTTP_ANSWERED, 200, 299, NULL, NULL, ANSWER_AGAIN, true, SOON };
const struct answer_rule answer_hold = { HTTP_ANSWERED, 0, 999, NULL, NULL, ANSWER_HOLD, false, HELD };

static const struct { const char *reason, *text; enum answer_reason what; } reasons[] = {
	{ "stopped",             NULL,            REASON_STOPPED },
	{ "invalid",             "no such field", REASON_TABLE },
	{ "notFound",            NULL,            REASON_TABLE },
	{ "quotaExceeded",       NULL,            REASON_QUOTA },
	{ "timeout",             NULL,            REASON_TRANSIENT },
	{ "backendError",        NULL,            REASON_TRANSIENT },
	{ "internalError",       NULL,            REASON_TRANSIENT },
	{ "jobBackendError",     NULL,            REASON_TRANSIENT },
	{ "jobInternalError",    NULL,            REASON_TRANSIENT },
	{ "rateLimitExceeded",   NULL,            REASON_TRANSIENT },
	{ "jobRateLimitExceeded", NULL,           REASON_TRANSIENT },
	{ "tableUnavailable",    NULL,            REASON_TRANSIENT },
	{ "accessDenied",        NULL,            REASON_HOLD },
	{ "billingNotEnabled",   NULL,            REASON_HOLD },
	{ "blocked",             NULL,            REASON_HOLD },
};

enum answer_reason answer_reason(const char *reason, const char *message)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (!strcmp(reason, reasons[i].reason) && (!reasons[i].text || strstr(message, reasons[i].text)))
			return reasons[i].what;
	return REASON_ROW;
}

/* ---- error bodies: {"error":{"code":…,"message":…,"errors":[{"reason":…}]}} ---- */

struct error_body { json_t *json; const char *reason, *message; };

static const char *text_or_empty(json_t *json)
{
	const char *text = json_string_value(json);

	return text ? text : "";
}

static struct error_body read_body(const struct http_answer *answer)
{
	json_t *json = answer->fate == HTTP_ANSWERED && answer->len ? json_loadb(answer->body, answer->len, 0, NULL) : NULL;
	json_t *error = json_object_get(json, "error");

	return (struct error_body){
		.json = json,
		.reason = text_or_empty(json_object_get(json_array_get(json_object_get(error, "errors"), 0), "reason")),
		.message = text_or_empty(json_object_get(error, "message")),
	};
}

static int status_of(const struct http_answer *answer)
{
	return answer->fate == HTTP_NOT_SENT ? answer->is_refused : answer->status;
}

static bool is_fitting(const struct answer_rule *rule, const struct http_answer *answer, const struct error_body *body)
{
	int status = status_of(answer);

	return rule->fate == answer->fate && status >= rule->status_from && status <= rule->status_to &&
	       (!rule->reason || !strcmp(rule->reason, body->reason)) && (!rule->text || strstr(body->message, rule->text));
}

const struct answer_rule *answer_read(const struct http_answer *answer)
{
	bool is_good = answer->fate == HTTP_ANSWERED && answer->status >= 200 && answer->status < 300;
	struct error_body body = is_good ? (struct error_body){ NULL, "", "" } : read_body(answer);
	const struct answer_rule *found = answer->is_cut ? &answer_garbled : NULL;

	for (size_t i = 0; !found && i < RULES; i++)
		if (is_fitting(&rules[i], answer, &body))
			found = &rules[i];
	json_decref(body.json);
	return found ? found : &answer_garbled;
}

void answer_text(const struct http_answer *answer, char out[ANSWER_TEXT_SIZE])
{
	struct error_body body = read_body(answer);

	if (answer->fate != HTTP_ANSWERED)
		snprintf(out, ANSWER_TEXT_SIZE, "%s", *answer->why ? answer->why : "no answer");
	else if (*body.message)
		snprintf(out, ANSWER_TEXT_SIZE, "HTTP %d %s: %s", answer->status, body.reason, body.message);
	else
		snprintf(out, ANSWER_TEXT_SIZE, "HTTP %d%s", answer->status, answer->status / 100 == 2 ? " with a body that is not understood" : "");
	json_decref(body.json);
}

uint64_t answer_backoff_ns(const struct answer_rule *rule, uint32_t failures, uint32_t retry_after_s, uint32_t random)
{
	uint64_t longest_ns = rule->backoff_max_s * NS_PER_S, wait_ns = rule->backoff_s * NS_PER_S, least_s = retry_after_s;

	for (uint32_t i = 1; i < failures && wait_ns < longest_ns; i++)
		wait_ns *= 2;
	if (wait_ns > longest_ns)
		wait_ns = longest_ns;
	if (rule->backoff_s != rule->backoff_max_s)
		wait_ns = (wait_ns >> 32) * random + ((wait_ns & UINT32_MAX) * random >> 32); /* a part of 2^32 */
	if (least_s > RETRY_AFTER_MAX_S)
		least_s = RETRY_AFTER_MAX_S;
	return wait_ns > least_s * NS_PER_S ? wait_ns : least_s * NS_PER_S;
}
