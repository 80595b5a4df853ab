/* What goes over a connection to PostgreSQL: the checks that it begins with, then batches. Limits: one batch at a time.
 */
#include "db.h"

#include <stdio.h>
#include <stdlib.h>

#include <event2/util.h>
#include <libpq-fe.h>

#include "array.h"
#include "db_link.h"
#include "log.h"
#include "sql_files.h"
#include "statement.h"

#define MESSAGE_MAX 512
#define BATCH_OPEN "batch_open" /* no verb has an underscore */

enum state {
    DOWN,     /* no connection */
    CHECKING, /* keys, signatures and prepared statements are under way */
    READY,    /* nothing is under way */
    BUSY,     /* a batch is under way */
    HELD,     /* a part of a block has run, and its owner is deciding */
    CLEARING, /* a rehearsal or a block failed: the transaction it left behind is being rolled back */
};

struct db {
    const char *name;
    db_cell *cell;
    db_done *done;
    db_state *report;
    void *owner;

    struct db_link *link;
    char run[33]; /* names this run of this daemon, for daemon_run */
    char *keys;   /* prints of the daemon's keys */
    char *keys_before; /* that the registry took, until it has judged `keys`; else NULL */
    char *keys_fault;  /* why it refused those that were shown after `keys`, which are shown again; else NULL */
    bool taken;        /* it has taken `keys` */
    bool write, shown; /* whether the registry has been shown them over this connection */
    char api[32];

    enum state state;
    bool was_ready; /* since the process began: a mismatch then is no reason to stop */

    bool checking_keys; /* what is CHECKING is keys alone, over a connection that was READY */
    size_t queries; /* answers still to come before the Sync's; 0: the Sync's is next */
    size_t lead, call_count;
    struct result **results; /* what has come in of the batch under way: `room` of them */
    size_t room;
    char sqlstate[6];
    char message[MESSAGE_MAX];
    enum db_kind kind;          /* of the batch under way */
    size_t tail;                /* statements behind the calls: COMMIT or ROLLBACK */
    bool ending;                /* the last part of a block */
    struct array_buffer buffer; /* parameters of the call being sent */
};

/* ---- sending ---- */

static PGconn *connection(struct db *db)
{
    return db_link_connection(db->link);
}

static int send_call(struct db *db, const struct db_call *call)
{
    size_t count = statement_params(call->command), starts[STATEMENT_PARAMS_MAX + 1];
    const char *values[STATEMENT_PARAMS_MAX];
    int lengths[STATEMENT_PARAMS_MAX], formats[STATEMENT_PARAMS_MAX];
    array_clear(&db->buffer);
    for (size_t param = 0; param < count; param++) {
        starts[param] = db->buffer.len;
        array_begin(&db->buffer, call->rows, statement_is_binary(call->command, param));
        for (size_t row = 0; row < call->rows; row++)
            array_put(&db->buffer, db->cell(call->items[row], param));
    }
    starts[count] = db->buffer.len;
    if (db->buffer.broken)
        return -1;
    for (size_t i = 0; i < count; i++) { /* only now, for the buffer moves as it grows */
        values[i] = db->buffer.bytes + starts[i];
        lengths[i] = (int)(starts[i + 1] - starts[i]);
        formats[i] = 1;
    }
    return PQsendQueryPrepared(connection(db), call->command->verb, (int)count, values, lengths, formats, 0) == 1 ? 0
                                                                                                                  : -1;
}

/* Shows the registry the prints of the daemon's keys. */
static int send_keys(struct db *db)
{
    char query[128];
    const char *values[] = {db->keys, db->write ? "t" : "f"};
    snprintf(query, sizeof query, "select %s.keys_open($1::text, $2::boolean)", db->api);
    db->shown = true;
    return PQsendQueryParams(connection(db), query, 2, NULL, values, NULL, NULL, 0) == 1 ? 0 : -1;
}

/* A statement without parameters. */
static int send_simple(struct db *db, const char *text)
{
    return PQsendQueryParams(connection(db), text, 0, NULL, NULL, NULL, NULL, 0) == 1 ? 0 : -1;
}

/* ---- results ---- */

static void free_results(struct result **results, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        result_free(results[i]);
        results[i] = NULL;
    }
}

static void clear_results(struct db *db)
{
    free_results(db->results, db->room);
    db->call_count = 0;
    db->sqlstate[0] = '\0';
    db->message[0] = '\0';
}

/* Sees to room for the results of so many calls. 0 or -1. */
static int make_room(struct db *db, size_t count)
{
    if (count <= db->room)
        return 0;
    struct result **results = calloc(count, sizeof(struct result *));
    if (!results)
        return -1;
    free_results(db->results, db->room);
    free(db->results);
    db->results = results;
    db->room = count;
    return 0;
}

