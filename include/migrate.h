/* Making the registry's database and bringing it up to date, as its owner. Blocks; never in the daemon's loop. */
#ifndef BUURTAAL_MIGRATE_H
#define BUURTAAL_MIGRATE_H

#include <stdio.h>

#include "base.h"

struct migrate_wish {
    const char *admin; /* 64 lower-case hex digits: the certificate of the first administrator; NULL: none */
    bool demo;         /* the registry may set its clock; only before its first write */
};

/* Makes roles, tables and this program's schema of the api in the database of `conninfo`, as far as they are not there
 * yet. Safe to repeat, and to run from several places at once. What it did goes to `out`, a line each. 0; -1 with the
 * reason, which names the file and says what the server said, in `why`: each step is there whole or not at all. */
int migrate_run(const char *conninfo, const struct migrate_wish *wish, FILE *out, char *why, size_t why_size)
    MUST_CHECK;

/* Sets the clock of a demo registry to this time of the day `date`: `2027-04-02`, or `now`. 0, or -1 with the reason in
 * `why`. */
int migrate_clock(const char *conninfo, const char *date, FILE *out, char *why, size_t why_size) MUST_CHECK;

/* Gives the registry a new matching key, and the file of keys at `keys` too (migrate_rekey.h). 0, or -1 with the reason in
 * `why`. */
int migrate_rekey(const char *conninfo, const char *keys, FILE *out, char *why, size_t why_size) MUST_CHECK;

#endif
