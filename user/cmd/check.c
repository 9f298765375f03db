/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - runs the parts and prints what they find, as lines or as JSON. */
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include "../base/log.h"
#include "../base/options.h"
#include "check.h"
#include "printable.h"

static const char *const result_text[CHECK_RESULTS] = { "PASS", "WARN", "FAIL", "FAIL" };

void check_add(struct checks *checks, enum check_result result, const char *name, const char *cure, const char *format, ...)
{
	char text[512], title[64], remedy[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	snprintf(title, sizeof(title), "%s", name);
	snprintf(remedy, sizeof(remedy), "%s", cure ? cure : "");
	printable(text);
	printable(title);
	checks->count[result]++;
	if (!checks->json)
		printf("%s %s: %s%s%s\n", result_text[result], title, text, *remedy ? "; cure: " : "", printable(remedy));
	else if (json_array_append_new(checks->json, json_pack("{s:s, s:s, s:s, s:s}", "result", result_text[result], "name", title,
							       "text", text, "cure", printable(remedy))))
		checks->count[CHECK_FAIL]++;      /* out of memory */
}

int check_status(const struct checks *checks)
{
	if (checks->count[CHECK_DENIED])
		return EXIT_PERMISSION;
	return checks->count[CHECK_FAIL] ? EXIT_FAILED : EXIT_DONE;
}

static int print_json(const struct checks *checks)
{
	json_t *all = json_pack("{s:O, s:i, s:i, s:i, s:i}", "checks", checks->json, "passed", checks->count[CHECK_PASS],
				"warned", checks->count[CHECK_WARN], "failed", checks->count[CHECK_FAIL] + checks->count[CHECK_DENIED],
				"status", check_status(checks));
	int err = all ? json_dumpf(all, stdout, JSON_INDENT(2)) : -1;

	if (!err)
		putchar('\n');
	json_decref(all);
	return err;
}

static void print_sum(const struct checks *checks)
{
	printf("%u passed, %u warned, %u failed\n", checks->count[CHECK_PASS], checks->count[CHECK_WARN],
	       checks->count[CHECK_FAIL] + checks->count[CHECK_DENIED]);
}

int check_run(const struct options *options)
{
	struct checks checks = { .options = options, .json = options->json ? json_array() : NULL };
	int err = 0;

	if (options->json && !checks.json)
		return EXIT_FAILED;
	check_kernel(&checks);
	check_interfaces(&checks);
	if (checks.json)
		err = print_json(&checks);
	else
		print_sum(&checks);
	json_decref(checks.json);
	return err ? EXIT_FAILED : check_status(&checks);
}
