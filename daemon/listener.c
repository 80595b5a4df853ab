/* Takes connections from listening sockets.
 *
 * Limits: 64 inherited sockets; 64 connections a socket and turn of the loop, so that those who are there get their
 * turn. Rules: when descriptors or memory run short, taking pauses for PAUSE_MS and connections wait in the kernel: the
 * event of a socket stays ready as long as one waits, and would otherwise spin. An inherited socket is shared with
 * other daemons, so another may have been faster, and it is never shut down. */
#define _GNU_SOURCE /* accept4 */
#include "listener.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/util.h>
#include <netdb.h>
#include <systemd/sd-daemon.h>

#include "clock.h"
#include "config.h"
#include "log.h"

#define SOCKETS_MAX 64
#define TURN_MOST 64
#define PAUSE_MS 100
#define COMPLAIN_MS 10000 /* a shortage that lasts is told this often */

struct listening {
    struct listener *listener;
    struct event *event;
    int fd; /* -1: none */
};

struct listener {
    listener_callback *taken;
    void *owner;
    struct event_base *base;
    struct event *resume;
    bool inherited;
    int64_t complained; /* monotonic ms; 0: never */
    size_t count;
    struct listening sockets[SOCKETS_MAX];
};

/* ---- taking ---- */

static void watch(struct listener *listener, bool on)
{
    for (size_t i = 0; i < listener->count; i++) {
        struct listening *socket = &listener->sockets[i];
        if (!socket->event)
            continue;
        if (on)
            event_add(socket->event, NULL);
        else
            event_del(socket->event);
    }
}

static void pause_taking(struct listener *listener, int error)
{
    char reason[128];
    int64_t now = clock_monotonic();
    if (listener->complained == 0 || now - listener->complained >= COMPLAIN_MS) {
        listener->complained = now;
        log_event(LOG_LEVEL_WARNING, "accept-paused", "reason=%s", log_quote(reason, sizeof reason, strerror(error)));
    }
    watch(listener, false);
    event_add(listener->resume, &(struct timeval){.tv_usec = PAUSE_MS * 1000});
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    watch(arg, true);
}

/* Whether a connection, not the socket, is at fault: it was gone before it was taken. */
static bool was_its_own_fault(int error)
{
    switch (error) {
    case ECONNABORTED:
    case EINTR:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case ETIMEDOUT:
        return true;
    default:
        return false;
    }
}

static void on_waiting(evutil_socket_t listening, short what, void *arg)
{
    struct listening *socket = arg;
    struct listener *listener = socket->listener;
    (void)what;
    for (int i = 0; i < TURN_MOST && socket->fd >= 0; i++) {
        int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            listener->taken(listener->owner, fd);
        } else if (errno == EAGAIN) {
            return;
        } else if (!was_its_own_fault(errno)) {
            pause_taking(listener, errno);
            return;
        }
    }
}

/* ---- sockets ---- */

/* Address and port as text. 0; -1 when it is not a socket of IPv4 or IPv6. */
static int describe(int fd, char address[NI_MAXHOST], char port[NI_MAXSERV])
{
    struct sockaddr_storage name;
    socklen_t len = sizeof name;
    if (getsockname(fd, (struct sockaddr *)&name, &len) < 0 ||
        (name.ss_family != AF_INET && name.ss_family != AF_INET6))
        return -1;
    return getnameinfo((struct sockaddr *)&name, len, address, NI_MAXHOST, port, NI_MAXSERV,
                       NI_NUMERICHOST | NI_NUMERICSERV) == 0
               ? 0
               : -1;
}

static int inherit(struct listener *listener, int count, char *why, size_t why_size)
{
    if (count > SOCKETS_MAX) {
        snprintf(why, why_size, "LISTEN_FDS: %d sockets are inherited; it takes at most %d", count, SOCKETS_MAX);
        return -1;
    }
    listener->inherited = true;
    for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count; fd++) {
        char address[NI_MAXHOST], port[NI_MAXSERV];
        if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0 || describe(fd, address, port) < 0) {
            snprintf(why, why_size, "LISTEN_FDS: descriptor %d is no listening TCP socket", fd);
            return -1;
        }
        if (evutil_make_socket_nonblocking(fd) < 0) {
            snprintf(why, why_size, "LISTEN_FDS: descriptor %d: %s", fd, strerror(errno));
            return -1;
        }
        listener->sockets[listener->count++] = (struct listening){.listener = listener, .fd = fd};
    }
    return 0;
}

