#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The whole program from outside: encodings, standard input, signals, exit statuses, output files, what goes to which stream.
# usage: cli.sh [FUNCTION...]; DEVOURER and MAKE_CAPTURES name the programs.
set -euo pipefail
cd "$(dirname "$0")/.."

devourer=$(realpath "${DEVOURER:-build/asan/devourer}")
make_captures=${MAKE_CAPTURES:-$(dirname "$devourer")/tests/make-captures}
work=$(mktemp -d)
captures=$work/captures
trap 'rm -rf "$work"' EXIT
mkdir "$captures"
"$make_captures" "$captures"
passed=0 failed=0 skipped=0
unset "${!DEVOURER_@}"

# ---- helpers: each fails with a reason on standard output ----

# run STATUS ARGUMENT...: the program must end with STATUS; its output is in `out` and `err`.
run() {
	local wanted=$1 got=0
	shift
	timeout --kill-after=5 60 "$devourer" "$@" >out 2>err </dev/null || got=$?
	ended_with "$wanted" "$got"
}

ended_with() {
	[ "$2" -eq "$1" ] && return
	echo "exit status $2, not $1; standard error:"
	cat err
	return 1
}

says() {
	grep -qF -- "$1" err && return
	echo "standard error lacks: $1"
	cat err
	return 1
}

# lacks FILE WORDS
lacks() {
	grep -F -- "$2" "$1" || return 0
	return 1
}

# The value of NAME=VALUE in the last balance line.
balance() {
	sed -nE "s/.*balance: (.* )?$1=([0-9]+).*/\\2/p" err | tail -n 1
}

packets_in() {
	cat "$@" | jq -s 'map(.src_stat.packets + .dst_stat.packets) | add // 0'
}

# Every packet read is in `out` or counted as not recorded.
balances() {
	grep -q ' difference=0;' err || { echo "no balance" && cat err && return 1; }
	[ "$(packets_in out)" = "$(balance recorded)" ] || { echo "recorded=$(balance recorded), records hold $(packets_in out)" && return 1; }
}

# wait_until COMMAND...: at most ten seconds.
wait_until() {
	for _ in $(seq 100); do
		"$@" 2>/dev/null && return
		sleep 0.1
	done
	echo "waited in vain for: $*"
	return 1
}

# reap PID: its exit status in `got`, or the process is ended after ten seconds and it is 124.
reap() {
	got=0
	for _ in $(seq 100); do
		kill -0 "$1" 2>/dev/null || break
		sleep 0.1
	done
	if kill -0 "$1" 2>/dev/null; then
		kill -KILL "$1"
		wait "$1" || true
		got=124
		return
	fi
	wait "$1" || got=$?
}

records() {
	tail -c +25 "$captures/$1.pcap" # without the header of the file
}

# ---- reading ----

every_encoding_gives_the_same_records() {
	run 0 capture -r "$captures/encoding-us.pcap"
	mv out wanted
	[ "$(wc -l <wanted)" -eq 3 ]
	for encoding in ns us-be ns-be ng-us ng-ns ng-us-be ng-ns-be; do
		run 0 capture -r "$captures/encoding-$encoding.pcap"
		diff wanted out
	done
	for encoding in us ng-ns; do
		gzip -c "$captures/encoding-$encoding.pcap" >packed
		run 0 capture -r packed
		diff wanted out
		zstd -qc "$captures/encoding-$encoding.pcap" >packed
		run 0 capture -r packed
		diff wanted out
	done
}

packed_files_may_consist_of_several_parts() {
	run 0 capture -r "$captures/demo.pcap"
	mv out wanted
	head -c 1000 "$captures/demo.pcap" | gzip >packed
	tail -c +1001 "$captures/demo.pcap" | gzip >>packed
	run 0 capture -r packed
	diff wanted out
	head -c 1000 "$captures/demo.pcap" | zstd -q >packed
	tail -c +1001 "$captures/demo.pcap" | zstd -q >>packed
	run 0 capture -r packed
	diff wanted out
}

nanoseconds_are_kept() {
	run 0 capture -r "$captures/flow-nano.pcap"
	grep -q '"first_seen_at":"2025-01-15T10:30:00.123456789Z","last_seen_at":"2025-01-15T10:30:00.12345679Z"' out
}

standard_input_is_a_file_too() {
	run 0 capture -r "$captures/demo.pcap"
	mv out wanted
	"$devourer" capture -r - <"$captures/demo.pcap" >out 2>err
	diff wanted out
	gzip -c "$captures/demo.pcap" | "$devourer" capture -r - >out 2>err
	diff wanted out
	(head -c 100 "$captures/demo.pcap" && sleep 0.2 && tail -c +101 "$captures/demo.pcap") | "$devourer" c --read-file=- >out 2>err
	diff wanted out
}

