/* SPDX-License-Identifier: Apache-2.0 */
/* google_grant.h - asking for an access token, once: one function for each way there is. */
#ifndef DEVOURER_GOOGLE_GRANT_H
#define DEVOURER_GOOGLE_GRANT_H
#include <stddef.h>
#include <stdint.h>
#include "http.h"

struct google_key;

#define GOOGLE_SECRETS_MAX 4

/* Who asks, and what came of it. Zero all but the first three. */
struct google_grant {
	struct http *http;
	const char *scope;
	uint64_t now_s;                           /* since 1970, by the server's clock as far as it is known */

	char *token;                              /* google_wipe() it; NULL: none */
	uint64_t life_s;                          /* of the token, at least 1 */
	uint64_t date_s;                          /* of the last answer; 0: none */
	enum http_fate fate;                      /* of the last request */
	char why[320];                            /* there is no token; without secrets */
	const char *secrets[GOOGLE_SECRETS_MAX];  /* of the running request, lent: kept out of `why` */
};

/* All of these: 0; -EAGAIN none to be had now; -EACCES refused; -ENOMEM. Not logged. */
int google_grant(struct google_grant *grant, const struct google_key *key);

/* Its parts, for each other. */

/* A service account's token, or a user's. */
int google_grant_signed(struct google_grant *grant, const struct google_key *key);
int google_grant_refreshed(struct google_grant *grant, const struct google_key *key);
/* A subject token for a Google token (RFC 8693), and a token of one account for that of another. */
int google_grant_exchanged(struct google_grant *grant, const struct google_key *key);
int google_grant_impersonated(struct google_grant *grant, const struct google_key *key);

/* Also -ENOENT: nobody answers at `host`, after three tries. */
int google_grant_metadata(struct google_grant *grant, const char *host);

/* Send and read the token of the answer. `secrets` is what must not be repeated in `why`. */
int google_grant_ask(struct google_grant *grant, const struct http_request *request);

/* What an answer that is not the wanted one means; sets `why`. */
int google_grant_refuse(struct google_grant *grant, const struct http_request *request, const struct http_answer *answer);

/* POST of a form: names and values in turn, up to a NULL name; a NULL value is left out with its name. `basic` is the value of an
 * Authorization line, or NULL. */
int google_grant_post(struct google_grant *grant, const char *url, const char *basic, const char *const fields[]);
#endif
