/* SPDX-License-Identifier: Apache-2.0 */
/* hello.c - the TLS messages that open a connection. */
#include "messages.h"
#include <string.h>

static size_t extension_open(struct blob *b, unsigned type)
{
	blob_16(b, type);
	return blob_open_16(b);
}

static void server_name(struct blob *b, const char *name)
{
	size_t extension = extension_open(b, 0), list = blob_open_16(b), text;

	blob_8(b, 0);                             /* host_name, RFC 6066 3 */
	text = blob_open_16(b);
	blob_text(b, name);
	blob_close_16(b, text);
	blob_close_16(b, list);
	blob_close_16(b, extension);
}

static void key_share(struct blob *b, size_t len)
{
	size_t extension = extension_open(b, 51), list = blob_open_16(b), key;

	blob_16(b, len > 1000 ? 0x11ec : 0x001d);  /* X25519MLKEM768, x25519 */
	key = blob_open_16(b);
	blob_fill(b, 0x5a, len);
	blob_close_16(b, key);
	blob_close_16(b, list);
	blob_close_16(b, extension);
}

static void supported_versions(struct blob *b)
{
	size_t extension = extension_open(b, 43);

	blob_octets(b, "\4\3\4\3\3", 5);          /* TLS 1.3 and 1.2 */
	blob_close_16(b, extension);
}

/* draft-ietf-tls-esni: outer, HKDF-SHA256, AES-128-GCM, config 7, a 32-octet key and a payload. */
static void encrypted_hello(struct blob *b)
{
	size_t extension = extension_open(b, 0xfe0d);

	blob_octets(b, "\0\0\1\0\1\7\0\x20", 8);
	blob_fill(b, 0xec, 32);
	blob_16(b, 144);
	blob_fill(b, 0xed, 144);
	blob_close_16(b, extension);
}

/* Without a record header. */
static void handshake(struct blob *b, const struct hello *hello)
{
	size_t mark, extensions;

	blob_octets(b, "\1\0", 2);                /* ClientHello; the first octet of a 24-bit length */
	mark = blob_open_16(b);
	blob_octets(b, "\3\3", 2);
	blob_fill(b, 0xaa, 32);                   /* random */
	blob_8(b, 32);
	blob_fill(b, 0xbb, 32);                   /* session id */
	blob_octets(b, "\0\6\x13\1\x13\2\xc0\x2f\1\0", 10); /* three cipher suites, no compression */
	extensions = blob_open_16(b);
	if (hello->sni && !hello->sni_last)
		server_name(b, hello->sni);
	supported_versions(b);
	if (hello->has_ech)
		encrypted_hello(b);
	key_share(b, hello->key_share_len ? hello->key_share_len : 32);
	if (hello->sni && hello->sni_last)
		server_name(b, hello->sni);
	blob_close_16(b, extensions);
	blob_close_16(b, mark);
}

static void record(struct blob *b, const void *octets, size_t len)
{
	blob_octets(b, "\x16\3\1", 3);            /* handshake, RFC 8446 5.1 */
	blob_16(b, (unsigned)len);
	blob_octets(b, octets, len);
}

void client_hello_in_records(struct blob *b, const struct hello *hello, size_t record_len)
{
	struct blob message = { .len = 0 };

	handshake(&message, hello);
	for (size_t at = 0; at < message.len; at += record_len)
		record(b, message.octets + at, message.len - at < record_len ? message.len - at : record_len);
}

void client_hello(struct blob *b, const struct hello *hello)
{
	client_hello_in_records(b, hello, 16384);
}

void server_hello(struct blob *b)
{
	struct blob message = { .len = 0 };

	blob_octets(&message, "\2\0\0\x28\3\3", 6);
	blob_fill(&message, 0xcc, 32);
	blob_octets(&message, "\0\x13\1\0\0\0", 6);
	record(b, message.octets, message.len);
}
