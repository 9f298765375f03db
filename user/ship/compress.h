/* SPDX-License-Identifier: Apache-2.0 */
/* compress.h - pieces of a file to zstd (RFC 8878), each flushed, so that what is on disk can always be read.
 *
 * One frame goes on from piece to piece. When a piece could not be written, the frame is ended where it stood, with
 * three octets in front of the next piece, and a new frame begins.
 */
#ifndef DEVOURER_COMPRESS_H
#define DEVOURER_COMPRESS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct compress;

struct compress *compress_new(void);              /* NULL: out of memory */
void compress_free(struct compress *c);           /* NULL is fine */

/* The octets to write for `len` octets of input; `*out` is lent until the next call. 0, or -ENOMEM and then the frame
 * stands where it did. */
int compress_piece(struct compress *c, const char *octets, size_t len, const char **out, size_t *out_len);

/* The octets that end the frame; none when no frame is open. 0 or -ENOMEM. */
int compress_end(struct compress *c, const char **out, size_t *out_len);

/* What the last call gave is not in the file. */
void compress_undo(struct compress *c);

/* The file is another one, so nothing is open there. */
void compress_restart(struct compress *c);

/* Is the file of `size` octets a row of whole frames, so that another one may follow? */
bool compress_is_whole(int fd, uint64_t size);
#endif
