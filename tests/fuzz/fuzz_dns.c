/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_dns.c - DNS, mDNS and LLMNR messages; the first octet chooses which. */
#include "invariants.h"

struct told { const struct dns_head *head; bool is_dns; unsigned count; };

static void learn(void *ctx, const struct dns_name *name)
{
	struct told *told = ctx;

	must_be_text(name->text, name->len);
	must(name->len > 0 && name->ttl_s <= INT32_MAX && name->fact <= DNS_FACT_PTR);
	must(!told->is_dns || name->fact == DNS_FACT_PTR || name->text == told->head->question);
	must(++told->count <= 256);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int (*const answers[])(const uint8_t *, size_t, const struct dns_head *, dns_learn_fn *, void *) = {
		dns_answers, mdns_answers, llmnr_answers,
	};
	struct told told = { .count = 0 };
	struct dns_head head;
	int status;

	if (!size)
		return 0;
	status = dns_head(data + 1, size - 1, &head);
	must_be_status(status);
	must_be_text(head.question, head.question_len);
	must(head.answers_at <= size - 1 && (head.question_hash || !head.question_len));
	if (status)
		return 0;
	told.head = &head;
	told.is_dns = data[0] % 3 == 0;
	must_be_status(answers[data[0] % 3](data + 1, size - 1, &head, learn, &told));
	return 0;
}
