"""What `make run` ends with is what the files of colleges and exam offices say: every registration, every result and certificate,
every figure of the board, a log that is whole, and in the database nothing personal; and to run it again over what is there
changes nothing."""
import base64
import collections
import datetime
import math
import os
import statistics
import re
import subprocess
import unicodedata

import pytest
from expected import Expected

from conftest import FOLDER, ROOT

BY = ("month", "institution", "province", "level", "exam")
YEARS = range(2019, 2025)
LAST_DAY = datetime.date(2024, 4, 22)
COMPARED = ("name", "born", "elective", "needs", "state", "again", "eckid")
RUNGS = ("registered", "seated", "sat", "passed", "certified")
SCORED = ("status", "points", "final", "outcome", "number", "issued")
T_80 = 1.533  # the 90th percentile of Student's t, for five years
KEY = 7  # no secret is looked for that is shorter


@pytest.fixture(scope="module")
def expected(demo):
    return Expected(FOLDER, LAST_DAY)


def printed(said):
    """The figures that the run prints."""
    return re.findall(r"^(?:landelijk|eigen|national|own).*?\b(20\d\d) de \w+ +(\S+)", said, re.M)


def stored(demo):
    """The registrations as they are kept, but for what changes with each writing."""
    return demo.execute("""select session, college, encode(student_hash, 'hex'), again, person, state, entered,
        encode(substr(name, 1, 32), 'hex'), encode(substr(born, 1, 32), 'hex'), elective, encode(substr(needs, 1, 32), 'hex')
        from registry.registration order by entered""")


def test_the_files_hold_what_life_brings(expected):
    rules = expected.rules
    assert 6500 <= len(rules.all()) <= 7200 and len(rules.sessions) >= 70
    assert len({attempt.college for attempt in rules.all()}) == 20
    refused = {outcome for verb, outcome in expected.outcomes if verb == "register" and outcome.startswith("NO")}
    assert refused >= {"NO not-found", "NO closed", "NO not-open", "NO looks-like-bsn", "NO eckid-differs", "NO ended"}
    assert expected.contradicting > 0
    assert expected.outcomes["register", "OK repeated"] > 500 and expected.outcomes["register", "OK amended"] > 30
    for verb in ("attend", "score", "certify"):  # messages repeat
        assert expected.outcomes[verb, "OK repeated"] > 40 and expected.outcomes[verb, "OK"] > 2000
    assert expected.outcomes["score", "OK amended"] > 100  # revised
    assert [name for name, session in rules.sessions.items() if session.queue] == ["2024-06-DIB-B1-HRL"]
    places = collections.defaultdict(set)
    for attempt in rules.all():
        places[attempt.person].add(attempt.college)
    assert sum(len(colleges) == 2 for colleges in places.values()) >= 40
    assert {attempt.state for attempt in rules.all()} == {"seated", "waiting", "withdrawn", "moved", "cancelled"}
    assert {attempt.college for attempt in rules.all() if attempt.state == "withdrawn"} >= {"25PL"}, "its heir did"
    combined = [attempt for attempt in rules.all() if attempt.session == "2023-05-GOETHE-B1-RTD"]
    assert any(rules.outcome(attempt, True) == "passed" and set(attempt.scores) < set(rules.exam_of(attempt)["parts"])
               for attempt in combined), "failed modules alone were taken again"


def test_the_story_is_that_of_a_rise_and_a_fall(expected):
    seated = [expected.count(year) for year in YEARS]
    assert seated[:4] == sorted(seated[:4]) and seated[3] > seated[4] > seated[5]
    assert (expected.ladder(2019)["de", "offered"], expected.ladder(2019)["de", "enrolled"]) == (14, 5740)


def test_each_line_was_answered_as_the_rules_say(demo, expected):
    told = demo.execute("""select verb, outcome, count(*) from registry.audit
        where verb in ('register', 'withdraw', 'move', 'attend', 'score', 'certify') group by 1, 2""")
    assert {(verb, outcome): count for verb, outcome, count in told} == expected.outcomes
    for college in sorted(expected.provinces):
        wanted = expected.rules.registrations(college)
        if not wanted:
            continue  # it took no part
        with demo.connect(college) as client:
            rows = [row for row in client.read_list("registrations", 5000) if row["institution"] == college]
            scores = [row for row in client.read_list("scores", 5000) if row["institution"] == college]
        read = {(row["session"], row["student"]): {name: row[name] for name in COMPARED if name in row} for row in rows}
        assert read == wanted, college
        read = {(row["session"], row["student"], row["part"]): {name: row[name] for name in SCORED if name in row}
                for row in scores}
        assert read == expected.rules.scores_of(college), college


def test_a_second_start_says_that_it_runs_already(demo):
    status, said = demo.second()
    assert status == 1 and "up in" in said and "make stop" in said
    assert demo.progress("OCW", "--year", "2024"), "and what runs goes on"


