/* Herding the requests of all connections into few transactions. Two lanes, writes and reads, each with one connection
 * and one batch in hand; the rest waits with its source, and sources wait in turn. Limits: 64 requests of one source
 * and 1,024 in all a batch. The rules of failure are those of batch.h. */
#include "batch.h"

#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>

#include "clock.h"
#include "config.h"
#include "log.h"

#define RUN_MOST 64     /* items of one source in a batch */
#define BATCH_MOST 1024 /* items in all in a batch */
#define LOST_MS 10000   /* how long a batch whose connection broke waits for the next one */
#define AGAIN_MOST 20   /* repeats after serialisation failures and the like */

TAILQ_HEAD(source_list, batch_source);

/* What one connection has in hand. Items before `from` are answered. `from` to `to` is the part that is in the
 * database, or that waits for the connection to come back; the rest follows. `number` names the attempt in the
 * database, and stays the same until it is confirmed or known to have failed, so that no part of it can be done twice.
 */
struct lane {
    struct batch *batch;
    struct db *db;
    struct source_list sources; /* with something waiting and nothing in hand */
    struct event *leave;        /* at the end of the loop's turn the next batch goes */
    bool write, in_database;
    enum db_kind kind; /* of the batch in hand */
    bool keeping, broken; /* of a block: its commit is under way; an answer of its was none */
    size_t count, from, to;
    struct batch_item *items[BATCH_MOST]; /* items of one command stand together */
    uint64_t number;
    size_t
        widest; /* an attempt under this number that reached to here was lost, and may have been committed; 0: none */
    int lost, again;    /* attempts of this part that ended so */
    int64_t lost_since; /* monotonic ms */
};

struct batch {
    struct lane write, read;
    size_t waiting; /* items with their sources */
    size_t waiting_most;
    int64_t age_most; /* ms */
    uint64_t faults;  /* counts the ids of NO internal */
    int64_t started;
};

static void send_part(struct lane *lane);
static void send_waiting(struct lane *lane);

/* ---- sources ---- */

void batch_source_init(struct batch_source *source)
{
    *source = (struct batch_source){0};
    TAILQ_INIT(&source->waiting);
}

static struct lane *lane_of(struct batch *batch, const struct batch_item *item)
{
    return item->locked || proto_is_write(item->command) ? &batch->write : &batch->read;
}

/* A source stands in the list of the lane that its first item needs while it has nothing in the database. */
static void list_source(struct batch *batch, struct batch_source *source)
{
    struct batch_item *first = TAILQ_FIRST(&source->waiting);
    if (!first || source->listed || source->in_flight > 0)
        return;
    struct lane *lane = lane_of(batch, first);
    if (first->urgent)
        TAILQ_INSERT_HEAD(&lane->sources, source, link);
    else
        TAILQ_INSERT_TAIL(&lane->sources, source, link);
    source->listed = true;
    if (lane->count == 0 && db_ready(lane->db))
        event_active(lane->leave, 0, 0);
}

static void unlist_source(struct batch *batch, struct batch_source *source)
{
    if (!source->listed)
        return;
    TAILQ_REMOVE(&lane_of(batch, TAILQ_FIRST(&source->waiting))->sources, source, link);
    source->listed = false;
}

/* The source that has waited longest and too long, NULL when none has. What is urgent waits as long as it must. */
static struct batch_source *find_late(const struct lane *lane, int64_t now)
{
    struct batch_source *source = TAILQ_FIRST(&lane->sources);
    while (source && TAILQ_FIRST(&source->waiting)->urgent)
        source = TAILQ_NEXT(source, link);
    return source && now - TAILQ_FIRST(&source->waiting)->since >= lane->batch->age_most ? source : NULL;
}

const char *batch_add(struct batch *batch, struct batch_source *source, struct batch_item *item)
{
    const struct lane *lane = lane_of(batch, item);
    int64_t now = clock_monotonic();
    if (batch->waiting >= batch->waiting_most && !item->urgent)
        return "overload";
    if (!item->urgent && find_late(lane, now))
        return lane->in_database || db_ready(lane->db) ? "overload" : "database";
    item->since = now;
    item->source = source;
    item->taken = false;
    TAILQ_INSERT_TAIL(&source->waiting, item, link);
    batch->waiting++;
    list_source(batch, source);
    return NULL;
}

