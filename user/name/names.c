/* SPDX-License-Identifier: Apache-2.0 */
/* names.c - the parts put together: which frame goes to which rule, and what all rules refuse. */
#include "names.h"
#include <stdlib.h>
#include <string.h>
#include "names_impl.h"
#include "text.h"

#define DEFAULT_LINKS    262144
#define DEFAULT_NAMES    65536
#define DEFAULT_REQUESTS 65536
#define DEFAULT_STREAMS  4096
#define STREAM_OCTETS    (2u << 20)               /* of DNS over TCP together, and of hellos together */
#define TABLE_OCTETS     (48u << 20)              /* with the streams and the interner 64 MiB */
#define LEAST_LIFE_S     120                      /* clients go on using an answer for about that long */
#define MOST_LIFE_S      86400
#define HOST_ALIASES_MAX 4                        /* names that one host answers to in LLMNR or NBNS */

const char *const name_source_text[NAME_SOURCES] = {
	[NAME_SNI] = "sni", [NAME_DNS] = "dns", [NAME_DNS_HINT] = "dns-hint", [NAME_MDNS] = "mdns",
	[NAME_DHCP] = "dhcp", [NAME_LLMNR] = "llmnr", [NAME_NBNS] = "nbns", [NAME_DNS_OTHER] = "dns-other",
	[NAME_PTR] = "ptr", [NAME_DNS_LATE] = "dns-late",
};

const char *const names_counter_text[NAMES_COUNTERS] = {
	[NAMES_LEARNED] = "learned",
	[NAMES_MALFORMED] = "malformed",
	[NAMES_UNMATCHED] = "unmatched",
	[NAMES_ONE_SIDED] = "one_sided",
	[NAMES_CONFLICT] = "conflict",
	[NAMES_OFF_LINK] = "off_link",
	[NAMES_NOT_OWN] = "not_own",
	[NAMES_RESPONDER] = "responder",
	[NAMES_FRAGMENTED] = "fragmented",
	[NAMES_REFUSED_ADDR] = "refused_addr",
	[NAMES_EVICTED_LINKS] = "evicted_links",
	[NAMES_EVICTED_REQUESTS] = "evicted_requests",
	[NAMES_EVICTED_STREAMS] = "evicted_streams",
	[NAMES_PER_CLIENT_LIMIT] = "per_client_limit",
	[NAMES_NO_ROOM] = "no_room",
	[NAMES_HELLOS] = "hellos",
	[NAMES_HELLOS_WITHOUT_SNI] = "hellos_without_sni",
};

static size_t or_default(size_t wanted, size_t otherwise)
{
	return wanted ? wanted : otherwise;
}

static int parts_init(struct names *n)
{
	const struct names_options *o = &n->options;
	size_t streams = or_default(o->max_streams, DEFAULT_STREAMS);
	int err = interner_init(&n->interner, o->seed);

	n->budget.max = TABLE_OCTETS;
	if (!err)
		err = cache_init(&n->cache, &n->budget, &n->interner, o->seed, or_default(o->max_links, DEFAULT_LINKS),
				 or_default(o->max_names, DEFAULT_NAMES));
	if (!err)
		err = requests_init(&n->requests, &n->budget, o->seed, or_default(o->max_requests, DEFAULT_REQUESTS));
	if (!err)
		err = leases_init(&n->leases, &n->budget, &n->interner, o->seed);
	if (!err)
		err = streams_init(&n->dns_streams, &n->budget, o->seed, streams, STREAM_OCTETS);
	if (!err)
		err = streams_init(&n->hello_streams, &n->budget, o->seed, streams, STREAM_OCTETS);
	return err;
}

struct names *names_new(const struct names_options *options)
{
	struct names *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->options = *options;
	if (parts_init(n)) {
		names_free(n);
		return NULL;
	}
	return n;
}

void names_free(struct names *n)
{
	if (!n)
		return;
	streams_free(&n->hello_streams);
	streams_free(&n->dns_streams);
	leases_free(&n->leases);
	requests_free(&n->requests);
	cache_free(&n->cache);
	interner_free(&n->interner);
	free(n);
}

/* ---- learning ---- */

static uint32_t life_of(uint32_t ttl_s)
{
	if (ttl_s < LEAST_LIFE_S)
		return LEAST_LIFE_S;
	return ttl_s < MOST_LIFE_S ? ttl_s : MOST_LIFE_S;
}

/* Poisoning tools answer to every name that is asked for on the link; a host has one, and perhaps a few more. Who has
 * given too many names is not believed any more, also in those that came first. */
static bool answers_to_everything(struct names *n, const struct lesson *lesson, uint32_t name)
{
	uint32_t host = lesson->is_answer ? cache_find_host(&n->cache, lesson->addr) : 0;
	size_t others = host ? cache_count_others(&n->cache, host, lesson->source, name, lesson->now_ns) : 0;

	if (!host || (others < HOST_ALIASES_MAX && !host_at(&n->cache, host)->is_responder))
		return false;
	host_at(&n->cache, host)->is_responder = true;
	cache_end_local(&n->cache, host, lesson->source, 0, UINT64_MAX, lesson->now_ns);
	n->counters[NAMES_RESPONDER]++;
	return true;
}

