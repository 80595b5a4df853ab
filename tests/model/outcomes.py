"""Which outcomes each command has. The table of refusals is written by hand, and test_outcomes.py holds it against the
functions of sql/api: a code that a function can tell is here, or the model knows nothing of it."""
import functools

from harness.model.commands import COMMANDS, ROLES, rows_of

# What the rules of each command refuse.
REFUSALS = {
    "institution": "changed range",
    "institution-end": "not-found changed range",
    "grant": "range revoked again ended taken changed not-found",
    "revoke": "range again not-found changed",
    "elective": "changed range",
    "offer": "not-yours not-found range ended again changed closed",
    "retract": "not-yours not-found range again changed",
    "exam": "not-yours changed not-found range",
    "exam-part": "not-found not-yours changed range full",
    "schedule": "not-yours changed closed not-found range attended",
    "reseat": "not-found not-yours changed closed full",
    "cancel": "not-found not-yours changed attended",
    "register": "not-found ended again taken eckid-differs looks-like-bsn changed not-open closed attended",
    "withdraw": "not-found again taken changed attended",
    "move": "not-found again taken ended changed attended range not-open closed full",
    "attend": "not-found not-yours taken again ended waiting range changed",
    "score": "not-found not-yours taken again ended waiting range changed final",
    "certify": "not-found not-yours taken again ended waiting range changed not-passed",
    "target": "changed",
    "erase": "taken changed live",
    "retention": "changed",
    "ack": "range changed",
    "commit": "refused changed taken",
    "help": "not-found",
    "progress": "not-found range",
    "backtest": "not-found range",
    **dict.fromkeys(("registrations", "scores", "offers", "targets", "submissions", "audit", "heads", "inbox"), "range"),
}
NO_CODES = {cells[0].split()[1] for cells in rows_of("Codes") if cells[0].startswith("NO ")}
# Words in the functions that are spelt as a code and are none there: of an enumeration, or of a helper for another.
STATES = {
    "grant": {"role"}, "revoke": {"ended", "revoked"}, "certificates": {"revoked"}, "retract": {"ended"},
    "withdraw": {"ended", "waiting"}, "register": {"revoked", "waiting"},
    **dict.fromkeys(("exam", "schedule", "reseat", "cancel", "move", "registrations", "missing", "erase", "dossier"), {"waiting"}),
}
for attempts in ("offer", "retract", "grant", "revoke", "register", "withdraw", "move", "attend", "score", "certify"):
    STATES[attempts] = STATES.get(attempts, set()) | {"live"}  # of an attempt


def malformed(verb, command):
    """What may be BAD about a line of a command: each takes `tag`. The rest of BAD is of no command, or ends the connection."""
    found = {"field", "twice", "empty", "value", "no-block" if verb in ("commit", "abandon") else "in-block"}
    return found | ({"missing"} if any(field.required for field in command.fields.values()) else set())


@functools.cache
def pairs():
    """{(verb, outcome)} of all that exist. What is BUSY and `NO internal` are faults around the registry, for other tests to bring about."""
    found = {("(any)", "BAD verb"), ("(any)", "BAD syntax")}
    for verb, command in COMMANDS.items():
        found |= {(verb, f"BAD {code}") for code in malformed(verb, command)}
        found |= {(verb, "OK")} | {(verb, word) for word in ("repeated", "amended") if word in command.answer}
        found |= {(verb, f"NO {code}") for code in REFUSALS.get(verb, "").split()}
        if command.roles != set(ROLES):
            found.add((verb, "NO role"))
    return frozenset(found - {("reseat", "OK")})  # it always amends


def printed(table):
    """The table of verb by outcome, a verb a line, what exists and has not come as 0."""
    lines = []
    known = pairs()
    for verb in sorted({verb for verb, _ in known | set(table)}):
        outcomes = sorted({outcome for one, outcome in known | set(table) if one == verb},
                          key=lambda o: (o.startswith("NO"), o.startswith("BAD"), o))
        lines.append(f"{verb:16} " + "  ".join(f"{outcome} {table.get((verb, outcome), 0)}" for outcome in outcomes))
    least = min(known, key=lambda pair: table.get(pair, 0))
    lines.append(f"{sum(table.values())} answers, {len(known)} pairs, least: {' '.join(least)} {table.get(least, 0)}")
    return "\n".join(lines)
