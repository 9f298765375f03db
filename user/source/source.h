/* SPDX-License-Identifier: Apache-2.0 */
/* source.h - where packets come from. Sources differ only behind this table; from the delta on nobody knows which one it was. */
#ifndef DEVOURER_SOURCE_H
#define DEVOURER_SOURCE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../../include/flow.h"

struct options;
struct source;

#define SOURCE_SOON 16

/* What a source hands over, in the order of the capture. Everything is lent for the call. */
struct source_out {
	/* Packets of one direction of a flow. `frame`: the captured octets of the only packet, NULL when there are more than one. */
	void (*delta)(void *ctx, const struct flow_delta *delta, const uint8_t *frame, size_t frame_len);
	/* A hint: these come next, one by one. At most SOURCE_SOON of them. */
	void (*soon)(void *ctx, struct flow_delta *deltas, size_t count);
	/* A frame that was counted elsewhere and is here for its names; is_hello: a segment that may open a TCP stream. */
	void (*sample)(void *ctx, const struct packet *packet, const uint8_t *frame, size_t frame_len, uint64_t now_ns, bool is_hello);
	/* Before a read that may have to wait for a pipe: returns 0 when `fd` has input, -EINTR when the run shall end. NULL: just read. */
	int (*wait)(void *ctx, int fd);
	void *ctx;
};

/* The packets of a source: seen = handed over + the sum of not_recorded + overflow + kernel_faults + waiting. */
struct source_stats {
	uint64_t seen, octets;                    /* octets: frames on the wire, of all packets seen */
	uint64_t not_recorded[PKT_VERDICTS];      /* by verdict; [PKT_OK] stays 0 */
	uint64_t overflow;                        /* kernel tables: no slot free and the ring full */
	uint64_t kernel_faults;                   /* a look-up in the kernel that cannot fail did */
	uint64_t waiting;                         /* counted in the kernel, not harvested yet; 0 at the end */
	uint64_t unseen;                          /* carried by the interfaces by their own counters, and not seen */
	uint64_t samples_copied, samples_dropped; /* frames copied for their names, or not: bucket empty or ring full */
	uint64_t kernel_dropped, interface_dropped; /* live: never reached us, so not in `seen` */
	uint64_t lengths_clamped, times_clamped;  /* packets with an absurd length or time in their record */
	uint64_t fragments_joined, fragments_alone; /* later fragments with and without their first one */
	uint64_t input_octets, input_total;       /* files: read so far and in all as stored; total 0: not known */
	uint64_t last_ns;                         /* time of the last packet */
};

/* What identifies the capture in record ids: equal for the same capture in any format or compression. */
struct capture_identity {
	uint8_t octets[72];
	size_t len;
};

struct source_ops {
	const char *name;
	uint64_t last_coarse_ns;                  /* a delta's last_ns may be this much too early */
	/* 0 or -errno (logged). -EACCES/-EPERM: a permission is missing. */
	int (*open)(struct source **out, const struct options *options, const struct source_out *sink);
	/* Descriptors to poll for input, at most `max`: how many. None: input is always ready (files), and run() tells the end. */
	int (*fds)(const struct source *source, int *fds, int max);
	/* Hand over up to about `budget` packets: how many. 0: none now, or with files the end. Faults are logged and kept for status(). */
	int (*run)(struct source *source, int budget);
	void (*tick)(struct source *source);      /* at each tick of the loop: harvest, lost interfaces */
	/* Live: hand over all that the kernel still holds of the packets that came before `stop_ns`. */
	void (*drain)(struct source *source, uint64_t stop_ns);
	int (*status)(const struct source *source); /* 0, or the -errno of the first fault: a cut file, a lost interface */
	const struct capture_identity *(*identity)(const struct source *source);
	const char *(*interface)(const struct source *source, uint8_t slot); /* its name; "" for files */
	void (*stats)(struct source *source, struct source_stats *out);
	void (*close)(struct source *source);     /* NULL is fine */
};

extern const struct source_ops source_file, source_live;
#ifdef __linux__
extern const struct source_ops source_xdp;
#endif

extern const char *const packet_verdict_text[PKT_VERDICTS]; /* as in statistics: "not_ip", … */
#endif
