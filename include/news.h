/* What the daemon asks the database once a second: the newest log number, the registry's clock, and which certificates
 * were revoked. */
#ifndef BUURTAAL_NEWS_H
#define BUURTAAL_NEWS_H

#include "base.h"

struct news;
struct server;

/* The caller owns the result; NULL when out of memory. */
struct news *news_new(struct server *server) MUST_CHECK;
/* Only after batch_free: a question may be under way. NULL is allowed. */
void news_free(struct news *news);
/* Asks, unless the last question is not answered yet. */
void news_tick(struct news *news);
/* The newest number this daemon has seen committed. Never goes back. */
uint64_t news_log(const struct news *news);
void news_saw(struct news *news, uint64_t log);
/* The registry's time now, RFC 3339 with the zone of Amsterdam, into `out`. */
void news_time(const struct news *news, char *out, size_t room);

#endif
