/* SPDX-License-Identifier: Apache-2.0 */
/* test_bigquery_write.c - every record is stored exactly once, whatever the service, the network or a crash does; bad rows and lost streams. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "write_world.h"
#include "../user/ship/bigquery_write.c"

#define ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))
#define APPEND "/AppendRows"

static struct world w;

static int set_up(void **state)
{
	(void)state;
	open_world(&w, 10);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close_world(&w);
	return 0;
}

/* ---- all is well ---- */

static void batches_go_one_behind_the_other_into_one_stream(void **state)
{
	(void)state;
	put_lines(&w, 95);
	assert_int_equal(run(&w), 10);
	assert_exact(&w);
	assert_int_equal(w.service.stream_count, 1);
	assert_int_equal(w.service.append_count, 10);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(w.service.appends[i].offset, 10 * i);
		assert_int_equal(w.service.appends[i].has_schema, i == 0);
	}
	assert_string_equal(w.service.authorization, "Bearer first");
	assert_string_equal(w.service.params, "write_stream=projects%2Fp1%2Fdatasets%2Fd1%2Ftables%2Fflow_logs%2Fstreams%2Fs0");
	assert_int_equal(step(&w), 0);
	assert_int_equal(w.wait_ns, BIGQUERY_POLL_NS);
}

static void the_stream_is_used_again_after_a_restart(void **state)
{
	(void)state;
	put_lines(&w, 50);
	run(&w);
	restart(&w);
	put_lines(&w, 50);
	run(&w);
	assert_exact(&w);
	assert_int_equal(w.service.stream_count, 1);
	assert_int_equal(counts(&w)->retried, 0);
}

static void the_offset_is_on_disk_before_the_rows_are_sent(void **state)
{
	struct bigquery_state stored_state;
	struct write_state own;

	(void)state;
	put_lines(&w, 20);
	add_fault(&w, (struct fault){ APPEND, IN_ANSWER, GRPC_INTERNAL, .times = 1, .skip = 1 });
	assert_int_equal(step(&w), 0);
	assert_int_equal(step(&w), -EAGAIN);
	close_mode(&w);
	open_mode(&w);
	bigquery_state_get(&w.bq, w.reader, &stored_state);
	memcpy(&own, stored_state.write, sizeof(own));
	assert_int_equal(stored_state.owner, OWNER_WRITE);
	assert_string_equal(own.stream, "s0");
	assert_int_equal(own.offset, 10);
	assert_int_equal(own.until - own.from, 10);
	run(&w);
	assert_exact(&w);
}

static void a_large_batch_goes_in_parts(void **state)
{
	(void)state;
	close_world(&w);
	open_world(&w, 500);
	for (int i = 0; i < 500; i++)
		put_line(&w, 1000, 7000);
	assert_int_equal(spool_flush(w.spool, 1), 0);
	add_fault(&w, (struct fault){ APPEND, KILL, .is_done = true, .times = 2, .skip = 2 });
	for (int i = 0; i < 20 && backlog(&w); i++) {
		step(&w);
		restart(&w);
	}
	assert_exact(&w);
	assert_int_equal(counts(&w)->duplicates_possible, 0);
	assert_true(w.service.append_count >= 5);
	for (unsigned i = 0; i < w.service.append_count; i++)
		assert_true(w.service.appends[i].octets < PART_OCTETS + 16000);
}

/* ---- lost answers ---- */

