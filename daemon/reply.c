/* From the rows that come home to the bytes of an answer.
 *
 * Limits: a line of an answer has at most LINE_MAX_BYTES; what does not fit is NO internal.
 * Rules: what cannot be told is our fault, told and logged, and never the end of the process. No value of a field is
 * ever logged. */
#include "reply.h"

#include <stdio.h>
#include <stdlib.h>

#include <event2/buffer.h>

#include "clock.h"
#include "line.h"
#include "log.h"
#include "request.h"
#include "row.h"

static const struct slice no_field;

/* ---- status lines ---- */

static void send_line(struct request *request, struct line_writer *writer, struct evbuffer *out)
{
    size_t len = line_end(writer);
    if (len == 0 || evbuffer_add(out, writer->bytes, len) < 0)
        request->broken = true;
}

static void begin_status(struct line_writer *writer, char *bytes, const struct request *request,
                         enum proto_status status, const char *code)
{
    line_begin(writer, bytes, LINE_MAX_BYTES, proto_status_word(status));
    if (code)
        line_word(writer, code);
    line_put(writer, "tag", request->line.tag);
}

static void put_text(struct line_writer *writer, const struct proto_reply *reply, const struct request_speaker *speaker)
{
    if (reply)
        line_put_text(writer, "text", speaker->english ? reply->en : reply->nl);
}

/* The daemon's own note of a write: who, what, and what came of it. Its object is in the registry's log, under `log`.
 */
static void note(const struct request *request, const struct request_speaker *speaker, enum proto_status status,
                 const char *code)
{
    const struct proto_command *command = request->line.command;
    struct slice tag = request->line.tag;
    char log[24] = "-"; /* it took no number */
    if (!command || !proto_is_write(command))
        return;
    if (request->log > 0)
        snprintf(log, sizeof log, "%llu", (unsigned long long)request->log);
    log_event(LOG_LEVEL_INFO, "write",
              "connection=%llu party=%s verb=%s outcome=%s%s%s log=%s check=%s tag=%.*s origin=%s",
              (unsigned long long)speaker->number, speaker->party, command->verb, proto_status_word(status),
              code ? "-" : "", code ? code : "", log, request->line.check ? "yes" : "no", tag.at ? (int)tag.len : 1,
              tag.at ? tag.at : "-", speaker->origin);
}

/* Whole seconds after which a client may try again. */
static int retry_seconds(const char *code)
{
    return strcmp(code, "database") == 0 ? 2 : 1;
}

void reply_refuse(struct request *request, enum proto_status status, const char *code, struct slice field,
                  const char *id, const struct request_speaker *speaker, struct evbuffer *out)
{
    struct line_writer writer;
    char bytes[LINE_MAX_BYTES];
    begin_status(&writer, bytes, request, status, code);
    line_put(&writer, "field", field);
    if (id)
        line_put_text(&writer, "id", id);
    if (status == STATUS_BUSY)
        line_put_number(&writer, "retry", retry_seconds(code));
    put_text(&writer, proto_reply(status, slice_of(code)), speaker);
    send_line(request, &writer, out);
    request->stage = REQUEST_ANSWERED;
    note(request, speaker, status, code);
}

/* Our own fault, found here: told with an id that the log explains. */
static void refuse_internal(struct request *request, const char *reason, const struct request_speaker *speaker,
                            struct evbuffer *out)
{
    const struct proto_command *command = request->line.command;
    char id[32];
    snprintf(id, sizeof id, "%llx-c%llu", (unsigned long long)clock_wall(), (unsigned long long)speaker->number);
    log_event(LOG_LEVEL_ERROR, "internal", "connection=%llu id=%s verb=%s reason=\"%s\"",
              (unsigned long long)speaker->number, id, command ? command->verb : "-", reason);
    reply_refuse(request, STATUS_NO, "internal", no_field, id, speaker, out);
}

