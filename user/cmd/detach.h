/* SPDX-License-Identifier: Apache-2.0 */
/* detach.h - `devourer status` and `devourer detach`: what of ours is attached or pinned, and taking away what nobody uses. */
#ifndef DEVOURER_DETACH_H
#define DEVOURER_DETACH_H

struct options;

/* Each an enum exit_status. status: EXIT_PERMISSION when not all can be seen. detach: when something may not be taken away. */
int status_run(const struct options *options);
int detach_run(const struct options *options);
#endif