several_files_are_one_capture() {
	run 0 capture -r "$captures/flow-idle.pcap" -r "$captures/flow-status.pcap"
	balances
	[ "$(balance seen)" -eq 19 ]
	cp "$captures/flow-status.pcap" two
	head -c 24 two >one # the header, and the first half of the records
	records flow-status | head -c 210 >>one
	{ head -c 24 two && records flow-status | tail -c +211; } >rest
	run 0 capture -r "$captures/flow-status.pcap"
	mv out wanted
	run 0 capture -r one -r rest
	diff wanted out
}

a_bad_file_does_not_hide_the_next_one() {
	run 1 capture -r "$captures/bad-cut.pcap" -r "$work/missing.pcap" -r "$captures/bad-link.pcap" -r "$captures/flow-status.pcap"
	says "bad-cut.pcap: truncated"
	says "missing.pcap: No such file or directory"
	says "bad-link.pcap: link type"
	[ "$(balance seen)" -eq 13 ]
	balances
}

packed_garbage_ends_with_a_message() {
	{ printf '\037\213\010\000' && head -c 1000 "$captures/demo.pcap"; } >garbage
	run 1 capture -r garbage
	says "error: garbage: "
	gzip -c "$captures/demo.pcap" >whole.gz
	head -c 5000 whole.gz >cut.gz
	run 1 capture -r cut.gz
	says "error: cut.gz: "
	[ -s out ]
	balances
	zstd -qc "$captures/demo.pcap" >whole.zst
	head -c 3000 whole.zst >cut.zst
	run 1 capture -r cut.zst
	says "error: cut.zst: "
	balances
}

an_unreadable_file_is_named() {
	run 1 capture -r "$work"
	says "$work: Is a directory"
	cp "$captures/demo.pcap" secret && chmod 000 secret
	as_nobody 1 capture -r "$PWD/secret"
	says "secret: Permission denied"
}

# A few hundred kilobytes that unpack to 256 MiB of empty records.
bomb() {
	{ cat "$captures/no-packets.pcap" && head -c 268435456 /dev/zero; } | "$@"
}

# The most memory that a run took, in KiB.
peak_of() {
	python3 - "$@" <<'END'
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open('err', 'wb')).returncode
print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
END
}

a_packed_bomb_ends_at_the_bound_without_growing() {
	local status peak base
	read -r status base < <(peak_of "$devourer" capture -r "$captures/no-packets.pcap")
	[ "$status" -eq 0 ]
	bomb gzip -1 >bomb.gz
	bomb zstd -q >bomb.zst
	for packed in bomb.gz bomb.zst; do
		read -r status peak < <(peak_of "$devourer" capture -r $packed --max-input-bytes 64M)
		[ "$status" -eq 1 ]
		says "$packed: "
		[ "$(balance seen)" -gt 0 ]
		[ $((peak - base)) -lt 16384 ] || { echo "$packed took $((peak - base)) KiB more than an empty capture" && return 1; }
	done
}

# ---- what is written ----

every_line_is_json_in_printable_ascii() {
	for name in dns-octets dns-hostile tls-hostile nbns-hostile dhcp-hostile mdns-good demo; do
		run 0 capture -r "$captures/$name.pcap" --extended
		LC_ALL=C tr -d '\n -~' <out >odd
		[ ! -s odd ]
		[ "$(jq -ce . out | wc -l)" -eq "$(wc -l <out)" ]
		python3 -c 'import json, sys; [json.loads(line) for line in open("out", encoding="ascii")]'
	done
	run 0 capture -r "$captures/dns-octets.pcap"
	[ "$(jq -r '.dst.names // [] | .[]' out | sort -u | wc -l)" -eq 230 ] # 256 octets, of which 26 are capital letters
}

logs_and_records_do_not_mix() {
	run 0 -l debug capture -r "$captures/demo.pcap"
	jq -e . out >parsed
	grep -q 'devourer: info: ' err
	run 0 -f json -o "$PWD/log" capture -r "$captures/demo.pcap"
	[ ! -s err ]
	jq -e . log >parsed
	[ "$(stat -c %a log)" = 600 ]
}

the_end_of_the_reader_is_no_error() {
	for name in demo dns-octets; do # all of it at once, and more than a pipe holds
		{ "$devourer" capture -r "$captures/$name.pcap" 2>err && echo 0 >status || echo $? >status; } | head -n 1 >out
		ended_with 0 "$(cat status)"
		[ "$(wc -l <out)" -eq 1 ]
		lacks err ': error: '
		lacks err ': warn: '
	done
}

