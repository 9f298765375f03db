/* SPDX-License-Identifier: Apache-2.0 */
/* names_impl.h - what the names_*.c share: the parts of struct names, and how a name becomes believed. */
#ifndef DEVOURER_NAMES_IMPL_H
#define DEVOURER_NAMES_IMPL_H
#include "dissect.h"
#include "names.h"
#include "names_cache.h"
#include "names_lease.h"
#include "names_request.h"
#include "names_stream.h"

struct names {
	struct names_options options;
	struct budget budget;                     /* of all tables but those of the interner */
	struct interner interner;
	struct cache cache;
	struct requests requests;
	struct leases leases;
	struct streams dns_streams, hello_streams;
	uint64_t counters[NAMES_COUNTERS];        /* those that are not counted by a part */
};

/* One name message: its ends as the frame shows them, and its octets. */
struct name_message {
	struct name_peer sender, receiver;        /* receiver.has_mac is not set: nobody has seen who listens there */
	uint16_t sender_port, receiver_port;
	uint8_t protocol;                         /* 6, 17 */
	bool is_cut;                              /* the frame held more octets than were captured */
	const uint8_t *octets;
	size_t len;
	uint64_t now_ns;
};

/* A name to be believed: of `addr`, told to `client`, or NULL: said by `addr` itself from `mac` (NULL: not known). */
struct lesson {
	const struct in6_addr *client, *addr;
	const uint8_t *mac;
	const char *text;
	size_t len;
	enum name_source source;
	bool is_answer;                           /* of a host to a question that any host may answer */
	uint32_t ttl_s;
	uint64_t now_ns;
};
bool names_learn(struct names *names, const struct lesson *lesson); /* false: refused, and counted */

/* A message that breaks its format, or ends early although all of it was captured. */
void names_count_status(struct names *names, const struct name_message *message, int dissect_status);

/* names_dns.c: what answers a question; names_lan.c: what hosts announce; names_dhcp.c. */
void names_dns(struct names *names, const struct name_message *message);
void names_dns_segment(struct names *names, const struct name_message *message, uint32_t seq, uint8_t tcp_flags);
void names_llmnr(struct names *names, const struct name_message *message);
void names_mdns(struct names *names, const struct name_message *message);
void names_nbns(struct names *names, const struct name_message *message);
void names_dhcp4(struct names *names, const struct name_message *message);
void names_dhcp6(struct names *names, const struct name_message *message);

/* Addresses that no router forwards to: RFC 1918, 3927, 4193, 4291 2.5.6. */
bool addr_is_private(const struct in6_addr *addr);
#endif
