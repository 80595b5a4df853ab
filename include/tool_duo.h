/* DUO's file of colleges, row by row, as requests to enter institutions. Pure. */
#ifndef BUURTAAL_TOOL_DUO_H
#define BUURTAAL_TOOL_DUO_H

#include "base.h"
#include "line.h"
#include "tool_table.h"
#include "tool_text.h"

enum duo_column { DUO_CODE, DUO_NAME, DUO_PROVINCE, DUO_PLACE, DUO_BOARD, DUO_REGION, DUO_COLUMNS };

/* Where each column stands, from 0; -1: it does not. */
struct duo {
    size_t width;
    int at[DUO_COLUMNS];
};

/* Finds the columns by the header's names. 0; -1: `*column` is missing, 1: it is there twice. */
int duo_header(struct duo *duo, const struct table *table, enum duo_column *column) MUST_CHECK;
/* A column's name, as DUO writes it now. */
const char *duo_name(enum duo_column column);

/* Writes the request for a row, as table_next() gave it. Its length with its LF; 0 when the row is refused: `*column`
 * is at fault, DUO_COLUMNS for the row as a whole, and `*reason` says why. */
size_t duo_request(const struct duo *duo, const struct slice values[TABLE_COLUMNS], size_t count, unsigned tag,
                   char line[LINE_MAX_BYTES], enum duo_column *column, enum text_id *reason) MUST_CHECK;

#endif
