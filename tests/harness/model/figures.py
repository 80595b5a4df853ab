"""Counting persons against the target. Everything is counted anew from the registrations whenever it is asked for; only what
was true at earlier numbers of the log is kept, for `as-of`."""
import bisect
import datetime

from harness.model.base import Answer, Record, no, wires
from harness.model.offers import masked
from harness.model.results import RUNGS
from harness.subtraction import may_be, narrow

CELL = ("institution", "province", "level", "exam", "month")
ABOVE = {"institution": "province", "exam": "level"}


class Figures:
    def __init__(self, *rest):
        super().__init__(*rest)
        self.remembers = True  # what was counted at each number, for `as-of`
        self.goals = {}  # (year, language, rung): [Record(count, log)]

    # --- counting

    def counted(self):
        """{(own, year, language, rung): {cell: persons}}: each person in the cell of the first entered on that rung; `own`
        None among all registrations, else among those of a college alone."""
        found, seen = {}, set()
        for attempt in sorted(self.all(), key=lambda a: a.entered):
            if not attempt.live:
                continue
            session = self.sessions[attempt.session]
            exam = self.exams[session.exam]
            cell = (attempt.college, getattr(self.institutions.get(attempt.college), "province", None), exam.level, session.exam,
                    session.date.isoformat()[:7])
            for rung in self.rungs(attempt):
                for own in (None, attempt.college):
                    key = (own, session.date.year, exam.language, rung)
                    if (key, attempt.person) not in seen:
                        seen.add((key, attempt.person))
                        found.setdefault(key, {})[cell] = found.setdefault(key, {}).get(cell, 0) + 1
        return found

    def figures(self, log=None):
        """What was counted at a number of the log; absent: now."""
        if log is None:
            return self.counted()
        at = bisect.bisect_right([number for number, _ in self.history], log)
        return self.history[at - 1][1] if at else {}

    def note_figures(self, log):
        if not self.remembers:
            return
        now = self.counted()
        if not self.history or self.history[-1][1] != now:
            self.history.append((log, now))

    # --- the target

    def target(self, _, given, log):
        goals = self.goals.get((given["year"], given["language"], given["rung"]), [])
        if goals and goals[-1].count == given["count"]:
            return Answer(repeated=True)
        if goals and self.stale(given, goals[-1].log):
            return no("changed", last=goals[-1].log)
        self.changes("amended" if goals else "OK")
        self.goals.setdefault((given["year"], given["language"], given["rung"]), []).append(
            Record(count=given["count"], log=log))
        return Answer(amended=True if goals else None)

    def goal(self, year, language, rung, at=None):
        counts = [goal.count for goal in self.goals.get((year, language, rung), []) if at is None or goal.log <= at]
        return counts[-1] if counts else None

    def read_targets(self, speaker, given):
        return [wires(year=year, language=language, rung=rung, count=goals[-1].count, log=goals[-1].log)
                for (year, language, rung), goals in self.goals.items()
                if (given.get("year", year), given.get("language", language), given.get("rung", rung)) ==
                (year, language, rung)]

    # --- progress

    def moment(self, speaker, as_of):
        """What `as-of` means: (own at, nation at, the day it is about), or the fault."""
        if "-" in as_of:
            day = datetime.date.fromisoformat(as_of)
            if day >= self.today:
                # Not over. The ministry's days are those that end a month, too.
                return None, None, None, ["not-found:as-of"] + (["range:as-of"] if speaker.role == "ocw" else [])
            if speaker.role == "ocw" and (day + datetime.timedelta(days=1)).day != 1:
                return None, None, None, ["range:as-of"]
            at = self.log_before(day + datetime.timedelta(days=1))
            return at, at, day, []
        at = int(as_of)
        faults = (["not-found:as-of"] if at > self.log else []) + (["range:as-of"] if speaker.role == "ocw" else [])
        if faults:
            return None, None, None, faults
        day = next((ended for ended, log in self.day_ends if log >= at), self.today)
        if speaker.role != "roc":
            return at, at, day, []
        # A college hears the nation as of the end of the day before.
        nation = max((log for _, log in self.day_ends if log < at), default=0)
        return at, nation, day, []

    def languages(self, year, language, rung, counts, at):
        """Those asked for: the one, or each with a target or a count."""
        if language:
            return {language}
        return set(counts) | {spoken for spoken in {key[1] for key in self.goals} if self.goal(year, spoken, rung, at) is not None}

    def sums(self, figures, year, language, rung, owns):
        """{language: persons} over the nation (owns [None]) or some colleges."""
        found = {}
        for (own, when, spoken, step), cells in figures.items():
            if own in owns and when == year and step == rung and spoken == (language or spoken):
                found[spoken] = found.get(spoken, 0) + sum(cells.values())
        return found

    def outlook(self, year, day, goal):
        """Pace and forecast, where no three past years tell how a year fills up."""
        if day.year > year:
            return {"pace": goal}
        return {"forecast": "none"}

    def told_to_the_ministry(self, there, by):
        """Whether no small cell of a language can be worked out by who knows the total and the cells above; its only cell may."""
        above = ABOVE.get(by)
        above = above if above and self.told_to_the_ministry(there, above) else None
        counts, parts = {}, {}
        for cell, count in there.items():
            value = dict(zip(CELL, cell))
            leaf, branch = ("leaf", value[by], value.get(above)), ("branch", value.get(above))
            counts[leaf] = counts.get(leaf, 0) + count
            counts[branch] = counts.get(branch, 0) + count
            parts.setdefault(branch, set()).add(leaf)
        total = sum(there.values())
        bounds = {name: may_be(count) if above or name[0] == "leaf" else [total, total] for name, count in counts.items()}
        bounds["all"] = [total, total]
        narrow(bounds, [("all", list(parts)), *((branch, list(leaves)) for branch, leaves in parts.items())])
        if sum(name[0] == "leaf" for name in counts) == 1:
            return True
        return all(bounds[name][0] < bounds[name][1] for name, count in counts.items() if count < 5 and (above or name[0] == "leaf"))

    def read_progress(self, speaker, given):
        rung, language = given.get("rung", "seated"), given.get("language")
        own_at = nation_at = None
        day = self.today
        college = speaker.role == "roc"
        if "as-of" in given:
            own_at, nation_at, day, faults = self.moment(speaker, given["as-of"])
            if faults:
                return no(*faults)
        year = given.get("year", day.year)  # without `as-of` the current one
        if college and "as-of" not in given:
            nation_at = self.log_before(self.today)
        if college and "-" not in given.get("as-of", ""):
            day -= datetime.timedelta(days=1)
        owns = self.codes(speaker.party) if college else [None]
        log = self.log if own_at is None else own_at
        common = {"year": year, "rung": rung}
        if "by" in given:
            cells = {}
            for (own, when, spoken, step), there in self.figures(own_at).items():
                if own in owns and when == year and step == rung and spoken == (language or spoken):
                    if speaker.role == "ocw" and not self.told_to_the_ministry(there, given["by"]):
                        continue
                    for cell, count in there.items():
                        if speaker.role == "exams" and not self.acts_for(speaker.party, self.exams[cell[3]].issuer):
                            continue
                        key = (spoken, dict(zip(CELL, cell))[given["by"]])
                        cells[key] = cells.get(key, 0) + count
            return [wires(scope="own" if college else "national", language=spoken, **common, **{given["by"]: value},
                          count=masked(count) if speaker.role == "ocw" else count, log=log)
                    for (spoken, value), count in cells.items()]
        rows = []
        if college:
            counts = self.sums(self.figures(own_at), year, language, rung, owns)
            rows += [wires(scope="own", language=spoken, **common, count=counts.get(spoken, 0), log=log)
                     for spoken in self.languages(year, language, rung, counts, own_at)]
        counts = self.sums(self.figures(nation_at), year, language, rung, [None])
        for spoken in self.languages(year, language, rung, counts, own_at if "as-of" in given else None):
            goal = self.goal(year, spoken, rung, own_at if "as-of" in given else None)
            rows.append(wires(scope="national", language=spoken, **common, count=counts.get(spoken, 0), target=goal,
                              **self.outlook(year, day, goal), log=self.log if nation_at is None else nation_at))
        return rows

    def read_backtest(self, speaker, given):
        """Nothing, where no past year has three before it."""
        faults = self.moment(speaker, given["as-of"])[3] if "as-of" in given else []
        return no(*faults) if faults else []

    # --- the ladder, and who is not on it

    def read_ladder(self, speaker, given):
        year, language = given.get("year", self.today.year), given.get("language")
        college = speaker.role == "roc"
        owns = self.codes(speaker.party)
        scope = "own" if college else "national"
        said = {}
        for (code, elective, schoolyear), attempts in self.offered.items():
            spoken = self.electives[elective].language
            if schoolyear == year - 1 and attempts[-1].state == "offered" and spoken == (language or spoken) and \
                    (not college or code in owns):
                colleges, students = said.get(spoken, (set(), 0))
                said[spoken] = (colleges | {code}, students + (attempts[-1].students or 0))
        views = [("own", self.figures(), owns, self.log)] if college else []
        nation = self.log_before(self.today) if college else self.log
        views.append(("national", self.figures(nation if college else None), [None], nation))
        rows = []
        for name, figures, of, log in views:
            counts = {rung: self.sums(figures, year, language, rung, of) for rung in RUNGS}
            told = set().union(*(self.languages(year, language, rung, counts[rung], None) for rung in RUNGS))
            for spoken in told | set(said if name == scope else ()):
                steps = [(rung, "persons", counts[rung].get(spoken, 0)) for rung in RUNGS]
                if name == scope:
                    colleges, students = said.get(spoken, ((), 0))
                    steps += [("offered", "colleges", len(colleges)), ("enrolled", "students", students)]
                rows += [wires(scope=name, year=year, language=spoken, rung=rung, unit=unit, count=count, log=log)
                         for rung, unit, count in steps]
        return rows

    def hidden(self, schoolyear):
        """The languages whose registered the ministry is not told by institution."""
        return {spoken for (own, year, spoken, rung), there in self.figures().items()
                if own is None and year in (schoolyear, schoolyear + 1) and rung == "registered" and there
                and not self.told_to_the_ministry(there, "institution")}

    def read_missing(self, speaker, given):
        first = datetime.date(given["schoolyear"], 8, 1)
        last = datetime.date(given["schoolyear"] + 1, 7, 31)
        rows = []
        for code, college in self.institutions.items():
            if college.kind != "college" or college.country != "NL":
                continue
            if (getattr(college, "from") or last) > last or (college.until or first) < first:
                continue
            if speaker.role == "exams" or speaker.role == "roc" and not self.acts_for(speaker.party, code):
                continue
            if given["what"] == "offer":
                reported = {self.electives[elective].language for (there, elective, schoolyear), attempts in self.offered.items()
                            if (there, schoolyear) == (code, given["schoolyear"]) and attempts[-1].state == "offered"}
            else:
                reported = [self.exam_of(attempt).language for attempt in self.all()
                            if attempt.live and attempt.college == code and
                            first <= self.sessions[attempt.session].date <= last]
                if "language" in given:
                    reported = [spoken for spoken in reported if spoken == given["language"]]
                hidden = self.hidden(given["schoolyear"]) if speaker.role == "ocw" else set()
                reported = {spoken for spoken in reported if spoken not in hidden or reported.count(spoken) >= 5}
            if not (reported & {given["language"]} if "language" in given else reported):
                rows.append(wires(institution=code, name=college.name, province=college.province, log=self.log))
        return rows
