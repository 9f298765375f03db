# SPDX-License-Identifier: Apache-2.0
"""BigQuery's REST API (v2) as far as delivery needs it: one route a line, each answered by a small method.

    https://cloud.google.com/bigquery/docs/reference/rest
"""
import calendar
import datetime
import json
import re
import time
import urllib.parse
import zlib

import store
from tokens import BadGrant

ROUTES = []
UPLOAD_UNIT = 256 << 10                               # a part of a resumable upload is a multiple of this, but for the last


def route(method, pattern):
    def add(function):
        ROUTES.append((method, re.compile(pattern), function))
        return function
    return add


class Answer:
    def __init__(self, value=None, status=200, headers=(), body=None):
        self.status, self.headers = status, dict(headers)
        self.body = body if body is not None else b'' if value is None else json.dumps(value).encode()


STATUS_NAMES = {400: 'INVALID_ARGUMENT', 401: 'UNAUTHENTICATED', 403: 'PERMISSION_DENIED', 404: 'NOT_FOUND', 409: 'ALREADY_EXISTS',
                413: 'INVALID_ARGUMENT', 429: 'RESOURCE_EXHAUSTED', 501: 'UNIMPLEMENTED', 503: 'UNAVAILABLE'}


def error(status, reason, message, headers=()):
    return Answer({'error': {'code': status, 'message': message, 'status': STATUS_NAMES.get(status, 'INTERNAL'),
                             'errors': [{'domain': 'global', 'reason': reason, 'message': message}]}}, status, headers)


class Request:
    def __init__(self, method, target, headers, body):
        parts = urllib.parse.urlsplit(target)
        self.method, self.target, self.path, self.headers, self.body = method, target, parts.path, headers, body
        self.query = {name: values[0] for name, values in urllib.parse.parse_qs(parts.query).items()}
        self.rows = 0                                 # that it brought, for the log of requests
        self.fault = None                             # the rule that holds for it, if it is one that a route carries out

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            raise store.Refused(400, 'parseError', 'Parse Error') from None


