/* SPDX-License-Identifier: Apache-2.0 */
/* google_url.h - which addresses of a credential file may be asked. */
#ifndef DEVOURER_GOOGLE_URL_H
#define DEVOURER_GOOGLE_URL_H
#include <stdbool.h>

/* May a secret go there? https, or http to this host's loopback; printable, and without a user's name before the host. */
bool google_url_is_safe(const char *url);

/* http to a link-local address (RFC 3927), as instance metadata services of clouds have: may be asked for a token of its own, never by
 * way of a proxy. */
bool google_url_is_link_local(const char *url);
#endif
