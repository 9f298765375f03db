/* SPDX-License-Identifier: Apache-2.0 */
/* test_names_lan.c - what hosts announce (mDNS, LLMNR, NBNS) and what DHCP binds: who may name which address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "names_world.h"

#define ROWS(t) (sizeof(t) / sizeof((t)[0]))
#define ANYONE "10.0.0.9"                         /* the other end of a flow */

/* ---- mDNS ---- */

static void announce_from(struct world *w, struct place from, const struct rr *rrs, size_t count)
{
	put_header(&w->message, 0x8400, 0, 0);
	dns_records(w, rrs, count, 6);
	send_udp(w, from, (struct place){ strchr(from.addr, ':') ? "ff02::fb" : "224.0.0.251", 5353 });
}

static void announce(struct world *w, const char *from, const char *name, const char *addr, uint32_t ttl_s, unsigned more)
{
	struct rr rr = { name, (strchr(addr, ':') ? AAAA : A) | more, ttl_s, addr };

	announce_from(w, (struct place){ from, 5353 }, &rr, 1);
}

static void an_mdns_announcement_names_the_announcer(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	announce(&w, "10.0.0.5", "laptop.local", "10.0.0.5", 120, FLUSH);
	assert_string_equal(names_for(&w, ANYONE, "10.0.0.5"), "laptop.local/mdns");
	announce(&w, "10.0.0.5", "laptop.local", "2001:db8::5", 120, FLUSH);
	assert_string_equal(names_for(&w, ANYONE, "2001:db8::5"), "laptop.local/mdns");
	assert_string_equal(names_for(&w, ANYONE, "10.0.0.6"), "");
	world_close(&w);
}

/* Each lie, and then the honest announcement, which teaches one name. */
static void an_announcement_of_another_hosts_address_teaches_nothing(void **state)
{
	static const struct { const char *liar, *addr; enum names_counter counter; } rows[] = {
		{ "10.0.0.66", "10.0.0.5", NAMES_NOT_OWN },
		{ "fe80::66", "2001:db8::5", NAMES_NOT_OWN },
		{ "10.0.0.66", "198.51.100.80", NAMES_OFF_LINK },
		{ "fe80::66", "198.51.100.80", NAMES_OFF_LINK },
		{ "203.0.113.66", "203.0.114.5", NAMES_OFF_LINK },
		{ "2001:db8::66", "2001:db8:9::80", NAMES_OFF_LINK },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct world w;

		world_open(&w);
		seen(&w, "10.0.0.5");
		seen(&w, "2001:db8::5");
		announce(&w, rows[i].liar, "server.local", rows[i].addr, 120, 0);
		assert_int_equal(learned(&w), 0);
		assert_int_equal(names_counter(w.names, rows[i].counter), 1);
		assert_string_equal(names_for(&w, ANYONE, rows[i].addr), "");
		announce(&w, "10.0.0.5", "laptop.local", "10.0.0.5", 120, 0);
		assert_int_equal(learned(&w), 1);
		world_close(&w);
	}
}

static void who_pretends_to_be_another_host_does_not_get_its_address(void **state)
{
	static const struct { double wait_s; bool moves; } rows[] = { { 0, false }, { 300, false }, { 301, true } };

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct name_peer liar = peer("10.0.0.66");
		struct world w;

		liar.addr = address("10.0.0.5");
		world_open(&w);
		seen(&w, "10.0.0.5");
		wait_s(&w, rows[i].wait_s);
		names_saw(w.names, &liar, w.now_ns); /* a packet with another MAC: a lie, or a new owner when the old one is gone */
		announce(&w, "10.0.0.66", "server.local", "10.0.0.5", 120, 0);
		assert_int_equal(learned(&w), rows[i].moves);
		world_close(&w);
	}
}

static void a_public_address_has_an_announced_name_only_on_frames_of_the_announcer(void **state)
{
	struct name_peer client = peer(ANYONE), own = peer("2001:db8::5"), routed = own;
	struct world w;

	(void)state;
	memcpy(routed.mac, router_mac, 6);
	world_open(&w);
	announce(&w, "fe80::5", "laptop.local", "2001:db8::5", 120, 0);
	assert_string_equal(list_text(&w, names_at(w.names, &client, &own, w.now_ns)), "laptop.local/mdns");
	assert_string_equal(list_text(&w, names_at(w.names, &client, &routed, w.now_ns)), "");
	own.has_mac = false;
	assert_string_equal(list_text(&w, names_at(w.names, &client, &own, w.now_ns)), "laptop.local/mdns");
	world_close(&w);
}

