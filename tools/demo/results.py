"""What the exam offices say of sessions that are over: who was there, points by part, certificates. All made up.

As in the exchange of the sector (OKE 1.0) messages come in any order and some come twice. What is said of a session is a block
with a name, which runs once. Some points are revised later. The hosts of some sessions say themselves who was there."""
import re

from students import Dice

HOSTS = {"25LU", "27YU", "25LT"}  # from 2022 on
# When what is said of a year's sessions up to June, and of those of autumn: results, and certificates two weeks later.
SPRING, AUTUMN = ("07-08", "07-22"), ("12-09", "12-23")
RUNNING = 2024  # of which the offices have told what was before the end of March; nothing of it is settled for LOOSE
RUNNING_DAYS = ("04-08", "04-17")
LOOSE = "2024-03-DIB-A2-ZWO"


def fields_of(line):
    return {name: value.strip('"') for name, value in re.findall(r'([a-z-]+)=("[^"]*"|\S+)', line)}


class Exams:
    """What the lines of the offices say: `parts` exam -> {part: (max, pass)}; `exams`, `sessions`: code -> fields."""

    def __init__(self, lines):
        self.parts, self.exams, self.sessions = {}, {}, {}
        for verb, _, rest in (line.partition(" ") for line in lines):
            given = fields_of(rest)
            if verb == "exam":
                self.exams[given["exam"]] = given
            elif verb == "exam-part":
                self.parts.setdefault(given["exam"], {})[given["part"]] = (int(given["max"]), int(given["pass"]))
            elif verb == "schedule":
                self.sessions[given["session"]] = given
            elif verb == "cancel":
                del self.sessions[given["session"]]


def days_of(session):
    """The days on which results and certificates of a session are told; None: not yet."""
    year, month = session[:4], session[5:7]
    if int(year) == RUNNING:
        return [f"{year}-{day}" for day in RUNNING_DAYS] if month == "03" else None
    return [f"{year}-{day}" for day in (AUTUMN if month == "11" else SPRING)]


class Results:
    """`said`: (day, party) -> lines; `failed`: session -> rows of those who have not passed, in the order of the candidates."""

    def __init__(self, exams):
        self.exams = exams
        self.said, self.failed = {}, {}
        self.best = {}      # (college, number, exam) -> {part: points}, where the exam combines
        self.numbers = {}   # (office, year) -> certificates so far
        self.dice = Dice(7)

    def points(self, exam, part):
        most, least = self.exams.parts[exam][part]
        low = least * 8 // 10
        return low + self.dice.below(most - low + 1)

    def candidate(self, exam, key, name, settled):
        """What is said of one: attendance, scores, the points of each part."""
        parts = list(self.exams.parts[exam])
        luck = self.dice.below(30)
        if luck == 0:
            return [f"attend {name} part={part} status=not-present" for part in parts], [], {}
        known = self.best.get(key, {})
        open_parts = [part for part in parts if known.get(part, 0) < self.exams.parts[exam][part][1]] if known else parts
        if luck == 1:
            attend = [f"attend {name} part={open_parts[-1]} status=not-finished"]
            open_parts = open_parts[:-1]
        else:
            attend = [f"attend {name} part={open_parts[-1]} status=present"] if self.dice.below(3) == 0 else []
        got = {part: self.points(exam, part) for part in open_parts}
        scores = [f"score {name} part={part} points={points}{' final=yes' if settled else ''}" for part, points in got.items()]
        return attend, scores, got

    def passes(self, exam, got):
        parts = self.exams.parts[exam]
        return (set(got) == set(parts) and all(got[part] >= least for part, (_, least) in parts.items())
                and sum(got.values()) >= int(self.exams.exams[exam].get("total", 0)))

    def sit(self, session, candidates):
        """`candidates`: (college, row), each once."""
        exam, host = self.exams.sessions[session]["exam"], self.exams.sessions[session]["host"]
        days = days_of(session)
        office = self.exams.exams[exam]["issuer"]
        speaks = host if host in HOSTS and session[:4] >= "2022" else office
        attends, scores, revised, passed = [], [], [], []
        for college, row in candidates:
            key = (college, row.student.number, exam)
            name = f"session={session} student={row.student.number} college={college}"
            attend, score, got = self.candidate(exam, key, name, session != LOOSE)
            attends += attend
            scores += score
            if self.exams.exams[exam].get("combine") == "yes":
                best = self.best.setdefault(key, {})
                for part, points in got.items():
                    best[part] = max(points, best.get(part, 0))
                got = best
            part = min(got, key=got.get, default=None)
            least = self.exams.parts[exam][part][1] if part else 0
            if part and got[part] == least - 1 and session != LOOSE:  # the second marker was milder
                got[part] = least + 0.5
                revised.append(f"score {name} part={part} points={least}.5 final=yes revise=yes")
            if self.passes(exam, got) and session != LOOSE:
                passed.append(name)
            else:
                self.failed.setdefault(session, []).append((college, row))
        if speaks == office:
            self.block(days[0], office, session, attends + scores)
        else:
            self.block(days[0], speaks, session, attends)
            self.block(days[0], office, session, scores)
        self.said.setdefault((days[1], office), []).extend(revised)
        if self.exams.exams[exam]["certificate"] == "yes":
            self.block(days[1], office, f"{session}/certificates", [
                f"certify {name} number={self.certificate(office, session[:4])} issued={days[1]}" for name in passed])

    def certificate(self, office, year):
        self.numbers[office, year] = self.numbers.get((office, year), 0) + 1
        return f"{office}-{year}-{self.numbers[office, year]:04}"

    def block(self, day, party, name, lines):
        """The lines in an order of their own, and one in forty twice."""
        lines = lines + [line for line in lines if self.dice.below(40) == 0]
        if lines:
            mixed = [line for _, _, line in sorted((self.dice.below(1 << 30), i, line) for i, line in enumerate(lines))]
            self.said.setdefault((day, party), []).extend([f"begin name={name}", *mixed, "commit"])
