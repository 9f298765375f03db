#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Live capture by libpcap on a veth pair: every packet that was sent is in a record, or the kernel says that it dropped it.
#
# LIVE_PACKETS (100000), LIVE_FLOWS (1000) and LIVE_PPS (50000) say how much; needs root and network namespaces.
# usage: pcap_live.sh [FUNCTION...]; DEVOURER names the program, SEND the sender (built here when there is none).
set -euo pipefail
cd "$(dirname "$0")/../.."

devourer=$(realpath "${DEVOURER:-build/asan/devourer}")
send=$(realpath -m "${SEND:-$(dirname "$devourer")/tests/send}")
packets=${LIVE_PACKETS:-100000} flows=${LIVE_FLOWS:-1000} rate=${LIVE_PPS:-50000}
seconds=$((packets / rate + 20)) # that a run may take
here=dvr-a-$$ there=dvr-b-$$     # the namespaces of the sender and of the program
work=$(mktemp -d)
pid=
passed=0 failed=0

clean() {
	[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
	ip netns del $here 2>/dev/null || true
	ip netns del $there 2>/dev/null || true
	rm -rf "$work"
}
trap clean EXIT

skip() {
	echo "ok live capture # SKIP $1"
	echo "0 passed, 0 failed, 1 skipped"
	exit
}

[ "$(uname -s)" = Linux ] || skip "needs Linux"
[ "$(id -u)" -eq 0 ] || skip "needs root"
if ! ip netns add $here 2>/dev/null || ! ip netns add $there; then
	skip "cannot make network namespaces"
fi

# A pair of interfaces; without IPv6 nobody but the sender speaks.
connect() {
	ip -n $here link add veth0 type veth peer name veth1 netns $there || return 1
	local end namespace interface
	for end in "$here veth0" "$there veth1"; do
		read -r namespace interface <<<"$end"
		ip netns exec "$namespace" sh -c "echo 1 >/proc/sys/net/ipv6/conf/$interface/disable_ipv6" 2>/dev/null || true
		ip -n "$namespace" link set "$interface" up
	done
}

connect || skip "cannot make a veth pair"
if ! [ -x "$send" ]; then
	send=$work/send
	"${CC:-cc}" -std=gnu11 -O2 -o "$send" tests/live/send.c
fi

# ---- helpers: each fails with a reason on standard output ----

# start ARGUMENT...: the program on veth1, its records in `records`; returns once it captures.
start() {
	ip netns exec $there "$devourer" capture --source pcap -i veth1 -o file -w records "$@" >out 2>err </dev/null &
	pid=$!
	says 'interface veth1: mode=pcap'
}

# stop SIGNAL: the program must end by itself with status 0.
stop() {
	local status=0
	kill "-$1" $pid
	for _ in $(seq $((seconds * 10))); do
		kill -0 $pid 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL $pid 2>/dev/null && echo "it did not end within $seconds seconds" && return 1
	wait $pid || status=$?
	pid=
	[ $status -eq 0 ] && return
	echo "exit status $status"
	cat err
	return 1
}

# says PATTERN: within ten seconds.
says() {
	for _ in $(seq 100); do
		! grep -q "$1" err 2>/dev/null || return 0
		sleep 0.1
	done
	echo "standard error lacks: $1"
	cat err
	return 1
}

emit() {
	timeout $seconds ip netns exec $here "$send" veth0 "$packets" "$flows" "$rate" >sent
}

# number NAME: the value of NAME=VALUE in the last balance line.
number() {
	sed -nE "s/.*balance: (.* )?$1=([0-9]+).*/\\2/p" err | tail -n 1
}

# The sender's packets in these files, and its flows.
of_sender() {
	cat "$@" | jq -rs 'map(select(.dst.port == 9000 and (.src.addr | startswith("10.99.")))) |
		"\(map(.src_stat.packets) | add // 0) \(length) \(map(.src_stat.bytes) | add // 0)"'
}

# What was sent is in records, or counted as dropped by the kernel; then no more than that is missing.
all_is_accounted_for() {
	local in_records records_count octets dropped
	read -r in_records records_count octets < <(of_sender "$@")
	dropped=$(number kernel_dropped)
	echo "sent=$packets in_records=$in_records kernel_dropped=$dropped flows=$records_count $(number seen)=seen"
	grep -q ' difference=0;' err
	[ $((in_records + dropped)) -eq "$packets" ]
	[ "$octets" -eq $((in_records * 60)) ]
	if [ "$dropped" -eq 0 ]; then # then each flow has its share
		[ "$records_count" -eq "$flows" ]
		[ $((packets % flows)) -ne 0 ] || [ "$(cat "$@" | jq 'select(.dst.port == 9000) | .src_stat.packets' | sort -u)" = $((packets / flows)) ]
	fi
}

# ---- tests ----

a_signal_right_behind_the_last_packet_loses_none() {
	start
	emit
	stop TERM
	all_is_accounted_for records
}

what_the_kernel_drops_is_said() {
	start --buffer-size 64K --snaplen 128
	kill -STOP $pid # packets come while nobody fetches them
	emit
	kill -CONT $pid
	stop INT
	all_is_accounted_for records
	[ "$(number kernel_dropped)" -gt 0 ]
}

a_flow_ends_by_the_clock_and_statistics_are_shown_on_demand() {
	start --idle-timeout 500ms --extended
	emit
	kill -USR1 $pid
	sleep 5
	grep -q 'balance: seen=' err
	read -r before _ < <(of_sender records)
	stop TERM
	all_is_accounted_for records
	[ "$before" -eq "$packets" ]
	[ "$(jq -r .end_reason records | sort | uniq)" = idle ]
}

an_output_file_may_be_moved_away() {
	start --idle-timeout 500ms
	emit &
	sleep 1
	mv records moved
	kill -HUP $pid
	wait $! || return 1
	stop TERM
	read -r count _ octets < <(of_sender moved records)
	[ "$((count + $(number kernel_dropped)))" -eq "$packets" ]
	[ "$octets" -eq $((count * 60)) ]
	[ -s records ]
}

an_interface_that_was_down_is_captured_again() {
	start
	ip -n $there link set veth1 down
	sleep 1
	ip -n $there link set veth1 up
	emit
	stop TERM
	all_is_accounted_for records
}

an_interface_that_goes_away_and_comes_back_is_told() {
	start
	ip -n $there link del veth1
	says 'interface veth1: .*tried again'
	connect
	says 'interface veth1: captured again'
	emit
	stop TERM
	all_is_accounted_for records
}

# ---- all of it ----

# Each test is a function whose name says what is true; it runs in a directory of its own.
check() {
	local name=$1 status why
	mkdir "$work/$name"
	set +e
	why=$(
		set -eE
		trap 'echo "line $LINENO: $BASH_COMMAND"' ERR
		trap '[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null' EXIT
		cd "$work/$name"
		"$name" 2>&1
	)
	status=$?
	set -e
	if [ $status -eq 0 ]; then
		passed=$((passed + 1))
		printf 'ok %s\n' "$name"
	else
		failed=$((failed + 1))
		printf 'not ok %s\n' "$name"
	fi
	printf '%s\n' "${why:-as it must be}" | sed 's/^/    /'
}

[ $# -gt 0 ] || set -- \
	a_signal_right_behind_the_last_packet_loses_none \
	what_the_kernel_drops_is_said \
	a_flow_ends_by_the_clock_and_statistics_are_shown_on_demand \
	an_output_file_may_be_moved_away \
	an_interface_that_was_down_is_captured_again \
	an_interface_that_goes_away_and_comes_back_is_told
for name; do
	check "$name"
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
