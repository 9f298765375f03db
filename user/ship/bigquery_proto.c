/* SPDX-License-Identifier: Apache-2.0 */
/* bigquery_proto.c - varints and length-delimited fields, and the few messages made of them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "bigquery_proto.h"

/* ---- writing ---- */

size_t proto_varint(uint8_t *out, uint64_t value)
{
	size_t len = 0;

	for (; value > 0x7f; value >>= 7)
		out[len++] = (uint8_t)(value | 0x80);
	out[len++] = (uint8_t)value;
	return len;
}

static size_t varint_len(uint64_t value)
{
	size_t len = 1;

	while (value >>= 7)
		len++;
	return len;
}

static size_t tag_write(uint8_t *out, uint32_t number, enum proto_type type)
{
	return proto_varint(out, (uint64_t)number << 3 | type);
}

/* Tag and length of a field whose octets follow. */
static size_t head_write(uint8_t *out, uint32_t number, size_t len)
{
	size_t head = tag_write(out, number, PROTO_LEN);

	return head + proto_varint(out + head, len);
}

static size_t octets_write(uint8_t *out, uint32_t number, const void *octets, size_t len)
{
	size_t head = head_write(out, number, len);

	memcpy(out + head, octets, len);
	return head + len;
}

/* How long a field of `len` octets is with its tag, for field numbers under 16. */
static size_t field_len(size_t len)
{
	return 1 + varint_len(len) + len;
}

/* ---- reading ---- */

/* At most ten octets; what does not fit 64 bits is malformed. */
static int varint_read(struct proto_reader *reader, uint64_t *out)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 70 && reader->at < reader->end; shift += 7) {
		uint8_t octet = *reader->at++;

		if (shift == 63 && octet > 1)
			return -EBADMSG;
		value |= (uint64_t)(octet & 0x7f) << shift;
		if (!(octet & 0x80)) {
			*out = value;
			return 0;
		}
	}
	return -EBADMSG;
}

static int fixed_read(struct proto_reader *reader, unsigned octets, uint64_t *out)
{
	if ((size_t)(reader->end - reader->at) < octets)
		return -EBADMSG;
	*out = 0;
	for (unsigned i = 0; i < octets; i++)
		*out |= (uint64_t)*reader->at++ << 8 * i;
	return 0;
}

static int len_read(struct proto_reader *reader, struct proto_field *out)
{
	uint64_t len;

	if (varint_read(reader, &len) || len > (size_t)(reader->end - reader->at))
		return -EBADMSG;
	out->octets = reader->at;
	out->len = (size_t)len;
	reader->at += len;
	return 0;
}

int proto_read(struct proto_reader *reader, struct proto_field *out)
{
	uint64_t tag;
	int err = -EBADMSG;

	memset(out, 0, sizeof(*out));
	if (reader->at == reader->end)
		return 0;
	if (varint_read(reader, &tag) || tag > UINT32_MAX || !(tag >> 3))
		return -EBADMSG;
	out->number = (uint32_t)(tag >> 3);
	out->type = (enum proto_type)(tag & 7);
	if (out->type == PROTO_VARINT)
		err = varint_read(reader, &out->value);
	else if (out->type == PROTO_LEN)
		err = len_read(reader, out);
	else if (out->type == PROTO_I64 || out->type == PROTO_I32)
		err = fixed_read(reader, out->type == PROTO_I64 ? 8 : 4, &out->value);
	return err ? err : 1;
}

static bool is_field(const struct proto_field *field, uint32_t number, enum proto_type type)
{
	return field->number == number && field->type == type;
}

static struct proto_reader inside(const struct proto_field *field)
{
	return (struct proto_reader){ field->octets, field->octets + field->len };
}

/* What is longer than the room is cut. */
static void text_read(char *out, size_t size, const struct proto_field *field)
{
	size_t len = field->len < size ? field->len : size - 1;

	memcpy(out, field->octets, len);
	out[len] = 0;
}

/* ---- AppendRowsRequest ---- */

int append_request_new(struct append_request *request, size_t room)
{
	request->size = APPEND_HEAD_MAX + room;
	request->end = APPEND_HEAD_MAX;
	request->octets = malloc(request->size);
	return request->octets ? 0 : -ENOMEM;
}

