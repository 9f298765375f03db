/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_capture_file.c - the octets of a capture file, pcap or pcapng, plain, gzip or zstd, through the source of files. */
#include <pcap/pcap.h>
#include <stdio.h>
#include <unistd.h>
#include "../../user/base/log.h"
#include "../../user/base/options.h"
#include "../../user/source/source.h"
#include "invariants.h"

#define PLAIN_MAX (1u << 20)                      /* octets of a file once unpacked */
#define WIRE_LEN_MAX (1u << 20)

/* Stands in for log.c: a hostile file says much. */
void log_write(enum log_level level, const char *format, ...)
{
	(void)level;
	(void)format;
}

struct told { uint64_t deltas, octets; uint8_t sum; };

static void note(void *ctx, const struct flow_delta *delta, const uint8_t *frame, size_t frame_len)
{
	struct told *told = ctx;
	const struct packet *p = delta->packet;

	for (size_t i = 0; i < frame_len; i++)
		told->sum ^= frame[i];            /* all that is lent can be read */
	must(delta->packets == 1 && delta->interface == 0 && delta->from_high <= 1 && delta->first_ns == delta->last_ns);
	must(delta->octets <= WIRE_LEN_MAX && delta->first_ns <= INT64_MAX && p->verdict == PKT_OK && p->l3_at < frame_len);
	must(delta->key.ip_version == p->ip_version && delta->key.protocol == p->protocol && !delta->key.pad[0] && !delta->key.pad[1]);
	told->deltas++;
	told->octets += delta->octets;
}

/* Standard input becomes a file with these octets. */
static void set_input(const uint8_t *data, size_t size)
{
	static FILE *file;

	if (!file) {
		file = tmpfile();
		must(file != NULL && dup2(fileno(file), STDIN_FILENO) == STDIN_FILENO);
	}
	must(ftruncate(STDIN_FILENO, 0) == 0 && pwrite(STDIN_FILENO, data, size, 0) == (ssize_t)size);
	must(lseek(STDIN_FILENO, 0, SEEK_SET) == 0);
}

static void must_balance(const struct source_stats *stats, const struct told *told, size_t size)
{
	uint64_t found = told->deltas;

	for (int i = 0; i < PKT_VERDICTS; i++)
		found += stats->not_recorded[i];
	must(stats->seen == found && !stats->not_recorded[PKT_OK]);
	must(stats->octets >= told->octets && stats->octets <= stats->seen * WIRE_LEN_MAX);
	must(stats->lengths_clamped <= stats->seen && stats->last_ns <= INT64_MAX);
	must(stats->fragments_joined + stats->fragments_alone <= told->deltas);
	must(stats->input_octets <= size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "-", *paths[] = { path };
	struct told told = { .deltas = 0 };
	const struct source_out out = { .delta = note, .ctx = &told };
	struct options options = { .read_files = { paths, 1 }, .max_input_bytes = PLAIN_MAX };
	struct source_stats stats;
	struct source *source;
	uint64_t packets = 0;
	int n;

	set_input(data, size);
	must(source_file.open(&source, &options, &out) == 0);
	while ((n = source_file.run(source, 5)) > 0)
		packets += (uint64_t)n;
	must(n == 0 && source_file.status(source) <= 0);
	source_file.stats(source, &stats);
	must(packets == stats.seen);
	must_balance(&stats, &told, size);
	must(source_file.identity(source)->len <= sizeof(source_file.identity(source)->octets));
	must(!stats.seen == !source_file.identity(source)->len);
	source_file.close(source);
	return 0;
}
