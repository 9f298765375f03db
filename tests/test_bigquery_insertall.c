/* SPDX-License-Identifier: Apache-2.0 */
/* test_bigquery_insertall.c - rows by insertAll through every kind of failure: none is lost, the books balance, bad ones are set aside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "bigquery_world.h"

#define INSERT "/insertAll"

static void a_batch_is_delivered_and_acknowledged(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "insertall");
	put_lines(&w, 10);
	assert_int_equal(step(&w, 0), 0);
	assert_int_equal(w.wait_ns, 0);
	assert_exact(&w);
	assert_int_equal(count_asked(&w, INSERT), 1);
	assert_int_equal(counts(&w)->requests, 3); /* get and create the table, insert */
	assert_int_equal(step(&w, 0), 0);
	assert_true(w.wait_ns > 0 && w.wait_ns < NS_PER_S);
	assert_int_equal(count_asked(&w, INSERT), 1);
	close_world(&w);
}

static void a_backlog_goes_in_requests_of_five_thousand_rows(void **state)
{
	struct world w;

	(void)state;
	open_world_with(&w, 500);
	open_output(&w);
	put_lines(&w, 12000);
	assert_int_equal(run(&w, 0), 3);
	assert_exact(&w);
	assert_int_equal(count_asked(&w, INSERT), 3);
	assert_int_equal(w.asked[2].rows, 5000);
	close_world(&w);
}

static void large_rows_never_make_a_request_too_large(void **state)
{
	struct world w;
	char *line = malloc(48 << 10);

	(void)state;
	open_world_sized(&w, 500, 15 << 20); /* one batch is larger than a request may be */
	open_output(&w);
	for (int i = 0; i < 400; i++) {
		int len = sprintf(line, "{\"id\":\"%08x\",\"src\":{\"port\":1,\"names\":[\"", w.lines);

		memset(line + len, 'x', 47000);
		strcpy(line + len + 47000, "\"]},\"dst\":{\"port\":1},\"first_seen_at\":\"2025-01-15T10:30:00Z\",\"last_seen_at\":\"2025-01-15T10:30:01Z\","
		       "\"src_stat\":{\"bytes\":100,\"packets\":1},\"dst_stat\":{\"bytes\":0,\"packets\":0}}\n");
		put_text(&w, line);
	}
	assert_int_equal(spool_flush(w.spool, 1), 0);
	run(&w, 0);
	assert_exact(&w);
	assert_true(count_asked(&w, INSERT) >= 3); /* the service of the test takes 10 MB, as the real one */
	free(line);
	close_world(&w);
}

struct failure { struct fault fault; unsigned lost_rows; }; /* with each answer */

static void every_passing_failure_is_waited_out(void **state)
{
	static const struct failure rows[] = {
		{ { .status = 500 }, 10 }, { { .status = 502, .body = "<html>" }, 10 }, { { .status = 503, .is_done = true }, 10 },
		{ { .status = 504 }, 10 }, { { .status = 408 }, 10 }, { { .status = 429 }, 0 }, { { .status = 401 }, 0 },
		{ { .status = 403, .body = "{\"error\":{\"errors\":[{\"reason\":\"rateLimitExceeded\"}]}}" }, 0 },
		{ { .status = 403, .body = "{\"error\":{\"errors\":[{\"reason\":\"quotaExceeded\"}]}}" }, 0 },
		{ { .status = 403, .body = "{\"error\":{\"errors\":[{\"reason\":\"accessDenied\"}]}}" }, 0 },
		{ { .fate = HTTP_LOST }, 10 }, { { .fate = HTTP_LOST, .is_done = true }, 10 }, { { .fate = HTTP_NOT_SENT }, 0 },
		{ { .fate = HTTP_LOST, .status = 200, .body = "{\"kind\":\"bigq", .is_done = true }, 10 },
		{ { .status = 200, .body = "<html>", .is_done = true }, 10 }, { { .status = 200, .body = "[]", .is_done = true }, 10 },
		{ { .status = 200, .body = "{\"insertErrors\":7}", .is_done = true }, 10 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct fault fault = rows[i].fault;
		struct world w;

		open_world(&w, "insertall");
		fault.match = INSERT;
		fault.times = 3;
		add_fault(&w, fault);
		put_lines(&w, 10);
		run(&w, 0);
		assert_exact(&w);
		if (counts(&w)->duplicates_possible != 3 * rows[i].lost_rows || !counts(&w)->retried)
			fail_msg("row %zu: %d possible duplicates", i, (int)counts(&w)->duplicates_possible);
		close_world(&w);
	}
}

/* Row D3 of the acceptance tests, with the window on and off. */
static void many_failures_lose_nothing_and_repeat_no_more_than_is_counted(void **state)
{
	static const struct fault faults[] = {
		{ .status = 500, .skip = 3 }, { .status = 503, .is_done = true, .skip = 5 }, { .status = 429, .skip = 8 },
		{ .fate = HTTP_LOST, .skip = 12 }, { .fate = HTTP_LOST, .is_done = true, .skip = 15 },
		{ .status = 200, .body = "garbage", .is_done = true, .skip = 20 },
	};

	(void)state;
	for (int has_window = 0; has_window < 2; has_window++) {
		struct world w;

		open_world(&w, "insertall");
		if (!has_window)
			json_decref(w.window), w.window = NULL;
		for (size_t i = 0; i < ROWS(faults); i++) {
			struct fault fault = faults[i];

			fault.match = INSERT;
			fault.times = 4;
			add_fault(&w, fault);
		}
		for (int i = 0; i < 30; i++) {
			put_lines(&w, 10);
			run(&w, 0);
		}
		assert_int_equal(json_object_size(w.stored), w.lines);
		assert_true(has_window ? !repeated(&w) : repeated(&w) && repeated(&w) <= counts(&w)->duplicates_possible);
		assert_int_equal(counts(&w)->delivered, w.lines);
		close_world(&w);
	}
}

/* The errors of so many rows do not fit an answer: fewer rows do. */
static void an_answer_that_is_too_long_halves_the_request(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "insertall");
	add_fault(&w, (struct fault){ .match = INSERT, .times = 3, .fate = HTTP_LOST, .status = 200, .is_cut = true, .body = "{" });
	put_lines(&w, 10);
	run(&w, 0);
	assert_exact(&w);
	assert_int_equal(counts(&w)->duplicates_possible, 10 + 5 + 2);
	close_world(&w);
}

