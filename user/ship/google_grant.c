/* SPDX-License-Identifier: Apache-2.0 */
/* google_grant.c - forms for token endpoints, and reading what they answer (RFC 6749 5). */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include "../base/time.h"
#include "google_file.h"
#include "google_grant.h"
#include "google_jwt.h"
#include "http.h"

#define FORM_MAX (4 * GOOGLE_FILE_MAX)            /* a subject token of the greatest length, escaped, and more */
#define TOKEN_MAX 16384                           /* octets; STS says 12288 */
#define LIFE_DEFAULT_S 300                        /* the answer does not say, so soon anew */
#define LIFE_MAX_S (7 * 86400)
#define TIMEOUT_NS (20 * NS_PER_S)
#define DESCRIPTION_MAX 160

int google_grant(struct google_grant *grant, const struct google_key *key)
{
	static int (*const ways[])(struct google_grant *, const struct google_key *) = {
		[GOOGLE_SERVICE_ACCOUNT] = google_grant_signed,
		[GOOGLE_AUTHORIZED_USER] = google_grant_refreshed,
		[GOOGLE_EXTERNAL_ACCOUNT] = google_grant_exchanged,
		[GOOGLE_IMPERSONATED] = google_grant_impersonated,
	};

	return ways[key->kind](grant, key);
}

/* "2026-01-02T03:04:05Z", with or without a fraction (RFC 3339); 0: something else. */
static uint64_t read_time(const char *text)
{
	struct tm tm = { 0 };
	time_t time_s;
	char end;

	if (!text || sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%c", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec,
			    &end) != 7 || (end != 'Z' && (end != '.' || text[strlen(text) - 1] != 'Z')))
		return 0;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	time_s = timegm(&tm);
	return time_s > 0 ? (uint64_t)time_s : 0;
}

/* In seconds, 0: over. OAuth says how long, generateAccessToken until when. */
static uint64_t read_life(const struct google_grant *grant, const json_t *json)
{
	const json_t *seconds = json_object_get(json, "expires_in");
	uint64_t now_s = grant->date_s ? grant->date_s : grant->now_s;
	uint64_t end_s = read_time(json_string_value(json_object_get(json, "expireTime")));
	uint64_t life_s = LIFE_DEFAULT_S;

	if (json_is_integer(seconds))
		life_s = json_integer_value(seconds) > 0 ? (uint64_t)json_integer_value(seconds) : 0;
	else if (end_s)
		life_s = end_s > now_s ? end_s - now_s : 0;
	return life_s < LIFE_MAX_S ? life_s : LIFE_MAX_S;
}

/* Goes into a header line. */
static bool is_token(const char *text)
{
	size_t len = 0;

	for (; text && text[len]; len++)
		if (text[len] <= ' ' || text[len] >= 0x7f)
			return false;
	return len && len <= TOKEN_MAX;
}

static int read_token(struct google_grant *grant, json_t *json)
{
	json_t *token = json_object_get(json, "access_token");

	if (!token)
		token = json_object_get(json, "accessToken");
	if (!is_token(json_string_value(token))) {
		snprintf(grant->why, sizeof(grant->why), "the answer holds no token");
		return -EAGAIN;
	}
	grant->life_s = read_life(grant, json);
	if (!grant->life_s) {
		snprintf(grant->why, sizeof(grant->why), "the token was over when it came");
		return -EAGAIN;
	}
	grant->token = strdup(json_string_value(token));
	OPENSSL_cleanse((char *)json_string_value(token), json_string_length(token)); /* jansson would free it as it is */
	return grant->token ? 0 : -ENOMEM;
}

/* A server may repeat what it was sent. */
static bool holds_secret(const struct google_grant *grant, const char *text)
{
	for (size_t i = 0; i < GOOGLE_SECRETS_MAX; i++)
		if (grant->secrets[i] && *grant->secrets[i] && strstr(text, grant->secrets[i]))
			return true;
	return false;
}

/* RFC 6749 5.2: "error" is a text, "error_description" another. Google's APIs: "error" is an object with "status" and "message". */
static void read_error(const json_t *json, const char **error, const char **description)
{
	const json_t *member = json_object_get(json, "error");

	*error = json_is_object(member) ? json_string_value(json_object_get(member, "status")) : json_string_value(member);
	*description = json_is_object(member) ? json_string_value(json_object_get(member, "message"))
					      : json_string_value(json_object_get(json, "error_description"));
	*error = *error ? *error : "";
	*description = *description ? *description : "";
}

