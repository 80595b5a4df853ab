/* Asks the database once a second what is new, and tells the sessions whose certificate was revoked, which key seals,
 * then who watches. Rules: one question at a time, which goes before all that clients ask, since it takes rights away.
 * Each asks for what came after the newest number of the answer before, not after numbers that were seen otherwise, so
 * that no revocation is skipped. */
#include "news.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "batch.h"
#include "clock.h"
#include "log.h"
#include "reseal.h"
#include "server.h"
#include "session.h"
#include "watch.h"

#define MICROSECONDS 1000000
#define DAY 10 /* characters of a time that are its day */

struct news {
    struct server *server;
    struct batch_source source;
    struct batch_item item;
    struct slice cell;
    char after[24]; /* the cell's text: the newest number of the last answer */
    bool asked;     /* the question is with `batch` */
    uint64_t log;   /* the newest number known */
    int64_t offset; /* registry's clock less the process's, in microseconds */
    int zone;       /* Amsterdam's lead on UTC in minutes, as the database tells it */
};

/* ---- numbers and times ---- */

/* Reads RFC 3339 with a zone: *at in microseconds since 1970, *zone in minutes. 0 or -1. */
static int read_time(struct slice text, int64_t *at, int *zone)
{
    char bytes[48], sign = '+';
    struct tm tm = {0};
    int used = 0, digits = 0, hours = 0, minutes = 0;
    long fraction = 0;
    if (!text.at || text.len >= sizeof bytes)
        return -1;
    memcpy(bytes, text.at, text.len);
    bytes[text.len] = '\0';
    if (sscanf(bytes, "%4d-%2d-%2dT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
               &tm.tm_sec, &used) != 6)
        return -1;
    const char *rest = bytes + used;
    if (*rest == '.')
        for (rest++; *rest >= '0' && *rest <= '9'; rest++)
            if (digits < 6) {
                fraction = fraction * 10 + (*rest - '0');
                digits++;
            }
    for (; digits < 6; digits++)
        fraction *= 10;
    if (strcmp(rest, "Z") != 0 && sscanf(rest, "%c%2d:%2d", &sign, &hours, &minutes) != 3)
        return -1;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *zone = (sign == '-' ? -1 : 1) * (hours * 60 + minutes);
    *at = ((int64_t)timegm(&tm) - *zone * 60) * MICROSECONDS + fraction;
    return 0;
}

void news_time(const struct news *news, char *out, size_t room)
{
    int64_t now = clock_wall() + news->offset;
    time_t local = (time_t)(now / MICROSECONDS) + news->zone * 60;
    int zone = abs(news->zone);
    char day[24];
    struct tm tm;
    if (!gmtime_r(&local, &tm) || strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        day[0] = '\0';
    snprintf(out, room, "%s.%03d%c%02d:%02d", day, (int)(now % MICROSECONDS / 1000), news->zone < 0 ? '-' : '+',
             zone / 60, zone % 60);
}

/* ---- the question ---- */

/* The columns of statement_news behind COLUMN_REPLIES. */
enum news_column {
    NEWS_LOG = COLUMN_REPLIES,
    NEWS_TIME,
    NEWS_FINGERPRINT,
    NEWS_OIN,
    NEWS_ISSUER,
    NEWS_FAULT,
    NEWS_KEY,
    NEWS_DONE,
    NEWS_PARTY,
    NEWS_ROLE
};

/* What went wrong with the registry's own chores, which run with the question. */
static void note_fault(struct slice fault)
{
    char text[1024], quoted[1024];
    if (!fault.at)
        return;
    snprintf(text, sizeof text, "%.*s", (int)fault.len, fault.at);
    log_event(LOG_LEVEL_ERROR, "chore", "reason=%s", log_quote(quoted, sizeof quoted, text));
}

/* Sessions leave the list only from the loop, never within session_revoke. */
static void tell_revoked(struct news *news, const struct session_certificate *what)
{
    struct server_client *client;
    TAILQ_FOREACH(client, &news->server->clients, link)
    session_revoke(client->session, what);
}

static void read_row(struct news *news, struct result *result, size_t row, uint64_t *newest)
{
    const struct session_certificate what = {
        result_value(result, row, NEWS_FINGERPRINT), result_value(result, row, NEWS_OIN),
        result_value(result, row, NEWS_ISSUER), result_value(result, row, NEWS_PARTY),
        result_value(result, row, NEWS_ROLE)};
    uint64_t log = slice_number(result_value(result, row, NEWS_LOG));
    int64_t at;
    int zone;
    if (log > *newest)
        *newest = log;
    note_fault(result_value(result, row, NEWS_FAULT));
    if (read_time(result_value(result, row, NEWS_TIME), &at, &zone) == 0) {
        news->offset = at - clock_wall();
        news->zone = zone;
    }
    if (news->server->reseal && result_value(result, row, NEWS_KEY).at)
        reseal_know(news->server->reseal, (uint32_t)slice_number(result_value(result, row, NEWS_KEY)),
                    slice_is(result_value(result, row, NEWS_DONE), "t"));
    if (what.fingerprint.at || what.oin.at)
        tell_revoked(news, &what);
}

static void on_answer(struct batch_item *item, const struct batch_answer *answer)
{
    struct news *news = (struct news *)((char *)item - offsetof(struct news, item));
    uint64_t newest = slice_number(news->cell);
    news->asked = false;
    if (answer->outcome != BATCH_ROWS)
        return;
    for (size_t i = 0; i < answer->rows; i++)
        read_row(news, answer->result, answer->first_row + i, &newest);
    int len = snprintf(news->after, sizeof news->after, "%llu", (unsigned long long)newest);
    news->cell = (struct slice){news->after, (size_t)len};
    news_saw(news, newest);
    struct slice time = result_value(answer->result, answer->first_row, NEWS_TIME);
    watch_saw(news->server->watch, newest, (struct slice){time.at, time.len < DAY ? time.len : DAY});
}

void news_tick(struct news *news)
{
    if (news->asked)
        return;
    news->asked = batch_add(news->server->batch, &news->source, &news->item) == NULL;
}

/* ---- the room ---- */

struct news *news_new(struct server *server)
{
    struct news *news = calloc(1, sizeof *news);
    if (!news)
        return NULL;
    news->server = server;
    strcpy(news->after, "0");
    news->cell = (struct slice){news->after, 1};
    news->item =
        (struct batch_item){.command = &statement_news, .urgent = true, .cells = &news->cell, .answer = on_answer};
    batch_source_init(&news->source);
    return news;
}

void news_free(struct news *news)
{
    free(news);
}

uint64_t news_log(const struct news *news)
{
    return news->log;
}

void news_saw(struct news *news, uint64_t log)
{
    if (log > news->log)
        news->log = log;
}
