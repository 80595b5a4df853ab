"""What is no registry, or one that does not keep to the protocol, on a port of its own."""
import socket
import ssl
import threading


class Impostor:
    """Something else on a port: it does `serve(socket)` for each connection."""

    def __init__(self, serve):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
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
                except OSError:
                    pass  # the other side went away: it has heard enough

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()


def over_tls(registry, greeting, answer=None, identity=None, most=ssl.TLSVersion.TLSv1_3):
    """One that speaks TLS, as the registry if no other `identity` is named: it sends `greeting`, then `answer(line)` for each line that
    comes; without `answer` it ends at the first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = most
    context.load_cert_chain(*(identity or registry.world.server).files)

    def serve(connection):
        with context.wrap_socket(connection, server_side=True) as stream:
            stream.sendall(greeting)
            if not answer:
                stream.recv(1000)
                return
            for line in stream.makefile("rb"):
                stream.sendall(answer(line.decode().rstrip("\n")))
    return Impostor(serve)
