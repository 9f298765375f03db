/* SPDX-License-Identifier: Apache-2.0 */
/* hello.c - from TCP packets of a flow to the first octets of its two streams. */
#include "../name/dissect.h"
#include "hello.h"

/* The captured payload of a TCP segment. */
struct segment {
	const uint8_t *payload;
	size_t len;
	uint32_t seq;                             /* of the first octet of the payload */
	bool is_cut;                              /* more was on the wire than was captured */
};

static struct segment segment_of(const struct packet *p, const uint8_t *frame, size_t frame_len)
{
	size_t end = p->l3_len ? (size_t)p->l3_at + p->l3_len : frame_len;
	struct segment segment = { .seq = p->tcp_seq + (p->tcp_flags >> 1 & 1) }; /* SYN takes a number, RFC 9293 3.4 */

	if (!p->payload_at || p->payload_at >= end)
		return segment;
	segment.is_cut = end > frame_len;
	end = end < frame_len ? end : frame_len;
	if (p->payload_at < end) {
		segment.payload = frame + p->payload_at;
		segment.len = end - p->payload_at;
	}
	return segment;
}

/* RFC 8446 5.1 and 4: a handshake record of version 3.x that begins with a ClientHello, as far as octets are there. */
static bool may_be_hello(const struct segment *s)
{
	return s->payload[0] == 0x16 && (s->len < 2 || s->payload[1] == 3) && (s->len < 6 || s->payload[5] == 1);
}

/* False: nothing in this stream will be a hello. */
static bool is_worth_it(struct flow *flow, int from, const struct segment *s)
{
	if (!(flow->has_first_seq >> from & 1)) { /* capture began after the SYN: the first payload seen is taken as the start */
		flow->first_seq[from] = s->seq;
		flow->has_first_seq |= 1u << from;
	}
	if (s->seq == flow->first_seq[from])
		return may_be_hello(s);
	return s->seq + (uint32_t)s->len - flow->first_seq[from] <= TLS_HELLO_MAX || flow->first_seq[from] - s->seq < 1u << 30;
}

void hello_look(struct names *names, struct flow *flow, const struct flow_delta *delta, const uint8_t *frame, size_t frame_len)
{
	int from = delta->from_high, to = !from;
	enum names_hello result;
	struct segment s;

	if (flow_hello(flow, from) == HELLO_DONE || !(delta->packet->flags & PKT_HAS_TCP))
		return;
	s = segment_of(delta->packet, frame, frame_len);
	if (!s.len && !s.is_cut)
		return;
	if (!s.len || !is_worth_it(flow, from, &s)) {
		if (flow_hello(flow, from) == HELLO_NONE)
			flow_set_hello(flow, from, HELLO_DONE);
		return;
	}
	result = names_hello(names, (uint64_t)(uintptr_t)flow, (bool)from, flow->first_seq[from], s.seq, s.payload, s.len, s.is_cut,
			     delta->first_ns, &flow->names[to]);
	flow_set_hello(flow, from, result == NAMES_HELLO_MORE ? HELLO_OPEN : HELLO_DONE);
}

void hello_forget(struct names *names, const struct flow *flow)
{
	if (flow_hello(flow, 0) == HELLO_OPEN || flow_hello(flow, 1) == HELLO_OPEN)
		names_hello_forget(names, (uint64_t)(uintptr_t)flow);
}
