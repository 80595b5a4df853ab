/* Connection strings and the arrays that travel over the connection: what would block is refused, what a long-lived
 * connection needs is added, and the bytes of an array are PostgreSQL's. */
#include "conninfo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "array.h"

/* The value that libpq would use: the later of two. */
static const char *setting(const struct conninfo *conninfo, const char *keyword)
{
    const char *found = NULL;
    for (size_t i = 0; conninfo->keywords[i]; i++)
        if (strcmp(conninfo->keywords[i], keyword) == 0)
            found = conninfo->values[i];
    return found;
}

static void settings_are_added_unless_given(void **state)
{
    struct conninfo conninfo;
    char why[256] = "";
    (void)state;
    assert_int_equal(
        conninfo_read(&conninfo, "host=/run/pg dbname=buurtaal keepalives_idle=99", false, why, sizeof why), 0);
    assert_string_equal(setting(&conninfo, "host"), "/run/pg");
    assert_string_equal(setting(&conninfo, "keepalives_idle"), "99");
    assert_string_equal(setting(&conninfo, "tcp_user_timeout"), "8000");
    assert_int_equal(conninfo.hosts, 1);
    assert_null(setting(&conninfo, "target_session_attrs"));
    conninfo_free(&conninfo);
    assert_int_equal(conninfo_read(&conninfo, "postgresql://u@[::1]:5433,127.0.0.1/db", true, why, sizeof why), 0);
    assert_string_equal(setting(&conninfo, "target_session_attrs"), "read-write");
    assert_int_equal(conninfo.hosts, 2);
    conninfo_free(&conninfo);
}

static void what_would_block_or_is_wrong_is_refused(void **state)
{
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"host=localhost dbname=x", "looked up"}, {"host=/run/pg,db.example", "looked up"},
        {"host=127.0.0.1,::1x", "looked up"},     {"postgresql://db.example/x", "looked up"},
        {"host=/run/pg hots=1", "hots"},          {"host='/run", "unterminated"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct conninfo conninfo;
        char why[256] = "";
        assert_int_equal(conninfo_read(&conninfo, cases[i].text, true, why, sizeof why), -1);
        if (!strstr(why, cases[i].reason) || strchr(why, '\n'))
            fail_msg("%s: %s", cases[i].text, why);
        conninfo_free(&conninfo);
    }
    struct conninfo conninfo;
    char why[256] = "";
    assert_int_equal(conninfo_read(&conninfo, "host=db.example hostaddr=192.0.2.1", true, why, sizeof why), 0);
    conninfo_free(&conninfo);
}

static void arrays_have_the_bytes_of_postgresql(void **state)
{
    static const char wanted[] =
        "\0\0\0\1\0\0\0\1\0\0\0\x19\0\0\0\3\0\0\0\1" /* as `select array['ab', null, '']` sends it */
        "\0\0\0\2ab\xff\xff\xff\xff\0\0\0\0";
    struct array_buffer buffer = {0};
    (void)state;
    for (int turn = 0; turn < 2; turn++) {
        array_clear(&buffer);
        array_begin(&buffer, 3, false);
        array_put(&buffer, SLICE("ab"));
        array_put(&buffer, (struct slice){0});
        array_put(&buffer, SLICE(""));
        assert_false(buffer.broken);
        assert_int_equal(buffer.len, sizeof wanted - 1);
        assert_memory_equal(buffer.bytes, wanted, sizeof wanted - 1);
    }
    array_clear(&buffer);
    array_begin(&buffer, 5000, true);
    for (int i = 0; i < 5000; i++)
        array_put(&buffer, SLICE("0123456789"));
    assert_int_equal(buffer.len, 20 + 5000 * 14);
    assert_int_equal(buffer.bytes[11], 17);
    array_free(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_added_unless_given),
        cmocka_unit_test(what_would_block_or_is_wrong_is_refused),
        cmocka_unit_test(arrays_have_the_bytes_of_postgresql),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
