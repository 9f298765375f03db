/* SPDX-License-Identifier: Apache-2.0 */
/* test_statistics.c - the books balance or say so, and each counter appears under its name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "../user/cmd/statistics.c"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Log lines go to a file, and are read back whole. */
struct place { char path[64], text[8192]; };

static int make(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	int fd;

	if (!place)
		return -1;
	*state = place;
	strcpy(place->path, "/tmp/test_statistics.XXXXXX");
	fd = mkstemp(place->path);
	return fd < 0 || close(fd) ? -1 : log_open(LOG_INFO, LOG_CONSOLE, place->path);
}

static int drop(void **state)
{
	struct place *place = *state;

	log_close();
	unlink(place->path);
	free(place);
	return 0;
}

/* The lines since the last call. */
static const char *lines(struct place *place)
{
	FILE *file = fopen(place->path, "r+");

	assert_non_null(file);
	place->text[fread(place->text, 1, sizeof(place->text) - 1, file)] = 0;
	fclose(file);
	assert_int_equal(truncate(place->path, 0), 0);
	return place->text;
}

/* 1,000 packets seen: 600 recorded, 300 live, 40 elsewhere, 60 not recorded. */
static struct statistics balanced(void)
{
	return (struct statistics){
		.source = { .seen = 1000, .octets = 500000, .not_recorded = { [PKT_NOT_IP] = 50, [PKT_TOO_DEEP] = 10 } },
		.flows = { .recorded_packets = 600, .live_packets = 300, .other_interface_packets = 40, .flows_begun = 70, .live_flows = 20,
			   .ended = { [END_IDLE] = 45, [END_OVERFLOW] = 5 } },
	};
}

static void the_difference_is_what_no_counter_explains(void **state)
{
	struct statistics s = balanced();

	(void)state;
	assert_int_equal(statistics_difference(&s), 0);
	s.source.seen += 3;
	assert_int_equal(statistics_difference(&s), 3);
	s.flows.recorded_packets += 10;
	assert_int_equal(statistics_difference(&s), -7);
	s = balanced();
	for (int i = 0; i < PKT_VERDICTS; i++) {
		s.source.not_recorded[i]++;
		assert_int_equal(statistics_difference(&s), -1 - i);
	}
	s = balanced();
	s.flows.live_packets--;
	assert_int_equal(statistics_difference(&s), 1);
	s.flows.other_interface_packets++;
	assert_int_equal(statistics_difference(&s), 0);
}

static void the_balance_is_written_with_every_reason(void **state)
{
	struct statistics s = balanced();
	const char *text;

	s.source.kernel_dropped = 7;
	statistics_log_balance(&s);
	text = lines(*state);
	assert_non_null(strstr(text, "balance: seen=1000 recorded=600 live=300 other_interface=40 not_ip=50 headers_too_deep=10 difference=0; "
			       "not seen: kernel_dropped=7 interface_dropped=0\n"));
	assert_non_null(strstr(text, "flows: begun=70 live=20 idle=45 overflow=5\n"));
	assert_null(strstr(text, "error"));
	assert_null(strstr(text, "names:"));
}

static void books_that_do_not_balance_are_an_error(void **state)
{
	struct statistics s = balanced();
	const char *text;

	s.source.seen--;
	statistics_log_balance(&s);
	text = lines(*state);
	assert_non_null(strstr(text, "difference=-1"));
	assert_non_null(strstr(text, "error the books do not balance"));
}

static void counters_that_are_zero_are_left_out(void **state)
{
	struct statistics s = { .source = { .seen = 0 } };
	const char *text;

	statistics_log_balance(&s);
	text = lines(*state);
	assert_non_null(strstr(text, "balance: seen=0 recorded=0 live=0 difference=0; not seen: kernel_dropped=0 interface_dropped=0\n"));
	assert_non_null(strstr(text, "flows: begun=0 live=0\n"));
}

