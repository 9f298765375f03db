/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* parse.bpf.c - the parser alone as an XDP program, so that tests/parity.c can compare it with user space. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#define PKT_LOAD(c, at, to, len) bpf_xdp_load_bytes((void *)(c)->start, at, to, len)
#include "../include/flow.h"

/* What parity.c reads back; the same struct is there. */
struct parsed {
	struct packet packet;
	struct flow_key key;
	uint8_t from_high;
	uint8_t pad[3];
};
_Static_assert(sizeof(struct parsed) == 120, "shared with user space");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct parsed);
} parsed SEC(".maps");

/* Two functions: in one, clang runs out of registers and puts numbers where pointers were on the stack, which the verifier
 * takes for a leak when CAP_PERFMON is missing. */
static __noinline enum pkt_verdict parse_frame(struct xdp_md *ctx, struct packet *p)
{
	return packet_parse(ctx, NULL, p);
}

static __noinline uint8_t orient(const struct packet *p, struct flow_key *key)
{
	return flow_key_orient(p, key);
}

SEC("xdp")
int parse(struct xdp_md *ctx)
{
	struct parsed *out = bpf_map_lookup_elem(&parsed, &(uint32_t){ 0 });

	if (!out)
		return XDP_ABORTED;
	/* The verdict is taken: in the place of one that nobody takes clang leaves a pointer, which the verifier refuses. */
	out->packet.verdict = (uint8_t)parse_frame(ctx, &out->packet);
	out->from_high = orient(&out->packet, &out->key);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
