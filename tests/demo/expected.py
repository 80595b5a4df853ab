"""What must come of the demo's files, worked out from their bytes and the rules of the design alone: none of this is of
tools/demo or of the command. Files are read by Python's own csv and by openpyxl; the rules are rules.py's."""
import collections
import csv
import datetime
import functools
import io
import re
import unicodedata

import openpyxl

from harness.client import decode_fields
from harness.model import looks_like_bsn
from harness.registry import ROOT
from rules import Rules

# What stands under which header. One file has none: its columns are known.
MEANINGS = {
    "student": ["Deelnemernummer", "Studentnummer", "Schülernummer", "Student number"],
    "prefix": ["Voorvoegsel", "Tussenvoegsel", "Namenszusatz", "Prefix"],
    "surname": ["Achternaam", "Nachname", "Surname"],
    "first": ["Voornamen", "Voornaam", "Vorname", "First name"],
    "name": ["Naam"],
    "born": ["Geboortedatum", "Geburtsdatum", "Date of birth"],
    "session": ["Sessie", "Prüfungstermin", "Session"],
    "elective": ["Keuzedeel", "Wahlmodul", "Elective"],
    "eckid": ["ECK iD"],
    "needs": ["Bijzonderheden", "Besonderheiten", "Needs"],
    None: ["Roepnaam", "Opleiding", "Vrijstelling"],
}
HEADERS = {header: meaning for meaning, headers in MEANINGS.items() for header in headers}
BARE = ["student", "prefix", "surname", "first", "born", None, "elective", "session", "needs"]
CODE = r"[A-Za-z0-9._/-]{1,64}"

Step = collections.namedtuple("Step", "date party verb path options")


def plan(folder):
    with open(f"{folder}/exports/plan", encoding="utf-8") as file:
        for line in file:
            date, party, verb, path, *options = line.split()
            yield Step(datetime.date.fromisoformat(date), party, verb, path, options)


# --- Files

def text_of(content):
    for bom, encoding in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if content.startswith(bom):
            return content[len(bom):].decode(encoding)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252")


def cell_of(value):
    if isinstance(value, datetime.datetime):
        return value.date().isoformat()
    return "" if value is None else str(value)


def rows_of(path):
    """The cells of each row as text, the header first where there is one."""
    if path.endswith(".xlsx"):
        sheet = openpyxl.load_workbook(path).active
        return [[cell_of(value) for value in row] for row in sheet.iter_rows(values_only=True)]
    with open(path, "rb") as file:
        text = unicodedata.normalize("NFC", text_of(file.read()))
    first = text.split("\n")[0]
    separator = max(",;\t", key=first.count)
    trailing = first.rstrip().endswith(separator)  # EduArte's, which quotes nothing
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator,
                           quoting=csv.QUOTE_NONE if trailing else csv.QUOTE_MINIMAL))


def born_of(text):
    """As the registry writes it; None when there is no such day. All were born in this century."""
    if re.fullmatch(r"\d{5}", text):
        return (datetime.date(1899, 12, 30) + datetime.timedelta(days=int(text))).isoformat()
    if re.fullmatch(r"\d{7,8}", text):
        text = text.zfill(8)
        year, month, day = (text[4:], text[2:4], text[:2]) if text[4:6] == "20" else (text[:4], text[4:6], text[6:])
    else:
        parts = re.split("[-.]", text)
        if len(parts) != 3 or not all(part.isdigit() for part in parts):
            return None
        year, month, day = parts if len(parts[0]) == 4 else reversed(parts)
    if int(day) == 0:
        return year if int(month) == 0 else f"{year}-{int(month):02}"
    try:
        return datetime.date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None


def fields_of(path):
    """(what a row says, the fields of its `register` or None where it cannot be one) of each row of a file that has as many
    cells as there are columns."""
    rows = rows_of(path)
    meanings = [HEADERS[name] for name in rows.pop(0) if name] if rows[0][0] in HEADERS else BARE
    numbers = [number_of(cells[meanings.index("student")]) for cells in rows if len(cells) >= len(meanings)]
    digits = max((len(number) for number in numbers if number.startswith("0")), default=0)
    for cells in rows:
        if len(cells) == len(meanings) + 1 and cells[-1] == "":
            cells.pop()
        if len(cells) == len(meanings):
            said = {meaning: cell.strip() for meaning, cell in zip(meanings, cells) if meaning and cell.strip()}
            yield said, register_of(said, digits)


def number_of(cell):
    return re.sub(r'^="(.*)"$', r"\1", cell.strip())


def register_of(said, digits):
    """`digits`: how many the file's numbers have that begin with a zero. A shorter one that looks like a BSN is not sent."""
    number = number_of(said.get("student", ""))
    if len(number) < digits and looks_like_bsn(number):
        return None
    born = born_of(said.get("born", ""))
    eckid = said.get("eckid")
    name = said.get("name")
    if "surname" in said and "first" in said:
        name = f"{said.get('prefix', '')} {said['surname']}, {said['first']}".strip()
    if not re.fullmatch(CODE, number) or not born or not name or \
            (eckid and not re.fullmatch(r"https://ketenid\.nl/\d{6}/[0-9a-f]{128}", eckid)):
        return None
    given = {"session": said["session"], "student": number, "name": name, "born": born}
    return {**given, **{field: said[field] for field in ("elective", "eckid", "needs") if field in said}}


