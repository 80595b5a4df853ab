"""Writes the first visible sheet that has rows of the .xlsx workbook on standard input to standard output: UTF-8,
; between the cells, a row of text for each row of the sheet, empty ones too, so that their numbers stay. A cell is written as the
sheet shows it where that matters: dates as 2009-03-14, whole numbers without a point and with the zeros of a format such as
0000000. The sheet's name goes to standard error. The status says what went wrong; workbook.c, which limits memory and time,
knows it."""
import re
import sys

DAMAGED, LARGE, EMPTY, OTHER, NO_LIBRARY = 10, 11, 12, 13, 14
UNPACKED = 400 << 20  # bytes of all parts together
PARTS = 10000
COLUMNS = 1000

sys.modules["numpy"] = None  # openpyxl would load it, for nothing
try:
    import csv
    import datetime
    import warnings
    import zipfile

    import openpyxl
except ImportError:
    sys.exit(NO_LIBRARY)


def text(cell):
    value = cell.value
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == datetime.time() else value.isoformat(" ")
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        zeros = re.fullmatch(r"0+", cell.number_format or "")
        return str(value).zfill(len(zeros.group())) if zeros else str(value)
    return str(value)


def rows(sheet):
    sheet.reset_dimensions()  # what the file says about them may be wrong
    for row in sheet.iter_rows(max_col=COLUMNS):
        cells = [text(cell) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        yield cells


def check(file):
    """What is unpacked is never more than the archive says beforehand: zipfile sees to it."""
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
        if len(parts) > PARTS or sum(part.file_size for part in parts) > UNPACKED:
            sys.exit(LARGE)
        if "xl/workbook.xml" not in (part.filename.lower() for part in parts):
            sys.exit(OTHER)
    file.seek(0)


def main():
    warnings.simplefilter("ignore")
    with open(0, "rb", closefd=False) as file, open(1, "w", encoding="utf-8", newline="", closefd=False) as out:
        file.seek(0)
        check(file)
        writer = csv.writer(out, delimiter=";", lineterminator="\n")
        for sheet in openpyxl.load_workbook(file, read_only=True, data_only=True).worksheets:
            if sheet.sheet_state != "visible":
                continue
            found = False
            for cells in rows(sheet):
                found = found or bool(cells)
                writer.writerow(cells)
            if found:
                sys.stderr.write(sheet.title)
                return 0
            out.seek(0)
            out.truncate()
    return EMPTY


try:
    sys.exit(main())
except MemoryError:
    sys.exit(LARGE)
except Exception as fault:  # whatever openpyxl trips over
    sys.exit(LARGE if "memory" in str(fault) or "File too large" in str(fault) else DAMAGED)
