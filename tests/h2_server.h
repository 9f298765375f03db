/* SPDX-License-Identifier: Apache-2.0 */
/* h2_server.h - a gRPC server for tests, on nghttp2: HTTP/2 without TLS on a port of loopback, in a thread of its own.
 *
 * What a test sees of it is one function, called in that thread with each message that came; it answers with h2_answer() and the like,
 * at once or after a while, honestly or not. h2_server_stop() ends the thread; only then are the test's own variables read.
 * Include after cmocka.h.
 */
#ifndef DEVOURER_TESTS_H2_SERVER_H
#define DEVOURER_TESTS_H2_SERVER_H
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <nghttp2/nghttp2.h>

#define H2_CONNECTIONS 8
#define H2_REQUEST_MAX (16u << 20)

/* cmocka's own checks are for the test's thread. */
#define h2_need(truth) do { if (!(truth)) abort(); } while (0)

struct h2_connection;

struct h2_stream {
	struct h2_stream *next;
	struct h2_connection *connection;
	int32_t id;
	char path[256], authorization[256], params[512], type[64];
	uint8_t *in;                              /* octets that came and are not a whole message yet */
	size_t in_len, in_size;
	uint8_t *out;                             /* octets to send */
	size_t out_len, out_at;
	bool is_answering, is_half_closed, is_ended;
	int status;                               /* of gRPC, for the trailers; -1: none */
	char message[128];
};

struct h2_server {
	/* A message of a call (NULL: the client has half-closed). */
	void (*message)(void *ctx, struct h2_stream *stream, const uint8_t *octets, size_t len);
	void (*connected)(void *ctx);             /* NULL: not asked */
	void (*tick)(void *ctx);                  /* some twenty times a second when nothing comes; NULL: not asked */
	void *ctx;
	bool is_without_reset;                    /* calls that the server ends stay half open */
	bool is_slow;                             /* takes little at a time, and pings in between */
	int port, listener, wake[2];
	pthread_t thread;
	struct h2_connection {
		int fd;
		bool is_closing;
		struct h2_stream *streams;
		nghttp2_session *session;
		struct h2_server *server;
	} connections[H2_CONNECTIONS];
};

/* ---- answers ---- */

static ssize_t h2_give(nghttp2_session *session, int32_t id, uint8_t *to, size_t size, uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
	struct h2_stream *stream = source->ptr;
	size_t len = stream->out_len - stream->out_at < size ? stream->out_len - stream->out_at : size;
	char status[16];
	nghttp2_nv trailers[2] = {
		{ (uint8_t *)"grpc-status", (uint8_t *)status, 11, 0, 0 },
		{ (uint8_t *)"grpc-message", (uint8_t *)stream->message, 12, strlen(stream->message), 0 },
	};

	(void)ctx;
	if (len)
		memcpy(to, stream->out + stream->out_at, len);
	stream->out_at += len;
	if (stream->out_at < stream->out_len)
		return (ssize_t)len;
	stream->out_len = stream->out_at = 0;
	if (!stream->is_ended)
		return len ? (ssize_t)len : NGHTTP2_ERR_DEFERRED;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (stream->status >= 0) {
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		trailers[0].valuelen = (size_t)snprintf(status, sizeof(status), "%d", stream->status);
		nghttp2_submit_trailer(session, id, trailers, 2);
	}
	return (ssize_t)len;
}

/* Headers, once; what follows is sent as it comes. */
static void h2_begin(struct h2_stream *stream, const char *http_status, const char *type)
{
	nghttp2_nv lines[] = {
		{ (uint8_t *)":status", (uint8_t *)http_status, 7, strlen(http_status), 0 },
		{ (uint8_t *)"content-type", (uint8_t *)type, 12, strlen(type), 0 },
	};
	nghttp2_data_provider body = { .source.ptr = stream, .read_callback = h2_give };

	if (!stream->is_answering)
		nghttp2_submit_response(stream->connection->session, stream->id, lines, 2, &body);
	else
		nghttp2_session_resume_data(stream->connection->session, stream->id);
	stream->is_answering = true;
}

/* Octets as they are, without a frame's head. */
static inline void h2_octets(struct h2_stream *stream, const void *octets, size_t len)
{
	stream->out = realloc(stream->out, stream->out_len + len);
	h2_need(stream->out);
	memcpy(stream->out + stream->out_len, octets, len);
	stream->out_len += len;
	h2_begin(stream, "200", "application/grpc");
}

