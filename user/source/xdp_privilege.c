/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_privilege.c - reads /proc/self, tries bpf(2), and finds the reason for a refusal that the kernel does not tell. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "xdp_privilege.h"

#define NO_COMMAND 0xffff                         /* of bpf(2): the kernel answers EINVAL */

const char xdp_privilege_cure[] = "run as root, or 'setcap cap_bpf,cap_net_admin+ep' on the program, "
				  "or for a container --cap-add BPF --cap-add NET_ADMIN";

/* The value of a line "NAME:\tVALUE"; NULL: there is none. */
static const char *value_of(const char *status, const char *name)
{
	size_t len = strlen(name);
	const char *line = status, *end;

	while (strncmp(line, name, len) != 0 || line[len] != ':') {
		end = strchr(line, '\n');
		if (!end)
			return NULL;
		line = end + 1;
	}
	return line + len + 1;
}

int xdp_privilege_parse(struct xdp_privilege *out, const char *status, const char *uid_map)
{
	const char *effective = value_of(status, "CapEff"), *seccomp = value_of(status, "Seccomp");
	unsigned long long inside, outside, count;

	memset(out, 0, sizeof(*out));
	if (!effective)
		return -EINVAL;
	out->effective = strtoull(effective, NULL, 16);
	out->is_filtered = seccomp && strtol(seccomp, NULL, 10) > 0;
	/* The first user namespace maps every id to itself (user_namespaces(7)). */
	if (sscanf(uid_map, "%llu %llu %llu", &inside, &outside, &count) == 3)
		out->is_nested = inside != 0 || outside != 0 || count != UINT32_MAX;
	return 0;
}

static int read_text(const char *path, char *out, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t len;

	if (!file)
		return -errno;
	len = fread(out, 1, size - 1, file);
	out[len] = 0;
	fclose(file);
	return 0;
}

int xdp_privilege_read(struct xdp_privilege *out)
{
	char status[8192] = "", uid_map[256] = "";
	int err = read_text("/proc/self/status", status, sizeof(status));

	memset(out, 0, sizeof(*out));
	if (err)
		return err;
	if (read_text("/proc/self/uid_map", uid_map, sizeof(uid_map)))
		*uid_map = 0;                     /* a kernel without user namespaces */
	return xdp_privilege_parse(out, status, uid_map);
}

bool xdp_privilege_has(const struct xdp_privilege *p, enum xdp_capability capability)
{
	uint64_t enough = 1ull << capability;

	if (capability != CAPABILITY_NET_RAW)
		enough |= 1ull << CAPABILITY_SYS_ADMIN;
	return p->effective & enough;
}

const char *xdp_privilege_missing(const struct xdp_privilege *p)
{
	bool has_bpf = xdp_privilege_has(p, CAPABILITY_BPF), has_net_admin = xdp_privilege_has(p, CAPABILITY_NET_ADMIN);

	if (!has_bpf)
		return has_net_admin ? "CAP_BPF" : "CAP_BPF and CAP_NET_ADMIN";
	return has_net_admin ? "" : "CAP_NET_ADMIN";
}

/* Kernels before 5.19 look at the capability first, so without CAP_BPF this tells nothing there. */
int xdp_privilege_try_bpf(void)
{
	if (syscall(__NR_bpf, NO_COMMAND, NULL, 0) >= 0 || errno == EINVAL)
		return 0;
	return -errno;
}

void xdp_privilege_explain(const struct xdp_privilege *p, int err, int bpf, char *out, size_t size)
{
	const char *missing = xdp_privilege_missing(p);

	if (p->is_nested)
		snprintf(out, size, "the capabilities of a user namespace do not count for bpf(2): start outside of one "
			 "(not rootless, without PrivateUsers=)");
	else if (*missing)
		snprintf(out, size, "%s %s missing: %s", missing, strchr(missing, ' ') ? "are" : "is", xdp_privilege_cure);
	else if (bpf && p->is_filtered)
		snprintf(out, size, "a seccomp profile refuses bpf(2), although the capabilities are there: give the container "
			 "one that allows it (--security-opt seccomp=FILE), or the unit SystemCallFilter=bpf");
	else if (err == -ENOSYS)
		snprintf(out, size, "the kernel has no bpf(2): it needs CONFIG_BPF_SYSCALL, or read packets with --source pcap");
	else if (err == -EACCES && !xdp_privilege_has(p, CAPABILITY_PERFMON))
		snprintf(out, size, "CAP_PERFMON is missing: the verifier of this kernel accepts the programs only with it: "
			 "add it to CAP_BPF and CAP_NET_ADMIN");
	else
		snprintf(out, size, "all capabilities are there, but the kernel refuses (%s): look for a security module or "
			 "lockdown in its log, or use --source pcap", strerror(-err));
}
