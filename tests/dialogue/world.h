/* A daemon without its outside: the real session, window, request, reply, builtin, news and batch in a world of fakes.
 */
#ifndef DIALOGUE_WORLD_H
#define DIALOGUE_WORLD_H

#include "config.h"
#include "fakes.h"

struct world {
    struct event_base *base;
    struct config config;
    struct server server;
};

/* Makes the keys that all worlds use; once. */
void world_prepare(void);
void world_cleanup(void);
/* Fills `config` with what holds unless a dialogue says otherwise. */
void world_defaults(struct config *config);
void world_begin(struct world *world, const struct config *config);
/* Lets happen what is due, as turns of the loop, until nothing is. */
void world_settle(struct world *world);
/* Seconds go by, each with its ticks. */
void world_wait(struct world *world, int seconds);
/* Cuts every connection, answers what the database holds in different ways (`variant`), and frees all. NULL; or what
 * was left behind. */
const char *world_end(struct world *world, unsigned variant);
/* NULL; or a personal value that a cell or a line of the log holds in clear. */
const char *world_leak(struct world *world);

#endif
