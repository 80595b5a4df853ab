/* The rows of one call, read from libpq's result of it in text form; or why there are none. */
#define _GNU_SOURCE /* memmem */
#include "result.h"

#include <stdio.h>
#include <stdlib.h>

#include <libpq-fe.h>

#define BYTEA_OID 17
#define BOOL_OID 16

struct decoded {
    struct decoded *next;
    uint8_t bytes[];
};

struct result {
    PGresult *pg;
    struct decoded *decoded; /* bytea values that were asked for */
};

struct result *result_take(struct pg_result *pg)
{
    struct result *result = malloc(sizeof *result);
    if (result)
        *result = (struct result){.pg = pg};
    else
        PQclear(pg);
    return result;
}

void result_free(struct result *result)
{
    if (!result)
        return;
    for (struct decoded *next, *d = result->decoded; d; d = next) {
        next = d->next;
        free(d);
    }
    PQclear(result->pg);
    free(result);
}

size_t result_rows(const struct result *result)
{
    return (size_t)PQntuples(result->pg);
}

size_t result_columns(const struct result *result)
{
    return (size_t)PQnfields(result->pg);
}

const char *result_name(const struct result *result, size_t column)
{
    return PQfname(result->pg, (int)column);
}

enum result_form result_form(const struct result *result, size_t column)
{
    Oid type = PQftype(result->pg, (int)column);
    return type == BOOL_OID ? RESULT_BOOLEAN : type == BYTEA_OID ? RESULT_BYTES : RESULT_TEXT;
}

static struct slice decode(struct result *result, const char *text, size_t len)
{
    size_t size = 0;
    unsigned char *bytes = len >= 2 ? PQunescapeBytea((const unsigned char *)text, &size) : NULL;
    struct decoded *decoded = bytes ? malloc(sizeof *decoded + size + 1) : NULL;
    if (decoded) {
        memcpy(decoded->bytes, bytes, size);
        decoded->next = result->decoded;
        result->decoded = decoded;
    }
    PQfreemem(bytes);
    return decoded ? (struct slice){(char *)decoded->bytes, size} : (struct slice){0};
}

struct slice result_value(struct result *result, size_t row, size_t column)
{
    int r = (int)row, c = (int)column;
    if (PQgetisnull(result->pg, r, c))
        return (struct slice){0};
    struct slice text = {PQgetvalue(result->pg, r, c), (size_t)PQgetlength(result->pg, r, c)};
    if (result_form(result, column) == RESULT_BYTES)
        return decode(result, text.at, text.len);
    return text;
}

/* The innermost function of PL/pgSQL among the places that the server names, a line each; absent when there is none.
 * Statements are places too, and are left out: their text is no message for a log. */
static struct slice place_of(const char *context)
{
    for (const char *end; context && *context; context = *end ? end + 1 : end) {
        end = context + strcspn(context, "\n");
        struct slice line = {context, (size_t)(end - context)};
        if (memmem(line.at, line.len, "PL/pgSQL", 8))
            return line;
    }
    return (struct slice){"", 0};
}

void result_fault(const struct pg_result *pg, char sqlstate[6], char *message, size_t size)
{
    const char *state = PQresultErrorField(pg, PG_DIAG_SQLSTATE),
               *text = PQresultErrorField(pg, PG_DIAG_MESSAGE_PRIMARY);
    struct slice place = place_of(PQresultErrorField(pg, PG_DIAG_CONTEXT));
    if (!text)
        text = PQresultErrorMessage(pg);
    snprintf(sqlstate, 6, "%s", state ? state : "XX000");
    snprintf(message, size, "%.*s%s%.*s", (int)strcspn(text, "\n"), text, place.len > 0 ? "; " : "", (int)place.len,
             place.at);
}
