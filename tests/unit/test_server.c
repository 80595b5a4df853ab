/* Who is connected: numbers, the counts of those within and beyond the limit, the limit of a party; and that a check of
 * the configuration tells all that is wrong with what it names. */
#include "server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"

static struct config config = {.limits_party = 2, .limits_connections = 3};
static struct server server;

static int begin(void **state)
{
    (void)state;
    server = (struct server){.config = &config};
    TAILQ_INIT(&server.clients);
    LIST_INIT(&server.parties);
    return 0;
}

static struct session *session(int n)
{
    static char places[8];
    return (struct session *)&places[n]; /* never looked into */
}

static void connections_are_counted_and_numbered(void **state)
{
    (void)state;
    struct server_client a, b, extra;
    server_join(&server, &a, session(0), false);
    server_join(&server, &extra, session(1), true);
    server_join(&server, &b, session(2), false);
    assert_int_equal(server.client_count, 2);
    assert_int_equal(server.extra_count, 1);
    assert_int_equal(a.number, 1);
    assert_int_equal(extra.number, 2);
    assert_int_equal(b.number, 3);
    assert_ptr_equal(TAILQ_FIRST(&server.clients)->session, session(0));
    server_leave(&server, &a);
    assert_ptr_equal(TAILQ_FIRST(&server.clients)->session, session(1));
    assert_int_equal(server.client_count, 1);
    server_leave(&server, &extra);
    assert_int_equal(server.extra_count, 0);
    server_join(&server, &a, session(3), false);
    assert_int_equal(a.number, 4); /* no number is used twice */
    server_leave(&server, &b);
    server_leave(&server, &a);
    assert_int_equal(server.client_count, 0);
    assert_true(TAILQ_EMPTY(&server.clients));
}

static void a_party_has_its_limit(void **state)
{
    (void)state;
    struct server_client clients[4];
    for (int i = 0; i < 4; i++)
        server_join(&server, &clients[i], session(i), false);
    assert_int_equal(server_join_party(&server, &clients[0], "25LU"), 0);
    assert_int_equal(server_join_party(&server, &clients[1], "25LU"), 0);
    assert_int_equal(server_join_party(&server, &clients[2], "25LU"), -1);
    assert_int_equal(server_join_party(&server, &clients[3], "25lu"), 0); /* another party */
    server_leave(&server, &clients[2]);                                   /* it had no place: none is given back */
    server_join(&server, &clients[2], session(2), false);
    assert_int_equal(server_join_party(&server, &clients[2], "25LU"), -1);
    server_leave(&server, &clients[0]);
    assert_int_equal(server_join_party(&server, &clients[2], "25LU"), 0);
    for (int i = 1; i < 4; i++)
        server_leave(&server, &clients[i]);
    assert_true(LIST_EMPTY(&server.parties));
}

/* A reload may lower the limit below what there is. */
static void a_lower_limit_holds_for_who_comes(void **state)
{
    (void)state;
    struct config lower = config;
    struct server_client a, b, c;
    lower.limits_party = 1;
    server_join(&server, &a, session(0), false);
    server_join(&server, &b, session(1), false);
    server_join(&server, &c, session(2), false);
    assert_int_equal(server_join_party(&server, &a, "25LU"), 0);
    assert_int_equal(server_join_party(&server, &b, "25LU"), 0);
    server.config = &lower;
    server_leave(&server, &a);
    assert_int_equal(server_join_party(&server, &c, "25LU"), -1);
    server_leave(&server, &b);
    assert_int_equal(server_join_party(&server, &c, "25LU"), 0);
    server_leave(&server, &c);
    assert_true(LIST_EMPTY(&server.parties));
}

static void a_check_tells_all_that_is_wrong(void **state)
{
    (void)state;
    char why[4096] = "from before";
    const struct config wrong = {.tls_certificate = "/nowhere/a.pem",
                                 .tls_key = "/nowhere/a.key",
                                 .tls_ca = "/nowhere/ca.pem",
                                 .seal_keys = "/nowhere/seal.keys",
                                 .database_write = "host=registry.example",
                                 .database_read = "nonsense"};
    assert_int_equal(server_check(&wrong, why, sizeof why), -1);
    char *lines[8] = {0};
    size_t count = 0;
    assert_int_equal(why[strlen(why) - 1], '\n');
    for (char *line = strtok(why, "\n"); line && count < COUNT(lines); line = strtok(NULL, "\n"))
        lines[count++] = line;
    assert_int_equal(count, 4);
    assert_non_null(strstr(lines[0], "[tls] certificate: /nowhere/a.pem: "));
    assert_non_null(strstr(lines[1], "[seal] keys: /nowhere/seal.keys: "));
    assert_non_null(strstr(lines[2], "[database] write: host is a name"));
    assert_non_null(strstr(lines[3], "[database] read: "));
    char small[100];
    assert_int_equal(server_check(&wrong, small, sizeof small), -1);
    assert_true(strlen(small) < sizeof small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(connections_are_counted_and_numbered, begin),
        cmocka_unit_test_setup(a_party_has_its_limit, begin),
        cmocka_unit_test_setup(a_lower_limit_holds_for_who_comes, begin),
        cmocka_unit_test(a_check_tells_all_that_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
