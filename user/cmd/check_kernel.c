/* SPDX-License-Identifier: Apache-2.0 */
/* check_kernel.c - what counting in the kernel needs: the kernel itself, permissions, memory, and the programs really loaded. */
#include "check.h"
#ifdef __linux__
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include "../base/memory.h"
#include "../base/options.h"
#include "../source/xdp_privilege.h"
#include "../source/xdp_probe.h"

#define MIB(octets) ((unsigned long long)(octets) >> 20)

/* What the parts tell each other. */
struct kernel {
	struct checks *checks;
	struct utsname system;
	struct xdp_privilege privilege;
	bool is_refused;                          /* a cause of the refusal to load was found */
};

/* The first word of a file of one line; "" when it cannot be read. */
static const char *word_in(const char *path, char *out, size_t size)
{
	FILE *file = fopen(path, "re");

	*out = 0;
	if (!file)
		return out;
	if (!fgets(out, (int)size, file))
		*out = 0;
	fclose(file);
	out[strcspn(out, " \n")] = 0;
	return out;
}

/* "6.1.0-50" to 6001; 0: not understood. */
static unsigned version_of(const char *release)
{
	unsigned major, minor;

	return sscanf(release, "%u.%u", &major, &minor) == 2 ? major * 1000 + minor : 0;
}

static void check_release(struct kernel *k)
{
	unsigned version = version_of(k->system.release);

	if (version >= 6001)
		check_add(k->checks, CHECK_PASS, "kernel", NULL, "Linux %s", k->system.release);
	else if (version >= 5015)
		check_add(k->checks, CHECK_WARN, "kernel", "a kernel from 6.1 on", "Linux %s is older than what is tested", k->system.release);
	else
		check_add(k->checks, CHECK_FAIL, "kernel", "a kernel from 5.15 on, or --source pcap", "Linux %s is too old to count in",
			  k->system.release);
}

/* ---- permissions ---- */

static void check_syscall(struct kernel *k)
{
	int err = xdp_privilege_try_bpf();
	const char *cure = k->privilege.is_filtered ?
		"a seccomp profile that allows bpf(2): for a container --security-opt seccomp=FILE, for a unit SystemCallFilter=bpf" :
		"a kernel with CONFIG_BPF_SYSCALL, or --source pcap";

	/* Before 5.19 the kernel looks at the capability before anything else. */
	if (err == -EPERM && !k->privilege.is_filtered && !xdp_privilege_has(&k->privilege, CAPABILITY_BPF))
		err = 0;
	if (!err) {
		check_add(k->checks, CHECK_PASS, "bpf(2)", NULL, "may be called");
		return;
	}
	check_add(k->checks, k->privilege.is_filtered || err != -ENOSYS ? CHECK_DENIED : CHECK_FAIL, "bpf(2)", cure, "%s (%s)",
		  k->privilege.is_filtered ? "a seccomp profile refuses it" : "the kernel refuses it", strerror(-err));
	k->is_refused = true;
}

static void check_namespace(struct kernel *k)
{
	if (!k->privilege.is_nested) {
		check_add(k->checks, CHECK_PASS, "user namespace", NULL, "the host's");
		return;
	}
	check_add(k->checks, CHECK_DENIED, "user namespace", "start outside of it: as root and not rootless, in a unit without PrivateUsers=",
		  "not the host's, so its capabilities do not count for bpf(2)");
	k->is_refused = true;
}

static void check_capability(struct kernel *k, enum xdp_capability capability, const char *name, const char *for_what)
{
	if (xdp_privilege_has(&k->privilege, capability)) {
		check_add(k->checks, CHECK_PASS, name, NULL, "there, for %s", for_what);
		return;
	}
	check_add(k->checks, CHECK_DENIED, name, xdp_privilege_cure, "missing, which is needed for %s", for_what);
	k->is_refused = true;
}

