/* SPDX-License-Identifier: Apache-2.0 */
/* test_options.c - command lines and variables in, options or the exact usage error out. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "../user/base/options.h"
#include "../user/base/options_rows.h"
#include "../user/base/time.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct row {
	const char *args[14];                     /* without the program */
	const char *env[4];                       /* NAME=VALUE, without DEVOURER_ */
	const char *result;                       /* members that are not at their default; NULL: an error */
	const char *error;                        /* without what stands around it */
	bool is_of_program;                       /* the error points at the program's help, not the command's */
};

static int run_nothing(const struct options *options)
{
	(void)options;
	return 0;
}

static const struct command commands[] = {
	{ "capture", "c", "Records flows.", run_nothing, OPTIONS_CAPTURE },
	{ "check", NULL, "Tells what this host can do.", run_nothing, OPTIONS_JSON },
	{ 0 },
};

/* ---- running a command line ---- */

/* What was written to `fd` between capture_begin and capture_end. */
struct output {
	int fd, saved_fd;
	FILE *file;
	char text[16384];
};

static void capture_begin(struct output *output, int fd)
{
	fflush(NULL);
	output->fd = fd;
	output->file = tmpfile();
	output->saved_fd = dup(fd);
	assert_non_null(output->file);
	assert_true(dup2(fileno(output->file), fd) == fd);
}

static void capture_end(struct output *output)
{
	size_t len;

	fflush(NULL);
	dup2(output->saved_fd, output->fd);
	close(output->saved_fd);
	rewind(output->file);
	len = fread(output->text, 1, sizeof(output->text) - 1, output->file);
	output->text[len] = 0;
	fclose(output->file);
}

static void clear_environment(void)
{
	char name[OPTION_ENV_SIZE];

	for (size_t i = 0; i < option_row_count; i++) {
		option_env_name(name, option_rows[i].name);
		unsetenv(name);
	}
	unsetenv("DEVOURER_FLOW_TIMEOUT");
	unsetenv("JOURNAL_STREAM");
}

static void set_environment(const char *const *env, size_t max)
{
	clear_environment();
	for (size_t i = 0; i < max && env[i]; i++) {
		char name[OPTION_ENV_SIZE] = "DEVOURER_";
		size_t len = strcspn(env[i], "=");

		strncat(name, env[i], len);
		setenv(name, env[i] + len + 1, 1);
	}
}

static int parse(struct options *options, const char *const *args, size_t max)
{
	char *argv[20] = { (char *)"devourer" };
	int argc = 1;

	for (size_t i = 0; i < max && args[i]; i++)
		argv[argc++] = (char *)args[i];
	return options_parse(options, commands, argc, argv);
}

static void add(char *out, size_t size, const char *name, const char *value)
{
	size_t len = strlen(out);

	snprintf(out + len, size - len, "%s%s=%s", len ? " " : "", name, value);
}

/* What the user changed, "name=value name=value". Lists by comma, numbers in their unit. */
static void describe(const struct options *o, char *out, size_t size)
{
	const struct { const char *name, *value, *usual; } strings[] = {
		{ "log_level", o->log_level, "info" }, { "log_format", o->log_format, "console" },
		{ "log_output", o->log_output, "stderr" }, { "filter", o->filter, NULL },
		{ "source", o->source, "auto" }, { "write_file", o->write_file, NULL },
		{ "compress", o->compress, "none" }, { "names", o->names, "on" },
		{ "dns_unmatched", o->dns_unmatched, "count" },
	};
	const struct { const char *name; const struct string_list *list; const char *usual; } lists[] = {
		{ "interfaces", &o->interfaces, "" }, { "read_files", &o->read_files, "" },
		{ "outputs", &o->outputs, "stdout" },
	};
	const struct { const char *name; uint64_t value, usual; } numbers[] = {
		{ "rotate_size", o->rotate_size, 0 }, { "rotate_interval_ns", o->rotate_interval_ns, 0 },
		{ "stat_interval_ns", o->stat_interval_ns, 0 }, { "idle_timeout_ns", o->idle_timeout_ns, 120 * NS_PER_S },
		{ "active_timeout_ns", o->active_timeout_ns, 0 }, { "max_flows", o->max_flows, 0 },
		{ "max_input_bytes", o->max_input_bytes, 0 }, { "buffer_size", o->buffer_size, 32 << 20 },
		{ "snaplen", o->snaplen, 8192 },
	};
	const struct { const char *name; bool value, usual; } flags[] = {
		{ "flow_names", o->flow_names, true }, { "promiscuous", o->promiscuous, true },
		{ "immediate", o->immediate, false }, { "extended", o->extended, false },
	};
	char text[256];

	*out = 0;
	for (size_t i = 0; i < COUNT(lists); i++) {
		*text = 0;
		for (size_t j = 0; j < lists[i].list->count; j++)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", j ? "," : "",
				 lists[i].list->items[j]);
		if (strcmp(text, lists[i].usual))
			add(out, size, lists[i].name, text);
	}
	for (size_t i = 0; i < COUNT(strings); i++) {
		const char *value = strings[i].value, *usual = strings[i].usual;

		if (!value != !usual || (value && strcmp(value, usual)))
			add(out, size, strings[i].name, value ? value : "NULL");
	}
	for (size_t i = 0; i < COUNT(numbers); i++) {
		snprintf(text, sizeof(text), "%llu", (unsigned long long)numbers[i].value);
		if (numbers[i].value != numbers[i].usual)
			add(out, size, numbers[i].name, text);
	}
	for (size_t i = 0; i < COUNT(flags); i++) {
		if (flags[i].value != flags[i].usual)
			add(out, size, flags[i].name, flags[i].value ? "true" : "false");
	}
}

