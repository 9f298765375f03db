/* SPDX-License-Identifier: Apache-2.0 */
/* flow_table.c - entries in chunks, an open-addressing index over them, and a lazy timing wheel for expiry. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../base/siphash.h"
#include "../base/time.h"
#include "flow_table.h"

#define CHUNK_FLOWS 8192u                         /* about a MiB: growth copies no entry */
#define INDEX_MIN 1024u
#define WHEEL_SLOTS 512u
#define WHEEL_TICKS_PER_TIMEOUT 256u              /* a flow is swept at most 1/256 of the timeout late */
#define VICTIM_SCAN 64u                           /* entries looked at to make room */
#define NONE 0u                                   /* entry numbers begin with 1 */

struct chunk {
	struct flow flows[CHUNK_FLOWS];
	uint32_t next[CHUNK_FLOWS];               /* in a slot of the wheel, or in the list of free entries */
	uint64_t is_open[CHUNK_FLOWS / 64];       /* a bit for each: nobody has answered yet, so it makes room first */
};

struct chunk_place {
	struct chunk *chunk;
	uint32_t open_count;                      /* bits set in its is_open */
};

struct index_slot {
	uint32_t tag;                             /* low half of the hash: place and first comparison */
	uint32_t entry;                           /* NONE: empty */
};

struct flow_table {
	struct flow_table_options options;
	struct flow_table_handlers on;
	struct chunk_place *chunks;
	size_t chunk_count;
	uint32_t entries, free_list;              /* entries ever used; those to use again */
	uint32_t victim;                          /* where the last scan for room ended */
	struct index_slot *index;
	uint32_t index_mask;
	uint64_t tick_ns, tick;                   /* the wheel stands at `tick`, in units of tick_ns */
	uint64_t turn_ns;                         /* when it turns next */
	uint64_t now_ns, jump_ns;                 /* largest time seen; where a time far off began, or 0 */
	uint32_t wheel[WHEEL_SLOTS];
	struct flow_table_stats stats;
};

static struct chunk *chunk_of(const struct flow_table *table, uint32_t entry)
{
	return table->chunks[(entry - 1) / CHUNK_FLOWS].chunk;
}

static struct flow *flow_of(const struct flow_table *table, uint32_t entry)
{
	return &chunk_of(table, entry)->flows[(entry - 1) % CHUNK_FLOWS];
}

static uint32_t *next_of(const struct flow_table *table, uint32_t entry)
{
	return &chunk_of(table, entry)->next[(entry - 1) % CHUNK_FLOWS];
}

/* A key of a live flow has the version 4 or 6. */
static bool is_live(const struct flow *flow)
{
	return flow->key.ip_version;
}

static bool is_open(const struct flow *flow)
{
	return !flow_is_established(flow) && !flow->part;
}

static void set_open(struct flow_table *table, uint32_t entry, bool open)
{
	uint32_t i = (entry - 1) % CHUNK_FLOWS;
	uint64_t *word = &chunk_of(table, entry)->is_open[i / 64], bit = 1ull << i % 64;

	if (!(*word & bit) == !open)
		return;
	*word ^= bit;
	table->chunks[(entry - 1) / CHUNK_FLOWS].open_count += open ? 1 : UINT32_MAX;
}

/* ---- index ---- */

static uint32_t tag_of(const struct flow_table *table, const struct flow_key *key)
{
	return (uint32_t)siphash13(key, sizeof(*key), table->options.seed);
}

/* The slot of `key`, or the empty one where it belongs. */
static struct index_slot *index_find(const struct flow_table *table, const struct flow_key *key, uint32_t tag)
{
	for (uint32_t i = tag;; i++) {
		struct index_slot *slot = &table->index[i & table->index_mask];

		if (!slot->entry)
			return slot;
		if (slot->tag == tag && !memcmp(&flow_of(table, slot->entry)->key, key, sizeof(*key)))
			return slot;
	}
}

