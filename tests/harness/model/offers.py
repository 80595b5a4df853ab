"""Electives, and who offers them."""
import datetime

from harness.model.base import Answer, Record, kept, no, wires


def masked(count):
    """A small number as the ministry hears it."""
    return "<5" if count < 5 else str(count - count % 5)


class Offers:
    def __init__(self, *rest):
        super().__init__(*rest)
        self.electives = {}  # code: Record
        self.offered = {}    # (college, elective, school year): attempts

    def elective(self, _, given, log):
        stored = self.electives.get(given["code"])
        wanted = {name: given[name] for name in ("title", "language", "receptive", "productive")}
        for name in ("hours", "set", "enrol-until", "complete-until"):
            wanted[name] = kept(given, name, vars(stored)[name] if stored else None)
        if stored and stored.same(wanted):
            return Answer(repeated=True)
        faults = []
        if stored and self.stale(given, stored.log):
            faults.append("changed")
        begin, middle, end = wanted["set"], wanted["enrol-until"], wanted["complete-until"]
        if begin and middle and begin > middle:
            faults.append("range:enrol-until")
        if end and (begin and begin > end or middle and middle > end):
            faults.append("range:complete-until")
        if faults:
            return no(*faults, last=stored and stored.log)
        self.changes("amended" if stored else "OK")
        if stored:
            vars(stored).update(wanted, log=log)
            return Answer(amended=True)
        self.electives[given["code"]] = Record(code=given["code"], log=log, **wanted)
        return Answer()

    def read_electives(self, speaker, given):
        return [wires(**{**vars(e), "set": e.set}) for e in self.electives.values() if given.get("code", e.code) == e.code]

    # --- offers

    def whose_offer(self, speaker, given):
        """The college that a line speaks of, and what is wrong with speaking of it."""
        college = given.get("institution", speaker.party)
        faults = []
        if speaker.role == "roc":
            if not self.acts_for(speaker.party, college):
                faults.append("not-yours:institution")
            if given.get("correct"):
                faults.append("not-yours:correct")
        elif "institution" not in given:
            faults.append("range:institution")  # Nuffic offers nothing itself
        if college not in self.institutions:
            faults.append("not-found:institution")
        return college, faults

    def offer_closed(self, college, elective, schoolyear):
        """A new offer comes too late when the last day is over, or is before the school year begins."""
        day = max(self.today, datetime.date(schoolyear, 8, 1))
        until, enrol = self.institutions[college].until, vars(self.electives[elective])["enrol-until"]
        return (["closed:institution"] if until and until < day else []) + (["closed:elective"] if enrol and enrol < day else [])

    def offer(self, speaker, given, log):
        college, faults = self.whose_offer(speaker, given)
        if given["elective"] not in self.electives:
            faults.append("not-found:elective")
        if faults:
            return no(*faults)
        attempts = self.offered.get((college, given["elective"], given["schoolyear"]), [])
        newest = attempts[-1] if attempts else None
        kind, wanted = self.kind(given.get("again"), len(attempts), bool(newest and newest.state == "offered"))
        again = self.told_again(given.get("again"))
        if kind == "live" and newest.same({name: kept(given, name, getattr(newest, name)) for name in ("students", "location")}):
            return Answer(state="offered", again=again, repeated=True)
        if kind in ("ended", "again"):
            faults.append("ended" if kind == "ended" else "again:again")
        if newest and self.stale(given, newest.log):
            faults.append("changed")
        if kind == "new" and not given.get("correct"):
            faults += self.offer_closed(college, given["elective"], given["schoolyear"])
        if faults:
            return no(*faults, again=wanted, last=newest and newest.log)
        self.changes("amended" if kind == "live" else "OK")
        if kind == "live":
            newest.students = kept(given, "students", newest.students)
            newest.location = kept(given, "location", newest.location)
            newest.log = log
            return Answer(state="offered", again=again, amended=True)
        self.offered.setdefault((college, given["elective"], given["schoolyear"]), []).append(
            Record(state="offered", students=kept(given, "students", None), location=kept(given, "location", None), log=log))
        return Answer(state="offered", again=again)

    def retract(self, speaker, given, log):
        college, faults = self.whose_offer(speaker, given)
        if faults:
            return no(*faults)
        attempts = self.offered.get((college, given["elective"], given["schoolyear"]), [])
        if not attempts:
            return no("not-found:elective", *(["again:again"] if given.get("again", 1) > 1 else []))
        newest = attempts[-1]
        kind, _ = self.kind(given.get("again"), len(attempts), newest.state == "offered")
        again = self.told_again(given.get("again"))
        if kind == "ended":
            return Answer(state="retracted", again=again, repeated=True)
        if kind != "live":
            return no("again:again")
        if self.stale(given, newest.log):
            return no("changed", last=newest.log)
        self.changes()
        newest.state, newest.log = "retracted", log
        return Answer(state="retracted", again=again)

    def read_offers(self, speaker, given):
        rows = []
        for (college, elective, schoolyear), attempts in self.offered.items():
            if speaker.role == "exams" or speaker.role == "roc" and not self.acts_for(speaker.party, college):
                continue
            if (given.get("institution", college), given.get("elective", elective), given.get("schoolyear", schoolyear)) != \
                    (college, elective, schoolyear):
                continue
            last = attempts[-1]
            students = masked(last.students) if speaker.role == "ocw" and last.students is not None else last.students
            rows.append(wires(elective=elective, schoolyear=schoolyear, institution=college, students=students,
                              location=last.location, state=last.state, again=self.told_again(len(attempts)), log=last.log))
        return rows
