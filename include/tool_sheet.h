/* CSV as the Dutch and the German Excel open it by a click: UTF-8 with BOM, `;` between cells, CRLF behind rows. */
#ifndef BUURTAAL_TOOL_SHEET_H
#define BUURTAAL_TOOL_SHEET_H

#include <stdio.h>

#include "base.h"

/* Faults of `out` are left to its owner. */

/* Before the first row. */
void sheet_begin(FILE *out);
/* A cell; `first` of its row or behind another. It is quoted where it must be. One that a spreadsheet would take for a
 * formula gets an apostrophe in front. */
void sheet_cell(FILE *out, struct slice value, bool first);
/* Behind the last cell of a row. */
void sheet_end_row(FILE *out);

#endif
