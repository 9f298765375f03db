/* SPDX-License-Identifier: Apache-2.0 */
/* check_interfaces.c - libpcap and its permission, and for each interface the way it will be captured. */
#include <stdio.h>
#include <string.h>
#include "../base/options.h"
#include "../source/live_probe.h"
#include "check.h"
#include "plan.h"

/* Where packets are counted in the kernel, libpcap is only the second way. */
static void check_library(struct checks *checks)
{
	bool is_needed = !strcmp(checks->options->source, "pcap");
	int err = live_probe_open();

#ifndef __linux__
	is_needed = true;
#endif
	check_add(checks, CHECK_PASS, "libpcap", NULL, "%s", live_probe_version());
	if (!err)
		check_add(checks, CHECK_PASS, "packet socket", NULL, "may be opened (%s)", live_probe_right);
	else
		check_add(checks, is_needed ? CHECK_DENIED : CHECK_WARN, "packet socket", live_probe_cure,
			  "%s is missing, which capture through libpcap needs%s (%s)", live_probe_right,
			  is_needed ? "" : "; counting in the kernel does not", strerror(-err));
}

/* `is_barred`: from the kernel's path, whose own lines tell why. */
static void check_row(struct checks *checks, const struct plan_row *row, bool is_barred)
{
	const char *why = is_barred ? "counting in the kernel is not possible here" : row->why;
	enum check_result result = row->is_second_best ? CHECK_WARN : CHECK_PASS;
	char name[64], what[128] = "";

	snprintf(name, sizeof(name), "interface %s", row->name);
	if (*row->driver || row->mtu)
		snprintf(what, sizeof(what), " (%s%sMTU %u)", row->driver, *row->driver ? ", " : "", row->mtu);
	if (!strcmp(row->ingress, "none"))
		check_add(checks, CHECK_FAIL, name, row->cure, "cannot be captured so: %s%s", why, what);
	else if (!strcmp(row->ingress, "pcap"))
		check_add(checks, result, name, row->cure, "through libpcap: %s%s", why, what);
	else
		check_add(checks, result, name, row->cure, "%s ingress, %s egress: %s%s", row->ingress, row->egress, why, what);
}

/* TC counts the segments of a packet and native XDP comes before they are merged; libpcap and generic XDP see what the stack sees. */
static void check_offloads(struct checks *checks, const struct plan *plan)
{
	const struct plan_row *merging = NULL;
	char cure[128];

	for (size_t i = 0; i < plan->count && !merging; i++)
		if (plan->rows[i].merges_packets)
			merging = &plan->rows[i];
	if (!merging) {
		check_add(checks, CHECK_PASS, "offloads", NULL, "packets that GRO or GSO merge are counted as those on the wire");
		return;
	}
	snprintf(cure, sizeof(cure), "--source auto and --xdp-mode auto, or 'ethtool -K %s gro off gso off tso off lro off'", merging->name);
	check_add(checks, CHECK_WARN, "offloads", cure, "several packets of %s come as one (GRO, GSO, TSO or LRO is on), so too few are counted",
		  merging->name);
}

void check_interfaces(struct checks *checks)
{
	struct plan plan;

	check_library(checks);
	if (plan_make(&plan, checks->options))
		check_add(checks, CHECK_FAIL, "interfaces", NULL, "cannot be listed");
	if (plan.missing)
		check_add(checks, CHECK_FAIL, "interface", "'devourer interfaces' lists what there is", "there is no %s", plan.missing);
	for (size_t i = 0; i < plan.count; i++)
		check_row(checks, &plan.rows[i], *plan.kernel_path);
	if (plan.count)
		check_offloads(checks, &plan);
	plan_free(&plan);
}
