/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_dhcp4.c - DHCPv4 messages. */
#include "invariants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dhcp4 out;
	int status;

	memset(&out, 0xff, sizeof(out));          /* nothing of an earlier message may show */
	status = dhcp4_parse(data, size, &out);
	must_be_status(status);
	must_be_text(out.hostname, out.hostname_len);
	must_be_text(out.fqdn, out.fqdn_len);
	must(status != DISSECT_OTHER || (!out.hostname_len && !out.fqdn_len && !out.type));
	must(size >= 240 || status == DISSECT_SHORT);
	return 0;
}
