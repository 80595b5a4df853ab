"""Who gets in, who hears why not, and how fast a revoked certificate is dead."""
import os
import socket
import ssl
import time

import pytest

from harness.certificates import Authority
from harness.client import Client, Closed, tls_context
from harness.registry import until

WRITE = b'institution code=EARLY name=Early kind=other country=NL\n'


def refusal(daemon, identity):
    """What a client hears that does not wait for a greeting but writes at once."""
    context = daemon.registry.context(identity)
    with Client(daemon.address, context, greet=False) as client:
        try:
            client.socket.sendall(WRITE * 20)
        except OSError:
            pass  # it is being told to go
        with pytest.raises(Closed) as closed:
            client.read_line()
        assert client.read_raw() is None, "BYE is the last line"
        return closed.value.bye


def writes(registry):
    return registry.execute("select log from log_head")[0][0]


def test_each_unfit_certificate_hears_its_code_and_nothing_it_sends_is_read(registry, tmp_path):
    authority = registry.world.authority
    listed = authority.issue("listed")
    authority.revocation_list(str(tmp_path / "crl.pem"), [listed])
    daemon = registry.start(tls__crl=str(tmp_path / "crl.pem"))
    other = Authority(str(tmp_path / "other"), name="Test CA")  # the same name, another key
    with daemon.connect("ADMIN") as admin:
        ended = authority.issue("ended")
        admin.must("grant", party="25LU", role="roc", fingerprint=ended.fingerprint)
        admin.must("revoke", fingerprint=ended.fingerprint)
        never = authority.issue("never granted")
        admin.must("revoke", fingerprint=never.fingerprint)  # before anybody granted it
    before = writes(registry)
    cases = [("no-certificate", None),
             ("certificate-expired", authority.issue("25LU", days=(-20, -2))),
             ("certificate-not-yet-valid", authority.issue("25LU", days=(2, 20))),
             ("other-ca", other.issue("25LU")),
             ("revoked", listed), ("revoked", ended), ("revoked", never),
             ("not-granted", authority.issue("stranger"))]
    for code, identity in cases:
        assert refusal(daemon, identity) == code
    assert writes(registry) == before
    with daemon.connect("25LU") as client:
        assert client.must("whoami")["party"] == "25LU"


def test_an_expired_certificate_needs_its_key_all_the_same(registry, tmp_path):
    """The handshake is let through to tell why; that must not let through who does not hold the private key."""
    expired = registry.world.authority.issue("25LU", days=(-20, -2))
    thief = registry.world.authority.issue("thief")
    with pytest.raises(ssl.SSLError):
        tls_context(registry.world.authority.certificate, (expired.certificate, thief.key))


def test_tls_1_2_is_refused_unless_the_configuration_allows_it(registry):
    identity = registry.world.identities["25LU"]
    context = tls_context(registry.world.authority.certificate, identity.files, ssl.TLSVersion.TLSv1_2)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        Client(registry.start().address, context)
    daemon = registry.start(tls__tls_min="1.2")
    daemon.connect("25LU").close()  # the database is reached
    with Client(daemon.address, context) as client:
        assert client.socket.version() == "TLSv1.2"
        assert client.socket.cipher()[0].startswith("ECDHE-")
        assert client.must("ping")["log"]


def test_no_session_can_be_resumed(registry):
    daemon = registry.start()
    context = registry.context("25LU")
    daemon.connect("25LU").close()
    with Client(daemon.address, context) as client:
        client.must("ping")
        session = client.socket.session
        assert session is None or not session.has_ticket
    raw = socket.create_connection(daemon.address, 20)
    with context.wrap_socket(raw, server_hostname="127.0.0.1", session=session) as again:
        assert not again.session_reused


