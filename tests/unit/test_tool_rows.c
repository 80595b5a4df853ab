/* Rows as people see them: a table where it fits, else field by field. */
#include "tool_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct rows *gather(const char *const *lines, size_t count)
{
    struct rows *rows = rows_new();
    for (size_t i = 0; i < count; i++) {
        char line[512];
        struct answer answer;
        snprintf(line, sizeof line, "%s", lines[i]);
        assert_int_equal(answer_read(line, strlen(line), &answer), 0);
        rows_add(rows, &answer);
    }
    return rows;
}

static void expect(const struct rows *rows, int width, const char *wanted)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    rows_print(rows, out, width, false);
    fclose(out);
    assert_string_equal(text, wanted);
    free(text);
}

static const char *const lines[] = {"= session=S-1 seats=9 log=7",
                                    "= session=S-10 seats=120 place=\"'s-Hertogenb\xc3\xb3sch\" log=12"};

static void test_a_table_has_a_column_a_name_and_each_row_on_a_line(void **state)
{
    (void)state;
    struct rows *rows = gather(lines, 2);
    expect(rows, 0,
           "session  seats  place             log\n"
           "S-1          9                      7\n"
           "S-10       120  's-Hertogenb\xc3\xb3sch   12\n");
    rows_free(rows);
}

static void test_what_is_too_wide_is_shown_field_by_field_and_nothing_is_cut(void **state)
{
    (void)state;
    struct rows *rows = gather(lines, 2);
    expect(rows, 36,
           "session  S-1\nseats    9\nlog      7\n"
           "\n"
           "session  S-10\nseats    120\nplace    's-Hertogenb\xc3\xb3sch\nlog      12\n");
    expect(rows, 37,
           "session  seats  place             log\n"
           "S-1          9                      7\n"
           "S-10       120  's-Hertogenb\xc3\xb3sch   12\n");
    rows_free(rows);
}

static void test_a_break_in_a_text_keeps_the_row_on_its_line(void **state)
{
    (void)state;
    const char *const line = "= reason=\"a\\nb\\tc\" log=1";
    struct rows *rows = gather(&line, 1);
    expect(rows, 0, "reason   log\na\\nb\\tc    1\n");
    rows_clear(rows);
    assert_int_equal(rows_count(rows), 0);
    expect(rows, 0, "");
    rows_free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_table_has_a_column_a_name_and_each_row_on_a_line),
        cmocka_unit_test(test_what_is_too_wide_is_shown_field_by_field_and_nothing_is_cut),
        cmocka_unit_test(test_a_break_in_a_text_keeps_the_row_on_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
