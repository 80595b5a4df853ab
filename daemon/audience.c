/* Lines that wait for those who watch, in a ring, numbered from 0. Rules: a watcher that is on is at a line of the
 * ring, at its end, or before its beginning: then lines went that it has not got. */
#include "audience.h"

#include <stdlib.h>

#include <event2/buffer.h>

#include "line.h"

#define ROOM_FIRST 16

struct notice {
    uint64_t log;
    size_t topic;
    size_t waiting; /* watchers that have not passed it */
    size_t len;
    char bytes[];
};

/* What was last noted under a name. */
struct audience_thing {
    LIST_ENTRY(audience_thing) link;
    uint64_t round; /* that has seen it last */
    char *state;    /* behind the name, in `name` */
    char name[];
};

struct audience *audience_new(const struct audience_topics *topics, size_t *total, const char *party, unsigned role)
{
    struct audience *audience = calloc(1, sizeof *audience);
    size_t len = strlen(party);
    if (!audience || len >= sizeof audience->party) {
        free(audience);
        return NULL;
    }
    audience->topics = topics;
    audience->total = total;
    memcpy(audience->party, party, len);
    audience->role = role;
    TAILQ_INIT(&audience->watchers);
    return audience;
}

/* ---- the ring ---- */

static struct notice **slot(struct audience *audience, uint64_t number)
{
    return &audience->ring[number % audience->room];
}

/* Lets the first line go. */
static void remove_first(struct audience *audience)
{
    struct notice *notice = *slot(audience, audience->first++);
    audience->bytes -= notice->len;
    *audience->total -= notice->len;
    free(notice);
}

/* Lets go of what all have got. */
static void trim(struct audience *audience)
{
    while (audience->first < audience->next && (*slot(audience, audience->first))->waiting == 0)
        remove_first(audience);
}

static void note_dropped(struct audience *audience, uint64_t number, size_t topic, uint64_t log)
{
    audience->dropped[topic].end = number + 1;
    if (audience->dropped[topic].log < log)
        audience->dropped[topic].log = log;
}

static void drop_first(struct audience *audience)
{
    const struct notice *notice = *slot(audience, audience->first);
    note_dropped(audience, audience->first, notice->topic, notice->log);
    remove_first(audience);
}

/* Sees to room for one line more. 0 or -1. */
static int grow(struct audience *audience)
{
    size_t count = (size_t)(audience->next - audience->first), room = audience->room ? 2 * audience->room : ROOM_FIRST;
    if (count < audience->room)
        return 0;
    struct notice **ring = calloc(room, sizeof(struct notice *));
    if (!ring)
        return -1;
    for (uint64_t number = audience->first; number < audience->next; number++)
        ring[number % room] = *slot(audience, number);
    free(audience->ring);
    audience->ring = ring;
    audience->room = room;
    return 0;
}

void audience_miss(struct audience *audience, size_t topic, uint64_t log)
{
    while (audience->first < audience->next)
        drop_first(audience);
    note_dropped(audience, audience->next, topic, log);
    audience->first = ++audience->next;
}

void audience_append(struct audience *audience, size_t topic, uint64_t log, struct slice line)
{
    if (audience->on == 0)
        return;
    while (audience->first < audience->next &&
           (audience->bytes + line.len > AUDIENCE_MOST || *audience->total + line.len > AUDIENCE_ALL_MOST))
        drop_first(audience);
    struct notice *notice = *audience->total + line.len > AUDIENCE_ALL_MOST || grow(audience) < 0
                                ? NULL
                                : malloc(sizeof *notice + line.len);
    if (!notice) {
        audience_miss(audience, topic, log);
        return;
    }
    *notice = (struct notice){.log = log, .topic = topic, .waiting = audience->on, .len = line.len};
    memcpy(notice->bytes, line.at, line.len);
    *slot(audience, audience->next++) = notice;
    audience->bytes += line.len;
    *audience->total += line.len;
}

/* ---- states ---- */

static void free_thing(struct audience_thing *thing)
{
    LIST_REMOVE(thing, link);
    free(thing);
}

static struct audience_thing *make_thing(uint64_t round, struct slice name, struct slice state)
{
    struct audience_thing *thing = malloc(sizeof *thing + name.len + 1 + state.len + 1);
    if (!thing)
        return NULL;
    thing->round = round;
    thing->state = thing->name + name.len + 1;
    memcpy(thing->name, name.at, name.len);
    thing->name[name.len] = '\0';
    memcpy(thing->state, state.at ? state.at : "", state.len);
    thing->state[state.len] = '\0';
    return thing;
}

