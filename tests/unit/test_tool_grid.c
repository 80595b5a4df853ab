/* Tables: what stands below what, what is cut, what is left out, and what happens when a later page is wider. */
#include "tool_grid.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto.h"
#include "tool_list.h"

static const struct grid_column columns[] = {{"code", "Code", GRID_CODE},
                                             {"place", "Plaats", GRID_TEXT},
                                             {"free", "Vrij", GRID_NUMBER},
                                             {"state", "Status", GRID_CODE}};

#define NONE                                                                                                           \
    {                                                                                                                  \
        NULL, 0                                                                                                        \
    }

static void expect(struct grid *grid, struct slice *const rows[], size_t count, const char *wanted)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    grid_print(grid, out, columns, rows, count);
    fclose(out);
    assert_string_equal(text, wanted);
    free(text);
}

static void columns_stand_below_their_headings_and_empty_ones_are_left_out(void **state)
{
    struct slice a[] = {SLICE("A"), SLICE("漢字 é e\u0301"), SLICE("7"), NONE},
                 b[] = {SLICE("B-22"), SLICE("Ede"), SLICE("120"), NONE},
                 c[] = {SLICE("C"), SLICE("x\ny\tz"), NONE, NONE};
    struct slice *const rows[] = {a, b, c};
    struct grid grid = {.shown = {0, 2, 1, 3}, .shown_count = 4};
    (void)state;
    expect(&grid, rows, 3,
           "Code  Vrij  Plaats\n"
           "A        7  漢字 é e\u0301\n"
           "B-22   120  Ede\n"
           "C           x\\ny\\tz\n");
    assert_false(grid.left_out);
}

static void texts_are_cut_then_columns_left_out_but_no_code(void **state)
{
    struct slice a[] = {SLICE("2027-05-DIB"), SLICE("漢字漢字漢字漢字漢字"), SLICE("7"), SLICE("scheduled")};
    struct slice *const rows[] = {a};
    static const struct {
        size_t room;
        const char *wanted;
        bool left_out;
    } widths[] = {
        {50, "Code         Plaats                Vrij  Status\n2027-05-DIB  漢字漢字漢字漢字漢字     7  scheduled\n",
         false},
        {49, "Code         Plaats               Vrij  Status\n2027-05-DIB  漢字漢字漢字漢字漢…     7  scheduled\n",
         false},
        {48, "Code         Plaats              Vrij  Status\n2027-05-DIB  漢字漢字漢字漢字…      7  scheduled\n",
         false},
        {45, "Code         Plaats                Vrij\n2027-05-DIB  漢字漢字漢字漢字漢字     7\n", true},
        {13, "Code\n2027-05-DIB\n", true},
        {1, "Code\n2027-05-DIB\n", true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(widths); i++) {
        struct grid grid = {.room = widths[i].room, .shown = {0, 1, 2, 3}, .shown_count = 4};
        expect(&grid, rows, 1, widths[i].wanted);
        assert_int_equal(grid.left_out, widths[i].left_out);
        assert_int_equal(grid_width(&grid, columns, rows, 1), 50);
    }
}

static void a_later_page_that_is_wider_gets_its_headings(void **state)
{
    struct slice a[] = {SLICE("A"), NONE, NONE, NONE}, b[] = {SLICE("B-22222"), NONE, SLICE("1"), NONE};
    struct slice *const first[] = {a}, *const second[] = {b};
    struct grid grid = {.shown = {0, 1, 2, 3}, .shown_count = 4};
    (void)state;
    expect(&grid, first, 1, "Code\nA\n");
    expect(&grid, first, 1, "A\n");
    expect(&grid, second, 1, "Code     Vrij\nB-22222     1\n");
    expect(&grid, first, 1, "A\n");
    expect(&grid, first, 0, "");
}

static size_t words_in(const char *text)
{
    size_t words = *text != '\0';
    for (; *text; text++)
        words += *text == ' ';
    return words;
}

static void every_field_of_a_list_has_a_column(void **state)
{
    struct grid_column found[GRID_COLUMNS];
    size_t lists = 0;
    (void)state;
    for (size_t i = 0; i < proto_command_count; i++) {
        const struct proto_command *command = &proto_commands[i];
        if (!list_is(command->verb))
            continue;
        lists++;
        assert_int_equal(command->kind, KIND_LIST);
        assert_int_equal(list_columns(command->verb, TEXT_NL, found), words_in(command->replies));
    }
    assert_int_equal(lists, 6);
    assert_null(list_name(lists));
    assert_int_equal(list_columns("progress", TEXT_NL, found), words_in(proto_command(SLICE("progress"))->replies));
    assert_int_equal(list_columns("none", TEXT_NL, found), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_stand_below_their_headings_and_empty_ones_are_left_out),
        cmocka_unit_test(texts_are_cut_then_columns_left_out_but_no_code),
        cmocka_unit_test(a_later_page_that_is_wider_gets_its_headings),
        cmocka_unit_test(every_field_of_a_list_has_a_column),
    };
    assert_non_null(setlocale(LC_CTYPE, "C.UTF-8")); /* as main() does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
