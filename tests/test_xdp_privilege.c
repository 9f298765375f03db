/* SPDX-License-Identifier: Apache-2.0 */
/* test_xdp_privilege.c - from the texts of /proc/self to what is missing, and the reason that is told for a refusal. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "../user/source/xdp_privilege.c"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define HOST "         0          0 4294967295\n"
#define BIT(capability) (1ull << (capability))
#define BOTH (BIT(CAPABILITY_BPF) | BIT(CAPABILITY_NET_ADMIN))

static void the_kernels_texts_are_read(void **state)
{
	static const struct { const char *status, *uid_map; struct xdp_privilege expected; } rows[] = {
		{ "Name:\tdevourer\nCapPrm:\t0000000000000000\nCapEff:\t0000008000001000\nSeccomp:\t0\n", HOST, { BOTH, false, false } },
		{ "CapEff:\t000001ffffffffff\nSeccomp:\t2\nSeccomp_filters:\t1\n", HOST, { 0x1ffffffffffull, true, false } },
		{ "CapEff:\t0000000000000000\n", HOST, { 0, false, false } },
		{ "CapEff:\t000001ffffffffff\nSeccomp:\t0\n", "         0       1000          1\n", { 0x1ffffffffffull, false, true } },
		{ "CapEff:\t000001ffffffffff\nSeccomp:\t0\n", "         0          0      65536\n", { 0x1ffffffffffull, false, true } },
		{ "CapEff:\t0000000000000001\nSeccomp:\t0\n", "", { 1, false, false } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct xdp_privilege p;

		assert_int_equal(xdp_privilege_parse(&p, rows[i].status, rows[i].uid_map), 0);
		assert_true(p.effective == rows[i].expected.effective);
		assert_int_equal(p.is_filtered, rows[i].expected.is_filtered);
		assert_int_equal(p.is_nested, rows[i].expected.is_nested);
	}
}

static void a_status_without_capabilities_is_an_error(void **state)
{
	static const char *const rows[] = { "", "Name:\tdevourer\n", "CapEffective:\t1\n", "XCapEff:\t1\n" };
	struct xdp_privilege p;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(xdp_privilege_parse(&p, rows[i], HOST), -EINVAL);
}

static void what_is_missing_is_named_and_nothing_else(void **state)
{
	static const struct { uint64_t effective; const char *missing; } rows[] = {
		{ 0, "CAP_BPF and CAP_NET_ADMIN" },
		{ BIT(CAPABILITY_BPF), "CAP_NET_ADMIN" },
		{ BIT(CAPABILITY_NET_ADMIN), "CAP_BPF" },
		{ BOTH, "" },
		{ BIT(CAPABILITY_SYS_ADMIN), "" },
		{ BIT(CAPABILITY_PERFMON) | BIT(CAPABILITY_NET_RAW), "CAP_BPF and CAP_NET_ADMIN" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct xdp_privilege p = { .effective = rows[i].effective };

		assert_string_equal(xdp_privilege_missing(&p), rows[i].missing);
	}
}

static void cap_sys_admin_opens_no_packet_socket(void **state)
{
	struct xdp_privilege p = { .effective = BIT(CAPABILITY_SYS_ADMIN) };

	(void)state;
	assert_false(xdp_privilege_has(&p, CAPABILITY_NET_RAW));
	assert_true(xdp_privilege_has(&p, CAPABILITY_PERFMON));
}

/* The first cause that explains it all is told, with a cure. */
static void a_refusal_has_one_reason(void **state)
{
	static const struct { struct xdp_privilege p; int err, bpf; const char *told, *untold; } rows[] = {
		{ { BIT(CAPABILITY_NET_ADMIN), false, false }, -EPERM, 0, "CAP_BPF is missing: ", "CAP_NET_ADMIN is" },
		{ { BIT(CAPABILITY_BPF), false, false }, -EPERM, 0, "CAP_NET_ADMIN is missing: ", "CAP_BPF is" },
		{ { 0, false, false }, -EPERM, -EPERM, "CAP_BPF and CAP_NET_ADMIN are missing: ", "seccomp" },
		{ { 0, true, false }, -EPERM, -EPERM, "CAP_BPF and CAP_NET_ADMIN are missing: ", "seccomp" },
		{ { BOTH, true, false }, -EPERM, -EPERM, "a seccomp profile refuses bpf(2)", "missing" },
		{ { BOTH, true, false }, -ENOSYS, -ENOSYS, "a seccomp profile refuses bpf(2)", "CONFIG" },
		{ { BOTH, false, false }, -ENOSYS, -ENOSYS, "CONFIG_BPF_SYSCALL", "seccomp" },
		{ { BOTH, false, false }, -EACCES, 0, "CAP_PERFMON is missing", "CAP_BPF is" },
		{ { BOTH | BIT(CAPABILITY_PERFMON), false, false }, -EACCES, 0, "security module", "missing" },
		{ { BOTH, true, false }, -EPERM, 0, "security module", "seccomp" },
		{ { UINT64_MAX, false, true }, -EPERM, 0, "user namespace", "missing" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[384];

		xdp_privilege_explain(&rows[i].p, rows[i].err, rows[i].bpf, text, sizeof(text));
		assert_non_null(strstr(text, rows[i].told));
		assert_null(strstr(text, rows[i].untold));
		assert_true(strlen(text) < sizeof(text) - 1);
	}
}

static void this_process_can_be_read(void **state)
{
	struct xdp_privilege p;

	(void)state;
	assert_int_equal(xdp_privilege_read(&p), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernels_texts_are_read),
		cmocka_unit_test(a_status_without_capabilities_is_an_error),
		cmocka_unit_test(what_is_missing_is_named_and_nothing_else),
		cmocka_unit_test(cap_sys_admin_opens_no_packet_socket),
		cmocka_unit_test(a_refusal_has_one_reason),
		cmocka_unit_test(this_process_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
