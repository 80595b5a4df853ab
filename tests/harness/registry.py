"""A registry of a test: a database, keys, certificates, a configuration, and the daemons that run on it.

    world     what one run of the tests makes once: a CA, identities, keys, and databases to copy
    registry  a copy of such a database, and a folder; each test has its own
    daemon    one buurtaald, its log in a file of its own
"""
import datetime
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import zoneinfo

import psycopg2

from harness import client, heads
from harness.certificates import Authority

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = f"{ROOT}/build/buurtaald"
TOOL = f"{ROOT}/build/buurtaal"

# Who there is: party, role, certificates made for it.
PARTIES = [("ADMIN", "admin"), ("DIB", "exams"), ("NUFFIC", "nuffic"), ("OCW", "ocw"), ("25LU", "roc"), ("25PJ", "roc"),
           ("27YU", "roc")]

COLLEGES = {"25LU": ("Alfa-college", "groningen"), "25PJ": ("Deltion College", "overijssel"),
            "27YU": ("ROC van Twente", "overijssel")}


def until(what, condition, seconds=20):
    """Waits for a condition, asked again and again; its first true value. Fails with `what` when time is up."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.01)


def high_water(pid):
    """The most memory that a process has had so far, in kB; None when it has ended."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        found = re.search(r"VmHWM:\s+(\d+) kB", file.read())
    return int(found.group(1)) if found else None


def day(days):
    """A day counted from today in Amsterdam, which is where the registry's days are."""
    today = datetime.datetime.now(zoneinfo.ZoneInfo("Europe/Amsterdam")).date()
    return (today + datetime.timedelta(days=days)).isoformat()


def conninfo(base, **changes):
    """A connection string with some parts changed."""
    return " ".join(f"{name}={value}" for name, value in {**parse(base), **changes}.items())


def parse(text):
    return dict(word.split("=", 1) for word in shlex.split(text))


def execute(connection_string, sql, *values):
    """One statement, committed by itself; its rows, or None where there are none to have."""
    connection = psycopg2.connect(connection_string)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql, values or None)
            return cursor.fetchall() if cursor.description else None
    finally:
        connection.close()