void batch_drop(struct batch *batch, struct batch_source *source)
{
    struct batch_item *item;
    unlist_source(batch, source);
    while ((item = TAILQ_FIRST(&source->waiting))) {
        TAILQ_REMOVE(&source->waiting, item, link);
        batch->waiting--;
    }
}

/* ---- answering ---- */

/* The callback comes last: it may free the item and, when nothing more of it is in the database, its source. */
static void answer(struct lane *lane, struct batch_item *item, const struct batch_answer *what)
{
    struct batch_source *source = item->source;
    item->taken = false;
    source->in_flight--;
    list_source(lane->batch, source);
    item->answer(item, what);
}

/* Answers the items up to `end` with the same outcome, without rows. */
static void answer_all(struct lane *lane, size_t end, enum batch_outcome outcome, const char *id)
{
    while (lane->from < end)
        answer(lane, lane->items[lane->from++], &(struct batch_answer){.outcome = outcome, .id = id});
}

/* Begins with what is left behind the confirmed or failed part, under a new number; else with who waits. */
static void next_part(struct lane *lane)
{
    lane->number++;
    lane->widest = 0;
    lane->lost = 0;
    lane->again = 0;
    lane->to = lane->count;
    if (lane->from < lane->count) {
        send_part(lane);
        return;
    }
    lane->count = lane->from = lane->to = 0;
    send_waiting(lane);
}

/* Notes in the log that an item met with our fault, under an id that is written to `id`. */
static void note_internal(struct lane *lane, const struct batch_item *item, const char *sqlstate, const char *message,
                          char id[BATCH_ID_ROOM])
{
    char quoted[1024];
    snprintf(id, BATCH_ID_ROOM, "%llx-%llu", (unsigned long long)lane->batch->started,
             (unsigned long long)++lane->batch->faults);
    log_event(LOG_LEVEL_ERROR, "internal", "id=%s verb=%s sqlstate=%s reason=%s", id, item->command->verb,
              sqlstate[0] ? sqlstate : "-", log_quote(quoted, sizeof quoted, message));
}

/* Our fault, with an id that the client is told and the log explains. */
static void answer_internal(struct lane *lane, struct batch_item *item, const char *sqlstate, const char *message)
{
    char id[BATCH_ID_ROOM];
    note_internal(lane, item, sqlstate, message, id);
    answer(lane, item, &(struct batch_answer){.outcome = BATCH_INTERNAL, .id = id});
}

/* Deals the rows of one call to its `count` items, by ordinal. */
static void deal(struct lane *lane, struct batch_item *const *items, size_t count, struct result *result)
{
    size_t row = 0, rows = result_rows(result);
    for (size_t i = 0; i < count; i++) {
        size_t first = row;
        while (row < rows && slice_number(result_value(result, row, COLUMN_ORDINAL)) == i + 1)
            row++;
        if (row == first || (proto_is_write(items[i]->command) && row - first != 1))
            answer_internal(lane, items[i], "", "the statement gave no row, or more than one, for a request");
        else
            answer(lane, items[i],
                   &(struct batch_answer){
                       .outcome = BATCH_ROWS, .result = result, .first_row = first, .rows = row - first});
    }
}

/* How many of `count` items, from the first, are of one command. */
static size_t run_length(struct batch_item *const *items, size_t count)
{
    size_t end = 0;
    while (end < count && items[end]->command == items[0]->command)
        end++;
    return end;
}

/* The part is done. What comes next leaves before the answers are told, so that the database does not wait for that. */
static void confirmed(struct lane *lane, struct result **results)
{
    struct batch_item *done[BATCH_MOST];
    size_t count = lane->to - lane->from;
    bool block = lane->kind == DB_BLOCK, broken = lane->broken;
    memcpy(done, &lane->items[lane->from], count * sizeof done[0]);
    lane->from = lane->to;
    next_part(lane);
    if (block && broken) {
        answer_internal(lane, done[0], "", "the database gave an answer that is none");
        return;
    }
    if (block) {
        answer(lane, done[0], &(struct batch_answer){.outcome = BATCH_ROWS, .result = results ? results[0] : NULL});
        return;
    }
    for (size_t at = 0, run; at < count; at += run) {
        run = run_length(&done[at], count - at);
        deal(lane, &done[at], run, *results++);
    }
}

