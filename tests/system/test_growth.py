"""A registration costs the same with many rows as with few, whatever the planner believes: statistics taken while the tables
had a page must not turn look-ups into scans. Told by the rows that were read, not by time."""
import pytest

from harness.client import encode
from harness.registry import day

MANY = 2000
TABLES = ("registration", "student", "eckid", "contingent", "cell", "tally", "audit", "head")


def rows_read(registry):
    """Rows that the database has read from each table so far. The daemon must have ended: then all is counted."""
    return dict(registry.execute("""select relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) from pg_stat_user_tables
                                    where schemaname = 'registry'"""))


def register(client, first, count, session=0):
    lines = [encode("register", {"session": f"S{(n + session) % 4}", "student": f"g-{n}", "name": f"Naam {n}", "born": 2008,
                                 "eckid": f"https://ketenid.nl/202609/{n:0128x}" if n % 2 else None})
             for n in range(first, first + count)]
    assert all(reply.ok for reply in client.ask_many(lines))


def wait(client, first, count):
    lines = [encode("register", {"session": "W", "student": f"w-{n}", "name": f"Naam {n}", "born": 2008})
             for n in range(first, first + count)]
    assert all(reply.ok for reply in client.ask_many(lines))


@pytest.mark.parametrize("few", (2, 8, 32))
def test_early_statistics_do_not_make_registering_quadratic(registry, few):
    daemon = registry.start()
    with daemon.connect("DIB") as exams:
        for n in range(4):
            exams.must("schedule", session=f"S{n}", exam="DIB-A2", date=day(200), seats=2 * MANY, place="Emmen", host="25LU")
        exams.must("schedule", session="W", exam="DIB-A2", date=day(200), seats=0, place="Emmen", host="25LU")
    with daemon.connect("25LU") as client:
        register(client, 0, few)
    registry.execute("analyze")
    assert daemon.stop() == 0
    before = rows_read(registry)
    daemon = registry.start()
    with daemon.connect("25LU") as client, daemon.connect("DIB") as exams:
        register(client, 0, few, session=1)  # plans are made now
        wait(client, 0, 2)
        exams.must("reseat", session="W", seats=1)
        register(client, few, MANY)
        register(client, few, MANY, session=1)  # now they are known
        wait(client, 2, MANY)
        for seats in range(2, 22):
            exams.must("reseat", session="W", seats=seats)
    assert daemon.stop() == 0
    after = rows_read(registry)
    a_row = {table: (after[table] - before[table]) / MANY for table in TABLES}
    assert all(read < 10 for read in a_row.values()), a_row
    registry.check_log()
