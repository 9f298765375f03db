/* SPDX-License-Identifier: Apache-2.0 */
/* theme_lan.c - the names that hosts of a LAN tell of themselves: mDNS, LLMNR, NBNS, DHCP, DHCPv6. */
#include "messages.h"
#include "talk.h"
#include "themes.h"

static const struct end mdns_group = { "01:00:5e:00:00:fb", "224.0.0.251", 5353 };
static const struct end mdns_group6 = { "33:33:00:00:00:fb", "ff02::fb", 5353 };
static const struct end llmnr_group = { "01:00:5e:00:00:fc", "224.0.0.252", 5355 };
static const struct end subnet = { "ff:ff:ff:ff:ff:ff", "192.168.1.255", 137 };

/* The host speaks to the Internet: what is known of it shows as its names. */
static void speak(struct capture *c, uint64_t ns, struct end host, unsigned port)
{
	say_tcp(c, ns, on(host, port), host.addr == laptop6.addr ? web6 : web, TCP_SYN, "");
}

/* The frame of an UDP datagram, captured up to `less` octets before its end. */
static void say_cut(struct capture *c, uint64_t ns, struct end from, struct end to, const struct blob *message, size_t less)
{
	struct frame f;

	begin_between(&f, from, to);
	udp(&f, from.port, to.port);
	payload(&f, message->octets, message->len);
	frame_end(&f);
	capture_octets(c, ns, f.b.octets, (uint32_t)(f.b.len - less), (uint32_t)f.b.len);
}

static void announce(struct capture *c, uint64_t ns, struct end from, const char *name, const char *addr)
{
	struct blob b = { .len = 0 };

	dns(&b, &(struct dns_message){ .flags = MDNS_ANSWER, .answers = { { name, DNS_A, 120, addr, MDNS_FLUSH } } });
	say_udp(c, ns, on(from, 5353), mdns_group, &b);
}

/* A service with its host in the additional section, an address alone, IPv6, and octets that are not ASCII. */
static void mdns_good(struct capture *c)
{
	struct blob b = { .len = 0 };

	dns(&b, &(struct dns_message){
		.flags = MDNS_ANSWER,
		.answers = { { "_ipp._tcp.local", DNS_PTR, 4500, "Laser\\032Printer._ipp._tcp.local", 0 } },
		.additional = { { "Laser\\032Printer._ipp._tcp.local", DNS_SRV, 120, "Laser-Printer.local", MDNS_FLUSH },
				{ "Laser\\032Printer._ipp._tcp.local", DNS_TXT, 4500, "txtvers=1", MDNS_FLUSH },
				{ "Laser-Printer.local", DNS_A, 120, "192.168.1.30", MDNS_FLUSH },
				{ "Laser-Printer.local", DNS_AAAA, 120, "fe80::30", MDNS_FLUSH } } });
	say_udp(c, at_ms(0), on(printer, 5353), mdns_group, &b);
	announce(c, at_ms(100), nas, "K\\195\\188che.local", nas.addr);
	b.len = 0;
	dns(&b, &(struct dns_message){ .flags = MDNS_ANSWER,
				       .answers = { { "phone.local", DNS_AAAA, 120, "2001:db8:1::20", MDNS_FLUSH } } });
	say_udp(c, at_ms(200), on(phone6, 5353), mdns_group6, &b);
	speak(c, at_ms(1000), printer, 40000);
	speak(c, at_ms(1001), nas, 40000);
	say_text(c, at_ms(1002), on(laptop6, 40000), on(phone6, 7777), "to the phone");
	say_text(c, at_ms(1003), on(laptop, 40001), on(printer, 7777), "to the printer");
}

