/* Seals anew, in the background, what older keys have sealed: asks the registry for some values, opens them, seals them,
 * and hands them back with what they were, so that one that was written meanwhile is left alone.
 *
 * Limits: 64 values a step. Rules: a step is a short transaction among the writes; after it comes a pause four times as
 * long, or twenty times when somebody else wants the database too, a second at most. Where there is nothing to do nothing
 * is asked. The registry keeps where all daemons together are: it hands no value to two of them, and
 * goes on when one dies. */
#include "reseal.h"

#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>

#include "batch.h"
#include "clock.h"
#include "log.h"
#include "seal.h"
#include "server.h"

#define VALUES_MOST 64
#define PAUSE_IDLE 4
#define PAUSE_BUSY 20
#define PAUSE_MOST_MS 1000
#define TOLD_MS 10000   /* between two lines of the log about how far it is */
#define WAITED_MS 60000 /* between two about what it waits for */

/* The columns of statement_reseal_next behind COLUMN_REPLIES. The last row has the first three, the others the rest. */
enum next_column { NEXT_KEY = COLUMN_REPLIES, NEXT_DONE, NEXT_LEFT, NEXT_PLACE, NEXT_NAME, NEXT_ROW, NEXT_OBJECT, NEXT_VALUE };

/* The fields of statement_reseal. */
enum { VALUE_PLACE, VALUE_ROW, VALUE_OLD, VALUE_NEW, VALUE_CELLS };

struct value {
    struct batch_item item;
    struct slice cells[VALUE_CELLS];
};

struct reseal {
    struct server *server;
    struct event *pause;
    uint32_t key; /* that seals; 0: not known yet */
    bool done;    /* no value is sealed with another */
    bool busy;    /* a step is under way */

    struct batch_source source;
    struct batch_item next;
    struct slice newest_cell;
    char newest[16];

    struct value values[VALUES_MOST];
    size_t flying; /* values that are not answered yet */
    char *bytes;   /* what their cells point to */
    uint64_t resealed, failed, left; /* since the key seals */
    int64_t began, told;             /* monotonic ms */
    int64_t waiting;                 /* since when the newest key of the file may not seal yet; 0: it may */
};

/* ---- which key seals ---- */

static void tell_progress(struct reseal *reseal)
{
    log_event(LOG_LEVEL_NOTICE, "resealed", "key=%u values=%llu failed=%llu left=%llu", reseal->key,
              (unsigned long long)reseal->resealed, (unsigned long long)reseal->failed, (unsigned long long)reseal->left);
    reseal->told = clock_monotonic();
}

/* Names the keys that the file need not have any more. */
static void tell_unused(const struct reseal *reseal)
{
    uint32_t number;
    for (size_t i = 0; reseal->done && (number = seal_number(reseal->server->seal, i)) != 0; i++)
        if (number < reseal->key)
            log_event(LOG_LEVEL_NOTICE, "key-unused",
                      "key=%u reason=\"it seals nothing any more\" remedy=\"buurtaald seal-key --drop %u FILE\"", number,
                      number);
}

static void use(struct reseal *reseal)
{
    if (reseal->key && seal_use(reseal->server->seal, reseal->key) < 0)
        log_event(LOG_LEVEL_ERROR, "key-missing", "key=%u reason=\"the registry seals with it\"", reseal->key);
}

void reseal_know(struct reseal *reseal, uint32_t key, bool done)
{
    bool news = key != reseal->key, ended = done && !reseal->done;
    if (key == 0)
        return;
    reseal->key = key;
    reseal->done = done;
    if (news) {
        log_event(LOG_LEVEL_NOTICE, "seals", "key=%u", key);
        use(reseal);
        reseal->resealed = reseal->failed = 0;
    }
    if (ended && reseal->resealed > 0) {
        reseal->left = 0;
        tell_progress(reseal);
    }
    if (ended || (news && done))
        tell_unused(reseal);
}

void reseal_keys(struct reseal *reseal)
{
    use(reseal);
    tell_unused(reseal);
}

bool reseal_ready(const struct reseal *reseal)
{
    return reseal->key || seal_number(reseal->server->seal, 1) == 0;
}

