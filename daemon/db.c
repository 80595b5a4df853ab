/* One connection to PostgreSQL on libpq, in pipeline mode, without a call that blocks. Connecting polls the socket that
 * libpq has at that moment (it may be another after each step); from then on two persistent events, reading always
 * armed. Limits: one batch at a time. */
#include "db.h"

#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>
#include <event2/util.h>
#include <libpq-fe.h>

#include "array.h"
#include "conninfo.h"
#include "log.h"
#include "sql_files.h"
#include "statement.h"

#define CONNECT_SECONDS 10 /* for each host; more than conninfo.c lets one go unanswered */
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MOST_MS 5000
#define MESSAGE_MAX 512
#define BATCH_OPEN "batch_open" /* no verb has an underscore */

enum state {
    DOWN,       /* no connection; `retry` is armed, or a callback is about to arm it */
    CONNECTING, /* PQconnectPoll has not ended; `deadline` is armed */
    CHECKING,   /* settings, signatures and prepared statements are under way; `deadline` is armed */
    READY,      /* nothing is under way */
    BUSY,       /* a batch is under way */
    HELD,       /* a part of a block has run, and its owner is deciding */
    CLEARING,   /* a rehearsal or a block failed: the transaction it left behind is being rolled back */
};

struct db {
    struct event_base *base;
    const char *name;
    bool write;
    db_cell *cell;
    db_done *done;
    db_state *report;
    void *owner;

    struct conninfo conninfo;
    char run[33]; /* names this run of this daemon, for daemon_run */
    char api[32];

    enum state state;
    bool was_ready; /* since the process began: a mismatch then is no reason to stop */
    bool broken;    /* a send failed; the loop will take the connection down */
    PGconn *connection;
    struct event *connecting; /* while CONNECTING, for the socket of this moment */
    struct event *readable, *writable;
    struct event *retry, *deadline, *trouble;
    int backoff_ms;

    size_t queries; /* answers still to come before the Sync's; 0: the Sync's is next */
    size_t lead, call_count;
    struct result **results; /* what has come in of the batch under way: `room` of them */
    size_t room;
    char sqlstate[6];
    char message[MESSAGE_MAX];
    enum db_kind kind; /* of the batch under way */
    size_t tail;       /* statements behind the calls: COMMIT or ROLLBACK */
    bool ending;       /* the last part of a block */
    struct array_buffer buffer; /* parameters of the call being sent */
};

static void connect_begin(struct db *db);

/* ---- sending ---- */

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
    return PQsendQueryPrepared(db->connection, call->command->verb, (int)count, values, lengths, formats, 0) == 1 ? 0
                                                                                                                  : -1;
}

/* A statement without parameters. */
static int send_simple(struct db *db, const char *text)
{
    return PQsendQueryParams(db->connection, text, 0, NULL, NULL, NULL, NULL, 0) == 1 ? 0 : -1;
}

/* ---- the end of a connection ---- */

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

static void free_event(struct event **event)
{
    if (*event)
        event_free(*event);
    *event = NULL;
}

/* Takes the connection down and arms the next try. Tells the owner what that means to it. */
static void go_down(struct db *db, const char *why)
{
    char quoted[MESSAGE_MAX * 2], message[MESSAGE_MAX];
    bool busy = db->state == BUSY || db->state == HELD || db->state == CLEARING, told = db->state >= READY;
    snprintf(message, sizeof message, "%.*s", (int)strcspn(why, "\n"), why);
    log_event(LOG_LEVEL_WARNING, "database-down", "connection=%s retry-ms=%d reason=%s", db->name, db->backoff_ms,
              log_quote(quoted, sizeof quoted, message));
    clear_results(db);
    free_event(&db->connecting);
    free_event(&db->readable);
    free_event(&db->writable);
    event_del(db->deadline);
    PQfinish(db->connection);
    db->connection = NULL;
    db->state = DOWN;
    db->broken = false;
    event_add(db->retry, &(struct timeval){db->backoff_ms / 1000, db->backoff_ms % 1000 * 1000});
    db->backoff_ms = db->backoff_ms * 2 > BACKOFF_MOST_MS ? BACKOFF_MOST_MS : db->backoff_ms * 2;
    if (told)
        db->report(db->owner, false);
    if (busy)
        db->done(db->owner, DB_LOST, NULL, "", message);
}

/* Something failed inside a call of the owner's: callbacks must wait for the loop. */
static void break_later(struct db *db)
{
    db->broken = true;
    event_active(db->trouble, 0, 0);
}

static void on_trouble(evutil_socket_t fd, short what, void *arg)
{
    struct db *db = arg;
    (void)fd;
    (void)what;
    if (db->broken)
        go_down(db, db->connection ? PQerrorMessage(db->connection) : "not connected");
}

