/* SPDX-License-Identifier: Apache-2.0 */
/* test_input.c - plain, gzip and zstd files give the same octets; cut, damaged and hostile ones end with a reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>
#include "../user/source/input.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define ROOM (4u << 20)

struct octets {
	size_t len;
	uint8_t at[ROOM];
};

/* What a test writes and reads; made once. */
struct place {
	char path[64];
	struct octets plain, packed, read;
	const char *error;                        /* of the last reading */
	uint64_t stored, total;
};

static int make(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	int fd;

	if (!place)
		return -1;
	strcpy(place->path, "/tmp/test_input.XXXXXX");
	fd = mkstemp(place->path);
	*state = place;
	return fd < 0 ? -1 : close(fd);
}

static int drop(void **state)
{
	struct place *place = *state;

	unlink(place->path);
	free(place);
	return 0;
}

/* Half of it packs well. */
static void fill(struct octets *octets, size_t len)
{
	uint32_t random = 12345;

	octets->len = len;
	for (size_t i = 0; i < len; i++) {
		random = random * 1103515245 + 12345;
		octets->at[i] = i & 1024 ? (uint8_t)(random >> 16) : (uint8_t)(i >> 3);
	}
}

/* ---- packing: each appends to `out` ---- */

static void pack_plain(struct octets *out, const uint8_t *from, size_t len)
{
	memcpy(out->at + out->len, from, len);
	out->len += len;
}

static void pack_gzip(struct octets *out, const uint8_t *from, size_t len)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)from, .avail_in = (uInt)len };

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_out = out->at + out->len;
	z.avail_out = (uInt)(ROOM - out->len);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	out->len = ROOM - z.avail_out;
	deflateEnd(&z);
}

static void pack_zstd(struct octets *out, const uint8_t *from, size_t len)
{
	ZSTD_CCtx *context = ZSTD_createCCtx();
	size_t n;

	ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
	n = ZSTD_compress2(context, out->at + out->len, ROOM - out->len, from, len);
	assert_false(ZSTD_isError(n));
	out->len += n;
	ZSTD_freeCCtx(context);
}

typedef void pack_fn(struct octets *out, const uint8_t *from, size_t len);
static pack_fn *const packings[] = { pack_plain, pack_gzip, pack_zstd };

/* ---- reading ---- */

static void write_file(const struct place *place, const uint8_t *octets, size_t len)
{
	int fd = open(place->path, O_WRONLY | O_TRUNC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, octets, len), len);
	close(fd);
}

/* Everything, until the end or an error. True: no error. */
static bool read_all(struct place *place, const char *path, uint64_t max_octets)
{
	static char why[256];
	struct input *input;
	bool is_good;
	FILE *file;

	assert_int_equal(input_open(&input, &file, path, max_octets, &(struct input_wait){ NULL, NULL }), 0);
	place->read.len = fread(place->read.at, 1, ROOM, file);
	is_good = feof(file) && !ferror(file);
	snprintf(why, sizeof(why), "%s", input_error(input) ? input_error(input) : "");
	place->error = input_error(input) ? why : NULL;
	place->stored = input_octets(input);
	place->total = input_total(input);
	fclose(file);
	return is_good;
}

static bool read_packed(struct place *place, size_t len, uint64_t max_octets)
{
	write_file(place, place->packed.at, len);
	return read_all(place, place->path, max_octets);
}

static void assert_same(const struct octets *a, const struct octets *b)
{
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->at, b->at, a->len);
}

/* ---- tests ---- */

static void the_packing_is_told_by_content_and_makes_no_difference(void **state)
{
	static const size_t lengths[] = { 1, 2, 3, 4, 5, 100, 65535, 65536, 65537, 262144, 1000000 };
	struct place *place = *state;

	for (size_t i = 0; i < COUNT(lengths); i++) {
		fill(&place->plain, lengths[i]);
		for (size_t p = 0; p < COUNT(packings); p++) {
			place->packed.len = 0;
			packings[p](&place->packed, place->plain.at, place->plain.len);
			assert_true(read_packed(place, place->packed.len, 0));
			assert_null(place->error);
			assert_same(&place->read, &place->plain);
			assert_int_equal(place->stored, place->packed.len);
			assert_int_equal(place->total, place->packed.len);
		}
	}
}

