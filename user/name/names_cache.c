/* SPDX-License-Identifier: Apache-2.0 */
/* names_cache.c - hosts and links: finding, keeping in order, forgetting. */
#include "names_cache.h"
#include <errno.h>
#include <string.h>
#include "../base/siphash.h"
#include "../base/time.h"

#define MAX_MACS 65536
#define MAX_CLIENT_FACTS 4096                     /* so that no client pushes the others out */
#define EXPIRED_SEARCH 8                          /* links looked at for an expired one before the oldest goes */

int cache_init(struct cache *cache, struct budget *budget, struct interner *interner, const uint64_t seed[2],
	       size_t max_links, size_t max_names)
{
	*cache = (struct cache){
		.seed = { seed[0], seed[1] }, .max_names = max_names, .max_client_facts = MAX_CLIENT_FACTS,
	};
	/* Each link may name a host of its own, and clients come on top. */
	if (table_init(&cache->hosts, budget, sizeof(struct host), max_links + max_links / 8 + 64) ||
	    table_init(&cache->links, budget, sizeof(struct link), max_links) ||
	    table_init(&cache->macs, budget, sizeof(struct mac), MAX_MACS) ||
	    facts_init(&cache->facts, budget, interner, max_links + max_links / 4 + max_names))
		return -ENOMEM;
	return 0;
}

void cache_free(struct cache *cache)
{
	table_free(&cache->hosts);
	table_free(&cache->links);
	table_free(&cache->macs);
	facts_free(&cache->facts);
}

bool cache_may_name(const struct in6_addr *addr)
{
	const uint8_t *a = addr->s6_addr;

	if (!addr_is_v4(addr))                    /* RFC 4291 2.5.2, 2.5.3, 2.7 */
		return !IN6_IS_ADDR_UNSPECIFIED(addr) && !IN6_IS_ADDR_LOOPBACK(addr) && !IN6_IS_ADDR_MULTICAST(addr);
	/* RFC 6890: this network, loopback; RFC 5771: multicast; RFC 919: broadcast. */
	return a[12] != 0 && a[12] != 127 && (a[12] & 0xf0) != 224 && memcmp(a + 12, "\xff\xff\xff\xff", 4) != 0;
}

/* ---- links ---- */

static void named_put(struct cache *cache, struct host *named, uint32_t link)
{
	struct link *l = link_at(cache, link);

	l->named_newer = 0;
	l->named_older = named->named_newest;
	if (named->named_newest)
		link_at(cache, named->named_newest)->named_newer = link;
	named->named_newest = link;
}

static void named_drop(struct cache *cache, struct host *named, const struct link *l)
{
	if (l->named_newer)
		link_at(cache, l->named_newer)->named_older = l->named_older;
	else
		named->named_newest = l->named_older;
	if (l->named_older)
		link_at(cache, l->named_older)->named_newer = l->named_newer;
}

static void client_put(struct cache *cache, struct host *client, uint32_t link)
{
	struct link *l = link_at(cache, link);

	l->client_newer = 0;
	l->client_older = client->client_newest;
	if (client->client_newest)
		link_at(cache, client->client_newest)->client_newer = link;
	else
		client->client_oldest = link;
	client->client_newest = link;
}

static void client_drop(struct cache *cache, struct host *client, const struct link *l)
{
	if (l->client_newer)
		link_at(cache, l->client_newer)->client_older = l->client_older;
	else
		client->client_newest = l->client_older;
	if (l->client_older)
		link_at(cache, l->client_older)->client_newer = l->client_newer;
	else
		client->client_oldest = l->client_newer;
}

void cache_link_remove(struct cache *cache, uint32_t link)
{
	struct link *l = link_at(cache, link);
	struct host *client = host_at(cache, l->client);

	client->client_facts -= (uint32_t)facts_count(&cache->facts, l->facts);
	facts_drop(&cache->facts, &l->facts, FACT_TOLD);
	named_drop(cache, host_at(cache, l->named), l);
	client_drop(cache, client, l);
	table_remove(&cache->links, link);
}

static void link_evict(struct cache *cache, uint32_t link, uint64_t now_ns)
{
	cache->evicted_links += !facts_are_over(&cache->facts, link_at(cache, link)->facts, now_ns);
	cache_link_remove(cache, link);
}

bool cache_evict_link(struct cache *cache, uint64_t now_ns)
{
	uint32_t link = cache->links.oldest;

	for (int i = 0; link && i < EXPIRED_SEARCH; i++) {
		if (facts_are_over(&cache->facts, link_at(cache, link)->facts, now_ns))
			break;
		link = link_at(cache, link)->item.newer;
	}
	if (!link || !facts_are_over(&cache->facts, link_at(cache, link)->facts, now_ns))
		link = cache->links.oldest;
	if (!link)
		return false;
	link_evict(cache, link, now_ns);
	return true;
}

