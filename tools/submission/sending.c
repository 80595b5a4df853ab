/* Sends a stream of writes until each is answered.
 *
 * It goes in rounds over what is not answered yet. A round sends as far as the registry's window allows and takes
 * answers in order; it ends when all are answered, when a BUSY was told (then nothing more is sent, what is under way
 * is awaited), or when the connection is lost. Limit: FLIGHTS requests, of which the registry's window is a part, are
 * in memory. */
#include "tool_sending.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "tool_client.h"
#include "tool_memory.h"

#define FLIGHTS 4096

struct flight {
    void *item;
    char *line; /* NULL: nothing to send */
    size_t len;
    unsigned tag;
    bool settled;
};

/* Flights are numbered from 0 as they come; of those from `head` to `tail`, which a ring holds, the round has sent the
 * ones before `sent` and been answered those before `told`. Settled ones are skipped by both. */
struct round {
    const struct sending *sending;
    struct retry *retry;
    struct flight *ring;
    uint64_t head, told, sent, tail;
    unsigned flying;
    unsigned busy; /* seconds that a BUSY asks for; 0: none was told */
    bool ended;    /* there is no next */
    time_t heard;  /* when something last came, or was first waited for */
    size_t done;
};

static struct flight *at(const struct round *round, uint64_t number)
{
    return &round->ring[number % FLIGHTS];
}

static void leave_first(struct round *round)
{
    struct flight *flight = at(round, round->head++);
    free(flight->line);
    if (round->sending->leave)
        round->sending->leave(round->sending->own, flight->item);
}

static void leave_settled(struct round *round)
{
    while (round->head < round->tail && at(round, round->head)->settled)
        leave_first(round);
    if (round->told < round->head)
        round->told = round->head;
    if (round->sent < round->head)
        round->sent = round->head;
}

/* Takes the next item into the ring. False when there is none, or no room. */
static bool pull(struct round *round)
{
    char line[LINE_MAX_BYTES];
    if (round->ended || round->tail - round->head == FLIGHTS)
        return false;
    struct flight *flight = at(round, round->tail);
    *flight = (struct flight){.item = NULL};
    flight->len = round->sending->next(round->sending->own, line, &flight->tag, &flight->item);
    if (flight->len == 0 && !flight->item) {
        round->ended = true;
        return false;
    }
    flight->settled = flight->len == 0;
    if (flight->len > 0) {
        flight->line = memory_get(flight->len, 1);
        memcpy(flight->line, line, flight->len);
    }
    round->tail++;
    return true;
}

/* Sends while there is room in the window and for the bytes. */
static void send_some(struct round *round)
{
    struct client *client = round->retry->client;
    while (round->busy == 0 && round->flying < client_window(client)) {
        if (round->sent == round->tail && !pull(round))
            return;
        struct flight *flight = at(round, round->sent);
        if (!flight->settled) {
            /* The window's worth of lines may be more than the client holds. */
            if (client_room(client) < flight->len || client_write(client, flight->line, flight->len) != flight->len)
                return;
            round->flying++;
        }
        round->sent++;
        leave_settled(round);
    }
}

static void say_protocol(struct round *round)
{
    client_give_up(round->retry->client, CLIENT_PROTOCOL, text_of(round->retry->profile->lang, TEXT_CLIENT_PROTOCOL));
}

/* Takes one status line. */
static void take(struct round *round, const struct answer *answer)
{
    char tag[16];
    while (round->told < round->sent && at(round, round->told)->settled)
        round->told++;
    struct flight *flight = at(round, round->told);
    snprintf(tag, sizeof tag, "%u", flight->tag);
    if (round->told == round->sent || !slice_is(answer_field(answer, "tag"), tag)) {
        say_protocol(round);
        return;
    }
    round->told++;
    round->flying--;
    if (answer->kind == ANSWER_BUSY) {
        unsigned asked = retry_seconds(answer);
        round->busy = asked > round->busy ? asked : round->busy;
        return;
    }
    if (retry_is_barred(round->retry->client, answer))
        return;
    flight->settled = true;
    round->done++;
    round->sending->answered(round->sending->own, flight->item, answer);
    leave_settled(round);
}

static void take_some(struct round *round)
{
    char line[LINE_MAX_BYTES];
    size_t len;
    while (client_take(round->retry->client, line, &len) == 1) {
        struct answer answer;
        if (answer_read(line, len, &answer) < 0)
            say_protocol(round);
        else if (answer_is_status(&answer))
            take(round, &answer);
        round->heard = retry_now();
    }
}

/* One round on an open connection. Whether it was the last: all is answered. */
static bool go_round(struct round *round)
{
    struct client *client = round->retry->client;
    round->told = round->sent = round->head;
    round->flying = round->busy = 0;
    round->heard = retry_now();
    while (client_fault(client) == CLIENT_FINE) {
        send_some(round);
        take_some(round);
        if (round->sending->progress)
            round->sending->progress(round->sending->own);
        if (round->flying == 0 && round->busy > 0)
            return false;
        if (round->flying == 0 && round->ended && round->head == round->tail)
            return true;
        retry_watch(client, round->heard, round->retry->profile->lang);
        client_step(client, -1, 1000);
    }
    return false;
}

int sending_run(struct retry *retry, const struct sending *sending)
{
    struct round round = {.sending = sending, .retry = retry, .ring = memory_get(FLIGHTS, sizeof *round.ring)};
    int status = EX_OK;
    retry_begin(retry);
    while (status == EX_OK) {
        size_t before = round.done;
        if (go_round(&round))
            break;
        sending_hide(sending);
        status = retry_again(retry, round.busy, round.done > before);
    }
    while (round.head < round.tail)
        leave_first(&round);
    free(round.ring);
    return status;
}
