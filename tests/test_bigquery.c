/* SPDX-License-Identifier: Apache-2.0 */
/* test_bigquery.c - the output as a whole: where it asks, with which token, which way it takes, and what it counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "bigquery_world.h"

#define INSERT "/insertAll"
#define UPLOAD "/upload/"
#define QUOTA "{\"error\":{\"errors\":[{\"reason\":\"quotaExceeded\"}]}}"
#define FREE_TIER "{\"error\":{\"message\":\"Access Denied: Streaming insert is not allowed in the free tier\",\"errors\":[{\"reason\":\"accessDenied\"}]}}"

/* ---- where ---- */

static void the_endpoint_is_what_was_asked_for(void **state)
{
	static const struct { const char *option, *variable, *expected; bool is_emulator; } rows[] = {
		{ NULL, NULL, "https://bigquery.googleapis.com", false },
		{ NULL, "", "https://bigquery.googleapis.com", false },
		{ NULL, "http://127.0.0.1:9050", "http://127.0.0.1:9050", true },
		{ NULL, "127.0.0.1:9050", "http://127.0.0.1:9050", true },
		{ NULL, "https://emulator.example/", "https://emulator.example", true },
		{ "https://private.example/", "127.0.0.1:9050", "https://private.example", false },
		{ "http://127.0.0.1:9051", NULL, "http://127.0.0.1:9051", true },
		{ "localhost:1", NULL, "http://localhost:1", true },
		{ "ftp://example", NULL, NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct options options = { .bigquery_endpoint = rows[i].option };
		struct bigquery bq = { .options = &options };

		if (rows[i].variable)
			setenv("BIGQUERY_EMULATOR_HOST", rows[i].variable, 1);
		assert_int_equal(set_endpoints(&bq), rows[i].expected ? 0 : -EINVAL);
		unsetenv("BIGQUERY_EMULATOR_HOST");
		if (rows[i].expected && (strcmp(bq.endpoint, rows[i].expected) || bq.is_emulator != rows[i].is_emulator))
			fail_msg("row %zu: %s", i, bq.endpoint);
	}
}

static void names_are_needed_and_bounded(void **state)
{
	char long_name[600];
	const struct { const char *project, *dataset, *table; int expected; } rows[] = {
		{ "p1", "d1", "flow_logs", 0 }, { NULL, "d1", "flow_logs", -EINVAL }, { "p1", NULL, "flow_logs", -EINVAL },
		{ long_name, "d1", "flow_logs", -EINVAL }, { "p1", "d1", long_name, -EINVAL },
	};

	(void)state;
	memset(long_name, 'x', sizeof(long_name));
	long_name[sizeof(long_name) - 1] = 0;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct options options = { .bigquery_project_id = rows[i].project, .bigquery_dataset_id = rows[i].dataset, .bigquery_table_id = rows[i].table };
		struct bigquery bq = { .options = &options };

		assert_int_equal(set_paths(&bq), rows[i].expected);
	}
}

static void the_output_is_found_by_its_name(void **state)
{
	(void)state;
	assert_ptr_equal(ship_find("bigquery"), &ship_bigquery);
	assert_null(ship_find("stdout"));
	assert_null(ship_find(""));
}

/* ---- tokens ---- */

static void a_token_that_is_refused_is_exchanged_once_at_once(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "insertall");
	put_lines(&w, 10);
	assert_int_equal(ship_bigquery.check(w.ship), 0);
	add_fault(&w, (struct fault){ .match = INSERT, .times = 1, .status = 401 });
	assert_int_equal(step(&w, 0), 0);
	assert_int_equal(w.tokens_forgotten, 1);
	assert_exact(&w);
	w.faults[0].times = 4; /* and then it is waited */
	put_lines(&w, 10);
	assert_int_equal(step(&w, 0), -EAGAIN);
	assert_int_equal(w.tokens_forgotten, 2);
	assert_int_equal(step(&w, 0), -EAGAIN);
	run(&w, 0);
	assert_exact(&w);
	close_world(&w);
}

