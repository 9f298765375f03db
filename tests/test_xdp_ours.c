/* SPDX-License-Identifier: Apache-2.0 */
/* test_xdp_ours.c - which filter is ours, by messages as the kernel sends them, and what of the pins' folder goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "../user/source/xdp_ours.c"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* A message of RTM_GETTFILTER's dump. */
struct message {
	union { struct nlmsghdr header; char octets[512]; };
};

static struct rtattr *add_attribute(struct message *m, uint16_t type, const void *data, size_t len)
{
	struct rtattr *attribute = (void *)(m->octets + NLMSG_ALIGN(m->header.nlmsg_len));

	attribute->rta_type = type;
	attribute->rta_len = (uint16_t)RTA_LENGTH(len);
	memcpy(RTA_DATA(attribute), data, len);
	m->header.nlmsg_len = NLMSG_ALIGN(m->header.nlmsg_len) + RTA_ALIGN(attribute->rta_len);
	return attribute;
}

static void make_message(struct message *m, uint16_t type, uint32_t handle, uint32_t priority, const char *kind, const char *name)
{
	const struct tcmsg filter = { .tcm_handle = handle, .tcm_info = priority << 16 | 0x300 };
	const uint32_t id = 77;
	struct rtattr *options;

	memset(m, 0, sizeof(*m));
	m->header = (struct nlmsghdr){ .nlmsg_len = NLMSG_LENGTH(sizeof(filter)), .nlmsg_type = type };
	memcpy(NLMSG_DATA(&m->header), &filter, sizeof(filter));
	add_attribute(m, TCA_KIND, kind, strlen(kind) + 1);
	options = add_attribute(m, TCA_OPTIONS | NLA_F_NESTED, "", 0);
	add_attribute(m, TCA_BPF_NAME, name, strlen(name) + 1);
	add_attribute(m, TCA_BPF_ID, &id, sizeof(id));
	options->rta_len = (uint16_t)((char *)m + m->header.nlmsg_len - (char *)options);
}

static void a_filter_is_ours_by_handle_priority_and_program(void **state)
{
	static const struct { uint16_t type; uint32_t handle, priority; const char *kind, *name, *ours; } rows[] = {
		{ RTM_NEWTFILTER, XDP_FILTER_HANDLE, XDP_FILTER_PRIORITY, "bpf", "devourer_tc:[77]", "devourer_tc" },
		{ RTM_NEWTFILTER, XDP_FILTER_HANDLE, XDP_FILTER_PRIORITY, "bpf", "devourer_tc_l3:[77]", "devourer_tc_l3" },
		{ RTM_NEWTFILTER, XDP_FILTER_HANDLE, XDP_FILTER_PRIORITY, "bpf", "devourer_of_a_longer_name", "devourer_of_a_l" },
		{ RTM_NEWTFILTER, XDP_FILTER_HANDLE, XDP_FILTER_PRIORITY, "bpf", "other.o:[tc]", NULL },
		{ RTM_NEWTFILTER, XDP_FILTER_HANDLE, XDP_FILTER_PRIORITY, "bpf", "", NULL },
		{ RTM_NEWTFILTER, XDP_FILTER_HANDLE, XDP_FILTER_PRIORITY, "matchall", "devourer_tc:[77]", NULL },
		{ RTM_NEWTFILTER, XDP_FILTER_HANDLE + 1, XDP_FILTER_PRIORITY, "bpf", "devourer_tc:[77]", NULL },
		{ RTM_NEWTFILTER, XDP_FILTER_HANDLE, XDP_FILTER_PRIORITY - 1, "bpf", "devourer_tc:[77]", NULL },
		{ RTM_NEWTFILTER, 0, 0, "bpf", "devourer_tc:[77]", NULL },
		{ RTM_DELTFILTER, XDP_FILTER_HANDLE, XDP_FILTER_PRIORITY, "bpf", "devourer_tc:[77]", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct xdp_ours item = { 0 };
		struct message m;

		make_message(&m, rows[i].type, rows[i].handle, rows[i].priority, rows[i].kind, rows[i].name);
		assert_int_equal(fill_filter(&item, &m.header), rows[i].ours != NULL);
		assert_string_equal(item.name, rows[i].ours ? rows[i].ours : "");
		assert_int_equal(item.id, rows[i].ours ? 77 : 0);
	}
}

static void a_message_that_is_cut_is_nobodys(void **state)
{
	struct message m;
	uint32_t whole;

	(void)state;
	make_message(&m, RTM_NEWTFILTER, XDP_FILTER_HANDLE, XDP_FILTER_PRIORITY, "bpf", "devourer_tc:[77]");
	whole = m.header.nlmsg_len;
	for (uint32_t len = NLMSG_HDRLEN; len < whole; len++) {
		struct xdp_ours item = { 0 };

		m.header.nlmsg_len = len;
		assert_false(fill_filter(&item, &m.header));
	}
}

static void a_link_cannot_be_removed(void **state)
{
	struct xdp_ours item = { .kind = XDP_OURS_LINK, .id = 1 };

	(void)state;
	assert_int_equal(xdp_ours_remove(&item), -EINVAL);
}

static void names_of_others_are_not_ours(void **state)
{
	static const struct { const char *name; bool is_ours; } rows[] = {
		{ "devourer_xdp", true }, { "devourer_", true }, { "devourer", false }, { "xdp_devourer_", false }, { "", false }, { "Devourer_xdp", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(is_our_name(rows[i].name), rows[i].is_ours);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_filter_is_ours_by_handle_priority_and_program),
		cmocka_unit_test(a_message_that_is_cut_is_nobodys),
		cmocka_unit_test(a_link_cannot_be_removed),
		cmocka_unit_test(names_of_others_are_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
