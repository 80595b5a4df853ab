"""Personal data that goes, over the wire and down to what a dump of the database holds: erased by the college, or by the registry
when its time is over; and numbers that the registry may not hold at all."""
import json
import re
import subprocess

import pytest

from harness.registry import conninfo, found, until
from harness.tool import Tool

ECKID = "https://ketenid.nl/202609/" + "0e" * 64
STUDENT, NAME, BORN, NEEDS = "P0912345", "van der Graaf, Jacobus", "2008-03-14", "25% extra tijd"

# Every sealed value and every hash of one number.
SEALED = """
    with number as (select * from student where college = '25LU' and student_hash = %s),
         held as (select r.* from registration r join number using (college, student_hash))
    select encode(value, 'hex') from (
        select student from number union select student_hash from number
        union select eckid from eckid join number using (person) union select eckid_hash from eckid join number using (person)
        union select name from held union select born from held union select needs from held
        union select withdrawal.reason from withdrawal join held using (entered)
        union select irregularity from attendance join held using (entered)) stored (value)
    where value is not null"""


@pytest.fixture
def registry(world, tmp_path):
    """Whose clock can be set."""
    made = world.demo(tmp_path, "2027-03-01")
    found(made)
    yield made
    problems = made.stop_all()
    problems += [line for daemon in made.daemons for line in daemon.complaints()]
    world.drop(made.database)
    assert problems == []


def dump(registry):
    return subprocess.run(["pg_dump", "--inserts", "-d", conninfo(registry.owner)], check=True, stdout=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, text=True).stdout


def examined(registry, daemon):
    """One student with all that can be held on one, whose exam is over; another beside. What is stored of the first."""
    with daemon.connect("DIB") as exams:
        for session, date in (("S", "2027-05-20"), ("T", "2027-06-20")):
            exams.must("schedule", session=session, exam="DIB-A2", date=date, seats=9, place="Emmen", host="25LU")
    with daemon.connect("25LU") as alfa:
        alfa.must("register", session="S", student=STUDENT, name=NAME, born=BORN, needs=NEEDS, eckid=ECKID)
        alfa.must("register", session="T", student=STUDENT, name=NAME, born=BORN)
        alfa.must("withdraw", session="T", student=STUDENT, reason="ziek,\nal lang")
        alfa.must("register", session="S", student="P0912346", name="Ander, Een", born="2008")
        assert alfa.ask("erase", student=STUDENT).word == "NO live"
    registry.control("clock", "2027-05-20")
    with daemon.connect("DIB") as exams:
        candidate = {"session": "S", "student": STUDENT, "college": "25LU"}
        exams.must("attend", **candidate, part="writing", status="present", irregularity="telefoon")
        exams.must("score", **candidate, part="writing", points=70, final=True)
        exams.must("score", **candidate, part="writing", points=71, revise=True)
        exams.must("certify", **candidate, number="C-1", issued="2027-05-20")
    registry.control("clock", "2027-05-21")
    digest = registry.execute("select student_hash from registration where session = 'T'")[0][0]
    return [value for value, in registry.execute(SEALED, digest)]


def progress(daemon):
    with daemon.connect("NUFFIC") as nuffic:
        return [nuffic.must("progress", year=2027, rung=rung).rows[0]["count"]
                for rung in ("registered", "seated", "sat", "passed", "certified")]


def test_what_was_erased_is_in_no_dump_and_what_was_counted_stays(registry):
    daemon = registry.start(log__level="debug")
    stored = examined(registry, daemon)
    assert len(stored) == 9  # number, ECK iD, the hash of each, name, born, needs, reason, irregularity
    before, counted = dump(registry), progress(daemon)
    assert all(value in before for value in stored)
    assert counted == ["2", "2", "1", "1", "1"]
    with daemon.connect("25LU") as alfa:
        told = alfa.must("dossier", student=STUDENT).rows
        assert [row["kind"] for row in told if row["kind"] not in ("log", "notice")] == \
            ["student", "registration", "part", "revised", "certificate", "registration"]
        assert (told[0]["eckid"], told[1]["name"], told[1]["born"], told[1]["needs"]) == (ECKID, NAME, BORN, NEEDS)
        assert {row.get("irregularity") for row in told} == {None, "telefoon"}
        assert {row.get("reason") for row in told} == {None, "ziek,\nal lang"}
        assert alfa.must("erase", student=STUDENT, check=True)["registrations"] == "2"
        assert alfa.must("erase", student=STUDENT)["registrations"] == "2"
        assert alfa.must("erase", student=STUDENT)["repeated"] == "yes"
        assert alfa.must("dossier", student=STUDENT).rows == []
        rows = alfa.must("registrations").rows
        assert sorted(row.get("student", "") for row in rows) == ["", "", "P0912346"]
        assert {row["part"]: row["points"] for row in alfa.must("scores").rows} == {"writing": "71"}
    for statement in (None, "vacuum", "analyze"):
        if statement:
            registry.execute(statement)
        after = dump(registry)
        assert [value for value in stored if value in after] == [], f"left after {statement}"
    assert registry.execute("select count(*) from pg_stats where schemaname = 'registry' and attname in "
                            "('student', 'eckid', 'name', 'born', 'needs', 'irregularity') "
                            "and tablename in ('student', 'eckid', 'registration', 'attendance')") == [(0,)]
    for secret in (STUDENT, NAME, BORN, NEEDS, "telefoon", "al lang"):
        assert secret not in before and secret not in daemon.log() and secret.encode().hex() not in before
    assert progress(daemon) == counted
    registry.check_log()


