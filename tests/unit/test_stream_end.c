/* The ends of a stream: in order, at once, by the peer, by a cut; CLOSED comes once and is the last. */
#include "stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <cmocka.h>
#include <event2/event.h>

#include "stream_world.h"

static void a_peer_that_ends_gets_its_answers(void **state)
{
    struct world *world = *state;
    world_connect(world);
    tls_client_send(&world->peer, "ping\n", 5);
    tls_client_end(&world->peer);
    UNTIL(world, world->owner.told[STREAM_PEER_ENDED]);
    assert_int_equal(world->owner.got_len, 5);
    world_idle(world);
    assert_int_equal(world->owner.told[STREAM_PEER_ENDED], 1);
    assert_int_equal(world->owner.told[STREAM_CLOSED], 0);
    world_say(world, "OK\n", 3);
    UNTIL(world, world->peer.got_len == 3);
    world_say(world, "OK\n", 3);
    world_act(&world->owner, FINISH);
    UNTIL(world, world->peer.ended && world->peer.hung_up);
    assert_int_equal(world->peer.got_len, 6);
    UNTIL(world, world->owner.told[STREAM_CLOSED]);
    assert_string_equal(world->owner.reason, "finished");
    world_disconnect(world);
}

static void a_cut_in_a_record_is_no_end(void **state)
{
    struct world *world = *state;
    world_connect(world);
    tls_client_send(&world->peer, "ping\n", 5);
    world->peer.send_most = 10;
    tls_client_step(&world->peer);
    assert_true(world->peer.unsent_len > 0);
    tls_client_cut(&world->peer);
    UNTIL(world, world->owner.told[STREAM_CLOSED]);
    assert_int_equal(world->owner.told[STREAM_INPUT], 0);
    assert_int_equal(world->owner.told[STREAM_PEER_ENDED], 0);
    assert_string_equal(world->owner.reason, "cut off");
    world_disconnect(world);
}

static void a_cut_between_records_is_no_end(void **state)
{
    struct world *world = *state;
    world_connect(world);
    tls_client_send(&world->peer, "ping\n", 5);
    tls_client_step(&world->peer);
    tls_client_cut(&world->peer);
    UNTIL(world, world->owner.told[STREAM_CLOSED]);
    assert_int_equal(world->owner.got_len, 5);
    assert_int_equal(world->owner.told[STREAM_PEER_ENDED], 0);
    assert_string_equal(world->owner.reason, "cut off");
    world_disconnect(world);
}

static void finish_discards_what_still_comes(void **state)
{
    struct world *world = *state;
    char *bytes = world_pattern(16384);
    world_connect(world);
    world_say(world, "* BYE\n", 6);
    world_act(&world->owner, FINISH);
    world_act(&world->owner, FINISH); /* idempotent */
    for (int i = 0; i < 100; i++)
        tls_client_send(&world->peer, bytes, 16384);
    UNTIL(world, world->peer.ended && world->peer.unsent_len == 0);
    assert_int_equal(world->peer.got_len, 6);
    UNTIL(world, world->peer.hung_up); /* of the half that was the server's */
    world_idle(world);
    assert_int_equal(world->owner.told[STREAM_CLOSED], 0); /* the peer has not ended */
    assert_int_equal(world->owner.told[STREAM_INPUT], 0);
    tls_client_end(&world->peer);
    tls_client_step(&world->peer);
    tls_client_cut(&world->peer);
    UNTIL(world, world->owner.told[STREAM_CLOSED]);
    assert_string_equal(world->owner.reason, "finished");
    assert_int_equal(world->owner.told[STREAM_PEER_ENDED], 0);
    world_disconnect(world);
    free(bytes);
}

/* Both have much to say and neither reads first. */
static void finish_does_not_lock_with_a_peer_that_sends(void **state)
{
    struct world *world = *state;
    const size_t all = 2 << 20;
    char *bytes = world_pattern(all);
    world_connect(world);
    stream_read(world->owner.stream, false);
    world->peer.deaf = true;
    for (size_t at = 0; at < all; at += 16384)
        tls_client_send(&world->peer, bytes + at, 16384);
    world_say(world, bytes, all);
    world_idle(world);
    assert_true(world->peer.unsent_len > 0);
    world_act(&world->owner, FINISH);
    UNTIL(world, world->peer.unsent_len == 0); /* it sends all before it reads anything */
    world->peer.deaf = false;
    UNTIL(world, world->peer.ended);
    assert_int_equal(world->peer.got_len, all);
    assert_memory_equal(world->peer.got, bytes, all);
    tls_client_cut(&world->peer);
    UNTIL(world, world->owner.told[STREAM_CLOSED]);
    world_disconnect(world);
    free(bytes);
}

