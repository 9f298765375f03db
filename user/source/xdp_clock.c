/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_clock.c - jiffies and the monotonic clock to wall time, by moments at which all three are known. */
#include <bpf/bpf.h>
#include <errno.h>
#include "../base/time.h"
#include "xdp.h"

/* The rates that kernels are configured with (CONFIG_HZ). */
static const uint32_t rates[] = { 100, 250, 300, 1000 };

static uint64_t nearest_tick_ns(uint64_t elapsed_ns, uint64_t ticks)
{
	uint64_t best = NS_PER_S / rates[1], off = UINT64_MAX;

	for (size_t i = 0; ticks && i < sizeof(rates) / sizeof(rates[0]); i++) {
		uint64_t tick_ns = NS_PER_S / rates[i], expected_ns = ticks * tick_ns;
		uint64_t error_ns = expected_ns > elapsed_ns ? expected_ns - elapsed_ns : elapsed_ns - expected_ns;

		if (error_ns < off) {
			off = error_ns;
			best = tick_ns;
		}
	}
	return best;
}

#define CERTAIN_NS 1000                           /* two readings of one offset differ by less than this and the time they took */

/* A stamp shall always become the same time, whatever came between two readings of the clocks. */
static void read_offset(struct xdp_clock *clock)
{
	uint64_t least_ns = UINT64_MAX, offset_ns = 0, change_ns;

	for (int i = 0; i < 3; i++) {
		uint64_t before_ns = time_monotonic_ns(), wall_ns = time_wall_ns(), took_ns = time_monotonic_ns() - before_ns;

		if (took_ns >= least_ns)
			continue;
		least_ns = took_ns;
		offset_ns = wall_ns - before_ns - took_ns / 2;
	}
	change_ns = (int64_t)(offset_ns - clock->offset_ns) < 0 ? clock->offset_ns - offset_ns : offset_ns - clock->offset_ns;
	if (change_ns > least_ns + CERTAIN_NS)
		clock->offset_ns = offset_ns;
}

int xdp_clock_read(struct xdp_clock *clock, const struct xdp_object *object)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);
	int err = bpf_prog_test_run_opts(object->programs[XDP_PROGRAM_CLOCK], &run);

	if (err)
		return err;
	read_offset(clock);
	clock->jiffies = object->clock_pair[0];
	clock->monotonic_ns = object->clock_pair[1];
	clock->wall_ns = clock->monotonic_ns + clock->offset_ns;
	if (!clock->first_monotonic_ns) {
		clock->first_jiffies = clock->jiffies;
		clock->first_monotonic_ns = clock->monotonic_ns;
	}
	clock->tick_ns = nearest_tick_ns(clock->monotonic_ns - clock->first_monotonic_ns, clock->jiffies - clock->first_jiffies);
	*object->ticks_per_s = (uint32_t)(NS_PER_S / clock->tick_ns);
	return 0;
}

uint64_t xdp_clock_wall(const struct xdp_clock *clock, uint64_t monotonic_ns)
{
	return clock->offset_ns + monotonic_ns;
}

/* The stamp is at most the moment, and less than one round of its 32 bits before it. */
uint64_t xdp_clock_first(const struct xdp_clock *clock, uint32_t first)
{
	uint64_t now = clock->monotonic_ns >> ABI_SLOT_FIRST_SHIFT;
	int32_t age = (int32_t)((uint32_t)now - first);

	return xdp_clock_wall(clock, (now - (uint64_t)(int64_t)age) << ABI_SLOT_FIRST_SHIFT);
}

uint64_t xdp_clock_last(const struct xdp_clock *clock, uint32_t last)
{
	int32_t age = (int32_t)((uint32_t)clock->jiffies - last);

	return clock->wall_ns - (uint64_t)((int64_t)age * (int64_t)clock->tick_ns);
}
