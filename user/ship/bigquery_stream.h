/* SPDX-License-Identifier: Apache-2.0 */
/* bigquery_stream.h - a stream of the Storage Write API (google.cloud.bigquery.storage.v1.BigQueryWrite): make one, append to it at an
 * offset, end it; what the server says, in few words. For bigquery_write.c.
 */
#ifndef DEVOURER_BIGQUERY_STREAM_H
#define DEVOURER_BIGQUERY_STREAM_H
#include <stdbool.h>
#include <stdint.h>
#include "bigquery.h"
#include "bigquery_proto.h"
#include "grpc.h"

enum stream_said {
	STREAM_DONE,
	STREAM_EXISTS,                            /* rows are at that offset already */
	STREAM_BEYOND,                            /* the stream ends before that offset */
	STREAM_REFUSED,                           /* none of the rows was taken: some of them, the stream or the schema is wrong */
	STREAM_GONE,                              /* no such stream, or it has ended */
	STREAM_NO_TABLE,                          /* no such table, or it lacks one of our columns */
	STREAM_FAILED,                            /* else; stream_delay() tells what to do */
};

struct stream {
	struct bigquery *bq;
	struct grpc *grpc;
	char open_name[STREAM_NAME_SIZE];         /* of the append call that is open */
	row_columns_t open_columns;               /* that the server knows by it */
	struct grpc_answer grpc_answer;           /* of the last call */
	struct append_answer append;              /* of the last append: row errors */
	char text[ANSWER_TEXT_SIZE];              /* what the server said */
	bool is_garbled;                          /* nobody can tell what it meant */
	bool is_careful;                          /* the last append was lost: the next one is a call of its own, which tells more */
	bool is_again;                            /* … and is to be made at once */
};

/* 0 or -errno, logged. */
int append_stream_open(struct stream *stream, struct bigquery *bq);
void append_stream_close(struct stream *stream);         /* also when all is zero */

/* A new COMMITTED stream of the table: NULL-terminated in `name`. */
enum stream_said stream_create(struct stream *stream, char name[STREAM_NAME_SIZE]);

/* The rows in `request` at `offset` of the stream. `stream->append` has the row errors until the next call. STREAM_FAILED with is_again:
 * the same again without waiting. */
enum stream_said stream_append(struct stream *stream, const char *name, uint64_t offset, struct append_request *request);

/* No append is taken any more; how many rows the stream has. */
enum stream_said stream_finalize(struct stream *stream, const char *name, uint64_t *rows);

/* Has a look at a connection that is not used now, so that one that was closed is noticed. */
void stream_idle(struct stream *stream);

/* Another mode goes on. */
void stream_rest(struct stream *stream);

/* What the last call's error says, for a person. */
void stream_text(const struct stream *stream, char out[ANSWER_TEXT_SIZE]);

/* The last call as an answer of the REST API, so that there is one table of what to do: bigquery_delay(). `hold`: somebody has to mend it. */
int stream_delay(struct stream *stream, const char *what, bool hold, uint64_t *wait_ns);
#endif
