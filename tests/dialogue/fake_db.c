/* Stands for daemon/db.c: keeps each batch until the test says what came of it. */
#include <stdio.h>
#include <stdlib.h>

#include "fakes.h"
#include "statement.h"

#define COLUMNS_MOST 48

struct result {
    size_t columns, rows, room;
    char names[COLUMNS_MOST][32];
    enum result_form forms[COLUMNS_MOST];
    struct slice (*values)[COLUMNS_MOST];
};

struct db {
    bool write, ready, busy;
    db_cell *cell;
    db_done *done;
    db_state *state;
    void *owner;
    struct fake_batch batch;
};

static struct db *dbs[2];

static void *need(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static struct slice copy(struct slice s)
{
    if (!s.at)
        return s;
    char *bytes = need(malloc(s.len + 1));
    memcpy(bytes, s.at, s.len);
    bytes[s.len] = '\0';
    return (struct slice){bytes, s.len};
}

static void drop(struct slice s)
{
    free((void *)(uintptr_t)s.at);
}

/* ---- results ---- */

static void add_column(struct result *result, const char *name, size_t len)
{
    snprintf(result->names[result->columns++], sizeof result->names[0], "%.*s", (int)len, name);
}

/* The columns of statement_watch are those of its function. */
static void add_watched(struct result *result)
{
    char *signature = need(statement_signature(&statement_watch)), *rest = strstr(signature, "-> ") + 3;
    add_column(result, "ord", 3);
    add_column(result, "at", 2);
    add_column(result, "present", 7);
    for (char *name; (name = strsep(&rest, ","));)
        add_column(result, name, strlen(name));
    free(signature);
}

static struct result *make_result(const struct proto_command *command)
{
    static const char *const first[] = {"ord", "log", "present", "code", "field"};
    struct result *result = need(calloc(1, sizeof *result));
    if (command == &statement_watch) {
        add_watched(result);
        return result;
    }
    for (size_t i = 0; i < COUNT(first); i++)
        add_column(result, first[i], strlen(first[i]));
    for (const char *name = command->replies; *name; name += *name == ' ') {
        size_t len = strcspn(name, " ");
        add_column(result, name, len);
        name += len;
    }
    if (command->kind == KIND_LIST)
        add_column(result, "after", 5);
    return result;
}

void result_free(struct result *result)
{
    if (!result)
        return;
    for (size_t i = 0; i < result->rows; i++)
        for (size_t j = 0; j < result->columns; j++)
            drop(result->values[i][j]);
    free(result->values);
    free(result);
}

size_t fake_row(struct fake_batch *batch, const struct fake_request *request)
{
    struct result *result = batch->results[request->call];
    char ordinal[24];
    size_t row = result->rows++;
    if (result->rows > result->room) {
        result->room = 2 * result->rows;
        result->values = need(realloc(result->values, result->room * sizeof result->values[0]));
    }
    memset(result->values[row], 0, sizeof result->values[row]);
    snprintf(ordinal, sizeof ordinal, "%zu", request->ordinal);
    result->values[row][COLUMN_ORDINAL] = copy(slice_of(ordinal));
    result->values[row][COLUMN_PRESENT] = copy(SLICE("t"));
    result->forms[COLUMN_PRESENT] = RESULT_BOOLEAN;
    return row;
}

static void put(struct result *result, size_t row, size_t column, struct slice value)
{
    drop(result->values[row][column]);
    result->values[row][column] = copy(value);
}

bool fake_set(struct result *result, size_t row, const char *name, enum result_form form, struct slice value)
{
    static const struct {
        const char *name;
        size_t column;
    } own[] = {{"log", COLUMN_LOG},
               {"at", COLUMN_LOG},
               {"present", COLUMN_PRESENT},
               {"no", COLUMN_CODE},
               {"field", COLUMN_FIELD}};
    bool found = false;
    for (size_t i = 0; i < COUNT(own); i++)
        if (strcmp(own[i].name, name) == 0) {
            put(result, row, own[i].column, value);
            found = true;
        }
    for (size_t i = COLUMN_REPLIES; i < result->columns; i++)
        if (strcmp(result->names[i], name) == 0) {
            put(result, row, i, value);
            result->forms[i] = form;
            found = true;
        }
    return found;
}

size_t result_rows(const struct result *result)
{
    return result->rows;
}

size_t result_columns(const struct result *result)
{
    return result->columns;
}

const char *result_name(const struct result *result, size_t column)
{
    return result->names[column];
}

enum result_form result_form(const struct result *result, size_t column)
{
    return result->forms[column];
}

struct slice result_value(struct result *result, size_t row, size_t column)
{
    return result->values[row][column];
}

/* ---- the connection ---- */

struct db *db_open(struct event_base *base, const char *name, const char *conninfo, const char *keys, bool write,
                   db_cell *cell, db_done *done, db_state *state, void *owner, char *why, size_t why_size)
{
    (void)keys;
    struct db *db = need(calloc(1, sizeof *db));
    (void)base;
    (void)name;
    (void)conninfo;
    (void)why;
    (void)why_size;
    *db = (struct db){.write = write, .ready = true, .cell = cell, .done = done, .state = state, .owner = owner};
    dbs[write] = db;
    return db;
}

static void free_batch(struct fake_batch *batch)
{
    for (size_t i = 0; i < batch->requests; i++) {
        for (size_t j = 0; j < batch->request[i].cell_count; j++)
            drop(batch->request[i].cells[j]);
        free(batch->request[i].cells);
    }
    free(batch->request);
    for (size_t i = 0; i < batch->calls; i++)
        result_free(batch->results[i]);
    *batch = (struct fake_batch){0};
}

void db_close(struct db *db)
{
    if (!db)
        return;
    free_batch(&db->batch);
    dbs[db->write] = NULL;
    free(db);
}

void db_keys(struct db *db, const char *keys)
{
    (void)db;
    (void)keys;
}

const char *db_keys_fault(const struct db *db)
{
    (void)db;
    return "";
}

bool db_ready(const struct db *db)
{
    return db->ready && !db->busy;
}

static void keep_call(struct db *db, const struct db_call *call)
{
    struct fake_batch *batch = &db->batch;
    for (size_t i = 0; i < call->rows; i++) {
        batch->request = need(realloc(batch->request, (batch->requests + 1) * sizeof *batch->request));
        struct fake_request *request = &batch->request[batch->requests++];
        *request = (struct fake_request){call->command, batch->calls, i + 1, statement_params(call->command), NULL};
        request->cells = need(calloc(request->cell_count + 1, sizeof *request->cells));
        for (size_t j = 0; j < request->cell_count; j++)
            request->cells[j] = copy(db->cell(call->items[i], j));
    }
    batch->results[batch->calls] = make_result(call->command);
    batch->commands[batch->calls++] = call->command;
}

static void keep_calls(struct db *db, enum db_kind kind, const struct db_call *calls, size_t count)
{
    if (count > FAKE_CALLS_MOST)
        abort();
    db->busy = true;
    db->batch.kind = kind;
    for (size_t i = 0; i < count; i++)
        keep_call(db, &calls[i]);
}

void db_send(struct db *db, enum db_kind kind, uint64_t number, uint32_t key, const struct db_call *calls, size_t count)
{
    (void)key;
    if (!db_ready(db) || (kind != DB_BLOCK && (count == 0 || count > DB_CALLS_MAX)))
        abort();
    db->batch.number = number;
    keep_calls(db, kind, calls, count);
}

void db_go_on(struct db *db, const struct db_call *calls, size_t count)
{
    if (!db->batch.held || count == 0)
        abort();
    db->batch = (struct fake_batch){.number = db->batch.number};
    keep_calls(db, DB_BLOCK, calls, count);
}

void db_end(struct db *db, const struct db_call *keep)
{
    if (!db->batch.held)
        abort();
    db->batch = (struct fake_batch){.ends = true, .stays = keep != NULL};
    keep_calls(db, DB_BLOCK, keep, keep != NULL);
}

struct db *fake_db(bool write)
{
    return dbs[write];
}

struct fake_batch *fake_db_batch(struct db *db)
{
    return db->busy ? &db->batch : NULL;
}

void fake_db_state(struct db *db, bool ready)
{
    if (db->ready == ready)
        return;
    db->ready = ready;
    db->state(db->owner, ready);
}

void fake_db_done(struct db *db, enum db_outcome outcome, const char *sqlstate)
{
    struct fake_batch batch = db->batch;
    if (outcome == DB_DONE && batch.kind == DB_BLOCK && !batch.ends)
        outcome = DB_HELD;
    db->batch = (struct fake_batch){.held = outcome == DB_HELD, .number = batch.number};
    db->busy = outcome == DB_HELD;
    if (outcome == DB_LOST)
        db->ready = false;
    bool has_results = (outcome == DB_DONE || outcome == DB_HELD) && batch.calls > 0;
    db->done(db->owner, outcome, has_results ? batch.results : NULL, sqlstate, "as the test says");
    if (outcome == DB_LOST)
        db->state(db->owner, false);
    free_batch(&batch);
}
