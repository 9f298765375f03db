/* SPDX-License-Identifier: Apache-2.0 */
/* google_file.h - credential files as Google hands them out: reading and checking. What is in them is never logged. */
#ifndef DEVOURER_GOOGLE_FILE_H
#define DEVOURER_GOOGLE_FILE_H
#include <stdbool.h>
#include <stddef.h>
#include <openssl/evp.h>

#define GOOGLE_FILE_MAX (64u << 10)               /* octets of a credential file or of a subject token */
#define GOOGLE_LINES_MAX 4                        /* header lines of a subject token's URL */

enum google_kind { GOOGLE_SERVICE_ACCOUNT, GOOGLE_AUTHORIZED_USER, GOOGLE_EXTERNAL_ACCOUNT, GOOGLE_IMPERSONATED };

/* Members that the kind does not have, or that the file leaves out, are NULL. */
struct google_key {
	enum google_kind kind;
	char *token_uri;
	char *quota_project;
	char *email, *key_id;                     /* service account */
	EVP_PKEY *private_key;                    /* RSA */
	char *client_id, *client_secret;          /* authorized user, external account */
	char *refresh_token;                      /* authorized user */
	char *audience, *subject_token_type;      /* external account … */
	char *source_file, *source_url;           /* … and where its subject token is: one of the two … */
	char *source_field;                       /* … as this member of a JSON object; NULL: as the whole text */
	char *source_lines[GOOGLE_LINES_MAX + 1];
	char *impersonation_url;                  /* impersonated; external account: perhaps */
	char *delegates[GOOGLE_LINES_MAX + 1];
	struct google_key *source;                /* impersonated: who asks */
};

/* `name` is for log lines. 0; -EINVAL malformed or not accepted; -ENOMEM; logged. */
int google_key_parse(struct google_key **out, const char *text, size_t len, const char *name);

/* The same from a file. Also -EACCES: one with a secret, which others may read; -ENOENT and other -errno; logged. A file of root's that
 * only our group may read besides is fine: so the secrets of Kubernetes (fsGroup) and systemd come. */
int google_key_read(struct google_key **out, const char *path);

void google_key_free(struct google_key *key);     /* NULL is fine */

/* All of a regular file of at most GOOGLE_FILE_MAX octets, with a NUL; google_wipe() it. `*others` (may be NULL): others may read
 * it. 0 or -errno, not logged: -EFBIG too long, -EINVAL no regular file. */
int google_file_read(char **out, size_t *len, bool *others, const char *path);

/* Overwrites and frees; NULL is fine. */
void google_wipe(char *text);
#endif
