/* SPDX-License-Identifier: Apache-2.0 */
/* lines.c - a buffer of lines before a writer that may fail. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "../base/file.h"
#include "../base/log.h"
#include "lines.h"

struct lines {
	char *name;
	lines_writer *write;
	void *ctx;
	char *buffer;
	size_t size, len;
	struct sink_stats stats;
	uint64_t dropped_before;                  /* when it began to fail */
	bool is_torn;                             /* the buffer begins with the rest of a line that is half out */
	bool is_failing, is_gone;
};

struct lines *lines_new(const char *name, size_t size, lines_writer *write, void *ctx)
{
	struct lines *lines = calloc(1, sizeof(*lines));

	if (!lines)
		return NULL;
	lines->name = strdup(name);
	lines->buffer = malloc(size);
	lines->size = size;
	lines->write = write;
	lines->ctx = ctx;
	if (lines->name && lines->buffer)
		return lines;
	lines_free(lines);
	return NULL;
}

void lines_free(struct lines *lines)
{
	if (!lines)
		return;
	free(lines->name);
	free(lines->buffer);
	free(lines);
}

static uint64_t count_lines(const char *octets, size_t len)
{
	const char *end = octets + len;
	uint64_t count = 0;

	while ((octets = memchr(octets, '\n', (size_t)(end - octets)))) {
		octets++;
		count++;
	}
	return count;
}

static void drop_waiting(struct lines *lines)
{
	lines->stats.dropped += lines->stats.waiting;
	lines->stats.waiting = 0;
	lines->len = 0;
}

/* Drop what the writer did not take, all but the rest of a line of which the beginning is out already: without it
 * the next line would be appended to half a line. */
static void drop_rest(struct lines *lines, size_t done)
{
	uint64_t delivered = count_lines(lines->buffer, done);
	const char *rest = lines->buffer + done;
	size_t rest_len = 0;

	if (done ? rest[-1] != '\n' : lines->is_torn)
		rest_len = (size_t)((char *)memchr(rest, '\n', lines->len - done) - rest) + 1;
	lines->stats.delivered += delivered;
	lines->stats.waiting -= delivered + (rest_len > 0);
	drop_waiting(lines);
	memmove(lines->buffer, rest, rest_len);
	lines->len = rest_len;
	lines->is_torn = rest_len > 0;
	lines->stats.waiting = lines->is_torn;
}

static void note_failure(struct lines *lines, int err)
{
	if (!lines->is_failing)
		log_error("%s: %s; records are dropped until it works again", lines->name, strerror(-err));
	lines->is_failing = true;
}

static void note_success(struct lines *lines)
{
	if (lines->is_failing)
		log_warn("%s: works again; %llu records were dropped", lines->name,
			 (unsigned long long)(lines->stats.dropped - lines->dropped_before));
	lines->is_failing = false;
	lines->dropped_before = lines->stats.dropped;
}

int lines_flush(struct lines *lines)
{
	size_t done = 0;
	int err;

	if (!lines->len)
		return lines->is_gone ? -EPIPE : 0;
	err = lines->write(lines->ctx, lines->buffer, lines->len, &done);
	lines->stats.octets += done;
	if (!err) {
		lines->stats.delivered += lines->stats.waiting;
		lines->stats.waiting = 0;
		lines->len = 0;
		lines->is_torn = false;
		note_success(lines);
		return 0;
	}
	drop_rest(lines, done);
	if (err == -EPIPE) {
		drop_waiting(lines);
		lines->is_gone = true;
		log_info("%s: the reader went away", lines->name);
		return err;
	}
	note_failure(lines, err);
	return err;
}

/* For a line that is longer than the buffer; lines have a bound, so this happens a few times at most. */
static bool grow(struct lines *lines, size_t size)
{
	char *buffer = realloc(lines->buffer, size);

	if (!buffer)
		return false;
	lines->buffer = buffer;
	lines->size = size;
	return true;
}

int lines_put(struct lines *lines, const char *line, size_t len)
{
	int err = 0;

	lines->stats.put++;
	if (len > lines->size - lines->len)
		err = lines_flush(lines);
	if (lines->is_gone)
		err = -EPIPE;
	else if (len > lines->size - lines->len && !grow(lines, lines->len + len))
		err = -ENOMEM;
	if (err == -EPIPE || err == -ENOMEM) {
		lines->stats.dropped++;
		return err;
	}
	memcpy(lines->buffer + lines->len, line, len);
	lines->len += len;
	lines->stats.waiting++;
	return err;
}

size_t lines_waiting_octets(const struct lines *lines)
{
	return lines->len;
}

void lines_stats(const struct lines *lines, struct sink_stats *out)
{
	*out = lines->stats;
}

int lines_write_fd(int fd, const char *octets, size_t len, size_t *done)
{
	int err = file_write(fd, octets, len, done);
	size_t partial = 0;

	if (!err)
		return 0;
	while (partial < *done && octets[*done - partial - 1] != '\n')
		partial++;
	if (partial && !file_unwrite(fd, partial))
		*done -= partial;
	return err;
}
