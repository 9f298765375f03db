/* SPDX-License-Identifier: Apache-2.0 */
/* spool_segment.c - writes and reads the header and the frames of one segment, and finds its way over damage. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "spool_octets.h"
#include "spool_segment.h"

#define VERSION 1u
#define CHUNK_SIZE (64u << 10)
#define BLOCK_SIZE 4096u                          /* what a disk fails to read at once */

/* Octets that no line has, for lines are printable ASCII: a search never stops inside one. */
static const uint8_t header_magic[8] = { 0xdf, 'd', 'v', 's', 'p', 'o', 'o', 0xec };
static const uint8_t frame_magic[4] = { 0xdf, 'f', 'r', 0xed };

void spool_segment_name(char name[SPOOL_SEGMENT_NAME_SIZE], uint64_t number)
{
	snprintf(name, SPOOL_SEGMENT_NAME_SIZE, "%016" PRIx64 ".seg", number);
}

bool spool_segment_number(const char *name, uint64_t *number)
{
	char again[SPOOL_SEGMENT_NAME_SIZE];

	if (strlen(name) != 20 || sscanf(name, "%16" SCNx64, number) != 1 || !*number)
		return false;
	spool_segment_name(again, *number);
	return !strcmp(name, again);
}

int spool_segment_open(struct spool_segment *out, const struct spool_io *io, int folder, uint64_t number)
{
	char name[SPOOL_SEGMENT_NAME_SIZE];

	spool_segment_name(name, number);
	*out = (struct spool_segment){ .io = io, .number = number };
	out->fd = io->open(io->ctx, folder, name, O_RDONLY);
	return out->fd < 0 ? out->fd : 0;
}

void spool_segment_close(struct spool_segment *segment)
{
	if (segment->fd >= 0)
		segment->io->close(segment->io->ctx, segment->fd);
	segment->fd = -1;
}

/* A part of the disk that cannot be read is damage like any other: an error here would come back for ever. The read may be a short one
 * then, of one block. */
static ssize_t read_some(struct spool_segment *segment, void *to, size_t len, uint64_t offset)
{
	const struct spool_io *io = segment->io;
	ssize_t n = io->read(io->ctx, segment->fd, to, len, offset);
	uint64_t size;

	if (n != -EIO)
		return n;
	segment->had_error = true;
	if (io->size(io->ctx, segment->fd, &size) || offset >= size)
		return 0;
	len = len < BLOCK_SIZE ? len : BLOCK_SIZE;
	len = size - offset < len ? (size_t)(size - offset) : len;
	n = io->read(io->ctx, segment->fd, to, len, offset);
	if (n != -EIO)
		return n;
	memset(to, 0xff, len);
	return (ssize_t)len;
}

static bool is_zero(const uint8_t *octets, size_t len)
{
	return !len || (!octets[0] && !memcmp(octets, octets + 1, len - 1));
}

/* ---- header ---- */

void spool_header_encode(uint8_t out[SPOOL_HEADER_SIZE], const struct spool_header *header)
{
	uint8_t *p = put_octets(out, header_magic, sizeof(header_magic));

	p = put_le32(p, VERSION);
	p = put_le32(p, 0);
	p = put_octets(p, header->uuid, sizeof(header->uuid));
	p = put_le64(p, header->number);
	p = put_le64(p, header->first_sequence);
	p = put_le64(p, header->wall_ns);
	p = put_le32(p, 0);
	put_le32(p, (uint32_t)crc32(0, out, SPOOL_HEADER_SIZE - 4));
}

int spool_header_read(const struct spool_segment *segment, struct spool_header *out)
{
	uint8_t octets[SPOOL_HEADER_SIZE];
	ssize_t n = segment->io->read(segment->io->ctx, segment->fd, octets, sizeof(octets), 0);
	const uint8_t *p = octets + sizeof(header_magic);
	uint32_t version, crc, zero;

	if (n < 0)
		return n == -EIO ? -EBADMSG : (int)n;
	if (n < (ssize_t)sizeof(octets) || memcmp(octets, header_magic, sizeof(header_magic)))
		return -EBADMSG;
	get_le32(octets + SPOOL_HEADER_SIZE - 4, &crc);
	if (crc != crc32(0, octets, SPOOL_HEADER_SIZE - 4))
		return -EBADMSG;
	p = get_le32(get_le32(p, &version), &zero);
	if (version != VERSION)
		return -EPROTONOSUPPORT;
	p = get_octets(p, out->uuid, sizeof(out->uuid));
	p = get_le64(p, &out->number);
	p = get_le64(p, &out->first_sequence);
	get_le64(p, &out->wall_ns);
	return out->number == segment->number ? 0 : -EBADMSG;
}

/* ---- frames ---- */

static uint32_t frame_crc(const uint8_t header[SPOOL_FRAME_SIZE], uint64_t number, uint64_t offset, const char *lines, uint32_t len)
{
	uint8_t place[16];
	uLong crc;

	put_le64(put_le64(place, number), offset);
	crc = crc32(0, place, sizeof(place));
	crc = crc32(crc, header + 8, SPOOL_FRAME_SIZE - 8);
	return (uint32_t)(len ? crc32(crc, (const Bytef *)lines, len) : crc);
}

