"""`buurtaal ca`: what it makes is accepted and refused as it should be, by the openssl command, by Python's ssl and by a daemon;
many at once; and each fault has its status and says what to do."""
import datetime
import json
import os
import re
import shutil
import ssl
import stat
import subprocess

import pytest

from harness.certificates import Identity
from harness.client import Client, Closed, tls_context
from harness.registry import TOOL
from harness.terminal import Terminal

OIN = "0000000700025LU00000"
DAY = 86400


def start(*argv):
    return subprocess.Popen([TOOL, "--lang", "en", "ca", *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def run(*argv, wanted=0):
    """What it printed, and what it told on stderr."""
    with start(*argv) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == wanted, f"{argv}: status {process.returncode}: {out}{err}"
    return out.strip(), err


class Folder:
    """The folder of an authority."""

    def __init__(self, path):
        self.path = str(path)
        run("make", self.path, "--name", "Proef-CA")

    def __call__(self, action, *argv, wanted=0):
        return run(action, self.path, *argv, wanted=wanted)[0]

    def file(self, name):
        return f"{self.path}/{name}"

    def identity(self, name, key=None):
        return Identity(self.file(f"{name}.pem"), self.file(f"{key or name}.key"))

    def listed(self):
        return json.loads(self("list", "--json"))


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "authority")


def openssl(*argv):
    """Its status, and all that it said."""
    done = subprocess.run(["openssl", *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=60, check=False)
    return done.returncode, done.stdout


def verify(folder, name, *options):
    status, said = openssl("verify", "-x509_strict", "-CAfile", folder.file("ca.pem"), *options, folder.file(f"{name}.pem"))
    return "OK" if status == 0 else said


def shake_hands(server, client, name):
    """A handshake in memory. "" when both sides are content, else why one is not."""
    down, up = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [client.wrap_bio(down, up, server_hostname=name), server.wrap_bio(up, down, server_side=True)]
    done = [False, False]
    for _ in range(10):
        for i, side in enumerate(sides):
            try:
                if done[i]:
                    side.read(1)
                side.do_handshake()
                done[i] = True
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as fault:
                return str(fault)
    assert all(done)
    return ""


def server_context(folder, identity):
    """One that asks for a certificate and knows the list."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*identity.files)
    context.load_verify_locations(folder.file("ca.pem"))
    context.load_verify_locations(folder.file("crl.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF | ssl.VERIFY_X509_STRICT
    return context


def test_openssl_accepts_and_refuses_what_it_makes(folder, tmp_path):
    other = Folder(tmp_path / "other")
    folder("issue", "server", "--server", "registry.example.nl", "--server", "192.0.2.1", "--server", "2001:db8::1")
    printed = folder("issue", "25LU", "--oin", OIN, "--days", "100")
    for name, options, verdict in [
            ("25LU", ["-purpose", "sslclient"], "OK"),
            ("25LU", ["-purpose", "sslserver"], "unsuitable certificate purpose"),
            ("server", ["-purpose", "sslserver", "-verify_hostname", "registry.example.nl"], "OK"),
            ("server", ["-purpose", "sslserver", "-verify_ip", "192.0.2.1"], "OK"),
            ("server", ["-purpose", "sslserver", "-verify_ip", "2001:db8::1"], "OK"),
            ("server", ["-verify_hostname", "other.example.nl"], "hostname mismatch"),
            ("server", ["-purpose", "sslclient"], "unsuitable certificate purpose"),
            ("25LU", ["-attime", moment(99)], "OK"),
            ("25LU", ["-attime", moment(101)], "certificate has expired"),
            ("25LU", ["-attime", moment(-1)], "not yet valid"),
            ("25LU", ["-crl_check", "-CRLfile", folder.file("crl.pem")], "OK")]:
        assert verdict in verify(folder, name, *options), (name, options)
    assert openssl("verify", "-CAfile", other.file("ca.pem"), folder.file("25LU.pem"))[0] != 0
    assert f"serialNumber = {OIN}" in openssl("x509", "-in", folder.file("25LU.pem"), "-noout", "-subject")[1]
    assert printed == Identity(folder.file("25LU.pem"), "").fingerprint
    for name in ("ca", "server", "25LU"):
        assert stat.S_IMODE(os.stat(folder.file(f"{name}.key")).st_mode) == 0o600
    # Nothing lives longer than the authority.
    run("make", str(tmp_path / "month"), "--days", "30")
    run("issue", str(tmp_path / "month"), "long", "--days", "365")
    assert openssl("x509", "-in", f"{tmp_path}/month/long.pem", "-noout", "-checkend", str(31 * DAY))[0] == 1


def moment(days):
    return str(int(datetime.datetime.now().timestamp()) + days * DAY)


def test_a_list_names_whom_it_revokes_why_and_until_when_it_holds(folder):
    for name in ("stays", "lost", "left"):
        folder("issue", name)
    lost = folder("revoke", "lost", "--reason", "keyCompromise", "--days", "7")
    assert lost == folder.identity("lost").fingerprint == folder("revoke", "lost", "--reason", "superseded"), "once is once"
    serial = {row["name"]: row["serial"] for row in folder.listed()["certificates"]}
    folder("revoke", serial["left"].lower())
    folder("crl", "--days", "7")
    status, text = openssl("crl", "-in", folder.file("crl.pem"), "-CAfile", folder.file("ca.pem"), "-noout", "-text", "-nextupdate")
    assert status == 0 and "verify OK" in text
    assert serial["lost"] in text and serial["left"] in text and serial["stays"] not in text
    assert text.count("CRL Reason Code") == 1 and "Key Compromise" in text
    assert "X509v3 CRL Number: \n                5" in text
    end = datetime.datetime.strptime(text.split("nextUpdate=")[1].splitlines()[0], "%b %d %H:%M:%S %Y GMT")
    assert abs((end - datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)).total_seconds() - 7 * DAY) < 600
    checked = ["-crl_check", "-CRLfile", folder.file("crl.pem")]
    assert "certificate revoked" in verify(folder, "lost", *checked)
    assert "certificate revoked" in verify(folder, "left", *checked)
    assert verify(folder, "stays", *checked) == "OK"
    # The list is made from the index: without it nobody comes back to life.
    os.remove(folder.file("crl.pem"))
    folder("crl")
    assert "certificate revoked" in verify(folder, "lost", *checked)


def test_a_graver_reason_stands_and_its_key_serves_no_more(folder):
    folder("issue", "college")
    before = folder("revoke", "college", "--reason", "superseded")
    when = folder.listed()["certificates"][0]["revoked"]
    assert "The old one is revoked, and stays so." in run("renew", folder.path, "college")[1]
    _, told = run("revoke", folder.path, "college", "--reason", "keyCompromise")
    assert "revoked before (superseded); the reason is now keyCompromise" in told and "college-2 has the same key" in told
    row = folder.listed()["certificates"][0]
    assert (row["reason"], row["revoked"]) == ("keyCompromise", when)
    assert "Key Compromise" in openssl("crl", "-in", folder.file("crl.pem"), "-noout", "-text")[1]
    assert run("revoke", folder.path, "college", "--reason", "superseded")[0] == before
    assert folder.listed()["certificates"][0]["reason"] == "keyCompromise", "never a milder one"
    for name in ("college", "college-2"):
        assert "renew with --new-key" in run("renew", folder.path, name, wanted=73)[1]
    told = run("renew", folder.path, "college", "--new-key")[1]
    assert "is revoked, and stays so" in told and "stays valid" not in told


def test_who_renews_hears_where_the_new_one_is_to_be_made_known(folder):
    folder("issue", "server", "--server", "localhost")
    folder("issue", "college")
    told = run("renew", folder.path, "server")[1]
    assert "[tls] certificate of the daemon" in told and "stays valid until its end" in told and "grant" not in told
    fingerprint, told = run("renew", folder.path, "college")
    assert f"buurtaal send 'grant party=... role=... fingerprint={fingerprint}'" in told and "daemon" not in told


def test_pythons_ssl_accepts_and_refuses_what_it_makes(folder, tmp_path):
    other = Folder(tmp_path / "other")
    folder("issue", "server", "--server", "localhost")
    for name in ("college", "lost"):
        folder("issue", name)
    other("issue", "college")
    folder("renew", "college")
    folder("renew", "college", "--new-key")
    folder("revoke", "lost")
    server = server_context(folder, folder.identity("server"))
    for identity, verdict in [(folder.identity("college"), ""), (folder.identity("college-2", "college"), ""),
                              (folder.identity("college-3"), ""), (folder.identity("lost"), "certificate revoked"),
                              (folder.identity("server"), "unsuitable certificate purpose"),
                              (other.identity("college"), "unable to get local issuer certificate"), (None, "peer did not return")]:
        said = shake_hands(server, tls_context(folder.file("ca.pem"), identity and identity.files), "localhost")
        assert verdict in said and bool(said) == bool(verdict), (identity and identity.certificate, said)
    college = tls_context(folder.file("ca.pem"), folder.identity("college").files)
    assert "Hostname mismatch" in shake_hands(server, college, "example.nl")
    client_as_server = server_context(folder, folder.identity("college"))
    client_as_server.verify_mode = ssl.CERT_NONE
    assert "unsuitable certificate purpose" in shake_hands(client_as_server, college, "localhost")


def test_many_at_once_wait_for_each_other(folder):
    processes = [start("issue", folder.path, "same") for _ in range(4)]
    processes += [start("issue", folder.path, f"college-{n}") for n in range(6)]
    processes += [start("crl", folder.path) for _ in range(3)]
    for process in processes:
        process.communicate(timeout=120)
    assert sorted(process.returncode for process in processes[:4]) == [0, 73, 73, 73]
    assert {process.returncode for process in processes[4:]} == {0}
    rows = folder.listed()["certificates"]
    assert sorted(row["name"] for row in rows) == [f"college-{n}" for n in range(6)] + ["same"]
    assert len({row["serial"] for row in rows}) == 7
    for row in rows:
        assert verify(folder, row["name"]) == "OK"
        assert folder.identity(row["name"]).fingerprint == row["fingerprint"]
        tls_context(folder.file("ca.pem"), folder.identity(row["name"]).files)  # the key fits
    processes = [start("revoke", folder.path, row["name"]) for row in rows for _ in range(2)]
    for process in processes:
        assert (process.communicate(timeout=120), process.returncode)[1] == 0
    text = openssl("crl", "-in", folder.file("crl.pem"), "-noout", "-text")[1]
    assert all(text.count(row["serial"]) == 1 for row in rows)
    assert folder.listed()["crl"]["number"] == 1 + 3 + 14


def test_the_list_shows_what_was_issued_and_marks_what_ends_soon(folder):
    folder("issue", "server", "--server", "localhost")
    folder("issue", "25LU", "--oin", OIN, "--days", "29")
    folder("issue", "lost")
    folder("revoke", "lost", "--reason", "affiliationChanged")
    rows = {row["name"]: row for row in folder.listed()["certificates"]}
    assert [(row["state"], row["for"]) for row in rows.values()] == [("valid", "server"), ("expiring", "client"), ("revoked", "client")]
    assert rows["25LU"]["oin"] == OIN and "oin" not in rows["server"]
    assert rows["lost"]["reason"] == "affiliationChanged" and rows["lost"]["revoked"].endswith("Z")
    for name, row in rows.items():
        said = openssl("x509", "-in", folder.file(f"{name}.pem"), "-noout", "-serial", "-enddate")[1]
        end = datetime.datetime.strptime(row["until"], "%Y-%m-%dT%H:%M:%SZ")
        assert f"serial={row['serial']}\n" in said and f"notAfter={end:%b} {end.day:2} {end:%H:%M:%S %Y} GMT" in said
    table, told = run("list", folder.path)
    lines = table.splitlines()
    # 29 within the second in which it was issued
    assert len(lines) == 4 and re.search("expires in 2[89] days", lines[2]) and OIN in lines[2]
    assert "revoked" in lines[3] and "affiliationChanged" in lines[3]
    assert all(row["fingerprint"] in table and row["serial"] in table for row in rows.values())
    assert "number 2" in told
    assert run("list", "--quiet", folder.path)[1] == ""
    folder("issue", "soon", "--days", "2")
    assert re.search("expires in (1 day|2 days) ", run("list", folder.path)[0])


def test_the_list_tells_what_is_wrong_in_the_folder(folder):
    folder("issue", "college")
    shutil.copy(folder.file("crl.pem"), folder.file("kept"))
    folder("revoke", "college")
    os.replace(folder.file("kept"), folder.file("crl.pem"))  # as when the revoking was cut off, or by a copy from elsewhere
    assert "number 1, but the newest is 2: sign it anew" in run("list", "--quiet", folder.path)[1]
    assert folder.listed()["crl"]["number"] == 1
    folder("crl")
    assert run("list", "--quiet", folder.path)[1] == "" and folder.listed()["crl"]["number"] == 3
    for name in ("crl.pem", "ca.pem"):
        os.rename(folder.file(name), folder.file(name + ".kept"))
    told = run("list", "--quiet", folder.path)[1]
    assert "crl.pem cannot be read" in told and "ca.pem cannot be read" in told and "1970" not in told
    listed = folder.listed()
    assert listed["ca"] == {} and listed["crl"] == {"number": 0} and len(listed["certificates"]) == 1


def test_what_cannot_be_is_told_with_its_status_and_remedy(folder, tmp_path):
    folder("issue", "college")
    before = sorted(os.listdir(folder.path))
    nowhere = str(tmp_path / "nowhere")
    for argv, status, words in [
            ([], 64, "make, init, issue"), (["lust"], 64, "make, init, issue"), (["make"], 64, "DIR"),
            (["list", folder.path, "more"], 64, "more"), (["revoke", folder.path], 64, "CERTIFICATE"),
            (["issue", folder.path, "../x"], 64, "A-Z"), (["issue", folder.path, "crl"], 64, "not ca, crl"),
            (["issue", folder.path, "x" * 65], 64, "1 to 64"),
            (["issue", folder.path, "new", "--oin", "25LU"], 64, "20 digits"),
            *((["issue", folder.path, "new", "--server", host], 64, f"--server {host}")
              for host in ("a,b", ":", "::1::", "1.2.3.4.", "a..b", ".a", "a-.nl", "*", "x" * 64 + ".nl", "é.nl")),
            (["issue", folder.path, "new", "--days", "0"], 64, "from 1 to"),
            (["issue", folder.path, "new", "--reason", "superseded"], 64, "--reason does not go with ca issue"),
            (["revoke", folder.path, "college", "--reason", "tired"], 64, "--help"),
            (["make", nowhere, "--name", "x" * 65], 64, "1 to 64"), (["make", nowhere, "--name", "a\nb"], 64, "1 to 64"),
            (["make", folder.path], 73, "another folder"), (["make", "/proc/none/such"], 73, "/proc/none"),
            (["issue", folder.path, "college"], 73, "ca renew"), (["revoke", folder.path, "nobody"], 66, "ca list"),
            (["renew", folder.path, "nobody"], 66, "ca list"), (["list", nowhere], 66, "ca make"),
            (["issue", nowhere, "new"], 66, "ca make"), (["fingerprint", nowhere], 66, "nowhere"),
            (["fingerprint", folder.file("college.key")], 65, "PEM")]:
        assert words in run(*argv, wanted=status)[1], argv
    assert sorted(os.listdir(folder.path)) == before
    os.rename(folder.file("index"), folder.file("kept"))
    assert "put it back from a copy" in run("revoke", folder.path, "college", wanted=66)[1]
    os.rename(folder.file("kept"), folder.file("index"))
    os.chmod(folder.file("ca.key"), 0o644)
    assert "chmod 600" in run("crl", folder.path, wanted=78)[1]


def test_the_longest_name_is_renewed_again_and_again(folder):
    name = "x" * 64
    folder("issue", name)
    for new_key in ([], ["--new-key"], []):
        folder("renew", name, *new_key)
    names = [row["name"] for row in folder.listed()["certificates"]]
    assert names == [name, name[:62] + "-2", name[:62] + "-3", name[:62] + "-4"]
    assert all(verify(folder, name) == "OK" for name in names)


def test_a_key_behind_a_pass_phrase_is_asked_for_at_a_terminal_alone(folder):
    assert openssl("pkey", "-aes256", "-passout", "pass:Kasteel", "-in", folder.file("ca.key"), "-out", folder.file("locked"))[0] == 0
    os.rename(folder.file("locked"), folder.file("ca.key"))
    with subprocess.Popen([TOOL, "--lang", "en", "ca", "crl", folder.path], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                          start_new_session=True) as process:
        assert "behind a pass phrase" in process.communicate(timeout=60)[1]
    assert process.returncode == 65
    with Terminal(lambda slave, prepare: subprocess.Popen([TOOL, "ca", "issue", folder.path, "college"], stdin=slave, stdout=slave,
                                                          stderr=slave, start_new_session=True, preexec_fn=prepare)) as terminal:
        terminal.expect("pass phrase")
        terminal.type("Kasteel\r")
        terminal.end()
    assert verify(folder, "college") == "OK"


def admitted(daemon, registry, identity):
    """"" or the code with which it is turned away."""
    try:
        Client(daemon.address, tls_context(registry.world.authority.certificate, identity.files)).close()
        return ""
    except Closed as closed:
        return closed.bye


def test_a_daemon_takes_the_renewed_beside_the_old_and_heeds_list_and_revoke_together(registry, folder):
    """Under a grant by OIN a renewed certificate needs no grant of its own; what either the list or the registry revoked is
    dead, whatever the other says."""
    for name in ("college", "both", "bystander"):
        folder("issue", name, "--oin", OIN)
    folder("renew", "college")
    folder("renew", "college", "--new-key")
    both = f"{registry.folder}/both.pem"
    with open(both, "w", encoding="ascii") as file:
        for path in (registry.world.authority.certificate, folder.file("ca.pem")):
            with open(path, encoding="ascii") as part:
                file.write(part.read())
    daemon = registry.start(tls__ca=both, tls__crl=folder.file("crl.pem"))
    old, same_key, new_key = folder.identity("college"), folder.identity("college-2", "college"), folder.identity("college-3")
    twice, bystander = folder.identity("both"), folder.identity("bystander")
    with daemon.connect("ADMIN") as admin:
        admin.must("grant", party="25LU", role="roc", oin=OIN, issuer=run("fingerprint", folder.file("ca.pem"))[0])
        for identity in (old, same_key, new_key, twice, bystander):
            assert admitted(daemon, registry, identity) == ""
        world = registry.world.authority.certificate
        with Client(daemon.address, tls_context(world, old.files)) as leaves, \
                Client(daemon.address, tls_context(world, same_key.files)) as stays:
            folder("revoke", "college", "--reason", "superseded")
            assert leaves.must("whoami")["certificate"] == old.fingerprint, "a list holds from the reload"
            assert daemon.reload()
            assert leaves.last_words() == "revoked"
            assert stays.must("whoami")["certificate"] == same_key.fingerprint
        assert admitted(daemon, registry, old) == "revoked"
        admin.must("revoke", fingerprint=new_key.fingerprint)  # the list does not know of it
        assert admitted(daemon, registry, new_key) == "revoked"
        admin.must("revoke", fingerprint=twice.fingerprint)
        folder("revoke", "both")
        assert daemon.reload()
        for identity, code in ((old, "revoked"), (same_key, ""), (new_key, "revoked"), (twice, "revoked"), (bystander, "")):
            assert admitted(daemon, registry, identity) == code, identity.certificate
        assert admin.must("ping"), "another authority's certificates are none of this list's business"
