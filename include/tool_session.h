/* An exam session as `sessions` tells it, and whether one may register for it. */
#ifndef BUURTAAL_TOOL_SESSION_H
#define BUURTAAL_TOOL_SESSION_H

#include "base.h"
#include "tool_answer.h"
#include "tool_client.h"

#define SESSION_DAY 11 /* bytes of a day: 2027-05-14 and a NUL */

/* The day it is in Amsterdam by the registry's clock, and unless `log` is NULL the newest number of its log. 0, or a
 * status of sysexits.h after telling why. */
int session_today(struct client *client, enum text_lang lang, char today[SESSION_DAY], uint64_t *log) MUST_CHECK;
/* Whether one may register for it on that day, if only for its queue. */
bool session_is_open(const struct answer *row, const char *today);
/* Whether it has seats left. Where the registry does not tell this role, it has none, and `*untold` becomes true. */
bool session_has_room(const struct answer *row, bool *untold);

#endif
