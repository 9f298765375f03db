/* SPDX-License-Identifier: Apache-2.0 */
/* test_bigquery_table.c - the table is created as it should be, or compared column by column, and what is wrong is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "bigquery_world.h"

#define BASIC (((row_columns_t)1 << 17) - 1)

static void set_field(struct world *w, const char *name, const char *type, const char *mode)
{
	json_t *field = field_named(w, name);

	if (!field)
		json_array_append_new(fields_of(w), field = json_pack("{s:s}", "name", name));
	json_object_set_new(field, "type", json_string(type));
	if (mode)
		json_object_set_new(field, "mode", json_string(mode));
	else
		json_object_del(field, "mode");
}

static void drop_field(struct world *w, const char *name)
{
	json_t *field;
	size_t i;

	json_array_foreach(fields_of(w), i, field)
		if (field == field_named(w, name))
			break;
	assert_int_equal(json_array_remove(fields_of(w), i), 0);
}

static int check(struct world *w) { return ship_bigquery.check(w->ship); }

/* A world whose table was made by us. */
static void open_with_table(struct world *w)
{
	open_world(w, "insertall");
	assert_int_equal(check(w), 0);
}

static void a_missing_table_is_created_with_all_columns_partitioned_by_day(void **state)
{
	static const char expected[] =
		"{\"tableReference\":{\"projectId\":\"p1\",\"datasetId\":\"d1\",\"tableId\":\"flow_logs\"},\"schema\":{\"fields\":["
		"{\"name\":\"id\",\"type\":\"STRING\",\"mode\":\"REQUIRED\"},{\"name\":\"protocol\",\"type\":\"STRING\",\"mode\":\"REQUIRED\"},"
		"{\"name\":\"src_addr\",\"type\":\"STRING\",\"mode\":\"REQUIRED\"},{\"name\":\"dst_addr\",\"type\":\"STRING\",\"mode\":\"REQUIRED\"},"
		"{\"name\":\"src_port\",\"type\":\"INTEGER\",\"mode\":\"REQUIRED\"},{\"name\":\"dst_port\",\"type\":\"INTEGER\",\"mode\":\"REQUIRED\"},"
		"{\"name\":\"src_hw_addr\",\"type\":\"STRING\",\"mode\":\"REQUIRED\"},{\"name\":\"dst_hw_addr\",\"type\":\"STRING\",\"mode\":\"REQUIRED\"},"
		"{\"name\":\"src_names\",\"type\":\"STRING\",\"mode\":\"REPEATED\"},{\"name\":\"dst_names\",\"type\":\"STRING\",\"mode\":\"REPEATED\"},"
		"{\"name\":\"first_seen_at\",\"type\":\"TIMESTAMP\",\"mode\":\"REQUIRED\"},"
		"{\"name\":\"last_seen_at\",\"type\":\"TIMESTAMP\",\"mode\":\"REQUIRED\"},"
		"{\"name\":\"src_bytes\",\"type\":\"INTEGER\",\"mode\":\"REQUIRED\"},{\"name\":\"dst_bytes\",\"type\":\"INTEGER\",\"mode\":\"REQUIRED\"},"
		"{\"name\":\"src_packets\",\"type\":\"INTEGER\",\"mode\":\"REQUIRED\"},{\"name\":\"dst_packets\",\"type\":\"INTEGER\",\"mode\":\"REQUIRED\"},"
		"{\"name\":\"status\",\"type\":\"STRING\",\"mode\":\"REQUIRED\"}]},"
		"\"timePartitioning\":{\"type\":\"DAY\",\"field\":\"first_seen_at\"},\"location\":\"EU\"}";
	struct world w;
	char *text;

	(void)state;
	open_with_table(&w);
	text = json_dumps(w.table, JSON_COMPACT);
	assert_string_equal(text, expected);
	free(text);
	assert_int_equal(w.asked_count, 2);
	assert_string_equal(w.asked[0].method, "GET");
	assert_string_equal(w.asked[0].url, "https://bigquery.googleapis.com" TABLES "/flow_logs");
	assert_string_equal(w.asked[1].method, "POST");
	assert_string_equal(w.asked[1].url, "https://bigquery.googleapis.com" TABLES);
	assert_true(w.bq->columns == BASIC);
	assert_string_equal(w.bq->location, "EU");
	close_world(&w);
}

