/* SPDX-License-Identifier: Apache-2.0 */
/* test_spool_look.c - what a look from outside says, and that it changes nothing. */
#include <errno.h>
#include "spool_fixture.h"

static struct spool_look look(const struct fixture *f)
{
	struct spool_look seen;

	assert_int_equal(spool_look(&seen, f->dir), 0);
	return seen;
}

static void where_there_is_no_spool_it_says_so(void **state)
{
	struct fixture *f = *state;
	struct spool_look seen;

	assert_int_equal(spool_look(&seen, f->dir), -ENOENT);
	assert_int_equal(spool_look(&seen, f->root), -ENOENT);
	assert_int_equal(count_in_log(f, "spool "), 2);
}

static void it_counts_what_is_there(void **state)
{
	struct fixture *f = *state;
	struct spool_look seen;

	f->options.output_count = 2;
	open_spool(f);
	put_lines(f, 405);
	seen = look(f);
	assert_int_equal(seen.records, 400);              /* the rest is in the writer's memory */
	assert_int_equal(seen.frames, 40);
	assert_int_equal(seen.segments, stats_of(f).segments);
	assert_int_equal(seen.octets, stats_of(f).octets);
	assert_int_equal(seen.next_sequence, 400);
	assert_int_equal(seen.damaged_octets, 0);
	assert_true(seen.has_writer);
	assert_int_equal(seen.output_count, 2);
	open_reader(f);
	ship(f, 3);
	seen = look(f);
	for (int i = 0; i < 2; i++) {
		bool is_one = !strcmp(seen.outputs[i].name, "one");

		assert_int_equal(seen.outputs[i].cursor.at.sequence, is_one ? 30 : 0);
		assert_int_equal(seen.outputs[i].cursor.counts.delivered, is_one ? 30 : 0);
		assert_int_equal(seen.outputs[i].has_shipper, is_one);
	}
	close_spool(f);
	seen = look(f);
	assert_false(seen.has_writer);
	assert_int_equal(seen.records, 405);
	assert_int_equal(seen.next_sequence, 405);
}

static void it_counts_damage(void **state)
{
	struct fixture *f = *state;
	int fd;

	open_spool(f);
	put_lines(f, 30);
	fd = open(segment(f, 1), O_WRONLY);
	assert_int_equal(pwrite(fd, "yyyy", 4, 64 + 3 * 1040 + 60), 4);  /* as of a frame that is not finished */
	assert_int_equal(look(f).damaged_octets, 0);
	kill_spool(f);
	assert_int_equal(look(f).damaged_octets, 64);             /* and never will be */
	assert_int_equal(pwrite(fd, "xxxx", 4, 64 + 1040 + 100), 4);
	close(fd);
	assert_int_equal(look(f).records, 20);
	assert_int_equal(look(f).damaged_octets, 1040 + 64);
	open_spool(f);
	assert_int_equal(stats_of(f).damaged_octets, 1040 + 64);
}

static void a_look_does_not_keep_a_writer_or_a_shipper_out(void **state)
{
	struct fixture *f = *state;
	struct spool_look seen;
	pid_t child;
	int status;

	open_spool(f);
	close_spool(f);
	child = fork();
	if (!child) {
		alarm(20);                                /* outlives no test that failed */
		for (;;)
			(void)spool_look(&seen, f->dir);
	}
	for (int i = 0; i < 50; i++) {
		open_spool(f);
		open_reader(f);
		close_reader(f);
		close_spool(f);
	}
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(where_there_is_no_spool_it_says_so),
		TEST(it_counts_what_is_there),
		TEST(it_counts_damage),
		TEST(a_look_does_not_keep_a_writer_or_a_shipper_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
