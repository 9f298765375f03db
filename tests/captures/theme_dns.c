/* SPDX-License-Identifier: Apache-2.0 */
/* theme_dns.c - DNS over UDP and TCP: good, truncated, hostile. What was learned shows in flows to those addresses. */
#include <stdio.h>
#include <string.h>
#include "messages.h"
#include "talk.h"
#include "themes.h"

/* A question of the laptop, and an answer to it 10 ms later. */
static void asked(struct capture *c, uint64_t ns, const struct dns_message *answer)
{
	struct blob question = { .len = 0 }, reply = { .len = 0 };

	dns_question(&question, answer->id, answer->question, answer->type);
	dns(&reply, answer);
	say_udp(c, ns, on(laptop, 5353 + 1), on(resolver, 53), &question);
	say_udp(c, ns + 10000000, on(resolver, 53), on(laptop, 5353 + 1), &reply);
}

/* The laptop speaks to `addr`: whatever is known of it shows in this flow. */
static void visit(struct capture *c, uint64_t ns, const char *addr)
{
	struct end from = strchr(addr, ':') ? laptop6 : laptop;

	say_tcp(c, ns, on(from, 40000), on(at_addr(web, addr), 443), TCP_SYN, "");
}

static void visit_host(struct capture *c, uint64_t ns, unsigned host)
{
	char addr[32];

	snprintf(addr, sizeof(addr), "203.0.113.%u", host);
	visit(c, ns, addr);
}

/* The asked name, not the end of the CNAME chain; letter case does not matter; hints and PTR teach too. */
static void good(struct capture *c)
{
	asked(c, at_ms(0), &(struct dns_message){
		.id = 1, .flags = DNS_ANSWER, .question = "www.example.com", .type = DNS_A,
		.answers = { { "www.example.com", DNS_CNAME, 300, "www.cdn.example.net", 0 },
			     { "www.cdn.example.net", DNS_CNAME, 300, "edge7.cdn.example.net", 0 },
			     { "edge7.cdn.example.net", DNS_A, 60, "203.0.113.1", 0 },
			     { "edge7.cdn.example.net", DNS_A, 60, "203.0.113.2", 0 } } });
	asked(c, at_ms(100), &(struct dns_message){
		.id = 2, .flags = DNS_ANSWER, .question = "wWw.eXaMpLe.OrG", .type = DNS_AAAA,
		.answers = { { "wWw.eXaMpLe.OrG", DNS_AAAA, 60, "2001:db8:80::80", 0 } } });
	asked(c, at_ms(200), &(struct dns_message){ /* the chain in reverse order, a DNAME in it, other sections behind */
		.id = 3, .flags = DNS_ANSWER, .question = "shop.old.example.com", .type = DNS_A,
		.answers = { { "shop.new.example.com", DNS_A, 60, "203.0.113.3", 0 },
			     { "shop.old.example.com", DNS_CNAME, 60, "shop.new.example.com", 0 },
			     { "old.example.com", DNS_DNAME, 60, "new.example.com", 0 } },
		.authority = { { "example.com", DNS_A, 60, "203.0.113.90", 0 } },
		.additional = { { ".", DNS_OPT, 0, "", 1232 }, { "ns.example.com", DNS_A, 60, "203.0.113.91", 0 } } });
	asked(c, at_ms(300), &(struct dns_message){
		.id = 4, .flags = DNS_ANSWER, .question = "hint.example.com", .type = DNS_HTTPS,
		.answers = { { "hint.example.com", DNS_HTTPS, 60, "203.0.113.4,2001:db8:80::4", 0 } } });
	asked(c, at_ms(400), &(struct dns_message){
		.id = 5, .flags = DNS_ANSWER, .question = "5.113.0.203.in-addr.arpa", .type = DNS_PTR,
		.answers = { { "5.113.0.203.in-addr.arpa", DNS_PTR, 60, "host5.example.net", 0 } } });
	asked(c, at_ms(500), &(struct dns_message){
		.id = 6, .flags = DNS_ANSWER | DNS_TRUNCATED, .question = "long.example.com", .type = DNS_A,
		.answers = { { "long.example.com", DNS_A, 60, "203.0.113.6", 0 } } });
	for (unsigned host = 1; host <= 6; host++)
		visit_host(c, at_ms(1000 + host), host);
	visit(c, at_ms(1010), "2001:db8:80::80");
	visit(c, at_ms(1011), "2001:db8:80::4");
	visit_host(c, at_ms(1012), 90);
	visit_host(c, at_ms(1013), 91);
}

