"""The years 2019 to 2022: a tidy file a college and year, some more in autumn; offers, and what was said of them later."""
from colleges import MERGED, MERGED_IN
from dialects import write

YEARS = (2019, 2020, 2021, 2022)
BORN = 2000
SESSIONS = {
    "noord": "05-DIB-A2-GRN 05-DIB-A2-GRN 06-DIB-B1-GRN",
    "oost": "04-DIB-A1-ZWO 05-DIB-A2-ENS 05-DIB-A2-ENS 06-DIB-B1-ARN",
    "zuid": "05-DIB-A2-RMD 05-DIB-A2-RMD 06-DIB-B1-EIN",
    "west": "05-DIB-A2-RTD 05-DIB-A2-RTD 06-DIB-B1-VLI",
}
GOETHE = "2022-05-GOETHE-B1-RTD"
CANCELLED = "2020-05-DIB-A2-GRN"  # some of its candidates try in autumn
AUTUMN = "11-DIB-A2-ZWO"
# Who also registers for autumn, and how many newcomers: not the same each year, so that a forecast has something to weigh.
LATE = ("25LU", "00GT")
LATER = {2019: 120, 2020: 190, 2021: 150, 2022: 80, 2023: 120}

# In the school year 2018-2019 fourteen colleges had 5,740 students who followed an elective in German: that is published
# (mboraad.nl, 20-08-2019). All that is said of later ones is made up.
FOLLOWING = {2018: 5740, 2019: 6300, 2020: 7100, 2021: 7900, 2022: 7400, 2023: 6600}


def spring(college, year):
    """A tenth are those of the year before, at the next level."""
    before = college.files.get((year - 1, "spring"), [])
    rows = []
    for i in range(college.students(year)):
        student = before[i * 9].student if i * 9 < len(before) else college.student(BORN)
        session = f"{year}-{college.dice.of(SESSIONS[college.region].split())}"
        if year == 2022 and college.code == "00GT" and i % 4 == 0:
            session = GOETHE
        rows.append(college.row(student, session))
    return rows


def autumn(college, year, born=BORN):
    """Newcomers, and who lost a seat in spring; of MERGED its last."""
    last = (college.code, year) == (MERGED, MERGED_IN)
    if college.code not in LATE and not last:
        return []
    lost = [row.student for row in college.files.get((year, "spring"), []) if row.session == CANCELLED]
    new = [college.student(born) for _ in range(9 if last else LATER[year] // len(LATE))]
    return [college.row(student, f"{year}-{AUTUMN}") for student in new + lost]


def make_years(college):
    for year in YEARS:
        college.files[year, "spring"] = spring(college, year)
        college.files[year, "autumn"] = autumn(college, year)


def offers(colleges, schoolyear):
    """(speaker, line): who offers what in a school year. Until 2021 Nuffic enters it for all; of 2018 it alone still can enter
    the old electives, of which the last day to enrol is over."""
    there = [college for college in colleges if college.takes_part(schoolyear + 1)]
    whole, rest = sum(college.size for college in there), FOLLOWING[schoolyear]
    for college in there:
        students = FOLLOWING[schoolyear] * college.size // whole if college is not there[-1] else rest
        rest -= students
        first, second = ("K0025", "K0959") if schoolyear == 2018 else ("K0959", "K0960")
        for elective, count in ((first, students - students // 3), (second, students // 3)):
            line = f"offer elective={elective} schoolyear={schoolyear} students={count}"
            if schoolyear > 2021:
                yield college.code, line
            else:
                yield "NUFFIC", f"{line} institution={college.code} correct=yes"


def steps(college, folder):
    """(date, party, verb, path, content), as exports has them."""
    for year in YEARS:
        name = "windows" if college.encoding == "cp1252" else "quoted"
        for part, date in (("spring", f"{year}-02-{11 + college.place % 5}"),
                           ("autumn", f"{year}-07-06" if college.code == MERGED else f"{year}-09-{21 + college.place % 4}")):
            rows = college.files[year, part]
            if rows:
                yield date, college.code, "submit", f"{folder}/{date}-{college.code}.csv", write(name, rows)


def left(by_code):
    """Two who registered at MERGED and have left since: its heir says so, whose rows they are by then."""
    return by_code[MERGED].files[MERGED_IN, "autumn"][:2]
