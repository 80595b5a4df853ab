/* Stands for daemon/clock.c, log.c and server.c. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "config.h"
#include "fakes.h"
#include "log.h"

#define LOG_MOST 65536

int64_t fake_now;

int64_t clock_monotonic(void)
{
    return fake_now;
}

int64_t clock_wall(void)
{
    return (INT64_C(1806652800000) + fake_now) * 1000; /* 2027-04-02T08:00:00Z */
}

/* ---- log ---- */

char fake_log[LOG_MOST];
static size_t fake_log_len;

void fake_log_clear(void)
{
    fake_log_len = 0;
    fake_log[0] = '\0';
}

void log_level(enum log_level level)
{
    (void)level;
}

/* When the room is full, what is old goes. */
void log_event(enum log_level level, const char *event, const char *format, ...)
{
    va_list values;
    if (level > LOG_LEVEL_INFO)
        return;
    if (fake_log_len > LOG_MOST - 4096)
        fake_log_clear();
    fake_log_len += (size_t)snprintf(fake_log + fake_log_len, 1024, "%s ", event);
    va_start(values, format);
    int len = vsnprintf(fake_log + fake_log_len, 2048, format, values);
    va_end(values);
    fake_log_len += len < 2048 ? (size_t)len : 2047;
    fake_log_len += (size_t)snprintf(fake_log + fake_log_len, 2, "\n");
}

const char *log_quote(char *out, size_t room, const char *text)
{
    snprintf(out, room, "%s", text);
    return out;
}

void log_fatal(const char *event, const char *format, ...)
{
    (void)format;
    fprintf(stderr, "fatal: %s\n", event);
    abort();
}

/* ---- server ---- */

void server_join(struct server *server, struct server_client *client, struct session *session, bool extra)
{
    client->session = session;
    client->number = ++server->last_number;
    client->extra = extra;
    TAILQ_INSERT_TAIL(&server->clients, client, link);
    server->client_count++;
}

int server_join_party(struct server *server, struct server_client *client, const char *name)
{
    struct server_party *party;
    LIST_FOREACH(party, &server->parties, link)
    if (strcmp(party->name, name) == 0)
        break;
    if (!party) {
        party = calloc(1, sizeof *party);
        if (!party)
            abort();
        snprintf(party->name, sizeof party->name, "%s", name);
        LIST_INSERT_HEAD(&server->parties, party, link);
    }
    if (client->party)
        abort();
    if (party->count >= (size_t)server->config->limits_party)
        return -1;
    party->count++;
    client->party = party;
    return 0;
}

void server_leave(struct server *server, struct server_client *client)
{
    TAILQ_REMOVE(&server->clients, client, link);
    server->client_count--;
    if (client->party && --client->party->count == 0) {
        LIST_REMOVE(client->party, link);
        free(client->party);
    }
}
