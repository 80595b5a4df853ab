/* The step of a migration that makes the functions of sql/api. */
#ifndef BUURTAAL_MIGRATE_API_H
#define BUURTAAL_MIGRATE_API_H

#include "base.h"
#include "migration.h"

/* Makes this program's schema of the api where it is not there yet, whole or not at all. 0 or -1. */
int migrate_api_make(struct migration *migration) MUST_CHECK;
/* Drops those that no daemon has used for a day. 0 or -1. */
int migrate_api_drop_unused(struct migration *migration) MUST_CHECK;

#endif
