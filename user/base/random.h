/* SPDX-License-Identifier: Apache-2.0 */
/* random.h - octets that nobody can guess: hash seeds and the identity of a live capture. */
#ifndef DEVOURER_RANDOM_H
#define DEVOURER_RANDOM_H
#include <stddef.h>

/* 0, or -EIO (logged): no entropy, and then nothing may start. */
int random_fill(void *out, size_t len);
#endif
