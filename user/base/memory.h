/* SPDX-License-Identifier: Apache-2.0 */
/* memory.h - how much memory this process may count on. */
#ifndef DEVOURER_MEMORY_H
#define DEVOURER_MEMORY_H
#include <stdint.h>

/* Octets of physical memory, or of the control group's limit where that is lower. Never 0. */
uint64_t memory_limit(void);
#endif