/* ---- failure ---- */

/* Gives the part up. Was an attempt under its number lost, then nobody can say of all that it held whether it was done.
 */
static void give_up(struct lane *lane)
{
    if (lane->widest > 0)
        answer_all(lane, lane->widest > lane->to ? lane->widest : lane->to, BATCH_UNKNOWN, NULL);
    else
        answer_all(lane, lane->to, BATCH_DATABASE, NULL);
    next_part(lane);
}

static bool is_passing(const char *sqlstate)
{
    return memcmp(sqlstate, "40", 2) == 0 || memcmp(sqlstate, "53", 2) == 0 || memcmp(sqlstate, "57", 2) == 0 ||
           strcmp(sqlstate, "25006") == 0; /* this server takes no writes any more */
}

static void failed(struct lane *lane, const char *sqlstate, const char *message)
{
    if (strcmp(sqlstate, "BT001") == 0) { /* an attempt under this number was committed before its connection broke */
        give_up(lane);
    } else if (memcmp(sqlstate, "40", 2) == 0 && ++lane->again <= AGAIN_MOST) {
        send_part(lane);
    } else if (is_passing(sqlstate)) {
        give_up(lane);
    } else if (lane->to - lane->from > 1) {
        lane->to = lane->from + (lane->to - lane->from) / 2;
        lane->lost = 0;
        send_part(lane);
    } else if (strcmp(sqlstate, "BT002") == 0) { /* sealed with a key that must not seal any more; sent again it is with another */
        give_up(lane);
    } else if (lane->widest > 0) { /* its backend may still be at work, so nobody can say that nothing stays */
        char id[BATCH_ID_ROOM];
        note_internal(lane, lane->items[lane->from], sqlstate, message, id);
        give_up(lane);
    } else {
        answer_internal(lane, lane->items[lane->from++], sqlstate, message);
        next_part(lane);
    }
}

/* Whether what is under way may be committed though its connection breaks. */
static bool may_be_done(const struct lane *lane)
{
    return lane->kind == DB_WRITE || (lane->kind == DB_BLOCK && lane->keeping);
}

/* The connection broke with a part under way. The whole again when it is back, under the same number; after the second
 * time in halves, to find the one that ends backends; that one is not sent a third time. */
static void lost(struct lane *lane)
{
    lane->in_database = false;
    lane->lost_since = clock_monotonic();
    if (may_be_done(lane) && lane->to > lane->widest)
        lane->widest = lane->to;
    if (++lane->lost < 2)
        return;
    if (lane->to - lane->from > 1) {
        lane->to = lane->from + (lane->to - lane->from) / 2;
        lane->lost = 0;
    } else {
        log_event(LOG_LEVEL_ERROR, "given-up", "verb=%s reason=\"two backends ended with it\"",
                  lane->items[lane->from]->command->verb);
        give_up(lane);
    }
}

/* The calls of a block are done. */
static void go_on(struct lane *lane, struct result **results)
{
    struct batch_item *item = lane->items[lane->from];
    enum batch_step step = item->block->step(item, results);
    lane->keeping = step == BATCH_KEEP;
    lane->broken = step == BATCH_BROKEN;
    if (step == BATCH_GO_ON)
        db_go_on(lane->db, item->block->calls, item->block->count);
    else
        db_end(lane->db, lane->keeping ? &item->block->keep : NULL);
}

static void on_done(void *owner, enum db_outcome outcome, struct result **results, const char *sqlstate,
                    const char *message)
{
    struct lane *lane = owner;
    if (outcome == DB_HELD) {
        go_on(lane, results);
        return;
    }
    lane->in_database = false;
    if (outcome == DB_DONE)
        confirmed(lane, results);
    else if (outcome == DB_FAILED)
        failed(lane, sqlstate, message);
    else
        lost(lane);
}

