/* The commands that the daemon answers itself: hello ping help whoami quit begin abandon. A table of name and function. */
#ifndef BUURTAAL_BUILTIN_H
#define BUURTAAL_BUILTIN_H

#include "base.h"

struct evbuffer;
struct request;
struct request_speaker;
struct server;

/* What a builtin may need of its connection. */
struct builtin_context {
    struct server *server;
    struct request_speaker *speaker;
    int certificate_days;
};

/* Answers `request`, whose command is a BUILTIN, into `out` and sets its stage. */
void builtin_answer(struct request *request, struct builtin_context *context, struct evbuffer *out);

/* Whether the conversation ends with this request, so that nothing behind it is read: `quit`. */
bool builtin_is_last(const struct request *request);

#endif
