/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_attach.c - the programs of one interface: native XDP, else TCX, else a clsact filter for what comes in; TCX, else clsact for
 * what goes out. Links end with the process; a clsact filter has a handle and priority of ours and is taken away by them. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <string.h>
#include <unistd.h>
#include "../base/log.h"
#include "xdp.h"
#include "xdp_device.h"
#include "xdp_dispatch.h"
#include "xdp_links.h"

const char *const xdp_mode_text[] = {
	[XDP_MODE_NONE] = "none", [XDP_MODE_NATIVE] = "xdp_native", [XDP_MODE_GENERIC] = "xdp_generic", [XDP_MODE_TCX] = "tcx", [XDP_MODE_CLSACT] = "clsact",
	[XDP_MODE_DISPATCHER] = "xdp_dispatcher",
};

/* What is being attached, for the steps of the ladder. */
struct ladder {
	const struct xdp_object *object;
	const char *name;                         /* of the interface */
	unsigned ifindex;
	int tc_program;
};

static int link_xdp(const struct ladder *ladder, uint32_t flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
	int fd = bpf_link_create(ladder->object->programs[XDP_PROGRAM_XDP], (int)ladder->ifindex, BPF_XDP, &options);

	return fd < 0 ? -errno : fd;
}

static int link_tcx(const struct ladder *ladder, int type)
{
	int fd = bpf_link_create(ladder->tc_program, (int)ladder->ifindex, (enum bpf_attach_type)type, NULL);

	return fd < 0 ? -errno : fd;
}

static int filter_of(const struct ladder *ladder, enum bpf_tc_attach_point point, bool attach)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ladder->ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = XDP_FILTER_HANDLE, .priority = XDP_FILTER_PRIORITY);
	int err = attach ? bpf_tc_hook_create(&hook) : 0;

	if (err && err != -EEXIST)                /* a qdisc that is there already stays as it is, also afterwards */
		return err;
	if (!attach)
		return bpf_tc_detach(&hook, &options);
	options.prog_fd = ladder->tc_program;
	options.flags = BPF_TC_F_REPLACE;         /* one that a killed run left behind */
	return bpf_tc_attach(&hook, &options);
}

static const char *why(int err)
{
	switch (err) {
	case -EOPNOTSUPP: return "the driver has no native XDP";
	case -EBUSY: return "another XDP program is there";
	case -EEXIST: return "an XDP program of another mode is there";
	case -ERANGE: return "the driver takes no XDP at this MTU";
	case -EINVAL: return "the kernel or the driver does not know it";
	case -EPERM: return "CAP_NET_ADMIN is missing";
	default: return strerror(-err);
	}
}

static void say(const struct ladder *ladder, const char *hook, const char *step, int err)
{
	log_info("interface %s: %s: not %s: %s (%s)", ladder->name, hook, step, why(err), strerror(-err));
}

static int attach_tc(const struct ladder *ladder, const char *hook, int tcx_type, enum bpf_tc_attach_point point, int *link, enum xdp_mode *mode)
{
	int err = link_tcx(ladder, tcx_type);

	*link = -1;
	if (err >= 0) {
		*link = err;
		*mode = XDP_MODE_TCX;
		return 0;
	}
	say(ladder, hook, "tcx", err);
	err = filter_of(ladder, point, true);
	if (err) {
		say(ladder, hook, "clsact", err);
		return err;
	}
	*mode = XDP_MODE_CLSACT;
	return 0;
}

/* What is known beforehand, so that a driver is not asked for what it would do badly. */
static bool may_be_native(const struct ladder *ladder)
{
	struct xdp_device device;
	char reason[160];

	if (xdp_device_read(&device, ladder->ifindex))
		return true;
	device.xdp_program = 0;                   /* what to do about another program depends on how the kernel refuses */
	if (!xdp_device_refuses(&device, reason, sizeof(reason)))
		return true;
	log_info("interface %s: ingress: not native XDP: %s", ladder->name, reason);
	return false;
}

/* Beside another program, where that one came by libxdp. */
static int attach_beside(struct xdp_attachment *a, const struct ladder *ladder)
{
	struct bpf_object *again = xdp_object_reopen(ladder->object);
	int err = again ? xdp_dispatch_join(&a->dispatch, again, xdp_object_program, ladder->name, ladder->ifindex) : -errno;

	if (!err)
		a->ingress = XDP_MODE_DISPATCHER;
	return err;
}

/* The XDP step of the ladder. 0: attached. */
static int attach_xdp(struct xdp_attachment *a, const struct ladder *ladder, const char *wish)
{
	bool is_generic = !strcmp(wish, "generic");
	int fd;

	if (!is_generic && !may_be_native(ladder))
		return -EOPNOTSUPP;
	fd = link_xdp(ladder, is_generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
	if (fd < 0) {
		say(ladder, "ingress", is_generic ? "generic XDP" : "native XDP", fd);
		return fd == -EBUSY && !is_generic ? attach_beside(a, ladder) : fd;
	}
	if (is_generic)
		log_warn("interface %s: generic XDP sees packets after GRO: counts of packets are too low", ladder->name);
	a->ingress_link = fd;
	a->ingress = is_generic ? XDP_MODE_GENERIC : XDP_MODE_NATIVE;
	return 0;
}

int xdp_attach(struct xdp_attachment *out, const struct xdp_object *object, const struct xdp_link *link, const char *wish)
{
	struct ladder ladder = { object, link->name, link->index, object->programs[link->is_l3 ? XDP_PROGRAM_TC_L3 : XDP_PROGRAM_TC] };
	bool may_xdp = strcmp(wish, "off") != 0 && !link->is_l3, may_tc = strcmp(wish, "native") != 0 && strcmp(wish, "generic") != 0;
	int err = -EOPNOTSUPP;

	*out = (struct xdp_attachment){ .ifindex = link->index, .ingress_link = -1, .egress_link = -1 };
	if (may_xdp)
		err = attach_xdp(out, &ladder, wish);
	if (err && may_tc)
		err = attach_tc(&ladder, "ingress", XDP_ATTACH_TCX_INGRESS, BPF_TC_INGRESS, &out->ingress_link, &out->ingress);
	if (!err && !link->is_loopback)
		err = attach_tc(&ladder, "egress", XDP_ATTACH_TCX_EGRESS, BPF_TC_EGRESS, &out->egress_link, &out->egress);
	if (err) {
		xdp_detach(out);
		return err;
	}
	log_info("interface %s: mode=%s ingress, %s egress", link->name, xdp_mode_text[out->ingress], xdp_mode_text[out->egress]);
	return 0;
}

void xdp_detach(struct xdp_attachment *a)
{
	struct ladder ladder = { .ifindex = a->ifindex };

	xdp_dispatch_leave(a->dispatch);
	if (a->ingress_link >= 0)
		close(a->ingress_link);
	if (a->egress_link >= 0)
		close(a->egress_link);
	if (a->ingress == XDP_MODE_CLSACT)
		filter_of(&ladder, BPF_TC_INGRESS, false);
	if (a->egress == XDP_MODE_CLSACT)
		filter_of(&ladder, BPF_TC_EGRESS, false);
	*a = (struct xdp_attachment){ .ingress_link = -1, .egress_link = -1 };
}
