/* One connection's conversation. It is told what happens by its stream (bytes, an end), by its window (answers) and by
 * the server (time, drain, revocation); whatever that was, `proceed` then does all that can be done: takes lines, lets
 * the window run and answer them, and ends when it is time.
 *
 * Limits: 256 unanswered requests; no further line is taken while more than 64 kB wait to be sent.
 * Rules: memory goes only in `release`, which runs from the loop alone: in CLOSED, or behind an answer of the database;
 * whoever called it must return at once. */
#include "session.h"

#include <stdio.h>
#include <stdlib.h>

#include <event2/buffer.h>

#include "batch.h"
#include "builtin.h"
#include "clock.h"
#include "config.h"
#include "line.h"
#include "log.h"
#include "news.h"
#include "server.h"
#include "stream.h"
#include "watch.h"
#include "window.h"

#define UNSENT_MOST 65536 /* above it no line is taken */
#define UNSENT_FEW 16384  /* below it a list goes on, and notices are sent */
#define JUDGE_MS 600000   /* the certificate is looked at again this often */

enum session_state {
    /* TLS is being agreed on. Nothing is known of the peer, and nothing can be told it. */
    SESSION_HANDSHAKE,
    /* The certificate is good; the database is asked who it speaks for. Nothing is read. */
    SESSION_ADMITTING,
    /* The greeting is sent. Lines are taken, run and answered. */
    SESSION_OPEN,
    /* No line is taken any more. What was asked is still answered; then the last words, if any, are said. */
    SESSION_ENDING,
    /* Nothing more will be written. The stream sends what is left and closes; answers that come home are thrown away.
     */
    SESSION_OVER,
};

struct session {
    struct server *server;
    struct server_client client;
    struct stream *stream;
    enum session_state state;
    struct request_speaker speaker;

    struct window window;
    struct watcher watcher;
    struct batch_item admission;
    struct slice admission_cells[2]; /* certificate and until, as statement_admit has them */
    char until[24];                  /* the second's text */

    const char *bye;    /* the code of the last words; NULL: there are none to say */
    bool input_ends;    /* no more bytes will come, or none that count: what is there is the last */
    bool closed;        /* the stream is gone */
    bool reading;       /* what the stream was last told */
    uint64_t reloads;   /* server->reloads when the certificate was last looked at */
    int64_t judged;     /* monotonic ms at which it was */
    int64_t owes_since; /* monotonic ms at which output was first seen waiting; 0: none waits */
};

static void proceed(struct session *session);

static struct evbuffer *output(struct session *session)
{
    return stream_output(session->stream);
}

static unsigned long long number(const struct session *session)
{
    return (unsigned long long)session->client.number;
}

static void set_state(struct session *session, enum session_state state)
{
    static const char *const names[] = {"handshake", "admitting", "open", "ending", "over"};
    if (session->state == state)
        return;
    log_event(LOG_LEVEL_DEBUG, "state", "connection=%llu from=%s to=%s", number(session), names[session->state],
              names[state]);
    session->state = state;
    if (state == SESSION_OVER)
        watch_end(session->server->watch, &session->watcher);
}

static void set_reading(struct session *session, bool on)
{
    if (session->reading == on)
        return;
    session->reading = on;
    stream_read(session->stream, on);
}

/* ---- the end ---- */

/* Frees the session when nothing holds it any more; true when it did. */
static bool release(struct session *session)
{
    if (!session->closed || !window_is_free(&session->window))
        return false;
    server_leave(session->server, &session->client);
    free(session);
    return true;
}

/* Nothing more is written behind this: closes in order. */
static void finish(struct session *session)
{
    set_state(session, SESSION_OVER);
    window_shut(&session->window);
    stream_flush(session->stream);
    stream_finish(session->stream);
}

/* Ends at once: nothing that was asked is answered any more. */
static void abandon(struct session *session, const char *reason)
{
    log_event(LOG_LEVEL_NOTICE, "abandon", "connection=%llu party=%s reason=\"%s\"", number(session),
              session->speaker.party[0] ? session->speaker.party : "-", reason);
    set_state(session, SESSION_OVER);
    window_shut(&session->window);
    stream_close(session->stream);
}