int reseal_may_take(const struct reseal *reseal, const struct seal *after, char *why, size_t why_size)
{
    const struct server *server = reseal->server;
    const struct seal *before = server->seal_before ? server->seal_before : server->seal;
    uint32_t number;
    if (!seal_matches(before, after)) {
        snprintf(why, why_size, "the matching key is another: that takes `buurtaald rekey`, and a restart");
        return -1;
    }
    for (size_t i = 0; (number = seal_number(before, i)) != 0; i++)
        if (!seal_has(before, after, number) && !(reseal->done && number < reseal->key)) {
            snprintf(why, why_size, "sealing key %u is missing or another, and may still be needed", number);
            return -1;
        }
    return 0;
}

/* ---- a step ---- */

static bool has_work(const struct reseal *reseal)
{
    return reseal->key && (!reseal->done || seal_newest(reseal->server->seal) > reseal->key);
}

const char *reseal_status(const struct reseal *reseal, char *out, size_t room)
{
    if (!has_work(reseal))
        return "";
    if (reseal->done)
        snprintf(out, room, ", key %u waits", seal_newest(reseal->server->seal));
    else
        snprintf(out, room, ", resealing to key %u: %llu rows left", reseal->key, (unsigned long long)reseal->left);
    return out;
}

static void ask(struct reseal *reseal)
{
    if (reseal->busy || !has_work(reseal) || reseal->server->draining)
        return;
    int len = snprintf(reseal->newest, sizeof reseal->newest, "%u", seal_newest(reseal->server->seal));
    reseal->newest_cell = (struct slice){reseal->newest, (size_t)len};
    reseal->began = clock_monotonic();
    reseal->busy = batch_add(reseal->server->batch, &reseal->source, &reseal->next) == NULL;
}

/* Tells, a second after it was shown and then every minute, that the newest key waits for a daemon that lacks it. */
static void look_at_newest(struct reseal *reseal)
{
    uint32_t newest = seal_newest(reseal->server->seal);
    int64_t now = clock_monotonic();
    if (newest <= reseal->key) {
        reseal->waiting = 0;
    } else if (reseal->waiting == 0) {
        reseal->waiting = now - WAITED_MS + 1000;
    } else if (now - reseal->waiting >= WAITED_MS) {
        reseal->waiting = now;
        log_event(LOG_LEVEL_NOTICE, "key-waits", "key=%u reason=\"a daemon is connected that has not read it\"", newest);
    }
}

static void end_step(struct reseal *reseal, bool more)
{
    bool idle = batch_idle(reseal->server->batch);
    int64_t pause = (clock_monotonic() - reseal->began + 1) * (idle ? PAUSE_IDLE : PAUSE_BUSY);
    if (pause > PAUSE_MOST_MS)
        pause = PAUSE_MOST_MS;
    free(reseal->bytes);
    reseal->bytes = NULL;
    reseal->busy = false;
    if (reseal->resealed + reseal->failed > 0 && clock_monotonic() - reseal->told >= TOLD_MS)
        tell_progress(reseal);
    if (more)
        event_add(reseal->pause, &(struct timeval){pause / 1000, pause % 1000 * 1000});
}

static void on_stored(struct batch_item *item, const struct batch_answer *answer)
{
    struct value *value = (struct value *)((char *)item - offsetof(struct value, item));
    struct reseal *reseal = (struct reseal *)((char *)item->source - offsetof(struct reseal, source));
    if (answer->outcome == BATCH_ROWS && value->cells[VALUE_NEW].at)
        reseal->resealed++;
    if (--reseal->flying == 0)
        end_step(reseal, true);
}

/* A value that does not open stays as it is; its place in the registry is told, which holds nothing personal. */
static void note_failure(struct reseal *reseal, const struct slice *cells, struct slice name)
{
    char quoted[1024], row[512];
    snprintf(row, sizeof row, "%.*s", (int)cells[VALUE_ROW].len, cells[VALUE_ROW].at);
    reseal->failed++;
    log_event(LOG_LEVEL_ERROR, "reseal-failed", "column=%.*s row=%s reason=\"the value does not open\"", (int)name.len,
              name.at, log_quote(quoted, sizeof quoted, row));
}

