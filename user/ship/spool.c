/* SPDX-License-Identifier: Apache-2.0 */
/* spool.c - the writer: gathers records into batches, and decides what becomes of them when there is no room or no disk. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "../base/log.h"
#include "../base/time.h"
#include "spool_store.h"

#define RETRY_NS (30 * NS_PER_S)

struct batch {
	struct batch *next;
	struct spool_frame frame;                 /* sequence, wall_ns, len, rows */
	uint64_t first_ns;                        /* monotonic time of the first record */
	char lines[];
};

struct spool {
	struct spool_store store;
	uint32_t batch_rows, batch_octets;
	uint64_t sync_interval_ns, memory_octets;
	uint64_t begun_at, sequence;              /* of the first record since the open, of the next one */
	struct batch *open;
	struct batch *waiting, **waiting_end;     /* closed, oldest first: the disk did not take them */
	uint64_t waiting_rows, waiting_octets;
	uint64_t written, dropped_full, dropped_disk;
	int disk_err;                             /* 0: the disk works */
	uint64_t retry_at_ns, synced_at_ns, dropped_before;
	bool is_full;                             /* and was said to be */
};

/* ---- the disk fails, the disk works again ---- */

static void note_failure(struct spool *spool, int err, uint64_t now_ns)
{
	if (!spool->disk_err) {
		log_error("spool %s: %s; up to %" PRIu64 " octets of records wait in memory, next try in 30s", spool->store.folder.path,
			  strerror(-err), spool->memory_octets);
		spool->dropped_before = spool->dropped_disk;
	}
	spool->disk_err = err;
	spool->retry_at_ns = now_ns + RETRY_NS;
}

static void note_success(struct spool *spool)
{
	if (!spool->disk_err)
		return;
	spool->disk_err = 0;
	log_info("spool %s: works again, %" PRIu64 " records were dropped meanwhile", spool->store.folder.path,
		 spool->dropped_disk - spool->dropped_before);
}

static bool is_silent(const struct spool *spool, uint64_t now_ns)
{
	return spool->disk_err && now_ns < spool->retry_at_ns;
}

/* ---- full ---- */

static void note_full(struct spool *spool, bool is_full, const char *what)
{
	if (is_full && !spool->is_full)
		log_warn("spool %s: %" PRIu64 " octets are used up, %s", spool->store.folder.path, spool->store.octets, what);
	spool->is_full = is_full;
}

/* 0: the batch is on disk or was dropped; -EAGAIN: it has to wait for room; -errno of the disk. */
static int place(struct spool *spool, const struct batch *batch)
{
	uint64_t dropped_oldest = spool->store.dropped_oldest, number = spool->store.next_number;
	struct spool_frame frame = batch->frame;
	int err = spool_store_append(&spool->store, &frame, batch->lines);

	if (!err) {
		spool->written += frame.rows;
		if (spool->store.dropped_oldest != dropped_oldest)
			note_full(spool, true, "the oldest records are dropped");
		else if (spool->store.next_number != number)
			note_full(spool, false, NULL);
		return 0;
	}
	if (err != -EAGAIN)
		return err;
	if (spool->store.policy == SPOOL_BLOCK) {
		note_full(spool, true, "records have to wait");
		return -EAGAIN;
	}
	note_full(spool, true, "new records are dropped");
	spool->dropped_full += frame.rows;
	return 0;
}

/* ---- batches that wait in memory ---- */

static void forget_first(struct spool *spool)
{
	struct batch *first = spool->waiting;

	spool->waiting = first->next;
	if (!spool->waiting)
		spool->waiting_end = &spool->waiting;
	spool->waiting_rows -= first->frame.rows;
	spool->waiting_octets -= first->frame.len;
	free(first);
}

static int place_waiting(struct spool *spool)
{
	int err = 0;

	while (spool->waiting && !(err = place(spool, spool->waiting)))
		forget_first(spool);
	return err;
}

