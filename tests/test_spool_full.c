/* SPDX-License-Identifier: Apache-2.0 */
/* test_spool_full.c - the three policies at the size cap with exact books, and disks that are full, read-only or broken. */
#include <errno.h>
#include "../user/ship/spool_io.h"
#include "spool_fixture.h"

#define SEGMENT 16384u
#define CAP (8 * SEGMENT)

static void set_cap(struct fixture *f, enum spool_policy policy)
{
	f->options.max_octets = CAP;
	f->options.policy = policy;
}

static void check_cap(const struct fixture *f)
{
	assert_in_range(octets_on_disk(f), 0, CAP);
	assert_int_equal(stats_of(f).octets, octets_on_disk(f));
}

/* ---- policies ---- */

static void drop_oldest_makes_room_and_readers_count_the_gap(void **state)
{
	struct fixture *f = *state;
	struct spool_stats stats;
	uint64_t shipped;

	set_cap(f, SPOOL_DROP_OLDEST);
	open_spool(f);
	open_reader(f);
	put_lines(f, 50);
	shipped = ship(f, 3);
	for (int i = 0; i < 400; i++) {
		put_lines(f, 10);
		check_cap(f);
	}
	stats = stats_of(f);
	assert_int_equal(stats.dropped_full, 0);
	assert_int_equal(stats.written, f->next);
	shipped += ship(f, 1000);
	assert_int_equal(counts_of(f)->delivered, shipped);
	assert_int_equal(counts_of(f)->delivered + counts_of(f)->dropped_full, f->next);
	assert_int_equal(counts_of(f)->dropped_damaged, 0);
	/* The reader had the first segment open and finished it. */
	assert_in_range(stats.dropped_oldest, counts_of(f)->dropped_full, counts_of(f)->dropped_full + 150);
	assert_in_range(counts_of(f)->dropped_full, 2000, f->next);
	assert_int_equal(count_in_log(f, "the oldest records are dropped"), 1);
}

static void drop_newest_keeps_what_is_there_and_tells_the_rest(void **state)
{
	struct fixture *f = *state;
	struct spool_stats stats;

	set_cap(f, SPOOL_DROP_NEWEST);
	open_spool(f);
	open_reader(f);
	for (int i = 0; i < 400; i++) {
		put_lines(f, 10);
		check_cap(f);
	}
	stats = stats_of(f);
	assert_in_range(stats.dropped_full, 2000, 4000);
	assert_int_equal(stats.written + stats.dropped_full, f->next);
	assert_int_equal(spool_unshipped(f->spool, "one"), stats.written);
	assert_int_equal(ship(f, 1000), stats.written);
	assert_int_equal(counts_of(f)->dropped_full, 0);  /* nothing follows yet that says so */
	put_lines(f, 10);
	assert_int_equal(ship(f, 1000), 10);
	assert_int_equal(counts_of(f)->dropped_full, stats.dropped_full);
	assert_int_equal(counts_of(f)->delivered + counts_of(f)->dropped_full, f->next);
	assert_int_equal(count_in_log(f, "new records are dropped"), 1);
}

static void what_was_dropped_last_is_told_by_a_flush(void **state)
{
	struct fixture *f = *state;
	uint64_t dropped;

	set_cap(f, SPOOL_DROP_NEWEST);
	f->options.batch_rows = 20;
	open_spool(f);
	while (!stats_of(f).dropped_full)
		put_lines(f, 20);
	dropped = stats_of(f).dropped_full;
	assert_int_equal(spool_flush(f->spool, f->now_ns), 0);
	open_reader(f);
	ship(f, 1000);
	assert_int_equal(counts_of(f)->dropped_full, dropped);
	assert_int_equal(counts_of(f)->delivered + dropped, f->next);
	assert_int_equal(spool_unshipped(f->spool, "one"), 0);
}

