/* SPDX-License-Identifier: Apache-2.0 */
/* google_metadata.c - the token of the machine or pod, from the metadata server of Compute Engine, GKE and Cloud Run. */
#include <errno.h>
#include <stdio.h>
#include "../base/time.h"
#include "google_grant.h"
#include "http.h"

#define TRIES 3
#define TIMEOUT_NS (3 * NS_PER_S)

/* Plain http, since it never leaves the machine; so never by a proxy, and with the line that a browser cannot be made to send. */
int google_grant_metadata(struct google_grant *grant, const char *host)
{
	char url[384];
	const struct http_request request = { .method = "GET", .url = url, .is_direct = true, .timeout_ns = TIMEOUT_NS,
					      .lines = { "Metadata-Flavor: Google" } };
	int err = -EAGAIN, unheard = 0;

	snprintf(url, sizeof(url), "http://%s/computeMetadata/v1/instance/service-accounts/default/token", host);
	for (int i = 0; err == -EAGAIN && i < TRIES; i++) {
		err = google_grant_ask(grant, &request);
		unheard += grant->fate == HTTP_NOT_SENT;
		if (grant->fate == HTTP_STOPPED)
			break;
	}
	return unheard == TRIES ? -ENOENT : err;
}
