/* SPDX-License-Identifier: Apache-2.0 */
/* ship.h - `devourer ship` delivers what a spool holds, without capturing; `devourer spool` shows what it holds. */
#ifndef DEVOURER_CMD_SHIP_H
#define DEVOURER_CMD_SHIP_H

struct options;

int ship_run(const struct options *options);      /* an exit status; EXIT_FAILED also when records are left */
int spool_run(const struct options *options);
#endif
