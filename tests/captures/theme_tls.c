/* SPDX-License-Identifier: Apache-2.0 */
/* theme_tls.c - the server name of a TLS ClientHello: good, truncated, hostile. */
#include <string.h>
#include "messages.h"
#include "talk.h"
#include "themes.h"

static void opened(struct talk *t, struct capture *c, uint64_t ns, unsigned port, struct end server)
{
	*t = talk_begin(c, ns, on(laptop, port), server);
	talk_open(t);
}

/* A connection whose client sends `octets` in segments of `segment_len`, and whose server says one thing. */
static void connection(struct capture *c, uint64_t ns, unsigned port, struct end server, const struct blob *hello,
		       size_t segment_len)
{
	struct blob reply = { .len = 0 };
	struct talk t;

	opened(&t, c, ns, port, server);
	for (size_t at = 0; at < hello->len; at += segment_len)
		talk_ask(&t, hello->octets + at, hello->len - at < segment_len ? hello->len - at : segment_len);
	server_hello(&reply);
	talk_reply(&t, reply.octets, reply.len);
	talk_close(&t);
}

static void hello_to(struct capture *c, uint64_t ns, unsigned port, struct end server, const struct hello *hello,
		     size_t segment_len)
{
	struct blob b = { .len = 0 };

	client_hello(&b, hello);
	connection(c, ns, port, server, &b, segment_len);
}

/* A hello whose second half arrives first. */
static void out_of_order(struct capture *c, uint64_t ns, unsigned port)
{
	struct blob b = { .len = 0 };
	struct talk t, late;

	client_hello(&b, &(struct hello){ .sni = "disorder.example.com" });
	opened(&t, c, ns, port, web);
	late = t;
	late.client_seq += 100;
	late.ns += 1000000;
	talk_ask(&late, b.octets + 100, b.len - 100);
	t.ns = late.ns;
	talk_ask(&t, b.octets, 100);
	t.client_seq = late.client_seq;
	talk_close(&t);
}

/* The capture begins behind the client's SYN: src is the server, and the name is still the server's. */
static void begun_late(struct capture *c, uint64_t ns, unsigned port)
{
	struct blob b = { .len = 0 };
	struct talk t = talk_begin(c, ns, on(laptop, port), web);

	client_hello(&b, &(struct hello){ .sni = "late.example.com" });
	say_tcp(c, ns, web, on(laptop, port), TCP_SYN | TCP_ACK, "");
	t.ns += 1000000;
	t.client_seq = 2000;                      /* what say_tcp() acknowledges */
	t.server_seq = 1001;
	talk_ask(&t, b.octets, b.len);
	talk_close(&t);
}

static void good(struct capture *c)
{
	struct blob in_records = { .len = 0 };

	hello_to(c, at_s(0), 5001, web, &(struct hello){ .sni = "www.example.com" }, 1460);
	hello_to(c, at_s(1), 5002, on(web, 8443), &(struct hello){ .sni = "Odd-Port.Example.com" }, 1460);
	hello_to(c, at_s(2), 5003, web,
		 &(struct hello){ .sni = "quantum.example.com", .key_share_len = 1216, .sni_last = true }, 1460);
	hello_to(c, at_s(3), 5004, web, &(struct hello){ .sni = "crumbs.example.com" }, 7);
	client_hello_in_records(&in_records, &(struct hello){ .sni = "records.example.com" }, 60);
	connection(c, at_s(4), 5005, web, &in_records, 1460);
	hello_to(c, at_s(5), 5006, web, &(struct hello){ .sni = "final.example.com." }, 1460);
	out_of_order(c, at_s(6), 5007);
	begun_late(c, at_s(7), 5008);
	hello_to(c, at_s(8), 5009, web, &(struct hello){ .sni = NULL }, 1460);
}

static void good_v6(struct capture *c)
{
	struct blob b = { .len = 0 };
	struct talk t = talk_begin(c, at_s(0), on(laptop6, 5001), web6);

	client_hello(&b, &(struct hello){ .sni = "six.example.com" });
	talk_open(&t);
	talk_ask(&t, b.octets, b.len);
	talk_close(&t);
}

/* The hello's segment is captured up to `caplen` octets; the one behind it is whole. */
static void snapped(struct capture *c, uint64_t ns, unsigned port, uint32_t caplen, const struct hello *hello)
{
	struct blob b = { .len = 0 };
	struct frame f;
	struct talk t;

	client_hello(&b, hello);
	opened(&t, c, ns, port, web);
	begin_between(&f, t.client, t.server);
	tcp(&f, port, t.server.port, TCP_PSH | TCP_ACK, t.client_seq, t.server_seq);
	payload(&f, b.octets, b.len);
	frame_end(&f);
	capture_octets(c, t.ns, f.b.octets, caplen, (uint32_t)f.b.len);
	t.client_seq += (uint32_t)b.len;
	t.ns += t.step_ns;
	talk_ask(&t, "more of this stream", 19);
	talk_close(&t);
}

