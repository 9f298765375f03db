/* SPDX-License-Identifier: Apache-2.0 */
/* spool_store.c - appends frames to the last segment, begins new ones within the bounds, and deletes old ones. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "spool_cursor.h"
#include "spool_store.h"

static const struct spool_io *io_of(const struct spool_store *store)
{
	return store->folder.io;
}

void spool_store_close(struct spool_store *store)
{
	const struct spool_io *io = store->folder.io;

	if (store->fd >= 0)
		io->close(io->ctx, store->fd);
	if (store->lock_fd >= 0)
		io->close(io->ctx, store->lock_fd);
	spool_folder_close(&store->folder);
	free(store->segments);
	store->segments = NULL;
	store->fd = store->lock_fd = -1;
}

/* ---- deleting ---- */

static int remove_segment(struct spool_store *store, size_t i)
{
	const struct spool_io *io = io_of(store);
	char name[SPOOL_SEGMENT_NAME_SIZE];
	int err;

	spool_segment_name(name, store->segments[i].number);
	err = io->remove(io->ctx, store->folder.fd, name);
	if (err && err != -ENOENT)
		return err;
	store->octets -= store->segments[i].octets;
	store->count--;
	memmove(&store->segments[i], &store->segments[i + 1], (store->count - i) * sizeof(store->segments[0]));
	return 0;
}

/* What all outputs have acknowledged lies before this. A cursor that cannot be read now holds everything. */
static uint64_t acknowledged(const struct spool_store *store)
{
	uint64_t lowest = UINT64_MAX;
	struct spool_slot slot;

	for (size_t i = 0; i < store->output_count; i++) {
		if (spool_slot_load(&store->folder, store->outputs[i], &slot))
			return 0;
		if (slot.cursor.at.sequence < lowest)
			lowest = slot.cursor.at.sequence;
	}
	return lowest;
}

/* The last segment stays: it keeps the identity of the spool, and the sequence. An empty one in between is of no use to anybody. */
static bool is_done(const struct spool_store *store, size_t i, uint64_t before)
{
	uint64_t end = store->segments[i + 1].first_sequence;

	return end <= before || end == store->segments[i].first_sequence;
}

int spool_store_release(struct spool_store *store)
{
	bool is_synced = false;
	uint64_t before;
	int err;

	if (store->count < 2)
		return 0;
	before = acknowledged(store);
	for (size_t i = 0; i + 1 < store->count;) {
		if (!is_done(store, i, before)) {
			i++;
			continue;
		}
		/* A cursor that we see may not be on the disk yet, and must not be older than the deletion after a power cut. */
		for (size_t k = 0; !is_synced && k < store->output_count; k++) {
			err = spool_slot_sync(&store->folder, store->outputs[k]);
			if (err)
				return err;
		}
		is_synced = true;
		err = remove_segment(store, i);
		if (err)
			return err;
	}
	return 0;
}

/* One after the other also on the disk: readers take a gap with something older before it for damage. */
static int drop_oldest(struct spool_store *store)
{
	const struct spool_io *io = io_of(store);
	uint64_t first = store->segments[0].first_sequence, end = store->segments[1].first_sequence, before = acknowledged(store);
	int err = remove_segment(store, 0);

	if (!err && end > before)
		store->dropped_oldest += end - (first > before ? first : before);
	return err ? err : io->sync_folder(io->ctx, store->folder.fd);
}

/* ---- a new segment ---- */

static uint64_t octets_when_left(const struct spool_store *store)
{
	return store->fd < 0 ? store->octets : store->octets - store->segments[store->count - 1].octets + store->used;
}

static int check_space(const struct spool_store *store)
{
	const struct spool_io *io = io_of(store);
	uint64_t free_octets, all_octets;

	if (io->space(io->ctx, store->folder.fd, &free_octets, &all_octets))
		return 0;                                 /* nobody says that there is none */
	return free_octets < store->segment_octets + all_octets / 100 * store->free_percent ? -ENOSPC : 0;
}

static bool is_full(const struct spool_store *store)
{
	return octets_when_left(store) + store->segment_octets > store->max_octets;
}

/* A single segment that is too large for a bound that became smaller does not count. */
static int make_room(struct spool_store *store)
{
	int err = spool_store_release(store);

	while (!err && is_full(store) && store->count > 1)
		err = store->policy == SPOOL_DROP_OLDEST ? drop_oldest(store) : -EAGAIN;
	return err ? err : check_space(store);
}

/* No frame follows in this segment. */
static int leave_segment(struct spool_store *store)
{
	const struct spool_io *io = io_of(store);
	struct stored *last = &store->segments[store->count - 1];
	int err = spool_store_sync(store);

	if (err)
		return err;
	if (!io->cut(io->ctx, store->fd, store->used)) {
		store->octets -= last->octets - store->used;
		last->octets = store->used;
	}
	io->close(io->ctx, store->fd);
	store->fd = -1;
	return 0;
}

