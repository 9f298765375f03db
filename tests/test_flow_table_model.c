/* SPDX-License-Identifier: Apache-2.0 */
/* test_flow_table_model.c - a million random packets, with steps back and times far off, against a plain list; also without memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdlib.h>
#include <cmocka.h>

/* What the table gets for calloc() and realloc(). */
static bool memory_is_used_up;

static void *scarce_calloc(size_t count, size_t size)
{
	return memory_is_used_up ? NULL : calloc(count, size);
}

static void *scarce_realloc(void *block, size_t size)
{
	return memory_is_used_up ? NULL : realloc(block, size);
}

#define calloc scarce_calloc
#define realloc scarce_realloc
#include "../user/flow/flow_table.c"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define BEGIN_NS (1736937000 * NS_PER_S)

#define MODEL_FLOWS 200

/* What the table ought to know of each key, and when. */
struct model {
	struct flow_table *table;
	uint64_t idle_ns, active_ns, clock_ns, now_ns, slack_ns;
	uint64_t random, sent;
	size_t max_flows, live;
	uint32_t adding;                          /* key of the packet under way; MODEL_FLOWS: none */
	struct model_flow {
		bool is_live;
		uint64_t first_ns, part_first_ns, last_ns, packets[2], octets[2];
		uint64_t seen_ns, part_seen_ns; /* by the clock: the last packet, and the first one of the part */
		unsigned part;
	} flows[MODEL_FLOWS];
	size_t reasons[END_REASONS];
};

static void model_begin(void *ctx, struct flow *flow, const struct flow_delta *delta)
{
	struct model *m = ctx;
	struct model_flow *expected = &m->flows[flow->key.low_port];

	assert_false(expected->is_live);
	*expected = (struct model_flow){ .is_live = true, .first_ns = delta->first_ns, .last_ns = delta->last_ns };
	m->live++;
}

static void check_reason(const struct model *m, const struct model_flow *expected, uint32_t id, enum end_reason reason)
{
	uint64_t now_ns = m->adding == id && m->now_ns > m->clock_ns ? m->now_ns : m->clock_ns;

	if (reason == END_IDLE)
		assert_true(now_ns > expected->last_ns + m->idle_ns);
	if (reason == END_ACTIVE)
		assert_true(m->active_ns && now_ns > expected->part_first_ns + m->active_ns);
	if (reason == END_OVERFLOW)
		assert_true(m->live == m->max_flows && m->adding < MODEL_FLOWS && !m->flows[m->adding].is_live);
}

static void model_end(void *ctx, struct flow *flow, enum end_reason reason, bool is_over)
{
	struct model *m = ctx;
	struct model_flow *expected = &m->flows[flow->key.low_port];

	assert_true(expected->is_live);
	check_reason(m, expected, flow->key.low_port, reason);
	assert_memory_equal(flow->packets, expected->packets, sizeof(flow->packets));
	assert_memory_equal(flow->octets, expected->octets, sizeof(flow->octets));
	assert_true(flow->first_ns == expected->first_ns && flow->last_ns == expected->last_ns && flow->part == expected->part);
	if (flow->part && (flow->packets[0] || flow->packets[1]))
		assert_true(flow->part_first_ns == expected->part_first_ns);
	m->reasons[reason]++;
	m->live -= is_over;
	expected->is_live = !is_over;
	expected->part++;
	expected->part_first_ns = 0;
	memset(expected->packets, 0, sizeof(expected->packets));
	memset(expected->octets, 0, sizeof(expected->octets));
}

static uint64_t random_below(struct model *m, uint64_t bound)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 7;
	m->random ^= m->random << 17;
	return (m->random >> 11) % bound;
}

/* Mostly a little later; at times a little or much earlier, just a timeout later, or, for one packet, far off. */
static uint64_t next_time(struct model *m)
{
	switch (random_below(m, 1000)) {
	case 0: return m->clock_ns + m->idle_ns * (2 + random_below(m, 1000));
	case 1: return m->clock_ns - m->idle_ns * (2 + random_below(m, 1000));
	case 2: return m->clock_ns + m->idle_ns;
	case 3: return m->clock_ns + random_below(m, m->idle_ns);
	case 4: case 5: case 6: return m->clock_ns - random_below(m, m->slack_ns);
	default: return m->clock_ns + random_below(m, m->idle_ns / 50);
	}
}

