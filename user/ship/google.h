/* SPDX-License-Identifier: Apache-2.0 */
/* google.h - credentials for Google's APIs and the access tokens they give (OAuth 2.0, RFC 6749, RFC 7523, RFC 8693).
 *
 * Looked for in this order: what the user named (key file or key data), the file of GOOGLE_APPLICATION_CREDENTIALS, gcloud's file of
 * application default credentials, the metadata server. Keys and tokens are never logged and are overwritten before memory is freed.
 */
#ifndef DEVOURER_GOOGLE_H
#define DEVOURER_GOOGLE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http;
struct http_answer;
struct google;

struct google_options {
	const char *key_file, *key_data;          /* NULL: not given */
	const char *scope;
	bool is_emulator;                         /* no token unless a key was given explicitly */
};

/* Reads the credentials, asks nobody yet (the metadata server is only probed by the first token). 0; -EINVAL: malformed or of a type that
 * is not accepted; -EACCES: a key file that others may read; -ENOENT: there are none, or a named file is missing. Logged with the file
 * and what is accepted. `http` is lent until google_close(). */
int google_open(struct google **out, const struct google_options *options, struct http *http);
void google_close(struct google *google);         /* NULL is fine */

/* Which source was taken, for log lines: "service account NAME (FILE)", "metadata server", "none (emulator)". Holds no secret. */
const char *google_source(const struct google *google);

/* A token that is good for now; lent until the next call. 0 with NULL in `*token`: none is needed. `boot_ns` is CLOCK_BOOTTIME, `wall_ns`
 * the wall clock. 0; -EAGAIN: none to be had now (outage); -EACCES: refused for good (revoked, disabled, no such account, a TLS certificate
 * or a proxy that refuses); -ENOENT: no metadata server answers, so there are no credentials at all; logged with the reason.
 * Refreshed four minutes before it ends (at half its life when that is short); while that fails and it is still good, it is lent on. Asks
 * again after 1 s, doubled up to a minute, whatever the failure, and at once when the key file was exchanged. */
int google_token(struct google *google, uint64_t boot_ns, uint64_t wall_ns, const char **token);

/* The server said 401: this token is no good any more. */
void google_forget_token(struct google *google);

/* Any answer tells the time: a clock that is wrong by more than a minute is corrected for JWTs and warned of once. */
void google_note_date(struct google *google, uint64_t date_s, uint64_t wall_ns);

/* quota_project_id of the credentials, for x-goog-user-project; or NULL. Lent until the next google_token(). */
const char *google_quota_project(const struct google *google);

struct google_stats { uint64_t refreshed, failed; int64_t clock_offset_s; };
void google_stats(const struct google *google, struct google_stats *out);
#endif
