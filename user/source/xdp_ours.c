/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_ours.c - links by their ids, clsact filters by rtnetlink, pins by their folder, and the processes that hold them. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "xdp_device.h"
#include "xdp_dispatch.h"
#include "xdp_links.h"
#include "xdp_netlink.h"
#include "xdp_ours.h"
#include "xdp_ours_holders.h"
#include "xdp_probe.h"

#define LINK_TYPE_TCX 11                          /* enum bpf_link_type of kernel 6.6 */
#define LINKS_MAX 4096
#define FOLDERS_DEEP 4
#define PROGRAMS_MAX 64                           /* of one TCX hook (kernel: BPF_MPROG_MAX) */

static bool is_our_name(const char *name)
{
	return !strncmp(name, "devourer_", 9);
}

static struct xdp_ours *add(struct xdp_ours_list *list, const struct xdp_ours *item)
{
	struct xdp_ours *items = realloc(list->items, (list->count + 1) * sizeof(*items));

	if (!items)
		return NULL;
	list->items = items;
	items[list->count] = *item;
	return &items[list->count++];
}

/* ---- links ---- */

static bool is_in_tcx(uint32_t program, unsigned ifindex, int type)
{
	uint32_t ids[PROGRAMS_MAX], count = PROGRAMS_MAX;

	if (bpf_prog_query((int)ifindex, (enum bpf_attach_type)type, 0, NULL, ids, &count))
		return false;
	for (uint32_t i = 0; i < count && i < PROGRAMS_MAX; i++)
		if (ids[i] == program)
			return true;
	return false;
}

/* A link tells the index alone, which means another device in each network namespace. So: is the program at that hook here? */
static bool is_here(const struct xdp_ours *item, uint32_t program)
{
	struct xdp_device device;

	if (!item->ifindex || xdp_device_read(&device, item->ifindex))
		return false;
	if (item->hook == XDP_HOOK_XDP)
		return device.xdp_program == program;
	return is_in_tcx(program, item->ifindex, item->hook == XDP_HOOK_INGRESS ? XDP_ATTACH_TCX_INGRESS : XDP_ATTACH_TCX_EGRESS);
}

/* The interface whose dispatcher is the program `dispatcher`; 0: none here. */
static unsigned interface_of(uint32_t dispatcher)
{
	struct if_nameindex *all = if_nameindex();
	struct xdp_device device;
	unsigned found = 0;

	for (size_t i = 0; all && all[i].if_index && !found; i++)
		if (!xdp_device_read(&device, all[i].if_index) && device.xdp_program == dispatcher)
			found = device.index;
	if_freenameindex(all);
	return found;
}

/* A link that is a place in a dispatcher outlives its process, for libxdp pins it; so the program tells who uses it. */
static void fill_member(struct xdp_ours *item, const struct bpf_link_info *info)
{
	item->object = XDP_OBJECT_PROGRAM;
	item->id = info->prog_id;
	item->hook = XDP_HOOK_DISPATCHER;
	item->ifindex = interface_of(info->tracing.target_obj_id);
	if (item->ifindex)
		if_indextoname(item->ifindex, item->interface);
}

/* What a link of ours is attached to. False: a link of others. */
static bool fill_link(struct xdp_ours *item, int fd)
{
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info), at[2];       /* interface index and attach type, which older headers have for XDP only */

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return false;
	xdp_device_program_name(info.prog_id, item->name);
	if (!is_our_name(item->name))
		return false;
	item->object = XDP_OBJECT_LINK;
	item->id = info.id;
	memcpy(at, &info.xdp, sizeof(at));
	if (info.type == BPF_LINK_TYPE_TRACING) {
		fill_member(item, &info);
		return true;
	}
	if (info.type == BPF_LINK_TYPE_XDP)
		item->hook = XDP_HOOK_XDP;
	else if (info.type == LINK_TYPE_TCX)
		item->hook = at[1] == XDP_ATTACH_TCX_INGRESS ? XDP_HOOK_INGRESS : XDP_HOOK_EGRESS;
	else
		return true;
	item->ifindex = at[0];
	if (is_here(item, info.prog_id))
		if_indextoname(item->ifindex, item->interface);
	return true;
}

