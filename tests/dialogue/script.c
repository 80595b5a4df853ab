/* Plays dialogues. The file is read into steps; each step is one function in a table, which says NULL or what is wrong. */
#include "script.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "batch.h"
#include "line.h"
#include "news.h"
#include "proto.h"
#include "seal.h"
#include "session.h"
#include "statement.h"
#include "world.h"

#define TEXT_MOST 20000

/* One playing of a dialogue. */
struct play {
    struct world world;
    const struct manner *manner;
    struct db *db;          /* the connection of the last `D:` */
    struct fake_peer *peer; /* of this step */
    int number;             /* of that peer, from 1 */
    bool settled;
    char why[TEXT_MOST + 512]; /* what is wrong */
};

/* ---- reading a file ---- */

static void *need(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

struct dialogue *script_load(const char *path, size_t *count)
{
    static char line[TEXT_MOST];
    struct dialogue *found = NULL;
    FILE *file = fopen(path, "r");
    *count = 0;
    if (!file) {
        perror(path);
        exit(1);
    }
    for (int number = 1; fgets(line, sizeof line, file); number++) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "== ", 3) == 0) {
            found = need(realloc(found, (*count + 1) * sizeof *found));
            found[(*count)++] = (struct dialogue){need(strdup(path)), need(strdup(line + 3)), NULL, 0};
        } else if (line[0] && line[0] != '#') {
            if (!found) {
                fprintf(stderr, "%s:%d: a step before the first `== name`\n", path, number);
                exit(1);
            }
            struct dialogue *last = &found[*count - 1];
            last->steps = need(realloc(last->steps, (last->count + 1) * sizeof *last->steps));
            last->steps[last->count++] = (struct step){number, need(strdup(line))};
        }
    }
    fclose(file);
    return found;
}

void script_free(struct dialogue *dialogues, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < dialogues[i].count; j++)
            free(dialogues[i].steps[j].text);
        free(dialogues[i].steps);
        free(dialogues[i].file);
        free(dialogues[i].name);
    }
    free(dialogues);
}

/* ---- comparing ---- */

/* Whether `text` is as `pattern` says, in which `...` stands for anything. */
static bool like(const char *pattern, const char *text)
{
    const char *gap = strstr(pattern, "...");
    if (!gap)
        return strcmp(pattern, text) == 0;
    size_t len = (size_t)(gap - pattern);
    if (strncmp(pattern, text, len) != 0)
        return false;
    for (text += len, pattern = gap + 3; *text; text++)
        if (like(pattern, text))
            return true;
    return like(pattern, text);
}

static const char *wrong(struct play *play, const char *format, ...) PRINTF(2, 3);

static const char *wrong(struct play *play, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(play->why, sizeof play->why, format, values);
    va_end(values);
    return play->why;
}

/* ---- what peers say and hear ---- */

/* Writes `text` with {n} as a number and \xHH as a byte. The length. */
static size_t expand(const char *text, int n, char *out, size_t room)
{
    size_t len = 0;
    while (*text && len + 24 < room)
        if (strncmp(text, "{n}", 3) == 0) {
            len += (size_t)sprintf(out + len, "%d", n);
            text += 3;
        } else if (strncmp(text, "\\x", 2) == 0 && isxdigit((unsigned char)text[2]) && isxdigit((unsigned char)text[3])) {
            char hex[3] = {text[2], text[3], '\0'};
            out[len++] = (char)strtol(hex, NULL, 16);
            text += 4;
        } else {
            out[len++] = *text++;
        }
    out[len] = '\0';
    return len;
}

static const char *say(struct play *play, const char *text, int n)
{
    char bytes[TEXT_MOST];
    size_t len = expand(text, n, bytes, sizeof bytes - 1);
    bytes[len++] = '\n';
    evbuffer_add(play->peer->sent, bytes, len);
    return NULL;
}

/* Bytes without LF; `word xN` says the word N times. */
static const char *say_bytes(struct play *play, const char *text, int n)
{
    char bytes[TEXT_MOST];
    size_t len = expand(text, n, bytes, sizeof bytes);
    evbuffer_add(play->peer->sent, bytes, len);
    return NULL;
}

static const char *hear(struct play *play, const char *text, int n)
{
    char pattern[TEXT_MOST];
    expand(text, n, pattern, sizeof pattern);
    size_t len;
    char *line = evbuffer_readln(play->peer->heard, &len, EVBUFFER_EOL_LF);
    if (!line)
        return wrong(play, "expected: %s\n         got: nothing", pattern);
    bool good = len < LINE_MAX_BYTES && like(pattern, line);
    if (!good)
        wrong(play, "expected: %.300s\n         got: %.*s", pattern, (int)(len < 300 ? len : 300), line);
    free(line);
    return good ? NULL : play->why;
}

