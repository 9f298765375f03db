/* SPDX-License-Identifier: Apache-2.0 */
/* blob.c - octets that grow at the end. */
#include "blob.h"
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void die(const char *format, ...)
{
	va_list args;

	fputs("make-captures: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

uint8_t *blob_add(struct blob *b, size_t len)
{
	uint8_t *at = b->octets + b->len;

	if (len > BLOB_SIZE - b->len)
		die("a blob of more than %d octets", BLOB_SIZE);
	memset(at, 0, len);
	b->len += len;
	return at;
}

void blob_octets(struct blob *b, const void *octets, size_t len)
{
	memcpy(blob_add(b, len), octets, len);
}

void blob_text(struct blob *b, const char *text)
{
	blob_octets(b, text, strlen(text));
}

void blob_fill(struct blob *b, uint8_t octet, size_t count)
{
	memset(blob_add(b, count), octet, count);
}

void blob_8(struct blob *b, unsigned value)
{
	*blob_add(b, 1) = (uint8_t)value;
}

void blob_16(struct blob *b, unsigned value)
{
	put_16(blob_add(b, 2), value);
}

void blob_32(struct blob *b, uint32_t value)
{
	put_32(blob_add(b, 4), value);
}

void blob_blob(struct blob *b, const struct blob *other)
{
	blob_octets(b, other->octets, other->len);
}

void blob_mac(struct blob *b, const char *text)
{
	unsigned mac[6];

	if (sscanf(text, "%x:%x:%x:%x:%x:%x", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) != 6)
		die("%s is not a MAC", text);
	for (int i = 0; i < 6; i++)
		blob_8(b, mac[i]);
}

static void add_addr(struct blob *b, int family, size_t len, const char *text)
{
	if (inet_pton(family, text, blob_add(b, len)) != 1)
		die("%s is not an address of this family", text);
}

void blob_addr4(struct blob *b, const char *text)
{
	add_addr(b, AF_INET, 4, text);
}

void blob_addr6(struct blob *b, const char *text)
{
	add_addr(b, AF_INET6, 16, text);
}

void put_16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

void put_32(uint8_t *at, uint32_t value)
{
	put_16(at, value >> 16);
	put_16(at + 2, value & 0xffff);
}

unsigned get_16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

size_t blob_open_16(struct blob *b)
{
	blob_add(b, 2);
	return b->len;
}

void blob_close_16(struct blob *b, size_t mark)
{
	put_16(b->octets + mark - 2, (unsigned)(b->len - mark));
}

size_t blob_open_8(struct blob *b)
{
	blob_add(b, 1);
	return b->len;
}

void blob_close_8(struct blob *b, size_t mark)
{
	b->octets[mark - 1] = (uint8_t)(b->len - mark);
}
