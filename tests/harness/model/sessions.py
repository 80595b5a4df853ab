"""Exams, their parts and their sessions."""
import datetime
import re

from harness.model.base import Answer, Record, kept, no, wire, wires

PARTS_MOST = 50


class Session:
    notice = 28  # days between the last day of registration and the date, where `closes` does not say

    def __init__(self, exam, date, seats, host, place, log, opens=None, closes=None):
        self.exam, self.date, self.seats, self.host, self.place, self.log = exam, date, seats, host, place, log
        self.opens, self.closes, self.state, self.reason = opens, closes, "scheduled", None

    def last_day(self):
        return self.closes or self.date - datetime.timedelta(days=self.notice)


def wishes_end(wishes, date):
    """The day before which a session of that date is to be scheduled: of the window that has its month the last such day
    before the window's first. None where no window has it."""
    for first, last, month, day in re.findall(r"(\d\d)-(\d\d)/(\d\d)-(\d\d)", wishes or ""):
        if int(first) <= date.month <= int(last):
            end = datetime.date(date.year, int(month), int(day))
            return end if end < datetime.date(date.year, int(first), 1) else end.replace(year=date.year - 1)
    return None


class Sessions:
    def __init__(self, *rest):
        super().__init__(*rest)
        self.exams = {}     # code: Record with .parts, {part: Record}
        self.sessions = {}  # code: Session

    # --- exams

    def issues(self, speaker, issuer):
        return speaker.role == "admin" or self.acts_for(speaker.party, issuer)

    def used(self, exam):
        """Whether anybody ever registered for it."""
        return any(self.sessions[name].exam == exam and attempts for name, attempts in self.of_session.items())

    def scored(self, exam):
        return any(attempt.scores for name, attempts in self.of_session.items() for attempt in attempts
                   if self.sessions[name].exam == exam)

    def exam(self, speaker, given, log):
        code = given["exam"]
        stored = self.exams.get(code)
        if stored and not self.issues(speaker, stored.issuer):
            return no("not-yours:exam")
        wanted = {name: given[name] for name in ("issuer", "language", "level", "edition")}
        wanted["certificate"] = given["certificate"] in (True, "yes")
        for name in ("combine", "total", "notice", "wishes"):
            wanted[name] = kept(given, name, getattr(stored, name, None))
        if stored and stored.same(wanted):
            return Answer(repeated=True)
        faults = []
        if stored and self.stale(given, stored.log):
            faults.append("changed")
        if given["issuer"] not in self.institutions:
            faults.append("not-found:issuer")
        if not self.issues(speaker, given["issuer"]):
            faults.append("not-yours:issuer")
        if stored:
            # What is counted by, once there is something to count; how it is passed, once anybody is scored.
            fixed = (["language", "level"] if self.used(code) else []) + (["edition", "combine", "total"] if self.scored(code) else [])
            faults += [f"range:{name}" for name in fixed if getattr(stored, name) != wanted[name]]
        if faults:
            return no(*faults, last=stored and stored.log)
        self.changes("amended" if stored else "OK")
        if stored:
            vars(stored).update(wanted, log=log)
            self.notice_follows(code, log)
            return Answer(amended=True)
        self.exams[code] = Record(parts={}, log=log, **wanted)
        return Answer()

    def notice_follows(self, exam, log):
        """The sessions to come move with the notice of their exam, and where registration goes on again, who waits comes in."""
        notice = self.notice_of(exam)
        for name, session in self.sessions.items():
            if session.exam == exam and session.date >= self.today and session.notice != notice:
                session.notice = notice
                if not session.closes and session.state == "scheduled":
                    session.log = log
                self.promote(name, log)

    def notice_of(self, exam):
        notice = self.exams[exam].notice
        return Session.notice if notice is None else notice

    def exam_part(self, speaker, given, log):
        whole = self.exams.get(given["exam"])
        if not whole:
            return no("not-found:exam")
        if not self.issues(speaker, whole.issuer):
            return no("not-yours:exam")
        stored = whole.parts.get(given["part"])
        wanted = {"max": given["max"], "pass": given["pass"]}
        if stored and stored.same(wanted):
            return Answer(repeated=True)
        faults = []
        if stored and self.stale(given, stored.log):
            faults.append("changed")
        if given["pass"] > given["max"]:
            faults.append("range:pass")
        if self.scored(given["exam"]):
            faults += [f"range:{name}" for name in ("max", "pass") if stored and getattr(stored, name) != given[name]] \
                if stored else ["range:part"]
        if not stored and len(whole.parts) >= PARTS_MOST:
            faults.append("full:part")
        if faults:
            return no(*faults, last=stored and stored.log)
        self.changes("amended" if stored else "OK")
        whole.parts[given["part"]] = Record(log=log, **wanted)
        return Answer(amended=True if stored else None)

    def read_exams(self, speaker, given):
        rows = []
        for code, exam in self.exams.items():
            if given.get("exam", code) == code:
                parts = ",".join(f"{name}:{wire(part.max)}:{wire(getattr(part, 'pass'))}"
                                 for name, part in sorted(exam.parts.items()))
                rows.append(wires(exam=code, issuer=exam.issuer, language=exam.language, level=exam.level,
                                  certificate=exam.certificate, edition=exam.edition, combine=exam.combine, total=exam.total,
                                  notice=exam.notice, wishes=exam.wishes, parts=parts or None, log=max(part.log for part in (exam, *exam.parts.values()))))
        return rows

    # --- sessions

    def session_yours(self, speaker, exam, host):
        """The exam office has the sessions of the exams it issues, a college those it hosts."""
        if speaker.role == "exams":
            return exam in self.exams and self.acts_for(speaker.party, self.exams[exam].issuer)
        return self.acts_for(speaker.party, host)

    def told(self, name):
        session = self.sessions[name]
        free = session.seats - self.seated(name) if session.state == "scheduled" else 0
        return {"state": session.state, "seats": session.seats, "free": free, "waiting": len(self.queue(name))}

    @staticmethod
    def days_fault(date, opens, closes, notice):
        faults = [] if 1990 <= date.year <= 2199 else ["range:date"]
        if closes and closes > date:
            faults.append("range:closes")
        if opens and opens > (closes or date - datetime.timedelta(days=notice)):
            faults.append("range:opens")
        return faults

    def schedule(self, speaker, given, log):
        name = given["session"]
        stored = self.sessions.get(name)
        if stored and not self.session_yours(speaker, stored.exam, stored.host):
            return no("not-yours:session")
        wanted = {key: given[key] for key in ("exam", "date", "seats", "place", "host")}
        for key in ("opens", "closes"):
            wanted[key] = kept(given, key, getattr(stored, key, None))
        if stored and all(getattr(stored, key) == value for key, value in wanted.items()):
            return Answer(**self.told(name), repeated=True)
        exam = self.exams.get(given["exam"])
        notice = self.notice_of(given["exam"]) if exam else Session.notice
        faults = self.days_fault(given["date"], wanted["opens"], wanted["closes"], notice)
        if exam and speaker.role == "roc" and not (stored and stored.date == given["date"]):
            end = wishes_end(exam.wishes, given["date"])
            if end and self.today >= end:
                faults.append("closed:date")
        if stored:
            if self.stale(given, stored.log):
                faults.append("changed")
            if stored.state == "cancelled":
                faults.append("closed:session")
            faults += [f"range:{key}" for key in ("exam", "host", "seats") if getattr(stored, key) != given[key]]
            if given["date"].year != stored.date.year and self.all(name):
                faults.append("range:date")
            if given["date"] != stored.date and given["date"] > self.today and any(a.examined for a in self.all(name)):
                faults.append("attended:date")
        else:
            if given["exam"] not in self.exams:
                faults.append("not-found:exam")
            if given["host"] not in self.institutions:
                faults.append("not-found:host")
            if not self.session_yours(speaker, given["exam"], given["host"]):
                faults.append("not-yours:exam" if speaker.role == "exams" else "not-yours:host")
        if faults:
            return no(*faults, last=stored and stored.log)
        self.changes("amended" if stored else "OK")
        if not stored:
            self.sessions[name] = Session(given["exam"], given["date"], given["seats"], given["host"], given["place"], log,
                                          wanted["opens"], wanted["closes"])
            self.sessions[name].notice = notice
            return Answer(**self.told(name))
        before = self.standings(attempt.person for attempt in self.all(name))
        moved = (stored.date, stored.place) != (given["date"], given["place"])
        vars(stored).update(wanted, log=log, notice=notice)
        if moved:
            self.tell_session(log, speaker, "session-moved", name, date=stored.date)
        self.results_follow(before, log)
        self.promote(name, log)
        return Answer(**self.told(name), amended=True)

    def session_faults(self, speaker, name):
        session = self.sessions.get(name)
        if not session:
            return ["not-found:session"]
        return [] if self.session_yours(speaker, session.exam, session.host) else ["not-yours:session"]

    def reseat(self, speaker, given, log):
        name = given["session"]
        faults = self.session_faults(speaker, name)
        if faults:
            return no(*faults)
        session = self.sessions[name]
        if session.seats == given["seats"]:
            return Answer(**self.told(name), repeated=True)
        if self.stale(given, session.log):
            faults.append("changed")
        if session.state == "cancelled":
            faults.append("closed:session")
        if self.seated(name) > given["seats"]:
            faults.append("full:seats")
        if faults:
            return no(*faults, last=session.log)
        self.changes("amended")
        more = given["seats"] > session.seats
        session.seats, session.log = given["seats"], log
        if more:
            self.promote(name, log, always=True)  # also after the last day of registration
        return Answer(**self.told(name), amended=True)

    def cancel(self, speaker, given, log):
        name = given["session"]
        faults = self.session_faults(speaker, name)
        if faults:
            return no(*faults)
        session = self.sessions[name]
        if session.state == "cancelled":
            return Answer(state="cancelled", repeated=True)
        if self.stale(given, session.log):
            faults.append("changed")
        if any(attempt.examined for attempt in self.all(name)):
            faults.append("attended:session")
        if faults:
            return no(*faults, last=session.log)
        self.changes()
        self.tell_session(log, speaker, "session-cancelled", name)
        session.state, session.reason, session.log = "cancelled", given["reason"], log
        for attempt in self.all(name):
            if attempt.live:
                attempt.state, attempt.log = "cancelled", log
                if not self.acts_for(speaker.party, attempt.college):
                    self.tell_attempt(log, "seat-lost", attempt)
        return Answer(state="cancelled")

    def read_sessions(self, speaker, given):
        rows = []
        for name, session in self.sessions.items():
            if given.get("session", name) != name:
                continue
            told = self.told(name)
            if speaker.role == "ocw":
                del told["free"], told["waiting"]  # nor when somebody last came or went
            elif speaker.role in ("roc", "exams") and not self.session_yours(speaker, session.exam, session.host):
                del told["waiting"]
            rows.append(wires(session=name, exam=session.exam, date=session.date, opens=session.opens, closes=session.closes,
                              until=session.last_day(),
                              place=session.place, host=session.host, reason=session.reason,
                              log=None if speaker.role == "ocw" else session.log, **told))
        return rows
