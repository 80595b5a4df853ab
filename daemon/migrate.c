/* `buurtaald migrate`, `buurtaald clock` and the connection of `buurtaald rekey`: the database is made, and kept up to date, by the program itself.
 *
 * The steps, under one advisory lock, so that two never run at once in a database: roles -> tables, each file of
 * sql/schema once -> the functions of sql/api in a schema of their own, api_<hash>, beside those of other versions ->
 * schemas of the api that no daemon has used for a day go.
 * Rules: everything of a step is in one transaction, so that a step is done or not begun; a step that is done is left
 * alone. Calls of libpq block here: this is never the daemon's loop. */
#include "migrate.h"

#include <stdlib.h>
#include <time.h>

#include <libpq-fe.h>

#include "migrate_api.h"
#include "migrate_rekey.h"
#include "sql_files.h"

#define LOCK_KEY "7094705922431345004" /* "buurtaal" */
#define VERSION_LEAST 150000
#define ROLES_TRIES 20

/* What holds for the connection, whatever the role's or the database's settings say. */
static const char set_up[] =
    "set client_min_messages = warning; set search_path = pg_catalog; set statement_timeout = 0; "
    "set idle_in_transaction_session_timeout = 0; set standard_conforming_strings = on; "
    "set timezone = 'Europe/Amsterdam'; set default_transaction_isolation = 'read committed'; set jit = off";

/* ---- the connection ---- */

static void on_notice(void *out, const char *message)
{
    fputs(message, out);
}

static int open_connection(struct migration *migration, const char *conninfo)
{
    const char *const keywords[] = {"connect_timeout", "target_session_attrs", "fallback_application_name",
                                    "dbname",          "client_encoding",      NULL};
    const char *const values[] = {"10", "read-write", "buurtaald migrate", conninfo, "UTF8", NULL};
    migration->connection = PQconnectdbParams(keywords, values, 1);
    if (!migration->connection)
        return migration_fail(migration, "out of memory");
    if (PQstatus(migration->connection) != CONNECTION_OK)
        return migration_fail(migration, "[database] owner: %s", PQerrorMessage(migration->connection));
    PQsetNoticeProcessor(migration->connection, on_notice, migration->out);
    if (PQserverVersion(migration->connection) < VERSION_LEAST)
        return migration_fail(migration, "[database] owner: this is PostgreSQL %s; it takes 15 or newer",
                              PQparameterStatus(migration->connection, "server_version"));
    const char *encoding = PQparameterStatus(migration->connection, "server_encoding");
    if (!encoding || strcmp(encoding, "UTF8") != 0)
        return migration_fail(migration, "[database] owner: the encoding of the database must be UTF8, not %s",
                              encoding ? encoding : "unknown");
    return migration_run(migration, "settings", set_up);
}

/* Held until the connection ends. */
static int take_lock(struct migration *migration)
{
    char taken[8];
    if (migration_ask_one(migration, "lock", "select pg_try_advisory_lock(" LOCK_KEY ")", NULL, taken, sizeof taken) <
        0)
        return -1;
    if (taken[0] == 't')
        return 0;
    fputs("waiting for another migrate to end\n", migration->out);
    fflush(migration->out);
    return migration_run(migration, "lock", "select pg_advisory_lock(" LOCK_KEY ")");
}

/* ---- roles ---- */

/* Roles belong to the whole cluster, which the lock does not: a migrate in another database may be making them too. */
static bool has_collided(const PGresult *result)
{
    static const char *const states[] = {"23505", "42710", "XX000", "40001", "40P01"};
    for (size_t i = 0; i < COUNT(states); i++)
        if (strcmp(migration_field(result, PG_DIAG_SQLSTATE), states[i]) == 0)
            return true;
    return false;
}

static int make_roles(struct migration *migration)
{
    for (int try = 1;; try++) {
        PGresult *result = PQexec(migration->connection, sql_roles);
        bool done = migration_went_well(result), again = !done && try < ROLES_TRIES && has_collided(result);
        int outcome = done ? 0 : migration_refused(migration, result, "sql/roles.sql", sql_roles);
        PQclear(result);
        if (!again)
            return outcome;
        nanosleep(&(struct timespec){.tv_nsec = 5000000L * try}, NULL);
    }
}

/* From here on everything is made by the owner, and a lock that does not come soon is given up, so that no daemon waits
 * behind us for long. */
static int become_owner(struct migration *migration)
{
    return migration_run(migration, "role", "set role buurtaal_owner; set lock_timeout = '10s'");
}

/* ---- tables ---- */

