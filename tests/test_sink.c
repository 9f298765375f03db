/* SPDX-License-Identifier: Apache-2.0 */
/* test_sink.c - sinks by their name, and the one that forgets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "../user/base/options_rows.h"
#include "../user/ship/sink.h"

static void every_output_that_options_accept_has_a_sink(void **state)
{
	(void)state;
	assert_ptr_equal(sink_find("file"), &sink_file);
	assert_ptr_equal(sink_find("stdout"), &sink_stdout);
	assert_ptr_equal(sink_find("null"), &sink_null);
	assert_null(sink_find("fil"));
	assert_null(sink_find(""));
	for (size_t i = 0; i < option_row_count; i++) {
		char words[128], *rest = words;

		if (strcmp(option_rows[i].name, "output"))
			continue;
		snprintf(words, sizeof(words), "%s", option_rows[i].values);
		for (char *word; (word = strsep(&rest, "|"));)
			assert_non_null(sink_find(word));
	}
}

static void the_null_sink_counts_what_it_forgets(void **state)
{
	struct sink *sink;
	struct sink_stats stats;

	(void)state;
	assert_int_equal(sink_null.open(&sink, NULL, 0), 0);
	assert_int_equal(sink_null.put(sink, "abc\n", 4), 0);
	assert_int_equal(sink_null.put(sink, "de\n", 3), 0);
	assert_int_equal(sink_null.tick(sink, 1), 0);
	sink_null.stats(sink, &stats);
	assert_int_equal(stats.put, 2);
	assert_int_equal(stats.delivered, 2);
	assert_int_equal(stats.octets, 7);
	assert_int_equal(stats.dropped + stats.waiting, 0);
	assert_int_equal(sink_null.close(&sink), 0);
	assert_null(sink);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_output_that_options_accept_has_a_sink),
		cmocka_unit_test(the_null_sink_counts_what_it_forgets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
