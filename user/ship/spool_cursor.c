/* SPDX-License-Identifier: Apache-2.0 */
/* spool_cursor.c - reads and writes the two slots of an output's cursor. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <zlib.h>
#include "spool_cursor.h"
#include "spool_octets.h"
#include "spool_segment.h"

#define VERSION 1u
#define COUNTS (sizeof(struct spool_counts) / sizeof(uint64_t))
#define FILE_SIZE (SPOOL_SLOT_STEP + SPOOL_SLOT_SIZE)

_Static_assert(sizeof(struct spool_counts) == 7 * sizeof(uint64_t), "the counts are numbers in a row");

static const uint8_t slot_magic[8] = { 0xdf, 'd', 'v', 'c', 'u', 'r', 's', 0xee };

/* ---- one slot ---- */

static void encode(uint8_t out[SPOOL_SLOT_SIZE], const struct spool_slot *slot)
{
	const struct spool_cursor *cursor = &slot->cursor;
	uint64_t counts[COUNTS];
	uint8_t *p;

	memset(out, 0, SPOOL_SLOT_SIZE);
	memcpy(counts, &cursor->counts, sizeof(counts));
	p = put_octets(out, slot_magic, sizeof(slot_magic));
	p = put_le32(p, VERSION);
	p = put_le32(p, 0);
	p = put_le64(p, slot->generation);
	p = put_octets(p, slot->uuid, sizeof(slot->uuid));
	p = put_le64(p, cursor->begun_at);
	p = put_le64(p, cursor->at.segment);
	p = put_le64(p, cursor->at.offset);
	p = put_le64(p, cursor->at.sequence);
	for (size_t i = 0; i < COUNTS; i++)
		p = put_le64(p, counts[i]);
	put_octets(p, cursor->state, sizeof(cursor->state));
	put_le32(out + SPOOL_SLOT_SIZE - 4, (uint32_t)crc32(0, out, SPOOL_SLOT_SIZE - 4));
}

/* 0, -EBADMSG, -EPROTONOSUPPORT. */
static int decode(struct spool_slot *out, const uint8_t octets[SPOOL_SLOT_SIZE])
{
	struct spool_cursor *cursor = &out->cursor;
	const uint8_t *p = octets + sizeof(slot_magic);
	uint64_t counts[COUNTS];
	uint32_t crc, version, zero;

	get_le32(octets + SPOOL_SLOT_SIZE - 4, &crc);
	if (memcmp(octets, slot_magic, sizeof(slot_magic)) || crc != crc32(0, octets, SPOOL_SLOT_SIZE - 4))
		return -EBADMSG;
	p = get_le32(get_le32(p, &version), &zero);
	if (version != VERSION)
		return -EPROTONOSUPPORT;
	p = get_le64(p, &out->generation);
	p = get_octets(p, out->uuid, sizeof(out->uuid));
	p = get_le64(p, &cursor->begun_at);
	p = get_le64(p, &cursor->at.segment);
	p = get_le64(p, &cursor->at.offset);
	p = get_le64(p, &cursor->at.sequence);
	for (size_t i = 0; i < COUNTS; i++)
		p = get_le64(p, &counts[i]);
	get_octets(p, cursor->state, sizeof(cursor->state));
	memcpy(&cursor->counts, counts, sizeof(counts));
	return 0;
}

/* ---- the file ---- */

static int load(const struct spool_io *io, int fd, struct spool_slot *out)
{
	uint8_t octets[FILE_SIZE];
	ssize_t n = io->read(io->ctx, fd, octets, sizeof(octets), 0);
	bool is_found = false;

	if (n <= 0)
		return n ? (int)n : -ENOENT;
	memset(octets + n, 0, sizeof(octets) - (size_t)n);
	for (int i = 0; i < 2; i++) {
		struct spool_slot slot;
		int err = decode(&slot, octets + (size_t)i * SPOOL_SLOT_STEP);

		if (err == -EPROTONOSUPPORT)
			return err;
		if (err || (is_found && slot.generation < out->generation))
			continue;
		*out = slot;
		is_found = true;
	}
	return is_found ? 0 : -EBADMSG;
}

static void file_name(char name[SPOOL_NAME_SIZE], const char *output)
{
	spool_name(name, "cursor", output);
}

int spool_slot_load(const struct spool_folder *folder, const char *output, struct spool_slot *out)
{
	const struct spool_io *io = folder->io;
	char name[SPOOL_NAME_SIZE];
	int fd, err;

	file_name(name, output);
	fd = io->open(io->ctx, folder->fd, name, O_RDONLY);
	if (fd < 0)
		return fd;
	err = load(io, fd, out);
	io->close(io->ctx, fd);
	return err;
}

int spool_slot_store(const struct spool_io *io, int fd, struct spool_slot *slot, const struct spool_cursor *cursor)
{
	struct spool_slot next = *slot;
	uint8_t octets[SPOOL_SLOT_SIZE];
	int err;

	next.generation++;
	next.cursor = *cursor;
	encode(octets, &next);
	err = io->write(io->ctx, fd, octets, sizeof(octets), (next.generation & 1) * SPOOL_SLOT_STEP);
	if (!err)
		err = io->sync(io->ctx, fd);
	if (!err)
		*slot = next;
	return err;
}

int spool_slot_create(const struct spool_folder *folder, const char *output, struct spool_slot *slot, const struct spool_cursor *cursor)
{
	const struct spool_io *io = folder->io;
	char name[SPOOL_NAME_SIZE];
	int fd, err;

	file_name(name, output);
	fd = io->open(io->ctx, folder->fd, name, O_RDWR | O_CREAT);
	if (fd < 0)
		return fd;
	err = spool_slot_store(io, fd, slot, cursor);
	io->close(io->ctx, fd);
	return err ? err : io->sync_folder(io->ctx, folder->fd);
}

int spool_slot_sync(const struct spool_folder *folder, const char *output)
{
	const struct spool_io *io = folder->io;
	char name[SPOOL_NAME_SIZE];
	int fd, err;

	file_name(name, output);
	fd = io->open(io->ctx, folder->fd, name, O_RDWR);
	if (fd < 0)
		return fd;
	err = io->sync(io->ctx, fd);
	io->close(io->ctx, fd);
	return err;
}

int spool_cursor_oldest(struct spool_cursor *out, const struct spool_folder *folder, const struct spool_listing *listing)
{
	int err = -ENODATA;

	*out = (struct spool_cursor){ .at = { .offset = SPOOL_HEADER_SIZE } };
	for (size_t i = 0; i < listing->count && err == -ENODATA; i++) {
		struct spool_segment segment;

		out->at.segment = listing->numbers[i];
		err = spool_segment_open(&segment, folder->io, folder->fd, listing->numbers[i]);
		if (!err)
			err = spool_first_sequence(&segment, &out->at.sequence);
		spool_segment_close(&segment);
		err = err == -ENOENT ? -ENODATA : err;
	}
	out->begun_at = out->at.sequence;
	return err == -ENODATA ? 0 : err;
}

void spool_cursor_pass(struct spool_cursor *cursor, const struct spool_batch *batch, uint64_t delivered, uint64_t dead)
{
	cursor->at = batch->next;
	cursor->counts.delivered += delivered;
	cursor->counts.dead += dead;
	cursor->counts.dropped_full += batch->lost_full;
	cursor->counts.dropped_damaged += batch->lost_damaged;
}
