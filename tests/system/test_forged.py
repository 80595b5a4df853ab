"""Whoever owns the database changes the log: each column of each row, heads, the end; rows that go, come or change places; all of
it rewritten with right heads. What `buurtaal audit verify` says, what clients notice that saw the log before, what the daemon
notices by itself."""
import contextlib
import hashlib
import os

import pytest

from harness import heads
from harness.client import encode
from harness.registry import conninfo, day, execute
from harness.tool import Tool

OK, DATAERR = 0, 65
TIME = """to_char(time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
TABLES = ("audit", "head", "log_head", "log_day")


class Forger:
    """The registry's log in the hands of a superuser, and three who look at it: the administrator's `audit verify`, a college that
    saw a head in the middle, and one that saw the last."""

    def __init__(self, registry, daemon):
        self.registry, self.daemon = registry, daemon
        self.admin = Tool(registry, daemon.address, "ADMIN")
        self.middle, self.last = (Tool(registry, daemon.address, party) for party in ("25PJ", "27YU"))
        with daemon.connect("25LU") as college:
            for n in range(6):
                college.must("offer", elective="K0959", schoolyear=2026, students=n)
            college.ask_many([encode("register", dict(session="S", student=f"f-{n}", name="N", born=2008)) for n in range(30)])
            college.must("offer", elective="K0959", schoolyear=2026, students=20)
            self.middle.run("send", "ping", wanted=OK)
            self.seen = registry.execute("select log from log_head")[0][0]
            college.ask_many([encode("register", dict(session="S", student=f"g-{n}", name="N", born=2008)) for n in range(30)])
            for n in range(6):
                college.must("offer", elective="K0959", schoolyear=2026, students=n)
        self.last.run("send", "ping", wanted=OK)
        for table in TABLES:
            registry.execute(f"create table kept_{table} as table {table}")
        self.newest = registry.execute("select log from log_head")[0][0]
        ends = [row[0] for row in registry.execute("select log from head order by log")]
        self.groups = [(before + 1, end) for before, end in zip([0, *ends], ends)]
        self.many = next(group for group in self.groups if group[1] - group[0] >= 2 and group[0] > 5)
        self.alone = next(group[0] for group in self.groups if group[0] == group[1] > self.many[1])

    def forge(self, *statements):
        """As a superuser whom no key or trigger stops."""
        for statement in statements:
            execute(conninfo(self.registry.owner, options="'-csearch_path=registry,public -csession_replication_role=replica'"),
                    statement)

    def restore(self):
        """All as it was, and the administrator has seen nothing of what it was between."""
        for table in TABLES:
            self.forge(f"delete from {table}", f"insert into {table} select * from kept_{table}")
        self.forget()

    def forget(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.admin.profile.removesuffix(".conf") + ".seen")

    def verify(self, wanted):
        return self.admin.run("--lang", "en", "audit", "verify", wanted=wanted)[1]

    def notices(self, tool, alarmed):
        status, said = tool.run("--lang", "en", "send", "ping")
        assert (status == DATAERR and "does not hold what was seen" in said) if alarmed else status == OK, said

    def named(self, log):
        """How a changed row is named: it alone, or the rows under its head."""
        first, last = next(group for group in self.groups if group[0] <= log <= group[1])
        return f"row {log} was changed" if first == last else f"rows from {first} was changed"

    def rewrite(self, log, to=None):
        """Makes the heads right again from that of row `log` on (up to row `to`), and the end."""
        rows = self.registry.execute(f"""select log, {TIME}, party, encode(certificate, 'hex'), origin, verb, nullif(fields, ''), outcome
                                         from audit order by log""")
        head, text = bytes(32), b""
        known = dict(self.registry.execute("select log, head from head order by log"))
        for row in rows:
            text += heads.text_of(row)
            if row[0] in known:
                if log <= row[0] <= (to or self.newest):
                    head = hashlib.sha256(head + text).digest()
                    self.forge(f"update head set head = decode('{head.hex()}', 'hex') where log = {row[0]}")
                else:
                    head = bytes(known[row[0]])
                text = b""
        self.forge(f"update log_head set head = decode('{head.hex()}', 'hex')")


@pytest.fixture
def forger(registry):
    daemon = registry.start()
    with daemon.connect("DIB") as exams:
        exams.must("schedule", session="S", exam="DIB-A2", date=day(200), seats=100, place="Emmen", host="25LU")
    made = Forger(registry, daemon)
    made.verify(OK)
    return made


def test_each_column_of_each_kind_of_row(forger):
    changes = {"time": "time + interval '1 microsecond'", "party": "party || 'X'", "certificate": "sha256(certificate)",
               "origin": "'192.0.2.1:1'", "verb": "'withdraw'", "fields": "fields || ' x'", "outcome": "'NO full'"}
    columns = [row[0] for row in forger.registry.execute("""select column_name from information_schema.columns
                                                            where table_schema = 'registry' and table_name = 'audit'""")]
    assert set(columns) == {"log", *changes}, "a column that no case is about"
    for log in (forger.many[0] + 1, forger.alone):
        for column, value in changes.items():
            forger.forge(f"update audit set {column} = {value} where log = {log}")
            said = forger.verify(DATAERR)
            assert forger.named(log) in said and "all is right" in said, f"{column}: {said}"
            forger.restore()
        forger.forge(f"update audit set log = 1000000 where log = {log}")
        assert f"row {log} was lost" in forger.verify(DATAERR)
        forger.restore()
    forger.verify(OK)
    forger.notices(forger.middle, False)
    forger.notices(forger.last, False)


def test_heads_and_the_end(forger):
    first, last = forger.many
    forger.forge(f"update head set head = sha256(head) where log = {last}")
    assert f"rows from {first} was changed" in forger.verify(DATAERR)
    forger.restore()
    forger.forge(f"update head set log = {last - 1} where log = {last}")
    assert f"rows from {first} was changed" in forger.verify(DATAERR)
    forger.restore()
    forger.forge(f"delete from head where log = {last}")
    assert f"rows from {first} was changed" in forger.verify(DATAERR)
    forger.restore()
    forger.forge("update log_head set head = sha256(head)")
    assert f"row {forger.newest} with its head" in forger.verify(DATAERR)
    forger.notices(forger.last, True)
    forger.restore()
    forger.forge("update log_head set log = log + 3")
    assert f"row {forger.newest + 1} was lost" in forger.verify(DATAERR)
    forger.restore()
    # A head that is not the chain's at the remembered number.
    forger.forge(f"update head set head = sha256(head) where log = {forger.seen}")
    forger.notices(forger.middle, True)
    forger.restore()
    # What stands beside the chain is compared with it by reconcile().
    for change in ("time = time + interval '1 day'", "day = day + 1", "head = sha256(head)", "log = log + 1"):
        forger.forge(f"update log_head set {change}")
        assert "end of the log" in [row[0] for row in forger.registry.reconcile()], change
        forger.restore()
    forger.forge(f"insert into log_day values ('2026-01-01', {forger.seen})")
    assert "end of a day" in [row[0] for row in forger.registry.reconcile()]
    forger.restore()
    assert forger.registry.reconcile() == []
    forger.verify(OK)


def test_rows_that_go_come_or_change_places(forger):
    first, last = forger.many
    columns = "time, party, certificate, origin, verb, fields, outcome"
    forger.forge(f"delete from audit where log = {first + 1}")
    assert f"row {first + 1} was lost" in forger.verify(DATAERR)
    forger.restore()

    cut = forger.newest - 3
    forger.forge(f"delete from audit where log > {cut}", f"delete from head where log > {cut}")
    assert f"row {cut + 1} was lost" in forger.verify(DATAERR)
    # With the end moved to what is left the log is right, and shorter than who saw the rest knows.
    forger.forge(f"""update log_head set log = {cut}, head = (select head from head where log = {cut}),
                     time = (select time from audit where log = {cut})""")
    forger.forget()
    forger.verify(OK)
    forger.notices(forger.middle, False)
    forger.notices(forger.last, True)
    forger.restore()

    forger.forge(f"update audit set log = 1000000 where log = {first}", f"update audit set log = {first} where log = {first + 2}",
                 f"update audit set log = {first + 2} where log = 1000000")
    assert f"rows from {first} was changed" in forger.verify(DATAERR)
    forger.restore()
    forger.forge(f"""update audit a set certificate = sha256('another') where log = {forger.alone}""")
    assert f"row {forger.alone} was changed" in forger.verify(DATAERR)
    forger.restore()
    forger.forge(f"update audit set time = time + interval '1 hour' where log >= {first}")
    assert f"rows from {first} was changed" in forger.verify(DATAERR)
    forger.restore()

    # One more in the middle: what stood there moves on.
    forger.forge(f"update audit set log = -(log + 1) where log >= {first + 1}", "update audit set log = -log where log < 0",
                 f"insert into audit (log, {columns}) select {first + 1}, {columns} from audit where log = {first}")
    assert f"rows from {first} was changed" in forger.verify(DATAERR)
    forger.restore()
    forger.verify(OK)


def test_a_row_behind_the_end_stops_the_next_write(forger):
    """The number is taken: the daemon tells that it cannot write, and why, and takes no other number."""
    forger.registry.excused.append("audit_pkey")
    forger.forge(f"""insert into audit select {forger.newest + 1}, time, party, certificate, origin, verb, fields, outcome
                     from audit where log = {forger.newest}""")
    with forger.daemon.connect("25LU") as college:
        reply = college.ask("offer", elective="K0959", schoolyear=2026, students=40)
        assert reply.word == "NO internal", reply
        assert "audit_pkey" in forger.daemon.log() and reply["id"] in forger.daemon.log()
        assert forger.registry.execute("select log from log_head") == [(forger.newest,)]
        forger.restore()
        assert int(college.must("offer", elective="K0959", schoolyear=2026, students=40)["log"]) == forger.newest + 1
    forger.verify(OK)


def test_a_row_with_its_head_and_no_more(forger):
    log = forger.alone
    forger.forge(f"update audit set outcome = 'NO full' where log = {log}")
    forger.rewrite(log, to=log)
    said = forger.verify(DATAERR)
    assert f"up to row {log} all is right" in said, "the head behind it no longer follows"
    forger.restore()
    forger.forge(f"update audit set outcome = 'NO full' where log = {forger.seen}")
    forger.rewrite(forger.seen, to=forger.seen)
    forger.notices(forger.middle, True)
    forger.restore()


def test_all_of_it_rewritten_with_right_heads(forger, tmp_path):
    """By itself such a log is as good as any: whoever holds an older head, or an older save, knows better."""
    old, new = f"{tmp_path}/old", f"{tmp_path}/new"
    forger.admin.run("audit", "save", old, wanted=OK)
    log = forger.many[0] + 1
    with open(forger.admin.profile.removesuffix(".conf") + ".seen", encoding="utf-8") as file:
        remembered = file.read()
    forger.forge(f"update audit set outcome = 'NO full' where log = {log}")
    forger.rewrite(log)
    assert "does not hold what was seen before" in forger.verify(DATAERR), "the administrator saw it too"
    fresh = Tool(forger.registry, forger.daemon.address, "ADMIN")
    fresh.run("audit", "verify", wanted=OK)
    fresh.run("audit", "save", new, wanted=OK)
    forger.notices(forger.middle, True)
    forger.notices(forger.last, True)
    head = remembered.split("head=")[1].strip()
    assert head in fresh.run("audit", "verify", new, "--head", head, wanted=DATAERR)[1]
    assert f"row {log} was changed: {old}" in fresh.run("--lang", "en", "audit", "verify", old, new, wanted=DATAERR)[1]
    # It shows also after more was written on top.
    with forger.daemon.connect("25LU") as college:
        for n in range(5):
            college.must("offer", elective="K0959", schoolyear=2026, students=50 + n)
    forger.notices(forger.last, True)
    forger.notices(forger.middle, True)
