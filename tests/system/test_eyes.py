"""Who sees what. A college: two registries hear the same, but for what other colleges do, and answer it alike; so what it is
answered does not depend on them. The ministry: what it is told of small cells is all that can be worked out of them."""
import contextlib
import datetime

import pytest

from harness.client import encode
from harness.load import dice
from harness.model.commands import COMMANDS, TYPES
from harness.registry import COLLEGES
from harness.subtraction import may_be, narrow

COLLEGE, OTHERS = "25LU", ("25PJ", "27YU")
ECKID = "https://ketenid.nl/202609/%0128x"
MARK = "QZ"  # in everything personal
SWAP = {"25PJ": "27YU", "27YU": "25PJ"}
RUNGS = TYPES["rung"].words
MONTHS = ("2027-02-01", "2027-02-02", "2027-06-01")  # no deadline is near, so that the registry does nothing of itself
PARTS = ("lesen", "sprechen")


@pytest.fixture
def registries(world, tmp_path):
    """Makes registries whose clock can be set."""
    made = []

    def make():
        folder = tmp_path / f"{len(made)}"
        folder.mkdir()
        made.append(world.demo(folder, "2027-01-04"))
        return made[-1]
    yield make
    problems = []
    for registry in made:
        problems += registry.stop_all()
        problems += [line for daemon in registry.daemons for line in daemon.complaints()]
        world.drop(registry.database)
    assert problems == []


class Telling:
    """One registry, and connections to it."""

    def __init__(self, registry, kind, stack):
        self.registry, self.kind = registry, kind
        self.daemon = registry.start()
        self.connect = lambda party: stack.enter_context(self.daemon.connect(party, timeout=60))
        self.clients = {"ADMIN": self.connect("ADMIN")}

    def found(self, sessions, colleges):
        admin = self.clients["ADMIN"]
        parties = {"DIB": ("exam-office", "exams"), "NUFFIC": ("nuffic", "nuffic"), "OCW": ("ministry", "ocw")}
        for code, province in colleges.items():
            admin.must("institution", code=code, name=f"College {code}", kind="college", country="NL", province=province)
        for code, (kind, _) in parties.items():
            admin.must("institution", code=code, name=code, kind=kind, country="NL")
        for code in (*colleges, *parties):
            admin.must("grant", party=code, role=parties.get(code, ("", "roc"))[1],
                       fingerprint=self.registry.world.identities[code].fingerprint)
            self.clients[code] = self.connect(code)
        admin.must("elective", code="K1", title="Duits", language="de", receptive="A2", productive="A1")
        admin.must("elective", code="K2", title="Frans", language="fr", receptive="A2", productive="A1")
        for exam in {session["exam"] for session in sessions.values()}:
            admin.must("exam", exam=exam, issuer="DIB", language=exam[:2].lower(), level=exam[3:5], certificate=True, edition=1)
            for part in PARTS:
                admin.must("exam-part", exam=exam, part=part, max=100, **{"pass": 50})
        for name, fields in sessions.items():
            admin_of = self.clients["DIB"]
            admin_of.must("schedule", session=name, place="Ede", **fields)

    def ask(self, party, verb, fields):
        return self.clients[party].ask(verb, **fields)


# ---- a college

def seen(reply, masked=()):
    """What an answer tells the college but the time, and the nation's figures; `masked` fields of sessions are left out."""
    rows = [{name: value for name, value in row.items() if name not in ("head", "time") and (name not in masked or "session" not in row
                                                                                             or row.get("session") == "OWN")}
            for row in reply.rows if row.get("scope") != "national"]
    status = {name: value for name, value in reply.fields.items() if name not in ("time", "head")}
    if len(rows) != len(reply.rows):
        del status["rows"]
    return reply.word, status, rows


