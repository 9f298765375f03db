/* SPDX-License-Identifier: Apache-2.0 */
/* dissect_tls.c - the server name in a TLS ClientHello (RFC 8446 4.1.2), which any number of records may carry. */
#include <string.h>
#include "cursor.h"
#include "dissect.h"
#include "text.h"

#define RECORD_MAX 16384                          /* octets of one record's fragment, RFC 8446 5.1 */
#define RECORD_HANDSHAKE 22
#define HANDSHAKE_CLIENT_HELLO 1
enum { EXTENSION_SERVER_NAME = 0, EXTENSION_ECH = 0xfe0d }; /* RFC 6066 3, draft-ietf-tls-esni 5 */
#define NAME_TYPE_HOST 0                          /* RFC 6066 3 */

/* The handshake octets in a stream of records. */
struct handshake {
	struct cursor stream;
	bool is_full;                             /* TLS_HELLO_MAX octets are there: no more will be read */
	size_t in_record;                         /* octets of the current record that are left */
	size_t left;                              /* octets of the handshake message that are left */
};

static int out_of_octets(const struct handshake *h)
{
	return h->is_full ? DISSECT_BAD : DISSECT_SHORT;
}

/* Step over a record's header: handshake, version 3.0 to 3.4, and not empty (RFC 8446 5.1). A header that is cut may be
 * found wrong already. */
static int record_open(struct handshake *h)
{
	const uint8_t *head = cursor_here(&h->stream);
	size_t left = cursor_left(&h->stream);

	if ((left > 0 && head[0] != RECORD_HANDSHAKE) || (left > 1 && head[1] != 3) || (left > 2 && head[2] > 4))
		return DISSECT_BAD;
	if (!cursor_skip(&h->stream, 5))
		return out_of_octets(h);
	h->in_record = be16_load(head + 3);
	return h->in_record && h->in_record <= RECORD_MAX ? DISSECT_OK : DISSECT_BAD;
}

/* Read `len` octets of the message, into `out` unless that is NULL. */
static int take(struct handshake *h, uint8_t *out, size_t len)
{
	if (len > h->left)
		return DISSECT_BAD;
	h->left -= len;
	while (len) {
		int status = h->in_record ? DISSECT_OK : record_open(h);
		size_t part = len < h->in_record ? len : h->in_record;

		if (status)
			return status;
		if (part > cursor_left(&h->stream))
			part = cursor_left(&h->stream);
		if (!part)
			return out_of_octets(h);
		if (out) {
			memcpy(out, cursor_here(&h->stream), part);
			out += part;
		}
		cursor_skip(&h->stream, part);
		h->in_record -= part;
		len -= part;
	}
	return DISSECT_OK;
}

/* Read a number of `width` octets. */
static int take_number(struct handshake *h, unsigned width, size_t *value)
{
	uint8_t octets[3] = { 0 };
	int status = take(h, octets, width);

	if (status)
		return status;
	*value = 0;
	for (unsigned i = 0; i < width; i++)
		*value = *value << 8 | octets[i];
	return DISSECT_OK;
}

/* Step over a vector whose length has `width` octets and is within the bounds of its presentation (RFC 8446 3.4). */
static int skip_vector(struct handshake *h, unsigned width, size_t min, size_t max)
{
	size_t len;
	int status = take_number(h, width, &len);

	if (status)
		return status;
	return len < min || len > max ? DISSECT_BAD : take(h, NULL, len);
}

/* A literal address is not a name (RFC 6066 3), though some clients send it. */
static void name_keep(const uint8_t *octets, size_t len, struct tls_hello *out)
{
	size_t text_len = text_from_host(out->sni, octets, len);

	if (text_is_address(out->sni))
		text_len = 0;
	text_to_lower(out->sni, text_len);
	out->sni[text_len] = 0;
	out->sni_len = (uint16_t)text_len;
}

/* One entry of the list, which ends where `end` octets of the hello are left: the first host_name is kept. */
static int entry_read(struct handshake *h, size_t end, bool *has_host, struct tls_hello *out)
{
	uint8_t octets[HOST_NAME_MAX_OCTETS + 1]; /* with a final dot */
	size_t type, len;
	int status;

	if (h->left < end + 3)
		return DISSECT_BAD;
	status = take_number(h, 1, &type);
	if (!status)
		status = take_number(h, 2, &len);
	if (status)
		return status;
	if (len > h->left - end)
		return DISSECT_BAD;
	if (type != NAME_TYPE_HOST || *has_host)
		return take(h, NULL, len);
	*has_host = true;
	if (len > sizeof(octets))
		return take(h, NULL, len);
	status = take(h, octets, len);
	if (!status)
		name_keep(octets, len, out);
	return status;
}

/* The list of names; each type may be there only once (RFC 6066 3). An empty extension says nothing. */
static int server_name_read(struct handshake *h, size_t extension_len, struct tls_hello *out)
{
	size_t end = h->left - extension_len, list;
	bool has_host = false;
	int status;

	if (!extension_len)
		return DISSECT_OK;
	if (extension_len < 2)
		return DISSECT_BAD;
	status = take_number(h, 2, &list);
	if (!status && list != h->left - end)
		return DISSECT_BAD;
	while (!status && h->left > end)
		status = entry_read(h, end, &has_host, out);
	return status;
}

static int extension_read(struct handshake *h, struct tls_hello *out)
{
	size_t type, len;
	int status = take_number(h, 2, &type);

	if (!status)
		status = take_number(h, 2, &len);
	if (status)
		return status;
	if (len > h->left)
		return DISSECT_BAD;
	if (type == EXTENSION_SERVER_NAME && !out->sni_len)
		return server_name_read(h, len, out);
	out->has_ech |= type == EXTENSION_ECH;
	return take(h, NULL, len);
}

/* What comes before the extensions: version and random, session, cipher suites, compression methods. */
static int fixed_read(struct handshake *h)
{
	int status = take(h, NULL, 2 + 32);

	if (!status)
		status = skip_vector(h, 1, 0, 32);
	if (!status)
		status = skip_vector(h, 2, 2, 65534);
	if (!status)
		status = skip_vector(h, 1, 1, 255);
	return status;
}

static int client_hello_read(struct handshake *h, struct tls_hello *out)
{
	size_t extensions;
	int status = fixed_read(h);

	if (status || !h->left)                   /* up to TLS 1.2 there may be no extensions, RFC 5246 7.4.1.2 */
		return status;
	status = take_number(h, 2, &extensions);
	if (!status && extensions != h->left)
		return DISSECT_BAD;
	while (!status && h->left)
		status = extension_read(h, out);
	return status;
}

int tls_client_hello(const uint8_t *stream, size_t len, struct tls_hello *out)
{
	bool is_full = len >= TLS_HELLO_MAX;
	struct handshake h = { .stream = cursor_of(stream, is_full ? TLS_HELLO_MAX : len), .is_full = is_full };
	size_t type;
	int status;

	out->sni_len = 0;
	out->sni[0] = 0;
	out->has_ech = false;
	h.left = 4;                               /* handshake type and length */
	status = take_number(&h, 1, &type);
	if (!status && type != HANDSHAKE_CLIENT_HELLO)
		status = DISSECT_OTHER;
	if (status)
		return status == DISSECT_BAD ? DISSECT_OTHER : status;
	status = take_number(&h, 3, &h.left);
	return status ? status : client_hello_read(&h, out);
}