/* Close the gap: move up what was displaced past it (linear probing without tombstones). */
static void index_remove(struct flow_table *table, struct index_slot *gap)
{
	uint32_t mask = table->index_mask, at = (uint32_t)(gap - table->index);

	for (uint32_t i = (at + 1) & mask; table->index[i].entry; i = (i + 1) & mask) {
		uint32_t home = table->index[i].tag & mask;

		if (((i - home) & mask) < ((i - at) & mask))
			continue;
		table->index[at] = table->index[i];
		at = i;
	}
	table->index[at] = (struct index_slot){ 0 };
}

static int index_resize(struct flow_table *table, uint32_t slots)
{
	struct index_slot *old = table->index, *fresh = calloc(slots, sizeof(*fresh));
	uint32_t count = old ? table->index_mask + 1 : 0, mask = slots - 1;

	if (!fresh)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = old[i].tag;

		if (!old[i].entry)
			continue;
		while (fresh[at & mask].entry)
			at++;
		fresh[at & mask] = old[i];
	}
	free(old);
	table->index = fresh;
	table->index_mask = mask;
	table->stats.octets += (size_t)(slots - count) * sizeof(*fresh);
	return 0;
}

/* At most three quarters full, the entry to come included. */
static int index_reserve(struct flow_table *table)
{
	uint32_t slots = (table->index_mask + 1) * 2; /* 0: of 2^32 slots the mask would hold, but not their number */

	if (table->stats.live_flows + 1 <= table->index_mask - table->index_mask / 4)
		return 0;
	return slots ? index_resize(table, slots) : -ENOMEM;
}

/* ---- wheel ---- */

static uint64_t part_first_ns(const struct flow *flow)
{
	return flow->part ? flow->part_first_ns : flow->first_ns;
}

static bool is_idle(const struct flow_table *table, const struct flow *flow, uint64_t now_ns)
{
	return now_ns > flow->last_ns && now_ns - flow->last_ns > table->options.idle_timeout_ns; /* exactly the timeout is not idle */
}

static bool has_packets(const struct flow *flow)
{
	return flow->packets[0] + flow->packets[1];
}

static bool is_part_due(const struct flow_table *table, const struct flow *flow, uint64_t now_ns)
{
	uint64_t first_ns = part_first_ns(flow);

	return table->options.active_timeout_ns && has_packets(flow) && now_ns > first_ns &&
	       now_ns - first_ns > table->options.active_timeout_ns;
}

/* Into the slot of its next deadline; one beyond the wheel goes as far as the wheel reaches and is looked at again there. */
static void wheel_put(struct flow_table *table, uint32_t entry)
{
	const struct flow *flow = flow_of(table, entry);
	uint64_t due_ns = flow->last_ns + table->options.idle_timeout_ns, tick;
	uint64_t active_ns = (has_packets(flow) ? part_first_ns(flow) : table->now_ns) + table->options.active_timeout_ns;
	uint32_t *head;

	if (table->options.active_timeout_ns && active_ns < due_ns)
		due_ns = active_ns;
	tick = due_ns / table->tick_ns + 1;
	if (tick <= table->tick)
		tick = table->tick + 1;
	if (tick >= table->tick + WHEEL_SLOTS)
		tick = table->tick + WHEEL_SLOTS - 1;
	head = &table->wheel[tick % WHEEL_SLOTS];
	*next_of(table, entry) = *head;
	*head = entry;
}

/* ---- life of a flow ---- */

static void report(struct flow_table *table, struct flow *flow, enum end_reason reason, bool is_over)
{
	uint64_t packets = flow->packets[0] + flow->packets[1];

	table->on.end(table->on.ctx, flow, reason, is_over);
	table->stats.ended[reason] += packets != 0;
	table->stats.recorded_packets += packets;
	table->stats.live_packets -= packets;
}

static void end_part(struct flow_table *table, uint32_t entry)
{
	struct flow *flow = flow_of(table, entry);

	set_open(table, entry, false);
	flow->was_established = flow_is_established(flow);
	report(table, flow, END_ACTIVE, false);
	flow->part++;
	flow->part_first_ns = 0;
	flow->has_first_seq = 0;                  /* first_seq is gone with it */
	flow_set_hello(flow, 0, HELLO_DONE);
	flow_set_hello(flow, 1, HELLO_DONE);
	memset(flow->packets, 0, sizeof(flow->packets));
	memset(flow->octets, 0, sizeof(flow->octets));
}

