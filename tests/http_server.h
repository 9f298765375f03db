/* SPDX-License-Identifier: Apache-2.0 */
/* http_server.h - a scripted HTTP/1.1 server on loopback, for tests: plain or TLS, proxy too, able to misbehave.
 *
 * A child process answers; each connection has a process of its own. What was asked is read in shared memory. The
 * first row of the script that fits a request and is not used up answers it; without one the answer is 404. Rows are
 * read while the test runs, so their texts must have existed when the server was started (literals do).
 */
#ifndef DEVOURER_TESTS_HTTP_SERVER_H
#define DEVOURER_TESTS_HTTP_SERVER_H
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <poll.h>
#include <unistd.h>
#include <openssl/ssl.h>

#define SERVER_ROWS_MAX 32
#define SERVER_KEPT 128                           /* requests that are remembered, the first ones */
#define SERVER_HEAD_MAX 16384
#define SERVER_BODY_MAX (16u << 20)               /* of a request */
#define SERVER_BODY_KEPT 65536
#define SERVER_LIFE_S 60                          /* a server whose test crashed ends itself */

enum server_trick {
	SERVER_PLAIN,
	SERVER_SILENT,                            /* reads the request, never answers */
	SERVER_RESET,                             /* reads the request, then RST */
	SERVER_CLOSE,                             /* reads the request, then FIN */
	SERVER_CUT,                               /* says a longer body than it sends, then FIN */
	SERVER_HUGE,                              /* a body of 1 GB, with its length */
	SERVER_ENDLESS,                           /* a chunked body without end */
	SERVER_HEADERS,                           /* header lines without end */
	SERVER_SLOW,                              /* one octet of the answer each 50 ms */
	SERVER_GARBAGE,                           /* not HTTP */
	SERVER_CONTINUE,                          /* 100 Continue and other early answers first */
	SERVER_LAST,                              /* a good answer, then FIN though the connection was to be kept */
};

struct server_row {
	const char *method, *path;                /* NULL: any; `path` is how it begins, the query is part of it */
	unsigned times;                           /* 0: for ever */
	int status;
	const char *lines;                        /* further header lines, each with its \r\n; NULL: none */
	const char *body;                         /* NULL: "" */
	enum server_trick trick;
};

struct server_request {
	char method[16], path[2048];
	char head[SERVER_HEAD_MAX];               /* request line and headers */
	char body[SERVER_BODY_KEPT];              /* with a NUL; what is longer is cut */
	size_t len;                               /* of the whole body */
	unsigned connection;                      /* 1 is the first */
};

/* For tests whose answers depend on what was asked. `body` is whole. The result is filled in; its texts live until
 * the next call. Runs in the connection's process: state belongs into shared memory. */
typedef void server_handler(void *ctx, const struct server_request *request, const char *body, struct server_row *out);

struct server_shared {
	unsigned requests, connections, tunnels;  /* all; `tunnels`: CONNECTs that were let through */
	struct server_row rows[SERVER_ROWS_MAX];
	unsigned row_count, used[SERVER_ROWS_MAX];
	struct server_request kept[SERVER_KEPT];
};

struct server_options {
	SSL_CTX *tls;                             /* NULL: plain; made before the start, not freed here */
	bool is_proxy;                            /* CONNECT goes to its port on loopback, whatever the host's name */
	server_handler *handler;                  /* asked when no row fits; NULL: none */
	void *ctx;
};

struct server {
	struct server_shared *shared;
	struct server_options options;
	int listener;
	uint16_t port;
	pid_t pid;
};

struct server_stream {
	int fd;
	SSL *tls;                                 /* NULL: plain */
};

/* In the connection's process; what fails there ends it. */

static inline void server_end(struct server_stream *s, bool is_reset)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	if (is_reset)
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	else if (s->tls)
		SSL_shutdown(s->tls);
	close(s->fd);
	_exit(0);
}

static inline void server_write(struct server_stream *s, const char *octets, size_t len)
{
	while (len) {
		ssize_t n = s->tls ? SSL_write(s->tls, octets, (int)len) : write(s->fd, octets, len);

		if (n <= 0)
			server_end(s, true);
		octets += n;
		len -= (size_t)n;
	}
}

static inline size_t server_read(struct server_stream *s, char *out, size_t size)
{
	ssize_t n = s->tls ? SSL_read(s->tls, out, (int)size) : read(s->fd, out, size);

	if (n <= 0)
		server_end(s, false);
	return (size_t)n;
}

/* The value of a header line of `head`, up to its end; NULL: not there. */
static inline const char *server_header(const char *head, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = strstr(head, "\r\n"); p; p = strstr(p, "\r\n")) {
		p += 2;
		if (!strncasecmp(p, name, len) && p[len] == ':')
			return p + len + 1 + strspn(p + len + 1, " ");
	}
	return NULL;
}

