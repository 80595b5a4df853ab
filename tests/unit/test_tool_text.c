/* The command's words: both languages say as much, the language is found, lines are taken apart. */
#include "tool_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto.h"
#include "tool_answer.h"
#include "tool_options.h"
#include "tool_words.h"

/* The next conversion of a form, its length in `len`; NULL when there is none. `%%` is none. */
static const char *conversion(const char **form, size_t *len)
{
    while ((*form = strchr(*form, '%'))) {
        const char *at = *form;
        *len = 1 + strcspn(at + 1, "diouxXcsfgp%") + 1;
        *form += *len;
        if (at[*len - 1] != '%')
            return at;
    }
    return NULL;
}

static void both_languages_take_the_same_values(void **state)
{
    (void)state;
    for (int id = 0; id < TEXT_COUNT; id++) {
        const char *nl = text_of(TEXT_NL, id), *en = text_of(TEXT_EN, id), *a, *b;
        size_t a_len = 0, b_len = 0;
        assert_true(*nl && *en);
        do {
            a = nl ? conversion(&nl, &a_len) : NULL;
            b = en ? conversion(&en, &b_len) : NULL;
            if (!a != !b || (a && (a_len != b_len || memcmp(a, b, a_len) != 0)))
                fail_msg("%s", text_of(TEXT_EN, id));
        } while (a);
    }
}

/* So that a word that is added does not stand in English in a Dutch table. */
static void each_word_that_a_table_shows_has_a_dutch_one(void **state)
{
    static const struct {
        const char *field, *type;
    } rows[] = {{"rung", "rung"}, {"kind", "institution-kind"}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *at = proto_type(slice_of(rows[i].type))->words;
        for (size_t len; *at; at += len + (at[len] == ',')) {
            len = strcspn(at, ",");
            struct slice word = {at, len}, nl = words_of(TEXT_NL, rows[i].field, word),
                         en = words_of(TEXT_EN, rows[i].field, word);
            if (!slice_is(word, "nuffic")) /* a name */
                assert_ptr_not_equal(nl.at, word.at);
            assert_true(en.len == len && memcmp(en.at, at, len) == 0);
        }
    }
    assert_true(slice_is(words_of(TEXT_NL, "state", SLICE("seated")), "geplaatst"));
    assert_true(slice_is(words_of(TEXT_NL, "name", SLICE("seated")), "seated"));
    assert_null(words_of(TEXT_NL, "state", (struct slice){NULL, 0}).at);
}

static void decimals_are_written_as_the_language_does(void **state)
{
    char out[TEXT_DECIMAL];
    (void)state;
    text_decimal(TEXT_NL, 77.46, out);
    assert_string_equal(out, "77,5");
    text_decimal(TEXT_EN, 77.46, out);
    assert_string_equal(out, "77.5");
}

static void the_language_of_the_environment(void **state)
{
    static const struct {
        const char *value;
        enum text_lang lang;
    } rows[] = {{"nl_NL.UTF-8", TEXT_NL}, {"en_GB.UTF-8", TEXT_EN}, {"nl", TEXT_NL},    {"C", TEXT_NL},
                {"C.UTF-8", TEXT_NL},     {"POSIX", TEXT_NL},       {"de_DE", TEXT_EN}, {"nlx", TEXT_EN}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(setenv("LC_ALL", rows[i].value, 1), 0);
        assert_int_equal(text_lang_here(), rows[i].lang);
    }
}