static void an_empty_file_is_empty(void **state)
{
	struct place *place = *state;

	place->plain.len = 0;
	for (size_t p = 0; p < COUNT(packings); p++) {
		place->packed.len = 0;
		packings[p](&place->packed, place->plain.at, 0);
		assert_true(read_packed(place, place->packed.len, 0));
		assert_int_equal(place->read.len, 0);
	}
}

static void members_and_frames_follow_each_other(void **state)
{
	static const uint8_t skippable[] = { 0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3 }; /* RFC 8878 3.1.2 */
	struct place *place = *state;

	fill(&place->plain, 300000);
	place->packed.len = 0;
	for (size_t at = 0; at < 300000; at += 1000)
		pack_gzip(&place->packed, place->plain.at + at, 1000);
	assert_true(read_packed(place, place->packed.len, 0));
	assert_same(&place->read, &place->plain);
	place->packed.len = 0;
	for (size_t at = 0; at < 300000; at += 1000) {
		pack_plain(&place->packed, skippable, sizeof(skippable));
		pack_zstd(&place->packed, place->plain.at + at, 1000);
	}
	assert_true(read_packed(place, place->packed.len, 0));
	assert_same(&place->read, &place->plain);
}

static void a_packed_file_that_is_cut_gives_what_is_there_and_an_error(void **state)
{
	struct place *place = *state;

	fill(&place->plain, 3000);
	for (size_t p = 1; p < COUNT(packings); p++) {
		place->packed.len = 0;
		packings[p](&place->packed, place->plain.at, place->plain.len);
		packings[p](&place->packed, place->plain.at, place->plain.len);
		for (size_t len = 4; len < place->packed.len; len++) {
			bool is_whole_member = len == place->packed.len / 2;

			if (read_packed(place, len, 0) != is_whole_member)
				fail_msg("packing %zu cut at %zu of %zu", p, len, place->packed.len);
			assert_int_equal(place->error == NULL, is_whole_member);
			for (size_t i = 0; i < place->read.len; i++)
				assert_int_equal(place->read.at[i], place->plain.at[i % 3000]);
		}
	}
}

static void damage_is_noticed(void **state)
{
	struct place *place = *state;

	fill(&place->plain, 2000);
	for (size_t p = 1; p < COUNT(packings); p++) {
		for (size_t at = 4; at < 1000; at++) {
			place->packed.len = 0;
			packings[p](&place->packed, place->plain.at, place->plain.len);
			if (at >= place->packed.len)
				break;
			place->packed.at[at] ^= 0x55;
			if (!read_packed(place, place->packed.len, 0))
				assert_non_null(place->error);
			else                      /* gzip: time, flags and system in the header mean nothing */
				assert_same(&place->read, &place->plain);
		}
	}
}

static void what_follows_a_packed_file_is_an_error_not_silence(void **state)
{
	struct place *place = *state;

	fill(&place->plain, 2000);
	for (size_t p = 1; p < COUNT(packings); p++) {
		place->packed.len = 0;
		packings[p](&place->packed, place->plain.at, place->plain.len);
		pack_plain(&place->packed, (const uint8_t *)"no member, no frame", 19);
		assert_false(read_packed(place, place->packed.len, 0));
		assert_non_null(place->error);
		assert_same(&place->read, &place->plain);
	}
}

static void the_bound_lets_a_file_of_its_size_through_and_none_longer(void **state)
{
	static const struct { size_t len; uint64_t max; bool is_good; } rows[] = {
		{ 5000, 0, true }, { 5000, 5000, true }, { 5000, 5001, true }, { 5000, 4999, false }, { 5000, 1, false },
		{ 600000, 600000, true }, { 600000, 599999, false },
	};
	struct place *place = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		fill(&place->plain, rows[i].len);
		for (size_t p = 0; p < COUNT(packings); p++) {
			place->packed.len = 0;
			packings[p](&place->packed, place->plain.at, place->plain.len);
			if (read_packed(place, place->packed.len, rows[i].max) != rows[i].is_good)
				fail_msg("row %zu, packing %zu", i, p);
			assert_int_equal(place->error == NULL, rows[i].is_good);
			assert_int_equal(place->read.len, rows[i].is_good ? rows[i].len : rows[i].max);
		}
	}
}