static void model_count(struct model_flow *expected, unsigned from, uint64_t now_ns, uint64_t clock_ns)
{
	if (now_ns < expected->first_ns && !expected->part)
		expected->first_ns = now_ns;
	if (!expected->packets[0] && !expected->packets[1])
		expected->part_seen_ns = clock_ns;
	expected->seen_ns = clock_ns;
	if (!expected->part_first_ns || now_ns < expected->part_first_ns)
		expected->part_first_ns = now_ns;
	if (now_ns > expected->last_ns)
		expected->last_ns = now_ns;
	expected->packets[from]++;
	expected->octets[from] += 100;
}

static void model_send(struct model *m)
{
	uint32_t id = (uint32_t)(random_below(m, MODEL_FLOWS) * random_below(m, MODEL_FLOWS) / MODEL_FLOWS); /* some more often */
	const struct packet packet = { .flags = 0 };
	struct flow_delta delta = { .key = { .low_port = (uint16_t)id, .protocol = PKT_UDP, .ip_version = 4 }, .packets = 1, .octets = 100, .packet = &packet,
				    .from_high = (uint8_t)random_below(m, 2) };
	uint64_t apart_ns;

	m->now_ns = next_time(m);
	apart_ns = m->now_ns > m->clock_ns ? m->now_ns - m->clock_ns : m->clock_ns - m->now_ns;
	if (m->now_ns > m->clock_ns && apart_ns <= m->idle_ns)
		m->clock_ns = m->now_ns;
	delta.first_ns = delta.last_ns = m->now_ns;
	m->adding = MODEL_FLOWS;
	flow_table_advance(m->table, m->now_ns);
	m->adding = id;
	flow_table_add(m->table, &delta);
	model_count(&m->flows[id], delta.from_high, m->now_ns, m->clock_ns);
	m->sent++;
	if (apart_ns > m->idle_ns)                /* a second one would agree with it */
		flow_table_advance(m->table, m->clock_ns);
}

/* What was due at `due_ns`, or when a packet from the past came, is over one 256th of the shorter timeout later. */
static void check_lateness(const struct model *m, uint64_t due_ns, uint64_t seen_ns)
{
	uint64_t tick_ns = (m->active_ns && m->active_ns < m->idle_ns ? m->active_ns : m->idle_ns) / 256;

	assert_true(m->clock_ns <= (due_ns > seen_ns ? due_ns : seen_ns) + tick_ns);
}

static void check_all_lateness(const struct model *m)
{
	for (size_t id = 0; id < MODEL_FLOWS; id++) {
		const struct model_flow *flow = &m->flows[id];

		if (!flow->is_live)
			continue;
		check_lateness(m, flow->last_ns + m->idle_ns, flow->seen_ns);
		/* The wheel is not turned for one part: one of a flow from the future waits until it comes around. */
		if (m->active_ns && (flow->packets[0] || flow->packets[1]) && flow->last_ns <= m->clock_ns)
			check_lateness(m, flow->part_seen_ns + m->active_ns, flow->part_seen_ns);
	}
}

