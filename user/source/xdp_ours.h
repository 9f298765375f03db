/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_ours.h - what of devourer's is attached or pinned on this host, and how to take away what nobody uses.
 *
 * Ours is a program whose name begins with devourer_; for a clsact filter handle and priority must be ours too. A queueing
 * discipline is never taken away: others may have filters on it.
 */
#ifndef DEVOURER_XDP_OURS_H
#define DEVOURER_XDP_OURS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum xdp_ours_kind { XDP_OURS_LINK, XDP_OURS_FILTER, XDP_OURS_PIN };
enum xdp_ours_hook { XDP_HOOK_NONE, XDP_HOOK_XDP, XDP_HOOK_DISPATCHER, XDP_HOOK_INGRESS, XDP_HOOK_EGRESS };
enum xdp_ours_object { XDP_OBJECT_OTHER, XDP_OBJECT_MAP, XDP_OBJECT_PROGRAM, XDP_OBJECT_LINK };

struct xdp_ours {
	enum xdp_ours_kind kind;
	enum xdp_ours_hook hook;                  /* of a link or filter */
	enum xdp_ours_object object;              /* what a pin holds; of a filter and of a place in a dispatcher the program */
	uint32_t id;                              /* of that object; 0: not known */
	unsigned ifindex;
	char interface[16];                       /* "" in another network namespace, or gone */
	char name[16];                            /* of the program or map */
	char path[192];                           /* of a pin */
	int pid;                                  /* of a process that uses it; 0: none that can be seen */
};

struct xdp_ours_list {
	struct xdp_ours *items;
	size_t count;
	int links;                                /* 0, or -errno: links cannot be listed; -EPERM: only with CAP_SYS_ADMIN */
};

/* All of it; filters of this network namespace only. xdp_ours_free() the list whatever the result. 0 or -errno. */
int xdp_ours_find(struct xdp_ours_list *out);
void xdp_ours_free(struct xdp_ours_list *list);

/* Take away a filter, a pin, or a place in a dispatcher. Another link goes with its last pin and its last process. 0 or -errno. */
int xdp_ours_remove(const struct xdp_ours *item);

/* The folders of our pins, those that are empty. */
void xdp_ours_remove_folders(void);
#endif
