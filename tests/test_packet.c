/* SPDX-License-Identifier: Apache-2.0 */
/* test_packet.c - the parser of packet.h and the keys of flow.h: each header, each bound, each fault, and every place to cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "../include/flow.h"
#include "captures/blob.c"
#include "captures/frame.c"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define SRC_MAC "02:00:00:00:00:01"
#define DST_MAC "02:00:00:00:00:02"

/* ---- frames by words: "tag*2 ip4 udp" is an Ethernet frame with two tags, IPv4 and UDP ---- */

static void add_tag(struct frame *f) { vlan(f, 0x8100, 100 + (unsigned)f->layer_count); }
static void add_tag88(struct frame *f) { vlan(f, 0x88a8, 200); }
static void add_tag91(struct frame *f) { vlan(f, 0x9100, 0xfff); }
static void add_tag92(struct frame *f) { vlan(f, 0x9200, 1); }
static void add_tag93(struct frame *f) { vlan(f, 0x9300, 2); }
static void add_label(struct frame *f) { mpls(f, 16, false); }
static void add_bottom(struct frame *f) { mpls(f, 17, true); }
static void add_pppoe(struct frame *f) { pppoe(f, 7); }
static void add_sap6(struct frame *f) { llc(f, 6); }
static void add_snap(struct frame *f) { llc(f, 0xaa); snap(f, 0); }
static void add_stp(struct frame *f) { llc(f, 0x42); payload_fill(f, 0, 35); }
static void add_arp(struct frame *f) { arp(f, SRC_MAC, "10.0.0.1", "192.0.2.1"); }
static void add_ip4(struct frame *f) { ipv4(f, "10.0.0.1", "192.0.2.1"); }
static void add_ip4_options(struct frame *f) { ipv4_options(f, "10.0.0.1", "192.0.2.1", 40); }
static void add_ip6(struct frame *f) { ipv6(f, "fd00::1", "fd00::2"); }
static void add_hop(struct frame *f) { extension(f, 0, 0); }
static void add_routing(struct frame *f) { extension(f, 43, 2); }
static void add_dest(struct frame *f) { extension(f, 60, 255); }
static void add_mobility(struct frame *f) { extension(f, 135, 0); }
static void add_hip(struct frame *f) { extension(f, 139, 0); }
static void add_shim6(struct frame *f) { extension(f, 140, 0); }
static void add_ah(struct frame *f) { authentication(f, 12); }
static void add_atomic(struct frame *f) { fragment_header(f, 77, 0, false); }
static void add_first(struct frame *f) { fragment_header(f, 77, 0, true); }
static void add_later(struct frame *f) { fragment_header(f, 77, 8, true); }
static void add_tcp(struct frame *f) { tcp(f, 1111, 443, TCP_SYN | TCP_ACK, 0x01020304, 5); tcp_options(f, "\2\4\5\264", 4); }
static void add_udp(struct frame *f) { udp(f, 1111, 443); }
static void add_icmp4(struct frame *f) { icmp4(f, 3, 1, 0); }
static void add_icmp6(struct frame *f) { icmp6(f, 128, 9, 0); }
static void add_gre(struct frame *f) { other(f, 47); }
static void add_esp(struct frame *f) { other(f, 50); }
static void add_sctp(struct frame *f) { other(f, 132); }
static void add_octets(struct frame *f) { payload_fill(f, 0x5a, 12); }

static const struct { const char *name; void (*add)(struct frame *f); } words[] = {
	{ "tag", add_tag }, { "tag88", add_tag88 }, { "tag91", add_tag91 }, { "tag92", add_tag92 }, { "tag93", add_tag93 },
	{ "label", add_label }, { "bottom", add_bottom }, { "pppoe", add_pppoe }, { "sap6", add_sap6 }, { "snap", add_snap },
	{ "stp", add_stp }, { "arp", add_arp }, { "ip4", add_ip4 }, { "ip4-options", add_ip4_options }, { "ip6", add_ip6 },
	{ "hop", add_hop }, { "routing", add_routing }, { "dest", add_dest }, { "mobility", add_mobility }, { "hip", add_hip },
	{ "shim6", add_shim6 }, { "ah", add_ah }, { "atomic", add_atomic }, { "first", add_first }, { "later", add_later },
	{ "tcp", add_tcp }, { "udp", add_udp }, { "icmp4", add_icmp4 }, { "icmp6", add_icmp6 }, { "gre", add_gre }, { "esp", add_esp },
	{ "sctp", add_sctp }, { "octets", add_octets },
};

