/* SPDX-License-Identifier: Apache-2.0 */
/* theme_scope.c - whose name it is, and when: clients, lifetimes, order, and names that were forged. */
#include <stdio.h>
#include <string.h>
#include "messages.h"
#include "talk.h"
#include "themes.h"

enum { STUB = 5354 };                             /* port of the clients' resolvers */

static void ask(struct capture *c, uint64_t ns, struct end client, unsigned id, const char *name, enum dns_type type)
{
	struct blob question = { .len = 0 };

	dns_question(&question, id, name, type);
	say_udp(c, ns, on(client, STUB), on(resolver, 53), &question);
}

static void answer(struct capture *c, uint64_t ns, struct end client, unsigned id, const char *name, uint32_t ttl,
		   const char *addr)
{
	enum dns_type type = strchr(addr, ':') ? DNS_AAAA : DNS_A;
	struct blob reply = { .len = 0 };

	dns(&reply, &(struct dns_message){
		.id = id, .flags = DNS_ANSWER, .question = name, .type = type,
		.answers = { { name, type, ttl, addr, 0 } } });
	say_udp(c, ns, on(resolver, 53), on(client, STUB), &reply);
}

/* Asked and answered 10 ms later. */
static void resolve(struct capture *c, uint64_t ns, struct end client, unsigned id, const char *name, uint32_t ttl,
		    const char *addr)
{
	ask(c, ns, client, id, name, strchr(addr, ':') ? DNS_AAAA : DNS_A);
	answer(c, ns + 10000000, client, id, name, ttl, addr);
}

static void visit(struct capture *c, uint64_t ns, struct end client, unsigned port, const char *addr)
{
	say_tcp(c, ns, on(client, port), on(at_addr(web, addr), 443), TCP_SYN, "");
	say_tcp(c, ns + 1000000, on(at_addr(web, addr), 443), on(client, port), TCP_SYN | TCP_ACK, "");
}

/* Two clients, one address of a CDN: each has the name that it asked for. A third one asked nothing: it gets what others
 * were told. The newest answer comes first. */
static void clients(struct capture *c)
{
	resolve(c, at_ms(0), laptop, 1, "news.example.com", 300, cdn.addr);
	resolve(c, at_ms(100), phone, 2, "video.example.org", 300, cdn.addr);
	visit(c, at_ms(200), laptop, 40000, cdn.addr);
	visit(c, at_ms(300), phone, 40000, cdn.addr);
	visit(c, at_ms(400), tablet, 40000, cdn.addr);
	resolve(c, at_ms(500), laptop, 3, "mail.example.com", 300, cdn.addr);
	visit(c, at_ms(600), laptop, 40001, cdn.addr);
	visit(c, at_ms(700), phone, 40001, cdn.addr);
}

/* One host asks over IPv4 and connects over IPv6, and the other way round. */
static void dual_stack(struct capture *c)
{
	struct blob question = { .len = 0 }, reply = { .len = 0 };

	resolve(c, at_ms(0), laptop, 1, "six.example.com", 300, web6.addr);
	visit(c, at_ms(100), laptop6, 40000, web6.addr);
	dns_question(&question, 2, "four.example.com", DNS_A);
	say_udp(c, at_ms(200), on(laptop6, STUB), on(resolver6, 53), &question);
	dns(&reply, &(struct dns_message){
		.id = 2, .flags = DNS_ANSWER, .question = "four.example.com", .type = DNS_A,
		.answers = { { "four.example.com", DNS_A, 300, "198.51.100.80", 0 } } });
	say_udp(c, at_ms(210), on(resolver6, 53), on(laptop6, STUB), &reply);
	visit(c, at_ms(300), laptop, 40000, web.addr);
}

/* A name holds for max(TTL, 120 s) from its answer. */
static void lifetime(struct capture *c)
{
	resolve(c, at_ms(0), laptop, 1, "short.example.com", 10, "203.0.113.1");
	resolve(c, at_ms(20), laptop, 2, "long.example.com", 600, "203.0.113.2");
	resolve(c, at_ms(40), laptop, 3, "zero.example.com", 0, "203.0.113.3");
	resolve(c, at_ms(60), laptop, 4, "negative.example.com", 0x80000000, "203.0.113.4"); /* counts as 0, RFC 2181 8 */
	for (unsigned host = 1; host <= 4; host++) {
		char addr[32];

		snprintf(addr, sizeof(addr), "203.0.113.%u", host);
		visit(c, at_ms(119000 + host * 10), laptop, 40000, addr);
	}
	visit(c, at_ms(121010), laptop, 40001, "203.0.113.1");
	visit(c, at_ms(121080), laptop, 40001, "203.0.113.3");
	visit(c, at_ms(599000), laptop, 40002, "203.0.113.2");
	visit(c, at_ms(601000), laptop, 40003, "203.0.113.2");
}

