/* SPDX-License-Identifier: Apache-2.0 */
/* fragments.h - the ports of first fragments, so that later fragments find their flow (RFC 791 3.2, RFC 8200 4.5).
 *
 * Bounded: a set-associative table where the oldest of a set makes room. Nothing is reassembled.
 */
#ifndef DEVOURER_FRAGMENTS_H
#define DEVOURER_FRAGMENTS_H
#include <stdbool.h>
#include <stdint.h>
#include "../../include/packet.h"

struct fragments;

/* `seed` keys the hash. NULL: out of memory. */
struct fragments *fragments_new(const uint64_t seed[2]);
void fragments_free(struct fragments *fragments); /* NULL is fine */

/* Remember the ports of the first fragment `p`. */
void fragments_add(struct fragments *fragments, const struct packet *p, uint64_t now_ns);

/* Give the later fragment `p` the ports of its first one, seen at most 60 s before or after. False: it was not seen. */
bool fragments_join(struct fragments *fragments, struct packet *p, uint64_t now_ns);
#endif
