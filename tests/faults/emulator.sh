#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The three ways into BigQuery against an emulator that is not ours and answers SQL; ../shared/bigquery installs and starts it.
# usage: emulator.sh [FUNCTION...]; EMULATOR_DIR (build/bigquery-emulator) is where it is installed.
# shellcheck disable=SC1091,SC2154,SC2034 # lib.sh has them, and reads what is set here
set -euo pipefail
home=$HOME
. "$(dirname "$0")/lib.sh"
needs "the emulator"
shared=$PWD/../shared/bigquery emulator=$(realpath -m "${EMULATOR_DIR:-build/bigquery-emulator}")
[ -f "$shared/setup.sh" ] || skip_all "the emulator" "needs ../shared/bigquery"
status=0
HOME=$home bash "$shared/setup.sh" "$emulator" >"$work/setup" 2>&1 || status=$?
[ $status -ne 77 ] || skip_all "the emulator" "needs Python 3.13"
[ $status -eq 0 ] || { tail -n 5 "$work/setup" && skip_all "the emulator" "cannot be installed"; }

free_ports() {
	python3 -c 'import socket
sockets = [socket.socket() for _ in range(2)]
for s in sockets:
    s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in sockets))'
}

stop_emulator() {
	bash "$shared/stop.sh" "$emulator" >/dev/null 2>&1 || true
}
trap 'stop_emulator; finish' EXIT

# query SQL: the fields of its only row.
query() {
	jq -n --arg sql "$1" '{ useLegacySql: false, query: $sql }' |
		curl -sS --max-time 60 --fail-with-body -H 'Content-Type: application/json' -d @- "$BIGQUERY_EMULATOR_HOST/bigquery/v2/projects/$project/queries" |
		jq -r '.rows[0].f | map(.v) | join(" ")'
}

ten_thousand_flows_arrive_exactly_once_in_each_mode() {
	local rest mode
	read -r rest write < <(free_ports)
	bash "$shared/start.sh" "$emulator" "$rest" "$write" >start 2>&1 || { cat start && return 1; }
	export BIGQUERY_EMULATOR_HOST=http://127.0.0.1:$rest
	jq -n --arg project "$project" --arg dataset "$dataset" '{ datasetReference: { projectId: $project, datasetId: $dataset } }' |
		curl -sS --max-time 60 --fail-with-body -H 'Content-Type: application/json' -d @- \
			"$BIGQUERY_EMULATOR_HOST/bigquery/v2/projects/$project/datasets" >/dev/null
	capture_of 10000
	for mode in insertall load write; do
		rm -rf state
		flags $mode
		run 0 200 capture -r "$pcap" "${to_fake[@]}" --bigquery-table-id "by_$mode" --shutdown-timeout 100s
		equal "rows, ids and packets by $mode" \
			"$(query "SELECT COUNT(*), COUNT(DISTINCT id), SUM(src_packets + dst_packets) FROM \`$project.$dataset.by_$mode\`")" \
			"10000 10000 $(jq -s 'map(.src_stat.packets + .dst_stat.packets) | add' records)"
	done
}

check ten_thousand_flows_arrive_exactly_once_in_each_mode
totals