static void retry_after_is_kept(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "insertall");
	add_fault(&w, (struct fault){ .match = INSERT, .times = 1, .status = 429, .retry_after_s = 77 });
	put_lines(&w, 1);
	assert_int_equal(step(&w, 0), -EAGAIN);
	assert_int_equal(w.wait_ns, 77 * NS_PER_S);
	close_world(&w);
}

/* ---- bad rows ---- */

static void one_bad_row_of_five_hundred_costs_one_more_request(void **state)
{
	struct world w;
	char *letters;

	(void)state;
	open_world_with(&w, 500);
	open_output(&w);
	for (int i = 0; i < 500; i++)
		put_line(&w, i == 137 ? BAD_PORT : 1000);
	put_lines(&w, 0);
	run(&w, 0);
	assert_exact(&w);
	assert_int_equal(counts(&w)->dead, 1);
	assert_int_equal(count_asked(&w, INSERT), 2);
	assert_int_equal(counts(&w)->duplicates_possible, 0);
	letters = dead_letters(&w);
	assert_non_null(strstr(letters, "{\"reason\":\"invalid: Cannot convert value to integer: src_port\",\"record\":{\"id\":\"00000089-"));
	assert_null(strchr(strchr(letters, '\n') + 1, '\n'));
	free(letters);
	close_world(&w);
}

static void a_line_that_is_no_record_is_set_aside_without_asking(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "insertall");
	put_text(&w, "{\"src_port\":\"abc\"}\n");
	put_lines(&w, 9);
	run(&w, 0);
	assert_exact(&w);
	assert_int_equal(counts(&w)->dead, 1);
	assert_int_equal(count_asked(&w, INSERT), 1);
	close_world(&w);
}

static void a_batch_of_nothing_but_bad_lines_is_acknowledged(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "insertall");
	put_text(&w, "x\n");
	put_lines(&w, 0);
	run(&w, 0);
	assert_exact(&w);
	assert_int_equal(counts(&w)->dead, 1);
	assert_int_equal(count_asked(&w, INSERT), 0);
	close_world(&w);
}

/* Errors that say nothing about a row: those named come again, the others are stored. */
static void rows_that_timed_out_are_sent_again_alone(void **state)
{
	static const char body[] = "{\"insertErrors\":[{\"index\":2,\"errors\":[{\"reason\":\"timeout\"}]},"
				   "{\"index\":5,\"errors\":[{\"reason\":\"backendError\"}]}]}";
	struct world w;

	(void)state;
	open_world(&w, "insertall");
	add_fault(&w, (struct fault){ .match = INSERT, .times = 1, .status = 200, .is_done = true, .body = body });
	put_lines(&w, 10);
	assert_int_equal(step(&w, 0), -EAGAIN);
	assert_true(w.wait_ns > 0);
	assert_int_equal(step(&w, 0), 0);
	assert_int_equal(w.asked[w.asked_count - 1].rows, 2);
	assert_exact(&w);
	assert_int_equal(counts(&w)->retried, 2);
	close_world(&w);
}