void append_request_free(struct append_request *request)
{
	free(request->octets);
	request->octets = NULL;
}

void append_request_clear(struct append_request *request)
{
	request->end = APPEND_HEAD_MAX;
}

size_t append_request_octets(const struct append_request *request)
{
	return request->end - APPEND_HEAD_MAX;
}

uint8_t *append_request_row(struct append_request *request, size_t max)
{
	size_t left = request->size - request->end;

	if (left < APPEND_ROW_HEAD_MAX || left - APPEND_ROW_HEAD_MAX < max)
		return NULL;
	return request->octets + request->end + APPEND_ROW_HEAD_MAX;
}

/* ProtoRows.serialized_rows = 1. The length is known only now, so the row moves down to it. */
void append_request_add(struct append_request *request, size_t len)
{
	uint8_t *at = request->octets + request->end;
	size_t head = head_write(at, 1, len);

	memmove(at + head, at + APPEND_ROW_HEAD_MAX, len);
	request->end += head + len;
}

/* Before the rows: write_stream = 1, offset = 2 (Int64Value.value = 1), and proto_rows = 4 with writer_schema = 1
 * (ProtoSchema.proto_descriptor = 1) and rows = 2, whose octets follow. */
const uint8_t *append_request_finish(struct append_request *request, const char *stream, uint64_t offset,
				     const uint8_t *descriptor, size_t descriptor_len, size_t *len)
{
	size_t rows = append_request_octets(request), stream_len = strlen(stream);
	size_t schema = descriptor ? field_len(field_len(descriptor_len)) : 0;
	uint8_t head[APPEND_HEAD_MAX];
	size_t at = 0;

	if (stream_len + descriptor_len > APPEND_HEAD_MAX - 128)
		return NULL;
	at += octets_write(head + at, 1, stream, stream_len);
	at += head_write(head + at, 2, 1 + varint_len(offset));
	at += tag_write(head + at, 1, PROTO_VARINT);
	at += proto_varint(head + at, offset);
	at += head_write(head + at, 4, schema + field_len(rows));
	if (descriptor) {
		at += head_write(head + at, 1, field_len(descriptor_len));
		at += octets_write(head + at, 1, descriptor, descriptor_len);
	}
	at += head_write(head + at, 2, rows);
	memcpy(request->octets + APPEND_HEAD_MAX - at, head, at);
	*len = at + rows;
	return request->octets + APPEND_HEAD_MAX - at;
}

/* ---- AppendRowsResponse ---- */

/* google.protobuf.Any: type_url = 1, value = 2; in it StorageError.code = 1. */
static uint32_t storage_error_read(const struct proto_field *any)
{
	struct proto_reader reader = inside(any), value = { NULL, NULL };
	struct proto_field field;
	bool is_storage_error = false;
	static const char type[] = "google.cloud.bigquery.storage.v1.StorageError";

	while (proto_read(&reader, &field) > 0) {
		if (is_field(&field, 1, PROTO_LEN))
			is_storage_error = field.len >= sizeof(type) - 1 &&
				!memcmp(field.octets + field.len - (sizeof(type) - 1), type, sizeof(type) - 1);
		else if (is_field(&field, 2, PROTO_LEN))
			value = inside(&field);
	}
	while (is_storage_error && value.at && proto_read(&value, &field) > 0)
		if (is_field(&field, 1, PROTO_VARINT) && field.value <= UINT32_MAX)
			return (uint32_t)field.value;
	return 0;
}

/* google.rpc.Status: code = 1, message = 2, details = 3. */
static int status_read(struct append_answer *out, const struct proto_field *status)
{
	struct proto_reader reader = inside(status);
	struct proto_field field;
	int more;

	while ((more = proto_read(&reader, &field)) > 0) {
		if (is_field(&field, 1, PROTO_VARINT))
			out->code = (int32_t)field.value;
		else if (is_field(&field, 2, PROTO_LEN))
			text_read(out->message, sizeof(out->message), &field);
		else if (is_field(&field, 3, PROTO_LEN) && !out->storage_error)
			out->storage_error = storage_error_read(&field);
	}
	return more;
}

