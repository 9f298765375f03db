/* SPDX-License-Identifier: Apache-2.0 */
/* names_world.h - a small network for the tests of the name cache: hosts that ask, answer and announce. Include after cmocka.h.
 *
 * Hosts of 10.0.0.0/24, 203.0.113.0/24, fe80::/64 and 2001:db8::/64 are on the link; the last octet of their address is that of
 * their MAC too, so that 10.0.0.5 and 2001:db8::5 are one machine. All others are behind the router.
 */
#ifndef DEVOURER_TESTS_NAMES_WORLD_H
#define DEVOURER_TESTS_NAMES_WORLD_H
#include "dns_message.h"
#include "../user/base/time.h"
#include "../user/name/names.h"

struct world {
	struct names *names;
	uint64_t now_ns;
	uint8_t next_flags;                       /* enum pkt_flag of the next frame, beside those it has anyway */
	struct message message;                   /* the last one that was sent */
	char text[8 * 1100];
};

static const uint8_t router_mac[6] = { 2, 0xff, 0, 0, 0, 1 };

static inline struct in6_addr address(const char *text)
{
	struct in6_addr addr;
	char mapped[128];

	snprintf(mapped, sizeof(mapped), "%s%s", strchr(text, ':') ? "" : "::ffff:", text);
	assert_int_equal(inet_pton(AF_INET6, mapped, &addr), 1);
	return addr;
}

static inline bool is_near(const char *addr)
{
	return !strncmp(addr, "10.0.0.", 7) || !strncmp(addr, "203.0.113.", 10) || !strncmp(addr, "fe80::", 6) ||
	       !strncmp(addr, "2001:db8::", 10);
}

static inline struct name_peer peer(const char *addr)
{
	struct name_peer p = { .addr = address(addr), .mac = { 2, 0, 0, 0, 0, p.addr.s6_addr[15] }, .has_mac = true };

	p.mac[5] = p.addr.s6_addr[15];
	if (!is_near(addr))
		memcpy(p.mac, router_mac, 6);
	return p;
}

static inline void world_open_with(struct world *w, struct names_options options)
{
	options.seed[0] = 0x1122334455667788;
	options.seed[1] = 42;
	memset(w, 0, sizeof(*w));
	w->names = names_new(&options);
	assert_non_null(w->names);
	w->now_ns = 1700000000 * NS_PER_S;
}

static inline void world_open(struct world *w)
{
	world_open_with(w, (struct names_options){ .flow_names = true });
}

static inline void world_close(struct world *w)
{
	names_free(w->names);
}

static inline void wait_ns(struct world *w, uint64_t ns)
{
	w->now_ns += ns;
}

static inline void wait_s(struct world *w, double seconds)
{
	wait_ns(w, (uint64_t)(seconds * 1e9));
}

struct place { const char *addr; uint16_t port; };

static inline struct packet packet_of(struct world *w, struct place from, struct place to, uint8_t protocol, size_t header, size_t len)
{
	struct packet p = { .src_port = from.port, .dst_port = to.port, .protocol = protocol, .flags = PKT_HAS_PORTS | PKT_HAS_SRC_MAC };
	struct name_peer sender = peer(from.addr), receiver = peer(to.addr);

	memcpy(p.src_addr, &sender.addr, 16);
	memcpy(p.dst_addr, &receiver.addr, 16);
	memcpy(p.src_mac, sender.mac, 6);
	p.flags |= w->next_flags;
	p.l3_at = 14;
	p.l3_len = (uint32_t)(20 + header + len);
	p.payload_at = (uint16_t)(14 + 20 + header);
	w->next_flags = 0;
	return p;
}

/* The frame is given in a block of exactly its size, so that ASan sees a read behind it. */
static inline void give(struct world *w, struct packet *p, const void *octets, size_t len)
{
	uint8_t *frame = calloc(1, p->payload_at + len);

	memcpy(frame + p->payload_at, octets, len);
	names_frame(w->names, p, frame, p->payload_at + len, w->now_ns);
	free(frame);
}

static inline void send_udp(struct world *w, struct place from, struct place to)
{
	struct packet p = packet_of(w, from, to, PKT_UDP, 8, w->message.len);

	give(w, &p, w->message.octets, w->message.len);
}

/* ---- DNS ---- */

struct dns { const char *client, *server, *name; unsigned type; uint16_t id, client_port; struct rr answers[7], additional[3]; };

static inline void dns_start(struct world *w, const struct dns *d, unsigned flags)
{
	put_header(&w->message, flags, 1, 0);
	w->message.octets[0] = (uint8_t)(d->id >> 8);
	w->message.octets[1] = (uint8_t)d->id;
	put_question(&w->message, d->name, d->type, IN);
}

