/* SPDX-License-Identifier: Apache-2.0 */
/* dns_message.h - DNS messages made record by record, and what a dissector learns from them. Include after cmocka.h. */
#ifndef DEVOURER_TESTS_DNS_MESSAGE_H
#define DEVOURER_TESTS_DNS_MESSAGE_H
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../user/name/dissect.h"

enum { A = 1, CNAME = 5, PTR = 12, TXT = 16, AAAA = 28, SRV = 33, DNAME = 39, HTTPS = 65 };
enum { IN = 1, CHAOS = 3 };
enum { RAW = 0x10000, IN_CHAOS = 0x20000, FLUSH = 0x40000 }; /* added to a type */
enum { RESPONSE = 0x8180, QUERY = 0x0100, TRUNCATED = 0x0200 };

/* A record of a message: the rdata is an address, a name, or (RAW) octets in hexadecimal. A name is dotted text; `@12` at
 * its end is a pointer to offset 12. */
struct rr { const char *owner; unsigned type; uint32_t ttl_s; const char *rdata; };
#define RR(...) (&(struct rr){ __VA_ARGS__ })

struct message { size_t len; uint8_t octets[66000]; };

/* "name address ttl kind" for each fact, kind one of A, H (hint), P (PTR), with ! for the cache-flush bit. */
struct facts { unsigned count; size_t len; char text[70000]; };

static inline void put(struct message *m, const void *octets, size_t len)
{
	assert_true(m->len + len <= sizeof(m->octets));
	memcpy(m->octets + m->len, octets, len);
	m->len += len;
}

static inline void put_be16(struct message *m, unsigned value)
{
	put(m, (uint8_t[]){ (uint8_t)(value >> 8), (uint8_t)value }, 2);
}

static inline void put_name(struct message *m, const char *name)
{
	while (*name && *name != '@') {
		size_t len = strcspn(name, ".@");

		put(m, (uint8_t[]){ (uint8_t)len }, 1);
		put(m, name, len);
		name += len + (name[len] == '.');
	}
	if (*name)
		put_be16(m, 0xc000 | (unsigned)atoi(name + 1));
	else
		put(m, "", 1);
}

static inline void put_hex(struct message *m, const char *hex)
{
	unsigned octet;

	for (; *hex; hex += 2) {
		assert_int_equal(sscanf(hex, "%2x", &octet), 1);
		put(m, (uint8_t[]){ (uint8_t)octet }, 1);
	}
}

static inline void put_rdata(struct message *m, const struct rr *rr)
{
	unsigned type = rr->type & 0xffff;
	uint8_t addr[16];

	if (rr->type & RAW) {
		put_hex(m, rr->rdata);
	} else if (type == A || type == AAAA) {
		assert_int_equal(inet_pton(type == A ? AF_INET : AF_INET6, rr->rdata, addr), 1);
		put(m, addr, type == A ? 4 : 16);
	} else {
		put_name(m, rr->rdata);
	}
}

static inline void put_rr(struct message *m, const struct rr *rr)
{
	size_t len_at;

	put_name(m, rr->owner);
	put_be16(m, rr->type & 0xffff);
	put_be16(m, (rr->type & IN_CHAOS ? CHAOS : IN) | (rr->type & FLUSH ? 0x8000 : 0));
	put_be16(m, rr->ttl_s >> 16);
	put_be16(m, rr->ttl_s & 0xffff);
	len_at = m->len;
	put_be16(m, 0);
	put_rdata(m, rr);
	m->octets[len_at] = (uint8_t)((m->len - len_at - 2) >> 8);
	m->octets[len_at + 1] = (uint8_t)(m->len - len_at - 2);
}

static inline void put_header(struct message *m, unsigned flags, unsigned questions, unsigned answers)
{
	m->len = 0;
	put_be16(m, 0x1234);
	put_be16(m, flags);
	put_be16(m, questions);
	put_be16(m, answers);
	put(m, "\0\0\0", 4);
}

static inline void put_question(struct message *m, const char *name, unsigned type, unsigned class)
{
	put_name(m, name);
	put_be16(m, type);
	put_be16(m, class);
}

static inline void note(void *ctx, const struct dns_name *name)
{
	struct facts *facts = ctx;
	char addr[INET6_ADDRSTRLEN];

	assert_int_equal(strlen(name->text), name->len);
	if (IN6_IS_ADDR_V4MAPPED(&name->addr))
		inet_ntop(AF_INET, name->addr.s6_addr + 12, addr, sizeof(addr));
	else
		inet_ntop(AF_INET6, &name->addr, addr, sizeof(addr));
	facts->count++;
	if (facts->len + name->len + 100 > sizeof(facts->text))
		return;                           /* only counted */
	facts->len += (size_t)sprintf(facts->text + facts->len, "%s%s %s %u %c%s", facts->len ? ", " : "", name->text, addr,
				      name->ttl_s, "AHP"[name->fact], name->cache_flush ? "!" : "");
}

typedef int answers_fn(const uint8_t *, size_t, const struct dns_head *, dns_learn_fn *, void *);

/* The octets are given in a block of exactly their size, so that ASan sees a read behind them. */
static inline int learn(answers_fn *answers, const uint8_t *octets, size_t len, struct facts *facts)
{
	uint8_t *exact = malloc(len);
	struct dns_head head;
	int status;

	facts->count = 0;
	facts->len = 0;
	facts->text[0] = 0;
	memcpy(exact, octets, len);
	status = dns_head(exact, len, &head);
	if (!status)
		status = answers(exact, len, &head, note, facts);
	free(exact);
	return status;
}
#endif
