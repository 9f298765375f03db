/* SPDX-License-Identifier: Apache-2.0 */
/* Which programs in a dispatcher are of a run that was killed. Joining one is tested by tests/live/kernels.sh. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "../user/source/xdp_dispatch.c"

#define PROGRAM 4000000000u                       /* a number that the kernel does not reach */

static void a_program_is_claimed_as_long_as_its_process_has_the_claim(void **state)
{
	int first = claim(PROGRAM), again;

	(void)state;
	assert_true(first >= 0);
	assert_int_equal(claim(PROGRAM), -EADDRINUSE);
	close(first);
	again = claim(PROGRAM);
	assert_true(again >= 0);
	close(again);
}

static void another_program_is_another_claim(void **state)
{
	int first = claim(PROGRAM), other = claim(PROGRAM / 10);

	(void)state;
	assert_true(first >= 0);
	assert_true(other >= 0);
	close(first);
	close(other);
}

static void an_interface_without_dispatcher_is_refused_and_has_nothing_to_clean(void **state)
{
	struct xdp_dispatch *dispatch = NULL;

	(void)state;
	assert_true(xdp_dispatch_join(&dispatch, NULL, "devourer_xdp", "lo", 1) < 0);
	assert_null(dispatch);
	assert_int_equal(xdp_dispatch_clean("devourer_xdp", "lo", 1), 0);
	xdp_dispatch_leave(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_is_claimed_as_long_as_its_process_has_the_claim),
		cmocka_unit_test(another_program_is_another_claim),
		cmocka_unit_test(an_interface_without_dispatcher_is_refused_and_has_nothing_to_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
