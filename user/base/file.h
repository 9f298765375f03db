/* SPDX-License-Identifier: Apache-2.0 */
/* file.h - files that we append to, opened so that nobody can make us write elsewhere.
 *
 * A place is a name in a directory that stays open: the file can be opened again after privileges were dropped, and
 * an exchange of the directory's path changes nothing. The last part of the name is never followed as a symbolic link.
 */
#ifndef DEVOURER_FILE_H
#define DEVOURER_FILE_H
#include <stddef.h>
#include <stdint.h>

struct file_place;

/* Open the directory of `path`. `what` ("output file", "log file") and `path` are for log lines; both are copied.
 * 0 or -errno, logged. */
int file_place_open(struct file_place **out, const char *what, const char *path);
void file_place_close(struct file_place *place);  /* NULL is fine */

/* The file for reading and appending, made with mode 0600 (whatever the umask) when it is missing. The caller closes
 * the descriptor. 0 or -errno, logged: -ELOOP symbolic link, -EISDIR, -EMLINK other hard links, -EINVAL neither. */
int file_append(const struct file_place *place, int *out_fd);

/* Give the file that `fd` is open on the name NAME.SUFFIX, or NAME.SUFFIX.1, .2, … so that nothing is overwritten;
 * SUFFIX has at most 20 octets. Does nothing when another file has our name by now. 0 or -errno, logged. */
int file_set_aside(struct file_place *place, int fd, const char *suffix);

/* Write all of it: short writes go on, EINTR and a full pipe are waited for. `*done` is how much was written,
 * whatever the result. 0 or -errno, not logged. */
int file_write(int fd, const void *octets, size_t len, size_t *done);

/* Take back the last `len` octets that were written to `fd`: only when they are the end of a regular file.
 * 0, -ESPIPE when they are not, or -errno. */
int file_unwrite(int fd, size_t len);
#endif
