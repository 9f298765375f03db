/* SPDX-License-Identifier: Apache-2.0 */
/* test_flow_table.c - when flows begin, end and make room, and what they remember. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "../user/flow/flow_table.c"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define BEGIN_NS (1736937000 * NS_PER_S)
#define IDLE_NS (120 * NS_PER_S)
#define LOG_MAX 64

/* A table and what it has reported. */
struct bench {
	struct flow_table *table;
	struct { struct flow flow; enum end_reason reason; bool is_over; } log[LOG_MAX]; /* the first ends */
	size_t ends, begins;
	uint64_t packets, octets;                 /* in records */
};

static void note_begin(void *ctx, struct flow *flow, const struct flow_delta *delta)
{
	struct bench *b = ctx;

	assert_false(flow->packets[0] || flow->packets[1]);
	assert_memory_equal(&flow->key, &delta->key, sizeof(flow->key));
	b->begins++;
}

static void note_end(void *ctx, struct flow *flow, enum end_reason reason, bool is_over)
{
	struct bench *b = ctx;

	if (b->ends < LOG_MAX) {
		b->log[b->ends].flow = *flow;
		b->log[b->ends].reason = reason;
		b->log[b->ends].is_over = is_over;
	}
	b->ends++;
	b->packets += flow->packets[0] + flow->packets[1];
	b->octets += flow->octets[0] + flow->octets[1];
}

static void open_bench(struct bench *b, uint64_t idle_ns, uint64_t active_ns, size_t max_flows)
{
	const struct flow_table_options options = { .idle_timeout_ns = idle_ns, .active_timeout_ns = active_ns, .max_flows = max_flows,
						    .seed = { 0x0123456789abcdef, 0xfedcba9876543210 } };
	const struct flow_table_handlers handlers = { .begin = note_begin, .end = note_end, .ctx = b };

	memset(b, 0, sizeof(*b));
	b->table = flow_table_new(&options, &handlers);
	assert_non_null(b->table);
}

static int make(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	*state = b;
	if (!b)
		return -1;
	open_bench(b, IDLE_NS, 0, 1000);
	return 0;
}

/* Another table in the place of the one from make(). */
static struct bench *reopen(void **state, uint64_t idle_ns, uint64_t active_ns, size_t max_flows)
{
	struct bench *b = *state;

	flow_table_free(b->table);
	open_bench(b, idle_ns, active_ns, max_flows);
	return b;
}

static int drop(void **state)
{
	struct bench *b = *state;

	flow_table_free(b->table);
	free(b);
	return 0;
}

static struct flow_table_stats stats_of(const struct bench *b)
{
	struct flow_table_stats stats;

	flow_table_stats(b->table, &stats);
	return stats;
}

static struct flow_key key_of(uint32_t id, uint8_t protocol)
{
	struct flow_key key = { .low_port = (uint16_t)id, .high_port = 443, .protocol = protocol, .ip_version = 4 };

	memcpy(key.low_addr, &id, sizeof(id));
	key.high_addr[0] = 255;
	return key;
}

/* One packet of 100 octets, as the wiring gives it to the table. */
static struct flow *send_packet(struct bench *b, uint32_t id, unsigned from_high, uint64_t at_ns)
{
	const struct packet packet = { .flags = 0 };
	const struct flow_delta delta = { .key = key_of(id, PKT_UDP), .packets = 1, .octets = 100, .first_ns = at_ns, .last_ns = at_ns,
					  .packet = &packet, .from_high = (uint8_t)from_high };

	flow_table_advance(b->table, at_ns);
	return flow_table_add(b->table, &delta);
}

static struct flow *send_tcp(struct bench *b, unsigned from_high, unsigned flags, uint32_t seq, uint64_t at_ns)
{
	const struct packet packet = { .flags = PKT_HAS_TCP, .tcp_seq = seq };
	const struct flow_delta delta = { .key = key_of(1, PKT_TCP), .packets = 1, .octets = 60, .first_ns = at_ns, .last_ns = at_ns,
					  .packet = &packet, .from_high = (uint8_t)from_high, .tcp_flags = (uint8_t)flags };

	flow_table_advance(b->table, at_ns);
	return flow_table_add(b->table, &delta);
}

/* Nothing is lost: what went in is in records or in live flows. */
static void assert_balanced(const struct bench *b, uint64_t packets)
{
	struct flow_table_stats stats = stats_of(b);

	assert_int_equal(stats.recorded_packets, b->packets);
	assert_int_equal(stats.recorded_packets + stats.live_packets + stats.other_interface_packets, packets);
}