class Daemon:
    """A running buurtaald. `address` is where it listens. Always stopped by its own process id."""

    def __init__(self, registry, config, listener=None, program=None, wait=True):
        self.registry = registry
        self.log_path = f"{registry.folder}/daemon-{registry.next_number()}.log"
        self.log_at = 0
        argv = [program or PROGRAM, "-f", config]
        environment = {name: value for name, value in os.environ.items()
                       if name not in ("LISTEN_FDS", "LISTEN_PID", "NOTIFY_SOCKET", "JOURNAL_STREAM")}
        pass_fds = ()
        if listener is not None:
            # As systemd does: the socket is descriptor 3, and LISTEN_PID names the process.
            argv = [sys.executable, "-c", "import os, sys\nif int(sys.argv[1]) != 3: os.dup2(int(sys.argv[1]), 3)\n"
                    "os.set_inheritable(3, True)\nos.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))\n"
                    "os.execv(sys.argv[2], sys.argv[2:])", str(listener.fileno()), *argv]
            pass_fds = (listener.fileno(),)
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
                                            pass_fds=pass_fds)
        self.pid = self.process.pid
        self.address = listener.getsockname()[:2] if listener else None
        if wait:
            self.wait_ready()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_log(self, pattern, seconds=20):
        """The first match of a pattern in the log, waited for."""
        def look():
            found = re.search(pattern, self.log())
            assert found or self.running(), f"the daemon ended: {self.log()}"
            return found
        return until(f"{pattern} in {self.log_path}: {self.log()[-2000:]}", look, seconds)

    def wait_ready(self):
        """Until it serves; finds out where."""
        listening = self.wait_log(r"event=listening address=\S+ port=(\d+)")
        self.wait_log(r"event=ready\b")
        if self.address is None:
            self.address = ("127.0.0.1", int(listening.group(1)))

    def running(self):
        return self.process.poll() is None

    def tell(self, number):
        self.process.send_signal(number)

    def reload(self):
        """SIGHUP; waits for what the log says of it: True when the new settings hold."""
        pattern = r"event=(reloaded|reload-refused)\b"
        before = len(re.findall(pattern, self.log()))
        self.tell(signal.SIGHUP)
        return until("a word about the reload", lambda: re.findall(pattern, self.log())[before:])[0] == "reloaded"

    def stop(self, number=signal.SIGTERM, seconds=40):
        """Ends it and gives its status."""
        if self.running():
            self.tell(number)
        return self.wait(seconds)

    def wait(self, seconds=40):
        """Its status, once it has ended by what it was told."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the daemon did not end within {seconds} s: {self.log()[-3000:]}") from None

    def connect(self, party=None, **options):
        """A greeted Client of a party of the world, or of an Identity."""
        return client.Client(self.address, self.registry.context(party), **options)

    def complaints(self):
        """What the log has at the level of an error or worse."""
        return [line for line in self.log().splitlines() if re.match(r"<[0-3]>", line)]


class Registry:
    """A database and a folder; `start()` runs a daemon on it."""

    def __init__(self, world, folder, database):
        self.world, self.folder, self.database = world, str(folder), database
        self.owner = conninfo(world.owner, dbname=database)
        self.write = conninfo(world.write, dbname=database)
        self.daemons = []
        self.numbers = 0
        self.lock = threading.Lock()
        self.excused = []

    def next_number(self):
        with self.lock:
            self.numbers += 1
            return self.numbers

    def context(self, party):
        identity = self.world.identities.get(party) if isinstance(party, str) else party
        assert identity or party is None, f"nobody is {party}"
        return client.tls_context(self.world.authority.certificate, identity.files if identity else None)

    def configure(self, name="buurtaald.conf", **changes):
        """Writes a configuration; changes are section__option=value, None leaves one out. Returns its path."""
        options = {
            "server__name": "test", "listen__address": "127.0.0.1", "listen__port": "0",
            "tls__certificate": self.world.server.certificate, "tls__key": self.world.server.key,
            "tls__ca": self.world.authority.certificate, "database__write": self.write,
            "database__owner": self.owner, "seal__keys": self.world.seal_keys, **changes}
        sections = {}
        for key, value in options.items():
            section, option = key.split("__")
            if value is not None:
                sections.setdefault(section, []).append(f"{option.replace('_', '-')} = {value}\n")
        path = f"{self.folder}/{name}"
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join(f"[{section}]\n{''.join(lines)}\n" for section, lines in sections.items()))
        return path

    def control(self, *argv):
        """What the daemon's program does beside serving: `migrate`, `clock`; what it said."""
        return subprocess.run([PROGRAM, "-f", self.configure("control.conf"), *argv], check=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True).stdout

    def start(self, listener=None, wait=True, **changes):
        daemon = Daemon(self, self.configure(f"buurtaald-{self.next_number()}.conf", **changes), listener, wait=wait)
        with self.lock:
            self.daemons.append(daemon)
        return daemon

    def listener(self):
        """A listening socket for daemons to inherit."""
        made = socket.create_server(("127.0.0.1", 0), backlog=1024)
        return made

    def execute(self, sql, *values):
        """As the database's owner, in the tables' schema."""
        return execute(conninfo(self.owner, options="'-csearch_path=registry,public'"), sql, *values)

    def api(self):
        """The name of the schema of the functions."""
        return self.execute("select name from api order by built desc limit 1")[0][0]

    def reconcile(self):
        """What the registry finds wrong with its own sums."""
        return execute(conninfo(self.owner, options=f"'-csearch_path={self.api()},registry,public'"),
                       "select * from reconcile() union all select * from reconcile_log()")

    def check_log(self):
        """Holds what must always hold of the log and the sums: gapless, in order of time, heads right, nothing to reconcile.
        Returns the newest number."""
        newest = self.check_heads()
        wrong = self.reconcile()
        assert wrong == [], wrong[:5]
        return newest

    def check_heads(self):
        """Holds what must always hold of the log: gapless, heads right. Returns the newest number."""
        newest, head = self.execute("select log, encode(head, 'hex') from log_head")[0]
        rows = self.execute("""select log, to_char(time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), party,
            encode(certificate, 'hex'), origin, verb, nullif(fields, ''), outcome from audit order by log""")
        assert [row[0] for row in rows] == list(range(1, newest + 1)), "the log has gaps"
        known = dict(self.execute("select log, encode(head, 'hex') from head"))
        assert heads.compute(rows, known) == (head if newest else "00" * 32)
        return newest

    def check_sessions(self):
        """Holds what must always hold of seats: never one too many, none free while somebody waits, numbers as counted."""
        wrong = self.execute("""
            select session.session, seats, taken, waiting, counted.*
            from session left join lateral (
                select count(*) filter (where state = 'seated') as seated, count(*) filter (where state = 'waiting') as queue
                from registration where registration.session = session.session) counted on true
            where taken <> seated or waiting <> queue or taken > seats
               or (waiting > 0 and taken < seats and coalesce(closes, date - notice) >= current_date)""")
        assert wrong == []

    def stop_all(self):
        """Ends every daemon that still runs."""
        problems = []
        for daemon in self.daemons:
            if daemon.running():
                status = daemon.stop()
                if status != 0:
                    problems.append(f"{daemon.log_path}: status {status}")
        return problems