static void only_mdns_responses_from_port_5353_announce(void **state)
{
	static const struct { uint16_t port; unsigned flags, learned; } rows[] = {
		{ 5353, 0x8400, 1 }, { 5353, 0x8000, 1 }, { 5353, 0x0000, 0 }, { 5354, 0x8400, 0 }, { 53, 0x8400, 0 },
		{ 5353, 0x8403, 0 }, { 5353, 0x8c00, 0 },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct world w;

		world_open(&w);
		put_header(&w.message, rows[i].flags, 0, 1);
		put_rr(&w.message, RR("laptop.local", A, 120, "10.0.0.5"));
		send_udp(&w, (struct place){ "10.0.0.5", rows[i].port }, (struct place){ "224.0.0.251", 5353 });
		assert_int_equal(learned(&w), rows[i].learned);
		world_close(&w);
	}
}

static void a_goodbye_ends_a_name_after_one_second(void **state)
{
	static const struct { const char *name; double wait_s; const char *names; } rows[] = {
		{ "laptop.local", 0.9, "laptop.local/mdns" }, { "laptop.local", 1.1, "" }, { "printer.local", 1.1, "laptop.local/mdns" },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct world w;

		world_open(&w);
		announce(&w, "10.0.0.5", "laptop.local", "10.0.0.5", 4500, 0);
		wait_s(&w, 10);
		announce(&w, "10.0.0.5", rows[i].name, "10.0.0.5", 0, 0);
		wait_s(&w, rows[i].wait_s);
		assert_string_equal(names_for(&w, ANYONE, "10.0.0.5"), rows[i].names);
		world_close(&w);
	}
}

static void nobody_says_goodbye_for_another_host(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	seen(&w, "10.0.0.5");
	announce(&w, "10.0.0.5", "laptop.local", "10.0.0.5", 4500, 0);
	announce(&w, "10.0.0.66", "laptop.local", "10.0.0.5", 0, 0);
	wait_s(&w, 2);
	assert_string_equal(names_for(&w, ANYONE, "10.0.0.5"), "laptop.local/mdns");
	world_close(&w);
}

static void a_cache_flush_takes_the_name_from_the_hosts_older_addresses(void **state)
{
	static const struct { unsigned more; double wait_s; const char *old; } rows[] = {
		{ FLUSH, 2, "" }, { FLUSH, 0.5, "laptop.local/mdns" }, { 0, 2, "laptop.local/mdns" },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct world w;

		world_open(&w);
		seen(&w, "10.0.0.5");
		seen(&w, "2001:db8::a:5");
		seen(&w, "2001:db8::b:5");
		announce(&w, "2001:db8::a:5", "laptop.local", "2001:db8::a:5", 120, 0);
		announce(&w, "2001:db8::a:5", "laptop.local", "10.0.0.5", 120, 0);
		wait_s(&w, rows[i].wait_s);
		announce(&w, "2001:db8::b:5", "laptop.local", "2001:db8::b:5", 120, rows[i].more);
		wait_s(&w, 1);
		assert_string_equal(names_for(&w, ANYONE, "2001:db8::b:5"), "laptop.local/mdns");
		assert_string_equal(names_for(&w, ANYONE, "2001:db8::a:5"), rows[i].old);
		assert_string_equal(names_for(&w, ANYONE, "10.0.0.5"), "laptop.local/mdns"); /* a record of another type */
		world_close(&w);
	}
}

/* ---- LLMNR ---- */

static void llmnr_ask(struct world *w, struct place client, const char *name, uint16_t id)
{
	struct dns d = { .name = name, .type = A, .id = id };

	dns_start(w, &d, 0);
	send_udp(w, client, (struct place){ "224.0.0.252", 5355 });
}

static void llmnr_answer(struct world *w, struct place from, struct place client, const char *name, uint16_t id, const char *addr)
{
	struct dns d = { .name = name, .type = A, .id = id };
	struct rr rr = { "@12", A, 30, addr };

	dns_start(w, &d, 0x8000);
	dns_records(w, &rr, 1, 6);
	send_udp(w, from, client);
}

