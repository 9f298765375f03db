/* SPDX-License-Identifier: Apache-2.0 */
/* check.h - `devourer check`: what this host can do, a line for each thing that capture needs, with its cure. */
#ifndef DEVOURER_CHECK_H
#define DEVOURER_CHECK_H
#include <stdbool.h>
#include <stddef.h>

struct json_t;
struct options;

/* Prints the lines, or JSON. Changes nothing. EXIT_DONE; EXIT_FAILED; EXIT_PERMISSION when one is missing. */
int check_run(const struct options *options);

/* WARN: capture works, but worse than it could. DENIED: a FAIL whose cause is a missing permission. */
enum check_result { CHECK_PASS, CHECK_WARN, CHECK_FAIL, CHECK_DENIED, CHECK_RESULTS };

struct checks {
	const struct options *options;
	struct json_t *json;                      /* an array; NULL: lines to stdout */
	unsigned count[CHECK_RESULTS];
};

/* One line: "FAIL NAME: TEXT; cure: CURE". `cure` NULL or "": none. `format` and what follows make the text. */
void check_add(struct checks *checks, enum check_result result, const char *name, const char *cure, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* What each part looks at adds its lines. */
void check_kernel(struct checks *checks);         /* check_kernel.c: counting in the kernel; nothing but on Linux */
void check_interfaces(struct checks *checks);     /* check_interfaces.c: libpcap, and each interface */

/* The end of the command for what was found. An enum exit_status. */
int check_status(const struct checks *checks);
#endif
