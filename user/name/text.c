/* SPDX-License-Identifier: Apache-2.0 */
/* text.c - names as printable ASCII (text.h). */
#include <arpa/inet.h>
#include <string.h>
#include "cursor.h"
#include "dissect.h"
#include "text.h"

const uint8_t text_lower[256] = {
	[0x21] = '!', '"', '#', '$', '%', '&', '\'', '(', ')', '*', '+', ',', '-', 0, '/',
	'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?',
	'@', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o',
	'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', '[', 0, ']', '^', '_',
	'`', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o',
	'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', '{', '|', '}', '~',
};

char *text_escape(char *out, uint8_t octet)
{
	*out++ = '\\';
	if (octet == '.' || octet == '\\') {
		*out++ = (char)octet;
		return out;
	}
	*out++ = (char)('0' + octet / 100);
	*out++ = (char)('0' + octet / 10 % 10);
	*out++ = (char)('0' + octet % 10);
	return out;
}

static char *put_label(char *out, const uint8_t *octets, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text_lower[octets[i]])
			*out++ = (char)octets[i];
		else
			out = text_escape(out, octets[i]);
	}
	return out;
}

size_t text_from_label(char *out, const uint8_t *octets, size_t len)
{
	char *end = put_label(out, octets, len);

	*end = 0;
	return (size_t)(end - out);
}

size_t text_from_host(char *out, const uint8_t *octets, size_t len)
{
	char *end = out;

	*out = 0;
	if (len && octets[len - 1] == '.')
		len--;
	if (!len || len > HOST_NAME_MAX_OCTETS)
		return 0;
	for (size_t from = 0, to; from <= len; from = to + 1) {
		for (to = from; to < len && octets[to] != '.'; to++)
			;
		if (to == from) {
			*out = 0;
			return 0;
		}
		if (from)
			*end++ = '.';
		end = put_label(end, octets + from, to - from);
	}
	*end = 0;
	return (size_t)(end - out);
}

int text_from_wire(char *out, const uint8_t *octets, size_t len)
{
	struct cursor c = cursor_of(octets, len);
	struct labels labels = labels_of(&c);
	const uint8_t *label;
	char *end = out;
	int n;

	/* labels_of() leaves the limit at the start of the name, offset 0: no pointer is followed. */
	while ((n = labels_next(&labels, &label)) > 0) {
		if (end != out)
			*end++ = '.';
		end = put_label(end, label, (size_t)n);
	}
	*end = 0;
	if (n < 0 && (n != DISSECT_SHORT || labels.octets != len)) {
		*out = 0;
		return DISSECT_BAD;
	}
	return (int)(end - out);
}

void text_to_lower(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		text[i] = (char)text_fold((uint8_t)text[i]);
}

/* RFC 3986 puts brackets around an IPv6 address; a zone follows `%`. */
static bool is_address6(const char *text, size_t len)
{
	char bare[INET6_ADDRSTRLEN];
	struct in6_addr addr;
	const char *zone;

	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	zone = memchr(text, '%', len);
	if (zone)
		len = (size_t)(zone - text);
	if (len >= sizeof(bare))
		return false;
	memcpy(bare, text, len);
	bare[len] = 0;
	return inet_pton(AF_INET6, bare, &addr) == 1;
}

bool text_is_address(const char *text)
{
	struct in_addr addr;

	return inet_pton(AF_INET, text, &addr) == 1 || is_address6(text, strlen(text));
}

/* The octets of an IPv4 address as decimal labels, the last one first. */
static bool reverse4(const char *text, size_t len, struct in6_addr *addr)
{
	char dotted[INET_ADDRSTRLEN];
	uint8_t v4[4];
	struct cursor c;

	if (len >= sizeof(dotted))
		return false;
	memcpy(dotted, text, len);
	dotted[len] = 0;
	if (inet_pton(AF_INET, dotted, v4) != 1)
		return false;
	c = cursor_of((const uint8_t[]){ v4[3], v4[2], v4[1], v4[0] }, 4);
	return cursor_addr(&c, 4, addr);
}

static int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* The 32 nibbles of an IPv6 address as labels, the last one first. */
static bool reverse6(const char *text, size_t len, struct in6_addr *addr)
{
	if (len != 63)
		return false;
	for (int i = 0; i < 16; i++) {
		const char *pair = text + 4 * i;
		int low = hex_value(pair[0]), high = hex_value(pair[2]);

		if (low < 0 || high < 0 || pair[1] != '.' || (i < 15 && pair[3] != '.'))
			return false;
		addr->s6_addr[15 - i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* The length of `text` without `tail`; 0 when it does not end so. */
static size_t without_tail(const char *text, size_t len, const char *tail)
{
	size_t tail_len = strlen(tail);

	return len > tail_len && !memcmp(text + len - tail_len, tail, tail_len) ? len - tail_len : 0;
}

bool text_to_reverse_addr(const char *text, size_t len, struct in6_addr *addr)
{
	size_t v4_len = without_tail(text, len, ".in-addr.arpa");
	size_t v6_len = without_tail(text, len, ".ip6.arpa");

	return (v4_len && reverse4(text, v4_len, addr)) || (v6_len && reverse6(text, v6_len, addr));
}
