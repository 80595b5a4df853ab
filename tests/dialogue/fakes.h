/* The rooms that dialogues replace at link time: stream.c, db.c, clock.c, log.c and server.c, each with strings for the
 * test to pull. No sockets, no time, no database: what happens is what the test says. Out of memory ends the test. */
#ifndef DIALOGUE_FAKES_H
#define DIALOGUE_FAKES_H

#include <event2/buffer.h>
#include <event2/event.h>

#include "db.h"
#include "server.h"
#include "stream.h"

/* ---- clock.c: both clocks stand until the test moves them ---- */

extern int64_t fake_now; /* monotonic ms; the wall is 2027-04-02 08:00 UTC ahead of it */

/* ---- log.c: lines are kept until the test has looked ---- */

extern char fake_log[];
void fake_log_clear(void);

/* ---- stream.c: `fd` of stream_open is the number of the peer, from 0 ---- */

#define PEERS_MOST 8

struct fake_peer {
    struct stream *stream; /* NULL before stream_open and after CLOSED */
    struct stream_peer who;
    struct evbuffer *sent;                                         /* by the test, not yet read */
    struct evbuffer *heard;                                        /* taken from the session, not yet looked at */
    bool stuck;                                                    /* takes no output */
    bool ended;                                                    /* has said close_notify behind what it sent */
    bool bytewise;                                                 /* is read a byte at a time */
    enum { FAKE_OPEN, FAKE_FINISHED, FAKE_ABORTED, FAKE_CUT } end; /* how its stream ended */
};

extern struct fake_peer fake_peers[PEERS_MOST];

/* Makes all peers new; and frees what they hold. */
void fake_peers_begin(void);
void fake_peers_end(void);
/* The events of a stream, as the loop would bring them. */
void fake_ready(struct fake_peer *peer);
void fake_cut(struct fake_peer *peer);
/* From now on its output takes no bytes, as when memory has run out. */
void fake_choke(struct fake_peer *peer);
/* Brings what is due: input, output, ends. True when there was something. */
bool fake_streams_turn(void);
bool fake_reading(const struct fake_peer *peer);

/* ---- db.c: two connections, which hold what was sent until the test answers ---- */

struct fake_request {
    const struct proto_command *command;
    size_t call, ordinal; /* its call in the batch, from 0, and its place in that call, from 1 */
    size_t cell_count;
    struct slice *cells; /* copies */
};

#define FAKE_CALLS_MOST 256

struct fake_batch {
    enum db_kind kind;
    bool held, ends, stays; /* of a block: its first half is done; it is the second, which keeps it or not */
    uint64_t number;
    size_t calls, requests;
    const struct proto_command *commands[FAKE_CALLS_MOST];
    struct fake_request *request;
    struct result *results[FAKE_CALLS_MOST];
};

struct db *fake_db(bool write);
/* The batch in hand, NULL when there is none. */
struct fake_batch *fake_db_batch(struct db *db);
void fake_db_state(struct db *db, bool ready);

/* Adds a row to the answer of `request`; its number among the rows of its call. */
size_t fake_row(struct fake_batch *batch, const struct fake_request *request);
/* Sets a value of a row, which is copied; absent means NULL. `name` is a reply's, or `no` for the code, `field`,
 * `present`, `at` for the log number of the statement, `log` for that and the reply of that name. False when there is
 * no such name. */
bool fake_set(struct result *result, size_t row, const char *name, enum result_form form, struct slice value);
/* Ends the batch in hand. DB_LOST takes the connection down too; DB_DONE holds the first half of a block. */
void fake_db_done(struct db *db, enum db_outcome outcome, const char *sqlstate);

/* ---- server.c keeps lists of clients and parties as the real one does ---- */

#endif
