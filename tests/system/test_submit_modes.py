"""`buurtaal submit`: what it asks before it acts, what it leaves behind, and that all or nothing is so whatever dies."""
import hashlib
import os
import re
import signal
import subprocess

import openpyxl
import pytest
from harness.client import encode
from harness.load import dice
from harness.registry import day, until
from harness.tool import Tool

HEADER = "Deelnemernummer;Voorvoegsel;Achternaam;Voornamen;Geboortedatum;Sessie;ECK iD;"
ROWS = 800
CUTS = 8


def schedule(daemon, **seats):
    with daemon.connect("DIB") as exams:
        for session, count in seats.items():
            exams.must("schedule", session=session, exam="DIB-A2", date=day(200), seats=count, place="Emmen", host="25LU")


def row(number, session="S1", born="14-03-2009", first="Noor", eckid=""):
    return f"L{number};;Jansen;{first};{born};{session};{eckid};"


def write(path, rows, encoding="utf-8-sig", end="\r\n", last="\r\n"):
    with open(path, "wb") as file:
        file.write((end.join([HEADER, *rows]) + last).encode(encoding))
    return str(path)


def states(registry):
    return registry.execute("select state, count(*) from registration group by state order by state")


def newest(registry):
    return registry.execute("select log from log_head")[0][0]


def receipt(said):
    """The receipt that was told of, as a dict."""
    with open(re.search(r"Ontvangstbewijs: (.*)", said).group(1).strip(), encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(" = ", 1) for line in file)


def test_a_registry_without_room_for_blocks_is_waited_for(registry, tmp_path):
    """It is told, and the same connection goes on once there is room."""
    daemon = registry.start()
    schedule(daemon, S1=3000)
    tool = Tool(registry, daemon.address, "25LU")
    path = write(tmp_path / "april.csv", [row(n) for n in range(2500)])
    filling = [encode("register", {"session": "S1", "student": f"D{n}", "name": "N", "born": 2008, "needs": "x" * 300})
               for n in range(4000)]
    full = []
    for _ in range(40):
        full.append(daemon.connect("25LU"))  # a college has a part of it at most
        full[-1].send(b"begin\n")
        if not full[-1].reply().ok:
            break
        full[-1].send(b"".join(filling))
    process = tool.start("submit", "--mode", "all", "--yes", path)
    assert any("te druk" in line for line in process.stdout)  # its `begin` has been answered
    for client in full:
        client.close()
    said, _ = process.communicate(timeout=45)  # a lost answer would be waited for a minute
    connected = daemon.log().count("party=25LU role=roc") - len(full)
    assert process.returncode == 0 and connected == 2, said  # one of them for the receipt's head
    assert states(registry) == [("seated", 2500)]


def test_all_or_nothing(registry, tmp_path):
    daemon = registry.start()
    schedule(daemon, S1=2)
    tool = Tool(registry, daemon.address, "25LU")
    path = write(tmp_path / "april.csv", [row(1), row(2, born="31-02-2009"), row(3), row(4, session="S9")])
    before = newest(registry)
    for options in (["--yes"], ["--dry-run"]):
        said = tool.run("submit", "--mode", "all", *options, path, wanted=2)[1]
        assert re.search(r'regel 3 geweigerd: Geboortedatum: "31-02-2009": .* \[date\]', said), said
        assert re.search(r'regel 5 geweigerd: Sessie: "S9": .* \[not-found\]', said), said
    assert newest(registry) == before and sorted(os.listdir(tmp_path)).count("april.csv") == 1
    assert [name for name in os.listdir(tmp_path) if name.startswith("april.")] == ["april.csv"]  # nothing to keep

    write(path, [row(1), row(2), row(3)])
    said = tool.run("submit", "--mode", "all", "--yes", path, wanted=0)[1]
    assert "3 rijen: 2 met plaats, 1 op de wachtlijst" in said
    kept = receipt(said)
    with open(path, "rb") as file:
        assert kept["sha256"] == hashlib.sha256(file.read()).hexdigest()
    assert [kept[name] for name in ("party", "mode", "rows", "seated", "waiting", "refused")] == ["25LU", "all", "3", "2", "1", "0"]
    with daemon.connect("25LU") as college:
        stored = college.read_list("submissions", 5)
        college.must("withdraw", session="S1", student="L1")
    assert [(s["name"], s["sha256"], s["log"]) for s in stored] == [(kept["name"], kept["sha256"], kept["log"])]
    # Again: it is known, and a withdrawal since is not undone.
    said = tool.run("submit", "--mode", "all", "--yes", path, wanted=0)[1]
    assert f"Inzending {kept['name']} was al aangenomen (logboek {kept['log']})" in said
    assert states(registry) == [("seated", 2), ("withdrawn", 1)]
    registry.check_log()


