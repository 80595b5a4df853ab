"""Fixtures of the system tests: `registry` is a database with institutions, grants and exams in it, `bare` one that is only
migrated, each for one test, with its daemons stopped, their logs looked through and the database dropped at the end."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.registry import World  # noqa: E402


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    missing = [name for name in ("BUURTAAL_DB_OWNER", "BUURTAAL_DB_WRITE") if name not in os.environ]
    assert not missing, f"{missing} not set: run this by `make test SUITE=system`"
    made = World(tmp_path_factory.mktemp("world"), os.environ["BUURTAAL_DB_OWNER"], os.environ["BUURTAAL_DB_WRITE"])
    yield made
    made.close()


def copy(world, folder, template):
    made = world.copy(folder, template)
    yield made
    problems = made.stop_all()
    for daemon in made.daemons:
        problems += [line for line in daemon.complaints() if not any(word in line for word in made.excused)]
    world.drop(made.database)
    assert problems == []


@pytest.fixture
def registry(world, tmp_path):
    yield from copy(world, tmp_path, world.founded)


@pytest.fixture
def bare(world, tmp_path):
    yield from copy(world, tmp_path, world.bare)
