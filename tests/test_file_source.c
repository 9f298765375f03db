/* SPDX-License-Identifier: Apache-2.0 */
/* test_file_source.c - capture files in every form, several in a row, cut, hostile and filtered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>
#include "../user/base/log.h"
#include "../user/base/options.h"
#include "../user/base/siphash.h"
#include "../user/source/source.h"
#include "captures/blob.c"
#include "captures/capture.c"
#include "captures/frame.c"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define FILE_MAX (1u << 20)

/* What one reading gave. */
struct result {
	uint64_t deltas, octets, digest;          /* of all deltas in their order */
	struct source_stats stats;
	struct capture_identity identity;
	int status;
};

static void note(void *ctx, const struct flow_delta *delta, const uint8_t *frame, size_t frame_len)
{
	struct result *result = ctx;
	const uint64_t seed[2] = { result->digest, delta->first_ns };

	assert_non_null(frame);
	assert_true(frame_len > 0 && delta->packets == 1 && delta->interface == 0);
	result->deltas++;
	result->octets += delta->octets;
	result->digest = siphash13(&delta->key, sizeof(delta->key), seed) + delta->octets + delta->from_high;
}

struct reading { const char *const *paths; size_t count; const char *filter; uint64_t max_octets; int budget; };

static struct result read_files(const struct reading *reading)
{
	struct result result = { 0 };
	const struct source_out out = { .delta = note, .ctx = &result };
	struct options options = { .filter = reading->filter, .max_input_bytes = reading->max_octets,
				   .read_files = { (char **)(uintptr_t)reading->paths, reading->count } };
	struct source *source;

	assert_int_equal(source_file.open(&source, &options, &out), 0);
	while (source_file.run(source, reading->budget ? reading->budget : 100) > 0)
		;
	assert_int_equal(source_file.run(source, 100), 0); /* the end stays the end */
	source_file.stats(source, &result.stats);
	result.identity = *source_file.identity(source);
	result.status = source_file.status(source);
	source_file.close(source);
	return result;
}

static struct result read_one(const char *path)
{
	return read_files(&(struct reading){ .paths = &path, .count = 1 });
}

static void assert_balanced(const struct result *result)
{
	uint64_t found = result->deltas;

	for (int i = 0; i < PKT_VERDICTS; i++)
		found += result->stats.not_recorded[i];
	assert_int_equal(found, result->stats.seen);
}

/* ---- files ---- */

struct place {
	char dir[32], path[64], other[64], log[64]; /* two files and the log; made and removed for each test */
	uint8_t octets[FILE_MAX + 1];
};

static int make(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	if (!place)
		return -1;
	*state = place;
	strcpy(place->dir, "/tmp/test_file.XXXXXX");
	if (!mkdtemp(place->dir))
		return -1;
	snprintf(place->path, sizeof(place->path), "%s/a", place->dir);
	snprintf(place->other, sizeof(place->other), "%s/b", place->dir);
	snprintf(place->log, sizeof(place->log), "%s/log", place->dir);
	return log_open(LOG_INFO, LOG_CONSOLE, place->log);
}

static int drop(void **state)
{
	struct place *place = *state;

	unlink(place->path);
	unlink(place->other);
	log_close();
	unlink(place->log);
	rmdir(place->dir);
	free(place);
	return 0;
}

static void draw(struct frame *f, unsigned number)
{
	frame_begin(f);
	ethernet(f, "02:00:00:00:00:01", "02:00:00:00:00:02");
	if (number % 10 == 9) {
		arp(f, "02:00:00:00:00:01", "10.0.0.1", "10.0.0.2");
	} else {
		ipv4(f, number % 2 ? "10.0.0.1" : "192.0.2.1", number % 2 ? "192.0.2.1" : "10.0.0.1");
		udp(f, 5000 + number % 7, 53);
		payload_fill(f, 0, number % 100);
	}
	frame_end(f);
}

#define PACKETS 50

/* Fifty packets, one a millisecond; every tenth is ARP. */
static void write_capture(const struct place *place, const char *name, const struct capture_format *format)
{
	struct capture *c = capture_open(place->dir, name, format);
	static struct frame f;

	for (unsigned i = 0; i < PACKETS; i++) {
		draw(&f, i);
		capture_frame(c, at_ms(i) + 123000, &f);
	}
	capture_close(c);
}

