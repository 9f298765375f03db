#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# --filter selects the same packets everywhere: counted at XDP, at TCX, through libpcap live and from the file, and tcpdump's
# selection of the file. A capture without tags goes to all of them; one with tags only to the kernel's counters, for a live
# libpcap takes the tag off before it filters.
#
# FILTER_CAPTURES: a folder of Ethernet captures (those of the project's own builder). FILTER_GAP_US (100): the time between two frames.
# usage: filter.sh [EXPRESSION...]
# shellcheck disable=SC1091,SC2154 # xdp_lib.sh has them
set -euo pipefail
. "$(dirname "$0")/xdp_lib.sh"
needs "filters" tcpdump mergecap python3

gap_us=${FILTER_GAP_US:-100} # between two frames
captures=${FILTER_CAPTURES:-$work/captures}
tags='ether[12:2] = 0x8100 or ether[12:2] = 0x88a8 or ether[12:2] = 0x9100'

mapfile -t expressions <<'END'
ip
ip6
arp
icmp
icmp6
tcp
udp
igmp
host 192.168.1.10
src host 192.168.1.10
dst host 198.51.100.80
host 2001:db8:1::10
not host 192.168.1.10
net 192.168.1.0/24
src net 10.0.0.0/8
dst net 224.0.0.0/4
net 2001:db8::/32
not net 192.168.1.0/24
port 53
src port 53
dst port 443
tcp port 443
udp port 53
not port 53
portrange 1-1023
udp portrange 5000-6000
tcp dst portrange 80-443
port 80 or port 443 or port 8080
ip proto \icmp
ip proto 47
ip6 proto 58
ether proto \ip6
ether proto 0x88cc
tcp[13] & 2 != 0
tcp[tcpflags] & (tcp-syn|tcp-ack) != 0
tcp[tcpflags] == tcp-syn
ip[8] < 65 and ip[9] = 1
ip[8] == 64
ip[0] & 0xf != 5
ip[6:2] & 0x1fff != 0
ip[6] & 0x20 != 0
icmp[icmptype] = icmp-echo
udp[4:2] > 100
((ip[2:2] - ((ip[0] & 0xf) << 2)) - ((tcp[12] & 0xf0) >> 2)) != 0
tcp port 443 and tcp[((tcp[12] & 0xf0) >> 2)] = 0x16
ether host 02:00:00:00:00:01
ether src 02:00:00:00:00:01
ether[0] & 1 = 0
ether broadcast
ether multicast
broadcast
multicast
ip multicast
ip6 multicast
greater 200
less 64
len = 60
len <= 100 and udp
vlan
vlan 100
vlan and host 192.168.1.10
vlan and vlan
ip or vlan
not vlan
mpls
pppoes
tcp and (port 80 or port 443) and not host 192.168.1.10
(tcp or udp) and not (port 22 or port 53)
(net 192.168.1.0/24 and port 53) or (ip6 and not (tcp or icmp6)) or arp
not (not (not udp))
ip and not tcp and not udp
END

