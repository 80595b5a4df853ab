/* Sends a list of writes until each is answered.
 *
 * It goes in rounds over what is not answered yet. A round sends as far as the registry's window allows and takes
 * answers in order; it ends when all are answered, when a BUSY was told (then nothing more is sent, what is under way
 * is awaited), or when the connection is lost. Limits: ATTEMPTS rounds that bring nothing end it; between them 1, 2, 4
 * ... 30 seconds, or what BUSY asks for. */
#include "tool_sending.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>

#include "tool_client.h"
#include "tool_memory.h"

#define ATTEMPTS 8
#define PAUSE_MOST 30
#define SILENCE_SECONDS 60

struct round {
    const struct profile *profile;
    const struct sending *sending;
    struct client *client;
    bool *answered; /* by request */
    size_t done;
    size_t *flying; /* a ring of the requests under way, as large as the window */
    size_t first, count, window;
    size_t next;    /* the next request to look at */
    unsigned retry; /* seconds that a BUSY asks for; 0: none was told */
    time_t heard;   /* when something last came, or was first waited for */
};

static time_t seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static void settle(struct round *round, size_t i)
{
    round->answered[i] = true;
    round->done++;
}

/* Sends while there is room in the window and for the bytes. */
static void send_some(struct round *round)
{
    char line[LINE_MAX_BYTES];
    while (round->retry == 0 && round->next < round->sending->count && round->count < round->window) {
        size_t i = round->next;
        if (!round->answered[i]) {
            size_t len = round->sending->make(round->sending->own, i, line);
            if (len == 0) {
                settle(round, i);
            } else {
                /* The window's worth of lines may be more than the client holds. */
                if (client_room(round->client) < len || client_write(round->client, line, len) != len)
                    return;
                round->flying[(round->first + round->count++) % round->window] = i;
            }
        }
        round->next++;
    }
}

static bool answers(const struct round *round, const struct answer *answer, size_t i)
{
    char tag[16];
    snprintf(tag, sizeof tag, "%u", round->sending->tag(round->sending->own, i));
    return slice_is(answer_field(answer, "tag"), tag);
}

/* Takes one status line. */
static void take(struct round *round, const struct answer *answer)
{
    size_t i = round->count ? round->flying[round->first] : 0;
    if (round->count == 0 || !answers(round, answer, i)) {
        client_give_up(round->client, CLIENT_PROTOCOL, text_of(round->profile->lang, TEXT_CLIENT_PROTOCOL));
        return;
    }
    round->first = (round->first + 1) % round->window;
    round->count--;
    if (answer->kind == ANSWER_BUSY) {
        uint64_t asked = slice_number(answer_field(answer, "retry"));
        unsigned retry = asked < 1 ? 1 : asked > PAUSE_MOST ? PAUSE_MOST : (unsigned)asked;
        if (retry > round->retry)
            round->retry = retry;
        return;
    }
    settle(round, i);
    round->sending->answered(round->sending->own, i, answer);
}

static void take_some(struct round *round)
{
    char line[LINE_MAX_BYTES];
    size_t len;
    while (client_take(round->client, line, &len) == 1) {
        struct answer answer;
        if (answer_read(line, len, &answer) < 0)
            client_give_up(round->client, CLIENT_PROTOCOL, text_of(round->profile->lang, TEXT_CLIENT_PROTOCOL));
        else if (answer_is_status(&answer))
            take(round, &answer);
        round->heard = seconds_now();
    }
}

/* One round on an open connection. */
static void go_round(struct round *round)
{
    round->next = round->first = round->count = 0;
    round->retry = 0;
    round->heard = seconds_now();
    while (client_fault(round->client) == CLIENT_FINE) {
        send_some(round);
        take_some(round);
        if (round->sending->progress)
            round->sending->progress(round->sending->own, round->done);
        if (round->count == 0 && (round->retry > 0 || round->next == round->sending->count))
            return;
        if (client_ended(round->client))
            client_give_up(round->client, CLIENT_LOST, text_of(round->profile->lang, TEXT_CLIENT_ENDED));
        else if (seconds_now() - round->heard >= SILENCE_SECONDS)
            client_give_up(round->client, CLIENT_LOST, text_of(round->profile->lang, TEXT_CLIENT_SILENT));
        client_step(round->client, -1, 1000);
    }
}

static void open_client(struct round *round)
{
    client_close(round->client);
    round->client = client_open(round->profile);
    if (client_fault(round->client) == CLIENT_FINE) {
        round->window = client_window(round->client);
        round->flying = memory_grow(round->flying, round->window, sizeof *round->flying);
    }
}

int sending_run(const struct profile *profile, const struct sending *sending)
{
    struct round round = {.profile = profile, .sending = sending};
    unsigned pause = 1, attempts = 0;
    int status = EX_OK;
    round.answered = memory_get(sending->count, sizeof *round.answered);
    open_client(&round);
    for (;;) {
        size_t before = round.done;
        if (client_fault(round.client) == CLIENT_FINE)
            go_round(&round);
        if (round.done == sending->count)
            break;
        if (round.done > before) {
            attempts = 0;
            pause = 1;
        }
        enum client_fault fault = client_fault(round.client);
        bool never_connected = round.window == 0;
        if ((fault != CLIENT_FINE && !client_may_retry(fault)) || ++attempts == ATTEMPTS || never_connected) {
            bool later = fault == CLIENT_FINE || client_may_retry(fault);
            text_tell(profile->lang, later ? TEXT_SENDING_STOPS : TEXT_PLAIN,
                      fault != CLIENT_FINE ? client_why(round.client) : text_of(profile->lang, TEXT_SENDING_BUSY));
            status = fault != CLIENT_FINE ? client_status(fault) : EX_TEMPFAIL;
            break;
        }
        unsigned wait = fault == CLIENT_FINE && round.retry > pause ? round.retry : pause;
        if (fault != CLIENT_FINE)
            text_tell(profile->lang, TEXT_SENDING_AGAIN, client_why(round.client), wait);
        (void)poll(NULL, 0, (int)wait * 1000);
        pause = pause * 2 > PAUSE_MOST ? PAUSE_MOST : pause * 2;
        if (fault != CLIENT_FINE)
            open_client(&round);
    }
    client_close(round.client);
    free(round.answered);
    free(round.flying);
    return status;
}
