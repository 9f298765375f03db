/* SPDX-License-Identifier: Apache-2.0 */
/* test_google_file.c - which credential files are taken, and what is said of the others: the fault, never the contents. */
#include "google_world.h"
#include "../user/ship/google_file.h"
#include "../user/ship/google_url.h"

#define USER "\"type\":\"authorized_user\",\"client_id\":\"id\",\"client_secret\":\"MARKER-s\",\"refresh_token\":\"MARKER-r\""
#define EXTERNAL "\"type\":\"external_account\",\"audience\":\"//iam.example/pool\",\"subject_token_type\":\"urn:ietf:params:oauth:token-type:jwt\"," \
		 "\"token_url\":\"https://sts.googleapis.com/v1/token\""
#define IMPERSONATED "\"type\":\"impersonated_service_account\",\"service_account_impersonation_url\":\"https://iamcredentials.googleapis.com/x\""

static void a_malformed_file_is_refused_with_the_reason(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "", "not JSON (line 1, column 0)" },
		{ "MARKER", "not JSON (line 1, column 6)" },
		{ "{\"type\":\"service_account\",\n\"private_key\":\"MARKER", "not JSON (line 2" },
		{ "[\"MARKER\"]", "not a JSON object" },
		{ "{\"installed\":{\"client_secret\":\"MARKER\"}}", "has no member \"type\"; accepted are service_account" },
		{ "{\"type\":7}", "has no member \"type\"" },
		{ "{\"type\":\"MARKER\"}", "its type is not accepted; accepted are service_account, authorized_user, external_account" },
		{ "{\"type\":\"gdch_service_account\"}", "its type is not accepted" },
		{ "{\"type\":\"service_account\"}", "member \"client_email\" of type service_account is missing" },
		{ "{\"type\":\"service_account\",\"client_email\":null}", "\"client_email\" of type service_account is missing" },
		{ "{\"type\":\"service_account\",\"client_email\":[\"MARKER\"]}", "\"client_email\" of type service_account is not a text of one line" },
		{ "{\"type\":\"service_account\",\"client_email\":\"\"}", "is not a text of one line" },
		{ "{\"type\":\"service_account\",\"client_email\":\"a\\r\\nX-Evil: MARKER\"}", "is not a text of one line" },
		{ "{\"type\":\"service_account\",\"client_email\":\"a@b\"}", "\"private_key\" of type service_account is missing" },
		{ "{\"type\":\"service_account\",\"client_email\":\"a@b\",\"private_key\":\"MARKER\"}", "is no RSA key in PEM form" },
		{ "{\"type\":\"service_account\",\"client_email\":\"a@b\",\"private_key\":\"x\",\"token_uri\":\"http://MARKER.example/\"}", "\"token_uri\" of type service_account is no https URL" },
		{ "{\"type\":\"authorized_user\",\"client_id\":\"x\",\"client_secret\":\"MARKER\"}", "\"refresh_token\" of type authorized_user is missing" },
		{ "{" USER ",\"token_uri\":\"ftp://MARKER\"}", "\"token_uri\" of type authorized_user is no https URL" },
		{ "{" EXTERNAL "}", "has not one of file and url, which are accepted" },
		{ "{" EXTERNAL ",\"credential_source\":{\"executable\":{\"command\":\"MARKER\"}}}", "no program is run for a token; accepted are file and url" },
		{ "{" EXTERNAL ",\"credential_source\":{\"environment_id\":\"aws1\",\"url\":\"http://169.254.169.254/MARKER\"}}", "that of AWS, which is not accepted" },
		{ "{" EXTERNAL ",\"credential_source\":{\"file\":\"MARKER\",\"url\":\"https://MARKER\"}}", "has not one of file and url" },
		{ "{" EXTERNAL ",\"credential_source\":{\"url\":\"http://MARKER.example/\"}}", "neither https nor a link-local address" },
		{ "{" EXTERNAL ",\"credential_source\":{\"url\":\"https://a/\",\"headers\":{\"A\":\"MARKER\\n\"}}}", "headers of credential_source" },
		{ "{" EXTERNAL ",\"credential_source\":{\"url\":\"https://a/\",\"headers\":{\"A\":\"1\",\"B\":\"2\",\"C\":\"3\",\"D\":\"4\",\"E\":\"5\"}}}", "headers of credential_source" },
		{ "{" EXTERNAL ",\"credential_source\":{\"file\":\"x\",\"format\":{\"type\":\"MARKER\"}}}", "format of credential_source" },
		{ "{" EXTERNAL ",\"credential_source\":{\"file\":\"x\",\"format\":{\"type\":\"json\"}}}", "format of credential_source" },
		{ "{\"type\":\"external_account\",\"audience\":\"a\",\"subject_token_type\":\"b\",\"token_url\":\"http://MARKER/\"}", "\"token_url\" of type external_account is no https URL" },
		{ "{" IMPERSONATED "}", "\"source_credentials\" of type impersonated_service_account is missing" },
		{ "{" IMPERSONATED ",\"source_credentials\":{\"type\":\"authorized_user\"}}", "\"client_id\" of type authorized_user is missing" },
		{ "{" IMPERSONATED ",\"source_credentials\":{" IMPERSONATED "}}", "impersonated themselves" },
		{ "{" IMPERSONATED ",\"delegates\":[7],\"source_credentials\":{" USER "}}", "\"delegates\" of type" },
		{ "{" IMPERSONATED ",\"delegates\":[\"1\",\"2\",\"3\",\"4\",\"5\"],\"source_credentials\":{" USER "}}", "\"delegates\" of type" },
	};
	struct world *w = *state;
	struct google_key *key;

	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *path = write_file(w, "key.json", rows[i].text, 0600);
		char line[1024];

		assert_int_equal(google_key_read(&key, path), -EINVAL);
		assert_int_equal(google_key_parse(&key, rows[i].text, strlen(rows[i].text), "(key data)"), -EINVAL);
		snprintf(line, sizeof(line), "credentials %s: ", path);
		assert_int_equal(log_count(w, line), i + 1);
		if (!log_count(w, rows[i].why))
			fail_msg("row %zu: not in the log: %s", i, rows[i].why);
	}
	assert_int_equal(log_count(w, "\n"), 2 * ROWS(rows));
}

