/* SPDX-License-Identifier: Apache-2.0 */
/* names_request.h - questions that wait for their answer: an answer without one is not believed.
 *
 * A question lives for 10 seconds; the one asked longest ago makes room for a new one.
 */
#ifndef DEVOURER_NAMES_REQUEST_H
#define DEVOURER_NAMES_REQUEST_H
#include <netinet/in.h>
#include <stdbool.h>
#include "dissect.h"
#include "names_table.h"

struct requests {
	struct table table;
	uint64_t seed[2];
	uint64_t evicted;                         /* that still waited for their answer */
};

/* Who asked whom, as both the question and its answer show it. */
struct request_path {
	struct in6_addr client, server;           /* server: zeros where any host may answer (LLMNR) */
	uint16_t client_port;
	uint8_t protocol;                         /* 6, 17 */
};

enum request_match { REQUEST_NONE, REQUEST_OPEN, REQUEST_ANSWERED };

/* 0 or -ENOMEM. */
int requests_init(struct requests *requests, struct budget *budget, const uint64_t seed[2], size_t max);
void requests_free(struct requests *requests);

/* false: the same question was open already. */
bool requests_ask(struct requests *requests, const struct request_path *path, const struct dns_head *question,
		  uint64_t now_ns);

/* Which question `answer` echoes, letter case included if there is one, else without case. From now on it is answered. */
enum request_match requests_answer(struct requests *requests, const struct request_path *path,
				   const struct dns_head *answer, uint64_t now_ns);
#endif