class Api:
    def __init__(self, kept, tokens, options, stats):
        self.store, self.tokens, self.options, self.stats = kept, tokens, options, stats
        self.uploads = {}

    def answer(self, request):
        try:
            if self.options.auth and not is_open(request.path) and not self.tokens.is_good(request.headers.get('Authorization')):
                self.stats['unauthorized'] += 1
                return error(401, 'authError', 'Request had invalid authentication credentials.',
                             {'WWW-Authenticate': 'Bearer realm="https://accounts.google.com/", error="invalid_token"'})
            self.unpack(request)
            for method, pattern, function in ROUTES:
                match = pattern.fullmatch(request.path)
                if match and method == request.method:
                    with self.store.lock:
                        return function(self, request, *map(urllib.parse.unquote, match.groups()))
            return error(501, 'notImplemented', f'not in this fake: {request.method} {request.path}')
        except store.Refused as refused:
            return error(refused.status, refused.reason, refused.message)
        except (KeyError, TypeError, IndexError) as wrong:
            return error(400, 'invalid', f'{type(wrong).__name__}: {wrong}')

    def unpack(self, request):
        if request.headers.get('Content-Encoding') == 'gzip':
            try:
                request.body = zlib.decompress(request.body, 31)
            except zlib.error:
                raise store.Refused(400, 'badRequest', 'Failed to decompress the request body') from None

    # ---- tokens ----

    @route('POST', '/token')
    def token(self, request):
        try:
            return Answer(self.tokens.grant(request.body))
        except BadGrant as why:
            return Answer({'error': 'invalid_grant', 'error_description': str(why)}, 400)

    @route('GET', '/computeMetadata/v1/instance/service-accounts/default/token')
    def metadata_token(self, request):
        if request.headers.get('Metadata-Flavor') != 'Google':
            return Answer(status=403, body=b'Missing Metadata-Flavor:Google header.')
        return Answer(self.tokens.give(), headers={'Metadata-Flavor': 'Google'})

    @route('GET', '/(?:computeMetadata/v1/.*)?')
    def metadata_other(self, request):
        return Answer(status=200, headers={'Metadata-Flavor': 'Google'}, body=b'')

    @route('GET', '/subject-token')
    def subject_token(self, request):
        return Answer({'token': 'foreign-token'})

    @route('POST', '/v1/projects/-/serviceAccounts/([^/:]+):generateAccessToken')
    def impersonate(self, request, account):
        if not self.tokens.is_good(request.headers.get('Authorization')):
            return error(401, 'authError', 'impersonation needs a token of the source')
        token = self.tokens.give()
        return Answer({'accessToken': token['access_token'], 'expireTime': in_the_future(self.tokens.life_s)})

    # ---- datasets and tables ----

    @route('GET', '/bigquery/v2/projects/([^/]+)/datasets/([^/]+)')
    def dataset_get(self, request, project, dataset):
        return Answer(self.store.dataset(project, dataset))

    @route('POST', '/bigquery/v2/projects/([^/]+)/datasets')
    def dataset_insert(self, request, project):
        return Answer(self.store.add_dataset(project, request.json()))

    @route('POST', '/bigquery/v2/projects/([^/]+)/datasets/([^/]+)/tables')
    def table_insert(self, request, project, dataset):
        return Answer(self.store.add_table(project, dataset, request.json()).meta)

    @route('GET', '/bigquery/v2/projects/([^/]+)/datasets/([^/]+)/tables/([^/]+)')
    def table_get(self, request, project, dataset, name):
        table = self.store.table(project, dataset, name)
        return Answer(dict(table.meta, numRows=str(table.row_count)))

    @route('PATCH', '/bigquery/v2/projects/([^/]+)/datasets/([^/]+)/tables/([^/]+)')
    def table_patch(self, request, project, dataset, name):
        table = self.store.table(project, dataset, name)
        self.store.change_table(table, request.json())
        return Answer(table.meta)

    @route('DELETE', '/bigquery/v2/projects/([^/]+)/datasets/([^/]+)/tables/([^/]+)')
    def table_delete(self, request, project, dataset, name):
        self.store.table(project, dataset, name)
        del self.store.tables[project, dataset, name]
        return Answer(status=204)

    @route('GET', '/bigquery/v2/projects/([^/]+)/datasets/([^/]+)/tables/([^/]+)/data')
    def table_data(self, request, project, dataset, name):
        """tabledata.list, which the official clients read with."""
        table = self.store.table(project, dataset, name)
        start, count = int(request.query.get('startIndex') or request.query.get('pageToken') or 0), int(request.query.get('maxResults', 10000))
        is_integer = request.query.get('formatOptions.useInt64Timestamp', '').lower() == 'true'
        rows = list(table.rows())[start:start + count]
        answer = {'kind': 'bigquery#tableDataList', 'totalRows': str(table.row_count),
                  'rows': [{'f': [cell(column, row[column.name], is_integer) for column in table.columns]} for row in rows]}
        if start + count < table.row_count:
            answer['pageToken'] = str(start + count)
        return Answer(answer)

    # ---- rows ----

    @route('POST', '/bigquery/v2/projects/([^/]+)/datasets/([^/]+)/tables/([^/]+)/insertAll')
    def insert_all(self, request, project, dataset, name):
        table = self.store.table(project, dataset, name)
        body = request.json()
        rows = body.get('rows') or []
        request.rows = len(rows)
        self.stats['insertall_rows_max'] = max(self.stats['insertall_rows_max'], len(rows))
        self.stats['insertall_octets_max'] = max(self.stats['insertall_octets_max'], len(request.body))
        if len(request.body) > self.options.max_octets:
            raise store.Refused(413, 'requestTooLarge', f'Request payload size exceeds the limit: {self.options.max_octets} bytes.')
        if not rows:
            raise store.Refused(400, 'invalid', 'No rows present in the request.')
        if len(rows) > self.options.max_rows:
            raise store.Refused(400, 'invalid', f'too many rows present in the request, limit: {self.options.max_rows}')
        errors = []
        if request.fault and request.fault['kind'] == 'partial':
            errors = [store.row_error(index, 'stopped' if index else 'invalid', '', '' if index else 'injected by the test')
                      for index in range(len(rows))]
        else:
            if request.fault and request.fault['kind'] == 'backend_row':
                errors.append(store.row_error(0, 'backendError', '', 'injected by the test'))
                body = dict(body, rows=rows[1:])
            found, stored, repeats = self.store.insert_all(table, body, self.options.dedupe_window)
            shift = len(errors)
            errors += [dict(each, index=each['index'] + shift) for each in found]
            self.stats['rows_stored'] += stored
            self.stats['rows_repeated'] += repeats
        return Answer(dict({'kind': 'bigquery#tableDataInsertAllResponse'}, **({'insertErrors': errors} if errors else {})))

    # ---- load jobs ----

    @route('GET', '/bigquery/v2/projects/([^/]+)/jobs/([^/]+)')
    def job_get(self, request, project, name):
        return Answer(self.store.poll_job(project, name))

    @route('POST', '/upload/bigquery/v2/projects/([^/]+)/jobs')
    def upload(self, request, project):
        if request.query.get('uploadType') == 'resumable':
            return self.begin_upload(request, project)
        if request.query.get('uploadType') != 'multipart':
            raise store.Refused(400, 'invalid', 'uploadType is neither multipart nor resumable')
        meta, octets = split_multipart(request.headers.get('Content-Type', ''), request.body)
        return self.load(request, project, meta, octets)

    def begin_upload(self, request, project):
        name = f'upload-{len(self.uploads) + 1}'
        self.uploads[name] = {'meta': request.json(), 'octets': bytearray(), 'answer': None}
        scheme = 'https' if self.options.tls else 'http'
        where = f'{scheme}://{request.headers.get("Host")}{request.target}&upload_id={name}'
        return Answer(status=200, headers={'Location': where, 'X-GUploader-UploadID': name})

    @route('PUT', '/upload/bigquery/v2/projects/([^/]+)/jobs')
    def upload_part(self, request, project):
        upload = self.uploads.get(request.query.get('upload_id'))
        if not upload:
            raise store.Refused(404, 'notFound', 'Not found: upload')
        if upload['answer']:
            return upload['answer']
        total = take_part(upload['octets'], request.headers.get('Content-Range'), request.body)
        if total is None or len(upload['octets']) < total:
            known = len(upload['octets'])
            return Answer(status=308, headers={'Range': f'bytes=0-{known - 1}'} if known else {})
        upload['answer'] = self.load(request, project, upload['meta'], bytes(upload['octets']))
        return upload['answer']

    def load(self, request, project, meta, octets):
        fault = request.fault or {}
        failure = fault.get('reason', 'backendError') if fault.get('kind') == 'jobfail' else None
        job = self.store.load(project, meta, octets, self.options.job_polls, failure)
        request.rows = int(job['statistics'].get('load', {}).get('outputRows', 0))
        self.stats['rows_stored'] += request.rows
        self.stats['load_octets_max'] = max(self.stats['load_octets_max'], len(octets))
        return Answer(store.running(job) if self.options.job_polls else job)


