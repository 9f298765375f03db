/* SPDX-License-Identifier: Apache-2.0 */
/* names_cache.h - who was told which name of which address, what hosts say of themselves, and which MAC they are behind.
 *
 * host: an address. link: what one client was told about one host. mac: an Ethernet address with the hosts seen behind it.
 * A host may be named, a client, seen behind a MAC, or all of it. Everything is bounded; who was not used for longest
 * makes room. Numbers of hosts and links are good until the next call that adds one.
 */
#ifndef DEVOURER_NAMES_CACHE_H
#define DEVOURER_NAMES_CACHE_H
#include <string.h>
#include "names_fact.h"

#define CACHE_MAC_HOSTS 8                         /* more than that behind one MAC: a router */

struct host {
	struct table_item item;
	struct in6_addr addr;
	uint32_t facts;                           /* what the host said of itself */
	uint32_t named_newest;                    /* links that name it, the one told last first */
	uint32_t client_newest, client_oldest;    /* links of what it was told, in order of telling */
	uint32_t client_facts;                    /* facts of these */
	uint32_t mac_seen_s;
	uint8_t mac[6], said_by[6];               /* seen behind; that announced a local name */
	bool has_mac, is_responder;
	uint16_t open_questions;                  /* as of asked_s, which is 0 if it never asked */
	uint32_t asked_s;
};

struct link {
	struct table_item item;
	uint32_t client, named;                   /* hosts */
	uint32_t named_newer, named_older;
	uint32_t client_newer, client_older;
	uint32_t facts;
};

struct mac {
	struct table_item item;
	uint8_t addr[6];
	bool is_router;
	uint32_t hosts[CACHE_MAC_HOSTS];          /* 0: free */
};

struct cache {
	uint64_t seed[2];
	struct table hosts, links, macs;
	struct facts facts;
	size_t max_names, max_client_facts, local_facts;
	uint64_t evicted_links, client_limit, no_room;
};

/* `max_names`: for each kind of fact. 0 or -ENOMEM. */
int cache_init(struct cache *cache, struct budget *budget, struct interner *interner, const uint64_t seed[2],
	       size_t max_links, size_t max_names);
void cache_free(struct cache *cache);

/* A host name may be told of this address: not unspecified, loopback, multicast or broadcast. */
bool cache_may_name(const struct in6_addr *addr);

uint32_t cache_host(struct cache *cache, const struct in6_addr *addr); /* 0: no room */
uint32_t cache_find_host(const struct cache *cache, const struct in6_addr *addr); /* 0: none */
uint32_t cache_find_link(const struct cache *cache, uint32_t client, uint32_t named); /* 0: none */

/* For names_tell.c. A link that is added or touched is the newest of its client and of the host that it names. */
uint32_t cache_link_add(struct cache *cache, uint32_t client, uint32_t named); /* 0: no room */
void cache_link_touch(struct cache *cache, uint32_t link);
void cache_link_remove(struct cache *cache, uint32_t link);
/* One link less: an expired one among those not used for longest, else the very oldest. false: there is none. */
bool cache_evict_link(struct cache *cache, uint64_t now_ns);

/* `client` was told that `addr` has this name; or `addr` says so, from `mac` (NULL: not known). false: no room. */
bool cache_tell(struct cache *cache, const struct in6_addr *client, const struct in6_addr *addr,
		const struct telling *telling);
bool cache_tell_local(struct cache *cache, const struct in6_addr *addr, const uint8_t *mac, const struct telling *telling);

/* The local names of `host` from `source` end before `end_ns`: only `name` (0: each), only if told before `before_ns`. */
void cache_end_local(struct cache *cache, uint32_t host, enum name_source source, uint32_t name, uint64_t before_ns,
		     uint64_t end_ns);

/* How many other names than `name` it has from `source`. */
size_t cache_count_others(const struct cache *cache, uint32_t host, enum name_source source, uint32_t name,
			  uint64_t now_ns);

/* A client asks, and gets its answer; whether it waits for one that may still come. */
void cache_asked(struct cache *cache, const struct in6_addr *client, uint64_t now_ns);
void cache_answered(struct cache *cache, const struct in6_addr *client);
bool cache_is_waiting(const struct cache *cache, uint32_t client, uint64_t now_ns);
bool cache_ever_asked(const struct cache *cache, const struct in6_addr *client);

/* Traffic has shown `addr` behind `mac`. */
void cache_saw(struct cache *cache, const struct in6_addr *addr, const uint8_t mac[6], uint64_t now_ns);
/* ... and behind another MAC than this one. */
bool cache_belongs_elsewhere(const struct cache *cache, const struct in6_addr *addr, const uint8_t mac[6]);
/* The hosts seen behind one MAC, unless it is that of a router: how many were written. */
size_t cache_hosts_of_mac(const struct cache *cache, const uint8_t addr[6], uint64_t now_ns,
			  uint32_t out[CACHE_MAC_HOSTS]);
void cache_forget_mac(struct cache *cache, uint32_t host); /* the host is about to go */

static inline struct host *host_at(const struct cache *cache, uint32_t host)
{
	return pool_at(&cache->hosts.pool, host);
}

static inline struct link *link_at(const struct cache *cache, uint32_t link)
{
	return pool_at(&cache->links.pool, link);
}

static inline struct fact *fact_at(const struct cache *cache, uint32_t fact)
{
	return facts_at(&cache->facts, fact);
}

static inline bool addr_is_v4(const struct in6_addr *addr)
{
	return IN6_IS_ADDR_V4MAPPED(addr);
}

static inline bool addr_is_same(const struct in6_addr *a, const struct in6_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}
#endif
