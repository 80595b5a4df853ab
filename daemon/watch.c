/* Asks the database what is new for those who watch, and deals it out.
 *
 * It asks in rounds. A round is one question, and one more for each page that is behind it, and tells all up to one
 * number of the log, the same for all topics. Rows come of two kinds. An event has a number of the log, and comes once.
 * A state has a name
 * (`thing`), comes in each round with what it is, and is told when it is not what it was; the first round of an
 * audience only takes note of it. So who joins at the end of a round has missed nothing behind its number, and gets
 * nothing twice. When a round breaks off, the next one goes on where it was.
 *
 * Limits: PAGE_ROWS rows a question, CALLED_A_TURN watchers called a turn of the loop, so that it does not stop for
 * long; audience.h bounds what waits. Rules: a round begins behind the answer of the news that it follows, so that who
 * is revoked is gone; of a revocation that the news have not told yet the database says so, and tells nothing else. */
#include "watch.h"

#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>

#include "batch.h"
#include "line.h"
#include "log.h"
#include "proto.h"
#include "request.h"
#include "row.h"
#include "server.h"

#define PAGE_ROWS "200"
#define CALLED_A_TURN 64
#define TOKEN_ROOM 512
#define DAY_ROOM 11

/* The columns of statement_watch behind COLUMN_REPLIES; behind these those that are told, then the token. */
enum watch_column { WATCH_TOPIC = COLUMN_REPLIES, WATCH_READER, WATCH_ROLES, WATCH_THING, WATCH_STATE, WATCH_TOLD };
/* Its parameters. */
enum watch_cell { CELL_TOPICS, CELL_READERS, CELL_AFTER, CELL_SEEN, CELL_LIMIT, CELLS };

struct watch {
    struct server *server;
    struct batch_source source;
    struct batch_item item;
    struct slice cells[CELLS];
    struct event *turn; /* calls those that are due */
    struct audience_topics topics;
    LIST_HEAD(, audience) audiences;
    struct watcher_list due, asking; /* to be called; whose wish is not settled */
    size_t total;                    /* bytes that wait */

    bool asked;   /* a question is with `batch` */
    bool goes_on; /* `after` is the token of a page, amid a round */
    bool known;   /* `after` is a place in the log; else nobody was on */
    bool heard;   /* the news have told `seen` and `day` */
    uint64_t seen, position, round;
    char day[DAY_ROOM], round_day[DAY_ROOM]; /* of the news; of the round */
    char after[TOKEN_ROOM], seen_text[24];
    char *readers;
    char names[128];
    char id[BATCH_ID_ROOM]; /* of our last fault */
};

static void ask(struct watch *watch);

/* ---- who is called ---- */

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    struct watch *watch = arg;
    struct watcher *watcher;
    (void)fd;
    (void)what;
    for (int i = 0; i < CALLED_A_TURN && (watcher = TAILQ_FIRST(&watch->due)); i++) {
        TAILQ_REMOVE(&watch->due, watcher, due);
        watcher->is_due = false;
        watcher->call(watcher);
    }
    if (!TAILQ_EMPTY(&watch->due)) /* by time, so that the sockets come first */
        event_add(watch->turn, &(struct timeval){0});
    else if (watch->goes_on)
        ask(watch);
}

static void make_due(struct watch *watch, struct watcher *watcher)
{
    if (watcher->is_due)
        return;
    if (TAILQ_EMPTY(&watch->due))
        event_add(watch->turn, &(struct timeval){0});
    TAILQ_INSERT_TAIL(&watch->due, watcher, due);
    watcher->is_due = true;
}

/* ---- topics ---- */

/* The number of a topic; their count when it is none. */
static size_t topic_of(const struct watch *watch, struct slice name)
{
    size_t topic = 0;
    while (topic < watch->topics.count && (name.len != watch->topics.names[topic].len ||
                                           memcmp(name.at, watch->topics.names[topic].at, name.len) != 0))
        topic++;
    return topic;
}

