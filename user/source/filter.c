/* SPDX-License-Identifier: Apache-2.0 */
/* filter.c - tries an expression on the common link types: it may fit one and not another. */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include "../base/log.h"
#include "filter.h"

/* 0, or -EINVAL with the reason in `why`. */
static int try_filter(const char *text, int dlt, char why[PCAP_ERRBUF_SIZE])
{
	pcap_t *dead = pcap_open_dead(dlt, 65535);
	struct bpf_program program;
	int err = 0;

	if (!dead)
		return -ENOMEM;
	if (pcap_compile(dead, &program, text, 1, PCAP_NETMASK_UNKNOWN) == 0) {
		pcap_freecode(&program);
	} else {
		snprintf(why, PCAP_ERRBUF_SIZE, "%s", pcap_geterr(dead));
		err = -EINVAL;
	}
	pcap_close(dead);
	return err;
}

int filter_check(const char *text)
{
	static const int dlts[] = { DLT_PPP, DLT_NULL, DLT_LINUX_SLL, DLT_RAW, DLT_EN10MB }; /* Ethernet last: its reason is shown */
	char why[PCAP_ERRBUF_SIZE] = "";

	if (!text)
		return 0;
	for (size_t i = 0; i < sizeof(dlts) / sizeof(dlts[0]); i++)
		if (!try_filter(text, dlts[i], why))
			return 0;
	log_error("--filter \"%s\": %s; accepted is an expression of pcap-filter(7)", text, why);
	return -EINVAL;
}
