/* SPDX-License-Identifier: Apache-2.0 */
/* interfaces.h - `devourer interfaces`: what can be captured, and how. */
#ifndef DEVOURER_INTERFACES_H
#define DEVOURER_INTERFACES_H

struct options;

/* Prints a table, or JSON. An enum exit_status. */
int interfaces_run(const struct options *options);
#endif
