/* SPDX-License-Identifier: Apache-2.0 */
/* capture.h - `devourer capture`: records of interfaces or capture files. */
#ifndef DEVOURER_CAPTURE_H
#define DEVOURER_CAPTURE_H

struct options;

/* Runs until the input ends or a signal says so. An enum exit_status. */
int capture_run(const struct options *options);
#endif