static void extended_columns_are_nullable_at_the_end(void **state)
{
	const struct record_member *member;
	struct world w;
	size_t i;

	(void)state;
	open_world(&w, "insertall");
	w.options.extended = true;
	assert_int_equal(check(&w), 0);
	for (i = 0; (member = row_column(i)); i++) {
		json_t *field = json_array_get(fields_of(&w), i);

		assert_string_equal(json_string_value(json_object_get(field, "name")), member->column);
		if (i >= 17)
			assert_string_not_equal(json_string_value(json_object_get(field, "mode")), "REQUIRED");
	}
	assert_int_equal(json_array_size(fields_of(&w)), i);
	assert_true(w.bq->columns == ((row_columns_t)1 << i) - 1);
	close_world(&w);
}

static void a_collector_that_was_faster_is_no_error(void **state)
{
	struct world w;

	(void)state;
	open_with_table(&w);
	add_fault(&w, (struct fault){ .match = "GET ", .times = 1, .status = 404, .body = "{\"error\":{\"message\":\"Not found: Table x\"}}" });
	assert_int_equal(check(&w), 0); /* 404, then 409, then the table */
	assert_int_equal(w.asked_count, 2 + 3);
	close_world(&w);
}

struct change { const char *name, *type, *mode; };

static void a_table_that_is_there_is_compared_column_by_column(void **state)
{
	static const struct { struct change change; int expected; unsigned left_out; const char *says; } rows[] = {
		{ { "note", "STRING", "NULLABLE" }, 0, 0, NULL },
		{ { "note", "STRING", NULL }, 0, 0, NULL },
		{ { "note", "STRING", "REPEATED" }, 0, 0, NULL },
		{ { "note", "STRING", "REQUIRED" }, -EINVAL, 0, "column note is REQUIRED" },
		{ { "src_port", "INT64", "REQUIRED" }, 0, 0, NULL },
		{ { "src_port", "INTEGER", "NULLABLE" }, 0, 0, NULL },
		{ { "src_port", "STRING", "REQUIRED" }, -EINVAL, 0, "column src_port is STRING REQUIRED, where devourer has INTEGER REQUIRED" },
		{ { "src_port", "INTEGER", "REPEATED" }, -EINVAL, 0, "column src_port" },
		{ { "src_names", "STRING", "NULLABLE" }, -EINVAL, 0, "column src_names" },
		{ { "first_seen_at", "DATETIME", "REQUIRED" }, -EINVAL, 0, "column first_seen_at" },
		{ { "vlan", "STRING", "NULLABLE" }, 0, 0, NULL },       /* not sent without --extended */
		{ { "vlan", "INTEGER", "REQUIRED" }, -EINVAL, 0, "column vlan is REQUIRED" },
		{ { "dst_names", NULL, NULL }, 0, 1, "has no column dst_names" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct world w;

		open_with_table(&w);
		if (rows[i].change.type)
			set_field(&w, rows[i].change.name, rows[i].change.type, rows[i].change.mode);
		else
			drop_field(&w, rows[i].change.name);
		if (check(&w) != rows[i].expected || w.bq->columns_left_out != rows[i].left_out || (rows[i].says && !log_says(&w, rows[i].says)))
			fail_msg("row %zu", i);
		close_world(&w);
	}
}

static void a_missing_column_is_left_out_of_the_rows(void **state)
{
	struct world w;

	(void)state;
	open_with_table(&w);
	drop_field(&w, "dst_names");
	drop_field(&w, "src_bytes");
	assert_int_equal(check(&w), 0);
	assert_int_equal(w.bq->columns_left_out, 2);
	put_lines(&w, 3);
	run(&w, 0);
	assert_exact(&w);
	close_world(&w);
}

static void missing_columns_are_added_when_asked_for(void **state)
{
	struct world w;

	(void)state;
	open_with_table(&w);
	drop_field(&w, "dst_names");
	drop_field(&w, "src_bytes");
	w.options.bigquery_migrate = w.options.extended = true;
	assert_int_equal(check(&w), 0);
	assert_int_equal(w.bq->columns_left_out, 0);
	assert_string_equal(json_string_value(json_object_get(field_named(&w, "dst_names"), "mode")), "REPEATED");
	assert_string_equal(json_string_value(json_object_get(field_named(&w, "src_bytes"), "mode")), "NULLABLE");
	assert_string_equal(json_string_value(json_object_get(field_named(&w, "id"), "mode")), "REQUIRED");
	assert_string_equal(json_string_value(json_object_get(field_named(&w, "self"), "type")), "BOOLEAN");
	close_world(&w);
}

static void columns_that_cannot_be_added_are_an_error(void **state)
{
	struct world w;

	(void)state;
	open_with_table(&w);
	drop_field(&w, "dst_names");
	w.options.bigquery_migrate = true;
	add_fault(&w, (struct fault){ .match = "PATCH ", .times = 1, .status = 403 });
	assert_int_equal(check(&w), -EACCES);
	assert_true(log_says(&w, "columns cannot be added"));
	close_world(&w);
}

static void what_cannot_work_is_said_at_once(void **state)
{
	static const struct { bool has_project, has_dataset, is_forbidden; int token_err, expected; const char *says; } rows[] = {
		{ false, false, false, 0, -EINVAL, "Not found: Project p1" },
		{ true, false, false, 0, -EINVAL, "Not found: Dataset p1:d1" },
		{ true, true, true, 0, -EACCES, "Permission bigquery.tables.get denied" },
		{ true, true, false, -EACCES, -EACCES, "no access token" },
		{ true, true, false, -EAGAIN, -EAGAIN, "no access token now" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct world w;

		open_world(&w, "insertall");
		w.has_project = rows[i].has_project;
		w.has_dataset = rows[i].has_dataset;
		w.is_forbidden = rows[i].is_forbidden;
		w.token_err = rows[i].token_err;
		if (check(&w) != rows[i].expected || !log_says(&w, rows[i].says))
			fail_msg("row %zu", i);
		close_world(&w);
	}
}

static void a_server_that_is_away_is_no_wrong_configuration(void **state)
{
	static const struct { enum http_fate fate; int status; bool is_refused; const char *body; int expected; } rows[] = {
		{ HTTP_NOT_SENT, 0, false, "", -EAGAIN }, { HTTP_NOT_SENT, 0, true, "", -EINVAL }, { HTTP_LOST, 0, false, "", -EAGAIN },
		{ HTTP_ANSWERED, 503, false, "", -EAGAIN }, { HTTP_ANSWERED, 200, false, "<html>", -EAGAIN }, { HTTP_STOPPED, 0, false, "", -EAGAIN },
		{ HTTP_ANSWERED, 200, false, "{}", -EAGAIN }, { HTTP_ANSWERED, 302, false, "", -EINVAL }, { HTTP_ANSWERED, 400, false, "", -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct world w;

		open_with_table(&w);
		add_fault(&w, (struct fault){ .match = "GET ", .times = 9, .fate = rows[i].fate, .status = rows[i].status, .body = rows[i].body,
					      .is_refused = rows[i].is_refused });
		if (check(&w) != rows[i].expected)
			fail_msg("row %zu", i);
		close_world(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_missing_table_is_created_with_all_columns_partitioned_by_day),
		cmocka_unit_test(extended_columns_are_nullable_at_the_end),
		cmocka_unit_test(a_collector_that_was_faster_is_no_error),
		cmocka_unit_test(a_table_that_is_there_is_compared_column_by_column),
		cmocka_unit_test(a_missing_column_is_left_out_of_the_rows),
		cmocka_unit_test(missing_columns_are_added_when_asked_for),
		cmocka_unit_test(columns_that_cannot_be_added_are_an_error),
		cmocka_unit_test(what_cannot_work_is_said_at_once),
		cmocka_unit_test(a_server_that_is_away_is_no_wrong_configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
