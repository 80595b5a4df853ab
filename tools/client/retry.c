/* Keeps a connection alive through what passes: a registry that restarts, a network that breaks, BUSY.
 *
 * Limits: ATTEMPTS rounds that bring nothing end it; between them 1, 2, 4 ... 30 seconds, or what BUSY asks for. A
 * registry that was never reached is not waited for: whoever sits there can do more about it. */
#include "tool_retry.h"

#include <poll.h>
#include <stdlib.h>
#include <sysexits.h>

#define ATTEMPTS 8
#define PAUSE_MOST 30
#define SILENCE_SECONDS 60

static int give_up(const struct retry *retry, enum client_fault fault)
{
    bool later = fault == CLIENT_FINE || client_may_retry(fault);
    const char *why =
        fault == CLIENT_FINE ? text_of(retry->profile->lang, TEXT_SENDING_BUSY) : client_why(retry->client);
    text_tell(retry->profile->lang, later ? TEXT_SENDING_STOPS : TEXT_PLAIN, why);
    return fault == CLIENT_FINE ? EX_TEMPFAIL : client_status(fault);
}

int retry_open(struct retry *retry, const struct profile *profile)
{
    *retry = (struct retry){.profile = profile, .client = client_open(profile), .pause = 1};
    enum client_fault fault = client_fault(retry->client);
    return fault == CLIENT_FINE ? EX_OK : give_up(retry, fault);
}

void retry_close(struct retry *retry)
{
    client_close(retry->client);
    retry->client = NULL;
}

void retry_renew(struct retry *retry)
{
    struct profile hushed = *retry->profile;
    hushed.quiet = true; /* what the first connection noted is not noted again */
    client_close(retry->client);
    retry->client = client_open(&hushed);
}

void retry_begin(struct retry *retry)
{
    retry->attempts = 0;
    retry->pause = 1;
}

int retry_again(struct retry *retry, unsigned busy_seconds, bool moved)
{
    const enum text_lang lang = retry->profile->lang;
    if (moved)
        retry_begin(retry);
    for (;;) {
        enum client_fault fault = client_fault(retry->client);
        if ((fault != CLIENT_FINE && !client_may_retry(fault)) || ++retry->attempts == ATTEMPTS)
            return give_up(retry, fault);
        unsigned wait = fault == CLIENT_FINE && busy_seconds > retry->pause ? busy_seconds : retry->pause;
        if (fault != CLIENT_FINE)
            text_tell(lang, TEXT_SENDING_AGAIN, client_why(retry->client), wait);
        else if (!moved)
            text_tell(lang, TEXT_SENDING_AGAIN, text_of(lang, TEXT_SENDING_BUSY), wait);
        (void)poll(NULL, 0, (int)wait * 1000);
        retry->pause = retry->pause * 2 > PAUSE_MOST ? PAUSE_MOST : retry->pause * 2;
        if (fault != CLIENT_FINE)
            retry_renew(retry);
        if (client_fault(retry->client) == CLIENT_FINE)
            return EX_OK;
    }
}

unsigned retry_seconds(const struct answer *busy)
{
    uint64_t asked = slice_number(answer_field(busy, "retry"));
    return asked < 1 ? 1 : asked > PAUSE_MOST ? PAUSE_MOST : (unsigned)asked;
}

bool retry_is_barred(struct client *client, const struct answer *answer)
{
    if (answer->kind != ANSWER_NO || !(slice_is(answer->word, "role") || slice_is(answer->word, "revoked")))
        return false;
    char *words = client_words(client, answer);
    client_give_up(client, CLIENT_REFUSED, words);
    free(words);
    return true;
}

time_t retry_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

void retry_watch(struct client *client, time_t heard, enum text_lang lang)
{
    if (client_ended(client))
        client_give_up(client, CLIENT_LOST, text_of(lang, TEXT_CLIENT_ENDED));
    else if (retry_now() - heard >= SILENCE_SECONDS)
        client_give_up(client, CLIENT_LOST, text_of(lang, TEXT_CLIENT_SILENT));
}
