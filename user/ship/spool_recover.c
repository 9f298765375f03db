/* SPDX-License-Identifier: Apache-2.0 */
/* spool_recover.c - opens a folder for writing: what an earlier writer left, and where its sequence goes on.
 *
 * Only the last segment is read; the others were synced when they were left. Frames are never added to a segment of an earlier
 * writer, and the sequence goes on behind every cursor: after a power cut an output may have acknowledged what the disk then lost,
 * and no new record may take such a number.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../base/log.h"
#include "../base/random.h"
#include "spool_cursor.h"
#include "spool_store.h"

static int fail(const struct spool_store *store, const char *what, int err)
{
	log_error("spool %s: %s: %s", store->folder.path, what, strerror(-err));
	return err;
}

static int fail_segment(const struct spool_store *store, uint64_t number, int err)
{
	log_error("spool %s: segment %016" PRIx64 ": %s", store->folder.path, number,
		  err == -EPROTONOSUPPORT ? "written by another version" : strerror(-err));
	return err;
}

/* ---- segments ---- */

#define UNKNOWN UINT64_MAX

static int look_at_segment(struct spool_store *store, uint64_t number, struct stored *out, bool *has_uuid)
{
	const struct spool_io *io = store->folder.io;
	struct spool_segment segment;
	struct spool_header header;
	int err = spool_segment_open(&segment, io, store->folder.fd, number);

	if (err)
		return err;
	*out = (struct stored){ .number = number };
	err = io->size(io->ctx, segment.fd, &out->octets);
	if (!err && !spool_header_read(&segment, &header)) {
		memcpy(store->uuid, header.uuid, sizeof(store->uuid));
		*has_uuid = true;
	}
	if (!err)
		err = spool_first_sequence(&segment, &out->first_sequence);
	if (err == -ENODATA) {
		out->first_sequence = UNKNOWN;
		err = 0;
	}
	spool_segment_close(&segment);
	return err;
}

static int look_at_segments(struct spool_store *store, const struct spool_listing *listing, bool *has_uuid)
{
	store->segments = calloc(listing->count + 1, sizeof(store->segments[0]));
	if (!store->segments)
		return -ENOMEM;
	store->room = listing->count + 1;
	for (size_t i = 0; i < listing->count; i++) {
		struct stored *entry = &store->segments[store->count];
		int err = look_at_segment(store, listing->numbers[i], entry, has_uuid);

		if (err)
			return fail_segment(store, listing->numbers[i], err);
		store->octets += entry->octets;
		store->count++;
	}
	return 0;
}

/* Reads the segment over damage to its end. `*end` is behind the last good frame, `*next` the sequence there. */
static int walk(struct spool_store *store, struct spool_segment *segment, uint64_t *end, uint64_t *next, bool *has_frames)
{
	uint64_t damaged = 0;
	struct spool_frame frame;
	char *lines;
	int found;

	*end = SPOOL_HEADER_SIZE;
	for (; (found = spool_frame_find(segment, *end, false, &frame, &lines)) == 1; *end = spool_frame_end(&frame)) {
		free(lines);
		damaged += frame.offset - *end;
		*has_frames = true;
		if (frame.sequence + frame.rows > *next)
			*next = frame.sequence + frame.rows;
	}
	damaged += spool_segment_rest(segment, *end);
	/* What cannot be read today may be read tomorrow, and would then have the numbers of other records. */
	if (!found && segment->had_error)
		found = -EIO;
	if (!found && damaged)
		log_warn("spool %s: segment %016" PRIx64 ": %" PRIu64 " damaged octets", store->folder.path, segment->number, damaged);
	store->damaged_octets += damaged;
	return found;
}

/* Gives back what the segment does not use, and makes sure of the rest. */
static void trim(struct spool_store *store, struct stored *entry, uint64_t end)
{
	const struct spool_io *io = store->folder.io;
	char name[SPOOL_SEGMENT_NAME_SIZE];
	int fd;

	spool_segment_name(name, entry->number);
	fd = io->open(io->ctx, store->folder.fd, name, O_RDWR);
	if (fd < 0)
		return;
	if (end < entry->octets && !io->cut(io->ctx, fd, end)) {
		store->octets -= entry->octets - end;
		entry->octets = end;
	}
	(void)io->sync(io->ctx, fd);
	io->close(io->ctx, fd);
}

/* A segment whose header is good says itself where it begins; one that was never finished says nothing, and the one before is asked. */
static int recover_tail(struct spool_store *store)
{
	for (size_t i = store->count; i-- > 0;) {
		struct stored *entry = &store->segments[i];
		struct spool_segment segment;
		struct spool_header header;
		bool is_known = false;
		uint64_t end = 0;
		int err = spool_segment_open(&segment, store->folder.io, store->folder.fd, entry->number);

		if (!err) {
			is_known = !spool_header_read(&segment, &header);
			if (is_known && header.first_sequence > store->told)
				store->told = header.first_sequence;
			err = walk(store, &segment, &end, &store->told, &is_known);
		}
		spool_segment_close(&segment);
		if (err)
			return fail_segment(store, entry->number, err);
		trim(store, entry, end);
		if (is_known)
			return 0;
	}
	return 0;
}