static void without_a_token_nothing_is_asked(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "insertall");
	assert_int_equal(ship_bigquery.check(w.ship), 0);
	put_lines(&w, 10);
	w.token_err = -EAGAIN;
	w.asked_count = 0;
	assert_int_equal(step(&w, 0), -EAGAIN);
	w.token_err = -EACCES;
	assert_int_equal(step(&w, 0), -EACCES);
	assert_int_equal(w.wait_ns, 300 * NS_PER_S);
	assert_int_equal(w.asked_count, 0);
	w.token_err = 0;
	run(&w, 0);
	assert_exact(&w);
	assert_int_equal(counts(&w)->duplicates_possible, 0);
	assert_false(log_says(&w, w.token));
	close_world(&w);
}

static void every_answer_tells_the_time(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "insertall");
	assert_int_equal(ship_bigquery.check(w.ship), 0);
	assert_int_equal(w.noted_date_s, WALL_NS / NS_PER_S);
	close_world(&w);
}

static void the_quota_project_goes_with_every_request(void **state)
{
	struct world w;

	(void)state;
	open_world_with(&w, 10);
	w.quota_project = "billed";
	open_output(&w);
	assert_int_equal(ship_bigquery.check(w.ship), 0);
	assert_string_equal(w.asked[0].range, "x-goog-user-project: billed"); /* the first line of the GET, which has no other */
	close_world(&w);
}

/* ---- the way in mode auto ---- */

static void make_old(struct world *w, uint64_t age_ns)
{
	w->wall_ns = time_wall_ns() + age_ns; /* the spool notes the real time */
}

static void a_small_or_young_backlog_is_streamed(void **state)
{
	struct world w;

	(void)state;
	open_world_with(&w, 500);
	w.options.bigquery_mode = "auto";
	open_output(&w);
	put_lines(&w, 3000);
	make_old(&w, 600 * NS_PER_S);
	run(&w, 0);
	assert_exact(&w);
	assert_int_equal(count_asked(&w, UPLOAD), 0);
	close_world(&w);
}

static void a_large_and_old_backlog_is_loaded_and_the_rest_streamed(void **state)
{
	struct world w;

	(void)state;
	open_world_with(&w, 500);
	w.options.bigquery_mode = "auto";
	open_output(&w);
	put_lines(&w, 50000);
	make_old(&w, 0);
	step(&w, 0);
	assert_ptr_equal(w.bq->mode, &bigquery_insertall); /* not old yet */
	put_lines(&w, 5000);
	make_old(&w, 61 * NS_PER_S);
	step(&w, 0);
	assert_ptr_equal(w.bq->mode, &bigquery_load);
	put_lines(&w, 100);
	run(&w, 0);
	assert_exact(&w);
	assert_ptr_equal(w.bq->mode, &bigquery_insertall);
	assert_int_equal(json_object_size(w.jobs), 1);
	close_world(&w);
}

static void a_streaming_quota_turns_to_load_jobs_for_ten_minutes(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "auto");
	add_fault(&w, (struct fault){ .match = INSERT, .times = 1, .status = 403, .body = QUOTA });
	put_lines(&w, 30);
	run(&w, 0);
	assert_exact(&w);
	assert_int_equal(json_object_size(w.jobs), 1);
	pass_time(&w, 601 * NS_PER_S);
	put_lines(&w, 30);
	run(&w, 0);
	assert_exact(&w);
	assert_int_equal(json_object_size(w.jobs), 1);
	close_world(&w);
}

