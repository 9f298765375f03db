/* SPDX-License-Identifier: Apache-2.0 */
/* spool.h - records on disk: written once by the meter, read and acknowledged by one shipper for each output.
 *
 * DIR holds segments NNNNNNNNNNNNNNNN.seg (hexadecimal, from 1), one cursor.OUTPUT for each output, and `lock`. A segment is a
 * header and frames; a frame is one batch of records, JSON lines, cut when it is written and never cut again. Every record that
 * was put has a sequence number, also one that had no room, so a jump of the sequence is a loss and its frame says the reason.
 * A frame's header is written after its lines, so a reader beside the writer never sees half of one.
 */
#ifndef DEVOURER_SPOOL_H
#define DEVOURER_SPOOL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPOOL_OUTPUTS_MAX 8
#define SPOOL_OUTPUT_NAME_MAX 32                  /* octets of an output's name, with the NUL */
#define SPOOL_STATE_SIZE 160                      /* octets that a shipper keeps with its cursor */
#define SPOOL_BATCH_ROWS 500
#define SPOOL_BATCH_OCTETS (4u << 20)
#define SPOOL_BATCH_NS 1000000000ull              /* a batch is closed this long after its first record */

/* ---- the writer: one for a folder ---- */

enum spool_policy { SPOOL_DROP_OLDEST, SPOOL_DROP_NEWEST, SPOOL_BLOCK };

struct spool_options {
	const char *dir;                          /* made with mode 0700 when missing, its parents too */
	const char *const *outputs;               /* names, lent; a segment goes when all of them have acknowledged it */
	size_t output_count;
	uint64_t max_octets;                      /* of the segments on disk, at least two segments */
	uint32_t segment_octets;                  /* preallocated */
	uint32_t batch_rows, batch_octets;
	uint64_t sync_interval_ns;                /* between two fdatasync(2); 0: after each batch */
	uint64_t memory_octets;                   /* batches that wait in memory while the disk takes none */
	uint32_t free_percent;                    /* of the file system that stays free for others */
	enum spool_policy policy;
};

/* put = sequence - begun_at; what is not waiting in memory or dropped is on disk. All in records. */
struct spool_stats {
	uint64_t put;                             /* since spool_open() */
	uint64_t written;                         /* in frames that are on disk */
	uint64_t dropped_full;                    /* newest ones, for want of room */
	uint64_t dropped_disk;                    /* the disk failed and memory was full */
	uint64_t dropped_oldest;                  /* of the written ones (and those of earlier writers): deleted before all outputs had them */
	uint64_t waiting;                         /* in the open batch and in memory */
	uint64_t octets;                          /* of the segments on disk */
	uint64_t segments;
	uint64_t damaged_octets;                  /* that recovery cut or skipped */
	bool is_degraded;                         /* the disk takes nothing now */
};

struct spool;

/* Take the folder (one owner: -EBUSY when another process has it), recover what is there, begin a new segment. An output without a
 * cursor begins at the next record. 0 or -errno, logged with the path. `now_ns` here and below is monotonic. */
int spool_open(struct spool **out, const struct spool_options *options, uint64_t now_ns);

/* One line with its newline; lent. 0; -EAGAIN: policy block and no room, nothing was taken, try again after spool_tick(). A line that is
 * dropped is counted and is 0. */
int spool_put(struct spool *spool, const char *line, size_t len, uint64_t now_ns);

/* Some ten times a second, or after each second: closes an old batch, syncs, tries a failed disk again (every 30 s), lets go of
 * segments that all outputs acknowledged. 0 or -errno of the disk, logged once when it fails and once when it works again. */
int spool_tick(struct spool *spool, uint64_t now_ns);

/* Close the open batch, write what waits, sync. 0 or -errno; what could not be written waits on. */
int spool_flush(struct spool *spool, uint64_t now_ns);

void spool_stats(const struct spool *spool, struct spool_stats *out);

/* Records that `output` has not acknowledged, those in memory included. */
uint64_t spool_unshipped(struct spool *spool, const char *output);

/* Flushes; what still waits in memory is lost and counted by the last spool_stats() before. NULL is fine. */
void spool_close(struct spool *spool, uint64_t now_ns);

