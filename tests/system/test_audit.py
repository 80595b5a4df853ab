"""`buurtaal audit`: the log saved and recomputed; a row that was changed, lost or moved is named."""
import os
import random
import re

import pytest

from harness import heads
from harness.client import decode_fields, encode
from harness.registry import day, high_water, until
from harness.tool import Tool

DATAERR, NOINPUT, CANTCREAT, NOPERM = 65, 66, 73, 77


@pytest.fixture
def tool(registry):
    """The administrator's, beside a log with rows alone and rows in groups."""
    daemon = registry.start()
    with daemon.connect("DIB") as exams, daemon.connect("25LU") as college:
        exams.must("schedule", session="S", exam="DIB-A2", date=day(200), seats=9, place="Emmen", host="25LU")
        college.ask_many([encode("register", dict(session="S", student=f"s-{n}", name="N, \"Q\"", born=2008)) for n in range(40)])
        college.must("withdraw", session="S", student="s-3", reason="Weg.\nVoorgoed.")
        college.ask("withdraw", session="X", student="s-3")
    return Tool(registry, daemon.address, "ADMIN")


class Saved:
    """A saved log, as lines that a test can spoil."""

    def __init__(self, tool, path):
        self.tool, self.path = tool, str(path)
        tool.run("audit", "save", self.path, wanted=0)
        with open(self.path, encoding="utf-8") as file:
            self.lines = file.read().splitlines()
        self.rows = {int(decode_fields(line[1:])["log"]): at for at, line in enumerate(self.lines)
                     if at > 0 and "head=" not in line}
        self.heads = {int(found[1]): at for at, line in enumerate(self.lines)
                      if (found := re.fullmatch(r"= log=(\d+) head=[0-9a-f]{64}", line))}

    def group(self, log):
        """First and last row under the head that covers `log`."""
        return max([end + 1 for end in self.heads if end < log], default=1), min(end for end in self.heads if end >= log)

    def verify(self, lines, *options):
        """What is said of other lines, which must not pass."""
        path = self.path + ".spoiled"
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)
        return self.tool.run("--lang", "en", "audit", "verify", path, *options, wanted=DATAERR)[1]


def test_the_log_is_saved_whole_and_holds(tool, registry, tmp_path):
    saved = Saved(tool, tmp_path / "log")
    assert os.stat(saved.path).st_mode & 0o777 == 0o600
    newest = registry.check_log()
    assert list(saved.rows) == list(range(1, newest + 1))
    known = {log: re.search(r"head=(\w+)", saved.lines[at])[1] for log, at in saved.heads.items()}
    rows = [[decode_fields(saved.lines[at][1:]).get(name) for name in heads.FIELDS] for at in saved.rows.values()]
    last = heads.compute(rows, known)
    said = tool.run("audit", "verify", saved.path, wanted=0)[1]
    assert last in said and str(newest) in said
    assert last in tool.run("audit", "verify", wanted=0)[1], "the registry itself"
    assert tool.run("audit", "verify", saved.path, "--quiet", "--head", known[min(known)], wanted=0)[1] == ""
    assert "ab" * 32 in tool.run("audit", "verify", saved.path, "--head", "ab" * 32, wanted=DATAERR)[1]
    tool.run("audit", "save", saved.path, wanted=CANTCREAT)
    assert tool.run("audit", "verify", saved.path, wanted=0), "what was there is as it was"
    tool.profile = str(tmp_path / "none.conf")
    tool.run("audit", "verify", saved.path, wanted=0)  # no registry is needed


def test_a_row_that_was_changed_lost_or_moved_is_named(tool, tmp_path):
    saved = Saved(tool, tmp_path / "log")
    alone = next(log for log in saved.rows if saved.group(log) == (log, log))
    first, last = next(saved.group(log) for log in saved.rows if saved.group(log) != (log, log))

    def without(at):
        return saved.lines[:at] + saved.lines[at + 1:]

    def changed(log):
        at = saved.rows[log]
        return saved.lines[:at] + [re.sub(r"party=\S+", "party=EVIL", saved.lines[at])] + saved.lines[at + 1:]

    assert f"row {alone} was changed" in saved.verify(changed(alone))
    said = saved.verify(changed(last))
    assert f"rows from {first} was changed" in said and f"up to row {last}" in said
    assert first == 1 or f"up to row {first - 1} all is right" in said
    at = saved.rows[alone]
    for beside in (' outcome="NO full"', " party=EVIL", " note=right"):  # under no head
        assert f"row {alone} was changed" in saved.verify(saved.lines[:at] + [saved.lines[at] + beside] + saved.lines[at + 1:])
    for log in (1, first, last, alone):
        assert f"row {log} was lost" in saved.verify(without(saved.rows[log]))
        at = saved.rows[log]
        moved = without(at)
        moved.insert(len(moved) - 2, saved.lines[at])
        assert f"row {log} was moved" in saved.verify(moved)
        twice = saved.lines[:at + 1] + saved.lines[at:]
        assert f"row {log} stands" in saved.verify(twice)
    swapped = list(saved.lines)
    one, two = saved.rows[first], saved.rows[first + 1]
    swapped[one], swapped[two] = swapped[two], swapped[one]
    assert f"row {first} was moved" in saved.verify(swapped)
    assert f"row {max(saved.rows)} was lost" in saved.verify(saved.lines[:-2]), "cut off behind a head"
    assert "head behind the rows" in saved.verify(saved.lines[:-1])
    with open(saved.path, "rb") as file:
        genuine = file.read()
    first, last = saved.group(max(saved.rows))
    for cut, named in ((1, f"rows from {first} was lost"), (100, f"row {last} was lost"), (-3, f"row {last + 1} was changed")):
        with open(saved.path + ".cut", "wb") as file:
            file.write(genuine[:-cut] if cut > 0 else genuine + b"abc")
        assert named in tool.run("--lang", "en", "audit", "verify", file.name, wanted=DATAERR)[1], cut
    assert f"head of row {alone} was moved" in saved.verify(saved.lines[:saved.heads[alone] + 1] + saved.lines[saved.heads[alone]:])


