# SPDX-License-Identifier: Apache-2.0
"""What BigQuery keeps: datasets, tables and their rows, load jobs; and what it says of a row that does not fit.

Rows are kept packed, a chunk for each request, so that a million of them fit into little memory. A time is kept as
RFC 3339 text in UTC with six digits, an INTEGER as a number, REPEATED as a list.
"""
import collections
import datetime
import json
import re
import threading
import time
import zlib

RFC3339 = re.compile(r'(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d)')
DECIMAL = re.compile(r'-?\d{1,19}')


class Refused(Exception):
    """An answer of the API that is an error: HTTP status, reason, message."""

    def __init__(self, status, reason, message):
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


class BadValue(ValueError):
    """A value that its column does not take."""


def to_string(value):
    if not isinstance(value, str):
        raise BadValue
    return value


def to_integer(value):
    if isinstance(value, str) and DECIMAL.fullmatch(value):
        value = int(value)
    if type(value) is not int or not -2**63 <= value < 2**63:
        raise BadValue
    return value


def to_timestamp(value):
    parts = RFC3339.fullmatch(value) if isinstance(value, str) else None
    if not parts:
        raise BadValue
    date, clock, fraction, zone = parts.groups()
    try:
        moment = datetime.datetime.fromisoformat(f'{date}T{clock}{"+00:00" if zone == "Z" else zone}')
    except ValueError:
        raise BadValue from None
    utc = moment if zone == 'Z' else moment.astimezone(datetime.timezone.utc)
    return f'{utc:%Y-%m-%dT%H:%M:%S}.{(fraction or "").ljust(6, "0")}Z'


def to_float(value):
    if type(value) not in (int, float):
        raise BadValue
    return float(value)


def to_boolean(value):
    if type(value) is not bool:
        raise BadValue
    return value


CONVERTERS = {
    'STRING': to_string, 'INTEGER': to_integer, 'INT64': to_integer, 'TIMESTAMP': to_timestamp,
    'FLOAT': to_float, 'FLOAT64': to_float, 'BOOLEAN': to_boolean, 'BOOL': to_boolean,
}


class Column:
    def __init__(self, field):
        self.name, self.type = field['name'], field['type']
        self.mode = field.get('mode', 'NULLABLE')
        self.convert = CONVERTERS[self.type]

    def take(self, row):
        """The value of this column in a row as it came; ValueError with the text of the service when it does not fit."""
        value = row.get(self.name)
        if self.mode == 'REPEATED':
            if self.name in row and not isinstance(value, list):
                raise ValueError(f'Repeated field must be an array: {self.name}.')
            return [self.take_one(each) for each in value or ()]
        if value is None:
            if self.mode == 'REQUIRED':
                raise ValueError(f'Missing required field: {self.name}.')
            return None
        return self.take_one(value)

    def take_one(self, value):
        try:
            return self.convert(value)
        except BadValue:
            raise ValueError(f'Cannot convert value to {self.type.lower()} (bad value): {str(value)[:60]}') from None


class Table:
    def __init__(self, meta, rejected):
        self.chunks = []
        self.row_count = 0
        self.insert_ids = collections.OrderedDict()   # to the time when they were stored
        self.rejected = rejected
        self.change(meta)

    def change(self, meta):
        fields = meta.get('schema', {}).get('fields', [])
        self.columns = [Column(field) for field in fields]
        self.names = {column.name for column in self.columns}
        self.meta = meta

    def take(self, row, ignore_unknown=False):
        """(the row as it is kept, None), or (None, (column, message)) when it does not fit."""
        if not isinstance(row, dict):
            return None, ('', 'A row is an object.')
        if not ignore_unknown:
            for name in row:
                if name not in self.names:
                    return None, (name, f'no such field: {name}.')
        kept = {}
        for column in self.columns:
            try:
                kept[column.name] = column.take(row)
            except ValueError as error:
                return None, (column.name, str(error))
        for name, value in self.rejected:
            if str(kept.get(name)) == value:
                return None, (name, f'refused by the test: {name}={value}')
        return kept, None

    def keep(self, rows):
        if rows:
            text = ''.join(json.dumps(row) + '\n' for row in rows)
            self.chunks.append(zlib.compress(text.encode(), 1))
            self.row_count += len(rows)

    def lines(self):
        """The rows as JSON lines, a chunk at a time."""
        for chunk in list(self.chunks):
            yield zlib.decompress(chunk)

    def rows(self):
        for lines in self.lines():
            yield from map(json.loads, lines.splitlines())

    def is_repeat(self, insert_id, window_s):
        """Was a row with this id stored a short time ago?"""
        oldest = time.monotonic() - window_s
        while self.insert_ids and next(iter(self.insert_ids.values())) < oldest:
            self.insert_ids.popitem(last=False)
        return insert_id in self.insert_ids

    def remember(self, insert_id):
        self.insert_ids[insert_id] = time.monotonic()


