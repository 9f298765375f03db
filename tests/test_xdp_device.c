/* SPDX-License-Identifier: Apache-2.0 */
/* test_xdp_device.c - from what an interface is to the mode that a capture takes, and the kernel's answers about real ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "../user/source/xdp_device.c"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Devices, by what their drivers tell on a kernel from 6.6 on. */
#define VETH .type = "veth", .driver = "veth", .mtu = 1500, .tells_features = true, .has_xdp = true, .has_fragments = true, .has_tcx = true
#define CARD .type = "ether", .driver = "ixgbe", .tells_features = true, .has_xdp = true, .has_tcx = true
#define TAP .type = "tun", .driver = "tun", .mtu = 1500, .tells_features = true, .has_xdp = true, .has_tcx = true
#define LOOPBACK .type = "loopback", .is_loopback = true, .tells_features = true, .has_tcx = true
#define BRIDGE .type = "bridge", .driver = "bridge", .mtu = 1500, .tells_features = true, .has_tcx = true
#define TUN .type = "tun", .driver = "tun", .mtu = 1500, .is_l3 = true, .tells_features = true, .has_tcx = true

static const struct plan_case {
	struct xdp_device device;
	const char *wish;
	enum xdp_mode ingress, egress;
	bool is_second_best;
	const char *why;
} rows[] = {
	{ { VETH }, "auto", XDP_MODE_NATIVE, XDP_MODE_TCX, false, "its driver (veth) has native XDP" },
	{ { VETH }, "native", XDP_MODE_NATIVE, XDP_MODE_TCX, false, "its driver (veth) has native XDP" },
	{ { VETH }, "off", XDP_MODE_TCX, XDP_MODE_TCX, false, "--xdp-mode off" },
	{ { VETH }, "generic", XDP_MODE_GENERIC, XDP_MODE_TCX, true, "--xdp-mode generic" },
	{ { VETH, .xdp_program = 7 }, "auto", XDP_MODE_TCX, XDP_MODE_TCX, true, "another XDP program (id 7) is attached" },
	{ { VETH, .xdp_program = 7, .is_shared = true }, "auto", XDP_MODE_DISPATCHER, XDP_MODE_TCX, false, "beside other programs" },
	{ { VETH, .xdp_program = 7, .is_shared = true }, "native", XDP_MODE_DISPATCHER, XDP_MODE_TCX, false, "beside other programs" },
	{ { VETH, .xdp_program = 7, .is_shared = true }, "generic", XDP_MODE_NONE, XDP_MODE_TCX, true, "another XDP program (id 7)" },
	{ { CARD, .mtu = 9000, .xdp_program = 7, .is_shared = true }, "auto", XDP_MODE_TCX, XDP_MODE_TCX, true, "its MTU 9000" },
	{ { VETH, .xdp_program = 7 }, "native", XDP_MODE_NONE, XDP_MODE_TCX, true, "another XDP program (id 7) is attached" },
	{ { VETH, .xdp_program = 7 }, "generic", XDP_MODE_NONE, XDP_MODE_TCX, true, "another XDP program (id 7) is attached" },
	{ { CARD, .mtu = 3498 }, "auto", XDP_MODE_NATIVE, XDP_MODE_TCX, false, "has native XDP" },
	{ { CARD, .mtu = 3499 }, "auto", XDP_MODE_TCX, XDP_MODE_TCX, true, "its MTU 3499 is over 3498" },
	{ { CARD, .mtu = 9000 }, "native", XDP_MODE_NONE, XDP_MODE_TCX, true, "its MTU 9000 is over 3498" },
	{ { TAP }, "auto", XDP_MODE_TCX, XDP_MODE_TCX, true, "a guest's frames" },
	{ { TAP }, "native", XDP_MODE_NONE, XDP_MODE_TCX, true, "a guest's frames" },
	{ { BRIDGE }, "auto", XDP_MODE_TCX, XDP_MODE_TCX, true, "its driver (bridge) has no native XDP" },
	{ { BRIDGE }, "native", XDP_MODE_NONE, XDP_MODE_TCX, true, "its driver (bridge) has no native XDP" },
	{ { BRIDGE }, "generic", XDP_MODE_GENERIC, XDP_MODE_TCX, true, "--xdp-mode generic" },
	{ { BRIDGE, .xdp_program = 9 }, "generic", XDP_MODE_NONE, XDP_MODE_TCX, true, "another XDP program (id 9) is attached" },
	{ { TUN }, "auto", XDP_MODE_TCX, XDP_MODE_TCX, false, "no Ethernet header" },
	{ { TUN }, "native", XDP_MODE_NONE, XDP_MODE_TCX, true, "no Ethernet header" },
	{ { TUN }, "generic", XDP_MODE_NONE, XDP_MODE_TCX, true, "no Ethernet header" },
	/* Kernel 6.1: nothing is told beforehand, and there is no TCX. */
	{ { .type = "veth", .driver = "veth", .mtu = 9000 }, "auto", XDP_MODE_NATIVE, XDP_MODE_CLSACT, false, "kernels before 6.3 do not tell" },
	{ { .type = "veth", .driver = "veth", .xdp_program = 3 }, "auto", XDP_MODE_CLSACT, XDP_MODE_CLSACT, true, "another XDP program (id 3)" },
	{ { .type = "ether", .driver = "ixgbe", .mtu = 1500 }, "auto", XDP_MODE_NATIVE, XDP_MODE_CLSACT, false, "kernels before 6.3" },
	{ { .type = "loopback", .is_loopback = true }, "auto", XDP_MODE_CLSACT, XDP_MODE_NONE, true, "its driver (loopback) has no native XDP" },
	{ { .type = "bridge", .driver = "bridge" }, "auto", XDP_MODE_CLSACT, XDP_MODE_CLSACT, true, "its driver (bridge) has no native XDP" },
	{ { .type = "none", .is_l3 = true }, "auto", XDP_MODE_CLSACT, XDP_MODE_CLSACT, false, "no Ethernet header" },
	{ { LOOPBACK }, "off", XDP_MODE_TCX, XDP_MODE_NONE, false, "off" },
	{ { LOOPBACK }, "auto", XDP_MODE_TCX, XDP_MODE_NONE, true, "its driver (loopback) has no native XDP" },
};

