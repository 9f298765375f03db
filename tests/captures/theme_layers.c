/* SPDX-License-Identifier: Apache-2.0 */
/* theme_layers.c - what is looked through on the way to the IP header, and what gives no flow. */
#include <string.h>
#include "talk.h"
#include "themes.h"

static void begin_ethernet(struct frame *f)
{
	frame_begin(f);
	ethernet(f, laptop.mac, router.mac);
}

/* The datagram inside: the source port tells which case it is. */
static void end_udp4(struct capture *c, uint64_t ns, struct frame *f, unsigned port)
{
	ipv4(f, laptop.addr, web.addr);
	udp(f, port, 7777);
	payload_text(f, "inside");
	capture_frame(c, ns, frame_end(f));
}

static void end_udp6(struct capture *c, uint64_t ns, struct frame *f, unsigned port)
{
	ipv6(f, laptop6.addr, web6.addr);
	udp(f, port, 7777);
	payload_text(f, "inside");
	capture_frame(c, ns, frame_end(f));
}

static void tags(struct capture *c)
{
	static const struct { unsigned port, count, types[9]; } rows[] = {
		{ 5001, 1, { 0x8100 } },
		{ 5002, 1, { 0x88a8 } },
		{ 5003, 1, { 0x9100 } },
		{ 5004, 1, { 0x9200 } },
		{ 5005, 1, { 0x9300 } },
		{ 5006, 2, { 0x88a8, 0x8100 } },
		{ 5007, 2, { 0x8100, 0x8100 } },
		{ 5008, 3, { 0x9100, 0x9100, 0x8100 } },
		{ 5009, 8, { 0x88a8, 0x8100, 0x8100, 0x8100, 0x8100, 0x8100, 0x8100, 0x8100 } },
		{ 5010, 9, { 0x88a8, 0x8100, 0x8100, 0x8100, 0x8100, 0x8100, 0x8100, 0x8100, 0x8100 } }, /* too deep: no flow */
	};
	struct frame f;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin_ethernet(&f);
		for (unsigned k = 0; k < rows[i].count; k++)
			vlan(&f, rows[i].types[k], 100 + k);
		end_udp4(c, at_ms(i), &f, rows[i].port);
	}
	begin_ethernet(&f);
	vlan(&f, 0x8100, 0x6000);                 /* a priority tag: VLAN 0 */
	end_udp4(c, at_ms(20), &f, 5011);
	begin_ethernet(&f);
	vlan(&f, 0x8100, 100);
	end_udp6(c, at_ms(21), &f, 5012);
	for (unsigned id = 100; id <= 200; id += 100) { /* the VLAN is not in the key: one flow */
		begin_ethernet(&f);
		vlan(&f, 0x8100, id);
		end_udp4(c, at_ms(22 + id), &f, 5013);
	}
	begin_ethernet(&f);
	vlan(&f, 0x8100, 100);
	arp(&f, laptop.mac, laptop.addr, router.addr);
	capture_frame(c, at_ms(300), frame_end(&f));
}

static void labels(struct capture *c)
{
	static const struct { unsigned port, count; bool v6; } rows[] = {
		{ 5001, 1, false }, { 5002, 3, false }, { 5003, 8, false }, { 5004, 9, false }, { 5005, 2, true },
	};
	struct frame f;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin_ethernet(&f);
		for (unsigned k = 1; k <= rows[i].count; k++)
			mpls(&f, 16 + k, k == rows[i].count);
		(rows[i].v6 ? end_udp6 : end_udp4)(c, at_ms(i), &f, rows[i].port);
	}
	begin_ethernet(&f);
	vlan(&f, 0x8100, 7);
	mpls(&f, 100, true);
	end_udp4(c, at_ms(10), &f, 5006);
	begin_ethernet(&f);
	mpls(&f, 100, true);
	other(&f, 0);
	payload_fill(&f, 0, 4);                   /* an Ethernet pseudowire, RFC 4448 4.6: not looked into */
	ethernet(&f, phone.mac, web.mac);
	end_udp4(c, at_ms(11), &f, 5007);
}

