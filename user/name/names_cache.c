/* SPDX-License-Identifier: Apache-2.0 */
/* names_cache.c - hosts, links and facts: telling, forgetting, making room. */
#include "names_cache.h"
#include <errno.h>
#include <string.h>
#include "../base/siphash.h"
#include "../base/time.h"

#define MAX_MACS 65536
#define MAX_CLIENT_FACTS 4096                     /* so that no client pushes the others out */
#define EXPIRED_SEARCH 8                          /* links that are looked at for an expired one before the oldest goes */
#define ROOM_TRIES 64                             /* links that may go for one new name */

int cache_init(struct cache *cache, struct budget *budget, struct interner *interner, const uint64_t seed[2], size_t max_links,
	       size_t max_names)
{
	*cache = (struct cache){
		.interner = interner, .seed = { seed[0], seed[1] }, .max_names = max_names, .max_client_facts = MAX_CLIENT_FACTS,
	};
	/* Each link may name a host of its own, and clients come on top. */
	if (table_init(&cache->hosts, budget, sizeof(struct host), max_links + max_links / 8 + 64) ||
	    table_init(&cache->links, budget, sizeof(struct link), max_links) ||
	    table_init(&cache->macs, budget, sizeof(struct mac), MAX_MACS) ||
	    pool_init(&cache->facts, budget, sizeof(struct fact), max_links + max_links / 4 + max_names))
		return -ENOMEM;
	return 0;
}

void cache_free(struct cache *cache)
{
	table_free(&cache->hosts);
	table_free(&cache->links);
	table_free(&cache->macs);
	pool_free(&cache->facts);
}

bool cache_may_name(const struct in6_addr *addr)
{
	const uint8_t *a = addr->s6_addr;

	if (!addr_is_v4(addr))                    /* RFC 4291 2.5.2, 2.5.3, 2.7 */
		return !IN6_IS_ADDR_UNSPECIFIED(addr) && !IN6_IS_ADDR_LOOPBACK(addr) && !IN6_IS_ADDR_MULTICAST(addr);
	/* RFC 6890: this network, loopback; RFC 5771: multicast; RFC 919: broadcast. */
	return a[12] != 0 && a[12] != 127 && (a[12] & 0xf0) != 224 && memcmp(a + 12, "\xff\xff\xff\xff", 4) != 0;
}

/* ---- facts ---- */

uint64_t fact_until_ns(const struct fact *fact)
{
	return fact->told_ns + fact->life_ms * NS_PER_MS;
}

static void fact_live(struct fact *fact, uint64_t ns)
{
	fact->life_ms = (uint32_t)(ns / NS_PER_MS) & 0xfffffff; /* three days at most, and no name lives longer than one */
}

static void facts_drop(struct cache *cache, uint32_t *first, enum fact_kind kind)
{
	while (*first) {
		uint32_t fact = *first;

		*first = fact_at(cache, fact)->next;
		name_uncache(cache->interner, fact_at(cache, fact)->name, kind);
		pool_give(&cache->facts, fact);
	}
}

static struct fact *facts_find(const struct cache *cache, uint32_t first, uint32_t name, enum name_source source)
{
	for (uint32_t i = first; i; i = fact_at(cache, i)->next) {
		struct fact *f = fact_at(cache, i);

		if (f->name == name && f->source == source)
			return f;
	}
	return NULL;
}

/* Told again: known since the first telling unless it had lapsed, and believed until the later of the two ends. */
static void fact_renew(struct fact *f, const struct telling *t)
{
	uint64_t until_ns = fact_until_ns(f);

	if (t->now_ns < f->told_ns)               /* packet time stepped back; the later telling says it all */
		return;
	if (t->now_ns > until_ns)
		f->since_ns = t->now_ns;
	f->told_ns = t->now_ns;
	fact_live(f, t->life_s * NS_PER_S);
	if (until_ns > fact_until_ns(f))
		fact_live(f, until_ns - t->now_ns);
}

static void fact_set(struct cache *cache, struct fact *f, enum fact_kind kind, const struct telling *t)
{
	f->name = t->name;
	f->source = t->source;
	f->told_ns = f->since_ns = t->now_ns;
	fact_live(f, t->life_s * NS_PER_S);
	name_cache(cache->interner, t->name, kind);
}

/* Where a full list puts one more name: in place of what expired, else of what was told longest ago. */
static struct fact *facts_worst(const struct cache *cache, uint32_t first, uint64_t now_ns)
{
	struct fact *worst = fact_at(cache, first);

	for (uint32_t i = first; i; i = fact_at(cache, i)->next) {
		struct fact *f = fact_at(cache, i);

		if (fact_until_ns(f) < now_ns)
			return f;
		if (f->told_ns < worst->told_ns)
			worst = f;
	}
	return worst;
}

static size_t facts_count(const struct cache *cache, uint32_t first)
{
	size_t count = 0;

	for (; first; first = fact_at(cache, first)->next)
		count++;
	return count;
}

/* Adds or renews one fact of a list: 1: the list is one longer, 0: it is not, -1: no room. */
static int facts_tell(struct cache *cache, uint32_t *first, enum fact_kind kind, const struct telling *t)
{
	struct fact *f = facts_find(cache, *first, t->name, t->source);
	uint32_t fact;

	if (f) {
		fact_renew(f, t);
		return 0;
	}
	if (facts_count(cache, *first) >= CACHE_FACTS_MAX) {
		f = facts_worst(cache, *first, t->now_ns);
		name_uncache(cache->interner, f->name, kind);
		fact_set(cache, f, kind, t);
		return 0;
	}
	fact = pool_take(&cache->facts);
	if (!fact)
		return -1;
	fact_set(cache, fact_at(cache, fact), kind, t);
	while (*first)
		first = &fact_at(cache, *first)->next;
	*first = fact;                            /* at the end: of names told in one breath the first counts more */
	return 1;
}

