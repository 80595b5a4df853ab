/* The rows that came of one call. Tests of dialogues replace this room at link time, with db. */
#ifndef BUURTAAL_RESULT_H
#define BUURTAAL_RESULT_H

#include "base.h"

struct pg_result; /* libpq's PGresult */
struct result;

enum result_form { RESULT_TEXT, RESULT_BOOLEAN, RESULT_BYTES };

/* Takes over a result of libpq's. NULL when memory is out; `pg` is then gone too. The caller owns the result. */
struct result *result_take(struct pg_result *pg) MUST_CHECK;
/* NULL is allowed. */
void result_free(struct result *result);

size_t result_rows(const struct result *result);
size_t result_columns(const struct result *result);
/* The name and the form of a column, from 0. */
const char *result_name(const struct result *result, size_t column);
enum result_form result_form(const struct result *result, size_t column);
/* The value as text, bytea as its bytes; absent for NULL, and for bytea when memory is out. Theirs as long as the result. */
struct slice result_value(struct result *result, size_t row, size_t column);

/* Why a call of libpq's failed, for the log: the SQLSTATE, XX000 when the server gave none, and the message, one line, with
 * the function of PL/pgSQL and the line in it, cut where `size` ends. `pg` stays the caller's. */
void result_fault(const struct pg_result *pg, char sqlstate[6], char *message, size_t size);

#endif
