/* SPDX-License-Identifier: Apache-2.0 */
/* spool_segment.h - how a segment looks on disk: a header, then frames that begin at multiples of 8, then zeros.
 *
 * All numbers are little-endian; the checksums are zlib's CRC-32.
 * header, 64 octets: magic[8] version(4) zero(4) uuid[16] number(8) first_sequence(8) wall_ns(8) zero(4) crc(4) of all before
 * frame, 40 octets:  magic[4] crc(4) len(4) rows(4) sequence(8) dropped(8) wall_ns(8), then `len` octets of lines
 * A frame's checksum is over segment number and offset (8 octets each), the header behind the checksum, and the lines: a frame is good
 * in its own place only, and without the segment's header.
 */
#ifndef DEVOURER_SPOOL_SEGMENT_H
#define DEVOURER_SPOOL_SEGMENT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "spool_io.h"

#define SPOOL_HEADER_SIZE 64u
#define SPOOL_FRAME_SIZE 40u
#define SPOOL_FRAME_MAX (16u << 20)               /* octets of a frame's lines; bounds what a reader allocates */
#define SPOOL_SEGMENT_NAME_SIZE 24

struct spool_header {
	uint8_t uuid[16];
	uint64_t number;
	uint64_t first_sequence;                  /* behind the last record of the segment before */
	uint64_t wall_ns;                         /* when it was made */
};

struct spool_frame {
	uint64_t offset;
	uint64_t sequence;                        /* of the first record */
	uint64_t dropped;                         /* records that the writer dropped just before it */
	uint64_t wall_ns;                         /* when the first record was put */
	uint32_t len, rows;
};

/* A segment that is open for reading. */
struct spool_segment {
	const struct spool_io *io;
	int fd;                                   /* -1: none */
	uint64_t number;
	bool had_error;                           /* a part of it could not be read; it was taken for damage */
};

/* Of `len` octets of lines with their header and padding. */
static inline uint64_t spool_frame_octets(uint64_t len)
{
	return (SPOOL_FRAME_SIZE + len + 7) & ~7ull;
}

static inline uint64_t spool_frame_end(const struct spool_frame *frame)
{
	return frame->offset + spool_frame_octets(frame->len);
}

void spool_segment_name(char name[SPOOL_SEGMENT_NAME_SIZE], uint64_t number);
bool spool_segment_number(const char *name, uint64_t *number);

/* 0 or -errno, not logged. */
int spool_segment_open(struct spool_segment *out, const struct spool_io *io, int folder, uint64_t number);
void spool_segment_close(struct spool_segment *segment);         /* more than once is fine */

void spool_header_encode(uint8_t out[SPOOL_HEADER_SIZE], const struct spool_header *header);
/* 0, -EBADMSG: damaged, -EPROTONOSUPPORT: of another version, -errno. */
int spool_header_read(const struct spool_segment *segment, struct spool_header *out);

void spool_frame_encode(uint8_t out[SPOOL_FRAME_SIZE], const struct spool_frame *frame, uint64_t number, const char *lines);

/* The frame that begins at exactly `offset`. 1: whole, and `*lines` is the caller's to free; 0: nothing was written there; -EBADMSG:
 * damaged; -errno. */
int spool_frame_read(struct spool_segment *segment, uint64_t offset, struct spool_frame *out, char **lines);

/* The same without the lines and without the checksum, for a look ahead. */
int spool_frame_peek(struct spool_segment *segment, uint64_t offset, struct spool_frame *out);

/* The first whole frame at or behind `offset`: 1, 0 when there is none, or -errno. `is_growing`: behind a piece of zeros nothing
 * follows yet. */
int spool_frame_find(struct spool_segment *segment, uint64_t offset, bool is_growing, struct spool_frame *out, char **lines);

/* The sequence number that the segment begins with: of its header, else of its first good frame. 0, -ENODATA: neither, or -errno. */
int spool_first_sequence(struct spool_segment *segment, uint64_t *out);

/* How far something other than zeros goes behind `offset`, in octets. */
uint64_t spool_segment_rest(struct spool_segment *segment, uint64_t offset);
#endif
