/* SPDX-License-Identifier: Apache-2.0 */
/* time.h - units of time, and the only readers of the clock. Everything else takes the time as an argument. */
#ifndef DEVOURER_TIME_H
#define DEVOURER_TIME_H
#include <stdint.h>

#define NS_PER_US 1000ull
#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull

uint64_t time_wall_ns(void);                      /* since 1970, UTC */
uint64_t time_monotonic_ns(void);                 /* never steps */
uint64_t time_boot_ns(void);                      /* the same, and goes on while the machine sleeps, where the system has such a clock */

void time_sleep_ns(uint64_t ns);                  /* a signal may end it early */

#define TIME_TEXT_SIZE 32                         /* "2262-04-11T23:47:16.854775807Z" and its NUL */

/* RFC 3339 in UTC, trailing zeros of the fraction trimmed, no fraction when it is zero.
 * Writes at most TIME_TEXT_SIZE octets, no NUL; returns how many. Up to the year 2554. */
unsigned time_format(char *out, uint64_t wall_ns);
#endif
