"""The whole registry against an independent model of it: hypothesis draws histories of several clients of all roles - lines one
by one, pipelined, at the same time, repeated, rehearsed, in blocks, malformed - while days pass; every answer and all that can be
read is what the model says. Which outcomes are still rare steers what is drawn next. Prints how often each came.

BUURTAAL_SEED repeats a run; BUURTAAL_SCRIPT=FILE plays what a failure has printed. BUURTAAL_LINES: at least so many lines
(make check: 100,000, and every outcome that exists at least 50 times)."""
import collections
import datetime
import os
import re
import time

import hypothesis
import pytest
from hypothesis import strategies

from harness.load import dice
from harness.model import commands
from model.outcomes import pairs, printed
from model.play import Different, Play, line_of
from model.stage import Stage
from model.steps import COLLEGES, PARTIES, Dice, Steps, derived

LINES = int(os.environ.get("BUURTAAL_LINES", 5000))
LEAST = 50 if LINES >= 100000 else 0
TURNS = 240
CANDIDATES = 24
FIELD = r' [a-z-]+=(?:"(?:[^"\\]|\\.)*"|[^ "]+)'
KINDS = {"burst": 60, "read": 18, "clock": 4, "rehearsal": 6, "race": 8, "block": 7, "bad": 10}

scripts = strategies.lists(strategies.tuples(strategies.integers(0, 255), strategies.lists(
    strategies.binary(min_size=8, max_size=8), min_size=1, max_size=8)), min_size=TURNS // 2, max_size=TURNS)


class Director:
    """Makes acts of what was drawn. `wishes` are outcomes that shall come, the rarest first; they stay the same for all
    histories of a round, so that the same draw is the same history."""

    def __init__(self, play, wishes):
        self.play, self.model = play, play.model
        self.bad_ones = [wish for wish in wishes if wish[1].startswith("BAD")]
        self.writes = [wish for wish in wishes if wish[0] in Steps.WEIGHTS and wish not in self.bad_ones]
        self.reads = [wish for wish in wishes if wish[0] in {**Steps.READS, **Steps.TALK} and wish not in self.bad_ones]

    def steps(self, data):
        return Steps(self.model, data)

    def line(self, data, party=None):
        """(party, line) of a write, now and then one that fulfils a wish."""
        chance = Dice(derived(data, 0))
        if self.writes and chance.chance(50):
            found = self.wished(data, self.rare(self.writes, chance), party)
            if found:
                return found
        who, verb, fields = self.steps(data).line()
        return self.stick(party, who, verb), line_of(verb, fields.items())

    @staticmethod
    def rare(wishes, chance):
        return wishes[min(chance.below(len(wishes)), chance.below(len(wishes)))]

    @staticmethod
    def stick(party, who, verb):
        """Whether a line that anybody may say is said by who spoke before."""
        return party if PARTIES.get(party) == PARTIES[who] and verb in ("register", "withdraw", "move", "offer") else who

    def wished(self, data, wish, party):
        verb, outcome = wish
        for number in range(CANDIDATES):
            who, _, fields = self.steps(derived(data, number + 1)).line(verb)
            who = self.stick(party, who, verb)
            if self.comes_to(who, verb, fields) == {outcome}:
                return who, line_of(verb, fields.items())
        return None

    def comes_to(self, party, verb, fields):
        judged = self.model.judge(PARTIES[party], verb, list(fields.items()))
        return judged.outcomes if judged else self.model.foresee(party, PARTIES[party], verb, fields, self.model.log + 1)

    def wished_read(self, data):
        if self.reads and Dice(derived(data, 5)).chance(40):
            wish = self.rare(self.reads, Dice(derived(data, 6)))
            for number in range(CANDIDATES):
                party, verb, fields = self.steps(derived(data, number + 1)).read(wish[0])
                judged = self.model.judge(PARTIES[party], verb, list(fields.items()))
                answer = judged or self.model.ask(party, PARTIES[party], verb, fields, self.model.log)
                if answer.outcomes == {wish[1]}:
                    return party, verb, fields
        return None

    # --- turns

    def turn(self, kind, lines):
        weight = kind * sum(KINDS.values()) // 256
        for name, share in KINDS.items():
            weight -= share
            if weight < 0:
                return getattr(self, name)(lines)
        raise AssertionError(kind)

    def burst(self, lines):
        """Lines one after another, mostly of one party."""
        party = None
        for data in lines:
            party, line = self.line(data, party)
            twice = Dice(derived(data, 99)).chance(8)
            for _ in range(1 + twice):
                self.play.say(party, line)

    def race(self, lines):
        said = [self.line(derived(data, more)) for data in lines for more in (0, 1, 2)]
        said += [one for one in said if Dice(derived(one[1].encode(), 0)).chance(10)]
        self.play.race(said)

    def rehearsal(self, lines):
        for data in lines:
            party, line = self.line(data)
            self.play.say(party, f"{line} check=yes")

    def read(self, lines):
        for data in lines[:3]:
            party, verb, fields = self.wished_read(data) or self.steps(data).read()
            if commands.COMMANDS[verb].kind == "list" and Dice(derived(data, 0)).chance(20):
                fields["limit"] = str(1 + Dice(derived(data, 1)).below(4))
            self.play.say(party, line_of(verb, fields.items()))
            if verb == "watch":
                self.play.say(party, "watch topic=-")

    def clock(self, lines):
        """A day later, or when something opens, closes or takes place."""
        chance, today = Dice(lines[0]), self.model.today
        days = sorted(day for session in self.model.sessions.values() if session.state == "scheduled"
                      for day in (session.date, session.last_day() + datetime.timedelta(days=1), session.opens) if day and day > today)
        day = chance.pick({today + datetime.timedelta(days=1): 3, (days or [today])[0]: 4, today + datetime.timedelta(days=9): 1})
        if day < datetime.date(2029, 12, 1):  # three years with a count would tell a forecast
            self.play.clock(day)

    def bad(self, lines):
        """Lines that are wrong whatever is stored; those that are so only in a block, in one."""
        inside = []
        for data in [derived(data, more) for data in lines for more in (0, 1, 2)]:
            party, line, fault = self.malformed(data)
            if fault == "in-block":
                inside.append(line)
            elif line.startswith("begin ") or line == "begin":
                self.play.block(party, line, [self.line(data, party)[1]])
            else:
                self.play.say(party, line)
        if inside:
            self.play.block(self.line(lines[0])[0], "begin", inside)

    def malformed(self, data):
        """(party, line, fault) of a wish, or of anything."""
        chance = Dice(derived(data, 0))
        wishes = self.bad_ones if self.bad_ones and chance.chance(70) else sorted(pair for pair in pairs() if pair[1].startswith("BAD"))
        verb, outcome = self.rare(wishes, chance)
        fault = outcome.split()[1]
        for number in range(CANDIDATES):
            party, found, fields = self.steps(derived(data, number + 1)).malformed(verb, fault)
            line = line_of(found, fields)
            judged = self.play.judged(party, line)[2]
            if fault == "in-block" or judged and judged.outcomes == {outcome}:
                break
        return party, line, fault

    def block(self, lines):
        party, first = self.line(lines[0])
        chance = Dice(derived(lines[0], 7))
        inside = [first] + [self.line(data, party)[1] for data in lines[1:]]
        if chance.chance(10):
            inside.append(chance.of(("progress", "begin", f"{first} check=yes", "registers x=1")))
        if chance.chance(60):
            inside = [line for line in inside if self.fine(party, line)] or inside[:1]
        name = f" name=b-{chance.below(3)}" if chance.chance(60) else ""
        label = f" sha256={'ab' * 32}" if name and chance.chance(30) else ""
        form = chance.pick({"plain": 6, "check": 2, "plan": 3, "other": 1, "abandon": 1})
        if form == "abandon":
            self.play.block(party, f"begin{name}", inside, "abandon")
            return
        if form == "check":
            self.play.block(party, "begin check=yes", inside)
            return
        plan = ""
        if form in ("plan", "other"):
            told = self.play.block(party, "begin check=yes", inside)
            plan = f" plan={told if form == 'plan' else 'cd' * 32}"
            if chance.chance(30):
                self.play.say(*self.line(derived(lines[0], 8)))
        begin = f"begin{plan}{name}{label}"
        self.play.block(party, begin, inside)
        if chance.chance(30):
            self.play.block(party, begin, inside)

    def fine(self, party, line):
        verb, fields, judged = self.play.judged(party, line)
        return not judged and verb in Steps.WEIGHTS and self.model.foresee(party, PARTIES[party], verb, fields, self.model.log + 1) <= {"OK", "amended"}

    def all_reads(self):
        """Everything that can be read, by those who see it differently."""
        year = self.model.today.year
        for party in (*COLLEGES, "DIB", "NUFFIC", "OCW"):
            for line in ("registrations", "scores", "sessions", "offers", f"progress year={year + 1} rung=registered",
                         f"progress year={year} by=institution", f"ladder year={year + 1}",
                         f"missing what=offer schoolyear={year - 1}"):
                self.play.say(party, line)
        for line in ("institutions", "certificates", "electives", "exams", "targets", f"audit after={self.model.base}"):
            self.play.say("ADMIN", line)
        self.play.reconcile()


def wishes_of(table):
    """Outcomes that have come less often than others of their kind, the rarest first."""
    found = []
    for bad in (False, True):
        known = [pair for pair in pairs() if pair[1].startswith("BAD") == bad]
        counts = sorted(table.get(pair, 0) for pair in known)
        found += [pair for pair in known if table.get(pair, 0) <= max(counts[len(counts) // 2], LEAST)]
    return sorted(found, key=lambda pair: (table.get(pair, 0), pair))


def shorter(stage, script):
    """The script without the acts and the fields that it fails without just as well; found by leaving out ever smaller pieces.
    (Hypothesis would cut the draws down, of which everything that follows depends.)"""
    def fails(lines):
        try:
            Play(stage, collections.Counter()).perform(lines)
        except Different:
            return True
        except (ValueError, KeyError, IndexError, AttributeError, TypeError):
            return False  # a block without its end, and the like
        return False
    size = len(script) // 2
    deadline = time.monotonic() + 200
    while size and time.monotonic() < deadline:
        at = 0
        while at < len(script) and time.monotonic() < deadline:
            rest = script[:at] + script[at + size:]
            if fails(rest):
                script = rest
            else:
                at += size
        size //= 2
    for at, line in enumerate(script):
        for field in re.findall(FIELD, line) if any(f" {verb} " in line for verb in Steps.WEIGHTS) else ():
            rest = [*script[:at], script[at].replace(field, "", 1), *script[at + 1:]]
            if time.monotonic() < deadline and fails(rest):
                script = rest
    return script


def tell(stage, script, fault):
    """Fails, with the script cut down to what it takes."""
    if not isinstance(fault, Different):
        print("\n".join(script[-20:]))
        raise fault
    print(f"{fault}\nbehind {len(script)} acts; cutting them down", *script[-4:], sep="\n")
    script = shorter(stage, script)
    try:
        Play(stage, collections.Counter()).perform(script)
    except Different as different:
        fault = different
    pytest.fail("\n".join(["the registry and the model differ:", str(fault), "after these lines, which BUURTAAL_SCRIPT=FILE plays "
                           "again:", *script]), pytrace=False)


@pytest.fixture
def stage(world, tmp_path):
    made = Stage(world, tmp_path)
    yield made
    made.close()
    problems = made.registry.stop_all() + [line for daemon in made.daemons for line in daemon.complaints()]
    world.drop(made.name)
    assert problems == []


def test_the_registry_does_as_the_model_does(stage):
    seed = dice("model").getrandbits(32)
    table, failed, wishes = collections.Counter(), [], []

    def history(script):
        if failed:
            return
        play = Play(stage, table)
        director = Director(play, wishes)
        try:
            for number, (kind, lines) in enumerate(script):
                director.turn(kind, [derived(data, number << 8) for data in lines])
            director.all_reads()
        except Exception as fault:  # told below: hypothesis would print its draws, which say nothing
            failed.append((play.script, fault))

    started, rounds = time.monotonic(), 0
    while sum(table.values()) < LINES or min(table[pair] for pair in pairs()) < LEAST:
        wishes = wishes_of(table)
        rounds += 1
        run = hypothesis.given(scripts)(history)
        run = hypothesis.settings(max_examples=5, database=None, deadline=None, derandomize=False, print_blob=False,
                                  phases=[hypothesis.Phase.generate], suppress_health_check=list(hypothesis.HealthCheck))(run)
        hypothesis.seed(seed + rounds)(run)()
        if failed:
            tell(stage, *failed[0])
        if sum(table.values()) > 1.5 * LINES:
            break  # what is rare is told below
        print(f"{sum(table.values())} answers, {sum(table[pair] < LEAST for pair in pairs())} pairs of {len(pairs())} are rare, "
              f"{time.monotonic() - started:.0f} s", flush=True)
    print(printed(table))
    print(f"{rounds} rounds, {time.monotonic() - started:.0f} s; lines", ", ".join(f"{way} {count}" for way, count in stage.ways.items()))
    rare = {pair: table[pair] for pair in pairs() if table[pair] < LEAST}
    assert not rare and not set(table) - pairs()
    stage.registry.check_heads()


@pytest.mark.skipif("BUURTAAL_SCRIPT" not in os.environ, reason="there is no script to play")
def test_a_script(stage):
    with open(os.environ["BUURTAAL_SCRIPT"], encoding="utf-8") as file:
        Play(stage, collections.Counter()).perform([line.rstrip("\n") for line in file if line.strip()])
