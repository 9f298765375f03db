/* SPDX-License-Identifier: Apache-2.0 */
/* dissect_dhcp4.c - DHCPv4 messages (RFC 2131, 2132): the client, its addresses, and the names it has. */
#include <string.h>
#include "cursor.h"
#include "dissect.h"
#include "text.h"

#define SNAME_AT 44                               /* RFC 2131 2 */
#define SNAME_LEN 64
#define FILE_AT 108
#define FILE_LEN 128
#define COOKIE_AT 236
#define COOKIE 0x63825363u                        /* RFC 2131 3 */
#define OPTIONS_AT 240
#define BOOTREQUEST 1
#define BOOTREPLY 2
#define HTYPE_ETHERNET 1

enum {                                            /* RFC 2132, RFC 4702 */
	OPTION_PAD = 0, OPTION_HOSTNAME = 12, OPTION_LEASE = 51, OPTION_OVERLOAD = 52, OPTION_TYPE = 53, OPTION_FQDN = 81,
	OPTION_END = 255
};
enum { OVERLOAD_FILE = 1, OVERLOAD_SNAME = 2 };   /* RFC 2132 9.3 */
enum { FQDN_FLAG_E = 4, FQDN_HEAD_LEN = 3 };      /* RFC 4702 2.1: the name is in wire form */

/* The parts of an option that may come in several (RFC 3396), joined. Longer than this is no name. */
struct joined {
	size_t len;                               /* may exceed what is kept */
	uint8_t octets[FQDN_HEAD_LEN + 256];
};

struct options {
	struct dhcp4 *out;
	uint8_t overload;
	struct joined hostname, fqdn;
};

static void join(struct joined *joined, const struct cursor *part)
{
	size_t len = cursor_left(part);

	if (joined->len + len <= sizeof(joined->octets))
		memcpy(joined->octets + joined->len, cursor_here(part), len);
	joined->len += len;
}

static int option_read(struct options *o, uint8_t code, struct cursor value)
{
	bool is_right = true;

	switch (code) {
	case OPTION_TYPE:
		is_right = cursor_left(&value) == 1 && cursor_u8(&value, &o->out->type);
		break;
	case OPTION_LEASE:
		is_right = cursor_left(&value) == 4 && cursor_be32(&value, &o->out->lease_s);
		break;
	case OPTION_OVERLOAD:
		is_right = cursor_left(&value) == 1 && cursor_u8(&value, &o->overload);
		break;
	case OPTION_HOSTNAME:
		join(&o->hostname, &value);
		break;
	case OPTION_FQDN:
		join(&o->fqdn, &value);
		break;
	}
	return is_right ? DISSECT_OK : DISSECT_BAD;
}

/* The options of one field up to its end mark. DISSECT_SHORT: the mark is missing. */
static int options_read(struct options *o, struct cursor c)
{
	struct cursor value;
	uint8_t code, len;
	int status = DISSECT_OK;

	while (cursor_u8(&c, &code)) {
		if (code == OPTION_END)
			return status;
		if (code == OPTION_PAD)
			continue;
		if (!cursor_u8(&c, &len) || !cursor_take(&c, len, &value))
			return DISSECT_SHORT;
		if (option_read(o, code, value))
			status = DISSECT_BAD;
	}
	return status ? status : DISSECT_SHORT;
}

/* RFC 2131 4.1, RFC 3396 5: after the options proper those in `file`, then those in `sname`. */
static int all_options_read(struct options *o, const uint8_t *msg, size_t len)
{
	struct cursor c = cursor_of(msg, len);
	int status, file_status = DISSECT_OK, sname_status = DISSECT_OK;
	uint8_t overload;

	cursor_skip(&c, OPTIONS_AT);
	status = options_read(o, c);
	overload = o->overload;
	if (overload & OVERLOAD_FILE)
		file_status = options_read(o, cursor_of(msg + FILE_AT, FILE_LEN));
	if (overload & OVERLOAD_SNAME)
		sname_status = options_read(o, cursor_of(msg + SNAME_AT, SNAME_LEN));
	return status || (!file_status && !sname_status) ? status : DISSECT_BAD;
}

/* Clients in the field end their names with a NUL or several. */
static size_t text_of(char *out, const uint8_t *octets, size_t len)
{
	while (len && !octets[len - 1])
		len--;
	return text_from_host(out, octets, len);
}

static void hostname_read(const struct joined *joined, struct dhcp4 *out)
{
	if (joined->len <= sizeof(joined->octets))
		out->hostname_len = (uint16_t)text_of(out->hostname, joined->octets, joined->len);
}

/* RFC 4702 2: flags, two octets of no use, and the name in wire form or, as of old, in ASCII. */
static int fqdn_read(const struct joined *joined, struct dhcp4 *out)
{
	const uint8_t *name = joined->octets + FQDN_HEAD_LEN;
	int len;

	if (!joined->len || joined->len > sizeof(joined->octets))
		return DISSECT_OK;
	if (joined->len < FQDN_HEAD_LEN)
		return DISSECT_BAD;
	if (joined->octets[0] & FQDN_FLAG_E)
		len = text_from_wire(out->fqdn, name, joined->len - FQDN_HEAD_LEN);
	else
		len = (int)text_of(out->fqdn, name, joined->len - FQDN_HEAD_LEN);
	if (len < 0)
		return len;
	out->fqdn_len = (uint16_t)len;
	return DISSECT_OK;
}

static void head_read(const uint8_t *msg, struct dhcp4 *out)
{
	out->is_reply = msg[0] == BOOTREPLY;
	out->xid = be32_load(msg + 4);
	out->ciaddr = be32_load(msg + 12);
	out->yiaddr = be32_load(msg + 16);
	memcpy(out->chaddr, msg + 28, sizeof(out->chaddr));
}

static void dhcp4_clear(struct dhcp4 *out)
{
	out->is_reply = false;
	out->type = 0;
	out->xid = out->ciaddr = out->yiaddr = out->lease_s = 0;
	memset(out->chaddr, 0, sizeof(out->chaddr));
	out->hostname_len = out->fqdn_len = 0;
	out->hostname[0] = out->fqdn[0] = 0;      /* the rest is two kilobytes */
}

int dhcp4_parse(const uint8_t *msg, size_t len, struct dhcp4 *out)
{
	struct options options;
	int status, fqdn_status;

	dhcp4_clear(out);
	if (len < OPTIONS_AT)
		return DISSECT_SHORT;
	if (msg[0] != BOOTREQUEST && msg[0] != BOOTREPLY)
		return DISSECT_BAD;
	if (msg[1] != HTYPE_ETHERNET || msg[2] != sizeof(out->chaddr) || be32_load(msg + COOKIE_AT) != COOKIE)
		return DISSECT_OTHER;
	head_read(msg, out);
	options.out = out;
	options.overload = 0;
	options.hostname.len = options.fqdn.len = 0;
	status = all_options_read(&options, msg, len);
	hostname_read(&options.hostname, out);
	fqdn_status = fqdn_read(&options.fqdn, out);
	return status ? status : fqdn_status;
}
