/* SPDX-License-Identifier: Apache-2.0 */
/* number.h - decimal text, made fast: a record holds ten numbers and two times. */
#ifndef DEVOURER_NUMBER_H
#define DEVOURER_NUMBER_H
#include <stdint.h>
#include <string.h>

extern const char number_pairs[201];              /* "00", "01", … "99" */

#define U64_TEXT_SIZE 20                          /* digits of 2^64 - 1 */

/* Writes `value` in decimal, no leading zero, no NUL; returns how many octets: 1 to U64_TEXT_SIZE. */
unsigned u64_format(char *out, uint64_t value);

/* Writes the two digits of `value`, 0 to 99; returns the place after them. */
static inline char *two_digits(char *out, uint32_t value)
{
	memcpy(out, number_pairs + 2 * value, 2);
	return out + 2;
}
#endif
