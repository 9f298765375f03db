/* SPDX-License-Identifier: Apache-2.0 */
/* discard.c - a BigQuery that throws everything away, to find out how fast rows can be sent: discard [PORT].
 *
 * HTTP/1.1 on the loopback interface, one thread. The table is there with all its columns, every insertAll succeeds. It prints
 * "port=N" when it is ready, and "requests=N rows=N octets=N" (of bodies, as they came) for GET /_stats and when it is ended.
 */
#define _GNU_SOURCE                               /* memmem(3) */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#define CONNECTIONS 64
#define REQUEST_MAX (32u << 20)
#define ROW_MARK "\"json\":"
#define ROW_MARK_LEN (sizeof(ROW_MARK) - 1)

#define COLUMN(name, type, mode) "{\"name\":\"" name "\",\"type\":\"" type "\",\"mode\":\"" mode "\"}"
static const char table[] = "{\"kind\":\"bigquery#table\",\"location\":\"US\",\"timePartitioning\":{\"type\":\"DAY\",\"field\":\"first_seen_at\"},"
	"\"schema\":{\"fields\":["
	COLUMN("id", "STRING", "REQUIRED") "," COLUMN("protocol", "STRING", "REQUIRED") ","
	COLUMN("src_addr", "STRING", "REQUIRED") "," COLUMN("dst_addr", "STRING", "REQUIRED") ","
	COLUMN("src_port", "INTEGER", "REQUIRED") "," COLUMN("dst_port", "INTEGER", "REQUIRED") ","
	COLUMN("src_hw_addr", "STRING", "REQUIRED") "," COLUMN("dst_hw_addr", "STRING", "REQUIRED") ","
	COLUMN("src_names", "STRING", "REPEATED") "," COLUMN("dst_names", "STRING", "REPEATED") ","
	COLUMN("first_seen_at", "TIMESTAMP", "REQUIRED") "," COLUMN("last_seen_at", "TIMESTAMP", "REQUIRED") ","
	COLUMN("src_bytes", "INTEGER", "REQUIRED") "," COLUMN("dst_bytes", "INTEGER", "REQUIRED") ","
	COLUMN("src_packets", "INTEGER", "REQUIRED") "," COLUMN("dst_packets", "INTEGER", "REQUIRED") ","
	COLUMN("status", "STRING", "REQUIRED") "]}}";

struct connection {
	int fd;                                   /* -1: none */
	char *octets;
	size_t len, size;
	bool has_continued;                       /* "100 Continue" was said for this request */
};

struct server {
	struct connection connections[CONNECTIONS];
	int listener;
	uint64_t requests, rows, octets;
};

static volatile sig_atomic_t is_ended;

static void on_signal(int number)
{
	(void)number;
	is_ended = 1;
}

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "discard: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int listen_on(unsigned port)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port) };
	socklen_t len = sizeof(here);
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) || bind(fd, (void *)&here, sizeof(here)) ||
	    listen(fd, CONNECTIONS) || getsockname(fd, (void *)&here, &len))
		die("cannot listen");
	printf("port=%u\n", (unsigned)ntohs(here.sin_port));
	fflush(stdout);
	return fd;
}

static void hang_up(struct connection *c)
{
	close(c->fd);
	free(c->octets);
	*c = (struct connection){ .fd = -1 };
}

static void take_connection(struct server *s)
{
	int fd = accept(s->listener, NULL, NULL), on = 1;

	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	for (size_t i = 0; i < CONNECTIONS; i++) {
		if (s->connections[i].fd < 0) {
			s->connections[i].fd = fd;
			return;
		}
	}
	close(fd);
}

static uint64_t count_marks(const char *text, size_t len)
{
	uint64_t count = 0;
	const char *at;

	while ((at = memmem(text, len, ROW_MARK, ROW_MARK_LEN))) {
		len -= (size_t)(at - text) + ROW_MARK_LEN;
		text = at + ROW_MARK_LEN;
		count++;
	}
	return count;
}

/* A mark may lie across two pieces: the end of each is kept before the next one. */
static uint64_t count_packed(char *octets, size_t len)
{
	char piece[64 << 10];
	z_stream stream = { .next_in = (Bytef *)octets, .avail_in = (uInt)len };
	size_t kept = 0;
	uint64_t count = 0;
	int result = Z_OK;

	if (inflateInit2(&stream, 15 + 16) != Z_OK)       /* with a gzip header */
		return 0;
	while (result == Z_OK) {
		size_t got;

		stream.next_out = (Bytef *)piece + kept;
		stream.avail_out = (uInt)(sizeof(piece) - kept);
		result = inflate(&stream, Z_NO_FLUSH);
		got = sizeof(piece) - stream.avail_out;
		count += count_marks(piece, got);
		kept = got < ROW_MARK_LEN - 1 ? got : ROW_MARK_LEN - 1;
		memmove(piece, piece + got - kept, kept);
	}
	inflateEnd(&stream);
	return count;
}

