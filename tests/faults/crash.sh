#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 in the middle: before or within any call that writes, syncs, removes or sends; then what is in the spool is shipped.
# usage: crash.sh [FUNCTION...]; CRASHES (6) moments in each mode, SEED (1) chooses them.
#
# A third of them hit the process that captures, a third one that ships for it, a third one that ships for the command ship. A record
# that reached the spool is in the table exactly once; those that did not are the last ones.
# shellcheck disable=SC1091,SC2154,SC2034 # lib.sh has them, and reads what is set here
set -euo pipefail
. "$(dirname "$0")/lib.sh"
needs "crashes" pgrep
[ "$(uname -s)" = Linux ] || skip_all "crashes" "needs LD_PRELOAD of Linux"

crashes=${CRASHES:-6}
RANDOM=${SEED:-1}

# with_crash ROLE N COMMAND...: COMMAND is killed at call N of ROLE; ROLE 0 is the process that is started, 1 its children.
with_crash() {
	local role=$1 at=$2
	shift 2
	rm -f counts
	truncate -s 16 counts
	timeout --kill-after=5 60 env LD_PRELOAD="$helpers/crash.so" CRASH_COUNTS="$PWD/counts" CRASH_ROLE="$role" CRASH_AT="$at" \
		"$devourer" "$@" >out 2>err </dev/null
}

# The number of calls that ROLE made in the last run.
calls() {
	od -An -tu8 -j $(($1 * 8)) -N 8 counts | tr -d ' '
}

# Nobody works on the folder any more: a shipper ends soon after its meter.
is_alone() {
	! pgrep -f "$PWD/state" >/dev/null
}

capture_flags() {
	flags "$mode"
	capture_to=(capture -r "$pcap" "${to_fake[@]}" --bigquery-table-id "$table" --shutdown-timeout 20s --spool-sync 0)
	ship_to=(ship "${to_fake[@]}" --bigquery-table-id "$table" --shutdown-timeout 20s)
}

# The rows are the first so many of the records, each once, in any order of batches.
is_a_beginning() {
	local stored
	table_rows >rows 2>/dev/null || : >rows
	stored=$(jq -r .id rows | sort -u | wc -l)
	jq -r .id rows | sort >stored_ids
	head -n "$stored" records | jq -r .id | sort | cmp - stored_ids || {
		echo "$(wc -l <rows) rows, $stored ids, are not the first records, each once; $(sort -u stored_ids | comm -23 - <(jq -r .id records | sort) | wc -l) are none"
		return 1
	}
	kept=$stored
}

# A spool with everything in it, in `full`, made while the server is away.
fill_spool() {
	tell _down
	table=full
	capture_flags
	rm -rf state full
	run 0 60 capture -r "$pcap" "${to_fake[@]}" --shutdown-timeout 0s
	mv state full
	tell _up
}

# How many calls each of the three makes when nothing happens; ship has a process for each output, too.
count_calls() {
	table=counted
	capture_flags
	rm -rf state
	with_crash 0 0 "${capture_to[@]}"
	meter_calls=$(calls 0) shipper_calls=$(calls 1)
	rm -rf state
	cp -r full state
	with_crash 0 0 "${ship_to[@]}"
	ship_calls=$(calls 1)
	echo "$mode: calls of capture $meter_calls, of its shipper $shipper_calls, of ship $ship_calls"
	at_least "calls of capture" "$meter_calls" 10
	at_least "calls of its shipper" "$shipper_calls" 10
	at_least "calls of ship" "$ship_calls" 10
}

# Nothing at all is there when the meter died before it had made the spool.
has_spool() {
	[ -n "$(find state -name '*.seg' -size +0 2>/dev/null)" ]
}

# crash_once WHO N: a run that dies, and the one that mends it.
crash_once() {
	local who=$1 at=$2 status=0 role=1
	capture_flags
	rm -rf state
	if [ "$who" = ship ]; then
		cp -r full state
		with_crash 1 "$at" "${ship_to[@]}" 2>/dev/null || status=$?
	else
		[ "$who" = shipper ] || role=0
		with_crash $role "$at" "${capture_to[@]}" 2>/dev/null || status=$?
	fi
	soon 30 is_alone || { echo "somebody still works on the spool" && return 1; }
	[ "$who" != meter ] || equal "exit status of the one that was killed" $status 137 || return
	has_spool || return 0
	run 0 30 "${ship_to[@]}" || return
	is_a_beginning || return
	[ "$who" = meter ] || equal "records in the table" "$kept" "$flows"
}

survives_in_mode() {
	mode=$1 flows=10000
	local whos=(meter shipper ship) i who at limit bad=0
	fake
	capture_of $flows
	fill_spool
	count_calls
	for ((i = 0; i < crashes; i++)); do
		who=${whos[i % 3]}
		case $who in
		meter) limit=$meter_calls ;;
		shipper) limit=$shipper_calls ;;
		ship) limit=$ship_calls ;;
		esac
		at=$((1 + (RANDOM * 32768 + RANDOM) % limit))
		table=t$i
		crash_once "$who" "$at" || { echo "$mode: $who killed at call $at" && bad=$((bad + 1)); }
		rm -rf state
	done
	equal "runs that were not mended, of $crashes" $bad 0
	echo "$crashes crashes"
}

a_crash_at_any_moment_doubles_and_loses_nothing_by_insertall() { survives_in_mode insertall; }
a_crash_at_any_moment_doubles_and_loses_nothing_by_load() { survives_in_mode load; }
a_crash_at_any_moment_doubles_and_loses_nothing_by_write() { survives_in_mode write; }

check a_crash_at_any_moment_doubles_and_loses_nothing_by_insertall a_crash_at_any_moment_doubles_and_loses_nothing_by_load \
	a_crash_at_any_moment_doubles_and_loses_nothing_by_write
totals
