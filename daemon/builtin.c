/* The commands that the daemon answers itself, each a function in one table.
 * Rules: nothing here waits for anything but `watch`, for a round of watch.c; what is told comes from the tables, the
 * connection, and what the last news said. */
#include "builtin.h"

#include <stdio.h>

#include <event2/buffer.h>

#include "line.h"
#include "log.h"
#include "news.h"
#include "reply.h"
#include "request.h"
#include "server.h"
#include "watch.h"

/* One answer being written: its rows and its status line. */
struct telling {
    struct request *request;
    struct builtin_context *context;
    struct evbuffer *out;
    struct line_writer writer;
    char bytes[LINE_MAX_BYTES];
    size_t rows;
};

static void begin_row(struct telling *telling)
{
    line_begin(&telling->writer, telling->bytes, sizeof telling->bytes, "=");
}

static void begin_ok(struct telling *telling)
{
    line_begin(&telling->writer, telling->bytes, sizeof telling->bytes, proto_status_word(STATUS_OK));
    line_put(&telling->writer, "tag", telling->request->line.tag);
}

static void send_line(struct telling *telling)
{
    size_t len = line_end(&telling->writer);
    if (len == 0 || evbuffer_add(telling->out, telling->bytes, len) < 0)
        telling->request->broken = true;
}

static void send_row(struct telling *telling)
{
    telling->rows++;
    send_line(telling);
}

static void send_status(struct telling *telling)
{
    telling->request->stage = REQUEST_ANSWERED;
    send_line(telling);
}

/* The value of a field of the request by its name. */
static struct slice value_of(const struct request *request, const char *name)
{
    const struct proto_command *command = request->line.command;
    for (size_t i = 0; i < command->field_count; i++)
        if (strcmp(command->fields[i].name, name) == 0)
            return request->line.values[i];
    return (struct slice){0};
}

/* ---- hello ping whoami quit begin abandon ---- */

static void hello(struct telling *telling)
{
    struct slice language = value_of(telling->request, "lang"), client = value_of(telling->request, "client");
    struct request_speaker *speaker = telling->context->speaker;
    char name[201], quoted[256];
    if (language.at)
        speaker->english = slice_is(language, "en");
    if (client.at) {
        snprintf(name, sizeof name, "%.*s", (int)client.len, client.at);
        log_event(LOG_LEVEL_INFO, "hello", "connection=%llu party=%s client=%s", (unsigned long long)speaker->number,
                  speaker->party, log_quote(quoted, sizeof quoted, name));
    }
    begin_ok(telling);
    line_put_number(&telling->writer, "version", PROTO_VERSION);
    line_put_text(&telling->writer, "lang", speaker->english ? "en" : "nl");
    send_status(telling);
}

static void ping(struct telling *telling)
{
    char now[48];
    news_time(telling->context->server->news, now, sizeof now);
    begin_ok(telling);
    line_put_number(&telling->writer, "log", (long long)news_log(telling->context->server->news));
    line_put_text(&telling->writer, "time", now);
    send_status(telling);
}

static void whoami(struct telling *telling)
{
    static const char digits[] = "0123456789abcdef";
    const struct request_speaker *speaker = telling->context->speaker;
    char hex[64];
    for (size_t i = 0; i < sizeof hex; i++)
        hex[i] = digits[(i % 2 ? speaker->certificate[i / 2] : speaker->certificate[i / 2] >> 4) & 15];
    begin_ok(telling);
    line_put_text(&telling->writer, "party", speaker->party);
    line_put_text(&telling->writer, "role", proto_role_name(speaker->role));
    line_put(&telling->writer, "certificate", (struct slice){hex, sizeof hex});
    line_put_number(&telling->writer, "cert-days", telling->context->certificate_days);
    send_status(telling);
}

/* quit, begin, abandon: what they do is done where the line was taken. */
static void say_ok(struct telling *telling)
{
    begin_ok(telling);
    send_status(telling);
}

/* ---- watch ---- */

static void say_watched(struct telling *telling, uint64_t log)
{
    begin_ok(telling);
    line_put_number(&telling->writer, "log", (long long)log);
    send_status(telling);
}

/* The window looks at the fault, since it answers also what is behind. */
static void say_busy(struct telling *telling, const char *code)
{
    request_refuse(telling->request, STATUS_BUSY, code);
    reply_fault(telling->request, telling->context->speaker, telling->out);
}

/* Begins to wait for what is asked, or ends what is watched. */
static void begin_watch(struct telling *telling)
{
    const struct builtin_context *context = telling->context;
    struct watch *watch = context->server->watch;
    unsigned topics = watch_topics(watch, value_of(telling->request, "topic"));
    if (!watch_allows(watch, topics, context->speaker->role)) {
        reply_refuse(telling->request, STATUS_NO, "role", (struct slice){0}, NULL, context->speaker, telling->out);
    } else if (topics == 0) {
        watch_end(watch, context->watcher);
        say_watched(telling, news_log(context->server->news));
    } else if (watch_ask(watch, context->watcher, context->speaker, topics) < 0) {
        say_busy(telling, "memory");
    }
}

/* Called again until the wish is settled. */
static void watch(struct telling *telling)
{
    const struct builtin_context *context = telling->context;
    struct watcher *watcher = context->watcher;
    switch (watcher->wish) {
    case WISH_NONE:
        begin_watch(telling);
        return;
    case WISH_WAITING:
    case WISH_JOINING:
        return;
    case WISH_GRANTED:
        say_watched(telling, watcher->since);
        break;
    case WISH_REFUSED:
        if (watcher->refusal)
            say_busy(telling, watcher->refusal);
        else
            reply_refuse(telling->request, STATUS_NO, "internal", (struct slice){0},
                         watch_fault(context->server->watch), context->speaker, telling->out);
        break;
    }
    watch_answered(watcher);
}

