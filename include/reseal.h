/* Which key seals, and sealing anew what older keys sealed, in the background.
 *
 * The life of a rotation: a key stands in the file (seal-key --add) -> SIGHUP: this daemon shows it to the registry (db_keys)
 * and opens with it; where it knows another by that number, the keys of before are the daemon's again -> every daemon that is connected has it: the registry lets it seal, which news tells all within a
 * second -> steps, each a few dozen values -> no value is left under another key: the others may leave the file. */
#ifndef BUURTAAL_RESEAL_H
#define BUURTAAL_RESEAL_H

#include "base.h"

struct reseal;
struct seal;
struct server;

/* The caller owns the result; NULL when out of memory. */
struct reseal *reseal_new(struct server *server) MUST_CHECK;
/* Only after batch_free: a step may be under way. NULL is allowed. */
void reseal_free(struct reseal *reseal);

/* Once a second: begins where there is something to do. */
void reseal_tick(struct reseal *reseal);
/* What the registry says: the number of the key that seals, and whether no value is sealed with another. */
void reseal_know(struct reseal *reseal, uint32_t key, bool done);
/* The server has another `seal`, of a file that was read anew. */
void reseal_keys(struct reseal *reseal);
/* How far it is, for the service manager: "" when there is nothing to do. Returns `out`. */
const char *reseal_status(const struct reseal *reseal, char *out, size_t room);
/* Whether it is known which key is to seal; where there is only one, it is. */
bool reseal_ready(const struct reseal *reseal);
/* Whether the keys `after` may take the place of the server's while it runs: the same matching key, and all sealing keys
 * that may still be needed. 0, or -1 with the reason in `why`. */
int reseal_may_take(const struct reseal *reseal, const struct seal *after, char *why, size_t why_size) MUST_CHECK;

#endif
