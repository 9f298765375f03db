/* SPDX-License-Identifier: Apache-2.0 */
/* options_rows.h - the table of options and what reads it: parsing (options.c) and printing (options_help.c). */
#ifndef DEVOURER_OPTIONS_ROWS_H
#define DEVOURER_OPTIONS_ROWS_H
#include <stdio.h>
#include "options.h"

enum option_kind {
	OPT_STRING,                               /* not empty */
	OPT_TEXT,                                 /* empty means none */
	OPT_CHOICE,                               /* one of the words in `values` */
	OPT_CHOICES,                              /* a list of them: by comma or repetition, each once */
	OPT_LIST,                                 /* by comma or repetition, each once */
	OPT_FILES,                                /* by repetition only, since a file name may have a comma; - once */
	OPT_DURATION, OPT_SIZE, OPT_COUNT,        /* uint64_t: nanoseconds, octets, a number */
	OPT_FLAG,
	OPT_NO_FLAG,                              /* --no-x: the member is true unless given */
};

struct option_row {
	const char *name;                         /* long; DEVOURER_NAME follows from it */
	const char *alias;                        /* hidden second spelling, with its variable; or NULL */
	char letter;                              /* 0: none */
	uint8_t scope;                            /* enum option_scope */
	enum option_kind kind;
	size_t offset;                            /* in struct options */
	const char *default_text;                 /* as it would be given; NULL: none */
	const char *values;                       /* what help calls the value, or the accepted words parted by | */
	uint64_t min, max;                        /* of a number; max 0: no bound */
	bool zero_is_off;                         /* 0 is accepted below `min` too */
	const char *help;
};

#define OPTION_ROWS_MAX 96
extern const struct option_row option_rows[];
extern const size_t option_row_count;             /* at most OPTION_ROWS_MAX */

#define OPTION_ENV_SIZE 64
/* "idle-timeout" to "DEVOURER_IDLE_TIMEOUT". */
void option_env_name(char out[OPTION_ENV_SIZE], const char *name);

/* "64 to 256K", "100ms or more, or 0". */
void option_limits(const struct option_row *row, char *out, size_t size);

bool option_is_flag(const struct option_row *row);

/* What --help prints for the program (`command` NULL) or a command, what --version prints, and the rows as TSV. */
void options_print_help(FILE *to, const struct command *commands, const struct command *command);
void options_print_version(FILE *to);
void options_print_table(FILE *to);
#endif
