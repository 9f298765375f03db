/* SPDX-License-Identifier: Apache-2.0 */
/* spool_reader.c - hands out batches from the cursor on, beside a writer or without one, and stores the cursor. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../base/log.h"
#include "../base/random.h"
#include "spool_cursor.h"
#include "spool_folder.h"
#include "spool_segment.h"

struct spool_reader {
	struct spool_folder folder;
	char output[SPOOL_OUTPUT_NAME_MAX];
	int lock_fd, cursor_fd;
	struct spool_slot slot;                   /* as it was last stored */
	struct spool_segment segment;             /* that `at` is in, when it is open */
	struct spool_position at;                 /* of what comes next */
	uint64_t lost_full, lost_damaged;         /* since the last batch */
	uint64_t dead_until;                      /* segments up to this one had no writer when we came, and never get one again */
	struct spool_position tail;               /* how far spool_reader_backlog() has looked ahead */
};

static int fail(const struct spool_reader *reader, const char *what, int err)
{
	log_error("spool %s, output %s: %s: %s", reader->folder.path, reader->output, what,
		  err == -EPROTONOSUPPORT ? "written by another version" : err == -EBUSY ? "another shipper has it" : strerror(-err));
	return err;
}

/* ---- from segment to segment ---- */

/* The sequence goes on at `sequence`; what is missing up to there was deleted for want of room, or is damage. */
static void pass_gap(struct spool_reader *reader, uint64_t sequence, bool was_deleted)
{
	if (sequence <= reader->at.sequence)
		return;
	*(was_deleted ? &reader->lost_full : &reader->lost_damaged) += sequence - reader->at.sequence;
	reader->at.sequence = sequence;
}

/* At the start of a segment its header says where the sequence is. Without a good one the first frame does. The writer makes room from the
 * oldest on: what we passed over it deleted if nothing older is left. */
static int enter_segment(struct spool_reader *reader, uint64_t number)
{
	struct spool_header header;
	uint64_t oldest = 0;
	int err = spool_header_read(&reader->segment, &header);

	if (!err && number > reader->at.segment)
		err = spool_folder_next(&reader->folder, 1, &oldest);
	if (!err)
		pass_gap(reader, header.first_sequence, oldest == number);
	reader->at.segment = number;
	reader->at.offset = SPOOL_HEADER_SIZE;
	return err == -EBADMSG ? 0 : err;
}

/* 1: open; 0: there is none yet; -errno. A segment may go between the look and the opening. */
static int open_segment(struct spool_reader *reader)
{
	uint64_t number;
	int err;

	do {
		err = spool_folder_next(&reader->folder, reader->at.segment, &number);
		if (err || !number)
			return err;
		err = spool_segment_open(&reader->segment, reader->folder.io, reader->folder.fd, number);
	} while (err == -ENOENT);
	if (err)
		return err;
	if (number != reader->at.segment || reader->at.offset <= SPOOL_HEADER_SIZE)
		err = enter_segment(reader, number);
	if (err)
		spool_segment_close(&reader->segment);
	return err ? err : 1;
}

static void leave_segment(struct spool_reader *reader)
{
	spool_segment_close(&reader->segment);
	reader->at.segment++;
	reader->at.offset = SPOOL_HEADER_SIZE;
}

/* 1: nothing is added to this segment any more; 0 or -errno. */
static int is_finished(const struct spool_reader *reader)
{
	uint64_t newer;
	int err = spool_folder_next(&reader->folder, reader->at.segment + 1, &newer);

	return err ? err : newer || reader->at.segment <= reader->dead_until;
}

/* The next frame of this segment: 1, 0, -errno. A finished one is searched again from here: the writer may have added to it just before. */
static int find_frame(struct spool_reader *reader, struct spool_frame *frame, char **lines, bool *is_last)
{
	int found = spool_frame_read(&reader->segment, reader->at.offset, frame, lines), finished;

	*is_last = false;
	if (found == 1 || (found < 0 && found != -EBADMSG))
		return found;
	finished = is_finished(reader);
	if (finished < 0 || (!finished && !found))
		return finished;
	*is_last = finished;
	return spool_frame_find(&reader->segment, reader->at.offset, !finished, frame, lines);
}

/* ---- batches ---- */

/* False: an empty frame, or one that lies before the cursor. */
static bool take_frame(struct spool_reader *reader, const struct spool_frame *frame)
{
	uint64_t gap;

	reader->at.offset = spool_frame_end(frame);
	if (frame->sequence < reader->at.sequence)
		return false;
	gap = frame->sequence - reader->at.sequence;
	if (gap > frame->dropped) {
		reader->lost_damaged += gap - frame->dropped;
		gap = frame->dropped;
	}
	reader->lost_full += gap;
	reader->at.sequence = frame->sequence + frame->rows;
	return frame->rows > 0;
}

