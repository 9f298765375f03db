/* SPDX-License-Identifier: Apache-2.0 */
/* theme_load.c - not a golden capture but a long one, for benchmarks: look-ups, TLS connections and their packets, interleaved. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "messages.h"
#include "talk.h"
#include "themes.h"

#define AT_ONCE 512                               /* connections that are open at a time */
#define PACKET_US 20

struct connection {
	char mac[18], client[16], server[16], name[40];
	struct talk talk;
	unsigned left;                            /* packets to come */
};

static void look_up(struct capture *c, uint64_t ns, const struct connection *k, unsigned number)
{
	struct end client = { k->mac, k->client, 1024 + number % 60000 }, server = resolver;
	struct blob question = { 0 }, answer = { 0 };

	dns_question(&question, number & 0xffff, k->name, DNS_A);
	say_udp(c, ns, client, server, &question);
	dns(&answer, &(struct dns_message){ .id = number & 0xffff, .flags = DNS_ANSWER, .question = k->name, .type = DNS_A,
					    .answers = { { k->name, DNS_A, 300, k->server, 0 } } });
	say_udp(c, ns + 5000, server, client, &answer);
}

static void connect_to(struct capture *c, struct connection *k, unsigned number, unsigned packets, uint64_t ns)
{
	struct blob octets = { 0 };

	snprintf(k->mac, sizeof(k->mac), "02:00:01:%02x:%02x:%02x", number >> 16 & 255, number >> 8 & 63, number & 255);
	snprintf(k->client, sizeof(k->client), "10.%u.%u.%u", number >> 16 & 255, number >> 8 & 63, number & 255);
	snprintf(k->server, sizeof(k->server), "198.18.%u.%u", number >> 5 & 255, number & 31);
	snprintf(k->name, sizeof(k->name), "www.site%u.example", number & 8191);
	if (number % 2 == 0)
		look_up(c, ns, k, number);
	k->talk = talk_begin(c, ns + 10000, (struct end){ k->mac, k->client, 20000 + number % 40000 }, (struct end){ ROUTER_MAC, k->server, 443 });
	k->talk.step_ns = PACKET_US * 1000;
	talk_open(&k->talk);
	client_hello(&octets, &(struct hello){ .sni = k->name, .key_share_len = 32 });
	talk_ask(&k->talk, octets.octets, octets.len);
	k->left = packets > 8 ? packets - 8 : 1;
}

/* Every connection by the same number of packets, a data packet of each in turn. */
void write_load(const char *dir, unsigned flows, unsigned packets)
{
	static const char data[1200];
	static struct connection open[AT_ONCE];
	struct capture *c = capture_open(dir, "load.pcap", &(struct capture_format){ .link = LINK_ETHERNET });
	unsigned begun = 0, each = packets / (flows ? flows : 1);
	uint64_t ns = at_s(0);

	for (unsigned left = 1; left;) {
		left = flows - begun;
		for (unsigned i = 0; i < AT_ONCE; i++, ns += PACKET_US * 1000) {
			struct connection *k = &open[i];

			if (!k->left && begun < flows)
				connect_to(c, k, begun++, each, ns);
			if (!k->left)
				continue;
			k->talk.ns = ns;
			talk_reply(&k->talk, data, k->left % 2 ? sizeof(data) : 64);
			left += --k->left;
		}
	}
	capture_close(c);
}
