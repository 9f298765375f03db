/* SPDX-License-Identifier: Apache-2.0 */
/* http_header.c - the few header fields that are looked at. */
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <curl/curl.h>
#include "http.h"
#include "http_header.h"

/* The value of the header `name` when `line` is that one: without the white space around it. */
static bool is_header(const char *line, size_t len, const char *name, const char **value, size_t *value_len)
{
	size_t name_len = strlen(name);

	if (len <= name_len || strncasecmp(line, name, name_len) != 0 || line[name_len] != ':')
		return false;
	line += name_len + 1;
	len -= name_len + 1;
	for (; len && strchr(" \t", *line); line++)
		len--;
	while (len && strchr(" \t\r\n", line[len - 1]))
		len--;
	*value = line;
	*value_len = len;
	return true;
}

/* What does not fit is left out, since a part of it would be something else. */
static void copy_value(char *out, size_t size, const char *value, size_t len)
{
	if (len >= size)
		len = 0;
	memcpy(out, value, len);
	out[len] = '\0';
}

static uint64_t read_date(const char *value, size_t len)
{
	char text[64];
	time_t date;

	copy_value(text, sizeof(text), value, len);
	date = *text ? curl_getdate(text, NULL) : -1;
	return date > 0 ? (uint64_t)date : 0;
}

/* RFC 9110 10.2.3: seconds or a date. */
static void read_retry_after(struct http_answer *answer, uint64_t *retry_at_s, const char *value, size_t len)
{
	uint64_t seconds = 0;

	*retry_at_s = 0;
	for (size_t i = 0; i < len; i++) {
		if (value[i] < '0' || value[i] > '9') {
			*retry_at_s = read_date(value, len);
			return;
		}
		seconds = seconds < UINT32_MAX ? 10 * seconds + (uint64_t)(value[i] - '0') : seconds;
	}
	answer->retry_after_s = seconds < UINT32_MAX ? (uint32_t)seconds : UINT32_MAX;
}

/* A new status line: what came before was of a proxy's CONNECT or of 100 Continue. */
static void forget(struct http_answer *answer, uint64_t *retry_at_s)
{
	*retry_at_s = 0;
	answer->date_s = 0;
	answer->retry_after_s = 0;
	answer->range[0] = '\0';
	answer->location[0] = '\0';
}

void http_header_read(struct http_answer *answer, uint64_t *retry_at_s, const char *line, size_t len)
{
	const char *value;
	size_t value_len;

	if (len >= 5 && !memcmp(line, "HTTP/", 5))
		forget(answer, retry_at_s);
	else if (is_header(line, len, "Date", &value, &value_len))
		answer->date_s = read_date(value, value_len);
	else if (is_header(line, len, "Retry-After", &value, &value_len))
		read_retry_after(answer, retry_at_s, value, value_len);
	else if (is_header(line, len, "Range", &value, &value_len))
		copy_value(answer->range, sizeof(answer->range), value, value_len);
	else if (is_header(line, len, "Location", &value, &value_len))
		copy_value(answer->location, sizeof(answer->location), value, value_len);
}