/* The answer is captured up to its second address record: the first one counts. */
static void truncated(struct capture *c)
{
	struct blob question = { .len = 0 }, reply = { .len = 0 };
	struct frame f;

	dns_question(&question, 1, "www.example.com", DNS_A);
	dns(&reply, &(struct dns_message){
		.id = 1, .flags = DNS_ANSWER, .question = "www.example.com", .type = DNS_A,
		.answers = { { "www.example.com", DNS_A, 60, "203.0.113.1", 0 },
			     { "www.example.com", DNS_A, 60, "203.0.113.2", 0 } } });
	say_udp(c, at_ms(0), on(laptop, 5354), on(resolver, 53), &question);
	begin_between(&f, on(resolver, 53), on(laptop, 5354));
	udp(&f, 53, 5354);
	payload(&f, reply.octets, reply.len);
	frame_end(&f);
	capture_octets(c, at_ms(10), f.b.octets, (uint32_t)f.b.len - 2, (uint32_t)f.b.len);
	visit_host(c, at_ms(20), 1);
	visit_host(c, at_ms(21), 2);
}

/* An answer built by hand behind a header of `answers` records. */
static void forge(struct blob *b, unsigned id, unsigned answers, const void *octets, size_t len)
{
	blob_16(b, id);
	blob_16(b, DNS_ANSWER);
	blob_16(b, 1);
	blob_16(b, answers);
	blob_32(b, 0);
	blob_octets(b, octets, len);
}

static void asked_raw(struct capture *c, uint64_t ns, unsigned id, const struct blob *reply)
{
	struct blob question = { .len = 0 };

	dns_question(&question, id, "a.example", DNS_A);
	say_udp(c, ns, on(laptop, 5354), on(resolver, 53), &question);
	say_udp(c, ns + 1000000, on(resolver, 53), on(laptop, 5354), reply);
}

#define QUESTION "\1a\7example\0\0\1\0\1"         /* a.example, A, IN: 15 octets, the name at 12 */
#define QUESTION_LEN 15
#define RECORD "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xcb\0\x71" /* its address record but for the last octet: 203.0.113.x */

/* Names and lengths that lie. Each answer tries to teach its own address; none does, but for what comes before the lie. */
static void malformed(struct capture *c)
{
	static const struct { unsigned answers; const char *octets; size_t len; } rows[] = {
		{ 1, QUESTION "\xc0\x1b\0\1\0\1\0\0\0\x3c\0\4\xcb\0\x71\x0b", 31 },          /* 11: a pointer to itself */
		{ 1, QUESTION "\xc0\x30\0\1\0\1\0\0\0\x3c\0\4\xcb\0\x71\x0c", 31 },          /* 12: a pointer forward */
		{ 1, QUESTION "\x40\x0c\0\1\0\1\0\0\0\x3c\0\4\xcb\0\x71\x0d", 31 },          /* 13: a reserved label type */
		{ 1, QUESTION "\x80\x0c\0\1\0\1\0\0\0\x3c\0\4\xcb\0\x71\x0e", 31 },          /* 14: the other one */
		{ 1, QUESTION "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\3\xcb\0\x71", 30 },              /* 15: an address of three octets */
		{ 1, QUESTION "\xc0\x0c\0\1\0\1\0\0\0\x3c\xff\xff\xcb\0\x71\x10", 31 },      /* 16: a record longer than all */
		{ 65535, QUESTION RECORD "\x11", 31 },                                       /* 17: 65535 records, one there: learned */
		{ 1, QUESTION "\xc0\x0c\0\1\0\3\0\0\0\x3c\0\4\xcb\0\x71\x12", 31 },          /* 18: class CH */
		{ 1, QUESTION "\1b\7example\0\0\1\0\1\0\0\0\x3c\0\4\xcb\0\x71\x13", 40 },    /* 19: another owner */
		{ 0, QUESTION RECORD "\x14", 31 },                                           /* 20: a record nobody announced */
		{ 1, "\1a\7exam", 7 },                                                       /* ends within the question */
		{ 1, "", 0 },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct blob reply = { .len = 0 };

		forge(&reply, 100 + i, rows[i].answers, rows[i].octets, rows[i].len);
		asked_raw(c, at_ms(i * 10), 100 + i, &reply);
	}
	for (unsigned host = 11; host <= 20; host++)
		visit_host(c, at_ms(1000 + host), host);
}