static void flush(struct db *db)
{
    int left = PQflush(db->connection);
    if (left < 0)
        break_later(db);
    else if (left > 0)
        event_add(db->writable, NULL);
}

/* ---- answers ---- */

static void become_ready(struct db *db)
{
    db->state = READY;
    db->was_ready = true;
    db->backoff_ms = BACKOFF_FIRST_MS;
    event_del(db->deadline);
    log_event(LOG_LEVEL_NOTICE, "database-up", "connection=%s server=%d api=%s", db->name,
              PQserverVersion(db->connection), db->api);
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
    go_down(db, what);
}

/* NULL when every function is as its row says, else the first that is not, in `why`. */
static const char *compare_signatures(struct result *rows, char *why, size_t why_size)
{
    for (size_t i = 0; i < proto_command_count; i++) {
        const struct proto_command *command = &proto_commands[i];
        char *wanted = statement_signature(command);
        const char *found = NULL; /* ends in a NUL, as all values of libpq's do */
        if (!wanted)
            continue;
        for (size_t row = 0; row < result_rows(rows) && !found; row++)
            if (slice_is(result_value(rows, row, 0), command->verb))
                found = result_value(rows, row, 1).at;
        bool same = found && strcmp(wanted, found) == 0;
        if (!same)
            snprintf(why, why_size, "function of %s is (%s), its row in commands.def needs (%s)", command->verb,
                     found ? found : "missing", wanted);
        free(wanted);
        if (!same)
            return why;
    }
    return NULL;
}

static void checked(struct db *db)
{
    char why[1024];
    if (db->sqlstate[0] && memcmp(db->sqlstate, "57", 2) != 0 && memcmp(db->sqlstate, "53", 2) != 0)
        mismatch(db, db->message);
    else if (db->sqlstate[0])
        go_down(db, db->message);
    else if (!db->results[0])
        mismatch(db, "signatures() gave no rows");
    else if (compare_signatures(db->results[0], why, sizeof why))
        mismatch(db, why);
    else {
        clear_results(db);
        become_ready(db);
    }
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
        break_later(db);
    tell(db, db->sqlstate[0] ? DB_FAILED : DB_DONE);
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
        if (send_simple(db, "rollback") < 0 || PQpipelineSync(db->connection) != 1)
            break_later(db);
        else
            flush(db);
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
            struct result **slot = &db->results[db->state == CHECKING ? 0 : index - db->lead];
            result_free(*slot);
            *slot = result_take(result);
            if (!*slot)
                break_later(db);
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
static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct db *db = arg;
    (void)fd;
    (void)what;
    bool nothing = false; /* NULL twice: all is taken; once: it ended an error of the commit itself, which is no query's */
    if (PQconsumeInput(db->connection) != 1) {
        go_down(db, PQerrorMessage(db->connection));
        return;
    }
    while (db->connection && !db->broken && (db->state == BUSY || db->state == CHECKING || db->state == CLEARING) &&
           !PQisBusy(db->connection)) {
        PGresult *result = PQgetResult(db->connection);
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
    if (db->connection && !db->broken && PQstatus(db->connection) != CONNECTION_OK)
        go_down(db, PQerrorMessage(db->connection));
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    flush(arg);
}

/* ---- connecting ---- */

static int send_checks(struct db *db)
{
    char query[128];
    snprintf(query, sizeof query, "select \"function\", parameters || ' -> ' || names from %s.signatures()", db->api);
    if (send_simple(db, query) < 0)
        return -1;
    snprintf(query, sizeof query, "select %s.batch_open($1, $2)", db->api);
    if (PQsendPrepare(db->connection, BATCH_OPEN, query, 0, NULL) != 1)
        return -1;
    db->queries = 2;
    for (size_t i = 0; i < proto_command_count + statement_own_count; i++) {
        const struct proto_command *command =
            i < proto_command_count ? &proto_commands[i] : statement_own[i - proto_command_count];
        if (command->kind == KIND_BUILTIN)
            continue;
        char *text = statement_text(command, db->api);
        int sent = text ? PQsendPrepare(db->connection, command->verb, text, 0, NULL) : 0;
        free(text);
        if (sent != 1)
            return -1;
        db->queries++;
    }
    return PQpipelineSync(db->connection) == 1 ? 0 : -1;
}

static void connected(struct db *db)
{
    int fd = PQsocket(db->connection);
    db->readable = event_new(db->base, fd, EV_READ | EV_PERSIST, on_readable, db);
    db->writable = event_new(db->base, fd, EV_WRITE, on_writable, db);
    if (!db->readable || !db->writable || event_add(db->readable, NULL) < 0) {
        go_down(db, "out of memory");
        return;
    }
    db->state = CHECKING;
    db->lead = 0;
    db->kind = DB_READ;
    clear_results(db);
    if (make_room(db, 1) < 0 || PQsetnonblocking(db->connection, 1) < 0 || PQenterPipelineMode(db->connection) != 1 || send_checks(db) < 0)
        go_down(db, PQerrorMessage(db->connection));
    else
        flush(db);
}

static void on_connecting(evutil_socket_t fd, short what, void *arg)
{
    struct db *db = arg;
    (void)fd;
    (void)what;
    free_event(&db->connecting); /* the next step may have another socket under the same number */
    PostgresPollingStatusType status = PQconnectPoll(db->connection);
    if (status == PGRES_POLLING_OK) {
        connected(db);
        return;
    }
    if (status != PGRES_POLLING_FAILED) {
        short direction = status == PGRES_POLLING_READING ? EV_READ : EV_WRITE;
        db->connecting = event_new(db->base, PQsocket(db->connection), direction, on_connecting, db);
        if (db->connecting && event_add(db->connecting, NULL) == 0)
            return;
    }
    go_down(db, PQerrorMessage(db->connection));
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    go_down(arg, "no connection in time");
}

static void quiet(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result; /* notices of the server; its log has them */
}

static void connect_begin(struct db *db)
{
    db->state = CONNECTING;
    event_add(db->deadline, &(struct timeval){CONNECT_SECONDS * (time_t)db->conninfo.hosts, 0});
    db->connection =
        PQconnectStartParams((const char *const *)db->conninfo.keywords, (const char *const *)db->conninfo.values, 0);
    if (!db->connection || PQstatus(db->connection) == CONNECTION_BAD) {
        go_down(db, db->connection ? PQerrorMessage(db->connection) : "out of memory");
        return;
    }
    PQsetNoticeReceiver(db->connection, quiet, NULL);
    db->connecting = event_new(db->base, PQsocket(db->connection), EV_WRITE, on_connecting, db);
    if (!db->connecting || event_add(db->connecting, NULL) < 0)
        go_down(db, "out of memory");
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    connect_begin(arg);
}

/* ---- what the owner calls ---- */

bool db_ready(const struct db *db)
{
    return db->state == READY && !db->broken;
}

static int send_lead(struct db *db, enum db_kind kind, uint64_t number)
{
    char text[24];
    const char *values[] = {db->run, text};
    db->lead = 0;
    if (kind == DB_READ)
        return 0;
    if (has_begun(kind)) {
        if (send_simple(db, "begin") < 0)
            return -1;
        db->lead++;
    }
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    db->lead++;
    return PQsendQueryPrepared(db->connection, BATCH_OPEN, 2, values, NULL, NULL, 0) == 1 ? 0 : -1;
}

/* Sends calls, the statement that ends the transaction (NULL: none), and a Sync. What fails here is told by the loop. */
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
    if (sent < 0 || PQpipelineSync(db->connection) != 1)
        break_later(db);
    else
        flush(db);
}

