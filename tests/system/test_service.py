"""The daemon as a service: what it tells its service manager, how it ends, and what it does while its database is away."""
import os
import signal
import socket
import subprocess

import pytest

from harness.client import Client, Closed
from harness.registry import PROGRAM, Daemon, conninfo, execute, until


class Manager:
    """The receiving end of NOTIFY_SOCKET."""

    def __init__(self, folder):
        self.path = f"{folder}/notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.told = []

    def hear(self):
        try:
            while True:
                self.told.append(self.socket.recv(4096).decode())
        except BlockingIOError:
            return self.told

    def wait(self, word, after=0):
        """Until it was told `word`, behind the first `after` messages; their number then."""
        return until(f"{word}, told was {self.told}",
                     lambda: next((i + 1 for i, text in enumerate(self.hear()) if i >= after and text.startswith(word)), 0))


def wrapper(folder, before):
    """A program that runs the daemon in another way."""
    path = f"{folder}/run"
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\n{before}\nexec {PROGRAM} "$@"')
    os.chmod(path, 0o700)
    return path


def start(registry, before, wait=True, **changes):
    daemon = Daemon(registry, registry.configure(**changes), program=wrapper(registry.folder, before), wait=wait)
    registry.daemons.append(daemon)
    return daemon


def test_the_service_manager_is_told_of_start_reload_and_end(registry):
    manager = Manager(registry.folder)
    daemon = start(registry, f"export NOTIFY_SOCKET={manager.path} WATCHDOG_USEC=30000000")
    at = manager.wait("READY=1")
    manager.wait("WATCHDOG=1", at)
    client = daemon.connect("25LU")
    manager.wait("STATUS=serving, 1 connections, log ", at)
    assert daemon.reload()
    at = manager.wait("RELOADING=1\nMONOTONIC_USEC=")
    at = manager.wait("READY=1", at)
    daemon.tell(signal.SIGTERM)
    assert client.last_words() == "draining"
    client.close()
    assert daemon.process.wait(20) == 0
    manager.wait("STOPPING=1", at)
    assert manager.told[-1] in ("STOPPING=1", "WATCHDOG=1") or manager.told[-1].startswith("STATUS=draining")


def allow_connections(registry, word):
    execute(conninfo(registry.owner, dbname="postgres"), f"alter database {registry.database} with allow_connections {word}")


def test_it_is_ready_only_when_its_database_is(registry):
    """Until then clients are told that the database is away."""
    manager = Manager(registry.folder)
    registry.excused.append("database")
    allow_connections(registry, "false")
    daemon = start(registry, f"export NOTIFY_SOCKET={manager.path}", wait=False)
    port = int(daemon.wait_log(r"event=listening address=\S+ port=(\d+)").group(1))
    daemon.wait_log("event=database-down")
    with pytest.raises(Closed) as closed:
        Client(("127.0.0.1", port), registry.context("25LU"))
    assert closed.value.bye == "database"
    assert "READY=1" not in manager.hear()
    allow_connections(registry, "true")
    manager.wait("READY=1")
    daemon.address = ("127.0.0.1", port)
    with daemon.connect("25LU") as client:
        assert client.must("ping")["log"]


def test_a_second_signal_ends_it_at_once(registry):
    daemon = registry.start(limits__drain="1 h", limits__handshake="300 s")
    silent = connect_silent(daemon)
    with daemon.connect("25LU") as client:
        daemon.tell(signal.SIGTERM)
        assert client.last_words() == "draining"
    daemon.wait_log("event=draining")
    assert daemon.running()
    daemon.tell(signal.SIGINT)
    assert daemon.process.wait(5) == 75
    assert "event=cut" in daemon.log()
    silent.close()


def connect_silent(daemon):
    """A connection without TLS, which the daemon has taken: they are taken in order, and one behind it was greeted."""
    silent = socket.create_connection(daemon.address, 20)
    daemon.connect("25PJ").close()
    return silent


def test_the_drain_ends_when_its_time_is_over(registry):
    daemon = registry.start(limits__drain="1 s", limits__handshake="300 s")
    silent = connect_silent(daemon)
    daemon.tell(signal.SIGTERM)
    assert daemon.process.wait(10) == 75
    assert "limits.drain has passed" in daemon.log()
    silent.close()


def test_it_does_not_take_a_socket_for_its_log(registry):
    """Started with all of 0 to 2 closed, what it logs goes nowhere, least of all to a client."""
    with registry.listener() as free:
        port = free.getsockname()[1]
    daemon = start(registry, "exec 0<&- 1>&- 2>&-", wait=False, listen__port=port)
    client = until("it serves", lambda: attempt(registry, port))
    if os.geteuid() == 0:  # the memory and the descriptors of the daemon are closed to all others
        assert [os.readlink(f"/proc/{daemon.pid}/fd/{fd}") for fd in range(3)] == ["/dev/null"] * 3
    else:
        with pytest.raises(PermissionError):
            os.listdir(f"/proc/{daemon.pid}/fd")
    assert client.must("ping")["log"]
    client.close()


def attempt(registry, port):
    try:
        return Client(("127.0.0.1", port), registry.context("25LU"))
    except (OSError, Closed):
        return None


def test_connections_far_beyond_the_limit_are_closed_without_a_word(registry):
    daemon = registry.start(limits__connections=1)
    registry.excused.append("event=dropped")
    with daemon.connect("25LU") as client:
        crowd = [socket.create_connection(daemon.address, 20) for _ in range(80)]
        daemon.wait_log("event=dropped connections=")
        ended = [raw for raw in crowd if raw.fileno() >= 0 and is_closed(raw)]
        assert 0 < len(ended) < 80
        for raw in crowd:
            raw.close()
        assert client.must("ping")["log"]
    until("there is room again", lambda: attempt(registry, daemon.address[1])).close()


def is_closed(raw):
    raw.setblocking(False)
    try:
        return raw.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_an_idle_daemon_keeps_its_connections(registry):
    """What ends the backends of a daemon that hangs leaves those alone that have nothing to do."""
    daemon = registry.start()
    until("a connection has been idle for longer than one may hang", lambda: registry.execute(
        "select 1 from pg_stat_activity where usename = 'buurtaald' and datname = current_database() "
        "and state = 'idle' and state_change < clock_timestamp() - interval '7 s'"))
    assert "event=database-down" not in daemon.log()


def test_a_database_that_was_not_migrated_ends_the_start(bare):
    bare.execute(f"drop schema {bare.api()} cascade")
    bare.excused.append("database-mismatch")
    done = subprocess.run([PROGRAM, "-f", bare.configure()], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
                          check=False)
    assert done.returncode == 70
    assert "event=database-mismatch" in done.stderr and "buurtaald migrate" in done.stderr
