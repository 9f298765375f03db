/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_translate.h - from the classic BPF that libpcap makes of an expression to instructions of a kernel program. */
#ifndef DEVOURER_XDP_TRANSLATE_H
#define DEVOURER_XDP_TRANSLATE_H
#include <linux/bpf.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

enum xdp_context { XDP_CONTEXT_XDP, XDP_CONTEXT_SKB }; /* struct xdp_md, struct __sk_buff */

/* Write the body of `int f(ctx)`, which returns not 0 when `classic` takes the frame; `classic` is one that bpf_validate() takes.
 * It reads the frame as pcap_offline_filter() does, also behind the first part that lies in one piece: by calls of a function
 * int64_t (ctx, uint64_t at, uint32_t len) that tells a number or -1 (bpf/filter.h); the caller has to fill in their distance
 * (`imm` of BPF_PSEUDO_CALL). may_be_tagged: a frame may have its tag in the metadata; then only that function reads it.
 * How many instructions, or -EINVAL: `why` (lent, static) says what cannot be done; -ENOMEM. */
int xdp_translate(struct bpf_insn *out, size_t room, const struct sock_filter *classic, size_t count, enum xdp_context context,
		  bool may_be_tagged, const char **why);
#endif
