/* SPDX-License-Identifier: Apache-2.0 */
/* memory.h - how much memory this process may count on. */
#ifndef DEVOURER_MEMORY_H
#define DEVOURER_MEMORY_H
#include <stdint.h>

/* Octets of physical memory, or of the control group's limit where that is lower. Never 0. */
uint64_t memory_limit(void);

/* The control group of this process, or one above it, whose limit is the lowest. */
struct memory_group {
	char path[256];                           /* as the kernel names it: "/system.slice/devourer.service" */
	uint64_t limit, used;                     /* octets; limit UINT64_MAX: none */
};
void memory_group(struct memory_group *out);
#endif
