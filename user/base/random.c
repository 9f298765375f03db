/* SPDX-License-Identifier: Apache-2.0 */
/* random.c - getentropy(3), which Linux, macOS and the BSDs share. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#ifdef __APPLE__
#include <sys/random.h>
#endif
#include "log.h"
#include "random.h"

int random_fill(void *out, size_t len)
{
	if (!getentropy(out, len))                /* at most 256 octets */
		return 0;
	log_error("no random octets: %s", strerror(errno));
	return -EIO;
}