a_full_disk_is_not_silent() {
	local got=0
	"$devourer" capture -r "$captures/dns-octets.pcap" >/dev/full 2>err || got=$?
	ended_with 4 $got
	says "No space left on device"
}

output_files_are_private_and_appended_to() {
	umask 000
	run 0 capture -r "$captures/flow-status.pcap" -o file -w records.jsonl
	[ ! -s out ]
	[ "$(stat -c %a records.jsonl)" = 600 ]
	run 0 capture -r "$captures/flow-status.pcap"
	cat out out >wanted
	run 0 capture -r "$captures/flow-status.pcap" -o file,stdout --write-file=records.jsonl
	diff wanted records.jsonl
	head -n 6 wanted | diff - out
}

output_files_are_not_followed() {
	echo precious >victim
	ln -s victim link
	run 1 capture -r "$captures/flow-status.pcap" -o file -w link
	[ "$(cat victim)" = precious ]
	run 1 capture -r "$captures/flow-status.pcap" -o file -w "$work/no/such/directory"
}

compressed_output_is_zstd() {
	run 0 capture -r "$captures/dns-octets.pcap"
	mv out wanted
	run 0 capture -r "$captures/dns-octets.pcap" -o file -w packed --compress zstd
	zstd -qdc <packed | diff wanted -
}

a_full_file_makes_room_for_the_next() {
	run 0 capture -r "$captures/dns-octets.pcap"
	mv out wanted
	run 0 capture -r "$captures/dns-octets.pcap" -o file -w records --rotate-size 8K
	[ "$(find . -name 'records*' | wc -l)" -gt 5 ]
	for file in records*; do
		[ "$(stat -c %s "$file")" -le 8192 ]
		[ "$(tail -c 1 "$file" | od -An -c | tr -d ' ')" = '\n' ]
	done
	cat records* | sort | diff <(sort wanted) -
}

null_takes_all_and_writes_nothing() {
	run 0 capture -r "$captures/demo.pcap" -o null
	[ ! -s out ]
	[ "$(balance recorded)" -eq 299 ]
}

# ---- signals ----

# Starts the program on a FIFO that stays open, with `$1` in it: its process id in `pid`, the writer on descriptor 3.
start_on_fifo() {
	mkfifo fifo
	"$devourer" capture -r fifo "${@:2}" >out 2>err </dev/null &
	pid=$!
	exec 3>fifo
	cat "$1" >&3
}

a_signal_ends_the_run_with_everything_written() {
	for signal in TERM INT; do
		rm -f fifo
		start_on_fifo "$captures/demo.pcap"
		sleep 1
		kill -$signal $pid
		reap $pid
		exec 3>&-
		ended_with 0 "$got"
		[ "$(packets_in out)" -eq 299 ]
		balances
		says "shutdown=27"
	done
}

usr1_shows_the_statistics_and_the_run_goes_on() {
	start_on_fifo "$captures/demo.pcap"
	sleep 1
	kill -USR1 $pid
	wait_until grep -q "balance: seen=" err
	records flow-status >&3
	exec 3>&-
	reap $pid
	ended_with 0 "$got"
	[ "$(grep -c "balance: seen=" err)" -eq 2 ]
	[ "$(balance seen)" -eq 310 ]
}

hup_opens_the_output_file_again() {
	start_on_fifo "$captures/scope-lifetime.pcap" -o file -w records.jsonl
	wait_until test -e records.jsonl
	mv records.jsonl records.1
	kill -HUP $pid
	records flow-idle >&3
	exec 3>&-
	reap $pid
	ended_with 0 "$got"
	[ "$(wc -l <records.jsonl)" -gt 0 ]
	cat records.1 records.jsonl >out
	balances
}

# ---- on a terminal ----

# Some thousand packets, slowly.
trickle() {
	cat "$captures/dns-octets.pcap"
	for _ in 1 2 3 4 5 6; do
		records dns-octets
		records dns-octets
		sleep 0.25
	done
}

progress_is_shown_on_a_terminal_only() {
	mkfifo fifo
	trickle >fifo &
	script -qefc "'$devourer' capture -r fifo -o null" typescript >/dev/null
	grep -qF ' packets, ' typescript
	trickle | "$devourer" capture -r - -o null 2>err
	lacks err ' packets, '
	lacks err $'\r'
}

# ---- usage ----

