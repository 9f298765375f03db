/* SPDX-License-Identifier: Apache-2.0 */
/* theme_dhcp.c - the names that DHCP and DHCPv6 clients tell: good, truncated, hostile. */
#include "messages.h"
#include "talk.h"
#include "themes.h"

/* 192.168.1.50 to .58, each with a MAC of its own. */
static struct end host(unsigned n)
{
	static const struct end hosts[] = {
		{ "02:00:00:00:00:50", "192.168.1.50", 0 }, { "02:00:00:00:00:51", "192.168.1.51", 0 },
		{ "02:00:00:00:00:52", "192.168.1.52", 0 }, { "02:00:00:00:00:53", "192.168.1.53", 0 },
		{ "02:00:00:00:00:54", "192.168.1.54", 0 }, { "02:00:00:00:00:55", "192.168.1.55", 0 },
		{ "02:00:00:00:00:56", "192.168.1.56", 0 }, { "02:00:00:00:00:57", "192.168.1.57", 0 },
		{ "02:00:00:00:00:58", "192.168.1.58", 0 },
	};

	return hosts[n - 50];
}

/* The host speaks to the Internet: what is known of it shows as its names. */
static void speak(struct capture *c, uint64_t ns, struct end from)
{
	say_tcp(c, ns, on(from, 40000), web, TCP_SYN, "");
}

static void from_client(struct capture *c, uint64_t ns, const struct dhcp4_message *m)
{
	struct end client = { m->mac, m->ciaddr ? m->ciaddr : "0.0.0.0", 68 };
	struct blob b = { .len = 0 };

	dhcp4_message(&b, m);
	say_udp(c, ns, client, on(everyone, 67), &b);
}

static void from_server(struct capture *c, uint64_t ns, const struct dhcp4_message *m)
{
	struct end client = { m->mac, m->ciaddr ? m->ciaddr : m->yiaddr, 68 };
	struct blob b = { .len = 0 };

	dhcp4_message(&b, m);
	say_udp(c, ns, on(router, 67), client, &b);
}

static void acknowledge(struct capture *c, uint64_t ns, uint32_t xid, struct end client)
{
	from_server(c, ns, &(struct dhcp4_message){
		.type = DHCP_ACK, .xid = xid, .mac = client.mac, .yiaddr = client.addr, .lease_s = 3600 });
}

/* Four messages: the address and the name of the REQUEST belong together from the ACK on. */
static void lease(struct capture *c, uint64_t ns, struct end client, struct dhcp4_message request)
{
	uint32_t xid = request.xid;

	request.type = DHCP_REQUEST;
	request.mac = client.mac;
	from_client(c, ns, &(struct dhcp4_message){
		.type = DHCP_DISCOVER, .xid = xid, .mac = client.mac, .hostname = request.hostname });
	from_server(c, ns + 1000000, &(struct dhcp4_message){
		.type = DHCP_OFFER, .xid = xid, .mac = client.mac, .yiaddr = client.addr, .lease_s = 3600 });
	from_client(c, ns + 2000000, &request);
	acknowledge(c, ns + 3000000, xid, client);
}

/* An ACK that brings its own name, with `count` octets at `at` overwritten. */
static void patched_acknowledgement(struct capture *c, uint64_t ns, uint32_t xid, struct end client, size_t at, const char *octets,
				    size_t count)
{
	struct dhcp4_message request = { .type = DHCP_REQUEST, .xid = xid, .mac = client.mac };
	struct dhcp4_message answer = {
		.type = DHCP_ACK, .xid = xid, .mac = client.mac, .yiaddr = client.addr, .hostname = "assigned", .lease_s = 3600,
	};
	struct blob b = { .len = 0 };

	from_client(c, ns, &request);
	dhcp4_message(&b, &answer);
	for (size_t i = 0; i < count; i++)
		b.octets[at + i] = (uint8_t)octets[i];
	say_udp(c, ns + 1000000, on(router, 67), on(client, 68), &b);
}