/* A listening socket at `where`; -1 with errno. */
static int open_at(const struct addrinfo *where, int backlog)
{
    const int on = 1;
    int fd = socket(where->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, where->ai_addr, where->ai_addrlen) == 0 && listen(fd, backlog) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int open_own(struct listener *listener, const struct config *config, char *why, size_t why_size)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *where = NULL;
    char port[16];
    snprintf(port, sizeof port, "%d", config->listen_port);
    int failure = getaddrinfo(config->listen_address, port, &hints, &where);
    int fd = failure == 0 ? open_at(where, config->listen_backlog) : -1;
    if (fd < 0)
        snprintf(why, why_size, "[listen] address, port: cannot listen on %s, port %s: %s", config->listen_address,
                 port, failure != 0 ? gai_strerror(failure) : strerror(errno));
    if (where)
        freeaddrinfo(where);
    if (fd < 0)
        return -1;
    listener->sockets[listener->count++] = (struct listening){.listener = listener, .fd = fd};
    return 0;
}

/* Makes the events, and tells where the daemon listens. */
static int prepare(struct listener *listener, char *why, size_t why_size)
{
    listener->resume = evtimer_new(listener->base, on_resume, listener);
    bool made = listener->resume != NULL;
    for (size_t i = 0; i < listener->count; i++) {
        struct listening *socket = &listener->sockets[i];
        socket->event = event_new(listener->base, socket->fd, EV_READ | EV_PERSIST, on_waiting, socket);
        made = made && socket->event;
    }
    if (!made) {
        snprintf(why, why_size, "out of memory");
        return -1;
    }
    for (size_t i = 0; i < listener->count; i++) {
        char address[NI_MAXHOST] = "", port[NI_MAXSERV] = "";
        if (describe(listener->sockets[i].fd, address, port) == 0)
            log_event(LOG_LEVEL_NOTICE, "listening", "address=%s port=%s inherited=%s", address, port,
                      listener->inherited ? "yes" : "no");
    }
    return 0;
}

/* ---- the room ---- */

struct listener *listener_new(struct event_base *base, const struct config *config, listener_callback *taken,
                              void *owner, char *why, size_t why_size)
{
    struct listener *listener = calloc(1, sizeof *listener);
    if (!listener) {
        snprintf(why, why_size, "out of memory");
        return NULL;
    }
    listener->base = base;
    listener->taken = taken;
    listener->owner = owner;
    int count = sd_listen_fds(1), outcome = -1;
    if (count < 0)
        snprintf(why, why_size, "LISTEN_FDS: %s", strerror(-count));
    else
        outcome = count > 0 ? inherit(listener, count, why, why_size) : open_own(listener, config, why, why_size);
    if (outcome == 0 && prepare(listener, why, why_size) == 0)
        return listener;
    listener_free(listener);
    return NULL;
}

int listener_start(struct listener *listener)
{
    for (size_t i = 0; i < listener->count; i++)
        if (listener->sockets[i].event && event_add(listener->sockets[i].event, NULL) < 0)
            return -1;
    return 0;
}

void listener_stop(struct listener *listener)
{
    if (listener->resume)
        event_free(listener->resume);
    listener->resume = NULL;
    for (size_t i = 0; i < listener->count; i++) {
        struct listening *socket = &listener->sockets[i];
        if (socket->event)
            event_free(socket->event);
        if (socket->fd >= 0)
            close(socket->fd);
        *socket = (struct listening){.listener = listener, .fd = -1};
    }
}

void listener_free(struct listener *listener)
{
    if (!listener)
        return;
    listener_stop(listener);
    free(listener);
}
