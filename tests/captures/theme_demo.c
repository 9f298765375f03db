/* SPDX-License-Identifier: Apache-2.0 */
/* theme_demo.c - demo.pcap: a minute in a home network, where names come from every protocol that tells one. */
#include <string.h>
#include "messages.h"
#include "talk.h"
#include "themes.h"

static const struct end annas_laptop = { "02:1a:2b:00:00:23", "192.168.1.23", 0 };
static const struct end annas_laptop6 = { "02:1a:2b:00:00:23", "2001:db8:1::23", 0 };
static const struct end bens_phone = { "02:1a:2b:00:00:42", "192.168.1.42", 0 };
static const struct end office_pc = { "02:1a:2b:00:00:77", "192.168.1.77", 0 };
static const struct end mdns_group = { "01:00:5e:00:00:fb", "224.0.0.251", 5353 };
static const struct end mdns_group6 = { "33:33:00:00:00:fb", "ff02::fb", 5353 };
static const struct end llmnr_group = { "01:00:5e:00:00:fc", "224.0.0.252", 5355 };
static const struct end subnet = { "ff:ff:ff:ff:ff:ff", "192.168.1.255", 137 };

static struct end far(const char *addr, unsigned port)
{
	return on(at_addr(router, addr), port);
}

static void joins(struct capture *c, uint64_t ns)
{
	struct end nobody = { annas_laptop.mac, "0.0.0.0", 68 };
	struct dhcp4_message m = {
		.type = DHCP_DISCOVER, .xid = 0x1d2c3b4a, .mac = annas_laptop.mac, .hostname = "annas-laptop",
	};
	struct blob b = { .len = 0 };

	dhcp4_message(&b, &m);
	say_udp(c, ns, nobody, on(everyone, 67), &b);
	b.len = 0;
	m.type = DHCP_REQUEST;
	dhcp4_message(&b, &m);
	say_udp(c, ns + 40000000, nobody, on(everyone, 67), &b);
	b.len = 0;
	m = (struct dhcp4_message){
		.type = DHCP_ACK, .xid = m.xid, .mac = m.mac, .yiaddr = annas_laptop.addr, .lease_s = 86400,
	};
	dhcp4_message(&b, &m);
	say_udp(c, ns + 60000000, on(router, 67), on(annas_laptop, 68), &b);
}

static void printer_announces(struct capture *c, uint64_t ns)
{
	struct blob b = { .len = 0 };

	dns(&b, &(struct dns_message){
		.flags = MDNS_ANSWER,
		.answers = { { "_ipp._tcp.local", DNS_PTR, 4500, "Laser\\032Printer._ipp._tcp.local", 0 } },
		.additional = { { "Laser\\032Printer._ipp._tcp.local", DNS_SRV, 120, "laser-printer.local", MDNS_FLUSH },
				{ "laser-printer.local", DNS_A, 120, "192.168.1.30", MDNS_FLUSH } } });
	say_udp(c, ns, on(printer, 5353), mdns_group, &b);
}

static void announces_itself(struct capture *c, uint64_t ns, struct end host, const char *name)
{
	enum dns_type type = strchr(host.addr, ':') ? DNS_AAAA : DNS_A;
	struct blob b = { .len = 0 };

	dns(&b, &(struct dns_message){ .flags = MDNS_ANSWER, .answers = { { name, type, 120, host.addr, MDNS_FLUSH } } });
	say_udp(c, ns, on(host, 5353), type == DNS_A ? mdns_group : mdns_group6, &b);
}

static void pc_registers(struct capture *c, uint64_t ns)
{
	struct blob b = { .len = 0 };

	nbns_register(&b, 0x9c01, "OFFICE-PC", NBNS_SERVER, false, office_pc.addr);
	say_udp(c, ns, on(office_pc, 137), subnet, &b);
}

static void finds_storage(struct capture *c, uint64_t ns)
{
	struct blob b = { .len = 0 };

	dns(&b, &(struct dns_message){ .id = 0x51aa, .question = "storage", .type = DNS_A });
	say_udp(c, ns, on(annas_laptop, 61022), llmnr_group, &b);
	b.len = 0;
	dns(&b, &(struct dns_message){
		.id = 0x51aa, .flags = DNS_RESPONSE, .question = "storage", .type = DNS_A,
		.answers = { { "storage", DNS_A, 30, "192.168.1.40", 0 } } });
	say_udp(c, ns + 2000000, on(nas, 5355), on(annas_laptop, 61022), &b);
}

/* `client` asks its resolver, the router; the answer comes through a CNAME when `alias` is given. */
static void resolves(struct capture *c, uint64_t ns, struct end client, unsigned port, const char *name, const char *alias,
		     const char *addr)
{
	enum dns_type type = strchr(addr, ':') ? DNS_AAAA : DNS_A;
	struct dns_message answer = { .id = port, .flags = DNS_ANSWER, .question = name, .type = type };
	struct blob question = { .len = 0 }, reply = { .len = 0 };

	answer.answers[0] = (struct dns_record){ name, alias ? DNS_CNAME : type, 300, alias ? alias : addr, 0 };
	if (alias)
		answer.answers[1] = (struct dns_record){ alias, type, 60, addr, 0 };
	dns_question(&question, port, name, type);
	dns(&reply, &answer);
	say_udp(c, ns, on(client, port), on(router, 53), &question);
	say_udp(c, ns + 18000000, on(router, 53), on(client, port), &reply);
}