def test_too_many_rows_for_all_are_refused_before_anything_is_sent(registry, tmp_path):
    daemon = registry.start()
    tool = Tool(registry, daemon.address, "25LU")
    path = write(tmp_path / "large.csv", [row(n) for n in range(5001)])
    daemon.stop()  # it is not asked
    assert "5001 rijen is te veel" in tool.run("submit", "--mode", "all", "--yes", path, wanted=2)[1]


def test_five_thousand_rows_are_one_block(registry, tmp_path):
    daemon = registry.start()
    schedule(daemon, S1=4000)
    path = write(tmp_path / "large.csv", [row(n) for n in range(5000)])
    with Tool(registry, daemon.address, "25LU").talk("submit", "--mode", "all", path) as terminal:
        assert "5000 rijen: 4000 met plaats, 1000 op de wachtlijst" in terminal.expect("[j/N]")
        terminal.type("j\r")
        terminal.end(wanted=0)
    assert states(registry) == [("seated", 4000), ("waiting", 1000)]


def test_the_plan_is_shown_asked_about_and_kept(registry, tmp_path):
    daemon = registry.start()
    schedule(daemon, S1=2)
    tool = Tool(registry, daemon.address, "25LU")
    path = write(tmp_path / "april.csv", [row(1), row(2), row(3)])
    assert "--yes" in tool.run("submit", path, wanted=64)[1]
    for mode in ("all", "good"):
        with tool.talk("submit", "--mode", mode, path) as terminal:
            assert "3 rijen: 2 met plaats, 1 op de wachtlijst, 0 stonden er al" in terminal.expect("[j/N]")
            terminal.type("\r")
            assert "niets vastgelegd" in terminal.end(wanted=2)
    assert states(registry) == []
    with tool.talk("submit", "--mode", "all", path) as terminal, daemon.connect("25PJ") as other:
        assert "2 met plaats, 1 op de wachtlijst" in terminal.expect("[j/N]")
        other.must("register", session="S1", student="1", name="Eerder, E.", born=2008)
        terminal.type("j\r")
        assert "1 met plaats, 2 op de wachtlijst" in terminal.expect("[j/N]")
        assert states(registry) == [("seated", 1)]
        terminal.type("ja\r")
        said = terminal.end(wanted=0)
        assert f"[{'#' * 40}] 3/3" in said  # on a terminal there is a bar
    assert receipt(said)["waiting"] == "2"
    assert states(registry) == [("seated", 2), ("waiting", 2)]
    # Nothing would change: there is nothing to ask.
    with tool.talk("submit", path) as terminal:
        assert "3 stonden er al" in terminal.end(wanted=0)


def undone(text):
    """A file of refused rows without the columns that say why."""
    return re.sub(r";[^;\r\n]*;[^;\r\n]*;(?=[\r\n]|$)", ";", text)


def half(refused, old, new, encoding):
    """A copy of a file, with one thing mended."""
    path = refused.with_name("half.csv")
    path.write_bytes(refused.read_bytes().decode(encoding).replace(f";{old};", f";{new};").encode(encoding))
    return path


@pytest.mark.parametrize("dialect", [("utf-8-sig", "\r\n", "\r\n"), ("cp1252", "\n", ""), ("utf-16", "\r\n", "\r\n"),
                                     ("utf-8", "\r", "")])