/* Takes a copy of the open batch. 0 or -ENOMEM. */
static int keep(struct spool *spool)
{
	const struct batch *open = spool->open;
	struct batch *copy = NULL;

	if (spool->waiting_octets + open->frame.len <= spool->memory_octets)
		copy = malloc(sizeof(*copy) + open->frame.len);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, open, sizeof(*copy) + open->frame.len);
	copy->next = NULL;
	*spool->waiting_end = copy;
	spool->waiting_end = &copy->next;
	spool->waiting_rows += copy->frame.rows;
	spool->waiting_octets += copy->frame.len;
	return 0;
}

static void empty_open(struct spool *spool)
{
	spool->open->frame.rows = spool->open->frame.len = 0;
}

static int keep_or_drop(struct spool *spool)
{
	if (keep(spool)) {
		if (spool->store.policy == SPOOL_BLOCK)
			return -EAGAIN;
		spool->dropped_disk += spool->open->frame.rows;
	}
	empty_open(spool);
	return 0;
}

/* ---- to the disk ---- */

static int sync_now(struct spool *spool, uint64_t now_ns)
{
	spool->synced_at_ns = now_ns;
	return spool_store_sync(&spool->store);
}

/* What waits, and the open batch when `with_open`. 0, -EAGAIN (it has to wait for room), or -errno of the disk, noted. A disk that
 * failed has to prove with a sync that it works. */
static int write_out(struct spool *spool, bool with_open, uint64_t now_ns)
{
	int err = place_waiting(spool);

	if (!err && with_open && spool->open->frame.rows) {
		err = place(spool, spool->open);
		if (!err)
			empty_open(spool);
	}
	if (!err && spool->disk_err)
		err = spool_store_begin(&spool->store);
	if (!err && (spool->disk_err || !spool->sync_interval_ns))
		err = sync_now(spool, now_ns);
	if (err && err != -EAGAIN)
		note_failure(spool, err, now_ns);
	else
		note_success(spool);
	return err;
}

/* The open batch is on disk, in memory or counted as dropped when this is 0; -EAGAIN: it stays open, there is no room anywhere. */
static int close_batch(struct spool *spool, uint64_t now_ns)
{
	if (spool->open->frame.rows && !is_silent(spool, now_ns) && write_out(spool, true, now_ns) == -EAGAIN)
		return spool->open->frame.rows ? -EAGAIN : 0;
	return spool->open->frame.rows ? keep_or_drop(spool) : 0;
}

/* ---- the contract ---- */

static void add_line(struct spool *spool, const char *line, size_t len, uint64_t now_ns)
{
	const struct spool_io *io = spool->store.folder.io;
	struct batch *open = spool->open;

	if (!open->frame.rows) {
		open->frame.sequence = spool->sequence;
		open->frame.wall_ns = io->wall_ns(io->ctx);
		open->first_ns = now_ns;
	}
	memcpy(open->lines + open->frame.len, line, len);
	open->frame.len += (uint32_t)len;
	open->frame.rows++;
	spool->sequence++;
}

static bool has_room(const struct spool *spool, size_t len)
{
	return spool->open->frame.rows < spool->batch_rows && spool->open->frame.len + len <= spool->batch_octets;
}

int spool_put(struct spool *spool, const char *line, size_t len, uint64_t now_ns)
{
	assert(len && memchr(line, '\n', len) == line + len - 1);
	if (!has_room(spool, len) && close_batch(spool, now_ns))
		return -EAGAIN;
	if (!has_room(spool, len)) {                      /* longer than any batch */
		spool->sequence++;
		spool->dropped_full++;
		return 0;
	}
	add_line(spool, line, len, now_ns);
	if (!has_room(spool, 1))
		(void)close_batch(spool, now_ns);
	return 0;
}

int spool_tick(struct spool *spool, uint64_t now_ns)
{
	int err = 0;

	if (spool->open->frame.rows && now_ns >= spool->open->first_ns + SPOOL_BATCH_NS)
		(void)close_batch(spool, now_ns);
	if ((spool->waiting || spool->disk_err) && !is_silent(spool, now_ns))
		(void)write_out(spool, false, now_ns);
	if (!spool->disk_err && spool->store.is_dirty && now_ns >= spool->synced_at_ns + spool->sync_interval_ns)
		err = sync_now(spool, now_ns);
	if (!err)
		err = spool_store_release(&spool->store);
	if (err && !spool->disk_err)
		note_failure(spool, err, now_ns);
	return spool->disk_err;
}

