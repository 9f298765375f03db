/* SPDX-License-Identifier: Apache-2.0 */
/* google_exchange.c - tokens for tokens: workload identity federation (RFC 8693) and the IAM call generateAccessToken. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include "../base/time.h"
#include "google_file.h"
#include "google_grant.h"
#include "google_jwt.h"
#include "google_url.h"
#include "http.h"

#define CLOUD_SCOPE "https://www.googleapis.com/auth/cloud-platform" /* of the token that only asks for another one */
#define LIFETIME "3600s"                          /* the longest without an organization policy */
#define TIMEOUT_NS (20 * NS_PER_S)

static int fail(struct google_grant *grant, int err, const char *what, const char *why)
{
	snprintf(grant->why, sizeof(grant->why), "subject token %s: %s", what, why);
	return err;
}

static char *copy(const char *text, size_t len)
{
	char *out = malloc(len + 1);

	if (out) {
		memcpy(out, text, len);
		out[len] = '\0';
	}
	return out;
}

/* The token within `text`: all of it without the end of its line, or a member of a JSON object. */
static int pick_token(struct google_grant *grant, const struct google_key *key, const char *text, size_t len, char **out)
{
	const char *what = key->source_file ? key->source_file : "of the URL";
	json_t *json, *token;

	while (!key->source_field && len && strchr(" \t\r\n", text[len - 1]))
		len--;
	if (!key->source_field) {
		*out = copy(text, len);
		return *out ? 0 : -ENOMEM;
	}
	json = json_loadb(text, len, 0, NULL);
	token = json_object_get(json, key->source_field);
	*out = json_is_string(token) ? copy(json_string_value(token), json_string_length(token)) : NULL;
	if (*out)
		OPENSSL_cleanse((char *)json_string_value(token), json_string_length(token));
	json_decref(json);
	return *out ? 0 : fail(grant, -EAGAIN, what, "not JSON with the member that credential_source names");
}

static int read_file(struct google_grant *grant, const struct google_key *key, char **out)
{
	size_t len;
	char *text;
	int err = google_file_read(&text, &len, NULL, key->source_file);

	if (err)
		return fail(grant, -EAGAIN, key->source_file, err == -EINVAL ? "not a regular file" : strerror(-err));
	err = pick_token(grant, key, text, len, out);
	OPENSSL_cleanse(text, len);
	free(text);
	return err;
}

static int read_url(struct google_grant *grant, const struct google_key *key, char **out)
{
	struct http_request request = { .method = "GET", .url = key->source_url, .is_direct = google_url_is_link_local(key->source_url),
					.timeout_ns = TIMEOUT_NS };
	struct http_answer answer;

	for (size_t i = 0; i < GOOGLE_LINES_MAX; i++)
		request.lines[i] = grant->secrets[i] = key->source_lines[i];
	http_do(grant->http, &request, &answer);
	grant->fate = answer.fate;
	if (answer.fate != HTTP_ANSWERED || answer.status != 200)
		return google_grant_refuse(grant, &request, &answer);
	if (answer.len > GOOGLE_FILE_MAX)
		return fail(grant, -EAGAIN, "of the URL", "too long");
	return pick_token(grant, key, answer.body, answer.len, out);
}

/* RFC 6749 2.3.1; NULL without a client, or without memory. */
static char *make_basic(const struct google_key *key)
{
	static const char start[] = "Authorization: Basic ";
	char pair[1024], *encoded, *out;
	int len;

	if (!key->client_id || !key->client_secret)
		return NULL;
	len = snprintf(pair, sizeof(pair), "%s:%s", key->client_id, key->client_secret);
	encoded = len < (int)sizeof(pair) ? google_base64(pair, (size_t)len) : NULL;
	out = encoded ? malloc(sizeof(start) + strlen(encoded)) : NULL;
	if (out)
		snprintf(out, sizeof(start) + strlen(encoded), "%s%s", start, encoded);
	OPENSSL_cleanse(pair, sizeof(pair));
	google_wipe(encoded);
	return out;
}

static int exchange(struct google_grant *grant, const struct google_key *key, const char *subject, const char *scope)
{
	char *basic = make_basic(key);
	int err;

	memset(grant->secrets, 0, sizeof(grant->secrets));
	grant->secrets[0] = subject;
	grant->secrets[1] = key->client_secret;
	err = google_grant_post(grant, key->token_uri, basic, (const char *const[]){
		"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange", "audience", key->audience, "scope", scope,
		"requested_token_type", "urn:ietf:params:oauth:token-type:access_token", "subject_token", subject,
		"subject_token_type", key->subject_token_type, NULL });                                  /* RFC 8693 2.1 */
	memset(grant->secrets, 0, sizeof(grant->secrets));
	google_wipe(basic);
	return err;
}

static json_t *list_of(char *const texts[])
{
	json_t *list = json_array();

	for (; *texts; texts++)
		json_array_append_new(list, json_string(*texts));
	return list;
}

/* Exchanges the token that `grant` holds for one of the other account. */
static int impersonate(struct google_grant *grant, const struct google_key *key)
{
	char *bearer = grant->token;
	json_t *json = json_pack("{s:s, s:[s], s:o}", "lifetime", LIFETIME, "scope", grant->scope, "delegates", list_of(key->delegates));
	char *body = json ? json_dumps(json, JSON_COMPACT) : NULL;
	struct http_request request = { .method = "POST", .url = key->impersonation_url, .bearer = bearer, .body = body,
					.len = body ? strlen(body) : 0, .is_idempotent = true, .timeout_ns = TIMEOUT_NS,
					.lines = { "Content-Type: application/json" } };
	int err = -ENOMEM;

	grant->token = NULL;
	grant->secrets[0] = bearer;
	if (body)
		err = google_grant_ask(grant, &request);
	grant->secrets[0] = NULL;
	free(body);
	json_decref(json);
	google_wipe(bearer);
	return err;
}

int google_grant_exchanged(struct google_grant *grant, const struct google_key *key)
{
	char *subject = NULL;
	int err = key->source_file ? read_file(grant, key, &subject) : read_url(grant, key, &subject);

	if (!err)
		err = exchange(grant, key, subject, key->impersonation_url ? CLOUD_SCOPE : grant->scope);
	google_wipe(subject);
	if (err || !key->impersonation_url)
		return err;
	return impersonate(grant, key);
}

int google_grant_impersonated(struct google_grant *grant, const struct google_key *key)
{
	const char *scope = grant->scope;
	int err;

	grant->scope = CLOUD_SCOPE;
	err = google_grant(grant, key->source);
	grant->scope = scope;
	return err ? err : impersonate(grant, key);
}
