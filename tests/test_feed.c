/* SPDX-License-Identifier: Apache-2.0 */
/* test_feed.c - from a frame to a delta: times and lengths that cannot be, fragments, and the books. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "../user/source/feed.c"
#include "captures/blob.c"
#include "captures/frame.c"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* A sink that keeps the last delta. */
struct got {
	struct feed feed;
	struct flow_delta delta;
	struct packet packet;
	const uint8_t *frame;
	size_t frame_len;
	uint64_t deltas, octets;
};

static void keep(void *ctx, const struct flow_delta *delta, const uint8_t *frame, size_t frame_len)
{
	struct got *got = ctx;

	got->delta = *delta;
	got->packet = *delta->packet;
	got->frame = frame;
	got->frame_len = frame_len;
	got->deltas++;
	got->octets += delta->octets;
}

static int make(void **state)
{
	struct got *got = calloc(1, sizeof(*got));
	const struct source_out out = { .delta = keep, .ctx = got };

	*state = got;
	return got ? feed_open(&got->feed, &out) : -1;
}

static int drop(void **state)
{
	struct got *got = *state;

	feed_close(&got->feed);
	free(got);
	return 0;
}

static void feed_octets(struct got *got, const struct frame *f, uint32_t caplen, uint32_t len, uint64_t now_ns)
{
	const struct pcap_pkthdr header = { .caplen = caplen, .len = len };

	feed_frame(&got->feed, link_parser_of(DLT_EN10MB), 3, &header, f->b.octets, now_ns);
}

static void feed_whole(struct got *got, const struct frame *f, uint64_t now_ns)
{
	feed_octets(got, f, (uint32_t)f->b.len, (uint32_t)f->b.len, now_ns);
}

static void begin_ip4(struct frame *f)
{
	frame_begin(f);
	ethernet(f, "02:00:00:00:00:01", "02:00:00:00:00:02");
	ipv4(f, "192.0.2.9", "10.0.0.1");
}

/* ---- times ---- */

static void a_time_is_nanoseconds_and_what_no_clock_can_mean_is_clamped(void **state)
{
	static const struct { int64_t s, fraction; bool is_nano; uint64_t ns; unsigned clamped; } rows[] = {
		{ 0, 0, true, 0, 0 }, { 1, 999999999, true, 1999999999, 0 }, { 1, 999999, false, 1999999000, 0 },
		{ 1736937000, 123456, false, 1736937000123456000, 0 }, { 1736937000, 123456789, true, 1736937000123456789, 0 },
		{ 1, 1000000, false, 1999999999, 1 }, { 1, 1000000000, true, 1999999999, 1 }, { 1, 0xffffffff, false, 1999999999, 1 },
		{ 1, -1, false, 1999999999, 1 }, { INT64_MIN, 5, true, 0, 1 }, { INT32_MIN - 1ll, 5, true, 0, 1 },
		{ INT32_MIN, 0, true, 2147483648000000000, 0 }, { -1, 7, true, 4294967295000000007, 0 }, /* 32 bits without a sign, in fact */
		{ 0xffffffff, 0, true, 4294967295000000000, 0 }, { 9223372035, 999999999, true, 9223372035999999999u, 0 },
		{ 9223372036, 0, true, INT64_MAX, 1 }, { INT64_MAX, 0, false, INT64_MAX, 1 },
	};
	struct got *got = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pcap_pkthdr header = { .caplen = 0 };
		uint64_t clamped = got->feed.stats.times_clamped, ns;

		header.ts.tv_sec = (time_t)rows[i].s;
		header.ts.tv_usec = (suseconds_t)rows[i].fraction;
		ns = feed_time_ns(&got->feed, &header, rows[i].is_nano);
		if (ns != rows[i].ns || got->feed.stats.times_clamped - clamped != rows[i].clamped)
			fail_msg("row %zu: %llu", i, (unsigned long long)ns);
	}
}

/* ---- lengths ---- */

