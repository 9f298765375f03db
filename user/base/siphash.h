/* SPDX-License-Identifier: Apache-2.0 */
/* siphash.h - SipHash-1-3: the hash of every table whose keys strangers choose.
 *
 * Keyed by a seed that nobody outside knows, so that no sender can make keys that share a bucket.
 * After Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012), with one compression and three final rounds.
 */
#ifndef DEVOURER_SIPHASH_H
#define DEVOURER_SIPHASH_H
#include <stddef.h>
#include <stdint.h>

/* The same result on little-endian and big-endian machines. Lengths that are a multiple of 8 are the fast case. */
uint64_t siphash13(const void *data, size_t len, const uint64_t key[2]);
#endif