static void sessions(struct capture *c)
{
	struct frame f;

	begin_ethernet(&f);
	pppoe(&f, 0x1234);
	end_udp4(c, at_ms(0), &f, 5001);
	begin_ethernet(&f);
	pppoe(&f, 0x1234);
	end_udp6(c, at_ms(1), &f, 5002);
	begin_ethernet(&f);
	vlan(&f, 0x88a8, 10);
	vlan(&f, 0x8100, 7);
	pppoe(&f, 0x1234);
	end_udp4(c, at_ms(2), &f, 5003);
	begin_ethernet(&f);
	pppoe(&f, 0x1234);
	mpls(&f, 100, true);
	end_udp4(c, at_ms(3), &f, 5004);
	begin_ethernet(&f);
	pppoe(&f, 0x1234);
	other(&f, 0xc021);                        /* LCP echo request */
	payload(&f, "\x09\1\0\x08\0\0\0\0", 8);
	capture_frame(c, at_ms(4), frame_end(&f));
	begin_ethernet(&f);
	other(&f, 0x8863);                        /* PPPoE discovery */
	payload(&f, "\x11\x09\0\0\0\4\1\1\0\0", 10);
	capture_frame(c, at_ms(5), frame_end(&f));
}

static void llc_snap(struct capture *c)
{
	struct frame f;

	begin_ethernet(&f);
	llc(&f, 0xaa);
	snap(&f, 0);
	end_udp4(c, at_ms(0), &f, 5001);
	begin_ethernet(&f);
	llc(&f, 0xaa);
	snap(&f, 0);
	end_udp6(c, at_ms(1), &f, 5002);
	begin_ethernet(&f);
	llc(&f, 6);
	end_udp4(c, at_ms(2), &f, 5003);
	begin_ethernet(&f);
	vlan(&f, 0x8100, 100);
	llc(&f, 0xaa);
	snap(&f, 0);
	end_udp4(c, at_ms(3), &f, 5004);
	begin_ethernet(&f);
	llc(&f, 0xaa);
	snap(&f, 0x00000c);                       /* somebody else's number: no EtherType follows */
	end_udp4(c, at_ms(4), &f, 5005);
	begin_ethernet(&f);
	llc(&f, 0x42);                            /* spanning tree */
	payload_fill(&f, 0, 35);
	frame_end(&f);
	frame_pad(&f, 60);
	capture_frame(c, at_ms(5), &f);
}

static void ip_options(struct capture *c, uint64_t ns, unsigned port, size_t option_len)
{
	struct frame f;

	begin_ethernet(&f);
	ipv4_options(&f, laptop.addr, web.addr, option_len);
	udp(&f, port, 7777);
	payload_text(&f, "behind options");
	capture_frame(c, ns, frame_end(&f));
}

/* A right frame, then `octet` at `at` in its IP header. */
static void lying(struct capture *c, uint64_t ns, bool v6, unsigned port, size_t at, uint8_t octet)
{
	struct frame f;

	begin_ethernet(&f);
	ip(&f, v6 ? laptop6.addr : laptop.addr, v6 ? web6.addr : web.addr);
	udp(&f, port, 7777);
	payload_text(&f, "inside");
	frame_end(&f);
	f.b.octets[14 + at] = octet;
	capture_frame(c, ns, &f);
}

static void lying_tcp(struct capture *c, uint64_t ns, unsigned port, uint8_t data_offset)
{
	struct frame f;

	begin_ethernet(&f);
	ipv4(&f, laptop.addr, web.addr);
	tcp(&f, port, 7777, TCP_SYN, 1, 0);
	frame_end(&f);
	f.b.octets[14 + 20 + 12] = (uint8_t)(data_offset << 4);
	frame_pad(&f, 60);
	capture_frame(c, ns, &f);
}

static void ip_headers(struct capture *c)
{
	ip_options(c, at_ms(0), 5001, 4);
	ip_options(c, at_ms(1), 5002, 40);
	lying(c, at_ms(2), false, 5003, 0, 0x44);  /* header length 16: no flow */
	lying(c, at_ms(3), false, 5004, 3, 19);    /* total length below the header's: no flow */
	lying(c, at_ms(4), false, 5005, 3, 0);     /* total length 0: a segment that offload has not cut yet */
	lying(c, at_ms(5), false, 5006, 0, 0x65);  /* EtherType of IPv4, version 6: no flow */
	lying(c, at_ms(6), true, 5007, 0, 0x40);   /* the other way round: no flow */
	lying(c, at_ms(7), false, 5008, 3, 22);    /* the packet ends within the ports: ports 0 */
	lying(c, at_ms(8), false, 5009, 3, 24);    /* right behind them: ports */
	lying(c, at_ms(9), true, 5010, 5, 3);      /* IPv6, within the ports: ports 0 */
	lying(c, at_ms(10), true, 5011, 5, 4);
	lying(c, at_ms(11), false, 5012, 25, 3);   /* an UDP length of 3 does not matter */
	lying_tcp(c, at_ms(12), 5013, 3);          /* nor does a TCP data offset of 12, or padding */
	lying_tcp(c, at_ms(13), 5014, 5);
	lying(c, at_ms(14), true, 5015, 5, 0);     /* IPv6, payload length 0: as total length 0 */
}

