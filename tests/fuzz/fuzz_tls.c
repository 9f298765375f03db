/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_tls.c - TLS streams. A prefix of a stream may be short where the whole is not, but it tells no other name. */
#include "invariants.h"

static int hello(const uint8_t *data, size_t size, struct tls_hello *out)
{
	int status;

	memset(out, 0xff, sizeof(*out));          /* nothing of an earlier stream may show */
	status = tls_client_hello(data, size, out);
	must_be_status(status);
	must_be_text(out->sni, out->sni_len);
	for (size_t i = 0; i < out->sni_len; i++)
		must(out->sni[i] < 'A' || out->sni[i] > 'Z');
	must(status != DISSECT_OTHER || (!out->sni_len && !out->has_ech));
	return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tls_hello whole, part;
	int status = hello(data, size, &whole);
	int part_status = hello(data, size / 2, &part);

	must(part_status == DISSECT_SHORT || part_status == status);
	must(!part.sni_len || !strcmp(part.sni, whole.sni));
	must(!part.has_ech || whole.has_ech);
	return 0;
}
