/* SPDX-License-Identifier: Apache-2.0 */
/* theme_flow.c - what is one flow: time, direction, status, ICMP, fragments, limits. */
#include "talk.h"
#include "themes.h"

#define PORT 7777                                 /* of the server; no name protocol */

static struct end server(void)
{
	return on(web, PORT);
}

/* Exactly the idle timeout since the last packet is the same flow; a microsecond more is a new one. */
static void idle(struct capture *c)
{
	say_text(c, at_s(0), on(laptop, 5000), server(), "exactly");
	say_text(c, at_s(0), on(laptop, 5001), server(), "more");
	say_text(c, at_s(0), on(laptop, 5002), server(), "kept alive by the other side");
	say_text(c, at_s(119), server(), on(laptop, 5002), "one");
	say_text(c, at_s(120), on(laptop, 5000), server(), "exactly");
	say_text(c, at_us(120000001), on(laptop, 5001), server(), "more");
	say_text(c, at_s(239), server(), on(laptop, 5002), "two");
	say_text(c, at_s(360), server(), on(laptop, 5002), "too late: the server speaks first now");
}

/* The clock steps back by 400 s: no flow is split, and first_seen_at is the earliest time. */
static void step_back(struct capture *c)
{
	say_text(c, at_s(500), on(laptop, 5000), server(), "before the step");
	say_text(c, at_s(100), on(laptop, 5000), server(), "after it");
	say_text(c, at_s(101), server(), on(laptop, 5000), "reply");
	say_text(c, at_s(102), on(laptop, 5001), server(), "a flow that begins in the past");
	say_text(c, at_s(103), server(), on(laptop, 5001), "reply");
}

static void status(struct capture *c)
{
	say_tcp(c, at_ms(0), on(laptop, 5000), server(), TCP_SYN, "");
	say_tcp(c, at_ms(1), on(laptop, 5001), server(), TCP_SYN, "");
	say_tcp(c, at_ms(2), server(), on(laptop, 5001), TCP_RST | TCP_ACK, "");
	say_tcp(c, at_ms(3), server(), on(laptop, 5002), TCP_SYN | TCP_ACK, ""); /* no SYN was seen: src is the server */
	say_tcp(c, at_ms(4), on(laptop, 5002), server(), TCP_ACK, "");
	say_text(c, at_ms(5), on(laptop, 5003), server(), "never answered");
	say_text(c, at_ms(6), on(laptop, 5003), server(), "never answered");
	say_text(c, at_ms(7), on(laptop, 5004), server(), "answered");
	say_text(c, at_ms(8), server(), on(laptop, 5004), "yes");
	say_text(c, at_ms(9), on(laptop, 5005), on(laptop, 5005), "to itself: all packets are the source's");
	say_text(c, at_ms(10), on(laptop, 5005), on(laptop, 5005), "again");
}

/* Two connections and a datagram on the same addresses and ports: TCP flags end nothing, the protocol counts. */
static void reuse(struct capture *c)
{
	struct talk t = talk_begin(c, at_s(0), on(laptop, 5000), server());

	talk_open(&t);
	talk_ask(&t, "first", 5);
	talk_close(&t);
	t = talk_begin(c, at_s(60), on(laptop, 5000), server());
	talk_open(&t);
	talk_ask(&t, "second", 6);
	talk_close(&t);
	say_text(c, at_s(61), on(laptop, 5000), server(), "UDP");
}

static void icmp(struct capture *c)
{
	struct frame f;

	say_icmp(c, at_ms(0), laptop, web, 8, 0);
	say_icmp(c, at_ms(20), web, laptop, 0, 0);
	say_icmp(c, at_ms(1000), laptop, web, 8, 0);
	say_icmp(c, at_ms(2000), web, laptop, 8, 0);      /* the other way round: still the same two hosts */
	say_icmp(c, at_ms(2020), laptop, web, 0, 0);
	say_icmp(c, at_ms(3000), at_addr(router, "192.0.2.1"), laptop, 11, 0); /* an error is a flow of its own sender */
	begin_between(&f, laptop, everyone);
	icmp4(&f, 13, 0, 0);
	frame_end(&f);
	capture_octets(c, at_ms(4000), f.b.octets, 34, (uint32_t)f.b.len); /* type and code were not captured */
}

static void icmp_v6(struct capture *c)
{
	struct end group = { "33:33:ff:00:00:20", "ff02::1:ff00:20", 0 };

	say_icmp(c, at_ms(0), laptop6, group, 135, 0);
	say_icmp(c, at_ms(1), phone6, laptop6, 136, 0);
	say_icmp(c, at_ms(2), laptop6, phone6, 128, 0);
	say_icmp(c, at_ms(3), phone6, laptop6, 129, 0);
	say_icmp(c, at_ms(4), at_addr(laptop6, "::"), group, 135, 0);
}

