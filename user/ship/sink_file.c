/* SPDX-License-Identifier: Apache-2.0 */
/* sink_file.c - records appended to a file: whole lines, rotation by size and time, optional zstd. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../base/file.h"
#include "../base/log.h"
#include "../base/options.h"
#include "../base/time.h"
#include "compress.h"
#include "lines.h"

#define RETRY_NS (60 * NS_PER_S)
#define BUFFER_SIZE (256u << 10)                  /* zstd gains little from more: it keeps what went before */

struct sink {
	char *name;                               /* "output file PATH", for the log */
	struct file_place *place;
	struct lines *lines;
	struct compress *compress;                /* NULL: plain lines */
	int fd;
	uint64_t size;                            /* octets in the file */
	uint64_t now_ns;                          /* wall clock of the last tick */
	uint64_t rotate_size, rotate_interval_ns; /* 0: off */
	uint64_t rotate_at_ns;
	uint64_t retry_ns;                        /* could not rotate; not tried again before this */
};

/* ---- writing ---- */

static int write_plain(struct sink *s, const char *octets, size_t len, size_t *done)
{
	int err = lines_write_fd(s->fd, octets, len, done);

	s->size += *done;
	return err;
}

/* All or nothing: half a compressed piece is worth nothing. */
static int write_packed(struct sink *s, const char *octets, size_t len)
{
	size_t done;
	int err = file_write(s->fd, octets, len, &done);

	if (err) {
		compress_undo(s->compress);
		if (file_unwrite(s->fd, done))
			s->size += done;
		return err;
	}
	s->size += done;
	return 0;
}

static int write_lines(void *ctx, const char *octets, size_t len, size_t *done)
{
	struct sink *s = ctx;
	const char *packed;
	size_t packed_len;
	int err;

	if (!s->compress)
		return write_plain(s, octets, len, done);
	*done = 0;
	err = compress_piece(s->compress, octets, len, &packed, &packed_len);
	if (!err)
		err = write_packed(s, packed, packed_len);
	if (!err)
		*done = len;
	return err;
}

static int end_frame(struct sink *s)
{
	const char *packed;
	size_t len;
	int err;

	if (!s->compress)
		return 0;
	err = compress_end(s->compress, &packed, &len);
	if (!err && len)
		err = write_packed(s, packed, len);
	if (err)
		log_error("%s: %s; zstd will say that its end is missing, but reads what is there", s->name,
			  strerror(-err));
	return err;
}

/* ---- which file ---- */

/* "20260102T030405Z", which sorts, and which every file system takes. */
static void stamp(char out[TIME_TEXT_SIZE + 1], uint64_t wall_ns)
{
	char text[TIME_TEXT_SIZE];
	unsigned len = time_format(text, wall_ns - wall_ns % NS_PER_S);

	for (unsigned i = 0; i < len; i++) {
		if (text[i] != '-' && text[i] != ':')
			*out++ = text[i];
	}
	*out = 0;
}

/* What was written by others, or cut short by a kill, or compressed otherwise, must not get our lines behind it. */
static bool can_go_on(const struct sink *s, int fd, uint64_t size)
{
	static const uint8_t zstd_magic[4] = { 0x28, 0xb5, 0x2f, 0xfd };  /* RFC 8878 3.1.1 */
	uint8_t head[4] = { 0 };
	char last = 0;

	if (!size)
		return true;
	if (s->compress)
		return compress_is_whole(fd, size);
	if (pread(fd, head, sizeof(head), 0) == sizeof(head) && !memcmp(head, zstd_magic, sizeof(head)))
		return false;
	return pread(fd, &last, 1, (off_t)size - 1) == 1 && last == '\n';
}

static int set_aside(struct sink *s, int fd)
{
	char suffix[TIME_TEXT_SIZE + 1];

	stamp(suffix, s->now_ns);
	return file_set_aside(s->place, fd, suffix);
}

/* Our file under its name: the one that is there when lines can be appended to it, else a new one. */
static int open_file(struct sink *s, int *out_fd, uint64_t *out_size)
{
	struct stat st;
	int err = 0;

	for (int round = 0; round < 2; round++) {
		err = file_append(s->place, out_fd);
		if (err)
			return err;
		err = fstat(*out_fd, &st) ? -errno : 0;
		if (!err && can_go_on(s, *out_fd, (uint64_t)st.st_size)) {
			*out_size = (uint64_t)st.st_size;
			return 0;
		}
		if (!err)
			err = set_aside(s, *out_fd);
		close(*out_fd);
		if (err)
			return err;
		log_warn("%s: does not end with a whole %s, so it was renamed and a new file is begun", s->name,
			 s->compress ? "zstd frame" : "line");
	}
	log_error("%s: is written to by somebody else", s->name);
	return -EBUSY;
}

/* From the old file, which has all its lines, to the one that has the name now. Without it the old one goes on. */
static int switch_file(struct sink *s)
{
	uint64_t size;
	int fd, err = open_file(s, &fd, &size);

	if (err)
		return err;
	if (close(s->fd)) {
		err = -errno;
		log_error("%s: close: %s", s->name, strerror(-err));
	}
	s->fd = fd;
	s->size = size;
	if (s->compress)
		compress_restart(s->compress);
	return err;
}

