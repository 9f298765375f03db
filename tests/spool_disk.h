/* SPDX-License-Identifier: Apache-2.0 */
/* spool_disk.h - a disk in memory for the spool: processes that die at a chosen call, and power cuts.
 *
 * Every file has its octets as processes see them, and as they are on the disk. A write reaches the disk when it is synced, or before, in
 * pieces of 512 octets, by chance; so do names. A cut leaves what is on the disk and any of the rest.
 */
#ifndef SPOOL_DISK_H
#define SPOOL_DISK_H
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "../user/ship/spool_io.h"

#define DISK_FILES 160
#ifndef DISK_FILE_SIZE
#define DISK_FILE_SIZE 8192u
#endif
#define DISK_SECTOR 512u
#define DISK_HANDLES 64
#define DISK_FOLDER 1000

struct disk_file {
	char name[48];
	uint8_t *now, *safe;                      /* DISK_FILE_SIZE each */
	size_t now_size, safe_size;
	bool is_named, is_name_safe;              /* for processes, and on the disk */
};

struct disk_process;

struct disk {
	struct disk_file files[DISK_FILES];
	int file_count;
	struct { int file; const struct disk_process *owner; bool is_locked; } handles[DISK_HANDLES]; /* owner NULL: free */
	uint64_t random;
	unsigned writeback;                       /* of 256: how probably a piece reaches the disk at once */
	bool is_out_of_space;
	uint64_t cuts;
};

struct disk_process {
	struct disk *disk;
	uint64_t calls, dies_at;                  /* dies_at 0: never */
	bool is_dead;
	struct spool_io io;
};

static inline uint64_t disk_random(struct disk *disk)
{
	disk->random ^= disk->random << 13;               /* xorshift64 */
	disk->random ^= disk->random >> 7;
	disk->random ^= disk->random << 17;
	return disk->random * 0x2545f4914f6cdd1dull >> 32;
}

static inline bool disk_chance(struct disk *disk, unsigned of_256)
{
	return (disk_random(disk) & 255) < of_256;
}

/* True: the process is dead, and the call does nothing. `*is_last` is set for the call in which it dies. */
static inline bool disk_is_dead(struct disk_process *process, bool *is_last)
{
	*is_last = false;
	if (process->is_dead)
		return true;
	process->calls++;
	if (process->calls != process->dies_at)
		return false;
	process->is_dead = *is_last = true;
	return true;
}

static inline struct disk_file *disk_find(struct disk *disk, const char *name)
{
	for (int i = 0; i < disk->file_count; i++) {
		if (disk->files[i].is_named && !strcmp(disk->files[i].name, name))
			return &disk->files[i];
	}
	return NULL;
}

static inline struct disk_file *disk_file_of(struct disk_process *process, int fd)
{
	assert(fd >= 0 && fd < DISK_HANDLES && process->disk->handles[fd].owner == process);
	return &process->disk->files[process->disk->handles[fd].file];
}

static inline struct disk_file *disk_new_file(struct disk *disk, const char *name)
{
	struct disk_file *file = &disk->files[disk->file_count++];

	assert(disk->file_count <= DISK_FILES);
	*file = (struct disk_file){ .is_named = true, .now = calloc(2, DISK_FILE_SIZE) };
	assert(file->now);
	file->safe = file->now + DISK_FILE_SIZE;
	strcpy(file->name, name);
	return file;
}

/* ---- the calls ---- */

static inline int disk_open_folder(void *ctx, const char *path, bool make)
{
	bool is_last;

	(void)path;
	(void)make;
	return disk_is_dead(ctx, &is_last) ? -EIO : DISK_FOLDER;
}

static inline int disk_open(void *ctx, int folder, const char *name, int flags)
{
	struct disk_process *process = ctx;
	struct disk *disk = process->disk;
	struct disk_file *file = disk_find(disk, name);
	bool is_last, is_dead = disk_is_dead(process, &is_last);
	int fd = 0;

	assert(folder == DISK_FOLDER);
	if (is_dead && (!is_last || !(flags & O_CREAT)))
		return -EIO;
	if (file && (flags & O_EXCL))
		return -EEXIST;
	if (!file) {
		if (!(flags & O_CREAT))
			return -ENOENT;
		file = disk_new_file(disk, name);
		file->is_name_safe = disk_chance(disk, disk->writeback);
	}
	if (is_dead)
		return -EIO;
	while (disk->handles[fd].owner)
		fd++;
	assert(fd < DISK_HANDLES);
	disk->handles[fd].file = (int)(file - disk->files);
	disk->handles[fd].owner = process;
	disk->handles[fd].is_locked = false;
	return fd;
}

