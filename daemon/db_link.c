/* A libpq connection on the loop. Connecting polls the socket that libpq has at that moment (it may be another after
 * each step); from then on two persistent events, reading always armed. */
#include "db_link.h"

#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>
#include <libpq-fe.h>

#include "conninfo.h"
#include "log.h"

#define CONNECT_SECONDS 10 /* for each host; more than conninfo.c lets one go unanswered */
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MOST_MS 5000
#define WHY_MAX 512

struct db_link {
    struct event_base *base;
    const char *name;
    struct conninfo conninfo;
    db_link_callback *up, *input;
    db_link_down *down;
    void *owner;

    PGconn *connection;
    struct event *connecting; /* until it is connected, for the socket of this moment */
    struct event *readable, *writable;
    struct event *retry, *deadline, *trouble;
    int backoff_ms;
    bool broken;
};

/* ---- down ---- */

static void free_event(struct event **event)
{
    if (*event)
        event_free(*event);
    *event = NULL;
}

void db_link_fail(struct db_link *link, const char *why)
{
    char quoted[WHY_MAX * 2], line[WHY_MAX];
    snprintf(line, sizeof line, "%.*s", (int)strcspn(why, "\n"), why);
    log_event(LOG_LEVEL_WARNING, "database-down", "connection=%s retry-ms=%d reason=%s", link->name, link->backoff_ms,
              log_quote(quoted, sizeof quoted, line));
    free_event(&link->connecting);
    free_event(&link->readable);
    free_event(&link->writable);
    event_del(link->deadline);
    PQfinish(link->connection);
    link->connection = NULL;
    link->broken = false;
    event_add(link->retry, &(struct timeval){link->backoff_ms / 1000, link->backoff_ms % 1000 * 1000});
    link->backoff_ms = link->backoff_ms * 2 > BACKOFF_MOST_MS ? BACKOFF_MOST_MS : link->backoff_ms * 2;
    link->down(link->owner, line);
}

void db_link_break(struct db_link *link)
{
    link->broken = true;
    event_active(link->trouble, 0, 0);
}

bool db_link_broken(const struct db_link *link)
{
    return link->broken;
}

static void on_trouble(evutil_socket_t fd, short what, void *arg)
{
    struct db_link *link = arg;
    (void)fd;
    (void)what;
    if (link->broken)
        db_link_fail(link, link->connection ? PQerrorMessage(link->connection) : "not connected");
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    db_link_fail(arg, "no connection in time");
}

/* ---- up ---- */

struct pg_conn *db_link_connection(struct db_link *link)
{
    return link->connection;
}

void db_link_flush(struct db_link *link)
{
    int left = PQflush(link->connection);
    if (left < 0)
        db_link_break(link);
    else if (left > 0)
        event_add(link->writable, NULL);
}

void db_link_settled(struct db_link *link)
{
    link->backoff_ms = BACKOFF_FIRST_MS;
    event_del(link->deadline);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    db_link_flush(arg);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct db_link *link = arg;
    (void)fd;
    (void)what;
    if (PQconsumeInput(link->connection) != 1) {
        db_link_fail(link, PQerrorMessage(link->connection));
        return;
    }
    link->input(link->owner);
    if (link->connection && !link->broken && PQstatus(link->connection) != CONNECTION_OK)
        db_link_fail(link, PQerrorMessage(link->connection));
}

/* ---- connecting ---- */

static void connected(struct db_link *link)
{
    int fd = PQsocket(link->connection);
    link->readable = event_new(link->base, fd, EV_READ | EV_PERSIST, on_readable, link);
    link->writable = event_new(link->base, fd, EV_WRITE, on_writable, link);
    if (!link->readable || !link->writable || event_add(link->readable, NULL) < 0)
        db_link_fail(link, "out of memory");
    else if (PQsetnonblocking(link->connection, 1) < 0 || PQenterPipelineMode(link->connection) != 1)
        db_link_fail(link, PQerrorMessage(link->connection));
    else
        link->up(link->owner);
}

static void on_connecting(evutil_socket_t fd, short what, void *arg)
{
    struct db_link *link = arg;
    (void)fd;
    (void)what;
    free_event(&link->connecting); /* the next step may have another socket under the same number */
    PostgresPollingStatusType status = PQconnectPoll(link->connection);
    if (status == PGRES_POLLING_OK) {
        connected(link);
        return;
    }
    if (status != PGRES_POLLING_FAILED) {
        short direction = status == PGRES_POLLING_READING ? EV_READ : EV_WRITE;
        link->connecting = event_new(link->base, PQsocket(link->connection), direction, on_connecting, link);
        if (link->connecting && event_add(link->connecting, NULL) == 0)
            return;
    }
    db_link_fail(link, PQerrorMessage(link->connection));
}

static void quiet(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result; /* notices of the server; its log has them */
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    struct db_link *link = arg;
    (void)fd;
    (void)what;
    event_add(link->deadline, &(struct timeval){CONNECT_SECONDS * (time_t)link->conninfo.hosts, 0});
    link->connection = PQconnectStartParams((const char *const *)link->conninfo.keywords,
                                            (const char *const *)link->conninfo.values, 0);
    if (!link->connection || PQstatus(link->connection) == CONNECTION_BAD) {
        db_link_fail(link, link->connection ? PQerrorMessage(link->connection) : "out of memory");
        return;
    }
    PQsetNoticeReceiver(link->connection, quiet, NULL);
    link->connecting = event_new(link->base, PQsocket(link->connection), EV_WRITE, on_connecting, link);
    if (!link->connecting || event_add(link->connecting, NULL) < 0)
        db_link_fail(link, "out of memory");
}

/* ---- making one ---- */

struct db_link *db_link_open(struct event_base *base, const char *name, const char *conninfo, bool write,
                             db_link_callback *up, db_link_callback *input, db_link_down *down, void *owner, char *why,
                             size_t why_size)
{
    struct db_link *link = calloc(1, sizeof *link);
    snprintf(why, why_size, "out of memory");
    if (!link)
        return NULL;
    *link = (struct db_link){.base = base,
                             .name = name,
                             .up = up,
                             .input = input,
                             .down = down,
                             .owner = owner,
                             .backoff_ms = BACKOFF_FIRST_MS};
    link->retry = evtimer_new(base, on_retry, link);
    link->deadline = evtimer_new(base, on_deadline, link);
    link->trouble = event_new(base, -1, 0, on_trouble, link);
    if (!link->retry || !link->deadline || !link->trouble ||
        conninfo_read(&link->conninfo, conninfo, write, why, why_size) < 0) {
        db_link_close(link);
        return NULL;
    }
    event_add(link->retry, &(struct timeval){0, 0});
    return link;
}

void db_link_close(struct db_link *link)
{
    if (!link)
        return;
    free_event(&link->connecting);
    free_event(&link->readable);
    free_event(&link->writable);
    free_event(&link->retry);
    free_event(&link->deadline);
    free_event(&link->trouble);
    PQfinish(link->connection);
    conninfo_free(&link->conninfo);
    free(link);
}