static void octets_are_those_on_the_wire_unless_that_cannot_be(void **state)
{
	static const struct { uint32_t caplen, len; uint64_t octets, clamped; } rows[] = {
		{ 60, 60, 60, 0 }, { 60, 1514, 1514, 0 }, { 42, 65549, 65549, 0 }, { 60, 1u << 20, 1u << 20, 0 },
		{ 60, (1u << 20) + 1, 60, 1 }, { 60, UINT32_MAX, 60, 1 }, { 60, 20, 60, 1 }, { 60, 0, 60, 1 }, { 60, 59, 60, 1 },
	};
	struct got *got = *state;
	static struct frame f;

	begin_ip4(&f);
	udp(&f, 1111, 443);
	frame_end(&f);
	frame_pad(&f, 60);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct source_stats before = got->feed.stats;

		feed_octets(got, &f, rows[i].caplen, rows[i].len, 5);
		assert_int_equal(got->delta.octets, rows[i].octets);
		assert_int_equal(got->feed.stats.octets - before.octets, rows[i].octets);
		assert_int_equal(got->feed.stats.lengths_clamped - before.lengths_clamped, rows[i].clamped);
	}
	assert_int_equal(got->octets, got->feed.stats.octets);
}

/* ---- deltas ---- */

static void a_frame_becomes_a_delta_of_one_packet(void **state)
{
	struct got *got = *state;
	static struct frame f;

	begin_ip4(&f);
	tcp(&f, 443, 1111, TCP_SYN | TCP_ACK, 7, 8);
	frame_end(&f);
	feed_octets(got, &f, 54, 1400, 123456789);
	assert_int_equal(got->deltas, 1);
	assert_int_equal(got->delta.packets, 1);
	assert_int_equal(got->delta.octets, 1400);
	assert_int_equal(got->delta.first_ns, 123456789);
	assert_int_equal(got->delta.last_ns, 123456789);
	assert_int_equal(got->delta.from_high, 1); /* 192.0.2.9 is above 10.0.0.1 */
	assert_int_equal(got->delta.key.high_port, 443);
	assert_int_equal(got->delta.key.low_port, 1111);
	assert_int_equal(got->delta.tcp_flags, TCP_SYN | TCP_ACK);
	assert_int_equal(got->delta.interface, 3);
	assert_int_equal(got->packet.tcp_seq, 7);
	assert_ptr_equal(got->frame, f.b.octets);
	assert_int_equal(got->frame_len, 54);
	assert_int_equal(got->feed.stats.last_ns, 123456789);
}

static void what_gives_no_flow_is_counted_by_its_reason(void **state)
{
	struct got *got = *state;
	static struct frame f;

	frame_begin(&f);
	ethernet(&f, "02:00:00:00:00:01", "ff:ff:ff:ff:ff:ff");
	arp(&f, "02:00:00:00:00:01", "10.0.0.1", "10.0.0.2");
	frame_end(&f);
	feed_whole(got, &f, 1);
	feed_octets(got, &f, 13, 60, 1);
	feed_octets(got, &f, 0, 60, 1);
	begin_ip4(&f);
	other(&f, 47);
	frame_end(&f);
	feed_whole(got, &f, 1);
	feed_octets(got, &f, 33, 60, 1);
	f.b.octets[14] = 0x65;
	feed_whole(got, &f, 1);
	f.b.octets[14] = 0x41;
	feed_whole(got, &f, 1);
	frame_begin(&f);
	ethernet(&f, "02:00:00:00:00:01", "02:00:00:00:00:02");
	for (int i = 0; i < 9; i++)
		vlan(&f, 0x8100, 1);
	frame_end(&f);
	feed_whole(got, &f, 1);
	assert_int_equal(got->deltas, 0);
	assert_int_equal(got->feed.stats.seen, 8);
	assert_int_equal(got->feed.stats.not_recorded[PKT_OK], 0);
	for (int i = PKT_OK + 1; i < PKT_VERDICTS; i++)
		assert_int_equal(got->feed.stats.not_recorded[i], i == PKT_L2_SHORT ? 2 : 1);
}

static void every_verdict_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < PKT_VERDICTS; i++) {
		assert_non_null(packet_verdict_text[i]);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(packet_verdict_text[i], packet_verdict_text[j]);
	}
}

/* ---- fragments ---- */

