/* Steps of the peers: what they say and hear, how their connections begin and end; and what all steps share. */
#include "steps.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "batch.h"
#include "line.h"
#include "session.h"
#include "statement.h"

/* ---- comparing ---- */

/* Whether `text` is as `pattern` says, in which `...` stands for anything. */
bool step_like(const char *pattern, const char *text)
{
    const char *gap = strstr(pattern, "...");
    if (!gap)
        return strcmp(pattern, text) == 0;
    size_t len = (size_t)(gap - pattern);
    if (strncmp(pattern, text, len) != 0)
        return false;
    for (text += len, pattern = gap + 3; *text; text++)
        if (step_like(pattern, text))
            return true;
    return step_like(pattern, text);
}

const char *step_wrong(struct play *play, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(play->why, sizeof play->why, format, values);
    va_end(values);
    return play->why;
}

/* Writes `text` with {n} as a number and \xHH as a byte. The length. */
size_t step_expand(const char *text, int n, char *out, size_t room)
{
    size_t len = 0;
    while (*text && len + 24 < room)
        if (strncmp(text, "{n}", 3) == 0) {
            len += (size_t)sprintf(out + len, "%d", n);
            text += 3;
        } else if (strncmp(text, "\\x", 2) == 0 && isxdigit((unsigned char)text[2]) &&
                   isxdigit((unsigned char)text[3])) {
            char hex[3] = {text[2], text[3], '\0'};
            out[len++] = (char)strtol(hex, NULL, 16);
            text += 4;
        } else {
            out[len++] = *text++;
        }
    out[len] = '\0';
    return len;
}

/* ---- what peers say and hear ---- */

const char *step_say(struct play *play, const char *text, int n)
{
    char bytes[TEXT_MOST];
    size_t len = step_expand(text, n, bytes, sizeof bytes - 1);
    bytes[len++] = '\n';
    evbuffer_add(play->peer->sent, bytes, len);
    return NULL;
}

/* Bytes without LF; `word xN` says the word N times. */
const char *step_say_bytes(struct play *play, const char *text, int n)
{
    char bytes[TEXT_MOST];
    size_t len = step_expand(text, n, bytes, sizeof bytes);
    evbuffer_add(play->peer->sent, bytes, len);
    return NULL;
}

const char *step_hear(struct play *play, const char *text, int n)
{
    char pattern[TEXT_MOST];
    step_expand(text, n, pattern, sizeof pattern);
    size_t len;
    char *line = evbuffer_readln(play->peer->heard, &len, EVBUFFER_EOL_LF);
    if (!line)
        return step_wrong(play, "expected: %s\n         got: nothing", pattern);
    bool good = len < LINE_MAX_BYTES && step_like(pattern, line);
    if (!good)
        step_wrong(play, "expected: %.300s\n         got: %.*s", pattern, (int)(len < 300 ? len : 300), line);
    free(line);
    return good ? NULL : play->why;
}

const char *step_silent(struct play *play, const char *text, int n)
{
    (void)text;
    (void)n;
    size_t len = evbuffer_get_length(play->peer->heard);
    if (len == 0)
        return NULL;
    return step_wrong(play, "expected: nothing\n         got: %.*s", (int)(len < 300 ? len : 300),
                      (const char *)evbuffer_pullup(play->peer->heard, -1));
}

const char *step_over(struct play *play, const char *text, int n)
{
    static const char *const names[] = {"open", "closed", "aborted", "cut"};
    const char *left = step_silent(play, "", 0);
    (void)n;
    if (left)
        return left;
    const char *is = names[play->peer->end];
    return strcmp(is, text) == 0 ? NULL
                                 : step_wrong(play, "expected: the connection is %s\n         got: %s", text, is);
}

/* ---- the life of a connection ---- */

static int verdict_of(struct slice word)
{
    static const char *const words[] = {"good", "none", "expired", "not-yet", "other-ca", "revoked"};
    for (size_t i = 0; i < COUNT(words); i++)
        if (slice_is(word, words[i]))
            return (int)i;
    return -1;
}

