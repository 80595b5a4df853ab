"""SIGHUP and SIGTERM: new settings hold when all of them are good, and whoever asked something is answered."""
import hashlib
import os
import re
import shutil
import signal
import ssl

import psycopg2
import pytest

from harness.certificates import Identity
from harness.client import Client, Closed, encode
from harness.load import send_block
from harness.registry import conninfo, day, until


def fingerprint_seen(daemon):
    """Of the certificate that a new connection is shown."""
    with daemon.connect("25LU") as client:
        return hashlib.sha256(client.socket.getpeercert(binary_form=True)).hexdigest()


def start_on_files(registry, **changes):
    """A daemon whose certificate and keys are copies that the test may change."""
    for source, name in ((registry.world.server.certificate, "tls.pem"), (registry.world.server.key, "tls.key"),
                         (registry.world.authority.certificate, "ca.pem"), (registry.world.seal_keys, "seal.keys")):
        shutil.copy(source, f"{registry.folder}/{name}")
        os.chmod(f"{registry.folder}/{name}", 0o600)
    # Relative names begin at the folder of the configuration.
    settings = {"tls__certificate": "tls.pem", "tls__key": "tls.key", "tls__ca": "ca.pem", "seal__keys": "seal.keys", **changes}
    daemon = registry.start(**settings)
    daemon.config = f"{registry.folder}/buurtaald-{registry.numbers - 1}.conf"
    return daemon


def replace(path, text):
    """In one step, as an editor or a deployment does."""
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(f"{path}.new", 0o600)
    os.rename(f"{path}.new", path)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def test_a_new_certificate_holds_for_new_connections(registry):
    daemon = start_on_files(registry)
    old = daemon.connect("25LU")
    fresh = registry.world.authority.issue("registry.test", "server")
    assert fingerprint_seen(daemon) == registry.world.server.fingerprint
    replace(f"{registry.folder}/tls.pem", read(fresh.certificate))
    replace(f"{registry.folder}/tls.key", read(fresh.key))
    assert daemon.reload()
    assert fingerprint_seen(daemon) == fresh.fingerprint
    assert old.must("ping")
    old.close()


def test_broken_settings_change_nothing_and_the_log_says_why(registry):
    daemon = start_on_files(registry, limits__party=3)
    registry.excused.append("event=reload")
    config = f"{registry.folder}/{os.path.basename(daemon.config)}"
    good = read(config)
    other = registry.world.authority.issue("other", "server")
    cases = [
        (config, good.replace("party = 3", "party = none"), r"\[limits\] party"),
        (config, good + "[limits]\nparties = 3\n", "parties"),
        (config, good + "nonsense\n", "nonsense|has no value"),
        (config, good.replace("certificate = tls.pem", "certificate = gone.pem"), "gone.pem"),
        (f"{registry.folder}/tls.key", read(other.key), "tls.key"),
        (f"{registry.folder}/ca.pem", "not a certificate\n", "ca.pem"),
        (f"{registry.folder}/seal.keys", "match 00\n", "seal.keys"),
    ]
    for path, text, why in cases:
        before = read(path)
        replace(path, text)
        at = len(daemon.log())
        assert not daemon.reload(), path
        until(f"{why} told", lambda: re.search(why, daemon.log()[at:]))
        replace(path, before)
        assert fingerprint_seen(daemon) == registry.world.server.fingerprint
        clients = [daemon.connect("25LU") for _ in range(3)]
        with pytest.raises(Closed):  # the old limit still holds
            daemon.connect("25LU")
        for client in clients:
            client.close()
        until("the party's connections are gone", lambda: fits(daemon))
    replace(config, good.replace("party = 3", "party = 4"))
    assert daemon.reload()
    clients = [daemon.connect("25LU") for _ in range(4)]
    for client in clients:
        client.close()


def fits(daemon):
    """Whether three more connections of the college are taken: what was closed has been noticed."""
    clients = []
    try:
        for _ in range(3):
            clients.append(daemon.connect("25LU"))
        return True
    except Closed:
        return False
    finally:
        for client in clients:
            client.close()


def test_a_certificate_on_a_new_list_ends_its_connection(registry):
    authority, path = registry.world.authority, f"{registry.folder}/ca.crl"
    authority.revocation_list(path, [])
    daemon = registry.start(tls__crl=path)
    spare = authority.issue("spare")
    with daemon.connect("ADMIN") as admin, daemon.connect("25LU") as other:
        admin.must("grant", party="25LU", role="roc", fingerprint=spare.fingerprint)
        with daemon.connect(spare) as client:
            authority.revocation_list(path, [spare])
            assert client.must("ping")
            assert daemon.reload()
            assert client.last_words() == "revoked"
        assert other.must("ping")


