/* SPDX-License-Identifier: Apache-2.0 */
/* google_url.c - looks at scheme and host of a URL, and refuses what it does not know. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "google_url.h"

static bool is_clean(const char *url)
{
	for (; *url; url++)
		if (*url <= ' ' || *url >= 0x7f || *url == '\\')
			return false;
	return true;
}

/* The host between "//" and port or path, without the brackets of IPv6. False: none, or a user's name stands before it. */
static bool read_host(const char *rest, char *host, size_t size)
{
	size_t len = strcspn(rest, "/?#");

	if (memchr(rest, '@', len))
		return false;
	if (*rest == '[') {
		rest++;
		len = strcspn(rest, "]");
	} else {
		len = strcspn(rest, ":/?#");
	}
	if (!len || len >= size)
		return false;
	memcpy(host, rest, len);
	host[len] = '\0';
	return true;
}

/* The host of a URL with this scheme. */
static bool has_scheme(const char *url, const char *scheme, char *host, size_t size)
{
	size_t len = strlen(scheme);

	return is_clean(url) && !strncasecmp(url, scheme, len) && read_host(url + len, host, size);
}

/* IPv4 in its only form with four numbers; 0: something else. */
static uint32_t read_ipv4(const char *host)
{
	struct in_addr addr;

	return inet_pton(AF_INET, host, &addr) == 1 ? ntohl(addr.s_addr) : 0;
}

bool google_url_is_safe(const char *url)
{
	char host[256];

	if (has_scheme(url, "https://", host, sizeof(host)))
		return true;
	return has_scheme(url, "http://", host, sizeof(host)) &&
	       (read_ipv4(host) >> 24 == 127 || !strcmp(host, "::1") || !strcasecmp(host, "localhost")); /* RFC 1122 3.2.1.3, RFC 6761 6.3 */
}

bool google_url_is_link_local(const char *url)
{
	char host[256];

	return has_scheme(url, "http://", host, sizeof(host)) && read_ipv4(host) >> 16 == 0xa9fe; /* 169.254.0.0/16 */
}
