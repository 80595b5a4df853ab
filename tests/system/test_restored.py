"""A registry that went back, or another way: whoever saw a later log notices, by the heads that profiles remember, and goes on
only when told to."""
import os
import re
import subprocess

import pytest

from harness.cluster import Cluster
from harness.registry import day, execute, until
from harness.tool import Tool

OK, DATAERR = 0, 65


def fill(daemon, first, count, session="S"):
    with daemon.connect("25LU") as college:
        for n in range(first, first + count):
            college.must("register", session=session, student=f"r-{n}", name=f"Naam {n}", born=2008)


@pytest.fixture
def daemon(registry):
    started = registry.start()
    with started.connect("DIB") as exams:
        exams.must("schedule", session="S", exam="DIB-A2", date=day(200), seats=500, place="Emmen", host="25LU")
    fill(started, 0, 5)
    return started


def dump(registry, folder):
    path = f"{folder}/old.dump"
    subprocess.run(["pg_dump", "-Fc", "-f", path, "-d", registry.owner], check=True, stdin=subprocess.DEVNULL)
    return path


def restore(registry, path):
    """As an operator would: a new database out of the dump, in place of the one there is."""
    registry.world.drop(registry.database)
    execute(registry.world.owner, f"create database {registry.database}")
    subprocess.run(["pg_restore", "-d", registry.owner, path], check=True, stdin=subprocess.DEVNULL)


def move(registry, daemon, tools):
    """Another daemon, after the database was changed; the profiles lead to it."""
    assert daemon.stop() == 0
    started = registry.start()
    for tool in tools:
        with open(tool.profile, encoding="utf-8") as file:
            text = file.read()
        with open(tool.profile, "w", encoding="utf-8") as file:
            file.write(re.sub(r"port = \d+", f"port = {started.address[1]}", text))
    return started


def seen(tool, old=""):
    with open(tool.profile.removesuffix(".conf") + ".seen" + old, encoding="utf-8") as file:
        return file.read()


def roster(folder):
    path = folder / "roster.csv"
    path.write_text("Deelnemernummer;Achternaam;Voornamen;Geboortedatum;Sessie\nr-900;Jansen;Jan;01-02-2008;S\n", encoding="utf-8")
    return str(path)


def test_whoever_saw_a_later_log_notices_a_restored_one(registry, daemon, tmp_path):
    college, ocw, admin, lame = [Tool(registry, daemon.address, party) for party in ("25LU", "OCW", "ADMIN", "25PJ")]
    old = dump(registry, tmp_path)
    for tool in (college, ocw, admin):
        tool.run("send", "ping", wanted=OK)
    lame.run("send", "ping", wanted=OK)  # saw nothing that is lost
    before = registry.execute("select log from log_head")[0][0]
    fill(daemon, 5, 20)
    for tool in (college, ocw, admin):
        tool.run("send", "ping", wanted=OK)
    later = before + 20
    remembered = seen(college)
    assert remembered.startswith(f"log={later} ")
    assert daemon.stop() == 0
    restore(registry, old)
    daemon = move(registry, daemon, [college, ocw, admin, lame])

    verbs = [("send", "ping"), ("submit", "--yes", roster(tmp_path)), ("sessions",), ("registrations",),
             ("template", f"{tmp_path}/template.csv"), ("shell",), ("progress",)]
    for argv in verbs:
        for lang, words in (("nl", "oude database teruggezet"), ("en", "old database restored")):
            status, said = college.run("--lang", lang, *argv)
            assert status == DATAERR and words in said and f"{later}" in said and f"{before}" in said and "audit accept" in said, f"{argv}: {said}"
            assert said.count(words) == 1, said
    assert seen(college) == remembered, "what was seen is kept"
    assert registry.execute("select count(*) from registration")[0][0] == 5, "nothing was sent"
    assert "audit accept" in college.run("doctor")[1] and college.run("doctor")[0] == DATAERR
    assert ocw.run("progress")[0] == DATAERR
    lame.run("sessions", wanted=OK)
    assert "niets te aanvaarden" in lame.run("audit", "accept", wanted=OK)[1]

    # The administrator looks at it: the log can be saved, and is whole by itself.
    said = admin.run("--lang", "en", "audit", "save", f"{tmp_path}/restored", wanted=OK)[1]
    assert "old database restored" in said
    admin.run("audit", "verify", f"{tmp_path}/restored", wanted=OK)
    head = re.search(r"head=(\w+)", remembered)[1]
    admin.run("audit", "verify", f"{tmp_path}/restored", "--head", head, wanted=DATAERR)
    admin.run("audit", "verify", wanted=DATAERR)

    # Who knows of it goes on; what was seen stays as evidence; the others still notice.
    said = college.run("audit", "accept", wanted=OK)[1]
    assert head in said and f"log={before} " in said
    assert seen(college, ".old") == remembered and seen(college).startswith(f"log={before} ")
    college.run("submit", "--yes", roster(tmp_path), wanted=OK)
    assert ocw.run("progress")[0] == DATAERR

    # Written to beyond the old number, it has another head there: a fork, which the shorter log no longer gives away.
    fill(daemon, 100, 25)
    status, said = ocw.run("--lang", "en", "progress")
    assert status == DATAERR and f"at number {later} its log had another head" in said, said
    status, said = ocw.run("progress")
    assert status == DATAERR and f"bij nummer {later} had zijn logboek een andere kop" in said, said
    ocw.run("audit", "accept", wanted=OK)
    ocw.run("progress", wanted=OK)


