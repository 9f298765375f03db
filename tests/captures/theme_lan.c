/* SPDX-License-Identifier: Apache-2.0 */
/* theme_lan.c - the names that hosts of a LAN tell of themselves: mDNS, LLMNR, NBNS. */
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
	dns(&b, &(struct dns_message){
		.flags = MDNS_ANSWER, .answers = { { "phone.local", DNS_AAAA, 120, "2001:db8:1::20", MDNS_FLUSH } } });
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

	dns(&b, &(struct dns_message){
		.flags = MDNS_ANSWER,
		.answers = { { "printer.local", DNS_A, 120, "192.168.1.30", MDNS_FLUSH },
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
	dns(&b, &(struct dns_message){
		.question = "known.local", .type = DNS_A, .answers = { { "known.local", DNS_A, 120, "192.168.1.21", 0 } } });
	say_udp(c, at_ms(400), on(tablet, 5353), mdns_group, &b);
	b.len = 0;
	dns(&b, &(struct dns_message){
		.flags = MDNS_ANSWER, .answers = { { "Files._smb._tcp.local", DNS_SRV, 120, "tablet.local", MDNS_FLUSH } } });
	say_udp(c, at_ms(500), on(tablet, 5353), mdns_group, &b);
	b.len = 0;
	blob_octets(&b, "\0\0\x84\0\0\0\0\x01\0\0\0\0", 12);
	blob_octets(&b, "\xc0\x0c\0\1\0\1\0\0\0\x78\0\4\xc0\xa8\1\x15", 16); /* a pointer to itself */
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
		.id = id, .flags = DNS_RESPONSE, .question = name, .type = DNS_A,
		.answers = { { name, DNS_A, 30, addr, 0 } } });
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
		{ "PRINTER", NBNS_WORKSTATION, false }, { "WORKGROUP", NBNS_WORKSTATION, true },
		{ "PRINTER", NBNS_SERVER, false }, { "WORKGROUP", NBNS_DOMAIN, true },
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
	static const struct nbns_entry entries[] = {
		{ "PRINTER", NBNS_WORKSTATION, false }, { "SECOND", NBNS_WORKSTATION, false },
	};
	struct blob b = { .len = 0 }, status_reply = { .len = 0 };

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
	register_name(c, at_ms(300), nas, "A.B\\C \x1b[2J\xff", NBNS_WORKSTATION, false, nas.addr); /* a control octet */
	register_name(c, at_ms(310), printer, "a b.c\\d\"\xe9", NBNS_WORKSTATION, false, printer.addr); /* told escaped */
	speak(c, at_ms(1000), phone, 40001);
	speak(c, at_ms(1001), tablet, 40000);
	speak(c, at_ms(1002), nas, 40000);
	speak(c, at_ms(1003), printer, 40000);
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
	};

	WRITE_CAPTURES(dir, rows);
}
