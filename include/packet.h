/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* packet.h - one frame in, one struct packet out. Compiled for BPF and for user space alike: freestanding C,
 * loops with a constant bound, no call outside this file.
 *
 * Three straight steps: l2 finds the network protocol, l3 the transport, l4 the ports; each returns the next protocol
 * or a negative verdict. Network byte order lives in `wire_*` structs only; everything else is in host order,
 * converted where it is loaded. A packet is a stranger: nothing past its end is read, every loop is bounded.
 *
 * Which packets give a flow, and what is looked through: tags, MPLS, PPPoE, LLC/SNAP, IPv6 extension headers and AH are
 * stepped over; the outermost IP header counts. Past a bound a packet is counted by its verdict.
 */
#ifndef DEVOURER_PACKET_H
#define DEVOURER_PACKET_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A loop would have the verifier follow mispredicted counters without CAP_PERFMON. */
#ifdef __bpf__
#define PKT_UNROLL _Pragma("unroll")
#else
#define PKT_UNROLL
#endif

#ifndef PKT_INLINE
#define PKT_INLINE static inline __attribute__((always_inline))
#endif

/* clang reads packed structs byte by byte in BPF (+28 % instructions), where the verifier proves alignment anyway;
 * in user space a frame may start anywhere. */
#ifdef __bpf__
#define WIRE
#else
#define WIRE __attribute__((packed))
#endif

/* Bounds; a packet past one is counted as PKT_TOO_DEEP. */
#define PKT_MAX_TAGS 8                            /* 802.1Q, 802.1ad, 0x9100.. tags */
#define PKT_MAX_LABELS 8                          /* MPLS label stack entries */
#define PKT_MAX_EXTENSIONS 8                      /* IPv6 extension headers and AH */

enum pkt_protocol { PKT_ICMP4 = 1, PKT_TCP = 6, PKT_UDP = 17, PKT_ICMP6 = 58 };

/* Why a packet gives a flow, or none. The names for people are in user space (packet_verdict_text). */
enum pkt_verdict {
	PKT_OK,
	PKT_NOT_IP,                               /* ARP, LLDP, … */
	PKT_L2_SHORT,                             /* the frame ends within its link header */
	PKT_IP_SHORT,                             /* the IP header or an extension header is not fully captured */
	PKT_IP_VERSION,                           /* EtherType and IP version disagree */
	PKT_IP_LENGTH,                            /* header length < 20, or total length (not 0) < header length */
	PKT_OTHER_TRANSPORT,                      /* GRE, ESP, SCTP, IGMP, … */
	PKT_TOO_DEEP,                             /* more tags, labels or extension headers than the bounds above */
	PKT_VERDICTS
};

enum pkt_flag {
	PKT_HAS_SRC_MAC = 1,
	PKT_HAS_DST_MAC = 2,
	PKT_FIRST_FRAGMENT = 4,                   /* offset 0, more fragments follow */
	PKT_LATER_FRAGMENT = 8,                   /* offset > 0: no ports in it */
	PKT_HAS_VLAN = 16,
	PKT_HAS_ICMP = 32,                        /* icmp_type and icmp_code were captured */
	PKT_HAS_TCP = 64,                         /* the whole fixed TCP header was captured */
	PKT_HAS_PORTS = 128,                      /* src_port and dst_port were captured */
};

struct packet {
	uint8_t src_addr[16], dst_addr[16];       /* IPv4 as v4-mapped, RFC 4291 2.5.5.2 */
	uint16_t src_port, dst_port;              /* 0 for ICMP, later fragments, and ports that were cut off */
	uint8_t protocol;                         /* enum pkt_protocol */
	uint8_t ip_version;                       /* 4 or 6 */
	uint8_t verdict;                          /* enum pkt_verdict */
	uint8_t flags;                            /* enum pkt_flag */
	uint8_t src_mac[6], dst_mac[6];           /* of the outer Ethernet header */
	uint16_t vlan;                            /* id of the outermost tag, 12 bits */
	uint8_t tcp_flags;                        /* RFC 9293 3.1, low 8 bits */
	uint8_t ttl;                              /* TTL or hop limit */
	uint8_t icmp_type, icmp_code;
	uint16_t payload_at;                      /* offset in the frame of what follows the TCP or UDP header; 0: not known */
	uint32_t tcp_seq;
	uint32_t fragment_id;                     /* IPv4 identification or that of the fragment header */
	uint32_t l3_at;                           /* offset of the IP header in the frame */
	uint32_t l3_len;                          /* octets by the IP header's length field, header included; 0: it does not say */
};
_Static_assert(sizeof(struct packet) == 76, "shared with BPF");

