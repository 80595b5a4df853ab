/* The log of a registry, followed row by row, and its heads computed anew (PROTOCOL.md, "The log"). Pure. */
#ifndef BUURTAAL_TOOL_CHAIN_H
#define BUURTAAL_TOOL_CHAIN_H

#include "base.h"
#include "tool_answer.h"

#define CHAIN_FIELDS 8
/* The fields of a row, in the order in which they are under its head. */
extern const char *const chain_fields[CHAIN_FIELDS];

enum chain_verdict {
    CHAIN_FINE,
    CHAIN_GAP,     /* `first` to `last` are not where they should stand */
    CHAIN_BACK,    /* `first` stands behind a row that it should stand before */
    CHAIN_CHANGED, /* `first` to `last` do not give the head behind them */
    CHAIN_PLACE,   /* a head stands elsewhere than behind the row `first` that it names */
    CHAIN_BARE,    /* `first` to `last` have no head behind them */
    CHAIN_FORM,    /* this is neither a row nor a head */
};

struct chain {
    uint64_t log;         /* of the row taken last; 0: none */
    uint64_t covered;     /* by the head taken last */
    uint64_t heads;       /* how many */
    char head[65];        /* the newest, 64 hex digits */
    uint64_t first, last; /* what a verdict is about */
    void *hash;           /* of the head before and the rows behind it */
};

void chain_begin(struct chain *chain);
/* Frees what it holds. */
void chain_end(struct chain *chain);

/* Takes the next row, with the fields of `audit`, or the next head, with those of `heads`. After a verdict other than
 * CHAIN_FINE it must be given no more. */
enum chain_verdict chain_take(struct chain *chain, const struct answer *row) MUST_CHECK;
/* There is no more. */
enum chain_verdict chain_finish(struct chain *chain) MUST_CHECK;

/* A number of the log: digits alone, at most 15, as the registry writes it. 0 when it is none. */
uint64_t chain_number(struct slice value);

#endif
