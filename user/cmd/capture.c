/* SPDX-License-Identifier: Apache-2.0 */
/* capture.c - opens the stages, wires them to each other, runs the loop, and ends with everything handed over. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../base/log.h"
#include "../base/loop.h"
#include "../base/memory.h"
#include "../base/options.h"
#include "../base/random.h"
#include "../base/time.h"
#include "../flow/flow_table.h"
#include "../flow/record_id.h"
#include "../name/names.h"
#include "../ship/crew.h"
#include "../ship/sink.h"
#include "../source/filter.h"
#include "../source/source.h"
#include "../source/xdp_filter.h"
#include "capture.h"
#include "hello.h"
#include "progress.h"
#include "statistics.h"

#define SINKS_MAX 8
#define FDS_MAX 64
#define BUDGET 2048                               /* packets between two looks at signals and clock */
#define TICK_NS NS_PER_S
#define SWEEP_SLACK_NS (2 * NS_PER_S)             /* live: packets may wait in the kernel while the clock goes on */
#define FLOWS_MIN 16384u
#define FLOWS_MAX (1u << 24)

struct capture {
	const struct options *options;
	const struct source_ops *source_ops;
	struct source *source;
	struct flow_table *table;
	struct names *names;                      /* NULL: --names off */
	struct record_ids *ids;
	struct loop *loop;
	const struct sink_ops *sink_ops[SINKS_MAX];
	struct sink *sinks[SINKS_MAX];            /* NULL: its reader went away */
	size_t sink_count;
	uint64_t stop_ns;                         /* wall clock of the signal, or of the end of every reader; 0: go on */
	bool sink_failed;
	struct statistics shown;                  /* at the last statistics line */
	uint64_t shown_ns;                        /* monotonic */
	struct progress progress;
	int fds[FDS_MAX], fd_count;
	bool has_input;                           /* of a pipe that is waited for */
	char line[RECORD_JSON_MAX];
};

/* ---- flow -> record -> sinks ---- */

static void drop_sink(struct capture *c, size_t i)
{
	int err = c->sink_ops[i]->close(&c->sinks[i]);

	c->sink_failed |= err && err != -EPIPE;
	for (i = 0; i < c->sink_count; i++)
		if (c->sinks[i])
			return;
	if (!c->stop_ns)
		c->stop_ns = time_wall_ns();      /* nobody reads any more */
}

static void put_line(struct capture *c, size_t len)
{
	for (size_t i = 0; i < c->sink_count; i++)
		if (c->sinks[i] && c->sink_ops[i]->put(c->sinks[i], c->line, len) == -EPIPE)
			drop_sink(c, i);
}

static struct name_peer peer_of(const struct flow *flow, int end)
{
	struct name_peer peer = { .has_mac = flow->has_mac >> end & 1 };

	memcpy(&peer.addr, end ? flow->key.high_addr : flow->key.low_addr, sizeof(peer.addr));
	memcpy(peer.mac, flow->mac[end], sizeof(peer.mac));
	return peer;
}

static void fill_names(struct capture *c, struct flow *flow, int end, struct record_side *side)
{
	struct name_view views[NAMES_PER_SIDE];
	size_t count;

	if (!flow->names[end]) {
		struct name_peer client = peer_of(flow, !end), peer = peer_of(flow, end);
		bool is_single = flow->packets[0] + flow->packets[1] == 1; /* the time of a first packet is never coarse */

		flow->names[end] = names_late(c->names, &client, &peer, flow->first_ns, flow->last_ns + (is_single ? 0 : c->source_ops->last_coarse_ns));
	}
	count = name_list_view(c->names, flow->names[end], views);
	for (size_t i = 0; i < count; i++)
		side->names[i] = (struct record_name){ views[i].text, name_source_text[views[i].source], views[i].len };
	side->name_count = (uint8_t)count;
}

static void record_flow(struct capture *c, struct flow *flow, enum end_reason reason)
{
	const struct capture_identity *identity = c->source_ops->identity(c->source);
	const char *interface = c->source_ops->interface(c->source, flow->interface);
	struct record record;

	flow_record(&record, flow, reason);
	record.interface = interface;
	record_id(c->ids, record.id, identity->octets, identity->len, interface, &flow->key, flow->first_ns, flow->part);
	if (c->names) {
		fill_names(c, flow, flow->from_high, &record.src);
		fill_names(c, flow, !flow->from_high, &record.dst);
	}
	put_line(c, record_json(c->line, &record, c->options->extended));
}