/* Google answers these with 400 and means 503. */
static bool is_passing(const struct http_answer *answer, const char *error)
{
	static const char *const errors[] = { "internal_failure", "server_error", "temporarily_unavailable" };

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (!strcmp(error, errors[i]))
			return true;
	return answer->status / 100 == 5 || answer->status == 408 || answer->status == 429;
}

int google_grant_refuse(struct google_grant *grant, const struct http_request *request, const struct http_answer *answer)
{
	int url_len = (int)strcspn(request->url, "?#");
	json_t *json = json_loadb(answer->body, answer->len, 0, NULL);
	const char *error, *description;
	int err = -EACCES;

	read_error(json, &error, &description);
	if (answer->fate != HTTP_ANSWERED)
		snprintf(grant->why, sizeof(grant->why), "%.*s: %s", url_len, request->url, answer->why);
	else if (holds_secret(grant, error) || holds_secret(grant, description))
		snprintf(grant->why, sizeof(grant->why), "%.*s: HTTP %d", url_len, request->url, answer->status);
	else
		snprintf(grant->why, sizeof(grant->why), "%.*s: HTTP %d %.40s: %.*s", url_len, request->url, answer->status, error,
			 DESCRIPTION_MAX, description);
	if (answer->fate == HTTP_ANSWERED ? is_passing(answer, error) : !answer->is_refused)
		err = -EAGAIN;
	json_decref(json);
	return err;
}

int google_grant_ask(struct google_grant *grant, const struct http_request *request)
{
	struct http_answer answer;
	json_t *json;
	int err;

	http_do(grant->http, request, &answer);
	grant->fate = answer.fate;
	grant->date_s = answer.date_s;
	if (answer.fate != HTTP_ANSWERED || answer.status != 200)
		return google_grant_refuse(grant, request, &answer);
	json = json_loadb(answer.body, answer.len, 0, NULL);
	err = read_token(grant, json);
	json_decref(json);
	return err;
}

static int write_form(char *out, size_t size, const char *const fields[])
{
	const char *separator = "";
	int err = 0;

	for (; !err && fields[0]; fields += 2) {
		size_t len;

		if (!fields[1])
			continue;
		len = (size_t)snprintf(out, size, "%s%s=", separator, fields[0]);
		err = len < size ? http_escape(out + len, size - len, fields[1]) : -ENOSPC;
		len = strlen(out);
		out += len;
		size -= len;
		separator = "&";
	}
	return err;
}

int google_grant_post(struct google_grant *grant, const char *url, const char *basic, const char *const fields[])
{
	char *form = malloc(FORM_MAX);
	struct http_request request = { .method = "POST", .url = url, .body = form, .is_idempotent = true, .timeout_ns = TIMEOUT_NS,
					.lines = { "Content-Type: application/x-www-form-urlencoded", basic } };
	int err = form ? write_form(form, FORM_MAX, fields) : -ENOMEM;

	if (!err) {
		request.len = strlen(form);
		err = google_grant_ask(grant, &request);
	} else {
		snprintf(grant->why, sizeof(grant->why), "%s", strerror(-err));
		err = -EAGAIN;
	}
	google_wipe(form);
	return err;
}

int google_grant_signed(struct google_grant *grant, const struct google_key *key)
{
	const struct google_jwt jwt = { .key = key->private_key, .key_id = key->key_id, .issuer = key->email, .audience = key->token_uri,
					.scope = grant->scope, .now_s = grant->now_s };
	char *assertion;
	int err = google_jwt_sign(&assertion, &jwt);

	if (err) {
		snprintf(grant->why, sizeof(grant->why), "cannot sign: %s", strerror(-err));
		return err == -EINVAL ? -EACCES : err;
	}
	grant->secrets[0] = assertion;
	err = google_grant_post(grant, key->token_uri, NULL, (const char *const[]){
		"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion", assertion, NULL }); /* RFC 7523 2.1 */
	grant->secrets[0] = NULL;
	google_wipe(assertion);
	return err;
}

int google_grant_refreshed(struct google_grant *grant, const struct google_key *key)
{
	int err;

	grant->secrets[0] = key->refresh_token;
	grant->secrets[1] = key->client_secret;
	err = google_grant_post(grant, key->token_uri, NULL, (const char *const[]){
		"grant_type", "refresh_token", "client_id", key->client_id, "client_secret", key->client_secret,
		"refresh_token", key->refresh_token, NULL });                                            /* RFC 6749 6 */
	grant->secrets[0] = grant->secrets[1] = NULL;
	return err;
}
