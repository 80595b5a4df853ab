"""The examples of PROTOCOL.md: each request is sent as it stands there, and answered as it stands there; each command has one.

An example is a block of the page whose lines begin with four blanks:

    as 25LU, on 2027-04-02:     who speaks from here on; each block is a connection of its own for each who speaks in it.
                                The registry's clock is set to the day, and stays there until another is told
    C: ...                      what is sent: all that follow one another at once
    S: ...                      what comes, line by line; the greeting may be left out

They are in one registry, in the order of the page, whose days never go back. It was founded by protocol_world.lines. The registry
of the test has other numbers, times and hashes than the page's, but the same ones stay the same, and what is greater stays
greater. Everything else is compared to the letter."""
import collections
import datetime
import hashlib
import os
import re
import zoneinfo

import pytest

from harness.client import Closed, decode_fields
from harness.registry import ROOT, until

PAGE = f"{ROOT}/proto/PROTOCOL.md"
WORLD = f"{ROOT}/tests/system/protocol_world.lines"

SPEAKER = re.compile(r"as (\w+)(?:, on (\d{4}-\d\d-\d\d))?:")
# What an answer begins with, before its fields.
WORDS = re.compile(r'(=|OK|(?:NO|BAD|BUSY) [a-z-]+|\*(?: [^ ="]+(?= |$))+)(?= |$)')
NUMBERS = ("log", "last", "seen", "as-of", "after", "upto")  # fields that hold a number of the log; `after` only where it is one
HASH = re.compile(r"[0-9a-f]{64}|[0-9a-f]{4,}\.\.\.")  # whole, or as the page shortens it

Line = collections.namedtuple("Line", "number side text")  # side: `as`, `C` or `S`


def blocks_of(text):
    """The examples, each a list of Line."""
    block = []
    for number, line in enumerate([*text.split("\n"), ""], 1):
        found = re.fullmatch(r"    ([CS]): (.*)|    (as \w.*)", line)
        if found:
            block.append(Line(number, found[1] or "as", found[2] or found[3]))
        elif block:
            assert not line.startswith("    "), f"line {number}: what is this in an example?"
            yield block
            block = []


class Likeness:
    """What the page writes for what the registry said, one for one; `ordered`: what is greater there is greater here."""

    def __init__(self, ordered):
        self.pairs, self.ordered = {}, ordered

    def holds(self, page, real):
        if page in self.pairs:
            return self.pairs[page] == real
        if real in self.pairs.values() or \
                (self.ordered and any((known < page) != (was < real) for known, was in self.pairs.items())):
            return False
        self.pairs[page] = real
        return True


