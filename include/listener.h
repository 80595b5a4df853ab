/* The sockets that connections come from: those that were inherited, else one of the daemon's own. */
#ifndef BUURTAAL_LISTENER_H
#define BUURTAAL_LISTENER_H

#include "base.h"

struct config;
struct event_base;
struct listener;

/* Takes over a connected, non-blocking socket. */
typedef void listener_callback(void *owner, int fd);

/* Takes the sockets that a service manager has passed (LISTEN_FDS), any number of them, else opens that of `config`;
 * says in the log where it listens. Connections wait in the kernel until listener_start. NULL with the reason in `why`.
 * The caller owns the result. */
struct listener *listener_new(struct event_base *base, const struct config *config, listener_callback *taken,
                              void *owner, char *why, size_t why_size) MUST_CHECK;
/* Begins to take connections; `taken` gets each, from the loop. 0, or -1 when out of memory. */
int listener_start(struct listener *listener) MUST_CHECK;
/* Takes no more, for good. A socket of our own is closed; one that was inherited stays open to whoever shares it. */
void listener_stop(struct listener *listener);
/* NULL is allowed. */
void listener_free(struct listener *listener);

#endif
