/* SPDX-License-Identifier: Apache-2.0 */
/* community_id.c - the Community ID of a record, so that it meets those of Zeek, Suricata and others. */
#include <openssl/evp.h>
#include <string.h>
#include "record.h"

/* For ICMP the specification orders by message type and its counterpart in place of ports; -1: a one-way type. */
static int icmp4_counterpart(uint32_t type)
{
	static const int8_t pairs[][2] = { { 0, 8 }, { 8, 0 }, { 9, 10 }, { 10, 9 }, { 13, 14 }, { 14, 13 }, { 15, 16 }, { 16, 15 }, { 17, 18 }, { 18, 17 } };

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (pairs[i][0] == (int)type)
			return pairs[i][1];
	return -1;
}

static int icmp6_counterpart(uint32_t type)
{
	static const uint8_t pairs[][2] = { { 128, 129 }, { 129, 128 }, { 130, 131 }, { 131, 130 }, { 133, 134 }, { 134, 133 }, { 135, 136 }, { 136, 135 },
					    { 139, 140 }, { 140, 139 }, { 144, 145 }, { 145, 144 } };

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (pairs[i][0] == (int)type)
			return pairs[i][1];
	return -1;
}

struct ends { const uint8_t *addr[2]; uint16_t port[2]; bool is_one_way; };

static struct ends ends_of(const struct record *r)
{
	struct ends e = { { r->src.addr, r->dst.addr }, { r->src.port, r->dst.port }, false };
	int counterpart;

	if (r->icmp_type == RECORD_UNKNOWN)
		return e;
	counterpart = r->protocol_number == 1 ? icmp4_counterpart(r->icmp_type) : icmp6_counterpart(r->icmp_type);
	e.is_one_way = counterpart < 0;
	e.port[0] = (uint16_t)r->icmp_type;
	e.port[1] = (uint16_t)(e.is_one_way ? (int)r->icmp_code : counterpart);
	return e;
}

static uint8_t *put_port(uint8_t *at, uint16_t port)
{
	*at++ = (uint8_t)(port >> 8);
	*at++ = (uint8_t)port;
	return at;
}

void record_community_id(char out[RECORD_COMMUNITY_ID_SIZE], const struct record *r)
{
	struct ends e = ends_of(r);
	size_t len = r->ip_version == 4 ? 4 : 16, skip = 16 - len;
	int order = memcmp(e.addr[0] + skip, e.addr[1] + skip, len);
	int first = !e.is_one_way && (order > 0 || (!order && e.port[0] > e.port[1]));
	uint8_t text[2 + 2 * 16 + 2 + 4] = { 0, 0 }, hash[20] = { 0 }, *at = text + 2; /* seed 0 */

	memcpy(at, e.addr[first] + skip, len);
	memcpy(at + len, e.addr[!first] + skip, len);
	at += 2 * len;
	*at++ = r->protocol_number;
	*at++ = 0;
	at = put_port(at, e.port[first]);
	at = put_port(at, e.port[!first]);
	EVP_Digest(text, (size_t)(at - text), hash, NULL, EVP_sha1(), NULL);
	memcpy(out, "1:", 2);
	EVP_EncodeBlock((unsigned char *)out + 2, hash, sizeof(hash));
}