static void an_llmnr_answer_names_its_sender_if_it_was_asked_for(void **state)
{
	static const struct { const char *what; struct place from, client; const char *name; uint16_t id; const char *addr; unsigned learned; } rows[] = {
		{ "honest", { "10.0.0.7", 5355 }, { "10.0.0.5", 50000 }, "printer", 3, "10.0.0.7", 1 },
		{ "wrong id", { "10.0.0.7", 5355 }, { "10.0.0.5", 50000 }, "printer", 4, "10.0.0.7", 0 },
		{ "wrong name", { "10.0.0.7", 5355 }, { "10.0.0.5", 50000 }, "scanner", 3, "10.0.0.7", 0 },
		{ "wrong client", { "10.0.0.7", 5355 }, { "10.0.0.6", 50000 }, "printer", 3, "10.0.0.7", 0 },
		{ "wrong port", { "10.0.0.7", 5356 }, { "10.0.0.5", 5355 }, "printer", 3, "10.0.0.7", 0 },
		{ "another host", { "10.0.0.66", 5355 }, { "10.0.0.5", 50000 }, "printer", 3, "10.0.0.7", 0 },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct world w;

		world_open(&w);
		llmnr_ask(&w, (struct place){ "10.0.0.5", rows[i].client.port }, "printer", 3);
		llmnr_answer(&w, rows[i].from, rows[i].client, rows[i].name, rows[i].id, rows[i].addr);
		assert_int_equal(learned(&w), rows[i].learned);
		assert_string_equal(names_for(&w, ANYONE, "10.0.0.7"), rows[i].learned ? "printer/llmnr" : "");
		world_close(&w);
	}
}

/* It answers with its own address to whatever is asked: then none of these names is its own. */
static void a_host_that_answers_to_everything_loses_all_its_names(void **state)
{
	static const struct place asker = { "10.0.0.5", 50000 };
	char name[32];
	struct world w;

	(void)state;
	world_open(&w);
	for (uint16_t i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "server%c", 'a' + i);
		llmnr_ask(&w, asker, name, i);
		llmnr_answer(&w, (struct place){ "10.0.0.66", 5355 }, asker, name, i, "10.0.0.66");
		wait_s(&w, 1);
	}
	assert_string_equal(names_for(&w, ANYONE, "10.0.0.66"), "");
	assert_int_equal(names_counter(w.names, NAMES_RESPONDER), 6);
	llmnr_ask(&w, asker, "printer", 77);
	llmnr_answer(&w, (struct place){ "10.0.0.7", 5355 }, asker, "printer", 77, "10.0.0.7");
	assert_string_equal(names_for(&w, ANYONE, "10.0.0.7"), "printer/llmnr");
	world_close(&w);
}

/* ---- NBNS ---- */

struct nbns { const char *name; uint8_t suffix; unsigned flags, nb_flags; const char *from; uint16_t port; const char *addr; };

/* RFC 1001 14.1: each half of an octet becomes a letter. */
static void put_netbios_name(struct message *m, const char *name, uint8_t suffix)
{
	char octets[16];

	memset(octets, ' ', 15);
	memcpy(octets, name, strlen(name));
	octets[15] = (char)suffix;
	put(m, "\40", 1);
	for (int i = 0; i < 16; i++)
		put(m, (uint8_t[]){ (uint8_t)('A' + ((uint8_t)octets[i] >> 4)), (uint8_t)('A' + (octets[i] & 15)) }, 2);
	put(m, "", 1);
}

static void nbns_send(struct world *w, const struct nbns *n)
{
	struct in6_addr addr = address(n->addr);

	put_header(&w->message, n->flags, 0, 1);
	put_netbios_name(&w->message, n->name, n->suffix);
	put_hex(&w->message, "00200001000493e00006"); /* NB, IN, 300,000 s, 6 octets */
	put_be16(&w->message, n->nb_flags);
	put(&w->message, addr.s6_addr + 12, 4);
	send_udp(w, (struct place){ n->from, n->port }, (struct place){ "10.0.0.255", 137 });
}

