/* SPDX-License-Identifier: Apache-2.0 */
/* time.c - the clocks, and the text of a time by arithmetic: gmtime(3) and strftime(3) cost ten times as much. */
#include <time.h>
#include "number.h"
#include "time.h"

static uint64_t read_clock(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t time_wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

uint64_t time_monotonic_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t time_boot_ns(void)
{
#ifdef CLOCK_BOOTTIME
	return read_clock(CLOCK_BOOTTIME);
#else
	return read_clock(CLOCK_MONOTONIC);       /* macOS: goes on in sleep */
#endif
}

/* Years begin in March here, so that the leap day is the last one. Day 0 is 1 March 1600: the Gregorian calendar
 * repeats after 400 years of 146097 days, and 1461 days are four years. Five months from March have 153 days, twice. */
static char *format_date(char *out, uint32_t days_since_1970)
{
	uint32_t day = days_since_1970 + 135080;
	uint32_t century = (4 * day + 3) / 146097;
	uint32_t day_of_century = day - 146097 * century / 4;
	uint32_t year_of_century = (4 * day_of_century + 3) / 1461;
	uint32_t day_of_year = day_of_century - 1461 * year_of_century / 4;
	uint32_t month = (5 * day_of_year + 2) / 153;             /* 0: March */
	uint32_t year = 1600 + 100 * century + year_of_century + (month >= 10);

	out = two_digits(out, year / 100);
	out = two_digits(out, year % 100);
	*out++ = '-';
	out = two_digits(out, month < 10 ? month + 3 : month - 9);
	*out++ = '-';
	return two_digits(out, day_of_year - (153 * month + 2) / 5 + 1);
}

static char *format_clock(char *out, uint32_t second_of_day)
{
	out = two_digits(out, second_of_day / 3600);
	*out++ = ':';
	out = two_digits(out, second_of_day / 60 % 60);
	*out++ = ':';
	return two_digits(out, second_of_day % 60);
}

static char *format_fraction(char *out, uint32_t ns)
{
	uint32_t high = ns / 100000;                      /* four digits, then five */
	uint32_t low = ns % 100000;
	char *p = out;

	*p++ = '.';
	p = two_digits(p, high / 100);
	p = two_digits(p, high % 100);
	p = two_digits(p, low / 1000);
	p = two_digits(p, low / 10 % 100);
	*p++ = (char)('0' + low % 10);
	while (p[-1] == '0')
		p--;
	return p;
}

unsigned time_format(char *out, uint64_t wall_ns)
{
	uint64_t second = wall_ns / NS_PER_S;
	uint32_t ns = (uint32_t)(wall_ns % NS_PER_S);
	uint32_t day = (uint32_t)(second / 86400);
	char *p = format_date(out, day);

	*p++ = 'T';
	p = format_clock(p, (uint32_t)(second - (uint64_t)day * 86400));
	if (ns)
		p = format_fraction(p, ns);
	*p++ = 'Z';
	return (unsigned)(p - out);
}

void time_sleep_ns(uint64_t ns)
{
	const struct timespec time = { .tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S) };

	nanosleep(&time, NULL);
}