static void check_row(const struct row *row)
{
	struct output output;
	struct options options;
	char text[1024];
	int status;

	set_environment(row->env, COUNT(row->env));
	capture_begin(&output, STDERR_FILENO);
	status = parse(&options, row->args, COUNT(row->args));
	capture_end(&output);
	if (row->result) {
		assert_string_equal(output.text, "");
		assert_int_equal(status, -1);
		assert_ptr_equal(options.command, &commands[0]);
		describe(&options, text, sizeof(text));
		assert_string_equal(text, row->result);
	} else {
		snprintf(text, sizeof(text), "devourer: error: %s (see 'devourer %s--help')\n", row->error,
			 row->is_of_program ? "" : "capture ");
		assert_string_equal(output.text, text);
		assert_int_equal(status, EXIT_USAGE);
	}
	options_free(&options);
	clear_environment();
}

static void check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_row(&rows[i]);
}

/* ---- flags ---- */

static void a_command_line_is_read(void **state)
{
	static const struct row rows[] = {
		{ .args = { "capture", "-i", "eth0" }, .result = "interfaces=eth0" },
		{ .args = { "c", "-ieth0" }, .result = "interfaces=eth0" },
		{ .args = { "c", "-i=eth0" }, .result = "interfaces=eth0" },
		{ .args = { "c", "--interface", "eth0" }, .result = "interfaces=eth0" },
		{ .args = { "c", "--interface=eth0" }, .result = "interfaces=eth0" },
		{ .args = { "c", "-i", "eth0,eth1", "-i", "wlan0" }, .result = "interfaces=eth0,eth1,wlan0" },
		{ .args = { "c", "-r", "a.pcap" }, .result = "read_files=a.pcap" },
		{ .args = { "c", "-r", "-" }, .result = "read_files=-" },
		{ .args = { "c", "-r", "a,b.pcap", "--read-file", "c.pcap", "-r", "c.pcap" },
		  .result = "read_files=a,b.pcap,c.pcap,c.pcap" },
		{ .args = { "c", "-r=-x.pcap" }, .result = "read_files=-x.pcap" },
		{ .args = { "c", "-i", "lo", "-f", "tcp port 443" }, .result = "interfaces=lo filter=tcp port 443" },
		{ .args = { "c", "-i", "lo", "--filter=a=b" }, .result = "interfaces=lo filter=a=b" },
		{ .args = { "c", "-i", "lo", "--filter=" }, .result = "interfaces=lo" },
		{ .args = { "c", "-i", "lo", "-f", "" }, .result = "interfaces=lo" },
		{ .args = { "c", "-i", "lo", "--source", "pcap" }, .result = "interfaces=lo source=pcap" },
		{ .args = { "c", "-i", "lo", "-o", "null" }, .result = "interfaces=lo outputs=null" },
		{ .args = { "c", "-i", "lo", "-o", "stdout,null" }, .result = "interfaces=lo outputs=stdout,null" },
		{ .args = { "c", "-i", "lo", "-o", "null", "--output", "stdout" },
		  .result = "interfaces=lo outputs=null,stdout" },
		{ .args = { "c", "-i", "lo", "-o", "file", "-w", "x.jsonl" },
		  .result = "interfaces=lo outputs=file write_file=x.jsonl" },
		{ .args = { "c", "-i", "lo", "-o", "file", "-w", "x", "--rotate-size", "64M", "--rotate-interval", "1h",
			    "--compress", "zstd" },
		  .result = "interfaces=lo outputs=file write_file=x compress=zstd rotate_size=67108864 "
			    "rotate_interval_ns=3600000000000" },
		{ .args = { "c", "-i", "lo", "-s", "10s" }, .result = "interfaces=lo stat_interval_ns=10000000000" },
		{ .args = { "c", "-i", "lo", "-s", "10s", "-s", "0" }, .result = "interfaces=lo" },
		{ .args = { "c", "-i", "lo", "--idle-timeout", "1ms" }, .result = "interfaces=lo idle_timeout_ns=1000000" },
		{ .args = { "c", "-i", "lo", "--flow-timeout", "1m30s" },
		  .result = "interfaces=lo idle_timeout_ns=90000000000" },
		{ .args = { "c", "-i", "lo", "--flow-timeout", "5s", "--idle-timeout=7s" },
		  .result = "interfaces=lo idle_timeout_ns=7000000000" },
		{ .args = { "c", "-i", "lo", "--active-timeout", "1h" },
		  .result = "interfaces=lo active_timeout_ns=3600000000000" },
		{ .args = { "c", "-i", "lo", "--max-flows", "16" }, .result = "interfaces=lo max_flows=16" },
		{ .args = { "c", "-i", "lo", "--max-flows", "2147483648" }, .result = "interfaces=lo max_flows=2147483648" },
		{ .args = { "c", "-i", "lo", "--max-flows", "0" }, .result = "interfaces=lo" },
		{ .args = { "c", "-r", "x", "--max-input-bytes", "1" }, .result = "read_files=x max_input_bytes=1" },
		{ .args = { "c", "-i", "lo", "--snaplen", "64" }, .result = "interfaces=lo snaplen=64" },
		{ .args = { "c", "-i", "lo", "--snaplen", "256K" }, .result = "interfaces=lo snaplen=262144" },
		{ .args = { "c", "-i", "lo", "--buffer-size", "2G" }, .result = "interfaces=lo buffer_size=2147483648" },
		{ .args = { "c", "-i", "lo", "--names", "off" }, .result = "interfaces=lo names=off" },
		{ .args = { "c", "-i", "lo", "--no-flow-names" }, .result = "interfaces=lo flow_names=false" },
		{ .args = { "c", "-i", "lo", "--no-flow-names=off" }, .result = "interfaces=lo" },
		{ .args = { "c", "-i", "lo", "--dns-unmatched", "learn" }, .result = "interfaces=lo dns_unmatched=learn" },
		{ .args = { "c", "-i", "lo", "--extended", "--immediate", "--no-promiscuous" },
		  .result = "interfaces=lo promiscuous=false immediate=true extended=true" },
		{ .args = { "c", "-i", "lo", "--extended=yes", "--immediate=false" },
		  .result = "interfaces=lo extended=true" },
		{ .args = { "-l", "debug", "-f", "json", "-o", "x.log", "c", "-i", "lo", "-f", "udp", "-o", "null" },
		  .result = "interfaces=lo outputs=null log_level=debug log_format=json log_output=x.log filter=udp" },
		{ .args = { "--log-level=warn", "c", "--log-format", "json", "-l", "error", "-i", "lo" },
		  .result = "interfaces=lo log_level=error log_format=json" },
		{ .args = { "-o", "stdout", "c", "-i", "lo", "-o", "null" },
		  .result = "interfaces=lo outputs=null log_output=stdout" },
		{ .args = { "--", "c", }, .env = { "INTERFACE=lo" }, .result = "interfaces=lo" },
		{ .args = { "c", "-i", "lo", "--" }, .result = "interfaces=lo" },
	};

	(void)state;
	check_rows(rows, COUNT(rows));
}

