"""`buurtaal submit` against a registry that does what the real one should not, or not just then: nothing is lost, done twice or
told wrong, and the status says what came of it."""
import os
import re
import resource
import signal
import subprocess
import threading

import pytest
from harness.impostor import HEAD, Scripted
from harness.registry import Registry, until
from harness.tool import Tool
from test_submit_modes import receipt, row, write

TEMPFAIL, PROTOCOL, NOPERM, SOFTWARE, IOERR, CANTCREAT, USAGE = 75, 76, 77, 70, 74, 73, 64
MODES = ("good", "all")


@pytest.fixture
def fresh(world, tmp_path):
    """`fresh(script)`: the command with a profile that reaches it. No database is behind it."""
    registry = Registry(world, tmp_path, "none")
    return lambda script: Tool(registry, script.address, "25LU")


@pytest.fixture
def three(tmp_path):
    return write(tmp_path / "april.csv", [row(n) for n in range(3)])


def submit(tool, mode, path, wanted=None, *options):
    return tool.run("submit", "--yes", "--mode", mode, *options, path, wanted=wanted)


def left_behind(folder, name="april"):
    """What stands beside the file now."""
    return sorted(entry for entry in os.listdir(folder) if entry.startswith(f"{name}.") and entry != f"{name}.csv")


# --- What is not of a row is told once

@pytest.mark.parametrize("code", ["role", "revoked"])
@pytest.mark.parametrize("options", [["--mode", "good", "--yes"], ["--mode", "all", "--yes"], ["--dry-run"]])
def test_who_may_not_hears_it_once(world, fresh, tmp_path, code, options):
    def amiss(line):
        if line.verb == "commit":
            return "".join(refused(n) for n in range(2, 602)) + "NO refused accepted=0 refused=600\n"
        return None if line.verb != "register" else "" if line.block is not None else refused(int(line.fields["tag"]))

    def refused(tag):
        return f'NO {code} tag={tag} text="Dat mag niet."\n'
    with Scripted(world, amiss) as script:
        said = fresh(script).run("submit", *options, write(tmp_path / "april.csv", [row(n) for n in range(600)]), wanted=NOPERM)[1]
    assert said.count(f"[{code}]") == 1 and "geweigerd: " not in said, said
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("mode", MODES)
def test_a_fault_of_the_registry_is_told_with_its_number(world, fresh, three, mode):
    def amiss(line):
        if line.verb == "commit":
            return "".join(f"NO internal tag={n} id=f00d\n" for n in (2, 3, 4)) + 'NO internal id=f00d text="Onze fout."\n'
        if line.block is not None:
            return ""
        return line.refused("NO internal", id="f00d", text="Onze fout.") if line.fields.get("student") == "L1" else None
    with Scripted(world, amiss) as script:
        said = submit(fresh(script), mode, three, {"good": 1, "all": SOFTWARE}[mode])[1]
    assert said.count("[internal id=f00d]") == 1, said
    assert ("regel 3 geweigerd: Onze fout." in said) == (mode == "good") and "L1" not in said


# --- Nothing is lost, whenever the connection is

