/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* fast.h - untagged Ethernet, IPv4 without options or IPv6 without extension headers, no fragment: all offsets are constants. */
#ifndef DEVOURER_FAST_H
#define DEVOURER_FAST_H

#define L3_AT 14
#define L4_AT_4 34
#define L4_AT_6 54

static __always_inline uint16_t load16(const void *at)
{
	return __builtin_bswap16(*(const uint16_t *)at);
}

/* The transport header at a constant offset. Inlined once for each IP version and kept apart there, so that no offset becomes
 * a variable. */
static __always_inline bool take_tcp(struct meter *m, const uint8_t *frame, const uint8_t *end, const uint32_t l4_at, uint32_t l3_len)
{
	const uint8_t *l4 = frame + l4_at;
	uint32_t header_len;

	APART(l4_at + 1);
	if (l4 + 20 > end || l3_len < l4_at - L3_AT + 20)
		return false;
	m->key.src_port = load16(l4);
	m->key.dst_port = load16(l4 + 2);
	m->tcp_flags = l4[13];
	header_len = (l4[12] >> 4) * 4;
	APART(l4_at + 2);
	m->payload_at = l4_at + header_len;
	m->payload_len = l3_len - (l4_at - L3_AT);
	m->payload_len = header_len >= 20 && m->payload_len > header_len ? m->payload_len - header_len : 0;
	return true;
}

static __always_inline bool take_udp(struct meter *m, const uint8_t *frame, const uint8_t *end, const uint32_t l4_at, uint32_t l3_len)
{
	const uint8_t *l4 = frame + l4_at;

	APART(l4_at + 3);
	if (l4 + 8 > end || l3_len < l4_at - L3_AT + 8)
		return false;
	m->key.src_port = load16(l4);
	m->key.dst_port = load16(l4 + 2);
	APART(l4_at + 4);
	m->tcp_flags = 0;
	m->payload_at = l4_at + 8;
	m->payload_len = 0;
	return true;
}

static __always_inline bool take_transport(struct meter *m, const uint8_t *frame, const uint8_t *end, const uint32_t l4_at, uint32_t l3_len,
					   uint8_t protocol)
{
	m->key.protocol = protocol;
	if (protocol == PKT_TCP)
		return take_tcp(m, frame, end, l4_at, l3_len);
	if (protocol == PKT_UDP)
		return take_udp(m, frame, end, l4_at, l3_len);
	return false;                             /* ICMP: type and code are read on the slow path */
}

static __always_inline bool fast_ip4(struct meter *m, const uint8_t *frame, const uint8_t *end)
{
	const uint8_t *ip = frame + L3_AT;
	uint64_t *words = (void *)&m->key;

	if (ip[0] != 0x45 || load16(ip + 6) & 0x3fff)
		return false;
	words[0] = words[2] = 0;
	words[1] = 0xffff0000u | (uint64_t) *(const uint32_t *)(ip + 12) << 32; /* ::ffff:a.b.c.d as it lies in memory */
	words[3] = 0xffff0000u | (uint64_t) *(const uint32_t *)(ip + 16) << 32;
	m->key.ip_version = 4;
	return take_transport(m, frame, end, L4_AT_4, load16(ip + 2), ip[9]);
}

static __always_inline bool fast_ip6(struct meter *m, const uint8_t *frame, const uint8_t *end)
{
	const uint8_t *ip = frame + L3_AT;
	uint32_t *words = (void *)&m->key;
	const uint32_t *addrs = (const void *)(ip + 8);

	if (ip + 40 > end || ip[0] >> 4 != 6)
		return false;
#pragma unroll
	for (int i = 0; i < 8; i++)
		words[i] = addrs[i];
	m->key.ip_version = 6;
	return take_transport(m, frame, end, L4_AT_6, 40u + load16(ip + 4), ip[6]);
}

/* True: the key is in `m`. False: the slow path shall look. */
static __always_inline bool fast_path(const uint8_t *frame, const uint8_t *end, struct meter *m)
{
	uint16_t type;

	if (frame + L4_AT_4 > end)
		return false;
	m->key.interface = (uint16_t)m->interface;
	type = *(const uint16_t *)(frame + 12);
	if (type == __builtin_bswap16(PKT_ETH_IP4))
		return fast_ip4(m, frame, end);
	if (type == __builtin_bswap16(PKT_ETH_IP6))
		return fast_ip6(m, frame, end);
	return false;
}
#endif
