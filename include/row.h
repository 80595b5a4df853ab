/* The fields of a line, from a row that came home. */
#ifndef BUURTAAL_ROW_H
#define BUURTAAL_ROW_H

#include "base.h"
#include "line.h"
#include "result.h"

#define ROW_COLUMNS_MAX 64

struct seal;

/* What the columns of a result are, looked at once. All that is pointed at stays the caller's. */
struct row_columns {
    struct result *result;
    struct seal *seal;
    size_t count; /* columns that are told, by their numbers, in this order */
    uint8_t told[ROW_COLUMNS_MAX];
    size_t object;               /* the column that sealed values are bound to; 0: none */
    bool bound[ROW_COLUMNS_MAX]; /* whether a sealed column is bound to it */
};

/* Looks at the columns `first` to `end` - 1 of `result`, which are told in their order. 0, or -1 when there are too many. */
int row_survey(struct row_columns *columns, struct result *result, struct seal *seal, size_t first,
               size_t end) MUST_CHECK;
/* Only those in `replies`, names separated by a space, are told, and in that order. */
void row_choose(struct row_columns *columns, const char *replies);
/* Adds the fields of a row to a line; sealed values are opened. NULL, or why the row cannot be told, for the log. */
const char *row_put(const struct row_columns *columns, struct line_writer *writer, size_t row) MUST_CHECK;

#endif
