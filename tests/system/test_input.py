"""What is not the protocol is answered BAD as PROTOCOL.md says, and never ends the daemon."""
import socket
import ssl
import struct

import pytest

from harness.client import Closed
from harness.load import dice

# A line, and how it is answered; the connection goes on.
FAULTS = [
    ("\n", "BAD syntax"),
    (" ping\n", "BAD syntax"),
    ("ping \n", "BAD syntax"),
    ("ping  tag=a\n", "BAD syntax"),
    ("Ping\n", "BAD syntax"),
    ("ping tag\n", "BAD syntax"),
    ('ping tag="a\n', "BAD syntax"),
    ('ping tag="a\\x"\n', "BAD syntax"),
    ('ping tag=a"b\n', "BAD syntax"),
    ('ping tag="a"b\n', "BAD syntax"),
    ("ping =a\n", "BAD syntax"),
    ("pingg\n", "BAD verb"),
    ("register-all\n", "BAD verb"),
    ("ping tga=a\n", "BAD field"),
    ("ping tag=a tag=a\n", "BAD twice"),
    ("ping tag=\n", "BAD empty"),
    ('ping tag=""\n', "BAD empty"),
    ("ping tag=a/b\n", "BAD value"),
    ("sessions limit=0\n", "BAD value"),
    ("sessions limit=5001\n", "BAD value"),
    ("sessions limit=1e3\n", "BAD value"),
    ("register session=S student=1 name=N\n", "BAD missing"),
    ("register session=S student=1 name=N born=2009-02-29\n", "BAD value"),
    ("register session=S student=1 name=N born=2009-13\n", "BAD value"),
    ("register session=S student=1 name=- born=2009\n", "BAD value"),
    ('register session=S student=1 name="a\\nb" born=2009\n', "BAD value"),
    ("register session=S student=1 name=N born=2009 eckid=https://ketenid.nl/202609/abc\n", "BAD value"),
    ("register session=S student=1 name=N born=2009 again=0\n", "BAD value"),
    ("register session=S student=1 name=N born=2009 check=maybe\n", "BAD value"),
    ("register session=S student=1 name=N born=2009 seen=-1\n", "BAD value"),
    (f"register session={'S' * 65} student=1 name=N born=2009\n", "BAD value"),
    ("progress as-of=2027-02-30\n", "BAD value"),
    ("progress by=month,level\n", "BAD value"),
    ("sessions check=yes\n", "BAD field"),
]

# Bytes that are no line at all: one BAD line, and the connection ends.
RUINS = [b"ping\r\n", b"ping\0\n", b"ping tag=\x01\n", b"ping tag=\x7f\n", b"\xff\xfe\n", b'hello client="\xc0\xaf"\n',
         b'hello client="\xed\xa0\x80"\n', 'hello client="a\u2028b"\n'.encode(), 'hello client="a\u202eb"\n'.encode(),
         'hello client="a\u0085b"\n'.encode(), b'hello client="\xef\xbf\xbf"\n', b"x" * 9000 + b"\n", b"x" * 9000]


def test_every_fault_of_a_line_is_answered_and_the_connection_goes_on(registry):
    with registry.start().connect("25LU") as client:
        before = registry.execute("select log from log_head")
        for line, word in FAULTS:
            reply = client.ask_line(line)
            assert reply.word == word, f"{line!r} was answered {reply}"
            assert reply.get("text")
            assert client.must("ping", tag="after")["tag"] == "after"
        assert registry.execute("select log from log_head") == before
        # All of them at once: as many answers, in their order.
        replies = client.ask_many([line.encode() for line, _ in FAULTS])
        assert [reply.word for reply in replies] == [word for _, word in FAULTS]
        assert client.ask_line("ping tga=a tag=T\n")["tag"] == "T"


def test_what_is_no_line_is_answered_after_what_was_asked_before_and_ends_the_connection(registry):
    daemon = registry.start()
    for ruin in RUINS:
        with daemon.connect("25LU") as client:
            client.send(b"ping tag=1\nsessions tag=2\n" + ruin)
            assert client.reply()["tag"] == "1"
            assert client.reply()["tag"] == "2"
            assert client.reply().word == "BAD line", ruin
            with pytest.raises(Closed) as closed:
                client.read_line()
            assert closed.value.bye is None, "BAD line is the last word"
    with daemon.connect("25LU") as client:
        assert client.must("ping")