struct wire_ethernet { uint8_t dst[6], src[6]; uint16_t type; } WIRE;           /* IEEE 802.3 3.2 */
struct wire_tag { uint16_t control, type; } WIRE;                               /* IEEE 802.1Q 9.4: 12 bits of id */
struct wire_llc { uint8_t dsap, ssap, control; } WIRE;                          /* IEEE 802.2 3.2 */
struct wire_snap { uint8_t oui[3]; uint8_t type[2]; } WIRE;                     /* IEEE 802, 10.3 */
struct wire_pppoe { uint8_t version_type, code; uint16_t session, length, protocol; } WIRE; /* RFC 2516 4, RFC 1661 2 */
struct wire_mpls { uint8_t label[2], bottom, ttl; } WIRE;                       /* RFC 3032 2.1 */
struct wire_ip4 {                                                               /* RFC 791 3.1 */
	uint8_t version_ihl, tos;
	uint16_t total_length, id, fragment;
	uint8_t ttl, protocol;
	uint16_t checksum;
	uint8_t src[4], dst[4];
} WIRE;
struct wire_ip6 {                                                               /* RFC 8200 3 */
	uint8_t version_class, flow[3];
	uint16_t payload_length;
	uint8_t next, hop_limit;
	uint8_t src[16], dst[16];
} WIRE;
struct wire_extension { uint8_t next, length; uint16_t fragment; uint16_t id[2]; } WIRE; /* RFC 8200 4; RFC 4302 2 */
struct wire_ports { uint16_t src, dst; } WIRE;                                  /* RFC 768, RFC 9293 3.1 */
struct wire_tcp_rest { uint16_t seq[2], ack[2]; uint8_t data_offset, flags; uint16_t window, checksum, urgent; } WIRE;
struct wire_udp_rest { uint16_t length, checksum; } WIRE;
struct wire_icmp { uint8_t type, code; } WIRE;                                  /* RFC 792, RFC 4443 2.1 */

_Static_assert(sizeof(struct wire_ethernet) == 14 && sizeof(struct wire_tag) == 4 && sizeof(struct wire_llc) == 3, "wire");
_Static_assert(sizeof(struct wire_snap) == 5 && sizeof(struct wire_pppoe) == 8 && sizeof(struct wire_mpls) == 4, "wire");
_Static_assert(sizeof(struct wire_ip4) == 20 && sizeof(struct wire_ip6) == 40 && sizeof(struct wire_extension) == 8, "wire");
_Static_assert(sizeof(struct wire_ports) == 4 && sizeof(struct wire_tcp_rest) == 16 && sizeof(struct wire_udp_rest) == 4, "wire");

enum pkt_ethertype {                              /* IANA and IEEE registries, host order */
	PKT_ETH_IP4 = 0x0800, PKT_ETH_VLAN = 0x8100, PKT_ETH_IP6 = 0x86dd, PKT_ETH_MPLS = 0x8847, PKT_ETH_MPLS_MULTICAST = 0x8848,
	PKT_ETH_PPPOE = 0x8864, PKT_ETH_QINQ = 0x88a8, PKT_ETH_QINQ_1 = 0x9100, PKT_ETH_QINQ_2 = 0x9200, PKT_ETH_QINQ_3 = 0x9300,
	PKT_ETH_FIRST = 0x0600,                   /* below: an IEEE 802.3 length, 3.2.6 */
};

