/* SPDX-License-Identifier: Apache-2.0 */
/* http_gzip.h - the body of a request in gzip form (RFC 1952). All zero is a good start. */
#ifndef DEVOURER_HTTP_GZIP_H
#define DEVOURER_HTTP_GZIP_H
#include <stddef.h>
#include <zlib.h>

struct http_gzip {
	z_stream stream;                          /* ready when .state is not NULL */
	unsigned char *out;
	size_t size;
};

/* Exchanges `*body`, `*len` for the packed form, lent until the next call. 0 or -ENOMEM. */
int http_gzip(struct http_gzip *gzip, const void **body, size_t *len);
void http_gzip_end(struct http_gzip *gzip);
#endif
