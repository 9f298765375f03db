/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_object.c - loads the BPF object that is embedded in the program, with sizes chosen at start, and maps its memory. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "../base/log.h"
#include "../base/random.h"
#include "xdp.h"
#include "xdp_filter.h"
#include "xdp_privilege.h"

/* build/bpf/devourer.bpf.o, so that nothing but the program is needed where it runs. */
__asm__(".section .rodata\n.balign 8\n.global xdp_object_start, xdp_object_end\n"
	"xdp_object_start:\n.incbin \"" DEVOURER_BPF_OBJECT "\"\nxdp_object_end:\n.previous\n");
extern const uint8_t xdp_object_start[], xdp_object_end[];

const char xdp_object_program[] = "devourer_xdp";
static const char *const program_names[XDP_PROGRAMS] = {
	[XDP_PROGRAM_XDP] = xdp_object_program, [XDP_PROGRAM_TC] = "devourer_tc", [XDP_PROGRAM_TC_L3] = "devourer_tc_l3", [XDP_PROGRAM_CLOCK] = "devourer_clock",
};

static int print_libbpf(enum libbpf_print_level level, const char *format, va_list arguments)
{
	char line[512];
	size_t len;

	if (level == LIBBPF_DEBUG || log_level() < LOG_DEBUG)
		return 0;
	vsnprintf(line, sizeof(line), format, arguments);
	len = strcspn(line, "\n");
	line[len] = 0;
	log_debug("%s", line);
	return 0;
}

void xdp_log_libbpf(void)
{
	libbpf_set_print(print_libbpf);
}

/* The map that holds a section such as .bss: libbpf puts the object's name before it. */
static struct bpf_map *section_map(const struct bpf_object *object, const char *section)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object) {
		const char *name = bpf_map__name(map), *dot = strchr(name, '.');

		if (dot && !strcmp(dot, section))
			return map;
	}
	return NULL;
}

/* Where a variable lies in its section; negative: it is not there. */
static long variable_offset(const struct bpf_object *object, const char *section, const char *name)
{
	const struct btf *btf = bpf_object__btf(object);
	int id = btf__find_by_name_kind(btf, section, BTF_KIND_DATASEC);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;
	const struct btf_var_secinfo *var = type ? btf_var_secinfos(type) : NULL;

	for (int i = 0; type && i < btf_vlen(type); i++, var++)
		if (!strcmp(btf__name_by_offset(btf, btf__type_by_id(btf, var->type)->name_off), name))
			return (long)var->offset;
	return -ENOENT;
}

static int set_constant(const struct bpf_object *object, const char *name, const void *value, size_t len)
{
	long offset = variable_offset(object, ".rodata", name);
	size_t size;
	uint8_t *at = (uint8_t *)(uintptr_t)bpf_map__initial_value(section_map(object, ".rodata"), &size); /* const until libbpf 1.5 */

	if (offset < 0 || !at || (size_t)offset + len > size)
		return -ENOENT;
	memcpy(at + offset, value, len);
	return 0;
}

static int set_constants(const struct bpf_object *object, const struct xdp_sizes *sizes)
{
	uint64_t seed;
	int err = random_fill(&seed, sizeof(seed));

	if (!err)
		err = set_constant(object, "seed", &seed, sizeof(seed));
	if (!err)
		err = set_constant(object, "victims_wake", &(uint32_t){ sizes->victim_ring / 8 }, sizeof(uint32_t));
	if (!err)
		err = set_constant(object, "victims_no_syn", &(uint32_t){ sizes->victim_ring / 8 * 7 }, sizeof(uint32_t));
	if (!err)
		err = set_constant(object, "samples_wake", &(uint32_t){ sizes->name_ring / 8 }, sizeof(uint32_t));
	if (!err)
		err = set_constant(object, "set_bits", &sizes->set_bits, sizeof(sizes->set_bits));
	if (!err)
		err = set_constant(object, "sample_rate", &sizes->sample_rate, sizeof(sizes->sample_rate));
	if (!err)
		err = set_constant(object, "sample_hellos", &sizes->hellos, sizeof(sizes->hellos));
	return err;
}

static int set_entries(const struct bpf_object *object, const char *name, uint32_t entries)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, name);

	return map ? bpf_map__set_max_entries(map, entries) : -ENOENT;
}

static int set_sizes(const struct xdp_object *x, const struct xdp_sizes *sizes)
{
	uint32_t sets = x->cpus * 2 * x->sets;
	int err = set_entries(x->object, "slots", sets);

	if (!err)
		err = set_entries(x->object, "colds", sets * ABI_WAYS);
	if (!err)
		err = set_entries(x->object, "victims", sizes->victim_ring);
	if (!err)
		err = set_entries(x->object, "names", sizes->name_ring);
	if (!err)
		err = set_entries(x->object, "hellos", sizes->hello_ring);
	return err;
}

