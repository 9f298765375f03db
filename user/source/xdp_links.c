/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_links.c - RTM_GETLINK and the RTNLGRP_LINK group (rtnetlink(7)), and the patterns of --interface. */
#include <errno.h>
#include <fnmatch.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "../base/log.h"
#include "xdp_links.h"

#define PATTERN_MAX 256

static int open_netlink(uint32_t groups, int flags)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE), err;

	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int xdp_links_open(void)
{
	return open_netlink(RTMGRP_LINK, SOCK_NONBLOCK);
}

bool xdp_links_news(int fd)
{
	char buffer[8192];
	bool any = false;

	/* ENOBUFS: there was more news than the socket holds, so look anyway. */
	while (recv(fd, buffer, sizeof(buffer), 0) > 0 || errno == ENOBUFS)
		any = true;
	return any;
}

static void fill_link(struct xdp_link *link, const struct nlmsghdr *message)
{
	const struct ifinfomsg *info = NLMSG_DATA(message);
	const struct rtattr *attribute = IFLA_RTA(info);
	int len = (int)IFLA_PAYLOAD(message);

	*link = (struct xdp_link){ .index = (unsigned)info->ifi_index, .is_up = info->ifi_flags & IFF_UP,
				   .is_l3 = info->ifi_type != ARPHRD_ETHER && info->ifi_type != ARPHRD_LOOPBACK,
				   .is_loopback = info->ifi_flags & IFF_LOOPBACK };
	for (; RTA_OK(attribute, len); attribute = RTA_NEXT(attribute, len)) {
		if (attribute->rta_type == IFLA_IFNAME)
			snprintf(link->name, sizeof(link->name), "%s", (const char *)RTA_DATA(attribute));
		if (attribute->rta_type == IFLA_STATS64 && RTA_PAYLOAD(attribute) >= sizeof(struct rtnl_link_stats64)) {
			struct rtnl_link_stats64 stats;

			memcpy(&stats, RTA_DATA(attribute), sizeof(stats));
			link->rx_packets = stats.rx_packets;
			link->tx_packets = stats.tx_packets;
		}
	}
}

/* One datagram of the dump. 0: more to come; 1: the end; -errno. */
static int take_messages(const char *buffer, size_t len, struct xdp_link *out, size_t max, size_t *count)
{
	const struct nlmsghdr *message = (const void *)buffer;

	for (; NLMSG_OK(message, len); message = NLMSG_NEXT(message, len)) {
		if (message->nlmsg_type == NLMSG_DONE)
			return 1;
		if (message->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(message))->error ?: -EIO;
		if (message->nlmsg_type == RTM_NEWLINK && *count < max)
			fill_link(&out[(*count)++], message);
	}
	return 0;
}

int xdp_links_list(struct xdp_link *out, size_t max)
{
	struct { struct nlmsghdr header; struct ifinfomsg info; } request = {
		.header = { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
	};
	char buffer[32768];                       /* the kernel fills at most this at a time */
	size_t count = 0;
	int fd = open_netlink(0, 0), status = fd < 0 ? fd : 0;

	if (fd < 0)
		return fd;
	if (send(fd, &request, sizeof(request), 0) < 0)
		status = -errno;
	while (!status) {
		ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

		if (n < 0 && errno == EINTR)
			continue;
		status = n < 0 ? -errno : take_messages(buffer, (size_t)n, out, max, &count);
	}
	close(fd);
	return status < 0 ? status : (int)count;
}

bool xdp_links_is_pattern(const char *text)
{
	return !strcmp(text, "any") || text[0] == '/' || strpbrk(text, "*?[");
}

/* "/…/" */
static int match_regex(const char *name, const char *pattern)
{
	char text[PATTERN_MAX], why[128];
	size_t len = strlen(pattern);
	regex_t regex;
	int err;

	if (len < 2 || len >= sizeof(text) || pattern[len - 1] != '/') {
		log_error("--interface %s: a regular expression stands between slashes and has at most %d octets", pattern, PATTERN_MAX - 2);
		return -EINVAL;
	}
	snprintf(text, sizeof(text), "%.*s", (int)len - 2, pattern + 1);
	err = regcomp(&regex, text, REG_EXTENDED | REG_NOSUB);
	if (err) {
		regerror(err, &regex, why, sizeof(why));
		log_error("--interface %s: %s", pattern, why);
		return -EINVAL;
	}
	err = regexec(&regex, name, 0, NULL, 0);
	regfree(&regex);
	return !err;
}

int xdp_links_match(const char *name, char *const *patterns, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int match = patterns[i][0] == '/' ? match_regex(name, patterns[i]) :
			    !strcmp(patterns[i], "any") || !fnmatch(patterns[i], name, 0);

		if (match)
			return match;
	}
	return 0;
}
