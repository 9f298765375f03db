#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A router with both interfaces watched: without NAT each packet is in exactly one record, and the second sighting has a name of
# its own; with NAT a connection is two flows, one for each pair of addresses.
#
# LIVE_OCTETS (20M) each way by iperf3, LIVE_PACKETS (20000) datagrams over 200 flows.
# usage: xdp_gateway.sh [FUNCTION...]
# shellcheck disable=SC1091,SC2154 # xdp_lib.sh has them
set -euo pipefail
. "$(dirname "$0")/xdp_lib.sh"
needs "a gateway" iperf3

octets=${LIVE_OCTETS:-20M} packets=${LIVE_PACKETS:-20000}
router_mac=02:00:00:00:00:02 # tests/live/send.c sends to it

# client 10.99.255.2 -- ra router rb -- 10.98.0.1 server
network() {
	local name
	namespace client
	namespace router
	namespace server
	pair client va router ra
	pair router rb server vb
	ip_in router link set ra address $router_mac
	ip_in client addr add 10.99.255.2/16 dev va
	ip_in router addr add 10.99.255.1/16 dev ra
	ip_in router addr add 10.98.0.2/24 dev rb
	ip_in server addr add 10.98.0.1/24 dev vb
	ip_in client route add default via 10.99.255.1
	ip_in server route add default via 10.98.0.2
	for name in ip_forward=1 conf.all.rp_filter=0 conf.default.rp_filter=0 conf.ra.rp_filter=0 conf.rb.rp_filter=0; do
		in_ns router sysctl -qw net.ipv4.$name
	done
}

# What goes out of these interfaces, as on the wire: NAME:INTERFACE...
watching=()
watch_senders() {
	local place
	watching=()
	for place; do
		background "${place%:*}" "$helpers/wire" "${place#*:}" >"wire-${place#*:}"
		watching+=("$beside")
		for _ in $(seq 100); do
			! grep -q watching "wire-${place#*:}" || break
			sleep 0.05
		done
	done
}

watched() {
	kill "${watching[@]}"
	wait "${watching[@]}"
}

# sent_by INTERFACE...: packets.
sent_by() {
	local interface
	for interface; do
		cat "wire-$interface"
	done | awk 'NF == 3 { sum += $2 } END { printf "%.0f\n", sum }'
}

talk() {
	background server iperf3 -s >/dev/null
	sleep 0.5
	timeout 60 nsenter --net="/run/netns/dvx-$$-client" iperf3 -c 10.98.0.1 -n "$octets" >iperf.1
	timeout 60 nsenter --net="/run/netns/dvx-$$-client" iperf3 -c 10.98.0.1 -n "$octets" -R >iperf.2
	kill -KILL "$beside"
}

# packets_of FILTER: of the records that jq's filter keeps.
packets_of() {
	jq -r "select($1) | .src_stat.packets + .dst_stat.packets" records | awk '{ sum += $1 } END { printf "%.0f\n", sum }'
}

# ---- tests ----

without_nat_each_packet_is_in_one_record() {
	local not_ip flows outside
	network
	start router -i ra,rb --extended "$@"
	watch_senders client:va router:ra router:rb server:vb
	talk
	sleep 0.3
	stop TERM
	watched
	books_balance
	not_ip=$(number not_ip)
	outside=$(sent_by va ra rb vb)
	echo "all four senders: $outside, of which $not_ip not IP; records $(packets_of true), other_interface $(number other_interface)"
	# Everything passed both interfaces, and was recorded at the first.
	equal seen "$(number seen)" "$outside"
	equal "second sightings" "$(number other_interface)" "$(packets_of true)"
	equal "seen and not ARP" $(($(packets_of true) * 2 + not_ip)) "$outside"
	flows=$(jq -r '"\(.src.addr) \(.src.port) \(.dst.addr) \(.dst.port)"' records | sort | uniq -d)
	equal "flows with two records" "${flows:-none}" none
	equal "where they were counted" "$(jq -r 'select(.protocol == "tcp") | .interface' records | sort -u)" ra
	equal "status" "$(jq -r .status records | sort -u)" established
}

without_nat_and_by_tc_each_packet_is_in_one_record() {
	without_nat_each_packet_is_in_one_record --xdp-mode off
}

many_flows_through_a_router_are_counted_once() {
	network
	start router -i ra,rb --extended
	timeout 60 nsenter --net="/run/netns/dvx-$$-client" "$helpers/send" va "$packets" 200 20000 >sent
	sleep 0.3
	stop TERM
	books_balance
	equal "packets of the sender" "$(packets_of '.dst.port == 9000')" "$packets"
	equal "each flow" "$(jq -r 'select(.dst.port == 9000) | .src_stat.packets' records | sort -u)" $((packets / 200))
	[ "$(number other_interface)" -ge "$packets" ]
}

with_nat_a_connection_is_two_flows() {
	local inside outside not_ip
	command -v nft >/dev/null || skip "needs nft"
	network
	in_ns router nft -f - <<'END' || skip "no nf_tables here"
table ip nat {
	chain out {
		type nat hook postrouting priority 100;
		oifname "rb" masquerade
	}
}
END
	start router -i ra,rb --extended
	watch_senders client:va router:ra router:rb server:vb
	talk
	sleep 0.3
	stop TERM
	watched
	books_balance
	not_ip=$(number not_ip)
	inside=$(packets_of '.interface == "ra"') outside=$(packets_of '.interface == "rb"')
	echo "inside $inside, outside $outside packets; $(wc -l <records) records"
	equal "other interface" "$(number other_interface)" 0
	equal "in records and not IP" $((inside + outside + not_ip)) "$(sent_by va ra rb vb)"
	# Each pair of addresses has its own, and both sides the same packets.
	equal "inside" "$inside" "$(packets_of '.src.addr == "10.99.255.2"')"
	equal "outside" "$outside" "$(packets_of '.src.addr == "10.98.0.2"')"
	equal "both sides" "$inside" "$outside"
	equal "records" "$(jq -r 'select(.protocol == "tcp") | .interface' records | sort | uniq -c | awk '{ print $1 }' | sort -u)" 4
	equal "packets of each connection" \
		"$(jq -r 'select(.protocol == "tcp" and .interface == "ra") | .src_stat.packets + .dst_stat.packets' records | sort -n | tr '\n' ' ')" \
		"$(jq -r 'select(.protocol == "tcp" and .interface == "rb") | .src_stat.packets + .dst_stat.packets' records | sort -n | tr '\n' ' ')"
}

[ $# -gt 0 ] || set -- \
	without_nat_each_packet_is_in_one_record \
	without_nat_and_by_tc_each_packet_is_in_one_record \
	many_flows_through_a_router_are_counted_once \
	with_nat_a_connection_is_two_flows
check "$@"
totals