static int map_fd(const struct xdp_object *x, const char *name)
{
	return bpf_object__find_map_fd_by_name(x->object, name);
}

static void *map_memory(int fd, size_t len, int protection)
{
	void *at = mmap(NULL, len, protection, MAP_SHARED, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

static size_t whole_pages(size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (len + page - 1) / page * page;
}

/* A variable of .bss or .data as it lies in the kernel. It stays mapped until the process ends. */
static volatile void *map_variable(const struct xdp_object *x, const char *section, const char *name)
{
	long offset = variable_offset(x->object, section, name);
	struct bpf_map *map = section_map(x->object, section);
	uint8_t *at;

	if (offset < 0 || !map)
		return NULL;
	at = map_memory(bpf_map__fd(map), whole_pages((size_t)offset + 64), PROT_READ | PROT_WRITE);
	return at ? at + offset : NULL;
}

static int map_all(struct xdp_object *x, const struct xdp_sizes *sizes)
{
	size_t sets = (size_t)x->cpus * 2 * x->sets;
	int err;

	x->slots_len = whole_pages(sets * sizeof(struct slot_set));
	x->colds_len = whole_pages(sets * ABI_WAYS * sizeof(struct cold));
	x->slots = map_memory(map_fd(x, "slots"), x->slots_len, PROT_READ | PROT_WRITE);
	x->colds = map_memory(map_fd(x, "colds"), x->colds_len, PROT_READ | PROT_WRITE);
	x->epoch = map_variable(x, ".bss", "epoch");
	x->clock_pair = map_variable(x, ".bss", "clock_pair");
	x->ticks_per_s = map_variable(x, ".data", "ticks_per_s");
	if (!x->slots || !x->colds || !x->epoch || !x->clock_pair || !x->ticks_per_s)
		return -ENOMEM;
	err = xdp_ring_map(&x->victims, map_fd(x, "victims"), sizes->victim_ring);
	if (!err)
		err = xdp_ring_map(&x->names, map_fd(x, "names"), sizes->name_ring);
	if (!err)
		err = xdp_ring_map(&x->hellos, map_fd(x, "hellos"), sizes->hello_ring);
	return err;
}

static int open_with_filter(struct xdp_object *x, const char *filter)
{
	size_t len = (size_t)(xdp_object_end - xdp_object_start);
	uint8_t *copy = malloc(len);
	bool fits_l3 = true;
	int err = -ENOMEM;

	if (copy)
		err = xdp_filter_splice(memcpy(copy, xdp_object_start, len), len, filter, &fits_l3);
	if (!err) {
		x->object = bpf_object__open_mem(copy, len, NULL); /* which keeps nothing of it */
		err = x->object ? set_constant(x->object, "has_filter", &(bool){ true }, sizeof(bool)) : -errno;
	}
	if (!err)
		err = bpf_program__set_autoload(bpf_object__find_program_by_name(x->object, program_names[XDP_PROGRAM_TC_L3]), fits_l3);
	free(copy);
	return err;
}

static int open_object(struct xdp_object *x, const char *filter)
{
	if (filter)
		return open_with_filter(x, filter);
	x->object = bpf_object__open_mem(xdp_object_start, (size_t)(xdp_object_end - xdp_object_start), NULL);
	return x->object ? 0 : -errno;
}

static int share_maps(struct bpf_object *to, const struct bpf_object *from)
{
	struct bpf_map *map;
	int err = 0;

	bpf_object__for_each_map(map, to) {
		const struct bpf_map *shared = bpf_object__find_map_by_name(from, bpf_map__name(map));

		if (!err)
			err = shared ? bpf_map__reuse_fd(map, bpf_map__fd(shared)) : -ENOENT;
	}
	return err;
}

struct bpf_object *xdp_object_reopen(const struct xdp_object *x)
{
	struct xdp_object again = { 0 };
	struct bpf_program *program;
	int err = open_object(&again, x->filter);

	if (!err)
		err = share_maps(again.object, x->object);
	if (err) {
		bpf_object__close(again.object);
		errno = -err;
		return NULL;
	}
	bpf_object__for_each_program(program, again.object)
		bpf_program__set_autoload(program, !strcmp(bpf_program__name(program), xdp_object_program));
	return again.object;
}

static int load(struct xdp_object *x, const struct xdp_sizes *sizes)
{
	int err = open_object(x, sizes->filter);

	if (!err)
		err = set_constants(x->object, sizes);
	if (!err)
		err = set_sizes(x, sizes);
	if (!err)
		err = bpf_object__load(x->object);
	for (int i = 0; !err && i < XDP_PROGRAMS; i++)
		x->programs[i] = bpf_program__fd(bpf_object__find_program_by_name(x->object, program_names[i]));
	x->meters = map_fd(x, "meters");
	x->points = map_fd(x, "points");
	x->not_recorded = map_fd(x, "not_recorded");
	x->sample_counts = map_fd(x, "sample_counts");
	return err;
}

void xdp_object_explain(int err, const struct xdp_sizes *sizes, char *out, size_t size)
{
	struct xdp_privilege privilege;
	int cpus = libbpf_num_possible_cpus();

	if ((err == -EPERM || err == -EACCES || err == -ENOSYS) && !xdp_privilege_read(&privilege))
		xdp_privilege_explain(&privilege, err, xdp_privilege_try_bpf(), out, size);
	else if (err == -EPERM || err == -EACCES)
		snprintf(out, size, "CAP_BPF and CAP_NET_ADMIN are needed, and a seccomp profile that allows bpf(2); "
			 "which one is missing is not known without /proc");
	else if (err == -ENOMEM)
		snprintf(out, size, "the kernel has no memory for the maps, which need %llu MiB: smaller with --table-slots and "
			 "--ring-size, or raise the memory limit of the control group",
			 (unsigned long long)xdp_octets(sizes, cpus > 0 ? (unsigned)cpus : 1) >> 20);
	else
		snprintf(out, size, "%s", strerror(-err));
}

int xdp_object_try(struct xdp_object *x, const struct xdp_sizes *sizes)
{
	int cpus = libbpf_num_possible_cpus(), err;

	memset(x, 0, sizeof(*x));
	xdp_log_libbpf();
	if (cpus <= 0)
		return cpus ? cpus : -EIO;
	x->cpus = (unsigned)cpus;
	x->sets = 1u << sizes->set_bits;
	x->filter = sizes->filter;
	err = load(x, sizes);
	if (!err)
		err = map_all(x, sizes);
	if (err)
		xdp_object_close(x);
	return err;
}

int xdp_object_open(struct xdp_object *x, const struct xdp_sizes *sizes)
{
	char why[384];
	int err = xdp_filter_check(sizes->filter);

	memset(x, 0, sizeof(*x));
	if (err == -EINVAL)
		return err;
	err = xdp_object_try(x, sizes);
	if (!err)
		return 0;
	xdp_object_explain(err, sizes, why, sizeof(why));
	log_error("loading the BPF programs: %s", why);
	return err;
}

void xdp_object_close(struct xdp_object *x)
{
	xdp_ring_unmap(&x->victims);
	xdp_ring_unmap(&x->names);
	xdp_ring_unmap(&x->hellos);
	if (x->slots)
		munmap(x->slots, x->slots_len);
	if (x->colds)
		munmap(x->colds, x->colds_len);
	bpf_object__close(x->object);
	memset(x, 0, sizeof(*x));
}

uint64_t xdp_octets(const struct xdp_sizes *sizes, unsigned cpus)
{
	uint64_t slots = (uint64_t)cpus * 2 * ABI_WAYS << sizes->set_bits;

	return slots * (sizeof(struct slot) + sizeof(struct cold)) + sizes->victim_ring + sizes->name_ring + sizes->hello_ring;
}

/* Adds the values of all CPUs of one entry, as 64-bit words. */
static int sum_entry(const struct xdp_object *x, int fd, uint32_t key, uint64_t *out, size_t words, size_t value_size)
{
	size_t stride = (value_size + 7) / 8 * 8;
	uint8_t *values = calloc(x->cpus, stride);
	int err;

	if (!values)
		return -ENOMEM;
	err = bpf_map_lookup_elem(fd, &key, values) ? -errno : 0;
	for (unsigned cpu = 0; !err && cpu < x->cpus; cpu++)
		for (size_t i = 0; i < words; i++)
			out[i] += ((const uint64_t *)(void *)(values + cpu * stride))[i];
	free(values);
	return err;
}

static size_t value_size_of(const struct xdp_object *x, const char *name)
{
	return bpf_map__value_size(bpf_object__find_map_by_name(x->object, name));
}

int xdp_object_totals(const struct xdp_object *x, struct xdp_totals *out)
{
	int err = 0;

	memset(out, 0, sizeof(*out));
	for (uint32_t i = 0; !err && i < PKT_VERDICTS; i++)
		err = sum_entry(x, x->not_recorded, i, &out->not_recorded[i], 1, 8);
	for (uint32_t i = 0; !err && i < SAMPLE_CLASSES * SAMPLE_OUTCOMES; i++)
		err = sum_entry(x, x->sample_counts, i, &out->samples[i / SAMPLE_OUTCOMES][i % SAMPLE_OUTCOMES], 1, 8);
	/* Last, so that no part is younger than the whole. */
	return err ? err : sum_entry(x, x->meters, 0, (uint64_t *)&out->counters, sizeof(out->counters) / 8, value_size_of(x, "meters"));
}

int xdp_object_point(const struct xdp_object *x, unsigned ifindex, struct point_counters *out)
{
	memset(out, 0, sizeof(*out));
	return sum_entry(x, x->points, ifindex % ABI_POINTS, (uint64_t *)out, sizeof(*out) / 8, sizeof(*out));
}
