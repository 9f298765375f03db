#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a capture leaves behind, by each way to end and each way to attach, and that `detach` takes away exactly that.
# Needs root, network namespaces, clang for a foreign program, and a bpffs of its own, so that pins of others are not touched.
# usage: detach.sh [FUNCTION...]; DEVOURER names the program, its tests/deny beside it refuses system calls (built here when missing).
set -euo pipefail
cd "$(dirname "$0")/../.."

# In a mount namespace of its own with an empty BPF file system.
if [ "${1-}" != --apart ]; then
	if [ "$(uname -s)" = Linux ] && [ "$(id -u)" -eq 0 ] && unshare --mount mount -t bpf bpf /sys/fs/bpf 2>/dev/null; then
		# shellcheck disable=SC2016 # for the inner shell
		exec unshare --mount sh -c 'mount -t bpf bpf /sys/fs/bpf && exec "$@"' sh "$0" --apart "$@"
	fi
	echo "ok detach # SKIP needs Linux and root, and to mount a BPF file system"
	echo "0 passed, 0 failed, 1 skipped"
	exit
fi
shift

devourer=$(realpath "${DEVOURER:-build/asan/devourer}")
deny=$(realpath -m "${DENY:-$(dirname "$devourer")/tests/deny}")
here=dvr-d-$$ # the namespace
pins=/sys/fs/bpf/devourer
work=$(mktemp -d)
pid=
passed=0 failed=0 skipped=0
unset "${!DEVOURER_@}"

