"""The registry that the model is compared with: made once, and between two histories put back to how it was founded, without
a new database or a new daemon. The log goes on; what came before is then no more than numbers."""
import collections
import datetime

import psycopg2

from harness.client import encode
from harness.model import Model
from harness.registry import COLLEGES, Registry, conninfo, execute
from model.steps import PARTIES

START = datetime.date(2027, 11, 20)
KEPT = ("log_head", "log_day", "audit", "head", "daemon_run", "demo", "api", "migration")


def day(days):
    return START + datetime.timedelta(days=days)


def foundation(prints):
    """The lines that found it: who there is, electives, exams, small sessions, so that seats run short."""
    def line(party, verb, /, **fields):
        return party, verb, {name.rstrip("_").replace("_", "-"): {True: "yes", False: "no"}.get(value, str(value))
                             if isinstance(value, bool) else str(value) for name, value in fields.items()}
    for code, name, kind in (("DIB", "Duits in de Beroepscontext", "exam-office"), ("GI", "Goethe-Institut", "exam-office"),
                             ("NUFFIC", "Nuffic", "nuffic"), ("OCW", "Ministerie van OCW", "ministry")):
        yield line("ADMIN", "institution", code=code, name=name, kind=kind, country="NL")
    for code, (name, province) in COLLEGES.items():
        yield line("ADMIN", "institution", code=code, name=name, kind="college", country="NL", province=province)
    for party, role in PARTIES.items():
        if party != "ADMIN":
            yield line("ADMIN", "grant", party=party, role=role, fingerprint=prints[party])
    for code, language in (("K0959", "de"), ("K0960", "de"), ("K0039", "fr")):
        yield line("ADMIN", "elective", code=code, title="Een keuzedeel", language=language, receptive="B1", productive="A2")
    for exam, issuer, language, level, certificate, more in (
            ("DIB-A1", "DIB", "de", "A1", False, {}), ("DIB-A2", "DIB", "de", "A2", True, {}),
            ("DIB-B1", "DIB", "de", "B1", True, {"combine": True, "total": 130}), ("GI-B1", "GI", "fr", "B1", True, {}),
            ("FULL", "DIB", "de", "B2", True, {})):
        yield line("ADMIN", "exam", exam=exam, issuer=issuer, language=language, level=level, certificate=certificate,
                   edition=2026, **more)
        parts = ["lesen", "sprechen"] if level == "B1" else [f"p{n}" for n in range(50)] if exam == "FULL" else ["lesen"]
        for part in parts:
            yield line("ADMIN", "exam-part", exam=exam, part=part, max=100, **{"pass": 60})
    for session, exam, days, seats, host, more in (
            ("A", "DIB-A2", 40, 3, "25LU", {}), ("B", "DIB-B1", 20, 2, "25PJ", {"closes": day(20)}),
            ("C", "DIB-A2", 400, 4, "25PJ", {}), ("D", "DIB-A2", 140, 5, "27YU", {"closes": day(-1)}),
            ("E", "DIB-B1", 140, 5, "27YU", {"opens": day(2)}), ("F", "DIB-A1", 9, 1, "25LU", {"closes": day(9)}),
            ("G", "GI-B1", 11, 3, "25PJ", {"closes": day(10)}), ("R1", "DIB-A2", 0, 3, "25LU", {"closes": day(0)}),
            ("R2", "DIB-B1", 0, 4, "25PJ", {"closes": day(0)}), ("R3", "DIB-B1", 1, 3, "27YU", {"closes": day(1)}), ("B2", "DIB-B1", 25, 3, "25LU", {"closes": day(25)})):
        yield line("DIB" if exam != "GI-B1" else "GI", "schedule", session=session, exam=exam, date=day(days), seats=seats,
                   place="Emmen", host=host, **more)
    yield line("OCW", "target", year=START.year + 1, language="de", rung="seated", count=5000)


