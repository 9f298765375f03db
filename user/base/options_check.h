/* SPDX-License-Identifier: Apache-2.0 */
/* options_check.h - the state of parsing, and the rules between options that no row can tell. */
#ifndef DEVOURER_OPTIONS_CHECK_H
#define DEVOURER_OPTIONS_CHECK_H
#include "options_rows.h"

#define GO_ON (-1)                                /* else an exit status */

/* Who gave an option its value; the larger one beats the smaller. */
enum option_origin { FROM_NOBODY, FROM_DEFAULT, FROM_ENVIRONMENT, FROM_FLAG };

struct options_parse {
	struct options *options;
	const struct command *commands;
	int argc, at;                             /* `at`: the next word of argv */
	char **argv;
	enum option_origin origin[OPTION_ROWS_MAX];       /* of each row */
};

/* Log one line that ends with how to get help. EXIT_USAGE. */
int options_usage_error(const struct options_parse *p, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Every row has its value: do they go together? What was chosen by a flag beats what the environment says against
 * it. GO_ON, or EXIT_USAGE after a message. */
int options_check(struct options_parse *p);

void string_list_clear(struct string_list *list);

/* The option name (without dashes) that `name` was probably meant to be, or NULL. */
const char *option_closest(const char *name, unsigned scopes);
#endif
