/* Sends a stream of writes and sees to it that each gets its answer: pipelined, again after BUSY, again after a lost
 * connection. That is safe since a write repeated is no second effect. Of the stream no more is in memory than is under
 * way. */
#ifndef BUURTAAL_TOOL_SENDING_H
#define BUURTAAL_TOOL_SENDING_H

#include "base.h"
#include "line.h"
#include "tool_answer.h"
#include "tool_retry.h"

/* Where requests come from and answers go. The life of an item: next, answered, leave. */
struct sending {
    void *own;
    /* Writes the next request, with a tag that no other under way has, also into `*tag`, and its LF. Its length; or 0:
     * then there is nothing to send for `*item`, or, with `*item` left NULL, nothing more to come. */
    size_t (*next)(void *own, char line[LINE_MAX_BYTES], unsigned *tag, void **item);
    /* There is no next: whether those that came are all that were to come, after telling if not. Nothing of a block is
     * sent before. May be NULL. */
    bool (*whole)(void *own);
    /* The answer to an item's request: OK, NO or BAD. In a block it may be called again, when that had to be sent
     * again, or with NULL, when the answer was none of this item but of the block; the last one holds. */
    void (*answered)(void *own, void *item, const struct answer *answer);
    /* The item is done with: answered, or there was nothing to send, or it was given up. In the order of next(). May be
     * NULL. */
    void (*leave)(void *own, void *item);
    /* Called now and then, for a bar, and before something is told to people, to take it away; may be NULL. */
    void (*progress)(void *own);
    void (*hide)(void *own);
};

/* Sends them all in order, each by itself, over a connection that was opened. EX_OK when all are answered, else a
 * status of sysexits.h after telling why. */
int sending_run(struct retry *retry, const struct sending *sending) MUST_CHECK;

static inline void sending_hide(const struct sending *sending)
{
    if (sending->hide)
        sending->hide(sending->own);
}

#endif
