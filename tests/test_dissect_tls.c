/* SPDX-License-Identifier: Apache-2.0 */
/* test_dissect_tls.c - ClientHellos: whole, in records of any size, cut, hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "../user/name/dissect.h"

struct octets { const char *at; size_t len; };
#define LITERAL(s) { s, sizeof(s) - 1 }

struct stream { size_t len; uint8_t octets[64000]; };

static void put(struct stream *s, const void *octets, size_t len)
{
	assert_true(s->len + len <= sizeof(s->octets));
	memcpy(s->octets + s->len, octets, len);
	s->len += len;
}

static void put_number(struct stream *s, unsigned width, size_t value)
{
	while (width--)
		put(s, (uint8_t[]){ (uint8_t)(value >> 8 * width) }, 1);
}

/* A ClientHello as a handshake message, with vectors of these lengths in front of its extensions. */
static void put_hello_of(struct stream *s, size_t session, size_t suites, size_t methods, const void *extensions, size_t len)
{
	static const uint8_t zeros[300], grease[2] = { 0x0a, 0x0a }; /* RFC 8701 */

	s->len = 0;
	put_number(s, 1, 1);
	put_number(s, 3, 2 + 32 + 1 + session + 2 + suites + 1 + methods + 2 + len);
	put_number(s, 2, 0x0303);
	put(s, zeros, 32);
	put_number(s, 1, session);
	put(s, zeros, session);
	put_number(s, 2, suites);
	put(s, grease, suites ? 2 : 0);
	put(s, zeros, suites ? suites - 2 : 0);
	put_number(s, 1, methods);
	put(s, zeros, methods);
	put_number(s, 2, len);
	put(s, extensions, len);
}

static void put_hello(struct stream *s, const void *extensions, size_t len)
{
	put_hello_of(s, 32, 4, 1, extensions, len);
}

/* The handshake message in records of at most `size` octets. */
static void put_records(struct stream *s, const struct stream *message, size_t size)
{
	s->len = 0;
	for (size_t at = 0; at < message->len; at += size) {
		size_t len = message->len - at < size ? message->len - at : size;

		put_number(s, 1, 22);
		put_number(s, 2, 0x0301);
		put_number(s, 2, len);
		put(s, message->octets + at, len);
	}
}

/* The octets are given in a block of exactly their size, so that ASan sees a read behind them. */
static int hello_of(const uint8_t *octets, size_t len, struct tls_hello *out)
{
	uint8_t *exact = malloc(len);
	int status;

	memcpy(exact, octets, len);
	memset(out, 0x55, sizeof(*out));
	status = tls_client_hello(exact, len, out);
	free(exact);
	assert_int_equal(strlen(out->sni), out->sni_len);
	return status;
}

#define SNI(list, entry, name_len, name) "\0\0" entry list "\0" name_len name
#define WWW SNI("\0\22", "\0\24", "\0\17", "www.Example.com")
#define WWW_NAME "www.example.com"
#define GREASE "\x1a\x1a\0\1\0"
#define ALPN "\0\20\0\5\0\3\2h2"
#define ECH "\xfe\xd\0\4\0\0\1\2"

/* What comes of extensions, however the hello is cut into records. */
static const struct hello_row { struct octets extensions; const char *sni; bool has_ech; } good_rows[] = {
	{ LITERAL(WWW), WWW_NAME, false },
	{ LITERAL(GREASE ALPN WWW), WWW_NAME, false },
	{ LITERAL(WWW ALPN GREASE), WWW_NAME, false },
	{ LITERAL(WWW ECH), WWW_NAME, true },
	{ LITERAL(ECH WWW), WWW_NAME, true },
	{ LITERAL(ECH ALPN), "", true },
	{ LITERAL(""), "", false },
	{ LITERAL(ALPN GREASE), "", false },
	/* The first host_name of the list, and the first list. */
	{ LITERAL("\0\0\0\12\0\10\0\0\1a\0\0\1b"), "a", false },
	{ LITERAL("\0\0\0\13\0\11\7\0\2xx\0\0\1b"), "b", false },
	{ LITERAL("\0\0\0\6\0\4\0\0\1a" "\0\0\0\6\0\4\0\0\1b"), "a", false },
	{ LITERAL("\0\0\0\5\0\3\0\0\0"), "", false },
	{ LITERAL("\0\0\0\2\0\0"), "", false },
	{ LITERAL("\0\0\0\0"), "", false },
	/* A final dot, escapes, names that are none. */
	{ LITERAL(SNI("\0\5", "\0\7", "\0\2", "a.")), "a", false },
	{ LITERAL(SNI("\0\4", "\0\6", "\0\1", ".")), "", false },
	{ LITERAL(SNI("\0\6", "\0\10", "\0\3", "a b")), "a\\032b", false },
	{ LITERAL(SNI("\0\6", "\0\10", "\0\3", "a\0b")), "a\\000b", false },
	{ LITERAL(SNI("\0\6", "\0\10", "\0\3", "_.x")), "_.x", false },
	{ LITERAL(SNI("\0\14", "\0\16", "\0\11", "192.0.2.1")), "", false },
	{ LITERAL(SNI("\0\15", "\0\17", "\0\12", "192.0.2.1.")), "", false },
	{ LITERAL(SNI("\0\16", "\0\20", "\0\13", "2001:DB8::1")), "", false },
	{ LITERAL(SNI("\0\20", "\0\22", "\0\15", "[2001:db8::1]")), "", false },
};

