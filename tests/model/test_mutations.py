"""Whether the model test finds faults: a few are planted in the functions of a registry, one at a time, and each must be found
within some thousands of lines. Takes minutes; part of `make check`."""
import collections
import os
import random

import pytest

from model.play import Different, Play
from model.stage import Stage
from model.test_model import Director, wishes_of

LINES = 12000

# What, function, its text, what stands in its place.
MUTATIONS = [
    ("a late student jumps the queue", "register_stretch", "case when waiting = 0 then seats - taken else 0 end", "seats - taken"),
    ("a withdrawal promotes nobody", "registration_end", "if session_promotes(left_) then", "if false then"),
    ("the last day of registration is not part of it", "session_refusal", "today > until", "today >= until"),
    ("a revoked fingerprint may come back", "grant", "exists (select from revoked_fingerprint where fingerprint = print)", "false"),
    ("seen looks before equality", "target", "newest.count = count_", "newest.count = count_ and seen_ is null"),
    ("an office may give a number twice", "certify", "taken.entered <> (found_.named).entered", "false"),
    ("a host reads the names of others' candidates", "registrations", "role_ in ('roc', 'exams') and not hosted as names",
     "role_ in ('roc', 'exams') as names"),
    ("a college hears today's nation", "nation_counts", "yesterday and exists", "false and exists"),
    ("the ministry sees small cells", "masked", "count < 5", "count < 2"),
    ("a correction of a number takes the other's seat in the count", "recount", "<> counted", "> counted"),
]

pytestmark = pytest.mark.skipif(int(os.environ.get("BUURTAAL_LINES", 0)) < 100000, reason="part of make check")


@pytest.fixture(scope="module")
def planted(world, tmp_path_factory):
    made = Stage(world, tmp_path_factory.mktemp("mutations"))
    yield made
    made.close()
    made.registry.stop_all()
    world.drop(made.name)


def definition(stage, name):
    rows = stage.sql(f"""select pg_get_functiondef(p.oid) from pg_proc p
        where p.proname = '{name}' and p.pronamespace = '{stage.api}'::regnamespace""")
    assert len(rows) == 1, name
    return rows[0][0]


def lines_until_found(stage):
    """Plays until the registry differs from the model; how many lines that took, None for none."""
    dice, table = random.Random(7), collections.Counter()
    while sum(table.values()) < LINES:
        director = Director(Play(stage, table), wishes_of(table))
        try:
            for _ in range(80):
                director.turn(dice.randrange(256), [dice.randbytes(8) for _ in range(dice.randrange(1, 9))])
            director.all_reads()
        except Different:
            return sum(table.values())
    return None


@pytest.mark.parametrize("what, name, old, new", MUTATIONS, ids=[mutation[0] for mutation in MUTATIONS])
def test_a_planted_fault_is_found(planted, what, name, old, new):
    right = definition(planted, name)
    assert right.count(old) >= 1, f"{name} has changed: {old!r} is not in it"
    path = f"set local search_path = {planted.api}, registry, public"
    planted.sql(path, right.replace(old, new, 1))
    try:
        found = lines_until_found(planted)
    finally:
        planted.sql(path, right)
        for client in planted.clients.values():
            client.close()  # answers may be under way
        planted.clients.clear()
    print(f"{what}: {found} lines")
    assert found is not None
