/* The texts of sql/, so that the daemon can make its database without a file beside it. Printed by tools/embed-sql into
 * build/gen/sql_files.c. */
#ifndef BUURTAAL_SQL_FILES_H
#define BUURTAAL_SQL_FILES_H

#include "base.h"

struct sql_file {
    const char *name; /* without its folder: 0001-registry.sql */
    const char *text;
};

/* In order of names. */
extern const struct sql_file sql_schema[];
extern const size_t sql_schema_count;
extern const struct sql_file sql_api[];
extern const size_t sql_api_count;
extern const char sql_roles[];

/* Names the schema of the api: the first 12 hex digits of the SHA-256 over sql/api/ in order of names,
 * proto/commands.def and proto/types.def. */
extern const char sql_api_hash[];

#endif
