"""Files as administrations hand them in: what cannot be used is refused whole with words that say what to do, and workbooks of
Excel are read like any other table, whatever they hold, by a child that is held within bounds."""
import datetime
import io
import os
import re
import subprocess
import zipfile

import openpyxl
import pytest

from harness.registry import day
from harness.tool import Tool

HEADER = ["Deelnemernummer", "Voorvoegsel", "Achternaam", "Voornamen", "Geboortedatum", "Sessie"]
LINE = ";".join(HEADER) + "\n"
SHEET = "xl/worksheets/sheet1.xml"
SHEET_BEGIN = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'


@pytest.fixture
def college(registry):
    """The command of a college, where a session S-1 is open."""
    daemon = registry.start()
    with daemon.connect("DIB") as exams:
        exams.must("schedule", session="S-1", exam="DIB-A2", date=day(200), seats=50, place="Enschede", host="27YU")
    tool = Tool(registry, daemon.address, "25LU")
    tool.daemon = daemon
    return tool


def students(tool):
    with tool.daemon.connect("25LU") as college:
        rows = college.read_list("registrations", 500)
    return {row["student"]: (row["name"], row["born"]) for row in rows}


def workbook(path, *rows):
    book = openpyxl.Workbook()
    book.active.title = "Leeg"
    sheet = book.create_sheet("Inschrijvingen")
    for row in rows:
        sheet.append(row)
    book.save(path)
    return book


def with_part(path, name, chunks):
    """The workbook with one part in place of its own."""
    made = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            if part != name:
                new.writestr(part, old.read(part))
        with new.open(name, "w", force_zip64=True) as file:
            for chunk in chunks:
                file.write(chunk)
    path.write_bytes(made.getvalue())


def test_a_workbook_is_read_as_it_is_seen(college, tmp_path):
    path = tmp_path / "export.xlsx"
    book = workbook(path, HEADER)
    sheet = book["Inschrijvingen"]
    sheet.append(["0912345", "van der", "Graaf", "Zoe\u0308", datetime.datetime(2009, 3, 14), "S-1"])
    sheet.append([])
    sheet.append([912346, None, "Bakker", "Bo\nJan", "00-03-2009", "S-1"])
    sheet["A4"].number_format = "0000000"
    sheet.append([912347.0, None, "Graaf, van der", "Jo", datetime.date(2009, 3, 1), "S-1"])
    sheet.append([912348, None, "Bakker", "Mo", "31-02-2009", "S-1"])
    sheet.append([1234567890123456.5e3, None, "Bakker", "Al", "1-3-2009", "S-1"])  # Excel keeps 15 digits
    book.save(path)
    said = college.run("submit", "--yes", str(path), wanted=1)[1]
    assert "31-02-2009" in said and "6" in said  # the number of its row in Excel
    assert "afgekapt" in said
    assert students(college) == {"0912345": ("van der Graaf, Zoë", "2009-03-14"), "0912346": ("Bakker, Bo Jan", "2009-03"),
                                 "0912347": ("van der Graaf, Jo", "2009-03-01")}


def test_what_of_a_workbook_is_not_read_or_not_seen_is_told(college, tmp_path):
    path = tmp_path / "export.xlsx"
    book = openpyxl.Workbook()
    book.active.title = "Uitleg"
    book.active.append(["Vul het tweede blad in", "", "en lees dit"])
    for title, numbers in (("Klas A", range(1, 6)), ("Klas B", (7, 8))):
        sheet = book.create_sheet(title)
        sheet.append(["Overzicht"])
        sheet.append(HEADER)
        for number in numbers:
            sheet.append([f"L{number}", None, "Bakker", "Bo", "01-03-2009", "S-1"])
    sheet = book["Klas A"]
    for row in (4, 5):
        sheet.row_dimensions[row].hidden = True
    sheet["B6"], sheet["D7"] = '=IF(1=1, "van", "")', "=B1"
    book.create_sheet("Weg").append(["verborgen"])
    book["Weg"].sheet_state = "hidden"
    book.save(path)
    said = college.run("submit", "--yes", str(path), wanted=1)[1]
    assert "blad Klas A, de kop op regel 2; niet gelezen: Uitleg, Klas B (" in said and "verborgen rijen gaan mee: 2" in said
    assert 'regel 6 geweigerd: Voorvoegsel: "#FORMULA!"' in said and 'regel 7 geweigerd: Voornamen: "#FORMULA!"' in said
    assert "[formula]" in said and students(college).keys() == {"L1", "L2", "L3"}


