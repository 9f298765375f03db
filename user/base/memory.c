/* SPDX-License-Identifier: Apache-2.0 */
/* memory.c - the machine's memory and the control group's limit. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "memory.h"

#define FALLBACK (1ull << 30)
#define NO_LIMIT (1ull << 62)                     /* version 1 has no word for it, but the largest number of pages */

/* Where the files of a version are, and what they are called (kernel: cgroup-v2.rst, cgroup-v1/memory.rst). */
struct version { const char *root, *limit, *used; };
static const struct version versions[] = {
	{ "/sys/fs/cgroup", "memory.max", "memory.current" },
	{ "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes" },
};

/* The number in a file; "max", or no such file: no limit. */
static uint64_t number_in(const char *path)
{
	unsigned long long octets = 0;
	FILE *file = fopen(path, "re");

	if (!file)
		return UINT64_MAX;
	if (fscanf(file, "%llu", &octets) != 1 || octets >= NO_LIMIT)
		octets = UINT64_MAX;
	fclose(file);
	return octets;
}

static uint64_t number_of(const char *root, const struct version *version, const char *group, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s%s%s/%s", root, version->root, group, name);
	return number_in(path);
}

/* `group` and all above it. In a container those above may not be there, and the root is the container's own. */
static void look_along(const char *root, const struct version *version, char *group, struct memory_group *out)
{
	char *slash;

	do {
		uint64_t limit = number_of(root, version, group, version->limit);

		if (limit && limit < out->limit) {
			snprintf(out->path, sizeof(out->path), "%.255s", *group ? group : "/");
			out->limit = limit;
			out->used = number_of(root, version, group, version->used);
		}
		slash = strrchr(group, '/');
		if (slash)
			*slash = 0;
	} while (slash);
}

/* A line of /proc/self/cgroup: "4:memory:/a/b", of version 2 "0::/a/b". The version, with `group` on its path; NULL: of another kind. */
static const struct version *version_of(char *line, char **group)
{
	char *controllers = strchr(line, ':');
	char *path = controllers ? strchr(controllers + 1, ':') : NULL;

	if (!path)
		return NULL;
	*path++ = 0;
	*group = path;
	if (!controllers[1])
		return &versions[0];
	return strstr(controllers, "memory") ? &versions[1] : NULL;
}

/* With the files below `root`, which is "" but in tests. */
static void find_group(const char *root, FILE *groups, struct memory_group *out)
{
	char line[512], *group;

	*out = (struct memory_group){ .path = "/", .limit = UINT64_MAX };
	while (groups && fgets(line, sizeof(line), groups)) {
		const struct version *version;

		line[strcspn(line, "\n")] = 0;
		version = version_of(line, &group);
		if (version)
			look_along(root, version, group, out);
	}
}

void memory_group(struct memory_group *out)
{
	FILE *groups = fopen("/proc/self/cgroup", "re");

	find_group("", groups, out);
	if (groups)
		fclose(groups);
}

uint64_t memory_limit(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
	uint64_t octets = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : FALLBACK;
	struct memory_group group;

	memory_group(&group);
	return group.limit < octets ? group.limit : octets;
}
