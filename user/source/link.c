/* SPDX-License-Identifier: Apache-2.0 */
/* link.c - link headers other than Ethernet; only user space meets them. */
#include <pcap/dlt.h>
#include <string.h>
#include "link.h"

#ifndef DLT_LINUX_SLL2
#define DLT_LINUX_SLL2 276
#endif
#ifndef DLT_IPV4
#define DLT_IPV4 228
#define DLT_IPV6 229
#endif

/* A link header that was read: where the next one begins, and its EtherType or a negative verdict. */
struct link_step { uint32_t at; int ethertype; };

static enum pkt_verdict parse_behind(const uint8_t *frame, size_t len, struct packet *p, struct link_step step)
{
	return packet_parse_from(frame, frame + len, step.at, step.ethertype, p);
}

static enum pkt_verdict parse_ethernet(const uint8_t *frame, size_t len, struct packet *p)
{
	return packet_parse(frame, frame + len, p);
}

static int guess_ip(const uint8_t *frame, size_t len)
{
	struct pkt_cursor c = { .start = frame, .end = frame + len };

	return pkt_guess_ip(&c);
}

static enum pkt_verdict parse_raw(const uint8_t *frame, size_t len, struct packet *p)
{
	memset(p, 0, sizeof(*p));
	return parse_behind(frame, len, p, (struct link_step){ 0, guess_ip(frame, len) });
}

static enum pkt_verdict parse_ip4(const uint8_t *frame, size_t len, struct packet *p)
{
	memset(p, 0, sizeof(*p));
	return parse_behind(frame, len, p, (struct link_step){ 0, PKT_ETH_IP4 });
}

static enum pkt_verdict parse_ip6(const uint8_t *frame, size_t len, struct packet *p)
{
	memset(p, 0, sizeof(*p));
	return parse_behind(frame, len, p, (struct link_step){ 0, PKT_ETH_IP6 });
}

/* The AF_ value of the capturing host in its byte order; AF_INET6 is 10, 24, 28 or 30 by system (libpcap: LINKTYPE_NULL). */
static struct link_step null_step(const uint8_t *frame, size_t len)
{
	uint32_t family;

	if (len < 4)
		return (struct link_step){ 0, -PKT_L2_SHORT };
	family = be32_load(frame);
	if (family & 0xffff0000u)
		family = __builtin_bswap32(family);
	switch (family) {
	case 2: return (struct link_step){ 4, PKT_ETH_IP4 };
	case 10: case 24: case 28: case 30: return (struct link_step){ 4, PKT_ETH_IP6 };
	default: return (struct link_step){ 4, -PKT_NOT_IP };
	}
}

static enum pkt_verdict parse_null(const uint8_t *frame, size_t len, struct packet *p)
{
	memset(p, 0, sizeof(*p));
	return parse_behind(frame, len, p, null_step(frame, len));
}

/* Cisco HDLC: address, control, EtherType (RFC 1547 4.3.1 describes the frame). */
static struct link_step hdlc_step(const uint8_t *frame, size_t len)
{
	if (len < 4)
		return (struct link_step){ 0, -PKT_L2_SHORT };
	return (struct link_step){ 4, be16_load(frame + 2) };
}

static enum pkt_verdict parse_hdlc(const uint8_t *frame, size_t len, struct packet *p)
{
	memset(p, 0, sizeof(*p));
	return parse_behind(frame, len, p, hdlc_step(frame, len));
}

/* RFC 1662 3.1, with address and control (FF 03) or without, and a protocol field of one octet when it is odd (RFC 1661 6.5). */
static struct link_step ppp_step(const uint8_t *frame, size_t len)
{
	uint32_t at = len >= 2 && frame[0] == 0xff && frame[1] == 0x03 ? 2 : 0;

