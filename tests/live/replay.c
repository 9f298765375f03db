/* SPDX-License-Identifier: Apache-2.0 */
/* replay.c - sends the frames of an Ethernet capture in their order: replay INTERFACE FILE MIN_US MAX_US.
 *
 * Between two frames is the time that was between them in the capture, but for these bounds. A frame that was cut by
 * the snap length is filled up with zeros, so that it has its length on the wire. Prints
 * "sent COUNT, COUNT cannot be sent": those are shorter than an Ethernet header or longer than the MTU. Status 3: none was sent.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define NS_PER_S 1000000000ull
#define FRAME_MAX 65550

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "replay: %s: %s\n", what, why);
	exit(1);
}

static int open_interface(const char *name)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (!to.sll_ifindex || fd < 0 || bind(fd, (void *)&to, sizeof(to)))
		die(name, strerror(errno));
	return fd;
}

/* Since 1970; libpcap gives microseconds. */
static int64_t time_us(const struct pcap_pkthdr *header)
{
	return header->ts.tv_sec * INT64_C(1000000) + header->ts.tv_usec;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void wait_until(uint64_t ns)
{
	const struct timespec at = { .tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S) };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

/* A full queue is waited for. 0: sent. */
static int send_frame(int fd, const uint8_t *frame, size_t len)
{
	while (send(fd, frame, len, 0) != (ssize_t)len) {
		struct pollfd writable = { .fd = fd, .events = POLLOUT };

		if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
			return -errno;
		poll(&writable, 1, 1);
	}
	return 0;
}

static int64_t between(int64_t value, int64_t least, int64_t most)
{
	return value < least ? least : value > most ? most : value;
}

static pcap_t *open_capture(const char *path)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *capture = pcap_open_offline(path, why);

	if (!capture)
		die(path, why);
	if (pcap_datalink(capture) != DLT_EN10MB)
		die(path, "not an Ethernet capture");
	return capture;
}

int main(int argc, char **argv)
{
	static uint8_t frame[FRAME_MAX];
	struct pcap_pkthdr *header;
	const uint8_t *octets;
	unsigned long sent = 0, unfit = 0;
	int64_t before_us = INT64_MAX, least_us, most_us;
	uint64_t due_ns = now_ns();
	pcap_t *capture;
	int fd, status;

	if (argc != 5) {
		fputs("usage: replay INTERFACE FILE MIN_US MAX_US\n", stderr);
		return 2;
	}
	capture = open_capture(argv[2]);
	fd = open_interface(argv[1]);
	least_us = atoll(argv[3]);
	most_us = atoll(argv[4]);
	for (; (status = pcap_next_ex(capture, &header, &octets)) == 1; before_us = time_us(header)) {
		uint32_t len = header->len > header->caplen ? header->len : header->caplen;

		due_ns += (uint64_t)between(before_us == INT64_MAX ? 0 : time_us(header) - before_us, least_us, most_us) * 1000;
		wait_until(due_ns);
		if (len > sizeof(frame)) {
			unfit++;
			continue;
		}
		memcpy(frame, octets, header->caplen);
		memset(frame + header->caplen, 0, len - header->caplen);
		if (send_frame(fd, frame, len))
			unfit++;
		else
			sent++;
	}
	if (status != PCAP_ERROR_BREAK)
		fprintf(stderr, "replay: %s\n", pcap_geterr(capture));
	printf("sent %lu, %lu cannot be sent\n", sent, unfit);
	return sent ? 0 : 3;
}
