/* SPDX-License-Identifier: Apache-2.0 */
/* live.c - the source of live devices through libpcap; an interface that goes away is tried again. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include "../base/log.h"
#include "../base/options.h"
#include "../base/random.h"
#include "../base/time.h"
#include "feed.h"

#define DEVICES_MAX 64
#define BLOCK_MS 100                              /* the kernel hands over a block of packets after at most this long */
#define DRAIN_QUIET_NS (3 * BLOCK_MS * NS_PER_MS) /* no packet for so long: the kernel holds none */
#define DRAIN_MAX_NS (5 * NS_PER_S)

struct device {
	struct source *source;
	const char *name;
	uint8_t slot;
	pcap_t *pcap;                             /* NULL: the interface is gone for now */
	link_parser *parse;
	bool is_nano;
	bool is_lost;                             /* it was there once: said when it went, not at each try */
	uint64_t last_ns;                         /* time of its last packet */
	uint64_t dropped, if_dropped;             /* of handles that were closed */
};

struct source {
	struct feed feed;
	const struct options *options;
	struct device devices[DEVICES_MAX];
	size_t count;
	struct capture_identity identity;
};

static void on_packet(u_char *ctx, const struct pcap_pkthdr *header, const u_char *frame)
{
	struct device *device = (void *)ctx;

	device->last_ns = feed_time_ns(&device->source->feed, header, device->is_nano);
	feed_frame(&device->source->feed, device->parse, device->slot, header, frame, device->last_ns);
}

static void add_drops(struct device *device, uint64_t *dropped, uint64_t *if_dropped)
{
	struct pcap_stat stat;

	*dropped += device->dropped;
	*if_dropped += device->if_dropped;
	if (!device->pcap || pcap_stats(device->pcap, &stat) < 0)
		return;
	*dropped += stat.ps_drop;
	*if_dropped += stat.ps_ifdrop;
}

static void close_device(struct device *device)
{
	uint64_t dropped = 0, if_dropped = 0;

	if (!device->pcap)
		return;
	add_drops(device, &dropped, &if_dropped);
	device->dropped = dropped;
	device->if_dropped = if_dropped;
	pcap_close(device->pcap);
	device->pcap = NULL;
}

static int set_filter(struct device *device)
{
	const char *text = device->source->options->filter;
	struct bpf_program program;
	int err;

	if (!text)
		return 0;
	if (pcap_compile(device->pcap, &program, text, 1, PCAP_NETMASK_UNKNOWN) < 0) {
		log_error("interface %s: filter \"%s\": %s", device->name, text, pcap_geterr(device->pcap));
		return -EINVAL;
	}
	err = pcap_setfilter(device->pcap, &program) < 0 ? -EIO : 0;
	pcap_freecode(&program);
	if (err)
		log_error("interface %s: %s", device->name, pcap_geterr(device->pcap));
	return err;
}

static void configure(pcap_t *pcap, const struct options *options)
{
	pcap_set_snaplen(pcap, (int)options->snaplen);
	pcap_set_promisc(pcap, options->promiscuous);
	pcap_set_timeout(pcap, BLOCK_MS);
	pcap_set_immediate_mode(pcap, options->immediate);
	pcap_set_buffer_size(pcap, (int)options->buffer_size);
	pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO); /* where it is not to be had: microseconds */
}

static int activation_error(const struct device *device, int status)
{
	const char *why = pcap_geterr(device->pcap);

	if (device->is_lost)
		return -ENODEV;
	if (!*why)
		why = pcap_statustostr(status);
	if (status == PCAP_ERROR_PERM_DENIED || status == PCAP_ERROR_PROMISC_PERM_DENIED) {
		log_error("interface %s: not permitted; live capture by libpcap needs CAP_NET_RAW: run as root, or setcap cap_net_raw+ep on the program (%s)",
			  device->name, why);
		return -EPERM;
	}
	log_error("interface %s: %s", device->name, why);
	return status == PCAP_ERROR_NO_SUCH_DEVICE ? -ENODEV : -EIO;
}

static int activate(struct device *device)
{
	char error[PCAP_ERRBUF_SIZE] = "";
	int status, dlt;

	device->pcap = pcap_create(device->name, error);
	if (!device->pcap) {
		log_error("interface %s: %s", device->name, error);
		return -EIO;
	}
	configure(device->pcap, device->source->options);
	status = pcap_activate(device->pcap);
	if (status < 0)
		return activation_error(device, status);
	if (status > 0)
		log_warn("interface %s: %s", device->name, *pcap_geterr(device->pcap) ? pcap_geterr(device->pcap) : pcap_statustostr(status));
	device->is_nano = pcap_get_tstamp_precision(device->pcap) == PCAP_TSTAMP_PRECISION_NANO;
	dlt = pcap_datalink(device->pcap);
	device->parse = link_parser_of(dlt);
	if (!device->parse) {
		log_error("interface %s: link type %d cannot be read; known are %s", device->name, dlt, link_types_text());
		return -EPROTONOSUPPORT;
	}
	if (pcap_setnonblock(device->pcap, 1, error) < 0) {
		log_error("interface %s: %s", device->name, error);
		return -EIO;
	}
	return set_filter(device);
}

