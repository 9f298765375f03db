/* SPDX-License-Identifier: Apache-2.0 */
/* options_rows.c - every option of the program, one row each. */
#include <ctype.h>
#include "options_rows.h"
#include "time.h"

#define MEMBER(m) offsetof(struct options, m)

const struct option_row option_rows[] = {
	{ .name = "log-level", .letter = 'l', .scope = OPTIONS_GLOBAL, .kind = OPT_CHOICE, .offset = MEMBER(log_level),
	  .default_text = "info", .values = "error|warn|info|debug",
	  .help = "least important log lines to write" },
	{ .name = "log-format", .letter = 'f', .scope = OPTIONS_GLOBAL, .kind = OPT_CHOICE, .offset = MEMBER(log_format),
	  .default_text = "console", .values = "console|json",
	  .help = "form of log lines" },
	{ .name = "log-output", .letter = 'o', .scope = OPTIONS_GLOBAL, .kind = OPT_STRING, .offset = MEMBER(log_output),
	  .default_text = "stderr", .values = "FILE",
	  .help = "where log lines go: stderr, stdout (or -), or a file to append to" },

	{ .name = "interface", .letter = 'i', .scope = OPTIONS_CAPTURE | OPTIONS_LIVE, .kind = OPT_LIST, .offset = MEMBER(interfaces),
	  .values = "NAME",
	  .help = "capture live on this interface; several by comma or repetition" },
	{ .name = "read-file", .letter = 'r', .scope = OPTIONS_CAPTURE, .kind = OPT_FILES, .offset = MEMBER(read_files),
	  .values = "FILE",
	  .help = "read a pcap or pcapng file, plain, gzip or zstd; - is stdin; several by repetition" },
	{ .name = "filter", .letter = 'f', .scope = OPTIONS_CAPTURE, .kind = OPT_TEXT, .offset = MEMBER(filter),
	  .values = "EXPR",
	  .help = "count only packets that match this pcap filter" },
	{ .name = "source", .scope = OPTIONS_CAPTURE | OPTIONS_LIVE, .kind = OPT_CHOICE, .offset = MEMBER(source),
	  .default_text = "auto", .values = "auto|xdp|pcap",
	  .help = "how to capture live; auto takes the best that works here and says which" },
	{ .name = "exclude-interface", .scope = OPTIONS_CAPTURE | OPTIONS_LIVE, .kind = OPT_LIST, .offset = MEMBER(exclude_interfaces),
	  .values = "NAME",
	  .help = "not these of the interfaces that a pattern matches" },
	{ .name = "xdp-mode", .scope = OPTIONS_CAPTURE | OPTIONS_LIVE, .kind = OPT_CHOICE, .offset = MEMBER(xdp_mode),
	  .default_text = "auto", .values = "auto|native|generic|off",
	  .help = "what counts incoming packets: native XDP or TC, only one of them, or TC (off)" },
	{ .name = "harvest-interval", .scope = OPTIONS_CAPTURE, .kind = OPT_DURATION, .offset = MEMBER(harvest_interval_ns),
	  .default_text = "1s", .values = "DURATION", .min = 10 * NS_PER_MS, .max = 60 * NS_PER_S,
	  .help = "collect the counts of the kernel this often" },
	{ .name = "table-slots", .scope = OPTIONS_CAPTURE | OPTIONS_LIVE, .kind = OPT_COUNT, .offset = MEMBER(table_slots),
	  .default_text = "0", .values = "N", .min = 64, .max = 1 << 20, .zero_is_off = true,
	  .help = "slots of the kernel's table, for each CPU and generation; 0 takes 16384 to 262144, by the memory and the number of CPUs" },
	{ .name = "ring-size", .scope = OPTIONS_CAPTURE | OPTIONS_LIVE, .kind = OPT_SIZE, .offset = MEMBER(ring_size),
	  .default_text = "32M", .values = "SIZE", .min = 64 << 10, .max = 1 << 30,
	  .help = "ring for flows that have to leave the kernel's table early; each ring for name packets has half of it" },
	{ .name = "output", .letter = 'o', .scope = OPTIONS_CAPTURE | OPTIONS_OUTPUT, .kind = OPT_CHOICES, .offset = MEMBER(outputs),
	  .default_text = "stdout", .values = "stdout|file|null|bigquery",
	  .help = "where records go; several by comma or repetition" },
	{ .name = "write-file", .letter = 'w', .scope = OPTIONS_CAPTURE, .kind = OPT_STRING, .offset = MEMBER(write_file),
	  .values = "FILE",
	  .help = "with output file: append the records to this file, in whole lines" },
	{ .name = "rotate-size", .scope = OPTIONS_CAPTURE, .kind = OPT_SIZE, .offset = MEMBER(rotate_size),
	  .default_text = "0", .values = "SIZE", .min = 4096, .zero_is_off = true,
	  .help = "with output file: begin a new file before this size is passed; the full one becomes FILE.TIME" },
	{ .name = "rotate-interval", .scope = OPTIONS_CAPTURE, .kind = OPT_DURATION,
	  .offset = MEMBER(rotate_interval_ns),
	  .default_text = "0", .values = "DURATION", .min = NS_PER_S, .zero_is_off = true,
	  .help = "with output file: begin a new file at each multiple of this in UTC (1h: on the hour)" },
	{ .name = "compress", .scope = OPTIONS_CAPTURE, .kind = OPT_CHOICE, .offset = MEMBER(compress),
	  .default_text = "none", .values = "none|zstd",
	  .help = "with output file: compress it" },
	{ .name = "stat-interval", .letter = 's', .scope = OPTIONS_CAPTURE, .kind = OPT_DURATION,
	  .offset = MEMBER(stat_interval_ns),
	  .default_text = "0", .values = "DURATION", .min = 100 * NS_PER_MS, .zero_is_off = true,
	  .help = "log packet and bit rates, active flows and the balance this often; 0 is never" },
	{ .name = "idle-timeout", .alias = "flow-timeout", .scope = OPTIONS_CAPTURE, .kind = OPT_DURATION,
	  .offset = MEMBER(idle_timeout_ns),
	  .default_text = "120s", .values = "DURATION", .min = NS_PER_MS,
	  .help = "end a flow after this long without a packet" },
	{ .name = "active-timeout", .scope = OPTIONS_CAPTURE, .kind = OPT_DURATION, .offset = MEMBER(active_timeout_ns),
	  .default_text = "0", .values = "DURATION", .min = NS_PER_MS, .zero_is_off = true,
	  .help = "write a part record of a flow that lasts longer than this; 0 is never" },
	{ .name = "max-flows", .scope = OPTIONS_CAPTURE, .kind = OPT_COUNT, .offset = MEMBER(max_flows),
	  .default_text = "0", .values = "N", .min = 16, .max = 1ull << 31, .zero_is_off = true,
	  .help = "keep at most this many flows at a time; 0 takes a bound from the memory" },
	{ .name = "max-input-bytes", .scope = OPTIONS_CAPTURE, .kind = OPT_SIZE, .offset = MEMBER(max_input_bytes),
	  .default_text = "0", .values = "SIZE",
	  .help = "stop with an error when a read file is longer than this once unpacked; 0 is no bound" },
	{ .name = "names", .scope = OPTIONS_CAPTURE, .kind = OPT_CHOICE, .offset = MEMBER(names),
	  .default_text = "on", .values = "on|off",
	  .help = "add host names to records" },
	{ .name = "no-flow-names", .scope = OPTIONS_CAPTURE, .kind = OPT_NO_FLAG, .offset = MEMBER(flow_names),
	  .help = "leave out the names that a flow itself tells (TLS, QUIC, HTTP)" },
	{ .name = "dns-unmatched", .scope = OPTIONS_CAPTURE, .kind = OPT_CHOICE, .offset = MEMBER(dns_unmatched),
	  .default_text = "count", .values = "count|learn",
	  .help = "what to do with DNS answers to questions that were not seen" },
	{ .name = "extended", .scope = OPTIONS_CAPTURE, .kind = OPT_FLAG, .offset = MEMBER(extended),
	  .help = "add the extended members to records" },
	{ .name = "no-promiscuous", .scope = OPTIONS_CAPTURE, .kind = OPT_NO_FLAG, .offset = MEMBER(promiscuous),
	  .help = "do not put the interface into promiscuous mode" },
	{ .name = "immediate", .scope = OPTIONS_CAPTURE, .kind = OPT_FLAG, .offset = MEMBER(immediate),
	  .help = "take each packet from the kernel at once: less delay, more load" },
	{ .name = "snaplen", .scope = OPTIONS_CAPTURE, .kind = OPT_SIZE, .offset = MEMBER(snaplen),
	  .default_text = "8192", .values = "SIZE", .min = 64, .max = 256 << 10,
	  .help = "octets to look at of each packet; bytes are counted in full" },
	{ .name = "buffer-size", .scope = OPTIONS_CAPTURE, .kind = OPT_SIZE, .offset = MEMBER(buffer_size),
	  .default_text = "32M", .values = "SIZE", .min = 64 << 10, .max = 2ull << 30,
	  .help = "packet buffer in the kernel, for each interface" },
	{ .name = "state-dir", .scope = OPTIONS_CAPTURE | OPTIONS_STATE, .kind = OPT_STRING, .offset = MEMBER(state_dir),
	  .values = "DIR",
	  .help = "keep here what has to outlive the process: records that are not delivered yet; without it they are in memory only" },
	{ .name = "spool-max", .scope = OPTIONS_CAPTURE, .kind = OPT_SIZE, .offset = MEMBER(spool_max),
	  .default_text = "1G", .values = "SIZE", .min = 8 << 20,
	  .help = "records that are not delivered yet take at most this much of the disk; in memory at most 64M" },
	{ .name = "spool-full", .scope = OPTIONS_CAPTURE, .kind = OPT_CHOICE, .offset = MEMBER(spool_full),
	  .default_text = "drop-oldest", .values = "drop-oldest|drop-newest|block",
	  .help = "what to do when that is not enough: drop and count records, or let packets wait" },
	{ .name = "spool-sync", .scope = OPTIONS_CAPTURE, .kind = OPT_DURATION, .offset = MEMBER(spool_sync_ns),
	  .default_text = "1s", .values = "DURATION", .min = 100 * NS_PER_MS, .zero_is_off = true,
	  .help = "a power cut costs at most the records of this long; 0 syncs each batch" },
	{ .name = "shutdown-timeout", .scope = OPTIONS_CAPTURE | OPTIONS_SHIP, .kind = OPT_DURATION, .offset = MEMBER(shutdown_timeout_ns),
	  .default_text = "10s", .values = "DURATION",
	  .help = "at the end, try to deliver for this long; the rest stays in the spool" },
	{ .name = "ca-file", .scope = OPTIONS_CAPTURE | OPTIONS_SHIP, .kind = OPT_STRING, .offset = MEMBER(ca_file),
	  .values = "FILE",
	  .help = "certificates to trust besides the system's" },
	{ .name = "proxy", .scope = OPTIONS_CAPTURE | OPTIONS_SHIP, .kind = OPT_STRING, .offset = MEMBER(proxy),
	  .values = "URL",
	  .help = "proxy for outputs; without it HTTPS_PROXY, HTTP_PROXY and NO_PROXY count" },
	{ .name = "bigquery-project-id", .alias = "bq-project-id", .scope = OPTIONS_CAPTURE | OPTIONS_SHIP, .kind = OPT_STRING,
	  .offset = MEMBER(bigquery_project_id), .values = "ID",
	  .help = "project of the dataset; needed with output bigquery" },
	{ .name = "bigquery-dataset-id", .alias = "bq-dataset-id", .scope = OPTIONS_CAPTURE | OPTIONS_SHIP, .kind = OPT_STRING,
	  .offset = MEMBER(bigquery_dataset_id), .values = "ID",
	  .help = "dataset of the table; needed with output bigquery" },
	{ .name = "bigquery-table-id", .scope = OPTIONS_CAPTURE | OPTIONS_SHIP, .kind = OPT_STRING, .offset = MEMBER(bigquery_table_id),
	  .default_text = "flow_logs", .values = "ID",
	  .help = "table of the records, created when missing" },
	{ .name = "bigquery-sa-key-file", .alias = "bq-sa-key-file", .scope = OPTIONS_CAPTURE | OPTIONS_SHIP, .kind = OPT_STRING,
	  .offset = MEMBER(bigquery_sa_key_file), .values = "FILE",
	  .help = "key of a service account, or another credentials file of Google's; else application default credentials" },
	{ .name = "bigquery-sa-key-data", .alias = "bq-sa-key-data", .scope = OPTIONS_CAPTURE | OPTIONS_SHIP, .kind = OPT_STRING,
	  .offset = MEMBER(bigquery_sa_key_data), .values = "JSON",
	  .help = "the same, the text itself; better by its variable than as an argument, which others on this host can read" },
	{ .name = "bigquery-mode", .scope = OPTIONS_CAPTURE | OPTIONS_SHIP, .kind = OPT_CHOICE, .offset = MEMBER(bigquery_mode),
	  .default_text = "auto", .values = "auto|insertall|load|write",
	  .help = "how rows get there: streaming, load jobs, the Storage Write API; auto streams, and loads a large backlog" },
	{ .name = "bigquery-load-interval", .scope = OPTIONS_CAPTURE | OPTIONS_SHIP, .kind = OPT_DURATION,
	  .offset = MEMBER(bigquery_load_interval_ns),
	  .default_text = "120s", .values = "DURATION", .min = 60 * NS_PER_S,
	  .help = "time between two load jobs; a table takes 1500 a day from all who load into it" },
	{ .name = "bigquery-location", .scope = OPTIONS_CAPTURE | OPTIONS_SHIP, .kind = OPT_STRING, .offset = MEMBER(bigquery_location),
	  .values = "NAME",
	  .help = "location of load jobs; without it that of the dataset" },
	{ .name = "bigquery-migrate", .scope = OPTIONS_CAPTURE | OPTIONS_SHIP, .kind = OPT_FLAG, .offset = MEMBER(bigquery_migrate),
	  .help = "add columns that the table lacks; else they are left out and counted" },
	{ .name = "bigquery-endpoint", .scope = OPTIONS_CAPTURE | OPTIONS_SHIP, .kind = OPT_STRING, .offset = MEMBER(bigquery_endpoint),
	  .values = "URL",
	  .help = "REST API to use; without it BIGQUERY_EMULATOR_HOST, else https://bigquery.googleapis.com" },
	{ .name = "bigquery-write-endpoint", .scope = OPTIONS_CAPTURE | OPTIONS_SHIP, .kind = OPT_STRING, .offset = MEMBER(bigquery_write_endpoint),
	  .values = "URL",
	  .help = "Storage Write API to use; without it https://bigquerystorage.googleapis.com" },
	{ .name = "json", .scope = OPTIONS_JSON, .kind = OPT_FLAG, .offset = MEMBER(json),
	  .help = "print JSON" },
};

