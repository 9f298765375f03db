/* SPDX-License-Identifier: Apache-2.0 */
/* row.c - reads a record's line into cells, and writes them as the JSON of a flat row. */
#include <errno.h>
#include <string.h>
#include "row.h"

enum row_kind row_kind(const struct record_member *member)
{
	if (member->mode[2] == 'P')               /* REPEATED; the others are REQUIRED and NULLABLE */
		return ROW_STRINGS;
	switch (member->column_type[0]) {
	case 'I': return ROW_INTEGER;
	case 'T': return ROW_TIMESTAMP;
	case 'B': return ROW_BOOLEAN;
	default:  return ROW_STRING;
	}
}

bool row_is_required(const struct record_member *member)
{
	return member->mode[2] == 'Q';
}

const struct record_member *row_column(size_t index)
{
	const struct record_member *members;
	size_t count = record_members(&members);

	for (size_t i = 0; i < count; i++)
		if ((size_t)members[i].column_order == index)
			return &members[i];
	return NULL;
}

/* ---- reading ---- */

struct text { const char *at, *end; };

static bool take(struct text *t, char c)
{
	if (t->at == t->end || *t->at != c)
		return false;
	t->at++;
	return true;
}

static bool take_word(struct text *t, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(t->end - t->at) < len || memcmp(t->at, word, len))
		return false;
	t->at += len;
	return true;
}

/* Printable ASCII; of the escapes only \" and \\, as record_json() writes. */
static bool take_string(struct text *t)
{
	if (!take(t, '"'))
		return false;
	for (; t->at < t->end; t->at++) {
		if (*t->at == '"') {
			t->at++;
			return true;
		}
		if (*t->at < 0x20 || *t->at > 0x7e)
			return false;
		if (*t->at == '\\' && (++t->at == t->end || (*t->at != '"' && *t->at != '\\')))
			return false;
	}
	return false;
}

static bool take_strings(struct text *t)
{
	if (!take(t, '['))
		return false;
	do {
		if (!take_string(t))
			return false;
	} while (take(t, ','));
	return take(t, ']');
}

static size_t count_digits(const struct text *t)
{
	const char *p = t->at;

	while (p < t->end && *p >= '0' && *p <= '9')
		p++;
	return (size_t)(p - t->at);
}

static bool take_integer(struct text *t)
{
	static const char largest[] = "9223372036854775807"; /* the engines' integers are signed */
	size_t digits = count_digits(t);

	if (!digits || digits > 19 || (digits > 1 && *t->at == '0') || (digits == 19 && memcmp(t->at, largest, 19) > 0))
		return false;
	t->at += digits;
	return true;
}

/* Two digits that are at most `max`. */
static bool take_pair(struct text *t, int min, int max)
{
	int value;

	if (count_digits(t) < 2)
		return false;
	value = (t->at[0] - '0') * 10 + t->at[1] - '0';
	t->at += 2;
	return value >= min && value <= max;
}

static bool take_fraction(struct text *t)
{
	size_t digits;

	if (!take(t, '.'))
		return true;
	digits = count_digits(t);
	t->at += digits;
	return digits >= 1 && digits <= 9;
}

/* "2025-01-15T10:30:00.5Z", RFC 3339 as time_format() writes it. */
static bool take_time(struct text *t)
{
	return take(t, '"') && take_pair(t, 19, 25) && take_pair(t, 0, 99) && take(t, '-') && take_pair(t, 1, 12) && take(t, '-') &&
	       take_pair(t, 1, 31) && take(t, 'T') && take_pair(t, 0, 23) && take(t, ':') && take_pair(t, 0, 59) && take(t, ':') &&
	       take_pair(t, 0, 59) && take_fraction(t) && take(t, 'Z') && take(t, '"');
}

static bool take_value(struct text *t, enum row_kind kind)
{
	switch (kind) {
	case ROW_STRING:    return take_string(t);
	case ROW_INTEGER:   return take_integer(t);
	case ROW_TIMESTAMP: return take_time(t);
	case ROW_BOOLEAN:   return take_word(t, "true") || take_word(t, "false");
	case ROW_STRINGS:   return take_strings(t);
	}
	return false;
}

static bool take_key(struct text *t, const char *key)
{
	struct text from = *t;

	if (take(t, '"') && take_word(t, key) && take(t, '"') && take(t, ':'))
		return true;
	*t = from;
	return false;
}

static bool take_cell(struct text *t, const struct record_member *member, struct row *row)
{
	struct row_cell *cell = &row->cells[member->column_order];

	cell->text = t->at;
	if (!take_value(t, row_kind(member)))
		return false;
	cell->len = (size_t)(t->at - cell->text);
	return true;
}