static void nbns_names_hosts_but_not_groups_services_or_others(void **state)
{
	static const struct { struct nbns nbns; unsigned learned; } rows[] = {
		{ { "PC", 0x00, 0x2910, 0, "10.0.0.5", 137, "10.0.0.5" }, 1 },          /* registration */
		{ { "PC", 0x20, 0x2910, 0x6000, "10.0.0.5", 137, "10.0.0.5" }, 1 },
		{ { "PC", 0x00, 0x4010, 0, "10.0.0.5", 137, "10.0.0.5" }, 1 },          /* refresh */
		{ { "PC", 0x00, 0x8500, 0, "10.0.0.5", 137, "10.0.0.5" }, 1 },          /* answer */
		{ { "PC", 0x00, 0x8500, 0, "10.0.0.1", 137, "10.0.0.5" }, 1 },          /* by a name server */
		{ { "WORKGROUP", 0x00, 0x2910, 0x8000, "10.0.0.5", 137, "10.0.0.5" }, 0 },
		{ { "PC", 0x03, 0x2910, 0, "10.0.0.5", 137, "10.0.0.5" }, 0 },
		{ { "PC", 0x1d, 0x2910, 0, "10.0.0.5", 137, "10.0.0.5" }, 0 },
		{ { "*", 0x00, 0x2910, 0, "10.0.0.5", 137, "10.0.0.5" }, 0 },
		{ { "PC", 0x00, 0x2910, 0, "10.0.0.66", 137, "10.0.0.5" }, 0 },         /* registers another host */
		{ { "PC", 0x00, 0x2910, 0, "10.0.0.5", 138, "10.0.0.5" }, 0 },
		{ { "PC", 0x00, 0x8503, 0, "10.0.0.5", 137, "10.0.0.5" }, 0 },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct world w;

		world_open(&w);
		nbns_send(&w, &rows[i].nbns);
		assert_int_equal(learned(&w), rows[i].learned);
		assert_string_equal(names_for(&w, ANYONE, "10.0.0.5"), rows[i].learned ? "PC/nbns" : "");
		world_close(&w);
	}
}

static void an_nbns_answer_about_a_host_whose_mac_is_known_teaches_nothing(void **state)
{
	static const struct nbns lie = { "SERVER", 0x20, 0x8500, 0, "10.0.0.66", 137, "10.0.0.5" };
	struct nbns truth = lie;
	struct world w;

	(void)state;
	truth.from = "10.0.0.5";
	world_open(&w);
	seen(&w, "10.0.0.5");
	nbns_send(&w, &lie);
	assert_int_equal(learned(&w), 0);
	nbns_send(&w, &truth);
	assert_int_equal(learned(&w), 1);
	world_close(&w);
}

static void a_node_status_names_its_sender(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	put_header(&w.message, 0x8400, 0, 1);
	put_netbios_name(&w.message, "*", 0);
	put_hex(&w.message, "002100010000000000" "37" "03"); /* NBSTAT, IN, TTL 0, 55 octets, 3 names */
	put(&w.message, "PC             \0\4\0" "WORKGROUP      \0\x84\0" "PC             \3\4\0", 54);
	send_udp(&w, (struct place){ "10.0.0.5", 137 }, (struct place){ "10.0.0.9", 137 });
	assert_int_equal(learned(&w), 1);
	assert_string_equal(names_for(&w, ANYONE, "10.0.0.5"), "PC/nbns");
	world_close(&w);
}

/* ---- DHCP ---- */

enum { DISCOVER = 1, REQUEST = 3, DECLINE = 4, ACK = 5, NAK = 6, RELEASE = 7, INFORM = 8 };

struct dhcp { unsigned type; uint32_t xid; const char *ciaddr, *yiaddr, *hostname; uint32_t lease_s; uint8_t client; };

static void put_addr4(struct message *m, const char *text)
{
	struct in6_addr addr = address(text ? text : "0.0.0.0");

	put(m, addr.s6_addr + 12, 4);
}

