#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Certificates, proxies, and servers that mean harm.
# usage: tls.sh [FUNCTION...]
# shellcheck disable=SC1091,SC2154,SC2034 # lib.sh has them, and reads what is set here
set -euo pipefail
. "$(dirname "$0")/lib.sh"
needs "TLS and proxies"

# by_tls STATUS URL [VARIABLE=VALUE]... [-- FLAG...]: capture to there; an explicit key gets the token from the same
# host, or from `token_url`.
by_tls() {
	local status=$1 url=$2
	shift 2
	preload=()
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		preload+=("$1")
		shift
	done
	[ $# -eq 0 ] || shift
	rm -rf state
	service_account key "${token_url:-$url/token}"
	preload+=("BIGQUERY_EMULATOR_HOST=")
	flags insertall
	run "$status" 40 capture -r "$pcap" "${to_fake[@]}" --bigquery-endpoint "$url" --bigquery-sa-key-file key.json --bigquery-table-id "$table" "$@"
	preload=()
}

# tls_fake CERTIFICATE [ARGUMENT...]
tls_fake() {
	[ -e key.key ] || rsa_key key
	fake --auth --public-key key.pub --tls "$1.pem" "$1.key" "${@:2}"
	unset BIGQUERY_EMULATOR_HOST
}

# ---- certificates ----

a_private_authority_is_trusted_when_it_is_given() {
	certificate server
	tls_fake server
	capture_of 100
	by_tls 0 "https://127.0.0.1:$port" -- --ca-file ca.pem
	exact
	table=by_name
	by_tls 0 "https://localhost:$port" -- --ca-file ca.pem
	exact
}

# refuses PATTERN URL [FLAG...]: nothing goes there.
refuses() {
	local pattern=$1 url=$2 token_url=http://127.0.0.1:$control/token
	shift 2
	by_tls 1 "$url" -- "$@"
	says "$pattern"
	equal "requests that came through" "$(requests '.path != "/token"')" 0
	grep -iE "$pattern" err | head -n 1
}

an_unknown_authority_is_refused() {
	certificate server
	tls_fake server
	capture_of 10
	refuses 'certificate' "https://127.0.0.1:$port"
}

a_certificate_for_another_host_is_refused() {
	certificate server 2 other.test
	tls_fake server
	capture_of 10
	refuses 'name|host' "https://127.0.0.1:$port" --ca-file ca.pem
}

a_certificate_that_is_over_is_refused() {
	certificate server 0
	sleep 1.1
	tls_fake server
	capture_of 10
	refuses 'expired' "https://127.0.0.1:$port" --ca-file ca.pem
}

# ---- proxies ----

# proxied ARGUMENT...: a server named bigquery.test, which only the proxy can find; `proxy_port` and `proxy_control` are the proxy's.
proxied() {
	certificate server 2 bigquery.test
	fake "$@"
	proxy_port=$port proxy_control=$control
	tls_fake server
	capture_of 100
}

connects() {
	curl -sS "http://127.0.0.1:$proxy_control/_stats" | jq "[.connects // 0, .connects_refused // 0] | @text" -r
}

requests_go_through_a_proxy() {
	proxied
	by_tls 0 "https://bigquery.test:$port" HTTPS_PROXY="http://127.0.0.1:$proxy_port" -- --ca-file ca.pem
	exact
	[ "$(connects)" != '[0,0]' ] || { echo "no connection by the proxy" && return 1; }
	table=by_flag
	by_tls 0 "https://bigquery.test:$port" -- --ca-file ca.pem --proxy "http://127.0.0.1:$proxy_port"
	exact
	echo "connections by the proxy: $(connects)"
	equal "tokens that the proxy saw" "$(curl -sS "http://127.0.0.1:$proxy_control/_requests" | jq -s 'map(select(.token)) | length')" 0
}

no_proxy_names_hosts_that_are_reached_directly() {
	proxied
	certificate server
	tls_fake server
	by_tls 0 "https://127.0.0.1:$port" HTTPS_PROXY="http://127.0.0.1:$proxy_port" NO_PROXY=127.0.0.1 -- --ca-file ca.pem
	exact
	equal "connections by the proxy" "$(connects)" '[0,0]'
}

a_proxy_that_wants_a_login_gets_it_or_is_named() {
	proxied --proxy-login 'user:secret-word'
	token_url=http://127.0.0.1:$control/token by_tls 1 "https://bigquery.test:$port" HTTPS_PROXY="http://127.0.0.1:$proxy_port" -- --ca-file ca.pem
	says 407
	by_tls 0 "https://bigquery.test:$port" HTTPS_PROXY="http://user:secret-word@127.0.0.1:$proxy_port" -- --ca-file ca.pem
	exact
	lacks err secret-word
}

# ---- servers that mean harm ----

# Peak memory in KiB of shipping `full`; everything must arrive in the end.
peak_of_shipping() {
	rm -rf state
	cp -r full state
	flags insertall
	table=$1
	timeout 200 python3 - "$devourer" ship "${to_fake[@]}" --bigquery-table-id "$table" --shutdown-timeout 150s 2>err <<'END_OF_PYTHON' || return 1
import os
import sys
_, status, usage = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ), 0)
print(usage.ru_maxrss)
sys.exit(status != 0)
END_OF_PYTHON
}