unsigned watch_topics(const struct watch *watch, struct slice list)
{
    unsigned topics = 0;
    for (struct slice word; (word = proto_next_word(&list)).at;)
        topics |= 1u << topic_of(watch, word);
    return topics & ((1u << watch->topics.count) - 1);
}

bool watch_allows(const struct watch *watch, unsigned topics, unsigned role)
{
    for (size_t i = 0; i < watch->topics.count; i++) {
        const struct proto_command *command = proto_command(watch->topics.names[i]);
        if ((topics & 1u << i) && !(command && command->roles & role))
            return false;
    }
    return true;
}

/* ---- dealing out ---- */

/* `reader` is a party, absent: all; `roles` a list, absent: all. */
static bool is_for(const struct audience *audience, struct slice reader, struct slice roles)
{
    if (reader.at && !slice_is(reader, audience->party))
        return false;
    if (!roles.at)
        return true;
    for (struct slice role; (role = proto_next_word(&roles)).at;)
        if (proto_role_of(role) == audience->role)
            return true;
    return false;
}

/* Writes the notice of a row; where that cannot be, that it is lost. 0; or -1, which should not be. */
static int write_notice(const struct row_columns *columns, size_t row, struct slice topic, uint64_t log,
                        char bytes[LINE_MAX_BYTES], struct slice *line)
{
    struct line_writer writer;
    char name[32];
    snprintf(name, sizeof name, "%.*s", (int)topic.len, topic.at);
    line_begin(&writer, bytes, LINE_MAX_BYTES, "*");
    line_word(&writer, name);
    const char *why = row_put(columns, &writer, row);
    size_t len = why ? 0 : line_end(&writer);
    if (len == 0) {
        log_event(LOG_LEVEL_ERROR, "internal", "id=- verb=watch reason=\"%s\"",
                  why ? why : "a row does not fit a line");
        line_begin(&writer, bytes, LINE_MAX_BYTES, "*");
        line_word(&writer, "lost");
        line_put(&writer, "topic", topic);
        line_put_number(&writer, "upto", (long long)log);
        len = line_end(&writer);
    }
    *line = (struct slice){bytes, len};
    return len > 0 ? 0 : -1;
}

static void hand_over(struct watch *watch, struct audience *audience, size_t topic, uint64_t log, struct slice line)
{
    struct watcher *watcher;
    if (line.at)
        audience_append(audience, topic, log, line);
    else
        audience_miss(audience, topic, log);
    TAILQ_FOREACH(watcher, &audience->watchers, link)
    if (watcher->topics)
        make_due(watch, watcher);
}

/* A row, to all whom it is for; written once. `columns` are those of each topic. */
static void deal(struct watch *watch, const struct row_columns *columns, size_t row, uint64_t log)
{
    struct slice name = result_value(columns->result, row, WATCH_TOPIC), line = {0};
    struct slice reader = result_value(columns->result, row, WATCH_READER);
    struct slice roles = result_value(columns->result, row, WATCH_ROLES);
    struct slice thing = result_value(columns->result, row, WATCH_THING);
    struct slice state = result_value(columns->result, row, WATCH_STATE);
    struct audience *audience;
    char bytes[LINE_MAX_BYTES];
    size_t topic = topic_of(watch, name);
    if (topic == watch->topics.count)
        return;
    LIST_FOREACH(audience, &watch->audiences, link)
    {
        if (!(audience->asked & 1u << topic) || !is_for(audience, reader, roles))
            continue;
        int told = thing.at ? audience_note(audience, topic, watch->round, thing, state) : 1;
        if (told == 0 || audience->on == 0)
            continue;
        if (told > 0 && !line.at)
            told = write_notice(&columns[topic], row, name, log, bytes, &line);
        hand_over(watch, audience, topic, log, told < 0 ? (struct slice){0} : line);
    }
}