@pytest.mark.parametrize("mode", MODES)
def test_cut_behind_any_line_all_is_done(world, fresh, tmp_path, mode):
    """Each line is the last of a connection once: not answered, half answered, or answered by a BYE."""
    def run(number, part, problems):
        cut = []

        def amiss(line):
            if line.number != number or cut:
                return None
            cut.append(line.verb)
            line.say({"none": "", "half": "OK ta", "bye": "* BYE code=draining text=Later.\n"}[part])
            raise EOFError
        folder = tmp_path / f"{number}-{part}"
        folder.mkdir()
        path = write(folder / "april.csv", [row(n) for n in range(3)])
        with Scripted(world, amiss) as script:
            status, said = submit(fresh(script), mode, path)
            students = {line.fields["student"] for line in script.heard if line.verb == "register"}
            last = [line.verb for line in script.heard if line.verb in ("register", "commit")][-1]
        if status != 0 or students != {"L0", "L1", "L2"} or not cut or (mode == "all" and last != "commit") or \
                left_behind(folder) != ["april.receipt.txt"]:
            problems.append((number, part, status, cut, said))
    problems = []
    threads = [threading.Thread(target=run, args=(number, part, problems))
               for number in range(1, 5 if mode == "good" else 7) for part in ("none", "half", "bye")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("busy", ["BUSY overload retry=1", "BUSY unknown"])
def test_busy_is_waited_out_in_every_phase(world, fresh, three, mode, busy):
    """When it asks what is known, at `begin`, at `commit`, in the middle of rows; with and without `retry`; on a terminal, with
    its plan."""
    verbs = {"good": ["registrations", "begin", "commit", "register"], "all": ["registrations", "begin", "commit"]}[mode]
    told = []

    def amiss(line):
        key = (line.verb, line.connection)
        if key in told or line.verb not in verbs or (line.verb == "register" and line.block is not None):
            return None
        told.append(key)
        if line.verb == "begin":
            script.block = []
            return busy + "\n"
        if line.verb == "commit":
            return "".join(f"{busy} tag={n}\n" for n in (2, 3, 4)) + busy + "\n"
        return line.refused(busy)
    with Scripted(world, amiss) as script, fresh(script).talk("submit", "--mode", mode, three) as terminal:
        said = terminal.expect("[j/N]")
        assert "3 rijen: 3 met plaats" in said and "te druk; over 1 s nog eens" in said
        terminal.type("ja\r")
        assert "3 rijen: 3 met plaats" in terminal.end(wanted=0)
    assert {verb for verb, _ in told} == set(verbs)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("answer", ["OK tag=2 text=\"x\n", "FINE tag=2\n", "OK tag=3\n", "OK\n", "OK tag=2 text=" + "x" * 8192 + "\n",
                                    "OK tag=2 text=\x1b\n"])
def test_what_is_not_of_the_protocol_ends_it(world, fresh, three, mode, answer):
    def amiss(line):
        return answer if line.verb == {"good": "register", "all": "commit"}[mode] else None
    with Scripted(world, amiss) as script:
        said = submit(fresh(script), mode, three, PROTOCOL)[1]
        assert script.connections == 1
    assert said.count("protocol") == 1 and "\x1b" not in said and "geweigerd: " not in said


def test_a_registry_that_lost_its_trust_in_us_midway(world, fresh, three):
    def amiss(line):
        if line.fields.get("student") == "L1":
            raise EOFError
        return None

    def greet(connection):
        return "* BYE code=revoked text=Weg.\n" if connection > 1 else "* buurtaal 1 party=25LU role=roc window=1\n"
    with Scripted(world, amiss, greet) as script:
        said = submit(fresh(script), "good", three, NOPERM)[1]
    assert "BYE revoked" in said and "2 rijen zijn niet beantwoord" in said


# --- The file

def test_what_was_looked_at_is_what_is_sent_as_one(world, fresh, tmp_path):
    """A spreadsheet saves over the file while it is submitted."""
    path = write(tmp_path / "april.csv", [row(n) for n in range(3)])

    def save(connection, at):
        if connection == at:
            write(path, [row(n) for n in range(2)])
    for mode in MODES:
        write(path, [row(n) for n in range(3)])
        with Scripted(world, greet=lambda connection: save(connection, 1)) as script:
            assert "is intussen veranderd" in submit(fresh(script), mode, path, IOERR)[1]
            assert ("register" in script.verbs()) == (mode == "good")
    write(path, [row(n) for n in range(3)])
    with Scripted(world, greet=lambda connection: save(connection, 2)) as script:
        with fresh(script).talk("submit", "--mode", "all", path) as terminal:
            terminal.expect("[j/N]")
            terminal.type("ja\r")
            assert "is intussen veranderd" in terminal.end(wanted=IOERR)
        assert script.verbs().count("commit") == 1
    assert left_behind(tmp_path) == []


# --- What is left behind is whole

def test_a_receipt_waits_for_a_head_that_holds_it(world, fresh, three, tmp_path):
    def greet(connection):
        return old if connection == 2 else None
    old = f"* buurtaal 1 server=slow party=25LU role=roc window=256 log=10 head={HEAD} time=2027-04-02T10:11:12.5+02:00\n"
    with Scripted(world, greet=greet) as script:
        kept = receipt(submit(fresh(script), "good", three, 0)[1])
        assert script.connections == 3
    assert (kept["log"], kept["head-log"], kept["head"], kept["party"]) == ("13", "13", HEAD, "25LU")


def test_a_receipt_without_a_head_says_so(world, fresh, three):
    def greet(connection):
        return "* BYE code=not-granted text=Weg.\n" if connection > 1 else None
    with Scripted(world, greet=greet) as script:
        said = submit(fresh(script), "good", three, 0)[1]
    kept = receipt(said)
    assert "head" not in kept and (kept["log"], kept["party"], kept["time"][:4]) == ("13", "25LU", "2027")
    assert "gaf geen kop" in said and "opnieuw" in said


def test_ended_while_it_waits_for_the_head_it_leaves_no_half_receipt(world, fresh, three, tmp_path):
    old = f"* buurtaal 1 server=slow party=25LU role=roc window=256 log=10 head={HEAD} time=2027-04-02T10:11:12.5+02:00\n"
    with Scripted(world, greet=lambda connection: old) as script:
        process = fresh(script).start("submit", "--yes", three)
        until("it asks for the head", lambda: script.connections >= 2)
        process.terminate()
        process.communicate(timeout=20)
    assert process.returncode == -signal.SIGTERM and left_behind(tmp_path) == []


def test_a_full_disk_leaves_no_half_file(world, fresh, tmp_path):
    def full():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
    path = write(tmp_path / "april.csv", [row(n, born="14-03-2009" if n else "onbekend") for n in range(3)])
    with Scripted(world) as script:
        with fresh(script).start("submit", "--yes", path, preexec_fn=full, stdout=subprocess.PIPE) as process:
            said = process.communicate(timeout=30)[0]
        assert process.returncode == CANTCREAT, said
        assert ".refused.csv is in de map" in said and ".receipt.txt is in de map" in said and left_behind(tmp_path) == []
        assert "2 met plaats" in said
        submit(fresh(script), "good", path, 1)
    assert left_behind(tmp_path) == ["april.receipt.txt", "april.refused.csv"]


# --- On a terminal

def test_the_question_is_asked_where_the_plan_is_shown(world, fresh, three, tmp_path):
    with Scripted(world) as script, open(tmp_path / "notes", "w+", encoding="utf-8") as notes:
        with fresh(script).talk("submit", three, stderr=notes) as terminal:
            assert "3 met plaats" in terminal.expect("[j/N]")
            terminal.type("ja\r")
            terminal.end(wanted=0)
        notes.seek(0)
        assert notes.read().count("verloopt over 20 dagen") == 1, "what a connection notes is noted once"


def test_what_is_told_does_not_stand_behind_the_bar(world, fresh, tmp_path):
    def amiss(line):
        if line.number == 40:
            raise EOFError
        return None
    path = write(tmp_path / "april.csv", [row(n) for n in range(100)])
    with Scripted(world, amiss) as script, fresh(script).talk("submit", "--yes", path) as terminal:
        terminal.end(wanted=0)
    told = re.search(r"([^\r\n]*)buurtaal: de verbinding viel weg", terminal.shown)
    assert told and told.group(1) == "", repr(terminal.shown)


def test_a_name_is_a_code(world, fresh, three):
    with Scripted(world) as script:
        for name in ("", "-", "a b", "x" * 65):
            assert "--name" in submit(fresh(script), "all", three, USAGE, "--name", name)[1]
        assert script.connections == 0