static void the_free_tier_takes_load_jobs_for_good(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "auto");
	add_fault(&w, (struct fault){ .match = INSERT, .times = 100, .status = 403, .body = FREE_TIER });
	for (int i = 0; i < 5; i++) {
		put_lines(&w, 30);
		run(&w, 0);
		pass_time(&w, 3600 * NS_PER_S);
	}
	assert_exact(&w);
	assert_int_equal(json_object_size(w.jobs), 5);
	assert_int_equal(count_asked(&w, INSERT), 1);
	close_world(&w);
}

static void in_mode_insertall_the_free_tier_is_held(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "insertall");
	add_fault(&w, (struct fault){ .match = INSERT, .times = 1, .status = 403, .body = FREE_TIER });
	put_lines(&w, 30);
	assert_int_equal(step(&w, 0), -EACCES);
	assert_int_equal(w.wait_ns, 300 * NS_PER_S);
	run(&w, 0);
	assert_exact(&w);
	close_world(&w);
}

/* Rows of which one may be stored are finished the way they were begun. */
static void rows_in_doubt_do_not_change_the_way(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "auto");
	add_fault(&w, (struct fault){ .match = INSERT, .times = 1, .fate = HTTP_LOST, .is_done = true });
	add_fault(&w, (struct fault){ .match = INSERT, .times = 2, .status = 403, .body = QUOTA });
	put_lines(&w, 30);
	assert_int_equal(step(&w, 0), -EAGAIN);
	assert_int_equal(step(&w, 0), -EAGAIN);
	run(&w, 0);
	assert_exact(&w);
	assert_int_equal(json_object_size(w.jobs), 0);
	close_world(&w);
}

static void a_load_quota_turns_to_streaming(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "auto");
	add_fault(&w, (struct fault){ .match = INSERT, .times = 1, .status = 403, .body = QUOTA });
	add_fault(&w, (struct fault){ .match = UPLOAD, .times = 1, .status = 403, .body = QUOTA });
	put_lines(&w, 30);
	run(&w, 0); /* streaming and loading are used up: what is at work goes on after its wait */
	assert_exact(&w);
	assert_int_equal(repeated(&w), 0);
	close_world(&w);
}

static void bad_rows_of_a_load_job_are_found_by_streaming(void **state)
{
	struct world w;

	(void)state;
	open_world_with(&w, 500);
	w.options.bigquery_mode = "auto";
	open_output(&w);
	for (int i = 0; i < 50000; i++)
		put_line(&w, i == 700 ? BAD_PORT : 1000);
	put_lines(&w, 0);
	make_old(&w, 61 * NS_PER_S);
	run(&w, 0);
	assert_exact(&w);
	assert_int_equal(counts(&w)->dead, 1);
	assert_int_equal(json_object_size(w.jobs), 1);
	assert_in_range(count_asked(&w, INSERT), 11, 12);
	close_world(&w);
}

/* ---- an outage ---- */

static void an_outage_loses_nothing_and_is_said_once(void **state)
{
	struct world w;
	unsigned said = 0;
	char line[1024];
	FILE *log;

	(void)state;
	open_world(&w, "insertall");
	put_lines(&w, 10);
	run(&w, 0);
	add_fault(&w, (struct fault){ .match = "", .times = 30, .fate = HTTP_NOT_SENT });
	put_lines(&w, 300);
	run(&w, 0);
	assert_exact(&w);
	log = fopen(w.log, "r");
	while (fgets(line, sizeof(line), log))
		said += strstr(line, "info") && strstr(line, "trying again");
	fclose(log);
	assert_in_range(said, 1, 3);
	assert_true(log_says(&w, "works again after 30 failed tries"));
	close_world(&w);
}

static void a_table_that_cannot_be_asked_for_at_first_is_asked_for_again(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "insertall");
	add_fault(&w, (struct fault){ .match = "GET ", .times = 3, .status = 503 });
	put_lines(&w, 10);
	assert_int_equal(step(&w, 0), -EAGAIN);
	run(&w, 0);
	assert_exact(&w);
	close_world(&w);
}

