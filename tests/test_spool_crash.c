/* SPDX-License-Identifier: Apache-2.0 */
/* test_spool_crash.c - kill -9 after any call, and power cuts, on a disk in memory: thousands of made-up histories.
 *
 * Each record has a number of its own. What the spool promised (a flush that returned 0, a batch that was written before a kill) has to come
 * back; nothing comes twice, in another order, or made up; what was gone once stays gone; and a cursor is the last one that was stored, or
 * the one that was being stored.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>
#include "../user/base/log.h"
#include "../user/base/time.h"
#include "../user/ship/spool.h"
#include "spool_disk.h"

#define HISTORIES 10000
#define RECORDS 2048
#define READERS 2

enum fate { UNKNOWN, SAFE, GONE };

struct place { uint64_t sequence; int64_t last; };  /* of a cursor: the last record before it */

struct shipper {
	struct disk_process process;
	struct spool_reader *reader;
	bool has_cursor;
	struct place stored, storing;
	int64_t last;                             /* record that was read last */
};

struct world {
	struct disk disk;
	struct disk_process meter;
	struct spool *spool;
	struct spool_options options;
	struct shipper shippers[READERS];
	enum fate fates[RECORDS];
	uint32_t next, life_began;                /* records: the next one, the first one of this writer */
	uint64_t written;                         /* by this writer, as far as it said so */
	uint64_t now_ns, gone;
	uint64_t read, lost_full, lost_damaged;   /* all audits */
	bool may_drop;
};

static const char *const output_names[READERS] = { "one", "two" };

/* ---- records ---- */

static size_t make_line(char line[80], uint32_t number)
{
	return (size_t)snprintf(line, 80, "{\"n\":%" PRIu32 ",\"pad\":\"%.*s\"}\n", number, (int)(number * 7 % 40),
				"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz");
}

/* Numbers rise from the one behind `last` on, and each line is as it was put. */
static void check_lines(struct world *w, const struct spool_batch *batch, int64_t *last, uint8_t *seen)
{
	size_t at = 0;

	for (uint32_t row = 0; row < batch->rows; row++) {
		char line[80];
		uint32_t number = (uint32_t)strtoul(batch->lines + at + 5, NULL, 10);
		size_t len = make_line(line, number);

		if (number >= w->next || (int64_t)number <= *last || at + len > batch->len || memcmp(batch->lines + at, line, len))
			fail_msg("record %u after %d, of %u", number, (int)*last, w->next);
		if (w->fates[number] == GONE)
			fail_msg("record %u came back", number);
		*last = number;
		if (seen)
			seen[number] = 1;
		at += len;
	}
	assert_int_equal(at, batch->len);
}

static void check_identity(const struct spool_cursor *cursor)
{
	const struct spool_counts *counts = &cursor->counts;

	assert_int_equal(cursor->at.sequence - cursor->begun_at,
			 counts->delivered + counts->dead + counts->dropped_full + counts->dropped_damaged);
}

/* ---- the meter ---- */

static void promise(struct world *w, uint32_t end)
{
	for (uint32_t i = w->life_began; i < end; i++) {
		assert_int_not_equal(w->fates[i], GONE);
		w->fates[i] = SAFE;
	}
}

static void note_written(struct world *w)
{
	struct spool_stats stats;

	spool_stats(w->spool, &stats);
	assert_int_equal(stats.put, stats.written + stats.dropped_full + stats.dropped_disk + stats.waiting);
	assert_in_range(stats.octets, 0, w->options.max_octets);
	if (!w->meter.is_dead)
		w->written = stats.written;
	if (!w->meter.is_dead && !w->options.sync_interval_ns && !stats.is_degraded && !w->may_drop)
		promise(w, w->life_began + (uint32_t)stats.written);
}

static void open_spool(struct world *w)
{
	w->life_began = w->next;
	w->written = 0;
	if (spool_open_on(&w->spool, &w->meter.io, &w->options, w->now_ns)) {
		assert_true(w->meter.is_dead);
		w->spool = NULL;
	}
}