clean() {
	[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
	ip netns del $here 2>/dev/null || true
	rm -rf "$work"
}
trap clean EXIT

ip netns add $here
if ! [ -x "$deny" ]; then
	deny=$work/deny
	"${CC:-cc}" -std=gnu11 -O2 -o "$deny" tests/live/deny.c
fi
# Without BPF_LINK_CREATE there is neither XDP nor TCX, as on a kernel before 6.6 whose driver has no XDP.
without_links=("$deny" bpf:28 EINVAL)

# ---- helpers: each fails with a reason on standard output ----

inside() { nsenter --net=/run/netns/$here "$@"; }

# A pair for each test; it goes with its namespace.
connect() {
	ip -n $here link del veth0 2>/dev/null || true
	ip -n $here link add veth0 type veth peer name veth1
	ip -n $here link set veth0 up
	ip -n $here link set veth1 up
}

# start COMMAND...: in the background, until it captures; its process is `pid`.
start() {
	rm -f log
	nsenter --net=/run/netns/$here "$@" >records 2>log </dev/null &
	pid=$!
	for _ in $(seq 100); do
		! grep -qs 'mode=' log || return 0
		sleep 0.1
	done
	echo "it does not capture:"
	cat log
	return 1
}

# finish SIGNAL: the program must end so, by itself or by the signal.
finish() {
	local status=0
	kill "-$1" "$pid"
	wait "$pid" 2>/dev/null || status=$?
	pid=
	[ "$status" -eq 0 ] && [ "$1" != KILL ] && return
	[ "$status" -eq 137 ] && [ "$1" = KILL ] && return
	echo "exit status $status after SIG$1"
	cat log
	return 1
}

# devourer STATUS COMMAND...: output in `out` and `err`.
run() {
	local wanted=$1 got=0
	shift
	inside timeout --kill-after=5 60 "$@" >out 2>err </dev/null || got=$?
	[ "$got" -eq "$wanted" ] && return
	echo "exit status $got, not $wanted"
	cat out err
	return 1
}

says() {
	grep -qE -- "$1" out && return
	echo "output lacks: $1"
	cat out err
	return 1
}

lacks() {
	! grep -E -- "$1" out
}

filters() {
	inside tc filter show dev veth1 ingress
	inside tc filter show dev veth1 egress
}

# How many of our programs the kernel has at veth1, by its own listings: links and filters.
attached() {
	local xdp tc
	xdp=$(inside ip -details link show dev veth1 | grep -c 'prog/xdp' || true)
	tc=$({ filters && inside bpftool net show dev veth1; } 2>/dev/null | grep -c 'devourer_tc' || true)
	echo $((xdp + tc))
}

# Links end a moment after their process.
nothing_is_attached() {
	for _ in $(seq 30); do
		[ "$(attached)" -ne 0 ] || break
		sleep 0.1
	done
	[ "$(attached)" -eq 0 ] && return
	echo "still attached:"
	inside ip -details link show dev veth1
	filters
	return 1
}

nothing_is_pinned() {
	! find /sys/fs/bpf -type f ! -name '*.debug' | grep .
}

# A program that is not ours, as object file.
foreign_object() {
	command -v clang >/dev/null || skip "no clang here"
	cat >foreign.c <<'END'
__attribute__((section("tc"), used)) int other(void *ctx) { (void)ctx; return -1; }
char licence[] __attribute__((section("license"), used)) = "GPL";
END
	clang -O2 -target bpf -c -o foreign.o foreign.c
}

# ---- without --state-dir: what each end leaves ----

nothing_is_left_after_a_signal_that_asks() {
	start "$devourer" capture --source xdp -i veth1 -o null
	grep -q 'veth1: mode=xdp_native ingress, tcx egress' log
	[ "$(attached)" -gt 0 ]
	finish TERM
	nothing_is_attached
	nothing_is_pinned
}

nothing_is_left_after_a_kill() {
	start "$devourer" capture --source xdp -i veth1 -o null
	[ "$(attached)" -gt 0 ]
	finish KILL
	nothing_is_attached
	nothing_is_pinned
	start "$devourer" capture --source xdp --xdp-mode off -i veth1 -o null
	grep -q 'veth1: mode=tcx ingress, tcx egress' log
	finish KILL
	nothing_is_attached
	nothing_is_pinned
}

nothing_is_left_after_the_interface_is_removed() {
	start "$devourer" capture --source xdp -i veth1 -o null
	ip -n $here link del veth0
	sleep 1
	if inside ip link show veth1 >/dev/null 2>&1; then return 1; fi
	run 0 "$devourer" status
	lacks " of veth1"
	connect
	for _ in $(seq 50); do [ "$(attached)" -eq 0 ] && sleep 0.1; done # it is captured again
	[ "$(attached)" -gt 0 ]
	finish TERM
	nothing_is_attached
	nothing_is_pinned
}

a_filter_goes_with_a_signal_that_asks() {
	start "${without_links[@]}" "$devourer" capture --source xdp -i veth1 -o null
	grep -q 'veth1: mode=clsact ingress, clsact egress' log
	[ "$(filters | grep -c devourer_tc)" -eq 2 ]
	finish TERM
	nothing_is_attached
	run 0 "$devourer" status
	lacks "filter"
}

a_filter_that_a_kill_leaves_is_shown_and_taken_away() {
	start "${without_links[@]}" "$devourer" capture --source xdp -i veth1 -o null
	run 0 "$devourer" status
	says "^filter: devourer_tc at clsact ingress of veth1 .*, used by process $pid\$"
	finish KILL
	[ "$(filters | grep -c devourer_tc)" -eq 2 ]
	run 0 "$devourer" status
	says '^filter: devourer_tc at clsact ingress of veth1 \(program [0-9]+\)$'
	says '^filter: devourer_tc at clsact egress of veth1 \(program [0-9]+\)$'
	run 0 "$devourer" status --json
	[ "$(jq '[.items[] | select(.kind == "filter" and .interface == "veth1" and (has("pid") | not))] | length' out)" -eq 2 ]
	run 0 "$devourer" detach
	says '^removed filter: devourer_tc at clsact ingress of veth1'
	says '^removed filter: devourer_tc at clsact egress of veth1'
	nothing_is_attached
	inside tc qdisc show dev veth1 | grep clsact # others may have filters on it
	run 0 "$devourer" detach
	lacks 'removed'
}

# Another run takes the place of what a kill left, and there are never two of a hook.
a_filter_that_a_kill_leaves_is_replaced_by_the_next_run() {
	start "${without_links[@]}" "$devourer" capture --source xdp -i veth1 -o null
	finish KILL
	start "${without_links[@]}" "$devourer" capture --source xdp -i veth1 -o null
	[ "$(filters | grep -c devourer_tc)" -eq 2 ]
	inside ping -c 1 -W 1 -I veth0 192.0.2.1 >/dev/null 2>&1 || true
	finish TERM
	grep -q ' difference=0;' log
	nothing_is_attached
}

# ---- detach ----

detach_with_nothing_to_do_is_fine() {
	run 0 "$devourer" detach
	run 0 "$devourer" detach --json
	[ "$(jq -c '.removed' out)" = '[]' ]
}

detach_leaves_what_a_running_capture_uses() {
	start "${without_links[@]}" "$devourer" capture --source xdp -i veth1 -o null
	run 0 "$devourer" detach
	says "^left filter: devourer_tc at clsact ingress of veth1 .*: process $pid uses it"
	[ "$(filters | grep -c devourer_tc)" -eq 2 ]
	finish TERM
	start "$devourer" capture --source xdp -i veth1 -o null
	run 0 "$devourer" detach
	says "^left link [0-9]+: devourer_xdp at xdp of veth1: process $pid uses it"
	[ "$(attached)" -gt 0 ]
	finish TERM
}

# Another program, also at our very handle and priority, and the discipline itself.
a_foreign_filter_and_its_discipline_are_untouched() {
	foreign_object
	inside tc qdisc add dev veth1 clsact
	inside tc filter add dev veth1 ingress prio 7 protocol all bpf direct-action object-file foreign.o section tc
	inside tc filter add dev veth1 egress prio 49152 protocol all handle 0xdef10e bpf direct-action object-file foreign.o section tc
	filters >before
	start "${without_links[@]}" "$devourer" capture --source xdp --exclude-interface veth1 -i 'veth*' -o null
	run 0 "$devourer" detach
	finish KILL
	run 0 "$devourer" detach
	says '^removed filter: devourer_tc at clsact ingress of veth0'
	filters >after
	diff before after
	inside tc qdisc show dev veth1 | grep clsact
}

a_foreign_filter_beside_ours_is_untouched() {
	foreign_object
	inside tc qdisc add dev veth1 clsact
	inside tc filter add dev veth1 ingress prio 1 protocol all bpf direct-action object-file foreign.o section tc
	filters >before
	start "${without_links[@]}" "$devourer" capture --source xdp -i veth1 -o null
	[ "$(filters | grep -c 'foreign.o')" -eq 1 ]
	finish KILL
	run 0 "$devourer" detach
	[ "$(grep -c '^removed' out)" -eq 2 ]
	filters >after
	diff before after
	start "${without_links[@]}" "$devourer" capture --source xdp -i veth1 -o null
	finish TERM
	filters >after
	diff before after
}

# Pins: ours in their folder, others beside it.
detach_takes_our_pins_and_no_others() {
	command -v bpftool >/dev/null || skip "no bpftool here"
	mkdir -p $pins/one
	bpftool map create /sys/fs/bpf/foreign type array key 4 value 8 entries 1 name foreign
	bpftool map create $pins/totals type array key 4 value 8 entries 1 name totals
	bpftool map create $pins/one/slots type array key 4 value 8 entries 1 name slots
	run 0 "$devourer" status
	says "^pin $pins/totals: map totals\$"
	says "^pin $pins/one/slots: map slots\$"
	lacks foreign
	run 0 "$devourer" detach
	says "^removed pin $pins/totals: map totals\$"
	says "^removed pin $pins/one/slots: map slots\$"
	[ -e /sys/fs/bpf/foreign ]
	[ ! -e $pins ]
	rm /sys/fs/bpf/foreign
}

# A link of a run that was killed lives as long as its pin.
detach_ends_a_pinned_link() {
	command -v bpftool >/dev/null || skip "no bpftool here"
	start "$devourer" capture --source xdp -i veth1 -o null
	run 0 "$devourer" status --json
	mkdir -p $pins
	jq -r '.items[] | select(.kind == "link" and .interface == "veth1") | .id' out >links
	[ "$(wc -l <links)" -eq 2 ]
	while read -r link; do bpftool link pin id "$link" "$pins/link$link" </dev/null; done <links
	run 0 "$devourer" detach # used: it stays
	[ "$(find $pins -type f | wc -l)" -eq 2 ]
	finish KILL
	sleep 0.5
	[ "$(attached)" -gt 0 ]
	run 0 "$devourer" status
	says "^link [0-9]+: devourer_xdp at xdp of veth1\$"
	says "^pin $pins/link[0-9]+: link devourer_xdp\$"
	run 0 "$devourer" detach
	[ "$(grep -c '^removed pin' out)" -eq 2 ]
	lacks '^left .* of veth1'
	nothing_is_attached
	nothing_is_pinned
}

# ---- permissions ----

status_says_when_links_cannot_be_listed() {
	run 3 setpriv --bounding-set=-all,+bpf,+net_admin --inh-caps=-all "$devourer" status
	grep -q 'only with CAP_SYS_ADMIN' err
}

detach_says_which_permission_is_missing() {
	start "${without_links[@]}" "$devourer" capture --source xdp -i veth1 -o null
	finish KILL
	run 3 setpriv --bounding-set=-all,+bpf --inh-caps=-all "$devourer" detach
	says '^left filter: .* of veth1 .*: not permitted: CAP_NET_ADMIN is missing'
	[ "$(filters | grep -c devourer_tc)" -eq 2 ]
	run 0 setpriv --bounding-set=-all,+net_admin --inh-caps=-all "$devourer" detach
	nothing_is_attached
}

# ---- all of it ----

skip() {
	echo "SKIP $1"
	exit 77
}

# Each test is a function whose name says what is true; it runs in a directory of its own, with a new pair of interfaces.
check() {
	local name=$1 status why
	mkdir "$work/$name"
	connect
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
	nothing_is_left_after_a_signal_that_asks \
	nothing_is_left_after_a_kill \
	nothing_is_left_after_the_interface_is_removed \
	a_filter_goes_with_a_signal_that_asks \
	a_filter_that_a_kill_leaves_is_shown_and_taken_away \
	a_filter_that_a_kill_leaves_is_replaced_by_the_next_run \
	detach_with_nothing_to_do_is_fine \
	detach_leaves_what_a_running_capture_uses \
	a_foreign_filter_and_its_discipline_are_untouched \
	a_foreign_filter_beside_ours_is_untouched \
	detach_takes_our_pins_and_no_others \
	detach_ends_a_pinned_link \
	status_says_when_links_cannot_be_listed \
	detach_says_which_permission_is_missing
for name; do
	check "$name"
done
echo "$passed passed, $failed failed$([ $skipped -eq 0 ] || echo ", $skipped skipped")"
[ $failed -eq 0 ]