static void keys_that_cannot_sign_are_refused(void **state)
{
	struct world *w = *state;
	EVP_PKEY *ec = EVP_EC_gen("P-256"), *rsa = w->key;
	struct google_key *key;
	const char *text;

	w->key = ec;
	text = service_account(w);
	assert_int_equal(google_key_parse(&key, text, strlen(text), "(key data)"), -EINVAL);
	assert_int_equal(log_count(w, "is no RSA key in PEM form"), 1);
	w->key = rsa;
	EVP_PKEY_free(ec);
}

/* It would wait at the terminal otherwise. */
static void a_key_with_a_passphrase_is_refused_without_asking(void **state)
{
	struct world *w = *state;
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem, text[8192];
	struct google_key *key;
	json_t *json;
	long len;

	assert_int_equal(PEM_write_bio_PrivateKey(bio, w->key, EVP_aes_128_cbc(), (const unsigned char *)"pass", 4, NULL, NULL), 1);
	len = BIO_get_mem_data(bio, &pem);
	json = json_pack("{s:s, s:s, s:s#}", "type", "service_account", "client_email", "a@b", "private_key", pem, (size_t)len);
	len = (long)json_dumpb(json, text, sizeof(text), 0);
	assert_int_equal(google_key_parse(&key, text, (size_t)len, "(key data)"), -EINVAL);
	json_decref(json);
	BIO_free(bio);
}

static void each_accepted_type_is_read(void **state)
{
	struct world *w = *state;
	char source[16384];
	const char *texts[] = {
		service_account(w),
		"{" USER ",\"quota_project_id\":\"payer\",\"universe_domain\":\"googleapis.com\",\"account\":\"\"}",
		"{" EXTERNAL ",\"credential_source\":{\"file\":\"/var/run/token\"}}",
		"{" EXTERNAL ",\"credential_source\":{\"url\":\"http://169.254.169.254/id\",\"headers\":{\"Metadata\":\"True\"},"
		"\"format\":{\"type\":\"json\",\"subject_token_field_name\":\"access_token\"}}}",
		"{" IMPERSONATED ",\"delegates\":[\"a\",\"b\"],\"source_credentials\":{" USER "}}",
		source,
	};
	static const enum google_kind kinds[] = { GOOGLE_SERVICE_ACCOUNT, GOOGLE_AUTHORIZED_USER, GOOGLE_EXTERNAL_ACCOUNT,
						  GOOGLE_EXTERNAL_ACCOUNT, GOOGLE_IMPERSONATED, GOOGLE_IMPERSONATED };
	struct google_key *keys[ROWS(texts)];

	snprintf(source, sizeof(source), "{" IMPERSONATED ",\"source_credentials\":%s}", texts[0]);
	for (size_t i = 0; i < ROWS(texts); i++) {
		assert_int_equal(google_key_parse(&keys[i], texts[i], strlen(texts[i]), "(key data)"), 0);
		assert_int_equal(keys[i]->kind, kinds[i]);
	}
	assert_string_equal(keys[0]->email, ACCOUNT);
	assert_string_equal(keys[0]->key_id, "id-of-the-key");
	assert_string_equal(keys[1]->token_uri, "https://oauth2.googleapis.com/token");
	assert_string_equal(keys[1]->quota_project, "payer");
	assert_string_equal(keys[2]->source_file, "/var/run/token");
	assert_null(keys[2]->source_field);
	assert_string_equal(keys[3]->source_lines[0], "Metadata: True");
	assert_string_equal(keys[3]->source_field, "access_token");
	assert_string_equal(keys[4]->delegates[1], "b");
	assert_string_equal(keys[4]->source->refresh_token, "MARKER-r");
	assert_string_equal(keys[5]->source->email, ACCOUNT);
	for (size_t i = 0; i < ROWS(texts); i++)
		google_key_free(keys[i]);
}

