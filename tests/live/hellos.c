/* SPDX-License-Identifier: Apache-2.0 */
/* hellos.c - TLS connections, each to a name of its own: hellos INTERFACE COUNT CONNECTIONS_PER_SECOND [SEGMENTS [PAUSE_MS]].
 *
 * Connection k is from 10.66.(k / 256).(k % 256):40000 to 198.51.100.1:443, with both sides' packets: SYN, SYN-ACK, ACK, and a
 * ClientHello for "flow-K.example" (K in eight decimal digits) in SEGMENTS (1) pieces, PAUSE_MS apart, the name in the last
 * one. Prints "sent PACKETS" when the kernel has taken all.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000ull
#define SEGMENTS_MAX 8
#define PADDING 200                               /* octets before the name, for each further segment */

enum { FIN = 1, SYN = 2, ACK = 16 };

struct blob { uint8_t octets[4096]; size_t len; };

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "hellos: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void put(struct blob *b, const void *octets, size_t len)
{
	if (len)
		memcpy(b->octets + b->len, octets, len);
	b->len += len;
}

static void put16(struct blob *b, unsigned value)
{
	put(b, (const uint8_t[]){ (uint8_t)(value >> 8), (uint8_t)value }, 2);
}

static void put32(struct blob *b, uint32_t value)
{
	put16(b, value >> 16);
	put16(b, value & 0xffff);
}

static int open_interface(const char *name)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (!to.sll_ifindex || fd < 0 || bind(fd, (void *)&to, sizeof(to)))
		die(name);
	return fd;
}

/* A full queue is waited for: no packet is left out. */
static void send_frame(int fd, const struct blob *frame)
{
	while (send(fd, frame->octets, frame->len, 0) != (ssize_t)frame->len) {
		struct pollfd writable = { .fd = fd, .events = POLLOUT };

		if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
			die("send");
		poll(&writable, 1, 1);
	}
}

/* RFC 8446 4.1.2; a padding extension (RFC 7685), then server_name (RFC 6066 3). */
static void make_hello(struct blob *b, unsigned k, size_t padding)
{
	char name[32];
	size_t name_len = (size_t)snprintf(name, sizeof(name), "flow-%08u.example", k), extensions = 4 + padding + 9 + name_len;

	b->len = 0;
	put(b, "\x16\3\1", 3);
	put16(b, (unsigned)(4 + 2 + 32 + 1 + 4 + 2 + 2 + extensions));
	put16(b, 0x0100);
	put16(b, (unsigned)(2 + 32 + 1 + 4 + 2 + 2 + extensions));
	put16(b, 0x0303);
	memset(b->octets + b->len, 0xaa, 32);
	b->len += 32;
	put(b, "\0\0\2\x13\1\1\0", 7);           /* no session, one cipher suite, no compression */
	put16(b, (unsigned)extensions);
	put16(b, 21);
	put16(b, (unsigned)padding);
	memset(b->octets + b->len, 0, padding);
	b->len += padding;
	put16(b, 0);
	put16(b, (unsigned)(5 + name_len));
	put16(b, (unsigned)(3 + name_len));
	put(b, "\0", 1);
	put16(b, (unsigned)name_len);
	put(b, name, name_len);
}

static void put_ip_sum(uint8_t *ip)               /* RFC 1071 */
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	sum = ~((sum & 0xffff) + (sum >> 16));
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
}

/* One segment of connection k, from the client or the server. */
static void send_segment(int fd, unsigned k, int is_client, unsigned flags, uint32_t seq, const uint8_t *payload, size_t len)
{
	struct blob f = { .len = 0 };
	uint32_t client = 0x0a420000u + k, server = 0xc6336401u;

	put(&f, is_client ? "\2\0\0\0\0\2\2\0\0\0\0\1\x08\0" : "\2\0\0\0\0\1\2\0\0\0\0\2\x08\0", 14);
	put16(&f, 0x4500);
	put16(&f, (unsigned)(40 + len));
	put(&f, "\0\0\0\0\x40\6\0\0", 8);
	put32(&f, is_client ? client : server);
	put32(&f, is_client ? server : client);
	put_ip_sum(f.octets + 14);
	put16(&f, is_client ? 40000 : 443);
	put16(&f, is_client ? 443 : 40000);
	put32(&f, seq);
	put32(&f, flags & ACK ? 1 : 0);
	put16(&f, 0x5000 | flags);
	put(&f, "\xff\xff\0\0\0\0", 6);
	put(&f, payload, len);
	send_frame(fd, &f);
}

/* How many packets it took. */
static unsigned long connect_and_say_hello(int fd, unsigned k, unsigned segments, unsigned pause_ms)
{
	struct blob hello;
	size_t piece, at = 0;

	make_hello(&hello, k, (segments - 1) * PADDING);
	piece = (hello.len + segments - 1) / segments;
	send_segment(fd, k, 1, SYN, 0, NULL, 0);
	send_segment(fd, k, 0, SYN | ACK, 0, NULL, 0);
	send_segment(fd, k, 1, ACK, 1, NULL, 0);
	for (unsigned i = 0; i < segments; i++, at += piece) {
		if (i && pause_ms)
			usleep(pause_ms * 1000);
		send_segment(fd, k, 1, ACK, (uint32_t)(1 + at), hello.octets + at, hello.len - at < piece ? hello.len - at : piece);
	}
	return 3 + segments;
}

static void wait_until(uint64_t ns)
{
	const struct timespec at = { .tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S) };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 3 ? strtoul(argv[2], NULL, 10) : 0, rate = argc > 3 ? strtoul(argv[3], NULL, 10) : 0, packets = 0;
	unsigned segments = argc > 4 ? (unsigned)atoi(argv[4]) : 1, pause_ms = argc > 5 ? (unsigned)atoi(argv[5]) : 0;
	struct timespec start;
	int fd;

	if (!count || count > 65536 || !rate || !segments || segments > SEGMENTS_MAX) {
		fputs("usage: hellos INTERFACE COUNT CONNECTIONS_PER_SECOND [SEGMENTS [PAUSE_MS]]\n", stderr);
		return 2;
	}
	fd = open_interface(argv[1]);
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (unsigned k = 0; k < count; k++) {
		wait_until((uint64_t)start.tv_sec * NS_PER_S + (uint64_t)start.tv_nsec + k * NS_PER_S / rate);
		packets += connect_and_say_hello(fd, k, segments, pause_ms);
	}
	printf("sent %lu\n", packets);
	return 0;
}
