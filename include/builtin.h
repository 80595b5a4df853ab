/* The commands that the daemon answers itself: hello ping help whoami quit begin abandon. A table of name and function. */
#ifndef BUURTAAL_BUILTIN_H
#define BUURTAAL_BUILTIN_H

#include "base.h"

struct evbuffer;
struct request;
struct request_speaker;
struct server;
struct watcher;

/* What a builtin may need of its connection. */
struct builtin_context {
    struct server *server;
    struct request_speaker *speaker;
    struct watcher *watcher;
    int certificate_days;
};

/* Answers `request`, whose command is a BUILTIN and which is the first of its window, into `out` and sets its stage. False when
 * it cannot be answered yet: it is called again when the watcher is. */
bool builtin_answer(struct request *request, struct builtin_context *context, struct evbuffer *out) MUST_CHECK;

/* Whether what stands behind it is not begun before it is answered: `watch`. */
bool builtin_holds(const struct request *request);

/* Whether the conversation ends with this request, so that nothing behind it is read: `quit`. */
bool builtin_is_last(const struct request *request);

#endif
