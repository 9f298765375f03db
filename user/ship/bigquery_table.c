/* SPDX-License-Identifier: Apache-2.0 */
/* bigquery_table.c - the table of BigQuery: get it or create it, compare its columns with ours, add what is missing when asked to. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <jansson.h>
#include "../base/log.h"
#include "../base/options.h"
#include "bigquery.h"

row_columns_t bigquery_wanted_columns(const struct bigquery *bq)
{
	const struct record_member *member;
	row_columns_t columns = 0;

	for (size_t i = 0; (member = row_column(i)); i++)
		if (bq->options->extended || !member->is_extended)
			columns |= (row_columns_t)1 << i;
	return columns;
}

/* ---- requests ---- */

/* `path` below the dataset's tables; `body` (taken) may be NULL. */
static const struct answer_rule *ask(struct bigquery *bq, const char *method, const char *path, json_t *body, struct http_answer *answer)
{
	struct http_request request = { .method = method, .is_idempotent = true };
	char url[BIGQUERY_URL_SIZE], *text = NULL;
	const struct answer_rule *rule;

	snprintf(url, sizeof(url), "%s%s%s", bq->endpoint, bq->tables_path, path);
	request.url = url;
	if (body) {
		text = json_dumps(body, JSON_COMPACT);
		request.body = text;
		request.len = text ? strlen(text) : 0;
		request.lines[0] = "Content-Type: application/json; charset=UTF-8";
	}
	rule = bigquery_ask(bq, &request, answer);
	free(text);
	json_decref(body);
	return rule;
}

static const struct answer_rule *ask_table(struct bigquery *bq, const char *method, json_t *body, struct http_answer *answer)
{
	char path[BIGQUERY_NAME_SIZE + 1];

	snprintf(path, sizeof(path), "/%s", bq->table_id);
	return ask(bq, method, path, body, answer);
}

/* Says why it does not work; waiting mends only -EAGAIN. */
static int explain(const struct bigquery *bq, const struct answer_rule *rule, const struct http_answer *answer, const char *what)
{
	char text[ANSWER_TEXT_SIZE];

	if (rule->action == ANSWER_STOPPED)
		return -EAGAIN;
	answer_text(answer, text);
	if (rule->action == ANSWER_AGAIN || rule->action == ANSWER_QUOTA || rule->action == ANSWER_TOKEN) {
		log_info("bigquery %s: %s: %s", bq->table_path, what, text);
		return -EAGAIN;
	}
	log_error("bigquery %s: %s: %s", bq->table_path, what, text);
	return answer->status == 403 ? -EACCES : -EINVAL;
}

/* ---- our schema ---- */

static json_t *field_of(const struct record_member *member, const char *mode)
{
	return json_pack("{s:s, s:s, s:s}", "name", member->column, "type", member->column_type, "mode", mode);
}

static json_t *schema_of(row_columns_t columns)
{
	const struct record_member *member;
	json_t *fields = json_array();

	for (size_t i = 0; (member = row_column(i)); i++)
		if (columns >> i & 1)
			json_array_append_new(fields, field_of(member, member->mode));
	return json_pack("{s:o}", "fields", fields);
}

static json_t *table_of(const struct bigquery *bq)
{
	const struct options *options = bq->options;

	return json_pack("{s:{s:s, s:s, s:s}, s:o, s:{s:s, s:s}}", "tableReference", "projectId", options->bigquery_project_id,
			 "datasetId", options->bigquery_dataset_id, "tableId", options->bigquery_table_id,
			 "schema", schema_of(bigquery_wanted_columns(bq)), "timePartitioning", "type", "DAY", "field", "first_seen_at");
}

/* ---- comparing ---- */

static const char *text_of(json_t *field, const char *key, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(field, key));

	return text ? text : otherwise;
}

/* Column names do not depend on case there. */
static json_t *find_field(json_t *fields, const char *name)
{
	json_t *field;
	size_t i;

	json_array_foreach(fields, i, field)
		if (!strcasecmp(text_of(field, "name", ""), name))
			return field;
	return NULL;
}

static const struct record_member *find_column(const char *name)
{
	const struct record_member *member;

	for (size_t i = 0; (member = row_column(i)); i++)
		if (!strcasecmp(member->column, name))
			return member;
	return NULL;
}

/* INTEGER is INT64 and BOOLEAN is BOOL in GoogleSQL; tables.get answers with either. */
static bool is_same_type(const char *theirs, const char *ours)
{
	return !strcasecmp(theirs, ours) || (!strcasecmp(theirs, "INT64") && !strcmp(ours, "INTEGER")) ||
	       (!strcasecmp(theirs, "BOOL") && !strcmp(ours, "BOOLEAN"));
}

static bool is_mode(json_t *field, const char *mode)
{
	return !strcasecmp(text_of(field, "mode", "NULLABLE"), mode);
}

/* 0, or -EINVAL, logged. */
static int compare_field(const struct bigquery *bq, json_t *field, const struct record_member *member)
{
	const char *type = text_of(field, "type", "");
	bool is_list = row_kind(member) == ROW_STRINGS;

	if (is_same_type(type, member->column_type) && is_mode(field, "REPEATED") == is_list)
		return 0;
	log_error("bigquery %s: column %s is %s %s, where devourer has %s %s; use another table, or drop the column", bq->table_path, member->column,
		  type, text_of(field, "mode", "NULLABLE"), member->column_type, member->mode);
	return -EINVAL;
}

