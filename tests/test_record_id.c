/* SPDX-License-Identifier: Apache-2.0 */
/* test_record_id.c - ids are those of the layout in record_id.h, the same in every run, and n tells repeats apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/sha.h>
#include "../user/flow/record_id.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

struct id { uint8_t octets[16]; };

static int make(void **state)
{
	*state = record_ids_new();
	return *state ? 0 : -1;
}

static int drop(void **state)
{
	record_ids_free(*state);
	return 0;
}

static struct flow_key key_of(unsigned number)
{
	return (struct flow_key){ .low_addr = { [10] = 0xff, 0xff, 10, 0, (uint8_t)(number >> 8), (uint8_t)number },
				  .high_addr = { [10] = 0xff, 0xff, 93, 184, 216, 34 }, .low_port = 52431, .high_port = 443, .protocol = 6, .ip_version = 4 };
}

static const uint8_t identity[72] = "the time and the first octets of the first packet of a capture";

static struct id id_of(struct record_ids *ids, const char *interface, const struct flow_key *key, uint64_t first_ns, uint32_t part)
{
	struct id id;

	record_id(ids, id.octets, identity, sizeof(identity), interface, key, first_ns, part);
	return id;
}

/* The same by the words of record_id.h, in one piece. */
static struct id expected_id(const char *interface, const struct flow_key *key, uint64_t first_ns, uint32_t n)
{
	uint8_t text[256], digest[32], *at = text + 32;
	struct id id;

	memcpy(text, identity, sizeof(identity));
	strcpy((char *)text + sizeof(identity), interface);
	SHA256(text, sizeof(identity) + strlen(interface) + 1, digest);
	memcpy(text, digest, 32);
	*at++ = key->ip_version;
	*at++ = key->protocol;
	memcpy(at, key->low_addr, 16);
	at[16] = (uint8_t)(key->low_port >> 8);
	at[17] = (uint8_t)key->low_port;
	memcpy(at + 18, key->high_addr, 16);
	at[34] = (uint8_t)(key->high_port >> 8);
	at[35] = (uint8_t)key->high_port;
	for (int i = 0; i < 8; i++)
		at[36 + i] = (uint8_t)(first_ns >> (56 - 8 * i));
	for (int i = 0; i < 4; i++)
		at[44 + i] = (uint8_t)(n >> (24 - 8 * i));
	SHA256(text, 32 + 2 + 36 + 8 + 4, digest);
	memcpy(id.octets, digest, 16);
	id.octets[6] = (id.octets[6] & 0x0f) | 0x80;
	id.octets[8] = (id.octets[8] & 0x3f) | 0x80;
	return id;
}

static bool is_same(struct id a, struct id b)
{
	return !memcmp(&a, &b, sizeof(a));
}

static void ids_are_those_of_an_independent_program(void **state)
{
	/* Made with Python's hashlib from the layout. */
	static const char *const texts[] = {
		"39ccfcf1b4e58f4fb2502e2711cca756", "0b6eb694b8c484df92c947c435edc23f", "8be73491b78f8f3fb3b1fb17b4d2966b",
		"ceab8059bebf8c4eb3a179b468658e0c",
	};
	uint8_t octets[68];
	struct flow_key key = key_of(1), other = { .low_addr = { 0xfe, 0x80, [15] = 1 }, .high_addr = { 0xff, 2, [15] = 0xfb }, .low_port = 5353,
						   .high_port = 5353, .protocol = 17, .ip_version = 6 };
	uint64_t first_ns = 1736937000123456789;

	for (int i = 0; i < 8; i++)
		octets[i] = (uint8_t)(first_ns >> (56 - 8 * i));
	for (int i = 0; i < 60; i++)
		octets[8 + i] = (uint8_t)i;
	for (size_t i = 0; i < 4; i++) {
		static const uint32_t parts[] = { 0, 1, 7 };
		uint8_t id[16];
		char text[33];

		if (i < 3)
			record_id(*state, id, octets, sizeof(octets), "", &key, first_ns, parts[i]);
		else
			record_id(*state, id, (const uint8_t[16]){ 0 }, 16, "eth0", &other, 1, 0);
		for (int j = 0; j < 16; j++)
			snprintf(text + 2 * j, 3, "%02x", id[j]);
		assert_string_equal(text, texts[i]);
	}
}