/* AppendResult.offset = 1, an Int64Value. */
static int result_read(struct append_answer *out, const struct proto_field *result)
{
	struct proto_reader reader = inside(result), value;
	struct proto_field field, number;
	int more, err = 0;

	out->is_accepted = true;
	while (!err && (more = proto_read(&reader, &field)) > 0) {
		if (!is_field(&field, 1, PROTO_LEN))
			continue;
		out->has_offset = true;           /* a value of zero is left out in proto3 */
		value = inside(&field);
		while ((err = proto_read(&value, &number)) > 0)
			if (is_field(&number, 1, PROTO_VARINT))
				out->offset = (int64_t)number.value;
	}
	return err ? err : more;
}

/* append_result = 1, error = 2, row_errors = 4. */
int append_answer_read(struct append_answer *out, const uint8_t *octets, size_t len)
{
	struct proto_reader reader = { octets, octets + len };
	struct proto_field field;
	int more, err = 0;

	memset(out, 0, sizeof(*out));
	out->octets = octets;
	out->end = octets + len;
	while (!err && (more = proto_read(&reader, &field)) > 0) {
		if (is_field(&field, 1, PROTO_LEN))
			err = result_read(out, &field);
		else if (is_field(&field, 2, PROTO_LEN))
			err = status_read(out, &field);
		else if (is_field(&field, 4, PROTO_LEN))
			out->row_errors++;
	}
	if (out->code || out->row_errors)
		out->is_accepted = false;
	return err ? err : more;
}

/* RowError: index = 1, message = 3. */
static void row_error_read(struct append_row_error *out, const struct proto_field *error)
{
	struct proto_reader reader = inside(error);
	struct proto_field field;

	memset(out, 0, sizeof(*out));
	while (proto_read(&reader, &field) > 0) {
		if (is_field(&field, 1, PROTO_VARINT))
			out->index = (int64_t)field.value;
		else if (is_field(&field, 3, PROTO_LEN))
			text_read(out->message, sizeof(out->message), &field);
	}
}

bool append_row_error(const struct append_answer *answer, const uint8_t **at, struct append_row_error *out)
{
	struct proto_reader reader = { *at ? *at : answer->octets, answer->end };
	struct proto_field field;

	while (proto_read(&reader, &field) > 0) {
		*at = reader.at;
		if (is_field(&field, 4, PROTO_LEN)) {
			row_error_read(out, &field);
			return true;
		}
	}
	return false;
}

/* ---- unary calls ---- */

/* parent = 1, write_stream = 2 with WriteStream.type = 2: COMMITTED is 1. */
size_t create_stream_write(uint8_t *out, size_t size, const char *table)
{
	static const uint8_t committed[] = { 2 << 3 | PROTO_VARINT, 1 };
	size_t at = stream_name_write(out, size, table);

	if (!at || size - at < field_len(sizeof(committed)))
		return 0;
	return at + octets_write(out + at, 2, committed, sizeof(committed));
}

size_t stream_name_write(uint8_t *out, size_t size, const char *stream)
{
	size_t len = strlen(stream);

	return field_len(len) <= size ? octets_write(out, 1, stream, len) : 0;
}

static bool is_name(const struct proto_field *field)
{
	if (!field->len || field->len >= STREAM_NAME_SIZE)
		return false;
	for (size_t i = 0; i < field->len; i++)
		if (field->octets[i] <= ' ' || field->octets[i] > '~')
			return false;
	return true;
}

int write_stream_read(char out[STREAM_NAME_SIZE], const uint8_t *octets, size_t len)
{
	struct proto_reader reader = { octets, octets + len };
	struct proto_field field;
	int more;

	*out = 0;
	while ((more = proto_read(&reader, &field)) > 0)
		if (is_field(&field, 1, PROTO_LEN) && is_name(&field))
			text_read(out, STREAM_NAME_SIZE, &field);
	return more || !*out ? -EBADMSG : 0;
}

int finalize_read(int64_t *rows, const uint8_t *octets, size_t len)
{
	struct proto_reader reader = { octets, octets + len };
	struct proto_field field;
	int more;

	*rows = 0;                                /* left out when zero */
	while ((more = proto_read(&reader, &field)) > 0)
		if (is_field(&field, 1, PROTO_VARINT))
			*rows = (int64_t)field.value;
	return more || *rows < 0 ? -EBADMSG : 0;
}
