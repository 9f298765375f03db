/* SPDX-License-Identifier: Apache-2.0 */
/* memory.c - the machine's memory and the control group's limit. */
#include <stdio.h>
#include <unistd.h>
#include "memory.h"

#define FALLBACK (1ull << 30)

/* The number in a file of the control group; "max", or no such file: no limit. */
static uint64_t limit_in(const char *path)
{
	unsigned long long octets = 0;
	FILE *file = fopen(path, "re");

	if (!file)
		return UINT64_MAX;
	if (fscanf(file, "%llu", &octets) != 1 || !octets)
		octets = UINT64_MAX;
	fclose(file);
	return octets;
}

uint64_t memory_limit(void)
{
	static const char *const files[] = { "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes" };
	long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
	uint64_t octets = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : FALLBACK;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		uint64_t limit = limit_in(files[i]);

		octets = limit < octets ? limit : octets;
	}
	return octets;
}
