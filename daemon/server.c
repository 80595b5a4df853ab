/* The daemon as a whole: its start, its signals, its second hand, who is connected, reload and drain.
 *
 * Limits: limits.connections, limits.party; beyond them EXTRA_MOST more connections are let in to hear `* BYE
 * code=limit`, all others are closed without a word. Rules: sessions leave the list from callbacks of their own alone,
 * never while the server goes through it. A reload first makes all that is new, and only when nothing failed does it
 * take the place of the old; keys that the registry then refuses make place for those of before. Connections are taken once the database answers, or after PATIENCE_MS: then they are told
 * that it does not. */
#include "server.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <event2/event.h>
#include <systemd/sd-daemon.h>

#include "batch.h"
#include "clock.h"
#include "config.h"
#include "conninfo.h"
#include "listener.h"
#include "log.h"
#include "news.h"
#include "reseal.h"
#include "seal.h"
#include "session.h"
#include "tls.h"
#include "watch.h"

#define EXTRA_MOST 64
#define FILES_BESIDES 64 /* descriptors for what is no connection */
#define PATIENCE_MS 3000
#define PULSE_MS 20
#define JUDGED_A_SECOND 32 /* certificates that are looked at again, so that a reload does not stall the loop */
#define WHY_ROOM 8192

enum server_stage {
    SERVER_STARTING, /* the database has not been ready yet */
    SERVER_SERVING,
    SERVER_DRAINING, /* told to stop; ends when nobody is left, or at drain_until */
    SERVER_CUT,      /* ends at once: told a second time, or drain_until has passed */
};

struct server_life {
    enum server_stage stage;
    bool taking;                  /* the listener was started */
    int64_t started, drain_until; /* monotonic ms */
    size_t dropped;               /* connections closed without a word since the last second */
    char status[160];             /* what the service manager was last told */
    struct event *terminate, *interrupt, *hang_up, *second, *pulse;
};

/* ---- what is loaded: certificates, keys ---- */

struct loaded {
    struct tls *tls;
    struct seal *seal;
};

static void add_fault(char *why, size_t why_size, const char *format, ...) PRINTF(3, 4);

/* Adds a line to `why`. */
static void add_fault(char *why, size_t why_size, const char *format, ...)
{
    size_t len = strlen(why);
    va_list values;
    va_start(values, format);
    vsnprintf(why + len, why_size - len, format, values);
    va_end(values);
    len = strlen(why);
    if (len + 1 < why_size)
        memcpy(why + len, "\n", 2);
}

static void unload(struct loaded *loaded)
{
    if (loaded->tls)
        tls_release(loaded->tls);
    seal_free(loaded->seal);
    *loaded = (struct loaded){0};
}

static bool connects(const char *option, const char *text, bool write, char *why, size_t why_size)
{
    struct conninfo conninfo;
    char reason[512] = "";
    int outcome = conninfo_read(&conninfo, text, write, reason, sizeof reason);
    conninfo_free(&conninfo);
    if (outcome < 0)
        add_fault(why, why_size, "[database] %s: %s", option, reason);
    return outcome == 0;
}

/* All or nothing; every fault is told. */
static int load(const struct config *config, struct loaded *loaded, char *why, size_t why_size)
{
    char reason[1024] = "";
    why[0] = '\0';
    loaded->tls = tls_new(config, reason, sizeof reason);
    if (!loaded->tls)
        add_fault(why, why_size, "%s", reason);
    loaded->seal = seal_load(config->seal_keys, reason, sizeof reason);
    if (!loaded->seal)
        add_fault(why, why_size, "[seal] keys: %s", reason);
    bool write = connects("write", config->database_write, true, why, why_size);
    bool told = !write && strcmp(config->database_read, config->database_write) == 0; /* it was not given */
    bool read = told || connects("read", config->database_read, false, why, why_size);
    if (loaded->tls && loaded->seal && write && read)
        return 0;
    unload(loaded);
    return -1;
}

int server_check(const struct config *config, char *why, size_t why_size)
{
    struct loaded loaded = {0};
    int outcome = load(config, &loaded, why, why_size);
    unload(&loaded);
    return outcome;
}

/* ---- who is connected ---- */

void server_join(struct server *server, struct server_client *client, struct session *session, bool extra)
{
    *client = (struct server_client){.session = session, .number = ++server->last_number, .extra = extra};
    TAILQ_INSERT_TAIL(&server->clients, client, link);
    if (extra)
        server->extra_count++;
    else
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
            return -1;
        snprintf(party->name, sizeof party->name, "%s", name);
        LIST_INSERT_HEAD(&server->parties, party, link);
    }
    if (party->count >= (size_t)server->config->limits_party)
        return -1;
    party->count++;
    client->party = party;
    return 0;
}

