/* SPDX-License-Identifier: Apache-2.0 */
/* test_names_cache.c - a random life in a cache that is far too small: its counts and its lists stay true. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "../user/base/time.h"
#include "../user/name/names_impl.h"

#define HOSTS 60
#define NAMES 40
#define MACS  12

struct life {
	struct budget budget;
	struct interner interner;
	struct cache cache;
	uint64_t now_ns;
	uint32_t random;
};

static uint32_t choose(struct life *life, uint32_t count)
{
	life->random = life->random * 1664525u + 1013904223u;
	return (life->random >> 8) % count;
}

static struct in6_addr some_addr(struct life *life)
{
	uint32_t number = choose(life, HOSTS);
	struct in6_addr addr = { .s6_addr = { [10] = 0xff, 0xff, 10, 0, 0, (uint8_t)(number + 1) } };

	if (number % 3 == 0)
		addr.s6_addr[0] = 0x20;           /* some of IPv6 */
	return addr;
}

static uint32_t some_name(struct life *life)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "host-%u.example", choose(life, NAMES));

	return name_intern(&life->interner, text, (size_t)len);
}

static void tell_something(struct life *life, bool is_local)
{
	struct telling t = { .name = some_name(life), .source = is_local ? NAME_MDNS : NAME_DNS, .life_s = 1 + choose(life, 300),
			     .now_ns = life->now_ns };
	struct in6_addr client = some_addr(life), addr = some_addr(life);

	assert_true(t.name);
	if (is_local)
		cache_tell_local(&life->cache, &addr, NULL, &t);
	else
		cache_tell(&life->cache, &client, &addr, &t);
	name_put(&life->interner, t.name);
}

static void live_a_moment(struct life *life)
{
	struct in6_addr addr = some_addr(life);
	uint8_t mac[6] = { 2, 0, 0, 0, 0, 0 };
	uint32_t host;

	life->now_ns += choose(life, 2000) * NS_PER_MS;
	switch (choose(life, 8)) {
	case 0: case 1: case 2:
		tell_something(life, false);
		break;
	case 3:
		tell_something(life, true);
		break;
	case 4: case 5:
		mac[5] = (uint8_t)choose(life, MACS);
		cache_saw(&life->cache, &addr, mac, life->now_ns);
		break;
	case 6:
		cache_asked(&life->cache, &addr, life->now_ns);
		break;
	default:
		host = cache_find_host(&life->cache, &addr);
		if (host)
			cache_end_local(&life->cache, host, NAME_MDNS, 0, life->now_ns, life->now_ns);
	}
}

static size_t count_facts(const struct life *life, uint32_t first, bool seen[NAMES * 4])
{
	size_t count = 0;

	for (uint32_t i = first; i; i = fact_at(&life->cache, i)->next, count++)
		seen[fact_at(&life->cache, i)->name] = true;
	assert_true(count <= FACTS_MAX);
	return count;
}

static size_t check_client(const struct life *life, uint32_t host, bool seen[NAMES * 4])
{
	const struct cache *cache = &life->cache;
	const struct host *h = host_at(cache, host);
	size_t links = 0, facts = 0;
	uint32_t newest = 0;

	for (uint32_t i = h->client_oldest; i; i = link_at(cache, i)->client_newer, links++) {
		assert_int_equal(link_at(cache, i)->client, host);
		assert_int_equal(cache_find_link(cache, host, link_at(cache, i)->named), i);
		assert_int_equal(link_at(cache, i)->client_older, newest);
		facts += count_facts(life, link_at(cache, i)->facts, seen);
		newest = i;
	}
	assert_int_equal(h->client_newest, newest);
	assert_int_equal(h->client_facts, facts);
	return links;
}

static size_t check_named(const struct life *life, uint32_t host)
{
	const struct cache *cache = &life->cache;
	size_t links = 0;
	uint32_t newer = 0;

	for (uint32_t i = host_at(cache, host)->named_newest; i; i = link_at(cache, i)->named_older, links++) {
		assert_int_equal(link_at(cache, i)->named, host);
		assert_int_equal(link_at(cache, i)->named_newer, newer);
		newer = i;
	}
	return links;
}

static size_t count_true(const bool flags[NAMES * 4])
{
	size_t count = 0;

	for (size_t i = 0; i < NAMES * 4; i++)
		count += flags[i];
	return count;
}

static void check_macs(const struct cache *cache)
{
	for (uint32_t i = cache->macs.oldest; i; i = table_at(&cache->macs, i)->newer) {
		const struct mac *m = pool_at(&cache->macs.pool, i);

		for (int slot = 0; slot < CACHE_MAC_HOSTS; slot++) {
			const struct host *h = m->hosts[slot] ? host_at(cache, m->hosts[slot]) : NULL;

			if (!h)
				continue;
			assert_true(h->has_mac);
			assert_memory_equal(h->mac, m->addr, 6);
			assert_int_equal(cache_find_host(cache, &h->addr), m->hosts[slot]);
		}
	}
}

static void check_life(const struct life *life)
{
	bool told[NAMES * 4] = { false }, local[NAMES * 4] = { false };
	size_t as_client = 0, as_named = 0, local_facts = 0;

	for (uint32_t i = life->cache.hosts.oldest; i; i = table_at(&life->cache.hosts, i)->newer) {
		as_client += check_client(life, i, told);
		as_named += check_named(life, i);
		local_facts += count_facts(life, host_at(&life->cache, i)->facts, local);
	}
	assert_int_equal(as_client, life->cache.links.pool.count);
	assert_int_equal(as_named, life->cache.links.pool.count);
	assert_int_equal(local_facts, life->cache.local_facts);
	assert_int_equal(count_true(told), life->interner.cached[FACT_TOLD]);
	assert_int_equal(count_true(local), life->interner.cached[FACT_LOCAL]);
	check_macs(&life->cache);
}

/* Rows: links and names that there may be; facts of a client. */
static void a_random_life_keeps_its_books(void **state)
{
	static const struct { size_t links, names, client_facts; } rows[] = {
		{ 20, 30, 1000 }, { 1000, 10, 1000 }, { 1000, 1000, 5 }, { 1000, 1000, 1000 }, { 1, 1, 1 },
	};
	static const uint64_t seed[2] = { 5, 6 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct life life = { .budget.max = 1 << 24, .now_ns = 1700000000 * NS_PER_S, .random = (uint32_t)i };

		assert_int_equal(interner_init(&life.interner, seed), 0);
		assert_int_equal(cache_init(&life.cache, &life.budget, &life.interner, seed, rows[i].links, rows[i].names), 0);
		life.cache.max_client_facts = rows[i].client_facts;
		if (i == 0)                       /* hosts and MACs have to go as well */
			life.cache.hosts.pool.max = 25;
		if (i == 0)
			life.cache.macs.pool.max = 5;
		for (unsigned step = 0; step < 20000; step++) {
			live_a_moment(&life);
			if (step % 97 == 0)
				check_life(&life);
		}
		assert_true(life.interner.cached[FACT_TOLD] <= rows[i].names);
		assert_true(life.interner.cached[FACT_LOCAL] <= rows[i].names);
		cache_free(&life.cache);
		interner_free(&life.interner);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_random_life_keeps_its_books),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