/* `rows` records, those of `bad` are bad. */
static void open_with_bad_rows(struct world *w, unsigned rows, const unsigned *bad, size_t bad_count)
{
	open_world_with(w, 500);
	open_output(w);
	w->answers_400 = true;
	for (unsigned i = 0; i < rows; i++) {
		bool is_bad = false;

		for (size_t k = 0; k < bad_count; k++)
			is_bad = is_bad || bad[k] == i;
		put_line(w, is_bad ? BAD_PORT : 1000);
	}
	put_lines(w, 0);
}

static void a_refused_request_is_halved_down_to_the_bad_row(void **state)
{
	static const unsigned bad_rows[] = { 0, 1, 250, 498, 499 };

	(void)state;
	for (size_t i = 0; i < ROWS(bad_rows); i++) {
		struct world w;
		char *letters, id[16];

		open_with_bad_rows(&w, 500, &bad_rows[i], 1);
		run(&w, 0);
		assert_exact(&w);
		assert_int_equal(counts(&w)->dead, 1);
		assert_in_range(count_asked(&w, INSERT), 9, 40); /* about 2 log2(500), twice */
		letters = dead_letters(&w);
		snprintf(id, sizeof(id), "\"%08x-", bad_rows[i]);
		assert_non_null(strstr(letters, id));
		assert_non_null(strstr(letters, "HTTP 400 parseError: Parse Error"));
		free(letters);
		close_world(&w);
	}
}

static void several_bad_rows_are_all_found(void **state)
{
	static const unsigned bad[] = { 3, 4, 5, 77, 300, 301, 499 };
	struct world w;

	(void)state;
	open_with_bad_rows(&w, 500, bad, ROWS(bad));
	run(&w, 0);
	assert_exact(&w);
	assert_int_equal(counts(&w)->dead, ROWS(bad));
	close_world(&w);
}

static void too_large_a_request_is_halved(void **state)
{
	struct world w;

	(void)state;
	open_world_with(&w, 500);
	open_output(&w);
	add_fault(&w, (struct fault){ .match = INSERT, .times = 2, .status = 413 });
	put_lines(&w, 400);
	run(&w, 0);
	assert_exact(&w);
	assert_int_equal(w.asked[2].len > w.asked[3].len && w.asked[3].len > w.asked[4].len, 1);
	assert_int_equal(w.asked[4].rows, 100);
	close_world(&w);
}

/* Whatever is wrong then, it is not the rows: they are kept. */
static void when_every_row_is_refused_none_is_set_aside(void **state)
{
	static const struct fault faults[] = {
		{ .status = 400 },
		{ .status = 200, .body = "{\"insertErrors\":[{\"index\":0,\"errors\":[{\"reason\":\"invalid\",\"message\":\"no\"}]}]}" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(faults); i++) {
		struct fault fault = faults[i];
		struct world w;
		int result = 0;

		open_world(&w, "insertall");
		if (fault.status == 400) {
			put_lines(&w, 10);
			run(&w, 0);
			w.asked_count = 0;
		}
		put_lines(&w, fault.status == 200 ? 1 : 40);
		fault.match = INSERT;
		fault.times = 1000;
		add_fault(&w, fault);
		for (int steps = 0; steps < 100 && !result; steps++)
			result = step(&w, 0);
		assert_int_equal(result, -EINVAL);
		assert_int_equal(w.wait_ns, 300 * NS_PER_S);
		assert_true(log_says(&w, "every row is refused"));
		assert_in_range(count_asked(&w, INSERT), 1, 20);
		w.fault_count = 0;
		run(&w, 0);
		assert_exact(&w);
		assert_int_equal(counts(&w)->dead, 0);
		close_world(&w);
	}
}

static void a_lone_bad_row_is_set_aside_once_another_one_was_taken(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "insertall");
	put_line(&w, BAD_PORT);
	put_lines(&w, 0);
	assert_int_equal(step(&w, 0), -EINVAL);
	pass_time(&w, w.wait_ns);
	put_lines(&w, 5);
	run(&w, 0);
	assert_exact(&w);
	assert_int_equal(counts(&w)->dead, 1);
	close_world(&w);
}

/* ---- the table ---- */

static void a_table_that_somebody_removed_is_created_again(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "insertall");
	put_lines(&w, 10);
	run(&w, 0);
	json_decref(w.table);
	w.table = NULL;
	put_lines(&w, 10);
	step(&w, 0);
	pass_time(&w, 300 * NS_PER_S);
	step(&w, 0);
	assert_null(w.table); /* we made it less than ten minutes ago: not every server knows it */
	pass_time(&w, 400 * NS_PER_S);
	run(&w, 0);
	assert_non_null(w.table);
	assert_exact(&w);
	close_world(&w);
}

