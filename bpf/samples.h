/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* samples.h - which frames may carry names, and their way to user space: two rings, so that a flood of DNS cannot starve the
 * hellos, behind a token bucket for each class and CPU, which is cheaper than a reserve that fails. */
#ifndef DEVOURER_SAMPLES_H
#define DEVOURER_SAMPLES_H

struct bucket { uint32_t tokens, jiffies; };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SAMPLE_CLASSES);
	__type(key, uint32_t);
	__type(value, struct bucket);
} buckets SEC(".maps");

struct {                                          /* class x SAMPLE_OUTCOMES + outcome */
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SAMPLE_CLASSES * SAMPLE_OUTCOMES);
	__type(key, uint32_t);
	__type(value, uint64_t);
} sample_counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);                /* octets; set before the load */
} names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} hellos SEC(".maps");

/* Streams within their ClientHello: a slot may be harvested or evicted between two segments of it. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct slot_key);
	__type(value, uint32_t);
} open_hellos SEC(".maps");

const volatile uint32_t sample_rate = 50000;      /* a second, for each class and CPU; 0: no names */
const volatile bool sample_hellos = true;
const volatile uint32_t samples_wake = 1024;      /* as victims_wake */

/* 0: no names in it; else 1 + enum sample_class. */
static __always_inline uint32_t port_class(uint16_t port)
{
	switch (port) {
	case 53: return 1 + SAMPLE_DNS;
	case 67: case 68: case 137: case 546: case 547: case 5353: case 5355: return 1 + SAMPLE_LAN;
	default: return 0;
	}
}

/* RFC 8446 5.1 and 4: a handshake record that begins with a ClientHello. How many octets it has in all; 0: it is none. */
static __always_inline uint32_t hello_octets(const uint8_t *payload)
{
	if (payload[0] != 0x16 || payload[1] != 3 || payload[2] > 4 || payload[5] != 1)
		return 0;
	return 9 + (payload[7] << 8 | payload[8]); /* one longer than 65,535 octets is none that is read */
}

#define HELLO_WANTED_MAX 16384
#define HELLO_WANTED_CRUMBS 2048                  /* after a first segment too short to tell */

static __always_inline long load_bytes(void *ctx, uint32_t shape, uint32_t at, void *to, uint32_t len)
{
	return shape & SHAPE_SKB ? bpf_skb_load_bytes(ctx, at, to, len) : bpf_xdp_load_bytes(ctx, at, to, len);
}

/* How many octets of a hello begin here; 0: none. */
static __always_inline uint32_t hello_begins_body(void *ctx, struct meter *m, uint32_t shape)
{
	uint8_t payload[16];
	uint32_t octets;

	if (!load_bytes(ctx, shape, m->payload_at, payload, 9)) {
		octets = hello_octets(payload);
		return octets < HELLO_WANTED_MAX ? octets : HELLO_WANTED_MAX;
	}
	if (m->payload_len < 9 && !load_bytes(ctx, shape, m->payload_at, payload, 1) && payload[0] == 0x16)
		return HELLO_WANTED_CRUMBS;
	return 0;
}

FOR_EACH_SHAPE(uint32_t, hello_begins, (void *ctx, struct meter *m), ctx, m)

/* What the slot before this one knew, or the slot of another CPU: asked once, with the first payload. */
static __noinline uint32_t hello_goes_on(struct meter *m, const struct slot *slot)
{
	uint32_t *wanted = slot && !(slot->flags & 0xf00) ? bpf_map_lookup_elem(&open_hellos, &m->key) : NULL;

	return wanted ? *wanted : 0;
}

/* This segment is one of a hello, of which `wanted` octets were to come. */
static __noinline int note_hello(struct meter *m, struct slot *slot, uint32_t wanted)
{
	if (!slot)
		return 0;
	slot->flags &= 0xffff;
	if (wanted <= m->payload_len) {
		slot->flags |= SLOT_HELLO_DONE;
		return (int)bpf_map_delete_elem(&open_hellos, &m->key);
	}
	m->hello_wanted = wanted - m->payload_len;
	slot->flags |= m->hello_wanted << SLOT_HELLO_WANTED_SHIFT;
	return (int)bpf_map_update_elem(&open_hellos, &m->key, &m->hello_wanted, BPF_ANY);
}

/* A TCP segment with payload of a stream that is still looked at: the first payload segments of each direction are tested, and
 * from the start of a ClientHello on all are taken until it is whole. */