static size_t load(struct place *place, const char *path)
{
	FILE *file = fopen(path, "rb");
	size_t len;

	assert_non_null(file);
	len = fread(place->octets, 1, FILE_MAX, file);
	fclose(file);
	return len;
}

static void store(const char *path, const void *octets, size_t len)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(octets, 1, len, file), len);
	fclose(file);
}

/* ---- formats ---- */

static const struct capture_format plain = { .link = LINK_ETHERNET };

/* Time and octets of the first packet. */
static void assert_is_identity(const struct capture_identity *identity)
{
	uint64_t ns = at_ms(0) + 123000;
	static struct frame f;

	draw(&f, 0);
	assert_int_equal(identity->len, 8 + f.b.len);
	for (int i = 0; i < 8; i++)
		assert_int_equal(identity->octets[i], (uint8_t)(ns >> (56 - 8 * i)));
	assert_memory_equal(identity->octets + 8, f.b.octets, f.b.len);
}

static void every_format_gives_the_same_deltas_and_the_same_identity(void **state)
{
	static const struct capture_format formats[] = {
		{ .link = LINK_ETHERNET }, { .link = LINK_ETHERNET, .is_big_endian = true }, { .link = LINK_ETHERNET, .is_nano = true },
		{ .link = LINK_ETHERNET, .is_nano = true, .is_big_endian = true }, { .link = LINK_ETHERNET, .is_pcapng = true },
		{ .link = LINK_ETHERNET, .is_pcapng = true, .is_nano = true, .is_big_endian = true },
	};
	struct place *place = *state;
	struct result first;

	write_capture(place, "a", &plain);
	first = read_one(place->path);
	assert_int_equal(first.status, 0);
	assert_int_equal(first.stats.seen, PACKETS);
	assert_int_equal(first.deltas, PACKETS - 5);
	assert_int_equal(first.stats.not_recorded[PKT_NOT_IP], 5);
	assert_int_equal(first.stats.last_ns, at_ms(PACKETS - 1) + 123000);
	assert_is_identity(&first.identity);
	for (size_t i = 0; i < COUNT(formats); i++) {
		struct result result;

		write_capture(place, "a", &formats[i]);
		result = read_one(place->path);
		assert_int_equal(result.status, 0);
		assert_int_equal(result.digest, first.digest);
		assert_memory_equal(&result.identity, &first.identity, sizeof(result.identity));
		assert_int_equal(result.stats.input_octets, load(place, place->path));
	}
}

static void the_identity_takes_at_most_64_octets_of_the_frame(void **state)
{
	static const size_t lengths[] = { 42, 63, 64, 65, 1514 };
	struct place *place = *state;
	static struct frame f;

	for (size_t i = 0; i < COUNT(lengths); i++) {
		struct capture *c = capture_open(place->dir, "a", &plain);
		struct result result;

		draw(&f, 0);
		frame_pad(&f, lengths[i]);
		capture_frame(c, at_s(0), &f);
		capture_close(c);
		result = read_one(place->path);
		assert_int_equal(result.identity.len, 8 + (lengths[i] < 64 ? lengths[i] : 64));
		assert_memory_equal(result.identity.octets + 8, f.b.octets, result.identity.len - 8);
	}
}

static void packed_files_give_the_same_deltas(void **state)
{
	static uint8_t packed[FILE_MAX];
	struct place *place = *state;
	struct result first, result;
	size_t len;
	gzFile gz;

	write_capture(place, "a", &plain);
	first = read_one(place->path);
	len = load(place, place->path);
	gz = gzopen(place->other, "wb");
	assert_int_equal(gzwrite(gz, place->octets, (unsigned)len), len);
	gzclose(gz);
	result = read_one(place->other);
	assert_int_equal(result.status, 0);
	assert_int_equal(result.digest, first.digest);
	store(place->other, packed, ZSTD_compress(packed, sizeof(packed), place->octets, len, 3));
	result = read_one(place->other);
	assert_int_equal(result.status, 0);
	assert_int_equal(result.digest, first.digest);
	assert_memory_equal(&result.identity, &first.identity, sizeof(result.identity));
	assert_true(result.stats.input_octets < len);
}