static void a_usage_error_names_what_is_wrong_and_what_is_accepted(void **state)
{
	static const struct row rows[] = {
		{ .args = { NULL }, .is_of_program = true, .error = "a command is missing; accepted are capture, check" },
		{ .args = { "-l", "debug" }, .is_of_program = true,
		  .error = "a command is missing; accepted are capture, check" },
		{ .args = { "captur", "-i", "lo" }, .is_of_program = true,
		  .error = "unknown command captur; accepted are capture, check" },
		{ .args = { "-i", "lo", "capture" }, .is_of_program = true,
		  .error = "-i belongs behind the command, as in 'devourer capture -i'" },
		{ .args = { "--read-file=x", "capture" }, .is_of_program = true,
		  .error = "--read-file belongs behind the command, as in 'devourer capture --read-file'" },
		{ .args = { "--json", "check" }, .is_of_program = true,
		  .error = "--json belongs behind the command, as in 'devourer check --json'" },
		{ .args = { "capture", "-i", "lo", "--json" },
		  .error = "--json belongs behind the command, as in 'devourer check --json'" },
		{ .args = { "-x" }, .is_of_program = true, .error = "unknown option -x" },
		{ .args = { "c" }, .error = "nothing to capture: give --interface (-i) or --read-file (-r)" },
		{ .args = { "c", "-i", "lo", "-r", "x" }, .error = "--interface and --read-file exclude each other" },
		{ .args = { "c", "--interfce", "lo" }, .error = "unknown option --interfce; did you mean --interface?" },
		{ .args = { "c", "--inter=lo" }, .error = "unknown option --inter; did you mean --interface?" },
		{ .args = { "c", "-interface", "lo" }, .error = "unknown option -interface; did you mean --interface?" },
		{ .args = { "c", "--bogus" }, .error = "unknown option --bogus" },
		{ .args = { "c", "--help=x" }, .error = "unknown option --help" },
		{ .args = { "c", "-x" }, .error = "unknown option -x" },
		{ .args = { "c", "-i" }, .error = "-i needs a value" },
		{ .args = { "c", "--idle-timeout" }, .error = "--idle-timeout needs a value" },
		{ .args = { "c", "-i", "-r", "x" },
		  .error = "-i needs a value; one that begins with - is written as -i=-r" },
		{ .args = { "c", "--filter", "--extended" },
		  .error = "--filter needs a value; one that begins with - is written as --filter=--extended" },
		{ .args = { "c", "-i", "" }, .error = "-i needs a value that is not empty" },
		{ .args = { "c", "-i", "eth0,,eth1" }, .error = "-i needs a value that is not empty" },
		{ .args = { "c", "--interface=eth0," }, .error = "--interface needs a value that is not empty" },
		{ .args = { "c", "-i", "eth0,eth0" }, .error = "-i: eth0 is given twice" },
		{ .args = { "c", "-r", "-", "-r", "-" }, .error = "-r: - is given twice" },
		{ .args = { "c", "-i", "lo", "-o", "null,null" }, .error = "-o: null is given twice" },
		{ .args = { "c", "-i", "lo", "-o", "nul" }, .error = "-o nul: accepted are stdout, file, null, bigquery" },
		{ .args = { "c", "-i", "lo", "--output=" }, .error = "--output needs a value that is not empty" },
		{ .args = { "c", "-i", "lo", "--source", "tap" }, .error = "--source tap: accepted are auto, xdp, pcap" },
		{ .args = { "c", "-i", "lo", "--names=" }, .error = "--names : accepted are on, off" },
		{ .args = { "c", "-i", "lo", "--names=o" }, .error = "--names o: accepted are on, off" },
		{ .args = { "c", "-i", "lo", "--names=on|off" }, .error = "--names on|off: accepted are on, off" },
		{ .args = { "--log-level", "loud", "c" }, .is_of_program = true,
		  .error = "--log-level loud: accepted are error, warn, info, debug" },
		{ .args = { "--log-output=", "c" }, .is_of_program = true,
		  .error = "--log-output needs a value that is not empty" },
		{ .args = { "c", "-i", "lo", "--extended=maybe" },
		  .error = "--extended maybe: accepted are 1, true, yes, on, 0, false, no, off" },
		{ .args = { "c", "-i", "lo", "--idle-timeout", "12" },
		  .error = "--idle-timeout 12: not a duration, such as 500ms, 10s or 1m30s" },
		{ .args = { "c", "-i", "lo", "--flow-timeout=0" },
		  .error = "--flow-timeout 0: accepted are 1ms or more" },
		{ .args = { "c", "-i", "lo", "--idle-timeout", "300000h" }, .result = "interfaces=lo "
		  "idle_timeout_ns=1080000000000000000" },
		{ .args = { "c", "-i", "lo", "--idle-timeout", "3000000h" },
		  .error = "--idle-timeout 3000000h: too large" },
		{ .args = { "c", "-i", "lo", "--stat-interval", "99ms" },
		  .error = "--stat-interval 99ms: accepted are 100ms or more, or 0" },
		{ .args = { "c", "-i", "lo", "--snaplen", "63" }, .error = "--snaplen 63: accepted are 64 to 256K" },
		{ .args = { "c", "-i", "lo", "--snaplen", "0" }, .error = "--snaplen 0: accepted are 64 to 256K" },
		{ .args = { "c", "-i", "lo", "--snaplen", "262145" },
		  .error = "--snaplen 262145: accepted are 64 to 256K" },
		{ .args = { "c", "-i", "lo", "--buffer-size", "63K" },
		  .error = "--buffer-size 63K: accepted are 64K to 2G" },
		{ .args = { "c", "-i", "lo", "--buffer-size", "1.5G" },
		  .error = "--buffer-size 1.5G: not a size, such as 4096, 64K, 8M or 1G" },
		{ .args = { "c", "-i", "lo", "--max-flows", "15" },
		  .error = "--max-flows 15: accepted are 16 to 2147483648, or 0" },
		{ .args = { "c", "-i", "lo", "--max-flows", "2147483649" },
		  .error = "--max-flows 2147483649: accepted are 16 to 2147483648, or 0" },
		{ .args = { "c", "-i", "lo", "--max-flows", "1K" }, .error = "--max-flows 1K: not a number" },
		{ .args = { "c", "-i", "lo", "--max-flows=" }, .error = "--max-flows : not a number" },
		{ .args = { "c", "-i", "lo", "tcp", "port", "80" },
		  .error = "unexpected argument tcp; a packet filter is given with --filter" },
		{ .args = { "c", "-i", "lo", "--", "-f" },
		  .error = "unexpected argument -f; a packet filter is given with --filter" },
		{ .args = { "c", "-i", "lo", "-o", "file" }, .error = "output file needs --write-file (-w)" },
		{ .args = { "c", "-i", "lo", "-w", "x.jsonl" }, .error = "--write-file needs --output file" },
		{ .args = { "c", "-i", "lo", "--rotate-size", "1M" }, .error = "--rotate-size needs --output file" },
		{ .args = { "c", "-i", "lo", "--rotate-interval", "1h" },
		  .error = "--rotate-interval needs --output file" },
		{ .args = { "c", "-i", "lo", "-o", "null", "--compress=zstd" }, .error = "--compress needs --output file" },
		{ .args = { "c", "-i", "lo", "-o", "file", "-w", "x", "--rotate-size", "4095" },
		  .error = "--rotate-size 4095: accepted are 4K or more, or 0" },
		{ .args = { "c", "-i", "lo", "-o", "file", "-w", "x", "--rotate-interval", "999ms" },
		  .error = "--rotate-interval 999ms: accepted are 1s or more, or 0" },
		{ .args = { "c", "-i", "lo", "-o", "file", "-w", "-" },
		  .error = "--write-file is a file; for stdout give --output stdout" },
		{ .args = { "c", "-i", "lo", "-o", "file", "-w", "x.pcap" },
		  .error = "--write-file x.pcap: records are JSON lines, not packets; choose another name, "
			   "such as flows.jsonl" },
		{ .args = { "c", "-i", "lo", "-o", "file", "-w", "x.pcapng" },
		  .error = "--write-file x.pcapng: records are JSON lines, not packets; choose another name, "
			   "such as flows.jsonl" },
		{ .args = { "-o", "stdout", "c", "-i", "lo" }, .error = "log lines and records cannot both go to stdout" },
		{ .args = { "-o", "-", "c", "-i", "lo" }, .error = "log lines and records cannot both go to stdout" },
		{ .args = { "-o", "x", "c", "-i", "lo", "-o", "file", "-w", "x" },
		  .error = "log lines and records cannot both go to x" },
		{ .args = { "c", "-i", "lo", "--\033[2J" }, .error = "unknown option --\\x1B[2J" },
	};

	(void)state;
	check_rows(rows, COUNT(rows));
}

