/* `buurtaald migrate` and `buurtaald clock`: the database is made, and kept up to date, by the program itself.
 *
 * The steps, under one advisory lock, so that two never run at once in a database: roles -> tables, each file of
 * sql/schema once -> the functions of sql/api in a schema of their own, api_<hash>, beside those of other versions ->
 * schemas of the api that no daemon has used for a day go.
 * Rules: everything of a step is in one transaction, so that a step is done or not begun; a step that is done is left
 * alone. Functions are made without a right for anybody; then those that the daemon calls, and no others, run with
 * their owner's rights under a fixed search_path and may be executed by the role buurtaald. Calls of libpq block here:
 * this is never the daemon's loop. */
#include "migrate.h"

#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <libpq-fe.h>

#include "proto.h"
#include "sql_files.h"

#define LOCK_KEY "7094705922431345004" /* "buurtaal" */
#define VERSION_LEAST 150000
#define ROLES_TRIES 20
#define VERB_ROOM 64

/* What holds for the connection, whatever the role's or the database's settings say. */
static const char set_up[] =
    "set client_min_messages = warning; set search_path = pg_catalog; set statement_timeout = 0; "
    "set idle_in_transaction_session_timeout = 0; set standard_conforming_strings = on; "
    "set timezone = 'Europe/Amsterdam'; set default_transaction_isolation = 'read committed'";

/* The functions of sql/api that the daemon calls and that are no commands. */
static const char *const border[] = {"batch-open", "write-open", "read-open", "log-append",
                                     "admit",      "news",       "submitted",
                                     "commit",     "signatures"};

struct migration {
    PGconn *connection;
    FILE *out;
    char *why;
    size_t why_size;
    char api[64]; /* the schema of this program's api */
    bool changed; /* something was not there yet, and was told */
};

static int fail(struct migration *migration, const char *format, ...) PRINTF(2, 3);
static void tell(struct migration *migration, const char *format, ...) PRINTF(2, 3);

static int fail(struct migration *migration, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(migration->why, migration->why_size, format, values);
    va_end(values);
    return -1;
}

/* Something was done: a line of `out`. */
static void tell(struct migration *migration, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vfprintf(migration->out, format, values);
    va_end(values);
    fputc('\n', migration->out);
    migration->changed = true;
}

/* ---- asking ---- */

/* The line of `text` in which its character number `position`, from 1, stands. */
static int line_of(const char *text, const char *position)
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

static const char *field_of(const PGresult *result, int field)
{
    const char *text = PQresultErrorField(result, field);
    return text ? text : "";
}

/* Tells what the server said of `text`, which stands in `place`: a file of sql/, or what we are about. */
static int refused(struct migration *migration, const PGresult *result, const char *place, const char *text)
{
    const char *message = field_of(result, PG_DIAG_MESSAGE_PRIMARY), *detail = field_of(result, PG_DIAG_MESSAGE_DETAIL);
    const char *position = field_of(result, PG_DIAG_STATEMENT_POSITION), *where = field_of(result, PG_DIAG_CONTEXT);
    const char *state = field_of(result, PG_DIAG_SQLSTATE);
    char line[16] = "", remedy[256] = "";
    if (!message[0])
        return fail(migration, "%s: %s", place, PQerrorMessage(migration->connection));
    if (position[0] && strncmp(place, "sql/", 4) == 0)
        snprintf(line, sizeof line, ":%d", line_of(text, position));
    if (strcmp(state, "42501") == 0)
        snprintf(remedy, sizeof remedy,
                 "; remedy: let [database] owner name a superuser, or make the role %s owner of the database and give "
                 "it CREATEROLE",
                 PQuser(migration->connection));
    return fail(migration, "%s%s: %s (%s)%s%s%s%s%s", place, line, message, state, detail[0] ? "; " : "", detail,
                where[0] ? "; " : "", where, remedy);
}

static bool went_well(const PGresult *result)
{
    return PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK;
}

/* Runs statements, which stand in `place`. */
static int run(struct migration *migration, const char *place, const char *text)
{
    PGresult *result = PQexec(migration->connection, text);
    int outcome = went_well(result) ? 0 : refused(migration, result, place, text);
    PQclear(result);
    return outcome;
}

