/* SPDX-License-Identifier: Apache-2.0 */
/* hello.h - which TCP segments may open a stream with a ClientHello: the joint between flow table and names. */
#ifndef DEVOURER_HELLO_H
#define DEVOURER_HELLO_H
#include <stdint.h>
#include "../flow/flow.h"
#include "../name/names.h"

/* Look at one packet of `flow`; the name goes to the end that received it. Nearly always one comparison. */
void hello_look(struct names *names, struct flow *flow, const struct flow_delta *delta, const uint8_t *frame, size_t frame_len);

/* The flow is over: forget what was collected. */
void hello_forget(struct names *names, const struct flow *flow);
#endif
