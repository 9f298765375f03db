/* SPDX-License-Identifier: Apache-2.0 */
/* test_spool_segment.c - the format on disk: what is written is read back, and a frame is good in its own place only. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>
#include "../user/ship/spool_octets.h"
#include "../user/ship/spool_segment.h"
#define DISK_FILE_SIZE (256u << 10)
#include "spool_disk.h"

static const char lines[] = "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n";

struct fixture {
	struct disk disk;
	struct disk_process process;
	struct spool_segment segment;
	struct disk_file *file;
	int fd;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->disk.random = 1;
	disk_process_start(&f->process, &f->disk);
	f->fd = f->process.io.open(&f->process, DISK_FOLDER, "000000000000000a.seg", O_RDWR | O_CREAT);
	assert_int_equal(f->process.io.allocate(&f->process, f->fd, 200000), 0);
	assert_int_equal(spool_segment_open(&f->segment, &f->process.io, DISK_FOLDER, 10), 0);
	f->file = disk_find(&f->disk, "000000000000000a.seg");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	spool_segment_close(&f->segment);
	disk_free(&f->disk);
	free(f);
	return 0;
}

static void write_frame(struct fixture *f, struct spool_frame *frame, const char *text)
{
	frame->len = (uint32_t)strlen(text);
	spool_frame_encode(f->file->now + frame->offset, frame, 10, text);
	memcpy(f->file->now + frame->offset + SPOOL_FRAME_SIZE, text, frame->len);
}

static void names_are_numbers_in_sixteen_digits(void **state)
{
	static const struct { const char *name; uint64_t number; } rows[] = {
		{ "0000000000000001.seg", 1 }, { "00000000000000ff.seg", 255 }, { "ffffffffffffffff.seg", UINT64_MAX },
		{ "0000000000000000.seg", 0 }, { "00000000000000FF.seg", 0 }, { "00000000000000ff.sec", 0 },
		{ "0x000000000000ff.seg", 0 },
		{ " 00000000000000f.seg", 0 }, { "-00000000000000f.seg", 0 }, { "00000000000000ff.seg2", 0 }, { "", 0 }, { "cursor.one", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char name[SPOOL_SEGMENT_NAME_SIZE];
		uint64_t number;

		assert_int_equal(spool_segment_number(rows[i].name, &number), rows[i].number != 0);
		if (!rows[i].number)
			continue;
		assert_int_equal(number, rows[i].number);
		spool_segment_name(name, number);
		assert_string_equal(name, rows[i].name);
	}
}

static void a_header_is_read_back_and_any_damage_is_seen(void **state)
{
	struct fixture *f = *state;
	struct spool_header header = { { 1, 2, 3 }, 10, 1234567890123456789ull, 42 }, back;

	spool_header_encode(f->file->now, &header);
	assert_int_equal(spool_header_read(&f->segment, &back), 0);
	assert_memory_equal(&back, &header, sizeof(back));
	for (size_t i = 0; i < SPOOL_HEADER_SIZE; i++) {
		f->file->now[i] ^= 1;
		assert_int_equal(spool_header_read(&f->segment, &back), -EBADMSG);
		f->file->now[i] ^= 1;
	}
	header.number = 11;                               /* a segment under another one's name */
	spool_header_encode(f->file->now, &header);
	assert_int_equal(spool_header_read(&f->segment, &back), -EBADMSG);
	f->file->now_size = SPOOL_HEADER_SIZE - 1;
	assert_int_equal(spool_header_read(&f->segment, &back), -EBADMSG);
}

static void a_frame_is_read_back_in_its_own_place_only(void **state)
{
	struct fixture *f = *state;
	struct spool_frame frame = { .offset = 64, .sequence = 1ull << 40, .dropped = 7, .wall_ns = 99, .rows = 3 }, back;
	char *text;

	assert_int_equal(spool_frame_read(&f->segment, 64, &back, &text), 0);
	write_frame(f, &frame, lines);
	assert_int_equal(spool_frame_read(&f->segment, 64, &back, &text), 1);
	assert_memory_equal(&back, &frame, sizeof(back));
	assert_memory_equal(text, lines, frame.len);
	free(text);
	memcpy(f->file->now + 256, f->file->now + 64, 128);
	assert_int_equal(spool_frame_read(&f->segment, 256, &back, &text), -EBADMSG);
	f->segment.number = 11;
	assert_int_equal(spool_frame_read(&f->segment, 64, &back, &text), -EBADMSG);
}

