/* SPDX-License-Identifier: Apache-2.0 */
/* test_bigquery_load.c - rows by load jobs: one job for the same rows whatever happens, exact names, intervals, and the search for bad rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include "bigquery_world.h"
#include "../user/ship/bigquery_job.h"

#define UPLOAD "/upload/"
#define INTERVAL_NS (120 * NS_PER_S)

static size_t count_jobs(const struct world *w) { return json_object_size(w->jobs); }

static size_t count_failed(const struct world *w)
{
	size_t count = 0;
	const char *id;
	json_t *job;

	json_object_foreach(w->jobs, id, job)
		count += json_object_get(json_object_get(job, "status"), "errorResult") != NULL;
	return count;
}

static void what_is_there_goes_in_one_job(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "load");
	put_lines(&w, 95);
	assert_int_equal(run(&w, 0), 2);
	assert_exact(&w);
	assert_int_equal(count_jobs(&w), 1);
	assert_string_equal(w.asked[w.asked_count - 1].url, "https://bigquery.googleapis.com/upload/bigquery/v2/projects/p1/jobs?uploadType=multipart");
	close_world(&w);
}

/* The name by its definition: SHA-256 of the spool's uuid, first and end sequence (big-endian) and table. */
static void the_name_of_a_job_follows_from_its_rows(void **state)
{
	static const char table[] = "projects/p1/datasets/d1/tables/flow_logs";
	uint8_t octets[32 + sizeof(table) - 1] = { 0 }, digest[32];
	char expected[80] = "devourer_";
	struct world w;

	(void)state;
	open_world(&w, "load");
	put_lines(&w, 95);
	spool_reader_uuid(w.reader, octets);
	octets[23] = (uint8_t)spool_reader_cursor(w.reader)->at.sequence;
	octets[31] = (uint8_t)(octets[23] + 95);
	memcpy(octets + 32, table, sizeof(table) - 1);
	assert_int_equal(EVP_Digest(octets, sizeof(octets), digest, NULL, EVP_sha256(), NULL), 1);
	for (int i = 0; i < 16; i++)
		sprintf(expected + strlen(expected), "%02x", digest[i]);
	strcat(expected, "_0");
	run(&w, 0);
	assert_non_null(json_object_get(w.jobs, expected));
	close_world(&w);
}

static void a_job_asks_for_what_the_contract_says(void **state)
{
	struct world w;
	json_t *job;
	char *text;

	(void)state;
	open_world(&w, "load");
	put_fat_lines(&w, 2500); /* over 8 MiB: in pieces, so its description comes alone */
	run(&w, 0);
	assert_exact(&w);
	job = json_deep_copy(w.upload);
	json_object_del(json_object_get(job, "jobReference"), "jobId");
	text = json_dumps(job, JSON_COMPACT);
	assert_string_equal(text, "{\"jobReference\":{\"projectId\":\"p1\",\"location\":\"EU\"},\"configuration\":{\"load\":{\"destinationTable\":"
			    "{\"projectId\":\"p1\",\"datasetId\":\"d1\",\"tableId\":\"flow_logs\"},\"sourceFormat\":\"NEWLINE_DELIMITED_JSON\","
			    "\"writeDisposition\":\"WRITE_APPEND\",\"createDisposition\":\"CREATE_NEVER\",\"maxBadRecords\":0,"
			    "\"ignoreUnknownValues\":false}}}");
	free(text);
	json_decref(job);
	close_world(&w);
}

static void a_job_that_runs_is_asked_for_with_its_location(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "load");
	w.job_polls = 5;
	put_lines(&w, 10);
	run(&w, 0);
	assert_exact(&w);
	assert_int_equal(count_asked(&w, "/projects/p1/jobs/devourer_"), 5);
	assert_int_equal(count_asked(&w, "?location=EU"), 5);
	assert_int_equal(count_jobs(&w), 1);
	assert_in_range(w.boot_ns - BOOT_NS, 15 * NS_PER_S, 40 * NS_PER_S);
	close_world(&w);
}

