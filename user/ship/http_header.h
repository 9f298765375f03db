/* SPDX-License-Identifier: Apache-2.0 */
/* http_header.h - the few header fields of an answer that are looked at. */
#ifndef DEVOURER_HTTP_HEADER_H
#define DEVOURER_HTTP_HEADER_H
#include <stddef.h>
#include <stdint.h>

struct http_answer;

/* One line of an answer's head, as libcurl gives it: with its end, not with a NUL. A Retry-After that is a date goes to `*retry_at_s`. */
void http_header_read(struct http_answer *answer, uint64_t *retry_at_s, const char *line, size_t len);
#endif
