"""How colleges' systems write a list of students: DIALECTS names them all, write() gives the bytes of a file.

A dialect is a row of that table: which columns under which headers, encoding, separator, quotes, line ends, how dates and
numbers look. Facts about them stand beside it. The same rows give the same bytes."""
import collections
import datetime
import io
import re
import unicodedata
import zipfile

import openpyxl

# One wish to register: a Student, for a session, by way of an elective.
Row = collections.namedtuple("Row", "student session elective")

# Headers by what stands under them.
DUTCH = {"number": "Deelnemernummer", "prefix": "Voorvoegsel", "surname": "Achternaam", "names": "Voornamen",
         "name": "Naam", "called": "Roepnaam", "born": "Geboortedatum", "course": "Opleiding", "elective": "Keuzedeel", "session": "Sessie",
         "eckid": "ECK iD", "needs": "Bijzonderheden", "exempt": "Vrijstelling"}
OSIRIS = {**DUTCH, "number": "Studentnummer", "prefix": "Tussenvoegsel", "names": "Voornaam"}
GERMAN = {**DUTCH, "number": "Schülernummer", "prefix": "Namenszusatz", "surname": "Nachname", "names": "Vorname",
          "born": "Geburtsdatum", "session": "Prüfungstermin", "elective": "Wahlmodul", "needs": "Besonderheiten"}
ENGLISH = {**DUTCH, "number": "Student number", "prefix": "Prefix", "surname": "Surname", "names": "First name",
           "born": "Date of birth", "session": "Session", "elective": "Elective", "needs": "Needs"}

ALL = "number prefix surname names called born course elective session eckid needs"
FEW = "number surname prefix names born session elective eckid needs"
WHOLE = "number name born session elective eckid needs"
BARE = "number prefix surname names born exempt elective session needs"


class Dialect:
    """Dates are forms of strftime, or `serial`, or, in a workbook, `cell` or `number`; student numbers are forms of format, or
    int. `quotes`: none, all, or excel (where needed)."""

    def __init__(self, headers=None, columns=ALL, encoding="utf-8", separator=";", quotes="none", end="\r\n", last="",
                 dates="%d-%m-%Y", form="NFC", number="{}", workbook=False):
        self.headers, self.columns, self.encoding, self.separator = headers, columns.split(), encoding, separator
        self.quotes, self.end, self.last, self.dates, self.form, self.number = quotes, end, last, dates, form, number
        self.workbook = workbook

    @property
    def suffix(self):
        return "xlsx" if self.workbook else "txt" if self.separator == "\t" else "csv"

    @property
    def partly_born(self):
        """Whether it can say that a day or a month is not known."""
        return self.dates in ("%d-%m-%Y", "%d%m%Y", "%-d-%-m-%Y", "%d.%m.%Y")

    def date(self, born):
        """A birth date: (day, month, year); a text is wrong on purpose and stays."""
        if isinstance(born, str):
            return born
        day, month, year = born
        if day == 0:  # EduArte writes what is not known as zeros
            parts = {"d": "00", "m": f"{month:02}", "Y": str(year)}
            return re.sub("%-?([dmY])", lambda part: parts[part[1]], self.dates)
        whole = datetime.date(year, month, day)
        if self.dates == "serial":
            return str((whole - datetime.date(1899, 12, 30)).days)
        if self.dates == "number":
            return int(f"{day}{month:02}{year}")
        return whole if self.dates == "cell" else whole.strftime(self.dates)

    def cells(self, row):
        student = row.student
        form = self.number if self.number is int else self.number.format
        family = f"{student.prefix.strip()} {student.surname}".strip()
        values = {"number": form(student.number) if student.number else "", "prefix": student.prefix,
                  "name": f"{family}, {student.names}" if family else "", "surname": student.surname, "names": student.names, "called": student.called, "born": self.date(student.born),
                  "course": student.course, "elective": row.elective, "session": row.session, "eckid": student.eckid,
                  "needs": student.needs, "exempt": "N"}
        return [values[column] for column in self.columns]


DIALECTS = {
    # EduArte's list export: a separator at the end of every line, and no quoting whatever.
    "eduarte": Dialect(DUTCH, encoding="utf-8-sig", last=";"),
    # Another export of it: no header, dates without anything between, booleans as J and N.
    "bare": Dialect(None, BARE, dates="%d%m%Y"),
    # As newer portals serve files: comma, all quoted, UTF-8 with BOM.
    "quoted": Dialect(OSIRIS, encoding="utf-8-sig", separator=",", quotes="all"),
    # What Excel saves as CSV in Dutch settings: Windows-1252, `;`, dates as people see them.
    "windows": Dialect(OSIRIS, FEW, "cp1252", quotes="excel", dates="%-d-%-m-%Y"),
    # Its dates where the column was not a date column to it: days since 30 December 1899.
    "serial": Dialect(OSIRIS, FEW, "cp1252", quotes="excel", dates="serial"),
    # How people keep the zeros in front of a number in Excel.
    "formula": Dialect(OSIRIS, FEW, "cp1252", quotes="excel", dates="%-d-%-m-%Y", number='="{}"'),
    # What Excel calls Unicode text: UTF-16 with BOM, tabs.
    "utf-16": Dialect(OSIRIS, FEW, "utf-16-le", "\t", "excel"),
    "utf-16be": Dialect(DUTCH, FEW, "utf-16-be", ";", "excel"),
    "tab": Dialect(OSIRIS, FEW, separator="\t", end="\n", dates="%Y-%m-%d"),
    # From a Mac: accents apart from their letters; and the name as a whole.
    "mac": Dialect(DUTCH, WHOLE, quotes="excel", end="\n", form="NFD"),
    "german": Dialect(GERMAN, FEW, "utf-8-sig", quotes="excel", dates="%d.%m.%Y"),
    "english": Dialect(ENGLISH, FEW, separator=",", quotes="excel", dates="%Y-%m-%d"),
    "compact": Dialect(DUTCH, FEW, quotes="excel", dates="%Y%m%d"),
    "xlsx": Dialect(OSIRIS, FEW, dates="cell", workbook=True),
    # What were numbers to Excel: a day below 10 has lost its zero.
    "numbers": Dialect(OSIRIS, FEW, dates="number", number=int, workbook=True),
}

BOMS = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}


def quoted(dialect, value):
    wanted = dialect.quotes == "all" or (dialect.quotes == "excel" and any(c in value for c in (dialect.separator, "\n")))
    return '"' + value.replace('"', '""') + '"' if wanted else value


def write(name, rows):
    """The bytes of a file of these rows."""
    dialect = DIALECTS[name]
    headers = [[dialect.headers[column] for column in dialect.columns]] if dialect.headers else []
    table = headers + [dialect.cells(row) for row in rows]
    if dialect.workbook:
        return workbook(table)
    lines = [dialect.separator.join(quoted(dialect, value) for value in cells) + dialect.last + dialect.end for cells in table]
    text = unicodedata.normalize(dialect.form, "".join(lines))
    return BOMS.get(dialect.encoding, b"") + text.encode(dialect.encoding)


def workbook(table):
    """Numbers that are texts stay so. The clock's time, which openpyxl writes, is taken out."""
    book = openpyxl.Workbook()
    book.active.title = "Studenten"
    for cells in table:
        book.active.append(cells)
    made, final = io.BytesIO(), io.BytesIO()
    book.save(made)
    with zipfile.ZipFile(made) as source, zipfile.ZipFile(final, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            content = source.read(entry)
            if entry.filename == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2023-01-01T00:00:00Z", content)
            target.writestr(zipfile.ZipInfo(entry.filename, (2023, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return final.getvalue()
