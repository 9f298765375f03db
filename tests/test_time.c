/* SPDX-License-Identifier: Apache-2.0 */
/* test_time.c - the text of times against gmtime_r(3) and strftime(3), and the clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "../user/base/time.h"

static void expect_by_libc(char *out, size_t size, uint64_t wall_ns)
{
	time_t second = (time_t)(wall_ns / NS_PER_S);
	unsigned ns = (unsigned)(wall_ns % NS_PER_S);
	struct tm parts;
	size_t len;

	gmtime_r(&second, &parts);
	len = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &parts);
	if (ns) {
		len += (size_t)snprintf(out + len, size - len, ".%09u", ns);
		while (out[len - 1] == '0')
			len--;
	}
	snprintf(out + len, size - len, "Z");
}

static void assert_same_as_libc(uint64_t wall_ns)
{
	char expected[64], text[TIME_TEXT_SIZE + 1];

	expect_by_libc(expected, sizeof(expected), wall_ns);
	text[time_format(text, wall_ns)] = 0;
	assert_string_equal(text, expected);
}

static void a_time_is_rfc_3339_in_utc_with_trailing_zeros_trimmed(void **state)
{
	static const struct { uint64_t wall_ns; const char *text; } rows[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ 1, "1970-01-01T00:00:00.000000001Z" },
		{ 100000000, "1970-01-01T00:00:00.1Z" },
		{ 951782400 * NS_PER_S, "2000-02-29T00:00:00Z" },         /* a century that is a leap year */
		{ 951868799 * NS_PER_S, "2000-02-29T23:59:59Z" },
		{ 1709164800 * NS_PER_S, "2024-02-29T00:00:00Z" },
		{ 1735689599999999999u, "2024-12-31T23:59:59.999999999Z" },
		{ 1736937000 * NS_PER_S + 120 * NS_PER_MS, "2025-01-15T10:30:00.12Z" },
		{ 1736937000 * NS_PER_S + 1050 * NS_PER_US, "2025-01-15T10:30:00.00105Z" },
		{ 4107542399 * NS_PER_S, "2100-02-28T23:59:59Z" },
		{ 4107542400 * NS_PER_S, "2100-03-01T00:00:00Z" },        /* a century that is not */
		{ INT64_MAX, "2262-04-11T23:47:16.854775807Z" },
		{ UINT64_MAX, "2554-07-21T23:34:33.709551615Z" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[TIME_TEXT_SIZE + 1];

		text[time_format(text, rows[i].wall_ns)] = 0;
		assert_string_equal(text, rows[i].text);
	}
}

static void the_first_and_last_second_of_every_day_are_those_of_libc(void **state)
{
	uint64_t days = UINT64_MAX / NS_PER_S / 86400;

	(void)state;
	for (uint64_t day = 0; day < days; day++) {
		assert_same_as_libc(day * 86400 * NS_PER_S);
		assert_same_as_libc((day * 86400 + 86399) * NS_PER_S + 999999999);
	}
}

static void times_of_every_precision_are_those_of_libc(void **state)
{
	uint64_t wall_ns = 88172645463325252u, unit = 1;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		wall_ns ^= wall_ns << 13;                 /* xorshift64 */
		wall_ns ^= wall_ns >> 7;
		wall_ns ^= wall_ns << 17;
		unit = unit == NS_PER_S ? 1 : unit * 10;
		assert_same_as_libc(wall_ns - wall_ns % unit);
	}
}

static void a_time_stays_within_the_size_it_promises(void **state)
{
	char text[TIME_TEXT_SIZE + 1];

	(void)state;
	memset(text, '#', sizeof(text));
	assert_true(time_format(text, UINT64_MAX) <= TIME_TEXT_SIZE);
	assert_int_equal(text[TIME_TEXT_SIZE], '#');
}

static void the_clocks_go_on_and_the_wall_clock_is_that_of_libc(void **state)
{
	uint64_t before_ns = time_monotonic_ns(), wall_ns = time_wall_ns();
	time_t now = time(NULL);

	(void)state;
	assert_true(time_monotonic_ns() >= before_ns);
	assert_in_range(wall_ns / NS_PER_S, now - 5, now + 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_time_is_rfc_3339_in_utc_with_trailing_zeros_trimmed),
		cmocka_unit_test(the_first_and_last_second_of_every_day_are_those_of_libc),
		cmocka_unit_test(times_of_every_precision_are_those_of_libc),
		cmocka_unit_test(a_time_stays_within_the_size_it_promises),
		cmocka_unit_test(the_clocks_go_on_and_the_wall_clock_is_that_of_libc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
