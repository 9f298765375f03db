/* SPDX-License-Identifier: Apache-2.0 */
/* dead_letter.c - appends refused records to their file, each with its reason, each synced. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../base/file.h"
#include "../base/log.h"
#include "dead_letter.h"

struct dead_letter {
	struct file_place *place;
	char *path, *dir;
	int fd;                                   /* -1: no record yet */
};

static int fail(const struct dead_letter *letters, int err)
{
	log_error("dead-letter file %s: %s", letters->path, strerror(-err));
	return err;
}

int dead_letter_open(struct dead_letter **out, const char *dir, const char *output)
{
	struct dead_letter *letters = calloc(1, sizeof(*letters));
	size_t size = strlen(dir) + strlen(output) + sizeof("/dead..jsonl");
	int err = -ENOMEM;

	if (!letters)
		return err;
	letters->fd = -1;
	letters->dir = strdup(dir);
	letters->path = malloc(size);
	if (!letters->dir || !letters->path)
		goto fail;
	snprintf(letters->path, size, "%s/dead.%s.jsonl", dir, output);
	err = file_place_open(&letters->place, "dead-letter file", letters->path);
	if (err)
		goto fail;
	*out = letters;
	return 0;
fail:
	dead_letter_close(letters);
	return err;
}

void dead_letter_close(struct dead_letter *letters)
{
	if (!letters)
		return;
	if (letters->fd >= 0)
		close(letters->fd);
	file_place_close(letters->place);
	free(letters->path);
	free(letters->dir);
	free(letters);
}

/* ---- the file ---- */

static int sync_folder(const struct dead_letter *letters)
{
	int fd = open(letters->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	/* Some file systems cannot sync a folder and say EINVAL. */
	if (fsync(fd) && errno != EINVAL)
		err = -errno;
	close(fd);
	return err;
}

/* A crash may have left half a line; the next one begins a line of its own. */
static int end_last_line(int fd)
{
	struct stat st;
	char last = '\n';
	size_t done;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_size && pread(fd, &last, 1, st.st_size - 1) < 0)
		return -errno;
	return last == '\n' ? 0 : file_write(fd, "\n", 1, &done);
}

static int make_file(struct dead_letter *letters)
{
	int fd, err = file_append(letters->place, &fd);

	if (err)
		return err;
	err = end_last_line(fd);
	if (!err)
		err = sync_folder(letters);
	if (err) {
		close(fd);
		return fail(letters, err);
	}
	letters->fd = fd;
	return 0;
}

/* ---- a line ---- */

/* RFC 8259 7. A reason comes from a server and may hold anything; what is not printable ASCII becomes `?`. */
static char *put_reason(char *p, const char *reason)
{
	for (; *reason; reason++) {
		if (*reason == '"' || *reason == '\\')
			*p++ = '\\';
		*p++ = *reason >= 0x20 && *reason < 0x7f ? *reason : '?';
	}
	return p;
}

/* {"reason":"…","record":…} and a newline; malloc'ed. */
static char *make_line(const char *line, size_t len, const char *reason, size_t *out_len)
{
	static const char before[] = "{\"reason\":\"", between[] = "\",\"record\":";
	char *text = malloc(sizeof(before) + sizeof(between) + 2 * strlen(reason) + len + 2), *p = text;

	if (!text)
		return NULL;
	p = put_reason(stpcpy(p, before), reason);
	p = stpcpy(p, between);
	memcpy(p, line, len);
	p += len;
	*p++ = '}';
	*p++ = '\n';
	*out_len = (size_t)(p - text);
	return text;
}

static int append(const struct dead_letter *letters, const char *text, size_t len)
{
	size_t done;
	int err = file_write(letters->fd, text, len, &done);

	if (err) {
		(void)file_unwrite(letters->fd, done);
		return err;
	}
#ifdef __APPLE__
	return fsync(letters->fd) ? -errno : 0;
#else
	return fdatasync(letters->fd) ? -errno : 0;
#endif
}

int dead_letter_add(struct dead_letter *letters, const char *line, size_t len, const char *reason)
{
	size_t text_len;
	char *text;
	int err = letters->fd < 0 ? make_file(letters) : 0;

	if (err)
		return err;
	if (len && line[len - 1] == '\n')
		len--;
	text = make_line(line, len, reason, &text_len);
	if (!text)
		return fail(letters, -ENOMEM);
	err = append(letters, text, text_len);
	free(text);
	return err ? fail(letters, err) : 0;
}
