/* SPDX-License-Identifier: Apache-2.0 */
/* keeper.h - the parent of the shippers: starts them, starts them again, passes on when to end. It holds keys that only the environment had. */
#ifndef DEVOURER_KEEPER_H
#define DEVOURER_KEEPER_H
#include <stdbool.h>

struct options;

/* What the meter tells it, an octet each; that the meter has gone is HURRY. */
enum keeper_word { KEEPER_BEGIN = 'b', KEEPER_LAST = 'l', KEEPER_HURRY = 'h' };

/* Runs until all shippers have ended for good. `fd` is the meter's socket, shared with the shippers; -1: there is no meter, all that the
 * spool holds is the last. `is_memory`: removes the spool when the meter has gone without a word. The worst exit status of the shippers. */
int keeper_run(const struct options *options, const char *dir, int fd, bool is_memory);
#endif
