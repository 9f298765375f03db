/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* other.bpf.c - other XDP programs on the interface, for the tests: both count the sender's packets, one drops them. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, __u64);
} others SEC(".maps");

/* UDP to port 9000, as send.c makes it. */
static __always_inline int count(struct xdp_md *ctx, int action)
{
	const __u8 *frame = (const __u8 *)(long)ctx->data;
	__u32 key = 0;
	__u64 *counter = bpf_map_lookup_elem(&others, &key);

	if (!counter || frame + 38 > (const __u8 *)(long)ctx->data_end || frame[23] != 17 || frame[36] != 9000 >> 8 || frame[37] != (9000 & 255))
		return XDP_PASS;
	__sync_fetch_and_add(counter, 1);
	return action;
}

SEC("xdp")
int other(struct xdp_md *ctx)
{
	return count(ctx, XDP_PASS);
}

SEC("xdp")
int dropper(struct xdp_md *ctx)
{
	return count(ctx, XDP_DROP);
}

char _license[] SEC("license") = "GPL";