static void a_million_random_packets_agree_with_a_plain_list(void **state)
{
	static const struct { uint64_t idle_ns, active_ns; size_t max_flows; } rows[] = {
		{ 120 * NS_PER_S, 0, 1000 }, { 120 * NS_PER_S, 300 * NS_PER_S, 1000 }, { 20 * NS_PER_S, 7 * NS_PER_S, 60 }, { 60 * NS_PER_S, 0, 16 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		static struct model m;
		const struct flow_table_options options = { .idle_timeout_ns = rows[i].idle_ns, .active_timeout_ns = rows[i].active_ns,
							    .max_flows = rows[i].max_flows, .seed = { i, 5 } };
		const struct flow_table_handlers handlers = { .begin = model_begin, .end = model_end, .ctx = &m };
		struct flow_table_stats stats;

		m = (struct model){ .table = flow_table_new(&options, &handlers), .idle_ns = rows[i].idle_ns, .active_ns = rows[i].active_ns,
				    .max_flows = rows[i].max_flows, .clock_ns = BEGIN_NS, .slack_ns = rows[i].idle_ns / 4, .random = 88172645463325252 + i };
		flow_table_advance(m.table, BEGIN_NS);
		while (m.sent < 250000) {
			model_send(&m);
			if (rows[i].max_flows >= MODEL_FLOWS) /* one that takes the place of another waits in the other's slot */
				check_all_lateness(&m);
		}
		flow_table_stats(m.table, &stats);
		assert_int_equal(stats.recorded_packets + stats.live_packets, m.sent);
		assert_int_equal(stats.live_flows, m.live);
		m.adding = MODEL_FLOWS;
		flow_table_flush(m.table, END_EOF);
		flow_table_stats(m.table, &stats);
		assert_int_equal(stats.recorded_packets, m.sent);
		assert_true(stats.live_flows == 0 && stats.live_packets == 0 && m.live == 0);
		assert_true(m.reasons[END_IDLE] > 100 && !m.active_ns == !m.reasons[END_ACTIVE]);
		assert_int_equal(m.reasons[END_OVERFLOW] > 100, rows[i].max_flows < 1000);
		flow_table_free(m.table);
	}
}

static void begin_nothing(void *ctx, struct flow *flow, const struct flow_delta *delta)
{
	(void)ctx;
	(void)flow;
	(void)delta;
}

static void add_up(void *ctx, struct flow *flow, enum end_reason reason, bool is_over)
{
	uint64_t *packets = ctx;

	(void)reason;
	(void)is_over;
	*packets += flow->packets[0] + flow->packets[1];
}

static void without_memory_a_flow_makes_room_for_another(void **state)
{
	static const uint32_t used_up_at[] = { 1, 700, 768, 5000, CHUNK_FLOWS, 2 * CHUNK_FLOWS + 1 };

	(void)state;
	for (size_t i = 0; i < COUNT(used_up_at); i++) {
		const struct packet packet = { .flags = 0 };
		struct flow_delta delta = { .key = { .ip_version = 4 }, .packets = 1, .octets = 100, .first_ns = BEGIN_NS, .last_ns = BEGIN_NS,
					    .packet = &packet };
		const struct flow_table_options options = { .idle_timeout_ns = NS_PER_S, .max_flows = 1000000 };
		uint64_t packets = 0;
		const struct flow_table_handlers handlers = { .begin = begin_nothing, .end = add_up, .ctx = &packets };
		struct flow_table *table = flow_table_new(&options, &handlers);
		struct flow_table_stats stats;

		for (uint32_t id = 0; id < 30000; id++) {
			memory_is_used_up = id >= used_up_at[i];
			memcpy(delta.key.low_addr, &id, sizeof(id));
			assert_non_null(flow_table_add(table, &delta));
		}
		flow_table_stats(table, &stats);
		assert_true(stats.live_flows >= used_up_at[i] && stats.live_flows <= used_up_at[i] + CHUNK_FLOWS);
		assert_int_equal(stats.ended[END_OVERFLOW], 30000 - stats.live_flows);
		flow_table_flush(table, END_EOF);
		assert_int_equal(packets, 30000);
		assert_null(flow_table_new(&options, &handlers));
		memory_is_used_up = false;
		flow_table_free(table);
	}
}

static void an_index_of_two_to_the_31_slots_is_the_largest(void **state)
{
	struct flow_table table = { .index_mask = (1u << 31) - 1 };
	const size_t most = (1ull << 31) / 4 * 3;

	(void)state;
	table.stats.live_flows = most - 1;
	assert_int_equal(index_reserve(&table), 0);
	table.stats.live_flows = most;
	assert_int_equal(index_reserve(&table), -ENOMEM);
	assert_int_equal(table.index_mask, (1u << 31) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_million_random_packets_agree_with_a_plain_list),
		cmocka_unit_test(without_memory_a_flow_makes_room_for_another),
		cmocka_unit_test(an_index_of_two_to_the_31_slots_is_the_largest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
