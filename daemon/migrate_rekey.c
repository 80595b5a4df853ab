/* `buurtaald rekey`: everything that is sealed is opened and sealed again, under a new matching key; hashes follow.
 *
 * The steps: the new key joins the file, as `next` -> in one transaction: the locks, every column of sealed_columns() in turn
 * (those that have hashes first), all rows and hashes, the fingerprint -> `next` becomes `match`.
 * Limits: 2,000 values are in memory at a time. Rules: calls of libpq block here; SQL keeps bytes, seal.c opens them. */
#include "migrate_rekey.h"

#include <stdlib.h>

#include <libpq-fe.h>

#include "array.h"
#include "clock.h"
#include "key_file.h"
#include "seal.h"

#define ROWS "2000"

/* What the cursor of rekey_open() gives. */
enum read_column { READ_AT, READ_ROW, READ_OBJECT, READ_AFTER, READ_VALUE };

struct rekey {
    struct migration *migration;
    struct seal *before, *after;
    struct array_buffer at, old, new; /* of a part */
    size_t values;
};

/* ---- one column ---- */

static struct slice value_of(const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column))
        return (struct slice){0};
    return (struct slice){PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column)};
}

/* NULL when it failed; no row when the column is over. */
static PGresult *read_part(struct rekey *rekey)
{
    PGresult *result =
        PQexecParams(rekey->migration->connection, "fetch " ROWS " from rekey", 0, NULL, NULL, NULL, NULL, 1);
    if (PQresultStatus(result) == PGRES_TUPLES_OK)
        return result;
    (void)migration_refused(rekey->migration, result, "rekey", "");
    PQclear(result);
    return NULL;
}

static int store_part(struct rekey *rekey, const char *place)
{
    const char *const values[] = {place, rekey->at.bytes, rekey->old.bytes, rekey->new.bytes};
    const int lengths[] = {0, (int)rekey->at.len, (int)rekey->old.len, (int)rekey->new.len}, formats[] = {0, 1, 1, 1};
    if (rekey->at.broken || rekey->old.broken || rekey->new.broken)
        return migration_fail(rekey->migration, "out of memory");
    PGresult *result = PQexecParams(rekey->migration->connection,
                                    "select rekey_store($1::integer, $2::text[], $3::bytea[], $4::bytea[])", 4, NULL,
                                    values, lengths, formats, 0);
    int outcome = migration_went_well(result) ? 0 : migration_refused(rekey->migration, result, "rekey", "");
    PQclear(result);
    return outcome;
}

static int seal_anew(struct rekey *rekey, const PGresult *result, int row, const char *name)
{
    struct slice value = value_of(result, row, READ_VALUE);
    char *sealed = malloc(value.len);
    size_t len = sealed ? seal_again(rekey->before, rekey->after, name, value_of(result, row, READ_OBJECT),
                                     value_of(result, row, READ_AFTER), value, (uint8_t *)sealed)
                        : 0;
    if (len > 0) {
        array_put(&rekey->at, value_of(result, row, READ_AT));
        array_put(&rekey->old, value);
        array_put(&rekey->new, (struct slice){sealed, len});
        rekey->values++;
    }
    free(sealed);
    return len > 0 ? 0
                   : migration_fail(rekey->migration,
                                    "rekey: a value of column %s does not open with the keys of the file; nothing was "
                                    "changed. Its row: %.*s",
                                    name, PQgetlength(result, row, READ_ROW), PQgetvalue(result, row, READ_ROW));
}

static int rekey_part(struct rekey *rekey, const PGresult *result, const char *place, const char *name)
{
    int rows = PQntuples(result);
    array_clear(&rekey->at);
    array_clear(&rekey->old);
    array_clear(&rekey->new);
    array_begin(&rekey->at, (size_t)rows, false);
    array_begin(&rekey->old, (size_t)rows, true);
    array_begin(&rekey->new, (size_t)rows, true);
    for (int i = 0; i < rows; i++)
        if (seal_anew(rekey, result, i, name) < 0)
            return -1;
    return store_part(rekey, place);
}

/* All values of a column, part by part. */
static int rekey_column(struct rekey *rekey, const char *place, const char *name)
{
    PGresult *result = migration_ask(rekey->migration, "rekey", "select rekey_open($1::integer)", 1, &place);
    if (!result)
        return -1;
    int outcome = 0;
    do {
        PQclear(result);
        result = read_part(rekey);
        if (!result)
            return -1;
        if (PQntuples(result) > 0)
            outcome = rekey_part(rekey, result, place, name);
    } while (outcome == 0 && PQntuples(result) > 0);
    PQclear(result);
    return outcome < 0 ? -1 : migration_run(rekey->migration, "rekey", "close rekey");
}

