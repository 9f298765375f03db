/* SPDX-License-Identifier: Apache-2.0 */
/* test_spool_reader.c - reading: beside a writer in another process, again after a rewind, without a writer. */
#include <errno.h>
#include "../user/ship/spool_io.h"
#include "spool_fixture.h"

#define MANY 30000

/* ---- opening ---- */

static void there_has_to_be_a_spool_a_cursor_and_no_other_shipper(void **state)
{
	struct fixture *f = *state;
	struct spool_reader *other;

	assert_int_equal(spool_reader_open(&other, f->dir, "one"), -ENOENT);
	open_spool(f);
	assert_int_equal(spool_reader_open(&other, f->dir, "two"), -ENOENT);
	assert_int_equal(spool_reader_open(&other, f->dir, "../one"), -EINVAL);
	open_reader(f);
	assert_int_equal(spool_reader_open(&other, f->dir, "one"), -EBUSY);
	assert_int_equal(count_in_log(f, "another shipper has it"), 1);
	close_reader(f);
	open_reader(f);
}

/* ---- batches ---- */

static void what_was_not_acknowledged_comes_again_the_same(void **state)
{
	struct fixture *f = *state;
	struct spool_batch first, again;

	open_spool(f);
	put_lines(f, 400);
	open_reader(f);
	ship(f, 7);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(spool_reader_next(f->reader, &first), 1);
		for (int k = 0; k < 10; k++) {
			assert_int_equal(spool_reader_next(f->reader, &again), 1);
			spool_batch_free(&again);
		}
		if (i == 1) {
			close_reader(f);
			open_reader(f);
		}
		spool_reader_rewind(f->reader);
		assert_int_equal(spool_reader_next(f->reader, &again), 1);
		assert_memory_equal(&first.at, &again.at, sizeof(first.at));
		assert_memory_equal(&first.next, &again.next, sizeof(first.next));
		assert_int_equal(first.len, again.len);
		assert_memory_equal(first.lines, again.lines, first.len);
		spool_batch_free(&first);
		spool_batch_free(&again);
		spool_reader_rewind(f->reader);
	}
	assert_int_equal(ship(f, 1000), 330);
}

static void a_loss_that_nothing_follows_is_a_batch_without_rows(void **state)
{
	struct fixture *f = *state;
	struct spool_cursor cursor;
	struct spool_batch batch;
	static char line[5000];

	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	open_spool(f);
	for (int i = 0; i < 4; i++)
		assert_int_equal(spool_put(f->spool, line, sizeof(line), f->now_ns), 0);
	assert_int_equal(spool_flush(f->spool, f->now_ns), 0);
	open_reader(f);
	assert_int_equal(spool_reader_next(f->reader, &batch), 1);
	assert_int_equal(batch.rows, 0);
	assert_int_equal(batch.lost_full, 4);
	cursor = *spool_reader_cursor(f->reader);
	spool_cursor_pass(&cursor, &batch, 0, 0);
	check_identity(&cursor);
	spool_batch_free(&batch);
	assert_int_equal(spool_reader_next(f->reader, &batch), 0);
	assert_int_equal(spool_reader_store(f->reader, &cursor), 0);
	spool_reader_rewind(f->reader);
	assert_int_equal(spool_reader_next(f->reader, &batch), 0);
}

static void a_spool_without_a_writer_is_read_to_its_end_and_on_when_one_comes(void **state)
{
	struct fixture *f = *state;

	open_spool(f);
	put_lines(f, 300);
	kill_spool(f);
	open_reader(f);
	assert_int_equal(ship(f, 1000), 300);
	assert_int_equal(ship(f, 1000), 0);
	for (int i = 0; i < 3; i++) {
		open_spool(f);
		assert_int_equal(ship(f, 1000), 0);
		put_lines(f, 20);
		assert_int_equal(ship(f, 1000), 20);
		tick(f, NS_PER_S, 0);
		kill_spool(f);
	}
	assert_int_equal(counts_of(f)->dropped_full + counts_of(f)->dropped_damaged, 0);
}

/* What is only half written when the reader looks is not there yet. */
struct watched { struct spool_io io; struct fixture *f; unsigned writes; uint64_t offset; };

static int write_watched(void *ctx, int fd, const void *from, size_t len, uint64_t offset)
{
	struct watched *watched = ctx;
	struct spool_batch batch;

	if (watched->f->reader && offset >= 64) {
		assert_int_equal(spool_reader_next(watched->f->reader, &batch), 0);
		if (watched->writes++ % 2)
			assert_int_equal(watched->offset, offset + 40);
		watched->offset = offset;
	}
	return spool_io_system.write(NULL, fd, from, len, offset);
}

static void lines_are_written_before_their_header(void **state)
{
	static struct watched watched;
	struct fixture *f = *state;

	watched = (struct watched){ .io = spool_io_system, .f = f };
	watched.io.ctx = &watched;
	watched.io.write = write_watched;
	assert_int_equal(spool_open_on(&f->spool, &watched.io, &f->options, f->now_ns), 0);
	open_reader(f);
	for (int i = 0; i < 40; i++) {
		put_lines(f, 10);
		assert_int_equal(ship(f, 1), 10);
	}
	assert_int_equal(watched.writes, 80);
}

