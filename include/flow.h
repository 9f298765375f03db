/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* flow.h - flow key, flow delta, and which packets carry names. Compiled into BPF and user space alike.
 *
 * A flow is bidirectional (RFC 5103): one key for both directions, the lower endpoint first. A delta counts packets of
 * one direction; which endpoint spoke first is the table's business.
 */
#ifndef DEVOURER_FLOW_H
#define DEVOURER_FLOW_H
#include "packet.h"

/* 40 octets, no padding that is not named: keys compare with memcmp. Everything in host byte order. */
struct flow_key {
	uint8_t low_addr[16], high_addr[16];      /* IPv4 as v4-mapped, RFC 4291 2.5.5.2 */
	uint16_t low_port, high_port;             /* 0 for ICMP and where the ports are not known */
	uint8_t protocol;                         /* IANA number: 1, 6, 17, 58 */
	uint8_t ip_version;                       /* 4 or 6: ::ffff:a.b.c.d may be on the wire as IPv6 too */
	uint8_t pad[2];
};
_Static_assert(sizeof(struct flow_key) == 40, "flow keys are compared as memory");

/* Packets of one direction of one flow, from a source to the flow table. */
struct flow_delta {
	struct flow_key key;
	uint64_t packets, octets;                 /* octets: frames on the wire without FCS */
	uint64_t first_ns, last_ns;               /* wall clock, since 1970 */
	const struct packet *packet;              /* the first packet: MACs, VLAN id, ICMP type; lent for the call */
	uint8_t from_high;                        /* 1: sent by the higher endpoint */
	uint8_t tcp_flags;                        /* of all packets, or'ed */
	uint8_t interface;                        /* slot of the observation point; 0 in capture files */
	uint8_t is_aggregate;                     /* 1: of a kernel table; how many packets followed the first is not told one by one */
	uint8_t syn_again;                        /* 1: one of those has SYN; only of a kernel table */
	uint32_t tag;                             /* the flow table's own hash of the key; 0: not reckoned yet */
};

/* Negative, 0 or positive: `a` is below, the same as, or above `b`. By words: BPF has no memcmp. */
PKT_INLINE int pkt_addr_order(const uint8_t *a, const uint8_t *b)
{
	for (int i = 0; i < 16; i += 4) {
		uint32_t x = be32_load(a + i), y = be32_load(b + i);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

/* Put the endpoints of `p` in order. Returns 1 when the sender is the higher endpoint (0 on a tie). */
PKT_INLINE uint8_t flow_key_orient(const struct packet *p, struct flow_key *key)
{
	int order = pkt_addr_order(p->src_addr, p->dst_addr);
	/* Loaded once: of two places to load from, clang makes base + offset, which needs CAP_PERFMON. */
	uint16_t src_port = p->src_port, dst_port = p->dst_port;

	if (!order)
		order = (int)src_port - (int)dst_port;
	__builtin_memcpy(key->low_addr, order > 0 ? p->dst_addr : p->src_addr, 16);
	__builtin_memcpy(key->high_addr, order > 0 ? p->src_addr : p->dst_addr, 16);
	key->low_port = order > 0 ? dst_port : src_port;
	key->high_port = order > 0 ? src_port : dst_port;
	key->protocol = p->protocol;
	key->ip_version = p->ip_version;
	key->pad[0] = key->pad[1] = 0;
	return order > 0;
}

/* Which name protocol a packet's ports say it may carry; one bit each, so that a set is a mask. */
enum name_port {
	NAME_PORT_NONE = 0,
	NAME_PORT_DNS = 1,                        /* 53, RFC 1035 4.2 */
	NAME_PORT_MDNS = 2,                       /* 5353, RFC 6762 3 */
	NAME_PORT_LLMNR = 4,                      /* 5355, RFC 4795 2 */
	NAME_PORT_NBNS = 8,                       /* 137, RFC 1002 4.2 */
	NAME_PORT_DHCP4 = 16,                     /* 67 and 68, RFC 2131 4.1 */
	NAME_PORT_DHCP6 = 32,                     /* 546 and 547, RFC 8415 7.2 */
};

PKT_INLINE enum name_port flow_name_port_of(uint16_t port)
{
	switch (port) {
	case 53: return NAME_PORT_DNS;
	case 67: case 68: return NAME_PORT_DHCP4;
	case 137: return NAME_PORT_NBNS;
	case 546: case 547: return NAME_PORT_DHCP6;
	case 5353: return NAME_PORT_MDNS;
	case 5355: return NAME_PORT_LLMNR;
	default: return NAME_PORT_NONE;
	}
}

/* The name protocol of a UDP packet, or of DNS over TCP. The server's port decides when both are known ports. */
PKT_INLINE enum name_port flow_name_port(const struct packet *p)
{
	enum name_port src = flow_name_port_of(p->src_port), dst = flow_name_port_of(p->dst_port);

	if (p->protocol == PKT_TCP)
		return src == NAME_PORT_DNS || dst == NAME_PORT_DNS ? NAME_PORT_DNS : NAME_PORT_NONE;
	if (p->protocol != PKT_UDP)
		return NAME_PORT_NONE;
	return src ? src : dst;
}
#endif
