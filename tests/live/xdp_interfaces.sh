#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Interfaces that come, go and change their name are captured within a second, by name, glob, regular expression and "any".
#
# usage: xdp_interfaces.sh [FUNCTION...]
# shellcheck disable=SC1091,SC2034,SC2154 # xdp_lib.sh has them
set -euo pipefail
. "$(dirname "$0")/xdp_lib.sh"
needs "interfaces that come and go"

packets=5000 flows=50

network() {
	namespace here
	namespace there
	pair here va0 there vb0
}

# emit INTERFACE: at a moderate rate.
emit() {
	timeout 30 nsenter --net="/run/netns/dvx-$$-here" "$helpers/send" "$1" "$packets" $flows 50000 >sent
}

# within_a_second PATTERN: in the log, at most a second after now.
within_a_second() {
	for _ in $(seq 20); do
		! grep -q "$1" err || return 0
		sleep 0.05
	done
	echo "not within a second: $1"
	cat err
	return 1
}

# on INTERFACE: packets of the sender in records that name it.
on() {
	jq -r --arg i "$1" 'select(.dst.port == 9000 and .interface == $i) | .src_stat.packets' records | awk '{ sum += $1 } END { printf "%.0f\n", sum }'
}

# ---- tests ----

a_new_interface_is_captured_within_a_second() {
	network
	start there -i 'vb*' --extended
	pair here va1 there vb1
	within_a_second 'interface vb1: mode='
	emit va1
	emit va0
	stop TERM
	books_balance
	equal "packets on vb1" "$(on vb1)" "$packets"
	# The flows are the same, so what the other one sees is its second sighting.
	equal "second sightings" "$(number other_interface)" "$packets"
	equal seen "$(number seen)" $((2 * packets))
}

a_renamed_interface_goes_on() {
	network
	start there -i vb0 --extended
	emit va0
	ip_in there link set vb0 down
	ip_in there link set vb0 name renamed
	ip_in there link set renamed up
	sleep 1.2
	emit va0
	stop TERM
	books_balance
	equal seen "$(number seen)" $((2 * packets))
	equal "in records" "$(total records | cut -d ' ' -f 1)" $((2 * packets))
	equal "records" "$(wc -l <records)" $flows
}

an_interface_that_was_down_goes_on() {
	network
	start there -i vb0
	emit va0
	ip_in there link set vb0 down
	sleep 0.5
	ip_in there link set vb0 up
	emit va0
	stop TERM
	books_balance
	equal seen "$(number seen)" $((2 * packets))
	! grep -q 'vb0 is gone' err
}

# What it counted is harvested under its name although it is no more.
packets_of_a_removed_interface_are_recorded() {
	network
	pair here va1 there vb1
	start there -i 'vb*' --extended --harvest-interval 5s
	emit va1
	ip_in there link del vb1
	within_a_second 'interface vb1 is gone'
	stop TERM
	books_balance
	equal seen "$(number seen)" "$packets"
	equal "packets on vb1" "$(on vb1)" "$packets"
}

an_interface_that_comes_back_is_captured_again() {
	network
	start there -i vb0 --extended
	emit va0
	ip_in there link del vb0
	within_a_second 'interface vb0 is gone'
	: >err.before && cat err >err.before
	pair here va0 there vb0
	for _ in $(seq 20); do
		[ "$(grep -c 'interface vb0: mode=' err)" -ne 2 ] || break
		sleep 0.05
	done
	equal "times attached" "$(grep -c 'interface vb0: mode=' err)" 2
	emit va0
	stop TERM
	books_balance
	equal seen "$(number seen)" $((2 * packets))
	equal "packets on vb0" "$(on vb0)" $((2 * packets))
}

# Containers make interfaces with names of their own all day long.
more_interfaces_than_there_are_slots_may_come_and_go() {
	local i
	network
	start there -i 'vb*'
	for i in $(seq 100 "$((100 + ${LIVE_INTERFACES:-80}))"); do
		pair here "va$i" there "vb$i" 1
		ip_in there link del "vb$i"
	done
	pair here va9 there vb9
	within_a_second 'interface vb9: mode='
	emit va9
	stop TERM
	books_balance
	equal seen "$(number seen)" "$packets"
}

names_are_chosen_by_glob_regex_exclude_and_any() {
	local row patterns exclude expected
	network
	pair here va1 there vb1
	pair here xa0 there xb0
	while read -r patterns exclude expected; do
		[ "$exclude" != - ] || exclude=none
		start there -i "$patterns" --exclude-interface "$exclude"
		sleep 0.2
		stop TERM
		row=$(sed -nE 's/.*interface ([a-z0-9]+): mode=.*/\1/p' err | sort | tr '\n' ' ')
		equal "-i $patterns without $exclude" "$row" "$(tr , ' ' <<<"$expected") "
	done <<'END'
vb0 - vb0
vb0,xb0 - vb0,xb0
vb* - vb0,vb1
*b0 - vb0,xb0
/^[vx]b0$/ - vb0,xb0
/b1/ - vb1
any lo vb0,vb1,xb0
any lo,vb* xb0
vb*,xb0 /1$/ vb0,xb0
v?[01] - vb0,vb1
END
}