/* ---- environment ---- */

static void a_flag_beats_the_environment_which_beats_the_default(void **state)
{
	static const struct row rows[] = {
		{ .args = { "c" }, .env = { "INTERFACE=eth0,eth1" }, .result = "interfaces=eth0,eth1" },
		{ .args = { "c", "-i", "lo" }, .env = { "INTERFACE=eth0" }, .result = "interfaces=lo" },
		{ .args = { "c", "-r", "x" }, .env = { "INTERFACE=eth0" }, .result = "read_files=x" },
		{ .args = { "c", "-i", "lo" }, .env = { "READ_FILE=x" }, .result = "interfaces=lo" },
		{ .args = { "c" }, .env = { "READ_FILE=a,b" }, .result = "read_files=a,b" },
		{ .args = { "c" }, .env = { "READ_FILE=x", "INTERFACE=eth0" },
		  .error = "DEVOURER_INTERFACE and DEVOURER_READ_FILE exclude each other" },
		{ .args = { "c", "-i", "lo" }, .env = { "OUTPUT=null" }, .result = "interfaces=lo outputs=null" },
		{ .args = { "c", "-i", "lo" }, .env = { "OUTPUT=" }, .result = "interfaces=lo" },
		{ .args = { "c", "-i", "lo" }, .env = { "OUTPUT=bigquer" },
		  .error = "DEVOURER_OUTPUT=bigquer: accepted are stdout, file, null, bigquery" },
		{ .args = { "c", "-i", "lo", "-o", "null" }, .env = { "OUTPUT=bigquer" },
		  .result = "interfaces=lo outputs=null" },
		{ .args = { "c", "-i", "lo" }, .env = { "IDLE_TIMEOUT=5s" }, .result = "interfaces=lo "
		  "idle_timeout_ns=5000000000" },
		{ .args = { "c", "-i", "lo" }, .env = { "FLOW_TIMEOUT=6s" }, .result = "interfaces=lo "
		  "idle_timeout_ns=6000000000" },
		{ .args = { "c", "-i", "lo" }, .env = { "FLOW_TIMEOUT=6s", "IDLE_TIMEOUT=5s" },
		  .result = "interfaces=lo idle_timeout_ns=5000000000" },
		{ .args = { "c", "-i", "lo", "--idle-timeout", "120s" }, .env = { "IDLE_TIMEOUT=5s" },
		  .result = "interfaces=lo" },
		{ .args = { "c", "-i", "lo" }, .env = { "IDLE_TIMEOUT=5" },
		  .error = "DEVOURER_IDLE_TIMEOUT=5: not a duration, such as 500ms, 10s or 1m30s" },
		{ .args = { "c", "-i", "lo" }, .env = { "FLOW_TIMEOUT=0" },
		  .error = "DEVOURER_FLOW_TIMEOUT=0: accepted are 1ms or more" },
		{ .args = { "c", "-i", "lo" }, .env = { "LOG_LEVEL=debug", "LOG_FORMAT=json", "LOG_OUTPUT=x.log" },
		  .result = "interfaces=lo log_level=debug log_format=json log_output=x.log" },
		{ .args = { "-l", "warn", "c", "-i", "lo" }, .env = { "LOG_LEVEL=debug" },
		  .result = "interfaces=lo log_level=warn" },
		{ .args = { "c", "-i", "lo" }, .env = { "EXTENDED=1", "IMMEDIATE=on", "NO_FLOW_NAMES=true",
							  "NO_PROMISCUOUS=yes" },
		  .result = "interfaces=lo flow_names=false promiscuous=false immediate=true extended=true" },
		{ .args = { "c", "-i", "lo" }, .env = { "EXTENDED=0", "IMMEDIATE=off", "NO_FLOW_NAMES=false",
							  "NO_PROMISCUOUS=no" },
		  .result = "interfaces=lo" },
		{ .args = { "c", "-i", "lo", "--extended" }, .env = { "EXTENDED=0" }, .result = "interfaces=lo extended=true" },
		{ .args = { "c", "-i", "lo", "--extended=0" }, .env = { "EXTENDED=1" }, .result = "interfaces=lo" },
		{ .args = { "c", "-i", "lo" }, .env = { "EXTENDED=2" },
		  .error = "DEVOURER_EXTENDED=2: accepted are 1, true, yes, on, 0, false, no, off" },
		{ .args = { "c", "-i", "lo", "--filter=" }, .env = { "FILTER=udp" }, .result = "interfaces=lo" },
		{ .args = { "c", "-i", "lo" }, .env = { "OUTPUT=file", "WRITE_FILE=x", "COMPRESS=zstd" },
		  .result = "interfaces=lo outputs=file write_file=x compress=zstd" },
		{ .args = { "c", "-i", "lo" }, .env = { "OUTPUT=file" }, .error = "output file needs --write-file (-w)" },
		{ .args = { "c", "-i", "lo" }, .env = { "WRITE_FILE=x" },
		  .error = "DEVOURER_WRITE_FILE needs --output file" },
		{ .args = { "c", "-i", "lo", "-o", "null" }, .env = { "WRITE_FILE=x", "ROTATE_SIZE=1M" },
		  .result = "interfaces=lo outputs=null rotate_size=1048576" },
		{ .args = { "c", "-i", "lo", "-o", "file" }, .env = { "WRITE_FILE=x.pcap" },
		  .error = "DEVOURER_WRITE_FILE x.pcap: records are JSON lines, not packets; choose another name, "
			   "such as flows.jsonl" },
		{ .args = { "c", "-i", "lo" }, .env = { "LOG_OUTPUT=-" },
		  .error = "log lines and records cannot both go to stdout" },
	};

	(void)state;
	check_rows(rows, COUNT(rows));
}

