/* A daemon without its outside. */
#define _GNU_SOURCE /* memmem */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "batch.h"
#include "clock.h"
#include "log.h"
#include "news.h"
#include "key_file.h"
#include "seal.h"
#include "session.h"
#include "watch.h"

static struct seal *keys;

/* The personal values that dialogues use. None may leave unsealed, and none may be logged. */
static const char *const personal[] = {"Jansen", "0912345", "2008-03-14", "ketenid.nl", "extra tijd"};

static void *need(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

void world_prepare(void)
{
    char folder[] = "/tmp/buurtaal-dialogue-XXXXXX", path[64], why[256];
    need(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/keys", folder);
    if (key_file_make(path, why, sizeof why) == 0)
        keys = seal_load(path, why, sizeof why);
    unlink(path);
    rmdir(folder);
    need(keys);
}

void world_cleanup(void)
{
    seal_free(keys);
}

void world_defaults(struct config *config)
{
    *config = (struct config){
        .server_name = "registry",
        .limits_handshake = 10,
        .limits_idle = 600,
        .limits_unsent = 60,
        .limits_party = 256,
        .limits_waiting = 20000,
        .limits_waiting_age = 2,
    };
}

void world_begin(struct world *world, const struct config *config)
{
    char why[256];
    *world = (struct world){.config = *config};
    fake_now = 1000;
    fake_log_clear();
    fake_peers_begin();
    world->base = need(event_base_new());
    world->server = (struct server){.base = world->base, .config = &world->config, .seal = keys};
    LIST_INIT(&world->server.parties);
    TAILQ_INIT(&world->server.clients);
    world->server.batch = need(batch_new(world->base, &world->config, "", why, sizeof why));
    world->server.news = need(news_new(&world->server));
    world->server.watch = need(watch_new(&world->server));
}

void world_settle(struct world *world)
{
    do {
        while (fake_streams_turn())
            ;
        if (event_base_get_num_events(world->base, EVENT_BASE_COUNT_ACTIVE | EVENT_BASE_COUNT_ADDED) > 0)
            event_base_loop(world->base, EVLOOP_NONBLOCK);
        else
            return;
    } while (true);
}

void world_wait(struct world *world, int seconds)
{
    for (int i = 0; i < seconds; i++) {
        struct server_client *client;
        fake_now += 1000;
        TAILQ_FOREACH(client, &world->server.clients, link)
        {
            session_tick(client->session, fake_now);
            (void)session_judge(client->session, fake_now);
        }
        batch_tick(world->server.batch);
        watch_tick(world->server.watch);
        world_settle(world);
    }
}

static bool holds(struct slice bytes, const char *text)
{
    return bytes.at && memmem(bytes.at, bytes.len, text, strlen(text)) != NULL;
}

const char *world_leak(struct world *world)
{
    (void)world;
    for (size_t i = 0; i < COUNT(personal); i++) {
        if (strstr(fake_log, personal[i]))
            return personal[i];
        for (int write = 0; write < 2; write++) {
            struct fake_batch *batch = fake_db_batch(fake_db(write));
            for (size_t r = 0; batch && r < batch->requests; r++)
                for (size_t c = 0; c < batch->request[r].cell_count; c++)
                    if (holds(batch->request[r].cells[c], personal[i]))
                        return personal[i];
        }
    }
    return NULL;
}

/* Gives each request of a batch a row. */
static void answer_all(struct fake_batch *batch)
{
    for (size_t i = 0; i < batch->requests; i++) {
        struct result *result = batch->results[batch->request[i].call];
        size_t row = fake_row(batch, &batch->request[i]);
        fake_set(result, row, "at", RESULT_TEXT, SLICE("7"));
        fake_set(result, row, "after", RESULT_TEXT, SLICE("t"));
    }
}

/* Answers what a connection of the database holds; each time another outcome is next. */
static bool drain(struct db *db, unsigned *variant)
{
    struct fake_batch *batch = fake_db_batch(db);
    if (!batch)
        return false;
    switch ((*variant)++ % 4) {
    case 0:
        answer_all(batch);
        fake_db_done(db, DB_DONE, "");
        break;
    case 1:
        fake_db_done(db, DB_FAILED, "23505");
        break;
    case 2:
        fake_db_done(db, DB_LOST, "");
        break;
    default:
        fake_db_done(db, DB_FAILED, "57014");
        break;
    }
    return true;
}

const char *world_end(struct world *world, unsigned variant)
{
    const char *fault = NULL;
    for (size_t i = 0; i < PEERS_MOST; i++)
        fake_cut(&fake_peers[i]);
    world_settle(world);
    for (bool busy = true; busy; world_settle(world)) {
        fake_db_state(fake_db(true), true);
        fake_db_state(fake_db(false), true);
        world_settle(world);
        busy = drain(fake_db(true), &variant);
        busy = drain(fake_db(false), &variant) || busy;
    }
    if (!TAILQ_EMPTY(&world->server.clients))
        fault = "a session outlived its connection and the database";
    else if (!LIST_EMPTY(&world->server.parties))
        fault = "a party's place was not given back";
    else if (world->server.block_bytes > 0)
        fault = "the memory of a block was not given back";
    else if (!batch_idle(world->server.batch))
        fault = "a request outlived its session";
    batch_free(world->server.batch);
    news_free(world->server.news);
    watch_free(world->server.watch);
    fake_peers_end();
    event_base_free(world->base);
    return fault;
}