static inline void disk_close(void *ctx, int fd)
{
	struct disk_process *process = ctx;

	if (fd != DISK_FOLDER)
		process->disk->handles[fd].owner = NULL;
}

static inline int disk_lock(void *ctx, int fd)
{
	struct disk_process *process = ctx;
	struct disk *disk = process->disk;
	bool is_last;

	if (disk_is_dead(process, &is_last))
		return -EIO;
	for (int i = 0; i < DISK_HANDLES; i++) {
		if (disk->handles[i].owner && i != fd && disk->handles[i].is_locked && disk->handles[i].file == disk->handles[fd].file)
			return -EBUSY;
	}
	disk->handles[fd].is_locked = true;
	return 0;
}

static inline ssize_t disk_read(void *ctx, int fd, void *to, size_t len, uint64_t offset)
{
	struct disk_file *file;
	bool is_last;

	if (disk_is_dead(ctx, &is_last))
		return -ENODEV;                           /* EIO would be taken for damage */
	file = disk_file_of(ctx, fd);
	if (offset >= file->now_size)
		return 0;
	if (len > file->now_size - offset)
		len = file->now_size - offset;
	memcpy(to, file->now + offset, len);
	return (ssize_t)len;
}

static inline void disk_resize(struct disk *disk, struct disk_file *file, size_t size)
{
	assert(size <= DISK_FILE_SIZE);
	if (size < file->now_size)
		memset(file->now + size, 0, file->now_size - size);
	file->now_size = size;
	if (disk_chance(disk, disk->writeback)) {
		if (size < file->safe_size)
			memset(file->safe + size, 0, file->safe_size - size);
		file->safe_size = size;
	}
}

static inline int disk_write(void *ctx, int fd, const void *from, size_t len, uint64_t offset)
{
	struct disk_process *process = ctx;
	struct disk *disk = process->disk;
	struct disk_file *file;
	bool is_last;

	if (disk_is_dead(process, &is_last)) {
		if (!is_last)
			return -EIO;
		len = disk_random(disk) % (len + 1);      /* killed in the middle of it */
	}
	file = disk_file_of(process, fd);
	if (offset + len > file->now_size)
		disk_resize(disk, file, offset + len);
	memcpy(file->now + offset, from, len);
	for (size_t at = offset; at < offset + len; at = (at / DISK_SECTOR + 1) * DISK_SECTOR) {
		size_t sector = at / DISK_SECTOR * DISK_SECTOR;

		if (disk_chance(disk, disk->writeback) && sector < file->safe_size)
			memcpy(file->safe + sector, file->now + sector, DISK_SECTOR);
	}
	return is_last ? -EIO : 0;
}

static inline int disk_allocate(void *ctx, int fd, uint64_t octets)
{
	struct disk_process *process = ctx;
	bool is_last;

	if (disk_is_dead(process, &is_last) && !is_last)
		return -EIO;
	if (process->disk->is_out_of_space)
		return -ENOSPC;
	disk_resize(process->disk, disk_file_of(process, fd), octets);
	return is_last ? -EIO : 0;
}

static inline int disk_cut(void *ctx, int fd, uint64_t octets)
{
	struct disk_process *process = ctx;
	bool is_last;

	if (disk_is_dead(process, &is_last) && !is_last)
		return -EIO;
	disk_resize(process->disk, disk_file_of(process, fd), octets);
	return is_last ? -EIO : 0;
}

static inline int disk_sync(void *ctx, int fd)
{
	struct disk_process *process = ctx;
	struct disk_file *file;
	bool is_last;

	if (disk_is_dead(process, &is_last))
		return -EIO;
	file = disk_file_of(process, fd);
	memcpy(file->safe, file->now, DISK_FILE_SIZE);
	file->safe_size = file->now_size;
	return 0;
}

static inline int disk_sync_folder(void *ctx, int folder)
{
	struct disk_process *process = ctx;
	bool is_last;

	assert(folder == DISK_FOLDER);
	if (disk_is_dead(process, &is_last))
		return -EIO;
	for (int i = 0; i < process->disk->file_count; i++)
		process->disk->files[i].is_name_safe = process->disk->files[i].is_named;
	return 0;
}

