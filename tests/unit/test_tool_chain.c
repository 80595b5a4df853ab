/* The chain of the log against the examples of PROTOCOL.md, and each way in which it can be broken. */
#include "tool_chain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define C3B "3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b"
#define C3C "3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c"
#define ROW1                                                                                                           \
    "= log=1 time=2027-04-02T08:11:12.500000Z party=OCW certificate=" C3B                                              \
    " origin=192.0.2.7:51234 verb=target fields=\"year=2027 language=de rung=seated count=5000\" outcome=OK"
#define ROW2                                                                                                           \
    "= log=2 time=2027-04-02T08:11:13.000000Z party=DIB certificate=" C3C                                              \
    " origin=192.0.2.8:40000 verb=cancel fields=\"session=ENS reason=\\\"Zaal dicht\\\"\" outcome=\"NO not-found\""
#define ROW3                                                                                                           \
    "= log=3 time=2027-04-02T08:11:13.000000Z party=DIB certificate=" C3C                                              \
    " origin=192.0.2.8:40000 verb=cancel fields=\"session=GRN reason=ziek\" outcome=OK"
#define HASH1 "4b076f5e7d09dfbce0efd6557f07df904f1c82fc1bc5c63249568c9d473adc73"
#define HEAD1 "= log=1 head=" HASH1
#define HEAD3 "= log=3 head=cd4ec463d3d617650512b0f745fd7e178f877a05b2f7171016c9a29817ea64c5"

/* Takes the lines up to the first that is not fine, else the end. */
static enum chain_verdict follow(const char *const *lines, struct chain *chain)
{
    enum chain_verdict verdict = CHAIN_FINE;
    chain_begin(chain);
    for (; *lines && verdict == CHAIN_FINE; lines++) {
        char line[1024];
        struct answer row;
        snprintf(line, sizeof line, "%s", *lines);
        assert_int_equal(answer_read(line, strlen(line), &row), 0);
        verdict = chain_take(chain, &row);
    }
    if (verdict == CHAIN_FINE)
        verdict = chain_finish(chain);
    chain_end(chain);
    return verdict;
}

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_the_examples_of_the_protocol_hold(void **state)
{
    (void)state;
    struct chain chain;
    assert_int_equal(follow(LINES(ROW1, HEAD1, ROW2, ROW3, HEAD3), &chain), CHAIN_FINE);
    assert_int_equal(chain.log, 3);
    assert_int_equal(chain.heads, 2);
    assert_string_equal(chain.head, "cd4ec463d3d617650512b0f745fd7e178f877a05b2f7171016c9a29817ea64c5");
}

static void test_each_break_is_named_with_its_rows(void **state)
{
    (void)state;
    static const char *const changed = "= log=1 time=2027-04-02T08:11:12.500000Z party=OCW outcome=OK";
    const struct {
        const char *const *lines;
        enum chain_verdict verdict;
        unsigned first, last;
    } cases[] = {
        {LINES(changed, HEAD1), CHAIN_CHANGED, 1, 1},
        {LINES(ROW1, HEAD1, ROW2, ROW3, "= log=3 head=" C3B), CHAIN_CHANGED, 2, 3},
        {LINES(ROW1, HEAD1, ROW3), CHAIN_GAP, 2, 2},
        {LINES(ROW1, HEAD1, HEAD3), CHAIN_GAP, 2, 3},
        {LINES(ROW1, HEAD1, ROW1), CHAIN_BACK, 1, 1},
        {LINES(ROW1, HEAD1, HEAD1), CHAIN_PLACE, 1, 1},
        {LINES(ROW1, HEAD1, ROW2, HEAD1), CHAIN_PLACE, 1, 1},
        {LINES(ROW1, HEAD1, ROW2, ROW3), CHAIN_BARE, 2, 3},
        {LINES(ROW1, HEAD1, "= log=0 party=X"), CHAIN_FORM, 2, 2},
        {LINES(ROW1, HEAD1, "= log=2x party=X"), CHAIN_FORM, 2, 2},
        {LINES(ROW1, HEAD1, "= log=10000000000000002 party=X"), CHAIN_FORM, 2, 2},
        {LINES(ROW1, HEAD1, "OK log=2 party=X"), CHAIN_FORM, 2, 2},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct chain chain;
        assert_int_equal(follow(cases[i].lines, &chain), cases[i].verdict);
        assert_int_equal(chain.first, cases[i].first);
        assert_int_equal(chain.last, cases[i].last);
    }
}

/* What no head is over cannot stand there and be called right. */
static void test_a_line_holds_what_its_head_is_over_and_no_more(void **state)
{
    (void)state;
    const char *const rows[] = {ROW1 " outcome=\"NO full\"", ROW1 " party=DIB", ROW1 " note=x", ROW1 " word"};
    const char *const heads[] = {HEAD1 " head=" C3B, HEAD1 " log=2", HEAD1 " party=X", "= log=01 head=" HASH1,
                                 "= word log=1 head=" HASH1};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct chain chain;
        assert_int_equal(follow(LINES(rows[i], HEAD1), &chain), CHAIN_FORM);
        assert_int_equal(chain.first, 1);
    }
    for (size_t i = 0; i < COUNT(heads); i++) {
        struct chain chain;
        assert_int_equal(follow(LINES(ROW1, heads[i]), &chain), CHAIN_FORM);
    }
}

static void test_every_field_is_under_the_head(void **state)
{
    (void)state;
    for (size_t at = strlen("= log=1 "); at < strlen(ROW1); at++) {
        char line[] = ROW1;
        struct chain chain;
        const char *const lines[] = {line, HEAD1, NULL};
        if ((line[at - 1] != '=' && line[at - 1] != '"') || line[at] == '"' || line[at] == ' ')
            continue;
        line[at] = line[at] == '1' ? '2' : '1'; /* the first character of a value */
        assert_int_equal(follow(lines, &chain), CHAIN_CHANGED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_examples_of_the_protocol_hold),
        cmocka_unit_test(test_each_break_is_named_with_its_rows),
        cmocka_unit_test(test_a_line_holds_what_its_head_is_over_and_no_more),
        cmocka_unit_test(test_every_field_is_under_the_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
