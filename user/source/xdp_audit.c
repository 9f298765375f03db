/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_audit.c - an independent count: what the device says it carried, against what the programs saw of it. */
#include "../base/log.h"
#include "xdp.h"
#include "xdp_links.h"

#define PACKETS_MIN 1000                          /* fewer in an interval say nothing */

/* The device counts a packet that offload merged as one, the programs count its segments, so only the other way is a loss. */
uint64_t xdp_audit(struct xdp_audit *audit, const struct xdp_link *link, uint64_t seen)
{
	uint64_t device = link->rx_packets + (link->is_loopback ? 0 : link->tx_packets), carried = device - audit->device, ours = seen - audit->seen, unseen;
	bool is_first = !audit->is_begun;

	*audit = (struct xdp_audit){ .device = device, .seen = seen, .is_begun = true, .was_warned = audit->was_warned };
	if (is_first || device < carried || carried <= ours)
		return 0;
	unseen = carried - ours;
	if (carried >= PACKETS_MIN && unseen > carried / 100 && !audit->was_warned) {
		audit->was_warned = true;
		log_warn("interface %s: the device carried %llu packets since the last look, of which %llu were not seen here: "
			 "another XDP program may drop or redirect them, or senders pass the queueing discipline by (AF_PACKET bypass, AF_XDP)",
			 link->name, (unsigned long long)carried, (unsigned long long)unseen);
	}
	return unseen;
}