static void dhcp4_good(struct capture *c)
{
	struct end informed = host(55);

	lease(c, at_ms(0), host(50), (struct dhcp4_message){ .xid = 1, .hostname = "Annas-Tablet" });
	lease(c, at_ms(100), host(51), (struct dhcp4_message){ .xid = 2, .hostname = "desk", .fqdn = "desk.example.com" });
	lease(c, at_ms(200), host(52), (struct dhcp4_message){
		.xid = 3, .hostname = "wire", .fqdn = "wire.example.com", .fqdn_in_wire_form = true });
	lease(c, at_ms(300), host(53), (struct dhcp4_message){ .xid = 4, .hostname = "overload", .hostname_in_sname = true });
	lease(c, at_ms(400), host(54), (struct dhcp4_message){ .xid = 5, .hostname = "in-two-options", .hostname_in_two = true });
	from_client(c, at_ms(500), &(struct dhcp4_message){
		.type = DHCP_INFORM, .xid = 6, .mac = informed.mac, .ciaddr = informed.addr, .hostname = "informed" });
	from_server(c, at_ms(501), &(struct dhcp4_message){
		.type = DHCP_ACK, .xid = 6, .mac = informed.mac, .ciaddr = informed.addr });
	patched_acknowledgement(c, at_ms(600), 7, host(56), 0, "", 0);
	for (unsigned n = 50; n <= 56; n++)
		speak(c, at_ms(1000 + n), host(n));
}

/* The REQUEST is captured but for its last `less` octets. */
static void cut_request(struct capture *c, uint64_t ns, uint32_t xid, struct end client, size_t less)
{
	struct dhcp4_message m = { .type = DHCP_REQUEST, .xid = xid, .mac = client.mac, .hostname = "truncated" };
	struct blob b = { .len = 0 };

	dhcp4_message(&b, &m);
	say_cut(c, ns, on(at_addr(client, "0.0.0.0"), 68), on(everyone, 67), &b, less);
	acknowledge(c, ns + 1000000, xid, client);
}

/* Half a name is no name. */
static void dhcp4_truncated(struct capture *c)
{
	cut_request(c, at_ms(0), 1, host(50), 4);
	cut_request(c, at_ms(10), 2, host(51), 11);
	cut_request(c, at_ms(20), 3, host(52), 200);
	for (unsigned n = 50; n <= 52; n++)
		speak(c, at_ms(1000 + n), host(n));
}

/* An ACK that a client sends, from its own port. */
static void forged_acknowledgement(struct capture *c, uint64_t ns, uint32_t xid)
{
	struct blob b = { .len = 0 };

	from_client(c, ns, &(struct dhcp4_message){ .type = DHCP_REQUEST, .xid = xid, .mac = tablet.mac, .hostname = "forged" });
	dhcp4_message(&b, &(struct dhcp4_message){
		.type = DHCP_ACK, .xid = xid, .mac = tablet.mac, .yiaddr = phone.addr, .hostname = "forged", .lease_s = 3600 });
	say_udp(c, ns + 1000000, on(tablet, 68), on(everyone, 67), &b);
}

/* Refused; of another transaction. */
static void unfit_answers(struct capture *c, uint64_t ns)
{
	struct end refused = host(51);

	from_client(c, ns, &(struct dhcp4_message){ .type = DHCP_REQUEST, .xid = 2, .mac = refused.mac, .hostname = "refused" });
	from_server(c, ns + 1000000, &(struct dhcp4_message){
		.type = DHCP_NAK, .xid = 2, .mac = refused.mac, .yiaddr = refused.addr });
	from_client(c, ns + 2000000, &(struct dhcp4_message){
		.type = DHCP_REQUEST, .xid = 3, .mac = host(52).mac, .hostname = "other-id" });
	acknowledge(c, ns + 3000000, 4, host(53));
}

