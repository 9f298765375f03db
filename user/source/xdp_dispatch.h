/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_dispatch.h - a place beside other XDP programs in the dispatcher that libxdp has put on an interface.
 *
 * The dispatcher is one XDP program that calls several; libxdp makes a new one with all of them whenever one comes or goes, and
 * keeps their pins in the BPF file system. All that needs CAP_SYS_ADMIN, also when ours leaves. Our program is called first, so
 * it counts what another drops or changes.
 */
#ifndef DEVOURER_XDP_DISPATCH_H
#define DEVOURER_XDP_DISPATCH_H

struct bpf_object;
struct xdp_dispatch;

/* Join the dispatcher on the interface with the program `program` of `object`, which is opened, but not loaded; takes `object`.
 * 0, or -errno, logged with the reason: then the interface is as it was. */
int xdp_dispatch_join(struct xdp_dispatch **out, struct bpf_object *object, const char *program, const char *name, unsigned ifindex);

/* Take our program out; the others stay. NULL is fine. */
void xdp_dispatch_leave(struct xdp_dispatch *dispatch);

/* Take out what killed runs left in the dispatcher on the interface: unlike a link of ours it outlives its process. Joining
 * does this first. How many were taken out, or -errno, logged. */
int xdp_dispatch_clean(const char *program, const char *name, unsigned ifindex);
#endif
