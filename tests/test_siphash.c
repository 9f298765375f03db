/* SPDX-License-Identifier: Apache-2.0 */
/* test_siphash.c - SipHash-1-3 against values from an independent implementation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "../user/base/siphash.h"

/* The key and the message are 00 01 02 …; the values are from a model in Python whose 2-4 form gives the vectors of the
 * paper, and whose 1-3 form gives CPython's hash(bytes) with the hash seed 0. */
static const struct { size_t len; uint64_t hash; } vectors[] = {
	{ 0, 0xabac0158050fc4dc }, { 1, 0xc9f49bf37d57ca93 }, { 7, 0xd3927d989bb11140 }, { 8, 0x369095118d299a8e },
	{ 15, 0xd320d86d2a519956 }, { 16, 0xcc4fdd1a7d908b66 }, { 39, 0x626b57547b108392 }, { 40, 0xc1d2363299e41531 },
	{ 48, 0x9f3143f8df074c46 }, { 63, 0x9d199062b7bbb3a8 },
};
static const uint64_t vector_key[2] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };

static void counting_messages_give_the_published_hashes(void **state)
{
	uint8_t message[64];

	(void)state;
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		assert_true(siphash13(message, vectors[i].len, vector_key) == vectors[i].hash);
}

static void a_message_may_start_at_any_address(void **state)
{
	uint8_t room[64 + 8];

	(void)state;
	for (size_t shift = 0; shift < 8; shift++) {
		for (size_t i = 0; i < 40; i++)
			room[shift + i] = (uint8_t)i;
		assert_true(siphash13(room + shift, 40, vector_key) == 0xc1d2363299e41531);
	}
}

static void every_bit_of_the_key_counts(void **state)
{
	uint64_t plain = siphash13("flow", 4, vector_key);

	(void)state;
	for (unsigned bit = 0; bit < 128; bit++) {
		uint64_t key[2] = { vector_key[0], vector_key[1] };

		key[bit / 64] ^= 1ull << (bit % 64);
		assert_true(siphash13("flow", 4, key) != plain);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counting_messages_give_the_published_hashes),
		cmocka_unit_test(a_message_may_start_at_any_address),
		cmocka_unit_test(every_bit_of_the_key_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