class World:
    """What all tests of a run share; lies in `folder`."""

    def __init__(self, folder, owner, write):
        self.folder, self.owner, self.write = str(folder), owner, write
        self.authority = Authority(f"{self.folder}/ca")
        self.server = self.authority.issue("registry.test", "server")
        self.identities = {party: self.authority.issue(party) for party, _ in PARTIES}
        self.seal_keys = f"{self.folder}/seal.keys"
        subprocess.run([PROGRAM, "seal-key", self.seal_keys], check=True, stdin=subprocess.DEVNULL)
        self.prefix = parse(owner)["dbname"]
        self.copies = 0
        self.bare = f"{self.prefix}_bare"  # migrated; its copies are made from it
        self.drop(self.bare)
        execute(self.owner, f"create database {self.bare}")
        self.migrate(Registry(self, self.make_folder("making"), self.bare))
        self.founded_name = None

    @property
    def founded(self):
        """The name of a database with institutions, grants and exams in it, made when it is first asked for."""
        if self.founded_name is None:
            self.drop(f"{self.prefix}_founded")
            execute(self.owner, f"create database {self.prefix}_founded template {self.bare}")
            registry = Registry(self, self.make_folder("founding"), f"{self.prefix}_founded")
            try:
                found(registry)
            finally:
                assert registry.stop_all() == []
            self.founded_name = registry.database
        return self.founded_name

    def make_folder(self, name):
        path = f"{self.folder}/{name}"
        os.makedirs(path, mode=0o700)
        return path

    def migrate(self, registry, *options, check=True):
        return subprocess.run([PROGRAM, "-f", registry.configure("migrate.conf"), "migrate", "--admin",
                               self.identities["ADMIN"].fingerprint, *options], check=check, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def copy(self, folder, template):
        """A registry on a new copy of a database."""
        self.copies += 1
        name = f"{self.prefix}_{self.copies}"
        self.drop(name)
        execute(self.owner, f"create database {name} template {template}")
        return Registry(self, folder, name)

    def demo(self, folder, first_day):
        """A registry of a new database whose clock can be set, by control("clock", day): it begins with that day. Only the
        administrator is in it."""
        self.copies += 1
        name = f"{self.prefix}_{self.copies}"
        self.drop(name)
        execute(self.owner, f"create database {name}")
        registry = Registry(self, folder, name)
        registry.control("migrate", "--demo")
        registry.control("clock", first_day)
        registry.control("migrate", "--admin", self.identities["ADMIN"].fingerprint)
        return registry

    def drop(self, name):
        execute(self.owner, f"drop database if exists {name} with (force)")

    def close(self):
        for name in (self.founded_name, self.bare):
            if name:
                self.drop(name)


def found(registry):
    """Fills a migrated database over the wire: who there is, electives, exams."""
    daemon = registry.start()
    with daemon.connect("ADMIN") as admin:
        for code, name, kind in (("DIB", "Duits in de Beroepscontext", "exam-office"), ("NUFFIC", "Nuffic", "nuffic"),
                                 ("OCW", "Ministerie van OCW", "ministry")):
            admin.must("institution", code=code, name=name, kind=kind, country="NL")
        for code, (name, province) in COLLEGES.items():
            admin.must("institution", code=code, name=name, kind="college", country="NL", province=province)
        for party, role in PARTIES[1:]:
            admin.must("grant", party=party, role=role, fingerprint=registry.world.identities[party].fingerprint)
        admin.must("elective", code="K0959", title="Duits A1/A2 in het beroepsonderwijs", language="de", receptive="A2",
                   productive="A1", hours=240)
        admin.must("elective", code="K0960", title="Duits A2/B1 in het beroepsonderwijs", language="de", receptive="B1",
                   productive="A2", hours=240)
    with daemon.connect("DIB") as exams:
        for level in ("A2", "B1"):
            exams.must("exam", exam=f"DIB-{level}", issuer="DIB", language="de", level=level, certificate=True, edition=2026)
            exams.must("exam-part", exam=f"DIB-{level}", part="writing", max=100, **{"pass": 60})
