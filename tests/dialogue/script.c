/* Reads files of dialogues into steps, and plays them; each step is a function in the table below. */
#include "script.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "news.h"
#include "session.h"
#include "steps.h"

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

static const char *reload(struct play *play, const char *text, int n)
{
    (void)text;
    (void)n;
    play->world.server.reloads++;
    return NULL;
}

static const char *logged(struct play *play, const char *text, int n)
{
    char pattern[TEXT_MOST], *copy = need(strdup(fake_log)), *rest = copy, *line;
    bool found = false;
    (void)n;
    snprintf(pattern, sizeof pattern, "%s", text);
    while (!found && (line = strsep(&rest, "\n")))
        found = step_like(pattern, line);
    free(copy);
    return found ? NULL : step_wrong(play, "expected in the log: %s\n         got:\n%s", text, fake_log);
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
    {"C", step_say, false, true},
    {"B", step_say_bytes, false, true},
    {"S", step_hear, false, false},
    {"silent", step_silent, false, false},
    {"closed", step_over, true, false},
    {"aborted", step_over, true, false},
    {"open", step_over, true, false},
    {"handshake", step_handshake, false, false},
    {"verdict", step_verdict, false, false},
    {"ready", step_ready, false, false},
    {"peer", step_open_peer, false, false},
    {"connect", step_connect_peer, false, false},
    {"ends", step_end_peer, true, true},
    {"cut", step_end_peer, true, false},
    {"choke", step_end_peer, true, false},
    {"stuck", step_stuck, true, false},
    {"takes", step_stuck, true, false},
    {"reading", step_reading, false, false},
    {"D", step_asked, false, false},
    {"P", step_params, false, false},
    {"A", step_row, false, false},
    {"done", step_outcome, true, false},
    {"fail", step_outcome, true, false},
    {"lost", step_outcome, true, false},
    {"up", step_database, true, false},
    {"down", step_database, true, false},
    {"wait", wait_seconds, false, false},
    {"drain", drain, false, false},
    {"news", news, false, false},
    {"reload", reload, false, false},
    {"L", logged, false, false},
    {"config", configured, false, false},
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

static int complain(const struct dialogue *dialogue, const struct manner *manner, const struct step *step,
                    const char *why)
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
        const char *fault = step_silent(play, "", 0);
        if (fault)
            return fault;
    }
    return step_asked(play, "nothing", 0);
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
            fault = step_wrong(&play, "personal data left unsealed or was logged: %s", world_leak(&play.world));
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