void db_send(struct db *db, enum db_kind kind, uint64_t number, const struct db_call *calls, size_t count)
{
    clear_results(db);
    db->state = BUSY;
    db->kind = kind;
    db->ending = false;
    send_calls(db, send_lead(db, kind, number), calls, count, kind == DB_REHEARSAL ? "rollback" : NULL);
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

struct db *db_open(struct event_base *base, const char *name, const char *conninfo, bool write, db_cell *cell,
                   db_done *done, db_state *state, void *owner, char *why, size_t why_size)
{
    struct db *db = calloc(1, sizeof *db);
    uint8_t random[16];
    snprintf(why, why_size, "out of memory");
    if (!db)
        return NULL;
    *db = (struct db){.base = base,
                      .name = name,
                      .write = write,
                      .cell = cell,
                      .done = done,
                      .report = state,
                      .owner = owner,
                      .backoff_ms = BACKOFF_FIRST_MS};
    evutil_secure_rng_get_bytes(random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(db->run + 2 * i, 3, "%02x", random[i]);
    snprintf(db->api, sizeof db->api, "api_%s", sql_api_hash);
    db->retry = evtimer_new(base, on_retry, db);
    db->deadline = evtimer_new(base, on_deadline, db);
    db->trouble = event_new(base, -1, 0, on_trouble, db);
    if (!db->retry || !db->deadline || !db->trouble ||
        conninfo_read(&db->conninfo, conninfo, write, why, why_size) < 0) {
        db_close(db);
        return NULL;
    }
    event_add(db->retry, &(struct timeval){0, 0});
    return db;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    clear_results(db);
    free(db->results);
    free_event(&db->connecting);
    free_event(&db->readable);
    free_event(&db->writable);
    free_event(&db->retry);
    free_event(&db->deadline);
    free_event(&db->trouble);
    PQfinish(db->connection);
    conninfo_free(&db->conninfo);
    array_free(&db->buffer);
    free(db);
}
