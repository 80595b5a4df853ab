/* Steps of the database: what it holds, what comes of it. */
#include "steps.h"

#include <stdio.h>
#include <stdlib.h>

#include "line.h"
#include "seal.h"
#include "statement.h"

static const char *kind_name(const struct fake_batch *batch)
{
    switch (batch->kind) {
    case DB_READ:
        return "read";
    case DB_WRITE:
        return "write";
    case DB_REHEARSAL:
        return "rehearsal";
    case DB_BLOCK:
        break;
    }
    return !batch->ends ? "block" : batch->stays ? "keep" : "undo";
}

/* What a connection holds, as `write register*2 withdraw number=5`. */
static void describe(struct fake_batch *batch, bool with_number, char *out, size_t room)
{
    size_t len = (size_t)snprintf(out, room, "%s", batch ? kind_name(batch) : "nothing");
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

const char *step_asked(struct play *play, const char *text, int n)
{
    char found[4096];
    (void)n;
    if (strcmp(text, "nothing") == 0) {
        for (int write = 0; write < 2; write++) {
            describe(fake_db_batch(fake_db(write)), false, found, sizeof found);
            if (fake_db_batch(fake_db(write)))
                return step_wrong(play, "expected: nothing in the database\n         got: %s", found);
        }
        return NULL;
    }
    play->db = fake_db(strncmp(text, "read", 4) != 0);
    describe(fake_db_batch(play->db), strstr(text, "number=") != NULL, found, sizeof found);
    return strcmp(found, text) == 0 ? NULL : step_wrong(play, "expected: %s\n         got: %s", text, found);
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
const char *step_params(struct play *play, const char *text, int n)
{
    char bytes[TEXT_MOST], found[LINE_MAX_BYTES], pattern[LINE_MAX_BYTES], name[64];
    struct line_cursor cursor = {bytes, bytes + step_expand(text, n, bytes, sizeof bytes)};
    struct fake_batch *batch = play->db ? fake_db_batch(play->db) : NULL;
    struct slice word, value;
    size_t which = strtoul(text, NULL, 10);
    if (!batch || which == 0 || which > batch->requests || line_part(&cursor, &word, &value) != 2)
        return "there is no such request in the database";
    struct fake_request *request = &batch->request[which - 1];
    while (line_part(&cursor, &word, &value) == 1) {
        struct slice *cell = cell_of(request, word);
        if (!cell)
            return step_wrong(play, "no parameter %.*s", (int)word.len, word.at);
        snprintf(name, sizeof name, "%.*s", (int)word.len, word.at);
        snprintf(pattern, sizeof pattern, "%.*s", (int)value.len, value.at);
        show_cell(play, request, name, *cell, pattern[0] == '~', found, sizeof found);
        if (!step_like(pattern, found))
            return step_wrong(play, "expected: %s=%s\n         got: %s", name, pattern, found);
    }
    return NULL;
}

/* Sets one value of a row: `~text` is sealed, `~!text` is sealed for another object, `@N` is the fingerprint of peer N,
 * `@ca` that of the issuer. */
static bool set_value(struct play *play, struct result *result, size_t row, const char *name, struct slice value,
                      struct slice student)
{
    uint8_t sealed[LINE_MAX_BYTES + SEAL_OVERHEAD];
    if (value.len > 1 && value.at[0] == '@') {
        int peer = atoi(value.at + 1);
        const uint8_t *bytes = peer ? fake_peers[peer - 1].who.fingerprint : fake_peers[0].who.issuer;
        return fake_set(result, row, name, RESULT_BYTES, (struct slice){(const char *)bytes, 32});
    }
    if (value.len > 1 && value.at[0] == '~') {
        bool astray = value.at[1] == '!';
        struct slice text = {value.at + 1 + astray, value.len - 1 - astray};
        struct slice object = astray ? SLICE("another") : object_for(name, student);
        size_t len = seal_close(play->world.server.seal, name, object, text, sealed);
        return len > 0 && fake_set(result, row, name, RESULT_BYTES, (struct slice){(const char *)sealed, len});
    }
    bool yesno = strcmp(name, "repeated") == 0 || strcmp(name, "amended") == 0;
    if (yesno)
        value = slice_is(value, "yes") ? SLICE("t") : SLICE("f");
    return fake_set(result, row, name, yesno ? RESULT_BOOLEAN : RESULT_TEXT, value);
}

/* `N name=value ...`: a row of the answer to request N; `none` instead of values: the row that says there is none. */
const char *step_row(struct play *play, const char *text, int n)
{
    char bytes[TEXT_MOST], name[64];
    uint8_t student[LINE_MAX_BYTES + SEAL_OVERHEAD];
    struct fake_batch *batch = play->db ? fake_db_batch(play->db) : NULL;
    struct slice word, value, object = {0};
    int kind;
    size_t len = step_expand(text, n, bytes, sizeof bytes), which = strtoul(bytes, NULL, 10);
    struct line_cursor cursor = {bytes, bytes + len};
    if (!batch || which == 0 || which > batch->requests || line_part(&cursor, &word, &value) != 2)
        return "there is no such request in the database";
    struct fake_request *request = &batch->request[which - 1];
    struct result *result = batch->results[request->call];
    size_t at = fake_row(batch, request);
    while ((kind = line_part(&cursor, &word, &value)) > 0) {
        snprintf(name, sizeof name, "%.*s", (int)word.len, word.at);
        if (kind == 2 && strcmp(name, "none") == 0) {
            fake_set(result, at, "present", RESULT_BOOLEAN, (struct slice){0});
            continue;
        }
        if (strcmp(name, "student") == 0 && value.len > 1) {
            len = seal_close(play->world.server.seal, name, (struct slice){0},
                             (struct slice){value.at + 1, value.len - 1}, student);
            object = (struct slice){(const char *)student, len};
        }
        if (kind != 1 || !set_value(play, result, at, name, value, object))
            return step_wrong(play, "no column %s, or no such value", name);
    }
    return NULL;
}

const char *step_outcome(struct play *play, const char *text, int n)
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
const char *step_database(struct play *play, const char *text, int n)
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