class Script:
    """What happens, step by step: (whose doing, party, verb, fields). `hosted`: others come to the college's own session too."""

    def __init__(self, chance, hosted):
        self.chance, self.hosted = chance, hosted

    def pick(self, *values):
        return self.chance.choice(values)

    def of_students(self, prefix, sessions, later):
        """A line of a college about one of its students."""
        number = self.chance.randrange(4)
        session, verb = self.pick(*sessions), self.pick("register", "register", "register", "withdraw", "move", "move")
        fields = {"session": session, "student": f"{prefix}{number}-{MARK}", "again": self.pick(None, None, None, None, 2, 3)}
        if verb == "register":
            if not prefix.startswith("a") or self.chance.random() < 0.5:
                fields.update(eckid=ECKID % number if number < 3 else None)
            elif number < 3:
                fields.update(eckid=self.pick("-", ECKID % number, ECKID % (number + 1)))
            fields.update(name=f"{MARK}, {self.pick('Jan', 'Piet')}", born=2008, elective=self.pick(None, "K1", "-"),
                          needs=self.pick(None, f"{MARK} tijd", "-"))
        elif verb == "move":
            fields.update(to=self.pick(*sessions))
        else:
            fields.update(reason="weg")
        return verb, fields

    def before(self):
        """While registration is open."""
        if self.chance.random() < 0.55:
            if self.chance.random() < 0.12:
                verb = self.pick("offer", "retract")
                return "own", COLLEGE, verb, {"elective": self.pick("K1", "K2"), "schoolyear": 2026,
                                              "students": self.pick(3, 9) if verb == "offer" else None, "again": self.pick(None, 1, 2)}
            return "own", COLLEGE, *self.of_students("a", ("OWN", "SHARED", "FRENCH", "LATER", "HOSTED"), False)
        party = self.pick(*OTHERS)
        if self.chance.random() < 0.15:
            return "others", party, "offer", {"elective": "K1", "schoolyear": 2026, "students": self.chance.randrange(9)}
        if self.hosted and self.chance.random() < 0.3:
            return "others", party, *self.of_students("h", ("HOSTED",), False)
        return "others", party, *self.of_students("x", ("SHARED", "FRENCH", "LATER"), False)

    def after(self):
        """When most exams are over."""
        whose = self.pick("own", "others")
        party = COLLEGE if whose == "own" else self.pick(*OTHERS)
        sessions = {"own": ("OWN", "SHARED", "HOSTED", "FRENCH"), "others": ("SHARED", "FRENCH")}[whose]
        fields = {"session": self.pick(*sessions), "college": party, "part": self.pick(*PARTS), "again": self.pick(None, 1, 2),
                  "student": f"{'a' if whose == 'own' else 'x'}{self.chance.randrange(4)}-{MARK}"}
        verb = self.pick("attend", "score", "score", "score", "certify")
        if self.hosted and self.chance.random() < 0.4:  # at the college's place: it says who of others was there
            fields.update(session="HOSTED", college=self.pick(*OTHERS), student=f"h{self.chance.randrange(4)}-{MARK}")
            return "own", COLLEGE, "attend", {**fields, "status": self.pick("present", "not-finished"), "seen": self.pick(None, None, 0)}
        if verb == "attend":
            fields.update(status=self.pick("present", "not-present"), irregularity=self.pick(None, f"{MARK} te laat"))
        elif verb == "score":
            fields.update(points=self.pick(40, 60, 70), final=True, revise=self.pick(None, True))
        else:
            del fields["part"]
            fields.update(number=f"N{self.chance.randrange(1000)}-{whose}", issued="2027-06-01")
        return whose, "DIB", verb, fields


def fixed(moment, hosted):
    """What happens first, whatever is drawn: a student of the college and one of others go all the way."""
    own, other = ({"student": f"{letter}9-{MARK}", "session": session} for letter, session in
                  (("a", "OWN"), ("h", "HOSTED" if hosted else "SHARED")))
    named = {"name": MARK, "born": 2008}
    if moment == 0:
        queue = [("others", "25PJ", "register", {"session": "FRENCH", "student": f"x{n}-{MARK}", **named}) for n in (5, 6, 7)]
        queue += [("own", COLLEGE, "register", {"session": "FRENCH", "student": f"a7-{MARK}", **named}),
                  ("others", "25PJ", "withdraw", {"session": "FRENCH", "student": f"x5-{MARK}"})]
        return queue + [("own", COLLEGE, "register", {**own, **named}), ("others", "25PJ", "register", {**other, **named}),
                ("own", COLLEGE, "register", {**own, **named, "student": f"a8-{MARK}"}),
                ("own", COLLEGE, "move", {**own, "student": f"a8-{MARK}", "to": "LATER"})]
    if moment == 1:
        return [("own", COLLEGE, "withdraw", {"student": f"a8-{MARK}", "session": "LATER"})]
    there = [("own", "DIB", verb, {**own, "college": COLLEGE, **fields}) for verb, fields in (
        ("attend", {"part": "lesen", "status": "present"}), ("score", {"part": "lesen", "points": 60, "final": True}),
        ("score", {"part": "sprechen", "points": 60, "final": True}), ("certify", {"number": "N-1", "issued": "2027-06-01"}))]
    if hosted:
        there += [("own", COLLEGE, "attend", {**other, "college": "25PJ", "part": "lesen", "status": status, **seen_at})
                  for status, seen_at in (("present", {}), ("not-finished", {"seen": 0}), ("not-finished", {}))]
    return there


