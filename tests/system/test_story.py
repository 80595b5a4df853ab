"""A year in the life of the registry, over the wire: from institutions to the board against the target, and the log of it
all checked by arithmetic of our own. And: no personal data where it should not be."""
import datetime
import subprocess

from harness import heads
from harness.registry import conninfo, day, until

# Numbers with a letter that is no hexadecimal digit: digits alone turn up by chance in sealed bytes and in times.
STUDENTS = [("L0912345", "van der Graaf, Jacobus Adrianus", "2008-03-14", None),
            ("L0912346", "d'Ancona, Zoë \"Zus\" Ångström", "2009-11", "25% extra tijd; vergroot lettertype A3"),
            ("L0912347", "Großmann\\Weiß, Łukasz", "2007", "aparte ruimte"),
            ("L0912348", "Wiśniewska, Małgorzata", "2008-12-31", None),
            ("L0912349", "Yılmaz, Çağla", "2008-01-01", None)]
ECKID = "https://ketenid.nl/202609/" + "0f" * 64


def month_of(text):
    return text[:7]


def stage(daemon):
    """Exams and sessions, offers, registrations of two colleges. The days of the three sessions."""
    days = {"S1": day(120), "S2": day(150), "S3": day(151)}
    with daemon.connect("DIB") as exams:
        for session, exam, seats, host in (("S1", "DIB-A2", 3, "25LU"), ("S2", "DIB-B1", 10, "25PJ"), ("S3", "DIB-A2", 10, "25PJ")):
            reply = exams.must("schedule", session=session, exam=exam, date=days[session], seats=seats, place="Emmen", host=host)
            assert (reply["state"], reply["seats"], reply["free"], reply["waiting"]) == ("scheduled", str(seats), str(seats), "0")
    with daemon.connect("25LU") as alfa, daemon.connect("25PJ") as deltion:
        for college in (alfa, deltion):
            assert college.must("offer", elective="K0959", schoolyear=2026, students=310)["state"] == "offered"
        replies = [alfa.must("register", session="S1", student=student, name=name, born=born, needs=needs,
                             eckid=ECKID if student == "L0912345" else None, elective="K0959")
                   for student, name, born, needs in STUDENTS]
        assert [(r["state"], r.get("place")) for r in replies] == \
            [("seated", None)] * 3 + [("waiting", "1"), ("waiting", "2")]
        again = alfa.must("register", session="S1", student="L0912345", name=STUDENTS[0][1], born=STUDENTS[0][2])
        assert (again["state"], again["repeated"]) == ("seated", "yes")
        assert alfa.must("register", session="S1", student="L0912348", name="Wiśniewska, M.", born="2008-12-31")["amended"] == "yes"
        # The same person at another college: one person, told by the ECK iD.
        deltion.must("register", session="S2", student="D0077001", name=STUDENTS[0][1], born="2008-03-14", eckid=ECKID)
        deltion.must("register", session="S2", student="D0077002", name="Żak, Zofia", born="2008")
        assert alfa.must("withdraw", session="S1", student="L0912346", reason="verhuisd")["state"] == "withdrawn"
        assert alfa.must("move", session="S1", student="L0912347", to="S3")["state"] == "seated"
        rows = {row["student"]: row for row in alfa.read_list("registrations", 2)}
        assert {student: (row["session"], row["state"]) for student, row in rows.items() if row["session"] == "S3"} == \
            {"L0912347": ("S3", "seated")}
    return days