void reply_fault(struct request *request, const struct request_speaker *speaker, struct evbuffer *out)
{
    if (strcmp(request->fault.code, "internal") == 0)
        refuse_internal(request, "a value could not be sealed or written", speaker, out);
    else
        reply_refuse(request, request->fault_status, request->fault.code, request->fault.field, NULL, speaker, out);
}

/* ---- from the rows to the answer ---- */

/* An answer being written. */
struct telling {
    struct request *request;
    const struct request_speaker *speaker;
    struct seal *seal;
    struct evbuffer *out;
    struct result *result;
    size_t first, rows;
    struct row_columns columns; /* that are sent: all but a list's token, which stands behind them */
};

/* Looks once an answer at what its columns are. 0 or -1. */
static int survey(struct telling *telling)
{
    size_t token = telling->request->line.command->kind == KIND_LIST;
    return row_survey(&telling->columns, telling->result, telling->seal, COLUMN_REPLIES,
                      result_columns(telling->result) - token);
}

static void finish(struct telling *telling, struct line_writer *writer, enum proto_status status, const char *code)
{
    struct request *request = telling->request;
    if (writer->overflow) {
        refuse_internal(request, "a status line does not fit", telling->speaker, telling->out);
        return;
    }
    send_line(request, writer, telling->out);
    request->stage = REQUEST_ANSWERED;
    note(request, telling->speaker, status, code);
}

/* `log=`, or `check=yes` in its place. */
static void put_log(struct telling *telling, struct line_writer *writer)
{
    struct request *request = telling->request;
    if (request->line.check) {
        line_put_text(writer, "check", "yes");
        return;
    }
    struct slice log = result_value(telling->result, telling->first, COLUMN_LOG);
    request->log = slice_number(log);
    line_put(writer, "log", log);
}

/* The rules say no: the code and what the row tells beside it. */
static void tell_refusal(struct telling *telling, struct slice code)
{
    const struct proto_reply *reply = proto_reply(STATUS_NO, code);
    struct line_writer writer;
    char bytes[LINE_MAX_BYTES];
    if (!reply) {
        refuse_internal(telling->request, "the function gave a code that replies.def has not", telling->speaker,
                        telling->out);
        return;
    }
    begin_status(&writer, bytes, telling->request, STATUS_NO, reply->code);
    if (proto_is_write(telling->request->line.command))
        put_log(telling, &writer);
    struct slice field = result_value(telling->result, telling->first, COLUMN_FIELD);
    telling->request->disowned =
        !field.at && strcmp(reply->code, "revoked") == 0; /* with a field: what it speaks of is */
    line_put(&writer, "field", field);
    const char *why = row_put(&telling->columns, &writer, telling->first);
    put_text(&writer, reply, telling->speaker);
    if (why)
        refuse_internal(telling->request, why, telling->speaker, telling->out);
    else
        finish(telling, &writer, STATUS_NO, reply->code);
}

static void tell_write(struct telling *telling)
{
    struct line_writer writer;
    char bytes[LINE_MAX_BYTES];
    begin_status(&writer, bytes, telling->request, STATUS_OK, NULL);
    put_log(telling, &writer);
    const char *why = row_put(&telling->columns, &writer, telling->first);
    if (why)
        refuse_internal(telling->request, why, telling->speaker, telling->out);
    else
        finish(telling, &writer, STATUS_OK, NULL);
}

/* Sends `count` rows as data. 0; or -1, and the request is answered. */
static int tell_rows(struct telling *telling, size_t count)
{
    struct line_writer writer;
    char bytes[LINE_MAX_BYTES];
    for (size_t i = 0; i < count; i++) {
        line_begin(&writer, bytes, sizeof bytes, "=");
        const char *why = row_put(&telling->columns, &writer, telling->first + i);
        size_t len = why ? 0 : line_end(&writer);
        if (len == 0) {
            refuse_internal(telling->request, why ? why : "a row does not fit a line", telling->speaker, telling->out);
            return -1;
        }
        if (evbuffer_add(telling->out, bytes, len) < 0)
            telling->request->broken = true;
    }
    telling->request->rows_sent += count;
    return 0;
}

