/* SPDX-License-Identifier: Apache-2.0 */
/* names_dhcp.c - what DHCP clients call themselves, bound to the addresses that servers acknowledge. */
#include <string.h>
#include "names_impl.h"

#define UNTIL_RENEWED_S 86400                     /* of a name without a lease time: a REQUEST or INFORM */

enum dhcp4_type { DHCP4_REQUEST = 3, DHCP4_DECLINE = 4, DHCP4_ACK = 5, DHCP4_RELEASE = 7, DHCP4_INFORM = 8 };
enum dhcp6_type { DHCP6_REPLY = 7, DHCP6_RELEASE = 8, DHCP6_DECLINE = 9 };
enum { DHCP4_SERVER_PORT = 67, DHCP6_SERVER_PORT = 547 };

struct dhcp_names {
	const char *fqdn, *hostname;              /* the first goes first; NULL: none */
};

static struct dhcp_names names_of(const struct names *n, const struct lease *lease)
{
	return (struct dhcp_names){
		lease->fqdn ? name_text(&n->interner, lease->fqdn) : NULL,
		lease->hostname ? name_text(&n->interner, lease->hostname) : NULL,
	};
}

/* `addr` has these names from now on, and no longer those it had by DHCP before. */
static void bind_names(struct names *n, const struct name_message *m, const struct in6_addr *addr,
		       struct dhcp_names names, uint32_t lease_s)
{
	struct lesson lesson = { .addr = addr, .source = NAME_DHCP, .now_ns = m->now_ns };
	const char *texts[2] = { names.fqdn, names.hostname };
	uint32_t host = cache_find_host(&n->cache, addr);
	bool is_learned = false;

	lesson.ttl_s = lease_s ? lease_s : UNTIL_RENEWED_S;
	for (int i = 0; i < 2; i++) {
		if (!texts[i])
			continue;
		lesson.text = texts[i];
		lesson.len = strlen(texts[i]);
		is_learned |= names_learn(n, &lesson);
	}
	if (is_learned && host)
		cache_end_local(&n->cache, host, NAME_DHCP, 0, m->now_ns, m->now_ns);
}

static void end_names(struct names *n, const struct name_message *m, const struct in6_addr *addr)
{
	uint32_t host = cache_find_host(&n->cache, addr);

	if (host)
		cache_end_local(&n->cache, host, NAME_DHCP, 0, UINT64_MAX, m->now_ns);
}

static struct in6_addr mapped(uint32_t v4)
{
	return (struct in6_addr){ .s6_addr = {
		[10] = 0xff, 0xff, (uint8_t)(v4 >> 24), (uint8_t)(v4 >> 16), (uint8_t)(v4 >> 8), (uint8_t)v4,
	} };
}

/* The client's names are held until the server answers; an address that it sends from is its own already. */
static void client_speaks(struct names *n, const struct name_message *m, const struct dhcp4 *d)
{
	struct lease *lease = lease_open(&n->leases, d->xid, d->chaddr, sizeof(d->chaddr), m->now_ns);
	struct in6_addr ciaddr = mapped(d->ciaddr);
	bool is_from_it = d->ciaddr && addr_is_same(&ciaddr, &m->sender.addr);

	if (!lease)
		return;
	lease_name(&n->leases, &lease->fqdn, d->fqdn, d->fqdn_len);
	lease_name(&n->leases, &lease->hostname, d->hostname, d->hostname_len);
	if (!is_from_it)
		return;
	if (d->type == DHCP4_REQUEST || d->type == DHCP4_INFORM)
		bind_names(n, m, &ciaddr, names_of(n, lease), 0);
	else if (d->type == DHCP4_RELEASE || d->type == DHCP4_DECLINE)
		end_names(n, m, &ciaddr);
}

/* Names that the server assigns win over those that the client asked for. */
static void server_acknowledges(struct names *n, const struct name_message *m, const struct dhcp4 *d)
{
	const struct lease *lease = lease_find(&n->leases, d->xid, d->chaddr, sizeof(d->chaddr), m->now_ns);
	struct in6_addr addr = mapped(d->yiaddr ? d->yiaddr : d->ciaddr);
	struct dhcp_names names = { d->fqdn_len ? d->fqdn : NULL, d->hostname_len ? d->hostname : NULL };

	if (!lease) {
		n->counters[NAMES_UNMATCHED]++;
		return;
	}
	if (!names.fqdn && !names.hostname)
		names = names_of(n, lease);
	bind_names(n, m, &addr, names, d->lease_s);
}

void names_dhcp4(struct names *n, const struct name_message *m)
{
	struct dhcp4 d;
	int status = dhcp4_parse(m->octets, m->len, &d);

	names_count_status(n, m, status);
	if (status)
		return;
	if (!d.is_reply)
		client_speaks(n, m, &d);
	else if (d.type == DHCP4_ACK && m->sender_port == DHCP4_SERVER_PORT) /* RFC 2131 4.1; others only pretend */
		server_acknowledges(n, m, &d);
	else
		n->counters[NAMES_UNMATCHED] += d.type == DHCP4_ACK;
}

static void reply6(struct names *n, const struct name_message *m, const struct dhcp6 *d)
{
	const struct lease *lease = lease_find(&n->leases, d->xid, d->duid, d->duid_len, m->now_ns);
	struct dhcp_names names = { d->fqdn_len ? d->fqdn : NULL, NULL };

	if (!lease) {
		n->counters[NAMES_UNMATCHED]++;
		return;
	}
	if (!names.fqdn)
		names = names_of(n, lease);
	for (unsigned i = 0; i < d->addr_count; i++) {
		if (d->addrs[i].valid_s)
			bind_names(n, m, &d->addrs[i].addr, names, d->addrs[i].valid_s);
		else
			end_names(n, m, &d->addrs[i].addr); /* RFC 8415 18.2.10.1: no longer valid */
	}
}

static void release6(struct names *n, const struct name_message *m, const struct in6_addr *addr)
{
	if (!m->sender.has_mac || !cache_belongs_elsewhere(&n->cache, addr, m->sender.mac))
		end_names(n, m, addr);
}

void names_dhcp6(struct names *n, const struct name_message *m)
{
	struct dhcp6 d;
	int status = dhcp6_parse(m->octets, m->len, &d);
	struct lease *lease;

	names_count_status(n, m, status);
	if (status)
		return;
	if (d.type == DHCP6_REPLY) {
		if (m->sender_port == DHCP6_SERVER_PORT)
			reply6(n, m, &d);
		else
			n->counters[NAMES_UNMATCHED]++;
		return;
	}
	lease = lease_open(&n->leases, d.xid, d.duid, d.duid_len, m->now_ns);
	if (lease)
		lease_name(&n->leases, &lease->fqdn, d.fqdn, d.fqdn_len);
	if (d.type == DHCP6_RELEASE || d.type == DHCP6_DECLINE) {
		for (unsigned i = 0; i < d.addr_count; i++)
			release6(n, m, &d.addrs[i].addr);
	}
}
