/* SPDX-License-Identifier: Apache-2.0 */
/* bigquery.h - what the ways into BigQuery share: the table and its columns, requests with a token, the cursor's state, counters.
 *
 * bigquery.c is the output (ship.h) and chooses the way, bigquery_table.c sees to the table, bigquery_answer.c reads answers;
 * bigquery_insertall.c, bigquery_load.c and bigquery_write.c deliver. For the files of this output only.
 */
#ifndef DEVOURER_BIGQUERY_H
#define DEVOURER_BIGQUERY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "bigquery_answer.h"
#include "row.h"
#include "ship.h"
#include "spool.h"

struct dead_letter;
struct google;
struct http;
struct http_answer;
struct http_request;
struct bigquery;
struct insertall;
struct load;
struct write;

/* One way to deliver. What it keeps in memory is behind its own pointer in struct bigquery. */
struct bigquery_mode {
	const char *name;                         /* as in --bigquery-mode */
	int (*open)(struct bigquery *bq);         /* before the first step; NULL: nothing to do. 0 or -errno, logged */
	/* As ship_ops.step: -EAGAIN only when the server does not take it now; 0 with a pause in `*wait_ns` when all goes as it should. */
	int (*step)(struct bigquery *bq, struct spool_reader *reader, int is_last, uint64_t *wait_ns);
	/* Another mode is to go on from the cursor. True: nothing that was sent is in doubt, what was read is forgotten. False: step() is
	 * called again until it is true. */
	bool (*let_go)(struct bigquery *bq, struct spool_reader *reader);
	void (*print_stats)(const struct bigquery *bq, FILE *out); /* NULL: none */
	void (*close)(struct bigquery *bq);       /* after a failed open() too; NULL: nothing to do */
};

extern const struct bigquery_mode bigquery_insertall, bigquery_load, bigquery_write;

/* The cursor's state. The owner is the mode that may have rows on the way which only it can settle, also after a restart: it is stored
 * before they are sent, and cleared with the cursor that acknowledges them. */
enum bigquery_owner { OWNER_NONE, OWNER_LOAD, OWNER_WRITE };

/* A load job: rows `first` up to, not including, `end.sequence`; whole frames from the cursor on, or a part of its first frame. */
struct load_state {
	struct spool_position end;                /* when is_inside only its sequence */
	uint64_t first;                           /* sequence; rows of the first frame before it are settled */
	uint64_t bad_end;                         /* first up to here is known to have a bad row; 0: nothing known */
	uint64_t lost_full, lost_damaged;         /* records missing in the range */
	uint32_t rows, dead;                      /* in the job; set aside on the way */
	uint32_t settled_delivered, settled_dead; /* rows of the first frame before `first` */
	uint32_t attempt;
	uint16_t is_planned;                      /* there may be a job; else only `first`, `bad_end`, `attempt` and what is settled count */
	uint16_t is_inside;                       /* the end is inside the first frame */
	uint32_t magic;
};

#define BIGQUERY_STATE_VERSION 1
#define BIGQUERY_WRITE_STATE 120

struct bigquery_state {
	uint32_t version;
	uint8_t owner;                            /* enum bigquery_owner */
	uint8_t is_streaming;                     /* insertAll requests may be on the way */
	uint8_t pad[2];
	uint64_t table;                           /* which one: state of another table is not used */
	uint64_t last_load_ns;                    /* wall clock of the last load job */
	union {
		struct load_state load;
		uint8_t write[BIGQUERY_WRITE_STATE]; /* bigquery_write.c's own */
	};
};
_Static_assert(sizeof(struct bigquery_state) <= SPOOL_STATE_SIZE, "state fits the cursor");

struct bigquery_clock { uint64_t (*wall_ns)(void), (*boot_ns)(void); };

#define BIGQUERY_CODES 32
#define BIGQUERY_NAME_SIZE 256

struct bigquery {
	const struct options *options;
	const volatile int *stop;
	struct bigquery_clock clock;
	struct http *http;
	struct google *google;
	struct dead_letter *letters;

