"""What came of exams: attendance, scores, certificates; and how far each registration is."""
from harness.model.base import Answer, Record, kept, no, wires

RUNGS = ("registered", "seated", "sat", "passed", "certified")


class Results:
    # --- what follows from what is stored

    def exam_of(self, attempt):
        return self.exams[self.sessions[attempt.session].exam]

    def outcome(self, attempt, settled):
        """What the scores come to, the final ones alone where `settled`: passed or failed, None while a part is without points
        or none is its own. Where the exam combines, the best count of the person's attempts at it up to this one, by day."""
        exam, session = self.exam_of(attempt), self.sessions[attempt.session]

        def of(one):
            return {part: score.points for part, score in one.scores.items() if score.final or not settled}
        best = of(attempt)
        if not best:
            return None
        if exam.combine:
            for other in self.all():
                there = self.sessions[other.session]
                if other.person == attempt.person and there.exam == session.exam and \
                        (there.date, other.entered) < (session.date, attempt.entered):
                    for part, points in of(other).items():
                        best[part] = max(points, best.get(part, points))
        if any(part not in best for part in exam.parts):
            return None
        enough = all(best[name] >= getattr(part, "pass") for name, part in exam.parts.items())
        return "passed" if enough and sum(best[name] for name in exam.parts) >= (exam.total or 0) else "failed"

    def rungs(self, attempt):
        """The rungs that a registration is on."""
        if not attempt.live:
            return ()
        if attempt.state == "waiting":
            return RUNGS[:1]
        if attempt.certificates:
            return RUNGS
        if self.outcome(attempt, True) == "passed":
            return RUNGS[:4]
        sat = attempt.scores or any(one.status == "present" for one in attempt.attendance.values())
        return RUNGS[:3] if sat else RUNGS[:2]

    def standings(self, persons):
        """How far the registrations are of some persons."""
        persons = set(persons) - {None}
        if not persons:
            return {}
        return {id(a): (a, self.rungs(a)) for a in self.all() if a.person in persons}

    def results_follow(self, before, log):
        """A registration that is on another rung by what came of exams has changed; of an outcome that is another, or settled, its
        college is told."""
        for attempt, rungs in before.values():
            if self.rungs(attempt) != rungs and attempt.examined:
                attempt.log = log
            outcome = self.outcome(attempt, False)
            now = (outcome, outcome is not None and outcome == self.outcome(attempt, True))
            if attempt.told != now:
                attempt.told, attempt.log = now, log
                self.tell_attempt(log, "result-in", attempt, outcome=outcome, final=now[1] or None)

    # --- commands

    def result_named(self, speaker, given):
        """The registration that a line speaks of; or the answer that it has none to speak of."""
        session = self.sessions.get(given["session"])
        if not session:
            return None, no("not-found:session")
        if not self.session_yours(speaker, session.exam, session.host):
            return None, no("not-yours:session")
        college = given.get("college", speaker.party if speaker.role == "roc" else None)
        if college not in self.institutions:
            return None, no("not-found:college")
        attempts, kind, wanted, faults = self.named(college, given)
        if self.of_others(speaker, attempts) and attempts[-1].state != "seated":
            return None, no("not-found:student")  # of others a host knows who has a seat
        if attempts:
            if kind == "ended":
                faults.append("ended")
            if attempts[-1].state == "waiting":
                faults.append("waiting:student")
            if self.today < session.date:
                faults.append("range:session")
        if "part" in given and given["part"] not in self.exams[session.exam].parts:
            faults.append("not-found:part")
        if faults:
            return None, no(*faults, again=wanted)
        return attempts[-1], None

    def of_others(self, speaker, attempts):
        return speaker.role == "roc" and attempts and not self.acts_for(speaker.party, attempts[-1].college)

    def attend(self, speaker, given, log):
        attempt, refused = self.result_named(speaker, given)
        if refused:
            return refused
        told = {"state": attempt.state, "again": self.told_again(attempt.again)}
        part = given["part"]
        stored = attempt.attendance.get(part)
        irregular = kept(given, "irregularity", stored and stored.irregularity)
        if stored and (stored.status, stored.irregularity) == (given["status"], irregular):
            return Answer(**told, repeated=True)
        faults, last = [], attempt.log
        if self.of_others(speaker, [attempt]):
            last = max((there.log for there in attempt.attendance.values()), default=0)
        if self.stale(given, last):
            faults.append("changed")
        if given["status"] == "not-present" and part in attempt.scores:
            faults.append("range:status")
        if faults:
            return no(*faults, last=last)
        self.changes("amended" if stored else "OK")
        before = self.standings([attempt.person])
        attempt.attendance[part] = Record(status=given["status"], irregularity=irregular, log=log)
        attempt.log = log
        self.results_follow(before, log)
        return Answer(**told, amended=True if stored else None)

    def score(self, speaker, given, log):
        attempt, refused = self.result_named(speaker, given)
        if refused:
            return refused
        told = {"state": attempt.state, "again": self.told_again(attempt.again)}
        part, points = given["part"], given["points"]
        stored = attempt.scores.get(part)
        final = given.get("final", stored.final if stored else False)
        if stored and (stored.points, stored.final) == (points, final):
            return Answer(**told, outcome=self.outcome(attempt, False), repeated=True)
        faults = []
        if self.stale(given, attempt.log):
            faults.append("changed")
        if points > self.exam_of(attempt).parts[part].max:
            faults.append("range:points")
        if part in attempt.attendance and attempt.attendance[part].status == "not-present":
            faults.append("range:part")
        if stored and stored.final and not given.get("revise"):
            faults.append("final:final" if stored.points == points else "final:points")
        if faults:
            return no(*faults, last=attempt.log)
        self.changes("amended" if stored else "OK")
        before = self.standings([attempt.person])
        if stored and stored.final:
            attempt.revised.append(Record(part=part, points=stored.points, log=log))
        attempt.scores[part] = Record(points=points, final=final, log=log)
        attempt.log = log
        self.results_follow(before, log)
        return Answer(**told, outcome=self.outcome(attempt, False), amended=True if stored else None)

    def certify(self, speaker, given, log):
        attempt, refused = self.result_named(speaker, given)
        if refused:
            return refused
        told = {"state": attempt.state, "again": self.told_again(attempt.again)}
        exam, session = self.exam_of(attempt), self.sessions[attempt.session]
        number = (exam.issuer, given["number"])
        newest = attempt.certificates[-1] if attempt.certificates else None
        if newest and (newest.number, newest.issued) == (number, given["issued"]):
            return Answer(**told, repeated=True)
        faults = []
        if self.stale(given, attempt.log):
            faults.append("changed")
        if not exam.certificate:
            faults.append("range:session")
        if self.outcome(attempt, True) != "passed":
            faults.append("not-passed")
        if not session.date <= given["issued"] <= self.today:
            faults.append("range:issued")
        if any(other is not attempt and any(one.number == number for one in other.certificates) for other in self.all()):
            faults.append("taken:number")  # an office gives a number once, for ever
        if faults:
            return no(*faults, last=attempt.log)
        self.changes("amended" if newest else "OK")
        before = self.standings([attempt.person])
        attempt.certificates = [one for one in attempt.certificates if one.number != number]
        attempt.certificates.append(Record(number=number, issued=given["issued"], log=log))
        attempt.log = log
        self.results_follow(before, log)
        self.tell_attempt(log, "certificate-in", attempt, number=given["number"], date=given["issued"])
        return Answer(**told, amended=True if newest else None)

    def read_scores(self, speaker, given):
        rows = []
        for attempts in self.attempts.values():
            for attempt in attempts:
                sees, personal = self.sees_candidates(speaker, attempt)
                if not sees or not self.asked(attempt, given) or ("student" in given and not personal):
                    continue
                newest = attempt.certificates[-1] if attempt.certificates else None
                for part in sorted({*attempt.attendance, *attempt.scores}):
                    there, score = attempt.attendance.get(part), attempt.scores.get(part)
                    rows.append(wires(
                        session=attempt.session, student=attempt.number if personal else None, institution=attempt.college,
                        part=part, status=there and there.status,
                        irregularity=there.irregularity if there and personal else None, points=score and score.points,
                        final=score.final if score else None, outcome=self.outcome(attempt, False),
                        number=newest and newest.number[1], issued=newest and newest.issued,
                        again=self.told_again(attempt.again),
                        log=attempt.log))
        return rows
