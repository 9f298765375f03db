/* SPDX-License-Identifier: Apache-2.0 */
/* deny.c - runs a command under a seccomp profile that refuses a system call: deny CALL[:FIRST_ARGUMENT] ERRNO COMMAND ARGUMENT...
 * CALL is bpf or membarrier. The first argument of bpf is its command: 28 is BPF_LINK_CREATE, without which there is no TCX. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct { const char *name; unsigned number; } calls[] = { { "bpf", __NR_bpf }, { "membarrier", __NR_membarrier } },
	errors[] = { { "EPERM", EPERM }, { "EINVAL", EINVAL }, { "ENOSYS", ENOSYS } };

#define NUMBER_OF(table, text, len) number_of((const void *)(table), sizeof(table) / sizeof((table)[0]), text, len)

static unsigned number_of(const void *rows, size_t count, const char *text, size_t len)
{
	const struct { const char *name; unsigned number; } *row = rows;

	for (size_t i = 0; i < count; i++, row++)
		if (strlen(row->name) == len && !strncmp(row->name, text, len))
			return row->number;
	fprintf(stderr, "deny: %s is not known\n", text);
	exit(2);
}

static int install(unsigned call, long argument, unsigned error)
{
	struct sock_filter lines[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)), /* its lower half, little endian */
		BPF_JUMP(BPF_JMP | (argument < 0 ? BPF_JGE : BPF_JEQ) | BPF_K, argument < 0 ? 0 : (unsigned)argument, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(lines) / sizeof(lines[0]), .filter = lines };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int main(int argc, char **argv)
{
	const char *colon;
	unsigned call, error;

	if (argc < 4) {
		fprintf(stderr, "usage: deny CALL[:FIRST_ARGUMENT] ERRNO COMMAND ARGUMENT...\n");
		return 2;
	}
	colon = strchr(argv[1], ':');
	call = NUMBER_OF(calls, argv[1], strcspn(argv[1], ":"));
	error = NUMBER_OF(errors, argv[2], strlen(argv[2]));
	if (install(call, colon ? atol(colon + 1) : -1, error) < 0) {
		perror("deny");
		return 1;
	}
	execvp(argv[3], argv + 3);
	perror(argv[3]);
	return 127;
}
