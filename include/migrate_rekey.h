/* A new matching key for the whole registry. Blocks; never in the daemon's loop. */
#ifndef BUURTAAL_MIGRATE_REKEY_H
#define BUURTAAL_MIGRATE_REKEY_H

#include "migration.h"

/* Makes a new matching key, seals everything anew under it, and puts it into the file of keys at `path`. In one transaction,
 * while no daemon is connected. Killed anywhere, the registry is as before or as after, and the same again ends the work:
 * the file holds both keys until it is known which of them is the registry's. 0, or -1 with the reason in `why`. */
int migrate_rekey_run(struct migration *migration, const char *path) MUST_CHECK;

#endif
