/* SPDX-License-Identifier: Apache-2.0 */
/* google_file.c - a table of the members of each type of credential file, and the few that are more than text. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include "../base/log.h"
#include "google_file.h"
#include "google_url.h"

#define ACCEPTED "accepted are service_account, authorized_user, external_account and impersonated_service_account"
#define TOKEN_URI "https://oauth2.googleapis.com/token"

static const char *const kinds[] = {
	[GOOGLE_SERVICE_ACCOUNT] = "service_account",
	[GOOGLE_AUTHORIZED_USER] = "authorized_user",
	[GOOGLE_EXTERNAL_ACCOUNT] = "external_account",
	[GOOGLE_IMPERSONATED] = "impersonated_service_account",
};

struct member {
	enum google_kind kind;
	const char *name;
	size_t offset;
	unsigned flags;
};

#define NEEDED 1u
#define URL    2u

#define MEMBER(name) offsetof(struct google_key, name)

static const struct member members[] = {
	{ GOOGLE_SERVICE_ACCOUNT, "client_email", MEMBER(email), NEEDED },
	{ GOOGLE_SERVICE_ACCOUNT, "private_key_id", MEMBER(key_id), 0 },
	{ GOOGLE_SERVICE_ACCOUNT, "token_uri", MEMBER(token_uri), URL },
	{ GOOGLE_AUTHORIZED_USER, "client_id", MEMBER(client_id), NEEDED },
	{ GOOGLE_AUTHORIZED_USER, "client_secret", MEMBER(client_secret), NEEDED },
	{ GOOGLE_AUTHORIZED_USER, "refresh_token", MEMBER(refresh_token), NEEDED },
	{ GOOGLE_AUTHORIZED_USER, "token_uri", MEMBER(token_uri), URL },
	{ GOOGLE_AUTHORIZED_USER, "quota_project_id", MEMBER(quota_project), 0 },
	{ GOOGLE_EXTERNAL_ACCOUNT, "audience", MEMBER(audience), NEEDED },
	{ GOOGLE_EXTERNAL_ACCOUNT, "subject_token_type", MEMBER(subject_token_type), NEEDED },
	{ GOOGLE_EXTERNAL_ACCOUNT, "token_url", MEMBER(token_uri), NEEDED | URL },
	{ GOOGLE_EXTERNAL_ACCOUNT, "service_account_impersonation_url", MEMBER(impersonation_url), URL },
	{ GOOGLE_EXTERNAL_ACCOUNT, "client_id", MEMBER(client_id), 0 },
	{ GOOGLE_EXTERNAL_ACCOUNT, "client_secret", MEMBER(client_secret), 0 },
	{ GOOGLE_EXTERNAL_ACCOUNT, "quota_project_id", MEMBER(quota_project), 0 },
	{ GOOGLE_IMPERSONATED, "service_account_impersonation_url", MEMBER(impersonation_url), NEEDED | URL },
	{ GOOGLE_IMPERSONATED, "quota_project_id", MEMBER(quota_project), 0 },
};

void google_wipe(char *text)
{
	if (text)
		OPENSSL_cleanse(text, strlen(text));
	free(text);
}

static void wipe_all(char **texts)
{
	for (; *texts; texts++)
		google_wipe(*texts);
}

void google_key_free(struct google_key *key)
{
	if (!key)
		return;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		char **text = (char **)((char *)key + members[i].offset);

		google_wipe(*text);
		*text = NULL;                     /* several kinds share it */
	}
	EVP_PKEY_free(key->private_key);
	google_wipe(key->source_file);
	google_wipe(key->source_url);
	google_wipe(key->source_field);
	wipe_all(key->source_lines);
	wipe_all(key->delegates);
	google_key_free(key->source);
	free(key);
}

/* jansson frees what it holds as it is. Its texts are its own copies, so they can be overwritten before. */
static void wipe_json(json_t *json)
{
	const char *name;
	json_t *value;
	void *next;
	size_t i;

	if (json_is_string(json))
		OPENSSL_cleanse((char *)json_string_value(json), json_string_length(json));
	json_object_foreach_safe(json, next, name, value)
		wipe_json(value);
	json_array_foreach(json, i, value)
		wipe_json(value);
}

static int refuse(const char *name, const char *why)
{
	log_error("credentials %s: %s", name, why);
	return -EINVAL;
}

static int refuse_member(const char *name, enum google_kind kind, const char *member, const char *why)
{
	log_error("credentials %s: member \"%s\" of type %s %s", name, member, kinds[kind], why);
	return -EINVAL;
}

