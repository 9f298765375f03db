#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A long run with one wrong answer in a hundred: memory and descriptors stay as they are, and every record arrives once.
# usage: soak.sh [FUNCTION...]; SOAK_S (30) seconds.
# shellcheck disable=SC1091,SC2154,SC2034 # lib.sh has them, and reads what is set here
set -euo pipefail
. "$(dirname "$0")/lib.sh"
needs "the long run" pgrep mkfifo
[ -d /proc/self/fd ] || skip_all "the long run" "needs /proc"

soak_s=${SOAK_S:-30} rate=500
# A short run is still filling what is bounded.
percent=5
[ "$soak_s" -ge 300 ] || percent=25
# Sanitizers keep what was freed.
[ ! -x build/devourer ] || devourer=$PWD/build/devourer

# MEMORY_KIB DESCRIPTORS of a process.
size_of() {
	echo "$(awk '/^VmRSS/ { print $2 }' "/proc/$1/status") $(find "/proc/$1/fd" -mindepth 1 | wc -l)"
}

memory_and_descriptors_stay_as_they_are() {
	local second child meter_then shipper_then
	fake
	capture_of $((soak_s * rate))
	timeout 600 "$devourer" capture -r "$pcap" --idle-timeout 100ms >records 2>records.err
	fault '{"match":"insertAll","kind":["500","502","503","429","403rate","reset","reset_after","truncate","garbage","slow"],
		"p":0.01,"times":1000000000,"seconds":1}'
	mkfifo input
	flags insertall
	start capture -r input --idle-timeout 100ms "${to_fake[@]}" --shutdown-timeout 60s
	open_pipe
	for ((second = 0; second < soak_s; second++)); do
		feed $((second * rate)) $(((second + 1) * rate))
		sleep 1
		[ $second -ne $((soak_s / 3)) ] || { child=$(shipper) && read -r -a meter_then < <(size_of "$pid") && read -r -a shipper_then < <(size_of "$child"); }
	done
	read -r -a meter_now < <(size_of "$pid")
	read -r -a shipper_now < <(size_of "$(shipper)")
	equal "the shipper is the same process" "$(shipper)" "$child"
	close_pipe
	reap 0 120
	echo "meter: KiB and descriptors ${meter_then[*]}, then ${meter_now[*]}; shipper: ${shipper_then[*]}, then ${shipper_now[*]}"
	at_most "KiB of the meter" "${meter_now[0]}" $((meter_then[0] * (100 + percent) / 100))
	at_most "KiB of the shipper" "${shipper_now[0]}" $((shipper_then[0] * (100 + percent) / 100))
	at_most "descriptors of the meter" "${meter_now[1]}" "${meter_then[1]}"
	at_most "descriptors of the shipper" "${shipper_now[1]}" $((shipper_then[1] + 1))
	exact
	look _stats | jq -c '{ requests, faults }'
}

check memory_and_descriptors_stay_as_they_are
totals
