/* SPDX-License-Identifier: Apache-2.0 */
/* sink_spool.c - outputs that go over the network: records into one spool for all of them, and the processes that ship from it. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "../base/log.h"
#include "../base/loop.h"
#include "../base/options.h"
#include "../base/time.h"
#include "crew.h"
#include "ship.h"
#include "sink.h"
#include "spool.h"
#include "spool_place.h"

#define MEMORY_MAX (64u << 20)                    /* of a spool without a state folder */
#define SEGMENT_MAX (64u << 20)
#define SEGMENT_MIN (1u << 20)
#define SEGMENTS 8                                /* at least, of a small spool */
#define WAITING_MAX (16u << 20)                   /* in memory, while the disk takes nothing */
#define FREE_PERCENT 5
#define BLOCKED_NS (50 * NS_PER_MS)               /* between two looks for room, with policy block */

struct sink {
	const struct options *options;
	struct spool *spool;
	struct crew *crew;
	char dir[SPOOL_PLACE_SIZE];
	bool is_memory;
	uint64_t stop_seen_ns;                    /* monotonic; 0: the end is not asked for */
	uint64_t given_up;                        /* records that did not get into a spool that was full until the end */
	const char *outputs[SPOOL_OUTPUTS_MAX];
	struct spool_counts before[SPOOL_OUTPUTS_MAX]; /* when this run began */
	size_t output_count;
	struct spool_stats last;                  /* after the spool was closed */
	uint64_t unshipped, octets;
};

static void find_outputs(struct sink *s)
{
	for (size_t i = 0; i < s->options->outputs.count && s->output_count < SPOOL_OUTPUTS_MAX; i++)
		if (ship_find(s->options->outputs.items[i]))
			s->outputs[s->output_count++] = s->options->outputs.items[i];
}

static enum spool_policy policy_of(const char *text)
{
	if (!strcmp(text, "block"))
		return SPOOL_BLOCK;
	return strcmp(text, "drop-newest") ? SPOOL_DROP_OLDEST : SPOOL_DROP_NEWEST;
}

static int open_spool(struct sink *s, uint64_t now_ns)
{
	const struct options *o = s->options;
	uint64_t max = s->is_memory && o->spool_max > MEMORY_MAX ? MEMORY_MAX : o->spool_max;
	struct spool_options options = {
		.dir = s->dir, .outputs = s->outputs, .output_count = s->output_count, .max_octets = max,
		.segment_octets = (uint32_t)(max / SEGMENTS < SEGMENT_MIN ? SEGMENT_MIN : max / SEGMENTS > SEGMENT_MAX ? SEGMENT_MAX : max / SEGMENTS),
		.batch_rows = SPOOL_BATCH_ROWS, .batch_octets = SEGMENT_MIN / 2, .sync_interval_ns = o->spool_sync_ns, .memory_octets = WAITING_MAX,
		.free_percent = s->is_memory ? 0 : FREE_PERCENT, .policy = policy_of(o->spool_full),
	};

	return spool_open(&s->spool, &options, now_ns);
}

static void spool_sink_end(struct sink *s, bool hurry);

static int spool_sink_close(struct sink **out)
{
	struct sink *s = *out;

	*out = NULL;
	if (!s)
		return 0;
	spool_sink_end(s, true);
	crew_free(s->crew);
	if (s->is_memory && *s->dir)
		spool_place_remove(s->dir);
	free(s);
	return 0;
}

static int start(struct sink *s)
{
	int err = spool_place_make(s->dir, s->options->state_dir);

	if (!err)
		err = crew_new(&s->crew, s->options, s->dir, s->is_memory);
	if (!err)
		err = open_spool(s, time_monotonic_ns());
	for (size_t i = 0; !err && i < s->output_count; i++) {
		struct spool_cursor cursor;

		if (!spool_look_cursor(&cursor, s->dir, s->outputs[i]))
			s->before[i] = cursor.counts;
	}
	return err ? err : crew_start(s->crew);
}

static int spool_sink_open(struct sink **out, const struct options *o, uint64_t now_ns)
{
	struct sink *s = calloc(1, sizeof(*s));
	int err;

	(void)now_ns;                             /* the spool goes by the clock that never steps */
	if (!s)
		return -ENOMEM;
	s->options = o;
	s->is_memory = !o->state_dir;
	find_outputs(s);
	err = start(s);
	if (err) {
		spool_sink_close(&s);
		return err;
	}
	if (s->is_memory)
		log_warn("without --state-dir records that are not delivered yet are only in memory (%s): the end of the program loses them", s->dir);
	*out = s;
	return 0;
}

/* May a full spool make the source wait on? Once the end is asked for, only for so long in all. */
static bool may_block(struct sink *s)
{
	uint64_t now_ns = time_monotonic_ns();

	if (!loop_stop_seen())
		return true;
	if (!s->stop_seen_ns)
		s->stop_seen_ns = now_ns;
	return now_ns - s->stop_seen_ns < s->options->shutdown_timeout_ns;
}