static void a_wrong_configuration_is_held_by_a_step_too(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "insertall");
	w.is_forbidden = true;
	put_lines(&w, 10);
	assert_int_equal(step(&w, 0), -EACCES);
	assert_int_equal(w.wait_ns, 300 * NS_PER_S);
	w.is_forbidden = false;
	run(&w, 0);
	assert_exact(&w);
	close_world(&w);
}

/* ---- counters ---- */

static void the_counters_are_those_of_the_contract(void **state)
{
	struct world w;
	char *text = NULL;
	size_t len;
	FILE *out;

	(void)state;
	open_world(&w, "insertall");
	add_fault(&w, (struct fault){ .match = INSERT, .times = 2, .status = 503 });
	add_fault(&w, (struct fault){ .match = INSERT, .times = 1, .fate = HTTP_LOST });
	put_lines(&w, 10);
	run(&w, 0);
	out = open_memstream(&text, &len);
	ship_bigquery.print_stats(w.ship, out);
	fclose(out);
	assert_string_equal(text, "requests{code=\"404\"} 1\nrequests{code=\"200\"} 2\nrequests{code=\"503\"} 2\nrequests{code=\"0\"} 1\n"
			    "request_seconds_sum 0.060000\nrequest_seconds_count 6\ntoken_refresh{result=\"ok\"} 3\n"
			    "token_refresh{result=\"fail\"} 1\nclock_offset_seconds -7\ncolumns_left_out 0\n");
	free(text);
	assert_int_equal(counts(&w)->requests, 6);
	assert_int_equal(counts(&w)->retried, 30);
	assert_int_equal(counts(&w)->duplicates_possible, 30);
	close_world(&w);
}

static void state_of_another_table_is_not_used(void **state)
{
	struct bigquery_state stored;
	struct world w;

	(void)state;
	open_world(&w, "load");
	add_fault(&w, (struct fault){ .match = UPLOAD, .times = 1, .fate = HTTP_STOPPED });
	put_lines(&w, 10);
	step(&w, 0);
	bigquery_state_get(w.bq, w.reader, &stored);
	assert_int_equal(stored.owner, OWNER_LOAD);
	w.options.bigquery_table_id = "other";
	restart(&w);
	bigquery_state_get(w.bq, w.reader, &stored);
	assert_int_equal(stored.owner, OWNER_NONE);
	assert_int_equal(stored.last_load_ns, 0);
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_endpoint_is_what_was_asked_for),
		cmocka_unit_test(names_are_needed_and_bounded),
		cmocka_unit_test(the_output_is_found_by_its_name),
		cmocka_unit_test(a_token_that_is_refused_is_exchanged_once_at_once),
		cmocka_unit_test(without_a_token_nothing_is_asked),
		cmocka_unit_test(every_answer_tells_the_time),
		cmocka_unit_test(the_quota_project_goes_with_every_request),
		cmocka_unit_test(a_small_or_young_backlog_is_streamed),
		cmocka_unit_test(a_large_and_old_backlog_is_loaded_and_the_rest_streamed),
		cmocka_unit_test(a_streaming_quota_turns_to_load_jobs_for_ten_minutes),
		cmocka_unit_test(the_free_tier_takes_load_jobs_for_good),
		cmocka_unit_test(in_mode_insertall_the_free_tier_is_held),
		cmocka_unit_test(rows_in_doubt_do_not_change_the_way),
		cmocka_unit_test(a_load_quota_turns_to_streaming),
		cmocka_unit_test(bad_rows_of_a_load_job_are_found_by_streaming),
		cmocka_unit_test(an_outage_loses_nothing_and_is_said_once),
		cmocka_unit_test(a_table_that_cannot_be_asked_for_at_first_is_asked_for_again),
		cmocka_unit_test(a_wrong_configuration_is_held_by_a_step_too),
		cmocka_unit_test(the_counters_are_those_of_the_contract),
		cmocka_unit_test(state_of_another_table_is_not_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
