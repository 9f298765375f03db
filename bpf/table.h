/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* table.h - the per-CPU tables: which set, which way, who makes room. */
#ifndef DEVOURER_TABLE_H
#define DEVOURER_TABLE_H

enum shape { SHAPE_SKB = 1, SHAPE_L3 = 2 };       /* TC, not XDP; a device without Ethernet header */

/* A function of its own for each shape that a program can have: the verifier must see which helpers it calls. `name` calls
 * the one of the shape, which is a constant where it is called. `name##_body` is what they do. */
#define FOR_EACH_SHAPE(type, name, params, ...) \
	static __noinline type name##_xdp params { return name##_body(__VA_ARGS__, 0); } \
	static __noinline type name##_tc params { return name##_body(__VA_ARGS__, SHAPE_SKB); } \
	static __noinline type name##_tc_l3 params { return name##_body(__VA_ARGS__, SHAPE_SKB | SHAPE_L3); }
#define OF_SHAPE(shape, name, ...) \
	((shape) == 0 ? name##_xdp(__VA_ARGS__) : (shape) == SHAPE_SKB ? name##_tc(__VA_ARGS__) : name##_tc_l3(__VA_ARGS__))

/* State of one packet and counters of one CPU; in a map value, because the stack costs a barrier. */
struct meter {
	struct meter_counters counters;
	struct slot_key key;
	uint32_t index;                           /* of the set */
	uint32_t interface, point;                /* index; index modulo ABI_POINTS */
	uint32_t segments, octets, frame_len;     /* octets: as on the wire; frame_len: as it can be read here */
	uint32_t segment_size;                    /* octets of payload in each, when nobody has counted the segments yet; else 0 */
	uint32_t tcp_flags;
	uint32_t tag;
	uint32_t payload_at, payload_len;         /* of TCP; 0: none, or not known */
	uint32_t is_fast;                         /* the fast path has done it */
	uint32_t cold_is_packet;                  /* `packet` holds the whole parse; else the fast path left only what it names */
	uint32_t cold_index;
	uint32_t hello_wanted;                    /* octets of a ClientHello that still have to come */
	uint64_t taken_ns;                        /* when this packet took a slot; 0: it found one */
	struct packet packet;
	struct victim victim;
	struct datagram datagram;                 /* key and value of a look-up for a fragment; not on the stack, see struct pkt_cursor */
	struct datagram_ports ports;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct meter);
} meters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);                   /* CPUs x 2 generations x sets; set before the load */
	__type(key, uint32_t);
	__type(value, struct slot_set);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);                   /* as many as slots */
	__type(key, uint32_t);
	__type(value, struct cold);
} colds SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);                /* octets; set before the load */
} victims SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PKT_VERDICTS);
	__type(key, uint32_t);
	__type(value, uint64_t);
} not_recorded SEC(".maps");

struct {                                          /* by interface index modulo ABI_POINTS */
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ABI_POINTS);
	__type(key, uint32_t);
	__type(value, struct point_counters);
} points SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct datagram);
	__type(value, struct datagram_ports);
} datagrams SEC(".maps");

const volatile uint32_t zero;                     /* a key that needs no stack */
const volatile uint32_t victims_wake = 1024;      /* each time that so many octets more wait in the ring user space is woken up */
const volatile uint32_t victims_no_syn = 3584;    /* and from which on flows of a single SYN do not come in any more */
const volatile uint32_t set_bits = 12;            /* 2^12 sets of 4: a MiB for each CPU and generation */
const volatile uint64_t seed = 0x9e3779b97f4a7c15u;
volatile uint32_t ticks_per_s = 250;              /* measured by user space after the load */
volatile uint32_t epoch;

/* A wake-up costs more than all the rest of a packet, so there is one for each `step` octets (a power of two) that a ring fills. */
static __always_inline uint64_t wake_flag(uint64_t waiting, uint32_t step, uint32_t record_len)
{
	return waiting >= step && (waiting & (step - 1)) < 4 * record_len ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

/* Keep clang from making base + register of a way's pointer, which needs CAP_PERFMON. */
#define OPAQUE(p) asm volatile("" : "+r"(p))

/* Keep clang from holding what it has read: with too many values in registers some go to the stack, each with a barrier. */
#define READ_AGAIN() asm volatile("" : : : "memory")

/* Keep clang from making one piece of code of two that differ in an offset: it would become a variable. */
#define APART(number) asm volatile("" : : "i"(number))

static __always_inline int count_fault(struct meter *m)
{
	m->counters.faults++;
	return 0;
}

static __always_inline void count_point(struct meter *m)
{
	struct point_counters *point;

	m->point = m->interface % ABI_POINTS;
	point = bpf_map_lookup_elem(&points, &m->point);
	if (!point)
		return;
	point->seen += m->segments;
	point->octets += m->octets;
}

static __always_inline int count_not_recorded(struct meter *m, uint8_t verdict)
{
	uint32_t key = verdict;
	uint64_t *count = bpf_map_lookup_elem(&not_recorded, &key);
	struct point_counters *point = bpf_map_lookup_elem(&points, &m->point);

	if (count)
		*count += m->segments;
	if (point)
		point->not_recorded += m->segments;
	return 1;
}

static __always_inline uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9fb21c651e98df25u;
	hash ^= hash >> 32;
	READ_AGAIN();                             /* the next word is read when this one is mixed in */
	return hash;
}

