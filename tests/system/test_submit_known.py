"""`buurtaal submit`: what a file says is held against what the registry has of these students, and what comes of each row is
told so that a person can say yes or no to it."""
import os

from harness.client import encode
from harness.registry import day
from harness.tool import Tool

HEADER = "Deelnemernummer;Achternaam;Voornamen;Geboortedatum;Sessie;Bijzonderheden"


def begin(registry, *known, **seats):
    """A registry with these sessions, in which these students of 25LU are registered: number, name, born, session."""
    daemon = registry.start()
    with daemon.connect("DIB") as exams:
        for session, count in seats.items():
            exams.must("schedule", session=session, exam="DIB-A2", date=day(200), seats=count, place="Emmen", host="25LU")
    with daemon.connect("25LU") as alfa:
        for student, name, born, session in known:
            alfa.must("register", session=session, student=student, name=name, born=born)
    return Tool(registry, daemon.address, "25LU")


def write(path, *rows):
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return str(path)


def held(registry):
    return registry.execute("select count(*) from registration")[0][0]


def test_a_number_that_is_somebody_elses_is_a_conflict(registry, tmp_path):
    tool = begin(registry, ("L1", "Bos, Ad", "2009-03-14", "S1"), ("0091001", "Stegge, Quincy", "2008-09-20", "S1"), S1=50, S2=50)
    path = write(tmp_path / "a.csv", "L1;Jansen;Karel;01-01-2007;S2;", "L2;Mulder;Noor;01-02-2008;S1;",
                 "91001;Stegge;Quincy;20-09-2008;S1;", "L1;Bos;Ad;15-03-2009;S1;")
    code, said = tool.run("submit", "--yes", path, wanted=1)
    assert 'regel 2 botst: Deelnemernummer: "L1": onder dit nummer staat in het register Bos, Ad, geboren 2009-03-14' in said
    assert "[other-person]" in said
    assert 'regel 4 botst: Deelnemernummer: "91001": deze student staat in het register onder nummer 0091001' in said
    assert 'regel 5 wijzigt Geboortedatum: "2009-03-14" -> "2009-03-15"\n' in said
    assert "4 rijen: 1 met plaats, 0 op de wachtlijst, 0 stonden er al, 1 bijgewerkt, 2 geweigerd" in said
    assert held(registry) == 3
    refused = (tmp_path / "a.refused.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(";")[0] for line in refused[1:3]] == ["L1", "91001"]
    # As one they keep all of it out, also when nobody is asked.
    code, said = tool.run("submit", "--yes", "--mode", "all", path, wanted=2)
    assert "botst" in said and held(registry) == 3


def test_zeros_that_every_row_has_lost(registry, tmp_path):
    """The file alone does not show it."""
    tool = begin(registry, ("0091001", "Stegge, Quincy", "2008-09-20", "S1"), S1=50, S2=50)
    path = write(tmp_path / "a.csv", "91001;Stegge;Quincy;20-09-2008;S2;", "91002;Bos;Ad;14-03-2009;S2;")
    code, said = tool.run("submit", "--yes", path, wanted=1)
    assert 'onder nummer 0091001: zijn er nullen voor weggevallen? [zeros]' in said and held(registry) == 2


def test_the_plan_says_for_whom_what_changes_and_who_waits(registry, tmp_path):
    tool = begin(registry, ("L1", "Jansén, Noël", "2008-12-01", "S1"), ("L9", "Wacht, W.", "2008", "S2"), S1=50, S2=1)
    path = write(tmp_path / "a.csv", "L1;Janssen;Noël;01-12-2008;S1;extra tijd", "L2;Bos;Ad;14-03-2009;S2;",
                 "L3;Bos;Bo;14-03-2009;S2;", "L4;Bos;Cor;14-03-2009;S1;")
    with tool.talk("submit", path) as terminal:
        said = terminal.expect("[j/N]")
        terminal.type("n\r")
        terminal.end(wanted=2)
    assert "Het plan voor 25LU, register " in said
    assert 'regel 2 wijzigt Achternaam: "Jansén, Noël" -> "Janssen, Noël"; Bijzonderheden: "" -> "extra tijd"' in said
    assert "4 rijen: 1 met plaats, 2 op de wachtlijst, 0 stonden er al, 1 bijgewerkt, 0 geweigerd" in said
    assert "op de wachtlijst van S2: 2, plaats 1 tot en met 2" in said
    assert held(registry) == 2
    tool.run("submit", "--yes", path, wanted=0)
    code, said = tool.run("submit", "--yes", path, wanted=0)
    assert "4 stonden er al" in said and "op de wachtlijst van S2: 2, plaats 1 tot en met 2" in said and "wijzigt" not in said


def test_last_years_file_is_told_in_a_few_lines(registry, tmp_path):
    tool = begin(registry, S1=50)
    with_old = [f"L{n};Bos;Ad;14-03-2009;2026-05-OUD;" for n in range(300)]
    code, said = tool.run("submit", "--yes", write(tmp_path / "a.csv", *with_old), wanted=2)
    assert 'regels 2-301 geweigerd: Sessie: "2026-05-OUD": ' in said and said.count("geweigerd:") == 1
    assert "is dit een bestand van vorig jaar? Zie buurtaal sessions --free" in said
    code, said = tool.run("submit", "--yes", write(tmp_path / "b.csv", *with_old[:2], "L400;Bos;Ad;14-03-2009;S1;", *with_old[2:3]), wanted=1)
    assert "regels 2-3 geweigerd" in said and "regel 5 geweigerd" in said
    assert "voor welke sessies er nog aangemeld kan worden: buurtaal sessions --free" in said
    assert not os.path.exists(tmp_path / "a.refused.csv")


def test_an_heir_is_held_against_what_it_inherited(registry, tmp_path):
    tool = begin(registry, S1=50)
    with registry.daemons[0].connect("25PJ") as other:
        assert other.ask_many([encode("register", {"session": "S1", "student": "L1", "name": "Vreemd, V.", "born": 2001})])[0].ok
    code, said = tool.run("submit", "--yes", write(tmp_path / "a.csv", "L1;Bos;Ad;14-03-2009;S1;"), wanted=0)
    assert "1 met plaats" in said  # another college's number, at a session that we host, is no business of ours
    with registry.daemons[0].connect("ADMIN") as admin:
        admin.must("institution-end", code="25PJ", until=day(-1), successor="25LU")
    code, said = tool.run("submit", "--yes", write(tmp_path / "b.csv", "L1;Anders;Piet;14-03-1999;S1;"), wanted=2)
    assert "[other-person]" in said
