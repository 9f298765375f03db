#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From the wire to BigQuery: packets counted in the kernel arrive as rows, through an outage and kills of the process that delivers;
# and which process has which descriptors and secrets.
#
# LIVE_PACKETS (100000), LIVE_FLOWS (5000) and LIVE_RATE (20000 packets/s) say how much; the full form is 1000000, 50000 and 50000.
# usage: xdp_delivery.sh [FUNCTION...]
# shellcheck disable=SC1091,SC2154 # xdp_lib.sh has them
set -euo pipefail
. "$(dirname "$0")/xdp_lib.sh"
needs "delivery from live capture" python3 curl openssl

packets=${LIVE_PACKETS:-100000} flows=${LIVE_FLOWS:-5000} rate=${LIVE_RATE:-20000}
repository=$PWD
unset HTTP_PROXY HTTPS_PROXY http_proxy https_proxy all_proxy ALL_PROXY

network() {
	namespace here
	namespace there
	pair here va there vb
}

# A BigQuery inside of the namespace; sets `control`, `to_fake`.
fake() {
	local port write
	nsenter --net="/run/netns/dvx-$$-there" python3 -B "$repository/tests/faults/fake_bigquery.py" --dataset p:d --write >fake.out 2>&1 &
	pids+=("$!")
	for _ in $(seq 200); do
		! grep -qs '^port=' fake.out || break
		sleep 0.05
	done
	read -r port control write < <(sed -E 's/[a-z]+=//g' fake.out)
	export BIGQUERY_EMULATOR_HOST=http://127.0.0.1:$port
	to_fake=(--bigquery-project-id p --bigquery-dataset-id d --bigquery-write-endpoint "http://127.0.0.1:$write")
}

ask() {
	in_ns there curl -sS --fail-with-body --max-time 60 "$@"
}

# keeper, shipper: the processes of the program that deliver, by their place in its family.
keeper() {
	pgrep -P "$pid" | head -n 1
}

shipper() {
	pgrep -P "$(keeper)" | head -n 1
}

rows_are_the_records() {
	ask "http://127.0.0.1:$control/_rows/p/d/flow_logs" >rows
	jq -r .id rows | sort >ids.rows
	jq -r .id records | sort >ids.records
	equal "distinct rows" "$(sort -u ids.rows | wc -l)" "$(wc -l <ids.rows)"
	cmp ids.rows ids.records || { wc -l ids.rows ids.records && tail -n 20 err && return 1; }
	equal "packets in rows" "$(jq -r '(.src_packets | tonumber) + (.dst_packets | tonumber)' rows | awk '{ sum += $1 } END { printf "%.0f\n", sum }')" "$1"
	echo "$(wc -l <ids.rows) rows, all distinct, with $1 packets"
}

# ---- tests ----

an_outage_and_kills_lose_and_double_nothing() {
	local mode=${1:-insertall}
	network
	fake
	start there -i vb -o bigquery --state-dir "$PWD/state" "${to_fake[@]}" --bigquery-mode "$mode" --active-timeout 1s --idle-timeout 60s --shutdown-timeout 60s
	in_ns here "$helpers/send" va "$packets" "$flows" "$rate" >sent &
	sleep 1.5
	for _ in 1 2 3; do
		for _ in $(seq 200); do
			[ -z "$(shipper)" ] || break
			sleep 0.05
		done
		kill -KILL "$(shipper)"
		sleep 0.3
	done
	ask -d '{"match":".","kind":"503","times":1000000}' "http://127.0.0.1:$control/_fault" >/dev/null
	wait $!
	sleep 1
	ask -X DELETE "http://127.0.0.1:$control/_fault" >/dev/null
	stop TERM 90
	books_balance
	equal seen "$(number seen)" "$packets"
	equal kills "$(grep -c 'its process has died' err)" 3
	rows_are_the_records "$packets"
}