static void a_hello_gives_its_server_name(void **state)
{
	static const size_t sizes[] = { 16384, 200, 64, 7, 3, 2, 1 };
	static struct stream message, stream;

	(void)state;
	for (size_t i = 0; i < sizeof(good_rows) / sizeof(good_rows[0]); i++) {
		for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
			struct tls_hello out;

			put_hello(&message, good_rows[i].extensions.at, good_rows[i].extensions.len);
			put_records(&stream, &message, sizes[j]);
			put(&stream, "\x14\3\3\0\1\1", 6); /* what follows does not matter */
			assert_int_equal(hello_of(stream.octets, stream.len, &out), DISSECT_OK);
			assert_string_equal(out.sni, good_rows[i].sni);
			assert_int_equal(out.has_ech, good_rows[i].has_ech);
		}
	}
}

/* Once the name is known it stays, and it is never another one. */
static void a_cut_hello_is_short_and_keeps_what_it_knows(void **state)
{
	static const size_t sizes[] = { 16384, 5, 1 };
	static struct stream message, stream;

	(void)state;
	for (size_t i = 0; i < sizeof(good_rows) / sizeof(good_rows[0]); i++) {
		for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
			size_t known_at = 0;

			put_hello(&message, good_rows[i].extensions.at, good_rows[i].extensions.len);
			put_records(&stream, &message, sizes[j]);
			for (size_t len = 0; len < stream.len; len++) {
				struct tls_hello out;

				assert_int_equal(hello_of(stream.octets, len, &out), DISSECT_SHORT);
				assert_string_equal(out.sni, known_at || out.sni_len ? good_rows[i].sni : "");
				if (out.sni_len && !known_at)
					known_at = len;
			}
			/* WWW and what follows it: the name is complete before the hello is. */
			if (i == 2)
				assert_true(known_at > 0);
		}
	}
}

static void a_hello_without_extensions_has_no_name(void **state)
{
	static struct stream message, stream;
	struct tls_hello out;

	(void)state;
	put_hello(&message, "", 0);
	message.len -= 2;
	message.octets[3] -= 2;
	put_records(&stream, &message, 16384);
	assert_int_equal(hello_of(stream.octets, stream.len, &out), DISSECT_OK);
	assert_int_equal(out.sni_len, 0);
}

/* Today's browsers send 1,200 octets of key share, in front of the name as it may be. */
static void a_hello_of_1800_octets_is_read_over_its_records(void **state)
{
	static const size_t sizes[] = { 16384, 1400, 512, 100, 1 };
	static struct stream extensions, message, stream;
	static const uint8_t key_share[1216], padding[400];

	(void)state;
	extensions.len = 0;
	put(&extensions, GREASE, 5);
	put_number(&extensions, 2, 51);
	put_number(&extensions, 2, sizeof(key_share));
	put(&extensions, key_share, sizeof(key_share));
	put(&extensions, ECH, 8);
	put(&extensions, WWW, 24);
	put_number(&extensions, 2, 21);
	put_number(&extensions, 2, sizeof(padding));
	put(&extensions, padding, sizeof(padding));
	put_hello(&message, extensions.octets, extensions.len);
	assert_in_range(message.len, 1700, 1900);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct tls_hello out;

		put_records(&stream, &message, sizes[i]);
		assert_int_equal(hello_of(stream.octets, stream.len, &out), DISSECT_OK);
		assert_string_equal(out.sni, WWW_NAME);
		assert_true(out.has_ech);
		/* A first segment of 1,500 octets: the name is known, the hello is not whole. */
		assert_int_equal(hello_of(stream.octets, sizes[i] >= 1400 ? 1500 : stream.len - 1, &out), DISSECT_SHORT);
		assert_string_equal(out.sni, WWW_NAME);
	}
}

