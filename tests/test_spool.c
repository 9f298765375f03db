/* SPDX-License-Identifier: Apache-2.0 */
/* test_spool.c - the writer: batches, restarts, policies, and a disk that fails and comes back. */
#include <errno.h>
#include <zlib.h>
#include "../user/ship/spool_octets.h"
#include "../user/ship/spool_segment.h"
#include "spool_fixture.h"

/* ---- batches ---- */

static void a_batch_is_closed_by_rows_octets_or_time(void **state)
{
	struct fixture *f = *state;

	open_spool(f);
	put_lines(f, 9);
	assert_int_equal(stats_of(f).waiting, 9);
	put_lines(f, 1);
	assert_int_equal(stats_of(f).waiting, 0);
	f->options.batch_rows = 1000;
	close_spool(f);
	open_spool(f);
	put_lines(f, 40);                                 /* 4000 of 4096 octets: the next one does not fit */
	assert_int_equal(stats_of(f).waiting, 40);
	put_lines(f, 1);
	assert_int_equal(stats_of(f).waiting, 1);
	tick(f, SPOOL_BATCH_NS - 1, 0);
	assert_int_equal(stats_of(f).waiting, 1);
	tick(f, 1, 0);
	assert_int_equal(stats_of(f).waiting, 0);
	open_reader(f);
	assert_int_equal(ship(f, 1), 10);
	assert_int_equal(ship(f, 1), 40);
	assert_int_equal(ship(f, 1), 1);
	assert_int_equal(ship(f, 1), 0);
}

static void a_line_longer_than_any_batch_is_dropped_and_told(void **state)
{
	struct fixture *f = *state;
	static char line[5000];

	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	open_spool(f);
	put_lines(f, 3);
	assert_int_equal(spool_put(f->spool, line, sizeof(line), f->now_ns), 0);
	f->next++;
	put_lines(f, 2);
	assert_int_equal(spool_flush(f->spool, f->now_ns), 0);
	assert_int_equal(stats_of(f).dropped_full, 1);
	open_reader(f);
	assert_int_equal(ship(f, 10), 5);
	assert_int_equal(counts_of(f)->dropped_full, 1);
}

static void files_and_folders_are_private(void **state)
{
	static const char *const names[] = { "", "lock", "cursor.one", "lock.one", "0000000000000001.seg" };
	struct fixture *f = *state;
	mode_t was = umask(0);

	open_spool(f);
	open_reader(f);
	umask(was);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct stat st;

		assert_int_equal(stat(in(f, names[i]), &st), 0);
		assert_int_equal(st.st_mode & 07777, S_ISDIR(st.st_mode) ? 0700 : 0600);
	}
}

static void a_symbolic_link_is_not_followed(void **state)
{
	struct fixture *f = *state;
	char target[PATH_SIZE];

	snprintf(target, sizeof(target), "%s/elsewhere", f->root);
	open_spool(f);
	close_spool(f);
	assert_int_equal(unlink(in(f, "lock")), 0);
	assert_int_equal(symlink(target, in(f, "lock")), 0);
	assert_int_equal(spool_open(&f->spool, &f->options, f->now_ns), -ELOOP);
	assert_int_equal(access(target, F_OK), -1);
}

static void a_second_writer_is_refused(void **state)
{
	struct fixture *f = *state;
	struct spool *second;

	open_spool(f);
	assert_int_equal(spool_open(&second, &f->options, f->now_ns), -EBUSY);
	assert_int_equal(count_in_log(f, "another process writes to it"), 1);
	close_spool(f);
	open_spool(f);
}

