/* SPDX-License-Identifier: Apache-2.0 */
/* input.c - octets of a file, gzip or zstd, behind a FILE that libpcap reads. Memory does not grow with the file. */
#ifdef __linux__
#define _GNU_SOURCE                               /* fopencookie */
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include "../base/log.h"
#include "input.h"

#define STORED_SIZE (64u << 10)                   /* octets read from the file at once when it is packed */
#define PLAIN_SIZE (256u << 10)                   /* octets that stdio holds for libpcap */
#define ZSTD_WINDOW_LOG 27                        /* 128 MiB, what every zstd tool accepts without a switch */

enum packing { PACKING_NONE, PACKING_GZIP, PACKING_ZSTD };

struct input {
	int fd;
	enum packing packing;
	bool is_eof, in_frame;                    /* in_frame: the packed stream has not come to an end */
	bool is_regular, was_stopped;
	struct input_wait wait;
	uint64_t stored, total, plain, max_plain;
	const char *error;
	size_t at, len;                           /* what of `buffer` is not used yet */
	z_stream gzip;
	ZSTD_DStream *zstd;
	uint8_t buffer[STORED_SIZE];
};

static ssize_t read_stored(struct input *input, void *to, size_t len)
{
	ssize_t n;

	if (!input->is_regular && input->wait.wait && input->wait.wait(input->wait.ctx, input->fd) < 0) {
		input->was_stopped = input->is_eof = true;
		return 0;
	}
	do
		n = read(input->fd, to, len);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		input->stored += (uint64_t)n;
	if (n < 0)
		input->error = strerror(errno);
	input->is_eof = n == 0;
	return n;
}

/* At least one octet in the buffer, unless the file is at its end. 0 or -1. */
static int fill(struct input *input)
{
	ssize_t n;

	if (input->at < input->len || input->is_eof)
		return 0;
	n = read_stored(input, input->buffer, sizeof(input->buffer));
	if (n < 0)
		return -1;
	input->at = 0;
	input->len = (size_t)n;
	return 0;
}

static ssize_t fail(struct input *input, const char *why)
{
	input->error = why;
	errno = EIO;
	return -1;
}

static ssize_t read_plain(struct input *input, char *to, size_t len)
{
	size_t n = input->len - input->at;

	if (!n)
		return read_stored(input, to, len);
	n = n < len ? n : len;
	memcpy(to, input->buffer + input->at, n);
	input->at += n;
	return (ssize_t)n;
}

/* One step of inflate or zstd: from the buffer into `to`. Octets written, or -1. */
static ssize_t unpack_gzip(struct input *input, char *to, size_t len)
{
	z_stream *z = &input->gzip;
	int status;

	if (!input->in_frame && inflateReset(z) != Z_OK)
		return fail(input, "gzip: out of memory");
	input->in_frame = true;
	z->next_in = input->buffer + input->at;
	z->avail_in = (uInt)(input->len - input->at);
	z->next_out = (Bytef *)to;
	z->avail_out = (uInt)len;
	status = inflate(z, Z_NO_FLUSH);
	input->at = input->len - z->avail_in;
	if (status == Z_STREAM_END)
		input->in_frame = false;          /* another member may follow, RFC 1952 2.2 */
	else if (status != Z_OK && status != Z_BUF_ERROR)
		return fail(input, "damaged gzip data");
	return (ssize_t)(len - z->avail_out);
}

static ssize_t unpack_zstd(struct input *input, char *to, size_t len)
{
	ZSTD_inBuffer in = { input->buffer, input->len, input->at };
	ZSTD_outBuffer out = { to, len, 0 };
	size_t status = ZSTD_decompressStream(input->zstd, &out, &in);

	input->at = in.pos;
	if (ZSTD_isError(status))
		return fail(input, ZSTD_getErrorName(status));
	input->in_frame = status != 0;
	return (ssize_t)out.pos;
}

static ssize_t read_packed(struct input *input, char *to, size_t len)
{
	for (;;) {
		ssize_t n;

		if (fill(input) < 0)
			return -1;
		if (input->at == input->len && input->is_eof && !input->in_frame)
			return 0;
		n = input->packing == PACKING_GZIP ? unpack_gzip(input, to, len) : unpack_zstd(input, to, len);
		if (n)
			return n;
		if (input->is_eof && input->at == input->len && input->in_frame)
			return fail(input, "the packed file is cut");
	}
}