static bool tell(struct names *n, const struct lesson *lesson, uint32_t name)
{
	struct telling telling = {
		.name = name, .source = lesson->source, .life_s = life_of(lesson->ttl_s), .now_ns = lesson->now_ns,
	};

	if (lesson->client)
		return cache_tell(&n->cache, lesson->client, lesson->addr, &telling);
	return cache_tell_local(&n->cache, lesson->addr, lesson->mac, &telling);
}

/* An address is not a name. Nearly all names end in a letter and have no colon, and so are none. */
static bool is_address(const char *text, size_t len)
{
	bool may_be = (text[len - 1] >= '0' && text[len - 1] <= '9') || memchr(text, ':', len);

	return may_be && text_is_address(text);
}

bool names_learn(struct names *n, const struct lesson *lesson)
{
	bool is_told;
	uint32_t name;

	if (!lesson->len || is_address(lesson->text, lesson->len))
		return false;
	if (!cache_may_name(lesson->addr)) {
		n->counters[NAMES_REFUSED_ADDR]++;
		return false;
	}
	name = name_intern(&n->interner, lesson->text, lesson->len);
	if (!name) {
		n->counters[NAMES_NO_ROOM]++;
		return false;
	}
	is_told = !answers_to_everything(n, lesson, name) && tell(n, lesson, name);
	name_put(&n->interner, name);
	n->counters[NAMES_LEARNED] += is_told;
	return is_told;
}

void names_count_status(struct names *n, const struct name_message *m, int status)
{
	n->counters[NAMES_MALFORMED] += status == DISSECT_BAD || (status == DISSECT_SHORT && !m->is_cut);
}

/* ---- frames ---- */

/* The octets behind the TCP or UDP header, without what the link padded. false: there are none. */
static bool payload_of(const struct packet *p, const uint8_t *frame, size_t frame_len, struct name_message *m)
{
	size_t end = (size_t)p->l3_at + p->l3_len;

	m->is_cut = end > frame_len;
	if (m->is_cut)
		end = frame_len;
	if (!p->payload_at || p->payload_at > end)
		return false;
	m->octets = frame + p->payload_at;
	m->len = end - p->payload_at;
	return true;
}

static struct name_message message_of(const struct packet *p, uint64_t now_ns)
{
	struct name_message m = {
		.sender_port = p->src_port, .receiver_port = p->dst_port, .protocol = p->protocol, .now_ns = now_ns,
		.sender.has_mac = p->flags & PKT_HAS_SRC_MAC,
	};

	memcpy(&m.sender.addr, p->src_addr, sizeof(m.sender.addr));
	memcpy(&m.receiver.addr, p->dst_addr, sizeof(m.receiver.addr));
	memcpy(m.sender.mac, p->src_mac, sizeof(m.sender.mac));
	return m;
}

static void datagram(struct names *n, enum name_port port, const struct name_message *m)
{
	switch (port) {
	case NAME_PORT_DNS: names_dns(n, m); break;
	case NAME_PORT_MDNS: names_mdns(n, m); break;
	case NAME_PORT_LLMNR: names_llmnr(n, m); break;
	case NAME_PORT_NBNS: names_nbns(n, m); break;
	case NAME_PORT_DHCP4: names_dhcp4(n, m); break;
	case NAME_PORT_DHCP6: names_dhcp6(n, m); break;
	default: break;
	}
}

void names_frame(struct names *n, const struct packet *p, const uint8_t *frame, size_t frame_len, uint64_t now_ns)
{
	struct name_message m = message_of(p, now_ns);
	enum name_port port = flow_name_port(p);

	if (port == NAME_PORT_NONE || p->flags & PKT_LATER_FRAGMENT)
		return;
	if (p->flags & PKT_FIRST_FRAGMENT) {      /* what came together from fragments may be forged in part */
		n->counters[NAMES_FRAGMENTED]++;
		return;
	}
	if (!payload_of(p, frame, frame_len, &m))
		return;
	if (p->protocol == PKT_TCP)
		names_dns_segment(n, &m, p->tcp_seq, p->tcp_flags);
	else
		datagram(n, port, &m);
}

void names_saw(struct names *n, const struct name_peer *sender, uint64_t now_ns)
{
	if (sender->has_mac)
		cache_saw(&n->cache, &sender->addr, sender->mac, now_ns);
}

/* ---- lists, counters ---- */

void name_list_put(struct names *n, name_list list)
{
	list_put(&n->interner, list);
}

size_t name_list_view(const struct names *n, name_list list, struct name_view out[NAMES_PER_SIDE])
{
	return list_view(&n->interner, list, out);
}

uint64_t names_counter(const struct names *n, enum names_counter which)
{
	switch (which) {
	case NAMES_EVICTED_LINKS: return n->cache.evicted_links;
	case NAMES_PER_CLIENT_LIMIT: return n->cache.client_limit;
	case NAMES_NO_ROOM: return n->counters[which] + n->cache.no_room;
	case NAMES_EVICTED_REQUESTS: return n->requests.evicted;
	case NAMES_EVICTED_STREAMS: return n->dns_streams.evicted + n->hello_streams.evicted;
	default: return n->counters[which];
	}
}

size_t names_octets(const struct names *n)
{
	return sizeof(*n) + n->budget.octets + n->interner.budget.octets + n->dns_streams.octets +
	       n->hello_streams.octets;
}
