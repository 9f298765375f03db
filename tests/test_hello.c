/* SPDX-License-Identifier: Apache-2.0 */
/* test_hello.c - which segments of a TCP flow are looked at for a ClientHello, with names.c replaced by a note of what it was asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "../user/cmd/hello.c"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define PAYLOAD_AT 54
#define LOW 0
#define HIGH 1

/* Stands in for names.c: what it was last asked, and what it answers. */
struct names {
	int looks, forgets;
	uint64_t flow_id;
	bool from_high, is_cut;
	uint32_t base_seq, seq;
	size_t len;
	uint8_t first_octet;
	name_list *list;
	enum names_hello answer;
};

enum names_hello names_hello(struct names *names, uint64_t flow_id, bool from_high, uint32_t base_seq, uint32_t seq,
			     const uint8_t *payload, size_t len, bool is_cut, uint64_t now_ns, name_list *list)
{
	(void)now_ns;
	names->looks++;
	names->flow_id = flow_id;
	names->from_high = from_high;
	names->base_seq = base_seq;
	names->seq = seq;
	names->first_octet = payload[0];
	names->len = len;
	names->is_cut = is_cut;
	names->list = list;
	return names->answer;
}

void names_hello_forget(struct names *names, uint64_t flow_id)
{
	names->forgets++;
	names->flow_id = flow_id;
}

/* A flow as the table leaves it after SYN and SYN-ACK: the streams begin at 1000 and 5000. */
struct bench {
	struct names names;
	struct flow flow;
	uint8_t frame[2048];
};

static void begin(struct bench *b, bool has_syn)
{
	memset(b, 0, sizeof(*b));
	b->names.answer = NAMES_HELLO_NAME;
	if (!has_syn)
		return;
	b->flow.has_first_seq = 3;
	b->flow.first_seq[LOW] = 1000;
	b->flow.first_seq[HIGH] = 5000;
}

struct segment_row { int from; uint32_t seq; const char *payload; size_t len, captured; unsigned flags; };

/* `captured` of the payload's `len` octets are in the frame. */
static void look(struct bench *b, const struct segment_row *s)
{
	struct packet packet = { .flags = PKT_HAS_TCP, .tcp_seq = s->seq, .tcp_flags = (uint8_t)s->flags, .payload_at = PAYLOAD_AT, .l3_at = 14,
				 .l3_len = (uint32_t)(40 + s->len) };
	struct flow_delta delta = { .packets = 1, .packet = &packet, .from_high = (uint8_t)s->from, .tcp_flags = (uint8_t)s->flags };

	memcpy(b->frame + PAYLOAD_AT, s->payload, s->captured);
	hello_look(&b->names, &b->flow, &delta, b->frame, PAYLOAD_AT + s->captured);
}

#define HELLO "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03"

static void a_hello_at_the_start_of_a_stream_is_looked_at_once(void **state)
{
	static struct bench b;

	(void)state;
	for (int from = LOW; from <= HIGH; from++) {
		uint32_t start = from ? 5000 : 1000;

		begin(&b, true);
		look(&b, &(struct segment_row){ from, start, HELLO, 10, 10, 0x18 });
		assert_int_equal(b.names.looks, 1);
		assert_int_equal(b.names.flow_id, (uintptr_t)&b.flow);
		assert_int_equal(b.names.from_high, from);
		assert_int_equal(b.names.base_seq, start);
		assert_int_equal(b.names.seq, start);
		assert_int_equal(b.names.len, 10);
		assert_int_equal(b.names.first_octet, 0x16);
		assert_false(b.names.is_cut);
		assert_ptr_equal(b.names.list, &b.flow.names[!from]); /* of the end that received it */
		assert_int_equal(flow_hello(&b.flow, from), HELLO_DONE);
		assert_int_equal(flow_hello(&b.flow, !from), HELLO_NONE);
		look(&b, &(struct segment_row){ from, start + 10, HELLO, 10, 10, 0x18 });
		assert_int_equal(b.names.looks, 1);
	}
}

static void only_what_may_become_a_hello_is_looked_at(void **state)
{
	static const struct { const char *payload; size_t len; bool is_looked_at; } rows[] = {
		{ "\x16", 1, true }, { "\x16\x03", 2, true }, { "\x16\x03\x04\x00\x05", 5, true }, { HELLO, 10, true },
		{ "\x16\x03\x01\x02\x00\x02", 6, false }, /* a ServerHello */
		{ "\x16\x02", 2, false }, { "\x17\x03\x03", 3, false }, { "GET / HTTP/1.1\r\n", 16, false }, { "\0", 1, false },
	};
	static struct bench b;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		begin(&b, true);
		look(&b, &(struct segment_row){ LOW, 1000, rows[i].payload, rows[i].len, rows[i].len, 0x18 });
		assert_int_equal(b.names.looks, rows[i].is_looked_at);
		assert_int_equal(flow_hello(&b.flow, LOW), HELLO_DONE);
	}
}

