/* SPDX-License-Identifier: Apache-2.0 */
/* theme_extended.c - what the members of --extended are taken from. */
#include "messages.h"
#include "talk.h"
#include "themes.h"

/* Round-trip times: answered, the SYN repeated, refused, the SYN not seen; and the flags of each side. */
static void tcp_members(struct capture *c)
{
	struct talk t = talk_begin(c, at_ms(0), on(laptop, 40000), web);

	t.step_ns = 20500000;
	talk_open(&t);
	talk_ask(&t, "hello", 5);
	talk_reply(&t, "hello", 5);
	talk_close(&t);
	say_tcp(c, at_ms(1000), on(laptop, 40001), web, TCP_SYN, "");
	say_tcp(c, at_ms(2000), on(laptop, 40001), web, TCP_SYN, "");
	say_tcp(c, at_ms(2020), web, on(laptop, 40001), TCP_SYN | TCP_ACK, "");
	say_tcp(c, at_ms(3000), on(laptop, 40002), web, TCP_SYN, "");
	say_tcp(c, at_us(3000250), web, on(laptop, 40002), TCP_RST | TCP_ACK, "");
	say_tcp(c, at_ms(4000), web, on(laptop, 40003), TCP_SYN | TCP_ACK, "");
	say_tcp(c, at_ms(4001), on(laptop, 40003), web, TCP_ACK, "");
	say_tcp(c, at_ms(5000), on(laptop6, 40004), web6, TCP_SYN, "");
	say_tcp(c, at_us(5000007), web6, on(laptop6, 40004), TCP_SYN | TCP_ACK, "");
	say_tcp(c, at_ms(6000), on(laptop, 40005), web, TCP_FIN | TCP_SYN | TCP_RST | TCP_PSH | TCP_ACK | TCP_URG, "");
}

/* Type and code of the first packet, and both directions of a community id. */
static void icmp_members(struct capture *c)
{
	struct end router_far = at_addr(router, "192.0.2.1");
	struct frame f;

	say_icmp(c, at_ms(0), laptop, web, 8, 0);
	say_icmp(c, at_ms(10), web, laptop, 0, 0);
	say_icmp(c, at_ms(20), cdn, laptop, 0, 0);        /* begins with the reply */
	say_icmp(c, at_ms(30), router_far, laptop, 3, 1);
	say_icmp(c, at_ms(40), laptop, mail, 13, 0);
	say_icmp(c, at_ms(50), laptop6, web6, 128, 0);
	say_icmp(c, at_ms(60), web6, laptop6, 129, 0);
	say_icmp(c, at_ms(70), router6, laptop6, 134, 0);
	say_icmp(c, at_ms(80), at_addr(web6, "2001:db8:90::1"), laptop6, 1, 4);
	begin_between(&f, laptop, everyone);
	icmp4(&f, 8, 0, 1);
	frame_end(&f);
	capture_octets(c, at_ms(90), f.b.octets, 35, (uint32_t)f.b.len); /* the code was not captured: neither is told */
}

static void tagged(struct capture *c, uint64_t ns, unsigned outer, unsigned inner, unsigned port)
{
	struct frame f;

	frame_begin(&f);
	ethernet(&f, laptop.mac, router.mac);
	vlan(&f, inner ? 0x88a8 : 0x8100, outer);
	if (inner)
		vlan(&f, 0x8100, inner);
	ipv4(&f, laptop.addr, web.addr);
	udp(&f, port, 7777);
	payload_text(&f, "tagged");
	capture_frame(c, ns, frame_end(&f));
}

/* The id of the outermost tag of the first packet, without priority. */
static void vlan_members(struct capture *c)
{
	tagged(c, at_ms(0), 100, 0, 5000);
	tagged(c, at_ms(1), 200, 0, 5000);        /* the same flow in another VLAN */
	tagged(c, at_ms(2), 300, 7, 5001);
	tagged(c, at_ms(3), 0x6000 | 5, 0, 5002);
	tagged(c, at_ms(4), 0x6000, 0, 5003);     /* a priority tag: VLAN 0 */
	tagged(c, at_ms(5), 4094, 0, 5004);
	say_text(c, at_ms(6), on(laptop, 5005), on(web, 7777), "untagged");
}

