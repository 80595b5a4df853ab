"""What all rules of the model share: answers, values, time, attempts, who acts for whom, and what a rehearsal takes back.

The model is the registry a second time, in the plainest form: dictionaries and loops, one command at a time, written from
the design and PROTOCOL.md. A rule looks at everything first, then calls `self.changes()`, then changes the model: so what
a command would come to can be told without doing it.
"""
import datetime
import decimal
import pickle

INTEGERS = {"students", "hours", "seats", "schoolyear", "year", "count", "again", "seen", "limit", "upto", "months", "notice"}
DATES = {"from", "until", "set", "enrol-until", "complete-until", "date", "opens", "closes", "issued"}
DECIMALS = {"max", "pass", "total", "points"}
FLAGS = {"correct", "combine", "final", "revise"}


def typed(fields):
    """Fields of a line as values: a day is a date, a number a number. What is absent is left out, `-` stays."""
    found = {}
    for name, value in fields.items():
        if value is None or value == "-" or not isinstance(value, (str, bool)):
            pass
        elif name in INTEGERS:
            value = int(value)
        elif name in DATES:
            value = datetime.date.fromisoformat(value)
        elif name in DECIMALS:
            value = decimal.Decimal(value)
        elif name in FLAGS:
            value = value in (True, "yes")
        if value is not None:
            found[name] = value
    return found


def wire(value):
    """A value as an answer has it; None for what is left out."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, decimal.Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return str(value)


def wires(**fields):
    """A row or the fields of an answer; `as_of` stands for `as-of`, `from_` for `from`."""
    return {name.rstrip("_").replace("_", "-"): wire(value) for name, value in fields.items() if value is not None}


def kept(given, name, stored):
    """What a field is after a line: `-` clears, an absent one leaves."""
    if name not in given:
        return stored
    return None if given[name] == "-" else given[name]


def looks_like_bsn(number):
    """The check of a BSN, with a zero in front of eight digits; and that of an onderwijsnummer."""
    if not number.isdigit() or len(number) not in (8, 9) or int(number) == 0:
        return False
    rest = sum(int(digit) * weight for digit, weight in zip(number.zfill(9), (9, 8, 7, 6, 5, 4, 3, 2, -1))) % 11
    return rest == 0 or (len(number) == 9 and number.startswith("10") and rest == 5)


class Answer:
    """What a request must be answered. `faults` empty: OK with exactly `fields` and `rows` (None: a write). Else NO or BAD
    with one of the faults, (code, field); with `again` where the code is `ended`, `last` where it is `changed`."""

    def __init__(self, faults=(), status="NO", rows=None, **fields):
        self.faults = {tuple((fault + ":").split(":")[:2]) for fault in faults}
        self.status = status if self.faults else "OK"
        self.rows = rows
        self.fields = wires(**fields)

    @property
    def outcomes(self):
        """As words: OK, repeated, amended, or `NO code` for each that it may be."""
        if self.faults:
            return {f"{self.status} {code}" for code, _ in self.faults}
        return {word for word in ("repeated", "amended") if word in self.fields} or {"OK"}

    def fits(self, reply, apart=("tag", "log", "check")):
        """Whether a reply is what it must be; `apart`: fields that are looked at elsewhere."""
        got = {name: value for name, value in reply.fields.items() if name not in apart}
        if not self.faults:
            return reply.ok and got == self.fields and (self.rows is None or sort(reply.rows) == sort(self.rows))
        if reply.status != self.status or (reply.code, got.pop("field", "")) not in self.faults or not got.pop("text", ""):
            return False
        return got == {name: value for name, value in self.fields.items()
                       if name not in ("again", "last") or (name, reply.code) in (("again", "ended"), ("last", "changed"))}

    def __repr__(self):
        if self.faults:
            return f"{self.status} one of {sorted(self.faults)} {self.fields}"
        return "\n".join([f"  = {row}" for row in sort(self.rows or [])] + [f"OK {self.fields}"])


def sort(rows):
    return sorted(rows, key=lambda row: sorted(row.items()))


def no(*faults, again=None, last=None):
    return Answer(faults, again=again, last=last)


class Foreseen(Exception):
    """Ends a rule that was only asked what it would come to."""


class Record:
    """An object of the registry: named fields, and `log`, the number that last changed it."""

    def __init__(self, **fields):
        vars(self).update(fields)

    def same(self, fields):
        return all(getattr(self, name) == value for name, value in fields.items())


class Base:
    """The state that all families share, and what every rule may ask."""

    def __init__(self, today=None, log=0):
        self.today, self.log = today, log
        self.foreseeing = False
        self.day_ends = []  # (day, newest number on it), in order

    # --- rehearsals

    def snapshot(self):
        return pickle.dumps(vars(self))

    def restore(self, snapshot):
        vars(self).clear()
        vars(self).update(pickle.loads(snapshot))

    def changes(self, outcome="OK"):
        """A rule is about to change something."""
        if self.foreseeing:
            raise Foreseen(outcome)

    # --- time

    def note_day(self, log):
        """A write has taken this number today."""
        if self.day_ends and self.day_ends[-1][0] == self.today:
            self.day_ends.pop()
        self.day_ends.append((self.today, log))

    def log_before(self, day):
        """The newest number from before a day."""
        return max((log for ended, log in self.day_ends if ended < day), default=0)

    # --- attempts

    @staticmethod
    def kind(asked, newest, live):
        """What a line with `again=asked` is about, of an object that has had `newest` attempts: new, live, ended, again; and
        for `ended` the attempt to ask for next."""
        asked = asked or 1
        if asked > newest:
            return ("new" if asked == newest + 1 and not live else "again"), None
        if asked == newest and live:
            return "live", None
        return "ended", newest + (not live)

    @staticmethod
    def told_again(attempt):
        return attempt if attempt and attempt > 1 else None

    @staticmethod
    def stale(given, log):
        """Whether `seen` is older than the object."""
        return "seen" in given and log is not None and log > given["seen"]

    # --- who acts for whom

    def acts_for(self, party, code):
        """Whether a party may see and change what stands under a code: its own, and that of institutions that have ended and
        whose line of successors ends in it."""
        if party == code:
            return True
        institution = self.institutions.get(code)
        while institution and institution.until and institution.until < self.today and institution.successor:
            code, institution = institution.successor, self.institutions[institution.successor]
        return code == party

    def codes(self, party):
        """All codes that a party acts for, its own first."""
        return [party] + sorted(code for code in self.institutions if code != party and self.acts_for(party, code))