/* A column that we do not fill must not want a value: not one of ours, or a member that a record may be without. */
static int check_required(const struct bigquery *bq, json_t *fields)
{
	row_columns_t wanted = bigquery_wanted_columns(bq);
	json_t *field;
	size_t i;

	json_array_foreach(fields, i, field) {
		const struct record_member *member = find_column(text_of(field, "name", ""));
		bool is_filled = member && (wanted >> member->column_order & 1) && row_is_required(member);

		if (is_filled || !is_mode(field, "REQUIRED"))
			continue;
		log_error("bigquery %s: column %s is REQUIRED, and devourer does not fill it; make it NULLABLE", bq->table_path, text_of(field, "name", ""));
		return -EINVAL;
	}
	return 0;
}

/* The columns of ours that are there, into `*found`. 0, or -EINVAL, logged. */
static int compare(const struct bigquery *bq, json_t *fields, row_columns_t *found)
{
	row_columns_t wanted = bigquery_wanted_columns(bq);
	const struct record_member *member;

	*found = 0;
	for (size_t i = 0; (member = row_column(i)); i++) {
		json_t *field = wanted >> i & 1 ? find_field(fields, member->column) : NULL;

		if (field && compare_field(bq, field, member))
			return -EINVAL;
		*found |= (row_columns_t)(field != NULL) << i;
	}
	return check_required(bq, fields);
}

static void take_columns(struct bigquery *bq, row_columns_t found)
{
	row_columns_t missing = bigquery_wanted_columns(bq) & ~found;
	unsigned count = (unsigned)__builtin_popcountll(missing);
	bool is_news = count && (count != bq->columns_left_out || bq->columns != found);

	bq->columns = found;
	bq->columns_left_out = count;
	for (size_t i = 0; is_news && i < ROW_COLUMNS_MAX; i++)
		if (missing >> i & 1)
			log_warn("bigquery %s: has no column %s, it is left out; --bigquery-migrate adds it", bq->table_path, row_column(i)->column);
}

/* ---- get, create, migrate ---- */

static void take_location(struct bigquery *bq, json_t *table)
{
	const char *option = bq->options->bigquery_location;

	snprintf(bq->location, sizeof(bq->location), "%s", option ? option : text_of(table, "location", ""));
}

/* A column that is added to a table cannot be REQUIRED. */
static int migrate(struct bigquery *bq, json_t *fields, row_columns_t missing)
{
	json_t *all = json_copy(fields);
	struct http_answer answer;
	const struct answer_rule *rule;

	for (size_t i = 0; i < ROW_COLUMNS_MAX; i++)
		if (missing >> i & 1)
			json_array_append_new(all, field_of(row_column(i), row_kind(row_column(i)) == ROW_STRINGS ? "REPEATED" : "NULLABLE"));
	rule = ask_table(bq, "PATCH", json_pack("{s:{s:o}}", "schema", "fields", all), &answer);
	if (rule->action != ANSWER_DONE)
		return explain(bq, rule, &answer, "columns cannot be added");
	log_info("bigquery %s: %d columns were added", bq->table_path, __builtin_popcountll(missing));
	bq->created_boot_ns = bq->clock.boot_ns(); /* new columns spread like new tables */
	return 0;
}

static int get(struct bigquery *bq, bool may_create, bool may_migrate);

static int take_table(struct bigquery *bq, json_t *table, bool may_migrate)
{
	json_t *fields = json_object_get(json_object_get(table, "schema"), "fields");
	row_columns_t found, missing;
	int err;

	err = compare(bq, fields, &found);
	if (err)
		return err;
	take_location(bq, table);
	missing = bigquery_wanted_columns(bq) & ~found;
	if (missing && may_migrate && bq->options->bigquery_migrate) {
		err = migrate(bq, fields, missing);
		return err ? err : get(bq, false, false);
	}
	if (!found) {
		log_error("bigquery %s: has none of devourer's columns", bq->table_path);
		return -EINVAL;
	}
	take_columns(bq, found);
	return 0;
}

static int take_answer(struct bigquery *bq, const struct http_answer *answer, bool may_migrate)
{
	json_t *table = json_loadb(answer->body, answer->len, 0, NULL);
	int err;

	if (!json_is_array(json_object_get(json_object_get(table, "schema"), "fields"))) {
		json_decref(table);
		return explain(bq, &answer_garbled, answer, "tables.get");
	}
	err = take_table(bq, table, may_migrate);
	json_decref(table);
	return err;
}

static int create(struct bigquery *bq)
{
	struct http_answer answer;
	const struct answer_rule *rule = ask(bq, "POST", "", table_of(bq), &answer);

	if (rule->action == ANSWER_TAKEN)         /* another collector was faster */
		return get(bq, false, true);
	if (rule->action != ANSWER_DONE)
		return explain(bq, rule, &answer, "the table cannot be created");
	log_info("bigquery %s: table created, partitioned by day of first_seen_at", bq->table_path);
	bq->created_boot_ns = bq->clock.boot_ns();
	return take_answer(bq, &answer, false);
}

static int get(struct bigquery *bq, bool may_create, bool may_migrate)
{
	struct http_answer answer;
	const struct answer_rule *rule = ask_table(bq, "GET", NULL, &answer);

	if (rule->action == ANSWER_DONE)
		return take_answer(bq, &answer, may_migrate);
	if (rule->action == ANSWER_NOT_THERE)      /* or its dataset or project: then that is what create() is told */
		return may_create ? create(bq) : explain(bq, &answer_garbled, &answer, "the table is not there yet");
	return explain(bq, rule, &answer, "the table cannot be used");
}

int bigquery_table_check(struct bigquery *bq)
{
	bq->looked_boot_ns = bq->clock.boot_ns();
	return get(bq, true, true);
}
