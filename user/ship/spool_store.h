/* SPDX-License-Identifier: Apache-2.0 */
/* spool_store.h - the writer's side of the segments: recovery, appending frames, room, and letting go of what was acknowledged. */
#ifndef DEVOURER_SPOOL_STORE_H
#define DEVOURER_SPOOL_STORE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "spool.h"
#include "spool_folder.h"
#include "spool_segment.h"

struct stored {
	uint64_t number, first_sequence, octets;
};

struct spool_store {
	struct spool_folder folder;
	int lock_fd;                              /* -1: not ours */
	/* what was asked for */
	char outputs[SPOOL_OUTPUTS_MAX][SPOOL_OUTPUT_NAME_MAX];
	size_t output_count;
	uint64_t max_octets, segment_octets;
	uint32_t free_percent;
	enum spool_policy policy;
	/* what is there */
	uint8_t uuid[16];
	struct stored *segments;                  /* oldest first */
	size_t count, room;
	uint64_t octets;                          /* of all of them */
	uint64_t next_number;
	int fd;                                   /* of the last segment when it can take frames, else -1 */
	uint64_t used;                            /* octets of it */
	uint64_t told;                            /* sequence behind the last record that is in a frame, or that a frame calls dropped */
	bool is_dirty;                            /* there is something to sync */
	uint64_t damaged_octets;
	uint64_t dropped_oldest;                  /* records that were deleted before all outputs had them */
};

/* Take the folder, recover, make missing cursors. Makes no segment yet. 0 or -errno, logged. */
int spool_store_open(struct spool_store *store, const struct spool_io *io, const struct spool_options *options);
void spool_store_close(struct spool_store *store); /* syncs nothing; a store of zeros with fds of -1 is fine */

/* Begin a segment, if there is none to write to. 0, -EAGAIN: no room under the policy, or -errno; none of these calls logs. */
int spool_store_begin(struct spool_store *store);
/* One batch, never before `told`; what lies between is told as dropped. 0, -EAGAIN, -errno. `frame` needs sequence, wall_ns, len, rows. */
int spool_store_append(struct spool_store *store, struct spool_frame *frame, const char *lines);
/* Say that records up to before `sequence` were dropped, if that fits without a new segment. 0 or -errno. */
int spool_store_tell(struct spool_store *store, uint64_t sequence);
/* 0 or -errno. */
int spool_store_sync(struct spool_store *store);
/* Delete what all outputs have acknowledged. 0 or -errno. */
int spool_store_release(struct spool_store *store);
/* Records in frames that `output` has not acknowledged. */
uint64_t spool_store_unshipped(struct spool_store *store, const char *output);
#endif
