/* SPDX-License-Identifier: Apache-2.0 */
/* private_ca.h - a certificate authority of a test's own, and TLS servers with certificates from it. */
#ifndef DEVOURER_TESTS_PRIVATE_CA_H
#define DEVOURER_TESTS_PRIVATE_CA_H
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define PRIVATE_CA_DAY_S (24L * 3600)

struct private_ca {
	EVP_PKEY *key;
	X509 *certificate;
};

static inline void private_ca_extend(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
}

/* `names` as in "DNS:localhost,IP:127.0.0.1"; NULL: a CA. Valid from and to, in seconds from now. */
static inline X509 *private_ca_certificate(const struct private_ca *ca, EVP_PKEY *key, const char *names, long from_s, long to_s)
{
	static long serial;
	X509 *certificate = X509_new();
	X509 *issuer = ca->certificate ? ca->certificate : certificate;

	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(certificate), from_s);
	X509_gmtime_adj(X509_getm_notAfter(certificate), to_s);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
				   (const unsigned char *)(names ? "server" : "private CA of a test"), -1, -1, 0);
	X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
	X509_set_pubkey(certificate, key);
	private_ca_extend(certificate, issuer, NID_basic_constraints, names ? "critical,CA:FALSE" : "critical,CA:TRUE");
	if (names)
		private_ca_extend(certificate, issuer, NID_subject_alt_name, names);
	X509_sign(certificate, ca->key, EVP_sha256());
	return certificate;
}

static inline void private_ca_make(struct private_ca *ca)
{
	ca->certificate = NULL;
	ca->key = EVP_EC_gen("P-256");
	ca->certificate = private_ca_certificate(ca, ca->key, NULL, -PRIVATE_CA_DAY_S, PRIVATE_CA_DAY_S);
}

static inline void private_ca_free(struct private_ca *ca)
{
	X509_free(ca->certificate);
	EVP_PKEY_free(ca->key);
}

/* 0 or -1. */
static inline int private_ca_write(const struct private_ca *ca, const char *path)
{
	FILE *file = fopen(path, "w");
	int ok = file && PEM_write_X509(file, ca->certificate);

	return (file && fclose(file)) || !ok ? -1 : 0;
}

static inline SSL_CTX *private_ca_server(const struct private_ca *ca, const char *names, long from_s, long to_s)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = private_ca_certificate(ca, key, names, from_s, to_s);

	SSL_CTX_use_certificate(tls, certificate);
	SSL_CTX_use_PrivateKey(tls, key);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return tls;
}
#endif