/* A datagram of 2000 octets from `from`, whole; the caller cuts it. */
static void big_datagram(struct frame *f, struct end from, struct end to, unsigned id)
{
	frame_begin(f);
	f->ip_id = id;
	ethernet(f, from.mac, to.mac);
	ip(f, from.addr, to.addr);
	udp(f, from.port, to.port);
	payload_fill(f, 0x75, 2000);
	frame_end(f);
}

static void first_part(struct capture *c, uint64_t ns, struct end from, struct end to, unsigned id)
{
	struct frame whole, part;

	big_datagram(&whole, from, to, id);
	ipv4_part(&part, &whole, 0, 1480, true);
	capture_frame(c, ns, &part);
}

static void later_part(struct capture *c, uint64_t ns, struct end from, struct end to, unsigned id)
{
	struct frame whole, part;

	big_datagram(&whole, from, to, id);
	ipv4_part(&part, &whole, 1480, 528, false);
	capture_frame(c, ns, &part);
}

/* A later TCP part with the id of an UDP datagram. */
static void later_tcp_part(struct capture *c, uint64_t ns, struct end from, struct end to, unsigned id)
{
	struct frame whole, part;

	frame_begin(&whole);
	whole.ip_id = id;
	ethernet(&whole, from.mac, to.mac);
	ipv4(&whole, from.addr, to.addr);
	tcp(&whole, from.port, to.port, TCP_ACK, 1, 1);
	payload_fill(&whole, 0x74, 200);
	frame_end(&whole);
	ipv4_part(&part, &whole, 16, 204, false);
	capture_frame(c, ns, &part);
}

static void echo_parts(struct capture *c, uint64_t ns, unsigned id)
{
	struct frame whole, part;

	frame_begin(&whole);
	whole.ip_id = id;
	ethernet(&whole, laptop.mac, web.mac);
	ipv4(&whole, laptop.addr, web.addr);
	icmp4(&whole, 8, 0, 1);
	payload_fill(&whole, 0x69, 1600);
	frame_end(&whole);
	ipv4_part(&part, &whole, 0, 1480, true);
	capture_frame(c, ns, &part);
	ipv4_part(&part, &whole, 1480, 128, false);
	capture_frame(c, ns, &part);
}

/* A later fragment joins its first one: seen before, at most 60 s ago, same addresses, protocol and id. */
static void fragments(struct capture *c)
{
	first_part(c, at_s(0), on(laptop, 5000), server(), 1);
	later_part(c, at_ms(1), on(laptop, 5000), server(), 1);
	first_part(c, at_ms(2), server(), on(laptop, 5000), 1);
	later_part(c, at_ms(3), server(), on(laptop, 5000), 1);
	later_part(c, at_ms(10), on(laptop, 5001), server(), 2);  /* before its first one: ports 0 */
	first_part(c, at_ms(11), on(laptop, 5001), server(), 2);
	first_part(c, at_ms(20), on(laptop, 5002), server(), 3);
	first_part(c, at_ms(30), on(laptop, 5003), server(), 4);
	first_part(c, at_ms(40), on(laptop, 5004), server(), 5);
	first_part(c, at_ms(50), on(laptop, 5005), server(), 6);
	later_tcp_part(c, at_ms(51), on(laptop, 5005), server(), 6);
	echo_parts(c, at_ms(60), 7);
	later_part(c, at_ms(40040), on(laptop, 5004), server(), 5); /* 40 s */
	later_part(c, at_ms(60020), on(laptop, 5002), server(), 3); /* exactly 60 s */
	later_part(c, at_ms(61030), on(laptop, 5003), server(), 4); /* 61 s: ports 0 */
	later_part(c, at_ms(80040), on(laptop, 5004), server(), 5); /* 80 s after the first one: ports 0 */
}

static void part_v6(struct capture *c, uint64_t ns, struct end from, struct end to, uint32_t id, unsigned offset, bool more)
{
	struct frame f;

	begin_between(&f, from, to);
	fragment_header(&f, id, offset, more);
	if (offset)
		other(&f, 17);
	else
		udp(&f, from.port, to.port);
	payload_fill(&f, 0x75, 512);
	capture_frame(c, ns, frame_end(&f));
}