static inline void h2_answer(struct h2_stream *stream, const void *octets, size_t len)
{
	uint8_t head[5] = { 0, (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len };

	h2_octets(stream, head, sizeof(head));
	if (len)
		h2_octets(stream, octets, len);
}

/* A call that has no answer and a status: all in the first headers, as gRPC's "Trailers-Only". */
static inline void h2_end_at_once(struct h2_stream *stream, int status, const char *message)
{
	char text[16];
	nghttp2_nv lines[] = {
		{ (uint8_t *)":status", (uint8_t *)"200", 7, 3, 0 },
		{ (uint8_t *)"content-type", (uint8_t *)"application/grpc", 12, 16, 0 },
		{ (uint8_t *)"grpc-status", (uint8_t *)text, 11, (size_t)snprintf(text, sizeof(text), "%d", status), 0 },
		{ (uint8_t *)"grpc-message", (uint8_t *)message, 12, strlen(message), 0 },
	};

	stream->is_ended = stream->is_answering = true;
	nghttp2_submit_response(stream->connection->session, stream->id, lines, 4, NULL);
}

/* The trailers; a status under zero: none. */
static inline void h2_end(struct h2_stream *stream, int status, const char *message)
{
	if (!stream->is_answering && status > 0) {
		h2_end_at_once(stream, status, message);
		return;
	}
	stream->is_ended = true;
	stream->status = status;
	snprintf(stream->message, sizeof(stream->message), "%s", message);
	h2_begin(stream, "200", "application/grpc");
}

/* Another HTTP status, with a page. */
static inline void h2_page(struct h2_stream *stream, const char *http_status, const char *page)
{
	stream->is_ended = true;
	stream->status = -1;
	stream->out = realloc(stream->out, strlen(page) + 1);
	h2_need(stream->out);
	memcpy(stream->out, page, strlen(page));
	stream->out_len = strlen(page);
	h2_begin(stream, http_status, "text/html");
}

/* The connection goes away, with RST. */
static inline void h2_kill(struct h2_stream *stream)
{
	struct linger linger = { 1, 0 };

	setsockopt(stream->connection->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	stream->connection->is_closing = true;
}

/* ---- what comes ---- */

static int h2_on_begin(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
	struct h2_stream *stream;

	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	stream = calloc(1, sizeof(*stream));
	h2_need(stream);
	stream->connection = ctx;
	stream->next = stream->connection->streams;
	stream->connection->streams = stream;
	stream->id = frame->hd.stream_id;
	stream->status = -1;
	return nghttp2_session_set_stream_user_data(session, stream->id, stream);
}

static int h2_on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
			const uint8_t *value, size_t value_len, uint8_t flags, void *ctx)
{
	struct h2_stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	struct { const char *name; char *to; size_t size; } rows[] = {
		{ ":path", stream->path, sizeof(stream->path) },
		{ "authorization", stream->authorization, sizeof(stream->authorization) },
		{ "x-goog-request-params", stream->params, sizeof(stream->params) },
		{ "content-type", stream->type, sizeof(stream->type) },
	};

	(void)flags, (void)ctx;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (name_len == strlen(rows[i].name) && !memcmp(name, rows[i].name, name_len))
			snprintf(rows[i].to, rows[i].size, "%.*s", (int)value_len, (const char *)value);
	return 0;
}

static void h2_whole_messages(struct h2_stream *stream)
{
	struct h2_server *server = stream->connection->server;
	size_t at = 0, len;

	while (stream->in_len - at >= 5) {
		const uint8_t *head = stream->in + at;

		len = (size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 | head[4];
		if (stream->in_len - at - 5 < len)
			break;
		server->message(server->ctx, stream, head + 5, len);
		at += 5 + len;
	}
	if (at)
		memmove(stream->in, stream->in + at, stream->in_len - at);
	stream->in_len -= at;
}

static int h2_on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *octets, size_t len, void *ctx)
{
	struct h2_stream *stream = nghttp2_session_get_stream_user_data(session, id);

	(void)ctx;
	if (!stream || stream->in_len + len > H2_REQUEST_MAX)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	stream->is_half_closed = flags & NGHTTP2_FLAG_END_STREAM;
	while (stream->in_size < stream->in_len + len) {
		stream->in_size = stream->in_size ? 2 * stream->in_size : 65536;
		stream->in = realloc(stream->in, stream->in_size);
		h2_need(stream->in);
	}
	memcpy(stream->in + stream->in_len, octets, len);
	stream->in_len += len;
	h2_whole_messages(stream);
	return 0;
}

/* What servers of gRPC do when they end a call early: RST_STREAM with NO_ERROR, RFC 9113 8.1. */
static int h2_on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
	struct h2_stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	struct h2_connection *connection = ctx;

	if (stream && frame->hd.type <= NGHTTP2_HEADERS && frame->hd.flags & NGHTTP2_FLAG_END_STREAM && !stream->is_half_closed &&
	    !connection->server->is_without_reset)
		nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_NO_ERROR);
	return 0;
}

static int h2_on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
	struct h2_stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	struct h2_connection *connection = ctx;

	if (stream && (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) && frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
		stream->is_half_closed = true;
		connection->server->message(connection->server->ctx, stream, NULL, 0);
	}
	return 0;
}

static void h2_forget(struct h2_connection *connection, struct h2_stream *stream)
{
	struct h2_stream **at = &connection->streams;

	while (*at && *at != stream)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = stream->next;
	free(stream->in);
	free(stream->out);
	free(stream);
}

static int h2_on_close(nghttp2_session *session, int32_t id, uint32_t code, void *ctx)
{
	(void)code;
	h2_forget(ctx, nghttp2_session_get_stream_user_data(session, id));
	return 0;
}