def test_the_longest_line_is_8192_bytes(registry):
    with registry.start().connect("25LU") as client:
        # Longer than any value, but a line: it is looked at.
        assert client.ask_line(b"ping tag=" + b"x" * (8191 - 9) + b"\n").word == "BAD value"
        client.send(b"ping tag=" + b"x" * (8192 - 9) + b"\n")
        assert client.reply().word == "BAD line"


def test_junk_in_every_shape_leaves_the_daemon_as_it_was(registry):
    chance = dice("junk")
    daemon = registry.start()
    watch = daemon.connect("25LU")
    for turn in range(150):
        if turn % 3 == 0:  # not even TLS
            raw = socket.create_connection(daemon.address, 20)
            raw.sendall(chance.randbytes(chance.randrange(1, 4000)))
            if chance.random() < 0.5:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset, not end
            raw.close()
            continue
        with daemon.connect("25LU") as client:
            try:
                client.socket.settimeout(0.3)
                client.socket.sendall(junk(chance))
                if chance.random() < 0.5:
                    client.last_words()
            except (OSError, ssl.SSLError):
                pass
        assert watch.must("ping")
    assert watch.must("sessions")
    watch.close()
    registry.check_log()


def junk(chance):
    """Bytes, words of the protocol in disorder, or good lines with one byte changed."""
    kind = chance.randrange(3)
    if kind == 0:
        return chance.randbytes(chance.randrange(1, 20000))
    words = [b"register", b"session=S", b"student=", b'"', b"name=N", b" ", b"  ", b"born=2009", b"\n", b"=", b"tag=1", b"check=yes"]
    if kind == 1:
        return b" ".join(chance.choice(words) for _ in range(chance.randrange(1, 2000)))
    lines = bytearray(b'register session=S student=1 name="de Vries, Jan" born=2009 tag=1\nping\nsessions limit=3\n' * 20)
    for _ in range(chance.randrange(1, 10)):
        lines[chance.randrange(len(lines))] = chance.randrange(256)
    return bytes(lines)


def test_a_client_that_ends_its_side_still_gets_its_answers(registry):
    daemon = registry.start()
    with daemon.connect("25LU") as client:
        client.send(b"offer elective=K0959 schoolyear=2026 students=7 tag=1\n" + b"ping tag=2\n" * 100 + b"ping tag=3 ")
        client.end_writing()
        assert client.reply()["tag"] == "1"
        for _ in range(100):
            assert client.reply()["tag"] == "2"
        with pytest.raises(Closed):
            client.read_line()


def test_a_client_that_reads_nothing_holds_up_nobody(registry):
    """More than 64 kB of answers wait for one client: the daemon stops reading it, and serves the others."""
    daemon = registry.start(limits__unsent="2 s")
    deaf = daemon.connect("25LU")
    deaf.socket.settimeout(0.2)
    sent = 0
    try:
        while sent < 50_000_000:
            sent += deaf.socket.send(b"help\n" * 2000)
    except (TimeoutError, ssl.SSLWantWriteError, OSError):
        pass
    assert sent < 50_000_000, "the daemon reads on without end"
    with daemon.connect("25PJ") as client:
        for _ in range(100):
            assert client.must("ping")
    daemon.wait_log("event=end|event=abandon")  # limits.unsent has passed
    deaf.close()


def test_half_a_handshake_and_half_a_line_hurt_nobody(registry):
    daemon = registry.start()
    halves = [socket.create_connection(daemon.address, 20) for _ in range(100)]
    for raw in halves[:50]:
        raw.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
    with daemon.connect("25LU") as client:
        client.send(b"offer elective=K0959 schoolyear=2026 stud")
    with daemon.connect("25LU") as client:
        assert client.must("offers").rows == []
    for raw in halves:
        raw.close()
