/* What the steps of a migration say and ask with. Calls of libpq block here. */
#include "migration.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <libpq-fe.h>

int migration_fail(struct migration *migration, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(migration->why, migration->why_size, format, values);
    va_end(values);
    return -1;
}

void migration_tell(struct migration *migration, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vfprintf(migration->out, format, values);
    va_end(values);
    fputc('\n', migration->out);
    migration->changed = true;
}

/* ---- asking ---- */

int migration_line(const char *text, const char *position)
{
    long left = strtol(position, NULL, 10);
    int line = 1;
    for (const char *c = text; *c; c++) {
        if (((unsigned char)*c & 0xc0) != 0x80 && --left <= 0)
            break;
        line += *c == '\n';
    }
    return line;
}

const char *migration_field(const PGresult *result, int field)
{
    const char *text = PQresultErrorField(result, field);
    return text ? text : "";
}

int migration_refused(struct migration *migration, const PGresult *result, const char *place, const char *text)
{
    const char *message = migration_field(result, PG_DIAG_MESSAGE_PRIMARY),
               *detail = migration_field(result, PG_DIAG_MESSAGE_DETAIL);
    const char *position = migration_field(result, PG_DIAG_STATEMENT_POSITION),
               *where = migration_field(result, PG_DIAG_CONTEXT);
    const char *state = migration_field(result, PG_DIAG_SQLSTATE);
    char line[16] = "", remedy[256] = "";
    if (!message[0])
        return migration_fail(migration, "%s: %s", place, PQerrorMessage(migration->connection));
    if (position[0] && strncmp(place, "sql/", 4) == 0)
        snprintf(line, sizeof line, ":%d", migration_line(text, position));
    if (strcmp(state, "42501") == 0)
        snprintf(remedy, sizeof remedy,
                 "; remedy: let [database] owner name a superuser, or make the role %s owner of the database and give "
                 "it CREATEROLE",
                 PQuser(migration->connection));
    return migration_fail(migration, "%s%s: %s (%s)%s%s%s%s%s", place, line, message, state, detail[0] ? "; " : "",
                          detail, where[0] ? "; " : "", where, remedy);
}

bool migration_went_well(const PGresult *result)
{
    return PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK;
}

int migration_run(struct migration *migration, const char *place, const char *text)
{
    PGresult *result = PQexec(migration->connection, text);
    int outcome = migration_went_well(result) ? 0 : migration_refused(migration, result, place, text);
    PQclear(result);
    return outcome;
}

struct pg_result *migration_ask(struct migration *migration, const char *place, const char *text, int count,
                                const char *const *values)
{
    PGresult *result = PQexecParams(migration->connection, text, count, NULL, values, NULL, NULL, 0);
    if (PQresultStatus(result) == PGRES_TUPLES_OK)
        return result;
    (void)migration_refused(migration, result, place, text);
    PQclear(result);
    return NULL;
}

int migration_ask_one(struct migration *migration, const char *place, const char *text, const char *value, char *out,
                      size_t room)
{
    PGresult *result = migration_ask(migration, place, text, value ? 1 : 0, &value);
    if (!result)
        return -1;
    snprintf(out, room, "%s", PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    return 0;
}

int migration_end(struct migration *migration, int outcome)
{
    if (outcome == 0)
        return migration_run(migration, "commit", "commit");
    PQclear(PQexec(migration->connection, "rollback")); /* what went wrong is told already */
    return -1;
}