/* The peer's certificate as an administrator grants it, 64 hex digits; `-` when it has none. */
static const char *fingerprint(const struct session *session, char out[65])
{
    const struct stream_peer *peer = stream_peer(session->stream);
    snprintf(out, 65, "-");
    for (size_t i = 0; i < sizeof peer->fingerprint && peer->verdict != TLS_PEER_NONE; i++)
        snprintf(out + 2 * i, 3, "%02x", peer->fingerprint[i]);
    return out;
}

static void say_last_words(struct session *session)
{
    struct line_writer writer;
    char bytes[LINE_MAX_BYTES], hex[65];
    if (session->bye) {
        const struct proto_reply *reply = proto_reply(STATUS_BYE, slice_of(session->bye));
        line_begin(&writer, bytes, sizeof bytes, "*");
        line_word(&writer, proto_status_word(STATUS_BYE));
        line_put_text(&writer, "code", session->bye);
        if (reply)
            line_put_text(&writer, "text", session->speaker.english ? reply->en : reply->nl);
        size_t len = line_end(&writer);
        if (len == 0 || evbuffer_add(output(session), bytes, len) < 0) {
            abandon(session, "out of memory");
            return;
        }
        log_event(LOG_LEVEL_INFO, "bye", "connection=%llu party=%s code=%s certificate=%s origin=%s", number(session),
                  session->speaker.party[0] ? session->speaker.party : "-", session->bye, fingerprint(session, hex),
                  session->speaker.origin);
    }
    finish(session);
}

/* Ends without waiting for anything that is not in the database yet. */
static void end_now(struct session *session, const char *code)
{
    session->bye = code;
    set_state(session, SESSION_ENDING);
    watch_end(session->server->watch, &session->watcher);
    window_drop(&session->window, code);
}

void session_bye(struct session *session, const char *code)
{
    if (session->state >= SESSION_ENDING || session->bye)
        return;
    if (session->state == SESSION_HANDSHAKE) { /* told when it can be told */
        session->bye = code;
        return;
    }
    if (session->state == SESSION_OPEN && strcmp(code, "draining") == 0) {
        session->bye = code;
        session->input_ends = true;
    } else {
        end_now(session, code);
    }
    proceed(session);
}

/* Whether it speaks as a certificate was granted to. */
static bool speaks_as(const struct session *session, const struct session_certificate *what)
{
    bool same = slice_is(what->party, session->speaker.party);
    if (session->speaker.role == 0) /* it is asked just now */
        return true;
    return same ? session->speaker.role == proto_role_of(what->role) : !what->fingerprint.at;
}

void session_revoke(struct session *session, const struct session_certificate *what)
{
    const struct stream_peer *peer = session->closed ? NULL : stream_peer(session->stream);
    const struct slice print = what->fingerprint, issuer = what->issuer;
    if (session->state == SESSION_HANDSHAKE || session->state >= SESSION_ENDING || !peer)
        return;
    if (print.at && (print.len != sizeof peer->fingerprint || memcmp(print.at, peer->fingerprint, print.len) != 0))
        return;
    if (what->oin.at && !slice_is(what->oin, peer->oin))
        return;
    if (issuer.at && (issuer.len != sizeof peer->issuer || memcmp(issuer.at, peer->issuer, issuer.len) != 0))
        return;
    if (what->party.at && speaks_as(session, what))
        return;
    end_now(session, "revoked");
    proceed(session);
}

void session_tick(struct session *session, int64_t now)
{
    const struct config *config = session->server->config;
    if (session->closed || session->state == SESSION_HANDSHAKE)
        return;
    int64_t since = stream_progress(session->stream);
    if (stream_unsent(session->stream) == 0)
        session->owes_since = 0;
    else if (session->owes_since == 0)
        session->owes_since = now;
    if (session->owes_since > since)
        since = session->owes_since;
    if (session->owes_since > 0 && now - since >= (int64_t)config->limits_unsent * 1000) {
        abandon(session, "it takes nothing of what waits to be sent");
        return;
    }
    if (session->state == SESSION_OPEN && session->window.count == 0 && session->owes_since == 0 &&
        !watch_is_on(&session->watcher) && now - since >= (int64_t)config->limits_idle * 1000)
        session_bye(session, "idle");
}

