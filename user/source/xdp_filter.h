/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_filter.h - --filter on the kernel path: the expression becomes instructions of the programs before they are loaded. */
#ifndef DEVOURER_XDP_FILTER_H
#define DEVOURER_XDP_FILTER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Can the kernel programs have this filter? 0; -EINVAL (logged with the reason) or -ENOMEM. NULL is fine: every packet. */
int xdp_filter_check(const char *text);

/* Write it into `object`, the object file as clang made it. fits_l3: also into the program for devices without Ethernet
 * header; else that one must not be loaded. 0, -EINVAL or -ENOMEM as above, or -ENOEXEC (logged): an object without a place for it. */
int xdp_filter_splice(uint8_t *object, size_t len, const char *text, bool *fits_l3);
#endif