/* Runs one statement that gives rows; NULL when it failed. */
static PGresult *ask(struct migration *migration, const char *place, const char *text, int count,
                     const char *const *values)
{
    PGresult *result = PQexecParams(migration->connection, text, count, NULL, values, NULL, NULL, 0);
    if (PQresultStatus(result) == PGRES_TUPLES_OK)
        return result;
    (void)refused(migration, result, place, text);
    PQclear(result);
    return NULL;
}

/* The one value of a question with at most one parameter, into `out`; "" for NULL and for no row. */
static int ask_one(struct migration *migration, const char *place, const char *text, const char *value, char *out,
                   size_t room)
{
    PGresult *result = ask(migration, place, text, value ? 1 : 0, &value);
    if (!result)
        return -1;
    snprintf(out, room, "%s", PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    return 0;
}

/* Ends the transaction: for good when `outcome` is 0, else undone. */
static int end(struct migration *migration, int outcome)
{
    if (outcome == 0)
        return run(migration, "commit", "commit");
    PQclear(PQexec(migration->connection, "rollback")); /* what went wrong is told already */
    return -1;
}

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
        return fail(migration, "out of memory");
    if (PQstatus(migration->connection) != CONNECTION_OK)
        return fail(migration, "[database] owner: %s", PQerrorMessage(migration->connection));
    PQsetNoticeProcessor(migration->connection, on_notice, migration->out);
    if (PQserverVersion(migration->connection) < VERSION_LEAST)
        return fail(migration, "[database] owner: this is PostgreSQL %s; it takes 15 or newer",
                    PQparameterStatus(migration->connection, "server_version"));
    const char *encoding = PQparameterStatus(migration->connection, "server_encoding");
    if (!encoding || strcmp(encoding, "UTF8") != 0)
        return fail(migration, "[database] owner: the encoding of the database must be UTF8, not %s",
                    encoding ? encoding : "unknown");
    return run(migration, "settings", set_up);
}

/* Held until the connection ends. */
static int take_lock(struct migration *migration)
{
    char taken[8];
    if (ask_one(migration, "lock", "select pg_try_advisory_lock(" LOCK_KEY ")", NULL, taken, sizeof taken) < 0)
        return -1;
    if (taken[0] == 't')
        return 0;
    fputs("waiting for another migrate to end\n", migration->out);
    fflush(migration->out);
    return run(migration, "lock", "select pg_advisory_lock(" LOCK_KEY ")");
}

/* ---- roles ---- */

/* Roles belong to the whole cluster, which the lock does not: a migrate in another database may be making them too. */
static bool has_collided(const PGresult *result)
{
    static const char *const states[] = {"23505", "42710", "XX000", "40001", "40P01"};
    for (size_t i = 0; i < COUNT(states); i++)
        if (strcmp(field_of(result, PG_DIAG_SQLSTATE), states[i]) == 0)
            return true;
    return false;
}

