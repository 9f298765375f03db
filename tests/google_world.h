/* SPDX-License-Identifier: Apache-2.0 */
/* google_world.h - a token server, key files in a directory of their own, and an environment without credentials. */
#ifndef DEVOURER_TESTS_GOOGLE_WORLD_H
#define DEVOURER_TESTS_GOOGLE_WORLD_H
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <cmocka.h>
#include "../user/base/log.h"
#include "../user/base/time.h"
#include "../user/ship/google.h"
#include "../user/ship/http.h"
#include "http_server.h"

#define ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))
#define SCOPE "https://www.googleapis.com/auth/bigquery"
#define WALL_S 1767322984ull                      /* 2026-01-02T03:03:04Z */
#define WALL_NS (WALL_S * NS_PER_S)
#define WALL_DATE "Date: Fri, 02 Jan 2026 03:03:04 GMT\r\n"
#define BOOT_NS (1000 * NS_PER_S)
#define ACCOUNT "collector@devourer-test.iam.gserviceaccount.com"

struct world {
	EVP_PKEY *key;                            /* RSA, one for the whole program */
	struct http *http;
	struct server server;
	struct google *google;
	const char *token;                        /* of the last call of token() */
	char dir[64], log[128];
};

static inline const char *in(const struct world *w, const char *name)
{
	static char paths[4][512];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", w->dir, name);
	return path;
}

static inline void forget_environment(void)
{
	static const char *const variables[] = { "http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY",
						 "ALL_PROXY", "NO_PROXY", "GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG", "HOME",
						 "GCE_METADATA_HOST", "NO_GCE_CHECK" };

	for (size_t i = 0; i < ROWS(variables); i++)
		unsetenv(variables[i]);
}

static inline int set_up(void **state)
{
	static EVP_PKEY *key;                     /* making one takes a while */
	const struct http_options options = { .connect_timeout_ns = 2 * NS_PER_S, .timeout_ns = 5 * NS_PER_S };
	struct world *w = calloc(1, sizeof(*w));

	if (!key)
		key = EVP_RSA_gen(2048);
	w->key = key;
	assert_non_null(key);
	forget_environment();
	signal(SIGPIPE, SIG_IGN);
	strcpy(w->dir, "/tmp/test_google.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->log, sizeof(w->log), "%s/log", w->dir);
	assert_int_equal(log_open(LOG_DEBUG, LOG_CONSOLE, w->log), 0);
	assert_int_equal(server_start(&w->server, NULL), 0);
	assert_int_equal(http_new(&w->http, &options), 0);
	*state = w;
	return 0;
}

/* What is in the log by now. */
static inline const char *log_text(const struct world *w)
{
	static char text[1 << 18];
	FILE *file = fopen(w->log, "r");
	size_t len = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	if (file)
		fclose(file);
	text[len] = '\0';
	return text;
}

static inline unsigned log_count(const struct world *w, const char *text)
{
	unsigned count = 0;

	for (const char *p = strstr(log_text(w), text); p; p = strstr(p + 1, text))
		count++;
	return count;
}

/* No test may leave a secret in the log: they all hold this word, but for the private key. */
static inline int tear_down(void **state)
{
	static const char *const names[] = { "log", "key.json", "subject", "gcloud/application_default_credentials.json", "gcloud",
					     ".config/gcloud/application_default_credentials.json", ".config/gcloud", ".config" };
	struct world *w = *state;

	google_close(w->google);
	http_free(w->http);
	server_free(&w->server);
	log_close();
	assert_null(strstr(log_text(w), "MARKER"));
	assert_null(strstr(log_text(w), "PRIVATE KEY"));
	assert_null(strstr(log_text(w), "eyJhbGci"));     /* how a JWT begins */
	for (size_t i = 0; i < ROWS(names); i++)
		remove(in(w, names[i]));
	assert_int_equal(rmdir(w->dir), 0);
	forget_environment();
	free(w);
	return 0;
}

static inline const char *write_file(const struct world *w, const char *name, const char *text, mode_t mode)
{
	const char *path = in(w, name);
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	return path;
}

/* PEM; the caller frees it. */
static inline char *private_pem(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *octets, *pem;
	long len;

	assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
	len = BIO_get_mem_data(bio, &octets);
	pem = calloc(1, (size_t)len + 1);
	assert_non_null(pem);
	memcpy(pem, octets, (size_t)len);
	BIO_free(bio);
	return pem;
}

/* A service account whose token endpoint is the server's /token. One of two texts in turn. */
static inline const char *service_account(const struct world *w)
{
	static char texts[2][8192];
	static unsigned next;
	char *text = texts[next++ % 2], *pem = private_pem(w->key);
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "type", "service_account", "project_id", "devourer-test", "client_email",
				 ACCOUNT, "private_key", pem, "private_key_id", "id-of-the-key", "token_uri",
				 server_url(&w->server, "127.0.0.1", "/token"));
	size_t len = json_dumpb(json, text, sizeof(texts[0]) - 1, 0);

	assert_in_range(len, 1, sizeof(texts[0]) - 1);
	text[len] = '\0';
	json_decref(json);
	free(pem);
	return text;
}

static inline int open_data(struct world *w, const char *data)
{
	const struct google_options options = { .key_data = data, .scope = SCOPE };

	google_close(w->google);
	w->google = NULL;
	return google_open(&w->google, &options, w->http);
}

/* At `ms` milliseconds after the start, by both clocks. */
static inline int token(struct world *w, uint64_t ms)
{
	uint64_t ns = ms * NS_PER_MS;

	return google_token(w->google, BOOT_NS + ns, WALL_NS + ns, &w->token);
}
#endif