static void add_word(struct frame *f, const char *word, size_t len)
{
	const char *star = memchr(word, '*', len);
	size_t name_len = star ? (size_t)(star - word) : len;
	int times = star ? atoi(star + 1) : 1;

	for (size_t i = 0; i < COUNT(words); i++) {
		if (strlen(words[i].name) != name_len || memcmp(words[i].name, word, name_len))
			continue;
		while (times--)
			words[i].add(f);
		return;
	}
	fail_msg("no such layer: %s", word);
}

static void build(struct frame *f, const char *stack)
{
	frame_begin(f);
	ethernet(f, SRC_MAC, DST_MAC);
	for (const char *word = stack; *word;) {
		size_t len = strcspn(word, " ");

		add_word(f, word, len);
		word += len + (word[len] == ' ');
	}
	frame_end(f);
}

/* In a heap block of exactly its size, so that a sanitizer sees a read behind it. */
static struct packet parse(const void *octets, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);
	enum pkt_verdict verdict;
	struct packet p;

	assert_non_null(exact);
	memcpy(exact, octets, len);
	memset(&p, 0xee, sizeof(p));              /* all of it has to be written */
	verdict = packet_parse(exact, exact + len, &p);
	free(exact);
	assert_int_equal(p.verdict, verdict);
	return p;
}

static struct packet parse_stack(const char *stack)
{
	static struct frame f;

	build(&f, stack);
	return parse(f.b.octets, f.b.len);
}

/* ---- what is looked through ---- */

static const struct { const char *stack; uint8_t protocol, ip_version; } good[] = {
	{ "ip4 tcp octets", PKT_TCP, 4 }, { "ip4 udp octets", PKT_UDP, 4 }, { "ip4 icmp4", PKT_ICMP4, 4 },
	{ "ip6 tcp octets", PKT_TCP, 6 }, { "ip6 udp octets", PKT_UDP, 6 }, { "ip6 icmp6", PKT_ICMP6, 6 },
	{ "tag ip4 udp", PKT_UDP, 4 }, { "tag88 tag ip6 tcp", PKT_TCP, 6 }, { "tag91 tag92 tag93 ip4 tcp", PKT_TCP, 4 },
	{ "tag*8 ip4 udp", PKT_UDP, 4 }, { "tag*8 ip6 udp", PKT_UDP, 6 },
	{ "bottom ip4 udp", PKT_UDP, 4 }, { "label bottom ip6 tcp", PKT_TCP, 6 }, { "label*7 bottom ip4 udp", PKT_UDP, 4 },
	{ "tag*8 label*7 bottom ip6 udp", PKT_UDP, 6 },
	{ "pppoe ip4 udp", PKT_UDP, 4 }, { "pppoe ip6 tcp", PKT_TCP, 6 }, { "tag88 tag pppoe ip4 tcp", PKT_TCP, 4 },
	{ "pppoe label bottom ip4 udp", PKT_UDP, 4 },
	{ "sap6 ip4 udp", PKT_UDP, 4 }, { "snap ip4 tcp", PKT_TCP, 4 }, { "snap ip6 udp", PKT_UDP, 6 }, { "tag snap ip4 udp", PKT_UDP, 4 },
	{ "ip4-options tcp octets", PKT_TCP, 4 }, { "ip4-options icmp4", PKT_ICMP4, 4 },
	{ "ip6 hop udp", PKT_UDP, 6 }, { "ip6 hop routing dest tcp", PKT_TCP, 6 }, { "ip6 mobility udp", PKT_UDP, 6 },
	{ "ip6 hip udp", PKT_UDP, 6 }, { "ip6 shim6 udp", PKT_UDP, 6 }, { "ip6 hop*8 udp", PKT_UDP, 6 }, { "ip6 dest*8 icmp6", PKT_ICMP6, 6 },
	{ "ip4 ah tcp", PKT_TCP, 4 }, { "ip6 ah udp", PKT_UDP, 6 }, { "ip6 hop ah dest icmp6", PKT_ICMP6, 6 }, { "ip4 ah*8 udp", PKT_UDP, 4 },
	{ "ip6 atomic udp", PKT_UDP, 6 }, { "ip6 first tcp octets", PKT_TCP, 6 }, { "ip6 hop first dest udp", PKT_UDP, 6 },
};