/* An option that runs past the end. */
static void long_option(struct capture *c, uint64_t ns, uint32_t xid, struct end client)
{
	struct blob b = { .len = 0 };

	dhcp4_message(&b, &(struct dhcp4_message){ .type = DHCP_REQUEST, .xid = xid, .mac = client.mac, .hostname = "too-long" });
	b.octets[b.len - 10] = 200;
	say_udp(c, ns, on(at_addr(client, "0.0.0.0"), 68), on(everyone, 67), &b);
	acknowledge(c, ns + 1000000, xid, client);
}

static void dhcp4_hostile(struct capture *c)
{
	forged_acknowledgement(c, at_ms(0), 1);
	unfit_answers(c, at_ms(20));
	lease(c, at_ms(40), at_addr(host(54), "224.0.0.5"), (struct dhcp4_message){ .xid = 5, .hostname = "multicast" });
	long_option(c, at_ms(60), 6, host(55));
	patched_acknowledgement(c, at_ms(70), 7, host(56), 236, "", 1);       /* no magic cookie */
	patched_acknowledgement(c, at_ms(80), 8, host(57), 1, "\x20\x10", 2); /* a hardware address of another kind */
	lease(c, at_ms(90), host(58), (struct dhcp4_message){ .xid = 9, .hostname = "a\x1b[2J\"\xe2\x80\xae b" }); /* told escaped */
	speak(c, at_ms(1000), phone);
	for (unsigned n = 51; n <= 58; n++)
		speak(c, at_ms(1000 + n), host(n));
}

/* ---- DHCPv6 ---- */

static const struct end all_servers = { "33:33:00:01:00:02", "ff02::1:2", 547 };
static const char mac_50[] = "02:00:00:00:00:50", mac_51[] = "02:00:00:00:00:51", mac_53[] = "02:00:00:00:00:53";

static void from_client6(struct capture *c, uint64_t ns, const struct dhcp6_message *m)
{
	struct blob b = { .len = 0 };

	dhcp6_message(&b, m);
	say_udp(c, ns, (struct end){ m->mac, "fe80::50", 546 }, all_servers, &b);
}

static void to_client6(struct capture *c, uint64_t ns, const char *mac, const struct blob *b)
{
	say_udp(c, ns, on(router6, 547), (struct end){ mac, "fe80::50", 546 }, b);
}

static void from_server6(struct capture *c, uint64_t ns, const struct dhcp6_message *m)
{
	struct blob b = { .len = 0 };

	dhcp6_message(&b, m);
	to_client6(c, ns, m->mac, &b);
}

static void speak6(struct capture *c, uint64_t ns, const char *mac, const char *addr)
{
	say_tcp(c, ns, (struct end){ mac, addr, 40000 }, web6, TCP_SYN, "");
}

/* Asked and replied on the link, and the same through a relay. */
static void dhcp6_good(struct capture *c)
{
	static const struct end relay = { "02:00:00:00:00:02", "2001:db8:1::2", 547 };
	static const struct end server = { "02:00:00:00:00:01", "2001:db8:1::1", 547 };
	struct blob inner = { .len = 0 }, outer = { .len = 0 };

	from_client6(c, at_ms(0), &(struct dhcp6_message){ 1, 0x111111, mac_50, "tablet.example.com", NULL });
	from_server6(c, at_ms(1), &(struct dhcp6_message){ 2, 0x111111, mac_50, NULL, "2001:db8:1::50" });
	from_client6(c, at_ms(2), &(struct dhcp6_message){ 3, 0x222222, mac_50, "tablet.example.com", "2001:db8:1::50" });
	from_server6(c, at_ms(3), &(struct dhcp6_message){ 7, 0x222222, mac_50, NULL, "2001:db8:1::50" });
	dhcp6_message(&inner, &(struct dhcp6_message){ 3, 0x333333, mac_51, "relayed.example.com", NULL });
	dhcp6_relayed(&outer, 12, "2001:db8:2::1", "fe80::51", &inner);
	say_udp(c, at_ms(10), relay, server, &outer);
	inner.len = outer.len = 0;
	dhcp6_message(&inner, &(struct dhcp6_message){ 7, 0x333333, mac_51, NULL, "2001:db8:2::51" });
	dhcp6_relayed(&outer, 13, "2001:db8:2::1", "fe80::51", &inner);
	say_udp(c, at_ms(11), server, relay, &outer);
	speak6(c, at_ms(100), mac_50, "2001:db8:1::50");
	speak6(c, at_ms(101), relay.mac, "2001:db8:2::51");
}

