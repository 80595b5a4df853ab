"""Writes the first visible sheet that has rows of the .xlsx workbook on standard input to standard output: UTF-8,
; between the cells, a row of text for each row of the sheet, empty ones too, so that their numbers stay. A cell is written as the
sheet shows it where that matters: dates as 2009-03-14, whole numbers without a point and with the zeros of a format such as
0000000. The sheet's name goes to standard error. The status says what went wrong; workbook.c, which limits memory and time,
knows it."""
import re
import sys

DAMAGED, LARGE, EMPTY, OTHER, NO_LIBRARY, NO_ROOM = 10, 11, 12, 13, 14, 15
UNPACKED = 400 << 20  # bytes of all parts together
PARTS = 10000
ROWS = 1 << 20  # as Excel has it
COLUMNS = 1000
EXACT = 10 ** 15  # numbers from here have lost digits in Excel

sys.modules["numpy"] = None  # openpyxl would load it, for nothing
try:
    import csv
    import datetime
    import errno
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
    if isinstance(value, float) and value.is_integer():
        if abs(value) >= EXACT:
            return f"{value:.14E}"
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        zeros = re.fullmatch(r"0+", cell.number_format or "")
        return str(value).zfill(len(zeros.group())) if zeros else str(value)
    return str(value)


def rows(sheet):
    sheet.reset_dimensions()  # what the file says about them may be wrong
    for number, row in enumerate(sheet.iter_rows()):
        if number == ROWS:
            sys.exit(LARGE)
        cells = [text(cell) for cell in row[:COLUMNS]]
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
        for sheet in openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False).worksheets:
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
    full = {errno.EFBIG: LARGE, errno.ENOSPC: NO_ROOM, errno.EDQUOT: NO_ROOM}.get(getattr(fault, "errno", None))
    sys.exit(full or (LARGE if "memory" in str(fault) else DAMAGED))