/* A connection in which `up` and `down` octets follow the opening ones. */
static void connects(struct capture *c, uint64_t ns, struct end client, struct end server, const struct blob *opening,
		     size_t up, size_t down)
{
	static const uint8_t zeros[1400];
	struct talk t = talk_begin(c, ns, client, server);

	t.step_ns = 12000000;
	talk_open(&t);
	talk_ask(&t, opening->octets, opening->len);
	for (; down; down -= down < 1400 ? down : 1400)
		talk_reply(&t, zeros, down < 1400 ? down : 1400);
	for (; up; up -= up < 1400 ? up : 1400)
		talk_ask(&t, zeros, up < 1400 ? up : 1400);
	talk_close(&t);
}

static void connects_tls(struct capture *c, uint64_t ns, struct end client, struct end server, const char *sni, size_t down)
{
	struct blob hello = { .len = 0 };

	client_hello(&hello, &(struct hello){ .sni = sni });
	connects(c, ns, client, server, &hello, 620, down);
}

static void connects_plain(struct capture *c, uint64_t ns, struct end client, struct end server, const char *opening,
			   size_t up, size_t down)
{
	struct blob b = { .len = 0 };

	blob_text(&b, opening);
	connects(c, ns, client, server, &b, up, down);
}

/* Datagrams of a video call or the like, both ways. */
static void streams(struct capture *c, uint64_t ns, struct end client, struct end server, unsigned count)
{
	struct blob small = { .len = 0 }, large = { .len = 0 };

	blob_fill(&small, 0x55, 60);
	blob_fill(&large, 0x55, 1200);
	for (unsigned i = 0; i < count; i++) {
		say_udp(c, ns + i * 20000000ull, client, server, i ? &small : &large);
		say_udp(c, ns + i * 20000000ull + 9000000, server, client, &large);
	}
}

static void pings(struct capture *c, uint64_t ns, struct end from, struct end to, unsigned count)
{
	bool v6 = strchr(from.addr, ':');

	for (unsigned i = 0; i < count; i++) {
		say_icmp(c, ns + i * 1000000000ull, from, to, v6 ? 128 : 8, 0);
		say_icmp(c, ns + i * 1000000000ull + 11000000, to, from, v6 ? 129 : 0, 0);
	}
}

/* 48 octets, RFC 5905 7.3; the first one tells version and mode. */
static const struct blob *ntp(struct blob *b, unsigned first)
{
	b->len = 0;
	blob_8(b, first);
	blob_add(b, 47);
	return b;
}

static void home(struct capture *c)
{
	struct end site6 = { ROUTER_MAC, "2001:db8:80::80", 443 };
	struct blob time;

	joins(c, at_ms(0));
	announces_itself(c, at_ms(400), annas_laptop6, "annas-laptop.local");
	printer_announces(c, at_ms(900));
	announces_itself(c, at_ms(1200), bens_phone, "bens-phone.local");
	pc_registers(c, at_ms(1500));
	say_icmp(c, at_ms(1800), annas_laptop6, (struct end){ "33:33:ff:00:00:20", "ff02::1:ff00:20", 0 }, 135, 0);
	resolves(c, at_ms(2000), annas_laptop, 50101, "www.example.com", "edge.cdn.example.net", site6.addr);
	connects_tls(c, at_ms(2030), on(annas_laptop6, 52431), site6, "www.example.com", 48000);
	resolves(c, at_ms(3000), annas_laptop, 50102, "news.example.org", "shared.cdn.example.net", cdn.addr);
	connects_plain(c, at_ms(3030), on(annas_laptop, 52433), on(cdn, 80),
		       "GET / HTTP/1.1\r\nHost: news.example.org\r\n\r\n", 0, 9000);
	resolves(c, at_ms(5000), bens_phone, 50201, "video.example.net", "shared.cdn.example.net", cdn.addr);
	streams(c, at_ms(5030), on(bens_phone, 41800), cdn, 40);
	connects_plain(c, at_ms(9000), on(annas_laptop, 52440), on(printer, 631),
		       "POST /ipp/print HTTP/1.1\r\n\r\n", 30000, 300);
	connects_plain(c, at_ms(12000), on(annas_laptop, 52441), on(office_pc, 445), "\\\\OFFICE-PC\\public", 4000, 12000);
	finds_storage(c, at_ms(15000));
	connects_plain(c, at_ms(15010), on(annas_laptop, 52442), on(nas, 2049), "mount /backup", 60000, 900);
	resolves(c, at_ms(20000), annas_laptop, 50103, "imap.example.com", NULL, mail.addr);
	connects_tls(c, at_ms(20030), on(annas_laptop, 52450), mail, "imap.example.com", 5200);
	resolves(c, at_ms(25000), bens_phone, 50202, "ntp.example.net", NULL, "203.0.113.123");
	say_udp(c, at_ms(25030), on(bens_phone, 123), far("203.0.113.123", 123), ntp(&time, 0x23));
	say_udp(c, at_ms(25052), far("203.0.113.123", 123), on(bens_phone, 123), ntp(&time, 0x24));
	pings(c, at_ms(30000), annas_laptop, router, 3);
	pings(c, at_ms(34000), annas_laptop6, site6, 3);
	/* Somebody tries the door. */
	say_tcp(c, at_ms(40000), far("198.51.100.199", 55555), on(annas_laptop, 22), TCP_SYN, "");
	say_tcp(c, at_ms(41000), far("198.51.100.199", 55555), on(annas_laptop, 22), TCP_SYN, "");
	say_icmp(c, at_ms(45000), far("192.0.2.1", 0), bens_phone, 3, 1);
	connects_tls(c, at_ms(50000), on(bens_phone, 41900), far("203.0.113.80", 443), "private.example.org", 7000);
}

void theme_demo(const char *dir)
{
	static const struct capture_row rows[] = {
		{ "demo", { .link = LINK_ETHERNET }, home },
	};

	WRITE_CAPTURES(dir, rows);
}
