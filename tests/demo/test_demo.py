"""What `make run` ends with is what the colleges' files say: every registration, every figure of the board, and in the database
nothing personal; and to run it again over what is there changes nothing."""
import base64
import collections
import os
import re
import subprocess
import unicodedata

import pytest
from expected import Expected

from conftest import FOLDER, ROOT

BY = ("month", "institution", "province", "level", "exam")
YEARS = (2027, 2028)
COMPARED = ("name", "born", "elective", "needs", "state", "again", "eckid")
RUNGS = ("seated", "registered")
KEY = 7  # no secret is looked for that is shorter


@pytest.fixture(scope="module")
def expected(demo):
    return Expected(FOLDER)


def printed(said):
    """The figures that the run prints."""
    return re.findall(r"^(?:landelijk|eigen|national|own).*?\b(20\d\d) de (?:seated|geplaatst) +(\S+)", said, re.M)


def stored(demo):
    """The registrations as they are kept, but for what changes with each writing."""
    return demo.execute("""select session, college, encode(student_hash, 'hex'), again, person, state, entered,
        encode(substr(name, 1, 32), 'hex'), encode(substr(born, 1, 32), 'hex'), elective, encode(substr(needs, 1, 32), 'hex')
        from registry.registration order by entered""")


def test_the_files_hold_what_life_brings(expected):
    model = expected.model
    assert 5400 <= len(model.all()) <= 5800 and len(model.sessions) >= 20
    assert len({attempt.college for attempt in model.all()}) >= 14
    assert {"not-found", "closed", "not-open", "looks-like-bsn", "eckid-differs"} <= expected.codes
    assert expected.contradicting > 0
    assert min(expected.outcomes[word] for word in ("OK repeated", "OK amended", "NO")) > 50
    assert [name for name in model.sessions if model.queue(name)] == ["2028-06-DIB-B1-HRL"]
    places = collections.defaultdict(set)
    for attempt in model.all():
        places[attempt.person].add(attempt.college)
    assert sum(len(colleges) == 2 for colleges in places.values()) >= 40
    assert {attempt.state for attempt in model.all()} == {"seated", "waiting", "withdrawn", "moved"}


def test_each_row_was_taken_as_the_rules_say(demo, expected):
    told = demo.execute("""select case when outcome like 'NO %' then 'NO' else outcome end, count(*) from registry.audit
        where verb in ('register', 'withdraw', 'move') group by 1""")
    assert dict(told) == expected.outcomes
    refusals = demo.execute("select distinct outcome from registry.audit where verb = 'register' and outcome like 'NO %'")
    assert {row[0].removeprefix("NO ") for row in refusals} <= expected.codes
    for college in sorted(expected.provinces):
        wanted = expected.registrations(college)
        if not wanted:
            continue  # it took no part
        with demo.connect(college) as client:
            rows = [row for row in client.read_list("registrations", 5000) if row["institution"] == college]
        read = {(row["session"], row["student"]): {name: row[name] for name in COMPARED if name in row} for row in rows}
        assert read == wanted, college


def test_a_second_start_says_that_it_runs_already(demo):
    status, said = demo.second()
    assert status == 1 and "up in" in said and "make stop" in said
    assert demo.progress("OCW", "--year", "2028"), "and what runs goes on"


def test_the_board_is_what_the_files_add_up_to(demo, expected):
    for year in YEARS:
        for rung in RUNGS:
            options = ("--year", str(year), "--rung", rung)
            nation = sum(expected.progress(year, rung, "level").values())
            for party in ("NUFFIC", "OCW"):
                rows = demo.progress(party, *options)
                assert [(row["scope"], int(row["count"]), row.get("target")) for row in rows] == \
                    [("national", nation, 5000 if rung == "seated" else None)], (party, year, rung)
            for by in BY:
                rows = demo.progress("NUFFIC", *options, "--by", by)
                assert {row[by]: int(row["count"]) for row in rows} == expected.progress(year, rung, by), (year, rung, by)
    for college in ("25LU", "25LW", "25MB", "27DV"):  # of each kind of sharing
        with demo.connect(college) as client:
            for year in YEARS:
                for by in BY:
                    rows = client.must("progress", year=year, by=by).rows
                    wanted = expected.progress(year, "seated", by, college)
                    assert {row[by]: int(row["count"]) for row in rows} == wanted, (college, year, by)
    both = [str(sum(expected.progress(year, "seated", "level").values())) for year in YEARS]
    assert [count for _, count in printed(demo.said)][:2] == both


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
    assert dump.count("INSERT INTO registry.registration ") == len(expected.model.all())
    assert dump.count("INSERT INTO registry.audit ") > 8000
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


# --- Again

def test_cut_off_and_run_again_it_changes_nothing(demo):
    before, told = stored(demo), printed(demo.said)
    assert demo.stop() == 0
    for kind in ("pem", "key"):
        os.remove(f"{FOLDER}/ca/25LF.{kind}")
    demo.start("^2027-03-08 ")
    assert "making them anew" in demo.said, "a certificate that is gone is no end of the demo"
    assert demo.stop() == 143
    assert printed(demo.again()) == told != []
    assert stored(demo) == before
    assert [line for line in demo.log().splitlines() if re.match("<[0-3]>", line)] == []


def test_stopped_from_another_terminal_it_ends_well(demo):
    demo.start("It runs on port")
    subprocess.run([f"{ROOT}/tools/demo/run", "stop", FOLDER], check=True, stdin=subprocess.DEVNULL, timeout=120)
    said = demo.process.communicate(timeout=60)[0]
    assert demo.process.returncode == 0 and "has ended" not in said, said


def test_a_certificate_that_was_revoked_is_told_with_the_remedy(demo):
    demo.start("the administrator enters")
    with demo.connect("ADMIN") as admin, demo.connect("25LU") as college:
        admin.must("revoke", fingerprint=college.must("whoami")["certificate"])
    assert demo.stop() == 143
    status, said = demo.second()
    assert status == 1 and "NO revoked" in said and "make clean" in said, said
