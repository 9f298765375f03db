/* SPDX-License-Identifier: Apache-2.0 */
/* capture.h - capture files: classic pcap in microseconds or nanoseconds and either byte order, and pcapng.
 *
 * Times are nanoseconds since 1970. A file that cannot be written ends the program.
 */
#ifndef DEVOURER_TESTS_CAPTURE_H
#define DEVOURER_TESTS_CAPTURE_H
#include <stdbool.h>
#include "frame.h"

/* Link types as files know them (LINKTYPE_ registry of pcap). */
enum link_type {
	LINK_NULL = 0, LINK_ETHERNET = 1, LINK_PPP = 9, LINK_PPP_HDLC = 50, LINK_RAW = 101, LINK_C_HDLC = 104,
	LINK_LOOP = 108, LINK_SLL = 113, LINK_USER0 = 147, LINK_IPV4 = 228, LINK_IPV6 = 229, LINK_SLL2 = 276,
};

struct capture_format {
	enum link_type link;
	uint32_t snaplen;                         /* 0: 262144. Longer frames are cut */
	bool is_pcapng, is_big_endian;
	bool is_nano;                             /* pcapng: if_tsresol 9 */
};

struct capture;

/* Create `dir`/`name`. */
struct capture *capture_open(const char *dir, const char *name, const struct capture_format *format);
void capture_close(struct capture *c);

/* One record: the frame as it is, cut by the snap length. */
void capture_frame(struct capture *c, uint64_t ns, const struct frame *f);

/* One record that says what it likes: `caplen` octets are written, `len` is claimed. */
void capture_octets(struct capture *c, uint64_t ns, const void *octets, uint32_t caplen, uint32_t len);

/* Octets outside any record. */
void capture_raw(struct capture *c, const void *octets, size_t len);

/* A whole file of these octets. */
void write_file(const char *dir, const char *name, const void *octets, size_t len);

/* 2025-01-15T10:30:00Z and later, in nanoseconds. */
#define CAPTURES_BEGIN_S 1736937000ull
static inline uint64_t at_ns(uint64_t ns) { return CAPTURES_BEGIN_S * 1000000000 + ns; }
static inline uint64_t at_us(uint64_t us) { return at_ns(us * 1000); }
static inline uint64_t at_ms(uint64_t ms) { return at_ns(ms * 1000000); }
static inline uint64_t at_s(uint64_t s) { return at_ns(s * 1000000000); }

/* A theme is a table of captures. */
struct capture_row {
	const char *name;                         /* the file is NAME.pcap */
	struct capture_format format;
	void (*write)(struct capture *c);
};
void write_captures(const char *dir, const struct capture_row *rows, size_t count);
#define WRITE_CAPTURES(dir, rows) write_captures(dir, rows, sizeof(rows) / sizeof((rows)[0]))
#endif