	if (len < at + 2)
		return (struct link_step){ 0, -PKT_L2_SHORT };
	if (frame[at] & 1)
		return (struct link_step){ at + 1, pkt_ppp_protocol(frame[at]) };
	return (struct link_step){ at + 2, pkt_ppp_protocol(be16_load(frame + at)) };
}

static enum pkt_verdict parse_ppp(const uint8_t *frame, size_t len, struct packet *p)
{
	memset(p, 0, sizeof(*p));
	return parse_behind(frame, len, p, ppp_step(frame, len));
}

/* PPP in HDLC framing, or Cisco HDLC on the same link: told by the address octet (libpcap: LINKTYPE_PPP_HDLC). */
static enum pkt_verdict parse_ppp_serial(const uint8_t *frame, size_t len, struct packet *p)
{
	bool is_cisco = len >= 1 && (frame[0] == 0x0f || frame[0] == 0x8f);

	memset(p, 0, sizeof(*p));
	return parse_behind(frame, len, p, is_cisco ? hdlc_step(frame, len) : ppp_step(frame, len));
}

static enum pkt_verdict parse_pppoe(const uint8_t *frame, size_t len, struct packet *p)
{
	memset(p, 0, sizeof(*p));
	return parse_behind(frame, len, p, (struct link_step){ 0, PKT_ETH_PPPOE });
}

/* The sender's address of a cooked capture; six octets of it are a MAC. */
static void cooked_source(struct packet *p, const uint8_t *address, uint16_t address_len)
{
	if (address_len != 6)
		return;
	memcpy(p->src_mac, address, 6);
	p->flags |= PKT_HAS_SRC_MAC;
}

/* Cooked captures put small numbers for frames without an EtherType; 4 is 802.2, the others (802.3 without LLC, CAN) carry
 * no IP (LINKTYPE_LINUX_SLL). */
static int cooked_ethertype(uint16_t protocol)
{
	return protocol < PKT_ETH_FIRST && protocol != 4 ? -PKT_NOT_IP : protocol;
}

static enum pkt_verdict parse_sll(const uint8_t *frame, size_t len, struct packet *p)
{
	struct link_step step = { 0, -PKT_L2_SHORT };

	memset(p, 0, sizeof(*p));
	if (len >= 16) {
		cooked_source(p, frame + 6, be16_load(frame + 4));
		step = (struct link_step){ 16, cooked_ethertype(be16_load(frame + 14)) };
	}
	return parse_behind(frame, len, p, step);
}

static enum pkt_verdict parse_sll2(const uint8_t *frame, size_t len, struct packet *p)
{
	struct link_step step = { 0, -PKT_L2_SHORT };

	memset(p, 0, sizeof(*p));
	if (len >= 20) {
		cooked_source(p, frame + 12, frame[11]);
		step = (struct link_step){ 20, cooked_ethertype(be16_load(frame)) };
	}
	return parse_behind(frame, len, p, step);
}

static const struct { int dlt; link_parser *parser; } links[] = {
	{ DLT_EN10MB, parse_ethernet },
	{ DLT_NULL, parse_null },
	{ DLT_LOOP, parse_null },
	{ DLT_RAW, parse_raw },
	{ DLT_IPV4, parse_ip4 },
	{ DLT_IPV6, parse_ip6 },
	{ DLT_LINUX_SLL, parse_sll },
	{ DLT_LINUX_SLL2, parse_sll2 },
	{ DLT_PPP, parse_ppp },
	{ DLT_PPP_SERIAL, parse_ppp_serial },
	{ DLT_PPP_ETHER, parse_pppoe },
	{ DLT_C_HDLC, parse_hdlc },
};

link_parser *link_parser_of(int dlt)
{
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (links[i].dlt == dlt)
			return links[i].parser;
	return NULL;
}

const char *link_types_text(void)
{
	return "EN10MB, NULL, LOOP, RAW, IPV4, IPV6, LINUX_SLL, LINUX_SLL2, PPP, PPP_SERIAL, PPP_ETHER, C_HDLC";
}
