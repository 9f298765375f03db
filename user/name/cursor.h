/* SPDX-License-Identifier: Apache-2.0 */
/* cursor.h - reading octets that strangers sent: a cursor that knows its end, and the parts of DNS and NBNS messages.
 *
 * Each read checks the end first and moves the cursor only when it succeeds. Offsets count from `start`, so that a
 * cursor over part of a message still finds what a compression pointer names.
 */
#ifndef DEVOURER_CURSOR_H
#define DEVOURER_CURSOR_H
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "../../include/packet.h"
#include "dissect.h"

struct cursor {
	const uint8_t *start;
	size_t at, end;                           /* offsets: the next octet, and the first that is not there */
};

static inline struct cursor cursor_of(const uint8_t *octets, size_t len)
{
	return (struct cursor){ .start = octets, .end = len };
}

static inline size_t cursor_left(const struct cursor *c)
{
	return c->end - c->at;
}

static inline const uint8_t *cursor_here(const struct cursor *c)
{
	return c->start + c->at;
}

static inline bool cursor_skip(struct cursor *c, size_t len)
{
	if (len > cursor_left(c))
		return false;
	c->at += len;
	return true;
}

/* The next `len` octets as a cursor of their own. */
static inline bool cursor_take(struct cursor *c, size_t len, struct cursor *part)
{
	size_t at = c->at;

	if (!cursor_skip(c, len))
		return false;
	*part = (struct cursor){ .start = c->start, .at = at, .end = at + len };
	return true;
}

static inline bool cursor_u8(struct cursor *c, uint8_t *value)
{
	if (cursor_left(c) < 1)
		return false;
	*value = c->start[c->at++];
	return true;
}

static inline bool cursor_be16(struct cursor *c, uint16_t *value)
{
	if (cursor_left(c) < 2)
		return false;
	*value = be16_load(cursor_here(c));
	c->at += 2;
	return true;
}

static inline bool cursor_be32(struct cursor *c, uint32_t *value)
{
	if (cursor_left(c) < 4)
		return false;
	*value = be32_load(cursor_here(c));
	c->at += 4;
	return true;
}

/* An address of `width` octets, 4 or 16; IPv4 as v4-mapped, RFC 4291 2.5.5.2. */
static inline bool cursor_addr(struct cursor *c, size_t width, struct in6_addr *addr)
{
	static const uint8_t mapped[12] = { [10] = 0xff, 0xff };

	if (cursor_left(c) < width)
		return false;
	memcpy(addr->s6_addr, mapped, sizeof(mapped));
	memcpy(addr->s6_addr + 16 - width, cursor_here(c), width);
	c->at += width;
	return true;
}

/* The labels of one name (RFC 1035 3.1, 4.1.4). A compression pointer leads strictly before the place where the octets
 * that hold it began, so no name loops; each may be led by at most as many pointers as a name has labels. */
#define WIRE_NAME_MAX 255                         /* octets of a name, RFC 1035 2.3.4; hence at most 127 labels */
#define WIRE_JUMPS_MAX 127

struct labels {
	const uint8_t *start;
	size_t at, end;
	size_t limit;                             /* a pointer leads to before this offset; 0: none is allowed */
	size_t after;                             /* the first octet behind the name where it began; 0: not known yet */
	unsigned octets, jumps;                   /* so far: of the name without its end, and pointers followed */
};

static inline struct labels labels_of(const struct cursor *c)
{
	return (struct labels){ .start = c->start, .at = c->at, .end = c->end, .limit = c->at };
}

static inline int labels_jump(struct labels *l, uint8_t high)
{
	size_t target;

	if (l->at >= l->end)
		return DISSECT_SHORT;
	target = (size_t)(high & 0x3f) << 8 | l->start[l->at++];
	if (!l->after)
		l->after = l->at;
	if (target >= l->limit || ++l->jumps > WIRE_JUMPS_MAX)
		return DISSECT_BAD;
	l->limit = l->at = target;
	return DISSECT_OK;
}

/* The length of the next label (1 to 63), which *label is set to; 0 at the end of the name; or a dissect_status. */
static inline int labels_next(struct labels *l, const uint8_t **label)
{
	while (l->at < l->end) {
		uint8_t len = l->start[l->at++];

		if (len >= 0xc0) {
			int status = labels_jump(l, len);

			if (status)
				return status;
			continue;
		}
		if (len > 63)                     /* 01 and 10 are reserved, RFC 1035 4.1.4 and RFC 6891 5 */
			return DISSECT_BAD;
		if (!len) {
			if (!l->after)
				l->after = l->at;
			return 0;
		}
		l->octets += 1u + len;
		if (l->octets > WIRE_NAME_MAX - 1)
			return DISSECT_BAD;
		if (len > l->end - l->at)
			return DISSECT_SHORT;
		*label = l->start + l->at;
		l->at += len;
		return len;
	}
	return DISSECT_SHORT;
}

/* Step over a name without following its pointer. */
static inline int name_skip(struct cursor *c)
{
	uint8_t len;

	while (cursor_u8(c, &len)) {
		if (!len)
			return DISSECT_OK;
		if (len >= 0xc0)
			return cursor_skip(c, 1) ? DISSECT_OK : DISSECT_SHORT;
		if (len > 63)
			return DISSECT_BAD;
		if (!cursor_skip(c, len))
			return DISSECT_SHORT;
	}
	return DISSECT_SHORT;
}

/* A resource record (RFC 1035 4.1.3; RFC 1002 4.2.1.3 is the same). */
struct record {
	struct cursor owner;                      /* from its name to the end of the message */
	struct cursor rdata;
	uint16_t type, class;
	uint32_t ttl_s;                           /* as sent */
};

static inline int record_read(struct cursor *c, struct record *r)
{
	const uint8_t *fixed;
	int status;

	r->owner = *c;
	status = name_skip(c);
	if (status)
		return status;
	fixed = cursor_here(c);
	if (!cursor_skip(c, 10))
		return DISSECT_SHORT;
	r->type = be16_load(fixed);
	r->class = be16_load(fixed + 2);
	r->ttl_s = be32_load(fixed + 4);
	return cursor_take(c, be16_load(fixed + 8), &r->rdata) ? DISSECT_OK : DISSECT_SHORT;
}
#endif