static ssize_t read_some(struct input *input, char *to, size_t len)
{
	return input->packing == PACKING_NONE ? read_plain(input, to, len) : read_packed(input, to, len);
}

/* A file of exactly the bound is whole; one octet more is too many. */
static ssize_t read_at_bound(struct input *input)
{
	char beyond;
	ssize_t n = read_some(input, &beyond, 1);

	return n > 0 ? fail(input, "more octets than --max-input-bytes allows") : n;
}

static ssize_t input_read(void *cookie, char *to, size_t len)
{
	struct input *input = cookie;
	ssize_t n;

	if (input->max_plain && input->plain >= input->max_plain)
		return read_at_bound(input);
	if (input->max_plain && len > input->max_plain - input->plain)
		len = (size_t)(input->max_plain - input->plain);
	n = read_some(input, to, len);
	if (n > 0)
		input->plain += (uint64_t)n;
	return n;
}

static int input_close(void *cookie)
{
	struct input *input = cookie;

	if (input->packing == PACKING_GZIP)
		inflateEnd(&input->gzip);
	ZSTD_freeDStream(input->zstd);
	if (input->fd > STDIN_FILENO)
		close(input->fd);
	free(input);
	return 0;
}

#ifdef __linux__
static FILE *stream_of(struct input *input)
{
	return fopencookie(input, "r", (cookie_io_functions_t){ .read = input_read, .close = input_close });
}
#else
static int input_read_int(void *cookie, char *to, int len)
{
	return (int)input_read(cookie, to, (size_t)len);
}

static FILE *stream_of(struct input *input)
{
	return funopen(input, input_read_int, NULL, NULL, input_close);
}
#endif

/* RFC 1952 2.3.1; RFC 8878 3.1.1, or a skippable frame first (3.1.2). */
static enum packing packing_of(const uint8_t *first, size_t len)
{
	static const uint8_t zstd[4] = { 0x28, 0xb5, 0x2f, 0xfd };

	if (len >= 2 && first[0] == 0x1f && first[1] == 0x8b)
		return PACKING_GZIP;
	if (len >= 4 && (!memcmp(first, zstd, 4) || ((first[0] & 0xf0) == 0x50 && !memcmp(first + 1, "\x2a\x4d\x18", 3))))
		return PACKING_ZSTD;
	return PACKING_NONE;
}

/* Enough octets to know the packing; a pipe may give them one by one. */
static int recognise(struct input *input)
{
	while (input->len < 4 && !input->is_eof) {
		ssize_t n = read_stored(input, input->buffer + input->len, sizeof(input->buffer) - input->len);

		if (n < 0)
			return -errno;
		input->len += (size_t)n;
	}
	input->packing = packing_of(input->buffer, input->len);
	if (input->packing == PACKING_GZIP && inflateInit2(&input->gzip, 15 + 16) != Z_OK) {
		input->packing = PACKING_NONE;
		return -ENOMEM;
	}
	if (input->packing != PACKING_ZSTD)
		return 0;
	input->zstd = ZSTD_createDStream();
	if (!input->zstd || ZSTD_isError(ZSTD_DCtx_setParameter(input->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG)))
		return -ENOMEM;
	return 0;
}

static int open_fd(struct input *input, const char *path)
{
	struct stat st;

	input->fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	if (input->fd < 0 || fstat(input->fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	input->is_regular = S_ISREG(st.st_mode);
	if (input->is_regular)
		input->total = (uint64_t)st.st_size;
	return 0;
}

int input_open(struct input **out, FILE **out_file, const char *path, uint64_t max_octets, const struct input_wait *wait)
{
	struct input *input = calloc(1, sizeof(*input));
	FILE *file = NULL;
	int err = -ENOMEM;

	if (!input)
		return err;
	input->max_plain = max_octets;
	input->wait = *wait;
	err = open_fd(input, path);
	if (!err)
		err = recognise(input);
	if (!err) {
		file = stream_of(input);
		err = file ? 0 : -ENOMEM;
	}
	if (err) {
		log_error("%s: %s", path, strerror(-err));
		input_close(input);
		return err;
	}
	setvbuf(file, NULL, _IOFBF, PLAIN_SIZE);
	*out = input;
	*out_file = file;
	return 0;
}

uint64_t input_octets(const struct input *input)
{
	return input->stored;
}

uint64_t input_total(const struct input *input)
{
	return input->total;
}

bool input_was_stopped(const struct input *input)
{
	return input->was_stopped;
}

const char *input_error(const struct input *input)
{
	return input->error;
}