/* Resident pages of this process; 0 where nobody tells. */
static unsigned long resident_pages(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (!file)
		return 0;
	if (fscanf(file, "%*u %lu", &pages) != 1)
		pages = 0;
	fclose(file);
	return pages;
}

static void a_bomb_costs_no_memory_and_ends_at_the_bound(void **state)
{
	struct place *place = *state;
	struct input *input;
	unsigned long before;
	uint64_t total = 0;
	FILE *file;
	size_t n;

	memset(place->plain.at, 0, ROOM);
	for (size_t p = 1; p < COUNT(packings); p++) {
		place->packed.len = 0;
		for (int i = 0; i < 64; i++)      /* 256 MiB */
			packings[p](&place->packed, place->plain.at, ROOM);
		assert_true(place->packed.len < 400000);
		write_file(place, place->packed.at, place->packed.len);
		before = resident_pages();
		assert_int_equal(input_open(&input, &file, place->path, 200u << 20, &(struct input_wait){ NULL, NULL }), 0);
		for (total = 0; (n = fread(place->read.at, 1, 1u << 20, file)) > 0;)
			total += n;
		assert_int_equal(total, 200u << 20);
		assert_true(ferror(file) && input_error(input));
		assert_true(resident_pages() < before + (16u << 20) / 4096);
		fclose(file);
	}
}

static void a_zstd_window_above_128_mib_is_refused(void **state)
{
	/* RFC 8878 3.1.1.1.2: exponent 17 of the window is 128 MiB, 18 is 256 MiB; then one raw block of one octet. */
	static const struct { uint8_t window; bool is_good; } rows[] = { { 17 << 3, true }, { 18 << 3, false }, { 31 << 3, false } };
	struct place *place = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		const uint8_t frame[] = { 0x28, 0xb5, 0x2f, 0xfd, 0, rows[i].window, 9, 0, 0, 'A' };

		place->packed.len = 0;
		pack_plain(&place->packed, frame, sizeof(frame));
		assert_int_equal(read_packed(place, place->packed.len, 0), rows[i].is_good);
		assert_int_equal(place->read.len, rows[i].is_good);
		assert_int_equal(place->error == NULL, rows[i].is_good);
	}
}

/* A child writes `octets` to our standard input, a few at a time. */
static pid_t feed_stdin(const struct octets *octets, size_t step)
{
	int fds[2];
	pid_t child;

	assert_int_equal(pipe(fds), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		size_t at = 0;

		close(fds[0]);
		while (at < octets->len) {
			ssize_t n = write(fds[1], octets->at + at, octets->len - at < step ? octets->len - at : step);

			if (n < 0)
				break;
			at += (size_t)n;
		}
		_exit(0);
	}
	assert_int_equal(dup2(fds[0], STDIN_FILENO), STDIN_FILENO);
	close(fds[0]);
	close(fds[1]);
	return child;
}

static void standard_input_may_come_octet_by_octet(void **state)
{
	struct place *place = *state;
	int saved = dup(STDIN_FILENO);

	fill(&place->plain, 20000);
	for (size_t p = 0; p < COUNT(packings); p++) {
		pid_t child;

		place->packed.len = 0;
		packings[p](&place->packed, place->plain.at, place->plain.len);
		child = feed_stdin(&place->packed, p == 2 ? 7 : 1);
		assert_true(read_all(place, "-", 0));
		assert_same(&place->read, &place->plain);
		assert_int_equal(place->total, 0);
		assert_int_equal(waitpid(child, NULL, 0), child);
	}
	dup2(saved, STDIN_FILENO);
	close(saved);
}

/* Lets some reads through, then ends the run. */
struct patience { int waits, max_waits; };