static void block_takes_nothing_until_there_is_room(void **state)
{
	struct fixture *f = *state;
	uint64_t shipped = 0;
	unsigned refused = 0;

	set_cap(f, SPOOL_BLOCK);
	open_spool(f);
	open_reader(f);
	while (f->next < 4000) {
		int err = put_line(f);

		if (!err)
			continue;
		assert_int_equal(err, -EAGAIN);
		assert_int_equal(spool_flush(f->spool, f->now_ns), -EAGAIN);
		assert_int_equal(put_line(f), -EAGAIN);
		check_cap(f);
		shipped += ship(f, 30);
		tick(f, 0, 0);
		refused++;
	}
	assert_in_range(refused, 8, 400);
	assert_int_equal(spool_flush(f->spool, f->now_ns), 0);
	shipped += ship(f, 1000);
	assert_int_equal(shipped, 4000);
	assert_int_equal(counts_of(f)->delivered, 4000);
	assert_int_equal(counts_of(f)->dropped_full + counts_of(f)->dropped_damaged, 0);
	assert_int_equal(stats_of(f).put, 4000);
	assert_false(stats_of(f).is_degraded);
}

static void a_segment_goes_when_all_outputs_have_acknowledged_it(void **state)
{
	struct fixture *f = *state;
	struct spool_reader *second;
	struct spool_cursor cursor;
	struct spool_batch batch;

	f->options.output_count = 2;
	open_spool(f);
	open_reader(f);
	assert_int_equal(spool_reader_open(&second, f->dir, "two"), 0);
	put_lines(f, 500);
	assert_int_equal(ship(f, 1000), 500);
	tick(f, 0, 0);
	assert_int_equal(access(segment(f, 1), F_OK), 0);
	cursor = *spool_reader_cursor(second);
	for (; spool_reader_next(second, &batch) == 1; spool_batch_free(&batch))
		spool_cursor_pass(&cursor, &batch, batch.rows, 0);
	assert_int_equal(spool_reader_store(second, &cursor), 0);
	tick(f, 0, 0);
	assert_int_equal(access(segment(f, 1), F_OK), -1);
	assert_int_equal(stats_of(f).segments, 1);
	spool_reader_close(second);
}

static void a_smaller_cap_after_a_restart_is_kept_in_the_end(void **state)
{
	struct fixture *f = *state;

	f->options.segment_octets = 4 * SEGMENT;
	open_spool(f);
	put_lines(f, 2000);
	close_spool(f);
	set_cap(f, SPOOL_DROP_OLDEST);
	f->options.max_octets = 2 * SEGMENT;
	f->options.segment_octets = SEGMENT;
	open_spool(f);
	put_lines(f, 600);
	assert_in_range(octets_on_disk(f), 0, 2 * SEGMENT);
	open_reader(f);
	ship(f, 1000);
	assert_int_equal(counts_of(f)->delivered + counts_of(f)->dropped_full, f->next);
}

/* ---- a disk that fails at will ---- */

struct bad_disk {
	struct spool_io io;
	int write_err, sync_err, allocate_err;
	int bad_fd;                               /* writes to it fail from `bad_from` on */
	uint64_t bad_from;
	unsigned writes;
};

static int bad_write(void *ctx, int fd, const void *from, size_t len, uint64_t offset)
{
	struct bad_disk *bad = ctx;

	bad->writes++;
	if (bad->bad_from && fd == bad->bad_fd && offset >= bad->bad_from)
		return -EIO;
	bad->bad_fd = fd;
	return bad->write_err ? bad->write_err : spool_io_system.write(NULL, fd, from, len, offset);
}

static int bad_sync(void *ctx, int fd)
{
	struct bad_disk *bad = ctx;

	return bad->sync_err ? bad->sync_err : spool_io_system.sync(NULL, fd);
}

static int bad_allocate(void *ctx, int fd, uint64_t octets)
{
	struct bad_disk *bad = ctx;

	return bad->allocate_err ? bad->allocate_err : spool_io_system.allocate(NULL, fd, octets);
}

static void open_on_bad_disk(struct fixture *f, struct bad_disk *bad)
{
	*bad = (struct bad_disk){ .io = spool_io_system };
	bad->io.ctx = bad;
	bad->io.write = bad_write;
	bad->io.sync = bad_sync;
	bad->io.allocate = bad_allocate;
	assert_int_equal(spool_open_on(&f->spool, &bad->io, &f->options, f->now_ns), 0);
}

