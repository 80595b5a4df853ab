/* How a table was written, guessed from its beginning. Pure. */
#ifndef BUURTAAL_TOOL_GUESS_H
#define BUURTAAL_TOOL_GUESS_H

#include "base.h"
#include "tool_csv.h"

struct guess {
    struct csv csv;
    unsigned lead; /* rows before the header, or before the first row: titles, `sep=;` */
    bool header;
    bool trailing;  /* each row ends in a separator, behind which is no cell */
    size_t columns; /* of most rows */
    bool quotes;    /* some cells are between quotes */
    char other; /* what stands between the names of a header that is cut otherwise than its rows; 0: they are alike */
};

/* Guesses from the first `len` bytes of a text, whose last row may be cut off unless `whole`. */
void guess_table(const char *text, size_t len, bool whole, struct guess *guess);

/* A guess for a text in this dialect: only what stands in it is looked at. */
void guess_rows(const char *text, size_t len, bool whole, const struct csv *csv, struct guess *guess);

#endif