static void a_name_has_at_most_253_octets(void **state)
{
	static const struct { size_t len; char octet, last; size_t sni_len; } rows[] = {
		{ 253, 'a', 'a', 253 }, { 254, 'a', '.', 253 }, { 254, 'a', 'a', 0 }, { 255, 'a', '.', 0 }, { 2000, 'a', 'a', 0 },
		{ 253, '\xff', '\xff', NAME_TEXT_MAX },
	};
	static struct stream extensions, message, stream;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char name[2000];
		struct tls_hello out;

		memset(name, rows[i].octet, rows[i].len);
		name[rows[i].len - 1] = rows[i].last;
		extensions.len = 0;
		put_number(&extensions, 2, 0);
		put_number(&extensions, 2, rows[i].len + 5);
		put_number(&extensions, 2, rows[i].len + 3);
		put_number(&extensions, 1, 0);
		put_number(&extensions, 2, rows[i].len);
		put(&extensions, name, rows[i].len);
		put_hello(&message, extensions.octets, extensions.len);
		put_records(&stream, &message, 16384);
		assert_int_equal(hello_of(stream.octets, stream.len, &out), DISSECT_OK);
		assert_int_equal(out.sni_len, rows[i].sni_len);
	}
}

static void what_is_no_hello_is_told_by_its_first_octets(void **state)
{
	static const struct { struct octets stream; int status; } rows[] = {
		{ LITERAL(""), DISSECT_SHORT },
		{ LITERAL("\x16"), DISSECT_SHORT },
		{ LITERAL("\x16\3\1\0\4"), DISSECT_SHORT },
		{ LITERAL("\x16\3\0\0\4\1"), DISSECT_SHORT },
		{ LITERAL("\x16\3\4\0\1\1"), DISSECT_SHORT },
		{ LITERAL("\x17"), DISSECT_OTHER },
		{ LITERAL("G"), DISSECT_OTHER },
		{ LITERAL("\x16\2"), DISSECT_OTHER },
		{ LITERAL("\x16\3\5"), DISSECT_OTHER },
		{ LITERAL("\x16\xfe\xff"), DISSECT_OTHER },                    /* DTLS */
		{ LITERAL("\x16\3\1\0\4\2\0\0\0"), DISSECT_OTHER },            /* ServerHello */
		{ LITERAL("\x16\3\1\0\0\1"), DISSECT_OTHER },                  /* an empty record */
		{ LITERAL("\x16\3\1\x40\1\1"), DISSECT_OTHER },                /* 16,385 octets */
		{ LITERAL("\x16\3\1\x40\0\1"), DISSECT_SHORT },
		{ LITERAL("\x16\3\1\0\1\1" "\x15"), DISSECT_BAD },             /* an alert within the hello */
		{ LITERAL("\x16\3\1\0\1\1" "\x16\2"), DISSECT_BAD },
		{ LITERAL("\x16\3\1\0\1\1" "\x16\3\1\0\0"), DISSECT_BAD },
		{ LITERAL("\x16\3\1\0\4\1\0\0\0"), DISSECT_BAD },              /* empty */
		{ LITERAL("\x16\3\1\0\4\1\0\0\x21"), DISSECT_BAD },            /* no room for the random */
		{ LITERAL("\x16\3\1\0\4\1\0\0\x22"), DISSECT_SHORT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tls_hello out;

		if (hello_of((const uint8_t *)rows[i].stream.at, rows[i].stream.len, &out) != rows[i].status)
			fail_msg("row %zu", i);
		assert_int_equal(out.sni_len, 0);
		assert_false(out.has_ech);
	}
}

static void lengths_that_disagree_are_an_error(void **state)
{
	static const struct { struct octets extensions; const char *sni; } rows[] = {
		{ LITERAL("\0"), "" }, { LITERAL("\0\0\0"), "" },                /* no room for type and length */
		{ LITERAL(WWW "\0\20\0\1"), WWW_NAME },                          /* an extension longer than the hello */
		{ LITERAL("\0\0\0\1x"), "" },                                    /* a list without its length */
		{ LITERAL("\0\0\0\6\0\5\0\0\1a"), "" }, { LITERAL("\0\0\0\6\0\3\0\0\1a"), "" },
		{ LITERAL("\0\0\0\6\0\4\0\0\2a"), "" },                          /* a name longer than the list */
		{ LITERAL("\0\0\0\7\0\5\0\0\1a\0"), "a" },
		{ LITERAL("\0\0\0\10\0\6\0\0\1a\0\0"), "a" },
		/* What follows would make sense if the list or the name went on into it. */
		{ LITERAL("\0\0\0\7\0\5\0\0\1a\0" "\0\0\0\4\0\2yz"), "a" },
		{ LITERAL("\0\0\0\6\0\4\0\0\2a" "x\0\20\0\0"), "" },
		{ LITERAL("\0\0\0\10\0\6"), "" },
	};
	static struct stream message, stream;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tls_hello out;

		put_hello(&message, rows[i].extensions.at, rows[i].extensions.len);
		put_records(&stream, &message, 16384);
		if (hello_of(stream.octets, stream.len, &out) != DISSECT_BAD || strcmp(out.sni, rows[i].sni))
			fail_msg("row %zu: sni \"%s\"", i, out.sni);
	}
}

