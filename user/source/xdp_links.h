/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_links.h - the interfaces of the network namespace, and word when they change (rtnetlink). */
#ifndef DEVOURER_XDP_LINKS_H
#define DEVOURER_XDP_LINKS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct xdp_link {
	unsigned index;
	char name[16];                            /* IFNAMSIZ */
	bool is_up;
	bool is_l3;                               /* no Ethernet header: tun, ppp, wg */
	bool is_loopback;
	uint64_t rx_packets, tx_packets;          /* of the device's own counters */
};

/* A netlink socket that hears of links. A descriptor, or -errno. Needs no capability. */
int xdp_links_open(void);

/* Throw away the news; true: there were some. */
bool xdp_links_news(int fd);

/* All interfaces, in the order of their indices: how many of `max`, or -errno. */
int xdp_links_list(struct xdp_link *out, size_t max);

/* Does one of `patterns` (a name, a glob, /an extended regular expression/, any) match? 1, 0; -EINVAL: a broken one (logged). */
int xdp_links_match(const char *name, char *const *patterns, size_t count);

/* Is it more than a plain name, so that having no such interface now is no fault? */
bool xdp_links_is_pattern(const char *text);
#endif