static void dhcp_put(struct world *w, const struct dhcp *d)
{
	struct message *m = &w->message;
	bool is_reply = d->type == ACK || d->type == NAK;

	m->len = 0;
	put(m, is_reply ? "\2\1\6\0" : "\1\1\6\0", 4);
	put_be16(m, d->xid >> 16);
	put_be16(m, d->xid & 0xffff);
	put(m, "\0\0\0", 4);
	put_addr4(m, d->ciaddr);
	put_addr4(m, d->yiaddr);
	put(m, "\0\0\0\0\0\0\0", 8);
	put(m, (uint8_t[16]){ 2, 0, 0, 0, 0, d->client }, 16);
	for (int i = 0; i < 192 / 16; i++)
		put(m, (uint8_t[16]){ 0 }, 16);
	put_hex(m, "63825363");
	put(m, (uint8_t[]){ 53, 1, (uint8_t)d->type }, 3);
	if (d->lease_s)
		put(m, (uint8_t[]){ 51, 4, (uint8_t)(d->lease_s >> 24), (uint8_t)(d->lease_s >> 16), (uint8_t)(d->lease_s >> 8), (uint8_t)d->lease_s }, 6);
	if (d->hostname) {
		put(m, (uint8_t[]){ 12, (uint8_t)strlen(d->hostname) }, 2);
		put(m, d->hostname, strlen(d->hostname));
	}
	put(m, "\377", 1);
}

static void dhcp_send(struct world *w, const char *from, const struct dhcp *d)
{
	bool is_reply = d->type == ACK || d->type == NAK;

	dhcp_put(w, d);
	send_udp(w, (struct place){ from, is_reply ? 67 : 68 }, (struct place){ "255.255.255.255", is_reply ? 68 : 67 });
}

static void dhcp_names_an_address_when_the_server_acknowledges(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	dhcp_send(&w, "0.0.0.0", &(struct dhcp){ DISCOVER, 77, NULL, NULL, "laptop", 0, 5 });
	dhcp_send(&w, "0.0.0.0", &(struct dhcp){ REQUEST, 77, NULL, NULL, NULL, 0, 5 });
	assert_int_equal(learned(&w), 0);
	dhcp_send(&w, "10.0.0.1", &(struct dhcp){ ACK, 77, NULL, "10.0.0.5", NULL, 3600, 5 });
	assert_int_equal(learned(&w), 1);
	wait_s(&w, 3600);
	assert_string_equal(names_for(&w, ANYONE, "10.0.0.5"), "laptop/dhcp");
	wait_s(&w, 1);
	assert_string_equal(names_for(&w, ANYONE, "10.0.0.5"), "");
	world_close(&w);
}

static void an_acknowledgement_counts_only_from_a_server_and_for_its_transaction(void **state)
{
	static const struct { const char *what; uint16_t port; struct dhcp ack; } rows[] = {
		{ "from a client's port", 68, { ACK, 77, NULL, "10.0.0.5", "evil", 3600, 5 } },
		{ "from any port", 4000, { ACK, 77, NULL, "10.0.0.5", "evil", 3600, 5 } },
		{ "wrong transaction", 67, { ACK, 78, NULL, "10.0.0.5", "evil", 3600, 5 } },
		{ "wrong client", 67, { ACK, 77, NULL, "10.0.0.5", "evil", 3600, 6 } },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct world w;

		world_open(&w);
		dhcp_send(&w, "0.0.0.0", &(struct dhcp){ REQUEST, 77, NULL, NULL, "laptop", 0, 5 });
		dhcp_put(&w, &rows[i].ack);
		send_udp(&w, (struct place){ "10.0.0.66", rows[i].port }, (struct place){ "255.255.255.255", 68 });
		assert_int_equal(learned(&w), 0);
		assert_int_equal(names_counter(w.names, NAMES_UNMATCHED), 1);
		dhcp_send(&w, "10.0.0.1", &(struct dhcp){ ACK, 77, NULL, "10.0.0.5", NULL, 3600, 5 });
		assert_int_equal(learned(&w), 1);
		assert_string_equal(names_for(&w, ANYONE, "10.0.0.5"), "laptop/dhcp");
		world_close(&w);
	}
}

static void the_servers_name_wins_over_the_clients(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	dhcp_send(&w, "0.0.0.0", &(struct dhcp){ REQUEST, 77, NULL, NULL, "mine", 0, 5 });
	dhcp_send(&w, "10.0.0.1", &(struct dhcp){ ACK, 77, NULL, "10.0.0.5", "assigned", 3600, 5 });
	assert_string_equal(names_for(&w, ANYONE, "10.0.0.5"), "assigned/dhcp");
	world_close(&w);
}

