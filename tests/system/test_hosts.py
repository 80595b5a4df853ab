"""Several hosts of the database: one that does not answer at all does not keep the daemon from the next."""
import socket

from harness.registry import conninfo, parse


def silent_port():
    """A port that answers no call, as a host that is gone: its queue of connections is full. The sockets are the caller's."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=0)
    callers = [socket.socket() for _ in range(8)]
    for caller in callers:
        caller.setblocking(False)
        caller.connect_ex(listening.getsockname())
    return listening.getsockname()[1], [listening, *callers]


def test_a_host_that_does_not_answer_is_passed_over(registry):
    port, sockets = silent_port()
    there = parse(registry.write)
    try:
        daemon = registry.start(database__write=conninfo(registry.write, host=f"127.0.0.1,{there['host']}",
                                                         port=f"{port},{there['port']}"))
        with daemon.connect("25LU") as college:
            assert college.must("institutions").rows
    finally:
        for one in sockets:
            one.close()
