/* SPDX-License-Identifier: Apache-2.0 */
/* progress.c - one line on stderr, drawn over itself. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "../base/time.h"
#include "progress.h"

#define REDRAW_NS (200 * NS_PER_MS)
#define BAR_WIDTH 30

void progress_start(struct progress *progress, uint64_t now_ns)
{
	*progress = (struct progress){ .is_on = isatty(STDERR_FILENO), .start_ns = now_ns };
}

static void put_line(const char *text)
{
	fprintf(stderr, "\r%s\033[K", text);      /* CSI K: clear what is left of a longer line before */
	fflush(stderr);
}

void progress_draw(struct progress *progress, uint64_t octets, uint64_t total, uint64_t packets, uint64_t now_ns)
{
	double seconds = (double)(now_ns - progress->start_ns) / (double)NS_PER_S + 0.001, rate = (double)octets / seconds;
	char text[160], bar[BAR_WIDTH + 1];
	int filled;
	unsigned left_s;

	if (!progress->is_on || now_ns - progress->drawn_ns < REDRAW_NS)
		return;
	progress->drawn_ns = now_ns;
	if (!total || total < octets) {
		snprintf(text, sizeof(text), "%llu packets, %.1f MB, %.1f MB/s", (unsigned long long)packets, (double)octets / 1e6, rate / 1e6);
		put_line(text);
		return;
	}
	filled = (int)((double)BAR_WIDTH * (double)octets / (double)total);
	left_s = (unsigned)((double)(total - octets) / (rate > 1 ? rate : 1));
	memset(bar, '.', BAR_WIDTH);
	memset(bar, '=', (size_t)filled);
	bar[BAR_WIDTH] = 0;
	snprintf(text, sizeof(text), "[%s] %3.0f %%  %llu packets, %.1f MB/s, %u:%02u left", bar, 100.0 * (double)octets / (double)total,
		 (unsigned long long)packets, rate / 1e6, left_s / 60, left_s % 60);
	put_line(text);
}

void progress_clear(struct progress *progress)
{
	if (progress->is_on && progress->drawn_ns)
		put_line("");
}
