"""The rules of sessions and registrations a second time, in the plainest form: dictionaries and loops, one command at a time.
Written from the design, for test_model.py to compare the registry with.

`Model.ask(party, role, verb, fields, log)` gives an Answer and changes the model when it is OK. Where several faults apply,
which is told is open, so a refusal is a set of codes."""
import copy
import datetime


class Answer:
    """`codes` None: OK with exactly `fields`. Else one of the codes, and for `ended` and `changed` its field."""

    def __init__(self, codes=None, **fields):
        self.codes = codes
        self.fields = {name: str(value) for name, value in fields.items() if value is not None}

    def fits(self, reply):
        got = {name: value for name, value in reply.fields.items() if name not in ("tag", "log", "text", "field", "check")}
        if self.codes is None:
            return reply.ok and got == self.fields
        if reply.status != "NO" or reply.code not in self.codes:
            return False
        wanted = {name: value for name, value in self.fields.items()
                  if (name, reply.code) in (("again", "ended"), ("last", "changed"))}
        return got == wanted

    def __repr__(self):
        return f"NO {self.codes} {self.fields}" if self.codes else f"OK {self.fields}"


class Attempt:
    """One registration."""

    def __init__(self, session, college, student, again, state, log, person, given):
        self.session, self.college, self.student, self.again = session, college, student, again
        self.state, self.entered, self.log, self.person = state, log, log, person
        self.name, self.born = given["name"], given["born"]
        self.elective, self.needs = given.get("elective"), given.get("needs")
        self.moved_to = None
        self.reason = None  # of its withdrawal

    @property
    def live(self):
        return self.state in ("seated", "waiting")


class Session:
    def __init__(self, exam, date, seats, host, place, log, opens=None, closes=None):
        self.exam, self.date, self.seats, self.host, self.place, self.log = exam, date, seats, host, place, log
        self.opens, self.closes, self.state, self.reason = opens, closes, "scheduled", None

    def last_day(self):
        return self.closes or self.date - datetime.timedelta(days=28)


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


