/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c - the interfaces that the options select, and the mode of each: in the kernel where that is possible, else libpcap. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../base/log.h"
#include "../base/options.h"
#include "../source/live_probe.h"
#include "plan.h"
#ifdef __linux__
#include "../source/xdp_device.h"
#include "../source/xdp_links.h"
#include "../source/xdp_probe.h"
#endif

#define ROWS_MAX 4096

/* By libpcap; `instead`: why not in the kernel. */
static void plan_pcap(struct plan_row *row, const char *instead)
{
	int err = live_probe_open();

	snprintf(row->ingress, sizeof(row->ingress), "%s", err ? "none" : "pcap");
	snprintf(row->egress, sizeof(row->egress), "%s", row->ingress);
	snprintf(row->why, sizeof(row->why), "%s%s%s", instead, err ? "; and for libpcap it lacks " : "", err ? live_probe_right : "");
	row->is_second_best = true;
}

#ifdef __linux__

static bool is_selected(const struct options *o, const char *name)
{
	const struct string_list *want = &o->interfaces, *exclude = &o->exclude_interfaces;

	return (!want->count || xdp_links_match(name, want->items, want->count) > 0) &&
	       xdp_links_match(name, exclude->items, exclude->count) <= 0;
}

static void plan_kernel(struct plan_row *row, const struct xdp_device *device, const char *wish)
{
	struct xdp_plan plan;

	xdp_device_plan(device, wish, &plan);
	snprintf(row->ingress, sizeof(row->ingress), "%s", xdp_mode_text[plan.ingress]);
	snprintf(row->egress, sizeof(row->egress), "%s", xdp_mode_text[plan.ingress == XDP_MODE_NONE ? XDP_MODE_NONE : plan.egress]);
	snprintf(row->why, sizeof(row->why), "%s", plan.why);
	snprintf(row->cure, sizeof(row->cure), "%s", plan.cure);
	row->is_second_best = plan.is_second_best;
}

static int plan_device(const struct plan *plan, struct plan_row *row, unsigned index, const struct options *o)
{
	struct xdp_device device;
	int err = xdp_device_read(&device, index);

	if (err)
		return err;
	snprintf(row->name, sizeof(row->name), "%s", device.name);
	snprintf(row->type, sizeof(row->type), "%s", device.type);
	snprintf(row->driver, sizeof(row->driver), "%s", device.driver);
	row->mtu = device.mtu;
	row->is_up = device.is_up;
	if (!strcmp(o->source, "pcap")) {
		plan_pcap(row, "--source pcap");
		row->is_second_best = false;
	} else if (!*plan->kernel_path) {
		plan_kernel(row, &device, o->xdp_mode);
	} else if (strcmp(o->source, "xdp") != 0) {
		plan_pcap(row, plan->kernel_path);
	} else {
		snprintf(row->ingress, sizeof(row->ingress), "none");
		snprintf(row->egress, sizeof(row->egress), "none");
		snprintf(row->why, sizeof(row->why), "%s", plan->kernel_path);
		row->is_second_best = true;
	}
	row->merges_packets = (!strcmp(row->ingress, "pcap") || !strcmp(row->ingress, xdp_mode_text[XDP_MODE_GENERIC])) && device.offloads;
	return 0;
}

/* Loads the programs for a moment: nothing else tells for certain. */
static void try_kernel(struct plan *plan, const struct options *o)
{
	struct xdp_sizes sizes = xdp_sizes_of(o);
	struct xdp_probe probe;
	int err = xdp_probe_load(&sizes, false, &probe);

	if (err)
		xdp_object_explain(err, &sizes, plan->kernel_path, sizeof(plan->kernel_path));
}

static int check_names(struct plan *plan, const struct options *o)
{
	for (size_t i = 0; i < o->interfaces.count; i++) {
		char *name = o->interfaces.items[i];

		if (xdp_links_match("", &name, 1) < 0)
			return -EINVAL;
		if (!plan->missing && !xdp_links_is_pattern(name) && !if_nametoindex(name))
			plan->missing = name;
	}
	return xdp_links_match("", o->exclude_interfaces.items, o->exclude_interfaces.count) < 0 ? -EINVAL : 0;
}

static int fill(struct plan *plan, const struct options *o)
{
	struct xdp_link *links = calloc(ROWS_MAX, sizeof(*links));
	int count = links ? xdp_links_list(links, ROWS_MAX) : -ENOMEM;

	for (int i = 0; i < count; i++)
		if (is_selected(o, links[i].name) && !plan_device(plan, &plan->rows[plan->count], links[i].index, o))
			plan->count++;    /* one that is gone meanwhile is left out */
	free(links);
	if (count < 0)
		log_error("interfaces: %s", strerror(-count));
	return count < 0 ? count : 0;
}

static int make(struct plan *plan, const struct options *o)
{
	int err = check_names(plan, o);

	if (!err && strcmp(o->source, "pcap") != 0)
		try_kernel(plan, o);
	return err ? err : fill(plan, o);
}

#else

static bool is_selected(const struct options *o, const char *name)
{
	return (!o->interfaces.count || string_list_has(&o->interfaces, name)) && !string_list_has(&o->exclude_interfaces, name);
}

static int make(struct plan *plan, const struct options *o)
{
	struct live_device *devices = calloc(ROWS_MAX, sizeof(*devices));
	char why[256] = "out of memory";
	int count = devices ? live_probe_devices(devices, ROWS_MAX, why, sizeof(why)) : -ENOMEM;

	for (size_t i = 0; i < o->interfaces.count; i++)
		if (!if_nametoindex(o->interfaces.items[i]))
			plan->missing = o->interfaces.items[i];
	for (int i = 0; i < count; i++) {
		struct plan_row *row = &plan->rows[plan->count];

		if (!is_selected(o, devices[i].name))
			continue;
		snprintf(row->name, sizeof(row->name), "%s", devices[i].name);
		snprintf(row->type, sizeof(row->type), "%s", devices[i].is_loopback ? "loopback" : "");
		row->is_up = devices[i].is_up;
		plan_pcap(row, "the only way on this system");
		row->is_second_best = false;
		plan->count++;
	}
	if (count < 0)
		log_error("interfaces: %s", why);
	free(devices);
	return count < 0 ? count : 0;
}

#endif

int plan_make(struct plan *out, const struct options *options)
{
	*out = (struct plan){ .rows = calloc(ROWS_MAX, sizeof(*out->rows)) };
	if (!out->rows)
		return -ENOMEM;
	return make(out, options);
}

void plan_free(struct plan *plan)
{
	free(plan->rows);
	*plan = (struct plan){ 0 };
}
