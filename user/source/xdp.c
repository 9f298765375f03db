/* SPDX-License-Identifier: Apache-2.0 */
/* xdp.c - the source that counts in the kernel: which interfaces, when to harvest, and from slots and samples to deltas. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "../base/log.h"
#include "../base/memory.h"
#include "../base/options.h"
#include "../base/random.h"
#include "../base/time.h"
#include "source.h"
#include "xdp.h"
#include "xdp_links.h"
#include "xdp_probe.h"

#define POINTS_MAX 64                             /* interfaces at a time; slots of gone ones stay while they can, for records name them */
#define LINKS_MAX 4096
#define REFUSED_MAX 64
#define SAMPLE_RATE 50000                         /* frames a second that each class and CPU may copy for their names, half of it at once */
#define SLOTS_MOST (256u << 10)                   /* of a CPU, unless --table-slots says otherwise */
#define SLOTS_ALL (1u << 20)                      /* of all CPUs together, or a sixteenth of the memory, */
#define SLOTS_LEAST (16u << 10)                   /* but so many for each */
#define SLOT_OCTETS (2 * (sizeof(struct slot) + sizeof(struct cold))) /* two generations */
#define AUDIT_NS (10 * NS_PER_S)                  /* unless --stat-interval says otherwise */

/* An observation point. */
struct point {
	char name[16];
	unsigned ifindex;                         /* 0: gone */
	unsigned last_index;                      /* also of one that is gone: its packets may still be in the kernel's tables */
	uint64_t gone_ns;                         /* monotonic */
	struct xdp_attachment attachment;
	struct xdp_audit audit;
};

struct source {
	const struct options *options;
	struct source_out out;
	struct xdp_object object;
	struct xdp_clock clock;
	struct xdp_harvest *harvest;
	struct point points[POINTS_MAX];
	size_t count;
	struct refused { unsigned ifindex; bool is_up; } refused[REFUSED_MAX];
	size_t refusals;
	int refusal;                              /* the last one's error */
	int news;                                 /* netlink */
	int rings;                                /* epoll of the rings: woken when one fills */
	uint64_t harvested_ns, audited_ns;        /* monotonic */
	bool is_drained;                          /* nothing is attached, all was harvested */
	uint64_t overflow;                        /* that was warned of */
	uint64_t unseen;                          /* packets that devices carried and the programs did not see */
	uint64_t handed_over, handed_octets;      /* packets in deltas */
	uint64_t next_name_ns;                    /* wall clock of the next sample in the ring of names, while a batch is handed over */
	uint64_t last_ns;
	struct capture_identity identity;
};

static void harvest(struct source *s);
static void learn_until(struct source *s, uint64_t until_ns);

/* ---- interfaces ---- */

static struct point *point_of_index(struct source *s, unsigned ifindex)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->points[i].ifindex == ifindex)
			return &s->points[i];
	return NULL;
}

/* The one that is gone for longest; a flow of it that lives on is then recorded under the new name. NULL: none is gone. */
static struct point *longest_gone(struct source *s)
{
	struct point *oldest = NULL;

	for (size_t i = 0; i < s->count; i++)
		if (!s->points[i].ifindex && (!oldest || s->points[i].gone_ns < oldest->gone_ns))
			oldest = &s->points[i];
	if (oldest)
		harvest(s);                       /* what it counted is taken while its slot says so */
	return oldest;
}

/* A renamed interface keeps its index, a returned one its name. */
static struct point *point_for(struct source *s, const struct xdp_link *link)
{
	struct point *point = point_of_index(s, link->index);

	for (size_t i = 0; !point && i < s->count; i++)
		if (!s->points[i].ifindex && !strcmp(s->points[i].name, link->name))
			point = &s->points[i];
	if (point)
		return point;
	point = s->count < POINTS_MAX ? &s->points[s->count++] : longest_gone(s);
	if (point)
		*point = (struct point){ .attachment = { .ingress_link = -1, .egress_link = -1 } };
	return point;
}

