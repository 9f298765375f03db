/* SPDX-License-Identifier: Apache-2.0 */
/* text.h - names as printable ASCII: the presentation form of RFC 1035 5.1.
 *
 * `.` and `\` inside a label are written `\.` and `\\`, every other octet outside 0x21..0x7e as `\DDD`, so that a text
 * can go into any log or JSON. `out` has room for NAME_TEXT_MAX characters and a NUL, which is written but not counted.
 */
#ifndef DEVOURER_TEXT_H
#define DEVOURER_TEXT_H
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOST_NAME_MAX_OCTETS 253                  /* RFC 1035 2.3.4: 255 on the wire, without first length and root */

/* The character of an octet in lower case; 0: the octet has to be escaped. */
extern const uint8_t text_lower[256];

static inline uint8_t text_fold(uint8_t octet)
{
	return (uint8_t)(octet - 'A') < 26 ? octet | 0x20 : octet;
}

/* Write one octet that text_lower[] has no character for; returns where the next one goes (2 or 4 characters on). */
char *text_escape(char *out, uint8_t octet);

/* One label of at most HOST_NAME_MAX_OCTETS octets, letter case kept. Returns its length. */
size_t text_from_label(char *out, const uint8_t *octets, size_t len);

/* A host name whose labels dots separate, letter case kept; one final dot is dropped.
 * 0: empty, an empty label in it, or longer than HOST_NAME_MAX_OCTETS. */
size_t text_from_host(char *out, const uint8_t *octets, size_t len);

/* A name in wire form without compression, letter case kept; it may lack its root label (RFC 4702 3.1, RFC 4704 4.2).
 * Returns its length, 0 for none, or DISSECT_BAD. */
int text_from_wire(char *out, const uint8_t *octets, size_t len);

/* Lower case in place. */
void text_to_lower(char *text, size_t len);

/* An IPv4 or IPv6 address in text, the latter also in brackets or with a zone (RFC 3986 3.2.2, RFC 6874). */
bool text_is_address(const char *text);

/* The address that a name below in-addr.arpa (RFC 1035 3.5) or ip6.arpa (RFC 3596 2.5) stands for; `text` is in lower
 * case. False for every other name. */
bool text_to_reverse_addr(const char *text, size_t len, struct in6_addr *addr);
#endif
