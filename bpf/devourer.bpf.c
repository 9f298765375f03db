/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* devourer.bpf.c - counts packets per flow and CPU, copies name packets to two rings, and passes every frame on.
 *
 * One object for XDP and TC that loads with CAP_BPF and CAP_NET_ADMIN alone and is as fast as with CAP_PERFMON: the fast path
 * reads packets at constant offsets and keeps nothing on the stack (without CAP_PERFMON the verifier puts a speculation
 * barrier behind each first store there); everything else is one slow path by load-bytes, the parser of packet.h.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <stdint.h>

/* Always 0; in .bss, so that the verifier does not know. */
volatile uint32_t unknown;
#define PKT_FORGET(value) ((value) + unknown)
#define PKT_LOAD(c, at, to, len) ((c)->is_skb ? bpf_skb_load_bytes((c)->start, at, to, len) : bpf_xdp_load_bytes((void *)(c)->start, at, to, len))
#include "../include/abi.h"
#include "../include/flow.h"
#include "table.h"
#include "samples.h"
#include "fast.h"
#include "filter.h"

/* The slow path: the whole parser, and the ports of fragments. 0: the key is in `m`; else not recorded, and counted. */
static __always_inline int slow_path_body(void *ctx, struct meter *m, uint32_t shape)
{
	struct pkt_cursor c = { .start = ctx, .is_skb = shape & SHAPE_SKB };
	struct packet *p = &m->packet;
	int next;

	__builtin_memset(p, 0, sizeof(*p));
	next = shape & SHAPE_L3 ? pkt_guess_ip(&c) : pkt_l2(&c, p);
	if (next >= 0)
		next = pkt_l3(&c, p, next);
	if (next >= 0)
		next = pkt_l4(&c, p, next);
	if (next)
		return count_not_recorded(m, (uint8_t)-next);
	if (p->flags & (PKT_FIRST_FRAGMENT | PKT_LATER_FRAGMENT))
		find_ports(m);
	take_key(m);
	return 0;
}

FOR_EACH_SHAPE(int, slow_path, (void *ctx, struct meter *m), ctx, m)

/* MACs, VLAN and the rest of a first packet. After the fast path they are read here, not on every packet. */
static __always_inline void fill_cold(void *ctx, struct meter *m, struct cold *cold, uint32_t shape)
{
	const struct packet *p = &m->packet;

	if (m->cold_is_packet) {
		__builtin_memcpy(cold->src_mac, p->src_mac, 6);
		__builtin_memcpy(cold->dst_mac, p->dst_mac, 6);
		cold->vlan = p->vlan;
		cold->icmp_type = p->icmp_type;
		cold->icmp_code = p->icmp_code;
		cold->packet_flags = p->flags;
		cold->tcp_seq = p->tcp_seq;
	} else {
		load_bytes(ctx, shape, 0, cold->dst_mac, 6);
		load_bytes(ctx, shape, 6, cold->src_mac, 6);
		cold->vlan = 0;
		cold->packet_flags = PKT_HAS_SRC_MAC | PKT_HAS_DST_MAC | PKT_HAS_PORTS;
		if (m->key.protocol == PKT_TCP)
			cold->packet_flags |= PKT_HAS_TCP;
		cold->icmp_type = cold->icmp_code = 0;
		if (!load_bytes(ctx, shape, m->key.ip_version == 4 ? L4_AT_4 + 4 : L4_AT_6 + 4, &cold->tcp_seq, 4))
			cold->tcp_seq = __builtin_bswap32(cold->tcp_seq);
	}
	if (m->tag) {
		cold->vlan = m->tag & 0xfff;
		cold->packet_flags |= PKT_HAS_VLAN;
	}
	cold->tcp_flags = (uint8_t)m->tcp_flags;
}

#define TCP_SYN 2                                 /* RFC 9293 3.1 */

