/* SPDX-License-Identifier: Apache-2.0 */
/* theme_links.c - the link types of capture files. */
#include "talk.h"
#include "themes.h"

/* Puts the link header of a frame that carries IPv6 or not, sent by `host`. */
typedef void link_header(struct frame *f, struct end host, bool v6);

static void datagram(struct capture *c, uint64_t ns, link_header *link, struct end from, struct end to, bool v6)
{
	struct frame f;

	frame_begin(&f);
	link(&f, from, v6);
	ip(&f, from.addr, to.addr);
	udp(&f, from.port, to.port);
	payload_text(&f, "over this link");
	capture_frame(c, ns, frame_end(&f));
}

static void both_ways(struct capture *c, link_header *link)
{
	datagram(c, at_ms(0), link, on(laptop, 5000), on(web, 7777), false);
	datagram(c, at_ms(10), link, on(web, 7777), on(laptop, 5000), false);
	datagram(c, at_ms(20), link, on(laptop6, 5001), on(web6, 7777), true);
	datagram(c, at_ms(30), link, on(web6, 7777), on(laptop6, 5001), true);
}

/* A frame of `link` that carries something that is not IP. */
static void not_ip(struct capture *c, uint64_t ns, link_header *link, unsigned number)
{
	struct frame f;

	frame_begin(&f);
	link(&f, laptop, false);
	other(&f, number);
	payload_fill(&f, 0, 20);
	capture_frame(c, ns, frame_end(&f));
}

/* Families of IPv6 in NULL and LOOP: 24, 28 and 30 in the BSDs and macOS, 10 in Linux. */
static void little_null(struct frame *f, struct end host, bool v6)
{
	(void)host;
	null_link(f, v6 ? 30 : 2, false);
}

static void big_null(struct frame *f, struct end host, bool v6)
{
	(void)host;
	null_link(f, v6 ? 24 : 2, true);
}

static void freebsd_null(struct frame *f, struct end host, bool v6)
{
	(void)host;
	null_link(f, v6 ? 28 : 2, false);
}

static void linux_null(struct frame *f, struct end host, bool v6)
{
	(void)host;
	null_link(f, v6 ? 10 : 2, false);
}

static void appletalk_null(struct frame *f, struct end host, bool v6)
{
	(void)host;
	(void)v6;
	null_link(f, 16, false);
}

static void null_little(struct capture *c)
{
	both_ways(c, little_null);
	datagram(c, at_ms(40), freebsd_null, on(laptop6, 5002), on(web6, 7777), true);
	datagram(c, at_ms(41), linux_null, on(laptop6, 5003), on(web6, 7777), true);
	not_ip(c, at_ms(50), appletalk_null, 0);
}

static void null_big(struct capture *c)
{
	both_ways(c, big_null);
}

static void nothing(struct frame *f, struct end host, bool v6)
{
	(void)f;
	(void)host;
	(void)v6;
}

static void raw(struct capture *c)
{
	both_ways(c, nothing);
	not_ip(c, at_ms(40), nothing, 0);         /* version 0 */
}

static void raw4(struct capture *c)
{
	datagram(c, at_ms(0), nothing, on(laptop, 5000), on(web, 7777), false);
	datagram(c, at_ms(10), nothing, on(web, 7777), on(laptop, 5000), false);
	datagram(c, at_ms(20), nothing, on(laptop6, 5001), on(web6, 7777), true); /* not what the link says: no flow */
}

static void raw6(struct capture *c)
{
	datagram(c, at_ms(0), nothing, on(laptop6, 5000), on(web6, 7777), true);
	datagram(c, at_ms(10), nothing, on(web6, 7777), on(laptop6, 5000), true);
	datagram(c, at_ms(20), nothing, on(laptop, 5001), on(web, 7777), false);
}

static void cooked(struct frame *f, struct end host, bool v6)
{
	(void)v6;
	sll(f, host.mac);
}

static void cooked_tagged(struct frame *f, struct end host, bool v6)
{
	(void)v6;
	sll(f, host.mac);
	vlan(f, 0x8100, 100);
}

static void cooked_without_address(struct frame *f, struct end host, bool v6)
{
	(void)host;
	(void)v6;
	sll(f, NULL);
}

static void cooked_v1(struct capture *c)
{
	both_ways(c, cooked);
	datagram(c, at_ms(40), cooked_tagged, on(laptop, 5002), on(web, 7777), false);
	datagram(c, at_ms(50), cooked_without_address, on(laptop, 5003), on(web, 7777), false);
	not_ip(c, at_ms(60), cooked, 0x0806);
	not_ip(c, at_ms(70), cooked, 0x0001);     /* 802.3 without LLC, as Linux says it */
}

static void cooked2(struct frame *f, struct end host, bool v6)
{
	(void)v6;
	sll2(f, host.mac);
}

static void cooked2_without_address(struct frame *f, struct end host, bool v6)
{
	(void)host;
	(void)v6;
	sll2(f, NULL);
}

static void cooked_v2(struct capture *c)
{
	both_ways(c, cooked2);
	datagram(c, at_ms(50), cooked2_without_address, on(laptop, 5003), on(web, 7777), false);
	not_ip(c, at_ms(60), cooked2, 0x0806);
}

static void bare_ppp(struct frame *f, struct end host, bool v6)
{
	(void)host;
	(void)v6;
	ppp(f, false);
}

static void framed_ppp(struct frame *f, struct end host, bool v6)
{
	(void)host;
	(void)v6;
	ppp(f, true);
}

static void ppp_link(struct capture *c)
{
	both_ways(c, bare_ppp);
	datagram(c, at_ms(40), framed_ppp, on(laptop, 5002), on(web, 7777), false);
	not_ip(c, at_ms(50), bare_ppp, 0xc021);
}

static void hdlc(struct frame *f, struct end host, bool v6)
{
	(void)host;
	(void)v6;
	cisco_hdlc(f);
}

/* PPP in HDLC-like framing, or Cisco HDLC: told by the first octet. */
static void ppp_hdlc(struct capture *c)
{
	both_ways(c, framed_ppp);
	datagram(c, at_ms(40), hdlc, on(laptop, 5002), on(web, 7777), false);
	not_ip(c, at_ms(50), framed_ppp, 0xc021);
}

static void c_hdlc(struct capture *c)
{
	both_ways(c, hdlc);
	not_ip(c, at_ms(40), hdlc, 0x8035);       /* SLARP keepalive */
}

void theme_links(const char *dir)
{
	static const struct capture_row rows[] = {
		{ "link-null", { .link = LINK_NULL }, null_little },
		{ "link-null-be", { .link = LINK_NULL, .is_big_endian = true }, null_big },
		{ "link-loop", { .link = LINK_LOOP }, null_big },
		{ "link-raw", { .link = LINK_RAW }, raw },
		{ "link-ipv4", { .link = LINK_IPV4 }, raw4 },
		{ "link-ipv6", { .link = LINK_IPV6 }, raw6 },
		{ "link-sll", { .link = LINK_SLL }, cooked_v1 },
		{ "link-sll2", { .link = LINK_SLL2 }, cooked_v2 },
		{ "link-ppp", { .link = LINK_PPP }, ppp_link },
		{ "link-ppp-hdlc", { .link = LINK_PPP_HDLC }, ppp_hdlc },
		{ "link-c-hdlc", { .link = LINK_C_HDLC }, c_hdlc },
	};

	WRITE_CAPTURES(dir, rows);
}