static void put(struct world *w, unsigned count)
{
	while (count-- && w->next < RECORDS && !w->meter.is_dead) {
		char line[80];
		size_t len = make_line(line, w->next);
		int err = spool_put(w->spool, line, len, w->now_ns);

		if (err)
			assert_int_equal(err, -EAGAIN);
		else
			w->next++;
	}
}

static void step_meter(struct world *w)
{
	unsigned what = disk_random(&w->disk) & 15;

	if (!w->spool)
		return;
	w->now_ns += disk_random(&w->disk) % 600 * NS_PER_MS;
	if (what < 10) {
		put(w, 1 + (unsigned)(disk_random(&w->disk) % 9));
	} else if (what < 14) {
		(void)spool_tick(w->spool, w->now_ns);
	} else if (what == 14) {
		w->disk.is_out_of_space = !w->may_drop && disk_chance(&w->disk, 64);
		w->now_ns += 31 * NS_PER_S;
	} else if (!spool_flush(w->spool, w->now_ns) && !w->meter.is_dead && !w->may_drop) {
		promise(w, w->next);
	}
	note_written(w);
}

/* ---- a shipper ---- */

/* False: the process is dead, or there is no cursor yet. */
static bool open_shipper(struct world *w, int i)
{
	struct shipper *shipper = &w->shippers[i];
	const struct spool_cursor *cursor;

	if (spool_reader_open_on(&shipper->reader, &shipper->process.io, "spool", output_names[i])) {
		assert_true(shipper->process.is_dead || !shipper->has_cursor);
		shipper->reader = NULL;
		return false;
	}
	cursor = spool_reader_cursor(shipper->reader);
	check_identity(cursor);
	if (!shipper->has_cursor)
		shipper->stored = (struct place){ cursor->at.sequence, -1 };
	else if (cursor->at.sequence == shipper->storing.sequence)
		shipper->stored = shipper->storing;
	else
		assert_int_equal(cursor->at.sequence, shipper->stored.sequence);
	shipper->storing = shipper->stored;
	shipper->has_cursor = true;
	shipper->last = shipper->stored.last;
	return true;
}

static void store(struct shipper *shipper, const struct spool_cursor *cursor)
{
	shipper->storing = (struct place){ cursor->at.sequence, shipper->last };
	check_identity(cursor);
	if (!spool_reader_store(shipper->reader, cursor))
		shipper->stored = shipper->storing;
}

static void step_shipper(struct world *w, int i)
{
	struct shipper *shipper = &w->shippers[i];
	struct spool_cursor cursor;
	unsigned count = 1 + (unsigned)(disk_random(&w->disk) % 3);

	if (!shipper->reader)
		return;
	spool_reader_rewind(shipper->reader);
	shipper->last = shipper->stored.last;
	cursor = *spool_reader_cursor(shipper->reader);
	for (struct spool_batch batch; count-- && spool_reader_next(shipper->reader, &batch) == 1; spool_batch_free(&batch)) {
		check_lines(w, &batch, &shipper->last, NULL);
		spool_cursor_pass(&cursor, &batch, batch.rows, 0);
	}
	if (disk_chance(&w->disk, 200) && !shipper->process.is_dead)
		store(shipper, &cursor);
}

/* ---- what is there ---- */

/* Reads all that is before an output without taking it. */
static void read_all(struct world *w, int i, uint8_t seen[RECORDS], uint64_t *lost_full, uint64_t *lost_damaged)
{
	struct shipper *shipper = &w->shippers[i];
	struct spool_cursor cursor;
	struct spool_batch batch;
	int found;

	memset(seen, 0, RECORDS);
	*lost_full = *lost_damaged = 0;
	disk_process_start(&shipper->process, &w->disk);
	if (!open_shipper(w, i))
		return;
	cursor = *spool_reader_cursor(shipper->reader);
	while ((found = spool_reader_next(shipper->reader, &batch)) == 1) {
		check_lines(w, &batch, &shipper->last, seen);
		spool_cursor_pass(&cursor, &batch, batch.rows, 0);
		check_identity(&cursor);
		spool_batch_free(&batch);
	}
	assert_int_equal(found, 0);
	*lost_full = cursor.counts.dropped_full;
	*lost_damaged = cursor.counts.dropped_damaged;
	spool_reader_close(shipper->reader);
	shipper->reader = NULL;
}

