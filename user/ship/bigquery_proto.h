/* SPDX-License-Identifier: Apache-2.0 */
/* bigquery_proto.h - the messages of BigQuery's Storage Write API that we speak, as protocol buffers.
 *
 * Field numbers are those of google/cloud/bigquery/storage/v1/storage.proto and stream.proto; the encoding is that of
 * protobuf.dev/programming-guides/encoding. What is read comes from strangers: it never goes past its end, and what we do
 * not know is skipped.
 */
#ifndef DEVOURER_BIGQUERY_PROTO_H
#define DEVOURER_BIGQUERY_PROTO_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- AppendRowsRequest: rows are put into one buffer, and what goes before them is written in front at the end ---- */

#define APPEND_HEAD_MAX 8192                      /* octets before the rows: stream, offset, descriptor */
#define APPEND_ROW_HEAD_MAX 11                    /* octets before a row: tag and length */

struct append_request {
	uint8_t *octets;                          /* APPEND_HEAD_MAX and then room for rows */
	size_t size, end;
};

/* 0 or -ENOMEM; `room` octets for rows. */
int append_request_new(struct append_request *request, size_t room);
void append_request_free(struct append_request *request);

/* No rows any more. */
void append_request_clear(struct append_request *request);

/* Octets of rows, each with its tag and length. */
size_t append_request_octets(const struct append_request *request);

/* Where a row of at most `max` octets is to be written, or NULL: no room. Then append_request_add() with how many they are. */
uint8_t *append_request_row(struct append_request *request, size_t max);
void append_request_add(struct append_request *request, size_t len);

/* The whole message, owned by `request`, until the next change. `descriptor` NULL: the server has it from the message before.
 * NULL: stream and descriptor are too long for APPEND_HEAD_MAX. */
const uint8_t *append_request_finish(struct append_request *request, const char *stream, uint64_t offset,
				     const uint8_t *descriptor, size_t descriptor_len, size_t *len);

/* ---- AppendRowsResponse ---- */

/* StorageError.StorageErrorCode */
enum storage_error { STORAGE_TABLE_NOT_FOUND = 1, STORAGE_STREAM_NOT_FOUND = 3, STORAGE_STREAM_FINALIZED = 6, STORAGE_EXTRA_FIELDS = 7 };

struct append_answer {
	bool is_accepted;                         /* append_result is there and no error */
	bool has_offset;
	int64_t offset;                           /* where the rows begin */
	int32_t code;                             /* of the error, google/rpc/code.proto; 0: none */
	uint32_t storage_error;                   /* of its details; 0: none */
	char message[256];
	uint32_t row_errors;                      /* how many */
	const uint8_t *octets, *end;              /* the message, lent, for append_row_error() */
};

/* 0, or -EBADMSG: not such a message. */
int append_answer_read(struct append_answer *out, const uint8_t *octets, size_t len);

struct append_row_error { int64_t index; char message[256]; };

/* The next row error from `*at` on (NULL: the first): false when there is none. */
bool append_row_error(const struct append_answer *answer, const uint8_t **at, struct append_row_error *out);

/* ---- unary calls ---- */

#define STREAM_NAME_SIZE 1024                     /* octets of projects/…/streams/ID, with the NUL */

/* CreateWriteStreamRequest for a COMMITTED stream of `table` (projects/P/datasets/D/tables/T). Octets, or 0: no room. */
size_t create_stream_write(uint8_t *out, size_t size, const char *table);

/* The name in a WriteStream. 0, or -EBADMSG: none, too long, or with octets that are not printable ASCII. */
int write_stream_read(char out[STREAM_NAME_SIZE], const uint8_t *octets, size_t len);

/* FinalizeWriteStreamRequest: the name alone. */
size_t stream_name_write(uint8_t *out, size_t size, const char *stream);

/* row_count of FinalizeWriteStreamResponse; 0 or -EBADMSG. */
int finalize_read(int64_t *rows, const uint8_t *octets, size_t len);

/* ---- what they are made of ---- */

enum proto_type { PROTO_VARINT = 0, PROTO_I64 = 1, PROTO_LEN = 2, PROTO_I32 = 5 };

struct proto_reader { const uint8_t *at, *end; };

struct proto_field {
	uint32_t number;
	enum proto_type type;
	uint64_t value;                           /* of a VARINT, I64 or I32 */
	const uint8_t *octets;                    /* of a LEN */
	size_t len;
};

/* 1; 0 at the end; -EBADMSG: cut short, malformed, or a group. */
int proto_read(struct proto_reader *reader, struct proto_field *out);

/* Writes at most 10 octets; how many. */
size_t proto_varint(uint8_t *out, uint64_t value);
#endif