void server_leave(struct server *server, struct server_client *client)
{
    TAILQ_REMOVE(&server->clients, client, link);
    if (client->extra)
        server->extra_count--;
    else
        server->client_count--;
    if (client->party && --client->party->count == 0) {
        LIST_REMOVE(client->party, link);
        free(client->party);
    }
    client->party = NULL;
}

static void on_connection(void *owner, int fd)
{
    struct server *server = owner;
    bool extra = server->client_count >= (size_t)server->config->limits_connections;
    if (extra && server->extra_count >= EXTRA_MOST) {
        server->life->dropped++;
        close(fd);
    } else if (!session_new(server, fd, extra)) {
        server->life->dropped++;
    }
}

/* ---- the service manager ---- */

static void tell_status(struct server *server)
{
    char status[sizeof server->life->status], keys[64];
    snprintf(status, sizeof status, "%s, %zu connections, log %llu%s",
             server->draining             ? "draining"
             : batch_ready(server->batch) ? "serving"
                                          : "waiting for the database",
             server->client_count, (unsigned long long)news_log(server->news),
             reseal_status(server->reseal, keys, sizeof keys));
    if (strcmp(status, server->life->status) == 0)
        return;
    memcpy(server->life->status, status, sizeof status);
    sd_notifyf(0, "STATUS=%s", status);
}

/* ---- reload ---- */

static void log_lines(enum log_level level, const char *event, char *lines)
{
    char reason[1500];
    for (char *line = strtok(lines, "\n"); line; line = strtok(NULL, "\n"))
        log_event(level, event, "reason=%s", log_quote(reason, sizeof reason, line));
}

/* As many descriptors as the connections may need, where the hard limit allows it. */
static void allow_files(const struct config *config)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)config->limits_connections + EXTRA_MOST + FILES_BESIDES;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < wanted)) {
        if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < wanted)
            log_event(LOG_LEVEL_WARNING, "files-limit", "wanted=%llu allowed=%llu", (unsigned long long)wanted,
                      (unsigned long long)limit.rlim_max);
        limit.rlim_cur = limit.rlim_max == RLIM_INFINITY || limit.rlim_max > wanted ? wanted : limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Shows the registry the keys that the daemon has now. */
static void show_keys(struct server *server)
{
    char prints[SEAL_PRINTS_ROOM];
    if (seal_prints(server->seal, prints) == 0)
        batch_keys(server->batch, prints);
    else
        log_event(LOG_LEVEL_ERROR, "keys-refused", "connection=- reason=\"OpenSSL failed\"");
}

static void swap(struct server *server, struct config *config, const struct loaded *loaded)
{
    char kept[1024];
    config_keep(config, server->config, kept, sizeof kept);
    if (kept[0])
        log_event(LOG_LEVEL_WARNING, "reload-waits", "options=\"%s\" reason=\"they hold after a restart\"", kept);
    tls_release(server->tls);
    config_free(server->config);
    if (server->seal_before)
        seal_free(server->seal);
    else
        server->seal_before = server->seal;
    server->config = config;
    server->tls = loaded->tls;
    server->seal = loaded->seal;
    server->reloads++;
    reseal_keys(server->reseal);
    show_keys(server);
    log_level((enum log_level)config->log_level);
    allow_files(config);
}

/* Once the registry has judged the keys of the last reload: those of before go, or come back. */
static void look_at_keys(struct server *server)
{
    char quoted[1024], reason[512];
    struct seal *before = server->seal_before;
    const char *fault = before ? batch_keys_fault(server->batch) : NULL;
    if (!fault)
        return;
    server->seal_before = NULL;
    if (!fault[0]) {
        seal_free(before);
        return;
    }
    snprintf(reason, sizeof reason, "[seal] keys: %s; those of before stay", fault);
    log_event(LOG_LEVEL_ERROR, "reload-refused", "reason=%s", log_quote(quoted, sizeof quoted, reason));
    seal_free(server->seal);
    server->seal = before;
    reseal_keys(server->reseal);
    show_keys(server);
}

/* Whether what was loaded may take the place of what is there; else it is gone, and `why` says why. */
static bool may_take(const struct server *server, struct loaded *loaded, char *why, size_t why_size)
{
    char reason[256];
    if (reseal_may_take(server->reseal, loaded->seal, reason, sizeof reason) == 0)
        return true;
    add_fault(why, why_size, "[seal] keys: %s", reason);
    unload(loaded);
    return false;
}

