/* SPDX-License-Identifier: Apache-2.0 */
/* file.c - opening, renaming and writing files that other users may try to exchange. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "file.h"
#include "log.h"

#define SUFFIX_MAX 32                             /* octets kept free in a name for .SUFFIX.N */
#define SET_ASIDE_TRIES 100000u

struct file_place {
	int dir_fd;
	char *what, *path;
	const char *name;                         /* the last part of `path` */
	char last_suffix[SUFFIX_MAX];             /* so that many files of one second are not counted through */
	unsigned last_number;
};

static int fail(const struct file_place *place, int err, const char *why)
{
	log_error("%s %s: %s", place->what, place->path, why);
	return err;
}

static int open_directory(struct file_place *place)
{
	size_t dir_len = (size_t)(place->name - place->path);
	char *dir = dir_len ? strndup(place->path, dir_len) : strdup(".");
	int err = 0;

	if (!dir)
		return -ENOMEM;
	place->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (place->dir_fd < 0) {
		err = -errno;
		log_error("%s %s: directory %s: %s", place->what, place->path, dir, strerror(-err));
	}
	free(dir);
	return err;
}

int file_place_open(struct file_place **out, const char *what, const char *path)
{
	struct file_place *place = calloc(1, sizeof(*place));
	const char *slash;
	int err = -ENOMEM;

	if (!place)
		return err;
	place->dir_fd = -1;
	place->what = strdup(what);
	place->path = strdup(path);
	if (!place->what || !place->path)
		goto fail;
	slash = strrchr(place->path, '/');
	place->name = slash ? slash + 1 : place->path;
	err = open_directory(place);
	if (err)
		goto fail;
	if (!*place->name)
		err = fail(place, -EISDIR, "is a directory");
	else if (strlen(place->name) > NAME_MAX - SUFFIX_MAX)
		err = fail(place, -ENAMETOOLONG, strerror(ENAMETOOLONG));
	if (err)
		goto fail;
	*out = place;
	return 0;
fail:
	file_place_close(place);
	return err;
}

void file_place_close(struct file_place *place)
{
	if (!place)
		return;
	if (place->dir_fd >= 0)
		close(place->dir_fd);
	free(place->what);
	free(place->path);
	free(place);
}

/* Only a regular file with no other name is ours to write: through another name we would write somebody else's. */
static int check_kind(const struct file_place *place, const struct stat *st)
{
	if (S_ISLNK(st->st_mode))
		return fail(place, -ELOOP, "is a symbolic link, which is not followed");
	if (S_ISDIR(st->st_mode))
		return fail(place, -EISDIR, "is a directory");
	if (S_ISFIFO(st->st_mode))
		return fail(place, -EINVAL, "is a FIFO, not a file; a pipe is written by way of stdout");
	if (!S_ISREG(st->st_mode))
		return fail(place, -EINVAL, "is a device or a socket, not a file");
	if (st->st_nlink != 1)
		return fail(place, -EMLINK, "has another hard link, or was just deleted");
	return 0;
}

/* Looks first, since opening a device or a FIFO can already do something; O_NONBLOCK for one put there in between. */
static int open_existing(const struct file_place *place, int *out_fd)
{
	struct stat st;
	int err;

	if (fstatat(place->dir_fd, place->name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? -ENOENT : fail(place, -errno, strerror(errno));
	err = check_kind(place, &st);
	if (err)
		return err;
	*out_fd = openat(place->dir_fd, place->name,
			 O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (*out_fd < 0)
		return errno == ENOENT ? -ENOENT : fail(place, -errno, strerror(errno));
	err = fstat(*out_fd, &st) ? fail(place, -errno, strerror(errno)) : check_kind(place, &st);
	if (err)
		close(*out_fd);
	return err;
}

/* O_EXCL follows no link and tells that the file is new, so the mode is ours to set against any umask. */
static int make_new(const struct file_place *place, int *out_fd)
{
	int err;

	*out_fd = openat(place->dir_fd, place->name, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (*out_fd < 0)
		return errno == EEXIST ? -EEXIST : fail(place, -errno, strerror(errno));
	if (!fchmod(*out_fd, 0600))
		return 0;
	err = fail(place, -errno, strerror(errno));
	close(*out_fd);
	return err;
}

/* A second round is for a file that came or went between the two steps. */
int file_append(const struct file_place *place, int *out_fd)
{
	int err = -ENOENT;

	for (int round = 0; round < 2; round++) {
		err = open_existing(place, out_fd);
		if (err != -ENOENT)
			return err;
		err = make_new(place, out_fd);
		if (err != -EEXIST)
			return err;
	}
	return fail(place, err, "comes and goes while it is opened");
}

static bool has_our_name(const struct file_place *place, int fd)
{
	struct stat ours, named;

	return !fstat(fd, &ours) && !fstatat(place->dir_fd, place->name, &named, AT_SYMLINK_NOFOLLOW) &&
	       ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

/* An empty file holds the free name until the rename takes it over: rename(2) alone would overwrite a file that
 * came in between, and link(2) is missing on some file systems. */
static int reserve(struct file_place *place, const char *suffix, char *name, size_t size)
{
	int fd = -1;

	if (strcmp(suffix, place->last_suffix)) {
		snprintf(place->last_suffix, sizeof(place->last_suffix), "%s", suffix);
		place->last_number = 0;
	}
	for (unsigned tries = 0; fd < 0 && tries < SET_ASIDE_TRIES; tries++) {
		if (place->last_number)
			snprintf(name, size, "%s.%s.%u", place->name, suffix, place->last_number);
		else
			snprintf(name, size, "%s.%s", place->name, suffix);
		fd = openat(place->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0 && errno != EEXIST)
			break;
		place->last_number++;
	}
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

int file_set_aside(struct file_place *place, int fd, const char *suffix)
{
	char name[NAME_MAX + 1];
	int err;

	if (!has_our_name(place, fd))
		return 0;
	err = reserve(place, suffix, name, sizeof(name));
	if (!err && renameat(place->dir_fd, place->name, place->dir_fd, name)) {
		err = -errno;
		unlinkat(place->dir_fd, name, 0);
	}
	if (err)
		log_error("%s %s: rename to %s: %s", place->what, place->path, name, strerror(-err));
	return err;
}

static int wait_writable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };

	return poll(&poll_fd, 1, -1) < 0 && errno != EINTR ? -errno : 0;
}

int file_write(int fd, const void *octets, size_t len, size_t *done)
{
	int err = 0;

	for (*done = 0; !err && *done < len;) {
		ssize_t n = write(fd, (const char *)octets + *done, len - *done);

		if (n > 0)
			*done += (size_t)n;
		else if (n == 0)
			err = -EIO;                               /* says nothing and takes nothing */
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			err = wait_writable(fd);
		else if (errno != EINTR)
			err = -errno;
	}
	return err;
}

int file_unwrite(int fd, size_t len)
{
	off_t end = lseek(fd, 0, SEEK_CUR);
	struct stat st;

	if (end < (off_t)len || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size != end)
		return -ESPIPE;
	end -= (off_t)len;
	return ftruncate(fd, end) || lseek(fd, end, SEEK_SET) < 0 ? -errno : 0;
}
