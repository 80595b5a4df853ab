"""What is held on persons, and how it goes."""
import calendar
import datetime

from harness.model.base import Answer, no, wires


def months_later(day, months):
    """The same day so many months later, or the last of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return datetime.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


class Personal:
    def __init__(self, *rest):
        super().__init__(*rest)
        self.retained = None  # Months, by `retention`
        self.retained_log = None

    def held(self, code, student):
        """All attempts of a number."""
        return [attempt for attempt in self.all() if (attempt.college, attempt.student) == (code, student)]

    def last_day(self, code, student):
        return max(self.sessions[attempt.session].date for attempt in self.held(code, student))

    # --- erase

    def erase(self, speaker, given, log):
        student = given["student"]
        codes = [code for code in self.codes(speaker.party) if (code, student) in self.persons]
        if not codes:
            return Answer(repeated=True)
        held = [attempt for code in codes for attempt in self.held(code, student)]
        newest = max(attempt.log for attempt in held)
        faults = []
        if len({self.persons[code, student] for code in codes}) > 1:
            faults.append("taken:student")
        if self.stale(given, newest):
            faults.append("changed")
        if any(attempt.live and self.sessions[attempt.session].date >= self.today for attempt in held):
            faults.append("live:student")
        if faults:
            return no(*faults, last=newest)
        self.changes()
        for place, code in enumerate(codes):
            self.forget(code, student, log, log * 10 + place)
        return Answer(registrations=len(held))

    def forget(self, code, student, log, hidden):
        """`hidden`, which is no text and so no number of anybody, stands where the number stood."""
        for attempt in self.held(code, student):
            attempt.student, attempt.log = hidden, log
            attempt.name = attempt.born = attempt.needs = attempt.reason = None
            for there in attempt.attendance.values():
                if there.irregularity:
                    there.irregularity, there.log = None, log
        for key in [key for key in self.attempts if key[1:] == (code, student)]:
            self.attempts[key[0], code, hidden] = self.attempts.pop(key)
        person = self.persons.pop((code, student))
        if person in self.eckids and not any(isinstance(key, tuple) and one == person for key, one in self.persons.items()):
            del self.persons[self.eckids.pop(person)]

    # --- retention

    def retention(self, speaker, given, log):
        months = given.get("months", self.retained)
        months = None if months == "-" else months
        until, gone = None, []
        if months:
            until = max(day for day in (months_later(self.today, -months) - datetime.timedelta(days=back) for back in (0, 1))
                        if months_later(day, months) < self.today)
            gone = [key for key in self.persons if isinstance(key, tuple) and self.last_day(*key) <= until]
        told = {"months": months, "until": until, "students": len(gone),
                "registrations": sum(len(self.held(*key)) for key in gone)}
        if months == self.retained:
            return Answer(**told, repeated=True)
        if self.stale(given, self.retained_log):
            return no("changed", last=self.retained_log)
        amends = self.retained_log is not None
        self.changes("amended" if amends else "OK")
        self.retained, self.retained_log = months, log
        return Answer(**told, amended=True if amends else None)

    # --- dossier

    def read_dossier(self, speaker, given):
        """But for the rows of the log and of the inbox."""
        student, rows = given["student"], []
        for code in self.codes(speaker.party):
            if (code, student) not in self.persons:
                continue
            whose = {"student": student, "institution": code}
            until = months_later(self.last_day(code, student), self.retained) if self.retained else None
            rows.append(wires(kind="student", **whose, eckid=self.eckids.get(self.persons[code, student]), until=until))
            for one in self.held(code, student):
                session = self.sessions[one.session]
                rows.append(wires(kind="registration", **whose, session=one.session, exam=session.exam, date=session.date,
                                  name=one.name, born=one.born, elective=one.elective, needs=one.needs, state=one.state,
                                  again=self.told_again(one.again), place=self.place(one), reason=one.reason,
                                  outcome=self.outcome(one, False), log=one.log))
                which = {**whose, "session": one.session, "again": self.told_again(one.again)}
                for part in {*one.attendance, *one.scores}:
                    there, score = one.attendance.get(part), one.scores.get(part)
                    rows.append(wires(kind="part", **which, part=part, status=there and there.status,
                                      irregularity=there and there.irregularity, points=score and score.points,
                                      final=score.final if score else None, log=max(a.log for a in (there, score) if a)))
                rows += [wires(kind="revised", **which, part=old.part, points=old.points, final=True, log=old.log)
                         for old in one.revised]
                rows += [wires(kind="certificate", **which, issuer=given_.number[0], number=given_.number[1],
                               issued=given_.issued, log=given_.log) for given_ in one.certificates]
        return rows
