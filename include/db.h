/* One connection to PostgreSQL that never blocks the loop: it connects, prepares, sends batches, and comes back by itself
 * with growing back-off. It knows statements and rows, nothing of what they mean. Tests of dialogues replace this room
 * at link time.
 *
 * The life of a connection: DOWN -> connecting -> checking (settings, every function against commands.def, prepare) ->
 * READY; then one batch at a time: db_send -> `done`, which may call db_send again (a block: DB_HELD, db_go_on or
 * db_end, `done`). A connection that is lost answers the batch in hand with DB_LOST and goes DOWN. `state` is called at READY and at DOWN. Callbacks come from the loop only. */
#ifndef BUURTAAL_DB_H
#define BUURTAAL_DB_H

#include "base.h"
#include "proto.h"
#include "result.h"

struct db;
struct event_base;

enum db_kind {
    DB_READ,      /* the calls, one Sync */
    DB_WRITE,     /* the lock of the log's head with this run's batch number, the calls, one Sync: the commit */
    DB_REHEARSAL, /* BEGIN, lock, the calls, ROLLBACK, Sync */
    DB_BLOCK,     /* BEGIN, lock, the calls, Sync; by db_go_on more calls, Sync; by db_end a last one and COMMIT, or ROLLBACK;
                     Sync */
};

/* One call: `rows` requests of one command. The cells of the parameters are asked for while db_send runs. */
struct db_call {
    const struct proto_command *command;
    size_t rows;
    void *const *items; /* `rows` of them, handed to `cell` */
};

typedef struct slice db_cell(const void *item, size_t param);

enum db_outcome {
    DB_HELD,   /* calls of a block are done; its transaction is open until the owner calls db_go_on or db_end */
    DB_DONE,   /* committed (or read, or rolled back as a rehearsal or a block is) */
    DB_FAILED, /* nothing of it stays; `sqlstate` says why */
    DB_LOST,   /* the connection broke; whether it was committed is not known */
};

/* `results[i]` are the rows of calls[i], theirs until this returns, but for those that the owner takes by setting them to
 * NULL; `results` is NULL where there were no calls, or the outcome is another than DB_DONE and DB_HELD. `sqlstate` has
 * five characters, "" unless DB_FAILED; `message` is for the log and never holds personal data. */
typedef void db_done(void *owner, enum db_outcome outcome, struct result **results, const char *sqlstate,
                     const char *message);
typedef void db_state(void *owner, bool ready);

#define DB_CALLS_MAX 64 /* of a batch; a block may have more */

/* Begins to connect to `conninfo`. `name` is for the log: "write" or "read". `write` asks for a server that takes writes.
 * `keys` are the prints of the daemon's keys (copied): a registry that has others ends the process at the start, and later
 * when its matching key is another; where a key is missing later, the connection stays away until db_keys brings it.
 * NULL with the reason in `why` (conninfo.h tells what is refused). The caller owns the result. */
struct db *db_open(struct event_base *base, const char *name, const char *conninfo, const char *keys, bool write,
                   db_cell *cell, db_done *done, db_state *state, void *owner, char *why, size_t why_size) MUST_CHECK;
/* Shows the registry other keys, at once or when the batch in hand is done; `state` is called when it has taken them. */
void db_keys(struct db *db, const char *keys);
/* Why the registry refused the keys that were shown last; it is shown those of before, over the same connection. "" where it
 * took them. NULL: not judged yet. */
const char *db_keys_fault(const struct db *db);
/* Ends the connection without a callback. NULL is allowed. */
void db_close(struct db *db);

/* Whether a batch may be sent now. */
bool db_ready(const struct db *db);
/* Sends a batch of at most DB_CALLS_MAX calls (a block: any number); db_ready must hold. `number` is the batch's but for reads,
 * `key` the number of the oldest key that anything of it is sealed with, 0 for none.
 * The calls are read before this returns. */
void db_send(struct db *db, enum db_kind kind, uint64_t number, uint32_t key, const struct db_call *calls, size_t count);
/* Sends more calls of the block that is held, at least one. From within the callback that said DB_HELD. */
void db_go_on(struct db *db, const struct db_call *calls, size_t count);
/* Ends the block that is held: with `keep` (one call more, as the last of it) it stays, with NULL nothing of it does. From within
 * the callback that said DB_HELD. Its results are those of `keep`. */
void db_end(struct db *db, const struct db_call *keep);

#endif
