/* SPDX-License-Identifier: Apache-2.0 */
/* fragments.c - a table of 4 x 4096 first fragments. */
#include <stdlib.h>
#include <string.h>
#include "../base/siphash.h"
#include "../base/time.h"
#include "fragments.h"

#define SETS 4096
#define WAYS 4
#define LIFETIME_NS (60 * NS_PER_S)               /* of a datagram being reassembled, RFC 8200 4.5 */

struct datagram {                                 /* what all fragments of one datagram share */
	uint8_t src[16], dst[16];
	uint32_t id;
	uint8_t protocol, ip_version;
	uint8_t pad[2];
};
_Static_assert(sizeof(struct datagram) == 40, "compared as memory");

struct entry {
	struct datagram datagram;
	uint64_t seen_ns;
	uint16_t src_port, dst_port;
	bool is_used;
};

struct fragments {
	uint64_t seed[2];
	struct entry sets[SETS][WAYS];
};

struct fragments *fragments_new(const uint64_t seed[2])
{
	struct fragments *fragments = calloc(1, sizeof(*fragments));

	if (fragments)
		memcpy(fragments->seed, seed, sizeof(fragments->seed));
	return fragments;
}

void fragments_free(struct fragments *fragments)
{
	free(fragments);
}

static struct datagram datagram_of(const struct packet *p)
{
	struct datagram d = { .id = p->fragment_id, .protocol = p->protocol, .ip_version = p->ip_version };

	memcpy(d.src, p->src_addr, 16);
	memcpy(d.dst, p->dst_addr, 16);
	return d;
}

static struct entry *set_of(struct fragments *fragments, const struct datagram *d)
{
	return fragments->sets[siphash13(d, sizeof(*d), fragments->seed) % SETS];
}

/* The entry of the datagram, else the one that makes room for it: unused, or the oldest. */
static struct entry *entry_for(struct entry *set, const struct datagram *d)
{
	struct entry *oldest = set;

	for (int i = 0; i < WAYS; i++) {
		if (set[i].is_used && !memcmp(&set[i].datagram, d, sizeof(*d)))
			return &set[i];
		if (oldest->is_used && (!set[i].is_used || set[i].seen_ns < oldest->seen_ns))
			oldest = &set[i];
	}
	return oldest;
}

void fragments_add(struct fragments *fragments, const struct packet *p, uint64_t now_ns)
{
	struct datagram d = datagram_of(p);
	struct entry *entry = entry_for(set_of(fragments, &d), &d);

	*entry = (struct entry){ .datagram = d, .seen_ns = now_ns, .src_port = p->src_port, .dst_port = p->dst_port, .is_used = true };
}

bool fragments_join(struct fragments *fragments, struct packet *p, uint64_t now_ns)
{
	struct datagram d = datagram_of(p);
	struct entry *entry = entry_for(set_of(fragments, &d), &d);
	uint64_t apart_ns = now_ns > entry->seen_ns ? now_ns - entry->seen_ns : entry->seen_ns - now_ns;

	if (!entry->is_used || memcmp(&entry->datagram, &d, sizeof(d)) || apart_ns > LIFETIME_NS)
		return false;
	p->src_port = entry->src_port;
	p->dst_port = entry->dst_port;
	return true;
}
