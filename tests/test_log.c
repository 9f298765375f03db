/* SPDX-License-Identifier: Apache-2.0 */
/* test_log.c - what a log line looks like, and where it goes. */
#define _GNU_SOURCE                               /* posix_openpt and its kin */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <jansson.h>
#include <cmocka.h>
#include "../user/base/log.h"

struct sandbox {
	char dir[32], path[64], text[65536];
	int saved_stderr;
};

static int set_up(void **state)
{
	struct sandbox *box = calloc(1, sizeof(*box));

	strcpy(box->dir, "/tmp/test_log.XXXXXX");
	assert_non_null(mkdtemp(box->dir));
	snprintf(box->path, sizeof(box->path), "%s/log", box->dir);
	box->saved_stderr = -1;
	unsetenv("JOURNAL_STREAM");
	unsetenv("NO_COLOR");
	setenv("TERM", "xterm", 1);
	*state = box;
	return 0;
}

static void restore_stderr(struct sandbox *box)
{
	if (box->saved_stderr < 0)
		return;
	dup2(box->saved_stderr, STDERR_FILENO);
	close(box->saved_stderr);
	box->saved_stderr = -1;
}

static int tear_down(void **state)
{
	struct sandbox *box = *state;
	char other[80];

	log_close();
	restore_stderr(box);
	unlink(box->path);
	snprintf(other, sizeof(other), "%s.1", box->path);
	unlink(other);
	rmdir(box->dir);
	free(box);
	return 0;
}

static void stderr_becomes(struct sandbox *box, int fd)
{
	box->saved_stderr = dup(STDERR_FILENO);
	assert_true(dup2(fd, STDERR_FILENO) == STDERR_FILENO);
	close(fd);
}

static void stderr_becomes_file(struct sandbox *box)
{
	stderr_becomes(box, open(box->path, O_RDWR | O_CREAT | O_TRUNC, 0600));
}

static const char *text_of(struct sandbox *box, const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t len = read(fd, box->text, sizeof(box->text) - 1);

	close(fd);
	assert_true(len >= 0);
	box->text[len] = 0;
	return box->text;
}

static void assert_has_time(const char *text)
{
	unsigned year, month, day, hour, minute;
	double second;

	assert_int_equal(sscanf(text, "%4u-%2u-%2uT%2u:%2u:%lfZ", &year, &month, &day, &hour, &minute, &second), 6);
	assert_in_range(year, 2024, 2200);
}

static void before_log_open_lines_go_to_stderr_at_level_info(void **state)
{
	struct sandbox *box = *state;

	stderr_becomes_file(box);
	log_debug("unseen %d", 1);
	log_info("seen %d", 2);
	restore_stderr(box);
	assert_string_equal(text_of(box, box->path), "devourer: info: seen 2\n");
	assert_int_equal(log_level(), LOG_INFO);
}

static void a_level_hides_what_is_less_important(void **state)
{
	static const char *const shown[] = {
		"devourer: error: e\n",
		"devourer: error: e\ndevourer: warn: w\n",
		"devourer: error: e\ndevourer: warn: w\ndevourer: info: i\n",
		"devourer: error: e\ndevourer: warn: w\ndevourer: info: i\ndevourer: debug: d\n",
	};
	struct sandbox *box = *state;

	for (enum log_level level = LOG_ERROR; level <= LOG_DEBUG; level++) {
		stderr_becomes_file(box);
		assert_int_equal(log_open(level, LOG_CONSOLE, "stderr"), 0);
		assert_int_equal(log_level(), level);
		log_error("e");
		log_warn("w");
		log_info("i");
		log_debug("d");
		restore_stderr(box);
		assert_string_equal(text_of(box, box->path), shown[level]);
	}
}

static void octets_outside_printable_ascii_are_escaped(void **state)
{
	struct sandbox *box = *state;

	stderr_becomes_file(box);
	log_warn("a\nb\tc\033[2Jd\x7f" "e\xc3\xa9 \"q\" \\");
	restore_stderr(box);
	assert_string_equal(text_of(box, box->path), "devourer: warn: a\\x0Ab\\x09c\\x1B[2Jd\\x7Fe\\xC3\\xA9 \"q\" \\\n");
}

