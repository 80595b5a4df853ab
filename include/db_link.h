/* A libpq connection in pipeline mode that never blocks the loop, and comes back by itself with growing back-off.
 *
 * The life of a link: db_link_open -> it connects, and tells `up` -> the owner sends what it must see first, and calls
 * db_link_settled when all is well -> `input` whenever bytes have come in -> when it breaks, or the owner says it has,
 * `down`, and it connects again. Callbacks come from the loop, or from within db_link_fail. */
#ifndef BUURTAAL_DB_LINK_H
#define BUURTAAL_DB_LINK_H

#include "base.h"

struct db_link;
struct event_base;
struct pg_conn; /* libpq's PGconn */

typedef void db_link_callback(void *owner);
typedef void db_link_down(void *owner, const char *why); /* `why`: one line, for the log */

/* Begins to connect to `conninfo`, again and again, at the loop's next turn. `name` is for the log; `write` asks for a
 * server that takes writes. NULL with the reason in `why` (conninfo.h tells what is refused). The caller owns it. */
struct db_link *db_link_open(struct event_base *base, const char *name, const char *conninfo, bool write,
                             db_link_callback *up, db_link_callback *input, db_link_down *down, void *owner, char *why,
                             size_t why_size) MUST_CHECK;
/* Ends the connection without a callback. NULL is allowed. */
void db_link_close(struct db_link *link);

/* libpq's connection, to send on and take results from; NULL while there is none. */
struct pg_conn *db_link_connection(struct db_link *link);
/* Sends what libpq holds, now or as the socket takes it. */
void db_link_flush(struct db_link *link);
/* What was sent first is answered, and good: no deadline runs any more, and the next break is tried again soon. */
void db_link_settled(struct db_link *link);

/* Takes it down at once, and arms the next try. */
void db_link_fail(struct db_link *link, const char *why);
/* Does so at the loop's next turn: something failed inside a call of the owner's. */
void db_link_break(struct db_link *link);
/* Whether db_link_break was called, so that nothing may be sent any more. */
bool db_link_broken(const struct db_link *link);

#endif