/* One flow falls silent while another goes on, and the capture ends. */
static void ends(struct capture *c)
{
	say_text(c, at_s(0), on(laptop, 5000), on(web, 7777), "only once");
	for (uint64_t s = 0; s <= 300; s += 30)
		say_text(c, at_s(s), on(laptop, 5001), on(web, 7777), "every half minute");
}

/* One name of every source. */
static void name_members(struct capture *c)
{
	static const struct end mdns_group = { "01:00:5e:00:00:fb", "224.0.0.251", 5353 };
	static const struct end llmnr_group = { "01:00:5e:00:00:fc", "224.0.0.252", 5355 };
	static const struct end subnet = { "ff:ff:ff:ff:ff:ff", "192.168.1.255", 137 };
	struct end client = { laptop.mac, "0.0.0.0", 68 };
	struct blob b = { .len = 0 };
	struct talk t;

	dhcp4_message(&b, &(struct dhcp4_message){
		.type = DHCP_REQUEST, .xid = 1, .mac = laptop.mac, .hostname = "laptop" });
	say_udp(c, at_ms(0), client, on(everyone, 67), &b);
	b.len = 0;
	dhcp4_message(&b, &(struct dhcp4_message){
		.type = DHCP_ACK, .xid = 1, .mac = laptop.mac, .yiaddr = laptop.addr, .lease_s = 3600 });
	say_udp(c, at_ms(1), on(router, 67), on(laptop, 68), &b);
	b.len = 0;
	dns(&b, &(struct dns_message){ .flags = MDNS_ANSWER,
				       .answers = { { "laptop.local", DNS_A, 120, "192.168.1.10", MDNS_FLUSH } } });
	say_udp(c, at_ms(10), on(laptop, 5353), mdns_group, &b);
	b.len = 0;
	nbns_register(&b, 2, "LAPTOP-NB", NBNS_WORKSTATION, false, laptop.addr);
	say_udp(c, at_ms(20), on(laptop, 137), subnet, &b);
	b.len = 0;
	dns(&b, &(struct dns_message){ .id = 3, .question = "laptop-ll", .type = DNS_A });
	say_udp(c, at_ms(30), on(phone, 50000), llmnr_group, &b);
	b.len = 0;
	dns(&b, &(struct dns_message){
		.id = 3, .flags = DNS_RESPONSE, .question = "laptop-ll", .type = DNS_A,
		.answers = { { "laptop-ll", DNS_A, 30, "192.168.1.10", 0 } } });
	say_udp(c, at_ms(31), on(laptop, 5355), on(phone, 50000), &b);
	b.len = 0;
	dns_question(&b, 4, "www.example.com", DNS_A);
	say_udp(c, at_ms(40), on(laptop, 50001), on(resolver, 53), &b);
	b.len = 0;
	dns(&b, &(struct dns_message){
		.id = 4, .flags = DNS_ANSWER, .question = "www.example.com", .type = DNS_A,
		.answers = { { "www.example.com", DNS_A, 300, "198.51.100.80", 0 } } });
	say_udp(c, at_ms(45), on(resolver, 53), on(laptop, 50001), &b);
	b.len = 0;
	client_hello(&b, &(struct hello){ .sni = "inside.example.com" });
	t = talk_begin(c, at_ms(50), on(laptop, 40000), web);
	talk_open(&t);
	talk_ask(&t, b.octets, b.len);
	talk_close(&t);
	say_tcp(c, at_ms(500), on(phone, 40000), web, TCP_SYN, ""); /* known from what the laptop was told */
}

void theme_extended(const char *dir)
{
	static const struct capture_row rows[] = {
		{ "extended-tcp", { .link = LINK_ETHERNET }, tcp_members },
		{ "extended-icmp", { .link = LINK_ETHERNET }, icmp_members },
		{ "extended-vlan", { .link = LINK_ETHERNET }, vlan_members },
		{ "extended-ends", { .link = LINK_ETHERNET }, ends },
		{ "extended-names", { .link = LINK_ETHERNET }, name_members },
	};

	WRITE_CAPTURES(dir, rows);
}
