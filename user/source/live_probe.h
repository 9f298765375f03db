/* SPDX-License-Identifier: Apache-2.0 */
/* live_probe.h - what capture through libpcap needs and finds, without capturing. */
#ifndef DEVOURER_LIVE_PROBE_H
#define DEVOURER_LIVE_PROBE_H
#include <stdbool.h>
#include <stddef.h>

/* As the library names itself. */
const char *live_probe_version(void);

/* May this process open a packet socket, or the device of BPF (bpf(4))? 0 or -errno. Receives nothing. */
int live_probe_open(void);
extern const char live_probe_right[], live_probe_cure[]; /* what that needs, and how to get it */

struct live_device { char name[32]; bool is_up, is_loopback; };

/* The devices that libpcap can open, at most `max`: how many, or -EIO with the reason in `why`. */
int live_probe_devices(struct live_device *out, size_t max, char *why, size_t size);
#endif