wrong_usage_is_told_before_anything_is_opened() {
	local row words
	while IFS='|' read -r row words; do
		rm -f opened
		eval "run 2 $row"
		says "$words"
		[ ! -s out ]
		[ ! -e opened ]
	done <<-'END'
		|capture
		nonsense|nonsense
		capture|--read-file
		capture --nonsense|nonsense
		capture -r a -i b|--interface
		capture -r a -o nonsense|stdout
		capture -r a -o file|--write-file
		capture -r a -w opened|--output
		capture -r a -o file -w opened --idle-timeout 5|idle-timeout
		capture -r a --idle-timeout=-5s|idle-timeout
		capture -r a --max-flows 3|16
		capture -r a --max-flows many|max-flows
		capture -r a --names maybe|on
		capture -r a --source nonsense|source
		capture -r a --rotate-size 1X -o file -w opened|rotate-size
		capture -r a -o file -w opened -f "nonsense expression"|nonsense
		capture -r a surplus|surplus
		-l nonsense capture -r a|debug
		capture -r|-r needs a value
	END
}

help_and_version_go_to_standard_output() {
	run 0 --help
	grep -q capture out
	run 0 capture --help
	grep -q -- --idle-timeout out
	[ ! -s err ]
	run 0 --version
	grep -qE '^devourer [0-9]+\.[0-9]+' out
}

a_flag_beats_the_environment() {
	export DEVOURER_READ_FILE=$captures/flow-idle.pcap DEVOURER_OUTPUT=null
	run 0 capture
	[ ! -s out ]
	[ "$(balance seen)" -eq 8 ]
	run 0 capture -r "$captures/flow-status.pcap" -o stdout
	[ "$(wc -l <out)" -eq 6 ]
	DEVOURER_MAX_FLOWS=3 run 2 capture
	says DEVOURER_MAX_FLOWS
}

# as_nobody STATUS ARGUMENT...: like run, without any privilege.
as_nobody() {
	local wanted=$1 got=0
	shift
	chmod 755 "$work" .
	cp "$devourer" ./program
	if [ "$(id -u)" -ne 0 ]; then
		timeout --kill-after=5 20 ./program "$@" >out 2>err </dev/null || got=$?
	else
		timeout --kill-after=5 20 setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all --inh-caps=-all \
			./program "$@" >out 2>err </dev/null || got=$?
	fi
	ended_with "$wanted" $got
}

a_missing_permission_is_named() {
	as_nobody 3 capture -i lo
	says CAP_NET_RAW
}

an_interface_that_is_not_there_is_named() {
	[ "$(id -u)" -eq 0 ] || return 77 # without the right to capture that is the fault
	run 1 capture -i nonsense0
	says nonsense0
}

# ---- all of it ----

# Each test is a function whose name says what is true; it runs in a directory of its own, and 77 is "skipped".
check() {
	local name=$1 status why
	mkdir "$work/$name"
	set +e
	why=$(
		set -eE
		trap 'echo "line $LINENO: $BASH_COMMAND"' ERR
		cd "$work/$name"
		"$name" 2>&1
	)
	status=$?
	set -e
	case $status in
	0) passed=$((passed + 1)) && echo "ok $name" ;;
	77) skipped=$((skipped + 1)) && echo "ok $name # SKIP" ;;
	*)
		failed=$((failed + 1))
		printf 'not ok %s\n%s\n' "$name" "$why"
		;;
	esac
}

[ $# -gt 0 ] || set -- \
	every_encoding_gives_the_same_records \
	packed_files_may_consist_of_several_parts \
	nanoseconds_are_kept \
	standard_input_is_a_file_too \
	several_files_are_one_capture \
	a_bad_file_does_not_hide_the_next_one \
	packed_garbage_ends_with_a_message \
	an_unreadable_file_is_named \
	a_packed_bomb_ends_at_the_bound_without_growing \
	every_line_is_json_in_printable_ascii \
	logs_and_records_do_not_mix \
	the_end_of_the_reader_is_no_error \
	a_full_disk_is_not_silent \
	output_files_are_private_and_appended_to \
	output_files_are_not_followed \
	compressed_output_is_zstd \
	a_full_file_makes_room_for_the_next \
	null_takes_all_and_writes_nothing \
	a_signal_ends_the_run_with_everything_written \
	usr1_shows_the_statistics_and_the_run_goes_on \
	hup_opens_the_output_file_again \
	progress_is_shown_on_a_terminal_only \
	wrong_usage_is_told_before_anything_is_opened \
	help_and_version_go_to_standard_output \
	a_flag_beats_the_environment \
	a_missing_permission_is_named \
	an_interface_that_is_not_there_is_named
for name; do
	check "$name"
done
echo "$passed passed, $failed failed$([ $skipped -eq 0 ] || echo ", $skipped skipped")"
[ $failed -eq 0 ]
