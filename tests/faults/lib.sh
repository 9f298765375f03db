# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the fault tests share: servers on the loopback interface, captures of a known size, the program, comparing. Read by them, not run.
#
# DEVOURER names the program (build/asan/devourer); its helpers are in the folder tests beside it ("make tests"). Names of tests may be
# given as arguments: only those are run.

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
devourer=$(realpath -m "${DEVOURER:-build/asan/devourer}")
helpers=$(dirname "$devourer")/tests
here=$PWD/tests/faults
work=$(mktemp -d)
pids=()
pid= # of the program, when it runs beside the test
passed=0 failed=0 skipped=0
wanted=("$@")
project=devourer-test dataset=flows table=flow_logs

# Nothing of this machine's own: its settings, its proxies, its credentials.
unset "${!DEVOURER_@}" HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY http_proxy https_proxy no_proxy all_proxy
unset GOOGLE_APPLICATION_CREDENTIALS BIGQUERY_EMULATOR_HOST GCE_METADATA_HOST CLOUDSDK_CONFIG
export HOME=$work/home PYTHONDONTWRITEBYTECODE=1 ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1}:verify_asan_link_order=0

clean() {
	local victim
	for victim in $pid ${pids[@]+"${pids[@]}"}; do
		kill -CONT "$victim" 2>/dev/null || true
		kill -KILL "$victim" 2>/dev/null || true
	done
	wait 2>/dev/null || true
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
	for command in python3 curl jq timeout openssl "$@"; do
		command -v "$command" >/dev/null || skip_all "$title" "needs $command"
	done
	[ -x "$helpers/fill" ] || skip_all "$title" "needs the helpers: make tests"
}

# ---- servers ----

# fake [ARGUMENT...]: a BigQuery with the dataset; `port`, `control` and `write` are its ports, `api` its address. Emulators need no token.
fake() {
	local out
	out=$(mktemp "$work/fake.XXXXXX")
	python3 "$here/fake_bigquery.py" --dataset "$project:$dataset" --write "$@" >"$out" 2>&1 </dev/null &
	pids+=("$!")
	soon 20 grep -q '^port=' "$out" || { cat "$out" && return 1; }
	read -r port control write < <(sed -E 's/[a-z]+=//g' "$out")
	api=http://127.0.0.1:$port
	export BIGQUERY_EMULATOR_HOST=$api
}

# tell PATH [JSON]: one of the fake's own paths.
tell() {
	curl -sS --max-time 60 --fail-with-body -d "${2:-null}" "http://127.0.0.1:$control/$1" >/dev/null
}

look() {
	curl -sS --max-time 300 --fail-with-body "http://127.0.0.1:$control/$1"
}

fault() {
	tell _fault "$1"
}

# Faults end, also those that were to come more often.
all_well() {
	curl -sS --max-time 60 -X DELETE "http://127.0.0.1:$control/_fault" >/dev/null
}

table_rows() {
	look "_rows/$project/$dataset/$table"
}

# How many rows the table has: 0, too, when there is none.
row_count() {
	look _stats | jq ".tables[\"$project:$dataset:$table\"] // 0"
}

# stat NAME: one of the fake's numbers.
stat_of() {
	look _stats | jq ".$1 // 0"
}

# requests FILTER: how many of the requests jq's FILTER takes.
requests() {
	look _requests | jq -s "map(select($1)) | length"
}

# For the scripts that read this.
# shellcheck disable=SC2034
insert_alls='(.path | endswith("/insertAll"))'
# shellcheck disable=SC2034
uploads='(.path | startswith("/upload/"))'

