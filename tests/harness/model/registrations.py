"""Registrations, the queue for a seat, and who is whom."""
from harness.model.base import Answer, kept, looks_like_bsn, no, wires


class Attempt:
    """One registration."""

    def __init__(self, session, college, student, again, state, log, person, given):
        self.session, self.college, self.student, self.again = session, college, student, again
        self.state, self.entered, self.log, self.person = state, log, log, person
        self.name, self.born = given["name"], given["born"]
        self.elective, self.needs = given.get("elective"), given.get("needs")
        self.moved_to = None
        self.reason = None       # of its withdrawal
        self.told = (None, False)  # the outcome that its college was told last, and whether it was settled
        self.attendance = {}     # part: Record
        self.scores = {}         # part: Record
        self.revised = []        # Records: final scores as they were before
        self.certificates = []   # Records, the newest last

    @property
    def live(self):
        return self.state in ("seated", "waiting")

    @property
    def number(self):
        """Of the student; None of one who was erased."""
        return self.student if isinstance(self.student, str) else None

    @property
    def examined(self):
        """Something came of it: from then on it is neither corrected nor ended."""
        return bool(self.attendance or self.scores)


class Registrations:
    def __init__(self, *rest):
        super().__init__(*rest)
        self.attempts = {}    # (session, college, student): list of Attempt
        self.of_session = {}  # session: its Attempts
        self.persons = {}     # (college, student) or eckid: person
        self.eckids = {}      # person: eckid

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
        faults = []
        if session.state != "scheduled" or self.today > session.last_day():
            faults.append("closed")
        if session.opens and self.today < session.opens:
            faults.append("not-open")
        return faults

    def promote(self, name, log, always=False):
        session = self.sessions[name]
        if session.state != "scheduled" or not (always or self.today <= session.last_day()):
            return
        while self.seated(name) < session.seats and self.queue(name):
            first = self.queue(name)[0]
            first.state, first.log, session.log = "seated", log, log
            self.tell_attempt(log, "seat-offered", first)

    def find(self, codes, session, student):
        """The attempts that a college means by a number: of those it acts for, what lives before what has ended, then its own,
        then what entered last. And whether that is in doubt, since it is another's and a second has that number too."""
        found = [self.attempts[session, code, student] for code in codes if (session, code, student) in self.attempts]
        if not found:
            return [], False
        best = max(found, key=lambda a: (a[-1].live, a[-1].college == codes[0], a[-1].entered))
        return best, best[-1].college != codes[0] and len(found) > 1

    # --- persons

    def known(self, codes, student, attempts):
        """The person that a college's number is: of its registration that goes on, else as the college has said itself, else as
        its predecessors have, where they agree."""
        if attempts and attempts[-1].live:
            return attempts[-1].person
        if (codes[0], student) in self.persons:
            return self.persons[codes[0], student]
        inherited = {self.persons[code, student] for code in codes if (code, student) in self.persons}
        return inherited.pop() if len(inherited) == 1 else None

    def become(self, old, new):
        """Two persons are one."""
        for key, value in self.persons.items():
            if value == old:
                self.persons[key] = new
        for attempt in self.all():
            if attempt.person == old:
                attempt.person = new

    def split(self, person, codes, student, log):
        """A number leaves the others of its person, and is somebody new."""
        for key, value in self.persons.items():
            if value == person and isinstance(key, tuple) and key[0] in codes and key[1] == student:
                self.persons[key] = log
        for attempt in self.all():
            if attempt.person == person and attempt.college in codes and attempt.student == student:
                attempt.person = log

    def identify(self, codes, student, eckid, known, log):
        """The person that a number and an ECK iD name, merged where they named two; `-` takes the ECK iD back."""
        if eckid == "-":
            others = [key for key, value in self.persons.items()
                      if value == known and isinstance(key, tuple) and not (key[0] in codes and key[1] == student)]
            held = self.eckids.get(known)
            if held and others:  # they go on with it: what others say is not this college's to change
                self.split(known, codes, student, log)
                known = log
            elif held:
                del self.eckids[known], self.persons[held]
            return known or log
        by_eckid = self.persons.get(eckid) if eckid else None
        person = by_eckid or known or log
        if by_eckid and known and by_eckid != known:
            self.become(known, person)
        if eckid:
            self.persons[eckid] = person
            self.eckids[person] = eckid
        return person

    # --- commands

    def register(self, speaker, given, log):
        codes, student = self.codes(speaker.party), given["student"]
        session = self.sessions.get(given["session"])
        if not session:
            return no("not-found:session")
        attempts, doubtful = self.find(codes, given["session"], student)
        newest = attempts[-1] if attempts else None
        kind, wanted = self.kind(given.get("again"), newest.again if newest else 0, bool(newest and newest.live))
        faults = []
        if given.get("elective", "-") not in ("-", *self.electives):
            faults.append("not-found:elective")
        if kind in ("ended", "again"):
            faults.append("ended" if kind == "ended" else "again:again")
        if doubtful:
            faults.append("taken:student")
        known = self.known(codes, student, attempts)
        own = self.institutions.get(speaker.party)
        if known is None and looks_like_bsn(student) and not (own and own.numbers == "nine"):
            faults.append("looks-like-bsn:student")
        held = self.eckids.get(known)
        if given.get("eckid", "-") != "-" and held and held != given["eckid"]:
            faults.append("eckid-differs:eckid")
        again = self.told_again(given.get("again"))
        if kind == "live" and not faults:
            same = (given["name"] == newest.name and given["born"] == newest.born
                    and kept(given, "elective", newest.elective) == newest.elective
                    and kept(given, "needs", newest.needs) == newest.needs and kept(given, "eckid", held) == held)
            if same:
                return Answer(state=newest.state, again=again, place=self.place(newest), repeated=True)
        if newest and self.stale(given, newest.log):
            faults.append("changed")
        if kind == "new":
            faults += [f"{code}:session" for code in self.refusal(session)]
        if kind == "live" and newest.examined:
            faults.append("attended")
        if faults:
            return no(*faults, again=wanted, last=newest and newest.log)
        self.changes("amended" if kind == "live" else "OK")
        persons = [known, self.persons.get(given.get("eckid"))]
        before = self.standings(persons)
        person = self.identify(codes, student, given.get("eckid"), known, log)
        if kind == "live":
            newest.name, newest.born, newest.log = given["name"], given["born"], log
            newest.elective, newest.needs = kept(given, "elective", newest.elective), kept(given, "needs", newest.needs)
            self.results_follow(before, log)
            return Answer(state=newest.state, again=again, place=self.place(newest), amended=True)
        self.persons.setdefault((speaker.party, student), person)
        clean = {name: value for name, value in given.items() if value != "-"}
        state = "seated" if not self.queue(given["session"]) and self.seated(given["session"]) < session.seats else "waiting"
        made = Attempt(given["session"], speaker.party, student, given.get("again", 1), state, log, person, clean)
        session.log = log
        self.add(made)
        self.results_follow(before, log)
        return Answer(state=made.state, again=again, place=self.place(made))

    def leave(self, attempt, state, log):
        """Ends a registration, and gives its seat to who waits first."""
        attempt.state, attempt.log = state, log
        self.sessions[attempt.session].log = log
        self.promote(attempt.session, log)

    def named(self, party, given):
        """The attempts that a line speaks of, what it wants of them (live, ended), and what is wrong with it."""
        attempts, doubtful = self.find(self.codes(party), given["session"], given["student"])
        if given["session"] not in self.sessions:
            return [], None, None, ["not-found:session"]
        if not attempts:
            return [], None, None, ["not-found:student"] + (["again:again"] if given.get("again", 1) > 1 else [])
        kind, wanted = self.kind(given.get("again"), attempts[-1].again, attempts[-1].live)
        faults = ["taken:student"] if doubtful else []
        if kind not in ("live", "ended"):
            faults.append("again:again")
        return attempts, kind, wanted, faults

    def numbered(self, party, given):
        """The attempt that a line names by number: a successor goes on counting where a predecessor stopped."""
        found = [attempt for code in self.codes(party)
                 for attempt in self.attempts.get((given["session"], code, given["student"]), [])
                 if attempt.again == given.get("again", 1)]
        return found[0] if found else None

    def withdraw(self, speaker, given, log):
        attempts, kind, _, faults = self.named(speaker.party, given)
        if faults:
            return no(*faults)
        again = self.told_again(given.get("again"))
        if kind == "ended":
            asked = self.numbered(speaker.party, given)
            return Answer(state=(asked or attempts[-1]).state, again=again, repeated=True)
        newest = attempts[-1]
        if self.stale(given, newest.log):
            faults.append("changed")
        if newest.examined:
            faults.append("attended")
        if faults:
            return no(*faults, last=newest.log)
        self.changes()
        self.leave(newest, "withdrawn", log)
        newest.reason = given.get("reason") if given.get("reason") != "-" else None
        return Answer(state="withdrawn", again=again)

    def move(self, speaker, given, log):
        attempts, kind, wanted, faults = self.named(speaker.party, given)
        codes, student = self.codes(speaker.party), given["student"]
        if kind == "ended" and not faults:
            asked = self.numbered(speaker.party, given)
            arrived = asked and asked.moved_to
            if arrived and arrived.session == given["to"]:
                return Answer(state=arrived.state, again=self.told_again(arrived.again), place=self.place(arrived),
                              repeated=True)
        if kind == "ended":
            faults.append("ended")
        target = self.sessions.get(given["to"])
        if not target:
            faults.append("not-found:to")
        if given["to"] == given["session"]:
            faults.append("range:to")
        newest = attempts[-1] if attempts else None
        if newest and self.stale(given, newest.log):
            faults.append("changed")
        if newest and newest.examined:
            faults.append("attended")
        there, _ = self.find(codes, given["to"], student)
        if there and there[-1].live:
            faults.append("taken:to")
        if target:
            faults += [f"{code}:to" for code in self.refusal(target)]
            if self.seated(given["to"]) >= target.seats or self.queue(given["to"]):
                faults.append("full:to")
        if faults:
            return no(*faults, again=wanted, last=newest and newest.log)
        self.changes()
        earlier = self.attempts.get((given["to"], newest.college, student), [])
        made = Attempt(given["to"], newest.college, student, earlier[-1].again + 1 if earlier else 1, "seated", log, newest.person,
                       {"name": newest.name, "born": newest.born, "elective": newest.elective, "needs": newest.needs})
        before = self.standings([newest.person])
        self.add(made)
        target.log = log
        newest.moved_to = made
        self.leave(newest, "moved", log)
        self.results_follow(before, log)
        return Answer(state="seated", again=self.told_again(made.again))

    # --- what is read

    def asked(self, attempt, given):
        return (given.get("session", attempt.session), given.get("student", attempt.student),
                given.get("institution", attempt.college)) == (attempt.session, attempt.student, attempt.college)

    def sees_candidates(self, speaker, attempt):
        """The rows of which a party sees more than that a seat is taken, and whether with what is personal."""
        if speaker.role == "roc":
            return self.acts_for(speaker.party, attempt.college), True
        if speaker.role == "exams":
            return self.acts_for(speaker.party, self.exams[self.sessions[attempt.session].exam].issuer), True
        return speaker.role in ("nuffic", "admin"), False

    def read_registrations(self, speaker, given):
        rows = []
        for attempts in self.attempts.values():
            last = attempts[-1]
            if not self.asked(last, given):
                continue
            sees, personal = self.sees_candidates(speaker, last)
            own = speaker.role == "roc" and sees
            if sees and (personal or "student" not in given):
                rows.append(wires(
                    session=last.session, student=last.number if personal else None, institution=last.college,
                    name=last.name if personal else None, born=last.born if personal else None,
                    eckid=self.eckids.get(last.person) if own and last.number else None, elective=last.elective,
                    needs=last.needs if personal else None, state=last.state, again=self.told_again(last.again),
                    place=self.place(last), reason=last.reason if own else None, log=last.log))
            elif speaker.role == "roc" and last.state == "seated" and \
                    self.acts_for(speaker.party, self.sessions[last.session].host):
                # A candidate of another college at a session that it hosts.
                rows.append(wires(session=last.session, student=last.number, institution=last.college))
        return rows
