/* SPDX-License-Identifier: Apache-2.0 */
/* http.h - one request, one answer, over libcurl: bounded in time and size, TLS always verified, redirects never followed.
 *
 * SIGPIPE must be ignored by the program. Bodies, tokens and what stands after `?` in a URL are never logged.
 */
#ifndef DEVOURER_HTTP_H
#define DEVOURER_HTTP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_ANSWER_MAX (1u << 20)                /* octets of a body; more is cut off and is_cut */
#define HTTP_HEADERS_MAX (64u << 10)              /* octets of all headers together; more ends the request */
#define HTTP_LINES_MAX 12                         /* header lines of a request */

struct http_options {
	const char *ca_file;                      /* PEM, besides the system's; NULL: none */
	const char *proxy;                        /* NULL: HTTPS_PROXY, HTTP_PROXY, as curl(1) has them; NO_PROXY counts in any case */
	uint64_t connect_timeout_ns, timeout_ns;  /* of one request */
};

struct http_request {
	const char *method;                       /* "GET", "POST", "PUT", "PATCH" */
	const char *url;                          /* http:// or https:// */
	const char *lines[HTTP_LINES_MAX];        /* "Name: value", up to the first NULL; a body without Content-Type is a form */
	const char *bearer;                       /* token; never logged; NULL: none */
	const void *body;                         /* lent */
	size_t len;
	bool is_gzip;                             /* compress the body, Content-Encoding: gzip */
	bool is_direct;                           /* past every proxy: the metadata server */
	bool is_idempotent;                       /* a repeat does no harm and need not be counted: when a kept connection ends
						   * without an answer, libcurl may send it again; GET always may */
	uint64_t timeout_ns;                      /* 0: that of the options */
};

/* How far a request came, when there is no whole answer. */
enum http_fate {
	HTTP_ANSWERED,                            /* status and body are whole, as far as the server gave a length */
	HTTP_NOT_SENT,                            /* no name, no connection, TLS refused, proxy refused: the server saw nothing */
	HTTP_LOST,                                /* sent, but the answer is missing, cut, late or too long: nobody knows */
	HTTP_STOPPED,                             /* http_stop() */
};

struct http_answer {
	enum http_fate fate;
	bool is_refused;                          /* NOT_SENT for a reason that waiting does not mend: TLS certificate, bad URL, proxy 4xx */
	bool is_cut;                              /* the body was longer than HTTP_ANSWER_MAX: HTTP_LOST */
	int status;                               /* 0: none; also of an answer that was cut */
	char *body;                               /* NUL-terminated; owned by `http` until the next request */
	size_t len;
	uint64_t date_s;                          /* of the Date header, 0: none */
	uint32_t retry_after_s;                   /* 0: none; a date is turned into seconds by the Date header */
	char range[64], location[1024];           /* Range, Location; "" when missing or longer */
	char why[256];                            /* of libcurl, without secrets; "" when answered */
};

struct http;

/* 0 or -errno, logged: -EINVAL for a CA file without a certificate. One connection pool; not for several threads. */
int http_new(struct http **out, const struct http_options *options);
void http_free(struct http *http);                /* NULL is fine */

/* Ask and wait. `answer` is filled in every case. A redirect is an answer like any other. */
void http_do(struct http *http, const struct http_request *request, struct http_answer *answer);

/* `*stop` is set by a signal handler: ends the running request and all that follow at once (HTTP_STOPPED). It lives as long as `http`. */
void http_watch(struct http *http, const volatile int *stop);

/* The common settings (TLS, CA, proxy, timeouts, no redirects, http_watch) for a CURL * of its own, for the one user of streams.
 * It is cleaned up before `http`. 0 or -ENOTSUP, logged: this libcurl lacks one of them. */
int http_prepare(struct http *http, void *curl);

/* Numbers for the metrics: requests by class of answer. */
struct http_stats { uint64_t requests, by_class[6], not_sent, lost, octets_sent; }; /* octets of bodies, as sent */
void http_stats(const struct http *http, struct http_stats *out);

/* application/x-www-form-urlencoded and path escaping (RFC 3986 2.1) of `text` into `out`; -ENOSPC when it has no room. */
int http_escape(char *out, size_t size, const char *text);
#endif
