/* The window of a connection: the requests that it has asked and that are not answered yet, in their order.
 *
 * The life of a request here: window_add (the lines of a block: window_keep) -> it begins when it is its turn, in the database or in the daemon -> as the
 * first of the window it is answered, and gone. window_run does all of this that can be done now. */
#ifndef BUURTAAL_WINDOW_H
#define BUURTAAL_WINDOW_H

#include "base.h"
#include "batch.h"
#include "request.h"

struct block;
struct evbuffer;
struct server;
struct server_client;
struct watcher;
struct window;

#define WINDOW_MOST 256 /* requests; the owner takes no more lines */

/* An answer has come home and is written (or thrown away, when the window is shut). The owner may free the window when
 * nothing of it is in the database any more, and must return at once when it did. */
typedef void window_callback(struct window *window);

/* Embedded in a connection, which reads it and changes nothing. */
struct window {
    struct server *server;
    struct server_client *client;
    struct request_speaker *speaker;
    struct watcher *watcher;
    struct evbuffer *out;
    window_callback *answered;
    int certificate_days;

    struct request_queue queue;
    size_t count;
    struct request *next; /* the first that is not begun; NULL: none */
    struct block *open;   /* the block that lines go to; NULL: none */
    struct request *holds; /* a list, a block or a watch that is begun or refused: what is behind it waits for its last answer */
    struct batch_source source;
    bool shut;   /* nothing is written any more: answers that come home are thrown away */
    bool disowned; /* a request was: the certificate counts no more, or for another role */
    bool broken; /* memory ran out while answering: what is written is not whole, and the connection must end */
};

/* Answers will be written to `out` for `speaker`; all that is pointed at stays as long as the window. */
void window_init(struct window *window, struct server *server, struct server_client *client,
                 struct request_speaker *speaker, struct watcher *watcher, struct evbuffer *out,
                 window_callback *answered);

/* Takes a line (without LF, copied) into the block that is open; false when none is, or when it has the verb of what ends
 * one: then it is to be a request. */
bool window_keep(struct window *window, struct slice line) MUST_CHECK;
/* Takes over a request, behind all others. */
void window_add(struct window *window, struct request *request);

/* Begins and answers what it can. `few`: little waits to be sent, so that a list may go on with its next page. True
 * when it answered something, so that there is room. Calls nobody back. */
bool window_run(struct window *window, bool few);

/* Whether it stands between two answers: the first request has not got the beginning of its own. */
bool window_is_between(const struct window *window);

/* Takes back and forgets what is not in the database, without an answer; but a list whose first rows were sent gets a
 * status, `NO code`, or BUSY where there is no such NO. */
void window_drop(struct window *window, const char *code);

/* Throws away all: what is not in the database now, what is there when it comes home. */
void window_shut(struct window *window);

/* Whether the database holds nothing of it, so that its memory may go (after window_shut). */
bool window_is_free(const struct window *window);

#endif
