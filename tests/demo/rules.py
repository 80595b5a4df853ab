"""The rules that the demo's story needs, in the plainest form, from the design and PROTOCOL.md; sums are made anew whenever they
are asked for. Faults that do not occur in it are left out."""
import collections
import datetime
import decimal

from harness.client import encode_value
from harness.model import looks_like_bsn

RUNGS = ("registered", "seated", "sat", "passed", "certified")
KEPT = ("elective", "needs")  # fields that a line may leave out


class Session:
    def __init__(self, given):
        self.exam, self.seats = given["exam"], int(given["seats"])
        self.date = datetime.date.fromisoformat(given["date"])
        self.opens = datetime.date.fromisoformat(given["opens"]) if "opens" in given else None
        self.cancelled = False
        self.seated, self.queue = 0, []

    def promotes(self, today):
        return not self.cancelled and today <= self.date - datetime.timedelta(days=28)

    def refusal(self, today):
        """Why nobody new comes in."""
        return "closed" if not self.promotes(today) else "not-open" if self.opens and today < self.opens else None


class Attempt:
    def __init__(self, session, college, student, again, log, person, given):
        self.session, self.college, self.student, self.again = session, college, student, again
        self.entered, self.person, self.given = log, person, given
        self.state, self.moved_to = None, None
        self.attendance, self.scores, self.certificate = {}, {}, None  # by part: status; (points, final); (number, issued)

    @property
    def live(self):
        return self.state in ("seated", "waiting")


