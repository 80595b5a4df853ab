/* The rows of a list as people and programs want them: a table, JSON or CSV. They come in pages, and no more than one
 * page is kept. */
#ifndef BUURTAAL_TOOL_LISTING_H
#define BUURTAAL_TOOL_LISTING_H

#include <stdio.h>

#include "base.h"
#include "tool_grid.h"

enum listing_form { LISTING_TABLE, LISTING_JSON, LISTING_CSV };

struct listing {
    FILE *out; /* the caller's */
    enum listing_form form;
    const struct grid_column *columns; /* the caller's, as they come in a row */
    size_t width;                      /* how many columns there are, at most GRID_COLUMNS */
    struct grid grid;                  /* for the table; what it shows is the caller's to fill in */
    bool begun;
    size_t told;  /* rows printed */
    size_t count; /* rows of the page that are kept */
    struct slice **kept;
};

/* Keeps a row until its page is printed. `values` has one for each column, absent where there is none; their bytes are
 * copied. */
void listing_keep(struct listing *listing, const struct slice values[]);
/* Prints the page. 0, or -1 with errno when it cannot be written. */
int listing_print(struct listing *listing) MUST_CHECK;
/* Prints what comes after the last page; there must have been one. As listing_print(). */
int listing_end(struct listing *listing) MUST_CHECK;
/* Frees what is kept. */
void listing_free(struct listing *listing);

#endif
