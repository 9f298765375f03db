/* SPDX-License-Identifier: Apache-2.0 */
/* test_dead_letter.c - refused records stand in their file as whole JSON lines with their reason. */
#include <errno.h>
#include <jansson.h>
#include <sys/resource.h>
#include "../user/ship/dead_letter.h"
#include "spool_fixture.h"

static const char *path_of(const struct fixture *f)
{
	static char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/dead.bigquery.jsonl", f->root);
	return path;
}

static struct dead_letter *open_letters(const struct fixture *f)
{
	struct dead_letter *letters;

	assert_int_equal(dead_letter_open(&letters, f->root, "bigquery"), 0);
	return letters;
}

static void add(struct dead_letter *letters, const char *line, const char *reason)
{
	assert_int_equal(dead_letter_add(letters, line, strlen(line), reason), 0);
}

/* Each line as an object; how many there are. */
static size_t read_back(const struct fixture *f, json_t *objects[8])
{
	FILE *file = fopen(path_of(f), "r");
	char line[4096];
	size_t count = 0;

	assert_non_null(file);
	while (count < 8 && fgets(line, sizeof(line), file))
		objects[count++] = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	fclose(file);
	return count;
}

static void the_file_is_made_with_the_first_record(void **state)
{
	struct fixture *f = *state;
	struct dead_letter *letters = open_letters(f);
	struct stat st;

	assert_int_equal(access(path_of(f), F_OK), -1);
	add(letters, "{\"id\":\"a\"}\n", "invalid");
	assert_int_equal(stat(path_of(f), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	dead_letter_close(letters);
	dead_letter_close(NULL);
}

static void a_reason_may_be_any_text(void **state)
{
	static const struct { const char *reason, *read; } rows[] = {
		{ "invalid", "invalid" }, { "", "" }, { "a \"quoted\" \\ one", "a \"quoted\" \\ one" },
		{ "two\nlines\tand \x01", "two?lines?and ?" }, { "na\xc3\xafve \xff", "na??ve ?" },
	};
	struct fixture *f = *state;
	struct dead_letter *letters = open_letters(f);
	json_t *objects[8];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		add(letters, i % 2 ? "{\"id\":\"a\"}\n" : "{\"id\":\"a\"}", rows[i].reason);
	dead_letter_close(letters);
	assert_int_equal(read_back(f, objects), sizeof(rows) / sizeof(rows[0]));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_string_equal(json_string_value(json_object_get(objects[i], "reason")), rows[i].read);
		assert_string_equal(json_string_value(json_object_get(json_object_get(objects[i], "record"), "id")), "a");
		assert_int_equal(json_object_size(objects[i]), 2);
		json_decref(objects[i]);
	}
}

static void a_line_that_a_crash_cut_does_not_spoil_the_next(void **state)
{
	struct fixture *f = *state;
	struct dead_letter *letters = open_letters(f);
	json_t *objects[8];

	add(letters, "{\"id\":\"a\"}", "first");
	dead_letter_close(letters);
	assert_int_equal(truncate(path_of(f), 20), 0);
	letters = open_letters(f);
	add(letters, "{\"id\":\"b\"}", "second");
	dead_letter_close(letters);
	assert_int_equal(read_back(f, objects), 2);
	assert_null(objects[0]);
	assert_string_equal(json_string_value(json_object_get(objects[1], "reason")), "second");
	json_decref(objects[1]);
}

static void what_cannot_be_written_is_an_error_and_leaves_no_half_line(void **state)
{
	struct fixture *f = *state;
	struct dead_letter *letters = open_letters(f);
	static char line[8192];
	json_t *objects[8];
	struct rlimit was, limit;

	memset(line, ' ', sizeof(line) - 1);
	line[0] = '{';
	line[sizeof(line) - 2] = '}';
	add(letters, "{\"id\":\"a\"}", "first");
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &was);
	limit = (struct rlimit){ 4096, was.rlim_max };
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_int_equal(dead_letter_add(letters, line, sizeof(line) - 1, "second"), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &was);
	add(letters, "{\"id\":\"c\"}", "third");
	dead_letter_close(letters);
	assert_int_equal(read_back(f, objects), 2);
	assert_string_equal(json_string_value(json_object_get(objects[1], "reason")), "third");
	json_decref(objects[0]);
	json_decref(objects[1]);
	assert_int_equal(count_in_log(f, "dead-letter file"), 1);
}

static void a_symbolic_link_is_not_followed(void **state)
{
	struct fixture *f = *state;
	struct dead_letter *letters = open_letters(f);

	assert_int_equal(symlink("/tmp/test_dead_letter.elsewhere", path_of(f)), 0);
	assert_int_equal(dead_letter_add(letters, "{}", 2, "reason"), -ELOOP);
	dead_letter_close(letters);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_file_is_made_with_the_first_record),
		TEST(a_reason_may_be_any_text),
		TEST(a_line_that_a_crash_cut_does_not_spoil_the_next),
		TEST(what_cannot_be_written_is_an_error_and_leaves_no_half_line),
		TEST(a_symbolic_link_is_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
