/* SPDX-License-Identifier: Apache-2.0 */
/* options.c - reads argv, then the environment, then the defaults, into the members that the rows point at. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "options.h"
#include "options_check.h"
#include "options_rows.h"

/* A value on its way into `row`, and how it was given, for messages. */
struct given {
	const struct option_row *row;
	const char *spelling;                     /* "--snaplen", "-i", "DEVOURER_SNAPLEN" */
	const char *text;
	enum option_origin origin;
};

static const struct option_row *row_of_letter(char letter, unsigned scopes)
{
	for (size_t i = 0; i < option_row_count; i++) {
		if (option_rows[i].letter == letter && option_rows[i].scope & scopes)
			return &option_rows[i];
	}
	return NULL;
}

static const struct option_row *row_of_name(const char *name, unsigned scopes)
{
	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];

		if (row->scope & scopes && (!strcmp(row->name, name) || (row->alias && !strcmp(row->alias, name))))
			return row;
	}
	return NULL;
}

int options_usage_error(const struct options_parse *p, const char *format, ...)
{
	const struct command *command = p->options->command;
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_error("%s (see 'devourer %s%s--help')", text, command ? command->name : "", command ? " " : "");
	return EXIT_USAGE;
}

/* Values */

static int refuse(struct options_parse *p, const struct given *given, const char *why)
{
	const char *between = given->origin == FROM_ENVIRONMENT ? "=" : " ";

	return options_usage_error(p, "%s%s%s: %s", given->spelling, between, given->text, why);
}

/* "auto|pcap" to "accepted are auto, pcap". */
static int refuse_word(struct options_parse *p, const struct given *given)
{
	char why[160];
	size_t len = (size_t)snprintf(why, sizeof(why), "accepted are ");

	for (const char *v = given->row->values; *v && len < sizeof(why) - 3; v++) {
		why[len++] = *v == '|' ? ',' : *v;
		if (*v == '|')
			why[len++] = ' ';
	}
	why[len] = 0;
	return refuse(p, given, why);
}

static bool is_word_of(const char *values, const char *text, size_t len)
{
	for (const char *v = values; *v;) {
		size_t word_len = strcspn(v, "|");

		if (word_len == len && !strncmp(v, text, len))
			return true;
		v += word_len + (v[word_len] == '|');
	}
	return false;
}

static int set_number(struct options_parse *p, const struct given *given, int (*parse)(const char *, uint64_t *),
		      const char *what)
{
	const struct option_row *row = given->row;
	char limits[64], why[96];
	uint64_t value = 0;
	int err = parse(given->text, &value);

	if (err)
		return refuse(p, given, err == -ERANGE ? "too large" : what);
	if ((value || !row->zero_is_off) && (value < row->min || (row->max && value > row->max))) {
		option_limits(row, limits, sizeof(limits));
		snprintf(why, sizeof(why), "accepted are %s", limits);
		return refuse(p, given, why);
	}
	memcpy((char *)p->options + row->offset, &value, sizeof(value));
	return GO_ON;
}

static int set_flag(struct options_parse *p, const struct given *given)
{
	static const char yes[] = "1|true|yes|on", no[] = "0|false|no|off";
	size_t len = strlen(given->text);
	bool is_yes = is_word_of(yes, given->text, len);
	bool value = is_yes != (given->row->kind == OPT_NO_FLAG);

	if (!is_yes && !is_word_of(no, given->text, len))
		return refuse(p, given, "accepted are 1, true, yes, on, 0, false, no, off");
	memcpy((char *)p->options + given->row->offset, &value, sizeof(value));
	return GO_ON;
}

static int set_string(struct options_parse *p, const struct given *given)
{
	const char *text = given->text;

	if (given->row->kind == OPT_CHOICE && !is_word_of(given->row->values, text, strlen(text)))
		return refuse_word(p, given);
	if (!*text && given->row->kind == OPT_STRING)
		return options_usage_error(p, "%s needs a value that is not empty", given->spelling);
	if (!*text)
		text = NULL;
	memcpy((char *)p->options + given->row->offset, &text, sizeof(text));
	return GO_ON;
}

static int append(struct string_list *list, const char *text, size_t len)
{
	char **items = realloc(list->items, (list->count + 1) * sizeof(*items));

	if (!items)
		return -ENOMEM;
	list->items = items;
	items[list->count] = strndup(text, len);
	if (!items[list->count])
		return -ENOMEM;
	list->count++;
	return 0;
}

static int add_item(struct options_parse *p, const struct given *given, struct string_list *list, const char *text,
		    size_t len)
{
	bool is_repeatable = given->row->kind == OPT_FILES && !(len == 1 && *text == '-');

	if (!len)
		return options_usage_error(p, "%s needs a value that is not empty", given->spelling);
	if (given->row->kind == OPT_CHOICES && !is_word_of(given->row->values, text, len))
		return refuse_word(p, given);
	for (size_t i = 0; i < list->count && !is_repeatable; i++) {
		if (!strncmp(list->items[i], text, len) && !list->items[i][len])
			return options_usage_error(p, "%s: %.*s is given twice", given->spelling, (int)len, text);
	}
	return append(list, text, len) ? options_usage_error(p, "out of memory") : GO_ON;
}