def test_the_board_is_what_the_files_add_up_to(demo, expected):
    for year in YEARS:
        for rung in RUNGS:
            options = ("--year", str(year), "--rung", rung)
            nation = collections.Counter()
            for (language, _), count in expected.progress(year, rung, "level").items():
                nation[language] += count
            for party in ("NUFFIC", "OCW"):
                rows = {row["language"]: row for row in demo.progress(party, *options)}
                assert {language: int(row["count"]) for language, row in rows.items()} == nation, (party, year, rung)
                assert rows.get("de", {}).get("target") == (5000 if rung == "seated" else None), (party, year, rung)
            for by in BY:
                rows = demo.progress("NUFFIC", *options, "--by", by)
                assert {(row["language"], row[by]): int(row["count"]) for row in rows} == expected.progress(year, rung, by), \
                    (year, rung, by)
    for college in ("25LU", "25LW", "25MB", "27DV", "25PU", "25PL"):  # of each kind of sharing; the merged ones
        with demo.connect(college) as client:
            for year in YEARS:
                for by in BY:
                    for rung in RUNGS:
                        rows = client.must("progress", year=year, rung=rung, by=by).rows
                        assert {(row["language"], row[by]): int(row["count"]) for row in rows} == \
                            expected.progress(year, rung, by, college), (college, year, rung, by)
    assert printed(demo.said)[:len(YEARS)] == [(str(year), str(expected.count(year))) for year in YEARS]


def test_the_ladder_and_who_is_missing(demo, expected):
    with demo.connect("NUFFIC") as client:
        for year in YEARS:
            rows = client.must("ladder", year=year).rows
            assert {(row["language"], row["rung"]): int(row["count"]) for row in rows if row["count"] != "0"} == \
                expected.ladder(year)
            line = re.search(rf"^{year} de +([\d ]+)$", demo.said, re.M)
            told = [expected.ladder(year)["de", rung] for rung in ("offered", "enrolled", *RUNGS)]
            assert [int(number) for number in line[1].split()] == told
        missing = {row["institution"] for row in client.must("missing", what="offer", schoolyear=2023).rows}
    assert missing == expected.missing(2023) and len(missing) >= 3
    for code in missing:
        assert re.search(rf"^{code}  {re.escape(expected.names[code])}$", demo.said, re.M)


def test_the_running_year_has_a_forecast_from_the_years_before(demo, expected):
    grown = [math.log(expected.count(year) / expected.openings[year]) for year in YEARS[:-1]]
    middle, spread = statistics.mean(grown), statistics.stdev(grown) * T_80 * math.sqrt(1 + 1 / len(grown))
    now = expected.count(2024)
    row, = (row for row in demo.progress("OCW", "--year", "2024") if row["language"] == "de")
    told = [int(row[name]) for name in ("pace", "forecast", "low", "high")]
    assert told == [round(5000 * math.exp(-middle)), round(now * math.exp(middle)), round(now * math.exp(middle - spread)),
                    round(now * math.exp(middle + spread))]
    line, = re.findall(r"^landelijk +2024 de .*", demo.said, re.M)[:1]
    assert all(str(number) in line for number in told)


def test_the_log_was_proven(demo):
    """Of the rows that there were, and the head that the registry has for the last of them."""
    told = re.findall(r"^.*\b([0-9a-f]{64})\b.*$", demo.said, re.M)
    heads = demo.execute("select encode(head, 'hex'), log from registry.head order by log desc limit 100")
    assert told and told[-1] in dict(heads), demo.said[-3000:]
    assert str(dict(heads)[told[-1]]) in demo.said


# --- Nothing personal in a dump

