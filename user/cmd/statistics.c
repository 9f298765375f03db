/* SPDX-License-Identifier: Apache-2.0 */
/* statistics.c - counters to lines. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include "../base/log.h"
#include "../base/time.h"
#include "statistics.h"

/* A line that grows by name=value pairs. */
struct line {
	char text[1024];
	size_t len;
};

static void __attribute__((format(printf, 2, 3))) append(struct line *line, const char *format, ...)
{
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(line->text + line->len, sizeof(line->text) - line->len, format, arguments);
	va_end(arguments);
	if (n > 0 && line->len + (size_t)n < sizeof(line->text))
		line->len += (size_t)n;
}

static void append_unless_zero(struct line *line, const char *name, uint64_t value)
{
	if (value)
		append(line, " %s=%" PRIu64, name, value);
}

int64_t statistics_difference(const struct statistics *now)
{
	uint64_t found = now->flows.recorded_packets + now->flows.live_packets + now->flows.other_interface_packets;

	found += now->source.overflow + now->source.kernel_faults + now->source.waiting;
	for (int i = 0; i < PKT_VERDICTS; i++)
		found += now->source.not_recorded[i];
	return (int64_t)(now->source.seen - found);
}

static void log_packets(const struct statistics *now)
{
	struct line line = { .len = 0 };

	append(&line, "balance: seen=%" PRIu64 " recorded=%" PRIu64 " live=%" PRIu64, now->source.seen, now->flows.recorded_packets,
	       now->flows.live_packets);
	append_unless_zero(&line, "waiting", now->source.waiting);
	append_unless_zero(&line, "other_interface", now->flows.other_interface_packets);
	append_unless_zero(&line, "overflow", now->source.overflow);
	append_unless_zero(&line, "kernel_faults", now->source.kernel_faults);
	for (int i = 0; i < PKT_VERDICTS; i++)
		append_unless_zero(&line, packet_verdict_text[i], now->source.not_recorded[i]);
	append(&line, " difference=%" PRId64, statistics_difference(now));
	append(&line, "; not seen: kernel_dropped=%" PRIu64 " interface_dropped=%" PRIu64, now->source.kernel_dropped, now->source.interface_dropped);
	append_unless_zero(&line, "interface_unseen", now->source.unseen);
	log_info("%s", line.text);
}

static void log_flows(const struct statistics *now)
{
	struct line line = { .len = 0 };

	append(&line, "flows: begun=%" PRIu64 " live=%zu", now->flows.flows_begun, now->flows.live_flows);
	for (int i = 0; i < END_REASONS; i++)
		append_unless_zero(&line, end_reason_text[i], now->flows.ended[i]);
	append_unless_zero(&line, "fragments_joined", now->source.fragments_joined);
	append_unless_zero(&line, "fragments_alone", now->source.fragments_alone);
	append_unless_zero(&line, "samples_copied", now->source.samples_copied);
	append_unless_zero(&line, "samples_dropped", now->source.samples_dropped);
	append_unless_zero(&line, "lengths_clamped", now->source.lengths_clamped);
	append_unless_zero(&line, "times_clamped", now->source.times_clamped);
	log_info("%s", line.text);
}

static void log_names(const struct statistics *now)
{
	struct line line = { .len = 0 };

	for (int i = 0; i < NAMES_COUNTERS; i++)
		append_unless_zero(&line, names_counter_text[i], names_counter(now->names, (enum names_counter)i));
	if (line.len)
		log_info("names:%s", line.text);
}

void statistics_log_balance(const struct statistics *now)
{
	log_packets(now);
	log_flows(now);
	if (now->names)
		log_names(now);
	if (statistics_difference(now))
		log_error("the books do not balance: please report this line and the one above that begins with \"balance\"");
}

void statistics_log_rates(const struct statistics *before, const struct statistics *now, uint64_t elapsed_ns)
{
	double seconds = (double)(elapsed_ns ? elapsed_ns : 1) / (double)NS_PER_S;

	log_info("rates: %.2f packets/s, %.0f bit/s, %zu active flows", (double)(now->source.seen - before->source.seen) / seconds,
		 8.0 * (double)(now->source.octets - before->source.octets) / seconds, now->flows.live_flows);
}
