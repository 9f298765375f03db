/* SPDX-License-Identifier: Apache-2.0 */
/* crew.h - the processes that ship: a keeper, and under it one shipper for each network output, which it starts again when it dies.
 *
 * The keeper is made before anything else is opened, so that it and its shippers have no descriptor of the meter, and the meter
 * has none of their keys: it forgets them at once.
 */
#ifndef DEVOURER_CREW_H
#define DEVOURER_CREW_H
#include <stdbool.h>
#include <stdint.h>

struct options;
struct crew;

/* Fork the keeper for the network outputs of `options`. Then overwrites the key data in `options`. `dir` is the spool's, and copied;
 * `is_memory`: the keeper removes it when this process has died. 0 or -errno, logged. */
int crew_new(struct crew **out, const struct options *options, const char *dir, bool is_memory);

/* The spool is there: ship. Waits until each output has found its destination or found it away, at most three seconds. 0;
 * -EINVAL, -EACCES: an output cannot work, logged. */
int crew_start(struct crew *crew);

/* About once a second: a keeper that has died is made again. */
void crew_look(struct crew *crew);

/* Nothing more will come. Waits until all is delivered, or given up (shipper.h); `hurry`: within --shutdown-timeout. NULL is fine. */
void crew_end(struct crew *crew, bool hurry);
void crew_free(struct crew *crew);                /* NULL is fine */

/* The keeper's work in this process, for a spool that nobody writes to: deliver all of it, SIGINT and SIGTERM hurry. An exit status. */
int crew_run(const struct options *options, const char *dir);

/* Is there an output that goes over the network? */
bool crew_is_needed(const struct options *options);
#endif
