# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the tests of counting in the kernel share: namespaces, the program, its books. Read by them, not run.
#
# DEVOURER names the program (build/asan/devourer); its helpers are in the folder tests beside it ("make tests").

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
devourer=$(realpath -m "${DEVOURER:-build/asan/devourer}")
helpers=$(dirname "$devourer")/tests
cpus=$(getconf _NPROCESSORS_ONLN)
work=$(mktemp -d)
namespaces=() pids=()
pid= # of the program
passed=0 failed=0 skipped=0

clean() {
	local victim
	for victim in ${pids[@]+"${pids[@]}"} $pid; do
		kill -CONT "$victim" 2>/dev/null || true
		kill -KILL "$victim" 2>/dev/null || true
	done
	wait 2>/dev/null || true
	for victim in ${namespaces[@]+"${namespaces[@]}"}; do
		ip netns del "$victim" 2>/dev/null || true
	done
}

finish() {
	clean
	rm -rf "$work"
}
trap finish EXIT

skip_all() {
	echo "ok $1 # SKIP $2"
	echo "0 passed, 0 failed, 1 skipped"
	exit
}

# needs TITLE COMMAND...: the whole script is skipped, with the reason, where it cannot run.
needs() {
	local title=$1 command
	shift
	[ "$(uname -s)" = Linux ] || skip_all "$title" "needs Linux"
	[ "$(id -u)" -eq 0 ] || skip_all "$title" "needs root"
	for command in ip ethtool jq nsenter "$@"; do
		command -v "$command" >/dev/null || skip_all "$title" "needs $command"
	done
	[ -x "$helpers/generate" ] || skip_all "$title" "needs the helpers: make tests"
	ip netns add "dvx-try-$$" 2>/dev/null || skip_all "$title" "cannot make network namespaces"
	ip netns del "dvx-try-$$"
}

# ---- networks ----

# namespace NAME: a new one; `in_ns` and `ip -n` take dvx-$$-NAME. Nobody speaks there unasked.
namespace() {
	ip netns add "dvx-$$-$1"
	namespaces+=("dvx-$$-$1")
	ip -n "dvx-$$-$1" link set lo up
	in_ns "$1" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6; echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6' 2>/dev/null || true
}

# in_ns NAME COMMAND...: only the network changes, so that bpffs stays visible.
in_ns() {
	local name=$1
	shift
	nsenter --net="/run/netns/dvx-$$-$name" "$@"
}

ip_in() {
	local name=$1
	shift
	ip -n "dvx-$$-$name" "$@"
}

# pair NS IF NS IF [QUEUES]: a veth, up. NAPI is on at both ends, so that the driver counts every packet and takes live frames.
pair() {
	local queues=${5:-$cpus} end
	ip link add "$2" netns "dvx-$$-$1" numrxqueues "$queues" numtxqueues "$queues" type veth peer name "$4" netns "dvx-$$-$3"
	for end in "$1 $2" "$3 $4"; do
		read -r name interface <<<"$end"
		ip_in "$name" link set "$interface" up
		in_ns "$name" ethtool -K "$interface" gro on
	done
}

# From va in `here` to vb in `there`. Offloads are off: libpcap would see what GRO merged. One queue, so that the order stays.
plain_network() {
	namespace here
	namespace there
	pair here va there vb 1
	ip_in here link set va mtu 65535
	ip_in there link set vb mtu 65535
	in_ns there ethtool -K vb gro off
	in_ns here ethtool -K va tso off gso off gro off
}

# driver NS IF: packets that came in, by the driver's own count; only with native XDP attached.
driver() {
	in_ns "$1" ethtool -S "$2" | awk '/rx_queue_[0-9]+_xdp_packets/ { sum += $2 } END { printf "%.0f\n", sum }'
}

# ---- the program ----

# start NS ARGUMENT...: records in `records`, log in `err`; returns once it captures.
start() {
	local name=$1
	shift
	: >err
	nsenter --net="/run/netns/dvx-$$-$name" "$devourer" capture -o file -w records "$@" >out 2>err </dev/null &
	pid=$!
	says 'interface .*: mode='
}

# says PATTERN [SECONDS]: in the log, soon.
says() {
	for _ in $(seq $((${2:-10} * 20))); do
		! grep -q "$1" err 2>/dev/null || return 0
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.05
	done
	echo "the log lacks: $1"
	cat err
	return 1
}

# stop [SIGNAL [SECONDS]]: it must end by itself with status 0.
stop() {
	local status=0
	kill "-${1:-TERM}" "$pid"
	for _ in $(seq $((${2:-60} * 10))); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL "$pid" 2>/dev/null && echo "it did not end within ${2:-60} seconds" && return 1
	wait "$pid" || status=$?
	pid=
	[ $status -eq 0 ] && return
	echo "exit status $status"
	cat err
	return 1
}

# background NS COMMAND...: a program beside the test, ended with it at the latest; its id is `beside`.
background() {
	local name=$1
	shift
	nsenter --net="/run/netns/dvx-$$-$name" "$@" &
	beside=$!
	pids+=("$beside")
}

# number NAME [LINE]: the value of NAME=VALUE in the last statistics, of their line `balance` or another; 0 when it is not there.
number() {
	local value
	value=$(grep -E "${2:-balance}: " err | tail -n 1 | grep -oE " $1=-?[0-9]+" | cut -d = -f 2 || true)
	echo "${value:-0}"
}

# total FILE...: packets and octets in the records, and how many records.
total() {
	cat "$@" | jq -r '[.src_stat.packets + .dst_stat.packets, .src_stat.bytes + .dst_stat.bytes] | @tsv' |
		awk '{ packets += $1; octets += $2 } END { printf "%.0f %.0f %d\n", packets, octets, NR }'
}

# The identity of the books, without what only user space reckons: all that was seen has a name at the end.
books_balance() {
	local sum=0 name
	for name in recorded other_interface overflow kernel_faults not_ip link_header_short ip_header_short ip_version_wrong ip_length_wrong \
		other_protocol headers_too_deep filtered; do
		sum=$((sum + $(number $name)))
	done
	grep -E 'balance: ' err | tail -n 1 | cut -d : -f 3-
	[ "$(number difference)" -eq 0 ]
	[ "$(number waiting)" -eq 0 ]
	[ "$(number live)" -eq 0 ]
	[ "$(number seen)" -eq "$sum" ]
}

equal() {
	[ "$2" = "$3" ] || {
		echo "$1: $2, expected $3"
		return 1
	}
}

# ---- tests ----

# A test that cannot be carried out here says so.
skip() {
	echo "SKIP $1"
	exit 77
}

# check NAME...: each is a function whose name says what is true; it runs in a folder of its own, with set -e.
check() {
	local name status why
	for name; do
		mkdir "$work/$name"
		set +e
		why=$(
			set -eE
			trap 'echo "line $LINENO: ${BASH_COMMAND%%$'"'\n'"'*}"' ERR
			trap clean EXIT
			cd "$work/$name"
			"$name" 2>&1
		)
		status=$?
		set -e
		case $status in
		0) passed=$((passed + 1)) && echo "ok $name" ;;
		77) skipped=$((skipped + 1)) && echo "ok $name # SKIP" ;;
		*) failed=$((failed + 1)) && echo "not ok $name" ;;
		esac
		printf '%s\n' "${why:-as it must be}" | sed 's/^/    /'
		rm -rf "${work:?}/$name"
	done
}

totals() {
	echo "$passed passed, $failed failed$([ $skipped -eq 0 ] || echo ", $skipped skipped")"
	[ $failed -eq 0 ]
}
