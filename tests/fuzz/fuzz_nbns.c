/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_nbns.c - NetBIOS name service messages. */
#include "invariants.h"

static void learn(void *ctx, const struct nbns_name *name)
{
	unsigned *count = ctx;

	must_be_text(name->text, name->len);
	must(name->len > 0 && name->len <= 15 * 4 && name->text[0] != '*');
	must(name->kind <= NBNS_NODE_STATUS && name->has_addr == (name->kind != NBNS_NODE_STATUS));
	must(++*count <= 256);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned count = 0;
	int status = nbns_names(data, size, learn, &count);

	must_be_status(status);
	must(status != DISSECT_OTHER || !count);
	must(status != DISSECT_OK || count);
	return 0;
}