static void several_files_are_one_capture(void **state)
{
	struct place *place = *state;
	const char *const paths[] = { place->path, place->other, place->path };
	struct result one, all;

	write_capture(place, "a", &plain);
	write_capture(place, "b", &(struct capture_format){ .link = LINK_ETHERNET, .is_pcapng = true });
	one = read_one(place->path);
	all = read_files(&(struct reading){ .paths = paths, .count = 3 });
	assert_int_equal(all.status, 0);
	assert_int_equal(all.deltas, 3 * one.deltas);
	assert_int_equal(all.octets, 3 * one.octets);
	assert_int_equal(all.stats.seen, 3 * PACKETS);
	assert_memory_equal(&all.identity, &one.identity, sizeof(one.identity));
	assert_int_equal(all.stats.input_octets, 2 * load(place, place->path) + load(place, place->other));
}

static void the_files_behind_a_bad_one_still_count(void **state)
{
	struct place *place = *state;
	const char *const paths[] = { "/tmp/no-such-file-for-test_file_source", place->other, place->path };
	struct result result;

	write_capture(place, "a", &plain);
	store(place->other, "this is no capture file at all", 30);
	result = read_files(&(struct reading){ .paths = paths, .count = 3 });
	assert_int_equal(result.status, -ENOENT); /* the first fault */
	assert_int_equal(result.stats.seen, PACKETS);
	result = read_files(&(struct reading){ .paths = paths + 1, .count = 2 });
	assert_int_equal(result.status, -EINVAL);
	assert_int_equal(result.stats.seen, PACKETS);
	place->octets[load(place, place->log)] = 0;
	assert_non_null(strstr((char *)place->octets, " error /tmp/no-such-file-for-test_file_source: No such file or directory\n"));
	assert_non_null(strstr((char *)place->octets, place->other)); /* each fault names its file */
}

static void any_budget_hands_over_everything(void **state)
{
	static const int budgets[] = { 1, 2, 7, 49, 50, 51, 100000 };
	struct place *place = *state;
	const char *path = place->path;

	write_capture(place, "a", &plain);
	for (size_t i = 0; i < COUNT(budgets); i++) {
		struct result result = read_files(&(struct reading){ .paths = &path, .count = 1, .budget = budgets[i] });

		assert_int_equal(result.stats.seen, PACKETS);
		assert_int_equal(result.status, 0);
	}
}

/* ---- filters ---- */

static void a_filter_leaves_packets_out_and_the_identity_alone(void **state)
{
	static const struct { const char *filter; uint64_t seen; int status; } rows[] = {
		{ "udp", 45, 0 }, { "arp", 5, 0 }, { "port 5000", 7, 0 }, { "tcp", 0, 0 }, { "port port", 0, -EINVAL }, { NULL, 50, 0 },
	};
	struct place *place = *state;
	const char *path = place->path;

	write_capture(place, "a", &plain);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct result result = read_files(&(struct reading){ .paths = &path, .count = 1, .filter = rows[i].filter });

		assert_int_equal(result.status, rows[i].status);
		assert_int_equal(result.stats.seen, rows[i].seen);
		assert_int_equal(result.identity.len, rows[i].status ? 0 : 50);
		assert_balanced(&result);
	}
}

/* ---- cut and hostile files ---- */

static void a_file_cut_anywhere_gives_its_whole_packets_and_a_fault(void **state)
{
	static const struct capture_format formats[] = { { .link = LINK_ETHERNET }, { .link = LINK_ETHERNET, .is_pcapng = true } };
	struct place *place = *state;

	for (size_t i = 0; i < COUNT(formats); i++) {
		uint64_t seen = 0, whole = 0;
		size_t len;

		write_capture(place, "a", &formats[i]);
		len = load(place, place->path);
		for (size_t cut = 1; cut <= len; cut++) {
			struct result result;

			if (cut > 500 && cut < len - 300)
				continue;
			store(place->other, place->octets, cut);
			result = read_one(place->other);
			assert_true(result.stats.seen >= seen); /* never fewer than of a shorter file */
			seen = result.stats.seen;
			whole += result.status == 0;
			assert_balanced(&result);
		}
		assert_int_equal(seen, PACKETS);
		/* A file that ends between two records is whole, as far as anyone can tell. */
		assert_true(whole >= 2 && whole <= 20);
	}
}

