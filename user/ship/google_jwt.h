/* SPDX-License-Identifier: Apache-2.0 */
/* google_jwt.h - the signed statement by which a service account asks for a token (RFC 7519, RFC 7523), RS256 (RFC 7518 3.3). */
#ifndef DEVOURER_GOOGLE_JWT_H
#define DEVOURER_GOOGLE_JWT_H
#include <stddef.h>
#include <stdint.h>
#include <openssl/evp.h>

struct google_jwt {
	EVP_PKEY *key;                            /* RSA */
	const char *key_id;                       /* NULL: left out */
	const char *issuer, *audience, *scope;
	uint64_t now_s;                           /* since 1970, by the server's clock; it is good for an hour */
};

/* `*out` is malloced; google_wipe() it. 0, -ENOMEM, or -EINVAL when the key cannot sign. */
int google_jwt_sign(char **out, const struct google_jwt *jwt);

/* base64 (RFC 4648 4), or base64url without padding (RFC 4648 5). NULL: out of memory. */
char *google_base64(const void *octets, size_t len);
char *google_base64url(const void *octets, size_t len);
#endif
