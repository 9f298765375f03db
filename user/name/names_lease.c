/* SPDX-License-Identifier: Apache-2.0 */
/* names_lease.c - DHCP transactions that wait for their acknowledgement. */
#include "names_lease.h"
#include <string.h>
#include "../base/siphash.h"
#include "../base/time.h"
#include "dissect.h"

#define LEASES_MAX 4096
#define LEASE_LIFE_NS (600 * NS_PER_S)            /* from the client's last message; transactions are shorter */

static struct lease *lease_at(const struct leases *leases, uint32_t lease)
{
	return pool_at(&leases->table.pool, lease);
}

int leases_init(struct leases *leases, struct budget *budget, struct interner *interner, const uint64_t seed[2])
{
	*leases = (struct leases){ .interner = interner, .seed = { seed[0], seed[1] } };
	return table_init(&leases->table, budget, sizeof(struct lease), LEASES_MAX);
}

void leases_free(struct leases *leases)
{
	table_free(&leases->table);
}

static uint64_t key_of(const struct leases *leases, uint32_t xid, const void *client, size_t len)
{
	uint8_t key[4 + DHCP6_DUID_MAX];

	len = len < DHCP6_DUID_MAX ? len : DHCP6_DUID_MAX;
	memcpy(key, &xid, 4);
	memcpy(key + 4, client, len);
	return siphash13(key, 4 + len, leases->seed);
}

static uint32_t find(const struct leases *leases, uint64_t key)
{
	uint32_t i = table_first(&leases->table, (uint32_t)key);

	while (i && lease_at(leases, i)->key != key)
		i = table_next(&leases->table, i, (uint32_t)key);
	return i;
}

void lease_name(struct leases *leases, uint32_t *place, const char *text, size_t len)
{
	uint32_t name = len ? name_intern(leases->interner, text, len) : 0;

	if (!name)
		return;
	if (*place)
		name_put(leases->interner, *place);
	*place = name;
}

static void forget(struct leases *leases, uint32_t lease)
{
	struct lease *l = lease_at(leases, lease);

	if (l->fqdn)
		name_put(leases->interner, l->fqdn);
	if (l->hostname)
		name_put(leases->interner, l->hostname);
	table_remove(&leases->table, lease);
}

struct lease *lease_open(struct leases *leases, uint32_t xid, const void *client, size_t len, uint64_t now_ns)
{
	uint64_t key = key_of(leases, xid, client, len);
	uint32_t i = find(leases, key);

	if (!i) {
		if (pool_is_full(&leases->table.pool) && leases->table.oldest)
			forget(leases, leases->table.oldest);
		i = table_add(&leases->table, (uint32_t)key);
		if (!i)
			return NULL;
		lease_at(leases, i)->key = key;
	}
	table_touch(&leases->table, i);
	lease_at(leases, i)->seen_ns = now_ns;
	return lease_at(leases, i);
}

struct lease *lease_find(struct leases *leases, uint32_t xid, const void *client, size_t len, uint64_t now_ns)
{
	uint32_t i = find(leases, key_of(leases, xid, client, len));

	if (!i || now_ns > lease_at(leases, i)->seen_ns + LEASE_LIFE_NS)
		return NULL;
	return lease_at(leases, i);
}