/* Of the first packet, whatever its direction. */
static void describe(struct flow *flow, const struct flow_delta *delta)
{
	const struct packet *p = delta->packet;

	flow->from_high = delta->from_high & 1;
	flow->vlan = p->flags & PKT_HAS_VLAN ? p->vlan : FLOW_VLAN_NONE;
	memcpy(flow->mac[delta->from_high], p->src_mac, 6);
	memcpy(flow->mac[!delta->from_high], p->dst_mac, 6);
	flow->has_mac = (unsigned)(!!(p->flags & PKT_HAS_SRC_MAC) << delta->from_high | !!(p->flags & PKT_HAS_DST_MAC) << !delta->from_high) & 3;
	if (p->flags & PKT_HAS_ICMP) {
		flow->has_icmp = 1;
		flow->icmp_type = p->icmp_type;
		flow->icmp_code = p->icmp_code;
	}
}

static void begin(struct flow_table *table, uint32_t entry, const struct flow_delta *delta)
{
	struct flow *flow = flow_of(table, entry);

	set_open(table, entry, true);
	memset(flow, 0, sizeof(*flow));
	flow->key = delta->key;
	flow->first_ns = delta->first_ns;
	flow->last_ns = delta->last_ns;
	flow->interface = delta->interface % FLOW_INTERFACES;
	flow->rtt_us = FLOW_RTT_UNKNOWN;
	describe(flow, delta);
	table->stats.flows_begun++;
	table->on.begin(table->on.ctx, flow, delta);
}

/* SYN to SYN-ACK, told apart by direction; after a repeated SYN nobody knows which one was answered (RFC 6298 3). */
static void note_handshake(struct flow *flow, const struct flow_delta *delta)
{
	int from = delta->from_high;
	uint8_t flags = delta->is_aggregate ? delta->packet->tcp_flags : delta->tcp_flags; /* of the first packet */
	bool syn_once = delta->is_aggregate ? flow->packets[!from] : flow->packets[!from] == 1;

	if (!(flags & 0x02) || !(delta->packet->flags & PKT_HAS_TCP) || flow->part)
		return;
	flow->has_first_seq |= 1u << from;
	flow->first_seq[from] = delta->packet->tcp_seq + 1; /* SYN takes a number, RFC 9293 3.4 */
	if (delta->is_aggregate && !(flags & 0x10) && (delta->syn_again || flow->packets[from]) && flow->rtt_us == FLOW_RTT_UNKNOWN)
		flow->rtt_us = FLOW_RTT_NEVER;
	if (flags & 0x10 && flow->rtt_us == FLOW_RTT_UNKNOWN && !flow->packets[from] && syn_once && flow->tcp_flags[!from] & 0x02 &&
	    delta->first_ns >= flow->first_ns && (delta->first_ns - flow->first_ns) / NS_PER_US < FLOW_RTT_NEVER)
		flow->rtt_us = (uint32_t)((delta->first_ns - flow->first_ns) / NS_PER_US);
}

/* Kernel tables of several CPUs are read one after the other, so what spoke first may come second. */
static bool spoke_before(const struct flow *flow, const struct flow_delta *delta)
{
	bool is_syn = (delta->packet->tcp_flags & 0x12) == 0x02;

	return delta->is_aggregate && !flow->part && delta->from_high != flow->from_high &&
	       (delta->first_ns < flow->first_ns || (delta->first_ns == flow->first_ns && is_syn));
}

static void count(struct flow_table *table, struct flow *flow, const struct flow_delta *delta)
{
	if (spoke_before(flow, delta))
		describe(flow, delta);
	if (flow->key.protocol == PKT_TCP) {
		note_handshake(flow, delta);
		flow->tcp_flags[delta->from_high] |= delta->tcp_flags;
	}
	flow->packets[delta->from_high] += delta->packets;
	flow->octets[delta->from_high] += delta->octets;
	if (!flow->part && delta->first_ns < flow->first_ns)
		flow->first_ns = delta->first_ns;
	if (flow->part && (!flow->part_first_ns || delta->first_ns < flow->part_first_ns))
		flow->part_first_ns = delta->first_ns;
	if (delta->last_ns > flow->last_ns)
		flow->last_ns = delta->last_ns;
	table->stats.live_packets += delta->packets;
}

