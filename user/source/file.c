/* SPDX-License-Identifier: Apache-2.0 */
/* file.c - the source of capture files: pcap and pcapng through libpcap, one after the other, as one capture. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../base/log.h"
#include "../base/options.h"
#include "feed.h"
#include "input.h"

struct source {
	struct feed feed;
	const struct options *options;
	size_t next_file;                         /* index of the file after the open one */
	pcap_t *pcap;                             /* NULL: none is open */
	struct input *input;                      /* lent by pcap's FILE */
	link_parser *parse;
	struct bpf_program filter;
	bool has_filter;
	bool was_stopped;                         /* while it waited for a pipe */
	uint64_t octets_before;                   /* stored octets of the files that are done */
	int status;
	struct capture_identity identity;
};

static const char *path_of(const struct source *source)
{
	return source->options->read_files.items[source->next_file - 1];
}

static void fault(struct source *source, int err)
{
	if (!source->status)
		source->status = err;
}

/* Time and first octets of the first packet: the same capture in another format or compression has the same. */
static void identify(struct source *source, const struct pcap_pkthdr *header, const uint8_t *frame, uint64_t now_ns)
{
	struct capture_identity *identity = &source->identity;
	size_t len = header->caplen < 64 ? header->caplen : 64;

	for (int i = 0; i < 8; i++)
		identity->octets[i] = (uint8_t)(now_ns >> (56 - 8 * i));
	memcpy(identity->octets + 8, frame, len);
	identity->len = 8 + len;
}

static void on_packet(u_char *ctx, const struct pcap_pkthdr *header, const u_char *frame)
{
	struct source *source = (void *)ctx;
	uint64_t now_ns = feed_time_ns(&source->feed, header, true);

	if (!source->identity.len)
		identify(source, header, frame, now_ns);
	if (!source->has_filter || pcap_offline_filter(&source->filter, header, frame))
		feed_frame(&source->feed, source->parse, 0, header, frame, now_ns);
}

static void close_file(struct source *source)
{
	if (source->has_filter)
		pcap_freecode(&source->filter);
	source->has_filter = false;
	if (source->input) {
		source->octets_before += input_octets(source->input);
		source->was_stopped |= input_was_stopped(source->input);
	}
	source->input = NULL;
	if (source->pcap)
		pcap_close(source->pcap);
	source->pcap = NULL;
}

static int find_parser(struct source *source)
{
	int dlt = pcap_datalink(source->pcap);
	const char *name = pcap_datalink_val_to_name(dlt);

	source->parse = link_parser_of(dlt);
	if (source->parse)
		return 0;
	log_error("%s: link type %s (%d) cannot be read; known are %s", path_of(source), name ? name : "without a name", dlt, link_types_text());
	return -EPROTONOSUPPORT;
}

static int compile_filter(struct source *source)
{
	const char *text = source->options->filter;

	if (!text)
		return 0;
	if (pcap_compile(source->pcap, &source->filter, text, 1, PCAP_NETMASK_UNKNOWN) < 0) {
		log_error("%s: filter \"%s\": %s", path_of(source), text, pcap_geterr(source->pcap));
		return -EINVAL;
	}
	source->has_filter = true;
	return 0;
}

static int open_pcap(struct source *source)
{
	char error[PCAP_ERRBUF_SIZE] = "";
	FILE *file;
	struct input_wait wait = { source->feed.out.wait, source->feed.out.ctx };
	int err = input_open(&source->input, &file, path_of(source), source->options->max_input_bytes, &wait);

	if (err)
		return err;
	source->pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, error);
	if (source->pcap)
		return 0;
	err = input_was_stopped(source->input) ? -EINTR : -EINVAL;
	if (err != -EINTR)
		log_error("%s: %s", path_of(source), input_error(source->input) ? input_error(source->input) : error);
	source->input = NULL;
	fclose(file);
	return err;
}

static void open_next(struct source *source)
{
	int err;

	source->next_file++;
	err = open_pcap(source);
	if (!err)
		err = find_parser(source);
	if (!err)
		err = compile_filter(source);
	source->was_stopped |= err == -EINTR;
	if (err && err != -EINTR)
		fault(source, err);
	if (err)
		close_file(source);
}

static void file_close(struct source *source)
{
	if (!source)
		return;
	close_file(source);
	feed_close(&source->feed);
	free(source);
}

static int file_open(struct source **out, const struct options *options, const struct source_out *sink)
{
	struct source *source = calloc(1, sizeof(*source));
	int err;

	if (!source)
		return -ENOMEM;
	source->options = options;
	err = feed_open(&source->feed, sink);
	if (err) {
		file_close(source);
		return err;
	}
	*out = source;
	return 0;
}

static int file_fds(const struct source *source, int *fds, int max)
{
	(void)source;
	(void)fds;
	(void)max;
	return 0;
}

/* The good packets before a fault are already handed over; the files behind it still count. */
static void end_file(struct source *source, int result)
{
	const char *why = input_error(source->input);

	if (result < 0 && !input_was_stopped(source->input)) {
		log_error("%s: %s", path_of(source), why ? why : pcap_geterr(source->pcap));
		fault(source, -EIO);
	}
	close_file(source);
}

static int file_run(struct source *source, int budget)
{
	for (;;) {
		uint64_t seen = source->feed.stats.seen;
		int n;

		while (!source->pcap && !source->was_stopped && source->next_file < source->options->read_files.count)
			open_next(source);
		if (!source->pcap)
			return 0;
		n = pcap_dispatch(source->pcap, budget, on_packet, (u_char *)source);
		if (n > 0)
			return n;
		end_file(source, n);
		if (source->feed.stats.seen != seen)
			return (int)(source->feed.stats.seen - seen);
	}
}

static void file_tick(struct source *source)
{
	(void)source;
}

static void file_drain(struct source *source, uint64_t stop_ns)
{
	(void)source;
	(void)stop_ns;
}

static int file_status(const struct source *source)
{
	return source->status;
}

static const struct capture_identity *file_identity(const struct source *source)
{
	return &source->identity;
}

static const char *file_interface(const struct source *source, uint8_t slot)
{
	(void)source;
	(void)slot;
	return "";
}

static void file_stats(struct source *source, struct source_stats *out)
{
	*out = source->feed.stats;
	out->input_octets = source->octets_before + (source->input ? input_octets(source->input) : 0);
	out->input_total = source->options->read_files.count == 1 && source->input ? input_total(source->input) : 0;
}

const struct source_ops source_file = {
	.name = "file",
	.open = file_open,
	.fds = file_fds,
	.run = file_run,
	.tick = file_tick,
	.drain = file_drain,
	.status = file_status,
	.identity = file_identity,
	.interface = file_interface,
	.stats = file_stats,
	.close = file_close,
};
