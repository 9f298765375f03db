/* SPDX-License-Identifier: Apache-2.0 */
/* grpc.c - one libcurl transfer that is read and written piece by piece: frames, trailers, a read callback that pauses. */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/select.h>
#include <curl/curl.h>
#include <openssl/crypto.h>
#include "../base/log.h"
#include "../base/time.h"
#include "grpc.h"
#include "grpc_frame.h"
#include "http.h"

#define LOOK_MS 200                               /* how often a wait looks whether it is to stop */
#define PATIENCE_NS (10 * NS_PER_S)               /* how long a wait leaves our side of the call open */
#define URL_SIZE 512
#define FRAME_OCTETS 16384L                       /* a frame of HTTP/2, RFC 9113 6.5.2 */

struct grpc {
	struct grpc_options options;
	struct http *http;
	char url[URL_SIZE];
	CURLM *multi;
	CURL *curl;
	struct curl_slist *lines;
	bool is_running;                          /* `curl` is in `multi` */
	bool is_suspect;                          /* the last call failed: its connection is not used again */
	const char *broken;                       /* why we end the call */
	CURLcode result;                          /* of a transfer that has ended */
	char error[CURL_ERROR_SIZE];
	struct grpc_sending out;
	struct grpc_receiving in;
	bool is_paused;                           /* libcurl waits for what we send next */
};

int grpc_new(struct grpc **out, const struct grpc_options *options, struct http *http)
{
	struct grpc *grpc = calloc(1, sizeof(*grpc));
	size_t len = strlen(options->url);

	if (!grpc)
		return -ENOMEM;
	while (len && options->url[len - 1] == '/')
		len--;
	if (len >= sizeof(grpc->url)) {
		log_error("%.64s…: longer than the %d octets that a URL may have", options->url, URL_SIZE - 1);
		free(grpc);
		return -EINVAL;
	}
	memcpy(grpc->url, options->url, len);
	grpc->options = *options;
	grpc->http = http;
	grpc->curl = curl_easy_init();
	if (!grpc->curl || grpc_receive_init(&grpc->in)) {
		grpc_free(grpc);
		return -ENOMEM;
	}
	*out = grpc;
	return 0;
}

void grpc_free(struct grpc *grpc)
{
	if (!grpc)
		return;
	grpc_close(grpc);
	curl_easy_cleanup(grpc->curl);
	curl_multi_cleanup(grpc->multi);
	grpc_receive_end(&grpc->in);
	free(grpc);
}

/* ---- what libcurl calls ---- */

/* CURLOPT_READFUNCTION: 0 ends our side. */
static size_t give(char *to, size_t item, size_t count, void *ctx)
{
	struct grpc *grpc = ctx;
	size_t len = grpc_send(&grpc->out, to, item * count);

	if (len || grpc->out.is_last)
		return len;
	grpc->is_paused = true;
	return CURL_READFUNC_PAUSE;
}

/* CURLOPT_WRITEFUNCTION: less than all of it ends the transfer. */
static size_t take(char *octets, size_t item, size_t count, void *ctx)
{
	struct grpc *grpc = ctx;
	const char *broken = grpc_receive(&grpc->in, octets, item * count);

	if (broken)
		grpc->broken = broken;
	return broken ? 0 : item * count;
}

/* CURLOPT_HEADERFUNCTION: headers, and behind the body the trailers. */
static size_t take_header(char *line, size_t item, size_t count, void *ctx)
{
	struct grpc *grpc = ctx;
	const char *broken = grpc_receive_line(&grpc->in, line, item * count);

	if (broken)
		grpc->broken = broken;
	return broken ? 0 : item * count;
}

/* ---- calls ---- */

