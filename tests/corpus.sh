#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Real captures, when a folder with them lies beside the project: the records are the expected ones, no name is wrong, and in
# every capture the packets read are those in records and those not recorded, by reason.
# usage: corpus.sh; DEVOURER names the program, CORPUS the folder (../shared: tools/corpus and pcaps in it).
set -euo pipefail
cd "$(dirname "$0")/.."

devourer=${DEVOURER:-build/asan/devourer}
corpus=${CORPUS:-../shared}
if ! [ -x "$corpus/tools/corpus" ] || ! [ -d "$corpus/pcaps" ]; then
	echo "ok corpus # SKIP $corpus is not there"
	echo "0 passed, 0 failed, 1 skipped"
	exit
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 total_seen=0 total_recorded=0

ok() {
	passed=$((passed + 1))
	echo "ok $1"
}

not_ok() {
	failed=$((failed + 1))
	echo "not ok $1"
}

# The sum of the numbers behind `recorded=` and the reasons in the last balance line; `seen` is the first number.
sum_of_reasons() {
	sed -nE 's/.*balance: seen=[0-9]+(.*) difference=.*/\1/p' "$work/err" | tail -n 1 | grep -oE '[0-9]+' | awk '{ sum += $1 } END { print sum + 0 }'
}

seen() {
	sed -nE 's/.*balance: seen=([0-9]+) .*/\1/p' "$work/err" | tail -n 1
}

recorded() {
	sed -nE 's/.*balance: .* recorded=([0-9]+) .*/\1/p' "$work/err" | tail -n 1
}

# in_manifest FILE COLUMN
in_manifest() {
	awk -F '\t' -v file="$1" -v column="$2" '$1 == file { print $column }' "$corpus/pcaps/MANIFEST.tsv"
}

books() {
	local file=$1 in_records status=0
	timeout --kill-after=5 60 "$devourer" capture -r "$corpus/pcaps/$file" </dev/null >"$work/out" 2>"$work/err" || status=$?
	if [ $status -gt 1 ]; then
		not_ok "$file: exit status $status" && return
	fi
	in_records=$(jq -s 'map(.src_stat.packets + .dst_stat.packets) | add // 0' "$work/out")
	total_seen=$((total_seen + $(seen)))
	total_recorded=$((total_recorded + in_records))
	if [ "$in_records" != "$(recorded)" ] || [ "$(seen)" != "$(sum_of_reasons)" ]; then
		not_ok "$file: seen=$(seen), in records $in_records, counted $(sum_of_reasons)" && return
	fi
	# Columns 7 and 10: packets, and whether libpcap reads them all.
	if [[ $(in_manifest "$file" 10) == all* ]] && [ "$(seen)" != "$(in_manifest "$file" 7)" ]; then
		not_ok "$file: seen=$(seen) of $(in_manifest "$file" 7) packets" && return
	fi
	ok "$file: the books balance"
}

if "$corpus/tools/corpus" "$devourer capture -r {}" --max-names-wrong 0; then
	ok "the records are the expected ones"
else
	not_ok "the records are the expected ones"
fi
while read -r file; do
	books "$file"
done < <(tail -n +2 "$corpus/pcaps/MANIFEST.tsv" | cut -f 1)
echo "$total_seen packets read, $total_recorded in records"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