static int be_patient(void *ctx, int fd)
{
	struct patience *patience = ctx;

	assert_int_equal(fd, STDIN_FILENO);
	return ++patience->waits > patience->max_waits ? -EINTR : 0;
}

static void a_run_may_end_while_a_pipe_is_silent(void **state)
{
	static const int max_waits[] = { 0, 1, 2, 5 };
	struct place *place = *state;
	int saved = dup(STDIN_FILENO);

	fill(&place->plain, 2000000);             /* more than so many reads take */
	for (size_t p = 0; p < COUNT(packings); p++) {
		for (size_t i = 0; i < COUNT(max_waits); i++) {
			struct patience patience = { .max_waits = max_waits[i] };
			struct input *input;
			pid_t child;
			FILE *file;

			place->packed.len = 0;
			packings[p](&place->packed, place->plain.at, place->plain.len);
			child = feed_stdin(&place->packed, 4096);
			assert_int_equal(input_open(&input, &file, "-", 0, &(struct input_wait){ be_patient, &patience }), 0);
			place->read.len = fread(place->read.at, 1, ROOM, file);
			assert_true(input_was_stopped(input));
			assert_true(patience.waits > max_waits[i]);
			assert_true(place->read.len < place->plain.len);
			assert_memory_equal(place->read.at, place->plain.at, place->read.len);
			fclose(file);
			dup2(saved, STDIN_FILENO); /* the child's writing fails now */
			assert_int_equal(waitpid(child, NULL, 0), child);
		}
	}
	close(saved);
}

static void nobody_waits_for_a_regular_file(void **state)
{
	struct patience patience = { .max_waits = 0 };
	struct place *place = *state;
	struct input *input;
	FILE *file;

	fill(&place->plain, 5000);
	write_file(place, place->plain.at, place->plain.len);
	assert_int_equal(input_open(&input, &file, place->path, 0, &(struct input_wait){ be_patient, &patience }), 0);
	place->read.len = fread(place->read.at, 1, ROOM, file);
	assert_same(&place->read, &place->plain);
	assert_false(input_was_stopped(input));
	assert_int_equal(patience.waits, 0);
	fclose(file);
}

static void what_cannot_be_opened_says_why(void **state)
{
	static const struct { const char *path; int err; } rows[] = {
		{ "/tmp/no-such-file-for-test_input", -ENOENT }, { "/tmp", -EISDIR }, { "", -ENOENT },
	};
	struct input *input;
	FILE *file;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(input_open(&input, &file, rows[i].path, 0, &(struct input_wait){ NULL, NULL }), rows[i].err);
}

static void closing_the_stream_gives_back_the_descriptor(void **state)
{
	struct place *place = *state;
	int before = dup(0), after;

	close(before);
	write_file(place, (const uint8_t *)"octets", 6);
	for (int i = 0; i < 20; i++)
		assert_true(read_all(place, place->path, 0));
	after = dup(0);
	close(after);
	assert_int_equal(after, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_packing_is_told_by_content_and_makes_no_difference),
		cmocka_unit_test(an_empty_file_is_empty),
		cmocka_unit_test(members_and_frames_follow_each_other),
		cmocka_unit_test(a_packed_file_that_is_cut_gives_what_is_there_and_an_error),
		cmocka_unit_test(damage_is_noticed),
		cmocka_unit_test(what_follows_a_packed_file_is_an_error_not_silence),
		cmocka_unit_test(the_bound_lets_a_file_of_its_size_through_and_none_longer),
		cmocka_unit_test(a_bomb_costs_no_memory_and_ends_at_the_bound),
		cmocka_unit_test(a_zstd_window_above_128_mib_is_refused),
		cmocka_unit_test(standard_input_may_come_octet_by_octet),
		cmocka_unit_test(a_run_may_end_while_a_pipe_is_silent),
		cmocka_unit_test(nobody_waits_for_a_regular_file),
		cmocka_unit_test(what_cannot_be_opened_says_why),
		cmocka_unit_test(closing_the_stream_gives_back_the_descriptor),
	};
	return cmocka_run_group_tests(tests, make, drop);
}