static void on_end(void *ctx, struct flow *flow, enum end_reason reason, bool is_over)
{
	struct capture *c = ctx;

	if (flow->packets[0] + flow->packets[1])
		record_flow(c, flow, reason);
	if (!c->names)
		return;
	hello_forget(c->names, flow);
	if (is_over) {
		name_list_put(c->names, flow->names[0]);
		name_list_put(c->names, flow->names[1]);
	}
}

/* ---- source -> names, flow table ---- */

static void on_begin(void *ctx, struct flow *flow, const struct flow_delta *delta)
{
	struct capture *c = ctx;
	struct name_peer low = peer_of(flow, 0), high = peer_of(flow, 1);

	if (!c->names)
		return;
	names_saw(c->names, delta->from_high ? &high : &low, delta->first_ns);
	flow->names[0] = names_at(c->names, &high, &low, delta->first_ns);
	flow->names[1] = names_at(c->names, &low, &high, delta->first_ns);
}

static void on_delta(void *ctx, const struct flow_delta *delta, const uint8_t *frame, size_t frame_len)
{
	struct capture *c = ctx;
	const struct packet *p = delta->packet;
	struct flow *flow;

	if (frame && c->names && flow_name_port(p) != NAME_PORT_NONE && !(p->flags & PKT_LATER_FRAGMENT))
		names_frame(c->names, p, frame, frame_len, delta->first_ns);
	if (!delta->is_aggregate)                 /* the next one may be older than the last packet of this; see on_tick() */
		flow_table_advance(c->table, delta->last_ns);
	flow = flow_table_add(c->table, delta);
	if (frame && flow && c->names && p->protocol == PKT_TCP)
		hello_look(c->names, flow, delta, frame, frame_len);
}

static void on_soon(void *ctx, struct flow_delta *deltas, size_t count)
{
	struct capture *c = ctx;

	flow_table_soon(c->table, deltas, count);
}

/* A hello belongs to a flow that was handed over before; one that overflowed in the kernel has none. */
static void on_sample(void *ctx, const struct packet *packet, const uint8_t *frame, size_t frame_len, uint64_t now_ns, bool is_hello)
{
	struct capture *c = ctx;
	struct flow_delta delta = { .packet = packet, .first_ns = now_ns, .last_ns = now_ns };
	struct flow *flow;

	if (!c->names)
		return;
	if (!is_hello) {
		names_frame(c->names, packet, frame, frame_len, now_ns);
		return;
	}
	delta.from_high = flow_key_orient(packet, &delta.key);
	flow = flow_table_find(c->table, &delta.key);
	if (flow)
		hello_look(c->names, flow, &delta, frame, frame_len);
}

/* ---- statistics ---- */

static struct statistics statistics_now(struct capture *c)
{
	struct statistics now = { .names = c->names };

	c->source_ops->stats(c->source, &now.source);
	flow_table_stats(c->table, &now.flows);
	return now;
}

static void show_statistics(struct capture *c)
{
	struct statistics now = statistics_now(c);
	uint64_t now_ns = time_monotonic_ns();

	progress_clear(&c->progress);
	statistics_log_rates(&c->shown, &now, now_ns - c->shown_ns);
	statistics_log_balance(&now);
	for (size_t i = 0; i < c->sink_count; i++)
		if (c->sinks[i] && c->sink_ops[i]->report)
			c->sink_ops[i]->report(c->sinks[i]);
	c->shown = now;
	c->shown_ns = now_ns;
}

static void draw_progress(struct capture *c)
{
	struct source_stats stats;

	if (!c->progress.is_on)
		return;
	c->source_ops->stats(c->source, &stats);
	progress_draw(&c->progress, stats.input_octets, stats.input_total, stats.seen, time_monotonic_ns());
}

/* ---- loop ---- */

static void on_stop(void *ctx)
{
	struct capture *c = ctx;

	c->stop_ns = time_wall_ns();
}

static void on_hangup(void *ctx)
{
	struct capture *c = ctx;

	log_reopen();
	for (size_t i = 0; i < c->sink_count; i++)
		if (c->sinks[i] && c->sink_ops[i]->reopen(c->sinks[i]))
			c->sink_failed = true;
}

static void on_report(void *ctx)
{
	show_statistics(ctx);
}

static void on_ready(void *ctx)
{
	struct capture *c = ctx;

	c->source_ops->run(c->source, BUDGET);
}

/* The descriptors may be others after an interface was lost and found. */
static void watch_source(struct capture *c)
{
	for (int i = 0; i < c->fd_count; i++)
		loop_remove(c->loop, c->fds[i]);
	c->fd_count = c->source_ops->fds(c->source, c->fds, FDS_MAX);
	for (int i = 0; i < c->fd_count; i++)
		loop_add(c->loop, c->fds[i], on_ready);
}

