/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_ours_holders.h - which processes hold BPF objects, as /proc tells. */
#ifndef DEVOURER_XDP_OURS_HOLDERS_H
#define DEVOURER_XDP_OURS_HOLDERS_H
#include "xdp_ours.h"

/* What the descriptor `fd` of process `pid` is, by its link in /proc. */
enum xdp_ours_object xdp_ours_object_of(int pid, int fd);

/* Fills in `pid` of each item that another process holds. Of processes that may not be looked into nothing is known. */
void xdp_ours_find_holders(struct xdp_ours_list *list);
#endif