static void a_removed_dataset_is_held_and_not_asked_for_all_the_time(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "insertall");
	put_lines(&w, 10);
	run(&w, 0);
	pass_time(&w, 700 * NS_PER_S);
	json_decref(w.table);
	w.table = NULL;
	w.has_dataset = false;
	put_lines(&w, 10);
	assert_int_equal(step(&w, 0), -EINVAL);
	assert_int_equal(w.wait_ns, 300 * NS_PER_S);
	assert_true(log_says(&w, "Not found: Dataset p1:d1"));
	w.has_dataset = true;
	pass_time(&w, w.wait_ns);
	run(&w, 0);
	assert_exact(&w);
	close_world(&w);
}

static void a_column_that_somebody_dropped_is_left_out_from_then_on(void **state)
{
	struct world w;
	json_t *field;
	size_t i;

	(void)state;
	open_world(&w, "insertall");
	put_lines(&w, 10);
	run(&w, 0);
	pass_time(&w, 700 * NS_PER_S);
	json_array_foreach(fields_of(&w), i, field)
		if (field == field_named(&w, "dst_packets"))
			break;
	json_array_remove(fields_of(&w), i);
	put_lines(&w, 10);
	run(&w, 0);
	assert_exact(&w);
	assert_int_equal(counts(&w)->dead, 0);
	assert_int_equal(w.bq->columns_left_out, 1);
	close_world(&w);
}

/* New columns are not known everywhere at once: that is not the rows' fault. */
static void an_unknown_field_after_our_own_creation_is_waited_out(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "insertall");
	add_fault(&w, (struct fault){ .match = INSERT, .times = 3, .status = 200, .body =
		"{\"insertErrors\":[{\"index\":0,\"errors\":[{\"reason\":\"invalid\",\"message\":\"no such field: id.\"}]}]}" });
	put_lines(&w, 1);
	assert_int_equal(step(&w, 0), -EAGAIN);
	run(&w, 0);
	assert_exact(&w);
	assert_int_equal(counts(&w)->dead, 0);
	close_world(&w);
}

/* ---- restarts ---- */

static void rows_that_a_killed_process_may_have_sent_are_counted(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "insertall");
	add_fault(&w, (struct fault){ .match = INSERT, .times = 1, .fate = HTTP_STOPPED, .is_done = true });
	put_lines(&w, 10);
	assert_int_equal(step(&w, 0), -EAGAIN);
	restart(&w);
	run(&w, 0);
	assert_exact(&w);
	assert_int_equal(counts(&w)->duplicates_possible, 10);
	close_world(&w);
}

static void an_end_with_an_empty_spool_leaves_no_doubt(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "insertall");
	put_lines(&w, 10);
	run(&w, 1);
	assert_int_equal(step(&w, 1), 0);
	restart(&w);
	put_lines(&w, 10);
	run(&w, 1);
	assert_exact(&w);
	assert_int_equal(counts(&w)->duplicates_possible, 0);
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_is_delivered_and_acknowledged),
		cmocka_unit_test(a_backlog_goes_in_requests_of_five_thousand_rows),
		cmocka_unit_test(large_rows_never_make_a_request_too_large),
		cmocka_unit_test(every_passing_failure_is_waited_out),
		cmocka_unit_test(many_failures_lose_nothing_and_repeat_no_more_than_is_counted),
		cmocka_unit_test(an_answer_that_is_too_long_halves_the_request),
		cmocka_unit_test(retry_after_is_kept),
		cmocka_unit_test(one_bad_row_of_five_hundred_costs_one_more_request),
		cmocka_unit_test(a_line_that_is_no_record_is_set_aside_without_asking),
		cmocka_unit_test(a_batch_of_nothing_but_bad_lines_is_acknowledged),
		cmocka_unit_test(rows_that_timed_out_are_sent_again_alone),
		cmocka_unit_test(a_refused_request_is_halved_down_to_the_bad_row),
		cmocka_unit_test(several_bad_rows_are_all_found),
		cmocka_unit_test(too_large_a_request_is_halved),
		cmocka_unit_test(when_every_row_is_refused_none_is_set_aside),
		cmocka_unit_test(a_lone_bad_row_is_set_aside_once_another_one_was_taken),
		cmocka_unit_test(a_table_that_somebody_removed_is_created_again),
		cmocka_unit_test(a_removed_dataset_is_held_and_not_asked_for_all_the_time),
		cmocka_unit_test(a_column_that_somebody_dropped_is_left_out_from_then_on),
		cmocka_unit_test(an_unknown_field_after_our_own_creation_is_waited_out),
		cmocka_unit_test(rows_that_a_killed_process_may_have_sent_are_counted),
		cmocka_unit_test(an_end_with_an_empty_spool_leaves_no_doubt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