a_name_that_nothing_has_is_refused_and_a_pattern_waits() {
	local status=0
	network
	in_ns there "$devourer" capture -i nothing0 -o null >out 2>err || status=$?
	equal status $status 1
	grep -q 'interface nothing0' err
	nsenter --net="/run/netns/dvx-$$-there" "$devourer" capture -i 'late*' --extended -o file -w records 2>err </dev/null &
	pid=$!
	sleep 1
	pair here early0 there late0
	within_a_second 'interface late0: mode='
	emit early0
	stop TERM
	books_balance
	equal "packets on late0" "$(on late0)" "$packets"
}

# The loopback interface carries each packet out and in again: it is one packet.
a_packet_on_loopback_is_counted_once() {
	network
	start there -i lo
	in_ns there "$helpers/send" lo 1000 10 20000 >sent
	sleep 0.2
	stop TERM
	books_balance
	equal seen "$(number seen)" 1000
}

# start_tun ARGUMENT...: a number written to descriptor 9 makes so many packets come in.
start_tun() {
	[ -e /dev/net/tun ] || skip "no /dev/net/tun"
	mkfifo numbers
	nsenter --net="/run/netns/dvx-$$-there" "$helpers/tun" "$@" <numbers >tun.out &
	pids+=($!)
	exec 9>numbers
	for _ in $(seq 100); do
		! grep -q ready tun.out || break
		sleep 0.05
	done
	ip_in there link set "$1" up
}

receive() {
	echo "$1" >&9
	for _ in $(seq 200); do
		! grep -q "sent $1" tun.out || return 0
		sleep 0.05
	done
	return 1
}

a_device_without_link_header_is_captured() {
	network
	start_tun tun0
	start there -i tun0,vb0 --extended
	says 'interface tun0: mode='
	receive 3000
	emit va0
	stop TERM
	exec 9>&-
	books_balance
	equal seen "$(number seen)" $((packets + 3000))
	equal "packets and octets of the tunnel" "$(jq -r 'select(.dst.port == 7001) | "\(.interface) \(.src_stat.packets) \(.src_stat.bytes) \(.src.hw_addr)"' records)" \
		"tun0 3000 $((3000 * 50)) null"
}

a_device_without_link_header_that_appears_is_captured_too() {
	network
	start there -i 'tun*,vb0' --extended
	start_tun tun5
	within_a_second 'interface tun5: mode='
	receive 100
	stop TERM
	exec 9>&-
	books_balance
	equal "packets of the tunnel" "$(jq -r 'select(.dst.port == 7001) | .src_stat.packets' records)" 100
}

# What a filter cannot do on an interface leaves that one out, and is said once, however often links change.
an_interface_that_cannot_be_captured_is_left_out_of_a_pattern() {
	network
	start_tun tun0
	start there -i any -f 'not ether host 02:00:00:00:00:99'
	says 'interface vb0: mode='
	for _ in 1 2 3; do
		ip_in there link set vb0 mtu 1400
		ip_in there link set vb0 mtu 1500
		sleep 0.1
	done
	emit va0
	stop TERM
	books_balance
	equal seen "$(number seen)" "$packets"
	equal refusals "$(grep -c 'interface tun0: it is not captured' err)" 1
	in_ns there "$devourer" capture -i tun0 -o null --source xdp -f 'not ether host 02:00:00:00:00:99' >out 2>err || status=$?
	equal status "$status" 1
	grep -q 'interface tun0: it has no Ethernet header' err
	exec 9>&-
}

# Frames that pass the queueing discipline by are counted by the device, and are not seen.
one_warning_tells_what_the_device_carried_unseen() {
	local share
	command -v python3 >/dev/null || skip "needs python3"
	for share in 0 5; do
		rm -rf records
		network
		start here -i va0 --stat-interval 1s
		sleep 1.2 # the first look
		in_ns here "$helpers/send" va0 10000 10 4000 >sent &
		in_ns here python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.setsockopt(263, 20, 1) # PACKET_QDISC_BYPASS, packet(7)
s.bind(("va0", 0))
for _ in range(10 * int(sys.argv[1])):
    for _ in range(10):
        s.send(bytes(12) + b"\x08\x00" + bytes(46))
    time.sleep(0.05)' $share
		wait $!
		sleep 1.2
		stop TERM
		equal seen "$(number seen)" 10000
		equal warnings "$(grep -c 'interface va0: the device carried' err || true)" $((share > 0))
		equal unseen "$(number interface_unseen)" $((100 * share))
		clean
		namespaces=()
	done
}

[ $# -gt 0 ] || set -- \
	a_new_interface_is_captured_within_a_second \
	a_renamed_interface_goes_on \
	an_interface_that_was_down_goes_on \
	packets_of_a_removed_interface_are_recorded \
	an_interface_that_comes_back_is_captured_again \
	more_interfaces_than_there_are_slots_may_come_and_go \
	names_are_chosen_by_glob_regex_exclude_and_any \
	a_name_that_nothing_has_is_refused_and_a_pattern_waits \
	a_packet_on_loopback_is_counted_once \
	a_device_without_link_header_is_captured \
	a_device_without_link_header_that_appears_is_captured_too \
	an_interface_that_cannot_be_captured_is_left_out_of_a_pattern \
	one_warning_tells_what_the_device_carried_unseen
check "$@"
totals