static void finish_waits_two_seconds_and_no_more(void **state)
{
    struct world *world = *state;
    world_connect(world);
    int64_t begun = clock_monotonic();
    world_act(&world->owner, FINISH);
    UNTIL(world, world->peer.ended);
    while (!world->owner.told[STREAM_CLOSED] && clock_monotonic() - begun < DEADLINE_MS)
        (void)event_base_loop(world->base, EVLOOP_ONCE);
    assert_in_range(clock_monotonic() - begun, 1900, 10000);
    assert_string_equal(world->owner.reason, "finished, but the peer did not end");
    world_disconnect(world);
}

/* Fills what lies between with records of 1,000 bytes, until one has to wait or `most` are gone; how many are. */
static size_t fill(struct world *world, size_t most)
{
    const char bytes[1000] = "";
    size_t count = 0;
    world_connect(world);
    world->peer.deaf = true;
    for (; count < most && stream_unsent(world->owner.stream) == 0; count++) {
        world_say(world, bytes, sizeof bytes);
        world_idle(world);
    }
    return stream_unsent(world->owner.stream) == 0 ? count : count - 1;
}

/* All output has left, but there is no room for close_notify: it counts, or nobody would see that the peer is stuck. */
static void close_notify_that_has_to_wait_is_unsent(void **state)
{
    struct world *world = *state;
    size_t all = fill(world, SIZE_MAX);
    world_disconnect(world);
    assert_int_equal(fill(world, all), all);
    world_act(&world->owner, FINISH);
    world_idle(world);
    assert_int_equal(world->owner.told[STREAM_CLOSED], 0);
    assert_true(stream_unsent(world->owner.stream) > 0);
    world->peer.deaf = false;
    UNTIL(world, world->peer.ended);
    assert_int_equal(stream_unsent(world->owner.stream), 0);
    world_disconnect(world);
}

static void close_ends_within_the_turn_and_once(void **state)
{
    struct world *world = *state;
    world_connect(world);
    world_say(world, "never sent", 10);
    world_act(&world->owner, CLOSE);
    world_act(&world->owner, CLOSE);
    world_act(&world->owner, FINISH);
    world_act(&world->owner, STOP_READING);
    assert_int_equal(world->owner.told[STREAM_CLOSED], 0);
    (void)event_base_loop(world->base, EVLOOP_NONBLOCK);
    assert_int_equal(world->owner.told[STREAM_CLOSED], 1);
    UNTIL(world, world->peer.hung_up);
    assert_false(world->peer.ended);
    assert_int_equal(world->peer.got_len, 0);
    world_disconnect(world);
}

/* At each event the owner may end; nothing but CLOSED comes after. */
static void an_owner_may_end_at_every_event(void **state)
{
    struct world *world = *state;
    static const enum act acts[] = {CLOSE, FINISH};
    for (int event = STREAM_READY; event < STREAM_CLOSED; event++)
        for (size_t i = 0; i < COUNT(acts); i++) {
            int fds[2], told = 0;
            assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
            world_open(world, world->tls, 0, fds);
            world->owner.act[event] = acts[i];
            world->owner.echoes = true;
            UNTIL(world, world->peer.agreed);
            tls_client_send(&world->peer, "ping\n", 5);
            tls_client_end(&world->peer);
            UNTIL(world, world->owner.told[event]);
            for (int other = STREAM_READY; other < STREAM_CLOSED; other++)
                told += world->owner.told[other];
            UNTIL(world, world->peer.hung_up || world->peer.ended);
            tls_client_cut(&world->peer);
            UNTIL(world, world->owner.told[STREAM_CLOSED]);
            for (int other = STREAM_READY; other < STREAM_CLOSED; other++)
                told -= world->owner.told[other];
            assert_int_equal(told, 0);
            world_disconnect(world);
        }
}

static void a_reset_is_told(void **state)
{
    struct world *world = *state;
    world_connect(world);
    world_say(world, "a", 1);
    world_idle(world);
    tls_client_cut(&world->peer);
    for (int i = 0; i < 10 && world->owner.stream; i++) {
        world_say(world, "b", 1);
        world_turn(world);
    }
    UNTIL(world, world->owner.told[STREAM_CLOSED]);
    assert_true(strcmp(world->owner.reason, "reset") == 0 || strcmp(world->owner.reason, "cut off") == 0);
    world_disconnect(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peer_that_ends_gets_its_answers),
        cmocka_unit_test(a_cut_in_a_record_is_no_end),
        cmocka_unit_test(a_cut_between_records_is_no_end),
        cmocka_unit_test(finish_discards_what_still_comes),
        cmocka_unit_test(finish_does_not_lock_with_a_peer_that_sends),
        cmocka_unit_test(finish_waits_two_seconds_and_no_more),
        cmocka_unit_test(close_notify_that_has_to_wait_is_unsent),
        cmocka_unit_test(close_ends_within_the_turn_and_once),
        cmocka_unit_test(an_owner_may_end_at_every_event),
        cmocka_unit_test(a_reset_is_told),
    };
    return cmocka_run_group_tests_name("stream ends", tests, world_set_up, world_tear_down);
}