static uint32_t link_hash(const struct cache *cache, uint32_t client, uint32_t named)
{
	uint32_t key[2] = { client, named };

	return (uint32_t)siphash13(key, sizeof(key), cache->seed);
}

uint32_t cache_find_link(const struct cache *cache, uint32_t client, uint32_t named)
{
	uint32_t hash, link;

	if (!client || !named)
		return 0;
	hash = link_hash(cache, client, named);
	link = table_first(&cache->links, hash);
	while (link && (link_at(cache, link)->client != client || link_at(cache, link)->named != named))
		link = table_next(&cache->links, link, hash);
	return link;
}

uint32_t cache_link_add(struct cache *cache, uint32_t client, uint32_t named)
{
	uint32_t link = table_add(&cache->links, link_hash(cache, client, named));

	if (!link)
		return 0;
	link_at(cache, link)->client = client;
	link_at(cache, link)->named = named;
	named_put(cache, host_at(cache, named), link);
	client_put(cache, host_at(cache, client), link);
	return link;
}

void cache_link_touch(struct cache *cache, uint32_t link)
{
	struct link *l = link_at(cache, link);
	struct host *client = host_at(cache, l->client), *named = host_at(cache, l->named);

	table_touch(&cache->links, link);
	named_drop(cache, named, l);
	named_put(cache, named, link);
	client_drop(cache, client, l);
	client_put(cache, client, link);
}

/* ---- hosts ---- */

static void host_remove(struct cache *cache, uint32_t host, uint64_t now_ns)
{
	struct host *h = host_at(cache, host);

	while (h->named_newest)
		link_evict(cache, h->named_newest, now_ns);
	while (h->client_newest)
		link_evict(cache, h->client_newest, now_ns);
	cache->local_facts -= facts_count(&cache->facts, h->facts);
	facts_drop(&cache->facts, &h->facts, FACT_LOCAL);
	cache_forget_mac(cache, host);
	table_remove(&cache->hosts, host);
}

static uint32_t host_hash(const struct cache *cache, const struct in6_addr *addr)
{
	return (uint32_t)siphash13(addr, sizeof(*addr), cache->seed);
}

static uint32_t host_find(const struct cache *cache, const struct in6_addr *addr, uint32_t hash)
{
	uint32_t host = table_first(&cache->hosts, hash);

	while (host && memcmp(&host_at(cache, host)->addr, addr, sizeof(*addr)))
		host = table_next(&cache->hosts, host, hash);
	return host;
}

uint32_t cache_find_host(const struct cache *cache, const struct in6_addr *addr)
{
	return host_find(cache, addr, host_hash(cache, addr));
}

uint32_t cache_host(struct cache *cache, const struct in6_addr *addr)
{
	uint32_t hash = host_hash(cache, addr), host = host_find(cache, addr, hash);

	if (host) {
		table_touch(&cache->hosts, host);
		return host;
	}
	host = table_add(&cache->hosts, hash);
	if (!host && cache->hosts.oldest) {
		host_remove(cache, cache->hosts.oldest, 0); /* nothing is over at time 0: all its links count */
		host = table_add(&cache->hosts, hash);
	}
	if (host)
		host_at(cache, host)->addr = *addr;
	return host;
}

/* ---- questions ---- */

#define QUESTION_LIFE_S 10

static bool questions_are_over(const struct host *h, uint64_t now_ns)
{
	return now_ns / NS_PER_S > h->asked_s + (uint64_t)QUESTION_LIFE_S;
}

void cache_asked(struct cache *cache, const struct in6_addr *client, uint64_t now_ns)
{
	uint32_t host = cache_may_name(client) ? cache_host(cache, client) : 0;
	struct host *h;

	if (!host)
		return;
	h = host_at(cache, host);
	if (questions_are_over(h, now_ns))
		h->open_questions = 0;
	if (h->open_questions < UINT16_MAX)
		h->open_questions++;
	h->asked_s = (uint32_t)(now_ns / NS_PER_S);
}

void cache_answered(struct cache *cache, const struct in6_addr *client)
{
	uint32_t host = cache_find_host(cache, client);

	if (host && host_at(cache, host)->open_questions)
		host_at(cache, host)->open_questions--;
}

bool cache_is_waiting(const struct cache *cache, uint32_t client, uint64_t now_ns)
{
	return host_at(cache, client)->open_questions && !questions_are_over(host_at(cache, client), now_ns);
}

bool cache_ever_asked(const struct cache *cache, const struct in6_addr *client)
{
	uint32_t host = cache_find_host(cache, client);

	return host && host_at(cache, host)->asked_s;
}
