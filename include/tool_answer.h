/* A line of the daemon, taken apart. Pure. */
#ifndef BUURTAAL_TOOL_ANSWER_H
#define BUURTAAL_TOOL_ANSWER_H

#include "base.h"

#define ANSWER_FIELDS 48

enum answer_kind { ANSWER_ROW, ANSWER_NOTICE, ANSWER_OK, ANSWER_NO, ANSWER_BAD, ANSWER_BUSY };

struct answer {
    enum answer_kind kind;
    struct slice word; /* the code of NO, BAD and BUSY; the first word of a notice; else absent */
    size_t count;
    struct {
        struct slice name, value;
    } fields[ANSWER_FIELDS];
};

/* Reads a line without its LF; values are decoded in place and point into it. 0, or -1 when a daemon does not speak so.
 */
int answer_read(char *bytes, size_t len, struct answer *answer) MUST_CHECK;

/* The value of a field; absent when it is not there. */
struct slice answer_field(const struct answer *answer, const char *name);

/* The rule by which a request was not taken: its code, and what is told with it of the attempt, of the last change, or
 * to be found in the registry's log; the caller frees. */
char *answer_rule(const struct answer *status);
/* What a status line other than OK says to people: field, text and rule; the caller frees. */
char *answer_words(const struct answer *status);
/* The status of sysexits.h for a status line: EX_DATAERR where the data must be mended, EX_NOPERM for a role that may
 * not, EX_USAGE where the line must be, EX_TEMPFAIL where it may be sent again, EX_SOFTWARE for a fault of the
 * registry.
 */
int answer_exit(const struct answer *status);

/* Whether this line ends the answer to a request. */
static inline bool answer_is_status(const struct answer *answer)
{
    return answer->kind >= ANSWER_OK;
}

#endif