class Reader:
    """Compares what the page says with what comes."""

    def __init__(self):
        self.numbers, self.times, self.hashes = Likeness(True), Likeness(True), Likeness(False)

    def request(self, text):
        """The page's request with the registry's numbers and hashes. A hash that nobody has told is made up."""
        def number(found):
            assert int(found[2]) in self.numbers.pairs, f"no answer above has told the number {found[2]}"
            return f" {found[1]}={self.numbers.pairs[int(found[2])]}"

        def whole(found):
            start = found[1].removesuffix("...")
            return "=" + self.hashes.pairs.setdefault(found[1], start + hashlib.sha256(start.encode()).hexdigest()[len(start):])

        text = re.sub(rf" ({'|'.join(NUMBERS)})=(\d+)(?= |$)", number, text)
        return re.sub(r"=([0-9a-f]{4,}\.\.\.)(?= |$)", whole, text)

    def same(self, page, real):
        """Whether two lines of the daemon say the same."""
        wanted, came = WORDS.match(page), WORDS.match(real)
        if not wanted or not came or wanted[1] != came[1]:
            return False
        return self.same_fields(page[wanted.end():], real[came.end():])

    def same_fields(self, page, real):
        wanted, came = decode_fields(page), decode_fields(real)
        return list(wanted) == list(came) and all([self.same_value(name, wanted[name], came[name]) for name in wanted])

    def same_value(self, name, page, real):
        if name in NUMBERS and page.isdigit() and real.isdigit():
            return self.numbers.holds(int(page), int(real))
        if HASH.fullmatch(page) and HASH.fullmatch(real):
            return self.hashes.holds(page, real)
        if name == "time":
            wanted, came = (datetime.datetime.fromisoformat(re.sub("Z$", "+00:00", text)) for text in (page, real))
            day_of = zoneinfo.ZoneInfo("Europe/Amsterdam")
            return (wanted.utcoffset() == came.utcoffset() and self.times.holds(wanted, came)
                    and wanted.astimezone(day_of).date() == came.astimezone(day_of).date())
        if name == "cert-days":
            return page.isdigit() and real.isdigit()
        if name == "origin":
            return bool(re.fullmatch(r"\S+:\d+", page) and re.fullmatch(r"127\.0\.0\.1:\d+", real))
        if name == "fields" and "=" in page:  # of `audit`: a line of fields
            return self.same_fields(f" {page}", f" {real}")
        return page == real

    def as_page(self, real):
        """A line of the registry as the page might have it, for whoever mends the page."""
        def number(found):
            told = {was: known for known, was in self.numbers.pairs.items()}
            below = max((was for was in told if was <= int(found[2])), default=None)
            return f" {found[1]}={told[below] + int(found[2]) - below if told and below is not None else found[2]}"

        def short(found):
            return next((known for known, was in self.hashes.pairs.items() if was == found[0]), f"{found[0][:8]}...")

        real = re.sub(rf" ({'|'.join(NUMBERS)})=(\d+)(?= |$)", number, real)
        return re.sub(r"\b[0-9a-f]{64}\b", short, real)


class Telling:
    """The page as it is played: `faults` are told with its lines."""

    def __init__(self, registry, daemon):
        self.registry, self.daemon, self.reader = registry, daemon, Reader()
        self.faults, self.day = [], None

    def set_day(self, day):
        if day and day != self.day:
            assert self.day is None or day > self.day, f"{day}: the days of the page go back"
            self.registry.control("clock", day)
            self.day = day

    def await_day(self):
        """Until the daemon has noticed the registry's day, which it asks for once a second."""
        with self.daemon.connect("ADMIN") as client:
            until(f"{self.day} is the daemon's day", lambda: client.must("ping")["time"].startswith(self.day))

    def found(self, path):
        """Sends what the page takes for granted."""
        client = None
        with open(path, encoding="utf-8") as file:
            for line in file.read().splitlines():
                speaker = SPEAKER.fullmatch(line)
                if speaker:
                    self.set_day(speaker[2])
                    if client:
                        client.close()
                    client = self.daemon.connect(speaker[1])
                elif line and not line.startswith("#"):
                    line = re.sub(r"fingerprint=(\w+)", lambda found: f"fingerprint={self.fingerprint(found[1])}", line)
                    reply = client.ask_line(line + "\n")
                    assert reply.ok, f"{line}: {reply}"
        client.close()

    def fingerprint(self, party):
        return self.registry.world.identities[party].fingerprint

    def play(self, block):
        """One example: each who speaks in it has a connection of its own."""
        clients, client, greet = {}, None, False
        assert block[0].side == "as", f"line {block[0].number}: an example begins with `as PARTY:`"
        for i, line in enumerate(block):
            try:
                if line.side == "as":
                    speaker = SPEAKER.fullmatch(line.text)
                    assert speaker, "the form is `as PARTY:` or `as PARTY, on DAY:`"
                    self.set_day(speaker[2])
                    self.await_day()
                    greet = speaker[1] not in clients
                    if greet:
                        clients[speaker[1]] = self.daemon.connect(speaker[1], greet=False, timeout=10)
                    client = clients[speaker[1]]
                    if greet and not block[i + 1].text.startswith("* buurtaal "):
                        client.read_greeting()
                elif line.side == "C":
                    client.send(self.reader.request(line.text).encode() + b"\n")
                else:
                    came = client.read_raw()
                    if came is None or not self.reader.same(line.text, came):
                        told = came and self.reader.as_page(came)
                        self.faults.append(f"PROTOCOL.md:{line.number}: the page says\n    S: {line.text}\nthe registry, in "
                                           f"the page's numbers,\n    S: {told}")
            except (AssertionError, OSError, ValueError, Closed) as error:
                self.faults.append(f"PROTOCOL.md:{line.number}: {line.text}\n  {error!r}")
        for party, client in clients.items():
            self.end(party, client, block[-1].number)

    def end(self, party, client, number):
        """Nothing may have come beside what the page tells."""
        try:
            client.send(b"ping tag=end-of-example\n")
            while (line := client.read_raw()) is not None and not line.startswith("OK tag=end-of-example "):
                if not line.startswith("* "):
                    self.faults.append(f"PROTOCOL.md:{number}: {party} also heard\n    S: {self.reader.as_page(line)}")
        except (OSError, Closed):
            pass  # it has said quit
        client.close()


