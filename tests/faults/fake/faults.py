# SPDX-License-Identifier: Apache-2.0
"""What goes wrong, and when: rules that a test sets, of which the first that matches a request is carried out.

A rule is {"kind": KIND} and any of: "match" (regular expression for the path), "method", "times" (1), "after" (requests to
let pass first), "p" (chance), "seed", "seconds", "retry_after", "reason", "to". "kind" may be a list, from which chance takes one.

An answer instead of the work:
  a status as "503", "403rate", "403quota", "403denied"
  partial          insertErrors: row 0 is invalid, the others are stopped
  backend_row      insertErrors: row 0 has backendError, the others are stored
  jobfail          the load job is taken and ends with an error of `reason` (backendError)
  redirect         307 to `to`
The connection breaks:
  reset            before the request is read
  reset_after      after the work is done, instead of the answer
  truncate         after the work is done, in the middle of the answer
  timeout          the request is read; nothing follows for `seconds` (600), then a reset
  no_continue      no "100 Continue", and the body is never read
The answer is strange; the work is done:
  garbage          200 with a body that is no JSON
  slow             it comes `seconds` (2) late
  drip             an octet each half second
  huge             200 and a body of 1 GB
  endless          headers without an end
  deep             200 and 100,000 nested arrays
"""
import random
import re
import threading

BEFORE_READING = {'reset', 'no_continue'}


class Rules:
    def __init__(self):
        self.lock = threading.Lock()
        self.rules = []
        self.random = random.Random(1)
        self.carried_out = {}                         # by kind

    def add(self, rules):
        with self.lock:
            for rule in rules if isinstance(rules, list) else [rules]:
                if 'seed' in rule:
                    self.random.seed(rule['seed'])
                self.rules.append(dict({'times': 1, 'after': 0, 'match': ''}, **rule))

    def clear(self):
        with self.lock:
            self.rules.clear()

    def pick(self, method, path):
        """The rule for this request, with one kind, or None."""
        with self.lock:
            for rule in self.rules:
                if not self.is_for(rule, method, path):
                    continue
                if rule['after'] > 0:
                    rule['after'] -= 1
                    continue
                if 'p' in rule and self.random.random() >= rule['p']:
                    continue
                rule['times'] -= 1
                kind = rule['kind'] if isinstance(rule['kind'], str) else self.random.choice(rule['kind'])
                self.carried_out[kind] = self.carried_out.get(kind, 0) + 1
                return dict(rule, kind=kind)
        return None

    @staticmethod
    def is_for(rule, method, path):
        return rule['times'] > 0 and rule.get('method', method) == method and re.search(rule['match'], path)