static int add_items(struct options_parse *p, const struct given *given)
{
	struct string_list *list = (struct string_list *)((char *)p->options + given->row->offset);
	const char *text = given->text, *end;
	int status;

	do {
		end = given->row->kind == OPT_FILES ? text + strlen(text) : text + strcspn(text, ",");
		status = add_item(p, given, list, text, (size_t)(end - text));
		text = end + 1;
	} while (status == GO_ON && *end);
	return status;
}

static int set_value(struct options_parse *p, const struct given *given)
{
	p->origin[given->row - option_rows] = given->origin;
	switch (given->row->kind) {
	case OPT_CHOICES: case OPT_LIST: case OPT_FILES:
		return add_items(p, given);
	case OPT_DURATION:
		return set_number(p, given, parse_duration, "not a duration, such as 500ms, 10s or 1m30s");
	case OPT_SIZE:
		return set_number(p, given, parse_size, "not a size, such as 4096, 64K, 8M or 1G");
	case OPT_COUNT:
		return set_number(p, given, parse_count, "not a number");
	case OPT_FLAG: case OPT_NO_FLAG:
		return set_flag(p, given);
	default:
		return set_string(p, given);
	}
}

/* Arguments */

static unsigned accepted_scopes(const struct options_parse *p)
{
	return OPTIONS_GLOBAL | (p->options->command ? p->options->command->scopes : 0);
}

/* Something that starts with a dash is taken for the next option, so that a forgotten value is not a strange one. */
static int take_value(struct options_parse *p, struct given *given)
{
	const char *next = p->at < p->argc ? p->argv[p->at] : NULL;

	if (!next)
		return options_usage_error(p, "%s needs a value", given->spelling);
	if (next[0] == '-' && next[1])
		return options_usage_error(p, "%s needs a value; one that begins with - is written as %s=%s",
					   given->spelling, given->spelling, next);
	p->at++;
	given->text = next;
	return set_value(p, given);
}

static int unknown_option(struct options_parse *p, const char *dashes, const char *name)
{
	const char *closest = dashes[1] ? option_closest(name, accepted_scopes(p)) : NULL;

	if (closest)
		return options_usage_error(p, "unknown option %s%s; did you mean --%s?", dashes, name, closest);
	return options_usage_error(p, "unknown option %s%s", dashes, name);
}

static int misplaced_option(struct options_parse *p, const char *spelling, const struct option_row *row)
{
	const struct command *command = p->commands;

	while (command[1].name && !(command->scopes & row->scope))
		command++;
	return options_usage_error(p, "%s belongs behind the command, as in 'devourer %s %s'", spelling, command->name, spelling);
}

static int print(struct options_parse *p, const char *what)
{
	if (!strcmp(what, "help"))
		options_print_help(stdout, p->commands, p->options->command);
	else if (!strcmp(what, "version"))
		options_print_version(stdout);
	else
		options_print_table(stdout);
	return EXIT_DONE;
}

static int take_long(struct options_parse *p, const char *word)
{
	char spelling[OPTION_ENV_SIZE + 2];
	size_t name_len = strcspn(word, "=");
	const char *name = spelling + 2;
	struct given given = { .spelling = spelling, .origin = FROM_FLAG };

	if (!strcmp(word, "help") || !strcmp(word, "version") || !strcmp(word, "help-table"))
		return print(p, word);
	if (name_len >= OPTION_ENV_SIZE)
		return unknown_option(p, "--", word);
	snprintf(spelling, sizeof(spelling), "--%.*s", (int)name_len, word);
	given.row = row_of_name(name, accepted_scopes(p));
	if (!given.row) {
		const struct option_row *elsewhere = row_of_name(name, ~0u);

		return elsewhere ? misplaced_option(p, spelling, elsewhere) : unknown_option(p, "--", name);
	}
	if (word[name_len] == '=') {
		given.text = word + name_len + 1;
		return set_value(p, &given);
	}
	if (option_is_flag(given.row)) {
		given.text = "1";
		return set_value(p, &given);
	}
	return take_value(p, &given);
}

/* The same letter may be a global option before the command and another one of the command behind it. */
static int take_short(struct options_parse *p, const char *word)
{
	char spelling[] = { '-', word[0], 0 };
	struct given given = { .spelling = spelling, .origin = FROM_FLAG };

	if (row_of_name(word, ~0u))               /* -interface would be the interface "nterface" */
		return options_usage_error(p, "unknown option -%s; did you mean --%s?", word, word);
	if (!strcmp(word, "h"))
		return print(p, "help");
	if (!strcmp(word, "v"))
		return print(p, "version");
	given.row = row_of_letter(word[0], accepted_scopes(p) & ~(unsigned)OPTIONS_GLOBAL);
	if (!given.row)
		given.row = row_of_letter(word[0], OPTIONS_GLOBAL);
	if (!given.row) {
		const struct option_row *elsewhere = row_of_letter(word[0], ~0u);

		return elsewhere ? misplaced_option(p, spelling, elsewhere) : unknown_option(p, "-", word);
	}
	if (!word[1])
		return take_value(p, &given);
	given.text = word + 1 + (word[1] == '=');
	return set_value(p, &given);
}