/* A control character would end the line, and begin one that somebody else wrote. */
static int add_line(struct grpc *grpc, const char *line)
{
	struct curl_slist *lines;

	for (const char *p = line; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return -EINVAL;
	lines = curl_slist_append(grpc->lines, line);
	if (!lines)
		return -ENOMEM;
	grpc->lines = lines;
	return 0;
}

static int add_bearer(struct grpc *grpc, const char *bearer)
{
	static const char before[] = "authorization: Bearer ";
	size_t size = sizeof(before) + strlen(bearer);
	char *line = malloc(size);
	int err = -ENOMEM;

	if (!line)
		return err;
	snprintf(line, size, "%s%s", before, bearer);
	err = add_line(grpc, line);
	OPENSSL_cleanse(line, size);
	free(line);
	return err;
}

/* The token is among them. */
static void free_lines(struct grpc *grpc)
{
	for (struct curl_slist *line = grpc->lines; line; line = line->next)
		OPENSSL_cleanse(line->data, strlen(line->data));
	curl_slist_free_all(grpc->lines);
	grpc->lines = NULL;
}

static int make_lines(struct grpc *grpc, const struct grpc_call *call)
{
	int err = add_line(grpc, "content-type: application/grpc");

	if (!err)
		err = add_line(grpc, "te: trailers");
	if (!err)
		err = add_line(grpc, "Expect:");  /* libcurl would wait for a 100 that gRPC servers do not send */
	if (!err)
		err = add_line(grpc, "Accept:");
	for (int i = 0; !err && i < GRPC_LINES_MAX && call->lines[i]; i++)
		err = add_line(grpc, call->lines[i]);
	if (!err && call->bearer)
		err = add_bearer(grpc, call->bearer);
	return err;
}

/* http:// has no ALPN, and a proxy between would not pass HTTP/2 on. libcurl 7.88 cannot use a connection of this kind for a second call
 * (curl issue 10634). */
static void set_plain(CURL *curl)
{
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
}

/* `len`: octets that we send in all, so that the last of them closes our side, for a server that answers before may reset the call;
 * -1: not known. */
static void set_transfer(struct grpc *grpc, const char *url, curl_off_t len)
{
	CURL *curl = grpc->curl;

	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	if (!strncasecmp(url, "http:", 5))
		set_plain(curl);
	curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, len);
	/* One frame whenever the socket has room: libcurl 7.88 fails when it has none for the rest and a PING waits for its answer. */
	curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, FRAME_OCTETS);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "POST");
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, grpc->lines);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 0L); /* a call may stay open for days; grpc_ask() has its own limit */
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 0L);
	curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
	curl_easy_setopt(curl, CURLOPT_READDATA, grpc);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, grpc);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, grpc);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, grpc->error);
}

/* A connection that failed a call is closed with its pool: it may be one that swallows everything. */
static int make_multi(struct grpc *grpc)
{
	if (grpc->is_suspect) {
		curl_multi_cleanup(grpc->multi);
		grpc->multi = NULL;
		grpc->is_suspect = false;
	}
	if (!grpc->multi)
		grpc->multi = curl_multi_init();
	if (!grpc->multi)
		return -ENOMEM;
	curl_multi_setopt(grpc->multi, CURLMOPT_MAXCONNECTS, 1L);
	return 0;
}

static void forget_call(struct grpc *grpc)
{
	memset(&grpc->out, 0, sizeof(grpc->out));
	grpc_receive_call(&grpc->in);
	grpc->is_paused = false;
	grpc->error[0] = 0;
	grpc->broken = NULL;
	grpc->result = CURLE_OK;
}

static int open_call(struct grpc *grpc, const struct grpc_call *call, curl_off_t len)
{
	char url[URL_SIZE + 256];
	int err;

	grpc_close(grpc);
	forget_call(grpc);
	err = make_multi(grpc);
	if (!err)
		err = make_lines(grpc, call);
	if (err)
		goto fail;
	snprintf(url, sizeof(url), "%s/%s", grpc->url, call->method);
	curl_easy_reset(grpc->curl);
	err = http_prepare(grpc->http, grpc->curl);
	if (err)
		goto fail;
	set_transfer(grpc, url, len);
	err = curl_multi_add_handle(grpc->multi, grpc->curl) ? -ENOMEM : 0;
	if (err)
		goto fail;
	grpc->is_running = true;
	return 0;
fail:
	free_lines(grpc);
	return err;
}

int grpc_open(struct grpc *grpc, const struct grpc_call *call)
{
	return open_call(grpc, call, -1);
}

