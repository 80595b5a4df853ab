/* Sends a list of writes and sees to it that each gets its answer: pipelined, again after BUSY, again after a lost
 * connection. That is safe since a write repeated is no second effect. */
#ifndef BUURTAAL_TOOL_SENDING_H
#define BUURTAAL_TOOL_SENDING_H

#include "base.h"
#include "line.h"
#include "tool_answer.h"
#include "tool_profile.h"

struct sending {
    size_t count; /* of writes */
    void *own;
    /* The number that request `i` has as its tag. */
    unsigned (*tag)(void *own, size_t i);
    /* Writes request `i` with its tag and its LF. Its length, or 0 when there is nothing to send for it. May be called
     * more than once for the same `i`, and must then write the same. */
    size_t (*make)(void *own, size_t i, char line[LINE_MAX_BYTES]);
    /* The answer to request `i`: OK, NO or BAD. Called once for each. */
    void (*answered)(void *own, size_t i, const struct answer *answer);
    /* How many are answered, for a bar; may be NULL. */
    void (*progress)(void *own, size_t done);
};

/* Sends them all in order. EX_OK when all are answered, else a status of sysexits.h after telling why. */
int sending_run(const struct profile *profile, const struct sending *sending) MUST_CHECK;

#endif
