/* SPDX-License-Identifier: Apache-2.0 */
/* test_spool_cursor.c - the two slots of a cursor: one of the last two states is always there, whatever is torn. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>
#include "../user/ship/spool_cursor.h"
#include "../user/ship/spool_octets.h"
#include "../user/ship/spool_segment.h"
#include "spool_disk.h"

struct fixture {
	struct disk disk;
	struct disk_process process;
	struct spool_folder folder;
	struct spool_slot slot;
	struct disk_file *file;
	int fd;
};

static struct spool_cursor cursor_at(uint64_t sequence)
{
	struct spool_cursor cursor = { 5, { 3, 4096, sequence }, { sequence - 5 - 6, 1, 2, 3, 4, 5, 6 }, { 0 } };

	memset(cursor.state, (int)sequence, sizeof(cursor.state));
	return cursor;
}

static void store(struct fixture *f, uint64_t sequence)
{
	struct spool_cursor cursor = cursor_at(sequence);

	assert_int_equal(spool_slot_store(&f->process.io, f->fd, &f->slot, &cursor), 0);
}

/* The sequence in the file, or -errno. */
static int64_t load(struct fixture *f)
{
	struct spool_slot slot;
	struct spool_cursor cursor;
	int err = spool_slot_load(&f->folder, "one", &slot);

	if (err)
		return err;
	cursor = cursor_at(slot.cursor.at.sequence);
	assert_memory_equal(&slot.cursor, &cursor, sizeof(cursor));
	assert_memory_equal(slot.uuid, f->slot.uuid, sizeof(slot.uuid));
	return (int64_t)slot.cursor.at.sequence;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct spool_cursor cursor = cursor_at(100);

	f->disk.random = 1;
	disk_process_start(&f->process, &f->disk);
	assert_int_equal(spool_folder_open(&f->folder, &f->process.io, "spool", true), 0);
	memset(f->slot.uuid, 0x77, sizeof(f->slot.uuid));
	assert_int_equal(load(f), -ENOENT);
	assert_int_equal(spool_slot_create(&f->folder, "one", &f->slot, &cursor), 0);
	f->fd = f->process.io.open(&f->process, DISK_FOLDER, "cursor.one", O_RDWR);
	f->file = disk_find(&f->disk, "cursor.one");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	spool_folder_close(&f->folder);
	disk_free(&f->disk);
	free(f);
	return 0;
}

static void the_newest_cursor_that_was_stored_is_read(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load(f), 100);
	for (uint64_t sequence = 101; sequence < 120; sequence++) {
		store(f, sequence);
		assert_int_equal(load(f), sequence);
		assert_int_equal(f->slot.cursor.at.sequence, sequence);
	}
}

static void any_flipped_octet_leaves_the_cursor_before(void **state)
{
	struct fixture *f = *state;

	for (uint64_t newest = 101; newest < 103; newest++) {
		size_t other = 0;

		store(f, newest);
		for (size_t at = 0; at < f->file->now_size; at++) {
			int64_t sequence;

			f->file->now[at] ^= 0x10;
			sequence = load(f);
			assert_in_range(sequence, newest - 1, newest);
			other += sequence != (int64_t)newest;
			f->file->now[at] ^= 0x10;
		}
		assert_int_equal(other, SPOOL_SLOT_SIZE);         /* those of the newest slot, and no other */
	}
}

/* The write of the next one stops after any octet, from the front or from the back. */
static void a_torn_store_leaves_one_of_the_two(void **state)
{
	struct fixture *f = *state;
	uint8_t old[8192], new[8192];

	store(f, 101);
	for (uint64_t next = 102; next < 104; next++) {
		memcpy(old, f->file->now, sizeof(old));
		store(f, next);
		memcpy(new, f->file->now, sizeof(new));
		for (size_t cut = 0; cut <= sizeof(old); cut++) {
			int64_t sequence;

			memcpy(f->file->now, new, cut);
			memcpy(f->file->now + cut, old + cut, sizeof(old) - cut);
			sequence = load(f);
			assert_in_range(sequence, next - 1, next);
			memcpy(f->file->now, old, cut);
			memcpy(f->file->now + cut, new + cut, sizeof(old) - cut);
			sequence = load(f);
			assert_in_range(sequence, next - 1, next);
		}
		memcpy(f->file->now, new, sizeof(new));
	}
}

static void every_truncation_leaves_a_cursor_or_says_that_there_is_none(void **state)
{
	struct fixture *f = *state;
	size_t size;

	store(f, 101);
	store(f, 102);
	store(f, 103);                                    /* in the slot at 4096; 102 at 0 */
	for (size = f->file->now_size; size-- > 0;) {
		int64_t expected = size >= SPOOL_SLOT_SIZE ? 102 : size ? -EBADMSG : -ENOENT;

		f->file->now_size = size;
		if (load(f) != 103 || size < f->slot.generation % 2 * SPOOL_SLOT_STEP + SPOOL_SLOT_SIZE - 4)
			assert_int_equal(load(f), expected);      /* a checksum may end with zeros */
	}
}

static void two_bad_slots_are_no_cursor(void **state)
{
	struct fixture *f = *state;

	store(f, 101);
	f->file->now[100] ^= 1;
	f->file->now[SPOOL_SLOT_STEP + 100] ^= 1;
	assert_int_equal(load(f), -EBADMSG);
}

static void a_store_that_fails_is_not_taken_for_stored(void **state)
{
	struct fixture *f = *state;
	struct spool_cursor cursor = cursor_at(101);

	f->process.dies_at = f->process.calls + 1;
	assert_int_equal(spool_slot_store(&f->process.io, f->fd, &f->slot, &cursor), -EIO);
	assert_int_equal(f->slot.cursor.at.sequence, 100);
	f->process.is_dead = false;
	f->process.dies_at = 0;
	store(f, 102);
	assert_int_equal(load(f), 102);
}

static void passing_a_batch_keeps_the_books(void **state)
{
	struct spool_cursor cursor = { .begun_at = 10, .at = { 1, 64, 10 } };
	struct spool_batch batch = { .at = { 2, 64, 25 }, .next = { 2, 500, 45 }, .rows = 20, .lost_full = 10, .lost_damaged = 5 };

	(void)state;
	spool_cursor_pass(&cursor, &batch, 17, 3);
	assert_memory_equal(&cursor.at, &batch.next, sizeof(cursor.at));
	assert_int_equal(cursor.at.sequence - cursor.begun_at, cursor.counts.delivered + cursor.counts.dead +
			 cursor.counts.dropped_full + cursor.counts.dropped_damaged);
	assert_int_equal(cursor.counts.dead, 3);
	assert_int_equal(cursor.counts.dropped_full, 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_newest_cursor_that_was_stored_is_read),
		TEST(any_flipped_octet_leaves_the_cursor_before),
		TEST(a_torn_store_leaves_one_of_the_two),
		TEST(every_truncation_leaves_a_cursor_or_says_that_there_is_none),
		TEST(two_bad_slots_are_no_cursor),
		TEST(a_store_that_fails_is_not_taken_for_stored),
		cmocka_unit_test(passing_a_batch_keeps_the_books),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