static void fragments_v6(struct capture *c)
{
	struct end to = on(web6, PORT);

	part_v6(c, at_ms(0), on(laptop6, 5000), to, 0x10000001, 0, true);
	part_v6(c, at_ms(1), on(laptop6, 5000), to, 0x10000001, 520, true);
	part_v6(c, at_ms(2), on(laptop6, 5000), to, 0x10000001, 1032, false);
	part_v6(c, at_ms(3), on(laptop6, 5001), to, 0x20000001, 520, false); /* before its first one */
	part_v6(c, at_ms(4), on(laptop6, 5001), to, 0x20000001, 0, true);
	part_v6(c, at_ms(5), on(laptop6, 5002), to, 0, 0, false);            /* atomic, RFC 6946: a whole datagram */
	part_v6(c, at_ms(6), on(laptop6, 5003), to, 0x30000001, 0, true);
	part_v6(c, at_ms(61006), on(laptop6, 5003), to, 0x30000001, 520, false); /* 61 s */
}

/* A long flow gives a part each active timeout (60 s here). */
static void active(struct capture *c)
{
	for (uint64_t s = 0; s <= 200; s += 10) {
		say_text(c, at_s(s), on(laptop, 5000), server(), "the clock ticks");
		say_text(c, at_ms(s * 1000 + 20), server(), on(laptop, 5000), "and tocks");
	}
	say_text(c, at_s(201), on(laptop, 5001), server(), "short");
}

/* A table of 16 flows, eight of them established: one-packet flows make room, established ones stay exact. */
static void overflow(struct capture *c)
{
	for (unsigned i = 0; i < 8; i++) {
		say_text(c, at_ms(i), on(laptop, 5000 + i), server(), "hello");
		say_text(c, at_ms(100 + i), server(), on(laptop, 5000 + i), "hello");
	}
	for (unsigned i = 0; i < 40; i++)
		say_text(c, at_ms(1000 + i), on(phone, 7000 + i), server(), "flood");
	for (unsigned i = 0; i < 8; i++)
		say_text(c, at_ms(2000 + i), on(laptop, 5000 + i), server(), "still here");
}

/* Addresses as RFC 5952 writes them; an IPv4-mapped address on the wire is IPv6, and another flow than its IPv4 twin. */
static void addresses(struct capture *c)
{
	static const char *const texts[] = {
		"2001:db8:0:1:1:1:1:1", "2001:0:0:1:0:0:0:1", "2001:db8:0:0:1:0:0:1", "::1", "fe80::1:0:0:abcd", "2001:db8::",
		"0:0:1::", "1:2:3:4:5:6:7:8", "::ffff:192.168.1.10", "::192.168.1.10",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		say_text(c, at_ms(i), on(at_addr(laptop6, texts[i]), 5000), on(web6, PORT), "from here");
	say_text(c, at_ms(20), on(laptop, 5000), server(), "IPv4");
	say_text(c, at_ms(21), on(at_addr(laptop6, "::ffff:192.168.1.10"), 5000),
		 on(at_addr(web6, "::ffff:198.51.100.80"), PORT), "IPv6");
	say_text(c, at_ms(22), on(at_addr(laptop, "10.0.0.255"), 5000), on(at_addr(web, "100.64.0.9"), 65535), "IPv4");
}

static void nano(struct capture *c)
{
	say_text(c, at_ns(123456789), on(laptop, 5000), server(), "nanoseconds");
	say_text(c, at_ns(123456790), server(), on(laptop, 5000), "one later");
	say_text(c, at_ns(1000000000), on(laptop, 5001), server(), "no fraction");
	say_text(c, at_ns(1500000000), server(), on(laptop, 5001), "zeros are trimmed");
}

void theme_flow(const char *dir)
{
	static const struct capture_row rows[] = {
		{ "flow-idle", { .link = LINK_ETHERNET }, idle },
		{ "flow-step-back", { .link = LINK_ETHERNET }, step_back },
		{ "flow-status", { .link = LINK_ETHERNET }, status },
		{ "flow-reuse", { .link = LINK_ETHERNET }, reuse },
		{ "flow-icmp", { .link = LINK_ETHERNET }, icmp },
		{ "flow-icmp6", { .link = LINK_ETHERNET }, icmp_v6 },
		{ "flow-fragments", { .link = LINK_ETHERNET }, fragments },
		{ "flow-fragments6", { .link = LINK_ETHERNET }, fragments_v6 },
		{ "flow-active", { .link = LINK_ETHERNET }, active },
		{ "flow-overflow", { .link = LINK_ETHERNET }, overflow },
		{ "flow-addresses", { .link = LINK_ETHERNET }, addresses },
		{ "flow-nano", { .link = LINK_ETHERNET, .is_nano = true }, nano },
	};

	WRITE_CAPTURES(dir, rows);
}