def test_refused_rows_are_mended_and_sent_again(registry, tmp_path, dialect):
    daemon = registry.start()
    schedule(daemon, S1=9)
    tool = Tool(registry, daemon.address, "25LU")
    rows = [row(1, first="Zoë"), row(2, session="S2", first="Jürgen"), "", row(3), row(4, born="onbekend", first="André")]
    path = write(tmp_path / "april.csv", rows, *dialect)
    said = tool.run("submit", "--yes", path, wanted=1)[1]
    assert "regel 3 geweigerd: Sessie" in said and "regel 6 geweigerd: Geboortedatum" in said
    refused = tmp_path / "april.refused.csv"
    assert f"staan in {refused}" in said and refused.stat().st_mode & 0o777 == 0o600
    # As they were, byte for byte, with their line and why behind them; the empty line belongs to the row before it.
    encoding, end, last = dialect
    was = refused.read_bytes().decode(encoding)
    assert undone(was) == end.join([HEADER, *(rows[i] for i in (1, 2, 4))]) + last
    told = re.findall(r"(Regel|\d+);(Reden|\w[^;]*);\r?$", was, re.MULTILINE) if end != "\r" else re.findall(r";(\w+);([^;]*);(?:\r|$)", was)
    assert [line for line, _ in told] == ["Regel", "3", "6"] and "Sessie: 'S2'" in told[1][1] and told[2][1].endswith("[date]")
    # Refused again, they are written anew.
    said = tool.run("submit", "--yes", "--name", "half", str(half(refused, "S2", "S1", encoding)), wanted=1)[1]
    assert "niet gebruikt" not in said
    again = (tmp_path / "half.refused.csv").read_bytes().decode(encoding)
    assert undone(again) == end.join([HEADER, rows[4]]) + last and again.count("[date]") == 1 and ";4;Geboortedatum" in again
    mended = was.replace("S2", "S1").replace("onbekend", "00-00-2009").encode(encoding)
    refused.write_bytes(mended)
    tool.run("submit", "--yes", path, wanted=1)
    assert refused.read_bytes() == mended and (tmp_path / "april-2.refused.csv").exists()  # never over another
    assert "1 met plaats" in tool.run("submit", "--yes", str(refused), wanted=0)[1]
    assert states(registry) == [("seated", 4)]


def born(daemon):
    with daemon.connect("25LU") as college:
        return {row["student"]: row["born"] for row in college.read_list("registrations", 500)}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_refused_rows_mean_what_they_meant_in_their_file(registry, tmp_path, encoding):
    """What only the other rows showed: that the month comes first, how many digits a number has, what its columns are."""
    daemon = registry.start()
    schedule(daemon, **{"S1": 9, "S-100": 20, "S-200": 20})
    tool = Tool(registry, daemon.address, "25LU")
    header = "Studentnummer;Naam;Geboortedatum;Sessie\r\n"
    path = tmp_path / "us.csv"
    path.write_bytes((header + '0912345;"Bakker, Zoë";3/14/2009;S1\r\n912346;"Bakker, Bo";1/3/2009;S9\r\n').encode(encoding))
    tool.run("submit", "--yes", str(path), wanted=1)
    refused = tmp_path / "us.refused.csv"
    text = refused.read_bytes().decode(encoding)
    assert text.startswith(header.replace("\r", ";Regel;Reden\r")) and "Zo" not in text
    assert re.search(r'\n912346;"Bakker, Bo";1/3/2009;S9;3;Sessie: [^;"]* \[not-found\]\r\n$', text), text
    refused.write_bytes(text.replace("S9", "S1").encode(encoding))
    tool.run("submit", "--yes", str(refused), wanted=0)
    assert born(daemon) == {"0912345": "2009-03-14", "0912346": "2009-01-03"}
    # Without a header two rows in two sessions would not show which column is the session.
    rows = [f"S-{n % 2 + 1}00;L10{n};Bakker, Zoë;{n}032009\r\n" for n in range(10, 30)]
    bad = ["S-100;L1001;Bakker, Bo;31022009\r\n", "S-200;L1002;Bakker, Bo;31042009\r\n"]
    path.write_bytes("".join(rows + bad).encode(encoding))
    tool.run("submit", "--yes", str(path), wanted=1)
    refused = tmp_path / "us-2.refused.csv"
    text = refused.read_bytes().decode(encoding)
    refused.write_bytes(text.replace("3102", "2802").replace("3104", "3004").encode(encoding))
    tool.run("submit", "--yes", str(refused), wanted=0)
    assert {student: date for student, date in born(daemon).items() if student in ("L1001", "L1002")} == {
        "L1001": "2009-02-28", "L1002": "2009-04-30"}