static void an_id_is_a_hash_of_the_layout(void **state)
{
	static const struct { const char *interface; uint64_t first_ns; uint32_t part; } rows[] = {
		{ "", 0, 0 }, { "", 1, 0 }, { "", UINT64_MAX, 0 }, { "eth0", 1736937000000000000, 0 }, { "eth1", 1736937000000000000, 0 },
		{ "eth1", 1736937000000000001, 5 }, { "eth0", 77, 32767 }, { "a-name-of-15-oct", 5, UINT32_MAX - 1 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		for (unsigned number = 0; number < 20; number++) {
			struct flow_key key = key_of(number);
			struct id id = id_of(*state, rows[i].interface, &key, rows[i].first_ns, rows[i].part);

			assert_true(is_same(id, expected_id(rows[i].interface, &key, rows[i].first_ns, rows[i].part)));
			assert_int_equal(id.octets[6] >> 4, 8);
			assert_int_equal(id.octets[8] >> 6, 2);
		}
	}
}

static void parts_are_numbered(void **state)
{
	struct flow_key key = key_of(1);

	for (uint32_t part = 0; part < 10; part++)
		assert_true(is_same(id_of(*state, "", &key, 5, part), expected_id("", &key, 5, part)));
	/* A part keeps its number when those before it were given by another process. */
	assert_true(is_same(id_of(*state, "", &key, 6, 4), expected_id("", &key, 6, 4)));
}

static void records_of_the_same_key_and_time_are_told_apart(void **state)
{
	struct flow_key key = key_of(1), other = key_of(2);

	for (uint32_t n = 0; n < 5; n++) {
		assert_true(is_same(id_of(*state, "", &key, 5, 0), expected_id("", &key, 5, n)));
		assert_true(is_same(id_of(*state, "", &other, 5, 0), expected_id("", &other, 5, n)));
	}
	assert_true(is_same(id_of(*state, "", &key, 5, 1), expected_id("", &key, 5, 5))); /* a part of a flow that began again */
	assert_true(is_same(id_of(*state, "", &key, 5, 9), expected_id("", &key, 5, 9)));
	assert_true(is_same(id_of(*state, "", &key, 6, 0), expected_id("", &key, 6, 0)));
}

static void every_field_of_the_key_counts(void **state)
{
	struct flow_key key = key_of(1);
	struct id id = id_of(*state, "", &key, 5, 0);

	for (size_t i = 0; i < offsetof(struct flow_key, pad); i++) {
		struct flow_key changed = key;

		((uint8_t *)&changed)[i] ^= 1;
		assert_false(is_same(id, id_of(*state, "", &changed, 5, 0)));
	}
	assert_false(is_same(id, id_of(*state, "eth0", &key, 5, 0)));
	assert_false(is_same(id, id_of(*state, "", &key, 4, 0)));
}

static void another_run_gives_the_same_ids(void **state)
{
	struct record_ids *again = record_ids_new();

	assert_non_null(again);
	for (unsigned i = 0; i < 3000; i++) {
		struct flow_key key = key_of(i % 1000); /* thrice */

		assert_true(is_same(id_of(*state, "", &key, 5, 0), id_of(again, "", &key, 5, 0)));
	}
	record_ids_free(again);
	record_ids_free(NULL);
}

static void more_interfaces_than_are_remembered_are_hashed_anew(void **state)
{
	static char names[100][8];
	struct flow_key key = key_of(1);

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 100; i++) {
			snprintf(names[i], sizeof(names[i]), "veth%d", i);
			assert_true(is_same(id_of(*state, names[i], &key, (uint64_t)round, 0), expected_id(names[i], &key, (uint64_t)round, 0)));
		}
	}
}

static int order(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct id));
}

static void no_two_of_many_records_share_an_id(void **state)
{
	enum { MANY = 100000 };
	struct id *all = calloc(MANY, sizeof(*all));

	assert_non_null(all);
	for (unsigned i = 0; i < MANY; i++) {
		struct flow_key key = key_of(i / 4 % 10000);

		all[i] = id_of(*state, "", &key, i / 2, i % 2); /* two parts each */
	}
	qsort(all, MANY, sizeof(*all), order);
	for (unsigned i = 1; i < MANY; i++)
		assert_false(is_same(all[i - 1], all[i]));
	free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ids_are_those_of_an_independent_program, make, drop),
		cmocka_unit_test_setup_teardown(an_id_is_a_hash_of_the_layout, make, drop),
		cmocka_unit_test_setup_teardown(parts_are_numbered, make, drop),
		cmocka_unit_test_setup_teardown(records_of_the_same_key_and_time_are_told_apart, make, drop),
		cmocka_unit_test_setup_teardown(every_field_of_the_key_counts, make, drop),
		cmocka_unit_test_setup_teardown(another_run_gives_the_same_ids, make, drop),
		cmocka_unit_test_setup_teardown(more_interfaces_than_are_remembered_are_hashed_anew, make, drop),
		cmocka_unit_test_setup_teardown(no_two_of_many_records_share_an_id, make, drop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
