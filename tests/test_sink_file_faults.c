/* SPDX-License-Identifier: Apache-2.0 */
/* test_sink_file_faults.c - a file sink that compresses, and what is in its file when the disk is full. */
#include <errno.h>
#include <sys/resource.h>
#include "sink_file_fixture.h"

/* ---- zstd ---- */

static void what_is_delivered_can_be_unpacked_at_any_time(void **state)
{
	struct fixture *f = *state;

	f->options.compress = "zstd";
	open_sink(f);
	for (int i = 0; i < 50; i++) {
		put_lines(f, 100);
		if (i % 2)
			tick(f, NS_PER_S);
		read_zstd(f, f->path, false);
		assert_lines(f, 0, (unsigned)stats_of(f).delivered);
	}
	close_sink(f);
	open_sink(f);                                     /* another frame behind the first */
	put_lines(f, 10);
	close_sink(f);
	read_zstd(f, f->path, true);
	assert_lines(f, 0, 5010);
}

static void a_frame_cut_by_a_kill_is_kept_and_a_new_file_begun(void **state)
{
	struct fixture *f = *state;
	int copy, from;
	static char octets[65536];
	ssize_t len;

	f->options.compress = "zstd";
	open_sink(f);
	put_lines(f, 10);
	tick(f, NS_PER_S);
	from = open(f->path, O_RDONLY);
	len = read(from, octets, sizeof(octets));
	close(from);
	close_sink(f);
	copy = open(f->path, O_WRONLY | O_TRUNC);         /* as it was before the close */
	assert_int_equal(write(copy, octets, (size_t)len), len);
	close(copy);
	open_sink(f);
	put_lines(f, 10);
	close_sink(f);
	read_zstd(f, in(f, "out.20260102T030305Z"), false);
	assert_lines(f, 0, 10);
	read_zstd(f, f->path, true);
	assert_lines(f, 10, 20);
}

static void compressed_files_rotate_by_their_size_on_disk_and_by_time(void **state)
{
	struct fixture *f = *state;
	struct names names;

	f->options.compress = "zstd";
	f->options.rotate_size = 4096;
	f->options.rotate_interval_ns = 3600 * NS_PER_S;
	open_sink(f);
	for (int i = 0; i < 100; i++) {
		put_lines(f, 60);
		tick(f, i == 50 ? 3600 * NS_PER_S : NS_PER_S);
	}
	close_sink(f);
	list_rotated(f, &names);
	assert_in_range(names.count, 20, 100);
	read_rotated(f, &names, true, 4096 + 4096);
	read_zstd(f, f->path, true);
	assert_lines(f, 0, 6000);
}

/* ---- full disks ---- */

/* What is in the file are whole lines with rising numbers, as many as were delivered. */
static void assert_rising_lines(struct fixture *f, uint64_t count)
{
	unsigned last = 0, n, lines = 0;

	for (char *line = f->text, *end; *line; line = end + 1, lines++) {
		char expected[256];

		end = strchr(line, '\n');
		assert_non_null(end);
		assert_int_equal(sscanf(line, "{\"n\":%u,", &n), 1);
		assert_true(!lines || n > last);
		last = n;
		assert_int_equal(strncmp(line, expected, make_line(expected, n)), 0);
	}
	assert_int_equal(lines, count);
	f->len = 0;
}

static void limit_file_size(rlim_t octets)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = octets;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Larger files fail with EFBIG, half way through a write; so does the log, which nobody reads here. */
static void a_file_that_cannot_grow_has_whole_lines_and_the_rest_is_counted(void **state)
{
	static const rlim_t limits[] = { 1, 50, 4096, 10000, 33333 };

	for (int is_packed = 0; is_packed < 2; is_packed++) {
		for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
			struct sink_stats stats;
			struct fixture *f;

			assert_int_equal(set_up(state), 0);
			f = *state;
			f->options.compress = is_packed ? "zstd" : "none";
			open_sink(f);
			limit_file_size(limits[i]);
			for (int j = 0; j < 40; j++) {
				for (int k = 0; k < 20 + (int)i * 100; k++)
					put_line(f);
				sink_file.flush(f->sink);
			}
			limit_file_size(RLIM_INFINITY);
			stats = stats_of(f);
			assert_true(stats.dropped > 0);
			assert_int_equal(stats.waiting, 0);
			for (int j = 0; j < 20; j++)
				put_line(f);
			assert_int_equal(sink_file.flush(f->sink), 0);
			assert_int_equal(stats_of(f).delivered, stats.delivered + 20);
			close_sink(f);
			if (is_packed)
				read_zstd(f, f->path, true);
			else
				read_plain(f, f->path);
			assert_rising_lines(f, stats.delivered + 20);
			assert_int_equal(tear_down(state), 0);
		}
	}
}

static void a_frame_that_could_not_be_ended_leaves_nothing_in_the_next_file(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	f->options.compress = "zstd";
	open_sink(f);
	put_lines(f, 10);
	tick(f, NS_PER_S);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(rename(f->path, in(f, "moved")), 0);
	limit_file_size((rlim_t)st.st_size);
	assert_int_equal(sink_file.reopen(f->sink), -EFBIG);
	limit_file_size(RLIM_INFINITY);
	put_lines(f, 10);
	close_sink(f);
	read_zstd(f, in(f, "moved"), false);
	assert_lines(f, 0, 10);
	read_zstd(f, f->path, true);
	assert_lines(f, 10, 20);
}

#ifdef __linux__
/* ENOSPC itself, where we may mount a file system of 64 KiB. */
static void fill_and_empty_a_disk(struct fixture *f, bool is_packed)
{
	void (*const read_back)(struct fixture *, const char *, bool) = is_packed ? read_zstd : read_any;
	struct sink_stats stats;

	assert_int_equal(mkdir(in(f, "disk"), 0700), 0);
	if (mount("tmpfs", in(f, "disk"), "tmpfs", 0, "size=64k"))
		skip();
	strcpy(f->path, in(f, "disk/out"));
	f->options.compress = is_packed ? "zstd" : "none";
	open_sink(f);
	for (int i = 0; i < 3000; i++) {
		put_line(f);
		if (i % 50 == 49)
			sink_file.flush(f->sink);
	}
	stats = stats_of(f);
	assert_true(stats.dropped > 0);
	assert_true(was_logged(f, "No space left on device"));
	read_back(f, f->path, false);
	assert_rising_lines(f, stats.delivered);
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(sink_file.reopen(f->sink), 0);
	f->next = 0;
	put_lines(f, 20);
	close_sink(f);
	read_back(f, f->path, true);
	assert_lines(f, 0, 20);
	assert_true(was_logged(f, "works again"));
}

static void a_full_disk_that_is_emptied_is_written_to_again(void **state)
{
	fill_and_empty_a_disk(*state, false);
}

static void a_full_disk_that_is_emptied_is_written_to_again_with_zstd(void **state)
{
	fill_and_empty_a_disk(*state, true);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_delivered_can_be_unpacked_at_any_time),
		TEST(a_frame_cut_by_a_kill_is_kept_and_a_new_file_begun),
		TEST(compressed_files_rotate_by_their_size_on_disk_and_by_time),
		cmocka_unit_test(a_file_that_cannot_grow_has_whole_lines_and_the_rest_is_counted),
		TEST(a_frame_that_could_not_be_ended_leaves_nothing_in_the_next_file),
#ifdef __linux__
		TEST(a_full_disk_that_is_emptied_is_written_to_again),
		TEST(a_full_disk_that_is_emptied_is_written_to_again_with_zstd),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
