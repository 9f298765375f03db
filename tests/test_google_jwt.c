/* SPDX-License-Identifier: Apache-2.0 */
/* test_google_jwt.c - a statement is what RFC 7515 says, signed by the key. */
#include "google_world.h"
#include "../user/ship/google_file.h"
#include "../user/ship/google_jwt.h"

/* base64url back to octets, with a NUL; the caller frees it. */
static unsigned char *decode(const char *text, size_t len, size_t *out_len)
{
	char *padded = calloc(1, len + 4);
	unsigned char *out = calloc(1, len + 4);

	for (size_t i = 0; i < len; i++)
		padded[i] = (char)(text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i]);
	memset(padded + len, '=', (4 - len % 4) % 4);
	*out_len = (size_t)EVP_DecodeBlock(out, (unsigned char *)padded, (int)strlen(padded)) - (4 - len % 4) % 4;
	out[*out_len] = '\0';
	free(padded);
	return out;
}

static bool is_signed(EVP_PKEY *key, const char *jwt)
{
	const char *dot = strrchr(jwt, '.');
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t len;
	unsigned char *signature = decode(dot + 1, strlen(dot + 1), &len);
	bool ok = EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
		  EVP_DigestVerify(context, signature, len, (const unsigned char *)jwt, (size_t)(dot - jwt)) == 1;

	EVP_MD_CTX_free(context);
	free(signature);
	return ok;
}

static void a_statement_holds_its_claims_and_a_good_signature(void **state)
{
	struct world *w = *state;
	struct google_jwt jwt = { .key = w->key, .issuer = ACCOUNT, .audience = "https://oauth2.googleapis.com/token", .scope = SCOPE,
				  .now_s = WALL_S };
	static const struct {
		const char *key_id, *header;
	} rows[] = {
		{ "k1", "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"k1\"}" }, { NULL, "{\"alg\":\"RS256\",\"typ\":\"JWT\"}" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		unsigned char *header, *claims;
		const char *dot;
		size_t len;
		char *text;

		jwt.key_id = rows[i].key_id;
		assert_int_equal(google_jwt_sign(&text, &jwt), 0);
		assert_null(strpbrk(text, "+/="));
		dot = strchr(text, '.');
		header = decode(text, (size_t)(dot - text), &len);
		claims = decode(dot + 1, strcspn(dot + 1, "."), &len);
		assert_string_equal((char *)header, rows[i].header);
		assert_string_equal((char *)claims, "{\"iss\":\"" ACCOUNT "\",\"scope\":\"" SCOPE "\",\"aud\":\"https://oauth2.googleapis.com/token\","
						    "\"iat\":1767322984,\"exp\":1767326584}");
		assert_true(is_signed(w->key, text));
		text[strlen(rows[i].header) + 10] ^= 1;
		assert_false(is_signed(w->key, text));
		google_wipe(text);
		free(header);
		free(claims);
	}
}

static void octets_become_base64url_without_padding(void **state)
{
	static const struct {
		const char *octets;
		size_t len;
		const char *plain, *url;
	} rows[] = {
		{ "", 0, "", "" }, { "f", 1, "Zg==", "Zg" }, { "fo", 2, "Zm8=", "Zm8" }, { "foo", 3, "Zm9v", "Zm9v" }, /* RFC 4648 10 */
		{ "\xfb\xff\xfe", 3, "+//+", "-__-" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char *plain = google_base64(rows[i].octets, rows[i].len), *url = google_base64url(rows[i].octets, rows[i].len);

		assert_string_equal(plain, rows[i].plain);
		assert_string_equal(url, rows[i].url);
		free(plain);
		free(url);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_statement_holds_its_claims_and_a_good_signature, set_up, tear_down),
		cmocka_unit_test(octets_become_base64url_without_padding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