static bool send_all(int fd, const char *octets, size_t len)
{
	while (len) {
		ssize_t sent = send(fd, octets, len, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return false;
		octets += sent;
		len -= (size_t)sent;
	}
	return true;
}

static bool answer(int fd, int status, const char *body)
{
	char head[160];
	int len = snprintf(head, sizeof(head), "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", status,
			   status == 200 ? "OK" : "Not Found", strlen(body));

	return send_all(fd, head, (size_t)len) && send_all(fd, body, strlen(body));
}

static void print_stats(const struct server *s, char *out, size_t size)
{
	snprintf(out, size, "requests=%llu rows=%llu octets=%llu\n", (unsigned long long)s->requests, (unsigned long long)s->rows,
		 (unsigned long long)s->octets);
}

/* The value of a header line, or NULL. `head` is NUL-terminated. */
static const char *header(const char *head, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
		if (!strncasecmp(line + 2, name, len) && line[2 + len] == ':')
			return line + 3 + len + strspn(line + 3 + len, " ");
	}
	return NULL;
}

static bool do_request(struct server *s, int fd, const char *head, char *body, size_t len)
{
	const char *encoding = header(head, "Content-Encoding");
	char stats[128];

	if (!strncmp(head, "GET /_stats", 11)) {
		print_stats(s, stats, sizeof(stats));
		return answer(fd, 200, stats);
	}
	s->requests++;
	s->octets += len;
	if (!strncmp(head, "GET ", 4) && strstr(head, "/tables/"))
		return answer(fd, 200, table);
	if (!strstr(head, "/insertAll"))
		return answer(fd, 404, "{\"error\":{\"code\":404,\"message\":\"not in this server\"}}");
	s->rows += encoding && !strncmp(encoding, "gzip", 4) ? count_packed(body, len) : count_marks(body, len);
	return answer(fd, 200, "{\"kind\":\"bigquery#tableDataInsertAllResponse\"}");
}

/* What is in the buffer, when it is a whole request. False: the connection is done. */
static bool try_request(struct server *s, struct connection *c)
{
	char *head_end;

	while ((head_end = memmem(c->octets, c->len, "\r\n\r\n", 4))) {
		const char *length, *expect;
		size_t head_len = (size_t)(head_end - c->octets) + 4, body_len;

		head_end[2] = 0;                          /* the last header line still ends in \r\n */
		length = header(c->octets, "Content-Length");
		expect = header(c->octets, "Expect");
		body_len = length ? strtoul(length, NULL, 10) : 0;
		if (head_len + body_len > REQUEST_MAX)
			return false;
		if (c->len < head_len + body_len) {
			bool is_fine = !expect || c->has_continued || send_all(c->fd, "HTTP/1.1 100 Continue\r\n\r\n", 25);

			c->has_continued = true;
			head_end[2] = '\r';
			return is_fine;
		}
		if (!do_request(s, c->fd, c->octets, c->octets + head_len, body_len))
			return false;
		c->has_continued = false;
		c->len -= head_len + body_len;
		memmove(c->octets, c->octets + head_len + body_len, c->len);
	}
	return c->len < REQUEST_MAX;
}

static bool read_some(struct connection *c)
{
	ssize_t got;

	if (c->size - c->len < 64 << 10) {
		c->size = c->size ? 2 * c->size : 256 << 10;
		c->octets = realloc(c->octets, c->size);
		if (!c->octets)
			die("memory");
	}
	got = recv(c->fd, c->octets + c->len, c->size - c->len, 0);
	if (got <= 0)
		return got < 0 && errno == EINTR;
	c->len += (size_t)got;
	return true;
}

static void serve(struct server *s)
{
	struct pollfd fds[CONNECTIONS + 1];

	for (size_t i = 0; i < CONNECTIONS; i++)
		fds[i] = (struct pollfd){ .fd = s->connections[i].fd, .events = POLLIN };
	fds[CONNECTIONS] = (struct pollfd){ .fd = s->listener, .events = POLLIN };
	if (poll(fds, CONNECTIONS + 1, -1) < 0)
		return;
	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &s->connections[i];

		if (fds[i].revents && c->fd >= 0 && (!read_some(c) || !try_request(s, c)))
			hang_up(c);
	}
	if (fds[CONNECTIONS].revents)
		take_connection(s);
}

int main(int argc, char **argv)
{
	static struct server s;
	char stats[128];

	for (size_t i = 0; i < CONNECTIONS; i++)
		s.connections[i].fd = -1;
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	signal(SIGPIPE, SIG_IGN);
	s.listener = listen_on(argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 0);
	while (!is_ended)
		serve(&s);
	print_stats(&s, stats, sizeof(stats));
	fputs(stats, stdout);
	return 0;
}
