#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Google's own client reads the table, and finds in it what the records say.
# usage: readback.sh [FUNCTION...]; BIGQUERY_PYTHON is a Python with google-cloud-bigquery; without it the client is installed into build/.
# shellcheck disable=SC1091,SC2154,SC2034 # lib.sh has them, and reads what is set here
set -euo pipefail
. "$(dirname "$0")/lib.sh"
needs "reading back"
client=${BIGQUERY_PYTHON:-$(command -v /usr/bin/python3 || command -v python3)}
packages=$PWD/build/bigquery-client
if ! PYTHONPATH=$packages "$client" -c 'import google.cloud.bigquery' 2>/dev/null; then
	"$client" -m pip install -q --no-cache-dir --root-user-action=ignore --target "$packages" 'google-cloud-bigquery==3.38.0' >"$work/pip" 2>&1 ||
		skip_all "reading back" "google-cloud-bigquery cannot be installed: $(tail -n 1 "$work/pip")"
fi

# What the client read, as the fake's rows are written.
read_table() {
	PYTHONPATH=$packages "$client" - "$api" "$project.$dataset.$table" >rows <<'END_OF_PYTHON'
import datetime
import json
import sys

from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

client = bigquery.Client(project=sys.argv[2].split('.')[0], credentials=AnonymousCredentials(), client_options={'api_endpoint': sys.argv[1]})
table = client.get_table(sys.argv[2])
assert table.time_partitioning.type_ == 'DAY' and table.time_partitioning.field == 'first_seen_at'
for row in client.list_rows(table):
    print(json.dumps({name: f'{value:%Y-%m-%dT%H:%M:%S.%fZ}' if isinstance(value, datetime.datetime) else value for name, value in row.items()}))
END_OF_PYTHON
	python3 "$here/compare.py" records rows
}

the_official_client_reads_what_was_recorded() {
	local mode capture
	fake
	mkdir captures
	"$helpers/make-captures" captures
	for capture in demo flow-addresses flow-nano flow-icmp6 dns-octets scope-many; do
		pcap=captures/$capture.pcap
		timeout 60 "$devourer" capture -r "$pcap" >records 2>records.err
		for mode in insertall load write; do
			table=${capture//-/_}_by_$mode
			rm -rf state
			delivers "$mode" 0 60 --bigquery-table-id "$table"
			read_table
		done
	done
}

check the_official_client_reads_what_was_recorded
totals
