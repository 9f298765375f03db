/* SPDX-License-Identifier: Apache-2.0 */
/* feed.h - from a captured frame to a delta of one packet; what capture files and live libpcap share. */
#ifndef DEVOURER_FEED_H
#define DEVOURER_FEED_H
#include <pcap/pcap.h>
#include "link.h"
#include "source.h"

struct fragments;

struct feed {
	struct source_out out;
	struct source_stats stats;
	struct fragments *fragments;
};

/* 0 or -errno. feed_close() also takes one that was only zeroed. */
int feed_open(struct feed *feed, const struct source_out *out);
void feed_close(struct feed *feed);

/* The time of a record in nanoseconds; `header->ts` counts nanoseconds when `is_nano`, else microseconds. What no clock can mean is clamped and counted. */
uint64_t feed_time_ns(struct feed *feed, const struct pcap_pkthdr *header, bool is_nano);

/* Count one frame, and hand it over if it belongs to a flow. */
void feed_frame(struct feed *feed, link_parser *parse, uint8_t interface, const struct pcap_pkthdr *header, const uint8_t *frame, uint64_t now_ns);
#endif