def test_refused_rows_with_too_few_or_too_many_cells_are_mended(registry, tmp_path):
    daemon = registry.start()
    schedule(daemon, S1=9)
    tool = Tool(registry, daemon.address, "25LU")
    commas, cut, wide = row(2).replace(";", ","), "L3;;Jan", row(4) + "x;y;"
    tool.run("submit", "--yes", write(tmp_path / "april.csv", [row(1), commas, cut, wide]), wanted=1)
    refused = tmp_path / "april.refused.csv"
    text = refused.read_bytes().decode("utf-8-sig")
    for there, mended in ((commas, row(2)[:-1]), (cut + ";;;;;", row(3)), (wide, row(4))):
        assert f"\n{there}" in text, text
        text = text.replace(there, mended)
    refused.write_bytes(text.encode("utf-8-sig"))
    assert "3 met plaats" in tool.run("submit", "--yes", str(refused), wanted=0)[1]


def test_refused_rows_of_a_workbook_are_safe_in_a_spreadsheet(registry, tmp_path):
    daemon = registry.start()
    schedule(daemon, S1=9)
    tool = Tool(registry, daemon.address, "25LU")
    book = openpyxl.Workbook()
    for cells in (["Studentnummer", "Achternaam", "Voornamen", "Geboortedatum", "Sessie", "Bijzonderheden"],
                  ["0912345", "Bakker", "Zoë", "14-03-2009", "S9", "=cmd|' /C calc'!A0"],
                  ["0912346", "Bakker", "Bo", "14-03-2009", "S1", None]):
        book.active.append(cells)
    book.active["F2"].data_type = "s"
    book.save(tmp_path / "export.xlsm")
    tool.run("submit", "--yes", str(tmp_path / "export.xlsm"), wanted=1)
    refused = tmp_path / "export.refused.csv"
    text = refused.read_text(encoding="utf-8-sig")
    assert ";'=cmd" in text and '="0912345"' in text and re.search(r";Regel;Reden\n.*;2;\"?Sessie: ", text, re.DOTALL)
    refused.write_text(text.replace("S9", "S1"), encoding="utf-8-sig")
    tool.run("submit", "--yes", str(refused), wanted=0)
    with daemon.connect("25LU") as college:
        rows = {row["student"]: row.get("needs") for row in college.read_list("registrations", 500)}
    assert rows == {"0912345": "=cmd|' /C calc'!A0", "0912346": None}


def test_what_a_sender_calls_its_columns_is_remembered(registry, tmp_path):
    daemon = registry.start()
    schedule(daemon, S1=9)
    tool = Tool(registry, daemon.address, "25LU")

    def odd(name, number, session="Sessie"):
        path = write(tmp_path / name, [row(number)])
        with open(path, encoding="utf-8-sig") as file:
            text = file.read().replace("Deelnemernummer", "Kolom X").replace("Sessie", session)
        (tmp_path / name).write_text(text, encoding="utf-8")
        return path

    first = odd("first.csv", 1)
    assert "--map student=" in tool.run("submit", "--yes", first, wanted=2)[1]
    for wrong in ("student", "pupil=Kolom X", "student=Kolom Y"):
        assert f"--map {wrong}" in tool.run("submit", "--yes", "--map", wrong, first, wanted=2)[1]
    # It is kept when something was accepted with it, not before.
    tool.run("submit", "--dry-run", "--map", "student=kolom-x", first, wanted=0)
    tool.run("submit", "--yes", "--map", "student=kolom-x", "--session", "S2", odd("none.csv", 1, "Groep"), wanted=2)
    tool.run("submit", "--yes", first, wanted=2)
    tool.run("submit", "--yes", "--map", "student=kolom-x", first, wanted=0)
    said = tool.run("submit", "--yes", odd("second.csv", 2), wanted=0)[1]  # it is known by now
    assert "student = Kolom X (onthouden)" in said and "--map KOLOM=KOP verandert het" in said
    tool.run("submit", "--yes", write(tmp_path / "third.csv", [row(3)]), wanted=0)  # and does not disturb
    tool.run("submit", "--yes", odd("fourth.csv", 4), wanted=0)
    assert states(registry) == [("seated", 4)]
    other = Tool(registry, daemon.address, "25PJ")
    other.run("submit", "--yes", first, wanted=2)  # another sender's columns are its own