static bool is_wanted(const struct source *s, const struct xdp_link *link)
{
	const struct string_list *want = &s->options->interfaces, *exclude = &s->options->exclude_interfaces;

	return xdp_links_match(link->name, want->items, want->count) > 0 && xdp_links_match(link->name, exclude->items, exclude->count) <= 0;
}

static int attach_point(struct source *s, struct point *point, const struct xdp_link *link)
{
	int err;

	if (link->is_l3 && s->object.programs[XDP_PROGRAM_TC_L3] < 0) {
		log_error("interface %s: it has no Ethernet header, which --filter needs: \"%s\"", link->name, s->options->filter);
		return -EINVAL;
	}
	snprintf(point->name, sizeof(point->name), "%s", link->name);
	point->audit = (struct xdp_audit){ .was_warned = point->audit.was_warned };
	err = xdp_attach(&point->attachment, &s->object, link, s->options->xdp_mode);
	if (!err)
		point->ifindex = point->last_index = link->index;
	return err;
}

static void forget_gone(struct source *s, const struct xdp_link *links, int count)
{
	for (size_t i = 0; i < s->count; i++) {
		struct point *point = &s->points[i];
		bool is_there = false;

		for (int k = 0; k < count; k++)
			is_there |= links[k].index == point->ifindex;
		if (is_there || !point->ifindex)
			continue;
		log_warn("interface %s is gone; it is captured again when it comes back", point->name);
		xdp_detach(&point->attachment);
		point->ifindex = 0;
		point->gone_ns = time_monotonic_ns();
	}
}

/* It is not asked again until it is another one, or went up or down. The last REFUSED_MAX are known. */
static bool was_refused(const struct source *s, const struct xdp_link *link)
{
	for (size_t i = 0; i < REFUSED_MAX; i++)
		if (s->refused[i].ifindex == link->index && s->refused[i].is_up == link->is_up)
			return true;
	return false;
}

/* Named by itself, it is a fault; one of many that a pattern names is left out. */
static int refuse(struct source *s, const struct xdp_link *link, int err)
{
	bool is_named = false;

	for (size_t i = 0; i < s->options->interfaces.count; i++)
		is_named |= !strcmp(s->options->interfaces.items[i], link->name);
	s->refused[s->refusals++ % REFUSED_MAX] = (struct refused){ link->index, link->is_up };
	s->refusal = err;
	if (is_named)
		return err;
	log_warn("interface %s: it is not captured: %s", link->name, strerror(-err));
	return 0;
}

/* Attach to what is new and wanted, let go of what is gone. The first error of a new one. */
static int look_at_interfaces(struct source *s)
{
	struct xdp_link *links = calloc(LINKS_MAX, sizeof(*links));
	int count = links ? xdp_links_list(links, LINKS_MAX) : -ENOMEM, err = count < 0 ? count : 0;

	if (count >= 0)
		forget_gone(s, links, count);
	for (int i = 0; i < count; i++) {
		struct point *point;
		int failed;

		if (!is_wanted(s, &links[i]) || point_of_index(s, links[i].index) || was_refused(s, &links[i]))
			continue;
		point = point_for(s, &links[i]);
		failed = point ? attach_point(s, point, &links[i]) : -ENOSPC;
		if (!point)
			log_error("interface %s: there are more than %d interfaces to capture", links[i].name, POINTS_MAX);
		if (failed)
			failed = refuse(s, &links[i], failed);
		err = err ? err : failed;
	}
	free(links);
	return err;
}

static void warn_of_overflow(struct source *s)
{
	struct xdp_totals totals;

	if (xdp_object_totals(&s->object, &totals) || totals.counters.overflow == s->overflow)
		return;
	log_warn("%llu packets found neither a slot of the kernel's table nor room in the ring, and are in no record: raise --ring-size or --table-slots",
		 (unsigned long long)(totals.counters.overflow - s->overflow));
	s->overflow = totals.counters.overflow;
}

