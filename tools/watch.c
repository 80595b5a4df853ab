/* `buurtaal watch [TOPIC ...]`: what is there, then what is new, a line each, as it comes and for as long as it is let.
 *
 * It watches first, then reads: so nothing falls between. Behind a lost connection, and where the registry says that
 * something was dropped, it reads again, and tells what it has not told: of a list the rows behind the last number that
 * it told; of figures those that are not what it told last.
 *
 * Rules: what was told is told once, and nothing goes back: notices of what is being read wait until it is read, since
 * they may be newer or older than what comes then. A registry that is silent is asked whether it is there. */
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "line.h"
#include "proto.h"
#include "tool_client.h"
#include "tool_json.h"
#include "tool_memory.h"
#include "tool_retry.h"
#include "tool_verbs.h"

#define TOPICS_MOST 8
#define QUIET_SECONDS 25

/* A line that was told: of a list one under the newest number, of figures the last of each. */
struct told {
    struct told *next;
    char *name, *text; /* `name` of a figure: which it is */
    uint64_t log;      /* of a figure */
};

struct topic {
    const struct proto_command *command; /* its read */
    uint64_t log;                        /* of a list: the newest number that was told */
    struct told *told;
    size_t reads; /* that are under way */
    char **held;  /* notices that came meanwhile, as they came */
    size_t held_count;
};

struct watching {
    struct tool *tool;
    struct retry retry;
    bool json;
    struct topic topics[TOPICS_MOST];
    size_t count;
    size_t asked[64], first, next; /* what answers are owed to: topics that are read, else ANSWER_OF_OURS */
    bool pinged, moved;
    time_t heard;
    unsigned busy; /* seconds that the registry asks for */
};

#define ANSWER_OF_OURS SIZE_MAX /* to `watch` and `ping` */

/* ---- what is told ---- */

static void forget(struct topic *topic)
{
    for (struct told *next, *told = topic->told; told; told = next) {
        next = told->next;
        free(told->name);
        free(told->text);
        free(told);
    }
    topic->told = NULL;
}

/* A row as text: the values of the fields in `names` (NULL: all but `log`), the caller's. */
static char *text_of_row(const struct answer *row, const char *const *names)
{
    char *text = memory_text("%s", "");
    for (size_t i = 0; i < row->count; i++) {
        bool wanted = !names && !slice_is(row->fields[i].name, "log");
        for (size_t n = 0; names && names[n]; n++)
            wanted |= slice_is(row->fields[i].name, names[n]);
        if (!wanted)
            continue;
        char *before = text;
        text = memory_text("%s %.*s=%.*s", before, (int)row->fields[i].name.len, row->fields[i].name.at,
                           (int)row->fields[i].value.len, row->fields[i].value.at);
        free(before);
    }
    return text;
}

static void keep(struct topic *topic, char *name, char *text, uint64_t log)
{
    struct told *told = memory_get(1, sizeof *told);
    *told = (struct told){topic->told, name, text, log};
    topic->told = told;
}

/* Whether a row of a list was not told yet; takes note of it. Rows come in the order of their numbers. */
static bool is_new_row(struct topic *topic, const struct answer *row)
{
    uint64_t log = slice_number(answer_field(row, "log"));
    if (log < topic->log)
        return false;
    if (log > topic->log)
        forget(topic);
    topic->log = log;
    char *text = text_of_row(row, NULL);
    for (const struct told *told = topic->told; told; told = told->next)
        if (strcmp(told->text, text) == 0) {
            free(text);
            return false;
        }
    keep(topic, NULL, text, log);
    return true;
}

/* Whether a figure is not what it was; takes note of it. */
static bool is_new_figure(struct topic *topic, const struct answer *row)
{
    static const char *const identity[] = {"scope", "year", "language", "rung", NULL};
    uint64_t log = slice_number(answer_field(row, "log"));
    char *name = text_of_row(row, identity), *text = text_of_row(row, NULL);
    struct told *told = topic->told;
    while (told && strcmp(told->name, name) != 0)
        told = told->next;
    if (!told) {
        keep(topic, name, text, log);
        return true;
    }
    free(name);
    if (log < told->log || strcmp(told->text, text) == 0) {
        free(text);
        return false;
    }
    free(told->text);
    told->text = text;
    told->log = log;
    return true;
}

static void print_json(const char *topic, const struct answer *row)
{
    printf("{\"topic\":");
    json_text(stdout, slice_of(topic));
    for (size_t i = 0; i < row->count; i++) {
        putchar(',');
        json_text(stdout, row->fields[i].name);
        putchar(':');
        json_value(stdout, row->fields[i].value);
    }
    puts("}");
}

