/* What the stream makes of TLS itself: handshakes that do not come off, new keys, TLS 1.2; and the peer's origin. */
#include "stream.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <openssl/ssl.h>

#include "stream_world.h"
#include "tls.h"

static void a_handshake_has_its_time(void **state)
{
    struct world *world = *state;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    world_open_alone(world, fds[0], 1);
    int64_t begun = clock_monotonic();
    while (!world->owner.told[STREAM_CLOSED] && clock_monotonic() - begun < DEADLINE_MS)
        (void)event_base_loop(world->base, EVLOOP_ONCE);
    assert_in_range(clock_monotonic() - begun, 900, 9000);
    assert_string_equal(world->owner.reason, "handshake timeout");
    assert_int_equal(world->owner.told[STREAM_READY], 0);
    close(fds[1]);
}

static void what_is_no_tls_is_closed(void **state)
{
    struct world *world = *state;
    static const char *const said[] = {"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\xff\xff", "ping\n",
                                       "\x80\x80\x01\x03\x01"};
    for (size_t i = 0; i < COUNT(said); i++) {
        int fds[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        world_open_alone(world, fds[0], 10);
        assert_true(send(fds[1], said[i], strlen(said[i]), MSG_NOSIGNAL) > 0);
        shutdown(fds[1], SHUT_WR);
        UNTIL(world, world->owner.told[STREAM_CLOSED]);
        assert_int_equal(world->owner.told[STREAM_READY], 0);
        assert_true(strlen(world->owner.reason) > 0);
        close(fds[1]);
    }
}

static void a_handshake_may_be_ended(void **state)
{
    struct world *world = *state;
    static const enum act acts[] = {CLOSE, FINISH};
    for (size_t i = 0; i < COUNT(acts); i++) {
        int fds[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        world_open(world, world->tls, 0, fds);
        tls_client_step(&world->peer);
        world_act(&world->owner, acts[i]);
        UNTIL(world, world->owner.told[STREAM_CLOSED]);
        assert_int_equal(world->owner.told[STREAM_READY], 0);
        world_disconnect(world);
    }
}

static void output_before_ready_leaves_after_it(void **state)
{
    struct world *world = *state;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    world_open(world, world->tls, 0, fds);
    world_say(world, "* hello\n", 8);
    UNTIL(world, world->peer.got_len == 8);
    world_disconnect(world);
}

static void new_keys_are_taken_but_not_without_end(void **state)
{
    struct world *world = *state;
    world_connect(world);
    world->owner.echoes = true;
    for (size_t pings = 1; pings <= 3; pings++) {
        for (int i = 0; i < 10; i++) {
            assert_int_equal(SSL_key_update(world->peer.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
            assert_int_equal(SSL_do_handshake(world->peer.ssl), 1);
            UNTIL(world, world->peer.unsent_len == 0);
        }
        tls_client_send(&world->peer, "ping\n", 5);
        UNTIL(world, world->peer.got_len == 5 * pings);
    }
    for (int i = 0; i < 100 && !world->owner.told[STREAM_CLOSED]; i++) {
        assert_int_equal(SSL_key_update(world->peer.ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(world->peer.ssl), 1);
        world_turn(world);
    }
    UNTIL(world, world->owner.told[STREAM_CLOSED]);
    assert_string_equal(world->owner.reason, "tls: too many messages without data");
    world_disconnect(world);
}

static void renegotiation_is_refused(void **state)
{
    struct world *world = *state;
    world_connect_with(world, world->tls_1_2, TLS1_2_VERSION);
    assert_int_equal(SSL_version(world->peer.ssl), TLS1_2_VERSION);
    assert_int_equal(world->peer.tickets, 0);
    assert_int_equal(SSL_renegotiate(world->peer.ssl), 1);
    (void)SSL_do_handshake(world->peer.ssl);
    UNTIL(world, world->peer.failed || world->owner.told[STREAM_CLOSED]);
    assert_int_equal(world->owner.told[STREAM_READY], 1);
    world_disconnect(world);
}

static void tls_1_2_carries_bytes_too(void **state)
{
    struct world *world = *state;
    world_connect_with(world, world->tls_1_2, TLS1_2_VERSION);
    world->owner.echoes = true;
    tls_client_send(&world->peer, "ping\n", 5);
    UNTIL(world, world->peer.got_len == 5);
    tls_client_end(&world->peer);
    UNTIL(world, world->owner.told[STREAM_PEER_ENDED]);
    world_act(&world->owner, FINISH);
    UNTIL(world, world->peer.ended);
    world_disconnect(world);
}

/* ---- origin ---- */

static void expect_origin(struct world *world, int family, const char *prefix, bool mapped)
{
    struct sockaddr_storage address = {.ss_family = (sa_family_t)family};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
    socklen_t len = family == AF_INET ? sizeof *v4 : sizeof *v6;
    char expected[64];
    int off = 0, fds[2], listener = socket(family, SOCK_STREAM, 0);
    if (family == AF_INET)
        v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else if (!mapped)
        v6->sin6_addr = in6addr_loopback;
    else
        (void)setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, len) < 0) {
        if (listener >= 0)
            close(listener);
        return; /* this machine has no IPv6 */
    }
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    if (mapped) { /* somebody who speaks IPv4 comes to a socket for IPv6 */
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = v6->sin6_port};
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        memcpy(&address, &to, sizeof to);
        len = sizeof to;
    }
    fds[1] = socket(mapped ? AF_INET : family, SOCK_STREAM, 0);
    assert_int_equal(connect(fds[1], (struct sockaddr *)&address, len), 0);
    fds[0] = accept(listener, NULL, NULL);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    len = sizeof address;
    assert_int_equal(getsockname(fds[1], (struct sockaddr *)&address, &len), 0);
    snprintf(expected, sizeof expected, "%s%u", prefix, ntohs(v4->sin_port)); /* in the same place for both */
    world_open(world, world->tls, 0, fds);
    UNTIL(world, world->owner.told[STREAM_READY]);
    assert_string_equal(world->owner.peer.origin, expected);
    world_disconnect(world);
    close(listener);
}

static void the_origin_is_address_and_port(void **state)
{
    struct world *world = *state;
    expect_origin(world, AF_INET, "127.0.0.1:", false);
    expect_origin(world, AF_INET6, "[::1]:", false);
    expect_origin(world, AF_INET6, "127.0.0.1:", true);
}

static void a_stream_keeps_its_settings_over_a_reload(void **state)
{
    struct world *world = *state;
    struct tls *old = world_load(TLS_MIN_1_3);
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    world_open(world, old, 0, fds);
    tls_release(old);
    UNTIL(world, world->owner.told[STREAM_READY] && world->peer.agreed);
    world->owner.echoes = true;
    tls_client_send(&world->peer, "ping\n", 5);
    UNTIL(world, world->peer.got_len == 5);
    world_disconnect(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handshake_has_its_time),
        cmocka_unit_test(what_is_no_tls_is_closed),
        cmocka_unit_test(a_handshake_may_be_ended),
        cmocka_unit_test(output_before_ready_leaves_after_it),
        cmocka_unit_test(new_keys_are_taken_but_not_without_end),
        cmocka_unit_test(renegotiation_is_refused),
        cmocka_unit_test(tls_1_2_carries_bytes_too),
        cmocka_unit_test(the_origin_is_address_and_port),
        cmocka_unit_test(a_stream_keeps_its_settings_over_a_reload),
    };
    return cmocka_run_group_tests_name("stream and TLS", tests, world_set_up, world_tear_down);
}
