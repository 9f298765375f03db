/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - makes one line of an event and writes it with one write(2). */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "file.h"
#include "log.h"
#include "time.h"

#define MESSAGE_SIZE 2048                         /* octets of a message; what is longer is cut */
#define LINE_SIZE (6 * MESSAGE_SIZE)              /* an octet may become five, and there is what stands around it */

static const struct {
	const char *name;
	const char *colour;                       /* of the name, on a terminal: ECMA-48 8.3.117 */
	char priority;                            /* of syslog, RFC 5424 6.2.1 */
} levels[] = {
	[LOG_ERROR] = { "error", "\033[31m", '3' },
	[LOG_WARN] = { "warn", "\033[33m", '4' },
	[LOG_INFO] = { "info", "\033[32m", '6' },
	[LOG_DEBUG] = { "debug", "\033[2m", '7' },
};

/* The one process-wide setting: every file of the program logs, and none of them should carry it around. */
static struct {
	enum log_level level;
	enum log_format format;
	int fd;
	struct file_place *place;                 /* NULL: a standard stream */
	bool is_journal, is_coloured;
} out = { .level = LOG_INFO, .fd = STDERR_FILENO };

/* A line in the making; room for the newline is always kept. */
struct line {
	size_t len;
	char text[LINE_SIZE];
};

static void add_octet(struct line *line, char c)
{
	if (line->len < sizeof(line->text) - 1)
		line->text[line->len++] = c;
}

static void add(struct line *line, const char *text)
{
	while (*text)
		add_octet(line, *text++);
}

/* Names and paths come from strangers: nothing but printable ASCII reaches a terminal or a log reader. */
static void add_message(struct line *line, const char *message, bool is_json)
{
	static const char hex[] = "0123456789ABCDEF";

	for (const unsigned char *p = (const unsigned char *)message; *p; p++) {
		if (*p >= 0x20 && *p < 0x7f) {
			if (is_json && (*p == '"' || *p == '\\'))
				add_octet(line, '\\');
			add_octet(line, (char)*p);
			continue;
		}
		add(line, is_json ? "\\\\x" : "\\x");
		add_octet(line, hex[*p >> 4]);
		add_octet(line, hex[*p & 15]);
	}
}

static void add_time(struct line *line)
{
	uint64_t now_ns = time_wall_ns();
	char text[TIME_TEXT_SIZE + 1];

	text[time_format(text, now_ns - now_ns % NS_PER_MS)] = 0;
	add(line, text);
}

static void add_json(struct line *line, enum log_level level, const char *message)
{
	add(line, "{\"time\":\"");
	add_time(line);
	add(line, "\",\"level\":\"");
	add(line, levels[level].name);
	add(line, "\",\"message\":\"");
	add_message(line, message, true);
	add(line, "\"}");
}

/* A file has nobody who adds the time; the journal has somebody who adds time, program and level. */
static void add_console(struct line *line, enum log_level level, const char *message)
{
	if (out.place) {
		add_time(line);
		add(line, " ");
	} else if (!out.is_journal) {
		add(line, "devourer: ");
	}
	if (!out.is_journal) {
		add(line, out.is_coloured ? levels[level].colour : "");
		add(line, levels[level].name);
		add(line, out.is_coloured ? "\033[0m" : "");
		add(line, out.place ? " " : ": ");
	}
	add_message(line, message, false);
}

void log_write(enum log_level level, const char *format, ...)
{
	int saved_errno = errno;
	char message[MESSAGE_SIZE];
	struct line line;
	size_t done;
	va_list args;

	if (level > out.level)
		return;
	line.len = 0;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (out.is_journal) {                     /* sd-daemon(3) */
		add_octet(&line, '<');
		add_octet(&line, levels[level].priority);
		add_octet(&line, '>');
	}
	if (out.format == LOG_JSON)
		add_json(&line, level, message);
	else
		add_console(&line, level, message);
	line.text[line.len++] = '\n';
	(void)file_write(out.fd, line.text, line.len, &done);     /* nobody is left to tell */
	errno = saved_errno;
}

enum log_level log_level(void)
{
	return out.level;
}

/* JOURNAL_STREAM is DEVICE:INODE of the stream that systemd gave us; it says nothing once stderr goes elsewhere. */
static bool is_journal(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && !fstat(fd, &st) &&
	       st.st_dev == (dev_t)device && st.st_ino == (ino_t)inode;
}

/* no-color.org: set and not empty means no colour. */
static bool is_coloured(int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && !(no_color && *no_color) && !(term && !strcmp(term, "dumb"));
}

static int open_file(const char *path)
{
	struct file_place *place;
	int fd, err = file_place_open(&place, "log file", path);

	if (err)
		return err;
	err = file_append(place, &fd);
	if (err) {
		file_place_close(place);
		return err;
	}
	out.place = place;
	out.fd = fd;
	return 0;
}

int log_open(enum log_level level, enum log_format format, const char *output)
{
	int err = 0;

	log_close();
	if (!strcmp(output, "stdout") || !strcmp(output, "-"))
		out.fd = STDOUT_FILENO;
	else if (strcmp(output, "stderr"))
		err = open_file(output);
	if (err)
		return err;
	out.level = level;
	out.format = format;
	out.is_journal = !out.place && is_journal(out.fd);
	out.is_coloured = !out.place && !out.is_journal && is_coloured(out.fd);
	return 0;
}

int log_reopen(void)
{
	int fd, err;

	if (!out.place)
		return 0;
	err = file_append(out.place, &fd);
	if (err)
		return err;
	close(out.fd);
	out.fd = fd;
	return 0;
}

void log_close(void)
{
	if (out.place) {
		close(out.fd);
		file_place_close(out.place);
	}
	memset(&out, 0, sizeof(out));
	out.level = LOG_INFO;
	out.fd = STDERR_FILENO;
}