/* After a crash: keeps the promises, settles the fate of the rest. */
static void audit(struct world *w, int i)
{
	uint8_t seen[RECORDS];
	uint64_t lost_full, lost_damaged, missing = 0;

	read_all(w, i, seen, &lost_full, &lost_damaged);
	if (!w->shippers[i].has_cursor)
		return;
	for (uint32_t n = (uint32_t)(w->shippers[i].stored.last + 1); n < w->next; n++) {
		w->read += seen[n];
		missing += !seen[n] && w->fates[n] == SAFE;
		if (w->fates[n] == UNKNOWN) {
			w->fates[n] = seen[n] ? SAFE : GONE;
			w->gone += !seen[n];
		}
	}
	if (missing && !w->may_drop)
		fail_msg("%" PRIu64 " records that were promised are missing", missing);
	assert_in_range(missing, 0, lost_full);
	assert_in_range(lost_damaged, 0, w->disk.cuts ? w->gone : 0);
	if (!w->may_drop)
		assert_int_equal(lost_full, 0);
	w->lost_full += lost_full;
	w->lost_damaged += lost_damaged;
}

/* The writer's recovery neither hides nor shows anything. */
static void audit_around_recovery(struct world *w)
{
	static uint8_t before[READERS][RECORDS], after[RECORDS];
	uint64_t lost_full, lost_damaged, lost;

	for (int i = 0; i < READERS; i++) {
		audit(w, i);
		read_all(w, i, before[i], &lost_full, &lost_damaged);
	}
	disk_process_start(&w->meter, &w->disk);
	open_spool(w);
	assert_non_null(w->spool);
	for (int i = 0; i < READERS; i++) {
		bool had_cursor = w->shippers[i].has_cursor;

		read_all(w, i, after, &lost_full, &lost);
		assert_true(w->may_drop || !had_cursor || !memcmp(after, before[i], RECORDS));
	}
}

/* ---- histories ---- */

static void stop_all(struct world *w)
{
	spool_abandon(w->spool);
	w->spool = NULL;
	for (int i = 0; i < READERS; i++) {
		spool_reader_close(w->shippers[i].reader);
		w->shippers[i].reader = NULL;
	}
}

/* The meter alone is killed and started again; the shippers go on. */
static void restart_meter(struct world *w)
{
	if (!w->may_drop)
		promise(w, w->life_began + (uint32_t)w->written);
	spool_abandon(w->spool);
	disk_process_start(&w->meter, &w->disk);
	open_spool(w);
}

static void begin_world(struct world *w, uint64_t seed)
{
	static const uint64_t intervals[] = { 0, NS_PER_S };

	memset(w, 0, sizeof(*w));
	w->disk.random = seed * 0x9e3779b97f4a7c15ull + 1;
	w->disk.writeback = (unsigned)(disk_random(&w->disk) % 4) * 60;
	w->now_ns = NS_PER_S;
	w->may_drop = disk_chance(&w->disk, 64);
	w->options = (struct spool_options){
		.dir = "spool", .outputs = output_names, .output_count = READERS, .segment_octets = 1024, .batch_rows = 4,
		.batch_octets = 256, .sync_interval_ns = intervals[disk_random(&w->disk) & 1], .memory_octets = 1 << 20,
		.max_octets = w->may_drop ? 4096 : 1 << 20, .policy = w->may_drop ? SPOOL_DROP_OLDEST : SPOOL_BLOCK,
	};
	disk_process_start(&w->meter, &w->disk);
	for (int i = 0; i < READERS; i++)
		disk_process_start(&w->shippers[i].process, &w->disk);
}