/* The same over a connection that nothing is under way on. */
static void show_keys(struct db *db)
{
    db->state = CHECKING;
    db->checking_keys = true;
    db->queries = 1;
    clear_results(db);
    if (make_room(db, 2) < 0 || send_keys(db) < 0 || PQpipelineSync(connection(db)) != 1)
        db_link_break(db->link);
    else
        db_link_flush(db->link);
}

/* ---- answers ---- */

static void become_ready(struct db *db)
{
    clear_results(db);
    db->state = READY;
    db->was_ready = true;
    db_link_settled(db->link);
    if (!db->checking_keys)
        log_event(LOG_LEVEL_NOTICE, "database-up", "connection=%s server=%d api=%s", db->name,
                  PQserverVersion(connection(db)), db->api);
    db->checking_keys = false;
    if (!db->shown) {
        show_keys(db);
        return;
    }
    db->taken = true;
    free(db->keys_before);
    db->keys_before = NULL;
    db->report(db->owner, true);
}

/* What the database has is not what this daemon was built with. Before the first success that ends the start. */
static void mismatch(struct db *db, const char *what)
{
    char quoted[MESSAGE_MAX * 2];
    log_quote(quoted, sizeof quoted, what);
    if (!db->was_ready)
        log_fatal("database-mismatch",
                  "connection=%s api=%s reason=%s remedy=\"run buurtaald migrate of this same version; when that was "
                  "done, mend sql/api\"",
                  db->name, db->api, quoted);
    log_event(LOG_LEVEL_ERROR, "database-mismatch", "connection=%s api=%s reason=%s", db->name, db->api, quoted);
    db_link_fail(db->link, what);
}

/* What signatures() said of a verb's function; it ends in a NUL, as all values of libpq's do. */
static const char *find_signature(void *own, const char *verb)
{
    for (size_t row = 0; row < result_rows(own); row++)
        if (slice_is(result_value(own, row, 0), verb))
            return result_value(own, row, 1).at;
    return NULL;
}

/* The keys that the registry took before those that it refuses now are the daemon's again. */
static void go_back(struct db *db, const char *why)
{
    free(db->keys);
    free(db->keys_fault);
    db->keys = db->keys_before;
    db->keys_before = NULL;
    db->keys_fault = strdup(why); /* NULL: nobody is told, and the keys of before are shown anyhow */
    db->shown = false;
}

/* The registry's keys are not this daemon's: `why` says in which way. With another matching key nothing that this process
 * holds is of use; what else is wrong, a better file of keys mends. A standby may lag behind. */
static void refuse_keys(struct db *db, const char *why)
{
    bool back = db->keys_before && db->shown;
    char quoted[MESSAGE_MAX * 2];
    log_quote(quoted, sizeof quoted, why);
    if (db->write && (!db->was_ready || strncmp(why, "matching", 8) == 0))
        log_fatal_config("keys-refused", "connection=%s reason=%s", db->name, quoted);
    log_event(LOG_LEVEL_ERROR, "keys-refused", "connection=%s reason=%s", db->name, quoted);
    if (back)
        go_back(db, why);
    if (db->checking_keys && !db->shown)
        show_keys(db);
    else
        db_link_fail(db->link, why);
}

/* What keys_open() said, the first result: NULL when all is well. */
static const char *find_key_fault(struct db *db)
{
    struct result *result = db->results[0];
    return result && result_rows(result) == 1 ? result_value(result, 0, 0).at : "keys_open() gave no row";
}

static void checked(struct db *db)
{
    char why[1024];
    const char *fault = db->sqlstate[0] ? NULL : find_key_fault(db);
    if (fault)
        refuse_keys(db, fault);
    else if (db->sqlstate[0] && memcmp(db->sqlstate, "57", 2) != 0 && memcmp(db->sqlstate, "53", 2) != 0)
        mismatch(db, db->message);
    else if (db->sqlstate[0])
        db_link_fail(db->link, db->message);
    else if (db->checking_keys)
        become_ready(db);
    else if (!db->results[1])
        mismatch(db, "signatures() gave no rows");
    else if (statement_mismatch(find_signature, db->results[1], why, sizeof why) < 0)
        mismatch(db, why);
    else
        become_ready(db);
}

/* Tells the owner what came of the batch, or of a part of a block. What it has not taken of the results is freed. */
static void tell(struct db *db, enum db_outcome outcome)
{
    struct result **results = db->results;
    size_t room = db->room;
    char sqlstate[6], message[MESSAGE_MAX];
    memcpy(sqlstate, db->sqlstate, sizeof sqlstate);
    memcpy(message, db->message, sizeof message);
    db->results = NULL;
    db->room = 0;
    if (outcome == DB_FAILED)
        db->done(db->owner, outcome, NULL, sqlstate, message);
    else
        db->done(db->owner, outcome, results, "", "");
    free_results(results, room);
    free(results);
}

