/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_dhcp6.c - DHCPv6 messages, relayed or not. */
#include "invariants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dhcp6 out;
	int status;

	memset(&out, 0xff, sizeof(out));          /* nothing of an earlier message may show */
	status = dhcp6_parse(data, size, &out);
	must_be_status(status);
	must_be_text(out.fqdn, out.fqdn_len);
	must(out.type <= 11 && out.xid <= 0xffffff);
	must(out.duid_len <= DHCP6_DUID_MAX && out.addr_count <= DHCP6_ADDRS_MAX);
	must(!out.has_mac || !memcmp(out.mac, out.duid + out.duid_len - sizeof(out.mac), sizeof(out.mac)));
	must(status != DISSECT_OTHER || !out.type);
	return 0;
}
