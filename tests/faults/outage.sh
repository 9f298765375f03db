#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The server is away, slow, or never comes back: capture goes on, the spool keeps what it may, and what was kept arrives.
# usage: outage.sh [FUNCTION...]; FLOWS (100000) wait in the long outage.
# shellcheck disable=SC1091,SC2154,SC2034 # lib.sh has them, and reads what is set here
set -euo pipefail
. "$(dirname "$0")/lib.sh"
needs "outages" pgrep mkfifo

# The program reads a pipe, so that it lives as long as the test likes; a flow becomes a record a second of packet time later.
start_on_pipe() {
	mkfifo input
	start capture -r input --idle-timeout 1s "$@"
	open_pipe
}

# The records of such a run.
expect_idle_after_a_second() {
	timeout 300 "$devourer" capture -r "$pcap" --idle-timeout 1s >records 2>records.err
}

identity() {
	local put=$1
	spooled '.outputs[0] | "delivered \(.delivered) dead \(.dead_letter) dropped_full \(.dropped_full) dropped_damaged \(.dropped_damaged) spooled \(.spooled)"'
	equal "delivered + dead + dropped + spooled" \
		"$(spooled '.outputs[0] | .delivered + .dead_letter + .dropped_full + .dropped_damaged + .spooled')" "$put"
}

# ---- the server is away ----

all_records_of_a_long_outage_arrive_oldest_first() {
	local flows=${FLOWS:-100000}
	fake
	capture_of "$flows"
	tell _down
	delivers insertall 0 300 --shutdown-timeout 1s
	says "$flows"
	grep -q " seen=$flows .*difference=0" err || { grep balance err && return 1; }
	identity "$flows"
	tell _up
	ships insertall 0 300
	exact
	identity "$flows"
	equal "rows that are not where their record is" "$(cmp -l <(jq -r .id records) <(jq -r .id rows) | wc -l)" 0
	echo "$flows records in $took_ms ms, $(requests "$insert_alls") requests"
}

# In the middle of the run, more than once; connections break, too.
the_server_may_come_and_go() {
	fake
	capture_of 30000
	expect_idle_after_a_second
	flags insertall
	start_on_pipe "${to_fake[@]}" --shutdown-timeout 60s
	for part in 0 1 2; do
		feed $((10000 * part)) $((10000 * part + 4000))
		sleep 1
		tell _down
		feed $((10000 * part + 4000)) $((10000 * part + 10000))
		sleep 1
		tell _up
	done
	close_pipe
	reap 0 90
	exact
}

without_a_state_folder_records_wait_in_memory_and_arrive() {
	fake
	capture_of 5000
	flags insertall
	run 0 60 capture -r "$pcap" "${to_fake[@]:0:2}" "${to_fake[@]:4}"
	exact
}

without_a_state_folder_what_does_not_arrive_is_counted_as_lost() {
	fake
	capture_of 5000
	tell _down
	flags insertall
	run 4 60 capture -r "$pcap" "${to_fake[@]:0:2}" "${to_fake[@]:4}" --shutdown-timeout 1s
	says 5000
}

# ---- the spool is full ----

# Octets on the disk, the most there ever were while the program ran.
watch_disk() {
	local now most=0
	while ! gone "$pid"; do
		now=$(du -s --block-size=1 state 2>/dev/null | cut -f 1) || true # a file may go meanwhile
		[ "${now:-0}" -le "$most" ] || most=$now
		sleep 0.1
	done
	echo "$most" >most
}

segment_octets() {
	find state -name '*.seg' -printf '%s\n' | sort -n | tail -n 1
}

# A spool of 8 MiB and 17 times 1 MiB of records.
overflows() {
	fake
	capture_of 50000
	tell _down
	flags insertall
	start capture -r "$pcap" "${to_fake[@]}" --spool-max 8M --spool-full "$1" --shutdown-timeout 1s
	watch_disk
	reap 4 60
	at_most "octets on disk" "$(cat most)" $(((8 << 20) + $(segment_octets)))
	tell _up
	ships insertall 0 120
	identity 50000
	dropped=$(spooled '.outputs[0].dropped_full')
	at_least "dropped" "$dropped" 1
	exact --missing "$dropped"
	echo "$(cat most) octets on disk at most"
}

when_the_spool_is_full_the_oldest_go() {
	overflows drop-oldest
	equal "last row" "$(tail -n 1 rows | jq -r .id)" "$(tail -n 1 records | jq -r .id)"
	equal "the first record's rows" "$(grep -c "$(head -n 1 records | jq -r .id)" rows || true)" 0
}

when_the_spool_is_full_the_newest_go_if_so_wanted() {
	overflows drop-newest
	equal "first row" "$(head -n 1 rows | jq -r .id)" "$(head -n 1 records | jq -r .id)"
	equal "the last record's rows" "$(grep -c "$(tail -n 1 records | jq -r .id)" rows || true)" 0
}

