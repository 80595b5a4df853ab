"""A client of the protocol on Python's own ssl: `client.ask("register", session="S", ...)` gives a Reply.

Blocking, with a deadline on every wait. One object a connection and a thread.
"""
import re
import socket
import ssl

BARE = re.compile(r'[^ \t\n"\\=]+')  # as the grammar has it: other blanks of Unicode stand for themselves
FIELD = re.compile(r'([a-z][a-z0-9-]*)=("(?:[^"\\]|\\["\\nt])*"|[^ "\\=]+)')
ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}
MAX_LINE = 8192


class Closed(Exception):
    """The connection has ended; `bye` is the code of its `* BYE`, None when there was none."""

    def __init__(self, bye, why=""):
        super().__init__(f"closed: bye={bye} {why}")
        self.bye = bye


def encode_value(value):
    """A value as it stands on the wire; True and False are yes and no."""
    text = {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    if BARE.fullmatch(text):
        return text
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{quoted}"'


def encode(verb, fields):
    """A request line. `from_` stands for `from`, `as_of` for `as-of`; None is left out."""
    words = [verb]
    for name, value in fields.items():
        if value is not None:
            words.append(f"{name.rstrip('_').replace('_', '-')}={encode_value(value)}")
    return (" ".join(words) + "\n").encode()


def decode_fields(text):
    """The fields of a line, in their order. Anything that is not exactly `SP name=value` ... is an error."""
    fields, at = {}, 0
    while at < len(text):
        found = FIELD.match(text, at + 1) if text[at] == " " else None
        if not found or found.group(1) in fields:
            raise ValueError(f"not a field at {at}: {text!r}")
        name, value = found.groups()
        if value.startswith('"'):
            inner = value[1:-1]
            value = re.sub(r"\\(.)", lambda match: ESCAPES[match.group(1)], inner)
            if BARE.fullmatch(value):
                raise ValueError(f"quoted without need: {text!r}")
        fields[name] = value
        at = found.end()
    return fields


class Reply:
    """One answer: `status` OK NO BAD or BUSY, `code` None for OK, `fields`, and `rows` (of fields) before it."""

    def __init__(self, line, rows):
        self.line, self.rows = line, rows
        found = re.fullmatch(r"(?:(OK)|(NO|BAD|BUSY) ([a-z][a-z0-9-]*))((?: .*)?)", line, re.S)
        if not found:
            raise ValueError(f"not a status line: {line!r}")
        self.status = found.group(1) or found.group(2)
        self.code = found.group(3)
        self.fields = decode_fields(found.group(4))

    @property
    def ok(self):
        return self.status == "OK"

    def __getitem__(self, name):
        return self.fields[name]

    def get(self, name):
        return self.fields.get(name)

    @property
    def word(self):
        """`OK`, `NO full`, ..."""
        return self.status if self.ok else f"{self.status} {self.code}"

    def __repr__(self):
        return "\n".join([f"= {row}" for row in self.rows] + [self.line])


def tls_context(ca, identity=None, version=ssl.TLSVersion.TLSv1_3):
    """`ca`: the file that signs the server; `identity`: (certificate file, key file) or None."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = min(version, ssl.TLSVersion.TLSv1_3)
    context.maximum_version = version
    context.load_verify_locations(ca)
    if identity:
        context.load_cert_chain(*identity)
    return context


class Client:
    """A connection. `address` is (host, port). With `greet`, the greeting is read at once; a BYE in its place raises Closed."""

    def __init__(self, address, context, timeout=30, greet=True):
        self.buffer = b""
        self.notices = []
        self.greeting = None
        self.socket = None
        raw = socket.create_connection(address, timeout)
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket = context.wrap_socket(raw, server_hostname=address[0])
        except BaseException:
            raw.close()
            raise
        if greet:
            self.read_greeting()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def read_greeting(self):
        line = self.read_line()
        if not line.startswith("* buurtaal 1"):
            raise ValueError(f"not a greeting: {line!r}")
        self.greeting = decode_fields(line[len("* buurtaal 1"):])
        return self.greeting

    # --- out

    def send(self, data):
        """Raises Closed when the other side has gone; a BYE that it said is then still to be read."""
        try:
            self.socket.sendall(data)
        except (ConnectionError, ssl.SSLError, BrokenPipeError) as error:
            raise Closed(self.last_words(), f"while sending: {error}") from error

    def post(self, verb, /, **fields):
        self.send(encode(verb, fields))

    def end_writing(self):
        """Sends close_notify; answers can still be read."""
        try:
            self.socket.settimeout(0.0)
            self.socket.unwrap()
        except (ssl.SSLWantReadError, BlockingIOError):
            pass
        finally:
            self.socket.settimeout(30)

    # --- in

    def read_raw(self):
        """One line without its LF; None at the end of the connection."""
        while b"\n" not in self.buffer:
            if len(self.buffer) > MAX_LINE:
                raise ValueError("a line of the daemon is too long")
            try:
                data = self.socket.recv(65536)
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError, ConnectionError):
                data = b""
            if not data:
                return None
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        if len(line) >= MAX_LINE:
            raise ValueError("a line of the daemon is too long")
        return line.decode()

    def read_line(self):
        """One line that is not a notice; notices are kept. Raises Closed at BYE and at the end."""
        while True:
            line = self.read_raw()
            if line is None:
                raise Closed(None, "the connection ended")
            if line.startswith("* BYE "):
                raise Closed(decode_fields(line[len("* BYE"):])["code"])
            if line.startswith("* ") and self.greeting is not None:
                self.notices.append(line)
                continue
            return line

    def last_words(self):
        """Reads to the end; the code of BYE or None."""
        try:
            while True:
                self.read_line()
        except Closed as closed:
            return closed.bye
        except (OSError, ValueError):
            return None

    def reply(self):
        rows = []
        while True:
            line = self.read_line()
            if not line.startswith("= ") and line != "=":
                return Reply(line, rows)
            rows.append(decode_fields(line[1:]))

    def ask(self, verb, /, **fields):
        self.post(verb, **fields)
        return self.reply()

    def ask_line(self, line):
        self.send(line.encode() if isinstance(line, str) else line)
        return self.reply()

    def must(self, verb, /, **fields):
        """Asks, and expects OK."""
        reply = self.ask(verb, **fields)
        assert reply.ok, f"{encode(verb, fields)!r} was answered {reply}"
        return reply

    def ask_many(self, lines):
        """Pipelines lines (bytes) within the window and gives their replies in order."""
        replies, sent = [], 0
        while len(replies) < len(lines):
            room = min(len(lines), len(replies) + 250)
            if sent < room and sent - len(replies) <= 125:
                self.send(b"".join(lines[sent:room]))
                sent = room
            replies.append(self.reply())
        return replies

    def read_list(self, verb, limit, /, **fields):
        """All rows of a list, page after page; checks what pages promise."""
        rows, after = [], None
        while True:
            page = self.must(verb, limit=limit, after=after, **fields)
            assert int(page["rows"]) == len(page.rows) <= limit
            rows += page.rows
            if "more" not in page.fields:
                assert "after" not in page.fields
                return rows
            assert page["more"] == "yes" and len(page.rows) == limit
            after = page["after"]

    def close(self):
        """Closes at once, without a word."""
        if self.socket:
            self.socket.close()
            self.socket = None
