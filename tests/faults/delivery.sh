#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each record arrives exactly once, whatever the server answers, in each mode; what is refused for good is set aside.
# usage: delivery.sh [FUNCTION...]; FLOWS (100000) go through the random faults; SLOW=1: also what takes minutes.
# shellcheck disable=SC1091,SC2154,SC2034 # lib.sh has them, and reads what is set here
set -euo pipefail
. "$(dirname "$0")/lib.sh"
needs "delivery to BigQuery"

nothing_is_left() {
	equal "records that are not shipped" "$(spooled '.outputs[0].spooled')" 0
}

# ---- no faults ----

arrives_exactly_once() {
	fake
	capture_of 10000 3
	delivers "$1" 0 120 --shutdown-timeout 60s
	exact
	nothing_is_left
	echo "took $took_ms ms, $(look _requests | wc -l) requests"
}

ten_thousand_flows_arrive_exactly_once_by_insertall() { arrives_exactly_once insertall; }
ten_thousand_flows_arrive_exactly_once_by_load() { arrives_exactly_once load; }
ten_thousand_flows_arrive_exactly_once_by_write() { arrives_exactly_once write; }
ten_thousand_flows_arrive_exactly_once_by_auto() { arrives_exactly_once auto; }

each_sort_of_packet_arrives_as_the_file_has_it() {
	local mode
	fake
	mkdir captures
	"$helpers/make-captures" captures
	pcap=captures/demo.pcap
	timeout 60 "$devourer" capture -r "$pcap" >records 2>records.err
	for mode in insertall load write; do
		table=by_$mode
		rm -rf state
		delivers "$mode" 0 60 --bigquery-table-id "$table"
		exact
	done
}

extended_members_arrive_in_columns_that_are_added() {
	local capture
	fake
	mkdir captures
	"$helpers/make-captures" captures
	for capture in tcp icmp vlan names; do
		pcap=captures/extended-$capture.pcap
		timeout 60 "$devourer" capture -r "$pcap" --extended >records 2>records.err
		rm -rf state
		table=extended_$capture
		make_table
		delivers insertall 0 60 --extended --bigquery-migrate --bigquery-table-id "$table"
		exact --columns 30
	done
}

# ---- the table ----

a_missing_table_is_made_by_day_of_first_seen_at() {
	fake
	capture_of 10
	delivers insertall 0 30
	exact
	look "bigquery/v2/projects/$project/datasets/$dataset/tables/$table" >made
	equal partitioning "$(jq -r '.timePartitioning | .type + " " + .field' made)" "DAY first_seen_at"
	equal schema "$(jq -r '.schema.fields[] | [.name, .type, .mode] | @tsv' made)" \
		"$("$devourer" --record-table | awk -F '\t' '$3 == "basic" { print $4 "\t" $5 "\t" $6 }')"
}

a_table_that_is_there_is_used() {
	fake
	capture_of 10
	make_table
	delivers insertall 0 30
	exact
	equal "tables made" "$(requests '.method == "POST" and (.path | endswith("/tables")) and .agent != "" and (.agent | startswith("curl/") | not)')" 0
}

a_column_that_is_not_ours_is_left_alone() {
	fake
	capture_of 10
	make_table '.schema.fields += [{ name: "site", type: "STRING", mode: "NULLABLE" }]'
	delivers insertall 0 30
	table_rows | jq -c 'del(.site)' >rows
	python3 "$here/compare.py" records rows
}

a_column_that_the_table_lacks_is_left_out_and_named() {
	local mode
	fake
	capture_of 10
	for mode in insertall load write; do
		table=lacks_by_$mode
		rm -rf state
		make_table 'del(.schema.fields[] | select(.name == "dst_hw_addr"))'
		delivers "$mode" 0 30 --bigquery-table-id "$table"
		exact --columns 16
		says dst_hw_addr
	done
}

a_column_that_the_table_lacks_is_added_when_asked_for() {
	fake
	capture_of 10
	make_table 'del(.schema.fields[] | select(.name == "dst_names"))'
	delivers insertall 0 30 --bigquery-migrate
	exact
}

a_column_of_another_type_ends_the_program_with_a_reason() {
	fake
	capture_of 10
	make_table '(.schema.fields[] | select(.name == "src_port")).type = "STRING"'
	delivers insertall 1 30
	says src_port
	equal "rows" "$(row_count)" 0
	echo "ended after $took_ms ms"
}

