/* SPDX-License-Identifier: Apache-2.0 */
/* lines.h - collects lines, hands them on in large pieces of whole lines, and keeps the books of a sink.
 *
 * A piece that cannot be written is dropped and counted, and the next one tried: the disk may have room by then. The
 * log hears of the first failure and of the first success after it. A reader that went away (EPIPE) is the end.
 */
#ifndef DEVOURER_LINES_H
#define DEVOURER_LINES_H
#include <stddef.h>
#include "sink.h"

struct lines;

/* Take `len` octets of whole lines. `*done` says how many of them got through, whatever the result: all after 0; after
 * -errno some, and where these end inside a line, the rest of that line is given again first. */
typedef int lines_writer(void *ctx, const char *octets, size_t len, size_t *done);

/* A buffer of `size` octets before `write`. `name` is for log lines and is copied. NULL: out of memory. */
struct lines *lines_new(const char *name, size_t size, lines_writer *write, void *ctx);
void lines_free(struct lines *lines);             /* what waits is gone: flush first; NULL is fine */

/* As sink_ops.put and .flush. After an error that is not -EPIPE the line is in the buffer all the same. */
int lines_put(struct lines *lines, const char *line, size_t len);
int lines_flush(struct lines *lines);

size_t lines_waiting_octets(const struct lines *lines);
void lines_stats(const struct lines *lines, struct sink_stats *out);

/* A writer for a descriptor: writes everything, and takes the beginning of a line back when the rest of it cannot
 * follow, if `fd` is a regular file that we stand at the end of. */
int lines_write_fd(int fd, const char *octets, size_t len, size_t *done);
#endif