/* These go into header lines, forms and URLs. */
static bool is_clean(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

static int read_member(struct google_key *key, const json_t *json, const struct member *member, const char *name)
{
	const json_t *value = json_object_get(json, member->name);
	const char *text = json_string_value(value);

	if (!value || json_is_null(value))
		return member->flags & NEEDED ? refuse_member(name, key->kind, member->name, "is missing") : 0;
	if (!text || !*text || !is_clean(text))
		return refuse_member(name, key->kind, member->name, "is not a text of one line");
	if (member->flags & URL && !google_url_is_safe(text))
		return refuse_member(name, key->kind, member->name, "is no https URL");
	text = strdup(text);
	*(const char **)((char *)key + member->offset) = text;
	return text ? 0 : -ENOMEM;
}

static int read_members(struct google_key *key, const json_t *json, const char *name)
{
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(members) / sizeof(members[0]); i++)
		if (members[i].kind == key->kind)
			err = read_member(key, json, &members[i], name);
	if (err || key->token_uri || key->kind == GOOGLE_IMPERSONATED)
		return err;
	key->token_uri = strdup(TOKEN_URI);
	return key->token_uri ? 0 : -ENOMEM;
}

/* A key with a passphrase is not asked for one at the terminal. */
static int no_passphrase(char *out, int size, int is_writing, void *ctx)
{
	(void)out, (void)size, (void)is_writing, (void)ctx;
	return -1;
}

static int read_private_key(struct google_key *key, const json_t *json, const char *name)
{
	const char *pem = json_string_value(json_object_get(json, "private_key"));
	BIO *bio = pem ? BIO_new_mem_buf(pem, -1) : NULL;

	if (!pem)
		return refuse_member(name, key->kind, "private_key", "is missing");
	if (!bio)
		return -ENOMEM;
	key->private_key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	BIO_free(bio);
	if (key->private_key && EVP_PKEY_base_id(key->private_key) == EVP_PKEY_RSA)
		return 0;
	return refuse_member(name, key->kind, "private_key", "is no RSA key in PEM form");
}

/* "Name: value" of each member of `json`, or the members of an array as they are. */
static int read_texts(char *out[], json_t *json)
{
	const char *name;
	json_t *value;
	size_t i, count = 0;

	json_object_foreach(json, name, value) {
		size_t size = strlen(name) + json_string_length(value) + 3;

		if (count == GOOGLE_LINES_MAX || !json_is_string(value) || !is_clean(name) || !is_clean(json_string_value(value)))
			return -EINVAL;
		out[count] = malloc(size);
		if (!out[count])
			return -ENOMEM;
		snprintf(out[count++], size, "%s: %s", name, json_string_value(value));
	}
	json_array_foreach(json, i, value) {
		if (count == GOOGLE_LINES_MAX || !json_is_string(value))
			return -EINVAL;
		out[count] = strdup(json_string_value(value));
		if (!out[count++])
			return -ENOMEM;
	}
	return 0;
}

static int read_format(struct google_key *key, const json_t *format, const char *name)
{
	const char *type = json_string_value(json_object_get(format, "type"));
	const char *field = json_string_value(json_object_get(format, "subject_token_field_name"));

	if (!type || !strcmp(type, "text"))
		return 0;
	if (strcmp(type, "json") != 0 || !field)
		return refuse(name, "format of credential_source is neither text nor json with subject_token_field_name");
	key->source_field = strdup(field);
	return key->source_field ? 0 : -ENOMEM;
}

static int read_source(struct google_key *key, const json_t *json, const char *name)
{
	const json_t *source = json_object_get(json, "credential_source");
	const char *file = json_string_value(json_object_get(source, "file"));
	const char *url = json_string_value(json_object_get(source, "url"));
	int err;

	if (json_object_get(source, "executable"))
		return refuse(name, "credential_source is an executable: no program is run for a token; accepted are file and url");
	if (json_object_get(source, "environment_id"))
		return refuse(name, "credential_source is that of AWS, which is not accepted; accepted are file and url");
	if (!file == !url)
		return refuse(name, "credential_source has not one of file and url, which are accepted");
	if (url && !google_url_is_safe(url) && !google_url_is_link_local(url))
		return refuse(name, "url of credential_source is neither https nor a link-local address");
	key->source_file = file ? strdup(file) : NULL;
	key->source_url = url ? strdup(url) : NULL;
	if (!key->source_file && !key->source_url)
		return -ENOMEM;
	err = read_texts(key->source_lines, json_object_get(source, "headers"));
	if (err == -EINVAL)
		return refuse(name, "headers of credential_source are not at most 4 texts of one line");
	return err ? err : read_format(key, json_object_get(source, "format"), name);
}

static int read_object(struct google_key **out, const json_t *json, const char *name, bool is_source);