static void good_stacks_are_looked_through(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct packet p = parse_stack(good[i].stack);
		bool has_ports = good[i].protocol == PKT_TCP || good[i].protocol == PKT_UDP;

		if (p.verdict != PKT_OK || p.protocol != good[i].protocol || p.ip_version != good[i].ip_version)
			fail_msg("%s: verdict %u, protocol %u, version %u", good[i].stack, p.verdict, p.protocol, p.ip_version);
		if (p.src_port != (has_ports ? 1111 : 0) || p.dst_port != (has_ports ? 443 : 0))
			fail_msg("%s: ports %u and %u", good[i].stack, p.src_port, p.dst_port);
		assert_int_equal(!!(p.flags & PKT_HAS_PORTS), has_ports);
		assert_int_equal(!!(p.flags & PKT_HAS_TCP), good[i].protocol == PKT_TCP);
		assert_int_equal(!!(p.flags & PKT_HAS_ICMP), !has_ports);
		assert_int_equal(p.src_addr[15], 1);
		assert_int_equal(p.dst_addr[15], p.ip_version == 4 ? 1 : 2);
		assert_int_equal(p.src_addr[10], p.ip_version == 4 ? 0xff : 0);
	}
}

static void what_gives_no_flow_has_its_reason(void **state)
{
	static const struct { const char *stack; enum pkt_verdict verdict; } rows[] = {
		{ "arp", PKT_NOT_IP }, { "stp", PKT_NOT_IP }, { "tag arp", PKT_NOT_IP }, { "", PKT_L2_SHORT },
		{ "ip4 gre octets", PKT_OTHER_TRANSPORT }, { "ip4 esp octets", PKT_OTHER_TRANSPORT }, { "ip4 sctp octets", PKT_OTHER_TRANSPORT },
		{ "ip6 esp octets", PKT_OTHER_TRANSPORT }, { "ip4 ip4 udp", PKT_OTHER_TRANSPORT }, { "ip4 ip6 tcp", PKT_OTHER_TRANSPORT },
		{ "ip4 icmp6", PKT_OTHER_TRANSPORT }, { "ip6 icmp4", PKT_OTHER_TRANSPORT }, { "ip6 hop octets", PKT_OTHER_TRANSPORT },
		{ "ip4 hop udp", PKT_OTHER_TRANSPORT }, { "ip4 ah hop udp", PKT_OTHER_TRANSPORT }, /* IPv6 headers: not in IPv4 */
		{ "ip4 ah first udp", PKT_OTHER_TRANSPORT },
		{ "tag*9 ip4 udp", PKT_TOO_DEEP }, { "label*8 bottom ip4 udp", PKT_TOO_DEEP }, { "ip6 hop*9 udp", PKT_TOO_DEEP },
		{ "ip4 ah*9 tcp", PKT_TOO_DEEP }, { "tag*9 arp", PKT_TOO_DEEP },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct packet p = parse_stack(rows[i].stack);

		if (p.verdict != rows[i].verdict)
			fail_msg("%s: verdict %u, not %u", rows[i].stack, p.verdict, rows[i].verdict);
	}
}

static void every_field_is_in_its_place(void **state)
{
	struct packet p = parse_stack("tag88 tag ip4 tcp octets");
	const struct packet expected = {
		.src_addr = { [10] = 0xff, 0xff, 10, 0, 0, 1 }, .dst_addr = { [10] = 0xff, 0xff, 192, 0, 2, 1 },
		.src_port = 1111, .dst_port = 443, .protocol = PKT_TCP, .ip_version = 4, .verdict = PKT_OK,
		.flags = PKT_HAS_SRC_MAC | PKT_HAS_DST_MAC | PKT_HAS_VLAN | PKT_HAS_TCP | PKT_HAS_PORTS,
		.src_mac = { 2, 0, 0, 0, 0, 1 }, .dst_mac = { 2, 0, 0, 0, 0, 2 }, .vlan = 200, .tcp_flags = 0x12, .ttl = 64,
		.payload_at = 14 + 8 + 20 + 24, .tcp_seq = 0x01020304, .l3_at = 14 + 8, .l3_len = 20 + 24 + 12,
	};

	(void)state;
	assert_memory_equal(&p, &expected, sizeof(p));
	p = parse_stack("ip6 icmp6");
	assert_int_equal(p.icmp_type, 128);
	assert_int_equal(p.icmp_code, 9);
	assert_int_equal(p.l3_len, 40 + 8);
	assert_int_equal(p.payload_at, 0);
	assert_int_equal(p.vlan, 0);
	p = parse_stack("tag91 ip4 udp octets");
	assert_int_equal(p.vlan, 0xfff);
	assert_int_equal(p.payload_at, 14 + 4 + 20 + 8);
}