a_dataset_that_is_missing_ends_the_program_with_a_reason() {
	fake
	capture_of 10
	dataset=nowhere
	delivers insertall 1 30
	says nowhere
	echo "ended after $took_ms ms"
}

# ---- insertAll ----

random_faults='{"match":"insertAll","kind":["500","502","503","429","403rate","reset","reset_after","truncate","garbage","slow"],
	"p":0.2,"times":1000000,"seed":7,"seconds":1}'

# The first state is a live one: batches come one after the other, so there are as many requests.
random_faults_over_many_batches() {
	capture_of "${FLOWS:-100000}"
	fault "$random_faults"
	delivers insertall 0 600 --shutdown-timeout 600s
	look _stats | jq -c '{ faults, rows_stored, rows_repeated }'
	echo "$(requests "$insert_alls") requests in $took_ms ms; $(spooled '.outputs[0] | "retried \(.retried), duplicates_possible \(.duplicates_possible)"')"
}

a_fifth_of_all_answers_may_be_wrong() {
	fake
	random_faults_over_many_batches
	exact
	nothing_is_left
}

without_the_window_only_rows_whose_answer_was_lost_are_doubled() {
	fake --dedupe-window 0
	random_faults_over_many_batches
	exact --duplicates "$(spooled '.outputs[0].duplicates_possible')"
}

a_bad_row_is_set_aside_and_the_others_arrive() {
	fake
	capture_of 500
	tell _reject '{"column":"src_addr","value":"10.0.0.77"}'
	delivers insertall 4 60
	exact --dead "$(dead_letters)"
	equal "dead letters" "$(wc -l <"$(dead_letters)")" 1
	equal "its address" "$(jq -r .record.src.addr "$(dead_letters)")" 10.0.0.77
	jq -r .reason "$(dead_letters)"
	equal "reason" "$(jq 'select(.reason | contains("src_addr=10.0.0.77")) | 1' "$(dead_letters)")" 1
	at_most "requests for one batch" "$(requests "$insert_alls")" 4
	equal "mode of the file" "$(stat -c %a "$(dead_letters)")" 600
}

a_row_that_the_answer_calls_invalid_is_set_aside() {
	fake
	capture_of 500
	fault '{"match":"insertAll","kind":"partial"}'
	delivers insertall 4 60
	exact --dead "$(dead_letters)"
	equal "dead letters" "$(wc -l <"$(dead_letters)")" 1
	at_most "requests for one batch" "$(requests "$insert_alls")" 4
}

a_row_that_the_server_could_not_store_now_is_sent_again() {
	fake
	capture_of 500
	fault '{"match":"insertAll","kind":"backend_row","times":3}'
	delivers insertall 0 60 --shutdown-timeout 60s
	exact
}

a_request_that_is_refused_as_a_whole_is_halved_down_to_the_bad_row() {
	fake --max-octets 20000
	capture_of 500
	delivers insertall 0 60 --shutdown-timeout 60s
	exact
	echo "$(requests "$insert_alls") requests, $(requests "$insert_alls and .result == 413") of them answered 413"
}

# It looks at most once a minute, and not within ten minutes after it made the table itself, for that may not be everywhere yet.
a_table_that_was_removed_is_made_again() {
	fake
	capture_of 2000
	timeout 60 "$devourer" capture -r "$pcap" --idle-timeout 10ms >all_records 2>records.err
	make_table
	mkfifo input
	flags insertall
	start capture -r input --idle-timeout 10ms "${to_fake[@]}" --shutdown-timeout 30s
	open_pipe
	feed 0 1000
	soon 10 has_rows 900
	curl -sS --max-time 60 -X DELETE "$api/bigquery/v2/projects/$project/datasets/$dataset/tables/$table"
	feed 1000 2000
	soon 240 has_rows 900
	close_pipe
	reap 0 60
	tail -n +"$((2001 - $(row_count)))" all_records >records
	exact
}

has_rows() {
	[ "$(row_count)" -ge "$1" ]
}

# ---- load jobs ----