static void an_incomplete_hello_goes_on_until_it_is_done(void **state)
{
	static struct bench b;

	(void)state;
	begin(&b, true);
	b.names.answer = NAMES_HELLO_MORE;
	look(&b, &(struct segment_row){ LOW, 1000, HELLO, 10, 10, 0x18 });
	assert_int_equal(flow_hello(&b.flow, LOW), HELLO_OPEN);
	look(&b, &(struct segment_row){ LOW, 1010, "more", 4, 4, 0x18 });
	assert_int_equal(b.names.looks, 2);
	assert_int_equal(b.names.seq, 1010);
	assert_int_equal(b.names.base_seq, 1000);
	look(&b, &(struct segment_row){ HIGH, 5000, "\x17\x03", 2, 2, 0x18 }); /* the other stream is its own */
	assert_int_equal(flow_hello(&b.flow, HIGH), HELLO_DONE);
	assert_int_equal(flow_hello(&b.flow, LOW), HELLO_OPEN);
	b.names.answer = NAMES_HELLO_DONE;
	look(&b, &(struct segment_row){ LOW, 1014, "end", 3, 3, 0x18 });
	assert_int_equal(b.names.looks, 3);
	assert_int_equal(flow_hello(&b.flow, LOW), HELLO_DONE);
}

static void segments_without_payload_decide_nothing(void **state)
{
	static const unsigned flags[] = { 0x02, 0x12, 0x10, 0x11, 0x04 };
	static struct bench b;

	(void)state;
	for (size_t i = 0; i < COUNT(flags); i++) {
		begin(&b, true);
		look(&b, &(struct segment_row){ LOW, 1000, "", 0, 0, flags[i] });
		assert_int_equal(b.names.looks, 0);
		assert_int_equal(flow_hello(&b.flow, LOW), HELLO_NONE);
	}
}

static void padding_behind_the_packet_is_no_payload(void **state)
{
	static struct bench b;
	struct packet packet = { .flags = PKT_HAS_TCP, .tcp_seq = 1000, .payload_at = PAYLOAD_AT, .l3_at = 14, .l3_len = 40 };
	struct flow_delta delta = { .packets = 1, .packet = &packet };

	(void)state;
	begin(&b, true);
	memcpy(b.frame + PAYLOAD_AT, HELLO, 6);
	hello_look(&b.names, &b.flow, &delta, b.frame, 60);
	assert_int_equal(b.names.looks, 0);
	assert_int_equal(flow_hello(&b.flow, LOW), HELLO_NONE);
	packet.l3_len = 42;
	hello_look(&b.names, &b.flow, &delta, b.frame, 60);
	assert_int_equal(b.names.len, 2);
	packet.l3_len = 0;                        /* a jumbogram: the frame is the bound */
	flow_set_hello(&b.flow, LOW, HELLO_NONE);
	hello_look(&b.names, &b.flow, &delta, b.frame, 60);
	assert_int_equal(b.names.len, 6);
}

static void without_a_syn_the_first_payload_seen_begins_the_stream(void **state)
{
	static struct bench b;

	(void)state;
	begin(&b, false);
	look(&b, &(struct segment_row){ HIGH, 777, HELLO, 10, 10, 0x18 });
	assert_int_equal(b.names.looks, 1);
	assert_int_equal(b.names.base_seq, 777);
	assert_int_equal(b.flow.has_first_seq, 2);
	begin(&b, false);
	look(&b, &(struct segment_row){ HIGH, 777, "\x17\x03\x03", 3, 3, 0x18 }); /* in the middle of a connection */
	look(&b, &(struct segment_row){ HIGH, 780, HELLO, 10, 10, 0x18 });
	assert_int_equal(b.names.looks, 0);
}

static void payload_on_a_syn_begins_one_number_later(void **state)
{
	static struct bench b;

	(void)state;
	begin(&b, true);
	look(&b, &(struct segment_row){ LOW, 999, HELLO, 10, 10, 0x02 }); /* RFC 7413: the table noted 999 + 1 */
	assert_int_equal(b.names.looks, 1);
	assert_int_equal(b.names.seq, 1000);
}