static void audit(struct source *s)
{
	struct xdp_link *links = calloc(LINKS_MAX, sizeof(*links));
	int count = links ? xdp_links_list(links, LINKS_MAX) : 0;

	for (int i = 0; i < count; i++) {
		struct point *point = point_of_index(s, links[i].index);
		struct point_counters counters;

		if (point && !xdp_object_point(&s->object, point->ifindex, &counters))
			s->unseen += xdp_audit(&point->audit, &links[i], counters.seen);
	}
	free(links);
}

/* A plain name that nothing has is a mistake; a pattern waits. */
static int check_names(struct source *s)
{
	for (size_t i = 0; i < s->options->interfaces.count; i++) {
		const char *name = s->options->interfaces.items[i];

		if (xdp_links_match("", &s->options->interfaces.items[i], 1) < 0)
			return -EINVAL;
		if (xdp_links_is_pattern(name) || if_nametoindex(name))
			continue;
		log_error("interface %s: there is none of this name", name);
		return -ENODEV;
	}
	return 0;
}

/* ---- slots to deltas ---- */

static uint8_t interface_slot(struct source *s, uint16_t low_index)
{
	uint8_t gone = 0;

	for (size_t i = 0; i < s->count; i++) {
		if (s->points[i].ifindex && (uint16_t)s->points[i].ifindex == low_index)
			return (uint8_t)i;
		if ((uint16_t)s->points[i].last_index == low_index)
			gone = (uint8_t)i;
	}
	return gone;
}

static void packet_of(struct packet *p, const struct victim *v)
{
	*p = (struct packet){
		.src_port = v->slot.key.src_port, .dst_port = v->slot.key.dst_port, .protocol = v->slot.key.protocol,
		.ip_version = v->slot.key.ip_version, .flags = v->cold.packet_flags, .vlan = v->cold.vlan, .tcp_flags = v->cold.tcp_flags,
		.icmp_type = v->cold.icmp_type, .icmp_code = v->cold.icmp_code, .tcp_seq = v->cold.tcp_seq,
	};
	memcpy(p->src_addr, v->slot.key.src_addr, 16);
	memcpy(p->dst_addr, v->slot.key.dst_addr, 16);
	memcpy(p->src_mac, v->cold.src_mac, 6);
	memcpy(p->dst_mac, v->cold.dst_mac, 6);
}

static void delta_of(struct source *s, struct flow_delta *delta, struct packet *p, const struct victim *v, const struct xdp_clock *clock)
{
	*delta = (struct flow_delta){ .packets = v->slot.packets, .octets = v->slot.octets, .packet = p, .tcp_flags = (uint8_t)v->slot.flags,
				      .first_ns = xdp_clock_first(clock, v->slot.first), .last_ns = xdp_clock_last(clock, v->slot.last),
				      .interface = interface_slot(s, v->slot.key.interface), .is_aggregate = 1,
				      .syn_again = !!(v->slot.flags & SLOT_SYN_AGAIN) };
	if (delta->last_ns < delta->first_ns || delta->packets == 1) /* one tick is coarser than the first packet's clock */
		delta->last_ns = delta->first_ns;
	packet_of(p, v);
	delta->from_high = flow_key_orient(p, &delta->key);
}

static void hand_over(struct source *s, const struct flow_delta *delta)
{
	s->handed_over += delta->packets;
	s->handed_octets += delta->octets;
	s->last_ns = delta->last_ns;
	if (delta->first_ns >= s->next_name_ns)   /* names and flows in the order in which they were on the wire */
		learn_until(s, delta->first_ns);
	s->out.delta(s->out.ctx, delta, NULL, 0);
}

static void hand_over_some(struct source *s, const struct victim *const *records, size_t count, const struct xdp_clock *clock)
{
	struct flow_delta deltas[SOURCE_SOON];
	struct packet packets[SOURCE_SOON];

	for (size_t i = 0; i < count; i++)
		delta_of(s, &deltas[i], &packets[i], records[i], clock);
	s->out.soon(s->out.ctx, deltas, count);
	for (size_t i = 0; i < count; i++)
		hand_over(s, &deltas[i]);
}

