/* SPDX-License-Identifier: Apache-2.0 */
/* names_tell.c - telling the cache a name, and making room for it. */
#include "names_cache.h"

#define ROOM_TRIES 64                             /* links that may go for one new name */

static bool names_are_full(const struct cache *cache, enum fact_kind kind, uint32_t name)
{
	const struct interner *in = cache->facts.interner;

	return in->cached[kind] >= cache->max_names && !name_is_cached(in, name, kind);
}

/* Room for one more link, fact and name, before hosts and links are looked up. */
static bool make_room(struct cache *cache, const struct telling *t)
{
	for (int i = 0; i < ROOM_TRIES; i++) {
		if (!names_are_full(cache, FACT_TOLD, t->name) && !pool_is_full(&cache->links.pool) &&
		    !pool_is_full(&cache->facts.pool))
			return true;
		if (!cache_evict_link(cache, t->now_ns))
			break;
	}
	cache->no_room++;
	return false;
}

/* The link of this moment is the client's newest and stays. */
static void keep_client_limit(struct cache *cache, const struct host *client, uint64_t now_ns)
{
	while (client->client_facts > cache->max_client_facts && client->client_oldest != client->client_newest) {
		uint32_t link = client->client_oldest;

		cache->client_limit += !facts_are_over(&cache->facts, link_at(cache, link)->facts, now_ns);
		cache_link_remove(cache, link);
	}
}

/* Nearly always an answer repeats what is known already, and nothing has to make room for it. */
static bool tell_again(struct cache *cache, const struct in6_addr *client, const struct in6_addr *addr,
		       const struct telling *t)
{
	uint32_t link = cache_find_link(cache, cache_find_host(cache, client), cache_find_host(cache, addr));

	if (!link || !facts_renew(&cache->facts, link_at(cache, link)->facts, t))
		return false;
	table_touch(&cache->hosts, link_at(cache, link)->client);
	table_touch(&cache->hosts, link_at(cache, link)->named);
	cache_link_touch(cache, link);
	return true;
}

bool cache_tell(struct cache *cache, const struct in6_addr *client_addr, const struct in6_addr *addr,
		const struct telling *t)
{
	uint32_t client, named, link;
	int added;

	if (tell_again(cache, client_addr, addr, t))
		return true;
	if (!make_room(cache, t))
		return false;
	client = cache_host(cache, client_addr);
	named = client ? cache_host(cache, addr) : 0;
	if (!named)
		return false;
	link = cache_find_link(cache, client, named);
	if (link)
		cache_link_touch(cache, link);
	else
		link = cache_link_add(cache, client, named);
	added = link ? facts_add(&cache->facts, &link_at(cache, link)->facts, FACT_TOLD, t) : -1;
	if (added > 0) {
		host_at(cache, client)->client_facts++;
		keep_client_limit(cache, host_at(cache, client), t->now_ns);
	}
	return added >= 0;
}

/* What hosts say of themselves goes only for what other hosts say, so that announcements cannot push DNS out. */
static bool make_local_room(struct cache *cache, const struct telling *t)
{
	uint32_t host = cache->hosts.oldest;

	for (int i = 0; i < ROOM_TRIES; i++) {
		struct host *h = host ? host_at(cache, host) : NULL;

		if (cache->local_facts < cache->max_names && !names_are_full(cache, FACT_LOCAL, t->name) &&
		    !pool_is_full(&cache->facts.pool))
			return true;
		if (!h)
			break;
		cache->local_facts -= facts_count(&cache->facts, h->facts);
		facts_drop(&cache->facts, &h->facts, FACT_LOCAL);
		host = h->item.newer;
	}
	cache->no_room++;
	return false;
}

bool cache_tell_local(struct cache *cache, const struct in6_addr *addr, const uint8_t *mac, const struct telling *t)
{
	uint32_t host = cache_find_host(cache, addr);
	int added;

	if (!host || !facts_renew(&cache->facts, host_at(cache, host)->facts, t)) {
		host = make_local_room(cache, t) ? cache_host(cache, addr) : 0;
		added = host ? facts_add(&cache->facts, &host_at(cache, host)->facts, FACT_LOCAL, t) : -1;
		if (added < 0)
			return false;
		cache->local_facts += (size_t)added;
	}
	table_touch(&cache->hosts, host);
	if (mac)
		memcpy(host_at(cache, host)->said_by, mac, 6);
	return true;
}

size_t cache_count_others(const struct cache *cache, uint32_t host, enum name_source source, uint32_t name,
			  uint64_t now_ns)
{
	size_t count = 0;

	for (uint32_t i = host_at(cache, host)->facts; i; i = fact_at(cache, i)->next) {
		const struct fact *f = fact_at(cache, i);

		count += f->source == source && fact_until_ns(f) >= now_ns &&
			 !name_same(cache->facts.interner, f->name, name);
	}
	return count;
}

void cache_end_local(struct cache *cache, uint32_t host, enum name_source source, uint32_t name, uint64_t before_ns,
		     uint64_t end_ns)
{
	for (uint32_t i = host_at(cache, host)->facts; i; i = fact_at(cache, i)->next) {
		struct fact *f = fact_at(cache, i);

		if (f->source == source && (!name || f->name == name) && f->told_ns < before_ns)
			fact_end(f, end_ns);
	}
}