/* The second record is cut. */
static void mdns_truncated(struct capture *c)
{
	struct blob b = { .len = 0 };

	dns(&b, &(struct dns_message){ .flags = MDNS_ANSWER, .answers = { { "printer.local", DNS_A, 120, "192.168.1.30", MDNS_FLUSH },
									   { "nas.local", DNS_A, 120, "192.168.1.40", MDNS_FLUSH } } });
	say_cut(c, at_ms(0), on(printer, 5353), mdns_group, &b, 1);
	speak(c, at_ms(100), printer, 40000);
	speak(c, at_ms(101), nas, 40000);
}

/* Addresses that traffic has shown behind other MACs, known answers of a question, and a service instance teach nothing. */
static void mdns_hostile(struct capture *c)
{
	struct blob b = { .len = 0 };

	speak(c, at_ms(0), laptop, 40000);
	say_tcp(c, at_ms(10), web, on(laptop, 40000), TCP_SYN | TCP_ACK, "");
	announce(c, at_ms(100), tablet, "bank.local", laptop.addr);
	announce(c, at_ms(200), tablet, "update.local", web.addr);
	announce(c, at_ms(300), tablet, "loopback.local", "127.0.0.1");
	dns(&b, &(struct dns_message){ .question = "known.local", .type = DNS_A,
				       .answers = { { "known.local", DNS_A, 120, "192.168.1.21", 0 } } });
	say_udp(c, at_ms(400), on(tablet, 5353), mdns_group, &b);
	b.len = 0;
	dns(&b, &(struct dns_message){ .flags = MDNS_ANSWER,
				       .answers = { { "Files._smb._tcp.local", DNS_SRV, 120, "tablet.local", MDNS_FLUSH } } });
	say_udp(c, at_ms(500), on(tablet, 5353), mdns_group, &b);
	b.len = 0;
	blob_octets(&b, "\0\0\x84\0\0\0\0\x01\0\0\0\0\xc0\x0c\0\1\0\1\0\0\0\x78\0\4\xc0\xa8\1\x15", 28); /* a pointer to itself */
	say_udp(c, at_ms(600), on(tablet, 5353), mdns_group, &b);
	announce(c, at_ms(700), nas, "control.local", nas.addr);
	speak(c, at_ms(1000), laptop, 40001);
	speak(c, at_ms(1001), tablet, 40000);
	speak(c, at_ms(1002), nas, 40000);
}

static void llmnr_ask(struct capture *c, uint64_t ns, unsigned id, const char *name)
{
	struct blob b = { .len = 0 };

	dns(&b, &(struct dns_message){ .id = id, .question = name, .type = DNS_A });
	say_udp(c, ns, on(laptop, 50000), llmnr_group, &b);
}

static void llmnr_message(struct blob *b, unsigned id, const char *name, const char *addr)
{
	b->len = 0;
	dns(b, &(struct dns_message){
		.id = id, .flags = DNS_RESPONSE, .question = name, .type = DNS_A, .answers = { { name, DNS_A, 30, addr, 0 } } });
}

static void llmnr_answer(struct capture *c, uint64_t ns, struct end from, unsigned id, const char *name, const char *addr)
{
	struct blob b;

	llmnr_message(&b, id, name, addr);
	say_udp(c, ns, on(from, 5355), on(laptop, 50000), &b);
}

static void llmnr_good(struct capture *c)
{
	llmnr_ask(c, at_ms(0), 1, "FILES");
	llmnr_answer(c, at_ms(5), nas, 1, "FILES", nas.addr);
	say_text(c, at_ms(100), on(laptop, 40000), on(nas, 7777), "to the server");
	speak(c, at_ms(200), nas, 40000);
}

static void llmnr_truncated(struct capture *c)
{
	struct blob b;

	llmnr_ask(c, at_ms(0), 1, "files");
	llmnr_message(&b, 1, "files", nas.addr);
	say_cut(c, at_ms(5), on(nas, 5355), on(laptop, 50000), &b, 1);
	speak(c, at_ms(200), nas, 40000);
}