static void reload(struct server *server)
{
    char why[WHY_ROOM];
    struct loaded loaded = {0};
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_monotonic() * 1000);
    struct config *config = config_load(server->config_path, why, sizeof why);
    if (config && load(config, &loaded, why, sizeof why) == 0 && may_take(server, &loaded, why, sizeof why)) {
        swap(server, config, &loaded);
        log_event(LOG_LEVEL_NOTICE, "reloaded", "file=%s", log_quote(why, sizeof why, server->config_path));
    } else {
        log_lines(LOG_LEVEL_ERROR, "reload-refused", why);
        config_free(config);
    }
    sd_notify(0, "READY=1");
}

/* ---- drain ---- */

static void cut(struct server *server, const char *reason)
{
    log_event(LOG_LEVEL_WARNING, "cut", "connections=%zu reason=\"%s\"", server->client_count + server->extra_count,
              reason);
    server->life->stage = SERVER_CUT;
    event_base_loopbreak(server->base);
}

static void drain(struct server *server, const char *signal_name)
{
    struct server_life *life = server->life;
    struct server_client *client;
    log_event(LOG_LEVEL_NOTICE, "draining", "signal=%s connections=%zu", signal_name,
              server->client_count + server->extra_count);
    sd_notify(0, "STOPPING=1");
    life->stage = SERVER_DRAINING;
    life->drain_until = clock_monotonic() + (int64_t)server->config->limits_drain * 1000;
    server->draining = true;
    listener_stop(server->listener);
    TAILQ_FOREACH(client, &server->clients, link)
    session_bye(client->session, "draining");
    event_add(life->pulse, &(struct timeval){.tv_usec = PULSE_MS * 1000});
}

/* A session leaves the list when the database holds nothing of it any more: then nothing is owed to anybody. */
static void look_at_drain(struct server *server)
{
    if (TAILQ_EMPTY(&server->clients))
        event_base_loopbreak(server->base);
    else if (clock_monotonic() >= server->life->drain_until)
        cut(server, "limits.drain has passed");
}

/* ---- start ---- */

static void look_at_start(struct server *server)
{
    struct server_life *life = server->life;
    bool ready = batch_ready(server->batch) && reseal_ready(server->reseal);
    if (!life->taking && (ready || clock_monotonic() - life->started >= PATIENCE_MS)) {
        if (listener_start(server->listener) < 0)
            log_fatal("start", "reason=\"out of memory\"");
        life->taking = true;
    }
    if (!ready)
        return;
    life->stage = SERVER_SERVING;
    event_del(life->pulse);
    log_event(LOG_LEVEL_NOTICE, "ready", "server=%s pid=%d ms=%lld", server->config->server_name, (int)getpid(),
              (long long)(clock_monotonic() - life->started));
    tell_status(server);
    sd_notify(0, "READY=1");
}

/* ---- events ---- */

static void on_stop(evutil_socket_t number, short what, void *arg)
{
    struct server *server = arg;
    const char *name = number == SIGINT ? "SIGINT" : "SIGTERM";
    (void)what;
    if (server->life->stage < SERVER_DRAINING)
        drain(server, name);
    else
        cut(server, "told twice to stop");
}

static void on_hang_up(evutil_socket_t number, short what, void *arg)
{
    struct server *server = arg;
    (void)number;
    (void)what;
    if (!server->draining)
        reload(server);
}

static void on_pulse(evutil_socket_t fd, short what, void *arg)
{
    struct server *server = arg;
    (void)fd;
    (void)what;
    if (server->life->stage == SERVER_STARTING)
        look_at_start(server);
    else
        look_at_drain(server);
}

static void on_second(evutil_socket_t fd, short what, void *arg)
{
    struct server *server = arg;
    struct server_client *client;
    int64_t now = clock_monotonic();
    int judged = 0;
    (void)fd;
    (void)what;
    TAILQ_FOREACH(client, &server->clients, link)
    {
        session_tick(client->session, now);
        if (judged < JUDGED_A_SECOND)
            judged += session_judge(client->session, now);
    }
    batch_tick(server->batch);
    look_at_keys(server);
    reseal_tick(server->reseal);
    watch_tick(server->watch);
    if (!server->draining || !TAILQ_EMPTY(&server->clients))
        news_tick(server->news);
    if (server->life->dropped > 0)
        log_event(LOG_LEVEL_WARNING, "dropped",
                  "connections=%zu reason=\"far beyond limits.connections, or memory is short\"",
                  server->life->dropped);
    server->life->dropped = 0;
    tell_status(server);
    if (sd_watchdog_enabled(0, NULL) > 0)
        sd_notify(0, "WATCHDOG=1");
}

/* ---- libevent ---- */

static void on_library_log(int severity, const char *message)
{
    char text[512];
    if (severity != EVENT_LOG_DEBUG)
        log_event(severity == EVENT_LOG_ERR ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "libevent", "text=%s",
                  log_quote(text, sizeof text, message));
}

static void on_library_end(int error)
{
    log_fatal("libevent", "error=%d", error);
}