def test_of_two_logs_the_row_that_differs_is_named(tool, registry, tmp_path):
    """A log that was rewritten with its heads holds by itself; what was saved before knows better."""
    old = Saved(tool, tmp_path / "old")
    first, last = next(old.group(log) for log in old.rows if old.group(log) != (log, log))
    log = last - 1
    with open(old.path, encoding="utf-8") as file:
        genuine = file.read()
    registry.execute("alter table audit disable trigger all")
    registry.execute("update audit set outcome = 'NO full' where log = %s", log)
    said = tool.run("--lang", "en", "audit", "verify", wanted=DATAERR)[1]
    assert f"rows from {first} was changed" in said, "the registry is seen through"
    new = Saved(tool, tmp_path / "new")
    said = tool.run("--lang", "en", "audit", "verify", old.path, new.path, wanted=DATAERR)[1]
    assert f"row {log} was changed: {old.path}" in said
    said = tool.run("--lang", "en", "audit", "verify", new.path, old.path, wanted=DATAERR)[1]
    assert f"row {log} was changed: {new.path}" in said
    shorter = genuine.splitlines()[:old.heads[first - 1] + 1]
    shorter[0] = re.sub(r"log=\d+ head=\w+", shorter[-1][2:], shorter[0])
    path = tmp_path / "shorter"
    path.write_text("".join(line + "\n" for line in shorter))
    tool.run("audit", "verify", str(path), old.path, wanted=0)  # an older save of the same log


def test_more_rows_than_a_page_has(registry, tmp_path):
    daemon = registry.start()
    with daemon.connect("25LU") as college:
        college.ask_many([encode("offer", dict(elective="K0959", schoolyear=2026, students=n % 50)) for n in range(11000)])
    tool = Tool(registry, daemon.address, "ADMIN")
    saved = Saved(tool, tmp_path / "log")
    newest = registry.execute("select log from log_head")[0][0]
    assert newest > 11000 and list(saved.rows) == list(range(1, newest + 1))
    assert f"{newest} rijen" in tool.run("audit", "verify", saved.path, wanted=0)[1]


def test_memory_does_not_grow_with_the_log(registry, tmp_path):
    daemon = registry.start()
    tool = Tool(registry, daemon.address, "ADMIN")
    peaks = {}
    for rows in (10_000, 200_000):
        first = registry.execute("select log from log_head")[0][0] + 1
        registry.execute("""insert into audit select n, now(), '25LU', sha256(''), '192.0.2.1:1', 'offer', 'elective=K0959', 'OK'
                            from generate_series(%s, %s) n""", first, rows)
        registry.execute("insert into head select n, sha256('') from generate_series(%s, %s, 10) n", first + (rows - first) % 10, rows)
        registry.execute("update log_head set log = %s, head = sha256('')", rows)
        seen = [0]
        process = tool.start("audit", "save", f"{tmp_path}/{rows}")
        until("the end", lambda running=process: not seen.append(high_water(running.pid)) and running.poll() is not None, 120)
        said, _ = process.communicate()
        assert process.returncode == 0, said
        with open(f"{tmp_path}/{rows}", encoding="utf-8") as file:
            assert sum(" head=" not in line for line in file) == rows
        peaks[rows] = max(filter(None, seen))
        os.unlink(tool.profile.removesuffix(".conf") + ".seen")
    assert peaks[200_000] < peaks[10_000] + 2048, peaks


def test_who_may_not_and_files_that_are_none(tool, registry, tmp_path):
    college = Tool(registry, ("127.0.0.1", registry.daemons[0].address[1]), "25LU")
    path = tmp_path / "log"
    assert "role" in college.run("audit", "save", str(path), wanted=NOPERM)[1]
    assert os.listdir(tmp_path) and not [name for name in os.listdir(tmp_path) if name.startswith("log")]
    tool.run("audit", "verify", str(path), wanted=NOINPUT)
    tool.run("audit", "verify", str(tmp_path), wanted=NOINPUT)
    for junk in (b"", b"\n", b"= log=1\n", b"\0" * 100, b"x" * 100000, b"* audit 2 log=0 head=-\n", "* audit 1 log=1 head=é\n".encode("utf-16")):
        path.write_bytes(junk)
        assert "geen logboek" in tool.run("audit", "verify", str(path), wanted=DATAERR)[1]
    for wrong in (["audit"], ["audit", "save"], ["audit", "verify", "a", "b", "c"], ["audit", "verify", "--head", "00"]):
        tool.run(*wrong, wanted=64)


def test_a_file_with_any_bytes_in_it_ends_in_a_verdict(tool, tmp_path):
    seed = int(os.environ.get("BUURTAAL_SEED", "1"))
    print(f"BUURTAAL_SEED={seed}")
    chance = random.Random(seed)
    saved = Saved(tool, tmp_path / "log")
    with open(saved.path, "rb") as file:
        genuine = file.read()
    skip = genuine.index(b"\n") + 1
    path = tmp_path / "spoiled"
    for _ in range(150):
        spoiled = bytearray(genuine)
        at = chance.randrange(skip, len(spoiled))
        spoiled[at] ^= 1 << chance.randrange(8)
        path.write_bytes(spoiled)
        status, said = tool.run("--lang", "en", "audit", "verify", str(path))
        assert status == DATAERR, f"byte {at}: {said}"
        assert re.search(r"row|head", said)