static void number_le(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static void hostile_headers_are_bounded(void **state)
{
	enum { SNAPLEN = 16, LINK = 20, SECONDS = 24, FRACTION = 28, CAPLEN = 32, LEN = 36 }; /* offsets in the file */
	static const struct { size_t at; uint32_t value; int status; uint64_t seen, octets, lengths, times; } rows[] = {
		{ SNAPLEN, 0, 0, 1, 60, 0, 0 }, { SNAPLEN, UINT32_MAX, 0, 1, 60, 0, 0 }, { SNAPLEN, 65535, 0, 1, 60, 0, 0 },
		{ LINK, 147, -EPROTONOSUPPORT, 0, 0, 0, 0 }, { LINK, 0xffff, -EPROTONOSUPPORT, 0, 0, 0, 0 },
		{ CAPLEN, 300000, -EIO, 0, 0, 0, 0 }, { CAPLEN, UINT32_MAX, -EIO, 0, 0, 0, 0 }, { CAPLEN, 61, -EIO, 0, 0, 0, 0 },
		{ LEN, UINT32_MAX, 0, 1, 60, 1, 0 }, { LEN, 20, 0, 1, 60, 1, 0 }, { LEN, 0, 0, 1, 60, 1, 0 }, { LEN, 9000, 0, 1, 9000, 0, 0 },
		{ FRACTION, UINT32_MAX, 0, 1, 60, 0, 1 }, { FRACTION, 1000000, 0, 1, 60, 0, 1 }, { SECONDS, 0, 0, 1, 60, 0, 0 },
		{ SECONDS, INT32_MAX, 0, 1, 60, 0, 0 }, { SECONDS, UINT32_MAX, 0, 1, 60, 0, 0 }, /* the year 2106 */
	};
	struct place *place = *state;
	static struct frame f;
	struct capture *c = capture_open(place->dir, "a", &plain);
	size_t len;

	draw(&f, 0);
	frame_pad(&f, 60);
	capture_frame(c, at_s(0), &f);
	capture_close(c);
	len = load(place, place->path);
	assert_int_equal(len, 24 + 16 + 60);
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t saved[4];
		struct result result;

		memcpy(saved, place->octets + rows[i].at, 4);
		number_le(place->octets + rows[i].at, rows[i].value);
		store(place->other, place->octets, len);
		memcpy(place->octets + rows[i].at, saved, 4);
		result = read_one(place->other);
		if (result.status != rows[i].status || result.stats.seen != rows[i].seen || result.octets != rows[i].octets)
			fail_msg("row %zu: status %d, seen %u, octets %u", i, result.status, (unsigned)result.stats.seen, (unsigned)result.octets);
		assert_int_equal(result.stats.lengths_clamped, rows[i].lengths);
		assert_int_equal(result.stats.times_clamped, rows[i].times);
		assert_balanced(&result);
	}
}

static void an_empty_capture_is_no_fault_and_an_empty_file_is_one(void **state)
{
	struct place *place = *state;
	struct result result;

	capture_close(capture_open(place->dir, "a", &plain));
	result = read_one(place->path);
	assert_int_equal(result.status, 0);
	assert_int_equal(result.stats.seen, 0);
	assert_int_equal(result.identity.len, 0);
	store(place->path, "", 0);
	assert_int_equal(read_one(place->path).status, -EINVAL);
}

static void a_second_link_type_ends_the_file_with_what_it_had(void **state)
{
	struct place *place = *state;
	struct result result;
	size_t len;

	write_capture(place, "a", &(struct capture_format){ .link = LINK_ETHERNET, .is_pcapng = true });
	capture_close(capture_open(place->dir, "b", &(struct capture_format){ .link = LINK_RAW, .is_pcapng = true }));
	len = load(place, place->other);          /* a section and an interface description of 32 octets */
	memmove(place->octets, place->octets + len - 32, 32);
	{
		FILE *file = fopen(place->path, "ab");

		assert_non_null(file);
		fwrite(place->octets, 1, 32, file);
		fclose(file);
	}
	result = read_one(place->path);
	assert_int_equal(result.stats.seen, PACKETS);
	assert_int_equal(result.status, -EIO);
}

