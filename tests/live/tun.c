/* SPDX-License-Identifier: Apache-2.0 */
/* tun.c - packets that come in by a tun device: tun NAME [segments [tagged]], and a number on standard input for so many of them.
 *
 * Each is UDP from 10.77.0.2:7000 to 10.77.0.1:7001, 50 octets of IP, in no frame. With `segments` it is a tap device and a
 * packet is TCP from the same to the same in an Ethernet frame that offload has not cut yet, as a guest's network card gives
 * it: 10 segments of 1,000 octets, so 10 x 1,054 octets on the wire; `tagged`: in VLAN 7, 4 more each. Answers each number with
 * "sent COUNT"; the device goes with the end of the input.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SEGMENT 1000
#define SEGMENTS 10

struct packet { uint8_t octets[SEGMENT * SEGMENTS + 100]; size_t len; };

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "tun: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void put(struct packet *p, const void *octets, size_t len)
{
	memcpy(p->octets + p->len, octets, len);
	p->len += len;
}

static void put16(struct packet *p, unsigned value)
{
	put(p, (const uint8_t[]){ (uint8_t)(value >> 8), (uint8_t)value }, 2);
}

/* RFC 791 3.1, the checksum by RFC 1071. */
static void put_ip(struct packet *p, unsigned protocol, unsigned payload_len)
{
	const uint8_t *ip = p->octets + p->len;
	uint32_t sum = 0;

	put16(p, 0x4500);
	put16(p, 20 + payload_len);
	put(p, "\0\0\0\0\x40", 5);
	put(p, &(uint8_t){ (uint8_t)protocol }, 1);
	put(p, "\0\0\x0a\x4d\0\2\x0a\x4d\0\1", 10);
	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	sum = ~((sum & 0xffff) + (sum >> 16));
	p->len -= 10;
	put16(p, sum & 0xffff);
	p->len += 8;
}

static void make_datagram(struct packet *p)
{
	put_ip(p, 17, 30);
	put16(p, 7000);
	put16(p, 7001);
	put16(p, 30);
	put16(p, 0);
	p->len += 22;
}

/* linux/virtio_net.h in the order of this machine, then the frame. */
static void make_segments(struct packet *p, bool is_tagged)
{
	struct virtio_net_hdr header = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = SEGMENT };

	header.hdr_len = (uint16_t)(54 + 4 * is_tagged);
	header.csum_start = (uint16_t)(34 + 4 * is_tagged);
	header.csum_offset = 16;
	put(p, &header, sizeof(header));
	put(p, "\xff\xff\xff\xff\xff\xff\2\0\0\0\0\7", 12);
	if (is_tagged)
		put(p, "\x81\0\0\7", 4);
	put16(p, 0x0800);
	put_ip(p, 6, 20 + SEGMENT * SEGMENTS);
	put16(p, 7000);
	put16(p, 7001);
	put(p, "\0\0\0\1\0\0\0\1\x50\x10\xff\xff\0\0\0\0", 16);
	p->len += SEGMENT * SEGMENTS;
}

static int open_device(const char *name, bool is_tap)
{
	struct ifreq request = { .ifr_flags = is_tap ? IFF_TAP | IFF_NO_PI | IFF_VNET_HDR : IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR);

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
		die(name);
	return fd;
}

int main(int argc, char **argv)
{
	static struct packet packet;
	bool is_tap = argc > 2;
	unsigned long count;
	int fd;

	if (argc < 2 || argc > 4) {
		fputs("usage: tun NAME [segments [tagged]]\n", stderr);
		return 2;
	}
	if (is_tap)
		make_segments(&packet, argc > 3);
	else
		make_datagram(&packet);
	fd = open_device(argv[1], is_tap);
	puts("ready");
	fflush(stdout);
	while (scanf("%lu", &count) == 1) {
		for (unsigned long i = 0; i < count; i++)
			if (write(fd, packet.octets, packet.len) != (ssize_t)packet.len)
				die("write");
		printf("sent %lu\n", count);
		fflush(stdout);
	}
	return 0;
}
