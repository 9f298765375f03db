/* SPDX-License-Identifier: Apache-2.0 */
/* test_community_id.c - the Community ID against values of the reference implementation in Python (PyPI communityid 1.5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <string.h>
#include <cmocka.h>
#include "../user/flow/record.h"

/* For ICMP the numbers are type and code. The first ones are those that the specification shows. */
static const struct vector { uint8_t protocol; const char *src, *dst; unsigned a, b; const char *id; } vectors[] = {
	{ 6, "128.232.110.120", "66.35.250.204", 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=" },
	{ 6, "66.35.250.204", "128.232.110.120", 80, 34855, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=" },
	{ 17, "192.168.1.52", "8.8.8.8", 54585, 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ=" },
	{ 17, "8.8.8.8", "192.168.1.52", 53, 54585, "1:d/FP5EW3wiY1vCndhwleRRKHowQ=" },
	{ 6, "2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a", 63943, 25, "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=" },
	{ 6, "2607:f8b0:400c:c03::1a", "2001:470:e5bf:dead:4957:2174:e82c:4887", 25, 63943, "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=" },
	{ 17, "fe80::1", "ff02::fb", 5353, 5353, "1:vmVnlzQ4g6ZsPY2VX/lJfRJMmHo=" },
	{ 17, "10.0.0.2", "10.0.0.1", 0, 0, "1:jOeOfpKNQZepODRfsEA0OkcXUNI=" },
	{ 6, "9.0.0.1", "10.0.0.1", 1, 2, "1:1VAE3rCoDWP4XmqAazeGfeEI59I=" },
	{ 6, "10.0.0.1", "10.0.0.1", 5, 5, "1:DUPmfifG6uONZgnkEqTthEwY0Qo=" },
	{ 6, "10.0.0.1", "10.0.0.1", 6, 5, "1:F2wb2rEthkZXCT1z0H06XPxTKn4=" },
	{ 6, "10.0.0.1", "10.0.0.1", 5, 6, "1:F2wb2rEthkZXCT1z0H06XPxTKn4=" },
	{ 6, "::ffff:1.2.3.4", "::1", 1, 2, "1:D4maFVDTNCfjP333hpUQvBynUxQ=" },
	{ 1, "192.168.0.89", "192.168.0.1", 0, 0, "1:Xd3I0IiB3MnC0cDe3fbqH8+dDGI=" },
	{ 1, "192.168.0.89", "192.168.0.1", 8, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=" },
	{ 1, "192.168.0.89", "192.168.0.1", 3, 1, "1:LXCfhMUFbYXe+CEMrQuZCbiLY3o=" },
	{ 1, "192.168.0.89", "192.168.0.1", 5, 0, "1:kLtiMgsvXxev1cbXFZOsseluHWk=" },
	{ 1, "192.168.0.89", "192.168.0.1", 9, 0, "1:0hTYL8ekh0YMbFphUlZIMctBe1g=" },
	{ 1, "192.168.0.89", "192.168.0.1", 10, 0, "1:ZCE6FYKtYq6/Z5/7VYclhgEesAg=" },
	{ 1, "192.168.0.89", "192.168.0.1", 11, 1, "1:8501ocPfZyEKB5od6kcTDR/nLGk=" },
	{ 1, "192.168.0.89", "192.168.0.1", 13, 0, "1:oeo0XqAz7cn/+sOcFFOn55Omz0U=" },
	{ 1, "192.168.0.89", "192.168.0.1", 14, 0, "1:uiloJmzo9VB4N869eqNADHXuQJM=" },
	{ 1, "192.168.0.89", "192.168.0.1", 15, 0, "1:fOg3Bo3uOxI7xD431D+RTtZCCjw=" },
	{ 1, "192.168.0.89", "192.168.0.1", 16, 0, "1:6ZCKi6lsG2Rw85OQJ+W89GVQOrE=" },
	{ 1, "192.168.0.89", "192.168.0.1", 17, 0, "1:l6FQTO9IDRsq7cW/KitEu2ab7NM=" },
	{ 1, "192.168.0.89", "192.168.0.1", 18, 0, "1:6dTj0ptxvEN9+cuc4SfVqQjtlW8=" },
	{ 1, "192.168.0.89", "192.168.0.1", 40, 3, "1:3i2DDK4CQozBG9doJqjbxBfNCSg=" },
	{ 1, "192.168.0.89", "192.168.0.1", 255, 255, "1:zoMtUdB+S0gWenz+06x/iUfk3mM=" },
	{ 1, "192.168.0.1", "192.168.0.89", 0, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=" },
	{ 1, "192.168.0.1", "192.168.0.89", 3, 1, "1:o3zT92uTgnRWv/YrDVeXcWumpC4=" },
	{ 58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 1, 4, "1:JFKLai0Yy5jldt/ku5XTzXROz0Q=" },
	{ 58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 2, 0, "1:PWuP7KbeJtskIEV6s6B0CBVg+GI=" },
	{ 58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 128, 0, "1:QrVnZEjGihSsEkRF1XxqheQ1Za8=" },
	{ 58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 129, 0, "1:0v7671U6aMFvKQtpE4ZMYXnSVjQ=" },
	{ 58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 130, 0, "1:AqqGbwQfzV0erxPUVV+XZ02Zm5M=" },
	{ 58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 131, 0, "1:EWeX0N02fv6kiZ4mtVIrNsLkom4=" },
	{ 58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 133, 0, "1:MxMeSyWe6OTpBt36dIzrtH7OcS8=" },
	{ 58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 134, 0, "1:QpYRAQH404PdAphcvVTflGzHNos=" },
	{ 58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 135, 0, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=" },
	{ 58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 136, 0, "1:zavyT/cezQr1fmImYCwYnMXbgck=" },
	{ 58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 137, 0, "1:KAwF9EkljGcWl9SKSjiiJXYlGE4=" },
	{ 58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 139, 0, "1:5M4clpPt0fX67/4bIqQT4gA26Dw=" },
	{ 58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 140, 0, "1:cOJwEcSbkW1UEpyFTXIP4GMDabo=" },
	{ 58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 143, 0, "1:u29u/40f5pp+Flrmr8QOASz7JG4=" },
	{ 58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 144, 0, "1:m49RyQ8yIT9LBEoGoI5SnZktCdQ=" },
	{ 58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 145, 0, "1:XQq303/ZTbnZhBfoQdmuW8MWAfU=" },
	{ 58, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 136, 0, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=" },
};

static void read_address(uint8_t addr[16], const char *text)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	memcpy(addr, mapped, sizeof(mapped));
	if (inet_pton(AF_INET, text, addr + 12) != 1)
		assert_int_equal(inet_pton(AF_INET6, text, addr), 1);
}

static void check(const struct vector *v)
{
	bool is_icmp = v->protocol == 1 || v->protocol == 58;
	uint8_t src[16], dst[16];
	struct record record = { .src = { .addr = src, .port = is_icmp ? 0 : (uint16_t)v->a }, .dst = { .addr = dst, .port = is_icmp ? 0 : (uint16_t)v->b },
				 .icmp_type = is_icmp ? v->a : RECORD_UNKNOWN, .icmp_code = is_icmp ? v->b : RECORD_UNKNOWN,
				 .protocol_number = v->protocol, .ip_version = strchr(v->src, ':') ? 6 : 4 };
	char id[RECORD_COMMUNITY_ID_SIZE];

	read_address(src, v->src);
	read_address(dst, v->dst);
	memset(id, 'x', sizeof(id));
	record_community_id(id, &record);
	if (strcmp(id, v->id))
		fail_msg("%u %s %s %u %u: %s, not %s", v->protocol, v->src, v->dst, v->a, v->b, id, v->id);
	assert_int_equal(strlen(id), RECORD_COMMUNITY_ID_SIZE - 1);
}

static void ids_are_those_of_the_reference_implementation(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		check(&vectors[i]);
}

static void icmp_without_a_captured_type_has_an_id_as_well(void **state)
{
	static const uint8_t a[16] = { [10] = 0xff, 0xff, 10, 0, 0, 1 }, b[16] = { [10] = 0xff, 0xff, 10, 0, 0, 2 };
	struct record there = { .src.addr = a, .dst.addr = b, .icmp_type = RECORD_UNKNOWN, .icmp_code = RECORD_UNKNOWN, .protocol_number = 1,
				.ip_version = 4 }, back = there;
	char id[2][RECORD_COMMUNITY_ID_SIZE];

	(void)state;
	back.src.addr = b;
	back.dst.addr = a;
	record_community_id(id[0], &there);
	record_community_id(id[1], &back);
	assert_string_equal(id[0], id[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_those_of_the_reference_implementation),
		cmocka_unit_test(icmp_without_a_captured_type_has_an_id_as_well),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