/* ---- admission ---- */

static const char *verdict_code(enum tls_peer_verdict verdict)
{
    switch (verdict) {
    case TLS_PEER_GOOD:
        return NULL;
    case TLS_PEER_NONE:
        return "no-certificate";
    case TLS_PEER_EXPIRED:
        return "certificate-expired";
    case TLS_PEER_NOT_YET:
        return "certificate-not-yet-valid";
    case TLS_PEER_OTHER_CA:
        return "other-ca";
    case TLS_PEER_REVOKED:
        return "revoked";
    }
    return "no-certificate";
}

bool session_judge(struct session *session, int64_t now)
{
    bool due = session->reloads != session->server->reloads || now - session->judged >= JUDGE_MS;
    if (session->closed || session->state == SESSION_HANDSHAKE || session->state >= SESSION_ENDING || !due)
        return false;
    session->reloads = session->server->reloads;
    session->judged = now;
    if (stream_judge(session->stream, session->server->tls) < 0) /* nothing new is known */
        return true;
    const char *code = verdict_code(stream_peer(session->stream)->verdict);
    if (code) {
        end_now(session, code);
        proceed(session);
    }
    return true;
}

/* The columns of statement_admit behind COLUMN_REPLIES. */
enum admit_column { ADMIT_PARTY = COLUMN_REPLIES, ADMIT_ROLE, ADMIT_LOG, ADMIT_HEAD, ADMIT_TIME };

/* The greeting. 0, or -1 when it could not be written. */
static int greet(struct session *session, struct result *result, size_t row)
{
    struct line_writer writer;
    char bytes[LINE_MAX_BYTES];
    line_begin(&writer, bytes, sizeof bytes, "*");
    line_word(&writer, "buurtaal");
    line_word(&writer, "1");
    line_put_text(&writer, "server", session->server->config->server_name);
    line_put_text(&writer, "party", session->speaker.party);
    line_put_text(&writer, "role", proto_role_name(session->speaker.role));
    line_put_number(&writer, "max-line", LINE_MAX_BYTES);
    line_put_number(&writer, "window", WINDOW_MOST);
    line_put_number(&writer, "cert-days", session->window.certificate_days);
    line_put(&writer, "log", result_value(result, row, ADMIT_LOG));
    line_put(&writer, "head", result_value(result, row, ADMIT_HEAD));
    line_put(&writer, "time", result_value(result, row, ADMIT_TIME));
    size_t len = line_end(&writer);
    return len > 0 && evbuffer_add(output(session), bytes, len) == 0 ? 0 : -1;
}

/* Reads whom the certificate speaks for. NULL, or the code of BYE. */
static const char *read_admission(struct session *session, const struct batch_answer *answer)
{
    struct request_speaker *speaker = &session->speaker;
    if (answer->outcome != BATCH_ROWS)
        return "database";
    struct slice code = result_value(answer->result, answer->first_row, COLUMN_CODE);
    struct slice party = result_value(answer->result, answer->first_row, ADMIT_PARTY);
    if (code.at) {
        const struct proto_reply *reply = proto_reply(STATUS_BYE, code);
        return reply ? reply->code : "not-granted";
    }
    speaker->role = proto_role_of(result_value(answer->result, answer->first_row, ADMIT_ROLE));
    if (!party.at || party.len >= sizeof speaker->party || speaker->role == 0)
        return "not-granted";
    memcpy(speaker->party, party.at, party.len);
    speaker->party[party.len] = '\0';
    return server_join_party(session->server, &session->client, speaker->party) < 0 ? "limit" : NULL;
}

