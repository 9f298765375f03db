#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Conservation: the driver's own count of packets = seen by the program = in records + losses that have a name, at full rate.
#
# LIVE_PACKETS (300000) and LIVE_FLOWS (2000) say how much; the full form is LIVE_PACKETS=10000000 LIVE_FLOWS="16384 1000000".
# usage: xdp_conservation.sh [FUNCTION...]
# shellcheck disable=SC1091,SC2154 # xdp_lib.sh has them
set -euo pipefail
. "$(dirname "$0")/xdp_lib.sh"
needs "conservation in the kernel"

packets=${LIVE_PACKETS:-300000}
read -ra flow_counts <<<"${LIVE_FLOWS:-2000}"
octets=60 # of each frame

network() {
	namespace here
	namespace there
	pair here va there vb
}

# emit PACKETS FLOWS THREADS ARGUMENT...
emit() {
	local count=$1 flows=$2 threads=$3
	shift 3
	in_ns here "$helpers/generate" -i va -n "$count" -f "$flows" -t "$threads" "$@" >sent
	equal "the generator" "$(cat sent)" "sent $count"
}

# Each flow has its share: packet n is of flow n % FLOWS, scattered.
each_flow_is_exact() {
	local count=$1 flows=$2
	jq -r 'select(.dst.addr == "198.18.0.1") | "\(.src.addr) \(.src_stat.packets + .dst_stat.packets)"' records |
		awk -v packets="$count" -v flows="$flows" '
			{ got[$1] += $2 }
			END {
				for (n = 0; n < flows && n < packets; n++) {
					flow = n * 2654435761 % flows
					addr = "10." int(flow / 65536) "." int(flow / 256) % 256 "." flow % 256
					want = int(packets / flows) + (n < packets % flows)
					wrong += got[addr] != want
					delete got[addr]
				}
				for (addr in got)
					wrong++
				print "flows_wrong=" wrong + 0
				exit wrong > 0
			}'
}

# What the driver took in was seen, and is in records or named. Sets `overflow`.
all_is_accounted_for() {
	local count=$1 before=$2 in_records in_octets records_count
	read -r in_records in_octets records_count < <(total records)
	overflow=$(number overflow)
	books_balance
	echo "records=$records_count in_records=$in_records overflow=$overflow"
	equal driver $(($(driver there vb) - before)) "$count"
	equal seen "$(number seen)" "$count"
	equal "in records" "$in_records" $((count - overflow))
	equal octets "$in_octets" $((in_records * octets))
}

# one_run PACKETS FLOWS THREADS HARVEST [GENERATOR ARGUMENT...]: SIGTERM comes right behind the last packet.
one_run() {
	local count=$1 flows=$2 threads=$3 harvest=$4 before
	shift 4
	rm -f records
	start there -i vb --harvest-interval "$harvest"
	before=$(driver there vb)
	emit "$count" "$flows" "$threads" "$@"
	stop TERM
	echo "packets=$count flows=$flows threads=$threads harvest=$harvest $*"
	all_is_accounted_for "$count" "$before"
	[ "$overflow" -gt 0 ] || each_flow_is_exact "$count" "$flows"
}

# ---- tests ----

no_packet_is_lost_at_1_10_and_100_harvests_a_second() {
	local flows harvest
	network
	for flows in "${flow_counts[@]}"; do
		for harvest in 1s 100ms 10ms; do
			one_run "$packets" "$flows" "$cpus" $harvest
		done
	done
}

one_cpu_or_several_makes_no_difference() {
	local threads
	network
	for threads in $(seq "$cpus"); do
		one_run "$packets" 64 "$threads" 10ms
	done
}

default_sizes_have_room_for_their_flows() {
	network
	one_run "$packets" "${flow_counts[0]}" "$cpus" 1s
	equal overflow "$overflow" 0
}

more_flows_than_slots_are_exact_too() {
	network
	start there -i vb --table-slots 64 --harvest-interval 100ms
	local before
	before=$(driver there vb)
	emit "$packets" 5000 "$cpus" -r 200000
	stop TERM
	all_is_accounted_for "$packets" "$before"
	equal overflow "$overflow" 0
	each_flow_is_exact "$packets" 5000
}

