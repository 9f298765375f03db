# SPDX-License-Identifier: Apache-2.0
"""The Storage Write API (google.cloud.bigquery.storage.v1.BigQueryWrite): streams with offsets, rows as protocol buffers.

Messages are taken apart by their field numbers. Faults match the path, "/google.cloud.bigquery.storage.v1.BigQueryWrite/METHOD";
those of AppendRows are for one message each: a status as "503" ends the call with its gRPC code, "partial" refuses row 0,
reset and reset_after break the connection before and after the work, slow waits.
"""
import datetime
import os
import socket
import socketserver
import struct
import threading
import time

import http2
from store import Refused

INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, FAILED_PRECONDITION, OUT_OF_RANGE, UNIMPLEMENTED, UNAUTHENTICATED = 3, 5, 6, 9, 11, 12, 16
CODES = {'400': 3, '401': 16, '403denied': 7, '403quota': 8, '403rate': 8, '404': 5, '409': 10, '429': 8, '500': 13, '503': 14, '504': 4}
COMMITTED, PENDING, BUFFERED = 1, 2, 3                # WriteStream.Type
INT64, BOOL, STRING = 3, 8, 9                         # FieldDescriptorProto.Type
REPEATED = 3                                          # FieldDescriptorProto.Label


class Status(Exception):
    """The end of a call, or the error of one message: a code of gRPC and a text."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code, self.message = code, message


# ---- protocol buffers (protobuf.dev/programming-guides/encoding) ----

def varint(octets, at):
    value = shift = 0
    while True:
        value |= (octets[at] & 0x7f) << shift
        shift += 7
        at += 1
        if not octets[at - 1] & 0x80:
            return value, at


def parse(octets):
    """{field number: [values]}: numbers, or octets where the length comes first."""
    fields, at = {}, 0
    while at < len(octets):
        key, at = varint(octets, at)
        if key & 7 == 0:
            value, at = varint(octets, at)
        elif key & 7 == 2:
            length, at = varint(octets, at)
            if at + length > len(octets):
                raise Status(INVALID_ARGUMENT, 'a message is cut short')
            value, at = octets[at:at + length], at + length
        else:
            size = {1: 8, 5: 4}.get(key & 7)
            if not size:
                raise Status(INVALID_ARGUMENT, f'wire type {key & 7}')
            value, at = int.from_bytes(octets[at:at + size], 'little'), at + size
        fields.setdefault(key >> 3, []).append(value)
    return fields


def one(fields, number, default=b''):
    return fields.get(number, [default])[-1]


def put_varint(value):
    out = bytearray()
    while value > 0x7f:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def put(number, value):
    """A field; a number that is 0 is left out."""
    if isinstance(value, int):
        return put_varint(number << 3) + put_varint(value) if value else b''
    value = value.encode() if isinstance(value, str) else value
    return put_varint(number << 3 | 2) + put_varint(len(value)) + value


def signed(value):
    return value - (1 << 64) if value >> 63 else value


class Descriptor:
    """A DescriptorProto: how the serialized rows of a stream are read."""

    def __init__(self, octets):
        self.fields = {}
        for each in parse(octets).get(2, []):
            field = parse(each)
            self.fields[one(field, 3, 0)] = (one(field, 1).decode(), one(field, 4, 0), one(field, 5, 0))

    def row(self, octets, timestamps):
        """As JSON would have it."""
        row = {name: [] for name, label, _ in self.fields.values() if label == REPEATED}
        for number, values in parse(octets).items():
            if number not in self.fields:
                raise Status(INVALID_ARGUMENT, f'the row has field {number}, the schema has not')
            name, label, kind = self.fields[number]
            values = [self.value(kind, value) for value in values]
            if name in timestamps:
                values = [from_microseconds(value) for value in values]
            row[name] = values if label == REPEATED else values[-1]
        return row

    @staticmethod
    def value(kind, value):
        if kind == STRING:
            try:
                return value.decode()
            except UnicodeDecodeError:
                raise Status(INVALID_ARGUMENT, 'a string is no UTF-8') from None
        if kind == BOOL:
            return bool(value)
        if kind == INT64:
            return signed(value)
        raise Status(INVALID_ARGUMENT, f'type {kind} is not in this fake')


def from_microseconds(value):
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=value)
    return f'{moment:%Y-%m-%dT%H:%M:%S.%f}Z'


# ---- the service ----

class WriteStream:
    def __init__(self, name, table, kind):
        self.name, self.table, self.kind = name, table, kind
        self.row_count = 0
        self.is_final = False
        self.pending = []

    def message(self):
        return put(1, self.name) + put(2, self.kind)


class Service:
    def __init__(self, fake):
        self.fake = fake
        self.streams = {}

    def handle(self, stream):
        """One call, in a thread of its own."""
        path = stream.headers.get(':path', '')
        try:
            self.check_token(stream)
            method = getattr(self, path.rpartition('/')[2], None)
            if not path.startswith('/google.cloud.bigquery.storage.v1.BigQueryWrite/') or not method:
                raise Status(UNIMPLEMENTED, f'not in this fake: {path}')
            if method == self.AppendRows:
                self.AppendRows(stream, path)
            else:
                rule = self.fault_before(stream, path)
                answer = method(parse(stream.receive() or b''))
                self.note(path, 'ok')
                self.fault_after(stream, rule)
                stream.send(answer)
            stream.end()
        except Status as status:
            self.note(path, f'grpc {status.code}')
            self.try_to(stream.end, status.code, status.message)
        except OSError:
            pass

    def check_token(self, stream):
        if self.fake.options.auth and not self.fake.tokens.is_good(stream.headers.get('authorization')):
            self.fake.stats['unauthorized'] += 1
            raise Status(UNAUTHENTICATED, 'Request had invalid authentication credentials.')

    @staticmethod
    def try_to(function, *arguments):
        try:
            function(*arguments)
        except OSError:
            pass

    def note(self, path, result, rows=0, octets=0):
        self.fake.note({'at': round(time.monotonic() - self.fake.begun_at, 3), 'method': 'gRPC', 'path': path, 'result': result,
                        'rows': rows, 'octets': octets, 'token': False})

    # ---- faults ----

    def fault_before(self, stream, path):
        rule = self.fake.rules.pick('gRPC', path)
        kind = rule['kind'] if rule else None
        if kind == 'slow':
            time.sleep(rule.get('seconds', 2))
        if kind in ('reset', 'timeout'):
            self.reset(stream)
        if kind in CODES:
            raise Status(CODES[kind], 'injected by the test')
        return rule

    def fault_after(self, stream, rule):
        if rule and rule['kind'] in ('reset_after', 'truncate', 'garbage'):
            self.reset(stream)

    @staticmethod
    def reset(stream):
        end = stream.connection.socket
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        end.shutdown(socket.SHUT_RD)
        end.close()
        raise OSError('reset by the test')

    # ---- methods ----

    def CreateWriteStream(self, request):
        parent = one(request, 1).decode()
        kind = one(parse(one(request, 2)), 2, 0)
        if kind not in (COMMITTED, PENDING, BUFFERED):
            raise Status(INVALID_ARGUMENT, f'type {kind} of a stream')
        name = f'{parent}/streams/{os.urandom(8).hex()}'
        with self.fake.store.lock:
            self.streams[name] = WriteStream(name, self.table(parent), kind)
        self.fake.stats['write_streams'] += 1
        return self.streams[name].message()

    def GetWriteStream(self, request):
        return self.find(one(request, 1).decode()).message()

    def FinalizeWriteStream(self, request):
        stream = self.find(one(request, 1).decode())
        stream.is_final = True
        return put(1, stream.row_count)

    def BatchCommitWriteStreams(self, request):
        with self.fake.store.lock:
            for name in request.get(2, []):
                stream = self.find(name.decode())
                if stream.kind != PENDING or not stream.is_final:
                    raise Status(FAILED_PRECONDITION, 'a stream that is committed is pending and final')
                self.keep(stream.table, stream.pending)
                stream.pending = []
        return put(1, put(1, int(time.time())))

    def AppendRows(self, stream, path):
        """A call of many messages: the first names the stream and the schema, all after it may leave them out."""
        target = descriptor = None
        while True:
            octets = stream.receive()
            if octets is None:
                return
            self.check_token(stream)                  # it may have ended meanwhile
            rule = self.fault_before(stream, path)
            request = parse(octets)
            data = parse(one(request, 4))
            if 1 in request:
                target = self.find(one(request, 1).decode())
            if 1 in data:
                descriptor = Descriptor(one(parse(one(data, 1)), 1))
            if not target or not descriptor:
                raise Status(INVALID_ARGUMENT, 'the first message has no stream or no schema')
            serialized = parse(one(data, 2)).get(1, [])
            self.fake.stats['append_octets_max'] = max(self.fake.stats['append_octets_max'], len(octets))
            with self.fake.store.lock:
                answer, result = self.append(target, request, descriptor, serialized, rule)
            self.note(path, result, len(serialized), len(octets))
            self.fault_after(stream, rule)
            stream.send(answer + put(5, target.name))

    # ---- rows ----

    def append(self, target, request, descriptor, serialized, rule):
        """(AppendRowsResponse, word for the log)"""
        try:
            offset = self.check_offset(target, request)
            rows, bad = self.rows(target, descriptor, serialized)
            if rule and rule['kind'] == 'partial':
                bad = [(0, 'injected by the test')]
            if bad:
                error = put(2, put(1, INVALID_ARGUMENT) + put(2, 'Errors found while processing rows.'))
                return error + b''.join(put(4, put(1, index) + put(2, 1) + put(3, why)) for index, why in bad), 'rows refused'
        except Status as status:
            return put(2, put(1, status.code) + put(2, status.message)), f'error {status.code}'
        target.row_count += len(rows)
        if target.kind == PENDING:
            target.pending += rows
        else:
            self.keep(target.table, rows)
        return put(1, put(1, put(1, offset)) if offset is not None else b''), 'ok'

    @staticmethod
    def check_offset(target, request):
        if target.is_final:
            raise Status(FAILED_PRECONDITION, 'the stream is final')
        if 2 not in request:
            return None
        offset = one(parse(one(request, 2)), 1, 0)
        if offset < target.row_count:
            raise Status(ALREADY_EXISTS, f'The offset is within stream, expected offset {target.row_count}, received {offset}')
        if offset > target.row_count:
            raise Status(OUT_OF_RANGE, f'The offset is beyond stream, expected offset {target.row_count}, received {offset}')
        return offset

    @staticmethod
    def rows(target, descriptor, serialized):
        timestamps = {column.name for column in target.table.columns if column.type == 'TIMESTAMP'}
        rows, bad = [], []
        for index, octets in enumerate(serialized):
            row, why = target.table.take(descriptor.row(octets, timestamps))
            if why:
                bad.append((index, f'{why[0]}: {why[1]}'))
            else:
                rows.append(row)
        return rows, bad

    def keep(self, table, rows):
        table.keep(rows)
        self.fake.stats['rows_stored'] += len(rows)

    # ---- names ----

    def table(self, path):
        words = path.split('/')
        if words[0::2] != ['projects', 'datasets', 'tables']:
            raise Status(INVALID_ARGUMENT, f'not a table: {path}')
        try:
            return self.fake.store.table(*words[1::2])
        except Refused as refused:
            raise Status(NOT_FOUND, refused.message) from None

    def find(self, name):
        if name.endswith('/streams/_default') and name not in self.streams:
            self.streams[name] = WriteStream(name, self.table(name[:-len('/streams/_default')]), COMMITTED)
        if name not in self.streams:
            raise Status(NOT_FOUND, f'Requested entity was not found. Entity: {name}')
        return self.streams[name]


class Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        pass                                          # a client that goes away, or a reset of the test


def serve(fake, port=0):
    """Listen in a thread of its own; the listener, whose port is server_address[1]."""
    service = Service(fake)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            http2.Connection(self.request, service.handle).run()

    listener = Listener(('127.0.0.1', port), Handler)
    threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True).start()
    return listener
