/* Workbooks of Excel (.xlsx) as text. */
#ifndef BUURTAAL_TOOL_WORKBOOK_H
#define BUURTAAL_TOOL_WORKBOOK_H

#include <stdio.h>

#include "base.h"
#include "tool_text.h"

#define WORKBOOK_NAME_BYTES 128

/* Whether a file that begins so may be one. */
bool workbook_is(const char *bytes, size_t len);

/* What is read of a workbook, and what is not. */
struct workbook_facts {
    char sheet[WORKBOOK_NAME_BYTES];      /* that is read */
    unsigned hidden;                      /* rows of it that Excel does not show */
    char others[2 * WORKBOOK_NAME_BYTES]; /* visible sheets that are not read, between commas; cut off where they are many */
};

/* Turns a visible sheet into text: the first that names columns of students, else the first with rows. It is UTF-8, `;`,
 * with quotes, a row for each of its rows, empty ones too. `file` must be seekable and stays the caller's. The text, a
 * file without a name that is gone once closed; NULL after telling why not: damaged, too large, no rows, or there is no openpyxl. 100,000 rows take
 * half a minute of work, and no file takes more than five. */
FILE *workbook_text(FILE *file, const char *name, struct workbook_facts *facts, enum text_lang lang) MUST_CHECK;

#endif
