#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The limits of the service are never passed: octets and rows of a request, time between load jobs.
# usage: limits.sh [FUNCTION...]; LOADS_S (80) is how long load jobs are watched.
# shellcheck disable=SC1091,SC2154,SC2034 # lib.sh has them, and reads what is set here
set -euo pipefail
. "$(dirname "$0")/lib.sh"
needs "limits" mkfifo

# The longest records there are: 8 names of 253 octets, each octet written as \001.
the_longest_records_stay_within_the_limits() {
	local mode
	fake
	capture_of 2000 1 8
	echo "longest record: $(awk '{ if (length > most) most = length } END { print most }' records) octets"
	for mode in insertall load write; do
		table=by_$mode
		rm -rf state
		delivers "$mode" 0 120 --bigquery-table-id "$table" --shutdown-timeout 100s
		exact
	done
	look _stats | jq -c '{ insertall_octets_max, insertall_rows_max, load_octets_max, append_octets_max }'
	equal "requests refused" "$(requests '.result == 413 or .result == 400')" 0
	at_most "octets of a request" "$(stat_of insertall_octets_max)" 10000000
	at_most "octets of an append" "$(stat_of append_octets_max)" 10000000
}

a_large_backlog_goes_in_requests_within_the_limits() {
	fake
	capture_of 60000
	tell _down
	delivers insertall 0 120 --shutdown-timeout 0s
	tell _up
	ships insertall 0 120
	exact
	at_most "rows of a request" "$(stat_of insertall_rows_max)" 50000
	at_most "octets of a request" "$(stat_of insertall_octets_max)" 10000000
	look _stats | jq -c '{ insertall_octets_max, insertall_rows_max }'
}

# A table takes 1,500 load jobs a day, from all who load into it.
load_jobs_are_a_minute_apart() {
	local second
	fake
	capture_of 100000
	mkfifo input
	flags load
	start capture -r input --idle-timeout 1s "${to_fake[@]}" --bigquery-load-interval 60s --shutdown-timeout 20s
	open_pipe
	for ((second = 0; second < ${LOADS_S:-80}; second++)); do
		feed $((second * 500)) $((second * 500 + 500))
		sleep 1
	done
	look _jobs | jq .at >job_times
	close_pipe
	reap 0 60
	cat job_times
	at_least "jobs" "$(wc -l <job_times)" $((1 + ${LOADS_S:-80} / 75))
	equal "jobs less than a minute after another" "$(awk 'NR > 1 && $1 - before < 59.5 { count++ } { before = $1 } END { print count + 0 }' job_times)" 0
}

check the_longest_records_stay_within_the_limits a_large_backlog_goes_in_requests_within_the_limits load_jobs_are_a_minute_apart
totals
