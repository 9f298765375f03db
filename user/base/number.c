/* SPDX-License-Identifier: Apache-2.0 */
/* number.c - decimal text, two digits a step. */
#include "number.h"

const char number_pairs[201] =
	"0001020304050607080910111213141516171819"
	"2021222324252627282930313233343536373839"
	"4041424344454647484950515253545556575859"
	"6061626364656667686970717273747576777879"
	"8081828384858687888990919293949596979899";

/* 1233 / 4096 is a little below log10(2), so the estimate from the bit length is right or one too many. */
static unsigned digit_count(uint64_t value)
{
	static const uint64_t least[U64_TEXT_SIZE] = {    /* the smallest number of index + 1 digits */
		0, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000,
		100000000000, 1000000000000, 10000000000000, 100000000000000, 1000000000000000,
		10000000000000000, 100000000000000000, 1000000000000000000, 10000000000000000000u,
	};
	unsigned bits = 64 - (unsigned)__builtin_clzll(value | 1);
	unsigned estimate = bits * 1233 >> 12;

	return estimate + (value >= least[estimate]);
}

/* The digits of `value` before `end`, which has room for exactly them. 32-bit division costs half of 64-bit. */
static void write_digits(char *end, uint32_t value)
{
	while (value >= 100) {
		end -= 2;
		two_digits(end, value % 100);
		value /= 100;
	}
	if (value >= 10)
		two_digits(end - 2, value);
	else
		end[-1] = (char)('0' + value);
}

unsigned u64_format(char *out, uint64_t value)
{
	unsigned len = digit_count(value);
	char *end = out + len;

	while (value > UINT32_MAX) {
		end -= 2;
		two_digits(end, (uint32_t)(value % 100));
		value /= 100;
	}
	write_digits(end, (uint32_t)value);
	return len;
}
