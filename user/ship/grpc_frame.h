/* SPDX-License-Identifier: Apache-2.0 */
/* grpc_frame.h - the two sides of a gRPC call as octets and header lines: messages with their length in front, the status behind them. */
#ifndef DEVOURER_GRPC_FRAME_H
#define DEVOURER_GRPC_FRAME_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRPC_FRAME_HEAD 5                         /* compressed flag, and the length in 4 octets, big-endian */

/* ---- the message that is being sent ---- */

struct grpc_sending {
	uint8_t head[GRPC_FRAME_HEAD];
	const uint8_t *octets;                    /* lent */
	size_t len, at;                           /* head included */
	bool is_last;                             /* none will follow */
};

void grpc_send_set(struct grpc_sending *out, const void *octets, size_t len, bool is_last);

/* The next octets, at most `size`; how many, 0 when all are sent. */
size_t grpc_send(struct grpc_sending *out, char *to, size_t size);

/* ---- what is received: one message at a time ---- */

struct grpc_receiving {
	uint8_t head[GRPC_FRAME_HEAD];
	size_t head_len;
	uint8_t *octets;                          /* of the message; never NULL */
	size_t len, wanted, size;
	bool is_whole;
	size_t headers;                           /* octets of all headers */
	bool is_grpc;                             /* by content-type */
	int code;                                 /* grpc-status, -1: none yet */
	char message[256];                        /* grpc-message */
};

/* 0 or -ENOMEM. */
int grpc_receive_init(struct grpc_receiving *in);
void grpc_receive_end(struct grpc_receiving *in); /* also when all is zero */

/* A new call, a new message in it. */
void grpc_receive_call(struct grpc_receiving *in);
void grpc_receive_message(struct grpc_receiving *in);

/* Octets of the body, a header line. NULL, or why the call is to be ended. */
const char *grpc_receive(struct grpc_receiving *in, const void *octets, size_t len);
const char *grpc_receive_line(struct grpc_receiving *in, const char *line, size_t len);
#endif