/* `N verdict=... oin=... days=...`, or `limit`: accepted, not yet agreed on TLS. */
const char *step_handshake(struct play *play, const char *text, int n)
{
    char bytes[TEXT_MOST];
    struct line_cursor cursor = {bytes, bytes + snprintf(bytes, sizeof bytes, "with%s%s", *text ? " " : "", text)};
    struct slice name, value;
    struct stream_peer *who = &play->peer->who;
    bool limit = false;
    int kind;
    (void)n;
    memset(who->fingerprint, 0x10 + play->number, sizeof who->fingerprint);
    memset(who->issuer, 0xca, sizeof who->issuer);
    snprintf(who->origin, sizeof who->origin, "127.0.0.1:5000%d", play->number);
    while ((kind = line_part(&cursor, &name, &value)) > 0) {
        if (kind == 2)
            limit |= slice_is(name, "limit");
        else if (slice_is(name, "verdict") && verdict_of(value) >= 0)
            who->verdict = (enum tls_peer_verdict)verdict_of(value);
        else if (slice_is(name, "oin"))
            snprintf(who->oin, sizeof who->oin, "%.*s", (int)value.len, value.at);
        else if (slice_is(name, "days"))
            who->days = atoi(value.at);
    }
    play->peer->bytewise = play->manner->bytewise;
    if (!session_new(&play->world.server, play->number - 1, limit))
        return "no session";
    return NULL;
}

/* The verdict on its certificate from now on, as after some time or other settings. */
const char *step_verdict(struct play *play, const char *text, int n)
{
    int verdict = verdict_of(slice_of(text));
    (void)n;
    if (verdict < 0)
        return "no such verdict";
    play->peer->who.verdict = (enum tls_peer_verdict)verdict;
    return NULL;
}

const char *step_ready(struct play *play, const char *text, int n)
{
    (void)text;
    (void)n;
    fake_ready(play->peer);
    return NULL;
}

const char *step_open_peer(struct play *play, const char *text, int n)
{
    const char *fault = step_handshake(play, text, n);
    return fault ? fault : step_ready(play, text, n);
}

static void set(struct result *result, const char *name, const char *value)
{
    fake_set(result, 0, name, RESULT_TEXT, slice_of(value));
}

/* Opens, is admitted as `role` of `party`, and hears the greeting. */
const char *step_connect_peer(struct play *play, const char *text, int n)
{
    char party[65] = "25LU", role[16] = "roc";
    const char *fault = step_open_peer(play, "", n);
    if (fault)
        return fault;
    sscanf(text, "%64s %15s", party, role);
    world_settle(&play->world);
    struct db *db = fake_db(false);
    struct fake_batch *batch = fake_db_batch(db);
    if (!batch || batch->commands[0] != &statement_admit)
        return "the database was not asked for admission";
    fake_row(batch, &batch->request[0]);
    set(batch->results[0], "party", party);
    set(batch->results[0], "role", role);
    set(batch->results[0], "log", "100");
    set(batch->results[0], "head", "00ff");
    set(batch->results[0], "time", "2027-04-02T10:00:00.5+02:00");
    fake_db_done(db, DB_DONE, "");
    world_settle(&play->world);
    return step_hear(play, "* buurtaal 1 server=registry ...", 0);
}

const char *step_end_peer(struct play *play, const char *text, int n)
{
    (void)n;
    if (strcmp(text, "cut") == 0)
        fake_cut(play->peer);
    else if (strcmp(text, "choke") == 0)
        fake_choke(play->peer);
    else
        play->peer->ended = true;
    return NULL;
}

const char *step_stuck(struct play *play, const char *text, int n)
{
    (void)n;
    play->peer->stuck = strcmp(text, "stuck") == 0;
    return NULL;
}

const char *step_reading(struct play *play, const char *text, int n)
{
    bool is = fake_reading(play->peer);
    (void)n;
    return is == (strcmp(text, "yes") == 0)
               ? NULL
               : step_wrong(play, "expected: reading %s\n         got: %s", text, is ? "yes" : "no");
}