static void segments_out_of_order_are_looked_at_near_the_start(void **state)
{
	static const struct { uint32_t base, seq; size_t len; bool is_looked_at; } rows[] = {
		{ 1000, 1500, 100, true }, { 1000, 1000 + TLS_HELLO_MAX - 100, 100, true }, { 1000, 1000 + TLS_HELLO_MAX - 99, 100, false },
		{ 1000, 1000 + 1000000, 100, false }, { 0xfffffff0, 0x10, 100, true }, { 0xfffffff0, 0xfffffff0u + 20000, 100, false },
		{ 1000, 990, 100, true },                  /* sent again with octets from before */
		{ 5, 0xfffffff0, 100, true }, { 1000, 1000 + (1u << 31), 100, false },
	};
	static struct bench b;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		static const char octets[100] = "later part";

		begin(&b, true);
		b.flow.first_seq[LOW] = rows[i].base;
		b.names.answer = NAMES_HELLO_MORE;
		look(&b, &(struct segment_row){ LOW, rows[i].seq, octets, rows[i].len, rows[i].len, 0x18 });
		if (b.names.looks != rows[i].is_looked_at)
			fail_msg("row %zu", i);
		assert_int_equal(flow_hello(&b.flow, LOW), rows[i].is_looked_at ? HELLO_OPEN : HELLO_DONE);
	}
}

static void what_the_snap_length_cut_off_is_told(void **state)
{
	static struct bench b;

	(void)state;
	begin(&b, true);
	look(&b, &(struct segment_row){ LOW, 1000, HELLO, 517, 10, 0x18 });
	assert_int_equal(b.names.looks, 1);
	assert_int_equal(b.names.len, 10);
	assert_true(b.names.is_cut);
	begin(&b, true);
	look(&b, &(struct segment_row){ LOW, 1000, HELLO, 517, 0, 0x18 }); /* all of it: nothing will come */
	assert_int_equal(b.names.looks, 0);
	assert_int_equal(flow_hello(&b.flow, LOW), HELLO_DONE);
}

static void a_packet_without_its_tcp_header_is_passed_over(void **state)
{
	static struct bench b;
	struct packet packet = { .flags = PKT_HAS_PORTS, .l3_at = 14, .l3_len = 1400 };
	struct flow_delta delta = { .packets = 1, .packet = &packet };

	(void)state;
	begin(&b, true);
	hello_look(&b.names, &b.flow, &delta, b.frame, 40);
	packet.flags |= PKT_HAS_TCP;              /* a data offset that cannot be */
	hello_look(&b.names, &b.flow, &delta, b.frame, 1000);
	assert_int_equal(b.names.looks, 0);
	assert_int_equal(flow_hello(&b.flow, LOW), HELLO_NONE);
}

static void only_an_open_hello_has_to_be_forgotten(void **state)
{
	static const struct { enum flow_hello low, high; int forgets; } rows[] = {
		{ HELLO_NONE, HELLO_NONE, 0 }, { HELLO_DONE, HELLO_DONE, 0 }, { HELLO_OPEN, HELLO_NONE, 1 }, { HELLO_DONE, HELLO_OPEN, 1 },
		{ HELLO_OPEN, HELLO_OPEN, 1 },
	};
	static struct bench b;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		begin(&b, true);
		flow_set_hello(&b.flow, LOW, rows[i].low);
		flow_set_hello(&b.flow, HIGH, rows[i].high);
		assert_int_equal(flow_hello(&b.flow, LOW), rows[i].low);
		assert_int_equal(flow_hello(&b.flow, HIGH), rows[i].high);
		hello_forget(&b.names, &b.flow);
		assert_int_equal(b.names.forgets, rows[i].forgets);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hello_at_the_start_of_a_stream_is_looked_at_once),
		cmocka_unit_test(only_what_may_become_a_hello_is_looked_at),
		cmocka_unit_test(an_incomplete_hello_goes_on_until_it_is_done),
		cmocka_unit_test(segments_without_payload_decide_nothing),
		cmocka_unit_test(padding_behind_the_packet_is_no_payload),
		cmocka_unit_test(without_a_syn_the_first_payload_seen_begins_the_stream),
		cmocka_unit_test(payload_on_a_syn_begins_one_number_later),
		cmocka_unit_test(segments_out_of_order_are_looked_at_near_the_start),
		cmocka_unit_test(what_the_snap_length_cut_off_is_told),
		cmocka_unit_test(a_packet_without_its_tcp_header_is_passed_over),
		cmocka_unit_test(only_an_open_hello_has_to_be_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
