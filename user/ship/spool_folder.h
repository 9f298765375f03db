/* SPDX-License-Identifier: Apache-2.0 */
/* spool_folder.h - the folder of a spool: which segments and cursors are in it, and its locks. */
#ifndef DEVOURER_SPOOL_FOLDER_H
#define DEVOURER_SPOOL_FOLDER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "spool.h"
#include "spool_io.h"

#define SPOOL_NAME_SIZE (SPOOL_OUTPUT_NAME_MAX + 16)

struct spool_folder {
	const struct spool_io *io;
	int fd;                                   /* -1: not open */
	char *path;
};

struct spool_listing {
	uint64_t *numbers;                        /* of segments, rising */
	size_t count, room;
	char outputs[SPOOL_OUTPUTS_MAX][SPOOL_OUTPUT_NAME_MAX]; /* that have a cursor; no more than the first ones */
	size_t output_count;
	int err;
};

/* 0 or -errno, not logged. */
int spool_folder_open(struct spool_folder *out, const struct spool_io *io, const char *path, bool make);
void spool_folder_close(struct spool_folder *folder);            /* more than once is fine */

/* PREFIX.OUTPUT; OUTPUT has been checked. */
void spool_name(char name[SPOOL_NAME_SIZE], const char *prefix, const char *output);
/* Lower-case letters, digits, `-` and `_`. */
bool spool_is_output(const char *name);

/* 0 or -errno, not logged; spool_listing_free() it, whatever the result. */
int spool_folder_list(const struct spool_folder *folder, struct spool_listing *out);
void spool_listing_free(struct spool_listing *listing);

/* The lowest number of a segment from `number` on; 0: none. 0 or -errno. */
int spool_folder_next(const struct spool_folder *folder, uint64_t number, uint64_t *out);

/* The descriptor that holds the lock, -EBUSY, or -errno. Somebody who only looks holds it for a moment, so it is tried a while. */
int spool_folder_lock(const struct spool_folder *folder, const char *name);
/* Does somebody hold it? */
bool spool_folder_is_locked(const struct spool_folder *folder, const char *name);
#endif