PKT_INLINE uint16_t be16_load(const void *at)
{
	uint16_t value;

	__builtin_memcpy(&value, at, sizeof(value));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	value = __builtin_bswap16(value);
#endif
	return value;
}

PKT_INLINE uint32_t be32_load(const void *at)
{
	uint32_t value;

	__builtin_memcpy(&value, at, sizeof(value));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	value = __builtin_bswap32(value);
#endif
	return value;
}

/* Where in the frame the parser is. Offsets, not pointers: a pointer difference would need CAP_PERFMON in BPF. No more than
 * this: what does not fit the registers goes to the stack, and a place there that is written in two widths is refused by older
 * kernels (6.1) without CAP_PERFMON. */
struct pkt_cursor {
	const uint8_t *start, *end;               /* the captured octets; BPF: `start` is the context, `end` is not used */
	uint32_t at;                              /* offset of what is read next */
#ifdef __bpf__
	bool is_skb;                              /* which helper reads: TC or XDP */
#endif
};

/* What the verifier of BPF knows of an offset makes it walk every combination of headers; a program may define this to lose it. */
#ifndef PKT_FORGET
#define PKT_FORGET(value) (value)
#endif

/* The next `len` octets, and steps over them; NULL when the frame ends before. User space lends them in place. BPF may
 * not add a variable to a packet pointer without CAP_PERFMON, so a helper copies them into `room`: the program defines
 * PKT_LOAD(cursor, offset, to, len) by bpf_xdp_load_bytes or bpf_skb_load_bytes, 0 or negative. */
PKT_INLINE const void *pkt_read(struct pkt_cursor *c, void *room, uint32_t len)
{
#ifdef __bpf__
	const void *read = PKT_LOAD(c, c->at, room, len) ? (void *)0 : room;
#else
	const void *read = (uint64_t)c->at + len <= (uint64_t)(c->end - c->start) ? c->start + c->at : (void *)0;

	(void)room;
#endif
	c->at = PKT_FORGET(c->at + len);
	return read;
}

/* Step over `len` octets of which nothing is needed. False: the frame ends before. */
PKT_INLINE bool pkt_skip(struct pkt_cursor *c, uint32_t len)
{
	uint8_t last;

	if (!len)
		return true;
	c->at += len - 1;
	return pkt_read(c, &last, 1);
}