static int find_links(struct xdp_ours_list *list)
{
	uint32_t id = 0;

	while (!bpf_link_get_next_id(id, &id)) {
		struct xdp_ours item = { .kind = XDP_OURS_LINK };
		int fd = bpf_link_get_fd_by_id(id);

		if (fd < 0)
			continue;                 /* gone meanwhile */
		if (fill_link(&item, fd) && !add(list, &item)) {
			close(fd);
			return -ENOMEM;
		}
		close(fd);
	}
	list->links = errno == ENOENT ? 0 : -errno;
	return 0;
}

/* ---- clsact filters ---- */

/* Of which interface and hook, where the found ones go. */
struct filter_search {
	struct xdp_ours_list *list;
	const struct xdp_link *link;
	enum xdp_ours_hook hook;
};

/* A filter of ours by handle, priority (upper half of tcm_info) and program. libbpf names it "PROGRAM:[ID]". */
static bool fill_filter(struct xdp_ours *item, const struct nlmsghdr *message)
{
	const struct tcmsg *filter = NLMSG_DATA(message);
	struct xdp_attributes attributes, options;
	char kind[8], name[64];

	if (message->nlmsg_type != RTM_NEWTFILTER || message->nlmsg_len < NLMSG_LENGTH(sizeof(*filter)))
		return false;
	if (filter->tcm_handle != XDP_FILTER_HANDLE || filter->tcm_info >> 16 != XDP_FILTER_PRIORITY)
		return false;
	attributes = xdp_netlink_attributes(message, sizeof(*filter));
	options = xdp_netlink_nested(attributes, TCA_OPTIONS);
	xdp_netlink_text(attributes, TCA_KIND, kind, sizeof(kind));
	xdp_netlink_text(options, TCA_BPF_NAME, name, sizeof(name));
	if (strcmp(kind, "bpf") != 0 || !is_our_name(name))
		return false;
	name[strcspn(name, ":")] = 0;
	snprintf(item->name, sizeof(item->name), "%.15s", name);
	item->id = (uint32_t)xdp_netlink_number(options, TCA_BPF_ID, 4);
	item->object = XDP_OBJECT_PROGRAM;
	return true;
}

static int take_filter(void *ctx, const struct nlmsghdr *message)
{
	struct filter_search *search = ctx;
	struct xdp_ours item = { .kind = XDP_OURS_FILTER, .hook = search->hook, .ifindex = search->link->index };

	snprintf(item.interface, sizeof(item.interface), "%s", search->link->name);
	return fill_filter(&item, message) && !add(search->list, &item) ? -ENOMEM : 0;
}

/* A device without such a hook answers with nothing or an error. */
static int find_filters_of(struct xdp_ours_list *list, const struct xdp_link *link, enum xdp_ours_hook hook)
{
	struct { struct nlmsghdr header; struct tcmsg filter; } request = {
		.header = { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETTFILTER, .nlmsg_flags = NLM_F_DUMP },
		.filter = { .tcm_ifindex = (int)link->index,
			    .tcm_parent = TC_H_MAKE(TC_H_CLSACT, hook == XDP_HOOK_INGRESS ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS) },
	};
	struct filter_search search = { list, link, hook };

	return xdp_netlink_ask(NETLINK_ROUTE, &request.header, take_filter, &search) == -ENOMEM ? -ENOMEM : 0;
}

static int find_filters(struct xdp_ours_list *list)
{
	struct xdp_link *links = calloc(LINKS_MAX, sizeof(*links));
	int count = links ? xdp_links_list(links, LINKS_MAX) : -ENOMEM, err = count < 0 ? count : 0;

	for (int i = 0; !err && i < count; i++) {
		err = find_filters_of(list, &links[i], XDP_HOOK_INGRESS);
		if (!err)
			err = find_filters_of(list, &links[i], XDP_HOOK_EGRESS);
	}
	free(links);
	return err;
}

/* ---- pins ---- */

static void fill_map(struct xdp_ours *item, int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return;
	item->id = info.id;
	snprintf(item->name, sizeof(item->name), "%s", info.name);
}