/* ---- fragments ---- */

static void fragments_are_told_by_their_offset(void **state)
{
	static const struct { const char *stack; uint16_t ip4_fragment; unsigned flags; bool has_ports; uint32_t id; } rows[] = {
		{ "ip4 udp", 0, 0, true, 9 },
		{ "ip4 udp", 0x4000, 0, true, 9 },          /* don't fragment */
		{ "ip4 udp", 0x2000, PKT_FIRST_FRAGMENT, true, 9 },
		{ "ip4 udp", 0x2001, PKT_LATER_FRAGMENT, false, 9 },
		{ "ip4 tcp", 0x1fff, PKT_LATER_FRAGMENT, false, 9 },
		{ "ip4 tcp", 0x1000, PKT_LATER_FRAGMENT, false, 9 },
		{ "ip4-options icmp4", 0x2008, PKT_LATER_FRAGMENT, false, 9 },
		{ "ip6 atomic udp", 0, 0, true, 77 },       /* RFC 6946: a fragment header on a whole packet */
		{ "ip6 first udp", 0, PKT_FIRST_FRAGMENT, true, 77 },
		{ "ip6 later tcp", 0, PKT_LATER_FRAGMENT, false, 77 },
		{ "ip6 hop later icmp6", 0, PKT_LATER_FRAGMENT, false, 77 },
		{ "ip6 first later udp", 0, PKT_LATER_FRAGMENT, false, 77 }, /* it cannot be both */
	};
	static struct frame f;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct packet p;

		build(&f, rows[i].stack);
		if (rows[i].stack[2] == '4') {
			put_16(f.b.octets + 14 + 4, rows[i].id);
			put_16(f.b.octets + 14 + 6, rows[i].ip4_fragment);
		}
		p = parse(f.b.octets, f.b.len);
		assert_int_equal(p.verdict, PKT_OK);
		assert_int_equal(p.flags & (PKT_FIRST_FRAGMENT | PKT_LATER_FRAGMENT), rows[i].flags);
		assert_int_equal(!!(p.flags & PKT_HAS_PORTS), rows[i].has_ports);
		assert_int_equal(p.src_port, rows[i].has_ports ? 1111 : 0);
		assert_int_equal(p.fragment_id, rows[i].id);
	}
}

/* ---- frames that lie ---- */