/* The head, then the body; `*body` is what malloc gave. Octets of a next request are not expected: libcurl waits. */
static inline void server_read_request(struct server_stream *s, struct server_request *r, char **body)
{
	const char *length, *end = NULL;
	size_t len = 0, got;

	memset(r, 0, sizeof(*r));
	while (!end) {
		if (len == sizeof(r->head) - 1)
			server_end(s, true);
		len += server_read(s, r->head + len, sizeof(r->head) - 1 - len);
		end = strstr(r->head, "\r\n\r\n");
	}
	sscanf(r->head, "%15s %2047s", r->method, r->path);
	got = len - (size_t)(end + 4 - r->head);
	length = server_header(r->head, "Content-Length");
	r->len = length ? (size_t)strtoull(length, NULL, 10) : 0;
	if (r->len > SERVER_BODY_MAX || got > r->len)
		server_end(s, true);
	*body = calloc(1, r->len + 1);
	memcpy(*body, end + 4, got);
	r->head[len - got] = '\0';
	while (got < r->len)
		got += server_read(s, *body + got, r->len - got);
	memcpy(r->body, *body, r->len < sizeof(r->body) ? r->len : sizeof(r->body) - 1);
}

static inline bool server_row_fits(const struct server_row *row, const struct server_request *r)
{
	return (!row->method || !strcmp(row->method, r->method)) &&
	       (!row->path || !strncmp(row->path, r->path, strlen(row->path)));
}

static inline struct server_row server_choose(struct server *server, const struct server_request *r, const char *body)
{
	struct server_row row = { .status = 404, .body = "no row of the script fits" };
	struct server_shared *shared = server->shared;

	for (unsigned i = 0; i < shared->row_count; i++) {
		if (!server_row_fits(&shared->rows[i], r))
			continue;
		if (!shared->rows[i].times || __atomic_fetch_add(&shared->used[i], 1, __ATOMIC_SEQ_CST) < shared->rows[i].times)
			return shared->rows[i];
	}
	if (server->options.handler)
		server->options.handler(server->options.ctx, r, body, &row);
	return row;
}

static inline void server_flood(struct server_stream *s, const char *piece, uint64_t octets)
{
	for (uint64_t sent = 0; sent < octets; sent += strlen(piece))
		server_write(s, piece, strlen(piece));
	server_end(s, false);
}

static inline void server_answer(struct server_stream *s, const struct server_row *row)
{
	static const char early[] = "HTTP/1.1 100 Continue\r\nRetry-After: 77\r\n\r\nHTTP/1.1 103 Early Hints\r\nLocation: /early\r\n\r\n";
	static const char garbage[] = "220 mail.example.com ESMTP\r\n";
	static char head[8 * SERVER_HEAD_MAX], piece[65537];
	const char *body = row->body ? row->body : "";
	size_t len = strlen(body);
	uint64_t said = len;

	if (row->trick == SERVER_CUT)
		said += 10;
	if (row->trick == SERVER_HUGE)
		said = 1u << 30;
	if (row->trick == SERVER_CONTINUE)
		server_write(s, early, strlen(early));
	if (row->trick == SERVER_GARBAGE)
		server_write(s, garbage, strlen(garbage));
	snprintf(head, sizeof(head), "HTTP/1.1 %d X\r\n%s", row->status, row->lines ? row->lines : "");
	if (row->trick != SERVER_HEADERS)
		snprintf(head + strlen(head), sizeof(head) - strlen(head),
			 row->trick == SERVER_ENDLESS ? "Transfer-Encoding: chunked\r\n\r\n" : "Content-Length: %llu\r\n\r\n",
			 (unsigned long long)said);
	memset(piece, 'x', sizeof(piece) - 1);
	switch (row->trick) {
	case SERVER_SILENT:
		pause();
		break;
	case SERVER_RESET:
	case SERVER_CLOSE:
	case SERVER_GARBAGE:
		server_end(s, row->trick == SERVER_RESET);
		break;
	case SERVER_SLOW:
		for (const char *p = head; *p; p++, poll(NULL, 0, 50))
			server_write(s, p, 1);
		break;
	case SERVER_HEADERS:
		server_write(s, head, strlen(head));
		server_flood(s, "X-More: 0123456789012345678901234567890123456789\r\n", UINT64_MAX);
		break;
	case SERVER_ENDLESS:
		server_write(s, head, strlen(head));
		server_flood(s, "4\r\nabcd\r\n", UINT64_MAX);
		break;
	case SERVER_HUGE:
		server_write(s, head, strlen(head));
		server_flood(s, piece, said);
		break;
	default:
		server_write(s, head, strlen(head));
		server_write(s, body, len);
		if (row->trick == SERVER_CUT || row->trick == SERVER_LAST)
			server_end(s, false);
	}
}

