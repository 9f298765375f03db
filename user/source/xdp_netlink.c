/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_netlink.c - sends one request, reads messages until the acknowledgement or the end of the dump, and finds attributes. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "xdp_netlink.h"

/* One datagram. 0: more to come; 1: the end; -errno. */
static int take_messages(const char *buffer, size_t len, int (*take)(void *ctx, const struct nlmsghdr *message), void *ctx)
{
	const struct nlmsghdr *message = (const void *)buffer;
	int err = 0;

	for (; !err && NLMSG_OK(message, len); message = NLMSG_NEXT(message, len)) {
		if (message->nlmsg_type == NLMSG_DONE)
			return 1;
		if (message->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(message))->error ?: 1;
		err = take(ctx, message);
	}
	return err;
}

int xdp_netlink_ask(int protocol, struct nlmsghdr *request, int (*take)(void *ctx, const struct nlmsghdr *message), void *ctx)
{
	char buffer[32768];                       /* the kernel fills at most this at a time */
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), status = 0;

	if (fd < 0)
		return -errno;
	request->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (send(fd, request, request->nlmsg_len, 0) < 0)
		status = -errno;
	while (!status) {
		ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

		if (n < 0 && errno == EINTR)
			continue;
		status = n < 0 ? -errno : take_messages(buffer, (size_t)n, take, ctx);
	}
	close(fd);
	return status < 0 ? status : 0;
}

struct xdp_attributes xdp_netlink_attributes(const struct nlmsghdr *message, size_t header_len)
{
	size_t before = NLMSG_HDRLEN + NLMSG_ALIGN(header_len);

	if (message->nlmsg_len < before)
		return (struct xdp_attributes){ 0 };
	return (struct xdp_attributes){ (const char *)message + before, message->nlmsg_len - before };
}

static const struct rtattr *find(struct xdp_attributes in, unsigned type)
{
	const struct rtattr *attribute = in.first;
	size_t len = in.len;

	for (; len && RTA_OK(attribute, len); attribute = RTA_NEXT(attribute, len))
		if ((attribute->rta_type & NLA_TYPE_MASK) == type)
			return attribute;
	return NULL;
}

struct xdp_attributes xdp_netlink_nested(struct xdp_attributes in, unsigned type)
{
	const struct rtattr *attribute = find(in, type);

	return attribute ? (struct xdp_attributes){ RTA_DATA(attribute), RTA_PAYLOAD(attribute) } : (struct xdp_attributes){ 0 };
}

unsigned long long xdp_netlink_number(struct xdp_attributes in, unsigned type, size_t size)
{
	const struct rtattr *attribute = find(in, type);
	__u64 value64 = 0;
	__u32 value32 = 0;
	__u8 value8 = 0;
	void *value = size == 8 ? (void *)&value64 : size == 4 ? (void *)&value32 : &value8;

	if (attribute && RTA_PAYLOAD(attribute) >= size)
		memcpy(value, RTA_DATA(attribute), size);
	return size == 8 ? value64 : size == 4 ? value32 : value8;
}

void xdp_netlink_text(struct xdp_attributes in, unsigned type, char *out, size_t size)
{
	const struct rtattr *attribute = find(in, type);

	snprintf(out, size, "%.*s", attribute ? (int)RTA_PAYLOAD(attribute) : 0, attribute ? (const char *)RTA_DATA(attribute) : "");
}