/* A segment without a good header and without a good frame holds nothing that anybody could read: it is as empty as one that was never
 * finished. */
static void settle_unknown(struct spool_store *store)
{
	uint64_t next = store->told;

	for (size_t i = store->count; i-- > 0; next = store->segments[i].first_sequence) {
		if (store->segments[i].first_sequence == UNKNOWN)
			store->segments[i].first_sequence = next;
	}
}

/* ---- cursors ---- */

static void heed_cursors(struct spool_store *store, const struct spool_listing *listing, bool *has_uuid)
{
	struct spool_slot slot;

	for (size_t i = 0; i < listing->output_count; i++) {
		if (spool_slot_load(&store->folder, listing->outputs[i], &slot))
			continue;
		if (slot.cursor.at.sequence > store->told)
			store->told = slot.cursor.at.sequence;
		if (slot.cursor.at.segment >= store->next_number)
			store->next_number = slot.cursor.at.segment + 1;
		if (!*has_uuid)
			memcpy(store->uuid, slot.uuid, sizeof(store->uuid));
		*has_uuid = true;
	}
}

static int make_cursor(struct spool_store *store, const char *output, const struct spool_cursor *cursor)
{
	struct spool_slot slot = { .generation = 0 };
	int err;

	memcpy(slot.uuid, store->uuid, sizeof(slot.uuid));
	err = spool_slot_create(&store->folder, output, &slot, cursor);
	if (err)
		log_error("spool %s: cursor.%s: %s", store->folder.path, output, strerror(-err));
	return err;
}

/* An output without a cursor begins at the next record; one whose cursor was destroyed begins at the oldest: rather twice than lost. */
static int check_cursor(struct spool_store *store, const char *output, const struct spool_listing *listing)
{
	struct spool_cursor cursor = { .begun_at = store->told, .at = { store->next_number, SPOOL_HEADER_SIZE, store->told } };
	struct spool_slot slot;
	int err = spool_slot_load(&store->folder, output, &slot);

	if (!err)
		return spool_slot_sync(&store->folder, output);
	if (err == -EBADMSG && listing->count) {
		log_warn("spool %s: cursor.%s is damaged; all that the spool holds is sent again", store->folder.path, output);
		err = spool_cursor_oldest(&cursor, &store->folder, listing);
		if (err)
			return fail(store, "oldest record", err);
	} else if (err != -ENOENT && err != -EBADMSG) {
		log_error("spool %s: cursor.%s: %s", store->folder.path, output,
			  err == -EPROTONOSUPPORT ? "written by another version" : strerror(-err));
		return err;
	}
	return make_cursor(store, output, &cursor);
}

/* ---- all of it ---- */

static int recover(struct spool_store *store, const struct spool_listing *listing)
{
	bool has_uuid = false;
	int err = look_at_segments(store, listing, &has_uuid);

	if (!err)
		err = recover_tail(store);
	if (err)
		return err;
	store->next_number = store->count ? store->segments[store->count - 1].number + 1 : 1;
	settle_unknown(store);
	heed_cursors(store, listing, &has_uuid);
	if (!has_uuid)
		err = random_fill(store->uuid, sizeof(store->uuid));
	for (size_t i = 0; !err && i < store->output_count; i++)
		err = check_cursor(store, store->outputs[i], listing);
	/* An earlier writer may have been killed before it synced the names. */
	return err ? err : store->folder.io->sync_folder(store->folder.io->ctx, store->folder.fd);
}

static int take_folder(struct spool_store *store, const struct spool_io *io, const char *dir)
{
	int err = spool_folder_open(&store->folder, io, dir, true);

	if (err) {
		log_error("spool %s: %s", dir, strerror(-err));
		return err;
	}
	store->lock_fd = spool_folder_lock(&store->folder, "lock");
	if (store->lock_fd == -EBUSY)
		log_error("spool %s: another process writes to it", dir);
	else if (store->lock_fd < 0)
		log_error("spool %s: lock: %s", dir, strerror(-store->lock_fd));
	return store->lock_fd < 0 ? store->lock_fd : 0;
}

int spool_store_open(struct spool_store *store, const struct spool_io *io, const struct spool_options *options)
{
	struct spool_listing listing;
	int err;

	*store = (struct spool_store){
		.folder = { .io = io, .fd = -1 }, .lock_fd = -1, .fd = -1, .output_count = options->output_count,
		.max_octets = options->max_octets, .segment_octets = options->segment_octets,
		.free_percent = options->free_percent, .policy = options->policy,
	};
	for (size_t i = 0; i < options->output_count; i++)
		snprintf(store->outputs[i], sizeof(store->outputs[i]), "%s", options->outputs[i]);
	err = take_folder(store, io, options->dir);
	if (err)
		goto fail;
	err = spool_folder_list(&store->folder, &listing);
	err = err ? fail(store, "list", err) : recover(store, &listing);
	spool_listing_free(&listing);
	if (err)
		goto fail;
	return 0;
fail:
	spool_store_close(store);
	return err;
}