static const char *silent(struct play *play, const char *text, int n)
{
    (void)text;
    (void)n;
    size_t len = evbuffer_get_length(play->peer->heard);
    if (len == 0)
        return NULL;
    return wrong(play, "expected: nothing\n         got: %.*s", (int)(len < 300 ? len : 300),
                 (const char *)evbuffer_pullup(play->peer->heard, -1));
}

static const char *over(struct play *play, const char *text, int n)
{
    static const char *const names[] = {"open", "closed", "aborted", "cut"};
    const char *left = silent(play, "", 0);
    (void)n;
    if (left)
        return left;
    const char *is = names[play->peer->end];
    return strcmp(is, text) == 0 ? NULL : wrong(play, "expected: the connection is %s\n         got: %s", text, is);
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
static const char *handshake(struct play *play, const char *text, int n)
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

static const char *ready(struct play *play, const char *text, int n)
{
    (void)text;
    (void)n;
    fake_ready(play->peer);
    return NULL;
}

static const char *open_peer(struct play *play, const char *text, int n)
{
    const char *fault = handshake(play, text, n);
    return fault ? fault : ready(play, text, n);
}

static void set(struct db_result *result, const char *name, const char *value)
{
    fake_set(result, 0, name, DB_TEXT, slice_of(value));
}

/* Opens, is admitted as `role` of `party`, and hears the greeting. */
static const char *connect_peer(struct play *play, const char *text, int n)
{
    char party[65] = "25LU", role[16] = "roc";
    const char *fault = open_peer(play, "", n);
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
    return hear(play, "* buurtaal 1 server=registry ...", 0);
}

static const char *end_peer(struct play *play, const char *text, int n)
{
    (void)n;
    if (strcmp(text, "cut") == 0)
        fake_cut(play->peer);
    else
        play->peer->ended = true;
    return NULL;
}

static const char *stuck(struct play *play, const char *text, int n)
{
    (void)n;
    play->peer->stuck = strcmp(text, "stuck") == 0;
    return NULL;
}

static const char *reading(struct play *play, const char *text, int n)
{
    bool is = fake_reading(play->peer);
    (void)n;
    return is == (strcmp(text, "yes") == 0) ? NULL : wrong(play, "expected: reading %s\n         got: %s", text, is ? "yes" : "no");
}

/* ---- the database ---- */

static const char *kind_name(enum db_kind kind)
{
    return kind == DB_READ ? "read" : kind == DB_WRITE ? "write" : "rehearsal";
}

/* What a connection holds, as `write register*2 withdraw number=5`. */
static void describe(struct fake_batch *batch, bool with_number, char *out, size_t room)
{
    size_t len = (size_t)snprintf(out, room, "%s", batch ? kind_name(batch->kind) : "nothing");
    for (size_t i = 0; batch && i < batch->calls; i++) {
        size_t rows = 0;
        for (size_t j = 0; j < batch->requests; j++)
            rows += batch->request[j].call == i;
        len += (size_t)snprintf(out + len, room - len, " %s", batch->commands[i]->verb);
        if (rows > 1)
            len += (size_t)snprintf(out + len, room - len, "*%zu", rows);
    }
    if (batch && with_number)
        snprintf(out + len, room - len, " number=%llu", (unsigned long long)batch->number);
}

static const char *asked(struct play *play, const char *text, int n)
{
    char found[4096];
    (void)n;
    if (strcmp(text, "nothing") == 0) {
        for (int write = 0; write < 2; write++) {
            describe(fake_db_batch(fake_db(write)), false, found, sizeof found);
            if (fake_db_batch(fake_db(write)))
                return wrong(play, "expected: nothing in the database\n         got: %s", found);
        }
        return NULL;
    }
    play->db = fake_db(strncmp(text, "read", 4) != 0);
    describe(fake_db_batch(play->db), strstr(text, "number=") != NULL, found, sizeof found);
    return strcmp(found, text) == 0 ? NULL : wrong(play, "expected: %s\n         got: %s", text, found);
}

/* A parameter by its name. */
static struct slice *cell_of(struct fake_request *request, struct slice name)
{
    static const char *const leads[] = {"party", "role", "certificate", "origin", "fields"};
    const struct proto_command *command = request->command;
    size_t lead = request->cell_count - command->field_count;
    for (size_t i = 0; i < lead; i++)
        if (slice_is(name, leads[i]))
            return &request->cells[i];
    for (size_t i = 0; i < command->field_count; i++)
        if (slice_is(name, command->fields[i].name))
            return &request->cells[lead + i];
    return NULL;
}

/* What a sealed value of this request or row is bound to: nothing for a person's key, else the student's hash. */
static struct slice object_for(const char *name, struct slice student)
{
    if (strcmp(name, "student") == 0 || strcmp(name, "eckid") == 0 || student.len < SEAL_HASH_BYTES)
        return (struct slice){0};
    return (struct slice){student.at, SEAL_HASH_BYTES};
}

/* The cell as text: opened where it is sealed, `@N` for the fingerprint of peer N, `-` for NULL. */
static void show_cell(struct play *play, struct fake_request *request, const char *name, struct slice cell, bool sealed,
                      char *out, size_t room)
{
    struct slice *student = cell_of(request, SLICE("student"));
    char text[LINE_MAX_BYTES];
    size_t len;
    for (int i = 0; cell.at && cell.len >= 32 && i < PEERS_MOST; i++)
        if (fake_peers[i].stream && memcmp(cell.at, fake_peers[i].who.fingerprint, 32) == 0) {
            snprintf(out, room, "@%d+%zu", i + 1, cell.len - 32);
            return;
        }
    if (!cell.at) {
        snprintf(out, room, "-");
    } else if (sealed) {
        len = seal_open(play->world.server.seal, name, object_for(name, student ? *student : (struct slice){0}), cell,
                        (uint8_t *)text);
        snprintf(out, room, "~%.*s", (int)len, len ? text : "");
    } else {
        snprintf(out, room, "%.*s", (int)cell.len, cell.at);
    }
}

/* `N name=value ...`: what request N of the batch hands over. */
static const char *params(struct play *play, const char *text, int n)
{
    char bytes[TEXT_MOST], found[LINE_MAX_BYTES], pattern[LINE_MAX_BYTES], name[64];
    struct line_cursor cursor = {bytes, bytes + expand(text, n, bytes, sizeof bytes)};
    struct fake_batch *batch = play->db ? fake_db_batch(play->db) : NULL;
    struct slice word, value;
    size_t which = strtoul(text, NULL, 10);
    if (!batch || which == 0 || which > batch->requests || line_part(&cursor, &word, &value) != 2)
        return "there is no such request in the database";
    struct fake_request *request = &batch->request[which - 1];
    while (line_part(&cursor, &word, &value) == 1) {
        struct slice *cell = cell_of(request, word);
        if (!cell)
            return wrong(play, "no parameter %.*s", (int)word.len, word.at);
        snprintf(name, sizeof name, "%.*s", (int)word.len, word.at);
        snprintf(pattern, sizeof pattern, "%.*s", (int)value.len, value.at);
        show_cell(play, request, name, *cell, pattern[0] == '~', found, sizeof found);
        if (!like(pattern, found))
            return wrong(play, "expected: %s=%s\n         got: %s", name, pattern, found);
    }
    return NULL;
}

/* Sets one value of a row: `~text` is sealed, `~!text` is sealed for another object, `@N` is the fingerprint of peer N,
 * `@ca` that of the issuer. */
static bool set_value(struct play *play, struct db_result *result, size_t row, const char *name, struct slice value,
                      struct slice student)
{
    uint8_t sealed[LINE_MAX_BYTES + SEAL_OVERHEAD];
    if (value.len > 1 && value.at[0] == '@') {
        int peer = atoi(value.at + 1);
        const uint8_t *bytes = peer ? fake_peers[peer - 1].who.fingerprint : fake_peers[0].who.issuer;
        return fake_set(result, row, name, DB_BYTES, (struct slice){(const char *)bytes, 32});
    }
    if (value.len > 1 && value.at[0] == '~') {
        bool astray = value.at[1] == '!';
        struct slice text = {value.at + 1 + astray, value.len - 1 - astray};
        struct slice object = astray ? SLICE("another") : object_for(name, student);
        size_t len = seal_close(play->world.server.seal, name, object, text, sealed);
        return len > 0 && fake_set(result, row, name, DB_BYTES, (struct slice){(const char *)sealed, len});
    }
    bool yesno = strcmp(name, "repeated") == 0 || strcmp(name, "amended") == 0;
    if (yesno)
        value = slice_is(value, "yes") ? SLICE("t") : SLICE("f");
    return fake_set(result, row, name, yesno ? DB_BOOLEAN : DB_TEXT, value);
}

/* `N name=value ...`: a row of the answer to request N; `none` instead of values: the row that says there is none. */
static const char *row(struct play *play, const char *text, int n)
{
    char bytes[TEXT_MOST], name[64];
    uint8_t student[LINE_MAX_BYTES + SEAL_OVERHEAD];
    struct fake_batch *batch = play->db ? fake_db_batch(play->db) : NULL;
    struct slice word, value, object = {0};
    int kind;
    size_t len = expand(text, n, bytes, sizeof bytes), which = strtoul(bytes, NULL, 10);
    struct line_cursor cursor = {bytes, bytes + len};
    if (!batch || which == 0 || which > batch->requests || line_part(&cursor, &word, &value) != 2)
        return "there is no such request in the database";
    struct fake_request *request = &batch->request[which - 1];
    struct db_result *result = batch->results[request->call];
    size_t at = fake_row(batch, request);
    while ((kind = line_part(&cursor, &word, &value)) > 0) {
        snprintf(name, sizeof name, "%.*s", (int)word.len, word.at);
        if (kind == 2 && strcmp(name, "none") == 0) {
            fake_set(result, at, "present", DB_BOOLEAN, (struct slice){0});
            continue;
        }
        if (strcmp(name, "student") == 0 && value.len > 1) {
            len = seal_close(play->world.server.seal, name, (struct slice){0}, (struct slice){value.at + 1, value.len - 1}, student);
            object = (struct slice){(const char *)student, len};
        }
        if (kind != 1 || !set_value(play, result, at, name, value, object))
            return wrong(play, "no column %s, or no such value", name);
    }
    return NULL;
}

static const char *outcome(struct play *play, const char *text, int n)
{
    char word[16] = "", state[16] = "";
    (void)n;
    sscanf(text, "%15s %5s", word, state);
    if (!play->db || !fake_db_batch(play->db))
        return "there is nothing in the database";
    if (strcmp(word, "done") == 0)
        fake_db_done(play->db, DB_DONE, "");
    else if (strcmp(word, "lost") == 0)
        fake_db_done(play->db, DB_LOST, "");
    else
        fake_db_done(play->db, DB_FAILED, state);
    return NULL;
}

/* `up write`, `down read`, `up`, `down`: the connections to the database. */
static const char *database(struct play *play, const char *text, int n)
{
    char word[16] = "", which[16] = "";
    (void)play;
    (void)n;
    sscanf(text, "%15s %15s", word, which);
    if (strcmp(which, "read") != 0)
        fake_db_state(fake_db(true), strcmp(word, "up") == 0);
    if (strcmp(which, "write") != 0)
        fake_db_state(fake_db(false), strcmp(word, "up") == 0);
    return NULL;
}

/* ---- the daemon ---- */

static const char *wait_seconds(struct play *play, const char *text, int n)
{
    (void)n;
    world_wait(&play->world, atoi(text));
    return NULL;
}

static const char *drain(struct play *play, const char *text, int n)
{
    struct server_client *client;
    (void)text;
    (void)n;
    TAILQ_FOREACH(client, &play->world.server.clients, link)
        session_bye(client->session, "draining");
    return NULL;
}

static const char *news(struct play *play, const char *text, int n)
{
    (void)text;
    (void)n;
    news_tick(play->world.server.news);
    return NULL;
}

static const char *logged(struct play *play, const char *text, int n)
{
    char pattern[TEXT_MOST], *copy = need(strdup(fake_log)), *rest = copy, *line;
    bool found = false;
    (void)n;
    snprintf(pattern, sizeof pattern, "%s", text);
    while (!found && (line = strsep(&rest, "\n")))
        found = like(pattern, line);
    free(copy);
    return found ? NULL : wrong(play, "expected in the log: %s\n         got:\n%s", text, fake_log);
}

static const char *configured(struct play *play, const char *text, int n)
{
    (void)play; /* read before all else */
    (void)text;
    (void)n;
    return NULL;
}

/* ---- playing ---- */

/* A step is `WORD[PEER][*COUNT]: REST`, or a word that is handed over whole. */
static const struct {
    const char *word;
    const char *(*play)(struct play *play, const char *text, int n);
    bool whole;   /* it gets the word too */
    bool gathers; /* what it says is read together with what the next steps say */
} verbs[] = {
    {"C", say, false, true},           {"B", say_bytes, false, true},       {"S", hear, false, false},
    {"silent", silent, false, false},  {"closed", over, true, false},       {"aborted", over, true, false},
    {"open", over, true, false},       {"handshake", handshake, false, false}, {"ready", ready, false, false},
    {"peer", open_peer, false, false}, {"connect", connect_peer, false, false}, {"ends", end_peer, true, true},
    {"cut", end_peer, true, false},    {"stuck", stuck, true, false},       {"takes", stuck, true, false},
    {"reading", reading, false, false}, {"D", asked, false, false},         {"P", params, false, false},
    {"A", row, false, false},          {"done", outcome, true, false},      {"fail", outcome, true, false},
    {"lost", outcome, true, false},    {"up", database, true, false},       {"down", database, true, false},
    {"wait", wait_seconds, false, false}, {"drain", drain, false, false},   {"news", news, false, false},
    {"L", logged, false, false},       {"config", configured, false, false},
};

static const char *play_step(struct play *play, const char *text)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    const char *rest = text + len;
    int peer = 1, count = 1;
    if (isdigit((unsigned char)*rest))
        peer = *rest++ - '0';
    if (*rest == '*')
        count = (int)strtol(rest + 1, (char **)&rest, 10);
    rest += *rest == ':';
    rest += *rest == ' ';
    if (peer < 1 || peer > PEERS_MOST)
        return "no such peer";
    play->number = peer;
    play->peer = &fake_peers[peer - 1];
    for (size_t i = 0; i < COUNT(verbs); i++) {
        if (strlen(verbs[i].word) != len || strncmp(verbs[i].word, text, len) != 0)
            continue;
        char whole[TEXT_MOST];
        snprintf(whole, sizeof whole, "%.*s%s%s", (int)len, text, *rest ? " " : "", rest);
        if (!verbs[i].gathers && !play->settled)
            world_settle(&play->world);
        const char *fault = NULL;
        for (int n = 1; n <= count && !fault; n++)
            fault = verbs[i].play(play, verbs[i].whole ? whole : rest, n);
        play->settled = false;
        return fault;
    }
    return "no such step";
}

