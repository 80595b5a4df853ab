/* What the registry holds of a college's own students: what a file says is held against it before it is sent, so that a
 * number typed wrongly does not become another person's registration. */
#ifndef BUURTAAL_TOOL_KNOWN_H
#define BUURTAAL_TOOL_KNOWN_H

#include "base.h"
#include "tool_answer.h"
#include "tool_retry.h"

struct known;

/* A registration that the registry holds; "" where it has no value. */
struct known_row {
    struct known_row *next; /* the one before it under the same number but for zeros in front; known.c's own */
    const char *student, *session, *name, *born, *elective, *needs;
};

enum known_doubt {
    KNOWN_FINE,
    KNOWN_OTHER, /* that number is somebody else: both name and date of birth are others */
    KNOWN_ZEROS, /* that student is there under a number with more or fewer zeros in front */
};

/* Asks the registry for all registrations that the party sees. EX_OK with `*known`, which the caller frees, else a status
 * of sysexits.h after telling why; `*known` is NULL then. */
int known_ask(struct known **known, struct retry *retry) MUST_CHECK;

/* Nothing known. Never NULL; the caller frees. */
struct known *known_new(void);
/* NULL is allowed. */
void known_free(struct known *known);
/* Keeps a copy of a row of `registrations`; later ones are newer. One without a name is not the party's own: not kept. */
void known_add(struct known *known, const struct answer *row);

/* Whether a student, as a file has it, may be who the registry has under that number; of a doubt `*there` is the row that
 * raises it, which lives as long as `known`. Names are compared without regard to case; of a date of birth what both
 * know. */
enum known_doubt known_judge(const struct known *known, struct slice student, struct slice name, struct slice born,
                             const struct known_row **there) MUST_CHECK;

/* The registration of a student for a session, the newest attempt of it; NULL when there is none. */
const struct known_row *known_registration(const struct known *known, struct slice student, struct slice session);

#endif
