# SPDX-License-Identifier: Apache-2.0
"""The HTTP/1.1 side: reads requests, carries out faults, writes answers; a CONNECT proxy; and the test's own paths.

The test's own paths, on every port:
  POST /_fault    add a rule or a list of rules (faults.py)         DELETE /_fault   forget all rules
  POST /_reject   {"column": C, "value": V}: such rows are refused for good, in every table
  POST /_down     close the port; connections end                   POST /_up        open it again
  POST /_revoke   no token that was given is good any more
  GET  /_rows/P/D/T   the rows as JSON lines                        GET /_ids/P/D/T  {"rows": N, "ids": N}
  GET  /_stats    numbers                                           GET /_requests   the log of requests as JSON lines
  GET  /_jobs     load jobs as JSON lines
"""
import base64
import json
import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import rest
from faults import BEFORE_READING

STATUS_REASONS = {'403rate': (403, 'rateLimitExceeded', 'Exceeded rate limits'),
                  '403quota': (403, 'quotaExceeded', 'Quota exceeded: your table exceeded quota'),
                  '403denied': (403, 'accessDenied', 'Access Denied: permission bigquery.tables.updateData denied'),
                  '401': (401, 'authError', 'Invalid Credentials'), '404': (404, 'notFound', 'Not found: Table'),
                  '429': (429, 'rateLimitExceeded', 'Exceeded rate limits'), '400': (400, 'invalid', 'injected by the test')}
IN_ROUTES = {'partial', 'backend_row', 'jobfail'}     # carried out where the answer is made
AFTER_WORK = {'reset_after', 'truncate', 'garbage', 'slow', 'drip', 'huge', 'endless', 'deep'}
HUGE_OCTETS = 1 << 30
LOOPBACK = {'127.0.0.1', '::1', 'localhost'}


