/* SPDX-License-Identifier: Apache-2.0 */
/* input.h - a capture file as a stream of its plain octets: gzip and zstd are recognised by content and unpacked on the way. */
#ifndef DEVOURER_INPUT_H
#define DEVOURER_INPUT_H
#include <stdint.h>
#include <stdio.h>

struct input;                                     /* owned by the FILE: fclose() frees it */

/* Open `path` ("-": standard input) for reading. `max_octets` bounds the unpacked octets (0: not bounded).
 * `*out_file` is the caller's to fclose() (libpcap does with its handle), `*out` is lent until then. 0 or -errno (logged). */
int input_open(struct input **out, FILE **out_file, const char *path, uint64_t max_octets);

uint64_t input_octets(const struct input *input); /* read so far, as stored */
uint64_t input_total(const struct input *input);  /* the size of a regular file; 0: not known */
const char *input_error(const struct input *input); /* why the stream ended early, or NULL */
#endif