static void fill_program(struct xdp_ours *item, int fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return;
	item->id = info.id;
	snprintf(item->name, sizeof(item->name), "%s", info.name);
}

/* All that lies in our folder is ours; what it holds is for the eye, and to see who uses it. */
static void fill_pin(struct xdp_ours *item)
{
	int fd = bpf_obj_get(item->path);

	if (fd < 0)
		return;
	item->object = xdp_ours_object_of(getpid(), fd);
	if (item->object == XDP_OBJECT_MAP)
		fill_map(item, fd);
	else if (item->object == XDP_OBJECT_PROGRAM)
		fill_program(item, fd);
	else if (item->object == XDP_OBJECT_LINK)
		fill_link(item, fd);
	close(fd);
}

static int find_pins(struct xdp_ours_list *list, const char *folder, int deep);

static int take_entry(struct xdp_ours_list *list, const char *folder, const char *name, int deep)
{
	struct xdp_ours item = { .kind = XDP_OURS_PIN };
	struct stat entry;

	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return 0;
	if ((size_t)snprintf(item.path, sizeof(item.path), "%s/%s", folder, name) >= sizeof(item.path) || lstat(item.path, &entry) < 0)
		return 0;
	if (S_ISDIR(entry.st_mode))
		return deep < FOLDERS_DEEP ? find_pins(list, item.path, deep + 1) : 0;
	if (S_ISREG(entry.st_mode))
		fill_pin(&item);
	return add(list, &item) ? 0 : -ENOMEM;
}

static int find_pins(struct xdp_ours_list *list, const char *folder, int deep)
{
	DIR *directory = opendir(folder);
	const struct dirent *entry;
	int err = 0;

	if (!directory)
		return errno == ENOENT ? 0 : -errno;
	while (!err && (entry = readdir(directory)))
		err = take_entry(list, folder, entry->d_name, deep);
	closedir(directory);
	return err;
}

/* ---- all ---- */

int xdp_ours_find(struct xdp_ours_list *out)
{
	int err;

	memset(out, 0, sizeof(*out));
	xdp_log_libbpf();
	err = find_links(out);
	if (!err)
		err = find_filters(out);
	if (!err)
		err = find_pins(out, XDP_PINS, 0);
	if (!err)
		xdp_ours_find_holders(out);
	return err;
}

void xdp_ours_free(struct xdp_ours_list *list)
{
	free(list->items);
	*list = (struct xdp_ours_list){ 0 };
}

static int remove_filter(const struct xdp_ours *item)
{
	enum bpf_tc_attach_point point = item->hook == XDP_HOOK_INGRESS ? BPF_TC_INGRESS : BPF_TC_EGRESS;
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)item->ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = XDP_FILTER_HANDLE, .priority = XDP_FILTER_PRIORITY);

	return bpf_tc_detach(&hook, &options);
}

/* All of ours in that dispatcher whose process is gone; the first call takes them, the next ones find nothing. */
static int remove_member(const struct xdp_ours *item)
{
	int count = *item->interface ? xdp_dispatch_clean(item->name, item->interface, item->ifindex) : -ENODEV;

	return count < 0 ? count : 0;
}

int xdp_ours_remove(const struct xdp_ours *item)
{
	if (item->kind == XDP_OURS_PIN)
		return unlink(item->path) < 0 ? -errno : 0;
	if (item->kind == XDP_OURS_FILTER)
		return remove_filter(item);
	return item->hook == XDP_HOOK_DISPATCHER ? remove_member(item) : -EINVAL;
}

static void remove_folder(const char *folder, int deep)
{
	DIR *directory = deep < FOLDERS_DEEP ? opendir(folder) : NULL;
	const struct dirent *entry;
	char path[192];

	while (directory && (entry = readdir(directory)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    (size_t)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) < sizeof(path))
			remove_folder(path, deep + 1);
	if (directory)
		closedir(directory);
	rmdir(folder);                            /* a pin, or a folder that holds one, stays */
}

void xdp_ours_remove_folders(void)
{
	remove_folder(XDP_PINS, 0);
}
