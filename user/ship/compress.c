/* SPDX-License-Identifier: Apache-2.0 */
/* compress.c - libzstd behind the few calls that an appended file needs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <zstd.h>
#include "compress.h"

#define LEVEL 3                                   /* libzstd's own default: records become a fifth */

/* RFC 8878 3.1.1.2: an empty raw block with the bit Last_Block ends a frame, if that has no checksum. */
static const char last_block[3] = { 1, 0, 0 };

struct compress {
	ZSTD_CCtx *zstd;
	bool is_open;                             /* the file ends inside a frame … */
	bool is_torn;                             /* … which must be ended, since libzstd has gone on without it */
	bool was_open;                            /* before the last call */
	char *out;
	size_t size;
};

struct compress *compress_new(void)
{
	struct compress *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->zstd = ZSTD_createCCtx();
	if (c->zstd && !ZSTD_isError(ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_compressionLevel, LEVEL)) &&
	    !ZSTD_isError(ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_checksumFlag, 0)))
		return c;
	compress_free(c);
	return NULL;
}

void compress_free(struct compress *c)
{
	if (!c)
		return;
	ZSTD_freeCCtx(c->zstd);
	free(c->out);
	free(c);
}

static int make_room(struct compress *c, size_t len)
{
	char *out;

	if (len <= c->size)
		return 0;
	out = realloc(c->out, len);
	if (!out)
		return -ENOMEM;
	c->out = out;
	c->size = len;
	return 0;
}

static size_t end_torn(struct compress *c)
{
	size_t len = c->is_torn ? sizeof(last_block) : 0;

	memcpy(c->out, last_block, len);
	c->is_torn = false;
	return len;
}

/* The room is enough for one call to do all: ZSTD_compressBound and the frame header, at most 18 octets. */
static int run(struct compress *c, const char *octets, size_t len, ZSTD_EndDirective directive, size_t *out_len)
{
	ZSTD_inBuffer in = { octets, len, 0 };
	ZSTD_outBuffer out = { c->out, c->size, end_torn(c) };
	size_t left;

	do
		left = ZSTD_compressStream2(c->zstd, &out, &in, directive);
	while (left && !ZSTD_isError(left) && out.pos < out.size);
	*out_len = out.pos;
	if (!left)
		return 0;
	compress_undo(c);
	return -ENOMEM;
}

int compress_piece(struct compress *c, const char *octets, size_t len, const char **out, size_t *out_len)
{
	c->was_open = c->is_open;
	if (make_room(c, ZSTD_compressBound(len) + 64))
		return -ENOMEM;
	*out = c->out;
	c->is_open = true;
	return run(c, octets, len, ZSTD_e_flush, out_len);
}

int compress_end(struct compress *c, const char **out, size_t *out_len)
{
	c->was_open = c->is_open;
	if (make_room(c, 64))
		return -ENOMEM;
	*out = c->out;
	*out_len = 0;
	if (!c->is_open)
		return 0;
	c->is_open = false;
	if (!c->is_torn)
		return run(c, NULL, 0, ZSTD_e_end, out_len);
	*out_len = end_torn(c);
	return 0;
}

void compress_undo(struct compress *c)
{
	ZSTD_CCtx_reset(c->zstd, ZSTD_reset_session_only);
	c->is_open = c->is_torn = c->was_open;
}

void compress_restart(struct compress *c)
{
	ZSTD_CCtx_reset(c->zstd, ZSTD_reset_session_only);
	c->is_open = c->is_torn = false;
}

/* libzstd goes from block header to block header, so this reads little of a large file. */
bool compress_is_whole(int fd, uint64_t size)
{
	const char *octets;
	size_t at = 0;

	if (!size)
		return true;
	octets = size > SIZE_MAX ? MAP_FAILED : mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (octets == MAP_FAILED)
		return false;
	while (at < size) {
		size_t len = ZSTD_findFrameCompressedSize(octets + at, (size_t)size - at);

		if (ZSTD_isError(len))
			break;
		at += len;
	}
	munmap((void *)octets, (size_t)size);
	return at == size;
}
