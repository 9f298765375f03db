/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_device.c - an interface by rtnetlink(7), ethtool's ioctl and the kernel's netdev family, and the rules for its mode. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/genetlink.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "xdp_device.h"
#include "xdp_netlink.h"

/* linux/netdev.h of kernel 6.3, which older headers lack. */
#define NETDEV_DEV_GET 1
#define NETDEV_IFINDEX 1
#define NETDEV_XDP_FEATURES 3
#define NETDEV_XDP_BASIC 1u
#define NETDEV_XDP_RX_SG 32u

/* ---- rtnetlink: what ip link shows ---- */

static const char *type_name(uint16_t type)
{
	switch (type) {
	case ARPHRD_ETHER: return "ether";
	case ARPHRD_LOOPBACK: return "loopback";
	case ARPHRD_PPP: return "ppp";
	case ARPHRD_NONE: return "none";
	default: return "other";
	}
}

static int take_link(void *ctx, const struct nlmsghdr *message)
{
	struct xdp_device *d = ctx;
	const struct ifinfomsg *info = NLMSG_DATA(message);
	struct xdp_attributes attributes = xdp_netlink_attributes(message, sizeof(*info));
	struct xdp_attributes xdp = xdp_netlink_nested(attributes, IFLA_XDP);

	if (message->nlmsg_type != RTM_NEWLINK)
		return 0;
	d->index = (unsigned)info->ifi_index;
	d->is_up = info->ifi_flags & IFF_UP;
	d->is_loopback = info->ifi_flags & IFF_LOOPBACK;
	d->is_l3 = info->ifi_type != ARPHRD_ETHER && info->ifi_type != ARPHRD_LOOPBACK;
	d->mtu = (uint32_t)xdp_netlink_number(attributes, IFLA_MTU, 4);
	d->xdp_program = (uint32_t)xdp_netlink_number(xdp, IFLA_XDP_PROG_ID, 4);
	if (!d->xdp_program && xdp_netlink_number(xdp, IFLA_XDP_ATTACHED, 1) == XDP_ATTACHED_MULTI)
		d->xdp_program = (uint32_t)xdp_netlink_number(xdp, IFLA_XDP_DRV_PROG_ID, 4);
	xdp_netlink_text(attributes, IFLA_IFNAME, d->name, sizeof(d->name));
	xdp_netlink_text(xdp_netlink_nested(attributes, IFLA_LINKINFO), IFLA_INFO_KIND, d->type, sizeof(d->type));
	if (!*d->type)
		snprintf(d->type, sizeof(d->type), "%s", type_name(info->ifi_type));
	return 0;
}

static int ask_link(struct xdp_device *d, unsigned index)
{
	struct { struct nlmsghdr header; struct ifinfomsg info; } request = {
		.header = { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETLINK }, .info = { .ifi_index = (int)index },
	};

	return xdp_netlink_ask(NETLINK_ROUTE, &request.header, take_link, d);
}

/* ---- generic netlink: which XDP features the driver tells ---- */

struct generic_request {
	struct nlmsghdr header;
	struct genlmsghdr generic;
	struct nlattr attribute;
	char value[8];
};

static struct generic_request generic_request(uint16_t family, uint8_t command, uint16_t type, const void *value, uint16_t len)
{
	struct generic_request request = {
		.header = { .nlmsg_len = sizeof(request) - sizeof(request.value) + NLA_ALIGN(len), .nlmsg_type = family },
		.generic = { .cmd = command, .version = 1 },
		.attribute = { .nla_len = (uint16_t)(NLA_HDRLEN + len), .nla_type = type },
	};

	memcpy(request.value, value, len);
	return request;
}

static int take_family(void *ctx, const struct nlmsghdr *message)
{
	uint16_t *family = ctx;
	struct xdp_attributes attributes = xdp_netlink_attributes(message, sizeof(struct genlmsghdr));
	struct xdp_attributes id = xdp_netlink_nested(attributes, CTRL_ATTR_FAMILY_ID);

	if (message->nlmsg_type == GENL_ID_CTRL && id.len >= sizeof(*family))
		memcpy(family, id.first, sizeof(*family));
	return 0;
}

