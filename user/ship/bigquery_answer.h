/* SPDX-License-Identifier: Apache-2.0 */
/* bigquery_answer.h - what an answer of BigQuery's REST API means and what to do about it: one table. */
#ifndef DEVOURER_BIGQUERY_ANSWER_H
#define DEVOURER_BIGQUERY_ANSWER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "http.h"

enum answer_action {
	ANSWER_DONE,                              /* read the body */
	ANSWER_AGAIN,                             /* transient: the same again after a back-off */
	ANSWER_QUOTA,                             /* the same, but longer; mode auto goes another way */
	ANSWER_TOKEN,                             /* forget the token, once again at once, then back-off */
	ANSWER_HALVE,                             /* too big, or something in it is wrong */
	ANSWER_TAKEN,                             /* that name or id is taken: ask for it */
	ANSWER_NOT_THERE,                         /* table, dataset or job */
	ANSWER_FREE_TIER,                         /* streaming is refused for good, load jobs are not */
	ANSWER_HOLD,                              /* configuration: keep spooling, look again every five minutes */
	ANSWER_STOPPED,                           /* we are to end */
};

struct answer_rule {
	enum http_fate fate;
	int status_from, status_to;
	const char *reason;                       /* error.errors[0].reason; NULL: any */
	const char *text;                         /* a part of the message; NULL: any */
	enum answer_action action;
	bool is_in_doubt;                         /* the server may have done what was asked */
	uint32_t backoff_s, backoff_max_s;        /* first and longest; equal: no jitter */
};

/* The first rule that fits; never NULL. */
const struct answer_rule *answer_read(const struct http_answer *answer);

/* For a whole answer whose body is not what it should be: nobody knows what was done. */
extern const struct answer_rule answer_garbled;
/* For a configuration that was found wrong by other means. */
extern const struct answer_rule answer_hold;

#define ANSWER_TEXT_SIZE 256

/* What the answer says, or what is known without one, on one line, for log lines. */
void answer_text(const struct http_answer *answer, char out[ANSWER_TEXT_SIZE]);

/* How long to wait after `failures` (from 1) in a row: full jitter by `random`, at least Retry-After (at most an hour). */
uint64_t answer_backoff_ns(const struct answer_rule *rule, uint32_t failures, uint32_t retry_after_s, uint32_t random);

/* What the error of a row (insertAll) or of a job means. */
enum answer_reason {
	REASON_ROW,                               /* the row is bad; also every reason that is not known */
	REASON_STOPPED,                           /* not the row's fault: another one of the request is bad */
	REASON_TRANSIENT,
	REASON_QUOTA,
	REASON_TABLE,                             /* the table is not there, or not as it was */
	REASON_HOLD,                              /* configuration */
};
enum answer_reason answer_reason(const char *reason, const char *message);
#endif
