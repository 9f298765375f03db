/* SPDX-License-Identifier: Apache-2.0 */
/* names_request.c - questions that wait for their answer, the oldest first. */
#include "names_request.h"
#include <string.h>
#include "../base/siphash.h"
#include "../base/time.h"

#define REQUEST_LIFE_NS (10 * NS_PER_S)

struct request {
	struct table_item item;                   /* its hash is the low half of `key` */
	uint64_t key;                             /* seeded hash of what question and answer share, letter case left out */
	uint64_t as_sent;                         /* hash of the name in its letter case, draft-vixie-dnsext-dns0x20 */
	uint64_t asked_ns;
	bool is_answered;
};

static struct request *request_at(const struct requests *requests, uint32_t request)
{
	return pool_at(&requests->table.pool, request);
}

int requests_init(struct requests *requests, struct budget *budget, const uint64_t seed[2], size_t max)
{
	*requests = (struct requests){ .seed = { seed[0], seed[1] } };
	return table_init(&requests->table, budget, sizeof(struct request), max);
}

void requests_free(struct requests *requests)
{
	table_free(&requests->table);
}

static uint64_t key_of(const struct requests *requests, const struct request_path *path, const struct dns_head *head)
{
	struct {
		struct in6_addr client, server;
		uint64_t name;
		uint16_t id, type, port, protocol;
	} key;

	_Static_assert(sizeof(key) == 48, "no padding is hashed");
	key.client = path->client;
	key.server = path->server;
	key.name = head->question_folded_hash;
	key.id = head->id;
	key.type = head->question_type;
	key.port = path->client_port;
	key.protocol = path->protocol;
	return siphash13(&key, sizeof(key), requests->seed);
}

/* Packet time may step back; then nothing has aged. */
static bool is_over(const struct request *r, uint64_t now_ns)
{
	return now_ns > r->asked_ns + REQUEST_LIFE_NS;
}

static void expire(struct requests *requests, uint64_t now_ns)
{
	while (requests->table.oldest && is_over(request_at(requests, requests->table.oldest), now_ns))
		table_remove(&requests->table, requests->table.oldest);
}

/* The question with this key: as sent if there is one, else one in other letter case, rather an open one. */
static uint32_t find(const struct requests *requests, uint64_t key, uint64_t as_sent)
{
	uint32_t folded = 0, i = table_first(&requests->table, (uint32_t)key);

	for (; i; i = table_next(&requests->table, i, (uint32_t)key)) {
		const struct request *r = request_at(requests, i);

		if (r->key != key)
			continue;
		if (r->as_sent == as_sent)
			return i;
		if (!folded || request_at(requests, folded)->is_answered)
			folded = i;
	}
	return folded;
}

static uint32_t add(struct requests *requests, uint64_t key)
{
	uint32_t i = table_add(&requests->table, (uint32_t)key);

	if (i || !requests->table.oldest)
		return i;
	requests->evicted += !request_at(requests, requests->table.oldest)->is_answered;
	table_remove(&requests->table, requests->table.oldest);
	return table_add(&requests->table, (uint32_t)key);
}

bool requests_ask(struct requests *requests, const struct request_path *path, const struct dns_head *question,
		  uint64_t now_ns)
{
	uint64_t key = key_of(requests, path, question);
	struct request *r;
	bool is_new;
	uint32_t i;

	expire(requests, now_ns);
	i = find(requests, key, question->question_hash);
	if (!i || request_at(requests, i)->as_sent != question->question_hash)
		i = add(requests, key);
	if (!i)
		return true;
	table_touch(&requests->table, i);
	r = request_at(requests, i);
	is_new = !r->asked_ns || r->is_answered;
	r->key = key;
	r->as_sent = question->question_hash;
	r->asked_ns = now_ns;
	r->is_answered = false;                   /* asked again, so one more answer is due */
	return is_new;
}

enum request_match requests_answer(struct requests *requests, const struct request_path *path,
				   const struct dns_head *answer, uint64_t now_ns)
{
	uint32_t i = find(requests, key_of(requests, path, answer), answer->question_hash);
	struct request *r;

	if (!i)
		return REQUEST_NONE;
	r = request_at(requests, i);
	if (is_over(r, now_ns))
		return REQUEST_NONE;
	if (r->is_answered)
		return REQUEST_ANSWERED;
	r->is_answered = true;
	return REQUEST_OPEN;
}
