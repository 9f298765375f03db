/* SPDX-License-Identifier: Apache-2.0 */
/* test_check.c - the lines of `devourer check`, their sum and its exit status, and what they say in JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "../user/cmd/check.c"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* The parts look at the host; here they tell what a test wants. */
struct told { enum check_result result; const char *name, *cure, *text; };
static const struct told *told;
static size_t told_count;

void check_kernel(struct checks *checks)
{
	for (size_t i = 0; i < told_count; i++)
		check_add(checks, told[i].result, told[i].name, told[i].cure, "%s", told[i].text);
}

void check_interfaces(struct checks *checks)
{
	(void)checks;
}

/* What `options` prints for these lines; free() it. */
static char *printed(const struct told *lines, size_t count, const struct options *options, int *status)
{
	FILE *file = tmpfile();
	int saved = dup(STDOUT_FILENO);
	char *text = calloc(1, 16384);

	assert_non_null(file);
	assert_non_null(text);
	told = lines;
	told_count = count;
	fflush(stdout);
	assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
	*status = check_run(options);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	rewind(file);
	assert_true(fread(text, 1, 16383, file) > 0);
	fclose(file);
	return text;
}

static const struct told mixed[] = {
	{ CHECK_PASS, "kernel", NULL, "Linux 6.1.0" },
	{ CHECK_WARN, "bpffs", "'mount it'", "not mounted" },
	{ CHECK_FAIL, "memory", "more of it", "100 % used" },
	{ CHECK_DENIED, "CAP_BPF", "setcap", "missing" },
	{ CHECK_PASS, "interface a\033[2Jb\xc3\xa4", "", "c\nd\x7f" },
};

static void each_finding_is_one_line_with_its_cure(void **state)
{
	const struct options options = { .json = false };
	int status;
	char *text = printed(mixed, COUNT(mixed), &options, &status);

	(void)state;
	assert_string_equal(text, "PASS kernel: Linux 6.1.0\n"
				  "WARN bpffs: not mounted; cure: 'mount it'\n"
				  "FAIL memory: 100 % used; cure: more of it\n"
				  "FAIL CAP_BPF: missing; cure: setcap\n"
				  "PASS interface a?[2Jb??: c?d?\n"
				  "2 passed, 1 warned, 2 failed\n");
	assert_int_equal(status, EXIT_PERMISSION);
	free(text);
}

static void json_says_the_same(void **state)
{
	const struct options options = { .json = true };
	int status;
	char *text = printed(mixed, COUNT(mixed), &options, &status);
	json_t *all = json_loads(text, 0, NULL), *checks = json_object_get(all, "checks");

	(void)state;
	assert_non_null(all);
	assert_int_equal(json_array_size(checks), COUNT(mixed));
	for (size_t i = 0; i < COUNT(mixed); i++) {
		const json_t *line = json_array_get(checks, i);

		assert_string_equal(json_string_value(json_object_get(line, "result")), result_text[mixed[i].result]);
		assert_string_equal(json_string_value(json_object_get(line, "cure")), mixed[i].cure ? mixed[i].cure : "");
	}
	assert_string_equal(json_string_value(json_object_get(json_array_get(checks, 4), "name")), "interface a?[2Jb??");
	assert_int_equal(json_integer_value(json_object_get(all, "passed")), 2);
	assert_int_equal(json_integer_value(json_object_get(all, "warned")), 1);
	assert_int_equal(json_integer_value(json_object_get(all, "failed")), 2);
	assert_int_equal(json_integer_value(json_object_get(all, "status")), EXIT_PERMISSION);
	assert_int_equal(status, EXIT_PERMISSION);
	json_decref(all);
	free(text);
}

static void the_status_tells_a_permission_from_a_fault(void **state)
{
	static const struct { unsigned count[CHECK_RESULTS]; int status; } rows[] = {
		{ { 9, 0, 0, 0 }, EXIT_DONE },
		{ { 9, 3, 0, 0 }, EXIT_DONE },
		{ { 9, 3, 1, 0 }, EXIT_FAILED },
		{ { 9, 3, 0, 1 }, EXIT_PERMISSION },
		{ { 9, 3, 2, 1 }, EXIT_PERMISSION },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct checks checks = { 0 };

		memcpy(checks.count, rows[i].count, sizeof(checks.count));
		assert_int_equal(check_status(&checks), rows[i].status);
	}
}

static void long_text_is_cut(void **state)
{
	char long_text[2000];
	const struct told line = { CHECK_PASS, long_text, long_text, long_text };
	const struct options options = { .json = false };
	int status;
	char *text;

	(void)state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = 0;
	text = printed(&line, 1, &options, &status);
	assert_in_range(strcspn(text, "\n"), 1000, 1100);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_finding_is_one_line_with_its_cure),
		cmocka_unit_test(json_says_the_same),
		cmocka_unit_test(the_status_tells_a_permission_from_a_fault),
		cmocka_unit_test(long_text_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