/* In order they lie anywhere in memory. */
static void fetch_some(const struct victim *const *records, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		__builtin_prefetch(records[i]);
		__builtin_prefetch(&records[i]->cold);
	}
}

static int commit(void *ctx, const struct xdp_batch *batch)
{
	struct source *s = ctx;

	s->next_name_ns = 0;
	for (size_t i = 0, now; i < batch->count; i += now) {
		size_t left = batch->count - i;

		now = left < SOURCE_SOON ? left : SOURCE_SOON;
		fetch_some(batch->records + i + now, left - now < SOURCE_SOON ? left - now : SOURCE_SOON);
		hand_over_some(s, batch->records + i, now, batch->clock);
	}
	return 0;
}

/* ---- samples ---- */

/* In the units of a slot's first packet, so that the packet that opens a flow is as old as the flow. */
static uint64_t sample_ns(const struct source *s, const struct sample *sample)
{
	return xdp_clock_wall(&s->clock, sample->ns >> ABI_SLOT_FIRST_SHIFT << ABI_SLOT_FIRST_SHIFT);
}

static void take_sample(struct source *s, const struct sample *sample, uint32_t record_len)
{
	const uint8_t *frame = (const uint8_t *)(sample + 1);
	struct packet p;
	uint32_t len = sample->len;

	if (record_len < sizeof(*sample) || len > record_len - sizeof(*sample))
		return;
	if (sample->is_l3) {
		struct pkt_cursor c = { .start = frame, .end = frame + len };

		memset(&p, 0, sizeof(p));
		packet_parse_from(frame, frame + len, 0, pkt_guess_ip(&c), &p);
	} else {
		packet_parse(frame, frame + len, &p);
	}
	if (p.verdict == PKT_OK)
		s->out.sample(s->out.ctx, &p, frame, len, sample_ns(s, sample), sample->class == SAMPLE_HELLO);
}

/* Up to `until_ns` of the wall clock: what is younger may belong to a flow that was not harvested yet. The time of the next one,
 * UINT64_MAX when there is none. */
static uint64_t drain_ring(struct source *s, struct xdp_ring *ring, uint64_t until_ns)
{
	uint64_t at = xdp_ring_start(ring), done = at;
	const struct sample *sample;
	uint32_t len;

	while ((sample = xdp_ring_next(ring, &at, &len)) && sample_ns(s, sample) <= until_ns) {
		take_sample(s, sample, len);
		done = at;
	}
	xdp_ring_release(ring, done);
	return sample ? sample_ns(s, sample) : UINT64_MAX;
}

static void learn_until(struct source *s, uint64_t until_ns)
{
	s->next_name_ns = drain_ring(s, &s->object.names, until_ns);
}

static bool is_filling(const struct xdp_ring *ring)
{
	return __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE) - xdp_ring_start(ring) > ring->size / 8;
}

/* What fills between two harvests. Samples wait for the flows that they belong to, so they need a whole one. */
static void drain_rings(struct source *s)
{
	int err;

	if (is_filling(&s->object.names) || is_filling(&s->object.hellos)) {
		harvest(s);
		return;
	}
	err = xdp_clock_read(&s->clock, &s->object);
	if (!err)
		err = xdp_harvest_ring(s->harvest, &s->clock, commit, s);
	if (err)
		log_error("harvest: %s; the counts stay in the kernel and are taken with the next one", strerror(-err));
}

static void harvest(struct source *s)
{
	uint64_t flipped_ns;
	int err;

	flipped_ns = time_monotonic_ns();
	err = xdp_harvest_run(s->harvest, &s->clock, commit, s);
	learn_until(s, xdp_clock_wall(&s->clock, flipped_ns));
	if (err)
		log_error("harvest: %s; the counts stay in the kernel and are taken with the next one", strerror(-err));
	else
		drain_ring(s, &s->object.hellos, xdp_clock_wall(&s->clock, flipped_ns));
	s->harvested_ns = time_monotonic_ns();
}

