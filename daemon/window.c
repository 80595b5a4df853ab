/* The unanswered requests of one connection.
 *
 * Rules: only the first is ever answered, so replies keep the order of requests. What stands behind a list, a block or
 * a watch is not begun before that is answered whole: requests take effect in their order, no answer comes home amid
 * those of a block, and a read behind a watch finds all that its notices will not tell. A BUSY answers also all that
 * already stands behind it and is not in the database. */
#include "window.h"

#include "block.h"
#include "builtin.h"
#include "news.h"
#include "reply.h"
#include "server.h"

void window_init(struct window *window, struct server *server, struct server_client *client,
                 struct request_speaker *speaker, struct watcher *watcher, struct evbuffer *out,
                 window_callback *answered)
{
    *window = (struct window){
        .server = server, .client = client, .speaker = speaker, .watcher = watcher, .out = out, .answered = answered};
    TAILQ_INIT(&window->queue);
    batch_source_init(&window->source);
}

static void enqueue(struct window *window, struct request *request)
{
    request->owner = window;
    TAILQ_INSERT_TAIL(&window->queue, request, link);
    window->count++;
    if (!window->next)
        window->next = request;
}

static void drop_block(struct window *window)
{
    block_free(window->open);
    window->open = NULL;
}

/* `commit` or `abandon`, well formed: the end of the block, if one is open. */
static void end_block(struct window *window, struct request *request)
{
    if (!window->open)
        request_refuse(request, STATUS_BAD, "no-block");
    else if (request_is(request, "commit"))
        block_commit(window->open, request, window->speaker);
    else
        block_free(window->open);
    window->open = NULL;
}

/* Whether the line has the verb of what ends a block, well formed or not. */
static bool is_end(struct slice line)
{
    const char *space = memchr(line.at, ' ', line.len);
    struct slice verb = {line.at, space ? (size_t)(space - line.at) : line.len};
    return slice_is(verb, "commit") || slice_is(verb, "abandon");
}

bool window_keep(struct window *window, struct slice line)
{
    if (!window->open || is_end(line))
        return false;
    block_take(window->open, line);
    return true;
}

void window_add(struct window *window, struct request *request)
{
    if (request_is(request, "begin")) {
        window->open = block_begin(window->server, window->client->party, request);
        window->broken |= !window->open;
    } else if (request->fault.code) {
        if (strcmp(request->fault.code, "line") == 0) /* it was none: the last */
            drop_block(window);
    } else if (request_is(request, "commit") || request_is(request, "abandon")) {
        end_block(window, request);
    }
    enqueue(window, request);
}

static void dequeue(struct window *window, struct request *request)
{
    if (window->next == request)
        window->next = TAILQ_NEXT(request, link);
    if (window->holds == request)
        window->holds = NULL;
    window->broken |= request->broken;
    window->disowned |= request->disowned;
    TAILQ_REMOVE(&window->queue, request, link);
    window->count--;
    block_free(request->block);
    request_free(request);
}

/* Whether what stands behind it is not begun before it is answered, when it is one that no database is needed for, or a
 * block. */
static bool holds(const struct request *request)
{
    return request->block ||
           (!request->fault.code && request->line.command->kind == KIND_BUILTIN && builtin_holds(request));
}

/* ---- BUSY ---- */

/* What stands behind `request`, and is neither with `batch` nor in the database, gets the same BUSY in its turn; so
 * does the block that is open. */
static void refuse_behind(struct window *window, struct request *request, const char *code)
{
    while ((request = TAILQ_NEXT(request, link))) {
        if (request_needs_database(request) && !request->item.taken)
            request_refuse(request, STATUS_BUSY, code);
        if (holds(request))
            window->holds = request; /* the last of them */
    }
    if (window->open)
        block_refuse(window->open, STATUS_BUSY, code);
    window->next = NULL;
}

/* ---- through the database ---- */