/* A chain of pointers, each of which leads to the one before. */
static void pointers(struct capture *c, uint64_t ns, unsigned id, unsigned jumps, unsigned host)
{
	struct blob reply = { .len = 0 };

	forge(&reply, id, 2, QUESTION, QUESTION_LEN);
	blob_octets(&reply, "\xc0\x0c\0\x63\0\1\0\0\0\x3c", 10); /* a record of type 99 that holds the chain */
	size_t mark = blob_open_16(&reply);
	blob_16(&reply, 0xc00c);
	for (unsigned i = 1; i < jumps; i++) {
		size_t before = reply.len - 2;

		blob_16(&reply, 0xc000 | (unsigned)(before < 0x4000 ? before : 0x3fff));
	}
	blob_close_16(&reply, mark);
	blob_16(&reply, 0xc000 | (unsigned)(reply.len - 2 < 0x4000 ? reply.len - 2 : 0x3fff));
	blob_octets(&reply, "\0\1\0\1\0\0\0\x3c\0\4\xcb\0\x71", 13);
	blob_8(&reply, host);
	asked_raw(c, ns, id, &reply);
}

/* A name of `len` octets on the wire, asked and answered. */
static void long_name(struct capture *c, uint64_t ns, unsigned id, size_t len, unsigned host)
{
	struct blob name = { .len = 0 }, question = { .len = 0 }, reply = { .len = 0 };

	while (len - name.len > 64) {
		blob_8(&name, 63);
		blob_fill(&name, 'n', 63);
	}
	blob_8(&name, (unsigned)(len - name.len - 2));
	blob_fill(&name, 'e', len - name.len - 1);
	blob_8(&name, 0);
	blob_octets(&question, (uint8_t[]){ (uint8_t)(id >> 8), (uint8_t)id }, 2);
	blob_octets(&question, "\1\0\0\1\0\0\0\0\0\0", 10);
	blob_blob(&question, &name);
	blob_octets(&question, "\0\1\0\1", 4);
	forge(&reply, id, 1, name.octets, name.len);
	blob_octets(&reply, "\0\1\0\1\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xcb\0\x71", 19);
	blob_8(&reply, host);
	say_udp(c, ns, on(laptop, 5354), on(resolver, 53), &question);
	say_udp(c, ns + 1000000, on(resolver, 53), on(laptop, 5354), &reply);
}