static void jobs_keep_their_interval_except_at_the_end(void **state)
{
	struct world w;
	uint64_t first_ns;

	(void)state;
	open_world(&w, "load");
	put_lines(&w, 10);
	run(&w, 0);
	first_ns = w.boot_ns;
	put_lines(&w, 10);
	assert_int_equal(step(&w, 0), 0);
	assert_true(w.wait_ns > 0);
	restart(&w);
	run(&w, 0);
	assert_int_equal(count_jobs(&w), 2);
	assert_in_range(w.boot_ns - first_ns, INTERVAL_NS - NS_PER_S, INTERVAL_NS + NS_PER_S);
	put_lines(&w, 10);
	first_ns = w.boot_ns;
	run(&w, 1);
	assert_true(w.boot_ns - first_ns < NS_PER_S);
	assert_exact(&w);
	close_world(&w);
}

static void a_clock_that_is_set_back_stops_nothing(void **state)
{
	static const uint64_t steps_ns[] = { 3600 * NS_PER_S, 60 * NS_PER_S };
	struct world w;

	(void)state;
	open_world(&w, "load");
	for (size_t i = 0; i < ROWS(steps_ns); i++) {
		uint64_t before_ns;

		put_lines(&w, 10);
		run(&w, 0);
		w.wall_ns -= steps_ns[i];
		before_ns = w.boot_ns;
		put_lines(&w, 10);
		run(&w, 0);
		assert_true(w.boot_ns - before_ns < 3 * INTERVAL_NS);
		assert_exact(&w);
	}
	close_world(&w);
}

/* ---- failures of the upload ---- */

static void a_lost_answer_is_asked_for_and_nothing_is_sent_twice(void **state)
{
	static const struct fault faults[] = {
		{ .fate = HTTP_LOST, .is_done = true }, { .status = 500, .is_done = true }, { .status = 200, .body = "<html>", .is_done = true },
		{ .fate = HTTP_LOST, .status = 200, .body = "{\"ki", .is_done = true },
		{ .fate = HTTP_LOST }, { .status = 503 }, { .status = 429 }, { .fate = HTTP_NOT_SENT }, { .status = 401 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(faults); i++) {
		struct fault fault = faults[i];
		struct world w;

		open_world(&w, "load");
		fault.match = UPLOAD;
		fault.times = 5;
		add_fault(&w, fault);
		put_lines(&w, 30);
		run(&w, 0);
		assert_exact(&w);
		assert_int_equal(count_jobs(&w), 1);
		assert_true(!fault.is_done || count_asked(&w, UPLOAD) == 1);
		assert_int_equal(counts(&w)->duplicates_possible, 0);
		close_world(&w);
	}
}

static void a_job_that_is_there_already_is_not_sent_again(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "load");
	add_fault(&w, (struct fault){ .match = UPLOAD, .times = 1, .status = 503, .is_done = true });
	add_fault(&w, (struct fault){ .match = "/jobs/", .times = 3, .status = 404 }); /* not everywhere yet */
	put_lines(&w, 30);
	run(&w, 0);
	assert_exact(&w);
	assert_int_equal(count_asked(&w, UPLOAD), 2); /* the second one is 409 */
	assert_int_equal(count_jobs(&w), 1);
	close_world(&w);
}

static void a_restart_takes_up_the_job_at_any_point(void **state)
{
	static const struct fault faults[] = {
		{ .match = UPLOAD, .times = 1, .fate = HTTP_STOPPED, .is_done = true }, { .match = UPLOAD, .times = 1, .fate = HTTP_STOPPED },
		{ .match = "/jobs/", .times = 1, .fate = HTTP_STOPPED },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(faults); i++) {
		struct world w;

		open_world(&w, "load");
		w.job_polls = 2;
		add_fault(&w, faults[i]);
		put_lines(&w, 30);
		for (int n = 0; n < 3; n++)
			step(&w, 0);
		put_lines(&w, 30); /* the job's end does not move */
		restart(&w);
		run(&w, 1);
		assert_exact(&w);
		assert_int_equal(count_jobs(&w), 2);
		close_world(&w);
	}
}

static void another_mode_after_a_restart_settles_the_job_first(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "load");
	add_fault(&w, (struct fault){ .match = UPLOAD, .times = 1, .fate = HTTP_STOPPED, .is_done = true });
	put_lines(&w, 30);
	step(&w, 0);
	step(&w, 0);
	w.options.bigquery_mode = "insertall";
	restart(&w);
	put_lines(&w, 5);
	run(&w, 0);
	assert_exact(&w);
	assert_int_equal(count_jobs(&w), 1);
	assert_int_equal(count_asked(&w, "/insertAll"), 1);
	close_world(&w);
}

