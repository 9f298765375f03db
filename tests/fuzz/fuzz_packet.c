/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_packet.c - frames of every link type; the first octet chooses which, the second where the frame is cut besides. */
#include <pcap/dlt.h>
#include <stdlib.h>
#include "../../include/flow.h"
#include "../../user/source/link.h"
#include "invariants.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const int dlts[] = {
	DLT_EN10MB, DLT_EN10MB, DLT_EN10MB, DLT_EN10MB, DLT_RAW, DLT_NULL, DLT_LOOP, 228 /* IPV4 */, 229 /* IPV6 */, DLT_LINUX_SLL,
	276 /* LINUX_SLL2 */, DLT_PPP, DLT_PPP_SERIAL, DLT_PPP_ETHER, DLT_C_HDLC,
};

/* In a block of exactly the frame's size; what the parser does not write would show. */
static struct packet parse(link_parser *parser, const uint8_t *frame, size_t len, int fill)
{
	uint8_t *exact = malloc(len ? len : 1);
	struct packet p;

	must(exact != NULL);
	memcpy(exact, frame, len);
	memset(&p, fill, sizeof(p));
	must(parser(exact, len, &p) == p.verdict && p.verdict < PKT_VERDICTS);
	free(exact);
	return p;
}

static void must_be_sound(const struct packet *p, size_t len)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	bool is_icmp = p->protocol == PKT_ICMP4 || p->protocol == PKT_ICMP6, has_ports = p->protocol == PKT_TCP || p->protocol == PKT_UDP;
	size_t header = p->ip_version == 4 ? 20 : 40;

	must(p->ip_version == 4 || p->ip_version == 6);
	must(has_ports || p->protocol == (p->ip_version == 4 ? PKT_ICMP4 : PKT_ICMP6));
	must(p->l3_at + header <= len && (p->l3_len >= header || !p->l3_len));
	must(p->ip_version == 6 || (!memcmp(p->src_addr, mapped, 12) && !memcmp(p->dst_addr, mapped, 12)));
	must((p->flags & (PKT_FIRST_FRAGMENT | PKT_LATER_FRAGMENT)) != (PKT_FIRST_FRAGMENT | PKT_LATER_FRAGMENT));
	must(!(p->flags & PKT_LATER_FRAGMENT) || !(p->flags & (PKT_HAS_PORTS | PKT_HAS_TCP | PKT_HAS_ICMP)));
	must(!(p->flags & PKT_HAS_PORTS) || has_ports);
	must(p->flags & PKT_HAS_PORTS || (!p->src_port && !p->dst_port && !p->payload_at));
	must(!(p->flags & PKT_HAS_TCP) || (p->flags & PKT_HAS_PORTS && p->protocol == PKT_TCP));
	must(p->flags & PKT_HAS_TCP || (!p->tcp_seq && !p->tcp_flags));
	must(p->flags & PKT_HAS_ICMP ? is_icmp : !p->icmp_type && !p->icmp_code);
	must(!p->payload_at || p->payload_at >= p->l3_at + header + 8);
	must(p->protocol != PKT_UDP || p->payload_at <= len);
	must(p->flags & PKT_HAS_VLAN ? p->vlan < 4096 : !p->vlan);
}

/* A frame that was cut says less, and nothing else. */
static void must_say_less(const struct packet *cut, const struct packet *whole)
{
	if (cut->verdict == PKT_OK) {
		must(whole->verdict == PKT_OK && cut->protocol == whole->protocol && (cut->flags & ~whole->flags) == 0);
		must(!(cut->flags & PKT_HAS_PORTS) || (cut->src_port == whole->src_port && cut->dst_port == whole->dst_port));
		return;
	}
	must(cut->verdict == whole->verdict || cut->verdict == PKT_L2_SHORT || cut->verdict == PKT_IP_SHORT);
}

/* Octets behind the IP packet are padding. */
static void must_ignore_padding(link_parser *parser, const struct packet *p, const uint8_t *frame, size_t len)
{
	size_t end = (size_t)p->l3_at + p->l3_len;
	struct packet other;
	uint8_t *padded;

	if (!p->l3_len || end >= len)
		return;
	padded = malloc(len);
	must(padded != NULL);
	memcpy(padded, frame, len);
	for (size_t i = end; i < len; i++)
		padded[i] ^= 0xff;
	other = parse(parser, padded, len, 0);
	free(padded);
	must(!memcmp(p, &other, sizeof(other)));
}

static void must_be_one_key(const struct packet *p)
{
	struct packet back = *p;
	struct flow_key key, key_back;
	uint8_t from_high, from_high_back;

	memcpy(back.src_addr, p->dst_addr, 16);
	memcpy(back.dst_addr, p->src_addr, 16);
	back.src_port = p->dst_port;
	back.dst_port = p->src_port;
	memset(&key, 1, sizeof(key));
	memset(&key_back, 2, sizeof(key_back));
	from_high = flow_key_orient(p, &key);
	from_high_back = flow_key_orient(&back, &key_back);
	must(!memcmp(&key, &key_back, sizeof(key)));
	must(from_high + from_high_back == (memcmp(p->src_addr, p->dst_addr, 16) || p->src_port != p->dst_port));
	must(memcmp(key.low_addr, key.high_addr, 16) < 0 || (!memcmp(key.low_addr, key.high_addr, 16) && key.low_port <= key.high_port));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	link_parser *parser;
	struct packet p, again, cut;

	if (size < 2)
		return 0;
	parser = link_parser_of(dlts[data[0] % ARRAY_SIZE(dlts)]);
	p = parse(parser, data + 2, size - 2, 0);
	again = parse(parser, data + 2, size - 2, 0xff);
	must(!memcmp(&p, &again, sizeof(p)));
	cut = parse(parser, data + 2, (size - 2) * data[1] / 256, 0);
	must_say_less(&cut, &p);
	if (p.verdict != PKT_OK)
		return 0;
	must_be_sound(&p, size - 2);
	must_ignore_padding(parser, &p, data + 2, size - 2);
	must_be_one_key(&p);
	return 0;
}
