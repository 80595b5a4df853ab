"""Writes a sheet of the .xlsx workbook on standard input to standard output: UTF-8, ; between the cells, a row of text for each
row of the sheet, empty ones too, so that their numbers stay. It is the first visible one in which a row has three of the names
that are handed over, else the first that has rows. A cell is written as the sheet shows it where that matters: dates as
2009-03-14, whole numbers without a point and with the zeros of a format such as 0000000; a formula that was never calculated as
#FORMULA!. To standard error go, a line each, the sheet's name, how many of its rows are hidden, and the names of the other
visible sheets that hold something. The status says what went wrong; workbook.c, which limits memory and time, knows it."""
import itertools
import re
import sys
import unicodedata

DAMAGED, LARGE, EMPTY, OTHER, NO_LIBRARY, NO_ROOM = 10, 11, 12, 13, 14, 15
UNPACKED = 400 << 20  # bytes of all parts together
PARTS = 10000
ROWS = 1 << 20  # as Excel has it
COLUMNS = 1000
EXACT = 10 ** 15  # numbers from here have lost digits in Excel
LOOKED_AT = 60  # rows, for names of columns
NAMES = set(sys.argv[1].split())
NAMES_LEAST = 3

sys.modules["numpy"] = None  # openpyxl would load it, for nothing
try:
    import csv
    import datetime
    import errno
    import warnings
    import zipfile

    import openpyxl
    from openpyxl.worksheet import _read_only, _reader
except ImportError:
    sys.exit(NO_LIBRARY)


class Parser(_reader.WorkSheetParser):
    """What openpyxl passes over in reading: rows that are hidden, formulas without a value."""
    hidden = set()

    def parse_row(self, row):
        number, cells = super().parse_row(row)
        if row.get("hidden") in ("1", "true"):
            Parser.hidden.add(number)
        return number, cells

    def parse_cell(self, element):
        cell = super().parse_cell(element)
        # One that gives an empty text is marked as a text.
        if cell["value"] is None and element.get("t") != "str" and element.find(_reader.FORMULA_TAG) is not None:
            cell.update(value="#FORMULA!", data_type="s")
        return cell


_read_only.WorkSheetParser = Parser


def text(cell):
    value = cell.value
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == datetime.time() else value.isoformat(" ")
    if isinstance(value, float) and value.is_integer():
        if abs(value) >= EXACT:
            return f"{value:.14E}"
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        zeros = re.fullmatch(r"0+", cell.number_format or "")
        return str(value).zfill(len(zeros.group())) if zeros else str(value)
    return str(value)


def rows(sheet):
    Parser.hidden.clear()
    sheet.reset_dimensions()  # what the file says about them may be wrong
    for number, row in enumerate(sheet.iter_rows()):
        if number == ROWS:
            sys.exit(LARGE)
        cells = [text(cell) for cell in row[:COLUMNS]]
        while cells and not cells[-1]:
            cells.pop()
        yield cells


def fold(name):
    """A name as columns.c compares it."""
    apart = unicodedata.normalize("NFD", name).lower()
    return "".join(letter for letter in apart if letter.isascii() and letter.isalnum())


def look(sheet):
    """Whether the sheet begins with rows that hold something, and whether one of them names columns."""
    filled = named = False
    for cells in itertools.islice(rows(sheet), LOOKED_AT):
        filled = filled or bool(cells)
        named = named or len(NAMES & {fold(cell) for cell in cells}) >= NAMES_LEAST
    return filled, named


def check(file):
    """What is unpacked is never more than the archive says beforehand: zipfile sees to it."""
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
        if len(parts) > PARTS or sum(part.file_size for part in parts) > UNPACKED:
            sys.exit(LARGE)
        if "xl/workbook.xml" not in (part.filename.lower() for part in parts):
            sys.exit(OTHER)
    file.seek(0)


def write(sheet, out):
    """How many of its rows hold something, and how many of these are hidden."""
    writer = csv.writer(out, delimiter=";", lineterminator="\n")
    filled = hidden = 0
    for number, cells in enumerate(rows(sheet), 1):
        filled += bool(cells)
        hidden += bool(cells) and number in Parser.hidden
        writer.writerow(cells)
    return filled, hidden


def main():
    warnings.simplefilter("ignore")
    with open(0, "rb", closefd=False) as file, open(1, "w", encoding="utf-8", newline="", closefd=False) as out:
        file.seek(0)
        check(file)
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        sheets = [(sheet, *look(sheet)) for sheet in book.worksheets if sheet.sheet_state == "visible"]
        for sheet, _, _ in sorted(sheets, key=lambda seen: not seen[2]):
            filled, hidden = write(sheet, out)
            if filled:
                others = [other.title for other, holds, _ in sheets if holds and other is not sheet]
                sys.stderr.write("\n".join([sheet.title.replace("\n", " "), str(hidden), ", ".join(others).replace("\n", " ")]))
                return 0
            out.seek(0)
            out.truncate()
    return EMPTY


try:
    sys.exit(main())
except MemoryError:
    sys.exit(LARGE)
except Exception as fault:  # whatever openpyxl trips over
    full = {errno.EFBIG: LARGE, errno.ENOSPC: NO_ROOM, errno.EDQUOT: NO_ROOM}.get(getattr(fault, "errno", None))
    sys.exit(full or (LARGE if "memory" in str(fault) else DAMAGED))