static void a_new_client_of_an_address_takes_the_old_name_from_it(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	dhcp_send(&w, "0.0.0.0", &(struct dhcp){ REQUEST, 77, NULL, NULL, "old", 0, 5 });
	dhcp_send(&w, "10.0.0.1", &(struct dhcp){ ACK, 77, NULL, "10.0.0.5", NULL, 86400, 5 });
	wait_s(&w, 600);
	dhcp_send(&w, "0.0.0.0", &(struct dhcp){ REQUEST, 78, NULL, NULL, "new", 0, 6 });
	dhcp_send(&w, "10.0.0.1", &(struct dhcp){ ACK, 78, NULL, "10.0.0.5", NULL, 86400, 6 });
	assert_string_equal(names_for(&w, ANYONE, "10.0.0.5"), "new/dhcp");
	world_close(&w);
}

static void a_client_names_the_address_that_it_sends_from(void **state)
{
	static const struct { unsigned type; const char *from; unsigned learned; } rows[] = {
		{ REQUEST, "10.0.0.5", 1 }, { INFORM, "10.0.0.5", 1 }, { REQUEST, "10.0.0.66", 0 }, { INFORM, "0.0.0.0", 0 },
		{ DISCOVER, "10.0.0.5", 0 }, { RELEASE, "10.0.0.5", 0 },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct world w;

		world_open(&w);
		dhcp_send(&w, rows[i].from, &(struct dhcp){ rows[i].type, 77, "10.0.0.5", NULL, "laptop", 0, 5 });
		assert_int_equal(learned(&w), rows[i].learned);
		assert_string_equal(names_for(&w, ANYONE, "10.0.0.5"), rows[i].learned ? "laptop/dhcp" : "");
		world_close(&w);
	}
}

static void a_release_ends_the_name_if_the_client_itself_sends_it(void **state)
{
	static const struct { unsigned type; const char *from, *names; } rows[] = {
		{ RELEASE, "10.0.0.5", "" }, { DECLINE, "10.0.0.5", "" }, { RELEASE, "10.0.0.66", "laptop/dhcp" },
		{ DISCOVER, "10.0.0.5", "laptop/dhcp" },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct world w;

		world_open(&w);
		dhcp_send(&w, "0.0.0.0", &(struct dhcp){ REQUEST, 77, NULL, NULL, "laptop", 0, 5 });
		dhcp_send(&w, "10.0.0.1", &(struct dhcp){ ACK, 77, NULL, "10.0.0.5", NULL, 3600, 5 });
		wait_s(&w, 60);
		dhcp_send(&w, rows[i].from, &(struct dhcp){ rows[i].type, 79, "10.0.0.5", NULL, NULL, 0, 5 });
		assert_string_equal(names_for(&w, ANYONE, "10.0.0.5"), rows[i].names);
		world_close(&w);
	}
}

/* RFC 8415: type and transaction, client DUID-LL, FQDN (option 39) and, in a reply, IA_NA with one address. */
static void dhcp6_send(struct world *w, struct place from, unsigned type, const char *xid, const char *fqdn, const char *addr, const char *valid)
{
	struct in6_addr a;
	struct message *m = &w->message;

	m->len = 0;
	put(m, (uint8_t[]){ (uint8_t)type }, 1);
	put_hex(m, xid);
	put_hex(m, "0001000a" "00030001020000000005");
	if (fqdn) {
		put_be16(m, 39);
		put_be16(m, (unsigned)strlen(fqdn) + 2);
		put(m, "", 1);
		put(m, (uint8_t[]){ (uint8_t)strlen(fqdn) }, 1);
		put(m, fqdn, strlen(fqdn));
	}
	if (addr) {
		a = address(addr);
		put_hex(m, "00030028" "000000010000000000000000" "00050018");
		put(m, &a, 16);
		put_hex(m, "00000000");
		put_hex(m, valid);
	}
	send_udp(w, from, (struct place){ "fe80::5", type == 7 ? 546 : 547 });
}

