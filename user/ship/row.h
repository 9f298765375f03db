/* SPDX-License-Identifier: Apache-2.0 */
/* row.h - a record's JSON line as a row of a flat table: BigQuery's columns, as JSON or as a protocol buffer.
 *
 * Columns are the members of the one table in record.h, numbered by their column_order. A line is read once, left to right, without
 * building a tree: it is what record_json() wrote, members may be missing, anything else is refused.
 */
#ifndef DEVOURER_ROW_H
#define DEVOURER_ROW_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../flow/record.h"

#define ROW_COLUMNS_MAX 48

enum row_kind { ROW_STRING, ROW_INTEGER, ROW_TIMESTAMP, ROW_BOOLEAN, ROW_STRINGS };

enum row_kind row_kind(const struct record_member *member);
bool row_is_required(const struct record_member *member);

/* The member that is column `index`, NULL behind the last one. O(columns), for set-up. */
const struct record_member *row_column(size_t index);

/* A part of the line: the JSON value as it stands there, quotes and escapes included; NULL: left out. */
struct row_cell { const char *text; size_t len; };
struct row { struct row_cell cells[ROW_COLUMNS_MAX]; };

#define ROW_ID 0                                  /* the column of the record's id, never missing */

/* `line` with or without its newline. 0, or -EINVAL when it is not one of record_json()'s, or when its id, a number or a time of the basic
 * members is missing. Cells point into `line`. */
int row_scan(struct row *out, const char *line, size_t len);

/* Bits of the columns to send, by index. */
typedef uint64_t row_columns_t;

/* Octets that row_json() and row_proto() write at most for a line of `len` octets. */
#define ROW_SIZE_MAX(len) ((len) + 1024)

/* {"id":…,…} in the order of the line: required strings that are missing as "", lists as [], others left out; times cut to microseconds;
 * integers above 2^53 as strings. How many octets; no newline. */
size_t row_json(char *out, const struct row *row, row_columns_t columns);

/* The same as a message with field number = index + 1, TIMESTAMP as int64 microseconds, INTEGER as int64, in the order of the line. */
size_t row_proto(uint8_t *out, const struct row *row, row_columns_t columns);

/* The DescriptorProto of that message (google/protobuf/descriptor.proto), for AppendRows' writer_schema. How many octets; 0: no room. */
size_t row_descriptor(uint8_t *out, size_t size, row_columns_t columns);
#endif
