/* A migration under way: the owner's connection, where what it does is told, and how it asks. Shared by the rooms of
 * `buurtaald migrate`. Each function gives 0, or -1 with the reason in `why`, where nothing else is said. */
#ifndef BUURTAAL_MIGRATION_H
#define BUURTAAL_MIGRATION_H

#include <stdio.h>

#include "base.h"

struct pg_conn;   /* libpq's PGconn */
struct pg_result; /* and its PGresult */

struct migration {
    struct pg_conn *connection;
    FILE *out;
    char *why;
    size_t why_size;
    char api[64]; /* the schema of this program's api */
    bool changed; /* something was not there yet, and was told */
};

/* Why it cannot go on. Returns -1. */
int migration_fail(struct migration *migration, const char *format, ...) PRINTF(2, 3);
/* Something was done: a line of `out`. */
void migration_tell(struct migration *migration, const char *format, ...) PRINTF(2, 3);
/* Tells what the server said of `text`, which stands in `place`: a file of sql/, or what we are about. Returns -1. */
int migration_refused(struct migration *migration, const struct pg_result *result, const char *place, const char *text);
/* A field of an error, PG_DIAG_...; "" when it has none. */
const char *migration_field(const struct pg_result *result, int field);
/* The line of `text` in which its character number `position`, from 1, stands. */
int migration_line(const char *text, const char *position);
bool migration_went_well(const struct pg_result *result);

/* Runs statements, which stand in `place`. */
int migration_run(struct migration *migration, const char *place, const char *text) MUST_CHECK;
/* Runs one statement that gives rows; NULL when it failed. The caller clears the result. */
struct pg_result *migration_ask(struct migration *migration, const char *place, const char *text, int count,
                                const char *const *values) MUST_CHECK;
/* The one value of a question with at most one parameter, into `out`; "" for NULL and for no row. */
int migration_ask_one(struct migration *migration, const char *place, const char *text, const char *value, char *out,
                      size_t room) MUST_CHECK;
/* Ends the transaction: for good when `outcome` is 0, else undone. */
int migration_end(struct migration *migration, int outcome) MUST_CHECK;

#endif
