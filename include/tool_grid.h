/* Rows of cells under headings, aligned, for a terminal or a pipe. */
#ifndef BUURTAAL_TOOL_GRID_H
#define BUURTAAL_TOOL_GRID_H

#include <stdio.h>

#include "base.h"

#define GRID_COLUMNS 64

/* What a column holds, which decides how it is shown. */
enum grid_kind {
    GRID_CODE,   /* a code, a word, a date: to the left, always whole */
    GRID_TEXT,   /* for people: to the left, cut short where a terminal is too narrow */
    GRID_NUMBER, /* a whole number: to the right, always whole */
};

struct grid_column {
    const char *name;    /* the protocol's */
    const char *heading; /* for people */
    enum grid_kind kind;
};

struct grid {
    size_t room;                /* columns of the terminal; 0: as wide as it gets */
    size_t shown[GRID_COLUMNS]; /* which columns, the most important first */
    size_t shown_count;
    bool colour;               /* headings stand out */
    bool left_out;             /* some columns had no room */
    size_t need[GRID_COLUMNS]; /* by what is shown: the width it needs; 0: nothing stands in it yet */
    size_t laid[GRID_COLUMNS]; /* the width it has got; 0: it is not printed */
};

/* Prints a page of rows. A column in which nothing stands is left out. Widths only grow from page to page; when they
 * do, the headings are printed again. `rows` are arrays of a cell for each of `columns`. */
void grid_print(struct grid *grid, FILE *out, const struct grid_column columns[], struct slice *const rows[],
                size_t count);

/* How many columns of a terminal a page of rows would take with nothing cut or left out. */
size_t grid_width(const struct grid *grid, const struct grid_column columns[], struct slice *const rows[],
                  size_t count);

#endif
