/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_harvest.c - takes the counts out of the kernel without losing one: flip the epoch, wait until no program writes the old
 * generation any more, read it, commit, and only then zero it. */
#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "xdp.h"

struct xdp_harvest {
	struct xdp_object *object;
	struct victim *copies;                    /* of slots and ring records of this round */
	const struct victim **order;
	uint64_t *sort_room;
	size_t count, room;
	bool is_flipped;                          /* the old generation was read, but not committed */
};

struct xdp_harvest *xdp_harvest_new(struct xdp_object *object)
{
	struct xdp_harvest *harvest = calloc(1, sizeof(*harvest));

	if (harvest)
		harvest->object = object;
	return harvest;
}

void xdp_harvest_free(struct xdp_harvest *harvest)
{
	if (!harvest)
		return;
	free(harvest->copies);
	free(harvest->order);
	free(harvest->sort_room);
	free(harvest);
}

static int reserve(struct xdp_harvest *harvest, size_t more)
{
	size_t room = harvest->room ? harvest->room : 1024;
	struct victim *copies;
	const struct victim **order;
	uint64_t *sort_room;

	if (harvest->count + more <= harvest->room)
		return 0;
	while (room < harvest->count + more)
		room *= 2;
	copies = realloc(harvest->copies, room * sizeof(*copies));
	if (!copies)
		return -ENOMEM;
	harvest->copies = copies;
	order = realloc(harvest->order, room * sizeof(*order));
	if (!order)
		return -ENOMEM;
	harvest->order = order;
	sort_room = realloc(harvest->sort_room, 2 * room * sizeof(*sort_room));
	if (!sort_room)
		return -ENOMEM;
	harvest->sort_room = sort_room;
	harvest->room = room;
	return 0;
}

/* MEMBARRIER_CMD_GLOBAL waits for a grace period of RCU, so every program that saw the old epoch has ended. (The expedited
 * form does not: it only interrupts the processors.) */
static int wait_for_programs(void)
{
	return syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) < 0 ? -errno : 0;
}

static struct slot_set *generation_of(const struct xdp_object *x, unsigned cpu, uint32_t generation)
{
	return x->slots + ((size_t)cpu * 2 + generation) * x->sets;
}

static int copy_generation(struct xdp_harvest *harvest, unsigned cpu, uint32_t generation)
{
	const struct xdp_object *x = harvest->object;
	const struct slot_set *sets = generation_of(x, cpu, generation);
	const struct cold *colds = x->colds + (size_t)(sets - x->slots) * ABI_WAYS;

	for (size_t i = 0; i < (size_t)x->sets * ABI_WAYS; i++) {
		const struct slot *slot = &sets[i / ABI_WAYS].ways[i % ABI_WAYS];

		if (!slot->packets)
			continue;
		if (reserve(harvest, 1))
			return -ENOMEM;
		harvest->copies[harvest->count++] = (struct victim){ *slot, colds[i] };
	}
	return 0;
}

static void zero_generation(const struct xdp_object *x, uint32_t generation)
{
	for (unsigned cpu = 0; cpu < x->cpus; cpu++) {
		struct slot_set *sets = generation_of(x, cpu, generation);

		for (size_t i = 0; i < x->sets; i++)
			for (int way = 0; way < ABI_WAYS; way++)
				if (sets[i].ways[way].packets)
					memset(&sets[i].ways[way], 0, sizeof(sets[i].ways[way]));
	}
}

static int copy_victims(struct xdp_harvest *harvest, uint64_t *at)
{
	const struct victim *victim;
	uint32_t len;

	*at = xdp_ring_start(&harvest->object->victims);
	while ((victim = xdp_ring_next(&harvest->object->victims, at, &len))) {
		if (reserve(harvest, 1))
			return -ENOMEM;
		harvest->copies[harvest->count++] = *victim;
	}
	return 0;
}

int xdp_harvest_ring(struct xdp_harvest *harvest, const struct xdp_clock *clock, int (*commit)(void *ctx, const struct xdp_batch *batch), void *ctx)
{
	uint64_t ring_at;
	int err;

	harvest->count = 0;
	err = copy_victims(harvest, &ring_at);
	if (err || !harvest->count)
		return err;
	xdp_sort(harvest->order, harvest->copies, harvest->count, harvest->sort_room);
	err = commit(ctx, &(struct xdp_batch){ harvest->order, harvest->count, clock });
	if (!err)
		xdp_ring_release(&harvest->object->victims, ring_at);
	return err;
}

static int flip(struct xdp_harvest *harvest)
{
	volatile uint32_t *epoch = harvest->object->epoch;

	if (!harvest->is_flipped)
		__atomic_store_n(epoch, *epoch + 1, __ATOMIC_SEQ_CST);
	harvest->is_flipped = true;
	return wait_for_programs();
}

int xdp_harvest_run(struct xdp_harvest *harvest, struct xdp_clock *clock, int (*commit)(void *ctx, const struct xdp_batch *batch), void *ctx)
{
	struct xdp_object *x = harvest->object;
	uint32_t old;
	uint64_t ring_at;
	int err = flip(harvest);

	harvest->count = 0;
	old = (*x->epoch + 1) & 1;
	for (unsigned cpu = 0; !err && cpu < x->cpus; cpu++)
		err = copy_generation(harvest, cpu, old);
	if (!err)
		err = copy_victims(harvest, &ring_at);
	if (!err)
		err = xdp_clock_read(clock, x);
	if (err)
		return err;
	xdp_sort(harvest->order, harvest->copies, harvest->count, harvest->sort_room);
	err = commit(ctx, &(struct xdp_batch){ harvest->order, harvest->count, clock });
	if (err)
		return err;
	zero_generation(x, old);
	xdp_ring_release(&x->victims, ring_at);
	harvest->is_flipped = false;
	return 0;
}
