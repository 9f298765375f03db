/* SPDX-License-Identifier: Apache-2.0 */
/* options_help.c - the table of options as text for people and for scripts. */
#include <string.h>
#include "options_rows.h"

#ifndef DEVOURER_VERSION
#define DEVOURER_VERSION "0.1.0"
#endif

#define TEXT_COLUMN 34                            /* where the explanations begin */
#define WIDTH 100

static bool is_choice(const struct option_row *row)
{
	return row->kind == OPT_CHOICE || row->kind == OPT_CHOICES;
}

/* Words of `text` from column `at` on; a line that would be too long goes on at TEXT_COLUMN. */
static size_t print_wrapped(FILE *to, const char *text, size_t at)
{
	while (*text) {
		size_t len = strcspn(text, " ");

		if (at + 1 + len > WIDTH) {
			fprintf(to, "\n%*s", TEXT_COLUMN, "");
			at = TEXT_COLUMN;
		} else if (at > TEXT_COLUMN) {
			fputc(' ', to);
			at++;
		}
		fwrite(text, 1, len, to);
		at += len;
		text += len + (text[len] == ' ');
	}
	return at;
}

/* The left column: letter, name and value. */
static void print_entry(FILE *to, const char *left, const char *help)
{
	int len = fprintf(to, "  %s", left);

	if (len >= TEXT_COLUMN) {
		fputc('\n', to);
		len = 0;
	}
	fprintf(to, "%*s", TEXT_COLUMN - len, "");
	print_wrapped(to, help, TEXT_COLUMN);
	fputc('\n', to);
}

static void print_row(FILE *to, const struct option_row *row)
{
	char left[96], help[384], letter[] = "    ", variable[OPTION_ENV_SIZE];
	const char *value = is_choice(row) ? "WORD" : row->values;

	if (row->letter)
		snprintf(letter, sizeof(letter), "-%c, ", row->letter);
	snprintf(left, sizeof(left), "%s--%s%s%s", letter, row->name, option_is_flag(row) ? "" : " ",
		 option_is_flag(row) ? "" : value);
	option_env_name(variable, row->name);
	snprintf(help, sizeof(help), "%s%s%s%s [%s%s%s]", row->help, is_choice(row) ? " (" : "",
		 is_choice(row) ? row->values : "", is_choice(row) ? ")" : "", variable,
		 row->default_text ? ", default " : "", row->default_text ? row->default_text : "");
	print_entry(to, left, help);
}

static void print_rows(FILE *to, unsigned scopes)
{
	for (size_t i = 0; i < option_row_count; i++) {
		if (option_rows[i].scope & scopes)
			print_row(to, &option_rows[i]);
	}
}

static void print_program_help(FILE *to, const struct command *commands)
{
	fputs("Usage: devourer [OPTION...] COMMAND [OPTION...]\n\n"
	      "Records network traffic as flows: who talked to whom, when, how much, and under which name.\n\n"
	      "Commands:\n", to);
	for (; commands->name; commands++) {
		char left[64];

		snprintf(left, sizeof(left), "%s%s%s", commands->name, commands->alias ? ", " : "",
			 commands->alias ? commands->alias : "");
		print_entry(to, left, commands->summary);
	}
	fputs("\nOptions before the command:\n", to);
	print_rows(to, OPTIONS_GLOBAL);
	print_entry(to, "-h, --help", "print this; behind a command, its options");
	print_entry(to, "-v, --version", "print the version");
	fputs("\nExamples:\n"
	      "  devourer capture -r trace.pcapng\n"
	      "  devourer capture -i eth0 -f 'not port 22' -o file -w flows.jsonl --rotate-interval 1h\n"
	      "\nDurations are written as 500ms, 10s or 1m30s, sizes as 4096, 64K, 8M or 1G. Every option can be\n"
	      "set by the variable in brackets; the option on the command line wins.\n"
	      "Exit status: 0 done, 1 failed, 2 usage error, 3 permission missing, 4 records were lost.\n", to);
}

void options_print_help(FILE *to, const struct command *commands, const struct command *command)
{
	if (!command) {
		print_program_help(to, commands);
		return;
	}
	fprintf(to, "Usage: devourer [OPTION...] %s [OPTION...]\n\n%s\n\nOptions:\n", command->name, command->summary);
	print_rows(to, command->scopes & ~(unsigned)OPTIONS_GLOBAL);
	fputs("\nOptions before the command: see 'devourer --help'.\n", to);
}

void options_print_version(FILE *to)
{
	fprintf(to, "devourer %s\n", DEVOURER_VERSION);
}

static const char *or_dash(const char *text)
{
	return text && *text ? text : "-";
}

void options_print_table(FILE *to)
{
	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];
		char letter[] = { row->letter, 0 }, variable[OPTION_ENV_SIZE];
		const char *value = option_is_flag(row) ? "off" : row->default_text;

		option_env_name(variable, row->name);
		fprintf(to, "%s\t%s\t%s\t%s\t%s\t%s\n", row->name, or_dash(letter), variable, or_dash(value),
			or_dash(row->values), row->help);
	}
}
