/* Rows of text and their cells, in a given dialect. Pure, but for the writer. */
#ifndef BUURTAAL_TOOL_CSV_H
#define BUURTAAL_TOOL_CSV_H

#include <stdio.h>

#include "base.h"

struct csv {
    char separator;
    char end;    /* of a row: LF, before which a CR may stand, or CR */
    bool quoted; /* a cell may stand between quotes, then holds separators and line ends, and a quote as two */
    size_t columns; /* of most rows; 0: not known */
};

/* Where a row is. */
struct csv_row {
    size_t len;     /* without its line end */
    size_t taken;   /* with it */
    unsigned lines; /* how many it is */
};

enum csv_verdict {
    CSV_PART, /* its end is not among the bytes */
    CSV_WHOLE,
    CSV_TORN, /* its quotes do not fit, or a cell holds whole rows: `row` is its first line alone */
};

/* Finds the end of the row that begins at `bytes`. With `final` no more bytes will come, and it is never CSV_PART. */
enum csv_verdict csv_find(const struct csv *csv, const char *bytes, size_t len, bool final, struct csv_row *row)
    MUST_CHECK;

/* The cells of a whole row, without the blanks around them but with their quotes: the first `room` of them; the number
 * of all. */
size_t csv_cells(const struct csv *csv, const char *bytes, size_t len, struct slice cells[], size_t room);

/* The length of the first `count` cells of a row as they stand there, without the separator behind them. */
size_t csv_prefix(const struct csv *csv, const char *bytes, size_t len, size_t count);

/* Whether a cell stands between quotes, which csv_unquote() takes away: into `room`, no longer than the cell. Its
 * length. */
bool csv_is_quoted(const struct csv *csv, struct slice cell);
size_t csv_unquote(struct slice cell, char *room);

/* Without the blanks (spaces, tabs, no-break spaces) at both ends. */
struct slice csv_trim(struct slice value);

/* Whether a row is a comment: it begins with `# `. */
bool csv_is_comment(const char *bytes, size_t len);

/* A cell without the apostrophe that csv_write() put in front of it. */
struct slice csv_unguarded(struct slice cell);

/* How cells are written. */
enum csv_care {
    CSV_EXACT,
    CSV_GUARDED, /* what a spreadsheet would take for a formula with an apostrophe in front */
    CSV_EXCEL,   /* the same, and a number that begins with a zero as ="0123", which Excel leaves as it is, and which is
                  * read as 0123 */
};

/* What a file begins with, so that Excel takes it for UTF-8. */
#define CSV_BOM "\xef\xbb\xbf"

/* Writes a row, with quotes where a cell must have them, and CR LF at its end. What cannot be written is left to
 * ferror(). */
void csv_write(FILE *file, char separator, enum csv_care care, const struct slice cells[], size_t count);

#endif