/* ---- wishes ---- */

/* Ends what it has with its audience, which goes when nobody is left in it. */
static void leave(struct watcher *watcher)
{
    struct audience *audience = watcher->audience;
    audience_leave(watcher);
    if (!audience || !TAILQ_EMPTY(&audience->watchers))
        return;
    LIST_REMOVE(audience, link);
    audience_free(audience);
}

static void settle(struct watch *watch, struct watcher *watcher, enum watcher_wish wish)
{
    TAILQ_REMOVE(&watch->asking, watcher, asking);
    watcher->wish = wish;
    make_due(watch, watcher);
}

static void grant(struct watch *watch, struct watcher *watcher)
{
    audience_set(watcher, watcher->wanted);
    watcher->since = watch->position;
    settle(watch, watcher, WISH_GRANTED);
}

/* `code` is that of BUSY, or NULL: our own fault, under `id`. */
static void refuse_all(struct watch *watch, const char *code, const char *id)
{
    struct watcher *watcher;
    snprintf(watch->id, sizeof watch->id, "%s", id);
    while ((watcher = TAILQ_FIRST(&watch->asking))) {
        watcher->refusal = code;
        settle(watch, watcher, WISH_REFUSED);
        if (!watcher->topics)
            leave(watcher);
    }
}

/* ---- rounds ---- */

/* The names of `topics`, as a list. */
static void write_names(struct watch *watch, unsigned topics)
{
    size_t len = 0;
    watch->names[0] = '\0';
    for (size_t i = 0; i < watch->topics.count; i++)
        if (topics & 1u << i)
            len += (size_t)snprintf(watch->names + len, sizeof watch->names - len, "%s%.*s", len ? "," : "",
                                    (int)watch->topics.names[i].len, watch->topics.names[i].at);
}

/* All audiences, as a list of `role:party`. 0, or -1 when out of memory. */
static int write_readers(struct watch *watch)
{
    const struct audience *audience;
    size_t room = 1, len = 0;
    LIST_FOREACH(audience, &watch->audiences, link)
    room += sizeof audience->party + 16;
    char *readers = malloc(room);
    if (!readers)
        return -1;
    LIST_FOREACH(audience, &watch->audiences, link)
    len += (size_t)snprintf(readers + len, room - len, "%s%s:%s", len ? "," : "", proto_role_name(audience->role),
                            audience->party);
    free(watch->readers);
    watch->readers = readers;
    return 0;
}

/* A round for all who watch or ask to. 0, or -1 when it must be put off. */
static int begin_round(struct watch *watch)
{
    struct audience *audience;
    struct watcher *watcher;
    unsigned topics = 0;
    bool on = false;
    if (write_readers(watch) < 0)
        return -1;
    LIST_FOREACH(audience, &watch->audiences, link)
    TAILQ_FOREACH(watcher, &audience->watchers, link)
    {
        on |= watcher->topics != 0;
        topics |= watcher->topics | (watcher->wish == WISH_WAITING ? watcher->wanted : 0);
    }
    LIST_FOREACH(audience, &watch->audiences, link)
    audience->asked = topics;
    TAILQ_FOREACH(watcher, &watch->asking, asking)
    watcher->wish = WISH_JOINING;
    write_names(watch, topics);
    watch->known &= on;
    snprintf(watch->after, sizeof watch->after, "%llu", (unsigned long long)watch->position);
    memcpy(watch->round_day, watch->day, sizeof watch->round_day);
    watch->round++;
    return 0;
}

static void end_round(struct watch *watch, uint64_t log)
{
    struct audience *audience;
    struct watcher *watcher, *after;
    watch->goes_on = false;
    watch->known = true;
    watch->position = log;
    LIST_FOREACH(audience, &watch->audiences, link)
    audience->based = audience->asked;
    for (watcher = TAILQ_FIRST(&watch->asking); watcher; watcher = after) {
        after = TAILQ_NEXT(watcher, asking);
        if (watcher->wish == WISH_JOINING)
            grant(watch, watcher);
    }
    if (!TAILQ_EMPTY(&watch->asking))
        ask(watch);
}

