/* SPDX-License-Identifier: Apache-2.0 */
/* log.h - one event a line on stderr (or a file), for the person on call.
 *
 * error: someone has to act. warn: data was lost or may be. info: start, stop, a change of state.
 * What can happen per packet is a counter, never a line here. Records and lines never mix: options.c refuses it.
 */
#ifndef DEVOURER_LOG_H
#define DEVOURER_LOG_H
#include <stdarg.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_CONSOLE, LOG_JSON };

/* The level and where lines go are the one process-wide setting of the program.
 * `output`: "stderr", "stdout" or "-", else a file that is appended to (made 0600, no symbolic link followed).
 * Console lines are `devourer: warn: message`, in a file `2026-01-02T03:04:05.678Z warn message`; JSON lines have
 * the members time, level and message. A stream that goes to the systemd journal gets <N> in front.
 * 0 or -errno (said on stderr). Before this call, and after log_close(), lines go to stderr at level info. */
int log_open(enum log_level level, enum log_format format, const char *output);
void log_close(void);
/* The file again by its name, after somebody renamed it. When that fails the old one goes on. 0 or -errno, logged. */
int log_reopen(void);
enum log_level log_level(void);

/* One line; no newline in `format`. Octets outside printable ASCII in the result are written as \xHH; what is longer
 * than 2047 octets is cut. Leaves errno alone. */
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) do { if (log_level() >= LOG_DEBUG) log_write(LOG_DEBUG, __VA_ARGS__); } while (0)
#endif