static void a_json_line_is_valid_for_every_octet_and_says_the_same(void **state)
{
	struct sandbox *box = *state;
	char message[256], expected[1024] = "";
	json_t *json;

	for (int i = 1; i < 256; i++) {
		message[i - 1] = (char)i;
		snprintf(expected + strlen(expected), 8, i < 0x20 || i > 0x7e ? "\\x%02X" : "%c", i);
	}
	message[255] = 0;
	assert_int_equal(log_open(LOG_INFO, LOG_JSON, box->path), 0);
	log_warn("%s", message);
	json = json_loads(text_of(box, box->path), 0, NULL);
	assert_non_null(json);
	assert_int_equal(json_object_size(json), 3);
	assert_has_time(json_string_value(json_object_get(json, "time")));
	assert_string_equal(json_string_value(json_object_get(json, "level")), "warn");
	assert_string_equal(json_string_value(json_object_get(json, "message")), expected);
	json_decref(json);
}

static void a_long_message_is_cut_and_stays_one_valid_line(void **state)
{
	struct sandbox *box = *state;
	char *message = malloc(100001);
	json_t *json;

	memset(message, '\n', 100000);                    /* the worst: five octets each */
	message[100000] = 0;
	assert_int_equal(log_open(LOG_INFO, LOG_JSON, box->path), 0);
	log_info("%s", message);
	free(message);
	json = json_loads(text_of(box, box->path), 0, NULL);
	assert_non_null(json);
	assert_int_equal(strlen(json_string_value(json_object_get(json, "message"))), 2047 * 4);
	assert_ptr_equal(strchr(box->text, '\n'), box->text + strlen(box->text) - 1);
	json_decref(json);
}

static void a_log_file_is_private_appended_to_and_has_the_time(void **state)
{
	struct sandbox *box = *state;
	mode_t umask_before = umask(0);
	const char *second;
	struct stat st;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(log_open(LOG_INFO, LOG_CONSOLE, box->path), 0);
		log_warn("line %d", i);
		log_close();
	}
	umask(umask_before);
	assert_int_equal(stat(box->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	text_of(box, box->path);
	assert_has_time(box->text);
	assert_non_null(strstr(box->text, "Z warn line 0\n"));
	second = strchr(box->text, '\n') + 1;
	assert_has_time(second);
	assert_non_null(strstr(second, "Z warn line 1\n"));
}

static void a_log_file_that_is_a_link_is_refused_and_lines_stay_on_stderr(void **state)
{
	struct sandbox *box = *state;
	char link[80];

	snprintf(link, sizeof(link), "%s.1", box->path);
	assert_int_equal(symlink("elsewhere", link), 0);
	stderr_becomes_file(box);
	assert_int_equal(log_open(LOG_DEBUG, LOG_JSON, link), -ELOOP);
	log_info("still here");
	restore_stderr(box);
	text_of(box, box->path);
	assert_non_null(strstr(box->text, ".1: is a symbolic link"));
	assert_non_null(strstr(box->text, "devourer: info: still here\n"));
}

static void after_reopen_lines_go_to_the_new_file_of_the_name(void **state)
{
	struct sandbox *box = *state;
	char old[80];

	snprintf(old, sizeof(old), "%s.1", box->path);
	assert_int_equal(log_open(LOG_INFO, LOG_CONSOLE, box->path), 0);
	log_info("first");
	assert_int_equal(rename(box->path, old), 0);
	log_info("second");
	assert_int_equal(log_reopen(), 0);
	log_info("third");
	assert_non_null(strstr(text_of(box, old), "info second\n"));
	assert_null(strstr(box->text, "third"));
	assert_non_null(strstr(text_of(box, box->path), "info third\n"));
	assert_null(strstr(box->text, "second"));
}

static void when_reopen_fails_lines_go_on_in_the_old_file(void **state)
{
	struct sandbox *box = *state;
	char old[80];

	snprintf(old, sizeof(old), "%s.1", box->path);
	assert_int_equal(log_open(LOG_INFO, LOG_CONSOLE, box->path), 0);
	assert_int_equal(rename(box->path, old), 0);
	assert_int_equal(symlink("elsewhere", box->path), 0);
	assert_int_equal(log_reopen(), -ELOOP);
	log_info("goes on");
	assert_non_null(strstr(text_of(box, old), "info goes on\n"));
	assert_non_null(strstr(box->text, "is a symbolic link"));
}

static void a_stream_to_the_journal_gets_priorities_instead_of_names(void **state)
{
	struct sandbox *box = *state;
	char stream[64];
	struct stat st;

	stderr_becomes_file(box);
	fstat(STDERR_FILENO, &st);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_open(LOG_DEBUG, LOG_CONSOLE, "stderr");
	log_error("e");
	log_warn("w");
	log_info("i");
	log_debug("d");
	log_open(LOG_DEBUG, LOG_JSON, "stderr");
	log_warn("j");
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino + 1);
	setenv("JOURNAL_STREAM", stream, 1);
	log_open(LOG_DEBUG, LOG_CONSOLE, "stderr");
	log_error("elsewhere");
	restore_stderr(box);
	text_of(box, box->path);
	assert_ptr_equal(strstr(box->text, "<3>e\n<4>w\n<6>i\n<7>d\n<4>{\"time\":"), box->text);
	assert_non_null(strstr(box->text, "\"}\ndevourer: error: elsewhere\n"));
}

