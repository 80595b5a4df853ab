/* Conversations from bytes: what peers say, when, and what comes of it in the database, all as the input has it, in the
 * world of the dialogues' fakes. What must hold whatever happens:
 *   - every line of the daemon is a line of the protocol, the greeting first, nothing after BYE, no notice inside a
 * reply;
 *   - a request has at most one status, in the order of requests (their tags count up), and exactly one when its
 * connection lives and the database has answered all;
 *   - at the end nothing is left: no session, no place of a party, no request. */
#include <stdio.h>
#include <stdlib.h>

#include "../dialogue/world.h"
#include "batch.h"
#include "line.h"
#include "news.h"
#include "session.h"

#define PEERS 3

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* What was said and heard on one connection. */
struct account {
    struct fake_peer *peer;
    size_t lines, statuses; /* with an LF; answers */
    unsigned asked, heard;  /* the number in the last tag */
    bool greeted, in_reply, over;
};

struct input {
    const uint8_t *at, *end;
};

static void fail(const char *why, const char *line, size_t len)
{
    fprintf(stderr, "fuzz_session: %s: %.*s\n", why, (int)len, line);
    abort();
}

static unsigned take(struct input *input)
{
    return input->at < input->end ? *input->at++ : 0;
}

/* ---- what peers say ---- */

/* Raw bytes cannot forge the tags that are counted: those begin with a Q, and have no other. */
static void say_raw(struct account *account, struct input *input)
{
    char bytes[256];
    size_t len = take(input);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (char)take(input);
        if (bytes[i] == 'Q')
            bytes[i] = 'q';
        account->lines += bytes[i] == '\n';
    }
    evbuffer_add(account->peer->sent, bytes, len);
}

static void say_known(struct account *account, struct input *input)
{
    static const char *const lines[] = {
        "withdraw session=S1 student=0912345",
        "withdraw session=S1 student=0912345 check=yes",
        "register session=S1 student=0912345 name=\"Jansen, Jan\" born=2008-03-14",
        "register session=S2 student=0912345 name=\"Jansen, Jan\" born=2008-03-14 seen=4",
        "institutions",
        "institutions limit=2",
        "registrations student=0912345",
        "progress by=month",
        "ping",
        "help verb=register",
        "hello lang=en",
        "fly",
        "target year=2027 language=de rung=seated count=1",
        "quit",
    };
    unsigned which = take(input) % COUNT(lines);
    evbuffer_add_printf(account->peer->sent, "%s tag=Q%u\n", lines[which], ++account->asked);
    account->lines++;
}

/* ---- what they hear ---- */

static void hear_status(struct account *account, struct line_cursor *cursor, const char *line, size_t len)
{
    struct slice name, value;
    int kind;
    account->statuses++;
    account->in_reply = false;
    if (account->statuses > account->lines + 1) /* BAD line may answer what has no LF */
        fail("more answers than requests", line, len);
    while ((kind = line_part(cursor, &name, &value)) > 0)
        if (kind == 1 && slice_is(name, "tag") && value.len > 1 && value.at[0] == 'Q') {
            unsigned number = (unsigned)slice_number((struct slice){value.at + 1, value.len - 1});
            if (number <= account->heard || number > account->asked)
                fail("an answer out of order", line, len);
            account->heard = number;
        }
    if (kind < 0)
        fail("not the form of a reply", line, len);
}

static void hear_line(struct account *account, char *line, size_t len)
{
    char copy[LINE_MAX_BYTES];
    struct line_cursor cursor = {copy, copy + len};
    struct slice word, value;
    memcpy(copy, line, len);
    if (account->over)
        fail("something behind BYE", line, len);
    if (line[0] == '*') {
        if (account->in_reply)
            fail("a notice inside a reply", line, len);
        account->over = len >= 5 && memcmp(line, "* BYE", 5) == 0;
        account->greeted = true;
        return;
    }
    if (!account->greeted)
        fail("an answer before the greeting", line, len);
    if (line[0] == '=') {
        account->in_reply = true;
        return;
    }
    if (line_part(&cursor, &word, &value) != 2)
        fail("not the form of a reply", line, len);
    hear_status(account, &cursor, line, len);
}

static void hear(struct account *account)
{
    char *line;
    size_t len, end;
    while ((line = evbuffer_readln(account->peer->heard, &len, EVBUFFER_EOL_LF))) {
        line[len] = '\n';
        if (line_take(line, len + 1, &end) != LINE_WHOLE || end != len)
            fail("not a line", line, len);
        line[len] = '\0';
        hear_line(account, line, len);
        free(line);
    }
    if (evbuffer_get_length(account->peer->heard) > 0)
        fail("half a line", "", 0);
}

/* ---- what the database says ---- */

static void answer_admission(struct fake_batch *batch, const struct fake_request *request, unsigned how)
{
    struct result *result = batch->results[request->call];
    size_t row = fake_row(batch, request);
    fake_set(result, row, "log", RESULT_TEXT, SLICE("100"));
    fake_set(result, row, "party", RESULT_TEXT, SLICE("25LU"));
    fake_set(result, row, "role", RESULT_TEXT, how % 8 == 7 ? SLICE("king") : SLICE("roc"));
    if (how % 8 == 6)
        fake_set(result, row, "no", RESULT_TEXT, SLICE("not-granted"));
}