class Stage:
    def __init__(self, world, folder):
        self.world, self.name = world, f"{world.prefix}_model"
        self.ways = collections.Counter()  # how many lines were said in which way
        world.drop(self.name)
        execute(world.owner, f"create database {self.name}")
        self.registry = Registry(world, folder, self.name)
        world.migrate(self.registry, "--demo")
        execute(world.owner, f"alter database {self.name} set synchronous_commit = off")  # what is lost then is not at stake
        for party in PARTIES:
            if party not in world.identities:
                world.identities[party] = world.authority.issue(party)
        self.owner = psycopg2.connect(conninfo(self.registry.owner, options="'-csearch_path=registry,public -cjit=off'"))
        self.owner.autocommit = False
        self.set_day(START - datetime.timedelta(days=1))
        self.hold_chores()
        self.daemons = [self.registry.start(), self.registry.start()]
        self.clients = {(party, 0): self.daemons[0].connect(party) for party in ("ADMIN",)}
        self.model = Model(START - datetime.timedelta(days=1), 1)
        self.found()

    def hold_chores(self):
        """The registry's own chores run when the play says so, since nobody could tell which numbers they take."""
        self.api = self.registry.api()
        self.sql(f"alter function {self.api}.chores() rename to chores_of_the_day",
                 f"create function {self.api}.chores() returns text language sql as 'select null::text'",
                 f"grant execute on function {self.api}.chores() to public")

    def chores(self, log):
        """Lets them run; the rows of the log that they made behind `log`."""
        first, before = log, None
        while before != log:
            before = log
            faults, = self.sql(f"set local search_path = {self.api}, registry, public", "select chores_of_the_day()")[0]
            assert faults is None, faults
            log, = self.sql("select log from log_head")[0]
        return self.sql(f"select log, party, verb, fields, outcome from audit where log > {first} order by log")

    def reminders(self, logs):
        """What a chore told: which deadlines are near is not the model's to say."""
        logs = list(logs)
        if not logs:
            return []
        rows = self.sql(f"select to_jsonb(inbox) - 'place' from inbox where log = any (array{logs}::bigint[])")
        return [{name: value for name, value in row.items() if value is not None} for row, in rows]

    def client(self, party, place=0):
        if (party, place) not in self.clients:
            self.clients[party, place] = self.daemons[place].connect(party)
        return self.clients[party, place]

    def ended(self, party):
        """The daemon has ended a connection, without a word more."""
        client = self.clients.pop((party, 0))
        assert client.read_raw() is None
        client.close()

    def found(self):
        prints = {party: self.world.identities[party].fingerprint for party in PARTIES}
        self.model.ask("registry", "admin", "grant", {"party": "ADMIN", "role": "admin", "fingerprint": prints["ADMIN"]}, 1)
        for party, verb, fields in foundation(prints):
            reply = self.client(party).ask_line(encode(verb, fields))
            answer = self.model.ask(party, PARTIES[party], verb, fields, self.model.log + 1)
            assert answer.fits(reply) and int(reply["log"]) == self.model.log, f"{party} {encode(verb, fields)}: {reply}"
        self.founded = self.model.snapshot()
        self.tables = self.order()
        self.sql("create schema founded", *[f"create table founded.{table} as table registry.{table}" for table in self.tables])

    def sql(self, *statements):
        with self.owner, self.owner.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None

    def order(self):
        """All tables but those of the log, each behind those it refers to."""
        rows = self.sql("""select c.relname, array_agg(f.relname) filter (where f.relname <> c.relname)
            from pg_class c left join pg_constraint k on k.conrelid = c.oid and k.contype = 'f'
                            left join pg_class f on f.oid = k.confrelid
            where c.relnamespace = 'registry'::regnamespace and c.relkind = 'r' group by 1 order by 1""")
        left = {name: set(needs or ()) for name, needs in rows if name not in KEPT}
        found = []
        while left:
            ready = sorted(name for name, needs in left.items() if not needs & set(left))
            assert ready, left
            found += ready
            for name in ready:
                del left[name]
        return found

    def set_day(self, date):
        """As `buurtaald clock` does, to noon, so that no midnight comes."""
        self.sql("select from log_head for update",
                 f"update demo set ahead = (date '{date}' + time '12:00') at time zone 'Europe/Amsterdam' - now()")

    def reset(self):
        """Back to how it was founded: a Model of it, and a log that goes on."""
        before = START - datetime.timedelta(days=1)
        base, = self.sql(
            "select from log_head for update", "delete from log_day",
            *[f"delete from {table}" for table in reversed(self.tables)],
            *[f"insert into {table} select * from founded.{table}" for table in self.tables],
            f"update log_head set time = (date '{before}' + time '13:00') at time zone 'Europe/Amsterdam', day = '{before}'",
            "select log from log_head")[0]
        self.set_day(START)
        self.model.audit, self.model.history = [], []
        self.model.restore((self.founded[0], {"audit": 0, "history": 0}))
        model = self.model
        model.log = model.base = base
        model.today, model.day_ends = START, [(before, base)]
        model.note_figures(base)
        return model

    def close(self):
        for client in self.clients.values():
            client.close()
        self.owner.close()
