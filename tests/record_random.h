/* SPDX-License-Identifier: Apache-2.0 */
/* record_random.h - made-up records with every member at its odd values, for tests that read lines back. Include after cmocka.h. */
#ifndef DEVOURER_TESTS_RECORD_RANDOM_H
#define DEVOURER_TESTS_RECORD_RANDOM_H
#include <stdio.h>
#include <string.h>
#include "../user/flow/record.h"

struct record_random {
	uint64_t seed;
	uint8_t addr[2][16], mac[2][6];
	char names[2 * RECORD_NAMES][64], interface[17];
};

/* Knuth's MMIX generator; the high bits are the good ones. */
static inline uint64_t random_next(struct record_random *r)
{
	r->seed = r->seed * 6364136223846793005u + 1442695040888963407u;
	return r->seed >> 32 ^ r->seed << 32;
}

static inline uint64_t random_below(struct record_random *r, uint64_t n)
{
	return random_next(r) % n;
}

static inline void random_text(struct record_random *r, char *out, size_t size)
{
	static const char hostile[] = "\\\\\"\"{}[],:'<&";
	size_t len = random_below(r, size);

	for (size_t i = 0; i < len; i++)
		out[i] = random_below(r, 4) ? (char)(0x20 + random_below(r, 0x5f)) : hostile[random_below(r, sizeof(hostile) - 1)];
	out[len] = 0;
}

static inline uint64_t random_number(struct record_random *r)
{
	static const uint64_t odd[] = { 0, 1, 9007199254740991, 9007199254740992, 9007199254740993, INT64_MAX, UINT64_MAX };

	return random_below(r, 3) ? random_next(r) >> random_below(r, 64) : odd[random_below(r, sizeof(odd) / sizeof(odd[0]))];
}

static inline uint64_t random_time(struct record_random *r)
{
	static const uint64_t units[] = { 1, 10, 1000, 1000000, 1000000000 };
	uint64_t unit = units[random_below(r, 5)];

	return random_next(r) / 2 / unit * unit;
}

static inline struct record_side random_side(struct record_random *r, int i)
{
	struct record_side side = { .addr = r->addr[i], .port = (uint16_t)random_next(r), .octets = random_number(r), .packets = random_number(r),
				    .tcp_flags = (uint8_t)random_next(r) };

	side.mac = random_below(r, 3) ? r->mac[i] : NULL;
	side.name_count = (uint8_t)(random_below(r, 2) ? random_below(r, RECORD_NAMES + 1) : 0);
	for (int n = 0; n < side.name_count; n++) {
		char *name = r->names[i * RECORD_NAMES + n];

		random_text(r, name, sizeof(r->names[0]));
		side.names[n] = (struct record_name){ name, "dns", (uint16_t)strlen(name) };
	}
	return side;
}

static inline uint32_t random_known(struct record_random *r)
{
	return random_below(r, 2) ? RECORD_UNKNOWN : (uint32_t)random_next(r);
}

/* Lent until the next one. */
static inline struct record random_record(struct record_random *r)
{
	static const char *const protocols[] = { "tcp", "udp", "icmp4", "icmp6" };
	struct record record = { .protocol = protocols[random_below(r, 4)], .end_reason = "idle", .interface = r->interface };

	for (int i = 0; i < 16; i++) {
		record.id[i] = (uint8_t)random_next(r);
		r->addr[0][i] = (uint8_t)random_next(r);
		r->addr[1][i] = (uint8_t)(random_below(r, 2) ? random_next(r) : 0);
		r->mac[i & 1][i % 6] = (uint8_t)random_next(r);
	}
	random_text(r, r->interface, sizeof(r->interface));
	record.src = random_side(r, 0);
	record.dst = random_side(r, 1);
	record.first_ns = random_time(r);
	record.last_ns = random_time(r);
	record.rtt_us = random_known(r);
	record.vlan = random_known(r);
	record.icmp_type = random_known(r);
	record.icmp_code = random_known(r);
	record.part = (uint32_t)random_next(r);
	record.protocol_number = random_below(r, 2) ? 6 : 17;
	record.ip_version = random_below(r, 2) ? 4 : 6;
	record.is_established = random_below(r, 2);
	record.is_self = random_below(r, 2);
	return record;
}
#endif
