/* Memory that runs out: the N-th allocation of OpenSSL and libevent on the daemon's side fails, N = 1, 2, 3 ... until a
 * whole conversation goes by without meeting it. However far it came, the stream ends in order, or was never opened. */
#include "stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <openssl/crypto.h>

#include "stream_world.h"

/* What the allocators below go by, since they are handed nothing of ours. */
static struct {
    bool counting;
    long left; /* allocations that still come off */
} memory;

static bool comes_off(void)
{
    return !memory.counting || memory.left-- != 0;
}

static void *event_malloc(size_t len)
{
    return comes_off() ? malloc(len) : NULL;
}

static void *event_realloc(void *old, size_t len)
{
    return comes_off() ? realloc(old, len) : NULL;
}

static void *openssl_malloc(size_t len, const char *file, int line)
{
    (void)file, (void)line;
    return comes_off() ? malloc(len) : NULL;
}

static void *openssl_realloc(void *old, size_t len, const char *file, int line)
{
    (void)file, (void)line;
    return comes_off() ? realloc(old, len) : NULL;
}

static void openssl_free(void *old, const char *file, int line)
{
    (void)file, (void)line;
    free(old);
}

/* One turn, in which only the daemon's allocations fail. */
static void meagre_turn(struct world *world)
{
    tls_client_step(&world->peer);
    memory.counting = true;
    (void)event_base_loop(world->base, EVLOOP_NONBLOCK);
    memory.counting = false;
}

/* A conversation in which the allocation after `left` others fails; true when it came to its end all the same. */
static bool converse(struct world *world, long left)
{
    int fds[2];
    bool said = false, finished = false;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    memory.left = left;
    memory.counting = true;
    world_open_alone(world, fds[0], 10);
    memory.counting = false;
    tls_client_open(&world->peer, fds[1], &world->client, NULL, 0);
    for (int i = 0; i < 1000 && world->owner.stream && !(finished && world->peer.ended); i++) {
        meagre_turn(world);
        if (!said && world->peer.agreed) {
            tls_client_send(&world->peer, "ping\n", 5);
            said = true;
        }
        if (!finished && world->peer.got_len == 5) {
            world_act(&world->owner, FINISH);
            finished = true;
        }
    }
    bool whole = finished && world->peer.ended;
    if (world->owner.stream)
        world_disconnect(world);
    else
        tls_client_free(&world->peer);
    return whole;
}

static void each_allocation_may_fail(void **state)
{
    struct world *world = *state;
    long left = 0;
    world->echoes = true;
    world->may_fail = true;
    assert_true(converse(world, -1)); /* what is made once, for all streams, is made here */
    do {
        assert_true(left < 20000);
        memory.left = 0;
        (void)converse(world, left++);
    } while (memory.left < 0);
    assert_true(left > 100);
    assert_true(converse(world, -1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_may_fail),
    };
    if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1)
        return 1;
    event_set_mem_functions(event_malloc, event_realloc, free);
    return cmocka_run_group_tests_name("stream without memory", tests, world_set_up, world_tear_down);
}
