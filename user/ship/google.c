/* SPDX-License-Identifier: Apache-2.0 */
/* google.c - where credentials come from, and how long a token is good. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include "../base/log.h"
#include "../base/random.h"
#include "../base/time.h"
#include "google.h"
#include "google_file.h"
#include "google_grant.h"

#define MARGIN_NS (240 * NS_PER_S)                /* a token is replaced this long before its end, or at half its life */
#define BACKOFF_MAX_NS (60 * NS_PER_S)
#define CLOCK_SLACK_S 60
#define METADATA_HOST "metadata.google.internal"
#define PATH_SIZE 4096

enum origin { ORIGIN_NONE, ORIGIN_FILE, ORIGIN_DATA, ORIGIN_METADATA };

struct google {
	struct http *http;
	char *scope;
	enum origin origin;
	char *path;                               /* of the file … */
	struct stat seen;                         /* … as it was when it was read */
	struct google_key *key;                   /* of file or data */
	char *metadata_host;
	char source[512];

	char *token;                              /* NULL: none */
	uint64_t refresh_ns, end_ns;              /* of the token, by the clock that does not step */
	uint64_t retry_ns;                        /* not asked before; 0: at once */
	unsigned failures;                        /* in a row */
	int last_err;                             /* of them */
	bool is_warned;                           /* about the clock */
	struct google_stats stats;
};

static void describe(struct google *google, const char *where)
{
	static const char *const kinds[] = {
		[GOOGLE_SERVICE_ACCOUNT] = "service account ",
		[GOOGLE_AUTHORIZED_USER] = "authorized user",
		[GOOGLE_EXTERNAL_ACCOUNT] = "external account",
		[GOOGLE_IMPERSONATED] = "impersonated service account",
	};
	const struct google_key *key = google->key;

	snprintf(google->source, sizeof(google->source), "%s%s (%s)", kinds[key->kind], key->email ? key->email : "", where);
}

static int use_file(struct google *google, const char *path)
{
	int err;

	google->origin = ORIGIN_FILE;
	google->path = strdup(path);
	if (!google->path)
		return -ENOMEM;
	if (stat(path, &google->seen))
		memset(&google->seen, 0, sizeof(google->seen));
	err = google_key_read(&google->key, path);
	if (!err)
		describe(google, path);
	return err;
}

static int use_data(struct google *google, const char *data)
{
	int err = google_key_parse(&google->key, data, strlen(data), "(key data)");

	google->origin = ORIGIN_DATA;
	if (!err)
		describe(google, "key data");
	return err;
}

/* An empty variable counts as none. */
static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* Where `gcloud auth application-default login` puts its file; false: it has not. */
static bool find_gcloud_file(char *out, size_t size)
{
	const char *config = variable("CLOUDSDK_CONFIG"), *home = variable("HOME");
	struct stat st;

	if (!config && !home)
		return false;
	if (config)
		snprintf(out, size, "%s/application_default_credentials.json", config);
	else
		snprintf(out, size, "%s/.config/gcloud/application_default_credentials.json", home);
	return !stat(out, &st);
}

static bool is_host(const char *text)
{
	return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-:[]") == strlen(text) && strlen(text) < 256;
}

static int use_metadata(struct google *google)
{
	const char *host = variable("GCE_METADATA_HOST"), *no_check = variable("NO_GCE_CHECK");

	if (no_check && strcasecmp(no_check, "true") == 0) {
		log_error("credentials: there are none: no key file or key data, no GOOGLE_APPLICATION_CREDENTIALS, no file of gcloud's, and "
			  "NO_GCE_CHECK forbids the metadata server");
		return -ENOENT;
	}
	host = host ? host : METADATA_HOST;
	if (!is_host(host)) {
		log_error("credentials: GCE_METADATA_HOST is no host");
		return -EINVAL;
	}
	google->origin = ORIGIN_METADATA;
	google->metadata_host = strdup(host);
	snprintf(google->source, sizeof(google->source), "metadata server (%s)", host);
	return google->metadata_host ? 0 : -ENOMEM;
}

static int find_credentials(struct google *google, const struct google_options *options)
{
	const char *path = variable("GOOGLE_APPLICATION_CREDENTIALS");
	char gcloud[PATH_SIZE];

	if (options->key_file)
		return use_file(google, options->key_file);
	if (options->key_data)
		return use_data(google, options->key_data);
	if (options->is_emulator) {
		snprintf(google->source, sizeof(google->source), "none (emulator)");
		return 0;
	}
	if (path)
		return use_file(google, path);
	if (find_gcloud_file(gcloud, sizeof(gcloud)))
		return use_file(google, gcloud);
	return use_metadata(google);
}

int google_open(struct google **out, const struct google_options *options, struct http *http)
{
	struct google *google = calloc(1, sizeof(*google));
	int err = -ENOMEM;

	if (!google)
		return err;
	google->http = http;
	google->scope = strdup(options->scope);
	if (google->scope)
		err = find_credentials(google, options);
	if (err) {
		google_close(google);
		return err;
	}
	log_debug("credentials: %s", google->source);
	*out = google;
	return 0;
}

void google_close(struct google *google)
{
	if (!google)
		return;
	google_forget_token(google);
	google_key_free(google->key);
	free(google->scope);
	free(google->path);
	free(google->metadata_host);
	free(google);
}

const char *google_source(const struct google *google)
{
	return google->source;
}

const char *google_quota_project(const struct google *google)
{
	return google->key ? google->key->quota_project : NULL;
}

void google_stats(const struct google *google, struct google_stats *out)
{
	*out = google->stats;
}

