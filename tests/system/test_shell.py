"""`buurtaal shell`: a person at a terminal, and lines from a file."""
import os
import re
import subprocess

import pytest

from harness.registry import TOOL, day, until
from harness.tool import Tool

USAGE, DATAERR, UNAVAILABLE, TEMPFAIL, NOPERM = 64, 65, 69, 75, 77
UP, DOWN, LEFT, CTRL_A, CTRL_C, CTRL_D, CTRL_R = "\x1b[A", "\x1b[B", "\x1b[D", "\x01", "\x03", "\x04", "\x12"


def at_terminal(tool, *argv, columns=100, **environment):
    return tool.talk(*argv, columns=columns, environment={"NO_COLOR": "1", **environment})


@pytest.fixture
def daemon(registry):
    daemon = registry.start()
    with daemon.connect("DIB") as exams:
        exams.must("schedule", session="S-1", exam="DIB-A2", date=day(200), seats=9, place="Emmen", host="25LU")
        exams.must("schedule", session="S-10", exam="DIB-B1", date=day(201), seats=120, place="'s-Hertogenbosch", host="25LU")
    return daemon


@pytest.fixture
def tool(registry, daemon):
    return Tool(registry, daemon.address, "25LU")


def history_of(tool):
    path = f"{tool.home}/.local/state/buurtaal/history"
    return open(path, encoding="utf-8").read().splitlines() if os.path.exists(path) else []


def test_a_conversation_at_a_terminal(tool):
    with at_terminal(tool, "shell", columns=120) as terminal:
        terminal.expect("25LU in de rol roc", last="25LU> ")
        said = terminal.ask("sessions", "OK rows=2", "25LU> ")
        assert re.search(r"\nsession +exam +date .*\nS-1 +DIB-A2 .*\nS-10 +DIB-B1 ", said), said
        terminal.ask('register session=S-1 student=1 name="de Böer, Zoë" born=2008', "OK log=", "state=seated")
        assert "de Böer, Zoë" in terminal.ask("registrations", "OK rows=1")
        said = terminal.ask("withdraw session=S-9 student=1", "NO not-found log=", "field=session", "Dit is niet bekend")
        terminal.ask("whoami colour=red", "BAD field", "field=colour")
        terminal.type("quit\r")
        terminal.expect("OK")
        terminal.end()
    with at_terminal(tool, "--lang", "en", "shell", columns=60) as terminal:
        terminal.expect("log at ", last="> ")
        said = terminal.ask("sessions session=S-10", "OK rows=1")
        assert re.search(r"\nplace +'s-Hertogenbosch\n", said), "what is too wide is shown field by field"
        terminal.type(CTRL_D)
        terminal.end()


def test_tab_completes_from_help(tool):
    with at_terminal(tool, "shell") as terminal:
        terminal.expect(last="25LU> ")
        terminal.type("sess\t")
        terminal.expect("sessions ")
        terminal.type("ses\t")
        terminal.expect("session=")
        terminal.ask("S-1", "OK rows=1", "Emmen")
        terminal.type("reg\t\t")
        terminal.expect("register", "registrations", "a seat, else a place in the queue")
        terminal.type(CTRL_C + "progress \t")
        terminal.expect("^C", "year=", "rung=", "by=")
        terminal.type("ru\tpa\t")
        terminal.expect("rung=passed ")
        terminal.type("by=\t")
        terminal.expect("month", "institution", "province")
        terminal.type("mo\t")
        terminal.expect("month ")
        assert "BAD" not in terminal.ask("", "OK rows=")
        terminal.type("gra\tx\t\r")  # another role's verb is not offered, a line in which nothing fits not changed
        terminal.expect("grax", "BAD verb")


def test_lines_are_edited_found_again_and_kept_without_personal_data(tool):
    with at_terminal(tool, "shell") as terminal:
        terminal.expect(last="25LU> ")
        terminal.type("oami" + CTRL_A + "wh\r")
        terminal.expect("OK party=25LU")
        terminal.ask('register session=S-1 student=77 name="Bakker, Bo" born=2008', "OK log=")
        terminal.ask("registrations student=77", "Bakker")
        terminal.ask("progress yeer=2027", "BAD field")
        terminal.ask("sessions session=S-1", "OK rows=1")
        terminal.type(UP + UP + UP + "\r")
        terminal.expect("registrations student=77", "OK rows=1", last="> ")  # in this run everything is found again
        terminal.ask("no verb at all", "BAD")
        terminal.type(CTRL_D)
        terminal.end()
    assert history_of(tool) == ["whoami", "sessions session=S-1"]
    path = f"{tool.home}/.local/state/buurtaal/history"
    assert os.stat(path).st_mode & 0o777 == 0o600 and os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700
    os.chmod(path, 0o644)
    with at_terminal(tool, "shell") as terminal:
        terminal.expect(last="25LU> ")
        terminal.type(CTRL_R + "who")
        terminal.expect("whoami")
        terminal.ask("", "OK party=25LU")
        terminal.type(CTRL_D)
        terminal.end()
    assert history_of(tool)[-1] == "whoami" and os.stat(path).st_mode & 0o777 == 0o600
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"ping tag={n}\n" for n in range(2000))
    with at_terminal(tool, "shell") as terminal:
        terminal.ask("ping", "OK")
        terminal.type(CTRL_D)
        terminal.end()
    assert history_of(tool) == [f"ping tag={n}" for n in range(1001, 2000)] + ["ping"]


