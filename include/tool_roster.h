/* A college's table of students, row by row, as requests to register them. */
#ifndef BUURTAAL_TOOL_ROSTER_H
#define BUURTAAL_TOOL_ROSTER_H

#include "base.h"
#include "line.h"
#include "tool_table.h"
#include "tool_text.h"

enum roster_column {
    ROSTER_STUDENT,
    ROSTER_PREFIX,
    ROSTER_SURNAME,
    ROSTER_FIRST,
    ROSTER_NAME, /* whole: van der Graaf, Jacobus Adrianus */
    ROSTER_BORN,
    ROSTER_SESSION,
    ROSTER_ELECTIVE,
    ROSTER_ECKID,
    ROSTER_NEEDS,
    ROSTER_COLUMNS
};

#define ROSTER_MAPS ROSTER_COLUMNS
#define ROSTER_HEADING_BYTES 64

/* What was said of the columns: texts COLUMN=HEADING, with COLUMN one of roster_word() and HEADING a name of the header
 * or a number from 1. Each ends in NULL, and may be NULL. */
struct roster_map {
    const char *const *given;    /* holds, or the table is refused */
    const char *const *recalled; /* of earlier files: used where the header does not say something else */
};

/* What roster_guess() found. */
struct roster {
    size_t width;                                       /* columns of the table */
    bool strict;                                        /* a row has them all */
    bool sheet;                                         /* it is of a workbook, whose rows end where nothing more is */
    int at[ROSTER_COLUMNS];                             /* where each stands, from 0; -1: it does not */
    bool recalled[ROSTER_COLUMNS];                      /* it was called so in earlier files */
    bool passed_over;                                   /* something else was called so, which the header contradicts */
    char heading[ROSTER_COLUMNS][ROSTER_HEADING_BYTES]; /* what the file calls each; else our name for it */
    const char *session;                                /* stands for the column; NULL: it must be there */
    bool month_first, serial; /* dates are 3/14/2009, or numbers of days as Excel counts them */
    int this_year;
    char youngest[11], eldest[11]; /* dates of birth, as 2017-04-02 */
    size_t digits;    /* student numbers have so many, and zeros before them were lost; 0: they are as they are */
    char guess[4096]; /* which column means what and how dates are written, in words */
};

/* What is wrong with a row. */
struct roster_fault {
    int column;         /* enum roster_column; -1: the row as a whole */
    struct slice value; /* a cell of the row; may be absent */
    const char *rule;   /* a word, the same in every language: missing, code, date ... */
    enum text_id reason;
    char detail[8]; /* what its %s stands for */
};

/* Finds out which column means what, by the header's names or, without a header, by the values, and how dates are
 * written; reads the table for that and rewinds it. `map` may be NULL. `session`, which must stay, stands for a column
 * of sessions; NULL: there must be one. 0; -1 after telling why not: a column is missing or could be two, what `map`
 * gives does not fit, the student numbers are BSNs, or the table cannot be read. */
int roster_guess(struct roster *roster, struct table *table, const struct roster_map *map, const char *session,
                 enum text_lang lang) MUST_CHECK;

/* What a column is called where the user names it, as in --map: `student`. */
const char *roster_word(enum roster_column column);
/* The column that a field of `register` comes from; -1 when there is none. */
int roster_column_of(struct slice field);

/* Writes the request that registers the student of a row, as table_next() gave it. Its length with its LF; 0 with
 * `fault` when the row is refused. The same row gives the same request. */
size_t roster_request(const struct roster *roster, const struct slice cells[TABLE_COLUMNS], size_t count, unsigned tag,
                      bool check, char line[LINE_MAX_BYTES], struct roster_fault *fault) MUST_CHECK;

/* A cell's value in a column; absent when there is none. */
struct slice roster_value(const struct roster *roster, const struct slice cells[], enum roster_column column);
bool roster_is_digits(struct slice value);
/* Whether a number passes the check that BSN and onderwijsnummer have. */
bool roster_looks_like_bsn(struct slice number);

#endif
