/* SPDX-License-Identifier: Apache-2.0 */
/* test_link.c - every link type: what it finds, whose MAC it knows, and every place to cut its header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <pcap/pcap.h>
#include "../user/source/link.h"
#include "captures/blob.c"
#include "captures/frame.c"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define SRC_MAC "02:00:00:00:00:01"

static void add_ethernet(struct frame *f) { ethernet(f, SRC_MAC, "02:00:00:00:00:02"); }
static void add_nothing(struct frame *f) { (void)f; }
static void add_null_linux4(struct frame *f) { null_link(f, 2, false); }
static void add_null_linux6(struct frame *f) { null_link(f, 10, false); }
static void add_null_bsd6(struct frame *f) { null_link(f, 24, false); }
static void add_null_freebsd6(struct frame *f) { null_link(f, 28, false); }
static void add_null_darwin6(struct frame *f) { null_link(f, 30, false); }
static void add_loop4(struct frame *f) { null_link(f, 2, true); }
static void add_loop6(struct frame *f) { null_link(f, 24, true); }
static void add_sll(struct frame *f) { sll(f, SRC_MAC); }
static void add_sll_bare(struct frame *f) { sll(f, NULL); }
static void add_sll2(struct frame *f) { sll2(f, SRC_MAC); }
static void add_sll2_bare(struct frame *f) { sll2(f, NULL); }
static void add_ppp(struct frame *f) { ppp(f, true); }
static void add_ppp_bare(struct frame *f) { ppp(f, false); }
static void add_hdlc(struct frame *f) { cisco_hdlc(f); }
static void add_pppoe(struct frame *f) { pppoe(f, 1); }

enum macs { NO_MAC, SRC_ONLY = PKT_HAS_SRC_MAC, BOTH = PKT_HAS_SRC_MAC | PKT_HAS_DST_MAC };

static const struct link_row {
	int dlt;
	void (*add)(struct frame *f);
	int version;
	enum macs macs;
	bool is_guessed;                          /* the first octet of IP is looked at as part of the link */
} rows[] = {
	{ DLT_EN10MB, add_ethernet, 4, BOTH, false }, { DLT_EN10MB, add_ethernet, 6, BOTH, false },
	{ DLT_RAW, add_nothing, 4, NO_MAC, true }, { DLT_RAW, add_nothing, 6, NO_MAC, true },
	{ DLT_IPV4, add_nothing, 4, NO_MAC, false }, { DLT_IPV6, add_nothing, 6, NO_MAC, false },
	{ DLT_NULL, add_null_linux4, 4, NO_MAC, false }, { DLT_NULL, add_null_linux6, 6, NO_MAC, false },
	{ DLT_NULL, add_null_bsd6, 6, NO_MAC, false }, { DLT_NULL, add_null_freebsd6, 6, NO_MAC, false },
	{ DLT_NULL, add_null_darwin6, 6, NO_MAC, false }, { DLT_NULL, add_loop4, 4, NO_MAC, false },
	{ DLT_LOOP, add_loop4, 4, NO_MAC, false }, { DLT_LOOP, add_loop6, 6, NO_MAC, false },
	{ DLT_LINUX_SLL, add_sll, 4, SRC_ONLY, false }, { DLT_LINUX_SLL, add_sll_bare, 6, NO_MAC, false },
	{ DLT_LINUX_SLL2, add_sll2, 6, SRC_ONLY, false }, { DLT_LINUX_SLL2, add_sll2_bare, 4, NO_MAC, false },
	{ DLT_PPP, add_ppp, 4, NO_MAC, false }, { DLT_PPP, add_ppp_bare, 6, NO_MAC, false },
	{ DLT_PPP_SERIAL, add_ppp, 6, NO_MAC, false }, { DLT_PPP_SERIAL, add_hdlc, 4, NO_MAC, false },
	{ DLT_PPP_ETHER, add_pppoe, 4, NO_MAC, false }, { DLT_PPP_ETHER, add_pppoe, 6, NO_MAC, false },
	{ DLT_C_HDLC, add_hdlc, 4, NO_MAC, false }, { DLT_C_HDLC, add_hdlc, 6, NO_MAC, false },
};

