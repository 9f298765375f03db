/* SPDX-License-Identifier: Apache-2.0 */
/* record_id.h - ids that a repeat after a crash gets again.
 *
 * UUID version 8 (RFC 9562 5.8) of the first 16 octets of SHA-256 over:
 *   32  SHA-256 of the capture's identity, the interface name, and a zero octet
 *    1  IP version, 4 or 6
 *    1  protocol, IANA number
 *   18  the lower endpoint: address (IPv4 v4-mapped), port
 *   18  the higher endpoint
 *    8  first_seen of the flow in ns
 *    4  n: 0, 1, 2… for the parts of a flow, and for records of the same key and first_seen
 * all numbers big-endian. Identity: for capture files 8 octets of the first packet's time in ns and up to 64 of its octets;
 * live 16 random octets.
 */
#ifndef DEVOURER_RECORD_ID_H
#define DEVOURER_RECORD_ID_H
#include <stddef.h>
#include <stdint.h>
#include "../../include/flow.h"

struct record_ids;

/* NULL: out of memory, or no SHA-256 in the library. */
struct record_ids *record_ids_new(void);
void record_ids_free(struct record_ids *ids);     /* NULL is fine */

/* The id of the record number `part` of the flow `key` that began at `first_ns`. Records of the same key and first_ns
 * are told apart unless one between them took the same of the 65,536 places in which they are remembered. */
void record_id(struct record_ids *ids, uint8_t out[16], const uint8_t *identity, size_t identity_len, const char *interface,
	       const struct flow_key *key, uint64_t first_ns, uint32_t part);
#endif
