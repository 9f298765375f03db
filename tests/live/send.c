/* SPDX-License-Identifier: Apache-2.0 */
/* send.c - sends exactly COUNT packets over FLOWS flows at a rate: send INTERFACE COUNT FLOWS PACKETS_PER_SECOND.
 *
 * Flow k is UDP from 10.99.(k / 256).(k % 256):5000 to 10.98.0.1:9000; packet i belongs to flow i % FLOWS.
 * Prints "sent COUNT" and ends with status 0 when the kernel has taken every one.
 */
#include <arpa/inet.h>
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

#define FRAME_LEN 60
#define BURST 32                                  /* packets between two looks at the clock */
#define NS_PER_S 1000000000ull

/* Ethernet, IPv4, UDP, and 18 octets. */
static const uint8_t frame_of_flow_0[FRAME_LEN] = {
	0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1, 0x08, 0,
	0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0, 10, 99, 0, 0, 10, 98, 0, 1,
	5000 >> 8, 5000 & 255, 9000 >> 8, 9000 & 255, 0, 26, 0, 0,
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "send: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void wait_until(uint64_t ns)
{
	uint64_t now = now_ns();
	struct timespec pause = { .tv_nsec = (long)(ns > now ? ns - now : 0) };

	while (pause.tv_nsec >= (long)NS_PER_S) {
		pause.tv_nsec -= (long)NS_PER_S;
		pause.tv_sec++;
	}
	nanosleep(&pause, NULL);
}

static int open_interface(const char *name)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (!to.sll_ifindex || fd < 0 || bind(fd, (void *)&to, sizeof(to)))
		die(name);
	return fd;
}

/* The source address of flow k, and the checksum of the IP header (RFC 1071). */
static void set_flow(uint8_t *frame, unsigned k)
{
	uint32_t sum = 0;

	frame[28] = (uint8_t)(k >> 8);
	frame[29] = (uint8_t)k;
	frame[24] = frame[25] = 0;
	for (int i = 14; i < 34; i += 2)
		sum += (uint32_t)frame[i] << 8 | frame[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	frame[24] = (uint8_t)(sum >> 8);
	frame[25] = (uint8_t)sum;
}

/* A full queue is waited for: no packet is left out. */
static void send_frame(int fd, const uint8_t *frame)
{
	while (send(fd, frame, FRAME_LEN, 0) != FRAME_LEN) {
		struct pollfd writable = { .fd = fd, .events = POLLOUT };

		if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
			die("send");
		poll(&writable, 1, 1);
	}
}

static unsigned long number(const char *text, unsigned long max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	errno = EINVAL;
	if (*end || !value || value > max)
		die(text);
	return value;
}

int main(int argc, char **argv)
{
	unsigned long count, flows, rate;
	uint8_t frame[FRAME_LEN];
	uint64_t start_ns;
	int fd;

	if (argc != 5) {
		fputs("usage: send INTERFACE COUNT FLOWS PACKETS_PER_SECOND\n", stderr);
		return 2;
	}
	count = number(argv[2], 100000000);
	flows = number(argv[3], 65536);
	rate = number(argv[4], 10000000);
	fd = open_interface(argv[1]);
	memcpy(frame, frame_of_flow_0, sizeof(frame));
	start_ns = now_ns();
	for (unsigned long i = 0; i < count; i++) {
		if (i % BURST == 0)
			wait_until(start_ns + i * NS_PER_S / rate);
		set_flow(frame, (unsigned)(i % flows));
		send_frame(fd, frame);
	}
	printf("sent %lu\n", count);
	return 0;
}