static inline int disk_remove(void *ctx, int folder, const char *name)
{
	struct disk_process *process = ctx;
	struct disk_file *file = disk_find(process->disk, name);
	bool is_last;

	assert(folder == DISK_FOLDER);
	if (disk_is_dead(process, &is_last) && !is_last)
		return -EIO;
	if (!file)
		return -ENOENT;
	file->is_named = false;
	if (disk_chance(process->disk, process->disk->writeback))
		file->is_name_safe = false;
	return is_last ? -EIO : 0;
}

static inline int disk_size(void *ctx, int fd, uint64_t *octets)
{
	bool is_last;

	if (disk_is_dead(ctx, &is_last))
		return -EIO;
	*octets = disk_file_of(ctx, fd)->now_size;
	return 0;
}

static inline int disk_list(void *ctx, int folder, void (*each)(void *arg, const char *name), void *arg)
{
	struct disk_process *process = ctx;
	bool is_last;

	assert(folder == DISK_FOLDER);
	if (disk_is_dead(process, &is_last))
		return -EIO;
	for (int i = process->disk->file_count; i-- > 0;) {
		if (process->disk->files[i].is_named)
			each(arg, process->disk->files[i].name);
	}
	return 0;
}

static inline int disk_space(void *ctx, int folder, uint64_t *free_octets, uint64_t *all_octets)
{
	bool is_last;

	(void)folder;
	*free_octets = *all_octets = 1ull << 40;
	return disk_is_dead(ctx, &is_last) ? -EIO : 0;
}

static inline uint64_t disk_wall_ns(void *ctx)
{
	return 1700000000000000000ull + ((struct disk_process *)ctx)->calls;
}

/* ---- processes and the plug ---- */

static inline void disk_process_start(struct disk_process *process, struct disk *disk)
{
	for (int i = 0; i < DISK_HANDLES; i++) {
		if (disk->handles[i].owner == process)
			disk->handles[i].owner = NULL;
	}
	*process = (struct disk_process){ .disk = disk, .io = {
		.ctx = process, .open_folder = disk_open_folder, .open = disk_open, .close = disk_close, .lock = disk_lock,
		.read = disk_read, .write = disk_write, .allocate = disk_allocate, .cut = disk_cut, .sync = disk_sync,
		.sync_folder = disk_sync_folder, .remove = disk_remove, .size = disk_size, .list = disk_list, .space = disk_space,
		.wall_ns = disk_wall_ns,
	} };
}

static inline void disk_cut_file(struct disk *disk, struct disk_file *file, unsigned luck)
{
	if (file->now_size != file->safe_size && disk_chance(disk, luck))
		file->safe_size = file->now_size;
	for (size_t at = 0; at < file->safe_size; at += DISK_SECTOR) {
		if (memcmp(file->now + at, file->safe + at, DISK_SECTOR) && disk_chance(disk, luck))
			memcpy(file->safe + at, file->now + at, DISK_SECTOR);
	}
	memset(file->safe + file->safe_size, 0, DISK_FILE_SIZE - file->safe_size);
	memcpy(file->now, file->safe, DISK_FILE_SIZE);
	file->now_size = file->safe_size;
	if (file->is_named != file->is_name_safe && disk_chance(disk, luck))
		file->is_name_safe = file->is_named;
	file->is_named = file->is_name_safe;
}

/* No process may be running. Each piece that was not synced reached the disk with `luck` of 256. */
static inline void disk_power_cut(struct disk *disk, unsigned luck)
{
	for (int i = 0; i < disk->file_count; i++)
		disk_cut_file(disk, &disk->files[i], luck);
	disk->cuts++;
}

/* `to` becomes as `from` was, files and all; no process may be running. */
static inline void disk_copy(struct disk *to, const struct disk *from)
{
	for (int i = 0; i < to->file_count; i++)
		free(to->files[i].now);
	*to = *from;
	for (int i = 0; i < to->file_count; i++) {
		to->files[i].now = malloc(2 * DISK_FILE_SIZE);
		assert(to->files[i].now);
		memcpy(to->files[i].now, from->files[i].now, 2 * DISK_FILE_SIZE);
		to->files[i].safe = to->files[i].now + DISK_FILE_SIZE;
	}
}

static inline void disk_free(struct disk *disk)
{
	for (int i = 0; i < disk->file_count; i++)
		free(disk->files[i].now);
}
#endif