# whole IN OUT: frames that were cut filled up with zeros, as the sender does it, and a millisecond between any two.
whole() {
	python3 - "$1" "$2" <<'END'
import struct, sys

data = open(sys.argv[1], 'rb').read()
order = '<' if data[:4] in (b'\xd4\xc3\xb2\xa1', b'\x4d\x3c\xb2\xa1') else '>'
out = open(sys.argv[2], 'wb')
out.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
at, ms = 24, 1_700_000_000_000
while at < len(data):
    captured, length = struct.unpack_from(order + 'II', data, at + 8)
    frame = data[at + 16:at + 16 + captured].ljust(length, b'\0')
    out.write(struct.pack('<IIII', ms // 1000, ms % 1000 * 1000, length, length) + frame)
    at, ms = at + 16 + captured, ms + 1
END
}

# Frames that the veth takes: no shorter than an Ethernet header, no longer than its MTU. None with nine tags: they are one too many
# for the parser, but at TC the first of them is off the frame.
make_inputs() {
	local file ethernet=()
	[ -n "${FILTER_CAPTURES:-}" ] || { mkdir -p "$captures" && "$helpers/make-captures" "$captures"; }
	for file in "$captures"/*.pcap; do
		case $(basename "$file") in bad-*) continue ;; esac
		! tcpdump -nr "$file" -c 1 2>&1 | grep -q 'link-type EN10MB' || ethernet+=("$file")
	done
	mergecap -a -F pcap -w "$work/merged.pcap" "${ethernet[@]}" 2>"$work/merge.err"
	whole "$work/merged.pcap" "$work/whole.pcap"
	tcpdump -nr "$work/whole.pcap" -w "$work/plain.pcap" "not ($tags) and greater 14 and less 65000" 2>/dev/null
	tcpdump -nr "$work/whole.pcap" -w "$work/tagged.pcap" "($tags) and not (${tags//12:/44:}) and greater 18 and less 65000" 2>/dev/null
	mergecap -a -F pcap -w "$work/both.pcap" "$work/plain.pcap" "$work/tagged.pcap"
}

packets_of() {
	tcpdump -nr "$1" -w - "${2:-}" 2>/dev/null | tcpdump -nr - --count 2>/dev/null | awk '{ print $1 }'
}

# watch NAME ARGUMENT...: one more program on the interface, its records in NAME.records, its log in NAME.err.
watch() {
	local name=$1
	shift
	nsenter --net="/run/netns/dvx-$$-there" "$devourer" capture -i vb -f "$expression" --names off --idle-timeout 24h -o file -w "$name.records" \
		"$@" 2>"$name.err" </dev/null &
	eval "${name}_pid=$!"
	pids+=("$!")
	for _ in $(seq 200); do
		! grep -qs "interface vb: mode=" "$name.err" || return 0
		sleep 0.05
	done
	cat "$name.err"
	return 1
}

finish_watch() {
	local name=$1 pid_name=${1}_pid
	kill -TERM "${!pid_name}"
	wait "${!pid_name}"
	grep -q ' difference=0' "$name.err"
}

seen_by() {
	grep -oE 'balance: seen=[0-9]+' "$1.err" | tail -n 1 | cut -d = -f 2
}

# What a record says but for its times and its id.
flows() {
	touch "$1.records" # none, when nothing was written
	jq -c '[.protocol, .src, .dst, .src_stat, .dst_stat, .status]' "$1.records" | sort
}

from_file() {
	"$devourer" capture -r "$2" -f "$expression" --names off --idle-timeout 24h -o file -w "$1.records" 2>"$1.err"
}

# same A B: packets and records.
same() {
	echo "$1: $(seen_by "$1") packets, $(flows "$1" | wc -l) records; $2: $(seen_by "$2") packets"
	[ "$(seen_by "$1")" -eq "$(seen_by "$2")" ]
	diff <(flows "$1") <(flows "$2") | head -n 6
	diff -q <(flows "$1") <(flows "$2") >/dev/null
}

one_expression() {
	plain_network
	watch xdp --source xdp
	watch tcx --source xdp --xdp-mode off
	watch live --source pcap --snaplen 65535
	grep -q 'mode=xdp_native ingress' xdp.err
	grep -q 'mode=tcx ingress' tcx.err
	in_ns here "$helpers/replay" va "$work/plain.pcap" "$gap_us" "$gap_us" | tee sent
	sleep 0.3 # libpcap hands packets over in blocks of 100 ms
	finish_watch live
	in_ns here "$helpers/replay" va "$work/tagged.pcap" "$gap_us" "$gap_us" | tee -a sent
	[ "$(grep -c ', 0 cannot be sent' sent)" -eq 2 ]
	finish_watch xdp
	finish_watch tcx
	from_file plain "$work/plain.pcap"
	from_file both "$work/both.pcap"
	equal "the file without tags, and tcpdump of it" "$(seen_by plain)" "$(packets_of "$work/plain.pcap" "$expression")"
	equal "the file, and tcpdump of it" "$(seen_by both)" "$(packets_of "$work/both.pcap" "$expression")"
	same xdp both
	same tcx both
	same live plain
}

make_inputs
echo "# $(packets_of "$work/plain.pcap") packets without tags, $(packets_of "$work/tagged.pcap") with; $# of ${#expressions[@]} expressions were given"
[ $# -eq 0 ] || expressions=("$@")
number_of_test=0
for expression in "${expressions[@]}"; do
	name=$(printf 'the_filter_%s' "$expression" | tr -c 'a-zA-Z0-9' _ | cut -c 1-60)_$((++number_of_test))
	eval "$name() { one_expression; }"
	check "$name"
done
totals
