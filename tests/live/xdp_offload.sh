#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Offloads: what TSO, GSO and GRO merge is counted as it is on the wire, packets and octets, at every hook; and a large MTU.
#
# LIVE_OCTETS (200M) is sent each way by iperf3. The witnesses are tests/live/wire.c at the senders, and the segments that TCP sent.
# usage: xdp_offload.sh [FUNCTION...]
# shellcheck disable=SC1091,SC2154 # xdp_lib.sh has them
set -euo pipefail
. "$(dirname "$0")/xdp_lib.sh"
needs "offloads" iperf3

octets=${LIVE_OCTETS:-200M}

network() {
	namespace here
	namespace there
	pair here va there vb
	ip_in here addr add 10.88.0.1/24 dev va
	ip_in there addr add 10.88.0.2/24 dev vb
	in_ns here ethtool -K va tso on gso on gro on
	in_ns there ethtool -K vb tso on gso on gro on
}

# Segments that TCP sent at both ends, repeated ones too, as the stacks count them (RFC 4022).
segments() {
	{ in_ns here cat /proc/net/snmp && in_ns there cat /proc/net/snmp; } | awk '/^Tcp: [0-9]/ { sum += $12 + $13 } END { printf "%.0f\n", sum }'
}

watching=()

watch_senders() {
	local place interface
	watching=()
	for place in here:va there:vb; do
		interface=${place#*:}
		background "${place%:*}" "$helpers/wire" "$interface" >"wire-$interface"
		watching+=("$beside")
		for _ in $(seq 100); do
			! grep -q watching "wire-$interface" || break
			sleep 0.05
		done
	done
}

# Sets packets and wire_octets of all that was sent.
watched() {
	kill "${watching[@]}"
	wait "${watching[@]}"
	read -r packets wire_octets < <(cat wire-va wire-vb | awk 'NF == 3 { packets += $2; octets += $3 } END { printf "%.0f %.0f\n", packets, octets }')
}

# Both ways, one after the other.
talk() {
	watch_senders
	background there iperf3 -s >/dev/null
	sleep 0.5
	timeout 60 nsenter --net="/run/netns/dvx-$$-here" iperf3 -c 10.88.0.2 -n "$octets" >iperf.1
	timeout 60 nsenter --net="/run/netns/dvx-$$-here" iperf3 -c 10.88.0.2 -n "$octets" -R >iperf.2
	sleep 0.3
	kill -KILL "$beside"
	watched
}

# What passed is what was seen, octet by octet, and lies in records. A full ring of the device under it may drop packets that were sent.
wire_is_what_was_counted() {
	local in_records in_octets records_count dropped
	dropped=$({ ip_in here -s -j link show va && ip_in there -s -j link show vb; } | jq -s '[.[][0].stats64 | .tx.dropped + .rx.dropped] | add')
	books_balance
	read -r in_records in_octets records_count < <(total records)
	echo "wire: $packets packets, $wire_octets octets; records: $records_count with $in_records packets, $in_octets octets; TCP $(segments) segments"
	equal "packets seen" "$(number seen)" $((packets - dropped))
	equal "packets in records" $((in_records + $(number not_ip))) $((packets - dropped))
	[ "$packets" -gt 1000 ]
	[ "$dropped" -eq 0 ] || {
		echo "the device dropped $dropped"
		return 0
	}
	# ARP, of 42 octets a frame, is in no record.
	equal octets $((in_octets + 42 * $(number not_ip))) "$wire_octets"
	jq -r 'select(.protocol == "tcp") | .src_stat.packets + .dst_stat.packets' records | awk -v segments="$(segments)" '
		{ sum += $1 }
		END { if (sum != segments) { print "TCP counts " segments " segments, records " sum; exit 1 } }'
}

# ---- tests ----

native_xdp_and_tcx_egress_count_what_is_on_the_wire() {
	network
	start there -i vb
	says 'mode=xdp_native ingress'
	talk
	stop TERM
	wire_is_what_was_counted
}

tcx_on_both_sides_counts_what_is_on_the_wire() {
	network
	start there -i vb --xdp-mode off
	says 'mode=tcx ingress\|mode=clsact ingress'
	talk
	stop TERM
	wire_is_what_was_counted
	# So there was something to take apart: the device carried far fewer packets than the wire.
	[ "$(ip_in there -s -j link show vb | jq '.[0].stats64 | .rx.packets + .tx.packets')" -lt $((packets / 2)) ]
}

# One call of sendmsg(2) with UDP_SEGMENT (103) is ten datagrams (udp(7)).
datagrams_that_offload_cuts_are_counted() {
	local mode
	network
	command -v python3 >/dev/null || skip "needs python3"
	for mode in auto off; do
		rm -f records
		start there -i vb --xdp-mode $mode
		watch_senders
		background there python3 -c 'import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.88.0.2", 9))
time.sleep(60)'
		sleep 0.5
		in_ns here python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_UDP, 103, 1200)
for _ in range(200):
    s.sendto(bytes(12000), ("10.88.0.2", 9))'
		kill -KILL "$beside"
		watched
		stop TERM
		books_balance
		equal "packets seen" "$(number seen)" "$packets"
		equal "datagrams" "$(jq -r 'select(.dst.port == 9) | "\(.src_stat.packets) \(.src_stat.bytes)"' records)" "2000 $((2000 * 1242))"
	done
}