int spool_flush(struct spool *spool, uint64_t now_ns)
{
	int err = write_out(spool, true, now_ns);

	if (err)
		return err;
	/* Records that were dropped last have no frame behind them that would say so. */
	err = spool_store_tell(&spool->store, spool->sequence);
	if (!err)
		err = sync_now(spool, now_ns);
	if (err)
		note_failure(spool, err, now_ns);
	return err;
}

static uint64_t rows_in_memory(const struct spool *spool)
{
	return spool->waiting_rows + spool->open->frame.rows;
}

void spool_stats(const struct spool *spool, struct spool_stats *out)
{
	*out = (struct spool_stats){
		.put = spool->sequence - spool->begun_at,
		.written = spool->written,
		.dropped_full = spool->dropped_full,
		.dropped_disk = spool->dropped_disk,
		.dropped_oldest = spool->store.dropped_oldest,
		.waiting = rows_in_memory(spool),
		.octets = spool->store.octets,
		.segments = spool->store.count,
		.damaged_octets = spool->store.damaged_octets,
		.is_degraded = spool->disk_err != 0,
	};
}

uint64_t spool_unshipped(struct spool *spool, const char *output)
{
	return spool_store_unshipped(&spool->store, output) + rows_in_memory(spool);
}

/* ---- open and close ---- */

static int check_options(const struct spool_options *options)
{
	bool are_good = options->output_count >= 1 && options->output_count <= SPOOL_OUTPUTS_MAX && options->batch_rows && options->batch_octets &&
			options->batch_octets <= SPOOL_FRAME_MAX &&
			options->segment_octets >= SPOOL_HEADER_SIZE + spool_frame_octets(options->batch_octets) + SPOOL_FRAME_SIZE &&
			options->max_octets >= 2ull * options->segment_octets && options->free_percent <= 100;

	for (size_t i = 0; are_good && i < options->output_count; i++)
		are_good = spool_is_output(options->outputs[i]);
	if (are_good)
		return 0;
	log_error("spool %s: sizes or names of outputs that do not go together", options->dir);
	return -EINVAL;
}

static void free_spool(struct spool *spool)
{
	while (spool->waiting)
		forget_first(spool);
	spool_store_close(&spool->store);
	free(spool->open);
	free(spool);
}

int spool_open_on(struct spool **out, const struct spool_io *io, const struct spool_options *options, uint64_t now_ns)
{
	struct spool *spool;
	int err = check_options(options);

	if (err)
		return err;
	spool = calloc(1, sizeof(*spool));
	if (!spool)
		return -ENOMEM;
	spool->waiting_end = &spool->waiting;
	spool->batch_rows = options->batch_rows;
	spool->batch_octets = options->batch_octets;
	spool->sync_interval_ns = options->sync_interval_ns;
	spool->memory_octets = options->memory_octets;
	err = spool_store_open(&spool->store, io, options);
	if (err)
		goto fail;
	err = -ENOMEM;
	spool->open = calloc(1, sizeof(*spool->open) + options->batch_octets);
	if (!spool->open)
		goto fail;
	spool->begun_at = spool->sequence = spool->store.told;
	spool->synced_at_ns = now_ns;
	/* A disk that has no room now is waited for, like later. */
	err = spool_store_begin(&spool->store);
	if (err && err != -EAGAIN)
		note_failure(spool, err, now_ns);
	*out = spool;
	return 0;
fail:
	free_spool(spool);
	return err;
}

int spool_open(struct spool **out, const struct spool_options *options, uint64_t now_ns)
{
	return spool_open_on(out, &spool_io_system, options, now_ns);
}

void spool_close(struct spool *spool, uint64_t now_ns)
{
	if (!spool)
		return;
	if (spool_flush(spool, now_ns) && rows_in_memory(spool))
		log_warn("spool %s: %" PRIu64 " records that waited in memory are lost", spool->store.folder.path, rows_in_memory(spool));
	free_spool(spool);
}

void spool_abandon(struct spool *spool)
{
	if (spool)
		free_spool(spool);
}