class Rules:
    def __init__(self):
        self.today = None
        self.sessions, self.exams, self.electives = {}, {}, {}
        self.attempts = collections.defaultdict(list)  # (session, college, student): Attempts
        self.persons, self.eckids = {}, {}             # (college, student) or eckid: person; person: eckid
        self.heirs = {}                                # code: (last day, successor)
        self.offers, self.targets = {}, {}             # (institution, elective, school year): students; (year, language): count

    def all(self):
        return [attempt for attempts in self.attempts.values() for attempt in attempts]

    def codes(self, party):
        """Whose rows a college may see and change."""
        return [party] + [code for code, (until, heir) in self.heirs.items() if heir == party and until < self.today]

    def ask(self, party, verb, given, log):
        """What a write is answered: `OK`, `OK repeated`, `OK amended`, or `NO code`."""
        return getattr(self, verb.replace("-", "_"))(party, given, log) or "OK"

    # --- what is there

    def exam(self, _, given, log):
        self.exams[given["exam"]] = {**given, "parts": {}}

    def exam_part(self, _, given, log):
        self.exams[given["exam"]]["parts"][given["part"]] = decimal.Decimal(given["pass"])

    def elective(self, _, given, log):
        self.electives[given["code"]] = given["language"]

    def schedule(self, _, given, log):
        self.sessions[given["session"]] = Session(given)

    def cancel(self, _, given, log):
        session = self.sessions[given["session"]]
        session.cancelled, session.seated, session.queue = True, 0, []
        for attempt in self.all():
            if attempt.session == given["session"] and attempt.live:
                attempt.state = "cancelled"

    def institution_end(self, _, given, log):
        self.heirs[given["code"]] = (datetime.date.fromisoformat(given["until"]), given["successor"])

    def offer(self, party, given, log):
        self.offers[given.get("institution", party), given["elective"], int(given["schoolyear"])] = int(given["students"])

    def target(self, _, given, log):
        self.targets[int(given["year"]), given["language"]] = int(given["count"])

    # --- registrations

    def admit(self, attempt):
        session = self.sessions[attempt.session]
        self.attempts[attempt.session, attempt.college, attempt.student].append(attempt)
        if not session.queue and session.seated < session.seats:
            attempt.state = "seated"
            session.seated += 1
        else:
            attempt.state = "waiting"
            session.queue.append(attempt)

    def leave(self, attempt, state):
        session = self.sessions[attempt.session]
        if attempt.state == "waiting":
            session.queue.remove(attempt)
        else:
            session.seated -= 1
        attempt.state = state
        while session.promotes(self.today) and session.queue and session.seated < session.seats:
            session.queue.pop(0).state = "seated"
            session.seated += 1

    def person_of(self, college, student, eckid, log):
        """The person that a number and an ECK iD name, merged where they named two."""
        by_number, by_eckid = self.persons.get((college, student)), self.persons.get(eckid)
        person = by_eckid or by_number or log
        if by_number and by_eckid and by_number != by_eckid:
            self.persons = {key: person if value == by_number else value for key, value in self.persons.items()}
            for attempt in self.all():
                attempt.person = person if attempt.person == by_number else attempt.person
        self.persons[college, student] = person
        if eckid:
            self.persons[eckid], self.eckids[person] = person, eckid
        return person

    def register(self, party, given, log):
        session = self.sessions.get(given["session"])
        attempts = self.attempts.get((given["session"], party, given["student"]), [])
        newest, again = attempts[-1] if attempts else None, int(given.get("again", 1))
        known = self.persons.get((party, given["student"]))
        held = self.eckids.get(known)
        if not session or given.get("elective", "K0025") not in self.electives:
            return "NO not-found"
        if known is None and looks_like_bsn(given["student"]):
            return "NO looks-like-bsn"
        if again < len(attempts) or again == len(attempts) and not newest.live:
            return "NO ended"
        if "eckid" in given and held and given["eckid"] != held:
            return "NO eckid-differs"
        if again == len(attempts):
            same = all(newest.given.get(name) == value for name, value in given.items() if name not in ("eckid", "again"))
            if same and given.get("eckid", held) == held:
                return "OK repeated"
            newest.given.update((name, value) for name, value in given.items() if name in (*KEPT, "name", "born"))
            self.person_of(party, given["student"], given.get("eckid"), log)
            return "OK amended"
        if session.refusal(self.today):
            return f"NO {session.refusal(self.today)}"
        person = self.person_of(party, given["student"], given.get("eckid"), log)
        self.admit(Attempt(given["session"], party, given["student"], again, log, person, dict(given)))
        return "OK"

    def named(self, party, given):
        """The attempts of which a college speaks: its own, or those of one that has ended and that it goes on for."""
        return next(self.attempts[key] for key in ((given["session"], code, given["student"]) for code in self.codes(party))
                    if key in self.attempts)

    def withdraw(self, party, given, log):
        newest = self.named(party, given)[-1]
        if not newest.live:
            return "OK repeated"
        self.leave(newest, "withdrawn")
        return "OK"

    def move(self, party, given, log):
        newest, target = self.named(party, given)[-1], self.sessions[given["to"]]
        if not newest.live:
            return "OK repeated" if newest.moved_to == given["to"] else "NO ended"
        if target.queue or target.seated >= target.seats or target.refusal(self.today):
            return "NO full" if not target.refusal(self.today) else f"NO {target.refusal(self.today)}"
        there = self.attempts.get((given["to"], newest.college, newest.student), [])
        made = Attempt(given["to"], newest.college, newest.student, len(there) + 1, log, newest.person, dict(newest.given))
        newest.moved_to = given["to"]
        self.leave(newest, "moved")
        self.admit(made)
        return "OK"

    # --- what comes of exams

    def candidate(self, party, given):
        """Who has the seat that a line speaks of; None when nobody, or when the day is still to come."""
        attempts = self.attempts.get((given["session"], given.get("college", party), given["student"]))
        seated = attempts and attempts[-1].state == "seated" and self.sessions[given["session"]].date <= self.today
        return attempts[-1] if seated else None

    def attend(self, party, given, log):
        attempt = self.candidate(party, given)
        if not attempt or given["status"] == "not-present" and given["part"] in attempt.scores:
            return "NO range"
        before = attempt.attendance.get(given["part"])
        attempt.attendance[given["part"]] = given["status"]
        return "OK" if before is None else "OK repeated" if before == given["status"] else "OK amended"

    def score(self, party, given, log):
        attempt = self.candidate(party, given)
        if not attempt or attempt.attendance.get(given["part"]) == "not-present":
            return "NO range"
        before = attempt.scores.get(given["part"])
        after = (decimal.Decimal(given["points"]), given.get("final", "no") == "yes")
        if before == after:
            return "OK repeated"
        if before and before[1] and given.get("revise") != "yes":
            return "NO final"
        attempt.scores[given["part"]] = after
        return "OK amended" if before else "OK"

    def certify(self, party, given, log):
        attempt = self.candidate(party, given)
        if not attempt or self.exam_of(attempt)["certificate"] != "yes" or self.outcome(attempt, True) != "passed":
            return "NO not-passed"
        before = attempt.certificate
        attempt.certificate = (given["number"], given["issued"])
        return "OK" if before is None else "OK repeated" if before == attempt.certificate else "OK amended"

    def exam_of(self, attempt):
        return self.exams[self.sessions[attempt.session].exam]

    def earlier(self, attempt):
        """The person's attempts at the same exam before this one."""
        session = self.sessions[attempt.session]
        return [other for other in self.all() if other.person == attempt.person and other is not attempt
                and self.sessions[other.session].exam == session.exam
                and (self.sessions[other.session].date, other.entered) < (session.date, attempt.entered)]

    def outcome(self, attempt, settled):
        """passed, failed, or None while a part is without points; `settled`: by final points alone."""
        exam, best = self.exam_of(attempt), {}
        for one in [attempt, *(self.earlier(attempt) if exam.get("combine") == "yes" else [])]:
            for part, (points, final) in one.scores.items():
                if final or not settled:
                    best[part] = max(points, best.get(part, points))
        if set(best) != set(exam["parts"]) or not any(final or not settled for _, final in attempt.scores.values()):
            return None
        passed = all(best[part] >= least for part, least in exam["parts"].items())
        return "passed" if passed and sum(best.values()) >= int(exam.get("total", 0)) else "failed"

    # --- sums

    def rungs(self, attempt):
        if not attempt.live:
            return ()
        if attempt.state == "waiting":
            return RUNGS[:1]
        if attempt.certificate:
            return RUNGS
        if self.outcome(attempt, True) == "passed":
            return RUNGS[:4]
        return RUNGS[:3 if attempt.scores or "present" in attempt.attendance.values() else 2]

    def cells(self, year, own=None):
        """{(language, rung): {(institution, level, exam, month): persons}}: each person in the cell of the first that was
        entered; `own`: among the registrations of that college alone."""
        found, counted = collections.defaultdict(collections.Counter), set()
        for attempt in sorted(self.all(), key=lambda attempt: attempt.entered):
            session = self.sessions[attempt.session]
            if session.date.year != year or own and attempt.college != own:
                continue
            exam = self.exams[session.exam]
            for rung in self.rungs(attempt):
                if (exam["language"], rung, attempt.person) not in counted:
                    counted.add((exam["language"], rung, attempt.person))
                    cell = (attempt.college, exam["level"], session.exam, session.date.isoformat()[:7])
                    found[exam["language"], rung][cell] += 1
        return found

    # --- what a college reads

    def registrations(self, college):
        """{(session, student): fields}"""
        found = {}
        for (session, code, student), attempts in self.attempts.items():
            last = attempts[-1]
            if code == college:
                row = {**{name: last.given.get(name) for name in ("name", "born", *KEPT)}, "state": last.state,
                       "again": str(last.again) if last.again > 1 else None, "eckid": self.eckids.get(last.person)}
                found[session, student] = {name: value for name, value in row.items() if value is not None}
        return found

    def scores_of(self, college):
        """{(session, student, part): fields}"""
        found = {}
        for attempt in self.all():
            for part in {*attempt.attendance, *attempt.scores} if attempt.college == college else ():
                points, final = attempt.scores.get(part, (None, None))
                number, issued = attempt.certificate or (None, None)
                row = {"status": attempt.attendance.get(part), "points": None if points is None else encode_value(points),
                       "final": None if final is None else "yes" if final else "no", "outcome": self.outcome(attempt, False),
                       "number": number, "issued": issued}
                found[attempt.session, attempt.student, part] = {name: value for name, value in row.items() if value is not None}
        return found