static int open_device(struct device *device)
{
	int err = activate(device);

	if (err && device->pcap) {
		pcap_close(device->pcap);
		device->pcap = NULL;
	}
	return err;
}

static void live_close(struct source *source)
{
	if (!source)
		return;
	for (size_t i = 0; i < source->count; i++)
		close_device(&source->devices[i]);
	feed_close(&source->feed);
	free(source);
}

static int open_devices(struct source *source)
{
	const struct string_list *names = &source->options->interfaces;

	if (names->count > DEVICES_MAX) {
		log_error("%zu interfaces are too many; at most %d can be captured", names->count, DEVICES_MAX);
		return -E2BIG;
	}
	for (size_t i = 0; i < names->count; i++) {
		struct device *device = &source->devices[i];
		int err;

		*device = (struct device){ .source = source, .name = names->items[i], .slot = (uint8_t)i };
		source->count++;
		err = open_device(device);
		if (err)
			return err;
		log_info("interface %s: mode=pcap (libpcap, %s), snapshot length %llu, buffer %llu KiB", device->name,
			 source->options->promiscuous ? "promiscuous" : "not promiscuous", (unsigned long long)source->options->snaplen,
			 (unsigned long long)source->options->buffer_size >> 10);
	}
	return 0;
}

static int live_open(struct source **out, const struct options *options, const struct source_out *sink)
{
	struct source *source = calloc(1, sizeof(*source));
	int err;

	if (!source)
		return -ENOMEM;
	source->options = options;
	source->identity.len = 16;
	err = random_fill(source->identity.octets, source->identity.len);
	if (!err)
		err = feed_open(&source->feed, sink);
	if (!err)
		err = open_devices(source);
	if (err) {
		live_close(source);
		return err;
	}
	*out = source;
	return 0;
}

static int live_fds(const struct source *source, int *fds, int max)
{
	int n = 0;

	for (size_t i = 0; i < source->count && n < max; i++)
		if (source->devices[i].pcap)
			fds[n++] = pcap_get_selectable_fd(source->devices[i].pcap);
	return n;
}

static int run_device(struct device *device, int budget)
{
	int n;

	if (!device->pcap)
		return 0;
	n = pcap_dispatch(device->pcap, budget, on_packet, (u_char *)device);
	if (n >= 0)
		return n;
	log_error("interface %s: %s; it is tried again each second", device->name, pcap_geterr(device->pcap));
	device->is_lost = true;
	close_device(device);
	return 0;
}

static int live_run(struct source *source, int budget)
{
	int total = 0;

	for (size_t i = 0; i < source->count; i++)
		total += run_device(&source->devices[i], budget);
	return total;
}

static void live_tick(struct source *source)
{
	for (size_t i = 0; i < source->count; i++) {
		struct device *device = &source->devices[i];

		if (device->pcap || open_device(device))
			continue;
		device->is_lost = false;
		log_info("interface %s: captured again", device->name);
	}
}

/* Packets sit in a block of the ring until it is full or BLOCK_MS old; a busy interface never falls silent, so a packet
 * from after the stop ends it too. */
static void drain_device(struct device *device, uint64_t stop_ns)
{
	uint64_t start_ns = time_monotonic_ns(), heard_ns = start_ns, now_ns = start_ns;

	while (device->pcap && device->last_ns <= stop_ns && now_ns - heard_ns < DRAIN_QUIET_NS && now_ns - start_ns < DRAIN_MAX_NS) {
		struct pollfd fd = { .fd = pcap_get_selectable_fd(device->pcap), .events = POLLIN };

		poll(&fd, 1, BLOCK_MS / 2);
		now_ns = time_monotonic_ns();
		if (run_device(device, 4096) > 0)
			heard_ns = now_ns;
	}
}

static void live_drain(struct source *source, uint64_t stop_ns)
{
	for (size_t i = 0; i < source->count; i++)
		drain_device(&source->devices[i], stop_ns);
}

static int live_status(const struct source *source)
{
	for (size_t i = 0; i < source->count; i++)
		if (!source->devices[i].pcap)
			return -ENODEV;
	return 0;
}

static const struct capture_identity *live_identity(const struct source *source)
{
	return &source->identity;
}

static const char *live_interface(const struct source *source, uint8_t slot)
{
	return slot < source->count ? source->devices[slot].name : "";
}

static void live_stats(struct source *source, struct source_stats *out)
{
	*out = source->feed.stats;
	for (size_t i = 0; i < source->count; i++)
		add_drops(&source->devices[i], &out->kernel_dropped, &out->interface_dropped);
}

const struct source_ops source_live = {
	.name = "live",
	.open = live_open,
	.fds = live_fds,
	.run = live_run,
	.tick = live_tick,
	.drain = live_drain,
	.status = live_status,
	.identity = live_identity,
	.interface = live_interface,
	.stats = live_stats,
	.close = live_close,
};