static void dhcp6_truncated(struct capture *c)
{
	struct blob b = { .len = 0 };

	dhcp6_message(&b, &(struct dhcp6_message){ 3, 0x111111, mac_50, "tablet.example.com", NULL });
	say_cut(c, at_ms(0), (struct end){ mac_50, "fe80::50", 546 }, all_servers, &b, 6);
	from_server6(c, at_ms(1), &(struct dhcp6_message){ 7, 0x111111, mac_50, NULL, "2001:db8:1::50" });
	speak6(c, at_ms(100), mac_50, "2001:db8:1::50");
}

/* An option that is longer than all, and a relay in a relay in a relay. */
static void malformed6(struct capture *c, uint64_t ns)
{
	struct blob b = { .len = 0 }, inner;

	dhcp6_message(&b, &(struct dhcp6_message){ 7, 0x111111, mac_50, NULL, "2001:db8:1::54" });
	put_16(b.octets + 4 + 14 + 2, 0xffff);    /* the length of IA_NA, behind message type and client identifier */
	to_client6(c, ns, mac_50, &b);
	b.len = 0;
	dhcp6_message(&b, &(struct dhcp6_message){ 7, 0x111111, mac_50, NULL, "2001:db8:1::55" });
	for (int i = 0; i < 3; i++) {
		inner = b;
		b.len = 0;
		dhcp6_relayed(&b, 13, "2001:db8:2::1", "fe80::50", &inner);
	}
	to_client6(c, ns + 1000000, mac_50, &b);
}

/* A reply that a client sends, one of another transaction, one for another client. */
static void dhcp6_hostile(struct capture *c)
{
	from_client6(c, at_ms(0), &(struct dhcp6_message){ 3, 0x111111, mac_50, "mine.example.com", NULL });
	from_client6(c, at_ms(1), &(struct dhcp6_message){ 7, 0x111111, mac_50, "mine.example.com", "2001:db8:1::51" });
	from_server6(c, at_ms(2), &(struct dhcp6_message){ 7, 0x222222, mac_50, NULL, "2001:db8:1::52" });
	from_server6(c, at_ms(3), &(struct dhcp6_message){ 7, 0x111111, mac_53, NULL, "2001:db8:1::53" });
	malformed6(c, at_ms(4));
	speak6(c, at_ms(101), "02:00:00:00:00:61", "2001:db8:1::51");
	speak6(c, at_ms(102), "02:00:00:00:00:62", "2001:db8:1::52");
	speak6(c, at_ms(103), "02:00:00:00:00:63", "2001:db8:1::53");
	speak6(c, at_ms(104), "02:00:00:00:00:64", "2001:db8:1::54");
	speak6(c, at_ms(105), "02:00:00:00:00:65", "2001:db8:1::55");
}

void theme_dhcp(const char *dir)
{
	static const struct capture_row rows[] = {
		{ "dhcp-good", { .link = LINK_ETHERNET }, dhcp4_good },
		{ "dhcp-truncated", { .link = LINK_ETHERNET }, dhcp4_truncated },
		{ "dhcp-hostile", { .link = LINK_ETHERNET }, dhcp4_hostile },
		{ "dhcp6-good", { .link = LINK_ETHERNET }, dhcp6_good },
		{ "dhcp6-truncated", { .link = LINK_ETHERNET }, dhcp6_truncated },
		{ "dhcp6-hostile", { .link = LINK_ETHERNET }, dhcp6_hostile },
	};

	WRITE_CAPTURES(dir, rows);
}
