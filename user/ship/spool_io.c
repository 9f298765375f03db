/* SPDX-License-Identifier: Apache-2.0 */
/* spool_io.c - the spool's calls to the real operating system. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "../base/time.h"
#include "spool_io.h"

static int sync_names(int folder)
{
	/* Some file systems cannot sync a folder and say EINVAL; there is nothing else to do there. */
	return fsync(folder) && errno != EINVAL ? -errno : 0;
}

/* A new folder's name is in its parent. */
static void sync_parent(char *path)
{
	char *slash = strrchr(path, '/');
	int fd;

	if (slash && slash != path)
		*slash = 0;
	fd = open(!slash ? "." : slash == path ? "/" : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (slash && slash != path)
		*slash = '/';
	if (fd < 0)
		return;
	(void)sync_names(fd);
	close(fd);
}

static int make_folder(char *path)
{
	if (mkdir(path, 0700))
		return errno == EEXIST ? 0 : -errno;
	sync_parent(path);
	return 0;
}

/* A parent that cannot be made shows in the last one. */
static int make_folders(const char *path)
{
	char *copy = *path ? strdup(path) : NULL;
	int err;

	if (!copy)
		return *path ? -ENOMEM : -ENOENT;
	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		(void)make_folder(copy);
		*slash = '/';
	}
	err = make_folder(copy);
	free(copy);
	return err;
}

static int system_open_folder(void *ctx, const char *path, bool make)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, fd = open(path, flags), err;

	(void)ctx;
	if (fd < 0 && errno == ENOENT && make) {
		err = make_folders(path);
		if (err)
			return err;
		fd = open(path, flags);
	}
	return fd < 0 ? -errno : fd;
}

/* O_NONBLOCK: a FIFO that somebody put there does not hold us up. */
static int system_open(void *ctx, int folder, const char *name, int flags)
{
	int fd = openat(folder, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);

	(void)ctx;
	return fd < 0 ? -errno : fd;
}

static void system_close(void *ctx, int fd)
{
	(void)ctx;
	close(fd);
}

static int system_lock(void *ctx, int fd)
{
	(void)ctx;
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return 0;
	return errno == EWOULDBLOCK ? -EBUSY : -errno;
}

static ssize_t system_read(void *ctx, int fd, void *to, size_t len, uint64_t offset)
{
	size_t done = 0;

	(void)ctx;
	while (done < len) {
		ssize_t n = pread(fd, (char *)to + done, len - done, (off_t)(offset + done));

		if (n == 0)
			break;
		if (n > 0)
			done += (size_t)n;
		else if (errno != EINTR)
			return -errno;
	}
	return (ssize_t)done;
}

static int system_write(void *ctx, int fd, const void *from, size_t len, uint64_t offset)
{
	size_t done = 0;

	(void)ctx;
	while (done < len) {
		ssize_t n = pwrite(fd, (const char *)from + done, len - done, (off_t)(offset + done));

		if (n == 0)
			return -EIO;                      /* says nothing and takes nothing */
		if (n > 0)
			done += (size_t)n;
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

static int system_cut(void *ctx, int fd, uint64_t octets)
{
	(void)ctx;
	return ftruncate(fd, (off_t)octets) ? -errno : 0;
}

static int system_allocate(void *ctx, int fd, uint64_t octets)
{
#ifndef __APPLE__
	int err;

	do
		err = posix_fallocate(fd, 0, (off_t)octets);
	while (err == EINTR);
	if (err != EOPNOTSUPP && err != EINVAL && err != ENODEV)
		return -err;
#endif
	return system_cut(ctx, fd, octets);
}

static int system_sync(void *ctx, int fd)
{
	(void)ctx;
#ifdef __APPLE__
	if (!fcntl(fd, F_FULLFSYNC))                      /* fsync(2) there leaves it in the drive's cache */
		return 0;
	return fsync(fd) ? -errno : 0;
#else
	return fdatasync(fd) ? -errno : 0;
#endif
}

static int system_sync_folder(void *ctx, int folder)
{
	(void)ctx;
	return sync_names(folder);
}

static int system_remove(void *ctx, int folder, const char *name)
{
	(void)ctx;
	return unlinkat(folder, name, 0) ? -errno : 0;
}

static int system_size(void *ctx, int fd, uint64_t *octets)
{
	struct stat st;

	(void)ctx;
	if (fstat(fd, &st))
		return -errno;
	*octets = (uint64_t)st.st_size;
	return S_ISREG(st.st_mode) ? 0 : -EINVAL;
}

static int system_list(void *ctx, int folder, void (*each)(void *arg, const char *name), void *arg)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	(void)ctx;
	if (!dir) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	for (errno = 0; (entry = readdir(dir)); errno = 0)
		each(arg, entry->d_name);
	err = -errno;
	closedir(dir);
	return err;
}

static int system_space(void *ctx, int folder, uint64_t *free_octets, uint64_t *all_octets)
{
	struct statvfs st;

	(void)ctx;
	if (fstatvfs(folder, &st))
		return -errno;
	*free_octets = (uint64_t)st.f_bavail * st.f_frsize;
	*all_octets = (uint64_t)st.f_blocks * st.f_frsize;
	return 0;
}

static uint64_t system_wall_ns(void *ctx)
{
	(void)ctx;
	return time_wall_ns();
}

const struct spool_io spool_io_system = {
	.open_folder = system_open_folder,
	.open = system_open,
	.close = system_close,
	.lock = system_lock,
	.read = system_read,
	.write = system_write,
	.allocate = system_allocate,
	.cut = system_cut,
	.sync = system_sync,
	.sync_folder = system_sync_folder,
	.remove = system_remove,
	.size = system_size,
	.list = system_list,
	.space = system_space,
	.wall_ns = system_wall_ns,
};