static void on_admission(struct batch_item *item, const struct batch_answer *answer)
{
    struct session *session = (struct session *)((char *)item - offsetof(struct session, admission));
    char hex[65];
    if (release(session))
        return;
    if (session->state != SESSION_ADMITTING) /* told BYE meanwhile */
        return;
    const char *code = read_admission(session, answer);
    if (code) {
        session_bye(session, code);
        return;
    }
    if (greet(session, answer->result, answer->first_row) < 0) {
        abandon(session, "the greeting could not be written");
        return;
    }
    news_saw(session->server->news, slice_number(result_value(answer->result, answer->first_row, ADMIT_LOG)));
    log_event(LOG_LEVEL_INFO, "open", "connection=%llu party=%s role=%s certificate=%s origin=%s", number(session),
              session->speaker.party, proto_role_name(session->speaker.role), fingerprint(session, hex),
              session->speaker.origin);
    set_state(session, SESSION_OPEN);
    proceed(session);
}

/* The handshake is done: looks at the certificate, and asks the database. */
static void on_ready(struct session *session)
{
    const struct stream_peer *peer = stream_peer(session->stream);
    struct request_speaker *speaker = &session->speaker;
    const char *code = session->client.extra ? "limit" : session->bye ? session->bye : verdict_code(peer->verdict);
    memcpy(speaker->origin, peer->origin, sizeof speaker->origin);
    memcpy(speaker->certificate, peer->fingerprint, 32);
    speaker->certificate_len = 32;
    if (peer->oin[0]) {
        memcpy(speaker->certificate + 32, peer->issuer, 32);
        memcpy(speaker->certificate + 64, peer->oin, 20);
        speaker->certificate_len = sizeof speaker->certificate;
    }
    session->window.certificate_days = peer->days;
    set_reading(session, false);
    set_state(session, SESSION_ADMITTING);
    session->bye = NULL;
    if (code) {
        session_bye(session, code);
        return;
    }
    int len = snprintf(session->until, sizeof session->until, "%lld", (long long)peer->until);
    session->admission_cells[0] = (struct slice){(const char *)speaker->certificate, speaker->certificate_len};
    session->admission_cells[1] = (struct slice){session->until, (size_t)len};
    session->admission =
        (struct batch_item){.command = &statement_admit, .cells = session->admission_cells, .answer = on_admission};
    code = batch_add(session->server->batch, &session->window.source, &session->admission);
    if (code)
        session_bye(session, strcmp(code, "database") == 0 ? "database" : "limit");
}

/* ---- lines ---- */

/* Looks for a line in the first bytes of the input; brings them together only when the first piece does not hold one.
 */
static enum line_verdict find_line(struct evbuffer *input, const char **bytes, size_t *end)
{
    size_t len = evbuffer_get_length(input), piece = evbuffer_get_contiguous_space(input);
    *bytes = NULL;
    if (len == 0)
        return LINE_PART;
    if (piece > 0) {
        *bytes = (const char *)evbuffer_pullup(input, (ev_ssize_t)piece);
        enum line_verdict verdict = line_take(*bytes, piece, end);
        if (verdict != LINE_PART || piece == len)
            return verdict;
    }
    len = len < LINE_MAX_BYTES ? len : LINE_MAX_BYTES;
    *bytes = (const char *)evbuffer_pullup(input, (ev_ssize_t)len);
    return *bytes ? line_take(*bytes, len, end) : LINE_PART;
}

static bool has_room(const struct session *session)
{
    return session->window.count < WINDOW_MOST && stream_unsent(session->stream) <= UNSENT_MOST;
}