static void run_round(struct world *w)
{
	unsigned steps = 10 + (unsigned)(disk_random(&w->disk) % 30);

	if (disk_chance(&w->disk, 200))
		w->meter.dies_at = w->meter.calls + 1 + disk_random(&w->disk) % 150;
	for (int i = 0; i < READERS; i++) {
		disk_process_start(&w->shippers[i].process, &w->disk);
		if (disk_chance(&w->disk, 128))
			w->shippers[i].process.dies_at = 1 + disk_random(&w->disk) % 80;
	}
	if (!w->spool)
		open_spool(w);
	for (int i = 0; i < READERS; i++)
		open_shipper(w, i);
	for (; steps; steps--) {
		if (disk_chance(&w->disk, 150))
			step_meter(w);
		else
			step_shipper(w, (int)(disk_random(&w->disk) % READERS));
		if (w->meter.is_dead && disk_chance(&w->disk, 30))
			restart_meter(w);
	}
}

static void run_history(struct world *w, uint64_t seed)
{
	unsigned rounds;

	begin_world(w, seed);
	for (rounds = 1 + (unsigned)(disk_random(&w->disk) % 3); rounds; rounds--) {
		run_round(w);
		stop_all(w);
		w->disk.is_out_of_space = false;
		if (disk_chance(&w->disk, 180))
			disk_power_cut(&w->disk, (unsigned)(disk_random(&w->disk) % 5) * 64);
		else if (!w->may_drop)
			promise(w, w->life_began + (uint32_t)w->written);
		audit_around_recovery(w);
	}
	stop_all(w);
	disk_free(&w->disk);
}

/* Where the test stopped, for SPOOL_HISTORY=N. */
static uint64_t history;

static int tell_history(void **state)
{
	(void)state;
	if (history)
		print_message("stopped in history %" PRIu64 "\n", history);
	return 0;
}

static void no_history_of_kills_and_power_cuts_breaks_a_promise(void **state)
{
	static struct world w;
	const char *only = getenv("SPOOL_HISTORY");
	uint64_t count = 0, put_count = 0, read = 0, gone = 0, cuts = 0, damaged = 0, full = 0;

	(void)state;
	for (history = only ? strtoull(only, NULL, 10) : 1; history <= HISTORIES; history++, count++) {
		run_history(&w, history);
		put_count += w.next;
		read += w.read;
		gone += w.gone;
		cuts += w.disk.cuts;
		damaged += w.lost_damaged;
		full += w.lost_full;
		if (only)
			break;
	}
	history = 0;
	print_message("%" PRIu64 " histories, %" PRIu64 " power cuts: %" PRIu64 " records put, %" PRIu64 " read after a crash, %" PRIu64
		      " never synced and gone; counted as damaged %" PRIu64 ", as dropped %" PRIu64 "\n",
		      count, cuts, put_count, read, gone, damaged, full);
	assert_true(only || (cuts && read && gone && damaged && full));
}

/* ---- kill -9 after every call ---- */

enum victim { METER, SHIPPER, METER_AND_ALL, SHIPPER_AND_ALL, VICTIMS };

static void begin_kill(struct world *w, enum victim victim, uint64_t call)
{
	begin_world(w, 1);
	w->disk.writeback = 0;
	w->may_drop = false;
	w->options.policy = SPOOL_BLOCK;
	w->options.max_octets = 1 << 20;
	w->options.sync_interval_ns = 0;
	if (victim == METER || victim == METER_AND_ALL)
		w->meter.dies_at = call;
	else
		w->shippers[0].process.dies_at = call;
}

static bool is_anybody_dead(const struct world *w)
{
	return w->meter.is_dead || w->shippers[0].process.is_dead;
}

