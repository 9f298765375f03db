/* SPDX-License-Identifier: Apache-2.0 */
/* printable.c - makes text harmless in place. */
#include "printable.h"

char *printable(char *text)
{
	for (char *at = text; *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	return text;
}
