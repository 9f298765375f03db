/* SPDX-License-Identifier: Apache-2.0 */
/* spool_io.h - what the spool asks of the operating system, as a table, so that a test can stand in for disk, kill and power cut.
 *
 * Every call gives 0 (or what it says) or -errno and logs nothing. Descriptors are the table's own numbers.
 */
#ifndef DEVOURER_SPOOL_IO_H
#define DEVOURER_SPOOL_IO_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct spool;
struct spool_options;
struct spool_reader;

struct spool_io {
	void *ctx;
	int (*open_folder)(void *ctx, const char *path, bool make);     /* a descriptor; `make`: mode 0700, its parents too */
	/* A descriptor. `flags`: access mode, O_CREAT (mode 0600), O_EXCL; no symbolic link is followed, no child inherits it. */
	int (*open)(void *ctx, int folder, const char *name, int flags);
	void (*close)(void *ctx, int fd);
	int (*lock)(void *ctx, int fd);                                 /* exclusive, until it is closed; -EBUSY */
	ssize_t (*read)(void *ctx, int fd, void *to, size_t len, uint64_t offset); /* fewer than `len` only at the end */
	int (*write)(void *ctx, int fd, const void *from, size_t len, uint64_t offset); /* all of it */
	int (*allocate)(void *ctx, int fd, uint64_t octets);            /* zeros, with room promised where the file system can */
	int (*cut)(void *ctx, int fd, uint64_t octets);
	int (*sync)(void *ctx, int fd);                                 /* octets and size */
	int (*sync_folder)(void *ctx, int folder);                      /* names */
	int (*remove)(void *ctx, int folder, const char *name);
	int (*size)(void *ctx, int fd, uint64_t *octets);
	int (*list)(void *ctx, int folder, void (*each)(void *arg, const char *name), void *arg);
	int (*space)(void *ctx, int folder, uint64_t *free_octets, uint64_t *all_octets);
	uint64_t (*wall_ns)(void *ctx);
};

/* The real one. */
extern const struct spool_io spool_io_system;

/* As in spool.h, on another table, which is lent until the close. */
int spool_open_on(struct spool **out, const struct spool_io *io, const struct spool_options *options, uint64_t now_ns);
int spool_reader_open_on(struct spool_reader **out, const struct spool_io *io, const char *dir, const char *output);
#endif
