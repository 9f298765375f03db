/* SPDX-License-Identifier: Apache-2.0 */
/* test_names_tcp.c - DNS over TCP: messages that share segments, cross them, come out of order, or have gaps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "names_world.h"

#define ROWS(t) (sizeof(t) / sizeof((t)[0]))
#define BASE 0xfffffff0u                          /* the sequence number wraps soon */
enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

static const struct place client = { "10.0.0.5", 40000 }, server = { "9.9.9.9", 53 };

struct octets { size_t len; uint8_t at[70000]; };

/* A message with its length in front (RFC 1035 4.2.2) at the end of a stream. */
static void append(struct octets *stream, const struct message *m)
{
	stream->at[stream->len++] = (uint8_t)(m->len >> 8);
	stream->at[stream->len++] = (uint8_t)m->len;
	memcpy(stream->at + stream->len, m->octets, m->len);
	stream->len += m->len;
}

/* Questions for a.example, b.example, …, and their answers 198.51.100.1, .2, … */
static void conversation(struct world *w, unsigned count, struct octets *questions, struct octets *answers)
{
	char name[] = "a.example", addr[] = "198.51.100.1";

	questions->len = answers->len = 0;
	for (unsigned i = 0; i < count; i++, name[0]++, addr[11]++) {
		struct dns d = { "10.0.0.5", "9.9.9.9", name, A, (uint16_t)(i + 1), 40000, { { "@12", A, 300, addr } }, { { 0 } } };

		dns_start(w, &d, QUERY);
		append(questions, &w->message);
		dns_start(w, &d, RESPONSE);
		dns_records(w, d.answers, 7, 6);
		append(answers, &w->message);
	}
}

static void send_flags(struct world *w, struct place from, struct place to, uint8_t flags, uint32_t seq, const void *octets, size_t len)
{
	struct packet p = packet_of(w, from, to, PKT_TCP, 20, len);

	p.tcp_flags = flags;
	p.tcp_seq = seq;
	give(w, &p, octets, len);
}

/* Octets [from, to) of a stream that begins at BASE. */
static void send_part(struct world *w, struct place from, struct place to, const struct octets *stream, size_t first, size_t end)
{
	send_flags(w, from, to, ACK, BASE + (uint32_t)first, stream->at + first, end - first);
}

static void send_all(struct world *w, struct place from, struct place to, const struct octets *stream, size_t step)
{
	for (size_t at = 0; at < stream->len; at += step)
		send_part(w, from, to, stream, at, at + step < stream->len ? at + step : stream->len);
}

static void segments_of_any_size_teach_the_same(void **state)
{
	static const size_t steps[] = { 1, 2, 3, 13, 40, 1460, 60000 };

	(void)state;
	for (size_t i = 0; i < ROWS(steps); i++) {
		struct octets questions, answers;
		struct world w;

		world_open(&w);
		conversation(&w, 5, &questions, &answers);
		send_all(&w, client, server, &questions, steps[i]);
		send_all(&w, server, client, &answers, steps[i]);
		assert_int_equal(learned(&w), 5);
		assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.1"), "a.example/dns");
		assert_string_equal(names_for(&w, "10.0.0.5", "198.51.100.5"), "e.example/dns");
		assert_int_equal(names_counter(w.names, NAMES_CONFLICT), 0);
		world_close(&w);
	}
}

/* Segments of the answers as pairs of first and end octet; 0, 0 ends the row. The five answers are 45 octets each. */
static void order_repetition_and_gaps(void **state)
{
	static const struct { size_t parts[8][2]; unsigned learned, conflicts; } rows[] = {
		{ { { 0, 100 }, { 100, 225 } }, 5, 0 },
		{ { { 0, 10 }, { 100, 225 }, { 10, 100 } }, 5, 0 },
		{ { { 0, 100 }, { 0, 100 }, { 50, 225 }, { 0, 225 } }, 5, 0 },
		{ { { 0, 45 }, { 45, 90 }, { 90, 135 }, { 135, 180 }, { 180, 225 } }, 5, 0 },
		{ { { 0, 100 }, { 110, 225 } }, 2, 0 },
		{ { { 0, 10 }, { 20, 30 }, { 40, 225 } }, 0, 0 },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct octets questions, answers;
		struct world w;

		world_open(&w);
		conversation(&w, 5, &questions, &answers);
		assert_int_equal(answers.len, 225);
		send_all(&w, client, server, &questions, 1460);
		for (size_t p = 0; rows[i].parts[p][1]; p++)
			send_part(&w, server, client, &answers, rows[i].parts[p][0], rows[i].parts[p][1]);
		assert_int_equal(learned(&w), rows[i].learned);
		assert_int_equal(names_counter(w.names, NAMES_CONFLICT), rows[i].conflicts);
		world_close(&w);
	}
}