/* Each of them once, done or not done, with and without a crash after it: the row is stored once. */
static void an_answer_that_is_lost_is_asked_for_at_the_same_offset(void **state)
{
	static const struct fault rows[] = {
		{ APPEND, KILL, .times = 1 },
		{ APPEND, IN_ANSWER, GRPC_INTERNAL, .times = 1 },
		{ APPEND, IN_ANSWER, GRPC_ABORTED, .times = 1 },
		{ APPEND, IN_ANSWER, GRPC_RESOURCE_EXHAUSTED, .times = 1 },
		{ APPEND, IN_TRAILERS, GRPC_UNAVAILABLE, .times = 1 },
		{ APPEND, IN_TRAILERS, GRPC_INTERNAL, .times = 1 },
		{ APPEND, IN_TRAILERS, GRPC_DEADLINE_EXCEEDED, .times = 1 },
		{ APPEND, IN_TRAILERS, GRPC_CANCELLED, .times = 1 },
		{ APPEND, IN_TRAILERS, GRPC_OK, .times = 1 },
		{ APPEND, OCTETS, .times = 1, .octets = "", .len = 0 },
		{ APPEND, OCTETS, .times = 1, .octets = "\x0a\x7f", .len = 2 },
		{ APPEND, OCTETS, .times = 1, .octets = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", .len = 11 },
		{ APPEND, OCTETS, .times = 1, .octets = "\x2a\x03s99", .len = 5 },
		{ APPEND, OTHER_OFFSET, .times = 1 },
		{ APPEND, PAGE, .times = 1, .octets = "503" },
	};

	(void)state;
	for (unsigned i = 0; i < 4 * ROWS(rows); i++) {
		struct fault fault = rows[i / 4];

		close_world(&w);
		open_world(&w, 10);
		fault.is_done = i & 1;
		fault.skip = 2;
		add_fault(&w, fault);
		put_lines(&w, 50);
		assert_int_equal(spool_flush(w.spool, 1), 0);
		for (int steps = 0; steps < 20 && backlog(&w); steps++) {
			if (step(&w) && i & 2)
				restart(&w);
		}
		if (backlog(&w) || stored(&w) != 50 || repeated(&w) || w.service.stream_count != 1)
			fail_msg("row %u: %u stored, %u twice, %d streams", i, stored(&w), repeated(&w), w.service.stream_count);
		assert_exact(&w);
		assert_int_equal(counts(&w)->duplicates_possible, 0);
		assert_true(counts(&w)->retried >= 10);
	}
}

static void an_answer_that_never_comes_leaves_the_rows_in_the_spool(void **state)
{
	(void)state;
	put_lines(&w, 10);
	add_fault(&w, (struct fault){ APPEND, MUTE, .times = 1, .is_done = true });
	w.stop = 0;
	assert_int_equal(alarm(1), 0);           /* sets the stop */
	assert_int_equal(step(&w), -EAGAIN);
	assert_int_equal(w.wait_ns, 0);
	assert_int_equal(backlog(&w), 10);
	assert_false(bigquery_write.let_go(&w.bq, w.reader));
	w.stop = 0;
	restart(&w);
	run(&w);
	assert_exact(&w);
	assert_true(bigquery_write.let_go(&w.bq, w.reader));
}

static void a_server_that_is_away_is_waited_for_with_growing_pauses(void **state)
{
	uint64_t longest_ns = 0;

	(void)state;
	put_lines(&w, 10);
	h2_server_stop(&w.server);
	for (int i = 0; i < 30; i++) {
		assert_int_equal(step(&w), -EAGAIN);
		assert_true(w.wait_ns <= 60 * NS_PER_S);
		longest_ns = w.wait_ns > longest_ns ? w.wait_ns : longest_ns;
		if (i == 0)
			assert_true(w.wait_ns <= NS_PER_S);
	}
	assert_true(longest_ns > 5 * NS_PER_S);
	h2_server_start(&w.server);
	run(&w);
	assert_exact(&w);
	assert_int_equal(w.bq.failures, 0);
}

static unsigned next_random(unsigned *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 16;
}

/* What of random faults, crashes and a server that comes back without its connections is left: each record once. */
static void any_mixture_of_faults_and_crashes_is_exact(void **state)
{
	static const struct fault kinds[] = {
		{ APPEND, KILL, .times = 1 }, { APPEND, KILL, .times = 1, .is_done = true },
		{ APPEND, IN_TRAILERS, GRPC_UNAVAILABLE, .times = 1, .is_done = true }, { APPEND, IN_ANSWER, GRPC_INTERNAL, .times = 1, .is_done = true },
		{ APPEND, IN_ANSWER, GRPC_ABORTED, .times = 2 }, { "/Create", IN_TRAILERS, GRPC_UNAVAILABLE, .times = 1 },
		{ "/Finalize", KILL, .times = 1 }, { APPEND, OTHER_OFFSET, .times = 1, .is_done = true },
	};
	unsigned seed = 7;

	(void)state;
	for (int round = 0; round < 60; round++) {
		for (unsigned i = 0; i < 50; i++)
			put_line(&w, next_random(&seed) % 40 ? 1000 : BAD_PORT, 0);
		assert_int_equal(spool_flush(w.spool, 1), 0);
		w.service.fault_count = 0;
		for (int i = 0; i < 3; i++) {
			struct fault fault = kinds[next_random(&seed) % ROWS(kinds)];

			fault.skip = next_random(&seed) % 5;
			add_fault(&w, fault);
		}
		for (unsigned steps = 0; steps < 100 && backlog(&w); steps++) {
			step(&w);
			if (next_random(&seed) % 4 == 0)
				restart(&w);
			if (next_random(&seed) % 16 == 0)
				w.service.streams[w.service.stream_count - (w.service.stream_count > 0)].is_finalized = true;
		}
		assert_exact(&w);
	}
	assert_true(counts(&w)->dead > 20);
	assert_true(count_letters(&w) >= counts(&w)->dead);
	assert_int_equal(counts(&w)->duplicates_possible, 0);
}

/* ---- rows that are refused ---- */

static void bad_rows_are_set_aside_and_the_rest_goes_to_the_same_offset(void **state)
{
	(void)state;
	for (int has_no_code = 0; has_no_code < 2; has_no_code++) {
		close_world(&w);
		open_world(&w, 10);
		w.service.has_no_code = has_no_code;
		put_lines(&w, 13);
		put_line(&w, BAD_PORT, 0);
		put_lines(&w, 2);
		put_line(&w, BAD_PORT, 0);
		put_lines(&w, 13);
		assert_int_equal(run(&w), 3);
		assert_exact(&w);
		assert_int_equal(counts(&w)->dead, 2);
		assert_int_equal(count_letters(&w), 2);
		assert_int_equal(w.service.append_count, 4);
		assert_int_equal(w.service.appends[2].offset, 10);
		assert_int_equal(w.service.appends[2].rows, 8);
		assert_int_equal(w.service.appends[3].offset, 18);
		assert_true(log_says(&w, "no such port"));
	}
}

static void a_batch_of_bad_rows_alone_is_passed(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		put_line(&w, BAD_PORT, 0);
	put_lines(&w, 10);
	run(&w);
	assert_exact(&w);
	assert_int_equal(counts(&w)->dead, 10);
}

static void what_is_not_a_record_is_set_aside_without_being_sent(void **state)
{
	static char line[LINE_MAX_OCTETS + 10];

	(void)state;
	put_lines(&w, 3);
	assert_int_equal(spool_put(w.spool, "not json\n", 9, 1), 0);
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	assert_int_equal(spool_put(w.spool, line, sizeof(line), 1), 0);
	w.lines += 2;
	put_lines(&w, 5);
	run(&w);
	assert_exact(&w);
	assert_int_equal(counts(&w)->dead, 2);
	assert_int_equal(w.service.appends[0].rows, 8);
}

/* The crash comes when the good rows are stored and nobody knows it: the number of bad ones is in the cursor. */
static void bad_rows_are_counted_right_after_a_crash(void **state)
{
	(void)state;
	put_lines(&w, 4);
	put_line(&w, BAD_PORT, 0);
	put_lines(&w, 15);
	add_fault(&w, (struct fault){ APPEND, IN_ANSWER, GRPC_INTERNAL, .is_done = true, .times = 1, .skip = 1 });
	assert_int_equal(step(&w), -EAGAIN);
	restart(&w);
	run(&w);
	assert_exact(&w);
	assert_int_equal(counts(&w)->dead, 1);
	assert_int_equal(counts(&w)->delivered, 19);
}

static void a_refusal_without_a_reason_is_halved_down_to_the_row(void **state)
{
	(void)state;
	w.service.is_terse = true;
	put_lines(&w, 17);
	put_line(&w, BAD_PORT, 0);
	put_lines(&w, 22);
	run(&w);
	assert_exact(&w);
	assert_int_equal(counts(&w)->dead, 1);
	assert_int_equal(count_letters(&w), 1);
	assert_true(w.service.append_count < 25);
}

/* Not the rows' fault: a bad schema, say. Nothing is set aside, and it is said. */
static void when_every_row_is_refused_without_a_reason_nothing_is_set_aside(void **state)
{
	(void)state;
	w.service.is_terse = w.service.refuses_all = true;
	put_lines(&w, 30);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(step(&w), -EINVAL);
		assert_int_equal(w.wait_ns, 300 * NS_PER_S);
	}
	assert_int_equal(count_letters(&w), 0);
	assert_true(w.service.append_count < 60);
	assert_true(log_says(&w, "every row is refused"));
	w.service.refuses_all = false;
	run(&w);
	assert_exact(&w);
	assert_int_equal(counts(&w)->dead, 0);
}