static void check_unprivileged(struct kernel *k)
{
	char value[8];

	if (strcmp(word_in("/proc/sys/kernel/unprivileged_bpf_disabled", value, sizeof(value)), "0") != 0)
		check_add(k->checks, CHECK_PASS, "unprivileged bpf", NULL, "%s", *value ? "switched off" : "not to be seen here");
	else
		check_add(k->checks, CHECK_WARN, "unprivileged bpf", "'sysctl kernel.unprivileged_bpf_disabled=2'",
			  "every user may load programs, which is a risk for the host and nothing that is needed here");
}

static void check_permissions(struct kernel *k)
{
	if (xdp_privilege_read(&k->privilege)) {
		check_add(k->checks, CHECK_WARN, "/proc", "'mount -t proc proc /proc'", "capabilities cannot be read from /proc/self/status");
		return;
	}
	check_syscall(k);
	check_namespace(k);
	check_capability(k, CAPABILITY_BPF, "CAP_BPF", "tables and programs in the kernel");
	check_capability(k, CAPABILITY_NET_ADMIN, "CAP_NET_ADMIN", "programs on interfaces");
}

/* ---- the programs ---- */

static void explain_refusal(struct kernel *k, int err, const struct xdp_sizes *sizes)
{
	char why[384];
	bool is_denied = err == -EPERM || err == -EACCES;

	if (err == -EACCES && !xdp_privilege_has(&k->privilege, CAPABILITY_PERFMON)) {
		check_add(k->checks, CHECK_DENIED, "CAP_PERFMON",
			  "give it beside the other two: 'setcap cap_bpf,cap_net_admin,cap_perfmon+ep' on the program, or --cap-add PERFMON",
			  "missing, and the verifier of this kernel (%s) accepts the programs only with it", k->system.release);
		return;
	}
	xdp_object_explain(err, sizes, why, sizeof(why));
	check_add(k->checks, is_denied ? CHECK_DENIED : CHECK_FAIL, "programs", NULL, "not loaded: %s", why);
}

static void check_jit(struct kernel *k, const struct xdp_probe *probe)
{
	if (probe->is_jited)
		check_add(k->checks, CHECK_PASS, "BPF JIT", NULL, "on");
	else
		check_add(k->checks, CHECK_WARN, "BPF JIT", "'sysctl net.core.bpf_jit_enable=1'", "off, so each packet costs many times as much");
}

static void check_clock(struct kernel *k, const struct xdp_probe *probe)
{
	static const char *const slow[] = { "hpet", "acpi_pm", "jiffies", "refined-jiffies", "pit" };
	char source[32];
	bool is_slow = false;

	word_in("/sys/devices/system/clocksource/clocksource0/current_clocksource", source, sizeof(source));
	for (size_t i = 0; i < sizeof(slow) / sizeof(slow[0]); i++)
		is_slow |= !strcmp(source, slow[i]);
	if (!probe->ticks_per_s)
		check_add(k->checks, CHECK_FAIL, "clock", "--source pcap", "the kernel's clocks cannot be read by a program");
	else if (is_slow)
		check_add(k->checks, CHECK_WARN, "clock", "boot with clocksource=tsc where the processor's is reliable, or kvm-clock in a guest",
			  "%s is slow to read, which each new flow pays for", source);
	else
		check_add(k->checks, CHECK_PASS, "clock", NULL, "%s; a flow's last packet is known to %u ms", *source ? source : "unknown source",
			  1000 / probe->ticks_per_s);
}

/* With the least sizes, so that only the programs decide. */
static void check_programs(struct kernel *k)
{
	struct xdp_sizes least = xdp_probe_least();
	struct xdp_probe probe;
	int err;

	if (k->is_refused)                        /* its cause is told */
		return;
	err = xdp_probe_load(&least, true, &probe);
	if (err) {
		explain_refusal(k, err, &least);
		k->is_refused = true;
		return;
	}
	check_add(k->checks, CHECK_PASS, "programs", NULL, "the verifier accepts all %u%s", probe.programs,
		  xdp_privilege_has(&k->privilege, CAPABILITY_PERFMON) ? "" : ", without CAP_PERFMON");
	check_jit(k, &probe);
	check_clock(k, &probe);
}

