/* SPDX-License-Identifier: Apache-2.0 */
/* flow.h - one live flow, as the table keeps it and the record reads it. */
#ifndef DEVOURER_USER_FLOW_H
#define DEVOURER_USER_FLOW_H
#include <stdbool.h>
#include <stdint.h>
#include "../../include/flow.h"
#include "record.h"

enum end_reason { END_IDLE, END_ACTIVE, END_SHUTDOWN, END_OVERFLOW, END_EOF, END_REASONS };
extern const char *const end_reason_text[END_REASONS];

enum flow_hello { HELLO_NONE, HELLO_OPEN, HELLO_DONE }; /* no payload yet; an incomplete ClientHello; looked at */

#define FLOW_RTT_UNKNOWN UINT32_MAX
#define FLOW_RTT_NEVER (UINT32_MAX - 1)           /* a SYN was repeated: nobody knows which one was answered (RFC 6298 3) */
#define FLOW_VLAN_NONE UINT16_MAX
#define FLOW_INTERFACES 64                        /* 6 bits of struct flow */
#define FLOW_PARTS ((1u << 15) - 1)               /* 15 bits; then the flow ends and a new one begins */

/* Index 0 of a pair is the lower endpoint of the key, or what it sent; 1 the higher one. */
struct flow {
	struct flow_key key;
	uint64_t packets[2], octets[2];           /* of this part: since the last record of the flow */
	uint64_t first_ns, last_ns;               /* of the whole flow */
	union {
		uint64_t part_first_ns;           /* parts > 0: first packet of this part; 0: none yet */
		uint32_t first_seq[2];            /* parts == 0: of the first octet of each TCP stream, when has_first_seq */
	};
	uint8_t mac[2][6];
	uint32_t names[2];                        /* name_list of each end, names.h; the wiring owns them */
	uint32_t rtt_us;                          /* SYN to SYN-ACK */
	uint16_t vlan;                            /* of the first packet */
	union {
		uint8_t tcp_flags[2];
		struct { uint8_t icmp_type, icmp_code; }; /* of the first packet */
	};
	unsigned from_high : 1;                   /* the higher endpoint sent the first packet: it is src */
	unsigned has_mac : 2;                     /* a bit for each end */
	unsigned has_icmp : 1;
	unsigned has_first_seq : 2;               /* a bit for each direction */
	unsigned was_established : 1;             /* an earlier part saw both directions */
	unsigned hello : 4;                       /* enum flow_hello of what each end sent, two bits each */
	unsigned interface : 6;
	unsigned part : 15;                       /* records that went before this part */
};
_Static_assert(sizeof(struct flow) == 128, "two cache lines");

static inline enum flow_hello flow_hello(const struct flow *flow, int from)
{
	return (enum flow_hello)(flow->hello >> 2 * from & 3);
}

static inline void flow_set_hello(struct flow *flow, int from, enum flow_hello state)
{
	flow->hello = (flow->hello & ~(3u << 2 * from) & 15) | (unsigned)state << 2 * from;
}

static inline bool flow_is_established(const struct flow *flow)
{
	return flow->was_established || (flow->packets[0] && flow->packets[1]);
}

/* All of `out` but id, names, interface name and self, which others know. What it lends lives as long as the flow. */
void flow_record(struct record *out, const struct flow *flow, enum end_reason reason);
#endif
