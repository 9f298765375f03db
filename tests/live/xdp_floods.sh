#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Floods: one of SYNs costs long flows nothing and memory no more than was printed; one of DNS costs other flows no name.
#
# FLOOD_PACKETS (200000), FLOOD_FLOWS (20000): how many the flow table holds meanwhile, LONG_PACKETS (100000) over 1,000 flows,
# LIVE_CONNECTIONS (2000). The full form is FLOOD_PACKETS=5000000 FLOOD_FLOWS=200000 LONG_PACKETS=500000.
# usage: xdp_floods.sh [FUNCTION...]
# shellcheck disable=SC1091,SC2154 # xdp_lib.sh has them
set -euo pipefail
. "$(dirname "$0")/xdp_lib.sh"
needs "floods"

flood=${FLOOD_PACKETS:-200000} table=${FLOOD_FLOWS:-20000} long=${LONG_PACKETS:-100000} connections=${LIVE_CONNECTIONS:-2000}
long_flows=1000
segments=2 # of each ClientHello

network() {
	namespace here
	namespace there
	pair here va there vb # the flood's
	pair here vx there vy # that of the others: two senders at full speed on one veth may overrun its ring
}

# What it holds in KiB, without the maps of the kernel that it has mapped.
own_memory() {
	awk '/^RssAnon:/ { print $2 }' "/proc/$pid/status"
}

# ---- tests ----

# Long flows have been answered when the flood begins, so that they are no part of it.
a_flood_of_syns_leaves_long_flows_exact_and_memory_bounded() {
	local before in_records in_octets records_count most=0 now bound
	network
	before=$(($(driver there vb) + $(driver there vy)))
	start there -i vb,vy --extended --max-flows "$table" --harvest-interval 200ms "$@"
	background here "$helpers/generate" -i vx -n "$long" -f $long_flows -k talk -r $((long / 5)) >sent.long
	local long_pid=$beside
	sleep 1
	background here "$helpers/generate" -i va -n "$flood" -k syn -t "$cpus" >sent.flood
	while kill -0 "$beside" 2>/dev/null || kill -0 "$long_pid" 2>/dev/null; do
		now=$(own_memory)
		[ "$now" -le "$most" ] || most=$now
		sleep 0.2
	done
	equal "the flood" "$(cat sent.flood)" "sent $flood"
	equal "the long flows" "$(cat sent.long)" "sent $long"
	now=$(own_memory)
	stop TERM
	books_balance
	read -r in_records in_octets records_count < <(total records)
	equal driver $(($(driver there vb) + $(driver there vy) - before)) $((flood + long))
	equal seen "$(number seen)" $((flood + long))
	equal "in records" "$in_records" $((flood + long - $(number overflow)))
	equal octets "$in_octets" $((in_records * 60))
	[ "$(number overflow)" -eq 0 ] || echo "overflow=$(number overflow)"
	jq -r 'select(.protocol == "udp") | "\(.src.addr) \(.src_stat.packets + .dst_stat.packets) \(.status)"' records | sort >long
	equal "records of long flows" "$(wc -l <long)" $long_flows
	equal "packets and status of each" "$(cut -d ' ' -f 2- long | sort -u)" "$((long / long_flows)) established"
	# The bound of the table, of the names (64 MiB), of a harvest (all slots and the ring, 96 octets each), and 16 MiB for the rest.
	bound=$(($(sed -nE 's/.*flow table: at most [0-9]+ flows in ([0-9]+) MiB.*/\1/p' err) + 64 + 64 + 16))
	echo "records=$records_count; at most $most KiB of memory"
	grep -q __asan_init "$devourer" || [ "$most" -le $((bound * 1024)) ] # a sanitizer takes what it likes
}

# What finds no room is the flood.
a_flood_that_fills_the_ring_leaves_long_flows_exact() {
	a_flood_of_syns_leaves_long_flows_exact_and_memory_bounded --ring-size 4M
}

# every_connection_has_its_name COUNT
every_connection_has_its_name() {
	jq -r 'select(.dst.port == 443) | "\(.src.addr) \(.dst.names // [] | join(" "))"' records | awk -v count="$1" '
		{
			split($1, a, ".")
			k = a[3] * 256 + a[4]
			if ($2 == sprintf("flow-%08d.example", k))
				right++
			else if (wrong++ < 3)
				print "connection " k ": " $2
		}
		END {
			print "right names: " right + 0 ", wrong ones: " wrong + 0
			exit wrong > 0 || right != count
		}'
}

# Two rings and a bucket for each class: a flood of DNS cannot take the room of hellos.
a_flood_of_dns_costs_no_other_flow_its_name() {
	network
	start there -i vb,vy
	background here "$helpers/generate" -i va -n "$flood" -f 5000 -k dns -t "$cpus" -r "${FLOOD_PPS:-0}" >sent.flood
	in_ns here "$helpers/hellos" vx "$connections" $((connections / 2)) $segments >sent.hellos
	wait "$beside"
	stop TERM
	books_balance
	equal "the flood" "$(cat sent.flood)" "sent $flood"
	echo "seen=$(number seen) samples_copied=$(number samples_copied flows) samples_dropped=$(number samples_dropped flows)"
	every_connection_has_its_name "$connections"
	equal "name packets copied and dropped" $(($(number samples_copied flows) + $(number samples_dropped flows))) $((flood + connections * segments))
}

# Its segments are further apart than two harvests.
a_hello_that_a_harvest_cuts_in_two_has_its_name_too() {
	network
	start there -i vy --harvest-interval 50ms
	in_ns here "$helpers/hellos" vx 20 100 3 120 >sent.hellos
	stop TERM
	books_balance
	every_connection_has_its_name 20
}

[ $# -gt 0 ] || set -- \
	a_flood_of_syns_leaves_long_flows_exact_and_memory_bounded \
	a_flood_that_fills_the_ring_leaves_long_flows_exact \
	a_flood_of_dns_costs_no_other_flow_its_name \
	a_hello_that_a_harvest_cuts_in_two_has_its_name_too
check "$@"
totals