static void on_state(void *owner, bool ready)
{
    struct lane *lane = owner;
    if (!ready)
        return;
    if (lane->count > 0 && !lane->in_database)
        send_part(lane);
    else if (!TAILQ_EMPTY(&lane->sources))
        event_active(lane->leave, 0, 0);
}

/* ---- sending ---- */

static struct slice cell(const void *item, size_t param)
{
    return ((const struct batch_item *)item)->cells[param];
}

/* The oldest key that anything of the part is sealed with; 0: nothing is. */
static uint32_t oldest_key(const struct lane *lane)
{
    uint32_t oldest = 0;
    for (size_t i = lane->from; i < lane->to; i++)
        if (lane->items[i]->key && (!oldest || lane->items[i]->key < oldest))
            oldest = lane->items[i]->key;
    return oldest;
}

/* Sends `from` to `to` as calls, one a run of one command. Waits for on_state when the connection is away. */
static void send_part(struct lane *lane)
{
    struct db_call calls[DB_CALLS_MAX];
    size_t count = 0;
    if (!db_ready(lane->db)) {
        lane->lost_since = clock_monotonic();
        return;
    }
    lane->in_database = true;
    lane->keeping = lane->broken = false;
    if (lane->kind == DB_BLOCK) {
        struct batch_item *item = lane->items[lane->from];
        struct batch_block *block = item->block;
        block->begin(item);
        db_send(lane->db, DB_BLOCK, lane->number, item->key, block->calls, block->count);
        return;
    }
    for (size_t at = lane->from; at < lane->to;) {
        size_t rows = run_length(&lane->items[at], lane->to - at);
        if (count == DB_CALLS_MAX) {
            lane->to = at;
            break;
        }
        calls[count++] = (struct db_call){lane->items[at]->command, rows, (void *const *)&lane->items[at]};
        at += rows;
    }
    db_send(lane->db, lane->kind, lane->number, oldest_key(lane), calls, count);
}

static void take(struct lane *lane, struct batch_source *source, struct batch_item *item)
{
    TAILQ_REMOVE(&source->waiting, item, link);
    item->taken = true;
    source->in_flight++;
    lane->batch->waiting--;
    lane->items[lane->count++] = item;
}

/* Whether an item shares its batch with no other: a rehearsal would see what they do, a block is a transaction, and what is
 * urgent may hold the lock of the log's head until its Sync, which no reader of others' long answers shall delay; what is locked need not be durable. */
static bool is_alone(const struct batch_item *item)
{
    return item->rehearsal || item->block || item->urgent || item->locked;
}

/* Takes the leading run of a source. */
static void take_run(struct lane *lane, struct batch_source *source)
{
    struct batch_item *first = TAILQ_FIRST(&source->waiting), *item = first;
    size_t most = (is_alone(first) && !first->locked) || first->command->kind == KIND_LIST ? 1 : RUN_MOST;
    unlist_source(lane->batch, source);
    for (size_t i = 0; i < most && lane->count < BATCH_MOST; i++) {
        take(lane, source, item);
        item = TAILQ_FIRST(&source->waiting);
        if (!item || item->command != first->command || (is_alone(item) && !item->locked))
            break;
    }
}

/* Brings the items of one command together, in the order in which they stand. Commands are few. */
static void group_by_command(struct lane *lane)
{
    struct batch_item *grouped[BATCH_MOST];
    size_t count = 0;
    for (size_t i = 0; i < lane->count; i++) {
        const struct proto_command *command = lane->items[i] ? lane->items[i]->command : NULL;
        for (size_t j = i; command && j < lane->count; j++)
            if (lane->items[j] && lane->items[j]->command == command) {
                grouped[count++] = lane->items[j];
                lane->items[j] = NULL;
            }
    }
    memcpy(lane->items, grouped, count * sizeof grouped[0]);
}

static enum db_kind kind_of(const struct lane *lane, const struct batch_item *item)
{
    return item->block ? DB_BLOCK : item->rehearsal ? DB_REHEARSAL : lane->write ? DB_WRITE : DB_READ;
}

