/* SPDX-License-Identifier: Apache-2.0 */
/* talk.c - hosts, and what they say to each other. */
#include "talk.h"
#include <string.h>

const struct end laptop = { "02:00:00:00:00:10", "192.168.1.10", 0 };
const struct end laptop6 = { "02:00:00:00:00:10", "2001:db8:1::10", 0 };
const struct end phone = { "02:00:00:00:00:20", "192.168.1.20", 0 };
const struct end phone6 = { "02:00:00:00:00:20", "2001:db8:1::20", 0 };
const struct end tablet = { "02:00:00:00:00:21", "192.168.1.21", 0 };
const struct end printer = { "02:00:00:00:00:30", "192.168.1.30", 0 };
const struct end printer6 = { "02:00:00:00:00:30", "fe80::30", 0 };
const struct end nas = { "02:00:00:00:00:40", "192.168.1.40", 0 };
const struct end router = { ROUTER_MAC, "192.168.1.1", 0 };
const struct end router6 = { ROUTER_MAC, "fe80::1", 0 };
const struct end everyone = { "ff:ff:ff:ff:ff:ff", "255.255.255.255", 0 };
const struct end resolver = { ROUTER_MAC, "192.0.2.53", 0 };
const struct end resolver6 = { ROUTER_MAC, "2001:db8:53::53", 0 };
const struct end web = { ROUTER_MAC, "198.51.100.80", 443 };
const struct end web6 = { ROUTER_MAC, "2001:db8:80::80", 443 };
const struct end cdn = { ROUTER_MAC, "203.0.113.7", 443 };
const struct end cdn6 = { ROUTER_MAC, "2001:db8:7::7", 443 };
const struct end mail = { ROUTER_MAC, "203.0.113.25", 993 };

struct end on(struct end host, unsigned port)
{
	host.port = port;
	return host;
}

struct end at_addr(struct end host, const char *addr)
{
	host.addr = addr;
	return host;
}

void begin_between(struct frame *f, struct end from, struct end to)
{
	frame_begin(f);
	ethernet(f, from.mac, to.mac);
	ip(f, from.addr, to.addr);
}

void say_udp(struct capture *c, uint64_t ns, struct end from, struct end to, const struct blob *message)
{
	struct frame f;

	begin_between(&f, from, to);
	udp(&f, from.port, to.port);
	payload(&f, message->octets, message->len);
	capture_frame(c, ns, frame_end(&f));
}

void say_cut(struct capture *c, uint64_t ns, struct end from, struct end to, const struct blob *message, size_t less)
{
	struct frame f;

	begin_between(&f, from, to);
	udp(&f, from.port, to.port);
	payload(&f, message->octets, message->len);
	frame_end(&f);
	capture_octets(c, ns, f.b.octets, (uint32_t)(f.b.len - less), (uint32_t)f.b.len);
}

void say_text(struct capture *c, uint64_t ns, struct end from, struct end to, const char *text)
{
	struct blob message = { 0 };

	blob_text(&message, text);
	say_udp(c, ns, from, to, &message);
}

void say_tcp(struct capture *c, uint64_t ns, struct end from, struct end to, unsigned flags, const char *text)
{
	struct frame f;

	begin_between(&f, from, to);
	tcp(&f, from.port, to.port, flags, 1000, flags & TCP_ACK ? 2000 : 0);
	payload_text(&f, text);
	capture_frame(c, ns, frame_end(&f));
}

static bool is_error(bool v6, unsigned type)
{
	return v6 ? type < 128 : type == 3 || type == 11;
}

/* What an error quotes: a datagram of its receiver. */
static void quote(struct frame *f, struct end receiver)
{
	ip(f, receiver.addr, strchr(receiver.addr, ':') ? cdn6.addr : cdn.addr);
	udp(f, 40000, 7777);
	payload_text(f, "a datagram that is quoted");
}

void say_icmp(struct capture *c, uint64_t ns, struct end from, struct end to, unsigned type, unsigned code)
{
	bool v6 = strchr(from.addr, ':');
	struct frame f;

	begin_between(&f, from, to);
	if (v6)
		icmp6(&f, type, code, 0x12340001);
	else
		icmp4(&f, type, code, 0x12340001);
	if (is_error(v6, type))
		quote(&f, to);
	else if (v6 && type == 134)
		payload_fill(&f, 0, 8);           /* two timers, RFC 4861 4.2 */
	else if (v6 && type > 134)
		blob_addr6(&f.b, phone6.addr);    /* the target, RFC 4861 4.3 */
	else
		payload_fill(&f, 0x61, 56);
	capture_frame(c, ns, frame_end(&f));
}

struct talk talk_begin(struct capture *c, uint64_t ns, struct end client, struct end server)
{
	return (struct talk){
		.capture = c, .client = client, .server = server, .ns = ns, .step_ns = 10000000,
		.client_seq = 1000, .server_seq = 900000,
	};
}

static void segment(struct talk *t, bool from_client, unsigned flags, const void *octets, size_t len)
{
	struct end from = from_client ? t->client : t->server, to = from_client ? t->server : t->client;
	uint32_t *seq = from_client ? &t->client_seq : &t->server_seq;
	uint32_t ack = from_client ? t->server_seq : t->client_seq;
	struct frame f;

	begin_between(&f, from, to);
	tcp(&f, from.port, to.port, flags, *seq, flags & TCP_ACK ? ack : 0);
	if (flags & TCP_SYN)
		tcp_options(&f, "\x02\x04\x05\xb4", 4);   /* maximum segment size 1460, RFC 9293 3.7.1 */
	payload(&f, octets, len);
	capture_frame(t->capture, t->ns, frame_end(&f));
	*seq += (uint32_t)len + (flags & (TCP_SYN | TCP_FIN) ? 1 : 0);
	t->ns += t->step_ns;
}

void talk_open(struct talk *t)
{
	segment(t, true, TCP_SYN, "", 0);
	segment(t, false, TCP_SYN | TCP_ACK, "", 0);
	segment(t, true, TCP_ACK, "", 0);
}

void talk_ask(struct talk *t, const void *octets, size_t len)
{
	segment(t, true, TCP_PSH | TCP_ACK, octets, len);
}

void talk_reply(struct talk *t, const void *octets, size_t len)
{
	segment(t, false, TCP_PSH | TCP_ACK, octets, len);
}

void talk_close(struct talk *t)
{
	segment(t, true, TCP_FIN | TCP_ACK, "", 0);
	segment(t, false, TCP_FIN | TCP_ACK, "", 0);
	segment(t, true, TCP_ACK, "", 0);
}