class Model:
    def __init__(self, today, issuer, electives):
        self.today, self.issuer, self.electives = today, issuer, electives
        self.sessions = {}
        self.attempts = {}   # (session, college, student): list of Attempt
        self.of_session = {}  # session: its Attempts
        self.persons = {}    # (college, student) or eckid: person
        self.eckids = {}     # person: eckid

    # --- what is there

    def all(self, session=None):
        if session is not None:
            return self.of_session.get(session, [])
        return [attempt for attempts in self.attempts.values() for attempt in attempts]

    def add(self, attempt):
        self.attempts.setdefault((attempt.session, attempt.college, attempt.student), []).append(attempt)
        self.of_session.setdefault(attempt.session, []).append(attempt)

    def seated(self, session):
        return sum(attempt.state == "seated" for attempt in self.all(session))

    def queue(self, session):
        return sorted((a for a in self.all(session) if a.state == "waiting"), key=lambda a: a.entered)

    def place(self, attempt):
        return self.queue(attempt.session).index(attempt) + 1 if attempt.state == "waiting" else None

    def refusal(self, session):
        """Why nobody new comes in."""
        codes = set()
        if session.state != "scheduled" or self.today > session.last_day():
            codes.add("closed")
        if session.opens and self.today < session.opens:
            codes.add("not-open")
        return codes

    def kind(self, attempts, asked):
        """new, live, ended or again; and the attempt to ask for when it is ended."""
        asked = asked or 1
        newest = len(attempts)
        if asked > newest:
            return ("new" if asked == newest + 1 and not (attempts and attempts[-1].live) else "again"), None
        if asked == newest and attempts[-1].live:
            return "live", None
        return "ended", newest + (not attempts[-1].live)

    def promote(self, name, log, always=False):
        session = self.sessions[name]
        if session.state != "scheduled" or not (always or self.today <= session.last_day()):
            return
        while self.seated(name) < session.seats and self.queue(name):
            first = self.queue(name)[0]
            first.state, first.log, session.log = "seated", log, log

    def admit(self, name, log):
        """Where a newcomer goes."""
        session = self.sessions[name]
        session.log = log
        return "seated" if not self.queue(name) and self.seated(name) < session.seats else "waiting"

    # --- persons

    def person_of(self, college, student, eckid, log):
        """The person that a number and an ECK iD name, merged where they named two."""
        by_number, by_eckid = self.persons.get((college, student)), self.persons.get(eckid) if eckid else None
        person = by_eckid or by_number or log
        if by_number and by_eckid and by_number != by_eckid:
            for key, value in self.persons.items():
                if value == by_number:
                    self.persons[key] = person
            for attempt in self.all():
                if attempt.person == by_number:
                    attempt.person = person
        self.persons[(college, student)] = person
        if eckid:
            self.persons[eckid] = person
            self.eckids[person] = eckid
        return person

    # --- commands

    def ask(self, party, role, verb, fields, log):
        given = {name: value for name, value in fields.items() if value is not None}
        return getattr(self, verb)(party, role, given, log)

    def rehearse(self, party, role, verb, fields, log):
        return copy.deepcopy(self).ask(party, role, verb, fields, log)

    def register(self, party, role, given, log):
        key = (given["session"], party, given["student"])
        session = self.sessions.get(given["session"])
        attempts = self.attempts.get(key, [])
        newest = attempts[-1] if attempts else None
        kind, wanted = self.kind(attempts, given.get("again"))
        faults = set()
        if not session:
            return Answer({"not-found"})
        if given.get("elective", "-") not in ("-", *self.electives):
            faults.add("not-found")
        if kind in ("ended", "again"):
            faults.add(kind)
        known = self.persons.get((party, given["student"]))
        if known is None and looks_like_bsn(given["student"]):
            faults.add("looks-like-bsn")
        if given.get("eckid") and self.eckids.get(known, given["eckid"]) != given["eckid"]:
            faults.add("eckid-differs")
        again = given.get("again", 1) if given.get("again", 1) > 1 else None
        if kind == "live" and not faults:
            held = self.eckids.get(newest.person)
            same = (given["name"] == newest.name and given["born"] == newest.born
                    and kept(given, "elective", newest.elective) == newest.elective
                    and kept(given, "needs", newest.needs) == newest.needs and given.get("eckid", held) == held)
            if same:
                return Answer(state=newest.state, again=again, place=self.place(newest), repeated="yes")
        if newest and "seen" in given and newest.log > given["seen"]:
            faults.add("changed")
        if kind == "new":
            faults |= self.refusal(session)
        if faults:
            return Answer(faults, again=wanted, last=newest.log if newest else None)
        person = self.person_of(party, given["student"], given.get("eckid"), log)
        if kind == "live":
            newest.name, newest.born, newest.log = given["name"], given["born"], log
            newest.elective, newest.needs = kept(given, "elective", newest.elective), kept(given, "needs", newest.needs)
            return Answer(state=newest.state, again=again, place=self.place(newest), amended="yes")
        clean = {name: value for name, value in given.items() if value != "-"}
        made = Attempt(*key, len(attempts) + 1, self.admit(given["session"], log), log, person, clean)
        self.add(made)
        return Answer(state=made.state, again=again, place=self.place(made))

    def leave(self, attempt, state, log):
        """Ends a registration, and gives its seat to who waits first."""
        attempt.state, attempt.log = state, log
        self.sessions[attempt.session].log = log
        self.promote(attempt.session, log)

    def withdraw(self, party, role, given, log):
        attempts = self.attempts.get((given["session"], party, given["student"]), [])
        if given["session"] not in self.sessions or not attempts:
            return Answer({"not-found"} | ({"again"} if given.get("again", 1) > 1 else set()))
        kind, _ = self.kind(attempts, given.get("again"))
        again = given.get("again", 1) if given.get("again", 1) > 1 else None
        if kind == "ended":
            return Answer(state=attempts[given.get("again", 1) - 1].state, again=again, repeated="yes")
        if kind != "live":
            return Answer({"again"})
        if "seen" in given and attempts[-1].log > given["seen"]:
            return Answer({"changed"}, last=attempts[-1].log)
        self.leave(attempts[-1], "withdrawn", log)
        attempts[-1].reason = given.get("reason")
        return Answer(state="withdrawn", again=again)

    def move(self, party, role, given, log):
        attempts = self.attempts.get((given["session"], party, given["student"]), [])
        target = self.sessions.get(given["to"])
        there = self.attempts.get((given["to"], party, given["student"]), [])
        kind, wanted = self.kind(attempts, given.get("again"))
        if kind == "ended":
            arrived = attempts[given.get("again", 1) - 1].moved_to
            if arrived and arrived.session == given["to"]:
                return Answer(state=arrived.state, again=arrived.again if arrived.again > 1 else None,
                              place=self.place(arrived), repeated="yes")
        faults = {"ended"} if kind == "ended" else {"again"} if kind != "live" else set()
        if not target or not attempts:
            faults.add("not-found")
        if given["to"] == given["session"]:
            faults.add("range")
        if attempts and "seen" in given and attempts[-1].log > given["seen"]:
            faults.add("changed")
        if there and there[-1].live:
            faults.add("taken")
        if target:
            faults |= self.refusal(target)
            if self.queue(given["to"]) or self.seated(given["to"]) >= target.seats:
                faults.add("full")
        if faults:
            return Answer(faults, again=wanted, last=attempts[-1].log if attempts else None)
        source = attempts[-1]
        made = Attempt(given["to"], party, given["student"], len(there) + 1, "seated", log, source.person,
                       {"name": source.name, "born": source.born, "elective": source.elective, "needs": source.needs})
        self.add(made)
        target.log = log
        source.moved_to = made
        self.leave(source, "moved", log)
        return Answer(state="seated", again=made.again if made.again > 1 else None)

    def told(self, name):
        session = self.sessions[name]
        free = session.seats - self.seated(name) if session.state == "scheduled" else 0
        return {"state": session.state, "seats": session.seats, "free": free, "waiting": len(self.queue(name))}

    def session_faults(self, party, role, name):
        session = self.sessions.get(name)
        if not session:
            return {"not-found"}
        yours = party == self.issuer if role == "exams" else party == session.host
        return set() if yours else {"not-yours"}

    def reseat(self, party, role, given, log):
        name = given["session"]
        faults = self.session_faults(party, role, name)
        if faults:
            return Answer(faults)
        session = self.sessions[name]
        if session.seats == given["seats"]:
            return Answer(**self.told(name), repeated="yes")
        if "seen" in given and session.log > given["seen"]:
            faults.add("changed")
        if session.state == "cancelled":
            faults.add("closed")
        if self.seated(name) > given["seats"]:
            faults.add("full")
        if faults:
            return Answer(faults, last=session.log)
        more = given["seats"] > session.seats
        session.seats, session.log = given["seats"], log
        self.promote(name, log, always=more)
        return Answer(**self.told(name), amended="yes")

    def cancel(self, party, role, given, log):
        name = given["session"]
        faults = self.session_faults(party, role, name)
        if faults:
            return Answer(faults)
        session = self.sessions[name]
        if session.state == "cancelled":
            return Answer(state="cancelled", repeated="yes")
        if "seen" in given and session.log > given["seen"]:
            return Answer({"changed"}, last=session.log)
        session.state, session.reason, session.log = "cancelled", given["reason"], log
        for attempt in self.all(name):
            if attempt.live:
                attempt.state, attempt.log = "cancelled", log
        return Answer(state="cancelled")

    def schedule(self, party, role, given, log):
        """Of a session that exists; opens and closes are dates or `-`."""
        name = given["session"]
        faults = self.session_faults(party, role, name)
        if faults:
            return Answer(faults)
        session = self.sessions[name]
        opens, closes = kept(given, "opens", session.opens), kept(given, "closes", session.closes)
        if (given["exam"], given["date"], given["seats"], given["host"], given["place"], opens, closes) == \
                (session.exam, session.date, session.seats, session.host, session.place, session.opens, session.closes):
            return Answer(**self.told(name), repeated="yes")
        if "seen" in given and session.log > given["seen"]:
            faults.add("changed")
        if session.state == "cancelled":
            faults.add("closed")
        last = closes or given["date"] - datetime.timedelta(days=28)
        if (given["exam"], given["seats"], given["host"]) != (session.exam, session.seats, session.host) \
                or last > given["date"] or (opens and opens > last) \
                or (given["date"].year != session.date.year and self.all(name)):
            faults.add("range")
        if faults:
            return Answer(faults, last=session.log)
        session.date, session.place, session.opens, session.closes, session.log = given["date"], given["place"], opens, closes, log
        self.promote(name, log)
        return Answer(**self.told(name), amended="yes")

    # --- counting

    def cells(self, year, rung, own=None):
        """{(institution, exam, month): persons} of a year on a rung; `own`: among the registrations of that college alone."""
        found, counted = {}, set()
        for attempt in sorted(self.all(), key=lambda a: a.entered):
            session = self.sessions[attempt.session]
            on = attempt.state == "seated" or (rung == "registered" and attempt.state == "waiting")
            if not on or session.date.year != year or (own and attempt.college != own) or attempt.person in counted:
                continue
            counted.add(attempt.person)
            cell = (attempt.college, session.exam, session.date.isoformat()[:7])
            found[cell] = found.get(cell, 0) + 1
        return found