static void a_stream_begins_behind_its_syn(void **state)
{
	static const struct { uint32_t syn_seq; unsigned learned; } rows[] = { { BASE - 1, 1 }, { BASE - 11, 0 }, { BASE + 10, 0 } };

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct octets questions, answers;
		struct world w;

		world_open(&w);
		conversation(&w, 1, &questions, &answers);
		send_all(&w, client, server, &questions, 1460);
		send_flags(&w, server, client, SYN | ACK, rows[i].syn_seq, "", 0);
		send_all(&w, server, client, &answers, 1460);
		assert_int_equal(learned(&w), rows[i].learned);
		world_close(&w);
	}
}

static void a_length_that_no_message_has_ends_the_stream(void **state)
{
	static const struct { const char *octets; size_t len; uint32_t next; } rows[] = {
		{ "\0\0", 2, 2 }, { "\0\0", 2, 0 }, { "\0\13aaaaaaaaaaa", 13, 13 }, { "\0\13aaaaaaaaaaa", 13, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct octets questions, answers;
		struct world w;

		world_open(&w);
		conversation(&w, 1, &questions, &answers);
		send_all(&w, client, server, &questions, 1460);
		send_flags(&w, server, client, ACK, 77, rows[i].octets, rows[i].len);
		send_flags(&w, server, client, ACK, 77 + rows[i].next, answers.at, answers.len);
		assert_int_equal(learned(&w), 0);
		send_flags(&w, server, client, RST, 0, "", 0);
		send_all(&w, server, client, &answers, 1460);
		assert_int_equal(learned(&w), 1);
		world_close(&w);
	}
}

static void an_answer_over_tcp_needs_a_question_over_tcp(void **state)
{
	struct dns d = { "10.0.0.5", "9.9.9.9", "a.example", A, 1, 40000, { { 0 } }, { { 0 } } };
	struct octets questions, answers;
	struct world w;

	(void)state;
	world_open(&w);
	conversation(&w, 1, &questions, &answers);
	ask(&w, &d);
	send_all(&w, server, client, &answers, 1460);
	assert_int_equal(learned(&w), 0);
	world_close(&w);
}

static void a_cut_segment_leaves_a_gap(void **state)
{
	struct octets questions, answers;
	struct packet p;
	struct world w;

	(void)state;
	world_open(&w);
	conversation(&w, 3, &questions, &answers);
	send_all(&w, client, server, &questions, 1460);
	p = packet_of(&w, server, client, PKT_TCP, 20, 90);
	p.tcp_seq = BASE;
	give(&w, &p, answers.at, 80);             /* ten octets less than on the wire */
	send_part(&w, server, client, &answers, 90, 135);
	assert_int_equal(learned(&w), 1);
	send_part(&w, server, client, &answers, 70, 95);
	assert_int_equal(learned(&w), 3);
	world_close(&w);
}

/* The longest message of all, then as many streams of half a message as fit. */
static void what_is_kept_of_streams_is_bounded(void **state)
{
	struct octets *big = calloc(1, sizeof(*big));
	struct world w;

	(void)state;
	assert_non_null(big);
	world_open_with(&w, (struct names_options){ .max_streams = 1000 });
	big->at[0] = big->at[1] = 0xff;
	for (unsigned port = 1000; port < 4000; port++) {
		struct place from = { "10.0.0.5", (uint16_t)port };

		for (uint32_t at = 0; at < 60000; at += 20000)
			send_flags(&w, from, server, ACK, at, big->at + at, 20000);
	}
	assert_true(names_octets(w.names) < 3 << 20);
	assert_true(names_counter(w.names, NAMES_EVICTED_STREAMS) > 2000);
	world_close(&w);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_of_any_size_teach_the_same),
		cmocka_unit_test(order_repetition_and_gaps),
		cmocka_unit_test(a_stream_begins_behind_its_syn),
		cmocka_unit_test(a_length_that_no_message_has_ends_the_stream),
		cmocka_unit_test(an_answer_over_tcp_needs_a_question_over_tcp),
		cmocka_unit_test(a_cut_segment_leaves_a_gap),
		cmocka_unit_test(what_is_kept_of_streams_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
