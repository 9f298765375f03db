/* SPDX-License-Identifier: Apache-2.0 */
/* spool_folder.c - lists the folder of a spool and takes its locks. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "spool_folder.h"
#include "spool_segment.h"

#define LOCK_TRIES 20
#define LOCK_WAIT_MS 10

int spool_folder_open(struct spool_folder *out, const struct spool_io *io, const char *path, bool make)
{
	*out = (struct spool_folder){ .io = io, .fd = -1, .path = strdup(path) };
	if (!out->path)
		return -ENOMEM;
	out->fd = io->open_folder(io->ctx, path, make);
	return out->fd < 0 ? out->fd : 0;
}

void spool_folder_close(struct spool_folder *folder)
{
	if (folder->path && folder->fd >= 0)
		folder->io->close(folder->io->ctx, folder->fd);
	free(folder->path);
	folder->path = NULL;
	folder->fd = -1;
}

void spool_name(char name[SPOOL_NAME_SIZE], const char *prefix, const char *output)
{
	snprintf(name, SPOOL_NAME_SIZE, "%s.%s", prefix, output);
}

bool spool_is_output(const char *name)
{
	size_t len = strlen(name);

	return len && len < SPOOL_OUTPUT_NAME_MAX && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") == len;
}

/* ---- list ---- */

static void add_number(struct spool_listing *listing, uint64_t number)
{
	if (listing->count == listing->room) {
		size_t room = listing->room ? 2 * listing->room : 64;
		uint64_t *numbers = realloc(listing->numbers, room * sizeof(*numbers));

		if (!numbers) {
			listing->err = -ENOMEM;
			return;
		}
		listing->numbers = numbers;
		listing->room = room;
	}
	listing->numbers[listing->count++] = number;
}

static void add_name(void *arg, const char *name)
{
	struct spool_listing *listing = arg;
	uint64_t number;

	if (spool_segment_number(name, &number))
		add_number(listing, number);
	else if (!strncmp(name, "cursor.", 7) && spool_is_output(name + 7) && listing->output_count < SPOOL_OUTPUTS_MAX)
		snprintf(listing->outputs[listing->output_count++], SPOOL_OUTPUT_NAME_MAX, "%s", name + 7);
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

int spool_folder_list(const struct spool_folder *folder, struct spool_listing *out)
{
	int err;

	*out = (struct spool_listing){ .numbers = NULL };
	err = folder->io->list(folder->io->ctx, folder->fd, add_name, out);
	if (out->count)
		qsort(out->numbers, out->count, sizeof(out->numbers[0]), by_number);
	return err ? err : out->err;
}

void spool_listing_free(struct spool_listing *listing)
{
	free(listing->numbers);
	listing->numbers = NULL;
}

struct search { uint64_t from, best; };

static void look_at_name(void *arg, const char *name)
{
	struct search *search = arg;
	uint64_t number;

	if (spool_segment_number(name, &number) && number >= search->from && (!search->best || number < search->best))
		search->best = number;
}

int spool_folder_next(const struct spool_folder *folder, uint64_t number, uint64_t *out)
{
	struct search search = { .from = number };
	int err = folder->io->list(folder->io->ctx, folder->fd, look_at_name, &search);

	*out = search.best;
	return err;
}

/* ---- locks ---- */

int spool_folder_lock(const struct spool_folder *folder, const char *name)
{
	const struct spool_io *io = folder->io;
	int fd = io->open(io->ctx, folder->fd, name, O_RDWR | O_CREAT), err = -EBUSY;

	if (fd < 0)
		return fd;
	for (int i = 0; i < LOCK_TRIES && err == -EBUSY; i++) {
		if (i)
			poll(NULL, 0, LOCK_WAIT_MS);
		err = io->lock(io->ctx, fd);
	}
	if (!err)
		return fd;
	io->close(io->ctx, fd);
	return err;
}

bool spool_folder_is_locked(const struct spool_folder *folder, const char *name)
{
	const struct spool_io *io = folder->io;
	int fd = io->open(io->ctx, folder->fd, name, O_RDONLY), err;

	if (fd < 0)
		return false;
	err = io->lock(io->ctx, fd);
	io->close(io->ctx, fd);
	return err == -EBUSY;
}
