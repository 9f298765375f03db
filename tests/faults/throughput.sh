#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How fast a spool is emptied into a server that throws everything away; the figures are printed.
# usage: throughput.sh [FUNCTION...]; FLOWS (200000) records. Figures of a program with sanitizers say nothing: DEVOURER=build/devourer.
# shellcheck disable=SC1091,SC2154,SC2034 # lib.sh has them, and reads what is set here
set -euo pipefail
. "$(dirname "$0")/lib.sh"
needs "throughput"
[ -x "$helpers/discard" ] || skip_all "throughput" "needs the helpers: make tests"

# The spool in `full`, made while nobody listens.
full_spool() {
	pcap=$PWD/capture.pcap
	"$helpers/fill" "$pcap" "$1"
	tell _down
	flags insertall
	run 0 300 capture -r "$pcap" "${to_fake[@]}" --shutdown-timeout 0s
	tell _up
	mv state full
}

# measured NAME: ship `full` to BIGQUERY_EMULATOR_HOST.
measured() {
	local flows=$1 name=$2
	rm -rf state
	cp -r full state
	flags insertall
	preload=()
	python3 - "$devourer" ship "${to_fake[@]}" <<'END_OF_PYTHON' >figures 2>err
import os
import sys
import time
begun = time.monotonic()
_, status, usage = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ), 0)
print(status, time.monotonic() - begun, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
END_OF_PYTHON
	awk -v name="$name" -v flows="$flows" '$1 != 0 { print name ": status " $1; exit 1 } { printf "%s: %.0f records/s, %.2f us CPU a record, %.1f MiB\n",
		name, flows / $2, $3 * 1e6 / flows, $4 / 1024 }' figures || { tail -n 5 err && return 1; }
}

a_spool_is_emptied_into_a_discarding_server() {
	local flows=${FLOWS:-200000}
	fake
	full_spool "$flows"
	measured "$flows" "the fake in Python"
	"$helpers/discard" >discarded &
	pids+=("$!")
	soon 5 grep -q port= discarded
	BIGQUERY_EMULATOR_HOST=http://127.0.0.1:$(sed -n 's/port=//p' discarded)
	export BIGQUERY_EMULATOR_HOST
	measured "$flows" "the discarding server"
	equal "rows that came" "$(curl -s "$BIGQUERY_EMULATOR_HOST/_stats" | sed -E 's/.*rows=([0-9]+).*/\1/')" "$flows"
}

check a_spool_is_emptied_into_a_discarding_server
totals
