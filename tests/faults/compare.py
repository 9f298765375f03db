#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Do the rows of a table say what the records say? Row by row, column by column.

usage: compare.py [--columns N] [--duplicates N] [--dead FILE] [--missing N] RECORDS ROWS

RECORDS are records as the outputs stdout and file write them, ROWS what the fake has stored, both JSON lines. Every record is a row
exactly once, or in the dead-letter file, and no row is anything else. --duplicates: so many rows may be there again. --missing: exactly
so many records are nowhere. --columns: that many columns are compared (17). It prints the figures, and what differs first.
"""
import argparse
import json
import sys

# Column: path in the record.
PATHS = {
    'id': ('id',), 'protocol': ('protocol',), 'src_addr': ('src', 'addr'), 'dst_addr': ('dst', 'addr'),
    'src_port': ('src', 'port'), 'dst_port': ('dst', 'port'), 'src_hw_addr': ('src', 'hw_addr'), 'dst_hw_addr': ('dst', 'hw_addr'),
    'src_names': ('src', 'names'), 'dst_names': ('dst', 'names'), 'first_seen_at': ('first_seen_at',), 'last_seen_at': ('last_seen_at',),
    'src_bytes': ('src_stat', 'bytes'), 'dst_bytes': ('dst_stat', 'bytes'), 'src_packets': ('src_stat', 'packets'),
    'dst_packets': ('dst_stat', 'packets'), 'status': ('status',),
    'vlan': ('vlan',), 'interface': ('interface',), 'src_tcp_flags': ('tcp_flags', 'src'), 'dst_tcp_flags': ('tcp_flags', 'dst'),
    'end_reason': ('end_reason',), 'rtt_us': ('rtt_us',), 'icmp_type': ('icmp_type',), 'icmp_code': ('icmp_code',), 'self': ('self',),
    'src_name_sources': ('name_sources', 'src'), 'dst_name_sources': ('name_sources', 'dst'), 'community_id': ('community_id',),
    'part': ('part',),
}
WHEN_LEFT_OUT = {'src_hw_addr': '', 'dst_hw_addr': '', 'src_names': [], 'dst_names': [], 'src_name_sources': [], 'dst_name_sources': []}


def microseconds(text):
    """2025-01-15T10:30:00.123456789Z with exactly six digits: cut, not rounded."""
    whole, _, fraction = text.rstrip('Z').partition('.')
    return f'{whole}.{fraction[:6].ljust(6, "0")}Z'


def flat(record):
    row = {}
    for column, path in PATHS.items():
        value = record
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        row[column] = WHEN_LEFT_OUT.get(column) if value is None else value
    for column in ('first_seen_at', 'last_seen_at'):
        row[column] = microseconds(row[column])
    return row


def lines(path):
    with open(path, 'rb') as file:
        for line in file:
            yield json.loads(line)


def differences(row, record):
    wanted = flat(record)
    return [f'{column}: {row[column]!r}, the record has {wanted.get(column, "no such member")!r}' for column in row
            if column not in wanted or row[column] != wanted[column]]


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--columns', type=int, default=17)
    p.add_argument('--duplicates', type=int, default=0)
    p.add_argument('--dead')
    p.add_argument('--missing', type=int, default=0)
    p.add_argument('records')
    p.add_argument('rows')
    args = p.parse_args()

    records = {record['id']: json.dumps(record) for record in lines(args.records)}
    dead = {line['record']['id'] for line in lines(args.dead)} if args.dead else set()
    seen, rows, foreign, differing, columns, shown = set(), 0, 0, 0, None, []
    for row in lines(args.rows):
        rows += 1
        seen.add(row['id'])
        columns = len(row)
        if row['id'] not in records:
            foreign += 1
            shown.append(f'not a record: {row}')
            continue
        wrong = differences(row, json.loads(records[row['id']]))
        if wrong:
            differing += 1
            shown.append(f'{row["id"]}: {"; ".join(wrong)}')
    missing = len(records.keys() - seen - dead)
    figures = {'records': len(records), 'rows': rows, 'ids': len(seen), 'dead': len(dead), 'missing': missing, 'duplicates': rows - len(seen),
               'foreign': foreign, 'differing': differing, 'dead_and_stored': len(dead & seen), 'columns': columns}
    print(' '.join(f'{name}={value}' for name, value in figures.items()))
    print('\n'.join(shown[:3]), end='\n' if shown else '')
    is_fine = (missing == args.missing and rows - len(seen) <= args.duplicates and not foreign and not differing and
               not dead & seen and not dead - records.keys() and columns == (args.columns if rows else None))
    sys.exit(0 if is_fine else 1)


if __name__ == '__main__':
    main()
