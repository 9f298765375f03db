/* SPDX-License-Identifier: Apache-2.0 */
/* dead_letter.h - records that an output refuses for good, kept in DIR/dead.OUTPUT.jsonl for a person to look at.
 *
 * One line each: {"reason":"…","record":{…}}. After a crash a record may be there twice, with the same id. Mode 0600.
 */
#ifndef DEVOURER_DEAD_LETTER_H
#define DEVOURER_DEAD_LETTER_H
#include <stddef.h>

struct dead_letter;

/* The file is made with the first record. 0 or -errno, logged. */
int dead_letter_open(struct dead_letter **out, const char *dir, const char *output);
void dead_letter_close(struct dead_letter *letters); /* NULL is fine */

/* `line` with or without newline, `reason` any text (escaped here); both lent. Synced before it returns. 0 or -errno, logged. */
int dead_letter_add(struct dead_letter *letters, const char *line, size_t len, const char *reason);
#endif
