"""The colleges of the demo, and the rows of students that they have: what all years share. Numbers are made up."""
import copy
import re

from dialects import DIALECTS, Row
from students import Dice, make_student

# Code, region, dialect of 2023 and of 2024, form of its student numbers, its size, the first year in which it takes part, and
# whether its files of March have all of January again.
COLLEGES = [
    ("25LU", "noord", "eduarte eduarte", "{:07}", 310, 2019, True),
    ("25LW", "noord", "quoted quoted", "L{:07}", 246, 2019, False),
    ("25PW", "noord", "windows windows", "{:010}", 160, 2019, True),
    ("99ZZ", "noord", "compact compact", "{:012}", 121, 2021, False),
    ("25PJ", "oost", "utf-16 utf-16", "s{:06}", 268, 2019, True),
    ("27YU", "oost", "tab tab", "{:010}", 342, 2019, True),
    ("01AA", "oost", "bare bare", "{:07}", 133, 2019, False),
    ("24ZZ", "oost", "windows windows", "{:07}", 171, 2020, False),
    ("25LF", "oost", "serial serial", "{:010}", 205, 2020, True),
    ("25PN", "oost", "formula formula", "{:07}", 190, 2019, False),
    ("27DV", "oost", "mac mac", "A{:07}", 162, 2019, True),
    ("25LT", "zuid", "xlsx xlsx", "{:07}", 224, 2019, True),
    ("25PU", "zuid", "german german", "P{:07}", 176, 2019, False),
    ("25MB", "zuid", "utf-16be utf-16be", "{:010}", 248, 2019, True),
    ("25LZ", "zuid", "english english", "T-{:07}", 209, 2019, False),
    ("04FO", "zuid", "eduarte xlsx", "kw{:07}", 231, 2022, True),
    ("25PV", "west", "numbers numbers", "{:07}", 129, 2022, True),
    ("00GT", "west", "quoted quoted", "{:010}", 272, 2019, True),
    ("25LP", "west", "windows eduarte", "Z{:07}", 233, 2021, False),
    ("25PL", "zuid", "quoted quoted", "M{:06}", 140, 2019, False),
]
MERGED = "25PL"  # in the summer of 2020, with 25PU
MERGED_IN = 2020

# Of its size, so many in a hundred of a college's students register in a year: rising, and then falling.
SHARE = {2019: 17, 2020: 22, 2021: 28, 2022: 36, 2023: 31, 2024: 24}

OLD_ELECTIVES = {"A1": "K0959", "A2": "K0025", "B1": "K0026"}  # of who enrolled before October 2018
ELECTIVES = {"A1": "K0959", "A2": "K0959", "B1": "K0960"}


class College:
    """`files`: (year, "january" or "march"): rows; `lines`: what it sends by hand in February 2024."""

    def __init__(self, place, code, region, dialects, numbers, size, since, whole):
        self.code, self.region, self.numbers, self.size, self.since, self.whole = code, region, numbers, size, since, whole
        self.dialects = dict(zip((2023, 2024), dialects.split()))
        self.dice = Dice(100 + place)
        self.place, self.next = place, 0
        self.files, self.lines = {}, []

    def takes_part(self, year):
        return self.since <= year and (self.code != MERGED or year <= MERGED_IN)

    def students(self, year):
        return self.size * SHARE[year] // 100 if self.takes_part(year) else 0

    def number(self):
        self.next += 1
        return self.numbers.format(91000 * (self.place + 1) + self.next)

    def all(self, holds):
        """Whether something holds for the dialects of both years."""
        return all(holds(DIALECTS[name]) for name in self.dialects.values())

    @property
    def encoding(self):
        return "utf-8" if self.all(lambda dialect: dialect.encoding != "cp1252") else "cp1252"

    @property
    def gives_eckid(self):
        return self.all(lambda dialect: "eckid" in dialect.columns)

    def student(self, born):
        """A new one, born in one of the four years from that one on."""
        student = make_student(self.dice, self.number(), self.encoding, self.all(lambda dialect: dialect.partly_born), born)
        if not self.gives_eckid:
            student.eckid = ""
        return student

    def row(self, student, session):
        level = re.search("A1|A2|B1", session)[0]
        old = int(session[:4]) - 2018  # fewer each year who began with an old one
        return Row(student, session, OLD_ELECTIVES[level] if self.dice.below(4) >= old else ELECTIVES[level])


def make_colleges():
    return [College(place, *row) for place, row in enumerate(COLLEGES)]


def change(row, **values):
    """The row with other facts about its student."""
    student = copy.copy(row.student)
    vars(student).update(values)
    return row._replace(student=student)