NOTHING = ("ADMIN", "institution-end", {"code": "NOBODY", "until": "2000-01-01"})  # takes a number and changes nothing


def otherwise(party, verb, fields):
    """Something else that others do, which takes and leaves the same seats."""
    if verb not in ("register", "withdraw", "move"):
        return NOTHING
    fields = dict(fields)
    if fields["student"].startswith("x"):  # who may come to the college's own session is known there by college and number
        party, fields["student"] = SWAP[party], "y" + fields["student"]
    if verb == "register":
        fields.update(name=f"{MARK}, {'Klaas' if 'Jan' in fields['name'] else 'Gerrit'}", born=2001, eckid=None,
                      elective="K2" if fields.get("elective") == "K1" else fields.get("elective"),
                      needs=fields.get("needs") and fields["needs"].replace("tijd", "rust"))
    return party, verb, fields


def probes(chance):
    """A line of every command of a college with any of its fields: all reads, and of writes rehearsals."""
    values = {"code": (COLLEGE, *OTHERS, "OWN", "SHARED", "HOSTED", "FRENCH", "DE-A2", "K1", "lesen", "DIB", "N1"), "year": ("2026", "2027"),
              "student": tuple(f"{letter}{n}-{MARK}" for letter in "axhy" for n in range(4)), "language": ("de", "fr"),
              "date": ("2027-05-20", "2027-11-01"), "count": ("3",), "seats": ("1", "500"), "attempt": ("1", "2"), "log": ("0", "30", "90"),
              "limit": ("1", "3"), "after": ("SHARED", "40", "2027:de:seated", f"{COLLEGE}:K1:2026"), "yesno": ("yes", "no"),
              "moment": ("0", "60", "2027-02-01", "2027-01-31"), "eckid": tuple(ECKID % n for n in range(5)),
              "born": ("2008",), "points": ("50",), "days": ("28",), "windows": ("01-12/01-01",)}
    for student in (f"a{n}-{MARK}" for n in (0, 1, 2, 3, 7, 8, 9)):
        yield "dossier", {"student": student}
    for command in COMMANDS.values():
        if "roc" not in command.roles or command.kind == "builtin":
            continue
        for _ in range(9):
            fields = {}
            for field in command.fields.values():
                if field.required or chance.random() < 0.5:
                    words = TYPES[field.type].words or values.get(field.type, (f"{MARK} iets",))
                    fields[field.name] = chance.choice([words] if isinstance(words, str) else words)
            if command.kind == "write":
                fields.update(check="yes", seen=chance.choice([None, None, 0, 100]))
            elif command.kind == "list":
                fields.update(limit=chance.choice([None, 1, 2]), after=chance.choice([None, None, *values["after"]]))
            yield command.verb, fields


