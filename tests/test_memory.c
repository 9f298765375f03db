/* SPDX-License-Identifier: Apache-2.0 */
/* test_memory.c - which control group limits us, with both versions of their files in a folder of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>
#include "../user/base/memory.c"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define V1 "/sys/fs/cgroup/memory"
#define V2 "/sys/fs/cgroup"
#define FILES_MAX 6

static const struct group_case {
	const char *groups;                       /* /proc/self/cgroup */
	const char *files[FILES_MAX][2];          /* path and content */
	const char *path;
	uint64_t limit, used;
} rows[] = {
	/* version 2: the own group, one above it, the root of a container, no limit at all */
	{ "0::/a.slice/b.service\n", { { V2 "/a.slice/b.service/memory.max", "33554432\n" }, { V2 "/a.slice/b.service/memory.current", "4096\n" } },
	  "/a.slice/b.service", 33554432, 4096 },
	{ "0::/a.slice/b.service\n", { { V2 "/a.slice/b.service/memory.max", "max\n" }, { V2 "/a.slice/memory.max", "1000\n" },
	  { V2 "/a.slice/memory.current", "10\n" } }, "/a.slice", 1000, 10 },
	{ "0::/a/b\n", { { V2 "/a/b/memory.max", "3000\n" }, { V2 "/a/memory.max", "2000\n" }, { V2 "/a/memory.current", "5\n" } }, "/a", 2000, 5 },
	{ "0::/\n", { { V2 "/memory.max", "70000\n" }, { V2 "/memory.current", "3\n" } }, "/", 70000, 3 },
	{ "0::/../x\n", { { V2 "/memory.max", "max\n" } }, "/", UINT64_MAX, 0 },
	{ "0::/a\n", { { NULL } }, "/", UINT64_MAX, 0 },
	/* version 1, alone and beside version 2 without a memory controller */
	{ "5:devices:/\n4:memory:/p/q\n0::/\n", { { V1 "/p/q/memory.limit_in_bytes", "67108864\n" }, { V1 "/p/q/memory.usage_in_bytes", "77\n" },
	  { V1 "/memory.limit_in_bytes", "9223372036854771712\n" } }, "/p/q", 67108864, 77 },
	{ "4:memory:/p\n", { { V1 "/p/memory.limit_in_bytes", "9223372036854771712\n" } }, "/", UINT64_MAX, 0 },
	/* a container of version 1 shows the host's path, which is not there; its root is */
	{ "4:memory:/docker/123\n", { { V1 "/memory.limit_in_bytes", "5000\n" }, { V1 "/memory.usage_in_bytes", "1\n" } }, "/", 5000, 1 },
	{ "nonsense\n\n:\n4:cpu:/p\n", { { V1 "/p/memory.limit_in_bytes", "5000\n" } }, "/", UINT64_MAX, 0 },
};

static void run(const char *format, const char *a, const char *b)
{
	char command[1024];

	snprintf(command, sizeof(command), format, a, b);
	assert_int_equal(system(command), 0);
}

static void make_file(const char *root, const char *path, const char *content)
{
	char full[512];
	FILE *file;

	run("mkdir -p \"$(dirname %s%s)\"", root, path);
	snprintf(full, sizeof(full), "%s%s", root, path);
	file = fopen(full, "w");
	assert_non_null(file);
	fputs(content, file);
	fclose(file);
}

static void the_lowest_limit_on_the_way_to_the_root_counts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char root[] = "/tmp/test_memory.XXXXXX", text[128];
		struct memory_group group;
		FILE *groups;

		assert_non_null(mkdtemp(root));
		for (size_t k = 0; k < FILES_MAX && rows[i].files[k][0]; k++)
			make_file(root, rows[i].files[k][0], rows[i].files[k][1]);
		snprintf(text, sizeof(text), "%s", rows[i].groups);
		groups = fmemopen(text, strlen(text), "r");
		assert_non_null(groups);
		find_group(root, groups, &group);
		fclose(groups);
		run("rm -rf %s%s", root, "");
		assert_string_equal(group.path, rows[i].path);
		assert_true(group.limit == rows[i].limit);
		if (group.limit != UINT64_MAX)
			assert_true(group.used == rows[i].used);
	}
}

static void there_is_always_some_memory(void **state)
{
	struct memory_group group;

	(void)state;
	memory_group(&group);
	assert_true(memory_limit() >= 1 << 20);
	assert_true(memory_limit() <= group.limit);
}

static void without_a_list_of_groups_there_is_no_limit(void **state)
{
	struct memory_group group;

	(void)state;
	find_group("", NULL, &group);
	assert_true(group.limit == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_lowest_limit_on_the_way_to_the_root_counts),
		cmocka_unit_test(there_is_always_some_memory),
		cmocka_unit_test(without_a_list_of_groups_there_is_no_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
