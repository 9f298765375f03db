/* SPDX-License-Identifier: Apache-2.0 */
/* fill.c - writes a capture file with exactly as many flows as are asked for: fill FILE FLOWS [PACKETS [NAMES]].
 *
 * Flow k is UDP from 10.(k >> 16).(k >> 8).k to 198.18.(k >> 8).k, with PACKETS (1) packets, each other one an answer, and
 * begins k milliseconds and k % 1000 nanoseconds after the first. Packets are cut behind their headers and claim 60 + k % 1400
 * octets. With NAMES (at most 8) its client has first asked a resolver for that many names of 253 octets, nearly all of them
 * octets that are written as \001: the longest records there are. The questions of a client are a flow, too.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S 1000000000ull
#define BEGIN_NS (1736937000 * NS_PER_S)          /* 2025-01-15T10:30:00Z */
#define HEADERS (14 + 20 + 8)
#define RESOLVER 0xc0000201u                      /* 192.0.2.1 */
#define NAMES_MAX 8

struct end { uint32_t addr; unsigned port; };
struct blob { uint8_t octets[1024]; size_t len; };

static void put(struct blob *b, const void *octets, size_t len)
{
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

/* Ethernet, IPv4 (RFC 791) and UDP (RFC 768) without checksums: nobody checks them. `len` octets of payload are claimed. */
static void put_headers(struct blob *b, struct end src, struct end dst, size_t len)
{
	static const uint8_t ethernet[] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0 };

	b->len = 0;
	put(b, ethernet, sizeof(ethernet));
	put16(b, 0x4500);
	put16(b, (unsigned)(28 + len));
	put32(b, 0);
	put16(b, 0x4011);                         /* time to live 64, UDP */
	put16(b, 0);
	put32(b, src.addr);
	put32(b, dst.addr);
	put16(b, src.port);
	put16(b, dst.port);
	put16(b, (unsigned)(8 + len));
	put16(b, 0);
}

/* A record of a pcap file in nanoseconds, in this machine's byte order. */
static void write_packet(FILE *file, uint64_t ns, const struct blob *b, size_t len)
{
	const uint32_t head[] = { (uint32_t)(ns / NS_PER_S), (uint32_t)(ns % NS_PER_S), (uint32_t)b->len, (uint32_t)len };

	fwrite(head, sizeof(head), 1, file);
	fwrite(b->octets, b->len, 1, file);
}

static void write_file_header(FILE *file)
{
	const uint32_t head[] = { 0xa1b23c4d, 2 | 4 << 16, 0, 0, 262144, 1 }; /* version 2.4, Ethernet */

	fwrite(head, sizeof(head), 1, file);
}

/* Labels of 63, 63, 63 and 60 octets (RFC 1035 2.3.4): the first begins with what makes it different from others. */
static void put_name(struct blob *b, unsigned flow, unsigned number)
{
	static const uint8_t lens[] = { 63, 63, 63, 60 };
	uint8_t label[63];
	char text[24];
	int len = snprintf(text, sizeof(text), "%u-%u", flow, number);

	memset(label, 1, sizeof(label));
	memcpy(label, text, (size_t)len);
	for (size_t i = 0; i < sizeof(lens); i++) {
		put(b, &lens[i], 1);
		put(b, label, lens[i]);
		memset(label, 1, sizeof(label));
	}
	put(b, "", 1);
}

/* A DNS question for the address of a name, and the answer, one minute old at most (RFC 1035 4.1). */
static void write_look_up(FILE *file, uint64_t ns, unsigned flow, struct end client, uint32_t addr, unsigned number)
{
	const struct end resolver = { RESOLVER, 53 };
	struct blob name = { .len = 0 }, packet;

	put_name(&name, flow, number);
	put_headers(&packet, client, resolver, 12 + name.len + 4);
	put16(&packet, number);
	put(&packet, "\1\0\0\1\0\0\0\0\0\0", 10);
	put(&packet, name.octets, name.len);
	put32(&packet, 1 << 16 | 1);
	write_packet(file, ns, &packet, packet.len);

	put_headers(&packet, resolver, client, 12 + name.len + 4 + 16);
	put16(&packet, number);
	put(&packet, "\x81\x80\0\1\0\1\0\0\0\0", 10);
	put(&packet, name.octets, name.len);
	put32(&packet, 1 << 16 | 1);
	put16(&packet, 0xc00c);                   /* the name of the question */
	put32(&packet, 1 << 16 | 1);
	put32(&packet, 60);
	put16(&packet, 4);
	put32(&packet, addr);
	write_packet(file, ns + 1000, &packet, packet.len);
}

static void write_flow(FILE *file, unsigned k, unsigned packets, unsigned names)
{
	const struct end client = { 10u << 24 | (k & 0xffffff), 20000 + k % 10000 }, server = { 198u << 24 | 18u << 16 | (k & 0xffff), 1000 + k % 5000 };
	uint64_t ns = BEGIN_NS + k * 1000000ull + k % 1000;
	size_t len = 60 + k % 1400;
	struct blob packet;

	for (unsigned i = 0; i < names; i++)
		write_look_up(file, ns + 10000 * i, k, (struct end){ client.addr, 10000 }, server.addr, i);
	ns += names ? 100000 : 0;
	for (unsigned i = 0; i < packets; i++) {
		put_headers(&packet, i % 2 ? server : client, i % 2 ? client : server, len - HEADERS);
		write_packet(file, ns + 1000 * i, &packet, len);
	}
}

static unsigned number(const char *text, unsigned long max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value > max) {
		fprintf(stderr, "fill: not a number up to %lu: %s\n", max, text);
		exit(2);
	}
	return (unsigned)value;
}

int main(int argc, char **argv)
{
	unsigned flows, packets, names;
	FILE *file;

	if (argc < 3 || argc > 5) {
		fputs("usage: fill FILE FLOWS [PACKETS [NAMES]]\n", stderr);
		return 2;
	}
	flows = number(argv[2], 1 << 24);
	packets = argc > 3 ? number(argv[3], 900) : 1;
	names = argc > 4 ? number(argv[4], NAMES_MAX) : 0;
	file = fopen(argv[1], "wb");
	if (file) {
		write_file_header(file);
		for (unsigned k = 0; k < flows; k++)
			write_flow(file, k, packets, names);
	}
	if (!file || ferror(file) || fclose(file)) {
		fprintf(stderr, "fill: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	return 0;
}