class Store:
    """Everything, under one lock, which the callers hold."""

    def __init__(self):
        self.lock = threading.RLock()
        self.datasets = {}
        self.tables = {}
        self.jobs = {}
        self.rejected = []                            # (column, value): rows that are refused for good, in every table

    def dataset(self, project, name):
        if (project, name) not in self.datasets:
            raise Refused(404, 'notFound', f'Not found: Dataset {project}:{name}')
        return self.datasets[project, name]

    def table(self, project, dataset, name):
        self.dataset(project, dataset)
        if (project, dataset, name) not in self.tables:
            raise Refused(404, 'notFound', f'Not found: Table {project}:{dataset}.{name}')
        return self.tables[project, dataset, name]

    def add_dataset(self, project, meta):
        name = meta['datasetReference']['datasetId']
        if (project, name) in self.datasets:
            raise Refused(409, 'duplicate', f'Already Exists: Dataset {project}:{name}')
        self.datasets[project, name] = dict(meta, kind='bigquery#dataset', id=f'{project}:{name}', location=meta.get('location', 'US'))
        return self.datasets[project, name]

    def add_table(self, project, dataset, meta):
        name = meta['tableReference']['tableId']
        self.dataset(project, dataset)
        if (project, dataset, name) in self.tables:
            raise Refused(409, 'duplicate', f'Already Exists: Table {project}:{dataset}.{name}')
        try:
            table = Table(dict(meta, kind='bigquery#table', id=f'{project}:{dataset}.{name}', type='TABLE'), self.rejected)
        except KeyError as error:
            raise Refused(400, 'invalid', f'Invalid schema: {error}') from None
        self.tables[project, dataset, name] = table
        return table

    def change_table(self, table, change):
        """tables.patch: columns may be added at the end, as NULLABLE or REPEATED, and none goes or changes."""
        if 'schema' in change:
            old, new = table.meta['schema']['fields'], change['schema']['fields']
            if [(f['name'], f['type']) for f in new[:len(old)]] != [(f['name'], f['type']) for f in old]:
                raise Refused(400, 'invalid', 'Provided Schema does not match Table: a field is missing or has changed type')
            if any(f.get('mode', 'NULLABLE') == 'REQUIRED' for f in new[len(old):]):
                raise Refused(400, 'invalid', 'Cannot add required fields to an existing schema')
        table.change(dict(table.meta, **change))

    def insert_all(self, table, request, window_s):
        """tabledata.insertAll: (errors by row, rows stored, rows that were there already)."""
        rows = request['rows']
        kept, errors, repeats = [], [], 0
        for index, row in enumerate(rows):
            if not isinstance(row, dict) or 'json' not in row:
                raise Refused(400, 'invalid', f'Row {index} has no json.')
            value, why = table.take(row['json'], request.get('ignoreUnknownValues', False))
            if why:
                errors.append(row_error(index, 'invalid', *why))
            else:
                kept.append((index, row.get('insertId'), value))
        if errors and not request.get('skipInvalidRows'):
            errors += [row_error(index, 'stopped', '', '') for index, _, _ in kept]
            return sorted(errors, key=lambda error: error['index']), 0, 0
        stored = []
        for _, insert_id, value in kept:
            if insert_id and table.is_repeat(insert_id, window_s):
                repeats += 1
                continue
            if insert_id:
                table.remember(insert_id)
            stored.append(value)
        table.keep(stored)
        return errors, len(stored), repeats

    def add_job(self, project, reference, configuration, polls):
        name = reference.get('jobId') or f'job_{len(self.jobs) + 1}'
        if (project, name) in self.jobs:
            raise Refused(409, 'duplicate', f'Already Exists: Job {project}:US.{name}')
        location = reference.get('location', 'US')
        job = {
            'kind': 'bigquery#job', 'id': f'{project}:{location}.{name}',
            'jobReference': {'projectId': project, 'jobId': name, 'location': location},
            'configuration': configuration, 'status': {'state': 'DONE'},
            'statistics': {'creationTime': str(int(time.time() * 1000))},
        }
        self.jobs[project, name] = {'job': job, 'polls': polls, 'at': time.monotonic()}
        return job

    def load(self, project, meta, octets, polls, failure=None):
        """A load job: all rows or none. `failure`: a reason with which it ends without having read anything."""
        load = meta['configuration']['load']
        job = self.add_job(project, meta.get('jobReference', {}), dict(meta['configuration'], jobType='LOAD'), polls)
        target = load['destinationTable']
        try:
            if failure:
                raise Refused(200, failure, 'injected by the test')
            table = self.table(target['projectId'], target['datasetId'], target['tableId'])
            rows = load_rows(table, load, octets)
            table.keep(rows)
            job['statistics']['load'] = {'outputRows': str(len(rows)), 'inputFileBytes': str(len(octets)), 'inputFiles': '1',
                                         'outputBytes': str(len(octets))}
        except Refused as refused:
            error = {'reason': refused.reason, 'message': refused.message}
            job['status'].update(errorResult=error, errors=[error])
        return job

    def poll_job(self, project, name):
        kept = self.jobs.get((project, name))
        if not kept:
            raise Refused(404, 'notFound', f'Not found: Job {project}:{name}')
        if kept['polls'] > 0:
            kept['polls'] -= 1
            return running(kept['job'])
        return kept['job']


def running(job):
    """The job as it looks before it is done."""
    return dict(job, status={'state': 'RUNNING'})


def row_error(index, reason, location, message):
    return {'index': index, 'errors': [{'reason': reason, 'location': location, 'debugInfo': '', 'message': message}]}


def load_rows(table, load, octets):
    if octets[:2] == b'\x1f\x8b':
        try:
            octets = zlib.decompress(octets, 31)
        except zlib.error as error:
            raise Refused(200, 'invalid', f'Error while reading data, error message: {error}') from None
    rows = []
    for number, line in enumerate(octets.split(b'\n'), 1):
        if not line.strip():
            continue
        try:
            row, why = table.take(json.loads(line), load.get('ignoreUnknownValues', False))
        except ValueError as error:
            row, why = None, ('', f'JSON parsing error: {error}')
        if why:
            raise Refused(200, 'invalid', f'Error while reading data, error message: row {number}: {why[0]}: {why[1]}')
        rows.append(row)
    return rows
