/* SPDX-License-Identifier: Apache-2.0 */
/* spool_cursor.h - the file cursor.OUTPUT: two slots, of which the newer good one counts.
 *
 * A slot has 512 octets, at 0 or 4096, so that one torn sector or block never hits both: magic[8] version(4) zero(4) generation(8) uuid[16]
 * begun_at(8) at: segment(8) offset(8) sequence(8), the seven counts (8 each), state[160], zeros, and in the last 4 octets zlib's CRC-32.
 */
#ifndef DEVOURER_SPOOL_CURSOR_H
#define DEVOURER_SPOOL_CURSOR_H
#include <stdint.h>
#include "spool.h"
#include "spool_folder.h"

#define SPOOL_SLOT_SIZE 512u
#define SPOOL_SLOT_STEP 4096u

struct spool_slot {
	uint64_t generation;                      /* the slot's place is its lowest bit */
	uint8_t uuid[16];                         /* of the spool */
	struct spool_cursor cursor;
};

/* The newer good slot. 0; -ENOENT: none was ever stored; -EBADMSG: none is good; -EPROTONOSUPPORT: of another version; -errno; not
 * logged. */
int spool_slot_load(const struct spool_folder *folder, const char *output, struct spool_slot *out);

/* The slot with the next generation into the other place, synced. `slot` is changed only when that worked. 0 or -errno, not logged. */
int spool_slot_store(const struct spool_io *io, int fd, struct spool_slot *slot, const struct spool_cursor *cursor);

/* A file with `cursor` in it, synced, name and all. 0 or -errno, not logged. */
int spool_slot_create(const struct spool_folder *folder, const char *output, struct spool_slot *slot, const struct spool_cursor *cursor);

/* What was stored by somebody who may be about to sync it is synced now. 0 or -errno, not logged. */
int spool_slot_sync(const struct spool_folder *folder, const char *output);

/* A cursor at the oldest record of the segments listed, for an output whose own was destroyed. 0 or -errno. */
int spool_cursor_oldest(struct spool_cursor *out, const struct spool_folder *folder, const struct spool_listing *listing);
#endif
