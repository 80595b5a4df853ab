/* Taking a sealing key out of the file of keys, once the registry can do without it. */
#ifndef BUURTAAL_KEY_DROP_H
#define BUURTAAL_KEY_DROP_H

#include "base.h"

/* Asks the registry, over the daemon's own connection `conninfo`, whether daemons may serve with what is left of the file at
 * `path` without the sealing key `number`. Blocks. 0: they may; -1: not, or it could not be asked, with the
 * reason and a remedy in `why`. */
int key_drop_ask(const char *conninfo, const char *path, uint32_t number, char *why, size_t why_size) MUST_CHECK;

#endif