static void each_fault_has_its_verdict(void **state)
{
	static const struct { const char *stack; size_t at; unsigned value; enum pkt_verdict verdict; bool has_ports; } rows[] = {
		{ "ip4 udp", 14, 0x65, PKT_IP_VERSION, false },           /* EtherType IPv4, version 6 */
		{ "ip6 udp", 14, 0x45, PKT_IP_VERSION, false },
		{ "ip4 udp", 14, 0x44, PKT_IP_LENGTH, false },            /* header length 16 */
		{ "ip4 udp", 14, 0x40, PKT_IP_LENGTH, false },
		{ "ip4 udp", 14, 0x4f, PKT_IP_LENGTH, false },            /* 60 octets of header, 28 in all */
		{ "ip4 udp", 17, 19, PKT_IP_LENGTH, false },              /* total length below the header's */
		{ "ip4-options udp", 17, 59, PKT_IP_LENGTH, false },
		{ "ip4 udp", 17, 20, PKT_OK, false },                     /* no octet of UDP by the IP length */
		{ "ip4 udp", 17, 23, PKT_OK, false },
		{ "ip4 udp", 17, 24, PKT_OK, true },                      /* exactly the ports */
		{ "ip6 udp", 19, 3, PKT_OK, false },
		{ "ip6 udp", 19, 4, PKT_OK, true },
		{ "ip6 hop udp", 19, 7, PKT_IP_SHORT, false },            /* the extension header passes the IP length */
		{ "ip6 hop udp", 55, 1, PKT_OK, false },                  /* and one that ends with it leaves no ports */
		{ "ip6 hop udp", 55, 2, PKT_IP_SHORT, false },
		{ "ip6 hop octets", 55, 2, PKT_IP_SHORT, false },
		{ "ip4 ah tcp", 35, 255, PKT_IP_SHORT, false },
		{ "pppoe ip4 udp", 15, 9, PKT_NOT_IP, false },            /* not session data, RFC 2516 4 */
		{ "pppoe ip4 udp", 21, 0x23, PKT_NOT_IP, false },         /* another PPP protocol */
		{ "pppoe ip4 udp octets", 21, 0x57, PKT_IP_VERSION, false },
		{ "snap ip4 udp", 17, 1, PKT_NOT_IP, false },             /* an OUI that is not 0 */
		{ "snap ip4 udp", 18, 1, PKT_NOT_IP, false },
		{ "snap ip4 udp", 19, 1, PKT_NOT_IP, false },
		{ "snap ip4 udp", 15, 6, PKT_NOT_IP, false },             /* SAPs that differ */
		{ "sap6 ip4 udp", 15, 7, PKT_NOT_IP, false },
		{ "bottom ip4 udp", 18, 0x05, PKT_NOT_IP, false },        /* a pseudowire's control word, RFC 4385 3 */
		{ "bottom ip4 udp", 16, 0, PKT_NOT_IP, false },           /* the bottom is not where it was: 45 00 00 1c, … */
		{ "ip4 udp", 12, 0x05, PKT_NOT_IP, false },               /* a length in place of the type: no LLC is there */
		{ "ip4 udp", 23, 6, PKT_OK, true },                       /* a TCP header that is cut by the IP length */
	};
	static struct frame f;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct packet p;

		build(&f, rows[i].stack);
		f.b.octets[rows[i].at] = (uint8_t)rows[i].value;
		p = parse(f.b.octets, f.b.len);
		if (p.verdict != rows[i].verdict || !!(p.flags & PKT_HAS_PORTS) != rows[i].has_ports)
			fail_msg("%s with %#x at %zu: verdict %u, flags %#x", rows[i].stack, rows[i].value, rows[i].at, p.verdict, p.flags);
		assert_int_equal(p.src_port, rows[i].has_ports ? 1111 : 0);
	}
}

static void padding_is_no_part_of_the_packet(void **state)
{
	static struct frame f;
	struct packet p;

	(void)state;
	build(&f, "ip4");
	frame_pad(&f, 60);
	memset(f.b.octets + 34, 0x11, 26);
	f.b.octets[23] = PKT_TCP;
	p = parse(f.b.octets, f.b.len);
	assert_int_equal(p.verdict, PKT_OK);
	assert_int_equal(p.src_port, 0);
	assert_int_equal(p.flags & (PKT_HAS_PORTS | PKT_HAS_TCP), 0);
	f.b.octets[17] = 20 + 19;                 /* one octet of the TCP header is padding */
	p = parse(f.b.octets, f.b.len);
	assert_int_equal(p.src_port, 0x1111);
	assert_int_equal(p.flags & (PKT_HAS_PORTS | PKT_HAS_TCP), PKT_HAS_PORTS);
	assert_int_equal(p.tcp_flags, 0);
}

/* A jumbogram (RFC 2675), or a segment that offload has not cut yet. */
static void a_length_of_zero_is_bounded_by_the_frame(void **state)
{
	static const struct { const char *stack; size_t at; uint16_t payload_at; } rows[] = {
		{ "ip4 tcp octets", 16, 14 + 20 + 24 }, { "ip4-options tcp", 16, 14 + 60 + 24 }, { "ip6 hop tcp octets", 18, 14 + 40 + 8 + 24 },
		{ "tag ip6 tcp", 22, 18 + 40 + 24 },
	};
	static struct frame f;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct packet p;

		build(&f, rows[i].stack);
		put_16(f.b.octets + rows[i].at, 0);
		p = parse(f.b.octets, f.b.len);
		assert_int_equal(p.verdict, PKT_OK);
		assert_int_equal(p.l3_len, 0);
		assert_int_equal(p.src_port, 1111);
		assert_int_equal(p.payload_at, rows[i].payload_at);
	}
}