	char endpoint[BIGQUERY_NAME_SIZE];        /* "https://bigquery.googleapis.com", no final slash */
	char write_endpoint[BIGQUERY_NAME_SIZE];
	char project_path[2 * BIGQUERY_NAME_SIZE]; /* "/bigquery/v2/projects/P", escaped for a URL */
	char tables_path[4 * BIGQUERY_NAME_SIZE]; /* "/bigquery/v2/projects/P/datasets/D/tables", escaped */
	char table_id[BIGQUERY_NAME_SIZE];        /* escaped */
	char table_path[4 * BIGQUERY_NAME_SIZE];  /* "projects/P/datasets/D/tables/T" as it is */
	char user_project[BIGQUERY_NAME_SIZE];    /* header line x-goog-user-project, or "" */
	char location[64];                        /* of the dataset, "" when not known */
	bool is_emulator;                         /* no token unless a key was given */
	uint64_t table_hash;

	bool is_checked;
	row_columns_t columns;                    /* those of ours that the table has */
	unsigned columns_left_out;
	uint64_t created_boot_ns;                 /* when we made the table, 0: it was there */
	uint64_t looked_boot_ns;                  /* when we last looked after it, 0: never */

	const struct bigquery_mode *mode;         /* the one at work, NULL: none yet */
	uint64_t avoid_stream_until, avoid_load_until; /* of mode auto, boot clock; UINT64_MAX: for good */
	uint32_t opened;                          /* bits of the modes that are open */
	struct insertall *insertall;
	struct load *load;
	struct write *write;

	uint32_t failures;                        /* in a row, for the back-off */
	struct spool_counts unstored;             /* retried, duplicates_possible, requests since the last stored cursor */
	struct { int code; uint64_t count; } codes[BIGQUERY_CODES]; /* HTTP status; 0: no answer */
	uint64_t request_ns, request_count;
};

/* ---- requests ---- */

/* A token that is good now, or NULL in `*token` for an emulator. 0, -EAGAIN, -EACCES; logged. */
int bigquery_token(struct bigquery *bq, const char **token);

#define BIGQUERY_URL_SIZE 2048

/* http_do() with a token, which only our endpoint ever gets, and x-goog-user-project; on 401 once more with a new one. Counts. What to do
 * next, and `answer` in every case (no token: as a request that was not sent, with the reason in `why`). */
const struct answer_rule *bigquery_ask(struct bigquery *bq, struct http_request *request, struct http_answer *answer);

/* For requests that do not go through bigquery_ask(): HTTP status, or 0 without an answer. */
void bigquery_count(struct bigquery *bq, int code, uint64_t begun_boot_ns);

/* Log what `answer` says (NULL: nothing more than `what`) and how long to wait: the rule's back-off with full jitter, at least Retry-After.
 * Counts a failure in a row; bigquery_recover() ends the row. `what` names the call: "insertAll". Returns what step() returns: -EAGAIN, or
 * -EACCES or -EINVAL when the configuration must be mended. */
int bigquery_delay(struct bigquery *bq, const struct answer_rule *rule, const struct http_answer *answer, const char *what, uint64_t *wait_ns);
void bigquery_recover(struct bigquery *bq);

/* The table is gone, or not as it was: get or create it, and compare, at most once a minute, and not within ten minutes of our own
 * creation, when not every server knows it yet. 0 (also when it was not time), or as ship_ops.check. */
int bigquery_look_again(struct bigquery *bq);

/* Mode auto, and the other way is open: take that one for `ns` (UINT64_MAX: for good). False: stay. */
bool bigquery_avoid_stream(struct bigquery *bq, uint64_t ns);
bool bigquery_avoid_load(struct bigquery *bq, uint64_t ns);

#define BIGQUERY_POLL_NS 250000000ull             /* between two looks into an empty spool */
#define BIGQUERY_QUOTA_NS 600000000000ull         /* another way is taken for this long when a quota is used up */

/* ---- cursor ---- */

/* The state of the stored cursor; all zeros but for the version and table when it is not ours. */
void bigquery_state_get(const struct bigquery *bq, const struct spool_reader *reader, struct bigquery_state *out);

/* Store `cursor` with `state` and the counts that are not stored yet. 0 or -errno, logged. */
int bigquery_store(struct bigquery *bq, struct spool_reader *reader, struct spool_cursor *cursor, const struct bigquery_state *state);

/* ---- table (bigquery_table.c) ---- */

/* Get, create, compare, migrate: fills columns. As ship_ops.check. */
int bigquery_table_check(struct bigquery *bq);

/* Our columns: with --extended all of them. */
row_columns_t bigquery_wanted_columns(const struct bigquery *bq);
#endif
