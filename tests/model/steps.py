"""Turns bytes that hypothesis draws into lines that are likely to mean something. The same bytes on the same model give the
same line."""
import datetime
import hashlib

from harness.model.commands import COMMANDS, TYPES

COLLEGES = ("25LU", "25PJ", "27YU")
OFFICES = ("DIB", "GI")
STUDENTS = ("st-0", "st-1", "st-2", "st-3", "111222333")
ECKID = "https://ketenid.nl/202609/%0128x"
PRINTS = [f"{digit}f" * 32 for digit in "0123"]
OINS = ["0000000700025LU00000", "0000000700025PJ00000"]
ISSUERS = ["1a" * 32, "2b" * 32]
SESSIONS = ("A", "B", "B2", "C", "D", "E", "F", "G", "R1", "R2", "R3", "N1", "N2", "N3", "N4")
EXAMS = ("DIB-A2", "DIB-B1", "DIB-A1", "GI-B1")
PARTIES = {"25LU": "roc", "25PJ": "roc", "27YU": "roc", "DIB": "exams", "GI": "exams", "NUFFIC": "nuffic", "OCW": "ocw",
           "ADMIN": "admin"}


def derived(data, number):
    """Other bytes that follow from some."""
    return hashlib.sha256(data + number.to_bytes(4, "big")).digest()


class Dice:
    """Chance from bytes, as much as is asked for."""

    def __init__(self, data):
        self.data, self.left, self.more = data, b"", 0

    def below(self, most):
        if len(self.left) < 2:
            self.more += 1
            self.left = derived(self.data, self.more << 16)
        value, self.left = int.from_bytes(self.left[:2], "big"), self.left[2:]
        return value * most >> 16

    def of(self, options):
        return options[self.below(len(options))]

    def pick(self, weighted):
        """One of {value: weight}."""
        at = self.below(1 << 16) / (1 << 16) * sum(weighted.values())
        for value, weight in weighted.items():
            at -= weight
            if at < 0:
                return value
        return value

    def chance(self, percent):
        return self.below(1000) < percent * 10