static int make_roles(struct migration *migration)
{
    for (int try = 1;; try++) {
        PGresult *result = PQexec(migration->connection, sql_roles);
        bool done = went_well(result), again = !done && try < ROLES_TRIES && has_collided(result);
        int outcome = done ? 0 : refused(migration, result, "sql/roles.sql", sql_roles);
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
    return run(migration, "role", "set role buurtaal_owner; set lock_timeout = '10s'");
}

/* ---- tables ---- */

static int make_schema(struct migration *migration)
{
    return run(migration, "schema registry",
               "create schema if not exists registry; "
               "create table if not exists registry.migration (name text primary key, sha256 bytea not null, "
               "applied timestamptz not null default now())");
}

/* 1: it is applied; 0: it is new; -1: it cannot be. */
static int is_applied(struct migration *migration, const struct sql_file *file)
{
    const char *const values[] = {file->name, file->text};
    PGresult *result = ask(migration, file->name,
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
        outcome = fail(migration,
                       "sql/schema/%s: its text was changed after it had been applied on %s; put it back, and "
                       "put the change in a new file",
                       file->name, PQgetvalue(result, 0, 1));
    else if (!known && strcmp(newest, file->name) > 0)
        outcome = fail(migration,
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
    if (run(migration, place, "begin; set local search_path = registry, public") < 0 ||
        run(migration, place, file->text) < 0)
        return -1;
    PGresult *result = ask(migration, place,
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
        if (end(migration, apply(migration, &sql_schema[i])) < 0)
            return -1;
        tell(migration, "applied sql/schema/%s", sql_schema[i].name);
    }
    return 0;
}

/* ---- the api ---- */

/* Lets the daemon call the functions of this verb, of which there must be one. */
static int open_function(struct migration *migration, const char *verb)
{
    char name[VERB_ROOM], statement[1024];
    const char *const values[] = {migration->api, name};
    size_t len = 0;
    for (; verb[len] && len < sizeof name - 1; len++)
        name[len] = verb[len] == '-' ? '_' : verb[len];
    name[len] = '\0';
    PGresult *result = ask(migration, verb,
                           "select oid::regprocedure::text from pg_proc "
                           "where pronamespace = $1::regnamespace and proname = $2",
                           2, values);
    if (!result)
        return -1;
    int outcome = PQntuples(result) > 0 ? 0 : fail(migration, "%s: sql/api has no function of this name", name);
    for (int i = 0; outcome == 0 && i < PQntuples(result); i++) {
        const char *function = PQgetvalue(result, i, 0);
        int n = snprintf(statement, sizeof statement,
                         "alter function %s security definer set search_path = %s, registry, public, pg_temp; "
                         "grant execute on function %s to buurtaald",
                         function, migration->api, function);
        outcome = n < (int)sizeof statement ? run(migration, function, statement)
                                            : fail(migration, "%s: it has too many parameters", function);
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
    const char *position = field_of(result, PG_DIAG_INTERNAL_POSITION);
    char place[512];
    int line = position[0] ? line_of(body, position) : 1;
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
    return refused(migration, result, place, body);
}

/* Has each function's language read its body, which was put off until all that it may call was there. What a language
 * looks up only when it runs, as PL/pgSQL does with tables and columns, is not found here. */
static int check_bodies(struct migration *migration)
{
    const char *const values[] = {migration->api};
    if (run(migration, migration->api, "set local check_function_bodies = on") < 0)
        return -1;
    PGresult *functions =
        ask(migration, migration->api,
            "select p.oid::regprocedure, p.prosrc, format('select %s(%s)', l.lanvalidator::regproc, p.oid) "
            "from pg_proc p join pg_language l on l.oid = p.prolang "
            "where p.pronamespace = $1::regnamespace and l.lanvalidator <> 0 order by p.oid",
            1, values);
    if (!functions)
        return -1;
    int outcome = 0;
    for (int i = 0; outcome == 0 && i < PQntuples(functions); i++) {
        PGresult *result = PQexec(migration->connection, PQgetvalue(functions, i, 2));
        if (!went_well(result))
            outcome = refuse_body(migration, result, PQgetvalue(functions, i, 0), PQgetvalue(functions, i, 1));
        PQclear(result);
    }
    PQclear(functions);
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
    if (run(migration, api, statement) < 0)
        return -1;
    for (size_t i = 0; i < sql_api_count; i++) {
        snprintf(place, sizeof place, "sql/api/%s", sql_api[i].name);
        if (run(migration, place, sql_api[i].text) < 0)
            return -1;
    }
    if (check_bodies(migration) < 0)
        return -1;
    snprintf(
        statement, sizeof statement,
        "revoke all on all functions in schema %s from public; grant usage on schema %s to buurtaald; "
        "insert into registry.api (name) values ('%s') on conflict (name) do update set built = now(), used = now()",
        api, api, api);
    if (run(migration, api, statement) < 0)
        return -1;
    return open_functions(migration);
}

static int make_api(struct migration *migration)
{
    char found[8];
    if (ask_one(migration, migration->api, "select to_regnamespace($1) is not null", migration->api, found,
                sizeof found) < 0)
        return -1;
    if (found[0] == 't') /* so that it is not dropped as unused before a daemon of this version starts */
        return ask_one(migration, migration->api, "update registry.api set used = now() where name = $1 returning 't'",
                       migration->api, found, sizeof found);
    if (run(migration, "begin", "begin") < 0 || end(migration, build_api(migration)) < 0)
        return -1;
    tell(migration, "built %s", migration->api);
    return 0;
}

/* One transaction each: one that a daemon holds on to does not keep the others. */
static int drop_unused(struct migration *migration)
{
    const char *const values[] = {migration->api};
    char statement[256];
    PGresult *result = ask(migration, "registry.api",
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
        outcome = end(migration, run(migration, PQgetvalue(result, i, 0), statement));
        if (outcome == 0)
            tell(migration, "dropped %s, which no daemon has used for a day", PQgetvalue(result, i, 0));
    }
    PQclear(result);
    return outcome;
}

/* ---- wishes ---- */

static int make_demo(struct migration *migration)
{
    char state[16];
    if (ask_one(
            migration, "registry.demo",
            "select case when exists (select from registry.demo) then 'there' when log > 0 then 'late' else 'new' end "
            "from registry.log_head",
            NULL, state, sizeof state) < 0)
        return -1;
    if (strcmp(state, "late") == 0)
        return fail(migration,
                    "--demo: this registry has a log already, whose times a clock that can be set would belie");
    if (strcmp(state, "there") == 0)
        return 0;
    if (run(migration, "registry.demo", "insert into registry.demo default values") < 0)
        return -1;
    tell(migration, "made a demo registry, whose clock can be set");
    return 0;
}

/* Runs `grant` as a batch of the daemon would: under the lock of the log's head, with a number and a row of the log.
 * Nobody's certificate has asked for it: in the log it is 32 zeros. *code is the answer's; "" for OK. */
static int grant_admin(struct migration *migration, const char *fingerprint, char *code, size_t code_room)
{
    static const char nobody[] = "\\x0000000000000000000000000000000000000000000000000000000000000000";
    char statement[512], fields[128], outcome[64];
    snprintf(statement, sizeof statement,
             "begin; set local search_path = %s, registry, public; select from log_head for update; "
             "select write_open(1, 'registry', 'admin', '%s')",
             migration->api, nobody);
    snprintf(fields, sizeof fields, "party=ADMIN role=admin fingerprint=%s", fingerprint);
    if (run(migration, "--admin", statement) < 0)
        return -1;
    PGresult *result =
        ask(migration, "--admin",
            "select code, coalesce('NO ' || code, case when repeated then 'OK repeated' "
            "when amended then 'OK amended' else 'OK' end) from \"grant\"('registry', 'admin', $1::bytea, "
            "'ADMIN', 'admin', $2, null, null, null, null, null)",
            2, (const char *const[]){nobody, fingerprint});
    if (!result)
        return -1;
    snprintf(code, code_room, "%s", PQgetvalue(result, 0, 0));
    snprintf(outcome, sizeof outcome, "%s", PQgetvalue(result, 0, 1));
    PQclear(result);
    result = ask(migration, "--admin",
                 "select log_append('grant', array['registry'], array[$1::bytea], array['migrate'], "
                 "array[$2], array[$3])",
                 3, (const char *const[]){nobody, fields, outcome});
    PQclear(result);
    return result ? 0 : -1;
}

static int make_admin(struct migration *migration, const char *fingerprint)
{
    char code[64] = "";
    if (end(migration, grant_admin(migration, fingerprint, code, sizeof code)) < 0)
        return -1;
    if (strcmp(code, "revoked") == 0)
        return fail(migration, "--admin: this certificate was revoked, and a revoked one is never granted again; take "
                               "another");
    if (strcmp(code, "taken") == 0)
        return fail(migration, "--admin: this certificate speaks for another party already; take another");
    if (code[0])
        return fail(migration, "--admin: the registry says NO %s", code);
    tell(migration, "%.16s... is an administrator's certificate", fingerprint);
    return 0;
}

/* ---- the two commands ---- */

static int migrate(struct migration *migration, const struct migrate_wish *wish)
{
    if (take_lock(migration) < 0 || make_roles(migration) < 0 || become_owner(migration) < 0 ||
        make_schema(migration) < 0 || make_tables(migration) < 0 || make_api(migration) < 0 ||
        drop_unused(migration) < 0)
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
        ask(migration, "clock",
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
                : fail(migration, "clock: only a registry that was made with `migrate --demo` lets its clock be set");
}

int migrate_clock(const char *conninfo, const char *date, FILE *out, char *why, size_t why_size)
{
    struct migration migration = {.out = out, .why = why, .why_size = why_size};
    int outcome = open_connection(&migration, conninfo) < 0 ? -1 : set_clock(&migration, date);
    PQfinish(migration.connection);
    return outcome;
}
