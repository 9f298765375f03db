/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* wire.bpf.c - what goes out of an interface as it is on the wire, by the kernel's own reckoning of what offload will make of it. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <stdint.h>

struct wire_count { uint64_t packets, octets; };

struct {                                          /* by interface index */
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, uint32_t);
	__type(value, struct wire_count);
} counts SEC(".maps");

SEC("tc")
int wire(struct __sk_buff *skb)
{
	uint32_t interface = skb->ifindex;
	struct wire_count *count = bpf_map_lookup_elem(&counts, &interface);

	if (!count)
		return -1;                        /* TC_ACT_UNSPEC */
	__sync_fetch_and_add(&count->packets, skb->gso_segs ? skb->gso_segs : 1);
	__sync_fetch_and_add(&count->octets, skb->wire_len);
	return -1;
}

char _license[] SEC("license") = "GPL";