static void dhcpv6_names_the_addresses_of_the_reply(void **state)
{
	static const struct { const char *what; struct place from; const char *xid; unsigned learned; } rows[] = {
		{ "honest", { "fe80::1", 547 }, "010203", 1 }, { "wrong transaction", { "fe80::1", 547 }, "010204", 0 },
		{ "from a client's port", { "fe80::66", 546 }, "010203", 0 },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct world w;

		world_open(&w);
		dhcp6_send(&w, (struct place){ "fe80::5", 546 }, 3, "010203", "laptop", NULL, "");
		dhcp6_send(&w, rows[i].from, 7, rows[i].xid, NULL, "2001:db8::5", "00000e10");
		assert_int_equal(learned(&w), rows[i].learned);
		assert_string_equal(names_for(&w, ANYONE, "2001:db8::5"), rows[i].learned ? "laptop/dhcp" : "");
		world_close(&w);
	}
}

/* ---- order ---- */

static void local_names_come_first_for_private_addresses_and_last_for_others(void **state)
{
	static const struct { const char *addr, *names; } rows[] = {
		{ "10.0.0.5", "pc.local/mdns pc-dhcp/dhcp PC/nbns pc.example.com/dns" },
		{ "203.0.113.5", "pc.example.com/dns pc.local/mdns pc-dhcp/dhcp PC/nbns" },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct world w;

		world_open(&w);
		resolve(&w, ANYONE, "pc.example.com", rows[i].addr, 300);
		nbns_send(&w, &(struct nbns){ "PC", 0x00, 0x2910, 0, rows[i].addr, 137, rows[i].addr });
		dhcp_send(&w, rows[i].addr, &(struct dhcp){ REQUEST, 77, rows[i].addr, NULL, "pc-dhcp", 0, 5 });
		announce(&w, rows[i].addr, "pc.local", rows[i].addr, 120, 0);
		assert_string_equal(names_for(&w, ANYONE, rows[i].addr), rows[i].names);
		world_close(&w);
	}
}

static void the_same_name_from_two_sources_is_given_once(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	nbns_send(&w, &(struct nbns){ "LAPTOP", 0x00, 0x2910, 0, "10.0.0.5", 137, "10.0.0.5" });
	dhcp_send(&w, "10.0.0.5", &(struct dhcp){ REQUEST, 77, "10.0.0.5", NULL, "laptop", 0, 5 });
	assert_string_equal(names_for(&w, ANYONE, "10.0.0.5"), "laptop/dhcp");
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_mdns_announcement_names_the_announcer),
		cmocka_unit_test(an_announcement_of_another_hosts_address_teaches_nothing),
		cmocka_unit_test(who_pretends_to_be_another_host_does_not_get_its_address),
		cmocka_unit_test(a_public_address_has_an_announced_name_only_on_frames_of_the_announcer),
		cmocka_unit_test(only_mdns_responses_from_port_5353_announce),
		cmocka_unit_test(a_goodbye_ends_a_name_after_one_second),
		cmocka_unit_test(nobody_says_goodbye_for_another_host),
		cmocka_unit_test(a_cache_flush_takes_the_name_from_the_hosts_older_addresses),
		cmocka_unit_test(an_llmnr_answer_names_its_sender_if_it_was_asked_for),
		cmocka_unit_test(a_host_that_answers_to_everything_loses_all_its_names),
		cmocka_unit_test(nbns_names_hosts_but_not_groups_services_or_others),
		cmocka_unit_test(an_nbns_answer_about_a_host_whose_mac_is_known_teaches_nothing),
		cmocka_unit_test(a_node_status_names_its_sender),
		cmocka_unit_test(dhcp_names_an_address_when_the_server_acknowledges),
		cmocka_unit_test(an_acknowledgement_counts_only_from_a_server_and_for_its_transaction),
		cmocka_unit_test(the_servers_name_wins_over_the_clients),
		cmocka_unit_test(a_new_client_of_an_address_takes_the_old_name_from_it),
		cmocka_unit_test(a_client_names_the_address_that_it_sends_from),
		cmocka_unit_test(a_release_ends_the_name_if_the_client_itself_sends_it),
		cmocka_unit_test(dhcpv6_names_the_addresses_of_the_reply),
		cmocka_unit_test(local_names_come_first_for_private_addresses_and_last_for_others),
		cmocka_unit_test(the_same_name_from_two_sources_is_given_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