/* ---- help ---- */

static const char *kind_word(enum proto_kind kind)
{
    switch (kind) {
    case KIND_BUILTIN:
        return "builtin";
    case KIND_WRITE:
    case KIND_WRITE_SET:
        return "write";
    case KIND_READ:
        return "read";
    case KIND_LIST:
        return "list";
    }
    return "";
}

static void put_roles(struct telling *telling, unsigned roles)
{
    char list[64];
    size_t len = 0;
    for (unsigned role = 1; role <= ROLE_ALL; role <<= 1)
        if (roles & role)
            len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", len ? "," : "", proto_role_name(role));
    line_put(&telling->writer, "roles", (struct slice){list, len});
}

/* The names of the answer's fields, as a list of the wire. */
static void put_replies(struct telling *telling, const char *replies)
{
    char list[500];
    snprintf(list, sizeof list, "%s", replies);
    for (char *c = list; *c; c++)
        if (*c == ' ')
            *c = ',';
    if (list[0])
        line_put_text(&telling->writer, "replies", list);
}

static void tell_command(struct telling *telling, const struct proto_command *command)
{
    begin_row(telling);
    line_put_text(&telling->writer, "verb", command->verb);
    line_put_text(&telling->writer, "kind", kind_word(command->kind));
    put_roles(telling, command->roles);
    line_put_text(&telling->writer, "help", command->help);
    send_row(telling);
}

static void put_type(struct telling *telling, const struct proto_type *type)
{
    line_put_text(&telling->writer, "type", type->name);
    if (type->words)
        line_put_text(&telling->writer, "words", type->words);
    else
        line_put_number(&telling->writer, "max", (long long)type->most);
    line_put_text(&telling->writer, "help", type->help);
}

static void tell_field(struct telling *telling, const char *name, const struct proto_type *type, unsigned flags)
{
    begin_row(telling);
    line_put_text(&telling->writer, "field", name);
    if (flags & FIELD_KEY)
        line_put_text(&telling->writer, "key", "yes");
    if (flags & FIELD_REQUIRED)
        line_put_text(&telling->writer, "required", "yes");
    put_type(telling, type);
    send_row(telling);
}

/* The command, what it answers, and each of its fields, the common ones too. */
static void tell_verb(struct telling *telling, const struct proto_command *command)
{
    begin_row(telling);
    line_put_text(&telling->writer, "verb", command->verb);
    line_put_text(&telling->writer, "kind", kind_word(command->kind));
    put_roles(telling, command->roles);
    put_replies(telling, command->replies);
    line_put_text(&telling->writer, "help", command->help);
    send_row(telling);
    for (size_t i = 0; i < command->field_count; i++)
        tell_field(telling, command->fields[i].name, command->fields[i].type, command->fields[i].flags);
    if (proto_is_write(command))
        tell_field(telling, "check", proto_type(SLICE("yesno")), 0);
    tell_field(telling, "tag", proto_type(SLICE("tag")), 0);
}

static void help(struct telling *telling)
{
    struct slice verb = value_of(telling->request, "verb"), name = value_of(telling->request, "type");
    const struct proto_command *command = verb.at ? proto_command(verb) : NULL;
    const struct proto_type *type = name.at ? proto_type(name) : NULL;
    if ((verb.at && !command) || (name.at && !type)) {
        reply_refuse(telling->request, STATUS_NO, "not-found", verb.at && !command ? SLICE("verb") : SLICE("type"),
                     NULL, telling->context->speaker, telling->out);
        return;
    }
    if (command)
        tell_verb(telling, command);
    if (type) {
        begin_row(telling);
        put_type(telling, type);
        send_row(telling);
    }
    for (size_t i = 0; !command && !type && i < proto_command_count; i++)
        if (proto_commands[i].roles & telling->context->speaker->role)
            tell_command(telling, &proto_commands[i]);
    begin_ok(telling);
    line_put_number(&telling->writer, "rows", (long long)telling->rows);
    send_status(telling);
}

/* ---- the table ---- */

static const struct builtin {
    const char *verb;
    void (*answer)(struct telling *telling);
    bool last, holds;
} builtins[] = {
    {"hello", hello, false, false},   {"ping", ping, false, false},      {"help", help, false, false},
    {"whoami", whoami, false, false}, {"watch", watch, false, true},     {"quit", say_ok, true, false},
    {"begin", say_ok, false, false},  {"abandon", say_ok, false, false},
};

/* NULL for a row of commands.def without one here, which is our own fault, and which a test finds. */
static const struct builtin *builtin_of(const struct request *request)
{
    for (size_t i = 0; i < COUNT(builtins); i++)
        if (strcmp(builtins[i].verb, request->line.command->verb) == 0)
            return &builtins[i];
    return NULL;
}

bool builtin_answer(struct request *request, struct builtin_context *context, struct evbuffer *out)
{
    struct telling telling = {.request = request, .context = context, .out = out};
    const struct builtin *builtin = builtin_of(request);
    if (builtin)
        builtin->answer(&telling);
    else
        reply_refuse(request, STATUS_NO, "internal", (struct slice){0}, "-", context->speaker, out);
    return request->stage == REQUEST_ANSWERED;
}

bool builtin_holds(const struct request *request)
{
    const struct builtin *builtin = builtin_of(request);
    return builtin && builtin->holds;
}

bool builtin_is_last(const struct request *request)
{
    const struct builtin *builtin = builtin_of(request);
    return builtin && builtin->last;
}
