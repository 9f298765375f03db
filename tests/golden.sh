#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Golden tests: reads each capture that make-captures writes and compares the records with golden/NAME.jsonl, byte for byte.
#
#   golden/NAME.jsonl    the records of NAME.pcap; NAME+VARIANT.jsonl: of the same capture with other arguments
#   golden/NAME.args     more arguments, by spaces
#   golden/NAME.status   the exit status, and words that standard error must hold (without the file: status 0)
#   golden/NAME.books    words that the statistics on standard error must hold, such as not_ip=2
#
# In every run the statistics balance, and the packets of the records are those that they count as recorded.
# usage: golden.sh [NAME...]; DEVOURER and MAKE_CAPTURES name the programs.
set -euo pipefail
cd "$(dirname "$0")/.."

devourer=${DEVOURER:-build/asan/devourer}
make_captures=${MAKE_CAPTURES:-$(dirname "$devourer")/tests/make-captures}
golden=tests/golden
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# Fails with a reason on standard output when the run of NAME is not as it must be.
judge() {
	local name=$1 status=$2 wanted=0 words=
	if [ -f "$golden/$name.status" ]; then
		read -r wanted words <"$golden/$name.status"
	fi
	if [ "$status" -ne "$wanted" ]; then
		echo "exit status $status, not $wanted" && return 1
	fi
	if ! grep -qF -- "$words" "$work/err"; then
		echo "standard error lacks: $words" && return 1
	fi
	diff -u --label expected --label records "$golden/$name.jsonl" "$work/out" || return 1
	grep -q ' difference=0;' "$work/err" || { echo "the books do not balance" && return 1; }
	recorded_is_in_records || return 1
	[ ! -f "$golden/$name.books" ] || books "$golden/$name.books"
}

recorded_is_in_records() {
	local counted summed
	counted=$(sed -nE 's/.* recorded=([0-9]+) .*/\1/p' "$work/err" | tail -n 1)
	summed=$(grep -oE '"packets":[0-9]+' "$work/out" | awk -F : '{ sum += $2 } END { print sum + 0 }' || true)
	[ "$counted" = "${summed:-0}" ] || { echo "$counted packets recorded, but ${summed:-0} in the records" && return 1; }
}

books() {
	local word
	while read -r word; do
		grep -qE "[ ]$word( |;|\$)" "$work/err" || { echo "the statistics lack: $word" && return 1; }
	done <"$1"
}

check() {
	local name=$1 capture=${1%%+*} arguments=() status=0 why
	if [ -f "$golden/$name.args" ]; then
		read -ra arguments <"$golden/$name.args"
	fi
	"$devourer" capture -r "$work/captures/$capture.pcap" "${arguments[@]}" </dev/null >"$work/out" 2>"$work/err" || status=$?
	if why=$(judge "$name" "$status"); then
		passed=$((passed + 1))
		echo "ok $name"
		return
	fi
	failed=$((failed + 1))
	printf 'not ok %s\n%s\n' "$name" "$why"
	sed 's/^/    /' "$work/err"
}

# What is captured must not change either, or the same records would show something else.
same_octets() {
	if "$make_captures" "$work/again" && diff -r "$work/captures" "$work/again"; then
		passed=$((passed + 1))
		echo "ok make-captures writes the same octets at every run"
	else
		failed=$((failed + 1))
		echo "not ok make-captures writes the same octets at every run"
	fi
}

mkdir "$work/captures" "$work/again"
"$make_captures" "$work/captures"
if [ $# -eq 0 ]; then
	same_octets
	set -- "$golden"/*.jsonl
fi
for name; do
	check "$(basename -s .jsonl "$name")"
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