an_upload_whose_answer_is_lost_is_not_done_twice() {
	fake --job-polls 3
	capture_of 10000
	fault '[{"match":"/upload/","kind":"reset_after","times":5},{"match":"/jobs/devourer_","method":"GET","kind":"404","times":4}]'
	delivers load 0 200 --shutdown-timeout 180s
	exact
	look _jobs >job_lines
	equal "rows of all jobs" "$(jq -s 'map(.statistics.load.outputRows | tonumber) | add' job_lines)" 10000
	equal "jobs" "$(wc -l <job_lines)" 1
	at_least "uploads answered 409" "$(requests "$uploads and .result == 409")" 1
	echo "$(wc -l <job_lines) jobs, $(requests "$uploads") uploads, $(requests "$uploads and .result == 409") of them answered 409, in $took_ms ms"
}

a_failed_job_is_tried_again_by_another_name() {
	fake
	capture_of 1000
	fault '{"match":"/upload/","kind":"jobfail","times":2}'
	delivers load 0 120 --shutdown-timeout 100s
	exact
	look _jobs >job_lines
	jq -r '.jobReference.jobId + " " + (.status.errorResult.reason // "done")' job_lines
	equal "failed jobs" "$(jq -s 'map(select(.status.errorResult)) | length' job_lines)" 2
	equal "names used twice" "$(requests "$uploads and .result == 409")" 0
}

a_bad_row_in_a_load_job_is_found_by_halving() {
	fake
	capture_of 1000
	tell _reject '{"column":"src_addr","value":"10.0.1.77"}'
	delivers load 4 280 --shutdown-timeout 270s
	exact --dead "$(dead_letters)"
	equal "dead letters" "$(wc -l <"$(dead_letters)")" 1
	equal "its address" "$(jq -r .record.src.addr "$(dead_letters)")" 10.0.1.77
	equal "names used twice" "$(requests "$uploads and .result == 409")" 0
	echo "$(look _jobs | wc -l) jobs in $took_ms ms"
}

a_large_upload_is_resumed_where_it_broke() {
	fake
	capture_of "${LOAD_FLOWS:-60000}"
	fault '[{"match":"upload_id","method":"PUT","kind":"reset","after":1,"times":2},{"match":"upload_id","method":"PUT","kind":"503"}]'
	delivers load 0 200 --shutdown-timeout 180s
	exact
	look _stats | jq -c '{ faults, load_octets_max, jobs }'
}

# ---- the Storage Write API ----

an_append_whose_answer_is_lost_is_not_done_twice() {
	fake
	capture_of 20000
	fault '{"match":"AppendRows","kind":["reset","reset_after","503","slow"],"p":0.2,"times":1000000,"seed":3,"seconds":1}'
	delivers write 0 200 --shutdown-timeout 180s
	exact
	look _stats | jq -c '{ faults, write_streams, append_octets_max }'
}

a_bad_row_in_an_append_is_set_aside() {
	fake
	capture_of 500
	tell _reject '{"column":"src_addr","value":"10.0.0.77"}'
	delivers write 4 60 --shutdown-timeout 50s
	exact --dead "$(dead_letters)"
	equal "dead letters" "$(wc -l <"$(dead_letters)")" 1
}

check ten_thousand_flows_arrive_exactly_once_by_insertall ten_thousand_flows_arrive_exactly_once_by_load \
	ten_thousand_flows_arrive_exactly_once_by_write ten_thousand_flows_arrive_exactly_once_by_auto each_sort_of_packet_arrives_as_the_file_has_it \
	extended_members_arrive_in_columns_that_are_added
check a_missing_table_is_made_by_day_of_first_seen_at a_table_that_is_there_is_used a_column_that_is_not_ours_is_left_alone \
	a_column_that_the_table_lacks_is_left_out_and_named a_column_that_the_table_lacks_is_added_when_asked_for \
	a_column_of_another_type_ends_the_program_with_a_reason a_dataset_that_is_missing_ends_the_program_with_a_reason
check a_fifth_of_all_answers_may_be_wrong without_the_window_only_rows_whose_answer_was_lost_are_doubled \
	a_bad_row_is_set_aside_and_the_others_arrive a_row_that_the_answer_calls_invalid_is_set_aside \
	a_row_that_the_server_could_not_store_now_is_sent_again a_request_that_is_refused_as_a_whole_is_halved_down_to_the_bad_row
[ -z "${SLOW:-}" ] || check a_table_that_was_removed_is_made_again
check an_upload_whose_answer_is_lost_is_not_done_twice a_failed_job_is_tried_again_by_another_name a_bad_row_in_a_load_job_is_found_by_halving \
	a_large_upload_is_resumed_where_it_broke
check an_append_whose_answer_is_lost_is_not_done_twice a_bad_row_in_an_append_is_set_aside
totals
