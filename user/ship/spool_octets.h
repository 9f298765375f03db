/* SPDX-License-Identifier: Apache-2.0 */
/* spool_octets.h - numbers in the spool's files: little-endian, one behind the other. */
#ifndef DEVOURER_SPOOL_OCTETS_H
#define DEVOURER_SPOOL_OCTETS_H
#include <stdint.h>
#include <string.h>

/* Each writes or reads at `p` and returns what is behind. */
static inline uint8_t *put_le32(uint8_t *p, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		*p++ = (uint8_t)(value >> 8 * i);
	return p;
}

static inline uint8_t *put_le64(uint8_t *p, uint64_t value)
{
	return put_le32(put_le32(p, (uint32_t)value), (uint32_t)(value >> 32));
}

static inline uint8_t *put_octets(uint8_t *p, const void *from, size_t len)
{
	memcpy(p, from, len);
	return p + len;
}

static inline const uint8_t *get_le32(const uint8_t *p, uint32_t *value)
{
	*value = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
	return p + 4;
}

static inline const uint8_t *get_le64(const uint8_t *p, uint64_t *value)
{
	uint32_t low, high;

	p = get_le32(get_le32(p, &low), &high);
	*value = low | (uint64_t)high << 32;
	return p;
}

static inline const uint8_t *get_octets(const uint8_t *p, void *to, size_t len)
{
	memcpy(to, p, len);
	return p + len;
}
#endif