/* The database said nothing, as it knows of a revocation that the news have not told: the round begins, or goes on,
 * behind the next news. */
static void put_off(struct watch *watch)
{
    struct watcher *watcher;
    TAILQ_FOREACH(watcher, &watch->asking, asking)
    watcher->wish = WISH_WAITING;
}

/* The number of the column `log`; 0 when there is none. */
static size_t log_column(const struct row_columns *columns)
{
    for (size_t i = 0; i < columns->count; i++)
        if (strcmp(result_name(columns->result, columns->told[i]), "log") == 0)
            return columns->told[i];
    return 0;
}

/* Deals the rows of a page before its last. */
static void deal_all(struct watch *watch, const struct row_columns *all, const struct batch_answer *answer)
{
    struct row_columns columns[AUDIENCE_TOPICS];
    size_t log = log_column(all);
    for (size_t i = 0; i < watch->topics.count; i++) {
        columns[i] = *all;
        row_choose(&columns[i], proto_command(watch->topics.names[i])->replies);
    }
    for (size_t row = answer->first_row; row < answer->first_row + answer->rows - 1; row++)
        deal(watch, columns, row, slice_number(result_value(answer->result, row, log)));
}

/* A page: first the row that tells to which number the round goes, and where the next page begins; then what is new.
 * The next page is asked for when all have been called for this one. */
static void take_page(struct watch *watch, const struct batch_answer *answer)
{
    struct result *result = answer->result;
    struct audience *audience;
    struct row_columns columns;
    size_t token = result_columns(result) - 1, last = answer->first_row + answer->rows - 1;
    if (row_survey(&columns, result, watch->server->seal, WATCH_TOLD, token) < 0 || log_column(&columns) == 0) {
        log_event(LOG_LEVEL_ERROR, "internal",
                  "id=- verb=watch reason=\"an answer has not the columns that it should\"");
        refuse_all(watch, NULL, "-");
        return;
    }
    struct slice upto = result_value(result, last, log_column(&columns)), more = result_value(result, last, token);
    if (!upto.at || more.len >= sizeof watch->after) {
        put_off(watch);
        return;
    }
    deal_all(watch, &columns, answer);
    LIST_FOREACH(audience, &watch->audiences, link)
    if (!watch->goes_on)
        audience_sweep(audience, watch->round);
    watch->goes_on = more.at != NULL;
    if (!watch->goes_on) {
        end_round(watch, slice_number(upto));
        return;
    }
    memcpy(watch->after, more.at, more.len);
    watch->after[more.len] = '\0';
    if (TAILQ_EMPTY(&watch->due))
        ask(watch);
}

static void on_answer(struct batch_item *item, const struct batch_answer *answer)
{
    struct watch *watch = (struct watch *)((char *)item - offsetof(struct watch, item));
    watch->asked = false;
    if (answer->outcome == BATCH_ROWS) {
        take_page(watch, answer);
    } else {
        bool internal = answer->outcome == BATCH_INTERNAL;
        refuse_all(watch, internal ? NULL : "database", internal ? answer->id : "-");
    }
}

/* Asks for the next page of the round, or begins one, unless a question is under way. */
static void ask(struct watch *watch)
{
    if (watch->asked || !watch->heard || LIST_EMPTY(&watch->audiences))
        return;
    if (!watch->goes_on && begin_round(watch) < 0)
        return;
    snprintf(watch->seen_text, sizeof watch->seen_text, "%llu", (unsigned long long)watch->seen);
    watch->cells[CELL_TOPICS] = slice_of(watch->names);
    watch->cells[CELL_READERS] = slice_of(watch->readers);
    watch->cells[CELL_AFTER] = slice_of(watch->goes_on || watch->known ? watch->after : NULL);
    watch->cells[CELL_SEEN] = slice_of(watch->seen_text);
    watch->cells[CELL_LIMIT] = SLICE(PAGE_ROWS);
    watch->asked = batch_add(watch->server->batch, &watch->source, &watch->item) == NULL;
}