# --- What comes of them

COUNTED = ("register", "withdraw", "move", "attend", "score", "certify")


def lines_of(path):
    """(verb, fields) of each line; those that begin and end a block hold nothing that counts."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            verb, _, rest = line.rstrip("\n").partition(" ")
            if verb not in ("begin", "commit"):
                yield verb, decode_fields(f" {rest}")


class Expected:
    """`rules` after all of the plan in `folder`; `outcomes`: what the registry said how often, (verb, outcome); `contradicting`: so
    many rows say something else than an earlier one of their file; `secrets`: (what, text) of all that is personal in the files;
    `provinces`, `names`: of each college; `openings`: year -> persons seated for German when the same day of it began on which
    the story ends."""

    def __init__(self, folder, last_day):
        self.secrets, self.outcomes, self.openings = set(), collections.Counter(), {}
        self.log = self.contradicting = 0
        self.rules = Rules()
        for verb, fields in lines_of(f"{ROOT}/tools/demo/lines/admin.lines"):
            if verb == "elective":
                self.rules.elective(None, fields, 0)
        days = (last_day - datetime.date(last_day.year, 1, 1)).days
        marks = {year: datetime.date(year, 1, 1) + datetime.timedelta(days=days) for year in range(2019, last_day.year)}
        for step in plan(folder):
            for year, mark in marks.items():
                if year not in self.openings and step.date > mark:
                    self.openings[year] = self.count(year)
            self.rules.today = step.date
            if step.verb == "submit":
                self.submit(step)
            else:
                for verb, fields in lines_of(step.path):
                    if verb == "register":
                        self.note(fields)
                    self.ask(step.party, verb, fields)
        self.rules.today = last_day
        with open(f"{ROOT}/tools/demo/institutions.csv", encoding="cp1252") as file:
            rows = [[cell.strip() for cell in row] for row in csv.reader(file, delimiter=";")]
        code, province, name = (rows[0].index(word) for word in ("INSTELLINGSCODE", "PROVINCIE", "INSTELLINGSNAAM"))
        self.provinces = {row[code]: row[province].lower().replace("friesland", "fryslan") for row in rows[1:]}
        self.names = {row[code]: row[name] for row in rows[1:]}

    def ask(self, party, verb, fields):
        self.log += 1
        outcome = self.rules.ask(party, verb, fields, self.log)
        if verb in COUNTED:
            self.outcomes[verb, outcome] += 1

    def submit(self, step):
        told = collections.defaultdict(dict)  # of each registration, by the rows before
        for said, given in fields_of(step.path):
            self.secrets |= {(what, text) for what, text in said.items() if what not in ("session", "elective", "prefix")}
            if given:
                self.note(given)
                before = told[given["session"], given["student"]]
                if all(before.get(field, value) == value for field, value in given.items()):  # else it is not sent
                    before.update(given)
                    self.ask(step.party, "register", given)
                else:
                    self.contradicting += 1

    def note(self, given):
        self.secrets |= {("student", given["student"]), ("name", given["name"]), ("born", given["born"])}

    # --- the board

    def count(self, year):
        """Persons that are seated for an exam of German."""
        return sum(self.rules.cells(year)["de", "seated"].values())

    @functools.lru_cache(maxsize=None)
    def cells(self, year, own):
        """When all has been read."""
        return self.rules.cells(year, own)

    def progress(self, year, rung, by, own=None):
        """{(language, value of `by`): persons}; `own`: of a college, over all codes that it acts for."""
        found = collections.Counter()
        for code in self.rules.codes(own) if own else [None]:
            for (language, step), cells in self.cells(year, code).items():
                for (college, level, exam, month), count in cells.items() if step == rung else ():
                    found[language, {"institution": college, "exam": exam, "month": month, "level": level,
                                     "province": self.provinces[college]}[by]] += count
        return dict(found)

    def ladder(self, year):
        """{(language, rung): count}"""
        found = {}
        said = {key: students for key, students in self.rules.offers.items() if key[2] == year - 1}
        for language in {self.rules.electives[elective] for _, elective, _ in said}:
            here = {key: count for key, count in said.items() if self.rules.electives[key[1]] == language}
            found[language, "offered"] = len({institution for institution, _, _ in here})
            found[language, "enrolled"] = sum(here.values())
        for (language, rung), cells in self.cells(year, None).items():
            found[language, rung] = sum(cells.values())
        return found

    def missing(self, schoolyear):
        """The colleges that were there in the school year and have offered nothing."""
        offering = {institution for institution, _, year in self.rules.offers if year == schoolyear}
        there = {code for code in self.provinces if code not in self.rules.heirs
                 or self.rules.heirs[code][0] >= datetime.date(schoolyear, 8, 1)}
        return there - offering