static void a_tcp_data_offset_below_five_leaves_the_payload_unknown(void **state)
{
	static const struct { unsigned offset; uint16_t payload_at; } rows[] = { { 0, 0 }, { 4, 0 }, { 5, 54 }, { 6, 58 }, { 15, 94 } };
	static struct frame f;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct packet p;

		build(&f, "ip4 tcp");
		f.b.octets[34 + 12] = (uint8_t)(rows[i].offset << 4);
		p = parse(f.b.octets, f.b.len);
		assert_int_equal(p.verdict, PKT_OK);
		assert_int_equal(p.tcp_flags, 0x12);
		assert_int_equal(p.payload_at, rows[i].payload_at);
	}
}

/* ---- frames that are cut ---- */

/* What the first `len` octets of a good frame give: its transport begins at `l4_at`. */
static void check_cut(const char *stack, const struct frame *f, size_t len, const struct packet *whole, size_t l4_at)
{
	struct packet p = parse(f->b.octets, len);
	size_t l4_len = whole->protocol == PKT_TCP ? 20 : 4, icmp = whole->flags & PKT_HAS_ICMP;
	bool is_guessed = whole->l3_at >= 4 && strstr(stack, "bottom"); /* the version nibble is looked at as part of the link */
	enum pkt_verdict expected = len < whole->l3_at + is_guessed ? PKT_L2_SHORT : len < l4_at ? PKT_IP_SHORT : PKT_OK;

	if (p.verdict != expected)
		fail_msg("%s cut at %zu: verdict %u, not %u", stack, len, p.verdict, expected);
	if (expected != PKT_OK)
		return;
	assert_int_equal(!!(p.flags & PKT_HAS_PORTS), !icmp && len >= l4_at + 4);
	assert_int_equal(p.src_port, !icmp && len >= l4_at + 4 ? 1111 : 0);
	assert_int_equal(!!(p.flags & PKT_HAS_TCP), whole->protocol == PKT_TCP && len >= l4_at + l4_len);
	assert_int_equal(!!(p.flags & PKT_HAS_ICMP), icmp && len >= l4_at + 2);
	assert_int_equal(p.l3_len, whole->l3_len);
}

static void a_good_frame_may_be_cut_at_every_octet(void **state)
{
	static struct frame f;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct packet whole;
		size_t l4_at;

		build(&f, good[i].stack);
		whole = parse(f.b.octets, f.b.len);
		l4_at = frame_at(&f, good[i].protocol == PKT_TCP ? LAYER_TCP : good[i].protocol == PKT_UDP ? LAYER_UDP :
				 good[i].protocol == PKT_ICMP4 ? LAYER_ICMP4 : LAYER_ICMP6);
		for (size_t len = 0; len <= f.b.len; len++)
			check_cut(good[i].stack, &f, len, &whole, l4_at);
	}
}

/* A deterministic stream of octets (xorshift64). */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void mutated_frames_never_read_past_their_end(void **state)
{
	static struct frame f;
	uint64_t random = 0x9e3779b97f4a7c15;
	size_t verdicts[PKT_VERDICTS] = { 0 };

	(void)state;
	for (int i = 0; i < 100000; i++) {
		build(&f, good[next_random(&random) % COUNT(good)].stack);
		for (uint64_t n = next_random(&random) % 4; n; n--)
			f.b.octets[next_random(&random) % f.b.len] = (uint8_t)next_random(&random);
		verdicts[parse(f.b.octets, next_random(&random) % (f.b.len + 1)).verdict]++;
	}
	for (int i = 0; i < PKT_VERDICTS; i++)
		assert_true(verdicts[i] > 0);
}

/* ---- keys ---- */