static void the_bound_of_octets_ends_a_file_with_a_fault(void **state)
{
	struct place *place = *state;
	const char *path = place->path;
	struct result result;
	size_t len;

	write_capture(place, "a", &plain);
	len = load(place, place->path);
	result = read_files(&(struct reading){ .paths = &path, .count = 1, .max_octets = len });
	assert_int_equal(result.status, 0);
	assert_int_equal(result.stats.seen, PACKETS);
	result = read_files(&(struct reading){ .paths = &path, .count = 1, .max_octets = len - 1 });
	assert_int_equal(result.status, -EIO);
	assert_int_equal(result.stats.seen, PACKETS - 1);
	result = read_files(&(struct reading){ .paths = &path, .count = 1, .max_octets = 10 });
	assert_true(result.status < 0);
	assert_int_equal(result.stats.seen, 0);
}

static int wait_once(void *ctx, int fd)
{
	struct result *result = ctx;

	assert_int_equal(fd, STDIN_FILENO);
	return result->stats.seen++ ? -EINTR : 0;
}

static void a_run_that_ends_while_it_waits_for_a_pipe_is_no_fault(void **state)
{
	struct place *place = *state;
	char path[] = "-";
	struct options options = { .read_files = { (char *[]){ path }, 1 } };
	struct result result = { 0 };
	const struct source_out out = { .delta = note, .wait = wait_once, .ctx = &result };
	int fds[2], saved = dup(STDIN_FILENO);
	struct source *source;
	size_t len;

	write_capture(place, "a", &plain);
	len = load(place, place->path);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], place->octets, len), len);
	assert_int_equal(dup2(fds[0], STDIN_FILENO), STDIN_FILENO);
	assert_int_equal(source_file.open(&source, &options, &out), 0);
	while (source_file.run(source, 100) > 0)
		;
	assert_int_equal(source_file.status(source), 0);
	assert_int_equal(result.deltas, PACKETS - 5);
	source_file.close(source);
	dup2(saved, STDIN_FILENO);
	close(saved);
	close(fds[0]);
	close(fds[1]);
}

static void a_file_has_no_interface_and_nothing_to_poll(void **state)
{
	struct place *place = *state;
	struct options options = { .read_files = { (char *[]){ place->path }, 1 } };
	struct result result = { 0 };
	const struct source_out out = { .delta = note, .ctx = &result };
	struct source *source;
	int fds[4];

	write_capture(place, "a", &plain);
	assert_int_equal(source_file.open(&source, &options, &out), 0);
	assert_int_equal(source_file.fds(source, fds, 4), 0);
	assert_string_equal(source_file.interface(source, 0), "");
	source_file.tick(source);
	assert_true(source_file.run(source, 10) > 0);
	source_file.drain(source, 0);
	source_file.stats(source, &result.stats);
	assert_int_equal(result.stats.input_total, load(place, place->path));
	assert_true(result.stats.input_octets > 0);
	source_file.close(source);                /* in the middle of the file */
	source_file.close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_format_gives_the_same_deltas_and_the_same_identity, make, drop),
		cmocka_unit_test_setup_teardown(the_identity_takes_at_most_64_octets_of_the_frame, make, drop),
		cmocka_unit_test_setup_teardown(packed_files_give_the_same_deltas, make, drop),
		cmocka_unit_test_setup_teardown(several_files_are_one_capture, make, drop),
		cmocka_unit_test_setup_teardown(the_files_behind_a_bad_one_still_count, make, drop),
		cmocka_unit_test_setup_teardown(any_budget_hands_over_everything, make, drop),
		cmocka_unit_test_setup_teardown(a_filter_leaves_packets_out_and_the_identity_alone, make, drop),
		cmocka_unit_test_setup_teardown(a_file_cut_anywhere_gives_its_whole_packets_and_a_fault, make, drop),
		cmocka_unit_test_setup_teardown(hostile_headers_are_bounded, make, drop),
		cmocka_unit_test_setup_teardown(an_empty_capture_is_no_fault_and_an_empty_file_is_one, make, drop),
		cmocka_unit_test_setup_teardown(a_second_link_type_ends_the_file_with_what_it_had, make, drop),
		cmocka_unit_test_setup_teardown(the_bound_of_octets_ends_a_file_with_a_fault, make, drop),
		cmocka_unit_test_setup_teardown(a_run_that_ends_while_it_waits_for_a_pipe_is_no_fault, make, drop),
		cmocka_unit_test_setup_teardown(a_file_has_no_interface_and_nothing_to_poll, make, drop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