/* With policy block the source waits. */
static int spool_sink_put(struct sink *s, const char *line, size_t len)
{
	int err;

	s->octets += len;
	while ((err = spool_put(s->spool, line, len, time_monotonic_ns())) == -EAGAIN && may_block(s)) {
		crew_look(s->crew);
		time_sleep_ns(BLOCKED_NS);
		spool_tick(s->spool, time_monotonic_ns());
	}
	s->given_up += err == -EAGAIN;
	return err == -EAGAIN ? 0 : err;
}

static int spool_sink_flush(struct sink *s)
{
	if (s->spool)
		spool_flush(s->spool, time_monotonic_ns()); /* what cannot be written waits on, and was logged */
	return 0;
}

static int spool_sink_tick(struct sink *s, uint64_t now_ns)
{
	(void)now_ns;
	spool_tick(s->spool, time_monotonic_ns());
	crew_look(s->crew);
	return 0;
}

static int spool_sink_reopen(struct sink *s)
{
	(void)s;
	return 0;
}

/* Records of this run's time that an output will not get. */
static uint64_t lost_by(const struct sink *s, size_t i)
{
	const struct spool_counts *before = &s->before[i];
	struct spool_cursor now;

	if (spool_look_cursor(&now, s->dir, s->outputs[i]))
		return 0;
	return now.counts.dead - before->dead + now.counts.dropped_full - before->dropped_full + now.counts.dropped_damaged - before->dropped_damaged;
}

static void spool_sink_stats(const struct sink *s, struct sink_stats *out)
{
	struct spool_stats now = s->last;
	uint64_t lost = 0;

	if (s->spool)
		spool_stats(s->spool, &now);
	for (size_t i = 0; i < s->output_count; i++)
		lost += lost_by(s, i);
	now.put += s->given_up;
	if (lost < now.dropped_full + now.dropped_disk + now.dropped_oldest) /* shippers have not come to them yet */
		lost = now.dropped_full + now.dropped_disk + now.dropped_oldest;
	lost += s->given_up;
	if (s->is_memory)
		lost += s->unshipped;             /* 0 before the end */
	*out = (struct sink_stats){ .put = now.put, .waiting = now.waiting, .dropped = lost, .octets = s->octets };
	out->delivered = now.put - now.waiting > lost ? now.put - now.waiting - lost : 0;
}

static void report_output(struct sink *s, size_t i)
{
	struct spool_cursor cursor = { .begun_at = 0 };
	const struct spool_counts *c = &cursor.counts;

	if (spool_look_cursor(&cursor, s->dir, s->outputs[i]))
		return;
	log_info("output %s: in=%" PRIu64 " delivered=%" PRIu64 " dead_letter=%" PRIu64 " dropped_full=%" PRIu64 " dropped_damaged=%" PRIu64
		 " spooled=%" PRIu64 "; retried=%" PRIu64 " duplicates_possible=%" PRIu64 " requests=%" PRIu64, s->outputs[i],
		 cursor.at.sequence - cursor.begun_at + spool_unshipped(s->spool, s->outputs[i]), c->delivered, c->dead, c->dropped_full,
		 c->dropped_damaged, spool_unshipped(s->spool, s->outputs[i]), c->retried, c->duplicates_possible, c->requests);
}

static void spool_sink_report(struct sink *s)
{
	struct spool_stats stats;

	if (!s->spool)
		return;
	spool_stats(s->spool, &stats);
	log_info("spool: put=%" PRIu64 " written=%" PRIu64 " waiting=%" PRIu64 " dropped_full=%" PRIu64 " dropped_disk=%" PRIu64
		 " dropped_oldest=%" PRIu64 "; segments=%" PRIu64 " octets=%" PRIu64 "%s", stats.put, stats.written, stats.waiting,
		 stats.dropped_full, stats.dropped_disk, stats.dropped_oldest, stats.segments, stats.octets, stats.is_degraded ? " degraded" : "");
	if (s->given_up)
		log_warn("spool: %" PRIu64 " records found no room before the end, and are lost", s->given_up);
	for (size_t i = 0; i < s->output_count; i++)
		report_output(s, i);
}

static void spool_sink_end(struct sink *s, bool hurry)
{
	uint64_t left = 0;

	if (!s->spool) {
		crew_end(s->crew, true);
		return;
	}
	spool_flush(s->spool, time_monotonic_ns());
	crew_end(s->crew, hurry);
	spool_sink_report(s);
	for (size_t i = 0; i < s->output_count; i++) {
		left = spool_unshipped(s->spool, s->outputs[i]);
		s->unshipped += left;
		if (left && s->is_memory)
			log_error("output %s: %" PRIu64 " records were not delivered and are lost: there is no --state-dir", s->outputs[i], left);
	}
	spool_tick(s->spool, time_monotonic_ns());
	spool_stats(s->spool, &s->last);
	spool_close(s->spool, time_monotonic_ns());
	s->spool = NULL;
}

const struct sink_ops sink_spool = {
	.name = "spool",
	.open = spool_sink_open,
	.put = spool_sink_put,
	.flush = spool_sink_flush,
	.tick = spool_sink_tick,
	.reopen = spool_sink_reopen,
	.stats = spool_sink_stats,
	.report = spool_sink_report,
	.end = spool_sink_end,
	.close = spool_sink_close,
};
