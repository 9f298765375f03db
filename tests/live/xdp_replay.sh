#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Counting in the kernel and reading packets by libpcap give the same records of the same packets: captures are replayed into a
# veth while both watch it.
#
# REPLAY_CAPTURES: a folder of Ethernet captures (those of the project's own builder). EXPECTED: a folder of NAME.jsonl, and COMPARE,
# the program that compares them with records; without them only the two sources are compared. The time between two frames is at
# least REPLAY_MIN_US (100) and at most REPLAY_MAX_US (20000): more than a tick, so that late answers come late here too.
# Without captures: one of each kind of the builder's; REPLAY_ALL=1: all of its Ethernet captures.
# usage: xdp_replay.sh [CAPTURE...]
# shellcheck disable=SC1091,SC2154 # xdp_lib.sh has them
set -euo pipefail
given=()
for capture; do
	given+=("$(realpath "$capture")")
done
. "$(dirname "$0")/xdp_lib.sh"
needs "replay of captures" python3

least=${REPLAY_MIN_US:-100} most=${REPLAY_MAX_US:-20000}
captures=${REPLAY_CAPTURES:-$work/captures}
pcap_pid=

# Both sources on one interface, from before the first packet to behind the last.
watch_both() {
	start there -i vb --source xdp --extended --harvest-interval 200ms
	nsenter --net="/run/netns/dvx-$$-there" "$devourer" capture -i vb --source pcap --extended -o file -w by-pcap 2>pcap-err </dev/null &
	pcap_pid=$!
	pids+=("$pcap_pid")
	for _ in $(seq 200); do
		! grep -qs 'mode=pcap' pcap-err || return 0
		sleep 0.05
	done
	cat pcap-err
	return 1
}

stop_both() {
	sleep 0.3 # libpcap hands packets over in blocks of 100 ms
	stop TERM
	kill -TERM "$pcap_pid"
	wait "$pcap_pid"
}

# same_records CAPTURE A B: as sets of flows, each member equal but for the id; times within a tick of 10 ms and a millisecond.
same_records() {
	python3 - "$1" "$2" "$3" <<'END'
import calendar, json, sys

TOLERANCE_NS = 11_000_000
# What the kernel's half does not do: capture, port of a client, member.
EXCEPTIONS = {
    ('tls-good', 5007, 'dst'): 'a ClientHello whose second segment comes first is not copied',
    ('tls-good', 5007, 'name_sources'): 'the same',
}


def time_ns(text):
    whole, _, fraction = text.rstrip('Z').partition('.')
    day, clock = whole.split('T')
    numbers = [int(x) for x in day.split('-') + clock.split(':')]
    return calendar.timegm(tuple(numbers)) * 10**9 + int(fraction.ljust(9, '0')[:9] or 0)


def read(path):
    flows = {}
    for line in open(path):
        r = json.loads(line)
        ends = sorted((r[s]['addr'], r[s]['port']) for s in ('src', 'dst'))
        flows.setdefault((r['protocol'], *map(tuple, ends)), []).append(r)
    return flows


def differences(a, b):
    for member in sorted(a.keys() | b.keys() - {'id'}):
        x, y = a.get(member), b.get(member)
        if member.endswith('_seen_at'):
            if abs(time_ns(x) - time_ns(y)) > TOLERANCE_NS:
                yield member, x, y
        elif member == 'rtt_us':
            if (x is None) != (y is None) or abs((x or 0) - (y or 0)) > 2000:
                yield member, x, y
        elif member != 'id' and x != y:
            yield member, x, y


capture = sys.argv[1]
by_kernel, by_pcap = read(sys.argv[2]), read(sys.argv[3])
faults = []
excepted = set()
for key in sorted(by_kernel.keys() | by_pcap.keys()):
    a, b = by_kernel.get(key, []), by_pcap.get(key, [])
    if len(a) != len(b):
        faults.append(f'{key}: {len(a)} records by the kernel, {len(b)} by libpcap')
        continue
    for x, y in zip(a, b):
        for member, p, q in differences(x, y):
            reason = EXCEPTIONS.get((capture, x['src']['port'], member))
            if member == 'rtt_us' and p is None:
                reason = 'a second SYN in one count may have come before the answer'
            if reason:
                excepted.add(f'{key}: {member}: {reason}')
            else:
                faults.append(f'{key}: {member}: {p} by the kernel, {q} by libpcap')
print(f'flows={len(by_pcap)} differences={len(faults)} exceptions={len(excepted)}')
for line in sorted(excepted):
    print(line)
for fault in faults[:8]:
    print(fault[:400])
sys.exit(bool(faults))
END
}

# A capture's expected records, where there are any; times are those of the replay, so they are not compared, nor splits by them.
as_expected() {
	local expected=${EXPECTED:-}/$1.jsonl apart=()
	[ -n "${COMPARE:-}" ] && [ -f "$expected" ] || return 0
	case $1 in
	# Hours pass in seconds, so a name of the first minute is still alive at the end.
	arkime-arkime-synthetic) apart=(--skip names_wrong) ;;
	esac
	"$COMPARE" --ignore-splits --skip first_seen --skip last_seen ${apart[@]+"${apart[@]}"} --examples 3 "$expected" records >compared || {
		cat compared
		return 1
	}
}

one_capture() {
	local status=0
	plain_network
	watch_both
	in_ns here "$helpers/replay" va "$capture" "$least" "$most" || status=$?
	[ $status -ne 3 ] || skip "none of it can be sent"
	equal "status of the replay" $status 0
	stop_both
	books_balance
	same_records "$(basename "$capture" | sed -E 's/\.pcap(ng)?$//')" records by-pcap
	as_expected "$(basename "$capture" | sed -E 's/\.pcap(ng)?$//')"
}

# The builder's captures but for those of other links and of broken files.
choose_captures() {
	local name
	mkdir -p "$captures"
	[ -n "${REPLAY_CAPTURES:-}" ] || "$helpers/make-captures" "$captures"
	for name in "$captures"/*.pcap*; do
		case ${REPLAY_ALL:-}$(basename "$name") in
		*bad-* | *link-* | *file-* | *encoding-* | *no-packets*) ;;
		1* | demo* | *-good* | extended-* | flow-fragments* | flow-icmp* | layers-* | scope-[els]* | tls-hostile*) given+=("$name") ;;
		esac
	done
}

[ ${#given[@]} -gt 0 ] || choose_captures
for capture in "${given[@]}"; do
	name=replay_of_$(basename "$capture" | tr -c 'a-zA-Z0-9\n' _)
	eval "$name() { one_capture; }"
	check "$name"
done
totals
