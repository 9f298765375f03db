/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_probe.h - what the kernel of this host offers for counting in it. Attaches nothing, changes nothing. */
#ifndef DEVOURER_XDP_PROBE_H
#define DEVOURER_XDP_PROBE_H
#include "xdp.h"

#define XDP_PINS "/sys/fs/bpf/devourer"           /* where all pins of ours are */

/* Is a BPF file system mounted at /sys/fs/bpf? */
bool xdp_probe_bpffs(void);

/* Does membarrier(2) wait for the programs of all CPUs? 0; -EOPNOTSUPP: not on this kernel; -errno: the call is refused. */
int xdp_probe_membarrier(void);

/* What loading the programs with `sizes` shows; they are gone again when it returns. */
struct xdp_probe {
	unsigned programs, cpus;
	uint64_t octets;                          /* of the maps */
	bool is_jited;
	uint32_t ticks_per_s;                     /* measured, which takes a sixth of a second; 0: not, or the clocks cannot be read */
};
int xdp_probe_load(const struct xdp_sizes *sizes, bool with_clock, struct xdp_probe *out); /* 0 or -errno, for xdp_object_explain() */

unsigned xdp_probe_cpus(void);                    /* possible ones, at least 1 */

/* The least sizes that load: for whether the programs are accepted, apart from memory. */
struct xdp_sizes xdp_probe_least(void);
#endif