/* Whoever is dead is started again, alone or with all others. */
static void start_again(struct world *w, enum victim victim)
{
	bool is_meter = w->meter.is_dead || victim >= METER_AND_ALL;

	for (int i = 0; i < READERS; i++) {
		if (victim < METER_AND_ALL && !w->shippers[i].process.is_dead)
			continue;
		spool_reader_close(w->shippers[i].reader);
		disk_process_start(&w->shippers[i].process, &w->disk);
		open_shipper(w, i);
	}
	if (is_meter)
		restart_meter(w);
	for (int i = 0; i < READERS; i++) {
		if (!w->shippers[i].reader)
			open_shipper(w, i);
	}
}

static void ship_one(struct world *w, int i)
{
	struct shipper *shipper = &w->shippers[i];
	struct spool_cursor cursor;
	struct spool_batch batch;

	if (!shipper->reader || spool_reader_next(shipper->reader, &batch) != 1)
		return;
	cursor = *spool_reader_cursor(shipper->reader);
	check_lines(w, &batch, &shipper->last, NULL);
	spool_cursor_pass(&cursor, &batch, batch.rows, 0);
	spool_batch_free(&batch);
	store(shipper, &cursor);
}

static void live_on(struct world *w, int turn)
{
	if (turn < 20) {
		put(w, 3);
		w->now_ns += 700 * NS_PER_MS;
	}
	(void)spool_tick(w->spool, w->now_ns);
	note_written(w);
	ship_one(w, 0);
	if (turn % 4 || turn > 20)
		ship_one(w, 1);
}

/* 60 records through several segments, which come and go; true when somebody died on the way. */
static bool live_and_die(struct world *w, enum victim victim)
{
	bool has_died = false;

	open_spool(w);
	for (int i = 0; i < READERS; i++)
		open_shipper(w, i);
	for (int turn = 0; turn < 40; turn++) {
		if (w->spool)
			live_on(w, turn);
		if (is_anybody_dead(w)) {
			start_again(w, victim);
			has_died = true;
		}
	}
	return has_died;
}

static void check_that_all_was_shipped(struct world *w)
{
	uint64_t missing = 0;

	for (int i = 0; i < READERS; i++) {
		while (w->shippers[i].stored.last < (int64_t)w->next - 1) {
			int64_t last = w->shippers[i].last;

			ship_one(w, i);
			if (w->shippers[i].last == last)
				break;
		}
		const struct spool_counts *counts = &spool_reader_cursor(w->shippers[i].reader)->counts;

		assert_int_equal(counts->dropped_full + counts->dropped_damaged, 0);
		missing = w->next - counts->delivered;
		assert_in_range(missing, 0, w->options.batch_rows);  /* what a dead meter had in memory */
	}
}

static void a_kill_after_any_call_loses_and_repeats_nothing(void **state)
{
	static struct world w;
	uint64_t kills = 0;

	(void)state;
	for (enum victim victim = METER; victim < VICTIMS; victim++) {
		bool has_died = true;

		for (uint64_t call = 1; has_died; call++) {
			begin_kill(&w, victim, call);
			has_died = live_and_die(&w, victim);
			assert_false(is_anybody_dead(&w));
			assert_int_equal(spool_flush(w.spool, w.now_ns), 0);
			promise(&w, w.next);
			check_that_all_was_shipped(&w);
			stop_all(&w);
			disk_free(&w.disk);
			kills += has_died;
		}
	}
	print_message("%" PRIu64 " kills\n", kills);
	assert_in_range(kills, 500, 1000000);
}

/* ---- all of it ---- */

static char log_path[] = "/tmp/test_spool_crash.XXXXXX";

/* The dead complain a lot. */
static int log_away(void **state)
{
	int fd = mkstemp(log_path);

	(void)state;
	if (fd < 0)
		return -1;
	close(fd);
	return log_open(LOG_ERROR, LOG_CONSOLE, log_path);
}

static int remove_log(void **state)
{
	(void)state;
	log_close();
	return unlink(log_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kill_after_any_call_loses_and_repeats_nothing),
		cmocka_unit_test_teardown(no_history_of_kills_and_power_cuts_breaks_a_promise, tell_history),
	};

	return cmocka_run_group_tests(tests, log_away, remove_log);
}