def test_the_story(registry):
    daemon = registry.start()
    days = stage(daemon)
    year = int(days["S1"][:4])
    with daemon.connect("25LU") as alfa:
        rows = [row for row in alfa.read_list("registrations", 2) if row["state"] in ("seated", "waiting")]
        assert {row["student"] for row in rows} == {"L0912345", "L0912347", "L0912348", "L0912349"}
        by_student = {row["student"]: row for row in rows}
        assert by_student["L0912345"]["eckid"] == ECKID and by_student["L0912345"]["name"] == STUDENTS[0][1]
        assert by_student["L0912347"]["name"] == "Großmann\\Weiß, Łukasz" and by_student["L0912347"]["needs"] == "aparte ruimte"
        assert all(row["state"] == "seated" for row in rows)  # both who waited were promoted
        assert {row["institution"] for row in rows} == {"25LU"}
        one = alfa.must("registrations", student="L0912348", session="S1").rows
        assert [(row["student"], row["born"], row["name"]) for row in one] == [("L0912348", "2008-12-31", "Wiśniewska, M.")]
    with daemon.connect("OCW") as ministry:
        ministry.must("target", year=year, language="de", rung="seated", count=5000)
        assert ministry.must("targets", year=year).rows[0]["count"] == "5000"
    check_progress(registry, daemon, days)
    check_sight(daemon)
    check_audit(registry, daemon)


def expected(days):
    """Persons that are seated: (institution, province, level, exam, month) of each, one person once, in its first."""
    alfa, deltion = ("25LU", "groningen"), ("25PJ", "overijssel")
    first = [(*alfa, "A2", "DIB-A2", month_of(days["S1"]))] * 3  # 0912345 (also at 25PJ, later), 0912348, 0912349
    return first + [(*alfa, "A2", "DIB-A2", month_of(days["S3"])), (*deltion, "B1", "DIB-B1", month_of(days["S2"]))]


def check_progress(registry, daemon, days):
    years = {days[session][:4] for session in days}
    with daemon.connect("NUFFIC") as nuffic:
        if len(years) > 1:
            return  # the sessions of this run are in two years; sums of one are tested in tests/sql
        year = years.pop()
        newest = registry.execute("select log from log_head")[0][0]
        row = [row for row in nuffic.must("progress", year=year).rows if row["scope"] == "national"]
        assert len(row) == 1
        assert (row[0]["count"], row[0]["target"], row[0]["log"]) == ("5", "5000", str(newest))
        persons = expected(days)
        for place, name in enumerate(("institution", "province", "level", "exam", "month")):
            rows = nuffic.must("progress", year=year, by=name).rows
            assert {row[name]: int(row["count"]) for row in rows} == \
                {person[place]: sum(p[place] == person[place] for p in persons) for person in persons}, name
        registered = nuffic.must("progress", year=year, rung="registered").rows
        assert [row["count"] for row in registered if row["scope"] == "national"] == ["5"]
        with daemon.connect("25PJ") as deltion:
            own = [row for row in deltion.must("progress", year=year).rows if row["scope"] == "own"]
            assert [row["count"] for row in own] == ["2"]  # the person of two colleges counts here too
            national = [row for row in deltion.must("progress", year=year).rows if row["scope"] == "national"]
            assert [row["count"] for row in national] in ([], ["0"])  # as of the end of yesterday
        # A figure of the past stays what it was.
        before = nuffic.must("progress", year=year, as_of=newest).rows
        with daemon.connect("25LU") as alfa:
            alfa.must("withdraw", session="S1", student="L0912349")
        assert nuffic.must("progress", year=year, as_of=newest).rows == before
        assert nuffic.must("progress", year=year).rows[0]["count"] == "4"
        assert nuffic.ask("progress", as_of=newest + 1000).word == "NO not-found"
        with daemon.connect("OCW") as ministry:
            assert ministry.must("progress", year=year).rows[0]["count"] == "4"
            cells = ministry.must("progress", year=year, by="institution").rows
            assert cells and {row["count"] for row in cells} == {"<5"}
    assert registry.reconcile() == []