/* The batch is over and the connection is free again; the owner may send from within `done`. */
static void finished(struct db *db)
{
    db->state = READY;
    if (strcmp(db->sqlstate, "25006") == 0) /* this server takes no writes any more: look for the one that does */
        db_link_break(db->link);
    bool showing = !db->shown && !db_link_broken(db->link);
    if (showing) /* before the next batch */
        db->state = CHECKING;
    tell(db, db->sqlstate[0] ? DB_FAILED : DB_DONE);
    if (showing && !db_link_broken(db->link))
        show_keys(db);
}

/* Whether a batch of this kind has a transaction of its own, which an error leaves open behind it (measured). */
static bool has_begun(enum db_kind kind)
{
    return kind == DB_REHEARSAL || kind == DB_BLOCK;
}

static void synced(struct db *db)
{
    if (db->state == CHECKING) {
        checked(db);
    } else if (db->state == BUSY && has_begun(db->kind) && db->sqlstate[0]) {
        db->state = CLEARING;
        db->queries = 1;
        if (send_simple(db, "rollback") < 0 || PQpipelineSync(connection(db)) != 1)
            db_link_break(db->link);
        else
            db_link_flush(db->link);
    } else if (db->state == BUSY && db->kind == DB_BLOCK && !db->ending) {
        db->state = HELD;
        tell(db, DB_HELD);
    } else {
        finished(db);
    }
}

/* One result of libpq's. The index of the call it belongs to follows from how many answers are still to come. */
static void take_result(struct db *db, PGresult *result)
{
    size_t total = db->lead + db->call_count + db->tail, index = total - db->queries;
    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
        if (db->state == CHECKING || (db->state == BUSY && index >= db->lead && index < db->lead + db->call_count)) {
            size_t at = db->state == CHECKING ? db->results[0] != NULL : index - db->lead;
            struct result **slot = &db->results[at];
            result_free(*slot);
            *slot = result_take(result);
            if (!*slot)
                db_link_break(db->link);
            return;
        }
        break;
    case PGRES_FATAL_ERROR:
        if (!db->sqlstate[0])
            result_fault(result, db->sqlstate, db->message, sizeof db->message);
        break;
    default: /* COMMAND_OK; PIPELINE_ABORTED, which is not the end: the Sync's answer is */
        break;
    }
    PQclear(result);
}

/* Takes what has come. Stops when `finished` has let the owner send anew, or nothing whole is there. */
static void on_input(void *owner)
{
    struct db *db = owner;
    bool nothing =
        false; /* NULL twice: all is taken; once: it ended an error of the commit itself, which is no query's */
    while (!db_link_broken(db->link) && (db->state == BUSY || db->state == CHECKING || db->state == CLEARING) &&
           !PQisBusy(connection(db))) {
        PGresult *result = PQgetResult(connection(db));
        if (!result && db->queries == 0 && nothing)
            break;
        nothing = !result;
        if (!result)
            db->queries -= db->queries > 0; /* NULL ends the answer of one query */
        else if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            synced(db);
        } else
            take_result(db, result);
    }
}

/* ---- the life of a connection ---- */

static int send_checks(struct db *db)
{
    char query[128];
    if (send_keys(db) < 0)
        return -1;
    snprintf(query, sizeof query, "select \"function\", parameters || ' -> ' || names from %s.signatures()", db->api);
    if (send_simple(db, query) < 0)
        return -1;
    snprintf(query, sizeof query, "select %s.batch_open($1, $2, $3)", db->api);
    if (PQsendPrepare(connection(db), BATCH_OPEN, query, 0, NULL) != 1)
        return -1;
    db->queries = 3;
    for (size_t i = 0; i < proto_command_count + statement_own_count; i++) {
        const struct proto_command *command =
            i < proto_command_count ? &proto_commands[i] : statement_own[i - proto_command_count];
        if (command->kind == KIND_BUILTIN)
            continue;
        char *text = statement_text(command, db->api);
        int sent = text ? PQsendPrepare(connection(db), command->verb, text, 0, NULL) : 0;
        free(text);
        if (sent != 1)
            return -1;
        db->queries++;
    }
    return PQpipelineSync(connection(db)) == 1 ? 0 : -1;
}

static void on_up(void *owner)
{
    struct db *db = owner;
    db->state = CHECKING;
    db->lead = 0;
    db->kind = DB_READ;
    clear_results(db);
    db->checking_keys = false;
    if (make_room(db, 2) < 0 || send_checks(db) < 0)
        db_link_fail(db->link, PQerrorMessage(connection(db)));
    else
        db_link_flush(db->link);
}

