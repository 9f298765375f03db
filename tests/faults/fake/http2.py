# SPDX-License-Identifier: Apache-2.0
"""The server's end of an HTTP/2 connection without TLS (RFC 9113), as much as gRPC needs: streams of messages in both directions.

Header fields are read in full (RFC 7541) and written as literals. Flow control is kept for what comes in, and not for the
small answers that go out.
"""
import queue
import struct
import threading

PREFACE = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 1, 1, 4, 8, 32
WINDOW = 1 << 24

# RFC 7541 appendix A: the static table, from 1.
STATIC = [tuple(line.split('\t')) for line in (
    ':authority\t', ':method\tGET', ':method\tPOST', ':path\t/', ':path\t/index.html', ':scheme\thttp', ':scheme\thttps', ':status\t200',
    ':status\t204', ':status\t206', ':status\t304', ':status\t400', ':status\t404', ':status\t500', 'accept-charset\t',
    'accept-encoding\tgzip, deflate', 'accept-language\t', 'accept-ranges\t', 'accept\t', 'access-control-allow-origin\t', 'age\t',
    'allow\t', 'authorization\t', 'cache-control\t', 'content-disposition\t', 'content-encoding\t', 'content-language\t',
    'content-length\t', 'content-location\t', 'content-range\t', 'content-type\t', 'cookie\t', 'date\t', 'etag\t', 'expect\t',
    'expires\t', 'from\t', 'host\t', 'if-match\t', 'if-modified-since\t', 'if-none-match\t', 'if-range\t', 'if-unmodified-since\t',
    'last-modified\t', 'link\t', 'location\t', 'max-forwards\t', 'proxy-authenticate\t', 'proxy-authorization\t', 'range\t', 'referer\t',
    'refresh\t', 'retry-after\t', 'server\t', 'set-cookie\t', 'strict-transport-security\t', 'transfer-encoding\t', 'user-agent\t',
    'vary\t', 'via\t', 'www-authenticate\t')]

# RFC 7541 appendix B: bits of the code of each octet. The code is canonical: shorter ones first, then in the order of octets.
HUFFMAN_BITS = [int(bits) for bits in (
    '13 23 28 28 28 28 28 28 28 24 30 28 28 30 28 28 28 28 28 28 28 28 30 28 28 28 28 28 28 28 28 28 '
    '6 10 10 12 13 6 8 11 10 10 8 11 8 6 6 6 5 5 5 6 6 6 6 6 6 6 7 8 15 6 12 10 '
    '13 6 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 8 7 8 13 19 13 14 6 '
    '15 5 6 5 6 5 6 6 6 5 7 7 6 6 6 5 6 7 6 5 5 6 7 7 7 7 7 15 11 14 13 28 '
    '20 22 20 20 22 22 22 23 22 23 23 23 23 23 24 23 24 24 22 23 24 23 23 23 23 21 22 23 22 23 23 24 '
    '22 21 20 22 22 23 23 21 23 22 22 24 21 22 23 23 21 21 22 21 23 22 23 23 20 22 22 22 23 22 22 23 '
    '26 26 20 19 22 23 22 25 26 26 26 27 27 26 24 25 19 21 26 27 27 26 27 24 21 21 26 26 28 27 27 27 '
    '20 24 20 21 22 21 21 23 22 22 25 25 24 24 26 23 26 27 26 26 27 27 27 27 27 28 27 27 27 27 27 26').split()] + [30]


def huffman_codes():
    """{(bits, code): octet}"""
    codes, code, before = {}, 0, 0
    for bits, octet in sorted((bits, octet) for octet, bits in enumerate(HUFFMAN_BITS)):
        code <<= bits - before
        codes[bits, code] = octet
        code, before = code + 1, bits
    return codes


HUFFMAN = huffman_codes()


def huffman_decode(octets):
    out, bits, code = bytearray(), 0, 0
    for octet in octets:
        for shift in range(7, -1, -1):
            bits, code = bits + 1, code << 1 | octet >> shift & 1
            found = HUFFMAN.get((bits, code))
            if found is not None:
                out.append(found)
                bits, code = 0, 0
    return bytes(out)


class HeaderReader:
    """Decodes header blocks, with the dynamic table of one connection (RFC 7541 2.3.2)."""

    def __init__(self):
        self.dynamic, self.limit = [], 4096

    def read(self, octets):
        self.octets, self.at, fields = octets, 0, []
        while self.at < len(octets):
            first = octets[self.at]
            if first & 0x80:                          # 6.1: indexed
                fields.append(self.entry(self.integer(7)))
            elif first & 0x40:                        # 6.2.1: literal, to be remembered
                field = self.literal(6)
                fields.append(field)
                self.dynamic.insert(0, field)
                self.forget()
            elif first & 0x20:                        # 6.3: size of the table
                self.limit = self.integer(5)
                self.forget()
            else:                                     # 6.2.2, 6.2.3: literal
                fields.append(self.literal(4))
        return dict(fields)

    def forget(self):
        while sum(len(name) + len(value) + 32 for name, value in self.dynamic) > self.limit:
            self.dynamic.pop()

    def entry(self, index):
        return STATIC[index - 1] if index <= len(STATIC) else self.dynamic[index - len(STATIC) - 1]

    def literal(self, prefix):
        index = self.integer(prefix)
        name = self.entry(index)[0] if index else self.string()
        return name, self.string()

    def integer(self, prefix):
        most = (1 << prefix) - 1
        value = self.octets[self.at] & most
        self.at += 1
        shift = 0
        while value >= most:
            octet = self.octets[self.at]
            self.at += 1
            value += (octet & 0x7f) << shift
            shift += 7
            if not octet & 0x80:
                break
        return value

    def string(self):
        is_huffman = self.octets[self.at] & 0x80
        length = self.integer(7)
        octets = self.octets[self.at:self.at + length]
        self.at += length
        return (huffman_decode(octets) if is_huffman else bytes(octets)).decode('latin-1')


