/* SPDX-License-Identifier: Apache-2.0 */
/* test_spool_damage.c - every octet of a segment flipped, every truncation: no more than one frame is lost, and it is counted. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>
#include "../user/base/log.h"
#include "../user/base/time.h"
#include "../user/ship/spool.h"
#define DISK_FILE_SIZE 65536u
#include "spool_disk.h"

#define ROWS 8                                    /* of a batch */
#define LINE_SIZE 440
#define LINES_MAX 200

struct fixture {
	struct disk disk;
	struct disk_process meter, shipper;
	struct spool_options options;
	struct spool *spool;
	struct spool_reader *reader;
	uint32_t put;
	char text[LINES_MAX * LINE_SIZE + 1];     /* what was put, line by line */
};

static const char *const outputs[] = { "one" };
static char log_path[] = "/tmp/test_spool_damage.XXXXXX";

static void put(struct fixture *f, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++, f->put++) {
		char *line = f->text + f->put * LINE_SIZE;

		assert_in_range(f->put, 0, LINES_MAX - 1);
		snprintf(line, LINE_SIZE + 1, "{\"n\":%-*" PRIu32 "}\n", LINE_SIZE - 7, f->put);
		assert_int_equal(spool_put(f->spool, line, LINE_SIZE, 0), 0);
	}
}

static void open_spool(struct fixture *f)
{
	assert_int_equal(spool_open_on(&f->spool, &f->meter.io, &f->options, 0), 0);
}

/* The first segment is full to the last frame that fits; the second one has two batches. */
static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->disk.random = 1;
	f->disk.writeback = 0;
	f->options = (struct spool_options){ .dir = "spool", .outputs = outputs, .output_count = 1, .segment_octets = 65536,
		.max_octets = 1 << 20, .batch_rows = ROWS, .batch_octets = ROWS * LINE_SIZE, .memory_octets = 1 << 20 };
	disk_process_start(&f->meter, &f->disk);
	disk_process_start(&f->shipper, &f->disk);
	open_spool(f);
	while (f->disk.file_count < 4)
		put(f, ROWS);
	put(f, ROWS);
	*state = f;
	return 0;
}

static void stop(struct fixture *f)
{
	spool_reader_close(f->reader);
	f->reader = NULL;
	spool_close(f->spool, 0);
	f->spool = NULL;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	stop(f);
	disk_free(&f->disk);
	free(f);
	return 0;
}

static void open_reader(struct fixture *f)
{
	assert_int_equal(spool_reader_open_on(&f->reader, &f->shipper.io, "spool", "one"), 0);
}

static struct disk_file *file_of(struct fixture *f, const char *name)
{
	struct disk_file *file = disk_find(&f->disk, name);

	if (!file)
		abort();
	return file;
}

struct seen { uint64_t rows, lost_full, lost_damaged, end; };

/* All from the cursor on; what is read is as it was put, in order. */
static struct seen read_all(struct fixture *f)
{
	struct seen seen = { .end = spool_reader_cursor(f->reader)->at.sequence };
	struct spool_batch batch;
	int found;

	while ((found = spool_reader_next(f->reader, &batch)) == 1) {
		seen.rows += batch.rows;
		seen.lost_full += batch.lost_full;
		seen.lost_damaged += batch.lost_damaged;
		assert_int_equal(batch.len, batch.rows * LINE_SIZE);
		assert_false(batch.rows && memcmp(batch.lines, f->text + batch.at.sequence * LINE_SIZE, batch.len));
		assert_true(batch.next.sequence >= seen.end + batch.rows);
		seen.end = batch.next.sequence;
		spool_batch_free(&batch);
	}
	assert_int_equal(found, 0);
	spool_reader_rewind(f->reader);
	return seen;
}

static void one_flipped_octet_costs_at_most_its_frame(void **state)
{
	struct fixture *f = *state;
	struct disk_file *segment = file_of(f, "0000000000000001.seg");
	uint64_t lost = 0;

	open_reader(f);
	assert_int_equal(read_all(f).rows, f->put);
	for (size_t at = 0; at < segment->now_size; at++) {
		struct seen seen;

		segment->now[at] ^= (uint8_t)(1u << at % 8);
		seen = read_all(f);
		segment->now[at] ^= (uint8_t)(1u << at % 8);
		if (seen.rows + seen.lost_damaged != f->put || seen.lost_full || seen.lost_damaged > ROWS || seen.end != f->put)
			fail_msg("octet %zu: %" PRIu64 " rows, lost %" PRIu64, at, seen.rows, seen.lost_damaged);
		lost += seen.lost_damaged > 0;
	}
	print_message("%zu flips, %" PRIu64 " cost a frame\n", segment->now_size, lost);
	assert_in_range(lost, segment->now_size * 9 / 10, segment->now_size);
	assert_int_equal(read_all(f).rows, f->put);
}

