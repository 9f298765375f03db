/* SPDX-License-Identifier: Apache-2.0 */
/* http.c - requests by one libcurl handle that keeps its connections, and what became of each. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <curl/curl.h>
#include <openssl/crypto.h>
#include "../base/log.h"
#include "../base/time.h"
#include "http.h"
#include "http_ca.h"
#include "http_gzip.h"
#include "http_header.h"

#if defined(LIBCURL_VERSION_NUM) && LIBCURL_VERSION_NUM < 0x075000
#error "libcurl 7.80 or newer is needed: CURLOPT_PREREQFUNCTION tells whether a request was sent"
#endif

struct http {
	CURL *curl;
	char *proxy;                              /* NULL: as the environment says */
	struct curl_blob ca;                      /* .data NULL: libcurl's own default */
	uint64_t connect_timeout_ns, timeout_ns;
	const volatile int *stop;                 /* NULL: not watched */
	struct http_stats stats;

	struct http_gzip gzip;

	char *body;                               /* of the last answer; room for HTTP_ANSWER_MAX octets and a NUL */
	size_t len;
	struct http_answer *answer;               /* the rest is about the running request */
	size_t headers_len;                       /* of all header lines that came, of a proxy's CONNECT too */
	uint64_t retry_at_s;                      /* Retry-After when it is a date */
	bool is_begun;                            /* libcurl was about to send, so the server may have seen it */
	bool may_repeat, is_repeat;               /* send it again, when libcurl would; it would have */
	char error[CURL_ERROR_SIZE];
};

static const struct {
	CURLoption option;
	long value;
} settings[] = {
	{ CURLOPT_NOSIGNAL, 1 },
	{ CURLOPT_TCP_KEEPALIVE, 1 },
	{ CURLOPT_FOLLOWLOCATION, 0 },
	{ CURLOPT_LOW_SPEED_LIMIT, 10 },                  /* octets per second … */
	{ CURLOPT_LOW_SPEED_TIME, 30 },                   /* … for this long: given up */
	{ CURLOPT_SSL_VERIFYPEER, 1 },
	{ CURLOPT_SSL_VERIFYHOST, 2 },
	{ CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },  /* or newer */
	{ CURLOPT_PROXY_SSL_VERIFYPEER, 1 },
	{ CURLOPT_PROXY_SSL_VERIFYHOST, 2 },
	{ CURLOPT_PROXY_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
	{ CURLOPT_HEADEROPT, CURLHEADER_SEPARATE },       /* our lines, so the token too, are not for the proxy */
	{ CURLOPT_NOPROGRESS, 0 },
#if LIBCURL_VERSION_NUM >= 0x075700
	{ CURLOPT_QUICK_EXIT, 1 },                        /* do not wait for a resolver that hangs */
#endif
};

static long milliseconds(uint64_t ns)
{
	uint64_t ms = (ns + NS_PER_MS - 1) / NS_PER_MS;

	return ms < INT_MAX ? (long)ms : INT_MAX;
}

static int on_progress(void *ctx, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
	const struct http *http = ctx;

	(void)total, (void)now, (void)up_total, (void)up_now;
	return http->stop && *http->stop;
}

static CURLcode prepare_tls(struct http *http, CURL *curl)
{
	CURLcode code;

	if (!http->ca.data)
		return CURLE_OK;
	code = curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &http->ca);
	return code ? code : curl_easy_setopt(curl, CURLOPT_PROXY_CAINFO_BLOB, &http->ca);
}

static CURLcode prepare(struct http *http, CURL *curl)
{
	CURLcode code = CURLE_OK;

	for (size_t i = 0; !code && i < sizeof(settings) / sizeof(settings[0]); i++)
		code = curl_easy_setopt(curl, settings[i].option, settings[i].value);
#if LIBCURL_VERSION_NUM >= 0x075500
	code = code ? code : curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	code = code ? code : curl_easy_setopt(curl, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	code = code ? code : curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(http->connect_timeout_ns));
	code = code ? code : curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, milliseconds(http->timeout_ns));
	code = code ? code : curl_easy_setopt(curl, CURLOPT_USERAGENT, "devourer/" DEVOURER_VERSION);
	code = code ? code : curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	code = code ? code : curl_easy_setopt(curl, CURLOPT_XFERINFODATA, http);
	code = code ? code : prepare_tls(http, curl);
	if (!code && http->proxy)
		code = curl_easy_setopt(curl, CURLOPT_PROXY, http->proxy);
	return code;
}

