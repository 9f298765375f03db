/* SPDX-License-Identifier: Apache-2.0 */
/* lan.c - NBNS, DHCP and DHCPv6 messages. */
#include "messages.h"
#include <string.h>

enum { NB = 0x20, NBSTAT = 0x21 };                /* RFC 1002 4.2.1.3 */

/* First-level encoding, RFC 1001 14.1: 15 octets of name, padded with spaces, and the suffix, a letter for each half. */
static void nbns_name(struct blob *b, const char *name, unsigned suffix)
{
	char padded[16];
	size_t len = strlen(name);

	memset(padded, name[0] == '*' ? 0 : ' ', 15);
	memcpy(padded, name, len < 15 ? len : 15);
	padded[15] = (char)suffix;
	blob_8(b, 32);
	for (int i = 0; i < 16; i++) {
		blob_8(b, 'A' + ((unsigned char)padded[i] >> 4));
		blob_8(b, 'A' + ((unsigned char)padded[i] & 15));
	}
	blob_8(b, 0);
}

static void nbns_head(struct blob *b, unsigned id, unsigned flags, unsigned questions, unsigned answers,
		      unsigned additional)
{
	blob_16(b, id);
	blob_16(b, flags);
	blob_16(b, questions);
	blob_16(b, answers);
	blob_16(b, 0);
	blob_16(b, additional);
}

/* Type NB or NBSTAT and class IN, TTL 300000 s as Windows has it. */
static void nbns_type(struct blob *b, unsigned type, bool with_ttl)
{
	blob_16(b, type);
	blob_16(b, 1);
	if (with_ttl)
		blob_32(b, 300000);
}

static void nbns_address(struct blob *b, bool is_group, const char *addr)
{
	blob_16(b, 6);
	blob_16(b, is_group ? 0x8000 : 0);
	blob_addr4(b, addr);
}

void nbns_register(struct blob *b, unsigned id, const char *name, unsigned suffix, bool is_group, const char *addr)
{
	nbns_head(b, id, 0x2910, 1, 0, 1);        /* opcode 5, recursion desired, broadcast: RFC 1002 4.2.2 */
	nbns_name(b, name, suffix);
	nbns_type(b, NB, false);
	blob_16(b, 0xc00c);
	nbns_type(b, NB, true);
	nbns_address(b, is_group, addr);
}

void nbns_query(struct blob *b, unsigned id, const char *name, unsigned suffix)
{
	nbns_head(b, id, 0x0110, 1, 0, 0);
	nbns_name(b, name, suffix);
	nbns_type(b, NB, false);
}

void nbns_answer(struct blob *b, unsigned id, const char *name, unsigned suffix, bool is_group, const char *addr)
{
	nbns_head(b, id, 0x8500, 0, 1, 0);        /* response, authoritative: RFC 1002 4.2.13 */
	nbns_name(b, name, suffix);
	nbns_type(b, NB, true);
	nbns_address(b, is_group, addr);
}

void nbns_node_status(struct blob *b, unsigned id, const struct nbns_entry *entries, size_t count, const char *mac)
{
	size_t mark;

	nbns_head(b, id, 0x8400, 0, 1, 0);        /* RFC 1002 4.2.18 */
	nbns_name(b, "*", 0);
	blob_16(b, NBSTAT);
	blob_16(b, 1);
	blob_32(b, 0);
	mark = blob_open_16(b);
	blob_8(b, (unsigned)count);
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(entries[i].name);

		blob_text(b, entries[i].name);
		blob_fill(b, ' ', 15 - len);
		blob_8(b, entries[i].suffix);
		blob_16(b, entries[i].is_group ? 0x8400 : 0x0400);
	}
	blob_mac(b, mac);
	blob_add(b, 40);
	blob_close_16(b, mark);
}

static void option(struct blob *b, unsigned code, const void *octets, size_t len)
{
	blob_8(b, code);
	blob_8(b, (unsigned)len);
	blob_octets(b, octets, len);
}

/* Labels with their lengths, and the root. */
static void wire_name(struct blob *b, const char *name)
{
	while (*name) {
		size_t len = strcspn(name, ".");

		blob_8(b, (unsigned)len);
		blob_octets(b, name, len);
		name += len + (name[len] == '.');
	}
	blob_8(b, 0);
}