def forms_of(text):
    """The ways in which a text may stand in a dump: plain, as hexadecimal and in base64, in several encodings."""
    found = {text, text.replace("'", "''")}
    for normal in ("NFC", "NFD"):
        for encoding in ("utf-8", "utf-16-le", "cp1252"):
            try:
                content = unicodedata.normalize(normal, text).encode(encoding)
            except UnicodeEncodeError:
                continue
            whole = content.rstrip(b"\0")  # so that it is in UTF-16 of either order
            found |= {whole.hex(), whole.hex().upper()}
            for before in range(3):  # what of its base64 does not depend on its neighbours
                coded = base64.b64encode(b"\0" * before + whole).decode()
                found.add(coded[-(-before * 8 // 6):][:(len(whole) * 8 - (-before * 8) % 6) // 6])
    # Digits of hexadecimal turn up by chance among sealed bytes, unless they are many.
    return {form for form in found if len(form) >= (14 if re.fullmatch("[0-9A-Fa-f]+", form) else KEY)}


def find(forms, text):
    """The forms that are in a text."""
    by_start = {}
    for form in forms:
        by_start.setdefault(form[:KEY], []).append(form)
    return {form for at in range(len(text) - KEY + 1) for form in by_start.get(text[at:at + KEY], ())
            if text.startswith(form, at)}


def test_the_search_finds_what_is_there(demo):
    """PostgreSQL writes most of it; so that the next test is not one that cannot fail."""
    for secret in ("0091001", "van der Graaf, Zoë", "2008-03-14"):
        forms = forms_of(secret)
        for sql in ("%s", "encode(convert_to(%s, 'UTF8'), 'hex')", "encode(convert_to('x' || %s || 'x', 'UTF8'), 'base64')",
                    "encode(convert_to('xy' || %s, 'UTF8'), 'base64')", "encode(convert_to(%s || 'x', 'UTF8'), 'base64')",
                    "encode(convert_to(%s, 'LATIN1'), 'hex')"):
            written = demo.execute("select " + sql.replace("%s", f"'{secret}'"))[0][0]
            if secret == "0091001" and written == secret:
                continue  # found as a word, below
            assert find(forms, f"(1, '{written}', 2)"), (secret, sql, written)
        assert find(forms, "\\x" + ("\ufeff" + secret).encode("utf-16-be").hex())
        assert find(forms, "\\x" + secret.encode("utf-16-le").hex())
        assert find(forms, base64.b64encode(("." + secret).encode("utf-16-be")).decode())


def test_a_dump_and_the_log_hold_nothing_personal(demo, expected):
    dump = demo.dump()
    assert dump.count("INSERT INTO registry.registration ") == len(expected.rules.all())
    assert dump.count("INSERT INTO registry.audit ") > 25000
    forms, words = set(), set()
    for what, text in expected.secrets:
        if what in ("student", "name", "born", "eckid", "needs") or len(text) > KEY:
            forms |= forms_of(text)
        words.add(text.replace("-", ""))
        words.add(text)
        if what == "eckid":
            forms |= forms_of(text[-128:])
    assert len(forms) > 50000
    assert find(forms, dump) == set()
    assert find(forms, demo.log()) == set()
    # Digits alone, as words of their own; of six and less there are by chance, in times, and nobody's number is so short.
    assert {word for word in words if len(word) >= KEY and word.isdigit()} & set(re.findall(r"\w+", dump)) == set()


# --- The tour of README.md

# Of each of its commands in order: the status, and what of the answer the page tells.
TOUR = [(0, r"national +2024 de .*of 5000.*expected"), (0, r"own DIB-B1 "),
        (0, r"year=2023 language=de rung=certified unit=persons count=\d"),
        (0, r"OK log=\d+ state=seated\n"), (0, r"OK log=\d+ state=seated repeated=yes\n"),
        (1, r"line \d+"), (0, r"OK check=yes state=waiting place=\d+\n"), (0, r"OK log=\d+ state=withdrawn\n"),
        (65, r"NO ended log=\d+ again=2 "), (0, r"part=reading-listening .*points="), (77, r"NO role .*(\n.*)*verb=move"),
        (0, r"verb=grant .*(\n.*)*head=[0-9a-f]{64}"), (0, r"[0-9a-f]{64}")]


def test_the_tour_of_the_readme_is_true(demo):
    with open(f"{ROOT}/README.md", encoding="utf-8") as file:
        tour = re.search(r"^## A tour.*?^## ", file.read(), re.M | re.S)[0]
    first, *commands = re.findall(r"^    (\S.*)$", tour, re.M)
    assert first.startswith("as() {") and len(commands) == len(TOUR)
    for command, (status, said) in zip(commands, TOUR):
        script = f"{first}\n{command}".replace("var/", f"{FOLDER}/")
        done = subprocess.run(["sh", "-c", script], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60)
        assert done.returncode == status and re.search(said, done.stdout), (command, done.returncode, done.stdout)


# --- Again

def test_stopped_cut_off_and_run_again_it_changes_nothing(demo):
    before, told = stored(demo), printed(demo.said)
    # From another terminal.
    subprocess.run([f"{ROOT}/tools/demo/run", "stop", FOLDER], check=True, stdin=subprocess.DEVNULL, timeout=120)
    said = demo.process.communicate(timeout=60)[0]
    assert demo.process.returncode == 0 and "has ended" not in said, said
    for kind in ("pem", "key"):
        os.remove(f"{FOLDER}/ca/25LF.{kind}")
    demo.start("^2020-02-13 ")
    assert "making them anew" in demo.said, "a certificate that is gone is no end of the demo"
    assert demo.stop() == 143
    assert printed(demo.again()) == told != []
    assert stored(demo) == before
    assert [line for line in demo.log().splitlines() if re.match("<[0-3]>", line)] == []


def test_a_certificate_that_was_revoked_is_told_with_the_remedy(demo):
    demo.start("the administrator enters")
    with demo.connect("ADMIN") as admin, demo.connect("25LU") as college:
        admin.must("revoke", fingerprint=college.must("whoami")["certificate"])
    assert demo.stop() == 143
    status, said = demo.second()
    assert status == 1 and "NO revoked" in said and "make clean" in said, said


def test_a_registry_of_another_story_is_told_with_the_remedy(demo):
    with open(f"{FOLDER}/story", "a", encoding="ascii") as file:
        file.write("of before\n")
    status, said = demo.second()
    assert status == 1 and "other files" in said and "make clean" in said, said