static void a_schema_that_breaks_later_costs_one_record_at_most(void **state)
{
	(void)state;
	w.service.is_terse = true;
	put_lines(&w, 30);
	run(&w);
	w.service.refuses_all = true;
	put_lines(&w, 30);
	for (int i = 0; i < 5; i++)
		assert_int_equal(step(&w), -EINVAL);
	assert_true(count_letters(&w) <= 1);
}

/* ---- streams ---- */

static void a_stream_that_is_gone_is_replaced(void **state)
{
	static const struct { bool is_lost, by_argument, was_done, is_restarted; unsigned doubled; } rows[] = {
		{ false, false, false, false, 0 }, { false, false, true, false, 0 }, { false, false, true, true, 0 },
		{ true, false, false, false, 10 }, { true, false, true, true, 10 }, { true, true, true, true, 10 }, { true, true, false, true, 10 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		close_world(&w);
		open_world(&w, 10);
		w.service.knows_streams_by_argument = rows[i].by_argument;
		add_fault(&w, (struct fault){ APPEND, IN_ANSWER, GRPC_INTERNAL, .is_done = rows[i].was_done, .times = 1, .skip = 1 });
		put_lines(&w, 50);
		assert_int_equal(step(&w), 0);
		assert_int_equal(step(&w), -EAGAIN);
		w.service.streams[0].is_finalized = !rows[i].is_lost;
		w.service.streams[0].is_lost = rows[i].is_lost;
		if (rows[i].is_restarted)
			restart(&w);
		run(&w);
		assert_int_equal(stored(&w), 50);
		assert_int_equal(counts(&w)->delivered, 50);
		assert_int_equal(counts(&w)->duplicates_possible, rows[i].doubled);
		assert_int_equal(repeated(&w), rows[i].doubled && rows[i].was_done ? 10 : 0);
		assert_int_equal(w.service.stream_count, 2);
	}
}

static void a_stream_that_is_lost_between_batches_doubles_nothing(void **state)
{
	(void)state;
	put_lines(&w, 20);
	run(&w);
	w.service.streams[0].is_lost = true;
	restart(&w);
	put_lines(&w, 20);
	run(&w);
	assert_exact(&w);
	assert_int_equal(counts(&w)->duplicates_possible, 0);
}

static void a_stream_that_ends_before_the_offset_is_reported_and_replaced(void **state)
{
	(void)state;
	put_lines(&w, 20);
	run(&w);
	w.service.streams[0].rows = 13;
	put_lines(&w, 20);
	run(&w);
	assert_exact(&w);
	assert_int_equal(w.service.stream_count, 2);
	assert_true(log_says(&w, "13 records where 20 were acknowledged"));
}

/* An offset that is taken proves nothing when these rows were never sent there. */
static void rows_of_somebody_else_are_not_taken_for_ours(void **state)
{
	(void)state;
	put_lines(&w, 20);
	run(&w);
	w.service.streams[0].rows = 1000;
	put_lines(&w, 20);
	run(&w);
	assert_exact(&w);
	assert_int_equal(w.service.stream_count, 2);
	assert_int_equal(counts(&w)->duplicates_possible, 0);
}

/* What is in doubt was dropped from the spool, or came out different after a power cut: another batch must not be taken for it. */
static void another_batch_is_never_taken_for_the_one_in_doubt(void **state)
{
	struct bigquery_state changed;
	struct spool_cursor cursor;

	(void)state;
	put_lines(&w, 10);
	add_fault(&w, (struct fault){ APPEND, IN_ANSWER, GRPC_INTERNAL, .is_done = true, .times = 1 });
	assert_int_equal(step(&w), -EAGAIN);
	cursor = *spool_reader_cursor(w.reader);
	bigquery_state_get(&w.bq, w.reader, &changed);
	changed.write[offsetof(struct write_state, digest)] ^= 1;
	assert_int_equal(bigquery_store(&w.bq, w.reader, &cursor, &changed), 0);
	assert_int_equal(step(&w), 0);
	assert_int_equal(w.service.stream_count, 2);
	assert_int_equal(stored(&w), 10);
	assert_int_equal(repeated(&w), 10);       /* it is the same batch in truth, and was sent */
}

static void a_new_stream_that_is_unknown_at_once_is_no_reason_to_hurry(void **state)
{
	(void)state;
	put_lines(&w, 10);
	add_fault(&w, (struct fault){ APPEND, IN_ANSWER, GRPC_NOT_FOUND, .times = 3 });
	for (int i = 0; i < 3; i++)
		assert_int_equal(step(&w), -EAGAIN);
	assert_int_equal(w.service.append_count, 3);
	run(&w);
	assert_exact(&w);
	assert_int_equal(counts(&w)->duplicates_possible, 0);
}

static void the_state_of_another_mode_is_not_ours(void **state)
{
	struct bigquery_state other;
	struct spool_cursor cursor = *spool_reader_cursor(w.reader);

	(void)state;
	bigquery_state_get(&w.bq, w.reader, &other);
	memset(other.write, 'x', sizeof(other.write));
	assert_int_equal(bigquery_store(&w.bq, w.reader, &cursor, &other), 0);
	put_lines(&w, 20);
	run(&w);
	assert_exact(&w);
	assert_int_equal(w.service.append_count, 2);
}

/* ---- permissions, tables, tokens ---- */

static void what_somebody_has_to_mend_is_waited_for_and_said(void **state)
{
	static const struct { struct fault fault; int result; uint64_t wait_s; } rows[] = {
		{ { APPEND, IN_ANSWER, GRPC_PERMISSION_DENIED, .times = 1 }, -EACCES, 300 },
		{ { APPEND, IN_ANSWER, GRPC_UNIMPLEMENTED, .times = 1 }, -EINVAL, 300 },
		{ { "/Create", IN_TRAILERS, GRPC_PERMISSION_DENIED, .times = 1 }, -EACCES, 300 },
		{ { "/Create", IN_TRAILERS, GRPC_INVALID_ARGUMENT, .times = 1 }, -EINVAL, 300 },
		{ { "/Create", IN_TRAILERS, GRPC_FAILED_PRECONDITION, .times = 1 }, -EINVAL, 300 },
		{ { "/Create", IN_TRAILERS, GRPC_UNIMPLEMENTED, .times = 1 }, -EINVAL, 300 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		close_world(&w);
		open_world(&w, 10);
		add_fault(&w, rows[i].fault);
		put_lines(&w, 10);
		assert_int_equal(step(&w), rows[i].result);
		assert_int_equal(w.wait_ns, rows[i].wait_s * NS_PER_S);
		assert_true(log_says(&w, "injected"));
		run(&w);
		assert_exact(&w);
	}
}

static void a_token_that_is_refused_is_got_anew_at_once(void **state)
{
	static const struct fault rows[] = {
		{ "/Create", IN_TRAILERS, GRPC_UNAUTHENTICATED, .times = 1 },
		{ APPEND, IN_ANSWER, GRPC_UNAUTHENTICATED, .times = 1 },
		{ APPEND, IN_TRAILERS, GRPC_UNAUTHENTICATED, .times = 2 }, /* the first time it may be lost */
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		close_world(&w);
		open_world(&w, 10);
		add_fault(&w, rows[i]);
		put_lines(&w, 10);
		assert_int_equal(step(&w), 0);
		assert_int_equal(w.tokens_forgotten, 1);
		assert_string_equal(w.service.authorization, "Bearer second");
		assert_exact(&w);
	}
}

static void a_table_that_is_missing_is_looked_after(void **state)
{
	(void)state;
	w.service.has_no_table = true;
	put_lines(&w, 10);
	assert_int_equal(step(&w), -EAGAIN);
	assert_int_equal(w.table_checks, 1);
	assert_true(w.wait_ns <= NS_PER_S);
	w.service.has_no_table = false;
	run(&w);
	assert_exact(&w);
}

static void a_column_that_is_gone_is_left_out_from_then_on(void **state)
{
	size_t schema_len;

	(void)state;
	put_lines(&w, 10);
	run(&w);
	schema_len = w.service.schema_len;
	w.table_columns = ALL_COLUMNS & ~(1ull << 2);
	add_fault(&w, (struct fault){ APPEND, IN_ANSWER, GRPC_INVALID_ARGUMENT, STORAGE_EXTRA_FIELDS, .times = 1 });
	put_lines(&w, 10);
	assert_int_equal(step(&w), -EAGAIN);
	assert_int_equal(w.wait_ns, 0);
	assert_int_equal(step(&w), 0);
	assert_exact(&w);
	assert_true(w.service.schema_len < schema_len);
	w.bq.columns = ALL_COLUMNS;               /* somebody added it again, which a look at the table found */
	put_lines(&w, 10);
	run(&w);
	assert_exact(&w);
	assert_int_equal(w.service.schema_len, schema_len);
}

static void stop_now(int signal)
{
	(void)signal;
	w.stop = 1;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(batches_go_one_behind_the_other_into_one_stream),
		TEST(the_stream_is_used_again_after_a_restart),
		TEST(the_offset_is_on_disk_before_the_rows_are_sent),
		TEST(a_large_batch_goes_in_parts),
		TEST(an_answer_that_is_lost_is_asked_for_at_the_same_offset),
		TEST(an_answer_that_never_comes_leaves_the_rows_in_the_spool),
		TEST(a_server_that_is_away_is_waited_for_with_growing_pauses),
		TEST(any_mixture_of_faults_and_crashes_is_exact),
		TEST(bad_rows_are_set_aside_and_the_rest_goes_to_the_same_offset),
		TEST(a_batch_of_bad_rows_alone_is_passed),
		TEST(what_is_not_a_record_is_set_aside_without_being_sent),
		TEST(bad_rows_are_counted_right_after_a_crash),
		TEST(a_refusal_without_a_reason_is_halved_down_to_the_row),
		TEST(when_every_row_is_refused_without_a_reason_nothing_is_set_aside),
		TEST(a_schema_that_breaks_later_costs_one_record_at_most),
		TEST(a_stream_that_is_gone_is_replaced),
		TEST(a_stream_that_is_lost_between_batches_doubles_nothing),
		TEST(a_stream_that_ends_before_the_offset_is_reported_and_replaced),
		TEST(rows_of_somebody_else_are_not_taken_for_ours),
		TEST(another_batch_is_never_taken_for_the_one_in_doubt),
		TEST(a_new_stream_that_is_unknown_at_once_is_no_reason_to_hurry),
		TEST(the_state_of_another_mode_is_not_ours),
		TEST(what_somebody_has_to_mend_is_waited_for_and_said),
		TEST(a_token_that_is_refused_is_got_anew_at_once),
		TEST(a_table_that_is_missing_is_looked_after),
		TEST(a_column_that_is_gone_is_left_out_from_then_on),
	};

	signal(SIGPIPE, SIG_IGN);
	signal(SIGALRM, stop_now);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