/* An answer for somebody else, one that nobody asked for, one to another question, one from another port. */
static void llmnr_hostile(struct capture *c)
{
	struct blob b;

	llmnr_ask(c, at_ms(0), 1, "wpad");
	llmnr_answer(c, at_ms(5), tablet, 1, "wpad", phone.addr);
	llmnr_answer(c, at_ms(100), tablet, 2, "unasked", tablet.addr);
	llmnr_ask(c, at_ms(200), 3, "wpad");
	llmnr_answer(c, at_ms(205), tablet, 3, "proxy", tablet.addr);
	llmnr_ask(c, at_ms(300), 4, "wpad");
	llmnr_message(&b, 4, "wpad", tablet.addr);
	say_udp(c, at_ms(305), on(tablet, 5354), on(laptop, 50000), &b);
	llmnr_ask(c, at_ms(400), 5, "control");
	llmnr_answer(c, at_ms(405), nas, 5, "control", nas.addr);
	speak(c, at_ms(1000), phone, 40000);
	speak(c, at_ms(1001), tablet, 40000);
	speak(c, at_ms(1002), nas, 40000);
}

static void register_name(struct capture *c, uint64_t ns, struct end from, const char *name, unsigned suffix, bool is_group,
			  const char *addr)
{
	struct blob b = { .len = 0 };

	nbns_register(&b, 0x8000, name, suffix, is_group, addr);
	say_udp(c, ns, on(from, 137), subnet, &b);
}

/* A host registers its names and its group; a query is answered; a node tells its status. Letter case is kept. */
static void nbns_good(struct capture *c)
{
	static const struct nbns_entry entries[] = {
		{ "PRINTER", NBNS_WORKSTATION, false }, { "WORKGROUP", NBNS_WORKSTATION, true }, { "PRINTER", NBNS_SERVER, false },
		{ "WORKGROUP", NBNS_DOMAIN, true },
	};
	struct blob query = { .len = 0 }, reply = { .len = 0 }, status_reply = { .len = 0 };

	register_name(c, at_ms(0), laptop, "Laptop", NBNS_WORKSTATION, false, laptop.addr);
	register_name(c, at_ms(10), laptop, "WORKGROUP", NBNS_WORKSTATION, true, laptop.addr);
	register_name(c, at_ms(20), laptop, "Laptop", NBNS_SERVER, false, laptop.addr);
	nbns_query(&query, 1, "FILES", NBNS_SERVER);
	say_udp(c, at_ms(100), on(laptop, 137), subnet, &query);
	nbns_answer(&reply, 1, "FILES", NBNS_SERVER, false, nas.addr);
	say_udp(c, at_ms(105), on(nas, 137), on(laptop, 137), &reply);
	nbns_node_status(&status_reply, 2, entries, 4, printer.mac);
	say_udp(c, at_ms(200), on(printer, 137), on(laptop, 137), &status_reply);
	speak(c, at_ms(1000), laptop, 40000);
	speak(c, at_ms(1001), nas, 40000);
	speak(c, at_ms(1002), printer, 40000);
}

static void nbns_truncated(struct capture *c)
{
	struct blob b = { .len = 0 }, status_reply = { .len = 0 };
	static const struct nbns_entry entries[] = { { "PRINTER", NBNS_WORKSTATION, false }, { "SECOND", NBNS_WORKSTATION, false } };

	nbns_register(&b, 1, "LAPTOP", NBNS_WORKSTATION, false, laptop.addr);
	say_cut(c, at_ms(0), on(laptop, 137), subnet, &b, 1);
	nbns_node_status(&status_reply, 2, entries, 2, printer.mac);
	say_cut(c, at_ms(10), on(printer, 137), on(laptop, 137), &status_reply, 60);
	speak(c, at_ms(100), laptop, 40000);
	speak(c, at_ms(101), printer, 40000);
}