static int read_impersonated(struct google_key *key, const json_t *json, const char *name)
{
	int err = read_texts(key->delegates, json_object_get(json, "delegates"));

	if (err == -EINVAL)
		return refuse_member(name, key->kind, "delegates", "is not a list of at most 4 names");
	if (!json_is_object(json_object_get(json, "source_credentials")))
		return refuse_member(name, key->kind, "source_credentials", "is missing");
	return err ? err : read_object(&key->source, json_object_get(json, "source_credentials"), name, true);
}

static int read_rest(struct google_key *key, const json_t *json, const char *name)
{
	switch (key->kind) {
	case GOOGLE_SERVICE_ACCOUNT: return read_private_key(key, json, name);
	case GOOGLE_EXTERNAL_ACCOUNT: return read_source(key, json, name);
	case GOOGLE_IMPERSONATED: return read_impersonated(key, json, name);
	default: return 0;
	}
}

static int find_kind(enum google_kind *kind, const json_t *json, const char *name)
{
	const char *type = json_string_value(json_object_get(json, "type"));

	if (!type)
		return refuse(name, "has no member \"type\"; " ACCEPTED);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!strcmp(type, kinds[i])) {
			*kind = (enum google_kind)i;
			return 0;
		}
	}
	return refuse(name, "its type is not accepted; " ACCEPTED);
}

static int read_object(struct google_key **out, const json_t *json, const char *name, bool is_source)
{
	struct google_key *key = calloc(1, sizeof(*key));
	int err = key ? find_kind(&key->kind, json, name) : -ENOMEM;

	if (!err && is_source && key->kind == GOOGLE_IMPERSONATED)
		err = refuse(name, "source_credentials are impersonated themselves; name all accounts in delegates");
	if (!err)
		err = read_members(key, json, name);
	if (!err)
		err = read_rest(key, json, name);
	if (err)
		google_key_free(key);
	else
		*out = key;
	return err;
}

/* jansson's own message would show what stands around the error. */
int google_key_parse(struct google_key **out, const char *text, size_t len, const char *name)
{
	json_error_t error;
	json_t *json = json_loadb(text, len, 0, &error);
	int err;

	if (!json) {
		log_error("credentials %s: not JSON (line %d, column %d)", name, error.line, error.column);
		return -EINVAL;
	}
	err = json_is_object(json) ? read_object(out, json, name, false) : refuse(name, "not a JSON object");
	if (err == -ENOMEM)
		log_error("credentials %s: %s", name, strerror(ENOMEM));
	wipe_json(json);
	json_decref(json);
	return err;
}

/* What root gave to our group, it meant for us. */
static bool is_public(const struct stat *st)
{
	if (!st->st_uid && geteuid())
		return st->st_mode & S_IRWXO;
	return st->st_mode & (S_IRWXG | S_IRWXO);
}

static int read_octets(char *out, size_t *len, int fd)
{
	ssize_t n = 1;

	for (*len = 0; n > 0 && *len <= GOOGLE_FILE_MAX; *len += (size_t)n) {
		n = read(fd, out + *len, GOOGLE_FILE_MAX + 1 - *len);
		if (n < 0)
			return -errno;
	}
	out[*len] = '\0';
	return *len > GOOGLE_FILE_MAX ? -EFBIG : 0;
}

/* A symbolic link is followed: Kubernetes exchanges its secrets by them. O_NONBLOCK: a FIFO does not hold us up. */
int google_file_read(char **out, size_t *len, bool *others, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), err;
	struct stat st;
	char *text;

	if (fd < 0)
		return -errno;
	text = malloc(GOOGLE_FILE_MAX + 2);
	if (!text || fstat(fd, &st))
		err = text ? -errno : -ENOMEM;
	else
		err = S_ISREG(st.st_mode) ? read_octets(text, len, fd) : -EINVAL;
	close(fd);
	if (err) {
		free(text);
		return err;
	}
	if (others)
		*others = is_public(&st);
	*out = text;
	return 0;
}

static bool has_secret(const struct google_key *key)
{
	return key->private_key || key->refresh_token || key->client_secret || key->source_lines[0] ||
	       (key->source && has_secret(key->source));
}

int google_key_read(struct google_key **out, const char *path)
{
	struct google_key *key;
	bool others;
	size_t len = 0;
	char *text = NULL;
	int err = google_file_read(&text, &len, &others, path);

	if (err) {
		log_error("credentials %s: %s", path, err == -EINVAL ? "not a regular file" : strerror(-err));
		return err;
	}
	err = google_key_parse(&key, text, len, path);
	OPENSSL_cleanse(text, len);
	free(text);
	if (err)
		return err;
	if (others && has_secret(key)) {
		log_error("credentials %s: other users may read it: chmod 600 it, and think about a new key", path);
		google_key_free(key);
		return -EACCES;
	}
	*out = key;
	return 0;
}