/* 54 octets of headers; the name begins at 151. */
static void truncated(struct capture *c)
{
	static const struct hello first = { .sni = "whole.example.com" };
	static const struct hello last = { .sni = "behind.example.com", .sni_last = true };

	snapped(c, at_s(0), 5001, 60, &first);    /* within the handshake header */
	snapped(c, at_s(1), 5002, 155, &first);   /* within the name */
	snapped(c, at_s(2), 5003, 170, &last);    /* the name is behind the cut */
	snapped(c, at_s(3), 5004, 172, &first);   /* right behind the name: it is all there */
}

/* A hello of which `count` octets at `at` (in the record) are overwritten. */
static void patched(struct capture *c, uint64_t ns, unsigned port, size_t at, const void *octets, size_t count)
{
	struct blob b = { .len = 0 };

	client_hello(&b, &(struct hello){ .sni = "victim.example.com" });
	memcpy(b.octets + at, octets, count);
	connection(c, ns, port, web, &b, 1460);
}

static void behind_plain_text(struct capture *c, uint64_t ns, unsigned port)
{
	struct blob b = { .len = 0 };

	blob_text(&b, "STARTTLS\r\n");
	client_hello(&b, &(struct hello){ .sni = "later.example.com" });
	connection(c, ns, port, on(web, 25), &b, 1460);
}

/* A hello inside a flow that the server began, sent by the client of nobody's connection: UDP is no TLS. */
static void over_udp(struct capture *c, uint64_t ns, unsigned port)
{
	struct blob b = { .len = 0 };

	client_hello(&b, &(struct hello){ .sni = "udp.example.com" });
	say_udp(c, ns, on(laptop, port), web, &b);
}

static void hostile(struct capture *c)
{
	char long_name[257];
	struct blob two = { .len = 0 };

	memset(long_name, 'a', 256);
	long_name[256] = 0;
	for (int i = 63; i < 256; i += 64)
		long_name[i] = '.';
	hello_to(c, at_s(0), 5001, web, &(struct hello){ .sni = "198.51.100.80" }, 1460);     /* an address is no name */
	hello_to(c, at_s(1), 5002, web, &(struct hello){ .sni = "" }, 1460);
	hello_to(c, at_s(2), 5003, web, &(struct hello){ .sni = long_name }, 1460);           /* over 253 octets */
	hello_to(c, at_s(3), 5004, web, &(struct hello){ .sni = "2001:db8::1" }, 1460);
	hello_to(c, at_s(4), 5005, web, &(struct hello){ .sni = "a\x1b]0;\x07\"<\x80" "b.example.com" }, 1460); /* told escaped */
	patched(c, at_s(5), 5006, 6, "\xff\xff\xff", 3);     /* a handshake of 16 MiB */
	patched(c, at_s(6), 5007, 3, "\0\4", 2);             /* a record that ends within the handshake header */
	patched(c, at_s(7), 5008, 43, "\xff", 1);            /* a session id of 255 octets */
	patched(c, at_s(8), 5009, 90, "\xff\xff", 2);        /* an extension that is longer than all */
	patched(c, at_s(9), 5010, 92, "\xff\xff", 2);        /* a name list that is longer than its extension */
	patched(c, at_s(10), 5011, 94, "\1", 1);             /* a name type that is no host_name */
	patched(c, at_s(11), 5012, 95, "\xff\xff", 2);       /* a name that is longer than its list */
	patched(c, at_s(12), 5013, 0, "\x17", 1);            /* application data */
	behind_plain_text(c, at_s(13), 5014);
	over_udp(c, at_s(14), 5015);
	client_hello(&two, &(struct hello){ .sni = "first.example.com" });
	client_hello(&two, &(struct hello){ .sni = "second.example.com" });
	connection(c, at_s(15), 5016, web, &two, 1460);      /* the first one counts */
}

void theme_tls(const char *dir)
{
	static const struct capture_row rows[] = {
		{ "tls-good", { .link = LINK_ETHERNET }, good },
		{ "tls-good6", { .link = LINK_ETHERNET }, good_v6 },
		{ "tls-truncated", { .link = LINK_ETHERNET }, truncated },
		{ "tls-hostile", { .link = LINK_ETHERNET }, hostile },
	};

	WRITE_CAPTURES(dir, rows);
}