def test_the_registry_lets_go_by_itself_of_whose_time_is_over(registry):
    daemons = [registry.start(), registry.start()]
    stored = examined(registry, daemons[0])
    counted = progress(daemons[0])
    with daemons[0].connect("ADMIN") as admin:
        told = admin.must("retention", months=18, check=True)
        assert (told["until"], told["students"], told["registrations"]) == ("2025-11-20", "0", "0")
        admin.must("retention", months=18)
        assert admin.ask("retention", months=12, seen=1).word == "NO changed"
    with daemons[0].connect("25LU") as alfa:
        assert alfa.must("dossier", student=STUDENT).rows[0]["until"] == "2028-12-20"  # by the session of its withdrawal
    registry.control("clock", "2028-11-21")
    until("the other student, whose exam was the earlier one, is gone",
          lambda: registry.execute("select fields from audit where verb = 'retention' and party = 'registry'"))
    assert all(value in dump(registry) for value in stored)
    registry.control("clock", "2028-12-21")
    with daemons[1].connect("ADMIN") as admin:
        told = admin.must("retention", check=True)
        assert (told["until"], told.get("repeated")) == ("2027-06-20", "yes")
    until("both are gone", lambda: len(registry.execute("select log from audit where verb = 'retention' and party = 'registry'")) == 2)
    assert registry.execute("select fields, outcome from audit where verb = 'retention' and party = 'registry' order by log") == \
        [("until=2027-05-20 students=1 registrations=1", "OK"), ("until=2027-06-20 students=1 registrations=2", "OK")]
    assert registry.execute("select count(*) from student where student is not null") == [(0,)]
    after = dump(registry)
    assert [value for value in stored if value in after] == []
    assert progress(daemons[1]) == counted
    registry.check_log()


def test_a_student_can_read_the_dossier(registry):
    daemon = registry.start()
    examined(registry, daemon)
    tool = Tool(registry, daemon.address, "25LU")
    told = json.loads(tool.run("dossier", "--json", STUDENT, wanted=0)[1])
    with daemon.connect("25LU") as alfa:
        wire = alfa.must("dossier", student=STUDENT).rows
    assert [{name: str(value) for name, value in row.items()} for row in told] == wire
    _, text = tool.run("--lang", "en", "dossier", STUDENT, wanted=0)
    for words in ("By what you are known", ECKID, "Registration for an exam", NAME, BORN, NEEDS, "withdrawn", "ziek,?al lang",
                  "Points that were", "telefoon", "71", "passed", "C-1", "certificate  DIB", "ask your college",
                  "only your number and whether you were there"):
        assert words in text, f"{words} is not in {text}"
    assert text.count(NAME) == 2 and text.count("Certificate") == 1
    text = tool.run("--lang", "nl", "dossier", STUDENT, wanted=0)[1]
    acts = re.findall(r"^  (\S.*)  [0-9A-Z]+  \d{4}-\d\d-\d\dT", text, re.M)
    assert {"aangemeld", "afgemeld", "punten", "certificaat"} <= set(acts) <= {"aangemeld", "afgemeld", "aanwezigheid", "punten", "certificaat"}
    assert tool.run("--lang", "nl", "dossier", "P0912399") == (0, "Over studentnummer P0912399 is niets vastgelegd.\n")
    assert "kan geen studentnummer zijn" in tool.run("--lang", "nl", "dossier", "geen nummer", wanted=64)[1]
    assert STUDENT not in Tool(registry, daemon.address, "DIB").run("dossier", STUDENT, wanted=77)[1]