static void batches_wait_in_memory_while_the_disk_fails(void **state)
{
	static const struct { int write_err, sync_err, allocate_err; } rows[] = {
		{ -EIO, 0, 0 }, { -ENOSPC, 0, 0 }, { -EROFS, 0, 0 }, { 0, -EIO, 0 }, { 0, 0, -ENOSPC }, { -EIO, -EIO, -EIO },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static struct bad_disk bad;
		unsigned writes;

		open_on_bad_disk(f, &bad);
		put_lines(f, 150);
		bad.write_err = rows[i].write_err;
		bad.sync_err = rows[i].sync_err;
		bad.allocate_err = rows[i].allocate_err;
		put_lines(f, 200);                        /* more than the segment still takes */
		assert_true(stats_of(f).is_degraded);
		writes = bad.writes;
		tick(f, 29 * NS_PER_S, bad.write_err ? bad.write_err : bad.sync_err ? bad.sync_err : bad.allocate_err);
		put_lines(f, 10);
		assert_int_equal(bad.writes, writes);     /* left in peace for 30 s */
		bad.write_err = bad.sync_err = bad.allocate_err = 0;
		tick(f, 2 * NS_PER_S, 0);
		assert_false(stats_of(f).is_degraded);
		assert_int_equal(stats_of(f).waiting, 0);
		put_lines(f, 10);
		open_reader(f);
		assert_int_equal(ship(f, 1000), 370);
		close_reader(f);
		close_spool(f);
		assert_int_equal(count_in_log(f, "next try in 30s"), i + 1);
		assert_int_equal(count_in_log(f, "works again, 0 records were dropped"), i + 1);
	}
}

static void a_bad_place_on_the_disk_is_left_for_another_segment(void **state)
{
	static struct bad_disk bad;
	struct fixture *f = *state;

	open_on_bad_disk(f, &bad);
	put_lines(f, 50);
	bad.bad_from = 6000;
	put_lines(f, 50);
	assert_true(stats_of(f).is_degraded);
	bad.bad_fd = -1;                                  /* the number may come again for another file */
	bad.bad_from = 0;
	tick(f, 31 * NS_PER_S, 0);
	assert_false(stats_of(f).is_degraded);
	assert_int_equal(stats_of(f).segments, 2);
	open_reader(f);
	assert_int_equal(ship(f, 1000), 100);
}

static void what_memory_does_not_hold_is_dropped_and_told(void **state)
{
	struct fixture *f = *state;
	static struct bad_disk bad;               /* outlives a test that failed */
	struct spool_stats stats;

	f->options.memory_octets = 20 * 10 * LINE_SIZE;
	open_on_bad_disk(f, &bad);
	put_lines(f, 20);
	bad.write_err = -EIO;
	put_lines(f, 500);
	stats = stats_of(f);
	assert_int_equal(stats.waiting, 200);
	assert_int_equal(stats.dropped_disk, 300);
	bad.write_err = 0;
	put_lines(f, 5);
	assert_int_equal(spool_flush(f->spool, f->now_ns), 0);  /* a flush does not wait for the 30 s */
	open_reader(f);
	assert_int_equal(ship(f, 1000), 225);
	assert_int_equal(counts_of(f)->dropped_full, 300);
	assert_int_equal(count_in_log(f, "works again, 300 records were dropped"), 1);
}

static void with_block_a_full_memory_refuses(void **state)
{
	struct fixture *f = *state;
	static struct bad_disk bad;               /* outlives a test that failed */

	f->options.memory_octets = 20 * 10 * LINE_SIZE;
	f->options.policy = SPOOL_BLOCK;
	open_on_bad_disk(f, &bad);
	bad.write_err = -EIO;
	while (!put_line(f))
		assert_in_range(f->next, 0, 300);
	assert_int_equal(stats_of(f).waiting, 210);
	bad.write_err = 0;
	tick(f, 31 * NS_PER_S, 0);
	put_lines(f, 90);
	open_reader(f);
	assert_int_equal(ship(f, 1000), 300);
	assert_int_equal(counts_of(f)->dropped_full, 0);
}