/* ---- the source ---- */

/* Edge-triggered, so that only a ring that fills wakes us, not one that merely holds something. */
static int watch_rings(struct source *s)
{
	const int fds[] = { s->object.victims.fd, s->object.names.fd, s->object.hellos.fd };

	s->rings = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; s->rings >= 0 && i < sizeof(fds) / sizeof(fds[0]); i++)
		if (epoll_ctl(s->rings, EPOLL_CTL_ADD, fds[i], &(struct epoll_event){ .events = EPOLLIN | EPOLLET }) < 0)
			return -errno;
	return s->rings < 0 ? -errno : 0;
}

static void xdp_close(struct source *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		xdp_detach(&s->points[i].attachment);
	xdp_harvest_free(s->harvest);
	xdp_object_close(&s->object);
	if (s->news >= 0)
		close(s->news);
	if (s->rings >= 0)
		close(s->rings);
	free(s);
}

static uint32_t power_of_two(uint64_t at_least)
{
	uint32_t value = 4096;

	while (value < at_least && value < 1u << 30)
		value *= 2;
	return value;
}

/* More slots cost little for each packet, more victims a lot, here and there: as many as memory and the number of CPUs allow. */
static uint64_t slots_of(const struct options *o)
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t slots = SLOTS_MOST, all = memory_limit() / 16 / SLOT_OCTETS;

	if (o->table_slots)
		return o->table_slots;
	while (cpus > 0 && slots > SLOTS_LEAST && slots * (unsigned)cpus > (all < SLOTS_ALL ? all : SLOTS_ALL))
		slots /= 2;
	return slots;
}

struct xdp_sizes xdp_sizes_of(const struct options *o)
{
	uint64_t slots = slots_of(o);
	bool has_names = !o->names || !strcmp(o->names, "on");
	struct xdp_sizes sizes = { .victim_ring = power_of_two(o->ring_size), .name_ring = power_of_two(o->ring_size / 2),
				   .hello_ring = power_of_two(o->ring_size / 2), .sample_rate = has_names ? SAMPLE_RATE : 0,
				   .hellos = o->flow_names, .filter = o->filter };

	while (sizes.set_bits < 20 && (uint64_t)ABI_WAYS << sizes.set_bits < slots)
		sizes.set_bits++;
	return sizes;
}

/* Without it nothing could be taken out of the tables, and that would be known only at the first harvest. */
static int check_membarrier(void)
{
	int err = xdp_probe_membarrier();

	if (err)
		log_error("membarrier(2): %s: the counts cannot be taken out of the kernel "
			  "(a seccomp profile refuses it, or the kernel was booted with nohz_full=)",
			  strerror(-err));
	return err;
}

static bool is_any_captured(const struct source *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->points[i].ifindex)
			return true;
	return false;
}

static int start(struct source *s)
{
	struct xdp_sizes sizes = xdp_sizes_of(s->options);
	int err = check_names(s);

	if (!err)
		err = check_membarrier();
	if (!err)
		err = xdp_object_open(&s->object, &sizes);
	if (err)
		return err;
	log_info("kernel maps: %u slots for each of %u CPUs, %llu MiB in all", s->object.sets * ABI_WAYS, s->object.cpus,
		 (unsigned long long)xdp_octets(&sizes, s->object.cpus) >> 20);
	s->harvest = xdp_harvest_new(&s->object);
	s->news = xdp_links_open();
	if (!s->harvest || s->news < 0)
		return s->harvest ? s->news : -ENOMEM;
	err = watch_rings(s);
	if (!err)
		err = xdp_clock_read(&s->clock, &s->object);
	if (!err)
		err = look_at_interfaces(s);
	return err || is_any_captured(s) ? err : s->refusal;
}