def is_open(path):
    return path == '/token' or path == '/subject-token' or path == '/' or path.startswith(('/computeMetadata/', '/v1/projects/-/'))


def in_the_future(seconds):
    return f'{datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}'


def split_multipart(content_type, body):
    """(the job, the file) of a multipart/related body (RFC 2387)."""
    boundary = re.search(r'boundary="?([^";]+)', content_type)
    if not boundary:
        raise store.Refused(400, 'invalid', 'no boundary')
    separator = b'--' + boundary.group(1).encode()
    parts = body.split(separator, 2)
    end = body.rfind(b'\r\n' + separator + b'--')
    if len(parts) != 3 or end < 0 or b'\r\n\r\n' not in parts[1]:
        raise store.Refused(400, 'invalid', 'Missing end boundary in multipart body.')
    begin = body.index(b'\r\n\r\n', len(parts[0]) + len(parts[1]) + 2 * len(separator)) + 4
    try:
        return json.loads(parts[1].split(b'\r\n\r\n', 1)[1]), body[begin:end]
    except ValueError:
        raise store.Refused(400, 'parseError', 'Parse Error') from None


def take_part(octets, content_range, body):
    """Append a part of a resumable upload; the length of the whole, or None when it is not known yet."""
    if content_range is None:
        octets[:] = body
        return len(body)
    match = re.fullmatch(r'bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)', content_range)
    if not match:
        raise store.Refused(400, 'invalid', f'bad Content-Range: {content_range}')
    first, last, total = match.groups()
    total = None if total == '*' else int(total)
    if first is not None:
        first, end = int(first), int(last) + 1
        if first > len(octets) or end - first != len(body):
            raise store.Refused(400, 'invalid', f'{content_range}: does not follow, or is not the length of the body')
        if end != total and len(body) % UPLOAD_UNIT:
            raise store.Refused(400, 'invalid', f'{content_range}: not a multiple of 256 KiB')
        octets[first:] = body
    return total


def cell(column, value, is_integer):
    """A value as tabledata.list writes it: text, and times in microseconds or in seconds since 1970."""
    if isinstance(value, list):
        return {'v': [cell(column, each, is_integer) for each in value]}
    if column.type == 'TIMESTAMP' and value is not None:
        seconds = calendar.timegm(time.strptime(value[:19], '%Y-%m-%dT%H:%M:%S'))
        value = seconds * 1000000 + int(value[20:26]) if is_integer else f'{seconds}.{value[20:26]}'
    if isinstance(value, bool):
        value = str(value).lower()
    return {'v': None if value is None else str(value)}
