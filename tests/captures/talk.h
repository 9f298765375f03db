/* SPDX-License-Identifier: Apache-2.0 */
/* talk.h - hosts, and what they say to each other, one line a packet. */
#ifndef DEVOURER_TESTS_TALK_H
#define DEVOURER_TESTS_TALK_H
#include "capture.h"

struct end {
	const char *mac, *addr;                   /* `mac` of the next hop for a host that is not on the link */
	unsigned port;
};

#define ROUTER_MAC "02:00:00:00:00:01"

/* The cast: a home network behind a router, and servers in the documentation ranges of RFC 5737 and RFC 3849. */
extern const struct end laptop, laptop6, phone, phone6, tablet, printer, printer6, router, router6, nas, everyone;
extern const struct end resolver, resolver6, web, web6, cdn, cdn6, mail;

struct end on(struct end host, unsigned port);    /* the same host at this port */
struct end at_addr(struct end host, const char *addr); /* the same MAC and port at this address */

/* Ethernet and IP headers between two hosts; the transport is yours. */
void begin_between(struct frame *f, struct end from, struct end to);

void say_udp(struct capture *c, uint64_t ns, struct end from, struct end to, const struct blob *message);
/* The same, but for the last `less` octets, which were not captured. */
void say_cut(struct capture *c, uint64_t ns, struct end from, struct end to, const struct blob *message, size_t less);
void say_text(struct capture *c, uint64_t ns, struct end from, struct end to, const char *text); /* UDP */
void say_tcp(struct capture *c, uint64_t ns, struct end from, struct end to, unsigned flags, const char *text);
void say_icmp(struct capture *c, uint64_t ns, struct end from, struct end to, unsigned type, unsigned code); /* 4 or 6 */

/* A TCP connection with right sequence numbers; each packet takes `step_ns`. */
struct talk {
	struct capture *capture;
	struct end client, server;
	uint64_t ns, step_ns;                     /* of the next packet */
	uint32_t client_seq, server_seq;
};
struct talk talk_begin(struct capture *c, uint64_t ns, struct end client, struct end server); /* step: 10 ms */
void talk_open(struct talk *t);                   /* SYN, SYN-ACK, ACK */
void talk_ask(struct talk *t, const void *octets, size_t len);    /* one segment from the client */
void talk_reply(struct talk *t, const void *octets, size_t len);  /* one from the server */
void talk_close(struct talk *t);                  /* FIN, FIN-ACK, ACK */
#endif
