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
	struct string_list outputs;               /* stdout, file, null, bigquery; at least one, each once */
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
	bool json;                                /* interfaces, check, status, detach, spool */
	/* outputs that go over the network */
	const char *state_dir;                    /* NULL: the spool is in memory */
	uint64_t spool_max;                       /* octets */
	const char *spool_full;                   /* drop-oldest, drop-newest, block */
	uint64_t spool_sync_ns;                   /* 0: after each batch */
	uint64_t shutdown_timeout_ns;
	const char *ca_file, *proxy;              /* NULL: none, or what the environment says */
	const char *bigquery_project_id, *bigquery_dataset_id; /* given with output bigquery, else NULL */
	const char *bigquery_table_id;
	const char *bigquery_sa_key_file, *bigquery_sa_key_data; /* NULL: application default credentials */
	const char *bigquery_mode;                /* auto, insertall, load, write */
	const char *bigquery_location;            /* of jobs; NULL: that of the dataset */
	const char *bigquery_endpoint;            /* URL of the REST API; NULL: BIGQUERY_EMULATOR_HOST, else Google's */
	const char *bigquery_write_endpoint;      /* URL of the Storage Write API; NULL: Google's */
	uint64_t bigquery_load_interval_ns;
	bool bigquery_migrate;
	/* which command */
	const struct command *command;
};

/* Which rows a command takes; every command takes the global ones too. */
enum option_scope {
	OPTIONS_GLOBAL = 1, OPTIONS_CAPTURE = 2,
	OPTIONS_LIVE = 4,                         /* which interfaces, and how */
	OPTIONS_JSON = 8,
	OPTIONS_OUTPUT = 16,                      /* where records go */
	OPTIONS_SHIP = 32,                        /* how they go over the network */
	OPTIONS_STATE = 64,                       /* where state is kept */
};

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

/* Open the log as the options say. 0 or -errno, said on stderr. */
int options_open_log(const struct options *options);

bool string_list_has(const struct string_list *list, const char *text);

/* The pieces, for tests and for other readers of the same syntax. 0, or with `out` untouched -EINVAL, or -ERANGE when
 * the number is too large: over 2^63 - 1 ns for a duration, 2^64 - 1 for the others. */
int parse_duration(const char *text, uint64_t *out_ns);
int parse_size(const char *text, uint64_t *out_octets);
int parse_count(const char *text, uint64_t *out);
#endif
