/* What waits for those who watch for one party in one role: the lines once, and for each watcher how far it has come.
 *
 * The life of a line here: audience_append -> each watcher that is on gets it, or passes over it, in audience_fill -> when all
 * have, it goes. When too much waits the oldest goes before that: who has not got it gets `* lost` in its place. */
#ifndef BUURTAAL_AUDIENCE_H
#define BUURTAAL_AUDIENCE_H

#include <sys/queue.h>

#include "base.h"

#define AUDIENCE_TOPICS 8
#define AUDIENCE_MOST ((size_t)1 << 20)       /* bytes that wait for one audience */
#define AUDIENCE_ALL_MOST ((size_t)64 << 20) /* for all that share a `total` */

struct audience;
struct audience_thing;
struct evbuffer;
struct notice;
struct watcher;

/* There may be something for the watcher now. */
typedef void watcher_callback(struct watcher *watcher);

/* What a `watch` that is not answered yet has come to; see watch.h. */
enum watcher_wish { WISH_NONE, WISH_WAITING, WISH_JOINING, WISH_GRANTED, WISH_REFUSED };

/* Embedded in a connection, which changes nothing of it. */
struct watcher {
    TAILQ_ENTRY(watcher) link;  /* its audience's */
    TAILQ_ENTRY(watcher) due;   /* those that are to be called */
    struct audience *audience;  /* NULL: it watches nothing and waits for nothing */
    watcher_callback *call;
    unsigned topics;            /* that it watches: bit i is topic i; 0: it is not on */
    uint64_t next;              /* the line that it is at */
    uint64_t from[AUDIENCE_TOPICS]; /* the first line of a topic that is for it */

    TAILQ_ENTRY(watcher) asking; /* watch.c's, with all that follows */
    enum watcher_wish wish;
    unsigned wanted;      /* topics */
    uint64_t since;       /* the number that was granted */
    const char *refusal;  /* the code of BUSY; NULL: our own fault */
    bool is_due;
};

TAILQ_HEAD(watcher_list, watcher);

struct audience_topics {
    size_t count;
    struct slice names[AUDIENCE_TOPICS];
};

struct audience {
    LIST_ENTRY(audience) link; /* watch.c's, as `asked` and `based` */
    const struct audience_topics *topics;
    size_t *total;
    struct watcher_list watchers;
    size_t on; /* watchers that are */
    char party[65];
    unsigned role;

    struct notice **ring; /* line n is at n % room */
    size_t room, bytes;
    uint64_t first, next; /* lines `first` to `next` - 1 wait */
    struct {
        uint64_t end, log; /* behind the last line that went before all had it, and its number of the log */
    } dropped[AUDIENCE_TOPICS];

    LIST_HEAD(, audience_thing) things; /* states, as they were when they were last noted */
    unsigned asked, based;              /* topics */
};

/* `topics` and `total`, the bytes that wait for all audiences, are the caller's and stay. The caller owns the result; NULL when
 * out of memory. */
struct audience *audience_new(const struct audience_topics *topics, size_t *total, const char *party,
                              unsigned role) MUST_CHECK;
/* Nobody may be left in it but watchers that are gone with it. NULL is allowed. */
void audience_free(struct audience *audience);

/* Adds a line (with its LF, copied) of a topic, under a number of the log, for all watchers that are on. What there is no memory
 * for is lost to them. */
void audience_append(struct audience *audience, size_t topic, uint64_t log, struct slice line);
/* A line of a topic, and all that wait, are lost to those who have not got them. */
void audience_miss(struct audience *audience, size_t topic, uint64_t log);

/* Takes note, in a round, of a state of a topic by its name; "" is one that is not there. 1 when it is to be told: it is another
 * than it was, and what it was is known (`based`). 0 when not; -1 when out of memory: nothing is known of it then. */
int audience_note(struct audience *audience, size_t topic, uint64_t round, struct slice name,
                  struct slice state) MUST_CHECK;
/* Forgets the states that the round has not seen: they are none any more. */
void audience_sweep(struct audience *audience, uint64_t round);

/* Makes it one of the audience, for nothing yet. */
void audience_enter(struct audience *audience, struct watcher *watcher);
/* It watches these topics, at least one, from now on: what waits of those that it watched already is still for it. */
void audience_set(struct watcher *watcher, unsigned topics);
/* Idempotent. */
void audience_leave(struct watcher *watcher);

/* Adds lines to `out` while that holds less than `most` bytes. 0; -1 when out of memory, and `out` may not be whole. */
int audience_fill(struct watcher *watcher, struct evbuffer *out, size_t most) MUST_CHECK;

#endif