static int xdp_open(struct source **out, const struct options *options, const struct source_out *sink)
{
	struct source *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->options = options;
	s->out = *sink;
	s->news = s->rings = -1;
	s->identity.len = 16;
	err = random_fill(s->identity.octets, s->identity.len);
	if (!err)
		err = start(s);
	if (err) {
		xdp_close(s);
		return err;
	}
	s->harvested_ns = time_monotonic_ns();
	*out = s;
	return 0;
}

static int xdp_fds(const struct source *s, int *fds, int max)
{
	if (max < 2)
		return 0;
	fds[0] = s->news;
	fds[1] = s->rings;
	return 2;
}

static int xdp_run(struct source *s, int budget)
{
	struct epoll_event event;

	(void)budget;
	if (xdp_links_news(s->news))
		look_at_interfaces(s);
	if (epoll_wait(s->rings, &event, 1, 0) > 0)
		drain_rings(s);
	return 0;
}

static void xdp_tick(struct source *s)
{
	uint64_t now_ns = time_monotonic_ns(), audit_ns = s->options->stat_interval_ns ? s->options->stat_interval_ns : AUDIT_NS;

	if (now_ns - s->harvested_ns + NS_PER_MS >= s->options->harvest_interval_ns)
		harvest(s);
	else
		drain_rings(s);
	if (now_ns - s->audited_ns < audit_ns)
		return;
	s->audited_ns = now_ns;
	warn_of_overflow(s);
	if (!s->options->filter)                  /* a device counts what the filter refuses, too */
		audit(s);
}

/* A program that ran while it was detached may have counted into either generation, so both are harvested. */
static void xdp_drain(struct source *s, uint64_t stop_ns)
{
	(void)stop_ns;
	for (size_t i = 0; i < s->count; i++)
		xdp_detach(&s->points[i].attachment);
	harvest(s);
	harvest(s);
	learn_until(s, UINT64_MAX);
	drain_ring(s, &s->object.hellos, UINT64_MAX);
	s->is_drained = true;
	warn_of_overflow(s);
}

static int xdp_status(const struct source *s)
{
	(void)s;
	return 0;
}

static const struct capture_identity *xdp_identity(const struct source *s)
{
	return &s->identity;
}

static const char *xdp_interface(const struct source *s, uint8_t slot)
{
	return slot < s->count ? s->points[slot].name : "";
}

static void xdp_stats(struct source *s, struct source_stats *out)
{
	struct xdp_totals totals;

	memset(out, 0, sizeof(*out));
	if (xdp_object_totals(&s->object, &totals))
		return;
	out->seen = totals.counters.seen;
	out->octets = totals.counters.octets;
	out->overflow = totals.counters.overflow;
	out->kernel_faults = totals.counters.faults;
	out->last_ns = s->last_ns;
	out->unseen = s->unseen;
	memcpy(out->not_recorded, totals.not_recorded, sizeof(out->not_recorded));
	for (int class = 0; class < SAMPLE_CLASSES; class++) {
		out->samples_copied += totals.samples[class][SAMPLE_COPIED] + totals.samples[class][SAMPLE_SNAPPED];
		out->samples_dropped += totals.samples[class][SAMPLE_BUCKET_DROPPED] + totals.samples[class][SAMPLE_RING_FULL];
	}
	if (s->is_drained)                        /* whatever is missing now is a difference */
		return;
	out->waiting = out->seen - out->overflow - out->kernel_faults - s->handed_over;
	for (int i = 0; i < PKT_VERDICTS; i++)
		out->waiting -= out->not_recorded[i];
}

const struct source_ops source_xdp = {
	.name = "xdp",
	.last_coarse_ns = 10 * NS_PER_MS,         /* the longest tick, at 100 Hz */
	.open = xdp_open,
	.fds = xdp_fds,
	.run = xdp_run,
	.tick = xdp_tick,
	.drain = xdp_drain,
	.status = xdp_status,
	.identity = xdp_identity,
	.interface = xdp_interface,
	.stats = xdp_stats,
	.close = xdp_close,
};