void google_forget_token(struct google *google)
{
	google_wipe(google->token);
	google->token = NULL;
}

void google_note_date(struct google *google, uint64_t date_s, uint64_t wall_ns)
{
	int64_t offset_s = (int64_t)(date_s - wall_ns / NS_PER_S);

	if (!date_s)
		return;
	if (llabs(offset_s) <= CLOCK_SLACK_S)
		offset_s = 0;
	google->stats.clock_offset_s = offset_s;
	if (!offset_s || google->is_warned)
		return;
	google->is_warned = true;
	log_warn("the clock is off by %lld s: it is %s; tokens are asked for by the server's", llabs(offset_s),
		 offset_s > 0 ? "slow" : "fast");
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtime == b->st_mtime &&
	       a->st_ctime == b->st_ctime && a->st_mode == b->st_mode;
}

/* A key that was exchanged counts at once, without waiting for the next try. One that cannot be read leaves the old one in use. */
static void reload_if_changed(struct google *google)
{
	struct google_key *key;
	struct stat st;

	if (google->origin != ORIGIN_FILE || stat(google->path, &st) || is_same(&st, &google->seen))
		return;
	google->seen = st;
	if (google_key_read(&key, google->path))
		return;
	google_key_free(google->key);
	google->key = key;
	describe(google, google->path);
	google->retry_ns = 0;
	google->failures = 0;
	log_info("credentials: read again: %s", google->source);
}

static int ask_once(struct google *google, uint64_t wall_ns, struct google_grant *grant)
{
	int64_t now_s = (int64_t)(wall_ns / NS_PER_S) + google->stats.clock_offset_s;
	int err;

	memset(grant, 0, sizeof(*grant));
	grant->http = google->http;
	grant->scope = google->scope;
	grant->now_s = now_s > 0 ? (uint64_t)now_s : 0;
	err = google->origin == ORIGIN_METADATA ? google_grant_metadata(grant, google->metadata_host) : google_grant(grant, google->key);
	google_note_date(google, grant->date_s, wall_ns);
	return err;
}

/* A statement with a wrong time is refused, and that answer tells the time: then once more. */
static int ask(struct google *google, uint64_t wall_ns, struct google_grant *grant)
{
	int64_t before_s = google->stats.clock_offset_s;
	int err = ask_once(google, wall_ns, grant);

	if (err == -EACCES && llabs(google->stats.clock_offset_s - before_s) > CLOCK_SLACK_S)
		err = ask_once(google, wall_ns, grant);
	return err;
}

static void keep_token(struct google *google, struct google_grant *grant, uint64_t boot_ns)
{
	uint64_t life_ns = grant->life_s * NS_PER_S;

	google_forget_token(google);
	google->token = grant->token;
	google->end_ns = boot_ns + life_ns;
	google->refresh_ns = google->end_ns - (life_ns / 2 < MARGIN_NS ? life_ns / 2 : MARGIN_NS);
	google->stats.refreshed++;
	if (google->failures)
		log_info("%s: a token again, after %u failures", google->source, google->failures);
	google->failures = 0;
	google->retry_ns = 0;
}

/* 1 s, doubled up to a minute, and any part of that: many collectors do not come back at the same moment. */
static uint64_t back_off(unsigned failures)
{
	uint64_t most_ns = failures < 7 ? NS_PER_S << (failures - 1) : BACKOFF_MAX_NS;
	uint32_t part = UINT32_MAX;

	if (most_ns > BACKOFF_MAX_NS)
		most_ns = BACKOFF_MAX_NS;
	random_fill(&part, sizeof(part));
	return (uint64_t)((double)most_ns * part / UINT32_MAX);
}

static void note_failure(struct google *google, const struct google_grant *grant, int err, uint64_t boot_ns)
{
	uint64_t wait_ns = back_off(++google->failures);
	const char *kept = google->token ? "; the last one is still good" : "";

	google->retry_ns = boot_ns + wait_ns;
	google->stats.failed++;
	/* A metadata server that gave tokens is away, not absent. */
	google->last_err = (err == -ENOENT && google->stats.refreshed) || err == -ENOMEM ? -EAGAIN : err;
	if (google->last_err == -ENOENT)
		log_error("credentials: there are none: no key file or key data, no GOOGLE_APPLICATION_CREDENTIALS, no file of gcloud's, and "
			  "no metadata server: %s", grant->why);
	else if (google->last_err == -EACCES)
		log_error("%s: no token: %s%s", google->source, grant->why, kept);
	else
		log_warn("%s: no token, asking again in %.1f s: %s%s", google->source, (double)wait_ns / NS_PER_S,
			 err == -ENOMEM ? strerror(ENOMEM) : grant->why, kept);
}

static void refresh(struct google *google, uint64_t boot_ns, uint64_t wall_ns)
{
	struct google_grant grant;
	int err = ask(google, wall_ns, &grant);

	if (!err)
		keep_token(google, &grant, boot_ns);
	else if (grant.fate == HTTP_STOPPED)
		google->last_err = -EAGAIN;
	else
		note_failure(google, &grant, err, boot_ns);
}

int google_token(struct google *google, uint64_t boot_ns, uint64_t wall_ns, const char **token)
{
	*token = NULL;
	if (google->origin == ORIGIN_NONE)
		return 0;
	if (google->token && boot_ns >= google->end_ns)
		google_forget_token(google);
	if (!google->token || boot_ns >= google->refresh_ns) {
		reload_if_changed(google);
		if (boot_ns >= google->retry_ns)
			refresh(google, boot_ns, wall_ns);
	}
	*token = google->token;
	return google->token ? 0 : google->last_err;
}