def test_conflicts_are_told_from_repeats(registry, tmp_path):
    daemon = registry.start()
    schedule(daemon, S1=9)
    tool = Tool(registry, daemon.address, "25LU")
    eckid = "https://ketenid.nl/202701/" + "a" * 128
    with daemon.connect("25LU") as college:
        for n in range(1, 5):
            college.must("register", session="S1", student=f"L{n}", name="Jansen, Noor", born="2009-03-14",
                         eckid=eckid if n == 3 else None)
        log = newest(registry)
        college.must("withdraw", session="S1", student="L2")
        college.must("register", session="S1", student="L4", name="Janssen, Noor", born="2009-03-14")
    path = write(tmp_path / "april.csv", [row(1), row(2), row(3, eckid=eckid.replace("a", "b")), row(4)])
    said = tool.run("submit", "--yes", "--seen", str(log), path, wanted=1)[1]
    assert re.search(r"regel 3 botst: .* `buurtaal shell` .* again=2 \[ended again=2\]", said), said
    assert re.search(r'regel 4 botst: ECK iD: "https.*": .* \[eckid-differs\]', said), said
    assert re.search(r"regel 5 botst: .* \[changed last=\d+\]", said), said
    assert "4 rijen: 0 met plaats, 0 op de wachtlijst, 1 stonden er al, 0 bijgewerkt, 3 geweigerd" in said
    kept = receipt(said)
    assert (kept["repeated"], kept["refused"], kept["conflicts"]) == ("1", "0", "3")


def test_rows_that_contradict_each_other_are_told(registry, tmp_path):
    """The first holds, so that the student has a seat; the file again changes nothing."""
    daemon = registry.start()
    schedule(daemon, S1=9, S2=9)
    tool = Tool(registry, daemon.address, "25LU")
    eckid = "https://ketenid.nl/202701/" + "a" * 128
    rows = [row(1), row(2), row(1, session="S2", born="15-03-2009"), row(1, born="15-03-2009"), row(2), row(2, eckid=eckid),
            row(2, first="Noortje"), row(2, eckid=eckid.replace("a", "b")), row(1, born="onbekend")]
    path = write(tmp_path / "april.csv", rows)
    said = tool.run("submit", "--mode", "all", "--yes", path, wanted=2)[1]
    wanted = [r'regel 5 botst: Geboortedatum: "2009-03-15": regel 2 zegt iets anders .* \[twice\]',
              r'regel 8 botst: Achternaam: "Jansen, Noortje": regel 3 zegt iets anders .* \[twice\]',
              r'regel 9 botst: ECK iD: "https.*": regel 7 zegt iets anders .* \[twice\]', r"regel 10 geweigerd: Geboortedatum"]
    for pattern in wanted:
        assert re.search(pattern, said), said
    assert said.count(" botst: ") == 3 and states(registry) == []
    said = tool.run("submit", "--yes", path, wanted=1)[1]
    assert all(re.search(pattern, said) for pattern in wanted), said
    assert "9 rijen: 3 met plaats, 0 op de wachtlijst, 1 stonden er al, 1 bijgewerkt, 4 geweigerd" in said
    refused = (tmp_path / "april.refused.csv").read_bytes().decode("utf-8-sig")
    assert undone(refused).splitlines() == [HEADER, *(rows[n] for n in (3, 6, 7, 8))]
    before = registry.execute("select session, college, entered, log from registration order by log")
    assert "0 met plaats, 0 op de wachtlijst, 5 stonden er al, 0 bijgewerkt" in tool.run("submit", "--yes", path, wanted=1)[1]
    assert registry.execute("select session, college, entered, log from registration order by log") == before