static void every_truncation_of_an_older_segment_is_counted(void **state)
{
	struct fixture *f = *state;
	struct disk_file *segment = file_of(f, "0000000000000001.seg");
	uint64_t was_lost = 0;

	open_reader(f);
	for (size_t size = segment->now_size; size-- > 0;) {
		struct seen seen;

		segment->now_size = size;
		seen = read_all(f);
		if (seen.rows + seen.lost_damaged != f->put || seen.lost_full || seen.lost_damaged < was_lost || seen.end != f->put)
			fail_msg("size %zu: %" PRIu64 " rows, lost %" PRIu64, size, seen.rows, seen.lost_damaged);
		was_lost = seen.lost_damaged;
	}
	assert_int_equal(was_lost, f->put - 2 * ROWS);
}

/* A writer comes, recovers, and new records follow where the sequence then stands. What is read before and behind them. */
static struct seen recover(struct fixture *f, struct spool_stats *stats, struct seen *then)
{
	struct seen seen;

	open_spool(f);
	spool_stats(f->spool, stats);
	open_reader(f);
	seen = read_all(f);
	f->put = (uint32_t)seen.end;
	put(f, ROWS);
	*then = read_all(f);
	stop(f);
	return seen;
}

static void break_and_recover(struct fixture *f, const struct disk *before, size_t at, bool is_cut)
{
	uint32_t was_put = f->put;
	struct spool_stats stats;
	struct seen seen, then;
	struct disk_file *segment;

	disk_copy(&f->disk, before);
	segment = file_of(f, "0000000000000002.seg");
	if (is_cut)
		segment->now_size = at;
	else
		segment->now[at] ^= 0x20;
	seen = recover(f, &stats, &then);
	f->put = was_put;
	if (seen.lost_full || seen.rows + seen.lost_damaged != seen.end || (!is_cut && seen.rows < was_put - ROWS))
		fail_msg("octet %zu: %" PRIu64 " rows, lost %" PRIu64 ", to %" PRIu64, at, seen.rows, seen.lost_damaged, seen.end);
	if (!is_cut && seen.rows < was_put)
		assert_in_range(stats.damaged_octets, 1, DISK_FILE_SIZE);
	assert_int_equal(then.rows, seen.rows + ROWS);
	assert_int_equal(then.lost_damaged, seen.lost_damaged);
}

static void recovery_of_the_last_segment_costs_at_most_the_frame(void **state)
{
	struct fixture *f = *state;
	size_t used = 64 + 2 * (40 + ROWS * LINE_SIZE);
	struct disk before = { .random = 1 };

	stop(f);
	disk_copy(&before, &f->disk);
	for (size_t at = 0; at < used; at += 5)
		break_and_recover(f, &before, at, false);
	for (size_t size = 0; size < used; size += 5)
		break_and_recover(f, &before, size, true);
	disk_free(&before);
}

static void damage_in_a_live_segment_is_passed_when_the_next_frame_is_there(void **state)
{
	struct fixture *f = *state;
	struct disk_file *segment = file_of(f, "0000000000000002.seg");
	struct seen seen;

	open_reader(f);
	segment->now[64 + (40 + ROWS * LINE_SIZE) + 100] ^= 1;    /* in the last frame */
	seen = read_all(f);
	assert_int_equal(seen.rows, f->put - ROWS);
	assert_int_equal(seen.lost_damaged, 0);                 /* perhaps the writer is not done with it */
	put(f, ROWS);
	seen = read_all(f);
	assert_int_equal(seen.rows, f->put - ROWS);
	assert_int_equal(seen.lost_damaged, ROWS);
}

static void a_segment_that_is_gone_is_a_counted_gap(void **state)
{
	struct fixture *f = *state;
	struct seen seen;

	file_of(f, "0000000000000001.seg")->is_named = false;
	open_reader(f);
	seen = read_all(f);
	assert_int_equal(seen.rows, 2 * ROWS);
	assert_int_equal(seen.lost_full, f->put - 2 * ROWS);
	assert_int_equal(seen.end, f->put);
}

/* ---- all of it ---- */

static int log_away(void **state)
{
	int fd = mkstemp(log_path);

	(void)state;
	if (fd < 0)
		return -1;
	close(fd);
	return log_open(LOG_ERROR, LOG_CONSOLE, log_path);
}

static int remove_log(void **state)
{
	(void)state;
	log_close();
	return unlink(log_path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_flipped_octet_costs_at_most_its_frame),
		TEST(every_truncation_of_an_older_segment_is_counted),
		TEST(recovery_of_the_last_segment_costs_at_most_the_frame),
		TEST(damage_in_a_live_segment_is_passed_when_the_next_frame_is_there),
		TEST(a_segment_that_is_gone_is_a_counted_gap),
	};

	return cmocka_run_group_tests(tests, log_away, remove_log);
}
