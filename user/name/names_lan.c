/* SPDX-License-Identifier: Apache-2.0 */
/* names_lan.c - what hosts announce of themselves by mDNS and NBNS. */
#include <string.h>
#include "names_impl.h"
#include "../base/time.h"

struct announcement {
	struct names *names;
	const struct name_message *message;
};

/* A host of the sender's link, as far as addresses tell. Which prefixes of IPv6 are on the link they do not tell. */
static bool is_on_link(const struct in6_addr *sender, const struct in6_addr *addr)
{
	if (addr_is_same(sender, addr) || addr_is_private(addr))
		return true;
	if (addr_is_v4(addr))
		return addr_is_v4(sender) && !memcmp(sender, addr, 15);
	return addr_is_v4(sender) || addr_is_private(sender) || !memcmp(sender, addr, 8);
}

/* A host announces itself. Its other addresses are believed as well, unless traffic has shown whose they are. */
static bool may_announce(struct names *n, const struct name_message *m, const struct in6_addr *addr)
{
	if (m->sender.has_mac && cache_belongs_elsewhere(&n->cache, addr, m->sender.mac)) {
		n->counters[NAMES_NOT_OWN]++;
		return false;
	}
	if (!is_on_link(&m->sender.addr, addr)) {
		n->counters[NAMES_OFF_LINK]++;
		return false;
	}
	return true;
}

static struct lesson lesson_of(const struct name_message *m, const struct in6_addr *addr, enum name_source source)
{
	return (struct lesson){
		.addr = addr, .mac = m->sender.has_mac ? m->sender.mac : NULL, .source = source, .now_ns = m->now_ns,
	};
}

/* ---- mDNS ---- */

/* RFC 6762 10.1: a record with TTL 0 says goodbye and is kept for one second. */
static void say_goodbye(struct names *n, const struct dns_name *name, uint64_t now_ns)
{
	uint32_t host = cache_find_host(&n->cache, &name->addr);
	uint32_t text = host ? name_intern(&n->interner, name->text, name->len) : 0;

	if (!text)
		return;
	cache_end_local(&n->cache, host, NAME_MDNS, text, UINT64_MAX, now_ns + NS_PER_S);
	name_put(&n->interner, text);
}

/* RFC 6762 10.2: what the owner said of this name more than a second ago, and of other addresses, is void. */
static void flush_others(struct names *n, const struct name_message *m, const struct dns_name *name)
{
	uint32_t hosts[CACHE_MAC_HOSTS], text = name_intern(&n->interner, name->text, name->len);
	uint64_t before_ns = m->now_ns > NS_PER_S ? m->now_ns - NS_PER_S : 0;
	size_t count = m->sender.has_mac ? cache_hosts_of_mac(&n->cache, m->sender.mac, m->now_ns, hosts) : 0;

	if (!text)
		return;
	for (size_t i = 0; i < count; i++) {
		const struct in6_addr *addr = &host_at(&n->cache, hosts[i])->addr;

		if (addr_is_same(addr, &name->addr) || addr_is_v4(addr) != addr_is_v4(&name->addr))
			continue;
		cache_end_local(&n->cache, hosts[i], NAME_MDNS, text, before_ns, m->now_ns);
	}
	name_put(&n->interner, text);
}

static void learn_mdns(void *ctx, const struct dns_name *name)
{
	const struct announcement *a = ctx;
	struct lesson lesson = lesson_of(a->message, &name->addr, NAME_MDNS);

	if (name->fact == DNS_FACT_HINT || !may_announce(a->names, a->message, &name->addr))
		return;
	if (!name->ttl_s) {
		say_goodbye(a->names, name, a->message->now_ns);
		return;
	}
	lesson.text = name->text;
	lesson.len = name->len;
	lesson.ttl_s = name->ttl_s;
	if (names_learn(a->names, &lesson) && name->cache_flush && name->fact == DNS_FACT_ADDRESS)
		flush_others(a->names, a->message, name);
}

void names_mdns(struct names *n, const struct name_message *m)
{
	struct announcement announcement = { .names = n, .message = m };
	struct dns_head head;
	int status = dns_head(m->octets, m->len, &head);

	/* RFC 6762 6, 18.3, 18.11 */
	if (!status && head.is_response && !head.opcode && !head.rcode && m->sender_port == 5353)
		status = mdns_answers(m->octets, m->len, &head, learn_mdns, &announcement);
	names_count_status(n, m, status);
}

/* ---- NBNS ---- */

/* RFC 1001 17.2 and Microsoft's use of the 16th octet: workstation and file server are names of the host itself. */
static bool is_host_name(const struct nbns_name *name)
{
	return !name->is_group && name->len && name->text[0] != '*' && (name->suffix == 0x00 || name->suffix == 0x20);
}

static void learn_nbns(void *ctx, const struct nbns_name *name)
{
	const struct announcement *a = ctx;
	const struct in6_addr *addr = name->has_addr ? &name->addr : &a->message->sender.addr;
	struct lesson lesson = lesson_of(a->message, addr, NAME_NBNS);

	if (!is_host_name(name))
		return;
	if (name->kind == NBNS_REGISTRATION && !addr_is_same(addr, &a->message->sender.addr)) {
		a->names->counters[NAMES_NOT_OWN]++;
		return;
	}
	if (!may_announce(a->names, a->message, addr))
		return;
	lesson.is_answer = name->kind == NBNS_ANSWER && addr_is_same(addr, &a->message->sender.addr);
	lesson.text = name->text;
	lesson.len = name->len;
	lesson.ttl_s = name->ttl_s;
	names_learn(a->names, &lesson);
}

void names_nbns(struct names *n, const struct name_message *m)
{
	struct announcement announcement = { .names = n, .message = m };

	if (m->sender_port == 137)
		names_count_status(n, m, nbns_names(m->octets, m->len, learn_nbns, &announcement));
}