static int hand_out(struct spool_reader *reader, struct spool_batch *out)
{
	out->next = reader->at;
	out->lost_full = reader->lost_full;
	out->lost_damaged = reader->lost_damaged;
	reader->lost_full = reader->lost_damaged = 0;
	return 1;
}

int spool_reader_next(struct spool_reader *reader, struct spool_batch *out)
{
	struct spool_frame frame;
	char *lines = NULL;
	bool is_last = false;
	int found;

	*out = (struct spool_batch){ .rows = 0 };
	for (;;) {
		found = reader->segment.fd >= 0 ? 1 : open_segment(reader);
		if (found == 1)
			found = find_frame(reader, &frame, &lines, &is_last);
		if (found == 1 && take_frame(reader, &frame))
			break;
		free(lines);
		lines = NULL;
		if (found == 1)
			continue;
		if (found < 0)
			return fail(reader, "read", found);
		if (reader->segment.fd < 0 || !is_last) {
			out->at = reader->at;
			return reader->lost_full || reader->lost_damaged ? hand_out(reader, out) : 0;
		}
		leave_segment(reader);
	}
	out->at = (struct spool_position){ reader->at.segment, frame.offset, frame.sequence };
	out->lines = lines;
	out->len = frame.len;
	out->rows = frame.rows;
	return hand_out(reader, out);
}

void spool_batch_free(struct spool_batch *batch)
{
	free(batch->lines);
	*batch = (struct spool_batch){ .rows = 0 };
}

void spool_reader_rewind(struct spool_reader *reader)
{
	spool_segment_close(&reader->segment);
	reader->at = reader->slot.cursor.at;
	reader->lost_full = reader->lost_damaged = 0;
}

/* ---- cursor ---- */

const struct spool_cursor *spool_reader_cursor(const struct spool_reader *reader)
{
	return &reader->slot.cursor;
}

int spool_reader_store(struct spool_reader *reader, const struct spool_cursor *cursor)
{
	int err = spool_slot_store(reader->folder.io, reader->cursor_fd, &reader->slot, cursor);

	return err ? fail(reader, "cursor", err) : 0;
}

void spool_reader_uuid(const struct spool_reader *reader, uint8_t out[16])
{
	memcpy(out, reader->slot.uuid, 16);
}

/* ---- backlog ---- */

/* A look at the frame at `at`, or where there is none any more, at the first one of the next segment. */
static bool peek(struct spool_reader *reader, struct spool_position *at, struct spool_frame *frame)
{
	struct spool_segment segment;
	uint64_t number;
	bool is_there = false;

	for (int round = 0; round < 2 && !is_there; round++) {
		if (spool_folder_next(&reader->folder, at->segment + (unsigned)round, &number) || !number)
			return false;
		if (spool_segment_open(&segment, reader->folder.io, reader->folder.fd, number))
			return false;
		if (number != at->segment)
			*at = (struct spool_position){ number, SPOOL_HEADER_SIZE, at->sequence };
		is_there = spool_frame_peek(&segment, at->offset, frame) == 1;
		spool_segment_close(&segment);
	}
	return is_there;
}

static int newest_segment(const struct spool_folder *folder, uint64_t *out)
{
	struct spool_listing listing;
	int err = spool_folder_list(folder, &listing);

	*out = err || !listing.count ? 0 : listing.numbers[listing.count - 1];
	spool_listing_free(&listing);
	return err;
}

/* Goes on through the headers of the newest segment; what is damaged there hides the rest. */
static void look_ahead(struct spool_reader *reader)
{
	struct spool_position *tail = &reader->tail;
	struct spool_segment segment;
	struct spool_frame frame;
	uint64_t newest;

	if (newest_segment(&reader->folder, &newest) || !newest)
		return;
	if (spool_segment_open(&segment, reader->folder.io, reader->folder.fd, newest))
		return;
	if (newest != tail->segment) {
		uint64_t first;

		if (!spool_first_sequence(&segment, &first))
			*tail = (struct spool_position){ newest, SPOOL_HEADER_SIZE, first };
	}
	while (newest == tail->segment && spool_frame_peek(&segment, tail->offset, &frame) == 1 && frame.sequence >= tail->sequence) {
		tail->offset = spool_frame_end(&frame);
		tail->sequence = frame.sequence + frame.rows;
	}
	spool_segment_close(&segment);
}