static void a_child_that_abandons_the_spool_leaves_the_lock_to_its_parent(void **state)
{
	struct fixture *f = *state;
	struct spool *second;
	int pipe_fds[2], status;
	char octet;
	pid_t child;

	open_spool(f);
	put_lines(f, 1);
	assert_int_equal(pipe(pipe_fds), 0);
	child = fork();
	if (!child) {
		alarm(20);                                /* outlives no test that failed */
		close(pipe_fds[1]);
		spool_abandon(f->spool);
		(void)!read(pipe_fds[0], &octet, 1);      /* until the parent is done */
		_exit(0);
	}
	close(pipe_fds[0]);
	usleep(50000);
	assert_int_equal(spool_open(&second, &f->options, f->now_ns), -EBUSY);
	close_spool(f);
	open_spool(f);                                    /* the child lives, and holds nothing */
	close(pipe_fds[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void options_that_do_not_go_together_are_refused(void **state)
{
	static const char *const bad_name[] = { "../one" };
	struct fixture *f = *state;
	struct spool_options rows[8];

	for (size_t i = 0; i < 8; i++)
		rows[i] = f->options;
	rows[0].max_octets = 2 * rows[0].segment_octets - 1;
	rows[1].segment_octets = rows[1].batch_octets;
	rows[2].batch_rows = 0;
	rows[3].batch_octets = 0;
	rows[4].batch_octets = SPOOL_FRAME_MAX + 1;
	rows[5].outputs = bad_name;
	rows[6].output_count = 0;
	rows[7].free_percent = 101;
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(spool_open(&f->spool, &rows[i], f->now_ns), -EINVAL);
	assert_int_equal(access(f->dir, F_OK), -1);
}

/* ---- restarts ---- */

static void the_sequence_goes_on_after_a_restart(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 5; i++) {
		open_spool(f);
		put_lines(f, 13);
		if (i % 2) {
			close_spool(f);
			continue;
		}
		kill_spool(f);
		f->next -= 3;                             /* were in memory */
	}
	open_spool(f);
	assert_in_range(octets_on_disk(f), 0, f->options.segment_octets + 5 * 4096);  /* the old ones gave back what they did not use */
	open_reader(f);
	assert_int_equal(ship(f, 100), 3 * 10 + 2 * 13);
	assert_int_equal(counts_of(f)->dropped_damaged, 0);
}

static void restarts_without_records_leave_no_segments_behind(void **state)
{
	struct fixture *f = *state;

	open_spool(f);
	put_lines(f, 10);
	for (int i = 0; i < 20; i++) {
		kill_spool(f);
		open_spool(f);
		tick(f, NS_PER_S, 0);
	}
	assert_int_equal(stats_of(f).segments, 2);
	open_reader(f);
	assert_int_equal(ship(f, 100), 10);
}

static void a_new_output_begins_at_the_next_record(void **state)
{
	struct fixture *f = *state;
	struct spool_reader *second;
	struct spool_batch batch;

	open_spool(f);
	put_lines(f, 20);
	close_spool(f);
	f->options.output_count = 2;
	open_spool(f);
	put_lines(f, 10);
	assert_int_equal(spool_unshipped(f->spool, "one"), 30);
	assert_int_equal(spool_unshipped(f->spool, "two"), 10);
	assert_int_equal(spool_reader_open(&second, f->dir, "two"), 0);
	assert_int_equal(spool_reader_next(second, &batch), 1);
	assert_int_equal(batch.at.sequence, 20);
	assert_int_equal(batch.lost_full + batch.lost_damaged, 0);
	spool_batch_free(&batch);
	spool_reader_close(second);
}

static void an_output_whose_cursor_is_destroyed_gets_all_again(void **state)
{
	struct fixture *f = *state;
	uint8_t uuid[16], again[16];
	int fd;

	for (int has_writer = 0; has_writer < 2; has_writer++) {
		open_spool(f);
		put_lines(f, 20);
		open_reader(f);
		ship(f, 1);
		spool_reader_uuid(f->reader, uuid);
		close_reader(f);
		close_spool(f);
		fd = open(in(f, "cursor.one"), O_WRONLY | O_TRUNC);
		assert_int_equal(write(fd, "rubbish", 7), 7);
		close(fd);
		if (has_writer)
			open_spool(f);
		open_reader(f);
		assert_int_equal(spool_reader_cursor(f->reader)->at.sequence, spool_reader_cursor(f->reader)->begun_at);
		assert_int_equal(ship(f, 100), 20 + 20 * (unsigned)has_writer);
		spool_reader_uuid(f->reader, again);
		assert_memory_equal(uuid, again, 16);
		close_reader(f);
		close_spool(f);
	}
	assert_int_equal(count_in_log(f, "cursor.one is damaged"), 2);
}

static void numbers_go_on_when_somebody_deletes_the_segments(void **state)
{
	struct fixture *f = *state;
	struct spool_batch batch;

	open_spool(f);
	put_lines(f, 400);
	open_reader(f);
	assert_int_equal(ship(f, 100), 400);
	close_spool(f);
	for (unsigned i = 1; i < 10; i++)
		unlink(segment(f, i));
	open_spool(f);
	put_lines(f, 10);
	assert_int_equal(spool_reader_next(f->reader, &batch), 1);
	assert_int_equal(batch.at.sequence, 400);
	assert_true(batch.at.segment > 2);
	assert_int_equal(batch.lost_full + batch.lost_damaged, 0);
	spool_batch_free(&batch);
}

static void a_spool_of_another_version_is_left_alone(void **state)
{
	struct fixture *f = *state;
	uint8_t octets[64];
	int fd;

	open_spool(f);
	put_lines(f, 10);
	close_spool(f);
	fd = open(segment(f, 1), O_RDWR);
	assert_int_equal(pread(fd, octets, sizeof(octets), 0), sizeof(octets));
	put_le32(octets + 8, 2);
	put_le32(octets + 60, (uint32_t)crc32(0, octets, 60));
	assert_int_equal(pwrite(fd, octets, sizeof(octets), 0), sizeof(octets));
	close(fd);
	assert_int_equal(spool_open(&f->spool, &f->options, f->now_ns), -EPROTONOSUPPORT);
	f->spool = NULL;
	assert_int_equal(count_in_log(f, "written by another version"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_batch_is_closed_by_rows_octets_or_time),
		TEST(a_line_longer_than_any_batch_is_dropped_and_told),
		TEST(files_and_folders_are_private),
		TEST(a_symbolic_link_is_not_followed),
		TEST(a_second_writer_is_refused),
		TEST(a_child_that_abandons_the_spool_leaves_the_lock_to_its_parent),
		TEST(options_that_do_not_go_together_are_refused),
		TEST(the_sequence_goes_on_after_a_restart),
		TEST(restarts_without_records_leave_no_segments_behind),
		TEST(a_new_output_begins_at_the_next_record),
		TEST(an_output_whose_cursor_is_destroyed_gets_all_again),
		TEST(numbers_go_on_when_somebody_deletes_the_segments),
		TEST(a_spool_of_another_version_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