/* The way that is empty, else the one whose last packet is oldest. */
static __always_inline uint32_t choose_way(const struct slot_set *set)
{
	uint32_t way = 0, last = set->ways[0].last;

	if (!set->ways[0].packets)
		return 0;
	for (uint32_t i = 1; i < ABI_WAYS; i++) {
		if (!set->ways[i].packets)
			return i;
		if ((int32_t)(set->ways[i].last - last) < 0) {
			way = i;
			last = set->ways[i].last;
		}
	}
	return way;
}

/* A flow that is nothing but a SYN so far. */
static __always_inline bool is_lone_syn(const struct slot *slot)
{
	return slot->packets == 1 && (slot->flags & 0xff) == TCP_SYN;
}

/* Send the flow that has to go to user space. False: there is no room in the ring, so it stays. The last part of the ring is not
 * for lone SYNs, nor for whom they displace: a flood of them shall not cost other flows their packets. */
static __always_inline bool evict(struct meter *m, const struct slot *slot, const struct cold *cold)
{
	uint64_t waiting = bpf_ringbuf_query(&victims, BPF_RB_AVAIL_DATA);

	if (waiting > victims_no_syn && (m->tcp_flags == TCP_SYN || is_lone_syn(slot)))
		return false;
	m->victim.slot = *slot;
	m->victim.cold = *cold;
	return !bpf_ringbuf_output(&victims, &m->victim, sizeof(m->victim), wake_flag(waiting, victims_wake, sizeof(m->victim)));
}

/* ABI_WAYS: there is none. */
static __noinline uint32_t find_lone_syn(struct slot_set *set)
{
	if (!set)
		return ABI_WAYS;
#pragma unroll
	for (uint32_t i = 0; i < ABI_WAYS; i++)
		if (is_lone_syn(&set->ways[i]))
			return i;
	return ABI_WAYS;
}

/* No slot can be evicted: a lone SYN makes room for a packet that is none, and is counted in its place. The way to take;
 * ABI_WAYS: none. */
static __always_inline uint32_t count_overflow(struct meter *m, struct slot_set *set)
{
	uint32_t way = m->tcp_flags == TCP_SYN ? ABI_WAYS : find_lone_syn(set);
	struct slot *slot;

	if (way >= ABI_WAYS) {
		m->counters.overflow += m->segments;
		m->counters.overflow_octets += m->octets;
		return ABI_WAYS;
	}
	slot = way_of(set, way);
	m->counters.overflow++;
	m->counters.overflow_octets += slot->octets;
	return way;
}

/* No slot is of this flow: take one. A slot full of packets (2^31) is given up likewise. Returns the class of a sample. */
static __always_inline uint32_t take_slot_body(void *ctx, struct meter *m, struct slot_set *set, uint32_t shape)
{
	struct slot *slot;
	struct cold *cold;
	uint32_t way;

	if (!set)
		return 0;
	way = choose_way(set);
	m->cold_index = m->index * ABI_WAYS + way;
	cold = bpf_map_lookup_elem(&colds, &m->cold_index);
	if (!cold)
		return (uint32_t)count_fault(m);
	slot = way_of(set, way);
	if (slot->packets && !evict(m, slot, cold)) {
		way = count_overflow(m, set);
		if (way >= ABI_WAYS)
			return 0;
		m->cold_index = m->index * ABI_WAYS + way;
		cold = bpf_map_lookup_elem(&colds, &m->cold_index);
		if (!cold)
			return (uint32_t)count_fault(m);
		slot = way_of(set, way);
	}
	fill_cold(ctx, m, cold, shape);
	slot->key = m->key;
	slot->octets = m->octets;
	m->taken_ns = bpf_ktime_get_ns();
	slot->first = (uint32_t)(m->taken_ns >> ABI_SLOT_FIRST_SHIFT);
	slot->last = (uint32_t)bpf_jiffies64();
	slot->flags = m->tcp_flags;
	slot->packets = m->segments;
	return sample_class(ctx, m, slot, shape);
}

FOR_EACH_SHAPE(uint32_t, take_slot, (void *ctx, struct meter *m, struct slot_set *set), ctx, m, set)

