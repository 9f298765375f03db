#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A small BigQuery on the loopback interface that keeps all in memory, is strict, and fails when it is told to.

It has datasets, tables, insertAll (row errors, insertId window, limits, gzip), load jobs (multipart and resumable uploads, job ids
that stay taken), the Storage Write API (--write), token endpoints, a metadata server, TLS, and a CONNECT proxy. Faults and the
test's own paths: fake/faults.py, fake/server.py. It prints one line, "port=N control=N write=N", when it is ready: `control` is
the same without TLS, and stays open while `port` is closed by POST /_down.
"""
import argparse
import collections
import json
import os
import signal
import ssl
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'fake'))

from faults import Rules                              # noqa: E402 (they are beside this file)
from rest import Answer, Api                          # noqa: E402
from server import serve                              # noqa: E402
from store import Store                               # noqa: E402
from tokens import Tokens                             # noqa: E402
import write                                          # noqa: E402


class Fake:
    def __init__(self, options):
        self.options = options
        self.begun_at = time.monotonic()
        self.stats = collections.Counter()
        self.requests = []
        self.store, self.rules = Store(), Rules()
        self.tokens = Tokens(options.public_key, options.token_life)
        self.api = Api(self.store, self.tokens, options, self.stats)
        for name in options.dataset:
            project, _, dataset = name.partition(':')
            self.store.add_dataset(project, {'datasetReference': {'projectId': project, 'datasetId': dataset}})

    def open(self):
        tls = None
        if self.options.tls:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(*self.options.tls)
        self.tls = tls
        self.data = serve(self, self.options.port, tls)
        self.control = serve(self, 0)
        self.port = self.data.server_address[1]
        self.write_port = write.serve(self).server_address[1] if self.options.write else 0

    def note(self, entry):
        self.stats['requests'] += 1
        self.requests.append(entry)

    # ---- the test's own paths: METHOD_NAME(body, rest of the path...) ----

    def post_fault(self, rules):
        self.rules.add(rules)
        return Answer({})

    def delete_fault(self, _):
        self.rules.clear()
        return Answer({})

    def post_reject(self, what):
        with self.store.lock:
            self.store.rejected.append((what['column'], str(what['value'])))
        return Answer({})

    def post_down(self, _):
        if self.data:
            self.data.end()
            self.data = None
        return Answer({})

    def post_up(self, _):
        for _ in range(100):                    # a connection of somebody may have the port for a moment
            if self.data:
                break
            try:
                self.data = serve(self, self.port, self.tls)
            except OSError:
                time.sleep(0.1)
        return Answer({}, 200 if self.data else 503)

    def post_revoke(self, _):
        self.tokens.revoke_all()
        return Answer({})

    def get_rows(self, _, project, dataset, name):
        return Answer(body=b''.join(self.store.table(project, dataset, name).lines()))

    def get_ids(self, _, project, dataset, name):
        table = self.store.table(project, dataset, name)
        return Answer({'rows': table.row_count, 'ids': len({row['id'] for row in table.rows()})})

    def get_jobs(self, _):
        return Answer(body=b''.join(json.dumps(dict(kept['job'], at=round(kept['at'] - self.begun_at, 3))).encode() + b'\n'
                                    for kept in self.store.jobs.values()))

    def get_requests(self, _):
        return Answer(body=b''.join(json.dumps(entry).encode() + b'\n' for entry in list(self.requests)))

    def get_stats(self, _):
        tables = {':'.join(key): table.row_count for key, table in self.store.tables.items()}
        return Answer(dict(self.stats, tables=tables, tokens=self.tokens.given, jobs=len(self.store.jobs), faults=self.rules.carried_out))


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--port', type=int, default=0, help='0: any (the default)')
    p.add_argument('--dataset', action='append', default=[], metavar='PROJECT:DATASET', help='that is there from the start')
    p.add_argument('--dedupe-window', type=float, default=60, metavar='SECONDS', help='of insertId; 0: none')
    p.add_argument('--job-polls', type=int, default=0, metavar='N', help='a load job is running for the first N answers')
    p.add_argument('--max-octets', type=int, default=10_000_000, help='of an insertAll request')
    p.add_argument('--max-rows', type=int, default=50_000, help='of an insertAll request')
    p.add_argument('--auth', action='store_true', help='requests need a token')
    p.add_argument('--public-key', metavar='PEM', help='check the signature of assertions with this')
    p.add_argument('--token-life', type=int, default=3600, metavar='SECONDS')
    p.add_argument('--tls', nargs=2, metavar=('CERT', 'KEY'))
    p.add_argument('--proxy-login', metavar='USER:PASSWORD', help='CONNECT needs this')
    p.add_argument('--write', action='store_true', help='the Storage Write API too, on a port of its own, HTTP/2 without TLS')
    return p.parse_args()


def main():
    fake = Fake(parse())
    fake.open()
    print(f'port={fake.port} control={fake.control.server_address[1]} write={fake.write_port}', flush=True)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()


if __name__ == '__main__':
    main()
