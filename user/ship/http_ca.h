/* SPDX-License-Identifier: Apache-2.0 */
/* http_ca.h - whom TLS trusts when a CA file was named: the system's certificates and those of the file, as one text. */
#ifndef DEVOURER_HTTP_CA_H
#define DEVOURER_HTTP_CA_H
#include <stddef.h>

/* PEM, the caller frees it. 0 or -errno, logged: -EINVAL when the file holds no certificate. */
int http_ca_read(char **out, size_t *len, const char *ca_file);
#endif