static void later_fragments_go_to_the_flow_of_their_first_one(void **state)
{
	static struct frame whole, part;
	struct got *got = *state;
	struct flow_key key;

	begin_ip4(&whole);
	udp(&whole, 5000, 6000);
	payload_fill(&whole, 0xab, 100);
	frame_end(&whole);
	ipv4_part(&part, &whole, 64, 40, true);
	feed_whole(got, &part, 1);                /* before its first one: ports 0 */
	assert_int_equal(got->delta.key.high_port, 0);
	ipv4_part(&part, &whole, 0, 64, true);
	feed_whole(got, &part, 2);
	key = got->delta.key;
	assert_int_equal(key.high_port, 5000);
	for (size_t offset = 64; offset < 108; offset += 8) {
		ipv4_part(&part, &whole, offset, offset + 8 < 108 ? 8 : 108 - offset, offset + 8 < 108);
		feed_whole(got, &part, 3 + offset);
		assert_memory_equal(&got->delta.key, &key, sizeof(key));
		assert_int_equal(got->delta.from_high, 1);
		assert_int_equal(got->packet.flags & (PKT_LATER_FRAGMENT | PKT_HAS_PORTS), PKT_LATER_FRAGMENT);
	}
	assert_int_equal(got->feed.stats.fragments_joined, 6);
	assert_int_equal(got->feed.stats.fragments_alone, 1);
	feed_whole(got, &part, 2 + 61 * NS_PER_S);
	assert_int_equal(got->feed.stats.fragments_alone, 2);
}

static void ports_of_a_fragment_decide_the_direction_between_equal_addresses(void **state)
{
	static struct frame whole, part;
	struct got *got = *state;

	frame_begin(&whole);
	ethernet(&whole, "02:00:00:00:00:01", "02:00:00:00:00:02");
	ipv4(&whole, "127.0.0.1", "127.0.0.1");
	udp(&whole, 6000, 5000);
	payload_fill(&whole, 0, 64);
	frame_end(&whole);
	ipv4_part(&part, &whole, 0, 32, true);
	feed_whole(got, &part, 1);
	assert_int_equal(got->delta.from_high, 1);
	ipv4_part(&part, &whole, 32, 40, false);
	feed_whole(got, &part, 2);
	assert_int_equal(got->delta.from_high, 1);
	assert_int_equal(got->delta.key.high_port, 6000);
}

static void fragments_of_icmp_need_no_ports(void **state)
{
	static struct frame whole, part;
	struct got *got = *state;

	begin_ip4(&whole);
	icmp4(&whole, 8, 0, 1);
	payload_fill(&whole, 0, 64);
	frame_end(&whole);
	ipv4_part(&part, &whole, 32, 40, false);
	feed_whole(got, &part, 1);
	assert_int_equal(got->deltas, 1);
	assert_int_equal(got->feed.stats.fragments_alone + got->feed.stats.fragments_joined, 0);
	assert_int_equal(got->packet.flags & PKT_HAS_ICMP, 0);
}

static void the_books_balance_over_any_octets(void **state)
{
	struct got *got = *state;
	static struct frame f;
	uint64_t random = 88172645463325252, not_recorded = 0;

	for (int i = 0; i < 50000; i++) {
		uint32_t len;

		begin_ip4(&f);
		udp(&f, 1, 2);
		frame_end(&f);
		for (int n = 0; n < 3; n++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			f.b.octets[12 + random % (f.b.len - 12)] = (uint8_t)(random >> 32);
		}
		len = (uint32_t)(random >> 40) % (uint32_t)(f.b.len + 1);
		feed_octets(got, &f, len, len, (uint64_t)i);
	}
	for (int i = 0; i < PKT_VERDICTS; i++)
		not_recorded += got->feed.stats.not_recorded[i];
	assert_int_equal(got->feed.stats.seen, 50000);
	assert_int_equal(got->deltas + not_recorded, 50000);
	assert_true(got->deltas > 1000 && not_recorded > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_time_is_nanoseconds_and_what_no_clock_can_mean_is_clamped, make, drop),
		cmocka_unit_test_setup_teardown(octets_are_those_on_the_wire_unless_that_cannot_be, make, drop),
		cmocka_unit_test_setup_teardown(a_frame_becomes_a_delta_of_one_packet, make, drop),
		cmocka_unit_test_setup_teardown(what_gives_no_flow_is_counted_by_its_reason, make, drop),
		cmocka_unit_test(every_verdict_has_a_name_of_its_own),
		cmocka_unit_test_setup_teardown(later_fragments_go_to_the_flow_of_their_first_one, make, drop),
		cmocka_unit_test_setup_teardown(ports_of_a_fragment_decide_the_direction_between_equal_addresses, make, drop),
		cmocka_unit_test_setup_teardown(fragments_of_icmp_need_no_ports, make, drop),
		cmocka_unit_test_setup_teardown(the_books_balance_over_any_octets, make, drop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
