/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_privilege.h - what this process may do, and which part is missing when the kernel refuses to load a program. */
#ifndef DEVOURER_XDP_PRIVILEGE_H
#define DEVOURER_XDP_PRIVILEGE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Their bits (capabilities(7), kernel: uapi/linux/capability.h). */
enum xdp_capability {
	CAPABILITY_NET_ADMIN = 12, CAPABILITY_NET_RAW = 13, CAPABILITY_SYS_ADMIN = 21, CAPABILITY_PERFMON = 38, CAPABILITY_BPF = 39,
};

struct xdp_privilege {
	uint64_t effective;                       /* capabilities, a bit each */
	bool is_filtered;                         /* a seccomp profile is on */
	bool is_nested;                           /* in a user namespace, whose capabilities do not count for bpf(2) */
};

/* Of this process, by /proc/self. 0 or -errno. */
int xdp_privilege_read(struct xdp_privilege *out);

/* From the texts of /proc/self/status and /proc/self/uid_map. 0, or -EINVAL: no capabilities in it. */
int xdp_privilege_parse(struct xdp_privilege *out, const char *status, const char *uid_map);

/* CAP_SYS_ADMIN stands for CAP_BPF, CAP_PERFMON and, when loading, CAP_NET_ADMIN (kernel: bpf_token_capable). */
bool xdp_privilege_has(const struct xdp_privilege *p, enum xdp_capability capability);

/* What loading needs and is not there: "CAP_BPF", "CAP_NET_ADMIN", "CAP_BPF and CAP_NET_ADMIN"; "" when all is. */
const char *xdp_privilege_missing(const struct xdp_privilege *p);

/* What a call of bpf(2) that asks for nothing gives: 0, or -errno when something stands before the call. */
int xdp_privilege_try_bpf(void);

/* One sentence with the cure for `err` (-EPERM, -EACCES or -ENOSYS) of a load; `bpf` is what xdp_privilege_try_bpf() gave. */
void xdp_privilege_explain(const struct xdp_privilege *p, int err, int bpf, char *out, size_t size);

extern const char xdp_privilege_cure[];               /* how to get the two capabilities */
#endif
