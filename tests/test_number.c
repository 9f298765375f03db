/* SPDX-License-Identifier: Apache-2.0 */
/* test_number.c - decimal text against printf(3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>
#include "../user/base/number.h"

static void assert_same_as_printf(uint64_t value)
{
	char expected[32], text[32];
	unsigned len;

	memset(text, '#', sizeof(text));
	len = u64_format(text, value);
	assert_int_equal(len, snprintf(expected, sizeof(expected), "%llu", (unsigned long long)value));
	assert_memory_equal(text, expected, len);
	assert_int_equal(text[len], '#');
}

static void numbers_around_each_power_of_ten_and_two_are_printed_as_printf_does(void **state)
{
	(void)state;
	assert_same_as_printf(0);
	assert_same_as_printf(UINT64_MAX);
	for (uint64_t power = 1;; power *= 10) {
		for (uint64_t value = power - 1; value <= power + 1; value++)
			assert_same_as_printf(value);
		if (power > UINT64_MAX / 10)
			break;
	}
	for (unsigned bit = 0; bit < 64; bit++) {
		assert_same_as_printf((1ull << bit) - 1);
		assert_same_as_printf(1ull << bit);
	}
}

static void many_numbers_of_every_length_are_printed_as_printf_does(void **state)
{
	uint64_t value = 88172645463325252u;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		value ^= value << 13;                     /* xorshift64 */
		value ^= value >> 7;
		value ^= value << 17;
		assert_same_as_printf(value >> i % 64);
	}
}

static void two_digits_are_written_with_a_leading_zero(void **state)
{
	(void)state;
	for (uint32_t value = 0; value < 100; value++) {
		char expected[8], text[2];

		assert_ptr_equal(two_digits(text, value), text + 2);
		snprintf(expected, sizeof(expected), "%02u", value);
		assert_memory_equal(text, expected, 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_around_each_power_of_ten_and_two_are_printed_as_printf_does),
		cmocka_unit_test(many_numbers_of_every_length_are_printed_as_printf_does),
		cmocka_unit_test(two_digits_are_written_with_a_leading_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