static void what_was_odd_is_counted_beside_the_flows(void **state)
{
	struct statistics s = balanced();

	s.source.fragments_joined = 1;
	s.source.fragments_alone = 2;
	s.source.lengths_clamped = 3;
	s.source.times_clamped = 4;
	statistics_log_balance(&s);
	assert_non_null(strstr(lines(*state), " fragments_joined=1 fragments_alone=2 lengths_clamped=3 times_clamped=4\n"));
}

/* A DNS message that is no more than its id. */
static void count_a_malformed_message(struct names *names)
{
	static const uint8_t frame[44] = { 0 };
	const struct packet packet = { .flags = PKT_HAS_PORTS, .ip_version = 4, .protocol = PKT_UDP, .src_port = 5000, .dst_port = 53, .payload_at = 42,
				       .l3_at = 14, .l3_len = 30 };

	names_frame(names, &packet, frame, sizeof(frame), NS_PER_S);
}

static void names_have_a_line_when_there_is_something_to_count(void **state)
{
	struct names_options options = { .seed = { 1, 2 } };
	struct statistics s = balanced();
	struct names *names = names_new(&options);

	s.names = names;
	statistics_log_balance(&s);
	assert_null(strstr(lines(*state), "names:"));
	count_a_malformed_message(names);
	statistics_log_balance(&s);
	assert_non_null(strstr(lines(*state), "names: malformed=1\n"));
	names_free(names);
}

static void the_largest_numbers_are_not_cut(void **state)
{
	struct statistics s = { .names = NULL };
	const char *text;

	memset(&s.source, 0xff, sizeof(s.source));
	memset(&s.flows, 0xff, sizeof(s.flows));
	statistics_log_balance(&s);
	text = lines(*state);
	assert_non_null(strstr(text, " headers_too_deep=18446744073709551615 difference="));
	assert_non_null(strstr(text, " interface_dropped=18446744073709551615 interface_unseen=18446744073709551615\n"));
	assert_non_null(strstr(text, " times_clamped=18446744073709551615\n"));
}

static void rates_are_differences_over_the_time_between(void **state)
{
	static const struct { uint64_t packets, octets, elapsed_ns; const char *line; } rows[] = {
		{ 1000, 125000, NS_PER_S, "rates: 1000.00 packets/s, 1000000 bit/s, 20 active flows\n" },
		{ 1, 100, 2 * NS_PER_S, "rates: 0.50 packets/s, 400 bit/s, 20 active flows\n" },
		{ 0, 0, NS_PER_S, "rates: 0.00 packets/s, 0 bit/s, 20 active flows\n" },
		{ 5, 100, 500 * NS_PER_MS, "rates: 10.00 packets/s, 1600 bit/s, 20 active flows\n" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct statistics before = balanced(), now = balanced();

		now.source.seen += rows[i].packets;
		now.source.octets += rows[i].octets;
		statistics_log_rates(&before, &now, rows[i].elapsed_ns);
		assert_non_null(strstr(lines(*state), rows[i].line));
	}
}

static void no_time_between_is_no_division_by_zero(void **state)
{
	struct statistics s = balanced();

	statistics_log_rates(&s, &s, 0);
	assert_non_null(strstr(lines(*state), "rates: 0.00 packets/s"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_difference_is_what_no_counter_explains),
		cmocka_unit_test_setup_teardown(the_balance_is_written_with_every_reason, make, drop),
		cmocka_unit_test_setup_teardown(books_that_do_not_balance_are_an_error, make, drop),
		cmocka_unit_test_setup_teardown(counters_that_are_zero_are_left_out, make, drop),
		cmocka_unit_test_setup_teardown(what_was_odd_is_counted_beside_the_flows, make, drop),
		cmocka_unit_test_setup_teardown(names_have_a_line_when_there_is_something_to_count, make, drop),
		cmocka_unit_test_setup_teardown(the_largest_numbers_are_not_cut, make, drop),
		cmocka_unit_test_setup_teardown(rates_are_differences_over_the_time_between, make, drop),
		cmocka_unit_test_setup_teardown(no_time_between_is_no_division_by_zero, make, drop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