static void on_down(void *owner, const char *why)
{
    struct db *db = owner;
    bool busy = db->state == BUSY || db->state == HELD || db->state == CLEARING, told = db->state >= READY;
    clear_results(db);
    db->state = DOWN;
    if (told)
        db->report(db->owner, false);
    if (busy)
        db->done(db->owner, DB_LOST, NULL, "", why);
}

/* ---- what the owner calls ---- */

void db_keys(struct db *db, const char *keys)
{
    char *copy = strdup(keys);
    if (!copy) /* the keys that it was shown before still stand */
        return;
    if (db->taken) {
        free(db->keys_before);
        db->keys_before = db->keys;
    } else {
        free(db->keys);
    }
    free(db->keys_fault);
    db->keys_fault = NULL;
    db->keys = copy;
    db->taken = false;
    db->shown = false;
    if (db->state == READY && !db_link_broken(db->link))
        show_keys(db);
}

const char *db_keys_fault(const struct db *db)
{
    return db->keys_fault ? db->keys_fault : db->taken ? "" : NULL;
}

bool db_ready(const struct db *db)
{
    return db->state == READY && !db_link_broken(db->link);
}

static int send_lead(struct db *db, enum db_kind kind, uint64_t number, uint32_t key)
{
    char text[24], key_text[16];
    const char *values[] = {db->run, text, key_text};
    db->lead = 0;
    if (kind == DB_READ)
        return 0;
    if (has_begun(kind)) {
        if (send_simple(db, "begin") < 0)
            return -1;
        db->lead++;
    }
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    snprintf(key_text, sizeof key_text, "%u", key);
    db->lead++;
    return PQsendQueryPrepared(connection(db), BATCH_OPEN, 3, values, NULL, NULL, 0) == 1 ? 0 : -1;
}

/* Sends calls, the statement that ends the transaction (NULL: none), and a Sync. What fails here is told by the loop.
 */
static void send_calls(struct db *db, int sent, const struct db_call *calls, size_t count, const char *last)
{
    db->call_count = count;
    db->tail = last != NULL;
    db->queries = db->lead + count + db->tail;
    if (make_room(db, count) < 0)
        sent = -1;
    for (size_t i = 0; i < count && sent == 0; i++)
        sent = send_call(db, &calls[i]);
    if (sent == 0 && last)
        sent = send_simple(db, last);
    if (sent < 0 || PQpipelineSync(connection(db)) != 1)
        db_link_break(db->link);
    else
        db_link_flush(db->link);
}

void db_send(struct db *db, enum db_kind kind, uint64_t number, uint32_t key, const struct db_call *calls, size_t count)
{
    clear_results(db);
    db->state = BUSY;
    db->kind = kind;
    db->ending = false;
    send_calls(db, send_lead(db, kind, number, key), calls, count, kind == DB_REHEARSAL ? "rollback" : NULL);
}

void db_go_on(struct db *db, const struct db_call *calls, size_t count)
{
    clear_results(db);
    db->state = BUSY;
    db->lead = 0;
    send_calls(db, 0, calls, count, NULL);
}

void db_end(struct db *db, const struct db_call *keep)
{
    clear_results(db);
    db->state = BUSY;
    db->ending = true;
    db->lead = 0;
    send_calls(db, 0, keep, keep != NULL, keep ? "commit" : "rollback");
}

/* ---- making one ---- */

struct db *db_open(struct event_base *base, const char *name, const char *conninfo, const char *keys, bool write,
                   db_cell *cell, db_done *done, db_state *state, void *owner, char *why, size_t why_size)
{
    struct db *db = calloc(1, sizeof *db);
    uint8_t random[16];
    snprintf(why, why_size, "out of memory");
    if (!db)
        return NULL;
    *db = (struct db){
        .name = name, .write = write, .cell = cell, .done = done, .report = state, .owner = owner, .keys = strdup(keys)};
    evutil_secure_rng_get_bytes(random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(db->run + 2 * i, 3, "%02x", random[i]);
    snprintf(db->api, sizeof db->api, "api_%s", sql_api_hash);
    db->link = db->keys ? db_link_open(base, name, conninfo, write, on_up, on_input, on_down, db, why, why_size) : NULL;
    if (db->link)
        return db;
    free(db->keys);
    free(db);
    return NULL;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    clear_results(db);
    free(db->results);
    db_link_close(db->link);
    array_free(&db->buffer);
    free(db->keys);
    free(db->keys_before);
    free(db->keys_fault);
    free(db);
}
