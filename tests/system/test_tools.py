"""The `buurtaal` command beside a real daemon: certificates from `buurtaal ca`, lines, DUO's file, the board."""
import datetime
import json
import os
import re
import subprocess

from harness.certificates import Identity
from harness.client import Client, Closed, tls_context
from harness.registry import ROOT, TOOL, day
from harness.tool import Tool


def ca(*argv):
    done = subprocess.run([TOOL, "ca", *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_certificates_of_buurtaal_ca_serve_both_sides_until_they_are_revoked(registry, tmp_path):
    folder = str(tmp_path / "authority")
    ca("init", folder, "--name", "Proef")
    ca("issue", folder, "server", "--server", "127.0.0.1")
    ca("issue", folder, "college")
    ca("issue", folder, "lost")
    ca("revoke", folder, "lost")
    paths = {name: next(path for path in (f"{folder}/{name}.pem",) if os.path.exists(path))
             for name in ("ca", "server", "college", "lost", "crl")}
    daemon = registry.start(tls__certificate=paths["server"], tls__key=f"{folder}/server.key", tls__ca=paths["ca"],
                            tls__crl=paths["crl"])
    college = Identity(paths["college"], f"{folder}/college.key")
    assert college.fingerprint in ca("fingerprint", paths["college"])
    # Granted by a daemon that knows the other CA.
    with registry.start().connect("ADMIN") as admin:
        admin.must("grant", party="25LU", role="roc", fingerprint=college.fingerprint)
    with Client(daemon.address, tls_context(paths["ca"], college.files)) as client:
        assert client.greeting["party"] == "25LU"
    for identity, code in ((Identity(paths["lost"], f"{folder}/lost.key"), "revoked"),
                           (registry.world.identities["25LU"], "other-ca")):
        try:
            Client(daemon.address, tls_context(paths["ca"], identity.files)).close()
            raise AssertionError(f"{code}: it was let in")
        except Closed as closed:
            assert closed.bye == code


def test_lines_are_sent_and_answers_told_by_the_status(registry):
    daemon = registry.start()
    tool = Tool(registry, daemon.address, "25LU")
    assert "party=25LU" in tool.run("send", "whoami", wanted=0)[1]
    assert "NO role" in tool.run("send", "target year=2027 language=de rung=seated count=1", wanted=77)[1]
    assert "BAD verb" in tool.run("send", "wohami", wanted=64)[1]
    assert "NO not-found" in tool.run("send", "withdraw session=S student=9", "ping", wanted=65)[1]
    assert "state=offered" in tool.run("send", "offer elective=K0959 schoolyear=2026 students=3", wanted=0)[1]


def test_a_reader_that_has_had_enough_hears_no_complaint(registry):
    tool = Tool(registry, registry.start().address, "25LU")
    lines = f"{registry.folder}/lines"
    with open(lines, "w", encoding="ascii") as file:
        file.write("help\n" * 20)
    for argv in (["send", "help"], ["shell"], ["progress"], ["sessions", "--csv"], ["offers", "--json"], ["doctor"]):
        theirs, ours = os.pipe()
        os.close(theirs)
        with open(ours, "wb") as gone, open(lines, encoding="ascii") as file:
            process = tool.start(*argv, stdin=file, stdout=gone, stderr=subprocess.PIPE)
        with process:
            said = process.communicate(timeout=60)[1]
        assert "uitvoer" not in said and process.returncode == 74, (argv, process.returncode, said)


def test_institutions_of_duo_come_in_and_twice_is_once(registry):
    daemon = registry.start()
    tool = Tool(registry, daemon.address, "NUFFIC")
    before = registry.execute("select count(*) from institution")[0][0]
    path = f"{ROOT}/tools/demo/institutions.csv"
    tool.run("institutions", "import", path, wanted=0)
    with open(path, encoding="cp1252") as file:
        listed = {line.split(";")[2].strip() for line in file.read().splitlines()[1:]}
    there = {row[0] for row in registry.execute("select code from institution")}
    assert listed <= there and len(there) > before
    rows = registry.execute("select * from institution order by code")
    tool.run("institutions", "import", path, wanted=0)
    assert registry.execute("select * from institution order by code") == rows
    assert "--csv" in tool.run("institutions", "import", path, "--csv", wanted=64)[1]
    assert "hier ontbreekt: BESTAND" in tool.run("institutions", "import", wanted=64)[1]


def test_the_board_shows_the_count_against_the_target(registry):
    daemon = registry.start()
    year = day(200)[:4]
    with daemon.connect("DIB") as exams, daemon.connect("25LU") as college, daemon.connect("OCW") as ministry:
        exams.must("schedule", session="S", exam="DIB-A2", date=day(200), seats=99, place="Emmen", host="25LU")
        for student in range(7):
            college.must("register", session="S", student=f"s-{student}", name="N", born=2008)
        with daemon.connect("25PJ") as neighbour:
            for student in range(3):
                neighbour.must("register", session="S", student=f"s-{student}", name="N", born=2008)
        ministry.must("target", year=year, language="de", rung="seated", count=5000)
    tool = Tool(registry, daemon.address, "NUFFIC")
    board = tool.run("progress", "--year", year, wanted=0)[1]
    assert re.match(rf"landelijk  {year} de geplaatst  10 \[\.{{30}}\]   0,2% van 5000\n", board), board
    assert re.match(rf"national  {year} de seated  10 \[\.{{30}}\]   0\.2% of 5000\n", tool.run("--lang", "en", "progress", "--year", year)[1])
    cells = tool.run("progress", "--year", year, "--by", "institution", wanted=0)[1].splitlines()
    assert cells[:2] == [f"landelijk 25LU  {year} de geplaatst  7  {'#' * 30}  Alfa-college",
                         f"landelijk 25PJ  {year} de geplaatst  3  {'#' * 12:30}  Deltion College"], cells
    college = Tool(registry, daemon.address, "25LU")
    own, nation = college.run("progress", "--year", year, wanted=0)[1].splitlines()[:2]
    assert own == f"eigen      {year} de geplaatst  7" and "van logboek" not in board, "a bar of nobody else's would read as a share"
    assert "van logboek" in nation, "a college sees the nation of yesterday, and is told so"
    told = json.loads(tool.run("progress", "--year", year, "--json", wanted=0)[1])
    assert [(row["count"], row["target"]) for row in told["rows"] if row["scope"] == "national"] == [(10, 5000)]
    assert told["log"] == registry.execute("select log from log_head")[0][0]


def test_figures_of_then_are_cited_with_the_number_of_then(registry):
    daemon = registry.start()
    year = day(200)[:4]
    with daemon.connect("DIB") as exams, daemon.connect("25LU") as college:
        exams.must("schedule", session="S", exam="DIB-A2", date=day(200), seats=99, place="Emmen", host="25LU")
        then = college.must("register", session="S", student="s-1", name="N", born=2008)["log"]
        college.must("register", session="S", student="s-2", name="N", born=2008)
    tool = Tool(registry, daemon.address, "NUFFIC")
    told = tool.run("--lang", "en", "progress", "--year", year, "--as-of", then, wanted=0)[1].splitlines()
    assert "seated  1" in told[0] and told[-1] == f"as of log number {then}", told
    assert json.loads(tool.run("progress", "--year", year, "--as-of", then, "--json", wanted=0)[1])["log"] == int(then)
    said = tool.run("--lang", "en", "progress", "--year", "2100", "--by", "exam", "--as-of", then, wanted=0)[1]
    assert said == f"There is nothing to count yet.\nas of log number {then}\n"
    # Of a day nobody has said the number when there is no figure.
    assert tool.run("--lang", "en", "progress", "--by", "exam", "--as-of", day(-10), wanted=0)[1] == "There is nothing to count yet.\n"
    assert json.loads(tool.run("progress", "--by", "exam", "--as-of", day(-10), "--json", wanted=0)[1]) == {"rows": []}
    csv = tool.run("progress", "--year", year, "--as-of", then, "--csv", wanted=0)[1].removeprefix("\ufeff").splitlines()
    assert csv[0].startswith("Bereik;Jaar;Taal;Trede;Maand;Instelling;") and csv[1] == f"national;{year};de;seated;;;;;;1;;;none;;;{then}"
    assert "--json en --csv" in tool.run("progress", "--json", "--csv", wanted=64)[1]


def test_the_ministry_is_told_of_rounding_and_of_the_days_it_may_ask_for(registry):
    daemon = registry.start()
    year = day(200)[:4]
    with daemon.connect("DIB") as exams, daemon.connect("25LU") as college:
        exams.must("schedule", session="S", exam="DIB-A2", date=day(200), seats=99, place="Emmen", host="25LU")
        for student in range(6):
            college.must("register", session="S", student=f"s-{student}", name="N", born=2008)
    tool = Tool(registry, daemon.address, "OCW")
    today = datetime.date.fromisoformat(day(0))
    over = str(today.replace(day=1) - datetime.timedelta(1))
    for asked, can in (("2025-03-02", "2025-02-28"), ("2025-03-20", "2025-03-31"), ("2024-02-28", "2024-02-29"),
                       ("1", over), (day(0), over), (day(500), over)):
        said = tool.run("progress", "--as-of", asked, wanted=65)[1]
        assert f"--as-of {asked} " in said and f"wel kan: {can} [" in said, (asked, said)
        tool.run("progress", "--as-of", can, wanted=0)
    assert "veelvoud van 5" in tool.run("progress", "--year", year, "--by", "exam", wanted=0)[1]
    assert "multiple of 5" in tool.run("--lang", "en", "progress", "--year", year, "--by", "exam", wanted=0)[1]
    assert "multiple of 5" in tool.run("--lang", "en", "progress", "--year", year, "--by", "exam", "--csv", wanted=0)[1]
    assert "multiple of 5" not in tool.run("--lang", "en", "--quiet", "progress", "--year", year, "--by", "exam", "--csv", wanted=0)[1]
    for argv in (["--year", year], ["--by", "exam", "--year", year, "--json"]):
        assert "5;" not in tool.run("progress", *argv, wanted=0)[1]
    assert "veelvoud" not in Tool(registry, daemon.address, "NUFFIC").run("progress", "--year", year, "--by", "exam", wanted=0)[1]


def test_a_role_that_may_not_hears_which_one_it_speaks_in(registry):
    daemon = registry.start()
    tool = Tool(registry, daemon.address, "25LU")
    line = "target year=2027 language=de rung=seated count=1"
    said = tool.run("send", line, line, wanted=77)[1]
    assert said.count("u spreekt hier als 25LU, in de rol roc") == 1 and said.count("NO role") == 2
    with open(f"{registry.folder}/line", "w+", encoding="ascii") as file:
        file.write(line + "\n")
        file.seek(0)
        with tool.start("--lang", "en", "shell", stdin=file) as process:
            assert "you speak here as 25LU, in the role roc" in process.communicate(timeout=60)[0]
    path = f"{ROOT}/tools/demo/institutions.csv"
    assert "in de rol roc" in tool.run("institutions", "import", path, wanted=77)[1]


def test_progress_tells_where_the_year_is_likely_to_end(registry):
    """Three years that had half of their persons on this day."""
    daemon = registry.start()
    today = "(select (now() at time zone 'Europe/Amsterdam')::date)"
    exam_year = day(60)[:4]
    with daemon.connect("DIB") as exams, daemon.connect("25LU") as alfa, daemon.connect("OCW") as ministry:
        exams.must("schedule", session="S", exam="DIB-A2", date=day(60), seats=50, place="Emmen", host="25LU")
        for n in range(10):
            alfa.must("register", session="S", student=f"L{n}", name="N", born=2008)
        ministry.must("target", year=exam_year, language="de", rung="seated", count=30)
    registry.execute(f"""
        insert into cell (cell, year, language, institution, province, level, exam, month, registered, seated, own_registered, own_seated)
        select 1000 + n, {exam_year} - n, 'de', '25LU', '', 'A2', 'DIB-A2', make_date({exam_year} - n, 5, 1), 100, 100, 100, 100
        from generate_series(2, 4) n;
        insert into day_opening (day, year, language, registered, seated, sat, passed, certified)
        select make_date({exam_year} - n, 1, 1) + ({today} - make_date({exam_year}, 1, 1)) + 1, {exam_year} - n, 'de', 50, 50, 0, 0, 0
        from generate_series(2, 4) n
        union all
        select {today}, {exam_year} - n, 'de', 100, 100, 0, 0, 0 from generate_series(2, 4) n""")
    said = Tool(registry, daemon.address, "OCW").run("--lang", "en", "progress", "--year", exam_year, wanted=0)[1]
    assert "33.3% of 30; needed by this day 15; expected 20 (20-20)\n" in said, said


def test_what_progress_cannot_take_is_told_with_what_it_can(registry):
    tool = Tool(registry, registry.start().address, "25LU")
    for argv, said in ((["--by", "college"], "--by college kan niet; mogelijk is: month,institution,province,level,exam"),
                       (["--year", "2026-2027"], "--year 2026-2027 kan niet; mogelijk is: het jaar van de examens"),
                       (["--as-of", "01-03-2027"], "--as-of 01-03-2027 kan niet; mogelijk is: een dag, zoals 2027-03-01"),
                       (["--rung", "enrolled"], "registered,seated,sat,passed,certified"),
                       (["extra"], "dit hoort hier niet: extra\nbuurtaal: zie: buurtaal progress --help")):
        assert said in tool.run("progress", *argv, wanted=64)[1], argv
    newest = str(registry.execute("select log from log_head")[0][0])
    for moment, can in ((day(0), day(-1)), (day(400), day(-1)), ("999999", newest)):
        said = tool.run("progress", "--as-of", moment, wanted=65)[1]
        assert f"--as-of {moment} ligt in de toekomst" in said and f"wel kan: {can} [" in said, said
    assert f"--as-of {day(-10)} ligt" not in tool.run("progress", "--as-of", day(-10), wanted=0)[1]


def test_a_profile_is_written_when_its_files_fit_together_and_never_over_another(registry, tmp_path):
    tool = Tool(registry, registry.start().address, "25LU")
    own, other = registry.world.identities["25LU"], registry.world.identities["25PJ"]
    files = {"--host": "127.0.0.1", "--ca": registry.world.authority.certificate, "--certificate": own.certificate, "--key": own.key}

    def write(wanted, lang, **changes):
        words = {**files, **{f"--{name}": value for name, value in changes.items()}}
        return tool.run("--lang", lang, "profile", *(word for pair in words.items() for word in pair if pair[1]), wanted=wanted)[1]

    assert "bestaat al en wordt nooit overschreven; verwijder het eerst" in write(73, "nl")
    assert "exists already and is never written over; remove it first" in write(73, "en")
    tool.profile = str(tmp_path / "new.conf")
    assert "this key does not belong to the certificate" in write(78, "en", key=other.key)
    assert "it holds no certificate in PEM" in write(78, "en", certificate=own.key)
    assert "de optie --ca ontbreekt" in write(64, "nl", ca=None)
    assert "--port 74470 cannot be: a number from 1 to 65535" in write(64, "en", port="74470")
    assert not os.path.exists(tool.profile)
    write(0, "nl")
    with open(tool.profile, encoding="utf-8") as file:
        good = file.read()
    for old, new, said in (("port = 7447", "port = 74470", "regel 2: port = 74470 kan niet: een getal van 1 tot 65535"),
                           ("host =", "hots =", "regel 1: hots bestaat hier niet; mogelijk is: host, port, ca, certificate, key, lang"),
                           ("key =", "ca =", "regel 5: ca staat er twee keer"),
                           ("host = ", "host ", "regel 1: dit is geen regel `naam = waarde`")):
        assert old in good
        with open(tool.profile, "w", encoding="utf-8") as file:
            file.write(good.replace(old, new))
        assert said in tool.run("send", "ping", wanted=78)[1]


def test_what_could_not_be_sent_is_told_with_its_cause_and_counts_nothing(registry, tmp_path):
    daemon = registry.start()
    tool = Tool(registry, daemon.address, "25LU")
    tool.run("send", "ping", "quit", wanted=0)
    assert "sloot de verbinding" in tool.run("send", "quit", "ping", wanted=75)[1]
    export = tmp_path / "export.csv"
    export.write_text("Deelnemernummer;Achternaam;Voornamen;Geboortedatum\n2;Bakker;Bo;14-03-2009\n")
    assert "--session" in tool.run("submit", "--yes", str(export), wanted=2)[1]
    export.write_text("Deelnemernummer;Achternaam;Voornamen;Geboortedatum;Sessie\n"
                      "1;Bakker;Bo;31-02-2009;S-1\n2;Bakker;Bo;14-03-2009;S-1\n")
    tool.profile = str(tmp_path / "none.conf")
    said = tool.run("submit", "--yes", str(export), wanted=78)[1]
    assert "none.conf" in said and "rijen" not in said and "opnieuw" not in said
