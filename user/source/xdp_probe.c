/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_probe.c - asks the kernel by harmless calls, and by loading the programs for a moment. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/magic.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "xdp_probe.h"

#define CLOCK_WAIT_US 160000                      /* 16 ticks at the slowest rate of a kernel: enough to tell 250 from 300 in a second */

bool xdp_probe_bpffs(void)
{
	struct statfs fs;

	return !statfs("/sys/fs/bpf", &fs) && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

int xdp_probe_membarrier(void)
{
	long commands = syscall(__NR_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);

	if (commands < 0)
		return -errno;
	return commands & MEMBARRIER_CMD_GLOBAL ? 0 : -EOPNOTSUPP;
}

static bool is_jited(int program)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	return !bpf_obj_get_info_by_fd(program, &info, &len) && info.jited_prog_len;
}

/* Two moments, so that the rate of the kernel's tick can be told. */
static uint32_t measure_ticks(const struct xdp_object *object)
{
	struct xdp_clock clock = { 0 };

	if (xdp_clock_read(&clock, object))
		return 0;
	usleep(CLOCK_WAIT_US);
	return xdp_clock_read(&clock, object) ? 0 : *object->ticks_per_s;
}

int xdp_probe_load(const struct xdp_sizes *sizes, bool with_clock, struct xdp_probe *out)
{
	struct xdp_object object;
	int err = xdp_object_try(&object, sizes);

	memset(out, 0, sizeof(*out));
	if (err)
		return err;
	out->programs = XDP_PROGRAMS;
	out->cpus = object.cpus;
	out->octets = xdp_octets(sizes, object.cpus);
	out->is_jited = is_jited(object.programs[XDP_PROGRAM_XDP]);
	out->ticks_per_s = with_clock ? measure_ticks(&object) : 0;
	xdp_object_close(&object);
	return 0;
}

unsigned xdp_probe_cpus(void)
{
	int cpus = libbpf_num_possible_cpus();

	return cpus > 0 ? (unsigned)cpus : 1;
}

struct xdp_sizes xdp_probe_least(void)
{
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);

	return (struct xdp_sizes){ .set_bits = 4, .victim_ring = page, .name_ring = page, .hello_ring = page, .sample_rate = 1, .hellos = true };
}