static void records_lost_with_memory_are_said_at_the_end(void **state)
{
	struct fixture *f = *state;
	static struct bad_disk bad;               /* outlives a test that failed */

	open_on_bad_disk(f, &bad);
	bad.write_err = -EIO;
	put_lines(f, 25);
	assert_int_equal(spool_flush(f->spool, f->now_ns), -EIO);
	assert_int_equal(stats_of(f).waiting, 25);
	close_spool(f);
	assert_int_equal(count_in_log(f, "25 records that waited in memory are lost"), 1);
}

static void a_share_of_the_file_system_stays_free(void **state)
{
	struct fixture *f = *state;

	f->options.free_percent = 100;
	open_spool(f);
	assert_true(stats_of(f).is_degraded);
	put_lines(f, 20);
	assert_int_equal(stats_of(f).waiting, 20);
	assert_int_equal(stats_of(f).segments, 0);
}

/* ---- real disks ---- */

#ifdef __linux__
static bool mount_state(struct fixture *f, const char *options)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/state", f->root);
	if (!mkdir(path, 0700) && !mount("tmpfs", path, "tmpfs", 0, options))
		return true;
	print_message("mounting a tmpfs takes root: %s\n", strerror(errno));
	return false;
}

static void fill(const char *path, bool fully)
{
	static char block[4096];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	while (fully && write(fd, block, sizeof(block)) > 0)
		;
	close(fd);
}

static void a_full_file_system_is_survived(void **state)
{
	struct fixture *f = *state;
	char other[PATH_SIZE];

	if (!mount_state(f, "size=256k"))
		skip();
	snprintf(other, sizeof(other), "%s/state/other", f->root);
	open_spool(f);
	put_lines(f, 10);
	fill(other, true);
	for (int i = 0; i < 50; i++) {
		put_lines(f, 10);
		(void)spool_tick(f->spool, f->now_ns += NS_PER_S);
	}
	assert_true(stats_of(f).is_degraded);
	assert_int_equal(stats_of(f).put, stats_of(f).written + stats_of(f).waiting);
	fill(other, false);
	tick(f, 31 * NS_PER_S, 0);
	assert_false(stats_of(f).is_degraded);
	open_reader(f);
	assert_int_equal(ship(f, 1000), 510);
}

/* While the spool is open the kernel refuses the remount; what EROFS does then is a row of the table above. */
static void a_read_only_file_system_is_an_error_at_the_start(void **state)
{
	struct fixture *f = *state;
	char path[PATH_SIZE];

	if (!mount_state(f, "size=4m"))
		skip();
	snprintf(path, sizeof(path), "%s/state", f->root);
	open_spool(f);
	put_lines(f, 200);
	kill_spool(f);
	assert_int_equal(mount(NULL, path, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	assert_int_equal(spool_open(&f->spool, &f->options, f->now_ns), -EROFS);
	f->spool = NULL;
	assert_int_equal(mount(NULL, path, NULL, MS_REMOUNT, NULL), 0);
	open_spool(f);
	open_reader(f);
	assert_int_equal(ship(f, 1000), 200);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(drop_oldest_makes_room_and_readers_count_the_gap),
		TEST(drop_newest_keeps_what_is_there_and_tells_the_rest),
		TEST(what_was_dropped_last_is_told_by_a_flush),
		TEST(block_takes_nothing_until_there_is_room),
		TEST(a_segment_goes_when_all_outputs_have_acknowledged_it),
		TEST(a_smaller_cap_after_a_restart_is_kept_in_the_end),
		TEST(batches_wait_in_memory_while_the_disk_fails),
		TEST(a_bad_place_on_the_disk_is_left_for_another_segment),
		TEST(what_memory_does_not_hold_is_dropped_and_told),
		TEST(with_block_a_full_memory_refuses),
		TEST(records_lost_with_memory_are_said_at_the_end),
		TEST(a_share_of_the_file_system_stays_free),
#ifdef __linux__
		TEST(a_full_file_system_is_survived),
		TEST(a_read_only_file_system_is_an_error_at_the_start),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