/* Option 81: flags, two obsolete result codes, the name; RFC 4702 2. */
static void fqdn_option(struct blob *b, const char *fqdn, bool in_wire_form)
{
	size_t mark;

	blob_8(b, 81);
	mark = blob_open_8(b);
	blob_8(b, in_wire_form ? 0x05 : 0x01);
	blob_16(b, 0);
	if (in_wire_form)
		wire_name(b, fqdn);
	else
		blob_text(b, fqdn);
	blob_close_8(b, mark);
}

static void hostname_option(struct blob *b, const struct dhcp4_message *m)
{
	size_t len = strlen(m->hostname), half = m->hostname_in_two ? len / 2 : len;

	option(b, 12, m->hostname, half);
	if (half < len)
		option(b, 12, m->hostname + half, len - half);
}

void dhcp4_message(struct blob *b, const struct dhcp4_message *m)
{
	bool is_reply = m->type == DHCP_OFFER || m->type == DHCP_ACK || m->type == DHCP_NAK;
	size_t start = b->len;

	blob_8(b, is_reply ? 2 : 1);
	blob_8(b, 1);
	blob_8(b, 6);
	blob_8(b, 0);
	blob_32(b, m->xid);
	blob_32(b, 0);
	blob_addr4(b, m->ciaddr ? m->ciaddr : "0.0.0.0");
	blob_addr4(b, m->yiaddr ? m->yiaddr : "0.0.0.0");
	blob_add(b, 8);
	blob_mac(b, m->mac);
	blob_add(b, 10 + 64 + 128);               /* the rest of chaddr, sname, file */
	blob_32(b, 0x63825363);                   /* magic cookie, RFC 2131 3 */
	option(b, 53, (uint8_t[]){ (uint8_t)m->type }, 1);
	if (m->lease_s) {
		uint8_t lease[4];

		put_32(lease, m->lease_s);
		option(b, 51, lease, sizeof(lease));
	}
	if (m->hostname_in_sname) {
		uint8_t *sname = b->octets + start + 44;
		size_t len = strlen(m->hostname);

		option(b, 52, "\2", 1);
		sname[0] = 12;
		sname[1] = (uint8_t)len;
		memcpy(sname + 2, m->hostname, len);
		sname[2 + len] = 255;
	} else if (m->hostname) {
		hostname_option(b, m);
	}
	if (m->fqdn)
		fqdn_option(b, m->fqdn, m->fqdn_in_wire_form);
	blob_8(b, 255);
}

static size_t option6(struct blob *b, unsigned code)
{
	blob_16(b, code);
	return blob_open_16(b);
}

/* IA_NA with one address, RFC 8415 21.4 and 21.6. */
static void ia_option(struct blob *b, const char *addr)
{
	size_t ia = option6(b, 3), inner;

	blob_32(b, 1);
	blob_32(b, 1800);
	blob_32(b, 2880);
	inner = option6(b, 5);
	blob_addr6(b, addr);
	blob_32(b, 3600);
	blob_32(b, 7200);
	blob_close_16(b, inner);
	blob_close_16(b, ia);
}

void dhcp6_message(struct blob *b, const struct dhcp6_message *m)
{
	size_t mark;

	blob_32(b, (uint32_t)m->type << 24 | (m->xid & 0xffffff));
	mark = option6(b, 1);                     /* client identifier: DUID-LL of Ethernet */
	blob_16(b, 3);
	blob_16(b, 1);
	blob_mac(b, m->mac);
	blob_close_16(b, mark);
	if (m->addr)
		ia_option(b, m->addr);
	if (m->fqdn) {
		mark = option6(b, 39);            /* RFC 4704 4 */
		blob_8(b, 1);
		wire_name(b, m->fqdn);
		blob_close_16(b, mark);
	}
}

void dhcp6_relayed(struct blob *b, unsigned type, const char *link, const char *peer, const struct blob *message)
{
	size_t mark;

	blob_8(b, type);
	blob_8(b, 0);
	blob_addr6(b, link);
	blob_addr6(b, peer);
	mark = option6(b, 9);                     /* relay message, RFC 8415 21.10 */
	blob_blob(b, message);
	blob_close_16(b, mark);
}