/* Returns where the IP header begins. */
static size_t build(struct frame *f, void (*add)(struct frame *f), int version)
{
	frame_begin(f);
	add(f);
	if (version == 4)
		ipv4(f, "10.0.0.1", "192.0.2.1");
	else
		ipv6(f, "fd00::1", "fd00::2");
	udp(f, 1111, 443);
	frame_end(f);
	return frame_at(f, version == 4 ? LAYER_IPV4 : LAYER_IPV6);
}

/* In a heap block of exactly its size, so that a sanitizer sees a read behind it. */
static struct packet parse(int dlt, const uint8_t *octets, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);
	enum pkt_verdict verdict;
	struct packet p;

	assert_non_null(exact);
	memcpy(exact, octets, len);
	memset(&p, 0xee, sizeof(p));
	verdict = link_parser_of(dlt)(exact, len, &p);
	free(exact);
	assert_int_equal(p.verdict, verdict);
	return p;
}

static void each_link_type_leads_to_its_ip_packet(void **state)
{
	static struct frame f;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t l3_at = build(&f, rows[i].add, rows[i].version);
		struct packet p = parse(rows[i].dlt, f.b.octets, f.b.len);

		if (p.verdict != PKT_OK || p.ip_version != rows[i].version || p.src_port != 1111 || p.dst_port != 443)
			fail_msg("row %zu: verdict %u, version %u, ports %u %u", i, p.verdict, p.ip_version, p.src_port, p.dst_port);
		assert_int_equal(p.l3_at, l3_at);
		assert_int_equal(p.payload_at, l3_at + (rows[i].version == 4 ? 28 : 48));
		assert_int_equal(p.flags & BOTH, rows[i].macs);
		assert_memory_equal(p.src_mac, rows[i].macs ? "\2\0\0\0\0\1" : "\0\0\0\0\0\0", 6);
	}
}

static void a_link_header_may_be_cut_at_every_octet(void **state)
{
	static struct frame f;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t l3_at = build(&f, rows[i].add, rows[i].version), header = rows[i].version == 4 ? 20 : 40;

		for (size_t len = 0; len <= f.b.len; len++) {
			struct packet p = parse(rows[i].dlt, f.b.octets, len);
			enum pkt_verdict expected = len < l3_at + rows[i].is_guessed ? PKT_L2_SHORT : len < l3_at + header ? PKT_IP_SHORT : PKT_OK;

			if (p.verdict != expected)
				fail_msg("row %zu cut at %zu: verdict %u, not %u", i, len, p.verdict, expected);
		}
	}
}