static void lines_of_the_daemon(void **state)
{
    char ok[] = "OK tag=1 state=seated", no[] = "NO closed text=\"de termijn \\\"x\\\"\"", row[] = "= count=3",
         greeting[] = "* buurtaal 1 log=7", bare[] = "NO", other[] = "HTTP/1.1 400";
    struct answer answer;
    (void)state;
    assert_int_equal(answer_read(ok, strlen(ok), &answer), 0);
    assert_true(answer.kind == ANSWER_OK && answer_is_status(&answer) &&
                slice_is(answer_field(&answer, "state"), "seated"));
    assert_int_equal(answer_read(no, strlen(no), &answer), 0);
    assert_true(answer.kind == ANSWER_NO && slice_is(answer.word, "closed") &&
                slice_is(answer_field(&answer, "text"), "de termijn \"x\"") && !answer_field(&answer, "field").at);
    assert_int_equal(answer_read(row, strlen(row), &answer), 0);
    assert_true(answer.kind == ANSWER_ROW && !answer_is_status(&answer));
    assert_int_equal(answer_read(greeting, strlen(greeting), &answer), 0);
    assert_true(answer.kind == ANSWER_NOTICE && slice_is(answer.word, "buurtaal"));
    assert_int_equal(answer_read(bare, strlen(bare), &answer), -1);
    assert_int_equal(answer_read(other, strlen(other), &answer), -1);
}

static void options_and_operands(void **state)
{
    const char *session = NULL;
    bool dry = false;
    const struct options_row rows[] = {{"session", &session, NULL, 0}, {"dry-run", NULL, &dry, 0}};
    const struct options_verb verb = {"submit", TEXT_HELP_SUBMIT, rows, COUNT(rows)};
    struct tool tool = {.lang = TEXT_NL, .profile = "default"};
    char *words[] = {(char[]){"file"},      (char[]){"--session=S-1"},
                     (char[]){"--dry-run"}, (char[]){"--lang"},
                     (char[]){"en"},        (char[]){"--"},
                     (char[]){"--x"}};
    char *unknown[] = {(char[]){"--dry"}}, *twice[] = {(char[]){"--session"}, (char[]){"S-2"}};
    int status;
    (void)state;
    assert_int_equal(options_read(&tool, &verb, COUNT(words), words, &status), 2);
    assert_string_equal(words[1], "--x");
    assert_string_equal(session, "S-1");
    assert_true(dry && tool.lang == TEXT_EN && tool.lang_given);
    assert_int_equal(options_read(&tool, &verb, 1, unknown, &status), -1);
    assert_int_equal(status, 64);
    assert_int_equal(options_read(&tool, &verb, 2, twice, &status), -1);
    assert_int_equal(status, 64);
}

static void operands_are_held_against_their_forms(void **state)
{
    static const struct {
        const char *forms, *words[4];
        bool good;
    } rows[] = {
        {"", {NULL}, true},
        {"", {"extra"}, false},
        {"FILE", {"a"}, true},
        {"FILE", {NULL}, false},
        {"FILE", {"a", "b"}, false},
        {"import FILE", {"import", "a"}, true},
        {"import FILE", {"import"}, false},
        {"import FILE", {"export", "a"}, false},
        {"import FILE", {NULL}, false},
        {"save FILE|verify [FILE] [FILE]", {"save", "a"}, true},
        {"save FILE|verify [FILE] [FILE]", {"save"}, false},
        {"save FILE|verify [FILE] [FILE]", {"verify"}, true},
        {"save FILE|verify [FILE] [FILE]", {"verify", "a", "b"}, true},
        {"save FILE|verify [FILE] [FILE]", {"verify", "a", "b", "c"}, false},
        {"save FILE|verify [FILE] [FILE]", {"sa", "a"}, false},
        {"save FILE|verify [FILE] [FILE]", {NULL}, false},
    };
    const struct options_verb verb = {"verb", TEXT_HELP, NULL, 0};
    struct tool tool = {.lang = TEXT_EN};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char words[4][16], *argv[4];
        int count = 0;
        for (; count < 4 && rows[i].words[count]; count++) {
            snprintf(words[count], sizeof words[count], "%s", rows[i].words[count]);
            argv[count] = words[count];
        }
        if ((options_operands(&tool, &verb, rows[i].forms, count, argv) == 0) != rows[i].good)
            fail_msg("row %zu: %s", i, rows[i].forms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_languages_take_the_same_values),
        cmocka_unit_test(each_word_that_a_table_shows_has_a_dutch_one),
        cmocka_unit_test(decimals_are_written_as_the_language_does),
        cmocka_unit_test(the_language_of_the_environment),
        cmocka_unit_test(lines_of_the_daemon),
        cmocka_unit_test(options_and_operands),
        cmocka_unit_test(operands_are_held_against_their_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
