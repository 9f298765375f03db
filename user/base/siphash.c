/* SPDX-License-Identifier: Apache-2.0 */
/* siphash.c - SipHash-1-3, eight octets a step. */
#include "siphash.h"
#include <string.h>

struct sip_state {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate_left(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static inline uint64_t le64_load(const uint8_t *from)
{
	uint64_t word;

	memcpy(&word, from, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

static inline void sip_round(struct sip_state *s)
{
	s->v0 += s->v1;
	s->v1 = rotate_left(s->v1, 13) ^ s->v0;
	s->v0 = rotate_left(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate_left(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate_left(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate_left(s->v1, 17) ^ s->v2;
	s->v2 = rotate_left(s->v2, 32);
}

static inline void sip_word(struct sip_state *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	s->v0 ^= word;
}

/* What is left after the last whole word, with the length in the highest octet. */
static inline uint64_t last_word(const uint8_t *tail, size_t len)
{
	uint64_t word = (uint64_t)len << 56;

	for (size_t i = 0; i < (len & 7); i++)
		word |= (uint64_t)tail[i] << (8 * i);
	return word;
}

uint64_t siphash13(const void *data, size_t len, const uint64_t key[2])
{
	const uint8_t *p = data, *end = p + (len & ~(size_t)7);
	struct sip_state s = {
		.v0 = key[0] ^ 0x736f6d6570736575, .v1 = key[1] ^ 0x646f72616e646f6d, /* "somepseudorandom… */
		.v2 = key[0] ^ 0x6c7967656e657261, .v3 = key[1] ^ 0x7465646279746573, /* …lygeneratedbytes" */
	};

	for (; p < end; p += 8)
		sip_word(&s, le64_load(p));
	sip_word(&s, last_word(p, len));
	s.v2 ^= 0xff;
	sip_round(&s);
	sip_round(&s);
	sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