each_process_has_only_what_it_needs() {
	local process marker=SECRETMARKER$$
	# shellcheck disable=SC2034 # start() has it
	[ ! -x "$repository/build/devourer" ] || devourer=$repository/build/devourer # sanitizers keep a copy of the environment
	network
	fake
	openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem 2>/dev/null
	jq -n --rawfile key key.pem --arg id "$marker" --arg uri "${BIGQUERY_EMULATOR_HOST}/token" \
		'{type: "service_account", client_email: "x@y.iam.gserviceaccount.com", private_key_id: $id, private_key: $key, token_uri: $uri}' >key.json
	chmod 600 key.json
	DEVOURER_BIGQUERY_SA_KEY_DATA=$(cat key.json)
	export DEVOURER_BIGQUERY_SA_KEY_DATA
	start there -i vb -o bigquery --state-dir "$PWD/state" "${to_fake[@]}"
	in_ns here "$helpers/send" va 1000 10 5000 >sent
	sleep 2
	equal "BPF descriptors of the one that delivers" "$(descriptors "$(shipper)" 'bpf')" 0
	[ "$(descriptors "$pid" 'bpf')" -gt 0 ]
	equal "sockets of the internet at the meter" "$(internet_sockets "$pid")" 0
	[ "$(internet_sockets "$(shipper)")" -gt 0 ]
	lacks grep -aq "$marker" "/proc/$pid/environ"
	grep -aq "$marker" "/proc/$(keeper)/environ" # so it would be seen
	for process in "$pid" "$(shipper)" "$(keeper)"; do
		lacks grep -aq "$marker" "/proc/$process/cmdline"
	done
	in_memory "$(keeper)" "$marker"
	lacks in_memory "$pid" "$marker"
	stop TERM
	unset DEVOURER_BIGQUERY_SA_KEY_DATA
	rows_are_the_records 1000
	lacks grep -rqE "$marker|PRIVATE KEY|ya29|Bearer" err state
}

# lacks COMMAND...: it must not succeed; `!` alone does not end a test.
lacks() {
	if "$@"; then
		echo "it should not be: $*"
		return 1
	fi
}

# descriptors PID WORD: how many of its descriptors are of this kind.
descriptors() {
	find "/proc/$1/fd" -type l -printf '%l\n' | grep -c "$2" || true
}

# TCP and UDP sockets of a process, by their inodes.
internet_sockets() {
	find "/proc/$1/fd" -type l -printf '%l\n' | sed -n 's/^socket:\[\(.*\)\]/\1/p' | sort >"inodes.$1"
	in_ns there cat /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6 | awk '{ print $10 }' | sort -u | comm -12 - "inodes.$1" | wc -l
}

# in_memory PID TEXT: is it anywhere in what the process may write to?
in_memory() {
	python3 - "$1" "$2" <<'END'
import re, sys
found = False
with open(f'/proc/{sys.argv[1]}/maps') as maps, open(f'/proc/{sys.argv[1]}/mem', 'rb') as mem:
    for line in maps:
        match = re.match(r'([0-9a-f]+)-([0-9a-f]+) rw', line)
        if not match or '[vvar' in line or int(match[2], 16) - int(match[1], 16) > 1 << 28:
            continue
        try:
            mem.seek(int(match[1], 16))
            found |= sys.argv[2].encode() in mem.read(int(match[2], 16) - int(match[1], 16))
        except OSError:
            pass
sys.exit(not found)
END
}

a_dead_keeper_is_replaced() {
	network
	fake
	start there -i vb -o bigquery --state-dir "$PWD/state" "${to_fake[@]}" --active-timeout 1s --shutdown-timeout 30s
	in_ns here "$helpers/send" va 10000 100 4000 >sent &
	sleep 1
	kill -KILL "$(keeper)"
	wait $!
	sleep 1
	equal "BPF descriptors of the new one" "$(descriptors "$(shipper)" 'bpf')" 0
	equal "keeper's" "$(descriptors "$(keeper)" 'bpf')" 0
	stop TERM 60
	grep -q 'process for outputs has died; it is started again' err
	rows_are_the_records 10000
}

[ $# -gt 0 ] || set -- \
	an_outage_and_kills_lose_and_double_nothing \
	each_process_has_only_what_it_needs \
	a_dead_keeper_is_replaced
check "$@"
totals