static void nbns_hostile(struct capture *c)
{
	static const struct nbns_entry star[] = { { "*", NBNS_WORKSTATION, false }, { "\1\2__MSBROWSE__\2", 1, false } };
	struct blob b = { .len = 0 };

	speak(c, at_ms(0), phone, 40000);
	register_name(c, at_ms(100), tablet, "PHONE", NBNS_WORKSTATION, false, phone.addr); /* of another MAC */
	register_name(c, at_ms(110), tablet, "DOMAIN", NBNS_DOMAIN, false, tablet.addr);    /* no host's suffix */
	register_name(c, at_ms(120), tablet, "GROUP", NBNS_WORKSTATION, true, tablet.addr);
	register_name(c, at_ms(130), tablet, "*", NBNS_WORKSTATION, false, tablet.addr);
	nbns_answer(&b, 1, "NEGATIVE", NBNS_WORKSTATION, false, tablet.addr);
	b.octets[3] = 3;                                         /* name error */
	say_udp(c, at_ms(200), on(tablet, 137), on(laptop, 137), &b);
	b.len = 0;
	nbns_answer(&b, 2, "LETTERS", NBNS_WORKSTATION, false, tablet.addr);
	b.octets[13] = 'Z';                                      /* not half an octet */
	say_udp(c, at_ms(210), on(tablet, 137), on(laptop, 137), &b);
	b.len = 0;
	nbns_node_status(&b, 3, star, 2, tablet.mac);
	b.octets[12 + 34 + 10] = 255;                            /* 255 names are said to follow */
	say_udp(c, at_ms(220), on(tablet, 137), on(laptop, 137), &b);
	register_name(c, at_ms(300), nas, "A.B\\C \x1b[2J\xff", NBNS_WORKSTATION, false, nas.addr); /* told escaped, if at all */
	register_name(c, at_ms(310), printer, "a b.c\\d\"\xe9", NBNS_WORKSTATION, false, printer.addr);
	speak(c, at_ms(1000), phone, 40001);
	speak(c, at_ms(1001), tablet, 40000);
	speak(c, at_ms(1002), nas, 40000);
	speak(c, at_ms(1003), printer, 40000);
}

static const struct end nobody = { "02:00:00:00:00:50", "0.0.0.0", 68 };