static int reserve_entry(struct spool_store *store)
{
	size_t room = store->room ? 2 * store->room : 64;
	struct stored *segments;

	if (store->count < store->room)
		return 0;
	segments = realloc(store->segments, room * sizeof(*segments));
	if (!segments)
		return -ENOMEM;
	store->segments = segments;
	store->room = room;
	return 0;
}

/* The name is on the disk before anything is in the file that somebody could miss. */
static int fill_segment(struct spool_store *store, int fd, uint64_t number)
{
	const struct spool_io *io = io_of(store);
	struct spool_header header = { .number = number, .first_sequence = store->told, .wall_ns = io->wall_ns(io->ctx) };
	uint8_t octets[SPOOL_HEADER_SIZE];
	int err = io->allocate(io->ctx, fd, store->segment_octets);

	memcpy(header.uuid, store->uuid, sizeof(header.uuid));
	spool_header_encode(octets, &header);
	if (!err)
		err = io->write(io->ctx, fd, octets, sizeof(octets), 0);
	if (!err)
		err = io->sync(io->ctx, fd);
	if (!err)
		err = io->sync_folder(io->ctx, store->folder.fd);
	return err;
}

/* A number is used once, also when the segment did not come to be: batches are known by it. */
static int create_segment(struct spool_store *store)
{
	const struct spool_io *io = io_of(store);
	uint64_t number = store->next_number++;
	char name[SPOOL_SEGMENT_NAME_SIZE];
	int fd, err = reserve_entry(store);

	if (err)
		return err;
	spool_segment_name(name, number);
	fd = io->open(io->ctx, store->folder.fd, name, O_RDWR | O_CREAT | O_EXCL);
	if (fd < 0)
		return fd;
	err = fill_segment(store, fd, number);
	if (err) {
		io->close(io->ctx, fd);
		(void)io->remove(io->ctx, store->folder.fd, name);
		return err;
	}
	store->segments[store->count++] = (struct stored){ number, store->told, store->segment_octets };
	store->octets += store->segment_octets;
	store->fd = fd;
	store->used = SPOOL_HEADER_SIZE;
	return 0;
}

static int next_segment(struct spool_store *store)
{
	int err = make_room(store);

	if (!err && store->fd >= 0)
		err = leave_segment(store);
	return err ? err : create_segment(store);
}

int spool_store_begin(struct spool_store *store)
{
	return store->fd >= 0 ? 0 : next_segment(store);
}

/* ---- frames ---- */

/* The lines first: who reads along sees the frame when its header is there. */
static int write_frame(struct spool_store *store, struct spool_frame *frame, const char *lines)
{
	const struct spool_io *io = io_of(store);
	uint8_t octets[SPOOL_FRAME_SIZE];
	int err = 0;

	frame->offset = store->used;
	frame->dropped = frame->sequence - store->told;
	spool_frame_encode(octets, frame, store->segments[store->count - 1].number, lines);
	if (frame->len)
		err = io->write(io->ctx, store->fd, lines, frame->len, frame->offset + SPOOL_FRAME_SIZE);
	if (!err)
		err = io->write(io->ctx, store->fd, octets, sizeof(octets), frame->offset);
	if (err)
		return err;
	store->used = spool_frame_end(frame);
	store->told = frame->sequence + frame->rows;
	store->is_dirty = true;
	return 0;
}

/* Behind lines there stays room for one frame without lines. */
static bool has_room(const struct spool_store *store, uint32_t len)
{
	uint64_t kept = len ? SPOOL_FRAME_SIZE : 0;

	return store->fd >= 0 && store->used + spool_frame_octets(len) + kept <= store->segment_octets;
}

int spool_store_append(struct spool_store *store, struct spool_frame *frame, const char *lines)
{
	const struct spool_io *io = io_of(store);
	int err = has_room(store, frame->len) ? 0 : next_segment(store);

	if (!err)
		err = write_frame(store, frame, lines);
	/* The disk may be bad at this place only. */
	if (err == -EIO && store->fd >= 0 && store->used > SPOOL_HEADER_SIZE) {
		(void)io->sync(io->ctx, store->fd);
		io->close(io->ctx, store->fd);
		store->fd = -1;
		store->is_dirty = false;
	}
	return err;
}

int spool_store_tell(struct spool_store *store, uint64_t sequence)
{
	struct spool_frame frame = { .sequence = sequence, .wall_ns = io_of(store)->wall_ns(io_of(store)->ctx) };

	return sequence == store->told || !has_room(store, 0) ? 0 : write_frame(store, &frame, NULL);
}

int spool_store_sync(struct spool_store *store)
{
	int err = store->is_dirty ? io_of(store)->sync(io_of(store)->ctx, store->fd) : 0;

	if (!err)
		store->is_dirty = false;
	return err;
}

uint64_t spool_store_unshipped(struct spool_store *store, const char *output)
{
	uint64_t from = store->count ? store->segments[0].first_sequence : store->told;
	struct spool_slot slot;

	if (!spool_slot_load(&store->folder, output, &slot) && slot.cursor.at.sequence > from)
		from = slot.cursor.at.sequence;
	return store->told > from ? store->told - from : 0;
}
