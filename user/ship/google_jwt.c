/* SPDX-License-Identifier: Apache-2.0 */
/* google_jwt.c - header, claims and signature, each in base64url. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include <openssl/evp.h>
#include "google_file.h"
#include "google_jwt.h"

#define LIFE_S 3600                               /* the longest that Google takes */

char *google_base64(const void *octets, size_t len)
{
	char *out = malloc((len + 2) / 3 * 4 + 1);

	if (out)
		EVP_EncodeBlock((unsigned char *)out, octets, (int)len);
	return out;
}

char *google_base64url(const void *octets, size_t len)
{
	char *out = google_base64(octets, len);

	for (char *p = out; p && *p; p++) {
		if (*p == '+')
			*p = '-';
		else if (*p == '/')
			*p = '_';
		else if (*p == '=')
			*p = '\0';                /* padding is at the end only */
	}
	return out;
}

/* Takes the reference. */
static char *encode_json(json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	char *out = text ? google_base64url(text, strlen(text)) : NULL;

	free(text);
	json_decref(json);
	return out;
}

static char *make_header(const struct google_jwt *jwt)
{
	return encode_json(json_pack("{s:s, s:s, s:s*}", "alg", "RS256", "typ", "JWT", "kid", jwt->key_id));
}

static char *make_claims(const struct google_jwt *jwt)
{
	return encode_json(json_pack("{s:s, s:s, s:s, s:I, s:I}", "iss", jwt->issuer, "scope", jwt->scope, "aud", jwt->audience,
				     "iat", (json_int_t)jwt->now_s, "exp", (json_int_t)jwt->now_s + LIFE_S));
}

static char *sign(EVP_PKEY *key, const char *text)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char *signature = NULL;
	char *out = NULL;
	size_t len = 0;

	if (!context || EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestSign(context, NULL, &len, (const unsigned char *)text, strlen(text)) != 1)
		goto done;
	signature = malloc(len);
	if (signature && EVP_DigestSign(context, signature, &len, (const unsigned char *)text, strlen(text)) == 1)
		out = google_base64url(signature, len);
done:
	free(signature);
	EVP_MD_CTX_free(context);
	return out;
}

/* "A.B" of both. */
static char *join(const char *a, const char *b)
{
	size_t size = a && b ? strlen(a) + strlen(b) + 2 : 0;
	char *out = size ? malloc(size) : NULL;

	if (out)
		snprintf(out, size, "%s.%s", a, b);
	return out;
}

int google_jwt_sign(char **out, const struct google_jwt *jwt)
{
	char *header = make_header(jwt), *claims = make_claims(jwt), *text = join(header, claims);
	char *signature = text ? sign(jwt->key, text) : NULL;
	int err = 0;

	*out = join(text, signature);
	if (!*out)
		err = text && !signature ? -EINVAL : -ENOMEM;
	free(header);
	free(claims);
	free(text);
	google_wipe(signature);
	return err;
}
