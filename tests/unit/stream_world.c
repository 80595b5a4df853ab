/* The world of a stream: everything in one loop, so that nothing waits for anything but turns. */
#include "stream_world.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/event.h>

#include "log.h"
#include "tls.h"

void world_act(struct owner *owner, enum act act)
{
    owner->in_call = true;
    if (act == CLOSE)
        stream_close(owner->stream);
    else if (act == FINISH)
        stream_finish(owner->stream);
    else if (act == STOP_READING)
        stream_read(owner->stream, false);
    owner->in_call = false;
}

static void take(struct owner *owner)
{
    struct evbuffer *input = stream_input(owner->stream);
    size_t len = evbuffer_get_length(input);
    assert_true(len > 0);
    if (len > owner->turn_input)
        owner->turn_input = len;
    assert_true(owner->got_len + len <= sizeof owner->got);
    evbuffer_copyout(input, owner->got + owner->got_len, len);
    owner->got_len += len;
    if (owner->echoes) {
        evbuffer_add_buffer(stream_output(owner->stream), input);
        stream_flush(owner->stream);
    } else {
        evbuffer_drain(input, len);
    }
}

static void on_event(struct stream *stream, enum stream_event event, void *arg)
{
    struct owner *owner = arg;
    assert_false(owner->in_call);
    assert_ptr_equal(owner->stream, stream); /* after CLOSED nothing comes: this would be NULL */
    owner->told[event]++;
    owner->last = event;
    if (event == STREAM_READY)
        owner->peer = *stream_peer(stream);
    if (event == STREAM_INPUT)
        take(owner);
    if (event == STREAM_CLOSED) {
        snprintf(owner->reason, sizeof owner->reason, "%s", stream_reason(stream));
        world_act(owner, CLOSE); /* is no use, and no harm */
        owner->stream = NULL;
        return;
    }
    world_act(owner, owner->act[event]);
}

/* ---- the world ---- */

struct tls *world_load(enum config_tls_min least)
{
    char why[512] = "";
    struct config config = {.tls_certificate = pki_path("server.pem"),
                            .tls_key = pki_path("server.key"),
                            .tls_ca = pki_path("ca.pem"),
                            .tls_min = (int)least};
    struct tls *tls = tls_new(&config, why, sizeof why);
    if (!tls)
        fail_msg("%s", why);
    return tls;
}

int world_set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    signal(SIGPIPE, SIG_IGN);
    log_level(LOG_LEVEL_ERROR);
    world->ca = pki_make(&(struct pki_spec){.name = "CA", .ca = true}, NULL);
    world->server = pki_make(&(struct pki_spec){.name = "registry", .usage = "serverAuth"}, &world->ca);
    world->client = pki_make(&(struct pki_spec){.name = "25LU", .usage = "clientAuth"}, &world->ca);
    pki_write_certificates("server.pem", (const struct pki *[]){&world->server}, 1);
    pki_write_key("server.key", &world->server, 0600);
    pki_write_certificates("ca.pem", (const struct pki *[]){&world->ca}, 1);
    world->tls = world_load(TLS_MIN_1_3);
    world->tls_1_2 = world_load(TLS_MIN_1_2);
    world->base = event_base_new();
    assert_non_null(world->base);
    *state = world;
    return 0;
}

int world_tear_down(void **state)
{
    struct world *world = *state;
    event_base_free(world->base);
    tls_release(world->tls);
    tls_release(world->tls_1_2);
    pki_free(&world->ca);
    pki_free(&world->server);
    pki_free(&world->client);
    pki_remove_folder();
    free(world);
    return 0;
}

void world_turn(struct world *world)
{
    if (world->peer.ssl)
        tls_client_step(&world->peer);
    (void)event_base_loop(world->base, EVLOOP_NONBLOCK);
}

void world_idle(struct world *world)
{
    for (int i = 0; i < 50; i++)
        world_turn(world);
}

static void open_stream(struct world *world, struct tls *tls, int fd, int handshake_seconds)
{
    world->owner = (struct owner){.echoes = world->echoes};
    world->owner.stream = stream_open(world->base, tls, fd, handshake_seconds, on_event, &world->owner);
    assert_true(world->owner.stream || world->may_fail);
}

void world_open_alone(struct world *world, int fd, int handshake_seconds)
{
    open_stream(world, world->tls, fd, handshake_seconds);
}

void world_open(struct world *world, struct tls *tls, int version, int fds[2])
{
    open_stream(world, tls, fds[0], 10);
    tls_client_open(&world->peer, fds[1], &world->client, NULL, version);
}

void world_connect_with(struct world *world, struct tls *tls, int version)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    world_open(world, tls, version, fds);
    UNTIL(world, world->owner.told[STREAM_READY] && world->peer.agreed);
}

void world_connect(struct world *world)
{
    world_connect_with(world, world->tls, 0);
}

void world_disconnect(struct world *world)
{
    if (world->owner.stream)
        world_act(&world->owner, CLOSE);
    UNTIL(world, world->owner.told[STREAM_CLOSED]);
    world_idle(world);
    assert_int_equal(world->owner.told[STREAM_CLOSED], 1);
    assert_int_equal(world->owner.last, STREAM_CLOSED);
    tls_client_free(&world->peer);
}

void world_say(struct world *world, const void *bytes, size_t len)
{
    assert_int_equal(evbuffer_add(stream_output(world->owner.stream), bytes, len), 0);
    stream_flush(world->owner.stream);
}

char *world_pattern(size_t len)
{
    char *bytes = malloc(len);
    uint32_t value = 1;
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++) {
        value = value * 1664525 + 1013904223;
        bytes[i] = (char)(value >> 24);
    }
    return bytes;
}