/* In a child that was forked with the spool open: let go of memory and descriptors, write nothing. Else the child would hold the lock on when
 * the parent dies. NULL is fine. */
void spool_abandon(struct spool *spool);

/* ---- a reader: one for each output ---- */

struct spool_position {
	uint64_t segment;                         /* 0: the oldest there is */
	uint64_t offset;                          /* octets from the start of the segment, of a frame */
	uint64_t sequence;                        /* of the first record there */
};

/* Records of one output since its cursor was made. The identity at every moment:
 * at.sequence - begun_at = delivered + dead + dropped_full + dropped_damaged.
 * dropped_full is what the writer dropped on purpose, for want of room on disk or in memory; the rest that is missing is damage. */
struct spool_counts {
	uint64_t delivered, dead;                 /* dead: in the dead-letter file */
	uint64_t dropped_full, dropped_damaged;
	uint64_t retried;                         /* records sent again */
	uint64_t duplicates_possible;             /* lost answers, once for each record that may have been stored by them */
	uint64_t requests;
};

struct spool_cursor {
	uint64_t begun_at;                        /* sequence when the cursor was made */
	struct spool_position at;                 /* the first record that is not acknowledged */
	struct spool_counts counts;
	uint8_t state[SPOOL_STATE_SIZE];          /* the output's own: job and attempt, stream and offset */
};

struct spool_batch {
	struct spool_position at, next;           /* of this frame, and behind it */
	char *lines;                              /* `len` octets, `rows` lines */
	size_t len;
	uint32_t rows;
	uint64_t lost_full, lost_damaged;         /* records missing between the reader's last batch and this one */
};

struct spool_reader;

/* -ENOENT: no spool or no cursor of this output; -EBUSY: another shipper has it. 0 or -errno, logged. The reader stands at the cursor. */
int spool_reader_open(struct spool_reader **out, const char *dir, const char *output);
void spool_reader_close(struct spool_reader *reader); /* NULL is fine */

/* The next batch: 1 (spool_batch_free() it), 0 when there is none yet, or -errno, logged. Damage is skipped and counted in the next
 * one; when nothing follows yet, it is a batch without rows, to be passed like any other. */
int spool_reader_next(struct spool_reader *reader, struct spool_batch *out);
void spool_batch_free(struct spool_batch *batch);

/* Go back to the cursor: what was read and not acknowledged comes again, the same octets. */
void spool_reader_rewind(struct spool_reader *reader);

/* The cursor as it was last stored. */
const struct spool_cursor *spool_reader_cursor(const struct spool_reader *reader);

/* Store a new one: written to the older of two slots and synced, so a crash leaves this one or the one before. 0 or -errno, logged. */
int spool_reader_store(struct spool_reader *reader, const struct spool_cursor *cursor);

/* Records written and not acknowledged (an estimate while the writer writes), and wall-clock age in ns of the oldest batch, 0 when none. */
void spool_reader_backlog(struct spool_reader *reader, uint64_t wall_ns, uint64_t *records, uint64_t *oldest_ns);

/* `cursor` goes behind the batch, of which so many records were delivered and so many went to the dead-letter file; what was lost before it is
 * counted too. For a batch without rows both are 0. */
void spool_cursor_pass(struct spool_cursor *cursor, const struct spool_batch *batch, uint64_t delivered, uint64_t dead);

/* The identity of the spool, made with it: part of job ids. */
void spool_reader_uuid(const struct spool_reader *reader, uint8_t out[16]);

/* ---- a look from outside: takes no lock, changes nothing ---- */

struct spool_look {
	uint64_t segments, octets, records, frames, damaged_octets;
	uint64_t next_sequence;
	bool has_writer;                          /* somebody holds the lock */
	size_t output_count;
	struct { char name[SPOOL_OUTPUT_NAME_MAX]; struct spool_cursor cursor; bool has_shipper; } outputs[SPOOL_OUTPUTS_MAX];
};

/* The cursor of one output, as it was last stored. 0 or -errno, not logged. */
int spool_look_cursor(struct spool_cursor *out, const char *dir, const char *output);

/* 0 or -errno, logged; -ENOENT: no spool there. */
int spool_look(struct spool_look *out, const char *dir);
#endif
