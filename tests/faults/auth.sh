#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tokens that end, are revoked, or cannot be had; clocks that are wrong; where credentials come from; and that none of them is ever told.
# usage: auth.sh [FUNCTION...]
# shellcheck disable=SC1091,SC2154,SC2034 # lib.sh has them, and reads what is set here
set -euo pipefail
. "$(dirname "$0")/lib.sh"
needs "credentials" mkfifo

# fake_with_key [ARGUMENT...]: requests need a token, and `key.json` gets one.
fake_with_key() {
	rsa_key key
	fake --auth --public-key key.pub "$@"
	service_account key "$api/token"
}

# trickle SECONDS: 100 records a second from a pipe, while the first hook runs in the middle.
trickle() {
	local second
	mkfifo input
	flags "${mode:-insertall}"
	start capture -r input --idle-timeout 10ms "${to_fake[@]}" --bigquery-sa-key-file key.json --shutdown-timeout 60s
	open_pipe
	for ((second = 0; second < $1; second++)); do
		[ $second -ne 3 ] || in_between
		feed $((second * 100)) $((second * 100 + 100))
		sleep 1
	done
	close_pipe
	reap 0 60
	echo "$(stat_of tokens) tokens, $(stat_of unauthorized) answers 401, $(look _requests | wc -l) requests in $1 s"
}

in_between() { :; }

records_of() {
	capture_of $(($1 * 100))
	timeout 60 "$devourer" capture -r "$pcap" --idle-timeout 10ms >records 2>records.err
}

# ---- tokens ----

tokens_of_five_seconds_are_renewed_in_time() {
	local seconds=${TOKEN_S:-15}
	fake_with_key --token-life 5
	records_of "$seconds"
	trickle "$seconds"
	exact
	at_least "tokens" "$(stat_of tokens)" $((seconds / 5))
	at_most "tokens" "$(stat_of tokens)" $((seconds + 2))
}

a_revoked_token_is_replaced_at_once() {
	local mode
	for mode in insertall write; do
		rm -rf state input key*
		fake_with_key
		records_of 8
		in_between() { tell _revoke; }
		trickle 8
		exact
		equal tokens "$(stat_of tokens)" 2
		at_most "answers 401" "$(stat_of unauthorized)" 2
	done
}

a_token_that_is_still_good_is_used_while_there_is_no_new_one() {
	fake_with_key --token-life 16 # to be renewed after eight seconds
	records_of 13
	in_between() { fault '{"match":"/token","kind":"503","times":1000000}'; }
	trickle 13
	exact
	equal tokens "$(stat_of tokens)" 1
	at_least "refused renewals" "$(stat_of 'faults["503"]')" 1
	says 503
}

a_wrong_key_ends_the_program_with_the_reason() {
	rsa_key key
	rsa_key other
	fake --auth --public-key other.pub
	service_account key "$api/token"
	capture_of 10
	delivers insertall 3 20 --bigquery-sa-key-file key.json
	says 'Invalid JWT Signature'
	at_most "milliseconds" "$took_ms" 5000
	echo "ended after $took_ms ms"
}

# ---- clocks ----

a_clock_that_is_wrong_is_corrected_with_one_warning() {
	local shift
	[ "$(uname -s)" = Linux ] || skip "needs LD_PRELOAD of Linux"
	for shift in 7200 -7200; do
		rm -rf state key*
		fake_with_key
		capture_of 500
		preload=(LD_PRELOAD="$helpers/crash.so" CLOCK_SHIFT_S="$shift")
		delivers insertall 0 60 --bigquery-sa-key-file key.json --shutdown-timeout 50s
		preload=()
		exact
		equal "tokens" "$(stat_of tokens)" 1
		equal "warnings of the clock" "$(grep -c 'clock' err)" 1
		grep clock err
	done
}

# ---- where credentials come from ----