/* `raw` is the line as it came, behind its first words. */
static void take_row(struct watching *watching, struct topic *topic, const struct answer *row, const char *raw)
{
    bool list = topic->command->kind == KIND_LIST;
    if (!(list ? is_new_row(topic, row) : is_new_figure(topic, row)))
        return;
    if (watching->json)
        print_json(topic->command->verb, row);
    else
        printf("%s%s\n", topic->command->verb, raw);
}

/* A notice that was held. */
static void take_held(struct watching *watching, struct topic *topic, char *line)
{
    struct answer notice;
    char *raw = memory_text("%s", line);
    if (answer_read(line, strlen(line), &notice) == 0)
        take_row(watching, topic, &notice, raw + 2 + notice.word.len);
    free(raw);
}

static void hold(struct topic *topic, const char *raw)
{
    topic->held = memory_grow(topic->held, topic->held_count + 1, sizeof *topic->held);
    topic->held[topic->held_count++] = memory_text("%s", raw);
}

static void drop_held(struct topic *topic)
{
    for (size_t i = 0; i < topic->held_count; i++)
        free(topic->held[i]);
    free(topic->held);
    topic->held = NULL;
    topic->held_count = topic->reads = 0;
}

/* ---- what is asked ---- */

static void ask(struct watching *watching, size_t whose, const char *line)
{
    struct client *client = watching->retry.client;
    size_t len = strlen(line);
    if (watching->next - watching->first == COUNT(watching->asked) || client_write(client, line, len) != len) {
        client_give_up(client, CLIENT_LOST, text_of(watching->tool->lang, TEXT_CLIENT_SILENT));
        return;
    }
    watching->asked[watching->next++ % COUNT(watching->asked)] = whose;
}

static void ask_read(struct watching *watching, size_t topic)
{
    char line[64];
    snprintf(line, sizeof line, "%s\n", watching->topics[topic].command->verb);
    watching->topics[topic].reads++;
    ask(watching, topic, line);
}

/* All of it, at the beginning of a connection. */
static void ask_all(struct watching *watching)
{
    char line[256];
    size_t len = 0;
    watching->first = watching->next = 0;
    watching->pinged = watching->moved = false;
    watching->busy = 0;
    watching->heard = retry_now();
    for (size_t i = 0; i < watching->count; i++)
        drop_held(&watching->topics[i]);
    for (size_t i = 0; i < watching->count; i++)
        len += (size_t)snprintf(line + len, sizeof line - len, "%s%s",
                                i ? "," : "watch topic=", watching->topics[i].command->verb);
    snprintf(line + len, sizeof line - len, "\n");
    ask(watching, ANSWER_OF_OURS, line);
    for (size_t i = 0; i < watching->count; i++)
        ask_read(watching, i);
}

/* ---- what comes ---- */

static struct topic *topic_of(struct watching *watching, struct slice name)
{
    for (size_t i = 0; i < watching->count; i++)
        if (slice_is(name, watching->topics[i].command->verb))
            return &watching->topics[i];
    return NULL;
}

static void take_notice(struct watching *watching, const struct answer *notice, const char *raw)
{
    struct topic *topic = topic_of(watching, notice->word);
    struct topic *lost = slice_is(notice->word, "lost") ? topic_of(watching, answer_field(notice, "topic")) : NULL;
    if (topic && topic->reads > 0)
        hold(topic, raw);
    else if (topic)
        take_row(watching, topic, notice, raw + 2 + notice->word.len);
    else if (lost)
        ask_read(watching, (size_t)(lost - watching->topics));
}

/* The end of an answer. A status other than EX_OK ends the watching, after it was told. */
static int take_status(struct watching *watching, const struct answer *answer)
{
    struct client *client = watching->retry.client;
    size_t whose = watching->asked[watching->first++ % COUNT(watching->asked)];
    struct topic *topic = whose == ANSWER_OF_OURS ? NULL : &watching->topics[whose];
    watching->pinged = false;
    if (topic && answer->kind == ANSWER_OK && --topic->reads == 0) {
        for (size_t i = 0; i < topic->held_count; i++)
            take_held(watching, topic, topic->held[i]);
        drop_held(topic);
    }
    if (answer->kind == ANSWER_BUSY && retry_seconds(answer) > watching->busy)
        watching->busy = retry_seconds(answer);
    if (answer->kind == ANSWER_OK || answer->kind == ANSWER_BUSY)
        return EX_OK;
    char *words = client_words(client, answer);
    text_tell(watching->tool->lang, TEXT_PLAIN, words);
    free(words);
    return answer_exit(answer);
}

