/* The stream as bytes: what its owner is told of input and output, when, and what stands on the wire. */
#include "stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <cmocka.h>
#include <event2/buffer.h>

#include "stream_world.h"

static void what_comes_is_told_and_what_is_said_arrives(void **state)
{
    struct world *world = *state;
    uint8_t fingerprint[32];
    world_connect(world);
    pki_fingerprint(&world->client, fingerprint);
    assert_int_equal(world->owner.peer.verdict, TLS_PEER_GOOD);
    assert_memory_equal(world->owner.peer.fingerprint, fingerprint, 32);
    assert_string_equal(world->owner.peer.origin, "local");
    world->owner.echoes = true;
    tls_client_send(&world->peer, "ping\n", 5);
    UNTIL(world, world->peer.got_len == 5);
    assert_memory_equal(world->peer.got, "ping\n", 5);
    assert_int_equal(world->owner.told[STREAM_INPUT], 1);
    assert_int_equal(world->owner.told[STREAM_DRAINED], 1);
    assert_int_equal(world->peer.tickets, 0);
    world_disconnect(world);
    assert_string_equal(world->owner.reason, "closed here");
}

static void a_byte_at_a_time_is_the_same(void **state)
{
    struct world *world = *state;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    world_open(world, world->tls, 0, fds);
    world->peer.send_most = 1; /* the handshake too */
    UNTIL(world, world->owner.told[STREAM_READY] && world->peer.agreed);
    tls_client_send(&world->peer, "ping tag=1\n", 11);
    tls_client_send(&world->peer, "ping tag=2\n", 11);
    UNTIL(world, world->owner.got_len == 22);
    assert_memory_equal(world->owner.got, "ping tag=1\nping tag=2\n", 22);
    assert_int_equal(world->owner.told[STREAM_INPUT], 2);
    world_disconnect(world);
}

static void output_of_a_turn_is_one_record(void **state)
{
    struct world *world = *state;
    world_connect(world);
    size_t before = world->peer.data_records;
    for (int i = 0; i < 100; i++) {
        evbuffer_add_printf(stream_output(world->owner.stream), "= number=%d\n", i);
        stream_flush(world->owner.stream);
    }
    size_t all = stream_unsent(world->owner.stream);
    assert_true(all > 1000);
    assert_int_equal(world->owner.told[STREAM_DRAINED], 0); /* not within the owner's calls */
    UNTIL(world, world->peer.got_len == all);
    assert_int_equal(world->peer.data_records - before, 1);
    assert_int_equal(world->owner.told[STREAM_DRAINED], 1);
    world_disconnect(world);
}

static void output_waits_for_a_reader_that_stops(void **state)
{
    struct world *world = *state;
    const size_t all = 4 << 20;
    char *bytes = world_pattern(all);
    world_connect(world);
    world->peer.deaf = true;
    world_say(world, bytes, all);
    size_t before;
    do {
        before = stream_unsent(world->owner.stream);
        world_turn(world);
    } while (stream_unsent(world->owner.stream) != before);
    assert_true(before > 1 << 20);
    assert_int_equal(world->owner.told[STREAM_DRAINED], 0);
    world_say(world, "more", 4); /* while a record is half on its way */
    world_idle(world);
    assert_int_equal(stream_unsent(world->owner.stream), before + 4);
    world->peer.deaf = false;
    UNTIL(world, world->peer.got_len == all + 4);
    assert_memory_equal(world->peer.got, bytes, all);
    assert_memory_equal(world->peer.got + all, "more", 4);
    assert_int_equal(world->owner.told[STREAM_DRAINED], 1);
    world_disconnect(world);
    free(bytes);
}