/* ---- two processes ---- */

static int write_many(struct fixture *f)
{
	if (spool_open(&f->spool, &f->options, f->now_ns))
		return 1;
	while (f->next < MANY) {
		int err = put_line(f);

		if (err && err != -EAGAIN)
			return 2;
		if (f->next % 1000 == 0 || err) {
			spool_tick(f->spool, f->now_ns);
			usleep(1000);
		}
	}
	if (spool_flush(f->spool, f->now_ns))
		return 3;
	spool_close(f->spool, f->now_ns);
	return 0;
}

static void a_writer_and_a_reader_work_side_by_side(void **state)
{
	struct fixture *f = *state;
	uint64_t shipped = 0, idle = 0;
	pid_t child;
	int status;

	f->options.sync_interval_ns = NS_PER_S;
	f->options.max_octets = 64 * 16384;
	f->options.policy = SPOOL_BLOCK;
	open_spool(f);
	close_spool(f);
	child = fork();
	if (!child) {
		alarm(20);                                /* outlives no test that failed */
		_exit(write_many(f));
	}
	open_reader(f);
	while (shipped < MANY && idle < 10000) {
		uint64_t rows = ship(f, 50);

		shipped += rows;
		idle = rows ? 0 : idle + 1;
		if (!rows)
			usleep(1000);
	}
	assert_int_equal(shipped, MANY);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(counts_of(f)->delivered, MANY);
	assert_int_equal(counts_of(f)->dropped_full + counts_of(f)->dropped_damaged, 0);
}

/* ---- numbers ---- */

static uint64_t frozen_wall_ns;

static uint64_t wall_ns(void *ctx)
{
	(void)ctx;
	return frozen_wall_ns;
}

static void the_backlog_is_what_was_written_and_not_acknowledged(void **state)
{
	static struct spool_io io;
	struct fixture *f = *state;
	uint64_t records, oldest_ns;

	io = spool_io_system;
	io.wall_ns = wall_ns;
	frozen_wall_ns = 5000 * NS_PER_S;
	assert_int_equal(spool_open_on(&f->spool, &io, &f->options, f->now_ns), 0);
	open_reader(f);
	spool_reader_backlog(f->reader, frozen_wall_ns, &records, &oldest_ns);
	assert_int_equal(records, 0);
	assert_int_equal(oldest_ns, 0);
	for (int i = 0; i < 60; i++) {
		put_lines(f, 10);
		frozen_wall_ns += NS_PER_S;
	}
	spool_reader_backlog(f->reader, frozen_wall_ns, &records, &oldest_ns);
	assert_int_equal(records, 600);
	assert_int_equal(oldest_ns, 60 * NS_PER_S);
	for (unsigned i = 1; i < 60; i++) {               /* also where a segment ends */
		ship(f, 1);
		spool_reader_backlog(f->reader, frozen_wall_ns, &records, &oldest_ns);
		assert_int_equal(records, 600 - 10 * i);
		assert_int_equal(oldest_ns, (60 - i) * NS_PER_S);
	}
	ship(f, 1);
	spool_reader_backlog(f->reader, frozen_wall_ns, &records, &oldest_ns);
	assert_int_equal(records + oldest_ns, 0);
}

static void the_identity_of_a_spool_stays_with_it(void **state)
{
	struct fixture *f = *state;
	uint8_t uuid[16], again[16], zero[16] = { 0 };

	open_spool(f);
	open_reader(f);
	spool_reader_uuid(f->reader, uuid);
	assert_memory_not_equal(uuid, zero, 16);
	close_reader(f);
	close_spool(f);
	f->options.output_count = 2;
	open_spool(f);
	assert_int_equal(spool_reader_open(&f->reader, f->dir, "two"), 0);
	spool_reader_uuid(f->reader, again);
	assert_memory_equal(uuid, again, 16);
}

static void what_an_output_keeps_is_stored_with_its_cursor(void **state)
{
	struct fixture *f = *state;
	struct spool_cursor cursor;

	open_spool(f);
	open_reader(f);
	cursor = *spool_reader_cursor(f->reader);
	for (size_t i = 0; i < SPOOL_STATE_SIZE; i++)
		cursor.state[i] = (uint8_t)i;
	cursor.counts.retried = 7;
	cursor.counts.requests = 9;
	assert_int_equal(spool_reader_store(f->reader, &cursor), 0);
	close_reader(f);
	open_reader(f);
	assert_memory_equal(spool_reader_cursor(f->reader), &cursor, sizeof(cursor));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(there_has_to_be_a_spool_a_cursor_and_no_other_shipper),
		TEST(what_was_not_acknowledged_comes_again_the_same),
		TEST(a_loss_that_nothing_follows_is_a_batch_without_rows),
		TEST(a_spool_without_a_writer_is_read_to_its_end_and_on_when_one_comes),
		TEST(lines_are_written_before_their_header),
		TEST(a_writer_and_a_reader_work_side_by_side),
		TEST(the_backlog_is_what_was_written_and_not_acknowledged),
		TEST(the_identity_of_a_spool_stays_with_it),
		TEST(what_an_output_keeps_is_stored_with_its_cursor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