static void what_is_not_ip_gives_no_flow(void **state)
{
	static const struct { int dlt; const char *octets; size_t len; enum pkt_verdict verdict; } others[] = {
		{ DLT_NULL, "\7\0\0\0\x45", 5, PKT_NOT_IP },
		{ DLT_RAW, "\x50\0\0\0", 4, PKT_NOT_IP },
		{ DLT_IPV4, "\x60\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20, PKT_IP_VERSION },
		{ DLT_PPP, "\xff\x03\xc0\x21", 4, PKT_NOT_IP },            /* LCP */
		{ DLT_PPP, "\xff\x03\xc0", 3, PKT_L2_SHORT },
		{ DLT_PPP, "\x80\x21", 2, PKT_NOT_IP },                    /* IPCP */
		{ DLT_C_HDLC, "\x0f\0\x80\x35", 4, PKT_NOT_IP },           /* SLARP */
		{ DLT_LINUX_SLL, "\0\4\0\1\0\6\1\2\3\4\5\6\0\0\0\1\x45\0\0\0", 20, PKT_NOT_IP },     /* 802.3 without LLC */
		{ DLT_LINUX_SLL, "\0\4\0\1\0\6\1\2\3\4\5\6\0\0\0\4\x42\x42\3\0", 20, PKT_NOT_IP },   /* 802.2: spanning tree */
		{ DLT_LINUX_SLL, "\0\4\1\x18\0\0\0\0\0\0\0\0\0\0\0\x0c\xaa\xaa\3\0\0\0\x08\0", 24, PKT_NOT_IP }, /* CAN */
		{ DLT_LINUX_SLL2, "\0\x0c\0\0\0\0\0\2\1\x18\0\0\0\0\0\0\0\0\0\0\x06\x06\3\x45", 24, PKT_NOT_IP }, /* CAN */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(others); i++) {
		struct packet p = parse(others[i].dlt, (const uint8_t *)others[i].octets, others[i].len);

		if (p.verdict != others[i].verdict)
			fail_msg("row %zu: verdict %u, not %u", i, p.verdict, others[i].verdict);
	}
}

static void a_compressed_ppp_protocol_field_is_read(void **state)
{
	static struct frame f;
	uint8_t octets[128] = { 0xff, 0x03, 0x21 };
	struct packet p;

	(void)state;
	build(&f, add_nothing, 4);
	memcpy(octets + 3, f.b.octets, f.b.len);
	p = parse(DLT_PPP, octets, 3 + f.b.len);
	assert_int_equal(p.verdict, PKT_OK);
	assert_int_equal(p.l3_at, 3);
	p = parse(DLT_PPP, octets + 2, 1 + f.b.len);
	assert_int_equal(p.verdict, PKT_OK);
	assert_int_equal(p.l3_at, 1);
}

static void tags_labels_and_llc_follow_any_link_with_ethertypes(void **state)
{
	static const struct { int dlt; void (*add)(struct frame *f); } links[] = {
		{ DLT_LINUX_SLL, add_sll }, { DLT_LINUX_SLL2, add_sll2 }, { DLT_C_HDLC, add_hdlc },
	};
	static struct frame f;

	(void)state;
	for (size_t i = 0; i < COUNT(links); i++) {
		struct packet p;

		frame_begin(&f);
		links[i].add(&f);
		vlan(&f, 0x8100, 42);
		mpls(&f, 16, true);
		ipv6(&f, "fd00::1", "fd00::2");
		tcp(&f, 1111, 443, TCP_SYN, 1, 0);
		frame_end(&f);
		p = parse(links[i].dlt, f.b.octets, f.b.len);
		assert_int_equal(p.verdict, PKT_OK);
		assert_int_equal(p.vlan, 42);
		assert_int_equal(p.dst_port, 443);
	}
}

static void an_802_2_frame_of_a_cooked_capture_is_looked_through(void **state)
{
	static struct frame f;
	uint8_t octets[128] = { 0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0, 4, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0 };
	struct packet p;

	(void)state;
	build(&f, add_nothing, 4);
	memcpy(octets + 24, f.b.octets, f.b.len);
	p = parse(DLT_LINUX_SLL, octets, 24 + f.b.len);
	assert_int_equal(p.verdict, PKT_OK);
	assert_int_equal(p.src_port, 1111);
}

static void the_message_names_exactly_the_link_types_that_are_read(void **state)
{
	const char *text = link_types_text();
	unsigned found = 0, names = 1;

	(void)state;
	for (int dlt = -1; dlt < 1000; dlt++) {
		const char *name = pcap_datalink_val_to_name(dlt);

		if (!link_parser_of(dlt))
			continue;
		found++;
		assert_non_null(name);
		assert_non_null(strstr(text, name));
	}
	for (const char *comma = text; (comma = strchr(comma, ',')); comma++)
		names++;
	assert_int_equal(found, names);
	assert_null(link_parser_of(147));         /* USER0 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_link_type_leads_to_its_ip_packet),
		cmocka_unit_test(a_link_header_may_be_cut_at_every_octet),
		cmocka_unit_test(what_is_not_ip_gives_no_flow),
		cmocka_unit_test(a_compressed_ppp_protocol_field_is_read),
		cmocka_unit_test(tags_labels_and_llc_follow_any_link_with_ethertypes),
		cmocka_unit_test(an_802_2_frame_of_a_cooked_capture_is_looked_through),
		cmocka_unit_test(the_message_names_exactly_the_link_types_that_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