/* The status of a read: `more` is the token that goes on, absent at the end. */
static void tell_end(struct telling *telling, struct slice more)
{
    struct line_writer writer;
    char bytes[LINE_MAX_BYTES];
    begin_status(&writer, bytes, telling->request, STATUS_OK, NULL);
    line_put_number(&writer, "rows", (long long)telling->request->rows_sent);
    put_log(telling, &writer);
    if (more.at) {
        line_put_text(&writer, "more", "yes");
        line_put(&writer, "after", more);
    }
    finish(telling, &writer, STATUS_OK, NULL);
}

/* Keeps the token of the page's last sent row, where the next page begins. 0; or -1, and the request is answered. */
static int keep_token(struct telling *telling, size_t sent)
{
    struct request *request = telling->request;
    if (sent == 0) /* that of the page before */
        return 0;
    struct slice token = result_value(telling->result, telling->first + sent - 1, result_columns(telling->result) - 1);
    char *after = token.at && token.len > 0 ? malloc(token.len + 1) : NULL;
    if (!after) {
        refuse_internal(request, token.at ? "out of memory" : "a row of a list has no token", telling->speaker,
                        telling->out);
        return -1;
    }
    memcpy(after, token.at, token.len);
    after[token.len] = '\0';
    free(request->after);
    request->after = after;
    return 0;
}

static void tell_page(struct telling *telling)
{
    struct request *request = telling->request;
    size_t send = telling->rows;
    if (request->rows_wanted && send > request->rows_wanted - request->rows_sent)
        send = (size_t)(request->rows_wanted - request->rows_sent);
    if (tell_rows(telling, send) < 0)
        return;
    if (telling->rows < request->rows_asked) {
        tell_end(telling, no_field);
    } else if (keep_token(telling, send) < 0) {
        return;
    } else if (telling->rows > send) {
        tell_end(telling, slice_of(request->after));
    } else {
        request_ask_page(request);
        request->stage = REQUEST_MORE;
    }
}

static void tell(struct telling *telling)
{
    enum proto_kind kind = telling->request->line.command->kind;
    struct slice code = result_value(telling->result, telling->first, COLUMN_CODE);
    struct slice present = result_value(telling->result, telling->first, COLUMN_PRESENT);
    if (survey(telling) < 0)
        refuse_internal(telling->request, "an answer has too many columns", telling->speaker, telling->out);
    else if (code.at)
        tell_refusal(telling, code);
    else if (proto_is_write(telling->request->line.command))
        tell_write(telling);
    else {
        if (!present.at) /* the row stands for there being none, and tells the number */
            telling->rows = 0;
        if (kind == KIND_LIST)
            tell_page(telling);
        else if (tell_rows(telling, telling->rows) == 0)
            tell_end(telling, no_field);
    }
}

const char *reply_busy(enum batch_outcome outcome)
{
    switch (outcome) {
    case BATCH_OVERLOAD:
        return "overload";
    case BATCH_DATABASE:
        return "database";
    case BATCH_UNKNOWN:
        return "unknown";
    case BATCH_ROWS:
    case BATCH_INTERNAL:
        break;
    }
    return NULL;
}

void reply_answer(struct request *request, const struct batch_answer *answer, const struct request_speaker *speaker,
                  struct seal *seal, struct evbuffer *out)
{
    const char *busy = reply_busy(answer->outcome);
    if (answer->outcome == BATCH_ROWS)
        tell(&(struct telling){.request = request,
                               .speaker = speaker,
                               .seal = seal,
                               .out = out,
                               .result = answer->result,
                               .first = answer->first_row,
                               .rows = answer->rows});
    else if (answer->outcome == BATCH_INTERNAL)
        reply_refuse(request, STATUS_NO, "internal", no_field, answer->id, speaker, out);
    else
        reply_refuse(request, STATUS_BUSY, busy, no_field, NULL, speaker, out);
}
