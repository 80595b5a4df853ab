/* Who watches: what is new in the topics that can be watched, read from the database for all connections at once, and handed to
 * each as notices. A topic is a word of the type `topic`: the verb of a read, whose answer's fields its notices have.
 *
 * The life of a `watch`: watch_ask -> WISH_WAITING -> a round that asks for it begins: WISH_JOINING -> the round is at its end:
 * WISH_GRANTED, and the connection is called, which then answers OK: all that comes behind the number `since` of the watcher is
 * told by notices. Or WISH_REFUSED, for `refusal`. */
#ifndef BUURTAAL_WATCH_H
#define BUURTAAL_WATCH_H

#include "audience.h"
#include "base.h"

struct request_speaker;
struct server;
struct watch;

/* The caller owns the result; NULL when out of memory. */
struct watch *watch_new(struct server *server) MUST_CHECK;
/* Only after batch_free: a question may be under way. NULL is allowed. */
void watch_free(struct watch *watch);

/* What the newest of the daemon's questions for news said: the number of the log, and the day in Amsterdam. Asks what is new
 * for those who watch, when anything can be. */
void watch_saw(struct watch *watch, uint64_t log, struct slice day);
/* Once a second: refuses who has begun to wait when the database is away. */
void watch_tick(struct watch *watch);

/* Before all else. `call` is told when a wish was granted or refused, and when there is something to fill in. */
void watch_init(struct watcher *watcher, watcher_callback *call);
/* The set of topics in a list of their names, as it has passed the form of the type. */
unsigned watch_topics(const struct watch *watch, struct slice list);
/* Whether `role` may use the reads of all of them. */
bool watch_allows(const struct watch *watch, unsigned topics, unsigned role);
/* Begins to wait for these topics, at least one, in place of those that it watches, which go on until then. 0, or -1 when
 * out of memory. */
int watch_ask(struct watch *watch, struct watcher *watcher, const struct request_speaker *speaker,
              unsigned topics) MUST_CHECK;
/* After a wish was settled and answered. */
void watch_answered(struct watcher *watcher);
/* The id under which the log tells our own fault, for which a wish was refused. */
const char *watch_fault(const struct watch *watch);
/* Watches nothing and waits for nothing any more. Idempotent. */
void watch_end(struct watch *watch, struct watcher *watcher);

/* Whether it watches anything. */
static inline bool watch_is_on(const struct watcher *watcher)
{
    return watcher->topics != 0;
}

#endif