/* The entry's flow is over; another one takes its place in index, chunk and wheel. The wheel looks at the new one no later
 * than it must, because its deadline is not before that of the old one. */
static void replace(struct flow_table *table, uint32_t entry, enum end_reason reason, const struct flow_delta *delta)
{
	report(table, flow_of(table, entry), reason, true);
	begin(table, entry, delta);
}

static void forget(struct flow_table *table, uint32_t entry)
{
	set_open(table, entry, false);
	flow_of(table, entry)->key.ip_version = 0;
	table->stats.live_flows--;
}

static void remove_entry(struct flow_table *table, uint32_t entry)
{
	const struct flow_key *key = &flow_of(table, entry)->key;

	index_remove(table, index_find(table, key, tag_of(table, key)));
	forget(table, entry);
	*next_of(table, entry) = table->free_list;
	table->free_list = entry;
}

/* The next open entry behind `entry`, around the end; `entry` itself when it is the only one, NONE without any. */
static uint32_t next_open(const struct flow_table *table, uint32_t entry)
{
	size_t from = entry % (table->chunk_count * CHUNK_FLOWS); /* entry numbers begin with 1: this is the one behind */

	for (size_t n = 0; n <= table->chunk_count; n++) {
		size_t chunk = (from / CHUNK_FLOWS + n) % table->chunk_count;
		uint32_t first = n ? 0 : from % CHUNK_FLOWS;

		for (uint32_t i = first / 64; i < CHUNK_FLOWS / 64 && table->chunks[chunk].open_count; i++) {
			uint64_t bits = table->chunks[chunk].chunk->is_open[i];

			if (i == first / 64)
				bits &= UINT64_MAX << first % 64;
			if (bits)
				return (uint32_t)(chunk * CHUNK_FLOWS + i * 64 + (unsigned)__builtin_ctzll(bits) + 1);
		}
	}
	return NONE;
}

/* An open flow to give up: one of a single packet, else the one that was silent for longest among some. A clock hand goes
 * over the entries, so each has a whole round to be answered. NONE: all are established. */
static uint32_t find_open_victim(struct flow_table *table)
{
	uint32_t first = next_open(table, table->victim), entry = first, best = first;

	for (unsigned i = 0; first && i < VICTIM_SCAN; i++) {
		const struct flow *flow = flow_of(table, entry);

		table->victim = entry;
		if (flow->packets[0] + flow->packets[1] == 1)
			return entry;
		if (flow->last_ns < flow_of(table, best)->last_ns)
			best = entry;
		entry = next_open(table, entry);
		if (entry == first)
			break;
	}
	return best;
}

/* Among established flows the one that was silent for longest among some. The table is full, so there is a live one. */
static uint32_t find_victim(struct flow_table *table)
{
	uint32_t best = find_open_victim(table);

	if (best)
		return best;
	assert(table->entries);
	for (unsigned i = 0; i < VICTIM_SCAN || !best; i++) {
		uint32_t entry = table->victim = table->victim % table->entries + 1;

		if (is_live(flow_of(table, entry)) && (!best || flow_of(table, entry)->last_ns < flow_of(table, best)->last_ns))
			best = entry;
	}
	return best;
}

static int add_chunk(struct flow_table *table)
{
	struct chunk_place *chunks = realloc(table->chunks, (table->chunk_count + 1) * sizeof(*chunks));
	struct chunk *chunk;

	if (!chunks)
		return -ENOMEM;
	table->chunks = chunks;
	chunk = calloc(1, sizeof(*chunk));
	if (!chunk)
		return -ENOMEM;
	chunks[table->chunk_count++] = (struct chunk_place){ .chunk = chunk };
	table->stats.octets += sizeof(*chunk);
	return 0;
}

