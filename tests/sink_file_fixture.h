/* SPDX-License-Identifier: Apache-2.0 */
/* sink_file_fixture.h - a file sink in a directory of its own, lines for it, and reading them back. */
#ifndef DEVOURER_TESTS_SINK_FILE_FIXTURE_H
#define DEVOURER_TESTS_SINK_FILE_FIXTURE_H
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/mount.h>
#endif
#include <zstd.h>
#include <cmocka.h>
#include "../user/base/log.h"
#include "../user/base/options.h"
#include "../user/base/time.h"
#include "../user/ship/sink.h"

#define PATH_SIZE 512
#define TEXT_SIZE (4u << 20)
#define START_NS (1767322984 * NS_PER_S)          /* 2026-01-02T03:03:04Z */

struct fixture {
	char dir[64], path[PATH_SIZE], log[PATH_SIZE];
	struct options options;
	struct sink *sink;
	uint64_t now_ns;
	unsigned next;                            /* number of the next line */
	char text[TEXT_SIZE];
	size_t len;
};

static inline const char *in(const struct fixture *f, const char *name)
{
	static char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	return path;
}

static inline int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/test_sink_file.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	strcpy(f->path, in(f, "out"));
	strcpy(f->log, in(f, "log"));
	f->options.write_file = f->path;
	f->options.compress = "none";
	f->now_ns = START_NS;
	assert_int_equal(log_open(LOG_INFO, LOG_CONSOLE, f->log), 0);
	signal(SIGXFSZ, SIG_IGN);
	*state = f;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[PATH_SIZE + 16];

	sink_file.close(&f->sink);
	log_close();
#ifdef __linux__
	umount2(in(f, "disk"), MNT_DETACH);
#endif
	snprintf(command, sizeof(command), "rm -rf %s", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static inline void open_sink(struct fixture *f)
{
	assert_int_equal(sink_file.open(&f->sink, &f->options, f->now_ns), 0);
}

static inline void close_sink(struct fixture *f)
{
	assert_int_equal(sink_file.close(&f->sink), 0);
	assert_null(f->sink);
}

/* Lines are numbered, of several lengths, and do not compress well; a lost, split or repeated one is seen. */
static inline size_t make_line(char line[256], unsigned number)
{
	uint32_t random = number * 2654435761u + 1;
	int len = snprintf(line, 256, "{\"n\":%u,\"pad\":\"", number);

	for (unsigned i = 0; i < 1 + number * 7 % 25; i++) {
		random ^= random << 13;                   /* xorshift32 */
		random ^= random >> 17;
		random ^= random << 5;
		len += snprintf(line + len, 256 - (size_t)len, "%08x", random);
	}
	strcpy(line + len, "\"}\n");
	return (size_t)len + 3;
}

static inline int put_line(struct fixture *f)
{
	char line[256];
	size_t len = make_line(line, f->next++);

	return sink_file.put(f->sink, line, len);
}

static inline void put_lines(struct fixture *f, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(put_line(f), 0);
}

static inline void tick(struct fixture *f, uint64_t ns)
{
	f->now_ns += ns;
	assert_int_equal(sink_file.tick(f->sink, f->now_ns), 0);
}

static inline struct sink_stats stats_of(const struct fixture *f)
{
	struct sink_stats stats;

	sink_file.stats(f->sink, &stats);
	assert_int_equal(stats.put, stats.delivered + stats.dropped + stats.waiting);
	return stats;
}

/* ---- reading back ---- */

static inline void read_plain(struct fixture *f, const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t len;

	assert_true(fd >= 0);
	len = read(fd, f->text + f->len, TEXT_SIZE - 1 - f->len);
	assert_true(len >= 0);
	close(fd);
	f->len += (size_t)len;
	f->text[f->len] = 0;
}

/* Fails on damage; a frame without its end is damage only if `is_ended`. */
static inline void read_zstd(struct fixture *f, const char *path, bool is_ended)
{
	static char packed[1 << 20];
	int fd = open(path, O_RDONLY);
	ZSTD_inBuffer in_buffer = { packed, (size_t)read(fd, packed, sizeof(packed)), 0 };
	ZSTD_outBuffer out = { f->text, TEXT_SIZE - 1, f->len };
	ZSTD_DStream *stream = ZSTD_createDStream();
	size_t left = 0;

	close(fd);
	assert_in_range(in_buffer.size, 0, sizeof(packed) - 1);
	while (in_buffer.pos < in_buffer.size) {
		left = ZSTD_decompressStream(stream, &out, &in_buffer);
		assert_false(ZSTD_isError(left));
	}
	ZSTD_freeDStream(stream);
	assert_true(!is_ended || left == 0);
	f->len = out.pos;
	f->text[f->len] = 0;
}

static inline void read_any(struct fixture *f, const char *path, bool is_ended)
{
	(void)is_ended;
	read_plain(f, path);
}

/* What was read so far are the lines from `first` to before `end`, whole and in order. */
static inline void assert_lines(struct fixture *f, unsigned first, unsigned end)
{
	const char *line = f->text;

	for (; first < end; first++) {
		char expected[256];
		size_t len = make_line(expected, first);

		if (strncmp(line, expected, len))
			fail_msg("line %u is %.60s", first, line);
		line += len;
	}
	assert_string_equal(line, "");
	f->len = 0;
}

struct names {
	char name[400][64];
	size_t count;
};

static inline int order(const void *a, const void *b)
{
	const char *x = a, *y = b;
	size_t x_len = strlen(x), y_len = strlen(y);

	/* NAME.TIME before NAME.TIME.2 before NAME.TIME.10 */
	return strncmp(x, y, 20) ? strcmp(x, y) : x_len != y_len ? (x_len > y_len) - (x_len < y_len) : strcmp(x, y);
}

/* Rotated files in the order in which they were made. */
static inline void list_rotated(const struct fixture *f, struct names *names)
{
	DIR *dir = opendir(f->dir);
	struct dirent *entry;

	names->count = 0;
	while ((entry = readdir(dir))) {
		if (!strncmp(entry->d_name, "out.", 4) && names->count < 400 && strlen(entry->d_name) < 64)
			strcpy(names->name[names->count++], entry->d_name);
	}
	closedir(dir);
	qsort(names->name, names->count, sizeof(names->name[0]), order);
}

/* All rotated files, which are private, not empty, and end with a line. */
static inline void read_rotated(struct fixture *f, const struct names *names, bool is_packed, size_t max_size)
{
	for (size_t i = 0; i < names->count; i++) {
		struct stat st;

		assert_int_equal(stat(in(f, names->name[i]), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_in_range(st.st_size, 1, max_size);
		if (is_packed)
			read_zstd(f, in(f, names->name[i]), true);
		else
			read_plain(f, in(f, names->name[i]));
		assert_int_equal(f->text[f->len - 1], '\n');
	}
}

static inline bool was_logged(const struct fixture *f, const char *what)
{
	char text[8192];
	int fd = open(f->log, O_RDONLY);
	ssize_t len = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[len < 0 ? 0 : len] = 0;
	return strstr(text, what);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#endif
