"""`buurtaal submit`: the same file twice changes nothing the second time; cut anywhere and repeated it ends as if never cut."""
import os
import signal
import subprocess

from harness.load import dice
from harness.registry import ROOT, day, until
from harness.tool import Tool

ROWS = 900
CUTS = 6


def make_file(path, rows=ROWS, *options):
    with open(path, "wb") as file:
        subprocess.run([f"{ROOT}/tools/demo/people", "--rows", str(rows), "--session", "S1", "--session", "S2", *options],
                       stdout=file, check=True, stdin=subprocess.DEVNULL)
    return str(path)


def schedule(daemon):
    """Seats for some: the order of the file decides who waits."""
    with daemon.connect("DIB") as exams:
        for session, exam, seats in (("S1", "DIB-A2", 300), ("S2", "DIB-B1", 200)):
            exams.must("schedule", session=session, exam=exam, date=day(200), seats=seats, place="Enschede", host="27YU")


def outcome(daemon):
    """What the college sees in the end, but for the numbers of the log."""
    with daemon.connect("25LU") as college:
        rows = college.read_list("registrations", 500)
    return [{name: value for name, value in row.items() if name != "log"} for row in rows]


def stored(registry):
    """The registrations as they lie in the database, numbers and all."""
    return registry.execute("""select r.session, r.college, encode(r.student_hash, 'hex'), r.again, r.person, r.state, r.entered,
        encode(r.name, 'hex'), encode(r.born, 'hex'), r.elective, encode(r.needs, 'hex'), r.log from registration r
        order by r.entered""")


def test_the_same_file_twice_changes_nothing_the_second_time(registry, tmp_path):
    daemon = registry.start()
    schedule(daemon)
    path = make_file(tmp_path / "export.csv")
    tool = Tool(registry, daemon.address, "25LU")
    first, _ = tool.run("submit", "--yes", path, wanted=1)  # the export has rows that are wrong
    before, newest = stored(registry), registry.check_log()
    assert len(before) == ROWS
    assert sum(row[5] == "seated" for row in before) == 500
    again, said = tool.run("submit", "--yes", path)
    assert again == first, said
    assert stored(registry) == before
    rows = registry.execute("select distinct outcome from audit where log > %s", newest)
    assert {row[0] for row in rows} <= {"OK repeated", "NO not-found", "NO looks-like-bsn"} and ("OK repeated",) in rows
    registry.check_log()
    registry.check_sessions()


def test_a_dry_run_leaves_nothing(registry, tmp_path):
    daemon = registry.start()
    schedule(daemon)
    newest = registry.execute("select log from log_head")
    status, said = Tool(registry, daemon.address, "25LU").run("submit", "--dry-run", make_file(tmp_path / "export.csv", 300))
    assert status == 1, said
    assert registry.execute("select log from log_head") == newest
    assert stored(registry) == []


def test_cut_anywhere_and_repeated_it_ends_as_if_never_cut(world, registry, tmp_path):
    chance = dice("submit")
    path = make_file(tmp_path / "export.csv", ROWS, "--tidy")
    os.makedirs(tmp_path / "uncut")
    whole = world.copy(tmp_path / "uncut", world.founded)
    try:
        daemon = whole.start()
        schedule(daemon)
        Tool(whole, daemon.address, "25LU").run("submit", "--yes", path, wanted=0)
        wanted = outcome(daemon)
        assert whole.stop_all() == []
    finally:
        whole.stop_all()
        world.drop(whole.database)
    assert len(wanted) == ROWS

    with registry.listener() as listener:
        daemon = registry.start(listener)
        schedule(daemon)
        tool = Tool(registry, daemon.address, "25LU")
        cut = 0
        for turn in range(CUTS):
            at = len(stored(registry)) + chance.randrange(1, ROWS // CUTS)
            process = tool.start("submit", "--yes", path)
            until("so many rows", lambda: len(stored(registry)) >= at or process.poll() is not None)  # noqa: B023
            if turn % 2:  # the daemon goes, in the middle of what it does
                daemon.stop(signal.SIGKILL)
                daemon = registry.start(listener)
            else:
                process.kill()
            process.communicate(timeout=60)
            cut += process.returncode != 0
        assert cut > 0, "nothing was ever cut"
        tool.run("submit", "--yes", path, wanted=0)
        assert outcome(daemon) == wanted
        registry.check_log()
        registry.check_sessions()