/* A loop on epoll, whatever the environment says. */
static struct event_base *make_base(void)
{
    struct event_config *wanted = event_config_new();
    struct event_base *base = NULL;
    event_set_log_callback(on_library_log);
    event_set_fatal_callback(on_library_end);
    if (wanted && event_config_set_flag(wanted, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV) == 0 &&
        event_config_avoid_method(wanted, "poll") == 0 && event_config_avoid_method(wanted, "select") == 0)
        base = event_base_new_with_config(wanted);
    if (wanted)
        event_config_free(wanted);
    return base;
}

static int add_events(struct server *server)
{
    struct server_life *life = server->life;
    struct event_base *base = server->base;
    signal(SIGPIPE, SIG_IGN); /* a peer that is gone is told by the call that writes */
    life->terminate = evsignal_new(base, SIGTERM, on_stop, server);
    life->interrupt = evsignal_new(base, SIGINT, on_stop, server);
    life->hang_up = evsignal_new(base, SIGHUP, on_hang_up, server);
    life->second = event_new(base, -1, EV_PERSIST, on_second, server);
    life->pulse = event_new(base, -1, EV_PERSIST, on_pulse, server);
    if (!life->terminate || !life->interrupt || !life->hang_up || !life->second || !life->pulse)
        return -1;
    return event_add(life->terminate, NULL) == 0 && event_add(life->interrupt, NULL) == 0 &&
                   event_add(life->hang_up, NULL) == 0 &&
                   event_add(life->second, &(struct timeval){.tv_sec = 1}) == 0 &&
                   event_add(life->pulse, &(struct timeval){.tv_usec = PULSE_MS * 1000}) == 0
               ? 0
               : -1;
}

/* ---- the room ---- */

/* Opens all of it, in the order in which it can fail without leaving a trace. */
static int open_rooms(struct server *server, char *why, size_t why_size)
{
    struct loaded loaded = {0};
    char prints[SEAL_PRINTS_ROOM];
    if (load(server->config, &loaded, why, why_size) < 0)
        return -1;
    server->tls = loaded.tls;
    server->seal = loaded.seal;
    allow_files(server->config);
    snprintf(why, why_size, "out of memory");
    server->life = calloc(1, sizeof *server->life);
    server->base = make_base();
    server->news = news_new(server);
    server->reseal = server->base ? reseal_new(server) : NULL;
    server->watch = server->base ? watch_new(server) : NULL;
    if (!server->life || !server->news || !server->reseal || !server->watch || seal_prints(server->seal, prints) < 0)
        return -1;
    server->life->started = clock_monotonic();
    server->listener = listener_new(server->base, server->config, on_connection, server, why, why_size);
    if (!server->listener)
        return -1;
    server->batch = batch_new(server->base, server->config, prints, why, why_size);
    if (!server->batch)
        return -1;
    news_tick(server->news); /* the registry's clock is known before the first client asks for it */
    snprintf(why, why_size, "out of memory");
    return add_events(server);
}

struct server *server_open(const char *path, struct config *config, char *why, size_t why_size)
{
    struct server *server = calloc(1, sizeof *server);
    if (!server) {
        snprintf(why, why_size, "out of memory");
        return NULL;
    }
    server->config_path = path;
    server->config = config;
    TAILQ_INIT(&server->clients);
    LIST_INIT(&server->parties);
    if (open_rooms(server, why, why_size) == 0)
        return server;
    server->config = NULL; /* stays the caller's */
    server_close(server);
    return NULL;
}

int server_run(struct server *server)
{
    if (event_base_dispatch(server->base) < 0) {
        log_event(LOG_LEVEL_ERROR, "loop", "reason=\"the event loop failed\"");
        return -1;
    }
    bool clean = server->life->stage == SERVER_DRAINING && TAILQ_EMPTY(&server->clients);
    log_event(LOG_LEVEL_NOTICE, "stopped", "connections=%zu", server->client_count + server->extra_count);
    return clean ? 0 : -1;
}

static void close_life(struct server_life *life)
{
    if (!life)
        return;
    struct event *events[] = {life->terminate, life->interrupt, life->hang_up, life->second, life->pulse};
    for (size_t i = 0; i < COUNT(events); i++)
        if (events[i])
            event_free(events[i]);
    free(life);
}

void server_close(struct server *server)
{
    if (!server)
        return;
    listener_free(server->listener);
    batch_free(server->batch);
    news_free(server->news);
    reseal_free(server->reseal);
    watch_free(server->watch);
    close_life(server->life);
    if (server->tls)
        tls_release(server->tls);
    seal_free(server->seal);
    seal_free(server->seal_before);
    config_free(server->config);
    if (server->base)
        event_base_free(server->base);
    free(server);
}
