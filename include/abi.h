/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* abi.h - what the kernel half promises the user half: the table of slots, the rings, the counters.
 *
 * Each CPU has a 4-way set-associative table in two generations; the program counts into the generation `epoch & 1`, user
 * space flips the epoch, waits for a grace period of RCU, and reads the other one. So at every moment, exactly:
 * seen = packets in slots and victims + overflow + not recorded by reason.
 */
#ifndef DEVOURER_ABI_H
#define DEVOURER_ABI_H
#include "packet.h"

#define ABI_WAYS 4
#define ABI_FILTER_ROOM 8192                      /* instructions that --filter may become */
#define ABI_SLOT_FIRST_SHIFT 10                   /* slot.first counts 2^10 ns of the monotonic clock, modulo 2^32: 73 minutes */

/* One direction of a flow at one interface; host byte order. */
struct slot_key {
	uint8_t src_addr[16], dst_addr[16];       /* IPv4 as v4-mapped */
	uint16_t src_port, dst_port;
	uint8_t protocol, ip_version;
	uint16_t interface;                       /* low 16 bits of the interface index */
};

enum slot_flag {                                  /* bits 0 to 7: TCP flags, or'ed */
	SLOT_HELLO_TESTS = 0x100,                 /* bits 8 to 11: payload segments that were tested */
	SLOT_HELLO_DONE = 0x1000,
	SLOT_SYN_AGAIN = 0x2000,                  /* one of the packets behind the first has SYN */
	SLOT_HELLO_WANTED_SHIFT = 16,             /* bits 16 to 31: octets of a ClientHello still wanted */
};
#define SLOT_HELLO_TESTS_MAX 8

struct slot {                                     /* a cache line */
	struct slot_key key;
	uint64_t octets;
	uint32_t packets;                         /* 0: the slot is empty */
	uint32_t first;                           /* monotonic clock >> ABI_SLOT_FIRST_SHIFT, when the slot was taken */
	uint32_t last;                            /* jiffies */
	uint32_t flags;                           /* enum slot_flag */
};

/* What only the first packet of a slot tells; written when a slot is taken. Same index as the slot. */
struct cold {
	uint8_t src_mac[6], dst_mac[6];
	uint16_t vlan;
	uint8_t icmp_type, icmp_code;
	uint8_t packet_flags;                     /* enum pkt_flag */
	uint8_t tcp_flags;                        /* of the first packet alone */
	uint8_t pad[2];
	uint32_t tcp_seq;
};

struct slot_set { struct slot ways[ABI_WAYS]; };
struct victim { struct slot slot; struct cold cold; }; /* a record of the victim ring */

_Static_assert(sizeof(struct slot_key) == 40 && sizeof(struct slot) == 64 && sizeof(struct cold) == 24, "shared with BPF");
_Static_assert(sizeof(struct slot_set) == 256 && sizeof(struct victim) == 88, "shared with BPF");

/* Per CPU, never reset. */
struct meter_counters {
	uint64_t seen, octets;
	uint64_t overflow, overflow_octets;       /* no way free and the victim ring full: counted here, in no record */
	uint64_t faults;                          /* a map look-up that cannot fail did */
};

/* The same of one interface, by the low bits of its index: for the comparison with the device's own counters. */
#define ABI_POINTS 1024
struct point_counters { uint64_t seen, octets, not_recorded; };

/* Frames copied for their names. */
enum sample_class { SAMPLE_DNS, SAMPLE_LAN, SAMPLE_HELLO, SAMPLE_CLASSES };
enum sample_outcome { SAMPLE_COPIED, SAMPLE_BUCKET_DROPPED, SAMPLE_RING_FULL, SAMPLE_SNAPPED, SAMPLE_OUTCOMES }; /* snapped ones are copied too */

struct sample {                                   /* a record of the rings `names` and `hellos`, before the frame's octets */
	uint64_t ns;                              /* monotonic clock */
	uint32_t len, wire_len;                   /* octets that follow; octets of the frame */
	uint32_t interface;                       /* index */
	uint16_t vlan;                            /* tag that was taken off the frame: id | 0x1000, or 0 */
	uint8_t class;
	uint8_t is_l3;                            /* the frame begins with its IP header */
	uint8_t pad[8];
};
_Static_assert(sizeof(struct sample) == 32, "shared with BPF");

struct datagram { uint8_t src[16], dst[16]; uint32_t id; uint8_t protocol, ip_version, pad[2]; };
struct datagram_ports { uint16_t src_port, dst_port; uint32_t jiffies; };
_Static_assert(sizeof(struct datagram) == 40, "shared with BPF");
#endif