/* Who waits leaves together, when nothing else is in hand. */
static void send_waiting(struct lane *lane)
{
    struct batch_source *source = TAILQ_FIRST(&lane->sources), *next;
    if (lane->count > 0 || !source || !db_ready(lane->db))
        return;
    bool alone = is_alone(TAILQ_FIRST(&source->waiting));
    lane->from = 0;
    lane->kind = kind_of(lane, TAILQ_FIRST(&source->waiting));
    for (; source && lane->count < BATCH_MOST; source = alone ? NULL : next) {
        next = TAILQ_NEXT(source, link);
        if (alone || !is_alone(TAILQ_FIRST(&source->waiting)))
            take_run(lane, source);
    }
    lane->to = lane->count;
    group_by_command(lane);
    send_part(lane);
}

/* The end of the loop's turn. */
static void on_leave(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    send_waiting(arg);
}

/* ---- the room ---- */

static int open_lane(struct batch *batch, struct lane *lane, struct event_base *base, const char *conninfo,
                     const char *keys, bool write, char *why, size_t why_size)
{
    lane->batch = batch;
    lane->write = write;
    lane->number = 1;
    TAILQ_INIT(&lane->sources);
    lane->leave = event_new(base, -1, 0, on_leave, lane);
    lane->db = lane->leave ? db_open(base, write ? "write" : "read", conninfo, keys, write, cell, on_done, on_state,
                                     lane, why, why_size)
                           : NULL;
    return lane->db ? 0 : -1;
}

static void close_lane(struct lane *lane)
{
    db_close(lane->db);
    if (lane->leave)
        event_free(lane->leave);
}

struct batch *batch_new(struct event_base *base, const struct config *config, const char *keys, char *why,
                        size_t why_size)
{
    struct batch *batch = calloc(1, sizeof *batch);
    snprintf(why, why_size, "out of memory");
    if (!batch)
        return NULL;
    batch->waiting_most = (size_t)config->limits_waiting;
    batch->age_most = (int64_t)config->limits_waiting_age * 1000;
    batch->started = clock_wall();
    if (open_lane(batch, &batch->write, base, config->database_write, keys, true, why, why_size) == 0 &&
        open_lane(batch, &batch->read, base, config->database_read, keys, false, why, why_size) == 0)
        return batch;
    batch_free(batch);
    return NULL;
}

void batch_keys(struct batch *batch, const char *keys)
{
    db_keys(batch->write.db, keys);
    db_keys(batch->read.db, keys);
}

const char *batch_keys_fault(const struct batch *batch)
{
    return db_keys_fault(batch->write.db);
}

void batch_free(struct batch *batch)
{
    if (!batch)
        return;
    close_lane(&batch->write);
    close_lane(&batch->read);
    free(batch);
}

/* Answers one item that waits with its source: the database is away. */
static void turn_away(struct lane *lane, struct batch_source *source)
{
    struct batch_item *item = TAILQ_FIRST(&source->waiting);
    unlist_source(lane->batch, source);
    TAILQ_REMOVE(&source->waiting, item, link);
    lane->batch->waiting--;
    source->in_flight++;
    answer(lane, item, &(struct batch_answer){.outcome = BATCH_DATABASE});
}

static void tick(struct lane *lane)
{
    struct batch_source *late;
    int64_t now = clock_monotonic();
    while (lane->count > 0 && !lane->in_database && now - lane->lost_since >= LOST_MS) {
        lane->to = lane->count;
        give_up(lane);
    }
    while (!lane->in_database && !db_ready(lane->db) && (late = find_late(lane, now)))
        turn_away(lane, late);
}

void batch_tick(struct batch *batch)
{
    tick(&batch->write);
    tick(&batch->read);
}

static bool lane_ready(const struct lane *lane)
{
    return lane->in_database || db_ready(lane->db);
}

bool batch_ready(const struct batch *batch)
{
    return lane_ready(&batch->write) && lane_ready(&batch->read);
}

bool batch_idle(const struct batch *batch)
{
    return batch->waiting == 0 && batch->write.count == 0 && batch->read.count == 0;
}