static void a_command_without_capture_options_takes_only_global_ones(void **state)
{
	static const char *const good[] = { "check", "-l", "debug", NULL }, *const bad[] = { "check", "-i", "lo", NULL };
	struct options options;
	struct output output;

	(void)state;
	clear_environment();
	setenv("DEVOURER_OUTPUT", "no such output", 1);
	assert_int_equal(parse(&options, good, COUNT(good)), -1);
	assert_ptr_equal(options.command, &commands[1]);
	assert_string_equal(options.log_level, "debug");
	assert_int_equal(options.outputs.count, 0);
	options_free(&options);
	capture_begin(&output, STDERR_FILENO);
	assert_int_equal(parse(&options, bad, COUNT(bad)), EXIT_USAGE);
	capture_end(&output);
	options_free(&options);
	clear_environment();
}

/* ---- help, version, table ---- */

static const char *printed(struct output *output, const char *const *args)
{
	struct options options;
	int status;

	clear_environment();
	capture_begin(output, STDOUT_FILENO);
	status = parse(&options, args, 14);
	capture_end(output);
	options_free(&options);
	assert_int_equal(status, EXIT_DONE);
	return output->text;
}

#define PRINTED(output, ...) printed(output, (const char *const[14]){ __VA_ARGS__ })

static void assert_lines_fit(const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		assert_true(len <= 100);
		assert_true(!len || text[len - 1] != ' ');
		text += len + 1;
	}
}