def test_a_block_is_one_whatever_keys_seal_its_lines(registry):
    daemon = start_on_files(registry)
    keys = f"{registry.folder}/seal.keys"
    with daemon.connect("DIB") as exams:
        exams.must("schedule", session="S", exam="DIB-A2", date=day(200), seats=500, place="Emmen", host="25LU")
    lines = [encode("register", {"session": "S", "student": f"L{n}", "name": f"Naam {n}", "born": 2008}) for n in range(600)]
    with daemon.connect("25LU") as alfa:
        plan = send_block(alfa, lines, check=True)[2]["plan"]
        alfa.send(encode("begin", {"plan": plan}) + b"".join(lines[:300]))
        assert alfa.reply().ok
        replace(keys, read(keys) + f"seal 2 {'2b' * 64}\n")
        assert daemon.reload() # while it is open
        daemon.wait_log("event=key-unused key=1 ") # the second key seals, and nothing is left to do
        holder = psycopg2.connect(conninfo(registry.owner, options="'-csearch_path=registry'"))
        holder.cursor().execute("select from log_head for update")
        alfa.send(b"".join(lines[300:]) + b"commit\n")
        until("its first part is in the database", lambda: registry.execute(
            "select count(*) from pg_stat_activity where usename = 'buurtaald' and wait_event_type = 'Lock'") == [(1,)])
        replace(keys, read(keys) + f"seal 3 {'3c' * 64}\n")
        assert daemon.reload() # between two of its parts
        holder.close()
        answers = [alfa.reply() for _ in lines]
        commit = alfa.reply()
        assert all(answer.ok for answer in answers) and commit.ok and commit["plan"] == plan
        assert sorted(row["name"] for row in alfa.read_list("registrations", 500)) == sorted(f"Naam {n}" for n in range(600))
        assert all(answer["repeated"] == "yes" for answer in send_block(alfa, lines)[1])
    # The number of the key stands in bytes 33 to 36.
    until("all of it is under the third key", lambda: registry.execute(
        "select get_byte(name, 36), count(*) from registration group by 1") == [(3, 600)])
    registry.check_log()


def test_drain_answers_what_was_asked_and_says_goodbye(registry):
    daemon = registry.start()
    with daemon.connect("DIB") as exams:
        exams.must("schedule", session="S", exam="DIB-A2", date=day(200), seats=1000, place="Emmen", host="25LU")
    idle = daemon.connect("25PJ")
    clients = [daemon.connect("25LU") for _ in range(8)]
    for n, client in enumerate(clients):
        client.send(b"".join(b"register session=S student=D%d-%d name=N born=2008 tag=%d\n" % (n, i, i) for i in range(200)))
    assert clients[0].reply().ok
    daemon.tell(signal.SIGTERM)
    answered = 1
    for n, client in enumerate(clients):
        tags = [0] if n == 0 else []
        with pytest.raises(Closed) as closed:
            while True:
                reply = client.reply()
                assert reply.ok, reply
                tags.append(int(reply["tag"]))
                answered += 1
        assert closed.value.bye == "draining"
        assert client.read_raw() is None
        assert tags == list(range(len(tags)))
        client.close()
    assert idle.last_words() == "draining"
    idle.close()
    assert daemon.wait() == 0
    # Nothing was done that was not answered.
    assert registry.execute("select count(*) from registration")[0][0] == answered
    with pytest.raises((ConnectionError, ssl.SSLError, Closed)):
        Client(daemon.address, registry.context("25LU"))
    registry.check_log()


def test_a_client_that_never_goes_is_left_after_the_drain(registry):
    daemon = registry.start()
    client = daemon.connect("25LU")
    assert daemon.stop(seconds=10) == 0  # it was told all that it is owed
    assert client.last_words() == "draining"
    client.close()


def test_identity_of_a_file_is_that_of_its_certificate(registry):
    """The tests' own arithmetic: what whoami tells is the SHA-256 of the DER."""
    with registry.start().connect("25LU") as client:
        own = registry.world.identities["25LU"]
        assert client.must("whoami")["certificate"] == Identity(*own.files).fingerprint
