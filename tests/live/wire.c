/* SPDX-License-Identifier: Apache-2.0 */
/* wire.c - counts what interfaces send until a signal: wire INTERFACE... prints "INTERFACE PACKETS OCTETS" for each.
 *
 * An independent witness for tests: a clsact filter of its own, and the kernel's length of what offload will cut.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct wire_count { uint64_t packets, octets; };  /* as in wire.bpf.c */

/* $(BUILD)/tests/wire.bpf.o */
__asm__(".section .rodata\n.balign 8\n.global object_start, object_end\n"
	"object_start:\n.incbin \"" WIRE_OBJECT "\"\nobject_end:\n.previous\n");
extern const uint8_t object_start[], object_end[];

static _Noreturn void die(const char *what, int err)
{
	fprintf(stderr, "wire: %s: %s\n", what, strerror(err < 0 ? -err : err));
	exit(1);
}

static void watch(const char *name, int program, int counts)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex(name), .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = 1, .priority = 1, .prog_fd = program);
	uint32_t index = (uint32_t)hook.ifindex;
	struct wire_count none = { 0 };
	int err;

	if (!index)
		die(name, errno);
	if (bpf_map_update_elem(counts, &index, &none, BPF_ANY))
		die("counts", errno);
	err = bpf_tc_hook_create(&hook);
	if (err && err != -EEXIST)
		die(name, err);
	err = bpf_tc_attach(&hook, &filter);
	if (err)
		die(name, err);
}

static void tell(const char *name, int counts)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex(name), .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = 1, .priority = 1);
	uint32_t index = (uint32_t)hook.ifindex;
	struct wire_count count;

	bpf_tc_detach(&hook, &filter);
	if (bpf_map_lookup_elem(counts, &index, &count))
		die(name, errno);
	printf("%s %llu %llu\n", name, (unsigned long long)count.packets, (unsigned long long)count.octets);
}

int main(int argc, char **argv)
{
	struct bpf_object *object = bpf_object__open_mem(object_start, (size_t)(object_end - object_start), NULL);
	int program, counts, number;
	sigset_t signals;

	if (argc < 2 || !object || bpf_object__load(object)) {
		fputs("usage: wire INTERFACE...\n", stderr);
		return 2;
	}
	program = bpf_program__fd(bpf_object__find_program_by_name(object, "wire"));
	counts = bpf_object__find_map_fd_by_name(object, "counts");
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	for (int i = 1; i < argc; i++)
		watch(argv[i], program, counts);
	puts("watching");
	fflush(stdout);
	sigwait(&signals, &number);
	for (int i = 1; i < argc; i++)
		tell(argv[i], counts);
	return 0;
}