int audience_note(struct audience *audience, size_t topic, uint64_t round, struct slice name, struct slice state)
{
    struct audience_thing *thing;
    LIST_FOREACH(thing, &audience->things, link)
    if (slice_is(name, thing->name))
        break;
    if (thing && slice_is(state, thing->state)) {
        thing->round = round;
        return 0;
    }
    if (!thing && state.len == 0)
        return 0;
    if (thing)
        free_thing(thing);
    thing = make_thing(round, name, state);
    if (!thing)
        return -1;
    LIST_INSERT_HEAD(&audience->things, thing, link);
    return (audience->based & 1u << topic) != 0;
}

void audience_sweep(struct audience *audience, uint64_t round)
{
    for (struct audience_thing *after, *thing = LIST_FIRST(&audience->things); thing; thing = after) {
        after = LIST_NEXT(thing, link);
        if (thing->round != round)
            free_thing(thing);
    }
}

void audience_free(struct audience *audience)
{
    if (!audience)
        return;
    while (audience->first < audience->next)
        remove_first(audience);
    while (!LIST_EMPTY(&audience->things))
        free_thing(LIST_FIRST(&audience->things));
    free(audience->ring);
    free(audience);
}

/* ---- watchers ---- */

void audience_enter(struct audience *audience, struct watcher *watcher)
{
    watcher->audience = audience;
    TAILQ_INSERT_TAIL(&audience->watchers, watcher, link);
}

void audience_set(struct watcher *watcher, unsigned topics)
{
    struct audience *audience = watcher->audience;
    if (!watcher->topics) {
        watcher->next = audience->next;
        audience->on++;
    }
    for (size_t i = 0; i < AUDIENCE_TOPICS; i++)
        if (!(watcher->topics & 1u << i))
            watcher->from[i] = audience->next;
    watcher->topics = topics;
}

/* It is not on any more: nothing waits for it. */
static void pass_all(struct watcher *watcher)
{
    struct audience *audience = watcher->audience;
    uint64_t number = watcher->next > audience->first ? watcher->next : audience->first;
    for (; number < audience->next; number++)
        (*slot(audience, number))->waiting--;
    trim(audience);
    watcher->topics = 0;
    audience->on--;
}

void audience_leave(struct watcher *watcher)
{
    if (!watcher->audience)
        return;
    if (watcher->topics)
        pass_all(watcher);
    TAILQ_REMOVE(&watcher->audience->watchers, watcher, link);
    watcher->audience = NULL;
}

/* Whether a line of this topic that stands before `end` was for it. */
static bool was_for(const struct watcher *watcher, size_t topic, uint64_t end)
{
    return (watcher->topics & 1u << topic) && end > watcher->next && end > watcher->from[topic];
}

/* Says what went before it was got. 0 or -1. */
static int tell_lost(struct watcher *watcher, struct evbuffer *out)
{
    const struct audience *audience = watcher->audience;
    struct line_writer writer;
    char bytes[LINE_MAX_BYTES];
    for (size_t i = 0; i < audience->topics->count; i++) {
        if (!was_for(watcher, i, audience->dropped[i].end))
            continue;
        line_begin(&writer, bytes, sizeof bytes, "*");
        line_word(&writer, "lost");
        line_put(&writer, "topic", audience->topics->names[i]);
        line_put_number(&writer, "upto", (long long)audience->dropped[i].log);
        size_t len = line_end(&writer);
        if (len == 0 || evbuffer_add(out, bytes, len) < 0)
            return -1;
    }
    watcher->next = audience->first;
    return 0;
}

int audience_fill(struct watcher *watcher, struct evbuffer *out, size_t most)
{
    struct audience *audience = watcher->audience;
    int outcome = 0;
    if (!watcher->topics || evbuffer_get_length(out) >= most)
        return 0;
    if (watcher->next < audience->first)
        outcome = tell_lost(watcher, out);
    while (outcome == 0 && watcher->next < audience->next && evbuffer_get_length(out) < most) {
        struct notice *notice = *slot(audience, watcher->next);
        if (was_for(watcher, notice->topic, watcher->next + 1))
            outcome = evbuffer_add(out, notice->bytes, notice->len);
        notice->waiting--;
        watcher->next++;
    }
    trim(audience);
    return outcome;
}