static void the_number_of_lines_has_to_be_right(void **state)
{
	static const struct { const char *text; uint32_t rows; bool is_good; } rows[] = {
		{ "a\nb\n", 2, true }, { "a\nb\n", 1, false }, { "a\nb\n", 3, false }, { "a\nb", 2, false }, { "a\nb", 1, false },
		{ "", 0, true }, { "", 1, false }, { "a\n", 0, false }, { "\n\n", 2, true },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spool_frame frame = { .offset = 64, .rows = rows[i].rows }, back;
		char *text;

		write_frame(f, &frame, rows[i].text);
		assert_int_equal(spool_frame_read(&f->segment, 64, &back, &text), rows[i].is_good ? 1 : -EBADMSG);
		free(text);
	}
}

/* Refused before anything is allocated: by the bound, and by the size of the file. */
static void a_length_that_cannot_be_is_damage(void **state)
{
	static const uint32_t lengths[] = { 200000, SPOOL_FRAME_MAX, SPOOL_FRAME_MAX + 1, UINT32_MAX };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct spool_frame frame = { .offset = 64, .rows = 3 }, back;
		char *text;

		write_frame(f, &frame, lines);
		put_le32(f->file->now + 64 + 8, lengths[i]);
		assert_int_equal(spool_frame_read(&f->segment, 64, &back, &text), -EBADMSG);
		assert_null(text);
	}
}

static void the_next_whole_frame_is_found_over_any_damage(void **state)
{
	static const uint64_t distances[] = { 8, 64, 4096, 65536 - 64, 65536, 65536 + 8, 150000 / 8 * 8 };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(distances) / sizeof(distances[0]); i++) {
		struct spool_frame frame = { .offset = 64 + distances[i], .rows = 3 }, back;
		char *text;

		for (int is_noise = 0; is_noise < 2; is_noise++) {
			for (size_t k = 64; k < frame.offset; k++)
				f->file->now[k] = is_noise ? (uint8_t)disk_random(&f->disk) : 0;
			write_frame(f, &frame, lines);
			assert_int_equal(spool_frame_find(&f->segment, 64, false, &back, &text), 1);
			assert_int_equal(back.offset, frame.offset);
			free(text);
			/* While it grows, a piece of zeros is its end. */
			assert_int_equal(spool_frame_find(&f->segment, 64, true, &back, &text), is_noise || distances[i] < 65536);
			free(text);
		}
		memset(f->file->now, 0, DISK_FILE_SIZE);
	}
}

static void the_rest_behind_an_offset_ends_with_the_last_octet_that_is_not_zero(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(spool_segment_rest(&f->segment, 64), 0);
	f->file->now[64] = 1;
	assert_int_equal(spool_segment_rest(&f->segment, 64), 1);
	f->file->now[150000] = 1;
	assert_int_equal(spool_segment_rest(&f->segment, 64), 150000 - 64 + 1);
	assert_int_equal(spool_segment_rest(&f->segment, 150001), 0);
}

/* ---- parts of the disk that cannot be read ---- */

static struct spool_io plain;
static uint64_t bad_block;

static ssize_t read_but_one_block(void *ctx, int fd, void *to, size_t len, uint64_t offset)
{
	return offset < bad_block + 4096 && offset + len > bad_block ? -EIO : plain.read(ctx, fd, to, len, offset);
}

static void a_block_that_cannot_be_read_is_damage(void **state)
{
	struct fixture *f = *state;
	struct spool_frame frame = { .offset = 64, .rows = 3 }, far = { .offset = 16384, .sequence = 3, .rows = 3 }, back;
	char *text;

	write_frame(f, &frame, lines);
	write_frame(f, &far, lines);
	plain = f->process.io;
	bad_block = 0;
	f->process.io.read = read_but_one_block;
	assert_int_equal(spool_frame_read(&f->segment, 64, &back, &text), -EBADMSG);
	assert_int_equal(spool_frame_find(&f->segment, 64, false, &back, &text), 1);
	assert_int_equal(back.offset, 16384);
	assert_true(f->segment.had_error);
	free(text);
	assert_int_equal(spool_frame_find(&f->segment, 16392, false, &back, &text), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_numbers_in_sixteen_digits),
		TEST(a_header_is_read_back_and_any_damage_is_seen),
		TEST(a_frame_is_read_back_in_its_own_place_only),
		TEST(the_number_of_lines_has_to_be_right),
		TEST(a_length_that_cannot_be_is_damage),
		TEST(the_next_whole_frame_is_found_over_any_damage),
		TEST(the_rest_behind_an_offset_ends_with_the_last_octet_that_is_not_zero),
		TEST(a_block_that_cannot_be_read_is_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
