/* SPDX-License-Identifier: Apache-2.0 */
/* dissect_dhcp6.c - DHCPv6 messages (RFC 8415): the client's DUID, its name (RFC 4704), the addresses it is given. */
#include <string.h>
#include "cursor.h"
#include "dissect.h"
#include "text.h"

enum {                                            /* RFC 8415 7.3 */
	DHCP6_SOLICIT = 1, DHCP6_INFORMATION_REQUEST = 11, DHCP6_RELAY_FORW = 12, DHCP6_RELAY_REPL = 13
};
enum {                                            /* RFC 8415 21, RFC 4704 4 */
	OPTION_CLIENTID = 1, OPTION_IA_NA = 3, OPTION_IA_TA = 4, OPTION_IAADDR = 5, OPTION_RELAY_MSG = 9, OPTION_FQDN = 39
};
enum { DUID_LLT = 1, DUID_LL = 3, HARDWARE_ETHERNET = 1 }; /* RFC 8415 11.2, 11.4 */
#define RELAY_HEAD_LEN 33                         /* hop count, link address, peer address: RFC 8415 9 */

/* 1: an option was read; 0: there is none; or DISSECT_SHORT. */
static int option_next(struct cursor *c, uint16_t *code, struct cursor *value)
{
	uint16_t len;

	if (!cursor_left(c))
		return 0;
	return cursor_be16(c, code) && cursor_be16(c, &len) && cursor_take(c, len, value) ? 1 : DISSECT_SHORT;
}

/* The hardware address within a DUID of Ethernet: the last six octets. */
static void mac_read(struct dhcp6 *out)
{
	uint16_t type = be16_load(out->duid), head_len = type == DUID_LLT ? 8 : 4;

	if ((type != DUID_LLT && type != DUID_LL) || out->duid_len != head_len + sizeof(out->mac))
		return;
	if (be16_load(out->duid + 2) != HARDWARE_ETHERNET)
		return;
	memcpy(out->mac, out->duid + head_len, sizeof(out->mac));
	out->has_mac = true;
}

static int duid_read(struct cursor value, struct dhcp6 *out)
{
	size_t len = cursor_left(&value);

	if (len < 3 || len > DHCP6_DUID_MAX)      /* RFC 8415 11.1: a type and at least one octet */
		return DISSECT_BAD;
	memcpy(out->duid, cursor_here(&value), len);
	out->duid_len = (uint16_t)len;
	mac_read(out);
	return DISSECT_OK;
}

/* RFC 4704 4: an octet of flags, then the name. */
static int fqdn_read(struct cursor value, struct dhcp6 *out)
{
	int len;

	if (!cursor_skip(&value, 1))
		return DISSECT_BAD;
	len = text_from_wire(out->fqdn, cursor_here(&value), cursor_left(&value));
	if (len < 0)
		return len;
	out->fqdn_len = (uint16_t)len;
	return DISSECT_OK;
}

/* RFC 8415 21.6. More addresses than there is room for are left out. */
static int address_read(struct cursor value, struct dhcp6 *out)
{
	struct in6_addr addr;
	uint32_t valid_s;

	if (!cursor_addr(&value, 16, &addr) || !cursor_skip(&value, 4) || !cursor_be32(&value, &valid_s))
		return DISSECT_BAD;
	if (out->addr_count == DHCP6_ADDRS_MAX)
		return DISSECT_OK;
	out->addrs[out->addr_count].addr = addr;
	out->addrs[out->addr_count].valid_s = valid_s;
	out->addr_count++;
	return DISSECT_OK;
}

/* An identity association: `head_len` octets, then options (RFC 8415 21.4, 21.5). */
static int association_read(struct cursor c, size_t head_len, struct dhcp6 *out)
{
	struct cursor value;
	uint16_t code;
	int more, status = DISSECT_OK;

	if (!cursor_skip(&c, head_len))
		return DISSECT_BAD;
	while ((more = option_next(&c, &code, &value)) > 0) {
		if (code == OPTION_IAADDR && address_read(value, out))
			status = DISSECT_BAD;
	}
	return more < 0 ? DISSECT_BAD : status;
}

static int option_read(uint16_t code, struct cursor value, struct dhcp6 *out)
{
	switch (code) {
	case OPTION_CLIENTID:
		return out->duid_len ? DISSECT_OK : duid_read(value, out);
	case OPTION_FQDN:
		return out->fqdn_len ? DISSECT_OK : fqdn_read(value, out);
	case OPTION_IA_NA:
		return association_read(value, 12, out);
	case OPTION_IA_TA:
		return association_read(value, 4, out);
	}
	return DISSECT_OK;
}

/* A message between client and server (RFC 8415 8). */
static int message_read(struct cursor c, struct dhcp6 *out)
{
	struct cursor value;
	uint32_t head;
	uint16_t code;
	int more, status = DISSECT_OK;

	if (!cursor_be32(&c, &head))
		return DISSECT_SHORT;
	if (head >> 24 < DHCP6_SOLICIT || head >> 24 > DHCP6_INFORMATION_REQUEST)
		return DISSECT_OTHER;
	out->type = (uint8_t)(head >> 24);
	out->xid = head & 0xffffff;
	while ((more = option_next(&c, &code, &value)) > 0) {
		if (option_read(code, value, out))
			status = DISSECT_BAD;     /* the options behind it stand on their own */
	}
	return status ? status : more;
}

/* What a relay carries (RFC 8415 9, 21.10), as far as it was captured. */
static int relay_read(struct cursor c, struct dhcp6 *out)
{
	struct cursor value;
	uint16_t code, len;
	int status;

	if (!cursor_skip(&c, 1 + RELAY_HEAD_LEN))
		return DISSECT_SHORT;
	while (cursor_be16(&c, &code) && cursor_be16(&c, &len)) {
		bool is_whole = cursor_take(&c, len, &value);

		if (code == OPTION_RELAY_MSG) {
			status = message_read(is_whole ? value : c, out);
			if (is_whole)
				return status == DISSECT_SHORT ? DISSECT_BAD : status;
			return status == DISSECT_OK ? DISSECT_SHORT : status;
		}
		if (!is_whole)
			return DISSECT_SHORT;
	}
	return cursor_left(&c) ? DISSECT_SHORT : DISSECT_OTHER;
}

static void dhcp6_clear(struct dhcp6 *out)
{
	out->type = 0;
	out->xid = 0;
	out->duid_len = out->fqdn_len = 0;
	out->has_mac = false;
	out->addr_count = 0;
	out->fqdn[0] = 0;                         /* the rest is a kilobyte */
}

int dhcp6_parse(const uint8_t *msg, size_t len, struct dhcp6 *out)
{
	struct cursor c = cursor_of(msg, len);

	dhcp6_clear(out);
	if (!len)
		return DISSECT_SHORT;
	if (msg[0] == DHCP6_RELAY_FORW || msg[0] == DHCP6_RELAY_REPL)
		return relay_read(c, out);
	return message_read(c, out);
}
