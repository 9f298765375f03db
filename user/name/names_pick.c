/* SPDX-License-Identifier: Apache-2.0 */
/* names_pick.c - which of the known names of an address one flow shows, and in which order. */
#include <string.h>
#include "names_impl.h"
#include "../base/time.h"

#define OTHERS_MAX 64                             /* clients whose answers are looked at when the flow's own has none */

/* The best names so far, the best first. */
struct picks {
	const struct interner *interner;
	const uint8_t *ranks;                     /* of each source; lower is better */
	struct pick { uint32_t name; enum name_source source; uint64_t at_ns; } best[NAMES_PER_SIDE];
	size_t count;
};

/* What the client asked for comes first, but hosts of the own network are best known by their own names. */
static const uint8_t ranks_far[NAME_SOURCES] = {
	[NAME_SNI] = 0, [NAME_DNS] = 1, [NAME_DNS_HINT] = 2, [NAME_MDNS] = 3, [NAME_DHCP] = 4, [NAME_LLMNR] = 5,
	[NAME_NBNS] = 6, [NAME_DNS_OTHER] = 7, [NAME_PTR] = 8, [NAME_DNS_LATE] = 9,
};
static const uint8_t ranks_near[NAME_SOURCES] = {
	[NAME_SNI] = 0, [NAME_MDNS] = 1, [NAME_DHCP] = 2, [NAME_LLMNR] = 3, [NAME_NBNS] = 4, [NAME_DNS] = 5,
	[NAME_DNS_HINT] = 6, [NAME_DNS_OTHER] = 7, [NAME_PTR] = 8, [NAME_DNS_LATE] = 9,
};

bool addr_is_private(const struct in6_addr *addr)
{
	const uint8_t *a = addr->s6_addr;

	if (!addr_is_v4(addr))
		return IN6_IS_ADDR_LINKLOCAL(addr) || (a[0] & 0xfe) == 0xfc;
	return a[12] == 10 || (a[12] == 172 && (a[13] & 0xf0) == 16) || (a[12] == 192 && a[13] == 168) ||
	       (a[12] == 169 && a[13] == 254);
}

static bool is_better(const struct picks *picks, const struct pick *a, const struct pick *b)
{
	uint8_t rank_a = picks->ranks[a->source], rank_b = picks->ranks[b->source];

	return rank_a != rank_b ? rank_a < rank_b : a->at_ns > b->at_ns;
}

static void pick_remove(struct picks *picks, size_t i)
{
	picks->count--;
	memmove(&picks->best[i], &picks->best[i + 1], (picks->count - i) * sizeof(picks->best[0]));
}

/* Put a name in its place, unless it is there already with a better one. */
static void offer(struct picks *picks, const struct pick *pick)
{
	size_t at = 0, twin = 0;

	while (twin < picks->count && !name_same(picks->interner, picks->best[twin].name, pick->name))
		twin++;
	if (twin < picks->count) {
		if (!is_better(picks, pick, &picks->best[twin]))
			return;
		pick_remove(picks, twin);
	}
	while (at < picks->count && !is_better(picks, pick, &picks->best[at]))
		at++;
	if (at == NAMES_PER_SIDE)
		return;
	if (picks->count == NAMES_PER_SIDE)
		picks->count--;
	memmove(&picks->best[at + 1], &picks->best[at], (picks->count - at) * sizeof(picks->best[0]));
	picks->best[at] = *pick;
	picks->count++;
}

/* A fact that was known at a moment. */
static void offer_known(struct picks *picks, const struct fact *f, enum name_source source, uint64_t at_ns)
{
	struct pick pick = { .name = f->name, .source = source, .at_ns = f->told_ns };

	if (f->since_ns > at_ns || fact_until_ns(f) < at_ns)
		return;
	if (pick.at_ns > at_ns)                   /* told once more since */
		pick.at_ns = f->since_ns;
	offer(picks, &pick);
}

static void offer_told(struct picks *picks, const struct cache *cache, uint32_t link, uint64_t at_ns)
{
	for (uint32_t i = link_at(cache, link)->facts; i; i = fact_at(cache, i)->next)
		offer_known(picks, fact_at(cache, i), fact_at(cache, i)->source, at_ns);
}

/* The flow's client with the other addresses of the same machine, as far as they matter for one peer. */
struct asker {
	uint32_t links[1 + CACHE_MAC_HOSTS];      /* what they were told about the peer */
	size_t count;
	bool knows_best;                          /* told a name of the peer, even long ago, or waits for an answer */
};

static bool was_told(const struct cache *cache, uint32_t link)
{
	for (uint32_t i = link_at(cache, link)->facts; i; i = fact_at(cache, i)->next) {
		if (fact_at(cache, i)->source != NAME_PTR)
			return true;
	}
	return false;
}

static struct asker asker_of(struct names *n, const struct name_peer *client, uint32_t named, uint64_t now_ns)
{
	uint32_t hosts[1 + CACHE_MAC_HOSTS];
	struct asker asker = { .count = 0 };
	size_t host_count = 1;