full_spool() {
	tell _down
	flags insertall
	run 0 60 capture -r "$pcap" "${to_fake[@]}" --shutdown-timeout 0s
	mv state full
	tell _up
}

survives_answers() {
	local kind usual peak begun
	fake
	capture_of 2000
	full_spool
	usual=$(peak_of_shipping usual) || { tail -n 5 err && return 1; }
	for kind; do
		fault "{\"match\":\"insertAll\",\"kind\":\"$kind\",\"seconds\":600}"
		begun=$SECONDS
		peak=$(peak_of_shipping "t_$kind") || { echo "$kind" && tail -n 5 err && return 1; }
		table=t_$kind
		exact
		echo "$kind: $((SECONDS - begun)) s, peak $peak KiB, usually $usual KiB"
		at_most "memory with $kind" "$peak" $((usual + (16 << 10)))
	done
}

an_answer_of_a_gigabyte_or_without_an_end_or_of_deep_json_does_no_harm() { survives_answers huge endless deep garbage truncate; }
an_answer_that_drips_is_given_up() { survives_answers drip; }
a_body_that_is_never_asked_for_is_given_up() { survives_answers no_continue; }

a_redirect_takes_no_token_to_another_host() {
	rsa_key key
	fake
	other_control=$control
	other=$port
	fake --auth --public-key key.pub
	service_account key "$api/token"
	capture_of 100
	fault "{\"match\":\"insertAll\",\"kind\":\"redirect\",\"to\":\"http://localhost:$other/bigquery/v2/projects/p/datasets/d/tables/t/insertAll\",\"times\":2}"
	flags insertall
	run 0 60 capture -r "$pcap" "${to_fake[@]}" --bigquery-sa-key-file key.json --shutdown-timeout 5s
	equal "requests at the other host" "$(curl -sS "http://127.0.0.1:$other_control/_requests" | wc -l)" 0
	all_well
	ships insertall 0 60 --bigquery-sa-key-file key.json
	exact
}

check a_private_authority_is_trusted_when_it_is_given an_unknown_authority_is_refused a_certificate_for_another_host_is_refused \
	a_certificate_that_is_over_is_refused
check requests_go_through_a_proxy no_proxy_names_hosts_that_are_reached_directly a_proxy_that_wants_a_login_gets_it_or_is_named
check an_answer_of_a_gigabyte_or_without_an_end_or_of_deep_json_does_no_harm a_redirect_takes_no_token_to_another_host
check_together an_answer_that_drips_is_given_up a_body_that_is_never_asked_for_is_given_up
totals
