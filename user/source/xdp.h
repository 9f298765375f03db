/* SPDX-License-Identifier: Apache-2.0 */
/* xdp.h - the kernel source's parts among themselves: object and maps, rings, clocks, harvest, attachments, interfaces. */
#ifndef DEVOURER_XDP_H
#define DEVOURER_XDP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../../include/abi.h"

struct bpf_object;
struct xdp_dispatch;
struct options;

/* ---- xdp_object.c: the programs and maps in the kernel ---- */

struct xdp_sizes {
	uint32_t set_bits;                        /* 2^set_bits sets of 4 slots for each CPU and generation */
	uint32_t victim_ring, name_ring, hello_ring; /* octets, powers of two and pages */
	uint32_t sample_rate;                     /* a second, class and CPU; 0: no names */
	bool hellos;
	const char *filter;                       /* pcap-filter(7); NULL: every packet */
};

enum xdp_program { XDP_PROGRAM_XDP, XDP_PROGRAM_TC, XDP_PROGRAM_TC_L3, XDP_PROGRAM_CLOCK, XDP_PROGRAMS };

struct xdp_object {
	struct bpf_object *object;
	const char *filter;                       /* of the sizes it was opened with */
	int programs[XDP_PROGRAMS];               /* descriptors; TC_L3: negative when the filter does not fit there */
	int meters, points, not_recorded, sample_counts; /* maps that are read by the system call */
	unsigned cpus;                            /* possible ones */
	uint32_t sets;                            /* of one CPU and generation */
	struct slot_set *slots;                   /* [cpu][generation][set], mapped */
	struct cold *colds;                       /* [slot], mapped */
	size_t slots_len, colds_len;              /* octets mapped */
	volatile uint32_t *epoch, *ticks_per_s;   /* in .bss and .data, mapped */
	volatile uint64_t *clock_pair;            /* jiffies, monotonic ns */
	struct xdp_ring {
		int fd;
		volatile uint64_t *consumer;
		const volatile uint64_t *producer;
		const uint8_t *data;
		size_t size;
		uint8_t *whole;                   /* room for a record that the ring's end cuts in two */
	} victims, names, hellos;
};

/* The sizes that a capture with these options has. */
struct xdp_sizes xdp_sizes_of(const struct options *options);

/* Load with the sizes. 0 or -errno, logged with its cure (-EINVAL: the filter). xdp_object_close() also takes a half-made or zeroed one. */
int xdp_object_open(struct xdp_object *x, const struct xdp_sizes *sizes);

/* The same without a word, and the words for its error: one sentence with the cure. */
int xdp_object_try(struct xdp_object *x, const struct xdp_sizes *sizes);
void xdp_object_explain(int err, const struct xdp_sizes *sizes, char *out, size_t size);
void xdp_object_close(struct xdp_object *x);

/* The XDP program once more, opened and not loaded, on the same maps: to be loaded as a part of a dispatcher, as
 * `xdp_object_program` by name. The caller owns it. NULL: errno says why. */
struct bpf_object *xdp_object_reopen(const struct xdp_object *x);
extern const char xdp_object_program[];

/* libbpf's lines go to our log, one level lower: what matters is said by us, with its cure. */
void xdp_log_libbpf(void);

/* Octets of kernel memory that the maps take with these sizes. */
uint64_t xdp_octets(const struct xdp_sizes *sizes, unsigned cpus);

struct xdp_totals {
	struct meter_counters counters;           /* of all CPUs */
	uint64_t not_recorded[PKT_VERDICTS];
	uint64_t samples[SAMPLE_CLASSES][SAMPLE_OUTCOMES];
};
int xdp_object_totals(const struct xdp_object *x, struct xdp_totals *out); /* 0 or -errno */

/* What one interface saw. 0 or -errno. */
int xdp_object_point(const struct xdp_object *x, unsigned ifindex, struct point_counters *out);

/* ---- xdp_ring.c: a ring buffer that is read first and given back later (kernel: bpf ringbuf, 8-octet headers) ---- */

#define XDP_RING_RECORD_MAX (4096 + sizeof(struct sample)) /* octets of a record */

int xdp_ring_map(struct xdp_ring *ring, int fd, size_t size);
void xdp_ring_unmap(struct xdp_ring *ring);

/* The record at `*at` (0 at first: the consumer's place), and steps `*at` over it; lent until the next call. NULL: no more that
 * are finished. */