static int take_features(void *ctx, const struct nlmsghdr *message)
{
	struct xdp_device *d = ctx;
	struct xdp_attributes attributes = xdp_netlink_attributes(message, sizeof(struct genlmsghdr));
	unsigned long long features = xdp_netlink_number(attributes, NETDEV_XDP_FEATURES, 8);

	d->tells_features = true;
	d->has_xdp = features & NETDEV_XDP_BASIC;
	d->has_fragments = features & NETDEV_XDP_RX_SG;
	return 0;
}

static void ask_features(struct xdp_device *d)
{
	uint16_t family = 0;
	uint32_t index = d->index;
	struct generic_request request = generic_request(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, "netdev", sizeof("netdev"));

	if (xdp_netlink_ask(NETLINK_GENERIC, &request.header, take_family, &family) || !family)
		return;
	request = generic_request(family, NETDEV_DEV_GET, NETDEV_IFINDEX, &index, sizeof(index));
	xdp_netlink_ask(NETLINK_GENERIC, &request.header, take_features, d);
}

/* ---- ethtool ---- */

static uint32_t ethtool_value(int fd, const char name[16], uint32_t command)
{
	struct ethtool_value value = { .cmd = command };
	struct ifreq request = { .ifr_data = (void *)&value };

	memcpy(request.ifr_name, name, sizeof(request.ifr_name));
	return ioctl(fd, SIOCETHTOOL, &request) < 0 ? 0 : value.data;
}

/* Any kind of socket takes the ioctl: this one needs no network. */
static void ask_ethtool(struct xdp_device *d)
{
	struct ethtool_drvinfo driver = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq request = { .ifr_data = (void *)&driver };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	memcpy(request.ifr_name, d->name, sizeof(request.ifr_name));
	if (ioctl(fd, SIOCETHTOOL, &request) == 0)
		snprintf(d->driver, sizeof(d->driver), "%.31s", driver.driver);
	d->offloads = (ethtool_value(fd, d->name, ETHTOOL_GGRO) ? OFFLOAD_GRO : 0) |
		      (ethtool_value(fd, d->name, ETHTOOL_GFLAGS) & ETH_FLAG_LRO ? OFFLOAD_LRO : 0) |
		      (ethtool_value(fd, d->name, ETHTOOL_GGSO) ? OFFLOAD_GSO : 0) |
		      (ethtool_value(fd, d->name, ETHTOOL_GTSO) ? OFFLOAD_TSO : 0);
	close(fd);
}

/* ---- TCX ---- */

/* The list of its programs, as a question that a kernel before 6.6 does not know. Without CAP_NET_ADMIN by the release alone. */
static bool ask_tcx(unsigned index)
{
	struct utsname system;
	unsigned major = 0, minor = 0;
	uint32_t count = 0;

	if (!bpf_prog_query((int)index, (enum bpf_attach_type)XDP_ATTACH_TCX_EGRESS, 0, NULL, NULL, &count))
		return true;
	if (errno == EINVAL || uname(&system) < 0)
		return false;
	sscanf(system.release, "%u.%u", &major, &minor);
	return major > 6 || (major == 6 && minor >= 6);
}

void xdp_device_program_name(uint32_t id, char out[16])
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	*out = 0;
	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len))
		snprintf(out, 16, "%s", info.name);
	close(fd);
}

/* A program joins a dispatcher by replacing a function of it, which not every kernel lets it do. */
static bool ask_shared(uint32_t program)
{
	char name[16];

	xdp_device_program_name(program, name);
	return !strcmp(name, "xdp_dispatcher") && libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_EXT, NULL) > 0;
}

int xdp_device_read(struct xdp_device *out, unsigned index)
{
	int err;

	memset(out, 0, sizeof(*out));
	err = ask_link(out, index);
	if (err)
		return err;
	ask_features(out);
	ask_ethtool(out);
	out->has_tcx = ask_tcx(index);
	out->is_shared = out->xdp_program && ask_shared(out->xdp_program);
	return 0;
}

/* ---- the rules ---- */

static const char *driver_of(const struct xdp_device *d)
{
	return *d->driver ? d->driver : d->type;
}