def test_no_door_lets_a_bsn_in(registry):
    daemon = registry.start()
    with daemon.connect("DIB") as exams:
        exams.must("schedule", session="S", exam="DIB-A2", date="2027-05-20", seats=9, place="Emmen", host="25LU")
    numbers = ("111222333", "101222331", "12345672")  # a BSN, an onderwijsnummer, a BSN whose first zero was lost
    lines = [{"session": "S", "student": number, "name": "Iemand", "born": "2008"} for number in numbers]
    with daemon.connect("25LU") as alfa, daemon.connect("ADMIN") as admin:
        for line in lines:
            assert alfa.ask("register", **line).word == "NO looks-like-bsn"
            assert alfa.ask("register", **line, check=True).word == "NO looks-like-bsn"
            assert alfa.ask("register", **line, eckid=ECKID).word == "NO looks-like-bsn"
            assert alfa.ask("move", session="S", student=line["student"], to="S").word == "NO not-found"
            assert alfa.must("dossier", student=line["student"]).rows == []
            assert alfa.must("erase", student=line["student"])["repeated"] == "yes"
        assert alfa.must("register", session="S", student="111222334", name="Iemand", born="2008")["state"] == "seated"
        replies = alfa.ask_many([b"begin\n", *(f"register session=S student={n} name=n born=2008\n".encode() for n in numbers), b"commit\n"])
        assert [reply.word for reply in replies] == ["OK", *["NO looks-like-bsn"] * 3, "NO refused"]
        assert registry.execute("select count(*) from student") == [(1,)]
        # Nine digits by rule: none of them is taken for one, until the college says otherwise; what is held goes on.
        alfa_college = {"code": "25LU", "name": "Alfa-college", "kind": "college", "country": "NL"}
        admin.must("institution", **alfa_college, numbers="nine")
        assert [alfa.must("register", **line)["state"] for line in lines] == ["seated"] * 3
        admin.must("institution", **alfa_college, numbers="-")
        assert alfa.must("register", **lines[0])["repeated"] == "yes"
        alfa.must("withdraw", session="S", student=numbers[0])
        alfa.must("erase", student=numbers[0])
        assert alfa.ask("register", **lines[0]).word == "NO looks-like-bsn"


SAMPLED = [("student", "student"), ("eckid", "eckid"), ("attendance", "irregularity"), ("withdrawal", "reason"),
           ("registration", "name"), ("registration", "born"), ("registration", "needs"), ("registration", "reason")]
SAMPLES = f"""select count(*) from pg_stats where schemaname = 'registry'
              and (tablename, attname) in ({', '.join(str(pair) for pair in SAMPLED)})"""
REASON = "verhuisd, naar 'Assen'"


def test_an_upgrade_leaves_no_sample_behind_and_seals_the_reasons_of_before(registry):
    daemon = registry.start()
    examined(registry, daemon)
    daemon.stop()
    # As earlier versions left it: the reason as it came, and samples.
    registry.execute("delete from withdrawal")
    registry.execute("update registration set reason = %s where session = 'T'", REASON)
    for table, column in SAMPLED:
        registry.execute(f"alter table {table} alter {column} set statistics -1")
    registry.execute("analyze")
    assert registry.execute(SAMPLES)[0][0] > 5
    for table, column in SAMPLED:
        if (table, column) != ("registration", "reason"):
            registry.execute(f"alter table {table} alter {column} set statistics 0")
    registry.execute("drop index registration_reason, registration_held; create table rekeyed (); "
                     "alter table rekeyed owner to buurtaal_owner; "
                     "delete from migration where name like '0007%'")
    registry.control("migrate")
    registry.execute("analyze")
    assert registry.execute(SAMPLES) == [(0,)]
    assert REASON.replace("'", "''") in dump(registry)

    daemon = registry.start()
    with daemon.connect("25LU") as alfa:
        def reasons(verb):
            return {row.get("reason") for row in alfa.must(verb, student=STUDENT).rows}
        assert reasons("dossier") == reasons("registrations") == {None, REASON}
        until("it is sealed", lambda: registry.execute("select done from sealing")[0][0])
        assert registry.execute("select substr(reason, 34, 4) = int4send(1) from withdrawal") == [(True,)]
        assert REASON.encode().hex() not in dump(registry) and "verhuisd" not in dump(registry)
        assert reasons("dossier") == reasons("registrations") == {None, REASON}
        alfa.must("erase", student=STUDENT)
        assert registry.execute("select count(*) from withdrawal") == [(0,)]
    assert "verhuisd" not in daemon.log()
    registry.check_log()
