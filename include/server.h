/* The daemon as a whole: what all rooms share, who is connected, and the daemon's own life from start to drain.
 *
 * The life of a server: server_open (keys, TLS, sockets, database) -> server_run: accepting until SIGTERM or SIGINT, then
 * draining until every session has ended or limits.drain has passed -> server_close. SIGHUP reloads in between. */
#ifndef BUURTAAL_SERVER_H
#define BUURTAAL_SERVER_H

#include <sys/queue.h>

#include "base.h"

struct batch;
struct config;
struct event_base;
struct listener;
struct news;
struct reseal;
struct seal;
struct server_life;
struct session;
struct tls;
struct watch;

/* A party that has connections. block.c counts the memory of its blocks here; all else is the server's. */
struct server_party {
    LIST_ENTRY(server_party) link;
    size_t count; /* connections */
    size_t block_bytes;
    char name[65];
};

/* A session's place in the server's list and in its party's count. Embedded in struct session; the server sets all of it. */
struct server_client {
    TAILQ_ENTRY(server_client) link;
    struct session *session;
    struct server_party *party; /* NULL until server_join_party */
    uint64_t number;            /* the connection's, from 1: first in its log lines */
    bool extra;                 /* beyond limits.connections: only there to hear BYE */
};

TAILQ_HEAD(server_clients, server_client);
LIST_HEAD(server_parties, server_party);

/* `config`, `tls` and `seal` are replaced by a reload: look them up when they are needed, and keep none over a turn of the
 * loop (a stream holds its tls itself). All else stays until server_close. */
struct server {
    struct event_base *base;
    const char *config_path;
    struct config *config;
    struct tls *tls;
    struct seal *seal;
    struct seal *seal_before; /* of before a reload, until the registry has judged the keys of `seal`; else NULL */
    uint64_t reloads; /* that have succeeded */
    struct batch *batch;
    struct news *news;
    struct reseal *reseal;
    struct watch *watch;
    size_t block_bytes; /* memory of all blocks that are open or run; block.c's */
    bool draining; /* no further connections; every session has been told */

    struct server_clients clients;
    size_t client_count, extra_count; /* without and with those beyond limits.connections apart */
    struct server_parties parties;    /* those that have connections */
    uint64_t last_number;

    struct listener *listener;
    struct server_life *life; /* signals, timers and deadlines; server.c's own */
};

/* Makes a server of the configuration at `path`: loads keys and certificates, opens or inherits its sockets, begins to
 * connect to the database. Takes over `config`. NULL on any fault, with the reason in `why`; `config` is then still the
 * caller's. */
struct server *server_open(const char *path, struct config *config, char *why, size_t why_size) MUST_CHECK;
/* Runs the loop until it has drained. 0 when all sessions ended by themselves; -1 when time ran out, a second SIGTERM
 * cut it short, or the loop failed. */
int server_run(struct server *server) MUST_CHECK;
/* Frees all but sessions that are left, which the process takes with it. NULL is allowed. */
void server_close(struct server *server);

/* Checks all that a start or a reload would use, without opening a socket: certificates, keys, connection strings. 0; -1
 * and a line for every fault, ended by LF, in `why`. */
int server_check(const struct config *config, char *why, size_t why_size) MUST_CHECK;

/* For sessions: takes a place in the list and a number. `extra` as in session_new. */
void server_join(struct server *server, struct server_client *client, struct session *session, bool extra);
/* Counts the session as one of `party`, once in its life. 0, or -1 when the party has limits.party of them already or
 * memory is short: the session then says BYE limit. */
int server_join_party(struct server *server, struct server_client *client, const char *party) MUST_CHECK;
/* Gives the place back, and the party's. Once, when the session ends; it may free itself right after. */
void server_leave(struct server *server, struct server_client *client);

#endif