/* ---- memory ---- */

static void fail_memory(struct kernel *k, uint64_t octets, const struct memory_group *group)
{
	char cure[256];
	bool has_limit = group->limit != UINT64_MAX;

	snprintf(cure, sizeof(cure), "smaller --table-slots and --ring-size%s",
		 has_limit ? ", or a higher limit (MemoryMax= of the unit, --memory of the container)" : "");
	if (has_limit)
		check_add(k->checks, CHECK_FAIL, "memory", cure,
			  "the kernel's tables need %llu MiB; control group %s allows %llu MiB, of which %llu are in use", MIB(octets),
			  group->path, MIB(group->limit), MIB(group->used));
	else
		check_add(k->checks, CHECK_FAIL, "memory", cure, "the kernel's tables need %llu MiB, which it has not got", MIB(octets));
}

/* Tables of the real sizes, unless they cannot fit anyway: then the kernel need not look for memory in vain. */
static void check_memory(struct kernel *k)
{
	struct xdp_sizes sizes = xdp_sizes_of(k->checks->options);
	struct memory_group group;
	struct xdp_probe probe = { .octets = xdp_octets(&sizes, xdp_probe_cpus()) };
	int err = 0;

	memory_group(&group);
	if (probe.octets >= group.limit || probe.octets >= memory_limit())
		err = -ENOMEM;
	else if (!k->is_refused)
		err = xdp_probe_load(&sizes, false, &probe);
	if (err == -ENOMEM)
		fail_memory(k, xdp_octets(&sizes, xdp_probe_cpus()), &group);
	else if (err)
		explain_refusal(k, err, &sizes);
	else if (group.limit == UINT64_MAX)
		check_add(k->checks, CHECK_PASS, "memory", NULL, "the kernel's tables take %llu MiB; no control group limits them",
			  MIB(probe.octets));
	else
		check_add(k->checks, CHECK_PASS, "memory", NULL,
			  "the kernel's tables take %llu MiB; control group %s allows %llu MiB, of which %llu are in use", MIB(probe.octets),
			  group.path, MIB(group.limit), MIB(group.used));
}

/* ---- the rest ---- */

static void check_membarrier(struct kernel *k)
{
	int err = xdp_probe_membarrier();

	if (!err)
		check_add(k->checks, CHECK_PASS, "membarrier(2)", NULL, "waits for the programs of all processors");
	else if (k->privilege.is_filtered && err != -EOPNOTSUPP)
		check_add(k->checks, CHECK_DENIED, "membarrier(2)", "a seccomp profile that allows membarrier(2), or --source pcap",
			  "a seccomp profile refuses it (%s)", strerror(-err));
	else
		check_add(k->checks, CHECK_FAIL, "membarrier(2)", "boot without nohz_full=, with CONFIG_MEMBARRIER, or --source pcap",
			  "this kernel does not let user space wait for its programs");
}

static void check_bpffs(struct kernel *k)
{
	if (xdp_probe_bpffs())
		check_add(k->checks, CHECK_PASS, "bpffs", NULL, "mounted at /sys/fs/bpf");
	else
		check_add(k->checks, CHECK_WARN, "bpffs", "'mount -t bpf bpf /sys/fs/bpf', or for a container -v /sys/fs/bpf:/sys/fs/bpf",
			  "not mounted at /sys/fs/bpf, so counting cannot go on while no agent runs, and a dispatcher of libxdp cannot be joined");
}

void check_kernel(struct checks *checks)
{
	struct kernel k = { .checks = checks };

	if (!strcmp(checks->options->source, "pcap"))
		return;
	uname(&k.system);
	check_release(&k);
	check_permissions(&k);
	check_programs(&k);
	check_memory(&k);
	check_membarrier(&k);
	check_bpffs(&k);
	check_unprivileged(&k);
}

#else

void check_kernel(struct checks *checks)
{
	(void)checks;
}

#endif