static int make_schema(struct migration *migration)
{
    return migration_run(migration, "schema registry",
                         "create schema if not exists registry; "
                         "create table if not exists registry.migration (name text primary key, sha256 bytea not null, "
                         "applied timestamptz not null default now())");
}

/* 1: it is applied; 0: it is new; -1: it cannot be. */
static int is_applied(struct migration *migration, const struct sql_file *file)
{
    const char *const values[] = {file->name, file->text};
    PGresult *result = migration_ask(migration, file->name,
                                     "select sha256 = sha256(convert_to($2, 'UTF8')), applied::date, "
                                     "(select max(name) from registry.migration) from (values ($1)) wanted (name) "
                                     "left join registry.migration using (name)",
                                     2, values);
    if (!result)
        return -1;
    bool known = !PQgetisnull(result, 0, 0), same = known && PQgetvalue(result, 0, 0)[0] == 't';
    const char *newest = PQgetvalue(result, 0, 2);
    int outcome = same ? 1 : 0;
    if (known && !same)
        outcome =
            migration_fail(migration,
                           "sql/schema/%s: its text was changed after it had been applied on %s; put it back, and "
                           "put the change in a new file",
                           file->name, PQgetvalue(result, 0, 1));
    else if (!known && strcmp(newest, file->name) > 0)
        outcome =
            migration_fail(migration,
                           "sql/schema/%s: it is new, but %s, which comes behind it, is applied already; give it a "
                           "higher number",
                           file->name, newest);
    PQclear(result);
    return outcome;
}

static int apply(struct migration *migration, const struct sql_file *file)
{
    char place[256];
    const char *const values[] = {file->name, file->text};
    snprintf(place, sizeof place, "sql/schema/%s", file->name);
    if (migration_run(migration, place, "begin; set local search_path = registry, public") < 0 ||
        migration_run(migration, place, file->text) < 0)
        return -1;
    PGresult *result =
        migration_ask(migration, place,
                      "insert into registry.migration (name, sha256) values ($1, sha256(convert_to($2, 'UTF8'))) "
                      "returning name",
                      2, values);
    PQclear(result);
    return result ? 0 : -1;
}

static int make_tables(struct migration *migration)
{
    for (size_t i = 0; i < sql_schema_count; i++) {
        int applied = is_applied(migration, &sql_schema[i]);
        if (applied < 0)
            return -1;
        if (applied)
            continue;
        if (migration_end(migration, apply(migration, &sql_schema[i])) < 0)
            return -1;
        migration_tell(migration, "applied sql/schema/%s", sql_schema[i].name);
    }
    return 0;
}

/* ---- wishes ---- */

static int make_demo(struct migration *migration)
{
    char state[16];
    if (migration_ask_one(
            migration, "registry.demo",
            "select case when exists (select from registry.demo) then 'there' when log > 0 then 'late' else 'new' end "
            "from registry.log_head",
            NULL, state, sizeof state) < 0)
        return -1;
    if (strcmp(state, "late") == 0)
        return migration_fail(
            migration, "--demo: this registry has a log already, whose times a clock that can be set would belie");
    if (strcmp(state, "there") == 0)
        return 0;
    if (migration_run(migration, "registry.demo", "insert into registry.demo default values") < 0)
        return -1;
    migration_tell(migration, "made a demo registry, whose clock can be set");
    return 0;
}

/* Runs `grant` as a batch of the daemon would: under the lock of the log's head, with a number and a row of the log.
 * Nobody's certificate has asked for it: in the log it is 32 zeros. *code is the answer's; "" for OK, *repeated when
 * that was granted before. */
static int grant_admin(struct migration *migration, const char *fingerprint, char *code, size_t code_room,
                       bool *repeated)
{
    static const char nobody[] = "\\x0000000000000000000000000000000000000000000000000000000000000000";
    char statement[512], fields[128], outcome[64];
    snprintf(statement, sizeof statement,
             "begin; set local search_path = %s, registry, public; select from log_head for update; "
             "select write_open(1, 'registry', 'admin', '%s')",
             migration->api, nobody);
    snprintf(fields, sizeof fields, "party=ADMIN role=admin fingerprint=%s", fingerprint);
    if (migration_run(migration, "--admin", statement) < 0)
        return -1;
    PGresult *result =
        migration_ask(migration, "--admin",
                      "select code, coalesce('NO ' || code, case when repeated then 'OK repeated' "
                      "when amended then 'OK amended' else 'OK' end) from \"grant\"('registry', 'admin', $1::bytea, "
                      "'ADMIN', 'admin', $2, null, null, null, null, null)",
                      2, (const char *const[]){nobody, fingerprint});
    if (!result)
        return -1;
    snprintf(code, code_room, "%s", PQgetvalue(result, 0, 0));
    snprintf(outcome, sizeof outcome, "%s", PQgetvalue(result, 0, 1));
    *repeated = strcmp(outcome, "OK repeated") == 0;
    PQclear(result);
    result = migration_ask(migration, "--admin",
                           "select log_append('grant', array['registry'], array[$1::bytea], array['migrate'], "
                           "array[$2], array[$3])",
                           3, (const char *const[]){nobody, fields, outcome});
    PQclear(result);
    return result ? 0 : -1;
}

