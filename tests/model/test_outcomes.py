"""The table of outcomes holds what the functions of sql/api can tell: a new code that the model does not know fails here."""
import glob
import re

from harness.model.commands import COMMANDS
from harness.registry import ROOT
from model.outcomes import NO_CODES, REFUSALS, STATES, pairs
from model.steps import Steps


def functions():
    """{name: body} of all functions of the api, without comments."""
    found = {}
    for path in glob.glob(f"{ROOT}/sql/api/*.sql"):
        with open(path, encoding="utf-8") as file:
            text = re.sub(r"--.*", "", file.read())
        for name, body in re.findall(r'create function "?(\w+)"?\s*\((.*?)\n(?:\$\$;|end;?\n\$\$)', text, re.S):
            found[name] = body
    return found


def told_by(name, bodies, seen):
    """The codes that stand in a function and in those that it calls."""
    if name in seen or name not in bodies:
        return set()
    seen.add(name)
    found = set(re.findall(r"'([a-z-]+)'", bodies[name])) & NO_CODES
    for called in set(re.findall(r"\b(\w+)\s*\(", bodies[name])) & set(bodies) - set(COMMANDS):
        found |= told_by(called, bodies, seen)
    return found


def test_each_code_of_a_function_is_in_the_table():
    bodies = functions()
    wrong = {}
    for verb, command in COMMANDS.items():
        if command.kind == "builtin" and verb != "commit":
            continue
        told = told_by(verb.replace("-", "_"), bodies, set()) - STATES.get(verb, set())
        wanted = set(REFUSALS.get(verb, "").split())
        if verb == "commit":
            told, wanted = set(), set()  # block.c tells most of it
        if told != wanted:
            wrong[verb] = (f"not in the table: {sorted(told - wanted)}", f"not in the functions: {sorted(wanted - told)}")
    assert wrong == {}


def test_each_write_and_read_is_drawn():
    """A command that is added is drawn, or its pairs cannot come."""
    drawn = set(Steps.WEIGHTS) | set(Steps.READS) | set(Steps.TALK) | {"begin", "commit", "abandon", "(any)"}
    assert {verb for verb, _ in pairs()} - drawn == set()
