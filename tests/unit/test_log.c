/* The log: one call is one line whatever it holds, a value from outside can forge neither a line nor a field, and what
 * is too long is cut. */
#define _GNU_SOURCE /* memmem */
#include "log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

static char text[8192];
static int standard_error, reading;

/* What is written to stderr from now on goes into a pipe. */
static void capture(void)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    standard_error = dup(STDERR_FILENO);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
    reading = ends[0];
}

static const char *captured(void)
{
    assert_int_equal(dup2(standard_error, STDERR_FILENO), STDERR_FILENO);
    close(standard_error);
    size_t len = 0;
    for (ssize_t n; (n = read(reading, text + len, sizeof text - 1 - len)) > 0; len += (size_t)n)
        ;
    text[len] = '\0';
    close(reading);
    return text;
}

static void assert_quoted(const char *value, const char *quoted)
{
    char out[256];
    assert_string_equal(log_quote(out, sizeof out, value), quoted);
}

static void values_are_quoted_where_they_must_be(void **state)
{
    (void)state;
    assert_quoted("25LU", "25LU");
    assert_quoted("127.0.0.1:51234", "127.0.0.1:51234");
    assert_quoted("", "\"\"");
    assert_quoted("a b", "\"a b\"");
    assert_quoted("a=b", "\"a=b\"");
    assert_quoted("say \"x\" \\", "\"say \\\"x\\\" \\\\\"");
    assert_quoted("a\nevent=forged\tb", "\"a\\nevent=forged\\tb\"");
    assert_quoted("\r\x1b[31m\x7f", "\"\\x0d\\x1b[31m\\x7f\"");
    assert_quoted("caf\xc3\xa9", "\"caf\\xc3\\xa9\"");
}

/* In every room the value is cut so that it is well-formed: quotes closed, no escape halved. */
static void a_value_is_cut_where_its_room_ends(void **state)
{
    (void)state;
    const char *value = "ab\n\x01\"\\ cd", *whole = "\"ab\\n\\x01\\\"\\\\ cd\"";
    for (size_t room = 0; room <= strlen(whole) + 2; room++) {
        char out[64];
        memset(out, '#', sizeof out);
        log_quote(out, room, value);
        assert_int_equal(out[room], '#');
        if (room == 0)
            continue;
        size_t len = strlen(out);
        assert_true(len < room);
        if (room < 3) {
            assert_int_equal(len, 0);
            continue;
        }
        assert_int_equal(out[0], '"');
        assert_int_equal(out[len - 1], '"');
        for (size_t i = 1; i < len - 1; i += out[i] == '\\' ? (out[i + 1] == 'x' ? 4 : 2) : 1)
            assert_true(i < len - 1 && memcmp(out + i, whole + i, 1) == 0);
        assert_memory_equal(out, whole, len - 1);
        if (room > strlen(whole))
            assert_string_equal(out, whole);
    }
}

static void a_bare_value_that_does_not_fit_is_cut_too(void **state)
{
    (void)state;
    char out[6];
    assert_string_equal(log_quote(out, sizeof out, "abcde"), "abcde");
    assert_string_equal(log_quote(out, sizeof out, "abcdef"), "\"abc\"");
}

static void a_line_has_priority_time_and_event(void **state)
{
    (void)state;
    int year, month, day, hour, minute, second, ms, end = 0;
    unsetenv("JOURNAL_STREAM");
    capture();
    errno = EDOM;
    log_event(LOG_LEVEL_WARNING, "accept", "party=%s n=%d", "25LU", 3);
    assert_int_equal(errno, EDOM);
    const char *line = captured();
    assert_int_equal(sscanf(line, "<4>time=%4d-%2d-%2dT%2d:%2d:%2d.%3dZ %n", &year, &month, &day, &hour, &minute,
                            &second, &ms, &end),
                     7);
    assert_string_equal(line + end, "event=accept party=25LU n=3\n");
}

static void the_journal_notes_the_time_itself(void **state)
{
    (void)state;
    struct stat info;
    char stream[64];
    capture();
    assert_int_equal(fstat(STDERR_FILENO, &info), 0);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)info.st_dev, (unsigned long long)info.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_event(LOG_LEVEL_INFO, "ready", "%s", "a=1");
    setenv("JOURNAL_STREAM", "1:1", 1); /* inherited, and about another file */
    log_event(LOG_LEVEL_INFO, "ready", "%s", "a=1");
    unsetenv("JOURNAL_STREAM");
    const char *lines = captured();
    assert_memory_equal(lines, "<6>event=ready a=1\n<6>time=", 27);
}

static void what_is_less_urgent_than_the_level_is_left_out(void **state)
{
    (void)state;
    capture();
    log_event(LOG_LEVEL_DEBUG, "one", "a=1");
    log_level(LOG_LEVEL_DEBUG);
    log_event(LOG_LEVEL_DEBUG, "two", "a=1");
    log_level(LOG_LEVEL_ERROR);
    log_event(LOG_LEVEL_WARNING, "three", "a=1");
    log_event(LOG_LEVEL_ERROR, "four", "a=1");
    log_level(LOG_LEVEL_INFO);
    const char *lines = captured();
    assert_null(strstr(lines, "one"));
    assert_non_null(strstr(lines, "<7>"));
    assert_null(strstr(lines, "three"));
    assert_non_null(strstr(lines, "event=four"));
}

static void a_line_is_one_line_and_is_cut(void **state)
{
    (void)state;
    static char longer[3000];
    memset(longer, 'x', sizeof longer - 1);
    capture();
    log_event(LOG_LEVEL_INFO, "a", "v=%s", "forged\n<3>event=b\r\x7f");
    log_event(LOG_LEVEL_INFO, "c", "v=%s", longer);
    const char *lines = captured();
    const char *second = strchr(lines, '\n') + 1;
    assert_non_null(memmem(lines, (size_t)(second - lines), "v=forged?<3>event=b??\n", 22));
    size_t len = strlen(second);
    assert_in_range(len, 2040, 2048);
    assert_string_equal(second + len - 6, "xx...\n");
    assert_ptr_equal(strchr(second, '\n'), second + len - 1);
}

static void the_end_has_its_reason_and_status(void **state)
{
    (void)state;
    int status;
    capture();
    pid_t child = fork();
    if (child == 0)
        log_fatal("start", "reason=%s", "memory");
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_non_null(strstr(captured(), "event=start reason=memory\n"));
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EX_SOFTWARE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_quoted_where_they_must_be),
        cmocka_unit_test(a_value_is_cut_where_its_room_ends),
        cmocka_unit_test(a_bare_value_that_does_not_fit_is_cut_too),
        cmocka_unit_test(a_line_has_priority_time_and_event),
        cmocka_unit_test(the_journal_notes_the_time_itself),
        cmocka_unit_test(what_is_less_urgent_than_the_level_is_left_out),
        cmocka_unit_test(a_line_is_one_line_and_is_cut),
        cmocka_unit_test(the_end_has_its_reason_and_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