void watch_saw(struct watch *watch, uint64_t log, struct slice day)
{
    watch->heard = true;
    watch->seen = log;
    snprintf(watch->day, sizeof watch->day, "%.*s", (int)day.len, day.at ? day.at : "");
    if (watch->goes_on || !TAILQ_EMPTY(&watch->asking) || log != watch->position ||
        strcmp(watch->day, watch->round_day) != 0)
        ask(watch);
}

void watch_tick(struct watch *watch)
{
    if (!batch_ready(watch->server->batch))
        refuse_all(watch, "database", "-");
}

/* ---- what connections call ---- */

void watch_init(struct watcher *watcher, watcher_callback *call)
{
    *watcher = (struct watcher){.call = call};
}

static struct audience *find_audience(struct watch *watch, const char *party, unsigned role)
{
    struct audience *audience;
    LIST_FOREACH(audience, &watch->audiences, link)
    if (audience->role == role && strcmp(audience->party, party) == 0)
        return audience;
    audience = audience_new(&watch->topics, &watch->total, party, role);
    if (audience)
        LIST_INSERT_HEAD(&watch->audiences, audience, link);
    return audience;
}

int watch_ask(struct watch *watch, struct watcher *watcher, const struct request_speaker *speaker, unsigned topics)
{
    if (!watcher->audience) {
        struct audience *audience = find_audience(watch, speaker->party, speaker->role);
        if (!audience)
            return -1;
        audience_enter(audience, watcher);
    }
    watcher->wanted = topics;
    watcher->wish = WISH_WAITING;
    TAILQ_INSERT_TAIL(&watch->asking, watcher, asking);
    ask(watch);
    return 0;
}

void watch_answered(struct watcher *watcher)
{
    watcher->wish = WISH_NONE;
}

const char *watch_fault(const struct watch *watch)
{
    return watch->id;
}

void watch_end(struct watch *watch, struct watcher *watcher)
{
    if (watcher->wish == WISH_WAITING || watcher->wish == WISH_JOINING)
        TAILQ_REMOVE(&watch->asking, watcher, asking);
    watcher->wish = WISH_NONE;
    if (watcher->is_due)
        TAILQ_REMOVE(&watch->due, watcher, due);
    watcher->is_due = false;
    leave(watcher);
}

/* ---- the room ---- */

struct watch *watch_new(struct server *server)
{
    struct watch *watch = calloc(1, sizeof *watch);
    struct slice words = slice_of(proto_type(SLICE("topic"))->words);
    if (!watch)
        return NULL;
    watch->server = server;
    LIST_INIT(&watch->audiences);
    TAILQ_INIT(&watch->due);
    TAILQ_INIT(&watch->asking);
    for (struct slice word; watch->topics.count < AUDIENCE_TOPICS && (word = proto_next_word(&words)).at;)
        watch->topics.names[watch->topics.count++] = word;
    watch->item =
        (struct batch_item){.command = &statement_watch, .urgent = true, .cells = watch->cells, .answer = on_answer};
    batch_source_init(&watch->source);
    watch->turn = event_new(server->base, -1, 0, on_turn, watch);
    if (watch->turn)
        return watch;
    free(watch);
    return NULL;
}

void watch_free(struct watch *watch)
{
    struct audience *audience;
    if (!watch)
        return;
    while ((audience = LIST_FIRST(&watch->audiences))) {
        LIST_REMOVE(audience, link);
        audience_free(audience);
    }
    event_free(watch->turn);
    free(watch->readers);
    free(watch);
}