int http_prepare(struct http *http, void *curl)
{
	CURLcode code = prepare(http, curl);

	if (!code)
		return 0;
	log_error("libcurl %s: %s", curl_version(), curl_easy_strerror(code));
	return -ENOTSUP;
}

static int read_options(struct http *http, const struct http_options *options)
{
	char *pem;
	int err;

	http->connect_timeout_ns = options->connect_timeout_ns;
	http->timeout_ns = options->timeout_ns;
	http->proxy = options->proxy ? strdup(options->proxy) : NULL;
	if (options->proxy && !http->proxy)
		return -ENOMEM;
	if (!options->ca_file)
		return 0;
	err = http_ca_read(&pem, &http->ca.len, options->ca_file);
	if (err)
		return err;
	http->ca.data = pem;
	http->ca.flags = CURL_BLOB_NOCOPY;
	return 0;
}

int http_new(struct http **out, const struct http_options *options)
{
	struct http *http = calloc(1, sizeof(*http));
	int err = -ENOMEM;

	if (!http || curl_global_init(CURL_GLOBAL_DEFAULT)) {
		free(http);
		return err;
	}
	http->curl = curl_easy_init();
	http->body = malloc(HTTP_ANSWER_MAX + 1);         /* the system gives no memory for what is never touched */
	if (!http->curl || !http->body)
		goto fail;
	err = read_options(http, options);
	if (!err)
		err = http_prepare(http, http->curl);
	if (err)
		goto fail;
	http->body[0] = '\0';
	*out = http;
	return 0;
fail:
	http_free(http);
	return err;
}

/* It may have been a token. */
static void forget_body(struct http *http)
{
	OPENSSL_cleanse(http->body, http->len);
	http->len = 0;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	curl_easy_cleanup(http->curl);
	forget_body(http);
	free(http->body);
	http_gzip_end(&http->gzip);
	free(http->ca.data);
	if (http->proxy)
		OPENSSL_cleanse(http->proxy, strlen(http->proxy)); /* it may hold a password */
	free(http->proxy);
	free(http);
	curl_global_cleanup();
}

void http_watch(struct http *http, const volatile int *stop)
{
	http->stop = stop;
}

void http_stats(const struct http *http, struct http_stats *out)
{
	*out = http->stats;
}

/* Called before each sending. libcurl sends again when a kept connection ended before any octet of an answer, which tells nothing
 * about what the server did with the request. */