/* A free entry, or NONE: the table is full, or memory is. */
static uint32_t take_entry(struct flow_table *table)
{
	uint32_t entry = table->free_list;

	if (table->stats.live_flows >= table->options.max_flows || index_reserve(table) < 0)
		return NONE;
	if (entry) {
		table->free_list = *next_of(table, entry);
		return entry;
	}
	if (table->entries == table->chunk_count * CHUNK_FLOWS && add_chunk(table) < 0)
		return NONE;
	return ++table->entries;
}

static uint32_t add_flow(struct flow_table *table, const struct flow_delta *delta, uint32_t tag)
{
	uint32_t entry = take_entry(table);

	if (entry) {
		table->stats.live_flows++;
		begin(table, entry, delta);
		wheel_put(table, entry);
	} else {
		const struct flow_key *old;

		entry = find_victim(table);
		old = &flow_of(table, entry)->key;
		index_remove(table, index_find(table, old, tag_of(table, old)));
		replace(table, entry, END_OVERFLOW, delta);
	}
	*index_find(table, &delta->key, tag) = (struct index_slot){ tag, entry };
	return entry;
}

struct flow *flow_table_add(struct flow_table *table, const struct flow_delta *delta)
{
	uint32_t tag = delta->tag ? delta->tag : tag_of(table, &delta->key), entry = index_find(table, &delta->key, tag)->entry;
	struct flow *flow = entry ? flow_of(table, entry) : NULL;
	bool was_open;

	if (!flow) {
		entry = add_flow(table, delta, tag);
		flow = flow_of(table, entry);
	} else if (is_idle(table, flow, delta->first_ns)) {
		replace(table, entry, END_IDLE, delta);
	} else if (flow->interface != delta->interface) {
		table->stats.other_interface_packets += delta->packets;
		return NULL;
	} else if (is_part_due(table, flow, delta->first_ns)) {
		if (flow->part < FLOW_PARTS)
			end_part(table, entry);
		else
			replace(table, entry, END_ACTIVE, delta);
	}
	was_open = is_open(flow);
	count(table, flow, delta);
	if (was_open && !is_open(flow))
		set_open(table, entry, false);
	return flow;
}

/* A table larger than the processor's cache is waited for twice a delta; the waits of many go on at the same time. */
void flow_table_soon(const struct flow_table *table, struct flow_delta *deltas, size_t count)
{
	const struct index_slot *slots[FLOW_TABLE_SOON];

	for (size_t i = 0; i < count; i++) {
		deltas[i].tag = tag_of(table, &deltas[i].key);
		slots[i] = &table->index[deltas[i].tag & table->index_mask];
		__builtin_prefetch(slots[i]);
	}
	for (size_t i = 0; i < count; i++) {
		const char *flow = slots[i]->entry ? (const char *)flow_of(table, slots[i]->entry) : NULL;

		if (!flow)
			continue;
		__builtin_prefetch(flow, 1);
		__builtin_prefetch(flow + sizeof(struct flow) / 2, 1);
	}
}

struct flow *flow_table_find(const struct flow_table *table, const struct flow_key *key)
{
	uint32_t entry = index_find(table, key, tag_of(table, key))->entry;

	return entry ? flow_of(table, entry) : NULL;
}

/* ---- time ---- */

static void look_at(struct flow_table *table, uint32_t entry, uint64_t now_ns)
{
	struct flow *flow = flow_of(table, entry);

	if (is_idle(table, flow, now_ns)) {
		report(table, flow, END_IDLE, true);
		remove_entry(table, entry);
		return;
	}
	if (is_part_due(table, flow, now_ns) && flow->part < FLOW_PARTS)
		end_part(table, entry);
	wheel_put(table, entry);
}

static void turn_wheel(struct flow_table *table, uint64_t now_ns)
{
	uint64_t target = now_ns / table->tick_ns;

	if (target - table->tick > WHEEL_SLOTS)   /* a jump: every slot once is enough */
		table->tick = target - WHEEL_SLOTS;
	while (table->tick < target) {
		uint32_t *head = &table->wheel[++table->tick % WHEEL_SLOTS], entry = *head;

		*head = NONE;
		while (entry) {
			uint32_t next = *next_of(table, entry);

			look_at(table, entry, now_ns);
			entry = next;
		}
	}
	table->turn_ns = (target + 1) * table->tick_ns;
}

