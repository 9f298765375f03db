/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_ring.c - a BPF ring buffer as user space sees it: consumer page, producer page, data mapped twice in a row
 * (kernel/bpf/ringbuf.c). libbpf gives a record back as soon as it was read; here that waits for the commit. */
#include <errno.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>
#include "xdp.h"

int xdp_ring_map(struct xdp_ring *ring, int fd, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), *producer;

	if (consumer == MAP_FAILED)
		return -errno;
	producer = mmap(NULL, page + 2 * size, PROT_READ, MAP_SHARED, fd, (off_t)page);
	if (producer == MAP_FAILED) {
		int err = -errno;

		munmap(consumer, page);
		return err;
	}
	*ring = (struct xdp_ring){ fd, consumer, producer, (const uint8_t *)producer + page, size };
	return 0;
}

void xdp_ring_unmap(struct xdp_ring *ring)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (!ring->consumer)
		return;
	munmap((void *)ring->consumer, page);
	munmap((void *)ring->producer, page + 2 * ring->size);
	ring->consumer = NULL;
}

uint64_t xdp_ring_start(const struct xdp_ring *ring)
{
	return __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE);
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
		return header + BPF_RINGBUF_HDR_SZ / sizeof(*header);
	}
	return NULL;
}

void xdp_ring_release(struct xdp_ring *ring, uint64_t at)
{
	__atomic_store_n(ring->consumer, at, __ATOMIC_RELEASE);
}