/* Takes one line; false when there is none to take. */
static bool take_line(struct session *session)
{
    struct evbuffer *input = stream_input(session->stream);
    const char *bytes;
    size_t end = 0;
    enum line_verdict verdict = find_line(input, &bytes, &end);
    if (verdict == LINE_PART && !bytes && evbuffer_get_length(input) > 0) {
        abandon(session, "out of memory");
        return false;
    }
    if (verdict == LINE_PART) {
        if (session->input_ends)
            set_state(session, SESSION_ENDING);
        return false;
    }
    if (verdict == LINE_WHOLE && window_keep(&session->window, (struct slice){bytes, end})) {
        evbuffer_drain(input, end + 1);
        return true;
    }
    struct request *request =
        verdict == LINE_WHOLE ? request_new(bytes, end, &session->speaker, session->server->seal) : request_bad_line();
    if (!request) {
        abandon(session, "out of memory");
        return false;
    }
    bool last = !request->fault.code && request->line.command->kind == KIND_BUILTIN && builtin_is_last(request);
    window_add(&session->window, request);
    if (verdict == LINE_BAD) {
        session->bye = NULL; /* BAD line is the last word */
        set_state(session, SESSION_ENDING);
        return false;
    }
    evbuffer_drain(input, end + 1);
    if (last) {
        session->bye = NULL;
        set_state(session, SESSION_ENDING);
    }
    return true;
}

/* All that can be done now. Does not free the session. */
static void proceed(struct session *session)
{
    if (session->closed)
        return;
    do {
        if (session->window.disowned && session->state == SESSION_OPEN) /* the news would tell it, later */
            end_now(session, "revoked");
        while (session->state == SESSION_OPEN && has_room(session) && take_line(session))
            ;
        if (session->state == SESSION_OVER)
            return;
    } while (window_run(&session->window, stream_unsent(session->stream) <= UNSENT_FEW));
    if (session->window.broken) {
        abandon(session, "out of memory");
        return;
    }
    if (session->state == SESSION_ENDING && session->window.count == 0) {
        say_last_words(session);
        return;
    }
    if (session->state == SESSION_OPEN && window_is_between(&session->window) &&
        audience_fill(&session->watcher, output(session), UNSENT_FEW) < 0) {
        abandon(session, "out of memory");
        return;
    }
    set_reading(session, session->state == SESSION_OPEN && !session->input_ends && has_room(session));
    stream_flush(session->stream);
}

static void on_answered(struct window *window)
{
    struct session *session = (struct session *)((char *)window - offsetof(struct session, window));
    if (release(session) || session->state == SESSION_OVER)
        return;
    proceed(session);
}

/* There are notices, or a `watch` can be answered. */
static void on_notices(struct watcher *watcher)
{
    struct session *session = (struct session *)((char *)watcher - offsetof(struct session, watcher));
    if (session->state != SESSION_OVER)
        proceed(session);
}

static void on_stream(struct stream *stream, enum stream_event event, void *owner)
{
    struct session *session = owner;
    char reason[200];
    switch (event) {
    case STREAM_READY:
        on_ready(session);
        return;
    case STREAM_PEER_ENDED:
        session->input_ends = true;
        break;
    case STREAM_CLOSED:
        log_event(LOG_LEVEL_INFO, "end", "connection=%llu reason=%s origin=%s", number(session),
                  log_quote(reason, sizeof reason, stream_reason(stream)), stream_peer(stream)->origin);
        session->closed = true;
        set_state(session, SESSION_OVER);
        window_shut(&session->window);
        (void)release(session);
        return;
    case STREAM_INPUT:
    case STREAM_DRAINED:
        break;
    }
    if (session->state != SESSION_OVER)
        proceed(session);
}

struct session *session_new(struct server *server, int fd, bool limit)
{
    struct session *session = calloc(1, sizeof *session);
    if (!session) {
        evutil_closesocket(fd);
        return NULL;
    }
    session->server = server;
    session->reading = true;
    session->reloads = server->reloads;
    session->judged = clock_monotonic();
    session->stream = stream_open(server->base, server->tls, fd, server->config->limits_handshake, on_stream, session);
    if (!session->stream) {
        free(session);
        return NULL;
    }
    watch_init(&session->watcher, on_notices);
    window_init(&session->window, server, &session->client, &session->speaker, &session->watcher, output(session),
                on_answered);
    server_join(server, &session->client, session, limit);
    session->speaker.number = session->client.number;
    return session;
}