const void *xdp_ring_next(const struct xdp_ring *ring, uint64_t *at, uint32_t *len);
void xdp_ring_release(struct xdp_ring *ring, uint64_t at); /* all before `at` may be overwritten */
uint64_t xdp_ring_start(const struct xdp_ring *ring);

/* ---- xdp_clock.c: kernel stamps to wall time ---- */

struct xdp_clock {
	uint64_t jiffies, monotonic_ns, wall_ns;  /* one moment */
	uint64_t offset_ns;                       /* from the monotonic clock to the wall's: the same until that one is set */
	uint64_t tick_ns;
	uint64_t first_jiffies, first_monotonic_ns;
};
int xdp_clock_read(struct xdp_clock *clock, const struct xdp_object *object); /* a new moment; 0 or -errno */
uint64_t xdp_clock_wall(const struct xdp_clock *clock, uint64_t monotonic_ns);
uint64_t xdp_clock_first(const struct xdp_clock *clock, uint32_t first); /* of a slot, which is older than the moment */
uint64_t xdp_clock_last(const struct xdp_clock *clock, uint32_t last);

/* ---- xdp_sort.c ---- */

/* `order`: pointers to the `count` (below 2^32) records, by first packet; on a tie who spoke first, as far as TCP flags and ports tell.
 * `room`: for twice as many numbers. */
void xdp_sort(const struct victim **order, const struct victim *records, size_t count, uint64_t *room);

/* ---- xdp_harvest.c: flip, wait, scan, commit, zero ---- */

struct xdp_harvest;

/* What a harvest found, in the order of the first packets. Lent. */
struct xdp_batch { const struct victim *const *records; size_t count; const struct xdp_clock *clock; };

struct xdp_harvest *xdp_harvest_new(struct xdp_object *object); /* NULL: out of memory */
void xdp_harvest_free(struct xdp_harvest *harvest);

/* Only the ring of victims: `commit` gets what is in it, then it is given back. 0 or -errno. */
int xdp_harvest_ring(struct xdp_harvest *harvest, const struct xdp_clock *clock, int (*commit)(void *ctx, const struct xdp_batch *batch), void *ctx);

/* One round: `commit` gets all that was counted before the flip, before any of it is taken out of the kernel's memory.
 * 0 or -errno (of the flip or of `commit`: then nothing was taken, and the next round has it). */
int xdp_harvest_run(struct xdp_harvest *harvest, struct xdp_clock *clock, int (*commit)(void *ctx, const struct xdp_batch *batch), void *ctx);

/* ---- xdp_audit.c: the device's own counters against ours ---- */

struct xdp_link;
struct xdp_audit { uint64_t device, seen; bool is_begun, was_warned; }; /* at the last look */

/* Packets that the device carried since the last look and that `seen` (of the interface so far) does not hold. More than 1 % is
 * warned of, once. The first look only begins. */
uint64_t xdp_audit(struct xdp_audit *audit, const struct xdp_link *link, uint64_t seen);

/* ---- xdp_attach.c: one interface's programs ---- */

#define XDP_ATTACH_TCX_INGRESS 46                 /* enum bpf_attach_type of kernel 6.6, which older headers lack */
#define XDP_ATTACH_TCX_EGRESS 47
#define XDP_FILTER_HANDLE 0xdef10e                /* of our clsact filters */
#define XDP_FILTER_PRIORITY 49152

enum xdp_mode { XDP_MODE_NONE, XDP_MODE_NATIVE, XDP_MODE_GENERIC, XDP_MODE_TCX, XDP_MODE_CLSACT, XDP_MODE_DISPATCHER };
extern const char *const xdp_mode_text[];

struct xdp_attachment {
	unsigned ifindex;
	enum xdp_mode ingress, egress;
	int ingress_link, egress_link;            /* -1: none, a clsact filter, or in a dispatcher */
	struct xdp_dispatch *dispatch;            /* NULL: not in one */
};

/* Attach by the ladder that `wish` (auto, native, generic, off) allows, each step's reason logged. What goes out of the loopback
 * device comes in there, so it is counted coming in only. 0 or -errno: then nothing is left attached. */
int xdp_attach(struct xdp_attachment *out, const struct xdp_object *object, const struct xdp_link *link, const char *wish);
void xdp_detach(struct xdp_attachment *attachment);
#endif
