/* SPDX-License-Identifier: Apache-2.0 */
/* capture.c - pcap (draft-ietf-opsawg-pcap) and pcapng (draft-ietf-opsawg-pcapng) files. */
#include "capture.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SNAPLEN_DEFAULT 262144

struct capture {
	FILE *file;
	char path[4096];
	struct capture_format format;
};

void capture_raw(struct capture *c, const void *octets, size_t len)
{
	if (len && fwrite(octets, len, 1, c->file) != 1)
		die("%s: %s", c->path, strerror(errno));
}

/* A number in the byte order of the file. */
static void put_number(struct capture *c, uint64_t value, size_t size)
{
	uint8_t octets[8];

	for (size_t i = 0; i < size; i++)
		octets[c->format.is_big_endian ? size - 1 - i : i] = (uint8_t)(value >> 8 * i);
	capture_raw(c, octets, size);
}

static void put_u16(struct capture *c, unsigned value)
{
	put_number(c, value, 2);
}

static void put_u32(struct capture *c, uint64_t value)
{
	put_number(c, value, 4);
}

static void pcap_header(struct capture *c)
{
	put_u32(c, c->format.is_nano ? 0xa1b23c4d : 0xa1b2c3d4);
	put_u16(c, 2);
	put_u16(c, 4);
	put_u32(c, 0);
	put_u32(c, 0);
	put_u32(c, c->format.snaplen);
	put_u32(c, c->format.link);
}

static void pcapng_section(struct capture *c)
{
	put_u32(c, 0x0a0d0d0a);
	put_u32(c, 28);
	put_u32(c, 0x1a2b3c4d);
	put_u16(c, 1);
	put_u16(c, 0);
	put_number(c, UINT64_MAX, 8);             /* section length: not said */
	put_u32(c, 28);
}

static void pcapng_interface(struct capture *c)
{
	put_u32(c, 1);
	put_u32(c, 32);
	put_u16(c, c->format.link);
	put_u16(c, 0);
	put_u32(c, c->format.snaplen);
	put_u16(c, 9);                            /* if_tsresol, one octet */
	put_u16(c, 1);
	capture_raw(c, c->format.is_nano ? "\x09\0\0" : "\x06\0\0", 4);
	put_u32(c, 0);                            /* opt_endofopt */
	put_u32(c, 32);
}

static struct capture *create(const char *dir, const char *name)
{
	struct capture *c = calloc(1, sizeof(*c));

	if (!c)
		die("out of memory");
	snprintf(c->path, sizeof(c->path), "%s/%s", dir, name);
	c->file = fopen(c->path, "wb");
	if (!c->file)
		die("%s: %s", c->path, strerror(errno));
	return c;
}

struct capture *capture_open(const char *dir, const char *name, const struct capture_format *format)
{
	struct capture *c = create(dir, name);

	c->format = *format;
	if (!c->format.snaplen)
		c->format.snaplen = SNAPLEN_DEFAULT;
	if (format->is_pcapng) {
		pcapng_section(c);
		pcapng_interface(c);
	} else {
		pcap_header(c);
	}
	return c;
}

void capture_close(struct capture *c)
{
	if (fclose(c->file))
		die("%s: %s", c->path, strerror(errno));
	free(c);
}

void write_file(const char *dir, const char *name, const void *octets, size_t len)
{
	struct capture *c = create(dir, name);

	capture_raw(c, octets, len);
	capture_close(c);
}

static void pcap_record(struct capture *c, uint64_t ns, const void *octets, uint32_t caplen, uint32_t len)
{
	put_u32(c, ns / 1000000000);
	put_u32(c, ns % 1000000000 / (c->format.is_nano ? 1 : 1000));
	put_u32(c, caplen);
	put_u32(c, len);
	capture_raw(c, octets, caplen);
}

static void pcapng_packet(struct capture *c, uint64_t ns, const void *octets, uint32_t caplen, uint32_t len)
{
	uint64_t units = c->format.is_nano ? ns : ns / 1000;
	uint32_t pad = -caplen & 3;

	put_u32(c, 6);
	put_u32(c, 32 + caplen + pad);
	put_u32(c, 0);
	put_u32(c, units >> 32);
	put_u32(c, units & 0xffffffff);
	put_u32(c, caplen);
	put_u32(c, len);
	capture_raw(c, octets, caplen);
	capture_raw(c, "\0\0\0", pad);
	put_u32(c, 32 + caplen + pad);
}

void capture_octets(struct capture *c, uint64_t ns, const void *octets, uint32_t caplen, uint32_t len)
{
	if (c->format.is_pcapng)
		pcapng_packet(c, ns, octets, caplen, len);
	else
		pcap_record(c, ns, octets, caplen, len);
}

void capture_frame(struct capture *c, uint64_t ns, const struct frame *f)
{
	uint32_t len = (uint32_t)f->b.len;

	capture_octets(c, ns, f->b.octets, len < c->format.snaplen ? len : c->format.snaplen, len);
}

void write_captures(const char *dir, const struct capture_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char name[256];
		struct capture *c;

		snprintf(name, sizeof(name), "%s.pcap", rows[i].name);
		c = capture_open(dir, name, &rows[i].format);
		rows[i].write(c);
		capture_close(c);
	}
}