static void a_file_with_a_secret_that_others_may_read_is_refused(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		int err;
	} rows[] = {
		{ "{" USER "}", 0600, 0 }, { "{" USER "}", 0400, 0 }, { "{" USER "}", 0644, -EACCES }, { "{" USER "}", 0640, -EACCES },
		{ "{" USER "}", 0604, -EACCES }, { "{" USER "}", 0602, -EACCES },
		{ "{" IMPERSONATED ",\"source_credentials\":{" USER "}}", 0644, -EACCES },
		{ "{" EXTERNAL ",\"credential_source\":{\"file\":\"x\"}}", 0644, 0 },
		{ "{" EXTERNAL ",\"client_secret\":\"MARKER\",\"credential_source\":{\"file\":\"x\"}}", 0644, -EACCES },
		{ "{" EXTERNAL ",\"credential_source\":{\"url\":\"https://a/\",\"headers\":{\"Authorization\":\"MARKER\"}}}", 0644, -EACCES },
	};
	struct world *w = *state;

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct google_key *key = NULL;

		assert_int_equal(google_key_read(&key, write_file(w, "key.json", rows[i].text, rows[i].mode)), rows[i].err);
		google_key_free(key);
	}
	assert_int_equal(log_count(w, "other users may read it: chmod 600 it"), 7);
}

static void what_is_no_file_of_fitting_size_is_refused(void **state)
{
	struct world *w = *state;
	struct google_key *key;
	static char text[GOOGLE_FILE_MAX + 2];

	assert_int_equal(google_key_read(&key, in(w, "key.json")), -ENOENT);
	assert_int_equal(google_key_read(&key, w->dir), -EINVAL);
	assert_int_equal(mkfifo(in(w, "key.json"), 0600), 0);
	assert_int_equal(google_key_read(&key, in(w, "key.json")), -EINVAL);
	assert_int_equal(log_count(w, "not a regular file"), 2);
	memset(text, ' ', GOOGLE_FILE_MAX + 1);
	memcpy(text, "{" USER "}", strlen("{" USER "}"));
	assert_int_equal(google_key_read(&key, write_file(w, "key.json", text, 0600)), -EFBIG);
	text[GOOGLE_FILE_MAX] = '\0';
	assert_int_equal(google_key_read(&key, write_file(w, "key.json", text, 0600)), 0);
	google_key_free(key);
}

static void deep_nesting_is_refused(void **state)
{
	static char text[60000];
	struct google_key *key;

	(void)state;
	memset(text, '[', sizeof(text));
	assert_int_equal(google_key_parse(&key, text, sizeof(text), "(key data)"), -EINVAL);
}

static void every_cut_of_a_file_is_refused(void **state)
{
	struct world *w = *state;
	const char *text = service_account(w);
	struct google_key *key;

	for (size_t len = 0; len < strlen(text); len++)
		assert_int_equal(google_key_parse(&key, text, len, "(key data)"), -EINVAL);
	assert_int_equal(google_key_parse(&key, text, strlen(text), "(key data)"), 0);
	google_key_free(key);
}

static void a_secret_goes_to_https_or_to_this_host_only(void **state)
{
	static const struct {
		const char *url;
		bool is_safe, is_link_local;
	} rows[] = {
		{ "https://oauth2.googleapis.com/token", true, false }, { "HTTPS://a", true, false }, { "https://[2001:db8::1]:8443/", true, false },
		{ "http://127.0.0.1:9051/token", true, false }, { "http://127.9.9.9/", true, false }, { "http://[::1]:80/", true, false },
		{ "http://localhost/token", true, false }, { "http://LOCALHOST", true, false },
		{ "http://oauth2.googleapis.com/token", false, false }, { "http://127.0.0.1.evil.example/", false, false },
		{ "http://127.0.0.1@evil.example/", false, false }, { "https://user@evil.example/", false, false },
		{ "http://localhost.evil.example/", false, false }, { "http://localhost\\@evil.example/", false, false },
		{ "http://2130706433/", false, false }, { "http://0177.0.0.1/", false, false }, { "http://10.0.0.1/", false, false },
		{ "http://169.254.169.254/metadata", false, true }, { "http://169.254.1.1:80/", false, true }, { "http://169.255.1.1/", false, false },
		{ "https://169.254.169.254/", true, false }, { "http://169.254.169.254@evil.example/", false, false },
		{ "https://", false, false }, { "https:///token", false, false }, { "https://a b/", false, false }, { "https://a\r\nb/", false, false },
		{ "file:///etc/passwd", false, false }, { "", false, false }, { "http://[", false, false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_int_equal(google_url_is_safe(rows[i].url), rows[i].is_safe);
		assert_int_equal(google_url_is_link_local(rows[i].url), rows[i].is_link_local);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_malformed_file_is_refused_with_the_reason, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keys_that_cannot_sign_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_key_with_a_passphrase_is_refused_without_asking, set_up, tear_down),
		cmocka_unit_test_setup_teardown(each_accepted_type_is_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_file_with_a_secret_that_others_may_read_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_file_of_fitting_size_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(deep_nesting_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_cut_of_a_file_is_refused, set_up, tear_down),
		cmocka_unit_test(a_secret_goes_to_https_or_to_this_host_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
