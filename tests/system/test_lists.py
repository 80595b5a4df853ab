"""The lists of `buurtaal`, as JSON, CSV and tables, against what another client reads; lists without end; the template."""
import csv
import io
import json
import os
import re
import subprocess
import unicodedata

import openpyxl
import pytest

from harness.client import encode
from harness.impostor import over_tls
from harness.load import dice
from harness.registry import TOOL, day, high_water
from harness.tool import Tool

MANY = 100_000
GUARDED = "=+-@"  # a spreadsheet may take a cell that begins so for a formula
NUMBERS = {"sessions": {"seats", "free", "waiting", "log"}, "registrations": {"again", "place", "log"},
           "offers": {"schoolyear", "students", "again", "log"},
           "submissions": {"accepted", "log"}, "institutions": {"log"}, "inbox": {"log", "again"}}  # `<5` is none
ODD = ['=1+1', "+31", "-2", "@SUM(A1)", 'a"b', "a;b", "a\\b", "\u00e9 e\u0301 \u00df \u0133", "\U0001f600 \u6f22\u5b57", "it's,", "</script>",
       "\u200d\ufeff", "'=1", "#N/A", "\u02b9", "-", "a=b c"]
FORBIDDEN = {chr(c) for c in (0x61c, 0x200e, 0x200f, 0x2028, 0x2029, *range(0x202a, 0x202f), *range(0x2066, 0x206a))}
TEXTS = [*ODD, "=cmd|' /C calc'!A0\nline\n\ttab", "\t=1", "\n\n", '"']


def random_text(chance):
    """A line that a name may be: characters of all kinds, but for those that no line of the protocol holds."""
    made = ""
    while not made.strip() or made != made.strip(" ") or made == "-" or len(made.encode()) > 200:
        made = "".join(chr(chance.choice((chance.randrange(0x20, 0x7f), chance.randrange(0xa0, 0x600), chance.randrange(0x2000, 0x3000),
                                          chance.randrange(0x1f300, 0x1fa00), ord(chance.choice('=+-@;"\\/\'')))))
                       for _ in range(chance.randrange(1, 30)))
        made = "".join(c for c in made if c not in FORBIDDEN)
    return made


@pytest.fixture
def filled(registry):
    """Sessions, registrations and offers with texts that are hard to write."""
    daemon = registry.start()
    chance = dice("lists")
    with daemon.connect("DIB") as exams, daemon.connect("25LU") as college, daemon.connect("25PJ") as other:
        for n, text in enumerate(TEXTS):
            place = ODD[n % len(ODD)] if ODD[n % len(ODD)] != "-" else "Ede"
            exams.must("schedule", session=f"-S-{n:02}", exam="DIB-A2", date=day(200 + n), seats=1, place=place, host="25LU",
                       opens=day(-3) if n % 2 else None, closes=day(150) if n % 3 else None)
            for client, student in ((college, f"0{n}"), (other, "00912345")):
                client.must("register", session=f"-S-{n:02}", student=student, name=place, born="2008-03", needs=place)
            if text != "-" and n % 4 == 3:
                exams.must("cancel", session=f"-S-{n:02}", reason=text)
        college.must("register", session="-S-00", student="1234", name="Bakker, Bo", born=2008, elective="K0959",
                     eckid=f"https://ketenid.nl/202609/{7:0128x}")
        lines = [encode("register", {"session": "-S-00", "student": f"-{n}", "name": random_text(chance), "born": 2008,
                                     "needs": random_text(chance)}) for n in range(200)]
        assert all(reply.ok for reply in college.ask_many(lines))
        for n in range(5):
            college.send(encode("begin", {"name": f"-{n}.csv", "sha256": f"{n:064x}"}) + b"commit\n")
            assert college.reply().ok and college.reply().ok
        for n, text in enumerate(ODD[:5]):
            if text != "-":
                college.must("offer", elective="K0959", schoolyear=2026 + n, students=n, location=text)
    return daemon


