/* SPDX-License-Identifier: Apache-2.0 */
/* test_flow_table_counts.c - deltas of many packets, as a kernel's table gives them: who spoke first, and the time of a handshake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "../user/base/time.h"
#include "../user/flow/flow_table.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define BEGIN_NS (1736937000 * NS_PER_S)
#define CLIENT_MAC 0x11
#define SERVER_MAC 0x22

enum { SYN = 2, ACK = 16, SYN_ACK = 18 };

static void on_begin(void *ctx, struct flow *flow, const struct flow_delta *delta)
{
	(void)ctx;
	(void)flow;
	(void)delta;
}

static void on_end(void *ctx, struct flow *flow, enum end_reason reason, bool is_over)
{
	(void)ctx;
	(void)flow;
	(void)reason;
	(void)is_over;
}

static struct flow_table *new_table(void)
{
	const struct flow_table_options options = { .idle_timeout_ns = 120 * NS_PER_S, .max_flows = 16, .seed = { 1, 2 } };
	const struct flow_table_handlers handlers = { .begin = on_begin, .end = on_end };
	struct flow_table *table = flow_table_new(&options, &handlers);

	assert_non_null(table);
	return table;
}

/* What one slot counted: the flags are of its first packet. Side 0 is the lower end of the key. */
struct counted { int side; uint64_t us, packets; uint8_t tcp_flags, syn_again; };

static struct flow *add(struct flow_table *table, const struct counted *c)
{
	struct packet p = { .src_addr = { 10 }, .dst_addr = { 10 }, .protocol = PKT_TCP, .ip_version = 4, .tcp_flags = c->tcp_flags,
			    .src_mac = { c->side ? SERVER_MAC : CLIENT_MAC }, .dst_mac = { c->side ? CLIENT_MAC : SERVER_MAC },
			    .flags = PKT_HAS_TCP | PKT_HAS_PORTS | PKT_HAS_SRC_MAC | PKT_HAS_DST_MAC };
	struct flow_delta delta = { .packets = c->packets, .octets = 60 * c->packets, .first_ns = BEGIN_NS + c->us * NS_PER_US, .packet = &p,
				    .tcp_flags = c->tcp_flags | ACK, .is_aggregate = 1, .syn_again = c->syn_again };

	p.src_addr[15] = c->side ? 2 : 1;
	p.dst_addr[15] = c->side ? 1 : 2;
	p.src_port = c->side ? 443 : 40000;
	p.dst_port = c->side ? 40000 : 443;
	delta.last_ns = delta.first_ns + NS_PER_MS;
	delta.from_high = flow_key_orient(&p, &delta.key);
	return flow_table_add(table, &delta);
}

static void the_one_with_the_earlier_stamp_spoke_first_whatever_came_first(void **state)
{
	static const struct { struct counted counted[2]; int side; } rows[] = {
		{ { { 0, 10, 5, SYN, 0 }, { 1, 20, 5, SYN_ACK, 0 } }, 0 },
		{ { { 1, 20, 5, SYN_ACK, 0 }, { 0, 10, 5, SYN, 0 } }, 0 },
		{ { { 1, 10, 5, ACK, 0 }, { 0, 20, 5, ACK, 0 } }, 1 },
		{ { { 0, 20, 5, ACK, 0 }, { 1, 10, 5, ACK, 0 } }, 1 },
		{ { { 1, 10, 5, SYN_ACK, 0 }, { 0, 10, 5, SYN, 0 } }, 0 }, /* in one microsecond: a SYN asks */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct flow_table *table = new_table();
		struct flow *flow = add(table, &rows[i].counted[0]);

		assert_ptr_equal(add(table, &rows[i].counted[1]), flow);
		assert_int_equal(flow->from_high, rows[i].side);
		assert_int_equal(flow->first_ns, BEGIN_NS + 10 * NS_PER_US);
		assert_int_equal(flow->mac[0][0], CLIENT_MAC);
		assert_int_equal(flow->mac[1][0], SERVER_MAC);
		flow_table_free(table);
	}
}

static void the_time_of_a_handshake_is_told_when_one_syn_was_answered(void **state)
{
	static const struct { struct counted counted[3]; size_t count; uint32_t rtt_us; } rows[] = {
		{ { { 0, 10, 1, SYN, 0 }, { 1, 60, 1, SYN_ACK, 0 } }, 2, 50 },
		{ { { 0, 10, 9, SYN, 0 }, { 1, 60, 9, SYN_ACK, 0 } }, 2, 50 },
		{ { { 0, 10, 2, SYN, 1 }, { 1, 60, 1, SYN_ACK, 0 } }, 2, FLOW_RTT_NEVER },
		{ { { 0, 10, 1, SYN, 0 }, { 0, 1000010, 1, SYN, 0 }, { 1, 1000060, 1, SYN_ACK, 0 } }, 3, FLOW_RTT_NEVER },
		{ { { 0, 10, 9, SYN, 0 }, { 1, 60, 9, SYN_ACK, 0 }, { 0, 2000000, 1, SYN, 0 } }, 3, 50 }, /* the port is used again */
		{ { { 1, 10, 9, SYN_ACK, 0 }, { 0, 60, 9, ACK, 0 } }, 2, FLOW_RTT_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct flow_table *table = new_table();
		const struct flow *flow = add(table, &rows[i].counted[0]);

		for (size_t k = 1; k < rows[i].count; k++)
			assert_ptr_equal(add(table, &rows[i].counted[k]), flow);
		assert_int_equal(flow->rtt_us, rows[i].rtt_us);
		flow_table_free(table);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_one_with_the_earlier_stamp_spoke_first_whatever_came_first),
		cmocka_unit_test(the_time_of_a_handshake_is_told_when_one_syn_was_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
