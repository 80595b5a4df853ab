/* The functions of sql/api in a schema of their own, api_<hash>, beside those of other versions.
 *
 * Rules: they are made without a right for anybody; then those that the daemon calls, and no others, run with their
 * owner's rights under a fixed search_path and may be executed by the role buurtaald. A function that its language
 * cannot read, or that is not as its row of commands.def says, leaves nothing of the schema. */
#include "migrate_api.h"

#include <stdio.h>
#include <stdlib.h>

#include <libpq-fe.h>

#include "proto.h"
#include "sql_files.h"
#include "statement.h"

#define VERB_ROOM 64

/* The functions of sql/api that the daemon calls and that are no commands. */
static const char *const border[] = {"batch-open", "write-open", "read-open", "log-append", "admit",
                                     "news",       "watch",      "submitted",  "commit",    "signatures",
                                     "keys-open",  "key-drop",   "reseal-next", "reseal"};

/* Lets the daemon call the functions of this verb, of which there must be one. */
static int open_function(struct migration *migration, const char *verb)
{
    char name[VERB_ROOM], statement[1024];
    const char *const values[] = {migration->api, name};
    size_t len = 0;
    for (; verb[len] && len < sizeof name - 1; len++)
        name[len] = verb[len] == '-' ? '_' : verb[len];
    name[len] = '\0';
    PGresult *result = migration_ask(migration, verb,
                                     "select oid::regprocedure::text from pg_proc "
                                     "where pronamespace = $1::regnamespace and proname = $2",
                                     2, values);
    if (!result)
        return -1;
    int outcome =
        PQntuples(result) > 0 ? 0 : migration_fail(migration, "%s: sql/api has no function of this name", name);
    for (int i = 0; outcome == 0 && i < PQntuples(result); i++) {
        const char *function = PQgetvalue(result, i, 0);
        int n = snprintf(statement, sizeof statement,
                         "alter function %s security definer set search_path = %s, registry, public, pg_temp; "
                         "grant execute on function %s to buurtaald",
                         function, migration->api, function);
        outcome = n < (int)sizeof statement ? migration_run(migration, function, statement)
                                            : migration_fail(migration, "%s: it has too many parameters", function);
    }
    PQclear(result);
    return outcome;
}

static int open_functions(struct migration *migration)
{
    for (size_t i = 0; i < COUNT(border); i++)
        if (open_function(migration, border[i]) < 0)
            return -1;
    for (size_t i = 0; i < proto_command_count; i++)
        if (proto_commands[i].kind != KIND_BUILTIN && open_function(migration, proto_commands[i].verb) < 0)
            return -1;
    return 0;
}

/* Tells what the language said of a function's body, by the line of the file in which that stands. */
static int refuse_body(struct migration *migration, const PGresult *result, const char *function, const char *body)
{
    const char *position = migration_field(result, PG_DIAG_INTERNAL_POSITION);
    char place[512];
    int line = position[0] ? migration_line(body, position) : 1;
    snprintf(place, sizeof place, "%s, line %d of its body", function, line);
    for (size_t i = 0; i < sql_api_count; i++) {
        const char *at = strstr(sql_api[i].text, body);
        if (!at)
            continue;
        for (const char *c = sql_api[i].text; c < at; c++)
            line += *c == '\n';
        snprintf(place, sizeof place, "sql/api/%s:%d: %s", sql_api[i].name, line, function);
        break;
    }
    return migration_refused(migration, result, place, body);
}

/* Has each function's language read its body, which was put off until all that it may call was there. What a language
 * looks up only when it runs, as PL/pgSQL does with tables and columns, is not found here. */
static int check_bodies(struct migration *migration)
{
    const char *const values[] = {migration->api};
    if (migration_run(migration, migration->api, "set local check_function_bodies = on") < 0)
        return -1;
    PGresult *functions =
        migration_ask(migration, migration->api,
                      "select p.oid::regprocedure, p.prosrc, format('select %s(%s)', l.lanvalidator::regproc, p.oid) "
                      "from pg_proc p join pg_language l on l.oid = p.prolang "
                      "where p.pronamespace = $1::regnamespace and l.lanvalidator <> 0 order by p.oid",
                      1, values);
    if (!functions)
        return -1;
    int outcome = 0;
    for (int i = 0; outcome == 0 && i < PQntuples(functions); i++) {
        PGresult *result = PQexec(migration->connection, PQgetvalue(functions, i, 2));
        if (!migration_went_well(result))
            outcome = refuse_body(migration, result, PQgetvalue(functions, i, 0), PQgetvalue(functions, i, 1));
        PQclear(result);
    }
    PQclear(functions);
    return outcome;
}

