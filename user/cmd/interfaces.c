/* SPDX-License-Identifier: Apache-2.0 */
/* interfaces.c - the plan of each interface as a table for people or as JSON for programs. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include "../base/log.h"
#include "../base/options.h"
#include "interfaces.h"
#include "plan.h"
#include "printable.h"

#define COLUMNS 8

static const char *or_dash(const char *text)
{
	return *text ? text : "-";
}

/* A line of the table, in the order of its head. */
static void cells_of(const struct plan_row *row, char mtu[16], const char *cells[COLUMNS])
{
	snprintf(mtu, 16, "%u", row->mtu);
	cells[0] = row->name;
	cells[1] = row->is_up ? "up" : "down";
	cells[2] = row->mtu ? mtu : "-";
	cells[3] = or_dash(row->type);
	cells[4] = or_dash(row->driver);
	cells[5] = row->ingress;
	cells[6] = row->egress;
	cells[7] = row->why;
}

static void widen(int widths[COLUMNS], const char *const cells[COLUMNS])
{
	for (int i = 0; i < COLUMNS; i++)
		if ((int)strlen(cells[i]) > widths[i])
			widths[i] = (int)strlen(cells[i]);
}

static void print_line(const int widths[COLUMNS], const char *const cells[COLUMNS])
{
	for (int i = 0; i < COLUMNS - 1; i++)
		printf("%-*s  ", widths[i], cells[i]);
	printf("%s\n", cells[COLUMNS - 1]);
}

static void print_table(const struct plan *plan)
{
	static const char *const head[COLUMNS] = { "NAME", "STATE", "MTU", "TYPE", "DRIVER", "INGRESS", "EGRESS", "WHY" };
	const char *cells[COLUMNS];
	int widths[COLUMNS] = { 0 };
	char mtu[16];

	widen(widths, head);
	for (size_t i = 0; i < plan->count; i++) {
		cells_of(&plan->rows[i], mtu, cells);
		widen(widths, cells);
	}
	print_line(widths, head);
	for (size_t i = 0; i < plan->count; i++) {
		cells_of(&plan->rows[i], mtu, cells);
		print_line(widths, cells);
	}
}

static json_t *row_json(const struct plan_row *row)
{
	return json_pack("{s:s, s:b, s:I, s:s, s:s, s:s, s:s, s:s}", "name", row->name, "up", row->is_up, "mtu", (json_int_t)row->mtu,
			 "type", row->type, "driver", row->driver, "ingress", row->ingress, "egress", row->egress, "why", row->why);
}

static int print_json(const struct plan *plan)
{
	json_t *rows = json_array(), *all = json_pack("{s:o}", "interfaces", rows);
	int err = all ? 0 : -1;

	for (size_t i = 0; !err && i < plan->count; i++)
		err = json_array_append_new(rows, row_json(&plan->rows[i]));
	if (!err)
		err = json_dumpf(all, stdout, JSON_INDENT(2));
	if (!err)
		putchar('\n');
	json_decref(all);
	return err;
}

static int show(const struct plan *plan, const struct options *options)
{
	if (plan->missing) {
		log_error("interface %s: there is none of this name", plan->missing);
		return EXIT_FAILED;
	}
	for (size_t i = 0; i < plan->count; i++) {
		printable(plan->rows[i].name);
		printable(plan->rows[i].why);
	}
	if (options->json)
		return print_json(plan) ? EXIT_FAILED : EXIT_DONE;
	print_table(plan);
	return EXIT_DONE;
}

int interfaces_run(const struct options *options)
{
	struct plan plan;
	int status = plan_make(&plan, options) ? EXIT_FAILED : show(&plan, options);

	plan_free(&plan);
	return status;
}