/* Step over one header of `type`; leaves the function with `verdict` when it is not whole. */
#define PKT_TAKE(type, header, c, verdict) \
	type header##_room; \
	const type *header = pkt_read(c, &header##_room, sizeof(type)); \
	if (!header) \
		return -(verdict)

/* Behind what the IP header's length says is padding. It says 0 for a segment that offload has not cut yet and for a
 * jumbogram (RFC 2675): then the frame is the bound. */
PKT_INLINE bool pkt_is_padding(const struct pkt_cursor *c, const struct packet *p)
{
	return p->l3_len && c->at > p->l3_at + p->l3_len;
}

/* The same within the IP packet of `p`. */
#define PKT_TAKE_IP(type, header, c, p, verdict) \
	PKT_TAKE(type, header, c, verdict); \
	if (pkt_is_padding(c, p)) \
		return -(verdict)

PKT_INLINE bool pkt_is_tag(int ethertype)
{
	return ethertype == PKT_ETH_VLAN || ethertype == PKT_ETH_QINQ || ethertype == PKT_ETH_QINQ_1 ||
	       ethertype == PKT_ETH_QINQ_2 || ethertype == PKT_ETH_QINQ_3;
}

PKT_INLINE int pkt_tags(struct pkt_cursor *c, struct packet *p, int ethertype)
{
	PKT_UNROLL
	for (int i = 0; i < PKT_MAX_TAGS && pkt_is_tag(ethertype); i++) {
		PKT_TAKE(struct wire_tag, tag, c, PKT_L2_SHORT);
		if (!i) {
			p->vlan = be16_load(&tag->control) & 0xfff;
			p->flags |= PKT_HAS_VLAN;
		}
		ethertype = be16_load(&tag->type);
	}
	return pkt_is_tag(ethertype) ? -PKT_TOO_DEEP : ethertype;
}

/* IEEE 802.2: SNAP with OUI 0 carries an EtherType, SAP 6 is IP (RFC 1042). */
PKT_INLINE int pkt_llc(struct pkt_cursor *c)
{
	PKT_TAKE(struct wire_llc, llc, c, PKT_L2_SHORT);
	if (llc->dsap == 6 && llc->ssap == 6)
		return PKT_ETH_IP4;
	if (llc->dsap != 0xaa || llc->ssap != 0xaa)
		return -PKT_NOT_IP;
	PKT_TAKE(struct wire_snap, snap, c, PKT_L2_SHORT);
	if (snap->oui[0] || snap->oui[1] || snap->oui[2])
		return -PKT_NOT_IP;
	return be16_load(snap->type);
}

PKT_INLINE int pkt_ppp_protocol(uint16_t protocol)
{
	switch (protocol) {                       /* IANA PPP DLL numbers */
	case 0x0021: return PKT_ETH_IP4;
	case 0x0057: return PKT_ETH_IP6;
	case 0x0281: return PKT_ETH_MPLS;
	case 0x0283: return PKT_ETH_MPLS_MULTICAST;
	default: return -PKT_NOT_IP;
	}
}

PKT_INLINE int pkt_pppoe(struct pkt_cursor *c)
{
	PKT_TAKE(struct wire_pppoe, pppoe, c, PKT_L2_SHORT);
	return pppoe->code ? -PKT_NOT_IP : pkt_ppp_protocol(be16_load(&pppoe->protocol));
}

/* What an L3-only link or the bottom of a label stack carries: told by the IP version (RFC 4928 2). */
PKT_INLINE int pkt_guess_ip(struct pkt_cursor *c)
{
	PKT_TAKE(uint8_t, first, c, PKT_L2_SHORT);
	c->at--;                                  /* it belongs to the IP header */
	return *first >> 4 == 4 ? PKT_ETH_IP4 : *first >> 4 == 6 ? PKT_ETH_IP6 : -PKT_NOT_IP;
}

PKT_INLINE int pkt_mpls(struct pkt_cursor *c)
{
	PKT_UNROLL
	for (int i = 0; i < PKT_MAX_LABELS; i++) {
		PKT_TAKE(struct wire_mpls, entry, c, PKT_L2_SHORT);
		if (entry->bottom & 1)
			return pkt_guess_ip(c);
	}
	return -PKT_TOO_DEEP;
}

/* From an EtherType to that of the IP header: tags, LLC, PPPoE and MPLS, in the order in which they may be nested. */
PKT_INLINE int pkt_look_through(struct pkt_cursor *c, struct packet *p, int ethertype)
{
	ethertype = pkt_tags(c, p, ethertype);
	if (ethertype >= 0 && ethertype < PKT_ETH_FIRST)
		ethertype = pkt_llc(c);
	if (ethertype == PKT_ETH_PPPOE)
		ethertype = pkt_pppoe(c);
	if (ethertype == PKT_ETH_MPLS || ethertype == PKT_ETH_MPLS_MULTICAST)
		ethertype = pkt_mpls(c);
	return ethertype;
}

PKT_INLINE int pkt_l2(struct pkt_cursor *c, struct packet *p)
{
	PKT_TAKE(struct wire_ethernet, ethernet, c, PKT_L2_SHORT);
	__builtin_memcpy(p->src_mac, ethernet->src, 6);
	__builtin_memcpy(p->dst_mac, ethernet->dst, 6);
	p->flags |= PKT_HAS_SRC_MAC | PKT_HAS_DST_MAC;
	return pkt_look_through(c, p, be16_load(&ethernet->type));
}

PKT_INLINE void pkt_fragment(struct packet *p, bool is_later, bool more_follow, uint32_t id)
{
	if (is_later)
		p->flags = (uint8_t)((p->flags & ~PKT_FIRST_FRAGMENT) | PKT_LATER_FRAGMENT);
	else if (more_follow)
		p->flags |= PKT_FIRST_FRAGMENT;
	p->fragment_id = id;
}

PKT_INLINE bool pkt_is_extension(const struct packet *p, int next)
{
	switch (next) {                           /* IANA IPv6 extension header types that may be skipped, and AH */
	case 51: return true;
	case 0: case 43: case 44: case 60: case 135: case 139: case 140: return p->ip_version == 6;
	default: return false;
	}
}

/* Step over extension headers and AH; stops at a later fragment, behind which no header is. */
PKT_INLINE int pkt_extensions(struct pkt_cursor *c, struct packet *p, int next)
{
	if (p->ip_version == 4 && (next != 51 || p->flags & PKT_LATER_FRAGMENT))
		return next;
	PKT_UNROLL
	for (int i = 0; i < PKT_MAX_EXTENSIONS && pkt_is_extension(p, next); i++) {
		PKT_TAKE_IP(struct wire_extension, header, c, p, PKT_IP_SHORT);
		if (next == 44) {                 /* RFC 8200 4.5 */
			uint16_t fragment = be16_load(&header->fragment);

			next = header->next;
			pkt_fragment(p, fragment >> 3, fragment & 1, be32_load(header->id));
			if (fragment >> 3)
				return next;
			continue;
		}
		/* Units of 8 octets not counting the first; AH counts 4 and not the first two (RFC 4302 2.2). */
		if (!pkt_skip(c, next == 51 ? header->length * 4u : header->length * 8u) || pkt_is_padding(c, p))
			return -PKT_IP_SHORT;
		next = header->next;
	}
	return pkt_is_extension(p, next) ? -PKT_TOO_DEEP : next;
}

PKT_INLINE int pkt_ip4(struct pkt_cursor *c, struct packet *p)
{
	p->l3_at = c->at;
	PKT_TAKE(struct wire_ip4, ip, c, PKT_IP_SHORT);
	uint32_t header_len = (ip->version_ihl & 15) * 4u;
	uint16_t fragment = be16_load(&ip->fragment);

	p->l3_len = be16_load(&ip->total_length);
	if (ip->version_ihl >> 4 != 4)
		return -PKT_IP_VERSION;
	if (header_len < sizeof(*ip) || (p->l3_len && p->l3_len < header_len))
		return -PKT_IP_LENGTH;
	if (!pkt_skip(c, header_len - (uint32_t)sizeof(*ip)))
		return -PKT_IP_SHORT;
	p->src_addr[10] = p->src_addr[11] = p->dst_addr[10] = p->dst_addr[11] = 0xff;
	__builtin_memcpy(p->src_addr + 12, ip->src, 4);
	__builtin_memcpy(p->dst_addr + 12, ip->dst, 4);
	p->ip_version = 4;
	p->ttl = ip->ttl;
	pkt_fragment(p, fragment & 0x1fff, fragment & 0x2000, be16_load(&ip->id));
	return ip->protocol;
}

PKT_INLINE int pkt_ip6(struct pkt_cursor *c, struct packet *p)
{
	p->l3_at = c->at;
	PKT_TAKE(struct wire_ip6, ip, c, PKT_IP_SHORT);
	uint16_t payload_length = be16_load(&ip->payload_length);

	if (ip->version_class >> 4 != 6)
		return -PKT_IP_VERSION;
	__builtin_memcpy(p->src_addr, ip->src, 16);
	__builtin_memcpy(p->dst_addr, ip->dst, 16);
	p->ip_version = 6;
	p->ttl = ip->hop_limit;
	p->l3_len = payload_length ? (uint32_t)sizeof(*ip) + payload_length : 0;
	return ip->next;
}

PKT_INLINE int pkt_ip(struct pkt_cursor *c, struct packet *p, int ethertype)
{
	if (ethertype == PKT_ETH_IP4)
		return pkt_ip4(c, p);
	if (ethertype == PKT_ETH_IP6)
		return pkt_ip6(c, p);
	return -PKT_NOT_IP;
}

PKT_INLINE int pkt_l3(struct pkt_cursor *c, struct packet *p, int ethertype)
{
	int next = pkt_ip(c, p, ethertype);

	return next < 0 ? next : pkt_extensions(c, p, next);
}

/* The rest of a TCP or UDP header is read only if it is there: the flow needs nothing but the ports. */
PKT_INLINE int pkt_tcp(struct pkt_cursor *c, struct packet *p)
{
	PKT_TAKE_IP(struct wire_tcp_rest, tcp, c, p, PKT_OK);
	p->tcp_seq = be32_load(tcp->seq);
	p->tcp_flags = tcp->flags;
	p->flags |= PKT_HAS_TCP;
	if (tcp->data_offset >> 4 >= 5)           /* RFC 9293 3.1: in units of 4 octets */
		p->payload_at = (uint16_t)(c->at - 20 + (tcp->data_offset >> 4) * 4);
	return PKT_OK;
}

PKT_INLINE int pkt_udp(struct pkt_cursor *c, struct packet *p)
{
	PKT_TAKE_IP(struct wire_udp_rest, udp, c, p, PKT_OK);
	(void)udp;
	p->payload_at = (uint16_t)c->at;
	return PKT_OK;
}

PKT_INLINE int pkt_ports(struct pkt_cursor *c, struct packet *p)
{
	PKT_TAKE_IP(struct wire_ports, ports, c, p, PKT_OK);
	p->src_port = be16_load(&ports->src);
	p->dst_port = be16_load(&ports->dst);
	p->flags |= PKT_HAS_PORTS;
	return p->protocol == PKT_TCP ? pkt_tcp(c, p) : pkt_udp(c, p);
}

PKT_INLINE int pkt_icmp(struct pkt_cursor *c, struct packet *p)
{
	PKT_TAKE_IP(struct wire_icmp, icmp, c, p, PKT_OK);
	p->icmp_type = icmp->type;
	p->icmp_code = icmp->code;
	p->flags |= PKT_HAS_ICMP;
	return PKT_OK;
}

PKT_INLINE int pkt_l4(struct pkt_cursor *c, struct packet *p, int protocol)
{
	bool is_icmp = protocol == (p->ip_version == 4 ? PKT_ICMP4 : PKT_ICMP6);

	if (protocol != PKT_TCP && protocol != PKT_UDP && !is_icmp)
		return -PKT_OTHER_TRANSPORT;
	p->protocol = (uint8_t)protocol;
	if (p->flags & PKT_LATER_FRAGMENT)
		return PKT_OK;
	return is_icmp ? pkt_icmp(c, p) : pkt_ports(c, p);
}

/* From the EtherType `ethertype` at offset `at` of a frame whose link header somebody else has read, or a negative
 * verdict of theirs. `p` is zeroed but for the link's part. Returns the verdict, which is also in `p`. */
PKT_INLINE enum pkt_verdict packet_parse_from(const void *data, const void *end, uint32_t at, int ethertype, struct packet *p)
{
	struct pkt_cursor c = { .start = data, .end = end, .at = at };
	int next = ethertype < 0 ? ethertype : pkt_look_through(&c, p, ethertype);

	if (next >= 0)
		next = pkt_l3(&c, p, next);
	if (next >= 0)
		next = pkt_l4(&c, p, next);
	return p->verdict = (uint8_t)-next;
}

/* An Ethernet frame from its first octet; in BPF `data` is the context and `end` NULL. `p` is filled whole. */
PKT_INLINE enum pkt_verdict packet_parse(const void *data, const void *end, struct packet *p)
{
	struct pkt_cursor c = { .start = data, .end = end };
	int next;

	__builtin_memset(p, 0, sizeof(*p));
	next = pkt_l2(&c, p);
	if (next >= 0)
		next = pkt_l3(&c, p, next);
	if (next >= 0)
		next = pkt_l4(&c, p, next);
	return p->verdict = (uint8_t)-next;
}
#endif