void spool_frame_encode(uint8_t out[SPOOL_FRAME_SIZE], const struct spool_frame *frame, uint64_t number, const char *lines)
{
	uint8_t *p = put_octets(out, frame_magic, sizeof(frame_magic)) + 4;

	p = put_le32(p, frame->len);
	p = put_le32(p, frame->rows);
	p = put_le64(p, frame->sequence);
	p = put_le64(p, frame->dropped);
	put_le64(p, frame->wall_ns);
	put_le32(out + 4, frame_crc(out, number, frame->offset, lines, frame->len));
}

static void frame_decode(struct spool_frame *out, const uint8_t octets[SPOOL_FRAME_SIZE], uint64_t offset)
{
	const uint8_t *p = octets + 8;

	p = get_le32(p, &out->len);
	p = get_le32(p, &out->rows);
	p = get_le64(p, &out->sequence);
	p = get_le64(p, &out->dropped);
	get_le64(p, &out->wall_ns);
	out->offset = offset;
}

/* The header alone, as it stands there: 1, 0, -EBADMSG, -errno. */
static int read_header(struct spool_segment *segment, uint64_t offset, uint8_t octets[SPOOL_FRAME_SIZE], struct spool_frame *out)
{
	ssize_t n = read_some(segment, octets, SPOOL_FRAME_SIZE, offset);

	if (n < 0)
		return (int)n;
	if (is_zero(octets, (size_t)n))
		return 0;
	if (n < (ssize_t)SPOOL_FRAME_SIZE || memcmp(octets, frame_magic, sizeof(frame_magic)))
		return -EBADMSG;
	frame_decode(out, octets, offset);
	return out->len > SPOOL_FRAME_MAX || out->rows > out->len || out->sequence + out->rows < out->sequence ? -EBADMSG : 1;
}

int spool_frame_peek(struct spool_segment *segment, uint64_t offset, struct spool_frame *out)
{
	uint8_t octets[SPOOL_FRAME_SIZE];
	int found = read_header(segment, offset, octets, out);

	return found == 1 && !out->wall_ns ? -EBADMSG : found; /* the writer was killed within it */
}

/* Who gets a batch counts on `rows` lines. */
static bool are_lines(const char *lines, uint32_t len, uint32_t rows)
{
	const char *p = lines, *end = lines + len;

	for (; rows && p < end; rows--) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (!p)
			return false;
		p++;
	}
	return !rows && p == end;
}

int spool_frame_read(struct spool_segment *segment, uint64_t offset, struct spool_frame *out, char **lines)
{
	uint8_t octets[SPOOL_FRAME_SIZE];
	uint32_t crc;
	uint64_t size;
	ssize_t n;
	int found = read_header(segment, offset, octets, out);

	*lines = NULL;
	if (found <= 0)
		return found;
	/* A damaged length must not cost memory. */
	found = segment->io->size(segment->io->ctx, segment->fd, &size);
	if (found || size < offset + SPOOL_FRAME_SIZE + out->len)
		return found ? found : -EBADMSG;
	*lines = malloc(out->len ? out->len : 1);
	if (!*lines)
		return -ENOMEM;
	n = read_some(segment, *lines, out->len, offset + SPOOL_FRAME_SIZE);
	get_le32(octets + 4, &crc);
	if (n == (ssize_t)out->len && crc == frame_crc(octets, segment->number, offset, *lines, out->len) &&
	    are_lines(*lines, out->len, out->rows))
		return 1;
	free(*lines);
	*lines = NULL;
	return n < 0 ? (int)n : -EBADMSG;
}

/* Frames begin at multiples of 8. */
static uint64_t round_up(uint64_t octets)
{
	return (octets + 7) & ~7ull;
}

int spool_frame_find(struct spool_segment *segment, uint64_t offset, bool is_growing, struct spool_frame *out, char **lines)
{
	uint8_t chunk[CHUNK_SIZE];
	ssize_t n = 0;

	*lines = NULL;
	offset = round_up(offset);
	for (; (n = read_some(segment, chunk, sizeof(chunk), offset)) > 0; offset += round_up((uint64_t)n)) {
		if (is_zero(chunk, (size_t)n)) {
			if (is_growing)
				return 0;
			continue;
		}
		for (size_t i = 0; i + sizeof(frame_magic) <= (size_t)n; i += 8) {
			int found = -EBADMSG;

			if (!memcmp(chunk + i, frame_magic, sizeof(frame_magic)))
				found = spool_frame_read(segment, offset + i, out, lines);
			if (found == 1 || (found < 0 && found != -EBADMSG))
				return found;
		}
	}
	return (int)n;
}

int spool_first_sequence(struct spool_segment *segment, uint64_t *out)
{
	struct spool_header header;
	struct spool_frame frame;
	char *lines;
	int err = spool_header_read(segment, &header);

	*out = 0;
	if (!err)
		*out = header.first_sequence;
	if (err != -EBADMSG)
		return err;
	err = spool_frame_find(segment, SPOOL_HEADER_SIZE, false, &frame, &lines);
	if (err <= 0)
		return err ? err : -ENODATA;
	free(lines);
	*out = frame.sequence > frame.dropped ? frame.sequence - frame.dropped : 0;
	return 0;
}

uint64_t spool_segment_rest(struct spool_segment *segment, uint64_t offset)
{
	uint8_t chunk[CHUNK_SIZE];
	uint64_t rest = 0, at = offset;
	ssize_t n;

	for (; (n = read_some(segment, chunk, sizeof(chunk), at)) > 0; at += (uint64_t)n) {
		ssize_t used = n;

		while (used > 0 && !chunk[used - 1])
			used--;
		if (used > 0)
			rest = at + (uint64_t)used - offset;
	}
	return rest;
}
