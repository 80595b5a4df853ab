"""What is no registry, or one that does not keep to the protocol or does so at the wrong moment, on a port of its own."""
import socket
import ssl
import threading

from harness.client import decode_fields, encode_value


HEAD = "ab" * 32  # of the log of a Scripted registry, whatever its number


class Impostor:
    """It does `serve(socket)` for each connection, one after the other."""

    def __init__(self, serve):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.address = self.listening.getsockname()[:2]
        self.port = self.address[1]
        self.serve = serve
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(20)
                try:
                    self.serve(connection)
                except (OSError, EOFError):
                    pass  # the other side went away: it has heard enough; or we do

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()


def talking(identity, talk, most=ssl.TLSVersion.TLSv1_3):
    """One that does `talk(stream)` over TLS, with the certificate of an identity."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = most
    context.load_cert_chain(*identity.files)

    def serve(connection):
        with context.wrap_socket(connection, server_side=True) as stream:
            talk(stream)
    return Impostor(serve)


def over_tls(registry, greeting, answer=None, identity=None, **options):
    """One that speaks TLS, as the registry if no other `identity` is named: it sends `greeting`, then `answer(line)` for each line that
    comes; without `answer` it ends at the first."""
    def talk(stream):
        stream.sendall(greeting)
        if not answer:
            stream.recv(1000)
            return
        for line in stream.makefile("rb"):
            stream.sendall(answer(line.decode().rstrip("\n")))
    return talking(identity or registry.world.server, talk, **options)


class Scripted:
    """A registry that seats everybody, but for what a test says: `amiss(line)` is asked before each line is answered, and gives
    the answer (a text, "" for none), or None: as usual. It may `line.say` a part first, and raise EOFError: the connection is cut.
    `greet(connection)`, the first being 1, gives the greeting, or None: the usual one.

    line.number counts the lines of all connections from 1, line.connection the connections; line.verb, line.fields, and
    line.block: so many lines stand before it in the open block, None outside."""

    def __init__(self, world, amiss=lambda line: None, greet=lambda connection: None):
        self.amiss, self.greet = amiss, greet
        self.connections, self.number, self.log, self.heard = 0, 0, 10, []
        self.impostor = talking(world.server, self.talk)
        self.address = self.impostor.address

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.impostor.__exit__()

    def verbs(self):
        return [line.verb for line in self.heard]

    def talk(self, stream):
        self.connections += 1
        self.block = None
        self.say = lambda text: stream.sendall(text.encode())
        self.say(self.greet(self.connections) or (
            f"* buurtaal 1 server=scripted party=25LU role=roc max-line=8192 window=256 cert-days=20 log={self.log} "
            f"head={HEAD} time=2027-04-02T10:11:12.5+02:00\n"))
        buffer = b""
        while data := stream.recv(65536):
            buffer += data
            *lines, buffer = buffer.split(b"\n")
            for line in lines:
                self.say(self.answer(Line(self, line.decode())))

    def answer(self, line):
        self.heard.append(line)
        said = self.amiss(line)
        if said is None:
            said = getattr(self, f"do_{line.verb}", self.do)(line)
        elif line.block is not None and line.verb in ("commit", "abandon"):
            self.block = None
        return said

    def register(self, line):
        self.log += 1
        return f"OK tag={line.fields['tag']} log={self.log} state=seated\n"

    def do_register(self, line):
        if self.block is None:
            return self.register(line)
        self.block.append(line)
        return ""

    def do_begin(self, line):
        self.block = []
        return "OK\n"

    def do_commit(self, line):
        lines, self.block = self.block, None
        return "".join(map(self.register, lines)) + f"OK accepted={len(lines)} refused=0 plan={'cd' * 32} log={self.log}\n"

    def do_abandon(self, line):
        self.block = None
        return "OK\n"

    def do_heads(self, line):
        return f"= log={line.fields['log']} head={HEAD}\nOK rows=1 log={self.log}\n"

    def do(self, line):
        return "OK\n"


class Line:
    """A line that a Scripted registry heard."""

    def __init__(self, registry, text):
        registry.number += 1
        self.number, self.connection, self.say = registry.number, registry.connections, registry.say
        self.block = None if registry.block is None else len(registry.block)
        self.verb, _, rest = text.partition(" ")
        self.fields = decode_fields(f" {rest}") if rest else {}

    def refused(self, status, **fields):
        """An answer to it other than OK: `NO internal`, ..."""
        tag = {"tag": self.fields["tag"]} if "tag" in self.fields else {}
        words = [f"{name}={encode_value(value)}" for name, value in {**tag, **fields}.items()]
        return " ".join([status, *words]) + "\n"
