/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* generate.bpf.c - makes each live test frame the next packet of the plan and redirects it to an interface. */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "generate.h"

const volatile struct generate_plan plan;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct generate_state);
} states SEC(".maps");

static __always_inline void put16(uint8_t *frame, int at, uint16_t value)
{
	*(uint16_t *)(frame + at) = bpf_htons(value);
}

static __always_inline void put32(uint8_t *frame, int at, uint32_t value)
{
	put16(frame, at, (uint16_t)(value >> 16));
	put16(frame, at + 2, (uint16_t)value);
}

static __always_inline void put_ends(uint8_t *frame, uint32_t src, uint16_t src_port, uint32_t dst, uint16_t dst_port)
{
	put32(frame, SRC_AT, src);
	put32(frame, DST_AT, dst);
	put16(frame, SRC_PORT_AT, src_port);
	put16(frame, DST_PORT_AT, dst_port);
}

/* RFC 1071. */
static __always_inline void put_ip_sum(uint8_t *frame)
{
	uint32_t sum = 0;

	put16(frame, IP_SUM_AT, 0);
#pragma unroll
	for (int i = 0; i < 10; i++)
		sum += *(uint16_t *)(frame + IP_AT + 2 * i);
	sum = (sum & 0xffff) + (sum >> 16);
	*(uint16_t *)(frame + IP_SUM_AT) = (uint16_t)~((sum & 0xffff) + (sum >> 16));
}

static __always_inline uint32_t flow_of(uint64_t number)
{
	return (uint32_t)(number % plan.flows * GENERATE_PRIME % plan.flows);
}

static __always_inline uint16_t port_of(uint32_t flow)
{
	return (uint16_t)(1024 + (flow & 0x7fff));
}

static __always_inline void make_udp(uint8_t *frame, uint64_t number)
{
	uint32_t flow = flow_of(number);

	put_ends(frame, GENERATE_CLIENTS + flow, port_of(flow), GENERATE_SERVER, GENERATE_PORT);
}

static __always_inline void make_talk(uint8_t *frame, uint64_t number)
{
	uint32_t flow = flow_of(number);

	if (number / plan.flows & 1)
		put_ends(frame, GENERATE_SERVER, GENERATE_PORT, GENERATE_CLIENTS + flow, port_of(flow));
	else
		make_udp(frame, number);
}

/* The factor is odd, so no address and ports come twice within 2^40 packets. */
static __always_inline void make_syn(uint8_t *frame, uint64_t number)
{
	uint64_t mixed = number * 0x9e3779b97f4a7c15u;

	put_ends(frame, GENERATE_ATTACKERS + (uint32_t)(mixed & 0xffffff), (uint16_t)(mixed >> 24), GENERATE_SERVER, (uint16_t)(mixed >> 48));
}

/* Eight hexadecimal digits for the name. */
static __always_inline void put_digits(uint8_t *frame, uint32_t value)
{
#pragma unroll
	for (int i = 0; i < 8; i++) {
		uint8_t digit = value >> (28 - 4 * i) & 15;

		frame[DNS_NAME_AT + i] = digit < 10 ? '0' + digit : 'a' - 10 + digit;
	}
}

static __always_inline void make_dns(uint8_t *frame, uint64_t number)
{
	uint32_t pair = (uint32_t)(number / 2), flow = flow_of(pair);
	uint8_t is_answer = number & 1;

	if (is_answer)
		put_ends(frame, GENERATE_SERVER, 53, GENERATE_CLIENTS + flow, port_of(flow));
	else
		put_ends(frame, GENERATE_CLIENTS + flow, port_of(flow), GENERATE_SERVER, 53);
	put16(frame, DNS_ID_AT, (uint16_t)pair);
	put16(frame, DNS_FLAGS_AT, is_answer ? 0x8180 : 0x0100); /* RFC 1035 4.1.1 */
	put16(frame, DNS_ANSWERS_AT, is_answer);
	put_digits(frame, pair);
}

SEC("xdp")
int generate(struct xdp_md *xdp)
{
	uint8_t *frame = (void *)(long)xdp->data, *end = (void *)(long)xdp->data_end;
	struct generate_state *state = bpf_map_lookup_elem(&states, &(uint32_t){ 0 });
	uint64_t number;

	if (!state || frame + TCP_FRAME_LEN > end)
		return XDP_ABORTED;
	number = state->next++;
	state->sent++;
	if (plan.kind == GENERATE_SYN)
		make_syn(frame, number);
	else if (plan.kind == GENERATE_DNS && frame + DNS_FRAME_LEN <= end)
		make_dns(frame, number);
	else if (plan.kind == GENERATE_TALK)
		make_talk(frame, number);
	else
		make_udp(frame, number);
	put_ip_sum(frame);
	return (int)bpf_redirect(plan.interface, 0);
}

char _license[] SEC("license") = "GPL";