def run(tool, *argv, wanted=0, **options):
    """What it wrote to standard output, as bytes, and to standard error."""
    environment = {**os.environ, "HOME": tool.home, "LC_ALL": "C", "TERM": "dumb"}
    done = subprocess.run([*tool.program, "--profile", tool.profile, *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=environment, timeout=120, check=False, **options)
    assert done.returncode == wanted, f"{argv}: {done.returncode}: {done.stderr.decode()} {done.stdout[:300]}"
    return done.stdout, done.stderr.decode()


def tool_of(registry, daemon, party):
    tool = Tool(registry, daemon.address, party)
    tool.program = [os.environ.get("BUURTAAL_TOOL", TOOL)]
    return tool


def rows_of(daemon, party, verb, **filters):
    with daemon.connect(party) as client:
        return client.read_list(verb, 7, **filters)


def test_json_is_what_the_registry_tells_with_numbers_as_numbers(registry, filled):
    for party in ("25LU", "DIB", "NUFFIC", "OCW"):
        tool = tool_of(registry, filled, party)
        for verb, numbers in NUMBERS.items():
            told = json.loads(run(tool, verb, "--json")[0])
            wanted = rows_of(filled, party, verb)
            assert [{name: str(value) for name, value in row.items()} for row in told] == wanted
            wrong = {(name, value) for row in told for name, value in row.items() 
                     if isinstance(value, int) != (name in numbers and value != "<5")}
            assert wrong == set(), verb
            assert party != "25LU" or len(wanted) >= 5
    college = tool_of(registry, filled, "25LU")
    assert json.loads(run(college, "registrations", "--json", "--session", "-S-00", "--student=1234")[0]) == [
        {name: int(value) if name in ("log", "place") else value for name, value in row.items()}
        for row in rows_of(filled, "25LU", "registrations", session="-S-00", student="1234")]
    assert run(college, "offers", "--schoolyear", "2050", "--json")[0] == b"[]\n"


def harmless(value):
    """As a cell holds it. An apostrophe of its own gets another, so that it is read back as it was."""
    start = value.lstrip("'")[:1]
    return "'" + value if start and start in GUARDED + "\t\r\n\uff1d\uff0b\uff0d\uff20" else value


def test_csv_opens_in_a_dutch_excel_and_no_cell_is_a_formula(registry, filled):
    for party in ("25LU", "DIB"):
        for verb in NUMBERS:
            said = run(tool_of(registry, filled, party), verb, "--csv", "--lang", "en")[0]
            assert said.startswith(b"\xef\xbb\xbf") and said.endswith(b"\r\n")
            table = list(csv.reader(io.StringIO(said[3:].decode(), newline=""), delimiter=";", strict=True))
            with filled.connect(party) as client:
                names = next(row["replies"] for row in client.must("help", verb=verb).rows if "replies" in row).split(",")
            wanted = [[harmless(row.get(name, "")) for name in names] for row in rows_of(filled, party, verb)]
            assert table[1:] == wanted
            assert not any(cell[:1] in GUARDED and cell for row in table for cell in row)
    heading = run(tool_of(registry, filled, "25LU"), "registrations", "--csv")[0].decode("utf-8-sig").split("\r\n")[0]
    assert heading.startswith("Sessie;Studentnummer;Instelling;Naam;Geboortedatum;ECK iD;Keuzedeel;Bijzonderheden;Status")


def columns(text):
    """How many columns of a terminal a text takes."""
    return sum(0 if unicodedata.combining(c) or unicodedata.category(c) in ("Cf", "Mn") else
               2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def on_terminal(tool, width, *argv):
    """The lines that a terminal of so many columns gets."""
    with tool.talk(*argv, columns=width, environment={"LC_ALL": "C", "TERM": "dumb"}, stdin=subprocess.DEVNULL,
                   stderr=subprocess.PIPE) as terminal:
        terminal.end()
        return terminal.shown.replace("\r\n", "\n").rstrip("\n").split("\n"), terminal.process.stderr.read()


def check_aligned(lines, names):
    """Below each heading stands its column: nothing crosses the gap in front of it."""
    starts, at = [], 0
    for name in names:
        at = lines[0].index(name, at)
        starts.append(at)
    for line in lines:
        cells = "".join(c * max(columns(c), 0) if columns(c) else "" for c in line)
        for start, name in zip(starts[1:], names[1:]):
            if name not in ("Vrij", "Plaatsen", "Wachtend"):  # to the right: the heading may be narrower than its column
                assert cells[start - 1:start] in ("", " "), (name, line)


def test_a_table_is_aligned_and_fits_the_terminal(registry, filled):
    tool = tool_of(registry, filled, "25LU")
    whole = run(tool, "sessions")[0].decode().rstrip("\n").split("\n")
    assert len(whole) == 1 + len(TEXTS)
    check_aligned(whole, ["Sessie", "Datum", "Examen", "Plaats", "Sluit", "Status", "Gastheer"])
    assert all(row["session"] in line and day(172) in whole[1]
               for row, line in zip(rows_of(filled, "25LU", "sessions"), whole[1:]))  # 28 days before its date
    assert not any("\t" in line or line.endswith(" ") for line in whole)
    for width in (200, 100, 80, 60, 40, 12):
        lines, noted = on_terminal(tool, width, "sessions")
        assert len(lines) == 1 + len(TEXTS) and all(columns(line) <= width for line in lines)
        assert ("kolommen" in noted) == (len(lines[0].split()) < len(whole[0].split()))
        check_aligned(lines, [name for name in ("Sessie", "Datum", "Examen") if name in lines[0]])
    assert f"{len(TEXTS)} rijen" in run(tool, "sessions")[1] and run(tool, "--quiet", "sessions")[1] == ""
    assert "log" in run(tool, "--lang", "en", "sessions")[1]


def test_a_table_has_words_for_people_and_the_rest_those_of_the_protocol(registry, filled):
    tool = tool_of(registry, filled, "25LU")
    for verb, words in (("sessions", {"scheduled": "gepland", "cancelled": "vervallen"}),
                        ("registrations", {"seated": "geplaatst", "waiting": "wachtend", "cancelled": "vervallen"}),
                        ("offers", {"offered": "aangeboden"}), ("institutions", {"ministry": "ministerie", "exam-office": "examenbureau"})):
        table, english = (run(tool, "--lang", lang, verb)[0].decode() for lang in ("nl", "en"))
        for word, dutch in words.items():
            assert re.search(rf" {dutch}\b", table) and not re.search(rf" {word}\b", table), (verb, word)
            assert re.search(rf" {word}\b", english), (verb, word)
            for form in ("--csv", "--json"):
                said = run(tool, verb, form)[0].decode()
                assert word in said and dutch not in said, (verb, form, word)


def test_an_empty_list_says_where_to_look(registry):
    tool = tool_of(registry, registry.start(), "25LU")
    for argv, wanted in ((["registrations", "--session", "2027-X"], "Klopt --session 2027-X? `buurtaal sessions` toont"),
                         (["offers", "--elective", "K1"], "`buurtaal send electives`"),
                         (["registrations", "--institution", "25XX"], "`buurtaal institutions`"),
                         (["institutions", "--code", "25XX"], "Klopt --code 25XX?"),
                         (["submissions"], "Alleen wat met `submit --mode all` is ingestuurd"),
                         (["registrations"], "Er is nog niets, of uw rol krijgt het niet te zien")):
        said, noted = run(tool, *argv)
        assert said == b"" and noted.startswith("0 rijen, ") and wanted in noted and noted.count("\n") == 2, (argv, noted)
        assert run(tool, "--quiet", *argv)[1] == "" and run(tool, *argv, "--csv")[1] == ""
    assert run(tool, "institutions", "--code", "25LU")[1].startswith("1 rij, stand")
    assert run(tool, "--lang", "en", "institutions", "--code", "25LU")[1].startswith("1 row, as of")


def test_free_are_the_sessions_that_can_be_registered_for_and_have_seats(registry):
    daemon = registry.start()
    with daemon.connect("DIB") as exams, daemon.connect("25LU") as college:
        for name, date, opens, closes, seats in (
                ("free", 200, None, None, 1), ("first-day", 200, 0, 10, 1), ("last-day", 200, None, 0, 1), ("by-rule", 28, None, None, 1),
                ("full", 200, None, None, 1), ("no-seats", 200, None, None, 0), ("cancelled", 200, None, None, 5),
                ("later", 200, 1, 2, 5), ("over", 200, None, -1, 5), ("over-by-rule", 27, None, None, 5)):
            exams.must("schedule", session=name, exam="DIB-A2", date=day(date), seats=seats, place="Ede", host="25LU",
                       opens=None if opens is None else day(opens), closes=None if closes is None else day(closes))
        exams.must("cancel", session="cancelled", reason="x")
        college.must("register", session="full", student="1", name="N", born=2008)
        takes = set()
        for session in [row["session"] for row in college.must("sessions").rows]:
            reply = college.ask("register", session=session, student="2", name="N", born=2008, check=True)
            takes |= {session} if reply.ok and reply["state"] == "seated" else set()
    tool = tool_of(registry, daemon, "25LU")
    told = json.loads(run(tool, "sessions", "--free", "--json")[0])
    assert {row["session"] for row in told} == takes == {"free", "first-day", "last-day", "by-rule"}
    assert json.loads(run(tool, "sessions", "--free", "--session", "full", "--json")[0]) == []
    assert "niet" in run(tool_of(registry, daemon, "OCW"), "sessions", "--free", "--json", wanted=77)[1]


def read_all(tool, *argv):
    """How many lines it wrote and its memory, looked at while it writes."""
    environment = {**os.environ, "HOME": tool.home, "LC_ALL": "C"}
    lines, memory = 0, 0
    with subprocess.Popen([*tool.program, "--profile", tool.profile, "--quiet", *argv], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, env=environment) as process:
        while block := os.read(process.stdout.fileno(), 65536):
            lines += block.count(b"\n")
            try:
                memory = max(memory, high_water(process.pid) or 0)
            except ProcessLookupError:
                pass  # it has just ended
    assert process.returncode == 0
    return lines, memory


def test_a_list_of_a_hundred_thousand_takes_no_more_memory_than_one_of_a_thousand(registry):
    daemon = registry.start()
    tool = tool_of(registry, daemon, "NUFFIC")
    small = {}
    for count in (1000, MANY):
        registry.execute("""insert into session select 'S-' || to_char(n, 'fm000000'), 'DIB-A2', %s, null, null, 100, 0, 0,
            'Plaats ' || n, '25LU', 'scheduled', repeat('r', n %% 100 + 1), 1 from generate_series(%s, %s) n""",
                         day(200), 1 if count == 1000 else 1001, count)
        for form, more in (("--json", 2), ("--csv", 1), (None, 1)):
            lines, memory = read_all(tool, "sessions", *([form] if form else []))
            assert lines == count + more or (form is None and count < lines < count + 10)
            if count == 1000:
                small[form] = memory
            else:
                assert 0 < memory < small[form] + 1024, f"{form}: {small[form]} kB, then {memory} kB"


def test_what_is_asked_wrong_is_told_with_its_status(registry, filled, tmp_path):
    tool = tool_of(registry, filled, "25LU")
    for argv, word, status in ((("sessions", "--json", "--csv"), "--json", 64), (("sessions", "x"), "sessions", 64),
                               (("registrations", "--free"), "--free", 64), (("sessions", "--session", "a b"), "a b", 64),
                               (("offers", "--schoolyear", "1"), "schoolyear", 64)):
        said, why = run(tool, *argv, wanted=status)
        assert said == b"" and word in why, argv
    with open("/dev/full", "wb") as full:
        with subprocess.Popen([*tool.program, "--profile", tool.profile, "sessions"], stdout=full, stderr=subprocess.PIPE,
                              env={**os.environ, "HOME": tool.home}) as process:
            why = process.stderr.read().decode()
        assert process.returncode == 74 and "schrijven" in why, why
    for verb in [*NUMBERS, "template"]:
        for lang, use in (("nl", "gebruik"), ("en", "usage")):
            told = run(tool, verb, "--help", "--lang", lang)[0].decode()
            assert told.startswith(f"{use}: buurtaal {verb} ")
            with filled.connect("25LU") as client:
                fields = [row["field"] for row in client.ask("help", verb=verb).rows if row.get("key") == "yes"]
            assert all(f"--{field} " in told for field in fields), (verb, fields)
    filled.stop()
    said, why = run(tool, "sessions", "--json", wanted=69)
    assert said == b"" and why


def test_a_list_that_leads_nowhere_ends(registry, tmp_path):
    """A page that is empty, or the same again, and says that there is more: of a list, of the template and of the log."""
    def page(line):
        verb, *fields = line.split()
        if verb == "ping":
            return b"OK log=9 time=2027-01-01T00:00:00Z\n"
        row = b"= log=1 head=%s\n" % (b"a" * 64) if verb == "heads" else b"= session=S-1 log=1\n"
        again = any(field.startswith("after=") for field in fields)
        return (row if again or not empty else b"") + b"OK rows=1 log=9 more=yes after=T\n"
    for empty in (False, True):
        with over_tls(registry, b"* buurtaal 1 server=x party=25LU role=admin window=256 log=9 head=%s\n" % (b"b" * 64), page) as stuck:
            tool = Tool(registry, ("localhost", stuck.port), "25LU")
            for argv in (["sessions"], ["sessions", "--json"], ["template", f"{tmp_path}/x.csv"], ["audit", "save", f"{tmp_path}/log"]):
                said = tool.run("--lang", "en", *argv, wanted=76)[1]
                assert "same page again" in said, (argv, said)
    assert not [name for name in os.listdir(tmp_path) if name.startswith(("x.csv", "log"))], "nothing by half"


def test_the_template_has_the_open_sessions_and_is_never_written_over(registry, tmp_path):
    daemon = registry.start()
    with daemon.connect("DIB") as exams:
        for name, place, opens, seats in (("2027-1", "=1+1", None, 3), ("0042", "a;b", None, 12), ("Z", "Emmen", 5, 3), ("full", "Ede", None, 0)):
            exams.must("schedule", session=name, exam="DIB-A2", date=day(200), seats=seats, place=place, host="25LU",
                       opens=day(opens) if opens else None)
    tool = tool_of(registry, daemon, "25LU")
    folder = tmp_path / "files"
    folder.mkdir()
    run(tool, "template", cwd=folder)
    sheet, book = folder / "aanmelden.csv", folder / "aanmelden.xlsx"
    head, *comments = sheet.read_bytes().decode("utf-8-sig").splitlines()
    assert head == "Sessie;Studentnummer;Naam;Geboortedatum;ECK iD;Keuzedeel;Bijzonderheden"
    assert len(comments) == 2 and all(line.lstrip('"').startswith("# ") for line in comments)
    assert "0042" in comments[0] and day(172) in comments[0] and "a;b" in comments[0] and "2027-1" in comments[1]
    assert comments[0].rstrip('"').endswith(", vrij: 12") and comments[1].endswith(", vrij: 3")
    assert len(json.loads(run(tool, "sessions", "--free", "--json")[0])) == 2, "the same ones"
    opened = openpyxl.load_workbook(book)
    first, second = opened.worksheets
    assert [cell.value for cell in first[1]] == head.split(";") and first.max_row == 1
    assert [[cell.value for cell in row[:4]] for row in second.iter_rows(min_row=2)] == [
        ["0042", "DIB-A2", day(200), "a;b"], ["2027-1", "DIB-A2", day(200), "=1+1"]]
    assert second["D3"].data_type == "s", "not a formula"
    assert "van der Graaf, Jacobus" in first["C1"].comment.text and "14-03-2009" in first["D1"].comment.text
    (choice,) = first.data_validations.dataValidation
    assert choice.type == "list" and choice.formula1 == f"'{second.title}'!$A$2:$A$3" and "A2" in choice.sqref
    texts = {column for each in first.column_dimensions.values() if each.number_format == "@" for column in range(each.min, each.max + 1)}
    assert texts == set(range(1, 8)), "a number would lose its zeros"

    before = {path: path.read_bytes() for path in (sheet, book)}
    assert "--force" in run(tool, "template", cwd=folder, wanted=73)[1]
    sheet.unlink()
    run(tool, "template", cwd=folder, wanted=73)
    assert not sheet.exists() and book.read_bytes() == before[book], "half of it is nothing"
    run(tool, "template", str(sheet))
    assert sheet.read_bytes() == before[sheet]
    book.write_bytes(b"")
    run(tool, "--lang", "en", "template", "--force", str(folder / "aanmelden"))
    assert sheet.read_bytes().decode("utf-8-sig").startswith("Session;Student number;Name;Date of birth;ECK iD;Elective;Special needs")
    assert openpyxl.load_workbook(book).worksheets[0]["A1"].value == "Session"
    assert sorted(os.listdir(folder)) == ["aanmelden.csv", "aanmelden.xlsx"]
    assert "niet te schrijven" in run(tool, "template", str(folder / "none" / "x.csv"), wanted=73)[1]


def test_what_is_filled_in_on_a_template_registers(registry, tmp_path):
    daemon = registry.start()
    with daemon.connect("DIB") as exams:
        for n in range(30):
            exams.must("schedule", session=f"2027-{n:02}-DIB", exam="DIB-A2", date=day(200), seats=9, place="Ede; Epe, Ee", host="25LU")
    tool = tool_of(registry, daemon, "25LU")
    eckid = f"https://ketenid.nl/202609/{7:0128x}"
    wanted = [{"session": "2027-07-DIB", "student": "0091234", "name": "van der Graaf, Jo", "born": "2008-03-14", "eckid": eckid,
               "elective": "K0959", "needs": "=1+1"},
              {"session": "2027-08-DIB", "student": "0091235", "name": "Bakker, Bo", "born": "2009"}]
    for lang in ("nl", "en"):
        sheet, book = f"{tmp_path}/{lang}.csv", f"{tmp_path}/{lang}.xlsx"
        run(tool, "template", "--lang", lang, f"{tmp_path}/{lang}")
        for path in (sheet, book):
            run(tool, "submit", "--yes", path)  # nothing is filled in yet
        with open(sheet, "a", encoding="utf-8", newline="") as file:
            for n, row in enumerate(wanted):
                file.write(";".join((row["session"], f"{n}{row['student']}", row["name"], row["born"], row.get("eckid", ""),
                                     row.get("elective", ""), "'" + row["needs"] if "needs" in row else "")) + "\r\n")
        opened = openpyxl.load_workbook(book)
        for n, row in enumerate(wanted):
            opened.worksheets[0].append([row["session"], f"{n + 2}{row['student']}", row["name"], row["born"], None, row.get("elective")])
        opened.save(book)
        for path in (sheet, book):
            run(tool, "submit", "--yes", path)
    rows = {row["student"]: row for row in rows_of(daemon, "25LU", "registrations")}
    assert sorted(rows) == ["00091234", "10091235", "20091234", "30091235"]
    for n, row in enumerate(wanted):
        assert {name: rows[f"{n}{row['student']}"].get(name) for name in row if name != "student"} == {
            name: value for name, value in row.items() if name != "student"}
        assert rows[f"{n + 2}{row['student']}"]["born"] == row["born"]

    # A list of registrations may itself be sent again: each is there.
    path = tmp_path / "again.csv"
    path.write_bytes(run(tool, "registrations", "--csv")[0])
    newest = registry.execute("select log from log_head")[0][0]
    run(tool, "submit", "--yes", str(path))
    outcomes = registry.execute("select distinct outcome from audit where log > %s", newest)
    assert outcomes == [("OK repeated",)]