const size_t option_row_count = sizeof(option_rows) / sizeof(option_rows[0]);
_Static_assert(sizeof(option_rows) / sizeof(option_rows[0]) <= OPTION_ROWS_MAX, "origins are kept in an array");

void option_env_name(char out[OPTION_ENV_SIZE], const char *name)
{
	size_t len = (size_t)snprintf(out, OPTION_ENV_SIZE, "DEVOURER_%s", name);

	for (size_t i = 0; i < len && i < OPTION_ENV_SIZE; i++)
		out[i] = out[i] == '-' ? '_' : (char)toupper((unsigned char)out[i]);
}

bool option_is_flag(const struct option_row *row)
{
	return row->kind == OPT_FLAG || row->kind == OPT_NO_FLAG;
}

/* In the largest unit that divides it. */
static void format_number(const struct option_row *row, uint64_t value, char *out, size_t size)
{
	static const struct { const char *name; uint64_t factor; } durations[] = {
		{ "h", 3600 * NS_PER_S }, { "m", 60 * NS_PER_S }, { "s", NS_PER_S }, { "ms", NS_PER_MS }, { "ns", 1 },
	}, sizes[] = {
		{ "G", 1 << 30 }, { "M", 1 << 20 }, { "K", 1 << 10 }, { "", 1 },
	};
	size_t unit = 0;

	if (row->kind == OPT_DURATION) {
		while (value % durations[unit].factor)
			unit++;
		snprintf(out, size, "%llu%s", (unsigned long long)(value / durations[unit].factor),
			 durations[unit].name);
		return;
	}
	while (row->kind == OPT_COUNT ? unit < 3 : value % sizes[unit].factor)
		unit++;
	snprintf(out, size, "%llu%s", (unsigned long long)(value / sizes[unit].factor), sizes[unit].name);
}

void option_limits(const struct option_row *row, char *out, size_t size)
{
	char min[24], max[24];

	format_number(row, row->min, min, sizeof(min));
	format_number(row, row->max, max, sizeof(max));
	snprintf(out, size, "%s%s%s%s", min, row->max ? " to " : " or more", row->max ? max : "",
		 row->zero_is_off ? ", or 0" : "");
}