static ssize_t h2_send(nghttp2_session *session, const uint8_t *octets, size_t len, int flags, void *ctx)
{
	struct h2_connection *connection = ctx;
	ssize_t sent = send(connection->fd, octets, len, MSG_NOSIGNAL);

	(void)session, (void)flags;
	return sent >= 0 ? sent : NGHTTP2_ERR_WOULDBLOCK;
}

/* ---- connections ---- */

static void h2_close(struct h2_connection *connection)
{
	while (connection->streams)
		h2_forget(connection, connection->streams);
	nghttp2_session_del(connection->session);
	close(connection->fd);
	memset(connection, 0, sizeof(*connection));
	connection->fd = -1;
}

static void h2_accept(struct h2_server *server)
{
	static const nghttp2_settings_entry settings[] = { { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20 } };
	struct h2_connection *connection = NULL;
	nghttp2_session_callbacks *callbacks;
	int fd = accept(server->listener, NULL, NULL);

	for (int i = 0; i < H2_CONNECTIONS && !connection; i++)
		if (server->connections[i].fd < 0)
			connection = &server->connections[i];
	if (fd < 0 || !connection) {
		close(fd);
		return;
	}
	if (server->connected)
		server->connected(server->ctx);
	if (server->is_slow)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){ 65536 }, sizeof(int));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	connection->fd = fd;
	connection->server = server;
	nghttp2_session_callbacks_new(&callbacks);
	nghttp2_session_callbacks_set_send_callback(callbacks, h2_send);
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, h2_on_begin);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, h2_on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, h2_on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, h2_on_frame);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, h2_on_sent);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, h2_on_close);
	nghttp2_session_server_new(&connection->session, callbacks, connection);
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_submit_settings(connection->session, NGHTTP2_FLAG_NONE, settings, 1);
	nghttp2_session_set_local_window_size(connection->session, NGHTTP2_FLAG_NONE, 0, 1 << 20);
}

static void h2_read(struct h2_connection *connection)
{
	uint8_t octets[65536];
	bool is_slow = connection->server->is_slow;
	ssize_t len = read(connection->fd, octets, is_slow ? 3000 : sizeof(octets));

	if (is_slow) {
		nghttp2_submit_ping(connection->session, NGHTTP2_FLAG_NONE, NULL);
		usleep(300);
	}

	if (len <= 0 || nghttp2_session_mem_recv(connection->session, octets, (size_t)len) < 0)
		connection->is_closing = true;
}

static void h2_turn(struct h2_server *server, struct pollfd *fds)
{
	for (int i = 0; i < H2_CONNECTIONS; i++) {
		struct h2_connection *connection = &server->connections[i];

		if (connection->fd < 0 || connection->fd != fds[2 + i].fd)
			continue;
		if (fds[2 + i].revents & (POLLIN | POLLHUP | POLLERR))
			h2_read(connection);
		if (!connection->is_closing && nghttp2_session_send(connection->session))
			connection->is_closing = true;
		if (connection->is_closing)
			h2_close(connection);
	}
	if (fds[1].revents)
		h2_accept(server);
}

static void *h2_run(void *ctx)
{
	struct h2_server *server = ctx;
	struct pollfd fds[2 + H2_CONNECTIONS];

	for (;;) {
		fds[0] = (struct pollfd){ server->wake[0], POLLIN, 0 };
		fds[1] = (struct pollfd){ server->listener, POLLIN, 0 };
		for (int i = 0; i < H2_CONNECTIONS; i++) {
			struct h2_connection *c = &server->connections[i];

			fds[2 + i] = (struct pollfd){ c->fd, POLLIN, 0 };
			if (c->fd >= 0 && nghttp2_session_want_write(c->session))
				fds[2 + i].events |= POLLOUT;
		}
		if (!poll(fds, 2 + H2_CONNECTIONS, server->tick ? 50 : -1))
			server->tick(server->ctx);
		if (fds[0].revents)
			return NULL;
		h2_turn(server, fds);
	}
}

/* ---- life ---- */

static inline void h2_server_start(struct h2_server *server)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);

	for (int i = 0; i < H2_CONNECTIONS; i++)
		server->connections[i].fd = -1;
	server->listener = socket(AF_INET, SOCK_STREAM, 0);
	address.sin_port = htons((uint16_t)server->port);
	assert_int_equal(setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)), 0);
	assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(server->listener, 16), 0);
	assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &len), 0);
	server->port = ntohs(address.sin_port);
	assert_int_equal(pipe(server->wake), 0);
	assert_int_equal(pthread_create(&server->thread, NULL, h2_run, server), 0);
}

/* The port stays known, for h2_server_start() again. */
static inline void h2_server_stop(struct h2_server *server)
{
	assert_int_equal(write(server->wake[1], "", 1), 1);
	assert_int_equal(pthread_join(server->thread, NULL), 0);
	for (int i = 0; i < H2_CONNECTIONS; i++)
		if (server->connections[i].fd >= 0)
			h2_close(&server->connections[i]);
	close(server->listener);
	close(server->wake[0]);
	close(server->wake[1]);
}
#endif
