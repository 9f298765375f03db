/* SPDX-License-Identifier: Apache-2.0 */
/* spool_fixture.h - a spool in a folder of its own, numbered lines, and their reading back. */
#ifndef SPOOL_FIXTURE_H
#define SPOOL_FIXTURE_H
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#ifdef __linux__
#include <sys/mount.h>
#endif
#include "../user/base/log.h"
#include "../user/base/time.h"
#include "../user/ship/spool.h"

#define PATH_SIZE 512
#define LINE_SIZE 100
#define START_NS (1000 * NS_PER_S)

struct fixture {
	char root[64], dir[128], log[128];        /* the spool is ROOT/state/spool */
	struct spool_options options;
	struct spool *spool;
	struct spool_reader *reader;
	uint64_t now_ns;
	uint32_t next;                            /* record */
};

static const char *const one_output[] = { "one", "two" };

static inline const char *in(const struct fixture *f, const char *name)
{
	static char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	return path;
}

static inline const char *segment(const struct fixture *f, unsigned number)
{
	static char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/%016x.seg", f->dir, number);
	return path;
}

static inline int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->root, "/tmp/test_spool.XXXXXX");
	assert_non_null(mkdtemp(f->root));
	snprintf(f->dir, sizeof(f->dir), "%s/state/spool", f->root);
	snprintf(f->log, sizeof(f->log), "%s/log", f->root);
	f->options = (struct spool_options){ .dir = f->dir, .outputs = one_output, .output_count = 1, .max_octets = 16 << 20,
		.segment_octets = 16384, .batch_rows = 10, .batch_octets = 4096, .memory_octets = 1 << 20 };
	f->now_ns = START_NS;
	assert_int_equal(log_open(LOG_INFO, LOG_CONSOLE, f->log), 0);
	*state = f;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[PATH_SIZE];

	spool_reader_close(f->reader);
	spool_close(f->spool, f->now_ns);
	log_close();
#ifdef __linux__
	snprintf(command, sizeof(command), "%s/state", f->root);
	umount2(command, MNT_DETACH);
#endif
	snprintf(command, sizeof(command), "rm -rf %s", f->root);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static inline void open_spool(struct fixture *f)
{
	assert_int_equal(spool_open(&f->spool, &f->options, f->now_ns), 0);
}

static inline void close_spool(struct fixture *f)
{
	spool_close(f->spool, f->now_ns);
	f->spool = NULL;
}

/* As after kill -9. */
static inline void kill_spool(struct fixture *f)
{
	spool_abandon(f->spool);
	f->spool = NULL;
}

static inline void open_reader(struct fixture *f)
{
	assert_int_equal(spool_reader_open(&f->reader, f->dir, "one"), 0);
}

static inline void close_reader(struct fixture *f)
{
	spool_reader_close(f->reader);
	f->reader = NULL;
}

/* Always LINE_SIZE octets. */
static inline void make_line(char line[LINE_SIZE + 1], uint64_t number)
{
	snprintf(line, LINE_SIZE + 1, "{\"n\":%-*" PRIu64 "}\n", LINE_SIZE - 7, number);
}

static inline int put_line(struct fixture *f)
{
	char line[LINE_SIZE + 1];
	int err;

	make_line(line, f->next);
	err = spool_put(f->spool, line, LINE_SIZE, f->now_ns);
	if (!err)
		f->next++;
	return err;
}

static inline void put_lines(struct fixture *f, unsigned count)
{
	for (; count; count--)
		assert_int_equal(put_line(f), 0);
}

static inline void tick(struct fixture *f, uint64_t ns, int expected)
{
	f->now_ns += ns;
	assert_int_equal(spool_tick(f->spool, f->now_ns), expected);
}

static inline struct spool_stats stats_of(const struct fixture *f)
{
	struct spool_stats stats;

	spool_stats(f->spool, &stats);
	assert_int_equal(stats.put, stats.written + stats.dropped_full + stats.dropped_disk + stats.waiting);
	return stats;
}

static inline void check_identity(const struct spool_cursor *cursor)
{
	const struct spool_counts *counts = &cursor->counts;

	assert_int_equal(cursor->at.sequence - cursor->begun_at,
			 counts->delivered + counts->dead + counts->dropped_full + counts->dropped_damaged);
}

/* Takes up to `count` batches, checks that line and sequence number agree, and stores the cursor. How many records. */
static inline uint64_t ship(struct fixture *f, unsigned count)
{
	struct spool_cursor cursor = *spool_reader_cursor(f->reader);
	struct spool_batch batch;
	uint64_t rows = 0;

	for (; count && spool_reader_next(f->reader, &batch) == 1; count--) {
		assert_int_equal(batch.len, batch.rows * LINE_SIZE);
		for (uint32_t row = 0; row < batch.rows; row++) {
			char line[LINE_SIZE + 1];

			make_line(line, batch.at.sequence + row);
			assert_memory_equal(batch.lines + row * LINE_SIZE, line, LINE_SIZE);
		}
		rows += batch.rows;
		spool_cursor_pass(&cursor, &batch, batch.rows, 0);
		check_identity(&cursor);
		spool_batch_free(&batch);
	}
	assert_int_equal(spool_reader_store(f->reader, &cursor), 0);
	return rows;
}

static inline const struct spool_counts *counts_of(const struct fixture *f)
{
	return &spool_reader_cursor(f->reader)->counts;
}

/* Octets of all segments as the file system has them. */
static inline uint64_t octets_on_disk(const struct fixture *f)
{
	DIR *dir = opendir(f->dir);
	struct dirent *entry;
	uint64_t octets = 0;

	while ((entry = readdir(dir))) {
		struct stat st;

		if (strstr(entry->d_name, ".seg") && !stat(in(f, entry->d_name), &st))
			octets += (uint64_t)st.st_size;
	}
	closedir(dir);
	return octets;
}

static inline unsigned count_in_log(const struct fixture *f, const char *what)
{
	static char text[65536];
	int fd = open(f->log, O_RDONLY);
	ssize_t len = read(fd, text, sizeof(text) - 1);
	unsigned count = 0;

	close(fd);
	text[len < 0 ? 0 : len] = 0;
	for (const char *p = text; (p = strstr(p, what)); p++)
		count++;
	return count;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#endif
