#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The disk of the spool is full, or fails: the program lives on with what memory holds, and goes back to the disk when that works again.
# usage: disk.sh [FUNCTION...]
# shellcheck disable=SC1091,SC2154,SC2034 # lib.sh has them, and reads what is set here
set -euo pipefail
. "$(dirname "$0")/lib.sh"
needs "failing disks" mkfifo

# What breaks and mends the disk is `broken` and `mended`; 5,000 records before, 10,000 in between, 5,000 after; the server is away until then.
survives() {
	fake
	capture_of 20000
	timeout 60 "$devourer" capture -r "$pcap" --idle-timeout 1s >records 2>records.err
	tell _down
	mkfifo input
	flags insertall
	start capture -r input --idle-timeout 1s "${to_fake[@]}" --spool-sync 100ms --shutdown-timeout 60s "$@"
	open_pipe
	feed 0 5000
	sleep 1
	broken
	feed 5000 15000
	sleep 3
	! gone "$pid" || { echo "it has ended" && cat err && return 1; }
	grep -vE 'bigquery' err
	mended
	soon 45 works_again || { echo "the disk was not tried again" && cat err && return 1; }
	tell _up
	feed 15000 20000
	close_pipe
	reap 0 90
	exact
	equal "records that are not shipped" "$(spooled '.outputs[0].spooled')" 0
}

works_again() {
	[ "$(grep -cE 'spool.*again' err)" -ge 1 ]
}

fails_with() {
	[ "$(uname -s)" = Linux ] || skip "needs LD_PRELOAD of Linux"
	preload=(LD_PRELOAD="$helpers/crash.so" FAULT_ERRNO="$1" FAULT_WHILE="$PWD/is_broken" FAULT_UNDER=/state/)
	broken() { touch is_broken; }
	mended() { rm is_broken; }
	survives
}

a_disk_with_read_errors_and_write_errors_is_survived() { fails_with 5; }
a_disk_that_became_read_only_is_survived() { fails_with 30; }
a_disk_that_says_it_is_full_is_survived() { fails_with 28; }

a_small_file_system_that_fills_up_is_survived() {
	mkdir state
	mount -t tmpfs -o size=24m none state 2>/dev/null || skip "cannot mount"
	trap 'clean; umount state' EXIT
	broken() { head -c 24M /dev/zero >state/ballast 2>/dev/null || true; }
	mended() { rm state/ballast; }
	survives --spool-max 16M
}

check_together a_disk_with_read_errors_and_write_errors_is_survived a_disk_that_became_read_only_is_survived a_disk_that_says_it_is_full_is_survived \
	a_small_file_system_that_fills_up_is_survived
totals
