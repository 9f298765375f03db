/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_netlink.h - one question to the kernel by netlink(7), answered by any number of messages. */
#ifndef DEVOURER_XDP_NETLINK_H
#define DEVOURER_XDP_NETLINK_H
#include <linux/netlink.h>
#include <stddef.h>

/* Ask what stands behind `request`, whose flags are completed here, and give each answer to `take`, which returns 0 or -errno
 * to end with. `protocol` as of socket(2): NETLINK_ROUTE, NETLINK_GENERIC. 0, or -errno of the kernel or of `take`. */
int xdp_netlink_ask(int protocol, struct nlmsghdr *request, int (*take)(void *ctx, const struct nlmsghdr *message), void *ctx);

/* The attributes of `message` behind `header_len` octets of its own header; of one attribute those within it. */
struct xdp_attributes { const void *first; size_t len; };
struct xdp_attributes xdp_netlink_attributes(const struct nlmsghdr *message, size_t header_len);
struct xdp_attributes xdp_netlink_nested(struct xdp_attributes in, unsigned type);

/* The first attribute of `type` as a number of `size` octets (0 when there is none), or as text (at most `size` with the 0). */
unsigned long long xdp_netlink_number(struct xdp_attributes in, unsigned type, size_t size);
void xdp_netlink_text(struct xdp_attributes in, unsigned type, char *out, size_t size);
#endif
