/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_device.h - what an interface is and has, asked without attaching anything, and which way it will be captured. */
#ifndef DEVOURER_XDP_DEVICE_H
#define DEVOURER_XDP_DEVICE_H
#include "xdp.h"

/* An XDP program needs a whole frame in one page when the driver does not take fragments: 4096 octets less headroom and tail. */
#define XDP_MTU_MAX 3498

enum xdp_device_offload { OFFLOAD_GRO = 1, OFFLOAD_LRO = 2, OFFLOAD_GSO = 4, OFFLOAD_TSO = 8 };

struct xdp_device {
	unsigned index;
	char name[16];
	char type[20];                            /* veth, tun, bridge, …; ether, loopback, ppp, none where it has no kind */
	char driver[32];                          /* "": not known */
	bool is_up, is_l3, is_loopback;           /* is_l3: no Ethernet header */
	uint32_t mtu;
	uint32_t xdp_program;                     /* id of one that is attached; 0: none */
	bool is_shared;                           /* it is a dispatcher of libxdp that ours can join */
	bool tells_features;                      /* a kernel from 6.3 on */
	bool has_xdp, has_fragments;              /* native XDP; also for frames of several pages */
	bool has_tcx;                             /* the kernel */
	unsigned offloads;                        /* enum xdp_device_offload; 0 too where they cannot be asked */
};

/* Needs no capability; without CAP_SYS_ADMIN `is_shared` stays false, as joining needs it too. 0 or -errno: -ENODEV when it is gone. */
int xdp_device_read(struct xdp_device *out, unsigned index);

/* The name of a loaded program; "" when it cannot be told, which takes CAP_SYS_ADMIN. */
void xdp_device_program_name(uint32_t id, char out[16]);

/* Why native XDP is not for this device: a half sentence. false: nothing speaks against it. */
bool xdp_device_refuses(const struct xdp_device *d, char *why, size_t size);

struct xdp_plan {
	enum xdp_mode ingress, egress;            /* ingress NONE: it cannot be captured as wished; egress NONE: it need not be */
	bool is_second_best;                      /* not what the wish would have liked best; the cure, if any, is in `cure` */
	char why[160], cure[160];
};

/* What xdp_attach() will do with `wish`: auto, native, generic, off. */
void xdp_device_plan(const struct xdp_device *d, const char *wish, struct xdp_plan *out);
#endif