/* What signatures() said of a verb's function. */
static const char *find_signature(void *own, const char *verb)
{
    for (int i = 0; i < PQntuples(own); i++)
        if (strcmp(PQgetvalue(own, i, 0), verb) == 0)
            return PQgetvalue(own, i, 1);
    return NULL;
}

static int check_signatures(struct migration *migration)
{
    char question[256], mismatch[1024];
    snprintf(question, sizeof question, "select function, parameters || ' -> ' || names from %s.signatures()",
             migration->api);
    PGresult *result = migration_ask(migration, migration->api, question, 0, NULL);
    if (!result)
        return -1;
    int outcome = 0;
    if (statement_mismatch(find_signature, result, mismatch, sizeof mismatch) < 0)
        outcome = migration_fail(migration, "sql/api: %s", mismatch);
    PQclear(result);
    return outcome;
}

/* In a transaction that has begun. */
static int build_api(struct migration *migration)
{
    char statement[512], place[256];
    const char *api = migration->api;
    snprintf(statement, sizeof statement,
             "create schema %s; set local search_path = %s, registry, public; set local check_function_bodies = off",
             api, api);
    if (migration_run(migration, api, statement) < 0)
        return -1;
    for (size_t i = 0; i < sql_api_count; i++) {
        snprintf(place, sizeof place, "sql/api/%s", sql_api[i].name);
        if (migration_run(migration, place, sql_api[i].text) < 0)
            return -1;
    }
    if (check_bodies(migration) < 0)
        return -1;
    snprintf(
        statement, sizeof statement,
        "revoke all on all functions in schema %s from public; grant usage on schema %s to buurtaald; "
        "insert into registry.api (name) values ('%s') on conflict (name) do update set built = now(), used = now()",
        api, api, api);
    if (migration_run(migration, api, statement) < 0)
        return -1;
    return open_functions(migration) < 0 ? -1 : check_signatures(migration);
}

int migrate_api_make(struct migration *migration)
{
    char found[8];
    if (migration_ask_one(migration, migration->api, "select to_regnamespace($1) is not null", migration->api, found,
                          sizeof found) < 0)
        return -1;
    if (found[0] == 't') /* so that it is not dropped as unused before a daemon of this version starts */
        return migration_ask_one(migration, migration->api,
                                 "update registry.api set used = now() where name = $1 returning 't'", migration->api,
                                 found, sizeof found);
    if (migration_run(migration, "begin", "begin") < 0 || migration_end(migration, build_api(migration)) < 0)
        return -1;
    migration_tell(migration, "built %s", migration->api);
    return 0;
}

/* One transaction each: one that a daemon holds on to does not keep the others. */
int migrate_api_drop_unused(struct migration *migration)
{
    const char *const values[] = {migration->api};
    char statement[256];
    PGresult *result = migration_ask(migration, "registry.api",
                                     "select name, quote_ident(name), quote_literal(name) from registry.api "
                                     "where used < now() - interval '1 day' and name <> $1 order by name",
                                     1, values);
    if (!result)
        return -1;
    int outcome = 0;
    for (int i = 0; outcome == 0 && i < PQntuples(result); i++) {
        snprintf(statement, sizeof statement,
                 "begin; drop schema if exists %s cascade; delete from registry.api where name = %s",
                 PQgetvalue(result, i, 1), PQgetvalue(result, i, 2));
        outcome = migration_end(migration, migration_run(migration, PQgetvalue(result, i, 0), statement));
        if (outcome == 0)
            migration_tell(migration, "dropped %s, which no daemon has used for a day", PQgetvalue(result, i, 0));
    }
    PQclear(result);
    return outcome;
}
