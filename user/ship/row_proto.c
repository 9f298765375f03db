/* SPDX-License-Identifier: Apache-2.0 */
/* row_proto.c - a row as a protocol buffer, and the descriptor of that message (protobuf.dev/programming-guides/encoding). */
#include <string.h>
#include "row.h"

enum wire_type { WIRE_VARINT = 0, WIRE_LENGTH = 2 };

static uint8_t *put_varint(uint8_t *out, uint64_t value)
{
	for (; value > 0x7f; value >>= 7)
		*out++ = (uint8_t)(value | 0x80);
	*out++ = (uint8_t)value;
	return out;
}

static uint8_t *put_tag(uint8_t *out, unsigned field, enum wire_type type)
{
	return put_varint(out, field << 3 | type);
}

static uint8_t *put_octets(uint8_t *out, unsigned field, const void *octets, size_t len)
{
	out = put_varint(put_tag(out, field, WIRE_LENGTH), len);
	memcpy(out, octets, len);
	return out + len;
}

/* ---- a row ---- */

/* The characters between the quotes at `text`, without the backslashes of \" and \\. `*len`: octets of the JSON string, quotes included. */
static uint8_t *put_string(uint8_t *out, unsigned field, const char *text, size_t *len)
{
	size_t escapes = 0, end = 1;
	uint8_t *at;

	for (; text[end] != '"'; end++)
		if (text[end] == '\\') {
			escapes++;
			end++;
		}
	*len = end + 1;
	if (!escapes)
		return put_octets(out, field, text + 1, end - 1);
	at = put_varint(put_tag(out, field, WIRE_LENGTH), end - 1 - escapes);
	for (size_t i = 1; i < end; i++) {
		if (text[i] == '\\')
			i++;
		*at++ = (uint8_t)text[i];
	}
	return at;
}

static uint8_t *put_strings(uint8_t *out, unsigned field, const struct row_cell *cell)
{
	const char *p = cell->text;

	while (p && *p != ']') {                  /* at the bracket or comma before a string */
		size_t len;

		out = put_string(out, field, p + 1, &len);
		p += 1 + len;
	}
	return out;
}

static uint64_t number(const char *digits, size_t len)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++)
		value = value * 10 + (uint64_t)(digits[i] - '0');
	return value;
}

/* Days from 1 January 1970. Years begin in March here, so that the leap day is the last one: five months from March have 153 days. */
static int64_t days(int64_t year, int64_t month, int64_t day)
{
	year -= month <= 2;
	month += month <= 2 ? 9 : -3;
	return 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719468;
}

/* `text`: "2025-01-15T10:30:00.123456789Z" with its quotes. */
static int64_t microseconds(const struct row_cell *cell)
{
	const char *t = cell->text + 1;
	int64_t day = days((int64_t)number(t, 4), (int64_t)number(t + 5, 2), (int64_t)number(t + 8, 2));
	int64_t second = (int64_t)(number(t + 11, 2) * 3600 + number(t + 14, 2) * 60 + number(t + 17, 2));
	int64_t fraction = 0, unit = 100000;

	if (t[19] == '.')
		for (t += 20; unit && *t >= '0' && *t <= '9'; t++, unit /= 10)
			fraction += (*t - '0') * unit;
	return (day * 86400 + second) * 1000000 + fraction;
}

static uint8_t *put_cell(uint8_t *out, unsigned field, const struct row_cell *cell, enum row_kind kind)
{
	size_t len;

	switch (kind) {
	case ROW_STRING:
		return put_string(out, field, cell->text, &len);
	case ROW_STRINGS:
		return put_strings(out, field, cell);
	case ROW_INTEGER:
		return put_varint(put_tag(out, field, WIRE_VARINT), number(cell->text, cell->len));
	case ROW_TIMESTAMP:
		return put_varint(put_tag(out, field, WIRE_VARINT), (uint64_t)microseconds(cell));
	case ROW_BOOLEAN:
		return put_varint(put_tag(out, field, WIRE_VARINT), cell->text[0] == 't');
	}
	return out;
}

size_t row_proto(uint8_t *out, const struct row *row, row_columns_t columns)
{
	const struct record_member *members;
	size_t count = record_members(&members);
	uint8_t *at = out;

	for (const struct record_member *m = members; m < members + count; m++) {
		const struct row_cell *cell = &row->cells[m->column_order];
		unsigned field = (unsigned)m->column_order + 1;

		if (!(columns >> m->column_order & 1))
			continue;
		if (cell->text)
			at = put_cell(at, field, cell, row_kind(m));
		else if (row_is_required(m))
			at = put_octets(at, field, "", 0);
	}
	return (size_t)(at - out);
}

/* ---- the descriptor ---- */

/* google/protobuf/descriptor.proto: fields of DescriptorProto and FieldDescriptorProto, and their enums. */
enum { MESSAGE_NAME = 1, MESSAGE_FIELD = 2 };
enum { FIELD_NAME = 1, FIELD_NUMBER = 3, FIELD_LABEL = 4, FIELD_TYPE = 5 };
enum { LABEL_OPTIONAL = 1, LABEL_REQUIRED = 2, LABEL_REPEATED = 3 };
enum { TYPE_INT64 = 3, TYPE_BOOL = 8, TYPE_STRING = 9 };

#define FIELD_SIZE_MAX 128                        /* octets of one FieldDescriptorProto */

static unsigned label(const struct record_member *member)
{
	if (row_kind(member) == ROW_STRINGS)
		return LABEL_REPEATED;
	return row_is_required(member) ? LABEL_REQUIRED : LABEL_OPTIONAL;
}

static unsigned type(const struct record_member *member)
{
	switch (row_kind(member)) {
	case ROW_INTEGER:
	case ROW_TIMESTAMP: return TYPE_INT64;
	case ROW_BOOLEAN:   return TYPE_BOOL;
	default:            return TYPE_STRING;
	}
}

static size_t put_field(uint8_t *out, const struct record_member *member)
{
	uint8_t *at = put_octets(out, FIELD_NAME, member->column, strlen(member->column));

	at = put_varint(put_tag(at, FIELD_NUMBER, WIRE_VARINT), (uint64_t)member->column_order + 1);
	at = put_varint(put_tag(at, FIELD_LABEL, WIRE_VARINT), label(member));
	at = put_varint(put_tag(at, FIELD_TYPE, WIRE_VARINT), type(member));
	return (size_t)(at - out);
}

size_t row_descriptor(uint8_t *out, size_t size, row_columns_t columns)
{
	static const char name[] = "flow_log";
	const struct record_member *member;
	uint8_t *at, field[FIELD_SIZE_MAX];

	if (size < FIELD_SIZE_MAX)
		return 0;
	at = put_octets(out, MESSAGE_NAME, name, sizeof(name) - 1);
	for (size_t i = 0; (member = row_column(i)); i++) {
		if (!(columns >> i & 1))
			continue;
		if ((size_t)(out + size - at) < FIELD_SIZE_MAX)
			return 0;
		at = put_octets(at, MESSAGE_FIELD, field, put_field(field, member));
	}
	return (size_t)(at - out);
}