static __always_inline uint32_t hello_class_body(void *ctx, struct meter *m, struct slot *slot, uint32_t shape)
{
	uint32_t wanted;

	if (!slot)
		return 0;
	wanted = slot->flags >> SLOT_HELLO_WANTED_SHIFT;
	if (!wanted) {
		wanted = OF_SHAPE(shape, hello_begins, ctx, m);
		if (!wanted)
			wanted = hello_goes_on(m, slot);
		slot->flags += SLOT_HELLO_TESTS;
		if ((slot->flags & 0xf00) == SLOT_HELLO_TESTS_MAX * SLOT_HELLO_TESTS)
			slot->flags |= SLOT_HELLO_DONE;
		if (!wanted)
			return 0;
	}
	note_hello(m, slot, wanted);
	return 1 + SAMPLE_HELLO;
}

FOR_EACH_SHAPE(uint32_t, hello_class, (void *ctx, struct meter *m, struct slot *slot), ctx, m, slot)

static __always_inline uint32_t sample_class(void *ctx, struct meter *m, struct slot *slot, uint32_t shape)
{
	uint32_t class;

	if (!sample_rate)
		return 0;
	if (m->key.protocol == PKT_UDP) {
		class = port_class(m->key.src_port);
		return class ? class : port_class(m->key.dst_port);
	}
	if (m->key.protocol != PKT_TCP)
		return 0;
	if (m->key.src_port == 53 || m->key.dst_port == 53) /* SYN tells where the stream begins */
		return m->payload_len || m->tcp_flags & 2 ? 1 + SAMPLE_DNS : 0;
	if (!m->payload_len)
		return 0;
	return slot->flags & SLOT_HELLO_DONE || !sample_hellos ? 0 : OF_SHAPE(shape, hello_class, ctx, m, slot);
}

/* False: this class has had its share of this CPU's time. */
static __always_inline bool take_token(struct bucket *bucket)
{
	uint32_t now = (uint32_t)bpf_jiffies64(), passed = now - bucket->jiffies, burst = sample_rate / 2;

	if (passed) {
		bucket->jiffies = now;
		bucket->tokens = passed > ticks_per_s ? burst : bucket->tokens + passed * (sample_rate / ticks_per_s);
		if (bucket->tokens > burst)
			bucket->tokens = burst;
	}
	if (!bucket->tokens)
		return false;
	bucket->tokens--;
	return true;
}

static __always_inline void fill_sample(struct sample *sample, const struct meter *m, uint32_t class, uint32_t len, uint32_t shape)
{
	sample->ns = m->taken_ns ? m->taken_ns : bpf_ktime_get_ns();
	sample->len = len;
	sample->wire_len = m->octets;
	sample->interface = m->interface;
	sample->vlan = (uint16_t)m->tag;
	sample->class = (uint8_t)class;
	sample->is_l3 = !!(shape & SHAPE_L3);
}

/* A record of a size that the verifier sees as a constant; the length is clamped by a mask, which it follows as well. */
#define COPY(ring, room) do { \
	struct sample *sample = bpf_ringbuf_reserve(ring, sizeof(*sample) + (room), 0); \
	uint32_t len = ((frame_len - 1) & ((room) - 1)) + 1; \
	if (!sample) \
		return SAMPLE_RING_FULL; \
	fill_sample(sample, m, class, len, shape); \
	if (load_bytes(ctx, shape, 0, sample + 1, len)) \
		sample->len = 0;          /* never seen: the frame has frame_len octets */ \
	bpf_ringbuf_submit(sample, wake_flag(bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA), samples_wake, sizeof(*sample) + (room))); \
	return frame_len < m->frame_len ? SAMPLE_SNAPPED : SAMPLE_COPIED; \
} while (0)

#define COPY_BY_SIZE(ring) do { \
	if (frame_len <= 256) \
		COPY(ring, 256); \
	else if (frame_len <= 512) \
		COPY(ring, 512); \
	else if (frame_len <= 2048) \
		COPY(ring, 2048); \
	else \
		COPY(ring, 4096); \
} while (0)

static __always_inline enum sample_outcome copy_frame(void *ctx, struct meter *m, uint32_t class, uint32_t shape)
{
	struct bucket *bucket = bpf_map_lookup_elem(&buckets, &class);
	uint32_t frame_len = m->frame_len < 4096 ? m->frame_len : 4096;

	if (!bucket || !take_token(bucket))
		return SAMPLE_BUCKET_DROPPED;
	if (class == SAMPLE_HELLO)
		COPY_BY_SIZE(&hellos);
	else
		COPY_BY_SIZE(&names);
}

static __always_inline int copy_sample_body(void *ctx, struct meter *m, uint32_t class, uint32_t shape)
{
	uint32_t key = class * SAMPLE_OUTCOMES + copy_frame(ctx, m, class, shape);
	uint64_t *count = bpf_map_lookup_elem(&sample_counts, &key);

	if (count)
		*count += 1;
	return 0;
}

FOR_EACH_SHAPE(int, copy_sample, (void *ctx, struct meter *m, uint32_t class), ctx, m, class)
#endif