def test_a_name_that_has_another_submission_is_told_once(registry, tmp_path):
    daemon = registry.start()
    schedule(daemon, S1=9)
    tool = Tool(registry, daemon.address, "25LU")
    path = write(tmp_path / "april.csv", [row(1), row(2)])
    tool.run("submit", "--mode", "all", "--name", "april", "--yes", path, wanted=0)
    write(path, [row(n) for n in range(3)])
    said = tool.run("submit", "--mode", "all", "--name", "april", "--yes", path, wanted=2)[1]
    assert "onder de naam april" in said and "--name" in said and " botst: " not in said and states(registry) == [("seated", 2)]
    with tool.talk("submit", "--mode", "all", "--name", "april", path) as terminal:  # before it is asked about
        assert "onder de naam april" in terminal.end(wanted=2)
    # What was taken is known by its name, whatever was undone since, with a plan or without.
    write(path, [row(1), row(2)])
    with daemon.connect("25LU") as college:
        college.must("withdraw", session="S1", student="L1")
    with tool.talk("submit", "--mode", "all", "--name", "april", path) as terminal:
        said = terminal.end(wanted=0)
    assert "2 stonden er al" in said and "was al aangenomen" in said
    assert states(registry) == [("seated", 1), ("withdrawn", 1)]


def test_a_receipt_names_a_head_that_holds_it(registry, tmp_path):
    daemon = registry.start()
    schedule(daemon, S1=9)
    said = Tool(registry, daemon.address, "25LU").run("submit", "--yes", write(tmp_path / "a.csv", [row(1)]), wanted=0)[1]
    kept = receipt(said)
    assert int(kept["log"]) <= int(kept["head-log"])
    assert registry.execute("select encode(head, 'hex') from head where log = %s", kept["head-log"]) == [(kept["head"],)]
    assert registry.execute("select verb from audit where log = %s", kept["log"]) == [("register",)]
    with open(tmp_path / "a.receipt.txt", encoding="utf-8") as file:
        assert not re.search("Jansen|Noor|2009|L1", file.read())


def test_what_the_command_lists_it_reads_back(registry, tmp_path):
    daemon = registry.start()
    schedule(daemon, S1=2)
    tool = Tool(registry, daemon.address, "25LU")
    path = tmp_path / "april.csv"
    with daemon.connect("25LU") as college:
        for n, (name, born, needs) in enumerate((("d'Ancona-\u0141uk, Zo\u00eb", "2009-03-14", "=1+1;\"a\""), ("van 't Hooft, Bo", "2009-03", None),
                                                 ("Bakker, Noor", "2009", "'-25% extra; # x"))):
            college.must("register", session="S1", student=f"0{n}12345", name=name, born=born, needs=needs,
                         eckid="https://ketenid.nl/202701/" + "a" * 128 if n == 1 else None)
    before = newest(registry)
    path.write_text(tool.run("registrations", "--csv", wanted=0)[1], encoding="utf-8", newline="")
    said = tool.run("submit", "--dry-run", str(path), wanted=0)[1]
    assert "3 stonden er al" in said, said
    assert newest(registry) == before


def test_a_header_without_rows_is_no_rows(registry, tmp_path):
    daemon = registry.start()
    said = Tool(registry, daemon.address, "25LU").run("submit", "--yes", write(tmp_path / "a.csv", []), wanted=0)[1]
    assert "0 rijen" in said and "geen studenten" in said and os.listdir(tmp_path).count("a.receipt.txt") == 0


def test_all_or_nothing_whatever_dies(registry, tmp_path):
    chance = dice("submit-all")
    path = write(tmp_path / "april.csv", [row(n) for n in range(ROWS)])
    with registry.listener() as listener:
        daemon = registry.start(listener)
        schedule(daemon, S1=ROWS // 2)
        tool = Tool(registry, daemon.address, "25LU")
        cut = 0
        for turn in range(CUTS):
            process = tool.start("submit", "--mode", "all", "--yes", path)
            try:
                process.wait(chance.random() * 0.4)
            except subprocess.TimeoutExpired:
                cut += 1
            if turn % 2:
                daemon.stop(signal.SIGKILL)
                daemon = registry.start(listener)
            else:
                process.kill()
            process.communicate(timeout=60)
            assert states(registry) in ([], [("seated", ROWS // 2), ("waiting", ROWS // 2)])
        assert cut > 0, "nothing was ever cut"
        said = tool.run("submit", "--mode", "all", "--yes", path, wanted=0)[1]
        assert receipt(said)["rows"] == str(ROWS)
        assert states(registry) == [("seated", ROWS // 2), ("waiting", ROWS // 2)]
        until("one submission", lambda: registry.execute("select count(*) from submission") == [(1,)])
        registry.check_log()
        registry.check_sessions()
