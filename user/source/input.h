/* SPDX-License-Identifier: Apache-2.0 */
/* input.h - a capture file as a stream of its plain octets: gzip and zstd are recognised by content and unpacked on the way. */
#ifndef DEVOURER_INPUT_H
#define DEVOURER_INPUT_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct input;                                     /* owned by the FILE: fclose() frees it */

/* What to do before a read from anything but a regular file, which may wait for its writer: as source_out.wait in source.h. */
struct input_wait {
	int (*wait)(void *ctx, int fd);           /* NULL: just read */
	void *ctx;
};

/* Open `path` ("-": standard input) for reading. `max_octets` bounds the unpacked octets (0: not bounded).
 * `*out_file` is the caller's to fclose() (libpcap does with its handle), `*out` is lent until then. 0 or -errno (logged). */
int input_open(struct input **out, FILE **out_file, const char *path, uint64_t max_octets, const struct input_wait *wait);

uint64_t input_octets(const struct input *input); /* read so far, as stored */
uint64_t input_total(const struct input *input);  /* the size of a regular file; 0: not known */
const char *input_error(const struct input *input); /* why the stream ended early, or NULL */
bool input_was_stopped(const struct input *input); /* it ended early because the run shall end: no fault */
#endif