bool xdp_device_refuses(const struct xdp_device *d, char *why, size_t size)
{
	if (d->is_l3)
		snprintf(why, size, "no Ethernet header, which XDP needs");
	else if (!strcmp(d->type, "tun"))
		snprintf(why, size, "a guest's frames may come before offload has cut them, and XDP cannot see how many they are");
	else if (d->tells_features && !d->has_xdp)
		snprintf(why, size, "its driver (%s) has no native XDP", driver_of(d));
	else if (d->tells_features && !d->has_fragments && d->mtu > XDP_MTU_MAX)
		snprintf(why, size, "its MTU %u is over %d, and its driver (%s) takes no larger frames with XDP", d->mtu, XDP_MTU_MAX,
			 driver_of(d));
	else if (d->xdp_program && !d->is_shared)
		snprintf(why, size, "another XDP program (id %u) is attached", d->xdp_program);
	else
		return false;
	return true;
}

static void set_cure(const struct xdp_device *d, struct xdp_plan *out)
{
	if (d->is_l3)
		return;
	if (!strcmp(d->type, "tun") || (d->tells_features && !d->has_xdp))
		snprintf(out->cure, sizeof(out->cure), "none is needed: TC counts the same packets, at a higher cost each");
	else if (d->tells_features && !d->has_fragments && d->mtu > XDP_MTU_MAX)
		snprintf(out->cure, sizeof(out->cure), "'ip link set %s mtu %d' or lower, or none: TC counts the same packets", d->name,
			 XDP_MTU_MAX);
	else
		snprintf(out->cure, sizeof(out->cure), "'ip link set %s xdp off' when that program is not wanted, "
			 "or none: TC counts the same packets", d->name);
}

/* Of the devices that the kernel makes itself only these had native XDP before 6.3, when it began to tell. */
static bool is_untold_without_xdp(const struct xdp_device *d)
{
	static const char *const others[] = { "veth", "tun", "bond", "ether", "other" };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (!strcmp(d->type, others[i]))
			return false;
	return true;
}

/* Native XDP, or the place in a dispatcher. */
static void say_native(const struct xdp_device *d, struct xdp_plan *out)
{
	out->ingress = d->is_shared ? XDP_MODE_DISPATCHER : XDP_MODE_NATIVE;
	if (d->is_shared)
		snprintf(out->why, sizeof(out->why), "beside other programs in the dispatcher of libxdp");
	else if (d->tells_features)
		snprintf(out->why, sizeof(out->why), "its driver (%s) has native XDP", driver_of(d));
	else
		snprintf(out->why, sizeof(out->why), "tried first; kernels before 6.3 do not tell whether a driver (%s) has it",
			 driver_of(d));
}

static enum xdp_mode tc_mode(const struct xdp_device *d)
{
	return d->has_tcx ? XDP_MODE_TCX : XDP_MODE_CLSACT;
}

static void plan_native(const struct xdp_device *d, struct xdp_plan *out, bool may_tc)
{
	struct xdp_device told = *d;

	if (!d->is_l3 && is_untold_without_xdp(d))
		told.tells_features = true;       /* that it has none */
	if (!xdp_device_refuses(&told, out->why, sizeof(out->why))) {
		say_native(d, out);
		return;
	}
	out->ingress = may_tc ? tc_mode(d) : XDP_MODE_NONE;
	out->is_second_best = !d->is_l3 || !may_tc;
	set_cure(&told, out);
}

void xdp_device_plan(const struct xdp_device *d, const char *wish, struct xdp_plan *out)
{
	*out = (struct xdp_plan){ .egress = d->is_loopback ? XDP_MODE_NONE : tc_mode(d) };
	if (!strcmp(wish, "off")) {
		out->ingress = tc_mode(d);
		snprintf(out->why, sizeof(out->why), "--xdp-mode off");
	} else if (strcmp(wish, "generic") != 0) {
		plan_native(d, out, !strcmp(wish, "auto"));
	} else if (d->is_l3 || d->xdp_program) {
		struct xdp_device generic = *d;   /* the driver has no say in it */

		generic.tells_features = generic.is_shared = false;
		out->is_second_best = true;
		xdp_device_refuses(&generic, out->why, sizeof(out->why));
		set_cure(&generic, out);
	} else {
		out->ingress = XDP_MODE_GENERIC;
		out->is_second_best = true;
		snprintf(out->why, sizeof(out->why), "--xdp-mode generic, which sees packets after GRO: counts of packets are too low");
		snprintf(out->cure, sizeof(out->cure), "--xdp-mode auto");
	}
}