class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True
    timeout = 700
    fake = None                                       # set by serve()

    def log_message(self, *_):
        pass

    def log_error(self, *_):
        pass

    # ---- a request ----

    def handle_any(self):
        if self.path.startswith('/_'):
            return self.control()
        rule = self.fake.rules.pick(self.command, self.path)
        kind = rule['kind'] if rule else None
        if kind in BEFORE_READING:
            self.note(None, kind)
            return self.break_before(kind, rule)
        body = self.read_body()
        request = rest.Request(self.command, self.path, self.headers, body)
        request.fault = rule if kind in IN_ROUTES else None
        if not rule or kind in IN_ROUTES | AFTER_WORK:
            answer = self.fake.api.answer(request)
        elif kind == 'timeout':
            self.note(request, kind)
            return self.wait_and_reset(rule.get('seconds', 600))
        else:
            answer = injected(rule)
        self.note(request, kind or answer.status)
        self.send(answer, rule)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

    def handle_expect_100(self):
        """A rule may say that "100 Continue" never comes; which one holds is found out when the request is handled."""
        if any(rule['kind'] == 'no_continue' and self.fake.rules.is_for(rule, self.command, self.path) for rule in self.fake.rules.rules):
            return True
        return super().handle_expect_100()

    def read_body(self):
        if self.headers.get('Transfer-Encoding', '').lower() != 'chunked':
            return self.rfile.read(int(self.headers.get('Content-Length') or 0))
        body = bytearray()
        while True:
            length = int(self.rfile.readline().split(b';')[0], 16)
            body += self.rfile.read(length)
            self.rfile.readline()
            if not length:
                return bytes(body)

    def note(self, request, result):
        self.fake.note({'at': round(time.monotonic() - self.fake.begun_at, 3), 'method': self.command, 'path': self.path.split('?')[0],
                        'result': result, 'rows': request.rows if request else 0, 'octets': len(request.body) if request else 0,
                        'sent': int(self.headers.get('Content-Length') or 0), 'token': 'Authorization' in self.headers,
                        'agent': self.headers.get('User-Agent', '')})

    # ---- the answer ----

    def send(self, answer, rule=None):
        kind = rule['kind'] if rule else None
        if kind == 'slow':
            time.sleep(rule.get('seconds', 2))
        if kind == 'reset_after':
            return self.reset()
        if kind == 'endless':
            return self.send_endless_headers()
        if kind == 'huge':
            return self.send_huge()
        if kind == 'garbage':
            answer = rest.Answer(body=b'<html>no json</html>')
        if kind == 'deep':
            answer = rest.Answer(body=b'[' * 100000 + b']' * 100000)
        self.send_response(answer.status)
        self.send_header('Content-Type', 'application/json; charset=UTF-8')
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status not in (204, 304):
            self.send_header('Content-Length', str(len(answer.body)))
        self.end_headers()
        if kind == 'truncate':
            self.wfile.write(answer.body[:len(answer.body) // 2])
            return self.reset()
        if kind == 'drip':
            return self.send_dripping(answer.body)
        self.wfile.write(answer.body)

    def send_huge(self):
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(HUGE_OCTETS))
        self.end_headers()
        part = b' ' * (1 << 20)
        for _ in range(HUGE_OCTETS // len(part)):
            self.wfile.write(part)

    def send_endless_headers(self):
        self.wfile.write(b'HTTP/1.1 200 OK\r\n')
        while True:
            self.wfile.write(b'X-Filler: ' + b'a' * 1000 + b'\r\n')

    def send_dripping(self, octets):
        for octet in octets:
            self.wfile.write(bytes([octet]))
            time.sleep(0.5)

    def break_before(self, kind, rule):
        if kind == 'no_continue':
            return self.wait_and_reset(rule.get('seconds', 600))
        return self.reset()

    def wait_and_reset(self, seconds):
        self.connection.settimeout(seconds)
        try:
            while self.connection.recv(65536):        # it returns early when the client gives up
                pass
        except OSError:
            pass
        self.reset()

    def reset(self):
        """End the connection with RST."""
        self.close_connection = True
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.connection.close()

    # ---- a proxy: to this host only ----

    def do_CONNECT(self):
        login = self.fake.options.proxy_login
        if login and self.headers.get('Proxy-Authorization') != 'Basic ' + base64.b64encode(login.encode()).decode():
            self.fake.stats['connects_refused'] += 1
            return self.send(rest.Answer(status=407, headers={'Proxy-Authenticate': 'Basic realm="test"'}))
        host, _, port = self.path.rpartition(':')
        host = host.strip('[]')
        if host not in LOOPBACK and not host.endswith('.test'):
            return self.send(rest.Answer(status=403))
        self.fake.stats['connects'] += 1
        try:
            there = socket.create_connection(('127.0.0.1' if host.endswith('.test') else host, int(port)), 10)
        except OSError:
            return self.send(rest.Answer(status=502))
        there.settimeout(None)
        self.connection.settimeout(None)
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        back = threading.Thread(target=pump, args=(there, self.connection), daemon=True)
        back.start()
        pump(self.connection, there)
        back.join()
        there.close()

    # ---- the test's own paths ----

    def control(self):
        body = self.read_body()
        name, *rest_of_path = self.path[2:].split('/')
        function = getattr(self.fake, f'{self.command.lower()}_{name}', None)
        if not function:
            return self.send(rest.Answer(status=404))
        try:
            self.send(function(json.loads(body) if body else None, *rest_of_path))
        except Exception as wrong:                    # a mistake of the test: it is told
            self.send(rest.Answer({'wrong': repr(wrong)}, 400))


def pump(source, target):
    try:
        while True:
            octets = source.recv(65536)
            if not octets:
                break
            target.sendall(octets)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def injected(rule):
    kind = rule['kind']
    headers = {'Retry-After': str(rule['retry_after'])} if 'retry_after' in rule else {}
    if kind == 'redirect':
        return rest.Answer(status=307, headers={'Location': rule['to']})
    status, reason, message = STATUS_REASONS.get(kind) or (int(kind), 'backendError', 'injected by the test')
    return rest.error(status, rule.get('reason', reason), message, headers)


class Listener(ThreadingHTTPServer):
    """A port, and its connections, which end with it."""
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, port, handler, tls=None):
        self.open_connections = set()
        self.tls = tls
        super().__init__(('127.0.0.1', port), handler)

    def get_request(self):
        connection, peer = super().get_request()
        self.open_connections.add(connection)
        return connection, peer

    def finish_request(self, request, client_address):
        if self.tls:                                  # in the thread of the connection: a slow handshake holds nobody up
            self.open_connections.discard(request)
            request = self.tls.wrap_socket(request, server_side=True)
            self.open_connections.add(request)
        try:
            super().finish_request(request, client_address)
        finally:
            self.open_connections.discard(request)
            if self.tls:
                request.close()

    def handle_error(self, request, client_address):
        self.open_connections.discard(request)        # clients that go away, and handshakes that fail, are what is tested

    def end(self):
        self.shutdown()
        self.server_close()
        for connection in list(self.open_connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def serve(fake, port, tls=None):
    """Listen on `port` (0: any) in threads of its own."""
    listener = Listener(port, type('FakeHandler', (Handler,), {'fake': fake}), tls)
    threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True).start()
    return listener