/* ---- rotation ---- */

static uint64_t next_multiple(uint64_t now_ns, uint64_t interval_ns)
{
	return (now_ns / interval_ns + 1) * interval_ns;
}

static int rotate(struct sink *s)
{
	int err = lines_flush(s->lines);
	int end_err = end_frame(s);
	int switch_err = set_aside(s, s->fd);

	if (!switch_err)
		switch_err = switch_file(s);
	s->retry_ns = switch_err ? s->now_ns + RETRY_NS : 0;
	return err ? err : end_err ? end_err : switch_err;
}

/* Plain lines never pass the size, but for a single line that is longer; compressed ones by one buffer at most. */
static bool is_full(const struct sink *s, size_t len)
{
	uint64_t size = s->size + (s->compress ? 0 : lines_waiting_octets(s->lines) + len);

	if (!s->rotate_size || s->now_ns < s->retry_ns)
		return false;
	return s->compress ? size >= s->rotate_size : size > s->rotate_size && size > len;
}

static int rotate_by_time(struct sink *s)
{
	int err = 0;

	if (!s->rotate_interval_ns || s->now_ns < s->rotate_at_ns || s->now_ns < s->retry_ns)
		return 0;
	if (s->size || lines_waiting_octets(s->lines))
		err = rotate(s);
	if (s->now_ns >= s->retry_ns)
		s->rotate_at_ns = next_multiple(s->now_ns, s->rotate_interval_ns);
	return err;
}

/* ---- the table ---- */

static int file_close(struct sink **out)
{
	struct sink *s = *out;
	int err = 0;

	if (!s)
		return 0;
	if (s->fd >= 0) {
		int end_err, close_err;

		err = lines_flush(s->lines);
		end_err = end_frame(s);
		close_err = close(s->fd) ? -errno : 0;
		if (close_err)
			log_error("%s: close: %s", s->name, strerror(-close_err));
		err = err ? err : end_err ? end_err : close_err;
	}
	compress_free(s->compress);
	lines_free(s->lines);
	file_place_close(s->place);
	free(s->name);
	free(s);
	*out = NULL;
	return err;
}

static char *name_of(const char *path)
{
	static const char before[] = "output file ";
	char *name = malloc(sizeof(before) + strlen(path));

	if (name)
		memcpy(stpcpy(name, before), path, strlen(path) + 1);
	return name;
}

static int make_parts(struct sink *s, const struct options *o)
{
	bool is_packed = !strcmp(o->compress, "zstd");

	s->name = name_of(o->write_file);
	if (!s->name)
		return -ENOMEM;
	s->lines = lines_new(s->name, BUFFER_SIZE, write_lines, s);
	if (is_packed)
		s->compress = compress_new();
	return s->lines && (s->compress || !is_packed) ? 0 : -ENOMEM;
}

static int file_open(struct sink **out, const struct options *o, uint64_t now_ns)
{
	struct sink *s = calloc(1, sizeof(*s));
	int fd, err = -ENOMEM;

	if (!s)
		goto fail;
	s->fd = -1;
	s->now_ns = now_ns;
	s->rotate_size = o->rotate_size;
	s->rotate_interval_ns = o->rotate_interval_ns;
	if (s->rotate_interval_ns)
		s->rotate_at_ns = next_multiple(now_ns, s->rotate_interval_ns);
	err = make_parts(s, o);
	if (!err)
		err = file_place_open(&s->place, "output file", o->write_file);
	if (!err)
		err = open_file(s, &fd, &s->size);
	if (err)
		goto fail;
	s->fd = fd;
	*out = s;
	return 0;
fail:
	if (err == -ENOMEM)
		log_error("output file %s: %s", o->write_file, strerror(ENOMEM));
	file_close(&s);
	return err;
}

static int file_put(struct sink *s, const char *line, size_t len)
{
	int err = is_full(s, len) ? rotate(s) : 0;
	int put_err = lines_put(s->lines, line, len);

	return err ? err : put_err;
}

static int file_flush(struct sink *s)
{
	return lines_flush(s->lines);
}

static int file_reopen(struct sink *s)
{
	int err = lines_flush(s->lines);
	int end_err = end_frame(s);
	int switch_err = switch_file(s);

	return err ? err : end_err ? end_err : switch_err;
}

/* A file that was renamed keeps our lines until SIGHUP; one that was deleted would keep them from everybody. */
static int replace_deleted(struct sink *s)
{
	struct stat st;

	if (fstat(s->fd, &st) || st.st_nlink)
		return 0;
	log_warn("%s: was deleted with its records, a new file is begun", s->name);
	return file_reopen(s);
}

static int file_tick(struct sink *s, uint64_t now_ns)
{
	int err, rotate_err;

	s->now_ns = now_ns;
	err = replace_deleted(s);
	rotate_err = rotate_by_time(s);
	if (!err)
		err = rotate_err;
	return err ? err : lines_flush(s->lines);
}

static void file_stats(const struct sink *s, struct sink_stats *out)
{
	lines_stats(s->lines, out);
}

const struct sink_ops sink_file = {
	.name = "file",
	.open = file_open,
	.put = file_put,
	.flush = file_flush,
	.tick = file_tick,
	.reopen = file_reopen,
	.stats = file_stats,
	.close = file_close,
};