def test_a_revoked_certificate_is_dead_at_once_and_its_connections_close_within_two_seconds(registry):
    one, two = registry.start(), registry.start()
    identity = registry.world.authority.issue("25LU")
    with one.connect("ADMIN") as admin:
        admin.must("grant", party="25LU", role="roc", fingerprint=identity.fingerprint)
        idle = [daemon.connect(identity) for daemon in (one, two, one, two)]
        busy = [daemon.connect(identity) for daemon in (one, two)]
        kept = two.connect("25LU")  # the same party by another certificate
        admin.must("revoke", fingerprint=identity.fingerprint)
        revoked_at = time.monotonic()
        for client in busy:
            with pytest.raises(Closed) as closed:
                for student in range(1000):
                    reply = client.ask("offer", elective="K0959", schoolyear=2026, students=student)
                    assert reply.word == "NO revoked"
            assert closed.value.bye == "revoked"
        for client in idle:
            assert client.last_words() == "revoked"
            client.close()
        assert time.monotonic() - revoked_at < 2
        assert refusal(two, identity) == "revoked"
        assert admin.ask("grant", party="25LU", role="roc", fingerprint=identity.fingerprint).word == "NO revoked"
        assert kept.must("whoami")["party"] == "25LU"
        kept.close()
    assert registry.execute("select count(*) from offer")[0][0] == 0


def test_a_new_role_holds_after_connecting_again(registry):
    daemon = registry.start()
    identity = registry.world.authority.issue("changing")
    with daemon.connect("ADMIN") as admin:
        admin.must("grant", party="NUFFIC", role="nuffic", fingerprint=identity.fingerprint)
        with daemon.connect(identity) as client:
            client.must("offers")
            assert admin.must("grant", party="NUFFIC", role="ocw", fingerprint=identity.fingerprint)["amended"] == "yes"
            assert client.ask("offers").word == "NO revoked"
            assert client.last_words() == "revoked"
        with daemon.connect(identity) as client:
            assert client.greeting["role"] == "ocw"


def test_a_grant_by_oin_admits_what_the_authority_signs_until_it_is_revoked(registry):
    daemon = registry.start()
    authority, oin = registry.world.authority, "0000000700025PJ00000"
    first, second = authority.issue("a", oin=oin), authority.issue("b", oin=oin)
    named = {"oin": oin, "issuer": authority.fingerprint}
    assert refusal(daemon, first) == "not-granted"
    with daemon.connect("ADMIN") as admin:
        admin.must("grant", party="25PJ", role="roc", **named)
        for identity in (first, second):
            with daemon.connect(identity) as client:
                assert client.greeting["party"] == "25PJ"
        admin.must("revoke", fingerprint=first.fingerprint)
        assert refusal(daemon, first) == "revoked"
        client = daemon.connect(second)
        admin.must("revoke", **named)
        assert client.last_words() == "revoked"
        client.close()
        assert refusal(daemon, second) == "revoked"
        ended = admin.ask("grant", party="25PJ", role="roc", **named)
        assert (ended.word, ended.get("again")) == ("NO ended", "2")
        assert admin.must("grant", party="25PJ", role="roc", again=2, **named)["again"] == "2"
        with daemon.connect(second) as client:
            assert client.greeting["party"] == "25PJ"
        assert refusal(daemon, first) == "revoked"


def test_slow_idle_and_too_many_clients_are_ended(registry):
    daemon = registry.start(limits__handshake="1 s", limits__idle="1 s", limits__connections=8, limits__party=3)
    clients = [daemon.connect("25LU") for _ in range(3)]
    with pytest.raises(Closed) as closed:
        daemon.connect("25LU")
    assert closed.value.bye == "limit"
    clients.append(daemon.connect("25PJ"))
    silent = [socket.create_connection(daemon.address, 20) for _ in range(4)]
    until("the silent ones are counted", lambda: refused_by_limit(daemon))
    begun = time.monotonic()
    for raw in silent:
        assert raw.recv(1) == b"", "closed without a word: no TLS was agreed on"
        raw.close()
    assert time.monotonic() - begun < 5
    for client in clients:
        assert client.last_words() == "idle"
        client.close()
    daemon.connect("25PJ").close()


def refused_by_limit(daemon):
    try:
        daemon.connect("DIB").close()
        return False
    except Closed as closed:
        return closed.bye == "limit"


def test_rights_are_those_of_the_table(registry):
    daemon = registry.start()
    with daemon.connect("25LU") as roc, daemon.connect("OCW") as ocw:
        assert roc.ask("target", year=2027, language="de", rung="seated", count=1).word == "NO role"
        assert roc.ask("audit").word == "NO role"
        assert ocw.ask("register", session="S", student="1", name="N", born=2009).word == "NO role"
        verbs = {row["verb"] for row in roc.must("help").rows}
        assert "register" in verbs and "target" not in verbs and "audit" not in verbs
    assert os.path.exists(f"/proc/{daemon.pid}")
