/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_ring.c - a BPF ring buffer as user space sees it: consumer page, producer page, data (kernel/bpf/ringbuf.c). libbpf gives a
 * record back as soon as it was read; here that waits for the commit. The kernel would show the data twice in a row, so that no
 * record is cut in two at its end; mapped so it would count twice as memory of the process. */
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "xdp.h"

static void *map_pages(int fd, size_t len, int protection, off_t at)
{
	void *pages = mmap(NULL, len, protection, MAP_SHARED, fd, at);

	return pages == MAP_FAILED ? NULL : pages;
}

int xdp_ring_map(struct xdp_ring *ring, int fd, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int err;

	*ring = (struct xdp_ring){ .fd = fd, .size = size, .whole = malloc(XDP_RING_RECORD_MAX) };
	ring->consumer = map_pages(fd, page, PROT_READ | PROT_WRITE, 0);
	ring->producer = map_pages(fd, page + size, PROT_READ, (off_t)page);
	if (ring->whole && ring->consumer && ring->producer) {
		ring->data = (const uint8_t *)ring->producer + page;
		return 0;
	}
	err = ring->whole ? -errno : -ENOMEM;
	xdp_ring_unmap(ring);
	return err;
}

void xdp_ring_unmap(struct xdp_ring *ring)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (ring->consumer)
		munmap((void *)ring->consumer, page);
	if (ring->producer)
		munmap((void *)ring->producer, page + ring->size);
	free(ring->whole);
	*ring = (struct xdp_ring){ .fd = -1 };
}

uint64_t xdp_ring_start(const struct xdp_ring *ring)
{
	return __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE);
}

/* What begins at offset `from`, in one piece. */
static const void *in_one_piece(const struct xdp_ring *ring, size_t from, uint32_t len)
{
	size_t first = ring->size - from;

	if (len <= first)
		return ring->data + from;
	if (len > XDP_RING_RECORD_MAX)
		return NULL;                      /* none of ours */
	memcpy(ring->whole, ring->data + from, first);
	memcpy(ring->whole + first, ring->data, len - first);
	return ring->whole;
}

const void *xdp_ring_next(const struct xdp_ring *ring, uint64_t *at, uint32_t *len)
{
	uint64_t end = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);

	while (*at < end) {
		const uint32_t *header = (const void *)(ring->data + (*at & (ring->size - 1)));
		uint32_t word = __atomic_load_n(header, __ATOMIC_ACQUIRE), octets = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

		if (word & BPF_RINGBUF_BUSY_BIT)
			return NULL;              /* still being written */
		*at += (octets + BPF_RINGBUF_HDR_SZ + 7) / 8 * 8;
		if (word & BPF_RINGBUF_DISCARD_BIT)
			continue;
		*len = octets;
		return in_one_piece(ring, (*at - (octets + 7) / 8 * 8) & (ring->size - 1), octets);
	}
	return NULL;
}

void xdp_ring_release(struct xdp_ring *ring, uint64_t at)
{
	__atomic_store_n(ring->consumer, at, __ATOMIC_RELEASE);
}