/* Seeded, so that nobody outside can aim flows at one set. */
static __always_inline struct slot_set *find_set(struct meter *m)
{
	const volatile uint64_t *word = (const void *)&m->key;
	uint64_t hash = seed;
	uint32_t generation = bpf_get_smp_processor_id() * 2 + (epoch & 1);

	hash = mix(hash, word[0]);
	hash = mix(hash, word[1]);
	hash = mix(hash, word[2]);
	hash = mix(hash, word[3]);
	hash = mix(hash, word[4]);
	m->index = (generation << set_bits) + ((uint32_t)hash & ((1u << set_bits) - 1));
	READ_AGAIN();
	return bpf_map_lookup_elem(&slots, &m->index);
}

static __always_inline bool same_key(const struct slot *slot, const struct slot_key *key)
{
	const uint64_t *a = (const void *)&slot->key, *b = (const void *)key;

	return a[4] == b[4] && a[1] == b[1] && a[3] == b[3] && a[0] == b[0] && a[2] == b[2];
}

/* At 2^31 packets a slot is given up before its counter can wrap. */
static __always_inline bool is_slot_of(const struct slot *slot, const struct slot_key *key)
{
	return slot->packets && !(slot->packets >> 31) && same_key(slot, key);
}

static __always_inline struct slot *find_slot(struct slot_set *set, const struct slot_key *key)
{
	struct slot *slot = &set->ways[0];

	OPAQUE(slot);
	if (is_slot_of(slot, key))
		return slot;
	slot = &set->ways[1];
	OPAQUE(slot);
	if (is_slot_of(slot, key))
		return slot;
	slot = &set->ways[2];
	OPAQUE(slot);
	if (is_slot_of(slot, key))
		return slot;
	slot = &set->ways[3];
	OPAQUE(slot);
	return is_slot_of(slot, key) ? slot : NULL;
}

/* By comparison: a variable added to a map value needs CAP_PERFMON. */
static __always_inline struct slot *way_of(struct slot_set *set, uint32_t way)
{
	struct slot *slot = &set->ways[0];

	if (way == 1)
		slot = &set->ways[1];
	else if (way == 2)
		slot = &set->ways[2];
	else if (way == 3)
		slot = &set->ways[3];
	OPAQUE(slot);
	return slot;
}

/* From the packet in `m` to the key and what counting needs; the slow path's end. */
static __always_inline void take_key(struct meter *m)
{
	const struct packet *p = &m->packet;

	__builtin_memcpy(m->key.src_addr, p->src_addr, 16);
	__builtin_memcpy(m->key.dst_addr, p->dst_addr, 16);
	m->key.src_port = p->src_port;
	m->key.dst_port = p->dst_port;
	m->key.protocol = p->protocol;
	m->key.ip_version = p->ip_version;
	m->key.interface = (uint16_t)m->interface;
	m->tcp_flags = p->tcp_flags;
	m->payload_at = p->flags & PKT_LATER_FRAGMENT ? 0 : p->payload_at;
	m->payload_len = 0;
	if (m->payload_at && p->l3_len && p->l3_at + p->l3_len > m->payload_at)
		m->payload_len = p->l3_at + p->l3_len - m->payload_at;
	m->cold_is_packet = 1;
}

/* On the wire each segment had its own headers. A frame of a guest tells only how long its segments are (virtio 1.2, 5.1.6.2). */
static __noinline int count_segments(struct meter *m)
{
	struct point_counters *point = bpf_map_lookup_elem(&points, &m->point);
	uint32_t more = m->segments - 1, octets;

	if (m->segment_size && m->payload_at && m->frame_len > m->payload_at)
		more = (m->frame_len - m->payload_at - 1) / m->segment_size;
	octets = more * (m->payload_at + (m->tag ? 4 : 0));
	if (point) {
		point->seen += more + 1 - m->segments;
		point->octets += octets;
	}
	m->counters.seen += more + 1 - m->segments;
	m->counters.octets += octets;
	m->octets += octets;
	m->segments = more + 1;
	return 0;
}

static __always_inline void find_ports(struct meter *m)
{
	struct packet *p = &m->packet;
	struct datagram_ports *seen;

	__builtin_memcpy(m->datagram.src, p->src_addr, 16);
	__builtin_memcpy(m->datagram.dst, p->dst_addr, 16);
	m->datagram.id = p->fragment_id;
	m->datagram.protocol = p->protocol;
	m->datagram.ip_version = p->ip_version;
	m->ports.src_port = p->src_port;
	m->ports.dst_port = p->dst_port;
	m->ports.jiffies = (uint32_t)bpf_jiffies64();
	if (p->flags & PKT_FIRST_FRAGMENT) {
		bpf_map_update_elem(&datagrams, &m->datagram, &m->ports, BPF_ANY);
		return;
	}
	seen = bpf_map_lookup_elem(&datagrams, &m->datagram);
	if (!seen || m->ports.jiffies - seen->jiffies > 60 * ticks_per_s) /* RFC 8200 4.5 */
		return;
	p->src_port = seen->src_port;
	p->dst_port = seen->dst_port;
}
#endif
