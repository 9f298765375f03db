/* SPDX-License-Identifier: Apache-2.0 */
/* shipper.h - the process of one network output: reads its spool, delivers, acknowledges, until it is told to end. */
#ifndef DEVOURER_SHIPPER_H
#define DEVOURER_SHIPPER_H
#include <stdbool.h>

struct options;

/* What a shipper tells once about its start, an octet each. */
enum shipper_word {
	SHIPPER_READY = 'r',                      /* the destination takes records */
	SHIPPER_AWAY = 'w',                       /* it cannot be reached now; tried on */
	SHIPPER_REFUSED = 'x',                    /* the configuration cannot work, logged; the process ends with EXIT_FAILED */
	SHIPPER_FORBIDDEN = 'p',                  /* a permission is missing, logged; it ends with EXIT_PERMISSION */
};

#define SHIPPER_LAST SIGUSR2                      /* nothing more will come: deliver what there is, then end */
#define SHIPPER_HURRY SIGTERM                     /* the same within --shutdown-timeout; a second one ends it at once */

/* In a process that does nothing else, with SHIPPER_LAST and SHIPPER_HURRY blocked. Words go to `report_fd` (-1: nobody wants them).
 * A parent that has gone counts as SHIPPER_HURRY. After SHIPPER_LAST it gives up when nothing was delivered for --shutdown-timeout
 * while the destination is away. `is_again`: in place of one that died, so a configuration that does not work is tried again later.
 * An exit status: EXIT_DONE, also when records stay in the spool; EXIT_FAILED, EXIT_PERMISSION. */
int shipper_run(const struct options *options, const char *output, const char *dir, int report_fd, bool is_again);
#endif
