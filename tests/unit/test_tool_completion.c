/* Completing a line from rows of `help`. */
#include "tool_completion.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tool_history.h"

static void learn(struct completion *completion, const char *verb, const char *text)
{
    char line[256];
    struct answer row;
    snprintf(line, sizeof line, "%s", text);
    assert_int_equal(answer_read(line, strlen(line), &row), 0);
    if (verb)
        completion_field(completion, slice_of(verb), &row);
    else
        completion_verb(completion, &row);
}

static struct completion *school(void)
{
    static const char *const verbs[] = {"= verb=help kind=builtin", "= verb=move kind=write",
                                        "= verb=progress kind=read", "= verb=register kind=write help=\"a seat\"",
                                        "= verb=registrations kind=list"};
    static const char *const fields[] = {"= verb=progress kind=read", "= field=year type=year max=2199",
                                         "= field=rung type=rung words=registered,seated,sat,passed,certified",
                                         "= field=by type=cell words=month,institution",
                                         "= field=check type=yesno max=3"};
    struct completion *completion = completion_new();
    for (size_t i = 0; i < COUNT(verbs); i++)
        learn(completion, NULL, verbs[i]);
    for (size_t i = 0; i < COUNT(fields); i++)
        learn(completion, "progress", fields[i]);
    learn(completion, "help", "= field=verb type=word max=32");
    return completion;
}

/* What is offered at the end of a line, separated by `|`. */
static void expect(const struct completion *completion, const char *line, const char *wanted, const char *tail)
{
    struct completion_found found;
    char text[256] = "";
    completion_find(completion, slice_of(line), &found);
    for (size_t i = 0; i < found.count; i++) {
        size_t len = strlen(text);
        snprintf(text + len, sizeof text - len, "%s%s", i > 0 ? "|" : "", found.words[i].word);
        assert_true(found.typed <= strlen(line));
        assert_memory_equal(found.words[i].word, line + strlen(line) - found.typed, found.typed);
    }
    assert_string_equal(text, wanted);
    if (tail)
        assert_string_equal(found.tail, tail);
}

static void test_verbs_fields_and_words(void **state)
{
    (void)state;
    struct completion *completion = school();
    expect(completion, "re", "register|registrations", " ");
    expect(completion, "", "help|move|progress|register|registrations", " ");
    expect(completion, "progress ", "year=|rung=|by=|check=", "");
    expect(completion, "progress r", "rung=", "");
    expect(completion, "progress rung=se", "seated", " ");
    expect(completion, "progress rung=s", "seated|sat", " ");
    expect(completion, "progress rung=seated ", "year=|by=|check=", "");
    expect(completion, "progress check=", "yes|no", " ");
    expect(completion, "help verb=mo", "move", " ");
    completion_free(completion);
}

static void test_nothing_is_guessed(void **state)
{
    (void)state;
    struct completion *completion = school();
    static const char *const lines[] = {
        "x",         "unknown ",         "progress year=", "progress \"", "progress by=\"mo",
        "register ", "progress rungs=s", "progress rung=x"};
    for (size_t i = 0; i < COUNT(lines); i++)
        expect(completion, lines[i], "", NULL);
    completion_free(completion);
}

static void test_what_is_alike_is_filled_in(void **state)
{
    (void)state;
    struct completion *completion = school();
    struct completion_found found;
    completion_find(completion, SLICE("re"), &found);
    assert_int_equal(completion_common(&found), strlen("regist"));
    completion_find(completion, SLICE("x"), &found);
    assert_int_equal(completion_common(&found), 0);
    completion_free(completion);
}

static void test_fields_are_asked_for_once_a_verb(void **state)
{
    (void)state;
    struct completion *completion = school();
    assert_true(slice_is(completion_wants(completion, SLICE("register s")), "register"));
    assert_null(completion_wants(completion, SLICE("regist")).at);
    assert_null(completion_wants(completion, SLICE("progress y")).at);
    assert_null(completion_wants(completion, SLICE("unknown y")).at);
    completion_field(completion, SLICE("register"), NULL);
    assert_null(completion_wants(completion, SLICE("register s")).at);
    completion_free(completion);
}

static void test_a_line_with_personal_data_is_not_kept(void **state)
{
    (void)state;
    static const char *const kept[] = {"whoami", "progress year=2027 by=month tag=x", "sessions session=S limit=3",
                                       "cancel session=S reason=\"De zaal is dicht\" check=yes seen=3"},
                             *const not_kept[] = {"registrations student=123",
                                                  "register session=S student=1 name=\"A B\" born=2008",
                                                  "register session=S nmae=\"Bakker, Bo\"",
                                                  "progres year=2027",
                                                  "withdraw session=S  student=1",
                                                  "erase student=1",
                                                  "Bakker, Bo",
                                                  "move name=\"",
                                                  "register session=S needs=-",
                                                  ""};
    for (size_t i = 0; i < COUNT(kept); i++)
        assert_true(history_may_keep(kept[i]));
    for (size_t i = 0; i < COUNT(not_kept); i++)
        assert_false(history_may_keep(not_kept[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verbs_fields_and_words),
        cmocka_unit_test(test_nothing_is_guessed),
        cmocka_unit_test(test_what_is_alike_is_filled_in),
        cmocka_unit_test(test_fields_are_asked_for_once_a_verb),
        cmocka_unit_test(test_a_line_with_personal_data_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
