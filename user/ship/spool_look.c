/* SPDX-License-Identifier: Apache-2.0 */
/* spool_look.c - counts what is in a spool, from outside. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../base/log.h"
#include "spool_cursor.h"
#include "spool_folder.h"
#include "spool_segment.h"

/* What a writer is about to finish at the end of the last segment is no damage. */
static void count_frames(struct spool_look *out, struct spool_segment *segment, bool is_growing)
{
	uint64_t at = SPOOL_HEADER_SIZE;
	struct spool_frame frame;
	char *lines;

	for (; spool_frame_find(segment, at, false, &frame, &lines) == 1; at = spool_frame_end(&frame)) {
		free(lines);
		out->damaged_octets += frame.offset - at;
		out->frames++;
		out->records += frame.rows;
		if (frame.sequence + frame.rows > out->next_sequence)
			out->next_sequence = frame.sequence + frame.rows;
	}
	if (!is_growing)
		out->damaged_octets += spool_segment_rest(segment, at);
}

static int look_at_segment(struct spool_look *out, const struct spool_folder *folder, uint64_t number, bool is_last)
{
	struct spool_segment segment;
	uint64_t octets, first;
	int err = spool_segment_open(&segment, folder->io, folder->fd, number);

	if (err)
		return err == -ENOENT ? 0 : err;
	err = folder->io->size(folder->io->ctx, segment.fd, &octets);
	if (!err) {
		out->segments++;
		out->octets += octets;
		err = spool_first_sequence(&segment, &first);
		if (!err && first > out->next_sequence)
			out->next_sequence = first;
		if (err == -ENODATA)
			err = 0;
	}
	if (!err)
		count_frames(out, &segment, is_last && out->has_writer);
	spool_segment_close(&segment);
	return err;
}

/* A cursor that is damaged shows as zeros. */
static void look_at_output(struct spool_look *out, const struct spool_folder *folder, const char *output)
{
	char lock[SPOOL_NAME_SIZE];
	struct spool_slot slot = { .generation = 0 };

	snprintf(out->outputs[out->output_count].name, SPOOL_OUTPUT_NAME_MAX, "%s", output);
	(void)spool_slot_load(folder, output, &slot);
	out->outputs[out->output_count].cursor = slot.cursor;
	spool_name(lock, "lock", output);
	out->outputs[out->output_count].has_shipper = spool_folder_is_locked(folder, lock);
	out->output_count++;
}

static int look(struct spool_look *out, const struct spool_folder *folder, const struct spool_listing *listing)
{
	out->has_writer = spool_folder_is_locked(folder, "lock");
	for (size_t i = 0; i < listing->output_count; i++)
		look_at_output(out, folder, listing->outputs[i]);
	for (size_t i = 0; i < listing->count; i++) {
		int err = look_at_segment(out, folder, listing->numbers[i], i + 1 == listing->count);

		if (err) {
			log_error("spool %s: segment %016" PRIx64 ": %s", folder->path, listing->numbers[i],
				  err == -EPROTONOSUPPORT ? "written by another version" : strerror(-err));
			return err;
		}
	}
	if (listing->count || listing->output_count)
		return 0;
	log_error("spool %s: there is none", folder->path);
	return -ENOENT;
}

int spool_look(struct spool_look *out, const char *dir)
{
	struct spool_folder folder;
	struct spool_listing listing = { .numbers = NULL };
	int err = spool_folder_open(&folder, &spool_io_system, dir, false);

	*out = (struct spool_look){ .segments = 0 };
	if (!err)
		err = spool_folder_list(&folder, &listing);
	if (err)
		log_error("spool %s: %s", dir, strerror(-err));
	else
		err = look(out, &folder, &listing);
	spool_listing_free(&listing);
	spool_folder_close(&folder);
	return err;
}

int spool_look_cursor(struct spool_cursor *out, const char *dir, const char *output)
{
	struct spool_folder folder;
	struct spool_slot slot = { .generation = 0 };
	int err = spool_folder_open(&folder, &spool_io_system, dir, false);

	if (!err)
		err = spool_slot_load(&folder, output, &slot);
	if (!err)
		*out = slot.cursor;
	spool_folder_close(&folder);
	return err;
}
