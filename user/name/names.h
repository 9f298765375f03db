/* SPDX-License-Identifier: Apache-2.0 */
/* names.h - the host names that an address has been seen to own, and those that a flow says itself.
 *
 * Address names are learned from DNS, mDNS, LLMNR, NBNS and DHCP and cached; they are asked for as of the first packet of
 * a flow. Flow names (TLS SNI) belong to one flow and are never cached for others. An answer counts only when its question
 * was seen (off with `learn_unmatched`). Everything is bounded: in entries, per client, and in octets (64 MiB together).
 */
#ifndef DEVOURER_NAMES_H
#define DEVOURER_NAMES_H
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../../include/flow.h"

enum name_source {
	NAME_SNI, NAME_DNS, NAME_DNS_HINT, NAME_MDNS, NAME_DHCP, NAME_LLMNR, NAME_NBNS, NAME_DNS_OTHER, NAME_PTR,
	NAME_DNS_LATE, NAME_SOURCES
};
extern const char *const name_source_text[NAME_SOURCES]; /* "sni", "dns", … as in `name_sources` of a record */

#define NAMES_PER_SIDE 8

struct names;                                     /* cache, request table, streams; fields in names.c */

struct names_options {
	size_t max_links, max_names, max_requests, max_streams; /* 0: the default of each */
	uint64_t slack_ns;                        /* answers this much later than a flow's first packet still came before
						   * it; 0 where one precise clock stamps all packets */
	bool learn_unmatched;                     /* --dns-unmatched=learn */
	bool flow_names;                          /* off: no SNI */
	uint64_t seed[2];                         /* of the hash tables */
};

/* The end of a flow as the frame showed it. */
struct name_peer {
	struct in6_addr addr;                     /* IPv4 as v4-mapped */
	uint8_t mac[6];
	bool has_mac;
};

/* A list of at most NAMES_PER_SIDE names, interned and counted; 0 is the empty list. */
typedef uint32_t name_list;

struct names *names_new(const struct names_options *options); /* NULL: out of memory */
void names_free(struct names *names);             /* NULL is fine */

/* A frame whose ports say it may carry names (flow_name_port() is not NONE), or a TCP segment of DNS.
 * `frame`..`frame_len`: the captured octets; `packet`: from packet_parse() of them (not a fragment's later part). Lent.
 * Comes before names_at() for the flow that this frame belongs to: the first packet of a flow may name its sender. */
void names_frame(struct names *names, const struct packet *packet, const uint8_t *frame, size_t frame_len, uint64_t now_ns);

/* Traffic has shown `sender` behind its MAC: teaches which MACs are routers and which address is whose. Once a flow. */
void names_saw(struct names *names, const struct name_peer *sender, uint64_t now_ns);

/* The names of `peer` that `client`, the other end of the flow, knew at `first_ns`, best first.
 * The caller owns one reference of the list and drops it with name_list_put(). */
name_list names_at(struct names *names, const struct name_peer *client, const struct name_peer *peer, uint64_t first_ns);

/* Only for a side without any name: what became known first after `first_ns`, and up to `last_ns`. Also a reference. */
name_list names_late(struct names *names, const struct name_peer *client, const struct name_peer *peer,
		     uint64_t first_ns, uint64_t last_ns);

/* A segment of a TCP stream that may open with a ClientHello: given until the answer is not NAMES_HELLO_MORE.
 * `flow_id` names the flow for as long as it lives, `from_high` the direction; `base_seq` is the sequence number of the
 * stream's first octet. NAMES_HELLO_NAME: `*list` (the receiver's list) has the SNI put in front, or, of an encrypted hello,
 * behind the names that the client asked for; the old reference is consumed, a new one given. */
enum names_hello { NAMES_HELLO_DONE, NAMES_HELLO_MORE, NAMES_HELLO_NAME };
enum names_hello names_hello(struct names *names, uint64_t flow_id, bool from_high, uint32_t base_seq, uint32_t seq,
			     const uint8_t *payload, size_t len, bool is_cut, uint64_t now_ns, name_list *list);
void names_hello_forget(struct names *names, uint64_t flow_id); /* the flow ended while a hello was incomplete */

void name_list_put(struct names *names, name_list list); /* 0 is fine */

/* What is in a list: count, and the texts and sources, lent until the list is put. */
struct name_view { const char *text; uint16_t len; enum name_source source; };
size_t name_list_view(const struct names *names, name_list list, struct name_view out[NAMES_PER_SIDE]);

/* Counters by reason; a row each in names.c's table. */
enum names_counter {
	NAMES_LEARNED,                            /* names told of an address, or told again */
	NAMES_MALFORMED,                          /* messages */
	NAMES_UNMATCHED,                          /* answers without their question */
	NAMES_ONE_SIDED,                          /* of these: to clients of which no question was ever seen */
	NAMES_CONFLICT,                           /* second answers to one question */
	NAMES_OFF_LINK, NAMES_NOT_OWN,            /* announcements of addresses that are not the announcer's */
	NAMES_RESPONDER,                          /* answers of a host that has answered to too many names */
	NAMES_FRAGMENTED, NAMES_REFUSED_ADDR,
	NAMES_EVICTED_LINKS, NAMES_EVICTED_REQUESTS, NAMES_EVICTED_STREAMS, /* before their time */
	NAMES_PER_CLIENT_LIMIT,                   /* links that went because their client had too many */
	NAMES_NO_ROOM,                            /* names that were not learned */
	NAMES_HELLOS, NAMES_HELLOS_WITHOUT_SNI,
	NAMES_COUNTERS
};
extern const char *const names_counter_text[NAMES_COUNTERS];
uint64_t names_counter(const struct names *names, enum names_counter which);
size_t names_octets(const struct names *names);   /* memory held now */
#endif