static void too_large_a_job_is_halved(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "load");
	add_fault(&w, (struct fault){ .match = "multipart", .times = 7, .status = 413 });
	put_fat_lines(&w, 1500);
	run(&w, 1);
	assert_exact(&w);
	assert_true(count_jobs(&w) > 1);
	close_world(&w);
}

/* ---- pieces ---- */

static void a_large_file_goes_in_pieces(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "load");
	put_fat_lines(&w, 4400);
	run(&w, 0);
	assert_exact(&w);
	assert_int_equal(count_jobs(&w), 1);
	assert_int_equal(count_asked(&w, "uploadType=resumable"), 1);
	assert_in_range(count_asked(&w, "/upload/session"), 3, 4);
	close_world(&w);
}

static void pieces_that_get_lost_are_sent_again_from_where_the_server_is(void **state)
{
	static const struct { size_t keeps; struct fault fault; } rows[] = {
		{ 3 << 20, { .times = 0 } },                             /* takes less than it was sent */
		{ 0, { .fate = HTTP_LOST, .is_done = true, .times = 2 } }, { 0, { .fate = HTTP_LOST, .times = 2 } },
		{ 5 << 20, { .status = 503, .is_done = true, .times = 3 } }, { 0, { .status = 503, .skip = 1, .times = 1 } },
		{ 0, { .fate = HTTP_LOST, .is_done = true, .skip = 2, .times = 2 } }, { 0, { .status = 410, .skip = 1, .times = 1 } },
		{ 0, { .status = 404, .times = 2 } }, { 0, { .status = 308, .body = "", .skip = 1, .times = 3 } },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct fault fault = rows[i].fault;
		struct world w;

		open_world(&w, "load");
		fault.match = "/upload/session";
		add_fault(&w, fault);
		w.keeps = rows[i].keeps;
		put_fat_lines(&w, 4400);
		run(&w, 0);
		assert_exact(&w);
		assert_int_equal(count_jobs(&w), 1);
		close_world(&w);
	}
}

static void a_token_goes_only_to_our_own_endpoint(void **state)
{
	struct world w;

	(void)state;
	open_world_with(&w, 500);
	w.options.bigquery_mode = "load";
	w.options.bigquery_endpoint = "https://private.example";
	open_output(&w);
	put_fat_lines(&w, 2500);
	run(&w, 0);
	assert_exact(&w);
	for (size_t i = 0; i < w.asked_count; i++)
		if (strncmp(w.asked[i].url, "https://private.example/", 24))
			assert_null(w.asked[i].bearer);
		else
			assert_string_equal(w.asked[i].bearer, "secret");
	assert_true(count_asked(&w, "https://bigquery.googleapis.com/upload/session") > 0);
	close_world(&w);
}

/* ---- failed jobs ---- */

static void a_bad_row_is_found_by_halves_and_set_aside(void **state)
{
	static const unsigned bad_rows[] = { 0, 7, 10, 49, 50, 99 };

	(void)state;
	for (size_t i = 0; i < ROWS(bad_rows); i++) {
		struct world w;
		char *letters, id[16];

		open_world(&w, "load");
		for (unsigned n = 0; n < 100; n++)
			put_line(&w, n == bad_rows[i] ? BAD_PORT : 1000);
		put_lines(&w, 0);
		run(&w, 1);
		assert_exact(&w);
		assert_int_equal(counts(&w)->dead, 1);
		assert_in_range(count_jobs(&w), 8, 20);
		assert_in_range(count_failed(&w), 1, 9);
		letters = dead_letters(&w);
		snprintf(id, sizeof(id), "\"%08x-", bad_rows[i]);
		assert_non_null(strstr(letters, id));
		assert_null(strchr(strchr(letters, '\n') + 1, '\n'));
		free(letters);
		close_world(&w);
	}
}

