/* SPDX-License-Identifier: Apache-2.0 */
/* record_id.c - SHA-256 by OpenSSL, fetched once; and a bounded memory of the ids that were given. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include "record_id.h"

#define RECENT (1u << 16)
#define PREFIX_CACHE 64                           /* one for each interface */

struct prefix {
	const char *interface;                    /* lent by the source for its life; compared as pointer */
	uint8_t digest[32];
};

struct recent {
	uint64_t print;                           /* of key and first_ns */
	uint32_t next;                            /* n of its next record */
};

struct record_ids {
	EVP_MD *sha256;
	EVP_MD_CTX *context;
	struct prefix prefixes[PREFIX_CACHE];
	size_t prefix_count;
	struct recent recent[RECENT];
};

void record_ids_free(struct record_ids *ids)
{
	if (!ids)
		return;
	EVP_MD_CTX_free(ids->context);
	EVP_MD_free(ids->sha256);
	free(ids);
}

struct record_ids *record_ids_new(void)
{
	struct record_ids *ids = calloc(1, sizeof(*ids));

	if (!ids)
		return NULL;
	ids->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	ids->context = EVP_MD_CTX_new();
	if (ids->sha256 && ids->context && EVP_DigestInit_ex2(ids->context, ids->sha256, NULL))
		return ids;
	record_ids_free(ids);
	return NULL;
}

static void digest(struct record_ids *ids, uint8_t out[32], const void *data, size_t len)
{
	/* None of the three can fail with a fetched digest and no engine. */
	EVP_DigestInit_ex2(ids->context, NULL, NULL);
	EVP_DigestUpdate(ids->context, data, len);
	EVP_DigestFinal_ex(ids->context, out, NULL);
}

static uint8_t *put(uint8_t *at, const void *data, size_t len)
{
	memcpy(at, data, len);
	return at + len;
}

static uint8_t *put_number(uint8_t *at, uint64_t value, int octets)
{
	for (int i = octets - 1; i >= 0; i--)
		*at++ = (uint8_t)(value >> 8 * i);
	return at;
}

static const uint8_t *prefix_of(struct record_ids *ids, const uint8_t *identity, size_t identity_len, const char *interface)
{
	uint8_t text[512], *at = text;
	size_t name_len = strnlen(interface, 256);
	struct prefix *prefix;

	for (size_t i = 0; i < ids->prefix_count; i++)
		if (ids->prefixes[i].interface == interface)
			return ids->prefixes[i].digest;
	prefix = &ids->prefixes[ids->prefix_count < PREFIX_CACHE ? ids->prefix_count++ : 0];
	at = put(at, identity, identity_len < 128 ? identity_len : 128);
	at = put(at, interface, name_len);
	*at++ = 0;
	digest(ids, prefix->digest, text, (size_t)(at - text));
	prefix->interface = interface;
	return prefix->digest;
}

/* The n that comes next for this key and time: at least `part`. */
static uint32_t number_of(struct record_ids *ids, const uint8_t id[32], uint32_t part)
{
	uint64_t print;
	struct recent *recent;

	memcpy(&print, id + 16, sizeof(print));   /* as good as any 64 bits of a SHA-256 */
	recent = &ids->recent[print % RECENT];
	if (recent->print != print)
		*recent = (struct recent){ .print = print };
	else if (recent->next > part)
		part = recent->next;
	recent->next = part + 1;
	return part;
}

void record_id(struct record_ids *ids, uint8_t out[16], const uint8_t *identity, size_t identity_len, const char *interface,
	       const struct flow_key *key, uint64_t first_ns, uint32_t part)
{
	uint8_t text[96], hash[32], *at = text, *n_at;
	uint32_t n;

	at = put(at, prefix_of(ids, identity, identity_len, interface), 32);
	*at++ = key->ip_version;
	*at++ = key->protocol;
	at = put(at, key->low_addr, 16);
	at = put_number(at, key->low_port, 2);
	at = put(at, key->high_addr, 16);
	at = put_number(at, key->high_port, 2);
	n_at = put_number(at, first_ns, 8);
	at = put_number(n_at, 0, 4);
	digest(ids, hash, text, (size_t)(at - text));
	n = number_of(ids, hash, part);
	if (n) {
		put_number(n_at, n, 4);
		digest(ids, hash, text, (size_t)(at - text));
	}
	memcpy(out, hash, 16);
	out[6] = (uint8_t)((out[6] & 0x0f) | 0x80); /* version 8, RFC 9562 4.2 */
	out[8] = (uint8_t)((out[8] & 0x3f) | 0x80); /* variant, RFC 9562 4.1 */
}