static int on_begin(void *ctx, char *to, char *from, int to_port, int from_port)
{
	struct http *http = ctx;

	(void)to, (void)from, (void)to_port, (void)from_port;
	http->is_repeat = http->is_begun && !http->may_repeat;
	http->is_begun = true;
	return http->is_repeat ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static size_t on_body(char *octets, size_t size, size_t count, void *ctx)
{
	struct http *http = ctx;
	size_t len = size * count, room = HTTP_ANSWER_MAX - http->len;
	size_t taken = len < room ? len : room;

	memcpy(http->body + http->len, octets, taken);
	http->len += taken;
	http->answer->is_cut = taken < len;
	return taken;                             /* less than `len` ends the request */
}

static size_t on_header(char *line, size_t size, size_t count, void *ctx)
{
	struct http *http = ctx;
	size_t len = size * count;

	http->headers_len += len;
	if (http->headers_len > HTTP_HEADERS_MAX)
		return 0;                         /* ends the request */
	http_header_read(http->answer, &http->retry_at_s, line, len);
	return len;
}

/* A control character would end the line, and begin one that somebody else wrote. */
static CURLcode add_line(struct curl_slist **lines, const char *line)
{
	struct curl_slist *longer;

	for (const char *p = line; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return CURLE_BAD_FUNCTION_ARGUMENT;
	longer = curl_slist_append(*lines, line);
	if (!longer)
		return CURLE_OUT_OF_MEMORY;
	*lines = longer;
	return CURLE_OK;
}

static CURLcode add_bearer(struct curl_slist **lines, const char *token)
{
	static const char start[] = "Authorization: Bearer ";
	size_t size = sizeof(start) + strlen(token);
	char *line = malloc(size);
	CURLcode code;

	if (!line)
		return CURLE_OUT_OF_MEMORY;
	snprintf(line, size, "%s%s", start, token);
	code = add_line(lines, line);
	OPENSSL_cleanse(line, size);
	free(line);
	return code;
}

/* "Expect:" is taken out of the request: a server that never says 100 Continue would cost a second. */
static CURLcode make_lines(struct curl_slist **lines, const struct http_request *request)
{
	CURLcode code = add_line(lines, "Expect:");

	for (size_t i = 0; !code && i < HTTP_LINES_MAX && request->lines[i]; i++)
		code = add_line(lines, request->lines[i]);
	if (!code && request->is_gzip)
		code = add_line(lines, "Content-Encoding: gzip");
	if (!code && request->bearer)
		code = add_bearer(lines, request->bearer);
	return code;
}

static void free_lines(struct curl_slist *lines)
{
	for (struct curl_slist *line = lines; line; line = line->next)
		OPENSSL_cleanse(line->data, strlen(line->data));
	curl_slist_free_all(lines);
}

/* POSTFIELDS is lent to libcurl, which can so send it again on a new connection. */
static CURLcode set_body(struct http *http, const struct http_request *request)
{
	const void *body = request->body ? request->body : "";
	size_t len = request->body ? request->len : 0;
	CURLcode code = CURLE_OK;

	if (request->is_gzip && http_gzip(&http->gzip, &body, &len))
		code = CURLE_OUT_OF_MEMORY;
	code = code ? code : curl_easy_setopt(http->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
	code = code ? code : curl_easy_setopt(http->curl, CURLOPT_POSTFIELDS, body);
	return code ? code : curl_easy_setopt(http->curl, CURLOPT_CUSTOMREQUEST, request->method);
}

/* curl(1) takes http_proxy in lower case only, since a web server gives its programs HTTP_PROXY from a request's header; we are
 * none of those. */
static CURLcode set_proxy(struct http *http, const struct http_request *request)
{
	const char *proxy = getenv("HTTP_PROXY");

	if (request->is_direct)
		return curl_easy_setopt(http->curl, CURLOPT_PROXY, "");
	if (http->proxy || strncasecmp(request->url, "http://", 7) != 0 || getenv("http_proxy") || !proxy)
		return CURLE_OK;
	return curl_easy_setopt(http->curl, CURLOPT_PROXY, proxy);
}

static CURLcode set_callbacks(struct http *http)
{
	CURLcode code = curl_easy_setopt(http->curl, CURLOPT_ERRORBUFFER, http->error);

	code = code ? code : curl_easy_setopt(http->curl, CURLOPT_PREREQFUNCTION, on_begin);
	code = code ? code : curl_easy_setopt(http->curl, CURLOPT_PREREQDATA, http);
	code = code ? code : curl_easy_setopt(http->curl, CURLOPT_WRITEFUNCTION, on_body);
	code = code ? code : curl_easy_setopt(http->curl, CURLOPT_WRITEDATA, http);
	code = code ? code : curl_easy_setopt(http->curl, CURLOPT_HEADERFUNCTION, on_header);
	return code ? code : curl_easy_setopt(http->curl, CURLOPT_HEADERDATA, http);
}

static CURLcode set_up(struct http *http, const struct http_request *request, struct curl_slist **lines)
{
	CURLcode code = prepare(http, http->curl);

	code = code ? code : set_callbacks(http);
	code = code ? code : set_proxy(http, request);
	code = code ? code : make_lines(lines, request);
	code = code ? code : curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, *lines);
	code = code ? code : curl_easy_setopt(http->curl, CURLOPT_URL, request->url);
	if (!code && request->timeout_ns)
		code = curl_easy_setopt(http->curl, CURLOPT_TIMEOUT_MS, milliseconds(request->timeout_ns));
	if (!code && (request->body || strcmp(request->method, "GET") != 0))
		code = set_body(http, request);
	return code;
}

/* Another try with the same settings ends the same way. */
static bool is_lasting(CURLcode code, long proxy_status)
{
	switch (code) {
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
	case CURLE_NOT_BUILT_IN:
	case CURLE_UNKNOWN_OPTION:
	case CURLE_BAD_FUNCTION_ARGUMENT:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return true;
	default:
		/* 408 and 429 ask for another try. */
		return proxy_status / 100 == 4 && proxy_status != 408 && proxy_status != 429;
	}
}

static enum http_fate find_fate(const struct http *http, CURLcode code)
{
	if (code == CURLE_OK)
		return HTTP_ANSWERED;
	if (code == CURLE_ABORTED_BY_CALLBACK && http->stop && *http->stop)
		return HTTP_STOPPED;
	return http->is_begun ? HTTP_LOST : HTTP_NOT_SENT;
}

static void explain(const struct http *http, CURLcode code)
{
	struct http_answer *answer = http->answer;
	const char *why = http->error[0] ? http->error : curl_easy_strerror(code);
	char text[64];

	if (answer->is_cut)
		snprintf(text, sizeof(text), "the answer is longer than %u octets", HTTP_ANSWER_MAX);
	else if (http->headers_len > HTTP_HEADERS_MAX)
		snprintf(text, sizeof(text), "the headers are longer than %u octets", HTTP_HEADERS_MAX);
	else if (http->is_repeat)
		snprintf(text, sizeof(text), "the connection ended before an answer");
	else
		text[0] = '\0';
	snprintf(answer->why, sizeof(answer->why), "%s", *text ? text : why);
}

/* A 407 to a request without CONNECT is the proxy's too: no server asks for Proxy-Authorization (RFC 9110 15.5.8). */
static void conclude(struct http *http, CURLcode code)
{
	struct http_answer *answer = http->answer;
	long status = 0, proxy_status = 0;
	curl_off_t sent = 0;

	curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(http->curl, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
	curl_easy_getinfo(http->curl, CURLINFO_SIZE_UPLOAD_T, &sent);
	answer->fate = find_fate(http, code);
	if (answer->fate == HTTP_ANSWERED && status == 407) {
		answer->fate = HTTP_NOT_SENT;
		proxy_status = status;
		snprintf(http->error, sizeof(http->error), "the proxy wants a user and a password (407)");
	}
	answer->is_refused = answer->fate == HTTP_NOT_SENT && is_lasting(code, proxy_status);
	answer->status = http->is_begun && answer->fate != HTTP_NOT_SENT ? (int)status : 0;
	answer->len = http->len;
	http->body[http->len] = '\0';
	if (http->retry_at_s && answer->date_s && http->retry_at_s > answer->date_s)
		answer->retry_after_s = (uint32_t)(http->retry_at_s - answer->date_s);
	if (answer->fate != HTTP_ANSWERED)
		explain(http, code);
	http->stats.octets_sent += (uint64_t)sent;
}

static void count(struct http_stats *stats, const struct http_answer *answer)
{
	stats->requests++;
	if (answer->fate == HTTP_ANSWERED)
		stats->by_class[answer->status / 100 < 6 ? answer->status / 100 : 0]++;
	else if (answer->fate == HTTP_NOT_SENT)
		stats->not_sent++;
	else if (answer->fate == HTTP_LOST)
		stats->lost++;
}

/* Neither a password before the host nor the query is for a log. */
static void log_request(const struct http *http, const struct http_request *request)
{
	const struct http_answer *answer = http->answer;
	const char *host = strstr(request->url, "://");
	curl_off_t us = 0;
	const char *at;

	host = host ? host + 3 : request->url;
	while ((at = memchr(host, '@', strcspn(host, "/?#"))))
		host = at + 1;
	curl_easy_getinfo(http->curl, CURLINFO_TOTAL_TIME_T, &us);
	log_debug("http: %s %.*s: %d %s, %zu octets in %lld ms", request->method, (int)strcspn(host, "?#"), host, answer->status,
		  answer->why, answer->len, (long long)us / 1000);
}

void http_do(struct http *http, const struct http_request *request, struct http_answer *answer)
{
	struct curl_slist *lines = NULL;
	CURLcode code = CURLE_ABORTED_BY_CALLBACK;

	memset(answer, 0, sizeof(*answer));
	forget_body(http);
	answer->body = http->body;
	http->answer = answer;
	http->headers_len = 0;
	http->retry_at_s = 0;
	http->is_begun = http->is_repeat = false;
	http->may_repeat = request->is_idempotent || !strcmp(request->method, "GET");
	http->error[0] = '\0';
	if (!http->stop || !*http->stop)
		code = set_up(http, request, &lines);
	if (!code)
		code = curl_easy_perform(http->curl);
	conclude(http, code);
	count(&http->stats, answer);
	log_request(http, request);
	curl_easy_reset(http->curl);              /* keeps connections, forgets everything lent */
	free_lines(lines);
	http->answer = NULL;
}

int http_escape(char *out, size_t size, const char *text)
{
	static const char hex[] = "0123456789ABCDEF";
	static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"; /* RFC 3986 2.3 */

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		size_t len = strchr(unreserved, c) ? 1 : 3;

		if (size <= len)
			return -ENOSPC;
		out[0] = (char)(len == 1 ? c : '%');
		if (len == 3) {
			out[1] = hex[c >> 4];
			out[2] = hex[c & 15];
		}
		out += len;
		size -= len;
	}
	if (!size)
		return -ENOSPC;
	*out = '\0';
	return 0;
}
