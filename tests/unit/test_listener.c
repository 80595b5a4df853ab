/* The listener, on real sockets of the loopback: connections are taken from an own or an inherited socket, a shortage
 * of descriptors makes it pause and not spin, and after a stop nothing is taken. */
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <event2/event.h>
#include <netinet/in.h>

#include "clock.h"
#include "config.h"
#include "log.h"

#define INHERITED 3 /* SD_LISTEN_FDS_START */
#define DEADLINE_MS 10000

static struct config config = {.listen_address = "127.0.0.1", .listen_backlog = 64};
static struct event_base *base;
static int taken[200];
static size_t count;

static void on_taken(void *owner, int fd)
{
    assert_ptr_equal(owner, &count);
    assert_true(count < COUNT(taken));
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    taken[count++] = fd;
}

static int begin(void **state)
{
    (void)state;
    base = event_base_new();
    count = 0;
    config.listen_port = 0;
    return base ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    while (count > 0)
        close(taken[--count]);
    event_base_free(base);
    return 0;
}

static struct listener *listen_here(void)
{
    char why[512] = "";
    struct listener *listener = listener_new(base, &config, on_taken, &count, why, sizeof why);
    if (!listener)
        fail_msg("%s", why);
    return listener;
}

/* A listening socket as descriptor `fd`; its port. */
static int listen_as(int fd)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof name;
    int made = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(made >= 0);
    assert_int_equal(bind(made, (struct sockaddr *)&name, len), 0);
    assert_int_equal(listen(made, 64), 0);
    assert_int_equal(getsockname(made, (struct sockaddr *)&name, &len), 0);
    if (made != fd) {
        assert_int_equal(dup2(made, fd), fd);
        close(made);
    }
    return ntohs(name.sin_port);
}

/* A port that is free at this moment. */
static int free_port(void)
{
    int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10), port = listen_as(fd);
    close(fd);
    return port;
}