static __always_inline bool take_fast_path(void *ctx, struct meter *m, uint32_t shape)
{
	struct __sk_buff *skb = ctx;
	struct xdp_md *xdp = ctx;

	if (shape & SHAPE_L3)
		return false;
	if (shape & SHAPE_SKB)
		return fast_path((void *)(long)skb->data, (void *)(long)skb->data_end, m);
	return fast_path((void *)(long)xdp->data, (void *)(long)xdp->data_end, m);
}

static __always_inline int meter_frame(void *ctx, struct meter *m, uint32_t shape)
{
	struct slot_set *set;
	struct slot *slot;
	uint32_t class;

	m->counters.seen += m->segments;
	m->counters.octets += m->octets;
	m->cold_is_packet = 0;
	count_point(m);
	READ_AGAIN();                             /* the packet's pointers, behind the look-up: else one is spilled over it */
	/* Through memory: the verifier then takes all the ways through the fast path as one. */
	m->is_fast = take_fast_path(ctx, m, shape);
	if (!*(volatile uint32_t *)&m->is_fast && OF_SHAPE(shape, slow_path, ctx, m))
		return 0;
	if (shape & SHAPE_SKB && (m->segments > 1 || m->segment_size))
		count_segments(m);
	set = find_set(m);
	if (!set)
		return count_fault(m);
	slot = find_slot(set, &m->key);
	if (slot) {
		slot->packets += m->segments;
		slot->octets += m->octets;
		slot->last = (uint32_t)bpf_jiffies64();
		slot->flags |= m->tcp_flags | (m->tcp_flags & 2) * (SLOT_SYN_AGAIN / 2);
		m->taken_ns = 0;
		class = sample_class(ctx, m, slot, shape);
	} else {
		class = OF_SHAPE(shape, take_slot, ctx, m, set);
	}
	if (class)
		OF_SHAPE(shape, copy_sample, ctx, m, class - 1);
	return 0;
}

static __always_inline struct meter *meter_of_cpu(void)
{
	struct meter *m = bpf_map_lookup_elem(&meters, (const void *)&zero);

	OPAQUE(m);                                /* one copy of it, not two */
	return m;
}

SEC("xdp.frags")
int devourer_xdp(struct xdp_md *ctx)
{
	struct meter *m = is_unwanted(ctx, 0) ? NULL : meter_of_cpu();

	if (!m)
		return XDP_PASS;
	m->segments = 1;
	m->octets = m->frame_len = bpf_xdp_get_buff_len(ctx);
	m->tag = 0;
	m->interface = ctx->ingress_ifindex;
	meter_frame(ctx, m, 0);
	return XDP_PASS;
}

/* A tag that the device or the stack took off the frame is in the metadata; on the wire it was 4 octets. */
static __always_inline int meter_skb(struct __sk_buff *skb, uint32_t shape)
{
	struct meter *m = is_unwanted(skb, shape) ? NULL : meter_of_cpu();

	if (!m)
		return -1;
	m->segments = skb->gso_segs ? skb->gso_segs : 1;
	m->segment_size = skb->gso_segs ? 0 : skb->gso_size;
	m->octets = m->frame_len = skb->len;
	m->tag = 0;
	if (skb->vlan_present) {
		m->tag = (skb->vlan_tci & 0xfff) | 0x1000;
		m->octets += 4;
	}
	m->interface = skb->ifindex;
	meter_frame(skb, m, shape);
	return -1;                                /* TCX_NEXT, TC_ACT_UNSPEC */
}

SEC("tc")
int devourer_tc(struct __sk_buff *skb)
{
	return meter_skb(skb, SHAPE_SKB);
}

SEC("tc")
int devourer_tc_l3(struct __sk_buff *skb)
{
	return meter_skb(skb, SHAPE_SKB | SHAPE_L3);
}

/* Both clocks at one moment: user space maps jiffies to wall time by pairs of them. */
struct clock_pair { uint64_t jiffies, monotonic_ns; } clock_pair;

SEC("syscall")
int devourer_clock(void *ctx)
{
	(void)ctx;
	clock_pair.jiffies = bpf_jiffies64();
	clock_pair.monotonic_ns = bpf_ktime_get_ns();
	return 0;
}

char _license[] SEC("license") = "GPL";