void grpc_close(struct grpc *grpc)
{
	if (grpc->is_running)
		curl_multi_remove_handle(grpc->multi, grpc->curl);
	grpc->is_running = false;
	free_lines(grpc);
}

/* The one that libcurl waits for, or -1: it waits for us alone. There is one transfer, so it is the largest of the set. */
static int waiting_for(const struct grpc *grpc)
{
	fd_set in, out, other;
	int fd = -1;

	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&other);
	return curl_multi_fdset(grpc->multi, &in, &out, &other, &fd) ? -1 : fd;
}

static bool is_writable(int fd)
{
	return poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, 0) == 1;
}

/* Make libcurl look at both directions, whatever the socket says. libcurl 7.88 needs it to send what it took of a message and could not
 * send at once, and to see that a call has ended when the last octet was ours; a pause that changes nothing does not do it. It must not be
 * made to send to a socket that is full: it may then send the same octets twice. When it waits for nothing, the server has ended the call,
 * and closing our side is all that is left. */
static void wake(struct grpc *grpc)
{
	int fd;

	if (!grpc->is_paused && !grpc->out.is_last)
		return;
	fd = waiting_for(grpc);
	if (fd >= 0 && !is_writable(fd))
		return;
	grpc->out.is_last |= fd < 0;
	grpc->is_paused = false;
	if (grpc->out.is_last)
		curl_easy_pause(grpc->curl, CURLPAUSE_RECV);
	curl_easy_pause(grpc->curl, CURLPAUSE_CONT);
}

/* Let libcurl do what can be done now. A transfer that has ended leaves the pool. */
static void drive(struct grpc *grpc)
{
	const CURLMsg *message;
	int running, left;

	if (!grpc->is_running)
		return;
	wake(grpc);
	if (curl_multi_perform(grpc->multi, &running))
		grpc->broken = "libcurl gave up";
	while ((message = curl_multi_info_read(grpc->multi, &left)))
		if (message->msg == CURLMSG_DONE) {
			grpc->result = message->data.result;
			grpc_close(grpc);
			return;
		}
	if (grpc->broken)
		grpc_close(grpc);
}

/* The call can go on: no side has ended it. */
static bool is_usable(const struct grpc *grpc)
{
	return grpc->is_running && !grpc->broken && !grpc->out.is_last && grpc->in.code < 0;
}

bool grpc_is_open(struct grpc *grpc)
{
	drive(grpc);
	return is_usable(grpc);
}

/* ---- what came of it ---- */

/* "HTTP to gRPC Status Code Mapping" of the gRPC documentation. */
static int code_of_http(long status)
{
	static const struct { long status; int code; } rows[] = {
		{ 400, GRPC_INTERNAL }, { 401, GRPC_UNAUTHENTICATED }, { 403, GRPC_PERMISSION_DENIED }, { 404, GRPC_UNIMPLEMENTED },
		{ 429, GRPC_UNAVAILABLE }, { 502, GRPC_UNAVAILABLE }, { 503, GRPC_UNAVAILABLE }, { 504, GRPC_UNAVAILABLE },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].status == status)
			return rows[i].code;
	return GRPC_UNKNOWN;
}

static void __attribute__((format(printf, 3, 4))) say(struct grpc_answer *answer, int code, const char *format, ...)
{
	va_list args;

	answer->code = code;
	va_start(args, format);
	vsnprintf(answer->message, sizeof(answer->message), format, args);
	va_end(args);
}

static bool is_stopped(const struct grpc *grpc)
{
	return grpc->options.stop && *grpc->options.stop;
}