/* Known after the first packet: taken when there was nothing else, the earliest first; never over what was known. */
static void late(struct capture *c)
{
	say_tcp(c, at_ms(0), on(laptop, 40000), on(at_addr(web, "203.0.113.1"), 443), TCP_SYN, "");
	resolve(c, at_ms(1000), laptop, 1, "late.example.com", 300, "203.0.113.1");
	resolve(c, at_ms(1100), laptop, 2, "later.example.com", 300, "203.0.113.1");
	say_tcp(c, at_ms(2000), on(at_addr(web, "203.0.113.1"), 443), on(laptop, 40000), TCP_SYN | TCP_ACK, "");
	resolve(c, at_ms(3000), laptop, 3, "known.example.com", 300, "203.0.113.2");
	visit(c, at_ms(3100), laptop, 40000, "203.0.113.2");
	resolve(c, at_ms(3200), laptop, 4, "afterwards.example.com", 300, "203.0.113.2");
	say_tcp(c, at_ms(3300), on(laptop, 40000), on(at_addr(web, "203.0.113.2"), 443), TCP_ACK, "");
	visit(c, at_ms(4000), laptop, 40000, "203.0.113.3");
	resolve(c, at_ms(5000), laptop, 5, "too-late.example.com", 300, "203.0.113.3"); /* behind the flow's last packet */
}

/* More names for one address than a side has room for: the newest eight. */
static void many(struct capture *c)
{
	for (unsigned i = 0; i < 10; i++) {
		char name[32];

		snprintf(name, sizeof(name), "site%u.example.com", i);
		resolve(c, at_ms(i * 20), laptop, i, name, 300, cdn.addr);
	}
	visit(c, at_ms(1000), laptop, 40000, cdn.addr);
}

/* A server name stands before the names of DNS, once; other flows to the address do not get it from there. */
static void with_sni(struct capture *c)
{
	struct blob hello = { .len = 0 }, same = { .len = 0 };
	struct talk t = talk_begin(c, at_ms(100), on(laptop, 40000), cdn);

	resolve(c, at_ms(0), laptop, 1, "asked.example.com", 300, cdn.addr);
	client_hello(&hello, &(struct hello){ .sni = "inside.example.com" });
	talk_open(&t);
	talk_ask(&t, hello.octets, hello.len);
	talk_close(&t);
	client_hello(&same, &(struct hello){ .sni = "Asked.Example.com" });
	t = talk_begin(c, at_ms(300), on(laptop, 40001), cdn);
	talk_open(&t);
	talk_ask(&t, same.octets, same.len);
	talk_close(&t);
	visit(c, at_ms(500), laptop, 40002, cdn.addr);
	visit(c, at_ms(600), phone, 40000, cdn.addr);
}

/* With an encrypted hello the name in clear is a public one: the name that was asked for comes first. */
static void encrypted_hello(struct capture *c)
{
	struct blob hello = { .len = 0 };
	struct talk t = talk_begin(c, at_ms(100), on(laptop, 40000), cdn);

	resolve(c, at_ms(0), laptop, 1, "private.example.com", 300, cdn.addr);
	client_hello(&hello, &(struct hello){ .sni = "public.example.net", .has_ech = true });
	talk_open(&t);
	talk_ask(&t, hello.octets, hello.len);
	talk_close(&t);
	t = talk_begin(c, at_ms(300), on(laptop, 40001), mail); /* nothing was asked: it is all there is */
	talk_open(&t);
	talk_ask(&t, hello.octets, hello.len);
	talk_close(&t);
}

/* An answer in two fragments: not believed, since anybody could have sent the second one. */
static void fragmented_answer(struct capture *c, uint64_t ns, unsigned id, const char *addr)
{
	struct blob reply = { .len = 0 };
	struct frame whole, part;

	ask(c, ns, laptop, id, "fragmented.example.com", DNS_A);
	dns(&reply, &(struct dns_message){
		.id = id, .flags = DNS_ANSWER, .question = "fragmented.example.com", .type = DNS_A,
		.answers = { { "fragmented.example.com", DNS_TXT, 60, "padding that fills the first fragment up", 0 },
			     { "fragmented.example.com", DNS_A, 60, addr, 0 } } });
	frame_begin(&whole);
	whole.ip_id = 77;
	ethernet(&whole, resolver.mac, laptop.mac);
	ipv4(&whole, resolver.addr, laptop.addr);
	udp(&whole, 53, STUB);
	payload(&whole, reply.octets, reply.len);
	frame_end(&whole);
	ipv4_part(&part, &whole, 0, 64, true);
	capture_frame(c, ns + 1000000, &part);
	ipv4_part(&part, &whole, 64, 8 + reply.len - 64, false);
	capture_frame(c, ns + 2000000, &part);
}

/* The answer is quoted in an ICMP error: nobody received it. */
static void quoted_answer(struct capture *c, uint64_t ns, unsigned id, const char *addr)
{
	struct blob reply = { .len = 0 };
	struct frame f;

	ask(c, ns, laptop, id, "quoted.example.com", DNS_A);
	dns(&reply, &(struct dns_message){
		.id = id, .flags = DNS_ANSWER, .question = "quoted.example.com", .type = DNS_A,
		.answers = { { "quoted.example.com", DNS_A, 60, addr, 0 } } });
	begin_between(&f, laptop, resolver);
	icmp4(&f, 3, 3, 0);
	ipv4(&f, resolver.addr, laptop.addr);
	udp(&f, 53, STUB);
	payload(&f, reply.octets, reply.len);
	capture_frame(c, ns + 1000000, frame_end(&f));
}