static void help_shows_every_option_of_its_scope_with_variable_and_default(void **state)
{
	struct output program, command, check;

	(void)state;
	PRINTED(&program, "--help");
	PRINTED(&command, "capture", "--help");
	PRINTED(&check, "check", "--help");
	assert_lines_fit(program.text);
	assert_lines_fit(command.text);
	assert_lines_fit(check.text);
	assert_non_null(strstr(program.text, "  capture, c "));
	assert_non_null(strstr(program.text, "  check "));
	for (size_t i = 0; i < option_row_count; i++) {
		unsigned scope = option_rows[i].scope;
		const char *text = scope & OPTIONS_GLOBAL ? program.text : scope & OPTIONS_CAPTURE ? command.text : check.text;
		char name[80], variable[OPTION_ENV_SIZE];

		snprintf(name, sizeof(name), "--%s", option_rows[i].name);
		option_env_name(variable, option_rows[i].name);
		assert_non_null(strstr(text, name));
		assert_non_null(strstr(text, variable));
	}
	assert_non_null(strstr(command.text, "[DEVOURER_IDLE_TIMEOUT, default 120s]"));
	assert_null(strstr(command.text, "flow-timeout"));
}

static void every_way_to_ask_for_help_gives_the_same_text(void **state)
{
	struct output program, command, other;

	(void)state;
	PRINTED(&program, "--help");
	assert_string_equal(PRINTED(&other, "-h"), program.text);
	assert_string_equal(PRINTED(&other, "help"), program.text);
	PRINTED(&command, "capture", "--help");
	assert_string_equal(PRINTED(&other, "c", "-i", "lo", "-h"), command.text);
	assert_string_equal(PRINTED(&other, "help", "capture"), command.text);
}