/* Something written to a terminal that `fd` is the master of. */
static const char *read_terminal(struct sandbox *box, int fd)
{
	ssize_t len = read(fd, box->text, sizeof(box->text) - 1);

	assert_true(len > 0);
	box->text[len] = 0;
	return box->text;
}

static void the_level_has_a_colour_on_a_terminal_unless_no_color_is_set(void **state)
{
	struct sandbox *box = *state;
	int master = posix_openpt(O_RDWR | O_NOCTTY);

	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	stderr_becomes(box, open(ptsname(master), O_RDWR | O_NOCTTY));
	log_open(LOG_INFO, LOG_CONSOLE, "stderr");
	log_error("x");
	assert_string_equal(read_terminal(box, master), "devourer: \033[31merror\033[0m: x\r\n");
	setenv("NO_COLOR", "1", 1);
	log_open(LOG_INFO, LOG_CONSOLE, "stderr");
	log_error("x");
	assert_string_equal(read_terminal(box, master), "devourer: error: x\r\n");
	setenv("NO_COLOR", "", 1);
	setenv("TERM", "dumb", 1);
	log_open(LOG_INFO, LOG_CONSOLE, "stderr");
	log_error("x");
	assert_string_equal(read_terminal(box, master), "devourer: error: x\r\n");
	restore_stderr(box);
	close(master);
}

static void errno_is_left_alone(void **state)
{
	struct sandbox *box = *state;

	stderr_becomes(box, open("/dev/full", O_WRONLY));
	errno = EXDEV;
	log_error("no room for this");
	assert_int_equal(errno, EXDEV);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(before_log_open_lines_go_to_stderr_at_level_info),
		TEST(a_level_hides_what_is_less_important),
		TEST(octets_outside_printable_ascii_are_escaped),
		TEST(a_json_line_is_valid_for_every_octet_and_says_the_same),
		TEST(a_long_message_is_cut_and_stays_one_valid_line),
		TEST(a_log_file_is_private_appended_to_and_has_the_time),
		TEST(a_log_file_that_is_a_link_is_refused_and_lines_stay_on_stderr),
		TEST(after_reopen_lines_go_to_the_new_file_of_the_name),
		TEST(when_reopen_fails_lines_go_on_in_the_old_file),
		TEST(a_stream_to_the_journal_gets_priorities_instead_of_names),
		TEST(the_level_has_a_colour_on_a_terminal_unless_no_color_is_set),
		TEST(errno_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