def write_headers(fields):
    """As literals that are not remembered; no string here is longer than 126 octets but for messages, which are cut."""
    out = bytearray()
    for name, value in fields:
        name, value = name.encode(), value.encode()[:120]
        out += b'\0' + bytes([len(name)]) + name + bytes([len(value)]) + value
    return bytes(out)


class Stream:
    """One call: `headers`, messages from receive() until None, and send()."""

    def __init__(self, connection, number, headers):
        self.connection, self.number, self.headers = connection, number, headers
        self.parts = queue.Queue()
        self.buffer = b''
        self.has_answered = False

    def receive(self):
        """The next gRPC message, or None when the client is done, or gone."""
        while len(self.buffer) < 5 or len(self.buffer) < 5 + int.from_bytes(self.buffer[1:5], 'big'):
            part = self.parts.get()
            if part is None:
                return None
            self.buffer += part
        end = 5 + int.from_bytes(self.buffer[1:5], 'big')
        message, self.buffer = self.buffer[5:end], self.buffer[end:]
        return message

    def send(self, message):
        self.begin()
        self.connection.send(DATA, 0, self.number, b'\0' + struct.pack('>I', len(message)) + message)

    def begin(self):
        if not self.has_answered:
            self.has_answered = True
            self.connection.send(HEADERS, END_HEADERS, self.number, write_headers([(':status', '200'), ('content-type', 'application/grpc')]))

    def end(self, code=0, message=''):
        """The trailer, or all in one block when nothing was sent."""
        fields = [] if self.has_answered else [(':status', '200'), ('content-type', 'application/grpc')]
        self.connection.send(HEADERS, END_HEADERS | END_STREAM, self.number,
                             write_headers(fields + [('grpc-status', str(code)), ('grpc-message', message)]))


class Connection:
    def __init__(self, socket, handle):
        self.socket, self.handle = socket, handle
        self.file = socket.makefile('rb')
        self.lock = threading.Lock()
        self.reader = HeaderReader()
        self.streams = {}

    def send(self, kind, flags, stream, octets=b''):
        with self.lock:
            self.socket.sendall(struct.pack('>I', len(octets))[1:] + bytes([kind, flags]) + struct.pack('>I', stream) + octets)

    def run(self):
        if self.file.read(len(PREFACE)) != PREFACE:
            return
        self.send(SETTINGS, 0, 0, struct.pack('>HI', 4, WINDOW))      # SETTINGS_INITIAL_WINDOW_SIZE
        self.send(WINDOW_UPDATE, 0, 0, struct.pack('>I', WINDOW))
        try:
            while True:
                head = self.file.read(9)
                if len(head) < 9:
                    break
                length, kind, flags = int.from_bytes(head[:3], 'big'), head[3], head[4]
                self.take(kind, flags, int.from_bytes(head[5:], 'big') & 0x7fffffff, self.file.read(length))
        finally:
            for stream in self.streams.values():
                stream.parts.put(None)

    def take(self, kind, flags, number, octets):
        if kind == SETTINGS and not flags & ACK:
            self.send(SETTINGS, ACK, 0)
        elif kind == PING and not flags & ACK:
            self.send(PING, ACK, 0, octets)
        elif kind == HEADERS:
            self.take_headers(flags, number, octets)
        elif kind == DATA:
            self.take_data(flags, number, octets)
        elif kind == RST_STREAM and number in self.streams:
            self.streams.pop(number).parts.put(None)

    def take_headers(self, flags, number, octets):
        octets = unpadded(flags, octets)
        if flags & PRIORITY:
            octets = octets[5:]
        while not flags & END_HEADERS:
            head = self.file.read(9)
            octets += self.file.read(int.from_bytes(head[:3], 'big'))
            flags |= head[4] & END_HEADERS
        stream = self.streams[number] = Stream(self, number, self.reader.read(octets))
        if flags & END_STREAM:
            stream.parts.put(None)
        threading.Thread(target=self.handle, args=(stream,), daemon=True).start()

    def take_data(self, flags, number, octets):
        if octets:
            self.send(WINDOW_UPDATE, 0, 0, struct.pack('>I', len(octets)))
            self.send(WINDOW_UPDATE, 0, number, struct.pack('>I', len(octets)))
        stream = self.streams.get(number)
        if stream:
            stream.parts.put(unpadded(flags, octets))
            if flags & END_STREAM:
                stream.parts.put(None)


def unpadded(flags, octets):
    return octets[1:len(octets) - octets[0]] if flags & PADDED else octets