# The API by TLS, so that only what was found gives a token; token endpoints are on the other port, without TLS.
fake_with_tls() {
	rsa_key key
	certificate server
	fake --auth --public-key key.pub --tls server.pem server.key
	unset BIGQUERY_EMULATOR_HOST
	service_account key "http://127.0.0.1:$control/token"
	jq -n --arg uri "http://127.0.0.1:$control/token" '{ type: "authorized_user", client_id: "id", client_secret: "secret-of-client",
		refresh_token: "secret-refresh-token", token_uri: $uri, quota_project_id: "quota" }' >user.json
	jq -n --arg url "http://127.0.0.1:$control" --arg file "$PWD/subject" '{ type: "external_account", audience: "//iam.googleapis.com/x",
		subject_token_type: "urn:ietf:params:oauth:token-type:jwt", token_url: ($url + "/token"), credential_source: { file: $file } }' >foreign.json
	echo secret-subject-token >subject
	jq '.credential_source = { file: (.credential_source.file + ".json"), format: { type: "json", subject_token_field_name: "token" } }' foreign.json >foreign_json.json
	echo '{"token":"secret-subject-token"}' >subject.json
	jq --arg url "http://127.0.0.1:$control/subject-token" '.credential_source = { url: $url, format: { type: "json", subject_token_field_name: "token" } }' \
		foreign.json >foreign_url.json
	jq --arg url "http://127.0.0.1:$control" --slurpfile source user.json -n '{ type: "impersonated_service_account", source_credentials: $source[0],
		service_account_impersonation_url: ($url + "/v1/projects/-/serviceAccounts/meter@devourer-test.iam.gserviceaccount.com:generateAccessToken") }' >impersonated.json
	mkdir -p gcloud empty
	cp user.json gcloud/application_default_credentials.json
	chmod 600 ./*.json gcloud/*
}

# no_secrets: neither in the log, at its most talkative, nor in the spool.
no_secrets() {
	local secret
	for secret in "$(sed -n 3p key.key)" "$(sed -n 12p key.key)" ya29.fake secret- foreign-token 'BEGIN PRIVATE'; do
		! grep -rlF -- "$secret" err out state || { echo "there is a secret in these files: $secret" && return 1; }
	done
}

# with VARIABLE=VALUE... -- ARGUMENT...: a run with these credentials and no others; `status` says how it ends.
with() {
	local variables=()
	while [ "$1" != -- ]; do
		variables+=("$1")
		shift
	done
	shift
	rm -rf state
	flags insertall
	preload=(CLOUDSDK_CONFIG="$PWD/empty" NO_GCE_CHECK=true ${variables[@]+"${variables[@]}"})
	status=0
	timeout 30 env "${preload[@]}" "$devourer" --log-level debug capture -r "$pcap" "${to_fake[@]}" --bigquery-endpoint "https://127.0.0.1:$port" \
		--ca-file ca.pem --bigquery-table-id "$table" "$@" >out 2>err </dev/null || status=$?
	no_secrets
}

# row NAME VARIABLE=VALUE... -- ARGUMENT...: it delivers; NAME is in the log.
delivers_with() {
	local name=$1
	shift
	table=t$((count += 1))
	with "$@"
	[ $status -eq 0 ] || { echo "status $status: $*" && tail -n 5 err && return 1; }
	says "$name"
	exact
}

the_credentials_are_the_first_that_are_found() {
	count=0
	fake_with_tls
	capture_of 20
	local file=GOOGLE_APPLICATION_CREDENTIALS cloud=CLOUDSDK_CONFIG=$PWD/gcloud metadata=GCE_METADATA_HOST=127.0.0.1:$control
	delivers_with 'service account .*key.json' $file="$PWD/user.json" "$cloud" "$metadata" -- --bigquery-sa-key-file key.json
	delivers_with 'service account' $file="$PWD/user.json" "$cloud" "$metadata" DEVOURER_BIGQUERY_SA_KEY_DATA="$(cat key.json)" --
	delivers_with 'service account .*key.json' $file="$PWD/key.json" "$cloud" "$metadata" --
	delivers_with 'application_default_credentials.json' "$cloud" "$metadata" --
	delivers_with 'metadata server' "$metadata" NO_GCE_CHECK= --
	delivers_with 'user.json' -- --bigquery-sa-key-file user.json
	delivers_with 'foreign.json' $file="$PWD/foreign.json" --
	delivers_with 'foreign_json.json' $file="$PWD/foreign_json.json" --
	delivers_with 'foreign_url.json' $file="$PWD/foreign_url.json" --
	delivers_with 'impersonated.json' $file="$PWD/impersonated.json" --
	echo "$count sources"
}

# refused_with PATTERN FILTER [FILE]: key.json changed by jq's FILTER is refused, and the log says why.
refused_with() {
	jq "$2" "${3:-key.json}" >bad.json
	chmod 600 bad.json
	with -- --bigquery-sa-key-file bad.json
	[ $status -eq 1 ] || { echo "status $status with $2" && tail -n 5 err && return 1; }
	says "$1"
}

malformed_credentials_are_refused_with_the_reason() {
	fake_with_tls
	capture_of 20
	refused_with 'type' 'del(.type)'
	refused_with 'accepted are' '.type = "gdch_service_account"'
	refused_with 'client_email' 'del(.client_email)'
	refused_with 'private_key' 'del(.private_key)'
	refused_with 'private_key' '.private_key = .private_key[0:200]'
	refused_with 'token_uri' '.token_uri = "http://example.com/token"'
	refused_with 'refresh_token' 'del(.refresh_token)' user.json
	refused_with 'executable' '.credential_source = { executable: { command: "/bin/true" } }' foreign.json
	refused_with 'credential_source' 'del(.credential_source)' foreign.json
	echo '{"type":"service_account", "private_key":"secret-' >bad.json
	with -- --bigquery-sa-key-file bad.json
	equal "status of what is no JSON" $status 1
	chmod 644 key.json
	with -- --bigquery-sa-key-file key.json
	[ $status -eq 1 ] || [ $status -eq 3 ] || { echo "status $status with a key that all may read" && return 1; }
	says 'key.json'
	with GOOGLE_APPLICATION_CREDENTIALS="$PWD/nowhere.json" --
	equal "status of a missing file" $status 1
	says 'nowhere.json'
	equal "requests with a token" "$(requests '.token')" 0
}

check_together tokens_of_five_seconds_are_renewed_in_time a_revoked_token_is_replaced_at_once \
	a_token_that_is_still_good_is_used_while_there_is_no_new_one
check a_wrong_key_ends_the_program_with_the_reason
check a_clock_that_is_wrong_is_corrected_with_one_warning
check the_credentials_are_the_first_that_are_found malformed_credentials_are_refused_with_the_reason
totals