def check_sight(daemon):
    """Who sees what of others."""
    with daemon.connect("27YU") as third:
        assert third.must("registrations").rows == []
        assert third.must("registrations", session="S1").rows == []
        assert third.must("registrations", institution="25LU").rows == []
        assert third.must("offers").rows == []
        assert third.ask("withdraw", session="S1", student="L0912345").word == "NO not-found"
        free = {row["session"]: row["free"] for row in third.must("sessions").rows}
        assert set(free) == {"S1", "S2", "S3"}
    with daemon.connect("25PJ") as deltion:
        assert {row["student"] for row in deltion.must("registrations").rows if row["institution"] == "25PJ"} == \
            {"D0077001", "D0077002"}
        # At a session it hosts it sees candidates' college and number, and no more.
        hosted = [row for row in deltion.must("registrations", session="S3").rows]
        assert [(row["institution"], row["student"]) for row in hosted] == [("25LU", "L0912347")]
        assert not {"name", "born", "needs", "eckid"} & set(hosted[0])
    with daemon.connect("DIB") as exams:
        assert "Żak, Zofia" in {row["name"] for row in exams.must("registrations", session="S2").rows}
    with daemon.connect("NUFFIC") as nuffic:
        assert not {"name", "born", "needs", "eckid", "student"} & {name for row in nuffic.must("registrations").rows
                                                                     for name in row}


def check_audit(registry, daemon):
    """The log as the administrator reads it, its heads computed from nothing but the replies."""
    with daemon.connect("ADMIN") as admin:
        rows = admin.read_list("audit", 7)
        told = {int(row["log"]): row["head"] for row in admin.read_list("heads", 5)}
        assert [int(row["log"]) for row in rows] == list(range(1, len(rows) + 1))
        last = heads.compute([[row.get(name) for name in heads.FIELDS] for row in rows], told)
        with daemon.connect("ADMIN") as late:
            assert (late.greeting["head"], int(late.greeting["log"])) == (last, len(rows))
        times = [datetime.datetime.fromisoformat(row["time"].replace("Z", "+00:00")) for row in rows]
        assert times == sorted(times)
        register = [row for row in rows if row["verb"] == "register"]
        assert {row["outcome"] for row in register} == {"OK", "OK repeated", "OK amended"}
        assert register[0]["party"] == "25LU" and register[0]["origin"].startswith("127.0.0.1")
        assert register[0]["certificate"] == registry.world.identities["25LU"].fingerprint
        # One byte of one row, and it shows.
        rows[3]["outcome"] += "x"
        try:
            heads.compute([[row.get(name) for name in heads.FIELDS] for row in rows], told)
            raise RuntimeError("a changed row was not noticed")
        except AssertionError as error:
            assert "head" in str(error)
    registry.check_log()


def test_no_personal_data_in_a_dump_or_a_log(registry):
    daemon = registry.start(log__level="debug")
    stage(daemon)
    with daemon.connect("25LU") as alfa:  # refusals and bad lines too
        alfa.ask("register", session="NONE", student="L0912399", name="Niemand, Geheim", born="2001-02-03")
        alfa.ask_line('register session=S1 student=L0912398 name="Kapot, Regel" born=2001-02-31\n')
        alfa.ask("register", session="S1", student="111222333", name="Bsn, Iemand", born="2001-02-04")
        alfa.must("registrations")
    secrets = {"L0912399", "Niemand, Geheim", "2001-02-03", "L0912398", "Kapot, Regel", "2001-02-31", "111222333", "Bsn, Iemand",
               "2001-02-04", "D0077001", "D0077002", "Żak, Zofia", ECKID, ECKID[-128:], "Wiśniewska, M."}
    for student, name, born, needs in STUDENTS:
        secrets |= {student, name, needs or student} | ({born} if len(born) > 4 else set())
    dump = subprocess.run(["pg_dump", "--inserts", "-d", conninfo(registry.owner)], check=True, stdout=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, text=True).stdout
    assert "INSERT INTO registry.registration " in dump and "INSERT INTO registry.audit " in dump
    until("the last answer is in the log", lambda: "verb=register" in daemon.log())
    for secret in secrets:
        for form in (secret, secret.encode().hex()):
            assert form not in dump, f"{secret} is in the dump"
            assert form not in daemon.log(), f"{secret} is in the log"