/* What came before this moment has been handed over. */
static uint64_t handed_over_until(const struct capture *c, uint64_t wall_ns)
{
	return wall_ns - SWEEP_SLACK_NS - c->options->harvest_interval_ns;
}

static void on_tick(void *ctx, uint64_t wall_ns)
{
	struct capture *c = ctx;

	c->source_ops->tick(c->source);
	if (c->source_ops != &source_file) {
		watch_source(c);
		flow_table_advance(c->table, handed_over_until(c, wall_ns));
	}
	for (size_t i = 0; i < c->sink_count; i++)
		if (c->sinks[i] && c->sink_ops[i]->tick(c->sinks[i], wall_ns) == -EPIPE)
			drop_sink(c, i);
	if (c->options->stat_interval_ns && time_monotonic_ns() - c->shown_ns >= c->options->stat_interval_ns)
		show_statistics(c);
}

static void on_input(void *ctx)
{
	struct capture *c = ctx;

	c->has_input = true;
}

/* A pipe may be silent for long: signals and clock go on meanwhile. */
static int on_wait(void *ctx, int fd)
{
	struct capture *c = ctx;
	int err = loop_add(c->loop, fd, on_input);

	for (c->has_input = false; !err && !c->has_input && !c->stop_ns;)
		err = loop_turn(c->loop, false);
	loop_remove(c->loop, fd);
	return err ? err : c->has_input ? 0 : -EINTR;
}

static int read_files(struct capture *c)
{
	int err = 0;

	progress_start(&c->progress, time_monotonic_ns());
	while (!err && !c->stop_ns && c->source_ops->run(c->source, BUDGET) > 0) {
		err = loop_turn(c->loop, true);
		draw_progress(c);
	}
	progress_clear(&c->progress);
	return err;
}

static int watch_interfaces(struct capture *c)
{
	int err = 0;

	watch_source(c);
	flow_table_advance(c->table, handed_over_until(c, time_wall_ns()));
	while (!err && !c->stop_ns)
		err = loop_turn(c->loop, false);
	c->source_ops->drain(c->source, c->stop_ns);
	return err;
}

/* ---- start and end ---- */

/* A quarter of the memory there is, unless the user has said. */
static size_t flows_bound(const struct options *options)
{
	uint64_t flows = options->max_flows ? options->max_flows : memory_limit() / 4 / 160;

	if (!options->max_flows && flows < FLOWS_MIN)
		flows = FLOWS_MIN;
	if (!options->max_flows && flows > FLOWS_MAX)
		flows = FLOWS_MAX;
	return (size_t)flows;
}

static int open_table(struct capture *c)
{
	const struct options *o = c->options;
	const struct flow_table_handlers handlers = { .begin = on_begin, .end = on_end, .ctx = c };
	struct flow_table_options options = { .idle_timeout_ns = o->idle_timeout_ns, .active_timeout_ns = o->active_timeout_ns,
					      .max_flows = flows_bound(o) };
	int err = random_fill(options.seed, sizeof(options.seed));

	if (err)
		return err;
	c->table = flow_table_new(&options, &handlers);
	c->ids = record_ids_new();
	if (!c->table || !c->ids)
		return -ENOMEM;
	log_info("flow table: at most %zu flows in %llu MiB", options.max_flows, (unsigned long long)flow_table_octets(options.max_flows) >> 20);
	return 0;
}

static int open_names(struct capture *c)
{
	struct names_options options = { .learn_unmatched = !strcmp(c->options->dns_unmatched, "learn"), .flow_names = c->options->flow_names };
	int err;

	if (strcmp(c->options->names, "on") != 0)
		return 0;
	err = random_fill(options.seed, sizeof(options.seed));
	if (err)
		return err;
	c->names = names_new(&options);
	return c->names ? 0 : -ENOMEM;
}

static int open_sink(struct capture *c, const struct sink_ops *ops, uint64_t now_ns)
{
	int err = ops->open(&c->sinks[c->sink_count], c->options, now_ns);

	if (!err)
		c->sink_ops[c->sink_count++] = ops;
	return err;
}

