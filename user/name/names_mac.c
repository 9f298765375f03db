/* SPDX-License-Identifier: Apache-2.0 */
/* names_mac.c - which addresses are behind one MAC, and which MACs are routers.
 *
 * One machine asks over IPv4 and connects over IPv6, so what its addresses were told belongs together. Behind a router's
 * MAC there are many machines, and nothing is shared.
 */
#include <string.h>
#include "names_cache.h"
#include "../base/siphash.h"
#include "../base/time.h"

#define MAC_WINDOW_S 300                          /* who was seen this long ago is still there */

static struct mac *mac_at(const struct cache *cache, uint32_t mac)
{
	return pool_at(&cache->macs.pool, mac);
}

static uint32_t mac_hash(const struct cache *cache, const uint8_t addr[6])
{
	return (uint32_t)siphash13(addr, 6, cache->seed);
}

static uint32_t mac_find(const struct cache *cache, const uint8_t addr[6], uint32_t hash)
{
	uint32_t mac = table_first(&cache->macs, hash);

	while (mac && memcmp(mac_at(cache, mac)->addr, addr, 6))
		mac = table_next(&cache->macs, mac, hash);
	return mac;
}

static uint32_t mac_get(struct cache *cache, const uint8_t addr[6])
{
	uint32_t hash = mac_hash(cache, addr), mac = mac_find(cache, addr, hash);

	if (mac) {
		table_touch(&cache->macs, mac);
		return mac;
	}
	mac = table_add(&cache->macs, hash);
	if (!mac && cache->macs.oldest) {
		table_remove(&cache->macs, cache->macs.oldest);
		mac = table_add(&cache->macs, hash);
	}
	if (mac)
		memcpy(mac_at(cache, mac)->addr, addr, 6);
	return mac;
}

static bool was_seen_lately(const struct host *h, uint32_t now_s)
{
	return now_s <= h->mac_seen_s || now_s - h->mac_seen_s <= MAC_WINDOW_S;
}

/* An IPv4 address that a machine has one of; it may use a link-local one beside it for a while (RFC 3927). */
static bool is_lone_kind(const struct host *h)
{
	return addr_is_v4(&h->addr) && memcmp(h->addr.s6_addr + 12, "\xa9\xfe", 2) != 0;
}

/* Two IPv4 addresses at one time may be a change of address; the MAC shares nothing until the first has been silent. */
static bool is_router(const struct cache *cache, const struct mac *m, uint32_t now_s)
{
	unsigned lone = 0;

	for (int i = 0; i < CACHE_MAC_HOSTS; i++) {
		const struct host *h = m->hosts[i] ? host_at(cache, m->hosts[i]) : NULL;

		lone += h && is_lone_kind(h) && was_seen_lately(h, now_s);
	}
	return m->is_router || lone > 1;
}

static bool has_slot(const struct mac *m, uint32_t host)
{
	for (int i = 0; i < CACHE_MAC_HOSTS; i++) {
		if (m->hosts[i] == host)
			return true;
	}
	return false;
}

/* A free slot, or that of a host that has been silent; else so many live hosts are behind a router. */
static void take_slot(struct cache *cache, struct mac *m, uint32_t host, uint32_t now_s)
{
	int slot = -1;

	for (int i = 0; i < CACHE_MAC_HOSTS && slot < 0; i++) {
		if (!m->hosts[i])
			slot = i;
	}
	for (int i = 0; i < CACHE_MAC_HOSTS && slot < 0; i++) {
		if (!was_seen_lately(host_at(cache, m->hosts[i]), now_s))
			slot = i;
	}
	if (slot < 0)
		m->is_router = true;
	else
		m->hosts[slot] = host;
}

/* An address comes back although another one was used since: both are in use, by two machines. */
static bool alternates(const struct cache *cache, const struct mac *m, const struct host *h)
{
	for (int i = 0; i < CACHE_MAC_HOSTS; i++) {
		const struct host *other = m->hosts[i] ? host_at(cache, m->hosts[i]) : h;

		if (other != h && is_lone_kind(h) && is_lone_kind(other) && other->mac_seen_s > h->mac_seen_s)
			return true;
	}
	return false;
}

void cache_forget_mac(struct cache *cache, uint32_t host)
{
	struct host *h = host_at(cache, host);
	uint32_t mac = h->has_mac ? mac_find(cache, h->mac, mac_hash(cache, h->mac)) : 0;

	for (int i = 0; mac && i < CACHE_MAC_HOSTS; i++) {
		if (mac_at(cache, mac)->hosts[i] == host)
			mac_at(cache, mac)->hosts[i] = 0;
	}
	h->has_mac = false;
}

static void claim(struct cache *cache, struct mac *m, uint32_t host, uint32_t now_s)
{
	struct host *h = host_at(cache, host);

	if (h->has_mac && memcmp(h->mac, m->addr, 6)) {
		if (was_seen_lately(h, now_s))    /* the owner is still there: this may be someone who pretends */
			return;
		cache_forget_mac(cache, host);
	}
	if (h->has_mac && alternates(cache, m, h))
		m->is_router = true;
	memcpy(h->mac, m->addr, 6);
	h->has_mac = true;
	h->mac_seen_s = now_s;
	if (!m->is_router && !has_slot(m, host))
		take_slot(cache, m, host, now_s);
}

void cache_saw(struct cache *cache, const struct in6_addr *addr, const uint8_t mac_addr[6], uint64_t now_ns)
{
	static const uint8_t none[6];
	uint32_t mac, host;

	if (!cache_may_name(addr) || mac_addr[0] & 1 || !memcmp(mac_addr, none, 6))
		return;
	mac = mac_get(cache, mac_addr);
	if (!mac)
		return;
	/* Addresses behind a router are many; only those that matter anyway are noted. */
	host = mac_at(cache, mac)->is_router ? cache_find_host(cache, addr) : cache_host(cache, addr);
	if (host)
		claim(cache, mac_at(cache, mac), host, (uint32_t)(now_ns / NS_PER_S));
}

bool cache_belongs_elsewhere(const struct cache *cache, const struct in6_addr *addr, const uint8_t mac[6])
{
	uint32_t host = cache_find_host(cache, addr);

	return host && host_at(cache, host)->has_mac && memcmp(host_at(cache, host)->mac, mac, 6);
}

size_t cache_hosts_of_mac(const struct cache *cache, const uint8_t addr[6], uint64_t now_ns,
			  uint32_t out[CACHE_MAC_HOSTS])
{
	uint32_t mac = mac_find(cache, addr, mac_hash(cache, addr));
	size_t count = 0;

	if (!mac || is_router(cache, mac_at(cache, mac), (uint32_t)(now_ns / NS_PER_S)))
		return 0;
	for (int i = 0; i < CACHE_MAC_HOSTS; i++) {
		if (mac_at(cache, mac)->hosts[i])
			out[count++] = mac_at(cache, mac)->hosts[i];
	}
	return count;
}