static void the_version_is_one_line(void **state)
{
	struct output output;

	(void)state;
	assert_int_equal(strncmp(PRINTED(&output, "--version"), "devourer ", 9), 0);
	assert_int_equal(output.text[strlen(output.text) - 1], '\n');
	assert_int_equal(strchr(output.text, '\n') - output.text, strlen(output.text) - 1);
	assert_string_equal(PRINTED(&output, "-v"), output.text);
}

static void the_table_has_a_line_of_six_columns_for_every_option(void **state)
{
	struct output output;
	size_t lines = 0;

	(void)state;
	PRINTED(&output, "--help-table");
	for (char *line = output.text, *end; (end = strchr(line, '\n')); line = end + 1, lines++) {
		size_t tabs = 0;

		for (char *p = line; p < end; p++)
			tabs += *p == '\t';
		assert_int_equal(tabs, 5);
	}
	assert_int_equal(lines, option_row_count);
	assert_non_null(strstr(output.text, "idle-timeout\t-\tDEVOURER_IDLE_TIMEOUT\t120s\tDURATION\t"));
	assert_non_null(strstr(output.text, "interface\ti\tDEVOURER_INTERFACE\t-\tNAME\t"));
	assert_non_null(strstr(output.text, "extended\t-\tDEVOURER_EXTENDED\toff\t-\t"));
}

static void no_two_options_of_a_scope_share_a_name_or_a_letter(void **state)
{
	(void)state;
	for (size_t i = 0; i < option_row_count; i++) {
		for (size_t j = 0; j < i; j++) {
			const struct option_row *a = &option_rows[i], *b = &option_rows[j];

			assert_string_not_equal(a->name, b->name);
			assert_false(a->letter && a->letter == b->letter && a->scope & b->scope);
			assert_false(a->alias && !strcmp(a->alias, b->name));
		}
		assert_true(option_rows[i].letter != 'h' && option_rows[i].letter != 'v');
	}
}

/* ---- values ---- */