static bool facts_are_over(const struct cache *cache, uint32_t first, uint64_t now_ns)
{
	for (; first; first = fact_at(cache, first)->next) {
		if (fact_until_ns(fact_at(cache, first)) >= now_ns)
			return false;
	}
	return true;
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

static void link_remove(struct cache *cache, uint32_t link)
{
	struct link *l = link_at(cache, link);
	struct host *client = host_at(cache, l->client);

	client->client_facts -= (uint32_t)facts_count(cache, l->facts);
	facts_drop(cache, &l->facts, FACT_TOLD);
	named_drop(cache, host_at(cache, l->named), l);
	client_drop(cache, client, l);
	table_remove(&cache->links, link);
}

static void link_evict(struct cache *cache, uint32_t link, uint64_t now_ns)
{
	cache->evicted_links += !facts_are_over(cache, link_at(cache, link)->facts, now_ns);
	link_remove(cache, link);
}

/* One link less: an expired one among those not used for longest, else the very oldest. */
static bool links_evict_one(struct cache *cache, uint64_t now_ns)
{
	uint32_t link = cache->links.oldest;

	for (int i = 0; link && i < EXPIRED_SEARCH; i++) {
		if (facts_are_over(cache, link_at(cache, link)->facts, now_ns))
			break;
		link = link_at(cache, link)->item.newer;
	}
	if (!link || !facts_are_over(cache, link_at(cache, link)->facts, now_ns))
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

static uint32_t link_add(struct cache *cache, uint32_t client, uint32_t named)
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

static void link_touch(struct cache *cache, uint32_t link)
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
	cache->local_facts -= facts_count(cache, h->facts);
	facts_drop(cache, &h->facts, FACT_LOCAL);
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
		host_remove(cache, cache->hosts.oldest, 0); /* at time 0 nothing has expired: each link counts as evicted */
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

/* ---- telling ---- */

static bool names_are_full(const struct cache *cache, enum fact_kind kind, uint32_t name)
{
	return cache->interner->cached[kind] >= cache->max_names && !name_is_cached(cache->interner, name, kind);
}

/* Room for one more link, fact and name, before hosts and links are looked up. */
static bool make_room(struct cache *cache, const struct telling *t)
{
	for (int i = 0; i < ROOM_TRIES; i++) {
		if (!names_are_full(cache, FACT_TOLD, t->name) && !pool_is_full(&cache->links.pool) && !pool_is_full(&cache->facts))
			return true;
		if (!links_evict_one(cache, t->now_ns))
			break;
	}
	cache->no_room++;
	return false;
}

/* The link of this moment is the client's newest and stays. */
static void keep_client_limit(struct cache *cache, const struct host *client, uint64_t now_ns)
{
	while (client->client_facts > cache->max_client_facts && client->client_oldest != client->client_newest) {
		cache->client_limit += !facts_are_over(cache, link_at(cache, client->client_oldest)->facts, now_ns);
		link_remove(cache, client->client_oldest);
	}
}

bool cache_tell(struct cache *cache, const struct in6_addr *client_addr, const struct in6_addr *addr, const struct telling *t)
{
	uint32_t client, named, link;
	int added;

	if (!make_room(cache, t))
		return false;
	client = cache_host(cache, client_addr);
	named = client ? cache_host(cache, addr) : 0;
	if (!named)
		return false;
	link = cache_find_link(cache, client, named);
	if (link)
		link_touch(cache, link);
	else
		link = link_add(cache, client, named);
	added = link ? facts_tell(cache, &link_at(cache, link)->facts, FACT_TOLD, t) : -1;
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

		if (cache->local_facts < cache->max_names && !names_are_full(cache, FACT_LOCAL, t->name) && !pool_is_full(&cache->facts))
			return true;
		if (!h)
			break;
		cache->local_facts -= facts_count(cache, h->facts);
		facts_drop(cache, &h->facts, FACT_LOCAL);
		host = h->item.newer;
	}
	cache->no_room++;
	return false;
}

bool cache_tell_local(struct cache *cache, const struct in6_addr *addr, const uint8_t *mac, const struct telling *t)
{
	uint32_t host;
	int added;

	if (!make_local_room(cache, t))
		return false;
	host = cache_host(cache, addr);
	added = host ? facts_tell(cache, &host_at(cache, host)->facts, FACT_LOCAL, t) : -1;
	if (added > 0)
		cache->local_facts++;
	if (host && mac)
		memcpy(host_at(cache, host)->said_by, mac, 6);
	return added >= 0;
}

size_t cache_count_others(const struct cache *cache, uint32_t host, enum name_source source, uint32_t name, uint64_t now_ns)
{
	size_t count = 0;

	for (uint32_t i = host_at(cache, host)->facts; i; i = fact_at(cache, i)->next) {
		const struct fact *f = fact_at(cache, i);

		count += f->source == source && !name_same(cache->interner, f->name, name) && fact_until_ns(f) >= now_ns;
	}
	return count;
}

void cache_end_local(struct cache *cache, uint32_t host, enum name_source source, uint32_t name, uint64_t before_ns, uint64_t end_ns)
{
	for (uint32_t i = host_at(cache, host)->facts; i; i = fact_at(cache, i)->next) {
		struct fact *f = fact_at(cache, i);

		if (f->source != source || (name && f->name != name) || f->told_ns >= before_ns || fact_until_ns(f) < end_ns)
			continue;
		fact_live(f, end_ns > f->told_ns ? end_ns - f->told_ns - 1 : 0);
	}
}