static const struct command *find_command(const struct command *commands, const char *word)
{
	for (; commands->name; commands++) {
		if (!strcmp(commands->name, word) || (commands->alias && !strcmp(commands->alias, word)))
			return commands;
	}
	return NULL;
}

/* "capture" or "capture, top, report". */
static const char *command_names(const struct options_parse *p, char *out, size_t size)
{
	size_t len = 0;

	*out = 0;
	for (const struct command *c = p->commands; c->name && len < size; c++)
		len += (size_t)snprintf(out + len, size - len, "%s%s", len ? ", " : "", c->name);
	return out;
}

static int take_command(struct options_parse *p, const char *word)
{
	char names[160];

	if (!strcmp(word, "help")) {
		if (p->at < p->argc)
			p->options->command = find_command(p->commands, p->argv[p->at]);
		return print(p, word);
	}
	p->options->command = find_command(p->commands, word);
	if (!p->options->command)
		return options_usage_error(p, "unknown command %s; accepted are %s", word,
					   command_names(p, names, sizeof(names)));
	return GO_ON;
}

static int take_word(struct options_parse *p, const char *word)
{
	if (!p->options->command)
		return take_command(p, word);
	if (p->options->command->scopes & OPTIONS_CAPTURE)
		return options_usage_error(p, "unexpected argument %s; a packet filter is given with --filter", word);
	return options_usage_error(p, "unexpected argument %s", word);
}

static int read_arguments(struct options_parse *p)
{
	bool is_words_only = false;
	int status = GO_ON;

	while (status == GO_ON && p->at < p->argc) {
		const char *word = p->argv[p->at++];

		if (is_words_only || word[0] != '-' || !word[1])
			status = take_word(p, word);
		else if (!strcmp(word, "--"))
			is_words_only = true;
		else if (word[1] == '-')
			status = take_long(p, word + 2);
		else
			status = take_short(p, word + 1);
	}
	return status;
}

/* Environment and defaults, for what is not given yet */

static int read_variable(struct options_parse *p, const struct option_row *row, const char *name)
{
	char variable[OPTION_ENV_SIZE];
	struct given given = { .row = row, .spelling = variable, .origin = FROM_ENVIRONMENT };

	option_env_name(variable, name);
	given.text = getenv(variable);
	return given.text && *given.text ? set_value(p, &given) : GO_ON;
}

static int set_default(struct options_parse *p, const struct option_row *row)
{
	bool value = row->kind == OPT_NO_FLAG;
	struct given given = { .row = row, .spelling = row->name, .text = row->default_text, .origin = FROM_DEFAULT };

	if (option_is_flag(row))
		memcpy((char *)p->options + row->offset, &value, sizeof(value));
	return row->default_text ? set_value(p, &given) : GO_ON;
}

static int complete(struct options_parse *p)
{
	int status = GO_ON;

	for (size_t i = 0; i < option_row_count && status == GO_ON; i++) {
		const struct option_row *row = &option_rows[i];

		if (!(row->scope & accepted_scopes(p)) || p->origin[i])
			continue;
		status = read_variable(p, row, row->name);
		if (status == GO_ON && !p->origin[i] && row->alias)
			status = read_variable(p, row, row->alias);
		if (status == GO_ON && !p->origin[i])
			status = set_default(p, row);
	}
	return status;
}

int options_parse(struct options *options, const struct command *commands, int argc, char **argv)
{
	struct options_parse p = { .options = options, .commands = commands, .argc = argc, .argv = argv, .at = 1 };
	char names[160];
	int status;

	memset(options, 0, sizeof(*options));
	status = read_arguments(&p);
	if (status != GO_ON)
		return status;
	if (!options->command)
		return options_usage_error(&p, "a command is missing; accepted are %s",
					   command_names(&p, names, sizeof(names)));
	status = complete(&p);
	return status == GO_ON ? options_check(&p) : status;
}

bool string_list_has(const struct string_list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++) {
		if (!strcmp(list->items[i], text))
			return true;
	}
	return false;
}

void string_list_clear(struct string_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct string_list){ 0 };
}

void options_free(struct options *options)
{
	string_list_clear(&options->interfaces);
	string_list_clear(&options->exclude_interfaces);
	string_list_clear(&options->read_files);
	string_list_clear(&options->outputs);
}

int options_open_log(const struct options *options)
{
	static const char *const levels[] = { "error", "warn", "info", "debug" };
	enum log_format format = strcmp(options->log_format, "json") ? LOG_CONSOLE : LOG_JSON;
	enum log_level level = LOG_ERROR;

	while (strcmp(levels[level], options->log_level))
		level++;
	return log_open(level, format, options->log_output);
}