static int connect_to(int port)
{
    struct sockaddr_in name = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (connect(fd, (struct sockaddr *)&name, sizeof name) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Runs the loop until that many are taken; the number of turns. */
static int run_until(size_t wanted)
{
    int64_t until = clock_monotonic() + DEADLINE_MS;
    int turns = 0;
    for (; count < wanted; turns++) {
        assert_true(clock_monotonic() < until);
        assert_true(event_base_loop(base, EVLOOP_ONCE) >= 0);
    }
    assert_int_equal(count, wanted);
    return turns;
}

static void inherit_environment(int sockets)
{
    char text[16];
    snprintf(text, sizeof text, "%d", (int)getpid());
    setenv("LISTEN_PID", text, 1);
    snprintf(text, sizeof text, "%d", sockets);
    setenv("LISTEN_FDS", text, 1);
}

static void an_own_socket_takes_connections_until_it_stops(void **state)
{
    (void)state;
    config.listen_port = free_port();
    struct listener *listener = listen_here();
    int before = connect_to(config.listen_port); /* waits in the kernel */
    assert_true(before >= 0);
    assert_true(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
    assert_int_equal(count, 0);
    assert_int_equal(listener_start(listener), 0);
    run_until(1);
    int after = connect_to(config.listen_port);
    run_until(2);
    listener_stop(listener);
    assert_int_equal(connect_to(config.listen_port), -1);
    assert_int_equal(errno, ECONNREFUSED);
    listener_free(listener);
    close(before);
    close(after);
}

static void a_turn_takes_a_bounded_number(void **state)
{
    (void)state;
    int clients[100];
    config.listen_port = free_port();
    config.listen_backlog = 128;
    struct listener *listener = listen_here();
    for (size_t i = 0; i < COUNT(clients); i++)
        assert_true((clients[i] = connect_to(config.listen_port)) >= 0);
    assert_int_equal(listener_start(listener), 0);
    assert_true(event_base_loop(base, EVLOOP_ONCE) >= 0);
    assert_in_range(count, 1, COUNT(clients) - 1);
    run_until(COUNT(clients));
    listener_free(listener);
    for (size_t i = 0; i < COUNT(clients); i++)
        close(clients[i]);
}

/* With a socket that spins there would be many thousand turns. */
static void a_shortage_makes_it_pause(void **state)
{
    (void)state;
    struct rlimit old, low;
    config.listen_port = free_port();
    struct listener *listener = listen_here();
    int client = connect_to(config.listen_port), next = dup(client), turns = 0;
    close(next);
    assert_int_equal(listener_start(listener), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    low = old;
    low.rlim_cur = (rlim_t)next; /* not one more */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    for (int64_t until = clock_monotonic() + 500; clock_monotonic() < until; turns++)
        assert_true(event_base_loop(base, EVLOOP_ONCE) >= 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(count, 0);
    assert_in_range(turns, 2, 50);
    run_until(1); /* it goes on by itself */
    listener_free(listener);
    close(client);
}

static void a_port_in_use_is_told(void **state)
{
    (void)state;
    char why[512] = "";
    config.listen_port = free_port();
    struct listener *listener = listen_here();
    assert_null(listener_new(base, &config, on_taken, &count, why, sizeof why));
    char expected[256];
    snprintf(expected, sizeof expected,
             "[listen] address, port: cannot listen on 127.0.0.1, port %d: Address already in use", config.listen_port);
    assert_string_equal(why, expected);
    listener_free(listener);
}

static void inherited_sockets_are_taken_from_and_left_open(void **state)
{
    (void)state;
    int ports[] = {listen_as(INHERITED), listen_as(INHERITED + 1)}, shared = fcntl(INHERITED, F_DUPFD_CLOEXEC, 10);
    inherit_environment(2);
    struct listener *listener = listen_here();
    assert_null(getenv("LISTEN_FDS")); /* of no use to anybody who comes after */
    assert_int_equal(listener_start(listener), 0);
    int clients[] = {connect_to(ports[0]), connect_to(ports[1]), -1};
    run_until(2);
    listener_stop(listener);
    clients[2] = connect_to(ports[0]); /* waits for another daemon */
    assert_true(clients[2] >= 0);
    assert_true(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
    assert_int_equal(count, 2);
    int other = accept(shared, NULL, NULL);
    assert_true(other >= 0);
    close(other);
    close(shared);
    listener_free(listener);
    for (size_t i = 0; i < COUNT(clients); i++)
        close(clients[i]);
}

static void what_is_inherited_must_listen(void **state)
{
    (void)state;
    char why[512] = "";
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(dup2(fd, INHERITED), INHERITED);
    if (fd != INHERITED)
        close(fd);
    inherit_environment(1);
    assert_null(listener_new(base, &config, on_taken, &count, why, sizeof why));
    assert_string_equal(why, "LISTEN_FDS: descriptor 3 is no listening TCP socket");
    close(INHERITED);
    inherit_environment(1);
    setenv("LISTEN_FDS", "many", 1);
    assert_null(listener_new(base, &config, on_taken, &count, why, sizeof why));
    assert_non_null(strstr(why, "LISTEN_FDS: "));
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_PID");
}

/* Descriptors 3 and 4 are the tests'; what libevent opens comes behind them. */
static int reserve(void **state)
{
    (void)state;
    log_level(LOG_LEVEL_ERROR);
    for (int fd = INHERITED; fd < INHERITED + 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && dup2(STDERR_FILENO, fd) < 0)
            return -1;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_own_socket_takes_connections_until_it_stops, begin, end),
        cmocka_unit_test_setup_teardown(a_turn_takes_a_bounded_number, begin, end),
        cmocka_unit_test_setup_teardown(a_shortage_makes_it_pause, begin, end),
        cmocka_unit_test_setup_teardown(a_port_in_use_is_told, begin, end),
        cmocka_unit_test_setup_teardown(inherited_sockets_are_taken_from_and_left_open, begin, end),
        cmocka_unit_test_setup_teardown(what_is_inherited_must_listen, begin, end),
    };
    return cmocka_run_group_tests(tests, reserve, NULL);
}
