/* Workbooks of Excel (.xlsx) as text. */
#ifndef BUURTAAL_TOOL_WORKBOOK_H
#define BUURTAAL_TOOL_WORKBOOK_H

#include <stdio.h>

#include "base.h"
#include "tool_text.h"

#define WORKBOOK_NAME_BYTES 128

/* Whether a file that begins so may be one. */
bool workbook_is(const char *bytes, size_t len);

/* Turns the first visible sheet with rows into text: UTF-8, `;`, with quotes, a row for each of its rows, empty ones
 * too. `file` must be seekable and stays the caller's. The text, a file without a name that is gone once closed, and
 * the sheet's name; NULL after telling why not: damaged, too large, no rows, or there is no openpyxl. 100,000 rows take
 * half a minute of work, and no file takes more than five. */
FILE *workbook_text(FILE *file, const char *name, char sheet[WORKBOOK_NAME_BYTES], enum text_lang lang) MUST_CHECK;

#endif