static void a_refused_reader_is_called_at_the_low_mark(void **state)
{
    struct world *world = *state;
    const size_t all = 1 << 20;
    char *bytes = world_pattern(all);
    int fds[2], few = 8192;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    assert_int_equal(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &few, sizeof few), 0); /* a record at a time */
    world_open(world, world->tls, 0, fds);
    UNTIL(world, world->owner.told[STREAM_READY] && world->peer.agreed);
    stream_read(world->owner.stream, false);
    world->peer.deaf = true;
    world_say(world, bytes, all);
    world_idle(world);
    assert_int_equal(world->owner.told[STREAM_DRAINED], 0);
    world->peer.deaf = false;
    UNTIL(world, world->owner.told[STREAM_DRAINED]);
    assert_in_range(stream_unsent(world->owner.stream), 1, 32768);
    UNTIL(world, world->peer.got_len == all);
    world_disconnect(world);
    free(bytes);
}

static void reading_that_is_off_takes_nothing(void **state)
{
    struct world *world = *state;
    world_connect(world);
    stream_read(world->owner.stream, false);
    for (int i = 0; i < 10; i++)
        tls_client_send(&world->peer, "ping\n", 5);
    world_idle(world);
    assert_int_equal(world->owner.told[STREAM_INPUT], 0);
    world_say(world, "said all the same\n", 18);
    UNTIL(world, world->peer.got_len == 18);
    assert_int_equal(world->owner.told[STREAM_INPUT], 0);
    stream_read(world->owner.stream, true);
    UNTIL(world, world->owner.got_len == 50);
    world_disconnect(world);
}

/* Stopping inside INPUT loses nothing of what came with it. */
static void reading_stopped_by_input_goes_on_later(void **state)
{
    struct world *world = *state;
    const size_t all = 300000;
    char *bytes = world_pattern(all);
    world_connect(world);
    world->owner.act[STREAM_INPUT] = STOP_READING;
    for (size_t at = 0; at < all; at += 10000)
        tls_client_send(&world->peer, bytes + at, 10000);
    while (world->owner.got_len < all) {
        size_t before = world->owner.got_len;
        stream_read(world->owner.stream, true);
        UNTIL(world, world->owner.got_len > before);
        before = world->owner.got_len;
        world_turn(world);
        assert_int_equal(world->owner.got_len, before);
    }
    assert_memory_equal(world->owner.got, bytes, all);
    assert_true(world->owner.turn_input <= 65536 + 16384);
    world_disconnect(world);
    free(bytes);
}

static void progress_is_noted(void **state)
{
    struct world *world = *state;
    world_connect(world);
    int64_t ready = stream_progress(world->owner.stream);
    UNTIL(world, clock_monotonic() > ready + 1);
    assert_int_equal(stream_progress(world->owner.stream), ready);
    tls_client_send(&world->peer, "ping\n", 5);
    UNTIL(world, world->owner.got_len == 5);
    int64_t came = stream_progress(world->owner.stream);
    assert_true(came > ready);
    UNTIL(world, clock_monotonic() > came + 1);
    world_say(world, "OK\n", 3);
    UNTIL(world, world->peer.got_len == 3);
    assert_true(stream_progress(world->owner.stream) > came);
    /* A peer that takes nothing makes none, however much it sends. */
    world->peer.deaf = true;
    char *bytes = world_pattern(4 << 20);
    world_say(world, bytes, 4 << 20);
    world_idle(world);
    int64_t stuck = stream_progress(world->owner.stream);
    UNTIL(world, clock_monotonic() > stuck + 1);
    tls_client_send(&world->peer, "ping\n", 5);
    UNTIL(world, world->owner.got_len == 10);
    assert_int_equal(stream_progress(world->owner.stream), stuck);
    world_disconnect(world);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_is_told_and_what_is_said_arrives),
        cmocka_unit_test(a_byte_at_a_time_is_the_same),
        cmocka_unit_test(output_of_a_turn_is_one_record),
        cmocka_unit_test(output_waits_for_a_reader_that_stops),
        cmocka_unit_test(a_refused_reader_is_called_at_the_low_mark),
        cmocka_unit_test(reading_that_is_off_takes_nothing),
        cmocka_unit_test(reading_stopped_by_input_goes_on_later),
        cmocka_unit_test(progress_is_noted),
    };
    return cmocka_run_group_tests_name("stream", tests, world_set_up, world_tear_down);
}
