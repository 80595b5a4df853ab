"""`buurtaal doctor`: each step of a connection broken on purpose, one at a time; the step is named, with its remedy and status."""
import os
import re
import shutil
import socket
import ssl
import subprocess

import pytest

from harness.certificates import Authority
from harness.impostor import Impostor, over_tls
from harness.registry import PROGRAM, day
from harness.tool import Tool

# Statuses of sysexits.h.
OK, DATAERR, NOHOST, UNAVAILABLE, TEMPFAIL, PROTOCOL, NOPERM, CONFIG = 0, 65, 68, 69, 75, 76, 77, 78


class Patient(Tool):
    """A profile in a file that a test can spoil."""

    def change(self, **values):
        """Lines of the profile; None takes one away."""
        with open(self.profile, encoding="utf-8") as file:
            lines = dict(line.rstrip("\n").split(" = ", 1) for line in file)
        lines.update({name: str(value) for name, value in values.items()})
        with open(self.profile, "w", encoding="utf-8") as file:
            file.writelines(f"{name} = {value}\n" for name, value in lines.items() if value != "None")

    def identify(self, identity):
        self.change(certificate=identity.certificate, key=identity.key)

    def examine(self, status, faults, *options, lang="en"):
        """Runs the doctor, which must fail in exactly these steps; what it said."""
        done, said = self.run("--lang", lang, "doctor", *options)
        assert re.findall(r"^FAULT +(\w+)", said, re.M) == faults, said
        assert done == status, said
        assert said.count("do:") >= len(faults), "a fault without a remedy: " + said
        return said


@pytest.fixture
def daemon(registry):
    return registry.start()


@pytest.fixture
def patient(registry, daemon):
    return Patient(registry, daemon.address, "25LU")


def test_who_is_well_hears_it_of_each_step(patient, registry):
    said = patient.examine(OK, [])
    steps = re.findall(r"^ok +(\w+)", said, re.M)
    assert steps == ["profile", "CA", "certificate", "validity", "key", "name", "port", "TLS", "registry", "admission", "protocol",
                     "clock", "role", "log"]
    assert registry.world.identities["25LU"].fingerprint in said and "25LU" in said and "\033" not in said
    assert "goed" in patient.run("--lang", "nl", "doctor", wanted=OK)[1]
    assert patient.run("doctor", "--quiet", wanted=OK)[1] == ""
    assert "does not belong here: now" in patient.run("--lang", "en", "doctor", "now", wanted=64)[1]


def test_the_profile(patient, tmp_path):
    os.chmod(patient.profile, 0o666)
    assert "chmod" in patient.examine(CONFIG, ["profile"])
    os.chmod(patient.profile, 0o600)
    patient.change(colour="red")
    said = patient.examine(CONFIG, ["profile"])
    assert "there is no colour here" in said and f"do: mend {patient.profile}, or remove it" in said
    patient.profile = str(tmp_path / "none.conf")
    said = patient.examine(CONFIG, ["profile"])
    assert "none.conf" in said and "do: make one" in said


def test_the_files(patient, registry, tmp_path):
    world = registry.world
    patient.change(ca=tmp_path / "none.pem")
    assert "none.pem" in patient.examine(CONFIG, ["CA"])
    (tmp_path / "empty.pem").write_text("no certificate\n")
    patient.change(ca=world.authority.certificate, certificate=tmp_path / "empty.pem")
    assert "PEM" in patient.examine(CONFIG, ["certificate"])
    patient.change(certificate=world.identities["25LU"].certificate, key=world.identities["DIB"].key)
    assert "does not belong" in patient.examine(CONFIG, ["key"])
    shutil.copy(world.identities["25LU"].key, tmp_path / "open.key")
    os.chmod(tmp_path / "open.key", 0o644)
    patient.change(key=tmp_path / "open.key")
    assert f"chmod 600 {tmp_path}/open.key" in patient.examine(CONFIG, ["key"])
    patient.change(ca=tmp_path / "empty.pem")
    patient.examine(CONFIG, ["CA", "key"])  # one fault does not hide another


def test_the_certificate_of_a_server(patient, registry):
    server = registry.world.authority.issue("registry.test", "server")
    patient.identify(server)
    assert "is for a server" in patient.examine(CONFIG, ["certificate"])
    assert "is for a server" in patient.run("--lang", "en", "send", "ping", wanted=CONFIG)[1], "and not of another CA"
    patient.profile = f"{registry.folder}/new.conf"
    assert "is for a server" in patient.run("--lang", "en", "profile", "--host", "localhost", "--ca", registry.world.authority.certificate,
                                            "--certificate", server.certificate, "--key", server.key, wanted=CONFIG)[1]


def test_validity_and_what_the_registry_says_of_it(patient, registry):
    patient.identify(registry.world.authority.issue("25LU", days=(-20, -2)))
    assert "expired" in patient.examine(CONFIG, ["validity", "admission"])
    patient.identify(registry.world.authority.issue("25LU", days=(2, 20)))
    assert "clock" in patient.examine(CONFIG, ["validity", "admission"])
    soon = registry.world.authority.issue("25LU", days=(-1, 9.5))
    with registry.start().connect("ADMIN") as admin:
        admin.must("grant", party="25LU", role="roc", fingerprint=soon.fingerprint)
    patient.identify(soon)
    said = patient.examine(OK, [])
    assert re.search(r"^note +validity .* 9 days", said, re.M), said
    tomorrow = registry.world.authority.issue("25LU", days=(-1, 1.5))
    with registry.start().connect("ADMIN") as admin:
        admin.must("grant", party="25LU", role="roc", fingerprint=tomorrow.fingerprint)
    patient.identify(tomorrow)
    assert re.search(r"^note +validity .* 1 day left", patient.examine(OK, []), re.M)
    assert "expires in 1 day;" in patient.run("--lang", "en", "send", "ping", wanted=OK)[1]