def test_a_block_is_answered_at_commit(registry, tool):
    with at_terminal(tool, "shell") as terminal:
        terminal.expect(last="25LU> ")
        terminal.ask("begin", "OK", "25LU [0]> ")
        terminal.ask("register session=S-1 student=1 name=N born=2008", "25LU [1]> ")
        terminal.ask("register session=NONE student=2 name=N born=2008", "25LU [2]> ")
        said = terminal.ask("commit", "NO refused", "accepted=1", "25LU> ")
        assert "NO not-found" in said
        terminal.ask("begin", "25LU [0]> ")
        terminal.ask("register session=S-1 student=3 name=N born=2008", "25LU [1]> ")
        terminal.ask("commit now=yes", "BAD", "25LU [1]> ")
        terminal.ask("abandon", "OK", "25LU> ")
        terminal.ask("begin colour=red", "BAD field", "dood", "25LU [0]> ")
        terminal.ask("abandon", "25LU> ")
        terminal.ask("begin", "25LU [0]> ")
        terminal.ask("register session=S-1 student=4 name=N born=2008", "25LU [1]> ")
        terminal.ask("commit", "accepted=1 refused=0", "25LU> ")
    assert registry.execute("select count(*) from registration") == [(1,)]


def test_a_lost_connection_is_told_and_made_again(registry, tool, daemon):
    listener = registry.listener()
    one = registry.start(listener)
    tool = Tool(registry, one.address, "25LU")
    with at_terminal(tool, "shell") as terminal:
        terminal.expect(last="25LU> ")
        terminal.ask("begin", "25LU [0]> ")
        assert one.stop() == 0
        terminal.expect("draining", "open blok", last="> ")  # while nothing is asked
        two = registry.start(listener)
        terminal.ask("whoami", "opnieuw verbonden", "OK party=25LU")
        assert two.stop() == 0
        terminal.expect("draining", last="> ")
        listener.close()
        terminal.ask("whoami", "niet te bereiken")
        terminal.type(CTRL_D)
        terminal.end()


def test_what_may_not_be_sent_is_not(tool):
    with at_terminal(tool, "shell") as terminal:
        terminal.expect(last="25LU> ")
        terminal.ask("ping tag=\u202e", "tekens die niet mogen")
        terminal.ask("ping", "OK log=")  # the connection is as it was


def run(tool, lines, *argv):
    done = subprocess.run([TOOL, "--profile", tool.profile, *argv, "shell"], input=lines.encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60, check=False,
                          env={"HOME": tool.home, "TERM": "xterm", "LC_ALL": "C.UTF-8"})
    return done.returncode, done.stdout.decode()


def test_lines_from_a_file(registry, tool):
    status, said = run(tool, "sessions\n\nwhoami\n")
    assert status == 0 and re.search(r"^S-10 +DIB-B1 ", said, re.M) and "OK party=25LU" in said and "\033" not in said
    assert ">" not in said and "Tab" not in said, "no prompt where nobody types"
    assert run(tool, "withdraw session=X student=1\nping")[0] == DATAERR
    assert run(tool, "grant party=X role=roc\nwithdraw session=X student=1\n")[0] == NOPERM
    assert run(tool, "wohami\n")[0] == USAGE
    status, said = run(tool, "begin\nregister session=S-1 student=1 name=N born=2008\ncommit\nquit\nping\n")
    assert status == 0 and "accepted=1" in said and said.count("OK") == 4
    assert "te lang" in run(tool, "ping tag=" + "x" * 9000 + "\n")[1]
    status, said = run(tool, "ping\nping \0\nregister session=S-1 student=2 name=N born=2008\n")
    assert status == DATAERR and "te lang of bevat tekens" in said, "nothing behind a line that cannot be sent runs"
    assert registry.execute("select count(*) from registration") == [(1,)]
    assert history_of(tool) == [], "only what people type is kept"
    registry.daemons[0].stop()
    assert run(tool, "ping\n")[0] == UNAVAILABLE


def test_colours_only_where_they_are_wanted(tool):
    with at_terminal(tool, "shell", NO_COLOR="") as terminal:
        terminal.ask("ping", "OK")
        assert "\033[32mOK" in terminal.shown
    for environment in ({"NO_COLOR": "1"}, {"NO_COLOR": "", "TERM": "dumb"}):
        with at_terminal(tool, "shell", **environment) as terminal:
            terminal.ask("ping", "OK")
            assert not re.search(r"\033\[[0-9;]*3[0-9]m", terminal.shown)
        with at_terminal(tool, "doctor", **environment) as terminal:
            terminal.expect("logboek")
            assert "\033" not in terminal.shown
    with at_terminal(tool, "doctor", NO_COLOR="") as terminal:
        terminal.expect("logboek")
        assert "\033[32mgoed" in terminal.shown
