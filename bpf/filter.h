/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* filter.h - the place of --filter: functions of no-ops that user space overwrites, in the object file, with what the pcap filter
 * became. Without a filter the verifier takes call and functions away. */
#ifndef DEVOURER_FILTER_BPF_H
#define DEVOURER_FILTER_BPF_H

const volatile bool has_filter;

/* A number of the frame in network order, or -1: it ends before. The written instructions call it when the frame does not begin
 * with `len` more octets in one piece at a constant offset. */
static __always_inline int64_t load_number(void *ctx, uint32_t shape, uint64_t at, uint32_t len)
{
	uint8_t octet;
	uint16_t half;
	uint32_t word;

	if (at > INT32_MAX)
		return -1;
	if (len == 1)
		return load_bytes(ctx, shape, (uint32_t)at, &octet, 1) ? -1 : octet;
	if (len == 2)
		return load_bytes(ctx, shape, (uint32_t)at, &half, 2) ? -1 : __builtin_bswap16(half);
	return load_bytes(ctx, shape, (uint32_t)at, &word, 4) ? -1 : (int64_t)__builtin_bswap32(word);
}

#define TAG_AT 12                                 /* IEEE 802.1Q: behind both MACs */
#define TAG_END 16

static __always_inline int64_t load_tagged_octet(struct __sk_buff *skb, uint64_t at)
{
	uint32_t tag = (uint32_t)__builtin_bswap16((uint16_t)skb->vlan_proto) << 16 | (skb->vlan_tci & 0xffff);

	if (at < TAG_AT)
		return load_number(skb, SHAPE_SKB, at, 1);
	if (at >= TAG_END)
		return load_number(skb, SHAPE_SKB, at - (TAG_END - TAG_AT), 1);
	return tag >> 8 * (TAG_END - 1 - at) & 0xff;
}

/* The tag that is in the metadata is where it was on the wire, for the filter as for libpcap. */
static __always_inline int64_t load_tagged(struct __sk_buff *skb, uint64_t at, uint32_t len)
{
	int64_t number = 0, octet = 0;

	if (at + len <= TAG_AT)
		return load_number(skb, SHAPE_SKB, at, len);
	if (at >= TAG_END)
		return load_number(skb, SHAPE_SKB, at - (TAG_END - TAG_AT), len);
#pragma unroll
	for (uint32_t i = 0; i < 4; i++) {
		if (i < len && octet >= 0) {
			octet = load_tagged_octet(skb, at + i);
			number = number << 8 | octet;
		}
	}
	return octet < 0 ? -1 : number;
}

static __always_inline int64_t filter_load_body(void *ctx, uint64_t at, uint32_t len, uint32_t shape)
{
	if (shape == SHAPE_SKB && ((struct __sk_buff *)ctx)->vlan_present)
		return load_tagged(ctx, at, len);
	return load_number(ctx, shape, at, len);
}

/* Not 0: the frame shall be counted. */
static __always_inline int filter_frame_body(void *ctx, uint32_t shape)
{
	int takes = 1;

	asm volatile(".rept %[room]\n\tgoto +0\n\t.endr" : "+r"(takes) : "r"(ctx), [room] "i"(ABI_FILTER_ROOM + 3) : "memory");
	return takes;
}

FOR_EACH_SHAPE(__attribute__((used)) int64_t, filter_load, (void *ctx, uint64_t at, uint32_t len), ctx, at, len)
FOR_EACH_SHAPE(__attribute__((used)) int, filter_frame, (void *ctx), ctx)

static __always_inline bool is_unwanted(void *ctx, uint32_t shape)
{
	return has_filter && !OF_SHAPE(shape, filter_frame, ctx);
}
#endif
