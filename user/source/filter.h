/* SPDX-License-Identifier: Apache-2.0 */
/* filter.h - is a --filter expression one at all, before anything is opened. */
#ifndef DEVOURER_FILTER_H
#define DEVOURER_FILTER_H

/* 0; -EINVAL (logged) when no link type takes `text`. NULL is fine: every packet. */
int filter_check(const char *text);
#endif