def test_name_and_port(patient, daemon):
    patient.change(host="a" * 64 + ".test")  # no label may have 64: nobody is asked
    patient.examine(NOHOST, ["name"])
    patient.change(host="127.0.0.1")
    with socket.socket() as taken:  # bound and not listening: nobody answers
        taken.bind(("127.0.0.1", 0))
        patient.change(port=taken.getsockname()[1])
        assert "nobody listens" in patient.examine(UNAVAILABLE, ["port"])


def test_tls_of_another_kind(patient, registry):
    with Impostor(lambda connection: connection.sendall(b"220 mail.test ESMTP\r\n")) as mail:
        patient.change(port=mail.port)
        assert "something other than a registry" in patient.examine(PROTOCOL, ["TLS"])
    with over_tls(registry, b"", most=ssl.TLSVersion.TLSv1_2) as old:
        patient.change(port=old.port)
        assert "older than TLS 1.3" in patient.examine(PROTOCOL, ["TLS"])
    with Impostor(lambda connection: connection.recv(1000)) as deaf:
        patient.change(port=deaf.port)
        patient.examine(PROTOCOL, ["TLS"])


def test_who_the_registry_is(patient, registry, tmp_path):
    other = Authority(str(tmp_path / "other"))
    patient.change(ca=other.certificate)
    assert "another way" in patient.examine(NOPERM, ["registry"])
    patient.change(ca=registry.world.authority.certificate, host="127.0.0.2")
    daemon = registry.start(listen__address="127.0.0.2")
    patient.change(port=daemon.address[1])
    assert "another name: localhost, 127.0.0.1\n" in patient.examine(NOPERM, ["registry"])
    patient.change(host="127.0.0.1")
    for days, word in (((-20, -2), "expired"), ((2, 20), "not valid yet")):
        stale = registry.world.authority.issue("registry.test", "server", days=days)
        with over_tls(registry, b"", identity=stale) as aged:
            patient.change(port=aged.port)
            said = patient.examine(NOPERM, ["registry"])
            assert word in said and "clock of this computer" in said


def test_whom_it_does_not_admit(patient, registry, tmp_path):
    authority = registry.world.authority
    stranger = authority.issue("stranger")
    patient.identify(stranger)
    assert f"fingerprint={stranger.fingerprint}" in patient.examine(NOPERM, ["admission"])
    with registry.start().connect("ADMIN") as admin:
        admin.must("revoke", fingerprint=stranger.fingerprint)
    assert "new key" in patient.examine(NOPERM, ["admission"])
    patient.identify(Authority(str(tmp_path / "other")).issue("25LU"))
    assert "CA that the registry knows" in patient.examine(NOPERM, ["admission"])


def test_a_registry_that_has_no_time(patient, registry):
    with over_tls(registry, b"* BYE code=database text=Later.\n") as broken:
        patient.change(port=broken.port)
        assert "on your side all is well" in patient.examine(TEMPFAIL, ["admission"])


def test_the_version_of_the_protocol(patient, registry):
    with over_tls(registry, b"* buurtaal 2 server=new party=25LU role=roc window=256\n") as newer:
        patient.change(port=newer.port)
        assert "version 2" in patient.examine(PROTOCOL, ["protocol"])
        assert "versie 2" in patient.run("send", "ping", wanted=PROTOCOL)[1], "other verbs do not guess either"
    with over_tls(registry, b"HTTP/1.1 400 Bad Request\r\n") as web:
        patient.change(port=web.port)
        patient.examine(PROTOCOL, ["admission"])


def test_the_clock(bare, monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Amsterdam")
    bare.execute("insert into demo default values")  # as `migrate --demo` does before the first write
    daemon = bare.start()
    with daemon.connect("ADMIN"):
        pass
    patient = Patient(bare, daemon.address, "ADMIN")
    patient.examine(OK, [])
    subprocess.run([PROGRAM, "-f", bare.configure("clock.conf"), "clock", day(90)], check=True, stdin=subprocess.DEVNULL)
    said = patient.examine(OK, [])
    assert re.search(rf"^note +clock .*{day(90)}.*\n +do: set the clock", said, re.M), "nothing fails by it, so it is no fault"
    monkeypatch.setenv("TZ", "UTC")
    (line,) = re.findall(r"^note +clock .*", patient.examine(OK, []), re.M)
    assert re.findall(r"\d\d:\d\d:\d\d ([+-]\d{4})", line) == ["+0000"] * 2, "both in one zone"
    assert "clock" in patient.examine(OK, [], "--quiet")


def test_party_and_role(patient, registry):
    patient.examine(OK, [], "--party", "25LU", "--role", "roc")
    assert "takes you for 25LU" in patient.examine(NOPERM, ["role"], "--party", "25PJ")
    said = patient.examine(NOPERM, ["role"], "--role", "admin")
    assert registry.world.identities["25LU"].fingerprint in said and "in the role roc; asked was 25LU, in the role admin" in said


def test_a_log_that_lost_something(patient, registry):
    patient.examine(OK, [])
    with open(patient.profile.removesuffix(".conf") + ".seen", "w", encoding="utf-8") as seen:
        seen.write(f"log=1 head={'ab' * 32}\n")
    assert "old database" in patient.examine(DATAERR, ["log"])