/* Why there is no message. What the server said itself comes first, then HTTP's status, then what happened to the connection. */
static void read_end(struct grpc *grpc, struct grpc_answer *answer)
{
	long status = 0;

	curl_easy_getinfo(grpc->curl, CURLINFO_RESPONSE_CODE, &status);
	if (is_stopped(grpc)) {
		answer->is_stopped = true;
		say(answer, GRPC_CANCELLED, "stopped");
	} else if (grpc->in.code >= 0) {
		answer->is_of_server = true;
		say(answer, grpc->in.code, "%s", grpc->in.message);
		if (!grpc->in.code)
			say(answer, GRPC_UNAVAILABLE, "the server ended the call");
	} else if (status && status != 200) {
		say(answer, code_of_http(status), "HTTP status %ld", status);
	} else if (grpc->broken) {
		say(answer, GRPC_INTERNAL, "%s", grpc->broken);
	} else if (grpc->result) {
		say(answer, GRPC_UNAVAILABLE, "%s", grpc->error[0] ? grpc->error : curl_easy_strerror(grpc->result));
	} else {
		say(answer, GRPC_UNAVAILABLE, "the server ended the call without a status");
	}
}

/* The connection is only trusted further when the server itself ended the call. */
static void end_call(struct grpc *grpc, struct grpc_answer *answer)
{
	grpc->is_suspect |= !answer->is_of_server;
	grpc_close(grpc);
}

static int wait_ms(uint64_t left_ns)
{
	return left_ns < LOOK_MS * NS_PER_MS ? (int)(left_ns / NS_PER_MS) + 1 : LOOK_MS;
}

static bool has_come(const struct grpc *grpc, bool is_last)
{
	return !grpc->is_running || grpc->in.code >= 0 || (grpc->in.is_whole && !is_last);
}

/* A server may end a call while our side is open, and libcurl hands its trailers over only when both sides are closed or the server
 * resets the stream, which not all do. So after a while we close ours: an answer that is merely late comes nevertheless.
 * False: the time is over, or we are to stop. */
static bool wait_for_answer(struct grpc *grpc, bool is_last, uint64_t timeout_ns)
{
	uint64_t begun_ns = grpc->options.now_ns();

	for (;;) {
		uint64_t waited_ns = grpc->options.now_ns() - begun_ns;

		grpc->out.is_last |= waited_ns > PATIENCE_NS || waited_ns > timeout_ns / 2;
		drive(grpc);
		if (has_come(grpc, is_last))
			return true;
		if (waited_ns >= timeout_ns || is_stopped(grpc))
			return false;
		if (curl_multi_poll(grpc->multi, NULL, 0, wait_ms(timeout_ns - waited_ns), NULL))
			return false;
	}
}

/* What comes before all was sent is no answer; and a whole call ends well or not at all. */
static bool is_answered(const struct grpc *grpc, bool is_last)
{
	return grpc->in.is_whole && grpc->out.at == grpc->out.len && !grpc->broken && (!is_last || !grpc->in.code);
}

static void ask(struct grpc *grpc, const void *message, size_t len, bool is_last, uint64_t timeout_ns, struct grpc_answer *answer)
{
	bool is_open = is_usable(grpc), is_in_time = true;

	memset(answer, 0, sizeof(*answer));
	if (is_open) {
		grpc_send_set(&grpc->out, message, len, is_last);
		grpc_receive_message(&grpc->in);
		is_in_time = wait_for_answer(grpc, is_last, timeout_ns);
	}
	if (is_open && is_in_time && is_answered(grpc, is_last)) {
		answer->octets = grpc->in.octets;
		answer->len = grpc->in.len;
		answer->is_of_server = true;
		return;
	}
	if (is_in_time || is_stopped(grpc))
		read_end(grpc, answer);
	else
		say(answer, GRPC_DEADLINE_EXCEEDED, "no answer within %.1f s", (double)timeout_ns / NS_PER_S);
	end_call(grpc, answer);
}

void grpc_ask(struct grpc *grpc, const void *message, size_t len, uint64_t timeout_ns, struct grpc_answer *answer)
{
	ask(grpc, message, len, false, timeout_ns, answer);
}

void grpc_unary(struct grpc *grpc, const struct grpc_call *call, const void *message, size_t len, uint64_t timeout_ns,
		struct grpc_answer *answer)
{
	int err = open_call(grpc, call, (curl_off_t)(GRPC_FRAME_HEAD + len));

	if (err) {
		memset(answer, 0, sizeof(*answer));
		say(answer, GRPC_UNAVAILABLE, "%s", strerror(-err));
		return;
	}
	ask(grpc, message, len, true, timeout_ns, answer);
	grpc_close(grpc);
}
