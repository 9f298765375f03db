/* SPDX-License-Identifier: Apache-2.0 */
/* grpc.h - gRPC over HTTP/2 with libcurl: calls with one answer, and calls that stay open and answer each message with one.
 *
 * After "gRPC over HTTP2" (PROTOCOL-HTTP2 of the gRPC documentation). One call at a time, one message in flight, no compression. Bounded in
 * time, in octets of a message and of headers; a server that says more than it was asked ends the call.
 */
#ifndef DEVOURER_GRPC_H
#define DEVOURER_GRPC_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRPC_MESSAGE_MAX (1u << 20)               /* octets of a message that we take */
#define GRPC_LINES_MAX 3

/* Status codes of the gRPC documentation, those that we ask for by name. */
enum grpc_code {
	GRPC_OK = 0, GRPC_CANCELLED = 1, GRPC_UNKNOWN = 2, GRPC_INVALID_ARGUMENT = 3, GRPC_DEADLINE_EXCEEDED = 4, GRPC_NOT_FOUND = 5,
	GRPC_ALREADY_EXISTS = 6, GRPC_PERMISSION_DENIED = 7, GRPC_RESOURCE_EXHAUSTED = 8, GRPC_FAILED_PRECONDITION = 9, GRPC_ABORTED = 10,
	GRPC_OUT_OF_RANGE = 11, GRPC_UNIMPLEMENTED = 12, GRPC_INTERNAL = 13, GRPC_UNAVAILABLE = 14, GRPC_DATA_LOSS = 15,
	GRPC_UNAUTHENTICATED = 16,
};

struct http;
struct grpc;

struct grpc_options {
	const char *url;                          /* https://HOST[:PORT], or http:// for HTTP/2 without TLS; copied */
	const volatile int *stop;                 /* set: end what is waiting; NULL: none */
	uint64_t (*now_ns)(void);                 /* a clock that does not step */
};

struct grpc_call {
	const char *method;                       /* "google.cloud.bigquery.storage.v1.BigQueryWrite/AppendRows" */
	const char *lines[GRPC_LINES_MAX];        /* "name: value", up to the first NULL */
	const char *bearer;                       /* token; NULL: none */
};

struct grpc_answer {
	int code;                                 /* GRPC_OK: `octets` is the message; else why there is none */
	bool is_of_server;                        /* the code came in grpc-status; else it is ours, by what happened to the connection */
	bool is_stopped;                          /* it is the stop that ended it */
	const uint8_t *octets;                    /* lent until the next call of any function here */
	size_t len;
	char message[256];                        /* grpc-message or our words; from strangers, but without secrets */
};

/* Settings of libcurl are those of http_prepare(http). 0, -ENOMEM, or -EINVAL for a URL that is too long, logged. */
int grpc_new(struct grpc **out, const struct grpc_options *options, struct http *http);
void grpc_free(struct grpc *grpc);                /* before `http`; NULL is fine */

/* Begin a call; one that is open is ended before. Nothing waits: what fails is told by grpc_ask(). 0, -ENOMEM, -EINVAL for a control
 * character in a line, or as http_prepare(). */
int grpc_open(struct grpc *grpc, const struct grpc_call *call);

/* Is there a call, and can a message still be sent? Looks at the connection, does not wait. */
bool grpc_is_open(struct grpc *grpc);

/* Send a message and wait for the next one of the server, at most `timeout_ns`. With any code but GRPC_OK the call has ended, and the server
 * may have done what was asked. What it says when it ends a call that we hold open may be lost (libcurl 7.88 drops what comes together with
 * RST_STREAM) and is GRPC_UNAVAILABLE then, not of the server; grpc_unary() brings it. */
void grpc_ask(struct grpc *grpc, const void *message, size_t len, uint64_t timeout_ns, struct grpc_answer *answer);

/* A whole call: one message each way and then the status, which is GRPC_OK only when all of it was well. */
void grpc_unary(struct grpc *grpc, const struct grpc_call *call, const void *message, size_t len, uint64_t timeout_ns,
		struct grpc_answer *answer);

/* End the call, the connection is kept if it works. */
void grpc_close(struct grpc *grpc);
#endif