/* Carries octets both ways until one side ends. */
static inline void server_tunnel(struct server_stream *s, const char *to)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct pollfd fds[2] = { { .fd = s->fd, .events = POLLIN }, { .events = POLLIN } };
	static char octets[65536];
	const char *port = strrchr(to, ':');

	addr.sin_port = htons((uint16_t)(port ? atoi(port + 1) : 0));
	fds[1].fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fds[1].fd, (struct sockaddr *)&addr, sizeof(addr)))
		server_end(s, true);
	server_write(s, "HTTP/1.1 200 OK\r\n\r\n", 19);
	while (poll(fds, 2, -1) > 0) {
		for (int i = 0; i < 2; i++) {
			ssize_t n = fds[i].revents ? read(fds[i].fd, octets, sizeof(octets)) : 0;

			if (fds[i].revents && (n <= 0 || write(fds[!i].fd, octets, (size_t)n) != n))
				server_end(s, false);
		}
	}
}

static inline void server_serve(struct server *server, int fd)
{
	unsigned connection = __atomic_add_fetch(&server->shared->connections, 1, __ATOMIC_SEQ_CST);
	struct server_stream s = { .fd = fd };
	static struct server_request r;
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (server->options.tls) {
		s.tls = SSL_new(server->options.tls);
		SSL_set_fd(s.tls, fd);
		if (SSL_accept(s.tls) != 1)
			_exit(0);
	}
	for (;;) {
		struct server_row row;
		unsigned at;
		char *body;

		server_read_request(&s, &r, &body);
		r.connection = connection;
		row = server_choose(server, &r, body);
		at = __atomic_fetch_add(&server->shared->requests, 1, __ATOMIC_SEQ_CST);
		if (at < SERVER_KEPT)
			memcpy(&server->shared->kept[at], &r, sizeof(r));
		if (server->options.is_proxy && !strcmp(r.method, "CONNECT") && row.status == 404) {
			__atomic_add_fetch(&server->shared->tunnels, 1, __ATOMIC_SEQ_CST);
			server_tunnel(&s, r.path);
		}
		server_answer(&s, &row);
		free(body);
	}
}

static inline void server_run(struct server *server)
{
	signal(SIGCHLD, SIG_IGN);                 /* connections are reaped by the kernel */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	signal(SIGALRM, SIG_DFL);
	alarm(SERVER_LIFE_S);
	for (;;) {
		int fd = accept(server->listener, NULL, NULL);

		if (fd < 0 || fork()) {
			close(fd);
			continue;
		}
		close(server->listener);
		alarm(SERVER_LIFE_S);
		server_serve(server, fd);
	}
}

/* For the test. */

static inline void server_script(struct server *server, const struct server_row *rows, size_t count)
{
	memset(server->shared->used, 0, sizeof(server->shared->used));
	memcpy(server->shared->rows, rows, count * sizeof(rows[0]));
	server->shared->row_count = (unsigned)count;
}

#define SERVER_SCRIPT(server, ...) \
	server_script(server, (const struct server_row[]){ __VA_ARGS__ }, \
		      sizeof((const struct server_row[]){ __VA_ARGS__ }) / sizeof(struct server_row))

/* 0 or -1. `options` may be NULL. */
static inline int server_start(struct server *server, const struct server_options *options)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);

	memset(server, 0, sizeof(*server));
	if (options)
		server->options = *options;
	server->shared = mmap(NULL, sizeof(*server->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	server->listener = socket(AF_INET, SOCK_STREAM, 0);
	if (server->shared == MAP_FAILED || bind(server->listener, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(server->listener, 64) || getsockname(server->listener, (struct sockaddr *)&addr, &len))
		return -1;
	server->port = ntohs(addr.sin_port);
	server->pid = fork();
	if (!server->pid) {
		setpgid(0, 0);
		server_run(server);
		_exit(0);
	}
	setpgid(server->pid, server->pid);
	close(server->listener);
	return server->pid > 0 ? 0 : -1;
}

/* Ends the server and all its connections; what it was asked stays readable until server_free(). */
static inline void server_stop(struct server *server)
{
	if (server->pid > 0) {
		kill(-server->pid, SIGKILL);
		waitpid(server->pid, NULL, 0);
	}
	server->pid = 0;
}

static inline void server_free(struct server *server)
{
	server_stop(server);
	munmap(server->shared, sizeof(*server->shared));
}

/* scheme://HOST:PORT and `path`; one of four texts in turn. */
static inline const char *server_url(const struct server *server, const char *host, const char *path)
{
	static char urls[4][2048];
	static unsigned next;
	char *url = urls[next++ % 4];

	snprintf(url, sizeof(urls[0]), "%s://%s:%u%s", server->options.tls ? "https" : "http", host, server->port, path);
	return url;
}

/* The last request that was kept; an empty one when there is none. */
static inline const struct server_request *server_last(const struct server *server)
{
	unsigned count = server->shared->requests < SERVER_KEPT ? server->shared->requests : SERVER_KEPT;

	return &server->shared->kept[count ? count - 1 : 0];
}
#endif