@pytest.fixture
def telling(world, tmp_path):
    with open(WORLD, encoding="utf-8") as file:
        first = SPEAKER.search(file.read())[2]
    registry = world.demo(tmp_path, first)
    yield Telling(registry, registry.start(server__name="registry"))
    problems = registry.stop_all()
    world.drop(registry.database)
    assert problems == [] and all(daemon.complaints() == [] for daemon in registry.daemons)


def page_blocks():
    with open(PAGE, encoding="utf-8") as file:
        return list(blocks_of(file.read()))


def test_each_example_of_the_page_is_true(telling):
    telling.found(WORLD)
    for block in page_blocks():
        telling.play(block)
    assert not telling.faults, "\n" + "\n".join(telling.faults)
    telling.registry.check_log()


def test_each_command_has_an_example():
    with open(f"{ROOT}/proto/commands.def", encoding="utf-8") as file:
        verbs = set(re.findall(r'^COMMAND\("([^"]+)"', file.read(), re.M))
    told = set()
    for block in page_blocks():
        for line, after in zip(block, [*block[1:], block[-1]]):
            if line.side == "C" and not after.text.startswith("BAD"):
                told.add(line.text.split()[0])
    assert verbs - told == set(), "commands without an example in PROTOCOL.md"
    assert told - verbs == set(), "examples of commands that are not there"


def test_what_the_page_gets_wrong_is_found():
    """So that the first test is not one that cannot fail."""
    reader = Reader()
    assert reader.same("OK log=88 state=seated", "OK log=7 state=seated")
    assert reader.request("withdraw seen=88 student=1") == "withdraw seen=7 student=1"
    assert reader.same("OK log=89 plan=51c9...", f"OK log=8 plan={'51' * 32}")
    assert reader.request("begin plan=51c9...") == f"begin plan={'51' * 32}"
    assert reader.request("revoke fingerprint=77aa...").startswith("revoke fingerprint=77aa")
    assert reader.same("OK time=2027-04-02T10:11:13.5+02:00 log=89", "OK time=2027-04-02T23:00:00+02:00 log=8")
    for page, real in (("OK log=88", "OK log=8"), ("OK log=90", "OK log=8"), ("OK log=87", "OK log=9"), ("OK", "OK log=9"),
                       ("OK log=88 state=seated", "OK log=7 state=waiting"), ("OK log=88", "NO full log=7"),
                       ("NO full log=88", "NO ended log=7"), ("= count=3", "= count=4"),
                       ("OK log=88 again=2", "OK again=2 log=7"),
                       ("OK plan=51c9...", f"OK plan={'52' * 32}"), ("OK plan=6666...", f"OK plan={'51' * 32}"),
                       ("OK time=2027-04-03T10:11:13.5+02:00", "OK time=2027-04-02T23:00:00+02:00"),
                       ("OK time=2027-04-02T10:11:13.6+02:00", "OK time=2027-04-02T22:00:00+02:00"),
                       ('= fields="session=S student=12ab..."', '= fields="session=T student=12ab..."')):
        assert not reader.same(page, real), (page, real)
    with pytest.raises(AssertionError, match="no answer above"):
        reader.request("withdraw seen=91")
