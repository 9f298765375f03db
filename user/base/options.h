/* SPDX-License-Identifier: Apache-2.0 */
/* options.h - what the user asked for: one table of rows yields parsing, environment, --help and the docs check.
 *
 * Precedence: flag, then DEVOURER_NAME, then the row's default; an empty variable counts as not set. Durations are Go
 * syntax (1m30s, 500ms), sizes 64K, 8M, 1G. An unknown flag, value or command is a usage error that names what is
 * accepted. The table is in options_rows.c: an option is a row there and a member here.
 */
#ifndef DEVOURER_OPTIONS_H
#define DEVOURER_OPTIONS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit statuses of the program (SPEC section 2). */
enum exit_status { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_PERMISSION = 3, EXIT_RECORDS_LOST = 4 };

struct string_list {
	char **items;                             /* each malloc'ed */
	size_t count;
};

/* Strings point into argv, the environment or the table of rows; only lists are owned. */
struct options {
	/* global, before the command */
	const char *log_level, *log_format, *log_output;
	/* capture; exactly one of the first two lists is not empty */
	struct string_list interfaces, exclude_interfaces, read_files;
	const char *filter;                       /* NULL: every packet */
	const char *source;                       /* auto, xdp, pcap */
	const char *xdp_mode;                     /* auto, native, generic, off */
	uint64_t harvest_interval_ns;
	uint64_t table_slots, ring_size;          /* kernel tables: slots for each CPU (0: by their number), octets of the victim ring */
	struct string_list outputs;               /* stdout, file, null; at least one, each once */
	const char *write_file;                   /* with output file, else NULL */
	uint64_t rotate_size;                     /* octets; 0: off */
	uint64_t rotate_interval_ns;              /* 0: off */
	const char *compress;                     /* zstd, none */
	uint64_t stat_interval_ns;                /* 0: off */
	uint64_t idle_timeout_ns;
	uint64_t active_timeout_ns;               /* 0: off */
	uint64_t max_flows;                       /* 0: by memory */
	uint64_t max_input_bytes;                 /* decompressed octets of one file; 0: no bound */
	uint64_t buffer_size, snaplen;            /* live libpcap: kernel buffer, octets kept of a packet */
	const char *names;                        /* on, off */
	const char *dns_unmatched;                /* count, learn */
	bool flow_names, promiscuous, immediate, extended;
	bool json;                                /* interfaces, check, status, detach */
	/* which command */
	const struct command *command;
};

/* Which rows a command takes; every command takes the global ones too. */
enum option_scope { OPTIONS_GLOBAL = 1, OPTIONS_CAPTURE = 2, OPTIONS_LIVE = 4, OPTIONS_JSON = 8 }; /* LIVE: which interfaces, and how */

/* A command of the program: `run` gets the parsed options and returns an exit status. */
struct command {
	const char *name, *alias, *summary;
	int (*run)(const struct options *options);
	unsigned scopes;                          /* enum option_scope, or'ed */
};

/* Parse argv over the environment over the defaults into `options` (options_free it, whatever the result).
 * `commands` ends with a row without a name. Returns -1 to go on; else the exit status to end with at once:
 * 0 after --help or --version (printed to stdout), EXIT_USAGE after a message on stderr. Opens nothing. */
int options_parse(struct options *options, const struct command *commands, int argc, char **argv);
void options_free(struct options *options);

bool string_list_has(const struct string_list *list, const char *text);

/* The pieces, for tests and for other readers of the same syntax. 0, or with `out` untouched -EINVAL, or -ERANGE when
 * the number is too large: over 2^63 - 1 ns for a duration, 2^64 - 1 for the others. */
int parse_duration(const char *text, uint64_t *out_ns);
int parse_size(const char *text, uint64_t *out_octets);
int parse_count(const char *text, uint64_t *out);
#endif