# The table as the program makes it, changed by jq's FILTER: make_table [FILTER].
make_table() {
	"$devourer" --record-table | awk -F '\t' '$3 == "basic" { print $4 "\t" $5 "\t" $6 }' |
		jq -Rn "{ tableReference: { projectId: \"$project\", datasetId: \"$dataset\", tableId: \"$table\" },
			timePartitioning: { type: \"DAY\", field: \"first_seen_at\" },
			schema: { fields: [inputs | split(\"\t\") | { name: .[0], type: .[1], mode: .[2] }] } } | ${1:-.}" |
		curl -sS --max-time 60 --fail-with-body -d @- "http://127.0.0.1:$control/bigquery/v2/projects/$project/datasets/$dataset/tables" >/dev/null
}

# ---- captures ----

# capture_of FLOWS [PACKETS [NAMES]]: the file `pcap`, and in `records` what the program makes of it without any network.
capture_of() {
	pcap=$PWD/capture.pcap
	"$helpers/fill" "$pcap" "$@"
	timeout 300 "$devourer" capture -r "$pcap" >records 2>records.err </dev/null || { cat records.err && return 1; }
}

# feed FROM TO: packets FROM to TO of `pcap` (one a flow) into the pipe `input`, which open_pipe made; packet 0 brings the file's header.
feed() {
	local at=$((24 + 58 * $1)) end=$((24 + 58 * $2))
	[ "$1" -gt 0 ] || at=0
	tail -c "+$((at + 1))" "$pcap" | head -c $((end - at)) >&9 || [ $? -eq 141 ] # tail has more than is wanted
}

# After start(), so that the program does not have the writing end.
open_pipe() {
	exec 9<>input
}

close_pipe() {
	exec 9>&-
}

# ---- the program ----

# flags MODE: those for the fake, in the array `to_fake`.
flags() {
	to_fake=(-o bigquery --state-dir "$PWD/state" --bigquery-project-id "$project" --bigquery-dataset-id "$dataset" --bigquery-mode "$1"
		--bigquery-write-endpoint "http://127.0.0.1:$write")
}

# run STATUS SECONDS COMMAND ARGUMENT...: the program must end with STATUS in time; its output is in `out` and `err`, `took_ms` its time.
run() {
	local status=0 limit=$2 wanted_status=$1 begun
	shift 2
	begun=$(date +%s%N)
	timeout --kill-after=5 "$limit" ${preload[@]+env "${preload[@]}"} "$devourer" "$@" >out 2>err </dev/null || status=$?
	took_ms=$((($(date +%s%N) - begun) / 1000000))
	[ $status -eq "$wanted_status" ] && return
	echo "exit status $status, not $wanted_status, after $took_ms ms, of: $*"
	tail -n 20 err
	return 1
}
preload=()

# start COMMAND ARGUMENT...: the program beside the test, its id is `pid`.
start() {
	${preload[@]+env "${preload[@]}"} "$devourer" "$@" >out 2>err </dev/null &
	pid=$!
}

# reap STATUS SECONDS: it must end by itself.
reap() {
	local status=0 begun
	begun=$(date +%s%N)
	soon "$2" gone "$pid" || { echo "it has not ended after $2 seconds" && tail -n 20 err && return 1; }
	took_ms=$((($(date +%s%N) - begun) / 1000000))
	wait "$pid" || status=$?
	pid=
	[ $status -eq "$1" ] && return
	echo "exit status $status, not $1"
	tail -n 20 err
	return 1
}

gone() {
	! kill -0 "$1" 2>/dev/null
}

# The process that keeps the shippers, and the one that delivers.
keeper() {
	pgrep -P "$pid" | head -n 1
}

shipper() {
	pgrep -P "$(keeper)" | head -n 1
}

# soon SECONDS COMMAND...: it succeeds before that.
soon() {
	local end=$((SECONDS + $1))
	shift
	until "$@" 2>/dev/null; do
		[ $SECONDS -le $end ] || return 1
		sleep 0.05
	done
}

says() {
	grep -qE -- "$1" err && return
	echo "the log lacks: $1"
	tail -n 20 err
	return 1
}

lacks() {
	! grep -nE -- "$2" "$1"
}

# spooled FILTER: jq's FILTER of what is in the spool.
spooled() {
	timeout 20 "$devourer" spool --state-dir state --json </dev/null | jq -r "$1"
}

# delivers MODE STATUS SECONDS [FLAG...]: capture `pcap` to the fake.
delivers() {
	local mode=$1 status=$2 limit=$3
	shift 3
	flags "$mode"
	run "$status" "$limit" capture -r "$pcap" "${to_fake[@]}" "$@"
}

# ships MODE STATUS SECONDS [FLAG...]: what is in the spool goes to the fake.
ships() {
	local mode=$1 status=$2 limit=$3
	shift 3
	flags "$mode"
	run "$status" "$limit" ship "${to_fake[@]}" "$@"
}

# The records that were refused for good.
dead_letters() {
	find "$PWD/state" -name 'dead.*.jsonl'
}

# exact [ARGUMENT...]: every record is in the table exactly once, each column equal; arguments are for compare.py.
exact() {
	table_rows >rows
	python3 "$here/compare.py" "$@" records rows
}

equal() {
	[ "$2" = "$3" ] || {
		echo "$1: $2, expected $3"
		return 1
	}
}

# at_most WHAT VALUE MOST
at_most() {
	[ "$2" -le "$3" ] || {
		echo "$1: $2, more than $3"
		return 1
	}
}

at_least() {
	[ "$2" -ge "$3" ] || {
		echo "$1: $2, less than $3"
		return 1
	}
}

# ---- keys ----

# certificate NAME [DAYS [HOST]]: a private CA `ca.pem` (once), and NAME.pem and NAME.key for HOST (localhost and 127.0.0.1).
certificate() {
	local name=$1 days=${2:-2} hosts=DNS:localhost,IP:127.0.0.1
	[ -z "${3:-}" ] || hosts=DNS:$3
	[ -e ca.key ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj "/CN=test CA" \
		-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2>/dev/null
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$name.key" -out "$name.csr" -subj "/CN=$name" 2>/dev/null
	openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days "$days" -out "$name.pem" \
		-extfile <(echo "subjectAltName=$hosts") 2>/dev/null
}

# rsa_key NAME: NAME.key, and NAME.pub for the fake.
rsa_key() {
	openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1.key" 2>/dev/null
	openssl pkey -in "$1.key" -pubout -out "$1.pub"
}

# service_account NAME TOKEN_URI: the file NAME.json with that key.
service_account() {
	jq -n --rawfile key "$1.key" --arg uri "$2" '{ type: "service_account", project_id: "devourer-test", private_key_id: "key-1",
		private_key: $key, client_email: "meter@devourer-test.iam.gserviceaccount.com", client_id: "1", token_uri: $uri }' >"$1.json"
	chmod 600 "$1.json"
}

# ---- tests ----

# A test that cannot be carried out here says so.
skip() {
	echo "SKIP $1"
	exit 77
}

is_wanted() {
	[ ${#wanted[@]} -eq 0 ] || [[ " ${wanted[*]} " == *" $1 "* ]]
}

# carry_out NAME: in a folder of its own, with set -e; what it prints is in `NAME.said`, its status and seconds in `NAME.status`.
carry_out() {
	local name=$1 status begun=$SECONDS
	mkdir "$work/$name"
	set +e
	(
		set -eE
		trap 'echo "line $LINENO: ${BASH_COMMAND%%$'"'\n'"'*}"' ERR
		trap clean EXIT
		cd "$work/$name"
		"$name" 2>&1
	) >"$work/$name.said"
	status=$?
	set -e
	echo "$status $((SECONDS - begun))" >"$work/$name.status"
	rm -rf "${work:?}/$name"
}

report() {
	local name=$1 status seconds
	read -r status seconds <"$work/$name.status"
	case $status in
	0) passed=$((passed + 1)) && echo "ok $name" ;;
	77) skipped=$((skipped + 1)) && echo "ok $name # SKIP" ;;
	*) failed=$((failed + 1)) && echo "not ok $name" ;;
	esac
	sed 's/^/    /' "$work/$name.said"
	echo "    $seconds s"
}

# check NAME...: each is a function whose name says what is true.
check() {
	local name
	for name; do
		is_wanted "$name" || continue
		carry_out "$name" # not in a list of && and ||: set -e would not hold
		report "$name"
	done
}

# check_together NAME...: all at a time, for those that do little but wait.
check_together() {
	local name
	for name; do
		! is_wanted "$name" || carry_out "$name" &
	done
	wait
	for name; do
		! is_wanted "$name" || report "$name"
	done
}

totals() {
	echo "$passed passed, $failed failed$([ $skipped -eq 0 ] || echo ", $skipped skipped")"
	[ $failed -eq 0 ]
}
