/* SPDX-License-Identifier: Apache-2.0 */
/* feed.c - one frame: parse, find the flow of a fragment, count, hand over. */
#include <errno.h>
#include <string.h>
#include "../base/random.h"
#include "../base/time.h"
#include "feed.h"
#include "fragments.h"

/* The longest frame that is believed: a BIG TCP segment before it is cut (524,280 octets) with its headers. */
#define WIRE_LEN_MAX (1u << 20)

const char *const packet_verdict_text[PKT_VERDICTS] = {
	[PKT_OK] = "recorded",
	[PKT_NOT_IP] = "not_ip",
	[PKT_L2_SHORT] = "link_header_short",
	[PKT_IP_SHORT] = "ip_header_short",
	[PKT_IP_VERSION] = "ip_version_wrong",
	[PKT_IP_LENGTH] = "ip_length_wrong",
	[PKT_OTHER_TRANSPORT] = "other_protocol",
	[PKT_TOO_DEEP] = "headers_too_deep",
};

int feed_open(struct feed *feed, const struct source_out *out)
{
	uint64_t seed[2];
	int err = random_fill(seed, sizeof(seed));

	memset(feed, 0, sizeof(*feed));
	if (err)
		return err;
	feed->out = *out;
	feed->fragments = fragments_new(seed);
	return feed->fragments ? 0 : -ENOMEM;
}

void feed_close(struct feed *feed)
{
	fragments_free(feed->fragments);
	feed->fragments = NULL;
}

uint64_t feed_time_ns(struct feed *feed, const struct pcap_pkthdr *header, bool is_nano)
{
	int64_t seconds = header->ts.tv_sec;
	uint64_t fraction = (uint64_t)header->ts.tv_usec, per_s = is_nano ? NS_PER_S : NS_PER_S / NS_PER_US;

	if (seconds < 0 && seconds >= INT32_MIN)  /* libpcap extends the sign of what is unsigned in pcap files: 2038 to 2106 */
		seconds = (uint32_t)seconds;
	if (seconds >= 0 && seconds < INT64_MAX / (int64_t)NS_PER_S && fraction < per_s)
		return (uint64_t)seconds * NS_PER_S + fraction * (NS_PER_S / per_s);
	feed->stats.times_clamped++;
	if (seconds < 0)
		return 0;
	if (seconds >= INT64_MAX / (int64_t)NS_PER_S)
		return INT64_MAX;
	return (uint64_t)seconds * NS_PER_S + NS_PER_S - 1;
}

/* The frame's length on the wire; one that cannot be is replaced by what was captured. */
static uint32_t wire_len(struct feed *feed, const struct pcap_pkthdr *header)
{
	if (header->len >= header->caplen && header->len <= WIRE_LEN_MAX)
		return header->len;
	feed->stats.lengths_clamped++;
	return header->caplen;
}

static void find_ports(struct feed *feed, struct packet *p, uint64_t now_ns)
{
	if (p->protocol != PKT_TCP && p->protocol != PKT_UDP)
		return;
	if (p->flags & PKT_FIRST_FRAGMENT)
		fragments_add(feed->fragments, p, now_ns);
	else if (fragments_join(feed->fragments, p, now_ns))
		feed->stats.fragments_joined++;
	else
		feed->stats.fragments_alone++;
}

void feed_frame(struct feed *feed, link_parser *parse, uint8_t interface, const struct pcap_pkthdr *header, const uint8_t *frame, uint64_t now_ns)
{
	struct packet p;
	struct flow_delta delta;
	uint32_t octets = wire_len(feed, header);

	feed->stats.seen++;
	feed->stats.octets += octets;
	feed->stats.last_ns = now_ns;
	if (parse(frame, header->caplen, &p) != PKT_OK) {
		feed->stats.not_recorded[p.verdict]++;
		return;
	}
	if (p.flags & (PKT_FIRST_FRAGMENT | PKT_LATER_FRAGMENT))
		find_ports(feed, &p, now_ns);
	delta.from_high = flow_key_orient(&p, &delta.key);
	delta.packets = 1;
	delta.octets = octets;
	delta.first_ns = delta.last_ns = now_ns;
	delta.packet = &p;
	delta.tcp_flags = p.tcp_flags;
	delta.interface = interface;
	delta.is_aggregate = delta.syn_again = 0;
	delta.tag = 0;
	feed->out.delta(feed->out.ctx, &delta, frame, header->caplen);
}
