/* SPDX-License-Identifier: Apache-2.0 */
/* generate.h - what generate.c tells its BPF program, and what that tells back. */
#ifndef DEVOURER_TESTS_GENERATE_H
#define DEVOURER_TESTS_GENERATE_H
#include <stdint.h>

/* What packet number n is; n counts from 0 over all threads. */
enum generate_kind {
	GENERATE_UDP,                             /* of flow f = n % flows * 2654435761 % flows: each flow once in any `flows` packets */
	GENERATE_TALK,                            /* the same, but of every second round of flows from the server */
	GENERATE_SYN,                             /* a TCP SYN with addresses and ports of its own */
	GENERATE_DNS,                             /* of pair n / 2: a question of client f, then its answer, each pair with a name of its own */
};

struct generate_plan { uint32_t interface, flows, kind; }; /* in .rodata */
struct generate_state { uint64_t next, sent; };   /* of one CPU: number of the next packet; packets made */

#define GENERATE_PRIME 2654435761u                /* so that neighbours in time are no neighbours in number */

/* Offsets in the frames. */
enum {
	IP_AT = 14, IP_SUM_AT = 24, SRC_AT = 26, DST_AT = 30, SRC_PORT_AT = 34, DST_PORT_AT = 36, UDP_SUM_AT = 40,
	DNS_ID_AT = 42, DNS_FLAGS_AT = 44, DNS_ANSWERS_AT = 48, DNS_NAME_AT = 55, DNS_FRAME_LEN = 92,
	TCP_FRAME_LEN = 60,                       /* 54 and padding */
};
#define GENERATE_CLIENTS 0x0a000000u              /* 10.0.0.0 + flow */
#define GENERATE_ATTACKERS 0x0b000000u            /* 11.0.0.0/8 */
#define GENERATE_SERVER 0xc6120001u               /* 198.18.0.1, RFC 2544 */
#define GENERATE_PORT 5000
#endif
