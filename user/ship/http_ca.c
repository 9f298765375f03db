/* SPDX-License-Identifier: Apache-2.0 */
/* http_ca.c - libcurl takes either the system's store or another one, so both are put into one text. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <curl/curl.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include "../base/log.h"
#include "http_ca.h"

#define TEXT_MAX (16u << 20)                      /* Debian's whole store has 0.2 MB */

struct text {
	char *octets;
	size_t len;
};

static int add_octets(struct text *text, const char *octets, size_t len)
{
	char *grown;

	if (text->len + len > TEXT_MAX)
		return -EFBIG;
	grown = realloc(text->octets, text->len + len);
	if (!grown)
		return -ENOMEM;
	memcpy(grown + text->len, octets, len);
	text->octets = grown;
	text->len += len;
	return 0;
}

static int add_file(struct text *text, const char *path)
{
	FILE *file = fopen(path, "re");
	char piece[16384];
	size_t len;
	int err = 0;

	if (!file)
		return -errno;
	while (!err && (len = fread(piece, 1, sizeof(piece), file)))
		err = add_octets(text, piece, len);
	if (!err && ferror(file))
		err = -EIO;
	fclose(file);
	return err ? err : add_octets(text, "\n", 1);     /* the last line may lack its end */
}

static bool has_certificate(const struct text *text)
{
	BIO *bio = BIO_new_mem_buf(text->octets, (int)text->len);
	X509 *certificate = bio ? PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL) : NULL;
	bool found = certificate;

	X509_free(certificate);
	BIO_free(bio);
	return found;
}

/* Where libcurl would look: it was told when it was built. Its directory of certificates (CAPATH) counts beside any text. */
static const char *system_file(void)
{
	const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);

	if (curl->age >= CURLVERSION_SEVENTH && curl->cainfo)
		return curl->cainfo;
	return X509_get_default_cert_file();
}

int http_ca_read(char **out, size_t *len, const char *ca_file)
{
	struct text text = { NULL, 0 };
	int err = add_file(&text, ca_file);

	if (!err && !has_certificate(&text))
		err = -EINVAL;
	if (err) {
		log_error("CA file %s: %s", ca_file, err == -EINVAL ? "holds no certificate in PEM form" : strerror(-err));
		free(text.octets);
		return err;
	}
	err = add_file(&text, system_file());
	if (err)
		log_warn("CA certificates of the system, %s: %s", system_file(), strerror(-err));
	*out = text.octets;
	*len = text.len;
	return 0;
}