static bool is_near(const struct flow_table *table, uint64_t a_ns, uint64_t b_ns)
{
	return (a_ns > b_ns ? a_ns - b_ns : b_ns - a_ns) <= table->options.idle_timeout_ns;
}

static void set_clock(struct flow_table *table, uint64_t now_ns)
{
	table->now_ns = now_ns;
	table->tick = now_ns / table->tick_ns;
	table->turn_ns = (table->tick + 1) * table->tick_ns;
}

static void move_clock(struct flow_table *table, uint64_t now_ns)
{
	if (now_ns > table->now_ns)
		table->now_ns = now_ns;
	if (table->now_ns >= table->turn_ns)
		turn_wheel(table, table->now_ns);
}

/* `now_ns` is further than the idle timeout from all before. It may be one absurd packet, or a few of another time merged
 * in between, and a flow must not be split by them: the clock follows when the new time has lasted for the timeout. */
static void consider_jump(struct flow_table *table, uint64_t now_ns)
{
	uint64_t idle_ns = table->options.idle_timeout_ns, target_ns;

	if (!table->jump_ns || now_ns < table->jump_ns)
		table->jump_ns = now_ns;
	if (now_ns - table->jump_ns <= idle_ns)
		return;
	target_ns = now_ns - table->jump_ns <= 2 * idle_ns ? now_ns : table->jump_ns;
	table->jump_ns = target_ns == now_ns ? 0 : now_ns;
	if (target_ns < table->now_ns)
		set_clock(table, target_ns);      /* the capture goes on at an earlier time */
	else
		move_clock(table, target_ns);
}

void flow_table_advance(struct flow_table *table, uint64_t now_ns)
{
	if (!table->now_ns)
		set_clock(table, now_ns);
	if (!is_near(table, now_ns, table->now_ns)) {
		consider_jump(table, now_ns);
		return;
	}
	table->jump_ns = 0;
	move_clock(table, now_ns);
}

void flow_table_flush(struct flow_table *table, enum end_reason reason)
{
	for (uint32_t entry = 1; entry <= table->entries; entry++) {
		if (!is_live(flow_of(table, entry)))
			continue;
		report(table, flow_of(table, entry), reason, true);
		forget(table, entry);
	}
	memset(table->index, 0, ((size_t)table->index_mask + 1) * sizeof(*table->index));
	memset(table->wheel, 0, sizeof(table->wheel));
	table->free_list = NONE;
	for (uint32_t entry = table->entries; entry; entry--) {
		*next_of(table, entry) = table->free_list;
		table->free_list = entry;
	}
}

/* ---- the table itself ---- */

static uint64_t tick_for(const struct flow_table_options *options)
{
	uint64_t timeout_ns = options->idle_timeout_ns, tick_ns;

	if (options->active_timeout_ns && options->active_timeout_ns < timeout_ns)
		timeout_ns = options->active_timeout_ns;
	tick_ns = timeout_ns / WHEEL_TICKS_PER_TIMEOUT;
	return tick_ns ? tick_ns : 1;
}

void flow_table_free(struct flow_table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->chunk_count; i++)
		free(table->chunks[i].chunk);
	free(table->chunks);
	free(table->index);
	free(table);
}

struct flow_table *flow_table_new(const struct flow_table_options *options, const struct flow_table_handlers *handlers)
{
	struct flow_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->options = *options;
	table->on = *handlers;
	table->tick_ns = tick_for(options);
	if (index_resize(table, INDEX_MIN) == 0 && add_chunk(table) == 0)
		return table;
	flow_table_free(table);
	return NULL;
}

void flow_table_stats(const struct flow_table *table, struct flow_table_stats *out)
{
	*out = table->stats;
}

uint64_t flow_table_octets(uint64_t flows)
{
	uint64_t slots = INDEX_MIN;

	while (slots - slots / 4 < flows + 1)
		slots *= 2;
	return (flows + CHUNK_FLOWS - 1) / CHUNK_FLOWS * sizeof(struct chunk) + slots * sizeof(struct index_slot);
}