static void vectors_have_their_bounds(void **state)
{
	static const struct { size_t session, suites, methods; int status; } rows[] = {
		{ 32, 4, 1, DISSECT_OK }, { 0, 2, 1, DISSECT_OK }, { 32, 256, 255, DISSECT_OK },
		{ 33, 4, 1, DISSECT_BAD }, { 255, 4, 1, DISSECT_BAD }, { 32, 0, 1, DISSECT_BAD }, { 32, 4, 0, DISSECT_BAD },
	};
	static struct stream message, stream;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tls_hello out;

		put_hello_of(&message, rows[i].session, rows[i].suites, rows[i].methods, WWW, 24);
		put_records(&stream, &message, 16384);
		assert_int_equal(hello_of(stream.octets, stream.len, &out), rows[i].status);
		assert_string_equal(out.sni, rows[i].status ? "" : WWW_NAME);
	}
}

/* One octet of a good hello changed: its offset in the message, and what it becomes. */
static void vectors_that_run_over_the_end_are_an_error(void **state)
{
	static const struct { size_t at; uint8_t octet; } rows[] = {
		{ 71, 0xff },                             /* cipher suites past the end */
		{ 72, 0 },                                /* none */
		{ 77, 0 },                                /* no compression method */
		{ 80, 23 }, { 80, 25 },                   /* extensions that end too early, or too late */
		{ 3, 1 },                                 /* a message that ends too early */
	};
	static struct stream message, stream;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tls_hello out;

		put_hello(&message, WWW, 24);
		message.octets[rows[i].at] = rows[i].octet;
		put_records(&stream, &message, 16384);
		if (hello_of(stream.octets, stream.len, &out) != DISSECT_BAD)
			fail_msg("row %zu", i);
	}
}

static void no_more_than_the_bound_is_read(void **state)
{
	static struct stream extensions, message, stream;
	static const uint8_t padding[17000];
	struct tls_hello out;

	(void)state;
	extensions.len = 0;
	put(&extensions, WWW, 24);
	put_number(&extensions, 2, 21);
	put_number(&extensions, 2, sizeof(padding));
	put(&extensions, padding, sizeof(padding));
	put_hello(&message, extensions.octets, extensions.len);
	put_records(&stream, &message, 16384);
	assert_int_equal(hello_of(stream.octets, TLS_HELLO_MAX - 1, &out), DISSECT_SHORT);
	assert_int_equal(hello_of(stream.octets, TLS_HELLO_MAX, &out), DISSECT_BAD);
	assert_int_equal(hello_of(stream.octets, stream.len, &out), DISSECT_BAD);
	assert_string_equal(out.sni, WWW_NAME);
}

static void a_hello_may_fill_the_bound(void **state)
{
	static struct stream extensions, message, stream;
	static const uint8_t padding[17000];
	struct tls_hello out;

	(void)state;
	extensions.len = 0;
	put_number(&extensions, 2, 21);
	put_number(&extensions, 2, TLS_HELLO_MAX - 5 - 81 - 4 - 24);
	put(&extensions, padding, TLS_HELLO_MAX - 5 - 81 - 4 - 24);
	put(&extensions, WWW, 24);
	put_hello(&message, extensions.octets, extensions.len);
	put_records(&stream, &message, 16384);
	assert_int_equal(stream.len, TLS_HELLO_MAX);
	assert_int_equal(hello_of(stream.octets, stream.len, &out), DISSECT_OK);
	assert_string_equal(out.sni, WWW_NAME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hello_gives_its_server_name),
		cmocka_unit_test(a_cut_hello_is_short_and_keeps_what_it_knows),
		cmocka_unit_test(a_hello_without_extensions_has_no_name),
		cmocka_unit_test(a_hello_of_1800_octets_is_read_over_its_records),
		cmocka_unit_test(a_name_has_at_most_253_octets),
		cmocka_unit_test(what_is_no_hello_is_told_by_its_first_octets),
		cmocka_unit_test(lengths_that_disagree_are_an_error),
		cmocka_unit_test(vectors_have_their_bounds),
		cmocka_unit_test(vectors_that_run_over_the_end_are_an_error),
		cmocka_unit_test(no_more_than_the_bound_is_read),
		cmocka_unit_test(a_hello_may_fill_the_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
