/* SPDX-License-Identifier: Apache-2.0 */
/* blob.h - octets that grow at the end: what frames, messages and files of the test captures are made of.
 *
 * Numbers go in network byte order (`_le` in little-endian). A blob that would overflow ends the program: the
 * captures are constants, so that is a mistake in them.
 */
#ifndef DEVOURER_TESTS_BLOB_H
#define DEVOURER_TESTS_BLOB_H
#include <stddef.h>
#include <stdint.h>

#define BLOB_SIZE 70000

struct blob {
	size_t len;
	uint8_t octets[BLOB_SIZE];
};

/* Say what is wrong on stderr and end the program with status 1. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

uint8_t *blob_add(struct blob *b, size_t len);                  /* `len` zero octets; where they start */
void blob_octets(struct blob *b, const void *octets, size_t len);
void blob_text(struct blob *b, const char *text);               /* without its NUL */
void blob_fill(struct blob *b, uint8_t octet, size_t count);
void blob_8(struct blob *b, unsigned value);
void blob_16(struct blob *b, unsigned value);
void blob_32(struct blob *b, uint32_t value);
void blob_blob(struct blob *b, const struct blob *other);

void blob_mac(struct blob *b, const char *text);                /* "02:00:00:00:00:10" */
void blob_addr4(struct blob *b, const char *text);
void blob_addr6(struct blob *b, const char *text);

/* In place. */
void put_16(uint8_t *at, unsigned value);
void put_32(uint8_t *at, uint32_t value);
unsigned get_16(const uint8_t *at);

/* A length that stands in front of what it counts: open it, add what it counts, close it. */
size_t blob_open_16(struct blob *b);
void blob_close_16(struct blob *b, size_t mark);
size_t blob_open_8(struct blob *b);
void blob_close_8(struct blob *b, size_t mark);
#endif