	hosts[0] = cache_find_host(&n->cache, &client->addr);
	if (client->has_mac)
		host_count += cache_hosts_of_mac(&n->cache, client->mac, now_ns, hosts + 1);
	for (size_t i = 0; i < host_count; i++) {
		uint32_t link = i && hosts[i] == hosts[0] ? 0 : cache_find_link(&n->cache, hosts[i], named);

		asker.knows_best |= hosts[i] && cache_is_waiting(&n->cache, hosts[i], now_ns);
		if (!link)
			continue;
		table_touch(&n->cache.links, link);
		table_touch(&n->cache.hosts, hosts[i]);
		asker.knows_best |= was_told(&n->cache, link);
		asker.links[asker.count++] = link;
	}
	return asker;
}

/* Anyone on the link may announce a public address; it counts where the peer's frames come from the announcer's MAC. */
static bool may_show(const struct host *named, const struct name_peer *peer, const struct fact *f)
{
	if (f->source == NAME_DHCP || !peer->has_mac || addr_is_private(&named->addr))
		return true;
	return !memcmp(peer->mac, named->said_by, 6);
}

static void offer_local(struct picks *picks, const struct cache *cache, const struct host *named,
			const struct name_peer *peer, uint64_t at_ns)
{
	for (uint32_t i = named->facts; i; i = fact_at(cache, i)->next) {
		if (may_show(named, peer, fact_at(cache, i)))
			offer_known(picks, fact_at(cache, i), fact_at(cache, i)->source, at_ns);
	}
}

/* Other clients' answers say nothing sure about this client: they count only when it was never told a name itself, and
 * has no open question whose answer may be about to tell it. */
static void offer_others(struct picks *picks, const struct cache *cache, const struct host *named, uint64_t at_ns)
{
	uint32_t link = named->named_newest;

	for (int i = 0; link && i < OTHERS_MAX; i++, link = link_at(cache, link)->named_older) {
		for (uint32_t j = link_at(cache, link)->facts; j; j = fact_at(cache, j)->next) {
			if (fact_at(cache, j)->source != NAME_PTR)
				offer_known(picks, fact_at(cache, j), NAME_DNS_OTHER, at_ns);
		}
	}
}

/* What DNS told of `named`. */
static void offer_asked(struct names *n, struct picks *picks, const struct name_peer *client, uint32_t named,
			uint64_t first_ns)
{
	struct asker asker = asker_of(n, client, named, first_ns);
	uint64_t at_ns = first_ns + n->options.slack_ns;

	for (size_t i = 0; i < asker.count; i++)
		offer_told(picks, &n->cache, asker.links[i], at_ns);
	if (!asker.knows_best)
		offer_others(picks, &n->cache, host_at(&n->cache, named), at_ns);
}

static name_list list_of(struct names *n, const struct picks *picks)
{
	struct name_entry entries[NAMES_PER_SIDE];

	for (size_t i = 0; i < picks->count; i++)
		entries[i] = (struct name_entry){ .name = picks->best[i].name, .source = picks->best[i].source };
	return list_intern(&n->interner, entries, picks->count);
}

name_list names_at(struct names *n, const struct name_peer *client, const struct name_peer *peer, uint64_t first_ns)
{
	uint32_t named = cache_find_host(&n->cache, &peer->addr);
	struct picks picks = { .interner = &n->interner };
	const struct host *h;

	if (!named)
		return 0;
	h = host_at(&n->cache, named);
	if (!h->facts && !h->named_newest)
		return 0;
	table_touch(&n->cache.hosts, named);
	picks.ranks = addr_is_private(&h->addr) ? ranks_near : ranks_far;
	if (h->named_newest)
		offer_asked(n, &picks, client, named, first_ns);
	offer_local(&picks, &n->cache, h, peer, first_ns + n->options.slack_ns);
	return list_of(n, &picks);
}

/* The earlier of two facts that became known after one moment, and not after another. */
static const struct fact *earlier(const struct fact *best, const struct fact *f, uint64_t after_ns, uint64_t until_ns)
{
	if (f->since_ns <= after_ns || f->since_ns > until_ns)
		return best;
	return best && best->since_ns <= f->since_ns ? best : f;
}

static const struct fact *earliest_local(const struct cache *cache, const struct host *named,
					 const struct name_peer *peer, uint64_t after_ns, uint64_t until_ns)
{
	const struct fact *best = NULL;

	for (uint32_t i = named->facts; i; i = fact_at(cache, i)->next) {
		if (may_show(named, peer, fact_at(cache, i)))
			best = earlier(best, fact_at(cache, i), after_ns, until_ns);
	}
	return best;
}

name_list names_late(struct names *n, const struct name_peer *client, const struct name_peer *peer, uint64_t first_ns,
		     uint64_t last_ns)
{
	uint32_t named = cache_find_host(&n->cache, &peer->addr);
	const struct fact *best;
	struct name_entry entry;
	struct asker asker;

	if (!named || !(host_at(&n->cache, named)->facts || host_at(&n->cache, named)->named_newest))
		return 0;
	best = earliest_local(&n->cache, host_at(&n->cache, named), peer, first_ns, last_ns);
	asker = asker_of(n, client, named, last_ns);
	for (size_t i = 0; i < asker.count; i++) {
		for (uint32_t j = link_at(&n->cache, asker.links[i])->facts; j; j = fact_at(&n->cache, j)->next)
			best = earlier(best, fact_at(&n->cache, j), first_ns, last_ns);
	}
	if (!best)
		return 0;
	entry.name = best->name;
	entry.source = best->source == NAME_DNS || best->source == NAME_DNS_HINT ? NAME_DNS_LATE : best->source;
	return list_intern(&n->interner, &entry, 1);
}
