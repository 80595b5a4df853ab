/* Herding the requests of all connections into few transactions: while one batch is in the database the next gathers. It
 * leaves when that one is done, before its answers are told; when the database is idle, at the end of the loop's turn.
 *
 * The life of an item: its owner fills it and hands it to batch_add with its source -> it waits in the source's queue ->
 * the source's leading run (items of one command) joins a batch -> `answer` is called exactly once, and the item is its
 * owner's again. Items of one source are answered in the order in which they were added; a source has one run in the
 * database at a time.
 *
 * A batch that fails: class 40, the whole again; a lost connection, the whole again under the same number, so that it
 * cannot be done twice; classes 53 and 57, BUSY; anything else, halved in order until the one bad item stands alone, which is
 * BUSY too when a key sealed it that must not seal any more. */
#ifndef BUURTAAL_BATCH_H
#define BUURTAAL_BATCH_H

#include <sys/queue.h>

#include "base.h"
#include "db.h"
#include "proto.h"
#include "statement.h"

#define BATCH_ID_ROOM 40 /* of the id of NO internal, with its NUL */

struct batch;
struct config;
struct event_base;

enum batch_outcome {
    BATCH_ROWS,     /* the function has answered; for a write the answer is durable */
    BATCH_INTERNAL, /* our fault, `id` names it in the log; nothing stays */
    BATCH_OVERLOAD, /* BUSY overload: it was not tried */
    BATCH_DATABASE, /* BUSY database: nothing of it stays */
    BATCH_UNKNOWN,  /* BUSY unknown: it may have been done */
};

/* What came of an item: rows first_row .. first_row + rows - 1 of `result`, valid until `answer` returns. */
struct batch_answer {
    enum batch_outcome outcome;
    struct result *result;
    size_t first_row, rows;
    const char *id;
};

struct batch_item;
typedef void batch_callback(struct batch_item *item, const struct batch_answer *answer);

enum batch_step {
    BATCH_GO_ON,  /* run the calls that were set, at least one */
    BATCH_KEEP,   /* run `keep`, whose cells are looked at only now, and commit */
    BATCH_UNDO,   /* nothing stays */
    BATCH_BROKEN, /* nothing stays, for an answer was none: BATCH_INTERNAL */
};

/* Many requests as one item: they run in a transaction of their own, all or nothing. It is never halved and shares with
 * nobody. `begin` sets the first `calls`, or none; it is called again when all that was done was lost. `step` is called
 * with the results of the calls, of which it takes what it wants by setting it to NULL, and says how to go on. The
 * item's answer brings the row of `keep`; no result when nothing stays. */
struct batch_block {
    void (*begin)(struct batch_item *item);
    enum batch_step (*step)(struct batch_item *item, struct result **results);
    const struct db_call *calls;
    size_t count;
    struct db_call keep;
};

/* Embedded in what is waiting. The owner sets all but the links. */
struct batch_item {
    TAILQ_ENTRY(batch_item) link;
    const struct proto_command *command;
    bool rehearsal;
    bool urgent; /* goes before all others, alone, and is never refused: the daemon's own */
    bool locked; /* a question that goes as a write, under the lock of the log's head, shared only with others of its source: the
                    daemon's own */
    uint32_t key; /* number of the key that its cells are sealed with; 0: none is. A block's `begin` sets it */
    struct batch_block *block; /* NULL but for a block; `command` is then that of `keep` */
    const struct slice *cells; /* statement_params(command) of them, the owner's, unchanged until `answer` */
    batch_callback *answer;
    struct batch_source *source;
    int64_t since; /* set by batch_add: monotonic ms */
    bool taken;    /* set while it is in the database */
};

TAILQ_HEAD(batch_queue, batch_item);

/* Embedded in whoever sends: a connection, or the daemon itself. */
struct batch_source {
    TAILQ_ENTRY(batch_source) link;
    struct batch_queue waiting;
    size_t in_flight; /* items of its run in the database */
    bool listed;
};

void batch_source_init(struct batch_source *source);

/* Opens the two connections of `config` (write and read), with the prints of this daemon's keys (seal_prints). NULL with the reason in `why`. The caller owns the result. */
struct batch *batch_new(struct event_base *base, const struct config *config, const char *keys, char *why,
                        size_t why_size) MUST_CHECK;
/* The daemon's keys are others now. */
void batch_keys(struct batch *batch, const char *keys);
/* What the registry said of them, as db_keys_fault of the connection that writes. */
const char *batch_keys_fault(const struct batch *batch);
/* Ends the connections; nothing more is answered. NULL is allowed. */
void batch_free(struct batch *batch);

/* Adds an item behind those of its source. NULL; or a BUSY code of replies.def (too many wait, or the oldest for too long),
 * and the item was not taken. */
const char *batch_add(struct batch *batch, struct batch_source *source, struct batch_item *item) MUST_CHECK;
/* Takes back all waiting items of a source, without an answer; items that are `taken` are still answered
 * (source->in_flight tells how many). */
void batch_drop(struct batch *batch, struct batch_source *source);
/* Once a second: answers what has waited too long while the database is away. */
void batch_tick(struct batch *batch);
/* Both connections are up and checked. */
bool batch_ready(const struct batch *batch);
/* Nothing waits and nothing is in the database. */
bool batch_idle(const struct batch *batch);

#endif
