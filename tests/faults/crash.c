/* SPDX-License-Identifier: Apache-2.0 */
/* crash.c - a library for LD_PRELOAD (Linux) that ends a process in the middle of its work, makes its disk fail, or shifts its clock.
 *
 * Counted are the calls that change something outside: write, pwrite, fsync, unlink, rename, open with O_CREAT, fallocate, ftruncate,
 * send and their kin, but not those to standard streams. What is asked for comes in environment variables:
 *
 *	CRASH_COUNTS=FILE   of two 64-bit numbers: calls of the process that was started, and of all its children
 *	CRASH_AT=N          SIGKILL instead of call N; when N is odd and it writes, after the first half of it
 *	CRASH_ROLE=0|1      whose call N: of the first process, or of its children
 *	FAULT_ERRNO=N       calls that need a disk fail with this number,
 *	FAULT_WHILE=FILE    while this file is there,
 *	FAULT_UNDER=TEXT    if the path has this in it
 *	CLOCK_SHIFT_S=N     the wall clock is wrong by N seconds
 *
 * Counts are shared by all processes, so call N comes once, however often a child is started again.
 */
#undef _FORTIFY_SOURCE                            /* its inline functions have the same names */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FIRST "CRASH_FIRST"                       /* process id of the first process, for those that are started by exec(2) */

static struct {
	_Atomic uint64_t *counts;
	uint64_t crash_at;
	pid_t first;
	int role, fault;
	long shift_s;
	const char *fault_while, *fault_under;
} setting;

static long number(const char *name)
{
	const char *text = getenv(name);

	return text ? strtol(text, NULL, 10) : 0;
}

static _Atomic uint64_t *map_counts(const char *path)
{
	int fd = path ? REAL(open)(path, O_RDWR | O_CLOEXEC) : -1;
	void *map = MAP_FAILED;

	if (fd >= 0)
		map = mmap(NULL, 2 * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	return map == MAP_FAILED ? NULL : map;
}

__attribute__((constructor)) static void read_settings(void)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv(FIRST, pid, 0);
	setting.first = (pid_t)number(FIRST);
	setting.crash_at = (uint64_t)number("CRASH_AT");
	setting.role = (int)number("CRASH_ROLE");
	setting.fault = (int)number("FAULT_ERRNO");
	setting.shift_s = number("CLOCK_SHIFT_S");
	setting.fault_while = getenv("FAULT_WHILE");
	setting.fault_under = getenv("FAULT_UNDER");
	setting.counts = map_counts(getenv("CRASH_COUNTS"));
}

/* Counts the call. True: it is the one to end at. */
static bool is_the_end(void)
{
	int role = getpid() != setting.first;

	if (!setting.counts)
		return false;
	return atomic_fetch_add(&setting.counts[role], 1) + 1 == setting.crash_at && role == setting.role;
}

static void end(void)
{
	kill(getpid(), SIGKILL);
}

/* Does the disk fail now, for what lies at `path`? */
static bool fails_at(const char *path)
{
	return setting.fault && (!setting.fault_while || !access(setting.fault_while, F_OK)) &&
	       (!setting.fault_under || strstr(path, setting.fault_under));
}

static bool fails(int fd)
{
	char link[32], path[PATH_MAX];
	ssize_t len;

	if (!setting.fault)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len <= 0 || path[0] != '/')                   /* a socket or a pipe */
		return false;
	path[len] = 0;
	return fails_at(path);
}

/* Before a call on `fd` that is not a write. True: it fails, errno is set. */
static bool stopped(int fd)
{
	if (fd <= 2)
		return false;
	if (is_the_end())
		end();
	if (!fails(fd))
		return false;
	errno = setting.fault;
	return true;
}