static void durations_are_go_syntax(void **state)
{
	static const struct { const char *text; int err; uint64_t ns; } rows[] = {
		{ "0", 0, 0 }, { "0s", 0, 0 }, { "1ns", 0, 1 }, { "1us", 0, 1000 }, { "1\u00b5s", 0, 1000 },
		{ "1\u03bcs", 0, 1000 }, { "500ms", 0, 500 * NS_PER_MS }, { "10s", 0, 10 * NS_PER_S },
		{ "1m30s", 0, 90 * NS_PER_S }, { "1h2m3s4ms5us6ns", 0, 3723004005006 }, { "1.5h", 0, 5400 * NS_PER_S },
		{ ".5s", 0, 500 * NS_PER_MS }, { "1.s", 0, NS_PER_S }, { "0.0000000019s", 0, 1 },
		{ "1s1s", 0, 2 * NS_PER_S }, { "00010s", 0, 10 * NS_PER_S },
		{ "9223372036854775807ns", 0, INT64_MAX }, { "9223372036854775808ns", -ERANGE, 0 },
		{ "18446744073709551616ns", -ERANGE, 0 }, { "99999999999999999999h", -ERANGE, 0 },
		{ "9223372036s1s", -ERANGE, 0 }, { "2562047h47m17s", -ERANGE, 0 },
		{ "", -EINVAL, 0 }, { "1", -EINVAL, 0 }, { "s", -EINVAL, 0 }, { ".s", -EINVAL, 0 }, { "1x", -EINVAL, 0 },
		{ "-1s", -EINVAL, 0 }, { "+1s", -EINVAL, 0 }, { " 1s", -EINVAL, 0 }, { "1s ", -EINVAL, 0 },
		{ "1s1", -EINVAL, 0 }, { "1d", -EINVAL, 0 }, { "1S", -EINVAL, 0 }, { "1.2.3s", -EINVAL, 0 }, { "00", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t ns = 77;

		assert_int_equal(parse_duration(rows[i].text, &ns), rows[i].err);
		assert_int_equal(ns, rows[i].err ? 77 : rows[i].ns);
	}
}

static void sizes_are_whole_numbers_of_powers_of_1024(void **state)
{
	static const struct { const char *text; int err; uint64_t octets; } rows[] = {
		{ "0", 0, 0 }, { "4096", 0, 4096 }, { "64K", 0, 65536 }, { "64k", 0, 65536 }, { "8M", 0, 8 << 20 },
		{ "1G", 0, 1 << 30 }, { "2T", 0, 2ull << 40 }, { "18446744073709551615", 0, UINT64_MAX },
		{ "16777215T", 0, 16777215ull << 40 }, { "16777216T", -ERANGE, 0 },
		{ "18446744073709551616", -ERANGE, 0 }, { "99999999999999999999K", -ERANGE, 0 },
		{ "", -EINVAL, 0 }, { "K", -EINVAL, 0 }, { "1KB", -EINVAL, 0 }, { "1.5M", -EINVAL, 0 }, { "-1", -EINVAL, 0 },
		{ "1 K", -EINVAL, 0 }, { "1P", -EINVAL, 0 }, { "0x10", -EINVAL, 0 }, { "1\xc3", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t octets = 77;

		assert_int_equal(parse_size(rows[i].text, &octets), rows[i].err);
		assert_int_equal(octets, rows[i].err ? 77 : rows[i].octets);
	}
}

static void counts_are_whole_numbers(void **state)
{
	static const struct { const char *text; int err; uint64_t value; } rows[] = {
		{ "0", 0, 0 }, { "16", 0, 16 }, { "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 }, { "", -EINVAL, 0 }, { "1K", -EINVAL, 0 }, { "1e3", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t value = 77;

		assert_int_equal(parse_count(rows[i].text, &value), rows[i].err);
		assert_int_equal(value, rows[i].err ? 77 : rows[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_line_is_read),
		cmocka_unit_test(a_usage_error_names_what_is_wrong_and_what_is_accepted),
		cmocka_unit_test(a_flag_beats_the_environment_which_beats_the_default),
		cmocka_unit_test(a_command_without_capture_options_takes_only_global_ones),
		cmocka_unit_test(help_shows_every_option_of_its_scope_with_variable_and_default),
		cmocka_unit_test(every_way_to_ask_for_help_gives_the_same_text),
		cmocka_unit_test(the_version_is_one_line),
		cmocka_unit_test(the_table_has_a_line_of_six_columns_for_every_option),
		cmocka_unit_test(no_two_options_of_a_scope_share_a_name_or_a_letter),
		cmocka_unit_test(durations_are_go_syntax),
		cmocka_unit_test(sizes_are_whole_numbers_of_powers_of_1024),
		cmocka_unit_test(counts_are_whole_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