/* `config waiting=3 waiting-age=2 party=1 ...` */
static void read_config(const struct dialogue *dialogue, struct config *config)
{
    world_defaults(config);
    for (size_t i = 0; i < dialogue->count; i++) {
        const char *text = dialogue->steps[i].text, *found;
        if (strncmp(text, "config ", 7) != 0)
            continue;
        if ((found = strstr(text, "waiting=")))
            config->limits_waiting = atoi(found + 8);
        if ((found = strstr(text, "waiting-age=")))
            config->limits_waiting_age = atoi(found + 12);
        if ((found = strstr(text, "party=")))
            config->limits_party = atoi(found + 6);
    }
}

static int complain(const struct dialogue *dialogue, const struct manner *manner, const struct step *step, const char *why)
{
    printf("%s:%d: %s%s\n    step:     %s\n    %s\n", dialogue->file, step ? step->line : 0, dialogue->name,
           manner->bytewise ? " (byte by byte)" : "", step ? step->text : "the end", why);
    return -1;
}

/* Whether anything was left that the dialogue did not look at. */
static const char *leftovers(struct play *play)
{
    for (size_t i = 0; i < PEERS_MOST; i++) {
        play->peer = &fake_peers[i];
        const char *fault = silent(play, "", 0);
        if (fault)
            return fault;
    }
    return asked(play, "nothing", 0);
}

int script_play(const struct dialogue *dialogue, const struct manner *manner)
{
    static struct play play;
    struct config config;
    const char *fault = NULL;
    size_t i;
    read_config(dialogue, &config);
    play = (struct play){.manner = manner};
    world_begin(&play.world, &config);
    for (i = 0; i < dialogue->count && i < manner->steps && !fault; i++) {
        fault = play_step(&play, dialogue->steps[i].text);
        if (!fault && world_leak(&play.world))
            fault = wrong(&play, "personal data left unsealed or was logged: %s", world_leak(&play.world));
    }
    if (!fault)
        world_settle(&play.world);
    if (!fault && manner->steps == SIZE_MAX)
        fault = leftovers(&play);
    int result = fault ? complain(dialogue, manner, i > 0 ? &dialogue->steps[i - 1] : NULL, fault) : 0;
    const char *left = world_end(&play.world, (unsigned)i);
    if (left && !fault)
        result = complain(dialogue, manner, NULL, left);
    return result;
}