static void answer_row(struct fake_batch *batch, const struct fake_request *request, unsigned how, struct input *input)
{
    struct result *result = batch->results[request->call];
    size_t row = fake_row(batch, request);
    char odd[4] = {(char)take(input), (char)take(input), 'x', '\0'};
    fake_set(result, row, "at", RESULT_TEXT, SLICE("101"));
    if (how & 1)
        fake_set(result, row, "after", RESULT_TEXT, SLICE("t"));
    if (how & 2)
        fake_set(result, row, "state", RESULT_TEXT, slice_of(odd));
    if (how & 4)
        fake_set(result, row, "student", RESULT_BYTES, slice_of(odd));
    if (how & 8)
        fake_set(result, row, "name", RESULT_TEXT, SLICE("a name"));
    if ((how & 0x30) == 0x30)
        fake_set(result, row, "no", RESULT_TEXT, how & 0x40 ? SLICE("bored") : SLICE("full"));
    if ((how & 0x30) == 0x20)
        fake_set(result, row, "present", RESULT_BOOLEAN, (struct slice){0});
}

/* Rows for one request: mostly one; none, two, or a page and a bit where the input says so. */
static void answer_request(struct fake_batch *batch, const struct fake_request *request, struct input *input)
{
    static const size_t counts[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 2, 3, 500};
    unsigned how = take(input), amount = take(input) % 16;
    if (strcmp(request->command->verb, "admit") == 0) {
        answer_admission(batch, request, how);
        return;
    }
    size_t count = proto_is_write(request->command) && amount == 15 ? 1 : counts[amount];
    for (size_t i = 0; i < count; i++)
        answer_row(batch, request, how, input);
}

static void answer(struct db *db, unsigned how, struct input *input)
{
    static const char *const states[] = {"40001", "40P01", "53200", "57P01", "25006",
                                         "23505", "22P02", "XX000", "BT001"};
    struct fake_batch *batch = fake_db_batch(db);
    if (!batch)
        return;
    if (how % 4 == 1) {
        fake_db_done(db, DB_FAILED, states[take(input) % COUNT(states)]);
    } else if (how % 4 == 2) {
        fake_db_done(db, DB_LOST, "");
    } else {
        for (size_t i = 0; i < batch->requests; i++)
            answer_request(batch, &batch->request[i], input);
        fake_db_done(db, DB_DONE, "");
    }
}

/* ---- the world ---- */

static void revoke(struct world *world, const struct account *account)
{
    struct server_client *client;
    struct slice fingerprint = {(const char *)account->peer->who.fingerprint, 32};
    TAILQ_FOREACH(client, &world->server.clients, link)
    session_revoke(client->session, &(struct session_certificate){.fingerprint = fingerprint});
}

static void drain(struct world *world)
{
    struct server_client *client;
    TAILQ_FOREACH(client, &world->server.clients, link)
    session_bye(client->session, "draining");
}

static void act(struct world *world, struct account *account, struct input *input)
{
    unsigned what = take(input);
    switch (what % 16) {
    case 0:
        say_raw(account, input);
        break;
    case 1 ... 5:
        say_known(account, input);
        break;
    case 6 ... 9:
        world_settle(world);
        answer(fake_db(what & 16), what >> 5, input);
        break;
    case 10:
        fake_db_state(fake_db(what & 16), what & 32);
        break;
    case 11:
        account->peer->stuck = what & 16;
        break;
    case 12:
        world_wait(world, (int)(what >> 4));
        break;
    case 13:
        if (what & 16)
            news_tick(world->server.news);
        else if (what & 32)
            drain(world);
        else
            revoke(world, account);
        break;
    case 14:
        if (what & 16)
            fake_cut(account->peer);
        else
            account->peer->ended = true;
        break;
    case 15:
        account->peer->bytewise = what & 16;
        break;
    }
}

/* Answers all that is asked; then who still lives has an answer for every line. */
static void come_to_rest(struct world *world, struct account *accounts)
{
    struct input nothing = {NULL, NULL};
    bool busy = true;
    for (size_t i = 0; i < PEERS; i++)
        accounts[i].peer->stuck = false;
    for (int i = 0; busy && i < 10000; i++) {
        fake_db_state(fake_db(true), true);
        fake_db_state(fake_db(false), true);
        world_settle(world);
        busy = fake_db_batch(fake_db(true)) || fake_db_batch(fake_db(false));
        answer(fake_db(true), 0, &nothing);
        answer(fake_db(false), 0, &nothing);
    }
    if (busy)
        fail("no end", "", 0);
    for (size_t i = 0; i < PEERS; i++) {
        hear(&accounts[i]);
        if (accounts[i].peer->stream && accounts[i].statuses != accounts[i].lines)
            fail("a request without an answer", "", 0);
        if (accounts[i].peer->stream && accounts[i].in_reply)
            fail("a reply without a status", "", 0);
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    world_prepare();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct input input = {bytes, bytes + len};
    struct account accounts[PEERS] = {0};
    struct world world;
    struct config config;
    world_defaults(&config);
    config.limits_waiting = 1 + (int)take(&input);
    world_begin(&world, &config);
    for (size_t i = 0; i < PEERS; i++) {
        accounts[i].peer = &fake_peers[i];
        memset(fake_peers[i].who.fingerprint, (int)i + 1, 32);
        if (!session_new(&world.server, (int)i, false))
            abort();
        fake_ready(&fake_peers[i]);
    }
    while (input.at < input.end) {
        unsigned whose = take(&input);
        act(&world, &accounts[whose % PEERS], &input);
        if (whose & 128)
            world_settle(&world);
        for (size_t i = 0; i < PEERS; i++)
            hear(&accounts[i]);
    }
    come_to_rest(&world, accounts);
    const char *left = world_end(&world, (unsigned)len);
    if (left)
        fail(left, "", 0);
    return 0;
}
