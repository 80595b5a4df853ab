/* A college's export of students, row by row, as requests to register them. Pure. */
#ifndef BUURTAAL_TOOL_ROSTER_H
#define BUURTAAL_TOOL_ROSTER_H

#include "base.h"
#include "line.h"
#include "tool_csv.h"
#include "tool_text.h"

enum roster_column {
    ROSTER_STUDENT,
    ROSTER_PREFIX,
    ROSTER_SURNAME,
    ROSTER_FIRST,
    ROSTER_BORN,
    ROSTER_SESSION,
    ROSTER_ELECTIVE,
    ROSTER_ECKID,
    ROSTER_NEEDS,
    ROSTER_COLUMNS
};

struct roster {
    size_t width;           /* columns of the file */
    int at[ROSTER_COLUMNS]; /* where each stands, from 0; -1: it does not */
    const char *session;    /* stands for the column; NULL: it must be there */
};

/* What is wrong with a row, or with the header. */
struct roster_fault {
    int column; /* enum roster_column; -1: the row as a whole */
    struct slice value;
    enum text_id reason;
};

/* Finds the columns by the header's names. 0, or -1: one that is needed is missing, or one that is known is there
 * twice. */
int roster_header(struct roster *roster, struct slice header, const char *session, struct roster_fault *fault)
    MUST_CHECK;

/* A column's name in the file. */
const char *roster_name(enum roster_column column);
/* The column that a field of `register` comes from; -1 when there is none. */
int roster_column_of(struct slice field);
/* The value of a column in a row, without blanks around it; absent when the file, or this row, has none. */
struct slice roster_value(const struct roster *roster, struct slice row, enum roster_column column);

/* Writes the request that registers the row's student. Its length with its LF; 0 with `fault` when the row is refused.
 */
size_t roster_request(const struct roster *roster, struct slice row, unsigned tag, bool check,
                      char line[LINE_MAX_BYTES], struct roster_fault *fault) MUST_CHECK;

/* A date as colleges write it (14-03-2009, 1-3-2009, 20090314; 00-03-2009 and 00-00-2009 when partly unknown) as the
 * registry does: 2009-03-14, 2009-03, 2009. 0, or -1 when there is no such date. */
int roster_date(struct slice text, char out[11]) MUST_CHECK;

/* Whether a number passes the check that BSN and onderwijsnummer have. */
bool roster_looks_like_bsn(struct slice number);

#endif