static void each_device_has_its_mode_and_the_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct xdp_plan plan;

		xdp_device_plan(&rows[i].device, rows[i].wish, &plan);
		assert_int_equal(plan.ingress, rows[i].ingress);
		assert_int_equal(plan.egress, rows[i].egress);
		assert_int_equal(plan.is_second_best, rows[i].is_second_best);
		assert_non_null(strstr(plan.why, rows[i].why));
	}
}

static void what_is_second_best_has_a_cure_unless_there_can_be_none(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct xdp_plan plan;

		xdp_device_plan(&rows[i].device, rows[i].wish, &plan);
		assert_int_equal(plan.cure[0] != 0, rows[i].is_second_best && !rows[i].device.is_l3);
	}
}

static void the_loopback_interface_is_as_the_kernel_says(void **state)
{
	struct xdp_device d;

	(void)state;
	assert_int_equal(xdp_device_read(&d, 1), 0); /* it has this index in every network namespace */
	assert_string_equal(d.name, "lo");
	assert_string_equal(d.type, "loopback");
	assert_int_equal(d.index, 1);
	assert_false(d.is_l3);
	assert_true(d.is_loopback);
	assert_false(d.has_xdp);
	assert_in_range(d.mtu, 1, 1 << 20);
}

static void an_interface_that_is_not_there_is_an_error(void **state)
{
	struct xdp_device d;

	(void)state;
	assert_int_equal(xdp_device_read(&d, 0x7ffffff0), -ENODEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_device_has_its_mode_and_the_reason),
		cmocka_unit_test(what_is_second_best_has_a_cure_unless_there_can_be_none),
		cmocka_unit_test(the_loopback_interface_is_as_the_kernel_says),
		cmocka_unit_test(an_interface_that_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
