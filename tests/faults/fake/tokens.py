# SPDX-License-Identifier: Apache-2.0
"""Who may ask: access tokens for a signed assertion (RFC 7523), a refresh token (RFC 6749 6) or a foreign token (RFC 8693)."""
import base64
import json
import os
import subprocess
import tempfile
import time
import urllib.parse

JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
SKEW_S = 300                                          # how wrong the clock of an assertion may be
ASSERTION_LIFE_S = 3600


class BadGrant(Exception):
    """Why no token is given."""


def decode(text):
    return base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))


class Tokens:
    def __init__(self, public_key, life_s):
        self.public_key, self.life_s = public_key, life_s
        self.ends_at = {}                             # by token
        self.given = 0

    def give(self):
        """The answer of a token endpoint."""
        self.given += 1
        token = f'ya29.fake-{self.given}-{os.urandom(8).hex()}'
        self.ends_at[token] = time.monotonic() + self.life_s
        return {'access_token': token, 'expires_in': self.life_s, 'token_type': 'Bearer'}

    def revoke_all(self):
        self.ends_at.clear()

    def is_good(self, authorization):
        scheme, _, token = (authorization or '').partition(' ')
        return scheme == 'Bearer' and self.ends_at.get(token, 0) > time.monotonic()

    def grant(self, body):
        form = {name: values[0] for name, values in urllib.parse.parse_qs(body.decode('ascii', 'replace')).items()}
        kind = form.get('grant_type')
        if kind == JWT_BEARER:
            self.check_assertion(form.get('assertion', ''))
        elif kind == 'refresh_token':
            needed(form, 'refresh_token', 'client_id', 'client_secret')
        elif kind == TOKEN_EXCHANGE:
            needed(form, 'subject_token', 'subject_token_type', 'audience', 'requested_token_type')
        else:
            raise BadGrant(f'unsupported grant_type {kind}')
        return self.give()

    def check_assertion(self, assertion):
        try:
            head, claims, signature = assertion.split('.')
            header, claim = json.loads(decode(head)), json.loads(decode(claims))
        except ValueError:
            raise BadGrant('malformed assertion') from None
        now = time.time()
        if header.get('alg') != 'RS256':
            raise BadGrant('alg is not RS256')
        if not claim.get('iss') or not claim.get('scope'):
            raise BadGrant('iss or scope is missing')
        if not str(claim.get('aud', '')).endswith('/token'):
            raise BadGrant('aud is not the token endpoint')
        if not now - ASSERTION_LIFE_S - SKEW_S < claim.get('iat', 0) < now + SKEW_S:
            raise BadGrant('Invalid JWT: Token must be a short-lived token and in a reasonable timeframe: check iat and exp')
        if not now - SKEW_S < claim.get('exp', 0) <= claim['iat'] + ASSERTION_LIFE_S:
            raise BadGrant('Invalid JWT: exp is over, or more than an hour after iat')
        if self.public_key:
            self.check_signature(f'{head}.{claims}'.encode(), decode(signature))

    def check_signature(self, signed, signature):
        with tempfile.NamedTemporaryFile() as file:
            file.write(signature)
            file.flush()
            command = ['openssl', 'dgst', '-sha256', '-verify', self.public_key, '-signature', file.name]
            if subprocess.run(command, input=signed, capture_output=True).returncode:
                raise BadGrant('Invalid JWT Signature.')


def needed(form, *names):
    for name in names:
        if not form.get(name):
            raise BadGrant(f'{name} is missing')