static int make_admin(struct migration *migration, const char *fingerprint)
{
    char code[64] = "";
    bool repeated = false;
    if (migration_end(migration, grant_admin(migration, fingerprint, code, sizeof code, &repeated)) < 0)
        return -1;
    if (strcmp(code, "revoked") == 0)
        return migration_fail(migration,
                              "--admin: this certificate was revoked, and a revoked one is never granted again; take "
                              "another");
    if (strcmp(code, "taken") == 0)
        return migration_fail(migration, "--admin: this certificate speaks for another party already; take another");
    if (code[0])
        return migration_fail(migration, "--admin: the registry says NO %s", code);
    if (repeated)
        fprintf(migration->out, "%.16s... was an administrator's certificate already\n", fingerprint);
    else
        migration_tell(migration, "%.16s... is an administrator's certificate", fingerprint);
    return 0;
}

/* ---- the two commands ---- */

static int migrate(struct migration *migration, const struct migrate_wish *wish)
{
    if (take_lock(migration) < 0 || make_roles(migration) < 0 || become_owner(migration) < 0 ||
        make_schema(migration) < 0 || make_tables(migration) < 0 || migrate_api_make(migration) < 0 ||
        migrate_api_drop_unused(migration) < 0)
        return -1;
    if (wish->demo && make_demo(migration) < 0)
        return -1;
    if (wish->admin && make_admin(migration, wish->admin) < 0)
        return -1;
    if (!migration->changed)
        fprintf(migration->out, "up to date: tables, and %s\n", migration->api);
    return 0;
}

int migrate_run(const char *conninfo, const struct migrate_wish *wish, FILE *out, char *why, size_t why_size)
{
    struct migration migration = {.out = out, .why = why, .why_size = why_size};
    snprintf(migration.api, sizeof migration.api, "api_%s", sql_api_hash);
    int outcome = open_connection(&migration, conninfo) < 0 ? -1 : migrate(&migration, wish);
    PQfinish(migration.connection);
    return outcome;
}

static int set_clock(struct migration *migration, const char *date)
{
    const char *value = strcmp(date, "now") == 0 ? NULL : date;
    if (become_owner(migration) < 0)
        return -1;
    PGresult *result =
        migration_ask(migration, "clock",
                      /* Between two batches: a write must not see two days. */
                      "with head as materialized (select time from registry.log_head for update) "
                      "update registry.demo set ahead = make_interval(days => "
                      "coalesce($1::date, (now() at time zone 'Europe/Amsterdam')::date) "
                      "- (now() at time zone 'Europe/Amsterdam')::date) from head "
                      "returning to_char((now() + ahead) at time zone 'Europe/Amsterdam', 'YYYY-MM-DD HH24:MI:SS'), "
                      "(now() + ahead < head.time)::text",
                      1, &value);
    if (!result)
        return -1;
    bool demo = PQntuples(result) > 0;
    if (demo) {
        fprintf(migration->out, "the registry's clock says %s\n", PQgetvalue(result, 0, 0));
        if (strcmp(PQgetvalue(result, 0, 1), "true") == 0)
            fputs("the newest write is of a later time; until then all writes get that time\n", migration->out);
    }
    PQclear(result);
    return demo ? 0
                : migration_fail(migration,
                                 "clock: only a registry that was made with `migrate --demo` lets its clock be set");
}

int migrate_clock(const char *conninfo, const char *date, FILE *out, char *why, size_t why_size)
{
    struct migration migration = {.out = out, .why = why, .why_size = why_size};
    int outcome = open_connection(&migration, conninfo) < 0 ? -1 : set_clock(&migration, date);
    PQfinish(migration.connection);
    return outcome;
}

int migrate_rekey(const char *conninfo, const char *keys, FILE *out, char *why, size_t why_size)
{
    struct migration migration = {.out = out, .why = why, .why_size = why_size};
    snprintf(migration.api, sizeof migration.api, "api_%s", sql_api_hash);
    int outcome = open_connection(&migration, conninfo) < 0 || take_lock(&migration) < 0 || become_owner(&migration) < 0
                      ? -1
                      : migrate_rekey_run(&migration, keys);
    PQfinish(migration.connection);
    return outcome;
}