static void the_lower_endpoint_comes_first(void **state)
{
	static const struct { uint8_t src, dst; uint16_t src_port, dst_port; uint8_t from_high; } rows[] = {
		{ 1, 2, 5, 6, 0 }, { 2, 1, 5, 6, 1 }, { 2, 1, 6, 5, 1 }, { 1, 1, 5, 6, 0 }, { 1, 1, 6, 5, 1 }, { 1, 1, 5, 5, 0 },
		{ 1, 1, 0, 65535, 0 }, { 1, 1, 65535, 0, 1 }, { 0x7f, 0x80, 1, 1, 0 }, { 0x80, 0x7f, 1, 1, 1 },
	};

	(void)state;
	for (int octet = 0; octet < 16; octet++) {
		for (size_t i = 0; i < COUNT(rows); i++) {
			struct packet p = { .src_port = rows[i].src_port, .dst_port = rows[i].dst_port, .protocol = 6, .ip_version = 6 }, back;
			struct flow_key key, key_back;

			p.src_addr[octet] = rows[i].src;
			p.dst_addr[octet] = rows[i].dst;
			back = p;
			memcpy(back.src_addr, p.dst_addr, 16);
			memcpy(back.dst_addr, p.src_addr, 16);
			back.src_port = p.dst_port;
			back.dst_port = p.src_port;
			memset(&key, 0xee, sizeof(key));
			assert_int_equal(flow_key_orient(&p, &key), rows[i].from_high);
			flow_key_orient(&back, &key_back);
			assert_memory_equal(&key, &key_back, sizeof(key));
			assert_memory_equal(key.low_addr, rows[i].from_high ? p.dst_addr : p.src_addr, 16);
			assert_int_equal(key.low_port, rows[i].from_high ? p.dst_port : p.src_port);
			assert_true(!key.pad[0] && !key.pad[1] && key.protocol == 6 && key.ip_version == 6);
		}
	}
}

static void the_ports_say_which_names_a_packet_may_carry(void **state)
{
	static const struct { uint8_t protocol; uint16_t src, dst; enum name_port expected; } rows[] = {
		{ PKT_UDP, 5000, 53, NAME_PORT_DNS }, { PKT_UDP, 53, 5000, NAME_PORT_DNS }, { PKT_UDP, 5353, 5353, NAME_PORT_MDNS },
		{ PKT_UDP, 5000, 5355, NAME_PORT_LLMNR }, { PKT_UDP, 137, 137, NAME_PORT_NBNS }, { PKT_UDP, 68, 67, NAME_PORT_DHCP4 },
		{ PKT_UDP, 67, 68, NAME_PORT_DHCP4 }, { PKT_UDP, 546, 547, NAME_PORT_DHCP6 }, { PKT_UDP, 547, 546, NAME_PORT_DHCP6 },
		{ PKT_UDP, 5000, 443, NAME_PORT_NONE }, { PKT_UDP, 0, 0, NAME_PORT_NONE }, { PKT_TCP, 5000, 53, NAME_PORT_DNS },
		{ PKT_TCP, 53, 5000, NAME_PORT_DNS }, { PKT_TCP, 5353, 5353, NAME_PORT_NONE }, { PKT_TCP, 137, 139, NAME_PORT_NONE },
		{ PKT_ICMP4, 53, 53, NAME_PORT_NONE }, { PKT_ICMP6, 53, 53, NAME_PORT_NONE }, { PKT_UDP, 53, 5353, NAME_PORT_DNS },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct packet p = { .protocol = rows[i].protocol, .src_port = rows[i].src, .dst_port = rows[i].dst };

		assert_int_equal(flow_name_port(&p), rows[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_stacks_are_looked_through),
		cmocka_unit_test(what_gives_no_flow_has_its_reason),
		cmocka_unit_test(every_field_is_in_its_place),
		cmocka_unit_test(fragments_are_told_by_their_offset),
		cmocka_unit_test(each_fault_has_its_verdict),
		cmocka_unit_test(padding_is_no_part_of_the_packet),
		cmocka_unit_test(a_length_of_zero_is_bounded_by_the_frame),
		cmocka_unit_test(a_tcp_data_offset_below_five_leaves_the_payload_unknown),
		cmocka_unit_test(a_good_frame_may_be_cut_at_every_octet),
		cmocka_unit_test(mutated_frames_never_read_past_their_end),
		cmocka_unit_test(the_lower_endpoint_comes_first),
		cmocka_unit_test(the_ports_say_which_names_a_packet_may_carry),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