static void hostile(struct capture *c)
{
	static const char *const never[] = { "0.0.0.0", "127.0.0.1", "224.0.0.251", "255.255.255.255" };

	malformed(c);
	pointers(c, at_ms(2000), 200, 126, 21);   /* strictly backwards, so it ends: a.example */
	pointers(c, at_ms(2010), 201, 30000, 22); /* as many as a datagram can hold */
	long_name(c, at_ms(2020), 202, 255, 23);  /* the longest name there is */
	long_name(c, at_ms(2030), 203, 256, 24);  /* one octet more */
	asked(c, at_ms(2040), &(struct dns_message){
		.id = 204, .flags = DNS_ANSWER, .question = "loop.example.com", .type = DNS_A,
		.answers = { { "loop.example.com", DNS_CNAME, 60, "back.example.com", 0 },
			     { "back.example.com", DNS_CNAME, 60, "loop.example.com", 0 },
			     { "elsewhere.example.com", DNS_A, 60, "203.0.113.25", 0 } } });
	asked(c, at_ms(2060), &(struct dns_message){
		.id = 205, .flags = DNS_ANSWER | DNS_NXDOMAIN, .question = "nx.example.com", .type = DNS_A,
		.answers = { { "nx.example.com", DNS_A, 60, "203.0.113.26", 0 } } });
	asked(c, at_ms(2080), &(struct dns_message){
		.id = 206, .flags = DNS_ANSWER | 0x2800, .question = "update.example.com", .type = DNS_A,
		.answers = { { "update.example.com", DNS_A, 60, "203.0.113.27", 0 } } }); /* opcode 5 */
	for (unsigned i = 0; i < 4; i++)
		asked(c, at_ms(2100 + i * 20), &(struct dns_message){
			.id = 207 + i, .flags = DNS_ANSWER, .question = "sinkhole.example.com", .type = DNS_A,
			.answers = { { "sinkhole.example.com", DNS_A, 60, never[i], 0 } } });
	asked(c, at_ms(2300), &(struct dns_message){
		.id = 211, .flags = DNS_ANSWER, .question = "control.example.com", .type = DNS_A,
		.answers = { { "control.example.com", DNS_A, 60, "203.0.113.28", 0 } } });
	for (unsigned host = 21; host <= 28; host++)
		visit_host(c, at_ms(3000 + host), host);
	for (unsigned i = 0; i < 4; i++)
		visit(c, at_ms(3100 + i), never[i]);
}

static struct talk tcp_question(struct capture *c, uint64_t ns, unsigned port, unsigned id, const char *name)
{
	struct talk t = talk_begin(c, ns, on(laptop, port), on(resolver, 53));
	struct blob question = { .len = 0 };

	t.step_ns = 1000000;
	dns_over_tcp(&question, &(struct dns_message){ .id = id, .flags = DNS_RECURSE, .question = name, .type = DNS_A });
	talk_open(&t);
	talk_ask(&t, question.octets, question.len);
	return t;
}

static void tcp_answer(struct blob *b, unsigned id, const char *name, const char *addr)
{
	dns_over_tcp(b, &(struct dns_message){
		.id = id, .flags = DNS_ANSWER, .question = name, .type = DNS_A,
		.answers = { { name, DNS_A, 60, addr, 0 } } });
}

/* Whole, in segments of one octet, two in one segment, and out of order. */
static void tcp_good(struct capture *c)
{
	struct blob whole = { .len = 0 }, crumbs = { .len = 0 }, both = { .len = 0 }, odd = { .len = 0 };
	struct blob question = { .len = 0 };
	struct talk t = tcp_question(c, at_ms(0), 41001, 1, "whole.example.com"), late;

	tcp_answer(&whole, 1, "whole.example.com", "203.0.113.1");
	talk_reply(&t, whole.octets, whole.len);
	talk_close(&t);
	t = tcp_question(c, at_ms(100), 41002, 2, "crumbs.example.com");
	tcp_answer(&crumbs, 2, "crumbs.example.com", "203.0.113.2");
	for (size_t i = 0; i < crumbs.len; i++)
		talk_reply(&t, crumbs.octets + i, 1);
	talk_close(&t);
	t = tcp_question(c, at_ms(300), 41003, 3, "one.example.com");
	dns_over_tcp(&question, &(struct dns_message){
		.id = 4, .flags = DNS_RECURSE, .question = "two.example.com", .type = DNS_A });
	talk_ask(&t, question.octets, question.len);
	tcp_answer(&both, 3, "one.example.com", "203.0.113.3");
	tcp_answer(&both, 4, "two.example.com", "203.0.113.4");
	talk_reply(&t, both.octets, both.len);
	talk_close(&t);
	t = tcp_question(c, at_ms(400), 41004, 5, "odd.example.com");
	tcp_answer(&odd, 5, "odd.example.com", "203.0.113.5");
	late = t;
	late.server_seq += 20;
	talk_reply(&late, odd.octets + 20, odd.len - 20);
	t.ns = late.ns;
	talk_reply(&t, odd.octets, 20);
	t.server_seq = late.server_seq;
	talk_close(&t);
	for (unsigned host = 1; host <= 5; host++)
		visit_host(c, at_ms(1000 + host), host);
}

