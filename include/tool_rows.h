/* Rows of an answer, gathered, and shown to people: as a table where there is room for one, else field by field. */
#ifndef BUURTAAL_TOOL_ROWS_H
#define BUURTAAL_TOOL_ROWS_H

#include <stdio.h>

#include "base.h"
#include "tool_answer.h"

struct rows;

/* Never NULL; the caller frees. */
struct rows *rows_new(void);
/* NULL is allowed. */
void rows_free(struct rows *rows);

/* Keeps a copy of a row. A name that is new becomes a column, behind the one that stands before it in this row. */
void rows_add(struct rows *rows, const struct answer *row);
size_t rows_count(const struct rows *rows);
/* Forgets the rows, not the columns. */
void rows_clear(struct rows *rows);

/* Prints them. `width`: how many characters fit on a line, 0 for any number; a table that is wider is printed as blocks
 * of `name value`, one a row. Columns in which no row has a value are left out; those of numbers alone stand to the
 * right. Line breaks and tabs within values are shown as \n and \t. With `colour` the names stand out. */
void rows_print(const struct rows *rows, FILE *out, int width, bool colour);
/* The width of the terminal that `out` is, 0 when it is none. */
int rows_width(FILE *out);

#endif