# sent_by_device: octets and packets, as far as the device has to do with them.
sent_by_device() {
	ip_in here -s -j link show va | jq -r '.[0].stats64.tx | "\(.bytes) \(.packets)"'
}

# Waits until neither end has sent anything for two seconds.
silence() {
	local before now=
	for _ in $(seq 10); do
		before=$now
		now="$(sent_by_device) $(ip_in there -s -j link show vb | jq '.[0].stats64.tx.packets')"
		[ "$now" != "$before" ] || return 0
		sleep 2
	done
	echo "the ends do not fall silent"
	return 1
}

# A frame of 64 KiB and more says nothing of its length in the IP header (RFC 2675).
segments_longer_than_64_kib_are_counted_too() {
	local end octets_before packets_before octets_after packets_after
	network
	for end in here:va there:vb; do # without questions for routers, and without link-local addresses, which are announced late
		in_ns "${end%:*}" sysctl -qw "net.ipv6.conf.${end#*:}.router_solicitations=0" "net.ipv6.conf.${end#*:}.addr_gen_mode=1" \
			"net.ipv6.conf.${end#*:}.disable_ipv6=0" 2>/dev/null || skip "no IPv6"
		ip_in "${end%:*}" link set "${end#*:}" gso_max_size 180000 gro_max_size 180000 2>/dev/null || skip "no BIG TCP here"
	done
	ip_in here -6 addr add fd88::1/64 dev va nodad
	ip_in there -6 addr add fd88::2/64 dev vb nodad
	silence # once both have told their groups (RFC 3810 9.11)
	start there -i vb --xdp-mode off
	watch_senders
	background there iperf3 -s >/dev/null
	sleep 0.5
	read -r octets_before packets_before < <(sent_by_device)
	timeout 60 nsenter --net="/run/netns/dvx-$$-here" iperf3 -c fd88::2 -n "$octets" -l 1M >iperf.1
	read -r octets_after packets_after < <(sent_by_device)
	sleep 0.3
	kill -KILL "$beside"
	watched
	stop TERM
	echo "frames of $(((octets_after - octets_before) / (packets_after - packets_before))) octets on average"
	[ $(((octets_after - octets_before) / (packets_after - packets_before))) -gt 65536 ] || skip "offload made no frames longer than 64 KiB"
	books_balance
	equal "packets seen" "$(number seen)" "$packets"
	equal "octets" "$(total records | cut -d ' ' -f 2)" "$wire_octets"
}

a_large_mtu_is_no_hindrance_and_may_change_meanwhile() {
	local end
	network
	ip_in here link set va mtu 9000
	ip_in there link set vb mtu 9000
	start there -i vb
	says 'mode=xdp_native ingress'
	for end in 1500 9000; do
		ip_in there link set vb mtu $end
		ip_in here link set va mtu $end
	done
	talk
	stop TERM
	wire_is_what_was_counted
	[ $((wire_octets / packets)) -gt 4000 ] # so frames were large
}

# segments_of ARGUMENT...: what a guest's network card hands over uncut, through a tap device.
segments_of() {
	local records_count
	namespace there
	[ -e /dev/net/tun ] || skip "no /dev/net/tun"
	mkfifo numbers
	nsenter --net="/run/netns/dvx-$$-there" "$helpers/tun" tap0 "$@" <numbers >tun.out &
	pids+=($!)
	exec 9>numbers
	for _ in $(seq 100); do
		! grep -q ready tun.out || break
		sleep 0.05
	done
	ip_in there link set tap0 up
	start there -i tap0 --extended
	echo 100 >&9
	for _ in $(seq 100); do
		! grep -q 'sent 100' tun.out || break
		sleep 0.05
	done
	stop TERM
	exec 9>&-
	books_balance
	read -r in_records in_octets records_count < <(total records)
	echo "$in_records packets, $in_octets octets, $(jq -r '.vlan // "no"' records | sort -u) VLAN"
	equal packets "$in_records" 1000
}

segments_of_a_guest_are_counted() {
	segments_of segments
	equal octets "$in_octets" $((1000 * 1054))
}

tagged_segments_of_a_guest_are_counted() {
	segments_of segments tagged
	equal octets "$in_octets" $((1000 * 1058))
}

[ $# -gt 0 ] || set -- \
	native_xdp_and_tcx_egress_count_what_is_on_the_wire \
	tcx_on_both_sides_counts_what_is_on_the_wire \
	datagrams_that_offload_cuts_are_counted \
	segments_longer_than_64_kib_are_counted_too \
	a_large_mtu_is_no_hindrance_and_may_change_meanwhile \
	segments_of_a_guest_are_counted \
	tagged_segments_of_a_guest_are_counted
check "$@"
totals
