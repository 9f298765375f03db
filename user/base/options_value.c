/* SPDX-License-Identifier: Apache-2.0 */
/* options_value.c - durations, sizes and counts as people write them. */
#include <errno.h>
#include <string.h>
#include "options.h"
#include "time.h"

/* Reads digits at `*text` and goes past them. 0, -EINVAL without a digit, -ERANGE. */
static int read_digits(const char **text, uint64_t *out)
{
	const char *p = *text;
	uint64_t value = 0;
	bool is_too_large = false;

	for (; *p >= '0' && *p <= '9'; p++) {
		is_too_large |= __builtin_mul_overflow(value, 10, &value);
		is_too_large |= __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value);
	}
	if (p == *text)
		return -EINVAL;
	*text = p;
	*out = value;
	return is_too_large ? -ERANGE : 0;
}

int parse_count(const char *text, uint64_t *out)
{
	uint64_t value;
	int err = read_digits(&text, &value);

	if (err == -EINVAL || *text)
		return -EINVAL;
	if (!err)
		*out = value;
	return err;
}

int parse_size(const char *text, uint64_t *out_octets)
{
	static const char units[] = "KMGT";
	uint64_t value;
	unsigned shift = 0;
	int err = read_digits(&text, &value);

	if (err == -EINVAL)
		return err;
	if (*text) {
		const char *unit = strchr(units, *text >= 'a' ? *text - 'a' + 'A' : *text);

		if (!unit || text[1])
			return -EINVAL;
		shift = 10 * ((unsigned)(unit - units) + 1);
	}
	if (err || value > UINT64_MAX >> shift)
		return -ERANGE;
	*out_octets = value << shift;
	return 0;
}

/* The unit at `*text`, in nanoseconds; 0: none. Both Unicode spellings of µ are common. */
static uint64_t read_unit(const char **text)
{
	static const struct { const char *name; uint64_t ns; } units[] = {
		{ "ns", 1 }, { "us", NS_PER_US }, { "\u00b5s", NS_PER_US }, { "\u03bcs", NS_PER_US },
		{ "ms", NS_PER_MS }, { "s", NS_PER_S }, { "m", 60 * NS_PER_S }, { "h", 3600 * NS_PER_S },
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t len = strlen(units[i].name);

		if (!strncmp(*text, units[i].name, len)) {
			*text += len;
			return units[i].ns;
		}
	}
	return 0;
}

/* The digits after the point, each worth a tenth of the one before; what is below a nanosecond is cut. */
static uint64_t fraction_ns(const char *digits, size_t count, uint64_t unit_ns)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		unit_ns /= 10;
		sum += (uint64_t)(digits[i] - '0') * unit_ns;
	}
	return sum;
}

/* One number with its unit, such as 1.5h; goes past it. */
static int read_part(const char **text, uint64_t *out_ns)
{
	uint64_t whole = 0, unit_ns;
	const char *fraction = "";
	size_t fraction_len = 0;
	int err = read_digits(text, &whole);

	if (**text == '.') {
		fraction = ++*text;
		fraction_len = strspn(fraction, "0123456789");
		*text += fraction_len;
		err = err == -EINVAL && fraction_len ? 0 : err;
	}
	if (err == -EINVAL)
		return err;
	unit_ns = read_unit(text);
	if (!unit_ns)
		return -EINVAL;
	if (err || __builtin_mul_overflow(whole, unit_ns, &whole) ||
	    __builtin_add_overflow(whole, fraction_ns(fraction, fraction_len, unit_ns), &whole))
		return -ERANGE;
	*out_ns = whole;
	return 0;
}

int parse_duration(const char *text, uint64_t *out_ns)
{
	uint64_t sum = 0, part = 0;
	bool is_too_large = false;

	if (!strcmp(text, "0")) {
		*out_ns = 0;
		return 0;
	}
	if (!*text)
		return -EINVAL;
	while (*text) {
		int err = read_part(&text, &part);

		if (err == -EINVAL)
			return err;
		is_too_large |= err || __builtin_add_overflow(sum, part, &sum) || sum > INT64_MAX;
	}
	if (is_too_large)
		return -ERANGE;
	*out_ns = sum;
	return 0;
}