/* The first of the window has its answer, or a page of it. */
static void on_answer(struct batch_item *item, const struct batch_answer *answer)
{
    struct request *request = (struct request *)((char *)item - offsetof(struct request, item));
    struct window *window = request->owner;
    const char *busy = reply_busy(answer->outcome);
    if (window->shut) {
        dequeue(window, request);
        window->answered(window);
        return;
    }
    if (request->block) {
        (void)!block_answer(request, answer, window->speaker, window->server->seal, window->out);
        if (request->fault.code && request->fault_status == STATUS_BUSY)
            busy = request->fault.code; /* of a block that found no memory, too */
    } else {
        reply_answer(request, answer, window->speaker, window->server->seal, window->out);
    }
    if (request->log)
        news_saw(window->server->news, request->log);
    if (busy) {
        batch_drop(window->server->batch, &window->source);
        refuse_behind(window, request, busy);
    }
    if (request->stage == REQUEST_ANSWERED)
        dequeue(window, request);
    else
        window->broken |= request->broken;
    window->answered(window);
}

/* Hands a request over; where that is refused, so is all behind it, of which nothing was handed over yet. */
static void begin(struct window *window, struct request *request)
{
    request->item.answer = on_answer;
    request->stage = REQUEST_WAITING;
    const char *code = batch_add(window->server->batch, &window->source, &request->item);
    if (code) {
        request_refuse(request, STATUS_BUSY, code);
        refuse_behind(window, request, code);
    }
}

/* Begins all up to and with the first list or block, and that list's next page. */
static void begin_next(struct window *window, bool few)
{
    if (window->holds && window->holds->stage == REQUEST_MORE && few)
        begin(window, window->holds);
    while (window->next && !window->holds) {
        struct request *request = window->next;
        window->next = TAILQ_NEXT(request, link);
        if (holds(request) || (request_needs_database(request) && request->line.command->kind == KIND_LIST))
            window->holds = request;
        if (request_needs_database(request))
            begin(window, request);
    }
}

/* ---- in the daemon ---- */

/* Answers what stands first and needs no database. Whether it answered any. */
static bool answer_own(struct window *window)
{
    struct builtin_context context = {window->server, window->speaker, window->watcher, window->certificate_days};
    struct request *request;
    bool any = false;
    while ((request = TAILQ_FIRST(&window->queue)) && !request_needs_database(request)) {
        if (request->block) {
            if (!block_answer(request, NULL, window->speaker, window->server->seal, window->out))
                break; /* goes on when what is written has left */
        } else if (request->fault.code)
            reply_fault(request, window->speaker, window->out);
        else if (!builtin_answer(request, &context, window->out))
            break;
        else if (request->fault.code) /* BUSY */
            refuse_behind(window, request, request->fault.code);
        dequeue(window, request);
        any = true;
    }
    return any;
}

bool window_run(struct window *window, bool few)
{
    if (window->shut)
        return false;
    begin_next(window, few);
    return answer_own(window);
}

bool window_is_between(const struct window *window)
{
    const struct request *first = TAILQ_FIRST(&window->queue);
    return !first || (first->rows_sent == 0 && !(first->block && first->fault.code));
}

/* ---- the end ---- */

static void drop_waiting(struct window *window)
{
    struct request *request, *after;
    batch_drop(window->server->batch, &window->source);
    for (request = TAILQ_FIRST(&window->queue); request; request = after) {
        after = TAILQ_NEXT(request, link);
        if (!request->item.taken)
            dequeue(window, request);
    }
}

void window_drop(struct window *window, const char *code)
{
    struct request *first = TAILQ_FIRST(&window->queue);
    if (first && first->rows_sent > 0 && !first->item.taken) { /* its rows are void, and a status must say so */
        bool known = proto_reply(STATUS_NO, slice_of(code)) != NULL;
        reply_refuse(first, known ? STATUS_NO : STATUS_BUSY, known ? code : "database", (struct slice){0}, NULL,
                     window->speaker, window->out);
    }
    drop_waiting(window);
}

void window_shut(struct window *window)
{
    window->shut = true;
    drop_block(window);
    drop_waiting(window);
}

bool window_is_free(const struct window *window)
{
    return window->source.in_flight == 0;
}
