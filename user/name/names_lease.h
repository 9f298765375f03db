/* SPDX-License-Identifier: Apache-2.0 */
/* names_lease.h - the names that DHCP clients gave themselves, until a server acknowledges an address. */
#ifndef DEVOURER_NAMES_LEASE_H
#define DEVOURER_NAMES_LEASE_H
#include "names_intern.h"

struct lease {
	struct table_item item;
	uint64_t key, seen_ns;
	uint32_t fqdn, hostname;                  /* 0: not given */
};

struct leases {
	struct interner *interner;                /* lent */
	struct table table;
	uint64_t seed[2];
};

/* 0 or -ENOMEM. */
int leases_init(struct leases *leases, struct budget *budget, struct interner *interner, const uint64_t seed[2]);
void leases_free(struct leases *leases);

/* A transaction of one client: `client` is its chaddr (RFC 2131 2) or DUID (RFC 8415 11). The oldest makes room for a new
 * one. NULL: out of memory; or there is none. */
struct lease *lease_open(struct leases *leases, uint32_t xid, const void *client, size_t len, uint64_t now_ns);
struct lease *lease_find(struct leases *leases, uint32_t xid, const void *client, size_t len, uint64_t now_ns);

/* Keep a name (len 0: none) in `*place`, which is a member of a lease. */
void lease_name(struct leases *leases, uint32_t *place, const char *text, size_t len);
#endif