static void several_bad_rows_are_found_through_restarts(void **state)
{
	static const unsigned bad_rows[] = { 3, 4, 31, 77, 99 };
	struct world w;

	(void)state;
	open_world(&w, "load");
	for (unsigned n = 0, k = 0; n < 100; n++)
		put_line(&w, k < ROWS(bad_rows) && n == bad_rows[k] ? k++, BAD_PORT : 1000);
	put_lines(&w, 0);
	for (int n = 0; backlog(&w) && n < 400; n++) {
		step(&w, 1);
		pass_time(&w, w.wait_ns);
		restart(&w);
	}
	assert_exact(&w);
	assert_int_equal(counts(&w)->dead, ROWS(bad_rows));
	close_world(&w);
}

static void lines_that_are_no_records_are_set_aside_beside_bad_rows(void **state)
{
	struct world w;
	char *letters;

	(void)state;
	open_world(&w, "load");
	put_text(&w, "x\n");
	put_line(&w, BAD_PORT);
	put_text(&w, "y\n");
	put_lines(&w, 1);
	put_text(&w, "z\n");
	put_lines(&w, 0);
	run(&w, 1);
	assert_exact(&w);
	assert_int_equal(counts(&w)->delivered, 1);
	assert_int_equal(counts(&w)->dead, 4);
	letters = dead_letters(&w);
	assert_non_null(strstr(letters, "src_port\",\"record\":{\"id\":\"00000001-"));
	free(letters);
	close_world(&w);
}

static void lines_that_are_no_records_make_no_job(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "load");
	put_text(&w, "x\n");
	put_text(&w, "y\n");
	put_lines(&w, 0);
	run(&w, 0);
	assert_exact(&w);
	assert_int_equal(counts(&w)->dead, 2);
	assert_int_equal(count_jobs(&w), 0);
	close_world(&w);
}

static void a_line_is_set_aside_once_however_often_its_job_is_sent(void **state)
{
	struct world w;
	char *letters;

	(void)state;
	open_world(&w, "load");
	add_fault(&w, (struct fault){ .match = UPLOAD, .times = 3, .status = 503 });
	put_text(&w, "x\n");
	put_lines(&w, 5);
	run(&w, 0);
	assert_exact(&w);
	assert_int_equal(counts(&w)->dead, 1);
	letters = dead_letters(&w);
	assert_string_equal(letters, "{\"reason\":\"not a record\",\"record\":x}\n");
	free(letters);
	close_world(&w);
}

/* A part of a frame is settled, which no cursor can say: the frame is finished by load jobs. */
static void another_mode_waits_for_the_frame_that_is_searched(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "load");
	json_decref(w.window);
	w.window = NULL;
	for (unsigned n = 0; n < 20; n++)
		put_line(&w, n == 7 ? BAD_PORT : 1000);
	put_lines(&w, 0);
	while (!count_jobs(&w) || count_jobs(&w) == count_failed(&w))
		step(&w, 1);
	w.options.bigquery_mode = "insertall";
	restart(&w);
	run(&w, 1);
	assert_exact(&w);
	assert_int_equal(counts(&w)->dead, 1);
	assert_int_equal(count_asked(&w, "/insertAll"), 1);
	close_world(&w);
}

static void a_job_that_failed_is_sent_under_another_name(void **state)
{
	static const char *const reasons[] = { "backendError", "internalError", "quotaExceeded", "accessDenied", "notFound" };

	(void)state;
	for (size_t i = 0; i < ROWS(reasons); i++) {
		struct world w;
		char body[256];

		open_world(&w, "load");
		snprintf(body, sizeof(body), "{\"status\":{\"state\":\"DONE\",\"errorResult\":{\"reason\":\"%s\",\"message\":\"x\"}}}", reasons[i]);
		add_fault(&w, (struct fault){ .match = UPLOAD, .times = 3, .status = 200, .body = body });
		put_lines(&w, 30);
		run(&w, 1);
		assert_exact(&w);
		assert_int_equal(count_jobs(&w), 1);
		assert_non_null(strstr(json_object_iter_key(json_object_iter(w.jobs)), "_3"));
		close_world(&w);
	}
}

static void a_quota_on_uploads_waits_longer(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "load");
	add_fault(&w, (struct fault){ .match = UPLOAD, .times = 4, .status = 403, .body = "{\"error\":{\"errors\":[{\"reason\":\"quotaExceeded\"}]}}" });
	put_lines(&w, 30);
	run(&w, 0);
	assert_exact(&w);
	assert_int_equal(count_jobs(&w), 1);
	close_world(&w);
}

