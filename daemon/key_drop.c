/* Asks the registry whether it can do without a sealing key, before the file of keys loses it.
 * Rules: one question over a connection as the daemon has it; calls of libpq block here. */
#include "key_drop.h"

#include <stdio.h>

#include <libpq-fe.h>

#include "conninfo.h"
#include "seal.h"
#include "sql_files.h"

static const char unasked[] = "; where no registry can be asked, --offline drops the key all the same";

static int fail(const char *what, const char *reason, const char *remedy, char *why, size_t why_size)
{
    snprintf(why, why_size, "%s: %.*s%s", what, (int)strcspn(reason, "\n"), reason, remedy);
    return -1;
}

/* Judges what the registry said. */
static int judge(const PGresult *result, PGconn *connection, const char *path, char *why, size_t why_size)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (PQresultStatus(result) != PGRES_TUPLES_OK && state &&
        (strcmp(state, "42883") == 0 || strcmp(state, "3F000") == 0))
        return fail("[database] write", "the registry is not of this version",
                    "; run `buurtaald migrate` first, or take the buurtaald that its daemons are of", why, why_size);
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1)
        return fail("[database] write", PQerrorMessage(connection), unasked, why, why_size);
    if (!PQgetisnull(result, 0, 0))
        return fail(path, PQgetvalue(result, 0, 0),
                    "; the file stays as it is. `key-unused` in the log of a daemon names the keys that may go", why,
                    why_size);
    return 0;
}

static int ask(PGconn *connection, const char *path, const char *prints, uint32_t number, char *why, size_t why_size)
{
    char query[128], text[16];
    const char *const values[] = {prints, text};
    if (PQstatus(connection) != CONNECTION_OK)
        return fail("[database] write", connection ? PQerrorMessage(connection) : "out of memory", unasked, why,
                    why_size);
    snprintf(query, sizeof query, "select api_%s.key_drop($1::text, $2::integer)", sql_api_hash);
    snprintf(text, sizeof text, "%u", number);
    PGresult *result = PQexecParams(connection, query, 2, NULL, values, NULL, NULL, 0);
    int outcome = judge(result, connection, path, why, why_size);
    PQclear(result);
    return outcome;
}

int key_drop_ask(const char *conninfo, const char *path, uint32_t number, char *why, size_t why_size)
{
    char prints[SEAL_PRINTS_ROOM], reason[512] = "";
    struct conninfo settings;
    struct seal *seal = seal_load(path, why, why_size);
    if (!seal)
        return -1;
    int outcome = seal_prints_without(seal, number, prints);
    seal_free(seal);
    if (outcome < 0)
        return fail(path, "OpenSSL failed", "", why, why_size);
    outcome = conninfo_read(&settings, conninfo, true, reason, sizeof reason);
    if (outcome == 0) {
        PGconn *connection =
            PQconnectdbParams((const char *const *)settings.keywords, (const char *const *)settings.values, 0);
        outcome = ask(connection, path, prints, number, why, why_size);
        PQfinish(connection);
    } else {
        (void)fail("[database] write", reason, unasked, why, why_size);
    }
    conninfo_free(&settings);
    return outcome;
}
