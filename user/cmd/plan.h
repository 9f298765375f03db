/* SPDX-License-Identifier: Apache-2.0 */
/* plan.h - how `capture` would capture each interface with these options, without touching any. */
#ifndef DEVOURER_PLAN_H
#define DEVOURER_PLAN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct options;

struct plan_row {
	char name[32], type[20], driver[32];      /* "" what is not known */
	char ingress[16], egress[16];             /* xdp_native, xdp_generic, tcx, clsact, pcap; none: it cannot be captured so */
	char why[448], cure[192];                 /* cure "": none is needed */
	uint32_t mtu;                             /* 0: not known */
	bool is_up;
	bool is_second_best;                      /* a better way is barred by what `why` tells */
	bool merges_packets;                      /* the stack hands over several packets as one (GRO, TSO) */
};

struct plan {
	struct plan_row *rows;
	size_t count;
	char kernel_path[384];                    /* why counting in the kernel is not possible; "": it is, or was not asked for */
	const char *missing;                      /* a plain name of --interface that nothing has; NULL */
};

/* 0 or -errno, logged. plan_free() it whatever the result. */
int plan_make(struct plan *out, const struct options *options);
void plan_free(struct plan *plan);
#endif
