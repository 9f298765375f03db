/* SPDX-License-Identifier: Apache-2.0 */
/* bigquery_job.h - the requests of a load job: its name, its description, uploads in one request or in pieces, and asking for its state. */
#ifndef DEVOURER_BIGQUERY_JOB_H
#define DEVOURER_BIGQUERY_JOB_H
#include "bigquery.h"
#include "bigquery_range.h"

#define JOB_ID_SIZE 64                            /* "devourer_", 32 hexadecimal digits, "_", attempt */
#define JOB_HEAD_SIZE 4096                        /* octets that job_send_whole() needs before the file */
#define JOB_TAIL_SIZE 128                         /* and behind it */
#define JOB_SESSION_SIZE 1024

/* The same rows for the same table have the same name in each attempt, also after a restart: a name is taken only once. */
void job_id(char out[JOB_ID_SIZE], const struct bigquery *bq, const struct spool_reader *reader, const struct load_state *load);

const struct answer_rule *job_get(struct bigquery *bq, const char *id, struct http_answer *answer);

/* The whole file of `len` octets, with room for head and tail around it. */
const struct answer_rule *job_send_whole(struct bigquery *bq, const char *id, char *file, size_t len, struct http_answer *answer);

/* A resumable upload: its URL into `session`, "" when there is none to be had. */
const struct answer_rule *job_open_session(struct bigquery *bq, const char *id, char session[JOB_SESSION_SIZE], struct http_answer *answer);

/* Octets `start` to `start + len` of a file; `is_last`: it ends there. `len` 0: only ask how far the server is. */
const struct answer_rule *job_send_piece(struct bigquery *bq, const char *session, const char *octets, uint64_t start, size_t len, bool is_last,
					 struct http_answer *answer);

/* How many octets of the upload the server has, of an answer with status 308. */
uint64_t job_octets_there(const struct http_answer *answer);

enum job_state { JOB_GARBLED, JOB_RUNNING, JOB_DONE, JOB_FAILED };

#define JOB_WHY_SIZE 256
/* The state in a job resource; JOB_FAILED: what its errorResult means, and says. */
enum job_state job_read(const struct http_answer *answer, enum answer_reason *reason, char why[JOB_WHY_SIZE]);
#endif
