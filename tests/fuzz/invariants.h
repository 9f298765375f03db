/* SPDX-License-Identifier: Apache-2.0 */
/* invariants.h - what holds for every name that a dissector gives, whatever the octets were. */
#ifndef DEVOURER_FUZZ_INVARIANTS_H
#define DEVOURER_FUZZ_INVARIANTS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "../../user/name/dissect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A trap is what the fuzzer reports, also where NDEBUG would silence an assert(). */
static inline void must(bool holds)
{
	if (!holds)
		__builtin_trap();
}

/* Printable ASCII, as long as it says, with a NUL behind it. */
static inline void must_be_text(const char *text, size_t len)
{
	must(len <= NAME_TEXT_MAX && strlen(text) == len);
	for (size_t i = 0; i < len; i++)
		must(text[i] >= 0x21 && text[i] <= 0x7e);
}

static inline void must_be_status(int status)
{
	must(status <= DISSECT_OK && status >= DISSECT_OTHER);
}
#endif