/* ---- all of it ---- */

/* The columns whose values have hashes come first: the others are bound to these. */
static int rekey_columns(struct rekey *rekey)
{
    PGresult *columns = migration_ask(rekey->migration, "rekey",
                                      "select place::text, name from sealed_columns() order by object is not null, place", 0, NULL);
    int outcome = columns ? 0 : -1;
    for (int i = 0; outcome == 0 && i < PQntuples(columns); i++)
        outcome = rekey_column(rekey, PQgetvalue(columns, i, 0), PQgetvalue(columns, i, 1));
    PQclear(columns);
    return outcome;
}

static int convert(struct rekey *rekey, char registrations[32])
{
    char prints[SEAL_PRINTS_ROOM];
    if (seal_use(rekey->after, seal_newest(rekey->after)) < 0 || seal_prints(rekey->after, prints) < 0)
        return migration_fail(rekey->migration, "rekey: OpenSSL failed");
    if (rekey_columns(rekey) < 0 || migration_run(rekey->migration, "rekey", "select rekey_apply()") < 0)
        return -1;
    return migration_ask_one(rekey->migration, "rekey", "select rekey_end($1)::text", prints, registrations, 32);
}

/* In a transaction that has begun: 1 when the file says that all is done already, 0 when it can begin; -1. */
static int look(struct rekey *rekey, const char *path)
{
    struct migration *migration = rekey->migration;
    char prints[SEAL_PRINTS_ROOM], reason[512];
    PGresult *result = migration_ask(migration, "rekey", "select daemons, matching from rekey_begin()", 0, NULL);
    if (!result)
        return -1;
    char registry[65], daemons[512];
    snprintf(daemons, sizeof daemons, "%s", PQgetvalue(result, 0, 0));
    snprintf(registry, sizeof registry, "%s", PQgetvalue(result, 0, 1));
    PQclear(result);
    if (daemons[0])
        return migration_fail(migration, "rekey: daemons are connected (by the backends %s); stop all of them first", daemons);
    if (!registry[0])
        return migration_fail(migration, "rekey: no daemon has served this registry yet; make a new file of keys");
    rekey->before = seal_load(path, reason, sizeof reason);
    if (!rekey->before)
        return migration_fail(migration, "[seal] keys: %s", reason);
    rekey->after = seal_load_next(path, reason, sizeof reason); /* NULL: it has none */
    if (rekey->after && seal_prints(rekey->after, prints) == 0 && strncmp(prints, registry, 64) == 0)
        return 1;
    if (seal_prints(rekey->before, prints) < 0 || strncmp(prints, registry, 64) != 0)
        return migration_fail(migration, "%s: its matching key is not this registry's", path);
    if (rekey->after)
        return 0;
    if (key_file_begin(path, reason, sizeof reason) < 0)
        return migration_fail(migration, "%s", reason);
    rekey->after = seal_load_next(path, reason, sizeof reason);
    return rekey->after ? 0 : migration_fail(migration, "%s", reason);
}

static int run(struct rekey *rekey, const char *path)
{
    struct migration *migration = rekey->migration;
    char statement[256], registrations[32], reason[512];
    int64_t began = clock_monotonic();
    snprintf(statement, sizeof statement, "begin; set local search_path = %s, registry, public", migration->api);
    int outcome = migration_run(migration, "rekey", statement) < 0 ? -1 : look(rekey, path);
    bool over = outcome == 1;
    if (migration_end(migration, outcome == 0 ? convert(rekey, registrations) : outcome < 0 ? -1 : 0) < 0)
        return -1;
    if (key_file_finish(path, reason, sizeof reason) < 0)
        return migration_fail(migration, "%s; the registry has the new key: where the file still holds it as `next`, run rekey "
                                         "again to end it", reason);
    int64_t ms = clock_monotonic() - began;
    if (over)
        migration_tell(migration, "%s: an earlier rekey had changed the registry; now its key is in the file", path);
    else
        migration_tell(migration, "%s registrations, %zu values under a new matching key in %lld.%01lld s", registrations,
                       rekey->values, (long long)ms / 1000, (long long)ms % 1000 / 100);
    migration_tell(migration, "%s goes to every machine before its daemons start", path);
    return 0;
}

int migrate_rekey_run(struct migration *migration, const char *path)
{
    struct rekey rekey = {.migration = migration};
    int outcome = run(&rekey, path);
    seal_free(rekey.before);
    seal_free(rekey.after);
    array_free(&rekey.at);
    array_free(&rekey.old);
    array_free(&rekey.new);
    return outcome;
}