/* ---- losses ---- */

static void records_that_the_spool_lost_are_counted_with_the_job(void **state)
{
	const char *outputs[] = { "bigquery" };
	struct spool_options options;
	struct world w;

	(void)state;
	open_world(&w, "load");
	options = (struct spool_options){
		.dir = w.spool_dir, .outputs = outputs, .output_count = 1, .max_octets = 1 << 20, .segment_octets = 256 << 10, .batch_rows = 100,
		.batch_octets = 128 << 10, .memory_octets = 1 << 20, .policy = SPOOL_DROP_OLDEST,
	};
	spool_close(w.spool, 1);
	assert_int_equal(spool_open(&w.spool, &options, 1), 0);
	put_lines(&w, 6000);
	run(&w, 0);
	assert_true(counts(&w)->dropped_full > 0);
	assert_int_equal(counts(&w)->delivered + counts(&w)->dropped_full, w.lines);
	assert_int_equal(json_object_size(w.stored), counts(&w)->delivered);
	close_world(&w);
}

/* The job is planned, then the spool drops a part of it before it is sent. */
static void what_is_dropped_between_plan_and_upload_is_not_counted_as_delivered(void **state)
{
	const char *outputs[] = { "bigquery" };
	struct spool_options options;
	struct world w;

	(void)state;
	open_world(&w, "load");
	options = (struct spool_options){
		.dir = w.spool_dir, .outputs = outputs, .output_count = 1, .max_octets = 1 << 20, .segment_octets = 256 << 10, .batch_rows = 100,
		.batch_octets = 128 << 10, .memory_octets = 1 << 20, .policy = SPOOL_DROP_OLDEST,
	};
	spool_close(w.spool, 1);
	assert_int_equal(spool_open(&w.spool, &options, 1), 0);
	put_lines(&w, 1500);
	step(&w, 0);
	put_lines(&w, 2000);
	run(&w, 1);
	assert_true(counts(&w)->dropped_full > 0);
	assert_int_equal(counts(&w)->delivered + counts(&w)->dropped_full, w.lines);
	assert_int_equal(json_object_size(w.stored), counts(&w)->delivered);
	assert_int_equal(repeated(&w), 0);
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_there_goes_in_one_job),
		cmocka_unit_test(the_name_of_a_job_follows_from_its_rows),
		cmocka_unit_test(a_job_asks_for_what_the_contract_says),
		cmocka_unit_test(a_job_that_runs_is_asked_for_with_its_location),
		cmocka_unit_test(jobs_keep_their_interval_except_at_the_end),
		cmocka_unit_test(a_clock_that_is_set_back_stops_nothing),
		cmocka_unit_test(a_lost_answer_is_asked_for_and_nothing_is_sent_twice),
		cmocka_unit_test(a_job_that_is_there_already_is_not_sent_again),
		cmocka_unit_test(a_restart_takes_up_the_job_at_any_point),
		cmocka_unit_test(another_mode_after_a_restart_settles_the_job_first),
		cmocka_unit_test(too_large_a_job_is_halved),
		cmocka_unit_test(a_large_file_goes_in_pieces),
		cmocka_unit_test(pieces_that_get_lost_are_sent_again_from_where_the_server_is),
		cmocka_unit_test(a_token_goes_only_to_our_own_endpoint),
		cmocka_unit_test(a_bad_row_is_found_by_halves_and_set_aside),
		cmocka_unit_test(several_bad_rows_are_found_through_restarts),
		cmocka_unit_test(lines_that_are_no_records_are_set_aside_beside_bad_rows),
		cmocka_unit_test(lines_that_are_no_records_make_no_job),
		cmocka_unit_test(a_line_is_set_aside_once_however_often_its_job_is_sent),
		cmocka_unit_test(another_mode_waits_for_the_frame_that_is_searched),
		cmocka_unit_test(a_job_that_failed_is_sent_under_another_name),
		cmocka_unit_test(a_quota_on_uploads_waits_longer),
		cmocka_unit_test(records_that_the_spool_lost_are_counted_with_the_job),
		cmocka_unit_test(what_is_dropped_between_plan_and_upload_is_not_counted_as_delivered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