static int open_sinks(struct capture *c)
{
	uint64_t now_ns = time_wall_ns();

	if (crew_is_needed(c->options)) {         /* first, while nothing else is open that its processes would have too */
		int err = open_sink(c, &sink_spool, now_ns);

		if (err)
			return err;
	}
	for (size_t i = 0; i < c->options->outputs.count && c->sink_count < SINKS_MAX; i++) {
		const struct sink_ops *ops = sink_find(c->options->outputs.items[i]);
		int err = ops == &sink_spool ? 0 : open_sink(c, ops, now_ns);

		if (err)
			return err;
	}
	return 0;
}

static int open_source(struct capture *c)
{
	_Static_assert(SOURCE_SOON <= FLOW_TABLE_SOON, "a hint is taken whole");
	const struct source_out out = { .delta = on_delta, .soon = on_soon, .sample = on_sample, .wait = on_wait, .ctx = c };

	c->source_ops = c->options->read_files.count ? &source_file : &source_live;
#ifdef __linux__
	if (!c->options->read_files.count && strcmp(c->options->source, "pcap") != 0) {
		int err;

		c->source_ops = &source_xdp;
		err = c->source_ops->open(&c->source, c->options, &out);
		if (!err || !strcmp(c->options->source, "xdp"))
			return err;
		log_warn("counting in the kernel is not possible here (above), so packets are read through libpcap");
		c->source_ops = &source_live;
	}
#endif
	return c->source_ops->open(&c->source, c->options, &out);
}

static int capture_open(struct capture *c)
{
	static const struct loop_handlers handlers = { .stop = on_stop, .hangup = on_hangup, .report = on_report, .tick = on_tick };
	uint64_t harvest_ns = c->options->harvest_interval_ns;
	int err = loop_new(&c->loop, &handlers, c, harvest_ns < TICK_NS ? harvest_ns : TICK_NS);

	if (!err)
		err = open_sinks(c);
	if (!err)
		err = open_table(c);
	if (!err)
		err = open_names(c);
	if (!err)
		err = open_source(c);
	if (err == -ENOMEM)
		log_error("out of memory at start; --max-flows bounds the flow table");
	c->shown_ns = time_monotonic_ns();
	return err;
}

static uint64_t close_sinks(struct capture *c)
{
	uint64_t dropped = 0;

	for (size_t i = 0; i < c->sink_count; i++) {
		struct sink_stats stats;
		int err, close_err;

		if (!c->sinks[i])
			continue;
		err = c->sink_ops[i]->flush(c->sinks[i]);
		if (c->sink_ops[i]->end)
			c->sink_ops[i]->end(c->sinks[i], c->stop_ns != 0);
		c->sink_ops[i]->stats(c->sinks[i], &stats);
		close_err = c->sink_ops[i]->close(&c->sinks[i]);
		if (err == -EPIPE)
			continue;                 /* the reader has what it wanted */
		dropped += stats.dropped;
		c->sink_failed |= err < 0 || close_err < 0;
	}
	return dropped;
}

static void capture_close(struct capture *c)
{
	flow_table_free(c->table);
	names_free(c->names);
	record_ids_free(c->ids);
	if (c->source)
		c->source_ops->close(c->source);
	loop_free(c->loop);
	free(c);
}

static int exit_status(const struct capture *c, int err, uint64_t dropped)
{
	if (err == -EPERM || err == -EACCES)
		return EXIT_PERMISSION;
	if (err || c->source_ops->status(c->source) || statistics_difference(&c->shown))
		return EXIT_FAILED;
	return dropped ? EXIT_RECORDS_LOST : c->sink_failed ? EXIT_FAILED : EXIT_DONE;
}

/* With --source auto libpcap takes such a filter. */
static bool is_refused_by_kernel(const struct options *options)
{
#ifdef __linux__
	return !options->read_files.count && !strcmp(options->source, "xdp") && xdp_filter_check(options->filter) == -EINVAL;
#else
	(void)options;
	return false;
#endif
}

int capture_run(const struct options *options)
{
	struct capture *c;
	uint64_t dropped;
	int err, status;

	if (filter_check(options->filter) || is_refused_by_kernel(options))
		return EXIT_USAGE;
	c = calloc(1, sizeof(*c));
	if (!c)
		return EXIT_FAILED;
	c->options = options;
	err = capture_open(c);
	if (!err) {
		bool is_live = c->source_ops != &source_file;

		err = is_live ? watch_interfaces(c) : read_files(c);
		flow_table_flush(c->table, c->stop_ns || is_live ? END_SHUTDOWN : END_EOF);
		show_statistics(c);
	}
	dropped = close_sinks(c);
	status = c->source ? exit_status(c, err, dropped) : err == -EPERM || err == -EACCES ? EXIT_PERMISSION : EXIT_FAILED;
	capture_close(c);
	return status;
}
