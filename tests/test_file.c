/* SPDX-License-Identifier: Apache-2.0 */
/* test_file.c - what is opened, what is refused, and that nothing is overwritten. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "../user/base/file.h"
#include "../user/base/log.h"

#define PATH_SIZE 128

struct sandbox {
	char dir[32], log[PATH_SIZE], path[PATH_SIZE], text[8192];
};

static char *in(const struct sandbox *box, const char *name, char out[PATH_SIZE])
{
	snprintf(out, PATH_SIZE, "%s/%s", box->dir, name);
	return out;
}

/* Log lines go to a file, so that a test can look for the reason of a refusal. */
static int set_up(void **state)
{
	struct sandbox *box = calloc(1, sizeof(*box));

	strcpy(box->dir, "/tmp/test_file.XXXXXX");
	assert_non_null(mkdtemp(box->dir));
	in(box, "log", box->log);
	in(box, "out", box->path);
	assert_int_equal(log_open(LOG_DEBUG, LOG_CONSOLE, box->log), 0);
	*state = box;
	return 0;
}

static int tear_down(void **state)
{
	struct sandbox *box = *state;
	char command[PATH_SIZE];

	log_close();
	snprintf(command, sizeof(command), "rm -rf %s", box->dir);
	assert_int_equal(system(command), 0);
	free(box);
	return 0;
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

static void make(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	fchmod(fd, mode);
	close(fd);
}

/* Opens and closes; the result of file_append. */
static int try_append(const char *path, const char *text)
{
	struct file_place *place;
	size_t done;
	int fd = -1, err = file_place_open(&place, "test file", path);

	if (err)
		return err;
	err = file_append(place, &fd);
	if (!err) {
		assert_int_equal(file_write(fd, text, strlen(text), &done), 0);
		assert_int_equal(done, strlen(text));
		close(fd);
	}
	file_place_close(place);
	return err;
}

static void a_new_file_has_mode_0600_whatever_the_umask(void **state)
{
	static const mode_t umasks[] = { 0, 022, 077, 0777 };
	struct sandbox *box = *state;
	struct stat st;

	for (size_t i = 0; i < sizeof(umasks) / sizeof(umasks[0]); i++) {
		mode_t before = umask(umasks[i]);

		assert_int_equal(try_append(box->path, "x\n"), 0);
		umask(before);
		assert_int_equal(stat(box->path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		unlink(box->path);
	}
}

static void an_existing_file_is_appended_to_and_keeps_its_mode(void **state)
{
	struct sandbox *box = *state;
	struct stat st;

	make(box->path, "first\n", 0640);
	assert_int_equal(try_append(box->path, "second\n"), 0);
	assert_string_equal(text_of(box, box->path), "first\nsecond\n");
	assert_int_equal(stat(box->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

enum planted { SYMLINK, DANGLING, HARD_LINK, FIFO, DIRECTORY, SLASH, NO_DIRECTORY, SOCKET_OR_DEVICE };

static void plant(const struct sandbox *box, enum planted kind, char path[PATH_SIZE])
{
	char victim[PATH_SIZE];

	make(in(box, "victim", victim), "precious\n", 0644);
	strcpy(path, box->path);
	unlink(path);
	rmdir(path);
	switch (kind) {
	case SYMLINK: assert_int_equal(symlink(victim, path), 0); break;
	case DANGLING: assert_int_equal(symlink("nowhere", path), 0); break;
	case HARD_LINK: assert_int_equal(link(victim, path), 0); break;
	case FIFO: assert_int_equal(mkfifo(path, 0600), 0); break;
	case DIRECTORY: assert_int_equal(mkdir(path, 0700), 0); break;
	case SLASH: in(box, "", path); break;
	case NO_DIRECTORY: in(box, "missing/out", path); break;
	case SOCKET_OR_DEVICE: strcpy(path, "/dev/null"); break;
	}
}

static void what_is_not_our_own_regular_file_is_refused_with_the_reason(void **state)
{
	static const struct { enum planted kind; int err; const char *reason; } rows[] = {
		{ SYMLINK, -ELOOP, "is a symbolic link" }, { DANGLING, -ELOOP, "is a symbolic link" },
		{ HARD_LINK, -EMLINK, "has another hard link" }, { FIFO, -EINVAL, "is a FIFO" },
		{ DIRECTORY, -EISDIR, "is a directory" }, { SLASH, -EISDIR, "is a directory" },
		{ NO_DIRECTORY, -ENOENT, "missing/: No such file or directory" },
		{ SOCKET_OR_DEVICE, -EINVAL, "is a device or a socket" },
	};
	struct sandbox *box = *state;
	char path[PATH_SIZE], victim[PATH_SIZE], expected[2 * PATH_SIZE];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(truncate(box->log, 0), 0);
		plant(box, rows[i].kind, path);
		assert_int_equal(try_append(path, "ours\n"), rows[i].err);
		snprintf(expected, sizeof(expected), "error test file %s: ", path);
		assert_non_null(strstr(text_of(box, box->log), expected));
		assert_non_null(strstr(box->text, rows[i].reason));
		assert_ptr_equal(strchr(box->text, '\n'), box->text + strlen(box->text) - 1);    /* said once */
		assert_string_equal(text_of(box, in(box, "victim", victim)), "precious\n");
	}
}

#ifdef __linux__
/* Linux tells the reader of a FIFO of a hang-up only when a writer has been there. */
static void a_fifo_that_is_refused_was_not_opened(void **state)
{
	struct sandbox *box = *state;
	struct pollfd reader = { .events = POLLIN };

	assert_int_equal(mkfifo(box->path, 0600), 0);
	reader.fd = open(box->path, O_RDONLY | O_NONBLOCK);
	assert_int_equal(try_append(box->path, "ours\n"), -EINVAL);
	assert_int_equal(poll(&reader, 1, 0), 0);
	close(reader.fd);
}
#endif

static void a_name_that_leaves_no_room_for_a_suffix_is_refused_at_once(void **state)
{
	struct sandbox *box = *state;
	char path[400];

	snprintf(path, sizeof(path), "%s/%0230d", box->dir, 0);
	assert_int_equal(try_append(path, "x\n"), -ENAMETOOLONG);
	snprintf(path, sizeof(path), "%s/%0200d", box->dir, 0);
	assert_int_equal(try_append(path, "x\n"), 0);
}

static void a_file_of_the_current_directory_needs_no_slash(void **state)
{
	struct sandbox *box = *state;
	int here = open(".", O_RDONLY | O_DIRECTORY);

	assert_int_equal(chdir(box->dir), 0);
	assert_int_equal(try_append("plain", "x\n"), 0);
	assert_int_equal(access("plain", F_OK), 0);
	assert_int_equal(fchdir(here), 0);
	close(here);
}

static void the_place_stays_when_its_directory_is_renamed(void **state)
{
	struct sandbox *box = *state;
	char dir[PATH_SIZE], moved[PATH_SIZE], path[PATH_SIZE];
	struct file_place *place;
	int fd;

	assert_int_equal(mkdir(in(box, "dir", dir), 0700), 0);
	assert_int_equal(file_place_open(&place, "test file", in(box, "dir/out", path)), 0);
	assert_int_equal(rename(dir, in(box, "moved", moved)), 0);
	assert_int_equal(file_append(place, &fd), 0);
	close(fd);
	file_place_close(place);
	assert_int_equal(access(in(box, "moved/out", path), F_OK), 0);
}

static void a_file_set_aside_overwrites_nothing(void **state)
{
	struct sandbox *box = *state;
	struct file_place *place;
	char path[PATH_SIZE], text[32];
	int fd;

	make(in(box, "out.T", path), "older\n", 0600);
	assert_int_equal(file_place_open(&place, "test file", box->path), 0);
	for (int i = 1; i <= 3; i++) {
		snprintf(text, sizeof(text), "%d\n", i);
		make(box->path, text, 0600);
		assert_int_equal(file_append(place, &fd), 0);
		assert_int_equal(file_set_aside(place, fd, "T"), 0);
		close(fd);
		assert_int_equal(access(box->path, F_OK), -1);
		snprintf(path, sizeof(path), "%s/out.T.%d", box->dir, i);
		assert_string_equal(text_of(box, path), text);
	}
	assert_string_equal(text_of(box, in(box, "out.T", path)), "older\n");
	make(box->path, "4\n", 0600);
	assert_int_equal(file_append(place, &fd), 0);
	assert_int_equal(file_set_aside(place, fd, "U"), 0);
	close(fd);
	assert_string_equal(text_of(box, in(box, "out.U", path)), "4\n");
	file_place_close(place);
}

static void a_file_that_took_our_name_is_not_set_aside(void **state)
{
	struct sandbox *box = *state;
	struct file_place *place;
	char path[PATH_SIZE];
	int fd;

	assert_int_equal(file_place_open(&place, "test file", box->path), 0);
	assert_int_equal(file_append(place, &fd), 0);
	assert_int_equal(rename(box->path, in(box, "moved", path)), 0);
	make(box->path, "theirs\n", 0600);
	assert_int_equal(file_set_aside(place, fd, "T"), 0);
	assert_string_equal(text_of(box, box->path), "theirs\n");
	assert_int_equal(access(in(box, "out.T", path), F_OK), -1);
	close(fd);
	file_place_close(place);
}

/* A child reads `len` octets from the pipe, slowly; exits 0 when all came. */
static pid_t slow_reader(int fd, size_t len)
{
	pid_t pid = fork();
	char buffer[4096];

	if (pid)
		return pid;
	while (len) {
		ssize_t n = read(fd, buffer, sizeof(buffer));

		if (n <= 0)
			_exit(1);
		len -= (size_t)n;
		usleep(1000);
	}
	_exit(0);
}

static void a_write_goes_on_after_a_full_pipe(void **state)
{
	static char octets[300000];
	int ends[2], status;
	size_t done;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
	pid = slow_reader(ends[0], sizeof(octets));
	assert_int_equal(file_write(ends[1], octets, sizeof(octets), &done), 0);
	assert_int_equal(done, sizeof(octets));
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void a_write_to_a_pipe_without_a_reader_is_an_error_that_tells_how_much_went(void **state)
{
	int ends[2];
	size_t done = 77;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	assert_int_equal(file_write(ends[1], "x", 1, &done), -EPIPE);
	assert_int_equal(done, 0);
	close(ends[1]);
	signal(SIGPIPE, SIG_DFL);
}

static void only_the_end_of_a_regular_file_is_taken_back(void **state)
{
	struct sandbox *box = *state;
	int fd = open(box->path, O_RDWR | O_CREAT | O_APPEND, 0600), other, ends[2];
	size_t done;

	assert_int_equal(file_write(fd, "whole\npart", 10, &done), 0);
	assert_int_equal(file_unwrite(fd, 4), 0);
	assert_int_equal(file_write(fd, "next\n", 5, &done), 0);
	assert_string_equal(text_of(box, box->path), "whole\nnext\n");
	assert_int_equal(file_write(fd, "part", 4, &done), 0);
	other = open(box->path, O_WRONLY | O_APPEND);
	assert_int_equal(file_write(other, "theirs\n", 7, &done), 0);
	assert_int_equal(file_unwrite(fd, 4), -ESPIPE);
	assert_string_equal(text_of(box, box->path), "whole\nnext\nparttheirs\n");
	assert_int_equal(file_unwrite(other, 100), -ESPIPE);
	close(other);
	close(fd);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(file_write(ends[1], "part", 4, &done), 0);
	assert_int_equal(file_unwrite(ends[1], 4), -ESPIPE);
	close(ends[0]);
	close(ends[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_file_has_mode_0600_whatever_the_umask),
		TEST(an_existing_file_is_appended_to_and_keeps_its_mode),
		TEST(what_is_not_our_own_regular_file_is_refused_with_the_reason),
#ifdef __linux__
		TEST(a_fifo_that_is_refused_was_not_opened),
#endif
		TEST(a_name_that_leaves_no_room_for_a_suffix_is_refused_at_once),
		TEST(a_file_of_the_current_directory_needs_no_slash),
		TEST(the_place_stays_when_its_directory_is_renamed),
		TEST(a_file_set_aside_overwrites_nothing),
		TEST(a_file_that_took_our_name_is_not_set_aside),
		TEST(a_write_goes_on_after_a_full_pipe),
		TEST(a_write_to_a_pipe_without_a_reader_is_an_error_that_tells_how_much_went),
		TEST(only_the_end_of_a_regular_file_is_taken_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