def test_a_workbook_that_is_none_is_refused(college, tmp_path):
    path = tmp_path / "export.xlsx"

    def refused(word):
        said = college.run("submit", "--yes", str(path), wanted=2)[1]
        assert word in said and "export.xlsx" in said, said

    workbook(path, ["Toelichting"])
    refused("blad Inschrijvingen, de kop op regel 1")
    refused("dit staat er: 1 Toelichting")
    workbook(path, HEADER)
    whole = path.read_bytes()
    path.write_bytes(whole[:len(whole) // 2])
    refused("beschadigd")
    workbook(path)
    refused("leeg")
    with_part(path, SHEET, [SHEET_BEGIN] + [b" " * (1 << 20)] * 401)  # larger than what may be unpacked
    assert path.stat().st_size < 1 << 20
    refused("te groot")
    workbook(path, HEADER)
    with_part(path, SHEET, [SHEET_BEGIN, b"<row><c t='inlineStr'><is><t>"] + [b"x" * (1 << 20)] * 300 +
              [b"</t></is></c></row></sheetData></worksheet>"])  # more than the child may have in memory
    refused("te groot")
    workbook(path, HEADER)
    with_part(path, SHEET.replace("1", "2"), [SHEET_BEGIN, b"<row r='2000000000'><c t='inlineStr'><is><t>x</t></is></c></row></sheetData></worksheet>"])
    refused("te groot")  # not that many rows, one by one
    workbook(path, HEADER)
    bomb = b'<!DOCTYPE x [<!ENTITY a "' + b"a" * 1000 + b'">' + b"".join(
        b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 100) for i in range(8)) + b"]>"
    with_part(path, "xl/workbook.xml", [b'<?xml version="1.0"?>', bomb, b"<workbook>&i;</workbook>"])
    refused("beschadigd")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("content.xml", "<x/>")
    refused("geen .xlsx")


def test_what_can_be_read_only_once_is_told(college, tmp_path):
    path = tmp_path / "export.xlsx"
    os.mkfifo(path)
    with subprocess.Popen(["sh", "-c", f"printf 'PK\\003\\004 and more' > {path}"]) as writer:
        said = college.run("submit", "--yes", str(path), wanted=2)[1]
        writer.wait(timeout=10)
    assert "maar een keer te lezen" in said


# Files, and words of what is said of each.
UNUSABLE = [
    (b"", ["leeg"]),
    (b"\x00\x01\x02\x03", ["geen tekstbestand", "CSV"]),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 500, [".xls", "wachtwoord"]),
    (b"%PDF-1.7", ["PDF"]),
    (b"<html><table><tr><td>1</table>", ["webpagina"]),
    ((LINE + "1;;Bakker;Zo\u00eb;1-3-2009;S-1\n").encode("cp1252").replace(b"\xeb", b"\x81"), ["regel 2", "UTF-8"]),
    (LINE.replace(";", "~").encode(), ["maar een kolom", "; of ,"]),
    ("aap;noot;mies\nwim;zus;jet\n".encode(), ["geen kop", "dit staat er: 1 aap, 2 noot"]),
    ((LINE + 3 * "1,,Bakker,Bo,1-3-2009,S-1\n").encode(), ["in de kop staat ; tussen de kolommen en in de rijen eronder ,"]),
    (LINE.replace("Deelnemernummer", "BSN").encode(), ["BSN mag dit register niet bewaren", "Studentnummer"]),
    (LINE.replace("Geboortedatum", "Datum").encode(), ["Geboortedatum", "--map born="]),
    (LINE.replace("Sessie", "Groep").encode(), ["Sessie", "--map session=", "--session"]),
    (LINE.replace("Voorvoegsel", "Achternaam").encode(), ["Achternaam", "twee keer", "hernoem of verwijder"]),
    ((LINE + "".join(f"{n};;Bakker;Bo;1-3-2009;S-1\n" for n in (111222333, 101222331, 123456782))).encode(),
     ["Deelnemernummer", "BSN"]),
]


def test_a_file_that_cannot_be_used_is_refused_whole(college, tmp_path):
    path = tmp_path / "export.csv"
    for content, words in UNUSABLE:
        path.write_bytes(content)
        said = college.run("submit", "--yes", str(path), wanted=2)[1]
        assert all(word in said for word in words), said
    assert students(college) == {}


def test_rows_that_are_no_students_are_told_what_they_look_like(college, tmp_path):
    path = tmp_path / "export.csv"
    row = "1;;Bakker;Bo;1-3-2009;S-1\n"
    lines = ["2,,Bakker,Bo,1-3-2009,S-1\n", "3\t\tBakker\tBo\t1-3-2009\tS-1\n", LINE, "4;;Bakker;Bo;1-3-20099;S-1\n", "Totaal:;;;;4;\n",
             "Totaal: 4\n", "5;;Bakk"]
    path.write_text(LINE + row + "".join(lines), encoding="utf-8")
    said = college.run("submit", "--yes", str(path), wanted=1)[1]
    wanted = (["staat hier , en", "[width]"], ["staat hier TAB en"], ["de kop nog eens", "kan weg"], ['Geboortedatum: "1-3-20099"'],
              ["totaal", "kan weg"], ["totaal", "kan weg"], ["te weinig kolommen (3)", "afgebroken"])
    for line, words in enumerate(wanted, 3):
        told = next(text for text in said.splitlines() if re.match(rf"regels? ({line}|7-{line}|{line}-8) geweigerd", text))
        assert all(word in told for word in words), said
    assert "1 met plaats" in said
    path.write_text(LINE + row, encoding="utf-8")
    assert "1 rij: 0 met plaats" in college.run("submit", "--yes", str(path), wanted=0)[1]