static void from_client(struct capture *c, uint64_t ns, const struct dhcp4_message *m)
{
	struct end client = nobody;
	struct blob b = { .len = 0 };

	client.mac = m->mac;
	if (m->ciaddr)
		client.addr = m->ciaddr;
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

/* Four messages: the address and the name belong together from the ACK on. */
static void lease(struct capture *c, uint64_t ns, uint32_t xid, struct dhcp4_message m)
{
	m.xid = xid;
	m.type = DHCP_DISCOVER;
	from_client(c, ns, &(struct dhcp4_message){ .type = m.type, .xid = xid, .mac = m.mac, .hostname = m.hostname });
	from_server(c, ns + 1000000, &(struct dhcp4_message){
		.type = DHCP_OFFER, .xid = xid, .mac = m.mac, .yiaddr = m.yiaddr, .lease_s = 3600 });
	from_client(c, ns + 2000000, &(struct dhcp4_message){
		.type = DHCP_REQUEST, .xid = xid, .mac = m.mac, .hostname = m.hostname, .fqdn = m.fqdn,
		.fqdn_in_wire_form = m.fqdn_in_wire_form, .hostname_in_sname = m.hostname_in_sname,
		.hostname_in_two = m.hostname_in_two });
	from_server(c, ns + 3000000, &(struct dhcp4_message){
		.type = DHCP_ACK, .xid = xid, .mac = m.mac, .yiaddr = m.yiaddr, .lease_s = 3600 });
}

static void speak_as(struct capture *c, uint64_t ns, const char *mac, const char *addr, unsigned port)
{
	speak(c, ns, (struct end){ mac, addr, 0 }, port);
}

static void dhcp4_good(struct capture *c)
{
	lease(c, at_ms(0), 1, (struct dhcp4_message){ .mac = "02:00:00:00:00:50", .yiaddr = "192.168.1.50", .hostname = "Annas-Tablet" });
	lease(c, at_ms(100), 2, (struct dhcp4_message){
		.mac = "02:00:00:00:00:51", .yiaddr = "192.168.1.51", .hostname = "desk", .fqdn = "desk.example.com" });
	lease(c, at_ms(200), 3, (struct dhcp4_message){
		.mac = "02:00:00:00:00:52", .yiaddr = "192.168.1.52", .hostname = "wire", .fqdn = "wire.example.com", .fqdn_in_wire_form = true });
	lease(c, at_ms(300), 4, (struct dhcp4_message){
		.mac = "02:00:00:00:00:53", .yiaddr = "192.168.1.53", .hostname = "overload", .hostname_in_sname = true });
	lease(c, at_ms(400), 5, (struct dhcp4_message){
		.mac = "02:00:00:00:00:54", .yiaddr = "192.168.1.54", .hostname = "in-two-options", .hostname_in_two = true });
	from_client(c, at_ms(500), &(struct dhcp4_message){
		.type = DHCP_INFORM, .xid = 6, .mac = "02:00:00:00:00:55", .ciaddr = "192.168.1.55", .hostname = "informed" });
	from_server(c, at_ms(501), &(struct dhcp4_message){
		.type = DHCP_ACK, .xid = 6, .mac = "02:00:00:00:00:55", .ciaddr = "192.168.1.55" });
	speak_as(c, at_ms(1000), "02:00:00:00:00:50", "192.168.1.50", 40000);
	speak_as(c, at_ms(1001), "02:00:00:00:00:51", "192.168.1.51", 40000);
	speak_as(c, at_ms(1002), "02:00:00:00:00:52", "192.168.1.52", 40000);
	speak_as(c, at_ms(1003), "02:00:00:00:00:53", "192.168.1.53", 40000);
	speak_as(c, at_ms(1004), "02:00:00:00:00:54", "192.168.1.54", 40000);
	speak_as(c, at_ms(1005), "02:00:00:00:00:55", "192.168.1.55", 40000);
}

/* The REQUEST is captured up to the middle of its name, or up to right behind it. */
static void dhcp4_cut_request(struct capture *c, uint64_t ns, uint32_t xid, const char *mac, const char *addr, size_t less)
{
	struct end client = nobody;
	struct blob b = { .len = 0 };

	client.mac = mac;
	dhcp4_message(&b, &(struct dhcp4_message){ .type = DHCP_REQUEST, .xid = xid, .mac = mac, .hostname = "truncated" });
	say_cut(c, ns, client, on(everyone, 67), &b, less);
	from_server(c, ns + 1000000, &(struct dhcp4_message){ .type = DHCP_ACK, .xid = xid, .mac = mac, .yiaddr = addr, .lease_s = 3600 });
}

static void dhcp4_truncated(struct capture *c)
{
	dhcp4_cut_request(c, at_ms(0), 1, "02:00:00:00:00:50", "192.168.1.50", 1); /* only the end mark is cut off */
	dhcp4_cut_request(c, at_ms(10), 2, "02:00:00:00:00:51", "192.168.1.51", 4);
	dhcp4_cut_request(c, at_ms(20), 3, "02:00:00:00:00:52", "192.168.1.52", 200);
	speak_as(c, at_ms(1000), "02:00:00:00:00:50", "192.168.1.50", 40000);
	speak_as(c, at_ms(1001), "02:00:00:00:00:51", "192.168.1.51", 40000);
	speak_as(c, at_ms(1002), "02:00:00:00:00:52", "192.168.1.52", 40000);
}

static void dhcp4_hostile(struct capture *c)
{
	struct blob b = { .len = 0 };

	/* An ACK that a client forges, from its own port. */
	from_client(c, at_ms(0), &(struct dhcp4_message){ .type = DHCP_REQUEST, .xid = 1, .mac = tablet.mac, .hostname = "forged" });
	dhcp4_message(&b, &(struct dhcp4_message){
		.type = DHCP_ACK, .xid = 1, .mac = tablet.mac, .yiaddr = phone.addr, .hostname = "forged", .lease_s = 3600 });
	say_udp(c, at_ms(10), on(tablet, 68), on(everyone, 67), &b);
	/* Refused, another transaction, an address that no host has. */
	from_client(c, at_ms(20), &(struct dhcp4_message){ .type = DHCP_REQUEST, .xid = 2, .mac = "02:00:00:00:00:51", .hostname = "refused" });
	from_server(c, at_ms(21), &(struct dhcp4_message){ .type = DHCP_NAK, .xid = 2, .mac = "02:00:00:00:00:51", .yiaddr = "192.168.1.51" });
	from_client(c, at_ms(30), &(struct dhcp4_message){ .type = DHCP_REQUEST, .xid = 3, .mac = "02:00:00:00:00:52", .hostname = "other-id" });
	from_server(c, at_ms(31), &(struct dhcp4_message){
		.type = DHCP_ACK, .xid = 4, .mac = "02:00:00:00:00:53", .yiaddr = "192.168.1.53", .lease_s = 3600 });
	lease(c, at_ms(40), 5, (struct dhcp4_message){ .mac = "02:00:00:00:00:54", .yiaddr = "224.0.0.5", .hostname = "multicast" });
	/* An option that runs past the end, no cookie, a hardware address of another kind. */
	b.len = 0;
	dhcp4_message(&b, &(struct dhcp4_message){ .type = DHCP_REQUEST, .xid = 6, .mac = "02:00:00:00:00:55", .hostname = "too-long" });
	b.octets[b.len - 10] = 200;
	say_udp(c, at_ms(60), (struct end){ "02:00:00:00:00:55", "0.0.0.0", 68 }, on(everyone, 67), &b);
	from_server(c, at_ms(61), &(struct dhcp4_message){
		.type = DHCP_ACK, .xid = 6, .mac = "02:00:00:00:00:55", .yiaddr = "192.168.1.55", .lease_s = 3600 });
	b.len = 0;
	dhcp4_message(&b, &(struct dhcp4_message){
		.type = DHCP_ACK, .xid = 7, .mac = "02:00:00:00:00:56", .yiaddr = "192.168.1.56", .hostname = "no-cookie", .lease_s = 3600 });
	b.octets[236] = 0;
	say_udp(c, at_ms(70), on(router, 67), (struct end){ "02:00:00:00:00:56", "192.168.1.56", 68 }, &b);
	b.len = 0;
	dhcp4_message(&b, &(struct dhcp4_message){
		.type = DHCP_ACK, .xid = 8, .mac = "02:00:00:00:00:57", .yiaddr = "192.168.1.57", .hostname = "not-ethernet", .lease_s = 3600 });
	b.octets[1] = 32;
	b.octets[2] = 16;
	say_udp(c, at_ms(80), on(router, 67), (struct end){ "02:00:00:00:00:57", "192.168.1.57", 68 }, &b);
	/* Octets that are no host name's: told escaped. */
	lease(c, at_ms(90), 9, (struct dhcp4_message){ .mac = "02:00:00:00:00:58", .yiaddr = "192.168.1.58", .hostname = "a\x1b[2J\"\xe2\x80\xae b" });
	speak(c, at_ms(1000), phone, 40000);
	for (unsigned host = 51; host <= 58; host++) {
		static const char *const macs[] = { "02:00:00:00:00:51", "02:00:00:00:00:52", "02:00:00:00:00:53", "02:00:00:00:00:54",
						    "02:00:00:00:00:55", "02:00:00:00:00:56", "02:00:00:00:00:57", "02:00:00:00:00:58" };
		static const char *const addrs[] = { "192.168.1.51", "192.168.1.52", "192.168.1.53", "192.168.1.54",
						     "192.168.1.55", "192.168.1.56", "192.168.1.57", "192.168.1.58" };

		speak_as(c, at_ms(1000 + host), macs[host - 51], addrs[host - 51], 40000);
	}
}

static const struct end all_dhcp6 = { "33:33:00:01:00:02", "ff02::1:2", 547 };

static void dhcp6_from_client(struct capture *c, uint64_t ns, const struct dhcp6_message *m)
{
	struct blob b = { .len = 0 };

	dhcp6_message(&b, m);
	say_udp(c, ns, (struct end){ m->mac, "fe80::50", 546 }, all_dhcp6, &b);
}

static void dhcp6_from_server(struct capture *c, uint64_t ns, const struct dhcp6_message *m)
{
	struct blob b = { .len = 0 };

	dhcp6_message(&b, m);
	say_udp(c, ns, on(router6, 547), (struct end){ m->mac, "fe80::50", 546 }, &b);
}

static void speak6(struct capture *c, uint64_t ns, const char *mac, const char *addr, unsigned port)
{
	say_tcp(c, ns, (struct end){ mac, addr, port }, web6, TCP_SYN, "");
}

/* Asked and replied on the link, and the same through a relay. */
static void dhcp6_good(struct capture *c)
{
	static const struct end relay = { "02:00:00:00:00:02", "2001:db8:1::2", 547 }, server = { "02:00:00:00:00:01", "2001:db8:1::1", 547 };
	struct blob inner = { .len = 0 }, outer = { .len = 0 };

	dhcp6_from_client(c, at_ms(0), &(struct dhcp6_message){ 1, 0x111111, "02:00:00:00:00:50", "tablet.example.com", NULL });
	dhcp6_from_server(c, at_ms(1), &(struct dhcp6_message){ 2, 0x111111, "02:00:00:00:00:50", NULL, "2001:db8:1::50" });
	dhcp6_from_client(c, at_ms(2), &(struct dhcp6_message){ 3, 0x222222, "02:00:00:00:00:50", "tablet.example.com", "2001:db8:1::50" });
	dhcp6_from_server(c, at_ms(3), &(struct dhcp6_message){ 7, 0x222222, "02:00:00:00:00:50", NULL, "2001:db8:1::50" });
	dhcp6_message(&inner, &(struct dhcp6_message){ 3, 0x333333, "02:00:00:00:00:51", "relayed.example.com", NULL });
	dhcp6_relayed(&outer, 12, "2001:db8:2::1", "fe80::51", &inner);
	say_udp(c, at_ms(10), relay, server, &outer);
	inner.len = outer.len = 0;
	dhcp6_message(&inner, &(struct dhcp6_message){ 7, 0x333333, "02:00:00:00:00:51", NULL, "2001:db8:2::51" });
	dhcp6_relayed(&outer, 13, "2001:db8:2::1", "fe80::51", &inner);
	say_udp(c, at_ms(11), server, relay, &outer);
	speak6(c, at_ms(100), "02:00:00:00:00:50", "2001:db8:1::50", 40000);
	speak6(c, at_ms(101), "02:00:00:00:00:02", "2001:db8:2::51", 40000);
}

static void dhcp6_truncated(struct capture *c)
{
	struct blob b = { .len = 0 };

	dhcp6_message(&b, &(struct dhcp6_message){ 3, 0x111111, "02:00:00:00:00:50", "tablet.example.com", NULL });
	say_cut(c, at_ms(0), (struct end){ "02:00:00:00:00:50", "fe80::50", 546 }, all_dhcp6, &b, 6);
	dhcp6_from_server(c, at_ms(1), &(struct dhcp6_message){ 7, 0x111111, "02:00:00:00:00:50", NULL, "2001:db8:1::50" });
	speak6(c, at_ms(100), "02:00:00:00:00:50", "2001:db8:1::50", 40000);
}

static void dhcp6_hostile(struct capture *c)
{
	struct blob b = { .len = 0 }, inner = { .len = 0 };

	/* A reply that a client sends, one to another transaction, one for another client. */
	dhcp6_from_client(c, at_ms(0), &(struct dhcp6_message){ 3, 0x111111, "02:00:00:00:00:50", "mine.example.com", NULL });
	dhcp6_from_client(c, at_ms(1), &(struct dhcp6_message){ 7, 0x111111, "02:00:00:00:00:50", "mine.example.com", "2001:db8:1::51" });
	dhcp6_from_server(c, at_ms(2), &(struct dhcp6_message){ 7, 0x222222, "02:00:00:00:00:50", NULL, "2001:db8:1::52" });
	dhcp6_from_server(c, at_ms(3), &(struct dhcp6_message){ 7, 0x111111, "02:00:00:00:00:53", NULL, "2001:db8:1::53" });
	/* An option that is longer than all, and a relay in a relay in a relay. */
	dhcp6_message(&b, &(struct dhcp6_message){ 7, 0x111111, "02:00:00:00:00:50", NULL, "2001:db8:1::54" });
	put_16(b.octets + 4 + 4 + 10 + 2, 0xffff);
	say_udp(c, at_ms(4), on(router6, 547), (struct end){ "02:00:00:00:00:50", "fe80::50", 546 }, &b);
	b.len = 0;
	dhcp6_message(&b, &(struct dhcp6_message){ 7, 0x111111, "02:00:00:00:00:50", NULL, "2001:db8:1::55" });
	for (int i = 0; i < 3; i++) {
		inner = b;
		b.len = 0;
		dhcp6_relayed(&b, 13, "2001:db8:2::1", "fe80::50", &inner);
	}
	say_udp(c, at_ms(5), on(router6, 547), (struct end){ "02:00:00:00:00:50", "fe80::50", 546 }, &b);
	speak6(c, at_ms(101), "02:00:00:00:00:61", "2001:db8:1::51", 40000);
	speak6(c, at_ms(102), "02:00:00:00:00:62", "2001:db8:1::52", 40000);
	speak6(c, at_ms(103), "02:00:00:00:00:63", "2001:db8:1::53", 40000);
	speak6(c, at_ms(104), "02:00:00:00:00:64", "2001:db8:1::54", 40000);
	speak6(c, at_ms(105), "02:00:00:00:00:65", "2001:db8:1::55", 40000);
}

void theme_lan(const char *dir)
{
	static const struct capture_row rows[] = {
		{ "mdns-good", { .link = LINK_ETHERNET }, mdns_good },
		{ "mdns-truncated", { .link = LINK_ETHERNET }, mdns_truncated },
		{ "mdns-hostile", { .link = LINK_ETHERNET }, mdns_hostile },
		{ "llmnr-good", { .link = LINK_ETHERNET }, llmnr_good },
		{ "llmnr-truncated", { .link = LINK_ETHERNET }, llmnr_truncated },
		{ "llmnr-hostile", { .link = LINK_ETHERNET }, llmnr_hostile },
		{ "nbns-good", { .link = LINK_ETHERNET }, nbns_good },
		{ "nbns-truncated", { .link = LINK_ETHERNET }, nbns_truncated },
		{ "nbns-hostile", { .link = LINK_ETHERNET }, nbns_hostile },
		{ "dhcp-good", { .link = LINK_ETHERNET }, dhcp4_good },
		{ "dhcp-truncated", { .link = LINK_ETHERNET }, dhcp4_truncated },
		{ "dhcp-hostile", { .link = LINK_ETHERNET }, dhcp4_hostile },
		{ "dhcp6-good", { .link = LINK_ETHERNET }, dhcp6_good },
		{ "dhcp6-truncated", { .link = LINK_ETHERNET }, dhcp6_truncated },
		{ "dhcp6-hostile", { .link = LINK_ETHERNET }, dhcp6_hostile },
	};

	WRITE_CAPTURES(dir, rows);
}
