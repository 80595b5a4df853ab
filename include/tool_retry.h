/* A connection that is made again, patiently, as long as that may help. */
#ifndef BUURTAAL_TOOL_RETRY_H
#define BUURTAAL_TOOL_RETRY_H

#include <time.h>

#include "base.h"
#include "tool_client.h"
#include "tool_profile.h"

struct retry {
    const struct profile *profile; /* the caller's */
    struct client *client;         /* never NULL between retry_open and retry_close */
    unsigned pause;                /* seconds until the next attempt */
    unsigned attempts;             /* that brought nothing, one after another */
};

/* Connects, once. EX_OK, or a status of sysexits.h after telling why; retry_close() either way. */
int retry_open(struct retry *retry, const struct profile *profile) MUST_CHECK;
void retry_close(struct retry *retry);

/* Takes a new connection in place of the old one, whose greeting tells how far the log is now; how it went is not told,
 * client_fault() says it. */
void retry_renew(struct retry *retry);
/* Before something new is sent: what failed until now is forgotten. */
void retry_begin(struct retry *retry);
/* After a round that left something undone: the connection is at fault, or the registry is busy and asks for
 * `busy_seconds` (0: at fault). `moved` is whether the round brought anything. Tells it, waits and connects anew where
 * that is needed. EX_OK: the next round may begin; else a status of sysexits.h after telling why it is given up. */
int retry_again(struct retry *retry, unsigned busy_seconds, bool moved) MUST_CHECK;

/* How long BUSY asks to wait: 1 to 30 seconds. */
unsigned retry_seconds(const struct answer *busy);

/* Whether an answer speaks of who sends, not of what was sent: nothing else that is sent fares better. Then the
 * connection is given up, with its words. */
bool retry_is_barred(struct client *client, const struct answer *answer);

/* The registry's silence has lasted since `heard`, a time of the monotonic clock in seconds: beyond a minute the
 * connection is given up, and at once when the registry has closed it. */
void retry_watch(struct client *client, time_t heard, enum text_lang lang);
/* That clock. */
time_t retry_now(void);

#endif
