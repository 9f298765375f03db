#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Loaded without CAP_PERFMON the verifier puts speculation barriers (nospec) behind accesses that it cannot prove; each empties the pipeline.
# The path of a packet of a known flow is the main function of a program: there must be none. The rest may have some.
# shellcheck disable=SC1091,SC2154 # xdp_lib.sh has them
set -euo pipefail
. "$(dirname "$0")/xdp_lib.sh"
needs "no barrier on the path of a known flow" bpftool setpriv

# main_and_rest FILE: barriers in the first function of a dump, and in the others. A function begins in the first column, without a number.
main_and_rest() {
	awk '/^[a-z].*\):$/ { functions++ } /\) nospec$/ { functions > 1 ? rest++ : main++ } END { print main + 0, rest + 0, functions }' "$1"
}

no_program_has_one_in_its_main_function() {
	local id name main rest functions programs=0 barriers=0
	namespace here
	namespace there
	pair here va there vb
	printf '#!/bin/sh\nexec setpriv --bounding-set=-all,+bpf,+net_admin --inh-caps=-all %s "$@"\n' "$devourer" >confined
	chmod +x confined
	devourer=$PWD/confined
	start there -i vb --source xdp
	awk '$1 == "prog_id:" && !seen[$2]++ { print $2 }' "/proc/$pid/fdinfo"/* >ids
	while read -r id; do
		name=$(bpftool -j prog show id "$id" | jq -r .name)
		bpftool prog dump xlated id "$id" >"dump.$id"
		read -r main rest functions < <(main_and_rest "dump.$id")
		echo "$name: $main in its main function, $rest in $((functions - 1)) others"
		case $name in
		devourer_xdp | devourer_tc | devourer_tc_l3) ;;
		*) continue ;;
		esac
		programs=$((programs + 1))
		barriers=$((barriers + rest))
		equal "$name" "$main" 0
		[ "$functions" -gt 3 ]
	done <ids
	stop TERM
	[ $programs -ge 2 ]
	[ $barriers -gt 0 ] || skip "this kernel puts barriers nowhere (mitigations=off)"
}

check no_program_has_one_in_its_main_function
totals
