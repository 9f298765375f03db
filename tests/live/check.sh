#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `devourer check` in broken environments: each has a line of its own with the cure; `interfaces` tells what `capture` then does;
# neither changes anything. Needs root and network namespaces; without bpftool the kernel's listings are not compared.
# usage: check.sh [FUNCTION...]; DEVOURER names the program, its tests/deny beside it refuses system calls (built here when missing).
set -euo pipefail
cd "$(dirname "$0")/../.."

devourer=$(realpath "${DEVOURER:-build/asan/devourer}")
deny=$(realpath -m "${DENY:-$(dirname "$devourer")/tests/deny}")
here=dvr-c-$$ # the namespace
group=/sys/fs/cgroup/memory/dvr-c-$$
[ -d /sys/fs/cgroup/memory ] || group=/sys/fs/cgroup/dvr-c-$$
work=$(mktemp -d)
pid=
passed=0 failed=0 skipped=0
unset "${!DEVOURER_@}"

clean() {
	[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
	ip netns del $here 2>/dev/null || true
	rmdir "$group" 2>/dev/null || true
	rm -rf "$work"
}
trap clean EXIT

skip_all() {
	echo "ok check # SKIP $1"
	echo "0 passed, 0 failed, 1 skipped"
	exit
}

[ "$(uname -s)" = Linux ] || skip_all "needs Linux"
[ "$(id -u)" -eq 0 ] || skip_all "needs root"
ip netns add $here 2>/dev/null || skip_all "cannot make network namespaces"
if ! [ -x "$deny" ]; then
	deny=$work/deny
	"${CC:-cc}" -std=gnu11 -O2 -o "$deny" tests/live/deny.c
fi

# Interfaces with and without native XDP, small and large, with and without Ethernet header; those that a kernel lacks are left out.
ip -n $here link add veth0 type veth peer name veth1 || skip_all "cannot make a veth pair"
ip -n $here link add bridge0 type bridge 2>/dev/null || true
ip -n $here link add link veth0 name macvlan0 type macvlan 2>/dev/null || true
ip -n $here tuntap add tun0 mode tun 2>/dev/null || true
ip -n $here tuntap add tap0 mode tap 2>/dev/null || true
ip -n $here tuntap add jumbo0 mode tap 2>/dev/null && ip -n $here link set jumbo0 mtu 9000
for interface in lo veth0 veth1 tun0 tap0 jumbo0; do
	ip -n $here link set $interface up 2>/dev/null || true
done

# ---- helpers: each fails with a reason on standard output ----

# Like `ip netns exec`, which hides the BPF file system.
inside() { nsenter --net=/run/netns/$here "$@"; }

# run STATUS COMMAND...: in the namespace; output in `out` and `err`.
run() {
	local wanted=$1 got=0
	shift
	inside timeout --kill-after=5 60 "$@" >out 2>err </dev/null || got=$?
	troubles >>all-troubles
	[ "$got" -eq "$wanted" ] && return
	echo "exit status $got, not $wanted"
	cat out err
	return 1
}

# says PATTERN: a line of the output.
says() {
	grep -qE -- "$1" out && return
	echo "output lacks: $1"
	cat out err
	return 1
}

# The lines that are no PASS, and a cure in each.
troubles() { grep -vE '^(PASS |[0-9]+ passed)' out || true; }

one_trouble() {
	[ "$(troubles | wc -l)" -eq 1 ] && troubles | grep -q '; cure: .' && says "$1" && return
	echo "not this trouble alone, with its cure:"
	cat out
	return 1
}

limit_memory() {
	mkdir -p "$group"
	if [ -e "$group/memory.max" ]; then
		echo "$1" >"$group/memory.max"
	else
		echo "$1" >"$group/memory.limit_in_bytes"
	fi
}

# What stands before a command to break its environment.
no_bpf=(setpriv "--bounding-set=-all,+net_admin,+net_raw" --inh-caps=-all)
no_net_admin=(setpriv "--bounding-set=-all,+bpf,+net_raw" --inh-caps=-all)
only_net_raw=(setpriv "--bounding-set=-all,+net_raw" --inh-caps=-all)
only_two=(setpriv "--bounding-set=-all,+bpf,+net_admin" --inh-caps=-all)
nothing=(setpriv --bounding-set=-all --inh-caps=-all)
# shellcheck disable=SC2016 # for the inner shell
in_group=(sh -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$group")
# shellcheck disable=SC2016
without_bpffs=(unshare --mount sh -c 'umount /sys/fs/bpf 2>/dev/null; exec "$@"' sh)

# start COMMAND...: in the background, until it captures; its process is `pid`.
start() {
	rm -f log
	nsenter --net=/run/netns/$here "$@" >/dev/null 2>log </dev/null &
	pid=$!
	for _ in $(seq 100); do
		! grep -qs 'mode=' log || return 0
		sleep 0.1
	done
	echo "it does not capture:"
	cat log
	return 1
}

# finish SIGNAL: the status that the program ends with.
finish() {
	local status=0
	kill "-$1" "$pid"
	wait "$pid" 2>/dev/null || status=$?
	pid=
	return $status
}

# ---- environments ----

everything_is_there_for_root() {
	run 0 "$devourer" check -i veth1
	[ -z "$(troubles)" ]
	says '^PASS programs: the verifier accepts all '
	says '^PASS interface veth1: xdp_native ingress, '
}

two_capabilities_are_enough() {
	run 0 "${only_two[@]}" "$devourer" check -i veth1
	one_trouble '^WARN packet socket: CAP_NET_RAW is missing'
}

no_cap_bpf() {
	run 3 "${no_bpf[@]}" "$devourer" check --source xdp -i bridge0
	says '^FAIL CAP_BPF: missing.*; cure: .*setcap cap_bpf,cap_net_admin'
	says '^PASS CAP_NET_ADMIN: '
}

no_cap_net_admin() {
	run 3 "${no_net_admin[@]}" "$devourer" check --source xdp -i bridge0
	says '^FAIL CAP_NET_ADMIN: missing.*; cure: .*setcap cap_bpf,cap_net_admin'
	says '^PASS CAP_BPF: '
}

a_seccomp_profile_refuses_bpf() {
	run 3 "$deny" bpf EPERM "$devourer" check --source xdp -i veth1
	says '^FAIL bpf\(2\): a seccomp profile refuses it.*; cure: .*--security-opt seccomp='
	says '^PASS CAP_BPF: '
	run 3 "$deny" bpf ENOSYS "$devourer" check --source xdp -i veth1
	says '^FAIL bpf\(2\): a seccomp profile refuses it'
}

no_bpffs() {
	run 0 "${without_bpffs[@]}" "$devourer" check -i veth1
	one_trouble "^WARN bpffs: not mounted at /sys/fs/bpf.*; cure: 'mount -t bpf bpf /sys/fs/bpf'"
}

too_little_memory() {
	limit_memory $((64 << 20)) || skip "cannot make a memory control group"
	run 1 "${in_group[@]}" "$devourer" check --ring-size 64M -i bridge0
	says '^FAIL memory: the kernel.s tables need [0-9]+ MiB; control group .* allows 64 MiB, .*; cure: smaller --table-slots and --ring-size'
	says '^PASS programs: '
	run 0 "${in_group[@]}" "$devourer" check --ring-size 1M --table-slots 4096 -i veth1
	[ -z "$(troubles)" ]
}

a_driver_without_native_xdp() {
	inside ip link show bridge0 >/dev/null 2>&1 || skip "no bridge here"
	run 0 "$devourer" check -i bridge0
	one_trouble '^WARN interface bridge0: tcx ingress, .* its driver \(bridge\) has no native XDP .*; cure: '
}

a_device_that_xdp_would_count_wrongly() {
	inside ip link show tap0 >/dev/null 2>&1 || skip "no tap here"
	run 0 "$devourer" check -i tap0
	one_trouble "^WARN interface tap0: tcx ingress, .* a guest's frames may come before offload .*; cure: "
}

another_program_is_attached() {
	start "$devourer" capture -i veth1 -o null
	run 0 "$devourer" check -i veth1
	one_trouble "^WARN interface veth1: tcx ingress, .* another XDP program \(id [0-9]+\) is attached.*; cure: 'ip link set veth1 xdp off'"
	finish TERM
}

membarrier_is_refused() {
	run 3 "$deny" membarrier EPERM "$devourer" check -i veth1
	one_trouble '^FAIL membarrier\(2\): a seccomp profile refuses it.*; cure: a seccomp profile that allows membarrier'
}

a_user_namespace() {
	unshare --user --map-root-user true 2>/dev/null || skip "no user namespaces here"
	run 3 unshare --user --map-root-user "$devourer" check --source xdp -i veth1
	says '^FAIL user namespace: not the host.s.*; cure: '
}

no_right_to_a_packet_socket() {
	run 3 "${nothing[@]}" "$devourer" check --source pcap -i veth1
	says '^FAIL packet socket: CAP_NET_RAW is missing.*; cure: .*setcap cap_net_raw'
	run 0 "${only_net_raw[@]}" "$devourer" check --source pcap -i veth1
}

an_interface_that_is_not_there() {
	run 1 "$devourer" check -i nosuch0
	one_trouble '^FAIL interface: there is no nosuch0; cure: '
}

# The first trouble of each environment above is another one.
each_environment_has_a_line_of_its_own() {
	local name
	for name in no_cap_bpf no_cap_net_admin a_seccomp_profile_refuses_bpf no_bpffs too_little_memory a_driver_without_native_xdp \
		a_device_that_xdp_would_count_wrongly another_program_is_attached membarrier_is_refused a_user_namespace no_right_to_a_packet_socket \
		an_interface_that_is_not_there; do
		[ ! -s "../$name/all-troubles" ] || head -n 1 "../$name/all-troubles"
	done >all
	sed 's/; cure: .*//' all
	echo "$(wc -l <all) environments, $(sort -u all | wc -l) lines"
	[ "$(wc -l <all)" -ge 6 ]
	[ "$(cut -d ' ' -f 2- all | sort -u | wc -l)" -eq "$(wc -l <all)" ]
}

# ---- interfaces ----

# What was said beforehand is what the program logs when it attaches: NAME INGRESS EGRESS.
each_interface_is_captured_as_foretold() {
	run 0 "$devourer" interfaces --json "$@"
	jq -r '.interfaces[] | "\(.name) \(.ingress) \(.egress)"' out | sort >foretold
	[ "$(wc -l <foretold)" -ge 3 ]
	inside timeout -s TERM 2 "$devourer" capture --source xdp -i any -o null "$@" >/dev/null 2>log </dev/null || true
	sed -nE 's/.*interface ([^:]+): mode=([a-z_]+) ingress, ([a-z_]+) egress.*/\1 \2 \3/p' log | sort >seen
	diff foretold seen
	cat seen
}

foretold_is_also_what_tc_alone_does() {
	each_interface_is_captured_as_foretold --xdp-mode off
}

a_table_and_json_say_the_same() {
	run 0 "$devourer" interfaces
	awk 'NR > 1 { print $1, $2, $6, $7 }' out >table
	run 0 "$devourer" interfaces --json
	jq -r '.interfaces[] | "\(.name) \(if .up then "up" else "down" end) \(.ingress) \(.egress)"' out | diff table -
}

without_a_capability_it_is_libpcap_and_the_reason() {
	run 0 "${no_bpf[@]}" "$devourer" interfaces -i veth1
	says '^veth1 .* pcap +pcap +CAP_BPF is missing'
	run 0 "${nothing[@]}" "$devourer" interfaces -i veth1
	says '^veth1 .* none +none +CAP_BPF and CAP_NET_ADMIN are missing.* lacks CAP_NET_RAW'
}

# ---- nothing changes ----

# What can be seen of the namespace and the host.
listings() {
	local interface
	inside ip -details link
	inside tc qdisc show
	for interface in lo veth0 veth1 bridge0 macvlan0 tun0 tap0 jumbo0; do
		inside tc filter show dev $interface ingress 2>/dev/null || true
		inside tc filter show dev $interface egress 2>/dev/null || true
	done
	grep -v ' nsfs ' /proc/self/mounts
	find /sys/fs/bpf | sort
	sysctl kernel.unprivileged_bpf_disabled net.core.bpf_jit_enable 2>/dev/null || true
	inside bpftool net show
}

# The kernel's programs, maps and links by their numbers, as in /proc: "prog_id 12".
objects() {
	local kind
	for kind in prog map link; do
		bpftool $kind show 2>/dev/null | sed -nE "s/^([0-9]+):.*/${kind}_id \\1/p" || true # one may go while it looks
	done | sort
}

# What is new since `objects-before` and no process holds: it would stay. Others on this host come and go meanwhile.
left_behind() {
	objects | comm -13 objects-before - >new
	find /proc/[0-9]*/fdinfo -type f -exec grep -hE '^(prog|map|link)_id:' {} + 2>/dev/null | sed 's/:[[:space:]]*/ /' | sort -u >held || true
	comm -23 new held
}

# A map that is only mapped by a process of another test has no holder either, so a second look may be needed; what we
# leave would be there each time. The kernel frees programs a moment after the process that loaded them.
leaves_no_object() {
	for _ in $(seq 5); do
		objects >objects-before
		run 0 "$devourer" "$@"
		for _ in $(seq 10); do
			left_behind >left
			[ -s left ] || return 0
			sleep 0.5
		done
	done
	echo "$* leaves behind:"
	head -n 20 left
	return 1
}

changes_nothing() {
	listings >before
	leaves_no_object "$@"
	listings >after
	diff before after
}

nothing_is_changed() {
	command -v bpftool >/dev/null || skip "no bpftool here"
	changes_nothing check
	changes_nothing check --json
	changes_nothing interfaces
	changes_nothing interfaces --json
	changes_nothing status
	changes_nothing status --json
	echo "$(wc -l <after) lines of listings are equal, $(wc -l <objects-before) objects in the kernel"
}

# ---- capture names what is missing ----

capture_names_the_capability_that_is_missing() {
	run 3 "${no_bpf[@]}" "$devourer" capture --source xdp -i veth1
	grep -q 'error: loading the BPF programs: CAP_BPF is missing: ' err
	run 3 "${no_net_admin[@]}" "$devourer" capture --source xdp -i veth1
	grep -q 'error: loading the BPF programs: CAP_NET_ADMIN is missing: ' err
	run 3 "${nothing[@]}" "$devourer" capture --source xdp -i veth1
	grep -q 'error: loading the BPF programs: CAP_BPF and CAP_NET_ADMIN are missing: ' err
	run 3 "$deny" bpf EPERM "$devourer" capture --source xdp -i veth1
	grep -q 'error: loading the BPF programs: a seccomp profile refuses bpf(2)' err
}

capture_works_with_exactly_two_capabilities() {
	start "${only_two[@]}" "$devourer" capture --source xdp -i veth1 -o null
	[ "$(awk '/^CapEff/ { print $2 }' /proc/$pid/status)" = 0000008000001000 ]
	inside ping -c 3 -i 0.2 -I veth0 192.0.2.1 >/dev/null 2>&1 || true
	finish TERM
	grep -q 'interface veth1: mode=xdp_native ingress, tcx egress' log
	grep -q ' difference=0;' log
}

# ---- all of it ----

skip() {
	echo "SKIP $1"
	exit 77
}

# Each test is a function whose name says what is true; it runs in a directory of its own.
check() {
	local name=$1 status why
	mkdir "$work/$name"
	set +e
	why=$(
		set -eE
		trap 'echo "line $LINENO: $BASH_COMMAND"' ERR
		trap '[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null' EXIT
		cd "$work/$name"
		"$name" 2>&1
	)
	status=$?
	set -e
	case $status in
	0) passed=$((passed + 1)) && printf 'ok %s\n' "$name" ;;
	77) skipped=$((skipped + 1)) && printf 'ok %s # SKIP\n' "$name" ;;
	*) failed=$((failed + 1)) && printf 'not ok %s\n' "$name" ;;
	esac
	printf '%s\n' "${why:-as it must be}" | sed 's/^/    /'
}

[ $# -gt 0 ] || set -- \
	everything_is_there_for_root \
	two_capabilities_are_enough \
	no_cap_bpf \
	no_cap_net_admin \
	a_seccomp_profile_refuses_bpf \
	no_bpffs \
	too_little_memory \
	a_driver_without_native_xdp \
	a_device_that_xdp_would_count_wrongly \
	another_program_is_attached \
	membarrier_is_refused \
	a_user_namespace \
	no_right_to_a_packet_socket \
	an_interface_that_is_not_there \
	each_environment_has_a_line_of_its_own \
	each_interface_is_captured_as_foretold \
	foretold_is_also_what_tc_alone_does \
	a_table_and_json_say_the_same \
	without_a_capability_it_is_libpcap_and_the_reason \
	nothing_is_changed \
	capture_names_the_capability_that_is_missing \
	capture_works_with_exactly_two_capabilities
for name; do
	check "$name"
done
echo "$passed passed, $failed failed$([ $skipped -eq 0 ] || echo ", $skipped skipped")"
[ $failed -eq 0 ]