struct member_range { const struct record_member *at, *end; };

static bool is_same_group(const struct record_member *a, const struct record_member *b)
{
	return a->group && b->group && !strcmp(a->group, b->group);
}

/* The members of a group, in their order: {"addr":…,"port":…}. `m` stands at the first of them and goes behind the last. */
static bool take_group(struct text *t, struct member_range *m, struct row *row)
{
	const struct record_member *first = m->at;
	bool is_first = true;

	if (!take(t, '{'))
		return false;
	for (; m->at < m->end && (m->at == first || is_same_group(m->at, first)); m->at++) {
		struct text from = *t;

		if ((!is_first && !take(t, ',')) || !take_key(t, m->at->name)) {
			*t = from;
			continue;
		}
		if (!take_cell(t, m->at, row))
			return false;
		is_first = false;
	}
	return !is_first && take(t, '}');
}

/* The next member that is there, of those from `m` on: an unknown one, or one out of order, is found nowhere. */
static bool take_member(struct text *t, struct member_range *m, struct row *row)
{
	for (; m->at < m->end; m->at++) {
		if (m->at->group && take_key(t, m->at->group))
			return take_group(t, m, row);
		if (!m->at->group && take_key(t, m->at->name))
			return take_cell(t, m->at++, row);
	}
	return false;
}

static bool has_all(const struct record_member *members, size_t count, const struct row *row)
{
	for (size_t i = 0; i < count; i++)
		if (row_is_required(&members[i]) && row_kind(&members[i]) != ROW_STRING && !row->cells[members[i].column_order].text)
			return false;
	return row->cells[ROW_ID].text;
}

int row_scan(struct row *out, const char *line, size_t len)
{
	struct text t = { line, line + len };
	const struct record_member *members;
	size_t count = record_members(&members);
	struct member_range m = { members, members + count };

	memset(out, 0, sizeof(*out));
	if (!take(&t, '{'))
		return -EINVAL;
	do {
		if (!take_member(&t, &m, out))
			return -EINVAL;
	} while (take(&t, ','));
	if (!take(&t, '}'))
		return -EINVAL;
	take(&t, '\n');
	return t.at == t.end && has_all(members, count, out) ? 0 : -EINVAL;
}

/* ---- writing ---- */

static char *put(char *out, const char *text, size_t len)
{
	memcpy(out, text, len);
	return out + len;
}

/* Many readers of JSON keep numbers as doubles, which are exact up to 2^53 (RFC 8259 6); BigQuery takes decimal strings as well. */
static char *put_integer(char *out, const struct row_cell *cell)
{
	static const char exact[] = "9007199254740992";
	bool is_large = cell->len > 16 || (cell->len == 16 && memcmp(cell->text, exact, 16) > 0);

	if (is_large)
		*out++ = '"';
	out = put(out, cell->text, cell->len);
	if (is_large)
		*out++ = '"';
	return out;
}

#define TIME_TO_MICROSECONDS (sizeof("\"2025-01-15T10:30:00.123456") - 1)

static char *put_microseconds(char *out, const struct row_cell *cell)
{
	if (cell->len <= TIME_TO_MICROSECONDS + 2) /* Z and the quote */
		return put(out, cell->text, cell->len);
	return put(put(out, cell->text, TIME_TO_MICROSECONDS), "Z\"", 2);
}

static char *put_value(char *out, const struct row_cell *cell, enum row_kind kind)
{
	if (!cell->text)
		return put(out, kind == ROW_STRINGS ? "[]" : "\"\"", 2);
	if (kind == ROW_INTEGER)
		return put_integer(out, cell);
	if (kind == ROW_TIMESTAMP)
		return put_microseconds(out, cell);
	return put(out, cell->text, cell->len);
}

static bool is_sent(const struct record_member *member, const struct row *row, row_columns_t columns)
{
	if (!(columns >> member->column_order & 1))
		return false;
	return row->cells[member->column_order].text || row_kind(member) == ROW_STRINGS || row_is_required(member);
}

size_t row_json(char *out, const struct row *row, row_columns_t columns)
{
	const struct record_member *members;
	size_t count = record_members(&members);
	char *at = out;

	*at++ = '{';
	for (const struct record_member *m = members; m < members + count; m++) {
		if (!is_sent(m, row, columns))
			continue;
		if (at != out + 1)
			*at++ = ',';
		*at++ = '"';
		at = put(at, m->column, strlen(m->column));
		at = put(at, "\":", 2);
		at = put_value(at, &row->cells[m->column_order], row_kind(m));
	}
	*at++ = '}';
	return (size_t)(at - out);
}