/* The segment with the answer is captured up to 4 octets before its end; the one behind it cannot mend that. */
static void tcp_truncated(struct capture *c)
{
	struct talk t = tcp_question(c, at_ms(0), 41001, 1, "cut.example.com");
	struct blob reply = { .len = 0 };
	struct frame f;

	tcp_answer(&reply, 1, "cut.example.com", "203.0.113.1");
	begin_between(&f, t.server, t.client);
	tcp(&f, 53, 41001, TCP_PSH | TCP_ACK, t.server_seq, t.client_seq);
	payload(&f, reply.octets, reply.len);
	frame_end(&f);
	capture_octets(c, t.ns, f.b.octets, (uint32_t)f.b.len - 4, (uint32_t)f.b.len);
	t.server_seq += (uint32_t)reply.len;
	t.ns += 1000000;
	talk_reply(&t, "\x01\x02\x03\x04", 4);
	talk_close(&t);
	visit_host(c, at_ms(100), 1);
}

/* A message of length 0, a length that the stream never meets, a hole, and an answer that nobody asked for. */
static void tcp_hostile(struct capture *c)
{
	struct talk t = tcp_question(c, at_ms(0), 41001, 1, "zero.example.com");
	struct blob reply = { .len = 0 }, unasked = { .len = 0 }, hole = { .len = 0 };

	blob_16(&reply, 0);
	tcp_answer(&reply, 1, "zero.example.com", "203.0.113.1");
	talk_reply(&t, reply.octets, reply.len);  /* behind an empty message nothing of a stream is believed */
	talk_close(&t);
	t = tcp_question(c, at_ms(100), 41002, 2, "never.example.com");
	talk_reply(&t, "\xff\xff\0\2\x81\x80", 6);
	talk_close(&t);
	t = tcp_question(c, at_ms(200), 41003, 3, "hole.example.com");
	tcp_answer(&hole, 3, "hole.example.com", "203.0.113.3");
	talk_reply(&t, hole.octets, 10);
	t.server_seq += 10;                       /* ten octets are never seen */
	talk_reply(&t, hole.octets + 20, hole.len - 20);
	talk_close(&t);
	t = tcp_question(c, at_ms(300), 41004, 4, "asked.example.com");
	tcp_answer(&unasked, 5, "unasked.example.com", "203.0.113.4");
	talk_reply(&t, unasked.octets, unasked.len);
	talk_close(&t);
	for (unsigned host = 1; host <= 4; host++)
		visit_host(c, at_ms(1000 + host), host);
}

/* A label of one octet, for each octet there is: every name is printable ASCII, and none is lost. */
static void all_octets(struct capture *c)
{
	for (unsigned i = 0; i < 256; i++) {
		char name[32], addr[32];

		snprintf(name, sizeof(name), "\\%03u.octet.example", i);
		snprintf(addr, sizeof(addr), "2001:db8:256::%x", i + 1);
		asked(c, at_ms(i * 20), &(struct dns_message){
			.id = i, .flags = DNS_ANSWER, .question = name, .type = DNS_AAAA,
			.answers = { { name, DNS_AAAA, 600, addr, 0 } } });
	}
	for (unsigned i = 0; i < 256; i++) {
		char addr[32];

		snprintf(addr, sizeof(addr), "2001:db8:256::%x", i + 1);
		visit(c, at_ms(6000 + i), addr);
	}
}

void theme_dns(const char *dir)
{
	static const struct capture_row rows[] = {
		{ "dns-good", { .link = LINK_ETHERNET }, good },
		{ "dns-truncated", { .link = LINK_ETHERNET }, truncated },
		{ "dns-hostile", { .link = LINK_ETHERNET }, hostile },
		{ "dns-tcp-good", { .link = LINK_ETHERNET }, tcp_good },
		{ "dns-tcp-truncated", { .link = LINK_ETHERNET }, tcp_truncated },
		{ "dns-tcp-hostile", { .link = LINK_ETHERNET }, tcp_hostile },
		{ "dns-octets", { .link = LINK_ETHERNET }, all_octets },
	};

	WRITE_CAPTURES(dir, rows);
}