class Steps:
    """Draws lines for a model as it is now: (party, verb, fields as text)."""

    WEIGHTS = {"register": 60, "withdraw": 18, "move": 14, "attend": 12, "score": 22, "certify": 8, "schedule": 10, "reseat": 6,
               "cancel": 0.6, "exam": 4, "exam-part": 4, "elective": 4, "offer": 8, "retract": 5, "institution": 5,
               "institution-end": 2, "grant": 6, "revoke": 4, "target": 3, "erase": 5, "retention": 1.5, "ack": 4}
    READS = {"registrations": 6, "sessions": 4, "scores": 5, "progress": 12, "backtest": 1, "ladder": 4, "missing": 3, "offers": 3,
             "institutions": 1, "certificates": 2, "electives": 1, "exams": 2, "targets": 2, "submissions": 1, "audit": 2,
             "heads": 1, "dossier": 3, "inbox": 4}

    TALK = {"hello": 1, "ping": 2, "help": 2, "whoami": 1, "watch": 1, "quit": 1}

    for table in (WEIGHTS, READS):
        for verb in set(table) - set(COMMANDS):
            del table[verb]

    def __init__(self, model, data):
        self.model, self.dice = model, Dice(data)

    def line(self, verb=None):
        verb = verb or self.dice.pick(self.WEIGHTS)
        party, fields = getattr(self, verb.replace("-", "_"))()
        if self.dice.chance(3):
            party = self.dice.of(sorted(PARTIES))
        fields["seen"] = self.seen()
        return party, verb, {name: self.text(value) for name, value in fields.items() if value is not None}

    @staticmethod
    def text(value):
        return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)

    def seen(self):
        log = self.model.log
        return self.dice.pick({None: 20, log: 1, max(0, log - 3): 1, 0: 1})

    def again(self, newest):
        """Mostly the attempt that there is or the next; absent is 1."""
        return self.dice.pick({None: 6, newest: 4, newest + 1: 4, newest + 2: 0.4, 1: 1}) or None

    def day(self, *days):
        """A day counted from today."""
        return self.model.today + datetime.timedelta(days=self.dice.of(days))

    # --- institutions and certificates

    def institution(self):
        code = self.dice.pick({"X1": 4, "X2": 2, "25LU": 2, "25PJ": 2, "27YU": 2, "DIB": 0.3})
        kind = "exam-office" if code == "DIB" else self.dice.pick({"college": 6, "school": 1, "other": 1})
        fields = {"code": code, "name": self.dice.pick({f"De {code}": 6, "Het College": 1}), "kind": kind,
                  "country": self.dice.pick({"NL": 12, "BE": 1}),
                  "province": self.dice.pick({None: 6, "groningen": 2, "limburg": 2, "-": 1}),
                  "board": self.dice.pick({None: 6, "B1": 1, "-": 1}), "place": self.dice.pick({None: 6, "Emmen": 1, "-": 1}),
                  "from": self.dice.pick({None: 10, "-": 1, self.day(-800): 1, self.day(10): 1}),
                  "numbers": self.dice.pick({None: 12, "nine": 1, "-": 1})}
        return self.dice.pick({"NUFFIC": 2, "ADMIN": 2, "25LU": 0.2}), fields

    def institution_end(self):
        code = self.dice.pick({"X1": 2, "X2": 1, "25LU": 3, "25PJ": 3, "27YU": 0.5, "Q": 0.3})
        heir = self.dice.pick({"27YU": 5, None: 3, "25PJ": 1, "25LU": 0.5, "X1": 0.5, "-": 0.7, "Q": 0.4, code: 0.3})
        return self.dice.pick({"ADMIN": 10, "NUFFIC": 0.5}), {
            "code": code, "until": self.day(-1, -1, 0, 3, 40, -900, 300), "successor": heir}

    def certificate(self):
        """The fields that name one; some name it wrongly."""
        form = self.dice.pick({"fingerprint": 5, "oin": 6, "both": 0.4, "none": 0.3, "no-issuer": 0.4, "issuer": 0.3})
        fields = {}
        if form in ("fingerprint", "both", "issuer"):
            fields["fingerprint"] = self.dice.of(PRINTS)
        if form in ("oin", "both", "no-issuer"):
            fields["oin"] = self.dice.of(OINS)
        if form in ("oin", "both", "issuer"):
            fields["issuer"] = self.dice.of(ISSUERS)
        key = fields.get("fingerprint") or (fields.get("oin"), fields.get("issuer"))
        fields["again"] = self.again(len(self.model.grants.get(key, [])))
        return fields

    def grant(self):
        fields = self.certificate()
        party = self.dice.pick({"25LU": 6, "25PJ": 3, "DIB": 1, "STRANGER": 1, "X1": 1})
        role = self.dice.pick({PARTIES.get(party, "roc"): 8, "exams": 1, "ocw": 0.6, "roc": 0.5})
        return self.dice.pick({"ADMIN": 20, "NUFFIC": 0.5}), {
            "party": party, "role": role, **fields, "label": self.dice.pick({None: 5, "kantoor": 2, "-": 1})}

    def revoke(self):
        return self.dice.pick({"ADMIN": 20, "OCW": 0.5}), self.certificate()

    # --- electives and offers

    def elective(self):
        code = self.dice.pick({"K0959": 2, "K0960": 2, "K0039": 2, "K1": 2})
        stored = self.model.electives.get(code)
        fields = {"code": code, "title": self.dice.pick({"Een keuzedeel": 6, "Nog een": 1}),
                  "language": stored.language if stored else "fr", "receptive": "B1", "productive": "A2",
                  "hours": self.dice.pick({None: 4, 240: 2, "-": 1})}
        for name in ("set", "enrol-until", "complete-until"):
            fields[name] = self.dice.pick({None: 8, "-": 1, self.day(-700, -400): 1, self.day(300, 700): 1, self.day(-3): 0.5})
        return self.dice.pick({"NUFFIC": 3, "ADMIN": 3, "DIB": 0.3}), fields

    def offer_key(self):
        party = self.dice.pick({"25LU": 4, "25PJ": 4, "27YU": 3, "NUFFIC": 4, "OCW": 0.3})
        institution = self.dice.pick({None: 2, "25LU": 5, "25PJ": 2, "Q": 0.5}) if party == "NUFFIC" else \
            self.dice.pick({None: 8, party: 1, "25LU": 1, "25PJ": 0.6, "Q": 0.1})
        fields = {"elective": self.dice.pick({"K0959": 5, "K0960": 3, "K0039": 2, "K9999": 0.4}),
                  "schoolyear": self.model.today.year - self.dice.pick({1: 4, 0: 3, 2: 0.5})}
        key = (institution or party, fields["elective"], fields["schoolyear"])
        return party, institution, fields, self.again(len(self.model.offered.get(key, [])))

    def offer(self):
        party, institution, fields, again = self.offer_key()
        correct = self.dice.pick({None: 4, True: 3, False: 0.5} if party == "NUFFIC" else {None: 12, False: 0.5, True: 0.5})
        return party, {**fields, "students": self.dice.pick({None: 3, 310: 3, 4: 2, 0: 1, "-": 1}),
                       "location": self.dice.pick({None: 5, "Emmen": 1, "-": 1}), "institution": institution,
                       "correct": correct, "again": again}

    def retract(self):
        party, institution, fields, again = self.offer_key()
        return party, {**fields, "institution": institution, "again": again}

    # --- exams and sessions

    def exam(self):
        code = self.dice.pick({**dict.fromkeys(EXAMS, 2), "NEW": 2, "NEW-2": 1})
        stored = self.model.exams.get(code)
        issuer = stored.issuer if stored else "DIB"
        fields = {"exam": code, "issuer": self.dice.pick({issuer: 8, "GI": 1, "DIB": 1, "Q": 0.6}),
                  "language": self.dice.pick({stored.language if stored else "de": 8, "fr": 1}),
                  "level": self.dice.pick({stored.level if stored else "B1": 8, "B2": 1}),
                  "certificate": stored.certificate if stored and not self.dice.chance(8) else code != "DIB-A1",
                  "edition": self.dice.pick({2026: 6, 2027: 1}), "combine": self.dice.pick({None: 6, True: 1, False: 1}),
                  "total": self.dice.pick({None: 6, "-": 1, "130": 1, "90.50": 1}),
                  "notice": self.dice.pick({None: 9, "-": 0.5, 14: 1, 0: 1}),
                  "wishes": self.dice.pick({None: 12, "-": 1, "01-03/12-01,04-12/03-01": 0.7})}
        return self.dice.pick({issuer: 6, "ADMIN": 3, "GI": 1, "DIB": 1, "25LU": 0.2}), fields

    def exam_part(self):
        code = self.dice.pick({**dict.fromkeys(EXAMS, 3), "NEW": 2, "FULL": 1.2, "Q": 0.5})
        stored = self.model.exams.get(code)
        part = self.dice.pick({"lesen": 5, "sprechen": 4, "extra": 2})
        there = stored.parts.get(part) if stored else None
        fields = {"exam": code, "part": part, "max": self.dice.pick({there.max if there else 100: 5, 100: 2, "87.5": 1}),
                  "pass": self.dice.pick({getattr(there, "pass") if there else 60: 5, 60: 1, "55.25": 1, 101: 1})}
        return self.dice.pick({stored.issuer if stored else "DIB": 6, "ADMIN": 3, "GI": 1, "DIB": 1, "OCW": 0.2}), fields

    def whose_session(self, session):
        if not session:
            return self.dice.pick({"DIB": 3, "25LU": 3, "GI": 1, "25PJ": 1})
        issuer = self.model.exams[session.exam].issuer
        return self.dice.pick({issuer: 6, session.host: 4, "GI": 0.6, "DIB": 0.6, "25PJ": 0.7, "27YU": 0.7})

    def schedule(self):
        name = self.dice.pick({**dict.fromkeys(SESSIONS, 2), "N1": 4, "N2": 4, "N3": 4, "N4": 4, "N5": 3})
        session, today = self.model.sessions.get(name), self.model.today
        if session:
            date = session.date + datetime.timedelta(days=self.dice.pick({0: 8, 31: 1, -1: 2, 1: 1, 400: 0.5}))
            exam, seats, host, place = session.exam, session.seats, session.host, session.place
        else:
            date, exam, seats, host, place = self.day(0, 0, 40, 60, 20, 5, 3, 9, 300), self.dice.of(EXAMS), 2, "25LU", "Emmen"
        fields = {"session": name, "exam": self.dice.pick({exam: 10, "DIB-B1": 1, "Q": 0.6, "GI-B1": 0.5}),
                  "date": self.dice.pick({date: 20, datetime.date(2201, 5, 1): 0.5}),
                  "opens": self.dice.pick({None: 6, "-": 2, today: 1, today + datetime.timedelta(days=1): 0.7}),
                  "closes": self.dice.pick({None: 5 if session else 1, "-": 1, date: 5, today: 1, today - datetime.timedelta(days=1): 0.7,
                                            today + datetime.timedelta(days=2000): 0.4}),
                  "seats": self.dice.pick({seats: 12, 3: 1}), "place": self.dice.pick({place: 6, "Assen": 1}),
                  "host": self.dice.pick({host: 12, "25PJ": 1, "Q": 0.5})}
        return self.dice.pick({self.whose_session(session): 30, "OCW": 0.2}), fields

    def reseat(self):
        name = self.dice.pick({**dict.fromkeys(SESSIONS, 3), "Z": 0.4})
        session = self.model.sessions.get(name)
        return self.whose_session(session), {"session": name, "seats": self.dice.of((1, 2, 3, 4, session.seats if session else 1))}

    def cancel(self):
        name = self.dice.pick({**dict.fromkeys(SESSIONS, 3), "Z": 1})
        return self.whose_session(self.model.sessions.get(name)), {
            "session": name, "reason": "De zaal is dicht.\nEr komt een nieuwe datum."}

    # --- registrations

    def registration_key(self, known):
        """A student of a college and a session, and the attempts there are; `known` percent of an attempt that there is."""
        party, student = self.dice.of(COLLEGES), self.dice.pick({"st-0": 5, "st-1": 4, "st-2": 3, "st-3": 2, "111222333": 0.4})
        open_ones = [name for name, session in self.model.sessions.items() if not self.model.refusal(session)]
        session = self.dice.of(open_ones) if open_ones and self.dice.chance(70) else self.dice.of(SESSIONS + ("Z",))
        if self.model.attempts and self.dice.chance(known):
            one = self.dice.of(list(self.model.attempts.values()))[-1]
            session, student = one.session, one.number or student
            party = next((code for code in COLLEGES if code != one.college and self.model.acts_for(code, one.college)), one.college)
        newest, _ = self.model.find(self.model.codes(party), session, student)
        return party, {"session": session, "student": student}, newest

    def register(self):
        party, fields, attempts = self.registration_key(25)
        number = STUDENTS.index(fields["student"])
        newest = attempts[-1] if attempts else None
        # The first two students of two colleges are the same people; a third may come to be.
        same = ECKID % number if number < 2 and party != "27YU" else ECKID % (number + 100 + ord(party[-1]))
        name = newest.name if newest else f"Naam {number}"
        return self.dice.pick({party: 60, "OCW": 0.2}), {
            **fields, "eckid": self.dice.pick({None: 8, same: 4, ECKID % 1: 0.5, ECKID % 777: 0.3, "-": 0.7}),
            "name": self.dice.pick({name: 9, f"Naam, {number}": 1}), "born": self.dice.pick({"2008": 9, "2008-03": 1}),
            "elective": self.dice.pick({None: 8, "K0959": 2, "-": 1, "K9999": 0.4}),
            "needs": self.dice.pick({None: 8, "extra tijd": 2, "-": 1}), "again": self.again(len(attempts))}

    def withdraw(self):
        party, fields, attempts = self.registration_key(90)
        return self.dice.pick({party: 40, "DIB": 0.2}), {
            **fields, "reason": self.dice.pick({None: 3, "verhuisd": 1, "-": 0.3}), "again": self.again(len(attempts))}

    def move(self):
        party, fields, attempts = self.registration_key(90)
        to = self.dice.of(SESSIONS) if not self.dice.chance(3) else "Z"
        return self.dice.pick({party: 40, "ADMIN": 0.2}), {**fields, "to": to, "again": self.again(len(attempts))}

    def student(self):
        party, fields, _ = self.registration_key(80)
        ended = [attempts[-1] for attempts in self.model.attempts.values() if attempts[-1].number and not attempts[-1].live]
        if ended and self.dice.chance(50):
            one = self.dice.of(ended)
            fields["student"] = one.student
            party = next((code for code in COLLEGES if self.model.acts_for(code, one.college)), one.college)
        return self.dice.pick({party: 40, "OCW": 1}), {"student": fields["student"]}

    def erase(self):
        return self.student()

    def retention(self):
        # So long that nothing goes: the registry does that by itself, at a moment that nobody here knows.
        return self.dice.pick({"ADMIN": 20, "NUFFIC": 0.5}), {"months": self.dice.pick({None: 2, 1200: 3, 1000: 3, "-": 1})}

    # --- results

    def result_key(self):
        """Mostly of a registration that there is."""
        held = [attempts[-1] for attempts in self.model.attempts.values()]
        ready = [a for a in held if a.state == "seated" and self.model.sessions[a.session].date <= self.model.today] or held
        if ready and not self.dice.chance(8):
            one = self.dice.of(held if self.dice.chance(15) else ready)
            session, student, college, newest = one.session, one.number or "st-9", one.college, one.again
        else:
            session, student, college, newest = self.dice.of(SESSIONS + ("Z",)), "st-1", "25LU", 1
        there = self.model.sessions.get(session)
        exam = self.model.exams[there.exam] if there else None
        parts = sorted(exam.parts) if exam and exam.parts else ["lesen"]
        fields = {"session": session, "student": self.dice.pick({student: 30, "st-9": 0.5}),
                  "college": self.dice.pick({college: 30, "Q": 0.5, None: 1}),
                  "again": self.dice.pick({newest: 30, None: 6, newest + 1: 0.7})}
        part = self.dice.of(parts) if not self.dice.chance(3) else "nichts"
        return exam.issuer if exam else "DIB", there.host if there else "25LU", fields, part

    def attend(self):
        issuer, host, fields, part = self.result_key()
        party = self.dice.pick({issuer: 5, host: 5, "25PJ": 0.5, "GI": 0.3, "NUFFIC": 0.2})
        if party == host and self.dice.chance(30):
            fields["college"] = None
        return party, {**fields, "part": part, "status": self.dice.pick({"present": 5, "not-present": 2, "not-finished": 1}),
                       "irregularity": self.dice.pick({None: 8, "te laat": 1, "-": 1})}

    def score(self):
        issuer, _, fields, part = self.result_key()
        return self.dice.pick({issuer: 12, "GI": 0.5, "DIB": 0.5, "25LU": 0.2}), {
            **fields, "part": part, "points": self.dice.pick({"70": 6, "61.50": 3, "40": 2, "100": 1, "101": 0.5}),
            "final": self.dice.pick({None: 3, True: 5, False: 1}), "revise": self.dice.pick({None: 6, True: 2, False: 0.5})}

    def certify(self):
        issuer, _, fields, _ = self.result_key()
        passed = [a for a in self.model.all() if a.live and a.scores and self.model.outcome(a, True) == "passed"]
        if passed and not self.dice.chance(30):
            one = self.dice.of(passed)
            issuer = self.model.exam_of(one).issuer
            fields.update(session=one.session, student=one.number or "st-9", college=one.college, again=self.again(one.again))
        return self.dice.pick({issuer: 12, "GI": 0.5, "DIB": 0.5, "OCW": 0.2}), {
            **fields, "number": self.dice.of(("C-1", "C-2", "C-3", "C-4", "C-5", "C-6")),
            "issued": self.day(0, 0, 0, -1, -3, 2, -60)}

    def target(self):
        return self.dice.pick({"OCW": 20, "NUFFIC": 0.5}), {
            "year": self.model.today.year + self.dice.of((0, 1)), "language": self.dice.pick({"de": 3, "fr": 1}),
            "rung": self.dice.pick({"seated": 3, "registered": 1, "passed": 1}), "count": self.dice.of((5000, 40, 0))}

    def ack(self):
        log = self.model.log
        told = [notice for notice in self.model.notices if not self.dice.chance(60)] or self.model.notices
        one = self.dice.of(told) if told and not self.dice.chance(20) else None
        party = self.dice.of([party for party in PARTIES if one and self.model.acts_for(party, one.party)] or sorted(PARTIES))
        return party, {"upto": self.dice.pick({one.log if one else log: 6, log: 2, log + 1: 1, max(0, log - 30): 1})}

    # --- what is read

    def read(self, verb=None):
        verb = verb or self.dice.pick({**self.READS, **self.TALK})
        party = self.dice.of(sorted(PARTIES))
        if verb in ("certificates", "audit") and not self.dice.chance(8):
            party = "ADMIN"
        if verb == "dossier":
            party, fields = self.student()
            return party, verb, fields
        maker = getattr(self, f"read_{verb}", None)
        fields = maker(party) if maker else self.filters(verb)
        return party, verb, {name: self.text(value) for name, value in fields.items() if value is not None}

    def read_hello(self, _):
        return {"lang": self.dice.of(("nl", "en")), "client": self.dice.of((None, "een client"))}

    def read_help(self, _):
        return {"verb": self.dice.of((None, *COMMANDS, "registers")), "type": self.dice.of((None, None, *TYPES, "typ"))}

    def read_watch(self, _):
        return {"topic": self.dice.pick({"-": 8, "inbox": 1, "progress,inbox": 1})}

    # --- what is malformed

    def malformed(self, verb, fault):
        """A line with that fault; one may come to lack it by chance."""
        if fault in ("verb", "syntax"):
            verb = self.dice.of(sorted(self.WEIGHTS))
        party, fields = self.dice.of(sorted(PARTIES)), {}
        if verb in self.WEIGHTS:
            party, _, fields = self.line(verb)
        elif verb in self.READS or verb in self.TALK:
            party, _, fields = self.read(verb)
        pairs = [*fields.items(), *([] if fields and self.dice.chance(70) else [("tag", "t-1")])]
        at = self.dice.below(len(pairs))
        name, value = pairs[at]
        if fault == "missing":
            del pairs[at]
        elif fault == "twice":
            pairs.insert(self.dice.below(len(pairs) + 1), (name, value))
        elif fault == "field":
            pairs.insert(at, ("color", "red"))
        elif fault in ("empty", "value"):
            pairs[at] = (name, "" if fault == "empty" else self.dice.of(("%", "-", "0", "-1", "2027-02-29")))
        elif fault == "in-block" and verb in self.WEIGHTS:
            pairs.append(("check", "yes"))
        if fault == "verb":
            verb += "s"
        elif fault == "syntax":
            verb = self.dice.of((f"{verb} ", verb.upper(), f"{verb} x", f"{verb} =x", f"{verb} x=a=b"))
        return party, verb, pairs

    FILTERS = {"registrations": {"session": SESSIONS, "student": STUDENTS, "institution": COLLEGES},
               "scores": {"session": SESSIONS, "student": STUDENTS, "institution": COLLEGES},
               "sessions": {"session": SESSIONS}, "institutions": {"code": COLLEGES}, "exams": {"exam": EXAMS},
               "electives": {"code": ("K0959",)}, "offers": {"elective": ("K0959",), "institution": COLLEGES},
               "certificates": {"party": COLLEGES, "fingerprint": PRINTS, "oin": OINS, "issuer": ISSUERS},
               "targets": {"language": ("de", "fr"), "rung": ("seated",)}, "submissions": {"name": ("b-1",)}, "heads": {},
               **dict.fromkeys(("inbox", "ping", "whoami", "quit"), {})}

    def filters(self, verb):
        fields = {name: self.dice.of(values) for name, values in self.FILTERS[verb].items() if self.dice.chance(20)}
        if self.dice.chance(5) and verb in ("registrations", "scores", "offers", "targets", "submissions", "heads", "inbox"):
            fields["after"] = "nonsense"
        return fields

    def read_progress(self, party):
        as_of = self.dice.pick({None: 5, "log": 3, "day": 3, "month": 2, "later": 0.5})
        month = self.model.today.replace(day=1) - datetime.timedelta(days=1)
        moment = {None: None, "log": self.model.base + 1 + self.dice.below(max(1, self.model.log - self.model.base)),
                  "day": self.day(-1, -2, -10, 0, 4), "month": month, "later": self.model.log + 1}[as_of]
        return {"year": self.dice.pick({None: 3, self.model.today.year + 1: 3, self.model.today.year: 2}),
                "language": self.dice.pick({None: 5, "de": 2, "fr": 1, "nl": 0.3}),
                "rung": self.dice.of((None, "registered", "seated", "sat", "passed", "certified")),
                "by": self.dice.of((None, None, None, "month", "institution", "province", "level", "exam")), "as-of": moment}

    def read_backtest(self, party):
        asked = self.read_progress(party)
        return {name: asked[name] for name in ("language", "rung", "as-of")}

    def read_ladder(self, party):
        return {"year": self.dice.pick({None: 3, self.model.today.year + 1: 3}), "language": self.dice.pick({None: 5, "de": 2})}

    def read_missing(self, party):
        return {"what": self.dice.of(("offer", "registration")), "schoolyear": self.model.today.year - self.dice.of((0, 1)),
                "language": self.dice.pick({None: 5, "de": 1, "fr": 1})}

    def read_audit(self, party):
        if self.dice.chance(4):
            return {"after": "nonsense"}
        return {"log": self.model.base + 1 + self.dice.below(self.model.log - self.model.base + 1)}

