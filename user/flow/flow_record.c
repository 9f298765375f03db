/* SPDX-License-Identifier: Apache-2.0 */
/* flow_record.c - from a flow, where the lower endpoint comes first, to a record, where the one who spoke first does. */
#include <string.h>
#include "flow.h"

const char *const end_reason_text[END_REASONS] = {
	[END_IDLE] = "idle", [END_ACTIVE] = "active", [END_SHUTDOWN] = "shutdown", [END_OVERFLOW] = "overflow", [END_EOF] = "eof",
};

static const char *protocol_text(uint8_t protocol)
{
	switch (protocol) {
	case PKT_TCP: return "tcp";
	case PKT_UDP: return "udp";
	case PKT_ICMP4: return "icmp4";
	default: return "icmp6";
	}
}

static void fill_side(struct record_side *side, const struct flow *flow, int end)
{
	side->addr = end ? flow->key.high_addr : flow->key.low_addr;
	side->port = end ? flow->key.high_port : flow->key.low_port;
	side->mac = flow->has_mac >> end & 1 ? flow->mac[end] : NULL;
	side->octets = flow->octets[end];
	side->packets = flow->packets[end];
	side->tcp_flags = flow->tcp_flags[end];
	side->name_count = 0;
}

void flow_record(struct record *out, const struct flow *flow, enum end_reason reason)
{
	fill_side(&out->src, flow, flow->from_high);
	fill_side(&out->dst, flow, !flow->from_high);
	out->first_ns = flow->part ? flow->part_first_ns : flow->first_ns;
	out->last_ns = flow->last_ns;
	out->protocol = protocol_text(flow->key.protocol);
	out->protocol_number = flow->key.protocol;
	out->ip_version = flow->key.ip_version;
	out->end_reason = end_reason_text[reason];
	out->interface = "";
	out->rtt_us = flow->rtt_us >= FLOW_RTT_NEVER ? RECORD_UNKNOWN : flow->rtt_us;
	out->vlan = flow->vlan == FLOW_VLAN_NONE ? RECORD_UNKNOWN : flow->vlan;
	out->icmp_type = flow->has_icmp ? flow->icmp_type : RECORD_UNKNOWN;
	out->icmp_code = flow->has_icmp ? flow->icmp_code : RECORD_UNKNOWN;
	out->part = flow->part;
	out->is_established = flow_is_established(flow);
	out->is_self = false;
}
