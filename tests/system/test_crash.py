"""kill -9 of the daemon, of a backend and of the whole cluster during writes: what was acknowledged is there, once; the log
has no gap; everything comes back by itself."""
import os
import re
import signal

import pytest

from harness.cluster import Cluster
from harness.load import Registrar, check_acknowledged, numbers
from harness.registry import day, until

CLIENTS = 16
SOME = 100  # students a client, in the tests that wait for a whole cluster


def begin(registry, daemon, students, **options):
    with daemon.connect("DIB") as exams:
        exams.must("schedule", session="S", exam="DIB-A2", date=day(200), seats=50, place="Emmen", host="25LU")
    registrars = [Registrar(daemon.address, registry.context(party), "S", numbers(f"{party}-{n}", students), **options)
                  for n in range(CLIENTS) for party in [("25LU", "25PJ")[n % 2]]]
    for registrar in registrars:
        registrar.start()
    return registrars


def done(registrars):
    return sum(len(registrar.acknowledged) for registrar in registrars)


def wait_more(registrars, count):
    """Until that many more are acknowledged."""
    goal = done(registrars) + count
    until(f"{goal} acknowledged", lambda: done(registrars) >= goal or not any(r.is_alive() for r in registrars), 60)
    assert any(registrar.is_alive() for registrar in registrars), "the load ended too early to prove anything"


def finish(registry, registrars, students):
    for registrar in registrars:
        registrar.join(120)
        assert not registrar.is_alive()
    assert [fault for registrar in registrars for fault in registrar.faults] == []
    assert [refused for registrar in registrars for refused in registrar.refused] == []
    assert done(registrars) == CLIENTS * students
    check_acknowledged(registry, registrars)
    assert registry.execute("select count(*), count(distinct (college, student_hash)) from registration") == [
        (CLIENTS * students, CLIENTS * students)]


def test_a_killed_daemon_loses_nothing_that_it_acknowledged(registry):
    with registry.listener() as listener:
        daemon = registry.start(listener)
        registrars = begin(registry, daemon, 120, depth=4)
        for _ in range(4):
            wait_more(registrars, 150)
            daemon.stop(signal.SIGKILL)
            daemon = registry.start(listener)
        finish(registry, registrars, 120)
        assert sum(registrar.ends.get("cut", 0) for registrar in registrars) > 0


def backends(registry):
    return [row[0] for row in registry.execute(
        "select pid from pg_stat_activity where datname = current_database() and usename = 'buurtaald'")]


def test_killed_backends_are_replaced_and_nothing_is_done_twice(registry):
    """By pg_terminate_backend: kill -9 of one backend restarts the whole cluster, which has a test of its own."""
    daemon = registry.start()
    registrars = begin(registry, daemon, 120, depth=4)
    for _ in range(6):
        wait_more(registrars, 100)
        pids = until("backends", lambda: backends(registry))
        registry.execute("select pg_terminate_backend(pid) from unnest(%s) pid", pids)
    finish(registry, registrars, 120)
    assert all(registrar.ends == {} for registrar in registrars), "a client lost its connection to the daemon"
    assert len(re.findall("event=database-up", daemon.log())) >= 6


@pytest.fixture(scope="module")
def private():
    """A cluster of its own, that may be killed."""
    with Cluster("crash") as cluster:
        yield cluster


@pytest.mark.parametrize("victim", ["backend", "cluster"])
def test_a_killed_cluster_is_waited_for_and_what_was_acknowledged_is_in_it(private, tmp_path, victim):
    registry = private.world.copy(tmp_path, private.world.founded)
    try:
        daemon = registry.start()
        registrars = begin(registry, daemon, SOME, depth=2)
        wait_more(registrars, 200)
        if victim == "cluster":
            private.kill()
            until("BUSY or BYE", lambda: any(r.busy or r.ends.get("database") for r in registrars), 30)
            private.start()
        else:
            os.kill(backends(registry)[0], signal.SIGKILL)  # PostgreSQL then ends all others and recovers
        finish_when_back(registry, registrars, daemon)
    finally:
        problems = registry.stop_all()
    assert problems == []


def finish_when_back(registry, registrars, daemon):
    until("the daemon is back by itself", lambda: done(registrars) == CLIENTS * SOME, 120)
    finish(registry, registrars, SOME)
    codes = set().union(*(registrar.busy for registrar in registrars))
    assert codes <= {"database", "unknown", "overload"}, codes
    assert daemon.running()
