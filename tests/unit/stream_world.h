/* For tests of the stream: an owner that notes what it is told, a client at the other end, and the turns of the loop.
 */
#ifndef BUURTAAL_TEST_STREAM_WORLD_H
#define BUURTAAL_TEST_STREAM_WORLD_H

#include "base.h"
#include "clock.h"
#include "config.h"
#include "pki.h"
#include "stream.h"
#include "tls_client.h"

#define DEADLINE_MS 20000
#define EVENTS 5

/* What the owner does when it is told `event`. */
enum act { NOTHING, CLOSE, FINISH, STOP_READING };

struct owner {
    struct stream *stream; /* NULL after CLOSED */
    int told[EVENTS];
    enum stream_event last;
    enum act act[EVENTS];
    bool echoes;
    bool in_call;      /* one of the owner's calls is under way */
    size_t turn_input; /* the most INPUT bytes that one event brought */
    char got[1 << 20];
    size_t got_len;
    char reason[96];
    struct stream_peer peer;
};

struct world {
    struct pki ca, server, client;
    struct tls *tls, *tls_1_2;
    struct event_base *base;
    bool echoes;   /* what owners to come begin with */
    bool may_fail; /* stream_open may be out of memory */
    struct owner owner;
    struct tls_client peer;
};

/* Turns until the condition holds; past the deadline the test has failed. */
#define UNTIL(world, condition)                                                                                        \
    do {                                                                                                               \
        int64_t until = clock_monotonic() + DEADLINE_MS;                                                               \
        while (!(condition)) {                                                                                         \
            world_turn(world);                                                                                         \
            if (clock_monotonic() > until)                                                                             \
                fail_msg("not within %d s: %s", DEADLINE_MS / 1000, #condition);                                       \
        }                                                                                                              \
    } while (0)

int world_set_up(void **state);
int world_tear_down(void **state);
/* The settings of the world's files. */
struct tls *world_load(enum config_tls_min least);

/* One turn of the client, then one of the loop. */
void world_turn(struct world *world);
/* Turns during which the whole world has the chance to do more than it should. */
void world_idle(struct world *world);

/* Makes an owner's stream over `fd`, with so many seconds for the handshake; there is no client. */
void world_open_alone(struct world *world, int fd, int handshake_seconds);
/* Makes an owner's stream over fds[0] and a client over fds[1]. */
void world_open(struct world *world, struct tls *tls, int version, int fds[2]);
/* The same over a pair of sockets of its own, up to the end of the handshake. */
void world_connect_with(struct world *world, struct tls *tls, int version);
void world_connect(struct world *world);
/* Ends the pair, however it stands, and sees CLOSED come once. */
void world_disconnect(struct world *world);

/* The owner's calls. */
void world_act(struct owner *owner, enum act act);
void world_say(struct world *world, const void *bytes, size_t len);

/* Bytes in which a loss or an exchange would show; the caller's. */
char *world_pattern(size_t len);

#endif