def tell_twice(registries, world, kind, hosted, seats):
    """Tells a script to a registry, and to another with other colleges' part of it left out ("silent") or made another
    ("other"); compares all that the college is answered."""
    chance = dice(f"eyes-{kind}")
    sessions = {"OWN": ("DE-A2", "2027-05-20", COLLEGE), "SHARED": ("DE-A2", "2027-05-21", "27YU"), "LATER": ("DE-B1", "2027-11-20", "27YU"),
                "FRENCH": ("FR-A2", "2027-05-22", "25PJ"), "HOSTED": ("DE-B1", "2027-05-23", COLLEGE)}
    sessions = {name: {"exam": exam, "date": date, "host": host, "seats": seats} for name, (exam, date, host) in sessions.items()}
    masked = ("free", "log") if kind == "silent" else ()
    answers = {}
    with contextlib.ExitStack() as stack:
        tellings = [Telling(registries(), one, stack) for one in ("full", kind)]
        for telling in tellings:
            telling.found(sessions, {code: province for code, (_, province) in COLLEGES.items()})
        script = Script(chance, hosted)

        def ask(party, verb, fields, note):
            full, twin = (seen(telling.ask(party, verb, fields), masked) for telling in tellings)
            assert full == twin, f"{note}: {encode(verb, fields)!r}\n  with    {full}\n  without {twin}"
            answers[verb, full[0]] = answers.get((verb, full[0]), 0) + 1

        for moment, day in enumerate(MONTHS):
            for telling in tellings:
                telling.registry.control("clock", day)
            steps = fixed(moment, hosted)
            while len(steps) < 180:
                steps.append(script.after() if moment == 2 else script.before())
            for whose, party, verb, fields in steps:
                if whose == "own":
                    ask(party, verb, fields, day)
                    continue
                tellings[0].ask(party, verb, fields)
                party, verb, fields = NOTHING if kind == "silent" else otherwise(party, verb, fields)
                tellings[1].ask(party, verb, fields)
            for verb, fields in probes(chance):
                ask(COLLEGE, verb, fields, f"{day}, probe")
            yesterday = str(datetime.date.fromisoformat(day) - datetime.timedelta(1))
            for rung in RUNGS:
                told, true = ([(row["language"], row["count"]) for row in tellings[0].ask(party, "progress", {"rung": rung, **when}).rows
                               if row["scope"] == "national" and row["count"] != "0"]
                              for party, when in ((COLLEGE, {}), ("NUFFIC", {"as-of": yesterday})))
                assert told == true, "the nation is that of yesterday"
        for party in ("NUFFIC", "ADMIN", "OCW"):
            for verb in (name for name, one in COMMANDS.items() if one.kind in ("list", "read") and name != "missing"):
                said = repr(tellings[0].ask(party, verb, {}))
                assert MARK not in said and "ketenid" not in said, f"{party} {verb}: {said}"
        logs = [telling.registry.execute("select log from log_head") for telling in tellings]
        assert logs[0] == logs[1]
        waited = tellings[0].registry.execute("select count(*) from registration where state = 'waiting'")[0][0]
        assert (waited > 0) == (kind == "other"), "seats are short in one of the two tests"
        persons = [telling.registry.execute("select count(*) from registration")[0][0] for telling in tellings]
        assert persons[0] > persons[1] if kind == "silent" else persons[0] == persons[1]
    print(f"{sum(answers.values())} answers alike: {answers}")
    return answers


def test_a_college_is_answered_alike_with_and_without_others(registries, world):
    answers = tell_twice(registries, world, "silent", False, 500)
    for wanted in ((verb, "OK") for verb in ("register", "withdraw", "move", "attend", "score", "certify", "registrations", "scores",
                                             "progress", "ladder", "sessions")):
        assert answers.get(wanted, 0) > 0, wanted


def test_where_seats_are_short_a_college_learns_nothing_but_seats(registries, world):
    answers = tell_twice(registries, world, "other", True, 3)
    for wanted in (("attend", "OK"), ("attend", "NO changed"), ("attend", "NO not-found")):
        assert answers.get(wanted, 0) > 0, wanted


# ---- the ministry

VIEWS = ("month", "province", "institution", "level", "exam")


def work_out(total, views, above):
    """The bounds of each cell, from the total and the views ({by: {key: count as told}}); `above` says of a cell of
    institutions or exams which province or level it is in."""
    bounds, sums = {"all": [total, total]}, []
    for by, cells in views.items():
        bounds.update({(by, key): may_be(count) for key, count in cells.items()})
        sums.append(("all", [(by, key) for key in cells]))
    for low, high in (("institution", "province"), ("exam", "level")):
        if low in views and high in views:
            for key in views[high]:
                sums.append(((high, key), [(low, part) for part in views[low] if above[part] == key]))
    return narrow(bounds, sums)