void spool_reader_backlog(struct spool_reader *reader, uint64_t wall_ns, uint64_t *records, uint64_t *oldest_ns)
{
	struct spool_position at = reader->slot.cursor.at;
	struct spool_frame frame;

	look_ahead(reader);
	*records = reader->tail.sequence > at.sequence ? reader->tail.sequence - at.sequence : 0;
	*oldest_ns = 0;
	if (*records && peek(reader, &at, &frame) && wall_ns > frame.wall_ns)
		*oldest_ns = wall_ns - frame.wall_ns;
}

/* ---- open and close ---- */

static int find_uuid(const struct spool_folder *folder, const struct spool_listing *listing, uint8_t out[16])
{
	for (size_t i = listing->count; i-- > 0;) {
		struct spool_segment segment;
		struct spool_header header;
		int err = spool_segment_open(&segment, folder->io, folder->fd, listing->numbers[i]);

		if (!err)
			err = spool_header_read(&segment, &header);
		spool_segment_close(&segment);
		if (!err) {
			memcpy(out, header.uuid, 16);
			return 0;
		}
	}
	return random_fill(out, 16);
}

/* Rather twice than lost. */
static int begin_at_oldest(struct spool_reader *reader)
{
	struct spool_cursor cursor = { .begun_at = 0 };
	struct spool_listing listing;
	int err = spool_folder_list(&reader->folder, &listing);

	log_warn("spool %s: cursor.%s is damaged; all that the spool holds is sent again", reader->folder.path, reader->output);
	reader->slot = (struct spool_slot){ .generation = 0 };
	if (!err)
		err = spool_cursor_oldest(&cursor, &reader->folder, &listing);
	if (!err)
		err = find_uuid(&reader->folder, &listing, reader->slot.uuid);
	spool_listing_free(&listing);
	return err ? err : spool_slot_store(reader->folder.io, reader->cursor_fd, &reader->slot, &cursor);
}

static int open_cursor(struct spool_reader *reader)
{
	const struct spool_io *io = reader->folder.io;
	char name[SPOOL_NAME_SIZE];
	int err;

	spool_name(name, "cursor", reader->output);
	reader->cursor_fd = io->open(io->ctx, reader->folder.fd, name, O_RDWR);
	if (reader->cursor_fd < 0)
		return fail(reader, "cursor", reader->cursor_fd);
	spool_name(name, "lock", reader->output);
	reader->lock_fd = spool_folder_lock(&reader->folder, name);
	if (reader->lock_fd < 0)
		return fail(reader, "lock", reader->lock_fd);
	err = spool_slot_load(&reader->folder, reader->output, &reader->slot);
	if (err == -EBADMSG)
		err = begin_at_oldest(reader);
	/* Who made the file may have been killed before its name was synced. */
	if (!err)
		err = io->sync_folder(io->ctx, reader->folder.fd);
	return err ? fail(reader, "cursor", err) : 0;
}

/* Every writer begins a segment of its own: what is there while nobody writes stays as it is. */
static int look_for_writer(struct spool_reader *reader)
{
	int err = newest_segment(&reader->folder, &reader->dead_until);

	if (err)
		return fail(reader, "list", err);
	if (spool_folder_is_locked(&reader->folder, "lock"))
		reader->dead_until = 0;
	return 0;
}

int spool_reader_open_on(struct spool_reader **out, const struct spool_io *io, const char *dir, const char *output)
{
	struct spool_reader *reader;
	int err;

	if (!spool_is_output(output)) {
		log_error("spool %s: no output can be called %s", dir, output);
		return -EINVAL;
	}
	reader = calloc(1, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	reader->lock_fd = reader->cursor_fd = reader->segment.fd = -1;
	snprintf(reader->output, sizeof(reader->output), "%s", output);
	err = spool_folder_open(&reader->folder, io, dir, false);
	if (err) {
		log_error("spool %s: %s", dir, strerror(-err));
		goto fail;
	}
	err = open_cursor(reader);
	if (!err)
		err = look_for_writer(reader);
	if (err)
		goto fail;
	spool_reader_rewind(reader);
	*out = reader;
	return 0;
fail:
	spool_reader_close(reader);
	return err;
}

int spool_reader_open(struct spool_reader **out, const char *dir, const char *output)
{
	return spool_reader_open_on(out, &spool_io_system, dir, output);
}

void spool_reader_close(struct spool_reader *reader)
{
	const struct spool_io *io;

	if (!reader)
		return;
	io = reader->folder.io;
	spool_segment_close(&reader->segment);
	if (reader->cursor_fd >= 0)
		io->close(io->ctx, reader->cursor_fd);
	if (reader->lock_fd >= 0)
		io->close(io->ctx, reader->lock_fd);
	spool_folder_close(&reader->folder);
	free(reader);
}
