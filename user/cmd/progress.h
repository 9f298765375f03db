/* SPDX-License-Identifier: Apache-2.0 */
/* progress.h - how far the reading of files has come, for the person at a terminal. */
#ifndef DEVOURER_PROGRESS_H
#define DEVOURER_PROGRESS_H
#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool is_on;                               /* stderr is a terminal */
	uint64_t start_ns, drawn_ns;              /* monotonic */
};

void progress_start(struct progress *progress, uint64_t now_ns);

/* Draw the bar anew, at most five times a second. `total` 0: not known, so no share and no remaining time. */
void progress_draw(struct progress *progress, uint64_t octets, uint64_t total, uint64_t packets, uint64_t now_ns);
void progress_clear(struct progress *progress);   /* before another line goes to the terminal */
#endif
