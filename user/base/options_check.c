/* SPDX-License-Identifier: Apache-2.0 */
/* options_check.c - which options go together, and which one a mistyped one was meant to be. */
#include <string.h>
#include "options_check.h"

static size_t row_index(const char *name)
{
	size_t i = 0;

	while (strcmp(option_rows[i].name, name))
		i++;
	return i;
}

static enum option_origin origin_of(const struct options_parse *p, const char *name)
{
	return p->origin[row_index(name)];
}

/* As the user wrote it: --name, or the variable. */
static const char *spelled(const struct options_parse *p, const char *name, char out[OPTION_ENV_SIZE])
{
	if (origin_of(p, name) == FROM_ENVIRONMENT)
		option_env_name(out, name);
	else
		snprintf(out, OPTION_ENV_SIZE, "--%s", name);
	return out;
}

static int check_input(struct options_parse *p)
{
	enum option_origin live = origin_of(p, "interface"), file = origin_of(p, "read-file");
	char a[OPTION_ENV_SIZE], b[OPTION_ENV_SIZE];

	if (!live && !file)
		return options_usage_error(p, "nothing to capture: give --interface (-i) or --read-file (-r)");
	if (live == file)
		return options_usage_error(p, "%s and %s exclude each other", spelled(p, "interface", a),
					   spelled(p, "read-file", b));
	string_list_clear(live < file ? &p->options->interfaces : &p->options->read_files);
	return GO_ON;
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && !strcmp(text + len - end_len, end);
}

static int check_write_file(struct options_parse *p)
{
	const char *file = p->options->write_file;
	char a[OPTION_ENV_SIZE];

	if (!file)
		return options_usage_error(p, "output file needs --write-file (-w)");
	if (!strcmp(file, "-"))
		return options_usage_error(p, "%s is a file; for stdout give --output stdout",
					   spelled(p, "write-file", a));
	if (ends_with(file, ".pcap") || ends_with(file, ".pcapng"))
		return options_usage_error(p, "%s %s: records are JSON lines, not packets; choose another name, "
					   "such as flows.jsonl", spelled(p, "write-file", a), file);
	return GO_ON;
}

/* Without output file: an option of it that was given at least as firmly as the output is a mistake; one that a flag
 * overrules is only set aside. */
static int check_no_file(struct options_parse *p)
{
	static const char *const names[] = { "write-file", "rotate-size", "rotate-interval", "compress" };
	enum option_origin output = origin_of(p, "output");
	char a[OPTION_ENV_SIZE];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		enum option_origin origin = origin_of(p, names[i]);

		if (origin > FROM_DEFAULT && origin >= output)
			return options_usage_error(p, "%s needs --output file", spelled(p, names[i], a));
	}
	p->options->write_file = NULL;
	return GO_ON;
}

static int check_bigquery(struct options_parse *p)
{
	const struct options *o = p->options;
	char a[OPTION_ENV_SIZE], b[OPTION_ENV_SIZE];

	if (!o->bigquery_project_id || !o->bigquery_dataset_id)
		return options_usage_error(p, "output bigquery needs --bigquery-%s-id", o->bigquery_project_id ? "dataset" : "project");
	if (o->bigquery_sa_key_file && o->bigquery_sa_key_data)
		return options_usage_error(p, "%s and %s exclude each other", spelled(p, "bigquery-sa-key-file", a),
					   spelled(p, "bigquery-sa-key-data", b));
	return GO_ON;
}

/* A reader of records must not find a log line among them. */
static int check_log(struct options_parse *p)
{
	const struct options *o = p->options;
	bool is_stdout = !strcmp(o->log_output, "stdout") || !strcmp(o->log_output, "-");

	if (is_stdout && string_list_has(&o->outputs, "stdout"))
		return options_usage_error(p, "log lines and records cannot both go to stdout");
	if (o->write_file && !strcmp(o->log_output, o->write_file))
		return options_usage_error(p, "log lines and records cannot both go to %s", o->write_file);
	return GO_ON;
}

/* Two packets further apart than the idle timeout shall not come in one count, so there are two harvests in that time. */
static void limit_harvest_interval(struct options *o)
{
	uint64_t most_ns = o->idle_timeout_ns / 2, least_ns = option_rows[row_index("harvest-interval")].min;

	if (o->harvest_interval_ns > most_ns)
		o->harvest_interval_ns = most_ns > least_ns ? most_ns : least_ns;
}

/* ship and spool: of which folder, and where to. */
static int check_spool(struct options_parse *p)
{
	const struct options *o = p->options;

	if (!o->state_dir)
		return options_usage_error(p, "%s needs --state-dir", o->command->name);
	for (size_t i = 0; o->command->scopes & OPTIONS_OUTPUT && i < o->outputs.count; i++)
		if (strcmp(o->outputs.items[i], "bigquery") != 0)
			return options_usage_error(p, "%s delivers over the network: give --output bigquery", o->command->name);
	return GO_ON;
}

int options_check(struct options_parse *p)
{
	int status = GO_ON;

	if (p->options->command->scopes & (OPTIONS_CAPTURE | OPTIONS_OUTPUT) && string_list_has(&p->options->outputs, "bigquery"))
		status = check_bigquery(p);
	if (status == GO_ON && p->options->command->scopes & OPTIONS_STATE)
		status = check_spool(p);
	if (status != GO_ON || !(p->options->command->scopes & OPTIONS_CAPTURE))
		return status;
	limit_harvest_interval(p->options);
	status = check_input(p);
	if (status == GO_ON)
		status = string_list_has(&p->options->outputs, "file") ? check_write_file(p) : check_no_file(p);
	return status == GO_ON ? check_log(p) : status;
}

/* How many letters to insert, leave out or exchange (Levenshtein's distance); 99 for long texts. One row of the
 * table at a time: distance[j] is that of the part of `a` so far to the first j letters of `b`. */
static unsigned edit_distance(const char *a, const char *b)
{
	unsigned distance[OPTION_ENV_SIZE];
	size_t b_len = strlen(b);

	if (b_len >= OPTION_ENV_SIZE || strlen(a) >= OPTION_ENV_SIZE)
		return 99;
	for (size_t j = 0; j <= b_len; j++)
		distance[j] = (unsigned)j;
	for (size_t i = 0; a[i]; i++) {
		unsigned diagonal = distance[0]++;

		for (size_t j = 0; j < b_len; j++) {
			unsigned best = diagonal + (a[i] != b[j]);

			diagonal = distance[j + 1];
			if (best > diagonal + 1)
				best = diagonal + 1;
			if (best > distance[j] + 1)
				best = distance[j] + 1;
			distance[j + 1] = best;
		}
	}
	return distance[b_len];
}

/* A beginning of three letters or more is as good as one wrong letter. */
static unsigned distance_to(const char *name, const char *option)
{
	size_t len = strlen(name);

	return len >= 3 && !strncmp(name, option, len) ? 1 : edit_distance(name, option);
}

const char *option_closest(const char *name, unsigned scopes)
{
	const char *closest = NULL;
	unsigned least = strlen(name) < 4 ? 1 : 3;        /* wrong letters that are too many */

	for (size_t i = 0; i < option_row_count; i++) {
		unsigned distance = distance_to(name, option_rows[i].name);

		if (option_rows[i].scope & scopes && distance < least) {
			least = distance;
			closest = option_rows[i].name;
		}
	}
	return closest;
}