/* Every way to plant a name by an answer, each with an address of its own; the last one is right. */
static void forged(struct capture *c)
{
	struct end other_resolver = at_addr(resolver, "192.0.2.54");
	struct blob b = { .len = 0 };
	struct dns_message message = { .flags = DNS_ANSWER, .question = "forged.example.com", .type = DNS_A };

	resolve(c, at_ms(0), laptop, 1, "honest.example.com", 300, "203.0.113.100"); /* both clients are seen to ask */
	resolve(c, at_ms(20), phone, 1, "honest.example.com", 300, "203.0.113.100");
	answer(c, at_ms(100), laptop, 2, "unasked.example.com", 60, "203.0.113.1");
	ask(c, at_ms(200), laptop, 3, "wrong-id.example.com", DNS_A);
	answer(c, at_ms(201), laptop, 4, "wrong-id.example.com", 60, "203.0.113.2");
	ask(c, at_ms(300), laptop, 5, "question.example.com", DNS_A);
	answer(c, at_ms(301), laptop, 5, "other-question.example.com", 60, "203.0.113.3");
	ask(c, at_ms(400), laptop, 6, "forged.example.com", DNS_A);
	message.id = 6;
	message.answers[0] = (struct dns_record){ "forged.example.com", DNS_A, 60, "203.0.113.4", 0 };
	dns(&b, &message);
	say_udp(c, at_ms(401), on(other_resolver, 53), on(laptop, STUB), &b); /* from another server */
	say_udp(c, at_ms(402), on(resolver, 54), on(laptop, STUB), &b);       /* from another port */
	say_udp(c, at_ms(403), on(resolver, 53), on(laptop, STUB + 1), &b);   /* to another port */
	say_udp(c, at_ms(404), on(resolver, 53), on(phone, STUB), &b);        /* to another client */
	ask(c, at_ms(500), laptop, 7, "chain.example.com", DNS_A);
	b.len = 0;
	dns(&b, &(struct dns_message){
		.id = 7, .flags = DNS_ANSWER, .question = "chain.example.com", .type = DNS_A,
		.answers = { { "chain.example.com", DNS_A, 60, "203.0.113.101", 0 },
			     { "bank.example.com", DNS_A, 60, "203.0.113.5", 0 } },
		.authority = { { "bank.example.com", DNS_A, 60, "203.0.113.6", 0 } },
		.additional = { { "bank.example.com", DNS_A, 60, "203.0.113.7", 0 },
				{ "chain.example.com", DNS_A, 60, "203.0.113.8", 0 } } });
	say_udp(c, at_ms(501), on(resolver, 53), on(laptop, STUB), &b);
	resolve(c, at_ms(600), laptop, 8, "race.example.com", 60, "203.0.113.102");
	answer(c, at_ms(620), laptop, 8, "race.example.com", 60, "203.0.113.9"); /* a second answer */
	fragmented_answer(c, at_ms(700), 9, "203.0.113.10");
	quoted_answer(c, at_ms(800), 10, "203.0.113.11");
	ask(c, at_ms(900), laptop, 11, "slow.example.com", DNS_A);
	answer(c, at_ms(10901), laptop, 11, "slow.example.com", 60, "203.0.113.12"); /* 10.001 s */
	resolve(c, at_ms(11000), laptop, 12, "control.example.com", 60, "203.0.113.13");
	for (unsigned host = 1; host <= 13; host++) {
		char addr[32];

		snprintf(addr, sizeof(addr), "203.0.113.%u", host);
		visit(c, at_ms(12000 + host * 10), laptop, 40000, addr);
	}
	for (unsigned host = 100; host <= 102; host++) {
		char addr[32];

		snprintf(addr, sizeof(addr), "203.0.113.%u", host);
		visit(c, at_ms(13000 + host), laptop, 40000, addr);
	}
}

/* Only what the resolver sends is captured: who asked what is not known. */
static void one_sided(struct capture *c)
{
	answer(c, at_ms(0), laptop, 1, "www.example.com", 300, "203.0.113.1");
	visit(c, at_ms(100), laptop, 40000, "203.0.113.1");
}

void theme_scope(const char *dir)
{
	static const struct capture_row rows[] = {
		{ "scope-clients", { .link = LINK_ETHERNET }, clients },
		{ "scope-dual-stack", { .link = LINK_ETHERNET }, dual_stack },
		{ "scope-lifetime", { .link = LINK_ETHERNET }, lifetime },
		{ "scope-late", { .link = LINK_ETHERNET }, late },
		{ "scope-many", { .link = LINK_ETHERNET }, many },
		{ "scope-sni", { .link = LINK_ETHERNET }, with_sni },
		{ "scope-ech", { .link = LINK_ETHERNET }, encrypted_hello },
		{ "scope-one-sided", { .link = LINK_ETHERNET }, one_sided },
		{ "scope-forged", { .link = LINK_ETHERNET }, forged },
	};

	WRITE_CAPTURES(dir, rows);
}