static struct slice keep(char **at, struct slice bytes)
{
    struct slice kept = {*at, bytes.len};
    memcpy(*at, bytes.at, bytes.len);
    *at += bytes.len;
    return kept;
}

/* Makes a value of a row, in the room at *at. */
static void take_value(struct reseal *reseal, struct value *value, struct result *result, size_t row, char **at)
{
    struct slice name = result_value(result, row, NEXT_NAME), object = result_value(result, row, NEXT_OBJECT);
    struct slice old = result_value(result, row, NEXT_VALUE);
    struct seal *seal = reseal->server->seal;
    char field[64];
    snprintf(field, sizeof field, "%.*s", (int)name.len, name.at);
    *value = (struct value){
        .item = {.command = &statement_reseal, .locked = true, .cells = value->cells, .answer = on_stored},
    };
    value->cells[VALUE_PLACE] = keep(at, result_value(result, row, NEXT_PLACE));
    value->cells[VALUE_ROW] = keep(at, result_value(result, row, NEXT_ROW));
    value->cells[VALUE_OLD] = keep(at, old);
    size_t len = seal_again(seal, seal, field, object, object, old, (uint8_t *)*at);
    if (len > 0)
        value->cells[VALUE_NEW] = (struct slice){*at, len};
    else
        note_failure(reseal, value->cells, name);
    value->item.key = seal_key(seal);
    *at += len;
}

/* Seals the rows' values anew and sends them. How many are on their way. */
static size_t send_values(struct reseal *reseal, struct result *result, size_t first, size_t rows)
{
    size_t room = 1, count = 0;
    for (size_t i = first; i < first + rows; i++)
        room += result_value(result, i, NEXT_PLACE).len + result_value(result, i, NEXT_ROW).len +
                2 * result_value(result, i, NEXT_VALUE).len;
    char *at = reseal->bytes = malloc(room);
    if (!at || rows > VALUES_MOST)
        return 0;
    for (size_t i = 0; i < rows; i++)
        take_value(reseal, &reseal->values[i], result, first + i, &at);
    while (count < rows && batch_add(reseal->server->batch, &reseal->source, &reseal->values[count].item) == NULL)
        count++;
    return count; /* of the rest, the next walk takes care */
}

static void on_next(struct batch_item *item, const struct batch_answer *answer)
{
    struct reseal *reseal = (struct reseal *)((char *)item - offsetof(struct reseal, next));
    if (answer->outcome != BATCH_ROWS || answer->rows == 0) {
        end_step(reseal, false);
        return;
    }
    struct result *result = answer->result;
    size_t last = answer->first_row + answer->rows - 1;
    struct slice left = result_value(result, last, NEXT_LEFT);
    reseal->left = slice_number(left);
    reseal_know(reseal, (uint32_t)slice_number(result_value(result, last, NEXT_KEY)),
                slice_is(result_value(result, last, NEXT_DONE), "t"));
    look_at_newest(reseal);
    if (answer->rows > 1 && seal_key(reseal->server->seal) == reseal->key)
        reseal->flying = send_values(reseal, result, answer->first_row, answer->rows - 1);
    if (reseal->flying == 0)
        end_step(reseal, left.at != NULL); /* absent: the registry says to wait */
}

static void on_pause(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    ask(arg);
}

void reseal_tick(struct reseal *reseal)
{
    ask(reseal);
}

/* ---- the room ---- */

struct reseal *reseal_new(struct server *server)
{
    struct reseal *reseal = calloc(1, sizeof *reseal);
    if (!reseal)
        return NULL;
    reseal->server = server;
    reseal->pause = evtimer_new(server->base, on_pause, reseal);
    reseal->next = (struct batch_item){
        .command = &statement_reseal_next, .locked = true, .cells = &reseal->newest_cell, .answer = on_next};
    batch_source_init(&reseal->source);
    if (reseal->pause)
        return reseal;
    free(reseal);
    return NULL;
}

void reseal_free(struct reseal *reseal)
{
    if (!reseal)
        return;
    event_free(reseal->pause);
    free(reseal->bytes);
    free(reseal);
}