static int take_line(struct watching *watching, char *line, size_t len)
{
    struct answer answer;
    char *raw = memory_text("%s", line);
    size_t whose = watching->asked[watching->first % COUNT(watching->asked)];
    int status = EX_OK;
    watching->heard = retry_now();
    watching->moved = true;
    if (answer_read(line, len, &answer) < 0 || (answer.kind != ANSWER_NOTICE && watching->first == watching->next))
        client_give_up(watching->retry.client, CLIENT_PROTOCOL, text_of(watching->tool->lang, TEXT_CLIENT_PROTOCOL));
    else if (answer.kind == ANSWER_NOTICE)
        take_notice(watching, &answer, raw);
    else if (answer.kind != ANSWER_ROW)
        status = take_status(watching, &answer);
    else if (whose != ANSWER_OF_OURS)
        take_row(watching, &watching->topics[whose], &answer, raw + 1);
    free(raw);
    return status;
}

/* One connection, to its end. EX_OK when it may be tried anew. */
static int listen_on(struct watching *watching)
{
    struct client *client = watching->retry.client;
    char line[LINE_MAX_BYTES];
    size_t len;
    ask_all(watching);
    while (client_fault(client) == CLIENT_FINE && watching->busy == 0) {
        client_step(client, -1, 1000);
        while (client_take(client, line, &len) == 1) {
            int status = take_line(watching, line, len);
            if (status != EX_OK)
                return status;
        }
        if (fflush(stdout) != 0)
            return text_tell_output(watching->tool->lang);
        if (!watching->pinged && retry_now() - watching->heard >= QUIET_SECONDS) {
            watching->pinged = true;
            ask(watching, ANSWER_OF_OURS, "ping\n");
        }
        retry_watch(client, watching->heard, watching->tool->lang);
    }
    return EX_OK;
}

static int watch(struct watching *watching, const struct profile *profile)
{
    int status = retry_open(&watching->retry, profile);
    while (status == EX_OK && (status = listen_on(watching)) == EX_OK) {
        watching->retry.attempts = 0;                            /* it goes on for as long as it is let */
        if (client_fault(watching->retry.client) == CLIENT_FINE) /* what was asked is asked anew, so nothing is owed */
            client_give_up(watching->retry.client, CLIENT_LATER, text_of(watching->tool->lang, TEXT_SENDING_BUSY));
        status = retry_again(&watching->retry, watching->busy, watching->moved);
    }
    retry_close(&watching->retry);
    return status;
}

/* ---- the verb ---- */

/* Reads which topics; none means all. 0, or -1 after telling what is wrong. */
static int read_topics(struct watching *watching, int count, char **words)
{
    const char *known = proto_type(SLICE("topic"))->words;
    struct slice list = slice_of(known);
    for (struct slice word; (word = proto_next_word(&list)).at && watching->count < TOPICS_MOST;) {
        bool wanted = count == 0;
        for (int i = 0; i < count; i++)
            wanted |= slice_is(word, words[i]);
        if (wanted)
            watching->topics[watching->count++].command = proto_command(word);
    }
    for (int i = 0; i < count; i++)
        if (!topic_of(watching, slice_of(words[i]))) {
            text_tell(watching->tool->lang, TEXT_OPERAND_UNKNOWN, words[i], known);
            text_tell(watching->tool->lang, TEXT_SEE_HELP, "watch", " ");
            return -1;
        }
    return 0;
}

int watch_run(struct tool *tool, int argc, char **argv)
{
    struct watching watching = {.tool = tool};
    const struct options_row rows[] = {{"json", NULL, &watching.json, 0}};
    const struct options_verb verb = {"watch", TEXT_HELP_WATCH, rows, COUNT(rows)};
    int status;
    int count = options_read(tool, &verb, argc, argv, &status);
    if (count < 0)
        return status;
    if (read_topics(&watching, count, argv) < 0)
        return EX_USAGE;
    struct profile *profile = profile_load(tool);
    if (!profile)
        return EX_CONFIG;
    status = watch(&watching, profile);
    for (size_t i = 0; i < watching.count; i++) {
        forget(&watching.topics[i]);
        drop_held(&watching.topics[i]);
    }
    profile_free(profile);
    return status;
}