static bool stopped_at(const char *path)
{
	if (is_the_end())
		end();
	if (!fails_at(path))
		return false;
	errno = setting.fault;
	return true;
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the headers' names are reserved ones. */

/* ---- what writes ---- */

ssize_t write(int fd, const void *octets, size_t len)
{
	if (fd > 2 && is_the_end()) {
		if (setting.crash_at % 2)
			(void)!REAL(write)(fd, octets, len / 2);
		end();
	}
	if (fd > 2 && fails(fd)) {
		errno = setting.fault;
		return -1;
	}
	return REAL(write)(fd, octets, len);
}

ssize_t pwrite(int fd, const void *octets, size_t len, off_t at)
{
	if (is_the_end()) {
		if (setting.crash_at % 2)
			(void)!REAL(pwrite)(fd, octets, len / 2, at);
		end();
	}
	if (fails(fd)) {
		errno = setting.fault;
		return -1;
	}
	return REAL(pwrite)(fd, octets, len, at);
}

ssize_t pwrite64(int fd, const void *octets, size_t len, off64_t at)
{
	return pwrite(fd, octets, len, at);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	return stopped(fd) ? -1 : REAL(writev)(fd, parts, count);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
	return stopped(fd) ? -1 : REAL(pwritev)(fd, parts, count, at);
}

ssize_t send(int fd, const void *octets, size_t len, int flags)
{
	return stopped(fd) ? -1 : REAL(send)(fd, octets, len, flags);
}

ssize_t sendto(int fd, const void *octets, size_t len, int flags, const struct sockaddr *to, socklen_t to_len)
{
	return stopped(fd) ? -1 : REAL(sendto)(fd, octets, len, flags, to, to_len);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	return stopped(fd) ? -1 : REAL(sendmsg)(fd, message, flags);
}

/* ---- what makes it last, and what makes and removes files ---- */

int fsync(int fd)
{
	return stopped(fd) ? -1 : REAL(fsync)(fd);
}

int fdatasync(int fd)
{
	return stopped(fd) ? -1 : REAL(fdatasync)(fd);
}

int ftruncate(int fd, off_t len)
{
	return stopped(fd) ? -1 : REAL(ftruncate)(fd, len);
}

int ftruncate64(int fd, off64_t len)
{
	return ftruncate(fd, len);
}

int fallocate(int fd, int mode, off_t at, off_t len)
{
	return stopped(fd) ? -1 : REAL(fallocate)(fd, mode, at, len);
}

int fallocate64(int fd, int mode, off64_t at, off64_t len)
{
	return fallocate(fd, mode, at, len);
}

/* It returns its error number. */
int posix_fallocate(int fd, off_t at, off_t len)
{
	return stopped(fd) ? errno : REAL(posix_fallocate)(fd, at, len);
}

int posix_fallocate64(int fd, off64_t at, off64_t len)
{
	return posix_fallocate(fd, at, len);
}

int unlink(const char *path)
{
	return stopped_at(path) ? -1 : REAL(unlink)(path);
}

int unlinkat(int dir, const char *path, int flags)
{
	if (is_the_end())
		end();
	return REAL(unlinkat)(dir, path, flags);
}

int rename(const char *from, const char *to)
{
	return stopped_at(to) ? -1 : REAL(rename)(from, to);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return stopped(to_dir) ? -1 : REAL(renameat)(from_dir, from, to_dir, to);
}

/* The mode is there when a file may be made. */
static mode_t mode_of(int flags, va_list list)
{
	return flags & (O_CREAT | __O_TMPFILE) ? va_arg(list, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
	va_list list;
	mode_t mode;

	va_start(list, flags);
	mode = mode_of(flags, list);
	va_end(list);
	return flags & O_CREAT && stopped_at(path) ? -1 : REAL(open)(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	va_list list;
	mode_t mode;

	va_start(list, flags);
	mode = mode_of(flags, list);
	va_end(list);
	return open(path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
	va_list list;
	mode_t mode;

	va_start(list, flags);
	mode = mode_of(flags, list);
	va_end(list);
	if (flags & O_CREAT && (dir > 2 ? stopped(dir) : stopped_at(path)))
		return -1;
	return REAL(openat)(dir, path, flags, mode);
}

int openat64(int dir, const char *path, int flags, ...)
{
	va_list list;
	mode_t mode;

	va_start(list, flags);
	mode = mode_of(flags, list);
	va_end(list);
	return openat(dir, path, flags, mode);
}

/* ---- clocks ---- */

int clock_gettime(clockid_t id, struct timespec *now)
{
	int result = REAL(clock_gettime)(id, now);

	if (!result && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		now->tv_sec += setting.shift_s;
	return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	int result = REAL(gettimeofday)(now, zone);

	if (!result)
		now->tv_sec += setting.shift_s;
	return result;
}

time_t time(time_t *out)
{
	time_t now = REAL(time)(NULL) + setting.shift_s;

	if (out)
		*out = now;
	return now;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