def test_a_registry_that_begins_anew_is_noticed(registry, daemon):
    college = Tool(registry, daemon.address, "25LU")
    college.run("send", "ping", wanted=OK)
    assert daemon.stop() == 0
    registry.execute("truncate head, audit, log_day")
    registry.execute("update log_head set log = 0, head = decode(repeat('00', 32), 'hex'), time = '-infinity', day = '-infinity'")
    move(registry, daemon, [college])
    status, said = college.run("sessions")
    assert status == DATAERR and "nu bij 0" in said, said
    college.run("audit", "accept", wanted=OK)
    assert not os.path.exists(college.profile.removesuffix(".conf") + ".seen")
    college.run("sessions", wanted=OK)


def test_a_copy_of_the_files_put_back_is_noticed(tmp_path):
    """A cluster's files, copied as they were at a moment, put back after more was written."""
    with Cluster("restored") as cluster:
        registry = cluster.world.copy(tmp_path, cluster.world.founded)
        try:
            daemon = registry.start()
            college = Tool(registry, daemon.address, "25LU")
            college.run("send", "ping", wanted=OK)
            cluster.kill()
            subprocess.run(["cp", "-a", cluster.data, f"{cluster.folder}/copy"], check=True)
            cluster.start()
            until("the database", lambda: daemon.running() and not college.run("send", "ping")[0], 60)
            with daemon.connect("25LU") as client:
                client.must("offer", elective="K0959", schoolyear=2026, students=3)
            college.run("send", "ping", wanted=OK)
            cluster.kill()
            subprocess.run(["rm", "-rf", cluster.data], check=True)
            subprocess.run(["mv", f"{cluster.folder}/copy", cluster.data], check=True)
            cluster.start()
            until("the database", lambda: college.run("sessions")[0] != 69 and college.run("sessions")[0] != 75, 60)
            status, said = college.run("sessions")
            assert status == DATAERR and "teruggezet" in said, said
            college.run("audit", "accept", wanted=OK)
            college.run("sessions", wanted=OK)
        finally:
            problems = registry.stop_all()
        assert problems == []


def test_two_runs_at_once_do_not_take_one_another_for_a_restored_log(registry, daemon):
    """What another run remembers may be newer than the greeting that this one was given."""
    college = Tool(registry, daemon.address, "25LU")
    fill(daemon, 200, 1)
    college.run("send", "ping", wanted=OK)
    runs = []
    with daemon.connect("25LU") as client:
        for n in range(12):
            client.must("offer", elective="K0959", schoolyear=2026, students=n)
            runs.append(college.start("sessions"))
    for process in runs:
        said, _ = process.communicate(timeout=60)
        assert process.returncode == OK, said


def test_an_old_head_is_read_as_fast_as_a_new_one(registry, daemon):
    """The question about a remembered head is one look in an index, however many came after it."""
    registry.execute("""insert into audit select 100000 + n, now(), 'X', sha256(''), 'x', 'x', '', 'OK' from generate_series(1, 200000) n""")
    registry.execute("insert into head select log, sha256('') from audit where log > 100000")
    assert daemon.stop() == 0
    before = registry.execute("select seq_tup_read + idx_tup_fetch from pg_stat_user_tables where relname = 'head'")[0][0]
    daemon = registry.start()
    with daemon.connect("25LU") as client:
        for n in range(20):
            assert len(client.must("heads", log=100001 + n).rows) == 1
    assert daemon.stop() == 0
    after = registry.execute("select seq_tup_read + idx_tup_fetch from pg_stat_user_tables where relname = 'head'")[0][0]
    assert after - before < 100, after - before
