/* SPDX-License-Identifier: Apache-2.0 */
/* printable.h - text from outside, for a terminal and for JSON. */
#ifndef DEVOURER_PRINTABLE_H
#define DEVOURER_PRINTABLE_H

/* Puts ? for each octet of `text` that is not printable ASCII: an interface's name may have any but / and blanks. Returns `text`. */
char *printable(char *text);
#endif