def test_the_ministry_cannot_work_out_a_small_cell(registries, world):
    chance = dice("subtraction")
    colleges = {"25LU": "groningen", "25PJ": "overijssel", "27YU": "overijssel", "28AA": "drenthe", "28BB": "drenthe"}
    for code in colleges:
        world.identities.setdefault(code, world.authority.issue(code))
    exams = {"DE-A2-x": "A2", "DE-A2-y": "A2", "DE-B1-x": "B1", "FR-A2-x": "A2", "FR-B1-x": "B1"}
    sessions = {f"{exam}-{month}": {"exam": exam, "date": f"2027-{month}-20", "host": "25LU", "seats": 500}
                for exam in exams for month in ("10", "11")}
    above, told, kept_back, attacked = {**colleges, **exams}, 0, 0, 0
    with contextlib.ExitStack() as stack:
        telling = Telling(registries(), "full", stack)
        telling.found(sessions, colleges)
        student = 0
        for month in range(2, 8):
            telling.registry.control("clock", f"2027-{month:02}-03")
            for code in colleges:
                for name in sessions:
                    count = chance.choice([0, 0, 0, 0, 0, 1] if code in ("28AA", "28BB") else [0, 1, 2, 5])
                    if month == 2:  # two persons of a language, each the only one of a college: one each, whoever sees the total
                        count = int(code in ("25LU", "28AA") and name in ("DE-A2-x-10", "FR-A2-x-10"))
                    for _ in range(count):
                        student += 1
                        telling.ask(code, "register", {"session": name, "student": f"s{student}", "name": "N", "born": 2008})
            telling.registry.control("clock", f"2027-{month + 1:02}-01")
            ends = [str(datetime.date(2027, m + 1, 1) - datetime.timedelta(1)) for m in range(2, month + 1)]
            for language in ("de", "fr"):
                for rung in ("registered", "seated"):
                    for as_of in (None, *ends):
                        asked = {"language": language, "rung": rung, "as-of": as_of}
                        rows = {by: telling.ask("OCW", "progress", {**asked, "by": by}).rows for by in VIEWS}
                        end = as_of or ends[-1]
                        total = int(telling.ask("OCW", "progress", {**asked, "as-of": end}).rows[0]["count"])
                        true = {by: {row[by]: int(row["count"]) for row in
                                     telling.ask("NUFFIC", "progress", {**asked, "as-of": end, "by": by}).rows} for by in VIEWS}
                        views = {by: {row[by]: row["count"] for row in rows[by]} for by in VIEWS if rows[by]}
                        assert total == sum(true["month"].values())
                        bounds = work_out(total, views, above)
                        for by, cells in views.items():
                            assert set(cells) == set(true[by])
                            for key, count in cells.items():
                                assert count == ("<5" if true[by][key] < 5 else str(true[by][key] // 5 * 5))
                                if count == "<5":
                                    told += 1
                                    least, most = bounds[by, key]
                                    assert least < most or len(cells) == 1, (asked, by, key, views)
                        kept_back += sum(bool(true[by]) for by in VIEWS if by not in views)
                        if as_of is None and rung == "registered":
                            # Who has reported adds nothing: where cells are kept back, nobody with few is told from who has none.
                            asked = {"what": "registration", "schoolyear": 2027, "language": language}
                            named = {row["institution"] for row in telling.ask("OCW", "missing", asked).rows}
                            few = {code for code, count in true["institution"].items() if count < 5}
                            assert named >= set(colleges) - set(true["institution"])
                            assert named & few == (set() if "institution" in views or not few else few), (month, asked, true)
                        # Had all been told, some small ones would not have been safe: this attack can succeed.
                        bounds = work_out(total, true, above)
                        attacked += sum(bounds[by, key][0] == bounds[by, key][1] for by in VIEWS
                                        for key, count in true[by].items() if count < 5 and len(true[by]) > 1)
        assert telling.ask("OCW", "progress", {"as-of": "2027-03-30"}).word == "NO range"
        for row in telling.ask("OCW", "sessions", {}).rows:
            assert not {"log", "free", "waiting"} & set(row), "a session's number would tell of each registration"
        assert telling.ask("OCW", "registrations", {}).rows == telling.ask("OCW", "scores", {}).rows == []
    print(f"{told} small cells told, {kept_back} views kept back, {attacked} small cells that could else be worked out")
    assert told > 0 and kept_back > 0 and attacked > 0