when_the_spool_is_full_packets_wait_if_so_wanted() {
	fake
	capture_of 50000
	tell _down
	flags insertall
	start capture -r "$pcap" "${to_fake[@]}" --spool-max 8M --spool-full block --shutdown-timeout 100s
	sleep 5
	! gone "$pid" || { echo "it has ended" && cat err && return 1; }
	at_most "octets on disk" "$(du -s --block-size=1 state | cut -f 1)" $(((8 << 20) + $(segment_octets)))
	tell _up
	reap 0 100
	exact
	identity 50000
}

# ---- two outputs ----

a_dead_server_does_not_delay_the_file() {
	local begun
	fake
	capture_of 20000
	expect_idle_after_a_second
	fault '{"kind":"timeout","times":1000000}'
	flags insertall
	start_on_pipe "${to_fake[@]}" -o file -w file --shutdown-timeout 1s
	begun=$(date +%s%N)
	soon 30 says 'flow table' >/dev/null
	echo "begun after $((($(date +%s%N) - begun) / 1000000)) ms"
	begun=$(date +%s%N)
	feed 0 10000
	soon 5 file_has 8900
	echo "8900 lines after $((($(date +%s%N) - begun) / 1000000)) ms"
	at_most "milliseconds" $((($(date +%s%N) - begun) / 1000000)) 3000
	feed 10000 20000
	close_pipe
	reap 0 30
	cmp file records
	identity 20000
	all_well
	ships insertall 0 60
	exact
}

file_has() {
	[ "$(wc -l <file)" -ge "$1" ]
}

# ---- signals ----

sigterm_under_a_backlog_ends_in_time_and_the_rest_is_kept() {
	local mode
	fake
	capture_of 20000
	expect_idle_after_a_second
	for mode in insertall load write; do
		fault '{"match":"insertAll|upload|AppendRows","kind":"slow","seconds":1,"times":1000000}'
		rm -rf state input
		table=by_$mode
		flags "$mode"
		start_on_pipe "${to_fake[@]}" --bigquery-table-id "$table" --shutdown-timeout 2s
		feed 0 20000
		sleep 2
		kill -TERM "$pid"
		reap 0 6
		echo "$mode: ended $took_ms ms after SIGTERM, $(spooled '.outputs[0].spooled') records kept"
		close_pipe
		all_well
		ships "$mode" 0 60 --bigquery-table-id "$table"
		exact
	done
}

a_second_sigterm_ends_at_once() {
	fake
	capture_of 5000
	expect_idle_after_a_second
	flags insertall
	fault '{"match":"insertAll","kind":"timeout","times":1000000}'
	start_on_pipe "${to_fake[@]}" --shutdown-timeout 60s
	feed 0 5000
	sleep 2
	kill -TERM "$pid"
	sleep 1
	! gone "$pid" || { echo "it has not waited" && cat err && return 1; }
	kill -TERM "$pid"
	reap 130 4
	echo "ended $took_ms ms after the second SIGTERM, $(spooled '.outputs[0].spooled') records kept"
	close_pipe
	all_well
	ships insertall 0 60
	exact
}

sighup_changes_nothing_of_the_delivery() {
	fake
	capture_of 5000
	expect_idle_after_a_second
	flags insertall
	start_on_pipe "${to_fake[@]}" --shutdown-timeout 30s
	feed 0 2500
	sleep 1
	kill -HUP "$pid"
	kill -HUP "$(shipper)"
	sleep 0.5
	feed 2500 5000
	close_pipe
	reap 0 60
	exact
}

# ---- processes die ----

# killed_again_and_again WHO: a function that tells the process.
killed_again_and_again() {
	fake
	capture_of 20000
	expect_idle_after_a_second
	flags insertall
	start_on_pipe "${to_fake[@]}" --shutdown-timeout 60s
	for part in 0 1 2 3; do
		feed $((5000 * part)) $((5000 * part + 5000))
		soon 10 "$1" >/dev/null
		kill -KILL "$("$1")"
		sleep 1
	done
	close_pipe
	reap 0 90
	exact
}

a_shipper_that_is_killed_is_started_again() { killed_again_and_again shipper; }
a_keeper_that_is_killed_is_started_again() { killed_again_and_again keeper; }

check all_records_of_a_long_outage_arrive_oldest_first the_server_may_come_and_go without_a_state_folder_records_wait_in_memory_and_arrive \
	without_a_state_folder_what_does_not_arrive_is_counted_as_lost
check when_the_spool_is_full_the_oldest_go when_the_spool_is_full_the_newest_go_if_so_wanted when_the_spool_is_full_packets_wait_if_so_wanted
check a_dead_server_does_not_delay_the_file
check sigterm_under_a_backlog_ends_in_time_and_the_rest_is_kept a_second_sigterm_ends_at_once sighup_changes_nothing_of_the_delivery
check a_shipper_that_is_killed_is_started_again a_keeper_that_is_killed_is_started_again
totals