/* ---- idle timeout ---- */

static void a_gap_of_more_than_the_timeout_begins_a_new_flow(void **state)
{
	static const struct { uint64_t gap_ns; size_t flows; } rows[] = {
		{ 0, 1 }, { IDLE_NS - 1, 1 }, { IDLE_NS, 1 }, { IDLE_NS + 1, 2 }, { IDLE_NS + NS_PER_S, 2 }, { 86400 * NS_PER_S, 2 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct bench *b = reopen(state, IDLE_NS, 0, 100);

		send_packet(b, 1, 0, BEGIN_NS);
		send_packet(b, 1, 1, BEGIN_NS + rows[i].gap_ns);
		flow_table_flush(b->table, END_EOF);
		assert_int_equal(b->begins, rows[i].flows);
		assert_int_equal(b->ends, rows[i].flows);
		assert_int_equal(b->log[0].reason, rows[i].flows == 2 ? END_IDLE : END_EOF);
		assert_int_equal(b->log[rows[i].flows - 1].flow.from_high, rows[i].flows == 2); /* who spoke first */
		assert_balanced(b, 2);
	}
}

static void a_step_back_in_time_never_splits(void **state)
{
	static const uint64_t backs_ns[] = { 1, IDLE_NS, IDLE_NS + 1, 86400 * NS_PER_S, BEGIN_NS };

	for (size_t i = 0; i < COUNT(backs_ns); i++) {
		struct bench *b = reopen(state, IDLE_NS, 0, 100);

		send_packet(b, 1, 0, BEGIN_NS);
		send_packet(b, 1, 0, BEGIN_NS - backs_ns[i]);
		send_packet(b, 1, 0, BEGIN_NS);
		flow_table_flush(b->table, END_EOF);
		assert_int_equal(b->ends, 1);
		assert_int_equal(b->log[0].flow.packets[0], 3);
		assert_int_equal(b->log[0].flow.octets[0], 300);
		assert_true(b->log[0].flow.first_ns == BEGIN_NS - backs_ns[i]); /* the earliest and the latest */
		assert_true(b->log[0].flow.last_ns == BEGIN_NS);
	}
}

static void an_idle_flow_is_swept_at_most_one_256th_of_the_timeout_late(void **state)
{
	static const uint64_t idles_ns[] = { 1000001, 10 * NS_PER_MS, NS_PER_S + 7, 120 * NS_PER_S, 3600 * NS_PER_S };

	for (size_t i = 0; i < COUNT(idles_ns); i++) {
		uint64_t idle_ns = idles_ns[i], step_ns = idle_ns / 1000, now_ns = BEGIN_NS + 12345;
		struct bench *b = reopen(state, idle_ns, 0, 100);

		send_packet(b, 1, 0, now_ns);
		send_packet(b, 1, 0, now_ns + idle_ns / 2); /* the wheel has to look twice */
		for (now_ns += idle_ns / 2; !b->ends; now_ns += step_ns)
			flow_table_advance(b->table, now_ns);
		now_ns -= step_ns;
		assert_int_equal(b->log[0].reason, END_IDLE);
		assert_true(now_ns > b->log[0].flow.last_ns + idle_ns);
		assert_true(now_ns <= b->log[0].flow.last_ns + idle_ns + idle_ns / 256 + step_ns);
		assert_int_equal(stats_of(b).live_flows, 0);
	}
}

static void a_quiet_clock_ends_flows_of_any_timeout(void **state)
{
	static const uint64_t idles_ns[] = { NS_PER_MS, 500 * NS_PER_MS, NS_PER_S, 10 * NS_PER_S };

	for (size_t i = 0; i < COUNT(idles_ns); i++) {
		struct bench *b = reopen(state, idles_ns[i], 0, 100);

		send_packet(b, 1, 0, BEGIN_NS);
		for (uint64_t s = 0; s < 15; s++) /* as the tick of a live capture */
			flow_table_advance(b->table, BEGIN_NS + s * NS_PER_S - 2 * NS_PER_S);
		assert_int_equal(b->ends, 1);
	}
}

/* ---- times that are far off ---- */

static void one_packet_far_in_the_future_ends_no_flow(void **state)
{
	struct bench *b = *state;

	for (uint32_t id = 0; id < 50; id++)
		send_packet(b, id, 0, BEGIN_NS);
	send_packet(b, 99, 0, BEGIN_NS + 365 * 86400 * NS_PER_S);
	for (uint32_t id = 0; id < 50; id++)
		send_packet(b, id, 1, BEGIN_NS + 60 * NS_PER_S);
	send_packet(b, 98, 0, INT64_MAX);
	send_packet(b, 1, 1, BEGIN_NS + 61 * NS_PER_S);
	assert_int_equal(b->ends, 0);
	assert_int_equal(stats_of(b).live_flows, 52);
	assert_balanced(b, 103);
}

static void the_clock_follows_a_new_time_that_has_lasted(void **state)
{
	static const struct { uint64_t second_s; size_t ends; } rows[] = {
		{ 0, 0 }, { 1, 0 }, { 120, 0 }, { 121, 51 }, { 240, 51 }, { 300, 50 }, { 86400, 50 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct bench *b = reopen(state, IDLE_NS, 0, 1000);

		for (uint32_t id = 0; id < 50; id++)
			send_packet(b, id, 0, BEGIN_NS);
		send_packet(b, 99, 0, BEGIN_NS + 3600 * NS_PER_S);
		assert_int_equal(b->ends, 0);
		send_packet(b, 98, 0, BEGIN_NS + (3600 + rows[i].second_s) * NS_PER_S);
		assert_int_equal(b->ends, rows[i].ends);
		assert_int_equal(stats_of(b).live_flows, 52 - rows[i].ends);
	}
}

static void a_capture_may_go_on_at_an_earlier_time(void **state)
{
	const uint64_t day_ns = 86400 * NS_PER_S, earlier_ns = BEGIN_NS - day_ns;
	struct bench *b = *state;

	for (uint32_t id = 0; id < 20; id++)
		send_packet(b, id, 0, BEGIN_NS);
	for (uint32_t id = 100; id < 120; id++)   /* a second file, a day before */
		send_packet(b, id, 0, earlier_ns);
	for (uint64_t s = 1; s <= 360; s++)       /* the wheel comes around in two timeouts */
		send_packet(b, 200, 0, earlier_ns + s * NS_PER_S);
	assert_int_equal(b->ends, 20);            /* those of the second file are idle; the others lie in the future */
	for (size_t i = 0; i < 20; i++)
		assert_true(b->log[i].flow.key.low_port >= 100 && b->log[i].reason == END_IDLE);
	send_packet(b, 3, 1, earlier_ns + 361 * NS_PER_S); /* the same 5-tuple goes on: a step back never splits */
	for (uint64_t s = 0; s <= 360; s++)       /* a third file, behind the first */
		send_packet(b, 201, 0, BEGIN_NS + s * NS_PER_S);
	assert_int_equal(b->ends, 20 + 20 + 1);
	assert_int_equal(stats_of(b).live_flows, 1);
	assert_balanced(b, 20 + 20 + 360 + 1 + 361);
}

/* ---- parts ---- */

static void a_long_flow_is_recorded_in_parts(void **state)
{
	struct bench *b = reopen(state, IDLE_NS, 60 * NS_PER_S, 100);
	uint64_t packets = 0;

	send_packet(b, 1, 1, BEGIN_NS);
	for (uint64_t s = 10; s <= 200; s += 10)  /* the answer is only in the first part */
		send_packet(b, 1, s != 10, BEGIN_NS + s * NS_PER_S);
	flow_table_flush(b->table, END_EOF);
	assert_int_equal(b->begins, 1);
	assert_int_equal(b->ends, 3);
	for (unsigned i = 0; i < 3; i++) {
		struct record record;

		flow_record(&record, &b->log[i].flow, b->log[i].reason);
		assert_int_equal(record.part, i);
		assert_true(record.first_ns == BEGIN_NS + 70 * i * NS_PER_S); /* at 60 s exactly it is not yet due */
		assert_true(record.last_ns == (i < 2 ? BEGIN_NS + (70 * i + 60) * NS_PER_S : BEGIN_NS + 200 * NS_PER_S));
		assert_true(record.is_established);
		assert_int_equal(record.src.packets, i == 2 ? 7 : i ? 7 : 6);
		assert_int_equal(record.dst.packets, i ? 0 : 1);
		assert_int_equal(record.src.octets, 100 * record.src.packets);
		assert_string_equal(record.end_reason, i < 2 ? "active" : "eof");
		assert_int_equal(b->log[i].is_over, i == 2);
		assert_true(b->log[i].flow.first_ns == BEGIN_NS); /* of the whole flow: the id needs it */
		packets += record.src.packets + record.dst.packets;
	}
	assert_int_equal(packets, 21);
	assert_balanced(b, 21);
}

static void a_part_is_also_due_when_only_the_clock_moves(void **state)
{
	struct bench *b = reopen(state, IDLE_NS, 30 * NS_PER_S, 100);

	send_packet(b, 1, 0, BEGIN_NS);
	for (uint64_t s = 1; s <= 119; s++)
		flow_table_advance(b->table, BEGIN_NS + s * NS_PER_S);
	assert_int_equal(b->ends, 1);             /* without a packet in it no further part is due */
	assert_int_equal(b->log[0].reason, END_ACTIVE);
	send_packet(b, 1, 0, BEGIN_NS + 120 * NS_PER_S);
	for (uint64_t s = 121; s <= 400; s++)
		flow_table_advance(b->table, BEGIN_NS + s * NS_PER_S);
	assert_int_equal(b->ends, 3);
	assert_int_equal(b->log[1].flow.part, 1);
	assert_int_equal(b->log[2].reason, END_IDLE);
	assert_int_equal(b->log[2].flow.packets[0], 0); /* is over, and has nothing to record */
	assert_true(b->log[2].is_over);
	assert_int_equal(stats_of(b).ended[END_IDLE], 0);
	assert_int_equal(stats_of(b).ended[END_ACTIVE], 2);
	assert_balanced(b, 2);
}

static void a_flow_of_too_many_parts_is_followed_by_a_new_one(void **state)
{
	struct bench *b = reopen(state, IDLE_NS, NS_PER_S, 100);
	struct flow *flow = NULL;

	for (uint64_t i = 0; i <= FLOW_PARTS; i++)
		flow = send_packet(b, 1, 0, BEGIN_NS + 2 * i * NS_PER_S);
	assert_int_equal(flow->part, FLOW_PARTS);
	assert_int_equal(b->begins, 1);
	flow = send_packet(b, 1, 0, BEGIN_NS + 2 * (FLOW_PARTS + 1) * NS_PER_S);
	assert_int_equal(flow->part, 0);
	assert_int_equal(b->begins, 2);
	assert_int_equal(b->ends, FLOW_PARTS + 1);
	assert_true(flow->first_ns == BEGIN_NS + 2 * (FLOW_PARTS + 1) * NS_PER_S);
	assert_balanced(b, FLOW_PARTS + 2);
}

/* ---- room ---- */

static void a_flood_costs_established_flows_nothing_and_memory_nothing(void **state)
{
	static const uint32_t packets_each[] = { 1, 2, 5 };

	for (size_t row = 0; row < COUNT(packets_each); row++) {
		struct bench *b = reopen(state, IDLE_NS, 0, 2000);
		uint64_t now_ns = BEGIN_NS, packets = 200;
		size_t held;

		for (uint32_t id = 0; id < 100; id++) { /* side by side, where a short look around finds no other */
			send_packet(b, id, 0, now_ns);
			send_packet(b, id, 1, now_ns);
		}
		for (uint32_t i = 0; i < 20000; i++) {
			for (uint32_t n = 0; n < packets_each[row]; n++, packets++)
				send_packet(b, 100000 + i, 0, now_ns += 1000);
			if (i % 20 == 0 && ++packets)
				send_packet(b, i / 20 % 100, 0, now_ns);
		}
		held = stats_of(b).octets;
		assert_true(held <= flow_table_octets(2000));
		assert_int_equal(stats_of(b).live_flows, 2000);
		assert_int_equal(stats_of(b).ended[END_OVERFLOW], 20000 + 100 - 2000);
		assert_int_equal(b->ends, 20000 + 100 - 2000);
		for (size_t i = 0; i < LOG_MAX; i++)
			assert_int_equal(b->log[i].flow.packets[0], packets_each[row]);
		assert_balanced(b, packets);
		for (uint32_t id = 0; id < 100; id++)
			assert_int_equal(send_packet(b, id, 0, now_ns)->packets[0], 1 + 10 + 1);
		flow_table_flush(b->table, END_SHUTDOWN);
		assert_balanced(b, packets + 100);
		assert_int_equal(stats_of(b).octets, held);
	}
}

static void a_flow_under_a_flood_has_a_round_to_be_answered(void **state)
{
	struct bench *b = reopen(state, IDLE_NS, 0, 2000);
	uint64_t now_ns = BEGIN_NS;

	for (uint32_t i = 0; i < 20000; i++) {
		send_packet(b, 100000 + i, 0, now_ns += 1000);
		if (i % 1000 == 500)
			send_packet(b, i / 1000, 0, now_ns);
		if (i >= 2000 && i % 1000 == 0)   /* the answer comes 1,500 flows later */
			assert_int_equal(send_packet(b, i / 1000 - 2, 1, now_ns)->packets[0], 1);
	}
	assert_int_equal(stats_of(b).live_flows, 2000);
}

static void one_packet_flows_make_room_before_one_way_streams(void **state)
{
	struct bench *b = reopen(state, IDLE_NS, 0, 2000);
	uint64_t now_ns = BEGIN_NS;

	for (uint32_t id = 0; id < 50; id++)
		for (int n = 0; n < 10; n++)
			send_packet(b, id, 0, now_ns += 1000);
	for (uint32_t i = 0; i < 20000; i++)
		send_packet(b, 100000 + i, 0, now_ns += 1000);
	for (uint32_t id = 0; id < 50; id++)
		assert_int_equal(send_packet(b, id, 0, now_ns)->packets[0], 11);
}

static void every_place_of_a_large_table_can_make_room(void **state)
{
	struct bench *b = reopen(state, IDLE_NS, 0, 3 * CHUNK_FLOWS);
	uint64_t now_ns = BEGIN_NS;
	static const uint32_t open_ids[] = { 0, 63, 64, 8190, 8191, 8192, 16383, 16384, 24575 };

	for (uint32_t id = 0, next = 0; id < 3 * CHUNK_FLOWS; id++) {
		send_packet(b, id, 0, now_ns += 1000);
		if (next < COUNT(open_ids) && id == open_ids[next])
			next++;
		else
			send_packet(b, id, 1, now_ns);
	}
	for (uint32_t i = 0; i < COUNT(open_ids); i++) {
		send_packet(b, 100000 + i, 0, now_ns += 1000);
		send_packet(b, 100000 + i, 1, now_ns);
	}
	assert_int_equal(b->ends, COUNT(open_ids)); /* each open one, and no other */
	for (uint32_t i = 0; i < COUNT(open_ids); i++)
		assert_int_equal(b->log[i].flow.packets[0] + b->log[i].flow.packets[1], 1);
}

static void among_established_flows_one_that_was_silent_for_long_makes_room(void **state)
{
	struct bench *b = reopen(state, IDLE_NS, 0, 32);
	uint64_t now_ns = BEGIN_NS;

	for (uint32_t id = 0; id < 32; id++) {
		send_packet(b, id, 0, now_ns);
		send_packet(b, id, 1, now_ns++);
	}
	send_packet(b, 0, 0, now_ns++);           /* the silent one is number 1 */
	send_packet(b, 1000, 0, now_ns++);
	assert_int_equal(b->ends, 1);
	assert_int_equal(b->log[0].flow.key.low_port, 1);
	assert_int_equal(b->log[0].reason, END_OVERFLOW);
	send_packet(b, 1001, 0, now_ns);          /* and then the one with a single packet */
	assert_int_equal(b->log[1].flow.key.low_port, 1000);
	assert_int_equal(stats_of(b).live_flows, 32);
	assert_balanced(b, 64 + 3);
}

static void entries_are_used_again(void **state)
{
	struct bench *b = reopen(state, NS_PER_S, 0, 1000000);
	uint64_t now_ns = BEGIN_NS;
	size_t held = stats_of(b).octets;

	for (uint32_t id = 0; id < 200000; id++)  /* 1,000 live at a time */
		send_packet(b, id, 0, now_ns += NS_PER_MS);
	assert_int_equal(stats_of(b).octets, held + (INDEX_MIN * 2 - INDEX_MIN) * sizeof(struct index_slot));
	assert_true(b->table->entries < 1010);
	flow_table_flush(b->table, END_SHUTDOWN);
	assert_int_equal(stats_of(b).live_flows, 0);
	send_packet(b, 7, 0, now_ns);             /* the table goes on after it was emptied */
	assert_int_equal(stats_of(b).live_flows, 1);
	assert_true(b->table->entries < 1010);
	assert_balanced(b, 200001);
}

static void a_flow_takes_132_octets_and_its_share_of_the_index(void **state)
{
	static const size_t counts[] = { 1, 767, 768, 8192, 8193, 100000, 300000 };

	for (size_t i = 0; i < COUNT(counts); i++) {
		struct bench *b = reopen(state, IDLE_NS, 0, counts[i]);
		size_t flows = (counts[i] + CHUNK_FLOWS - 1) / CHUNK_FLOWS * CHUNK_FLOWS;

		for (uint32_t id = 0; id < counts[i]; id++)
			send_packet(b, id, 0, BEGIN_NS);
		assert_int_equal(stats_of(b).live_flows, counts[i]);
		assert_true(stats_of(b).octets <= flow_table_octets(counts[i]));
		assert_true(sizeof(struct chunk) <= CHUNK_FLOWS * 132.2);
		assert_true((double)stats_of(b).octets <= (double)flows * 132.2 + 8 * ((double)counts[i] * 8 / 3 + INDEX_MIN));
	}
}

/* ---- hash flooding ---- */

static uint32_t fnv_word(uint32_t hash, uint32_t word)
{
	for (int i = 0; i < 4; i++)
		hash = (hash ^ (word >> 8 * i & 0xff)) * 16777619u;
	return hash;
}

/* For each of nine words of a key, four values that lead FNV-1a to the same low 18 bits: 4^9 keys of one bucket. */
static void craft_words(uint32_t words[9][4])
{
	static uint32_t found[1u << 18][4];
	static uint8_t counts[1u << 18];
	uint32_t hash = 2166136261u;

	for (int at = 0; at < 9; at++) {
		memset(counts, 0, sizeof(counts));
		for (uint32_t word = 1;; word++) {
			uint32_t low = fnv_word(hash, word * 2654435761u) & ((1u << 18) - 1);

			found[low][counts[low]++] = word * 2654435761u;
			if (counts[low] < 4)
				continue;
			memcpy(words[at], found[low], sizeof(words[at]));
			hash = low;               /* the low bits of FNV-1a depend on the low bits only */
			break;
		}
	}
}

/* Slots looked at to find every flow once. */
static uint64_t probes_of(const struct flow_table *table)
{
	uint64_t probes = 0;

	for (uint32_t at = 0; at <= table->index_mask; at++)
		if (table->index[at].entry)
			probes += ((at - table->index[at].tag) & table->index_mask) + 1;
	return probes;
}

static uint64_t probes_for_keys(struct bench *b, const uint32_t words[9][4])
{
	const struct packet packet = { .flags = 0 };
	struct flow_delta delta = { .key = { .protocol = PKT_TCP, .ip_version = 6 }, .packets = 1, .first_ns = BEGIN_NS, .last_ns = BEGIN_NS,
				    .packet = &packet };
	uint32_t random = 1, hash = 0;

	for (uint32_t id = 0; id < 100000; id++) {
		uint32_t key[9];

		for (int at = 0; at < 9; at++)
			key[at] = words ? words[at][id >> 2 * at & 3] : (random = random * 1664525 + 1013904223);
		memcpy(&delta.key, key, sizeof(key));
		flow_table_add(b->table, &delta);
		if (words) {
			uint32_t all = 2166136261u;

			for (int at = 0; at < 9; at++)
				all = fnv_word(all, key[at]);
			assert_true(!id || (all & ((1u << 18) - 1)) == hash);
			hash = all & ((1u << 18) - 1);
		}
	}
	assert_int_equal(stats_of(b).live_flows, 100000);
	return probes_of(b->table);
}

static void keys_that_collide_under_an_unkeyed_hash_cost_no_more_than_others(void **state)
{
	static uint32_t words[9][4];
	uint64_t random, crafted;

	craft_words(words);
	random = probes_for_keys(reopen(state, IDLE_NS, 0, 200000), NULL);
	crafted = probes_for_keys(reopen(state, IDLE_NS, 0, 200000), (const uint32_t(*)[4])words);
	assert_true(random < 200000);             /* below two a flow */
	assert_true(crafted < random + random / 10);
}

/* ---- what a flow remembers ---- */

static void another_interface_is_another_observation_point(void **state)
{
	const struct packet packet = { .flags = 0 };
	struct flow_delta delta = { .key = key_of(1, PKT_UDP), .packets = 3, .octets = 300, .first_ns = BEGIN_NS, .last_ns = BEGIN_NS,
				    .packet = &packet, .interface = 1 };
	struct bench *b = *state;

	assert_non_null(flow_table_add(b->table, &delta));
	delta.interface = 2;
	assert_null(flow_table_add(b->table, &delta));
	assert_int_equal(stats_of(b).other_interface_packets, 3);
	assert_balanced(b, 6);
	delta.first_ns = delta.last_ns = BEGIN_NS + IDLE_NS + 1; /* the flow there is over */
	assert_int_equal(flow_table_add(b->table, &delta)->interface, 2);
	assert_int_equal(b->log[0].flow.interface, 1);
	assert_int_equal(b->log[0].flow.packets[0], 3);
	assert_balanced(b, 9);
}

static void the_first_packet_says_macs_vlan_and_icmp_type(void **state)
{
	const struct packet packet = { .flags = PKT_HAS_SRC_MAC | PKT_HAS_VLAN | PKT_HAS_ICMP, .src_mac = "\1\2\3\4\5", .dst_mac = "\7\7\7\7\7",
				       .vlan = 42, .icmp_type = 3, .icmp_code = 1 };
	const struct packet later = { .flags = PKT_HAS_DST_MAC | PKT_HAS_ICMP, .vlan = 43, .icmp_type = 8 };
	struct flow_delta delta = { .key = key_of(1, PKT_ICMP4), .packets = 1, .octets = 98, .first_ns = BEGIN_NS, .last_ns = BEGIN_NS,
				    .packet = &packet, .from_high = 1 };
	struct bench *b = *state;
	const struct flow *flow = flow_table_add(b->table, &delta);

	delta.packet = &later;
	delta.from_high = 0;
	assert_ptr_equal(flow_table_add(b->table, &delta), flow);
	assert_int_equal(flow->has_mac, 2);       /* only that of the sender, which is the higher end */
	assert_memory_equal(flow->mac[1], packet.src_mac, 6);
	assert_int_equal(flow->vlan, 42);
	assert_int_equal(flow->icmp_type, 3);
	assert_int_equal(flow->icmp_code, 1);
	assert_int_equal(flow->from_high, 1);
	assert_true(flow->packets[0] == 1 && flow->packets[1] == 1 && flow_is_established(flow));
	assert_int_equal(flow->rtt_us, FLOW_RTT_UNKNOWN);
}

static void tcp_flags_are_kept_for_each_side(void **state)
{
	struct bench *b = *state;
	const struct flow *flow;

	send_tcp(b, 1, 0x02, 100, BEGIN_NS);
	send_tcp(b, 0, 0x12, 900, BEGIN_NS + 1);
	send_tcp(b, 1, 0x10, 101, BEGIN_NS + 2);
	send_tcp(b, 1, 0x11, 101, BEGIN_NS + 3);
	flow = send_tcp(b, 0, 0x04, 901, BEGIN_NS + 4);
	assert_int_equal(flow->tcp_flags[1], 0x13);
	assert_int_equal(flow->tcp_flags[0], 0x16);
	assert_int_equal(flow->has_first_seq, 3);
	assert_int_equal(flow->first_seq[1], 101);
	assert_int_equal(flow->first_seq[0], 901);
	assert_int_equal(b->ends, 0);             /* flags end nothing */
}

static void the_round_trip_is_from_syn_to_syn_ack(void **state)
{
	enum { SYN = 0x02, ACK = 0x10, SYN_ACK = 0x12 };
	static const struct { struct { int from, flags; uint64_t at_us; } packets[4]; int count; uint32_t rtt_us; } rows[] = {
		{ { { 0, SYN, 0 }, { 1, SYN_ACK, 1234 } }, 2, 1234 },
		{ { { 1, SYN, 0 }, { 0, SYN_ACK, 0 } }, 2, 0 },
		{ { { 0, SYN, 0 }, { 1, SYN_ACK, 50 }, { 1, SYN_ACK, 900 } }, 3, 50 },
		{ { { 0, SYN, 0 }, { 0, SYN, 1000 }, { 1, SYN_ACK, 1050 } }, 3, FLOW_RTT_UNKNOWN }, /* which one was answered? */
		{ { { 1, SYN_ACK, 10 }, { 0, ACK, 20 } }, 2, FLOW_RTT_UNKNOWN },                   /* the SYN was not seen */
		{ { { 0, ACK, 0 }, { 1, SYN_ACK, 20 } }, 2, FLOW_RTT_UNKNOWN },
		{ { { 0, SYN, 0 }, { 1, SYN, 20 } }, 2, FLOW_RTT_UNKNOWN },                        /* both open, RFC 9293 3.5 */
		{ { { 0, SYN, 0 }, { 1, ACK, 5 }, { 1, SYN_ACK, 20 } }, 3, FLOW_RTT_UNKNOWN },     /* a stale ACK first */
		{ { { 0, SYN, 100 }, { 1, SYN_ACK, 50 } }, 2, FLOW_RTT_UNKNOWN },                  /* time went back */
		{ { { 0, SYN, 0 }, { 0, SYN, 3000000 }, { 1, SYN_ACK, 3000050 } }, 3, FLOW_RTT_UNKNOWN }, /* in another part */
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct bench *b = reopen(state, IDLE_NS, 2 * NS_PER_S, 100);
		const struct flow *flow = NULL;

		for (int p = 0; p < rows[i].count; p++)
			flow = send_tcp(b, (unsigned)rows[i].packets[p].from, (unsigned)rows[i].packets[p].flags, 1,
					BEGIN_NS + rows[i].packets[p].at_us * NS_PER_US);
		if (!flow || flow->rtt_us != rows[i].rtt_us)
			fail_msg("row %zu: %u", i, flow ? flow->rtt_us : 0);
	}
}

static void a_syn_in_a_later_part_leaves_its_times_alone(void **state)
{
	struct bench *b = reopen(state, IDLE_NS, 2 * NS_PER_S, 100);

	send_tcp(b, 0, 0x02, 1, BEGIN_NS);
	send_tcp(b, 0, 0x02, 1, BEGIN_NS + 3 * NS_PER_S);
	send_tcp(b, 1, 0x12, 1, BEGIN_NS + 4 * NS_PER_S);
	flow_table_flush(b->table, END_EOF);
	assert_int_equal(b->ends, 2);
	assert_int_equal(b->log[1].flow.part, 1);
	assert_true(b->log[1].flow.part_first_ns == BEGIN_NS + 3 * NS_PER_S);
	assert_int_equal(b->log[1].flow.has_first_seq, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_gap_of_more_than_the_timeout_begins_a_new_flow, make, drop),
		cmocka_unit_test_setup_teardown(a_step_back_in_time_never_splits, make, drop),
		cmocka_unit_test_setup_teardown(an_idle_flow_is_swept_at_most_one_256th_of_the_timeout_late, make, drop),
		cmocka_unit_test_setup_teardown(a_quiet_clock_ends_flows_of_any_timeout, make, drop),
		cmocka_unit_test_setup_teardown(one_packet_far_in_the_future_ends_no_flow, make, drop),
		cmocka_unit_test_setup_teardown(the_clock_follows_a_new_time_that_has_lasted, make, drop),
		cmocka_unit_test_setup_teardown(a_capture_may_go_on_at_an_earlier_time, make, drop),
		cmocka_unit_test_setup_teardown(a_long_flow_is_recorded_in_parts, make, drop),
		cmocka_unit_test_setup_teardown(a_part_is_also_due_when_only_the_clock_moves, make, drop),
		cmocka_unit_test_setup_teardown(a_flow_of_too_many_parts_is_followed_by_a_new_one, make, drop),
		cmocka_unit_test_setup_teardown(a_flood_costs_established_flows_nothing_and_memory_nothing, make, drop),
		cmocka_unit_test_setup_teardown(a_flow_under_a_flood_has_a_round_to_be_answered, make, drop),
		cmocka_unit_test_setup_teardown(one_packet_flows_make_room_before_one_way_streams, make, drop),
		cmocka_unit_test_setup_teardown(every_place_of_a_large_table_can_make_room, make, drop),
		cmocka_unit_test_setup_teardown(among_established_flows_one_that_was_silent_for_long_makes_room, make, drop),
		cmocka_unit_test_setup_teardown(entries_are_used_again, make, drop),
		cmocka_unit_test_setup_teardown(a_flow_takes_132_octets_and_its_share_of_the_index, make, drop),
		cmocka_unit_test_setup_teardown(keys_that_collide_under_an_unkeyed_hash_cost_no_more_than_others, make, drop),
		cmocka_unit_test_setup_teardown(another_interface_is_another_observation_point, make, drop),
		cmocka_unit_test_setup_teardown(the_first_packet_says_macs_vlan_and_icmp_type, make, drop),
		cmocka_unit_test_setup_teardown(tcp_flags_are_kept_for_each_side, make, drop),
		cmocka_unit_test_setup_teardown(the_round_trip_is_from_syn_to_syn_ack, make, drop),
		cmocka_unit_test_setup_teardown(a_syn_in_a_later_part_leaves_its_times_alone, make, drop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