static inline void dns_records(struct world *w, const struct rr *rrs, size_t max, size_t count_at)
{
	for (size_t i = 0; i < max && rrs[i].owner; i++) {
		put_rr(&w->message, &rrs[i]);
		w->message.octets[count_at + 1]++;
	}
}

static inline void ask(struct world *w, const struct dns *d)
{
	dns_start(w, d, QUERY);
	send_udp(w, (struct place){ d->client, d->client_port }, (struct place){ d->server, 53 });
}

static inline void answer_from(struct world *w, const struct dns *d, struct place from)
{
	dns_start(w, d, RESPONSE);
	dns_records(w, d->answers, 7, 6);
	dns_records(w, d->additional, 3, 10);
	send_udp(w, from, (struct place){ d->client, d->client_port });
}

static inline void answer(struct world *w, const struct dns *d)
{
	answer_from(w, d, (struct place){ d->server, 53 });
}

/* `client` asks for `name` and is told that it is at `addr`. */
static inline void resolve(struct world *w, const char *client, const char *name, const char *addr, uint32_t ttl_s)
{
	struct dns d = { client, "9.9.9.9", name, strchr(addr, ':') ? AAAA : A, (uint16_t)(w->now_ns / 1000), 40000,
			 { { "@12", strchr(addr, ':') ? AAAA : A, ttl_s, addr } }, { { 0 } } };

	ask(w, &d);
	answer(w, &d);
}

/* ---- TLS ---- */

struct hello { size_t len; uint8_t octets[20000]; };

static inline void hello_add(struct hello *h, const void *octets, size_t len)
{
	memcpy(h->octets + h->len, octets, len);
	h->len += len;
}

static inline void hello_add_number(struct hello *h, unsigned width, size_t value)
{
	while (width--)
		hello_add(h, (uint8_t[]){ (uint8_t)(value >> 8 * width) }, 1);
}

static inline void hello_add_extension(struct hello *h, unsigned type, size_t len)
{
	hello_add_number(h, 2, type);
	hello_add_number(h, 2, len);
}

/* A ClientHello (RFC 8446 4.1.2) in one record; `padding` octets come before the name. */
static inline void hello_make(struct hello *h, const char *name, bool has_ech, size_t padding)
{
	size_t name_len = name ? strlen(name) : 0;
	size_t extensions = (name ? 9 + name_len : 0) + (has_ech ? 4 + 3 : 0) + (padding ? 4 + padding : 0);

	h->len = 0;
	hello_add_number(h, 1, 22);
	hello_add_number(h, 2, 0x0301);
	hello_add_number(h, 2, 4 + 43 + extensions);
	hello_add_number(h, 1, 1);
	hello_add_number(h, 3, 43 + extensions);
	hello_add_number(h, 2, 0x0303);
	hello_add(h, (uint8_t[32]){ 0 }, 32);
	hello_add_number(h, 1, 0);
	hello_add(h, "\0\2\x13\1" "\1\0", 6);
	hello_add_number(h, 2, extensions);
	if (padding) {
		hello_add_extension(h, 21, padding);
		memset(h->octets + h->len, 0, padding);
		h->len += padding;
	}
	if (name) {
		hello_add_extension(h, 0, name_len + 5);
		hello_add_number(h, 2, name_len + 3);
		hello_add_number(h, 1, 0);
		hello_add_number(h, 2, name_len);
		hello_add(h, name, name_len);
	}
	if (has_ech) {
		hello_add_extension(h, 0xfe0d, 3);
		hello_add(h, "\0\0\0", 3);
	}
}

/* ---- asking the cache ---- */

static inline const char *list_text(struct world *w, name_list list)
{
	struct name_view views[NAMES_PER_SIDE];
	size_t count = name_list_view(w->names, list, views), at = 0;

	w->text[0] = 0;
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(strlen(views[i].text), views[i].len);
		at += (size_t)snprintf(w->text + at, sizeof(w->text) - at, "%s%s/%s", i ? " " : "", views[i].text,
				       name_source_text[views[i].source]);
	}
	name_list_put(w->names, list);
	return w->text;
}

/* "name/source ..." of `addr` for a flow with `client` that begins now. */
static inline const char *names_for(struct world *w, const char *client, const char *addr)
{
	struct name_peer other = peer(client), named = peer(addr);

	return list_text(w, names_at(w->names, &other, &named, w->now_ns));
}

static inline const char *names_later(struct world *w, const char *client, const char *addr, uint64_t first_ns)
{
	struct name_peer other = peer(client), named = peer(addr);

	return list_text(w, names_late(w->names, &other, &named, first_ns, w->now_ns));
}

static inline void seen(struct world *w, const char *addr)
{
	struct name_peer p = peer(addr);

	names_saw(w->names, &p, w->now_ns);
}

static inline uint64_t learned(const struct world *w)
{
	return names_counter(w->names, NAMES_LEARNED);
}
#endif