# While the program cannot run, table and ring fill up; what has no room is counted, and nothing else is missing.
a_stopped_program_counts_what_it_had_no_room_for() {
	local before
	network
	start there -i vb --table-slots 1024 --ring-size 64K --harvest-interval 100ms
	before=$(driver there vb)
	kill -STOP "$pid"
	emit "$packets" 20000 "$cpus"
	sleep "${LIVE_STOPPED:-1}"
	kill -CONT "$pid"
	emit "$packets" 20000 "$cpus" -r 200000
	stop TERM
	all_is_accounted_for $((2 * packets)) "$before"
	[ "$overflow" -gt 0 ]
	grep -q "warn: .*packets found neither a slot .* raise --ring-size" err
}

# Programs that still run while ours are taken away have counted, too.
a_signal_amid_the_load_leaves_the_books_balanced() {
	local round in_records in_octets records_count
	network
	for round in $(seq "${LIVE_ROUNDS:-5}"); do
		rm -f records
		start there -i vb --harvest-interval 10ms
		background here "$helpers/generate" -i va -n "$((packets * 10))" -f 1000 -t "$cpus" -r 2000000
		sleep "0.$((RANDOM % 5 + 3))"
		stop TERM
		kill -KILL "$beside" 2>/dev/null || true
		wait "$beside" 2>/dev/null || true
		books_balance
		read -r in_records in_octets records_count < <(total records)
		echo "round $round: records=$records_count"
		equal "in records" "$in_records" "$(number recorded)"
		equal octets "$in_octets" $((in_records * octets))
	done
}

# Each flow has a packet every 100 ms; the counts of a harvest say nothing of what was between the first and the last of them.
an_idle_timeout_near_the_harvest_interval_splits_no_flow() {
	local idle harvest
	network
	while read -r idle harvest; do
		rm -f records
		start there -i vb --idle-timeout "$idle" --harvest-interval "$harvest"
		in_ns here "$helpers/send" va 2000 50 500 >sent
		stop TERM
		echo "idle timeout $idle, harvest interval $harvest:$(grep -oE ' begun=[0-9]+' err | tail -n 1)"
		books_balance
		equal records "$(wc -l <records)" 50
		equal "packets of each" "$(jq .src_stat.packets records | sort -u)" 40
	done <<'END'
600ms 2s
250ms 200ms
250ms 1s
END
}

an_idle_timeout_below_the_harvest_interval_splits_at_a_silence() {
	network
	start there -i vb --idle-timeout 600ms --harvest-interval 10s
	in_ns here "$helpers/send" va 500 50 5000 >sent
	sleep 1
	in_ns here "$helpers/send" va 500 50 5000 >sent
	stop TERM
	books_balance
	equal records "$(wc -l <records)" 100
	equal "packets of each" "$(jq .src_stat.packets records | sort -u)" 10
}

# Then nothing could be taken out of the kernel.
without_a_grace_period_packets_are_read_by_libpcap() {
	local status=0
	network
	nsenter --net="/run/netns/dvx-$$-there" "$helpers/deny" membarrier EINVAL "$devourer" capture -i vb -o file -w records >out 2>err </dev/null &
	pid=$!
	says 'interface vb: mode=pcap'
	grep -q 'membarrier(2): ' err
	in_ns here "$helpers/send" va 1000 10 5000 >sent
	sleep 0.5
	stop TERM
	equal "in records" "$(total records | cut -d ' ' -f 1)" 1000
	in_ns there "$helpers/deny" membarrier EPERM "$devourer" capture -i vb -o null --source xdp >out 2>err || status=$?
	equal status $status 3
}

[ $# -gt 0 ] || set -- \
	no_packet_is_lost_at_1_10_and_100_harvests_a_second \
	one_cpu_or_several_makes_no_difference \
	default_sizes_have_room_for_their_flows \
	more_flows_than_slots_are_exact_too \
	a_stopped_program_counts_what_it_had_no_room_for \
	a_signal_amid_the_load_leaves_the_books_balanced \
	an_idle_timeout_near_the_harvest_interval_splits_no_flow \
	an_idle_timeout_below_the_harvest_interval_splits_at_a_silence \
	without_a_grace_period_packets_are_read_by_libpcap
check "$@"
totals