/* The same frame captured up to `caplen` octets. */
static void snapped(struct capture *c, uint64_t ns, bool v6, unsigned port, uint32_t caplen)
{
	struct frame f;

	begin_ethernet(&f);
	vlan(&f, 0x8100, 100);
	ip(&f, v6 ? laptop6.addr : laptop.addr, v6 ? web6.addr : web.addr);
	udp(&f, port, 7777);
	payload_fill(&f, 0x73, 100);
	frame_end(&f);
	capture_octets(c, ns, f.b.octets, caplen, (uint32_t)f.b.len);
}

static void cut(struct capture *c)
{
	static const struct { bool v6; unsigned port; uint32_t caplen; } rows[] = {
		{ false, 5001, 42 },                  /* right behind the ports */
		{ false, 5002, 41 },                  /* within them: ports 0 */
		{ false, 5003, 38 },                  /* right behind the IP header: ports 0 */
		{ false, 5004, 37 },                  /* within the IP header: no flow */
		{ false, 5005, 17 },                  /* within the tag: no flow */
		{ false, 5006, 13 },                  /* within the Ethernet header: no flow */
		{ false, 5007, 0 },                   /* nothing at all: no flow */
		{ true, 5008, 62 }, { true, 5009, 61 }, { true, 5010, 58 }, { true, 5011, 57 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		snapped(c, at_ms(i), rows[i].v6, rows[i].port, rows[i].caplen);
}

static void end_extensions(struct capture *c, uint64_t ns, struct frame *f, unsigned port)
{
	udp(f, port, 7777);
	payload_text(f, "behind extension headers");
	capture_frame(c, ns, frame_end(f));
}

static void extensions(struct capture *c)
{
	static const unsigned types[] = { 0, 43, 60, 135, 139, 140 };
	struct frame f;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		begin_between(&f, laptop6, web6);
		extension(&f, types[i], i % 3);
		end_extensions(c, at_ms(i), &f, 5001 + (unsigned)i);
	}
	begin_between(&f, laptop6, web6);
	authentication(&f, 12);
	end_extensions(c, at_ms(10), &f, 5011);
	begin_between(&f, laptop, web);           /* AH in IPv4 */
	authentication(&f, 16);
	end_extensions(c, at_ms(11), &f, 5012);
	begin_between(&f, laptop6, web6);         /* as RFC 8200 4.1 orders them */
	extension(&f, 0, 0);
	extension(&f, 60, 0);
	extension(&f, 43, 2);
	fragment_header(&f, 0, 0, false);
	authentication(&f, 12);
	extension(&f, 60, 1);
	end_extensions(c, at_ms(12), &f, 5013);
	for (unsigned count = 8; count <= 9; count++) { /* the bound, and one more: no flow */
		begin_between(&f, laptop6, web6);
		for (unsigned k = 0; k < count; k++)
			extension(&f, k ? 60 : 0, 0);
		end_extensions(c, at_ms(12 + count), &f, 5006 + count);
	}
	begin_between(&f, laptop6, web6);         /* no next header: no flow */
	extension(&f, 60, 0);
	capture_frame(c, at_ms(30), frame_end(&f));
	begin_between(&f, laptop6, web6);         /* longer than the packet: no flow */
	extension(&f, 60, 0);
	udp(&f, 5016, 7777);
	frame_end(&f);
	f.b.octets[14 + 40 + 1] = 20;
	capture_frame(c, at_ms(31), &f);
	begin_between(&f, laptop6, web6);
	extension(&f, 0, 0);
	icmp6(&f, 143, 0, 1);                     /* multicast listener report */
	capture_frame(c, at_ms(32), frame_end(&f));
}

/* A tunnel in UDP on `port`: `head`, and then an Ethernet frame or an IPv4 datagram that must not be looked into. */
static void udp_tunnel(struct capture *c, uint64_t ns, unsigned port, const void *head, size_t head_len, bool with_ethernet)
{
	struct frame f;

	begin_between(&f, laptop, web);
	udp(&f, port, port);
	payload(&f, head, head_len);
	if (with_ethernet)
		ethernet(&f, phone.mac, tablet.mac);
	ipv4(&f, "10.9.9.1", "10.9.9.2");
	udp(&f, 9, 9);
	payload_text(&f, "inner");
	capture_frame(c, ns, frame_end(&f));
}

/* A protocol in IPv4 that is no flow, with a datagram inside that must not be looked into. */
static void ip_tunnel(struct capture *c, uint64_t ns, unsigned protocol, const void *head, size_t head_len, bool v6_inside)
{
	struct frame f;

	begin_between(&f, laptop, web);
	other(&f, protocol);
	payload(&f, head, head_len);
	if (v6_inside)
		ipv6(&f, "2001:db8:9::1", "2001:db8:9::2");
	else
		ipv4(&f, "10.9.9.1", "10.9.9.2");
	udp(&f, 9, 9);
	payload_text(&f, "inner");
	capture_frame(c, ns, frame_end(&f));
}

/* The outer header counts: of a tunnel in UDP the outer flow, of others none. */
static void tunnels(struct capture *c)
{
	struct frame f;

	udp_tunnel(c, at_ms(0), 4789, "\x08\0\0\0\0\0\x2a\0", 8, true);              /* VXLAN */
	udp_tunnel(c, at_ms(1), 2152, "\x30\xff\0\x21\0\0\0\1", 8, false);           /* GTP-U */
	udp_tunnel(c, at_ms(2), 6081, "\0\0\x65\x58\0\0\x2a\0", 8, true);            /* Geneve */
	udp_tunnel(c, at_ms(3), 1701, "\0\2\0\1\0\1\xff\3\0\x21", 10, false);        /* L2TP */
	udp_tunnel(c, at_ms(4), 3544, "", 0, false);                                 /* Teredo's port */
	ip_tunnel(c, at_ms(10), 47, "\0\0\x08\0", 4, false);                         /* GRE */
	ip_tunnel(c, at_ms(11), 4, "", 0, false);                                    /* IP in IP */
	ip_tunnel(c, at_ms(12), 41, "", 0, true);                                    /* 6in4 */
	ip_tunnel(c, at_ms(13), 50, "\0\0\1\0\0\0\0\1", 8, false);                   /* ESP */
	ip_tunnel(c, at_ms(14), 132, "\x13\x88\x17\x70\0\0\0\0\0\0\0\0", 12, false); /* SCTP */
	ip_tunnel(c, at_ms(15), 2, "\x16\0\0\0\xe0\0\0\xfb", 8, false);              /* IGMP */
	ip_tunnel(c, at_ms(16), 58, "\x80\0\0\0\0\0\0\0", 8, false);                 /* ICMPv6 in IPv4 is no ICMP */
	begin_between(&f, laptop6, web6);
	icmp4(&f, 8, 0, 1);                                                          /* nor ICMPv4 in IPv6 */
	capture_frame(c, at_ms(17), frame_end(&f));
	begin_ethernet(&f);
	arp(&f, laptop.mac, laptop.addr, router.addr);
	frame_end(&f);
	frame_pad(&f, 60);
	capture_frame(c, at_ms(18), &f);
	begin_ethernet(&f);
	other(&f, 0x88cc);                                                           /* LLDP */
	payload(&f, "\2\7\4\2\0\0\0\0\x10\0\0", 11);
	capture_frame(c, at_ms(19), frame_end(&f));
}

void theme_layers(const char *dir)
{
	static const struct capture_row rows[] = {
		{ "layers-tags", { .link = LINK_ETHERNET }, tags },
		{ "layers-mpls", { .link = LINK_ETHERNET }, labels },
		{ "layers-pppoe", { .link = LINK_ETHERNET }, sessions },
		{ "layers-llc", { .link = LINK_ETHERNET }, llc_snap },
		{ "layers-ip", { .link = LINK_ETHERNET }, ip_headers },
		{ "layers-cut", { .link = LINK_ETHERNET }, cut },
		{ "layers-extensions", { .link = LINK_ETHERNET }, extensions },
		{ "layers-tunnels", { .link = LINK_ETHERNET }, tunnels },
	};

	WRITE_CAPTURES(dir, rows);
}
