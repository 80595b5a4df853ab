"""Daemons that share one inherited socket are restarted in turn under load, and no client notices more than a BYE."""
from harness.load import Patient, check_acknowledged, numbers
from harness.registry import day, until

CLIENTS = 24
STUDENTS = 150
ROUNDS = 3


def test_daemons_restarted_in_turn_refuse_nobody_and_lose_no_answer(registry):
    with registry.listener() as listener:
        daemons = [registry.start(listener) for _ in range(3)]
        with daemons[0].connect("DIB") as exams:
            exams.must("schedule", session="S", exam="DIB-A2", date=day(200), seats=CLIENTS * STUDENTS // 2, place="Emmen",
                       host="25LU")
        address = listener.getsockname()[:2]
        registrars = [Patient(address, registry.context(party), "S", numbers(f"{party}-{n}", STUDENTS), depth=1 + n % 5)
                      for n in range(CLIENTS) for party in [("25LU", "25PJ", "27YU")[n % 3]]]
        for registrar in registrars:
            registrar.start()
        done = lambda: sum(len(registrar.acknowledged) for registrar in registrars)  # noqa: E731
        for _ in range(ROUNDS):
            for place, old in enumerate(daemons):
                before = done()
                # The new one first, as a service manager does that knows it is a hand-over.
                daemons[place] = registry.start(listener)
                assert old.stop() == 0
                until("the load goes on", lambda: done() > before + 20 or not any(r.is_alive() for r in registrars))
        assert any(registrar.is_alive() for registrar in registrars), "the load ended before the restarts did"
        for registrar in registrars:
            registrar.join(120)
            assert not registrar.is_alive()
        assert [fault for registrar in registrars for fault in registrar.faults] == []
        assert [refused for registrar in registrars for refused in registrar.refused] == []
        assert all(set(registrar.ends) <= {"draining"} for registrar in registrars), [r.ends for r in registrars]
        assert sum(registrar.ends.get("draining", 0) for registrar in registrars) >= CLIENTS, "hardly anybody was told to go"
        assert done() == CLIENTS * STUDENTS
        assert check_acknowledged(registry, registrars) == set(), "these were done, and their answers lost"
